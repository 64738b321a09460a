/* SPDX-License-Identifier: MIT */
/*
 * linux/fs/eventfd.c - eventfd: one atomic counter, no lock.
 */

#include "linux/fs/io.h"
#include "syscalls.gen.h"

/* The kernel has these in linux/eventfd.h only since 6.6. */
#ifndef EFD_SEMAPHORE
#define EFD_SEMAPHORE 1
#define EFD_CLOEXEC   O_CLOEXEC
#define EFD_NONBLOCK  O_NONBLOCK
#endif
#define COUNT_MAX (UINT64_MAX - 1)

struct eventfd {
	_Atomic uint64_t count;
	bool semaphore; /* [I] */
	struct waitq wq;
};

/* Takes what a read gets: 0 if there is nothing. */
static uint64_t take_count(struct eventfd *e)
{
	uint64_t count = atomic_load(&e->count);

	while (count != 0) {
		uint64_t taken = e->semaphore && count != UINT64_MAX ? 1 : count;

		if (atomic_compare_exchange_weak(&e->count, &count, count - taken))
			return taken;
	}
	return 0;
}

static long eventfd_read(struct lx_thread *t, struct file *f, const struct iov *v, uint64_t *pos)
{
	struct eventfd *e = f->object;
	uint64_t value;
	long err;

	if (v->size < sizeof value)
		return -EINVAL;
	while ((value = take_count(e)) == 0) {
		err = file_wait(t, f, EPOLLIN, DK_FOREVER);
		if (err != 0)
			return err;
	}
	(void)waitq_wake(&e->wq, UINT32_MAX, EPOLLOUT | EPOLLWRNORM);
	return iov_put(v, 0, &value, sizeof value) == sizeof value ? (long)sizeof value : -EFAULT;
}

static bool add_count(struct eventfd *e, uint64_t n)
{
	uint64_t count = atomic_load(&e->count);

	do {
		if (n > COUNT_MAX - count)
			return false;
	} while (!atomic_compare_exchange_weak(&e->count, &count, count + n));
	return true;
}

/* Waits until n fits: the poll mask only tells about 1. */
static long wait_for_room(struct eventfd *e, uint64_t n)
{
	long err;

	WAIT_EVENT(&e->wq, DK_FOREVER, n <= COUNT_MAX - atomic_load(&e->count), err);
	return err;
}

static long eventfd_write(struct lx_thread *t, struct file *f, const struct iov *v, uint64_t *pos)
{
	struct eventfd *e = f->object;
	uint64_t value;
	long err;

	if (v->size < sizeof value)
		return -EINVAL;
	if (iov_take(v, 0, &value, sizeof value) != sizeof value)
		return -EFAULT;
	if (value == UINT64_MAX)
		return -EINVAL;
	while (!add_count(e, value)) {
		err = file_nonblock(t, f) ? -EAGAIN : wait_for_room(e, value);
		if (err != 0)
			return err;
	}
	(void)waitq_wake(&e->wq, UINT32_MAX, EPOLLIN | EPOLLRDNORM);
	return sizeof value;
}

static uint32_t eventfd_poll(struct lx_thread *t, struct file *f, struct poll_table *p)
{
	struct eventfd *e = f->object;
	uint64_t count;
	uint32_t mask = 0;

	poll_wait(p, &e->wq);
	count = atomic_load(&e->count);
	if (count > 0)
		mask |= EPOLLIN;
	if (count == UINT64_MAX)
		mask |= EPOLLERR;
	if (count < COUNT_MAX)
		mask |= EPOLLOUT;
	return mask;
}

void eventfd_signal(struct file *f)
{
	struct eventfd *e = f->object;
	uint64_t count = atomic_load(&e->count);

	/* Up to the overflow value, which no write reaches: read and poll tell of it. */
	while (count != UINT64_MAX && !atomic_compare_exchange_weak(&e->count, &count, count + 1))
		;
	(void)waitq_wake(&e->wq, UINT32_MAX, EPOLLIN | EPOLLRDNORM);
}

static void eventfd_release(struct file *f)
{
	arena_free(f->object);
}

const struct file_ops eventfd_file_ops = {
	.name = "eventfd",
	.read = eventfd_read,
	.write = eventfd_write,
	.poll = eventfd_poll,
	.release = eventfd_release,
};

long lx_sys_eventfd2(struct lx_thread *t, uint32_t count, int flags)
{
	struct eventfd *e;
	struct file *f;

	if (flags & ~(EFD_SEMAPHORE | EFD_CLOEXEC | EFD_NONBLOCK))
		return -EINVAL;
	e = arena_alloc(sizeof *e);
	if (e == NULL)
		return -ENOMEM;
	atomic_store(&e->count, count);
	e->semaphore = flags & EFD_SEMAPHORE;
	waitq_init(&e->wq);
	f = anon_file(FILE_EVENTFD, O_RDWR | (uint32_t)(flags & EFD_NONBLOCK), 0600, e);
	if (f == NULL) {
		arena_free(e);
		return -ENOMEM;
	}
	return anon_fd(t, f, flags & EFD_CLOEXEC);
}

long lx_sys_eventfd(struct lx_thread *t, uint32_t count)
{
	return lx_sys_eventfd2(t, count, 0);
}
