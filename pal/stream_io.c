/* SPDX-License-Identifier: MIT */
/*
 * pal/stream_io.c - reading and writing.
 *
 * Regular files are read and written straight away.  On everything else a call tries
 * without waiting, waits for the stream's event like any other wait (so kicks, marks
 * and the abort event end it), and tries again.  A terminal refuses tries without
 * waiting: it is polled first, and the call itself is made in the range that no kick
 * gets lost in.
 */
#include "pal/pal.h"
#include "pal/stream.h"
#include "rt/mem.h"

_Static_assert(sizeof(struct dk_segment) == sizeof(struct host_iovec), "segments are passed on as they are");
_Static_assert(offsetof(struct dk_segment, size) == offsetof(struct host_iovec, len), "segments are passed on as they are");

struct io {
	dk_handle stream;
	int fd;
	uint32_t fd_flags, flags, count;
	bool write;
	const struct dk_segment *segments;
	uint64_t position; /* UINT64_MAX: the descriptor's own */
};

static uint32_t write_flags(const struct io *io)
{
	return (io->flags & DK_IO_APPEND ? RWF_APPEND : 0) | (io->flags & DK_IO_SYNC ? RWF_DSYNC : 0);
}

static long vector_call(const struct io *io, uint32_t extra)
{
	if (io->write)
		return HOST6(pwritev2, io->fd, io->segments, io->count, io->position, 0, write_flags(io) | extra);
	return HOST6(preadv2, io->fd, io->segments, io->count, io->position, 0, extra);
}

static long socket_receive(const struct io *io)
{
	struct host_msghdr m = { .iov = (struct host_iovec *)(uintptr_t)io->segments, .iovlen = io->count };
	uint32_t flags = MSG_DONTWAIT | (io->flags & DK_IO_PEEK ? MSG_PEEK : 0) | (io->flags & DK_IO_OOB ? MSG_OOB : 0);

	if (io->count == 1 && io->fd_flags & MON_FD_CONNECTION) /* 100 ns faster; the filter has it where there is a network */
		return HOST6(recvfrom, io->fd, io->segments[0].base, io->segments[0].size, flags, 0, 0);
	return HOST3(recvmsg, io->fd, &m, flags);
}

static long socket_send(const struct io *io)
{
	uint32_t flags = MSG_DONTWAIT | MSG_NOSIGNAL | (io->flags & DK_IO_OOB ? MSG_OOB : 0) | (io->flags & DK_IO_MORE ? MSG_MORE : 0);

	return HOST6(sendto, io->fd, io->segments[0].base, io->segments[0].size, flags, 0, 0);
}

/* One try that does not wait.  -EOPNOTSUPP: there is no such try on this descriptor. */
static long try_io(const struct io *io)
{
	if (io->fd_flags & MON_FD_SOCKET) {
		if (!io->write)
			return socket_receive(io);
		if (io->count == 1 || (io->flags & DK_IO_OOB))
			return socket_send(io);
	} else if (!(io->fd_flags & MON_FD_NOWAIT)) {
		return -HOST_EOPNOTSUPP;
	}
	return vector_call(io, RWF_NOWAIT);
}

/* The blocking call, which a kick ends. */
static long guarded_io(const struct io *io)
{
	struct thread *t = pal_self();
	uint32_t word = atomic_load(&t->word);
	long n;

	atomic_store(&t->sleep, SLEEP_POLL);
	n = host_wait((const volatile uint32_t *)&t->word, word, io->write ? __NR_pwritev2 : __NR_preadv2, (uint64_t)io->fd,
		(uint64_t)io->segments, io->count, io->position, 0, io->write ? write_flags(io) : 0);
	atomic_exchange(&t->sleep, SLEEP_NO);
	(void)pal_marked(t);
	return n;
}

static enum dk_status io_loop(const struct io *io, long *result)
{
	dk_handle event = stream_event(io->stream, io->write ? DK_EVENT_WRITE : DK_EVENT_READ);

	for (;;) {
		enum dk_status status;

		*result = try_io(io);
		if (*result != -HOST_EAGAIN && *result != -HOST_EOPNOTSUPP && *result != -HOST_EINTR)
			return status_of(*result);
		if ((io->flags & DK_IO_NONBLOCK) && *result == -HOST_EAGAIN)
			return DK_AGAIN;
		status = pal_wait(1, &event, io->flags & DK_IO_NONBLOCK ? 0 : DK_FOREVER,
			io->flags & DK_IO_NONBLOCK ? DK_WAIT_UNINTERRUPTIBLE : 0, NULL);
		if (status == DK_TIMEOUT)
			return DK_AGAIN;
		if (status != DK_OK)
			return status;
		if (*result != -HOST_EOPNOTSUPP)
			continue;
		*result = guarded_io(io);
		if (*result != -HOST_EINTR && *result != -HOST_EAGAIN)
			return status_of(*result);
	}
}

/* A regular file does not wait for anybody but the disk. */
static enum dk_status file_io(const struct io *io, long *result)
{
	do {
		*result = vector_call(io, 0);
	} while (*result == -HOST_EINTR);
	return status_of(*result);
}

static bool wants_all(const struct io *io, uint64_t had)
{
	uint64_t size = 0;

	if (!(io->flags & DK_IO_WAITALL) || io->write)
		return false;
	for (uint32_t i = 0; i < io->count; i++)
		size += io->segments[i].size;
	return had < size;
}

/* WAITALL: goes on filling the segments behind what is there. */
static enum dk_status read_all(struct io *io, uint64_t *done)
{
	struct dk_segment rest[DK_SEGMENTS_MAX];
	const struct dk_segment *all = io->segments;
	uint32_t count = io->count;
	enum dk_status status;
	long n;

	while (wants_all(io, *done)) {
		uint64_t skip = *done;
		uint32_t from = 0;

		while (from < count && skip >= all[from].size)
			skip -= all[from++].size;
		io->count = count - from;
		io->segments = rest;
		memcpy(rest, all + from, io->count * sizeof rest[0]);
		/* NOLINTNEXTLINE(clang-analyzer-core.UndefinedBinaryOperatorResult): wants_all says from < count */
		rest[0].base = (char *)rest[0].base + skip;
		rest[0].size -= skip;
		status = io_loop(io, &n);
		io->segments = all;
		io->count = count;
		if (status != DK_OK || n == 0)
			return DK_OK; /* what came so far */
		*done += (uint64_t)n;
	}
	return DK_OK;
}

static enum dk_status run_io(struct io *io, uint64_t offset, uint64_t *done)
{
	enum dk_status status;
	long n;

	if (io->count > DK_SEGMENTS_MAX || (io->count && !io->segments) || (offset != DK_OFFSET_NONE && offset > INT64_MAX))
		return DK_INVALID_ARG;
	status = stream_fd(io->stream, &io->fd, &io->fd_flags);
	if (status != DK_OK)
		return status;
	if ((io->flags & DK_IO_PEEK) && !(io->fd_flags & MON_FD_SOCKET))
		return DK_INVALID_ARG;
	if (io->count == 0) {
		*done = 0;
		return DK_OK;
	}
	io->position = io->fd_flags & MON_FD_SEEK ? offset : DK_OFFSET_NONE;
	status = io->fd_flags & MON_FD_SEEK ? file_io(io, &n) : io_loop(io, &n);
	if (status != DK_OK)
		return status;
	*done = (uint64_t)n;
	if (n > 0 && wants_all(io, *done) && !(io->flags & (DK_IO_PEEK | DK_IO_NONBLOCK)) && !(io->fd_flags & MON_FD_SEEK))
		return read_all(io, done);
	return DK_OK;
}

/* ---- kproc's deaths stream: the monitor's records become the library OS's ---- */

static enum dk_status deaths_read(struct io *io, uint64_t *done)
{
	const struct dk_segment *out = io->segments;
	struct mon_death record;
	struct dk_segment in = { &record, sizeof record };
	struct io one = *io;
	struct dk_death *d = out ? out->base : NULL;
	enum dk_status status;

	if (io->count != 1 || !d || out->size < sizeof *d)
		return DK_INVALID_ARG;
	one.segments = &in;
	for (*done = 0; *done + sizeof *d <= out->size; *done += sizeof *d) {
		uint64_t n;

		if (*done)
			one.flags |= DK_IO_NONBLOCK;
		status = run_io(&one, DK_OFFSET_NONE, &n);
		if (status != DK_OK)
			return *done ? DK_OK : status;
		if (n == 0)
			break;
		if (n != sizeof record)
			pal_panic("pal: a death record of %lu bytes", n);
		process_died(&record, d++);
	}
	return DK_OK;
}

/* ---- The Dk calls ---- */

static NOINLINE enum dk_status read_any(struct stream *s, dk_handle stream, uint64_t offset, const struct dk_segment *segments, uint32_t count,
	uint32_t flags, uint64_t *done)
{
	struct io io = { .stream = stream, .flags = flags, .count = count, .segments = segments };

	if (flags & ~(DK_IO_NONBLOCK | DK_IO_PEEK | DK_IO_OOB | DK_IO_WAITALL | DK_IO_PEER))
		return DK_INVALID_ARG;
	if (s && s->special == STREAM_DEATHS)
		return deaths_read(&io, done);
	if (s && s->fd_flags & (MON_FD_SERVER | MON_FD_DATAGRAM))
		return net_read(stream, segments, count, flags, done);
	return run_io(&io, offset, done);
}

static NOINLINE enum dk_status write_any(struct stream *s, dk_handle stream, uint64_t offset, const struct dk_segment *segments, uint32_t count,
	uint32_t flags, uint64_t *done)
{
	struct io io = { .stream = stream, .flags = flags, .count = count, .segments = segments, .write = true };

	if (flags & ~(DK_IO_NONBLOCK | DK_IO_OOB | DK_IO_APPEND | DK_IO_SYNC | DK_IO_PEER | DK_IO_MORE))
		return DK_INVALID_ARG;
	if (s && s->fd_flags & (MON_FD_SERVER | MON_FD_DATAGRAM))
		return net_write(stream, segments, count, flags, done);
	return run_io(&io, offset, done);
}

/*
 * What is mostly wanted is one piece of a file, by a descriptor that is here, without flags; for that the kernel has a shorter
 * way, and it is made in the Dk call itself: the CPU has forgotten over a host call where its callers return to, and
 * each return costs 5 ns.  -1: it is not that.
 */
static ALWAYS_INLINE int plain_fd(const struct stream *s, uint64_t offset, const struct dk_segment *segments, uint32_t count, uint32_t flags)
{
	if (flags != 0 || count != 1 || !segments || !s || !(s->fd_flags & MON_FD_SEEK) || offset > INT64_MAX)
		return -1;
	return stream_fd_here(s);
}

enum dk_status DkStreamRead(dk_handle stream, uint64_t offset, const struct dk_segment *segments, uint32_t count,
	uint32_t flags, uint64_t *done)
{
	struct stream *s = stream_find(stream);
	int fd = plain_fd(s, offset, segments, count, flags);
	long n;

	if (UNLIKELY(fd < 0))
		return read_any(s, stream, offset, segments, count, flags, done);
	do {
		n = HOST4(pread64, fd, segments[0].base, segments[0].size, offset);
	} while (UNLIKELY(n == -HOST_EINTR));
	*done = (uint64_t)n;
	return LIKELY(n >= 0) ? DK_OK : status_of(n);
}

enum dk_status DkStreamWrite(dk_handle stream, uint64_t offset, const struct dk_segment *segments, uint32_t count,
	uint32_t flags, uint64_t *done)
{
	struct stream *s = stream_find(stream);
	int fd = plain_fd(s, offset, segments, count, flags);
	long n;

	if (UNLIKELY(fd < 0))
		return write_any(s, stream, offset, segments, count, flags, done);
	do {
		n = HOST4(pwrite64, fd, segments[0].base, segments[0].size, offset);
	} while (UNLIKELY(n == -HOST_EINTR));
	*done = (uint64_t)n;
	return LIKELY(n >= 0) ? DK_OK : status_of(n);
}
