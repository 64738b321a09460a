/* SPDX-License-Identifier: MIT */
/*
 * linux/proc/remote.c - requests to other processes.
 *
 * A process's memory is mapped in its own picoprocess only, so a thread of it does the
 * work: the request lies in the arena on p->remote, a thread is marked (pico_interrupt), and
 * serves on its way to the guest or, if it waits, from inside the wait, which then goes on
 * as if nothing had been (lx_interrupted).  A thread in a ptrace stop waits like any
 * other.  Whoever waits for an answer serves what is asked of himself, so two that
 * look at each other do not wait for ever.
 *
 * p->remote and the state of a request: PROC of the process asked.  A request has a reference of
 * its list, then of who runs it, and one of who asked.  Whoever asked waits in steps, since the
 * thread he marked may be about to end: then all are marked.  A vfork child, on its
 * parent's thread, serves for the parent too.
 */
#include "linux/proc/remote.h"
#include "linux/mm/mm.h"
#include "linux/other.h"
#include "linux/proc/proc.h"
#include "linux/proc/ptrace.h"
#include "linux/sig/internal.h"
#include "pico/patch.h"
#include "rt/mem.h"

#define CHUNK      0x10000u
#define STEP_NS    2000000ull  /* before all threads are marked */
#define STEP_MAX   50000000ull
#define PATIENCE   10000000000ull /* for one thread alone: it may be where marks do not reach it */

enum remote_kind { REMOTE_READ, REMOTE_WRITE, REMOTE_MAPS, REMOTE_FP_GET, REMOTE_FP_SET, REMOTE_REGS, REMOTE_OTHER };

struct remote_op { /* arena */
	struct list link;        /* [P] */
	struct ref ref;
	uint32_t kind, done;     /* done: [P] */
	struct lx_thread *by;    /* [P] who asked, NULL: he is gone */
	int only;                /* the thread that alone can serve, 0: any of the process */
	uint32_t flags;          /* READ, WRITE: force; MAPS: enum maps_kind */
	uint64_t addr, size;     /* MAPS: addr moves on */
	long result;
	uint8_t data[];
};

static bool carries_in(uint32_t kind)
{
	return kind == REMOTE_WRITE || kind == REMOTE_FP_SET || kind == REMOTE_OTHER;
}

static bool carries_out(uint32_t kind)
{
	return !carries_in(kind) || kind == REMOTE_OTHER;
}

static void op_put(struct remote_op *op)
{
	if (ref_put(&op->ref))
		arena_free(op);
}

void remote_drop(struct lx_proc *p)
{
	LIST_FOR_SAFE (op, n, &p->remote, struct remote_op, link) {
		list_remove(&op->link);
		op_put(op);
	}
}

bool remote_same_memory(const struct lx_proc *a, const struct lx_proc *b)
{
	return a == b || (a->host == b->host && a->host != DK_NO_HANDLE && a->host != HOST_GONE);
}

/* ---- Serving ---- */

static long fp_access(struct remote_op *op)
{
	uint32_t size = fp_size();
	void *raw = heap_alloc(size + 64 + 576);
	char *area = (void *)ALIGN_UP((uint64_t)raw, 64);
	uint64_t features = fp_features();
	uint64_t n = MIN(op->size, features ? size : 512);

	if (!raw)
		return -ENOMEM;
	fp_save(area);
	if (op->kind == REMOTE_FP_GET) {
		memcpy(area + 464, &features, sizeof features);
		memcpy(op->data, area, n);
	} else {
		memcpy(area, op->data, n);
		if (fp_check(area, n > 512 ? features : 3))
			fp_restore(area);
		else
			n = 0;
	}
	heap_free(raw);
	return n ? (long)n : -EINVAL;
}

static long run(struct remote_op *op, struct lx_thread *t)
{
	struct mm *mm = t->proc->mm;
	const struct dk_context *c = pico_frame();

	switch (op->kind) {
	case REMOTE_READ:
		return (long)mm_read(mm, op->addr, op->data, op->size, op->flags);
	case REMOTE_WRITE:
		return (long)mm_write(mm, op->addr, op->data, op->size, op->flags);
	case REMOTE_MAPS:
		return (long)mm_maps_text(mm, (char *)op->data, op->size, &op->addr, op->flags);
	case REMOTE_OTHER:
		if (t->proc->nt == NULL)
			return -ESRCH;
		nt_serve(op->data, op->size);
		return 0;
	case REMOTE_REGS:
		memcpy(op->data, &(struct user_regs){ .c = *c, .fs_base = pico_get_fs_base() }, op->size);
		((struct dk_context *)op->data)->rip = pico_trace_rip(c->rip);
		return (int64_t)c->orig_rax >= 0;
	default:
		return fp_access(op);
	}
}

static struct remote_op *take(struct lx_proc *p, struct lx_thread *t)
{
	struct remote_op *found = NULL;

	lock_take(&p->lock);
	LIST_FOR (op, &p->remote, struct remote_op, link) {
		if (op->only && op->only != t->tid)
			continue;
		found = op;
		list_remove(&op->link);
		atomic_fetch_sub(&p->remote_count, 1);
		break;
	}
	lock_drop(&p->lock);
	return found;
}

static void finish(struct lx_proc *p, struct remote_op *op, long result)
{
	lock_take(&p->lock);
	op->result = result;
	op->done = 1;
	if (op->by)
		pico_wake(&op->by->pico);
	lock_drop(&p->lock);
	op_put(op);
}

void remote_serve(struct lx_thread *t)
{
	for (struct lx_thread *w = t; w; w = w->vfork_parent) {
		struct remote_op *op;

		while (remote_asked(w->proc) && (op = take(w->proc, t)) != NULL)
			finish(w->proc, op, run(op, t));
	}
}

static bool asked(const struct lx_thread *t)
{
	for (; t; t = t->vfork_parent)
		if (remote_asked(t->proc))
			return true;
	return false;
}

bool lx_interrupted(struct pico_thread *pt)
{
	struct lx_thread *t = (struct lx_thread *)pt;

	if (!asked(t))
		return false;
	pico_tb()->work = 0;
	remote_serve(t);
	if (!signal_work(t))
		return true;
	pico_tb()->work = 1;
	return false;
}

/* ---- Asking ---- */

/* The thread that runs t's code: a vfork child may. */
static void mark(struct lx_thread *t)
{
	while (t->lent_to)
		t = t->lent_to;
	pico_interrupt(&t->pico);
}

static void mark_some(struct lx_proc *p, const struct remote_op *op, bool all) REQUIRES(PROC)
{
	struct lx_thread *best = NULL;

	LIST_FOR (t, &p->threads, struct lx_thread, sibling) {
		if (t->exiting == 2 || (op->only && op->only != t->tid))
			continue;
		if (all)
			mark(t);
		else if (!best || (t->pt && t->pt->stop))
			best = t;
	}
	if (best)
		mark(best);
}

/* PROC held.  Nobody will answer any more. */
static bool is_lost(struct lx_proc *p, const struct remote_op *op) REQUIRES(PROC)
{
	if (p == lx_state()->init || p->state != PROC_LIVE || !p->nthreads || p->host == HOST_GONE)
		return true;
	if (!op->only)
		return false;
	LIST_FOR (t, &p->threads, struct lx_thread, sibling)
		if (t->tid == op->only) /* lent: its registers are put away, vfork.c */
			return t->exiting == 2 || t->lent_to;
	return true;
}

/* Waits for the answer, in steps.  True: it is there. */
static bool await(struct lx_proc *p, struct remote_op *op, struct lx_thread *me)
{
	uint64_t step = STEP_NS, until = op->only ? pico_now() + PATIENCE : DK_FOREVER;
	bool done, lost;

	for (;;) {
		bool marked = pico_wait(pico_now() + step, 0) == DK_INTERRUPTED;

		if (marked) {
			remote_serve(me);
			(void)pico_wait(pico_now() + STEP_NS, DK_WAIT_UNINTERRUPTIBLE);
		}
		lock_take(&p->lock);
		done = op->done;
		lost = !done && (is_lost(p, op) || thread_should_exit(me) || pico_now() > until);
		if (lost) {
			op->by = NULL;
			if (!list_empty(&op->link)) {
				list_remove(&op->link);
				atomic_fetch_sub(&p->remote_count, 1);
				op_put(op); /* the list's reference; ours is left */
			}
		} else if (!done && !marked) {
			mark_some(p, op, true);
			step = MIN(step * 2, STEP_MAX);
		}
		lock_drop(&p->lock);
		if (done || lost)
			return done;
	}
}

static bool queue(struct lx_proc *p, struct remote_op *op)
{
	bool lost;

	lock_take(&p->lock);
	lost = is_lost(p, op);
	if (!lost) {
		list_append(&p->remote, &op->link);
		atomic_fetch_add(&p->remote_count, 1);
		mark_some(p, op, false);
	}
	lock_drop(&p->lock);
	return !lost;
}

static struct remote_op *op_new(uint32_t kind, int only, uint64_t addr, uint64_t size)
{
	struct remote_op *op = arena_alloc(sizeof *op + size);

	if (!op)
		return NULL;
	list_init(&op->link);
	ref_init(&op->ref);
	op->kind = kind;
	op->by = lx_current();
	op->only = only;
	op->addr = addr;
	op->size = size;
	return op;
}

static long ask(struct lx_proc *p, struct remote_op *op, void *buf)
{
	struct lx_thread *me = lx_current();
	long result = -ESRCH;

	if (carries_in(op->kind))
		memcpy(op->data, buf, op->size);
	ref_get(&op->ref);
	if (!queue(p, op)) {
		op_put(op);
	} else if (await(p, op, me)) {
		result = op->result;
		if (result >= 0 && carries_out(op->kind))
			memcpy(buf, op->data, op->kind == REMOTE_REGS || op->kind == REMOTE_OTHER ? op->size : MIN((uint64_t)result, op->size));
	} else if (thread_should_exit(me)) {
		result = -EINTR;
	}
	op_put(op);
	return result;
}

static long simple(struct lx_proc *p, int only, uint32_t kind, uint64_t addr, void *buf, uint64_t size, uint32_t flags)
{
	struct remote_op *op = op_new(kind, only, addr, size);

	if (!op)
		return -ENOMEM;
	op->flags = flags;
	return ask(p, op, buf);
}

long remote_memory(struct lx_proc *p, uint64_t addr, void *buf, uint64_t size, bool write, bool force)
{
	struct lx_thread *me = lx_current();
	uint64_t done = 0;

	if (remote_same_memory(p, me->proc))
		return (long)(write ? mm_write(me->proc->mm, addr, buf, size, force) : mm_read(me->proc->mm, addr, buf, size, force));
	while (done < size) {
		uint64_t n = MIN(size - done, CHUNK);
		long moved = simple(p, 0, write ? REMOTE_WRITE : REMOTE_READ, addr + done, (char *)buf + done, n, force);

		if (moved < 0)
			return done ? (long)done : moved;
		done += (uint64_t)moved;
		if ((uint64_t)moved < n)
			break;
	}
	return (long)done;
}

long remote_other(struct lx_proc *p, void *data, uint64_t size)
{
	return simple(p, 0, REMOTE_OTHER, 0, data, size, 0);
}

bool remote_post(struct lx_proc *p)
{
	struct remote_op *op = op_new(REMOTE_OTHER, 0, 0, 0);
	bool lost = true;

	if (!op)
		return false;
	op->by = NULL;
	lock_take(&p->lock);
	lost = is_lost(p, op);
	if (!lost) {
		list_append(&p->remote, &op->link);
		atomic_fetch_add(&p->remote_count, 1);
		mark_some(p, op, true);
	}
	lock_drop(&p->lock);
	if (lost)
		op_put(op);
	return !lost;
}

long remote_maps(struct lx_proc *p, char *buf, uint64_t size, uint64_t *from, enum maps_kind kind)
{
	struct remote_op *op;
	long n;

	if (remote_same_memory(p, lx_current()->proc))
		return (long)mm_maps_text(lx_current()->proc->mm, buf, size, from, kind);
	op = op_new(REMOTE_MAPS, 0, *from, size);
	if (!op)
		return -ENOMEM;
	op->flags = kind;
	ref_get(&op->ref);
	n = ask(p, op, buf);
	*from = op->addr;
	op_put(op);
	return n;
}

long remote_fp_get(struct lx_proc *p, int tid, void *area, uint64_t size)
{
	return simple(p, tid, REMOTE_FP_GET, 0, area, size, 0);
}

long remote_fp_set(struct lx_proc *p, int tid, const void *area, uint64_t size)
{
	return simple(p, tid, REMOTE_FP_SET, 0, (void *)area, size, 0);
}

long remote_regs(struct lx_proc *p, int tid, struct user_regs *r)
{
	return simple(p, tid, REMOTE_REGS, 0, r, sizeof *r, 0);
}
