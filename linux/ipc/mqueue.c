/* SPDX-License-Identifier: MIT */
/*
 * linux/ipc/mqueue.c - POSIX message queues: objects with a name of their own name
 * space, opened as files of kind FILE_MQUEUE.  Messages are mqueue_io.c, telling of one mqueue_notify.c.
 *
 * Messages are kept by falling priority, in the order sent within one.  A queue goes
 * when it has been unlinked and the last descriptor is closed.  All under lock IPC.
 */
#include "linux/fs/io.h"
#include "linux/ipc/mqueue.h"
#include "linux/net/net.h"
#include "linux/ns/ns.h"
#include "linux/proc/proc.h"
#include "rt/mem.h"
#include "syscalls.gen.h"

#define MAXMSG_HARD  65536
#define MSGSIZE_HARD (16 << 20)

void mqueue_put(struct mqueue *q)
{
	if (!ref_put(&q->ref))
		return;
	LIST_FOR_SAFE(m, next, &q->messages, struct mq_message, link)
		arena_free(m);
	if (q->notify_sock != NULL)
		sock_put(q->notify_sock);
	arena_free(q);
}

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
	if (a->mq_maxmsg > (root ? MAXMSG_HARD : (long)ipc_limit(IPC_MQ_MSGS)) || a->mq_msgsize > (root ? MSGSIZE_HARD : (long)ipc_limit(IPC_MQ_SIZE)))
		return -EINVAL;
	return 0;
}

#define ENTRY_BYTES 48u /* getrlimit(2): for each message that fits, sizes of two structures of Linux's, besides its text */

static uint64_t charge_of(const struct mq_attr *a)
{
	uint64_t msgs = (uint64_t)a->mq_maxmsg;

	return msgs * ENTRY_BYTES + MIN(msgs, (uint64_t)MQ_PRIO_MAX) * ENTRY_BYTES + msgs * (uint64_t)a->mq_msgsize;
}

static bool over_limit(struct lx_thread *t, const struct ipc_root *root, uint64_t more) REQUIRES(IPC)
{
	uint64_t sum = more;

	LIST_FOR(q, &root->mqueues, struct mqueue, link)
		if (q->owner == t->cred.uid)
			sum += q->charged;
	return sum > t->proc->rlim[RLIMIT_MSGQUEUE].rlim_cur;
}

long mqueue_create(struct lx_thread *t, struct ipc_root *root, const char *name, uint32_t mode, const struct mq_attr *a,
	struct mqueue **out)
{
	const struct mq_attr usual = { .mq_maxmsg = (long)MIN(root->limit[IPC_MQ_MSGS], root->limit[IPC_MQ_MSGS_USUAL]),
		.mq_msgsize = (long)MIN(root->limit[IPC_MQ_SIZE], root->limit[IPC_MQ_SIZE_USUAL]) };
	struct mqueue *q;

	if (a == NULL)
		a = &usual;
	if (root->nmqueues >= root->limit[IPC_MQ_QUEUES] && !lx_capable(t, CAP_SYS_RESOURCE))
		return -ENOSPC;
	if (over_limit(t, root, charge_of(a)))
		return -EMFILE;
	q = arena_alloc(sizeof *q);
	if (q == NULL)
		return -ENOMEM;
	ref_init(&q->ref);
	q->owner = t->cred.uid;
	q->charged = charge_of(a);
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
	struct mq_attr a;
	char text[NAME_MAX + 1];
	struct mqueue *q;
	struct file *f;
	long err = name_in(text, name);
	bool with_attr = (oflags & O_CREAT) && attr.va != 0;

	if (err != 0)
		return err;
	if (with_attr) {
		if (copy_in(&a, attr, sizeof a) != 0)
			return -EFAULT;
		err = check_attr(t, &a);
		if (err != 0)
			return err;
	}
	err = open_queue(t, text, oflags, mode, with_attr ? &a : NULL, &q);
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
	f = mqueue_get(t, fd, -1);
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
