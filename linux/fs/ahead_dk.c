/* SPDX-License-Identifier: MIT */
/*
 * linux/fs/ahead_dk.c - opening files of a host folder before they are asked for.
 *
 * Who starts a program knows which files it will open first, and each would be a trip to the monitor.  Here they come
 * in one: names get their dentries, as a look-up would make them, and files their host file (mem_priv.stream), which waits for its
 * open like one that was closed.  It is all a guess: what cannot be had at once, or is known already, is left
 * to whoever asks.  Only of folders of an overlay that still show the host's.
 */
#include "linux/fs/mem.h"
#include "linux/fs/namei.h"

struct ahead {
	struct dentry *dir;
	uint64_t gen, until; /* of the folder, before the trip; believed up to then */
	const char *name[DK_OPENED_NAMES];
	uint32_t count;
};

/* Is nothing to be gained by asking for it? */
static bool is_known(struct dentry *dir, const char *name, uint64_t now)
{
	struct dentry *d = dentry_find(dir, name, (uint32_t)strlen(name));
	bool known;

	if (d == NULL)
		return mem_has_entry(dir->inode, name, (uint32_t)strlen(name));
	known = d->valid_until > now && (d->inode == NULL || d->inode->kind != INODE_MEM || !(mem(d->inode)->flags & MEM_LOWER) ||
		mem(d->inode)->stream != DK_NO_HANDLE);
	dentry_put(d);
	return known;
}

static char *question(const struct ahead *a)
{
	char *names = heap_alloc(a->count * (NAME_LIMIT + 1)), *uri;
	size_t at = 0;

	if (names == NULL)
		return NULL;
	for (uint32_t i = 0; i < a->count; i++) {
		if (i > 0)
			names[at++] = '/';
		at += str_copy(names + at, a->name[i], NAME_LIMIT);
	}
	uri = uri_with_query(mem(a->dir->inode)->lower, names);
	heap_free(names);
	return uri;
}

/* A name's answer and its stream (taken over), as mem_lookup would enter them. */
static void enter(struct dentry *dir, const char *name, const struct dk_opened *o, uint64_t gen, uint64_t until)
{
	uint32_t len = (uint32_t)strlen(name);
	struct inode *i = NULL;
	struct dentry *d, *now;

	if (o->stream != DK_NO_HANDLE) {
		i = mem_lower_new(dir->inode->fs, mem(dir->inode)->lower, name, len, &o->attr, NULL, until);
		if (i == NULL) {
			(void)DkObjectClose(o->stream);
			return;
		}
		mem(i)->stream = o->stream;
		mem(i)->flags |= MEM_IDLE;
		mem_lower_idle(i);
	}
	d = dentry_new(dir, name, len, i);
	if (d == NULL) {
		if (i != NULL)
			inode_put(i);
		return;
	}
	d->valid_until = until;
	now = dentry_insert(d, gen);
	if (now != NULL && now != d)
		dentry_put(now);
	dentry_put(d);
}

static void take(const struct ahead *a, const char *name, const struct dk_opened *o)
{
	struct dentry *d = dentry_find(a->dir, name, (uint32_t)strlen(name));

	if (d != NULL) {
		if (o->stream != DK_NO_HANDLE && d->inode != NULL && mem_lower_again(d->inode, &o->attr, o->stream, a->until))
			d->valid_until = a->until;
		else if (o->stream != DK_NO_HANDLE)
			(void)DkObjectClose(o->stream);
		dentry_put(d);
		return;
	}
	if (o->stream != DK_NO_HANDLE || o->status == DK_NOT_FOUND)
		enter(a->dir, name, o, a->gen, a->until);
}

static void ask(const struct ahead *a)
{
	struct dk_opened *answer = heap_alloc_dirty(DK_OPENED_NAMES * sizeof *answer);
	char *uri = question(a);
	uint64_t size = 0;

	if (answer != NULL && uri != NULL &&
		DkStreamAttributesQuery(uri, DK_ATTR_OPENED, answer, DK_OPENED_NAMES * sizeof *answer, &size) == DK_OK)
		for (uint32_t i = 0; i < a->count && i < size / sizeof *answer; i++)
			take(a, a->name[i], &answer[i]);
	heap_free(uri);
	heap_free(answer);
}

void open_ahead(struct lx_thread *t, const char *folder, const char *const *names, uint32_t count)
{
	uint64_t now = pico_now_coarse();
	struct ahead a = { .until = now + TRUST_NS };
	struct path p;

	if (path_walk(t, AT_FDCWD, folder, WALK_FOLLOW | WALK_DIRECTORY, &p, NULL) != 0)
		return;
	a.dir = p.dentry;
	if (a.dir->inode->kind == INODE_MEM && (mem(a.dir->inode)->flags & MEM_LOWER) && mem(a.dir->inode)->lower != NULL) {
		a.gen = atomic_load(&a.dir->inode->dirgen);
		for (uint32_t i = 0; i < count && a.count < DK_OPENED_NAMES; i++)
			if (strlen(names[i]) <= NAME_LIMIT && !is_known(a.dir, names[i], now))
				a.name[a.count++] = names[i];
		if (a.count > 0)
			ask(&a);
	}
	path_put(&p);
}
