/* SPDX-License-Identifier: MIT */
/*
 * linux/net/outside.c - the streams behind a socket: their life, and waiting for them.
 *
 * A stream's handle counts in the whole sandbox, so such a socket is shared by fork, exec and SCM_RIGHTS like any other, and its file's
 * end closes the stream wherever that comes: in kproc, too, when a picoprocess was killed at the host.  What the host has received
 * stays there: nothing is copied into the arena but connections that nobody has accepted yet.
 *
 * Nobody is told when a stream becomes ready.  So who waits for such a socket queues itself at the socket, for what happens within
 * (another thread's shutdown, a connection from inside), and sleeps on the stream's event too; epolls keep a set of streams
 * (fs/epoll_set.c).  A socket that gets its stream while it is watched already tells its epolls.
 *
 * Stream calls, some of which are trips, are made with no lock held.  The stream stays what it is as long as the caller has the socket's
 * file, but for connect(AF_UNSPEC) and a connect that failed: who reads at that moment gets an error.
 */
#include "linux/net/outside.h"
#include "rt/mem.h"

#define LINGER_LOOK_NS 5000000ull

struct outside_sock *outside_sock(struct sock *s)
{
	struct outside_sock *o = __atomic_load_n(&s->inet->outside, __ATOMIC_ACQUIRE), *none = NULL;

	if (o != NULL)
		return o;
	o = arena_alloc(sizeof *o);
	if (o == NULL)
		return NULL;
	if (__atomic_compare_exchange_n(&s->inet->outside, &none, o, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))
		return o;
	arena_free(o);
	return none;
}

long outside_open(char *uri, dk_handle *stream, struct dk_inet *own)
{
	struct dk_open open = { .access = DK_READ | DK_WRITE, .share = 7, .disposition = DK_OPEN_EXISTING, .options = own != NULL ? DK_OPTION_INLINE : 0,
		.inline_data = own, .inline_size = own != NULL ? sizeof *own : 0 };
	char *c = uri;
	long err;

	while (*c != '\0' && *c != '?' && *c != '&')
		c++;
	if (*c == '&')
		*c = '?';
	err = lx_err(DkStreamOpen(uri, &open, stream));
	if (own != NULL && (err != 0 || open.inline_size != sizeof *own))
		own->family = 0;
	return err;
}

bool outside_add(struct sock *s, dk_handle stream, const struct inet_name *to)
{
	struct outside_sock *o = s->inet->outside;
	bool room;

	lock_take(&s->lock);
	room = o->nlisten < OUTSIDE_LISTEN && s->state != SOCK_DEAD;
	if (room) {
		o->to[o->nlisten] = to != NULL ? *to : (struct inet_name){ 0 };
		__atomic_store_n(&o->listen[o->nlisten], stream, __ATOMIC_RELEASE);
		o->nlisten++;
	}
	lock_drop(&s->lock);
	if (!room)
		(void)DkObjectClose(stream);
	else if (s->file != NULL)
		epoll_file_changed(s->file);
	return room;
}

bool outside_attach(struct sock *s, dk_handle stream)
{
	bool first;

	lock_take(&s->lock);
	first = s->host == DK_NO_HANDLE && s->state != SOCK_DEAD;
	if (first)
		s->host = stream;
	lock_drop(&s->lock);
	if (!first) {
		(void)DkObjectClose(stream);
		return false;
	}
	if (s->file != NULL)
		epoll_file_changed(s->file);
	waitq_wake_all(&s->wq);
	return true;
}

/* ---- The end ---- */

/* SO_LINGER: until all that was sent has arrived, or the time is over. */
static void linger(struct sock *s, dk_handle stream)
{
	uint64_t deadline = pico_now() + (uint64_t)s->linger.seconds * 1000000000;
	uint64_t unsent, done;

	(void)DkStreamDelete(stream, NULL, DK_DELETE_SIDE_WRITE);
	while (pico_now() < deadline && DkStreamAttributesQueryByHandle(stream, DK_ATTR_SOCKET_UNSENT, &unsent, sizeof unsent, &done) == DK_OK && unsent != 0)
		if (DkThreadDelayExecution(LINGER_LOOK_NS) != DK_OK)
			return;
}

static uint32_t take_streams(struct sock *s, dk_handle out[OUTSIDE_LISTEN + 1])
{
	struct outside_sock *o = s->inet->outside;
	uint32_t n = 0;

	lock_take(&s->lock);
	if (s->host != DK_NO_HANDLE)
		out[n++] = s->host;
	s->host = DK_NO_HANDLE;
	for (uint32_t i = 0; o != NULL && i < o->nlisten; i++)
		out[n++] = o->listen[i];
	if (o != NULL) {
		o->nlisten = 0;
		o->dialing = false;
	}
	lock_drop(&s->lock);
	return n;
}

void outside_drop(struct sock *s)
{
	dk_handle stream[OUTSIDE_LISTEN + 1];
	uint32_t n = take_streams(s, stream);

	if (n != 0 && s->file != NULL)
		epoll_file_changed(s->file); /* which must not have them when they are closed */
	for (uint32_t i = 0; i < n; i++)
		(void)DkObjectClose(stream[i]);
}

void outside_close(struct sock *s)
{
	dk_handle stream = s->host;

	if (stream != DK_NO_HANDLE && s->kind == SK_TCP && s->linger.onoff && s->linger.seconds > 0)
		linger(s, stream);
	if (stream != DK_NO_HANDLE && s->kind == SK_TCP && s->linger.onoff && s->linger.seconds == 0) /* it is broken off */
		(void)DkStreamAttributesSet(stream, NULL, DK_ATTR_OPTION(DK_SO_LINGER), (const int[2]){ 1, 0 }, 2 * sizeof(int));
	outside_drop(s);
}

/* ---- Readiness ---- */

uint32_t outside_ready(dk_handle stream)
{
	uint32_t ready = 0;
	uint64_t done;

	return DkStreamAttributesQueryByHandle(stream, DK_ATTR_READY, &ready, sizeof ready, &done) == DK_OK ? ready : DK_READY_ERROR;
}

long outside_sleep(struct sock *s, const dk_handle *streams, uint32_t count, enum dk_stream_event which, bool (*there)(const struct sock *s), uint64_t deadline)
{
	struct poll_table p;
	long err = 0;

	poll_table_init(&p);
	poll_wait(&p, &s->wq);
	for (uint32_t i = 0; i < count; i++)
		poll_wait_stream(&p, streams[i], which);
	if (there == NULL || !there(s))
		err = poll_sleep(&p, deadline);
	poll_table_done(&p);
	return err;
}

static uint32_t mask_of(uint32_t ready)
{
	uint32_t mask = 0;

	if (ready & DK_READY(DK_EVENT_READ))
		mask |= EPOLLIN | EPOLLRDNORM;
	if (ready & DK_READY(DK_EVENT_WRITE))
		mask |= EPOLLOUT | EPOLLWRNORM;
	if (ready & DK_READY(DK_EVENT_CHANGE))
		mask |= EPOLLPRI;
	if (ready & DK_READY(DK_EVENT_HANGUP))
		mask |= EPOLLRDHUP | EPOLLIN | EPOLLRDNORM;
	if (ready & DK_READY_CLOSED)
		mask |= EPOLLHUP | EPOLLRDHUP | EPOLLIN | EPOLLRDNORM;
	return mask | ((ready & DK_READY_ERROR) ? EPOLLERR : 0);
}

static uint32_t ready_of(dk_handle stream, const struct poll_table *p)
{
	return p != NULL && p->told ? p->ready : outside_ready(stream);
}

static uint32_t poll_stream(struct sock *s, struct poll_table *p)
{
	dk_handle stream = s->host;
	long settled = s->kind == SK_TCP ? outside_settle(s) : 0;

	if (settled < 0 || stream == DK_NO_HANDLE)
		return 0;
	poll_wait_socket(p, stream);
	return settled == 1 ? 0 : mask_of(ready_of(stream, p));
}

uint32_t outside_poll(struct sock *s, struct poll_table *p)
{
	uint32_t mask = poll_stream(s, p);

	lock_take(&s->lock);
	if (s->error != 0)
		mask |= EPOLLERR | EPOLLIN | EPOLLRDNORM | EPOLLOUT | EPOLLWRNORM;
	if (s->shut & SHUT_RCV)
		mask |= EPOLLIN | EPOLLRDNORM | EPOLLRDHUP;
	if (s->shut == (SHUT_RCV | SHUT_SEND))
		mask |= EPOLLHUP;
	if (s->npackets > 0)
		mask |= EPOLLIN | EPOLLRDNORM;
	lock_drop(&s->lock);
	return mask;
}

void outside_poll_listener(struct sock *s, struct poll_table *p, uint32_t *mask)
{
	const struct outside_sock *o = s->inet->outside;

	for (uint32_t i = 0; i < o->nlisten; i++) {
		if (p != NULL && (p->key & (EPOLLIN | EPOLLRDNORM)))
			poll_wait_socket(p, o->listen[i]);
		if (s->kind == SK_UDP)
			*mask |= mask_of(ready_of(o->listen[i], p)) & (EPOLLIN | EPOLLRDNORM | EPOLLERR);
		else if (!(*mask & EPOLLIN) && (ready_of(o->listen[i], p) & DK_READY(DK_EVENT_ACCEPT)))
			*mask |= EPOLLIN | EPOLLRDNORM;
	}
}
