/* SPDX-License-Identifier: MIT */
/* linux/fs/hostfile_dk.c - open regular files of the host: each has a stream of its own, or (hostsmall_dk.c) none yet. */
#include "linux/fs/hostfs.h"

static long open_stream(struct dentry *d, struct file *f, bool keep)
{
	static const uint8_t access[4] = { DK_READ, DK_WRITE, DK_READ | DK_WRITE, DK_READ | DK_WRITE };
	struct dk_open o = { .access = access[f->flags & O_ACCMODE], .share = 7, .disposition = DK_OPEN_EXISTING };
	char *uri = host_uri(d, NULL, 0);
	enum dk_status status;

	if (uri == NULL)
		return -ENOMEM;
	if (f->flags & O_TRUNC)
		o.disposition = DK_TRUNCATE;
	else if (keep)
		o.options = DK_OPTION_KEEP;
	status = DkStreamOpen(uri, &o, &f->stream);
	heap_free(uri);
	if (status == DK_NOT_FOUND || status == DK_SYMLINK || status == DK_NOT_DIRECTORY) {
		dentry_drop(d);
		return -ESTALE;
	}
	if (status != DK_OK)
		return lx_err(status);
	if (!host_is(d->inode, &o.attr)) { /* the name has just become another file's: that one's rights are to be looked at */
		(void)DkObjectClose(f->stream);
		f->stream = DK_NO_HANDLE;
		host_doubt(d);
		return -ESTALE;
	}
	host_take_attr(d->inode, &o.attr);
	if (o.options & DK_OPTION_KEEP)
		again_keep(f);
	return 0;
}

static dk_handle take_fresh(struct inode *i, int flags)
{
	dk_handle stream = DK_NO_HANDLE;

	lock_take(&i->lock);
	if (!host(i)->fresh_reads || ((flags & O_ACCMODE) == O_RDONLY && !(flags & O_TRUNC))) {
		stream = host(i)->fresh;
		host(i)->fresh = DK_NO_HANDLE;
		host(i)->fresh_reads = false;
	}
	lock_drop(&i->lock);
	return stream;
}

static long open_regular(struct dentry *d, struct file *f)
{
	bool changes = (f->flags & O_ACCMODE) != O_RDONLY, reads = !changes && !(f->flags & O_TRUNC), keep = reads && again_wanted(d->inode);
	long err = 0;

	if (changes)
		host_write_begin(d->inode);
	f->stream = take_fresh(d->inode, f->flags);
	if (f->stream == DK_NO_HANDLE && !(reads && (again_open(f) || (!keep && small_open(d, f)))))
		err = open_stream(d, f, keep);
	if (changes && err < 0)
		host_write_end(d->inode);
	else if (f->flags & O_TRUNC)
		host_written(d->inode);
	return err;
}

long host_open(struct lx_thread *t, struct dentry *d, struct file *f)
{
	long err;

	if (S_IFMT_(d->inode->mode) == S_IFIFO)
		return fifo_open(t, d->inode, f);
	if (S_IFMT_(d->inode->mode) == S_IFCHR || S_IFMT_(d->inode->mode) == S_IFBLK)
		return dev_open(t, d->inode, f);
	if (!IS_REG(d->inode))
		return -ENXIO;
	err = open_regular(d, f);
	if (err == 0)
		f->kind = FILE_HOST;
	return err;
}

/*
 * May the owner that is known be kept?  A picoprocess does not see who owns a file of the host's: in its user
 * namespace all but one are nobody.  Who changes the owner changes ctime, and where the file is watched that is told.
 */
static bool owner_kept(const struct file *f, const struct dk_attributes *a)
{
	uint64_t done;

	return a->ctime_ns == f->inode->ctime_ns ||
		(f->stream == host(f->inode)->again && DkStreamAttributesQueryByHandle(f->stream, DK_ATTR_SAME, NULL, 0, &done) == DK_OK);
}

void host_file_refresh(struct file *f)
{
	struct dk_attributes a;
	uint64_t done;

	if (f->stream == DK_NO_HANDLE && (small_fresh(f) || host_stream(f) < 0))
		return;
	if (DkStreamAttributesQueryByHandle(f->stream, DK_ATTR_STAT, &a, sizeof a, &done) != DK_OK)
		return;
	if (owner_kept(f, &a)) {
		a.btime_ns = f->inode->btime_ns;
		a.uid = f->inode->uid;
		a.gid = f->inode->gid;
	} else if (DkStreamAttributesQueryByHandle(f->stream, DK_ATTR_BASIC, &a, sizeof a, &done) != DK_OK) {
		return;
	}
	host_take_attr(f->inode, &a);
}

void host_file_current(struct file *f)
{
	if (host(f->inode)->reopened || !host_believed(host(f->inode)->until, pico_now_coarse()))
		host_file_refresh(f);
}

static long read_host(struct lx_thread *t, struct file *f, const struct iov *v, uint64_t *pos)
{
	long n = UNLIKELY(f->stream == DK_NO_HANDLE) ? small_read(f, v, *pos) : -EAGAIN;

	if (n == -EAGAIN)
		n = v->size == 0 ? 0 : rw_host_read(f->stream, v, *pos, 0);
	if (n > 0)
		*pos += (uint64_t)n;
	return n;
}

static long write_host(struct lx_thread *t, struct file *f, const struct iov *v, uint64_t *pos)
{
	struct inode *i = f->inode;
	uint32_t flags = (f->flags & O_APPEND ? DK_IO_APPEND : 0) | (f->flags & O_DSYNC ? DK_IO_SYNC : 0);
	long n;

	if (v->size == 0)
		return 0;
	n = rw_host_write(f->stream, v, *pos, flags);
	if (n <= 0)
		return n;
	host(i)->until = 0;
	if (f->flags & O_APPEND) {
		host_file_refresh(f);
		*pos = i->size;
		return n;
	}
	*pos += (uint64_t)n;
	if (*pos > i->size)
		i->size = *pos;
	return n;
}

static long seek_host(struct lx_thread *t, struct file *f, int64_t offset, int whence)
{
	int64_t to = offset, base = 0;

	switch (whence) {
	case SEEK_SET:
		break;
	case SEEK_CUR:
		base = (int64_t)f->pos;
		break;
	case SEEK_END:
		host_file_refresh(f);
		base = (int64_t)f->inode->size;
		break;
	case SEEK_DATA:
	case SEEK_HOLE: /* the whole file counts as data, which is always allowed */
		host_file_refresh(f);
		if (offset < 0 || (uint64_t)offset >= f->inode->size)
			return -ENXIO;
		to = whence == SEEK_DATA ? offset : (int64_t)f->inode->size;
		break;
	default:
		return -EINVAL;
	}
	if (ADD_OVERFLOW(base, to, &to))
		return -EOVERFLOW;
	if (to < 0)
		return -EINVAL;
	f->pos = (uint64_t)to;
	return to;
}

static long map_host(struct lx_thread *t, struct file *f, uint64_t addr, uint64_t len, int prot, int flags, uint64_t offset)
{
	uint32_t how = ((flags & MAP_TYPE) == MAP_PRIVATE ? DK_MAP_PRIVATE : DK_MAP_SHARED) | DK_MAP_FIXED |
	               (flags & MAP_POPULATE ? DK_MAP_POPULATE : 0);

	if ((prot & PROT_EXEC) && (f->path.mnt->flags & MS_NOEXEC))
		return -EPERM;
	if (host_stream(f) < 0)
		return -ESTALE;
	return lx_err(DkStreamMap(f->stream, &addr, offset, PAGE_UP(len), (uint32_t)prot & 7, how));
}

static long sync_host(struct lx_thread *t, struct file *f, bool data_only)
{
	if (host_stream(f) < 0)
		return 0; /* it is gone, and was not written through this */
	return lx_err(DkStreamFlush(f->stream, data_only ? DK_FLUSH_DATA : DK_FLUSH_ALL));
}

static long truncate_host(struct lx_thread *t, struct file *f, uint64_t length)
{
	long err = lx_err(DkStreamSetLength(f->stream, 0, length, DK_LENGTH_TRUNCATE));

	if (err == 0) {
		f->inode->size = length;
		host(f->inode)->until = 0;
	}
	return err;
}

static long fallocate_host(struct lx_thread *t, struct file *f, int mode, uint64_t offset, uint64_t length)
{
	uint32_t how;

	switch (mode) {
	case 0:
		how = DK_LENGTH_ALLOCATE;
		break;
	case FALLOC_FL_KEEP_SIZE:
		how = DK_LENGTH_ALLOCATE_KEEP;
		break;
	case FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE:
		how = DK_LENGTH_PUNCH;
		break;
	case FALLOC_FL_ZERO_RANGE:
		how = DK_LENGTH_ZERO;
		break;
	default:
		return -EOPNOTSUPP;
	}
	host(f->inode)->until = 0;
	return lx_err(DkStreamSetLength(f->stream, offset, length, how));
}

static void release_host(struct file *f)
{
	if ((f->flags & O_ACCMODE) != O_RDONLY)
		host_write_end(f->inode);
	small_release(f);
	if (f->stream != DK_NO_HANDLE)
		(void)DkObjectClose(f->stream);
}

extern const struct file_ops file_host_ops;
const struct file_ops file_host_ops = {
	.name = "host",
	.read = read_host,
	.write = write_host,
	.map = map_host,
	.seek = seek_host,
	.sync = sync_host,
	.truncate = truncate_host,
	.fallocate = fallocate_host,
	.release = release_host,
	.seekable = true,
};
