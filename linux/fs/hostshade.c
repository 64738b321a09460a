/* SPDX-License-Identifier: MIT */
/*
 * linux/fs/hostshade.c - what files of -v folders are inside that the host does not hold.
 *
 * The monitor makes no devices and sockets on the host, sets no set-id bits there
 * and no attributes but user.*: a file that a guest leaves behind must not change
 * who runs it or what it opens.  Programs inside get to see them all the same: a
 * node is an empty file on the host, and what it is, its set-id bits and its other
 * extended attributes are kept here, for as long as the sandbox lives.
 *
 * Kept by the host's device, inode number and birth time, so that it is true of
 * hard links and does not fall to a new file with an old number.  One lock; while
 * there is none, nobody takes it.
 */
#include "linux/fs/hostfs.h"
#include "linux/fs/mem.h"

#define BUCKETS 256u

struct shade {
	struct list link;
	uint64_t dev, ino, rdev;
	int64_t btime_ns;
	uint32_t type;            /* S_IFCHR, S_IFBLK, S_IFSOCK, or 0 = what the host says */
	uint32_t bits;            /* set-id bits */
	uint32_t flags;           /* inode.attr_flags */
	struct mem_xattr *xattrs;
};

struct shades {
	LOCK(IPC) lock;
	struct list bucket[BUCKETS];
};

static struct shades *shades(bool make)
{
	struct vfs *v = vfs();
	struct shades *s = __atomic_load_n(&v->shades, __ATOMIC_ACQUIRE), *none = NULL;

	if (s != NULL || !make)
		return s;
	s = arena_alloc(sizeof *s);
	if (s == NULL)
		return NULL;
	lock_init(&s->lock, LOCK_IPC);
	for (unsigned n = 0; n < BUCKETS; n++)
		list_init(&s->bucket[n]);
	if (__atomic_compare_exchange_n(&v->shades, &none, s, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))
		return s;
	arena_free(s);
	return none;
}

static struct list *bucket_of(struct shades *s, struct inode *i)
{
	return &s->bucket[(host(i)->ino ^ host(i)->ino >> 8 ^ host(i)->dev) % BUCKETS];
}

static struct shade *find(struct shades *s, struct inode *i) REQUIRES(IPC)
{
	LIST_FOR(k, bucket_of(s, i), struct shade, link)
		if (k->ino == host(i)->ino && k->dev == host(i)->dev && k->btime_ns == i->btime_ns)
			return k;
	return NULL;
}

/* i's, made if needed; with the lock held, or NULL without it. */
static struct shade *hold(struct inode *i, bool make) TRIES(IPC) LOCK_UNCHECKED("held if it returns one, until let_go")
{
	struct shades *s = shades(make);
	struct shade *k;

	if (s == NULL)
		return NULL;
	lock_take(&s->lock);
	k = find(s, i);
	if (k == NULL && make && (k = arena_alloc(sizeof *k)) != NULL) {
		*k = (struct shade){ .dev = host(i)->dev, .ino = host(i)->ino, .btime_ns = i->btime_ns };
		list_append(bucket_of(s, i), &k->link);
	}
	if (k == NULL)
		lock_drop(&s->lock);
	return k;
}

static void let_go(void) RELEASES(IPC) LOCK_UNCHECKED("see hold")
{
	lock_drop(&shades(false)->lock);
}

void shade_apply(struct inode *i)
{
	struct shade *k = hold(i, false);

	if (!k)
		return;
	i->mode |= k->bits;
	i->attr_flags = k->flags;
	if (k->type != 0) {
		i->mode = (i->mode & 07777) | k->type;
		i->rdev = k->rdev;
	}
	let_go();
}

long shade_set_bits(struct inode *i, uint32_t bits)
{
	struct shade *k = hold(i, bits != 0);

	if (!k)
		return bits == 0 ? 0 : -ENOSPC;
	k->bits = bits;
	let_go();
	return 0;
}

long shade_set_flags(struct inode *i, uint32_t flags)
{
	struct shade *k = hold(i, flags != 0);

	if (!k)
		return flags == 0 ? 0 : -ENOSPC;
	k->flags = flags;
	let_go();
	return 0;
}

long shade_set_node(struct inode *i, uint32_t type, uint64_t rdev)
{
	struct shade *k = hold(i, true);

	if (!k)
		return -ENOSPC;
	k->type = type;
	k->rdev = rdev;
	let_go();
	return 0;
}

void shade_forget(struct inode *i)
{
	struct shade *k = hold(i, false);

	if (!k)
		return;
	list_remove(&k->link);
	let_go();
	mem_xattrs_free(k->xattrs);
	arena_free(k);
}

long shade_getxattr(struct inode *i, const char *name, void *buf, size_t size)
{
	struct shade *k = hold(i, false);
	long n = -ENODATA;

	if (!k)
		return n;
	n = mem_xattrs_get(k->xattrs, name, buf, size);
	let_go();
	return n;
}

long shade_setxattr(struct inode *i, const char *name, const void *value, size_t size)
{
	struct mem_xattr *x = value != NULL ? mem_xattr_new(name, value, size) : NULL, *old;
	struct shade *k;

	if (value != NULL && x == NULL)
		return -ENOSPC;
	k = hold(i, value != NULL);
	if (!k) {
		arena_free(x);
		return value == NULL ? -ENODATA : -ENOSPC;
	}
	old = mem_xattrs_exchange(&k->xattrs, name, x);
	let_go();
	arena_free(old);
	return value != NULL || old != NULL ? 0 : -ENODATA;
}

long shade_listxattr(struct inode *i, char *buf, size_t size, long at)
{
	struct shade *k = hold(i, false);

	if (!k)
		return at;
	at = mem_xattrs_list(k->xattrs, buf, size, at);
	let_go();
	return at;
}
