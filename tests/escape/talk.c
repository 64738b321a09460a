/* SPDX-License-Identifier: MIT */
/*
 * tests/escape/talk.c - the attacker's own way of speaking to the monitor: one request, one answer, by
 * pal's instruction.  The channel is found by trying every descriptor number.
 */
#include <poll.h>

#include "attack.h"

int channel = -1;
static uint32_t seq = 0x7f000000;
struct answer answer;
int answer_fd;
int answer_second;

long raw_send(int fd, const void *msg, size_t len)
{
	return host_call(SYS_sendto, (uint64_t)fd, (uint64_t)msg, len, MSG_NOSIGNAL, 0, 0);
}

/* One message, waiting at most ms; its size or -errno. */
long raw_receive(int fd, long ms)
{
	struct iovec iov = { &answer, sizeof answer };
	union {
		struct cmsghdr h;
		char room[CMSG_SPACE(4 * sizeof(int))];
	} c;
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = &c, .msg_controllen = sizeof c };
	long until = now_ms() + ms, left, n;

	for (unsigned tries = 0;; tries++) {
		struct pollfd p = { .fd = fd, .events = POLLIN };
		struct timespec t;

		m.msg_controllen = sizeof c;
		n = host_call(SYS_recvmsg, (uint64_t)fd, (uint64_t)&m, MSG_DONTWAIT, 0, 0, 0);
		if (n != -EAGAIN)
			break;
		left = until - now_ms();
		if (left <= 0)
			break;
		t = (struct timespec){ left / 1000, left % 1000 * 1000000 };
		if (tries >= 60) /* as pal does: it mostly comes soon */
			host_call(SYS_ppoll, (uint64_t)&p, 1, (uint64_t)&t, 0, 0, 0);
	}
	answer_fd = answer_second = -1;
	if (n > 0 && m.msg_controllen >= sizeof c.h && c.h.cmsg_type == SCM_RIGHTS) {
		memcpy(&answer_fd, CMSG_DATA(&c.h), sizeof answer_fd);
		if (c.h.cmsg_len >= CMSG_LEN(2 * sizeof(int)))
			memcpy(&answer_second, CMSG_DATA(&c.h) + sizeof(int), sizeof answer_second);
	}
	return n;
}

void doze(unsigned ms)
{
	struct timespec t = { ms / 1000, ms % 1000 * 1000000l };

	host_call(SYS_ppoll, 0, 0, (uint64_t)&t, 0, 0, 0);
}

void await_death(void)
{
	doze(PATIENCE_MS / 2);
	page->outlived = 1;
	host_call(SYS_exit_group, 1, 0, 0, 0, 0, 0);
}

struct message msg;

void request(uint32_t op, uint64_t stream, const void *text, size_t len)
{
	memset(&msg.q, 0, sizeof msg.q);
	msg.q.op = op;
	msg.q.seq = seq++;
	msg.q.stream = stream;
	msg.q.text_len = (uint32_t)len;
	memcpy(msg.text, text ? text : "", len);
}

static int quiet(uint32_t op)
{
	return op == MON_HELLO || op == MON_CLOSE || op == MON_CLONED || op == MON_LOG || op == MON_PANIC || op == MON_EXIT || op == MON_BEAT || op == MON_TUNE;
}

/* Sends msg; the answer's status, or -errno; descriptors that come are closed unless keep. */
long ask(int keep)
{
	long n = raw_send(channel, &msg, sizeof msg.q + msg.q.text_len);

	answer_fd = -1;
	if (n < 0 || quiet(msg.q.op))
		return n < 0 ? n : 0;
	do {
		n = raw_receive(channel, PATIENCE_MS / 2);
	} while (n >= (long)sizeof answer.r && answer.r.seq != msg.q.seq);
	if (n < (long)sizeof answer.r)
		return n < 0 ? n : -EPIPE;
	page->progress++; /* slow is not stuck */
	if (answer_fd >= 0 && !keep) {
		host_call(SYS_close, (uint64_t)answer_fd, 0, 0, 0, 0, 0);
		host_call(SYS_close, (uint64_t)answer_second, 0, 0, 0, 0, 0);
		answer_fd = answer_second = -1;
	}
	return answer.r.status;
}

/* The descriptor on which a request gets an answer. */
static int find_channel(void)
{
	for (int fd = 0; fd < 4096; fd++) {
		request(MON_QUERY, 0xffffffffffull, NULL, 0);
		if (raw_send(fd, &msg.q, sizeof msg.q) != (long)sizeof msg.q)
			continue;
		if (raw_receive(fd, PATIENCE_MS / 2) >= (long)sizeof answer.r && answer.r.seq == msg.q.seq) {
			channel = fd;
			return fd;
		}
	}
	return -1;
}

void need_channel(void)
{
	if (find_channel() < 0) {
		bad("no channel was found");
		_exit(9);
	}
}
