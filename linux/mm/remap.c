/* SPDX-License-Identifier: MIT */
/*
 * linux/mm/remap.c - mremap and remap_file_pages.
 *
 * Anonymous memory is moved by the host (DK_MAP_MOVE), which copies nothing.  Where
 * that cannot be (text with changed pages, a file mapping that grows, several mappings
 * of the host's), the same object or fresh memory is mapped at the new place and what
 * may differ is copied: of private memory every page that is not all zero, of a private
 * file mapping every page that is not the file's.  Growing at the same place, which is
 * what realloc mostly gets, copies nothing.
 */
#include "linux/mm/mm_int.h"
#include "linux/mm/uffd.h"
#include "pico/uaccess.h"
#include "rt/mem.h"
#include "syscalls.gen.h"

struct move {
	uint64_t old, old_len, to, new_len;
	int flags;
};

static bool is_zero(const uint64_t *words)
{
	uint64_t any = 0;

	for (size_t i = 0; i < PAGE_SIZE / 8; i++)
		any |= words[i];
	return any == 0;
}

/* A few words of the page, so that most pages in use need no second look. */
static bool looks_zero(uint64_t addr)
{
	uint64_t word;

	for (uint64_t at = 0; at < PAGE_SIZE; at += PAGE_SIZE / 8)
		if (!uaccess_load64(addr + at, &word) || word != 0)
			return false;
	return true;
}

/* To fresh zero memory: pages that are all zero stay untouched there. */
static void copy_anon_page(uint64_t to, uint64_t from, uint64_t *buf)
{
	if (looks_zero(from) && uaccess_read(buf, from, PAGE_SIZE) == 0 && is_zero(buf))
		return;
	(void)uaccess_copy((void *)to, (const void *)from, PAGE_SIZE);
}

/* To a fresh mapping of the same file: pages that are the file's stay so. */
static void copy_file_page(uint64_t to, uint64_t from, uint64_t *a, uint64_t *b)
{
	if (uaccess_read(a, from, PAGE_SIZE) != 0)
		return;
	if (uaccess_read(b, to, PAGE_SIZE) != 0 || memcmp(a, b, PAGE_SIZE) != 0)
		(void)uaccess_write(to, a, PAGE_SIZE);
}

/* Copies what is private to this process.  Pages that cannot be read (a file cut short) are left out. */
static long copy_pages(const struct region *r, uint64_t to, uint64_t from, uint64_t len)
{
	uint64_t *buf = heap_alloc(2 * PAGE_SIZE);

	if (buf == NULL)
		return -ENOMEM;
	for (uint64_t at = 0; at < len; at += PAGE_SIZE) {
		if (r->kind == REGION_ANON)
			copy_anon_page(to + at, from + at, buf);
		else
			copy_file_page(to + at, from + at, buf, buf + PAGE_SIZE / 8);
	}
	heap_free(buf);
	return 0;
}

static bool has_own_pages(const struct region *r)
{
	return r->kind == REGION_ANON || (r->kind == REGION_FILE && !(r->flags & RF_SHARED) && (r->flags & RF_WROTE));
}

/* Maps r's sort of memory for [m->to, m->to + new_len) and brings the contents over. */
static long move_copy(struct mm *mm, const struct region *r, const struct move *m)
{
	uint64_t both = MIN(m->old_len, m->new_len);
	struct map_wish w = { .addr = m->to, .len = m->new_len, .offset = r->offset + (m->old - r->start), .prot = r->prot,
		.flags = MAP_FIXED, .kind = r->kind, .object = r->object,
		.rflags = r->flags & ~(RF_CHARGED | RF_TEXT | RF_GROWSDOWN | RF_UFFD_MISSING | RF_UFFD_WP) };
	bool own = has_own_pages(r) && both != 0;
	uint32_t prot = r->prot;
	long ret;

	if (own)
		w.prot = PROT_READ | PROT_WRITE;
	ret = mm_map_locked(mm, &w);
	if (ret < 0 || !own)
		return ret;
	if (!(prot & PROT_READ))
		(void)DkVirtualMemoryProtect(m->old, both, PROT_READ);
	ret = copy_pages(r, m->to, m->old, both);
	if (!(prot & PROT_READ))
		(void)DkVirtualMemoryProtect(m->old, both, prot);
	if (ret == 0)
		ret = mm_protect_locked(mm, m->to, m->to + m->new_len, prot);
	if (ret != 0)
		(void)mm_unmap_locked(mm, m->to, m->to + m->new_len, true);
	return ret;
}

/* Where the region goes when it cannot stay. */
static long find_place(struct mm *mm, const struct region *r, struct move *m)
{
	struct map_wish w = { .addr = m->to, .len = m->new_len, .prot = PROT_WRITE, .kind = REGION_ANON };
	long err;

	if (m->flags & MREMAP_FIXED)
		return 0;
	err = mm_place_locked(mm, &w);
	m->to = w.addr;
	return err;
}

/* ---- Moving without copying ---- */

/* The host can move it: private, none of its pages replaced by pico's. */
static bool host_can_move(const struct region *r, const struct move *m)
{
	if (m->old_len == 0 || (r->flags & (RF_SHARED | RF_TEXT | RF_GUARD)))
		return false;
	return r->kind == REGION_ANON || (r->kind == REGION_FILE && r->room == 0 && m->new_len <= m->old_len && !(m->flags & MREMAP_DONTUNMAP));
}

/* What the address space and the limit get more by it, in pages. */
static uint64_t growth(const struct move *m)
{
	return (m->new_len - ((m->flags & MREMAP_DONTUNMAP) ? 0 : m->old_len)) >> PAGE_SHIFT;
}

static bool may_grow(struct mm *mm, const struct region *r, uint64_t pages)
{
	uint64_t as = mm_rlimit(RLIMIT_AS), data = mm_rlimit(RLIMIT_DATA);

	if (as != RLIM64_INFINITY && mm->vm_pages + pages > as >> PAGE_SHIFT)
		return false;
	return !region_is_private_write(r) || data == RLIM64_INFINITY || mm->data_pages + pages <= data >> PAGE_SHIFT;
}

/* The region that is exactly [old, old + old_len) goes to its new place in the books. */
static void rebook(struct mm *mm, struct region *r, const struct move *m)
{
	mm_count(mm, r, -1);
	region_remove(&mm->tree, r);
	r->flags &= ~(RF_GROWSDOWN | RF_UFFD_MISSING | RF_UFFD_WP);
	if (r->uffd != NULL) {
		(void)DkVirtualMemoryProtect(m->to, m->new_len, r->prot & 7);
		if (!(m->flags & MREMAP_DONTUNMAP)) /* else the old place has its reference */
			uffd_put(r->uffd);
		r->uffd = NULL;
	}
	r->start = m->to;
	r->end = m->to + m->new_len;
	region_insert(&mm->tree, r);
	mm_count(mm, r, 1);
	(void)mm_merge_locked(mm, r);
}

/* MREMAP_DONTUNMAP: the old place stays mapped, and empty. */
static void leave_empty(struct mm *mm, const struct region *like, const struct move *m)
{
	struct region *r = mm_take_stock(mm);
	uint64_t at = m->old;

	*r = *like;
	r->start = m->old;
	r->end = m->old + m->old_len;
	r->flags &= ~(RF_LOCKED | RF_ONFAULT | RF_GROWSDOWN);
	if (DkVirtualMemoryAlloc(&at, m->old_len, DK_MEM_COMMIT | DK_MEM_FIXED, r->prot & 7) != DK_OK)
		log_line(DK_LOG_WARNING, "mremap: %lx is a hole now", (unsigned long)m->old);
	region_insert(&mm->tree, r);
	mm_count(mm, r, 1);
	if (r->uffd != NULL)
		uffd_apply(r, r->start, r->end);
}

/* False: nothing has happened, but that what was at a fixed destination is out of the books. */
static bool move_at_host(struct mm *mm, struct region *r, const struct move *m)
{
	uint64_t more = growth(m), to = m->to;
	struct region like;

	if (!may_grow(mm, r, more) || !mm_may_cut(mm, m->old, m->old + m->old_len, false))
		return false;
	if ((r->flags & RF_CHARGED) && !mm_charge(mm, more))
		return false;
	if (DkStreamMap(DK_NO_HANDLE, &to, m->old, m->new_len, (uint32_t)(m->old_len >> PAGE_SHIFT), DK_MAP_MOVE) != DK_OK) {
		if (r->flags & RF_CHARGED)
			mm_uncharge(mm, more);
		return false;
	}
	mm_cut_locked(mm, m->old, m->old + m->old_len);
	r = region_find(&mm->tree, m->old);
	like = *r;
	rebook(mm, r, m);
	if (m->flags & MREMAP_DONTUNMAP)
		leave_empty(mm, &like, m);
	return true;
}

static long move_region(struct mm *mm, struct region *r, struct move *m)
{
	struct region copy;
	long ret;

	if (!(m->flags & MREMAP_MAYMOVE))
		return -ENOMEM;
	ret = find_place(mm, r, m);
	if (ret != 0 || !mm_stock_locked(mm))
		return ret != 0 ? ret : -ENOMEM;
	if (host_can_move(r, m)) {
		mm_room_evict_locked(mm, m->to, m->to + m->new_len);
		(void)mm_unmap_locked(mm, m->to, m->to + m->new_len, false);
		if (!mm_stock_locked(mm))
			return -ENOMEM;
		r = region_find(&mm->tree, m->old);
		if (move_at_host(mm, r, m))
			return (long)m->to;
		if (!mm_stock_locked(mm))
			return -ENOMEM;
	}
	/* r may be merged or cut by what follows. */
	copy = *r;
	region_object_get(&copy);
	ret = move_copy(mm, &copy, m);
	if (ret >= 0 && mm_stock_locked(mm)) {
		if (m->flags & MREMAP_DONTUNMAP)
			(void)DkVirtualMemoryFree(m->old, m->old_len, DK_MEM_DECOMMIT);
		else if (m->old_len != 0)
			(void)mm_unmap_locked(mm, m->old, m->old + m->old_len, true);
		ret = (long)m->to;
	}
	/* The reference goes by the list of the dead: no put under the lock. */
	r = mm_take_stock(mm);
	*r = copy;
	mm_bury(mm, r);
	return ret;
}

/* True if the region could be made longer where it is. */
static bool grow_in_place(struct mm *mm, struct region *r, const struct move *m)
{
	uint64_t more = m->new_len - m->old_len;
	struct map_wish w = { .addr = r->end, .len = more, .offset = r->offset + (r->end - r->start), .prot = r->prot,
		.flags = MAP_FIXED | MAP_FIXED_NOREPLACE, .kind = r->kind, .object = r->object,
		.rflags = r->flags & ~(RF_CHARGED | RF_TEXT | RF_GROWSDOWN) };
	struct region *above;

	if (m->old + m->old_len != r->end || (r->flags & RF_GROWSDOWN) || r->uffd != NULL)
		return false;
	above = region_next(&mm->tree, r->end);
	/* A stub room is in the way only if the region may move instead. */
	while (above != NULL && above->kind == REGION_ROOM && !(m->flags & MREMAP_MAYMOVE))
		above = region_next(&mm->tree, above->end);
	if (above != NULL && above->start - MIN(above->start, (above->flags & RF_GROWSDOWN) ? REGION_GUARD_GAP : 0) < r->end + more)
		return false;
	return mm_map_locked(mm, &w) >= 0;
}

/* A shared region's object must have the pages that the longer region would show. */
static long check_object(const struct region *r, const struct move *m)
{
	const struct shared_mem *s = r->object;

	if (r->kind == REGION_SHARED && r->offset + (m->old - r->start) + m->new_len > s->count << PAGE_SHIFT)
		return -ENOMEM; /* Linux maps it and gives SIGBUS beyond the end */
	return 0;
}

static long remap_locked(struct mm *mm, struct move *m)
{
	struct region *r = region_find(&mm->tree, m->old);
	long err;

	if (r == NULL || r->kind == REGION_ROOM)
		return -EFAULT;
	if (mm_sealed(mm, m->old, m->old + MAX(m->old_len, PAGE_SIZE)) ||
	    ((m->flags & MREMAP_FIXED) && mm_sealed(mm, m->to, m->to + m->new_len)))
		return -EPERM;
	if (m->old_len == 0 && !(r->flags & RF_SHARED))
		return -EINVAL;
	if ((m->flags & MREMAP_DONTUNMAP) && r->kind != REGION_ANON)
		return -EINVAL;
	if (m->old_len > r->end - m->old)
		return -EFAULT;
	if (!mm_may_add(mm, 3) || !mm_stock_locked(mm))
		return -ENOMEM;
	err = check_object(r, m);
	if (err != 0)
		return err;
	if (!(m->flags & (MREMAP_FIXED | MREMAP_DONTUNMAP)) && m->old_len != 0) {
		if (m->new_len == m->old_len)
			return (long)m->old;
		if (m->new_len < m->old_len) {
			err = mm_unmap_locked(mm, m->old + m->new_len, m->old + m->old_len, true);
			return err != 0 ? err : (long)m->old;
		}
		if (grow_in_place(mm, r, m))
			return (long)m->old;
	} else if (m->flags & MREMAP_FIXED) {
		if (m->new_len < m->old_len) {
			(void)mm_unmap_locked(mm, m->old + m->new_len, m->old + m->old_len, true);
			m->old_len = m->new_len;
			if (!mm_stock_locked(mm))
				return -ENOMEM;
		}
		r = region_find(&mm->tree, m->old);
	}
	return move_region(mm, r, m);
}

static long check_move(struct move *m)
{
	const int all = MREMAP_MAYMOVE | MREMAP_FIXED | MREMAP_DONTUNMAP;

	if ((m->flags & ~all) || ((m->flags & (MREMAP_FIXED | MREMAP_DONTUNMAP)) && !(m->flags & MREMAP_MAYMOVE)))
		return -EINVAL;
	if ((m->flags & MREMAP_DONTUNMAP) && m->old_len != m->new_len)
		return -EINVAL;
	if ((m->old & ~PAGE_MASK) || m->new_len == 0)
		return -EINVAL;
	if (m->old_len > GUEST_HIGH || m->new_len > GUEST_HIGH || m->old >= GUEST_HIGH)
		return m->old >= GUEST_HIGH ? -EFAULT : -ENOMEM;
	m->old_len = PAGE_UP(m->old_len);
	m->new_len = PAGE_UP(m->new_len);
	if (!(m->flags & MREMAP_FIXED)) {
		m->to = (m->flags & MREMAP_DONTUNMAP) ? m->to : 0;
		return 0;
	}
	if ((m->to & ~PAGE_MASK) || m->to < GUEST_LOW || m->to > GUEST_HIGH - m->new_len || mm_window_overlap(m->to, m->new_len))
		return -EINVAL;
	return m->old + m->old_len > m->to && m->to + m->new_len > m->old ? -EINVAL : 0;
}

long lx_sys_mremap(struct lx_thread *t, struct gva addr, uint64_t old_len, uint64_t new_len, int flags, struct gva new_addr)
{
	struct move m = { addr.va, old_len, new_addr.va, new_len, flags };
	struct mm *mm = t->proc->mm;
	long ret = check_move(&m);

	if (ret != 0)
		return ret;
	mm_lock(mm);
	ret = remap_locked(mm, &m);
	mm_unlock(mm);
	return ret;
}

/* Linux has long made an ordinary mapping of it; so do we. */
long lx_sys_remap_file_pages(struct lx_thread *t, struct gva addr, uint64_t size, int prot, uint64_t pgoff, int flags)
{
	struct mm *mm = t->proc->mm;
	uint64_t start = PAGE_DOWN(addr.va), len = PAGE_UP(size);
	struct map_wish w;
	struct region *r;
	long ret;

	if (prot != 0 || len == 0 || len > GUEST_HIGH || start + len <= start || pgoff > (UINT64_MAX >> PAGE_SHIFT) - (len >> PAGE_SHIFT))
		return -EINVAL;
	mm_lock(mm);
	r = region_find(&mm->tree, start);
	ret = -EINVAL;
	if (r != NULL && (r->flags & RF_SHARED) && start + len <= r->end) {
		w = (struct map_wish){ .addr = start, .len = len, .offset = pgoff << PAGE_SHIFT, .prot = r->prot,
			.flags = MAP_FIXED | (flags & MAP_NONBLOCK), .kind = r->kind, .object = r->object, .rflags = r->flags };
		if (r->kind == REGION_SHARED && w.offset + len > ((struct shared_mem *)r->object)->count << PAGE_SHIFT)
			ret = -EINVAL;
		else
			ret = mm_map_locked(mm, &w);
	}
	mm_unlock(mm);
	return ret < 0 ? ret : 0;
}
