/* SPDX-License-Identifier: MIT */
/*
 * linux/fs/pty.c - pseudo terminals: reading, writing and polling both ends.
 *
 * f->object is the struct tty, a reference; f->priv[0] is 1 on the master.  Bytes
 * the master writes go through the line discipline into tty->in, what the slave
 * writes goes through output processing into tty->out.  Sleepers of the slave are
 * on slave_wq, those of the master on master_wq, whatever they wait for.
 */
#include "linux/fs/tty.h"

#include "linux/fs/pty.h"
#include "linux/sig/sig.h"

#define OUT_ROOM 8u /* most that one byte becomes: a tab, or CR and NL */

static struct tty *tty_of(const struct file *f)
{
	return f->object;
}

static bool is_master(const struct file *f)
{
	return f->priv[0] != 0;
}

/* ---- The slave ---- */

/* State of a read over its waits. */
struct tty_read {
	const struct iov *v;
	size_t done;
	uint64_t deadline; /* of VTIME */
	bool timed;        /* the deadline is an answer, not an error */
};

/* One look: true when the read is over, *result then being what it returns. */
static bool slave_try_read(struct tty *tty, struct tty_read *r, long *result)
{
	bool canonical, over = true;
	uint32_t min = tty->tio.c_cc[VMIN], time = tty->tio.c_cc[VTIME];
	size_t before = r->done;

	lock_take(&tty->lock);
	canonical = tty->tio.c_lflag & ICANON && !(tty->tio.c_lflag & EXTPROC);
	if (!tty->hung) {
		bool line = canonical && tty->canon != tty->in.tail;

		r->done += tty_take_input(tty, r->v, r->done);
		if (canonical)
			over = line;
		else
			over = r->done >= r->v->size || r->done >= MAX(min, 1u) || (!min && !time);
	}
	lock_drop(&tty->lock);
	if (r->done > before)
		(void)waitq_wake(&tty->master_wq, UINT32_MAX, EPOLLOUT | EPOLLWRNORM);
	if (!canonical && time && (r->done > before || (!min && !r->timed))) {
		r->deadline = pico_now() + time * 100000000ull;
		r->timed = true;
	}
	*result = (long)r->done;
	return over;
}

static long slave_read(struct lx_thread *t, struct file *f, const struct iov *v, uint64_t *pos)
{
	struct tty *tty = tty_of(f);
	struct tty_read r = { v, 0, DK_FOREVER, false };
	struct waiter *w = waiter_self(0);
	long result = tty_check_change(t, tty, SIGTTIN);

	if (result || v->size == 0)
		return result;
	waitq_add(&tty->slave_wq, w);
	while (!slave_try_read(tty, &r, &result)) {
		enum dk_status s;

		if (file_nonblock(t, f)) {
			result = r.done ? (long)r.done : -EAGAIN;
			break;
		}
		s = pico_wait(r.deadline, 0);
		if (s == DK_TIMEOUT) {
			(void)slave_try_read(tty, &r, &result);
			break;
		}
		if (s != DK_OK) {
			result = r.done ? (long)r.done : lx_wait_err(s);
			break;
		}
	}
	waitq_remove(&tty->slave_wq, w);
	return result;
}

/* Puts out as much as there is room for: bytes taken, or -EIO. */
static long slave_put(struct tty *tty, const uint8_t *buf, size_t n)
{
	size_t i = 0;

	lock_take(&tty->lock);
	if (tty->hung) {
		lock_drop(&tty->lock);
		return -EIO;
	}
	while (i < n && !tty->stopped && ring_room(&tty->out) >= OUT_ROOM)
		tty_output(tty, buf[i++]);
	lock_drop(&tty->lock);
	if (i)
		(void)waitq_wake(&tty->master_wq, UINT32_MAX, EPOLLIN | EPOLLRDNORM);
	return (long)i;
}

/* Moves v out by pieces through put, waiting on q while nothing fits. */
static long write_all(struct lx_thread *t, struct file *f, const struct iov *v, struct waitq *q, long (*put)(struct tty *, const uint8_t *, size_t))
{
	struct tty *tty = tty_of(f);
	struct waiter *w = waiter_self(0);
	uint8_t buf[512];
	size_t done = 0;
	long err = 0;

	waitq_add(q, w);
	while (done < v->size && !err) {
		size_t n = iov_take(v, done, buf, MIN(sizeof buf, v->size - done));
		long put_now = n ? put(tty, buf, n) : -EFAULT;

		if (put_now > 0) {
			done += (size_t)put_now;
		} else if (put_now < 0) {
			err = put_now;
		} else if (file_nonblock(t, f)) {
			err = -EAGAIN;
		} else {
			enum dk_status s = pico_wait(DK_FOREVER, 0);

			err = s == DK_OK ? 0 : lx_wait_err(s);
		}
	}
	waitq_remove(q, w);
	return done ? (long)done : err;
}

static long slave_write(struct lx_thread *t, struct file *f, const struct iov *v, uint64_t *pos)
{
	struct tty *tty = tty_of(f);

	if (tty->tio.c_lflag & TOSTOP) {
		long err = tty_check_change(t, tty, SIGTTOU);

		if (err)
			return err;
	}
	return write_all(t, f, v, &tty->slave_wq, slave_put);
}

static uint32_t slave_poll(struct tty *tty)
{
	uint32_t mask = 0;

	lock_take(&tty->lock);
	if (tty->hung)
		mask |= EPOLLIN | EPOLLRDNORM | EPOLLOUT | EPOLLWRNORM | EPOLLERR | EPOLLHUP;
	if (tty_input_ready(tty, true))
		mask |= EPOLLIN | EPOLLRDNORM;
	if (!tty->stopped && ring_room(&tty->out) >= OUT_ROOM)
		mask |= EPOLLOUT | EPOLLWRNORM;
	lock_drop(&tty->lock);
	return mask;
}

/* ---- The master ---- */

static size_t take_output(struct tty *tty, const struct iov *v, size_t done)
{
	size_t start = done;

	while (done < v->size && ring_count(&tty->out)) {
		uint32_t at = tty->out.tail % TTY_RING;
		size_t run = MIN(MIN(TTY_RING - at, ring_count(&tty->out)), v->size - done);
		size_t got = iov_put(v, done, tty->out.data + at, run);

		tty->out.tail += (uint32_t)got;
		done += got;
		if (got < run)
			break;
	}
	return done - start;
}

/* One look: bytes, 0 = nothing yet, -EIO. */
static long master_try_read(struct tty *tty, const struct iov *v)
{
	uint8_t status = 0;
	size_t done = 0;
	long err = 0;

	lock_take(&tty->lock);
	if (tty->packet && tty->packet_status) {
		status = (uint8_t)tty->packet_status;
		tty->packet_status = 0;
		done = iov_put(v, 0, &status, 1);
		err = done ? 0 : -EFAULT;
	} else if (ring_count(&tty->out)) {
		done = tty->packet ? iov_put(v, 0, &status, 1) : 0;
		done += take_output(tty, v, done);
		err = done ? 0 : -EFAULT;
	} else if (tty->hung || (tty->opened && !tty->slaves)) {
		err = -EIO;
	}
	lock_drop(&tty->lock);
	if (done)
		(void)waitq_wake(&tty->slave_wq, UINT32_MAX, EPOLLOUT | EPOLLWRNORM);
	return done ? (long)done : err;
}

static long master_read(struct lx_thread *t, struct file *f, const struct iov *v)
{
	struct tty *tty = tty_of(f);
	struct waiter *w = waiter_self(0);
	long result;

	if (v->size == 0)
		return 0;
	waitq_add(&tty->master_wq, w);
	while ((result = master_try_read(tty, v)) == 0) {
		enum dk_status s;

		if (file_nonblock(t, f)) {
			result = -EAGAIN;
			break;
		}
		s = pico_wait(DK_FOREVER, 0);
		if (s != DK_OK) {
			result = lx_wait_err(s);
			break;
		}
	}
	waitq_remove(&tty->master_wq, w);
	return result;
}

static long master_put(struct tty *tty, const uint8_t *buf, size_t n)
{
	size_t i = 0;
	uint32_t out = tty->out.head;

	lock_take(&tty->lock);
	tty_begin(tty);
	while (i < n && tty_can_receive(tty))
		tty_receive(tty, buf[i++]);
	out = tty->out.head - out;
	lock_drop(&tty->lock);
	if (out)
		(void)waitq_wake(&tty->master_wq, UINT32_MAX, EPOLLIN | EPOLLRDNORM);
	return (long)i;
}

static uint32_t master_poll(struct tty *tty)
{
	uint32_t mask = 0;

	lock_take(&tty->lock);
	if (ring_count(&tty->out))
		mask |= EPOLLIN | EPOLLRDNORM;
	if (tty->packet && tty->packet_status)
		mask |= EPOLLIN | EPOLLRDNORM | EPOLLPRI;
	if (tty->opened && !tty->slaves)
		mask |= EPOLLHUP;
	if (tty_can_receive(tty))
		mask |= EPOLLOUT | EPOLLWRNORM;
	lock_drop(&tty->lock);
	return mask;
}

/* ---- Both ---- */

static long pty_read(struct lx_thread *t, struct file *f, const struct iov *v, uint64_t *pos)
{
	return is_master(f) ? master_read(t, f, v) : slave_read(t, f, v, pos);
}

static long pty_write(struct lx_thread *t, struct file *f, const struct iov *v, uint64_t *pos)
{
	if (is_master(f))
		return write_all(t, f, v, &tty_of(f)->master_wq, master_put);
	return slave_write(t, f, v, pos);
}

static uint32_t pty_poll(struct lx_thread *t, struct file *f, struct poll_table *p)
{
	struct tty *tty = tty_of(f);

	if (p)
		poll_wait(p, is_master(f) ? &tty->master_wq : &tty->slave_wq);
	return is_master(f) ? master_poll(tty) : slave_poll(tty);
}

static void pty_release(struct file *f)
{
	struct tty *tty = tty_of(f);

	if (!tty)
		return;
	lock_take(&tty->lock);
	if (is_master(f))
		tty->master = 0;
	else
		tty->slaves--;
	lock_drop(&tty->lock);
	if (is_master(f))
		tty_hangup(tty);
	else
		waitq_wake_all(&tty->master_wq);
	tty_put(tty);
}

const struct file_ops file_pty_ops = {
	.name = "tty",
	.read = pty_read,
	.write = pty_write,
	.ioctl = pty_ioctl,
	.poll = pty_poll,
	.release = pty_release,
};

static long slave_may_open(struct lx_thread *t, struct tty *tty)
{
	if (tty->hung || !tty->master || tty->locked)
		return -EIO;
	if (tty->exclusive && !lx_capable(t, 21 /* CAP_SYS_ADMIN */))
		return -EBUSY;
	tty->slaves++;
	tty->opened = 1;
	return 0;
}

long pty_open_slave(struct lx_thread *t, struct tty *tty, struct file *f)
{
	long err;

	lock_take(&tty->lock);
	err = slave_may_open(t, tty);
	lock_drop(&tty->lock);
	if (err)
		return err;
	f->kind = FILE_PTY;
	f->object = tty_get(tty);
	f->priv[0] = 0;
	tty_open_ctty(t, tty, (int)f->flags);
	waitq_wake_all(&tty->master_wq);
	return 0;
}

long pty_open_master(struct lx_thread *t, struct file *f)
{
	struct tty *tty = tty_new(TTY_PTY);

	if (!tty)
		return -ENOSPC;
	tty->master = 1;
	tty->locked = 1;
	tty->uid = t->cred.fsuid;
	f->kind = FILE_PTY;
	f->object = tty;
	f->priv[0] = 1;
	return 0;
}

long tty_open(struct lx_thread *t, struct tty *tty, struct file *f)
{
	return tty->kind == TTY_HOST ? std_open_tty(t, tty, f) : pty_open_slave(t, tty, f);
}
