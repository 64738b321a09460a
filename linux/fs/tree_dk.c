/* SPDX-License-Identifier: MIT */
/*
 * linux/fs/tree_dk.c - listings of host folders that come ahead, for who walks a tree.
 *
 * A trip to the monitor for each folder costs several times what the host needs to list
 * it.  So when a folder is listed that is the first of its parent's subfolders, or the one behind
 * the last that was listed, in some order, the monitor is asked for a walk (abi/tree.h): it
 * answers with many folders at a time, depth first, and reads the next answer while the guest works
 * on this one.  What came waits here, by the folders' URIs, until somebody lists or looks
 * up such a folder.
 *
 * What a walk brings is what its walker looks at: names, if he looks at no files
 * (find); attributes, if he does (ls -lR, du); contents of small files too, if he opens
 * them (grep -r, tar).  The first listings, which are not a walk's, tell, and later its own.
 *
 * Listings are believed as long as any, from when they were read on; those of -v folders only
 * if nothing was changed in the folder from inside since then, and no lock was taken.
 * An entry's attributes come from its own listing, its parent's says that it is still that folder.
 *
 * Bounds: TREE_SLOTS listings and TREE_BYTES, the oldest go; the monitor's of its own.
 * Locks: tree.lock guards all of struct tree_cache but what is called a hint; never held over a trip.
 */
#include "abi/tree.h"
#include "linux/fs/hostfs.h"
#include "linux/fs/mem.h"
#include "linux/fs/tree.h"

#define ANSWERS     3u          /* of a walk that goes elsewhere, before it is given up */
#define JUDGE       16u         /* files that tell what a walker looks at */
#define SLOW_NS     2000000000ull

static struct tree_cache *cache(void)
{
	return &vfs()->tree;
}

/* ---- Walks ---- */

/* The caller's walk, or UINT32_MAX. */
static uint32_t walk_of(uint32_t pid)
{
	for (uint32_t i = 0; i < TREE_WALKS; i++)
		if (cache()->walk[i].pid == pid)
			return i;
	return UINT32_MAX;
}

static uint32_t own_pid(void)
{
	return (uint32_t)lx_current()->proc->pid;
}

static bool is_below(const char *uri, const char *root)
{
	size_t n = strlen(root);

	return strncmp(uri, root, n) == 0 && (root[n - 1] == '/' || uri[n] == '/');
}

static struct open_ends take_ends_locked(struct tree_walk *w)
{
	struct open_ends e = { w->last, w->parts };

	w->last = w->parts = NULL;
	return e;
}

static void drop_ends(struct open_ends *e)
{
	tree_drop_parts(e);
	if (e->last != NULL)
		listing_put(e->last);
	e->last = NULL;
}

static void end_walk(uint32_t walk, uint64_t token)
{
	struct tree_walk *w = &cache()->walk[walk];
	struct open_ends ends = { 0 };
	char *root = NULL;

	lock_take(&cache()->lock);
	if (w->pid != 0 && w->token == token) {
		ends = take_ends_locked(w);
		root = w->root;
		*w = (struct tree_walk){ .pid = 0 };
	}
	lock_drop(&cache()->lock);
	arena_free(root);
	drop_ends(&ends);
}

/* What its walker looked at since the last answer says what the next one is to bring. */
static void judge_locked(struct tree_walk *w)
{
	struct tree_cache *c = cache();
	uint32_t files = w->files + w->current;
	char what = w->opened * 4 >= files ? 'c' : w->looked * 4 >= files ? 'a' : 'n';

	if (files < JUDGE || (w->files < JUDGE && what != 'c' && w->what != 'n'))
		return; /* in the folder listed last, more may be looked at yet */
	w->what = what;
	if (w->what == 'c' && c->slow_until > pico_now_coarse())
		w->what = 'a';
	c->hint = w->what;
	w->files = w->current = w->looked = w->opened = 0;
}

/* One answer: true if the walk goes on behind it. */
static bool answer(uint32_t walk, uint64_t token, const char *root, const char *query)
{
	char *uri = uri_with_query(root, query), *buf = heap_alloc_dirty(DK_TREE_ROOM);
	const struct dk_tree *d = (const void *)buf;
	struct tree_walk *w = &cache()->walk[walk], copy = { 0 };
	uint64_t size = 0;
	bool good = false;
	struct open_ends ends = { 0 };

	if (uri != NULL && buf != NULL)
		good = DkStreamAttributesQuery(uri, DK_ATTR_TREE, buf, DK_TREE_ROOM, &size) == DK_OK && size >= sizeof *d && size <= DK_TREE_ROOM;
	heap_free(uri);
	lock_take(&cache()->lock);
	good = good && w->pid != 0 && w->token == token;
	if (good) {
		ends = take_ends_locked(w);
		if (token == 0)
			w->token = d->token;
		token = w->token;
		copy = *w;
		copy.root = NULL;
	}
	lock_drop(&cache()->lock);
	if (good) {
		copy.root = (char *)root;
		tree_deal(&copy, walk, buf, size, &ends);
		lock_take(&cache()->lock);
		if (w->pid != 0 && w->token == token && w->last == NULL && w->parts == NULL) {
			w->last = ends.last;
			w->parts = ends.parts;
			ends = (struct open_ends){ 0 };
		}
		lock_drop(&cache()->lock);
		drop_ends(&ends);
	}
	if (!good || d->over)
		end_walk(walk, token);
	good = good && !d->over;
	heap_free(buf);
	return good;
}

/* The caller's walk through uri goes on by one answer; false: there is none, or it is over. */
static bool next_answer(const char *uri)
{
	static const char digits[] = "0123456789abcdef";
	char query[20], *root = NULL;
	struct tree_walk *w;
	uint64_t token = 0;
	uint32_t walk;
	bool on;

	lock_take(&cache()->lock);
	walk = walk_of(own_pid());
	w = walk != UINT32_MAX ? &cache()->walk[walk] : NULL;
	if (w != NULL && w->token != 0 && is_below(uri, w->root)) {
		size_t n = strlen(w->root) + 1;

		judge_locked(w);
		token = w->token;
		root = heap_alloc_dirty(n);
		if (root != NULL)
			memcpy(root, w->root, n);
		query[0] = w->what;
		query[1] = w->order;
		w->used = pico_now_coarse();
	}
	lock_drop(&cache()->lock);
	if (root == NULL)
		return false;
	query[2] = '+';
	for (unsigned i = 0; i < 16; i++)
		query[3 + i] = digits[token >> (60 - 4 * i) & 15];
	query[19] = '\0';
	on = answer(walk, token, root, query);
	heap_free(root);
	return on;
}

static char *uri_of(struct dentry *d)
{
	const char *lower = d->inode->kind == INODE_MEM ? mem(d->inode)->lower : NULL;
	char *uri;

	if (d->inode->kind == INODE_HOST)
		return host_uri(d, NULL, 0);
	if (lower == NULL)
		return NULL;
	uri = heap_alloc_dirty(strlen(lower) + 1);
	if (uri != NULL)
		memcpy(uri, lower, strlen(lower) + 1);
	return uri;
}

/* A slot for the caller's new walk, which is not to be had by others before it is answered. */
static uint32_t new_walk(const char *root, const struct tree_plan *p)
{
	struct tree_cache *c = cache();
	size_t n = strlen(root) + 1;
	char *copy = arena_alloc(n), *old;
	struct open_ends ends;
	uint32_t walk;

	if (copy == NULL)
		return UINT32_MAX;
	memcpy(copy, root, n);
	lock_take(&c->lock);
	walk = walk_of(own_pid());
	for (uint32_t i = 0; walk == UINT32_MAX && i < TREE_WALKS; i++)
		if (c->walk[i].pid == 0)
			walk = i;
	if (walk == UINT32_MAX) {
		walk = 0;
		for (uint32_t i = 1; i < TREE_WALKS; i++)
			if (c->walk[i].used < c->walk[walk].used)
				walk = i;
	}
	old = c->walk[walk].root;
	ends = take_ends_locked(&c->walk[walk]);
	c->walk[walk] = (struct tree_walk){ .pid = own_pid(), .what = p->what, .order = p->order, .root = copy, .used = pico_now_coarse(),
		.host = p->root->inode->kind == INODE_HOST };
	lock_drop(&c->lock);
	arena_free(old);
	drop_ends(&ends);
	return walk;
}

/* A walk begins at uri.  False: it cannot, or is over with its first answer. */
static bool begin(const struct tree_plan *p, const char *uri)
{
	char *root = uri_of(p->root), *query = NULL;
	uint32_t walk = UINT32_MAX;
	bool on = false;

	if (root != NULL && is_below(uri, root)) {
		const char *rest = uri + strlen(root);
		size_t n;

		rest += *rest == '/';
		n = strlen(rest) + 1;
		query = heap_alloc_dirty(n + 3);
		if (query != NULL) {
			query[0] = p->what;
			query[1] = p->order;
			query[2] = '/';
			memcpy(query + 3, rest, n);
			walk = new_walk(root, p);
		}
	}
	if (walk != UINT32_MAX)
		on = answer(walk, 0, root, query);
	heap_free(query);
	heap_free(root);
	return on;
}

/* ---- What is asked ---- */

/* The number that the folder is known by, or 0. */
static uint64_t ino_of(struct inode *i)
{
	return i->kind == INODE_HOST ? host(i)->ino : mem(i)->lower_ino;
}

static void count_listed(const struct listing *l)
{
	struct tree_walk *w = &cache()->walk[(l->walk - 1) % TREE_WALKS];

	/* Those of the folder before have been looked at by now, if they are. */
	w->files += w->current;
	w->current = 0;
	for (uint32_t i = 0; i < l->count && i < 64; i++)
		w->current += l->sorted[i].type != DK_TYPE_DIR;
}

void tree_counts(const struct listing *l, bool opened)
{
	struct tree_walk *w;

	if (l->walk == 0)
		return;
	w = &cache()->walk[(l->walk - 1) % TREE_WALKS];
	if (opened)
		w->opened++;
	else
		w->looked++;
}

void tree_late(void)
{
	cache()->slow_until = pico_now_coarse() + SLOW_NS;
}

bool tree_attr(const char *uri, uint64_t ino, struct dk_attributes *out)
{
	struct listing *l = tree_get(uri, ino, false);

	if (l == NULL && next_answer(uri))
		l = tree_get(uri, ino, false);
	if (l == NULL)
		return false;
	*out = l->self;
	listing_put(l);
	return true;
}

bool tree_more(const struct listing *l, const char *uri)
{
	uint32_t walk;
	bool follow;

	if (l->walk == 0)
		return false;
	lock_take(&cache()->lock);
	walk = walk_of(own_pid());
	follow = walk != UINT32_MAX && cache()->walk[walk].what == 'c' && cache()->walk[walk].last == l;
	lock_drop(&cache()->lock);
	return follow && next_answer(uri);
}

/* Did the caller's walk bring some of that folder, and will bring more? */
static bool has_part(const char *uri)
{
	uint32_t walk;
	bool has;

	lock_take(&cache()->lock);
	walk = walk_of(own_pid());
	has = walk != UINT32_MAX && cache()->walk[walk].parts != NULL && strcmp(cache()->walk[walk].parts->uri, uri) == 0;
	lock_drop(&cache()->lock);
	return has;
}

/* The folder's listing from what came ahead, or comes now; NULL: it is to be listed by itself. */
static struct listing *ahead(struct dentry *dir, const char *uri)
{
	uint64_t ino = ino_of(dir->inode);
	struct listing *l = tree_get(uri, ino, true);
	struct tree_plan p = { 0 };
	bool on = l == NULL;

	for (unsigned n = 0; l == NULL && on && n < ANSWERS; n += !has_part(uri)) {
		on = next_answer(uri);
		l = tree_get(uri, ino, true);
	}
	p.want = l == NULL;
	if (tree_follows(dir, &p)) {
		(void)begin(&p, uri);
		dentry_put(p.root);
		l = tree_get(uri, ino, true);
	}
	return l;
}

struct listing *tree_listing(struct dentry *dir, const char *uri, long *err)
{
	struct listing *l = ahead(dir, uri);

	*err = 0;
	if (l != NULL && !l->large) {
		count_listed(l);
		return l;
	}
	if (l != NULL)
		listing_put(l);
	return listing_fetch(uri, err);
}
