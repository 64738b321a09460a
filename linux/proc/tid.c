/* SPDX-License-Identifier: MIT */
/* linux/proc/tid.c - what a thread says about itself; kcmp. */
#include "linux/fs/vfs.h"
#include "linux/ipc/sysv.h"
#include "linux/proc/proc.h"
#include "linux/proc/ptrace.h"
#include "linux/proc/remote.h"
#include "pico/uaccess.h"
#include "syscalls.gen.h"

long lx_sys_set_tid_address(struct lx_thread *t, struct gva addr)
{
	t->clear_child_tid = addr;
	return t->vtid;
}

/* FS is the guest's own register; GS is the library OS's, and no 64-bit program has asked for it. */
long lx_sys_arch_prctl(struct lx_thread *t, int code, uint64_t addr)
{
	switch (code) {
	case ARCH_SET_FS:
		if (addr >= GUEST_HIGH)
			return -EPERM;
		pico_set_fs_base(addr);
		t->fs_base = addr;
		return 0;
	case ARCH_GET_FS:
		return PUT_USER((struct gva){ addr }, pico_get_fs_base());
	case ARCH_GET_GS:
		return PUT_USER((struct gva){ addr }, (uint64_t)0);
	case ARCH_SET_GS:
		return addr == 0 ? 0 : -EPERM;
	case ARCH_GET_CPUID:
		return 1;
	case ARCH_SET_CPUID:
		return -ENODEV;
	default:
		return -EINVAL;
	}
}

/* ---- kcmp ---- */

#define KCMP_FILE 0
#define KCMP_VM 1
#define KCMP_FILES 2
#define KCMP_FS 3
#define KCMP_SIGHAND 4
#define KCMP_IO 5
#define KCMP_SYSVSEM 6

static long order(const void *a, const void *b)
{
	return a == b ? 0 : a < b ? 1 : 2;
}

static const void *kcmp_file(struct lx_proc *p, uint64_t fd)
{
	struct fdtable *fdt = p->fdt;
	const void *f = NULL;

	if (!fdt)
		return NULL;
	lock_take(&fdt->lock);
	if (fd < fdt->size)
		f = fdt->slot[fd];
	lock_drop(&fdt->lock);
	return f;
}

static long kcmp_of(struct lx_proc *a, struct lx_proc *b, int type, uint64_t i, uint64_t j)
{
	const void *fa, *fb;

	switch (type) {
	case KCMP_FILE:
		fa = kcmp_file(a, i);
		fb = kcmp_file(b, j);
		return fa && fb ? order(fa, fb) : -EBADF;
	case KCMP_VM: /* private memory: the same picoprocess is the same address space */
		return remote_same_memory(a, b) ? 0 : order(a, b);
	case KCMP_FILES:
		return order(a->fdt, b->fdt);
	case KCMP_FS:
		return order(a->fs, b->fs);
	case KCMP_SIGHAND:
		return order(a->sighand, b->sighand);
	case KCMP_IO: /* nobody has any */
		return 0;
	case KCMP_SYSVSEM:
		return sem_undo_any(a) || sem_undo_any(b) ? order(a, b) : 0;
	default:
		return -EINVAL;
	}
}

long lx_sys_kcmp(struct lx_thread *t, int pid1, int pid2, int type, uint64_t i, uint64_t j)
{
	struct lx_proc *a = proc_get_by_pid(pid1), *b = proc_get_by_pid(pid2);
	long result = -ESRCH;

	if (a && b)
		result = proc_may_access(t, a, ACCESS_READ) && proc_may_access(t, b, ACCESS_READ) ? kcmp_of(a, b, type, i, j) : -EPERM;
	proc_put(a);
	proc_put(b);
	return result;
}
