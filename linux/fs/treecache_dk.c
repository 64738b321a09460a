/* SPDX-License-Identifier: MIT */
/*
 * linux/fs/treecache_dk.c - listings that came ahead: the cache of them, and how an answer's records become
 * such listings.  See tree_dk.c.
 */
#include "abi/tree.h"
#include "linux/fs/hostfs.h"
#include "linux/fs/tree.h"

#define TREE_BYTES  (6u << 20)
#define KEPT_MAX    (8u << 20)  /* of contents, with those of gather_dk.c */
#define PARTS_MAX   (32u << 20) /* bytes of names of one folder */

static struct tree_cache *cache(void)
{
	return &vfs()->tree;
}

static uint32_t bucket_of(const char *uri)
{
	return (uint32_t)(dk_name_hash(uri, (uint32_t)strlen(uri)) % TREE_BUCKETS);
}

/* ---- The cache ---- */

static struct listing *find_locked(const char *uri)
{
	for (struct listing *l = cache()->bucket[bucket_of(uri)]; l != NULL; l = l->next)
		if (strcmp(l->uri, uri) == 0)
			return l;
	return NULL;
}

/* Out of the cache; its reference is the caller's. */
static void unlink_locked(struct listing *l)
{
	struct tree_cache *c = cache();
	struct listing **p = &c->bucket[bucket_of(l->uri)];

	while (*p != l)
		p = &(*p)->next;
	*p = l->next;
	l->next = NULL;
	c->slot[l->slot % TREE_SLOTS] = NULL;
	c->bytes -= l->bytes;
}

/* The oldest, if there is no room for one more; its reference is the caller's. */
static struct listing *oldest_locked(void)
{
	struct tree_cache *c = cache();
	struct listing *l;

	while (c->first != c->next && c->slot[c->first % TREE_SLOTS] == NULL)
		c->first++;
	if (c->first == c->next || (c->next - c->first < TREE_SLOTS && c->bytes <= TREE_BYTES))
		return NULL;
	l = c->slot[c->first++ % TREE_SLOTS];
	unlink_locked(l);
	return l;
}

static void enter(struct listing *l)
{
	struct tree_cache *c = cache();
	struct listing *old, *gone = NULL;

	ref_get(&l->ref);
	lock_take(&c->lock);
	old = find_locked(l->uri);
	if (old != NULL) {
		unlink_locked(old);
		old->next = gone;
		gone = old;
	}
	while ((old = oldest_locked()) != NULL) {
		old->next = gone;
		gone = old;
	}
	l->slot = c->next++;
	c->slot[l->slot % TREE_SLOTS] = l;
	c->bytes += l->bytes;
	l->next = c->bucket[bucket_of(l->uri)];
	c->bucket[bucket_of(l->uri)] = l;
	lock_drop(&c->lock);
	while (gone != NULL) {
		old = gone->next;
		gone->next = NULL;
		listing_put(gone);
		gone = old;
	}
}

/* May it be believed that the folder of this number is as l says? */
static bool is_true(const struct listing *l, uint64_t ino, uint64_t now)
{
	if (l->until <= now || (ino != 0 && ino != l->self.inode))
		return false;
	return !l->host || (host_believed(l->until, now) && host_unwritten(l->self.device, l->self.inode, l->when));
}

struct listing *tree_get(const char *uri, uint64_t ino, bool take)
{
	uint64_t now = pico_now_coarse();
	struct listing *l, *gone = NULL;

	lock_take(&cache()->lock);
	l = find_locked(uri);
	if (l != NULL && !is_true(l, ino, now)) {
		unlink_locked(l);
		gone = l;
		l = NULL;
	} else if (l != NULL && take) {
		unlink_locked(l);
	} else if (l != NULL) {
		ref_get(&l->ref);
	}
	lock_drop(&cache()->lock);
	if (gone != NULL)
		listing_put(gone);
	return l;
}

/* ---- An answer's records ---- */

/* Fills e from the entry at p, of which left bytes are there; its size, or 0 if it is none. */
static size_t name_entry(const char *p, size_t left, struct listing_entry *e)
{
	const struct dk_tree_name *n = (const void *)p;

	if (left < sizeof *n || n->size < offsetof(struct dk_tree_name, name) + n->name_len || n->size > left || n->size % 8 != 0)
		return 0;
	*e = (struct listing_entry){ .hash = n->hash, .inode = n->inode, .name = n->name, .name_len = n->name_len, .type = n->type };
	return n->size;
}

static size_t dirent_entry(const char *p, size_t left, struct listing_entry *e)
{
	const struct dk_dirent *n = (const void *)p;

	if (left < sizeof *n || n->size < sizeof *n + n->name_len + n->text_len || n->size > left || n->size % 8 != 0)
		return 0;
	*e = (struct listing_entry){ .hash = dk_name_hash(n->name, n->name_len), .inode = n->attr.inode, .name = n->name, .attr = &n->attr,
		.name_len = (uint16_t)n->name_len, .type = (uint8_t)n->attr.type };
	return n->size;
}

/* Entries up to the first that is none; *end: behind the text, where more bytes of room are. */
static struct listing *from_entries(const struct dk_tree_record *r, const char *entries, size_t size, size_t more, uint64_t when, char **end)
{
	bool names = (r->kind & ~DK_TREE_MORE) != DK_TREE_DIRENTS; /* of LARGE there are none */
	char *text;
	struct listing *l = listing_new(r->count, size + more, when, &text);
	size_t at = 0, step;
	uint32_t n = 0;

	if (l == NULL)
		return NULL;
	memcpy(text, entries, size);
	for (; n < r->count; n++, at += step) {
		step = names ? name_entry(text + at, size - at, &l->sorted[n]) : dirent_entry(text + at, size - at, &l->sorted[n]);
		if (step == 0)
			break;
	}
	l->count = n;
	l->partial = names;
	*end = text + size;
	return l;
}

void tree_drop_parts(struct open_ends *e)
{
	while (e->parts != NULL) {
		struct listing *l = e->parts;

		e->parts = l->next;
		l->next = NULL;
		listing_put(l);
	}
}

static char *text_of(struct listing *l)
{
	return (char *)l + l->bytes - l->text_size;
}

/* One listing of all the parts, whose entries follow each other; room bytes more behind them. */
static struct listing *merge(struct listing *parts, size_t room, char **end)
{
	uint32_t count = 0;
	size_t size = 0;
	struct listing *all;
	char *text;

	for (struct listing *l = parts; l != NULL; l = l->next) {
		count += l->count;
		size += l->text_size;
	}
	all = size <= PARTS_MAX ? listing_new(count, size + room, parts->when, &text) : NULL;
	if (all == NULL)
		return NULL;
	*end = text + size;
	for (struct listing *l = parts; l != NULL; l = l->next) {
		count -= l->count;
		size -= l->text_size;
		memcpy(text + size, text_of(l), l->text_size);
		for (uint32_t i = 0; i < l->count; i++) {
			struct listing_entry *e = &all->sorted[count + i];

			*e = l->sorted[i];
			e->name = text + size + (e->name - text_of(l));
			if (e->attr != NULL)
				e->attr = (const void *)(text + size + ((const char *)e->attr - text_of(l)));
		}
		all->partial = all->partial || l->partial;
		all->when = MIN(all->when, l->when);
	}
	all->until = all->when + TRUST_NS;
	return all;
}

/* uri is its place in l. */
static void name_folder(struct listing *l, char *uri, const char *root, const struct dk_tree_record *r, size_t room)
{
	str_copy(uri, root, room);
	uri_append_name(uri, room, r->text, r->text_len);
	l->uri = uri;
}

/* A folder's record: its listing, or a part of it. */
static void take_folder(const struct tree_walk *w, uint32_t walk, const struct dk_tree_record *r, uint64_t when, struct open_ends *ends)
{
	size_t head = sizeof *r + ALIGN_UP(r->text_len + 1u, 8u), room = strlen(w->root) + r->text_len + 2;
	const char *entries = (const char *)r + head;
	struct listing *l;
	char *uri;

	if (ends->last != NULL)
		listing_put(ends->last);
	ends->last = NULL;
	if (r->count > r->size / sizeof(struct dk_tree_name))
		return;
	l = from_entries(r, entries, r->size - head, room, when, &uri);
	if (l == NULL)
		return;
	name_folder(l, uri, w->root, r, room);
	if (ends->parts != NULL && strcmp(ends->parts->uri, uri) != 0)
		tree_drop_parts(ends); /* the rest of it did not come */
	if (r->kind & DK_TREE_MORE || ends->parts != NULL) {
		l->next = ends->parts;
		ends->parts = l;
		if (r->kind & DK_TREE_MORE)
			return;
		l = merge(ends->parts, room, &uri);
		if (l != NULL)
			name_folder(l, uri, w->root, r, room);
		tree_drop_parts(ends);
	}
	if (l == NULL)
		return;
	listing_sort(l);
	l->self = r->attr;
	l->walk = walk + 1;
	l->host = w->host;
	l->large = (r->kind & ~DK_TREE_MORE) == DK_TREE_LARGE;
	enter(l);
	ends->last = l;
}

static void take_file(struct listing *l, const struct dk_tree_record *r, uint64_t when)
{
	size_t head = sizeof *r + ALIGN_UP(r->text_len + 1u, 8u);
	uint32_t k = listing_index(l, r->text, r->text_len), size = r->kind == DK_TREE_FILE ? r->count : 0;
	struct gathered *g;

	if (k == UINT32_MAX || l->sorted[k].inode != r->attr.inode || size > r->size - head ||
		atomic_load_explicit(&vfs()->gathered, memory_order_relaxed) >= KEPT_MAX)
		return;
	g = arena_alloc(sizeof *g + size);
	if (g == NULL)
		return;
	g->attr = r->attr;
	g->when = when;
	g->size = size;
	g->no_data = r->kind != DK_TREE_FILE;
	memcpy(g->data, (const char *)r + head, size);
	gather_put(l, k, g);
}

void tree_deal(const struct tree_walk *w, uint32_t walk, const char *buf, size_t size, struct open_ends *ends)
{
	const struct dk_tree *d = (const void *)buf;
	size_t at = sizeof *d;
	uint64_t when = MIN(d->when_ns, pico_now_coarse());

	while (size - at >= sizeof(struct dk_tree_record)) {
		const struct dk_tree_record *r = (const void *)(buf + at);

		if (r->size < sizeof *r || r->size > size - at || r->size % 8 != 0 || r->text_len >= r->size - sizeof *r)
			break; /* nonsense from below: what was good counts */
		at += r->size;
		if (r->kind != DK_TREE_STAT && r->kind != DK_TREE_FILE)
			take_folder(w, walk, r, when, ends);
		else if (ends->last != NULL)
			take_file(ends->last, r, when);
	}
}
