/* SPDX-License-Identifier: MIT */
/*
 * linux/exec/privs.c - what a program may that its caller could not: set-user-id and set-group-id
 * files, and files with capabilities (execve(2); capabilities(7), "Transformation of capabilities
 * during execve()").
 *
 * They are a matter between guests: what a sandbox may do outside is the monitor's policy,
 * which knows no guest's ids.  The new credentials are made on a copy: once to see whether the program
 * may be started at all, and again at the point of no return.
 */
#include "linux/exec/exec.h"
#include "linux/fs/filecaps.h"
#include "linux/fs/fs.h"
#include "linux/misc/cred.h"
#include "linux/ns/ns.h"

struct change {
	struct lx_cred new;
	bool set_id, has_caps, effective;
};

/* Not from a mount that says so, nor from one that a namespace beside or below ours made. */
static bool may_give(const struct lx_thread *t, const struct file *f)
{
	const struct ns *own = user_ns_of(t), *ns;

	if (!f->inode || !f->path.mnt || (f->path.mnt->flags & MS_NOSUID))
		return false;
	ns = f->path.mnt->fs->user;
	while (ns && own->level > ns->level)
		own = own->user;
	return !ns || own == ns;
}

/* The ids a set-id file gives, if they have a meaning where the program will run. */
static void set_ids(const struct lx_thread *t, const struct file *f, struct change *c)
{
	const struct ns *own = user_ns_of(t);
	const struct inode *i = f->inode;

	if (!may_give(t, f) || t->cred.no_new_privs || !(i->mode & (S_ISUID | S_ISGID)))
		return;
	if (id_from_global(own, MAP_UID, i->uid) == NO_ID || id_from_global(own, MAP_GID, i->gid) == NO_ID)
		return;
	if (i->mode & S_ISUID)
		c->new.euid = i->uid;
	if ((i->mode & (S_ISGID | S_IXGRP)) == (S_ISGID | S_IXGRP))
		c->new.egid = i->gid;
}

/* The file's capabilities; -EPERM: it needs them, and does not know to do with less. */
static long add_caps(struct lx_thread *t, const struct file *f, struct change *c)
{
	struct lx_cred *new = &c->new;
	struct file_caps caps;

	new->cap_permitted = 0;
	if (!may_give(t, f) || !file_caps_of(t, f->inode, &caps))
		return 0;
	c->has_caps = true;
	c->effective = caps.effective;
	new->cap_permitted = (new->cap_bounding & caps.permitted) | (new->cap_inheritable & caps.inheritable);
	return caps.effective && (caps.permitted & ~new->cap_permitted) ? -EPERM : 0;
}

/* Root's programs have all that is bounded, whatever the file says, if they are not told otherwise. */
static void add_root(const struct lx_thread *t, struct change *c)
{
	uint32_t root = user_ns_root(user_ns_of(t));
	struct lx_cred *new = &c->new;

	if ((new->securebits & SECBIT_NOROOT) || root == NO_ID || (new->uid != root && new->euid != root))
		return;
	if (c->has_caps && new->uid != root)
		return; /* set-user-id root, with capabilities: these alone */
	new->cap_permitted = new->cap_bounding | new->cap_inheritable;
	if (new->euid == root)
		c->effective = true;
}

/* A tracer who could not do as much, or no_new_privs: no more than before. */
static bool is_held_back(const struct lx_thread *t)
{
	bool held = t->cred.no_new_privs;

	if (UNLIKELY(t->tracer != NULL)) {
		lock_take(&lx_state()->tasklist);
		held |= t->tracer != NULL && !ns_capable(t->tracer, user_ns_of(t), CAP_SYS_PTRACE);
		lock_drop(&lx_state()->tasklist);
	}
	return held;
}

static void hold_back(const struct lx_thread *t, struct change *c)
{
	struct lx_cred *new = &c->new;

	if (!cap_own(t, CAP_SETUID) || t->cred.no_new_privs) {
		new->euid = new->uid;
		new->egid = new->gid;
	}
	new->cap_permitted &= t->cred.cap_permitted;
}

static long change(struct lx_thread *t, const struct file *f, struct change *c)
{
	struct lx_cred *new = &c->new;
	const struct lx_cred *old = &t->cred;
	long err;

	*c = (struct change){ .new = t->cred };
	set_ids(t, f, c);
	err = add_caps(t, f, c);
	add_root(t, c);
	c->set_id = new->euid != old->euid || new->egid != old->egid;
	if ((c->set_id || (new->cap_permitted & ~old->cap_permitted & ~old->cap_ambient)) && is_held_back(t))
		hold_back(t, c);
	if (c->has_caps || c->set_id)
		new->cap_ambient = 0;
	new->cap_permitted |= new->cap_ambient;
	new->cap_effective = c->effective ? new->cap_permitted : new->cap_ambient;
	new->suid = new->fsuid = new->euid;
	new->sgid = new->fsgid = new->egid;
	new->securebits &= ~(uint32_t)SECBIT_KEEP_CAPS;
	return err;
}

long exec_may(struct lx_thread *t, const struct file *f)
{
	struct change c;

	if (LIKELY(!f->inode || !(f->inode->special & FILE_CAPS)) && (!f->inode || f->inode->kind != INODE_HOST))
		return 0;
	return change(t, f, &c);
}

bool exec_privs(struct lx_thread *t, const struct file *f)
{
	const struct lx_cred *new = &t->cred;
	bool more, real_root;
	struct change c;

	(void)change(t, f, &c);
	more = c.set_id || (c.new.cap_permitted & ~t->cred.cap_permitted);
	if (c.set_id || c.has_caps)
		t->pdeath_signal = 0;
	real_root = c.new.uid == user_ns_root(user_ns_of(t));
	t->proc->dumpable = !more && c.new.uid == c.new.euid && c.new.gid == c.new.egid;
	lock_take(&lx_state()->tasklist);
	t->cred = c.new;
	lock_drop(&lx_state()->tasklist);
	return c.set_id || new->uid != new->euid || new->gid != new->egid ||
		(!real_root && (c.effective || (new->cap_permitted & ~new->cap_ambient)));
}
