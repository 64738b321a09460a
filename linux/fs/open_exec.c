/* SPDX-License-Identifier: MIT */
/*
 * linux/fs/open_exec.c - opening programs, and the path of the one that runs.
 *
 * A file that is being executed is not written and the other way round (ETXTBSY): the inode counts both.
 */
#include "linux/fs/fs.h"

struct path *exe_hold(const struct path *p)
{
	struct path *exe = arena_alloc(sizeof *exe);

	if (exe == NULL)
		return NULL;
	*exe = *p;
	path_get(exe);
	__atomic_fetch_add(&p->dentry->inode->deny_write, 1, __ATOMIC_SEQ_CST);
	return exe;
}

void exe_drop(struct path *p)
{
	if (p == NULL)
		return;
	__atomic_fetch_sub(&p->dentry->inode->deny_write, 1, __ATOMIC_SEQ_CST);
	path_put(p);
	arena_free(p);
}

/* A memory file's first descriptor, which is for writing, does not count. */
static bool being_written(const struct inode *i)
{
	return __atomic_load_n(&i->writers, __ATOMIC_SEQ_CST) != 0 && i->fs != vfs()->memfd_fs;
}

static long open_exec_once(struct lx_thread *t, int dirfd, const char *name, uint32_t walk, struct file **out)
{
	struct path p;
	struct inode *i;
	long err;

	err = path_walk(t, dirfd, name, walk, &p, NULL);
	if (err != 0)
		return err;
	i = p.dentry->inode;
	if (IS_LNK(i))
		err = -ELOOP;
	else if (!IS_REG(i) || (p.mnt->flags & MS_NOEXEC))
		err = -EACCES;
	else
		err = inode_permission(t, i, 1);
	if (err == 0 && being_written(i))
		err = -ETXTBSY;
	if (err == 0)
		err = open_for_exec(t, &p, out);
	path_put(&p);
	return err;
}

long vfs_open_exec(struct lx_thread *t, int dirfd, const char *name, int at_flags, struct file **out)
{
	uint32_t walk = WALK_READ | (at_flags & AT_EMPTY_PATH ? WALK_EMPTY : 0) | (at_flags & AT_SYMLINK_NOFOLLOW ? 0 : WALK_FOLLOW);
	long err;

	for (int tries = 0; tries < OPEN_TRIES; tries++) {
		err = open_exec_once(t, dirfd, name, walk, out);
		if (err != -ESTALE)
			return err;
	}
	return -ENOENT;
}
