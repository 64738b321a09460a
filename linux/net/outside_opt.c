/* SPDX-License-Identifier: MIT */
/*
 * linux/net/outside_opt.c - options that a socket has in the host.
 *
 * The library OS checks and keeps an option as for every socket (inet_opt.c, sockopt.c); where the host has it too it is told, or, as
 * long as there is no stream, remembered for the one to come.
 */
#include "linux/net/outside.h"
#include "rt/fmt.h"
#include "rt/mem.h"

static const struct host_option {
	int level, number;
	uint32_t size;
	char may[3];
	char name[16];
} options[DK_SO_COUNT] = {
#define X(name, level, number, size, may) [DK_SO_##name] = { level, number, size, may, #name },
	DK_SOCKET_OPTIONS(X)
#undef X
};

static int find(int level, int name)
{
	for (int i = 0; i < DK_SO_COUNT; i++)
		if (options[i].level == level && options[i].number == name)
			return i;
	return -1;
}

static bool settable(int i)
{
	return i >= 0 && options[i].size == 4 && options[i].may[1] == 'w';
}

void outside_set_option(struct sock *s, int level, int name, struct gva value, int len)
{
	int i = find(level, name), n = 0;
	struct outside_sock *o;
	dk_handle stream = s->host;

	if (!settable(i) || (o = outside_sock(s)) == NULL || copy_in(&n, value, MIN((uint64_t)len, sizeof n)) != 0)
		return;
	lock_take(&s->lock);
	o->set |= 1ull << i;
	o->value[i] = n;
	lock_drop(&s->lock);
	if (stream != DK_NO_HANDLE)
		(void)DkStreamAttributesSet(stream, NULL, DK_ATTR_OPTION(i), &n, sizeof n);
	for (uint32_t k = 0; k < o->nlisten; k++)
		(void)DkStreamAttributesSet(o->listen[k], NULL, DK_ATTR_OPTION(i), &n, sizeof n);
}

/* The others are as they were set, or usual. */
static bool host_knows(int i)
{
	return i == DK_SO_INFO || i == DK_SO_MAXSEG || i == DK_SO_MTU || i == DK_SO_MTU6 || i == DK_SO_SNDBUF || i == DK_SO_RCVBUF || i == DK_SO_CONGESTION ||
		i == DK_SO_WINDOW_CLAMP || i == DK_SO_INCOMING_CPU;
}

/* SO_ERROR: what the host has, unless there is one already. */
static void take_host_error(struct sock *s)
{
	uint32_t status = DK_OK;
	uint64_t done;
	long err;

	if (s->error != 0 || DkStreamAttributesQueryByHandle(s->host, DK_ATTR_SOCKET_ERROR, &status, sizeof status, &done) != DK_OK || status == DK_OK)
		return;
	err = lx_err((enum dk_status)status);
	lock_take(&s->lock);
	s->error = (int)-err;
	lock_drop(&s->lock);
}

bool outside_getopt(struct sock *s, int level, int name, struct gva value, struct gva len, long *err)
{
	uint8_t data[DK_SOCKET_OPTION_SIZE];
	uint64_t done;
	int i = find(level, name), room;

	if (level == SOL_SOCKET && name == SO_ERROR)
		take_host_error(s);
	if (i < 0 || !host_knows(i) || copy_in(&room, len, sizeof room) != 0 || room < 0 ||
		DkStreamAttributesQueryByHandle(s->host, DK_ATTR_OPTION(i), data, sizeof data, &done) != DK_OK)
		return false;
	*err = sockopt_out(value, len, room, data, (int)done);
	return true;
}

void outside_options_text(const struct sock *s, char *out, size_t size)
{
	const struct outside_sock *o = s->inet->outside;
	size_t used = 0;

	out[0] = '\0';
	for (uint32_t i = 0; o != NULL && i < DK_SO_COUNT; i++) {
		char name[sizeof options[i].name];

		if (!(o->set & 1ull << i) || o->value[i] < 0)
			continue;
		for (uint32_t k = 0; k < sizeof name; k++)
			name[k] = (char)(options[i].name[k] >= 'A' && options[i].name[k] <= 'Z' ? options[i].name[k] + 32 : options[i].name[k]);
		if (used + sizeof name + 16 > size)
			return;
		used += (size_t)fmt_snprintf(out + used, size - used, "&%s=%d", name, o->value[i]);
	}
}

uint64_t outside_number(struct sock *s, uint32_t class)
{
	uint64_t n = 0, done;

	return DkStreamAttributesQueryByHandle(s->host, class, &n, sizeof n, &done) == DK_OK ? n : 0;
}
