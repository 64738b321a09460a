/* SPDX-License-Identifier: MIT */
/*
 * linux/fs/fanotify_mark.c - what a group watches: fanotify_mark, and which of an
 * event it wants.
 *
 * A mark's mask says what is reported, its ignored mask what is not although another
 * mark asks for it.  An event on a directory needs FAN_ONDIR, one on a child of a
 * marked directory FAN_EVENT_ON_CHILD; ignored masks of the older kind
 * (FAN_MARK_IGNORED_MASK) go without the first and take the second from the mask.
 */
#include "linux/fs/fanotify.h"

#include "linux/fs/hostfs.h"
#include "linux/fs/procfs.h"

/* ---- Which events ---- */

enum place { NOT_MARKED, MARKED, PARENT_MARKED };

static enum place place_of(const struct fan_mark *m, const struct fs_event *e)
{
	struct inode *self = e->entry ? e->dir : e->inode;

	switch (m->type) {
	case FAN_TYPE_MOUNT:
		return e->path != NULL && e->path->mnt->id == m->id ? MARKED : NOT_MARKED;
	case FAN_TYPE_FS:
		return self->dev == m->id ? MARKED : NOT_MARKED;
	default:
		if (same_file(m->inode, self) || (e->new_dir != NULL && same_file(m->inode, e->new_dir)))
			return MARKED;
		return !e->entry && e->dir != NULL && same_file(m->inode, e->dir) ? PARENT_MARKED : NOT_MARKED;
	}
}

static uint32_t ignored_of(const struct fan_mark *m, enum place at, bool on_dir)
{
	uint32_t flags = m->ignore_flags ? m->ignored : FAN_ONDIR | (m->mask & FAN_EVENT_ON_CHILD);

	if ((on_dir && !(flags & FAN_ONDIR)) || (at == PARENT_MARKED && !(flags & FAN_EVENT_ON_CHILD)))
		return 0;
	return m->ignored;
}

static uint32_t mask_of(const struct fan_mark *m, enum place at, bool on_dir)
{
	if ((on_dir && !(m->mask & FAN_ONDIR)) || (at == PARENT_MARKED && !(m->mask & FAN_EVENT_ON_CHILD)))
		return 0;
	return m->mask;
}

/* Of a rename, which ends a mark that wants it watches. */
static void ends(const struct fan_mark *m, const struct fs_event *e, bool *old, bool *new)
{
	if (!(m->mask & e->mask & FAN_RENAME))
		return;
	*old = *old || m->type == FAN_TYPE_FS || same_file(m->inode, e->dir);
	*new = *new || m->type == FAN_TYPE_FS || same_file(m->inode, e->new_dir);
}

uint32_t fan_wanted(struct fan_group *g, const struct fs_event *e, bool *old, bool *new)
{
	bool on_dir = (e->mask & FAN_ONDIR) != 0;
	uint32_t want = 0, ignored = 0, mask;

	*old = *new = false;
	LIST_FOR(m, &g->marks, struct fan_mark, link) {
		enum place at = place_of(m, e);

		if (at == NOT_MARKED)
			continue;
		if ((e->mask & FAN_MODIFY) && !m->survives)
			m->ignored = 0;
		want |= mask_of(m, at, on_dir);
		ignored |= ignored_of(m, at, on_dir);
		ends(m, e, old, new);
	}
	mask = e->mask & want & ~ignored & FAN_MARK_EVENTS;
	if (mask != 0 && on_dir && (g->flags & FAN_REPORT_HANDLES))
		mask |= FAN_ONDIR; /* who gets descriptors sees it by them */
	return mask;
}

/* ---- Marks ---- */

/* Counts of the sandbox, which tell events and questions that somebody looks. */
static void count(int watches, int askers)
{
	atomic_fetch_add(&lx_state()->watches, (uint32_t)watches);
	atomic_fetch_add(&lx_state()->askers, (uint32_t)askers);
}

static int asks(const struct fan_mark *m)
{
	return (m->mask & FAN_PERM_EVENTS) != 0;
}

struct inode *fan_mark_remove(struct fan_group *g, struct fan_mark *m)
{
	struct inode *i = m->inode;

	list_remove(&m->link);
	g->nmarks--;
	count(-1, -asks(m));
	arena_free(m);
	return i;
}

struct target {
	enum fan_mark_type type;
	struct inode *inode;
	uint64_t id;
};

static struct fan_mark *find(struct fan_group *g, const struct target *to)
{
	LIST_FOR(m, &g->marks, struct fan_mark, link)
		if (m->type == to->type && (to->type == FAN_TYPE_INODE ? same_file(m->inode, to->inode) : m->id == to->id))
			return m;
	return NULL;
}

static struct fan_mark *mark_new(struct fan_group *g, const struct target *to)
{
	struct fan_mark *m = arena_alloc(sizeof *m);

	if (m == NULL)
		return NULL;
	*m = (struct fan_mark){ .type = to->type, .id = to->id };
	if (to->type == FAN_TYPE_INODE) {
		m->inode = to->inode;
		inode_get(m->inode);
	}
	list_init(&m->link);
	list_append(&g->marks, &m->link);
	g->nmarks++;
	count(1, 0);
	return m;
}

static long add_ignored(struct fan_mark *m, uint32_t flags, uint32_t mask)
{
	if (m->ignored != 0 && m->ignore_flags != ((flags & FAN_MARK_IGNORE) != 0))
		return -EEXIST;
	if ((flags & FAN_MARK_IGNORE) && m->ignored != 0 && m->survives && !(flags & FAN_MARK_IGNORED_SURV_MODIFY))
		return -EEXIST;
	m->ignored |= mask;
	m->ignore_flags = (flags & FAN_MARK_IGNORE) != 0;
	m->survives = m->survives || (flags & FAN_MARK_IGNORED_SURV_MODIFY);
	return 0;
}

static long add(struct fan_group *g, const struct target *to, uint32_t flags, uint32_t mask)
{
	struct fan_mark *m = find(g, to);
	int before;

	if (m != NULL && (flags & FAN_MARK_EVICTABLE) && !m->evictable)
		return -EEXIST;
	if (m == NULL && !(g->flags & FAN_UNLIMITED_MARKS) && g->nmarks >= sysctl_value(CTL_FAN_MARKS))
		return -ENOSPC;
	if (m == NULL) {
		m = mark_new(g, to);
		if (m == NULL)
			return -ENOMEM;
		m->evictable = (flags & FAN_MARK_EVICTABLE) != 0;
	}
	if (!(flags & FAN_MARK_EVICTABLE))
		m->evictable = false;
	if (flags & (FAN_MARK_IGNORED_MASK | FAN_MARK_IGNORE))
		return add_ignored(m, flags, mask);
	before = asks(m);
	m->mask |= mask;
	count(0, asks(m) - before);
	return 0;
}

/* *gone: an inode whose reference is the caller's. */
static long remove_mask(struct fan_group *g, const struct target *to, uint32_t flags, uint32_t mask, struct inode **gone)
{
	struct fan_mark *m = find(g, to);
	int before;

	if (m == NULL)
		return -ENOENT;
	before = asks(m);
	if (flags & (FAN_MARK_IGNORED_MASK | FAN_MARK_IGNORE))
		m->ignored &= ~mask;
	else
		m->mask &= ~mask;
	count(0, asks(m) - before);
	if (((m->mask | m->ignored) & ~(uint32_t)(FAN_ONDIR | FAN_EVENT_ON_CHILD)) == 0)
		*gone = fan_mark_remove(g, m);
	return 0;
}

static void flush(struct fan_group *g, enum fan_mark_type type)
{
	struct fan_state *s = fan_state();
	struct inode *gone = NULL;
	bool found;

	do {
		found = false;
		lock_take(&s->lock);
		LIST_FOR(m, &g->marks, struct fan_mark, link)
			if (m->type == type) {
				gone = fan_mark_remove(g, m);
				found = true;
				break;
			}
		lock_drop(&s->lock);
		if (gone != NULL)
			inode_put(gone);
		gone = NULL;
	} while (found);
}

/* ---- fanotify_mark ---- */

#define FLAGS_KNOWN                                                                                  \
	(FAN_ALL_MARK_FLAGS | FAN_MARK_FILESYSTEM | FAN_MARK_EVICTABLE | FAN_MARK_IGNORE)
#define TYPE_FLAGS (FAN_MARK_MOUNT | FAN_MARK_FILESYSTEM)
#define DIR_ONLY   (FAN_ENTRY_EVENTS | FAN_EVENT_ON_CHILD | FAN_ONDIR)

static long check_ignore(uint32_t flags, uint32_t mask)
{
	if ((flags & FAN_MARK_IGNORED_MASK) && (flags & FAN_MARK_IGNORE))
		return -EINVAL;
	if (!(flags & FAN_MARK_IGNORE))
		return 0;
	if ((mask & FAN_EVENT_ON_CHILD) && (flags & TYPE_FLAGS))
		return 0;
	return (flags & TYPE_FLAGS) && !(flags & FAN_MARK_IGNORED_SURV_MODIFY) ? -EINVAL : 0;
}

static long check_flags(uint32_t flags, uint64_t mask)
{
	uint32_t command = flags & (FAN_MARK_ADD | FAN_MARK_REMOVE | FAN_MARK_FLUSH);

	if ((flags & ~(uint32_t)FLAGS_KNOWN) || (mask >> 32) != 0 || (flags & TYPE_FLAGS) == TYPE_FLAGS)
		return -EINVAL;
	if (command == FAN_MARK_FLUSH)
		return flags & ~(uint32_t)(TYPE_FLAGS | FAN_MARK_FLUSH) ? -EINVAL : 0;
	if ((command != FAN_MARK_ADD && command != FAN_MARK_REMOVE) || mask == 0)
		return -EINVAL;
	if (mask & ~(uint64_t)(FAN_MARK_EVENTS | FAN_EVENT_ON_CHILD | FAN_ONDIR))
		return -EINVAL;
	if ((flags & FAN_MARK_EVICTABLE) && (flags & TYPE_FLAGS))
		return -EINVAL;
	return check_ignore(flags, (uint32_t)mask);
}

static long check_group(const struct fan_group *g, uint32_t flags, uint32_t mask)
{
	if ((mask & FAN_PERM_EVENTS) && !(g->flags & (FAN_CLASS_CONTENT | FAN_CLASS_PRE_CONTENT)))
		return -EINVAL;
	if ((mask & FAN_HANDLE_EVENTS) && (!(g->flags & FAN_REPORT_HANDLES) || (flags & FAN_MARK_MOUNT)))
		return -EINVAL;
	if ((mask & FAN_RENAME) && !(g->flags & FAN_REPORT_NAME))
		return -EINVAL;
	return 0;
}

static long check_object(const struct fan_group *g, const struct inode *i, uint32_t flags, uint32_t mask)
{
	bool strict = (g->flags & FAN_REPORT_TARGET_FID) || (mask & FAN_RENAME) || (flags & FAN_MARK_IGNORE);

	if ((g->flags & FAN_REPORT_HANDLES) && !fhandle_there(i))
		return -ENODEV;
	if ((flags & TYPE_FLAGS) && i->fs == NULL)
		return -EINVAL;
	if (!(flags & TYPE_FLAGS) && strict && !IS_DIR(i) && (mask & DIR_ONLY))
		return -ENOTDIR;
	/* What is ignored of a directory for good must say so. */
	if ((flags & FAN_MARK_IGNORE) && IS_DIR(i) && !(flags & (TYPE_FLAGS | FAN_MARK_IGNORED_SURV_MODIFY)))
		return -EISDIR;
	return 0;
}

static long change(struct fan_group *g, const struct path *p, uint32_t flags, uint32_t mask)
{
	struct inode *i = p->dentry->inode, *gone = NULL;
	struct target to = { FAN_TYPE_INODE, i, 0 };
	long err;

	if (flags & FAN_MARK_MOUNT)
		to = (struct target){ FAN_TYPE_MOUNT, NULL, p->mnt->id };
	else if (flags & FAN_MARK_FILESYSTEM)
		to = (struct target){ FAN_TYPE_FS, NULL, i->dev };
	if ((flags & TYPE_FLAGS) || !IS_DIR(i)) /* of no use there */
		mask &= ~(uint32_t)FAN_EVENT_ON_CHILD;
	lock_take(&fan_state()->lock);
	err = flags & FAN_MARK_ADD ? add(g, &to, flags, mask) : remove_mask(g, &to, flags, mask, &gone);
	lock_drop(&fan_state()->lock);
	if (gone != NULL)
		inode_put(gone);
	return err;
}

static long mark_path(struct lx_thread *t, struct fan_group *g, uint32_t flags, uint32_t mask, const struct path *p)
{
	long err = inode_permission(t, p->dentry->inode, 4);

	if (err == 0)
		err = check_object(g, p->dentry->inode, flags, mask);
	return err == 0 ? change(g, p, flags, mask) : err;
}

/* name NULL: dirfd itself. */
static long mark(struct lx_thread *t, struct fan_group *g, uint32_t flags, uint32_t mask, int dirfd, struct gva name)
{
	uint32_t walk = (flags & FAN_MARK_DONT_FOLLOW ? 0 : WALK_FOLLOW) | (flags & FAN_MARK_ONLYDIR ? WALK_DIRECTORY : 0);
	struct path p;
	struct file *f;
	long err;

	if (name.va != 0) {
		err = user_walk(t, dirfd, name, walk, &p);
		if (err != 0)
			return err;
		err = mark_path(t, g, flags, mask, &p);
		path_put(&p);
		return err;
	}
	f = fd_get(t, dirfd);
	if (f == NULL)
		return -EBADF;
	if (f->path.dentry == NULL)
		err = -EINVAL;
	else
		err = (flags & FAN_MARK_ONLYDIR) && !IS_DIR(f->inode) ? -ENOTDIR : mark_path(t, g, flags, mask, &f->path);
	file_put(f);
	return err;
}

long lx_sys_fanotify_mark(struct lx_thread *t, int fd, uint32_t flags, uint64_t mask, int dirfd, struct gva name)
{
	struct fan_group *g;
	struct file *f;
	long err = check_flags(flags, mask);

	if (err != 0)
		return err;
	f = fd_get_kind(t, fd, FILE_FANOTIFY, -EINVAL, &err);
	if (f == NULL)
		return err;
	g = f->object;
	if ((flags & TYPE_FLAGS) && !lx_capable(t, CAP_SYS_ADMIN))
		err = -EPERM;
	else
		err = check_group(g, flags, (uint32_t)mask);
	if (err == 0 && (flags & FAN_MARK_FLUSH))
		flush(g, flags & FAN_MARK_MOUNT ? FAN_TYPE_MOUNT : flags & FAN_MARK_FILESYSTEM ? FAN_TYPE_FS : FAN_TYPE_INODE);
	else if (err == 0)
		err = mark(t, g, flags, (uint32_t)mask, dirfd, name);
	file_put(f);
	return err;
}
