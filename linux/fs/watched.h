/* SPDX-License-Identifier: MIT */
/* linux/fs/watched.h - files that inotify watches; see watched.c. */
#ifndef LINUX_FS_WATCHED_H
#define LINUX_FS_WATCHED_H

#include "linux/fs/fs.h"

#define WATCHED_BUCKETS 64u

struct watched {
	struct list watches; /* of who has this: fs/inotify.c's */
	struct list on_host; /* files of the host: in their bucket */
	struct inode *inode; /* of others */
	uint64_t dev, ino;
	int64_t btime_ns;
};

/* The caller's lock guards it, and all struct watched in it. */
struct watched_table {
	struct list bucket[WATCHED_BUCKETS];
	_Atomic uint32_t hosts; /* files of the host in it */
};

void watched_init(struct watched_table *w);
/* May somebody watch i?  Without the lock. */
bool watched_perhaps(const struct watched_table *w, const struct inode *i);
struct watched *watched_find(struct watched_table *w, struct inode *i);
/* i's, which has none, with an empty list; NULL: no memory. */
struct watched *watched_new(struct watched_table *w, struct inode *i);
/* Its list is empty: frees it. */
void watched_end(struct watched_table *w, struct watched *on);
#endif
