/* SPDX-License-Identifier: MIT */
/* linux/fs/memdir.c - directories in memory: their entries, and every change of them. */
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

/* Before a directory's entries change: it must stay, and its times become ours. */
static long own_dir(struct dentry *dir)
{
	return mem_take_attr(dir);
}

/* ---- New names ---- */

static void touch_dir(struct inode *dir)
{
	lock_take(&dir->lock);
	inode_touch(dir, true);
	lock_drop(&dir->lock);
}

/* Enters i under a name that is not there.  A whiteout in its place goes; the name still hides the host's. */
static long enter(struct dentry *dir, const char *name, uint32_t len, struct inode *i)
{
	struct mem_dir *d;
	struct mem_name *n, *old;
	long err = own_dir(dir);

	if (err < 0)
		return err;
	d = mem_dir(dir->inode);
	n = mem_name_new(name, len, i, 0);
	if (d == NULL || n == NULL) {
		mem_name_free(n);
		return -ENOSPC;
	}
	lock_take(&d->lock);
	old = mem_find(d, name, len);
	if (d->dead)
		err = -ENOENT;
	else if (old != NULL && old->inode != NULL)
		err = -EEXIST;
	else {
		if (old != NULL) {
			n->flags |= old->flags & NAME_LOWER;
			mem_name_remove(d, old);
		}
		mem_name_add(d, n);
		n = NULL;
	}
	lock_drop(&d->lock);
	mem_name_free(n);
	if (err == 0) {
		mem_name_free(old);
		touch_dir(dir->inode);
	}
	return err;
}

static struct inode *new_in(struct lx_thread *t, struct dentry *dir, uint32_t mode)
{
	struct inode *i = mem_inode_new(dir->inode->fs, mode);

	if (i != NULL)
		inode_take_owner(t, dir->inode, i);
	return i;
}

static long enter_new(struct dentry *dir, const char *name, uint32_t len, struct inode *i, struct inode **out)
{
	long err = enter(dir, name, len, i);

	if (err < 0)
		inode_put(i);
	else
		*out = i;
	return err;
}

long mem_create(struct lx_thread *t, struct dentry *dir, const char *name, uint32_t len, uint32_t mode, struct inode **out)
{
	struct inode *i = new_in(t, dir, mode);

	return i == NULL ? -ENOSPC : enter_new(dir, name, len, i, out);
}

static void link_count(struct inode *i, int by)
{
	lock_take(&i->lock);
	i->nlink += (uint32_t)by;
	i->ctime_ns = vfs_now();
	lock_drop(&i->lock);
}

long mem_mkdir(struct lx_thread *t, struct dentry *dir, const char *name, uint32_t len, uint32_t mode, struct inode **out)
{
	struct inode *i = new_in(t, dir, mode);
	long err;

	if (i == NULL)
		return -ENOSPC;
	i->nlink = 2;
	err = enter_new(dir, name, len, i, out);
	if (err == 0)
		link_count(dir->inode, 1);
	return err;
}

long mem_mknod(struct lx_thread *t, struct dentry *dir, const char *name, uint32_t len, uint32_t mode, uint64_t rdev, struct inode **out)
{
	struct inode *i = new_in(t, dir, mode);

	if (i == NULL)
		return -ENOSPC;
	i->rdev = rdev;
	return enter_new(dir, name, len, i, out);
}

long mem_symlink(struct lx_thread *t, struct dentry *dir, const char *name, uint32_t len, const char *target, struct inode **out)
{
	struct inode *i = new_in(t, dir, S_IFLNK | 0777);
	size_t size = strlen(target);
	char *text = arena_alloc(size + 1);

	if (i == NULL || text == NULL) {
		arena_free(text);
		if (i != NULL)
			inode_put(i);
		return -ENOSPC;
	}
	memcpy(text, target, size + 1);
	mem(i)->u.target = text;
	i->size = size;
	return enter_new(dir, name, len, i, out);
}

long mem_link(struct lx_thread *t, struct dentry *from, struct dentry *dir, const char *name, uint32_t len)
{
	struct inode *i = from->inode;
	long err;

	if (mem(i)->flags & MEM_UNLINKABLE)
		return -ENOENT;
	err = IS_REG(i) ? mem_copy_up(from, true, UINT64_MAX) : mem_take_attr(from);
	if (err < 0)
		return err;
	link_count(i, 1); /* first, so that it never has too few */
	err = enter(dir, name, len, i);
	if (err < 0)
		link_count(i, -1);
	return err;
}

/* ---- Names that go ---- */

/* What stays when a name goes: nothing, or a whiteout if the host has it too. */
static bool needs_whiteout(struct inode *dir, const struct mem_name *n)
{
	return mem(dir)->lower != NULL && (mem(dir)->flags & MEM_LOWER) && (n == NULL || (n->flags & NAME_LOWER));
}

/*
 * Takes the name of inode i out of d (i may be there by the host's listing only).
 * spare: a whiteout made beforehand, used or freed by the caller afterwards (*used).
 */
static long take_out(struct inode *dir, struct mem_dir *d, const char *name, uint32_t len, struct inode *i,
	struct mem_name *spare, bool *used, struct mem_name **gone) REQUIRES(DIR)
{
	struct mem_name *n = mem_find(d, name, len);

	*used = false;
	*gone = NULL;
	if (n != NULL && n->inode != i)
		return -ENOENT;
	if (n == NULL && !needs_whiteout(dir, NULL))
		return -ENOENT;
	*used = needs_whiteout(dir, n);
	if (n != NULL) {
		mem_name_remove(d, n);
		*gone = n;
	}
	if (*used)
		mem_name_add(d, spare);
	return 0;
}

static long remove_name(struct dentry *dir, struct dentry *victim)
{
	struct mem_dir *d;
	struct mem_name *spare, *gone;
	bool used = false;
	long err = own_dir(dir);

	if (err < 0)
		return err;
	d = mem_dir(dir->inode);
	spare = mem_name_new(victim->name, victim->name_len, NULL, NAME_LOWER);
	if (d == NULL || spare == NULL) {
		mem_name_free(spare);
		return -ENOSPC;
	}
	lock_take(&d->lock);
	err = take_out(dir->inode, d, victim->name, victim->name_len, victim->inode, spare, &used, &gone);
	lock_drop(&d->lock);
	if (!used)
		mem_name_free(spare);
	if (err == 0) {
		mem_name_free(gone);
		touch_dir(dir->inode);
	}
	return err;
}

/* The inode lost a name.  A lower one becomes ours with one name less than the host counts; only
   one of its names is known here, so it has none left. */
static void lost_name(struct inode *i)
{
	struct mem_priv *m = mem(i);

	lock_take(&i->lock);
	if ((m->flags & MEM_LOWER) && !IS_DIR(i) && !(m->flags & MEM_PINNED))
		i->nlink = 0;
	else if (i->nlink > 0)
		i->nlink--;
	m->flags |= MEM_ATTR | MEM_PINNED;
	i->ctime_ns = vfs_now();
	lock_drop(&i->lock);
}

long mem_unlink(struct lx_thread *t, struct dentry *dir, struct dentry *victim)
{
	long err = mem_lower_refresh(victim->inode);

	if (err == 0)
		err = remove_name(dir, victim);
	if (err == 0)
		lost_name(victim->inode);
	return err;
}

long mem_dir_empty(struct dentry *dir)
{
	struct mem_dir *d = mem_dir(dir->inode);
	struct listing *l;
	uint32_t shown = 0;
	long err = 0;

	if (d == NULL)
		return -ENOMEM;
	if (__atomic_load_n(&d->live, __ATOMIC_RELAXED) != 0)
		return -ENOTEMPTY;
	if (!(mem(dir->inode)->flags & MEM_LOWER))
		return 0;
	l = mem_listing(dir->inode, true, &err);
	if (l == NULL)
		return err == -ENOENT ? 0 : err;
	lock_take(&d->lock);
	for (uint32_t n = 0; n < l->count && shown == 0; n++)
		shown += mem_find(d, l->sorted[n].ent->name, l->sorted[n].ent->name_len) == NULL;
	lock_drop(&d->lock);
	listing_put(l);
	return shown != 0 ? -ENOTEMPTY : 0;
}

/* Marks an empty directory as one in which nothing can be made any more. */
static long kill_dir(struct dentry *victim)
{
	struct mem_dir *d = mem_dir(victim->inode);
	long err = mem_dir_empty(victim);

	if (err < 0)
		return err;
	lock_take(&d->lock);
	if (d->live != 0)
		err = -ENOTEMPTY;
	else
		d->dead = true;
	lock_drop(&d->lock);
	return err;
}

static void bury_dir(struct inode *dir, struct inode *victim)
{
	lock_take(&victim->lock);
	victim->nlink = 0;
	mem(victim)->flags |= MEM_ATTR | MEM_PINNED;
	lock_drop(&victim->lock);
	link_count(dir, -1);
}

long mem_rmdir(struct lx_thread *t, struct dentry *dir, struct dentry *victim)
{
	long err = kill_dir(victim);

	if (err < 0)
		return err;
	err = remove_name(dir, victim);
	if (err < 0) {
		mem_dir(victim->inode)->dead = false;
		return err;
	}
	bury_dir(dir->inode, victim->inode);
	return 0;
}

/* ---- Rename ---- */

struct rename_names {
	struct mem_name *new, *hole, *back; /* made beforehand: the new entry, a whiteout, exchange's other entry */
	struct mem_name *gone_from, *gone_to;
	bool hole_used, new_used, back_used;
};

static void names_done(struct rename_names *n)
{
	if (!n->new_used)
		mem_name_free(n->new);
	if (!n->hole_used)
		mem_name_free(n->hole);
	if (!n->back_used)
		mem_name_free(n->back);
	mem_name_free(n->gone_from);
	mem_name_free(n->gone_to);
}

static bool names_make(struct rename_names *n, struct dentry *from, const char *name, uint32_t len, struct dentry *over)
{
	*n = (struct rename_names){ .new = mem_name_new(name, len, from->inode, 0),
		.hole = mem_name_new(from->name, from->name_len, NULL, NAME_LOWER) };
	if (over != NULL)
		n->back = mem_name_new(from->name, from->name_len, over->inode, 0);
	return n->new != NULL && n->hole != NULL && (over == NULL || n->back != NULL);
}

/* Puts n where what is there now (nothing, a whiteout, or over's entry) goes. */
static long put_at(struct inode *dir, struct mem_dir *d, struct mem_name *n, struct dentry *over, struct mem_name **gone) REQUIRES(DIR)
{
	struct mem_name *old = mem_find(d, n->name, n->len);

	if (d->dead)
		return -ENOENT;
	if (old != NULL && old->inode != (over != NULL ? over->inode : NULL))
		return -EEXIST;
	if (old != NULL) {
		n->flags |= old->flags & NAME_LOWER;
		mem_name_remove(d, old);
		*gone = old;
	} else if (over != NULL)
		n->flags |= NAME_LOWER;
	mem_name_add(d, n);
	return 0;
}

static long rename_locked(struct dentry *from_dir, struct dentry *from, struct dentry *to_dir, struct dentry *over, uint32_t flags,
	struct rename_names *n) REQUIRES(DIR)
{
	struct mem_dir *fd = mem_dir(from_dir->inode), *td = mem_dir(to_dir->inode);
	struct mem_name *old = mem_find(fd, from->name, from->name_len);
	long err;

	if (old == NULL ? !(mem(from_dir->inode)->flags & MEM_LOWER) : old->inode != from->inode)
		return -ENOENT;
	err = put_at(to_dir->inode, td, n->new, over, &n->gone_to);
	if (err < 0)
		return err;
	n->new_used = true;
	if (flags & RENAME_EXCHANGE) {
		(void)put_at(from_dir->inode, fd, n->back, from, &n->gone_from);
		n->back_used = true;
		return 0;
	}
	err = take_out(from_dir->inode, fd, from->name, from->name_len, from->inode, n->hole, &n->hole_used, &n->gone_from);
	ASSERT(err == 0);
	return 0;
}

/* The two inodes as they are to be before they move: with attributes and contents of their own. */
static long prepare_move(struct dentry *d)
{
	return mem_take_attr(d);
}

static void count_dirs(struct inode *from_dir, struct inode *to_dir, struct dentry *from, struct dentry *over, uint32_t flags)
{
	int moved = IS_DIR(from->inode) ? 1 : 0, back = over != NULL && (flags & RENAME_EXCHANGE) && IS_DIR(over->inode) ? 1 : 0;

	if (from_dir != to_dir && moved != back) {
		link_count(from_dir, back - moved);
		link_count(to_dir, moved - back);
	}
}

/* RENAME_WHITEOUT leaves a character device 0,0 under the old name. */
static void leave_whiteout(struct lx_thread *t, struct dentry *dir, struct dentry *from)
{
	struct inode *i = NULL;

	if (mem_mknod(t, dir, from->name, from->name_len, S_IFCHR, 0, &i) == 0)
		inode_put(i);
}

long mem_rename(struct lx_thread *t, struct dentry *from_dir, struct dentry *from, struct dentry *to_dir, const char *name,
	uint32_t len, struct dentry *over, uint32_t flags)
{
	struct rename_names n = { 0 };
	bool exchange = (flags & RENAME_EXCHANGE) != 0;
	long err = own_dir(from_dir);

	if (err == 0)
		err = own_dir(to_dir);
	if (err == 0)
		err = prepare_move(from);
	if (err == 0 && over != NULL)
		err = exchange ? prepare_move(over) : IS_DIR(over->inode) ? kill_dir(over) : mem_lower_refresh(over->inode);
	if (err < 0)
		return err;
	if (mem_dir(from_dir->inode) == NULL || mem_dir(to_dir->inode) == NULL || !names_make(&n, from, name, len, over)) {
		names_done(&n);
		return -ENOSPC;
	}
	lock_take2(&mem_dir(from_dir->inode)->lock, &mem_dir(to_dir->inode)->lock);
	err = rename_locked(from_dir, from, to_dir, over, flags, &n);
	lock_drop2(&mem_dir(from_dir->inode)->lock, &mem_dir(to_dir->inode)->lock);
	names_done(&n);
	if (err < 0)
		return err;
	count_dirs(from_dir->inode, to_dir->inode, from, over, flags);
	if (over != NULL && !exchange) {
		if (IS_DIR(over->inode))
			bury_dir(to_dir->inode, over->inode);
		else
			lost_name(over->inode);
	}
	touch_dir(from_dir->inode);
	touch_dir(to_dir->inode);
	link_count(from->inode, 0);
	if (flags & RENAME_WHITEOUT)
		leave_whiteout(t, from_dir, from);
	return 0;
}

/* ---- Reading ---- */

/* Entries of ours from *pos on.  False: the sink is full. */
static bool emit_own(struct mem_dir *d, uint64_t *pos, struct dir_emit *e, bool merged)
{
	bool room = true;

	lock_take(&d->lock);
	LIST_FOR(n, &d->entries, struct mem_name, link) {
		if (n->cookie < *pos || n->inode == NULL || (merged && (n->flags & NAME_LOWER)))
			continue;
		room = e->emit(e, n->name, n->len, n->inode->ino, dirent_type(n->inode->mode), n->cookie + 1);
		if (!room)
			break;
		*pos = n->cookie + 1;
	}
	lock_drop(&d->lock);
	return room;
}

static bool emit_lower(struct inode *dir, struct mem_dir *d, struct listing *l, uint64_t *pos, struct dir_emit *e)
{
	bool room = true;

	lock_take(&d->lock);
	for (uint32_t k = listing_from(l, *pos - LISTING_POS); k < l->count && room; k++) {
		struct dk_dirent *ent = l->sorted[k].ent;
		struct mem_name *n = mem_find(d, ent->name, ent->name_len);
		uint64_t next = LISTING_POS + l->sorted[k].hash + 1;
		uint64_t ino = ent->attr.inode;
		uint32_t mode = mode_of_type(ent->attr.type);

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
		l = mem_listing(dir->inode, true, &err);
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
	l = merged ? mem_listing(dir->inode, false, &err) : NULL;
	if (l == NULL)
		return err == -ENOENT ? 0 : err;
	(void)emit_lower(dir->inode, d, l, pos, e);
	listing_put(l);
	return 0;
}
