/* SPDX-License-Identifier: MIT */
/* linux/aio/uring_register.c - io_uring_register: what a ring is told beside SQEs. */
#include "linux/aio/uring.h"
#include "linux/fs/fs.h"

/* ---- Who may do what ---- */

long uring_restricted(const struct uring *ring, const struct io_uring_sqe *sqe)
{
	if (LIKELY(!ring->restricted))
		return 0;
	if (!(ring->allowed_ops >> sqe->opcode & 1))
		return -EACCES;
	if ((sqe->flags & ring->required_flags) != ring->required_flags)
		return -EACCES;
	return sqe->flags & ~(ring->allowed_flags | ring->required_flags) ? -EACCES : 0;
}

static long one_restriction(struct uring *ring, const struct io_uring_restriction *x)
{
	switch (x->opcode) {
	case IORING_RESTRICTION_REGISTER_OP:
		if (x->register_op >= IORING_REGISTER_LAST)
			return -EINVAL;
		ring->allowed_register |= 1ull << x->register_op;
		return 0;
	case IORING_RESTRICTION_SQE_OP:
		if (x->sqe_op >= IORING_OP_LAST)
			return -EINVAL;
		ring->allowed_ops |= 1ull << x->sqe_op;
		return 0;
	case IORING_RESTRICTION_SQE_FLAGS_ALLOWED:
		ring->allowed_flags = x->sqe_flags;
		return 0;
	case IORING_RESTRICTION_SQE_FLAGS_REQUIRED:
		ring->required_flags = x->sqe_flags;
		return 0;
	default:
		return -EINVAL;
	}
}

static long restrictions(struct uring *ring, struct gva arg, uint32_t count)
{
	long err = 0;

	if (!ring->disabled)
		return -EBADFD;
	if (ring->registered_restrictions)
		return -EBUSY;
	if (arg.va == 0 || count > IORING_RESTRICTION_LAST + IORING_REGISTER_LAST + IORING_OP_LAST)
		return -EINVAL;
	for (uint32_t i = 0; i < count && err == 0; i++) {
		struct io_uring_restriction x;

		err = copy_in(&x, gva_add(arg, i * sizeof x), sizeof x);
		if (err == 0)
			err = one_restriction(ring, &x);
	}
	if (err != 0) {
		ring->allowed_ops = ring->allowed_register = 0;
		ring->allowed_flags = ring->required_flags = 0;
		return err;
	}
	ring->registered_restrictions = true;
	return 0;
}

static long enable(struct lx_thread *t, struct uring *ring)
{
	if (!ring->disabled)
		return -EBADFD;
	if (ring->flags & IORING_SETUP_SINGLE_ISSUER)
		ring->issuer = t->tid;
	ring->restricted = ring->registered_restrictions;
	ring->disabled = false;
	uring_sq_kick(ring);
	return 0;
}

static long personality(struct lx_thread *t, struct uring *ring)
{
	struct lx_cred *cred = arena_alloc(sizeof *cred);
	long id = -ENOSPC;

	if (cred == NULL)
		return -ENOMEM;
	io_cred_keep(cred, &t->cred);
	lock_take(&ring->lock);
	for (uint32_t i = 0; i < URING_PERSONALITIES && id < 0; i++)
		if (ring->personality[i] == NULL) {
			ring->personality[i] = cred;
			id = i + 1;
		}
	lock_drop(&ring->lock);
	if (id < 0) {
		io_cred_drop(cred);
		arena_free(cred);
	}
	return id;
}

static long unpersonality(struct uring *ring, uint32_t id)
{
	struct lx_cred *cred = NULL;

	lock_take(&ring->lock);
	if (id >= 1 && id <= URING_PERSONALITIES) {
		cred = ring->personality[id - 1];
		ring->personality[id - 1] = NULL;
	}
	lock_drop(&ring->lock);
	if (cred != NULL)
		io_cred_drop(cred);
	arena_free(cred);
	return cred != NULL ? 0 : -EINVAL;
}

/* ---- Questions ---- */

static long probe(struct gva arg, uint32_t count)
{
	struct io_uring_probe head = { 0 };
	uint32_t n = MIN(count, (uint32_t)IORING_OP_LAST);
	struct io_uring_probe_op none = { 0 };

	if (count > 256)
		return -EINVAL;
	if (copy_in(&head, arg, sizeof head) != 0)
		return -EFAULT;
	if (head.last_op != 0 || head.ops_len != 0 || head.resv != 0)
		return -EINVAL;
	head.last_op = IORING_OP_LAST - 1;
	head.ops_len = (uint8_t)n;
	for (uint32_t i = 0; i < n; i++) {
		struct io_uring_probe_op op = none;

		op.op = (uint8_t)i;
		op.flags = uring_ops[i].run != NULL ? IO_URING_OP_SUPPORTED : 0;
		if (copy_out(gva_add(arg, sizeof head + i * sizeof op), &op, sizeof op) != 0)
			return -EFAULT;
	}
	return copy_out(arg, &head, sizeof head);
}

static long eventfd(struct lx_thread *t, struct uring *ring, struct gva arg, bool async)
{
	struct file *f;
	int fd;
	long err = 0;

	if (copy_in(&fd, arg, sizeof fd) != 0)
		return -EFAULT;
	if (ring->eventfd != NULL)
		return -EBUSY;
	f = fd_get(t, fd);
	if (f == NULL)
		return -EBADF;
	lock_take(&ring->lock);
	if (f->kind != FILE_EVENTFD)
		err = -EINVAL;
	else if (ring->eventfd != NULL)
		err = -EBUSY;
	if (err == 0) {
		ring->eventfd = f;
		ring->eventfd_async = async;
	}
	lock_drop(&ring->lock);
	if (err != 0)
		file_put(f);
	return err;
}

static long no_eventfd(struct uring *ring)
{
	struct file *f;

	lock_take(&ring->lock);
	f = ring->eventfd;
	ring->eventfd = NULL;
	lock_drop(&ring->lock);
	if (f != NULL)
		file_put(f);
	return f != NULL ? 0 : -ENXIO;
}

/* Bounded workers do not exist here; the other number is the process's. */
static long max_workers(struct lx_thread *t, struct uring *ring, struct gva arg, uint32_t count)
{
	struct io_engine *eng = io_engine_get(t);
	uint32_t new[2], old[2];

	if (arg.va == 0 || count != 2)
		return -EINVAL;
	if (copy_in(new, arg, sizeof new) != 0)
		return -EFAULT;
	if (new[0] > INT32_MAX || new[1] > INT32_MAX)
		return -EINVAL;
	old[0] = ring->iowq[0] != 0 ? ring->iowq[0] : lx_state()->ncpus * 4;
	old[1] = ring->iowq[1] != 0 ? ring->iowq[1] : (uint32_t)MIN(t->proc->rlim[RLIMIT_NPROC].rlim_cur, (uint64_t)32768);
	for (int i = 0; i < 2; i++)
		if (new[i] != 0)
			ring->iowq[i] = new[i];
	if (eng != NULL && new[1] != 0)
		eng->max_blocking = MIN(new[1], 64u);
	return copy_out(arg, old, sizeof old);
}

/* ---- Files and buffers ---- */

static long rsrc_register(struct lx_thread *t, struct uring *ring, struct gva arg, uint32_t size, bool files)
{
	struct io_uring_rsrc_register x;
	bool sparse;

	if (size != sizeof x)
		return -EINVAL;
	if (copy_in(&x, arg, sizeof x) != 0)
		return -EFAULT;
	sparse = x.flags & IORING_RSRC_REGISTER_SPARSE;
	if (x.nr == 0 || x.resv2 != 0 || (x.flags & ~IORING_RSRC_REGISTER_SPARSE) || (sparse && x.data != 0))
		return -EINVAL;
	if (!sparse && x.data == 0)
		return -EFAULT;
	return files ? uring_files_register(t, ring, (struct gva){ x.data }, (struct gva){ x.tags }, x.nr) :
		       uring_buffers_register(ring, (struct gva){ x.data }, (struct gva){ x.tags }, x.nr);
}

static long rsrc_update(struct lx_thread *t, struct uring *ring, struct gva arg, uint32_t size, bool files)
{
	struct io_uring_rsrc_update2 x;

	if (size != sizeof x)
		return -EINVAL;
	if (copy_in(&x, arg, sizeof x) != 0)
		return -EFAULT;
	if (x.nr == 0 || x.resv != 0 || x.resv2 != 0)
		return -EINVAL;
	return files ? uring_files_update(t, ring, x.offset, (struct gva){ x.data }, (struct gva){ x.tags }, x.nr) :
		       uring_buffers_update(ring, x.offset, (struct gva){ x.data }, (struct gva){ x.tags }, x.nr);
}

static long files_update(struct lx_thread *t, struct uring *ring, struct gva arg, uint32_t count)
{
	struct io_uring_files_update x;

	if (count == 0)
		return -EINVAL;
	if (copy_in(&x, arg, sizeof x) != 0)
		return -EFAULT;
	if (x.resv != 0)
		return -EINVAL;
	return uring_files_update(t, ring, x.offset, (struct gva){ x.fds }, GVA_NULL, count);
}

static long alloc_range(struct uring *ring, struct gva arg)
{
	struct io_uring_file_index_range x;

	if (copy_in(&x, arg, sizeof x) != 0)
		return -EFAULT;
	if (x.off + x.len < x.off)
		return -EOVERFLOW;
	if (x.resv != 0 || x.off + x.len > ring->nfiles)
		return -EINVAL;
	ring->alloc_from = x.off;
	ring->alloc_to = x.off + x.len;
	ring->file_hint = 0;
	return 0;
}

static long sync_cancel(struct lx_thread *t, struct uring *ring, struct gva arg)
{
	const uint32_t known = IORING_ASYNC_CANCEL_ALL | IORING_ASYNC_CANCEL_FD | IORING_ASYNC_CANCEL_ANY | IORING_ASYNC_CANCEL_FD_FIXED;
	struct io_uring_sync_cancel_reg x;
	struct uring_match m;
	long n;

	if (copy_in(&x, arg, sizeof x) != 0)
		return -EFAULT;
	if ((x.flags & ~known) || x.pad[0] != 0 || x.pad[1] != 0 || x.pad[2] != 0 || x.pad[3] != 0)
		return -EINVAL;
	m = (struct uring_match){ .user_data = x.addr, .flags = x.flags };
	if (x.flags & IORING_ASYNC_CANCEL_FD) {
		m.file = x.flags & IORING_ASYNC_CANCEL_FD_FIXED ? uring_fixed_get(ring, (uint32_t)x.fd) : fd_get(t, x.fd);
		if (m.file == NULL)
			return -EBADF;
	}
	n = uring_cancel(t, ring, &m);
	if (m.file != NULL)
		file_put(m.file);
	return n;
}

/* ---- The call ---- */

static long with_no_arg(struct uring *ring, struct gva arg, uint32_t count, long (*fn)(struct uring *))
{
	return arg.va != 0 || count != 0 ? -EINVAL : fn(ring);
}

static long with_one(struct gva arg, uint32_t count)
{
	return arg.va == 0 || count != 1 ? -EINVAL : 0;
}

static long resources(struct lx_thread *t, struct uring *ring, uint32_t op, struct gva arg, uint32_t count)
{
	switch (op) {
	case IORING_REGISTER_BUFFERS:
		return arg.va == 0 ? -EFAULT : uring_buffers_register(ring, arg, GVA_NULL, count);
	case IORING_UNREGISTER_BUFFERS:
		return with_no_arg(ring, arg, count, uring_buffers_unregister);
	case IORING_REGISTER_FILES:
		return arg.va == 0 ? -EFAULT : uring_files_register(t, ring, arg, GVA_NULL, count);
	case IORING_UNREGISTER_FILES:
		return with_no_arg(ring, arg, count, uring_files_unregister);
	case IORING_REGISTER_FILES_UPDATE:
		return files_update(t, ring, arg, count);
	case IORING_REGISTER_FILES2:
	case IORING_REGISTER_BUFFERS2:
		return rsrc_register(t, ring, arg, count, op == IORING_REGISTER_FILES2);
	case IORING_REGISTER_FILES_UPDATE2:
	case IORING_REGISTER_BUFFERS_UPDATE:
		return rsrc_update(t, ring, arg, count, op == IORING_REGISTER_FILES_UPDATE2);
	case IORING_REGISTER_FILE_ALLOC_RANGE:
		return arg.va == 0 || count != 0 ? -EINVAL : alloc_range(ring, arg);
	case IORING_REGISTER_PBUF_RING:
		return with_one(arg, count) != 0 ? -EINVAL : uring_pbuf_register(t, ring, arg);
	case IORING_UNREGISTER_PBUF_RING:
		return with_one(arg, count) != 0 ? -EINVAL : uring_pbuf_unregister(ring, arg);
	default:
		return -EINVAL;
	}
}

static long register_op(struct lx_thread *t, struct uring *ring, uint32_t op, struct gva arg, uint32_t count)
{
	switch (op) {
	case IORING_REGISTER_EVENTFD:
	case IORING_REGISTER_EVENTFD_ASYNC:
		return count != 1 ? -EINVAL : eventfd(t, ring, arg, op == IORING_REGISTER_EVENTFD_ASYNC);
	case IORING_UNREGISTER_EVENTFD:
		return with_no_arg(ring, arg, count, no_eventfd);
	case IORING_REGISTER_PROBE:
		return arg.va == 0 ? -EINVAL : probe(arg, count);
	case IORING_REGISTER_PERSONALITY:
		return arg.va != 0 || count != 0 ? -EINVAL : personality(t, ring);
	case IORING_UNREGISTER_PERSONALITY:
		return arg.va != 0 ? -EINVAL : unpersonality(ring, count);
	case IORING_REGISTER_ENABLE_RINGS:
		return arg.va != 0 || count != 0 ? -EINVAL : enable(t, ring);
	case IORING_REGISTER_RESTRICTIONS:
		return restrictions(ring, arg, count);
	case IORING_REGISTER_IOWQ_AFF:
		return arg.va == 0 || count == 0 ? -EINVAL : 0; /* the host schedules */
	case IORING_UNREGISTER_IOWQ_AFF:
		return arg.va != 0 || count != 0 ? -EINVAL : 0;
	case IORING_REGISTER_IOWQ_MAX_WORKERS:
		return max_workers(t, ring, arg, count);
	case IORING_REGISTER_RING_FDS:
	case IORING_UNREGISTER_RING_FDS:
		return uring_ring_fds(t, arg, count, op == IORING_REGISTER_RING_FDS);
	case IORING_REGISTER_SYNC_CANCEL:
		return with_one(arg, count) != 0 ? -EINVAL : sync_cancel(t, ring, arg);
	default:
		return resources(t, ring, op, arg, count);
	}
}

long lx_sys_io_uring_register(struct lx_thread *t, int fd, uint32_t op, struct gva arg, uint32_t count)
{
	struct uring *ring;
	struct file *f;
	long err;

	if (op >= IORING_REGISTER_LAST)
		return -EINVAL;
	f = fd_get_kind(t, fd, FILE_URING, -EOPNOTSUPP, &err);
	if (f == NULL)
		return err;
	ring = f->object;
	if (ring->restricted && !(ring->allowed_register >> op & 1))
		err = -EACCES;
	else if ((ring->flags & IORING_SETUP_SINGLE_ISSUER) && ring->issuer != 0 && ring->issuer != t->tid)
		err = -EEXIST;
	else
		err = register_op(t, ring, op, arg, count);
	file_put(f);
	return err;
}
