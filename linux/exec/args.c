/* SPDX-License-Identifier: MIT */
/* linux/exec/args.c - argument and environment strings on their way to the new program. */
#include "linux/exec/exec.h"
#include "pico/uaccess.h"
#include "rt/mem.h"

#define STRING_MAX 131072u
#define ROOM_MIN   4096u
#define COUNT_MAX  0x100000u

void args_free(struct exec_args *a)
{
	arena_free(a->strings);
	arena_free(a->path);
	a->strings = a->path = NULL;
}

static long grow(struct exec_args *a, uint64_t least)
{
	uint64_t room = MAX(a->room * 2, ROOM_MIN);
	char *n;

	while (room < least)
		room *= 2;
	n = arena_alloc(room);
	if (!n)
		return -ENOMEM;
	memcpy(n, a->strings, a->size);
	arena_free(a->strings);
	a->strings = n;
	a->room = room;
	return 0;
}

long args_append(struct exec_args *a, const char *s)
{
	size_t n = strlen(s) + 1;
	long err;

	if (a->size + n > a->room) {
		err = grow(a, a->size + n);
		if (err)
			return err;
	}
	memcpy(a->strings + a->size, s, n);
	a->size += n;
	return 0;
}

static long one_in(struct exec_args *a, uint64_t va, uint64_t limit)
{
	for (;;) {
		uint64_t room = MIN(a->room - a->size, STRING_MAX);
		int64_t len = room ? uaccess_string(a->strings + a->size, va, room) : -2;
		long err;

		if (len >= 0) {
			a->size += (uint64_t)len + 1;
			return 0;
		}
		if (len != -2)
			return -EFAULT;
		if (room == STRING_MAX || a->size + room >= limit)
			return -E2BIG;
		err = grow(a, a->size + room + 1);
		if (err)
			return err;
	}
}

/* A vector of string pointers; their number, or -errno. */
static long vector_in(struct exec_args *a, struct gva v, uint64_t limit)
{
	uint64_t pointer;
	long err;

	if (!v.va)
		return 0;
	for (uint32_t n = 0;; n++) {
		if (uaccess_read(&pointer, v.va + n * 8ull, sizeof pointer))
			return -EFAULT;
		if (!pointer)
			return n;
		if (n >= COUNT_MAX || a->size + n * 8ull >= limit)
			return -E2BIG;
		err = one_in(a, pointer, limit);
		if (err)
			return err;
	}
}

long args_in(struct exec_args *a, struct lx_thread *t, struct gva argv, struct gva envp)
{
	uint64_t limit = MIN(t->proc->rlim[RLIMIT_STACK].rlim_cur / 4, 6ull << 20);
	long n = grow(a, ROOM_MIN);

	if (n)
		return n;
	limit = MAX(limit, (uint64_t)STRING_MAX);
	n = vector_in(a, argv, limit);
	if (n < 0)
		return n;
	if (n == 0) { /* a program may count on argv[0] */
		long err = args_append(a, "");

		if (err)
			return err;
		n = 1;
	}
	a->argc = (uint32_t)n;
	n = vector_in(a, envp, limit);
	if (n < 0)
		return n;
	a->envc = (uint32_t)n;
	return 0;
}

/* argv[0] gives way to the interpreter, its option and the script's name. */
long args_script(struct exec_args *a, const char *interp, const char *option, const char *script)
{
	size_t old = strlen(a->strings) + 1;
	size_t li = strlen(interp) + 1, lo = option ? strlen(option) + 1 : 0, ls = strlen(script) + 1;
	size_t size = a->size - old + li + lo + ls;
	char *n = arena_alloc(MAX(size, ROOM_MIN)), *p = n;

	if (!n)
		return -ENOMEM;
	memcpy(p, interp, li);
	p += li;
	if (option)
		memcpy(p, option, lo);
	p += lo;
	memcpy(p, script, ls);
	p += ls;
	memcpy(p, a->strings + old, a->size - old);
	arena_free(a->strings);
	a->strings = n;
	a->size = size;
	a->room = MAX(size, ROOM_MIN);
	a->argc += option ? 2 : 1;
	return 0;
}
