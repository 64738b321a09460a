/* SPDX-License-Identifier: MIT */
/*
 * linux/ipc/mqueue.c - POSIX message queues: objects with a name of their own name
 * space, opened as files of kind FILE_MQUEUE.
 *
 * Messages are kept by falling priority, in the order sent within one.  A queue goes
 * when it has been unlinked and the last descriptor is closed.  All under lock IPC.
 */
#include "linux/fs/io.h"
#include "linux/ipc/mqueue.h"
#include "linux/ns/ns.h"
#include "linux/misc/timer.h"
#include "linux/proc/proc.h"
#include "linux/sig/sig.h"
#include "rt/fmt.h"
#include "rt/mem.h"
#include "syscalls.gen.h"

#define QUEUES_MAX      256u
#define MAXMSG_DEFAULT  10
#define MAXMSG_HARD     65536
#define MSGSIZE_DEFAULT 8192
#define MSGSIZE_HARD    (16 << 20)

struct mq_message {
	struct list link;
	uint32_t prio;
	uint64_t size;
	char text[];
};

/* A signal to send when the lock is dropped. */
struct mq_notice {
	int pid, sig;
	uint64_t value;
};

void mqueue_put(struct mqueue *q)
{
	if (!ref_put(&q->ref))
		return;
	LIST_FOR_SAFE(m, next, &q->messages, struct mq_message, link)
		arena_free(m);
	arena_free(q);
}

/* ---- Opening ---- */

struct mqueue *mqueue_find(struct ipc_root *root, const char *name)
{
	LIST_FOR(q, &root->mqueues, struct mqueue, link)
		if (strcmp(q->name, name) == 0)
			return q;
	return NULL;
}

static long name_in(char *name, struct gva from)
{
	long len = string_in(name, from, NAME_MAX + 1);

	if (len < 0)
		return len;
	if (len == 0)
		return -ENOENT;
	return strchr(name, '/') != NULL || strcmp(name, ".") == 0 || strcmp(name, "..") == 0 ? -EACCES : 0;
}

static long check_attr(struct lx_thread *t, const struct mq_attr *a)
{
	bool root = lx_capable(t, CAP_SYS_RESOURCE);

	if (a->mq_maxmsg <= 0 || a->mq_msgsize <= 0)
		return -EINVAL;
	if (a->mq_maxmsg > (root ? MAXMSG_HARD : MAXMSG_DEFAULT) || a->mq_msgsize > (root ? MSGSIZE_HARD : MSGSIZE_DEFAULT))
		return -EINVAL;
	return 0;
}

long mqueue_create(struct lx_thread *t, struct ipc_root *root, const char *name, uint32_t mode, const struct mq_attr *a,
	struct mqueue **out)
{
	static const struct mq_attr usual = { .mq_maxmsg = MAXMSG_DEFAULT, .mq_msgsize = MSGSIZE_DEFAULT };
	struct mqueue *q;

	if (a == NULL)
		a = &usual;
	if (root->nmqueues >= QUEUES_MAX && !lx_capable(t, CAP_SYS_RESOURCE))
		return -ENOSPC;
	q = arena_alloc(sizeof *q);
	if (q == NULL)
		return -ENOMEM;
	ref_init(&q->ref);
	(void)str_copy(q->name, name, sizeof q->name);
	q->mode = mode & ~t->proc->fs->umask & 0777;
	q->uid = t->cred.fsuid;
	q->gid = t->cred.fsgid;
	q->maxmsg = a->mq_maxmsg;
	q->msgsize = a->mq_msgsize;
	list_init(&q->messages);
	waitq_init(&q->wait);
	q->ino = 2 + root->mqueues_made++;
	q->root = root;
	list_append(&root->mqueues, &q->link);
	root->nmqueues++;
	*out = q;
	return 0;
}

static long may_open(struct lx_thread *t, const struct mqueue *q, int flags)
{
	static const uint32_t wanted[] = { 4, 2, 6 };
	uint32_t granted = q->mode, want;

	if ((flags & O_ACCMODE) == O_ACCMODE)
		return -EINVAL;
	want = wanted[flags & O_ACCMODE];
	if (t->cred.fsuid == q->uid)
		granted >>= 6;
	else if (lx_in_group(t, q->gid))
		granted >>= 3;
	return (want & ~granted) && !cap_own(t, CAP_DAC_OVERRIDE) ? -EACCES : 0;
}

/* Finds or makes the queue: 0 and a reference for the file in *out. */
static long open_queue(struct lx_thread *t, const char *name, int flags, uint32_t mode, const struct mq_attr *a, struct mqueue **out)
{
	struct mqueue *q;
	long err = 0;

	ipc_lock();
	q = mqueue_find(ipc_root(), name);
	if (q == NULL)
		err = (flags & O_CREAT) ? mqueue_create(t, ipc_root(), name, mode, a, &q) : -ENOENT;
	else if ((flags & O_CREAT) && (flags & O_EXCL))
		err = -EEXIST;
	else
		err = may_open(t, q, flags);
	if (err == 0) {
		ref_get(&q->ref);
		*out = q;
	}
	ipc_unlock();
	return err;
}

long lx_sys_mq_open(struct lx_thread *t, struct gva name, int oflags, uint32_t mode, struct gva attr)
{
	struct mq_attr a = { .mq_maxmsg = MAXMSG_DEFAULT, .mq_msgsize = MSGSIZE_DEFAULT };
	char text[NAME_MAX + 1];
	struct mqueue *q;
	struct file *f;
	long err = name_in(text, name);

	if (err != 0)
		return err;
	if ((oflags & O_CREAT) && attr.va != 0) {
		if (copy_in(&a, attr, sizeof a) != 0)
			return -EFAULT;
		err = check_attr(t, &a);
		if (err != 0)
			return err;
	}
	err = open_queue(t, text, oflags, mode, &a, &q);
	if (err != 0)
		return err;
	f = anon_file(FILE_MQUEUE, (uint32_t)oflags & (O_ACCMODE | O_NONBLOCK), S_IFREG | q->mode, q);
	if (f == NULL) {
		mqueue_put(q);
		return -ENOMEM;
	}
	return anon_fd(t, f, true);
}

void mqueue_unname(struct mqueue *q)
{
	list_remove(&q->link);
	q->root->nmqueues--;
}

long lx_sys_mq_unlink(struct lx_thread *t, struct gva name)
{
	char text[NAME_MAX + 1];
	struct mqueue *q;
	long err = name_in(text, name);

	if (err != 0)
		return err;
	ipc_lock();
	q = mqueue_find(ipc_root(), text);
	if (q == NULL)
		err = -ENOENT;
	else if (t->cred.fsuid != q->uid && !cap_own(t, CAP_FOWNER))
		err = -EACCES;
	if (err == 0)
		mqueue_unname(q);
	ipc_unlock();
	if (err == 0)
		mqueue_put(q);
	return err;
}

/* ---- Notices ---- */

static struct mq_notice take_notice(struct mqueue *q)
{
	struct mq_notice n = { 0 };

	if (q->notify_pid != 0 && q->notify_how == SIGEV_SIGNAL)
		n = (struct mq_notice){ q->notify_pid, q->notify_sig, q->notify_value };
	q->notify_pid = 0;
	return n;
}

static void send_notice(struct lx_thread *t, const struct mq_notice *n)
{
	struct lx_proc *p = n->pid != 0 ? proc_get_global(n->pid) : NULL;
	siginfo_t info;

	if (p == NULL)
		return;
	memset(&info, 0, sizeof info);
	info.si_signo = n->sig;
	info.si_code = SI_MESGQ;
	lock_take(&lx_state()->tasklist);
	info.si_pid = pid_seen_by(p, t->proc->pid);
	info.si_uid = p->leader != NULL ? uid_out(p->leader, t->cred.uid) : 0;
	lock_drop(&lx_state()->tasklist);
	info.si_value.sival_ptr = (void *)n->value;
	(void)signal_proc(p, n->sig, &info);
	proc_put(p);
}

static bool drop_notify(struct mqueue *q, int pid)
{
	if (q->notify_pid != pid)
		return false;
	q->notify_pid = 0;
	return true;
}

void mqueue_exit(struct lx_proc *p, struct ipc_root *root)
{
	if (__atomic_load_n(&root->nmqueues, __ATOMIC_RELAXED) == 0)
		return;
	ipc_lock();
	LIST_FOR(q, &root->mqueues, struct mqueue, link)
		(void)drop_notify(q, p->pid);
	ipc_unlock();
}

/* Names go; what is open stays. */
void mqueue_root_free(struct ipc_root *root)
{
	for (;;) {
		struct mqueue *q = NULL;

		ipc_lock();
		if (!list_empty(&root->mqueues)) {
			q = LIST_FIRST(&root->mqueues, struct mqueue, link);
			list_remove(&q->link);
			root->nmqueues--;
		}
		ipc_unlock();
		if (q == NULL)
			return;
		mqueue_put(q);
	}
}

static struct file *mq_get(struct lx_thread *t, int fd, int mode)
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

static long set_notify(struct lx_thread *t, struct mqueue *q, const struct sigevent *e)
{
	if (e == NULL) {
		(void)drop_notify(q, t->proc->pid);
		return 0;
	}
	if (q->notify_pid != 0)
		return -EBUSY;
	q->notify_pid = t->proc->pid;
	q->notify_how = e->sigev_notify;
	q->notify_sig = e->sigev_signo;
	q->notify_value = (uint64_t)e->sigev_value.sival_ptr;
	return 0;
}

long lx_sys_mq_notify(struct lx_thread *t, int fd, struct gva event)
{
	struct sigevent e;
	struct file *f;
	long err;

	if (event.va != 0 && copy_in(&e, event, sizeof e) != 0)
		return -EFAULT;
	/* SIGEV_THREAD wants a netlink socket to tell. */
	if (event.va != 0 && e.sigev_notify != SIGEV_NONE && e.sigev_notify != SIGEV_SIGNAL)
		return e.sigev_notify == SIGEV_THREAD ? -ENOSYS : -EINVAL;
	if (event.va != 0 && e.sigev_notify == SIGEV_SIGNAL && (e.sigev_signo < 0 || e.sigev_signo > LX_NSIG))
		return -EINVAL;
	f = mq_get(t, fd, -1);
	if (f == NULL)
		return -EBADF;
	ipc_lock();
	err = set_notify(t, f->object, event.va != 0 ? &e : NULL);
	ipc_unlock();
	file_put(f);
	return err;
}

/* ---- Sending and receiving ---- */

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

static bool can_send(struct mqueue *q)
{
	return q->count < q->maxmsg;
}

static bool can_receive(struct mqueue *q)
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
	err = wait_ready(f, q, can_send, deadline);
	if (err == 0) {
		insert(q, m);
		if (q->count == 1 && q->receivers == 0)
			notice = take_notice(q);
		waitq_wake_all(&q->wait);
	}
	ipc_unlock();
	send_notice(t, &notice);
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
	f = mq_get(t, fd, O_WRONLY);
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
	err = wait_ready(f, q, can_receive, deadline);
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
	f = mq_get(t, fd, O_RDONLY);
	if (f == NULL)
		return -EBADF;
	if (len < (uint64_t)((struct mqueue *)f->object)->msgsize)
		ret = -EMSGSIZE;
	else
		ret = receive_text(f, msg, prio, deadline);
	file_put(f);
	return ret;
}

long lx_sys_mq_getsetattr(struct lx_thread *t, int fd, struct gva new, struct gva old)
{
	struct mq_attr n, o = { 0 };
	struct file *f;
	struct mqueue *q;

	if (new.va != 0) {
		if (copy_in(&n, new, sizeof n) != 0)
			return -EFAULT;
		if (n.mq_flags & ~O_NONBLOCK)
			return -EINVAL;
	}
	f = mq_get(t, fd, -1);
	if (f == NULL)
		return -EBADF;
	q = f->object;
	ipc_lock();
	o.mq_flags = atomic_load(&f->flags) & O_NONBLOCK;
	o.mq_maxmsg = q->maxmsg;
	o.mq_msgsize = q->msgsize;
	o.mq_curmsgs = q->count;
	if (new.va != 0 && (n.mq_flags & O_NONBLOCK))
		atomic_fetch_or(&f->flags, O_NONBLOCK);
	else if (new.va != 0)
		atomic_fetch_and(&f->flags, ~(uint32_t)O_NONBLOCK);
	ipc_unlock();
	file_put(f);
	return old.va != 0 && copy_out(old, &o, sizeof o) != 0 ? -EFAULT : 0;
}

/* ---- As a file ---- */

static uint32_t mqueue_poll(struct lx_thread *t, struct file *f, struct poll_table *p)
{
	struct mqueue *q = f->object;
	uint32_t mask;

	if (p != NULL)
		poll_wait(p, &q->wait);
	ipc_lock();
	mask = (can_receive(q) ? EPOLLIN | EPOLLRDNORM : 0) | (can_send(q) ? EPOLLOUT | EPOLLWRNORM : 0);
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
	ipc_lock();
	(void)drop_notify(f->object, t->proc->pid);
	ipc_unlock();
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
