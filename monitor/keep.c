/* SPDX-License-Identifier: MIT */
/*
 * monitor/keep.c - streams that are opened again without asking (DK_OPTION_KEEP).
 *
 * The library OS keeps the stream of a file that was closed, and gives it to the next
 * open if that would find the same file with the same rights.  It knows that from
 * inotify: the host puts an event into the queue before the call that made the change
 * returns.  Watched are the file (moved, replaced, mode, owner, links) and each folder on
 * the way from its mount's root (moved, mode, owner).  Picoprocesses see whether the
 * queue is empty, through an epoll descriptor, so that they cannot take events out; the
 * loop thread takes them out and raises the numbers of the places concerned, in a page of
 * pal's shared area that it only writes: `telling` is set from before an event leaves the
 * queue until its numbers are raised (struct mon_changes, abi/monitor.h).
 *
 * What could happen between an open and its watch is looked at again afterwards: the
 * file is opened a second time and must be the same.  What inotify does not tell (a mount
 * that comes on top, another machine's changes) is why only mounts that are a folder of
 * one local file system take part, and why the library OS believes it for a second only.
 *
 * Bounds: MON_KEPT files, an eighth of our descriptors, FOLDERS folders; when there are
 * more, or one has changed, all folders are forgotten and all numbers raised.  All of this
 * belongs to the loop thread.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/inotify.h>
#include <sys/mman.h>
#include <unistd.h>

#include "monitor/monitor.h"

#define FOLDERS 256

static int queue = -1, seen = -1; /* inotify; epoll on it, for picoprocesses */
static bool refused;              /* the host has none for us */
static struct mon_changes *told;
static struct place {
	int wd;            /* -1 = none (any more) */
	uint32_t refs;     /* streams */
	uint32_t number;   /* ours: the page's copy may be written over */
} places[MON_KEPT] BIG_BSS;
static uint32_t used;
static struct folder {
	int dirfd, wd;     /* the mount's */
	char *path;        /* below it; "." = it */
} folders[FOLDERS] BIG_BSS;
static uint32_t folder_count;

static bool start(void)
{
	struct epoll_event e = { .events = EPOLLIN };
	void *page;

	if (queue >= 0 || refused)
		return !refused;
	refused = true;
	page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, palshared_fd, 0);
	if (page == MAP_FAILED)
		return false;
	told = (struct mon_changes *)((char *)page + MON_CHANGES_AT);
	queue = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	seen = queue >= 0 ? epoll_create1(EPOLL_CLOEXEC) : -1;
	if (seen < 0 || epoll_ctl(seen, EPOLL_CTL_ADD, queue, &e) < 0)
		return false;
	for (unsigned i = 0; i < MON_KEPT; i++)
		places[i].wd = -1;
	loop_add(queue, LOOP_KEPT, 0);
	refused = false;
	return true;
}

int keep_seen(void)
{
	return start() ? seen : -1;
}

/* ---- What happened ---- */

static void raise_number(uint32_t i)
{
	atomic_store(&told->number[i], ++places[i].number);
}

static void forget_folders(void)
{
	for (uint32_t i = 0; i < folder_count; i++) {
		inotify_rm_watch(queue, folders[i].wd);
		free(folders[i].path);
	}
	folder_count = 0;
	for (uint32_t i = 0; i < MON_KEPT; i++)
		raise_number(i);
}

static uint32_t place_of(int wd)
{
	uint32_t i = 0;

	while (i < MON_KEPT && places[i].wd != wd)
		i++;
	return i;
}

static bool is_folder(int wd)
{
	for (uint32_t i = 0; i < folder_count; i++)
		if (folders[i].wd == wd)
			return true;
	return false;
}

static void happened(const struct inotify_event *e)
{
	uint32_t i = e->wd >= 0 ? place_of(e->wd) : MON_KEPT;

	if (i < MON_KEPT) {
		raise_number(i);
		if (e->mask & IN_IGNORED)
			places[i].wd = -1;
	} else if (e->mask & IN_Q_OVERFLOW) {
		forget_folders();
	} else if (e->len == 0 && is_folder(e->wd)) { /* with a name: what is in it, which has a watch of its own */
		forget_folders();
	}
}

void keep_event(void)
{
	char buf[4096] __attribute__((aligned(8)));
	ssize_t n;

	atomic_store(&told->telling, 1);
	while ((n = read(queue, buf, sizeof buf)) > 0) {
		for (char *p = buf; p < buf + n;) {
			const struct inotify_event *e = (const void *)p;

			happened(e);
			p += sizeof *e + e->len;
		}
	}
	atomic_store(&told->telling, 0);
}

/* ---- Watching ---- */

static int watch(int fd, uint32_t mask)
{
	char path[32];

	snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	return inotify_add_watch(queue, path, mask);
}

static bool folder_known(int dirfd, const char *path)
{
	for (uint32_t i = 0; i < folder_count; i++)
		if (folders[i].dirfd == dirfd && strcmp(folders[i].path, path) == 0)
			return true;
	return false;
}

static bool watch_folder(const struct where *w, const char *path)
{
	struct folder *f;
	int fd;

	if (folder_known(w->dirfd, path))
		return true;
	if (folder_count == FOLDERS)
		forget_folders();
	f = &folders[folder_count];
	fd = open_at(w, path, O_PATH | O_DIRECTORY, 0, true);
	if (fd < 0)
		return false;
	f->wd = watch(fd, IN_ATTRIB | IN_MOVE_SELF | IN_ONLYDIR);
	close(fd);
	f->dirfd = w->dirfd;
	f->path = f->wd >= 0 ? strdup(path) : NULL;
	if (!f->path)
		return false;
	folder_count++;
	return true;
}

/* The mount's root and all folders on the way to path. */
static bool watch_way(const struct where *w, const char *path)
{
	char part[PATH_MAX];
	const char *slash = strrchr(path, '/');
	size_t len = slash ? (size_t)(slash - path) : 0;

	memcpy(part, path, len);
	part[len] = 0;
	if (folder_known(w->dirfd, len ? part : "."))
		return true; /* and so are those above */
	/* All of them or none: where there is no room for the last, forgetting would take the first. */
	if (folder_count + 1 + len / 2 + 1 > FOLDERS)
		forget_folders();
	if (!watch_folder(w, "."))
		return false;
	for (size_t i = 1; i <= len; i++) {
		char cut = part[i];

		if (cut != '/' && cut != 0)
			continue;
		part[i] = 0;
		if (!watch_folder(w, part))
			return false;
		part[i] = cut;
	}
	return true;
}

static uint32_t watch_file(int fd)
{
	int wd = watch(fd, IN_ATTRIB | IN_MOVE_SELF);
	uint32_t i = wd >= 0 ? place_of(wd) : MON_KEPT;

	if (wd >= 0 && i == MON_KEPT) {
		for (i = 0; i < MON_KEPT && places[i].refs != 0; i++)
			;
		if (i == MON_KEPT)
			inotify_rm_watch(queue, wd);
		else
			places[i].wd = wd;
	}
	if (i < MON_KEPT && places[i].refs++ == 0)
		used++;
	return i;
}

/* To open it now gives the same file; its attributes are those of after the watch. */
static bool still_same(struct job *j, const char *path)
{
	struct dk_attributes a;
	int fd = open_at(&j->a, path, O_RDONLY | O_NOCTTY | O_NONBLOCK, 0, true);
	bool same = fd >= 0 && attr_of_fd(fd, where_rights(&j->a), &a) == DK_OK && a.inode == j->reply.attr.inode && a.device == j->reply.attr.device;

	if (fd >= 0)
		close(fd);
	if (same)
		j->reply.attr = a;
	return same;
}

void keep_stream(struct job *j, struct stream *s)
{
	const char *path = where_path(j, &j->a);
	uint32_t i;

	if (!(j->a.flags & MOUNT_LOCAL) || (j->a.flags & (MOUNT_VIEW | MOUNT_NOBODY)) || s->kind != STREAM_FILE || (s->fd_flags & MON_FD_WRITE))
		return;
	if (used >= MON_KEPT || used >= file_limit / 8 || !start() || !watch_way(&j->a, path))
		return;
	i = watch_file(s->fd);
	if (i == MON_KEPT)
		return;
	s->kept = i + 1;
	j->reply.value[2] = s->kept;
	j->reply.value[3] = places[i].number;
	if (!still_same(j, path)) {
		j->reply.value[2] = 0;
		keep_drop(s);
	}
}

void keep_drop(struct stream *s)
{
	struct place *p = &places[s->kept - 1];

	s->kept = 0;
	if (--p->refs > 0)
		return;
	used--;
	if (p->wd >= 0)
		inotify_rm_watch(queue, p->wd);
	p->wd = -1;
	raise_number((uint32_t)(p - places));
}
