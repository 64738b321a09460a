/* SPDX-License-Identifier: MIT */
/*
 * linux/fs/gather_dk.c - contents of small host files, fetched ahead for whole folders.
 *
 * Programs that walk trees (grep -r, tar, compilers) list a folder and then open its
 * files one after the other.  A trip to the monitor for each costs ten times what a host's
 * open does; so from the second small file of a listing on, an open asks for the
 * contents of it and of the files likely to be opened next, in one trip.  They hang on
 * the listing's entries until an open takes them.
 *
 * What is next: the listing's order, which is getdents's, as long as opens follow it;
 * otherwise the order of names, in which shells expand patterns, or of inode numbers, in
 * which cp reads: the one with fewer files between this open and the one before.  How many: a window of
 * WINDOW_MIN at first, which doubles while most of what came was used and shrinks when it
 * was not, down to 1, when nothing is gathered; after RETRY opens it is tried again.  A new
 * listing begins with half of what the one before has come to; and if that was much and
 * its first file is opened first, in either order, somebody walks a tree, and the first open
 * gathers already.
 *
 * Bounds: KEPT_MAX bytes in one listing, GATHERED_MAX in all.  Locks: listing.lock
 * guards what the entries have and the counts; it is never held over a trip.
 */
#include "linux/fs/fs.h"

#define WINDOW_MIN   4u
#define WINDOW_MAX   DK_CONTENTS_NAMES
#define WINDOW_WALK  16u
#define RETRY        16u
#define NEAR         16u          /* entries an open may skip and still be following the listing's order */
#define BY_NAME_MAX  4096u        /* entries of a listing that is looked through for the names or numbers that follow */
#define QUERY_ROOM   4096u        /* bytes of names in one request, beside a folder's URI of as much */
#define KEPT_MAX     (1u << 20)
#define GATHERED_MAX (8u << 20)

struct batch {
	uint32_t count;
	uint32_t names, bytes; /* of text asked with, of the answer expected */
	uint32_t index[WINDOW_MAX];
};

/* What to ask for, and what, if all is well, in the request after that: by the same rules, or it was read in vain. */
struct plan {
	struct batch part[2];
	uint32_t at, parts; /* the one that is filled; how many there are */
	uint32_t want;      /* files of a part at most */
};

/* NULL: not known. */
static const struct dk_attributes *attr_of(const struct listing_entry *e)
{
	return e->attr != NULL || e->got == NULL ? e->attr : &e->got->attr;
}

static bool is_small(const struct listing_entry *e)
{
	const struct dk_attributes *a = attr_of(e);

	return a != NULL && a->type == DK_TYPE_FILE && a->nlink != 0 && a->size <= DK_CONTENTS_FILE;
}

static void count_kept(struct listing *l, int64_t bytes)
{
	l->kept = (uint32_t)(l->kept + bytes);
	atomic_fetch_add_explicit(&vfs()->gathered, (uint64_t)bytes, memory_order_relaxed);
}

static struct gathered *take_out(struct listing *l, uint32_t k)
{
	struct gathered *g = l->sorted[k].got;

	if (g != NULL) {
		l->sorted[k].got = NULL;
		count_kept(l, -(int64_t)g->size);
	}
	return g;
}

void gather_drop(struct listing *l)
{
	if (!l->has_got)
		return;
	for (uint32_t k = 0; k < l->count; k++)
		arena_free(take_out(l, k));
}

/* ---- What to ask for ---- */

/* False: all is full. */
static bool add(const struct listing *l, struct plan *p, uint32_t k)
{
	const struct listing_entry *e = &l->sorted[k];
	uint32_t bytes = (uint32_t)(sizeof(struct dk_contents) + ALIGN_UP(attr_of(e)->size, 8)), names = e->name_len + 1u;

	for (; p->at < p->parts; p->at++) {
		struct batch *b = &p->part[p->at];

		if (b->count == p->want || b->names + names > QUERY_ROOM / p->parts || b->bytes + bytes > DK_CONTENTS_ROOM)
			continue;
		b->index[b->count++] = k;
		b->names += names;
		b->bytes += bytes;
		return true;
	}
	return false;
}

static void add_in_order(const struct listing *l, struct plan *p, uint32_t k)
{
	while (++k < l->count)
		if (is_small(&l->sorted[k]) && l->sorted[k].got == NULL && !add(l, p, k))
			return;
}

typedef int compare_fn(const struct listing_entry *a, const struct listing_entry *b);

static int by_name(const struct listing_entry *a, const struct listing_entry *b)
{
	int c = memcmp(a->name, b->name, MIN(a->name_len, b->name_len));

	return c != 0 ? c : a->name_len - b->name_len;
}

static int by_inode(const struct listing_entry *a, const struct listing_entry *b)
{
	return (a->inode > b->inode) - (a->inode < b->inode);
}

/* Those behind k in that order, nearest first: insertion into a short sorted list. */
static void add_sorted(const struct listing *l, struct plan *p, uint32_t k, compare_fn *compare)
{
	uint32_t best[2 * WINDOW_MAX], n = 0, most = p->want * p->parts - 1;

	for (uint32_t i = 0; i < l->count; i++) {
		const struct listing_entry *e = &l->sorted[i];
		uint32_t at = n;

		if (!is_small(e) || l->sorted[i].got != NULL || compare(e, &l->sorted[k]) <= 0)
			continue;
		while (at > 0 && compare(e, &l->sorted[best[at - 1]]) < 0)
			at--;
		if (at == most)
			continue;
		n = MIN(n + 1, most);
		for (uint32_t m = n - 1; m > at; m--)
			best[m] = best[m - 1];
		best[at] = i;
	}
	for (uint32_t i = 0; i < n; i++)
		if (!add(l, p, best[i]))
			return;
}

/* How many files to ask for now, from how the ones before were used. */
static uint32_t next_window(struct listing *l, bool first)
{
	struct vfs *v = vfs();

	if (l->window == 0) { /* the listing's first time */
		l->window = MAX(WINDOW_MIN, first ? v->gather_window : v->gather_window / 2);
	} else if (l->window == 1) {
		if (++l->plain >= RETRY)
			l->window = WINDOW_MIN;
	} else if (l->came != 0 && l->used_got * 4 >= l->came * 3) {
		l->window = MIN(l->window * 2, WINDOW_MAX);
	} else if (l->used_got * 2 < l->came) {
		l->window = l->window > WINDOW_MIN ? l->window / 2 : 1;
	}
	v->gather_window = l->window;
	if (l->kept >= KEPT_MAX || atomic_load_explicit(&v->gathered, memory_order_relaxed) >= GATHERED_MAX)
		return 1;
	return l->window;
}

/* In which order the files behind k are likely to be opened. */
enum order { ORDER_NONE, ORDER_LISTED, ORDER_NAMES, ORDER_INODES };

/* k is the first that is opened: is it what a walk through all of a tree opens first? */
static enum order first_order(const struct listing *l, uint32_t k)
{
	bool listed = true, named = true, numbered = true;

	if (vfs()->gather_window < WINDOW_WALK || l->count > BY_NAME_MAX)
		return k < NEAR && vfs()->gather_window >= WINDOW_WALK ? ORDER_LISTED : ORDER_NONE;
	for (uint32_t i = 0; i < l->count && (listed || named || numbered); i++) {
		if (i == k || !is_small(&l->sorted[i]))
			continue;
		listed = listed && i > k;
		named = named && by_name(&l->sorted[i], &l->sorted[k]) > 0;
		numbered = numbered && by_inode(&l->sorted[i], &l->sorted[k]) > 0;
	}
	return listed ? ORDER_LISTED : named ? ORDER_NAMES : numbered ? ORDER_INODES : k < NEAR ? ORDER_LISTED : ORDER_NONE;
}

/* How many files lie between two in that order; all if it is the other way round. */
static uint32_t between(const struct listing *l, uint32_t a, uint32_t b, compare_fn *compare)
{
	uint32_t n = 0;

	if (compare(&l->sorted[a], &l->sorted[b]) >= 0)
		return l->count;
	for (uint32_t i = 0; i < l->count; i++)
		n += is_small(&l->sorted[i]) && compare(&l->sorted[a], &l->sorted[i]) < 0 && compare(&l->sorted[i], &l->sorted[b]) < 0;
	return n;
}

static enum order order_of(const struct listing *l, uint32_t k, uint32_t last)
{
	if (last == UINT32_MAX)
		return first_order(l, k);
	if ((k > last && k - last <= NEAR) || l->count > BY_NAME_MAX)
		return ORDER_LISTED;
	return between(l, last, k, by_inode) < between(l, last, k, by_name) ? ORDER_INODES : ORDER_NAMES;
}

/* An open of entry k found nothing: what to fetch, or nothing.  last: the entry opened before, or UINT32_MAX. */
static void make_plan(struct listing *l, struct plan *p, uint32_t k, uint32_t last)
{
	enum order order = order_of(l, k, last);

	p->want = order != ORDER_NONE ? next_window(l, last == UINT32_MAX) : 0;
	if (p->want < 2)
		return;
	p->parts = p->want == WINDOW_MAX ? 2 : 1;
	(void)add(l, p, k);
	if (order == ORDER_LISTED)
		add_in_order(l, p, k);
	else
		add_sorted(l, p, k, order == ORDER_NAMES ? by_name : by_inode);
	l->plain = l->used_got = l->came = 0;
	if (p->part[0].count == 1)
		p->part[0].count = 0; /* alone it is better opened */
	if (p->part[1].count < WINDOW_MIN)
		p->part[1].count = p->part[1].names = 0;
}

/* ---- Asking ---- */

static char *put_names(char *to, const struct listing *l, const struct batch *b)
{
	for (uint32_t i = 0; i < b->count; i++) {
		const struct listing_entry *e = &l->sorted[b->index[i]];

		memcpy(to, e->name, e->name_len);
		to += e->name_len;
		*to++ = '/';
	}
	return to;
}

static char *query_uri(const struct listing *l, const struct plan *p, const char *dir_uri)
{
	char *names = heap_alloc_dirty(p->part[0].names + p->part[1].names + 1), *end, *uri;

	if (names == NULL)
		return NULL;
	end = put_names(names, l, &p->part[0]);
	if (p->part[1].count != 0) {
		*end++ = '/';
		end = put_names(end, l, &p->part[1]);
	}
	end[-1] = '\0';
	uri = uri_with_query(dir_uri, names);
	heap_free(names);
	return uri;
}

/* The record's contents if they are those of the file that the listing means. */
static struct gathered *from_record(const struct dk_contents *c, const struct listing_entry *e)
{
	struct gathered *g;

	if (c->status != DK_OK || !c->complete || c->attr.type != DK_TYPE_FILE || c->attr.inode != e->inode ||
		(e->attr != NULL && c->attr.device != e->attr->device))
		return NULL;
	g = arena_alloc(sizeof *g + c->data_len);
	if (g == NULL)
		return NULL;
	g->attr = c->attr;
	g->when = c->when_ns;
	g->size = c->data_len;
	memcpy(g->data, c + 1, c->data_len);
	return g;
}

void gather_put(struct listing *l, uint32_t k, struct gathered *g)
{
	struct gathered *old;

	lock_take(&l->lock);
	old = take_out(l, k);
	l->sorted[k].got = g;
	l->has_got = true;
	count_kept(l, g->size);
	lock_drop(&l->lock);
	arena_free(old);
}

/* Deals out the answer; the first record is for who asks. */
static struct gathered *deal(struct listing *l, const struct batch *b, const char *buf, uint64_t size)
{
	struct gathered *first = NULL;
	uint64_t at = 0;
	uint32_t i;

	for (i = 0; i < b->count && size - at >= sizeof(struct dk_contents); i++) {
		const struct dk_contents *c = (const void *)(buf + at);
		struct gathered *g;

		if (c->size < sizeof *c || c->size > size - at || c->data_len > c->size - sizeof *c)
			break; /* nonsense from below: what was good counts */
		g = from_record(c, &l->sorted[b->index[i]]);
		if (i == 0)
			first = g;
		else if (g != NULL)
			gather_put(l, b->index[i], g);
		at += c->size;
	}
	l->came = i != 0 ? i - 1 : 0; /* a hint: no lock */
	return first;
}

static struct gathered *fetch(struct listing *l, const struct plan *p, const char *dir_uri)
{
	char *uri = query_uri(l, p, dir_uri), *buf = heap_alloc_dirty(DK_CONTENTS_ROOM);
	uint64_t size;
	struct gathered *first = NULL;

	if (uri != NULL && buf != NULL && DkStreamAttributesQuery(uri, DK_ATTR_CONTENTS, buf, DK_CONTENTS_ROOM, &size) == DK_OK)
		first = deal(l, &p->part[0], buf, MIN(size, DK_CONTENTS_ROOM));
	heap_free(buf);
	heap_free(uri);
	if (first == NULL && l->came == 0)
		l->window = 1; /* it does not work here */
	return first;
}

/* Nothing usable is there for entry k: it is fetched, with others, or NULL. */
static NOINLINE struct gathered *gather(struct listing *l, const char *dir_uri, uint32_t k, uint32_t last)
{
	struct plan p = { 0 };

	lock_take(&l->lock);
	make_plan(l, &p, k, last);
	lock_drop(&l->lock);
	return p.part[0].count != 0 ? fetch(l, &p, dir_uri) : NULL;
}

struct gathered *gather_take(struct listing *l, const char *dir_uri, const char *name, uint32_t len, uint64_t trust)
{
	uint64_t now = pico_now_coarse();
	uint32_t k = listing_index(l, name, len), last;
	struct gathered *g = NULL;
	bool early;

	if (k == UINT32_MAX || l->until <= now || strlen(dir_uri) > QUERY_ROOM)
		return NULL;
	l->opened++;
	tree_counts(l, true);
	lock_take(&l->lock);
	if (!is_small(&l->sorted[k])) {
		lock_drop(&l->lock);
		return NULL;
	}
	last = l->last;
	l->last = k;
	if (l->sorted[k].got != NULL && !l->sorted[k].got->no_data)
		g = take_out(l, k);
	if (g != NULL && g->when + trust > now) {
		l->used_got++;
		lock_drop(&l->lock);
		return g;
	}
	early = g != NULL && l->partial;
	if (early)
		l->until = 0; /* it was read too early: again, with attributes, and then contents as they are wanted */
	lock_drop(&l->lock);
	arena_free(g);
	if (!early)
		return gather(l, dir_uri, k, last);
	tree_late();
	return NULL;
}
