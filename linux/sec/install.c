/* SPDX-License-Identifier: MIT */
/*
 * linux/sec/install.c - seccomp(2) and prctl(PR_SET_SECCOMP): loading filters.
 *
 * A program is copied, checked and put in front of the thread's filters.  TSYNC gives all
 * siblings the same ones, if each has a beginning of the caller's line; that is looked at and
 * done under PROC, where the list of threads stands still.
 */
#include "linux/entry.h"
#include "linux/ns/ns.h"
#include "linux/fs/vfs.h"
#include "linux/misc/cred.h"
#include "linux/proc/proc.h"
#include "linux/sec/internal.h"
#include "syscalls.gen.h"

#define PATH_INSNS_MAX 32768u
#define EACH_COUNTS    4u
#define FLAGS                                                                                        \
	(SECCOMP_FILTER_FLAG_TSYNC | SECCOMP_FILTER_FLAG_LOG | SECCOMP_FILTER_FLAG_SPEC_ALLOW |       \
	 SECCOMP_FILTER_FLAG_NEW_LISTENER | SECCOMP_FILTER_FLAG_TSYNC_ESRCH | SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV)

/* struct sock_fprog */
struct user_prog {
	uint16_t len, pad[3];
	struct gva filter;
};

static long filter_in(struct lx_thread *t, struct gva from, struct seccomp_filter **out)
{
	struct seccomp_filter *f;
	struct user_prog prog;

	if (copy_in(&prog, from, sizeof prog))
		return -EFAULT;
	if (prog.len == 0 || prog.len > BPF_MAXINSNS)
		return -EINVAL;
	if (!t->cred.no_new_privs && !cap_own(t, CAP_SYS_ADMIN))
		return -EACCES;
	f = arena_alloc(sizeof *f + prog.len * sizeof f->insn[0]);
	if (!f)
		return -ENOMEM;
	ref_init(&f->ref);
	f->count = prog.len;
	if (copy_in(f->insn, prog.filter, prog.len * sizeof f->insn[0])) {
		arena_free(f);
		return -EFAULT;
	}
	if (!bpf_check(f->insn, f->count)) {
		arena_free(f);
		return -EINVAL;
	}
	*out = f;
	return 0;
}

static bool is_ancestor(const struct seccomp_filter *old, const struct seccomp_filter *f)
{
	for (; f; f = f->prev)
		if (f == old)
			return true;
	return !old;
}

/* A sibling that has filters of its own, which TSYNC may not take away: its tid, else 0. */
static int cannot_sync(struct lx_thread *t) REQUIRES(PROC)
{
	LIST_FOR(o, &t->proc->threads, struct lx_thread, sibling) {
		if (o == t || o->exiting)
			continue;
		if (o->seccomp_mode == SECCOMP_MODE_STRICT || !is_ancestor(o->seccomp, t->seccomp))
			return o->tid;
	}
	return 0;
}

static void sync_threads(struct lx_thread *t) REQUIRES(PROC)
{
	LIST_FOR(o, &t->proc->threads, struct lx_thread, sibling) {
		if (o == t || o->exiting)
			continue;
		o->cred.no_new_privs |= t->cred.no_new_privs;
		sec_inherit(o, t); /* the old one is an ancestor, and lives on */
	}
}

/* Takes over f's reference if it succeeds. */
static long attach(struct lx_thread *t, struct seccomp_filter *f, uint64_t flags)
{
	struct seccomp_filter *prev;
	int other = 0;

	lock_take(&t->proc->lock);
	prev = t->seccomp;
	f->total = f->count + EACH_COUNTS + (prev ? prev->total : 0);
	if (f->total > PATH_INSNS_MAX + EACH_COUNTS) {
		lock_drop(&t->proc->lock);
		return -ENOMEM;
	}
	if (flags & SECCOMP_FILTER_FLAG_TSYNC)
		other = cannot_sync(t);
	if (other) {
		lock_drop(&t->proc->lock);
		return flags & SECCOMP_FILTER_FLAG_TSYNC_ESRCH ? -ESRCH : other;
	}
	f->prev = prev; /* the thread's reference becomes the filter's */
	f->flags = (uint32_t)flags;
	__atomic_store_n(&t->seccomp, f, __ATOMIC_RELEASE);
	t->seccomp_filters++;
	__atomic_store_n(&t->seccomp_mode, SECCOMP_MODE_FILTER, __ATOMIC_RELEASE);
	if (flags & SECCOMP_FILTER_FLAG_TSYNC)
		sync_threads(t);
	lock_drop(&t->proc->lock);
	sec_thread_here(t);
	return 0;
}

/* One descriptor for the supervisor; the filter refers to its listener. */
static long listen(struct lx_thread *t, struct seccomp_filter *f)
{
	for (struct seccomp_filter *p = t->seccomp; p; p = p->prev)
		if (p->notify)
			return -EBUSY;
	f->notify = notify_new();
	return f->notify ? notify_fd(t, f->notify) : -ENOMEM;
}

static long set_filter(struct lx_thread *t, uint64_t flags, struct gva from)
{
	struct seccomp_filter *f;
	long err, fd = -1;

	if (flags & ~(uint64_t)FLAGS)
		return -EINVAL;
	if ((flags & SECCOMP_FILTER_FLAG_TSYNC) && (flags & SECCOMP_FILTER_FLAG_NEW_LISTENER) && !(flags & SECCOMP_FILTER_FLAG_TSYNC_ESRCH))
		return -EINVAL;
	if ((flags & SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV) && !(flags & SECCOMP_FILTER_FLAG_NEW_LISTENER))
		return -EINVAL;
	if (t->seccomp_mode == SECCOMP_MODE_STRICT)
		return -EINVAL;
	err = filter_in(t, from, &f);
	if (err)
		return err;
	if (flags & SECCOMP_FILTER_FLAG_NEW_LISTENER) {
		fd = listen(t, f);
		err = fd < 0 ? fd : 0;
	}
	if (!err)
		err = attach(t, f, flags);
	if (!err)
		return fd >= 0 ? fd : 0;
	if (fd >= 0)
		(void)fd_close(t, (int)fd);
	filter_put(f);
	return err;
}

static long set_strict(struct lx_thread *t)
{
	if (t->seccomp_mode == SECCOMP_MODE_FILTER)
		return -EINVAL;
	t->seccomp_mode = SECCOMP_MODE_STRICT;
	sec_thread_here(t);
	return 0;
}

long seccomp_prctl_set(struct lx_thread *t, uint64_t mode, struct gva filter)
{
	if (mode == SECCOMP_MODE_STRICT)
		return set_strict(t);
	return mode == SECCOMP_MODE_FILTER ? set_filter(t, 0, filter) : -EINVAL;
}

static long action_available(struct gva from)
{
	uint32_t action;

	if (copy_in(&action, from, sizeof action))
		return -EFAULT;
	switch (action) {
	case SECCOMP_RET_KILL_PROCESS:
	case SECCOMP_RET_KILL_THREAD:
	case SECCOMP_RET_TRAP:
	case SECCOMP_RET_ERRNO:
	case SECCOMP_RET_USER_NOTIF:
	case SECCOMP_RET_TRACE:
	case SECCOMP_RET_LOG:
	case SECCOMP_RET_ALLOW:
		return 0;
	default:
		return -EOPNOTSUPP;
	}
}

static long sizes(struct gva to)
{
	const struct seccomp_notif_sizes s = { sizeof(struct seccomp_notif), sizeof(struct seccomp_notif_resp), sizeof(struct seccomp_data) };

	return copy_out(to, &s, sizeof s);
}

long lx_sys_seccomp(struct lx_thread *t, uint32_t op, uint32_t flags, struct gva args)
{
	switch (op) {
	case SECCOMP_SET_MODE_STRICT:
		return flags || args.va ? -EINVAL : set_strict(t);
	case SECCOMP_SET_MODE_FILTER:
		return set_filter(t, flags, args);
	case SECCOMP_GET_ACTION_AVAIL:
		return flags ? -EINVAL : action_available(args);
	case SECCOMP_GET_NOTIF_SIZES:
		return flags ? -EINVAL : sizes(args);
	default:
		return -EINVAL;
	}
}
