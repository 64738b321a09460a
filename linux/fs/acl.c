/* SPDX-License-Identifier: MIT */
/*
 * linux/fs/acl.c - POSIX access control lists: acl(5), and setxattr(2) of system.posix_acl_*.
 *
 * A list is kept as the extended attribute's value that it came as, checked, with the ids of the
 * initial user namespace, among the inode's other attributes; inode.special says which there are, so
 * that files without lists pay one test.  The owner's, the mask's (or the group's) and the others'
 * entries of an access list always equal the mode's bits: a list that says no more is not kept.
 */
#include "linux/fs/acl.h"
#include "linux/fs/mem.h"
#include "linux/ns/ns.h"

#define ACL_VERSION   2u
#define ENTRIES_MAX   1024u /* what fits into an attribute's limit many times over */

enum { ACL_USER_OBJ = 1, ACL_USER = 2, ACL_GROUP_OBJ = 4, ACL_GROUP = 8, ACL_MASK = 16, ACL_OTHER = 32 };

/* As in the attribute, which begins anywhere. */
struct acl_entry {
	uint16_t tag, perm;
	uint32_t id;
} __attribute__((packed));
struct acl {
	uint32_t version;
	struct acl_entry entry[];
} __attribute__((packed));

static const char *const names[3] = { NULL, "system.posix_acl_access", "system.posix_acl_default" };

uint32_t acl_of_name(const char *name)
{
	return strcmp(name, names[ACL_ACCESS]) == 0 ? ACL_ACCESS : strcmp(name, names[ACL_DEFAULT]) == 0 ? ACL_DEFAULT : 0;
}

static uint32_t entries(size_t size)
{
	return (uint32_t)((size - sizeof(struct acl)) / sizeof(struct acl_entry));
}

static size_t size_of(uint32_t count)
{
	return sizeof(struct acl) + count * sizeof(struct acl_entry);
}

/* ---- Values ---- */

/* Tags in order, each of the single ones once, a mask where there are named ones. */
static bool is_valid(const struct acl *a, uint32_t count)
{
	uint32_t seen = 0, last = 0;

	for (const struct acl_entry *e = a->entry; e < a->entry + count; e++) {
		bool named = e->tag == ACL_USER || e->tag == ACL_GROUP;

		if (e->tag == 0 || e->tag > ACL_OTHER || (e->tag & (e->tag - 1)) || e->tag < last || (e->tag == last && !named) || e->perm > 7)
			return false;
		if (named && e->id == NO_ID)
			return false;
		seen |= e->tag;
		last = e->tag;
	}
	if ((seen & (ACL_USER_OBJ | ACL_GROUP_OBJ | ACL_OTHER)) != (ACL_USER_OBJ | ACL_GROUP_OBJ | ACL_OTHER))
		return false;
	return !(seen & (ACL_USER | ACL_GROUP)) || (seen & ACL_MASK);
}

/* The caller's value into *out (heap), with global ids; NULL: an empty list. */
static long value_in(struct lx_thread *t, const void *value, size_t size, struct acl **out)
{
	struct acl *a;
	uint32_t n;

	*out = NULL;
	if (value == NULL || size == 0)
		return 0;
	if (size < sizeof *a)
		return -EINVAL;
	if (((const struct acl *)value)->version != ACL_VERSION)
		return -EOPNOTSUPP;
	n = entries(size);
	if (size_of(n) != size || n > ENTRIES_MAX)
		return -EINVAL;
	if (n == 0)
		return 0;
	a = heap_alloc(size);
	if (a == NULL)
		return -ENOMEM;
	memcpy(a, value, size);
	for (struct acl_entry *e = a->entry; e < a->entry + n; e++)
		e->id = e->tag == ACL_USER ? uid_in(t, e->id) : e->tag == ACL_GROUP ? gid_in(t, e->id) : NO_ID;
	if (is_valid(a, n)) {
		*out = a;
		return 0;
	}
	heap_free(a);
	return -EINVAL;
}

/* The entry that is the mode's bits for the group. */
static struct acl_entry *group_entry(struct acl *a, uint32_t count)
{
	struct acl_entry *group = NULL;

	for (struct acl_entry *e = a->entry; e < a->entry + count; e++) {
		if (e->tag == ACL_MASK)
			return e;
		if (e->tag == ACL_GROUP_OBJ)
			group = e;
	}
	return group;
}

static uint32_t mode_of(struct acl *a, uint32_t count)
{
	return (uint32_t)a->entry[0].perm << 6 | (uint32_t)group_entry(a, count)->perm << 3 | a->entry[count - 1].perm;
}

static void set_mode(struct acl *a, uint32_t count, uint32_t mode)
{
	a->entry[0].perm = mode >> 6 & 7;
	group_entry(a, count)->perm = mode >> 3 & 7;
	a->entry[count - 1].perm = mode & 7;
}

/* Says no more than a mode. */
static bool is_plain(uint32_t count)
{
	return count == 3;
}

/* ---- The attribute's calls ---- */

long acl_get(struct lx_thread *t, struct inode *i, uint32_t which, void *buf, size_t size)
{
	struct acl *a = buf;
	long n;

	if (IS_LNK(i) || i->kind != INODE_MEM)
		return -EOPNOTSUPP;
	if (!(i->special & which))
		return -ENODATA;
	n = mem_getxattr(t, i, names[which], buf, size);
	if (n <= 0 || size == 0)
		return n;
	for (struct acl_entry *e = a->entry; e < a->entry + entries((size_t)n); e++)
		e->id = e->tag == ACL_USER ? uid_out(t, e->id) : e->tag == ACL_GROUP ? gid_out(t, e->id) : NO_ID;
	return n;
}

/* Keeps a list, or none (NULL). */
static long store(struct lx_thread *t, struct dentry *d, uint32_t which, const struct acl *a, size_t size)
{
	struct inode *i = d->inode;
	long err;

	if (a == NULL && !(i->special & which))
		return 0;
	err = mem_setxattr(t, d, names[which], a, size, 0);
	if (err == -ENODATA)
		err = 0;
	if (err != 0)
		return err;
	lock_take(&i->lock);
	i->special = a != NULL ? i->special | which : i->special & ~which;
	lock_drop(&i->lock);
	if (IS_DIR(i))
		vfs_tree_changed(); /* folders that were remembered were allowed by the old one */
	return 0;
}

static long set_access(struct lx_thread *t, const struct path *p, struct acl *a, size_t size)
{
	struct inode *i = p->dentry->inode;
	struct inode_attr attr = { .valid = IATTR_MODE };
	long err;

	if (a == NULL)
		return store(t, p->dentry, ACL_ACCESS, NULL, 0);
	attr.mode = (i->mode & 07000) | mode_of(a, entries(size));
	if ((attr.mode & LX_S_ISGID) && t->cred.fsgid != i->gid && !lx_in_group(t, i->gid) && !inode_capable(t, i, CAP_FSETID))
		attr.mode &= ~LX_S_ISGID;
	err = do_setattr(t, p, &attr);
	return err != 0 ? err : store(t, p->dentry, ACL_ACCESS, is_plain(entries(size)) ? NULL : a, size);
}

long acl_set(struct lx_thread *t, const struct path *p, uint32_t which, const void *value, size_t size)
{
	struct inode *i = p->dentry->inode;
	struct acl *a;
	long err;

	if (IS_LNK(i) || i->kind != INODE_MEM)
		return -EOPNOTSUPP;
	err = value_in(t, value, size, &a);
	if (err != 0)
		return err;
	if (which == ACL_DEFAULT && !IS_DIR(i))
		err = a != NULL ? -EACCES : 0;
	else if (IS_FIXED(i) || !inode_owner_or_capable(t, i))
		err = -EPERM;
	else
		err = which == ACL_ACCESS ? set_access(t, p, a, size) : store(t, p->dentry, which, a, size);
	heap_free(a);
	return err;
}

/* ---- Permission ---- */

/* Under the inode's lock, where the list stays. */
static int judge(struct lx_thread *t, const struct inode *i, struct acl *a, uint32_t count, uint32_t rwx)
{
	const struct acl_entry *group = group_entry(a, count);
	uint32_t mask = group->tag == ACL_MASK ? group->perm : 7;
	bool member = false;

	for (const struct acl_entry *e = a->entry; e < a->entry + count; e++) {
		switch (e->tag) {
		case ACL_USER:
			if (e->id == t->cred.fsuid)
				return (e->perm & mask & rwx) == rwx ? 0 : -EACCES;
			break;
		case ACL_GROUP_OBJ:
		case ACL_GROUP:
			if (!lx_in_group(t, e->tag == ACL_GROUP ? e->id : i->gid))
				break;
			member = true;
			if ((e->perm & rwx) == rwx)
				return (e->perm & mask & rwx) == rwx ? 0 : -EACCES;
			break;
		case ACL_OTHER:
			return member || (e->perm & rwx) != rwx ? -EACCES : 0;
		default:
			break;
		}
	}
	return -EACCES;
}

int acl_permission(struct lx_thread *t, struct inode *i, uint32_t rwx)
{
	const void *value;
	size_t size;
	int err = -EAGAIN;

	lock_take(&i->lock);
	value = mem_xattr_value(i, names[ACL_ACCESS], &size);
	if (value != NULL)
		err = judge(t, i, (struct acl *)(uintptr_t)value, entries(size), rwx);
	lock_drop(&i->lock);
	return err;
}

/* ---- Modes and new files ---- */

/* A copy of i's list (heap); NULL: there is none, or no memory (*err). */
static struct acl *copy_of(struct inode *i, uint32_t which, size_t *size, long *err)
{
	struct acl *a = heap_alloc(size_of(ENTRIES_MAX));
	long n = a == NULL ? -ENOMEM : mem_getxattr(lx_current(), i, names[which], a, size_of(ENTRIES_MAX));

	*err = n == -ENODATA ? 0 : n < 0 ? n : 0;
	*size = (size_t)n;
	if (n > 0)
		return a;
	heap_free(a);
	return NULL;
}

long acl_chmod(struct dentry *d)
{
	size_t size;
	long err;
	struct acl *a = copy_of(d->inode, ACL_ACCESS, &size, &err);

	if (a == NULL)
		return err;
	set_mode(a, entries(size), d->inode->mode);
	err = store(lx_current(), d, ACL_ACCESS, a, size);
	heap_free(a);
	return err;
}

/* Of an inode that nobody else knows yet. */
static long store_new(struct inode *i, uint32_t which, const struct acl *a, size_t size)
{
	struct mem_xattr *x = mem_xattr_new(names[which], a, size);

	if (x == NULL)
		return -ENOSPC;
	(void)mem_xattrs_exchange(&mem(i)->xattrs, names[which], x);
	i->special |= which;
	return 0;
}

long acl_inherit(const struct inode *dir, struct inode *i)
{
	size_t size;
	long err;
	struct acl *a = IS_LNK(i) ? NULL : copy_of((struct inode *)(uintptr_t)dir, ACL_DEFAULT, &size, &err);

	if (IS_LNK(i) || a == NULL)
		return IS_LNK(i) ? 0 : err;
	err = IS_DIR(i) ? store_new(i, ACL_DEFAULT, a, size) : 0;
	i->mode = (i->mode & ~0777u) | (i->mode & mode_of(a, entries(size)));
	set_mode(a, entries(size), i->mode);
	if (err == 0 && !is_plain(entries(size)))
		err = store_new(i, ACL_ACCESS, a, size);
	heap_free(a);
	return err;
}
