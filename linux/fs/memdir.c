/* SPDX-License-Identifier: MIT */
/* linux/fs/memdir.c - directories in memory: their entries, what pins them, and reading them. */
#include "linux/fs/mem.h"

/* ---- The table ---- */

struct mem_dir *mem_dir(struct inode *i)
{
	struct mem_priv *m = mem(i);
	struct mem_dir *d = __atomic_load_n(&m->u.dir, __ATOMIC_ACQUIRE), *none = NULL;

	if (d != NULL)
		return d;
	d = arena_alloc(sizeof *d);
	if (d == NULL)
		return NULL;
	lock_init(&d->lock, LOCK_DIR);
	list_init(&d->entries);
	d->next_cookie = 2;
	if (__atomic_compare_exchange_n(&m->u.dir, &none, d, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))
		return d;
	arena_free(d);
	return none;
}

struct mem_name *mem_name_new(const char *name, uint32_t len, struct inode *i, uint32_t flags)
{
	struct mem_name *n = arena_alloc(sizeof *n + len + 1);

	if (n == NULL)
		return NULL;
	list_init(&n->link);
	memcpy(n->name, name, len);
	n->len = len;
	n->hash = name_hash(name, len);
	n->flags = flags;
	n->inode = i;
	if (i != NULL)
		inode_get(i);
	return n;
}

void mem_name_free(struct mem_name *n)
{
	if (n == NULL)
		return;
	if (n->inode != NULL)
		inode_put(n->inode);
	arena_free(n);
}

struct mem_name *mem_find(struct mem_dir *d, const char *name, uint32_t len)
{
	uint32_t hash = name_hash(name, len);

	if (d->hash_size == 0) {
		LIST_FOR(n, &d->entries, struct mem_name, link)
			if (n->hash == hash && n->len == len && memcmp(n->name, name, len) == 0)
				return n;
		return NULL;
	}
	for (struct mem_name *n = d->hash[hash & (d->hash_size - 1)]; n != NULL; n = n->next)
		if (n->hash == hash && n->len == len && memcmp(n->name, name, len) == 0)
			return n;
	return NULL;
}

static void rehash(struct mem_dir *d, uint32_t size)
{
	struct mem_name **hash = arena_alloc(size * sizeof *hash);

	if (hash == NULL)
		return; /* longer chains, nothing worse */
	arena_free(d->hash);
	d->hash = hash;
	d->hash_size = size;
	LIST_FOR(n, &d->entries, struct mem_name, link) {
		struct mem_name **head = &hash[n->hash & (size - 1)];

		n->next = *head;
		*head = n;
	}
}

void mem_name_add(struct mem_dir *d, struct mem_name *n)
{
	n->cookie = d->next_cookie++;
	list_append(&d->entries, &n->link);
	d->count++;
	if (n->inode != NULL)
		d->live++;
	if (d->count > MAX(d->hash_size, 8u)) {
		rehash(d, MAX(d->hash_size * 4, 32u));
	} else if (d->hash_size != 0) {
		struct mem_name **head = &d->hash[n->hash & (d->hash_size - 1)];

		n->next = *head;
		*head = n;
	}
}

void mem_name_remove(struct mem_dir *d, struct mem_name *n)
{
	for (unsigned i = 0; i < MEM_STOPS; i++)
		if (UNLIKELY(d->stopped[i] == n))
			d->stopped[i] = n->link.prev == &d->entries ? NULL : LIST_ENTRY(n->link.prev, struct mem_name, link);
	list_remove(&n->link);
	d->count--;
	if (n->inode != NULL)
		d->live--;
	if (d->hash_size == 0)
		return;
	for (struct mem_name **p = &d->hash[n->hash & (d->hash_size - 1)]; *p != NULL; p = &(*p)->next)
		if (*p == n) {
			*p = n->next;
			return;
		}
}

void mem_dir_free(struct mem_dir *d)
{
	if (d == NULL)
		return;
	while (!list_empty(&d->entries)) {
		struct mem_name *n = LIST_FIRST(&d->entries, struct mem_name, link);

		list_remove(&n->link);
		mem_name_free(n);
	}
	if (d->listing != NULL)
		listing_put(d->listing);
	arena_free(d->hash);
	arena_free(d);
}

/* ---- Pinning: a lower inode that changed gets an entry, and so do the directories above it ---- */

static long pin_one(struct dentry *d, struct dentry *parent)
{
	struct mem_dir *dir = mem_dir(parent->inode);
	struct mem_name *n = mem_name_new(d->name, d->name_len, d->inode, NAME_LOWER), *old;

	if (dir == NULL || n == NULL) {
		mem_name_free(n);
		return -ENOSPC;
	}
	lock_take(&dir->lock);
	old = mem_find(dir, d->name, d->name_len);
	if (old == NULL && !dir->dead) {
		mem_name_add(dir, n);
		n = NULL;
	}
	lock_drop(&dir->lock);
	mem_name_free(n);
	atomic_fetch_add(&parent->inode->dirgen, 1); /* a look-up that missed the entry asks again */
	lock_take(&d->inode->lock);
	mem(d->inode)->flags |= MEM_PINNED;
	lock_drop(&d->inode->lock);
	d->valid_until = UINT64_MAX;
	return 0;
}

static bool needs_pin(struct dentry *d)
{
	return d->parent != d && d->inode->kind == INODE_MEM && !(mem(d->inode)->flags & MEM_PINNED) &&
	       (d->flags & (D_HASHED | D_DELETED)) == D_HASHED;
}

long mem_pin(struct dentry *d)
{
	while (needs_pin(d)) {
		struct dentry *top = d, *parent;
		long err;

		dentry_get(top);
		while (parent = dentry_parent(top), needs_pin(parent)) {
			dentry_put(top);
			top = parent;
		}
		err = pin_one(top, parent);
		dentry_put(parent);
		dentry_put(top);
		if (err < 0)
			return err;
	}
	return 0;
}

/* ---- Reading ---- */

/* An entry with a cookie below pos, not far before it if somebody stopped there; or the list's head. */
static struct list *before_pos(struct mem_dir *d, uint64_t pos) REQUIRES(DIR)
{
	struct mem_name *best = NULL;

	for (unsigned i = 0; i < MEM_STOPS; i++) {
		struct mem_name *n = d->stopped[i];

		if (n != NULL && n->cookie < pos && (best == NULL || n->cookie > best->cookie))
			best = n;
	}
	return best != NULL ? &best->link : &d->entries;
}

/* Who stopped at from now stops at to. */
static void note_stop(struct mem_dir *d, const struct list *from, struct list *to) REQUIRES(DIR)
{
	struct mem_name *n = LIST_ENTRY(to, struct mem_name, link);

	if (to == &d->entries || to == from)
		return;
	for (unsigned i = 0; i < MEM_STOPS; i++)
		if (d->stopped[i] != NULL && &d->stopped[i]->link == from) {
			d->stopped[i] = n;
			return;
		}
	d->stopped[d->stop++ % MEM_STOPS] = n;
}

/* Entries of ours from *pos on.  False: the sink is full. */
static bool emit_own(struct mem_dir *d, uint64_t *pos, struct dir_emit *e, bool merged)
{
	struct list *from, *l;
	bool room = true;

	lock_take(&d->lock);
	from = before_pos(d, *pos);
	for (l = from->next; l != &d->entries; l = l->next) {
		struct mem_name *n = LIST_ENTRY(l, struct mem_name, link);

		if (n->cookie < *pos || n->inode == NULL || (merged && (n->flags & NAME_LOWER)))
			continue;
		room = e->emit(e, n->name, n->len, n->inode->ino, dirent_type(n->inode->mode), n->cookie + 1);
		if (!room)
			break;
		*pos = n->cookie + 1;
	}
	note_stop(d, from, l->prev);
	lock_drop(&d->lock);
	return room;
}

static bool emit_lower(struct inode *dir, struct mem_dir *d, struct listing *l, uint64_t *pos, struct dir_emit *e)
{
	bool room = true;

	lock_take(&d->lock);
	for (uint32_t k = listing_from(l, *pos - LISTING_POS); k < l->count && room; k++) {
		const struct listing_entry *ent = &l->sorted[k];
		struct mem_name *n = d->count != 0 ? mem_find(d, ent->name, ent->name_len) : NULL;
		uint64_t next = LISTING_POS + ent->hash + 1;
		uint64_t ino = ent->inode;
		uint32_t mode = mode_of_type(ent->type);

		if (n != NULL && (n->inode == NULL || !(n->flags & NAME_LOWER)))
			continue; /* a whiteout, or shown as ours */
		if (n != NULL) {
			ino = n->inode->ino;
			mode = n->inode->mode;
		}
		room = e->emit(e, ent->name, ent->name_len, ino, dirent_type(mode), next);
		if (room)
			*pos = next;
	}
	lock_drop(&d->lock);
	return room;
}

long mem_readdir(struct lx_thread *t, struct dentry *dir, uint64_t *pos, struct dir_emit *e)
{
	bool merged = (mem(dir->inode)->flags & MEM_LOWER) != 0;
	struct mem_dir *d = mem_dir(dir->inode);
	struct listing *l;
	long err = 0;

	if (d == NULL)
		return -ENOMEM;
	if (merged && *pos <= 2) { /* a new round: what the host has now */
		l = mem_listing(dir, LISTING_FRESH, &err);
		if (l != NULL)
			listing_put(l);
		else if (err != -ENOENT)
			return err;
	}
	if (*pos < LISTING_POS) {
		if (!emit_own(d, pos, e, merged) || !merged)
			return 0;
		*pos = LISTING_POS;
	}
	l = merged ? mem_listing(dir, LISTING_ANY, &err) : NULL;
	if (l == NULL)
		return err == -ENOENT ? 0 : err;
	(void)emit_lower(dir->inode, d, l, pos, e);
	listing_put(l);
	return 0;
}
