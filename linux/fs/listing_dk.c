/* SPDX-License-Identifier: MIT */
/*
 * linux/fs/listing_dk.c - a host directory read as a whole, names and mostly attributes.
 *
 * Entries are sorted by a hash of the name, which is also their position for
 * getdents: a reader that goes on in a newer listing misses and repeats nothing that
 * was there all the time.  A listing is believed for a second by look-ups, so
 * that "ls -l" asks the host once.  It belongs to its folder's inode; a clock hand takes those
 * that were not used lately when there are more than LISTING_SLOTS or LISTING_BYTES, and
 * one that is being read lives as long as its readers.
 *
 * Those of a walk (tree_dk.c) may be partial: names and types alone.
 */
#include "abi/tree.h"
#include "linux/fs/hostfs.h"
#include "linux/fs/mem.h"

#define LISTING_BYTES (16u << 20)
#define WORTH_SMALL   64u  /* entries that are read again for the first whose attributes are wanted */
#define ENUM_ROOM (64u * 1024)

void listing_put(struct listing *l)
{
	if (!ref_put(&l->ref))
		return;
	gather_drop(l);
	atomic_fetch_sub_explicit(&vfs()->listing_bytes, l->bytes, memory_order_relaxed);
	arena_free(l);
}

struct listing *listing_new(uint32_t count, size_t size, uint64_t when, char **text)
{
	size_t entries = count * sizeof(struct listing_entry), bytes = sizeof(struct listing) + entries + size;
	struct listing *l = arena_alloc(bytes);

	if (l == NULL)
		return NULL;
	ref_init(&l->ref);
	lock_init(&l->lock, LOCK_INODE);
	l->last = l->last_dir = UINT32_MAX;
	l->sorted = (struct listing_entry *)(l + 1);
	l->count = count;
	l->bytes = bytes;
	l->text_size = size;
	l->when = when;
	l->until = when + TRUST_NS;
	*text = (char *)(l->sorted + count);
	atomic_fetch_add_explicit(&vfs()->listing_bytes, bytes, memory_order_relaxed);
	return l;
}

/* Reads everything into heap memory that grows; entries keep their form. */
static long read_all(const char *uri, char **text, size_t *size, uint32_t *count)
{
	uint64_t cursor = 0, done;
	size_t room = 0, used = 0;
	char *buf = NULL;

	*count = 0;
	do {
		enum dk_status status;

		if (room - used < ENUM_ROOM) {
			char *more = heap_realloc(buf, MAX(room * 2, (size_t)ENUM_ROOM * 2));

			if (more == NULL) {
				heap_free(buf);
				return -ENOMEM;
			}
			buf = more;
			room = MAX(room * 2, (size_t)ENUM_ROOM * 2);
		}
		status = DkStreamEnumerateChildren(uri, &cursor, buf + used, ENUM_ROOM, &done);
		if (status != DK_OK) {
			heap_free(buf);
			return lx_err(status);
		}
		for (size_t at = used; at + sizeof(struct dk_dirent) <= used + done;) {
			const struct dk_dirent *e = (const void *)(buf + at);

			if (e->size < sizeof *e + e->name_len + e->text_len || e->size > used + done - at) {
				done = at - used; /* nonsense from below: what was good counts */
				break;
			}
			++*count;
			at += e->size;
		}
		used += done;
		/* With room for another entry, that was all: see dk.abi. */
	} while (done != 0 && ENUM_ROOM - done < 1024);
	*text = buf;
	*size = used;
	return 0;
}

static void sift(struct listing_entry *a, uint32_t start, uint32_t end)
{
	for (uint32_t child; (child = 2 * start + 1) < end; start = child) {
		struct listing_entry swap;

		if (child + 1 < end && a[child].hash < a[child + 1].hash)
			child++;
		if (a[start].hash >= a[child].hash)
			return;
		swap = a[start];
		a[start] = a[child];
		a[child] = swap;
	}
}

static void heap_sort(struct listing_entry *a, uint32_t n)
{
	for (uint32_t i = n / 2; i-- > 0;)
		sift(a, i, n);
	for (uint32_t end = n; end > 1; end--) {
		struct listing_entry swap = a[0];

		a[0] = a[end - 1];
		a[end - 1] = swap;
		sift(a, 0, end - 1);
	}
}

void listing_sort(struct listing *l)
{
	for (uint32_t i = 1; i < l->count; i++)
		if (l->sorted[i - 1].hash > l->sorted[i].hash) {
			heap_sort(l->sorted, l->count);
			return;
		}
}

static struct listing *build(const char *text, size_t size, uint32_t count, uint64_t when)
{
	char *copy;
	struct listing *l = listing_new(count, size, when, &copy);
	size_t at = 0;

	if (l == NULL)
		return NULL;
	memcpy(copy, text, size);
	for (uint32_t i = 0; i < count; i++) {
		const struct dk_dirent *e = (const void *)(copy + at);

		l->sorted[i] = (struct listing_entry){ .hash = dk_name_hash(e->name, e->name_len), .inode = e->attr.inode, .name = e->name,
			.attr = &e->attr, .name_len = (uint16_t)e->name_len, .type = (uint8_t)e->attr.type };
		at += e->size;
	}
	listing_sort(l);
	return l;
}

struct listing *listing_fetch(const char *uri, long *err)
{
	uint64_t when = pico_now_coarse();
	struct listing *l;
	uint32_t count;
	size_t size;
	char *text;

	*err = read_all(uri, &text, &size, &count);
	if (*err < 0)
		return NULL;
	l = build(text, size, count, when);
	heap_free(text);
	if (l == NULL)
		*err = -ENOMEM;
	return l;
}

/* Somebody looks at it, or walks below it and will be back. */
static bool is_wanted(const struct listing *l)
{
	return l->used || (l->unlisted != 0 && l->until > pico_now_coarse());
}

/* Takes the listing of a folder unless it is wanted; false: it is. */
static bool forget(struct inode *i, bool must) LOCK_UNCHECKED("of a folder in memory its names' lock, of one of the host its inode's")
{
	struct mem_dir *d = i->kind == INODE_MEM ? mem(i)->u.dir : NULL;
	struct listing **at = d != NULL ? &d->listing : &host(i)->listing, *l;

	if (d != NULL)
		lock_take(&d->lock);
	else
		lock_take(&i->lock);
	l = *at;
	if (l != NULL && !must && is_wanted(l)) {
		l->used = false;
		l = NULL;
	} else {
		*at = NULL;
		must = true;
	}
	if (d != NULL)
		lock_drop(&d->lock);
	else
		lock_drop(&i->lock);
	if (l != NULL)
		listing_put(l);
	return must;
}

void listing_replaces(struct listing *l, const struct listing *old)
{
	l->walk = old->walk;
	l->looked = old->looked;
	l->opened = old->opened;
	l->last_dir = old->count == l->count ? old->last_dir : UINT32_MAX;
	l->unlisted = old->unlisted;
}

/* Puts dir where the clock's hand is, and moves that on; what was there, or NULL. */
static struct inode *turn(struct inode *dir)
{
	struct vfs *v = vfs();
	struct inode *old;

	lock_take(&v->idle_lock);
	old = v->listed[v->listed_next];
	v->listed[v->listed_next] = dir;
	v->listed_next = (v->listed_next + 1) % LISTING_SLOTS;
	lock_drop(&v->idle_lock);
	return old;
}

void listing_remember(struct inode *dir)
{
	struct inode *i;

	inode_get(dir);
	i = turn(dir);
	for (unsigned n = 0; i != NULL && n < 2 * LISTING_SLOTS; n++) {
		bool full = atomic_load_explicit(&vfs()->listing_bytes, memory_order_relaxed) > LISTING_BYTES;

		if (i == dir || !forget(i, n > 64)) {
			i = turn(i);
			continue;
		}
		inode_put(i);
		if (!full)
			return;
		i = turn(NULL);
	}
	if (i != NULL)
		inode_put(i);
}

uint32_t listing_from(const struct listing *l, uint64_t hash)
{
	uint32_t low = 0, high = l->count;

	while (low < high) {
		uint32_t mid = low + (high - low) / 2;

		if (l->sorted[mid].hash < hash)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

uint32_t listing_index(const struct listing *l, const char *name, uint32_t len)
{
	uint64_t hash = dk_name_hash(name, len);

	for (uint32_t i = listing_from(l, hash); i < l->count && l->sorted[i].hash == hash; i++) {
		const struct listing_entry *e = &l->sorted[i];

		if (e->name_len == len && memcmp(e->name, name, len) == 0)
			return i;
	}
	return UINT32_MAX;
}

/* A partial listing of which attributes are wanted: is it worth reading it again, with attributes? */
static bool listing_worth(const struct listing *l)
{
	return l->partial && (l->count <= WORTH_SMALL || l->looked > 1);
}

/* Those that came with contents. */
static bool attr_of_got(struct listing *l, const char *dir_uri, struct listing_entry *e, struct dk_attributes *out)
{
	bool have;

	while (e->got == NULL)
		if (!tree_more(l, dir_uri))
			return false;
	lock_take(&l->lock);
	have = e->got != NULL;
	if (have)
		*out = e->got->attr;
	lock_drop(&l->lock);
	return have;
}

static bool attr_of_folder(const struct listing_entry *e, const char *dir_uri, struct dk_attributes *out)
{
	size_t room = strlen(dir_uri) + e->name_len + 2u;
	char *uri = heap_alloc_dirty(room);
	bool have;

	if (uri == NULL)
		return false;
	str_copy(uri, dir_uri, room);
	uri_append_name(uri, room, e->name, e->name_len);
	have = tree_attr(uri, e->inode, out);
	heap_free(uri);
	return have;
}

void listing_touch(struct listing *l, const char *name, uint32_t len)
{
	uint64_t bit = dk_name_hash(name, len) % LISTING_TOUCHED;
	uint32_t k = listing_index(l, name, len);

	if (k != UINT32_MAX)
		__atomic_store_n(&l->sorted[k].touched, true, __ATOMIC_RELEASE);
	else
		__atomic_fetch_or(&l->touched[bit / 64], 1ull << bit % 64, __ATOMIC_RELEASE);
	__atomic_store_n(&l->changed, true, __ATOMIC_RELEASE);
}

bool listing_touched(const struct listing *l, const char *name, uint32_t len)
{
	uint64_t bit;
	uint32_t k;

	if (LIKELY(!__atomic_load_n(&l->changed, __ATOMIC_ACQUIRE)))
		return false;
	k = listing_index(l, name, len);
	if (k != UINT32_MAX)
		return __atomic_load_n(&l->sorted[k].touched, __ATOMIC_ACQUIRE);
	bit = dk_name_hash(name, len) % LISTING_TOUCHED;
	return __atomic_load_n(&l->touched[bit / 64], __ATOMIC_ACQUIRE) >> bit % 64 & 1;
}

long listing_attr(struct listing *l, const char *dir_uri, const char *name, uint32_t len, struct dk_attributes *out)
{
	uint32_t k = listing_index(l, name, len);
	struct listing_entry *e = k != UINT32_MAX ? &l->sorted[k] : NULL;

	l->used = true;
	if (e == NULL)
		return -ENOENT;
	if (e->type != DK_TYPE_DIR) {
		l->looked++;
		tree_counts(l, false);
	}
	if (e->attr != NULL) {
		*out = *e->attr;
		return out->nlink == 0 ? -EAGAIN : 0; /* the host would not tell */
	}
	if (e->type == DK_TYPE_DIR)
		return attr_of_folder(e, dir_uri, out) ? 0 : -EAGAIN;
	return attr_of_got(l, dir_uri, e, out) ? 0 : -ENODATA;
}

/* The text of the link that is entry e, in arena memory, or NULL: it did not come. */
static char *target_of(const struct listing_entry *e)
{
	const struct dk_dirent *d = (const void *)((const char *)e->attr - offsetof(struct dk_dirent, attr));
	char *text = d->text_len != 0 && d->text_len == d->attr.size ? arena_alloc(d->text_len + 1u) : NULL;

	if (text != NULL)
		memcpy(text, d->name + d->name_len, d->text_len);
	return text;
}

char *listing_target(struct listing *l, const char *name, uint32_t len)
{
	uint32_t k = listing_index(l, name, len);

	return k != UINT32_MAX && l->sorted[k].type == DK_TYPE_SYMLINK && l->sorted[k].attr != NULL ? target_of(&l->sorted[k]) : NULL;
}

long listing_ask(struct listing **l, struct dentry *dir, const char *dir_uri, const char *name, uint32_t len, struct dk_attributes *out,
	struct listing *(*full)(struct dentry *dir, enum listing_wanted what, long *err))
{
	long err = listing_attr(*l, dir_uri, name, len, out), none;

	if (err != -ENODATA || !listing_worth(*l))
		return err;
	listing_put(*l);
	*l = full(dir, LISTING_FULL, &none);
	return *l == NULL ? -EAGAIN : listing_attr(*l, dir_uri, name, len, out);
}

uint32_t dirent_type(uint32_t mode)
{
	return S_IFMT_(mode) >> 12; /* DT_* are the type bits */
}
