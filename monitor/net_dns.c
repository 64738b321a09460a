/* SPDX-License-Identifier: MIT */
/*
 * monitor/net_dns.c - questions to the host's name servers, in the helper.
 *
 * Each has a socket of its own, with a port and a number that nobody can guess, and hears its server alone.  UDP first,
 * TCP when the answer did not fit; a server that does not answer in time is left for the next, twice around.
 * Where there is a capture the relay is told of what was sent and came: datagrams at once, a connection when it has its answer.
 * Nothing waits: the helper's loop polls.  More questions than there are sockets for wait in line.
 */
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

#include "monitor/monitor.h"
#include "monitor/net_dns.h"
#include "monitor/net_relay.h"

#define QUESTIONS  60u
#define WAITING    1024u
#define TRY_NS     2500000000ull
#define ROUNDS     2u
#define MESSAGE    65537 /* with TCP's two bytes of length in front */

struct question {
	struct question *next; /* of those that wait in line */
	uint64_t id, until_ns;
	struct net_ask ask;
	int fd;
	bool tcp;
	unsigned tries;
	uint8_t text[2 + DNS_QUESTION_MAX]; /* behind two bytes of length, for TCP */
	size_t len, sent;
	struct dk_inet own; /* its socket's name */
	uint8_t *in;  /* TCP: what came so far */
	size_t have;
};
static struct question *asked[QUESTIONS], *line, **line_end = &line;
static unsigned asked_count, line_count;

void dns_init(void)
{
	hosts_read();
}

static void finish(struct question *q, const char *text, size_t len)
{
	helper_answer(q->id, text, len);
	if (q->fd >= 0)
		close(q->fd);
	free(q->in);
	free(q);
}

static void failed(struct question *q)
{
	char text[32];

	finish(q, text, (size_t)snprintf(text, sizeof text, "rcode 0 %d\n", DNS_SERVFAIL));
}

static int reach(const struct dk_inet *server, bool tcp)
{
	struct sockaddr_storage sa;
	socklen_t len = net_to_sockaddr(server, &sa);
	int fd = socket(sa.ss_family, (tcp ? SOCK_STREAM : SOCK_DGRAM) | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd >= 0 && connect(fd, (struct sockaddr *)&sa, len) < 0 && errno != EINPROGRESS) {
		close(fd);
		return -1;
	}
	return fd;
}

static const struct dk_inet *server_of(const struct question *q)
{
	return &dns_servers[q->tries % dns_server_count];
}

/* For a capture. */
static void name_question(struct question *q)
{
	struct sockaddr_storage sa = { 0 };
	socklen_t len = sizeof sa;

	if (net_relay_fd >= 0 && getsockname(q->fd, (struct sockaddr *)&sa, &len) == 0)
		net_from_sockaddr(&sa, &q->own);
}

/* The next server, by UDP; or the same by TCP.  false: there is nobody left to ask. */
static bool send_question(struct question *q, bool tcp)
{
	uint16_t number = 0;

	if (q->fd >= 0)
		close(q->fd);
	for (q->fd = -1; q->fd < 0; q->tries += q->fd < 0) {
		if (q->tries >= ROUNDS * dns_server_count)
			return false;
		q->fd = reach(server_of(q), tcp);
	}
	if (getrandom(&number, sizeof number, 0) != sizeof number)
		return false;
	q->len = dnsmsg_question(&q->ask, number, q->text + 2);
	if (q->len == 0)
		return false;
	q->text[0] = (uint8_t)(q->len >> 8);
	q->text[1] = (uint8_t)q->len;
	q->tcp = tcp;
	q->sent = q->have = 0;
	q->until_ns = now_ns() + TRY_NS;
	name_question(q);
	if (!tcp && send(q->fd, q->text + 2, q->len, MSG_NOSIGNAL) >= 0) /* what is lost is asked again */
		net_note_datagram(&q->own, server_of(q), q->text + 2, q->len);
	return true;
}

static bool ask_next(struct question *q)
{
	q->tries++;
	return send_question(q, false);
}

/* true: it is over. */
static bool judge(struct question *q, const uint8_t *data, size_t len)
{
	static char text[NET_ANSWER_MAX];
	size_t n;

	switch (dnsmsg_answer(data, len, q->text + 2, q->len, text, sizeof text, &n)) {
	case DNSMSG_OK:
		/* A server that cannot say: perhaps the next. */
		if ((data[3] & 15) != DNS_NOERROR && (data[3] & 15) != DNS_NXDOMAIN && ask_next(q))
			return false;
		finish(q, text, n);
		return true;
	case DNSMSG_TRUNCATED:
		if (!q->tcp && send_question(q, true))
			return false;
		break;
	case DNSMSG_NOT_OURS:
		return false;
	case DNSMSG_BROKEN:
		if (ask_next(q))
			return false;
		break;
	}
	failed(q);
	return true;
}

static bool over(struct question *q)
{
	if (ask_next(q))
		return false;
	failed(q);
	return true;
}

static bool udp_event(struct question *q)
{
	static uint8_t data[MESSAGE];
	ssize_t n = recv(q->fd, data, sizeof data, MSG_DONTWAIT);

	if (n < 0)
		return errno == EAGAIN || errno == EINTR ? false : over(q);
	net_note_datagram(server_of(q), &q->own, data, (size_t)n);
	return judge(q, data, (size_t)n);
}

static bool tcp_event(struct question *q)
{
	ssize_t n;

	if (q->sent < q->len + 2) {
		n = send(q->fd, q->text + q->sent, q->len + 2 - q->sent, MSG_NOSIGNAL | MSG_DONTWAIT);
		if (n < 0)
			return errno == EAGAIN || errno == EINTR ? false : over(q);
		q->sent += (size_t)n;
		return false;
	}
	if (!q->in && !(q->in = malloc(MESSAGE)))
		return over(q);
	n = recv(q->fd, q->in + q->have, MESSAGE - q->have, MSG_DONTWAIT);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return false;
	if (n <= 0)
		return over(q);
	q->have += (size_t)n;
	if (q->have < 2 || q->have < 2 + ((size_t)q->in[0] << 8 | q->in[1]))
		return false;
	net_note_exchange(&q->own, server_of(q), q->text, q->len + 2, q->in, q->have);
	return judge(q, q->in + 2, (size_t)q->in[0] << 8 | q->in[1]);
}

static void start(struct question *q)
{
	if (send_question(q, false))
		asked[asked_count++] = q;
	else
		failed(q);
}

static void forget(unsigned i)
{
	asked[i] = asked[--asked_count];
	while (line && asked_count < QUESTIONS) {
		struct question *q = line;

		line = q->next;
		if (!line)
			line_end = &line;
		line_count--;
		start(q);
	}
}

void dns_ask(uint64_t id, const struct net_ask *ask)
{
	static char text[NET_ANSWER_MAX];
	size_t n = hosts_answer(ask, text, sizeof text);
	struct question *q;

	if (n > 0) {
		helper_answer(id, text, n);
		return;
	}
	q = line_count < WAITING ? calloc(1, sizeof *q) : NULL;
	if (!q) {
		n = (size_t)snprintf(text, sizeof text, "rcode 0 %d\n", DNS_SERVFAIL);
		helper_answer(id, text, n);
		return;
	}
	q->id = id;
	q->ask = *ask;
	q->fd = -1;
	if (asked_count < QUESTIONS) {
		start(q);
		return;
	}
	*line_end = q;
	line_end = &q->next;
	line_count++;
}

unsigned dns_poll(struct pollfd *fds, unsigned max, int *timeout_ms)
{
	uint64_t least = UINT64_MAX, now = asked_count ? now_ns() : 0;
	unsigned n = asked_count < max ? asked_count : max;

	for (unsigned i = 0; i < n; i++) {
		bool sending = asked[i]->tcp && asked[i]->sent < asked[i]->len + 2;

		fds[i] = (struct pollfd){ .fd = asked[i]->fd, .events = sending ? POLLOUT : POLLIN };
		if (asked[i]->until_ns < least)
			least = asked[i]->until_ns;
	}
	*timeout_ms = n == 0 ? -1 : least <= now ? 0 : (int)((least - now) / 1000000) + 1;
	return n;
}

/* fds as dns_poll gave them; from the last on, since one that is over gives its place to the last. */
void dns_events(const struct pollfd *fds, unsigned n)
{
	uint64_t now = n ? now_ns() : 0;

	while (n-- > 0) {
		struct question *q = asked[n];
		bool done = false;

		if (q->fd != fds[n].fd)
			continue;
		if (fds[n].revents)
			done = q->tcp ? tcp_event(q) : udp_event(q);
		else if (q->until_ns <= now)
			done = over(q);
		if (done)
			forget(n);
	}
}
