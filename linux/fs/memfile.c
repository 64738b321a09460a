/* SPDX-License-Identifier: MIT */
/*
 * linux/fs/memfile.c - open regular files of tmpfs and the overlay.
 *
 * A file that is still the host's is read straight from the host into the guest's
 * memory, or, if it came along with the open because it is small, copied from the
 * inode; a file in memory is copied from arena-data.
 */
#include "linux/entry.h"
#include "linux/fs/acl.h"
#include "linux/fs/mem.h"
#include "linux/fs/window.h"

/* A small lower file's contents; -EAGAIN if they are not here. */
static long read_inline(struct inode *i, const struct iov *v, uint64_t pos)
{
	struct mem_priv *m = mem(i);
	long n = -EAGAIN;

	if (m->inline_data == NULL)
		return -EAGAIN;
	if (UNLIKELY(pico_now_coarse() >= m->until))
		(void)mem_lower_refresh(i);
	lock_take(&i->lock);
	if (m->inline_data != NULL && (m->flags & MEM_LOWER)) {
		uint64_t size = pos < m->inline_size ? MIN(v->size, m->inline_size - pos) : 0;

		n = (long)iov_put(v, 0, (char *)m->inline_data + m->inline_at + pos, size);
		if (n == 0 && size != 0)
			n = -EFAULT;
	}
	lock_drop(&i->lock);
	return n;
}

void mem_touch_atime(struct file *f)
{
	const struct mount *m = f->path.mnt;
	struct inode *i = f->inode;

	if (f->flags & O_NOATIME || !(mem(i)->flags & MEM_ATTR))
		return;
	/* relatime: only when it is older than the last change */
	if ((m == NULL || m->flags & MS_RELATIME) && i->atime_ns > i->mtime_ns && i->atime_ns > i->ctime_ns)
		return;
	if (m != NULL && ((m->flags | m->fs->flags) & (MS_NOATIME | MS_RDONLY) || (m->flags & MS_NODIRATIME && IS_DIR(i))))
		return;
	i->atime_ns = vfs_now();
}

static long mem_read(struct lx_thread *t, struct file *f, const struct iov *v, uint64_t *pos)
{
	struct inode *i = f->inode;
	struct mem_priv *m = mem(i);
	long n;

	if (m->flags & MEM_LOWER) {
		n = read_inline(i, v, *pos);
		if (n == -EAGAIN && UNLIKELY(m->stream == DK_NO_HANDLE)) {
			n = mem_lower_stream(i);
			if (n < 0)
				return n;
			n = -EAGAIN;
		}
		if (n == -EAGAIN && (m->flags & MEM_LOWER))
			n = window_read(m->stream, m->lower_ino * 0x9e3779b97f4a7c15ull ^ (uint64_t)i->ctime_ns ^ m->lower_dev, v, *pos, i->size);
		if (n == -EAGAIN && (m->flags & MEM_LOWER))
			n = v->size == 0 ? 0 : rw_host_read(m->stream, v, *pos, 0);
	} else
		n = -EAGAIN;
	if (n == -EAGAIN) {
		lock_take(&i->lock);
		n = mem_data_read(i, v, *pos);
		lock_drop(&i->lock);
	}
	if (n >= 0) {
		*pos += (uint64_t)n;
		mem_touch_atime(f);
	}
	return n;
}

/* The last byte a file may have: offsets are signed. */
#define SIZE_LIMIT INT64_MAX

static long mem_write(struct lx_thread *t, struct file *f, const struct iov *v, uint64_t *pos)
{
	struct inode *i = f->inode;
	struct mem_priv *m = mem(i);
	uint64_t at, n;
	long done;

	if (v->size == 0)
		return 0;
	if (UNLIKELY(i->mode & (LX_S_ISUID | LX_S_ISGID) || i->special & FILE_CAPS))
		file_remove_suid(t, f);
	lock_take(&i->lock);
	at = f->flags & O_APPEND ? i->size : *pos;
	n = at < SIZE_LIMIT ? MIN(v->size, SIZE_LIMIT - at) : 0;
	if (m->seals & (F_SEAL_WRITE | F_SEAL_FUTURE_WRITE))
		done = -EPERM;
	else if (n == 0)
		done = -EFBIG;
	else if ((m->seals & F_SEAL_GROW) && at + n > i->size)
		done = at < i->size ? mem_data_write(i, v, at, i->size - at) : -EPERM;
	else
		done = mem_data_write(i, v, at, n);
	if (done > 0)
		inode_touch(i, true);
	lock_drop(&i->lock);
	if (done > 0)
		*pos = at + (uint64_t)done;
	if (done > 0 && UNLIKELY(f->flags & O_DSYNC))
		return done; /* memory is as safe as it gets */
	return done;
}

static long seek_data(struct inode *i, uint64_t from, bool data)
{
	uint64_t at = from, run, size = i->size;
	struct mem_ext *e;

	if (from >= size)
		return -ENXIO;
	if (mem(i)->flags & MEM_LOWER)
		return data ? (long)from : (long)size;
	while (at < size) {
		e = mem_ext_at(i, at >> PAGE_SHIFT, &run);
		if ((e != NULL) == data)
			return (long)at;
		if (run == 0)
			break;
		at = ((at >> PAGE_SHIFT) + run) << PAGE_SHIFT;
	}
	return data ? -ENXIO : (long)size;
}

static long mem_seek(struct lx_thread *t, struct file *f, int64_t offset, int whence)
{
	struct inode *i = f->inode;
	int64_t to;

	switch (whence) {
	case SEEK_SET:
		to = offset;
		break;
	case SEEK_CUR:
		if (ADD_OVERFLOW((int64_t)f->pos, offset, &to))
			return -EOVERFLOW;
		break;
	case SEEK_END:
		(void)mem_lower_refresh(i);
		if (ADD_OVERFLOW((int64_t)i->size, offset, &to))
			return -EOVERFLOW;
		break;
	case SEEK_DATA:
	case SEEK_HOLE:
		if (offset < 0)
			return -ENXIO;
		lock_take(&i->lock);
		to = seek_data(i, (uint64_t)offset, whence == SEEK_DATA);
		lock_drop(&i->lock);
		if (to < 0)
			return to;
		break;
	default:
		return -EINVAL;
	}
	if (to < 0)
		return -EINVAL;
	f->pos = (uint64_t)to;
	return to;
}

/* ---- Mapping ---- */

static uint32_t map_flags(int flags)
{
	return ((flags & MAP_TYPE) == MAP_PRIVATE ? DK_MAP_PRIVATE : DK_MAP_SHARED) | DK_MAP_FIXED |
	       (flags & MAP_POPULATE ? DK_MAP_POPULATE : 0);
}

static long map_run(struct mem_ext *e, uint64_t fpage, uint64_t addr, uint64_t pages, int prot, int flags)
{
	return lx_err(DkStreamMap(pico_boot_block->arena_data, &addr, data_offset(e->dpage + fpage - e->fpage),
		pages << PAGE_SHIFT, (uint32_t)prot & 7, map_flags(flags)));
}

/* A hole of a private mapping: zeros of its own; behind the end of the file: nothing to touch. */
static long map_hole(uint64_t addr, uint64_t pages, int prot, bool behind)
{
	return lx_err(DkVirtualMemoryAlloc(&addr, pages << PAGE_SHIFT, (behind ? DK_MEM_RESERVE : DK_MEM_COMMIT) | DK_MEM_FIXED,
		behind ? 0 : (uint32_t)prot & 7));
}

/* end: the file's, in pages. */
static long map_pages(struct inode *i, uint64_t addr, uint64_t pages, int prot, int flags, uint64_t fpage, uint64_t end)
{

	while (pages > 0) {
		uint64_t run, n;
		struct mem_ext *e = mem_ext_at(i, fpage, &run);
		long err;

		n = run == 0 ? pages : MIN(run, pages);
		if (e == NULL && fpage < end && fpage + n > end)
			n = end - fpage;
		err = e != NULL ? map_run(e, fpage, addr, n, prot, flags) : map_hole(addr, n, prot, fpage >= end);
		if (err < 0)
			return err;
		addr += n << PAGE_SHIFT;
		fpage += n;
		pages -= n;
	}
	return 0;
}

long mem_map_afresh(struct inode *i, uint64_t addr, uint64_t pages, int prot, uint64_t fpage)
{
	long err;

	lock_take(&i->lock);
	err = map_pages(i, addr, pages, prot, MAP_PRIVATE | MAP_FIXED, fpage, UINT64_MAX);
	lock_drop(&i->lock);
	return err;
}

/* Pages of a shared mapping behind the end are the file's, as it may grow over them, and closed until then (mm/fault.c). */
static long close_behind(const struct inode *i, uint64_t addr, uint64_t pages, uint64_t fpage)
{
	uint64_t end = PAGE_UP(i->size) >> PAGE_SHIFT, first = end > fpage ? end - fpage : 0;

	if (LIKELY(first >= pages))
		return 0;
	entry_go_slow(ENTRY_FAULTS);
	return lx_err(DkVirtualMemoryProtect(addr + (first << PAGE_SHIFT), (pages - first) << PAGE_SHIFT, 0));
}

static long mem_map(struct lx_thread *t, struct file *f, uint64_t addr, uint64_t len, int prot, int flags, uint64_t offset)
{
	struct inode *i = f->inode;
	struct mem_priv *m = mem(i);
	bool shared = (flags & MAP_TYPE) != MAP_PRIVATE;
	uint64_t pages = PAGE_UP(len) >> PAGE_SHIFT, fpage = offset >> PAGE_SHIFT;
	long err = 0;

	if (f->path.mnt != NULL && (f->path.mnt->flags & MS_NOEXEC) && (prot & PROT_EXEC))
		return -EPERM;
	if (shared && (prot & PROT_WRITE) && (m->seals & (F_SEAL_WRITE | F_SEAL_FUTURE_WRITE)))
		return -EPERM;
	if (m->flags & MEM_LOWER) {
		err = mem_lower_stream(i);
		return err < 0 ? err : lx_err(DkStreamMap(m->stream, &addr, offset, PAGE_UP(len), (uint32_t)prot & 7, map_flags(flags)));
	}
	lock_take(&i->lock);
	if (shared)
		err = mem_fill(i, fpage, pages); /* behind the end too: the file may grow into the mapping */
	if (err == 0) {
		m->flags |= MEM_MAPPED;
		err = map_pages(i, addr, pages, prot, flags, fpage, PAGE_UP(i->size) >> PAGE_SHIFT);
	}
	if (err == 0 && shared)
		err = close_behind(i, addr, pages, fpage);
	lock_drop(&i->lock);
	return err == -ENOSPC ? -ENOMEM : err;
}

/* ---- Lengths ---- */

static long mem_truncate(struct lx_thread *t, struct file *f, uint64_t length)
{
	struct inode_attr a = { .valid = IATTR_SIZE, .size = length };

	return inode_ops(f->path.dentry->inode)->setattr(t, f->path.dentry, &a); /* which may be of an overlay over it */
}

static long mem_fallocate(struct lx_thread *t, struct file *f, int mode, uint64_t offset, uint64_t length)
{
	struct inode *i = f->inode;
	struct mem_priv *m = mem(i);
	uint64_t end = offset + length;
	bool punch = (mode & (FALLOC_FL_PUNCH_HOLE | FALLOC_FL_ZERO_RANGE)) != 0;
	long err = 0;

	if (mode & ~(FALLOC_FL_KEEP_SIZE | FALLOC_FL_PUNCH_HOLE | FALLOC_FL_ZERO_RANGE))
		return -EOPNOTSUPP;
	lock_take(&i->lock);
	if (punch && (m->seals & (F_SEAL_WRITE | F_SEAL_FUTURE_WRITE)))
		err = -EPERM;
	else if (!(mode & FALLOC_FL_KEEP_SIZE) && end > i->size && (m->seals & F_SEAL_GROW))
		err = -EPERM;
	if (err == 0 && punch)
		mem_punch(i, offset, MIN(length, PAGE_UP(MAX(i->size, offset)) - offset));
	if (err == 0 && !(mode & FALLOC_FL_PUNCH_HOLE)) {
		err = mem_reserve(i, offset >> PAGE_SHIFT, (PAGE_UP(end) >> PAGE_SHIFT) - (offset >> PAGE_SHIFT));
		if (err == 0 && !(mode & FALLOC_FL_KEEP_SIZE) && end > i->size)
			err = mem_resize(i, end);
	}
	if (err == 0)
		inode_touch(i, true);
	lock_drop(&i->lock);
	return err;
}

static long mem_sync(struct lx_thread *t, struct file *f, bool data_only)
{
	return 0;
}

static void mem_release(struct file *f)
{
	struct inode *i = f->inode;
	struct mem_priv *m = mem(i);

	/* What a growing file took in advance. */
	if ((f->flags & O_ACCMODE) != O_RDONLY && i->writers == 0 && !(m->flags & (MEM_LOWER | MEM_MAPPED))) {
		lock_take(&i->lock);
		if (i->writers == 0 && m->npages > PAGE_UP(i->size) >> PAGE_SHIFT)
			mem_drop_pages(i, PAGE_UP(i->size) >> PAGE_SHIFT, 0);
		lock_drop(&i->lock);
	}
	mem_lower_close(i);
}

extern const struct file_ops file_mem_ops;
const struct file_ops file_mem_ops = {
	.name = "mem",
	.read = mem_read,
	.write = mem_write,
	.map = mem_map,
	.seek = mem_seek,
	.sync = mem_sync,
	.truncate = mem_truncate,
	.fallocate = mem_fallocate,
	.release = mem_release,
	.seekable = true,
};
