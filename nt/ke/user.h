/* SPDX-License-Identifier: MIT */
/* nt/ke/user.h - guest memory: every access can fail, with STATUS_ACCESS_VIOLATION. */
#ifndef NT_KE_USER_H
#define NT_KE_USER_H

#include "nt/types.h"
#include "pico/uaccess.h"

/* Out of line: the pages may be there for whoever touches them (stacks that grow, watched memory): nt/mm/fault.c. */
NTSTATUS user_read_again(void *to, uint64_t va, size_t size);
NTSTATUS user_write_again(uint64_t va, const void *from, size_t size);

static inline NTSTATUS user_read(void *to, uint64_t va, size_t size)
{
	return UNLIKELY(uaccess_read(to, va, size) != 0) ? user_read_again(to, va, size) : STATUS_SUCCESS;
}
static inline NTSTATUS user_write(uint64_t va, const void *from, size_t size)
{
	return UNLIKELY(uaccess_write(va, from, size) != 0) ? user_write_again(va, from, size) : STATUS_SUCCESS;
}
/* va 0 is fine: nothing is written. */
static inline NTSTATUS user_put32(uint64_t va, uint32_t value)
{
	return va == 0 ? STATUS_SUCCESS : user_write(va, &value, sizeof value);
}
static inline NTSTATUS user_put64(uint64_t va, uint64_t value)
{
	return va == 0 ? STATUS_SUCCESS : user_write(va, &value, sizeof value);
}
/* Is all of it writable?  Touches each page without changing it. */
NTSTATUS user_probe_write(uint64_t va, uint64_t size);
/* A UNICODE_STRING's text, copied to heap memory of *size bytes (and a 0 behind): heap_free.  va 0, or no text: NULL, 0. */
NTSTATUS user_string(uint64_t va, WCHAR **text, uint32_t *size);
NTSTATUS user_io_status(uint64_t va, NTSTATUS status, uint64_t information);
/* The end of most query calls: the answer, cut to what there is room for; *returned gets its whole size. */
NTSTATUS user_answer(uint64_t va, uint32_t room, const void *from, uint32_t size, uint64_t returned_va);
#endif
