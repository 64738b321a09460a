/* SPDX-License-Identifier: MIT */
/*
 * linux/fs/epoll.c - epoll: the object, its ready list, its end.
 *
 * An item keeps waiters on the queues of the file it watches for as long as it
 * lives.  A wake-up there (lx_wake, under that queue's lock) puts the item on the ready
 * list and wakes one thread of those that sleep in epoll_wait.  So waiting costs
 * nothing for the files that are quiet, and a wait with ready items only polls these.
 * Level-triggered items go back to the list's end after they were reported; the next
 * wait asks their file again.
 *
 * Host streams have no queue that anybody wakes.  Items on them are in ep->host;
 * every wait polls them and sleeps on their events too.  Sockets of the host are in a set that the host keeps: epoll_set.c.
 *
 * Locks: EPTREE (one in the sandbox: nesting, and files or epolls that end) > EPOLL
 * (items; an outer epoll's before an inner's) > the watched objects' > WAITQ > EPREADY.
 * An item holds no reference on its file: the file's last put calls epoll_file_gone.
 */

#include "linux/fs/epoll.h"

#include "linux/fs/fasync.h"
#include "linux/fs/pollset.h"
#include "syscalls.gen.h"

/* lx_state()->misc[7]: made by the first who needs it. */
struct epoll_state {
	LOCK(EPTREE) tree;
};

LOCK(EPTREE) *epoll_tree_lock(void)
{
	void **root = &lx_state()->misc[7];
	struct epoll_state *s = __atomic_load_n(root, __ATOMIC_ACQUIRE), *fresh;
	void *none = NULL;

	if (s != NULL)
		return &s->tree;
	fresh = arena_alloc(sizeof *fresh);
	if (fresh == NULL)
		panic("no memory for epoll's lock");
	lock_init(&fresh->tree, LOCK_EPTREE);
	if (__atomic_compare_exchange_n(root, &none, (void *)fresh, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))
		return &fresh->tree;
	arena_free(fresh);
	return &((struct epoll_state *)none)->tree;
}

/* ---- Ready list ---- */

/* Wakes the first sleeper; it is off the list, so that the next wake goes to another.  rlock is held. */
static bool wake_one(struct epoll *ep)
{
	struct waiter *w;

	if (list_empty(&ep->sleepers))
		return false;
	w = LIST_FIRST(&ep->sleepers, struct waiter, link);
	list_remove(&w->link);
	__atomic_store_n(&w->fired, 1, __ATOMIC_RELEASE);
	pico_wake(w->thread);
	return true;
}

/* rlock is held. */
static bool mark(struct epitem *item)
{
	if (item->on_ready)
		return false;
	item->on_ready = 1;
	list_append(&item->ep->ready, &item->ready);
	item->ep->nready++;
	return true;
}

bool epitem_ready(struct epitem *item)
{
	struct epoll *ep = item->ep;
	bool woken;

	lock_take(&ep->rlock);
	(void)mark(item);
	woken = wake_one(ep);
	lock_drop(&ep->rlock);
	return waitq_wake(&ep->pollq, UINT32_MAX, EPOLLIN | EPOLLRDNORM) != 0 || woken;
}

bool epitem_mark(struct epitem *item)
{
	bool marked;

	lock_take(&item->ep->rlock);
	marked = mark(item);
	lock_drop(&item->ep->rlock);
	return marked;
}

bool epitem_unready(struct epitem *item)
{
	bool was;

	lock_take(&item->ep->rlock);
	was = item->on_ready;
	if (was) {
		item->on_ready = 0;
		list_remove(&item->ready);
		item->ep->nready--;
	}
	lock_drop(&item->ep->rlock);
	return was;
}

void epoll_wake_all(struct epoll *ep)
{
	lock_take(&ep->rlock);
	while (wake_one(ep))
		;
	lock_drop(&ep->rlock);
	waitq_wake_all(&ep->pollq);
}

/* An epoll in which nobody sleeps does not use an exclusive wake-up up. */
bool lx_wake(struct waiter *w, uint32_t key)
{
	struct epitem *item = w->data;

	if (w->kind == LX_WAITER_EPOLL)
		return (item->events & ~EP_PRIVATE) != 0 && epitem_ready(item);
	if (w->kind == LX_WAITER_FASYNC)
		fasync_wake(w, key);
	else if (w->kind == LX_WAITER_IO)
		io_woken(w->data);
	return true;
}

/* ---- Items and what they wait on ---- */

uint32_t epitem_poll(struct lx_thread *t, struct epitem *item, struct poll_table *p)
{
	uint32_t want = item->events & ~EP_PRIVATE;

	return want == 0 ? 0 : file_poll(t, item->file, p) & want;
}

void epoll_add_queue(struct poll_table *p, struct waitq *q)
{
	struct epitem *item = p->epitem;
	struct epwait *e;

	if (item->nwaits < ARRAY_LEN(item->waits)) {
		e = &item->waits[item->nwaits];
	} else {
		e = arena_alloc(sizeof *e);
		if (e == NULL) {
			p->failed = true;
			return;
		}
		e->more = item->more;
		item->more = e;
	}
	item->nwaits++;
	e->q = q;
	list_init(&e->w.link);
	e->w.kind = LX_WAITER_EPOLL;
	e->w.data = item;
	e->w.key = p->key;
	e->w.flags = item->events & EPOLLEXCLUSIVE ? WAITER_EXCLUSIVE : 0;
	waitq_add(q, &e->w);
}

void epoll_add_stream(struct poll_table *p, dk_handle stream, enum dk_stream_event which)
{
	struct epitem *item = p->epitem;

	if (item->nstreams == EP_STREAMS)
		return;
	item->streams[item->nstreams].stream = stream;
	item->streams[item->nstreams++].which = which;
	if (list_empty(&item->host))
		list_append(&item->ep->host, &item->host);
}

void epitem_free(struct epoll *ep, struct epitem *item)
{
	for (uint32_t i = 0; i < MIN(item->nwaits, (uint32_t)ARRAY_LEN(item->waits)); i++)
		waitq_remove(item->waits[i].q, &item->waits[i].w);
	while (item->more != NULL) {
		struct epwait *e = item->more;

		item->more = e->more;
		waitq_remove(e->q, &e->w);
		arena_free(e);
	}
	epitem_leave_set(item);
	(void)epitem_unready(item);
	lock_take(&item->file->lock);
	list_remove(&item->file_link);
	lock_drop(&item->file->lock);
	list_remove(&item->hash);
	list_remove(&item->host);
	ep->nitems--;
	arena_free(item);
}

static struct epitem *first_item_of(struct file *f)
{
	struct epitem *item = NULL;

	lock_take(&f->lock);
	if (!list_empty(&f->epitems))
		item = LIST_FIRST(&f->epitems, struct epitem, file_link);
	lock_drop(&f->lock);
	return item;
}

void epoll_file_gone(struct file *f)
{
	LOCK(EPTREE) *tree = epoll_tree_lock();
	struct epitem *item;

	lock_take(tree); /* neither item nor epoll can go meanwhile: nobody else has f, ends of epolls wait */
	while ((item = first_item_of(f)) != NULL) {
		struct epoll *ep = item->ep;

		lock_take(&ep->lock);
		epitem_free(ep, item);
		lock_drop(&ep->lock);
	}
	lock_drop(tree);
}

/* ---- The object ---- */

static void epoll_release(struct file *f)
{
	struct epoll *ep = f->object;
	LOCK(EPTREE) *tree = epoll_tree_lock();

	if (ep == NULL)
		return;
	lock_take(tree);
	lock_take(&ep->lock);
	for (uint32_t b = 0; b < ep->nbuckets; b++)
		while (!list_empty(&ep->buckets[b]))
			epitem_free(ep, LIST_FIRST(&ep->buckets[b], struct epitem, hash));
	lock_drop(&ep->lock);
	lock_drop(tree);
	if (ep->set != DK_NO_HANDLE)
		(void)DkObjectClose(ep->set);
	if (ep->old_set != DK_NO_HANDLE)
		(void)DkObjectClose(ep->old_set);
	if (ep->buckets != ep->first_buckets)
		arena_free(ep->buckets);
	arena_free(ep);
}

static uint32_t epoll_poll(struct lx_thread *t, struct file *f, struct poll_table *p)
{
	struct epoll *ep = f->object;

	poll_wait(p, &ep->pollq);
	if (p != NULL && (p->key & (EPOLLIN | EPOLLRDNORM)))
		poll_wait_socket(p, ep->set);
	if (epoll_any_ready(t, ep))
		return EPOLLIN | EPOLLRDNORM;
	p = p != NULL && p->looks ? NULL : p;
	return !list_empty(&ep->host) && epoll_poll_host(t, ep, p) ? EPOLLIN | EPOLLRDNORM : 0;
}

const struct file_ops epoll_file_ops = {
	.name = "epoll",
	.poll = epoll_poll,
	.release = epoll_release,
};

static struct epoll *epoll_new(void)
{
	struct epoll *ep = arena_alloc(sizeof *ep);

	if (ep == NULL)
		return NULL;
	lock_init(&ep->lock, LOCK_EPOLL);
	lock_init(&ep->rlock, LOCK_EPREADY);
	list_init(&ep->ready);
	list_init(&ep->sleepers);
	waitq_init(&ep->pollq);
	list_init(&ep->host);
	ep->buckets = ep->first_buckets;
	ep->nbuckets = EP_BUCKETS;
	for (uint32_t b = 0; b < EP_BUCKETS; b++)
		list_init(&ep->buckets[b]);
	return ep;
}

long lx_sys_epoll_create1(struct lx_thread *t, int flags)
{
	struct epoll *ep;
	struct file *f;

	if (flags & ~EPOLL_CLOEXEC)
		return -EINVAL;
	ep = epoll_new();
	if (ep == NULL)
		return -ENOMEM;
	f = anon_file(FILE_EPOLL, O_RDWR, 0600, ep);
	if (f == NULL) {
		arena_free(ep);
		return -ENOMEM;
	}
	ep->self = f;
	return anon_fd(t, f, flags & EPOLL_CLOEXEC);
}

long lx_sys_epoll_create(struct lx_thread *t, int size)
{
	return size <= 0 ? -EINVAL : lx_sys_epoll_create1(t, 0);
}
