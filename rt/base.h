/* SPDX-License-Identifier: MIT */
/* rt/base.h - what every freestanding file may assume. */
#ifndef RT_BASE_H
#define RT_BASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdatomic.h>

#define ARRAY_LEN(a)        (sizeof(a) / sizeof((a)[0]))
#define CONTAINER_OF(p, type, member) ((type *)(void *)((char *)(p)-offsetof(type, member)))
#define PAGE_SHIFT          12
#define PAGE_SIZE           4096ul
#define PAGE_MASK           (~(PAGE_SIZE - 1))
#define ALIGN_UP(x, a)      (((x) + ((a)-1)) & ~((uint64_t)(a)-1))
#define ALIGN_DOWN(x, a)    ((x) & ~((uint64_t)(a)-1))
#define PAGE_UP(x)          ALIGN_UP(x, PAGE_SIZE)
#define PAGE_DOWN(x)        ALIGN_DOWN(x, PAGE_SIZE)
#define MIN(a, b)           ((a) < (b) ? (a) : (b))
#define MAX(a, b)           ((a) > (b) ? (a) : (b))
#define UNUSED              __attribute__((unused))
#define NORETURN            __attribute__((noreturn))
/* Behind all small variables, so that these share pages: each page that is written after a fork costs a copy, twice. */
#define BIG_BSS             __attribute__((section(".bss.big")))
/* Before all others: of one picoprocess's first page of data, what each child of a fork writes. */
#define FIRST_BSS           __attribute__((section(".bss.first")))
#define NOINLINE            __attribute__((noinline))
#define ALWAYS_INLINE       inline __attribute__((always_inline))
/* Not zeroed at its declaration, as all automatic variables are: for large ones on hot paths that are then filled whole. */
#define UNINIT              __attribute__((uninitialized))
#define MUST_CHECK          __attribute__((warn_unused_result))
#define PRINTF(f, a)        __attribute__((format(printf, f, a)))
#define LIKELY(x)           __builtin_expect(!!(x), 1)
#define UNLIKELY(x)         __builtin_expect(!!(x), 0)
#define ADD_OVERFLOW(a, b, r) __builtin_add_overflow(a, b, r)
#define MUL_OVERFLOW(a, b, r) __builtin_mul_overflow(a, b, r)

static inline void cpu_relax(void)
{
	__builtin_ia32_pause();
}

/* Hosted unit tests of freestanding code define RT_HOSTED. */
#endif
