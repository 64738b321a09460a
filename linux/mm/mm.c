/* SPDX-License-Identifier: MIT */
/*
 * linux/mm/mm.c - an address space's life: made, locked, counted, copied by fork,
 * emptied by execve, given up at exit.
 *
 * Counting: vm_pages is all that is mapped (RLIMIT_AS), data_pages private writable
 * memory but the stack (RLIMIT_DATA).  charged_pages is what counts as committed
 * (and against the sandbox's memory limit, where the host does not tell what is really
 * used): private memory that was ever writable, except stacks and MAP_NORESERVE;
 * arena_root()->guest_pages has the sum over all processes.
 * Shared memory is charged where its pages are taken, by data_alloc and data_alloc_lazy.
 */
#include "linux/fs/fs.h"
#include "linux/fs/procfs.h"
#include "linux/mm/futex.h"
#include "linux/mm/mm_int.h"
#include "linux/mm/uffd.h"
#include "pico/patch.h"
#include "rt/mem.h"

/* 0 under ADDR_NO_RANDOMIZE (setarch -R, debuggers). */
uint64_t mm_random(void)
{
	uint64_t x;

	if (lx_current()->proc->personality & ADDR_NO_RANDOMIZE)
		return 0;
	if (DkRandomBitsRead(&x, sizeof x) != DK_OK)
		x = pico_now() * 0x9e3779b97f4a7c15ull;
	return x;
}

/* From 0x7ffe00000000 down to 0x7e8000000000, by pages. */
static uint64_t random_top(void)
{
	return 0x7ffe00000000ull - (mm_random() % (0x17e00000000ull >> PAGE_SHIFT) << PAGE_SHIFT);
}

struct mm *mm_new(void)
{
	struct mm *mm = heap_alloc(sizeof *mm);

	if (mm == NULL)
		return NULL;
	memset(mm, 0, sizeof *mm);
	lock_init(&mm->lock, LOCK_MM);
	mm->tree = (struct range_tree){ .seed = (uint32_t)mm_random() };
	mm->id = futex_new_mm_id();
	mm->top = random_top();
	return mm;
}

void mm_lock(struct mm *mm)
{
	lock_take(&mm->lock);
}

/* Shows the numbers where /proc and others look. */
static void publish(const struct mm *mm)
{
	struct lx_proc *p = lx_current()->proc;

	p->vm_pages = mm->vm_pages;
	p->data_pages = mm->data_pages;
	p->rss_pages = mm->charged_pages;
	p->max_rss = MAX(p->max_rss, mm->charged_pages);
	p->stack_pages = mm->stack_pages;
	p->locked_pages = mm->locked_pages;
	p->text_pages = mm->text_pages;
	p->max_vm = MAX(p->max_vm, mm->vm_pages);
	p->brk_start = mm->brk_start;
	p->brk = mm->brk;
}

static void put_dead(struct range *dead)
{
	while (dead != NULL) {
		struct range *next = dead->left;

		region_object_put(region_of(dead));
		heap_free(region_of(dead));
		dead = next;
	}
}

void mm_unlock(struct mm *mm)
{
	struct range *dead = mm->dead;

	mm->dead = NULL;
	publish(mm);
	lock_drop(&mm->lock);
	put_dead(dead);
}

bool mm_stock_locked(struct mm *mm)
{
	while (mm->stocked < MM_STOCK) {
		struct region *r = heap_alloc(sizeof *r);

		if (r == NULL)
			return false;
		r->range.left = mm->stock;
		mm->stock = &r->range;
		mm->stocked++;
	}
	return true;
}

bool mm_may_add(const struct mm *mm, uint32_t n)
{
	return mm->tree.count - mm->rooms + n <= MIN(sysctl_value(CTL_MAX_MAP), MM_REGIONS_MAX);
}

bool mm_may_cut(const struct mm *mm, uint64_t start, uint64_t end, bool unmap)
{
	const struct region *first = region_find(&mm->tree, start), *last = region_find(&mm->tree, end);
	uint32_t cuts = (first != NULL && first->start < start) + (last != NULL && last->start < end);

	if (unmap)
		cuts = cuts == 2 && first == last;
	return cuts == 0 || mm_may_add(mm, cuts);
}

struct region *mm_take_stock(struct mm *mm)
{
	struct region *r = region_of(mm->stock);

	ASSERT(r != NULL);
	mm->stock = r->range.left;
	mm->stocked--;
	memset(r, 0, sizeof *r);
	return r;
}

void mm_bury(struct mm *mm, struct region *r)
{
	r->range.left = mm->dead;
	mm->dead = &r->range;
}

void mm_count(struct mm *mm, const struct region *r, int sign)
{
	uint64_t pages = (r->end - mm_shown_start(mm, r)) >> PAGE_SHIFT, n = sign > 0 ? pages : -pages;

	if (r->kind == REGION_ROOM)
		return;
	mm->vm_pages += n;
	if (r->flags & (RF_STACK | RF_GROWSDOWN))
		mm->stack_pages += n;
	else if (region_is_private_write(r))
		mm->data_pages += n;
	if (r->flags & RF_LOCKED)
		mm->locked_pages += n;
	if (r->kind == REGION_FILE && (r->prot & PROT_EXEC))
		mm->text_pages += n;
}

/*
 * Where the host tells when memory is really used up, only vm.overcommit_memory 2 limits
 * what may be asked for; else it is the sandbox's limit.
 */
static uint64_t commit_limit(const struct arena_root *root)
{
	if (!root->overcommit)
		return root->limit_pages != 0 ? root->limit_pages : UINT64_MAX;
	return sysctl_value(CTL_OVERCOMMIT) == 2 ? mm_commit_limit() : UINT64_MAX;
}

uint64_t mm_commit_limit(void)
{
	return (lx_state()->memtotal >> PAGE_SHIFT) * sysctl_value(CTL_RATIO) / 100;
}

bool mm_charge(struct mm *mm, uint64_t pages)
{
	struct arena_root *root = arena_root();
	uint64_t used, other;

	used = atomic_fetch_add_explicit(&root->guest_pages, pages, memory_order_relaxed) + pages;
	other = atomic_load_explicit(&root->pages_used, memory_order_relaxed) +
		atomic_load_explicit(&root->data_pages_used, memory_order_relaxed);
	if (pages != 0 && UNLIKELY(used + other > commit_limit(root))) {
		atomic_fetch_sub_explicit(&root->guest_pages, pages, memory_order_relaxed);
		return false;
	}
	mm->charged_pages += pages;
	return true;
}

void mm_uncharge(struct mm *mm, uint64_t pages)
{
	mm->charged_pages -= pages;
	atomic_fetch_sub_explicit(&arena_root()->guest_pages, pages, memory_order_relaxed);
}

uint64_t mm_rlimit(int which)
{
	return lx_current()->proc->rlim[which].rlim_cur;
}

/* A shared mapping that may write keeps a memory file from being sealed. */
static void count_writer(const struct region *r, int delta)
{
	struct inode *i = region_inode(r);

	if (UNLIKELY((r->flags & (RF_SHARED | RF_NOWRITE)) == RF_SHARED) && i != NULL && i->kind == INODE_MEM)
		mem_map_writers(i, delta);
}

void region_object_get(const struct region *r)
{
	if (UNLIKELY(r->uffd != NULL))
		uffd_get(r->uffd);
	count_writer(r, 1);
	if (r->kind == REGION_FILE)
		file_get(r->object);
	else if (r->kind == REGION_SHARED)
		shared_mem_get(r->object);
}

void region_object_put(const struct region *r)
{
	if (UNLIKELY(r->uffd != NULL))
		uffd_put(r->uffd);
	count_writer(r, -1);
	if (r->kind == REGION_FILE)
		file_put(r->object);
	else if (r->kind == REGION_SHARED)
		shared_mem_put(r->object);
}

bool mm_window_overlap(uint64_t addr, uint64_t len)
{
	return addr < BAILEY_HIGH && addr + len > BAILEY_LOW;
}

long mm_range(uint64_t addr, uint64_t *len)
{
	if (addr & ~PAGE_MASK)
		return -EINVAL;
	if (*len > GUEST_HIGH || addr > GUEST_HIGH - PAGE_UP(*len))
		return -ENOMEM;
	*len = PAGE_UP(*len);
	return 0;
}

/* ---- Emptying ---- */

/* Unmaps runs of adjacent regions of a kind with one host call each. */
static void unmap_all_at_host(struct mm *mm)
{
	struct region *r = region_next(&mm->tree, 0);

	while (r != NULL) {
		uint64_t start = r->start, end = r->end;
		uint32_t kind = r->kind;

		for (r = region_next(&mm->tree, end); r != NULL && r->start == end && r->kind == kind; r = region_next(&mm->tree, end))
			end = r->end;
		mm_host_unmap(start, end, kind);
	}
}

/* All regions of the subtree onto the list dead. */
static void bury_tree(struct mm *mm, struct range *n)
{
	struct range *right;

	if (n == NULL)
		return;
	right = n->right;
	bury_tree(mm, n->left);
	mm_bury(mm, region_of(n));
	bury_tree(mm, right);
}

/* What the regions of the subtree refer to outside; they themselves are only read. */
static void put_objects(struct range *n)
{
	if (n == NULL)
		return;
	put_objects(n->left);
	region_object_put(region_of(n));
	put_objects(n->right);
}

static void forget_all_locked(struct mm *mm)
{
	mm->tree.root = NULL;
	mm->tree.count = 0;
	mm_uncharge(mm, mm->charged_pages);
	mm->rooms = 0;
	mm->sealed = false;
	mm->vm_pages = mm->data_pages = mm->stack_pages = mm->locked_pages = mm->text_pages = 0;
	mm->brk_start = mm->brk = 0;
	mm->new_flags = 0;
}

void mm_reset(struct mm *mm)
{
	mm_lock(mm);
	unmap_all_at_host(mm);
	pico_text_reset();
	bury_tree(mm, mm->tree.root);
	mm_forget_names(mm);
	forget_all_locked(mm);
	mm->top = random_top();
	mm->id = futex_new_mm_id();
	mm->no_rooms = false;
	mm_unlock(mm);
}

void mm_exit(struct mm *mm)
{
	struct range *all;

	mm_lock(mm);
	all = mm->tree.root;
	forget_all_locked(mm);
	mm_unlock(mm);
	/* The private heap ends with the picoprocess: giving back each node would write, and so copy, a fork child's pages. */
	put_objects(all);
}

void mm_died(struct lx_proc *p)
{
	if (!p->mm_borrowed)
		atomic_fetch_sub_explicit(&arena_root()->guest_pages, p->rss_pages, memory_order_relaxed);
	p->rss_pages = p->vm_pages = p->data_pages = 0;
}

/* ---- Fork ---- */

long mm_fork_begin(struct mm *mm) LOCK_UNCHECKED("held until mm_fork_end if it worked")
{
	uint64_t child = 0;

	mm_lock(mm);
	LIST_REGIONS(r, mm)
		if (!(r->flags & RF_DONTFORK) && (r->flags & RF_CHARGED))
			child += region_pages(r);
	/* The parent's own count stays as it is: what is charged here is the child's. */
	if (!mm_charge(mm, child)) {
		mm_unlock(mm);
		return -ENOMEM;
	}
	mm->charged_pages -= child;
	LIST_REGIONS(r, mm)
		if (!(r->flags & RF_DONTFORK))
			region_object_get(r);
	return 0;
}

void mm_fork_end(struct mm *mm, bool cloned) LOCK_UNCHECKED("see mm_fork_begin")
{
	if (cloned) {
		mm_unlock(mm);
		return;
	}
	/* Puts must wait until the lock is dropped; this is rare, so by copies of the regions. */
	LIST_REGIONS(r, mm) {
		struct region *copy;

		if (r->flags & RF_DONTFORK)
			continue;
		if (r->flags & RF_CHARGED)
			atomic_fetch_sub_explicit(&arena_root()->guest_pages, region_pages(r), memory_order_relaxed);
		copy = heap_alloc(sizeof *copy);
		if (copy != NULL) {
			*copy = *r;
			mm_bury(mm, copy);
		}
	}
	mm_unlock(mm);
}

/* The child does not have what MADV_DONTFORK kept back, and no reference on it. */
static void drop_dontfork(struct mm *mm, struct region *r)
{
	if (r->flags & RF_TEXT)
		pico_text_unmapped(r->start, r->end);
	mm_host_unmap(r->start, r->end, r->kind);
	mm_count(mm, r, -1);
	if (r->flags & RF_CHARGED)
		mm->charged_pages -= region_pages(r);
	region_remove(&mm->tree, r);
	if (r->room != 0)
		mm_room_use(mm, r->room, -1);
	heap_free(r);
}

/*
 * The child's lock is a copy of the parent's: held by a thread that is not here, with
 * the parent's waiters in its queue.  It starts anew.
 */
void mm_after_fork(struct mm *mm)
{
	uint64_t at = 0;
	struct region *r;

	lock_init(&mm->lock, LOCK_MM);
	mm->id = futex_new_mm_id();
	mm->locked_pages = 0;
	mm->new_flags = 0;
	mm->fault_count = 0;
	while ((r = region_next(&mm->tree, at)) != NULL) {
		at = r->end;
		if (r->flags & (RF_LOCKED | RF_ONFAULT)) /* a write costs a page */
			r->flags &= ~(RF_LOCKED | RF_ONFAULT);
		if (r->flags & RF_WIPEONFORK)
			(void)DkVirtualMemoryFree(r->start, r->end - r->start, DK_MEM_DECOMMIT);
		if (r->flags & RF_DONTFORK)
			drop_dontfork(mm, r);
		else if (UNLIKELY(r->uffd != NULL))
			uffd_forget(r);
	}
	publish(mm);
}
