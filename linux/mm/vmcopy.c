/* SPDX-License-Identifier: MIT */
/*
 * linux/mm/vmcopy.c - process_vm_readv and process_vm_writev.
 *
 * Between threads that share an address space it is a plain copy.  Another process's
 * private memory is in another picoprocess and cannot be reached yet: EPERM, which
 * callers know from ptrace restrictions.
 */
#include "linux/mm/mm_int.h"
#include "linux/proc/proc.h"
#include "pico/uaccess.h"
#include "syscalls.gen.h"

#define IOV_MAX_COUNT 1024
#define COPY_CHUNK    0x10000

/* A place in a guest's iovec array, read one element at a time. */
struct cursor {
	struct gva iov;
	uint64_t left; /* elements behind this one */
	uint64_t base, len;
};

static long cursor_fill(struct cursor *c)
{
	while (c->len == 0 && c->left != 0) {
		struct iovec v;

		if (copy_in(&v, c->iov, sizeof v) != 0)
			return -EFAULT;
		if ((int64_t)v.iov_len < 0)
			return -EINVAL;
		c->iov = gva_add(c->iov, sizeof v);
		c->left--;
		c->base = (uint64_t)v.iov_base;
		c->len = v.iov_len;
	}
	return 0;
}

static bool copy_some(struct cursor *to, struct cursor *from, uint64_t *done)
{
	uint64_t n = MIN(MIN(to->len, from->len), COPY_CHUNK), left;

	if (!guest_range_ok(to->base, n) || !guest_range_ok(from->base, n))
		return false;
	left = uaccess_copy((void *)to->base, (const void *)from->base, n);
	n -= left;
	*done += n;
	to->base += n;
	to->len -= n;
	from->base += n;
	from->len -= n;
	return left == 0;
}

static long copy_vectors(struct cursor *to, struct cursor *from)
{
	uint64_t done = 0;

	for (;;) {
		long err = cursor_fill(to);

		if (err == 0)
			err = cursor_fill(from);
		if (err != 0)
			return done != 0 ? (long)done : err;
		if (to->len == 0 || from->len == 0)
			return (long)done;
		if (!copy_some(to, from, &done))
			return done != 0 ? (long)done : -EFAULT;
	}
}

static long process_vm(struct lx_thread *t, int pid, struct gva local, uint64_t lcount, struct gva remote, uint64_t rcount,
	uint64_t flags, bool write)
{
	struct cursor l = { .iov = local, .left = lcount }, r = { .iov = remote, .left = rcount };
	struct lx_thread *other;
	bool found, same;

	if (flags != 0 || lcount > IOV_MAX_COUNT || rcount > IOV_MAX_COUNT)
		return -EINVAL;
	lock_take(&lx_state()->tasklist);
	other = thread_find(pid);
	found = other != NULL;
	same = found && other->proc == t->proc;
	lock_drop(&lx_state()->tasklist);
	if (!found)
		return -ESRCH;
	if (!same)
		return -EPERM;
	return write ? copy_vectors(&r, &l) : copy_vectors(&l, &r);
}

long lx_sys_process_vm_readv(struct lx_thread *t, int pid, struct gva local, uint64_t lcount, struct gva remote, uint64_t rcount, uint64_t flags)
{
	return process_vm(t, pid, local, lcount, remote, rcount, flags, false);
}

long lx_sys_process_vm_writev(struct lx_thread *t, int pid, struct gva local, uint64_t lcount, struct gva remote, uint64_t rcount, uint64_t flags)
{
	return process_vm(t, pid, local, lcount, remote, rcount, flags, true);
}
