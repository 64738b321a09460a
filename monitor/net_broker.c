/* SPDX-License-Identifier: MIT */
/*
 * monitor/net_broker.c - brokered streams: the monitor's side of the relay (net_relay.c).
 *
 * Where everything is brokered, a connection that the sandbox gets is one end of a pair, whose other end and socket
 * the relay has; what is asked of the stream (names, options, errors) is still asked of the socket, of which the monitor keeps a copy.
 * Datagrams pass through the monitor anyway, or do now (net_datagram.c); it tells the relay of each.
 *
 * Nothing waits: orders that the relay's socket has no room for are kept, in their order.  Notes of datagrams are lost
 * then, as a capture loses packets, and counted.  When the relay ends alone its connections have ended, some as if their peers had,
 * and there are no new ones.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "monitor/monitor.h"
#include "monitor/net_relay.h"

#define PLUG_PIECE 16384u
#define PLUG_MAX   64u /* of them */

struct unsent {
	struct unsent *next;
	struct relay_order order;
	int fd[3];
};

int net_relay_fd = -1;
bool net_brokered;
struct dk_inet net_own[2];
static struct unsent *unsent, **unsent_end = &unsent;
static uint64_t lost;

static bool send_order(const struct relay_order *o, const void *data, size_t len, const int *fd)
{
	union {
		struct cmsghdr h;
		char room[CMSG_SPACE(3 * sizeof(int))];
	} c = { .h = { .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS, .cmsg_len = CMSG_LEN(3 * sizeof(int)) } };
	struct iovec v[2] = { { (void *)o, sizeof *o }, { (void *)data, len } };
	struct msghdr m = { .msg_iov = v, .msg_iovlen = len ? 2 : 1 };

	if (fd) {
		memcpy(CMSG_DATA(&c.h), fd, 3 * sizeof *fd);
		m.msg_control = &c;
		m.msg_controllen = sizeof c;
	}
	return sendmsg(net_relay_fd, &m, MSG_NOSIGNAL | MSG_DONTWAIT) >= 0;
}

static void close_three(const int *fd)
{
	for (unsigned i = 0; i < 3; i++)
		if (fd[i] >= 0)
			close(fd[i]);
}

/* False: it is not, and never will be. */
static bool keep(const struct relay_order *o, const int *fd)
{
	struct unsent *u = calloc(1, sizeof *u);

	if (!u)
		return false;
	u->order = *o;
	for (unsigned i = 0; i < 3; i++)
		u->fd[i] = fd ? fcntl(fd[i], F_DUPFD_CLOEXEC, 3) : -1;
	if (fd && (u->fd[0] < 0 || u->fd[1] < 0 || u->fd[2] < 0)) {
		close_three(u->fd);
		free(u);
		return false;
	}
	if (!unsent)
		loop_set_write(net_relay_fd, LOOP_NET, 1, true);
	*unsent_end = u;
	unsent_end = &u->next;
	return true;
}

static bool order(const struct relay_order *o, const int *fd)
{
	if (net_relay_fd < 0)
		return false;
	if (!unsent && send_order(o, NULL, 0, fd))
		return true;
	return (unsent || errno == EAGAIN || errno == ENOBUFS || errno == ENOMEM || errno == ETOOMANYREFS) && keep(o, fd);
}

static void send_unsent(void)
{
	struct unsent *u;

	while ((u = unsent) != NULL && send_order(&u->order, NULL, 0, u->fd[0] >= 0 ? u->fd : NULL)) {
		unsent = u->next;
		if (!unsent)
			unsent_end = &unsent;
		close_three(u->fd);
		free(u);
	}
	if (!unsent)
		loop_set_write(net_relay_fd, LOOP_NET, 1, false);
}

/* ---- connections ---- */

bool net_broker_pair(int pair[2], uint32_t *plug)
{
	static const char zeros[PLUG_PIECE] BIG_BSS;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) < 0)
		return false;
	for (unsigned i = 0; plug && i < PLUG_MAX; i++) {
		struct pollfd p = { .fd = pair[0], .events = POLLOUT };
		ssize_t n = poll(&p, 1, 0) == 1 && p.revents & POLLOUT ? send(pair[0], zeros, sizeof zeros, MSG_DONTWAIT | MSG_NOSIGNAL) : 0;

		if (n <= 0)
			break;
		*plug += (uint32_t)n;
	}
	return true;
}

bool net_broker(struct stream *s, bool accepted, const struct dk_inet *from, const struct dk_inet *to, int end, uint32_t plug)
{
	struct relay_order o = { .id = s->number, .what = RELAY_CONNECTION, .arg = accepted, .plug = plug, .from = *from, .to = *to };

	return order(&o, (const int[3]){ s->socket, end, s->fd });
}

void net_broker_tell(const struct stream *s, enum relay_what what, uint32_t arg)
{
	struct relay_order o = { .id = s->number, .what = what, .arg = arg };

	(void)order(&o, NULL);
}

/* ---- what passed elsewhere ---- */

static void note(const struct relay_order *o, const void *data, size_t len)
{
	if (net_relay_fd >= 0 && !unsent && len <= RELAY_DATA_MAX && !send_order(o, data, len, NULL))
		lost++;
}

void net_note_datagram(const struct dk_inet *from, const struct dk_inet *to, const void *data, size_t len)
{
	struct relay_order o = { .what = RELAY_DATAGRAM, .from = *from, .to = *to };

	note(&o, data, len);
}

void net_note_exchange(const struct dk_inet *from, const struct dk_inet *to, const void *ask, size_t ask_len, const void *answer, size_t len)
{
	struct relay_order o = { .what = RELAY_EXCHANGE, .arg = (uint32_t)ask_len, .from = *from, .to = *to };
	char *both = net_relay_fd >= 0 && ask_len + len <= RELAY_DATA_MAX ? malloc(ask_len + len) : NULL;

	if (!both)
		return;
	memcpy(both, ask, ask_len);
	memcpy(both + ask_len, answer, len);
	note(&o, both, ask_len + len);
	free(both);
}

/* ---- what the relay says ---- */

static void relay_gone(void)
{
	loop_remove(net_relay_fd);
	close(net_relay_fd);
	net_relay_fd = -1;
	for (struct unsent *u; (u = unsent) != NULL;) {
		unsent = u->next;
		close_three(u->fd);
		free(u);
	}
	unsent_end = &unsent;
	log_line(DK_LOG_ERROR, "the relay for the network ended: its connections have ended, and there are no new ones");
}

static void heard(const struct relay_said *said)
{
	struct stream *s;

	if (said->id == RELAY_FILE) {
		log_line(DK_LOG_WARNING, "net: %s ends here (%s); the sandbox goes on", spec.pcap, strerror(said->err));
		return;
	}
	s = stream_find(said->id);
	if (s && s->kind == STREAM_TCP)
		s->error = said->err;
}

void net_broker_event(void)
{
	struct relay_said said;
	ssize_t n = -1;

	while (net_relay_fd >= 0 && (n = recv(net_relay_fd, &said, sizeof said, MSG_DONTWAIT)) == (ssize_t)sizeof said)
		heard(&said);
	if (net_relay_fd >= 0 && (n >= 0 || (errno != EAGAIN && errno != EINTR)))
		relay_gone();
	else if (unsent)
		send_unsent();
}

/* ---- the end ---- */

void net_broker_end(void)
{
	if (lost)
		log_line(DK_LOG_WARNING, "net: %llu datagrams are not in %s: they came too fast", (unsigned long long)lost, spec.pcap);
	if (net_relay_fd >= 0)
		close(net_relay_fd);
	net_relay_fd = -1;
}
