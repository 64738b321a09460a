/* SPDX-License-Identifier: MIT */
/*
 * nt/os/file.c - open files, by linux/fs.
 *
 * Reads and writes go through the kind's own operations rather than file_read and file_write: those raise
 * signals (SIGPIPE, SIGXFSZ), which NT processes do not have.
 */
#include "nt/os/file.h"
#include "linux/fs/fs.h"
#include "linux/fs/pipe.h"
#include "linux/fs/std.h"
#include "nt/os/pipefile.h"
#include "nt/os/sock.h"

/* ---- Opening ---- */

static int flags_of(uint32_t how)
{
	int flags = how & OS_SYNC ? O_SYNC : 0;

	if (how & (OS_WRITE | OS_APPEND))
		flags |= how & OS_READ ? O_RDWR : O_WRONLY;
	else if (!(how & OS_READ))
		return O_PATH;
	if ((how & (OS_WRITE | OS_APPEND)) == OS_APPEND)
		flags |= O_APPEND;
	return flags | (how & OS_TRUNCATE ? O_TRUNC : 0);
}

NTSTATUS os_file_open(const struct os_path *p, uint32_t how, struct file **out)
{
	struct path path = { p->mount, p->dentry };
	int flags = flags_of(how);
	struct file *f;
	long err;

	if (IS_DIR(path.dentry->inode))
		flags = (flags & O_PATH) | O_DIRECTORY;
	else if (IS_LNK(path.dentry->inode))
		flags = O_PATH;
	else if (!IS_REG(path.dentry->inode))
		flags |= O_NONBLOCK; /* who opens a FIFO does not wait for the other end */
	err = open_checked(lx_current(), &path, flags, &f);
	if (err < 0)
		return os_status(err);
	if (flags & O_NONBLOCK)
		atomic_fetch_and(&f->flags, ~(uint32_t)O_NONBLOCK);
	*out = f;
	return STATUS_SUCCESS;
}

NTSTATUS os_file_create(const char *text, uint32_t how, bool readonly, struct file **out)
{
	int flags = O_CREAT | O_EXCL | (how & OS_APPEND && !(how & OS_WRITE) ? O_APPEND : 0) | (how & OS_SYNC ? O_SYNC : 0);
	struct file *f;
	long err;

	if (how & (OS_WRITE | OS_APPEND))
		flags |= how & OS_READ ? O_RDWR : O_WRONLY;
	err = open_flags(lx_current(), AT_FDCWD, text, flags, readonly ? 0444 : 0666, 0, &f);
	if (err < 0)
		return os_status(err);
	*out = f;
	return STATUS_SUCCESS;
}

NTSTATUS os_mkdir(const char *text)
{
	return os_status(vfs_mkdir(lx_current(), AT_FDCWD, text, 0777));
}

NTSTATUS os_remove(const char *text, bool directory)
{
	return os_status(vfs_unlink(lx_current(), AT_FDCWD, text, directory));
}

void os_file_get(struct file *f)
{
	file_get(f);
}

void os_file_put(struct file *f)
{
	if (f != NULL)
		file_put(f);
}

struct file *os_descriptor(int fd)
{
	return (struct file *)fd_get(lx_current(), fd);
}

int os_descriptor_add(struct file *f)
{
	int fd;

	os_file_get(f);
	fd = fd_install(lx_current(), f, true, 0);
	if (fd < 0)
		os_file_put(f);
	return fd < 0 ? -1 : fd;
}

/* ---- Reading and writing ---- */

static NTSTATUS iov_of(uint64_t va, uint32_t size, struct dk_segment *seg, struct iov *v)
{
	*seg = (struct dk_segment){ (void *)va, size };
	*v = (struct iov){ seg, 1, false, size };
	return size != 0 && !guest_range_ok(va, size) ? (NTSTATUS)STATUS_ACCESS_VIOLATION : STATUS_SUCCESS;
}

static NTSTATUS moved(long n, uint64_t *done)
{
	*done = n > 0 ? (uint64_t)n : 0;
	return n < 0 ? os_status(n) : STATUS_SUCCESS;
}

NTSTATUS os_file_read(struct file *f, uint64_t va, uint32_t size, uint64_t offset, uint64_t *done)
{
	struct dk_segment seg;
	struct iov v;
	NTSTATUS status = iov_of(va, size, &seg, &v);
	long n;

	*done = 0;
	if (status != STATUS_SUCCESS)
		return status;
	if (UNLIKELY(lx_file_ops[f->kind]->read == NULL))
		return STATUS_INVALID_DEVICE_REQUEST;
	n = lx_file_ops[f->kind]->read(lx_current(), f, &v, &offset);
	if (fs_watched() && n > 0)
		fs_notify_file(f, 1u /* IN_ACCESS */);
	return moved(n, done);
}

NTSTATUS os_file_read_mem(struct file *f, void *to, uint32_t size, uint64_t offset, uint64_t *done)
{
	struct dk_segment seg = { to, size };
	const struct iov v = { .seg = &seg, .count = 1, .kernel = true, .size = size };

	*done = 0;
	if (lx_file_ops[f->kind]->read == NULL)
		return STATUS_INVALID_DEVICE_REQUEST;
	return moved(lx_file_ops[f->kind]->read(lx_current(), f, &v, &offset), done);
}

NTSTATUS os_file_write(struct file *f, uint64_t va, uint32_t size, uint64_t offset, uint64_t *done)
{
	struct dk_segment seg;
	struct iov v;
	NTSTATUS status = iov_of(va, size, &seg, &v);
	long n;

	*done = 0;
	if (status != STATUS_SUCCESS)
		return status;
	if (UNLIKELY(lx_file_ops[f->kind]->write == NULL))
		return STATUS_INVALID_DEVICE_REQUEST;
	n = lx_file_ops[f->kind]->write(lx_current(), f, &v, &offset);
	if (fs_watched() && n > 0)
		fs_notify_file(f, 2u /* IN_MODIFY */);
	return moved(n, done);
}

/* What file_rw does at the description's position, without its signals. */
static long here(struct file *f, struct iov *v, bool write)
{
	const struct file_ops *ops = lx_file_ops[f->kind];
	uint64_t pos = DK_OFFSET_NONE;
	long n;

	if ((write ? ops->write : ops->read) == NULL)
		return -EINVAL;
	if (!ops->seekable)
		return write ? ops->write(lx_current(), f, v, &pos) : ops->read(lx_current(), f, v, &pos);
	lock_take(&f->lock);
	pos = f->pos;
	n = write ? ops->write(lx_current(), f, v, &pos) : ops->read(lx_current(), f, v, &pos);
	if (n >= 0)
		f->pos = pos;
	lock_drop(&f->lock);
	return n;
}

NTSTATUS os_file_read_here(struct file *f, uint64_t va, uint32_t size, uint64_t *done)
{
	struct dk_segment seg;
	struct iov v;
	NTSTATUS status = iov_of(va, size, &seg, &v);

	*done = 0;
	return status != STATUS_SUCCESS ? status : moved(here(f, &v, false), done);
}

NTSTATUS os_file_write_here(struct file *f, uint64_t va, uint32_t size, uint64_t *done)
{
	struct dk_segment seg;
	struct iov v;
	NTSTATUS status = iov_of(va, size, &seg, &v);

	*done = 0;
	return status != STATUS_SUCCESS ? status : moved(here(f, &v, true), done);
}

long os_file_pread(struct file *f, void *buf, uint32_t size, uint64_t offset)
{
	return vfs_pread(lx_current(), f, buf, size, offset);
}

NTSTATUS os_file_set_size(struct file *f, uint64_t size)
{
	const struct file_ops *ops = lx_file_ops[f->kind];
	long err;

	if (ops->truncate == NULL || f->inode == NULL || !IS_REG(f->inode))
		return STATUS_INVALID_PARAMETER;
	if ((f->flags & O_ACCMODE) == O_RDONLY)
		return STATUS_ACCESS_DENIED;
	err = ops->truncate(lx_current(), f, size);
	if (err == 0 && fs_watched())
		fs_notify_file(f, 2u /* IN_MODIFY */);
	return os_status(err);
}

NTSTATUS os_file_flush(struct file *f)
{
	const struct file_ops *ops = lx_file_ops[f->kind];
	long err = ops->sync != NULL ? ops->sync(lx_current(), f, false) : 0;

	return err == -EINVAL || err == -EBADF ? STATUS_SUCCESS : os_status(err);
}

uint64_t os_file_position(struct file *f)
{
	const struct file_ops *ops = lx_file_ops[f->kind];
	long pos = ops->seek != NULL ? ops->seek(lx_current(), f, 0, SEEK_CUR) : 0;

	return pos > 0 ? (uint64_t)pos : 0;
}

NTSTATUS os_file_seek(struct file *f, uint64_t position)
{
	const struct file_ops *ops = lx_file_ops[f->kind];
	long pos = ops->seek != NULL ? ops->seek(lx_current(), f, (int64_t)position, SEEK_SET) : -EINVAL;

	return pos < 0 ? STATUS_INVALID_PARAMETER : STATUS_SUCCESS;
}

static uint64_t std_available(struct file *f)
{
	dk_handle stream = std_stream(f);
	uint64_t n = 0, done;

	if (stream == DK_NO_HANDLE || DkStreamAttributesQueryByHandle(stream, DK_ATTR_AVAILABLE, &n, sizeof n, &done) != DK_OK)
		return 0;
	return n;
}

uint64_t os_file_available(struct file *f)
{
	switch (f->kind) {
	case FILE_PIPE:
		return ((struct pipe *)f->object)->ring.used;
	case FILE_SOCKET:
		return os_sock_available(f);
	case FILE_NTPIPE:
		return npfs_linux_available(f->object);
	default:
		return f->kind == FILE_STD ? std_available(f) : 0;
	}
}

static NTSTATUS pipe_peek(struct pipe *p, struct dk_segment *seg, uint64_t *done)
{
	const struct iov v = { .seg = seg, .count = 1, .size = seg->size };
	uint32_t n;

	lock_take(&p->lock);
	n = (uint32_t)MIN((uint64_t)p->ring.used, v.size);
	*done = ring_peek(&p->ring, p->packets ? (uint32_t)sizeof(uint32_t) : 0, &v, 0, p->packets ? 0 : n);
	lock_drop(&p->lock);
	return *done == n || p->packets ? STATUS_SUCCESS : (NTSTATUS)STATUS_ACCESS_VIOLATION;
}

NTSTATUS os_file_peek(struct file *f, uint64_t va, uint32_t size, uint64_t *done)
{
	struct dk_segment seg = { .base = (void *)va, .size = size };
	struct os_sock_io io = { .seg = &seg, .count = 1, .flags = OS_MSG_PEEK };
	NTSTATUS status;

	*done = 0;
	if (size == 0 || os_file_available(f) == 0)
		return STATUS_SUCCESS;
	if (!guest_range_ok(va, size))
		return STATUS_ACCESS_VIOLATION;
	if (f->kind == FILE_PIPE)
		return pipe_peek(f->object, &seg, done);
	if (f->kind != FILE_SOCKET)
		return STATUS_SUCCESS;
	status = os_sock_recv(f, &io, done);
	return status == (NTSTATUS)STATUS_ACCESS_VIOLATION ? status : STATUS_SUCCESS;
}

NTSTATUS os_file_zero(struct file *f, uint64_t offset, uint64_t size)
{
	const struct file_ops *ops = lx_file_ops[f->kind];

	if (ops->fallocate == NULL)
		return STATUS_NOT_SUPPORTED;
	return os_status(ops->fallocate(lx_current(), f, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, offset, size));
}

NTSTATUS os_file_space(struct file *f, struct os_space *s)
{
	const struct inode_ops *ops = f->inode != NULL ? inode_ops(f->inode) : NULL;
	struct statfs fs;
	long err = 0;

	memset(&fs, 0, sizeof fs);
	if (ops != NULL && ops->statfs != NULL)
		err = ops->statfs(lx_current(), f->inode, &fs);
	if (fs.f_bsize == 0)
		fs.f_bsize = PAGE_SIZE;
	*s = (struct os_space){ (uint64_t)(fs.f_blocks * fs.f_bsize), (uint64_t)(fs.f_bfree * fs.f_bsize), (uint64_t)(fs.f_bavail * fs.f_bsize) };
	return os_status(err);
}

NTSTATUS os_file_wait_readable(struct file *f)
{
	return os_status(file_wait(lx_current(), f, EPOLLIN | EPOLLHUP, DK_FOREVER));
}

bool os_file_hung_up(struct file *f)
{
	return (file_poll(lx_current(), f, NULL) & EPOLLHUP) != 0;
}
