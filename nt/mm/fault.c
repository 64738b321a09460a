/* SPDX-License-Identifier: MIT */
/*
 * nt/mm/fault.c - what a fault means: guard pages, stacks that grow, watched pages, or an access violation.
 *
 * The guest's instructions come here by ps/exception.c; the kernel's own accesses to guest memory by nt_mm_settle, since Windows
 * too lets a system call grow a stack or write to a watched page.
 *
 * A stack is an allocation whose owner's TEB says where it ends.  When its guard page is touched, the page below becomes the
 * guard and StackLimit follows.  The lowest page is never committed; when the guard would come within the
 * thread's guarantee of it, what is left is opened without a guard and STATUS_STACK_OVERFLOW is raised, once.
 *
 * Wine's ntdll clears most of a megabyte of a new thread's stack, from below, since Wine commits stacks whole.  What is not
 * committed is all zeros when it comes to be used: nt_mm_stack_clear moves that one instruction on instead.
 */
#include "abi/dk_types.h"
#include "nt/mm/mm_int.h"
#include "pico/uaccess.h"
#include "rt/mem.h"

#define TEB_STACK_BASE       0x008
#define TEB_STACK_LIMIT      0x010
#define TEB_DEALLOCATION     0x1478
#define TEB_GUARANTEED_BYTES 0x1748
#define FLAG_DF              0x400u
#define GUARANTEE_LEAST      (2 * PAGE_SIZE)

struct stack {
	uint64_t teb, base, allocation, guarantee;
};

/* The current thread's, as its TEB says: fibers change it.  False: it has none that could be meant. */
static bool read_stack(struct stack *s)
{
	const struct nt_thread *t = nt_current();
	uint32_t bytes;

	s->teb = t != NULL ? t->teb : 0;
	if (s->teb == 0 || !uaccess_load64(s->teb + TEB_STACK_BASE, &s->base) || !uaccess_load64(s->teb + TEB_DEALLOCATION, &s->allocation) ||
		!uaccess_load32(s->teb + TEB_GUARANTEED_BYTES, &bytes))
		return false;
	s->guarantee = MAX(PAGE_UP((uint64_t)bytes), GUARANTEE_LEAST);
	return s->allocation != 0 && s->allocation < s->base;
}

/* The guard page of s, in v, was touched and is open now.  False: it was the last one. */
static bool grow_stack(struct nt_mm *mm, struct nt_vad *v, const struct stack *s, uint64_t page, uint32_t protect)
{
	uint64_t lowest = s->allocation + PAGE_SIZE, limit = page;
	bool more = page >= lowest + s->guarantee + PAGE_SIZE;

	if (more) {
		more = nt_commit_locked(mm, v, page - PAGE_SIZE, page, protect | PAGE_GUARD) == STATUS_SUCCESS;
	} else if (page > lowest && nt_commit_locked(mm, v, lowest, page, protect) == STATUS_SUCCESS) {
		limit = lowest;
	}
	(void)uaccess_write(s->teb + TEB_STACK_LIMIT, &limit, sizeof limit);
	return more;
}

/* A guard page: open from now on.  True: that is all; false: *status is to be raised. */
static bool hit_guard(struct nt_mm *mm, struct nt_vad *v, const struct stack *s, uint64_t page, uint32_t protect, NTSTATUS *status)
{
	*status = STATUS_GUARD_PAGE_VIOLATION;
	protect &= ~PAGE_GUARD;
	if (!nt_stock_locked(mm) || nt_open_pages_locked(v, page, page + PAGE_SIZE, protect) != STATUS_SUCCESS)
		return false;
	nt_run_set_locked(mm, v, page, page + PAGE_SIZE, protect);
	if (s == NULL || page < s->allocation || page >= s->base)
		return false;
	if (grow_stack(mm, v, s, page, protect))
		return true;
	*status = STATUS_STACK_OVERFLOW;
	return false;
}

void nt_stack_guarded(uint64_t address, uint64_t size)
{
	uint64_t limit = address + size;
	struct stack s;

	if (read_stack(&s) && address >= s.allocation && limit < s.base)
		(void)uaccess_write(s.teb + TEB_STACK_LIMIT, &limit, sizeof limit);
}

static bool allows(uint32_t protect, uint32_t access)
{
	uint32_t prot = nt_vm_prot(protect);

	if (access & NT_FAULT_WRITE)
		return prot & VM_WRITE;
	return prot & (access & NT_FAULT_EXECUTE ? VM_EXEC : VM_READ);
}

static bool fault_locked(struct nt_mm *mm, const struct stack *s, uint64_t address, uint32_t access, NTSTATUS *status)
{
	struct nt_vad *v = nt_vad_find(mm, address);
	uint64_t page = PAGE_DOWN(address);
	const struct nt_run *n;

	if (v == NULL)
		return false;
	if ((v->flags & VAD_RESERVED) && nt_run_at(v, address) == NULL)
		nt_view_sync_locked(mm, v);
	n = nt_run_at(v, address);
	if (n == NULL)
		return false;
	if (n->protect & PAGE_GUARD)
		return hit_guard(mm, v, s, page, n->protect, status);
	if (!allows(n->protect, access))
		return false;
	if ((v->flags & VAD_WATCH) && (access & NT_FAULT_WRITE) && nt_watch_wrote_locked(v, page, n->protect))
		return true;
	if (v->type == MEM_MAPPED && (access & NT_FAULT_WRITE) && NT_COPIES(n->protect) && nt_copy_wrote_locked(mm, v, page, n->protect))
		return true;
	if (os_vm_fault(address, access & NT_FAULT_WRITE ? VM_WRITE : access & NT_FAULT_EXECUTE ? VM_EXEC : VM_READ, access & NT_FAULT_BUS))
		return true;
	if (v->type != MEM_PRIVATE && (access & NT_FAULT_BUS))
		*status = STATUS_IN_PAGE_ERROR;
	return false;
}

bool nt_mm_fault(struct nt_mm *mm, uint64_t address, uint32_t access, NTSTATUS *status)
{
	struct stack s;
	bool has_stack = read_stack(&s), resolved;

	*status = STATUS_ACCESS_VIOLATION;
	if (address < NT_USER_LOW || address >= NT_USER_TOP + NT_GRANULE)
		return false;
	lock_take(&mm->lock);
	resolved = fault_locked(mm, has_stack ? &s : NULL, address, access, status);
	lock_drop(&mm->lock);
	return resolved;
}

bool nt_mm_stack_clear(struct nt_mm *mm, uint64_t address, struct dk_context *c)
{
	static const uint8_t rep_stosq[3] = { 0xf3, 0x48, 0xab };
	uint64_t end = c->rdi + c->rcx * 8, to;
	const struct nt_run *n;
	struct nt_vad *v;
	struct stack s;
	uint8_t code[3];

	if (c->rax != 0 || c->rdi != address || (c->rflags & FLAG_DF) || end <= address || !read_stack(&s) || address < s.allocation || address >= s.base)
		return false;
	if (uaccess_read(code, c->rip, sizeof code) != 0 || memcmp(code, rep_stosq, sizeof code) != 0)
		return false;
	lock_take(&mm->lock);
	v = nt_vad_find(mm, address);
	n = v != NULL && v->type == MEM_PRIVATE ? (const struct nt_run *)range_next(&v->runs, address) : NULL;
	to = n == NULL ? 0 : n->protect & PAGE_GUARD ? n->r.end : n->r.start <= address ? 0 : n->r.start;
	lock_drop(&mm->lock);
	if (to == 0)
		return false;
	to = MIN(to, end);
	c->rcx -= (to - address) / 8;
	c->rdi = to;
	return true;
}

bool nt_mm_settle(uint64_t va, uint64_t size, bool write)
{
	struct nt_process *p = nt_current_process();
	struct nt_mm *mm = p != NULL ? p->mm : NULL;
	uint32_t access = write ? NT_FAULT_WRITE : NT_FAULT_READ;
	uint64_t end;

	if (mm == NULL || size == 0 || ADD_OVERFLOW(va, size, &end) || !guest_range_ok(va, size))
		return false;
	/* From above: so does a stack grow. */
	for (uint64_t at = end - 1, next; at >= va; at = next) {
		NTSTATUS status;
		uint32_t word;
		bool there = uaccess_load32(ALIGN_DOWN(at, 4), &word) && (!write || uaccess_cmpxchg32(ALIGN_DOWN(at, 4), &word, word));

		next = PAGE_DOWN(at) - 1;
		if (there)
			continue;
		/* A guard page that is no stack's is used up, as by the guest; the call fails. */
		if (!nt_mm_fault(mm, at, access, &status))
			return false;
	}
	return true;
}

static bool allows_locked(struct nt_mm *mm, uint64_t va, uint64_t end, uint32_t access)
{
	while (va < end) {
		struct nt_vad *v = nt_vad_find(mm, va);
		const struct nt_run *n;

		if (v == NULL)
			return false;
		if (v->flags & VAD_RESERVED)
			nt_view_sync_locked(mm, v);
		n = nt_run_at(v, va);
		if (n == NULL || (n->protect & PAGE_GUARD) || !allows(n->protect, access))
			return false;
		va = n->r.end;
	}
	return true;
}

bool nt_mm_allows(struct nt_mm *mm, uint64_t va, uint64_t size, bool write)
{
	uint64_t end;
	bool all;

	if (ADD_OVERFLOW(va, size, &end) || !guest_range_ok(va, size))
		return false;
	lock_take(&mm->lock);
	all = allows_locked(mm, va, end, write ? NT_FAULT_WRITE : NT_FAULT_READ);
	lock_drop(&mm->lock);
	return all;
}

void nt_mm_will_write(struct nt_mm *mm, uint64_t va, uint64_t size)
{
	if (UNLIKELY(mm->watched != 0))
		(void)nt_mm_settle(va, size, true);
}
