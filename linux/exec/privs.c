/* SPDX-License-Identifier: MIT */
/*
 * linux/exec/privs.c - set-user-id and set-group-id files (execve(2)).
 *
 * They are a matter between guests: what a sandbox may do outside is the monitor's policy,
 * which knows no guest's ids.  Files have no capabilities of their own here.
 */
#include "linux/exec/exec.h"
#include "linux/fs/fs.h"
#include "linux/misc/cred.h"

/* The ids a set-id file gives.  Not on a mount that says so, with no_new_privs, under a tracer, in a user namespace. */
static void set_ids(const struct lx_thread *t, const struct file *f, struct lx_cred *new)
{
	const struct inode *i = f->inode;

	if (!i || !f->path.mnt || (f->path.mnt->flags & MS_NOSUID) || t->cred.no_new_privs || t->tracer || t->cred.user_ns)
		return;
	if (i->mode & S_ISUID)
		new->euid = i->uid;
	if ((i->mode & (S_ISGID | S_IXGRP)) == (S_ISGID | S_IXGRP))
		new->egid = i->gid;
}

bool exec_privs(struct lx_thread *t, const struct file *f)
{
	struct lx_cred new = t->cred;
	const struct lx_cred *c = &t->cred;
	bool set_id;

	set_ids(t, f, &new);
	set_id = new.euid != c->euid || new.egid != c->egid;
	if (set_id) {
		new.cap_ambient = 0;
		t->pdeath_signal = 0;
		lock_take(&lx_state()->tasklist);
		t->cred = new;
		lock_drop(&lx_state()->tasklist);
	}
	t->proc->dumpable = !set_id;
	cred_exec(t);
	return c->uid != c->euid || c->gid != c->egid || (c->uid != 0 && c->cap_permitted & ~c->cap_ambient);
}
