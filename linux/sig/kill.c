/* SPDX-License-Identifier: MIT */
/* linux/sig/kill.c - the system calls that send signals, and who may. */
#include "linux/fs/textfs.h"
#include "linux/fs/vfs.h"
#include "linux/ns/ns.h"
#include "linux/sec/landlock.h"
#include "linux/proc/proc.h"
#include "linux/sig/internal.h"
#include "syscalls.gen.h"
#include <linux/capability.h>

void siginfo_user(struct lx_thread *t, siginfo_t *info, int sig, int code)
{
	memset(info, 0, sizeof *info);
	info->si_signo = sig;
	info->si_code = code;
	info->si_pid = t->proc->pid;
	info->si_uid = t->cred.uid;
}

long signal_permission(struct lx_thread *t, struct lx_proc *p, int sig)
{
	const struct lx_cred *c = &t->cred, *target;

	if (p == t->proc || !p->leader)
		return 0;
	target = &p->leader->cred;
	if (landlocked(t) && landlock_scoped(t, target->landlock, LL_SCOPE_SIGNAL))
		return -EPERM;
	if (c->euid == target->suid || c->euid == target->uid || c->uid == target->suid || c->uid == target->uid)
		return 0;
	if (sig == SIGCONT && p->session == t->proc->session)
		return 0;
	return ns_capable(t, user_ns_of(p->leader), CAP_KILL) ? 0 : -EPERM;
}

/* Who kill() says it was, as p counts processes and users. */
static const siginfo_t *as_seen(struct lx_thread *t, struct lx_proc *p, const siginfo_t *info, siginfo_t *buf) REQUIRES(TASKLIST)
{
	if (LIKELY(!p->pid_ns && (!p->leader || !p->leader->cred.user_ns)) || (info->si_code != SI_USER && info->si_code != SI_TKILL))
		return info;
	*buf = *info;
	buf->si_pid = pid_seen_by(p, t->proc->pid);
	buf->si_uid = p->leader ? uid_out(p->leader, t->cred.uid) : 0;
	return buf;
}

static long send_one(struct lx_thread *t, struct lx_proc *p, int sig, const siginfo_t *info) REQUIRES(TASKLIST)
{
	long err = signal_permission(t, p, sig);
	siginfo_t seen;

	if (err || !sig)
		return err;
	return signal_proc(p, sig, as_seen(t, p, info, &seen));
}

/* A pid names a process; a thread's id names the process it is in. */
static struct lx_proc *find(int pid) REQUIRES(TASKLIST)
{
	struct lx_proc *p = proc_find(pid);
	struct lx_thread *t = p ? NULL : thread_find(pid);

	return t ? t->proc : p;
}

static long send_pid(struct lx_thread *t, int pid, int sig, const siginfo_t *info)
{
	struct lx_state *lx = lx_state();
	struct lx_proc *p;
	long err = -ESRCH;

	if (pid == t->proc->pid) /* nobody can end that meanwhile but us */
		return sig ? signal_proc(t->proc, sig, info) : 0;
	lock_take(&lx->tasklist);
	p = find(pid);
	if (p && p->state != PROC_DEAD)
		err = send_one(t, p, sig, info);
	lock_drop(&lx->tasklist);
	return err;
}

/* Everything but init and the caller. */
static long send_everybody(struct lx_thread *t, int sig, const siginfo_t *info)
{
	struct lx_state *lx = lx_state();
	long result = -ESRCH;

	lock_take(&lx->tasklist);
	LIST_FOR(p, &lx->procs, struct lx_proc, all) {
		long err;

		if (p == lx->init || p == t->proc || p->state == PROC_DEAD)
			continue;
		if (!pid_ns_inside(pid_ns_of(p), pid_ns_of(t->proc)) || (t->proc->pid_ns && t->proc->pid_ns->pid.init == p))
			continue;
		err = send_one(t, p, sig, info);
		if (err != -EPERM)
			result = err;
		else if (result == -ESRCH)
			result = 0;
	}
	lock_drop(&lx->tasklist);
	return result;
}

static long send_group(struct lx_thread *t, int pgrp, int sig, const siginfo_t *info)
{
	struct lx_state *lx = lx_state();
	bool done = false;
	long err = -ESRCH;

	lock_take(&lx->tasklist);
	pgrp = pgrp ? pid_meant_by(t->proc, pgrp) : t->proc->pgrp;
	PROC_SET_FOR(p, PROC_GROUP, pgrp) {
		if (!pgrp || p->state == PROC_DEAD)
			continue;
		err = send_one(t, p, sig, info);
		done |= err == 0;
	}
	lock_drop(&lx->tasklist);
	return done ? 0 : err;
}

long lx_sys_kill(struct lx_thread *t, int pid, int sig)
{
	siginfo_t info;

	if (sig != 0 && !sig_valid(sig))
		return -EINVAL;
	siginfo_user(t, &info, sig, SI_USER);
	if (pid > 0)
		return send_pid(t, pid, sig, &info);
	if (pid == -1)
		return send_everybody(t, sig, &info);
	if (pid == INT32_MIN)
		return -ESRCH;
	return send_group(t, -pid, sig, &info);
}

static long send_tid(struct lx_thread *t, int pid, int tid, int sig, const siginfo_t *info)
{
	struct lx_state *lx = lx_state();
	struct lx_thread *to;
	long err = -ESRCH;
	siginfo_t seen UNINIT;

	if (tid == t->tid && (pid <= 0 || pid == t->proc->pid))
		return sig ? signal_thread(t, sig, info) : 0;
	lock_take(&lx->tasklist);
	to = thread_find(tid);
	if (to && (pid <= 0 || to->proc->pid == pid_meant_by(t->proc, pid)) && to->proc->state != PROC_DEAD) {
		err = signal_permission(t, to->proc, sig);
		if (!err && sig)
			err = signal_thread(to, sig, as_seen(t, to->proc, info, &seen));
	}
	lock_drop(&lx->tasklist);
	return err;
}

/* To oneself, for a handler: what kill() says of the sender is put together where it is taken from. */
static bool send_straight(struct lx_thread *t, int sig)
{
	if (sig == 0 || !signal_goes_straight(t, sig))
		return false;
	siginfo_user(t, &t->straight, sig, SI_TKILL);
	pico_tb()->work = 1;
	return true;
}

long lx_sys_tkill(struct lx_thread *t, int tid, int sig)
{
	siginfo_t info;

	if (tid <= 0 || (sig != 0 && !sig_valid(sig)))
		return -EINVAL;
	siginfo_user(t, &info, sig, SI_TKILL);
	return send_tid(t, 0, tid, sig, &info);
}

long lx_sys_tgkill(struct lx_thread *t, int pid, int tid, int sig)
{
	siginfo_t info UNINIT;

	if (pid <= 0 || tid <= 0 || (sig != 0 && !sig_valid(sig)))
		return -EINVAL;
	if (tid == t->tid && pid == t->proc->pid && send_straight(t, sig))
		return 0;
	siginfo_user(t, &info, sig, SI_TKILL);
	return send_tid(t, pid, tid, sig, &info);
}

/* A guest's own siginfo: it may not pretend to be the kernel or kill() towards others. */
static long info_in(struct lx_thread *t, struct gva from, int sig, bool self, siginfo_t *info)
{
	if (copy_in(info, from, sizeof *info))
		return -EFAULT;
	info->si_signo = sig;
	if (!self && (info->si_code >= 0 || info->si_code == SI_TKILL))
		return -EPERM;
	return 0;
}

long lx_sys_rt_sigqueueinfo(struct lx_thread *t, int pid, int sig, struct gva from)
{
	siginfo_t info;
	long err = info_in(t, from, sig, pid == t->proc->vpid, &info);

	if (err)
		return err;
	if (sig != 0 && !sig_valid(sig))
		return -EINVAL;
	return pid > 0 ? send_pid(t, pid, sig, &info) : -ESRCH;
}

long lx_sys_rt_tgsigqueueinfo(struct lx_thread *t, int pid, int tid, int sig, struct gva from)
{
	siginfo_t info;
	long err;

	if (pid <= 0 || tid <= 0)
		return -EINVAL;
	err = info_in(t, from, sig, tid == t->vtid, &info);
	if (err)
		return err;
	if (sig != 0 && !sig_valid(sig))
		return -EINVAL;
	return send_tid(t, pid, tid, sig, &info);
}

/* The process fd stands for, with a reference: a pidfd's, or that of an open /proc/PID; NULL: *err. */
static struct lx_proc *proc_of_fd(struct lx_thread *t, int fd, long *err)
{
	struct file *f = fd_get(t, fd);
	struct lx_proc *p = NULL;
	int pid;

	*err = -EBADF;
	if (!f)
		return NULL;
	if (f->kind == FILE_PIDFD) {
		p = f->object;
		proc_get(p);
	} else if ((pid = text_process_dir(f))) {
		*err = -ESRCH;
		p = pid > 0 ? proc_get_global(pid) : NULL;
	}
	file_put(f);
	return p;
}

long lx_sys_pidfd_send_signal(struct lx_thread *t, int fd, int sig, struct gva from, uint32_t flags)
{
	struct lx_state *lx = lx_state();
	struct lx_proc *p;
	siginfo_t info;
	int signo;
	long err = 0;

	if (flags || (sig != 0 && !sig_valid(sig)))
		return -EINVAL;
	p = proc_of_fd(t, fd, &err);
	if (!p)
		return err;
	siginfo_user(t, &info, sig, SI_USER);
	err = from.va ? info_in(t, from, sig, p == t->proc, &info) : 0;
	if (!err && from.va && (copy_in(&signo, from, sizeof signo) || signo != sig))
		err = -EINVAL;
	if (!err) {
		lock_take(&lx->tasklist);
		err = p->state == PROC_DEAD ? -ESRCH : send_one(t, p, sig, &info);
		lock_drop(&lx->tasklist);
	}
	proc_put(p);
	return err;
}
