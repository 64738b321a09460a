/* SPDX-License-Identifier: MIT */
/* linux/fs/fanotify_read.c - fanotify's descriptor: reading events, answering, its end; fanotify_init. */
#include "linux/fs/fanotify.h"
#include "linux/ns/ns.h"
#include "linux/fs/io.h"
#include "linux/fs/procfs.h"
#include "linux/proc/proc.h"

void fan_event_free(struct fan_event *ev)
{
	if (ev->path.dentry != NULL)
		path_put(&ev->path);
	arena_free(ev->dir.name);
	arena_free(ev->old.name);
	arena_free(ev->new.name);
	arena_free(ev);
}

/* ---- The event as the guest sees it ---- */

/* Event and records while they are put together: heap. */
struct out {
	char data[1536]; /* two names, four handles */
	size_t len;
	struct file *fds[2]; /* to be installed once the event is out: the object's, the process's */
	size_t fd_at[2];
	int fd[2];
};

static size_t record_size(const struct fan_record *r)
{
	if (!r->there)
		return 0;
	return ALIGN_UP(sizeof(struct fanotify_event_info_fid) + sizeof(struct file_handle_head) + sizeof(struct fhandle) +
	                (r->name != NULL ? strlen(r->name) + 1 : 0), 4ul);
}

static void put_record(struct out *o, const struct fan_record *r, uint8_t type)
{
	struct fanotify_event_info_fid info = { .hdr = { .info_type = type } };
	struct file_handle_head head = { sizeof r->handle, FHANDLE_TYPE };
	size_t size = record_size(r), at = o->len;

	if (!r->there)
		return;
	info.hdr.len = (uint16_t)size;
	info.fsid.val[0] = (int)r->dev;
	memset(o->data + at, 0, size);
	memcpy(o->data + at, &info, sizeof info);
	at += sizeof info;
	memcpy(o->data + at, &head, sizeof head);
	at += sizeof head;
	memcpy(o->data + at, &r->handle, sizeof r->handle);
	if (r->name != NULL)
		memcpy(o->data + at + sizeof r->handle, r->name, strlen(r->name) + 1);
	o->len += size;
}

static size_t event_size(const struct fan_group *g, const struct fan_event *ev)
{
	size_t n = sizeof(struct fanotify_event_metadata) + record_size(&ev->dir) + record_size(&ev->object) + record_size(&ev->old) +
	           record_size(&ev->new);

	return g->flags & FAN_REPORT_PIDFD && !(ev->mask & FAN_Q_OVERFLOW) ? n + sizeof(struct fanotify_event_info_pidfd) : n;
}

/* The object, opened for the reader: a descriptor that is his but not to be seen yet. */
static long open_object(struct lx_thread *t, struct fan_group *g, struct fan_event *ev, struct out *o)
{
	long err;

	if (ev->path.dentry == NULL)
		return FAN_NOFD;
	err = (g->event_flags & O_ACCMODE) != O_RDONLY ? may_write(t, &ev->path) : 0;
	if (err != 0)
		return err;
	err = open_quiet(t, &ev->path, (int)(g->event_flags & ~(uint32_t)O_CLOEXEC), &o->fds[0]);
	if (err != 0)
		return err;
	o->fds[0]->no_notify = true;
	file_get(o->fds[0]);
	err = fd_install(t, o->fds[0], (g->event_flags & O_CLOEXEC) != 0, 0);
	if (err >= 0)
		return o->fd[0] = (int)err;
	file_put(o->fds[0]);
	return err;
}

static int open_process(struct lx_thread *t, int pid, struct out *o)
{
	struct lx_proc *p;
	int fd;

	lock_take(&lx_state()->tasklist);
	p = proc_find_global(pid);
	if (p != NULL)
		ref_get(&p->ref);
	lock_drop(&lx_state()->tasklist);
	if (p == NULL)
		return FAN_NOPIDFD;
	fd = p->state == PROC_LIVE ? pidfd_create(t, p, 0, &o->fds[1]) : FAN_NOPIDFD;
	proc_put(p);
	return fd < 0 ? FAN_NOPIDFD : fd;
}

static long put_event(struct lx_thread *t, struct fan_group *g, struct fan_event *ev, struct out *o)
{
	struct fanotify_event_metadata m = { .event_len = (uint32_t)event_size(g, ev), .vers = FANOTIFY_METADATA_VERSION,
		.metadata_len = FAN_EVENT_METADATA_LEN, .mask = ev->mask, .pid = pid_out(t, ev->pid) };
	struct fanotify_event_info_pidfd pidfd = { .hdr = { FAN_EVENT_INFO_TYPE_PIDFD, 0, sizeof pidfd } };
	long fd = open_object(t, g, ev, o);

	if (fd < 0 && fd != FAN_NOFD && !(g->flags & FAN_REPORT_FD_ERROR))
		return fd;
	m.fd = (int)fd;
	memcpy(o->data, &m, sizeof m);
	o->len = sizeof m;
	put_record(o, &ev->old, FAN_EVENT_INFO_TYPE_OLD_DFID_NAME);
	put_record(o, &ev->new, FAN_EVENT_INFO_TYPE_NEW_DFID_NAME);
	put_record(o, &ev->dir, ev->dir.name != NULL ? FAN_EVENT_INFO_TYPE_DFID_NAME : FAN_EVENT_INFO_TYPE_DFID);
	put_record(o, &ev->object, FAN_EVENT_INFO_TYPE_FID);
	if (o->len == m.event_len)
		return fd;
	pidfd.pidfd = open_process(t, ev->pid, o);
	if (pidfd.pidfd < 0 && (g->flags & FAN_REPORT_FD_ERROR))
		pidfd.pidfd = -ESRCH;
	memcpy(o->data + o->len, &pidfd, sizeof pidfd);
	o->len += sizeof pidfd;
	return fd;
}

/* ---- read ---- */

/* The first event, if it has room in size bytes: out of the list, in hand.  *err: -EINVAL if it has not. */
static struct fan_event *take(struct fan_group *g, size_t size, long *err)
{
	struct fan_state *s = fan_state();
	struct fan_event *ev = NULL;

	*err = 0;
	lock_take(&s->lock);
	if (!list_empty(&g->events)) {
		ev = LIST_FIRST(&g->events, struct fan_event, link);
		if (event_size(g, ev) > size) {
			*err = -EINVAL;
			ev = NULL;
		} else {
			list_remove(&ev->link);
			g->count--;
			ev->busy = true;
			if (ev->asks)
				list_append(&g->asked, &ev->link); /* that the group's end finds it if this reader dies */
			if (ev->mask & FAN_Q_OVERFLOW)
				g->overflowed = false;
		}
	}
	lock_drop(&s->lock);
	return ev;
}

/* Out of hand: one that asks waits for its answer, or is denied as it could not be told. */
static void taken(struct fan_group *g, struct fan_event *ev, long fd)
{
	struct fan_state *s = fan_state();
	bool mine = !ev->asks;

	if (ev->asks) {
		lock_take(&s->lock);
		mine = ev->left;
		ev->busy = false;
		if (fd < 0 || ev->left)
			list_remove(&ev->link);
		if (fd < 0)
			ev->answer = FAN_DENY;
		else
			ev->fd = (int)fd;
		waitq_wake_all(&g->answers);
		lock_drop(&s->lock);
	}
	if (mine)
		fan_event_free(ev);
}

static long read_one(struct lx_thread *t, struct fan_group *g, const struct iov *v, size_t at)
{
	struct out *o;
	struct fan_event *ev;
	long err, fd;

	o = heap_alloc(sizeof *o);
	if (o == NULL)
		return -ENOMEM;
	ev = take(g, v->size - at, &err);
	if (ev == NULL) {
		heap_free(o);
		return err;
	}
	fd = put_event(t, g, ev, o);
	if (o->len == 0)
		err = fd;
	else if (iov_put(v, at, o->data, o->len) < o->len)
		err = -EFAULT;
	else
		err = (long)o->len;
	if (o->fds[0] != NULL) {
		if (err < 0 && fd >= 0)
			(void)fd_close(t, (int)fd);
		file_put(o->fds[0]);
	}
	taken(g, ev, err > 0 ? fd : -1);
	heap_free(o);
	return err;
}

static long fanotify_read(struct lx_thread *t, struct file *f, const struct iov *v, uint64_t *pos)
{
	struct fan_group *g = f->object;
	struct waiter *w = waiter_self(0);
	size_t done = 0;
	long n = 0;

	waitq_add(&g->wq, w);
	for (;;) {
		n = read_one(t, g, v, done);
		if (n > 0) {
			done += (size_t)n;
			continue;
		}
		if (n < 0 || done > 0)
			break;
		if (f->flags & O_NONBLOCK) {
			n = -EAGAIN;
			break;
		}
		n = pico_wait(DK_FOREVER, 0) == DK_OK ? 0 : -ERESTARTSYS;
		if (n < 0)
			break;
	}
	waitq_remove(&g->wq, w);
	return done > 0 ? (long)done : n;
}

/* ---- The answer ---- */

static long fanotify_write(struct lx_thread *t, struct file *f, const struct iov *v, uint64_t *pos)
{
	struct fan_group *g = f->object;
	struct fanotify_response r;
	long err = -ENOENT;

	if (v->size < sizeof r)
		return -EINVAL;
	if (iov_take(v, 0, &r, sizeof r) < sizeof r)
		return -EFAULT;
	if (r.fd < 0 || (r.response != FAN_ALLOW && r.response != FAN_DENY))
		return -EINVAL;
	lock_take(&fan_state()->lock);
	LIST_FOR(ev, &g->asked, struct fan_event, link)
		if (ev->fd == r.fd) {
			list_remove(&ev->link);
			ev->answer = r.response;
			err = sizeof r;
			break;
		}
	if (err > 0)
		waitq_wake_all(&g->answers);
	lock_drop(&fan_state()->lock);
	return err;
}

static uint32_t fanotify_poll(struct lx_thread *t, struct file *f, struct poll_table *p)
{
	struct fan_group *g = f->object;

	if (p != NULL)
		poll_wait(p, &g->wq);
	return __atomic_load_n(&g->count, __ATOMIC_ACQUIRE) != 0 ? EPOLLIN | EPOLLRDNORM : 0;
}

static long fanotify_ioctl(struct lx_thread *t, struct file *f, uint32_t cmd, uint64_t arg)
{
	struct fan_group *g = f->object;
	int bytes = 0;

	if (cmd != FIONREAD)
		return -ENOTTY;
	lock_take(&fan_state()->lock);
	LIST_FOR(ev, &g->events, struct fan_event, link)
		bytes += (int)event_size(g, ev);
	lock_drop(&fan_state()->lock);
	return PUT_USER((struct gva){ arg }, bytes);
}

/* ---- Its end ---- */

/* All that asks is allowed; what only tells goes to unused.  The lock is held. */
static void empty_list(struct list *events, struct list *unused)
{
	LIST_FOR_SAFE(ev, n, events, struct fan_event, link) {
		list_remove(&ev->link);
		if (ev->asks && !ev->left)
			ev->answer = FAN_ALLOW;
		else
			list_append(unused, &ev->link);
	}
}

static void drop_marks(struct fan_group *g)
{
	struct inode *gone;

	while (!list_empty(&g->marks)) {
		lock_take(&fan_state()->lock);
		gone = list_empty(&g->marks) ? NULL : fan_mark_remove(g, LIST_FIRST(&g->marks, struct fan_mark, link));
		lock_drop(&fan_state()->lock);
		if (gone != NULL)
			inode_put(gone);
	}
}

static void fanotify_release(struct file *f)
{
	struct fan_group *g = f->object;
	struct list unused;
	bool last;

	list_init(&unused);
	drop_marks(g);
	lock_take(&fan_state()->lock);
	list_remove(&g->link);
	empty_list(&g->events, &unused);
	empty_list(&g->asked, &unused);
	g->dead = true;
	last = g->users == 0;
	waitq_wake_all(&g->answers);
	lock_drop(&fan_state()->lock);
	LIST_FOR_SAFE(ev, n, &unused, struct fan_event, link) {
		list_remove(&ev->link);
		fan_event_free(ev);
	}
	if (last)
		arena_free(g);
}

extern const struct file_ops file_fanotify_ops;
const struct file_ops file_fanotify_ops = {
	.name = "fanotify",
	.read = fanotify_read,
	.write = fanotify_write,
	.poll = fanotify_poll,
	.ioctl = fanotify_ioctl,
	.release = fanotify_release,
};

/* ---- fanotify_init ---- */

#define INIT_KNOWN                                                                                   \
	(FAN_CLOEXEC | FAN_NONBLOCK | FAN_CLASS_CONTENT | FAN_CLASS_PRE_CONTENT | FAN_UNLIMITED_QUEUE | FAN_UNLIMITED_MARKS | \
		FAN_REPORT_PIDFD | FAN_REPORT_TID | FAN_REPORT_FID | FAN_REPORT_DIR_FID | FAN_REPORT_NAME | FAN_REPORT_TARGET_FID | FAN_REPORT_FD_ERROR)
#define EVENT_FLAGS (O_ACCMODE | O_APPEND | O_NONBLOCK | O_SYNC | O_CLOEXEC | O_LARGEFILE | O_NOATIME)
#define CLASSES     (FAN_CLASS_CONTENT | FAN_CLASS_PRE_CONTENT)
#define FOR_ANYBODY (FAN_CLOEXEC | FAN_NONBLOCK | FAN_REPORT_HANDLES | FAN_REPORT_NAME | FAN_REPORT_TARGET_FID)

static long check_init(struct lx_thread *t, uint32_t flags, uint32_t event_flags)
{
	if (!lx_capable(t, CAP_SYS_ADMIN) && ((flags & ~(uint32_t)FOR_ANYBODY) || !(flags & FAN_REPORT_HANDLES)))
		return -EPERM;
	if (flags & ~(uint32_t)INIT_KNOWN)
		return -EINVAL;
	if ((flags & FAN_REPORT_PIDFD) && (flags & FAN_REPORT_TID))
		return -EINVAL;
	if ((event_flags & ~(uint32_t)EVENT_FLAGS) || (event_flags & O_ACCMODE) == O_ACCMODE)
		return -EINVAL;
	if ((flags & CLASSES) == CLASSES || ((flags & FAN_REPORT_HANDLES) && (flags & CLASSES)))
		return -EINVAL;
	if ((flags & FAN_REPORT_NAME) && !(flags & FAN_REPORT_DIR_FID))
		return -EINVAL;
	if ((flags & FAN_REPORT_TARGET_FID) && (~flags & (FAN_REPORT_NAME | FAN_REPORT_FID | FAN_REPORT_DIR_FID)))
		return -EINVAL;
	return 0;
}

static uint32_t groups(struct fan_state *s)
{
	uint32_t n = 0;

	LIST_FOR(g, &s->groups, struct fan_group, link)
		n++;
	return n;
}

static long enter(struct fan_state *s, struct fan_group *g)
{
	long err = 0;

	lock_take(&s->lock);
	if (groups(s) >= sysctl_value(CTL_FAN_GROUPS))
		err = -EMFILE;
	else
		list_append(&s->groups, &g->link);
	lock_drop(&s->lock);
	return err;
}

long lx_sys_fanotify_init(struct lx_thread *t, uint32_t flags, uint32_t event_flags)
{
	struct fan_state *s;
	struct fan_group *g;
	struct file *f;
	long err = check_init(t, flags, event_flags);

	if (err != 0)
		return err;
	s = fan_state();
	g = s != NULL ? arena_alloc(sizeof *g) : NULL;
	if (g == NULL)
		return -ENOMEM;
	*g = (struct fan_group){ .flags = flags, .event_flags = event_flags | O_LARGEFILE };
	list_init(&g->link);
	list_init(&g->marks);
	list_init(&g->events);
	list_init(&g->asked);
	waitq_init(&g->wq);
	waitq_init(&g->answers);
	err = enter(s, g);
	f = err == 0 ? anon_file(FILE_FANOTIFY, O_RDWR | (flags & FAN_NONBLOCK ? O_NONBLOCK : 0), 0600, g) : NULL;
	if (f == NULL) {
		lock_take(&s->lock);
		list_remove(&g->link);
		lock_drop(&s->lock);
		arena_free(g);
		return err != 0 ? err : -ENOMEM;
	}
	return anon_fd(t, f, (flags & FAN_CLOEXEC) != 0);
}
