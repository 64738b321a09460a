/* SPDX-License-Identifier: MIT */
/*
 * monitor/channel.c - requests of picoprocesses.
 *
 * A message is copied out of the socket at once, its size and the sizes it claims
 * are checked against its op, and only the copy is read.  A sender that talks
 * nonsense is ended: pal does not, so somebody has taken it over.  Answers are answer.c's.
 */
#include <errno.h>
#include <linux/sockios.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "monitor/monitor.h"

/* What a request of each op must look like. */
enum { TEXT_NONE, TEXT_URI, TEXT_ANY, STREAM_YES = 4, STREAM_OR_URI = 8 /* FETCH: or nothing */, NO_REPLY = 16 };
static const uint8_t shapes[MON_OP_COUNT] = {
	[MON_HELLO] = TEXT_NONE | NO_REPLY,
	[MON_OPEN] = TEXT_URI,
	[MON_FETCH] = TEXT_ANY | STREAM_OR_URI,
	[MON_CLOSE] = TEXT_NONE | STREAM_YES | NO_REPLY,
	[MON_QUERY] = TEXT_ANY | STREAM_OR_URI,
	[MON_SET] = TEXT_ANY | STREAM_OR_URI,
	[MON_ENUM] = TEXT_URI,
	[MON_DELETE] = TEXT_ANY | STREAM_OR_URI,
	[MON_RENAME] = TEXT_URI,
	[MON_LENGTH] = TEXT_NONE | STREAM_YES,
	[MON_FLUSH] = TEXT_NONE | STREAM_YES,
	[MON_SPAWN] = TEXT_URI,
	[MON_CLONE] = TEXT_NONE,
	[MON_CLONED] = TEXT_NONE | NO_REPLY,
	[MON_LOG] = TEXT_ANY | NO_REPLY,
	[MON_PANIC] = TEXT_ANY | NO_REPLY,
	[MON_EXIT] = TEXT_NONE | NO_REPLY,
	[MON_BEAT] = TEXT_NONE | NO_REPLY,
	[MON_SPREAD] = TEXT_NONE,
	[MON_USAGE] = TEXT_NONE,
	[MON_ACCEPT] = TEXT_NONE | STREAM_YES,
	[MON_SEND] = TEXT_ANY | STREAM_YES,
	[MON_RECEIVE] = TEXT_NONE | STREAM_YES,
	[MON_TUNE] = TEXT_NONE | STREAM_YES | NO_REPLY,
};

/* Ops without work and answer. */
static void do_quiet(struct pico *p, struct job *j)
{
	struct pico *other;

	switch (j->req.op) {
	case MON_CLOSE:
		if (j->stream)
			stream_close(j->stream);
		break;
	case MON_TUNE:
		net_tune(j);
		break;
	case MON_CLONED:
		other = pico_find(j->req.args[0]);
		if (other && other->state == PICO_CLONING && other->pid == 0 && other->parent == p->number && j->req.args[1] == 0)
			pico_never_was(other);
		break;
	case MON_LOG:
		log_guest(p, j->req.args[0], j->text, j->req.text_len);
		break;
	case MON_PANIC:
		log_text(DK_LOG_PANIC, "bailey: panic: ", j->text, state_panic(j->text, j->req.text_len));
		if (spec.log_fd >= 0)
			dprintf(STDERR_FILENO, "bailey: the sandbox ended by a panic: the log says which\n");
		sandbox_end(125);
	case MON_EXIT:
		channel_op_exit(p, &j->req);
		break;
	case MON_BEAT:
		if (j->req.args[0] == 1)
			pico_want_spare();
		if (j->req.args[1] != 0)
			pico_want_kproc_in(j->req.args[1]);
		break;
	}
	if (spec.trace_mon)
		job_trace(j);
	job_release(j);
}

static void dispatch(struct pico *p, struct job *j)
{
	stats_request(j->req.op);
	if (shapes[j->req.op] & NO_REPLY) {
		do_quiet(p, j);
		return;
	}
	if (p == first && !first->asked)
		pico_first_asked();
	switch (j->req.op) {
	case MON_OPEN: job_start(p, j, channel_op_open(j)); return;
	case MON_FETCH: job_start(p, j, channel_op_fetch(j)); return;
	case MON_QUERY: job_start(p, j, channel_op_query(j)); return;
	case MON_SET: job_start(p, j, channel_op_set(j)); return;
	case MON_ENUM: job_start(p, j, file_enum(j)); return;
	case MON_DELETE: job_start(p, j, channel_op_delete(j)); return;
	case MON_RENAME: job_start(p, j, file_rename(j)); return;
	case MON_LENGTH: job_start(p, j, stream_length(j)); return;
	case MON_FLUSH: job_start(p, j, stream_flush(j)); return;
	case MON_SPAWN: job_start(p, j, channel_op_spawn(j)); return;
	case MON_CLONE: job_start(p, j, channel_op_clone(j)); return;
	case MON_SPREAD: job_start(p, j, channel_op_spread()); return;
	case MON_USAGE: job_start(p, j, usage_query(j)); return;
	case MON_ACCEPT: job_start(p, j, net_accept(j)); return;
	case MON_SEND: job_start(p, j, net_send(j)); return;
	case MON_RECEIVE: job_start(p, j, net_receive(j)); return;
	}
}

/* NULL, or what is wrong with this message of n bytes. */
static const char *check(struct pico *p, struct job *j, size_t n)
{
	uint8_t shape;

	if (n < sizeof j->req)
		return "a request was too short";
	if (j->req.op >= MON_OP_COUNT)
		return "a request had an unknown number";
	if (j->req.text_len != n - sizeof j->req || j->req.text_len > MON_TEXT_MAX)
		return "a request's size was wrong";
	shape = shapes[j->req.op];
	j->text[j->req.text_len] = 0;
	if ((shape & 3) == TEXT_NONE && j->req.text_len != 0)
		return "a request had text that it must not have";
	if ((shape & 3) == TEXT_URI && j->req.text_len == 0)
		return "a request lacked its text";
	if (!(shape & (STREAM_YES | STREAM_OR_URI)) && j->req.stream != 0)
		return "a request named a stream that it must not name";
	if (p->busy && !(shape & NO_REPLY))
		return "it asked again before the answer came";
	if (j->req.op == MON_OPEN && (j->req.args[1] > DK_CREATE_ALWAYS || j->req.args[0] > 15))
		return "an open had unknown flags";
	if ((j->req.op == MON_CLONE && j->req.args[0] >= MON_PROCESSES) || (j->req.op == MON_SPAWN && j->req.args[1] >= MON_PROCESSES))
		return "a request named a process that cannot be";
	return NULL;
}

/* A stream that is named must exist: DK_INVALID_HANDLE, not death, since two guests may race. */
static bool find_stream(struct job *j)
{
	uint8_t shape = shapes[j->req.op];

	if (j->req.stream == 0)
		return !(shape & STREAM_YES);
	j->stream = stream_find(j->req.stream);
	if (!j->stream)
		return false;
	stream_hold(j->stream);
	j->fd = j->stream->fd;
	return true;
}

static void hello(struct pico *p, const struct ucred *cred)
{
	if (p->state != PICO_CLONING)
		return;
	if (!cred || cred->pid <= 0) {
		pico_kill(p, "it did not say who it is");
		return;
	}
	if (!pico_may_be(cred->pid)) {
		pico_kill(p, "another process said hello in its place");
		return;
	}
	pico_set_pid(p, cred->pid);
	p->state = p->after_hello;
}

/* After its hello; many children never say more, so this waits for the next message. */
static void need_not_say_who(struct pico *p)
{
	p->says_who = false;
	setsockopt(p->channel, SOL_SOCKET, SO_PASSCRED, &(int){ 0 }, sizeof(int));
}

/* Takes credentials out of a message's control part and closes descriptors that must not be there. */
static bool take_control(struct msghdr *m, struct ucred *cred, bool *have)
{
	bool clean = true;

	*have = false;
	for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c; c = CMSG_NXTHDR(m, c)) {
		if (c->cmsg_level != SOL_SOCKET)
			continue;
		if (c->cmsg_type == SCM_CREDENTIALS) {
			memcpy(cred, CMSG_DATA(c), sizeof *cred);
			*have = true;
		} else if (c->cmsg_type == SCM_RIGHTS) {
			unsigned n = (unsigned)((c->cmsg_len - CMSG_LEN(0)) / sizeof(int));

			for (unsigned i = 0; i < n; i++) {
				int fd;

				memcpy(&fd, CMSG_DATA(c) + i * sizeof fd, sizeof fd);
				close(fd);
			}
			clean = false;
		}
	}
	return clean;
}

/*
 * Of one that is ended, only that a copy is made on the channel it has in advance: the copy is
 * a process of its own, and kproc must hear of its end.  False: there is nothing to hear any more.
 */
static bool last_word(struct pico *p, const struct job *j, size_t n)
{
	const struct mon_request *q = &j->req;

	if (n == sizeof *q && q->op == MON_CLONE && q->text_len == 0 && q->args[0] < MON_PROCESSES && q->args[1] == p->grant)
		(void)pico_take_grant(p, q->args[1], q->args[0]);
	return p->grant != 0;
}

/* One message; false = there is none, or the channel is at its end. */
static bool receive_one(struct pico *p)
{
	static struct job job BIG_BSS;
	static unsigned char data[MON_DATA_MAX] BIG_BSS;
	union {
		struct cmsghdr h;
		char room[CMSG_SPACE(sizeof(struct ucred)) + CMSG_SPACE(8 * sizeof(int))];
	} control;
	struct iovec v[2] = { { &job.req, sizeof job.req }, { job.text, MON_TEXT_MAX + 1 } };
	struct msghdr m = { .msg_iov = v, .msg_iovlen = 2, .msg_control = &control, .msg_controllen = sizeof control };
	struct ucred cred;
	bool have_cred;
	const char *wrong;
	ssize_t n = recvmsg(p->channel, &m, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);

	/* A sender that died with an answer unread leaves this error in front of its last words. */
	if (n < 0 && errno == ECONNRESET) {
		n = recvmsg(p->channel, &m, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	}
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return false;
	if (n <= 0) {
		p->eof = true;
		return false;
	}
	wrong = take_control(&m, &cred, &have_cred) ? NULL : "it sent descriptors";
	if (p->killed)
		return last_word(p, &job, (size_t)n);
	if (!wrong && (m.msg_flags & MSG_TRUNC))
		wrong = "a request was too long";
	if (!wrong)
		wrong = check(p, &job, (size_t)n);
	if (!wrong && p->state == PICO_GRANTED)
		wrong = "it was not announced";
	if (wrong) {
		pico_kill(p, wrong);
		return false;
	}
	if (job.req.op == MON_HELLO) {
		hello(p, have_cred ? &cred : NULL);
		return !p->killed;
	}
	if (p->state == PICO_CLONING) {
		pico_kill(p, "it did not say hello first");
		return false;
	}
	if (p->says_who)
		need_not_say_who(p);
	job.pico = p->number;
	job.work = NULL;
	job.done = NULL;
	job.stream = NULL;
	job.fd = job.out_fd = job.also_fd = -1;
	job.text2 = job.text3 = job.args_name = 0;
	job.park = NULL;
	job.only_more = job.slow = job.brief = false;
	job.arg = NULL;
	job.data = data;
	job.reply = (struct mon_reply){ .op = job.req.op, .seq = job.req.seq };
	if (!find_stream(&job)) {
		if (shapes[job.req.op] & NO_REPLY)
			return true;
		job_start(p, &job, DK_INVALID_HANDLE);
		return true;
	}
	dispatch(p, &job);
	return !p->killed;
}

/* Takes the next message. */
void channel_receive(struct pico *p)
{
	uint64_t number = p->number;

	if (p->state == PICO_GRANTED) {
		channel_hear_maker(p);
		if (pico_find(number) != p)
			return;
	}
	/* One at a time: mostly there is one, and epoll says if there is another. */
	if (!p->killed) {
		receive_one(p);
		if (pico_find(number) != p)
			return;
	}
	if (p->eof && (!p->killed || p->state == PICO_GRANTED))
		pico_eof(p);
}

/* What one that is ended had said before: see last_word. */
static void channel_last_words(struct pico *p)
{
	while (p->grant != 0 && p->channel >= 0 && receive_one(p))
		;
}

/* Who has this channel in advance may have announced its use, and not been heard yet. */
void channel_hear_maker(const struct pico *granted)
{
	uint64_t number = granted->number;
	struct pico *p = pico_find(granted->parent);

	while (p && p->channel >= 0 && !p->eof && !p->killed && pico_find(number) == granted && granted->state == PICO_GRANTED)
		if (!receive_one(p))
			break;
	if (p && p->killed)
		channel_last_words(p);
}

/* Up to the hello of a clone: it may live, and go on talking for as long as it is answered. */
void channel_hear(struct pico *p)
{
	while (!p->eof && !p->killed && p->state == PICO_CLONING && receive_one(p))
		;
}

/* All that a dead picoprocess still said. */
void channel_drain(struct pico *p)
{
	while (!p->eof && !p->killed && receive_one(p))
		;
	if (p->killed)
		channel_last_words(p);
}
