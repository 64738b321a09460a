/* SPDX-License-Identifier: MIT */
/*
 * nt/os/path.c - names of files without regard to case.
 *
 * A path is walked as it is written first: most programs write names as they are, and then it costs what it
 * costs a Linux program.  Only a name that is missing is looked for in its folder's other spellings, component by
 * component.  What a folder holds is remembered, by hashes of upper case names, in this picoprocess: up to date as long
 * as the folder counts no change of names (inode.dirgen), and for no longer than a second where the host may change it
 * behind us.  So looking for what is nowhere, as every program does that has its DLLs looked for in four folders,
 * reads each of them once.
 *
 * The cache is private memory under NTFILE (a forked child of a Linux program never has any).
 */
#include "nt/os/file.h"
#include "linux/fs/fs.h"
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

char *os_text(void)
{
	return path_buf();
}

void os_text_free(char *text)
{
	path_buf_free(text);
}

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

/* How the folder d spells name, which is not there as it is written: bytes in to, 0: not at all. */
static uint32_t other_spelling(struct dentry *d, const char *name, uint32_t len, char *to)
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
	len = other_spelling(dir.dentry, name, len, found);
	if (len == 0 || len >= room)
		return false;
	memcpy(name, found, len);
	name[len] = '\0';
	return true;
}

/* ---- Walking ---- */

static uint32_t walk_flags(uint32_t how)
{
	return (how & OS_FIND_NOFOLLOW ? 0 : WALK_FOLLOW) | (how & OS_FIND_READ ? WALK_READ : 0);
}

static long walk(const char *text, uint32_t flags, struct path *out)
{
	return path_walk(lx_current(), AT_FDCWD, text, flags, out, NULL);
}

/* False: nothing of it was upper case. */
static bool lower_case(char *name, uint32_t len)
{
	bool changed = false;

	for (uint32_t i = 0; i < len; i++)
		if (name[i] >= 'A' && name[i] <= 'Z') {
			name[i] += 'a' - 'A';
			changed = true;
		}
	return changed;
}

/* Finds one name of the path in old, len bytes from at on, below the folder whose text is new[0..*size): adds it.
   -ENOENT: no such name; it is added as it is written. */
static long add_name(char *new, uint32_t *size, const char *name, uint32_t len)
{
	char found[NAME_LIMIT + 1];
	struct path dir, p;
	uint32_t n;
	long err;

	if (len > NAME_LIMIT || *size + len + 2 > OS_PATH_MAX)
		return -ENAMETOOLONG;
	new[*size] = '\0';
	err = walk(*size == 0 ? "/" : new, WALK_FOLLOW | WALK_DIRECTORY, &dir);
	if (err < 0)
		return err == -ENOENT ? -ENOTDIR : err;
	new[*size] = '/';
	memcpy(new + *size + 1, name, len);
	new[*size + 1 + len] = '\0';
	err = walk(new, 0, &p);
	if (err == -ENOENT && lower_case(new + *size + 1, len)) { /* as most names of DLLs are */
		err = walk(new, 0, &p);
		if (err == -ENOENT)
			memcpy(new + *size + 1, name, len);
	}
	if (err == 0)
		path_put(&p);
	else if (err == -ENOENT && (n = other_spelling(dir.dentry, name, len, found)) != 0) {
		if (*size + n + 2 > OS_PATH_MAX)
			err = -ENAMETOOLONG;
		else {
			memcpy(new + *size + 1, found, n);
			len = n;
			err = 0;
		}
	}
	path_put(&dir);
	*size += 1 + len;
	new[*size] = '\0';
	return err;
}

/* The part of text before its last name, if that leads to a folder as it is written; else 0. */
static uint32_t good_parent(char *text)
{
	uint32_t at = (uint32_t)strlen(text);
	struct path p;
	long err;

	while (at > 0 && text[at - 1] != '/')
		at--;
	if (at <= 1)
		return 0;
	text[at - 1] = '\0';
	err = walk(text, WALK_FOLLOW | WALK_DIRECTORY, &p);
	text[at - 1] = '/';
	if (err == 0)
		path_put(&p);
	return err == 0 ? at - 1 : 0;
}

/* Spells text as the folders do.  -ENOENT: its last name is nowhere; -ENOTDIR: one before it. */
static long respell(char *text)
{
	char *new = path_buf();
	uint32_t size = new != NULL ? good_parent(text) : 0;
	long err = new != NULL ? 0 : -ENOMEM;

	if (size != 0)
		memcpy(new, text, size);
	for (const char *p = text + size; err == 0;) {
		uint32_t len;

		while (*p == '/')
			p++;
		len = last_len(p);
		if (len == 0)
			break;
		err = add_name(new, &size, p, len);
		p += len;
		while (*p == '/')
			p++;
		if (err == -ENOENT && *p != '\0')
			err = -ENOTDIR;
	}
	if ((err == 0 || err == -ENOENT) && size != 0)
		memcpy(text, new, size + 1);
	path_buf_free(new);
	return err;
}

NTSTATUS os_path_find(char *text, uint32_t how, struct os_path *out)
{
	uint32_t flags = walk_flags(how);
	struct path p;
	long err = walk(text, flags, &p);

	if ((err == -ENOENT || err == -ENOTDIR) && !(how & OS_FIND_CASE)) {
		err = respell(text);
		if (err == 0)
			err = walk(text, flags, &p);
	}
	*out = (struct os_path){ NULL, NULL };
	if (err == 0) {
		if (UNLIKELY(p.dentry->flags & D_FILE)) { /* /proc/PID/fd of what has no name */
			path_put(&p);
			return STATUS_OBJECT_NAME_NOT_FOUND;
		}
		*out = (struct os_path){ p.mnt, p.dentry };
	}
	return err == -ENOTDIR ? (NTSTATUS)STATUS_OBJECT_PATH_NOT_FOUND : os_status(err);
}

void os_path_put(struct os_path *p)
{
	struct path path = { p->mount, p->dentry };

	if (p->dentry != NULL)
		path_put(&path);
	*p = (struct os_path){ NULL, NULL };
}

void *os_path_inode(const struct os_path *p)
{
	return ((const struct dentry *)p->dentry)->inode;
}

/* ---- Texts ---- */

static int text_of(const struct path *p, char *buf, uint32_t size)
{
	long n;

	if (p->dentry == NULL || (p->dentry->flags & (D_DELETED | D_FILE)))
		return -1;
	n = path_text(lx_current(), p, buf, size);
	return n < 0 ? -1 : (int)n;
}

int os_path_text(const struct os_path *p, char *buf, uint32_t size)
{
	struct path path = { p->mount, p->dentry };

	return text_of(&path, buf, size);
}

int os_file_text(struct file *f, char *buf, uint32_t size)
{
	return text_of(&f->path, buf, size);
}

NTSTATUS os_cwd(char *buf, uint32_t size)
{
	struct path p;
	long err = path_walk(lx_current(), AT_FDCWD, ".", WALK_FOLLOW, &p, NULL);

	if (err == 0) {
		err = path_text(lx_current(), &p, buf, size);
		path_put(&p);
	}
	return err < 0 ? os_status(err) : STATUS_SUCCESS;
}
