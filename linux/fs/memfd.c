/* SPDX-License-Identifier: MIT */
/* linux/fs/memfd.c - memory files without a directory. */
#include "linux/fs/mem.h"

#define MEMFD_KNOWN (MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_HUGETLB | 8u /* NOEXEC_SEAL */ | 16u /* EXEC */)

/* A file of its own path, so that /proc/PID/fd can open it again. */
static long memfd_file(const char *name, uint32_t flags, struct file **out)
{
	struct vfs *v = vfs();
	struct inode *i = mem_inode_new(v->memfd_fs, S_IFREG | (flags & 8u ? 0666 : 0777));
	struct path p = { v->anon_mount, NULL };
	long err;

	if (i == NULL)
		return -ENOMEM;
	i->nlink = 0;
	i->uid = lx_current()->cred.fsuid;
	i->gid = lx_current()->cred.fsgid;
	mem(i)->flags |= MEM_SEALS;
	mem(i)->seals = flags & (MFD_ALLOW_SEALING | 8u) ? 0 : F_SEAL_SEAL;
	p.dentry = dentry_new(NULL, name, (uint32_t)strlen(name), i);
	if (p.dentry == NULL) {
		inode_put(i);
		return -ENOMEM;
	}
	p.dentry->flags |= D_DELETED;
	err = open_path(lx_current(), &p, O_RDWR, out);
	dentry_put(p.dentry);
	return err;
}

long lx_sys_memfd_create(struct lx_thread *t, struct gva name, uint32_t flags)
{
	char text[NAME_LIMIT + 1] = "/memfd:";
	struct file *f;
	long err;

	if (flags & ~MEMFD_KNOWN & ~(flags & MFD_HUGETLB ? (uint32_t)(MFD_HUGE_MASK << MFD_HUGE_SHIFT) : 0))
		return -EINVAL;
	if ((flags & (8u | 16u)) == (8u | 16u))
		return -EINVAL;
	err = string_in(text + 7, name, sizeof text - 7);
	if (err < 0)
		return err == -ENAMETOOLONG ? -EINVAL : err;
	err = memfd_file(text, flags, &f);
	if (err < 0)
		return err;
	err = fd_install(t, f, (flags & MFD_CLOEXEC) != 0, 0);
	if (err < 0)
		file_put(f);
	return err;
}
