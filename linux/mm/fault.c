/* SPDX-License-Identifier: MIT */
/*
 * linux/mm/fault.c - what a fault of guest code means.
 *
 * A stack that grows, a mapping that another thread has just made or opened, or a
 * page of a file that has grown since it was mapped: go on.  Else SIGSEGV with
 * MAPERR or ACCERR, or SIGBUS behind a file's end.
 */
#include "linux/mm/mm_int.h"
#include "linux/mm/uffd.h"

#define FAULT_PRESENT 1u
#define FAULT_WRITE   2u
#define FAULT_FETCH   16u
#define RETRIES       16u /* faults in a row at one place before it is taken for real */

static uint32_t needed(const struct dk_exception *e)
{
	return (e->code & FAULT_WRITE) ? PROT_WRITE : (e->code & FAULT_FETCH) ? PROT_EXEC : PROT_READ;
}

static bool allows(const struct region *r, uint32_t prot)
{
	/* On x86 memory that can be written or executed can be read. */
	return prot == PROT_READ ? r->prot != PROT_NONE : (r->prot & prot) != 0;
}

/* The region above grows down to addr, if there is room and RLIMIT_STACK allows it. */
static bool grow_down(struct mm *mm, uint64_t addr)
{
	struct region *r = region_next(&mm->tree, addr), *below = region_prev(&mm->tree, addr);
	uint64_t start = PAGE_DOWN(addr), at = start, pages, limit = mm_rlimit(RLIMIT_STACK), as = mm_rlimit(RLIMIT_AS);

	if (r == NULL || !(r->flags & RF_GROWSDOWN) || r->start <= addr || start < GUEST_LOW)
		return false;
	pages = (r->start - start) >> PAGE_SHIFT;
	if (limit != RLIM64_INFINITY && r->end - start > limit)
		return false;
	if (as != RLIM64_INFINITY && mm->vm_pages + pages > as >> PAGE_SHIFT)
		return false;
	if (mm_window_overlap(start, r->start - start))
		return false;
	if (below != NULL && below->prot != PROT_NONE && start - MIN(start, below->end) < REGION_GUARD_GAP)
		return false;
	if (below != NULL && below->end > start)
		return false;
	if (DkVirtualMemoryAlloc(&at, r->start - start, DK_MEM_COMMIT | DK_MEM_FIXED, r->prot & 7) != DK_OK)
		return false;
	mm_count(mm, r, -1);
	region_resize(&mm->tree, r, start, r->end);
	mm_count(mm, r, 1);
	return true;
}

/* Not for ever: if the same instruction faults again and again, it is real. */
static bool may_retry(struct mm *mm, const struct dk_exception *e, uint64_t rip)
{
	if (mm->fault_addr != e->address || mm->fault_rip != rip) {
		mm->fault_addr = e->address;
		mm->fault_rip = rip;
		mm->fault_count = 0;
	}
	return ++mm->fault_count <= RETRIES;
}

uint64_t mm_behind_end(const struct region *r)
{
	const struct inode *i = r->kind == REGION_FILE && (r->flags & RF_SHARED) ? region_inode(r) : NULL;
	uint64_t size = i != NULL && i->kind == INODE_MEM ? PAGE_UP(i->size) : UINT64_MAX;

	if (size <= r->offset)
		return r->start;
	return size - r->offset < r->end - r->start ? r->start + (size - r->offset) : r->end;
}

bool mm_open_grown(const struct region *r, uint64_t addr)
{
	uint64_t start = PAGE_DOWN(addr), end = mm_behind_end(r);

	return start < end && DkVirtualMemoryProtect(start, end - start, r->prot & 7) == DK_OK;
}

/* A file of ours that has grown over this page since it was mapped is mapped again there. */
static bool map_grown_file(struct region *r, const struct dk_exception *e)
{
	struct map_wish w = { .addr = PAGE_DOWN(e->address), .len = PAGE_SIZE, .prot = r->prot, .flags = MAP_FIXED, .kind = r->kind,
		.object = r->object, .rflags = r->flags };
	const struct file *f = r->object;

	if (r->kind != REGION_FILE || f->inode == NULL || f->inode->kind != INODE_MEM)
		return false;
	/* A private page may hold what the guest wrote: never replace one that is only protected just now. */
	if (e->kind != DK_EXC_BUS && (r->flags & RF_WROTE))
		return false;
	if (r->flags & RF_SHARED)
		return mm_open_grown(r, e->address);
	w.offset = r->offset + (w.addr - r->start);
	return w.offset < f->inode->size && mm_host_map(&w) >= 0;
}

/* Behind the end of a file whose size is known here. */
static bool behind_end(const struct region *r, uint64_t addr)
{
	const struct inode *i = region_inode(r);

	return i != NULL && i->kind == INODE_MEM && r->offset + (PAGE_DOWN(addr) - r->start) >= i->size;
}

/* Of a fault that a program wants to hear. */
struct told {
	struct uffd *uffd; /* with a reference; NULL: none */
	uint64_t flags;
};

/* Waits for the page; or SIGBUS, if that is what the program asked for. */
static bool tell(struct told *told, uint64_t addr, int *sig, int *code)
{
	bool bus = told->uffd->features & UFFD_FEATURE_SIGBUS;

	if (!bus)
		uffd_wait(told->uffd, addr, told->flags);
	uffd_put(told->uffd);
	*sig = SIGBUS;
	*code = BUS_ADRERR;
	return !bus;
}

/* True: resolved. */
static bool fault_locked(struct mm *mm, const struct dk_exception *e, int *sig, int *code, struct told *told)
{
	struct region *r = region_find(&mm->tree, e->address);

	*sig = SIGSEGV;
	*code = SEGV_MAPERR;
	if (r == NULL || r->kind == REGION_ROOM)
		return e->kind == DK_EXC_MEMORY && grow_down(mm, e->address);
	if (UNLIKELY(r->flags & RF_POISON)) {
		*sig = SIGBUS;
		*code = BUS_MCEERR_AR;
		return false;
	}
	*code = SEGV_ACCERR;
	if (e->kind == DK_EXC_MEMORY && !allows(r, needed(e)))
		return false;
	if (UNLIKELY(r->uffd != NULL) && uffd_tells(mm, r, e->address, e->code & FAULT_WRITE, &told->flags)) {
		told->uffd = r->uffd;
		uffd_get(told->uffd);
		return true;
	}
	if (behind_end(r, e->address) || !may_retry(mm, e, lx_current()->pico.frame != NULL ? lx_current()->pico.frame->rip : 0))
		goto real;
	if (map_grown_file(r, e))
		return true;
	if (e->kind == DK_EXC_MEMORY)
		return true;
real:
	if (r->kind == REGION_FILE) {
		*sig = SIGBUS;
		*code = BUS_ADRERR;
	}
	return false;
}

bool mm_fault(struct mm *mm, const struct dk_exception *e, uint64_t rsp, int *sig, int *code)
{
	struct told told = { 0 };
	bool resolved;

	*sig = e->kind == DK_EXC_BUS ? SIGBUS : SIGSEGV;
	*code = e->kind == DK_EXC_BUS ? BUS_ADRERR : SEGV_MAPERR;
	if (e->kind != DK_EXC_BUS && e->kind != DK_EXC_MEMORY)
		return false;
	/* A wild pointer beyond the guest's addresses: the host gives no address for a non-canonical one. */
	if (e->trapno == 13)
		*code = SI_KERNEL;
	if (e->trapno == 13 || e->address >= GUEST_HIGH || mm_window_overlap(e->address, 1))
		return false;
	mm_lock(mm);
	resolved = fault_locked(mm, e, sig, code, &told);
	mm_unlock(mm);
	if (told.uffd != NULL)
		return tell(&told, e->address, sig, code);
	if (!resolved && e->kind == DK_EXC_BUS) {
		*sig = SIGBUS;
		*code = BUS_ADRERR;
	}
	return resolved;
}
