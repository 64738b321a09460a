/* SPDX-License-Identifier: MIT */
/*
 * nt/os/vm.c - the pages of an NT process are regions of its struct mm.
 *
 * Only what is committed is mapped: a reservation is nothing but an entry in nt/mm's books.  What is mapped without a wish
 * of its own by others of this process (there should be nobody) is seen as a conflict, never replaced.
 */
#include "linux/fs/fs.h"
#include "linux/mm/mm_int.h"
#include "nt/os/map.h"
#include "nt/os/vm.h"
#include "pico/uaccess.h"
#include "syscalls.gen.h"

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

void os_vm_begin(void)
{
	mine()->no_rooms = true;
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

void *os_vm_pages_at(const struct shared_mem *m)
{
	return data_ptr(m->page);
}

NTSTATUS os_map_laid(uint64_t addr, uint64_t size, int prot, struct shared_mem *m, uint64_t offset)
{
	struct map_wish w = { .addr = addr, .len = size, .prot = (uint32_t)prot, .flags = MAP_PRIVATE | MAP_FIXED | MAP_NORESERVE, .kind = REGION_SHARED,
		.object = m, .rflags = prot & VM_WRITE ? RF_WROTE : 0, .offset = offset };
	struct mm *mm = mine();
	long err;

	mm_lock(mm);
	err = mm_map_locked(mm, &w);
	mm_unlock(mm);
	return vm_status(err);
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

#define COPY_STEP 0x10000u

NTSTATUS os_vm_copy_pages(uint64_t addr, uint64_t size, uint32_t prot, struct shared_mem *m, uint64_t offset)
{
	NTSTATUS status = os_vm_map(addr, size, VM_READ | VM_WRITE);
	const char *from = (char *)data_ptr(m->page) + offset;

	if (status != STATUS_SUCCESS)
		return status;
	for (uint64_t done = 0; done < size && status == STATUS_SUCCESS; done += COPY_STEP)
		if (uaccess_write(addr + done, from + done, MIN(size - done, COPY_STEP)) != 0)
			status = STATUS_NO_MEMORY;
	if (status == STATUS_SUCCESS)
		status = os_vm_protect(addr, size, prot);
	if (status != STATUS_SUCCESS)
		(void)os_vm_unmap(addr, size);
	return status;
}

NTSTATUS os_vm_sync(uint64_t addr, uint64_t size)
{
	return vm_status(lx_sys_msync(lx_current(), (struct gva){ addr }, size, MS_SYNC));
}

NTSTATUS os_vm_pin(uint64_t addr, uint64_t size, bool pin)
{
	struct gva at = { addr };
	long err = pin ? lx_sys_mlock(lx_current(), at, size) : lx_sys_munlock(lx_current(), at, size);

	return err == 0 ? STATUS_SUCCESS : STATUS_WORKING_SET_QUOTA;
}

bool os_vm_is_pinned(uint64_t addr, uint64_t size)
{
	struct mm *mm = mine();
	const struct region *r;
	uint64_t at = addr;

	mm_lock(mm);
	while (at < addr + size && (r = region_find(&mm->tree, at)) != NULL && (r->flags & RF_LOCKED))
		at = r->end;
	mm_unlock(mm);
	return at >= addr + size;
}

/* ---- Files that are mapped ---- */

void os_vm_file_get(struct file *f)
{
	file_get(f);
}

void os_vm_file_put(struct file *f)
{
	if (f != NULL)
		file_put(f);
}

NTSTATUS os_vm_file_mappable(const struct file *f, bool write)
{
	uint32_t mode = atomic_load(&((struct file *)f)->flags) & O_ACCMODE;

	if (f->inode == NULL || (f->inode->mode & S_IFMT) != S_IFREG || lx_file_ops[f->kind] == NULL || lx_file_ops[f->kind]->map == NULL)
		return STATUS_INVALID_FILE_FOR_SECTION;
	return mode == O_WRONLY || (write && mode != O_RDWR) ? STATUS_ACCESS_DENIED : STATUS_SUCCESS;
}

NTSTATUS os_vm_file_extend(struct file *f, uint64_t *size, uint64_t least)
{
	const struct file_ops *ops = lx_file_ops[f->kind];
	struct stat st;

	if (f->inode == NULL || vfs_stat(f->inode, &st) != 0)
		return STATUS_INVALID_FILE_FOR_SECTION;
	*size = (uint64_t)st.st_size;
	if (*size >= least)
		return STATUS_SUCCESS;
	if (ops->truncate == NULL || ops->truncate(lx_current(), f, least) != 0)
		return STATUS_DISK_FULL;
	*size = least;
	return STATUS_SUCCESS;
}

bool os_vm_file_same(const struct file *a, const struct file *b)
{
	return a == b || (a->inode != NULL && a->inode == b->inode);
}
