/* SPDX-License-Identifier: MIT */
/* linux/aio/uring_fs.c - names, attributes, descriptors: mostly the system calls of the same name. */
#include "linux/aio/uring.h"
#include "linux/fs/fs.h"

#define G(addr) ((struct gva){ (addr) })

static long no_fixed(const struct io_uring_sqe *sqe)
{
	return sqe->flags & IOSQE_FIXED_FILE ? -EBADF : 0;
}

/* A new file to a descriptor, or to the fixed table. */
static long install(struct lx_thread *t, struct uring_req *r, struct file *f, bool cloexec)
{
	long n;

	if (r->sqe.file_index == 0)
		return anon_fd(t, f, cloexec);
	n = uring_fixed_install(r->ring, r->sqe.file_index, f);
	if (n < 0)
		file_put(f);
	return n;
}

URING_OP(openat)
{
	const struct io_uring_sqe *sqe = &r->sqe;
	struct file *f;
	long err = no_fixed(sqe);

	if (sqe->file_index != 0 && (sqe->open_flags & O_CLOEXEC))
		err = -EINVAL;
	if (err == 0)
		err = open_at(t, sqe->fd, G(sqe->addr), (int)sqe->open_flags, sqe->len, &f);
	return err != 0 ? err : install(t, r, f, sqe->open_flags & O_CLOEXEC);
}

URING_OP(openat2)
{
	const struct io_uring_sqe *sqe = &r->sqe;
	bool cloexec = false;
	struct file *f;
	long err = no_fixed(sqe);

	if (err == 0)
		err = open_file_how(t, sqe->fd, G(sqe->addr), G(sqe->off), sqe->len, &cloexec, &f);
	if (err != 0)
		return err;
	if (sqe->file_index != 0 && cloexec) {
		file_put(f);
		return -EINVAL;
	}
	return install(t, r, f, cloexec);
}

URING_OP(close)
{
	const struct io_uring_sqe *sqe = &r->sqe;
	struct file *f;
	bool ring;

	if (no_fixed(sqe) != 0)
		return -EBADF;
	if (sqe->file_index != 0)
		return sqe->fd != 0 ? -EINVAL : uring_fixed_close(r->ring, sqe->file_index - 1);
	f = fd_get(t, sqe->fd);
	if (f == NULL)
		return -EBADF;
	ring = uring_of(f) != NULL;
	file_put(f);
	return ring ? -EBADF : fd_close(t, sqe->fd);
}

URING_OP(statx)
{
	const struct io_uring_sqe *sqe = &r->sqe;

	if (no_fixed(sqe) != 0)
		return -EBADF;
	return lx_sys_statx(t, sqe->fd, G(sqe->addr), (int)sqe->statx_flags, sqe->len, G(sqe->addr2));
}

URING_OP(renameat)
{
	const struct io_uring_sqe *sqe = &r->sqe;

	if (no_fixed(sqe) != 0)
		return -EBADF;
	return lx_sys_renameat2(t, sqe->fd, G(sqe->addr), (int)sqe->len, G(sqe->addr2), sqe->rename_flags);
}

URING_OP(unlinkat)
{
	const struct io_uring_sqe *sqe = &r->sqe;

	if (no_fixed(sqe) != 0)
		return -EBADF;
	return lx_sys_unlinkat(t, sqe->fd, G(sqe->addr), (int)sqe->unlink_flags);
}

URING_OP(mkdirat)
{
	const struct io_uring_sqe *sqe = &r->sqe;

	if (no_fixed(sqe) != 0)
		return -EBADF;
	return lx_sys_mkdirat(t, sqe->fd, G(sqe->addr), sqe->len);
}

URING_OP(symlinkat)
{
	const struct io_uring_sqe *sqe = &r->sqe;

	if (no_fixed(sqe) != 0)
		return -EBADF;
	return lx_sys_symlinkat(t, G(sqe->addr), sqe->fd, G(sqe->addr2));
}

URING_OP(linkat)
{
	const struct io_uring_sqe *sqe = &r->sqe;

	if (no_fixed(sqe) != 0)
		return -EBADF;
	return lx_sys_linkat(t, sqe->fd, G(sqe->addr), (int)sqe->len, G(sqe->addr2), (int)sqe->hardlink_flags);
}

/* ---- Extended attributes: addr is the name, addr2 the value, addr3 the path ---- */

URING_OP(fsetxattr)
{
	return file_setxattr(t, r->io.file, G(r->sqe.addr), G(r->sqe.addr2), r->sqe.len, (int)r->sqe.xattr_flags);
}

URING_OP(setxattr)
{
	if (no_fixed(&r->sqe) != 0)
		return -EBADF;
	return lx_sys_setxattr(t, G(r->sqe.addr3), G(r->sqe.addr), G(r->sqe.addr2), r->sqe.len, (int)r->sqe.xattr_flags);
}

URING_OP(fgetxattr)
{
	return file_getxattr(t, r->io.file, G(r->sqe.addr), G(r->sqe.addr2), r->sqe.len);
}

URING_OP(getxattr)
{
	if (no_fixed(&r->sqe) != 0)
		return -EBADF;
	return lx_sys_getxattr(t, G(r->sqe.addr3), G(r->sqe.addr), G(r->sqe.addr2), r->sqe.len);
}

/* ---- Others ---- */

URING_OP(madvise)
{
	const struct io_uring_sqe *sqe = &r->sqe;

	return lx_sys_madvise(t, G(sqe->addr), sqe->len, (int)sqe->fadvise_advice);
}

URING_OP(epoll_ctl)
{
	const struct io_uring_sqe *sqe = &r->sqe;

	return lx_sys_epoll_ctl(t, sqe->fd, (int)sqe->len, (int)sqe->off, G(sqe->addr));
}

URING_OP(files_update)
{
	const struct io_uring_sqe *sqe = &r->sqe;

	if (sqe->len == 0)
		return -EINVAL;
	if ((uint32_t)sqe->off == IORING_FILE_INDEX_ALLOC)
		return uring_files_place(t, r->ring, G(sqe->addr), sqe->len);
	return uring_files_update(t, r->ring, (uint32_t)sqe->off, G(sqe->addr), GVA_NULL, sqe->len);
}
