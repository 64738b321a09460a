/* SPDX-License-Identifier: MIT */
/* linux/fs/fcntl.c - fcntl and the ioctls that every file has. */
#include "linux/fs/fasync.h"
#include "linux/fs/fs.h"
#include "linux/fs/io.h"
#include "linux/sec/landlock.h"

#define SETTABLE (O_APPEND | O_NONBLOCK | FASYNC | O_DIRECT | O_NOATIME)

/* The kernel's names that its user headers hide from us behind libc's. */
#ifndef F_DUPFD_CLOEXEC
#define F_DUPFD_CLOEXEC 1030
#endif
#ifndef F_CREATED_QUERY
#define F_CREATED_QUERY 1028
#endif

static long dup_from(struct lx_thread *t, struct file *f, uint64_t min, bool cloexec)
{
	long fd;

	if (min >= MIN(t->proc->rlim[RLIMIT_NOFILE].rlim_cur, 1ull << 20))
		return -EINVAL;
	file_get(f);
	fd = fd_install(t, f, cloexec, (int)min);
	if (fd < 0)
		file_put(f);
	return fd;
}

static long get_fd_flags(struct lx_thread *t, int fd)
{
	struct fdtable *fdt = t->proc->fdt;
	long flags = -EBADF;

	lock_take(&fdt->lock);
	if ((uint32_t)fd < fdt->size && fdt->slot[fd] != NULL)
		flags = fdt->cloexec[fd] ? FD_CLOEXEC : 0;
	lock_drop(&fdt->lock);
	return flags;
}

static long set_fd_flags(struct lx_thread *t, int fd, bool cloexec)
{
	struct fdtable *fdt = t->proc->fdt;
	long err = -EBADF;

	lock_take(&fdt->lock);
	if ((uint32_t)fd < fdt->size && fdt->slot[fd] != NULL) {
		fdt->cloexec[fd] = cloexec;
		err = 0;
	}
	lock_drop(&fdt->lock);
	return err;
}

static long set_flags(struct lx_thread *t, int fd, struct file *f, uint32_t flags)
{
	uint32_t old = f->flags;

	if (f->inode != NULL && IS_APPEND(f->inode) && (old & ~flags & O_APPEND))
		return -EPERM;
	if ((flags & O_NOATIME) && !(old & O_NOATIME) && f->inode != NULL && !inode_owner_or_capable(t, f->inode))
		return -EPERM;
	/* A failed exchange brings old up to date. */
	while (!atomic_compare_exchange_weak(&f->flags, &old, (old & ~(uint32_t)SETTABLE) | (flags & SETTABLE)))
		continue;
	return ((old ^ flags) & FASYNC) ? fasync_set(t, f, fd, (flags & FASYNC) != 0) : 0;
}

static long seals(struct file *f, uint32_t cmd, uint64_t arg)
{
	if (f->kind != FILE_MEM || f->inode->kind != INODE_MEM)
		return -EINVAL;
	if (cmd == F_GET_SEALS)
		return (long)mem_seals(f->inode);
	if ((f->flags & O_ACCMODE) == O_RDONLY)
		return -EPERM;
	if (arg & ~(uint64_t)(F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_FUTURE_WRITE))
		return -EINVAL;
	return mem_add_seals(f->inode, (uint32_t)arg);
}

static long path_fcntl(struct lx_thread *t, int fd, struct file *f, uint32_t cmd, uint64_t arg)
{
	switch (cmd) {
	case F_DUPFD:
		return dup_from(t, f, arg, false);
	case F_DUPFD_CLOEXEC:
		return dup_from(t, f, arg, true);
	case F_GETFD:
		return get_fd_flags(t, fd);
	case F_SETFD:
		return set_fd_flags(t, fd, (arg & FD_CLOEXEC) != 0);
	case F_CREATED_QUERY:
		return f->created;
	case F_GETFL:
		return (long)f->flags;
	default:
		return f->kind == FILE_PATH ? -EBADF : -ENOSYS;
	}
}

static long file_fcntl(struct lx_thread *t, int fd, struct file *f, uint32_t cmd, uint64_t arg)
{
	switch (cmd) {
	case F_SETFL:
		return set_flags(t, fd, f, (uint32_t)arg);
	case F_GETLK:
	case F_SETLK:
	case F_SETLKW:
	case F_OFD_GETLK:
	case F_OFD_SETLK:
	case F_OFD_SETLKW:
		return lock_fcntl(t, f, cmd, (struct gva){ arg });
	case F_SETOWN:
	case F_GETOWN:
	case F_SETSIG:
	case F_GETSIG:
	case F_SETOWN_EX:
	case F_GETOWN_EX:
		return owner_fcntl(t, f, cmd, arg);
	case F_SETPIPE_SZ:
	case F_GETPIPE_SZ:
		return pipe_fcntl(t, f, cmd, arg);
	case F_ADD_SEALS:
	case F_GET_SEALS:
		return seals(f, cmd, arg);
	case F_SETLEASE:
		return lease_set(t, f, fd, arg);
	case F_NOTIFY:
		return dnotify_set(t, f, fd, (uint32_t)arg);
	case F_GETLEASE:
		return lease_get(f);
	case F_GET_RW_HINT:
	case F_GET_FILE_RW_HINT: {
		uint64_t hint = 0;

		return copy_out((struct gva){ arg }, &hint, sizeof hint);
	}
	case F_SET_RW_HINT:
	case F_SET_FILE_RW_HINT:
		return 0;
	default:
		return -EINVAL;
	}
}

long lx_sys_fcntl(struct lx_thread *t, int fd, uint32_t cmd, uint64_t arg)
{
	struct file *f = fd_get(t, fd);
	long err;

	if (f == NULL)
		return -EBADF;
	err = path_fcntl(t, fd, f, cmd, arg);
	if (err == -ENOSYS)
		err = file_fcntl(t, fd, f, cmd, arg);
	file_put(f);
	return err;
}

/* ---- ioctl ---- */

static long set_flag_from(struct file *f, struct gva arg, uint32_t flag)
{
	int on;

	if (copy_in(&on, arg, sizeof on) != 0)
		return -EFAULT;
	if (on)
		atomic_fetch_or(&f->flags, flag);
	else
		atomic_fetch_and(&f->flags, ~flag);
	return 0;
}

static long bytes_left(struct file *f, struct gva arg)
{
	uint64_t size = f->inode->size;

	return PUT_USER(arg, (int)(f->pos < size ? size - f->pos : 0));
}

static long common_ioctl(struct lx_thread *t, int fd, struct file *f, uint32_t cmd, struct gva arg)
{
	long err;

	switch (cmd) {
	case FIOCLEX:
		return set_fd_flags(t, fd, true);
	case FIONCLEX:
		return set_fd_flags(t, fd, false);
	case FIONBIO:
		return set_flag_from(f, arg, O_NONBLOCK);
	case FIOASYNC:
		err = set_flag_from(f, arg, FASYNC);
		return err != 0 ? err : fasync_set(t, f, fd, (f->flags & FASYNC) != 0);
	case FIGETBSZ:
		return PUT_USER(arg, (int)PAGE_SIZE);
	case FIONREAD:
		if (f->inode != NULL && IS_REG(f->inode) && (f->kind == FILE_MEM || f->kind == FILE_HOST))
			return bytes_left(f, arg);
		return -ENOSYS;
	case FS_IOC_GETFLAGS:
	case FS_IOC_SETFLAGS:
	case FS_IOC_FSGETXATTR:
	case FS_IOC_FSSETXATTR:
		return fileattr_ioctl(t, f, cmd, arg);
	case FICLONE:
	case FICLONERANGE:
	case FIDEDUPERANGE:
		return -EOPNOTSUPP;
	default:
		return -ENOSYS;
	}
}

long lx_sys_ioctl(struct lx_thread *t, int fd, uint32_t cmd, uint64_t arg)
{
	struct file *f = fd_get(t, fd);
	const struct file_ops *ops;
	long err;

	if (f == NULL)
		return -EBADF;
	ops = lx_file_ops[f->kind];
	if (f->kind == FILE_PATH)
		err = -EBADF;
	else if (UNLIKELY(f->landlock_denied & LL_IOCTL_DEV >> 14) && landlock_ioctl(f, cmd) != 0)
		err = -EACCES;
	else
		err = common_ioctl(t, fd, f, cmd, (struct gva){ arg });
	if (err == -ENOSYS)
		err = ops->ioctl != NULL ? ops->ioctl(t, f, cmd, arg) : -ENOTTY;
	file_put(f);
	return err;
}
