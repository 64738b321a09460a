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

/* ---- Attributes ---- */

void *os_file_inode(const struct file *f)
{
	return f->inode;
}

static enum os_file_type type_of_mode(uint32_t mode)
{
	switch (mode & S_IFMT) {
	case S_IFDIR:
		return OS_DIRECTORY;
	case S_IFLNK:
		return OS_LINK;
	case S_IFIFO:
		return OS_PIPE;
	case S_IFSOCK:
		return OS_SOCKET;
	case S_IFCHR:
		return OS_CHAR;
	case S_IFBLK:
		return OS_BLOCK;
	default:
		return OS_FILE;
	}
}

enum os_file_type os_file_type(const struct file *f)
{

	if ((f->kind == FILE_STD && std_is_tty(f)) || f->kind == FILE_PTY)
		return OS_TTY;
	if (f->kind == FILE_PIPE)
		return OS_PIPE;
	if (f->kind == FILE_UNIX)
		return OS_SOCKET;
	return f->inode != NULL ? type_of_mode(f->inode->mode) : OS_CHAR;
}

bool os_file_seekable(const struct file *f)
{
	return lx_file_ops[f->kind]->seekable || (f->kind == FILE_STD && f->priv[STD_TYPE] == DK_TYPE_FILE);
}

uint32_t os_file_access(const struct file *f)
{
	uint32_t how = f->flags & O_ACCMODE;

	return (how != O_WRONLY ? 0x120089u : 0) | (how != O_RDONLY ? 0x120116u : 0);
}

bool os_path_is_link(const struct os_path *p)
{
	return IS_LNK(((const struct dentry *)p->dentry)->inode);
}

#define DOS_HIDDEN  2u
#define DOS_SYSTEM  4u
#define DOS_ARCHIVE 0x20u

/* dos_attr 0 is a file as Linux programs make them, with the archive attribute; 0x80 marks one that was told not to have it. */
void os_file_set_dos(struct file *f, uint32_t attributes)
{
	if (f->inode != NULL)
		f->inode->dos_attr = (attributes & (DOS_HIDDEN | DOS_SYSTEM)) | (attributes & DOS_ARCHIVE || attributes == 0 ? 0 : 0x80);
}

NTSTATUS os_rename(const char *from, const char *to)
{
	return os_status(vfs_rename(lx_current(), from, to, 0));
}

NTSTATUS os_link(struct file *f, const char *to)
{
	return os_status(vfs_link(lx_current(), &f->path, to));
}

bool os_file_is_running(const struct file *f)
{
	return f->inode != NULL && __atomic_load_n(&f->inode->deny_write, __ATOMIC_RELAXED) != 0;
}

static int64_t unix_time(int64_t t)
{
	return (t - OS_TIME_EPOCH) * 100;
}

NTSTATUS os_file_set_basic(struct file *f, int64_t btime, int64_t atime, int64_t mtime, uint32_t attributes)
{
	struct inode_attr a = { 0 };
	struct inode *i = f->inode;
	long err = 0;

	if (atime > 0) {
		a.valid |= IATTR_ATIME;
		a.atime_ns = unix_time(atime);
	}
	if (mtime > 0) {
		a.valid |= IATTR_MTIME;
		a.mtime_ns = unix_time(mtime);
	}
	if (attributes != 0 && IS_REG(i) && ((i->mode & 0222) == 0) != (attributes & 1)) {
		a.valid |= IATTR_MODE;
		a.mode = (i->mode & 07777 & ~0222u) | (attributes & 1 ? 0 : mode_with_umask(lx_current(), i, 0222));
	}
	if (a.valid != 0 && f->path.dentry != NULL)
		err = !inode_owner_or_capable(lx_current(), i) ? -EACCES : do_setattr(lx_current(), &f->path, &a);
	if (err != 0)
		return os_status(err);
	if (btime > 0 && i->kind == INODE_MEM)
		i->btime_ns = unix_time(btime);
	if (attributes != 0)
		os_file_set_dos(f, attributes);
	return STATUS_SUCCESS;
}

static int64_t nt_time(int64_t ns)
{
	int64_t t = ns / 100 - (ns % 100 < 0);

	return t + OS_TIME_EPOCH;
}

static void attr_of_inode(const struct inode *i, struct os_attr *a)
{
	a->type = type_of_mode(i->mode);
	a->nlink = i->nlink;
	a->deleted = i->nlink == 0;
	a->readonly = (i->mode & 0222) == 0;
	a->dos = i->dos_attr;
	a->ino = i->ino;
	a->dev = i->dev;
	a->size = i->size;
	a->allocated = i->blocks * 512;
	a->btime = nt_time(i->btime_ns != 0 ? i->btime_ns : MIN(i->mtime_ns, i->ctime_ns));
	a->atime = nt_time(i->atime_ns);
	a->mtime = nt_time(i->mtime_ns);
	a->ctime = nt_time(i->ctime_ns);
}

static long bring_up_to_date(struct dentry *d)
{
	const struct inode_ops *ops = inode_ops(d->inode);

	if (ops->refresh != NULL)
		return ops->refresh(lx_current(), d);
	return ops->getattr != NULL ? ops->getattr(lx_current(), d->inode) : 0;
}

NTSTATUS os_path_attr(const struct os_path *p, struct os_attr *a)
{
	struct dentry *d = p->dentry;
	long err = bring_up_to_date(d);

	if (err == 0)
		attr_of_inode(d->inode, a);
	return os_status(err);
}

NTSTATUS os_file_attr(struct file *f, struct os_attr *a)
{
	long err = 0;

	*a = (struct os_attr){ .type = OS_CHAR, .nlink = 1 };
	if (f->inode == NULL)
		return STATUS_SUCCESS;
	if (f->path.dentry != NULL && f->path.dentry->inode != NULL)
		err = bring_up_to_date(f->path.dentry);
	else if (inode_ops(f->inode) != NULL && inode_ops(f->inode)->getattr != NULL)
		err = inode_ops(f->inode)->getattr(lx_current(), f->inode);
	if (err == -ENOENT) /* its name is gone; what is known of it stays true */
		err = 0;
	attr_of_inode(f->inode, a);
	a->type = os_file_type(f);
	return os_status(err);
}

uint64_t os_file_length(const struct file *f)
{
	const struct inode *i = os_file_inode(f);

	return i != NULL ? i->size : 0;
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

	if (f->kind == FILE_PIPE)
		return ((struct pipe *)f->object)->ring.used;
	return f->kind == FILE_STD ? std_available(f) : 0;
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
