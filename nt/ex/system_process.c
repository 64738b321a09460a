/* SPDX-License-Identifier: MIT */
/*
 * nt/ex/system_process.c - the list of processes with their threads, and of handles.
 *
 * The list is made whole in kernel memory, under NTPROCS, and copied out when it is there: its size is asked for, then taken with some
 * room to spare, and again if that was too little.  First in it is the idle process, number 0, as programs expect.
 */
#include "nt/ex/system.h"
#include "nt/ke/user.h"
#include "nt/os/sysinfo.h"
#include "rt/mem.h"

/* SYSTEM_PROCESS_INFORMATION, 256 bytes; threads of 80 follow, then the name. */
struct process_record {
	uint32_t next, nthreads;
	uint64_t private_working_set;
	uint32_t hard_faults, high_watermark;
	uint64_t cycles;
	int64_t create_time, user_time, kernel_time;
	struct UNICODE_STRING name;
	int32_t priority;
	uint32_t pad;
	uint64_t pid, parent;
	uint32_t handles, session;
	uint64_t key, peak_virtual, virtual_size;
	uint32_t faults, pad2;
	uint64_t peak_working_set, working_set, peak_paged, paged, peak_nonpaged, nonpaged, pagefile, peak_pagefile, private_pages, io[6];
};
_Static_assert(sizeof(struct process_record) == 256, "SYSTEM_PROCESS_INFORMATION");
struct thread_record {
	int64_t kernel_time, user_time, create_time;
	uint32_t wait_time, pad;
	uint64_t start, pid, tid;
	int32_t priority, base_priority;
	uint32_t switches, state, reason, pad2;
};
_Static_assert(sizeof(struct thread_record) == 80, "SYSTEM_THREAD_INFORMATION");
#define EXTENDED_THREAD 136u /* stack's ends, Win32 start address, TEB and reserves behind */

struct listing {
	uint8_t *at;
	uint32_t size, room; /* size may pass room: then nothing more is written */
	uint64_t va;
	bool extended;
};

static void *take(struct listing *l, uint32_t size)
{
	uint8_t *p = l->size + size <= l->room ? l->at + l->size : NULL;

	l->size += size;
	return p;
}

/* The name behind the last '\'. */
static const WCHAR *base_name(const struct nt_process *p, uint32_t *size)
{
	uint32_t n = p->image_name_size / sizeof(WCHAR), at = n;

	while (at > 0 && p->image_name[at - 1] != '\\')
		at--;
	*size = (n - at) * (uint32_t)sizeof(WCHAR);
	return p->image_name + at;
}

static void add_thread(struct listing *l, struct nt_thread *t)
{
	uint8_t *p = take(l, l->extended ? EXTENDED_THREAD : sizeof(struct thread_record));
	struct thread_record r = { .create_time = t->create_time, .start = t->start_address, .pid = t->process->pid, .tid = t->tid,
		.priority = 8 + t->base_priority, .base_priority = 8 + t->base_priority, .state = 5, .reason = 13 };

	if (p == NULL)
		return;
	memset(p, 0, l->extended ? EXTENDED_THREAD : sizeof r);
	memcpy(p, &r, sizeof r);
	if (l->extended) {
		memcpy(p + sizeof r + 16, &t->start_address, 8);
		memcpy(p + sizeof r + 24, &t->teb, 8);
	}
}

static void add_name(struct listing *l, struct process_record *r, const WCHAR *name, uint32_t size)
{
	uint8_t *text = take(l, (uint32_t)ALIGN_UP(size + sizeof(WCHAR), 8));

	if (text == NULL)
		return;
	memset(text, 0, ALIGN_UP(size + sizeof(WCHAR), 8));
	memcpy(text, name, size);
	r->name.Length = (uint16_t)size;
	r->name.MaximumLength = (uint16_t)(size + sizeof(WCHAR));
	r->name.Buffer = l->va + (uint64_t)(text - l->at);
}

static void add_process(struct listing *l, struct nt_process *p)
{
	struct process_record *r = take(l, sizeof *r);
	uint32_t start = l->size - (uint32_t)sizeof *r, size = 0, threads = 0;
	const WCHAR *name = p->image_name != NULL ? base_name(p, &size) : NULL;

	if (r != NULL) {
		memset(r, 0, sizeof *r);
		r->create_time = p->create_time;
		r->priority = 8;
		r->pid = p->pid;
		r->parent = p->parent_pid;
		r->handles = ob_handle_count(p);
		r->session = 1;
	}
	lock_take(&p->lock);
	LIST_FOR (t, &p->threads, struct nt_thread, sibling) {
		add_thread(l, t);
		threads++;
	}
	lock_drop(&p->lock);
	if (r == NULL) {
		(void)take(l, (uint32_t)ALIGN_UP(size + sizeof(WCHAR), 8));
		return;
	}
	r->nthreads = threads;
	if (size != 0)
		add_name(l, r, name, size);
	r->next = l->size - start;
}

static void add_idle(struct listing *l)
{
	struct process_record *r = take(l, sizeof *r);

	if (r == NULL)
		return;
	memset(r, 0, sizeof *r);
	r->next = sizeof *r;
}

/* The last record's `next` is 0. */
static void end(struct listing *l)
{
	struct process_record *r = (struct process_record *)(void *)l->at;

	if (l->size > l->room)
		return;
	while ((uint8_t *)r + r->next < l->at + l->size)
		r = (struct process_record *)(void *)((uint8_t *)r + r->next);
	r->next = 0;
}

static void list_all(struct listing *l)
{
	struct nt_state *nt = nt_state();

	l->size = 0;
	add_idle(l);
	lock_take(&nt->procs_lock);
	LIST_FOR (p, &nt->processes, struct nt_process, all)
		add_process(l, p);
	lock_drop(&nt->procs_lock);
	end(l);
}

NTSTATUS sys_processes(const struct sys_out *o, bool extended)
{
	struct listing l = { .va = o->va, .extended = extended };
	NTSTATUS status;

	do {
		heap_free(l.at);
		l.room = l.size + 4096;
		l.at = heap_alloc(l.room);
		if (l.at == NULL)
			return STATUS_NO_MEMORY;
		list_all(&l);
	} while (l.size > l.room);
	status = sys_answer(o, l.at, l.size);
	heap_free(l.at);
	return status;
}

/* ---- Handles ---- */

struct handle_record { /* SYSTEM_HANDLE_TABLE_ENTRY_INFO */
	uint16_t pid, trace;
	uint8_t type, attributes;
	uint16_t handle;
	uint64_t object;
	uint32_t access, pad;
};
struct handle_record_ex {
	uint64_t object, pid, handle;
	uint32_t access;
	uint16_t trace, type;
	uint32_t attributes, reserved;
};
struct handles {
	uint8_t *at;
	uint32_t count, room; /* records */
	const struct nt_process *process;
	bool extended;
};

static void add_handle(void *arg, uint64_t handle, struct ob_object *o, uint32_t access, uint32_t attributes)
{
	struct handles *h = arg;
	uint32_t n = h->count++;

	if (n >= h->room)
		return;
	if (h->extended) {
		((struct handle_record_ex *)(void *)h->at)[n] = (struct handle_record_ex){ .object = (uint64_t)o, .pid = h->process->pid,
			.handle = handle, .access = access, .type = o->type, .attributes = attributes };
		return;
	}
	((struct handle_record *)(void *)h->at)[n] = (struct handle_record){ .pid = (uint16_t)h->process->pid, .type = (uint8_t)o->type,
		.attributes = (uint8_t)attributes, .handle = (uint16_t)handle, .object = (uint64_t)o, .access = access };
}

NTSTATUS sys_handles(const struct sys_out *o, bool extended)
{
	struct nt_state *nt = nt_state();
	uint32_t record = extended ? sizeof(struct handle_record_ex) : sizeof(struct handle_record), head = extended ? 16 : 8;
	struct handles h = { .extended = extended };
	uint64_t words[2] = { 0 };
	NTSTATUS status = STATUS_SUCCESS;

	do {
		heap_free(h.at);
		h.room = h.count + 256;
		h.at = heap_alloc((size_t)h.room * record);
		if (h.at == NULL)
			return STATUS_NO_MEMORY;
		h.count = 0;
		lock_take(&nt->procs_lock);
		LIST_FOR (p, &nt->processes, struct nt_process, all) {
			h.process = p;
			ob_handles_each(p, add_handle, &h);
		}
		lock_drop(&nt->procs_lock);
	} while (h.count > h.room);
	words[0] = h.count;
	status = user_put32(o->returned_va, head + h.count * record);
	if (status == STATUS_SUCCESS && o->room >= head)
		status = user_write(o->va, words, head);
	if (status == STATUS_SUCCESS && o->room < head + h.count * record)
		status = STATUS_INFO_LENGTH_MISMATCH;
	if (status == STATUS_SUCCESS)
		status = user_write(o->va + head, h.at, (size_t)h.count * record);
	heap_free(h.at);
	return status;
}

/* ---- Modules of the kernel: the one that is always first ---- */

struct module_record { /* RTL_PROCESS_MODULE_INFORMATION */
	uint64_t section, mapped, base;
	uint32_t size, flags;
	uint16_t load_order, init_order, load_count, name_at;
	char name[256];
};
_Static_assert(sizeof(struct module_record) == 296, "RTL_PROCESS_MODULE_INFORMATION");

NTSTATUS sys_modules(const struct sys_out *o, bool extended)
{
	static const char name[] = "\\SystemRoot\\system32\\ntoskrnl.exe";
	struct {
		uint64_t count; /* extended: where the next one is */
		struct module_record m;
		uint64_t rest[2]; /* extended: checksum and time stamp, base */
		uint16_t end;
	} all = { .count = extended ? offsetof(__typeof__(all), end) : 1, .m = { .base = 0xfffff80000200000, .size = 0x1000000, .load_count = 1, .name_at = 21 } };

	memcpy(all.m.name, name, sizeof name);
	return sys_answer(o, &all, extended ? offsetof(__typeof__(all), end) + 2 : offsetof(__typeof__(all), rest));
}
