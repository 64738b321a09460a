/* SPDX-License-Identifier: MIT */
/* pal/stream.h - what stream.c and stream_io.c share. */
#ifndef PAL_STREAM_H
#define PAL_STREAM_H

#include "abi/net.h"
#include "pal/pal.h"

/* The stream of this name, not locked, or NULL; object_find without its choice of a table. */
static inline struct stream *stream_find(dk_handle h)
{
	struct stream *s = &shared()->streams[DK_HANDLE_INDEX(h)];

	return DK_HANDLE_KIND(h) == DK_KIND_STREAM && DK_HANDLE_INDEX(h) < PS_STREAMS && atomic_load(&s->object.handle) == h ? s : NULL;
}

/* By index: handle << 32 | descriptor of this picoprocess; handle 0 = empty.  stream.c */
extern _Atomic uint64_t stream_cache[PS_STREAMS];

/* The descriptor of a live stream, or -1: it is to be fetched (stream_fd). */
/* What tells a stream in the cache from others that had its index: a handle comes again after 256 of them, a number never does.  Not 0. */
static inline uint32_t stream_check(const struct stream *s)
{
	return (uint32_t)((s->number * 0x9e3779b97f4a7c15ull) >> 32) | 1;
}
static inline int stream_fd_here(const struct stream *s)
{
	uint64_t c = atomic_load(&stream_cache[object_index(&s->object)]);

	return c >> 32 == stream_check(s) ? (int)(uint32_t)c : -1;
}

/* The answer to a query of DK_ATTR_OPENED: its streams get handles, its descriptors owners. */
void stream_take_opened(struct rpc *r, enum dk_status status);
void stream_special_fd(uint32_t index, int fd);
/* DK_ATTR_SAME and DK_ATTR_STAT. */
enum dk_status stream_query_here(dk_handle stream, uint32_t class, void *buffer, uint64_t size, uint64_t *done);

/* ---- net.c: servers, datagrams ---- */
enum dk_status net_read(dk_handle stream, const struct dk_segment *segments, uint32_t count, uint32_t flags, uint64_t *done);
enum dk_status net_write(dk_handle stream, const struct dk_segment *segments, uint32_t count, uint32_t flags, uint64_t *done);
/* What of a connection need not be waited for; false: it is not that. */
bool net_shut_write(dk_handle stream);
bool net_tune(dk_handle stream, uint32_t class, const void *value, uint64_t size);
/* A stream that the monitor made (opened.c): its handle; DK_NO_HANDLE: no room, and it is closed. */
dk_handle stream_adopt(uint64_t number, uint32_t fd_flags, int fd);

/* ---- waitset.c ---- */
bool is_waitset(const struct stream *s);
uint32_t net_ready_bits(uint32_t polled); /* DK_READY* of what poll or epoll told */
enum dk_status net_set_members(dk_handle set, const struct dk_member *members, uint64_t size);
enum dk_status waitset_read(dk_handle set, const struct dk_segment *segments, uint32_t count, uint64_t *done);

/* A stream's event is named after the stream: which event above the stream's index. */
static inline dk_handle stream_event(dk_handle stream, uint32_t which)
{
	return DK_HANDLE(DK_KIND_STREAM_EVENT, DK_HANDLE_GEN(stream), which << 16 | DK_HANDLE_INDEX(stream));
}
#endif
