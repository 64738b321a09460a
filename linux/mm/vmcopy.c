/* SPDX-License-Identifier: MIT */
/*
 * linux/mm/vmcopy.c - process_vm_readv and process_vm_writev.
 *
 * The other process's memory is reached by a thread of it (proc/remote.c), through a buffer
 * here; in the caller's own address space it is a plain copy.
 */
#include "linux/mm/mm_int.h"
#include "linux/proc/proc.h"
#include "linux/proc/ptrace.h"
#include "linux/proc/remote.h"
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

struct vmcopy {
	struct cursor local, remote;
	struct lx_proc *other;
	bool write;
	char *buf; /* COPY_CHUNK bytes */
};

/* n bytes between the two cursors' places: how many, or -errno if none. */
static long copy_chunk(struct vmcopy *v, uint64_t n)
{
	long moved;

	if (v->write) {
		uint64_t got = n - uaccess_read(v->buf, v->local.base, n);

		moved = got ? remote_memory(v->other, v->remote.base, v->buf, got, true, false) : -EFAULT;
	} else {
		moved = remote_memory(v->other, v->remote.base, v->buf, n, false, false);
		if (moved > 0)
			moved -= (long)uaccess_write(v->local.base, v->buf, (uint64_t)moved);
	}
	return moved == 0 ? -EFAULT : moved;
}

static void advance(struct cursor *c, uint64_t n)
{
	c->base += n;
	c->len -= n;
}

static long copy_vectors(struct vmcopy *v)
{
	uint64_t done = 0;

	for (;;) {
		long err = cursor_fill(&v->local);
		uint64_t n;

		if (err == 0)
			err = cursor_fill(&v->remote);
		if (err != 0)
			return done != 0 ? (long)done : err;
		n = MIN(MIN(v->local.len, v->remote.len), COPY_CHUNK);
		if (n == 0)
			return (long)done;
		err = copy_chunk(v, n);
		if (err < 0)
			return done != 0 ? (long)done : err;
		done += (uint64_t)err;
		if ((uint64_t)err < n)
			return (long)done;
		advance(&v->local, n);
		advance(&v->remote, n);
	}
}

/* The arrays are checked before anything is said of the process: lengths, and their sum. */
static long check_array(struct gva iov, uint64_t count)
{
	uint64_t sum = 0;

	for (uint64_t i = 0; i < count; i++) {
		struct iovec v;

		if (copy_in(&v, gva_add(iov, i * sizeof v), sizeof v) != 0)
			return -EFAULT;
		if ((int64_t)v.iov_len < 0 || ADD_OVERFLOW(sum, v.iov_len, &sum) || (int64_t)sum < 0)
			return -EINVAL;
	}
	return sum != 0;
}

/* The process behind pid, referenced, that t may look into: 0, -ESRCH, -EPERM. */
static long find_process(struct lx_thread *t, int pid, struct lx_proc **out)
{
	struct lx_thread *o;
	long err = -ESRCH;

	lock_take(&lx_state()->tasklist);
	o = thread_find(pid);
	if (o != NULL && o->proc->state == PROC_LIVE)
		err = ptrace_may_access(t, o, ACCESS_ATTACH) ? 0 : -EPERM;
	if (err == 0) {
		*out = o->proc;
		proc_get(*out);
	}
	lock_drop(&lx_state()->tasklist);
	return err;
}

static long process_vm(struct lx_thread *t, int pid, struct gva local, uint64_t lcount, struct gva remote, uint64_t rcount,
	uint64_t flags, bool write)
{
	struct vmcopy v = { .local = { .iov = local, .left = lcount }, .remote = { .iov = remote, .left = rcount }, .write = write };
	long result, some;

	if (flags != 0 || lcount > IOV_MAX_COUNT || rcount > IOV_MAX_COUNT)
		return -EINVAL;
	some = check_array(local, lcount);
	result = some > 0 ? check_array(remote, rcount) : some;
	if (result <= 0)
		return result;
	result = find_process(t, pid, &v.other);
	if (result != 0)
		return result;
	v.buf = heap_alloc_dirty(COPY_CHUNK);
	result = v.buf != NULL ? copy_vectors(&v) : -ENOMEM;
	heap_free(v.buf);
	proc_put(v.other);
	return result;
}

long lx_sys_process_vm_readv(struct lx_thread *t, int pid, struct gva local, uint64_t lcount, struct gva remote, uint64_t rcount, uint64_t flags)
{
	return process_vm(t, pid, local, lcount, remote, rcount, flags, false);
}

long lx_sys_process_vm_writev(struct lx_thread *t, int pid, struct gva local, uint64_t lcount, struct gva remote, uint64_t rcount, uint64_t flags)
{
	return process_vm(t, pid, local, lcount, remote, rcount, flags, true);
}
