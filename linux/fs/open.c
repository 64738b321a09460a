/* SPDX-License-Identifier: MIT */
/* linux/fs/open.c - open(2) and its family. */
#include "linux/fs/acl.h"
#include "linux/fs/fasync.h"
#include "linux/fs/fs.h"
#include "linux/ns/ns.h"
#include "linux/sec/landlock.h"

#define OPEN_ONCE (O_CREAT | O_EXCL | O_CLOEXEC) /* not kept in file.flags; O_NOCTTY and O_TRUNC go after the kind's open */

uint32_t mode_with_umask(struct lx_thread *t, const struct inode *dir, uint32_t mode)
{
	if (UNLIKELY(dir->special & ACL_DEFAULT)) /* that list says what is not given */
		return mode;
	return mode & ~(t->proc->fs != NULL ? t->proc->fs->umask : 022u);
}

uint32_t create_mode(struct lx_thread *t, const struct inode *dir, uint32_t mode)
{
	/* Who is not in the directory's group makes no program that runs as it. */
	if ((dir->mode & LX_S_ISGID) && (mode & (LX_S_ISGID | 010)) == (LX_S_ISGID | 010) && t->cred.fsgid != dir->gid &&
	    !lx_in_group(t, dir->gid) && !lx_capable(t, CAP_FSETID))
		mode &= ~LX_S_ISGID;
	return mode_with_umask(t, dir, mode);
}

long may_write(struct lx_thread *t, const struct path *p)
{
	return (p->mnt->flags | p->mnt->fs->flags) & MS_RDONLY ? -EROFS : 0;
}

long may_create(struct lx_thread *t, const struct path *dir)
{
	struct inode *i = dir->dentry->inode;
	long err = inode_permission(t, i, 3);

	if (i->nlink == 0)
		return -ENOENT;
	if (UNLIKELY(dir->mnt->fs->user != NULL) && (id_from_global(dir->mnt->fs->user, MAP_UID, t->cred.fsuid) == NO_ID ||
	    id_from_global(dir->mnt->fs->user, MAP_GID, t->cred.fsgid) == NO_ID))
		return -EOVERFLOW;
	return err != 0 ? err : may_write(t, dir);
}

long may_delete(struct lx_thread *t, const struct path *dir, struct dentry *victim, bool directory)
{
	struct inode *d = dir->dentry->inode, *i = victim->inode;
	long err = inode_permission(t, d, 3);

	if (err == 0)
		err = may_write(t, dir);
	if (err != 0)
		return err;
	if ((d->mode & LX_S_ISVTX) && t->cred.fsuid != i->uid && t->cred.fsuid != d->uid && !inode_capable(t, i, CAP_FOWNER))
		return -EPERM;
	if (UNLIKELY(IS_APPEND(d) || IS_FIXED(i)))
		return -EPERM;
	if (directory && !IS_DIR(i))
		return -ENOTDIR;
	if (!directory && IS_DIR(i))
		return -EISDIR;
	return UNLIKELY(victim->mounted != 0) ? mount_point_gone(t, victim) : 0;
}

/* What the open mode asks of the inode, as rwx. */
static uint32_t wanted(int flags)
{
	static const uint8_t by_mode[4] = { 4, 2, 6, 6 };
	uint32_t rwx = by_mode[flags & O_ACCMODE];

	return flags & O_TRUNC ? rwx | 2 : rwx;
}

static long check_type(struct lx_thread *t, const struct path *p, int flags)
{
	struct inode *i = p->dentry->inode;

	if (IS_LNK(i))
		return (flags & O_PATH) ? 0 : -ELOOP;
	if ((flags & O_DIRECTORY) && !IS_DIR(i))
		return -ENOTDIR;
	if (flags & O_PATH)
		return 0;
	if (IS_DIR(i) && ((wanted(flags) & 2) || (flags & O_CREAT)))
		return -EISDIR;
	if (S_IFMT_(i->mode) == S_IFSOCK)
		return -ENXIO;
	if ((S_IFMT_(i->mode) == S_IFCHR || S_IFMT_(i->mode) == S_IFBLK) && (p->mnt->flags & MS_NODEV))
		return -EACCES;
	return 0;
}

static long check_open(struct lx_thread *t, const struct path *p, int flags)
{
	struct inode *i = p->dentry->inode;
	long err = check_type(t, p, flags);

	if (err != 0 || (flags & O_PATH))
		return err;
	err = inode_permission(t, i, wanted(flags));
	if (err != 0)
		return err;
	if (UNLIKELY(IS_APPEND(i)) && (wanted(flags) & 2) && (!(flags & O_APPEND) || (flags & O_TRUNC)))
		return -EPERM;
	if ((wanted(flags) & 2) && (IS_REG(i) || IS_DIR(i))) {
		err = may_write(t, p);
	}
	if ((flags & O_NOATIME) && !inode_owner_or_capable(t, i))
		err = -EPERM;
	return err;
}

/* The kind's part. */
static long open_kind(struct lx_thread *t, struct dentry *d, struct file *f)
{
	const struct inode_ops *ops = inode_ops(d->inode);

	if (f->flags & O_PATH) {
		f->kind = FILE_PATH;
		return 0;
	}
	if (IS_DIR(d->inode)) {
		f->kind = FILE_DIR;
		return 0;
	}
	return ops->open != NULL ? ops->open(t, d, f) : -ENXIO;
}

/* A nameless file opened again by /proc/PID/fd: the same description. */
static long open_again(const struct path *p, int flags, struct file **out)
{
	*out = (struct file *)p->dentry->priv[0];
	file_get(*out);
	return 0;
}

enum opener { OPEN_PLAIN, OPEN_EXEC, OPEN_QUIET /* makes no events and asks nobody */ };

/* Leases in the way, and who has to be asked. */
static long open_asks(struct lx_thread *t, const struct path *p, int flags, enum opener how)
{
	struct inode *i = p->dentry->inode;
	long err = 0;

	if (how != OPEN_QUIET)
		err = fs_permission_event(t, p, 0x10000u | (how == OPEN_EXEC ? 0x40000u : 0)); /* FAN_OPEN_PERM, FAN_OPEN_EXEC_PERM */
	if (err == 0 && UNLIKELY(lease_there(i)))
		err = lease_break(i, (flags & O_ACCMODE) != O_RDONLY || (flags & O_TRUNC), !(flags & O_NONBLOCK));
	return err;
}

/* What the opener's Landlock domain says; what f may not do later is noted in it. */
static NOINLINE long ask_landlock(struct lx_thread *t, const struct path *p, int flags, enum opener how, struct file *f)
{
	uint32_t need = landlock_open_rights(p->dentry->inode, flags, how == OPEN_EXEC);
	uint32_t missing = landlock_missing(t, p, need | LL_TRUNCATE | LL_IOCTL_DEV);

	f->landlock_denied = (uint8_t)((missing & (LL_TRUNCATE | LL_IOCTL_DEV)) >> 14);
	return missing & need ? -EACCES : 0;
}

static long open_file(struct lx_thread *t, const struct path *p, int flags, enum opener how, struct file **out)
{
	struct inode *i = p->dentry->inode;
	struct file *f;
	long err;

	if (p->dentry->flags & D_FILE)
		return open_again(p, flags, out);
	f = file_new(FILE_NONE, (uint32_t)(flags & ~OPEN_ONCE) | (flags & O_PATH ? 0 : O_LARGEFILE));
	if (f == NULL)
		return -ENOMEM;
	f->path = *p;
	path_get(&f->path);
	f->inode = i;
	inode_get(i);
	err = 0;
	if (!(flags & O_PATH) && (flags & O_ACCMODE) == O_RDONLY)
		__atomic_fetch_add(&i->readers, 1, __ATOMIC_RELAXED);
	else if (!(flags & O_PATH)) {
		__atomic_fetch_add(&i->writers, 1, __ATOMIC_SEQ_CST);
		if (UNLIKELY(__atomic_load_n(&i->deny_write, __ATOMIC_SEQ_CST) != 0) && IS_REG(i))
			err = -ETXTBSY;
	}
	if (err == 0 && landlocked(t) && !(flags & O_PATH) && how != OPEN_QUIET)
		err = ask_landlock(t, p, flags, how, f);
	if (err == 0 && !(flags & O_PATH))
		err = open_asks(t, p, flags, how);
	if (err == 0)
		err = open_kind(t, p->dentry, f);
	if (err < 0) {
		f->kind = FILE_NONE;
		f->no_notify = true;
		file_put(f);
		return err;
	}
	atomic_fetch_and(&f->flags, ~(uint32_t)(O_TRUNC | O_NOCTTY));
	if (fs_watched() && !(flags & O_PATH) && how != OPEN_QUIET)
		fs_notify_path(p, 0x20u | (how == OPEN_EXEC ? 0x1000u : 0)); /* IN_OPEN, FAN_OPEN_EXEC */
	*out = f;
	return 0;
}

long open_path(struct lx_thread *t, const struct path *p, int flags, struct file **out)
{
	return open_file(t, p, flags, OPEN_PLAIN, out);
}

long open_for_exec(struct lx_thread *t, const struct path *p, struct file **out)
{
	return open_file(t, p, O_RDONLY, OPEN_EXEC, out);
}

long open_quiet(struct lx_thread *t, const struct path *p, int flags, struct file **out)
{
	return open_file(t, p, flags, OPEN_QUIET, out);
}

static long open_existing(struct lx_thread *t, const struct path *p, int flags, bool check, struct file **out)
{
	struct inode *i = p->dentry->inode;
	struct file *f;
	long err = check ? check_open(t, p, flags) : 0;

	if (err == 0)
		err = open_path(t, p, flags, &f);
	if (err != 0)
		return err;
	if ((flags & O_TRUNC) && IS_REG(i)) {
		err = f->landlock_denied & LL_TRUNCATE >> 14 ? -EACCES : i->kind == INODE_HOST && i->size == 0 ? 0 : do_truncate(t, p, 0);
		if (err < 0) {
			file_put(f);
			return err;
		}
	}
	*out = f;
	return 0;
}

long open_checked(struct lx_thread *t, const struct path *p, int flags, struct file **out)
{
	return open_existing(t, p, flags & (OPEN_KNOWN & ~(O_CREAT | O_EXCL | __O_TMPFILE)), true, out);
}

/* The walk ended at a name that does not exist: makes the file, p becomes its path. */
static long create_at(struct lx_thread *t, struct path *p, uint32_t mode)
{
	struct dentry *neg = p->dentry, *new;
	struct path dir = { p->mnt, dentry_parent(neg) };
	const struct inode_ops *ops = inode_ops(dir.dentry->inode);
	struct inode *i = NULL;
	long err = may_create(t, &dir);

	if (err == 0)
		err = landlock_path(t, &dir, LL_MAKE_REG);
	if (err == 0)
		err = ops->create == NULL ? -EACCES
		                          : ops->create(t, dir.dentry, neg->name, neg->name_len, S_IFREG | create_mode(t, dir.dentry->inode, mode & 07777), &i);
	if (err == 0) {
		new = dentry_made(dir.dentry, neg->name, neg->name_len, i);
		if (new == NULL)
			err = -ENOMEM;
		else {
			fs_notify_entry(dir.dentry, 0x100u /* IN_CREATE */, 0, new->name, new->inode);
			p->dentry = new;
			dentry_put(neg);
		}
	} else if (err == -EEXIST) /* somebody else makes it just now: who is told so finds it */
		dentry_doubt(dir.dentry, neg);
	dentry_put(dir.dentry);
	return err;
}

static long open_tmpfile(struct lx_thread *t, const struct path *dir, int flags, uint32_t mode, struct file **out)
{
	const struct inode_ops *ops = inode_ops(dir->dentry->inode);
	struct path p = { dir->mnt, NULL };
	struct inode *i;
	char name[24];
	int n;
	long err;

	if (!IS_DIR(dir->dentry->inode))
		return -ENOTDIR;
	if ((flags & O_ACCMODE) == O_RDONLY)
		return -EINVAL;
	err = may_create(t, dir);
	if (err == 0)
		err = ops->tmpfile == NULL ? -EOPNOTSUPP : ops->tmpfile(t, dir->dentry, S_IFREG | create_mode(t, dir->dentry->inode, mode & 07777), &i);
	if (err != 0)
		return err;
	n = fmt_snprintf(name, sizeof name, "#%lu", (unsigned long)i->ino);
	p.dentry = dentry_new(dir->dentry, name, (uint32_t)n, i);
	if (p.dentry == NULL) {
		inode_put(i);
		return -ENOMEM;
	}
	p.dentry->flags |= D_DELETED;
	err = open_path(t, &p, flags & ~(__O_TMPFILE | O_DIRECTORY), out);
	dentry_put(p.dentry);
	return err;
}

static uint32_t walk_flags(int flags)
{
	uint32_t w = 0;

	if (!(flags & O_NOFOLLOW) && (flags & (O_CREAT | O_EXCL)) != (O_CREAT | O_EXCL))
		w |= WALK_FOLLOW;
	if (flags & O_CREAT)
		w |= WALK_CREATE;
	else if (flags & O_DIRECTORY)
		w |= WALK_DIRECTORY;
	else if ((flags & O_ACCMODE) == O_RDONLY && !(flags & (O_PATH | O_TRUNC)))
		w |= WALK_READ;
	return w;
}

static long open_once(struct lx_thread *t, int dirfd, const char *name, int flags, uint32_t mode, uint32_t walk, struct file **out)
{
	bool created = false;
	struct path p;
	long err = path_walk(t, dirfd, name, walk | walk_flags(flags), &p, NULL);

	if (err != 0)
		return err;
	if ((flags & __O_TMPFILE) == __O_TMPFILE) {
		err = open_tmpfile(t, &p, flags, mode, out);
	} else if (p.dentry->inode == NULL) {
		err = create_at(t, &p, mode);
		created = err == 0;
	} else if ((flags & (O_CREAT | O_EXCL)) == (O_CREAT | O_EXCL))
		err = -EEXIST;
	if (err == 0 && !(flags & __O_TMPFILE)) {
		err = open_existing(t, &p, created ? flags & ~O_TRUNC : flags, !created, out);
		if (err == 0)
			(*out)->created = created;
	} else if (err == -EEXIST && !(flags & O_EXCL))
		err = -ESTALE; /* somebody else made it meanwhile */
	path_put(&p);
	return err;
}

long open_flags(struct lx_thread *t, int dirfd, const char *name, int flags, uint32_t mode, uint32_t walk, struct file **out)
{
	size_t len = strlen(name);
	long err;

	if (flags & O_PATH)
		flags &= O_DIRECTORY | O_NOFOLLOW | O_PATH | O_CLOEXEC;
	if ((flags & __O_TMPFILE) && !(flags & O_DIRECTORY))
		return -EINVAL;
	if ((flags & (O_CREAT | O_DIRECTORY)) == (O_CREAT | O_DIRECTORY))
		return -EINVAL;
	if ((flags & O_CREAT) && len > 0 && name[len - 1] == '/')
		return -EISDIR;
	for (int tries = 0; tries < OPEN_TRIES; tries++) {
		err = open_once(t, dirfd, name, flags, mode, walk, out);
		if (err != -ESTALE)
			return err;
	}
	return -ENOENT;
}

long vfs_open(struct lx_thread *t, int dirfd, const char *name, int flags, uint32_t mode, struct file **out)
{
	return open_flags(t, dirfd, name, flags & OPEN_KNOWN, mode, 0, out);
}
