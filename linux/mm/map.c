/* SPDX-License-Identifier: MIT */
/*
 * linux/mm/map.c - mapping and unmapping: first the host, then the books.
 *
 * Checks, limits and stock come first.  A fixed mapping takes the regions below it
 * out of the books and leaves it to the host to replace them in one go, so other
 * threads never see a hole; if the host then refuses, the range is a hole, as on
 * Linux.
 */
#include "linux/fs/fs.h"
#include "linux/fs/procfs.h"
#include "linux/mm/mm_int.h"
#include "pico/patch.h"

/* ---- The host's side ---- */

static long map_file(const struct map_wish *w)
{
	struct file *f = w->object;
	const struct file_ops *ops = lx_file_ops[f->kind];
	int type = (w->rflags & RF_SHARED) ? MAP_SHARED : MAP_PRIVATE;

	if (ops == NULL || ops->map == NULL)
		return -ENODEV;
	return ops->map(lx_current(), f, w->addr, w->len, w->prot, type | MAP_FIXED | (w->flags & (MAP_POPULATE | MAP_NORESERVE)), w->offset);
}

/* Reserved and then opened, so that the host counts none of it: sanitizers' shadows are larger than any machine. */
static long map_unreserved(uint64_t at, uint64_t len, uint32_t prot)
{
	long err = lx_err(DkVirtualMemoryAlloc(&at, len, DK_MEM_RESERVE | DK_MEM_FIXED, 0));

	return err != 0 || prot == 0 ? err : lx_err(DkVirtualMemoryProtect(at, len, prot));
}

#define LARGE (256ull << 20)

long mm_host_map(const struct map_wish *w)
{
	uint64_t at = w->addr;
	bool populate = (w->flags & (MAP_POPULATE | MAP_LOCKED)) && !(w->flags & MAP_NONBLOCK);

	switch (w->kind) {
	case REGION_ANON:
		if ((w->rflags & RF_NORESERVE) && w->len >= LARGE)
			return map_unreserved(at, w->len, w->prot & 7);
		return lx_err(DkVirtualMemoryAlloc(&at, w->len, DK_MEM_COMMIT | DK_MEM_FIXED | (populate ? DK_MEM_POPULATE : 0), w->prot & 7));
	case REGION_SHARED: {
		const struct shared_mem *m = w->object;

		return lx_err(DkStreamMap(pico_boot_block->arena_data, &at, data_offset(m->page) + w->offset, w->len, w->prot & 7,
			(w->rflags & RF_SHARED ? DK_MAP_SHARED : DK_MAP_PRIVATE) | DK_MAP_FIXED | (populate ? DK_MAP_POPULATE : 0)));
	}
	case REGION_FILE:
		return map_file(w);
	default:
		return -EINVAL;
	}
}

void mm_host_unmap(uint64_t start, uint64_t end, uint32_t kind)
{
	enum dk_status status;

	if (kind == REGION_FILE || kind == REGION_SHARED)
		status = DkStreamUnmap(start, end - start);
	else
		status = DkVirtualMemoryFree(start, end - start, DK_MEM_RELEASE);
	if (status != DK_OK)
		log_line(DK_LOG_WARNING, "cannot unmap %lx-%lx: status %d", (unsigned long)start, (unsigned long)end, (int)status);
}

/* ---- pico's side ---- */

static struct text_id text_id(const struct region *r)
{
	struct inode *i = region_inode(r);

	if (i == NULL || i->writers != 0)
		return (struct text_id){ 0 };
	return (struct text_id){ i->dev, i->ino, (uint64_t)i->ctime_ns };
}

/* Executable private file memory that the guest cannot write is text. */
static bool is_text(const struct region *r)
{
	return r->kind == REGION_FILE && !(r->flags & RF_SHARED) && (r->prot & (PROT_EXEC | PROT_WRITE)) == PROT_EXEC;
}

void mm_tell_text(struct region *r)
{
	struct text_id id;

	if (is_text(r) == !!(r->flags & RF_TEXT))
		return;
	if (r->flags & RF_TEXT) {
		pico_text_unmapped(r->start, r->end);
		r->flags &= ~RF_TEXT;
		return;
	}
	id = text_id(r);
	pico_text_mapped(r->start, r->end, &id, r->offset, r->room);
	r->flags |= RF_TEXT;
}

/* ---- The books ---- */

static struct region *merge_pair(struct mm *mm, struct region *a, struct region *b)
{
	uint64_t end;

	if (a == NULL || b == NULL || !region_mergeable(a, b))
		return NULL;
	end = b->end;
	region_remove(&mm->tree, b);
	if (b->room != 0)
		mm_room_use(mm, b->room, -1); /* a has one too: the room stays */
	region_resize(&mm->tree, a, a->start, end);
	mm_bury(mm, b);
	return a;
}

/* Joins r with its neighbours; the region that has r's range then. */
struct region *mm_merge_locked(struct mm *mm, struct region *r)
{
	struct region *joined = merge_pair(mm, r, region_find(&mm->tree, r->end));

	if (joined != NULL)
		r = joined;
	joined = r->start != 0 ? merge_pair(mm, region_find(&mm->tree, r->start - 1), r) : NULL;
	return joined != NULL ? joined : r;
}

static void cut(struct mm *mm, uint64_t at)
{
	struct region *r = region_find(&mm->tree, at), *upper;

	if (r == NULL || r->start == at || r->kind == REGION_ROOM)
		return;
	upper = mm_take_stock(mm);
	region_split(&mm->tree, r, at, upper);
	region_object_get(upper);
	if (upper->room != 0)
		mm_room_use(mm, upper->room, 1);
}

void mm_cut_locked(struct mm *mm, uint64_t start, uint64_t end)
{
	cut(mm, start);
	cut(mm, end);
}

static void remove_region(struct mm *mm, struct region *r)
{
	if (r->flags & RF_TEXT)
		pico_text_unmapped(r->start, r->end);
	region_remove(&mm->tree, r);
	mm_count(mm, r, -1);
	if (r->flags & RF_CHARGED)
		mm_uncharge(mm, region_pages(r));
	if (r->room != 0)
		mm_room_use(mm, r->room, -1);
	mm_bury(mm, r);
}

/* Regions of one sort that touch, from r on and below end: where they end. */
static uint64_t run_end(struct mm *mm, struct region *r, uint64_t end)
{
	uint64_t at = r->end;
	uint32_t kind = r->kind;

	while ((r = region_find(&mm->tree, at)) != NULL && r->start == at && at < end && r->kind == kind)
		at = r->end;
	return at;
}

/* at_host false: the caller maps something over the range at once.  Rooms stay unless they become unused. */
long mm_unmap_locked(struct mm *mm, uint64_t start, uint64_t end, bool at_host)
{
	struct region *r = region_next(&mm->tree, start);

	if (r == NULL || r->start >= end)
		return 0;
	if (r->start == start && r->end == end && r->kind != REGION_ROOM) { /* mostly */
		if (at_host)
			mm_host_unmap(start, end, r->kind);
		remove_region(mm, r);
		return 0;
	}
	mm_cut_locked(mm, start, end);
	for (uint64_t at = start; (r = region_next(&mm->tree, at)) != NULL && r->start < end;) {
		uint64_t first = r->start, stop = r->end;

		at = stop;
		if (r->kind == REGION_ROOM)
			continue;
		stop = run_end(mm, r, end);
		at = stop;
		if (at_host)
			mm_host_unmap(first, stop, r->kind);
		while ((r = region_next(&mm->tree, first)) != NULL && r->start < stop) {
			first = r->end;
			remove_region(mm, r);
		}
	}
	return 0;
}

static void make_room(struct mm *mm, const struct map_wish *w)
{
	struct region *r = mm_take_stock(mm);

	r->start = w->room;
	r->end = w->room + PICO_STUB_ROOM;
	r->kind = REGION_ROOM;
	region_insert(&mm->tree, r);
	mm->rooms++;
}

static void book(struct mm *mm, const struct map_wish *w)
{
	struct region *r = mm_take_stock(mm);

	r->start = w->addr;
	r->end = w->addr + w->len;
	r->prot = w->prot;
	r->flags = w->rflags;
	r->kind = w->kind;
	r->object = w->object;
	r->offset = w->offset;
	r->room = w->room;
	region_object_get(r);
	region_insert(&mm->tree, r);
	mm_count(mm, r, 1);
	mm_tell_text(r);
	(void)mm_merge_locked(mm, r);
}

long mm_map_locked(struct mm *mm, struct map_wish *w)
{
	uint64_t end;
	bool charged, fixed = w->flags & (MAP_FIXED | MAP_FIXED_NOREPLACE);
	long err = mm_denies_exec(w->prot, w->prot) ? -EACCES : mm_place_locked(mm, w);

	if (err == 0)
		err = mm_check_limits(mm, w);
	if (err != 0)
		return err;
	charged = mm_wish_is_data(w) && !(w->rflags & RF_NORESERVE);
	if (fixed && mm_sealed(mm, w->addr, w->addr + w->len))
		return -EPERM;
	if (!mm_may_add(mm, 0) || (fixed && !mm_may_cut(mm, w->addr, w->addr + w->len, true)))
		return -ENOMEM;
	if (!mm_stock_locked(mm) || (charged && (mm_wish_absurd(w) || !mm_charge(mm, w->len >> PAGE_SHIFT))))
		return -ENOMEM;
	if (charged)
		w->rflags |= RF_CHARGED;
	end = w->addr + w->len;
	if (w->new_room)
		make_room(mm, w);
	if (w->room != 0)
		mm_room_use(mm, w->room, 1);
	if (fixed) {
		mm_room_evict_locked(mm, w->addr, end);
		(void)mm_unmap_locked(mm, w->addr, end, false);
		/* Eviction may have taken the file's own room; what is placed low stays below its file. */
		if (w->room != 0 && mm_room_region(mm, w->room) == NULL)
			w->room = 0;
	}
	err = mm_host_map(w);
	if (err < 0) {
		mm_host_unmap(w->addr, end, w->kind);
		if (charged)
			mm_uncharge(mm, w->len >> PAGE_SHIFT);
		if (w->room != 0)
			mm_room_use(mm, w->room, -1);
		return err;
	}
	book(mm, w);
	return (long)w->addr;
}

/* ---- What others call ---- */

/* MAP_FIXED|PROT_NONE across Bailey's window: the sanitizers do it and look at the address only. */
static long map_around_window(struct mm *mm, const struct map_wish *wish)
{
	struct map_wish low = *wish, high = *wish;
	long err = 0;

	if (wish->prot != PROT_NONE || wish->kind == REGION_FILE || (wish->rflags & RF_SHARED))
		return -ENOMEM;
	if (wish->addr < BAILEY_LOW) {
		low.len = BAILEY_LOW - wish->addr;
		err = mm_map_locked(mm, &low);
	}
	if (err >= 0 && wish->addr + wish->len > BAILEY_HIGH) {
		high.addr = BAILEY_HIGH;
		high.len = wish->addr + wish->len - BAILEY_HIGH;
		err = mm_map_locked(mm, &high);
	}
	return err < 0 ? err : (long)wish->addr;
}

static long map_wish(struct mm *mm, struct map_wish *w)
{
	bool fixed = w->flags & (MAP_FIXED | MAP_FIXED_NOREPLACE);
	long ret;

	mm_lock(mm);
	w->rflags |= mm->new_flags;
	if (fixed && !(w->addr & ~PAGE_MASK) && w->addr >= GUEST_LOW && w->addr + w->len > w->addr && w->addr + w->len <= GUEST_HIGH &&
	    mm_window_overlap(w->addr, w->len))
		ret = map_around_window(mm, w);
	else
		ret = mm_map_locked(mm, w);
	mm_unlock(mm);
	return ret;
}

/* What the file's open mode allows. */
static long check_file(struct file *f, uint32_t prot, bool shared, uint32_t *rflags)
{
	uint32_t mode = atomic_load(&f->flags) & O_ACCMODE;

	if (f->kind == FILE_PATH)
		return -EBADF;
	if (mode == O_WRONLY)
		return -EACCES;
	if (lx_file_ops[f->kind] == NULL || lx_file_ops[f->kind]->map == NULL)
		return -ENODEV;
	if (shared && mode == O_RDONLY) {
		if (prot & PROT_WRITE)
			return -EACCES;
		*rflags |= RF_NOWRITE;
	}
	if (shared && f->inode != NULL && f->inode->write_sealed)
		*rflags |= RF_NOWRITE;
	return 0;
}

static uint32_t wish_flags(int flags, bool shared)
{
	uint32_t r = 0;

	if (shared)
		r |= RF_SHARED;
	if (flags & MAP_GROWSDOWN)
		r |= RF_GROWSDOWN;
	/* Thread stacks are large and mostly never touched: they are not charged. */
	if (flags & (MAP_NORESERVE | MAP_STACK))
		r |= RF_NORESERVE;
	if (flags & MAP_LOCKED)
		r |= RF_LOCKED;
	return r;
}

static bool is_dev_zero(const struct file *f)
{
	return f->inode != NULL && (f->inode->mode & S_IFMT) == S_IFCHR && f->inode->rdev == (1 << 8 | 5);
}

/* Shared anonymous memory: pages of arena-data, which a child of fork then shares. */
static long map_new_shared(struct mm *mm, struct map_wish *w)
{
	struct shared_mem *m = shared_mem_new(w->len >> PAGE_SHIFT);
	long ret;

	if (m == NULL)
		return -ENOMEM;
	w->kind = REGION_SHARED;
	w->object = m;
	w->offset = 0;
	ret = map_wish(mm, w);
	shared_mem_put(m);
	return ret;
}

long mm_map(struct mm *mm, uint64_t addr, uint64_t len, int prot, int flags, struct file *file, uint64_t offset)
{
	struct map_wish w = { .addr = addr, .prot = prot & 7, .flags = flags, .offset = offset };
	bool shared = (flags & MAP_TYPE) != MAP_PRIVATE;
	long err;

	if (len == 0)
		return -EINVAL;
	if (len > GUEST_HIGH)
		return -ENOMEM;
	w.len = PAGE_UP(len);
	if (file != NULL && (flags & MAP_ANONYMOUS))
		file = NULL;
	w.rflags = wish_flags(flags, shared);
	if (file != NULL && is_dev_zero(file)) {
		err = check_file(file, prot, shared, &w.rflags);
		if (err != 0)
			return err;
		file = NULL;
	}
	if (file != NULL) {
		if (offset + w.len < offset || offset + w.len > INT64_MAX)
			return -EOVERFLOW;
		err = check_file(file, prot, shared, &w.rflags);
		if (err != 0)
			return err;
		w.kind = REGION_FILE;
		w.object = file;
		if (!shared && (prot & PROT_WRITE))
			w.rflags |= RF_WROTE;
		return map_wish(mm, &w);
	}
	w.offset = 0;
	if (!shared)
		return map_wish(mm, &w);
	/* An inaccessible reservation across the window must not take a terabyte of pages. */
	if (prot == PROT_NONE && (flags & MAP_NORESERVE)) {
		w.rflags &= ~RF_SHARED;
		return map_wish(mm, &w);
	}
	return map_new_shared(mm, &w);
}

long mm_map_shared(struct mm *mm, struct shared_mem *m, uint64_t addr, uint64_t len, uint32_t prot, uint32_t flags)
{
	struct map_wish w = { .addr = addr, .len = len, .prot = prot, .flags = flags, .kind = REGION_SHARED, .object = m,
		.rflags = RF_SHARED | (prot & PROT_WRITE ? 0 : RF_NOWRITE) };

	return map_wish(mm, &w);
}

long mm_unmap(struct mm *mm, uint64_t addr, uint64_t len)
{
	long err;

	if ((addr & ~PAGE_MASK) || len == 0 || len > GUEST_HIGH || addr > GUEST_HIGH - PAGE_UP(len))
		return -EINVAL;
	mm_lock(mm);
	if (mm_sealed(mm, addr, addr + PAGE_UP(len)))
		err = -EPERM;
	else if (!mm_may_cut(mm, addr, addr + PAGE_UP(len), true) || !mm_stock_locked(mm))
		err = -ENOMEM;
	else
		err = mm_unmap_locked(mm, addr, addr + PAGE_UP(len), true);
	mm_unlock(mm);
	return err;
}
