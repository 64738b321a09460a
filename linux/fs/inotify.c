/* SPDX-License-Identifier: MIT */
/*
 * linux/fs/inotify.c - telling programs what happens to files.
 *
 * A file that somebody watches has a struct watched (watched.c), with the list of the
 * watches on it.  Each watch is also in its instance's list and
 * holds the path, so that name and inode stay in the cache; lx_state()->watches counts
 * them.  One lock guards all
 * instances and watches: watching is rare, and events without a watcher never come
 * here.
 */
#include <linux/inotify.h>

#include "linux/fs/io.h"
#include "linux/fs/fs.h"
#include "linux/fs/procfs.h"
#include "linux/fs/watched.h"
#include "syscalls.gen.h"

struct inotify_root { /* lx_state()->misc[5] */
	LOCK(IPC) lock;
	struct watched_table files; /* lists of struct watch.on_inode */
};

#define WD_BUCKETS 64u /* ten thousand watches are found in a moment */

struct inotify {
	struct list watches; /* of struct watch.on_instance */
	struct list events;  /* oldest first */
	uint32_t count, bytes, next_wd, nwatches;
	struct waitq wq;
	struct list by_wd[WD_BUCKETS]; /* of struct watch.on_wd */
};

struct watch {
	struct list on_inode, on_instance, on_wd;
	struct inotify *instance;
	struct watched *on;
	struct path path;
	uint32_t mask;
	int wd;
};

struct event {
	struct list link;
	struct inotify_event e; /* and its name */
};

static struct inotify_root *root(void)
{
	struct lx_state *lx = lx_state();
	struct inotify_root *r = __atomic_load_n((struct inotify_root **)&lx->misc[5], __ATOMIC_ACQUIRE);

	if (r)
		return r;
	lock_take(&lx->tasklist);
	r = lx->misc[5];
	if (!r && (r = arena_alloc(sizeof *r)) != NULL) {
		lock_init(&r->lock, LOCK_IPC);
		watched_init(&r->files);
		__atomic_store_n((struct inotify_root **)&lx->misc[5], r, __ATOMIC_RELEASE);
	}
	lock_drop(&lx->tasklist);
	return r;
}

/* ---- Events; the lock is held ---- */

static bool same_as_last(struct inotify *in, const struct inotify_event *e, const char *name)
{
	struct event *last;

	if (list_empty(&in->events))
		return false;
	last = LIST_ENTRY(in->events.prev, struct event, link);
	return last->e.wd == e->wd && last->e.mask == e->mask && last->e.cookie == e->cookie && last->e.len == e->len &&
	       (!e->len || !strcmp(last->e.name, name));
}

static void queue_event(struct inotify *in, int wd, uint32_t mask, uint32_t cookie, const char *name)
{
	size_t len = name ? strlen(name) : 0;
	struct inotify_event e = { .wd = wd, .mask = mask, .cookie = cookie };
	struct event *ev;

	if (in->count > sysctl_value(CTL_QUEUED))
		return;
	if (in->count == sysctl_value(CTL_QUEUED)) {
		e = (struct inotify_event){ .wd = -1, .mask = IN_Q_OVERFLOW };
		name = NULL;
		len = 0;
	}
	e.len = len ? (uint32_t)ALIGN_UP(len + 1, sizeof e) : 0;
	if (same_as_last(in, &e, name))
		return;
	ev = arena_alloc(sizeof *ev + e.len);
	if (!ev)
		return;
	ev->e = e;
	if (len)
		memcpy(ev->e.name, name, len);
	list_append(&in->events, &ev->link);
	in->count++;
	in->bytes += (uint32_t)sizeof e + e.len;
	(void)waitq_wake(&in->wq, UINT32_MAX, EPOLLIN | EPOLLRDNORM);
}

/* Out of both lists; the caller puts path and frees after the lock, by the chain of on_instance. */
static void unlink_watch(struct watch *w, struct list *gone)
{
	list_remove(&w->on_inode);
	list_remove(&w->on_instance);
	list_remove(&w->on_wd);
	w->instance->nwatches--;
	list_append(gone, &w->on_instance);
	atomic_fetch_sub(&lx_state()->watches, 1);
	if (list_empty(&w->on->watches))
		watched_end(&root()->files, w->on);
}

static void free_watches(struct list *gone)
{
	LIST_FOR_SAFE(w, n, gone, struct watch, on_instance) {
		list_remove(&w->on_instance);
		path_put(&w->path);
		arena_free(w);
	}
}

/* Whether the event ends the watch: the object is gone, or it was meant for one only. */
static bool is_last(const struct watch *w, uint32_t mask)
{
	return mask & (IN_DELETE_SELF | IN_UNMOUNT) || (w->mask & IN_ONESHOT && mask & w->mask & IN_ALL_EVENTS);
}

void inotify_event(struct inode *i, uint32_t mask, uint32_t cookie, const char *name)
{
	struct inotify_root *r = root();
	struct list gone;
	struct watched *on;

	if (!r || !watched_perhaps(&r->files, i))
		return;
	list_init(&gone);
	lock_take(&r->lock);
	on = watched_find(&r->files, i);
	if (on) {
		LIST_FOR_SAFE(w, n, &on->watches, struct watch, on_inode) {
			bool end = &n->on_inode == &on->watches;

			if ((mask & INOTIFY_UNLINKED) && (w->mask & IN_EXCL_UNLINK))
				continue;
			if (mask & (w->mask | IN_UNMOUNT) & (IN_ALL_EVENTS | IN_UNMOUNT))
				queue_event(w->instance, w->wd, mask & ~INOTIFY_UNLINKED, cookie, name);
			if (is_last(w, mask)) {
				queue_event(w->instance, w->wd, IN_IGNORED, 0, NULL);
				unlink_watch(w, &gone); /* frees on with the last one */
			}
			if (end)
				break;
		}
	}
	lock_drop(&r->lock);
	free_watches(&gone);
}

/* Watches hold the inode by their paths, so none is left when it goes. */
void inotify_inode_free(struct inode *i)
{
	arena_free(i->watch);
	i->watch = NULL;
}

/* ---- Files ---- */

static size_t take_events(struct inotify *in, const struct iov *v, bool *too_small)
{
	size_t done = 0;

	*too_small = false;
	while (!list_empty(&in->events)) {
		struct event *ev = LIST_FIRST(&in->events, struct event, link);
		size_t size = sizeof ev->e + ev->e.len;

		if (size > v->size - done) {
			*too_small = done == 0;
			break;
		}
		if (iov_put(v, done, &ev->e, size) < size)
			break;
		done += size;
		list_remove(&ev->link);
		in->count--;
		in->bytes -= (uint32_t)size;
		arena_free(ev);
	}
	return done;
}

static long inotify_read(struct lx_thread *t, struct file *f, const struct iov *v, uint64_t *pos)
{
	struct inotify *in = f->object;
	LOCK(IPC) *lock = &root()->lock;
	struct waiter *w = waiter_self(0);
	long result = 0;

	waitq_add(&in->wq, w);
	while (!result) {
		bool too_small, some;
		enum dk_status s;

		lock_take(lock);
		some = !list_empty(&in->events);
		result = (long)take_events(in, v, &too_small);
		lock_drop(lock);
		if (some && !result)
			result = too_small ? -EINVAL : -EFAULT;
		if (result)
			break;
		if (file_nonblock(t, f)) {
			result = -EAGAIN;
			break;
		}
		s = pico_wait(DK_FOREVER, 0);
		if (s != DK_OK)
			result = lx_wait_err(s);
	}
	waitq_remove(&in->wq, w);
	return result;
}

static uint32_t inotify_poll(struct lx_thread *t, struct file *f, struct poll_table *p)
{
	struct inotify *in = f->object;

	if (p)
		poll_wait(p, &in->wq);
	return __atomic_load_n(&in->count, __ATOMIC_ACQUIRE) ? EPOLLIN | EPOLLRDNORM : 0;
}

static long inotify_ioctl(struct lx_thread *t, struct file *f, uint32_t cmd, uint64_t arg)
{
	struct inotify *in = f->object;
	int bytes = (int)__atomic_load_n(&in->bytes, __ATOMIC_ACQUIRE);

	return cmd == FIONREAD ? PUT_USER((struct gva){ arg }, bytes) : -ENOTTY;
}

static void inotify_release(struct file *f)
{
	struct inotify *in = f->object;
	struct list gone;

	list_init(&gone);
	lock_take(&root()->lock);
	LIST_FOR_SAFE(w, n, &in->watches, struct watch, on_instance)
		unlink_watch(w, &gone);
	lock_drop(&root()->lock);
	free_watches(&gone);
	LIST_FOR_SAFE(ev, next, &in->events, struct event, link)
		arena_free(ev);
	arena_free(in);
}

const struct file_ops file_inotify_ops = {
	.name = "inotify",
	.read = inotify_read,
	.poll = inotify_poll,
	.ioctl = inotify_ioctl,
	.release = inotify_release,
};

void inotify_fdinfo(struct text *x, struct file *f)
{
	struct inotify *in = f->object;

	lock_take(&root()->lock);
	LIST_FOR(w, &in->watches, struct watch, on_instance) {
		const struct inode *i = w->path.dentry->inode;

		if (i != NULL)
			text_add(x, "inotify wd:%x ino:%lx sdev:%lx mask:%x ignored_mask:0\n", (uint32_t)w->wd, (unsigned long)i->ino,
				(unsigned long)i->dev, w->mask & (IN_ALL_EVENTS | IN_ONESHOT | IN_EXCL_UNLINK));
	}
	lock_drop(&root()->lock);
}

/* ---- Calls ---- */

long lx_sys_inotify_init1(struct lx_thread *t, int flags)
{
	struct inotify *in;
	struct file *f;

	if (flags & ~(IN_CLOEXEC | IN_NONBLOCK))
		return -EINVAL;
	in = root() ? arena_alloc(sizeof *in) : NULL;
	if (!in)
		return -ENOMEM;
	list_init(&in->watches);
	for (unsigned k = 0; k < WD_BUCKETS; k++)
		list_init(&in->by_wd[k]);
	list_init(&in->events);
	waitq_init(&in->wq);
	in->next_wd = 1;
	f = anon_file(FILE_INOTIFY, O_RDONLY | (flags & IN_NONBLOCK ? O_NONBLOCK : 0), 0600, in);
	if (!f) {
		arena_free(in);
		return -ENOMEM;
	}
	return anon_fd(t, f, (flags & IN_CLOEXEC) != 0);
}

long lx_sys_inotify_init(struct lx_thread *t)
{
	return lx_sys_inotify_init1(t, 0);
}

static struct watch *find_by_inode(struct inotify *in, struct inode *i)
{
	struct watched *on = watched_find(&root()->files, i);

	if (on != NULL)
		LIST_FOR(w, &on->watches, struct watch, on_inode)
			if (w->instance == in)
				return w;
	return NULL;
}

static long change_watch(struct watch *w, uint32_t mask)
{
	if (mask & IN_MASK_CREATE)
		return -EEXIST;
	w->mask = mask & IN_MASK_ADD ? w->mask | mask : mask;
	return w->wd;
}

/* Takes over the path on success. */
static long new_watch(struct inotify *in, const struct path *p, uint32_t mask)
{
	struct inode *i = p->dentry->inode;
	struct watched *on = watched_find(&root()->files, i);
	struct watch *w;

	if (in->nwatches >= sysctl_value(CTL_WATCHES))
		return -ENOSPC;
	w = arena_alloc(sizeof *w);
	if (w && !on)
		on = watched_new(&root()->files, i);
	if (!w || !on) {
		arena_free(w);
		return -ENOMEM;
	}
	w->instance = in;
	w->on = on;
	w->path = *p;
	w->mask = mask;
	w->wd = (int)in->next_wd++;
	list_append(&on->watches, &w->on_inode);
	list_append(&in->watches, &w->on_instance);
	list_append(&in->by_wd[(uint32_t)w->wd % WD_BUCKETS], &w->on_wd);
	in->nwatches++;
	atomic_fetch_add(&lx_state()->watches, 1);
	return w->wd;
}

static long add_watch(struct lx_thread *t, struct inotify *in, struct gva name, uint32_t mask)
{
	uint32_t walk = (mask & IN_DONT_FOLLOW ? 0 : WALK_FOLLOW) | (mask & IN_ONLYDIR ? WALK_DIRECTORY : 0);
	struct watch *old;
	struct path p;
	long wd = user_walk(t, AT_FDCWD, name, walk, &p);
	bool taken = false;

	if (wd < 0)
		return wd;
	wd = p.dentry->inode ? inode_permission(t, p.dentry->inode, 4) : -ENOENT;
	if (!wd) {
		lock_take(&root()->lock);
		old = find_by_inode(in, p.dentry->inode);
		wd = old ? change_watch(old, mask) : new_watch(in, &p, mask);
		taken = !old && wd > 0;
		lock_drop(&root()->lock);
	}
	if (!taken)
		path_put(&p);
	return wd;
}

long lx_sys_inotify_add_watch(struct lx_thread *t, int fd, struct gva name, uint32_t mask)
{
	struct file *f;
	long result;

	if (!(mask & IN_ALL_EVENTS) || (mask & IN_MASK_ADD && mask & IN_MASK_CREATE))
		return -EINVAL;
	f = fd_get_kind(t, fd, FILE_INOTIFY, -EINVAL, &result);
	if (!f)
		return result;
	result = add_watch(t, f->object, name, mask);
	file_put(f);
	return result;
}

long lx_sys_inotify_rm_watch(struct lx_thread *t, int fd, int wd)
{
	struct inotify *in;
	struct list gone;
	struct file *f;
	long err;

	f = fd_get_kind(t, fd, FILE_INOTIFY, -EINVAL, &err);
	if (!f)
		return err;
	in = f->object;
	list_init(&gone);
	err = -EINVAL;
	lock_take(&root()->lock);
	LIST_FOR(w, &in->by_wd[(uint32_t)wd % WD_BUCKETS], struct watch, on_wd) {
		if (w->wd == wd) {
			unlink_watch(w, &gone);
			queue_event(in, wd, IN_IGNORED, 0, NULL);
			err = 0;
			break;
		}
	}
	lock_drop(&root()->lock);
	free_watches(&gone);
	file_put(f);
	return err;
}
