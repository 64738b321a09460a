/* SPDX-License-Identifier: MIT */
/* linux/fs/tree.h - between tree_dk.c (walks and what they bring) and treeplan_dk.c (who walks). */
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
#endif
