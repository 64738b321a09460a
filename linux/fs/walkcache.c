/* SPDX-License-Identifier: MIT */
/*
 * linux/fs/walkcache.c - the folders that a process last looked something up in.
 *
 * A walk of three components makes two dozen atomic operations: locks of hash buckets,
 * references taken and given back.  Most walks of a process end in one of few folders, so
 * it remembers where the text up to the last component led: WALK_ENTRIES of them, in the
 * arena beside its process object, made when it has walked a while.
 *
 * An entry is true while nothing changed that it went through.  vfs->tree_gen counts what
 * could: a directory or link that was renamed, removed or replaced, a mount, a mode or owner
 * of a directory, a root, a list of groups.  The count is read before the walk that fills an
 * entry, and raised after a change is made and before the call that makes it is over.
 * What came from the host is trusted for as long as its dentries are.
 *
 * An entry holds references on its directory and that one's file system; not on the mount, since that would make it
 * busy.  Mount objects are never anything else (mount.c), so a reference that can still be
 * had, with the count unchanged after that, is on the right one.  `busy` is a lock that
 * nobody waits for: who finds it taken walks.
 */
#include "linux/fs/fs.h"
#include "linux/proc/proc.h"

#define WALK_ENTRIES 4u
#define WALK_TEXT    64u
#define WALKS_BEFORE 16u /* short-lived processes never get there */

struct walk_entry {
	_Atomic uint32_t busy;
	uint32_t len;                  /* of text; 0: nothing yet */
	uint32_t wanted;               /* hash of a text that was missed: it gets the entry if it comes again */
	uint32_t fsuid, fsgid;
	uint64_t caps, gen, until;
	const struct mount *root_mnt;  /* compared only */
	const struct dentry *root;
	struct mount *mnt;             /* no reference */
	struct dentry *dir;            /* a reference */
	struct mount_fs *dir_fs;       /* a reference: a root inode has none of its own */
	char text[WALK_TEXT];
};
struct walk_cache {
	struct walk_entry entry[WALK_ENTRIES];
};

void vfs_tree_changed(void)
{
	atomic_fetch_add(&vfs()->tree_gen, 1);
}

uint32_t walk_prefix(const char *name, size_t len, uint32_t flags)
{
	while (len > 0 && name[len - 1] == '/')
		len--;
	while (len > 0 && name[len - 1] != '/')
		len--;
	if (len < 2 || len > WALK_TEXT || name[0] != '/' || flags & (WALK_BENEATH | WALK_IN_ROOT | WALK_NO_XDEV | WALK_NO_SYMLINKS | WALK_NO_MAGIC))
		return 0;
	return (uint32_t)len;
}

static uint32_t text_hash(const char *text, uint32_t len)
{
	uint64_t tail;

	memcpy(&tail, text + (len >= 8 ? len - 8 : 0), len >= 8 ? 8 : 1);
	return (uint32_t)((tail + len) * 0x9e3779b97f4a7c15ull >> 32) | 1;
}

static struct walk_entry *entry_of(struct lx_proc *p, const char *text, uint32_t len, uint32_t *hash)
{
	struct walk_cache *c = __atomic_load_n(&p->walk_cache, __ATOMIC_ACQUIRE);

	*hash = text_hash(text, len);
	return c == NULL ? NULL : &c->entry[*hash >> 8 & (WALK_ENTRIES - 1)];
}

static bool take(struct walk_entry *e)
{
	return atomic_load_explicit(&e->busy, memory_order_relaxed) == 0 && atomic_exchange_explicit(&e->busy, 1, memory_order_acquire) == 0;
}

static void give(struct walk_entry *e)
{
	atomic_store_explicit(&e->busy, 0, memory_order_release);
}

static bool fits(const struct walk_entry *e, const struct lx_thread *t, const char *text, uint32_t len, struct lookup *hint)
{
	const struct fs_context *fs = t->proc->fs;

	return e->len == len && memcmp(e->text, text, len) == 0 && e->gen == atomic_load(&vfs()->tree_gen) && fs != NULL &&
	       e->root == fs->root.dentry && e->root_mnt == fs->root.mnt && e->fsuid == t->cred.fsuid && e->fsgid == t->cred.fsgid &&
	       e->caps == t->cred.cap_effective && (e->until == UINT64_MAX || host_believed(e->until, hint_now(hint)));
}

bool walk_cached(struct lx_thread *t, const char *text, uint32_t len, struct lookup *hint, struct path *out)
{
	uint32_t hash;
	struct walk_entry *e = entry_of(t->proc, text, len, &hash);
	bool found = false;

	if (e == NULL || !take(e))
		return false;
	if (fits(e, t, text, len, hint) && ref_get_live(&e->mnt->ref)) {
		*out = (struct path){ e->mnt, e->dir };
		dentry_get(out->dentry);
		found = e->gen == atomic_load(&vfs()->tree_gen);
	} else
		out->mnt = NULL;
	give(e);
	if (!found && out->mnt != NULL)
		path_put(out);
	return found;
}

static void make_cache(struct lx_proc *p)
{
	struct walk_cache *new = arena_alloc(sizeof *new), *none = NULL;

	if (new != NULL && !__atomic_compare_exchange_n(&p->walk_cache, &none, new, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST))
		arena_free(new);
}

bool walk_wanted(struct lx_thread *t, const char *text, uint32_t len)
{
	struct lx_proc *p = t->proc;
	struct walk_entry *e;
	uint32_t hash;

	if (p->walk_cache == NULL && ++p->walks < WALKS_BEFORE)
		return false;
	if (p->walk_cache == NULL)
		make_cache(p);
	e = entry_of(p, text, len, &hash);
	if (e == NULL || e->wanted == hash)
		return e != NULL;
	e->wanted = hash;
	return false;
}

static void let_go(const struct walk_entry *e)
{
	if (e->len == 0)
		return;
	dentry_put(e->dir);
	mount_fs_put(e->dir_fs);
}

void walk_remember(struct lx_thread *t, const char *text, uint32_t len, uint64_t gen, uint64_t until, const struct path *dir)
{
	const struct fs_context *fs = t->proc->fs;
	struct walk_entry *e, old;
	uint32_t hash;

	e = entry_of(t->proc, text, len, &hash);
	if (e == NULL || fs == NULL || !take(e))
		return;
	old = *e;
	e->gen = gen;
	e->until = until;
	e->root = fs->root.dentry;
	e->root_mnt = fs->root.mnt;
	e->fsuid = t->cred.fsuid;
	e->fsgid = t->cred.fsgid;
	e->caps = t->cred.cap_effective;
	e->mnt = dir->mnt;
	e->dir = dir->dentry;
	e->dir_fs = dir->mnt->fs;
	dentry_get(dir->dentry);
	ref_get(&e->dir_fs->ref);
	memcpy(e->text, text, len);
	e->len = len;
	give(e);
	let_go(&old);
}

void walk_cache_free(struct lx_proc *p)
{
	struct walk_cache *c = p->walk_cache;

	if (c == NULL)
		return;
	p->walk_cache = NULL;
	for (unsigned i = 0; i < WALK_ENTRIES; i++)
		let_go(&c->entry[i]);
	arena_free(c);
}
