/* SPDX-License-Identifier: MIT */
/* linux/ipc/sysv_msg.c - System V message queues: messages in arena memory, in the order they were sent. */
#include "linux/ipc/msg.h"
#include "linux/ns/ns.h"
#include "rt/mem.h"
#include "syscalls.gen.h"

struct msg {
	struct list link;
	int64_t type;
	uint64_t size;
	char text[];
};

static void put_queue(struct msg_queue *q)
{
	if (ref_put(&q->ipc.ref))
		arena_free(q);
}

static long create(struct lx_thread *t, int key, int flags) REQUIRES(IPC)
{
	struct msg_queue *q = arena_alloc(sizeof *q);
	long id;

	if (q == NULL)
		return -ENOMEM;
	list_init(&q->messages);
	q->max_bytes = ipc_limit(IPC_MSGMNB);
	waitq_init(&q->senders);
	waitq_init(&q->receivers);
	id = ipc_add(t, IPC_MSG, &q->ipc, key, flags);
	if (id < 0)
		arena_free(q);
	return id;
}

long lx_sys_msgget(struct lx_thread *t, int key, int flags)
{
	struct ipc_object *o;
	long ret;

	ipc_lock();
	ret = ipc_get(t, IPC_MSG, key, flags, &o);
	if (ret == 0)
		ret = create(t, key, flags);
	else if (ret > 0)
		ret = o->id;
	ipc_unlock();
	return ret;
}

/* ---- Sending ---- */

/* 0 sent, 1 full, or -errno. */
static long try_send(struct lx_thread *t, struct msg_queue *q, struct msg *m)
{
	if (q->bytes + m->size > q->max_bytes || q->count + 1 > q->max_bytes)
		return 1;
	list_append(&q->messages, &m->link);
	q->bytes += m->size;
	q->count++;
	q->stime = ipc_seconds();
	q->lspid = t->proc->pid;
	waitq_wake_all(&q->receivers);
	return 0;
}

/* Sleeps until there may be room; lock IPC is held and stays so.  1: try again. */
static long sleep_on(struct msg_queue *q, struct waitq *wait) REQUIRES(IPC)
{
	struct waiter *w = waiter_self(0);
	enum dk_status status;
	long ret = 1;

	ref_get(&q->ipc.ref);
	waitq_add(wait, w);
	ipc_unlock();
	status = pico_wait(DK_FOREVER, 0);
	waitq_remove(wait, w);
	ipc_lock();
	if (q->ipc.removed)
		ret = -EIDRM;
	else if (status != DK_OK)
		ret = -ERESTARTNOHAND;
	/* The reference that the table has keeps it if it was not removed. */
	put_queue(q);
	return ret;
}

static long send(struct lx_thread *t, int id, struct msg *m, int flags)
{
	struct msg_queue *q;
	long ret;

	ipc_lock();
	q = (struct msg_queue *)ipc_find(IPC_MSG, id);
	ret = q == NULL ? -EINVAL : ipc_permission(t, &q->ipc.perm, 0222);
	if (ret == 0)
		ret = try_send(t, q, m);
	while (ret == 1) {
		ret = (flags & IPC_NOWAIT) ? -EAGAIN : sleep_on(q, &q->senders);
		if (ret == 1)
			ret = try_send(t, q, m);
	}
	ipc_unlock();
	return ret;
}

long lx_sys_msgsnd(struct lx_thread *t, int id, struct gva msg, uint64_t size, int flags)
{
	int64_t type;
	struct msg *m;
	long ret;

	if (size > ipc_limit(IPC_MSGMAX) || (int64_t)size < 0 || id < 0)
		return -EINVAL;
	if (copy_in(&type, msg, sizeof type) != 0)
		return -EFAULT;
	if (type < 1)
		return -EINVAL;
	m = arena_alloc(sizeof *m + size);
	if (m == NULL)
		return -ENOMEM;
	m->type = type;
	m->size = size;
	ret = copy_in(m->text, gva_add(msg, sizeof type), size);
	if (ret == 0)
		ret = send(t, id, m, flags);
	if (ret != 0)
		arena_free(m);
	return ret;
}

/* ---- Receiving ---- */

/* The message that a receiver with this type gets; with MSG_COPY type is a position. */
static struct msg *choose(struct msg_queue *q, int64_t type, int flags)
{
	struct msg *best = NULL;
	int64_t at = 0;

	LIST_FOR(m, &q->messages, struct msg, link) {
		if (flags & MSG_COPY) {
			if (at++ == type)
				return m;
		} else if (type == 0) {
			return m;
		} else if (type > 0) {
			if ((m->type == type) != !!(flags & MSG_EXCEPT))
				return m;
		} else if ((type == INT64_MIN || m->type <= -type) && (best == NULL || m->type < best->type)) {
			best = m;
		}
	}
	return best;
}

/* 0 and *out, 1 = none, or -errno. */
static long try_receive(struct lx_thread *t, struct msg_queue *q, uint64_t size, int64_t type, int flags, struct msg **out)
{
	struct msg *m = choose(q, type, flags);

	if (m == NULL)
		return 1;
	if (m->size > size && !(flags & MSG_NOERROR))
		return -E2BIG;
	if (flags & MSG_COPY) {
		*out = arena_alloc(sizeof *m + m->size);
		if (*out == NULL)
			return -ENOMEM;
		memcpy(*out, m, sizeof *m + m->size);
		return 0;
	}
	list_remove(&m->link);
	q->bytes -= m->size;
	q->count--;
	q->rtime = ipc_seconds();
	q->lrpid = t->proc->pid;
	waitq_wake_all(&q->senders);
	*out = m;
	return 0;
}

static long receive(struct lx_thread *t, int id, uint64_t size, int64_t type, int flags, struct msg **out)
{
	struct msg_queue *q;
	long ret;

	ipc_lock();
	q = (struct msg_queue *)ipc_find(IPC_MSG, id);
	ret = q == NULL ? -EINVAL : ipc_permission(t, &q->ipc.perm, 0444);
	if (ret == 0)
		ret = try_receive(t, q, size, type, flags, out);
	while (ret == 1) {
		ret = (flags & IPC_NOWAIT) ? -ENOMSG : sleep_on(q, &q->receivers);
		if (ret == 1)
			ret = try_receive(t, q, size, type, flags, out);
	}
	ipc_unlock();
	return ret;
}

long lx_sys_msgrcv(struct lx_thread *t, int id, struct gva msg, uint64_t size, int64_t type, int flags)
{
	struct msg *m;
	long ret;

	if (id < 0 || (int64_t)size < 0)
		return -EINVAL;
	if ((flags & MSG_COPY) && ((flags & MSG_EXCEPT) || !(flags & IPC_NOWAIT)))
		return -EINVAL;
	ret = receive(t, id, size, type, flags, &m);
	if (ret != 0)
		return ret;
	size = MIN(size, m->size);
	if (PUT_USER(msg, m->type) != 0 || copy_out(gva_add(msg, sizeof m->type), m->text, size) != 0)
		ret = -EFAULT;
	arena_free(m);
	return ret != 0 ? ret : (long)size;
}

/* ---- msgctl ---- */

static struct msqid64_ds stat_of(const struct msg_queue *q)
{
	return (struct msqid64_ds){ .msg_perm = ipc_perm_out(&q->ipc.perm), .msg_stime = q->stime, .msg_rtime = q->rtime, .msg_ctime = q->ipc.ctime,
		.msg_cbytes = q->bytes, .msg_qnum = q->count, .msg_qbytes = q->max_bytes, .msg_lspid = pid_out(lx_current(), q->lspid),
		.msg_lrpid = pid_out(lx_current(), q->lrpid) };
}

static long msg_stat(struct lx_thread *t, int id, int cmd, struct gva buf)
{
	struct msqid64_ds ds;
	struct msg_queue *q;
	long ret = -EINVAL;

	ipc_lock();
	q = (struct msg_queue *)(cmd == IPC_STAT ? ipc_find(IPC_MSG, id) : ipc_at(IPC_MSG, id));
	if (q != NULL)
		ret = cmd == MSG_STAT_ANY ? 0 : ipc_permission(t, &q->ipc.perm, 0444);
	if (ret == 0) {
		ds = stat_of(q);
		ret = cmd == IPC_STAT ? 0 : q->ipc.id;
	}
	ipc_unlock();
	return ret >= 0 && copy_out(buf, &ds, sizeof ds) != 0 ? -EFAULT : ret;
}

static long msg_info(int cmd, struct gva buf)
{
	struct msginfo info = { .msgpool = MSGPOOL, .msgmap = MSGMAP, .msgmax = (int)ipc_limit(IPC_MSGMAX),
		.msgmnb = (int)ipc_limit(IPC_MSGMNB), .msgmni = (int)ipc_root()->table[IPC_MSG].max,
		.msgssz = MSGSSZ, .msgtql = MSGTQL, .msgseg = MSGSEG };
	long highest;

	ipc_lock();
	highest = ipc_highest(IPC_MSG);
	if (cmd == MSG_INFO) {
		info.msgpool = (int)ipc_root()->table[IPC_MSG].used;
		info.msgmap = info.msgtql = 0;
		for (int i = 0; i <= highest; i++) {
			const struct msg_queue *q = (const struct msg_queue *)ipc_at(IPC_MSG, i);

			info.msgmap += q != NULL ? (int)q->count : 0;
			info.msgtql += q != NULL ? (int)q->bytes : 0;
		}
	}
	ipc_unlock();
	return copy_out(buf, &info, sizeof info) != 0 ? -EFAULT : highest;
}

static void free_messages(struct list *messages)
{
	LIST_FOR_SAFE(m, next, messages, struct msg, link)
		arena_free(m);
}

static long set_queue(struct lx_thread *t, struct msg_queue *q, const struct msqid64_ds *ds) REQUIRES(IPC)
{
	if (ds->msg_qbytes > ipc_limit(IPC_MSGMNB) && !lx_capable(t, CAP_SYS_RESOURCE))
		return -EPERM;
	if (ds->msg_qbytes == 0)
		return -EINVAL;
	ipc_set(&q->ipc, &ds->msg_perm);
	q->max_bytes = ds->msg_qbytes;
	waitq_wake_all(&q->senders);
	return 0;
}

static void remove_queue(struct msg_queue *q) REQUIRES(IPC)
{
	ipc_remove(&q->ipc);
	free_messages(&q->messages);
	waitq_wake_all(&q->senders);
	waitq_wake_all(&q->receivers);
}

void msg_root_free(struct ipc_root *root)
{
	struct ipc_table *tab = &root->table[IPC_MSG];

	for (uint32_t i = 0; i < tab->size; i++) {
		struct msg_queue *q;

		ipc_lock();
		q = (struct msg_queue *)tab->slot[i];
		if (q != NULL)
			remove_queue(q);
		ipc_unlock();
		if (q != NULL)
			put_queue(q);
	}
}

static long change(struct lx_thread *t, int id, int cmd, struct gva buf)
{
	struct msg_queue *q, *gone = NULL;
	struct msqid64_ds ds;
	long ret = -EINVAL;

	if (cmd == IPC_SET && copy_in(&ds, buf, sizeof ds) != 0)
		return -EFAULT;
	ipc_lock();
	q = (struct msg_queue *)ipc_find(IPC_MSG, id);
	if (q != NULL)
		ret = ipc_owner(t, &q->ipc.perm);
	if (ret == 0 && cmd == IPC_SET) {
		ret = set_queue(t, q, &ds);
	} else if (ret == 0) {
		remove_queue(q);
		gone = q;
	}
	ipc_unlock();
	if (gone != NULL)
		put_queue(gone);
	return ret;
}

long lx_sys_msgctl(struct lx_thread *t, int id, int cmd, struct gva buf)
{
	cmd &= ~IPC_64;
	if (id < 0)
		return -EINVAL;
	if (cmd == IPC_STAT || cmd == MSG_STAT || cmd == MSG_STAT_ANY)
		return msg_stat(t, id, cmd, buf);
	if (cmd == IPC_INFO || cmd == MSG_INFO)
		return msg_info(cmd, buf);
	return cmd == IPC_SET || cmd == IPC_RMID ? change(t, id, cmd, buf) : -EINVAL;
}
