/* SPDX-License-Identifier: MIT */
/* linux/aio/uring_ringfd.c - rings registered by number (IORING_REGISTER_RING_FDS): per process here, per thread in Linux. */
#include "linux/aio/uring.h"
#include "linux/fs/fs.h"

static long put_ring(struct lx_thread *t, struct io_engine *eng, struct io_uring_rsrc_update *u)
{
	struct file *f = fd_get(t, (int)u->data);
	long err = -EBUSY;

	if (f == NULL)
		return -EBADF;
	if (uring_of(f) == NULL) {
		file_put(f);
		return -EOPNOTSUPP;
	}
	lock_take(&eng->lock);
	for (uint32_t i = 0; i < ARRAY_LEN(eng->ring) && err != 0; i++) {
		if (eng->ring[i] != NULL || (u->offset != UINT32_MAX && u->offset != i))
			continue;
		eng->ring[i] = f;
		u->offset = i;
		err = 0;
	}
	lock_drop(&eng->lock);
	if (err != 0)
		file_put(f);
	return err;
}

static long drop_ring(struct io_engine *eng, uint32_t i)
{
	struct file *f = NULL;

	if (i >= ARRAY_LEN(eng->ring))
		return -EINVAL;
	lock_take(&eng->lock);
	f = eng->ring[i];
	eng->ring[i] = NULL;
	lock_drop(&eng->lock);
	if (f != NULL)
		file_put(f);
	return 0;
}

long uring_ring_fds(struct lx_thread *t, struct gva arg, uint32_t count, bool add)
{
	struct io_engine *eng = io_engine_get(t);
	long done = 0, err = 0;

	if (eng == NULL)
		return -ENOMEM;
	if (count == 0 || count > ARRAY_LEN(eng->ring))
		return -EINVAL;
	for (; done < count; done++) {
		struct gva at = gva_add(arg, (uint64_t)done * sizeof(struct io_uring_rsrc_update));
		struct io_uring_rsrc_update u;

		err = copy_in(&u, at, sizeof u);
		if (err == 0 && (u.resv != 0 || (!add && u.data != 0) || (add && u.offset != UINT32_MAX && u.offset >= ARRAY_LEN(eng->ring))))
			err = -EINVAL;
		if (err == 0)
			err = add ? put_ring(t, eng, &u) : drop_ring(eng, u.offset);
		if (err == 0 && add && copy_out(at, &u, sizeof u) != 0)
			err = -EFAULT;
		if (err != 0)
			break;
	}
	return done > 0 ? done : err;
}
