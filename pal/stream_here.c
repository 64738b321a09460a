/* SPDX-License-Identifier: MIT */
/*
 * pal/stream_here.c - what can be said of an open file without asking the monitor.
 *
 * Whether its name still leads to it (DK_ATTR_SAME) follows from three looks, in the order that
 * struct mon_changes gives: what FETCH of stream 0 gave is not readable, nobody is just telling,
 * and the number of the stream's place is the one that came with it.  That descriptor is
 * fetched once a picoprocess; a copy has it by its birth.
 */
#include "pal/pal.h"
#include "pal/stream.h"

/* What says that changes are not told yet; -1: there is none. */
static int changes_fd(void)
{
	static _Atomic int known = -2;
	struct rpc r = { .req = { .op = MON_FETCH } };
	int fd = atomic_load(&known), none = -2;

	if (LIKELY(fd != -2))
		return fd;
	fd = rpc_call(&r) == DK_OK ? r.fd : -1;
	if (!atomic_compare_exchange_strong(&known, &none, fd)) {
		if (fd >= 0)
			(void)HOST1(close, fd);
		fd = none;
	}
	return fd;
}

/* The order is struct mon_changes's. */
static enum dk_status same(const struct stream *s)
{
	const struct mon_changes *c = &shared()->changes;
	struct host_timespec now = { 0, 0 };
	struct host_pollfd p = { .fd = changes_fd(), .events = POLLIN };

	if (!s->kept || p.fd < 0 || atomic_load(&c->number[s->kept - 1]) != s->kept_number)
		return DK_NOT_FOUND;
	if (HOST6(ppoll, &p, 1, &now, NULL, 8, 0) != 0 || atomic_load(&c->telling))
		return DK_AGAIN;
	return atomic_load(&c->number[s->kept - 1]) == s->kept_number ? DK_OK : DK_NOT_FOUND;
}

static enum dk_status stat_here(dk_handle stream, struct dk_attributes *a)
{
	struct host_stat st;
	uint32_t flags;
	int fd;
	enum dk_status status = stream_fd(stream, &fd, &flags);

	if (status == DK_OK)
		status = flags & MON_FD_SEEK ? status_of(HOST2(fstat, fd, &st)) : DK_INVALID_ARG;
	if (status != DK_OK)
		return status;
	*a = (struct dk_attributes){ .type = DK_TYPE_FILE, .mode = st.mode & 07777, .uid = st.uid, .gid = st.gid, .size = (uint64_t)st.size,
		.allocated = (uint64_t)st.blocks * 512, .device = st.dev, .inode = st.ino, .nlink = (uint32_t)st.nlink, .block_size = (uint32_t)st.blksize,
		.atime_ns = st.atime.sec * 1000000000 + st.atime.nsec, .mtime_ns = st.mtime.sec * 1000000000 + st.mtime.nsec,
		.ctime_ns = st.ctime.sec * 1000000000 + st.ctime.nsec };
	return DK_OK;
}

static enum dk_status ready_here(dk_handle stream, uint32_t *ready)
{
	struct host_timespec now = { 0, 0 };
	struct host_pollfd p = { .events = POLLIN | POLLOUT | POLLPRI | POLLRDHUP };
	uint32_t flags;
	enum dk_status status = stream_fd(stream, &p.fd, &flags);
	long n = status == DK_OK ? HOST6(ppoll, &p, 1, &now, NULL, 8, 0) : 0;

	if (status != DK_OK || n < 0)
		return n < 0 ? status_of(n) : status;
	*ready = net_ready_bits((uint16_t)p.revents);
	return DK_OK;
}

enum dk_status stream_query_here(dk_handle stream, uint32_t class, void *buffer, uint64_t size, uint64_t *done)
{
	const struct stream *s = stream_find(stream);
	uint64_t have = class == DK_ATTR_STAT ? sizeof(struct dk_attributes) : class == DK_ATTR_READY ? sizeof(uint32_t) : 0;
	enum dk_status status;

	if (!s)
		return DK_INVALID_HANDLE;
	if (size < have)
		return DK_RANGE;
	if (class == DK_ATTR_READY)
		status = ready_here(stream, buffer);
	else
		status = class == DK_ATTR_STAT ? stat_here(stream, buffer) : same(s);
	if (status == DK_OK)
		*done = have;
	return status;
}
