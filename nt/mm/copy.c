/* SPDX-License-Identifier: MIT */
/*
 * nt/mm/copy.c - NtReadVirtualMemory and NtWriteVirtualMemory, and what was written (NtGetWriteWatch).
 *
 * Code is written although its pages are not writable: on Windows that is done by kernel32's WriteProcessMemory, for debuggers,
 * which opens the pages meanwhile; the one that runs here leaves it to this call.
 *
 * Everything goes through a buffer of the kernel's: source and target may both be bad, or overlap.
 */
#include "nt/ke/user.h"
#include "nt/mm/mm_int.h"
#include "nt/mm/query.h"
#include "nt/mm/watch.h"
#include "nt/os/remote.h"
#include "ntcalls.gen.h"

#define CHUNK 0x10000ull

/* Of p's memory (NULL: our own) into or out of buf: bytes. */
static uint64_t theirs(struct nt_process *p, uint64_t address, void *buf, uint64_t n, bool write)
{
	uint64_t left;

	if (p != NULL)
		return os_remote_copy(p->lx, address, buf, n, write);
	if (!guest_range_ok(address, n))
		return 0;
	left = write ? uaccess_write(address, buf, n) : uaccess_read(buf, address, n);
	if (left != 0 && nt_mm_settle(address, n, write))
		left = write ? uaccess_write(address, buf, n) : uaccess_read(buf, address, n);
	return n - left;
}

/* The same to pages that can be executed and not written, up to the end of those that are like the first. */
static uint64_t to_code(struct nt_process *p, uint64_t process, uint64_t address, void *buf, uint64_t n)
{
	struct mm_op look = { .kind = MM_BASIC, .address = address }, open = { .kind = MM_PROTECT, .address = address, .protect = PAGE_EXECUTE_READWRITE };
	const struct MEMORY_BASIC_INFORMATION *info = (const void *)look.answer;
	uint64_t moved = 0;

	if (mm_op(process, PROCESS_VM_WRITE, &look) != STATUS_SUCCESS || info->State != MEM_COMMIT ||
		(info->Protect != PAGE_EXECUTE && info->Protect != PAGE_EXECUTE_READ))
		return 0;
	open.size = n = MIN(n, info->BaseAddress + info->RegionSize - address);
	if (mm_op(process, PROCESS_VM_OPERATION, &open) != STATUS_SUCCESS)
		return 0;
	moved = theirs(p, address, buf, n, true);
	open.protect = open.old;
	(void)mm_op(process, PROCESS_VM_OPERATION, &open);
	return moved;
}

/* All that can be written of n bytes. */
static uint64_t write_there(struct nt_process *p, uint64_t process, uint64_t address, char *buf, uint64_t n)
{
	uint64_t done = theirs(p, address, buf, n, true), more = 1;

	while (done < n && more != 0) {
		more = to_code(p, process, address + done, buf + done, n - done);
		done += more;
		if (more != 0 && done < n)
			done += theirs(p, address + done, buf + done, n - done, true);
	}
	return done;
}

static NTSTATUS copy_chunk(struct nt_process *p, uint64_t process, uint64_t address, uint64_t buffer, void *buf, uint64_t n, bool write, uint64_t *moved)
{
	NTSTATUS status;

	if (write) {
		status = user_read(buf, buffer, n);
		*moved = status == STATUS_SUCCESS ? write_there(p, process, address, buf, n) : 0;
		return status;
	}
	*moved = theirs(p, address, buf, n, false);
	return *moved != 0 ? user_write(buffer, buf, *moved) : STATUS_SUCCESS;
}

static NTSTATUS copy(struct nt_process *p, uint64_t process, uint64_t address, uint64_t buffer, uint64_t size, bool write, uint64_t *done)
{
	void *buf = heap_alloc_dirty(MIN(size, CHUNK));
	NTSTATUS status = buf != NULL ? STATUS_SUCCESS : STATUS_NO_MEMORY;

	while (status == STATUS_SUCCESS && *done < size) {
		uint64_t n = MIN(size - *done, CHUNK - ((address + *done) & (CHUNK - 1))), moved;

		status = copy_chunk(p, process, address + *done, buffer + *done, buf, n, write, &moved);
		if (status == STATUS_SUCCESS)
			*done += moved;
		if (status == STATUS_SUCCESS && moved < n)
			status = STATUS_PARTIAL_COPY;
	}
	heap_free(buf);
	return status;
}

static NTSTATUS copy_call(uint64_t process, uint64_t address, uint64_t buffer, uint64_t size, uint64_t done_va, bool write)
{
	struct nt_process *p = NULL;
	uint64_t done = 0, end;
	NTSTATUS status, written;

	if (ADD_OVERFLOW(address, size, &end) || ADD_OVERFLOW(buffer, size, &end))
		return STATUS_ACCESS_VIOLATION;
	status = mm_process(process, write ? PROCESS_VM_WRITE | PROCESS_VM_OPERATION : PROCESS_VM_READ, &p);
	if (status == STATUS_SUCCESS && size != 0)
		status = copy(p, process, address, buffer, size, write, &done);
	if (p != NULL)
		ob_put(&p->ob);
	written = user_put64(done_va, done);
	return written != STATUS_SUCCESS ? written : status;
}

NTSTATUS NtReadVirtualMemory(struct nt_thread *t, uint64_t process, uint64_t address, uint64_t buffer, uint64_t size, uint64_t done)
{
	(void)t;
	return copy_call(process, address, buffer, size, done, false);
}

NTSTATUS NtWriteVirtualMemory(struct nt_thread *t, uint64_t process, uint64_t address, uint64_t buffer, uint64_t size, uint64_t done)
{
	(void)t;
	return copy_call(process, address, buffer, size, done, true);
}

/* ---- Write watch: of the own process alone ---- */

#define WATCH_CHUNK 512u

static NTSTATUS put_written(uint64_t base, uint64_t size, bool reset, uint64_t addresses, uint64_t room, uint64_t *count)
{
	struct nt_mm *mm = nt_current_process()->mm;
	uint64_t *out = heap_alloc_dirty(WATCH_CHUNK * sizeof *out), top = PAGE_UP(base + size), at = base;
	NTSTATUS status = out != NULL ? STATUS_SUCCESS : STATUS_NO_MEMORY;

	*count = 0;
	do {
		uint64_t n;

		if (status == STATUS_SUCCESS)
			status = nt_mm_written(mm, &at, top, reset, out, MIN(room - *count, WATCH_CHUNK), &n);
		if (status == STATUS_SUCCESS)
			status = user_write(addresses + *count * sizeof *out, out, n * sizeof *out);
		if (status == STATUS_SUCCESS)
			*count += n;
	} while (status == STATUS_SUCCESS && *count < room && at < top);
	heap_free(out);
	return status;
}

NTSTATUS NtGetWriteWatch(struct nt_thread *t, uint64_t process, uint32_t flags, uint64_t base, uint64_t size, uint64_t addresses, uint64_t count_va,
	uint64_t granularity)
{
	uint64_t room, count, end;
	NTSTATUS status;

	(void)t;
	if (process != NtCurrentProcess())
		return STATUS_NOT_SUPPORTED;
	if (count_va == 0 || granularity == 0)
		return STATUS_ACCESS_VIOLATION;
	status = user_read(&room, count_va, sizeof room);
	if (status != STATUS_SUCCESS)
		return status;
	if (room == 0 || size == 0 || (flags & ~1u) || ADD_OVERFLOW(base, size, &end))
		return STATUS_INVALID_PARAMETER;
	if (addresses == 0)
		return STATUS_ACCESS_VIOLATION;
	status = put_written(base, size, flags & 1, addresses, room, &count);
	if (status == STATUS_SUCCESS)
		status = user_put64(count_va, count);
	return status == STATUS_SUCCESS ? user_put32(granularity, PAGE_SIZE) : status;
}

NTSTATUS NtResetWriteWatch(struct nt_thread *t, uint64_t process, uint64_t base, uint64_t size)
{
	uint64_t end;

	(void)t;
	if (process != NtCurrentProcess())
		return STATUS_NOT_SUPPORTED;
	if (size == 0 || ADD_OVERFLOW(base, size, &end))
		return STATUS_INVALID_PARAMETER;
	return nt_mm_reset_watch(nt_current_process()->mm, base, size);
}
