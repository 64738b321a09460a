/* SPDX-License-Identifier: MIT */
/* linux/fs/fcntl.c - fcntl and the ioctls that every file has. */
#include "linux/fs/fs.h"
#include "linux/fs/io.h"

#define SETTABLE (O_APPEND | O_NONBLOCK | FASYNC | O_DIRECT | O_NOATIME)

/* The kernel's names that its user headers hide from us behind libc's. */
#ifndef F_DUPFD_CLOEXEC
#define F_DUPFD_CLOEXEC 1030
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

static long set_flags(struct lx_thread *t, struct file *f, uint32_t flags)
{
	uint32_t old = f->flags;

	if ((flags & O_NOATIME) && !(old & O_NOATIME) && f->inode != NULL && !inode_owner_or_capable(t, f->inode))
		return -EPERM;
	/* A failed exchange brings old up to date. */
	while (!atomic_compare_exchange_weak(&f->flags, &old, (old & ~(uint32_t)SETTABLE) | (flags & SETTABLE)))
		continue;
	return 0;
}

static long owner_ex(struct file *f, uint32_t cmd, struct gva arg)
{
	struct f_owner_ex o = { F_OWNER_PID, f->owner_pid };

	if (cmd == F_GETOWN_EX) {
		if (f->owner_pid < 0)
			o = (struct f_owner_ex){ F_OWNER_PGRP, -f->owner_pid };
		return copy_out(arg, &o, sizeof o);
	}
	if (copy_in(&o, arg, sizeof o) != 0)
		return -EFAULT;
	if (o.type < F_OWNER_TID || o.type > F_OWNER_PGRP)
		return -EINVAL;
	f->owner_pid = o.type == F_OWNER_PGRP ? -o.pid : o.pid;
	return 0;
}

static long owners(struct file *f, uint32_t cmd, uint64_t arg)
{
	switch (cmd) {
	case F_SETOWN:
		f->owner_pid = (int)arg;
		return 0;
	case F_GETOWN:
		return f->owner_pid;
	case F_SETSIG:
		if (arg > LX_NSIG)
			return -EINVAL;
		f->owner_sig = (int)arg;
		return 0;
	case F_GETSIG:
		return f->owner_sig;
	default:
		return owner_ex(f, cmd, (struct gva){ arg });
	}
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

/* Leases: no other process of ours breaks them by force; taking one works when nobody is in the way. */
static long lease(struct lx_thread *t, struct file *f, uint32_t cmd, uint64_t arg)
{
	if (f->inode == NULL || !IS_REG(f->inode))
		return -EINVAL;
	if (cmd == F_GETLEASE)
		return F_UNLCK;
	if (!inode_owner_or_capable(t, f->inode))
		return -EACCES;
	return arg == F_UNLCK ? 0 : -EAGAIN;
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
	case F_GETFL:
		return (long)f->flags;
	default:
		return f->kind == FILE_PATH ? -EBADF : -ENOSYS;
	}
}

static long file_fcntl(struct lx_thread *t, struct file *f, uint32_t cmd, uint64_t arg)
{
	switch (cmd) {
	case F_SETFL:
		return set_flags(t, f, (uint32_t)arg);
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
		return owners(f, cmd, arg);
	case F_SETPIPE_SZ:
	case F_GETPIPE_SZ:
		return pipe_fcntl(t, f, cmd, arg);
	case F_ADD_SEALS:
	case F_GET_SEALS:
		return seals(f, cmd, arg);
	case F_SETLEASE:
	case F_GETLEASE:
		return lease(t, f, cmd, arg);
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
		err = file_fcntl(t, f, cmd, arg);
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
	switch (cmd) {
	case FIOCLEX:
		return set_fd_flags(t, fd, true);
	case FIONCLEX:
		return set_fd_flags(t, fd, false);
	case FIONBIO:
		return set_flag_from(f, arg, O_NONBLOCK);
	case FIOASYNC:
		return set_flag_from(f, arg, FASYNC);
	case FIGETBSZ:
		return PUT_USER(arg, (int)PAGE_SIZE);
	case FIONREAD:
		if (f->inode != NULL && IS_REG(f->inode) && (f->kind == FILE_MEM || f->kind == FILE_HOST))
			return bytes_left(f, arg);
		return -ENOSYS;
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
	else
		err = common_ioctl(t, fd, f, cmd, (struct gva){ arg });
	if (err == -ENOSYS)
		err = ops->ioctl != NULL ? ops->ioctl(t, f, cmd, arg) : -ENOTTY;
	file_put(f);
	return err;
}
