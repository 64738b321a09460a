/* SPDX-License-Identifier: MIT */
/* linux/mm/mmap.c - mmap and munmap as the guest calls them; the main stack and the vdso for exec. */
#include "linux/mm/mm_int.h"
#include "syscalls.gen.h"

#ifndef MAP_SYNC
#define MAP_SYNC 0x080000
#endif
#define MAP_VALIDATED                                                                                \
	(MAP_SHARED_VALIDATE | MAP_FIXED | MAP_ANONYMOUS | MAP_DENYWRITE | MAP_EXECUTABLE | MAP_GROWSDOWN | MAP_LOCKED |      \
		MAP_NORESERVE | MAP_POPULATE | MAP_NONBLOCK | MAP_STACK | MAP_HUGETLB | MAP_32BIT | MAP_FIXED_NOREPLACE)

static long check_flags(int flags)
{
	int type = flags & MAP_TYPE;

	if (type != MAP_SHARED && type != MAP_PRIVATE && type != MAP_SHARED_VALIDATE)
		return -EINVAL;
	if (type == MAP_SHARED_VALIDATE && (flags & ~MAP_VALIDATED))
		return -EOPNOTSUPP;
	if ((flags & MAP_GROWSDOWN) && type != MAP_PRIVATE)
		return -EINVAL;
	if (flags & MAP_HUGETLB)
		return -ENOMEM; /* no huge pages are set aside */
	return 0;
}

long lx_sys_mmap(struct lx_thread *t, struct gva addr, uint64_t len, int prot, int flags, int fd, uint64_t offset)
{
	struct file *f = NULL;
	long ret;

	if (offset & ~PAGE_MASK)
		return -EINVAL;
	if (!(flags & MAP_ANONYMOUS)) {
		f = fd_get(t, fd);
		if (f == NULL)
			return -EBADF;
	}
	ret = len == 0 ? -EINVAL : check_flags(flags);
	if (ret == 0)
		ret = mm_map(t->proc->mm, addr.va, len, prot, flags, f, offset);
	if (f != NULL)
		file_put(f);
	return ret;
}

long lx_sys_munmap(struct lx_thread *t, struct gva addr, uint64_t len)
{
	return mm_unmap(t->proc->mm, addr.va, len);
}

/* ---- For exec ---- */

void mm_mark_vdso(struct mm *mm, uint64_t addr)
{
	struct region *r;

	mm_lock(mm);
	r = region_find(&mm->tree, addr);
	if (r != NULL && r->kind != REGION_ROOM)
		r->flags |= RF_VDSO;
	mm->vdso = addr;
	mm_unlock(mm);
}

uint64_t mm_vdso(const struct mm *mm)
{
	return mm->vdso;
}
