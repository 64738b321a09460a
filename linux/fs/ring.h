/* SPDX-License-Identifier: MIT */
/*
 * linux/fs/ring.h - a byte queue in the arena that grows up to a limit: the inside of
 * pipes and stream sockets.
 *
 * It starts without memory, takes one page at the first byte and four times as much
 * whenever it is full, so that the many small pipes stay small.  Bytes are copied
 * straight between guest memory and ring.  The owner's lock guards all.
 */
#ifndef LINUX_FS_RING_H
#define LINUX_FS_RING_H

#include "linux/fs/vfs.h"

struct ring {
	uint8_t *data;
	uint32_t cap;   /* bytes at data, whole pages */
	uint32_t head;  /* place of the oldest byte, < cap */
	uint32_t used;
	uint32_t limit; /* cap never grows beyond */
};

void ring_init(struct ring *r, uint32_t limit);
void ring_free(struct ring *r);
/* Makes room for n more bytes: false if the limit (or memory) forbids. */
bool ring_reserve(struct ring *r, uint32_t n);
/* Sets the limit and moves the contents; false: in use beyond it, or no memory. */
bool ring_set_limit(struct ring *r, uint32_t limit);
static inline uint32_t ring_free_bytes(const struct ring *r)
{
	return r->used >= r->limit ? 0 : r->limit - r->used;
}
/* Appends up to n bytes of v from position at on, as far as there is room.  Bytes done; fewer on a
   fault as well. */
uint32_t ring_append(struct ring *r, const struct iov *v, uint64_t at, uint32_t n);
/* Copies n bytes from place skip on into v at position at; nothing is taken out.  Bytes done. */
uint32_t ring_peek(const struct ring *r, uint32_t skip, const struct iov *v, uint64_t at, uint32_t n);
void ring_consume(struct ring *r, uint32_t n);
/* The same with kernel memory. */
void ring_append_mem(struct ring *r, const void *src, uint32_t n); /* room was reserved */
void ring_peek_mem(const struct ring *r, uint32_t skip, void *dst, uint32_t n);
/* Puts bytes back in front, beyond the limit if need be; false: no memory. */
bool ring_unread(struct ring *r, const void *src, uint32_t n);

#endif
