/* SPDX-License-Identifier: MIT */
/*
 * tests/fuzz/control_fuzz.c - libFuzzer: the control socket.  Clients that send anything, a kproc that answers
 * anything, at any time; and what the commands make of a record (cli/guests.c, ps.c), which may come
 * from a program that has taken its library OS over.
 *
 * An input is a run of records: a kind, two bytes of length, so many bytes.  0 connects a client, 1 sends from the
 * asker, 2 ends it, 3 is an answer of kproc, 4 a line of the trace, 5 reads as a client, 6 passes time,
 * 7 gives a record to the commands.
 */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <sys/socket.h>

#define pico command_pico
#include "cli/guests.c"
#undef pico
#undef PRINTF_LIKE
#define now_ms command_now_ms
#include "cli/ps.c"
#undef now_ms
#undef PRINTF_LIKE
#include "monitor/monitor.h"

/* The monitor's side, with a clock of ours and clients by hand. */
static uint64_t clock_ns = 1;
static int next_client = -1;
#define accept4(fd, a, b, c) (next_client)
#define getsockopt(fd, l, o, cred, len) ((cred)->uid = own_uid, 0)
#include "monitor/control.c"
#undef accept4
#undef getsockopt

struct spec spec = { .trace = "", .log_fd = -1 };
static int theirs[2] = { -1, -1 }; /* the asker's other end, the tracer's */
static unsigned asked;

uint64_t now_ns(void) { return clock_ns; }
void loop_add(int fd, uint32_t what, uint64_t number) {}
void loop_set_write(int fd, uint32_t what, uint64_t number, bool write) {}
void loop_remove(int fd) {}
void log_line(enum dk_log_level level, const char *format, ...) {}
void deaths_note(const struct mon_death *d)
{
	if (d->kind != MON_NOTE_ASK || d->process_index >= DK_ASKS)
		abort();
	asked++;
}
size_t net_counts_text(char *out, size_t size) { return (size_t)snprintf(out, size, "0 0 0 0 0 0 0 0"); }
bool pico_want_kproc(void) { return true; }
void pico_each(void (*fn)(struct pico *p))
{
	struct pico p = { .pid = 17, .state = PICO_RUNNING, .role = DK_ROLE_GUEST, .process_index = 2 };

	fn(&p);
}

/* The commands' side needs these of others. */
struct sandbox *sandboxes_find(unsigned *count) { *count = 0; return NULL; }
const struct sandbox *sandbox_named(const char *text) { return NULL; }
int sandbox_ask(const struct sandbox *s, enum control_op op, uint32_t pid) { return -1; }
bool sandbox_answer(int fd, struct control_answer *a, char *text, bool quiet) { return false; }
unsigned long number_of(const char *what, const char *text, unsigned long max) { return 1; }
void fail(const char *format, ...) { abort(); }
static FILE *sink;
void put_safe(FILE *out, const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++)
		fputc(text[i], sink);
}

static void connect_one(void)
{
	int pair[2];

	if (asker.fd >= 0 || socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0, pair) < 0)
		return;
	if (theirs[0] >= 0)
		close(theirs[0]); /* of an asker that has gone, or became the tracer: then it is kept by that */
	theirs[0] = pair[1];
	next_client = pair[0];
	control_event(LOOP_CONTROL);
}

static void give_record(const uint8_t *at, size_t len)
{
	char text[CONTROL_TEXT_MAX + 1];
	struct guest g = { 0 };
	uint32_t index;

	memcpy(text, at, len);
	text[len] = 0;
	if (parse(text, len, &g, &index)) {
		if (strlen(g.comm) >= sizeof g.comm || strlen(g.command) >= sizeof g.command || g.pid <= 0)
			abort();
		put_guest(&g);
	}
	put_file(text, len);
}

static void one(uint8_t kind, const uint8_t *at, size_t len)
{
	char room[CONTROL_TEXT_MAX + 64];
	bool was = tracer.fd >= 0;

	switch (kind % 8) {
	case 0: connect_one(); break;
	case 1: (void)!send(theirs[0], at, len, MSG_DONTWAIT | MSG_NOSIGNAL); control_event(LOOP_CLIENT); break;
	case 2: close(theirs[len & 1]); theirs[len & 1] = -1; control_event(len & 1 ? LOOP_TRACER : LOOP_CLIENT); break;
	case 3: control_answer((const char *)at, len); break;
	case 4: control_trace((const char *)at, len); break;
	case 5:
		while (recv(theirs[0], room, sizeof room, MSG_DONTWAIT) > 0 || recv(theirs[1], room, sizeof room, MSG_DONTWAIT) > 0)
			;
		control_event(LOOP_CLIENT);
		control_event(LOOP_TRACER);
		break;
	case 6: clock_ns += len * 20000000ull; control_tick(); break;
	case 7: give_record(at, len); break;
	}
	if (!was && tracer.fd >= 0) {
		close(theirs[1]);
		theirs[1] = theirs[0];
		theirs[0] = -1;
	}
	if (asker.len > ASKER_ROOM || tracer.len > TRACER_ROOM)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const uint8_t *end = data + size;

	if (!sink) {
		sink = fopen("/dev/null", "w");
		if (!freopen("/dev/null", "w", stdout))
			abort();
	}
	listen_fd = 0;
	listening = true;
	while (end - data >= 3) {
		uint8_t kind = data[0];
		size_t len = (size_t)data[1] | (size_t)(data[2] & 0x1f) << 8;

		data += 3;
		len = len > (size_t)(end - data) ? (size_t)(end - data) : len;
		one(kind, data, len > CONTROL_TEXT_MAX ? CONTROL_TEXT_MAX : len);
		data += len;
	}
	forget(&asker);
	forget(&tracer);
	for (unsigned i = 0; i < 2; i++) {
		if (theirs[i] >= 0)
			close(theirs[i]);
		theirs[i] = -1;
	}
	last_number = heard_number = 0;
	return 0;
}
