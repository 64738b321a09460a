/* SPDX-License-Identifier: MIT */
/* linux/net/unix_stream.c - bytes of stream sockets, TCP's too, with marks for what came along. */

#include "linux/net/inet.h"
#include "linux/net/sock.h"

static bool has_room(const struct sock *to)
{
	return to->rx.used <= to->rx.limit / 4;
}

/* The reader makes room and looks at the mark, who waits for room makes the mark and looks for room. */
static bool has_room_or_tells(struct sock *to)
{
	if (has_room(to))
		return true;
	atomic_store(&to->starved, true);
	return has_room(to);
}

/* With s's lock, as TCP's peers can change. */
bool stream_writable(const struct sock *s)
{
	return s->peer == NULL || (s->shut & SHUT_SEND) /* a write would not wait */ || has_room_or_tells(s->peer);
}

/* ---- Sending ---- */

/* Queues what comes along with the bytes [start, end).  Lock of to held. */
static void add_mark(struct sock *to, struct mark *m, uint64_t start, uint64_t end)
{
	m->start = start;
	m->end = end;
	list_append(&to->marks, &m->link);
	fds_queued(m->scm.fds);
}

/* 0, or why nothing can be sent.  TCP has no way to hear that the other side does not read any more, and -ECONNRESET says that
   it is gone. */
static long may_send(const struct sock *s, const struct sock *to)
{
	if (s->shut & SHUT_SEND)
		return -EPIPE;
	if (s->kind == SK_TCP)
		return s->peer != to ? -EPIPE /* disconnected meanwhile */ : to->state == SOCK_DEAD ? -ECONNRESET : 0;
	return (to->shut & SHUT_RCV) || to->state == SOCK_DEAD ? -EPIPE : 0;
}

/* Appends what fits; a mark goes with the first bytes.  Bytes, -EAGAIN, -EPIPE, -EFAULT ... */
static long append_some(struct sock *s, struct sock *to, const struct iov *v, uint64_t at, struct mark **m)
{
	uint64_t start, left = v->size - at;
	uint32_t room, done;
	long err = may_send(s, to);

	if (err != 0)
		return err;
	room = ring_free_bytes(&to->rx);
	if (room == 0) {
		atomic_store(&to->starved, true); /* epoll may wait for an edge */
		return -EAGAIN;
	}
	if (*m != NULL && (err = scm_may_queue(&(*m)->scm, to)) != 0)
		return err;
	start = to->rx_pos + to->rx.used;
	done = ring_append(&to->rx, v, at, (uint32_t)MIN(left, (uint64_t)room));
	if (done == 0)
		return to->rx.used == to->rx.cap ? -ENOMEM : -EFAULT;
	if (*m != NULL)
		add_mark(to, *m, start, start + done);
	*m = NULL;
	return done;
}

static long wait_writable(struct sock *s, struct sock *to, uint64_t deadline)
{
	long err;

	WAIT_EVENT_FOR(&s->wq, EPOLLOUT, deadline, s->peer != to || (s->shut & SHUT_SEND) || has_room_or_tells(to), err);
	return sock_wait_err(err, s->sndtimeo);
}

static long send_all(struct sock *s, struct sock *to, struct xfer *x, struct mark **m)
{
	uint64_t deadline = timeout_deadline(s->sndtimeo), done = 0;
	long n = 0;

	while (done < x->v->size) {
		uint64_t before = done;
		bool held = false;

		lock_take(&to->lock);
		while (done < x->v->size && (n = append_some(s, to, x->v, done, m)) > 0)
			done += (uint64_t)n;
		if (s->kind == SK_TCP)
			held = tcp_hold(s, to, (uint32_t)(done - before), done == x->v->size ? x->flags : MSG_OOB);
		lock_drop(&to->lock);
		if (UNLIKELY(held))
			tcp_held(to);
		else if (done > before || s->kind == SK_TCP)
			(void)waitq_wake(&to->wq, 1, EPOLLIN | EPOLLRDNORM);
		if (n != -EAGAIN || x->nonblock)
			break;
		n = wait_writable(s, to, deadline);
		if (n != 0)
			break;
	}
	return done > 0 ? (long)done : MIN(n, 0l);
}

long stream_send(struct lx_thread *t, struct sock *s, struct xfer *x)
{
	struct sock *to = sock_peer(s);
	struct mark *m = NULL;
	long result;

	if (to == NULL)
		return s->shut & SHUT_SEND ? -EPIPE : -ENOTCONN;
	if (x->has_addr) {
		sock_put(to);
		return -EISCONN;
	}
	scm_add_cred(t, &x->scm, s, to);
	if (x->scm.fds != NULL || x->scm.has_cred) {
		m = arena_alloc(sizeof *m);
		if (m == NULL) {
			sock_put(to);
			return -ENOMEM;
		}
		m->scm = x->scm;
	}
	result = send_all(s, to, x, &m);
	if (m == NULL)
		x->scm.fds = NULL; /* given away with the mark, or there were none */
	arena_free(m);
	sock_put(to);
	return result;
}

/* ---- Receiving ---- */

static void purge_marks(struct sock *s)
{
	while (!list_empty(&s->marks)) {
		struct mark *m = LIST_FIRST(&s->marks, struct mark, link);

		if (m->end > s->rx_pos)
			return;
		list_remove(&m->link);
		arena_free(m);
	}
}

static bool same_cred(const struct lx_ucred *a, const struct lx_ucred *b)
{
	return a->pid == b->pid && a->uid == b->uid && a->gid == b->gid;
}

/*
 * How many of n bytes from pos on may be read together, by the marks: descriptors
 * end a read behind the bytes they came with, other credentials end it before.
 * Takes what comes along into x.  *stop: do not go on after these.
 */
static uint32_t apply_marks(struct sock *s, struct xfer *x, uint64_t pos, uint32_t n, bool first, bool *stop)
{
	LIST_FOR(m, &s->marks, struct mark, link) {
		if (m->start >= pos + n)
			break;
		if (s->passcred && m->scm.has_cred && !(x->scm.has_cred && same_cred(&x->scm.cred, &m->scm.cred))) {
			if (x->scm.has_cred || m->start > pos || !first) {
				*stop = true;
				return m->start > pos ? (uint32_t)(m->start - pos) : 0;
			}
			x->scm.cred = m->scm.cred;
			x->scm.has_cred = true;
		}
		if (m->scm.fds != NULL && m->end > pos) {
			*stop = true;
			n = (uint32_t)MIN((uint64_t)n, m->end - pos);
			if (x->flags & MSG_PEEK) {
				x->scm.fds = fdset_copy(m->scm.fds);
			} else {
				x->scm.fds = m->scm.fds;
				m->scm.fds = NULL;
				fds_unqueued(x->scm.fds);
			}
			return n;
		}
	}
	return n;
}

/* One part under the lock.  Bytes, or 0 with *stop, or -EFAULT. */
static long take_part(struct sock *s, struct xfer *x, uint64_t done, uint32_t skip, bool *stop)
{
	uint64_t pos = s->rx_pos + skip;
	uint32_t n = (uint32_t)MIN((uint64_t)(stream_there(s) - skip), x->v->size - done), got;

	if (s->kind == SK_TCP && urgent_limit(s, pos, n) < n) {
		n = urgent_limit(s, pos, n);
		*stop = true;
	}
	n = apply_marks(s, x, pos, n, done == 0, stop);
	if (n == 0)
		return 0;
	got = ring_peek(&s->rx, skip, x->v, done, n);
	if (got == 0)
		return -EFAULT;
	if (!(x->flags & MSG_PEEK)) {
		ring_consume(&s->rx, got);
		s->rx_pos += got;
		purge_marks(s);
		s->nest = s->rx.used == 0 ? 0 : s->nest;
	}
	return got;
}

static bool is_readable(const struct sock *s, uint32_t beyond)
{
	return stream_there(s) > beyond || s->error != 0 || (s->shut & SHUT_RCV) || s->state != SOCK_CONNECTED;
}

static long wait_readable(struct sock *s, uint64_t deadline, uint32_t beyond)
{
	long err;

	WAIT_EVENT_AS(&s->wq, deadline, is_readable(s, beyond), err, 0u, EPOLLIN | EPOLLPRI);
	return sock_wait_err(err, s->rcvtimeo);
}

/* Nothing is there: 0 = the end, 1 = wait. */
static long empty_result(struct sock *s)
{
	long err = -s->error;

	if (s->kind == SK_TCP && s->inet->fin)
		return 0;
	if (err != 0) {
		s->error = 0;
		return err;
	}
	if (s->shut & SHUT_RCV)
		return 0;
	if (s->state == SOCK_CONNECTED)
		return 1;
	return s->kind == SK_TCP ? -ENOTCONN : -EINVAL;
}

static void tell_writers(struct sock *s)
{
	struct sock *peer;

	atomic_thread_fence(memory_order_seq_cst);
	if (LIKELY(!atomic_load_explicit(&s->starved, memory_order_relaxed)) || !has_room(s))
		return;
	atomic_store(&s->starved, false);
	/* Our reference on a unix peer lasts as long as our file, which the caller holds; TCP can be disconnected meanwhile. */
	peer = s->kind == SK_TCP ? sock_peer(s) : s->peer;
	if (peer == NULL)
		return;
	(void)waitq_wake(&peer->wq, 1, EPOLLOUT | EPOLLWRNORM);
	if (s->kind == SK_TCP)
		sock_put(peer);
}

long stream_recv(struct lx_thread *t, struct sock *s, struct xfer *x)
{
	bool peek = x->flags & MSG_PEEK, stop = false;
	uint64_t deadline = timeout_deadline(s->rcvtimeo), done = 0;
	uint32_t skip = peek && s->peek_off > 0 ? (uint32_t)s->peek_off : 0;
	long n = 0;

	while (!stop) {
		if (!x->nonblock && done == 0)
			(void)WAIT_LINGER(deadline, is_readable(s, skip));
		lock_take(&s->lock);
		if (stream_there(s) > skip) {
			n = take_part(s, x, done, skip, &stop);
			if (n > 0 && peek)
				skip += (uint32_t)n;
		} else if (done > 0 && !(x->flags & MSG_WAITALL)) {
			n = 0;
			stop = true;
		} else {
			n = done > 0 && ((s->shut & SHUT_RCV) || s->error != 0) ? 0 : empty_result(s);
			stop = n != 1;
			if (n == 1)
				n = -EAGAIN;
		}
		lock_drop(&s->lock);
		if (n > 0) {
			done += (uint64_t)n;
			if (!peek)
				tell_writers(s);
			if (done == x->v->size)
				break;
			continue;
		}
		if (n != -EAGAIN || stop || x->nonblock)
			break;
		n = wait_readable(s, deadline, skip);
		if (n != 0)
			break;
	}
	if (peek && s->peek_off >= 0)
		s->peek_off += (int)done;
	else if (s->peek_off > 0)
		s->peek_off = MAX(s->peek_off - (int)done, 0);
	return done > 0 ? (long)done : n;
}
