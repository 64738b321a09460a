/* SPDX-License-Identifier: MIT */
/* linux/fs/iov.c - vectors of guest or kernel memory that one read or write moves. */
#include "linux/fs/fs.h"

#define IOV_LIMIT 1024u

/* Where byte at of the vector is: the segment's index and the offset in it. */
static uint32_t find_segment(const struct iov *v, uint64_t at, uint64_t *offset)
{
	uint32_t i = 0;

	while (i < v->count && at >= v->seg[i].size)
		at -= v->seg[i++].size;
	*offset = at;
	return i;
}

enum move { MOVE_PUT, MOVE_TAKE, MOVE_ZERO };

/* Bytes not moved. */
static size_t move_one(const struct iov *v, enum move how, char *there, char *here, size_t n)
{
	if (v->kernel) {
		if (how == MOVE_ZERO)
			memset(there, 0, n);
		else if (how == MOVE_PUT)
			return uaccess_copy(there, here, n);
		else
			return uaccess_copy(here, there, n);
		return 0;
	}
	if (how == MOVE_ZERO)
		return uaccess_zero((uint64_t)there, n);
	if (how == MOVE_PUT)
		return uaccess_write((uint64_t)there, here, n);
	return uaccess_read(here, (uint64_t)there, n);
}

static size_t move(const struct iov *v, uint64_t at, char *here, size_t n, enum move how)
{
	uint64_t offset;
	uint32_t i = find_segment(v, at, &offset);
	size_t done = 0;

	for (; i < v->count && done < n; i++, offset = 0) {
		size_t part = MIN(v->seg[i].size - offset, n - done);
		/* cppcheck-suppress nullPointerArithmetic; here is not used when zeroing */
		size_t left = move_one(v, how, (char *)v->seg[i].base + offset, here + done, part);

		done += part - left;
		if (left != 0)
			break;
	}
	return done;
}

size_t iov_put(const struct iov *v, uint64_t at, const void *src, size_t n)
{
	return move(v, at, (char *)(uintptr_t)src, n, MOVE_PUT);
}

size_t iov_take(const struct iov *v, uint64_t at, void *dst, size_t n)
{
	return move(v, at, dst, n, MOVE_TAKE);
}

size_t iov_put_zero(const struct iov *v, uint64_t at, size_t n)
{
	return move(v, at, NULL, n, MOVE_ZERO);
}

uint32_t iov_slice(const struct iov *v, uint64_t at, uint64_t n, struct dk_segment *out, uint64_t *bytes)
{
	uint64_t offset;
	uint32_t i = find_segment(v, at, &offset), count = 0;

	*bytes = 0;
	for (; i < v->count && count < DK_SEGMENTS_MAX && *bytes < n; i++, offset = 0) {
		uint64_t part = MIN(v->seg[i].size - offset, n - *bytes);

		if (part == 0)
			continue;
		out[count].base = (char *)v->seg[i].base + offset;
		out[count++].size = part;
		*bytes += part;
	}
	return count;
}

/* Checks what the guest gave and cuts the sum at RW_LIMIT. */
static long check_segments(struct iov *v)
{
	uint64_t sum = 0;

	for (uint32_t i = 0; i < v->count; i++) {
		struct dk_segment *s = &v->seg[i];

		if ((int64_t)s->size < 0)
			return -EINVAL;
		if (s->size != 0 && !guest_range_ok((uint64_t)s->base, s->size))
			return -EFAULT;
		s->size = MIN(s->size, RW_LIMIT - sum);
		sum += s->size;
	}
	v->size = sum;
	return 0;
}

long iov_in(struct gva vec, uint64_t count, struct dk_segment *fast, uint32_t nfast, struct iov *out)
{
	struct dk_segment *seg = fast;
	long err;

	if (count > IOV_LIMIT)
		return -EINVAL;
	if (count > nfast) {
		seg = heap_alloc(count * sizeof *seg);
		if (seg == NULL)
			return -ENOMEM;
	}
	*out = (struct iov){ .seg = seg, .count = (uint32_t)count };
	err = copy_in(seg, vec, count * sizeof *seg); /* struct iovec has the same layout */
	if (err == 0)
		err = check_segments(out);
	if (err != 0)
		iov_done(out, fast);
	return err;
}

void iov_done(struct iov *v, const struct dk_segment *fast)
{
	if (v->seg != fast)
		heap_free(v->seg);
}
