/* SPDX-License-Identifier: MIT */
/*
 * pal/mem.c - virtual memory.  Bailey's own window is refused, but for the private
 * library-OS heap and the windows on host files, where the library OS works.
 */
#include "pal/pal.h"
#include "pal/mem.h"

/* True if [address, address + size) may be changed by Dk calls. */
bool mem_range_ok(uint64_t address, uint64_t size)
{
	uint64_t end;

	if ((address | size) & (PAGE_SIZE - 1) || size == 0 || ADD_OVERFLOW(address, size, &end))
		return false;
	if (end <= BAILEY_LOW)
		return true;
	if (address >= BAILEY_HIGH)
		return end <= GUEST_HIGH;
	if (address >= HEAP_BASE && end <= HEAP_BASE + HEAP_SIZE)
		return true;
	return address >= WINDOWS_BASE && end <= WINDOWS_BASE + WINDOWS_SIZE;
}

int mem_host_prot(uint32_t prot)
{
	if (prot & DK_PROT_GUARD)
		return HOST_PROT_NONE;
	return (prot & DK_PROT_R ? HOST_PROT_READ : 0) | (prot & DK_PROT_W ? HOST_PROT_WRITE : 0) |
		(prot & DK_PROT_X ? HOST_PROT_EXEC : 0);
}

/* mmap with a wish that is never honoured inside the window. */
enum dk_status mem_map(uint64_t *address, uint64_t size, int prot, int flags, int fd, uint64_t offset)
{
	uint64_t wish = PAGE_DOWN(*address);
	long at;

	if (!(flags & (MAP_FIXED | MAP_FIXED_NOREPLACE)) && wish && !mem_range_ok(wish, size))
		wish = 0;
	at = HOST6(mmap, wish, size, prot, flags, fd, offset);
	if (at < 0 && at > -4096) {
		/* The host's word for "not for this kind of file" and "not on a noexec mount". */
		if (at == -19 || at == -HOST_EPERM)
			return DK_DENIED;
		return status_of(at);
	}
	if ((flags & MAP_FIXED_NOREPLACE) && (uint64_t)at != wish) {
		(void)HOST2(munmap, at, size);
		return DK_EXISTS;
	}
	*address = (uint64_t)at;
	return DK_OK;
}

/* About what is mapped there already. */
static enum dk_status advise(uint64_t address, uint64_t size, uint32_t type, uint32_t prot)
{
	int advice;

	switch (type) {
	case DK_MEM_POPULATE:
		advice = prot & DK_PROT_W ? MADV_POPULATE_WRITE : MADV_POPULATE_READ;
		break;
	case DK_MEM_HUGE:
		advice = MADV_HUGEPAGE;
		break;
	case DK_MEM_NOHUGE:
		advice = MADV_NOHUGEPAGE;
		break;
	case DK_MEM_COLD:
		advice = MADV_COLD;
		break;
	default:
		return DK_INVALID_ARG;
	}
	if (!mem_range_ok(address, size))
		return DK_INVALID_ARG;
	return status_of(HOST3(madvise, address, size, advice));
}

enum dk_status DkVirtualMemoryAlloc(uint64_t *address, uint64_t size, uint32_t type, uint32_t prot)
{
	int flags = MAP_ANONYMOUS;

	if (!(type & (DK_MEM_RESERVE | DK_MEM_COMMIT)))
		return advise(*address, size, type, prot);
	if (size == 0 || (size & (PAGE_SIZE - 1)) || size >= GUEST_HIGH)
		return DK_INVALID_ARG;
	if (type & DK_MEM_FIXED) {
		if (!mem_range_ok(*address, size))
			return DK_INVALID_ARG;
		flags |= type & DK_MEM_NOREPLACE ? MAP_FIXED_NOREPLACE : MAP_FIXED;
	}
	flags |= type & DK_MEM_SHARED ? MAP_SHARED : MAP_PRIVATE;
	if (!(type & DK_MEM_COMMIT) || prot == 0)
		flags |= MAP_NORESERVE;
	if (type & DK_MEM_POPULATE)
		flags |= MAP_POPULATE;
	return mem_map(address, size, type & DK_MEM_COMMIT ? mem_host_prot(prot) : HOST_PROT_NONE, flags, -1, 0);
}

/* Pages of the arenas are shared: they are given back by punching. */
static bool in_shared(uint64_t address, uint64_t size)
{
	uint64_t end = address + size;

	if ((address | size) & (PAGE_SIZE - 1) || end < address)
		return false;
	return (address >= ARENA_BASE && end <= ARENA_BASE + ARENA_SIZE) || (address >= DATA_BASE && end <= DATA_BASE + DATA_SIZE);
}

/* Text of images, which comes from its file again; that it is text is the caller's business. */
static bool in_images(uint64_t address, uint64_t size)
{
	uint64_t end = address + size;

	return ((address | size) & (PAGE_SIZE - 1)) == 0 && end > address && address >= EXT_BASE && end <= LINUX_BASE + IMAGE_SIZE;
}

enum dk_status DkVirtualMemoryFree(uint64_t address, uint64_t size, uint32_t type)
{
	long err;

	if (type == DK_MEM_DECOMMIT && in_shared(address, size))
		err = HOST3(madvise, address, size, MADV_REMOVE);
	else if (!mem_range_ok(address, size) && !(type == DK_MEM_DECOMMIT && in_images(address, size)))
		return DK_INVALID_ARG;
	else if (type == DK_MEM_DECOMMIT)
		err = HOST3(madvise, address, size, MADV_DONTNEED);
	else if (type == (DK_MEM_DECOMMIT | DK_MEM_LAZY))
		err = HOST3(madvise, address, size, MADV_FREE);
	else if (type == DK_MEM_RELEASE)
		err = HOST2(munmap, address, size);
	else
		return DK_INVALID_ARG;
	return status_of(err);
}

enum dk_status DkVirtualMemoryProtect(uint64_t address, uint64_t size, uint32_t prot)
{
	if (!mem_range_ok(address, size))
		return DK_INVALID_ARG;
	return status_of(HOST3(mprotect, address, size, mem_host_prot(prot)));
}

enum dk_status DkVirtualMemoryQuery(dk_handle process, uint64_t address, uint64_t size, uint32_t what, void *buffer, uint64_t buffer_size,
	uint64_t *done)
{
	if (what == DK_QUERY_USAGE || what == DK_QUERY_TOTAL)
		return process_usage(process, what == DK_QUERY_TOTAL, buffer, buffer_size / sizeof(struct dk_memory_usage), done);
	if (what != DK_QUERY_RESIDENT || (process != DK_NO_HANDLE && process != pal_boot.process))
		return DK_NOT_SUPPORTED;
	if ((!mem_range_ok(address, size) && !in_shared(address, size)) || buffer_size < size >> PAGE_SHIFT)
		return DK_INVALID_ARG;
	*done = size >> PAGE_SHIFT;
	return status_of(HOST3(mincore, address, size, buffer));
}

/* The pages at from, count of them, become size bytes at address. */
static enum dk_status move(uint64_t *address, uint64_t from, uint64_t size, uint64_t count)
{
	uint64_t old = count << PAGE_SHIFT;
	long at;

	if (count == 0 || !mem_range_ok(from, old) || !mem_range_ok(*address, size))
		return DK_INVALID_ARG;
	at = HOST6(mremap, from, old, size, MREMAP_MAYMOVE | MREMAP_FIXED, *address, 0);
	return at < 0 && at > -4096 ? status_of(at) : DK_OK;
}

enum dk_status DkStreamMap(dk_handle stream, uint64_t *address, uint64_t offset, uint64_t size, uint32_t prot, uint32_t flags)
{
	int fd, host = 0;
	uint32_t fd_flags;
	enum dk_status status;

	if (size == 0 || ((size | offset) & (PAGE_SIZE - 1)) || size >= GUEST_HIGH)
		return DK_INVALID_ARG;
	if (flags == DK_MAP_MOVE)
		return stream == DK_NO_HANDLE ? move(address, offset, size, prot) : DK_INVALID_ARG;
	if (!(flags & DK_MAP_PRIVATE) == !(flags & DK_MAP_SHARED))
		return DK_INVALID_ARG;
	if (flags & DK_MAP_FIXED) {
		if (!mem_range_ok(*address, size))
			return DK_INVALID_ARG;
		host |= flags & DK_MAP_NOREPLACE ? MAP_FIXED_NOREPLACE : MAP_FIXED;
	}
	status = stream_fd(stream, &fd, &fd_flags);
	if (status != DK_OK)
		return status;
	host |= flags & DK_MAP_PRIVATE ? MAP_PRIVATE : MAP_SHARED;
	if (flags & DK_MAP_POPULATE)
		host |= MAP_POPULATE;
	return mem_map(address, size, mem_host_prot(prot), host, fd, offset);
}

enum dk_status DkStreamUnmap(uint64_t address, uint64_t size)
{
	if (!mem_range_ok(address, size))
		return DK_INVALID_ARG;
	return status_of(HOST2(munmap, address, size));
}
