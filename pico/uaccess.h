/* SPDX-License-Identifier: MIT */
/*
 * pico/uaccess.h - the only ways to touch guest memory.
 *
 * All instructions that do it are in one range of uaccess_x86_64.S, known to pal
 * from the image header: a fault there ends the copy, so a wild pointer, an
 * unmapped page or a file cut short is a short count and never a crash.  Ranges
 * that reach into Bailey's own window are refused before anything is touched.
 */
#ifndef PICO_UACCESS_H
#define PICO_UACCESS_H

#include "rt/base.h"

/* True if [addr, addr+size) is an address range a guest may name. */
bool guest_range_ok(uint64_t addr, uint64_t size);

/* Return the number of bytes NOT copied: 0 is success. */
size_t uaccess_read(void *dst, uint64_t src, size_t size);
size_t uaccess_write(uint64_t dst, const void *src, size_t size);
size_t uaccess_zero(uint64_t dst, size_t size);
/* Between two guest ranges, or raw copies that may fault on either side (mapped files). */
size_t uaccess_copy(void *dst, const void *src, size_t size);

/* A NUL-terminated string of at most size bytes, NUL included: its length, -1 fault, -2 too long. */
int64_t uaccess_string(char *dst, uint64_t src, size_t size);

/* Atomic operations on an aligned guest u32; false on a fault. */
bool uaccess_load32(uint64_t addr, uint32_t *value);
bool uaccess_store32(uint64_t addr, uint32_t value);
bool uaccess_cmpxchg32(uint64_t addr, uint32_t *expected, uint32_t desired); /* *expected = what was there */
bool uaccess_load64(uint64_t addr, uint64_t *value);

/*
 * The live vector registers to and from guest memory, of size bytes at addr, 64-byte aligned (16 for a
 * legacy one); mask as the instruction's.  mask 0: FXSAVE's 512 bytes.  False on a fault, which a load
 * also has for contents that the CPU refuses: then some registers may have changed.
 */
bool uaccess_save_vectors(uint64_t addr, uint64_t size, uint64_t mask);
bool uaccess_load_vectors(uint64_t addr, uint64_t size, uint64_t mask);
#endif
