/* SPDX-License-Identifier: MIT */
/*
 * linux/ipc/sysv_sem.c - System V semaphores: making, operating, undoing.  semctl is in sem_ctl.c.
 *
 * semop tries all its operations under lock IPC; if one must wait, what was done is
 * taken back and the thread sleeps on the set's queue until something in the set
 * changes.  Undo values are kept in the set, one record a process, so that a set
 * that is removed takes them along and a process's end only looks through the sets.
 */
#include "linux/fs/io.h"
#include "linux/ipc/sem.h"
#include "linux/ns/ns.h"
#include "rt/mem.h"
#include "syscalls.gen.h"

/* One semop call. */
struct sem_call {
	struct sembuf *ops;
	uint32_t count;
	struct sem_undo *undo; /* NULL: no operation has SEM_UNDO */
	uint32_t blocked;      /* the operation that must wait */
};

void sem_set_put(struct sem_set *s)
{
	if (ref_put(&s->ipc.ref))
		arena_free(s);
}

/* ---- semget ---- */

static long create(struct lx_thread *t, int key, int count, int flags) REQUIRES(IPC)
{
	struct sem_set *s;
	long id;

	if (count <= 0)
		return -EINVAL;
	if (ipc_root()->sems + (uint32_t)count > ipc_limit(IPC_SEMMNS))
		return -ENOSPC;
	s = arena_alloc(sizeof *s + (size_t)count * sizeof s->sem[0]);
	if (s == NULL)
		return -ENOMEM;
	s->count = (uint32_t)count;
	waitq_init(&s->wait);
	list_init(&s->undos);
	id = ipc_add(t, IPC_SEM, &s->ipc, key, flags);
	if (id < 0)
		arena_free(s);
	else
		ipc_root()->sems += s->count;
	return id;
}

long lx_sys_semget(struct lx_thread *t, int key, int count, int flags)
{
	struct ipc_object *o;
	long ret;

	if (count < 0 || (uint32_t)count > ipc_limit(IPC_SEMMSL))
		return -EINVAL;
	ipc_lock();
	ret = ipc_get(t, IPC_SEM, key, flags, &o);
	if (ret == 0)
		ret = create(t, key, count, flags);
	else if (ret > 0)
		ret = (uint32_t)count > ((struct sem_set *)o)->count ? -EINVAL : o->id;
	ipc_unlock();
	return ret;
}

/* ---- semop ---- */

static struct sem_undo *find_undo(struct sem_set *s, int pid)
{
	LIST_FOR(u, &s->undos, struct sem_undo, link)
		if (u->pid == pid)
			return u;
	return NULL;
}

static struct sem_undo *need_undo(struct sem_set *s, int pid)
{
	struct sem_undo *u = find_undo(s, pid);

	if (u != NULL)
		return u;
	u = arena_alloc(sizeof *u + s->count * sizeof u->adjust[0]);
	if (u == NULL)
		return NULL;
	u->pid = pid;
	list_append(&s->undos, &u->link);
	return u;
}

/* Takes back the first n operations. */
static void revert(struct sem_set *s, const struct sem_call *c, uint32_t n)
{
	while (n-- > 0) {
		const struct sembuf *op = &c->ops[n];

		s->sem[op->sem_num].val -= op->sem_op;
		if (op->sem_flg & SEM_UNDO)
			c->undo->adjust[op->sem_num] = (int16_t)(c->undo->adjust[op->sem_num] + op->sem_op);
	}
}

/* One operation: 0 done, 1 must wait, or -ERANGE. */
static long apply(struct sem_set *s, struct sem_call *c, const struct sembuf *op)
{
	struct sem *sem = &s->sem[op->sem_num];
	int val = sem->val + op->sem_op;

	if (op->sem_op == 0)
		return sem->val != 0;
	if (val < 0)
		return 1;
	if (val > SEMVMX)
		return -ERANGE;
	if (op->sem_flg & SEM_UNDO) {
		int adjust = c->undo->adjust[op->sem_num] - op->sem_op;

		if (adjust < -SEMAEM - 1 || adjust > SEMAEM)
			return -ERANGE;
		c->undo->adjust[op->sem_num] = (int16_t)adjust;
	}
	sem->val = val;
	return 0;
}

/* All or nothing: 0, 1 = must wait, or -errno. */
static long try_ops(struct lx_thread *t, struct sem_set *s, struct sem_call *c)
{
	bool changed = false;
	long ret = 0;

	for (uint32_t i = 0; i < c->count; i++) {
		ret = apply(s, c, &c->ops[i]);
		if (ret != 0) {
			revert(s, c, i);
			c->blocked = i;
			return ret > 0 && (c->ops[i].sem_flg & IPC_NOWAIT) ? -EAGAIN : ret;
		}
		changed = changed || c->ops[i].sem_op != 0;
	}
	for (uint32_t i = 0; i < c->count; i++)
		s->sem[c->ops[i].sem_num].pid = t->proc->pid;
	s->otime = ipc_seconds();
	if (changed)
		waitq_wake_all(&s->wait);
	return 0;
}

static void count_waiter(struct sem_set *s, const struct sem_call *c, int delta)
{
	const struct sembuf *op = &c->ops[c->blocked];

	if (op->sem_op == 0)
		s->sem[op->sem_num].zcnt += (uint32_t)delta;
	else
		/* NOLINTNEXTLINE(clang-analyzer-core.NullDereference): the set is the caller's */
		s->sem[op->sem_num].ncnt += (uint32_t)delta;
}

/* Finds the set and checks what can be checked; lock IPC is held. */
static long prepare(struct lx_thread *t, int id, struct sem_call *c, struct sem_set **out) REQUIRES(IPC)
{
	struct sem_set *s = (struct sem_set *)ipc_find(IPC_SEM, id);
	uint32_t bits = 0444;
	bool undo = false;
	long err;

	if (s == NULL)
		return -EINVAL;
	for (uint32_t i = 0; i < c->count; i++) {
		if (c->ops[i].sem_num >= s->count)
			return -EFBIG;
		if (c->ops[i].sem_op != 0)
			bits = 0222;
		undo = undo || ((c->ops[i].sem_flg & SEM_UNDO) && c->ops[i].sem_op != 0);
	}
	err = ipc_permission(t, &s->ipc.perm, bits);
	if (err != 0)
		return err;
	if (undo) {
		c->undo = need_undo(s, t->proc->pid);
		if (c->undo == NULL)
			return -ENOMEM;
	}
	*out = s;
	return 0;
}

/* Sleeps until the set changes and tries again; lock IPC is held and stays so. */
static long wait_and_try(struct lx_thread *t, struct sem_set *s, struct sem_call *c, uint64_t deadline) REQUIRES(IPC)
{
	struct waiter *w = waiter_self(0);
	enum dk_status status;
	long ret = 1;

	ref_get(&s->ipc.ref);
	waitq_add(&s->wait, w);
	while (ret == 1) {
		count_waiter(s, c, 1);
		ipc_unlock();
		status = pico_wait(deadline, 0);
		ipc_lock();
		count_waiter(s, c, -1);
		if (s->ipc.removed) {
			ret = -EIDRM;
			break;
		}
		ret = try_ops(t, s, c);
		if (ret == 1 && status != DK_OK)
			ret = status == DK_TIMEOUT ? -EAGAIN : -EINTR;
	}
	waitq_remove(&s->wait, w);
	sem_set_put(s);
	return ret;
}

static long semop_call(struct lx_thread *t, int id, struct sem_call *c, uint64_t deadline)
{
	struct sem_set *s = NULL;
	long ret;

	ipc_lock();
	ret = prepare(t, id, c, &s);
	if (ret == 0)
		ret = try_ops(t, s, c);
	if (ret == 1)
		ret = wait_and_try(t, s, c, deadline);
	ipc_unlock();
	return ret;
}

#define OPS_SMALL 8

static long semop_common(struct lx_thread *t, int id, struct gva ops, uint64_t count, uint64_t deadline)
{
	struct sembuf small[OPS_SMALL];
	struct sem_call c = { .ops = small, .count = (uint32_t)count };
	long ret;

	if (count == 0 || id < 0)
		return -EINVAL;
	if (count > ipc_limit(IPC_SEMOPM))
		return -E2BIG;
	if (count > OPS_SMALL) {
		c.ops = heap_alloc(count * sizeof *c.ops);
		if (c.ops == NULL)
			return -ENOMEM;
	}
	ret = copy_in(c.ops, ops, count * sizeof *c.ops);
	if (ret == 0)
		ret = semop_call(t, id, &c, deadline);
	if (c.ops != small)
		heap_free(c.ops);
	return ret;
}

long lx_sys_semop(struct lx_thread *t, int id, struct gva ops, uint64_t count)
{
	return semop_common(t, id, ops, count, DK_FOREVER);
}

long lx_sys_semtimedop(struct lx_thread *t, int id, struct gva ops, uint64_t count, struct gva timeout)
{
	uint64_t deadline;
	long err = deadline_in(timeout, &deadline);

	return err != 0 ? err : semop_common(t, id, ops, count, deadline);
}

/* ---- The end of a process ---- */

static void undo_set(struct sem_set *s, int pid)
{
	struct sem_undo *u = find_undo(s, pid);

	if (u == NULL)
		return;
	for (uint32_t i = 0; i < s->count; i++) {
		struct sem *sem = &s->sem[i];

		if (u->adjust[i] == 0)
			continue;
		/* Linux cuts the result to what a semaphore can hold. */
		sem->val = MIN(MAX(sem->val + u->adjust[i], 0), SEMVMX);
		sem->pid = pid;
	}
	s->otime = ipc_seconds();
	list_remove(&u->link);
	arena_free(u);
	waitq_wake_all(&s->wait);
}

void sem_undo_exit(struct lx_proc *p, struct ipc_root *root)
{
	const struct ipc_table *tab = &root->table[IPC_SEM];

	if (__atomic_load_n(&tab->used, __ATOMIC_RELAXED) == 0)
		return;
	ipc_lock();
	for (int i = 0; (uint32_t)i < tab->size; i++)
		if (tab->slot[i] != NULL)
			undo_set((struct sem_set *)tab->slot[i], p->pid);
	ipc_unlock();
}

bool sem_undo_any(struct lx_proc *p)
{
	bool found = false;

	ipc_lock();
	for (int i = 0; (uint32_t)i < ipc_root()->table[IPC_SEM].size && !found; i++)
		found = ipc_at(IPC_SEM, i) != NULL && find_undo((struct sem_set *)ipc_at(IPC_SEM, i), p->pid) != NULL;
	ipc_unlock();
	return found;
}
