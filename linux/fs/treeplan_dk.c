/* SPDX-License-Identifier: MIT */
/*
 * linux/fs/treeplan_dk.c - who walks a tree of host folders: in which order, from where, and for what.
 *
 * The listings that folders have tell: which subfolder was listed last, how many files were
 * looked up and opened.  All of that are hints, read and written without a lock.
 */
#include "linux/fs/hostfs.h"
#include "linux/fs/mem.h"
#include "linux/fs/tree.h"

#define ORDERED_MAX 2048u       /* entries of a folder that is looked through for who walks it */

/* The believed listing of a folder of the host, a reference, or NULL. */
static struct listing *listing_in(struct inode *dir)
{
	struct mem_dir *d = dir->kind == INODE_MEM && IS_DIR(dir) ? __atomic_load_n(&mem(dir)->u.dir, __ATOMIC_ACQUIRE) : NULL;
	struct listing *l = NULL;

	if (d != NULL) {
		lock_take(&d->lock);
		l = d->listing;
		if (l != NULL)
			ref_get(&l->ref);
		lock_drop(&d->lock);
	} else if (dir->kind == INODE_HOST) {
		lock_take(&dir->lock);
		l = host(dir)->listing;
		if (l != NULL)
			ref_get(&l->ref);
		lock_drop(&dir->lock);
	}
	if (l != NULL && l->until <= pico_now_coarse()) {
		listing_put(l);
		l = NULL;
	}
	return l;
}

static int by_name(const struct listing_entry *a, const struct listing_entry *b)
{
	int c = memcmp(a->name, b->name, MIN(a->name_len, b->name_len));

	return c != 0 ? c : a->name_len - b->name_len;
}

/* In which order entry k is the first subfolder behind last (UINT32_MAX: of all), or 0. */
static char order_of(const struct listing *l, uint32_t k, uint32_t last)
{
	bool listed = true, named = true, numbered = true;
	const struct listing_entry *e = l->sorted, *after = last != UINT32_MAX ? &e[last] : NULL, *it = &e[k];

	if (l->count > ORDERED_MAX)
		return k > last || last == UINT32_MAX ? 'h' : 0;
	if (after != NULL) {
		listed = k > last;
		named = by_name(it, after) > 0;
		numbered = it->inode > after->inode;
	}
	for (uint32_t i = 0; i < l->count && (listed || named || numbered); i++) {
		if (i == k || i == last || e[i].type != DK_TYPE_DIR)
			continue;
		listed = listed && !(i < k && (after == NULL || i > last));
		named = named && !(by_name(&e[i], it) < 0 && (after == NULL || by_name(&e[i], after) > 0));
		numbered = numbered && !(e[i].inode < it->inode && (after == NULL || e[i].inode > after->inode));
	}
	return listed ? 'h' : named ? 'n' : numbered ? 'i' : 0;
}

/* What a walk that begins below l is for. */
static char what_of(const struct listing *l, uint32_t files)
{
	struct tree_cache *c = (&vfs()->tree);
	char what = 'n';

	if (files == 0)
		what = c->hint != 0 ? c->hint : 'a'; /* the first answer is a short one */
	else if (l->opened != 0 && l->opened * 4 >= files)
		what = 'c';
	else if (l->looked != 0 && l->looked * 4 >= files)
		what = 'a';
	return what == 'c' && c->slow_until > pico_now_coarse() ? 'a' : what;
}

/* Files before entry k in l: those a walker has seen when he comes to it. */
static uint32_t files_before(const struct listing *l, uint32_t k)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < k && n < 64; i++)
		n += l->sorted[i].type != DK_TYPE_DIR;
	return n;
}

/* The entry of d in its parent's listing, which becomes *l, a reference; UINT32_MAX and NULL: it is not in one. */
static uint32_t entry_of(struct dentry *up, struct dentry *d, struct listing **l)
{
	uint32_t k;

	*l = up != d ? listing_in(up->inode) : NULL;
	k = *l != NULL ? listing_index(*l, d->name, d->name_len) : UINT32_MAX;
	if (k == UINT32_MAX && *l != NULL) {
		listing_put(*l);
		*l = NULL;
	}
	return k;
}

/* The highest folder from which somebody came down to up by listings; takes over up. */
static struct dentry *highest(struct dentry *up)
{
	for (;;) {
		struct dentry *next = dentry_parent(up);
		struct listing *l;
		uint32_t k = entry_of(next, up, &l);
		bool down = l != NULL && l->last_dir == k && next->inode->kind == up->inode->kind;

		if (l != NULL)
			listing_put(l);
		if (!down) {
			dentry_put(next);
			return up;
		}
		dentry_put(up);
		up = next;
	}
}

/* Entry k of l is listed, too. */
static void mark(struct listing *l, uint32_t k)
{
	if (l->last_dir == UINT32_MAX)
		for (uint32_t i = 0; i < l->count; i++)
			l->unlisted += l->sorted[i].type == DK_TYPE_DIR;
	if (l->last_dir != k && l->unlisted != 0)
		l->unlisted--;
	l->last_dir = k;
}

bool tree_follows(struct dentry *dir, struct tree_plan *p)
{
	struct dentry *up = dentry_parent(dir);
	struct listing *l;
	uint32_t k = entry_of(up, dir, &l);

	p->order = 0;
	if (l != NULL && l->sorted[k].type == DK_TYPE_DIR && p->want) {
		p->order = order_of(l, k, l->last_dir);
		p->what = what_of(l, files_before(l, k));
	}
	if (l != NULL) {
		mark(l, k);
		listing_put(l);
	}
	if (p->order == 0) {
		dentry_put(up);
		return false;
	}
	p->root = highest(up);
	return true;
}
