/* SPDX-License-Identifier: MIT */
/*
 * monitor/net_datagram.c - datagrams of udp: streams that pass through the monitor.
 *
 * Each that goes out is judged: its address by the rules, or because something came from there to this published
 * port.  Each that comes in to a port that is not published is judged too, so that such a port hears whom it may speak to.
 * A long datagram comes from its picoprocess in parts, which are kept until the last one.
 * Where everything is brokered, those of a stream with a peer pass here, too, and the relay is told of all of them.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "monitor/monitor.h"
#include "monitor/net_relay.h"

#define PEERS   1024u
#define MESSAGE 65536u
#define TRIES   64u /* datagrams that are nobody's business, one after the other */

/* Who sent something to a published port: he may be answered.  A place each by his address; a newer one takes it. */
struct net_peers {
	struct dk_inet at[PEERS];
};

static struct dk_inet *peer_place(struct net_peers *peers, const struct dk_inet *a)
{
	uint32_t h = a->port;

	for (unsigned i = 0; i < 16; i++)
		h = h * 31 + a->addr[i];
	return &peers->at[h % PEERS];
}

static bool may_send(struct stream *s, const struct dk_inet *to)
{
	const struct dk_inet *p;

	if (net_may_reach(to, NET_UDP))
		return true;
	if (!s->published || !s->peers)
		return false;
	p = peer_place(s->peers, to);
	return p->port == to->port && p->port != 0 && net_same_addr(p, to);
}

static bool may_receive(struct stream *s, const struct dk_inet *from)
{
	if (!s->published)
		return net_may_reach(from, NET_UDP);
	if (!s->peers)
		s->peers = calloc(1, sizeof *s->peers);
	if (s->peers)
		*peer_place(s->peers, from) = *from;
	return true;
}

/* What came while nobody had it open. */
void net_drain(int fd)
{
	for (unsigned i = 0; i < 4096; i++)
		if (recv(fd, NULL, 0, MSG_DONTWAIT | MSG_TRUNC) < 0 && errno != EINTR)
			return;
}

static bool has_peer(const struct stream *s)
{
	return s->ends && s->ends->peer.family != 0;
}

/* An address of ours that a socket of all addresses is likely to have used. */
static void name_own(struct dk_inet *own, const struct dk_inet *peer)
{
	bool v4 = net_is_v4(peer);

	if (!net_is_any(own))
		return;
	if (net_own[!v4].family != 0 && !net_is_special(peer))
		memcpy(own->addr, net_own[!v4].addr, sizeof own->addr);
	else
		memcpy(own->addr, peer->addr, sizeof own->addr); /* the host with itself */
}

static void note(const struct stream *s, const struct dk_inet *peer, bool out, const void *data, size_t len)
{
	struct dk_inet own;

	if (!s->ends)
		return;
	own = s->ends->own;
	name_own(&own, peer);
	out ? net_note_datagram(&own, peer, data, len) : net_note_datagram(peer, &own, data, len);
}

static ssize_t receive(struct stream *s, struct dk_datagram *d, void *data, size_t room, int flags)
{
	struct sockaddr_storage sa = { 0 };
	socklen_t len = sizeof sa;
	ssize_t n;

	do
		n = recvfrom(s->socket, data, room, MSG_DONTWAIT | MSG_TRUNC | flags, (struct sockaddr *)&sa, &len);
	while (n < 0 && errno == EINTR);
	if (n >= 0)
		net_from_sockaddr(&sa, &d->peer);
	return n;
}

/* args[0] = room for its bytes, args[1] = 1: it stays. */
enum dk_status net_receive(struct job *j)
{
	struct dk_datagram *d = (struct dk_datagram *)j->data;
	size_t most = MON_DATA_MAX - sizeof *d, room = j->req.args[0] < most ? j->req.args[0] : most, take = j->stream->ends ? most : room;
	bool peek = j->req.args[1] == 1;

	if (j->stream->kind != STREAM_UDP)
		return DK_INVALID_ARG;
	for (unsigned i = 0; i < TRIES; i++) {
		ssize_t n;

		*d = (struct dk_datagram){ 0 };
		n = receive(j->stream, d, d + 1, take, peek ? MSG_PEEK : 0);
		if (n < 0)
			return status_of_errno(errno);
		if (net_mode == NET_HOST || has_peer(j->stream) || may_receive(j->stream, &d->peer)) {
			d->size = (uint32_t)n;
			if (!peek) {
				note(j->stream, &d->peer, false, d + 1, (size_t)n);
				net_counts.in++;
				net_counts.passed.packets_in++;
				net_counts.passed.bytes_in += (size_t)n;
			}
			j->reply.data_len = (uint32_t)(sizeof *d + ((size_t)n < room ? (size_t)n : room));
			return DK_OK;
		}
		if (peek) /* a peek leaves it there */
			(void)receive(j->stream, d, d + 1, 0, 0);
	}
	return DK_AGAIN;
}

/* To the only peer, or to where it may go. */
static enum dk_status send_out(struct stream *s, const struct dk_inet *to, const void *data, size_t len)
{
	struct sockaddr_storage sa;
	socklen_t salen = to ? net_to_sockaddr(to, &sa) : 0;
	ssize_t n;

	do
		n = sendto(s->socket, data, len, MSG_DONTWAIT | MSG_NOSIGNAL, to ? (struct sockaddr *)&sa : NULL, salen);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return status_of_errno(errno);
	note(s, to ? to : &s->ends->peer, true, data, len);
	net_counts.out++;
	net_counts.passed.packets_out++;
	net_counts.passed.bytes_out += len;
	return DK_OK;
}

static enum dk_status send_to(struct stream *s, struct dk_inet *to, const void *data, size_t len)
{
	struct net_ask asked = { .kind = NET_CLIENT, .proto = NET_UDP };

	if (to->family == 0 && to->port == 0)
		return has_peer(s) ? send_out(s, NULL, data, len) : DK_INVALID_ARG;
	net_any_to_loopback(to);
	to->family = net_is_v4(to) && s->v4 ? 4 : 6;
	if (s->v4 && to->family != 4)
		return DK_NET_UNREACHABLE;
	if (!may_send(s, to)) {
		asked.addr = *to;
		net_say_refused(&asked);
		return DK_DENIED;
	}
	return send_out(s, to, data, len);
}

/* text: struct dk_inet, zeros for a stream that has a peer, then bytes; args[0] = 1: more of them come with the next. */
enum dk_status net_send(struct job *j)
{
	struct pico *p = pico_find(j->pico);
	size_t head = sizeof(struct dk_inet), len = j->req.text_len - head;
	enum dk_status status = DK_OK;
	struct dk_inet to;

	if (j->stream->kind != STREAM_UDP || j->req.text_len < head || !p)
		return DK_INVALID_ARG;
	memcpy(&to, j->text, sizeof to);
	if (p->part_len + len > MESSAGE) {
		p->part_len = 0;
		return DK_MESSAGE_SIZE;
	}
	if (p->part_len == 0 && j->req.args[0] != 1)
		return send_to(j->stream, &to, j->text + head, len);
	if (!p->part && !(p->part = malloc(MESSAGE)))
		return DK_NO_MEMORY;
	memcpy(p->part + p->part_len, j->text + head, len);
	p->part_len += (uint32_t)len;
	if (j->req.args[0] == 1)
		return DK_OK;
	status = send_to(j->stream, &to, p->part, p->part_len);
	p->part_len = 0;
	return status;
}
