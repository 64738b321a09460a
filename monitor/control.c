/* SPDX-License-Identifier: MIT */
/*
 * monitor/control.c - answers questions from outside: `bailey ps`, `lsof`, `core`, `strace`.
 *
 * The socket is made before the filter, which allows no other, and gets its name with the state file.
 * One client is served at a time, others wait in the kernel's queue; one more may be attached to the
 * trace.  What only the library OS knows is asked of kproc (started for it, if there is none yet) and passed on unread.  Nothing here
 * waits: a client that does not read is dropped, or loses lines of the trace; one that kproc does not
 * answer in time is told so.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <unistd.h>

#include "monitor/control.h"
#include "monitor/monitor.h"

#define REQUEST_NS   1000000000ull /* a client says what it wants in this time, */
#define ANSWER_NS    5000000000ull /* and kproc goes on answering */
#define ASKER_ROOM   (8u << 20)    /* bytes kept for a client that reads slowly */
#define TRACER_ROOM  (256u << 10)
#define UNHEARD_MAX  16u           /* questions that kproc has not answered */

struct client {
	int fd;
	uint32_t what;       /* LOOP_CLIENT or LOOP_TRACER */
	uint32_t op, number; /* number 0: no request yet */
	uint32_t pid;
	uint64_t until_ns;
	char *queue;         /* messages that did not go out, each behind its size */
	size_t len, room;
	uint32_t lost;
};
static struct client asker = { .fd = -1, .what = LOOP_CLIENT }, tracer = { .fd = -1, .what = LOOP_TRACER };
static int listen_fd = -1;
static bool listening;
static uid_t own_uid;
static uint32_t last_number, heard_number;

int control_socket(void)
{
	return listen_fd;
}

void control_make(void)
{
	own_uid = geteuid();
	listen_fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (listen_fd >= 0)
		fchmod(listen_fd, 0600); /* what its name will have */
}

void control_name(int folder, const char *name)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };

	if (listen_fd < 0)
		return;
	snprintf(a.sun_path, sizeof a.sun_path, "/proc/self/fd/%d/" CONTROL_PREFIX "%s", folder, name);
	if (bind(listen_fd, (struct sockaddr *)&a, sizeof a) < 0 || listen(listen_fd, 8) < 0) {
		log_line(DK_LOG_INFO, "this sandbox cannot be asked from outside: %s", strerror(errno));
		return;
	}
	loop_add(listen_fd, LOOP_CONTROL, 0);
	listening = true;
}

/* ---- to a client ---- */

static void forget(struct client *c)
{
	if (c->fd < 0)
		return;
	loop_remove(c->fd);
	close(c->fd);
	free(c->queue);
	*c = (struct client){ .fd = -1, .what = c->what };
	if (c == &asker && !listening) {
		loop_add(listen_fd, LOOP_CONTROL, 0);
		listening = true;
	}
}

static void untrace(void)
{
	struct mon_death note = { .process_index = DK_ASK_TRACE, .kind = MON_NOTE_ASK };

	forget(&tracer);
	if (!strstr(spec.trace, "lx")) {
		note.pico = ++last_number;
		deaths_note(&note);
	}
}

/* False: it must wait. */
static bool send_now(struct client *c, const void *msg, size_t size)
{
	return send(c->fd, msg, size, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0 || (errno != EAGAIN && errno != EWOULDBLOCK);
}

static bool keep(struct client *c, const void *msg, uint32_t size)
{
	size_t most = c == &tracer ? TRACER_ROOM : ASKER_ROOM, need = c->len + sizeof size + size;

	if (need > most)
		return false;
	if (need > c->room) {
		size_t room = need * 2 < most ? need * 2 : most;
		char *more = realloc(c->queue, room);

		if (!more)
			return false;
		c->queue = more;
		c->room = room;
	}
	if (c->len == 0)
		loop_set_write(c->fd, c->what, 0, true);
	memcpy(c->queue + c->len, &size, sizeof size);
	memcpy(c->queue + c->len + sizeof size, msg, size);
	c->len = need;
	return true;
}

static void flush_queue(struct client *c)
{
	size_t at = 0;
	uint32_t size;

	while (at < c->len) {
		memcpy(&size, c->queue + at, sizeof size);
		if (!send_now(c, c->queue + at + sizeof size, size))
			break;
		at += sizeof size + size;
	}
	memmove(c->queue, c->queue + at, c->len - at);
	c->len -= at;
	if (c->len == 0)
		loop_set_write(c->fd, c->what, 0, false);
}

/* False: there is no room for it. */
static bool tell(struct client *c, struct control_answer a, const char *text, size_t size)
{
	char msg[sizeof a + CONTROL_TEXT_MAX];

	if (size > CONTROL_TEXT_MAX)
		size = CONTROL_TEXT_MAX;
	a.size = (uint32_t)size;
	memcpy(msg, &a, sizeof a);
	memcpy(msg + sizeof a, text, size);
	return (c->len == 0 && send_now(c, msg, sizeof a + size)) || keep(c, msg, (uint32_t)(sizeof a + size));
}

/* The client's last message; what is still queued goes with it, so only a client that reads gets all. */
static void end(struct client *c, const char *sentence)
{
	if (c->len > 0)
		flush_queue(c);
	tell(c, (struct control_answer){ .kind = CONTROL_END }, sentence, strlen(sentence));
	if (c->len == 0)
		forget(c);
	else
		c->number = UINT32_MAX; /* nothing more is expected; it goes once the queue is empty */
}

/* ---- from a client ---- */

static void tell_pico(struct pico *p)
{
	static const char *const roles[] = { "kproc", "guest", "bare", "first" };
	const char *role = p->state == PICO_SPARE ? "spare" : roles[p->role & 3];

	if (p->pid > 0)
		tell(&asker, (struct control_answer){ .kind = CONTROL_PICO, .index = (uint32_t)p->process_index, .pid = p->pid }, role, strlen(role));
}

static void ask_kproc(struct client *c, const struct control_request *q)
{
	static const uint8_t what[CONTROL_COUNTS] = { DK_ASK_PROCESSES, DK_ASK_THREADS, DK_ASK_FILES, DK_ASK_TRACE };
	struct mon_death note = { .process_index = what[q->op], .kind = MON_NOTE_ASK, .wait_status = q->pid };

	if (q->op == CONTROL_TRACE && (q->pid == 0 || strstr(spec.trace, "lx")))
		note.wait_status = UINT32_MAX;
	c->op = q->op;
	c->pid = q->pid;
	c->number = ++last_number;
	c->until_ns = now_ns() + ANSWER_NS;
	note.pico = c->number;
	deaths_note(&note);
	pico_want_kproc();
}

/* No question for kproc. */
static void tell_counts(struct client *c)
{
	char text[200];

	tell(c, (struct control_answer){ .kind = CONTROL_NETWORK }, text, net_counts_text(text, sizeof text));
	end(c, "");
}

static void take_request(struct client *c)
{
	struct control_request q;
	ssize_t n = recv(c->fd, &q, sizeof q, MSG_DONTWAIT | MSG_TRUNC);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n != (ssize_t)sizeof q || q.magic != CONTROL_MAGIC || q.op >= CONTROL_OPS || c->number)
		forget(c); /* gone, or no client of ours */
	else if (q.op == CONTROL_COUNTS)
		tell_counts(c);
	else if (spec.bare)
		end(c, "a bare image has no processes to tell of");
	else if (q.op == CONTROL_TRACE && tracer.fd >= 0)
		end(c, "this sandbox is being traced already");
	else if (last_number - heard_number >= UNHEARD_MAX)
		end(c, "the kernel process of the sandbox has not answered for long: is it stopped?");
	else {
		pico_each(tell_pico);
		ask_kproc(c, &q);
	}
}

static void take_client(void)
{
	struct ucred cred = { .uid = (uid_t)-1 };
	socklen_t len = sizeof cred;
	int fd = accept4(listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	if (fd < 0)
		return;
	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len) < 0 || (cred.uid != own_uid && cred.uid != 0)) {
		close(fd);
		return;
	}
	asker.fd = fd;
	asker.until_ns = now_ns() + REQUEST_NS;
	loop_add(fd, asker.what, 0);
	loop_remove(listen_fd); /* the next one waits */
	listening = false;
}

static void client_event(struct client *c)
{
	char byte;

	if (c->fd < 0)
		return;
	if (c->len > 0)
		flush_queue(c);
	if (c == &asker && c->number == 0) {
		take_request(c);
		return;
	}
	if (c->number == UINT32_MAX && c->len == 0)
		forget(c);
	else if (recv(c->fd, &byte, 1, MSG_DONTWAIT) >= 0) /* its end, or a second request, which there is not */
		c == &tracer ? untrace() : forget(c);
}

void control_event(uint32_t what)
{
	if (what == LOOP_CONTROL && asker.fd < 0)
		take_client();
	else if (what == LOOP_CLIENT)
		client_event(&asker);
	else if (what == LOOP_TRACER)
		client_event(&tracer);
}

/* ---- from the library OS ---- */

/* The asker's wish is on: it gets lines from now on, and the next one may ask. */
static void become_tracer(void)
{
	uint32_t what = tracer.what;

	loop_remove(asker.fd);
	tracer = asker;
	tracer.what = what;
	asker.fd = -1;
	asker.queue = NULL;
	asker.len = asker.room = asker.number = 0;
	loop_add(tracer.fd, tracer.what, 0);
	if (tracer.len > 0)
		loop_set_write(tracer.fd, tracer.what, 0, true);
	loop_add(listen_fd, LOOP_CONTROL, 0);
	listening = true;
	tell(&tracer, (struct control_answer){ .kind = CONTROL_LOST }, "", 0);
}

void control_answer(const char *text, size_t len)
{
	char head[16] = "", *rest;
	uint32_t number;
	size_t n = len < sizeof head - 1 ? len : sizeof head - 1;

	memcpy(head, text, n);
	number = (uint32_t)strtoul(head, &rest, 10);
	if (*rest != ' ' || number == 0 || number > last_number)
		return;
	heard_number = number;
	n = (size_t)(rest + 1 - head);
	if (asker.fd < 0 || number != asker.number)
		return; /* too late */
	if (n == len - 1 && text[n] == '.') {
		asker.op == CONTROL_TRACE ? become_tracer() : end(&asker, "");
	} else if (!tell(&asker, (struct control_answer){ .kind = CONTROL_RECORD }, text + n, len - n)) {
		forget(&asker);
	} else {
		asker.until_ns = now_ns() + ANSWER_NS;
	}
}

bool control_trace(const char *text, size_t len)
{
	bool logged = strstr(spec.trace, "lx") != NULL;

	if (len == 0 || text[0] != '[')
		return false; /* of an extension, or numbers */
	if (tracer.fd < 0)
		return !logged; /* said before the library OS heard that nobody listens any more */
	if (tracer.lost && tell(&tracer, (struct control_answer){ .kind = CONTROL_LOST, .index = tracer.lost }, "", 0))
		tracer.lost = 0;
	if (tracer.lost || !tell(&tracer, (struct control_answer){ .kind = CONTROL_LINE }, text, len))
		tracer.lost++;
	return !logged;
}

int control_timeout_ms(void)
{
	uint64_t now;

	if (asker.fd < 0)
		return -1;
	now = now_ns();
	return now >= asker.until_ns ? 0 : (int)((asker.until_ns - now) / 1000000) + 1;
}

void control_tick(void)
{
	if (asker.fd < 0 || now_ns() < asker.until_ns)
		return;
	if (asker.number != 0 && asker.number != UINT32_MAX)
		end(&asker, "the sandbox's kernel process does not answer: is it stopped?");
	forget(&asker);
}
