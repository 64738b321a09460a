/* SPDX-License-Identifier: MIT */
/* linux/fs/ring.c - byte queues of pipes and stream sockets; ring.h tells how they are used. */

#include "linux/fs/ring.h"
#include "rt/mem.h"

void ring_init(struct ring *r, uint32_t limit)
{
	*r = (struct ring){ .limit = limit };
}

void ring_free(struct ring *r)
{
	if (r->data != NULL)
		arena_free_pages(r->data, r->cap >> PAGE_SHIFT);
	r->data = NULL;
	r->cap = r->head = r->used = 0;
}

static bool ring_resize(struct ring *r, uint32_t cap)
{
	uint8_t *data = arena_alloc_pages(cap >> PAGE_SHIFT);

	if (data == NULL)
		return false;
	if (r->used > 0)
		ring_peek_mem(r, 0, data, r->used);
	if (r->data != NULL)
		arena_free_pages(r->data, r->cap >> PAGE_SHIFT);
	r->data = data;
	r->cap = cap;
	r->head = 0;
	return true;
}

bool ring_reserve(struct ring *r, uint32_t n)
{
	uint32_t cap = r->cap;

	if (LIKELY(r->used + n <= cap))
		return true;
	if (n > ring_free_bytes(r))
		return false;
	if (cap == 0)
		cap = PAGE_SIZE;
	while (cap < r->used + n)
		cap *= 4;
	cap = MIN(cap, (uint32_t)PAGE_UP(r->limit));
	if (ring_resize(r, cap))
		return true;
	return cap > r->used + n && ring_resize(r, (uint32_t)PAGE_UP(r->used + n));
}

bool ring_set_limit(struct ring *r, uint32_t limit)
{
	if (limit < r->used || (r->cap > limit && !ring_resize(r, (uint32_t)PAGE_UP(limit))))
		return false;
	r->limit = limit;
	return true;
}

uint32_t ring_append(struct ring *r, const struct iov *v, uint64_t at, uint32_t n)
{
	uint32_t done = 0;

	n = MIN(n, ring_free_bytes(r));
	if (!ring_reserve(r, n))
		n = r->cap > r->used ? r->cap - r->used : 0;
	while (done < n) {
		uint32_t tail = r->head + r->used;
		uint32_t part, got;

		tail = tail >= r->cap ? tail - r->cap : tail;
		part = MIN(n - done, r->cap - tail);
		got = (uint32_t)iov_take(v, at + done, r->data + tail, part);
		r->used += got;
		done += got;
		if (got < part)
			break;
	}
	return done;
}

uint32_t ring_peek(const struct ring *r, uint32_t skip, const struct iov *v, uint64_t at, uint32_t n)
{
	uint32_t done = 0;

	while (done < n) {
		uint32_t place = r->head + skip + done;
		uint32_t part, put;

		place = place >= r->cap ? place - r->cap : place;
		part = MIN(n - done, r->cap - place);
		put = (uint32_t)iov_put(v, at + done, r->data + place, part);
		done += put;
		if (put < part)
			break;
	}
	return done;
}

void ring_consume(struct ring *r, uint32_t n)
{
	r->used -= n;
	r->head += n;
	if (r->head >= r->cap)
		r->head -= r->cap;
	if (r->used == 0)
		r->head = 0; /* the next bytes use the same, warm, memory */
}

void ring_append_mem(struct ring *r, const void *src, uint32_t n)
{
	uint32_t tail = r->head + r->used;
	uint32_t part;

	tail = tail >= r->cap ? tail - r->cap : tail;
	part = MIN(n, r->cap - tail);
	memcpy(r->data + tail, src, part);
	memcpy(r->data, (const uint8_t *)src + part, n - part);
	r->used += n;
}

void ring_peek_mem(const struct ring *r, uint32_t skip, void *dst, uint32_t n)
{
	uint32_t place = r->head + skip;
	uint32_t part;

	place = place >= r->cap ? place - r->cap : place;
	part = MIN(n, r->cap - place);
	memcpy(dst, r->data + place, part);
	memcpy((uint8_t *)dst + part, r->data, n - part);
}

bool ring_unread(struct ring *r, const void *src, uint32_t n)
{
	uint32_t head, part;

	if (r->used + n > r->cap && !ring_resize(r, (uint32_t)PAGE_UP(r->used + n)))
		return false;
	head = r->head >= n ? r->head - n : r->head + r->cap - n;
	part = MIN(n, r->cap - head);
	memcpy(r->data + head, src, part);
	memcpy(r->data, (const uint8_t *)src + part, n - part);
	r->head = head;
	r->used += n;
	return true;
}
