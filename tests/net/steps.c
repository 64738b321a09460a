/* SPDX-License-Identifier: MIT */
/*
 * tests/net/steps.c - a bare program that does one thing with streams of the network after the other, as its
 * arguments say, and tells what came of each, one line a step; net.py plays the other side.
 *
 *	N=URI		open it as stream N			N.listen=BACKLOG	N.accept=M	as stream M
 *	N.wait=EVENT	read write, 5 s				N.read=SIZE	N.write=TEXT	N.fill=BYTES	N.drain=BYTES
 *	N.from=SIZE	a datagram, with its sender		N.to=ADDR:PORT/TEXT
 *	N.name= N.peer= N.error= N.unsent= N.available= N.option=NUMBER N.set=NUMBER:VALUE
 *	N.shut=READ|WRITE|BOTH	N.close=	config=PREFIX	settings with it	sleep=MS
 *	N.member=M	N.ready=	of a waitset
 */
#include "abi/net.h"
#include "tests/abi/bare.h"

static dk_handle streams[16];
static char room[1 << 16];

static const char *status_name(enum dk_status s)
{
	static const char *const names[] = {
#define STATUS(name, nr, err, ntstatus, text) [nr] = #name,
#include "abi/dk_status.def"
#undef STATUS
	};

	return names[s];
}

static uint64_t number(const char *s, const char **end)
{
	uint64_t n = 0;

	while (*s >= '0' && *s <= '9')
		n = n * 10 + (uint64_t)(*s++ - '0');
	if (end)
		*end = s;
	return n;
}

static int inet_text(char *out, size_t size, const struct dk_inet *a)
{
	int n = 0;

	if (a->family == 0)
		return fmt_snprintf(out, size, "none");
	if (a->addr[10] == 0xff && a->addr[0] == 0)
		return fmt_snprintf(out, size, "%u.%u.%u.%u:%u/%u", a->addr[12], a->addr[13], a->addr[14], a->addr[15], a->port, a->family);
	for (unsigned i = 0; i < 16; i += 2)
		n += fmt_snprintf(out + n, size - (size_t)n, "%x%s", a->addr[i] << 8 | a->addr[i + 1], i < 14 ? ":" : "");
	return n + fmt_snprintf(out + n, size - (size_t)n, ".%u/%u", a->port, a->family);
}

/* Only IPv4, as a test's peer has it. */
static struct dk_inet inet_of(const char *s, const char **end)
{
	struct dk_inet a = { .addr = { [10] = 0xff, 0xff }, .family = 4 };

	for (unsigned i = 0; i < 4; i++) {
		a.addr[12 + i] = (uint8_t)number(s, &s);
		s++;
	}
	a.port = (uint16_t)number(s, end);
	return a;
}

static void say(const char *step, enum dk_status status, const char *more)
{
	bare_print("%s: %s %s", step, status_name(status), more);
}

static void attribute(const char *step, dk_handle h, uint32_t class)
{
	char text[100] = "";
	union {
		struct dk_inet a;
		uint32_t u;
		uint64_t l;
		char any[256];
	} v = { .l = 0 };
	uint64_t done = 0;
	enum dk_status s = DkStreamAttributesQueryByHandle(h, class, &v, sizeof v, &done);

	if (s == DK_OK && done == sizeof v.a)
		(void)inet_text(text, sizeof text, &v.a);
	else if (s == DK_OK && class == DK_ATTR_SOCKET_ERROR)
		(void)fmt_snprintf(text, sizeof text, "%s", status_name((enum dk_status)v.u));
	else if (s == DK_OK && class == DK_ATTR_OPTION(DK_SO_CONGESTION))
		(void)fmt_snprintf(text, sizeof text, "%s", v.any);
	else if (s == DK_OK)
		(void)fmt_snprintf(text, sizeof text, "%lu (%lu)", done == 4 ? v.u : v.l, done);
	say(step, s, text);
}

static void wait_step(const char *step, dk_handle h, const char *what)
{
	uint32_t which = strncmp(what, "write", 5) == 0 ? DK_EVENT_WRITE : strncmp(what, "hang", 4) == 0 ? DK_EVENT_HANGUP : DK_EVENT_READ, index;
	dk_handle e;
	enum dk_status s = DkStreamGetEvent(h, which, &e);

	if (s == DK_OK)
		s = DkObjectsWaitAny(1, &e, bare_now() + 5000 * MS, 0, &index);
	say(step, s, "");
}

static void read_step(const char *step, dk_handle h, uint64_t size, bool peer)
{
	struct dk_datagram d = { .size = 0 };
	struct dk_segment s[2] = { { &d, sizeof d }, { room, MIN(size, sizeof room - 1) } };
	char text[200] = "";
	uint64_t done = 0;
	enum dk_status status = DkStreamRead(h, DK_OFFSET_NONE, peer ? s : s + 1, peer ? 2 : 1, peer ? DK_IO_PEER : 0, &done);
	int n = 0;

	if (status == DK_OK && peer) {
		done -= sizeof d;
		n = inet_text(text, sizeof text, &d.peer);
		n += fmt_snprintf(text + n, sizeof text - (size_t)n, " %u ", d.size);
	}
	room[status == DK_OK ? done : 0] = 0;
	if (status == DK_OK)
		(void)fmt_snprintf(text + n, sizeof text - (size_t)n, "[%s]", room);
	say(step, status, text);
}

static void write_step(const char *step, dk_handle h, const char *text, const struct dk_inet *to)
{
	struct dk_datagram d = { .size = 0 };
	struct dk_segment s[2] = { { &d, sizeof d }, { (void *)(uintptr_t)text, strlen(text) } };
	uint64_t done = 0;

	if (to)
		d.peer = *to;
	say(step, DkStreamWrite(h, DK_OFFSET_NONE, to ? s : s + 1, to ? 2 : 1, to ? DK_IO_PEER : 0, &done), "");
}

/* Bytes in and out, whose sum tells that all came. */
static void bulk_step(const char *step, dk_handle h, uint64_t bytes, bool fill)
{
	uint64_t done = 0, total = 0, sum = 0;
	char text[64];
	enum dk_status status = DK_OK;

	while (total < bytes) {
		struct dk_segment s = { room, MIN(sizeof room, bytes - total) };

		for (uint64_t i = 0; fill && i < s.size; i++)
			room[i] = (char)((total + i) * 7);
		status = fill ? DkStreamWrite(h, DK_OFFSET_NONE, &s, 1, 0, &done) : DkStreamRead(h, DK_OFFSET_NONE, &s, 1, 0, &done);
		if (status != DK_OK || done == 0)
			break;
		for (uint64_t i = 0; i < done; i++)
			sum += (uint8_t)room[i];
		total += done;
	}
	(void)fmt_snprintf(text, sizeof text, "%lu %lu", total, sum);
	say(step, status, text);
}

static void accept_step(const char *step, dk_handle h, unsigned to)
{
	struct dk_accepted a;
	struct dk_segment s = { &a, sizeof a };
	char text[200] = "";
	uint64_t done = 0;
	enum dk_status status = DkStreamRead(h, DK_OFFSET_NONE, &s, 1, 0, &done);
	int n;

	if (status == DK_OK) {
		streams[to] = (dk_handle)a.stream;
		n = inet_text(text, sizeof text, &a.peer);
		text[n++] = ' ';
		(void)inet_text(text + n, sizeof text - (size_t)n, &a.local);
	}
	say(step, status, text);
}

static void config_step(const char *step, const char *prefix)
{
	for (const char *r = bare_boot->config; r && *r; r += strlen(r) + 1)
		if (strncmp(r, prefix, strlen(prefix)) == 0)
			say(step, DK_OK, r);
}

static void member_step(const char *step, dk_handle set, unsigned n)
{
	struct dk_member m = { .cookie = n, .stream = streams[n], .events = DK_READY(DK_EVENT_READ) };

	say(step, DkStreamAttributesSet(set, NULL, DK_ATTR_MEMBERS, &m, sizeof m), "");
}

static void ready_step(const char *step, dk_handle set)
{
	struct dk_ready r[8];
	struct dk_segment s = { r, sizeof r };
	uint64_t done = 0;
	enum dk_status status = DkStreamRead(set, DK_OFFSET_NONE, &s, 1, 0, &done);
	char text[100] = "";
	int n = 0;

	for (unsigned i = 0; status == DK_OK && i < done / sizeof r[0]; i++)
		n += fmt_snprintf(text + n, sizeof text - (size_t)n, "%lu:%x ", r[i].cookie, r[i].events);
	say(step, status, text);
}

static void stream_step(const char *step, dk_handle h, const char *what, const char *value)
{
	static const struct {
		const char *name;
		uint32_t class;
	} classes[] = { { "name=", DK_ATTR_SOCKET_NAME }, { "peer=", DK_ATTR_SOCKET_PEER }, { "error=", DK_ATTR_SOCKET_ERROR },
		{ "unsent=", DK_ATTR_SOCKET_UNSENT }, { "available=", DK_ATTR_AVAILABLE } };
	const char *end;
	struct dk_inet a;
	uint32_t u;

#define IS(name) (strncmp(what, name "=", sizeof name) == 0)
	for (unsigned i = 0; i < ARRAY_LEN(classes); i++)
		if (strncmp(what, classes[i].name, strlen(classes[i].name)) == 0)
			attribute(step, h, classes[i].class);
	if (IS("listen")) {
		u = (uint32_t)number(value, NULL);
		say(step, DkStreamAttributesSet(h, NULL, DK_ATTR_SOCKET_LISTEN, &u, sizeof u), "");
	} else if (IS("accept")) {
		accept_step(step, h, (unsigned)number(value, NULL));
	} else if (IS("wait")) {
		wait_step(step, h, value);
	} else if (IS("read") || IS("from")) {
		read_step(step, h, number(value, NULL), what[0] == 'f');
	} else if (IS("write")) {
		write_step(step, h, value, NULL);
	} else if (IS("to")) {
		a = inet_of(value, &end);
		write_step(step, h, end + 1, &a);
	} else if (IS("fill") || IS("drain")) {
		bulk_step(step, h, number(value, NULL), what[0] == 'f');
	} else if (IS("option")) {
		attribute(step, h, DK_ATTR_OPTION(number(value, NULL)));
	} else if (IS("set")) {
		uint64_t option = number(value, &end);

		u = (uint32_t)number(end + 1, NULL);
		say(step, DkStreamAttributesSet(h, NULL, DK_ATTR_OPTION(option), &u, sizeof u), "");
	} else if (IS("shut")) {
		say(step, DkStreamDelete(h, NULL, value[0] == 'R' ? DK_DELETE_SIDE_READ : value[0] == 'W' ? DK_DELETE_SIDE_WRITE : DK_DELETE_SIDE_BOTH), "");
	} else if (IS("close")) {
		say(step, DkObjectClose(h), "");
	} else if (IS("member")) {
		member_step(step, h, (unsigned)number(value, NULL));
	} else if (IS("ready")) {
		ready_step(step, h);
	}
}

static void one(const char *step)
{
	struct dk_open open = { .access = DK_READ | DK_WRITE };
	unsigned n = (unsigned)(step[0] - '0');
	const char *value = step;

	while (*value && *value++ != '=')
		;
	if (strncmp(step, "config=", 7) == 0) {
		config_step(step, value);
	} else if (strncmp(step, "sleep=", 6) == 0) {
		(void)DkThreadDelayExecution(number(value, NULL) * MS);
	} else if (n >= ARRAY_LEN(streams)) {
		say(step, DK_INVALID_ARG, "no such step");
	} else if (step[1] == '=') {
		say(step, DkStreamOpen(value, &open, &streams[n]), "");
	} else {
		stream_step(step, streams[n], step + 2, value);
	}
}

int bare_main(void)
{
	for (const char *r = bare_boot->config; r && *r; r += strlen(r) + 1)
		if (strncmp(r, "arg=", 4) == 0)
			one(r + 4);
	return 0;
}
