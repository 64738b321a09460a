/* SPDX-License-Identifier: MIT */
/* linux/fs/anon.c - files without a name: pipes, eventfds, sockets ... */

#include "linux/fs/fs.h"
#include "linux/fs/io.h"

struct file *anon_file(enum file_kind kind, uint32_t flags, uint32_t mode, void *object)
{
	struct inode *i = inode_new(INODE_ANON, mode);
	struct file *f = i != NULL ? file_new(kind, flags) : NULL;

	/* In this order: a file without its object cannot be released. */
	if (f == NULL) {
		if (i != NULL)
			inode_put(i);
		return NULL;
	}
	f->inode = i;
	f->inode->ino = atomic_fetch_add(&vfs()->next_anon_ino, 1);
	f->inode->uid = lx_current()->cred.fsuid;
	f->inode->gid = lx_current()->cred.fsgid;
	f->object = object;
	return f;
}

long anon_fd(struct lx_thread *t, struct file *f, bool cloexec)
{
	int fd = fd_install(t, f, cloexec, 0);

	if (fd < 0)
		file_put(f);
	return fd;
}
