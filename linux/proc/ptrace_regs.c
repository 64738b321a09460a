/* SPDX-License-Identifier: MIT */
/*
 * linux/proc/ptrace_regs.c - a stopped thread's registers, in the forms ptrace has them.
 *
 * The general ones lie in o->pt->regs; what cannot be changed (segments, the library OS's
 * GS base) is taken and kept as it is.
 */
#include "linux/proc/ptrace.h"
#include "linux/proc/remote.h"
#include "linux/sig/internal.h"

#define NREGS       (sizeof(struct user_regs) / 8)
#define ORIG_RAX    15u
#define FS_BASE     21u
#define DEBUGREG    848u /* offset of u_debugreg in struct user */
#define USER_SIZE   912u

static uint64_t *reg(struct lx_thread *o, uint64_t i)
{
	return (uint64_t *)(void *)&o->pt->regs + i;
}

static bool can_change(uint64_t i)
{
	return i < 17 || i == 18 || i == 19 || i == FS_BASE; /* to rip; rflags; rsp */
}

static long set_reg(struct lx_thread *o, uint64_t i, uint64_t value)
{
	if (i == FS_BASE && value >= GUEST_HIGH)
		return -EIO;
	if (!can_change(i))
		return 0;
	*reg(o, i) = value;
	o->pt->regs_set = 1;
	return 0;
}

long ptrace_peekuser(struct lx_thread *o, uint64_t offset, uint64_t *value)
{
	if ((offset & 7) || offset >= USER_SIZE)
		return -EIO;
	*value = 0;
	if (offset < NREGS * 8)
		*value = *reg(o, offset / 8);
	else if (offset >= DEBUGREG)
		*value = ptrace_watch_get(o, (unsigned)(offset - DEBUGREG) / 8);
	return 0;
}

long ptrace_pokeuser(struct lx_thread *o, uint64_t offset, uint64_t value)
{
	if ((offset & 7) || offset >= USER_SIZE)
		return -EIO;
	if (offset < NREGS * 8)
		return set_reg(o, offset / 8, value);
	if (offset < DEBUGREG)
		return -EIO;
	return ptrace_watch_set(o, (unsigned)(offset - DEBUGREG) / 8, value);
}

long ptrace_getregs(struct lx_thread *o, struct gva to)
{
	return copy_out(to, &o->pt->regs, sizeof o->pt->regs);
}

/* n registers from the first on. */
static long set_regs(struct lx_thread *o, const uint64_t *value, uint64_t n)
{
	long err = 0;

	for (uint64_t i = 0; i < n && !err; i++)
		err = set_reg(o, i, value[i]);
	return err;
}

long ptrace_setregs(struct lx_thread *o, struct gva from)
{
	uint64_t value[NREGS];

	if (copy_in(value, from, sizeof value))
		return -EFAULT;
	return set_regs(o, value, NREGS);
}

/* The vector registers: size bytes at most, *done get how many there are. */
static long fp_io(struct lx_thread *o, struct gva at, uint64_t size, bool set, uint64_t *done)
{
	void *buf = heap_alloc(REMOTE_FP_MAX);
	long n;

	if (!buf)
		return -ENOMEM;
	n = MIN(size, (uint64_t)REMOTE_FP_MAX);
	if (set && copy_in(buf, at, (uint64_t)n))
		n = -EFAULT;
	if (n >= 0)
		n = set ? remote_fp_set(o->proc, o->tid, buf, (uint64_t)n) : remote_fp_get(o->proc, o->tid, buf, (uint64_t)n);
	if (n > 0 && !set && copy_out(at, buf, (uint64_t)n))
		n = -EFAULT;
	heap_free(buf);
	if (n < 0)
		return n;
	*done = (uint64_t)n;
	return 0;
}

long ptrace_fpregs(struct lx_thread *o, struct gva at, bool set)
{
	uint64_t done;

	return fp_io(o, at, 512, set, &done);
}

static long general_set(struct lx_thread *o, struct gva at, uint64_t *size, bool set)
{
	uint64_t value[NREGS];

	*size = MIN(*size, sizeof value);
	if (!set)
		return copy_out(at, &o->pt->regs, *size);
	if (copy_in(value, at, *size))
		return -EFAULT;
	return set_regs(o, value, *size / 8);
}

long ptrace_regset(struct lx_thread *o, uint64_t type, struct gva at, bool set)
{
	struct iovec v;
	uint64_t size;
	long err;

	if (copy_in(&v, at, sizeof v))
		return -EFAULT;
	size = v.iov_len;
	if (size % 8)
		return -EINVAL;
	switch (type) {
	case NT_PRSTATUS:
		err = general_set(o, (struct gva){ (uint64_t)v.iov_base }, &size, set);
		break;
	case NT_PRFPREG:
		err = fp_io(o, (struct gva){ (uint64_t)v.iov_base }, MIN(size, 512), set, &size);
		break;
	case NT_X86_XSTATE:
		if (!fp_features())
			return -ENODEV;
		if (set && size < fp_size())
			return -EFAULT;
		err = fp_io(o, (struct gva){ (uint64_t)v.iov_base }, MIN(size, fp_size()), set, &size);
		break;
	default:
		return -EINVAL;
	}
	v.iov_len = size;
	return err ? err : copy_out(at, &v, sizeof v);
}
