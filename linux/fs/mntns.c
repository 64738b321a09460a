/* SPDX-License-Identifier: MIT */
/*
 * linux/fs/mntns.c - mount namespaces, and pivot_root.
 *
 * A new namespace is a copy of the tree, mount by mount; the process that makes it goes on
 * at the copies of where it was.  If its user namespace is another, it may not undo what the
 * old one had arranged: shared mounts become slaves, mounts cannot be taken off one by one,
 * and flags like ro stay.
 */
#include "linux/fs/mount.h"
#include "linux/proc/proc.h"
#include "linux/sec/landlock.h"

/* ---- New namespaces ---- */

static void lock_tree(struct mount *top) REQUIRES(MOUNT)
{
	for (struct mount *m = top; m != NULL; m = mount_next(m, top)) {
		m->locked = m != top;
		m->locked_flags |= m->flags & (MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_ATIME);
	}
}

/* A process's place in the old tree becomes the same in the copy; the old mount is the caller's to put. */
static struct mount *carry_over(struct path *p, const struct ns *from)
{
	struct mount *old = p->mnt;

	if (old->ns != from)
		return NULL;
	ref_get(&old->copy->ref);
	p->mnt = old->copy;
	return old;
}

long mnt_ns_new(struct lx_thread *t, struct ns *from, struct ns *user, struct fs_context *fs, struct ns **out)
{
	uint32_t how = COPY_UNBINDABLE | (user != from->user ? COPY_TO_SLAVE : 0);
	struct mount *old[2] = { NULL, NULL }, *top;
	struct gone g = { NULL };
	struct ns *ns;
	long err = ns_new(t, NS_MNT, user, &ns);

	if (err != 0)
		return err;
	mounts_lock();
	top = mount_copy(from->mnt.root, from->mnt.root->root, how, true, &g);
	if (top != NULL) {
		ns->mnt.root = top;
		mount_set_ns(top, ns);
		if (user != from->user)
			lock_tree(top);
		lock_take(&fs->lock);
		old[0] = carry_over(&fs->root, from);
		old[1] = carry_over(&fs->cwd, from);
		lock_drop(&fs->lock);
	}
	mounts_unlock();
	vfs_tree_changed();
	mount_put_gone(&g);
	mount_put(old[0]);
	mount_put(old[1]);
	if (top == NULL) {
		ns_put(ns);
		return -ENOMEM;
	}
	*out = ns;
	return 0;
}

void mnt_ns_free(struct ns *ns)
{
	struct gone g = { NULL };

	if (ns->mnt.root == NULL)
		return;
	mounts_lock();
	mount_umount_tree(ns->mnt.root, &g);
	mounts_unlock();
	vfs_tree_changed();
	mount_put_gone(&g);
}

static void root_of(struct ns *ns, struct path *out)
{
	mounts_lock();
	*out = (struct path){ ns->mnt.root, ns->mnt.root->root };
	path_get(out);
	mounts_unlock();
}

/* The sandbox's own root. */
void fs_root_path(struct path *out)
{
	root_of(ns_initial(NS_MNT), out);
}

long mnt_ns_enter(struct lx_thread *t, struct ns *ns)
{
	struct fs_context *fs = t->proc->fs;
	struct path new, old[2];

	root_of(ns, &new);
	path_to_top(&new);
	path_get(&new);
	lock_take(&fs->lock);
	old[0] = fs->root;
	old[1] = fs->cwd;
	fs->root = fs->cwd = new;
	lock_drop(&fs->lock);
	vfs_tree_changed();
	path_put(&old[0]);
	path_put(&old[1]);
	return 0;
}

/* ---- pivot_root ---- */

static bool stands_at(const struct path *p, const struct path *at)
{
	return p->mnt == at->mnt && p->dentry == at->dentry;
}

/* Every process that stands at the old root stands at the new one; how many references on the old to put. */
static unsigned change_roots(const struct path *from, const struct path *to) REQUIRES(MOUNT)
{
	struct lx_state *lx = lx_state();
	unsigned moved = 0;

	lock_take(&lx->tasklist);
	LIST_FOR(p, &lx->procs, struct lx_proc, all) {
		struct fs_context *fs = p->fs;
		struct path *slots[2];

		if (fs == NULL)
			continue;
		slots[0] = &fs->root;
		slots[1] = &fs->cwd;
		for (int k = 0; k < 2; k++)
			if (stands_at(slots[k], from)) {
				path_get(to);
				*slots[k] = *to;
				moved++;
			}
	}
	lock_drop(&lx->tasklist);
	return moved;
}

static bool is_above(const struct mount *m, struct dentry *d, const struct path *above)
{
	for (; m != above->mnt; m = m->parent) {
		if (!mount_has_parent(m))
			return false;
		d = m->point;
	}
	return dentry_is_below(d, above->dentry);
}

static long may_pivot(struct lx_thread *t, const struct path *new, const struct path *old, const struct path *root) REQUIRES(MOUNT)
{
	if (old->mnt->group != 0 || (mount_has_parent(new->mnt) && new->mnt->parent->group != 0) ||
	    (mount_has_parent(root->mnt) && root->mnt->parent->group != 0))
		return -EINVAL;
	if (!mount_is_ours(t, new->mnt) || !mount_is_ours(t, root->mnt) || new->mnt->locked)
		return -EINVAL;
	if (new->mnt == root->mnt || old->mnt == root->mnt)
		return -EBUSY;
	if (root->dentry != root->mnt->root || new->dentry != new->mnt->root || !mount_has_parent(new->mnt))
		return -EINVAL;
	if (!is_above(old->mnt, old->dentry, new) || !is_above(new->mnt, new->dentry, root))
		return -EINVAL;
	return 0;
}

struct pivoted {
	struct path was_new, was_root;
	unsigned moved;
};

/* new takes the place of root, which may be the tree's own; root comes to old. */
static void pivot(const struct path *new, const struct path *old, const struct path *root, struct pivoted *p) REQUIRES(MOUNT)
{
	struct ns *ns = root->mnt->ns;

	p->was_new = mount_unlink(new->mnt);
	p->was_root = mount_unlink(root->mnt);
	if (root->mnt->locked) {
		new->mnt->locked = 1;
		root->mnt->locked = 0;
	}
	if (p->was_root.dentry != NULL)
		mount_link(new->mnt, p->was_root.mnt, p->was_root.dentry);
	else
		ns->mnt.root = new->mnt;
	mount_link(root->mnt, old->mnt, old->dentry);
	mount_set_ns(new->mnt, ns);
	p->moved = change_roots(root, new);
}

static void put_pivoted(struct pivoted *p, const struct path *root)
{
	if (p->was_new.dentry != NULL)
		path_put(&p->was_new);
	if (p->was_root.dentry != NULL)
		path_put(&p->was_root);
	while (p->moved-- > 0) {
		struct path one = *root;

		path_put(&one);
	}
}

static long pivot_paths(struct lx_thread *t, const struct path *new, const struct path *old)
{
	struct pivoted p = { .moved = 0 };
	struct path root;
	long err;

	walk_root(t, &root);
	mounts_lock();
	err = may_pivot(t, new, old, &root);
	if (err == 0)
		pivot(new, old, &root, &p);
	mounts_unlock();
	if (err == 0) {
		vfs_tree_changed();
		put_pivoted(&p, &root);
	}
	path_put(&root);
	return err;
}

long lx_sys_pivot_root(struct lx_thread *t, struct gva new_root, struct gva put_old)
{
	struct path new, old;
	long err;

	if (!may_mount(t) || landlock_mount(t) != 0)
		return -EPERM;
	FS_SETTLE(t);
	err = user_walk(t, AT_FDCWD, new_root, WALK_FOLLOW | WALK_DIRECTORY, &new);
	if (err != 0)
		return err;
	err = user_walk(t, AT_FDCWD, put_old, WALK_FOLLOW | WALK_DIRECTORY, &old);
	if (err == 0) {
		path_to_top(&old);
		err = pivot_paths(t, &new, &old);
		path_put(&old);
	}
	path_put(&new);
	return err;
}
