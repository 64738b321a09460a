/* SPDX-License-Identifier: MIT */
/*
 * linux/mm/access.c - reading and writing this address space for somebody else:
 * debuggers, process_vm_readv, /proc/PID/mem.
 *
 * What is read of text is what the guest put there, not pico's jumps.  force means as a
 * debugger has it: private memory is reached whatever its protection, by opening the
 * page for the moment (other threads could use that moment; Linux changes the page
 * elsewhere first).  A private file page that was written so is the process's own from then on.
 */
#include "linux/mm/mm_int.h"
#include "pico/patch.h"
#include "pico/uaccess.h"

/* One page, or less, of a region that does not allow it. */
static uint64_t force_page(struct mm *mm, uint64_t addr, void *buf, uint64_t n, bool write)
{
	struct region *r = region_find(&mm->tree, addr);
	uint64_t page = PAGE_DOWN(addr), left;

	if (r == NULL || r->kind == REGION_ROOM || (write && (r->flags & RF_SHARED) && !(r->prot & PROT_WRITE)))
		return 0;
	if (write && (r->flags & RF_TEXT))
		pico_text_restore(addr);
	if (DkVirtualMemoryProtect(page, PAGE_SIZE, r->prot | DK_PROT_R | (write ? DK_PROT_W : 0)) != DK_OK)
		return 0;
	left = write ? uaccess_write(addr, buf, n) : uaccess_read(buf, addr, n);
	(void)DkVirtualMemoryProtect(page, PAGE_SIZE, r->prot & 7);
	if (write && r->kind == REGION_FILE && !(r->flags & RF_SHARED))
		r->flags |= RF_WROTE;
	return n - left;
}

static bool allows(struct mm *mm, uint64_t addr, bool write)
{
	const struct region *r = region_find(&mm->tree, addr);

	return r != NULL && r->kind != REGION_ROOM && (write ? (r->prot & PROT_WRITE) != 0 : r->prot != PROT_NONE);
}

static uint64_t access_pages(struct mm *mm, uint64_t addr, char *buf, uint64_t size, bool write, bool force)
{
	uint64_t done = 0;

	while (done < size) {
		uint64_t at = addr + done, n = MIN(size - done, PAGE_SIZE - (at & ~PAGE_MASK)), moved;

		if (!guest_range_ok(at, n))
			break;
		if (allows(mm, at, write))
			moved = n - (write ? uaccess_write(at, buf + done, n) : uaccess_read(buf + done, at, n));
		else
			moved = force ? force_page(mm, at, buf + done, n, write) : 0;
		done += moved;
		if (moved < n)
			break;
	}
	return done;
}

uint64_t mm_read(struct mm *mm, uint64_t addr, void *buf, uint64_t size, bool force)
{
	uint64_t done;

	mm_lock(mm);
	done = access_pages(mm, addr, buf, size, false, force);
	if (done != 0)
		pico_text_show(addr, buf, done);
	mm_unlock(mm);
	return done;
}

uint64_t mm_write(struct mm *mm, uint64_t addr, const void *buf, uint64_t size, bool force)
{
	uint64_t done;

	mm_lock(mm);
	done = access_pages(mm, addr, (char *)buf, size, true, force);
	mm_unlock(mm);
	return done;
}
