/* SPDX-License-Identifier: MIT */
/*
 * nt/os/spelling.c - how a folder spells a name: in other cases, or by its short name.
 *
 * What a folder holds is remembered, by hashes of upper case names, in this picoprocess: up to date as long
 * as the folder counts no change of names (inode.dirgen), and for no longer than a second where the host may change it
 * behind us.  So looking for what is nowhere, as every program does that has its DLLs looked for in four folders,
 * reads each of them once.
 *
 * The cache is private memory under NTFILE (a forked child of a Linux program never has any).
 */
#include "nt/os/file.h"
#include "nt/os/spelling.h"
#include "linux/fs/fs.h"
#include "nt/rtl/shortname.h"
#include "nt/rtl/unicode.h"
#include "nt/rtl/upcase.h"

#define FOLDERS    48u
#define CACHE_MAX  (4u << 20) /* bytes of all remembered folders */
#define TRUST_MEM  5000000000ull

struct name {
	uint32_t hash, next; /* next in its bucket, UINT32_MAX: the last one */
	uint32_t text, len;  /* UTF-8, in the folder's text */
};

struct folder {
	struct inode *inode; /* compare only */
	uint64_t ino, gen, until, used;
	uint32_t count, room, text_size, text_room, mask;
	struct name *names;
	uint32_t *bucket;
	char *text;
};

static struct {
	LOCK(NTFILE) lock;
	uint32_t ready;
	uint64_t clock, bytes;
	struct folder folder[FOLDERS];
} cache;

/* ---- Reading a folder ---- */

struct reader {
	struct dir_emit emit; /* first */
	struct folder *f;
	bool failed;
};

static bool grow(void **p, uint32_t *room, uint32_t need, uint32_t unit)
{
	uint32_t n = MAX(*room, 64u);
	void *new;

	if (need <= *room)
		return true;
	while (n < need)
		n *= 2;
	new = heap_realloc(*p, (size_t)n * unit);
	if (new == NULL)
		return false;
	*p = new;
	*room = n;
	return true;
}

static uint32_t hash_of(const char *name, uint32_t len)
{
	WCHAR w[NAME_LIMIT + 1];
	uint32_t size = rtl_utf8_to_utf16(w, sizeof w, name, len);

	return rtl_hash(w, MIN(size, (uint32_t)sizeof w));
}

static bool take_name(struct dir_emit *e, const char *name, uint32_t len, uint64_t ino, uint32_t type, uint64_t next_pos)
{
	struct reader *r = CONTAINER_OF(e, struct reader, emit);
	struct folder *f = r->f;

	if (!grow((void **)&f->names, &f->room, f->count + 1, sizeof *f->names) ||
	    !grow((void **)&f->text, &f->text_room, f->text_size + len, 1)) {
		r->failed = true;
		return false;
	}
	f->names[f->count++] = (struct name){ .hash = hash_of(name, len), .text = f->text_size, .len = len };
	memcpy(f->text + f->text_size, name, len);
	f->text_size += len;
	return true;
}

static uint64_t folder_bytes(const struct folder *f)
{
	return (uint64_t)f->room * sizeof *f->names + f->text_room + (f->bucket != NULL ? (f->mask + 1) * sizeof *f->bucket : 0);
}

static void folder_empty(struct folder *f)
{
	cache.bytes -= folder_bytes(f);
	heap_free(f->names);
	heap_free(f->text);
	heap_free(f->bucket);
	*f = (struct folder){ 0 };
}

static bool folder_hash(struct folder *f)
{
	uint32_t n = 16;

	while (n < f->count)
		n *= 2;
	f->bucket = heap_alloc(n * sizeof *f->bucket);
	if (f->bucket == NULL)
		return false;
	f->mask = n - 1;
	memset(f->bucket, 0xff, n * sizeof *f->bucket);
	for (uint32_t i = 0; i < f->count; i++) {
		f->names[i].next = f->bucket[f->names[i].hash & f->mask];
		f->bucket[f->names[i].hash & f->mask] = i;
	}
	return true;
}

static bool folder_read(struct folder *f, struct dentry *d)
{
	const struct inode_ops *ops = inode_ops(d->inode);
	struct reader r = { { take_name }, f, false };
	uint64_t pos = 2, now = pico_now_coarse();
	long err = 0;

	f->inode = d->inode;
	f->ino = d->inode->ino;
	f->gen = atomic_load(&d->inode->dirgen);
	f->until = now + (d->inode->kind == INODE_MEM ? TRUST_MEM : TRUST_NS);
	while (err == 0 && !r.failed && ops->readdir != NULL) {
		uint32_t before = f->count;

		err = ops->readdir(lx_current(), d, &pos, &r.emit);
		if (f->count == before)
			break;
	}
	return err == 0 && !r.failed && folder_hash(f);
}

static bool folder_current(const struct folder *f, const struct inode *i)
{
	return f->inode == i && f->ino == i->ino && f->gen == atomic_load(&i->dirgen) && f->until > pico_now_coarse();
}

/* What d holds, read anew if need be; the least used one goes.  NULL: it cannot be read. */
static struct folder *folder_of(struct dentry *d) REQUIRES(NTFILE)
{
	struct folder *worst = &cache.folder[0];

	for (uint32_t i = 0; i < FOLDERS; i++) {
		struct folder *f = &cache.folder[i];

		if (folder_current(f, d->inode)) {
			f->used = ++cache.clock;
			return f;
		}
		if (f->inode == d->inode)
			f->used = 0;
		if (f->used < worst->used)
			worst = f;
	}
	folder_empty(worst);
	if (!folder_read(worst, d)) {
		cache.bytes += folder_bytes(worst);
		folder_empty(worst);
		return NULL;
	}
	worst->used = ++cache.clock;
	cache.bytes += folder_bytes(worst);
	if (cache.bytes > CACHE_MAX)
		for (uint32_t i = 0; i < FOLDERS; i++)
			if (&cache.folder[i] != worst)
				folder_empty(&cache.folder[i]);
	return worst;
}

static bool same_name(const char *a, uint32_t alen, const char *b, uint32_t blen)
{
	WCHAR wa[NAME_LIMIT + 1], wb[NAME_LIMIT + 1];
	uint32_t na = rtl_utf8_to_utf16(wa, sizeof wa, a, alen), nb = rtl_utf8_to_utf16(wb, sizeof wb, b, blen);

	return na <= sizeof wa && nb <= sizeof wb && rtl_equal(wa, na, wb, nb, true);
}

static void cache_lock(void) ACQUIRES(NTFILE)
{
	uint32_t none = 0;

	if (UNLIKELY(__atomic_load_n(&cache.ready, __ATOMIC_ACQUIRE) != 2)) {
		if (__atomic_compare_exchange_n(&cache.ready, &none, 1, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE)) {
			lock_init(&cache.lock, LOCK_NTFILE);
			__atomic_store_n(&cache.ready, 2, __ATOMIC_RELEASE);
		}
		while (__atomic_load_n(&cache.ready, __ATOMIC_ACQUIRE) != 2)
			__builtin_ia32_pause();
	}
	lock_take(&cache.lock);
}

/* Is name the short one of k, which is another? */
static bool is_short_of(const char *k, uint32_t klen, const WCHAR *name, uint32_t size)
{
	WCHAR wide[NAME_LIMIT + 1], brief[12];
	uint32_t n = rtl_utf8_to_utf16(wide, sizeof wide, k, klen), m = n <= sizeof wide ? rtl_short_name(brief, wide, n) : 0;

	return m != 0 && rtl_equal(brief, m, name, size, true);
}

/* The name in f that has this short one; NULL: none. */
static const struct name *by_short_name(const struct folder *f, const char *name, uint32_t len)
{
	WCHAR wide[12];
	uint32_t size;

	if (f == NULL || len > 12 || memchr(name, '~', len) == NULL || (size = rtl_utf8_to_utf16(wide, sizeof wide, name, len)) > sizeof wide)
		return NULL;
	for (uint32_t i = 0; i < f->count; i++)
		if (f->names[i].len <= NAME_LIMIT && is_short_of(f->text + f->names[i].text, f->names[i].len, wide, size))
			return &f->names[i];
	return NULL;
}

uint32_t os_other_spelling(struct dentry *d, const char *name, uint32_t len, char *to)
{
	uint32_t hash = hash_of(name, len), n = 0;
	struct folder *f;

	cache_lock();
	f = folder_of(d);
	for (uint32_t i = f != NULL ? f->bucket[hash & f->mask] : UINT32_MAX; i != UINT32_MAX; i = f->names[i].next) {
		const struct name *k = &f->names[i];

		if (k->hash != hash || k->len > NAME_LIMIT || !same_name(f->text + k->text, k->len, name, len))
			continue;
		n = k->len;
		memcpy(to, f->text + k->text, n);
		break;
	}
	if (n == 0) {
		const struct name *k = by_short_name(f, name, len);

		n = k != NULL ? k->len : 0;
		if (n != 0)
			memcpy(to, f->text + k->text, n);
	}
	lock_drop(&cache.lock);
	return n;
}

bool os_dir_spelling(struct file *f, char *name, uint32_t room)
{
	struct path dir = f->path;
	struct dentry *d;
	char found[NAME_LIMIT + 1];
	uint32_t len = (uint32_t)strlen(name);

	if (len == 0 || len > NAME_LIMIT || strchr(name, '/') != NULL)
		return false;
	if (last_is_dots(name))
		return true;
	if (walk_last(lx_current(), &dir, name, &d) == 0) {
		bool there = d->inode != NULL;

		dentry_put(d);
		if (there)
			return true;
	}
	len = os_other_spelling(dir.dentry, name, len, found);
	if (len == 0 || len >= room)
		return false;
	memcpy(name, found, len);
	name[len] = '\0';
	return true;
}
