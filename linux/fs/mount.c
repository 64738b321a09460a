/* SPDX-License-Identifier: MIT */
/*
 * linux/fs/mount.c - the mount table.  One list in the order mounted, under MOUNT;
 * a dentry's `mounted` says that some mount has it as its point, and the walk then
 * looks for the newest with the right parent.
 */
#include "linux/fs/fs.h"

/* umount2's flags, which the kernel's user headers leave to libc. */
#define MNT_FORCE       1
#define MNT_DETACH      2
#define MNT_EXPIRE      4
#define UMOUNT_NOFOLLOW 8

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
	struct mount *m;

	lock_take(&vfs()->mount_lock);
	m = take_kept();
	lock_drop(&vfs()->mount_lock);
	if (m == NULL)
		return arena_alloc(sizeof *m);
	memset((char *)m + sizeof m->ref, 0, sizeof *m - sizeof m->ref);
	return m;
}

void mount_put(struct mount *m)
{
	while (m != NULL && ref_put(&m->ref)) {
		struct mount *parent = m->parent != m ? m->parent : NULL;

		if (m->point != NULL)
			dentry_put(m->point);
		dentry_put(m->root);
		mount_fs_put(m->fs);
		keep(m);
		m = parent;
	}
}

/* Some mount that has d as its point; MOUNT held. */
static struct mount *any_at(struct dentry *d)
{
	struct mount *found = NULL;

	LIST_FOR(m, &vfs()->mounts, struct mount, link)
		if (m->point == d)
			found = m;
	return found;
}

/* root, fs: references are taken.  at NULL: the root of everything. */
long mount_attach(struct lx_thread *t, struct mount_fs *fs, struct dentry *root, const struct path *at, uint32_t flags,
	const char *source, struct mount **out)
{
	struct vfs *v = vfs();
	struct mount *m = mount_object();

	if (m == NULL)
		return -ENOMEM;
	list_init(&m->link);
	m->fs = fs;
	ref_get(&fs->ref);
	m->root = root;
	dentry_get(root);
	m->flags = flags;
	m->id = atomic_fetch_add(&v->next_mount_id, 1);
	str_copy(m->source, source, sizeof m->source);
	m->parent = m;
	lock_take(&v->mount_lock);
	if (at != NULL) {
		m->parent = at->mnt;
		m->point = at->dentry;
		path_get(at);
		at->dentry->mounted = m;
	}
	ref_init(&m->ref);
	list_append(&v->mounts, &m->link);
	lock_drop(&v->mount_lock);
	vfs_tree_changed();
	if (out != NULL)
		*out = m;
	return 0;
}

/* Takes m out of the table: its reference there is the caller's.  MOUNT held. */
static void detach(struct mount *m)
{
	list_remove(&m->link);
	if (m->point != NULL)
		m->point->mounted = any_at(m->point);
}

static bool has_children(struct mount *m)
{
	LIST_FOR(k, &vfs()->mounts, struct mount, link)
		if (k->parent == m && k != m)
			return true;
	return false;
}

/* ---- New file systems by type ---- */

static const struct fs_type {
	const char *name;
	uint32_t kind;
	uint64_t magic;
} types[] = {
	{ "tmpfs", INODE_MEM, 0x01021994 }, { "ramfs", INODE_MEM, 0x858458f6 }, { "proc", INODE_PROC, 0x9fa0 },
	{ "sysfs", INODE_SYS, 0x62656572 }, { "devpts", INODE_PTS, 0x1cd1 }, { "devtmpfs", INODE_DEV, 0x01021994 },
};

static struct mount_fs *fs_of_type(const char *type, const char *data, long *err)
{
	const struct fs_type *ft = NULL;
	struct mount_fs *fs;

	for (unsigned i = 0; i < ARRAY_LEN(types); i++)
		if (strcmp(types[i].name, type) == 0)
			ft = &types[i];
	*err = -ENODEV;
	if (ft == NULL || lx_inode_ops[ft->kind]->root == NULL)
		return NULL;
	*err = -ENOMEM;
	fs = mount_fs_new(ft->kind, type, ft->magic);
	if (fs == NULL)
		return NULL;
	fs->root = lx_inode_ops[ft->kind]->root(fs, data);
	if (fs->root == NULL) {
		mount_fs_put(fs);
		return NULL;
	}
	*err = 0;
	return fs;
}

long mount_new(struct lx_thread *t, const char *type, const char *data, const struct path *at, uint32_t flags, const char *source)
{
	long err;
	struct mount_fs *fs = fs_of_type(type, data, &err);
	struct dentry *root;

	if (fs == NULL)
		return err;
	inode_get(fs->root);
	root = dentry_new(NULL, "", 0, fs->root);
	if (root == NULL) {
		inode_put(fs->root);
		err = -ENOMEM;
	} else {
		err = mount_attach(t, fs, root, at, flags, source, NULL);
		dentry_put(root);
	}
	mount_fs_put(fs);
	return err;
}

/* ---- The calls ---- */

#define KEPT_FLAGS (MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_NOATIME | MS_NODIRATIME | MS_RELATIME | MS_STRICTATIME | MS_SYNCHRONOUS)

static long bind_mount(struct lx_thread *t, struct gva source, const struct path *at, uint32_t flags)
{
	struct path from;
	long err = user_walk(t, AT_FDCWD, source, WALK_FOLLOW, &from);

	if (err != 0)
		return err;
	if (from.dentry->flags & D_FILE)
		err = -EINVAL;
	else if (IS_DIR(from.dentry->inode) != IS_DIR(at->dentry->inode))
		err = -ENOTDIR;
	else
		err = mount_attach(t, from.mnt->fs, from.dentry, at, from.mnt->flags, from.mnt->source, NULL);
	path_put(&from);
	return err;
}

static long move_mount(struct lx_thread *t, struct gva source, const struct path *at)
{
	struct path from, old = { 0 };
	struct mount *m;
	long err = user_walk(t, AT_FDCWD, source, WALK_FOLLOW, &from);

	if (err != 0)
		return err;
	m = from.mnt;
	lock_take(&vfs()->mount_lock);
	if (from.dentry != m->root || m->parent == m) {
		err = -EINVAL;
	} else {
		for (struct mount *k = at->mnt; err == 0; k = k->parent) {
			if (k == m)
				err = -ELOOP;
			if (k->parent == k)
				break;
		}
	}
	if (err == 0) {
		old = (struct path){ m->parent, m->point };
		detach(m);
		m->parent = at->mnt;
		m->point = at->dentry;
		path_get(at);
		at->dentry->mounted = m;
		list_append(&vfs()->mounts, &m->link);
	}
	lock_drop(&vfs()->mount_lock);
	vfs_tree_changed();
	if (old.dentry != NULL)
		path_put(&old);
	path_put(&from);
	return err;
}

static long mount_by_type(struct lx_thread *t, const char *source, struct gva type, const struct path *at, uint32_t flags, const char *data)
{
	char name[32];
	long n = string_in(name, type, sizeof name);

	if (n < 0)
		return n == -EFAULT ? n : -ENODEV;
	if (!IS_DIR(at->dentry->inode))
		return -ENOTDIR;
	return mount_new(t, name, data, at, flags & KEPT_FLAGS, source);
}

static long mount_with(struct lx_thread *t, struct gva source, const struct path *at, struct gva type, uint64_t flags, const char *data)
{
	char *text;
	long err;

	if (flags & MS_REMOUNT) {
		if (at->dentry != at->mnt->root)
			return -EINVAL;
		at->mnt->flags = (uint32_t)(flags & KEPT_FLAGS);
		return 0;
	}
	if (flags & MS_BIND)
		return bind_mount(t, source, at, (uint32_t)flags);
	if (flags & (MS_SHARED | MS_PRIVATE | MS_SLAVE | MS_UNBINDABLE))
		return at->dentry == at->mnt->root ? 0 : -EINVAL; /* one mount name space: nothing propagates */
	if (flags & MS_MOVE)
		return move_mount(t, source, at);
	if (source.va == 0)
		return mount_by_type(t, "none", type, at, (uint32_t)flags, data);
	text = path_in(source, &err);
	if (text == NULL && err != -ENOENT)
		return err;
	err = mount_by_type(t, text != NULL ? text : "none", type, at, (uint32_t)flags, data);
	path_buf_free(text);
	return err;
}

long lx_sys_mount(struct lx_thread *t, struct gva source, struct gva target, struct gva type, uint64_t flags, struct gva data)
{
	struct path at;
	char *text = NULL;
	long err;

	if (!lx_capable(t, CAP_SYS_ADMIN))
		return -EPERM;
	if ((flags & MS_MGC_MSK) == MS_MGC_VAL)
		flags &= ~(uint64_t)MS_MGC_MSK;
	err = user_walk(t, AT_FDCWD, target, WALK_FOLLOW, &at);
	if (err != 0)
		return err;
	if (data.va != 0) {
		text = path_buf();
		err = text == NULL ? -ENOMEM : string_in(text, data, PATH_MAX);
	}
	if (err >= 0)
		err = mount_with(t, source, &at, type, flags, text);
	path_buf_free(text);
	path_put(&at);
	return err;
}

long lx_sys_umount2(struct lx_thread *t, struct gva target, int flags)
{
	struct vfs *v = vfs();
	struct mount *m = NULL;
	struct path p;
	long err;

	if (flags & ~(MNT_FORCE | MNT_DETACH | MNT_EXPIRE | UMOUNT_NOFOLLOW))
		return -EINVAL;
	if (!lx_capable(t, CAP_SYS_ADMIN))
		return -EPERM;
	err = user_walk(t, AT_FDCWD, target, flags & UMOUNT_NOFOLLOW ? 0 : WALK_FOLLOW, &p);
	if (err != 0)
		return err;
	lock_take(&v->mount_lock);
	if (p.dentry != p.mnt->root || p.mnt == v->root || p.mnt->parent == p.mnt)
		err = -EINVAL;
	else if (!(flags & MNT_DETACH) && (has_children(p.mnt) || atomic_load(&p.mnt->ref.count) > 2))
		err = -EBUSY;
	else {
		m = p.mnt;
		detach(m);
	}
	lock_drop(&v->mount_lock);
	vfs_tree_changed();
	path_put(&p);
	mount_put(m);
	return err;
}

/* Every process that stands at the old root stands at the new one. */
static void change_roots(struct mount *from, struct mount *to)
{
	struct lx_state *lx = lx_state();

	lock_take(&lx->tasklist);
	LIST_FOR(p, &lx->procs, struct lx_proc, all) {
		struct fs_context *fs = p->fs;
		struct path *slots[2];

		if (fs == NULL)
			continue;
		slots[0] = &fs->root;
		slots[1] = &fs->cwd;
		for (int k = 0; k < 2; k++)
			if (slots[k]->mnt == from && slots[k]->dentry == from->root) {
				ref_get(&to->ref);
				dentry_get(to->root);
				mount_put(from);         /* the table has one more */
				dentry_put(from->root);  /* so has the mount: neither is the last */
				slots[k]->dentry = to->root;
				slots[k]->mnt = to;
			}
	}
	lock_drop(&lx->tasklist);
}

long lx_sys_pivot_root(struct lx_thread *t, struct gva new_root, struct gva put_old)
{
	struct vfs *v = vfs();
	struct path new, old, was = { 0 };
	struct mount *from;
	long err;

	if (!lx_capable(t, CAP_SYS_ADMIN))
		return -EPERM;
	FS_SETTLE(t);
	err = user_walk(t, AT_FDCWD, new_root, WALK_FOLLOW | WALK_DIRECTORY, &new);
	if (err != 0)
		return err;
	err = user_walk(t, AT_FDCWD, put_old, WALK_FOLLOW | WALK_DIRECTORY, &old);
	if (err != 0) {
		path_put(&new);
		return err;
	}
	lock_take(&v->mount_lock);
	from = v->root;
	if (new.dentry != new.mnt->root || old.mnt != new.mnt || new.mnt->parent == new.mnt)
		err = -EINVAL;
	else if (new.mnt == from)
		err = -EBUSY;
	else {
		was = (struct path){ new.mnt->parent, new.mnt->point };
		new.mnt->parent = new.mnt;
		new.mnt->point = NULL;
		was.dentry->mounted = any_at(was.dentry);
		v->root = new.mnt;
		from->parent = old.mnt;
		from->point = old.dentry;
		path_get(&old);
		old.dentry->mounted = from;
		change_roots(from, new.mnt);
	}
	lock_drop(&v->mount_lock);
	vfs_tree_changed();
	if (was.dentry != NULL)
		path_put(&was);
	path_put(&old);
	path_put(&new);
	return err;
}

/* ---- /proc/PID/mounts and mountinfo ---- */

static const char *option_text(uint32_t flags, char *buf, size_t size)
{
	fmt_snprintf(buf, size, "%s%s%s%s%s", flags & MS_RDONLY ? "ro" : "rw", flags & MS_NOSUID ? ",nosuid" : "",
		flags & MS_NODEV ? ",nodev" : "", flags & MS_NOEXEC ? ",noexec" : "", flags & MS_NOATIME ? ",noatime" : ",relatime");
	return buf;
}

static int one_mount(struct mount *m, int style, const char *where, char *buf, size_t size)
{
	const char *source = m->source[0] != '\0' ? m->source : m->fs->type;
	char options[64];

	option_text(m->flags, options, sizeof options);
	if (style == 0)
		return fmt_snprintf(buf, size, "%s %s %s %s 0 0\n", source, where, m->fs->type, options);
	return fmt_snprintf(buf, size, "%u %u 0:%u / %s %s - %s %s %s\n", m->id, m->parent->id, (unsigned)m->fs->dev, where, options,
		m->fs->type, source, m->flags & MS_RDONLY ? "ro" : "rw");
}

#define MOUNTS_SEEN 256u

char *mounts_text(struct lx_thread *t, int style, size_t *len)
{
	struct vfs *v = vfs();
	struct mount **all = heap_alloc(MOUNTS_SEEN * sizeof *all);
	char *where = path_buf(), *text = NULL;
	size_t room = 0, used = 0;
	unsigned n = 0;

	lock_take(&v->mount_lock);
	if (all != NULL)
		LIST_FOR(m, &v->mounts, struct mount, link)
			if (n < MOUNTS_SEEN && m != v->anon_mount) {
				ref_get(&m->ref);
				all[n++] = m;
			}
	lock_drop(&v->mount_lock);
	for (unsigned i = 0; i < n; i++) {
		struct path p = { all[i], all[i]->root };

		if (where != NULL && path_text(t, &p, where, PATH_MAX) > 0) {
			size_t need = used + strlen(where) + 256;

			if (need > room) {
				char *more = heap_realloc(text, need + 2048);

				if (more == NULL)
					break;
				text = more;
				room = need + 2048;
			}
			used += (size_t)one_mount(all[i], style, where, text + used, room - used);
		}
	}
	for (unsigned i = 0; i < n; i++)
		mount_put(all[i]);
	path_buf_free(where);
	heap_free(all);
	*len = used;
	return text;
}
