/* SPDX-License-Identifier: MIT */
/* linux/fs/cwd.c - where a process is: cwd, root, umask. */
#include "linux/fs/fs.h"
#include "linux/ns/ns.h"

struct fs_context *fs_new_root(void)
{
	struct fs_context *fs = arena_alloc(sizeof *fs);

	if (fs == NULL)
		return NULL;
	ref_init(&fs->ref);
	lock_init(&fs->lock, LOCK_FS);
	fs_root_path(&fs->root);
	fs->cwd = fs->root;
	path_get(&fs->cwd);
	fs->umask = vfs()->umask;
	return fs;
}

struct fs_context *fs_copy(struct fs_context *from)
{
	struct fs_context *fs = arena_alloc(sizeof *fs);

	if (fs == NULL)
		return NULL;
	ref_init(&fs->ref);
	lock_init(&fs->lock, LOCK_FS);
	lock_take(&from->lock);
	fs->cwd = from->cwd;
	fs->root = from->root;
	fs->umask = from->umask;
	path_get(&fs->cwd);
	path_get(&fs->root);
	lock_drop(&from->lock);
	return fs;
}

void fs_get(struct fs_context *fs)
{
	ref_get(&fs->ref);
}

void fs_put(struct fs_context *fs)
{
	if (!ref_put(&fs->ref))
		return;
	path_put(&fs->cwd);
	path_put(&fs->root);
	arena_free(fs->later);
	arena_free(fs);
}

/* Takes over p's references. */
static void set_path(struct lx_thread *t, struct path *slot, struct path *p)
{
	struct fs_context *fs = t->proc->fs;
	struct path old;

	if (slot == &fs->cwd && UNLIKELY(fs->later != NULL)) { /* nobody will ask for that any more */
		arena_free(fs->later);
		fs->later = NULL;
	}
	lock_take(&fs->lock);
	old = *slot;
	*slot = *p;
	lock_drop(&fs->lock);
	if (slot == &fs->root)
		vfs_tree_changed();
	path_put(&old);
}

long lx_sys_chdir(struct lx_thread *t, struct gva name)
{
	struct path p;
	long err = user_walk(t, AT_FDCWD, name, WALK_FOLLOW | WALK_DIRECTORY, &p);

	if (err != 0)
		return err;
	err = inode_permission(t, p.dentry->inode, 1);
	if (err == 0)
		set_path(t, &t->proc->fs->cwd, &p);
	else
		path_put(&p);
	return err;
}

long lx_sys_fchdir(struct lx_thread *t, int fd)
{
	struct file *f = fd_get(t, fd);
	struct path p;
	long err = 0;

	if (f == NULL)
		return -EBADF;
	if (f->path.dentry == NULL || !IS_DIR(f->inode))
		err = -ENOTDIR;
	else
		err = inode_permission(t, f->inode, 1);
	if (err == 0) {
		p = f->path;
		path_get(&p);
		set_path(t, &t->proc->fs->cwd, &p);
	}
	file_put(f);
	return err;
}

long lx_sys_chroot(struct lx_thread *t, struct gva name)
{
	struct path p;
	long err;

	FS_SETTLE(t); /* its text is one of the old root */
	err = user_walk(t, AT_FDCWD, name, WALK_FOLLOW | WALK_DIRECTORY, &p);
	if (err != 0)
		return err;
	err = inode_permission(t, p.dentry->inode, 1);
	if (err == 0 && !cap_own(t, CAP_SYS_CHROOT))
		err = -EPERM;
	if (err == 0)
		set_path(t, &t->proc->fs->root, &p);
	else
		path_put(&p);
	return err;
}

/* Outside the caller's root, or in a tree that is mounted no more, it says so. */
static long cwd_text(struct lx_thread *t, const struct path *p, char *text)
{
	static const char outside[] = "(unreachable)";
	struct path root;
	long n;

	walk_root(t, &root);
	n = path_text_below(&root, p, text, PATH_MAX);
	path_put(&root);
	if (n != -ENOENT)
		return n;
	memcpy(text, outside, sizeof outside);
	n = path_text(t, p, text + sizeof outside - 1, PATH_MAX - sizeof outside);
	return n < 0 ? n : n + (long)sizeof outside - 1;
}

long lx_sys_getcwd(struct lx_thread *t, struct gva buf, uint64_t size)
{
	struct fs_context *fs = t->proc->fs;
	struct path p;
	char *text = path_buf();
	long n = -ENOMEM;

	if (text == NULL)
		return n;
	FS_SETTLE(t);
	lock_take(&fs->lock);
	p = fs->cwd;
	path_get(&p);
	lock_drop(&fs->lock);
	if (p.dentry->flags & D_DELETED)
		n = -ENOENT;
	else
		n = cwd_text(t, &p, text);
	if (n >= 0 && (uint64_t)n + 1 > size)
		n = -ERANGE;
	else if (n >= 0)
		n = copy_out(buf, text, (uint64_t)n + 1) != 0 ? -EFAULT : n + 1;
	path_put(&p);
	path_buf_free(text);
	return n;
}

long lx_sys_umask(struct lx_thread *t, uint32_t mask)
{
	return (long)__atomic_exchange_n(&t->proc->fs->umask, mask & 0777, __ATOMIC_RELAXED);
}
