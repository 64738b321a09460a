/* SPDX-License-Identifier: MIT */
/* linux/fs/fstypes.c - file systems that can be mounted: the list, and new ones by type. */
#include "linux/fs/mount.h"
#include "linux/fs/mem.h"

static const struct fs_type types[] = {
	{ "sysfs", INODE_SYS, 0x62656572, true }, { "tmpfs", INODE_MEM, 0x01021994, true }, { "proc", INODE_PROC, 0x9fa0, true },
	{ "devtmpfs", INODE_DEV, 0x01021994, false }, { "ramfs", INODE_MEM, 0x858458f6, true }, { "devpts", INODE_PTS, 0x1cd1, true },
	{ "mqueue", INODE_MQUEUE, 0x19800202, true }, { "overlay", INODE_OVL, 0x794c7630, true },
};

const struct fs_type *fs_type_find(const char *name)
{
	for (unsigned i = 0; i < ARRAY_LEN(types); i++)
		if (strcmp(types[i].name, name) == 0)
			return &types[i];
	return NULL;
}

struct mount_fs *fs_new(struct lx_thread *t, const struct fs_type *ft, const char *data, long *err)
{
	const struct inode_ops *ops = lx_inode_ops[ft->kind];
	struct mount_fs *fs;

	*err = -ENOMEM;
	fs = mount_fs_new(ft->kind, ft->name, ft->magic);
	if (fs == NULL)
		return NULL;
	if (t != NULL && t->cred.user_ns != NULL) {
		fs->user = t->cred.user_ns;
		ns_get(fs->user);
	}
	*err = fs_options_check(ft, data);
	if (*err == 0 && ops->prepare != NULL)
		*err = ops->prepare(fs, data);
	if (*err == 0) {
		*err = -ENOMEM;
		fs->root = ops->root(fs, data);
	}
	if (fs->root == NULL) {
		mount_fs_put(fs);
		return NULL;
	}
	*err = 0;
	return fs;
}

long fs_reconfigure(struct lx_thread *t, struct mount_fs *fs, const char *data)
{
	long err;

	if (fs->kind != INODE_MEM || fs->root == NULL || strcmp(fs->type, "overlay") == 0)
		return 0;
	err = mem_options_check(data);
	return err != 0 ? err : mem_reconfigure(fs, data);
}

/* Boot. */
long mount_new(struct lx_thread *t, const char *type, const char *data, const struct path *at, uint32_t flags, const char *source)
{
	const struct fs_type *ft = fs_type_find(type);
	struct mount_fs *fs;
	long err;

	if (ft == NULL)
		return -ENODEV;
	fs = fs_new(t, ft, data, &err);
	if (fs == NULL)
		return err;
	err = mount_fs_at(t, fs, at, flags, source);
	mount_fs_put(fs);
	return err;
}
