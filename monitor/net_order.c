/* SPDX-License-Identifier: MIT */
/*
 * monitor/net_order.c - what is ordered from the helper, and who waits for what comes of it.
 *
 * An order has a number, and waits in a list by it: a job (an open, a listen), whose answer is sent when the descriptor
 * has come, or the end of a socket pair that an answer from a name server is written into.  What the helper's
 * socket has no room for waits in the list, too, until it has.  The helper may
 * end: then all that wait hear of an error, as do those that come later.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "monitor/monitor.h"
#include "monitor/net.h"

int net_helper_fd = -1;
static uint64_t next_id;

/* Who waits for an answer: a job (of an open), or the end of a socket pair that an answer of dns: goes to. */
struct waiter {
	struct waiter *next;
	uint64_t id;
	struct job *job;
	int fd;         /* of a question: to close; of a job: borrowed, or -1 */
	bool unsent, is_question;
	struct net_ask ask;
};
static struct waiter *waiters;
static unsigned unsent, names_waiting;

#define NAMES_WAITING 256u /* questions of one sandbox at a time; each has a descriptor here */

bool net_granted(void)
{
	return net_mode != NET_NONE || net_publish_count > 0;
}

bool net_due(void)
{
	return waiters && !waiters->is_question;
}

/* ---- orders ---- */

static bool order(uint64_t id, enum net_what what, const struct net_ask *ask, int fd)
{
	static struct net_order o;
	union {
		struct cmsghdr h;
		char room[CMSG_SPACE(sizeof(int))];
	} c = { .h = { .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS, .cmsg_len = CMSG_LEN(sizeof(int)) } };
	struct iovec v = { &o, sizeof o };
	struct msghdr m = { .msg_iov = &v, .msg_iovlen = 1 };

	o = (struct net_order){ .id = id, .what = what, .ask = *ask };
	if (fd >= 0) {
		memcpy(CMSG_DATA(&c.h), &fd, sizeof fd);
		m.msg_control = &c;
		m.msg_controllen = sizeof c;
	}
	errno = EPIPE;
	return net_helper_fd >= 0 && sendmsg(net_helper_fd, &m, MSG_NOSIGNAL | MSG_DONTWAIT) == (ssize_t)sizeof o;
}

static struct waiter *wait_for(const struct net_ask *ask)
{
	struct waiter *w = calloc(1, sizeof *w);

	if (!w)
		return NULL;
	w->id = ++next_id;
	w->fd = -1;
	w->ask = *ask;
	w->next = waiters;
	waiters = w;
	return w;
}

static struct waiter *take_waiter(uint64_t id)
{
	for (struct waiter **at = &waiters; *at; at = &(*at)->next) {
		struct waiter *w = *at;

		if (w->id != id)
			continue;
		*at = w->next;
		unsent -= w->unsent;
		return w;
	}
	return NULL;
}

static bool order_for(const struct waiter *w)
{
	const struct job *j = w->job;

	if (w->is_question)
		return order(w->id, NET_DO_DNS, &w->ask, -1);
	return order(w->id, j->req.op == MON_OPEN && w->ask.publish < 0 ? NET_DO_OPEN : NET_DO_LISTEN, &w->ask, w->fd);
}

/* Now, or when there is room; false: the helper is gone. */
static bool send_order(struct waiter *w)
{
	if (order_for(w))
		return true;
	if (errno != EAGAIN && errno != ENOBUFS && errno != ENOMEM)
		return false;
	w->unsent = true;
	if (unsent++ == 0)
		loop_set_write(net_helper_fd, LOOP_NET, 0, true);
	return true;
}

static void send_unsent(void)
{
	for (struct waiter *w = waiters; w && unsent > 0; w = w->next) {
		if (!w->unsent)
			continue;
		if (!order_for(w))
			return;
		w->unsent = false;
		unsent--;
	}
	loop_set_write(net_helper_fd, LOOP_NET, 0, false);
}

/* A connection is to be broken off, whoever has a descriptor of it; false: it is not. */
bool net_order_reset(int fd)
{
	static const struct net_ask none;

	return order(0, NET_DO_RESET, &none, fd);
}

static bool never(struct job *j, bool try)
{
	(void)j;
	(void)try;
	return false;
}

/* The name server's answer goes to fd, which is the list's from now on. */
void net_order_dns(const struct net_ask *ask, int fd)
{
	static const char busy[] = "rcode 0 2\n";
	struct waiter *w = names_waiting < NAMES_WAITING ? wait_for(ask) : NULL;

	if (w) {
		w->fd = fd;
		w->is_question = true;
		if (send_order(w)) {
			names_waiting++;
			net_more_fds++;
			return;
		}
		free(take_waiter(w->id));
	}
	(void)send(fd, busy, sizeof busy - 1, MSG_DONTWAIT | MSG_NOSIGNAL);
	close(fd);
}

/* j->arg is its waiter; the job is the heap's now. */
static void park(struct job *j)
{
	struct waiter *w = j->arg;

	w->job = j;
	if (send_order(w))
		return;
	(void)take_waiter(w->id);
	free(w);
	j->reply.status = DK_IO;
	channel_job_done(j);
}

enum dk_status net_let_wait(struct job *j, const struct net_ask *ask, int fd)
{
	struct waiter *w = wait_for(ask);

	if (!w)
		return DK_NO_MEMORY;
	w->fd = fd;
	j->arg = w;
	j->work = never;
	j->park = park;
	return DK_OK;
}

/* ---- the helper's answers ---- */

/* What the sandbox is about to be told holds for its rules of names. */
static void learn(const struct net_ask *ask, const char *text, size_t len)
{
	char line[DK_SOCKET_OPTION_SIZE], word[64];
	unsigned ttl;

	for (const char *end = text + len; text < end;) {
		const char *stop = memchr(text, '\n', (size_t)(end - text)), *p = word + 1;
		struct dk_inet a;

		if (!stop)
			return;
		snprintf(line, sizeof line, "%.*s", (int)(stop - text), text);
		text = stop + 1;
		word[0] = '[';
		if (sscanf(line, "a %u %60s", &ttl, word + 1) == 2 ? net_take_addr(&p, &a) :
		    sscanf(line, "aaaa %u %60s", &ttl, word + 1) == 2 && (strcat(word, "]"), p = word, net_take_addr(&p, &a)))
			net_learn(ask->name, &a, ttl);
	}
}

static void finish_job(struct waiter *w, const struct net_answer *a, int fd)
{
	struct job *j = w->job;

	j->reply.status = status_of_errno(a->err);
	if (a->err == 0 && j->req.op == MON_OPEN) {
		net_opened(j, &w->ask, &a->name, fd);
	} else if (fd >= 0) {
		close(fd);
	}
	channel_job_done(j);
}

static void finish_question(struct waiter *w, const struct net_answer *a, const char *data)
{
	learn(&w->ask, data, a->len);
	(void)send(w->fd, data, a->len, MSG_DONTWAIT | MSG_NOSIGNAL); /* it fits a new socket's buffer */
	close(w->fd);
	names_waiting--;
	net_more_fds--;
}

/* fd is taken. */
static void finish(struct waiter *w, const struct net_answer *a, const char *data, int fd)
{
	if (w->is_question)
		finish_question(w, a, data);
	if (w->job)
		finish_job(w, a, fd);
	else if (fd >= 0)
		close(fd);
	free(w);
}

static void helper_gone(void)
{
	static const struct net_answer none = { .err = EIO };

	loop_remove(net_helper_fd);
	close(net_helper_fd);
	net_helper_fd = -1;
	unsent = 0;
	log_line(DK_LOG_ERROR, "the helper for the network ended: nothing outside can be reached from now on");
	while (waiters) {
		struct waiter *w = waiters;

		waiters = w->next;
		finish(w, &none, "", -1);
	}
}

/* One message; its size, 0 at the end, -1 = none yet. */
ssize_t net_hear(struct net_answer *a, char *data, int *fd, int flags)
{
	union {
		struct cmsghdr h;
		char room[CMSG_SPACE(sizeof(int))];
	} c;
	struct iovec v[2] = { { a, sizeof *a }, { data, NET_ANSWER_MAX } };
	struct msghdr m = { .msg_iov = v, .msg_iovlen = 2, .msg_control = &c, .msg_controllen = sizeof c };
	ssize_t n;
	struct cmsghdr *h;

	do
		n = recvmsg(net_helper_fd, &m, MSG_CMSG_CLOEXEC | flags);
	while (n < 0 && errno == EINTR);
	*fd = -1;
	if (n < 0)
		return errno == EAGAIN ? -1 : 0;
	h = CMSG_FIRSTHDR(&m);
	if (h && h->cmsg_type == SCM_RIGHTS)
		memcpy(fd, CMSG_DATA(h), sizeof *fd);
	return n < (ssize_t)sizeof *a || (size_t)n - sizeof *a != a->len ? 0 : n;
}

void net_event(void)
{
	static char data[NET_ANSWER_MAX] BIG_BSS;
	struct net_answer a;
	ssize_t n = 0;
	int fd;

	while (net_helper_fd >= 0 && (n = net_hear(&a, data, &fd, MSG_DONTWAIT)) > 0) {
		struct waiter *w = take_waiter(a.id);

		if (w)
			finish(w, &a, data, fd);
		else if (fd >= 0)
			close(fd);
	}
	if (net_helper_fd >= 0 && n == 0)
		helper_gone();
	else if (unsent > 0)
		send_unsent();
}
