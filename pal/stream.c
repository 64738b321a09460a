/* SPDX-License-Identifier: MIT */
/*
 * pal/stream.c - streams: the monitor opens, and gives a descriptor that we use directly.
 *
 * The entry in the shared area is the sandbox's; the descriptor is this picoprocess's
 * own, kept in a private cache by index and fetched when first needed here.  A cache
 * entry of another stream than has the index now is stale (stream_check), and closed when noticed.
 */
#include "pal/pal.h"
#include "pal/stream.h"
#include "rt/mem.h"

_Atomic uint64_t stream_cache[PS_STREAMS] BIG_BSS;
static _Atomic uint32_t cache_high;
struct mutex cache_lock;
static int deaths_fd = -1;

/* Puts a descriptor in, closing what was there.  check 0: none. */
static void cache_put(uint32_t index, uint32_t check, int fd)
{
	uint64_t old = atomic_exchange(&stream_cache[index], check ? (uint64_t)check << 32 | (uint32_t)fd : 0);

	if (index >= atomic_load(&cache_high))
		atomic_store(&cache_high, index + 1);
	if (old)
		(void)HOST1(close, (uint32_t)old);
}

/* Closes descriptors of streams that others have closed. */
static void cache_sweep(void)
{
	uint32_t high = atomic_load(&cache_high);

	for (uint32_t i = 0; i < high; i++) {
		uint64_t c = atomic_load(&stream_cache[i]);

		if (c && (atomic_load(&shared()->streams[i].object.handle) == 0 || stream_check(&shared()->streams[i]) != c >> 32))
			cache_put(i, 0, -1);
	}
}

void stream_cache_set(const struct stream *s, int fd)
{
	static uint32_t sets;

	mutex_take(&cache_lock);
	cache_put(object_index(&s->object), stream_check(s), fd);
	if (++sets % 256 == 0)
		cache_sweep();
	mutex_drop(&cache_lock);
}

void stream_special_fd(uint32_t index, int fd)
{
	if (index == STREAM_INDEX_DEATHS)
		deaths_fd = fd;
	stream_cache_set(&shared()->streams[index], fd);
}

void stream_after_clone(void)
{
	if (deaths_fd >= 0)
		cache_put(STREAM_INDEX_DEATHS, 0, -1);
	deaths_fd = -1;
	cache_sweep();
}

/* The last handle is closed. */
void stream_closed(struct stream *s)
{
	struct rpc r = { .req = { .op = MON_CLOSE, .stream = s->number } };
	uint32_t index = object_index(&s->object);

	if (s->special != STREAM_NORMAL)
		return;
	mutex_take(&cache_lock);
	if (atomic_load(&stream_cache[index]))
		cache_put(index, 0, -1);
	mutex_drop(&cache_lock);
	rpc_send(&r);
}

/*
 * A fresh picoprocess has none of the descriptors of the files that its program and
 * libraries come from, and would ask for one after the other: the first times it asks
 * for all files that are open in the sandbox, from the oldest on, as far as they go into
 * one answer.  A trip costs as much as passing forty descriptors.  Files only: a copy
 * of a pipe's end that nobody here uses would keep its other end waiting.
 */
#define FETCHES_AHEAD 2

/* Puts fd in unless another thread was faster, whose descriptor may be in use; gives what is there now. */
static int cache_add(const struct stream *s, int fd)
{
	uint32_t index = object_index(&s->object), check = stream_check(s);
	uint64_t c;

	mutex_take(&cache_lock);
	c = atomic_load(&stream_cache[index]);
	if (c >> 32 == check)
		fd = (int)(uint32_t)c;
	else
		cache_put(index, check, fd);
	mutex_drop(&cache_lock);
	return fd;
}

struct ahead {
	uint64_t number[MON_FETCH_MORE], got[MON_FETCH_MORE];
	dk_handle handle[MON_FETCH_MORE];
	uint32_t count;
};

static void choose_ahead(struct ahead *a, const struct stream *not_this)
{
	struct shared *s = shared();
	uint32_t high = atomic_load(&s->streams_table.high);

	a->count = 0;
	for (uint32_t i = 0; i < high && a->count < MON_FETCH_MORE; i++) {
		const struct stream *t = &s->streams[i];
		dk_handle h = atomic_load(&t->object.handle);

		if (h == 0 || t == not_this || t->special != STREAM_NORMAL || !(t->fd_flags & MON_FD_SEEK) ||
			stream_fd_here(t) >= 0)
			continue;
		a->number[a->count] = t->number;
		a->handle[a->count++] = h;
	}
}

/* What came along: each is the wanted one of its number, if that stream is still what it was. */
static void take_ahead(const struct ahead *a, const struct rpc *r)
{
	uint32_t n = MIN(r->more_count, r->reply.data_len / (uint32_t)sizeof a->got[0]);

	for (uint32_t i = 0, k = 0; i < r->more_count; i++) {
		struct stream *s;

		while (i < n && k < a->count && a->number[k] != a->got[i])
			k++;
		s = i < n && k < a->count ? stream_find(a->handle[k]) : NULL;
		if (!s || s->number != a->number[k] || cache_add(s, r->more[i]) != r->more[i])
			(void)HOST1(close, r->more[i]);
	}
}

static enum dk_status fetch(const struct stream *s, int *fd)
{
	static _Atomic uint32_t fetches;
	struct rpc r = { .req = { .op = MON_FETCH, .stream = s->number } };
	struct ahead a = { .count = 0 };
	enum dk_status status = DK_NOT_SUPPORTED;

	if (s->special == STREAM_NORMAL) {
		if (atomic_fetch_add(&fetches, 1) < FETCHES_AHEAD) {
			choose_ahead(&a, s);
			r.text = (const char *)a.number;
			r.text_len = a.count * sizeof a.number[0];
			r.data = a.got;
			r.data_size = sizeof a.got;
		}
		status = rpc_call(&r);
		take_ahead(&a, &r);
	}
	if (status != DK_OK)
		return status;
	if (r.fd < 0)
		return DK_NOT_SUPPORTED;
	*fd = cache_add(s, r.fd);
	if (*fd != r.fd)
		(void)HOST1(close, r.fd);
	return DK_OK;
}

enum dk_status stream_fd(dk_handle h, int *fd, uint32_t *flags)
{
	struct stream *s = stream_find(h);

	if (!s)
		return DK_INVALID_HANDLE;
	*flags = s->fd_flags;
	*fd = stream_fd_here(s);
	return *fd >= 0 ? DK_OK : fetch(s, fd);
}

/* ---- Opening ---- */

static enum dk_status open_reply(struct rpc *r, struct dk_open *open, dk_handle *stream)
{
	struct object *o = object_new(DK_KIND_STREAM, 0, 0, 0);
	struct stream *s = (struct stream *)o;
	struct rpc undo = { .req = { .op = MON_CLOSE, .stream = r->reply.value[0] } };

	if (!o) {
		if (r->fd >= 0)
			(void)HOST1(close, r->fd);
		rpc_send(&undo);
		return DK_TOO_MANY;
	}
	s->number = r->reply.value[0];
	s->fd_flags = (uint8_t)r->reply.fd_flags;
	s->special = STREAM_NORMAL;
	s->kept = r->reply.value[2] <= MON_KEPT ? (uint16_t)r->reply.value[2] : 0;
	s->kept_number = (uint32_t)r->reply.value[3];
	if (!s->kept)
		open->options &= ~DK_OPTION_KEEP;
	*stream = atomic_load(&o->handle);
	if (r->fd >= 0)
		stream_cache_set(s, r->fd);
	open->attr = r->reply.attr;
	return DK_OK;
}

enum dk_status DkStreamOpen(const char *uri, struct dk_open *open, dk_handle *stream)
{
	struct rpc r = { .req = { .op = MON_OPEN } };
	enum dk_status status;

	if (!uri || !open)
		return DK_INVALID_ARG;
	r.req.args[0] = open->access;
	r.req.args[1] = open->disposition;
	r.req.args[2] = open->options;
	r.req.args[3] = open->mode;
	r.req.args[4] = open->share;
	r.text = uri;
	r.text_len = strnlen(uri, MON_TEXT_MAX + 1);
	open->walk_size = 0;
	if (!open->inline_data || open->inline_size == 0)
		r.req.args[2] &= ~(uint64_t)(DK_OPTION_INLINE | DK_OPTION_WALK);
	if (r.req.args[2] & (DK_OPTION_INLINE | DK_OPTION_WALK)) {
		r.data = open->inline_data;
		r.data_size = open->inline_size;
	}
	status = rpc_call(&r);
	/* Contents that do not fit the caller's room are as good as none. */
	if (status == DK_RANGE && r.reply.status == DK_OK) {
		status = DK_OK;
		r.reply.data_len = 0;
		r.reply.value[1] = 0;
	}
	if (status != DK_OK) {
		if (r.fd >= 0)
			(void)HOST1(close, r.fd);
		return status;
	}
	open->walk_size = (uint32_t)MIN(r.reply.value[1], r.reply.data_len);
	open->inline_size = r.reply.data_len - open->walk_size;
	if (r.reply.value[0] == 0) {
		if (r.fd >= 0)
			(void)HOST1(close, r.fd);
		open->attr = r.reply.attr;
		*stream = DK_NO_HANDLE;
		return DK_OK;
	}
	return open_reply(&r, open, stream);
}

/* ---- Events ---- */

enum dk_status DkStreamGetEvent(dk_handle stream, uint32_t which, dk_handle *event)
{
	if (!stream_find(stream))
		return DK_INVALID_HANDLE;
	if (which > DK_EVENT_CHANGE)
		return DK_INVALID_ARG;
	*event = stream_event(stream, which);
	return DK_OK;
}

enum dk_status stream_event_fd(dk_handle h, int *fd, int16_t *events)
{
	static const int16_t poll[] = {
		[DK_EVENT_READ] = POLLIN, [DK_EVENT_WRITE] = POLLOUT, [DK_EVENT_HANGUP] = POLLRDHUP,
		[DK_EVENT_ACCEPT] = POLLIN, [DK_EVENT_CHANGE] = POLLPRI,
	};
	uint32_t index = DK_HANDLE_INDEX(h), which = index >> 16, flags;

	if (which > DK_EVENT_CHANGE)
		return DK_INVALID_HANDLE;
	*events = poll[which];
	return stream_fd(DK_HANDLE(DK_KIND_STREAM, DK_HANDLE_GEN(h), index & 0xffff), fd, &flags);
}

/* ---- Requests that the monitor serves ---- */

static enum dk_status with_stream(struct rpc *r, dk_handle stream)
{
	struct stream *s = stream_find(stream);

	if (!s)
		return DK_INVALID_HANDLE;
	r->req.stream = s->number;
	return rpc_call(r);
}

static void set_text(struct rpc *r, const char *text)
{
	r->text = text;
	r->text_len = strnlen(text, MON_TEXT_MAX + 1);
}

enum dk_status DkStreamSetLength(dk_handle stream, uint64_t offset, uint64_t length, uint32_t mode)
{
	struct rpc r = { .req = { .op = MON_LENGTH, .args = { offset, length, mode } } };

	if (mode > DK_LENGTH_ZERO)
		return DK_INVALID_ARG;
	return with_stream(&r, stream);
}

enum dk_status DkStreamFlush(dk_handle stream, uint32_t mode)
{
	struct rpc r = { .req = { .op = MON_FLUSH, .args = { mode } } };
	uint32_t flags;
	int fd;
	enum dk_status status;
	long err;

	if (mode > DK_FLUSH_FS)
		return DK_INVALID_ARG;
	if (mode == DK_FLUSH_FS)
		return with_stream(&r, stream);
	status = stream_fd(stream, &fd, &flags);
	if (status != DK_OK) /* a folder: its descriptor is the monitor's alone */
		return mode == DK_FLUSH_ALL ? with_stream(&r, stream) : status;
	err = mode == DK_FLUSH_ALL ? HOST1(fsync, fd) : HOST1(fdatasync, fd);
	return status_of(err);
}

enum dk_status DkStreamDelete(dk_handle stream, const char *uri, uint32_t mode)
{
	struct rpc r = { .req = { .op = MON_DELETE, .args = { mode } } };

	if (mode > DK_DELETE_SIDE_BOTH || !uri == !stream)
		return DK_INVALID_ARG;
	if (mode == DK_DELETE_SIDE_WRITE && net_shut_write(stream))
		return DK_OK;
	if (stream)
		return with_stream(&r, stream);
	set_text(&r, uri);
	return rpc_call(&r);
}

enum dk_status DkStreamRename(const char *from, const char *to, uint32_t mode)
{
	struct rpc r = { .req = { .op = MON_RENAME, .args = { mode } } };

	if (!from || !to || mode > DK_RENAME_LINK)
		return DK_INVALID_ARG;
	set_text(&r, from);
	r.text2 = to;
	r.text2_len = strnlen(to, MON_TEXT_MAX + 1);
	return rpc_call(&r);
}

enum dk_status DkStreamEnumerateChildren(const char *uri, uint64_t *cursor, void *buffer, uint64_t size, uint64_t *done)
{
	struct rpc r = { .req = { .op = MON_ENUM }, .data = buffer, .data_size = size };
	enum dk_status status;

	if (!uri || !buffer)
		return DK_INVALID_ARG;
	r.req.args[0] = *cursor;
	r.req.args[1] = MIN(size, MON_DATA_MAX);
	set_text(&r, uri);
	status = rpc_call(&r);
	if (status != DK_OK)
		return status;
	*cursor = r.reply.value[0];
	*done = r.reply.data_len;
	return DK_OK;
}

static enum dk_status query(struct rpc *r, dk_handle stream, uint64_t *done)
{
	enum dk_status status = stream ? with_stream(r, stream) : rpc_call(r);

	if (r->req.args[0] == DK_ATTR_OPENED && !stream)
		stream_take_opened(r, status);
	if (status == DK_OK)
		*done = r->reply.data_len;
	return status;
}

enum dk_status DkStreamAttributesQuery(const char *uri, uint32_t class, void *buffer, uint64_t size, uint64_t *done)
{
	struct rpc r = { .req = { .op = MON_QUERY, .args = { class } }, .data = buffer, .data_size = size };

	if (!uri || (size && !buffer))
		return DK_INVALID_ARG;
	set_text(&r, uri);
	return query(&r, DK_NO_HANDLE, done);
}

enum dk_status DkStreamAttributesQueryByHandle(dk_handle stream, uint32_t class, void *buffer, uint64_t size, uint64_t *done)
{
	struct rpc r = { .req = { .op = MON_QUERY, .args = { class } }, .data = buffer, .data_size = size };

	if (size && !buffer)
		return DK_INVALID_ARG;
	if (!stream)
		return DK_INVALID_HANDLE;
	if (class == DK_ATTR_SAME || class == DK_ATTR_STAT || class == DK_ATTR_READY)
		return stream_query_here(stream, class, buffer, size, done);
	return query(&r, stream, done);
}

enum dk_status DkStreamAttributesSet(dk_handle stream, const char *uri, uint32_t class, const void *buffer, uint64_t size)
{
	struct rpc r = { .req = { .op = MON_SET, .args = { class, size } } };

	if (!uri == !stream || (size && !buffer))
		return DK_INVALID_ARG;
	if (class == DK_ATTR_MEMBERS && stream)
		return net_set_members(stream, buffer, size);
	if (net_tune(stream, class, buffer, size))
		return DK_OK;
	if (size > MON_TEXT_MAX)
		return DK_TOO_BIG;
	if (stream) {
		r.text = buffer;
		r.text_len = size;
		return with_stream(&r, stream);
	}
	set_text(&r, uri);
	r.text2 = buffer ? buffer : "";
	r.text2_len = size;
	return rpc_call(&r);
}

enum dk_status DkStreamTransfer(dk_handle stream, dk_handle process)
{
	if (!stream_find(stream) || DK_HANDLE_KIND(process) != DK_KIND_PROCESS || !object_find(process))
		return DK_INVALID_HANDLE;
	return DK_OK;
}

/* ---- Handles ---- */

static bool counted(dk_handle h)
{
	return DK_HANDLE_KIND(h) >= DK_KIND_EVENT && DK_HANDLE_KIND(h) <= DK_KIND_STREAM;
}

enum dk_status DkObjectReference(dk_handle object)
{
	return counted(object) ? object_ref(object) : DK_INVALID_HANDLE;
}

enum dk_status DkObjectClose(dk_handle object)
{
	return counted(object) ? object_put(object) : DK_INVALID_HANDLE;
}
