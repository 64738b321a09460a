/* SPDX-License-Identifier: MIT */
/* linux/fs/fanotify.h - between notify.c and fanotify*.c. */
#ifndef LINUX_FS_FANOTIFY_H
#define LINUX_FS_FANOTIFY_H

#include <linux/fanotify.h>

#include "linux/fs/fhandle.h"
#include "linux/fs/fs.h"

/* What happened; the caller's references. */
struct fs_event {
	uint32_t mask;            /* FAN_*, most of them IN_* too */
	struct inode *inode;      /* the object */
	struct inode *dir;        /* the directory that it is or was in by name, or NULL */
	const char *name;
	const struct path *path;  /* by which it was opened, read ...; NULL for changes of names */
	bool entry;               /* a change of dir's names: dir is what is watched */
	struct inode *new_dir;    /* FAN_RENAME: where it went */
	const char *new_name;
};
void fanotify_event(const struct fs_event *e);
void fanotify_asker_died(struct lx_thread *t); /* kproc: with its waiters off their queues */
long fanotify_ask(struct lx_thread *t, const struct fs_event *e); /* permission events: 0, -EPERM, -ERESTARTSYS */
void fanotify_renamed(struct inode *dir, const char *name, struct inode *new_dir, const char *new_name, struct inode *i);

/* ---- The rest is fanotify's own ---- */

enum fan_mark_type { FAN_TYPE_INODE, FAN_TYPE_MOUNT, FAN_TYPE_FS };

struct fan_mark {
	struct list link;         /* in group.marks */
	enum fan_mark_type type;
	struct inode *inode;      /* INODE: a reference */
	uint64_t id;              /* MOUNT: its id; FS: its dev.  No reference: they do not come again */
	uint32_t mask, ignored;
	bool survives;            /* ignored outlives a change of the file */
	bool ignore_flags;        /* ignored was set by FAN_MARK_IGNORE: its ONDIR and EVENT_ON_CHILD count */
	bool evictable;
};

struct fan_record {           /* one object of an event, by handle */
	bool there;
	struct fhandle handle;
	uint64_t dev;             /* fsid */
	char *name;               /* arena, or NULL */
};

struct fan_event {
	struct list link;         /* in group.events, or group.asked */
	uint64_t mask;
	int pid;
	struct path path;         /* groups that report descriptors: references */
	struct fan_record dir, object, old, new; /* groups that report handles */
	int fd;                   /* of an event that was read and is to be answered */
	uint32_t answer;          /* FAN_ALLOW, FAN_DENY, or 0 */
	bool asks, busy;          /* somebody waits for answer; a reader has it in hand */
	struct fan_group *group;  /* of one that asks */
	bool left;                /* who waited does no more: the reader's, or the group's end's, to free */
};

struct fan_group {
	struct list link;         /* in fan_state.groups */
	uint32_t flags, event_flags;
	struct list marks, events;
	struct list asked;        /* events that ask and were read, or are in a reader's hand */
	uint32_t count, nmarks;
	uint32_t users;           /* threads that wait for an answer */
	bool dead;                /* released: the last of users frees it */
	bool overflowed;          /* the overflow event is queued */
	struct waitq wq;          /* readers */
	struct waitq answers;
};

struct fan_state {            /* vfs()->fan */
	LOCK(IPC) lock;           /* all of it */
	struct list groups;
};
struct fan_state *fan_state(void); /* made by the first; NULL: no memory */

#ifndef FAN_REPORT_FD_ERROR
#define FAN_REPORT_FD_ERROR 0x2000 /* newer than the headers */
#endif
#define FAN_REPORT_HANDLES (FAN_REPORT_FID | FAN_REPORT_DIR_FID)
#define FAN_PERM_EVENTS    (FAN_OPEN_PERM | FAN_ACCESS_PERM | FAN_OPEN_EXEC_PERM)
#define FAN_ENTRY_EVENTS   (FAN_CREATE | FAN_DELETE | FAN_MOVE | FAN_RENAME)
#define FAN_HANDLE_EVENTS  (FAN_ENTRY_EVENTS | FAN_ATTRIB | FAN_DELETE_SELF | FAN_MOVE_SELF)
#define FAN_FD_EVENTS      (FAN_ACCESS | FAN_MODIFY | FAN_CLOSE | FAN_OPEN | FAN_OPEN_EXEC)
#define FAN_MARK_EVENTS    (FAN_FD_EVENTS | FAN_HANDLE_EVENTS | FAN_PERM_EVENTS)

/* fanotify_read.c */
void fan_event_free(struct fan_event *ev); /* hold no lock */
/* fanotify_mark.c: out of its group and freed; the inode's reference is the caller's. */
struct inode *fan_mark_remove(struct fan_group *g, struct fan_mark *m);
/* What of e the group g wants, of its marks; *old, *new: of a rename, which of the two ends it watches. */
uint32_t fan_wanted(struct fan_group *g, const struct fs_event *e, bool *old, bool *new);
/* An object is gone: marks on it go, and their references into gone's links. */
#endif
