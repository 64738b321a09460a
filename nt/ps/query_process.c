/* SPDX-License-Identifier: MIT */
/*
 * nt/ps/query_process.c - NtQueryInformationProcess: a row a class.  What can be set is set_process.c's.
 *
 * A class says how large its answer is, what access it needs, and has a function that fills it from the process object;
 * answers of other lengths (names) are made by functions of their own.
 */
#include "nt/ke/user.h"
#include "nt/ldr/ldr.h"
#include "nt/mm/mm.h"
#include "nt/os/process.h"
#include "nt/ps/debug.h"
#include "nt/ps/ps.h"
#include "nt/se/se.h"
#include "ntcalls.gen.h"
#include "rt/mem.h"

#define TIME_UNIT 100u /* ns */

/* ---- The main program ---- */

static WCHAR *copy_text(const WCHAR *prefix, uint32_t prefix_size, const WCHAR *text, uint32_t size)
{
	WCHAR *out = arena_alloc(prefix_size + size + 2);

	if (out != NULL) {
		memcpy(out, prefix, prefix_size);
		memcpy((char *)out + prefix_size, text, size);
	}
	return out;
}

static const WCHAR nt_prefix[] = { '\\', '?', '?', '\\' };

void ps_set_image(struct nt_process *p, const struct ldr_image *img, const struct nt_start *start)
{
	struct ps_process *ps = ps_of_process(p);

	ps->image = (struct ps_image){
		.TransferAddress = p->image_base + img->entry,
		.MaximumStackSize = img->stack_reserve, .CommittedStackSize = img->stack_commit,
		.SubSystemType = img->subsystem, .SubSystemMinorVersion = img->subsystem_minor, .SubSystemMajorVersion = img->subsystem_major,
		.MajorOperatingSystemVersion = img->os_major, .MinorOperatingSystemVersion = img->os_minor,
		.ImageCharacteristics = img->characteristics, .DllCharacteristics = img->dll_characteristics, .Machine = img->machine,
		.ImageContainsCode = img->has_code, .LoaderFlags = img->loader_flags, .ImageFileSize = img->file_size, .CheckSum = img->checksum,
	};
	if (p->image_name == NULL && start->image.text != NULL) {
		p->image_name = copy_text(nt_prefix, sizeof nt_prefix, start->image.text, start->image.size);
		p->image_name_size = p->image_name != NULL ? start->image.size + (uint32_t)sizeof nt_prefix : 0;
	}
	if (ps->command_line == NULL && start->command_line.text != NULL) {
		ps->command_line = copy_text(NULL, 0, start->command_line.text, start->command_line.size);
		ps->command_line_size = ps->command_line != NULL ? start->command_line.size : 0;
	}
}

/* ---- Answers of one size ---- */

union answer {
	uint8_t u8[2];
	uint32_t u32[24];
	uint64_t u64[12];
	struct ps_image image;
};
struct asked {
	struct nt_thread *t;
	struct nt_process *p;
	union answer *a;
};


static NTSTATUS basic(const struct asked *q)
{
	struct nt_process *p = q->p;

	ps_wait_loaded(p);
	q->a->u64[0] = ps_of_process(p)->exit_said ? p->exit_status : STATUS_PENDING;
	q->a->u64[1] = p->peb;
	q->a->u64[2] = ps_of_process(p)->affinity;
	q->a->u64[3] = p->priority_class; /* the class, as the DLLs that run here take it */
	q->a->u64[4] = p->pid;
	q->a->u64[5] = p->parent_pid;
	return STATUS_SUCCESS;
}

static NTSTATUS io_counters(const struct asked *q)
{
	uint64_t io[4];

	os_process_io(q->p->lx, io);
	q->a->u64[0] = io[2];
	q->a->u64[1] = io[3];
	q->a->u64[3] = io[0];
	q->a->u64[4] = io[1];
	return STATUS_SUCCESS;
}

/* VM_COUNTERS_EX. */
static NTSTATUS vm_counters(const struct asked *q)
{
	struct os_process_memory m;

	os_process_memory(q->p->lx, &m);
	q->a->u64[0] = MAX(q->p->peak_virtual_size, m.peak_virtual);
	q->a->u64[1] = MAX(q->p->virtual_size, m.virtual_size); /* of a Linux program only the latter */
	q->a->u64[3] = m.peak_resident;
	q->a->u64[4] = m.resident;
	q->a->u64[9] = q->a->u64[10] = q->a->u64[11] = m.private_bytes;
	return STATUS_SUCCESS;
}

static NTSTATUS times(const struct asked *q)
{
	uint64_t user, kernel;

	if (ps_of_process(q->p)->exit_said && q->p->exit_time != 0) {
		user = ps_of_process(q->p)->times[0];
		kernel = ps_of_process(q->p)->times[1];
	} else {
		os_process_times(q->p->lx, &user, &kernel);
	}
	q->a->u64[0] = (uint64_t)q->p->create_time;
	q->a->u64[1] = (uint64_t)q->p->exit_time;
	q->a->u64[2] = kernel / TIME_UNIT;
	q->a->u64[3] = user / TIME_UNIT;
	return STATUS_SUCCESS;
}

static NTSTATUS cycle_time(const struct asked *q)
{
	uint64_t user, kernel;

	os_process_times(q->p->lx, &user, &kernel);
	q->a->u64[0] = q->a->u64[1] = user + kernel;
	return STATUS_SUCCESS;
}

static NTSTATUS zero(const struct asked *q)
{
	(void)q;
	return STATUS_SUCCESS;
}

static NTSTATUS debug_object(const struct asked *q)
{
	struct ob_object *o = ps_debug_of(q->p);
	uint32_t access = MAXIMUM_ALLOWED;
	NTSTATUS status = o != NULL ? se_check_open(o, &access) : (NTSTATUS)STATUS_PORT_NOT_SET;

	if (status == STATUS_SUCCESS)
		status = ob_handle_add(q->t->process, o, ob_map_access(OB_DEBUG, access), 0, &q->a->u64[0]);
	ob_put(o);
	return status;
}

static NTSTATUS debug_flags(const struct asked *q)
{
	q->a->u32[0] = !ps_of_process(q->p)->debug_not_inherited; /* PROCESS_DEBUG_INHERIT */
	return STATUS_SUCCESS;
}

static NTSTATUS debug_port(const struct asked *q)
{
	q->a->u64[0] = ps_is_debugged(q->p) ? UINT64_MAX : 0;
	return STATUS_SUCCESS;
}

static NTSTATUS error_mode(const struct asked *q)
{
	q->a->u32[0] = q->p->error_mode;
	return STATUS_SUCCESS;
}

static NTSTATUS priority_class(const struct asked *q)
{
	q->a->u8[1] = (uint8_t)q->p->priority_class;
	return STATUS_SUCCESS;
}

static NTSTATUS handle_count(const struct asked *q)
{
	q->a->u32[0] = ob_handle_count(q->p);
	q->a->u32[1] = q->a->u32[0];
	return STATUS_SUCCESS;
}

static NTSTATUS affinity(const struct asked *q)
{
	q->a->u64[0] = ps_of_process(q->p)->affinity;
	return STATUS_SUCCESS;
}

static NTSTATUS boost(const struct asked *q)
{
	q->a->u32[0] = ps_of_process(q->p)->boost_off;
	return STATUS_SUCCESS;
}

static NTSTATUS session(const struct asked *q)
{
	q->a->u32[0] = 1;
	return STATUS_SUCCESS;
}

static NTSTATUS break_on_exit(const struct asked *q)
{
	q->a->u32[0] = ps_of_process(q->p)->break_on_exit;
	return STATUS_SUCCESS;
}

static NTSTATUS io_priority(const struct asked *q)
{
	q->a->u32[0] = ps_of_process(q->p)->io_priority;
	return STATUS_SUCCESS;
}

static NTSTATUS page_priority(const struct asked *q)
{
	q->a->u32[0] = ps_of_process(q->p)->page_priority;
	return STATUS_SUCCESS;
}

static NTSTATUS execute_flags(const struct asked *q)
{
	q->a->u32[0] = 0x0d; /* execution is off where pages say so, for good: 64-bit programs have no choice */
	return STATUS_SUCCESS;
}

static NTSTATUS cookie(const struct asked *q)
{
	if (q->p != q->t->process)
		return STATUS_INVALID_PARAMETER;
	q->a->u32[0] = (uint32_t)ps_of_process(q->p)->cookie;
	return STATUS_SUCCESS;
}

static NTSTATUS image_information(const struct asked *q)
{
	if (q->p->exit_time != 0)
		return STATUS_PROCESS_IS_TERMINATING;
	q->a->image = ps_of_process(q->p)->image;
	return STATUS_SUCCESS;
}

static NTSTATUS quota(const struct asked *q)
{
	q->a->u64[0] = q->a->u64[1] = UINT64_MAX;
	q->a->u64[2] = 0x32000;
	q->a->u64[3] = 0x159000;
	q->a->u64[4] = UINT64_MAX;
	q->a->u64[5] = (uint64_t)NT_INFINITE;
	return STATUS_SUCCESS;
}

struct process_class {
	uint32_t class, size, larger; /* larger: an answer of that size is fine too */
	bool limited;                 /* PROCESS_QUERY_LIMITED_INFORMATION is enough */
	NTSTATUS (*fill)(const struct asked *q);
};
static const struct process_class classes[] = {
	{ 0, 48, 0, true, basic }, { 1, 48, 0, true, quota }, { 2, 48, 0, true, io_counters }, { 3, 88, 96, true, vm_counters }, { 4, 32, 0, true, times },
	{ 7, 8, 0, false, debug_port }, { 12, 4, 0, true, error_mode }, { 15, 48, 0, false, zero }, { 18, 2, 0, true, priority_class },
	{ 20, 4, 8, true, handle_count }, { 21, 8, 0, false, affinity }, { 22, 4, 0, true, boost }, { 24, 4, 0, true, session }, { 26, 8, 0, true, zero },
	{ 28, 4, 0, true, zero }, { 29, 4, 0, true, break_on_exit }, { 30, 8, 0, false, debug_object }, { 31, 4, 0, false, debug_flags },
	{ 33, 4, 0, true, io_priority }, { 34, 4, 0, false, execute_flags }, { 36, 4, 0, false, cookie }, { 37, 64, 0, true, image_information },
	{ 38, 16, 0, true, cycle_time }, { 39, 4, 0, true, page_priority }, { 61, 1, 0, true, zero },
};

#define CLASS_HANDLE_COUNT 20u
#define CLASS_LAST         0x100u

static uint32_t answer_size(const struct process_class *c, uint32_t room)
{
	return c->larger != 0 && room >= c->larger ? c->larger : c->size;
}

static NTSTATUS answer_fixed(struct nt_thread *t, struct nt_process *p, const struct process_class *c, uint64_t buffer, uint32_t size, uint64_t returned)
{
	union answer a;
	const struct asked q = { t, p, &a };
	uint32_t n = answer_size(c, size);
	NTSTATUS status, filled;

	memset(&a, 0, sizeof a);
	filled = c->fill(&q);
	if (filled != STATUS_SUCCESS && filled != STATUS_PORT_NOT_SET)
		return filled;
	status = user_write(buffer, &a, n);
	if (status == STATUS_SUCCESS)
		status = user_put32(returned, c->class == CLASS_HANDLE_COUNT ? c->size : n); /* the larger form is not told */
	return status == STATUS_SUCCESS ? filled : status;
}

/* ---- Texts ---- */

static NTSTATUS answer_text(const WCHAR *text, uint32_t text_size, uint64_t buffer, uint32_t size, uint64_t returned)
{
	const uint64_t room = sizeof(struct UNICODE_STRING) + text_size + 2;
	const struct UNICODE_STRING s = { (uint16_t)text_size, (uint16_t)(text_size + 2), 0, buffer + sizeof s };
	const WCHAR end = 0;
	NTSTATUS status = user_put32(returned, (uint32_t)room);

	if (status == STATUS_SUCCESS && size < room)
		status = STATUS_INFO_LENGTH_MISMATCH;
	if (status == STATUS_SUCCESS)
		status = user_write(buffer, &s, sizeof s);
	if (status == STATUS_SUCCESS)
		status = user_write(buffer + sizeof s, text, text_size);
	return status == STATUS_SUCCESS ? user_write(buffer + sizeof s + text_size, &end, sizeof end) : status;
}

static NTSTATUS answer_other(struct nt_process *p, uint32_t class, uint64_t buffer, uint32_t size, uint64_t returned)
{
	const struct ps_process *ps = ps_of_process(p);
	uint32_t skip = p->image_name_size > sizeof nt_prefix ? (uint32_t)ARRAY_LEN(nt_prefix) : 0;

	switch (class) {
	case 27: /* ProcessImageFileName */
		return answer_text(p->image_name, p->image_name_size, buffer, size, returned);
	case 43: /* ProcessImageFileNameWin32 */
		return answer_text(p->image_name + skip, p->image_name_size - skip * 2, buffer, size, returned);
	case 60: /* ProcessCommandLineInformation */
		return answer_text(ps->command_line, ps->command_line_size, buffer, size, returned);
	default:
		return STATUS_INVALID_INFO_CLASS;
	}
}

NTSTATUS NtQueryInformationProcess(struct nt_thread *t, uint64_t process, uint32_t class, uint64_t buffer, uint32_t size, uint64_t returned)
{
	const struct process_class *c = NULL;
	struct ob_object *o = NULL;
	NTSTATUS status;

	for (unsigned i = 0; i < ARRAY_LEN(classes); i++)
		if (classes[i].class == class)
			c = &classes[i];
	if (c != NULL && size != answer_size(c, size)) {
		status = user_put32(returned, c->size);
		return status == STATUS_SUCCESS ? (NTSTATUS)STATUS_INFO_LENGTH_MISMATCH : status;
	}
	if (c != NULL && buffer == 0)
		return STATUS_ACCESS_VIOLATION; /* looked at before the handle */
	if (c == NULL && class > CLASS_LAST)
		return STATUS_INVALID_INFO_CLASS;
	status = ob_by_handle(process, OB_PROCESS, c == NULL || c->limited ? PROCESS_QUERY_LIMITED_INFORMATION : PROCESS_QUERY_INFORMATION, &o);
	if (status != STATUS_SUCCESS)
		return status;
	status = c != NULL ? answer_fixed(t, (struct nt_process *)o, c, buffer, size, returned) :
			     answer_other((struct nt_process *)o, class, buffer, size, returned);
	ob_put(o);
	return status;
}
