/* SPDX-License-Identifier: MIT */
/*
 * linux/net/outside_bytes.c - sending to and receiving from somebody outside by TCP.
 *
 * Bytes go straight between the guest's memory and the host's socket, without the socket's lock.
 */
#include "linux/net/outside.h"
#include "linux/sig/sig.h"
#include "rt/mem.h"

/* Before the first byte: the connect is over, or that is waited for. */
static long connected(struct sock *s, bool nonblock)
{
	long err = outside_settle(s);

	if (err == 1)
		err = nonblock ? -EAGAIN : outside_wait_dial(s);
	return err == -EINPROGRESS ? -EAGAIN : err;
}

static long send_some(dk_handle stream, const struct iov *v, uint64_t at, uint64_t size, uint32_t flags)
{
	struct dk_segment part[DK_SEGMENTS_MAX];
	uint64_t bytes, done = 0;
	uint32_t n = iov_slice(v, at, size, part, &bytes);
	enum dk_status status = DkStreamWrite(stream, DK_OFFSET_NONE, part, n, flags, &done);

	return status == DK_OK ? (long)done : lx_err(status);
}

static long send_range(struct sock *s, const struct xfer *x, uint64_t at, uint64_t size, uint32_t flags, uint64_t deadline)
{
	dk_handle stream = s->host;
	uint64_t done = 0;
	long n = 0;

	while (done < size) {
		n = (s->shut & SHUT_SEND) ? -EPIPE : send_some(stream, x->v, at + done, size - done, flags);
		if (n > 0) {
			done += (uint64_t)n;
			continue;
		}
		if (n != -EAGAIN || x->nonblock)
			break;
		n = outside_sleep(s, &stream, 1, DK_EVENT_WRITE, NULL, deadline);
		n = sock_wait_err(n, s->sndtimeo);
		if (n != 0)
			break;
	}
	return done > 0 ? (long)done : n;
}

long outside_send(struct sock *s, struct xfer *x)
{
	uint64_t deadline = timeout_deadline(s->sndtimeo), size = x->v->size;
	uint32_t flags = DK_IO_NONBLOCK | ((x->flags & MSG_MORE) ? DK_IO_MORE : 0);
	uint64_t urgent = (x->flags & MSG_OOB) && size > 0 ? 1 : 0;
	long n = 0, last;

	if (UNLIKELY(s->state != SOCK_CONNECTED)) {
		n = connected(s, x->nonblock);
		if (n != 0)
			return n;
	}
	if (UNLIKELY(s->error != 0) && (n = sock_take_error(s)) != 0)
		return -n;
	if (s->shut & SHUT_SEND)
		return -EPIPE;
	if (size > urgent)
		n = send_range(s, x, 0, size - urgent, flags, deadline);
	if (urgent == 0 || n < 0 || (uint64_t)n < size - urgent)
		return n;
	last = send_range(s, x, size - 1, 1, flags | DK_IO_OOB, deadline);
	return last == 1 ? n + 1 : n > 0 ? n : last;
}

long socket_send_file(struct lx_thread *t, struct file *f, dk_handle file, uint64_t pos, uint64_t size)
{
	struct sock *s = f->object;
	uint64_t deadline = timeout_deadline(s->sndtimeo), done = 0, n;
	dk_handle stream = s->host;
	long err;

	if (stream == DK_NO_HANDLE || s->kind != SK_TCP || s->state != SOCK_CONNECTED || s->error != 0 || (s->shut & SHUT_SEND))
		return -ENOSYS; /* a send knows what to say */
	do {
		err = lx_err(DkStreamSendFile(stream, file, pos + done, size - done, &n));
		if (err == 0 && n == 0)
			break;
		if (err == 0)
			done += n;
		else if (err == -EAGAIN && !file_nonblock(t, f))
			err = sock_wait_err(outside_sleep(s, &stream, 1, DK_EVENT_WRITE, NULL, deadline), s->sndtimeo);
	} while (err == 0 && done < size && !(pico_tb()->work != 0 && signal_waiting(t)));
	return done > 0 ? (long)done : err;
}

static long recv_some(dk_handle stream, const struct xfer *x, uint64_t at, uint32_t flags)
{
	struct dk_segment part[DK_SEGMENTS_MAX];
	uint64_t bytes, done = 0;
	uint32_t n = iov_slice(x->v, at, x->v->size - at, part, &bytes);
	enum dk_status status = DkStreamRead(stream, DK_OFFSET_NONE, part, n, flags, &done);

	return status == DK_OK ? (long)done : lx_err(status);
}

/* MSG_TRUNC: the bytes are taken and go nowhere. */
static long discard(dk_handle stream, uint64_t size, uint32_t flags)
{
	uint8_t *room = heap_alloc(MIN(size, 16384ull));
	struct dk_segment seg = { room, MIN(size, 16384ull) };
	uint64_t done = 0;
	enum dk_status status = room != NULL ? DkStreamRead(stream, DK_OFFSET_NONE, &seg, 1, flags, &done) : DK_NO_MEMORY;

	heap_free(room);
	return status == DK_OK ? (long)done : lx_err(status);
}

static long recv_bytes(struct sock *s, const struct xfer *x, uint32_t flags)
{
	uint64_t deadline = timeout_deadline(s->rcvtimeo), done = 0;
	bool all = (x->flags & MSG_WAITALL) && !(x->flags & (MSG_PEEK | MSG_OOB));
	dk_handle stream = s->host;
	long n;

	for (;;) {
		n = (x->flags & MSG_TRUNC) && !(x->flags & MSG_PEEK) ? discard(stream, x->v->size - done, flags) : recv_some(stream, x, done, flags);
		if (n > 0)
			done += (uint64_t)n;
		if (n == 0 || (n > 0 && (!all || done == x->v->size)))
			break;
		if (n > 0)
			continue;
		if (n != -EAGAIN || x->nonblock || (done > 0 && !all))
			break;
		n = outside_sleep(s, &stream, 1, DK_EVENT_READ, NULL, deadline);
		n = sock_wait_err(n, s->rcvtimeo);
		if (n != 0)
			break;
	}
	return done > 0 ? (long)done : n;
}

long outside_recv(struct sock *s, struct xfer *x)
{
	long n;

	if (x->flags & MSG_ERRQUEUE)
		return -EAGAIN;
	if (UNLIKELY(s->state != SOCK_CONNECTED)) {
		n = connected(s, x->nonblock);
		if (n != 0)
			return n;
	}
	if (UNLIKELY(s->error != 0) && (n = sock_take_error(s)) != 0)
		return -n;
	if (x->v->size == 0)
		return 0;
	if (!(x->flags & MSG_OOB))
		return recv_bytes(s, x, DK_IO_NONBLOCK | ((x->flags & MSG_PEEK) ? DK_IO_PEEK : 0));
	n = recv_some(s->host, x, 0, DK_IO_NONBLOCK | DK_IO_OOB | ((x->flags & MSG_PEEK) ? DK_IO_PEEK : 0));
	x->out_flags |= n > 0 ? MSG_OOB : 0;
	return n;
}
