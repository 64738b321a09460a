/* SPDX-License-Identifier: MIT */
/*
 * tests/mon/fakepal.c - stands in for pal in the monitor's own tests: a plain static
 * program that speaks the protocol on descriptor 3.  In the first picoprocess the first
 * argument of the command line says what to do: what begins with "kproc-" is for kproc,
 * which finds the settings at the arena's start.  Others get a start parameter.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "tests/mon/fakepal.h"

struct mon_boot boot;
struct mon_start start;
int boot_fds[MON_BOOT_FDS], channel = MON_CHANNEL_FD, reply_fd = -1, reply_second = -1;
char reply_data[MON_DATA_MAX];
struct mon_reply reply;
static char *config_text;
static uint32_t seq;

static ssize_t receive(void *head, size_t head_len, void *tail, size_t tail_len, int *fds, unsigned *nfds)
{
	union {
		struct cmsghdr h;
		char room[CMSG_SPACE(64 * sizeof(int))];
	} c;
	struct iovec v[2] = { { head, head_len }, { tail, tail_len } };
	struct msghdr m = { .msg_iov = v, .msg_iovlen = tail ? 2 : 1, .msg_control = &c, .msg_controllen = sizeof c };
	ssize_t n = recvmsg(channel, &m, 0);
	struct cmsghdr *h = n > 0 ? CMSG_FIRSTHDR(&m) : NULL;

	*nfds = 0;
	if (h) {
		*nfds = (unsigned)((h->cmsg_len - CMSG_LEN(0)) / sizeof(int));
		memcpy(fds, CMSG_DATA(h), *nfds * sizeof(int));
	}
	return n;
}

void send_raw(const void *bytes, uint64_t len)
{
	send(channel, bytes, len, MSG_NOSIGNAL);
}

static void send_request(uint32_t op, uint64_t stream, const uint64_t *args, const char *text, const void *text2, uint32_t text2_len)
{
	static struct {
		struct mon_request r;
		char text[MON_TEXT_MAX];
	} m;
	uint32_t len = text ? (uint32_t)strlen(text) : 0;

	memset(&m.r, 0, sizeof m.r);
	m.r.op = op;
	m.r.seq = ++seq;
	m.r.stream = stream;
	if (args)
		memcpy(m.r.args, args, sizeof m.r.args);
	if (text)
		memcpy(m.text, text, len);
	if (text2) {
		if (text)
			m.text[len++] = 0;
		memcpy(m.text + len, text2, text2_len);
		len += text2_len;
	}
	m.r.text_len = len;
	send_raw(&m, sizeof m.r + len);
}

/* The answer to the last request. */
static enum dk_status receive_answer(uint32_t op)
{
	int fds[64];
	unsigned nfds;
	ssize_t n;

	n = receive(&reply, sizeof reply, reply_data, sizeof reply_data, fds, &nfds);
	if (n < (ssize_t)sizeof reply || reply.seq != seq || reply.op != op || n != (ssize_t)(sizeof reply + reply.data_len) || nfds != reply.fds) {
		say("bad reply: %zd bytes, op %u seq %u/%u, data %u, fds %u/%u", n, reply.op, reply.seq, seq, reply.data_len, nfds, reply.fds);
		_exit(99);
	}
	reply_fd = nfds ? fds[0] : -1;
	if (reply_second >= 0)
		close(reply_second);
	reply_second = nfds > 1 ? fds[1] : -1;
	for (unsigned i = 2; i < nfds; i++)
		close(fds[i]);
	return reply.status;
}

enum dk_status call(uint32_t op, uint64_t stream, const uint64_t *args, const char *text, const void *text2, uint32_t text2_len)
{
	send_request(op, stream, args, text, text2, text2_len);
	return receive_answer(op);
}

void tell(uint32_t op, uint64_t a0, uint64_t a1, const char *text)
{
	uint64_t args[5] = { a0, a1 };

	send_request(op, 0, args, text, NULL, 0);
}

void say(const char *format, ...)
{
	char text[2000];
	va_list ap;

	va_start(ap, format);
	vsnprintf(text, sizeof text, format, ap);
	va_end(ap);
	tell(MON_LOG, DK_LOG_WARNING, 0, text);
}

const char *config(const char *key, unsigned nr)
{
	size_t len = strlen(key);

	for (const char *r = config_text; r && *r; r += strlen(r) + 1)
		if (!strncmp(r, key, len) && r[len] == '=' && nr-- == 0)
			return r + len + 1;
	return NULL;
}

/* As pal does it, true in both. */
static bool copy(int end)
{
	if (syscall(SYS_clone, CLONE_PARENT | SIGCHLD, 0, 0, 0, 0) != 0) {
		close(end);
		return true;
	}
	close(channel);
	channel = end;
	boot.role = DK_ROLE_GUEST;
	for (unsigned i = 0; i < MON_BOOT_FDS; i++)
		if (i == MON_BFD_DEATHS || i == MON_BFD_CONFIG)
			close(boot_fds[i]);
	tell(MON_HELLO, 0, 0, NULL);
	return true;
}

static void boot_up(void)
{
	int fds[64];
	unsigned nfds, at = 0, none;

	tell(MON_HELLO, 0, 0, NULL);
	if (receive(&boot, sizeof boot, NULL, 0, fds, &nfds) != sizeof boot || boot.protocol != MON_PROTOCOL)
		_exit(98);
	for (unsigned i = 0; i < MON_BOOT_FDS; i++)
		boot_fds[i] = boot.fd_mask & 1u << i ? fds[at++] : -1;
	if (at != nfds)
		_exit(97);
	if (boot_fds[MON_BFD_CONFIG] >= 0) {
		config_text = mmap(NULL, boot.config_size, PROT_READ, MAP_PRIVATE, boot_fds[MON_BFD_CONFIG], 0);
		pwrite(boot_fds[MON_BFD_ARENA], config_text, boot.config_size, 0);
	} else if (boot.role == DK_ROLE_KPROC) {
		config_text = mmap(NULL, 1 << 20, PROT_READ, MAP_SHARED, boot_fds[MON_BFD_ARENA], 0);
	}
	do {
		if (receive(&start, sizeof start, NULL, 0, fds, &none) != sizeof start)
			_exit(0);
	} while (start.kind == MON_COPY && copy(fds[0]));
}

/* A copy that is the monitor's child, on the channel end. */
static void clone_onto(int end)
{
	uint64_t args[5] = { DK_READ };
	long pid = syscall(SYS_clone, CLONE_PARENT | SIGCHLD, 0, 0, 0, 0);
	if (pid < 0)
		_exit(2);
	if (pid == 0) {
		close(channel);
		channel = end;
		tell(MON_HELLO, 0, 0, NULL);
		_exit(call(MON_OPEN, 0, args, "file:/etc/passwd", NULL, 0) == DK_OK ? 33 : 1);
	}
	close(end);
}

/* As pal does it: a channel first, then the copy; the second copy's channel came in advance, and is announced without waiting. */
static void clone_self(void)
{
	uint64_t args[5] = { 10, 0, 1 }, number;
	int end, given;

	if (call(MON_CLONE, 0, args, NULL, NULL, 0) != DK_OK || reply.fds != 2 || reply.value[1] == 0)
		_exit(1);
	end = reply_fd;
	given = reply_second;
	reply_second = -1;
	number = reply.value[1];
	clone_onto(end);
	args[0] = 12;
	args[1] = number + 1;
	if (call(MON_CLONE, 0, args, NULL, NULL, 0) == DK_OK) /* nobody's */
		_exit(3);
	args[1] = number;
	send_request(MON_CLONE, 0, args, NULL, NULL, 0);
	clone_onto(given);
	if (receive_answer(MON_CLONE) != DK_OK || reply.value[0] != number || reply.fds != 1 || reply.value[1] == 0)
		_exit(4);
	close(reply_fd); /* the next one is not wanted */
	args[0] = 13;
	args[1] = reply.value[1];
	if (call(MON_CLONE, 0, args, NULL, NULL, 0) == DK_OK)
		tell(MON_CLONED, reply.value[0], 0, NULL);
}

/*
 * A copy that is announced behind something wrong: this process is ended for that, and its copy
 * is one all the same.  The copy itself sends both, so that it is there when the monitor reads them.
 */
static void clone_and_be_ended(void)
{
	uint64_t args[5] = { 20, 0, 1 }, number;
	struct mon_request wrong = { .op = 0xffffffff };
	int given;

	if (call(MON_CLONE, 0, args, NULL, NULL, 0) != DK_OK || reply.fds != 2)
		_exit(1);
	clone_onto(reply_fd);
	given = reply_second;
	reply_second = -1; /* or the next answer would close it */
	number = reply.value[1];
	if (syscall(SYS_clone, CLONE_PARENT | SIGCHLD, 0, 0, 0, 0) != 0)
		for (;;)
			pause();
	send_raw(&wrong, sizeof wrong);
	send_request(MON_CLONE, 0, (uint64_t[5]){ 22, number }, NULL, NULL, 0);
	close(channel);
	channel = given;
	tell(MON_HELLO, 0, 0, NULL);
	args[0] = DK_READ;
	args[2] = 0;
	_exit(call(MON_OPEN, 0, args, "file:/etc/passwd", NULL, 0) == DK_OK ? 33 : 1);
}

/* What needs a kproc is refused; true: it was not. */
static bool alone(void)
{
	uint64_t args[5] = { 0, 5 };

	return call(MON_SPAWN, 0, args, "linux", NULL, 0) != DK_DENIED || call(MON_CLONE, 0, (uint64_t[5]){ 9 }, NULL, NULL, 0) != DK_TOO_MANY;
}

static void act(const char *what)
{
	if (!what || !strcmp(what, "true")) {
		tell(MON_EXIT, 0, 0, NULL);
	} else if (!strcmp(what, "exit")) {
		tell(MON_EXIT, strtoull(config("arg", 1), NULL, 10), 0, NULL);
	} else if (!strcmp(what, "hostile")) {
		run_hostile(config("arg", 1));
	} else if (!strcmp(what, "panic")) {
		tell(MON_PANIC, 0, 0, "it is\x1b[31m over\n");
	} else if (!strcmp(what, "crash")) {
		__builtin_trap();
	} else if (!strcmp(what, "die")) {
		kill(getpid(), SIGKILL);
	} else if (!strcmp(what, "leave")) {
		_exit(0);
	} else {
		run_ops(what);
	}
	for (;;)
		pause();
}

int main(void)
{
	static const uint64_t none[5];
	const char *what;

	boot_up();
	if (boot.role == DK_ROLE_GUEST) {
		if (start.parameter == 7) /* hostile child */
			run_hostile("garbage");
		if (start.parameter == 8)
			for (;;)
				pause();
		if (start.parameter == 9)
			clone_self();
		if (start.parameter == 50)
			clone_and_be_ended();
		_exit((int)start.parameter);
	}
	what = config("arg", 0);
	if (boot.role == DK_ROLE_FIRST && what && !strncmp(what, "kproc-", 6)) {
		if (start.process_index != MON_FIRST_INDEX || alone() || call(MON_SPAWN, 0, none, "linux", NULL, 0) != DK_OK ||
			call(MON_SPAWN, 0, none, "linux", NULL, 0) != DK_OK) /* a second time is as good */
			tell(MON_EXIT, 99, 0, NULL);
		tell(MON_EXIT, 98, 0, NULL); /* ignored: we are not alone */
		for (;;)
			pause();
	}
	act(what && !strncmp(what, "kproc-", 6) ? what + 6 : what);
}
