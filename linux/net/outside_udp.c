/* SPDX-License-Identifier: MIT */
/*
 * linux/net/outside_udp.c - datagrams to and from outside.
 *
 * A socket of the sandbox keeps its own queue, and has streams of the host beside it: one that whoever may send to (with --net host, or
 * for a published port), or one for each peer (where rules are asked for each destination, and for connected sockets);
 * outside_sock.to says which.  A receive takes from the queue first.  With --net host the host's port has the number of
 * the sandbox's if it is free there.
 */
#include "linux/net/outside.h"
#include "rt/fmt.h"
#include "rt/mem.h"

#define URI_MAX 512u
#define ROOM_LOOK_NS 2000000ull

/* ---- Streams ---- */

static bool same_name(const struct inet_name *a, const struct inet_name *b)
{
	return a->port == b->port && inet_same(&a->addr, &b->addr);
}

/* Its stream for that destination, or for all; whose: whether it is that peer's alone. */
static dk_handle find(const struct sock *s, const struct inet_name *to, bool *alone)
{
	const struct outside_sock *o = s->inet->outside;
	dk_handle any = DK_NO_HANDLE;

	*alone = false;
	for (uint32_t i = 0; o != NULL && i < o->nlisten; i++) {
		if (o->to[i].port == 0) {
			any = o->listen[i];
		} else if (same_name(&o->to[i], to)) {
			*alone = true;
			return o->listen[i];
		}
	}
	return any;
}

bool outside_udp_goes(const struct sock *s, const struct inet_name *to)
{
	dk_handle stream;
	bool alone;

	if (LIKELY(!outside_listens(s)))
		return false;
	stream = find(s, to, &alone);
	/* Who asked by a published port is answered, though nothing else may go out. */
	return alone || (stream != DK_NO_HANDLE && !inet_is_local(&to->addr) && !outside_is_own(s->net, &to->addr));
}

/* Bound to the sandbox's port, or to any. */
static long open_bound(struct sock *s, uint16_t port, const char *more, dk_handle *stream)
{
	char uri[URI_MAX], place[INET_TEXT_MAX];
	int n;

	inet_text_out(place, &s->addr.in.addr, s->addr.in.scope, port);
	n = fmt_snprintf(uri, sizeof uri, "udp:%s&v6only=%d%s%s", place, s->family == AF_INET6 && inet_opt(s, OPT_V6ONLY), s->inet->reuseport ? "&reuseport=1" : "", more);
	outside_options_text(s, uri + n, sizeof uri - (size_t)n);
	return outside_open(uri, stream, NULL);
}

static long open_peer(struct sock *s, const struct inet_name *to, dk_handle *stream)
{
	char uri[URI_MAX], place[INET_TEXT_MAX];
	int n;

	inet_text_out(place, &to->addr, to->scope, to->port);
	n = fmt_snprintf(uri, sizeof uri, "udp.client:%s", place);
	outside_options_text(s, uri + n, sizeof uri - (size_t)n);
	return outside_open(uri, stream, NULL);
}

/* Room for one more peer: the oldest goes. */
static void make_room(struct sock *s)
{
	struct outside_sock *o = s->inet->outside;
	dk_handle old = DK_NO_HANDLE;

	lock_take(&s->lock);
	if (o->nlisten == OUTSIDE_LISTEN) {
		uint32_t i = o->turn++ % OUTSIDE_LISTEN;

		if (o->to[i].port == 0)
			i = o->turn++ % OUTSIDE_LISTEN;
		old = o->listen[i];
		o->nlisten--;
		o->listen[i] = o->listen[o->nlisten];
		o->to[i] = o->to[o->nlisten];
	}
	lock_drop(&s->lock);
	if (old == DK_NO_HANDLE)
		return;
	if (s->file != NULL)
		epoll_file_changed(s->file); /* which must not have it when it is closed */
	(void)DkObjectClose(old);
}

static long add_peer(struct sock *s, const struct inet_name *to)
{
	dk_handle stream;
	long err = open_peer(s, to, &stream);

	if (err != 0)
		return err;
	make_room(s);
	return outside_add(s, stream, to) ? 0 : -ENOBUFS;
}

/* The one that sends to whoever, with --net host. */
static long add_bound(struct sock *s)
{
	dk_handle stream;
	long err = open_bound(s, s->addr.in.port, "", &stream);

	if (err == -EADDRINUSE && s->inet->auto_port)
		err = open_bound(s, 0, "", &stream);
	if (err != 0)
		return err;
	return outside_add(s, stream, NULL) ? 0 : -ENOBUFS;
}

/* ---- Names ---- */

static long bind_published(const struct outside *o, struct sock *s)
{
	for (uint32_t i = 0; i < o->npublish; i++) {
		char more[24];
		dk_handle stream;
		long err;

		if (!o->publish[i].udp || o->publish[i].port != s->addr.in.port)
			continue;
		(void)fmt_snprintf(more, sizeof more, "&publish=%u", i);
		err = open_bound(s, s->addr.in.port, more, &stream);
		if (err == 0)
			(void)outside_add(s, stream, NULL);
		else
			log_line(DK_LOG_WARNING, "UDP port %u, which is published, cannot be had outside (errno %d)", s->addr.in.port, (int)-err);
	}
	return 0;
}

long outside_udp_bind(struct lx_thread *t, struct sock *s, const struct sock_name *a)
{
	const struct outside *o = outside_conf(s->net);
	long err = inet_bind(t, s, a);

	if (err != 0 || LIKELY(o == NULL) || inet_is_local(&s->addr.in.addr) || inet_is_multicast(&s->addr.in.addr))
		return err;
	if (outside_sock(s) == NULL)
		return -ENOBUFS;
	err = o->reach == OUTSIDE_HOST ? add_bound(s) : bind_published(o, s);
	if (err != 0)
		inet_unbind(s);
	return err;
}

long outside_udp_connect(struct sock *s, const struct inet_name *to)
{
	const struct outside *o = outside_conf(s->net);
	struct dk_inet host;
	uint64_t done;
	bool alone;
	long err;

	if (outside_sock(s) == NULL)
		return -ENOBUFS;
	err = find(s, to, &alone) != DK_NO_HANDLE ? 0 : add_peer(s, to);
	if (err != 0)
		return err;
	if (DkStreamAttributesQueryByHandle(find(s, to, &alone), DK_ATTR_SOCKET_NAME, &host, sizeof host, &done) == DK_OK && inet_is_any(&s->addr.in.addr)) {
		struct inet_name n = outside_local(o, s, &host, 0);

		lock_take(&s->lock);
		s->addr.in.addr = n.addr;
		s->inet->auto_addr = true;
		lock_drop(&s->lock);
	}
	return 0;
}

/* ---- Datagrams ---- */

/* The record, if the stream wants one, then the data.  How many segments; 0: no memory. */
static uint32_t segments_of(const struct iov *v, struct dk_datagram *record, struct dk_segment *seg, void **copy)
{
	uint64_t bytes;
	uint32_t n = 0;

	*copy = NULL;
	if (record != NULL)
		seg[n++] = (struct dk_segment){ record, sizeof *record };
	if (v->size == 0) {
		seg[n++] = (struct dk_segment){ seg, 0 };
		return n;
	}
	if (v->count < DK_SEGMENTS_MAX)
		return n + iov_slice(v, 0, v->size, seg + n, &bytes);
	*copy = heap_alloc(v->size);
	if (*copy == NULL)
		return 0;
	seg[n++] = (struct dk_segment){ *copy, v->size };
	return n;
}

static long write_one(dk_handle stream, const struct xfer *x, const struct dk_inet *peer, uint32_t flags)
{
	struct dk_segment seg[DK_SEGMENTS_MAX];
	struct dk_datagram record;
	uint64_t done = 0;
	void *copy;
	uint32_t n;
	enum dk_status status = DK_NO_MEMORY;

	if (peer != NULL)
		record = (struct dk_datagram){ .peer = *peer };
	n = segments_of(x->v, peer != NULL ? &record : NULL, seg, &copy);
	if (n != 0 && copy != NULL && iov_take(x->v, 0, copy, x->v->size) != x->v->size)
		status = DK_FAULT;
	else if (n != 0)
		status = DkStreamWrite(stream, DK_OFFSET_NONE, seg, n, flags | (peer != NULL ? DK_IO_PEER : 0), &done);
	heap_free(copy);
	return status == DK_OK ? (long)x->v->size : lx_err(status);
}

static long try_send(struct sock *s, const struct inet_name *to, const struct xfer *x, dk_handle *stream)
{
	const struct outside *o = outside_conf(s->net);
	struct dk_inet place = outside_place(o, to);
	uint32_t flags = DK_IO_NONBLOCK | ((x->flags & MSG_MORE) ? DK_IO_MORE : 0);
	bool alone;
	long n;

	*stream = find(s, to, &alone);
	if (*stream == DK_NO_HANDLE) {
		n = o->reach == OUTSIDE_HOST && s->state != SOCK_CONNECTED ? add_bound(s) : add_peer(s, to);
		*stream = n == 0 ? find(s, to, &alone) : DK_NO_HANDLE;
		if (*stream == DK_NO_HANDLE)
			return n != 0 ? n : -ENOBUFS;
	}
	n = write_one(*stream, x, alone ? NULL : &place, flags);
	if (n != -EACCES || alone || o->reach != OUTSIDE_RULES)
		return n;
	n = add_peer(s, to); /* who did not ask by a published port */
	return n != 0 ? n : write_one(*stream = find(s, to, &alone), x, NULL, flags);
}

/* Of a stream whose datagrams pass through the monitor nobody tells that there is room again: it is tried now and then. */
static long wait_room(struct sock *s, dk_handle stream, uint64_t deadline)
{
	uint64_t look = MIN(deadline, pico_now() + ROOM_LOOK_NS);
	long err = outside_sleep(s, &stream, 1, DK_EVENT_WRITE, NULL, look);

	return err == -ETIMEDOUT && look < deadline ? 0 : err;
}

long outside_udp_send(struct sock *s, const struct inet_name *to, const struct xfer *x)
{
	uint64_t deadline = timeout_deadline(s->sndtimeo);
	dk_handle stream;
	long n;

	if (outside_conf(s->net) == NULL)
		return -ENETUNREACH;
	if (outside_sock(s) == NULL)
		return -ENOBUFS;
	while ((n = try_send(s, to, x, &stream)) == -EAGAIN && !x->nonblock) {
		n = wait_room(s, stream, deadline);
		n = sock_wait_err(n, s->sndtimeo);
		if (n != 0)
			break;
	}
	return n;
}

static long take(struct sock *s, const struct outside *o, const struct dk_datagram *d, uint64_t got, struct xfer *x)
{
	struct inet_name from = outside_peer(o, s, &d->peer);

	x->addr = inet_sock_name(&from);
	x->at = s->addr.in;
	if (inet_is_any(&x->at.addr))
		x->at.addr = outside_eth0(o, s, inet_is4(&from.addr));
	x->ttl = inet_opt(s, OPT_TTL);
	x->tos = 0;
	x->scm.stamp_ns = s->stamp != 0 ? pico_now_realtime() : 0;
	if (d->size > got)
		x->out_flags |= MSG_TRUNC;
	return (x->flags & MSG_TRUNC) ? (long)d->size : (long)got;
}

static long read_one(struct sock *s, dk_handle stream, struct xfer *x)
{
	const struct outside *o = outside_conf(s->net);
	struct dk_segment seg[DK_SEGMENTS_MAX];
	struct dk_datagram record = { .size = 0 };
	uint64_t done = 0;
	void *copy;
	uint32_t n = segments_of(x->v, &record, seg, &copy);
	enum dk_status status = n == 0 ? DK_NO_MEMORY :
		DkStreamRead(stream, DK_OFFSET_NONE, seg, n, DK_IO_NONBLOCK | DK_IO_PEER | ((x->flags & MSG_PEEK) ? DK_IO_PEEK : 0), &done);

	done -= MIN(done, sizeof record);
	if (status == DK_OK && copy != NULL && iov_put(x->v, 0, copy, done) != done)
		status = DK_FAULT;
	heap_free(copy);
	return status == DK_OK ? take(s, o, &record, done, x) : lx_err(status);
}

static bool something_within(const struct sock *s)
{
	return s->npackets > 0 || s->error != 0 || (s->shut & SHUT_RCV);
}

static long try_recv(struct lx_thread *t, struct sock *s, struct xfer *x)
{
	const struct outside_sock *o = s->inet->outside;
	bool nonblock = x->nonblock;
	long n;

	x->nonblock = true;
	n = packet_recv(t, s, x);
	x->nonblock = nonblock;
	for (uint32_t i = 0; n == -EAGAIN && i < o->nlisten; i++)
		n = read_one(s, o->listen[i], x);
	return n;
}

long outside_udp_recv(struct lx_thread *t, struct sock *s, struct xfer *x)
{
	const struct outside_sock *o = s->inet->outside;
	uint64_t deadline = timeout_deadline(s->rcvtimeo);
	long n;

	while ((n = try_recv(t, s, x)) == -EAGAIN && !x->nonblock) {
		n = outside_sleep(s, o->listen, o->nlisten, DK_EVENT_READ, something_within, deadline);
		n = sock_wait_err(n, s->rcvtimeo);
		if (n != 0)
			break;
	}
	return n;
}
