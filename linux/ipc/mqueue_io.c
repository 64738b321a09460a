/* SPDX-License-Identifier: MIT */
/* linux/ipc/mqueue_io.c - messages of POSIX queues, sent and received, and the queue as a file. */
#include "linux/fs/io.h"
#include "linux/ipc/mqueue.h"
#include "linux/misc/timer.h"
#include "linux/ns/ns.h"
#include "linux/proc/proc.h"
#include "rt/fmt.h"
#include "syscalls.gen.h"

struct file *mqueue_get(struct lx_thread *t, int fd, int mode)
{
	struct file *f = fd_get(t, fd);
	uint32_t access;

	if (f == NULL)
		return NULL;
	access = atomic_load(&f->flags) & O_ACCMODE;
	if (f->kind == FILE_MQUEUE && (mode < 0 || access == O_RDWR || access == (uint32_t)mode))
		return f;
	file_put(f);
	return NULL;
}

/* An absolute CLOCK_REALTIME deadline, NULL = never, as a monotonic one. */
static long deadline_real(struct gva timeout, uint64_t *deadline)
{
	struct __kernel_timespec ts;

	*deadline = DK_FOREVER;
	if (timeout.va == 0)
		return 0;
	if (copy_in(&ts, timeout, sizeof ts) != 0)
		return -EFAULT;
	if (ts.tv_sec < 0 || ts.tv_nsec < 0 || ts.tv_nsec >= 1000000000)
		return -EINVAL;
	if (ts.tv_sec < INT64_MAX / 1000000000 - 1)
		*deadline = clock_to_mono(CLOCK_REALTIME, (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec);
	return 0;
}

static void insert(struct mqueue *q, struct mq_message *m)
{
	struct list *at = q->messages.prev;

	while (at != &q->messages && LIST_ENTRY(at, struct mq_message, link)->prio < m->prio)
		at = at->prev;
	list_insert(at, &m->link);
	q->count++;
	q->bytes += (int64_t)m->size;
}

static bool mqueue_can_send(struct mqueue *q)
{
	return q->count < q->maxmsg;
}

static bool mqueue_can_receive(struct mqueue *q)
{
	return q->count > 0;
}

/* Waits with lock IPC held (and dropped meanwhile) until ready(q): 0 or -errno. */
static long wait_ready(struct file *f, struct mqueue *q, bool (*ready)(struct mqueue *), uint64_t deadline) REQUIRES(IPC)
{
	struct waiter *w;
	long err = 0;

	if (ready(q))
		return 0;
	if (atomic_load(&f->flags) & O_NONBLOCK)
		return -EAGAIN;
	w = waiter_self(0);
	waitq_add(&q->wait, w);
	while (err == 0 && !ready(q)) {
		enum dk_status status;

		ipc_unlock();
		status = pico_wait(deadline, 0);
		ipc_lock();
		if (status != DK_OK && !ready(q))
			err = lx_wait_err(status);
	}
	waitq_remove(&q->wait, w);
	return err;
}

static long send(struct lx_thread *t, struct file *f, struct mq_message *m, uint64_t deadline)
{
	struct mqueue *q = f->object;
	struct mq_notice notice = { 0 };
	long err;

	ipc_lock();
	err = wait_ready(f, q, mqueue_can_send, deadline);
	if (err == 0) {
		insert(q, m);
		if (q->count == 1 && q->receivers == 0)
			notice = mqueue_notice_take(q);
		waitq_wake_all(&q->wait);
	}
	ipc_unlock();
	mqueue_notice_send(t, &notice);
	return err;
}

static long send_text(struct lx_thread *t, struct file *f, struct gva msg, uint64_t len, uint32_t prio, uint64_t deadline)
{
	struct mqueue *q = f->object;
	struct mq_message *m;
	long err;

	if (len > (uint64_t)q->msgsize)
		return -EMSGSIZE;
	m = arena_alloc(sizeof *m + len);
	if (m == NULL)
		return -ENOMEM;
	m->prio = prio;
	m->size = len;
	err = copy_in(m->text, msg, len);
	if (err == 0)
		err = send(t, f, m, deadline);
	if (err != 0)
		arena_free(m);
	return err;
}

long lx_sys_mq_timedsend(struct lx_thread *t, int fd, struct gva msg, uint64_t len, uint32_t prio, struct gva timeout)
{
	uint64_t deadline;
	struct file *f;
	long err = prio >= MQ_PRIO_MAX ? -EINVAL : deadline_real(timeout, &deadline);

	if (err != 0)
		return err;
	f = mqueue_get(t, fd, O_WRONLY);
	if (f == NULL)
		return -EBADF;
	err = send_text(t, f, msg, len, prio, deadline);
	file_put(f);
	return err;
}

static long receive(struct file *f, uint64_t deadline, struct mq_message **out)
{
	struct mqueue *q = f->object;
	long err;

	ipc_lock();
	q->receivers++;
	err = wait_ready(f, q, mqueue_can_receive, deadline);
	q->receivers--;
	if (err == 0) {
		*out = LIST_FIRST(&q->messages, struct mq_message, link);
		list_remove(&(*out)->link);
		q->count--;
		q->bytes -= (int64_t)(*out)->size;
		waitq_wake_all(&q->wait);
	}
	ipc_unlock();
	return err;
}

static long receive_text(struct file *f, struct gva msg, struct gva prio, uint64_t deadline)
{
	struct mq_message *m;
	long ret = receive(f, deadline, &m);

	if (ret != 0)
		return ret;
	ret = (long)m->size;
	if ((prio.va != 0 && PUT_USER(prio, m->prio) != 0) || copy_out(msg, m->text, m->size) != 0)
		ret = -EFAULT;
	arena_free(m);
	return ret;
}

long lx_sys_mq_timedreceive(struct lx_thread *t, int fd, struct gva msg, uint64_t len, struct gva prio, struct gva timeout)
{
	uint64_t deadline;
	struct file *f;
	long ret = deadline_real(timeout, &deadline);

	if (ret != 0)
		return ret;
	f = mqueue_get(t, fd, O_RDONLY);
	if (f == NULL)
		return -EBADF;
	if (len < (uint64_t)((struct mqueue *)f->object)->msgsize)
		ret = -EMSGSIZE;
	else
		ret = receive_text(f, msg, prio, deadline);
	file_put(f);
	return ret;
}

/* ---- As a file ---- */

static uint32_t mqueue_poll(struct lx_thread *t, struct file *f, struct poll_table *p)
{
	struct mqueue *q = f->object;
	uint32_t mask;

	if (p != NULL)
		poll_wait(p, &q->wait);
	ipc_lock();
	mask = (mqueue_can_receive(q) ? EPOLLIN | EPOLLRDNORM : 0) | (mqueue_can_send(q) ? EPOLLOUT | EPOLLWRNORM : 0);
	ipc_unlock();
	return mask;
}

/* What cat shows of a queue. */
static long mqueue_read(struct lx_thread *t, struct file *f, const struct iov *v, uint64_t *pos)
{
	struct mqueue *q = f->object;
	char text[96];
	size_t n, len;

	ipc_lock();
	len = (size_t)fmt_snprintf(text, sizeof text, "QSIZE:%-10lu NOTIFY:%-5d SIGNO:%-5d NOTIFY_PID:%-6d\n", (unsigned long)q->bytes,
		q->notify_pid != 0 ? q->notify_how : 0, q->notify_pid != 0 && q->notify_how == SIGEV_SIGNAL ? q->notify_sig : 0,
		pid_out(t, q->notify_pid));
	ipc_unlock();
	if (*pos >= len)
		return 0;
	n = MIN(len - *pos, v->size);
	if (n != 0 && iov_put(v, 0, text + *pos, n) != n)
		return -EFAULT;
	*pos += n;
	return (long)n;
}

static void mqueue_flush(struct lx_thread *t, struct file *f)
{
	struct mq_notice gone;

	ipc_lock();
	gone = mqueue_notify_drop(f->object, t->proc->pid);
	ipc_unlock();
	mqueue_notice_send(t, &gone);
}

static void mqueue_release(struct file *f)
{
	mqueue_put(f->object);
}

extern const struct file_ops file_mqueue_ops; /* fs/file_kinds.c */
const struct file_ops file_mqueue_ops = {
	.name = "mqueue",
	.read = mqueue_read,
	.poll = mqueue_poll,
	.flush = mqueue_flush,
	.release = mqueue_release,
	.seekable = true,
};
