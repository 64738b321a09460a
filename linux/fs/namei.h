/* SPDX-License-Identifier: MIT */
/* linux/fs/namei.h - a walk under way: between namei.c and namei_link.c. */
#ifndef LINUX_FS_NAMEI_H
#define LINUX_FS_NAMEI_H

#include "linux/fs/fs.h"

#define LINK_LIMIT 40u

struct walk {
	struct lx_thread *t;
	struct path cur, root;
	uint32_t flags, links;
	char *buf;             /* heap: text after the first link, or NULL */
	uint64_t until;        /* the first of its dentries is trusted so long */
	bool jumped;           /* by a link without a text, to what may differ between threads */
	struct lookup hint;
};

/* One that began where the cache said has no root yet. */
void walk_want_root(struct walk *w);
/* cur's directory holds the link d, a reference that is given over.  The text still to go, *p to *end, becomes another.
   last: it is the path's last. */
long walk_follow_link(struct walk *w, struct dentry *d, const char **p, const char **end, bool last);
#endif
