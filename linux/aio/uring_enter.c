/* SPDX-License-Identifier: MIT */
/* linux/aio/uring_enter.c - io_uring_enter: submitting, and waiting for CQEs. */
#include "linux/aio/uring.h"
#include "linux/fs/fs.h"
#include "linux/sig/sig.h"

#define ENTER_KNOWN                                                                                  \
	(IORING_ENTER_GETEVENTS | IORING_ENTER_SQ_WAKEUP | IORING_ENTER_SQ_WAIT | IORING_ENTER_EXT_ARG | IORING_ENTER_REGISTERED_RING)

/* The ring's file, with a reference. */
static struct file *ring_file(struct lx_thread *t, int fd, uint32_t flags, long *err)
{
	struct io_engine *eng = t->proc->io;
	struct file *f = NULL;

	*err = flags & IORING_ENTER_REGISTERED_RING ? -EINVAL : -EBADF;
	if (!(flags & IORING_ENTER_REGISTERED_RING)) {
		f = fd_get(t, fd);
	} else if (eng != NULL && (uint32_t)fd < ARRAY_LEN(eng->ring)) {
		*err = -EBADF;
		lock_take(&eng->lock);
		f = eng->ring[fd];
		if (f != NULL)
			file_get(f);
		lock_drop(&eng->lock);
	}
	if (f != NULL && uring_of(f) == NULL) {
		*err = -EOPNOTSUPP;
		file_put(f);
		f = NULL;
	}
	return f;
}

struct wish { /* what a wait is for */
	struct uring *ring;
	uint32_t min, timeouts;
};

static bool satisfied(void *data)
{
	struct wish *w = data;

	(void)uring_flush_overflow(w->ring);
	return (int32_t)(uring_cq_ready(w->ring) - w->min) >= 0 || w->ring->timeouts_done != w->timeouts || w->ring->dying;
}

/* sigmask and timeout of a wait, by the two forms of the call's last arguments. */
static long wait_args(struct lx_thread *t, uint32_t flags, struct gva arg, uint64_t size, uint64_t *deadline)
{
	struct io_uring_getevents_arg ext = { .sigmask = arg.va, .sigmask_sz = (uint32_t)size };
	long err;

	*deadline = DK_FOREVER;
	if (flags & IORING_ENTER_EXT_ARG) {
		if (size != sizeof ext)
			return -EINVAL;
		if (copy_in(&ext, arg, sizeof ext) != 0)
			return -EFAULT;
		if (ext.pad != 0)
			return -EINVAL;
		err = deadline_in((struct gva){ ext.ts }, deadline);
		if (err != 0)
			return err;
	}
	return sig_use_mask(t, (struct gva){ ext.sigmask }, ext.sigmask_sz);
}

static long wait_cqes(struct lx_thread *t, struct uring *ring, uint32_t min, uint64_t deadline)
{
	struct wish w = { ring, MIN(min, ring->cq_entries), ring->timeouts_done };
	struct io_engine *eng = io_engine_get(t);
	long err;

	if (eng == NULL)
		return -ENOMEM;
	(void)io_run(t, eng);
	if (!uring_flush_overflow(ring) && uring_cq_ready(ring) == 0)
		return -EBUSY;
	if (min == 0)
		return 0;
	err = io_sleep(t, eng, &ring->wq, satisfied, &w, deadline);
	if (err == 0 || uring_cq_ready(ring) != 0)
		return 0;
	return err == -ETIMEDOUT ? -ETIME : -EINTR;
}

static long check_issuer(struct lx_thread *t, struct uring *ring)
{
	if (ring->disabled)
		return -EBADFD;
	if (!(ring->flags & IORING_SETUP_SINGLE_ISSUER))
		return 0;
	return ring->issuer == t->tid ? 0 : -EEXIST;
}

/* SQPOLL: another thread submits. */
static long by_poller(struct uring *ring, uint32_t flags)
{
	if (ring->sq_worker == NULL)
		return -EOWNERDEAD;
	if (flags & IORING_ENTER_SQ_WAKEUP)
		uring_sq_kick(ring);
	return flags & IORING_ENTER_SQ_WAIT ? uring_sq_wait(ring) : 0;
}

static long enter(struct lx_thread *t, struct uring *ring, uint32_t submit, uint32_t complete, uint32_t flags, struct gva arg,
	uint64_t size)
{
	uint64_t deadline;
	long done = 0, err = check_issuer(t, ring);

	if (err != 0)
		return submit != 0 || ring->disabled || (ring->flags & IORING_SETUP_DEFER_TASKRUN) ? err : 0;
	if (ring->flags & IORING_SETUP_SQPOLL) {
		err = by_poller(ring, flags);
		if (err != 0)
			return err;
		done = submit;
	} else if (submit != 0) {
		done = uring_submit(t, ring, submit);
		if (done != (long)submit)
			return done;
	}
	if (!(flags & IORING_ENTER_GETEVENTS))
		return done;
	err = wait_args(t, flags, arg, size, &deadline);
	if (err == 0) {
		uring_reap(ring, true);
		err = wait_cqes(t, ring, complete, deadline);
		uring_reap(ring, false);
	}
	return done > 0 ? done : err;
}

long lx_sys_io_uring_enter(struct lx_thread *t, int fd, uint32_t submit, uint32_t complete, uint32_t flags, struct gva arg,
	uint64_t size)
{
	struct file *f;
	long result;

	if (flags & ~ENTER_KNOWN)
		return -EINVAL;
	f = ring_file(t, fd, flags, &result);
	if (f == NULL)
		return result;
	result = enter(t, f->object, submit, complete, flags, arg, size);
	file_put(f);
	return result;
}
