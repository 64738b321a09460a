/* SPDX-License-Identifier: MIT */
/* pico/uaccess.c - range checks around the copies of uaccess_x86_64.S. */

#include "pico/uaccess.h"
#include "abi/layout.h"

size_t uaccess_raw_copy(void *dst, const void *src, size_t n);
size_t uaccess_raw_zero(void *dst, size_t n);
size_t uaccess_raw_string(char *dst, const char *src, size_t n);
size_t uaccess_raw_load32(uint32_t *out, uint64_t addr);
size_t uaccess_raw_load64(uint64_t *out, uint64_t addr);
size_t uaccess_raw_store32(uint64_t addr, uint32_t value);
size_t uaccess_raw_cmpxchg32(uint64_t addr, uint32_t *expected, uint32_t desired);
size_t uaccess_raw_xsave(uint64_t addr, uint64_t mask);
size_t uaccess_raw_xrstor(uint64_t addr, uint64_t mask);
size_t uaccess_raw_fxsave(uint64_t addr);
size_t uaccess_raw_fxrstor(uint64_t addr);

bool guest_range_ok(uint64_t addr, uint64_t size)
{
	uint64_t end;

	if (ADD_OVERFLOW(addr, size, &end) || end > GUEST_HIGH)
		return false;
	return end <= BAILEY_LOW || addr >= BAILEY_HIGH;
}

size_t uaccess_read(void *dst, uint64_t src, size_t size)
{
	if (!guest_range_ok(src, size))
		return size;
	return uaccess_raw_copy(dst, (const void *)src, size);
}

size_t uaccess_write(uint64_t dst, const void *src, size_t size)
{
	if (!guest_range_ok(dst, size))
		return size;
	return uaccess_raw_copy((void *)dst, src, size);
}

size_t uaccess_zero(uint64_t dst, size_t size)
{
	if (!guest_range_ok(dst, size))
		return size;
	return uaccess_raw_zero((void *)dst, size);
}

size_t uaccess_copy(void *dst, const void *src, size_t size)
{
	return uaccess_raw_copy(dst, src, size);
}

/* The string may lie right below an end of guest memory: the copy is cut there, not refused. */
static size_t string_room(uint64_t src, size_t size)
{
	uint64_t end = src < BAILEY_LOW ? BAILEY_LOW : GUEST_HIGH;

	if (src >= end || (src >= BAILEY_LOW && src < BAILEY_HIGH))
		return 0;
	return MIN(size, end - src);
}

int64_t uaccess_string(char *dst, uint64_t src, size_t size)
{
	size_t room = string_room(src, size);
	size_t left, done;

	if (room == 0)
		return -1;
	left = uaccess_raw_string(dst, (const char *)src, room);
	done = room - left;
	if (done > 0 && dst[done - 1] == '\0')
		return (int64_t)done - 1;
	return left == 0 && room == size ? -2 : -1;
}

static bool word_ok(uint64_t addr, uint64_t size)
{
	return (addr & (size - 1)) == 0 && guest_range_ok(addr, size);
}

bool uaccess_load32(uint64_t addr, uint32_t *value)
{
	return word_ok(addr, 4) && uaccess_raw_load32(value, addr) == 0;
}

bool uaccess_store32(uint64_t addr, uint32_t value)
{
	return word_ok(addr, 4) && uaccess_raw_store32(addr, value) == 0;
}

bool uaccess_cmpxchg32(uint64_t addr, uint32_t *expected, uint32_t desired)
{
	return word_ok(addr, 4) && uaccess_raw_cmpxchg32(addr, expected, desired) == 0;
}

bool uaccess_load64(uint64_t addr, uint64_t *value)
{
	return word_ok(addr, 8) && uaccess_raw_load64(value, addr) == 0;
}

bool uaccess_save_vectors(uint64_t addr, uint64_t size, uint64_t mask)
{
	if (!guest_range_ok(addr, size))
		return false;
	return (mask ? uaccess_raw_xsave(addr, mask) : uaccess_raw_fxsave(addr)) == 0;
}

bool uaccess_load_vectors(uint64_t addr, uint64_t size, uint64_t mask)
{
	if (!guest_range_ok(addr, size))
		return false;
	return (mask ? uaccess_raw_xrstor(addr, mask) : uaccess_raw_fxrstor(addr)) == 0;
}
