/* SPDX-License-Identifier: MIT */
/*
 * nt/ps/thread.c - threads begin and end.
 *
 * An nt_thread is made by its creator with TEB and stack, all complete before its host thread runs.  References: lx_thread.nt's,
 * which ps_thread_ended drops, and handles.  It has one on its process.  t->lx goes to NULL under NTPROC when it ends:
 * who wants to wake or mark a thread does so under that lock.
 *
 * Ended by itself: stack and TEB are freed by the thread on its way out, since nothing of it runs in the guest any more.
 * Ended by another (os_thread_kill): it stays until the process ends, as on Windows, where that leaks as well.
 */
#include "nt/ke/user.h"
#include "nt/ex/wait.h"
#include "nt/io/io.h"
#include "nt/ldr/ldr.h"
#include "nt/mm/mm.h"
#include "nt/os/thread.h"
#include "nt/ps/debug.h"
#include "nt/ps/ps.h"
#include "nt/ps/teb.h"
#include "nt/ps/thread.h"
#include "ntcalls.gen.h"
#include "nt/se/se.h"
#include "rt/mem.h"

#define STACK_MIN 0x100000u /* ntdll's start clears 960 KB below the first frame */

static void thread_destroy(struct ob_object *o)
{
	struct nt_thread *t = (struct nt_thread *)o;

	lock_take(&t->process->lock);
	list_remove(&ps_of(t)->by_id);
	lock_drop(&t->process->lock);
	ps_apcs_drop(t);
	se_thread_ended(t);
	arena_free(t->wait_blocks);
	arena_free(t->description);
	arena_free(t->ps);
	ob_put(&t->process->ob);
	arena_free(t);
}

const struct ob_type ob_type_thread = {
	.name = "Thread",
	.read = READ_CONTROL | THREAD_QUERY_INFORMATION | THREAD_GET_CONTEXT,
	.write = READ_CONTROL | THREAD_SET_INFORMATION | THREAD_SET_CONTEXT | THREAD_TERMINATE | THREAD_SUSPEND_RESUME | THREAD_SET_LIMITED_INFORMATION | 0x4u,
	.execute = READ_CONTROL | SYNCHRONIZE | THREAD_QUERY_LIMITED_INFORMATION | THREAD_RESUME,
	.all = THREAD_ALL_ACCESS,
	.waitable = true,
	.destroy = thread_destroy,
};

/* ---- Memory ---- */

/* The parts that are not zero, in the fresh pages at t->teb. */
static NTSTATUS teb_write(const struct nt_thread *t, const struct nt_stack *stack)
{
	const uint64_t teb = t->teb, pid = t->process->pid, tid = t->tid;
	const struct { uint32_t at; uint64_t value; } words[] = {
		{ TEB_EXCEPTION_LIST, UINT64_MAX }, { TEB_STACK_BASE, stack->base }, { TEB_STACK_LIMIT, stack->limit }, { TEB_SELF, teb },
		{ TEB_CLIENT_ID, pid }, { TEB_CLIENT_ID + 8, tid }, { TEB_PEB, t->process->peb }, { TEB_REAL_CLIENT_ID, pid },
		{ TEB_REAL_CLIENT_ID + 8, tid }, { TEB_ACTIVATION, teb + TEB_ACTIVATION_STACK },
		{ TEB_ACTIVATION_STACK + 8, teb + TEB_ACTIVATION_STACK + 8 }, { TEB_ACTIVATION_STACK + 16, teb + TEB_ACTIVATION_STACK + 8 },
		{ TEB_STATIC_UNICODE, 261 * sizeof(WCHAR) << 16 }, { TEB_STATIC_UNICODE + 8, teb + TEB_STATIC_BUFFER },
		{ TEB_STACK_BOTTOM, stack->allocation },
	};
	NTSTATUS status = STATUS_SUCCESS;

	for (unsigned i = 0; status == STATUS_SUCCESS && i < ARRAY_LEN(words); i++)
		status = user_put64(teb + words[i].at, words[i].value);
	return status;
}

void ps_thread_memory_free(struct nt_thread *t)
{
	struct nt_mm *mm = t->process->mm;

	for (int i = 0; i < 2; i++) {
		uint64_t address = i ? t->teb : ps_of(t)->stack, size = 0;

		if (address != 0)
			(void)nt_mm_free_range(mm, &address, &size, MEM_RELEASE);
	}
	ps_of(t)->stack = 0;
}

/* Stack and TEB.  The TEB is written once the thread's id is known. */
static NTSTATUS memory_make(struct nt_thread *t, uint64_t reserve, uint64_t commit, uint64_t zero_bits, struct nt_stack *stack)
{
	struct nt_mm *mm = t->process->mm;
	uint64_t size = TEB_SIZE, high;
	NTSTATUS status = nt_mm_zero_bits(zero_bits, &high);

	if (status != STATUS_SUCCESS)
		return status;
	reserve = reserve != 0 ? reserve : t->process->stack_reserve;
	commit = commit != 0 ? commit : t->process->stack_commit;
	status = nt_mm_stack(mm, MAX(reserve, STACK_MIN), commit, high, stack);

	if (status != STATUS_SUCCESS)
		return status;
	ps_of(t)->stack = stack->allocation;
	status = nt_mm_alloc(mm, &t->teb, &size, MEM_RESERVE | MEM_COMMIT | MEM_TOP_DOWN, PAGE_READWRITE, 0, 0);
	if (status != STATUS_SUCCESS) {
		t->teb = 0;
		ps_thread_memory_free(t);
	}
	return status;
}

/* ---- The object ---- */

static struct nt_thread *thread_new(struct nt_process *p)
{
	struct nt_thread *t = ob_alloc(OB_THREAD, sizeof *t);
	struct ps_thread *ps = arena_alloc(sizeof *ps);

	if (t == NULL || ps == NULL) {
		arena_free(t);
		arena_free(ps);
		return NULL;
	}
	ob_get(&p->ob);
	t->process = p;
	t->ps = ps;
	ps->thread = t;
	t->exit_status = STATUS_PENDING;
	lock_init(&t->apc_lock, LOCK_NTAPC);
	list_init(&t->apcs);
	list_init(&t->sibling);
	list_init(&t->mutants);
	list_init(&ps->by_id);
	waitq_init(&ps->parked_wait);
	t->create_time = ex_system_time();
	t->affinity = ps_of_process(p)->affinity;
	ps->page_priority = 5;
	ps->io_priority = 2;
	ps->debug_start = 1;
	return t;
}

static struct list *id_bucket(struct nt_process *p, uint32_t tid)
{
	struct list *b = &ps_of_process(p)->by_id[tid / 8 % PS_ID_BUCKETS];

	if (b->next == NULL)
		list_init(b);
	return b;
}

/* Into its process; t->lx and t->tid are known.  One whose other threads were told to end just now (ps_end_others) is told, too. */
static void thread_link(struct nt_thread *t)
{
	struct nt_process *p = t->process;

	lock_take(&p->lock);
	list_append(&p->threads, &t->sibling);
	list_append(id_bucket(p, t->tid), &ps_of(t)->by_id);
	p->nthreads++;
	if (p->dying)
		ps_kill_thread(t, STATUS_PROCESS_IS_TERMINATING);
	lock_drop(&p->lock);
}

struct nt_thread *ps_find_thread(struct nt_process *p, uint32_t tid)
{
	LIST_FOR (ps, id_bucket(p, tid), struct ps_thread, by_id)
		if (ps->thread->tid == tid)
			return ps->thread;
	return NULL;
}

NTSTATUS ps_thread_create(struct nt_process *p, struct lx_thread *lx, uint64_t start, uint64_t arg, uint64_t stack_reserve,
	uint64_t stack_commit, uint64_t zero_bits, struct nt_thread **out)
{
	struct nt_thread *t = lx != NULL ? os_thread_nt(lx) : NULL;
	bool made = t != NULL; /* with its process, by ps_first_thread */
	struct nt_stack stack;
	NTSTATUS status;

	(void)arg;
	if (!made)
		t = thread_new(p);
	if (t == NULL)
		return STATUS_NO_MEMORY;
	t->start_address = ps_of(t)->win32_start = start;
	status = memory_make(t, stack_reserve, stack_commit, zero_bits, &stack);
	if (status == STATUS_SUCCESS && lx != NULL && !made)
		os_thread_adopt(lx, t);
	if (status == STATUS_SUCCESS)
		status = teb_write(t, &stack);
	if (status != STATUS_SUCCESS) {
		ps_thread_memory_free(t);
		if (!made)
			ob_put(&t->ob);
		return status;
	}
	if (lx != NULL && !made)
		thread_link(t);
	*out = t;
	return STATUS_SUCCESS;
}

NTSTATUS ps_first_thread(struct nt_process *p, struct lx_thread *lx, bool suspended, struct nt_thread **out)
{
	struct nt_thread *t = thread_new(p);

	if (t == NULL)
		return STATUS_NO_MEMORY;
	os_thread_adopt(lx, t);
	t->suspend_count = suspended;
	ob_get(&t->ob);
	thread_link(t);
	*out = t;
	return STATUS_SUCCESS;
}

/* ---- NtCreateThreadEx ---- */

/* The ids are known now: they go to the TEB, before anybody can look. */
static void thread_ready(struct nt_thread *t, struct lx_thread *lx)
{
	t->lx = lx;
	t->tid = os_tid_to_nt(os_thread_tid(lx));
	os_thread_takes_events(lx);
	(void)user_put64(t->teb + TEB_CLIENT_ID + 8, t->tid);
	(void)user_put64(t->teb + TEB_REAL_CLIENT_ID + 8, t->tid);
	thread_link(t);
}

NTSTATUS ps_thread_make(struct nt_process *p, const struct ps_start *s, struct nt_thread **out)
{
	struct nt_thread *t;
	struct dk_context c;
	NTSTATUS status = ps_thread_create(p, NULL, s->entry, s->arg, s->reserve, s->commit, s->zero_bits, &t);

	if (status != STATUS_SUCCESS)
		return status;
	ps_start_context(t, s->entry, s->arg, &c);
	if (s->flags & THREAD_CREATE_FLAGS_CREATE_SUSPENDED)
		t->suspend_count = 1;
	if (s->flags & THREAD_CREATE_FLAGS_HIDE_FROM_DEBUGGER)
		t->hide_from_debugger = 1;
	ob_get(&t->ob); /* the caller's: the other one may be gone before we are back */
	status = os_thread_create(t, &c, thread_ready);
	if (status != STATUS_SUCCESS) {
		ps_thread_memory_free(t);
		if (t->lx != NULL)
			ps_thread_ended(t); /* it was seen already */
		else
			ob_put(&t->ob);
		ob_put(&t->ob);
		return status;
	}
	*out = t;
	return STATUS_SUCCESS;
}

#define ATTRIBUTE_CLIENT_ID 0x10003u
#define ATTRIBUTE_TEB       0x10004u
struct ps_attribute {
	uint64_t attribute, size, value, return_length;
};

static NTSTATUS tell_attributes(const struct nt_thread *t, uint64_t list)
{
	uint64_t total = 0;
	NTSTATUS status = STATUS_SUCCESS;

	if (list != 0)
		status = user_read(&total, list, sizeof total);
	for (uint64_t at = 8; status == STATUS_SUCCESS && at + sizeof(struct ps_attribute) <= total && at < 4096; at += sizeof(struct ps_attribute)) {
		const struct CLIENT_ID id = { t->process->pid, t->tid };
		struct ps_attribute a;

		status = user_read(&a, list + at, sizeof a);
		if (status != STATUS_SUCCESS)
			break;
		if (a.attribute == ATTRIBUTE_CLIENT_ID)
			status = user_write(a.value, &id, MIN(a.size, sizeof id));
		else if (a.attribute == ATTRIBUTE_TEB)
			status = user_put64(a.value, t->teb);
		if (status == STATUS_SUCCESS)
			status = user_put64(a.return_length, a.size);
	}
	return status;
}

static NTSTATUS create_in(struct nt_process *p, uint64_t handle, uint32_t access, uint64_t oa, const struct ps_start *s)
{
	struct ob_lookup l;
	struct nt_thread *made = NULL;
	NTSTATUS status;

	status = oa_in(&l, oa);
	if (status != STATUS_SUCCESS)
		return status;
	status = ps_thread_make_in(p, s, &made);
	if (status == STATUS_SUCCESS)
		status = ob_handle_out(&made->ob, ob_map_access(OB_THREAD, access), l.attributes, handle);
	if (status == STATUS_SUCCESS)
		status = tell_attributes(made, s->attributes);
	if (made != NULL)
		ob_put(&made->ob);
	oa_free(&l);
	return status;
}

NTSTATUS NtCreateThreadEx(struct nt_thread *t, uint64_t handle, uint32_t access, uint64_t oa, uint64_t process, uint64_t start, uint64_t arg,
	uint32_t flags, uint64_t zero_bits, uint64_t commit, uint64_t reserve, uint64_t attributes)
{
	const struct ps_start s = { start, arg, flags, zero_bits, commit, reserve, attributes };
	struct ob_object *o = NULL;
	NTSTATUS status = ob_by_handle(process, OB_PROCESS, PROCESS_CREATE_THREAD, &o);

	(void)t;
	if (status == STATUS_SUCCESS)
		status = create_in((struct nt_process *)o, handle, access, oa, &s);
	ob_put(o);
	return status;
}

void ps_thread_started(struct nt_thread *t, struct dk_context *c)
{
	(void)t;
	(void)c;
	ps_segments();
	pico_tb()->work = 1; /* it may be suspended */
}
