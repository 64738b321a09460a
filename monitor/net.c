/* SPDX-License-Identifier: MIT */
/*
 * monitor/net.c - the loop thread's part of the network outside.
 *
 * An open is parsed (net_uri.c), judged (net_rule.c), and then ordered (net_order.c) from the helper (net_helper.c), which
 * makes the socket; the job waits in a list until the descriptor comes.  Nothing here waits: connects are under way
 * when their stream is handed over, and an answer from a name server is written, when it comes, into a socket pair
 * whose other end the asker has had since he asked.
 *
 * What -p publishes is bound by the helper before the guest runs; its descriptors stay here, and a server stream of it
 * is a copy: listening as long as it is open, shut down when it is closed, which leaves the port bound.
 *
 * Who is answered by datagrams without being asked for is anybody's address, so without --net host a udp: stream's
 * datagrams pass through here (net_datagram.c): pal's descriptor of it only says that there is one.
 *
 * Where everything is brokered (--pcap) all datagrams do, and the sandbox's end of a connection is a pair's (net_broker.c).
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "monitor/monitor.h"
#include "monitor/net_relay.h"

struct net_publish net_published[NET_PUBLISH_MAX];
unsigned net_publish_count;
int net_published_fd[NET_PUBLISH_MAX];
unsigned net_more_fds;
static unsigned published_open[NET_PUBLISH_MAX]; /* server streams of it */

/* ---- streams ---- */

/* A datagram socket that is looked at here only: the descriptor that the asker gets says when there is one. */
static int bell_of(int sock)
{
	struct epoll_event e = { .events = EPOLLIN };
	int fd = epoll_create1(EPOLL_CLOEXEC);

	if (fd >= 0 && epoll_ctl(fd, EPOLL_CTL_ADD, sock, &e) < 0) {
		close(fd);
		return -1;
	}
	return fd;
}

/* What a socket becomes for the sandbox. */
struct handed {
	int fd;        /* the sandbox's; the socket itself, or */
	int relay;     /* the other end of a pair, or -1 */
	uint32_t plug;
};

static bool hand_over(const struct net_ask *ask, bool connecting, int sock, struct handed *h)
{
	bool bell = ask->proto == NET_UDP && (net_brokered || (ask->kind == NET_BOUND && net_mode != NET_HOST));
	int pair[2];

	*h = (struct handed){ .fd = bell ? bell_of(sock) : sock, .relay = -1 };
	if (!net_brokered || ask->proto == NET_UDP || ask->kind == NET_SERVER)
		return h->fd >= 0;
	if (net_relay_fd < 0 || !net_broker_pair(pair, connecting ? &h->plug : NULL))
		return false;
	h->fd = pair[0];
	h->relay = pair[1];
	return true;
}

static void drop_handed(const struct handed *h, int sock)
{
	close(sock);
	if (h->fd != sock && h->fd >= 0)
		close(h->fd);
	if (h->relay >= 0)
		close(h->relay);
}

/* What its packets are told with, and with a connection the relay gets to know it.  False: it cannot be had. */
static bool broker(struct stream *s, const struct net_ask *ask, const struct handed *h, const struct dk_inet *own, const struct dk_inet *peer)
{
	bool good = true;

	if (!net_brokered || ask->kind == NET_SERVER)
		return true;
	if (h->relay >= 0) {
		s->brokered = true;
		good = net_broker(s, h->plug == 0, own, peer, h->relay, h->plug);
		close(h->relay);
		return good;
	}
	s->ends = malloc(sizeof *s->ends);
	if (s->ends)
		*s->ends = (struct net_ends){ .own = *own, .peer = *peer };
	return s->ends != NULL;
}

/* sock is taken.  own and peer: its names, as far as they are known; connecting: the end of that is not. */
static struct stream *socket_stream(const struct net_ask *ask, int sock, const struct dk_inet *own, const struct dk_inet *peer, bool connecting)
{
	uint32_t flags = MON_FD_SOCKET | MON_FD_NOWAIT | MON_FD_READ | MON_FD_WRITE;
	struct handed h;
	bool bell;
	struct stream *s;

	if (!hand_over(ask, connecting, sock, &h)) {
		drop_handed(&h, sock);
		return NULL;
	}
	bell = h.fd != sock && h.relay < 0;
	if (ask->proto == NET_UDP)
		flags |= MON_FD_DATAGRAM;
	if (ask->kind == NET_SERVER)
		flags |= MON_FD_SERVER;
	if (ask->kind == NET_CLIENT && ask->proto == NET_TCP)
		flags |= MON_FD_CONNECTION;
	if (bell)
		flags &= ~(uint32_t)MON_FD_SOCKET;
	s = stream_new(ask->kind == NET_SERVER ? STREAM_SERVER : ask->proto == NET_UDP ? STREAM_UDP : STREAM_TCP, h.fd, flags, DK_READ | DK_WRITE);
	if (!s) {
		drop_handed(&h, sock);
		return NULL;
	}
	net_more_fds += h.fd != sock;
	s->socket = sock;
	s->v4 = ask->addr.family == 4;
	s->published = (uint16_t)(ask->publish + 1);
	if (s->published)
		published_open[ask->publish]++;
	if (broker(s, ask, &h, own, peer))
		return s;
	stream_close(s);
	return NULL;
}

/* The answer to an open. */
static void give(struct job *j, struct stream *s)
{
	if (!s) {
		j->reply.status = DK_TOO_MANY;
		return;
	}
	stream_count(s, j->pico);
	j->stream = s;
	stream_hold(s);
	j->reply.value[0] = s->number;
	j->reply.fds = 1;
	j->reply.fd_flags = s->fd_flags;
	j->reply.attr = (struct dk_attributes){ .type = DK_TYPE_SOCKET, .mode = 0666, .nlink = 1, .rights = DK_READ | DK_WRITE };
}

void net_opened(struct job *j, const struct net_ask *ask, const struct dk_inet *name, int fd)
{
	static struct dk_inet own;

	if (ask->publish >= 0)
		fd = fcntl(net_published_fd[ask->publish], F_DUPFD_CLOEXEC, 3);
	if (fd < 0)
		j->reply.status = DK_TOO_MANY;
	else
		give(j, socket_stream(ask, fd, name, &ask->addr, ask->kind == NET_CLIENT));
	net_counts.connections += ask->kind == NET_CLIENT;
	if (j->stream && j->req.args[2] & DK_OPTION_INLINE && ask->publish < 0) {
		own = *name;
		j->data = (unsigned char *)&own; /* lent: the answer goes out at once */
		j->reply.data_len = sizeof own;
	}
	/* Nobody is there any more to close it. */
	if (j->stream && !pico_find(j->pico))
		stream_close(j->stream);
}

/* As close(2) has it: what was not read, or a lingering of no time, breaks the connection off. */
static bool ends_in_reset(const struct stream *s)
{
	struct linger l = { 0 };
	socklen_t len = sizeof l;
	int unread = 0;

	if (ioctl(s->fd, FIONREAD, &unread) == 0 && unread > 0) /* what a relay has not passed on yet is its to find */
		return true;
	return getsockopt(s->socket, SOL_SOCKET, SO_LINGER, &l, &len) == 0 && l.l_onoff && l.l_linger == 0;
}

void net_closed(struct stream *s)
{
	bool last = !s->published || --published_open[s->published - 1] == 0;

	net_count_closed(s);
	/* Other picoprocesses may still have it, without a use for it. */
	if (s->brokered) {
		net_broker_tell(s, RELAY_CLOSE, ends_in_reset(s));
	} else if (s->kind == STREAM_TCP && ends_in_reset(s) && net_order_reset(s->socket)) {
		/* the helper does it */
	} else if ((s->kind == STREAM_SERVER && last) || s->kind == STREAM_TCP) {
		shutdown(s->socket, SHUT_RDWR);
	}
	if (s->socket != s->fd) {
		close(s->socket);
		net_more_fds--;
	}
	free(s->peers);
	free(s->ends);
}

/* ---- opens ---- */

void net_say_refused(const struct net_ask *ask)
{
	static struct {
		struct dk_inet addr;
		uint8_t proto;
	} said[32];
	static unsigned next;
	char text[NET_TEXT_MAX];
	const char *proto = ask->proto == NET_TCP ? "tcp" : "udp";

	net_counts.refused++;
	for (unsigned i = 0; i < ARRAY_LEN(said); i++)
		if (said[i].proto == ask->proto && said[i].addr.port == ask->addr.port && net_same_addr(&said[i].addr, &ask->addr))
			return;
	said[next].addr = ask->addr;
	said[next++ % ARRAY_LEN(said)].proto = ask->proto;
	next %= ARRAY_LEN(said);
	net_text(&ask->addr, text);
	if (ask->kind == NET_CLIENT)
		log_line(DK_LOG_WARNING, "net: %s to %s is refused: no rule allows it (--net allow:%s/%s would)", proto, text, text, proto);
	else
		log_line(DK_LOG_WARNING, "net: a %s port of the host, %s, is refused: it is not published (-p would)", proto, text);
}

static enum dk_status open_published(struct job *j, const struct net_ask *ask)
{
	const struct net_publish *p = &net_published[ask->publish];
	static const struct dk_inet nobody;
	struct stream *s;
	int fd;

	if ((unsigned)ask->publish >= net_publish_count || p->guest != ask->addr.port || p->proto != ask->proto) {
		net_say_refused(ask);
		return DK_DENIED;
	}
	if (ask->proto == NET_TCP && ask->listen)
		return net_let_wait(j, ask, net_published_fd[ask->publish]);
	fd = fcntl(net_published_fd[ask->publish], F_DUPFD_CLOEXEC, 3);
	if (fd < 0)
		return status_of_errno(errno);
	if (ask->proto == NET_UDP)
		net_drain(fd);
	s = socket_stream(ask, fd, &p->host, &nobody, false);
	give(j, s);
	return s ? DK_OK : DK_TOO_MANY;
}

/* The policy.  What goes to the host itself is called by its name first. */
static enum dk_status judge(struct net_ask *ask)
{
	if (ask->kind == NET_CLIENT)
		net_any_to_loopback(&ask->addr);
	if (net_mode == NET_HOST)
		return DK_OK;
	if (ask->kind == NET_CLIENT && net_may_reach(&ask->addr, (enum net_proto)ask->proto))
		return DK_OK;
	/* A port of no number, to send from: each datagram is judged. */
	if (ask->kind == NET_BOUND && net_mode == NET_RULES && ask->addr.port == 0)
		return DK_OK;
	net_say_refused(ask);
	return DK_DENIED;
}

/* A name may be looked up if the rules have it; an address's, if it may be reached at all. */
static bool may_ask(const struct net_ask *ask)
{
	struct dk_inet a = ask->addr;

	if (net_mode == NET_NONE)
		return false;
	if (ask->type != 12)
		return net_may_look_up(ask->name);
	return net_may_look_up_all() || net_may_reach(&a, NET_TCP) || net_may_reach(&a, NET_UDP);
}

static void refuse_name(const struct net_ask *ask, int fd)
{
	static char last[NET_NAME_MAX + 1];
	static const char text[] = "rcode 0 5\n";

	net_counts.refused++;
	if (strcmp(last, ask->name) != 0)
		log_line(DK_LOG_WARNING, "net: the name %s is not looked up: no rule allows it (--net allow:%s would)", ask->name, ask->name);
	memcpy(last, ask->name, sizeof last);
	(void)send(fd, text, sizeof text - 1, MSG_DONTWAIT | MSG_NOSIGNAL);
}

static enum dk_status open_dns(struct job *j, const struct net_ask *ask)
{
	struct stream *s;
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
		return status_of_errno(errno);
	s = stream_new(STREAM_PIPE, pair[0], MON_FD_SOCKET | MON_FD_NOWAIT | MON_FD_READ, DK_READ);
	if (!s) {
		close(pair[0]);
		close(pair[1]);
		return DK_TOO_MANY;
	}
	give(j, s);
	if (!may_ask(ask)) {
		refuse_name(ask, pair[1]);
		close(pair[1]);
		return DK_OK;
	}
	net_counts.names++;
	net_order_dns(ask, pair[1]);
	return DK_OK;
}

enum dk_status net_open(struct job *j)
{
	static struct net_ask ask;
	const struct pico *p = pico_find(j->pico);
	enum dk_status status = net_uri_parse(j->text, &ask);

	if (status != DK_OK)
		return status;
	if (!net_granted())
		return DK_NET_UNREACHABLE;
	if (p && !stream_share_left(p))
		return DK_TOO_MANY;
	if (ask.kind == NET_DNS)
		return open_dns(j, &ask);
	if (ask.publish >= 0)
		return open_published(j, &ask);
	status = judge(&ask);
	return status == DK_OK ? net_let_wait(j, &ask, -1) : status;
}

/* DK_ATTR_SOCKET_LISTEN. */
enum dk_status net_listen(struct job *j)
{
	static struct net_ask ask;
	uint32_t backlog;

	if (j->stream->kind != STREAM_SERVER || j->req.text_len != sizeof backlog)
		return DK_INVALID_ARG;
	memcpy(&backlog, j->text, sizeof backlog);
	ask = (struct net_ask){ .backlog = backlog > INT32_MAX ? INT32_MAX : backlog, .publish = -1 };
	return net_let_wait(j, &ask, j->stream->socket);
}

/* ---- connections ---- */

static bool accept_one(struct job *j, struct dk_accepted *out)
{
	static const struct net_ask connection = { .kind = NET_CLIENT, .proto = NET_TCP, .publish = -1 };
	struct sockaddr_storage sa = { 0 };
	socklen_t len = sizeof sa;
	struct stream *s;
	int fd;

	do
		fd = accept4(j->stream->socket, (struct sockaddr *)&sa, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);
	while (fd < 0 && (errno == ECONNABORTED || errno == EPROTO || errno == EINTR));
	if (fd < 0)
		return false;
	net_from_sockaddr(&sa, &out->peer);
	len = sizeof sa;
	if (getsockname(fd, (struct sockaddr *)&sa, &len) == 0)
		net_from_sockaddr(&sa, &out->local);
	s = socket_stream(&connection, fd, &out->local, &out->peer, false);
	if (!s) {
		errno = EMFILE;
		return false;
	}
	stream_count(s, j->pico);
	net_counts.accepted++;
	out->stream = s->number;
	j->more[j->reply.fds] = s->fd;
	return true;
}

enum dk_status net_accept(struct job *j)
{
	struct dk_accepted *out = (struct dk_accepted *)j->data;
	const struct pico *p = pico_find(j->pico);
	uint64_t max = j->req.args[0] < DK_ACCEPTED_MAX ? j->req.args[0] : DK_ACCEPTED_MAX;

	if (j->stream->kind != STREAM_SERVER || max == 0)
		return DK_INVALID_ARG;
	if (p && !stream_share_left(p))
		return DK_TOO_MANY;
	for (j->reply.fds = 0; j->reply.fds < max; j->reply.fds++) {
		out[j->reply.fds] = (struct dk_accepted){ 0 };
		if (!accept_one(j, &out[j->reply.fds]))
			break;
	}
	if (j->reply.fds == 0)
		return status_of_errno(errno);
	j->only_more = true;
	j->reply.data_len = j->reply.fds * (uint32_t)sizeof *out;
	return DK_OK;
}
