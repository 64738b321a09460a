/* SPDX-License-Identifier: MIT */
/*
 * nt/os/vm.c - the pages of an NT process are regions of its struct mm.
 *
 * Only what is committed is mapped: a reservation is nothing but an entry in nt/mm's books.  What is mapped without a wish
 * of its own by others of this process (there should be nobody) is seen as a conflict, never replaced.
 */
#include "linux/mm/mm_int.h"
#include "nt/os/vm.h"

static NTSTATUS vm_status(long err)
{
	switch (err < 0 ? -err : 0) {
	case 0:
		return STATUS_SUCCESS;
	case EEXIST:
		return STATUS_CONFLICTING_ADDRESSES;
	case EACCES:
	case EPERM:
		return STATUS_SECTION_PROTECTION;
	case ENODEV:
		return STATUS_INVALID_FILE_FOR_SECTION;
	case EINVAL:
	case EOVERFLOW:
		return STATUS_INVALID_PARAMETER;
	default:
		return STATUS_COMMITMENT_LIMIT;
	}
}

static struct mm *mine(void)
{
	return lx_current()->proc->mm;
}

NTSTATUS os_vm_map(uint64_t addr, uint64_t size, uint32_t prot)
{
	return vm_status(mm_map(mine(), addr, size, (int)prot, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, NULL, 0));
}

NTSTATUS os_vm_unmap(uint64_t addr, uint64_t size)
{
	return vm_status(mm_unmap(mine(), addr, size));
}

NTSTATUS os_vm_protect(uint64_t addr, uint64_t size, uint32_t prot)
{
	return vm_status(mm_protect(mine(), addr, size, (int)prot));
}

NTSTATUS os_vm_close(uint64_t addr, uint64_t size, uint32_t prot)
{
	return DkVirtualMemoryProtect(addr, size, prot) == DK_OK ? (NTSTATUS)STATUS_SUCCESS : STATUS_NO_MEMORY;
}

NTSTATUS os_vm_map_file(uint64_t addr, uint64_t size, uint32_t prot, struct file *f, uint64_t offset, bool shared, bool replace)
{
	int flags = (shared ? MAP_SHARED : MAP_PRIVATE) | (replace ? MAP_FIXED : MAP_FIXED_NOREPLACE);

	return vm_status(mm_map(mine(), addr, size, (int)prot, flags, f, offset));
}

struct shared_mem *os_vm_pages_new(uint64_t size)
{
	return shared_mem_new(PAGE_UP(size) >> PAGE_SHIFT);
}

void os_vm_pages_put(struct shared_mem *m)
{
	if (m != NULL)
		shared_mem_put(m);
}

NTSTATUS os_vm_map_pages(uint64_t addr, uint64_t size, uint32_t prot, struct shared_mem *m, uint64_t offset)
{
	struct map_wish w = { .addr = addr, .len = size, .prot = prot, .flags = MAP_SHARED | MAP_FIXED_NOREPLACE, .kind = REGION_SHARED,
		.object = m, .rflags = RF_SHARED, .offset = offset };
	struct mm *mm = mine();
	long err;

	mm_lock(mm);
	err = mm_map_locked(mm, &w);
	mm_unlock(mm);
	return vm_status(err);
}

bool os_vm_fault(uint64_t addr, uint32_t prot, bool bus)
{
	struct dk_exception e = { .kind = bus ? DK_EXC_BUS : DK_EXC_MEMORY, .address = addr, .code = prot & VM_WRITE ? 2 : prot & VM_EXEC ? 16 : 0,
		.trapno = 14 };
	int sig, code;

	return mm_fault(mine(), &e, 0, &sig, &code);
}

uint64_t os_vm_random(void)
{
	return mm_random();
}
