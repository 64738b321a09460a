/* SPDX-License-Identifier: MIT */
/*
 * linux/ns/nsset.c - which namespaces a thread is in, and what changes it:
 * unshare, and what clone does; setns.c has setns.
 *
 * A struct nsset is immutable and shared by fork; a change makes a new one and puts it in
 * place under TASKLIST, together with the credentials, after everything that can fail.
 * The pid namespace of a process never changes: unshare and setns set the one its
 * children will be in.  A time namespace begins with the next fork or program.
 */
#include "linux/ns/ns.h"
#include "linux/aio/engine.h"
#include "linux/boot.h"
#include "linux/exec/exec.h"
#include "linux/fs/procfs.h"
#include "linux/fs/vfs.h"
#include "linux/misc/cred.h"
#include "linux/proc/proc.h"
#include "linux/proc/ptrace.h"
#include "rt/mem.h"
#include "syscalls.gen.h"

#define UNSHARE_FLAGS (CLONE_NAMESPACES | CLONE_FS | CLONE_FILES | CLONE_SYSVSEM | CLONE_THREAD | CLONE_SIGHAND | CLONE_VM)
#define IN_SET        (CLONE_NAMESPACES & ~(uint64_t)CLONE_NEWUSER)

void nsset_get(struct nsset *s)
{
	if (s)
		ref_get(&s->ref);
}

static void join(struct ns *ns)
{
	ns_get(ns);
	atomic_fetch_add(&ns->members, 1);
}

static void leave(struct ns *ns)
{
	atomic_fetch_sub(&ns->members, 1);
	ns_put(ns);
}

void nsset_put(struct nsset *s)
{
	if (!s || !ref_put(&s->ref))
		return;
	for (unsigned k = 0; k < NS_KINDS; k++)
		if (s->ns[k])
			leave(s->ns[k]);
	leave(s->pid_children);
	leave(s->time_children);
	arena_free(s);
}

/* A copy of what t is in, with references. */
struct nsset *nsset_copy(struct lx_thread *t)
{
	struct nsset *s = arena_alloc(sizeof *s);

	if (!s)
		return NULL;
	ref_init(&s->ref);
	for (unsigned k = 0; k < NS_KINDS; k++)
		if (k != NS_USER && k != NS_PID)
			s->ns[k] = ns_of(t, k);
	s->pid_children = t->nsset ? t->nsset->pid_children : pid_ns_of(t->proc);
	s->time_children = t->nsset ? t->nsset->time_children : s->ns[NS_TIME];
	for (unsigned k = 0; k < NS_KINDS; k++)
		if (s->ns[k])
			join(s->ns[k]);
	join(s->pid_children);
	join(s->time_children);
	return s;
}

/* Takes over the reference on ns. */
void nsset_put_at(struct ns **slot, struct ns *ns)
{
	struct ns *old = *slot;

	*slot = ns;
	atomic_fetch_add(&ns->members, 1);
	leave(old);
}

static long new_uts(struct lx_thread *t, struct ns *user, struct nsset *s)
{
	struct ns *ns;
	long err = ns_new(t, NS_UTS, user, &ns);

	if (err)
		return err;
	lock_take(&lx_state()->tasklist);
	ns->uts = s->ns[NS_UTS]->uts;
	lock_drop(&lx_state()->tasklist);
	nsset_put_at(&s->ns[NS_UTS], ns);
	return 0;
}

static long new_ipc(struct lx_thread *t, struct ns *user, struct nsset *s)
{
	struct ns *ns;
	long err = ns_new(t, NS_IPC, user, &ns);

	if (!err)
		err = ipc_ns_init(ns);
	if (err)
		return err;
	nsset_put_at(&s->ns[NS_IPC], ns);
	return 0;
}

static long new_pid(struct lx_thread *t, struct ns *user, struct nsset *s)
{
	struct ns *ns;
	long err;

	if (s->pid_children != pid_ns_of(t->proc))
		return -EINVAL;
	err = pid_ns_new(t, s->pid_children, user, &ns);
	if (!err)
		nsset_put_at(&s->pid_children, ns);
	return err;
}

static long new_plain(struct lx_thread *t, enum ns_kind kind, struct ns *user, struct ns **slot)
{
	struct ns *ns;
	long err = ns_new(t, kind, user, &ns);

	if (err)
		return err;
	if (kind == NS_TIME) {
		ns->time.monotonic = (*slot)->time.monotonic;
		ns->time.boottime = (*slot)->time.boottime;
	}
	nsset_put_at(slot, ns);
	return 0;
}

/* New namespaces in s; the mount tree last, as it changes fs and cannot be undone. */
static long make_new(struct lx_thread *t, uint64_t flags, struct ns *user, struct fs_context *fs, struct nsset *s)
{
	struct ns *mnt;
	long err = 0;

	if (flags & CLONE_NEWUTS)
		err = new_uts(t, user, s);
	if (!err && (flags & CLONE_NEWIPC))
		err = new_ipc(t, user, s);
	if (!err && (flags & CLONE_NEWPID))
		err = new_pid(t, user, s);
	if (!err && (flags & CLONE_NEWNET)) {
		err = new_plain(t, NS_NET, user, &s->ns[NS_NET]);
		if (!err)
			s->ns[NS_NET]->lo_down = 1;
	}
	if (!err && (flags & CLONE_NEWCGROUP))
		err = new_plain(t, NS_CGROUP, user, &s->ns[NS_CGROUP]);
	if (!err && (flags & CLONE_NEWTIME))
		err = new_plain(t, NS_TIME, user, &s->time_children);
	if (!err && (flags & CLONE_NEWNS)) {
		err = mnt_ns_new(t, s->ns[NS_MNT], user, fs, &mnt);
		if (!err)
			nsset_put_at(&s->ns[NS_MNT], mnt);
	}
	return err;
}

/* Namespaces of t with new ones for flags, owned by user. */
static long derive(struct lx_thread *t, uint64_t flags, struct ns *user, struct fs_context *fs, struct nsset **out)
{
	struct nsset *s;
	long err;

	if (!ns_capable(t, user, CAP_SYS_ADMIN))
		return -EPERM;
	s = nsset_copy(t);
	if (!s)
		return -ENOMEM;
	err = make_new(t, flags, user, fs, s);
	if (err)
		nsset_put(s);
	else
		*out = s;
	return err;
}

void nsset_enter_time(struct nsset *s)
{
	ns_get(s->time_children);
	nsset_put_at(&s->ns[NS_TIME], s->time_children);
	lock_take(&lx_state()->tasklist);
	s->time_children->time.used = true;
	lock_drop(&lx_state()->tasklist);
}

/* ---- clone ---- */

static long fork_user(struct lx_thread *child, struct lx_thread *from, uint64_t flags)
{
	struct ns *user;
	long err;

	if (flags & CLONE_NEWUSER) {
		child->cred.user_ns = NULL;
		err = user_ns_new(from, &user);
		if (!err)
			cred_enter_user_ns(&child->cred, user);
		return err;
	}
	if (child->cred.user_ns)
		ns_get(child->cred.user_ns);
	return 0;
}

static long fork_set(struct lx_thread *child, struct lx_thread *from, uint64_t flags, struct fs_context *fs)
{
	struct nsset *s = from->nsset;

	if (flags & IN_SET)
		return derive(from, flags, user_ns_of(child), fs, &child->nsset);
	nsset_get(s);
	child->nsset = s;
	if (s && !(flags & CLONE_VM) && s->time_children != s->ns[NS_TIME]) {
		child->nsset = nsset_copy(from);
		nsset_put(s);
		if (!child->nsset)
			return -ENOMEM;
		nsset_enter_time(child->nsset);
	}
	return 0;
}

static void fork_pid(struct lx_thread *child, struct lx_thread *from)
{
	struct ns *ns = child->nsset ? child->nsset->pid_children : pid_ns_of(from->proc);

	if (ns == ns_initial(NS_PID))
		return;
	ns_get(ns);
	child->proc->pid_ns = ns;
}

long ns_fork(struct lx_thread *child, struct lx_thread *from, uint64_t flags, struct fs_context *fs, const int *set_tid, uint32_t set_tids)
{
	bool thread = child->proc == from->proc;
	long err;

	if (LIKELY(!(flags & CLONE_NAMESPACES) && !from->nsset && !from->cred.user_ns && !from->proc->pid_ns))
		return 0;
	err = fork_user(child, from, flags);
	if (!err)
		err = fork_set(child, from, flags, fs);
	if (err)
		return err;
	if (child->nsset && (flags & CLONE_NEWTIME) && !(flags & CLONE_VM))
		nsset_enter_time(child->nsset);
	if (!thread)
		fork_pid(child, from);
	lock_take(&lx_state()->tasklist);
	err = pid_ns_number(child, set_tid, set_tids);
	if (!err && !thread) {
		struct lx_proc *p = child->proc;

		p->vpid = child->vtid;
		if (p->pid_ns && !p->pid_ns->pid.init) {
			p->pid_ns->pid.init = p;
			p->unkillable = 1;
		}
	}
	lock_drop(&lx_state()->tasklist);
	return err;
}

void ns_exit(struct lx_thread *t)
{
	struct nsset *s;

	if (LIKELY(!t->nsset))
		return;
	lock_take(&lx_state()->tasklist);
	s = t->nsset;
	t->nsset = NULL;
	t->ns_gone = 1;
	lock_drop(&lx_state()->tasklist);
	nsset_put(s);
}

void nsset_install(struct lx_thread *t, struct nsset *s)
{
	struct nsset *old;

	lock_take(&lx_state()->tasklist);
	old = t->nsset;
	t->nsset = s;
	lock_drop(&lx_state()->tasklist);
	nsset_put(old);
}

void ns_exec(struct lx_thread *t)
{
	struct nsset *s;

	if (LIKELY(!t->nsset) || t->nsset->time_children == t->nsset->ns[NS_TIME])
		return;
	s = nsset_copy(t);
	if (!s)
		return;
	nsset_enter_time(s);
	nsset_install(t, s);
}

/* ---- unshare ---- */

/* What unshare has made and not put in place yet. */
struct unshared {
	struct fs_context *fs;
	struct fdtable *fdt;
	struct ns *user;
	struct nsset *set;
};

static int64_t highest_fd(struct fdtable *fdt)
{
	int64_t n;

	lock_take(&fdt->lock);
	for (n = (int64_t)fdt->size - 1; n >= 0 && !fdt->slot[n];)
		n--;
	lock_drop(&fdt->lock);
	return n;
}

static long unshare_make(struct lx_thread *t, uint64_t flags, struct unshared *u)
{
	struct lx_proc *p = t->proc;
	struct fs_context *fs = p->fs;
	long err = 0;

	if ((flags & CLONE_FS) && atomic_load(&fs->ref.count) > 1) {
		fs = u->fs = fs_copy(fs);
		if (!fs)
			return -ENOMEM;
	}
	if ((flags & CLONE_FILES) && io_table_users(p) > 1) {
		if (highest_fd(p->fdt) >= (int64_t)sysctl_value(CTL_NR_OPEN))
			return -EMFILE;
		u->fdt = fdt_copy(p->fdt);
		if (!u->fdt)
			return -ENOMEM;
	}
	if (flags & CLONE_NEWUSER)
		err = user_ns_new(t, &u->user);
	if (!err && (flags & IN_SET))
		err = derive(t, flags, u->user ? u->user : user_ns_of(t), fs, &u->set);
	return err;
}

static void unshare_put_back(struct unshared *u)
{
	if (u->fs)
		fs_put(u->fs);
	if (u->fdt)
		fdt_put_table(u->fdt);
	ns_put(u->user);
}

void userns_install(struct lx_thread *t, struct ns *user)
{
	struct lx_cred new = t->cred;
	struct ns *old = new.user_ns;

	cred_enter_user_ns(&new, user);
	lock_take(&lx_state()->tasklist);
	t->cred = new;
	lock_drop(&lx_state()->tasklist);
	vfs_tree_changed(); /* folders remembered were allowed to the old one */
	ns_put(old);
}

static void unshare_commit(struct lx_thread *t, struct unshared *u)
{
	struct lx_proc *p = t->proc;

	lock_take(&p->lock);
	if (u->fs) {
		struct fs_context *old = p->fs;

		p->fs = u->fs;
		u->fs = old;
	}
	if (u->fdt) {
		struct fdtable *old = p->fdt;

		p->fdt = u->fdt;
		u->fdt = old;
	}
	lock_drop(&p->lock);
	if (u->fdt)
		io_table_changed(p);
	if (u->user)
		userns_install(t, u->user);
	u->user = NULL;
	if (u->set && u->set->ns[NS_IPC] != ns_of(t, NS_IPC))
		ipc_exit(p); /* what was to be undone there is, now */
	if (u->set)
		nsset_install(t, u->set);
	if (u->fs)
		vfs_tree_changed();
}

long lx_sys_unshare(struct lx_thread *t, uint64_t flags)
{
	struct lx_proc *p = t->proc;
	struct unshared u = { 0 };
	long err;

	if (flags & ~(uint64_t)UNSHARE_FLAGS)
		return -EINVAL;
	if (flags & CLONE_NEWUSER)
		flags |= CLONE_THREAD | CLONE_FS;
	if (flags & CLONE_NEWNS)
		flags |= CLONE_FS;
	if ((flags & (CLONE_THREAD | CLONE_SIGHAND | CLONE_VM)) && (p->nthreads > 1 || p->mm_borrowed))
		return -EINVAL;
	FS_SETTLE(t);
	err = unshare_make(t, flags, &u);
	if (!err)
		unshare_commit(t, &u);
	unshare_put_back(&u);
	return err;
}
