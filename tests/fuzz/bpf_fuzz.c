/* SPDX-License-Identifier: MIT */
/*
 * tests/fuzz/bpf_fuzz.c - libFuzzer: seccomp programs of guests.  What the checker lets through must run
 * to a return, without a read outside its data, its scratch words or the program (linux/sec/bpf.c).
 * The input is a struct seccomp_data, then instructions.
 */
#include <stdlib.h>

#include "linux/sec/internal.h"
#include "rt/mem.h"

void *arena_alloc(size_t size) { return calloc(1, size); }
void arena_free(void *p) { free(p); }
void *heap_alloc(size_t size) { return calloc(1, size); }
void *heap_alloc_dirty(size_t size) { return malloc(size); }
void heap_free(void *p) { free(p); }

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct seccomp_data d;
	struct sock_filter *code;
	uint32_t count;

	if (size < sizeof d)
		return 0;
	memcpy(&d, data, sizeof d);
	count = (uint32_t)((size - sizeof d) / sizeof *code);
	if (count > 4096)
		return 0;
	code = malloc(count * sizeof *code); /* exactly: a read beyond is seen */
	memcpy(code, data + sizeof d, count * sizeof *code);
	if (bpf_check(code, count))
		(void)bpf_run(code, &d);
	free(code);
	return 0;
}
