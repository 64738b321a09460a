/* SPDX-License-Identifier: MIT */
/* linux/fs/tree.h - between tree_dk.c (walks), treecache_dk.c (what they bring) and treeplan_dk.c (who walks). */
#ifndef LINUX_FS_TREE_H
#define LINUX_FS_TREE_H

#include "linux/fs/fs.h"

struct tree_plan {
	struct dentry *root;
	char what, order;
	bool want;           /* false: only remember that it was listed */
};

/* dir is being listed.  True: it is where a walker would go, and *p says how; the root is a reference then. */
bool tree_follows(struct dentry *dir, struct tree_plan *p);

/* treecache_dk.c */
/* The listing of uri, a reference: out of the cache if take. */
struct listing *tree_get(const char *uri, uint64_t ino, bool take);
/* What an answer adds to: references. */
struct open_ends {
	struct listing *last;  /* whose files' records may follow */
	struct listing *parts; /* of a folder of which more comes, by next, newest first */
};
void tree_drop_parts(struct open_ends *e);
/* The records of an answer of w, which is that walk's slot's copy with its root. */
void tree_deal(const struct tree_walk *w, uint32_t walk, const char *buf, size_t size, struct open_ends *ends);
#endif
