/* SPDX-License-Identifier: MIT */
/*
 * linux/fs/dentry.c - the cache of names: what a directory's look-ups answered.
 *
 * A dentry says "in this directory, this name is that inode" or, without an inode,
 * "there is no such name".  parent, name and inode never change, but for a
 * rename, which moves the dentry (dcache.tree guards parent and name then); a name
 * that gets another inode gets another dentry.  So whoever holds a reference
 * may use d->inode without a lock.
 *
 * The hash holds one reference on each of its dentries.  It is a cache only: file
 * systems keep their own names, so anything unused may go.  A clock hand takes
 * what was not used since its last round, when there are more than dcache.limit.
 *
 * Entries are found by the directory's inode, not by its dentry: while a directory is
 * renamed, a look-up may make a second dentry for it, and what one of the two knows
 * of its names must not differ from what the other does.
 *
 * A look-up races with changes of its directory.  Changes are made in the file
 * system first, then count dir->dirgen up, then drop the old dentry; a look-up
 * reads dirgen before it asks and enters its answer only if that is unchanged,
 * under the bucket's lock.  Either the answer is not entered or the drop finds it.
 * Of two look-ups at once the first one's answer stands, so that a name has one inode.
 * A change that enters a dentry itself (create, rename) enters it and then asks the file
 * system once more; a removal is made in the file system first and then drops whatever
 * the cache has under that name.  So a name that came and went at once is not left behind.
 */
#include "linux/fs/fs.h"

static struct dcache *dcache(void)
{
	return &vfs()->dcache;
}

void dcache_boot(void)
{
	struct dcache *dc = dcache();

	lock_init(&dc->tree, LOCK_DCACHE);
	for (unsigned i = 0; i < DCACHE_LOCKS; i++)
		lock_init(&dc->lock[i], LOCK_DCACHE), dc->part[i].buckets = DCACHE_FIRST;
	dc->most = DCACHE_FIRST;
	dc->limit = (uint32_t)MAX(MIN(arena_root()->limit_pages / 4, 40000ul), 1000ul); /* at most about a twentieth of the memory */
}

uint32_t name_hash(const char *name, uint32_t len)
{
	uint32_t h = len;

	for (uint32_t i = 0; i < len; i++)
		h = (h ^ (uint8_t)name[i]) * 0x9e3779b1u;
	return h ^ h >> 15;
}

/* Whose remainder says which lock, and the rest which of that lock's buckets. */
static uint32_t place_of(const struct dentry *parent, uint32_t hash)
{
	uint64_t p = (uint64_t)parent->inode >> 4;

	return hash ^ (uint32_t)(p * 0x9e3779b97f4a7c15ull >> 32);
}

static LOCK(DCACHE) *place_lock(uint32_t place)
{
	return &dcache()->lock[place % DCACHE_LOCKS];
}

static struct dcache_part *place_part(uint32_t place)
{
	return &dcache()->part[place % DCACHE_LOCKS];
}

/* The place's bucket; its lock is held. */
static struct list *bucket_locked(uint32_t place)
{
	uint32_t k = place / DCACHE_LOCKS & (place_part(place)->buckets - 1);
	struct list *l = &dcache()->bucket[k * DCACHE_LOCKS + place % DCACHE_LOCKS];

	if (UNLIKELY(l->next == NULL))
		list_init(l);
	return l;
}

/* The place's lock, which is held, gets twice as many buckets. */
static NOINLINE void double_locked(uint32_t place)
{
	struct dcache_part *part = place_part(place);
	uint32_t old = part->buckets, most = atomic_load(&dcache()->most);

	part->buckets = old * 2;
	for (uint32_t k = 0; k < old; k++) {
		struct list *l = &dcache()->bucket[k * DCACHE_LOCKS + place % DCACHE_LOCKS];

		if (l->next == NULL)
			continue;
		LIST_FOR_SAFE(d, n, l, struct dentry, hash) {
			uint32_t at = place_of(d->parent, d->name_hash);

			if ((at / DCACHE_LOCKS & old) == 0)
				continue;
			list_remove(&d->hash);
			list_insert(bucket_locked(at), &d->hash);
		}
	}
	while (most < part->buckets && !atomic_compare_exchange_weak(&dcache()->most, &most, part->buckets))
		;
}

struct dentry *dentry_new(struct dentry *parent, const char *name, uint32_t len, struct inode *i)
{
	struct dentry *d = arena_alloc(sizeof *d + len + 1);

	if (d == NULL)
		return NULL;
	ref_init(&d->ref);
	list_init(&d->hash);
	d->parent = parent != NULL ? parent : d;
	if (parent != NULL)
		dentry_get(parent);
	d->inode = i;
	d->name = (char *)(d + 1);
	memcpy(d->name, name, len);
	d->name_len = len;
	d->name_hash = name_hash(name, len);
	d->valid_until = UINT64_MAX;
	return d;
}

/* The last reference is gone.  Frees d, and parents that have no other user: a loop, not a recursion. */
static NOINLINE void dentry_free(struct dentry *d)
{
	while (d != NULL) {
		struct dentry *parent = d->parent;

		if (d->flags & D_FILE)
			file_put((struct file *)d->priv[0]);
		if (d->inode != NULL)
			inode_put(d->inode);
		if (d->flags & D_OWN_NAME)
			arena_free(d->name);
		if (parent == d || !ref_put(&parent->ref))
			parent = NULL;
		arena_free(d);
		d = parent;
	}
}

void dentry_put(struct dentry *d)
{
	if (ref_put(&d->ref))
		dentry_free(d);
}

static struct dentry *find_locked(uint32_t b, const struct dentry *parent, const char *name, uint32_t len, uint32_t hash)
{
	LIST_FOR(d, bucket_locked(b), struct dentry, hash)
		if (d->name_hash == hash && d->parent->inode == parent->inode && d->name_len == len && memcmp(d->name, name, len) == 0)
			return d;
	return NULL;
}

struct dentry *dentry_find(struct dentry *parent, const char *name, uint32_t len)
{
	uint32_t hash = name_hash(name, len), b = place_of(parent, hash);
	LOCK(DCACHE) *l = place_lock(b);
	struct dentry *d;

	lock_take(l);
	d = find_locked(b, parent, name, len, hash);
	if (d != NULL) {
		dentry_get(d);
		if (!(d->flags & D_REFERENCED))
			d->flags |= D_REFERENCED;
	}
	lock_drop(l);
	return d;
}

/* Takes d out of its bucket, whose lock is held; the caller owns the hash's reference then. */
static void unhash_locked(uint32_t b, struct dentry *d)
{
	list_remove(&d->hash);
	d->flags &= ~D_HASHED;
	place_part(b)->count--;
	atomic_fetch_sub_explicit(&dcache()->count, 1, memory_order_relaxed);
}

/* Collects what can go from bucket b into out: nobody uses it, and nobody did lately. */
static void shrink_bucket(uint32_t b, struct list *out)
{
	LOCK(DCACHE) *l = place_lock(b);
	struct list *bucket = &dcache()->bucket[b];

	if (bucket->next == NULL)
		return;
	lock_take(l);
	LIST_FOR_SAFE(d, n, bucket, struct dentry, hash) {
		uint32_t one = 1;

		if (d->flags & D_REFERENCED) {
			d->flags &= ~D_REFERENCED;
			continue;
		}
		if (d->mounted != 0 || !atomic_compare_exchange_strong(&d->ref.count, &one, 0))
			continue;
		unhash_locked(b, d);
		list_append(out, &d->hash);
	}
	lock_drop(l);
}

static NOINLINE void shrink(void)
{
	struct dcache *dc = dcache();
	struct list *out = heap_alloc(sizeof *out);
	uint32_t buckets;

	if (out == NULL)
		return;
	list_init(out);
	buckets = atomic_load(&dc->most) * DCACHE_LOCKS;
	for (unsigned n = 0; n < 2 * buckets && atomic_load(&dc->count) > dc->limit - dc->limit / 8; n++)
		shrink_bucket(atomic_fetch_add(&dc->hand, 1) % buckets, out);
	while (!list_empty(out)) {
		struct dentry *d = LIST_FIRST(out, struct dentry, hash);

		list_remove(&d->hash);
		dentry_free(d);
	}
	heap_free(out);
}

/* Hashes d, with a reference of the hash's own.  What had the name before is returned to be put. */
static struct dentry *hash_locked(uint32_t b, struct dentry *d)
{
	struct dentry *old = find_locked(b, d->parent, d->name, d->name_len, d->name_hash);

	if (old != NULL)
		unhash_locked(b, old);
	if (UNLIKELY(++place_part(b)->count > 2 * place_part(b)->buckets) && place_part(b)->buckets < DCACHE_MOST)
		double_locked(b);
	dentry_get(d);
	d->flags |= D_HASHED;
	list_insert(bucket_locked(b), &d->hash);
	atomic_fetch_add_explicit(&dcache()->count, 1, memory_order_relaxed);
	return old;
}

struct dentry *dentry_insert(struct dentry *d, uint64_t gen)
{
	uint32_t b = place_of(d->parent, d->name_hash);
	LOCK(DCACHE) *l = place_lock(b);
	struct dentry *now;

	lock_take(l);
	now = find_locked(b, d->parent, d->name, d->name_len, d->name_hash);
	if (now != NULL)
		dentry_get(now);
	else if (atomic_load(&d->parent->inode->dirgen) == gen) {
		(void)hash_locked(b, d);
		now = d;
	}
	lock_drop(l);
	if (UNLIKELY(atomic_load_explicit(&dcache()->count, memory_order_relaxed) > dcache()->limit))
		shrink();
	return now;
}

/* Can paths go through it? */
static bool passable(const struct dentry *d)
{
	return d->inode != NULL && (IS_DIR(d->inode) || IS_LNK(d->inode));
}

void dentry_drop(struct dentry *d)
{
	bool tell = passable(d), moved, was;

	do {
		uint32_t b = place_of(d->parent, d->name_hash);
		LOCK(DCACHE) *l = place_lock(b);

		lock_take(l);
		moved = place_of(d->parent, d->name_hash) != b;
		was = !moved && (d->flags & D_HASHED);
		if (was)
			unhash_locked(b, d);
		lock_drop(l);
	} while (moved);
	if (tell)
		vfs_tree_changed();
	if (was)
		dentry_put(d);
}

void dentry_deleted(struct dentry *d)
{
	atomic_fetch_add(&d->parent->inode->dirgen, 1);
	__atomic_fetch_or(&d->flags, D_DELETED, __ATOMIC_RELAXED);
	dentry_drop(d);
	dentry_forget(d->parent, d->name, d->name_len);
}

void dentry_forget(struct dentry *dir, const char *name, uint32_t len)
{
	struct dentry *d;

	atomic_fetch_add(&dir->inode->dirgen, 1);
	d = dentry_find(dir, name, len);
	if (d == NULL)
		return;
	dentry_drop(d);
	dentry_put(d);
}

void dentry_doubt(struct dentry *dir, struct dentry *d)
{
	atomic_fetch_add(&dir->inode->dirgen, 1);
	dentry_drop(d);
}

struct dentry *dentry_parent(struct dentry *d)
{
	struct dentry *p;

	lock_take(&dcache()->tree);
	p = d->parent;
	dentry_get(p);
	lock_drop(&dcache()->tree);
	return p;
}

bool dentry_is_below(struct dentry *d, struct dentry *above)
{
	bool found;

	lock_take(&dcache()->tree);
	while (d->inode != above->inode && d->parent != d)
		d = d->parent;
	found = d->inode == above->inode;
	lock_drop(&dcache()->tree);
	return found;
}

/* Gives d, which is not hashed, another place.  The old parent's reference is returned to be put. */
static struct dentry *set_place(struct dentry *d, struct dentry *to_dir, char *name, uint32_t len, bool own)
{
	struct dentry *old = d->parent;
	char *old_name = d->flags & D_OWN_NAME ? d->name : NULL;

	dentry_get(to_dir);
	lock_take(&dcache()->tree);
	d->parent = to_dir;
	d->name = name;
	d->name_len = len;
	d->name_hash = name_hash(name, len);
	d->flags = (d->flags & ~D_OWN_NAME) | (own ? D_OWN_NAME : 0);
	lock_drop(&dcache()->tree);
	arena_free(old_name);
	return old;
}

static void replaced(struct dentry *old)
{
	if (old == NULL)
		return;
	if (passable(old))
		vfs_tree_changed();
	dentry_put(old);
}

static void rehash(struct dentry *d)
{
	uint32_t b = place_of(d->parent, d->name_hash);
	LOCK(DCACHE) *l = place_lock(b);
	struct dentry *old;

	lock_take(l);
	old = hash_locked(b, d);
	lock_drop(l);
	replaced(old);
}

/* d was entered without a look-up: drops it if the file system says otherwise by now. */
static void verify(struct dentry *dir, struct dentry *d, const char *name, uint32_t len)
{
	struct lookup hint = { 0 };
	struct inode *now = NULL;
	uint64_t until = 0;

	if (d->inode->kind != INODE_MEM) /* trusted for a second anyway */
		return;
	if (inode_ops(dir->inode)->lookup(lx_current(), dir, name, len, &hint, &now, &until) < 0 || now != d->inode)
		dentry_drop(d);
	if (now != NULL)
		inode_put(now);
	heap_free(hint.ahead);
}

static bool same_folder(const struct inode *i, const struct inode *j)
{
	return j != NULL && i->kind == INODE_HOST && j->kind == INODE_HOST && IS_DIR(i) && IS_DIR(j) && i->fs == j->fs &&
	       i->ino == j->ino && i->btime_ns == j->btime_ns;
}

/* Enters d, which was made, and takes the caller's reference.  If a look-up found the new folder before, its dentry stays:
   there may be names below it already, which would not be those below another inode. */
static struct dentry *enter(struct dentry *d)
{
	uint32_t b = place_of(d->parent, d->name_hash);
	LOCK(DCACHE) *l = place_lock(b);
	struct dentry *now, *old = NULL;

	lock_take(l);
	now = find_locked(b, d->parent, d->name, d->name_len, d->name_hash);
	if (now != NULL && same_folder(d->inode, now->inode))
		dentry_get(now);
	else {
		old = hash_locked(b, d);
		now = d;
	}
	lock_drop(l);
	replaced(old);
	if (now != d)
		dentry_put(d);
	return now;
}

struct dentry *dentry_made(struct dentry *dir, const char *name, uint32_t len, struct inode *i)
{
	struct dentry *d = dentry_new(dir, name, len, i);

	atomic_fetch_add(&dir->inode->dirgen, 1);
	if (d == NULL) {
		inode_put(i);
		dentry_forget(dir, name, len);
		return NULL;
	}
	if (i->kind == INODE_HOST)
		d->valid_until = pico_now_coarse() + TRUST_NS;
	d = enter(d);
	verify(dir, d, name, len);
	return d;
}

void dentry_move(struct dentry *d, struct dentry *to_dir, const char *name, uint32_t len)
{
	char *own = arena_alloc(len + 1);

	atomic_fetch_add(&d->parent->inode->dirgen, 1);
	atomic_fetch_add(&to_dir->inode->dirgen, 1);
	dentry_drop(d);
	dentry_forget(d->parent, d->name, d->name_len); /* another dentry of the old name */
	if (own == NULL) /* open files keep the old name in their texts; nothing else is lost */
		return;
	memcpy(own, name, len);
	dentry_put(set_place(d, to_dir, own, len, true));
	rehash(d);
	verify(to_dir, d, name, len);
}

void dentry_swap(struct dentry *a, struct dentry *b)
{
	struct dentry *dir_a = dentry_parent(a), *dir_b = dentry_parent(b);
	uint32_t len_a = a->name_len, len_b = b->name_len;
	char *to_b = arena_alloc(len_a + 1), *to_a = arena_alloc(len_b + 1);

	atomic_fetch_add(&dir_a->inode->dirgen, 1);
	atomic_fetch_add(&dir_b->inode->dirgen, 1);
	dentry_drop(a);
	dentry_drop(b);
	dentry_forget(dir_a, a->name, len_a);
	dentry_forget(dir_b, b->name, len_b);
	if (to_a != NULL && to_b != NULL) {
		memcpy(to_b, a->name, len_a);
		memcpy(to_a, b->name, len_b);
		dentry_put(set_place(a, dir_b, to_a, len_b, true));
		dentry_put(set_place(b, dir_a, to_b, len_a, true));
		rehash(a);
		rehash(b);
		verify(dir_b, a, to_a, len_b);
		verify(dir_a, b, to_b, len_a);
	} else {
		arena_free(to_a);
		arena_free(to_b);
	}
	dentry_put(dir_a);
	dentry_put(dir_b);
}
