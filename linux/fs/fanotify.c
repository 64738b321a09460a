/* SPDX-License-Identifier: MIT */
/*
 * linux/fs/fanotify.c - fanotify: events come, are joined and queued; permission.
 *
 * A group (a descriptor of fanotify_init) has marks on inodes, mounts and file
 * systems.  Every event asks every group which of it its marks want; there are few
 * groups and marks, and no event comes here while nobody watches anything.  A group
 * reports either a descriptor of the object, opened when the event is read, or
 * handles of the object and its directory.
 *
 * Permission events wait in the asking thread until the group's answer, its end, or
 * a signal.  The event is the asker's: it takes it out of the group's lists itself,
 * unless a reader has it in hand.
 *
 * One lock of class IPC guards all of it.
 */
#include "linux/fs/fanotify.h"

#include "linux/fs/procfs.h"
#include "linux/sig/sig.h"

#define MERGE_LIMIT 128u

struct fan_state *fan_state(void)
{
	struct vfs *v = vfs();
	struct fan_state *s = __atomic_load_n(&v->fan, __ATOMIC_ACQUIRE), *none = NULL;

	if (s != NULL)
		return s;
	s = arena_alloc(sizeof *s);
	if (s == NULL)
		return NULL;
	lock_init(&s->lock, LOCK_IPC);
	list_init(&s->groups);
	if (__atomic_compare_exchange_n(&v->fan, &none, s, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))
		return s;
	arena_free(s);
	return none;
}

/* ---- Making events ---- */

static void put_record(struct fan_record *r, const struct inode *i, const char *name)
{
	size_t n = name != NULL ? strlen(name) + 1 : 0;

	r->there = true;
	r->handle = fhandle_of(i);
	r->dev = i->dev;
	if (n == 0 || (r->name = arena_alloc(n)) == NULL)
		return;
	memcpy(r->name, name, n);
}

/* Which handles the group gets to see. */
static void put_handles(const struct fan_group *g, struct fan_event *ev, const struct fs_event *e)
{
	bool is_dir = IS_DIR(e->inode) && !e->entry;
	const struct inode *dir = is_dir ? e->inode : e->dir;
	bool names = (g->flags & FAN_REPORT_NAME) != 0;

	if (!(g->flags & FAN_REPORT_DIR_FID)) {
		put_record(&ev->object, e->entry ? e->dir : e->inode, NULL);
		return;
	}
	if (dir != NULL)
		put_record(&ev->dir, dir, !names ? NULL : is_dir ? "." : e->name);
	if (!(g->flags & FAN_REPORT_FID) || (dir != NULL && is_dir))
		return;
	if (!e->entry || (g->flags & FAN_REPORT_TARGET_FID))
		put_record(&ev->object, e->inode, NULL);
}

static struct fan_event *event_new(const struct fan_group *g, const struct fs_event *e, uint64_t mask)
{
	struct fan_event *ev = arena_alloc(sizeof *ev);
	struct lx_thread *t = lx_current();

	if (ev == NULL)
		return NULL;
	list_init(&ev->link);
	ev->mask = mask;
	ev->pid = g->flags & FAN_REPORT_TID ? t->tid : t->proc->pid;
	if (g->flags & FAN_REPORT_HANDLES) {
		put_handles(g, ev, e);
	} else {
		ev->path = *e->path;
		path_get(e->path);
	}
	return ev;
}

/* ---- Queueing; the lock is held ---- */

static bool same_record(const struct fan_record *a, const struct fan_record *b)
{
	if (a->there != b->there || (a->name == NULL) != (b->name == NULL))
		return false;
	return !a->there || (memcmp(&a->handle, &b->handle, sizeof a->handle) == 0 && a->dev == b->dev &&
	                     (a->name == NULL || strcmp(a->name, b->name) == 0));
}

static bool can_join(const struct fan_event *a, const struct fan_event *b)
{
	if (a->asks || b->asks || a->pid != b->pid || ((a->mask ^ b->mask) & FAN_ONDIR) || (a->mask & FAN_Q_OVERFLOW))
		return false;
	return a->path.mnt == b->path.mnt && a->path.dentry == b->path.dentry && same_record(&a->dir, &b->dir) &&
	       same_record(&a->object, &b->object) && same_record(&a->old, &b->old) && same_record(&a->new, &b->new);
}

static bool join(struct fan_group *g, const struct fan_event *ev)
{
	uint32_t n = 0;

	for (struct list *at = g->events.prev; at != &g->events && n < MERGE_LIMIT; at = at->prev, n++) {
		struct fan_event *old = LIST_ENTRY(at, struct fan_event, link);

		if (can_join(old, ev)) {
			old->mask |= ev->mask;
			return true;
		}
	}
	return false;
}

/* Makes ev the overflow event if the queue is full; false: that is queued already. */
static bool fit(struct fan_group *g, struct fan_event *ev)
{
	if ((g->flags & FAN_UNLIMITED_QUEUE) || g->count < sysctl_value(CTL_FAN_QUEUED))
		return true;
	if (g->overflowed)
		return false;
	g->overflowed = true;
	return true;
}

/* False: ev is not used, the caller frees it. */
static bool enqueue(struct fan_group *g, struct fan_event *ev, struct fan_event **spare)
{
	bool was = g->overflowed;

	if (!ev->asks && join(g, ev))
		return false;
	if (!fit(g, ev))
		return false;
	if (g->overflowed && !was) {
		*spare = ev;
		ev = arena_alloc(sizeof *ev);
		if (ev == NULL)
			return true;
		list_init(&ev->link);
		ev->mask = FAN_Q_OVERFLOW;
	}
	list_append(&g->events, &ev->link);
	g->count++;
	(void)waitq_wake(&g->wq, UINT32_MAX, EPOLLIN | EPOLLRDNORM);
	return true;
}

/* ---- What happened ---- */

/* Can g report e at all? */
static bool reportable(const struct fan_group *g, const struct fs_event *e)
{
	if (g->flags & FAN_REPORT_HANDLES)
		return fhandle_there(e->entry ? e->dir : e->inode) && ((g->flags & FAN_REPORT_FID) || e->dir != NULL || IS_DIR(e->inode));
	return e->path != NULL && (IS_REG(e->inode) || IS_DIR(e->inode));
}

static void tell_group(struct fan_group *g, const struct fs_event *e, struct list *unused)
{
	bool old, new;
	uint32_t mask = reportable(g, e) ? fan_wanted(g, e, &old, &new) : 0;
	struct fan_event *ev, *spare = NULL;

	if ((mask & ~(uint32_t)FAN_ONDIR) == 0)
		return;
	ev = event_new(g, e, mask);
	if (ev == NULL)
		return;
	if (mask & FAN_RENAME) {
		arena_free(ev->dir.name);
		memset(&ev->dir, 0, sizeof ev->dir);
		if (old)
			put_record(&ev->old, e->dir, e->name);
		if (new)
			put_record(&ev->new, e->new_dir, e->new_name);
	}
	if (!enqueue(g, ev, &spare))
		spare = ev;
	if (spare != NULL)
		list_append(unused, &spare->link);
}

/* The object is gone: so are marks on it. */
static void drop_marks(struct fan_group *g, const struct inode *i, uint32_t *refs)
{
	LIST_FOR_SAFE(m, n, &g->marks, struct fan_mark, link)
		if (m->type == FAN_TYPE_INODE && m->inode == i && fan_mark_remove(g, m) != NULL)
			++*refs;
}

static void free_events(struct list *unused)
{
	LIST_FOR_SAFE(ev, n, unused, struct fan_event, link) {
		list_remove(&ev->link);
		fan_event_free(ev);
	}
}

void fanotify_event(const struct fs_event *e)
{
	struct fan_state *s = __atomic_load_n(&vfs()->fan, __ATOMIC_ACQUIRE);
	struct list unused;
	uint32_t refs = 0;

	if (s == NULL || e->inode == NULL)
		return;
	list_init(&unused);
	lock_take(&s->lock);
	LIST_FOR(g, &s->groups, struct fan_group, link) {
		tell_group(g, e, &unused);
		if (e->mask & FAN_DELETE_SELF)
			drop_marks(g, e->inode, &refs);
	}
	lock_drop(&s->lock);
	free_events(&unused);
	while (refs-- > 0)
		inode_put(e->inode);
}

void fanotify_renamed(struct inode *dir, const char *name, struct inode *new_dir, const char *new_name, struct inode *i)
{
	struct fs_event e = { .mask = FAN_RENAME | (IS_DIR(i) ? FAN_ONDIR : 0), .inode = i, .dir = dir, .name = name, .entry = true,
		.new_dir = new_dir, .new_name = new_name };

	fanotify_event(&e);
}

/* ---- Permission ---- */

/* Until ev is answered.  Called and left with the lock held, which is dropped to sleep. */
static long wait_answer(struct fan_state *s, struct fan_group *g, struct fan_event *ev) REQUIRES(IPC)
{
	struct waiter *w = waiter_self(0);
	long err = 0;

	waitq_add(&g->answers, w);
	while (ev->answer == 0 && err == 0) {
		enum dk_status status;

		lock_drop(&s->lock);
		status = pico_wait(DK_FOREVER, 0);
		if (status != DK_OK)
			err = lx_wait_err(status);
		lock_take(&s->lock);
	}
	waitq_remove(&g->answers, w);
	return ev->answer != 0 ? 0 : err;
}

/* Nobody waits for ev's answer any more.  True: it is the caller's to free; else a reader's, who has it in hand. */
static bool question_over(struct fan_group *g, struct fan_event *ev) REQUIRES(IPC)
{
	ev->left = ev->busy && ev->answer == 0;
	if (!ev->left && !list_empty(&ev->link)) {
		list_remove(&ev->link);
		if (ev->fd < 0)
			g->count--;
	}
	if (--g->users == 0 && g->dead)
		arena_free(g);
	return !ev->left;
}

void fanotify_asker_died(struct lx_thread *t)
{
	struct fan_event *ev = t->fan_asks;
	bool ours;

	if (ev == NULL)
		return;
	t->fan_asks = NULL;
	lock_take(&fan_state()->lock);
	ours = question_over(ev->group, ev);
	lock_drop(&fan_state()->lock);
	if (ours)
		fan_event_free(ev);
}

/*
 * One group; the lock is held.  Its end answers, and leaves the group to the last who waits.
 * Who is interrupted while a reader has the event in hand leaves it to that: it may sleep long.
 */
static long ask_group(struct lx_thread *t, struct fan_state *s, struct fan_group *g, const struct fs_event *e, uint32_t mask) REQUIRES(IPC)
{
	struct fan_event *ev = event_new(g, e, mask), *spare = NULL;
	bool ours;
	long err;

	if (ev == NULL)
		return 0;
	ev->asks = true;
	ev->fd = -1;
	ev->group = g;
	g->users++;
	t->fan_asks = ev;
	(void)enqueue(g, ev, &spare);
	if (spare != NULL || list_empty(&ev->link)) { /* no room to ask: as on Linux, allowed */
		err = 0;
	} else {
		err = wait_answer(s, g, ev);
		if (err == 0 && (ev->answer & (FAN_ALLOW | FAN_DENY)) == FAN_DENY)
			err = -EPERM;
	}
	t->fan_asks = NULL;
	ours = question_over(g, ev);
	if (!ours)
		return err;
	lock_drop(&s->lock);
	fan_event_free(ev);
	lock_take(&s->lock);
	return err;
}

/* The n-th group that wants to be asked, those before contents first. */
static struct fan_group *asker(struct fan_state *s, const struct fs_event *e, uint32_t n, uint32_t *mask) REQUIRES(IPC)
{
	static const uint32_t classes[] = { FAN_CLASS_PRE_CONTENT, FAN_CLASS_CONTENT };
	bool old, new;

	for (unsigned c = 0; c < ARRAY_LEN(classes); c++)
		LIST_FOR(g, &s->groups, struct fan_group, link) {
			if ((g->flags & (FAN_CLASS_PRE_CONTENT | FAN_CLASS_CONTENT)) != classes[c] || !reportable(g, e))
				continue;
			*mask = fan_wanted(g, e, &old, &new) & FAN_PERM_EVENTS;
			if (*mask != 0 && n-- == 0)
				return g;
		}
	return NULL;
}

long fanotify_ask(struct lx_thread *t, const struct fs_event *e)
{
	struct fan_state *s = __atomic_load_n(&vfs()->fan, __ATOMIC_ACQUIRE);
	struct fan_group *g;
	uint32_t mask;
	long err = 0;

	if (s == NULL)
		return 0;
	lock_take(&s->lock);
	for (uint32_t n = 0; err == 0 && (g = asker(s, e, n, &mask)) != NULL; n++)
		err = ask_group(t, s, g, e, mask);
	lock_drop(&s->lock);
	return err;
}
