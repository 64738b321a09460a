/* SPDX-License-Identifier: MIT */
/*
 * pal/opened.c - files that the monitor opened many at a time (DK_ATTR_OPENED): each becomes a stream of the sandbox, as if
 * DkStreamOpen had been called for it.
 */
#include "pal/pal.h"
#include "pal/stream.h"

static int nth_fd(const struct rpc *r, uint32_t n)
{
	return n == 0 ? r->fd : n - 1 < r->more_count ? r->more[n - 1] : -1;
}

dk_handle stream_adopt(uint64_t number, uint32_t fd_flags, int fd)
{
	struct object *object = object_new(DK_KIND_STREAM, 0, 0, 0);
	struct stream *s = (struct stream *)object;
	struct rpc undo = { .req = { .op = MON_CLOSE, .stream = number } };
	dk_handle h;

	if (!object) {
		(void)HOST1(close, fd);
		rpc_send(&undo);
		return DK_NO_HANDLE;
	}
	s->number = number;
	s->fd_flags = (uint8_t)fd_flags;
	s->special = STREAM_NORMAL;
	s->kept = 0;
	h = atomic_load(&object->handle);
	stream_cache_set(s, fd);
	return h;
}

void stream_take_opened(struct rpc *r, enum dk_status status)
{
	struct dk_opened *o = r->data;
	uint32_t count = status == DK_OK ? r->reply.data_len / (uint32_t)sizeof *o : 0, used = 0;
	int fd;

	for (uint32_t i = 0; i < count; i++) {
		if (o[i].stream == 0)
			continue;
		fd = nth_fd(r, used++);
		if (fd < 0)
			pal_panic("pal: the monitor's answer lacks a descriptor");
		o[i].stream = stream_adopt(o[i].stream, o[i].flags, fd);
	}
	while ((fd = nth_fd(r, used++)) >= 0)
		(void)HOST1(close, fd);
}
