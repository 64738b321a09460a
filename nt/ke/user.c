/* SPDX-License-Identifier: MIT */
/* nt/ke/user.c - guest memory, copied in and out. */
#include "nt/ke/user.h"
#include "nt/mm/mm.h"
#include "pico/arena.h"
#include "rt/mem.h"

NTSTATUS user_read_again(void *to, uint64_t va, size_t size)
{
	return nt_mm_settle(va, size, false) && uaccess_read(to, va, size) == 0 ? STATUS_SUCCESS : STATUS_ACCESS_VIOLATION;
}

NTSTATUS user_write_again(uint64_t va, const void *from, size_t size)
{
	return nt_mm_settle(va, size, true) && uaccess_write(va, from, size) == 0 ? STATUS_SUCCESS : STATUS_ACCESS_VIOLATION;
}

NTSTATUS user_probe_write(uint64_t va, uint64_t size)
{
	uint64_t end;

	if (size == 0)
		return STATUS_SUCCESS;
	if (ADD_OVERFLOW(va, size, &end) || !guest_range_ok(va, size))
		return STATUS_ACCESS_VIOLATION;
	for (uint64_t at = va; at < end; at = ALIGN_DOWN(at, PAGE_SIZE) + PAGE_SIZE) {
		uint32_t word;

		if ((!uaccess_load32(ALIGN_DOWN(at, 4), &word) || !uaccess_cmpxchg32(ALIGN_DOWN(at, 4), &word, word)) &&
			!nt_mm_settle(at, end - at, true))
			return STATUS_ACCESS_VIOLATION;
	}
	return STATUS_SUCCESS;
}

NTSTATUS user_string(uint64_t va, WCHAR **text, uint32_t *size)
{
	struct UNICODE_STRING s;
	NTSTATUS status;

	*text = NULL;
	*size = 0;
	if (va == 0)
		return STATUS_SUCCESS;
	status = user_read(&s, va, sizeof s);
	if (status != STATUS_SUCCESS || s.Length < sizeof(WCHAR) || s.Buffer == 0)
		return status;
	s.Length &= 0xfffe;
	*text = heap_alloc(s.Length + sizeof(WCHAR));
	if (*text == NULL)
		return STATUS_NO_MEMORY;
	status = user_read(*text, s.Buffer, s.Length);
	if (status != STATUS_SUCCESS) {
		heap_free(*text);
		*text = NULL;
		return status;
	}
	*size = s.Length;
	return STATUS_SUCCESS;
}

NTSTATUS user_io_status(uint64_t va, NTSTATUS status, uint64_t information)
{
	struct IO_STATUS_BLOCK b = { .Status = status, .Information = information };

	return user_write(va, &b, sizeof b);
}

NTSTATUS user_answer(uint64_t va, uint32_t room, const void *from, uint32_t size, uint64_t returned_va)
{
	NTSTATUS status = user_put32(returned_va, size);

	if (status != STATUS_SUCCESS)
		return status;
	if (room < size)
		return STATUS_INFO_LENGTH_MISMATCH;
	return user_write(va, from, size);
}
