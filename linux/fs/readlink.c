/* SPDX-License-Identifier: MIT */
/*
 * linux/fs/readlink.c - the text of a symbolic link.
 *
 * The text is read into a path buffer and cut to what the caller has room for: file systems
 * never see the guest's memory.  No lock is held.
 */
#include "linux/fs/fs.h"

static long link_text(struct lx_thread *t, const struct path *p, char *text)
{
	struct inode *i = p->dentry->inode;
	const struct inode_ops *ops = inode_ops(i);

	if (!IS_LNK(i) || ops->readlink == NULL)
		return -EINVAL;
	return ops->readlink(t, i, text, PATH_MAX);
}

static long do_readlink(struct lx_thread *t, int dirfd, struct gva name, struct gva buf, int size)
{
	struct path p;
	char *text;
	long n;

	if (size <= 0)
		return -EINVAL;
	n = user_walk(t, dirfd, name, WALK_EMPTY, &p);
	if (n != 0)
		return n;
	text = path_buf();
	n = text == NULL ? -ENOMEM : link_text(t, &p, text);
	if (n > 0) {
		n = MIN(n, (long)size);
		if (copy_out(buf, text, (uint64_t)n) != 0)
			n = -EFAULT;
	}
	path_buf_free(text);
	path_put(&p);
	return n;
}

long lx_sys_readlink(struct lx_thread *t, struct gva name, struct gva buf, int size)
{
	char c;

	if (copy_in(&c, name, 1) == 0 && c == '\0')
		return -ENOENT;
	return do_readlink(t, AT_FDCWD, name, buf, size);
}

long lx_sys_readlinkat(struct lx_thread *t, int dirfd, struct gva name, struct gva buf, int size)
{
	return do_readlink(t, dirfd, name, buf, size);
}
