/* SPDX-License-Identifier: MIT */
/* nt/mm/querycalls.c - NtQueryVirtualMemory. */
#include "nt/io/io.h"
#include "nt/ke/user.h"
#include "nt/mm/mm_int.h"
#include "nt/mm/query.h"
#include "nt/mm/section.h"
#include "nt/ps/ps.h"
#include "ntcalls.gen.h"
#include "rt/mem.h"

struct query {
	uint64_t process, address, buffer, size, returned;
};

static NTSTATUS answer(const struct query *q, const void *from, uint64_t size)
{
	NTSTATUS status = user_write(q->buffer, from, size);

	return status == STATUS_SUCCESS ? user_put64(q->returned, size) : status;
}

/* Basic and region information: one operation's answer. */
static NTSTATUS query_simple(const struct query *q, uint32_t kind, uint64_t least, uint64_t size)
{
	struct mm_op op = { .kind = kind, .address = q->address };
	NTSTATUS status;

	if (q->size < least)
		return STATUS_INFO_LENGTH_MISMATCH;
	status = mm_op(q->process, PROCESS_QUERY_LIMITED, &op);
	return status == STATUS_SUCCESS ? answer(q, op.answer, MIN(size, q->size)) : status;
}

/* An array of addresses, each of which gets its page's attributes. */
static NTSTATUS query_pages(const struct query *q)
{
	struct MEMORY_WORKING_SET_EX_INFORMATION page;
	uint64_t count = q->size / sizeof page;
	NTSTATUS status = count != 0 ? STATUS_SUCCESS : STATUS_INFO_LENGTH_MISMATCH;

	for (uint64_t i = 0; status == STATUS_SUCCESS && i < count; i++) {
		struct mm_op op = { .kind = MM_PAGE };
		uint64_t at = q->buffer + i * sizeof page;

		status = user_read(&op.address, at, sizeof op.address);
		if (status == STATUS_SUCCESS)
			status = mm_op(q->process, PROCESS_QUERY_LIMITED, &op);
		if (status == STATUS_SUCCESS)
			status = user_write(at, op.answer, sizeof page);
	}
	return status == STATUS_SUCCESS ? user_put64(q->returned, count * sizeof page) : status;
}

static NTSTATUS name_out(const struct query *q, const WCHAR *name, uint32_t size)
{
	struct UNICODE_STRING s = { .Length = (uint16_t)size, .MaximumLength = (uint16_t)(size + 2), .Buffer = q->buffer + sizeof s };
	uint64_t whole = sizeof s + size + 2;
	NTSTATUS status = user_put64(q->returned, whole);

	if (status != STATUS_SUCCESS)
		return status;
	if (q->size < whole)
		return q->size < sizeof s ? STATUS_INFO_LENGTH_MISMATCH : STATUS_BUFFER_OVERFLOW;
	status = user_write(q->buffer, &s, sizeof s);
	return status == STATUS_SUCCESS ? user_write(s.Buffer, name, size + 2ull) : status;
}

/* The program and ntdll have no sections. */
static NTSTATUS query_program_name(const struct query *q)
{
	static const WCHAR ntdll[] = u"\\??\\C:\\windows\\system32\\ntdll.dll";
	struct mm_op op = { .kind = MM_IMAGE_AT, .address = q->address };
	struct nt_process *other, *p;
	NTSTATUS status = mm_op(q->process, PROCESS_QUERY_LIMITED, &op);

	if (status == STATUS_SUCCESS)
		status = mm_process(q->process, 0, &other);
	if (status != STATUS_SUCCESS)
		return status;
	p = other != NULL ? other : nt_current_process();
	if (op.address == ps_of_process(p)->ntdll_base)
		status = name_out(q, ntdll, sizeof ntdll - sizeof(WCHAR));
	else
		status = op.address == p->image_base ? name_out(q, p->image_name, p->image_name_size) : (NTSTATUS)STATUS_INVALID_ADDRESS;
	if (other != NULL)
		ob_put(&other->ob);
	return status;
}

/* The name of the file that is mapped there. */
static NTSTATUS query_name(const struct query *q)
{
	struct mm_op op = { .kind = MM_SECTION_AT, .address = q->address };
	NTSTATUS status = mm_op(q->process, PROCESS_QUERY_LIMITED, &op);
	WCHAR *name = NULL;
	uint32_t size = 0;

	if (status != STATUS_SUCCESS)
		return query_program_name(q);
	status = op.section->file_object != NULL ? io_name_of(op.section->file_object, &name, &size) : (NTSTATUS)STATUS_INVALID_ADDRESS;
	ob_put(nt_section_object(op.section));
	if (status == STATUS_SUCCESS)
		status = name_out(q, name, size);
	heap_free(name);
	return status;
}

static NTSTATUS query_image(const struct query *q)
{
	struct MEMORY_IMAGE_INFORMATION info = { 0 };
	struct mm_op op = { .kind = MM_IMAGE_AT, .address = q->address };
	NTSTATUS status;

	if (q->size < sizeof info)
		return STATUS_INFO_LENGTH_MISMATCH;
	status = mm_op(q->process, PROCESS_QUERY_LIMITED, &op);
	if (status != STATUS_SUCCESS)
		return status;
	info.ImageBase = op.address;
	info.SizeOfImage = op.size;
	return answer(q, &info, sizeof info);
}

/* What a DLL of Wine's calls its Unix side by: its own address, which nt/ldr/unixcall.c knows it by. */
static NTSTATUS query_unix_funcs(const struct query *q)
{
	struct mm_op op = { .kind = MM_IMAGE_AT, .address = q->address };
	NTSTATUS status;

	if (q->size != sizeof op.address)
		return STATUS_INFO_LENGTH_MISMATCH;
	if (q->process != NtCurrentProcess())
		return STATUS_INVALID_HANDLE;
	status = mm_op(q->process, 0, &op);
	return status == STATUS_SUCCESS ? answer(q, &op.address, sizeof op.address) : (NTSTATUS)STATUS_INVALID_PARAMETER;
}

NTSTATUS NtQueryVirtualMemory(struct nt_thread *t, uint64_t process, uint64_t address, uint32_t class, uint64_t buffer, uint64_t size, uint64_t returned)
{
	struct query q = { process, address, buffer, size, returned };

	(void)t;
	switch (class) {
	case MemoryBasicInformation:
		return query_simple(&q, MM_BASIC, sizeof(struct MEMORY_BASIC_INFORMATION), sizeof(struct MEMORY_BASIC_INFORMATION));
	case MemoryRegionInformation:
		return query_simple(&q, MM_REGION, offsetof(struct MEMORY_REGION_INFORMATION, CommitSize), sizeof(struct MEMORY_REGION_INFORMATION));
	case MemoryMappedFilenameInformation:
		return query_name(&q);
	case MemoryWorkingSetExInformation:
		return query_pages(&q);
	case MemoryImageInformation:
		return query_image(&q);
	case MemoryWineUnixFuncs:
		return query_unix_funcs(&q);
	default:
		return STATUS_INVALID_INFO_CLASS;
	}
}
