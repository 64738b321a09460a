/* SPDX-License-Identifier: MIT */
/*
 * linux/fs/watched.c - which files inotify watches, and where their watches are.
 *
 * Mostly a file is an inode, which points at its watches.  A file of the host may have several:
 * one for each of its names, and one more for a name that somebody looked up while another
 * process was just making or moving it.  So those are found by the host's numbers and birth time, whichever inode an event
 * comes from.
 *
 * inotify's lock guards all of it.
 */
#include "linux/fs/hostfs.h"
#include "linux/fs/watched.h"

static struct list *bucket_of(struct watched_table *w, struct inode *i)
{
	return &w->bucket[(host(i)->ino ^ host(i)->ino >> 8 ^ host(i)->dev) % WATCHED_BUCKETS];
}

void watched_init(struct watched_table *w)
{
	for (unsigned n = 0; n < WATCHED_BUCKETS; n++)
		list_init(&w->bucket[n]);
}

bool watched_perhaps(const struct watched_table *w, const struct inode *i)
{
	return i->watch != NULL || (i->kind == INODE_HOST && atomic_load_explicit(&w->hosts, memory_order_relaxed) != 0);
}

struct watched *watched_find(struct watched_table *w, struct inode *i)
{
	if (i->kind != INODE_HOST)
		return i->watch;
	LIST_FOR(on, bucket_of(w, i), struct watched, on_host)
		if (on->ino == host(i)->ino && on->dev == host(i)->dev && on->btime_ns == i->btime_ns)
			return on;
	return NULL;
}

struct watched *watched_new(struct watched_table *w, struct inode *i)
{
	struct watched *on = arena_alloc(sizeof *on);

	if (on == NULL)
		return NULL;
	list_init(&on->watches);
	list_init(&on->on_host);
	if (i->kind != INODE_HOST) {
		on->inode = i;
		i->watch = on;
		return on;
	}
	on->dev = host(i)->dev;
	on->ino = host(i)->ino;
	on->btime_ns = i->btime_ns;
	list_append(bucket_of(w, i), &on->on_host);
	atomic_fetch_add_explicit(&w->hosts, 1, memory_order_relaxed);
	return on;
}

void watched_end(struct watched_table *w, struct watched *on)
{
	if (on->inode != NULL) {
		on->inode->watch = NULL;
	} else {
		list_remove(&on->on_host);
		atomic_fetch_sub_explicit(&w->hosts, 1, memory_order_relaxed);
	}
	arena_free(on);
}
