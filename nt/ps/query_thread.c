/* SPDX-License-Identifier: MIT */
/* nt/ps/query_thread.c - NtQueryInformationThread and NtSetInformationThread, a row a class. */
#include "nt/ke/user.h"
#include "nt/os/process.h"
#include "nt/os/thread.h"
#include "nt/ps/ps.h"
#include "nt/ps/teb.h"
#include "nt/se/se.h"
#include "ntcalls.gen.h"
#include "rt/mem.h"

#define TIME_UNIT 100u /* ns */
#define TLS_SLOTS 64u
#define TLS_MORE  1024u
#define NAME_MAX_BYTES 65534u

enum { T_BASIC = 0, T_TIMES = 1, T_PRIORITY = 2, T_BASE_PRIORITY = 3, T_AFFINITY = 4, T_TOKEN = 5, T_ALIGNMENT = 7, T_START = 9, T_ZERO_TLS = 10, T_LAST = 12,
	T_IDEAL = 13, T_BOOST = 14, T_HIDE = 17, T_BREAK = 18, T_TERMINATED = 20, T_IO_PRIORITY = 22, T_CYCLES = 23, T_PAGE_PRIORITY = 24, T_WOW64_CONTEXT = 29, T_GROUP = 30,
	T_IDEAL_EX = 33, T_SUSPEND_COUNT = 35, T_NAME = 38, T_POWER = 49 };

union answer {
	uint8_t u8[2];
	uint16_t u16[4];
	uint32_t u32[12];
	uint64_t u64[6];
};

static void basic(struct nt_thread *o, union answer *a)
{
	ps_wait_loaded(o->process);
	a->u32[0] = ps_of(o)->exit_said ? o->exit_status : STATUS_PENDING;
	a->u64[1] = o->teb;
	a->u64[2] = o->process->pid;
	a->u64[3] = o->tid;
	a->u64[4] = o->affinity;
	a->u32[10] = (uint32_t)o->base_priority; /* relative to the class, as the DLLs that run here take it */
	a->u32[11] = (uint32_t)o->base_priority;
}

/* ns; a thread that has ended has none any more. */
static uint64_t cpu_times(struct nt_thread *o, uint64_t *user, uint64_t *kernel)
{
	*user = *kernel = 0;
	os_thread_times(o, user, kernel);
	return *user + *kernel;
}

static void times(struct nt_thread *o, union answer *a)
{
	uint64_t user, kernel;

	(void)cpu_times(o, &user, &kernel);
	a->u64[0] = (uint64_t)o->create_time;
	a->u64[1] = (uint64_t)o->exit_time;
	a->u64[2] = kernel / TIME_UNIT;
	a->u64[3] = user / TIME_UNIT;
}

static void group(const struct nt_thread *o, union answer *a)
{
	a->u64[0] = o->affinity;
}

static void fill(struct nt_thread *t, struct nt_thread *o, uint32_t class, union answer *a)
{
	const struct ps_thread *ps = ps_of(o);
	uint64_t user, kernel;

	switch (class) {
	case T_BASIC:
		basic(o, a);
		break;
	case T_TIMES:
		times(o, a);
		break;
	case T_START:
		a->u64[0] = ps->win32_start;
		break;
	case T_LAST:
		a->u32[0] = t->process->nthreads == 1;
		break;
	case T_BOOST:
		a->u32[0] = ps->boost_off;
		break;
	case T_HIDE:
		a->u8[0] = o->hide_from_debugger != 0;
		break;
	case T_TERMINATED:
		a->u32[0] = o->lx == NULL;
		break;
	case T_IO_PRIORITY:
		a->u32[0] = ps->io_priority;
		break;
	case T_CYCLES:
		a->u64[0] = a->u64[1] = cpu_times(o, &user, &kernel);
		break;
	case T_PAGE_PRIORITY:
		a->u32[0] = ps->page_priority;
		break;
	case T_GROUP:
		group(o, a);
		break;
	case T_IDEAL_EX:
		a->u8[1] = 0;
		a->u16[1] = (uint16_t)ps->ideal_processor;
		break;
	case T_SUSPEND_COUNT:
		a->u32[0] = o->suspend_count;
		break;
	default:
		break;
	}
}

static const struct thread_class {
	uint32_t class, size;
	bool limited;
} classes[] = {
	{ T_BASIC, 48, true }, { T_TIMES, 32, true }, { T_START, 8, false }, { T_LAST, 4, true }, { T_BOOST, 4, true }, { T_HIDE, 1, false },
	{ T_BREAK, 4, false }, { T_TERMINATED, 4, true }, { T_IO_PRIORITY, 4, true }, { T_CYCLES, 16, true }, { T_PAGE_PRIORITY, 4, true },
	{ T_GROUP, 16, true }, { T_IDEAL_EX, 4, true }, { T_SUSPEND_COUNT, 4, true },
};

static NTSTATUS name_out(struct nt_thread *o, uint64_t buffer, uint32_t size, uint64_t returned)
{
	uint32_t n;
	WCHAR *copy;
	NTSTATUS status;

	lock_take(&o->process->lock);
	n = o->description_size;
	copy = heap_alloc(n + 2);
	if (copy != NULL)
		memcpy(copy, o->description, n);
	lock_drop(&o->process->lock);
	if (copy == NULL)
		return STATUS_NO_MEMORY;
	status = user_put32(returned, (uint32_t)sizeof(struct UNICODE_STRING) + n);
	if (status == STATUS_SUCCESS && size < sizeof(struct UNICODE_STRING) + n)
		status = STATUS_BUFFER_TOO_SMALL;
	if (status == STATUS_SUCCESS) {
		const struct UNICODE_STRING s = { (uint16_t)n, (uint16_t)n, 0, buffer + sizeof s };

		status = user_write(buffer, &s, sizeof s);
		if (status == STATUS_SUCCESS)
			status = user_write(buffer + sizeof s, copy, n);
	}
	heap_free(copy);
	return status;
}

static NTSTATUS query(struct nt_thread *t, struct nt_thread *o, const struct thread_class *c, uint64_t buffer, uint32_t size, uint64_t returned)
{
	union answer a;

	memset(&a, 0, sizeof a);
	fill(t, o, c->class, &a);
	return user_answer(buffer, size, &a, c->size, returned);
}

NTSTATUS NtQueryInformationThread(struct nt_thread *t, uint64_t thread, uint32_t class, uint64_t buffer, uint32_t size, uint64_t returned)
{
	const struct thread_class *c = NULL;
	struct ob_object *o = NULL;
	NTSTATUS status;

	for (unsigned i = 0; i < ARRAY_LEN(classes); i++)
		if (classes[i].class == class)
			c = &classes[i];
	if (class == T_WOW64_CONTEXT)
		return STATUS_INVALID_PARAMETER; /* of no 64-bit program */
	if (c == NULL && class != T_NAME)
		return STATUS_INVALID_INFO_CLASS;
	if (c != NULL && size != c->size && !(c->class == T_BASIC && size > c->size))
		return STATUS_INFO_LENGTH_MISMATCH;
	status = ob_by_handle(thread, OB_THREAD, c == NULL || c->limited ? THREAD_QUERY_LIMITED_INFORMATION : THREAD_QUERY_INFORMATION, &o);
	if (status != STATUS_SUCCESS)
		return status;
	status = c != NULL ? query(t, (struct nt_thread *)o, c, buffer, size, returned) : name_out((struct nt_thread *)o, buffer, size, returned);
	ob_put(o);
	return status;
}

/* ---- Setting ---- */

/* One thread-local slot of every thread of the process is 0 again. */
static NTSTATUS zero_tls(struct nt_process *p, uint32_t index)
{
	if (index >= TLS_SLOTS + TLS_MORE)
		return STATUS_INVALID_PARAMETER;
	lock_take(&p->lock);
	LIST_FOR (t, &p->threads, struct nt_thread, sibling) {
		uint64_t more = 0;

		if (index < TLS_SLOTS)
			(void)user_put64(t->teb + TEB_TLS_SLOTS + index * 8ull, 0);
		else if (user_read(&more, t->teb + TEB_TLS_EXPANSION, sizeof more) == STATUS_SUCCESS && more != 0)
			(void)user_put64(more + (index - TLS_SLOTS) * 8ull, 0);
	}
	lock_drop(&p->lock);
	return STATUS_SUCCESS;
}

static NTSTATUS set_name(struct nt_thread *o, uint64_t buffer)
{
	WCHAR *text = NULL, *copy, *old;
	struct UNICODE_STRING s;
	uint32_t size = 0;
	NTSTATUS status = user_read(&s, buffer, sizeof s);

	if (status == STATUS_SUCCESS)
		status = s.Length != 0 && s.Buffer == 0 ? (NTSTATUS)STATUS_ACCESS_VIOLATION : user_string(buffer, &text, &size);
	if (status != STATUS_SUCCESS)
		return status;
	copy = arena_alloc(size + 2);
	if (copy == NULL) {
		heap_free(text);
		return STATUS_NO_MEMORY;
	}
	if (size != 0)
		memcpy(copy, text, size);
	heap_free(text);
	lock_take(&o->process->lock);
	old = o->description;
	o->description = copy;
	o->description_size = size;
	lock_drop(&o->process->lock);
	arena_free(old);
	return STATUS_SUCCESS;
}

static NTSTATUS set_affinity(struct nt_thread *o, uint64_t mask)
{
	mask &= ps_of_process(o->process)->affinity; /* more than the process has is fine, since Windows Vista */
	if (mask == 0)
		return STATUS_INVALID_PARAMETER;
	o->affinity = mask;
	return STATUS_SUCCESS;
}

/* GROUP_AFFINITY: there is one group. */
static NTSTATUS set_group(struct nt_thread *o, uint64_t buffer)
{
	struct { uint64_t mask; uint16_t group, reserved[3]; } a;
	NTSTATUS status = user_read(&a, buffer, sizeof a);

	if (status != STATUS_SUCCESS)
		return status;
	if (a.group != 0 || a.reserved[0] != 0 || a.reserved[1] != 0 || a.reserved[2] != 0)
		return STATUS_INVALID_PARAMETER;
	/* Unlike a mask alone, no more than there is. */
	return a.mask & ~ps_of_process(o->process)->affinity ? (NTSTATUS)STATUS_INVALID_PARAMETER : set_affinity(o, a.mask);
}

static NTSTATUS set_base_priority(struct nt_thread *o, int32_t p)
{
	if ((p < -2 || p > 2) && p != 15 && p != -15 && p != 16 && p != -16)
		return STATUS_INVALID_PARAMETER;
	o->base_priority = p;
	return STATUS_SUCCESS;
}

static NTSTATUS set(struct nt_thread *t, struct nt_thread *o, uint32_t class, uint64_t value, uint64_t buffer)
{
	struct ps_thread *ps = ps_of(o);

	(void)t;
	switch (class) {
	case T_BASE_PRIORITY:
		return set_base_priority(o, (int32_t)value);
	case T_AFFINITY: /* all processors, whatever there is: the low half says it */
		return set_affinity(o, (uint32_t)value == UINT32_MAX ? ps_of_process(o->process)->affinity : value);
	case T_GROUP:
		return set_group(o, buffer);
	case T_START:
		ps->win32_start = value;
		return STATUS_SUCCESS;
	case T_ZERO_TLS:
		return zero_tls(o->process, (uint32_t)value);
	case T_BOOST:
		ps->boost_off = (uint32_t)value != 0;
		return STATUS_SUCCESS;
	case T_HIDE:
		o->hide_from_debugger = 1;
		return STATUS_SUCCESS;
	case T_IO_PRIORITY:
		ps->io_priority = (uint32_t)value;
		return STATUS_SUCCESS;
	case T_PAGE_PRIORITY:
		ps->page_priority = (uint32_t)value;
		return STATUS_SUCCESS;
	case T_IDEAL_EX:
		ps->ideal_processor = value >> 16 & 0xff;
		return STATUS_SUCCESS;
	case T_NAME:
		return set_name(o, buffer);
	default: /* T_PRIORITY, T_POWER, ...: taken, without effect */
		return STATUS_SUCCESS;
	}
}

/* T_IDEAL answers with the processor that was wanted before, as its status. */
static NTSTATUS set_ideal(struct nt_thread *o, uint32_t cpu)
{
	uint32_t before = ps_of(o)->ideal_processor;

	if (cpu > 64)
		return STATUS_INVALID_PARAMETER;
	if (cpu != 64)
		ps_of(o)->ideal_processor = cpu;
	return before;
}

static const struct { uint32_t class, size; } set_classes[] = {
	{ T_ALIGNMENT, 1 }, { T_PRIORITY, 4 }, { T_BASE_PRIORITY, 4 }, { T_AFFINITY, 8 }, { T_START, 8 }, { T_ZERO_TLS, 4 }, { T_IDEAL, 4 }, { T_BOOST, 4 },
	{ T_HIDE, 0 }, { T_BREAK, 4 }, { T_IO_PRIORITY, 4 }, { T_PAGE_PRIORITY, 4 }, { T_GROUP, 16 }, { T_IDEAL_EX, 4 }, { T_NAME, 16 }, { T_POWER, 0 },
};

NTSTATUS NtSetInformationThread(struct nt_thread *t, uint64_t thread, uint32_t class, uint64_t buffer, uint32_t size)
{
	struct ob_object *o = NULL;
	uint32_t want = UINT32_MAX;
	uint64_t value = 0;
	NTSTATUS status;

	if (class == T_TOKEN)
		return ps_set_thread_token(t, thread, buffer, size);
	for (unsigned i = 0; i < ARRAY_LEN(set_classes); i++)
		if (set_classes[i].class == class)
			want = set_classes[i].size;
	if (want == UINT32_MAX)
		return STATUS_INVALID_INFO_CLASS;
	if (want != 0 && size != want)
		return STATUS_INFO_LENGTH_MISMATCH;
	if (class == T_HIDE && size != 0)
		return STATUS_INFO_LENGTH_MISMATCH;
	status = user_read(&value, buffer, MIN(size, sizeof value));
	if (status == STATUS_SUCCESS)
		status = ob_by_handle(thread, OB_THREAD, THREAD_SET_LIMITED_INFORMATION, &o);
	if (status == STATUS_SUCCESS)
		status = class == T_IDEAL ? set_ideal((struct nt_thread *)o, (uint32_t)value) : set(t, (struct nt_thread *)o, class, value, buffer);
	ob_put(o);
	return status;
}

NTSTATUS ps_set_thread_token(struct nt_thread *t, uint64_t thread, uint64_t buffer, uint32_t size)
{
	struct ob_object *o = NULL;
	uint64_t handle = 0;
	NTSTATUS status;

	(void)t;
	if (size != sizeof handle)
		return STATUS_INFO_LENGTH_MISMATCH;
	status = user_read(&handle, buffer, sizeof handle);
	if (status == STATUS_SUCCESS)
		status = ob_by_handle(thread, OB_THREAD, 0x80 /* THREAD_SET_THREAD_TOKEN */, &o);
	if (status == STATUS_SUCCESS)
		status = se_impersonate((struct nt_thread *)o, handle);
	ob_put(o);
	return status;
}
