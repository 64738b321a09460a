/* SPDX-License-Identifier: MIT */
/* nt/os/attr.c - what files are: their types, attributes and times, and their names in folders, by linux/fs. */
#include "nt/os/file.h"
#include "linux/fs/fs.h"
#include "linux/fs/hostfs.h"
#include "linux/fs/std.h"

void *os_file_inode(const struct file *f)
{
	return f->inode;
}

static enum os_file_type type_of_mode(uint32_t mode)
{
	switch (mode & S_IFMT) {
	case S_IFDIR:
		return OS_DIRECTORY;
	case S_IFLNK:
		return OS_LINK;
	case S_IFIFO:
		return OS_PIPE;
	case S_IFSOCK:
		return OS_SOCKET;
	case S_IFCHR:
		return OS_CHAR;
	case S_IFBLK:
		return OS_BLOCK;
	default:
		return OS_FILE;
	}
}

enum os_file_type os_file_type(const struct file *f)
{

	if ((f->kind == FILE_STD && std_is_tty(f)) || f->kind == FILE_PTY)
		return OS_TTY;
	if (f->kind == FILE_PIPE)
		return OS_PIPE;
	if (f->kind == FILE_SOCKET)
		return OS_SOCKET;
	return f->inode != NULL ? type_of_mode(f->inode->mode) : OS_CHAR;
}

bool os_file_on_readonly(const struct file *f)
{
	return f->path.mnt != NULL && (f->path.mnt->flags & MS_RDONLY) != 0;
}

bool os_file_seekable(const struct file *f)
{
	return lx_file_ops[f->kind]->seekable || (f->kind == FILE_STD && f->priv[STD_TYPE] == DK_TYPE_FILE);
}

uint32_t os_file_access(const struct file *f)
{
	uint32_t how = f->flags & O_ACCMODE;

	return (how != O_WRONLY ? 0x120089u : 0) | (how != O_RDONLY ? 0x120116u : 0);
}

bool os_path_is_link(const struct os_path *p)
{
	return IS_LNK(((const struct dentry *)p->dentry)->inode);
}

#define DOS_HIDDEN  2u
#define DOS_SYSTEM  4u
#define DOS_ARCHIVE 0x20u

/* dos_attr 0 is a file as Linux programs make them, with the archive attribute; 0x80 marks one that was told not to have it. */
void os_file_set_dos(struct file *f, uint32_t attributes)
{
	if (f->inode != NULL)
		f->inode->dos_attr = (attributes & (DOS_HIDDEN | DOS_SYSTEM)) | (attributes & DOS_ARCHIVE || attributes == 0 ? 0 : 0x80);
}

NTSTATUS os_rename(const char *from, const char *to)
{
	return os_status(vfs_rename(lx_current(), from, to, 0));
}

NTSTATUS os_link(struct file *f, const char *to)
{
	return os_status(vfs_link(lx_current(), &f->path, to));
}

bool os_file_is_running(const struct file *f)
{
	return f->inode != NULL && __atomic_load_n(&f->inode->deny_write, __ATOMIC_RELAXED) != 0;
}

static int64_t unix_time(int64_t t)
{
	return (t - OS_TIME_EPOCH) * 100;
}

static void mode_of_readonly(const struct inode *i, bool readonly, struct inode_attr *a)
{
	a->valid |= IATTR_MODE;
	a->mode = (i->mode & 07777 & ~0222u) | (readonly ? 0 : mode_with_umask(lx_current(), i, 0222));
}

NTSTATUS os_path_set_readonly(const struct os_path *p, bool readonly)
{
	struct path path = { p->mount, p->dentry };
	struct inode_attr a = { 0 };

	mode_of_readonly(path.dentry->inode, readonly, &a);
	return !inode_owner_or_capable(lx_current(), path.dentry->inode) ? STATUS_ACCESS_DENIED : os_status(do_setattr(lx_current(), &path, &a));
}

NTSTATUS os_file_set_basic(struct file *f, int64_t btime, int64_t atime, int64_t mtime, uint32_t attributes)
{
	struct inode_attr a = { 0 };
	struct inode *i = f->inode;
	long err = 0;

	if (atime > 0) {
		a.valid |= IATTR_ATIME;
		a.atime_ns = unix_time(atime);
	}
	if (mtime > 0) {
		a.valid |= IATTR_MTIME;
		a.mtime_ns = unix_time(mtime);
	}
	if (attributes != 0 && IS_REG(i) && ((i->mode & 0222) == 0) != (attributes & 1))
		mode_of_readonly(i, attributes & 1, &a);
	if (a.valid != 0 && f->path.dentry != NULL)
		err = !inode_owner_or_capable(lx_current(), i) ? -EACCES : do_setattr(lx_current(), &f->path, &a);
	if (err != 0)
		return os_status(err);
	if (btime > 0 && i->kind == INODE_MEM)
		i->btime_ns = unix_time(btime);
	if (attributes != 0)
		os_file_set_dos(f, attributes);
	if (a.valid == 0 && fs_watched() && f->path.dentry != NULL) /* nothing that Linux would tell of */
		fs_notify_file(f, 4u /* IN_ATTRIB */);
	return STATUS_SUCCESS;
}

static int64_t nt_time(int64_t ns)
{
	int64_t t = ns / 100 - (ns % 100 < 0);

	return t + OS_TIME_EPOCH;
}

static void attr_of_inode(const struct inode *i, struct os_attr *a)
{
	a->type = type_of_mode(i->mode);
	a->nlink = i->nlink;
	a->deleted = i->nlink == 0;
	a->readonly = (i->mode & 0222) == 0;
	a->dos = i->dos_attr;
	a->ino = i->ino;
	a->dev = i->dev;
	a->size = i->size;
	a->allocated = i->blocks * 512;
	a->btime = nt_time(i->btime_ns != 0 ? i->btime_ns : MIN(i->mtime_ns, i->ctime_ns));
	a->atime = nt_time(i->atime_ns);
	a->mtime = nt_time(i->mtime_ns);
	a->ctime = nt_time(i->ctime_ns);
}

static long bring_up_to_date(struct dentry *d)
{
	const struct inode_ops *ops = inode_ops(d->inode);

	if (ops->refresh != NULL)
		return ops->refresh(lx_current(), d);
	return ops->getattr != NULL ? ops->getattr(lx_current(), d->inode) : 0;
}

NTSTATUS os_path_attr(const struct os_path *p, struct os_attr *a)
{
	struct dentry *d = p->dentry;
	long err = bring_up_to_date(d);

	if (err == 0)
		attr_of_inode(d->inode, a);
	return os_status(err);
}

NTSTATUS os_file_attr(struct file *f, struct os_attr *a)
{
	long err = 0;

	*a = (struct os_attr){ .type = OS_CHAR, .nlink = 1 };
	if (f->inode == NULL)
		return STATUS_SUCCESS;
	if (f->kind == FILE_HOST)
		host_file_current(f);
	else if (f->path.dentry != NULL && f->path.dentry->inode != NULL)
		err = bring_up_to_date(f->path.dentry);
	else if (inode_ops(f->inode) != NULL && inode_ops(f->inode)->getattr != NULL)
		err = inode_ops(f->inode)->getattr(lx_current(), f->inode);
	if (err == -ENOENT) /* its name is gone; what is known of it stays true */
		err = 0;
	attr_of_inode(f->inode, a);
	a->type = os_file_type(f);
	return os_status(err);
}

/* Times go by ticks: a file that was just made or changed can be changed again, or another have its number, without another time. */
#define SETTLED_NS 2000000000

bool os_file_id(struct file *f, struct os_file_id *id)
{
	struct inode *i = f->inode;
	struct stat st;

	if (i == NULL || !IS_REG(i) || vfs_stat(i, &st) != 0 || i->writers != 0 || vfs_now() - i->ctime_ns < SETTLED_NS)
		return false;
	*id = (struct os_file_id){ i->dev, i->ino, (uint64_t)i->ctime_ns, i->size };
	return true;
}

uint64_t os_file_length(const struct file *f)
{
	const struct inode *i = os_file_inode(f);

	return i != NULL ? i->size : 0;
}
