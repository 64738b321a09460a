/* SPDX-License-Identifier: MIT */
/*
 * linux/fs/mount.c - mounts and their trees.
 *
 * A mount shows a file system, or a folder of one, at a place: a dentry in another
 * mount.  Those of one mount namespace form a tree; its root is its own parent.  A tree
 * may also be in no namespace: what open_tree copied, or what was unmounted while in use.
 * Being in a tree is one reference.  A dentry counts the mounts that have it as their place,
 * and only where that is not 0 does a walk look among the children of the mount it is in.
 */
#include "linux/fs/mount.h"

/* Objects are used again, but only as mounts: a reference may be tried on one that is gone (walkcache.c). */
static void keep(struct mount *m)
{
	struct mount *top = atomic_load(&vfs()->free_mounts);

	do
		m->below = top;
	while (!atomic_compare_exchange_weak(&vfs()->free_mounts, &top, m));
}

/* MOUNT held, so that nobody else takes one. */
static struct mount *take_kept(void)
{
	struct mount *m = atomic_load(&vfs()->free_mounts);

	while (m != NULL && !atomic_compare_exchange_weak(&vfs()->free_mounts, &m, m->below))
		;
	return m;
}

static struct mount *mount_object(void)
{
	struct mount *m = take_kept();

	if (m == NULL)
		m = arena_alloc(sizeof *m);
	else
		memset((char *)m + sizeof m->ref, 0, sizeof *m - sizeof m->ref);
	if (m == NULL)
		return NULL;
	list_init(&m->link);
	list_init(&m->children);
	list_init(&m->child);
	list_init(&m->hash);
	list_init(&m->peers);
	list_init(&m->slaves);
	list_init(&m->slave);
	m->parent = m;
	return m;
}

struct mount *mount_make(struct mount_fs *fs, struct dentry *root, uint32_t flags, const char *source)
{
	struct mount *m = mount_object();

	if (m == NULL)
		return NULL;
	m->fs = fs;
	ref_get(&fs->ref);
	m->root = root;
	dentry_get(root);
	m->flags = flags;
	m->id = atomic_fetch_add(&vfs()->next_mount_id, 1);
	str_copy(m->source, source, sizeof m->source);
	ref_init(&m->ref);
	return m;
}

/* What has its last reference dropped is in no tree, so nothing is mounted on it and its parent is itself. */
void mount_put(struct mount *m)
{
	if (m == NULL || !ref_put(&m->ref))
		return;
	dentry_put(m->root);
	mount_fs_put(m->fs);
	keep(m);
}

/* ---- Trees ---- */

static struct list *bucket(const struct mount *parent, const struct dentry *point) REQUIRES(MOUNT)
{
	uint64_t h = ((uint64_t)parent ^ (uint64_t)point >> 4) * 0x9e3779b97f4a7c15ull;
	struct list *b = &vfs()->mount_hash[(h >> 40) % MOUNT_BUCKETS];

	if (b->next == NULL)
		list_init(b);
	return b;
}

struct mount *mount_child_at(struct mount *parent, struct dentry *d)
{
	LIST_FOR(m, bucket(parent, d), struct mount, hash)
		if (m->point == d && m->parent == parent)
			return m;
	return NULL;
}

struct mount *mount_at(struct mount *parent, struct dentry *d)
{
	struct mount *found;

	mounts_lock();
	found = mount_child_at(parent, d);
	if (found != NULL)
		ref_get(&found->ref);
	mounts_unlock();
	return found;
}

bool mount_above(struct mount *m, struct path *out)
{
	bool has;

	mounts_lock();
	has = mount_has_parent(m);
	if (has) {
		*out = (struct path){ m->parent, m->point };
		path_get(out);
	}
	mounts_unlock();
	return has;
}

struct mount *mount_next(struct mount *m, const struct mount *top)
{
	if (!list_empty(&m->children))
		return LIST_FIRST(&m->children, struct mount, child);
	for (; m != top; m = m->parent)
		if (m->child.next != &m->parent->children)
			return LIST_ENTRY(m->child.next, struct mount, child);
	return NULL;
}

/* Who polls /proc/PID/mounts hears of it. */
static void tree_changed(struct ns *ns)
{
	atomic_fetch_add(&ns->mnt.changes, 1);
	waitq_wake_all(&vfs()->mounts_changed);
}

void mount_set_ns(struct mount *top, struct ns *ns)
{
	for (struct mount *m = top; m != NULL; m = mount_next(m, top)) {
		if (m->ns != NULL)
			m->ns->mnt.mounts--;
		m->ns = ns;
		if (ns != NULL)
			ns->mnt.mounts++;
		list_remove(&m->link);
		list_append(&vfs()->mounts, &m->link);
	}
	if (ns != NULL)
		tree_changed(ns);
}

void mount_link(struct mount *m, struct mount *parent, struct dentry *point)
{
	struct path at = { parent, point };

	path_get(&at);
	m->parent = parent;
	m->point = point;
	point->mounted++;
	list_append(&parent->children, &m->child);
	list_append(bucket(parent, point), &m->hash);
	mount_set_ns(m, parent->ns);
}

struct path mount_unlink(struct mount *m)
{
	struct path was = { NULL, NULL };

	if (!mount_has_parent(m))
		return was;
	was = (struct path){ m->parent, m->point };
	list_remove(&m->child);
	list_remove(&m->hash);
	m->point->mounted--;
	m->parent = m;
	m->point = NULL;
	return was;
}

static void out_of_tree(struct mount *m, struct gone *g) REQUIRES(MOUNT)
{
	m->was = mount_unlink(m);
	mount_leave(m);
	if (m->ns != NULL) {
		m->ns->mnt.mounts--;
		tree_changed(m->ns);
	}
	m->ns = NULL;
	list_remove(&m->link);
	m->below = g->chain;
	g->chain = m;
}

void mount_umount_tree(struct mount *top, struct gone *g)
{
	struct mount *m = top;

	while (!list_empty(&top->children)) {
		for (m = top; !list_empty(&m->children);)
			m = LIST_FIRST(&m->children, struct mount, child);
		out_of_tree(m, g);
	}
	out_of_tree(top, g);
}

void mount_put_gone(struct gone *g)
{
	while (g->chain != NULL) {
		struct mount *m = g->chain;
		struct path was = m->was;

		g->chain = m->below;
		m->was = (struct path){ NULL, NULL };
		m->below = NULL;
		if (was.dentry != NULL)
			path_put(&was);
		mount_put(m);
	}
}

/* ---- Copies ---- */

static void copy_group(struct mount *m, struct mount *from, uint32_t how) REQUIRES(MOUNT)
{
	if (how & COPY_SLAVE || (how & COPY_TO_SLAVE && from->group != 0)) {
		mount_enslave(m, from);
	} else if (!(how & COPY_PRIVATE)) {
		if (from->group != 0)
			mount_join(m, from);
		if (from->master != NULL)
			mount_enslave(m, from->master);
	}
	if (how & COPY_SHARE && m->group == 0)
		mount_share(m);
}

static struct mount *copy_one(struct mount *from, struct dentry *root, uint32_t how) REQUIRES(MOUNT)
{
	struct mount *m = mount_make(from->fs, root, from->flags, from->source);

	if (m == NULL)
		return NULL;
	m->locked_flags = from->locked_flags;
	m->locked = from->locked;
	m->unbindable = how & COPY_UNBINDABLE ? from->unbindable : 0;
	copy_group(m, from, how);
	from->copy = m;
	return m;
}

static struct mount *skip_tree(struct mount *m, const struct mount *top) REQUIRES(MOUNT)
{
	for (; m != top; m = m->parent)
		if (m->child.next != &m->parent->children)
			return LIST_ENTRY(m->child.next, struct mount, child);
	return NULL;
}

struct mount *mount_copy(struct mount *from, struct dentry *root, uint32_t how, bool tree, struct gone *g)
{
	struct mount *top = copy_one(from, root, how), *m;

	for (m = top != NULL && tree ? mount_next(from, from) : NULL; m != NULL;) {
		struct mount *c;

		if ((m->unbindable && !(how & COPY_UNBINDABLE)) || (m->parent == from && !dentry_is_below(m->point, root))) {
			m = skip_tree(m, from);
			continue;
		}
		c = copy_one(m, m->root, how);
		if (c == NULL) {
			mount_umount_tree(top, g);
			return NULL;
		}
		mount_link(c, m->parent->copy, m->point);
		m = mount_next(m, from);
	}
	return top;
}

/* ---- For the calls ---- */

bool may_mount(const struct lx_thread *t)
{
	return ns_capable(t, mount_ns(t)->user, CAP_SYS_ADMIN);
}

void path_to_top(struct path *p)
{
	struct mount *m;

	while (p->dentry->mounted != 0 && (m = mount_at(p->mnt, p->dentry)) != NULL) {
		path_put(p);
		p->mnt = m;
		p->dentry = m->root;
		dentry_get(m->root);
	}
}

static struct mount *any_at(struct dentry *d) REQUIRES(MOUNT)
{
	LIST_FOR(m, &vfs()->mounts, struct mount, link)
		if (m->point == d)
			return m;
	return NULL;
}

long mount_point_gone(struct lx_thread *t, struct dentry *d)
{
	struct gone g = { NULL };
	struct mount *m;
	long err = 0;

	mounts_lock();
	LIST_FOR(k, &vfs()->mounts, struct mount, link)
		if (k->point == d && mount_is_ours(t, k))
			err = -EBUSY;
	while (err == 0 && (m = any_at(d)) != NULL)
		mount_umount_tree(m, &g);
	mounts_unlock();
	vfs_tree_changed();
	mount_put_gone(&g);
	return err;
}

/* Boot, and mounts that are in no namespace.  at NULL: a root of its own. */
long mount_attach(struct lx_thread *t, struct mount_fs *fs, struct dentry *root, const struct path *at, uint32_t flags,
	const char *source, struct mount **out)
{
	struct gone g = { NULL };
	struct mount *m;
	long err = 0;

	mounts_lock();
	m = mount_make(fs, root, flags, source);
	if (m == NULL)
		err = -ENOMEM;
	else if (at != NULL)
		err = mount_attach_tree(m, at->mnt, at->dentry, &g);
	if (m != NULL && err != 0)
		mount_umount_tree(m, &g);
	mounts_unlock();
	vfs_tree_changed();
	mount_put_gone(&g);
	if (out != NULL)
		*out = m;
	return err;
}
