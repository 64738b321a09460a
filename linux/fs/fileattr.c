/* SPDX-License-Identifier: MIT */
/*
 * linux/fs/fileattr.c - flags of files: immutable, append only and the like (chattr);
 * by ioctl, and by file_getattr and file_setattr.
 *
 * They are kept in the inode, for files of -v folders inside only (hostshade.c).
 * What they forbid is looked at where permissions are: inode_permission (writing),
 * check_open, may_delete, may_link, setattr, extended attributes.
 */
#include "linux/fs/hostfs.h"

#define KEPT (FS_IMMUTABLE_FL | FS_APPEND_FL | FS_NODUMP_FL | FS_NOATIME_FL)
#define ROOTS (FS_IMMUTABLE_FL | FS_APPEND_FL)

static const struct { uint32_t fl, x; } map[] = { { FS_IMMUTABLE_FL, FS_XFLAG_IMMUTABLE }, { FS_APPEND_FL, FS_XFLAG_APPEND },
	{ FS_NODUMP_FL, FS_XFLAG_NODUMP }, { FS_NOATIME_FL, FS_XFLAG_NOATIME } };

/* Files and directories of file systems that can keep them. */
static bool has_flags(const struct inode *i)
{
	return (IS_REG(i) || IS_DIR(i)) && (i->kind == INODE_MEM || i->kind == INODE_HOST);
}

static long set_flags(struct lx_thread *t, const struct path *p, uint32_t flags)
{
	struct inode *i = p->dentry->inode;
	struct inode_attr a = { .valid = IATTR_CTIME };
	long err = may_write(t, p);

	if (err != 0)
		return err;
	if (!inode_owner_or_capable(t, i))
		return -EPERM;
	if (flags & ~(uint32_t)KEPT)
		return -EOPNOTSUPP;
	if (((flags ^ i->attr_flags) & ROOTS) && !lx_capable(t, CAP_LINUX_IMMUTABLE))
		return -EPERM;
	if (i->kind == INODE_HOST) {
		err = shade_set_flags(i, flags);
	} else {
		a.ctime_ns = vfs_now();
		err = inode_ops(i)->setattr(t, p->dentry, &a); /* a file of the host's is ours from now on */
	}
	if (err == 0)
		i->attr_flags = flags;
	return err;
}

static long get_old(const struct inode *i, struct gva arg)
{
	return PUT_USER(arg, i->attr_flags);
}

static long set_old(struct lx_thread *t, struct file *f, struct gva arg)
{
	uint32_t flags;

	if (copy_in(&flags, arg, sizeof flags) != 0)
		return -EFAULT;
	return set_flags(t, &f->path, flags);
}

static uint32_t xflags_of(uint32_t flags)
{
	uint32_t x = 0;

	for (unsigned k = 0; k < ARRAY_LEN(map); k++)
		if (flags & map[k].fl)
			x |= map[k].x;
	return x;
}

static long set_xflags(struct lx_thread *t, const struct path *p, uint64_t x)
{
	uint32_t flags = 0;

	for (unsigned k = 0; k < ARRAY_LEN(map); k++)
		if (x & map[k].x) {
			flags |= map[k].fl;
			x &= ~(uint64_t)map[k].x;
		}
	return x != 0 ? -EOPNOTSUPP : set_flags(t, p, flags);
}

static long get_xattr_flags(const struct inode *i, struct gva arg)
{
	struct fsxattr x = { .fsx_xflags = xflags_of(i->attr_flags) };

	return copy_out(arg, &x, sizeof x);
}

static long set_xattr_flags(struct lx_thread *t, struct file *f, struct gva arg)
{
	struct fsxattr x;

	if (copy_in(&x, arg, sizeof x) != 0)
		return -EFAULT;
	if (x.fsx_extsize != 0 || x.fsx_projid != 0 || x.fsx_cowextsize != 0)
		return -EOPNOTSUPP;
	return set_xflags(t, &f->path, x.fsx_xflags);
}

long fileattr_ioctl(struct lx_thread *t, struct file *f, uint32_t cmd, struct gva arg)
{
	if (f->path.dentry == NULL || !has_flags(f->inode))
		return -ENOTTY;
	switch (cmd) {
	case FS_IOC_GETFLAGS:
		return get_old(f->inode, arg);
	case FS_IOC_SETFLAGS:
		return set_old(t, f, arg);
	case FS_IOC_FSGETXATTR:
		return get_xattr_flags(f->inode, arg);
	case FS_IOC_FSSETXATTR:
		return set_xattr_flags(t, f, arg);
	default:
		return -ENOTTY;
	}
}

/* ---- file_getattr, file_setattr ---- */

struct lx_file_attr { /* the kernel's struct file_attr, version 0 */
	uint64_t xflags;
	uint32_t extsize, nextents, projid, cowextsize;
};

static long check_call(uint64_t size, int flags)
{
	if (flags & ~(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH))
		return -EINVAL;
	if (size > PAGE_SIZE)
		return -E2BIG;
	return size < sizeof(struct lx_file_attr) ? -EINVAL : 0;
}

static uint32_t walk_of(int flags)
{
	return (flags & AT_SYMLINK_NOFOLLOW ? 0 : WALK_FOLLOW) | (flags & AT_EMPTY_PATH ? WALK_EMPTY : 0);
}

long lx_sys_file_getattr(struct lx_thread *t, int dirfd, struct gva name, struct gva ptr, uint64_t size, int flags)
{
	struct lx_file_attr a = { 0 };
	struct path p;
	long err = check_call(size, flags);

	if (err == 0)
		err = user_walk(t, dirfd, name, walk_of(flags), &p);
	if (err != 0)
		return err;
	if (!has_flags(p.dentry->inode))
		err = -EOPNOTSUPP;
	a.xflags = xflags_of(p.dentry->inode->attr_flags);
	path_put(&p);
	if (err == 0 && size > sizeof a)
		err = clear_out(gva_add(ptr, sizeof a), size - sizeof a);
	return err != 0 ? err : copy_out(ptr, &a, sizeof a);
}

/* What this struct does not know yet must be 0. */
static long rest_is_zero(struct gva ptr, uint64_t from, uint64_t size)
{
	uint8_t byte;

	for (; from < size; from++) {
		if (copy_in(&byte, gva_add(ptr, from), 1) != 0)
			return -EFAULT;
		if (byte != 0)
			return -E2BIG;
	}
	return 0;
}

long lx_sys_file_setattr(struct lx_thread *t, int dirfd, struct gva name, struct gva ptr, uint64_t size, int flags)
{
	struct lx_file_attr a;
	struct path p;
	long err = check_call(size, flags);

	if (err != 0)
		return err;
	if (copy_in(&a, ptr, sizeof a) != 0)
		return -EFAULT;
	err = rest_is_zero(ptr, sizeof a, size);
	if (err == 0)
		err = user_walk(t, dirfd, name, walk_of(flags), &p);
	if (err != 0)
		return err;
	if (!has_flags(p.dentry->inode) || a.extsize != 0 || a.projid != 0 || a.cowextsize != 0)
		err = -EOPNOTSUPP;
	else
		err = set_xflags(t, &p, a.xflags);
	path_put(&p);
	return err;
}
