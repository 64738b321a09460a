/* SPDX-License-Identifier: MIT */
/* linux/fs/stat.c - stat in all its forms, access, statfs. */
#include <linux/magic.h>

#include "linux/fs/mount.h"
#include "linux/ns/ns.h"
#include "linux/fs/hostfs.h"

static uint64_t encode_dev(uint64_t minor)
{
	return (minor & 0xff) | (minor & ~0xffull) << 12; /* major 0: file systems without a device */
}

#define NS 1000000000ll

/* Downwards, also before 1970: nanoseconds are never negative. */
static int64_t whole_seconds(int64_t ns)
{
	return ns / NS - (ns % NS < 0);
}

static void fill(const struct inode *i, struct stat *s)
{
	s->st_dev = encode_dev(i->dev);
	s->st_ino = i->ino;
	s->st_nlink = i->nlink;
	s->st_mode = i->mode;
	s->st_uid = uid_out(lx_current(), i->uid);
	s->st_gid = gid_out(lx_current(), i->gid);
	s->st_rdev = i->rdev;
	s->st_size = (long)i->size;
	s->st_blksize = PAGE_SIZE;
	s->st_blocks = (long)i->blocks;
	s->st_atime = (unsigned long)whole_seconds(i->atime_ns);
	s->st_atime_nsec = (unsigned long)(i->atime_ns - whole_seconds(i->atime_ns) * NS);
	s->st_mtime = (unsigned long)whole_seconds(i->mtime_ns);
	s->st_mtime_nsec = (unsigned long)(i->mtime_ns - whole_seconds(i->mtime_ns) * NS);
	s->st_ctime = (unsigned long)whole_seconds(i->ctime_ns);
	s->st_ctime_nsec = (unsigned long)(i->ctime_ns - whole_seconds(i->ctime_ns) * NS);
	s->__pad0 = 0;
	s->__unused[0] = s->__unused[1] = s->__unused[2] = 0;
}

long vfs_stat(struct inode *i, struct stat *out)
{
	const struct inode_ops *ops = inode_ops(i);
	long err = ops != NULL && ops->getattr != NULL ? ops->getattr(lx_current(), i) : 0;

	if (err == 0)
		fill(i, out);
	return err;
}

static long bring_up_to_date(struct lx_thread *t, struct dentry *d)
{
	const struct inode_ops *ops = inode_ops(d->inode);

	if (ops->refresh != NULL)
		return ops->refresh(t, d);
	return ops->getattr != NULL ? ops->getattr(t, d->inode) : 0;
}

/* What statx tells beside. */
struct more {
	int64_t btime_ns;
	uint32_t attr_flags, mnt_id;
	uint64_t unique_id;
	bool mount_root;
};

static void fill_more(const struct path *p, const struct inode *i, struct more *m)
{
	if (m == NULL)
		return;
	m->btime_ns = i->btime_ns;
	m->attr_flags = i->attr_flags;
	if (p->mnt == NULL)
		return;
	m->mnt_id = p->mnt->id;
	m->unique_id = mount_unique_id(p->mnt);
	m->mount_root = p->dentry == p->mnt->root;
}

static long stat_path(struct lx_thread *t, const struct path *p, struct stat *s, struct more *m)
{
	long err = bring_up_to_date(t, p->dentry);

	if (err == 0) {
		fill(p->dentry->inode, s);
		fill_more(p, p->dentry->inode, m);
	}
	return err;
}

static long stat_file(struct lx_thread *t, struct file *f, struct stat *s, struct more *m)
{
	struct path p = f->path;

	if (f->kind == FILE_HOST) {
		host_file_current(f);
		fill(f->inode, s);
		fill_more(&p, f->inode, m);
		return 0;
	}
	if (p.dentry != NULL && p.dentry->inode != NULL)
		return stat_path(t, &p, s, m);
	if (f->inode != NULL)
		return vfs_stat(f->inode, s);
	memset(s, 0, sizeof *s);
	s->st_mode = S_IFCHR | 0600;
	s->st_nlink = 1;
	s->st_blksize = PAGE_SIZE;
	return 0;
}

static long put_stat(struct gva buf, const struct stat *s)
{
	return copy_out(buf, s, sizeof *s);
}

static long stat_at(struct lx_thread *t, int dirfd, struct gva name, uint32_t walk, struct stat *s, struct more *m)
{
	struct path p;
	long err = user_walk(t, dirfd, name, walk, &p);

	if (err != 0)
		return err;
	err = p.dentry->flags & D_FILE ? stat_file(t, (struct file *)p.dentry->priv[0], s, m) : stat_path(t, &p, s, m);
	path_put(&p);
	return err;
}

static long stat_fd(struct lx_thread *t, int fd, struct stat *s, struct more *m)
{
	struct file *f = fd_get(t, fd);
	long err;

	if (f == NULL)
		return -EBADF;
	err = stat_file(t, f, s, m);
	file_put(f);
	return err;
}

long lx_sys_stat(struct lx_thread *t, struct gva name, struct gva buf)
{
	struct stat s;
	long err = stat_at(t, AT_FDCWD, name, WALK_FOLLOW, &s, NULL);

	return err != 0 ? err : put_stat(buf, &s);
}

long lx_sys_lstat(struct lx_thread *t, struct gva name, struct gva buf)
{
	struct stat s;
	long err = stat_at(t, AT_FDCWD, name, 0, &s, NULL);

	return err != 0 ? err : put_stat(buf, &s);
}

long lx_sys_fstat(struct lx_thread *t, int fd, struct gva buf)
{
	struct stat s;
	long err = stat_fd(t, fd, &s, NULL);

	return err != 0 ? err : put_stat(buf, &s);
}

/* "" with AT_EMPTY_PATH on a descriptor, which libc's fstat is. */
static bool is_empty(struct gva name, int flags)
{
	char c;

	if (!(flags & AT_EMPTY_PATH))
		return false;
	return name.va == 0 || (copy_in(&c, name, 1) == 0 && c == '\0');
}

static uint32_t at_walk(int flags)
{
	return (flags & AT_SYMLINK_NOFOLLOW ? 0 : WALK_FOLLOW) | (flags & AT_EMPTY_PATH ? WALK_EMPTY : 0);
}

static long stat_any(struct lx_thread *t, int dirfd, struct gva name, int flags, struct stat *s, struct more *m)
{
	if (dirfd >= 0 && is_empty(name, flags))
		return stat_fd(t, dirfd, s, m);
	return stat_at(t, dirfd, name, at_walk(flags), s, m);
}

#define STAT_FLAGS (AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT | AT_EMPTY_PATH)

long lx_sys_newfstatat(struct lx_thread *t, int dirfd, struct gva name, struct gva buf, int flags)
{
	struct stat s UNINIT;
	long err;

	if (flags & ~STAT_FLAGS)
		return -EINVAL;
	err = stat_any(t, dirfd, name, flags, &s, NULL);
	return err != 0 ? err : put_stat(buf, &s);
}

static struct statx_timestamp timestamp(uint64_t sec, uint64_t nsec)
{
	return (struct statx_timestamp){ .tv_sec = (int64_t)sec, .tv_nsec = (uint32_t)nsec };
}

static uint32_t major_of(uint64_t dev)
{
	return (uint32_t)((dev >> 8 & 0xfff) | (dev >> 32 & ~0xfffull));
}

static uint32_t minor_of(uint64_t dev)
{
	return (uint32_t)((dev & 0xff) | (dev >> 12 & ~0xffull));
}

static void fill_statx(const struct more *m, uint32_t mask, struct statx *x)
{
	static const struct { uint32_t flag; uint64_t attr; } map[] = { { FS_IMMUTABLE_FL, STATX_ATTR_IMMUTABLE },
		{ FS_APPEND_FL, STATX_ATTR_APPEND }, { FS_NODUMP_FL, STATX_ATTR_NODUMP } };

	x->stx_attributes_mask = STATX_ATTR_MOUNT_ROOT;
	if (m->mount_root)
		x->stx_attributes = STATX_ATTR_MOUNT_ROOT;
	for (unsigned k = 0; k < ARRAY_LEN(map); k++) {
		x->stx_attributes_mask |= map[k].attr;
		if (m->attr_flags & map[k].flag)
			x->stx_attributes |= map[k].attr;
	}
	if (m->btime_ns != 0) {
		x->stx_mask |= STATX_BTIME;
		x->stx_btime = timestamp((uint64_t)whole_seconds(m->btime_ns), (uint64_t)(m->btime_ns - whole_seconds(m->btime_ns) * NS));
	}
	if (m->mnt_id != 0) {
		x->stx_mask |= STATX_MNT_ID;
		x->stx_mnt_id = m->mnt_id;
		if (mask & 0x4000u) { /* STATX_MNT_ID_UNIQUE */
			x->stx_mask ^= STATX_MNT_ID | 0x4000u;
			x->stx_mnt_id = m->unique_id;
		}
	}
}

long lx_sys_statx(struct lx_thread *t, int dirfd, struct gva name, int flags, uint32_t mask, struct gva buf)
{
	struct statx x = { 0 };
	struct more m = { 0 };
	struct stat s;
	long err;

	if ((flags & ~(STAT_FLAGS | AT_STATX_FORCE_SYNC | AT_STATX_DONT_SYNC)) != 0 || (mask & STATX__RESERVED) ||
	    (flags & AT_STATX_SYNC_TYPE) == AT_STATX_SYNC_TYPE)
		return -EINVAL;
	err = stat_any(t, dirfd, name, flags, &s, &m);
	if (err != 0)
		return err;
	x.stx_mask = STATX_BASIC_STATS;
	x.stx_blksize = (uint32_t)s.st_blksize;
	x.stx_nlink = (uint32_t)s.st_nlink;
	x.stx_uid = s.st_uid;
	x.stx_gid = s.st_gid;
	x.stx_mode = (uint16_t)s.st_mode;
	x.stx_ino = s.st_ino;
	x.stx_size = (uint64_t)s.st_size;
	x.stx_blocks = (uint64_t)s.st_blocks;
	x.stx_atime = timestamp(s.st_atime, s.st_atime_nsec);
	x.stx_mtime = timestamp(s.st_mtime, s.st_mtime_nsec);
	x.stx_ctime = timestamp(s.st_ctime, s.st_ctime_nsec);
	x.stx_rdev_major = major_of(s.st_rdev);
	x.stx_rdev_minor = minor_of(s.st_rdev);
	x.stx_dev_major = major_of(s.st_dev);
	x.stx_dev_minor = minor_of(s.st_dev);
	fill_statx(&m, mask, &x);
	return copy_out(buf, &x, sizeof x);
}

/* ---- access ---- */

static long check_access(struct lx_thread *t, const struct path *p, uint32_t rwx)
{
	struct inode *i = p->dentry->inode;
	long err;

	if (rwx == 0)
		return 0;
	if ((rwx & 1) && IS_REG(i) && (p->mnt->flags & MS_NOEXEC))
		return -EACCES;
	err = bring_up_to_date(t, p->dentry);
	if (err == 0)
		err = inode_permission(t, i, rwx);
	if (err == 0 && (rwx & 2) && (IS_REG(i) || IS_DIR(i) || IS_LNK(i)))
		err = may_write(t, p);
	return err;
}

/* access(2) asks for the real ids: they become the effective ones for the walk. */
static long do_access(struct lx_thread *t, int dirfd, struct gva name, int how, int flags)
{
	uint32_t fsuid = t->cred.fsuid, fsgid = t->cred.fsgid;
	uint64_t caps = t->cred.cap_effective;
	struct path p;
	long err;

	if ((how & ~7) || (flags & ~(AT_EACCESS | AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH)))
		return -EINVAL;
	if (!(flags & AT_EACCESS) && (t->cred.uid != t->cred.fsuid || t->cred.gid != t->cred.fsgid)) {
		t->cred.fsuid = t->cred.uid;
		t->cred.fsgid = t->cred.gid;
		t->cred.cap_effective = t->cred.uid == user_ns_root(user_ns_of(t)) ? t->cred.cap_permitted : 0;
	}
	err = user_walk(t, dirfd, name, at_walk(flags), &p);
	if (err == 0) {
		err = check_access(t, &p, (uint32_t)how);
		path_put(&p);
	}
	t->cred.fsuid = fsuid;
	t->cred.fsgid = fsgid;
	t->cred.cap_effective = caps;
	return err;
}

long lx_sys_access(struct lx_thread *t, struct gva name, int how)
{
	return do_access(t, AT_FDCWD, name, how, 0);
}

long lx_sys_faccessat(struct lx_thread *t, int dirfd, struct gva name, int how)
{
	return do_access(t, dirfd, name, how, 0);
}

long lx_sys_faccessat2(struct lx_thread *t, int dirfd, struct gva name, int how, int flags)
{
	return do_access(t, dirfd, name, how, flags);
}

/* ---- statfs ---- */

/* ST_*, as statvfs(3) has them. */
static long mount_statfs_flags(const struct mount *m)
{
	uint32_t f = m->flags | (m->fs->flags & MS_RDONLY);

	return (long)(f & (MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC)) | (f & MS_NOATIME ? 0x400 : 0) | (f & MS_NODIRATIME ? 0x800 : 0) |
	       (f & MS_RELATIME ? 0x1000 : 0) | (f & MS_NOSYMFOLLOW ? 0x2000 : 0);
}

static long do_statfs(struct lx_thread *t, struct inode *i, const struct mount *m, struct gva buf)
{
	const struct inode_ops *ops = inode_ops(i);
	struct statfs s;
	long err = 0;

	memset(&s, 0, sizeof s);
	s.f_type = i->fs != NULL ? (long)i->fs->magic : ANON_INODE_FS_MAGIC;
	s.f_bsize = s.f_frsize = PAGE_SIZE;
	s.f_namelen = NAME_LIMIT;
	s.f_fsid.val[0] = (int)i->dev;
	if (ops->statfs != NULL)
		err = ops->statfs(t, i, &s);
	s.f_flags = 0x20; /* ST_VALID */
	if (m != NULL)
		s.f_flags |= mount_statfs_flags(m);
	return err != 0 ? err : copy_out(buf, &s, sizeof s);
}

long lx_sys_statfs(struct lx_thread *t, struct gva name, struct gva buf)
{
	struct path p;
	long err = user_walk(t, AT_FDCWD, name, WALK_FOLLOW, &p);

	if (err != 0)
		return err;
	err = do_statfs(t, p.dentry->inode, p.mnt, buf);
	path_put(&p);
	return err;
}

long lx_sys_fstatfs(struct lx_thread *t, int fd, struct gva buf)
{
	struct file *f = fd_get(t, fd);
	long err = -EBADF;

	if (f == NULL)
		return err;
	if (f->inode != NULL)
		err = do_statfs(t, f->inode, f->path.mnt, buf);
	else
		err = -ENOSYS;
	file_put(f);
	return err;
}
