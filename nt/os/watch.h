/* SPDX-License-Identifier: MIT */
/* nt/os/watch.h - changes of the sandbox's files, by whoever made them. */
#ifndef NT_OS_WATCH_H
#define NT_OS_WATCH_H

#include "nt/types.h"

struct dentry;
struct file;

/* One folder more, or less, is watched: while there is any, os_changed is called. */
void os_watch_count(int by);
/* FILE_ACTION_* and what FILE_NOTIFY_CHANGE_* it is one of; name in the folder dir. */
void os_changed(struct dentry *dir, uint32_t action, uint32_t what, const char *name); /* io/notify.c */
/* The folders that dir is in, itself first: what a name in it is called from each on. */
struct os_ancestors {
	uint32_t count, size;    /* size: bytes of text */
	void *inode[64];
	uint32_t at[64];         /* where the path from that folder on begins in text */
	char text[4096];
};
/* False: the path is too long. */
bool os_ancestors(struct dentry *dir, const char *name, uint32_t len, struct os_ancestors *up);
#endif
