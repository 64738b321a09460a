/* SPDX-License-Identifier: MIT */
/*
 * nt/net/resolve.c - asking a name server (RFC 1035, 3596), for ws2_32.dll's Unix side.
 *
 * Where a network was granted, that is the library OS's own (linux/net/resolver.c) at 127.0.0.53, which /etc/resolv.conf names; else most
 * likely nobody, which the connected socket hears at once.  Both questions, for IPv4 and IPv6, go out together.  What comes back is
 * read with care: it may be another program's of the sandbox.
 */
#include "nt/net/resolve.h"
#include "nt/os/file.h"
#include "nt/os/sock.h"
#include "nt/os/sysinfo.h"
#include "pico/arena.h"
#include "pico/pico.h"
#include "rt/mem.h"

#define HEADER      12u
#define NAME_MOST   255u
#define MESSAGE     1232u
#define TYPE_A      1u
#define TYPE_AAAA   28u
#define ATTEMPTS       3u
#define TRY_NS      5000000000ull

struct message {
	uint32_t size;
	uint8_t b[MESSAGE];
};

/* What has been heard of one name. */
struct lookup {
	struct file *socket;
	struct inet_addr *out;
	uint32_t room, found, answered; /* answered: bit 0 A, bit 1 AAAA */
	uint16_t id;              /* of A's question; AAAA's is the next */
};

/* ---- The server ---- */

static const char *line_of(const char *text, const char *end, const char *key)
{
	size_t n = strlen(key);

	for (const char *at = text; at < end;) {
		if ((size_t)(end - at) > n && memcmp(at, key, n) == 0 && (at[n] == ' ' || at[n] == '\t'))
			return at + n;
		while (at < end && *at++ != '\n')
			continue;
	}
	return NULL;
}

bool net_name_server(struct os_sockaddr *to, uint32_t *size)
{
	char word[64];
	struct inet_addr a;
	uint32_t length, n = 0;
	char *text = os_read_file("/etc/resolv.conf", 1u << 16, &length);
	const char *end = text + (text != NULL ? length : 0), *at = text != NULL ? line_of(text, end, "nameserver") : NULL;

	while (at != NULL && at < end && (*at == ' ' || *at == '\t'))
		at++;
	while (at != NULL && at < end && (uint8_t)*at > ' ' && n < sizeof word - 1)
		word[n++] = *at++;
	word[n] = '\0';
	heap_free(text);
	if (!inet_parse(word, &a))
		return false;
	*size = inet_sockaddr(to, &a, 53);
	return true;
}

static bool open_socket(struct lookup *l)
{
	struct os_sockaddr to;
	uint32_t size, type = OS_SOCK_DGRAM, protocol = 0;
	NTSTATUS status;

	if (!net_name_server(&to, &size) || os_sock_make(to.family, &type, &protocol, &l->socket) != STATUS_SUCCESS)
		return false;
	status = os_sock_connect(l->socket, &to, size);
	if (status == STATUS_SUCCESS)
		return true;
	os_file_put(l->socket);
	return false;
}

/* ---- Messages ---- */

static void put16(struct message *m, uint32_t value)
{
	m->b[m->size++] = (uint8_t)(value >> 8);
	m->b[m->size++] = (uint8_t)value;
}

/* A question; false: name is none that can be asked for. */
static bool question(struct message *m, uint16_t id, const char *name, uint32_t type)
{
	uint32_t label = HEADER, length = (uint32_t)strlen(name);

	if (length == 0 || length > NAME_MOST - 2)
		return false;
	m->size = 0;
	put16(m, id);
	put16(m, 0x0100); /* recursion desired */
	put16(m, 1);
	put16(m, 0);
	put16(m, 0);
	put16(m, 0);
	m->b[m->size++] = 0;
	for (const char *s = name; *s != '\0'; s++) {
		if (*s != '.') {
			m->b[m->size++] = (uint8_t)*s;
			if (++m->b[label] > 63)
				return false;
		} else if (m->b[label] == 0) {
			return false;
		} else if (s[1] != '\0') {
			label = m->size;
			m->b[m->size++] = 0;
		}
	}
	m->b[m->size++] = 0;
	put16(m, type);
	put16(m, 1);
	return true;
}

static uint32_t get16(const struct message *m, uint32_t at)
{
	return at + 2 <= m->size ? (uint32_t)m->b[at] << 8 | m->b[at + 1] : 0;
}

/* Behind the name at `at`; m->size if it is cut off. */
static uint32_t skip_name(const struct message *m, uint32_t at)
{
	while (at < m->size && m->b[at] != 0) {
		if (m->b[at] >= 0xc0) /* goes on elsewhere */
			return MIN(at + 2, m->size);
		at += m->b[at] + 1u;
	}
	return MIN(at + 1, m->size);
}

static void records(struct lookup *l, const struct message *m, uint32_t type)
{
	uint32_t at = HEADER, size = type == TYPE_A ? 4 : 16;

	for (uint32_t i = get16(m, 4); i > 0 && at < m->size; i--)
		at = skip_name(m, at) + 4;
	for (uint32_t i = get16(m, 6); i > 0 && at < m->size && l->found < l->room; i--) {
		uint32_t data;

		at = skip_name(m, at);
		data = get16(m, at + 8);
		if (at + 10 + data > m->size)
			return;
		if (get16(m, at) == type && get16(m, at + 2) == 1 && data == size) {
			l->out[l->found] = (struct inet_addr){ .family = type == TYPE_A ? INET_V4 : INET_V6 };
			memcpy(l->out[l->found++].bytes, m->b + at + 10, size);
		}
		at += 10 + data;
	}
}

static void hear(struct lookup *l, const struct message *m)
{
	uint32_t which = (get16(m, 0) - l->id) & 0xffff;

	if (m->size < HEADER || which > 1 || !(m->b[2] & 0x80) || (l->answered & 1u << which))
		return;
	l->answered |= 1u << which;
	if ((m->b[3] & 15) == 0)
		records(l, m, which == 0 ? TYPE_A : TYPE_AAAA);
}

/* ---- Asking ---- */

static bool send(struct lookup *l, struct message *m)
{
	struct dk_segment seg = { m->b, m->size };
	struct os_sock_io io = { .seg = &seg, .count = 1, .kernel = true };
	uint64_t n;

	return os_sock_send(l->socket, &io, &n) == STATUS_SUCCESS;
}

/* STATUS_SUCCESS: something was heard. */
static NTSTATUS receive(struct lookup *l, struct message *m, uint64_t deadline)
{
	struct dk_segment seg = { m->b, sizeof m->b };
	struct os_sock_io io = { .seg = &seg, .count = 1, .kernel = true };
	uint64_t n;
	NTSTATUS status = os_sock_wait(l->socket, deadline);

	if (status == STATUS_SUCCESS)
		status = os_sock_recv(l->socket, &io, &n);
	if (status == STATUS_SUCCESS) {
		m->size = (uint32_t)n;
		hear(l, m);
	}
	return status == STATUS_DEVICE_NOT_READY ? STATUS_SUCCESS : status;
}

/* False: it is no use to ask again. */
static bool try_once(struct lookup *l, struct message *m, const char *name)
{
	uint64_t deadline = pico_now() + TRY_NS;
	NTSTATUS status = STATUS_SUCCESS;

	for (uint32_t which = 0; which < 2; which++)
		if (!(l->answered & 1u << which) && (!question(m, (uint16_t)(l->id + which), name, which == 0 ? TYPE_A : TYPE_AAAA) || !send(l, m)))
			return false;
	while (l->answered != 3 && status == STATUS_SUCCESS)
		status = receive(l, m, deadline);
	return l->answered != 3 && status == STATUS_TIMEOUT;
}

uint32_t net_resolve(const char *name, struct inet_addr *out, uint32_t room)
{
	struct lookup l = { .out = out, .room = room, .id = (uint16_t)(pico_now() >> 10) };
	struct message *m = heap_alloc(sizeof *m);

	if (m == NULL || !open_socket(&l)) {
		heap_free(m);
		return 0;
	}
	for (uint32_t i = 0; i < ATTEMPTS && try_once(&l, m, name); i++)
		continue;
	os_file_put(l.socket);
	heap_free(m);
	return l.found;
}
