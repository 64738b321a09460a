/* SPDX-License-Identifier: MIT */
/*
 * linux/proc/pid.c - process and thread objects: numbers, look-up, references.
 *
 * A reaped process's object lives on in lx->graveyard until kproc has heard that
 * its picoprocess is dead, since its last thread stands on it while it leaves.
 * An ended thread that was not the leader lies in lx->dead_threads until its host
 * thread is gone; whoever makes or ends a thread frees a few of those.
 */
#include "linux/misc/cputime.h"
#include "linux/misc/cred.h"
#include "linux/proc/proc.h"
#include "linux/fs/tty.h"
#include "linux/fs/vfs.h"
#include "linux/misc/timer.h"
#include "linux/proc/remote.h"
#include "linux/ns/ns.h"
#include "linux/sec/sec.h"
#include "linux/sig/sig.h"
#include "rt/mem.h"

#define SWEEP_MAX 4

static struct list *hash_head(int tid)
{
	struct list *head = &lx_state()->tid_hash[(uint32_t)tid % LX_TID_BUCKETS];

	if (UNLIKELY(!head->next))
		list_init(head);
	return head;
}

struct lx_thread *thread_find_global(int tid)
{
	if (tid <= 0)
		return NULL;
	LIST_FOR (t, hash_head(tid), struct lx_thread, hash)
		if (t->tid == tid)
			return t;
	return NULL;
}

struct lx_proc *proc_find_global(int pid)
{
	struct lx_thread *t = thread_find_global(pid);

	return t && t->proc->pid == pid ? t->proc : NULL;
}

struct lx_proc *proc_get_global(int pid)
{
	struct lx_state *lx = lx_state();
	struct lx_proc *p;

	lock_take(&lx->tasklist);
	p = proc_find_global(pid);
	if (p)
		proc_get(p);
	lock_drop(&lx->tasklist);
	return p;
}

struct lx_thread *thread_find(int tid)
{
	return thread_find_global(pid_meant_by(lx_current()->proc, tid));
}

struct lx_proc *proc_find(int pid)
{
	return proc_find_global(pid_meant_by(lx_current()->proc, pid));
}

struct lx_proc *proc_get_by_pid(int pid)
{
	struct lx_state *lx = lx_state();
	struct lx_proc *p;

	lock_take(&lx->tasklist);
	p = proc_find(pid);
	if (p)
		proc_get(p);
	lock_drop(&lx->tasklist);
	return p;
}

/* ---- Numbers ---- */

bool tid_used(int tid)
{
	return thread_find_global(tid) || proc_set_first(PROC_GROUP, tid) || proc_set_first(PROC_SESSION, tid);
}

int tid_last(void)
{
	return MAX((atomic_load(&lx_state()->next_tid) - 1) % LX_PID_MAX, 1);
}

void tid_set_last(int tid)
{
	struct lx_state *lx = lx_state();

	lock_take(&lx->tasklist);
	atomic_store(&lx->next_tid, LX_PID_MAX + tid + 1);
	lx->tid_round++;
	lock_drop(&lx->tasklist);
}

int tid_alloc(void)
{
	struct lx_state *lx = lx_state();

	/* The first time round all numbers are new; after that each is looked up. */
	for (;;) {
		int tid = atomic_fetch_add(&lx->next_tid, 1);
		bool used;

		if (tid < LX_PID_MAX)
			return tid;
		lock_take(&lx->tasklist);
		if (tid % LX_PID_MAX == 0) {
			atomic_store(&lx->next_tid, LX_PID_MAX + 300);
			lx->tid_round++;
		}
		tid = tid % LX_PID_MAX;
		used = tid == 0 || tid_used(tid);
		lock_drop(&lx->tasklist);
		if (!used)
			return tid;
	}
}

long tasks_allowed(struct lx_thread *t)
{
	struct lx_state *lx = lx_state();
	uint64_t limit = pico_boot_block->pids_limit, now = lx->nthreads;

	if (limit && now >= limit)
		return -EAGAIN;
	limit = t->proc->rlim[RLIMIT_NPROC].rlim_cur;
	if (now >= limit && !lx_capable(t, 24 /* SYS_RESOURCE */) && !lx_capable(t, 21 /* SYS_ADMIN */))
		return -EAGAIN;
	return now >= LX_PID_MAX / 4 ? -EAGAIN : 0;
}

/* ---- Processes ---- */

struct lx_proc *proc_new(void)
{
	struct lx_proc *p = arena_alloc(sizeof *p);

	if (!p)
		return NULL;
	p->pico.provider = PICO_PROVIDER_LINUX;
	ref_init(&p->ref);
	lock_init(&p->lock, LOCK_PROC);
	list_init(&p->threads);
	list_init(&p->child);
	list_init(&p->children);
	list_init(&p->all);
	list_init(&p->by_host);
	for (unsigned set = 0; set < PROC_SETS; set++) {
		list_init(&p->member[set].ring);
		list_init(&p->member[set].hash);
	}
	list_init(&p->timers);
	list_init(&p->remote);
	waitq_init(&p->child_wait);
	waitq_init(&p->exit_wait);
	sigpending_init(&p->pending);
	return p;
}

void proc_get(struct lx_proc *p)
{
	ref_get(&p->ref);
}

static void proc_free(struct lx_proc *p)
{
	LIST_FOR_SAFE (t, n, &p->threads, struct lx_thread, sibling) {
		list_remove(&t->sibling);
		thread_free(t);
	}
	sigpending_flush(&p->pending);
	remote_drop(p);
	if (p->fdt)
		fdt_put_table(p->fdt);
	if (p->fs)
		fs_put(p->fs);
	if (p->sighand)
		sighand_put(p->sighand);
	tty_put(p->tty);
	exe_drop(p->exe);
	blob_put(p->cmdline);
	blob_put(p->environ_copy);
	if (p->pid_ns)
		ns_put(p->pid_ns);
	arena_free(p);
}

/* No lock may be held: the last one frees files. */
void proc_put(struct lx_proc *p)
{
	if (p && ref_put(&p->ref))
		proc_free(p);
}

void proc_link(struct lx_proc *p, struct lx_proc *parent)
{
	p->parent = parent;
	if (parent) {
		p->ppid = pid_seen_by(p, parent->pid);
		list_append(&parent->children, &p->child);
	}
	procs_enter(p);
}

/* ---- Threads ---- */

struct lx_thread *thread_new(struct lx_proc *p, int tid)
{
	struct lx_thread *t = arena_alloc(sizeof *t);

	if (!t)
		return NULL;
	if (pico_thread_init(&t->pico, &p->pico) != DK_OK) {
		arena_free(t);
		return NULL;
	}
	t->proc = p;
	t->tid = t->vtid = tid ? tid : tid_alloc();
	list_init(&t->sibling);
	list_init(&t->hash);
	list_init(&t->tracees);
	sigpending_init(&t->pending);
	waitq_init(&t->vfork_done);
	t->start_ns = pico_now();
	t->altstack.ss_flags = 2; /* SS_DISABLE */
	cputime_init(t);
	t->timer_slack = t->timer_slack_default = TIMER_SLACK_NS;
	t->barrier_seen = atomic_load(&lx_state()->barriers);
	return t;
}

void thread_free(struct lx_thread *t)
{
	sigpending_flush(&t->pending);
	sec_thread_end(t);
	if (t->host_thread)
		(void)DkObjectClose(t->host_thread);
	ns_exit(t);
	if (t->cred.user_ns)
		ns_put(t->cred.user_ns);
	cred_refs_put(&t->cred);
	pico_thread_fini(&t->pico);
	arena_free(t->pt);
	arena_free(t);
}

/* Threads are in the order of their numbers, which are given in that order: mostly it is the last. */
static struct list *last_below(struct lx_proc *p, int tid)
{
	struct list *at = p->threads.prev;

	while (at != &p->threads && LIST_ENTRY(at, struct lx_thread, sibling)->tid > tid)
		at = at->prev;
	return at;
}

void thread_link(struct lx_thread *t)
{
	struct lx_proc *p = t->proc;

	lock_take(&p->lock);
	list_insert(last_below(p, t->tid), &t->sibling);
	p->nthreads++;
	if (!p->leader)
		p->leader = t;
	lock_drop(&p->lock);
	thread_hash(t);
}

void thread_hash(struct lx_thread *t)
{
	list_append(hash_head(t->tid), &t->hash);
	lx_state()->nthreads++;
}

void thread_unhash(struct lx_thread *t)
{
	list_remove(&t->hash);
	lx_state()->nthreads--;
}

void thread_unlink(struct lx_thread *t)
{
	thread_unhash(t);
	pid_ns_unnumber(t);
}

void thread_bury(struct lx_thread *t)
{
	list_append(&lx_state()->dead_threads, &t->hash);
}

static bool host_thread_ended(struct lx_thread *t)
{
	uint32_t index;

	/* Signalled, or the entry is gone with the thread. */
	return !t->pico.thread || DkObjectsWaitAny(1, &t->pico.thread, 0, DK_WAIT_UNINTERRUPTIBLE, &index) != DK_TIMEOUT;
}

void thread_sweep(void)
{
	struct lx_state *lx = lx_state();

	/* A look without the lock: nothing is lost if somebody is just adding one. */
	for (int i = 0; i < SWEEP_MAX && !list_empty(&lx->dead_threads); i++) {
		struct lx_thread *t = NULL;

		lock_take(&lx->tasklist);
		if (!list_empty(&lx->dead_threads)) {
			t = LIST_FIRST(&lx->dead_threads, struct lx_thread, hash);
			list_remove(&t->hash);
		}
		lock_drop(&lx->tasklist);
		if (!t)
			return;
		if (host_thread_ended(t)) {
			thread_free(t);
			continue;
		}
		lock_take(&lx->tasklist);
		thread_bury(t);
		lock_drop(&lx->tasklist);
		return;
	}
}

/* ---- Shared text ---- */

struct blob {
	struct ref ref;
	uint32_t pad[3];
	char data[];
};

char *blob_new(uint32_t size)
{
	struct blob *b = arena_alloc(sizeof *b + size);

	if (!b)
		return NULL;
	ref_init(&b->ref);
	return b->data;
}

void blob_get(char *data)
{
	if (data)
		ref_get(&CONTAINER_OF(data, struct blob, data)->ref);
}

void blob_put(char *data)
{
	struct blob *b;

	if (!data)
		return;
	b = CONTAINER_OF(data, struct blob, data);
	if (ref_put(&b->ref))
		arena_free(b);
}
