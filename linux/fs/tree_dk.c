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

#define TREE_BYTES  (6u << 20)
#define KEPT_MAX    (8u << 20)  /* of contents, with those of gather_dk.c */
#define PARTS_MAX   (32u << 20) /* bytes of names of one folder */
#define ANSWERS     3u          /* of a walk that goes elsewhere, before it is given up */
#define JUDGE       16u         /* files that tell what a walker looks at */
#define SLOW_NS     2000000000ull

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

/* The listing of uri, a reference: out of the cache if take. */
static struct listing *get(const char *uri, uint64_t ino, bool take)
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

static struct listing *from_names(const struct dk_tree_record *r, const char *entries, size_t size, size_t more, uint64_t when, char **end)
{
	char *text;
	struct listing *l = listing_new(r->count, size + more, when, &text);
	size_t at = 0;
	uint32_t n = 0;

	if (l == NULL)
		return NULL;
	memcpy(text, entries, size);
	for (; n < r->count && size - at >= sizeof(struct dk_tree_name); n++) {
		const struct dk_tree_name *e = (const void *)(text + at);

		if (e->size < offsetof(struct dk_tree_name, name) + e->name_len || e->size > size - at || e->size % 8 != 0)
			break;
		l->sorted[n] = (struct listing_entry){ .hash = e->hash, .inode = e->inode, .name = e->name, .name_len = e->name_len, .type = e->type };
		at += e->size;
	}
	l->count = n;
	l->partial = true;
	*end = text + size;
	return l;
}

static struct listing *from_dirents(const struct dk_tree_record *r, const char *entries, size_t size, size_t more, uint64_t when, char **end)
{
	char *text;
	struct listing *l = listing_new(r->count, size + more, when, &text);
	size_t at = 0;
	uint32_t n = 0;

	if (l == NULL)
		return NULL;
	memcpy(text, entries, size);
	for (; n < r->count && size - at >= sizeof(struct dk_dirent); n++) {
		const struct dk_dirent *e = (const void *)(text + at);

		if (e->size < sizeof *e + e->name_len || e->size > size - at || e->size % 8 != 0)
			break;
		l->sorted[n] = (struct listing_entry){ .hash = dk_name_hash(e->name, e->name_len), .inode = e->attr.inode, .name = e->name,
			.attr = &e->attr, .name_len = (uint16_t)e->name_len, .type = (uint8_t)e->attr.type };
		at += e->size;
	}
	l->count = n;
	*end = text + size;
	return l;
}

/* What an answer adds to: references. */
struct open_ends {
	struct listing *last;  /* whose files' records may follow */
	struct listing *parts; /* of a folder of which more comes, by next, newest first */
};

static void drop_parts(struct open_ends *e)
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
	uint32_t kind = r->kind & ~DK_TREE_MORE;
	struct listing *l;
	char *uri;

	if (ends->last != NULL)
		listing_put(ends->last);
	ends->last = NULL;
	if (r->count > r->size / sizeof(struct dk_tree_name))
		return;
	if (kind == DK_TREE_DIRENTS)
		l = from_dirents(r, entries, r->size - head, room, when, &uri);
	else
		l = from_names(r, entries, r->size - head, room, when, &uri);
	if (l == NULL)
		return;
	name_folder(l, uri, w->root, r, room);
	if (ends->parts != NULL && strcmp(ends->parts->uri, uri) != 0)
		drop_parts(ends); /* the rest of it did not come */
	if (r->kind & DK_TREE_MORE || ends->parts != NULL) {
		l->next = ends->parts;
		ends->parts = l;
		if (r->kind & DK_TREE_MORE)
			return;
		l = merge(ends->parts, room, &uri);
		if (l != NULL)
			name_folder(l, uri, w->root, r, room);
		drop_parts(ends);
	}
	if (l == NULL)
		return;
	listing_sort(l);
	l->self = r->attr;
	l->walk = walk + 1;
	l->host = w->host;
	l->large = kind == DK_TREE_LARGE;
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

static void deal(const struct tree_walk *w, uint32_t walk, const char *buf, size_t size, struct open_ends *ends)
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
	drop_parts(e);
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

	if (w->files < JUDGE)
		return;
	w->what = w->opened * 4 >= w->files ? 'c' : w->looked * 4 >= w->files ? 'a' : 'n';
	if (w->what == 'c' && c->slow_until > pico_now_coarse())
		w->what = 'a';
	c->hint = w->what;
	w->files = w->looked = w->opened = 0;
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
		deal(&copy, walk, buf, size, &ends);
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
	struct listing *l = get(uri, ino, false);

	if (l == NULL && next_answer(uri))
		l = get(uri, ino, false);
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
	struct listing *l = get(uri, ino, true);
	struct tree_plan p = { 0 };
	bool on = l == NULL;

	for (unsigned n = 0; l == NULL && on && n < ANSWERS; n += !has_part(uri)) {
		on = next_answer(uri);
		l = get(uri, ino, true);
	}
	p.want = l == NULL;
	if (tree_follows(dir, &p)) {
		(void)begin(&p, uri);
		dentry_put(p.root);
		l = get(uri, ino, true);
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
