/* SPDX-License-Identifier: MIT */
/* linux/ipc/sem_ctl.c - semctl, and the end of sets. */
#include "linux/fs/io.h"
#include "linux/ipc/sem.h"
#include "linux/ns/ns.h"
#include "syscalls.gen.h"

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
	struct seminfo info = { .semmap = SEMMAP, .semmni = (int)ipc_root()->table[IPC_SEM].max, .semmns = (int)ipc_limit(IPC_SEMMNS), .semmnu = SEMMNU, .semmsl = (int)ipc_limit(IPC_SEMMSL),
		.semopm = (int)ipc_limit(IPC_SEMOPM), .semume = SEMUME, .semusz = SEMUSZ, .semvmx = SEMVMX, .semaem = SEMAEM };
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
	s->ipc.root->sems -= s->count;
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
			sem_set_put(s);
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
		sem_set_put(gone);
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
