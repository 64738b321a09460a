/* SPDX-License-Identifier: MIT */
/*
 * linux/net/outside_tcp.c - TCP with somebody outside.
 *
 * connect: the stream is there at once, with the connect under way (outside_sock.dialing).  Its end is seen by whoever looks first:
 * connect itself, poll, a send or receive, SO_ERROR (outside_settle).  When it failed the stream is closed, and the
 * error stays with the socket until it is asked for; the socket may connect again.
 *
 * A listener has the host's sockets beside its queue, one for each publication of its port.  Connections from both sides end up in the
 * queue: accept reads those that wait outside, as many as the monitor has, makes their sockets, and leaves what it does not take
 * there for others.  A picoprocess that the host kills between the two loses connections that nobody had accepted.
 */
#include "linux/net/outside.h"
#include "rt/fmt.h"
#include "rt/mem.h"

#define URI_MAX 512u

/* ---- connect ---- */

/* Where it was bound to, if that can be had: only where ports and addresses are the host's. */
static void bind_text(const struct outside *o, const struct sock *s, const struct inet_name *to, char out[INET_TEXT_MAX + 8])
{
	struct inet_addr from = s->addr.in.addr;
	uint16_t port = s->inet->auto_port ? 0 : s->addr.in.port;
	int n;

	out[0] = '\0';
	if (o->reach != OUTSIDE_HOST || s->addr.len == 0 || (port == 0 && inet_is_any(&from)))
		return;
	if (inet_is_any(&from) && inet_is4(&from) != inet_is4(&to->addr))
		from = (struct inet_addr){ { 0 } };
	n = fmt_snprintf(out, 8, "&bind=");
	inet_text_out(out + n, &from, s->addr.in.scope, port);
}

static long dial(const struct outside *o, struct sock *s, const struct inet_name *to, dk_handle *stream, struct dk_inet *own)
{
	char uri[URI_MAX], place[INET_TEXT_MAX], from[INET_TEXT_MAX + 8];
	int n;

	inet_text_out(place, &to->addr, to->scope, to->port);
	bind_text(o, s, to, from);
	n = fmt_snprintf(uri, sizeof uri, "tcp.client:%s%s%s", place, from, s->inet->reuseport ? "&reuseport=1" : "");
	outside_options_text(s, uri + n, sizeof uri - (size_t)n);
	return outside_open(uri, stream, own);
}

static bool begin(struct sock *s, const struct inet_name *to, const struct dk_inet *own)
{
	bool may;

	lock_take(&s->lock);
	may = s->state == SOCK_OPEN && s->host == DK_NO_HANDLE;
	if (may) {
		s->inet->outside->dialing = true;
		s->inet->outside->own = *own;
		s->inet->remote = *to;
		s->shut = 0;
		s->error = 0;
	}
	lock_drop(&s->lock);
	return may;
}

static long name_it(struct sock *s, dk_handle stream)
{
	const struct outside *o = outside_conf(s->net);
	struct dk_inet host = s->inet->outside->own;
	uint64_t done;
	long err = host.family != 0 ? 0 : lx_err(DkStreamAttributesQueryByHandle(stream, DK_ATTR_SOCKET_NAME, &host, sizeof host, &done));

	if (err == 0 && o != NULL) {
		struct inet_name n = outside_local(o, s, &host, 0);

		lock_take(&s->lock);
		if (s->addr.len == 0) /* has no place among the sandbox's ports */
			s->addr = inet_sock_name(&n);
		else
			s->addr.in.addr = n.addr;
		lock_drop(&s->lock);
	}
	return err;
}

/* The connect is over: err 0 or -errno.  False: somebody else has seen that. */
static bool end_dial(struct sock *s, dk_handle stream, long err)
{
	bool first;

	lock_take(&s->lock);
	first = s->host == stream && s->inet->outside->dialing;
	if (first) {
		s->inet->outside->dialing = false;
		s->state = err == 0 ? SOCK_CONNECTED : SOCK_OPEN;
		s->shut = err == 0 ? 0 : SHUT_RCV | SHUT_SEND;
		s->error = (int)-err;
		if (err != 0)
			s->host = DK_NO_HANDLE;
	}
	lock_drop(&s->lock);
	if (first && err != 0)
		(void)DkObjectClose(stream);
	return first;
}

long outside_settle(struct sock *s)
{
	dk_handle stream = s->host;
	uint32_t ready, status = DK_OK;
	uint64_t done;
	long err = 0;

	if (LIKELY(s->state != SOCK_OPEN) || stream == DK_NO_HANDLE || !s->inet->outside->dialing)
		return 0;
	ready = outside_ready(stream);
	if (!(ready & DK_READY(DK_EVENT_WRITE)))
		return 1;
	if (ready & ~(DK_READY(DK_EVENT_READ) | DK_READY(DK_EVENT_WRITE)))
		err = lx_err(DkStreamAttributesQueryByHandle(stream, DK_ATTR_SOCKET_ERROR, &status, sizeof status, &done));
	if (err == 0)
		err = lx_err((enum dk_status)status);
	if (err == 0)
		(void)name_it(s, stream);
	if (end_dial(s, stream, err))
		waitq_wake_all(&s->wq);
	return err;
}

long outside_wait_dial(struct sock *s)
{
	uint64_t deadline = timeout_deadline(s->sndtimeo);
	dk_handle stream = s->host;
	long err;

	while ((err = outside_settle(s)) == 1) {
		err = outside_sleep(s, &stream, 1, DK_EVENT_WRITE, NULL, deadline);
		if (err != 0)
			return err == -ETIMEDOUT ? -EINPROGRESS : sock_wait_err(err, s->sndtimeo);
	}
	return err;
}

/* A blocking connect tells its error itself. */
static long told(struct sock *s, long err)
{
	if (err != -EINPROGRESS && err != -EINTR && err != -ERESTARTSYS && s->host == DK_NO_HANDLE) {
		lock_take(&s->lock);
		err = s->error != 0 ? -s->error : err;
		s->error = 0;
		s->shut = 0;
		lock_drop(&s->lock);
	}
	return err;
}

/* It has begun already: what connect says then; 1: it has not. */
static long again(struct sock *s, bool nonblock)
{
	long err;

	if (s->host == DK_NO_HANDLE)
		return 1;
	if (s->state == SOCK_CONNECTED)
		return -EISCONN;
	err = outside_settle(s);
	if (err == 1)
		return nonblock ? -EALREADY : told(s, outside_wait_dial(s));
	s->inet->asked = false;
	return err == 0 ? 0 : told(s, err);
}

long outside_connect(struct lx_thread *t, struct sock *s, const struct inet_name *to, bool nonblock)
{
	const struct outside *o = outside_conf(s->net);
	struct dk_inet own;
	dk_handle stream;
	long err = again(s, nonblock);

	if (err != 1)
		return err;
	if (inet_is_local(&s->addr.in.addr) && s->addr.len != 0 && !inet_is_local(&to->addr))
		return -EINVAL;
	if (outside_sock(s) == NULL)
		return -ENOBUFS;
	err = dial(o, s, to, &stream, &own);
	if (err == -EACCES && inet_is_local(&to->addr)) /* which only the sandbox itself has, then */
		err = -ECONNREFUSED;
	if (err != 0)
		return err;
	if (!begin(s, to, &own)) { /* another thread was faster */
		(void)DkObjectClose(stream);
		return -EALREADY;
	}
	if (!outside_attach(s, stream))
		return -EALREADY;
	if (!nonblock)
		return told(s, outside_wait_dial(s));
	lock_take(&s->lock);
	s->inet->asked = true;
	lock_drop(&s->lock);
	return -EINPROGRESS;
}

long outside_shutdown(struct sock *s, uint32_t how)
{
	enum dk_delete_mode mode = how == SHUT_RCV ? DK_DELETE_SIDE_READ : how == SHUT_SEND ? DK_DELETE_SIDE_WRITE : DK_DELETE_SIDE_BOTH;
	long err = outside_settle(s);

	if (err < 0 || s->host == DK_NO_HANDLE)
		return -ENOTCONN;
	err = lx_err(DkStreamDelete(s->host, NULL, mode));
	lock_take(&s->lock);
	s->shut |= how;
	lock_drop(&s->lock);
	waitq_wake_all(&s->wq);
	return err;
}

/* ---- listen, accept ---- */

bool outside_listens(const struct sock *s)
{
	return s->inet->outside != NULL && s->inet->outside->nlisten != 0;
}

/* One more place that connections come from: 0 or -errno. */
static long listen_at(struct sock *s, const char *place, const char *more, int backlog)
{
	char uri[URI_MAX];
	dk_handle stream;
	long err;
	int n;

	n = fmt_snprintf(uri, sizeof uri, "tcp.server:%s&backlog=%d%s", place, MAX(backlog, 0), more);
	outside_options_text(s, uri + n, sizeof uri - (size_t)n);
	err = outside_open(uri, &stream, NULL);
	if (err == 0)
		(void)outside_add(s, stream, NULL);
	return err;
}

static long listen_published(const struct outside *o, struct sock *s, int backlog)
{
	for (uint32_t i = 0; i < o->npublish; i++) {
		char place[24], more[24];
		long err;

		if (o->publish[i].udp || o->publish[i].port != s->addr.in.port)
			continue;
		(void)fmt_snprintf(place, sizeof place, "0.0.0.0:%u", s->addr.in.port);
		(void)fmt_snprintf(more, sizeof more, "&publish=%u", i);
		err = listen_at(s, place, more, backlog);
		if (err != 0)
			log_line(DK_LOG_WARNING, "port %u, which is published, cannot be listened on outside (errno %d)", s->addr.in.port, (int)-err);
	}
	return 0;
}

static long listen_host(struct sock *s, int backlog)
{
	bool any6 = s->family == AF_INET6 && inet_is_any(&s->addr.in.addr);
	char place[INET_TEXT_MAX];

	inet_text_out(place, &s->addr.in.addr, s->addr.in.scope, s->addr.in.port);
	return listen_at(s, place, s->inet->reuseport ? (any6 && inet_opt(s, OPT_V6ONLY) ? "&reuseport=1&v6only=1" : "&reuseport=1") :
		any6 && inet_opt(s, OPT_V6ONLY) ? "&v6only=1" : "", backlog);
}

long outside_listen(struct lx_thread *t, struct sock *s, int backlog)
{
	const struct outside *o = outside_conf(s->net);
	struct outside_sock *own;

	if (o == NULL || inet_is_local(&s->addr.in.addr))
		return 0;
	own = outside_sock(s);
	if (own == NULL)
		return -ENOBUFS;
	for (uint32_t i = 0; i < own->nlisten; i++) /* another backlog */
		(void)DkStreamAttributesSet(own->listen[i], NULL, DK_ATTR_SOCKET_LISTEN, &(uint32_t){ (uint32_t)MAX(backlog, 0) }, sizeof(uint32_t));
	if (own->nlisten != 0)
		return 0;
	return o->reach == OUTSIDE_HOST ? listen_host(s, backlog) : listen_published(o, s, backlog);
}

/* Takes the stream over. */
static bool accepted(const struct outside *o, struct sock *s, const struct dk_accepted *a)
{
	struct inet_name local = outside_local(o, s, &a->local, o->reach == OUTSIDE_HOST ? 0 : s->addr.in.port);
	struct sock *child = tcp_child_of(s, &local);

	if (child == NULL) {
		(void)DkObjectClose((dk_handle)a->stream);
		return false;
	}
	child->inet->remote = outside_peer(o, s, &a->peer);
	child->host = (dk_handle)a->stream;
	child->state = SOCK_CONNECTED;
	inet_child_named(child);
	lock_take(&s->lock);
	accept_inherit(child, s);
	list_append(&s->accept_queue, &child->accept_link);
	s->nqueued++;
	lock_drop(&s->lock);
	return true;
}

uint32_t outside_accept(struct sock *s)
{
	const struct outside *o = outside_conf(s->net);
	struct outside_sock *own = s->inet->outside;
	struct dk_accepted a[DK_ACCEPTED_MAX];
	struct dk_segment seg = { a, sizeof a };
	uint32_t found = 0;

	for (uint32_t i = 0; i < own->nlisten; i++) {
		uint64_t done = 0;

		if (DkStreamRead(own->listen[i], DK_OFFSET_NONE, &seg, 1, DK_IO_NONBLOCK, &done) != DK_OK)
			continue;
		for (uint32_t k = 0; k < done / sizeof a[0]; k++)
			found += accepted(o, s, &a[k]);
	}
	if (found > 1)
		(void)waitq_wake(&s->wq, found - 1, EPOLLIN | EPOLLRDNORM);
	return found;
}
