/* SPDX-License-Identifier: MIT */
/* nt/os/map.c - memory and files for the loader, on linux/mm and linux/fs. */
#include "linux/fs/fs.h"
#include "linux/mm/mm.h"
#include "nt/os/map.h"
#include "nt/os/status.h"
#include "pico/uaccess.h"

static struct mm *own_mm(void)
{
	return lx_current()->proc->mm;
}

static NTSTATUS mapped(long result)
{
	return result < 0 ? os_status(result) : STATUS_SUCCESS;
}

NTSTATUS os_map_anon(uint64_t addr, uint64_t size, int prot)
{
	return mapped(mm_map(own_mm(), addr, size, prot, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | MAP_NORESERVE, NULL, 0));
}

NTSTATUS os_map_filled(uint64_t addr, uint64_t size)
{
	return mapped(mm_map(own_mm(), addr, size, OS_R | OS_W, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | MAP_NORESERVE | MAP_POPULATE, NULL, 0));
}

NTSTATUS os_map_file(uint64_t addr, uint64_t size, int prot, struct file *f, uint64_t offset)
{
	return mapped(mm_map(own_mm(), addr, size, prot, MAP_PRIVATE | MAP_FIXED, f, offset));
}

NTSTATUS os_protect(uint64_t addr, uint64_t size, int prot)
{
	return mapped(mm_protect(own_mm(), addr, size, prot));
}

NTSTATUS os_unmap(uint64_t addr, uint64_t size)
{
	return mapped(mm_unmap(own_mm(), addr, size));
}

bool os_is_free(uint64_t addr, uint64_t size)
{
	struct mm_region r;

	return guest_range_ok(addr, size) && (!mm_region_at(own_mm(), addr, &r, NULL) || r.start >= addr + size);
}

uint64_t os_pread(struct file *f, void *to, uint64_t size, uint64_t offset)
{
	long n = vfs_pread(lx_current(), f, to, size, offset);

	return n < 0 ? UINT64_MAX : (uint64_t)n;
}

NTSTATUS os_read_parts(struct file *f, const struct dk_segment *to, uint32_t count, bool kernel, uint64_t size, uint64_t offset, uint64_t *done)
{
	struct dk_segment left[DK_SEGMENTS_MAX];
	struct iov all = { (struct dk_segment *)to, count, kernel, size }, v = { left, 0, kernel, 0 };
	long n = 1;

	for (*done = 0; *done < size && n > 0; *done += n > 0 ? (uint64_t)n : 0) {
		v.count = iov_slice(&all, *done, size - *done, left, &v.size);
		n = lx_file_ops[f->kind]->read != NULL ? lx_file_ops[f->kind]->read(lx_current(), f, &v, &offset) : -EINVAL;
	}
	return n < 0 ? os_status(n) : STATUS_SUCCESS;
}

uint64_t os_pwrite(struct file *f, const void *from, uint64_t size, uint64_t offset)
{
	uint64_t done = 0;

	while (done < size) {
		long n = vfs_pwrite(lx_current(), f, (const char *)from + done, size - done, offset + done);

		if (n <= 0)
			break;
		done += (uint64_t)n;
	}
	return done;
}

uint64_t os_file_size(struct file *f)
{
	struct stat st;

	return f->inode != NULL && vfs_stat(f->inode, &st) == 0 ? (uint64_t)st.st_size : 0;
}

struct file *os_open(const char *path)
{
	struct file *f = NULL;

	return vfs_open(lx_current(), AT_FDCWD, path, O_RDONLY, 0, &f) == 0 ? f : NULL;
}

struct file *os_open_write(const char *path)
{
	struct file *f = NULL;

	return vfs_open(lx_current(), AT_FDCWD, path, O_WRONLY, 0, &f) == 0 ? f : NULL;
}

void os_close(struct file *f)
{
	if (f != NULL)
		file_put(f);
}

NTSTATUS os_map_shared_pages(uint64_t addr, uint64_t data_page, uint64_t count)
{
	uint64_t at = addr;
	NTSTATUS status = os_map_anon(addr, count * PAGE_SIZE, OS_R); /* so that it is known to be taken */

	if (status != STATUS_SUCCESS)
		return status;
	if (DkStreamMap(pico_boot_block->arena_data, &at, data_offset(data_page), count * PAGE_SIZE, DK_PROT_R, DK_MAP_SHARED | DK_MAP_FIXED) != DK_OK)
		return STATUS_NO_MEMORY;
	return STATUS_SUCCESS;
}
