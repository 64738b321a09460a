/* SPDX-License-Identifier: MIT */
/*
 * linux/fs/textfs.h - file systems of small generated texts: /proc and /sys.
 *
 * A file system is a table of nodes.  Each names the directory it is in and, if
 * it is one, its own number; a node without a name is the pattern of names that
 * come and go (/proc/PID, cpuN), which find and next of the table tell.
 *
 * A text is made anew by each read from position 0 on; what did not fit into that
 * read is kept for the next ones with the open file.
 */
#ifndef LINUX_FS_TEXTFS_H
#define LINUX_FS_TEXTFS_H

#include "linux/fs/fs.h"
#include "linux/fs/poll.h"
#include "linux/fs/special.h"

/* A text that grows in the private heap. */
struct text {
	char *buf;
	size_t len, cap;
	bool failed; /* no memory: what is there is all */
};
void text_put(struct text *x, const void *p, size_t n);
void text_add(struct text *x, const char *format, ...) PRINTF(2, 3);
void text_free(struct text *x);

/* Which one of a pattern: inode->priv. */
struct node_key {
	uint32_t node; /* index into the table */
	int pid, tid;
	uint32_t round; /* the process's pid_round: a number may come again */
	uint64_t num;  /* descriptor, CPU ... */
};

/* What a node's functions get. */
struct node_ctx {
	struct lx_thread *t;  /* who asks */
	struct ns *pid_ns;    /* of the mount: numbers are as that counts; NULL: the initial one */
	struct lx_proc *proc; /* below /proc/PID: the process, a reference; else NULL */
	struct node_key key;
	struct file *file;    /* raw: the open file */
};

struct text_node {
	uint8_t parent, dir; /* directory it is in; its own number, 0 = no directory */
	uint32_t mode;
	const char *name;    /* NULL: a pattern */
	const char *text;    /* constant contents or link text */
	void (*show)(struct text *x, struct node_ctx *c);
	long (*store)(struct node_ctx *c, char *text, size_t n); /* text has a NUL behind; n or -errno */
	long (*readlink)(struct node_ctx *c, char *buf, size_t size);
	long (*follow)(struct node_ctx *c, struct path *out, struct file **file);
	long (*raw)(struct node_ctx *c, const struct iov *v, uint64_t *pos, bool write); /* instead of a text */
	long (*ioctl)(struct node_ctx *c, uint32_t cmd, uint64_t arg);
	uint32_t (*poll)(struct node_ctx *c, struct poll_table *p); /* NULL: always ready.  Called with no table when the file is opened */
	uint32_t (*mode_of)(struct node_ctx *c); /* patterns: other permission bits */
	uint32_t arg;                            /* the functions' own */
	uint32_t access;                         /* below /proc/PID: who may open or follow it, TEXT_READ or TEXT_ATTACH; 0: by mode */
};

struct text_fs {
	const struct text_node *node;
	uint32_t count;
	/* A name of a pattern in directory dir: fills key's node, pid, tid or num; false: none. */
	bool (*find)(struct node_ctx *c, uint32_t dir, const char *name, uint32_t len, struct node_key *key);
	/* The first name of a pattern with a number of at least *at; next time at least *at again. */
	bool (*next)(struct node_ctx *c, uint32_t dir, uint64_t *at, struct node_key *key, char *name, size_t size);
};
extern const struct text_fs procfs, sysfs;
bool text_can_poll(const struct file *f); /* an open text: may an epoll watch it, as on Linux? */
#define TEXT_POLLED 1u /* index in file->priv that is a poll function's own */
#define TEXT_READ   1u
#define TEXT_ATTACH 2u
#define TEXT_ROOT 1u /* number of the root directory */

/* Between textfs.c and textfile.c. */
enum { T_NODE, T_PID, T_TID, T_NUM, T_ROUND }; /* inode->priv */
const struct text_node *text_node_of(const struct inode *i);
/* False: it is about a process that is gone.  End with text_ctx_done. */
bool text_ctx_init(struct node_ctx *c, struct lx_thread *t, const struct inode *i);
void text_ctx_done(struct node_ctx *c);

uint32_t text_find_pattern(const struct text_fs *fs, uint32_t dir); /* index of the node without a name in dir */
/* The pid, if f is an open /proc/PID, -ESRCH if that has ended; else 0. */
int text_process_dir(const struct file *f);
bool name_number(const char *name, uint32_t len, uint64_t *n);      /* plain decimal */

#endif
