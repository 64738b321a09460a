/* SPDX-License-Identifier: MIT */
/*
 * linux/fs/memdata.c - the pages of memory files.
 *
 * A file is a sorted array of extents: runs of file pages that lie in consecutive
 * arena-data pages.  What is not in an extent is a hole and reads as zeros.  A
 * file that grows at its end gets half of its size again in advance (up to 4 MB), so
 * that a large file has few extents and a mapping of it few host mappings; the
 * surplus is given back when the last writer closes.  Bytes behind the end of the
 * file, within its pages, are always zero.
 *
 * Pages that a guest has mapped are never given back while the inode lives: the
 * mapping would show what the next owner writes.  They are zeroed instead.
 */
#include "linux/fs/mem.h"

#define AHEAD_MAX 1024u

/* Index of the first extent that ends behind fpage. */
static uint32_t find_ext(const struct mem_priv *m, uint64_t fpage)
{
	uint32_t low = 0, high = m->next;

	while (low < high) {
		uint32_t mid = (low + high) / 2;

		if (m->u.ext[mid].fpage + m->u.ext[mid].count <= fpage)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

struct mem_ext *mem_ext_at(struct inode *i, uint64_t fpage, uint64_t *run)
{
	struct mem_priv *m = mem(i);
	uint32_t n = find_ext(m, fpage);
	struct mem_ext *e = n < m->next ? &m->u.ext[n] : NULL;

	if (e != NULL && e->fpage <= fpage) {
		*run = e->fpage + e->count - fpage;
		return e;
	}
	*run = e != NULL ? e->fpage - fpage : 0;
	return NULL;
}

static bool room_for(struct mem_priv *m, uint32_t more)
{
	uint32_t cap = MAX(m->ext_cap * 2, 4u);
	struct mem_ext *ext;

	if (m->next + more <= m->ext_cap)
		return true;
	ext = arena_alloc(cap * sizeof *ext);
	if (ext == NULL)
		return false;
	if (m->u.ext != NULL)
		memcpy(ext, m->u.ext, m->next * sizeof *ext);
	arena_free(m->u.ext);
	m->u.ext = ext;
	m->ext_cap = cap;
	return true;
}

/* Enters a new run at its place, joined with the one before it if the pages follow. */
static void enter(struct mem_priv *m, struct mem_ext e)
{
	uint32_t n = find_ext(m, e.fpage);
	struct mem_ext *before = n > 0 ? &m->u.ext[n - 1] : NULL;

	m->npages += e.count;
	if (before != NULL && before->fpage + before->count == e.fpage && before->dpage + before->count == e.dpage) {
		before->count += e.count;
		return;
	}
	/* NOLINTNEXTLINE(clang-analyzer-unix.cstring.NullArg): the caller made room */
	memmove(&m->u.ext[n + 1], &m->u.ext[n], (m->next - n) * sizeof e);
	m->u.ext[n] = e;
	m->next++;
}

static bool within_fs_limit(struct inode *i, uint64_t count)
{
	struct mount_fs *fs = i->fs;

	if (fs == NULL || fs->limit_pages == 0)
		return true;
	if (atomic_fetch_add(&fs->pages, count) + count <= fs->limit_pages)
		return true;
	atomic_fetch_sub(&fs->pages, count);
	return false;
}

static void give_back(struct inode *i, uint64_t dpage, uint64_t count)
{
	data_free(dpage, count);
	if (i->fs != NULL && i->fs->limit_pages != 0)
		atomic_fetch_sub(&i->fs->pages, count);
}

/* Takes up to want pages, at least 1, fewer if memory is in pieces. */
static uint64_t take_pages(struct inode *i, uint64_t want, uint64_t *page)
{
	for (; want > 0; want /= 2) {
		if (!within_fs_limit(i, want))
			continue;
		if (data_alloc(want, page))
			return want;
		if (i->fs != NULL && i->fs->limit_pages != 0)
			atomic_fetch_sub(&i->fs->pages, want);
	}
	return 0;
}

/* How much to take for a hole of run pages (0 = the end of the file) of which need are needed now. */
static uint64_t with_surplus(struct inode *i, uint64_t need, uint64_t run)
{
	uint64_t ahead = MIN(mem(i)->npages / 2, AHEAD_MAX);
	bool counted = i->fs != NULL && i->fs->limit_pages != 0; /* a file system with a size has none to spare */

	return run == 0 && !counted ? MAX(need, ahead) : need;
}

long mem_fill(struct inode *i, uint64_t fpage, uint64_t count)
{
	struct mem_priv *m = mem(i);
	uint64_t end = fpage + count;

	while (fpage < end) {
		uint64_t run, need, got, page;

		if (mem_ext_at(i, fpage, &run) != NULL) {
			fpage += run;
			continue;
		}
		need = run == 0 ? end - fpage : MIN(run, end - fpage);
		if (!room_for(m, 1))
			return -ENOSPC;
		got = take_pages(i, with_surplus(i, need, run), &page);
		if (got == 0)
			return -ENOSPC;
		enter(m, (struct mem_ext){ fpage, page, got });
		fpage += got;
	}
	return 0;
}

/* Pages of [fpage, fpage + count) that the file has not got. */
static uint64_t missing_pages(struct inode *i, uint64_t fpage, uint64_t count)
{
	uint64_t end = fpage + count, missing = 0;

	while (fpage < end) {
		uint64_t run;
		bool there = mem_ext_at(i, fpage, &run) != NULL;

		run = run == 0 ? end - fpage : MIN(run, end - fpage);
		if (!there)
			missing += run;
		fpage += run;
	}
	return missing;
}

long mem_reserve(struct inode *i, uint64_t fpage, uint64_t count)
{
	uint64_t total;

	return missing_pages(i, fpage, count) > mem_pages_left(i->fs, &total) ? -ENOSPC : mem_fill(i, fpage, count);
}

/* Cuts [fpage, end) out of extent n, whose pages are the caller's then.  False: no memory to split it. */
static bool cut(struct mem_priv *m, uint32_t n, uint64_t fpage, uint64_t end)
{
	struct mem_ext *e = &m->u.ext[n];
	uint64_t e_end = e->fpage + e->count;

	if (fpage > e->fpage && end < e_end) {
		struct mem_ext tail = { end, e->dpage + (end - e->fpage), e_end - end };

		if (!room_for(m, 1))
			return false;
		e = &m->u.ext[n];
		memmove(&m->u.ext[n + 2], &m->u.ext[n + 1], (m->next - n - 1) * sizeof *e);
		m->u.ext[n + 1] = tail;
		m->next++;
		e->count = fpage - e->fpage;
	} else if (fpage > e->fpage) {
		e->count = fpage - e->fpage;
	} else if (end < e_end) {
		e->dpage += end - e->fpage;
		e->count = e_end - end;
		e->fpage = end;
	} else {
		memmove(e, e + 1, (m->next - n - 1) * sizeof *e);
		m->next--;
	}
	return true;
}

void mem_drop_pages(struct inode *i, uint64_t fpage, uint64_t count)
{
	struct mem_priv *m = mem(i);
	uint64_t stop = count == 0 ? UINT64_MAX : fpage + count;

	for (uint32_t n = find_ext(m, fpage); n < m->next && m->u.ext[n].fpage < stop;) {
		struct mem_ext *e = &m->u.ext[n];
		uint64_t from = MAX(fpage, e->fpage), end = MIN(stop, e->fpage + e->count);
		uint64_t dpage = e->dpage + (from - e->fpage);
		bool whole = from == e->fpage && end == e->fpage + e->count;

		if ((m->flags & MEM_MAPPED) || !cut(m, n, from, end)) {
			memset(data_ptr(dpage), 0, (end - from) << PAGE_SHIFT);
			n++;
			continue;
		}
		m->npages -= end - from;
		give_back(i, dpage, end - from);
		if (!whole)
			n++;
	}
}

/* Zeroes [from, to), which lies within one page, if the page is there. */
static void zero_part(struct inode *i, uint64_t from, uint64_t to)
{
	uint64_t run;
	struct mem_ext *e = mem_ext_at(i, from >> PAGE_SHIFT, &run);

	if (e != NULL && to > from)
		memset((char *)data_ptr(e->dpage + (from >> PAGE_SHIFT) - e->fpage) + (from & ~PAGE_MASK), 0, to - from);
}

long mem_resize(struct inode *i, uint64_t size)
{
	if (size < i->size) {
		zero_part(i, size, PAGE_UP(size));
		mem_drop_pages(i, PAGE_UP(size) >> PAGE_SHIFT, 0);
	} else if (i->size & ~PAGE_MASK) {
		zero_part(i, i->size, PAGE_UP(i->size)); /* a shared mapping may have written behind the end */
	}
	i->size = size;
	return 0;
}

void mem_punch(struct inode *i, uint64_t offset, uint64_t length)
{
	uint64_t end = offset + length, first = PAGE_UP(offset), last = PAGE_DOWN(end);

	if (first > last) {
		zero_part(i, offset, end);
		return;
	}
	zero_part(i, offset, first);
	zero_part(i, last, end);
	if (last > first)
		mem_drop_pages(i, first >> PAGE_SHIFT, (last - first) >> PAGE_SHIFT);
}

uint64_t mem_blocks(struct inode *i)
{
	struct mem_priv *m = mem(i);
	uint64_t end = PAGE_UP(i->size) >> PAGE_SHIFT, pages = 0;

	if (!IS_REG(i))
		return 0;
	for (uint32_t n = 0; n < m->next && m->u.ext[n].fpage < end; n++)
		pages += MIN(m->u.ext[n].count, end - m->u.ext[n].fpage);
	return pages * (PAGE_SIZE / 512);
}

void mem_data_free(struct inode *i)
{
	struct mem_priv *m = mem(i);

	for (uint32_t n = 0; n < m->next; n++)
		give_back(i, m->u.ext[n].dpage, m->u.ext[n].count);
	arena_free(m->u.ext);
	m->u.ext = NULL;
	m->next = 0;
}

long mem_data_read(struct inode *i, const struct iov *v, uint64_t pos)
{
	uint64_t n = pos < i->size ? MIN(v->size, i->size - pos) : 0, done = 0;

	while (done < n) {
		uint64_t at = pos + done, run, part;
		struct mem_ext *e = mem_ext_at(i, at >> PAGE_SHIFT, &run);
		size_t moved;

		part = run == 0 ? n - done : MIN(n - done, (run << PAGE_SHIFT) - (at & ~PAGE_MASK));
		if (e != NULL)
			moved = iov_put(v, done, (char *)data_ptr(e->dpage - e->fpage) + at, part);
		else
			moved = iov_put_zero(v, done, part);
		done += moved;
		if (moved < part)
			return done != 0 ? (long)done : -EFAULT;
	}
	return (long)done;
}

long mem_data_write(struct inode *i, const struct iov *v, uint64_t pos, uint64_t n)
{
	uint64_t end = pos + n, done = 0;
	long err = mem_fill(i, pos >> PAGE_SHIFT, (PAGE_UP(end) >> PAGE_SHIFT) - (pos >> PAGE_SHIFT));

	if (pos > i->size)
		zero_part(i, i->size, PAGE_UP(i->size)); /* what a mapping wrote behind the end must not show */
	while (done < n) {
		uint64_t at = pos + done, run, part;
		struct mem_ext *e = mem_ext_at(i, at >> PAGE_SHIFT, &run);
		size_t moved;

		if (e == NULL)
			break;
		part = MIN(n - done, (run << PAGE_SHIFT) - (at & ~PAGE_MASK));
		moved = iov_take(v, done, (char *)data_ptr(e->dpage - e->fpage) + at, part);
		done += moved;
		if (moved < part) {
			err = -EFAULT;
			break;
		}
	}
	if (done != 0 && pos + done > i->size)
		i->size = pos + done;
	return done != 0 ? (long)done : err;
}
