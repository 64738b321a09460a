/* SPDX-License-Identifier: MIT */
/* linux/fs/inode.c - life, permission and times of inodes; file system instances. */
#include "linux/fs/acl.h"
#include "linux/fs/fs.h"
#include "linux/fs/mem.h"
#include "linux/fs/ovl.h"
#include "linux/ns/ns.h"

char *fs_text_copy(const char *s)
{
	size_t n = strlen(s) + 1;
	char *copy = arena_alloc(n);

	if (copy != NULL)
		memcpy(copy, s, n);
	return copy;
}

struct inode *inode_new(enum inode_kind kind, uint32_t mode)
{
	struct inode *i = arena_alloc(sizeof *i);

	if (i == NULL)
		return NULL;
	ref_init(&i->ref);
	lock_init(&i->lock, LOCK_INODE);
	i->kind = kind;
	i->mode = mode;
	i->nlink = 1;
	return i;
}

void inode_get(struct inode *i)
{
	ref_get(&i->ref);
}

static void special_free(struct inode *i)
{
	if (i->object == NULL)
		return;
	if (S_IFMT_(i->mode) == S_IFIFO)
		fifo_inode_free(i);
	else if (S_IFMT_(i->mode) == S_IFSOCK)
		unix_inode_free(i);
}

void inode_put(struct inode *i)
{
	if (!ref_put(&i->ref))
		return;
	if (i->watch != NULL)
		inotify_inode_free(i);
	if (i->kind != INODE_ANON)
		special_free(i);
	if (inode_ops(i) != NULL && inode_ops(i)->free != NULL)
		inode_ops(i)->free(i);
	if (i->fs != NULL && i->fs->root != i)
		mount_fs_put(i->fs);
	arena_free(i->flocks);
	arena_free(i);
}

struct mount_fs *mount_fs_new(uint32_t kind, const char *type, uint64_t magic)
{
	struct mount_fs *fs = arena_alloc(sizeof *fs);

	if (fs == NULL)
		return NULL;
	ref_init(&fs->ref);
	fs->kind = kind;
	fs->magic = magic;
	fs->dev = atomic_fetch_add(&vfs()->next_minor, 1);
	atomic_store(&fs->next_ino, 1);
	str_copy(fs->type, type, sizeof fs->type);
	return fs;
}

/* The root inode holds no reference on fs, fs holds one on it: so the pair goes together. */
void mount_fs_put(struct mount_fs *fs)
{
	if (!ref_put(&fs->ref))
		return;
	if (fs->root != NULL)
		inode_put(fs->root);
	if (fs->kind == INODE_PROC || fs->kind == INODE_MQUEUE)
		ns_put(fs->priv[0]);
	else if (fs->kind == INODE_OVL)
		ovl_fs_free(fs);
	ns_put(fs->user);
	arena_free(fs);
}

static bool groups_match(struct lx_thread *t, uint32_t gid)
{
	return t->cred.fsgid == gid || lx_in_group(t, gid);
}

int inode_permission(struct lx_thread *t, struct inode *i, uint32_t rwx)
{
	const struct inode_ops *ops = inode_ops(i);
	uint32_t mode = i->mode, bits;

	if (UNLIKELY(ops != NULL && ops->permission != NULL))
		return (int)ops->permission(t, i, rwx);
	if (UNLIKELY(rwx & 2) && UNLIKELY(IS_IMMUTABLE(i)))
		return -EPERM;
	if (UNLIKELY(rwx & 2) && i->kind == INODE_MEM) {
		mem_settle(i);
		mode = i->mode;
	}
	if (t->cred.fsuid == i->uid)
		bits = mode >> 6;
	else if (UNLIKELY(i->special & ACL_ACCESS) && (mode & 070))
		bits = acl_permission(t, i, rwx) == 0 ? 7 : 0;
	else if ((mode & 070) != (mode & 7) * 8 && groups_match(t, i->gid))
		bits = mode >> 3;
	else
		bits = mode;
	if (LIKELY((bits & rwx) == rwx))
		return 0;
	if (IS_DIR(i)) {
		if (!(rwx & 2) && inode_capable(t, i, CAP_DAC_READ_SEARCH))
			return 0;
		return inode_capable(t, i, CAP_DAC_OVERRIDE) ? 0 : -EACCES;
	}
	if (rwx == 4 && inode_capable(t, i, CAP_DAC_READ_SEARCH))
		return 0;
	if ((!(rwx & 1) || (mode & 0111)) && inode_capable(t, i, CAP_DAC_OVERRIDE))
		return 0;
	return -EACCES;
}

bool inode_owner_or_capable(struct lx_thread *t, struct inode *i)
{
	return t->cred.fsuid == i->uid || inode_capable(t, i, CAP_FOWNER);
}

int64_t vfs_now(void)
{
	uint64_t ns;

	return DkSystemTimeQuery(DK_CLOCK_REALTIME_COARSE, &ns) == DK_OK ? (int64_t)ns : (int64_t)pico_now_realtime();
}

void inode_touch(struct inode *i, bool content)
{
	i->ctime_ns = vfs_now();
	if (content)
		i->mtime_ns = i->ctime_ns;
}

void inode_take_owner(struct lx_thread *t, struct inode *dir, struct inode *i)
{
	i->uid = t->cred.fsuid;
	i->gid = t->cred.fsgid;
	if (dir == NULL || !(dir->mode & LX_S_ISGID))
		return;
	i->gid = dir->gid;
	if (IS_DIR(i))
		i->mode |= LX_S_ISGID;
}
