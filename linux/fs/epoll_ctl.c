/* SPDX-License-Identifier: MIT */
/* linux/fs/epoll_ctl.c - epoll_ctl: adding, changing and removing items; the loop check. */

#include "linux/fs/textfs.h"
#include "linux/fs/epoll.h"
#include "syscalls.gen.h"

static struct list *bucket_of(struct epoll *ep, int fd)
{
	return &ep->buckets[(uint32_t)fd & (ep->nbuckets - 1)];
}

static struct epitem *find_item(struct epoll *ep, const struct file *f, int fd)
{
	LIST_FOR(item, bucket_of(ep, fd), struct epitem, hash)
		if (item->fd == fd && item->file == f)
			return item;
	return NULL;
}

/* Four times the buckets, if there is memory. */
static void grow_buckets(struct epoll *ep)
{
	struct list *old = ep->buckets;
	uint32_t n = ep->nbuckets;
	struct list *new = arena_alloc(4ul * n * sizeof *new);

	if (new == NULL)
		return;
	for (uint32_t b = 0; b < 4 * n; b++)
		list_init(&new[b]);
	ep->buckets = new;
	ep->nbuckets = 4 * n;
	for (uint32_t b = 0; b < n; b++) {
		while (!list_empty(&old[b])) {
			struct epitem *item = LIST_FIRST(&old[b], struct epitem, hash);

			list_remove(&item->hash);
			list_append(bucket_of(ep, item->fd), &item->hash);
		}
	}
	if (old != ep->first_buckets)
		arena_free(old);
}

static uint32_t key_of(const struct epitem *item)
{
	return item->events & ~EP_PRIVATE;
}

static long add_item(struct lx_thread *t, struct epoll *ep, struct file *target, int fd, const struct epoll_event *ev)
{
	struct poll_table p;
	struct epitem *item = arena_alloc(sizeof *item);
	uint32_t mask;

	if (item == NULL)
		return -ENOMEM;
	item->ep = ep;
	item->file = target;
	item->fd = fd;
	item->events = ev->events | EPOLLERR | EPOLLHUP;
	item->data = ev->data;
	item->serial = ++ep->serials;
	list_init(&item->ready);
	list_init(&item->host);
	if (ep->nitems >= 2 * ep->nbuckets)
		grow_buckets(ep);
	list_append(bucket_of(ep, fd), &item->hash);
	ep->nitems++;
	lock_take(&target->lock);
	list_append(&target->epitems, &item->file_link);
	lock_drop(&target->lock);
	poll_table_init(&p);
	p.epitem = item;
	p.key = key_of(item);
	p.told = true; /* by the set, as soon as it is in there */
	mask = file_poll(t, target, &p) & p.key;
	if (p.failed) {
		epitem_free(ep, item);
		return -ENOMEM;
	}
	if (mask != 0 && list_empty(&item->host))
		(void)epitem_ready(item);
	return 0;
}

static void change_item(struct lx_thread *t, struct epitem *item, const struct epoll_event *ev)
{
	uint32_t key;

	item->events = ev->events | EPOLLERR | EPOLLHUP;
	item->data = ev->data;
	item->told = 0;
	key = key_of(item);
	for (uint32_t i = 0; i < MIN(item->nwaits, (uint32_t)ARRAY_LEN(item->waits)); i++)
		item->waits[i].w.key = key;
	for (struct epwait *e = item->more; e != NULL; e = e->more)
		e->w.key = key;
	epitem_members_changed(item);
	atomic_thread_fence(memory_order_seq_cst); /* wakers see the new key, or we see their change */
	if (list_empty(&item->host) && (epitem_is_told(item) ? epitem_look(t, item, 0) : epitem_poll(t, item, NULL)) != 0)
		(void)epitem_ready(item);
}

static long change(struct lx_thread *t, struct epoll *ep, int op, struct file *target, int fd, struct epoll_event *ev)
{
	struct epitem *item = find_item(ep, target, fd);

	if (op == EPOLL_CTL_ADD)
		return item != NULL ? -EEXIST : add_item(t, ep, target, fd, ev);
	if (item == NULL)
		return -ENOENT;
	if (op == EPOLL_CTL_DEL) {
		epitem_free(ep, item);
		return 0;
	}
	if (item->events & EPOLLEXCLUSIVE)
		return -EINVAL;
	change_item(t, item, ev);
	return 0;
}

/* ---- A file whose streams are others now ---- */

static void none_seen(struct file *f)
{
	lock_take(&f->lock);
	LIST_FOR(item, &f->epitems, struct epitem, file_link)
		item->seen = false;
	lock_drop(&f->lock);
}

/* The next of f's items that was not seen yet; it may be gone as soon as f's lock is. */
static struct epitem *next_unseen(struct file *f, struct epoll **ep, int *fd)
{
	struct epitem *found = NULL;

	lock_take(&f->lock);
	LIST_FOR(item, &f->epitems, struct epitem, file_link) {
		if (item->seen)
			continue;
		item->seen = true;
		found = item;
		*ep = item->ep;
		*fd = item->fd;
		break;
	}
	lock_drop(&f->lock);
	return found;
}

static void look_again(struct lx_thread *t, struct epitem *item)
{
	struct poll_table p;

	poll_table_init(&p);
	p.epitem = item;
	p.key = key_of(item);
	p.streams_only = p.told = true;
	epitem_leave_set(item);
	item->nstreams = 0;
	(void)file_poll(t, item->file, &p);
	(void)epitem_ready(item); /* who sleeps waits for the new ones too */
}

void epoll_file_changed(struct file *f)
{
	LOCK(EPTREE) *tree;
	struct epitem *item;
	struct epoll *ep;
	int fd;

	if (list_empty(&f->epitems))
		return;
	tree = epoll_tree_lock();
	lock_take(tree); /* no epoll ends meanwhile, and no other pass begins */
	none_seen(f);
	while ((item = next_unseen(f, &ep, &fd)) != NULL) {
		lock_take(&ep->lock);
		if (find_item(ep, f, fd) == item)
			look_again(lx_current(), item);
		lock_drop(&ep->lock);
	}
	lock_drop(tree);
}

/* ---- Nesting ---- */

/* How deep epolls are nested below ep, it included; more than EP_MAX_NEST if it contains forbidden. */
static int depth_below(struct epoll *ep, const struct epoll *forbidden, int budget)
{
	int deepest = 0;

	if (ep == forbidden || budget == 0)
		return EP_MAX_NEST + 1;
	lock_take(&ep->lock);
	for (uint32_t b = 0; b < ep->nbuckets; b++) {
		LIST_FOR(item, &ep->buckets[b], struct epitem, hash) {
			if (item->file->kind == FILE_EPOLL)
				deepest = MAX(deepest, depth_below(item->file->object, forbidden, budget - 1));
		}
	}
	lock_drop(&ep->lock);
	return deepest + 1;
}

static int depth_above(struct file *f, int budget)
{
	int highest = 0;

	if (budget == 0)
		return EP_MAX_NEST + 1;
	lock_take(&f->lock);
	LIST_FOR(item, &f->epitems, struct epitem, file_link)
		highest = MAX(highest, depth_above(item->ep->self, budget - 1));
	lock_drop(&f->lock);
	return highest + 1;
}

/* Links of epolls change under the tree lock only, so what was checked still holds when it is done. */
static long add_epoll(struct lx_thread *t, struct file *f, struct file *target, int fd, struct epoll_event *ev)
{
	LOCK(EPTREE) *tree = epoll_tree_lock();
	struct epoll *ep = f->object;
	long result = -ELOOP;

	lock_take(tree);
	if (depth_below(target->object, ep, EP_MAX_NEST) + depth_above(f, EP_MAX_NEST) <= EP_MAX_NEST) {
		lock_take(&ep->lock);
		result = change(t, ep, EPOLL_CTL_ADD, target, fd, ev);
		lock_drop(&ep->lock);
	}
	lock_drop(tree);
	return result;
}

static bool can_watch(const struct file *f)
{
	if (lx_file_ops[f->kind]->poll == NULL)
		return false;
	if (f->kind == FILE_PROC)
		return text_can_poll(f);
	return f->inode == NULL || ((f->inode->mode & S_IFMT) != S_IFREG && (f->inode->mode & S_IFMT) != S_IFDIR);
}

static long check(const struct file *f, const struct file *target, int op, struct epoll_event *ev)
{
	const uint32_t exclusive_ok = EPOLLIN | EPOLLOUT | EPOLLERR | EPOLLHUP | EPOLLWAKEUP | EPOLLET | EPOLLEXCLUSIVE;

	if (target->kind == FILE_PATH || f->kind == FILE_PATH)
		return -EBADF;
	if (!can_watch(target))
		return -EPERM;
	if (f == target || f->kind != FILE_EPOLL)
		return -EINVAL;
	if (op == EPOLL_CTL_DEL || !(ev->events & EPOLLEXCLUSIVE))
		return 0;
	if (op == EPOLL_CTL_MOD || target->kind == FILE_EPOLL || (ev->events & ~exclusive_ok))
		return -EINVAL;
	return 0;
}

static long ctl(struct lx_thread *t, struct file *f, int op, struct file *target, int fd, struct epoll_event *ev)
{
	struct epoll *ep = f->object;
	long result = check(f, target, op, ev);
	bool new_set;

	if (result != 0)
		return result;
	if (op != EPOLL_CTL_ADD && op != EPOLL_CTL_MOD && op != EPOLL_CTL_DEL)
		return -EINVAL;
	if (op == EPOLL_CTL_ADD && target->kind == FILE_EPOLL)
		return add_epoll(t, f, target, fd, ev);
	lock_take(&ep->lock);
	result = change(t, ep, op, target, fd, ev);
	new_set = ep->new_set;
	ep->new_set = false;
	lock_drop(&ep->lock);
	if (new_set) {
		epoll_file_changed(f); /* epolls that watch this one */
		epoll_wake_all(ep);
	}
	return result;
}

long lx_sys_epoll_ctl(struct lx_thread *t, int fd, int op, int target, struct gva event)
{
	struct file *f, *tf;
	struct epoll_event ev = { 0 };
	long result = -EBADF;

	if (op != EPOLL_CTL_DEL && copy_in(&ev, event, sizeof ev) != 0)
		return -EFAULT;
	f = fd_get(t, fd);
	tf = f != NULL ? fd_get(t, target) : NULL;
	if (tf != NULL)
		result = ctl(t, f, op, tf, target, &ev);
	if (tf != NULL)
		file_put(tf);
	if (f != NULL)
		file_put(f);
	return result;
}
