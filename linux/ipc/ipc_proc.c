/* SPDX-License-Identifier: MIT */
/* linux/ipc/ipc_proc.c - /proc/sysvipc: the objects of the reader's IPC namespace (proc_sysvipc(5)). */
#include "linux/fs/procfs.h"
#include "linux/ipc/msg.h"
#include "linux/ipc/sem.h"
#include "linux/ipc/shm.h"
#include "linux/ns/ns.h"

/* Key, number and mode, which each line begins with. */
static struct ipc64_perm put_start(struct text *x, const struct ipc_object *o) REQUIRES(IPC)
{
	text_add(x, "%10d %10d  %4o ", o->perm.key, o->id, o->perm.mode);
	return ipc_perm_out(&o->perm);
}

static void put_owners(struct text *x, const struct ipc64_perm *p)
{
	text_add(x, "%5u %5u %5u %5u ", p->uid, p->gid, p->cuid, p->cgid);
}

SHOW(sysvipc_shm)
{
	text_add(x, "       key      shmid perms                  size  cpid  lpid nattch   uid   gid  cuid  cgid      atime      dtime      ctime"
		"                   rss                  swap\n");
	ipc_lock();
	for (int i = 0; i <= ipc_highest(IPC_SHM); i++) {
		const struct shm_segment *s = (const struct shm_segment *)ipc_at(IPC_SHM, i);
		struct ipc64_perm p;

		if (s == NULL)
			continue;
		p = put_start(x, &s->ipc);
		text_add(x, "%21lu %5d %5d  %5lu ", (unsigned long)s->size, pid_out(c->t, s->cpid), pid_out(c->t, s->lpid), (unsigned long)s->nattch);
		put_owners(x, &p);
		text_add(x, "%10ld %10ld %10ld %21lu %21u\n", (long)s->atime, (long)s->dtime, (long)s->ipc.ctime,
			(unsigned long)(shm_resident(s) << PAGE_SHIFT), 0u);
	}
	ipc_unlock();
}

SHOW(sysvipc_sem)
{
	text_add(x, "       key      semid perms      nsems   uid   gid  cuid  cgid      otime      ctime\n");
	ipc_lock();
	for (int i = 0; i <= ipc_highest(IPC_SEM); i++) {
		const struct sem_set *s = (const struct sem_set *)ipc_at(IPC_SEM, i);
		struct ipc64_perm p;

		if (s == NULL)
			continue;
		p = put_start(x, &s->ipc);
		text_add(x, "%10u ", s->count);
		put_owners(x, &p);
		text_add(x, "%10ld %10ld\n", (long)s->otime, (long)s->ipc.ctime);
	}
	ipc_unlock();
}

SHOW(sysvipc_msg)
{
	text_add(x, "       key      msqid perms      cbytes       qnum lspid lrpid   uid   gid  cuid  cgid      stime      rtime      ctime\n");
	ipc_lock();
	for (int i = 0; i <= ipc_highest(IPC_MSG); i++) {
		const struct msg_queue *q = (const struct msg_queue *)ipc_at(IPC_MSG, i);
		struct ipc64_perm p;

		if (q == NULL)
			continue;
		p = put_start(x, &q->ipc);
		text_add(x, " %10lu %10lu %5d %5d ", (unsigned long)q->bytes, (unsigned long)q->count, pid_out(c->t, q->lspid), pid_out(c->t, q->lrpid));
		put_owners(x, &p);
		text_add(x, "%10ld %10ld %10ld\n", (long)q->stime, (long)q->rtime, (long)q->ipc.ctime);
	}
	ipc_unlock();
}
