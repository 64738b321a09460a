/* SPDX-License-Identifier: MIT */
/*
 * linux/fs/filecaps.c - the extended attribute security.capability.
 *
 * Version 2 of it counts everywhere, version 3 in user namespaces whose root is the user it names.
 * Who is root in a namespace only, and writes version 2, gets version 3 with itself, and sees
 * version 2 again.  Kept are the ids of the initial namespace.  Only what programs inside gave to
 * files counts: capabilities of the host's files are a matter of the host.
 */
#include "linux/fs/filecaps.h"
#include "linux/fs/acl.h"
#include "linux/fs/mem.h"
#include "linux/ns/ns.h"

struct caps_value { /* struct vfs_ns_cap_data */
	uint32_t magic;
	struct { uint32_t permitted, inheritable; } half[2];
	uint32_t root; /* version 3 only */
};
_Static_assert(sizeof(struct caps_value) == FILE_CAPS_SIZE, "security.capability");

static uint32_t version_of(const struct caps_value *v, size_t size)
{
	uint32_t version = v->magic & VFS_CAP_REVISION_MASK;

	if (size == XATTR_CAPS_SZ_1 && version == VFS_CAP_REVISION_1)
		return 1;
	if (size == XATTR_CAPS_SZ_2 && version == VFS_CAP_REVISION_2)
		return 2;
	return size == XATTR_CAPS_SZ_3 && version == VFS_CAP_REVISION_3 ? 3 : 0;
}

/* Is that user root in t's user namespace or in one above? */
static bool is_root_here(const struct lx_thread *t, uint32_t user)
{
	for (const struct ns *ns = user_ns_of(t);; ns = ns->user) {
		if (id_from_global(ns, MAP_UID, user) == 0)
			return true;
		if (ns->level == 0)
			return false;
	}
}

bool file_caps_of(struct lx_thread *t, struct inode *i, struct file_caps *out)
{
	struct caps_value v = { 0 };
	uint32_t version;
	long n;

	if (i->kind == INODE_MEM ? !(i->special & FILE_CAPS) : i->kind != INODE_HOST || vfs()->shades == NULL)
		return false;
	n = inode_ops(i)->getxattr(t, i, FILE_CAPS_NAME, &v, sizeof v);
	if (n <= 0)
		return false;
	version = version_of(&v, (size_t)n);
	if (version == 0 || !is_root_here(t, version == 3 ? v.root : 0))
		return false;
	out->permitted = v.half[0].permitted | (version > 1 ? (uint64_t)v.half[1].permitted << 32 : 0);
	out->inheritable = v.half[0].inheritable | (version > 1 ? (uint64_t)v.half[1].inheritable << 32 : 0);
	out->effective = v.magic & VFS_CAP_FLAGS_EFFECTIVE;
	out->root = version == 3 ? v.root : 0;
	return true;
}

long file_caps_in(struct lx_thread *t, struct inode *i, const void *value, size_t size, void *out)
{
	struct caps_value v = { 0 };
	uint32_t version;

	if (size == 0 || size > sizeof v)
		return -EINVAL;
	memcpy(&v, value, size);
	version = version_of(&v, size);
	if (version < 2)
		return -EINVAL;
	if (!inode_capable(t, i, CAP_SETFCAP))
		return -EPERM;
	if (version == 3 || t->cred.user_ns != NULL) {
		v.root = version == 3 ? uid_in(t, v.root) : user_ns_root(user_ns_of(t));
		if (v.root == NO_ID)
			return -EINVAL;
		v.magic = (v.magic & ~VFS_CAP_REVISION_MASK) | VFS_CAP_REVISION_3;
		size = XATTR_CAPS_SZ_3;
	}
	memcpy(out, &v, sizeof v);
	return (long)size;
}

long file_caps_out(struct lx_thread *t, void *value, long n)
{
	struct caps_value v = { 0 };
	uint32_t version, seen;

	if (n <= 0 || n > (long)sizeof v)
		return n;
	memcpy(&v, value, (size_t)n);
	version = version_of(&v, (size_t)n);
	if (version < 2)
		return n;
	seen = id_from_global(user_ns_of(t), MAP_UID, version == 3 ? v.root : 0);
	if (version == 3 && seen != NO_ID && seen != 0) {
		v.root = seen;
	} else if (version == 3 && is_root_here(t, v.root)) {
		v.magic = (v.magic & ~VFS_CAP_REVISION_MASK) | VFS_CAP_REVISION_2;
		n = XATTR_CAPS_SZ_2;
	} else if (version == 3) {
		return -EOVERFLOW;
	}
	memcpy(value, &v, (size_t)n);
	return n;
}

void file_caps_drop(struct lx_thread *t, struct dentry *d)
{
	struct inode *i = d->inode;

	if (inode_ops(i)->setxattr(t, d, FILE_CAPS_NAME, NULL, 0, 0) != 0)
		return;
	lock_take(&i->lock);
	i->special &= ~FILE_CAPS;
	lock_drop(&i->lock);
}
