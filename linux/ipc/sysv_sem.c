/* SPDX-License-Identifier: MIT */
/*
 * linux/ipc/sysv_sem.c - System V semaphores.
 *
 * semop tries all its operations under lock IPC; if one must wait, what was done is
 * taken back and the thread sleeps on the set's queue until something in the set
 * changes.  Undo values are kept in the set, one record a process, so that a set
 * that is removed takes them along and a process's end only looks through the sets.
 */
#include <linux/sem.h>

#include "linux/fs/io.h"
#include "linux/ipc/sysv.h"
#include "linux/ns/ns.h"
#include "rt/mem.h"
#include "syscalls.gen.h"

struct sem {
	int val, pid;
	uint32_t ncnt, zcnt; /* threads that wait for it to rise, to become 0 */
};

struct sem_undo {
	struct list link;  /* in the set's undos */
	int pid;           /* process it is for */
	int16_t adjust[];
};

struct sem_set {
	struct ipc_object ipc; /* first */
	uint32_t count;
	int64_t otime;
	struct waitq wait;     /* woken at each change */
	struct list undos;     /* [IPC] */
	struct sem sem[];      /* [IPC] */
};

/* One semop call. */
struct sem_call {
	struct sembuf *ops;
	uint32_t count;
	struct sem_undo *undo; /* NULL: no operation has SEM_UNDO */
	uint32_t blocked;      /* the operation that must wait */
};

static void put_set(struct sem_set *s)
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
	s = arena_alloc(sizeof *s + (size_t)count * sizeof s->sem[0]);
	if (s == NULL)
		return -ENOMEM;
	s->count = (uint32_t)count;
	waitq_init(&s->wait);
	list_init(&s->undos);
	id = ipc_add(t, IPC_SEM, &s->ipc, key, flags);
	if (id < 0)
		arena_free(s);
	return id;
}

long lx_sys_semget(struct lx_thread *t, int key, int count, int flags)
{
	struct ipc_object *o;
	long ret;

	if (count < 0 || count > SEMMSL)
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
	put_set(s);
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
	if (count > SEMOPM)
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

/* ---- semctl ---- */

static struct semid64_ds stat_of(const struct sem_set *s)
{
	return (struct semid64_ds){ .sem_perm = ipc_perm_out(&s->ipc.perm), .sem_otime = s->otime, .sem_ctime = s->ipc.ctime, .sem_nsems = s->count };
}

static long sem_stat(struct lx_thread *t, int id, int cmd, uint64_t arg)
{
	struct semid64_ds ds;
	struct sem_set *s;
	long ret = -EINVAL;

	ipc_lock();
	s = (struct sem_set *)(cmd == IPC_STAT ? ipc_find(IPC_SEM, id) : ipc_at(IPC_SEM, id));
	if (s != NULL)
		ret = cmd == SEM_STAT_ANY ? 0 : ipc_permission(t, &s->ipc.perm, 0444);
	if (ret == 0) {
		ds = stat_of(s);
		ret = cmd == IPC_STAT ? 0 : s->ipc.id;
	}
	ipc_unlock();
	return ret >= 0 && copy_out((struct gva){ arg }, &ds, sizeof ds) != 0 ? -EFAULT : ret;
}

static long sem_info(int cmd, uint64_t arg)
{
	struct seminfo info = { .semmap = SEMMAP, .semmni = SEMMNI, .semmns = SEMMNS, .semmnu = SEMMNU, .semmsl = SEMMSL,
		.semopm = SEMOPM, .semume = SEMUME, .semusz = SEMUSZ, .semvmx = SEMVMX, .semaem = SEMAEM };
	long highest;

	ipc_lock();
	highest = ipc_highest(IPC_SEM);
	if (cmd == SEM_INFO) {
		info.semusz = (int)ipc_root()->table[IPC_SEM].used;
		info.semaem = 0;
		for (int i = 0; i <= highest; i++)
			if (ipc_at(IPC_SEM, i) != NULL)
				info.semaem += (int)((struct sem_set *)ipc_at(IPC_SEM, i))->count;
	}
	ipc_unlock();
	return copy_out((struct gva){ arg }, &info, sizeof info) != 0 ? -EFAULT : highest;
}

/* A change from outside: undo values of semaphore num (-1: all) are void. */
static void clear_undo(struct sem_set *s, int num)
{
	LIST_FOR(u, &s->undos, struct sem_undo, link)
		for (uint32_t i = 0; i < s->count; i++)
			if (num < 0 || i == (uint32_t)num)
				u->adjust[i] = 0;
}

static long get_one(struct lx_thread *t, struct sem_set *s, int num, int cmd) REQUIRES(IPC)
{
	long err = ipc_permission(t, &s->ipc.perm, 0444);

	if (num < 0 || (uint32_t)num >= s->count)
		return -EINVAL;
	if (err != 0)
		return err;
	switch (cmd) {
	case GETVAL: return s->sem[num].val;
	case GETPID: return pid_out(t, s->sem[num].pid);
	case GETNCNT: return s->sem[num].ncnt;
	default: return s->sem[num].zcnt;
	}
}

static long set_one(struct lx_thread *t, struct sem_set *s, int num, int val) REQUIRES(IPC)
{
	long err = ipc_permission(t, &s->ipc.perm, 0222);

	if (num < 0 || (uint32_t)num >= s->count)
		return -EINVAL;
	if (val < 0 || val > SEMVMX)
		return -ERANGE;
	if (err != 0)
		return err;
	s->sem[num].val = val;
	s->sem[num].pid = t->proc->pid;
	clear_undo(s, num);
	s->ipc.ctime = ipc_seconds();
	waitq_wake_all(&s->wait);
	return 0;
}

/* values: the guest's array, copied; NULL sets none. */
static long set_all(struct lx_thread *t, struct sem_set *s, const uint16_t *values) REQUIRES(IPC)
{
	long err = ipc_permission(t, &s->ipc.perm, 0222);

	if (err != 0)
		return err;
	for (uint32_t i = 0; i < s->count; i++)
		if (values[i] > SEMVMX)
			return -ERANGE;
	for (uint32_t i = 0; i < s->count; i++) {
		s->sem[i].val = values[i];
		s->sem[i].pid = t->proc->pid;
	}
	clear_undo(s, -1);
	s->ipc.ctime = ipc_seconds();
	waitq_wake_all(&s->wait);
	return 0;
}

static long get_all(struct lx_thread *t, struct sem_set *s, uint16_t *values) REQUIRES(IPC)
{
	long err = ipc_permission(t, &s->ipc.perm, 0444);

	for (uint32_t i = 0; err == 0 && i < s->count; i++)
		values[i] = (uint16_t)s->sem[i].val;
	return err;
}

/* GETALL and SETALL: the set's size is needed before there is a buffer, and cannot change. */
static long all_values(struct lx_thread *t, int id, int cmd, struct gva arg)
{
	struct sem_set *s;
	uint16_t *values;
	uint32_t count = 0;
	long ret = -EINVAL;

	ipc_lock();
	s = (struct sem_set *)ipc_find(IPC_SEM, id);
	if (s != NULL)
		count = s->count;
	ipc_unlock();
	if (count == 0)
		return -EINVAL;
	values = heap_alloc(count * sizeof *values);
	if (values == NULL)
		return -ENOMEM;
	if (cmd == SETALL && copy_in(values, arg, count * sizeof *values) != 0) {
		heap_free(values);
		return -EFAULT;
	}
	ipc_lock();
	s = (struct sem_set *)ipc_find(IPC_SEM, id);
	if (s != NULL)
		ret = cmd == SETALL ? set_all(t, s, values) : get_all(t, s, values);
	ipc_unlock();
	if (ret == 0 && cmd == GETALL && copy_out(arg, values, count * sizeof *values) != 0)
		ret = -EFAULT;
	heap_free(values);
	return ret;
}

static void remove_set(struct sem_set *s) REQUIRES(IPC)
{
	ipc_remove(&s->ipc);
	LIST_FOR_SAFE(u, next, &s->undos, struct sem_undo, link) {
		list_remove(&u->link);
		arena_free(u);
	}
	waitq_wake_all(&s->wait);
}

void sem_root_free(struct ipc_root *root)
{
	struct ipc_table *tab = &root->table[IPC_SEM];

	for (uint32_t i = 0; i < tab->size; i++) {
		struct sem_set *s;

		ipc_lock();
		s = (struct sem_set *)tab->slot[i];
		if (s != NULL)
			remove_set(s);
		ipc_unlock();
		if (s != NULL)
			put_set(s);
	}
}

static long change(struct lx_thread *t, int id, int cmd, uint64_t arg)
{
	struct sem_set *s, *gone = NULL;
	struct semid64_ds ds;
	long ret = -EINVAL;

	if (cmd == IPC_SET && copy_in(&ds, (struct gva){ arg }, sizeof ds) != 0)
		return -EFAULT;
	ipc_lock();
	s = (struct sem_set *)ipc_find(IPC_SEM, id);
	if (s != NULL)
		ret = ipc_owner(t, &s->ipc.perm);
	if (ret == 0 && cmd == IPC_SET) {
		ipc_set(&s->ipc, &ds.sem_perm);
	} else if (ret == 0) {
		remove_set(s);
		gone = s;
	}
	ipc_unlock();
	if (gone != NULL)
		put_set(gone);
	return ret;
}

static long one_value(struct lx_thread *t, int id, int num, int cmd, uint64_t arg)
{
	struct sem_set *s;
	long ret = -EINVAL;

	ipc_lock();
	s = (struct sem_set *)ipc_find(IPC_SEM, id);
	if (s != NULL)
		ret = cmd == SETVAL ? set_one(t, s, num, (int)arg) : get_one(t, s, num, cmd);
	ipc_unlock();
	return ret;
}

long lx_sys_semctl(struct lx_thread *t, int id, int num, int cmd, uint64_t arg)
{
	if (id < 0)
		return -EINVAL;
	switch (cmd & ~IPC_64) {
	case IPC_STAT: case SEM_STAT: case SEM_STAT_ANY:
		return sem_stat(t, id, cmd & ~IPC_64, arg);
	case IPC_INFO: case SEM_INFO:
		return sem_info(cmd & ~IPC_64, arg);
	case GETVAL: case GETPID: case GETNCNT: case GETZCNT: case SETVAL:
		return one_value(t, id, num, cmd & ~IPC_64, arg);
	case GETALL: case SETALL:
		return all_values(t, id, cmd & ~IPC_64, (struct gva){ arg });
	case IPC_SET: case IPC_RMID:
		return change(t, id, cmd & ~IPC_64, arg);
	default:
		return -EINVAL;
	}
}
