/* SPDX-License-Identifier: MIT */
/*
 * linux/fs/ovl_readdir.c - names of a folder of an overlay mount: its layers', merged.
 *
 * They are collected when somebody begins to read, topmost layer first, and sorted by a hash that is also the position: who goes on
 * in a newer list misses and repeats nothing that was there all the time.
 */
#include "linux/fs/ovl.h"

/* A name that was found, at its offset of names.text. */
struct name {
	uint64_t hash, ino;
	uint32_t len;
	uint8_t type;
	bool hidden;  /* a whiteout: it hides those of layers below */
	char text[];
};

struct names {
	struct dir_emit emit; /* first */
	char *text;           /* heap */
	size_t used, room;
	uint32_t *table;      /* heap: offset + 1, by hash */
	uint32_t size, count, shown;
	uint64_t dir_bits;    /* what this layer's folders' numbers get */
	bool full;            /* there was no room: it grows, and the layer is asked again */
};

/* 61 bits, as positions have no more. */
static uint64_t hash_of(const char *name, uint32_t len)
{
	uint64_t h = 0xcbf29ce484222325ull;

	for (uint32_t k = 0; k < len; k++)
		h = (h ^ (uint8_t)name[k]) * 0x100000001b3ull;
	return (h ^ h >> 32) >> 3;
}

static struct name *at(const struct names *n, uint32_t offset)
{
	return (struct name *)(n->text + offset);
}

static uint32_t *slot_of(const struct names *n, uint64_t hash, const char *name, uint32_t len)
{
	uint32_t k = (uint32_t)hash & (n->size - 1);

	for (; n->table[k] != 0; k = (k + 1) & (n->size - 1)) {
		const struct name *x = at(n, n->table[k] - 1);

		if (x->hash == hash && x->len == len && memcmp(x->text, name, len) == 0)
			break;
	}
	return &n->table[k];
}

/* Called with the layer's lock held: nothing is asked and nothing allocated here. */
static bool collect(struct dir_emit *e, const char *name, uint32_t len, uint64_t ino, uint32_t type, uint64_t next)
{
	struct names *n = CONTAINER_OF(e, struct names, emit);
	uint64_t hash = hash_of(name, len);
	uint32_t size = (uint32_t)ALIGN_UP(sizeof(struct name) + len + 1, 8), *slot;
	struct name *x;

	if (n->used + size > n->room || n->count * 2 >= n->size) {
		n->full = true;
		return false;
	}
	slot = slot_of(n, hash, name, len);
	if (*slot != 0)
		return true;
	x = at(n, (uint32_t)n->used);
	*x = (struct name){ .hash = hash, .ino = type == 4 /* DT_DIR */ ? ino ^ n->dir_bits : ino, .len = len, .type = (uint8_t)type };
	memcpy(x->text, name, len);
	x->text[len] = '\0';
	*slot = (uint32_t)n->used + 1;
	n->used += size;
	n->count++;
	return true;
}

static bool grow(struct names *n)
{
	size_t room = MAX(n->room * 2, (size_t)16384);
	uint32_t size = MAX(n->size * 2, 512u);
	char *text = room <= UINT32_MAX / 2 ? heap_realloc(n->text, room) : NULL;
	uint32_t *table = heap_alloc(size * sizeof *table);

	if (text != NULL) {
		n->text = text;
		n->room = room;
	}
	if (text == NULL || table == NULL) {
		heap_free(table);
		return false;
	}
	heap_free(n->table);
	n->table = table;
	n->size = size;
	for (size_t o = 0; o < n->used; o += ALIGN_UP(sizeof(struct name) + at(n, (uint32_t)o)->len + 1, 8)) {
		const struct name *x = at(n, (uint32_t)o);

		*slot_of(n, x->hash, x->text, x->len) = (uint32_t)o + 1;
	}
	return true;
}

/* Which of the layer's, from offset on, are whiteouts. */
static long mark_whiteouts(struct lx_thread *t, struct names *n, struct dentry *dir, size_t from)
{
	for (size_t o = from; o < n->used; o += ALIGN_UP(sizeof(struct name) + at(n, (uint32_t)o)->len + 1, 8)) {
		struct name *x = at(n, (uint32_t)o);
		struct dentry *d;
		long err;

		if (x->type != 2) /* DT_CHR */
			continue;
		err = ovl_child(t, dir, x->text, x->len, &d, NULL);
		if (err != 0)
			return err;
		x->hidden = ovl_is_whiteout(d->inode);
		dentry_put(d);
	}
	return 0;
}

static long add_layer(struct lx_thread *t, struct names *n, struct dentry *dir, uint32_t layer)
{
	const struct inode_ops *ops = inode_ops(dir->inode);
	size_t from = n->used;
	uint64_t pos = 2;
	long err;

	n->dir_bits = (uint64_t)(layer + 1) << 52;
	if (ops->readdir == NULL)
		return -ENOTDIR;
	do {
		if (n->full && !grow(n))
			return -ENOMEM;
		n->full = false;
		err = ops->readdir(t, dir, &pos, &n->emit);
	} while (err == 0 && n->full);
	return err != 0 ? err : mark_whiteouts(t, n, dir, from);
}

static struct listing *listing_of(struct names *n, bool whiteouts, long *err)
{
	struct listing *l;
	uint32_t k = 0;
	char *text;

	*err = -ENOMEM;
	for (size_t o = 0; o < n->used; o += ALIGN_UP(sizeof(struct name) + at(n, (uint32_t)o)->len + 1, 8))
		n->shown += whiteouts || !at(n, (uint32_t)o)->hidden;
	l = listing_new(n->shown, n->used, pico_now_coarse(), &text);
	if (l == NULL)
		return NULL;
	for (size_t o = 0; o < n->used; o += ALIGN_UP(sizeof(struct name) + at(n, (uint32_t)o)->len + 1, 8)) {
		const struct name *x = at(n, (uint32_t)o);

		if (!whiteouts && x->hidden)
			continue;
		memcpy(text, x->text, x->len + 1);
		l->sorted[k++] = (struct listing_entry){ .hash = x->hash, .inode = x->ino, .name = text, .name_len = (uint16_t)x->len, .type = x->type };
		text += x->len + 1;
	}
	listing_sort(l);
	*err = 0;
	return l;
}

static void names_done(struct names *n)
{
	heap_free(n->text);
	heap_free(n->table);
}

struct listing *ovl_layer_names(struct lx_thread *t, struct dentry *dir, long *err)
{
	struct names n = { .emit = { collect }, .full = true };
	struct listing *l = NULL;

	*err = add_layer(t, &n, dir, 0);
	if (*err == 0)
		l = listing_of(&n, true, err);
	names_done(&n);
	return l;
}

static struct listing *merge(struct lx_thread *t, struct inode *i, long *err)
{
	struct names n = { .emit = { collect }, .full = true };
	struct dentry *up = ovl_upper(i);
	struct listing *l = NULL;

	*err = up != NULL ? add_layer(t, &n, up, 0) : 0;
	for (uint32_t k = 0; k < ovl(i)->nlower && *err == 0; k++)
		*err = add_layer(t, &n, ovl(i)->lower[k], 1);
	if (*err == 0)
		l = listing_of(&n, false, err);
	names_done(&n);
	return l;
}

/* What i's readers read now: a reference. */
static struct listing *current(struct inode *i)
{
	struct listing *l;

	lock_take(&i->lock);
	l = ovl(i)->names;
	if (l != NULL)
		ref_get(&l->ref);
	lock_drop(&i->lock);
	return l;
}

static struct listing *renewed(struct lx_thread *t, struct inode *i, long *err)
{
	struct listing *l = merge(t, i, err), *old;

	if (l == NULL)
		return NULL;
	ref_get(&l->ref);
	lock_take(&i->lock);
	old = ovl(i)->names;
	ovl(i)->names = l;
	lock_drop(&i->lock);
	if (old != NULL)
		listing_put(old);
	return l;
}

long ovl_readdir(struct lx_thread *t, struct dentry *dir, uint64_t *pos, struct dir_emit *e)
{
	struct listing *l = *pos > 2 ? current(dir->inode) : NULL;
	long err = 0;

	if (l == NULL)
		l = renewed(t, dir->inode, &err);
	if (l == NULL)
		return err;
	for (uint32_t k = listing_from(l, *pos - 2); k < l->count; k++) {
		const struct listing_entry *x = &l->sorted[k];

		if (!e->emit(e, x->name, x->name_len, x->inode, x->type, x->hash + 3))
			break;
		*pos = x->hash + 3;
	}
	listing_put(l);
	return 0;
}

long ovl_dir_empty(struct lx_thread *t, struct dentry *dir)
{
	long err = 0;
	struct listing *l = merge(t, dir->inode, &err);

	if (l == NULL)
		return err;
	err = l->count != 0 ? -ENOTEMPTY : 0;
	listing_put(l);
	return err;
}
