/* SPDX-License-Identifier: MIT */
/* linux/proc/wait.c - wait4 and waitid. */
#include "linux/fs/vfs.h"
#include "linux/ns/ns.h"
#include "linux/proc/proc.h"
#include "linux/proc/ptrace.h"
#include "linux/proc/wait.h"
#include "linux/sig/sig.h"
#include "rt/mem.h"
#include "syscalls.gen.h"

#ifndef P_PIDFD
#define P_PIDFD 3
#endif
#define WAIT4_OPTIONS  (WNOHANG | WUNTRACED | WCONTINUED | __WNOTHREAD | __WCLONE | __WALL)
#define WAITID_OPTIONS (WNOHANG | WNOWAIT | WEXITED | WSTOPPED | WCONTINUED | __WNOTHREAD | __WCLONE | __WALL)

static bool matches(const struct lx_proc *p, const struct wait_spec *w)
{
	if (w->which == WAIT_PID && p->pid != w->id)
		return false;
	if (w->which == WAIT_GROUP && p->pgrp != w->id)
		return false;
	if (w->options & __WALL)
		return true;
	return (p->exit_signal != SIGCHLD) == !!(w->options & __WCLONE);
}

static void usage_of(const struct lx_proc *p, struct rusage *u)
{
	uint64_t utime = p->utime_ns + p->cutime_ns, stime = p->stime_ns + p->cstime_ns;

	memset(u, 0, sizeof *u);
	u->ru_utime.tv_sec = (long)(utime / 1000000000);
	u->ru_utime.tv_usec = (long)(utime % 1000000000 / 1000);
	u->ru_stime.tv_sec = (long)(stime / 1000000000);
	u->ru_stime.tv_usec = (long)(stime % 1000000000 / 1000);
	u->ru_maxrss = (long)(MAX(p->max_rss, p->cmax_rss) * 4);
	u->ru_minflt = (long)(p->min_flt + p->cmin_flt);
	u->ru_majflt = (long)(p->maj_flt + p->cmaj_flt);
}

void wait_fill(struct lx_proc *p, int tid, struct wait_result *r, uint32_t status, int why, int detail)
{
	struct lx_thread *t = lx_current();

	r->pid = pid_seen_by(t->proc, tid ? tid : p->pid);
	r->uid = p->leader ? uid_out(t, p->leader->cred.uid) : 0;
	r->status = status;
	r->why = why;
	r->detail = detail;
	usage_of(p, &r->usage);
}

void wait_fill_end(struct lx_proc *p, int tid, struct wait_result *r, uint32_t code)
{
	bool exited = (code & 0x7f) == 0;

	wait_fill(p, tid, r, code, exited ? CLD_EXITED : code & 0x80 ? CLD_DUMPED : CLD_KILLED,
		exited ? (int)(code >> 8 & 0xff) : (int)(code & 0x7f));
}

static void take_zombie(struct lx_proc *parent, struct lx_proc *p, const struct wait_spec *w, struct wait_result *r) REQUIRES(TASKLIST)
{
	wait_fill_end(p, 0, r, p->exit_code);
	if (w->options & WNOWAIT)
		return;
	parent->cutime_ns += p->utime_ns + p->cutime_ns;
	parent->cstime_ns += p->stime_ns + p->cstime_ns;
	parent->cmin_flt += p->min_flt + p->cmin_flt;
	parent->cmaj_flt += p->maj_flt + p->cmaj_flt;
	parent->cmax_rss = MAX(parent->cmax_rss, MAX(p->max_rss, p->cmax_rss));
	proc_reap(p);
	r->reaped = p;
}

/* A stop or continue of p that was not told yet. */
static bool take_stop(struct lx_proc *p, const struct wait_spec *w, struct wait_result *r) REQUIRES(TASKLIST)
{
	bool keep = w->options & WNOWAIT;
	bool found = false;

	if (!(w->options & (WSTOPPED | WCONTINUED)))
		return false;
	lock_take(&p->sighand->lock);
	if ((w->options & WSTOPPED) && p->stopped && !p->stop_reported) {
		wait_fill(p, 0, r, p->stopped << 8 | 0x7f, CLD_STOPPED, (int)p->stopped);
		if (!keep)
			p->stop_reported = 1;
		found = true;
	} else if ((w->options & WCONTINUED) && p->continued) {
		wait_fill(p, 0, r, 0xffff, CLD_CONTINUED, SIGCONT);
		if (!keep)
			p->continued = 0;
		found = true;
	}
	lock_drop(&p->sighand->lock);
	return found;
}

/* Its stops are told as its tracer gets them. */
static bool is_traced_by(const struct lx_proc *p, const struct lx_proc *me)
{
	return p->leader && p->leader->tracer && p->leader->tracer->proc == me;
}

/* One child: 1: taken, 0: not ready, -ECHILD: not meant. */
static int look_at(struct lx_proc *me, struct lx_proc *p, const struct wait_spec *w, struct wait_result *r) REQUIRES(TASKLIST)
{
	if (!matches(p, w))
		return -ECHILD;
	if (p->state == PROC_ZOMBIE && (w->options & WEXITED) && !ptrace_hidden(p, me)) {
		take_zombie(me, p, w, r);
		return 1;
	}
	return p->state == PROC_LIVE && !is_traced_by(p, me) && take_stop(p, w, r);
}

/* 1: found, 0: there are children but none is ready, -ECHILD. */
static int look(struct lx_thread *t, const struct wait_spec *w, struct wait_result *r)
{
	struct lx_state *lx = lx_state();
	struct lx_proc *me = t->proc;
	int result;

	lock_take(&lx->tasklist);
	result = ptrace_wait_look(t, w, r);
	if (result == 1) {
		lock_drop(&lx->tasklist);
		return 1;
	}
	if (w->which == WAIT_PID) {
		struct lx_proc *p = proc_find_global(w->id);
		int one = p && p->parent == me && !list_empty(&p->child) ? look_at(me, p, w, r) : -ECHILD;

		result = one < 0 ? result : one;
	} else {
		LIST_FOR_SAFE (p, n, &me->children, struct lx_proc, child) {
			int one = look_at(me, p, w, r);

			result = one < 0 ? result : one;
			if (one == 1)
				break;
		}
	}
	lock_drop(&lx->tasklist);
	return result;
}

/* The child's pid, 0 with WNOHANG, or -errno. */
static long do_wait(struct lx_thread *t, const struct wait_spec *w, struct wait_result *r)
{
	struct lx_proc *me = t->proc;
	struct waiter *waiter;
	int found = look(t, w, r);
	long err = 0;

	if (found == 0 && !(w->options & WNOHANG)) {
		waiter = waiter_self(0);
		waitq_add(&me->child_wait, waiter);
		while ((found = look(t, w, r)) == 0) {
			enum dk_status status = pico_wait(DK_FOREVER, 0);

			if (status != DK_OK) {
				found = look(t, w, r);
				err = found ? 0 : lx_wait_err(status);
				break;
			}
		}
		waitq_remove(&me->child_wait, waiter);
	}
	if (err || found < 0)
		return err ? err : found;
	if (r->reaped)
		proc_put(r->reaped);
	return found ? r->pid : 0;
}

long lx_sys_wait4(struct lx_thread *t, int pid, struct gva status, int options, struct gva usage)
{
	struct wait_spec w = { .options = (uint32_t)options | WEXITED };
	struct wait_result r = { 0 };
	long result;

	if (options & ~WAIT4_OPTIONS)
		return -EINVAL;
	if (pid == INT32_MIN)
		return -ESRCH;
	if (pid > 0)
		w.which = WAIT_PID, w.id = pid_in(t, pid);
	else if (pid != -1)
		w.which = WAIT_GROUP, w.id = pid == 0 ? t->proc->pgrp : pid_in(t, -pid);
	result = do_wait(t, &w, &r);
	if (result <= 0)
		return result;
	if (status.va && PUT_USER(status, (int)r.status))
		return -EFAULT;
	if (usage.va && copy_out(usage, &r.usage, sizeof r.usage))
		return -EFAULT;
	return result;
}

static long waitid_which(struct lx_thread *t, int which, int pid, struct wait_spec *w)
{
	struct lx_proc *p;
	struct file *f;

	switch (which) {
	case P_ALL:
		w->which = WAIT_ALL;
		return 0;
	case P_PID:
		w->which = WAIT_PID;
		w->id = pid_in(t, pid);
		return pid > 0 ? 0 : -EINVAL;
	case P_PGID:
		w->which = WAIT_GROUP;
		w->id = pid ? pid_in(t, pid) : t->proc->pgrp;
		return pid >= 0 ? 0 : -EINVAL;
	case P_PIDFD:
		if (pid < 0)
			return -EINVAL;
		f = fd_get(t, pid);
		if (!f)
			return -EBADF;
		p = pidfd_proc(f);
		w->which = WAIT_PID;
		w->id = p ? p->pid : 0;
		if (f->flags & O_NONBLOCK)
			w->options |= WNOHANG;
		file_put(f);
		return p ? 0 : -EBADF;
	default:
		return -EINVAL;
	}
}

static void info_of(const struct wait_result *r, siginfo_t *info)
{
	memset(info, 0, sizeof *info);
	info->si_signo = SIGCHLD;
	info->si_code = r->why;
	info->si_pid = r->pid;
	info->si_uid = r->uid;
	info->si_status = r->detail;
}

long lx_sys_waitid(struct lx_thread *t, int which, int pid, struct gva out, int options, struct gva usage)
{
	struct wait_spec w = { .options = (uint32_t)options };
	struct wait_result r = { 0 };
	siginfo_t info;
	long result;

	if ((options & ~WAITID_OPTIONS) || !(options & (WEXITED | WSTOPPED | WCONTINUED)))
		return -EINVAL;
	result = waitid_which(t, which, pid, &w);
	if (result)
		return result;
	result = do_wait(t, &w, &r);
	if (result == 0 && !(options & WNOHANG) && (w.options & WNOHANG))
		return -EAGAIN; /* a non-blocking pidfd */
	if (result < 0)
		return result;
	if (result > 0 && usage.va && copy_out(usage, &r.usage, sizeof r.usage))
		return -EFAULT;
	if (!out.va)
		return 0;
	if (result > 0)
		info_of(&r, &info);
	else
		memset(&info, 0, sizeof info);
	return copy_out(out, &info, sizeof info);
}
