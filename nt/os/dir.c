/* SPDX-License-Identifier: MIT */
/* nt/os/dir.c - what is in folders. */
#include "nt/os/file.h"
#include "linux/fs/fs.h"

struct lister {
	struct dir_emit emit; /* first */
	bool (*fn)(void *arg, const char *name, uint32_t len);
	void *arg;
	uint32_t count;
	bool stopped;
};

static bool take(struct dir_emit *e, const char *name, uint32_t len, uint64_t ino, uint32_t type, uint64_t next_pos)
{
	struct lister *l = CONTAINER_OF(e, struct lister, emit);

	l->count++;
	if (!l->fn(l->arg, name, len))
		l->stopped = true;
	return !l->stopped;
}

NTSTATUS os_dir_list(struct file *f, bool (*fn)(void *arg, const char *name, uint32_t len), void *arg)
{
	struct lister l = { { take }, fn, arg, 0, false };
	struct dentry *d = f->path.dentry;
	const struct inode_ops *ops = inode_ops(d->inode);
	uint64_t pos = 2;
	long err = 0;

	while (err == 0 && !l.stopped && ops->readdir != NULL) {
		uint32_t before = l.count;

		err = ops->readdir(lx_current(), d, &pos, &l.emit);
		if (l.count == before)
			break;
	}
	return l.stopped ? (NTSTATUS)STATUS_NO_MEMORY : os_status(err);
}

static bool not_one(void *arg, const char *name, uint32_t len)
{
	return false;
}

bool os_dir_is_empty(struct file *f)
{
	return os_dir_list(f, not_one, NULL) != STATUS_NO_MEMORY;
}

/* By a walk of the whole path: symbolic links, and what is mounted there. */
static NTSTATUS attr_by_walk(struct file *f, const char *name, struct os_attr *a)
{
	char *text = os_text();
	struct path p;
	struct os_path op;
	int n = text != NULL ? os_file_text(f, text, OS_PATH_MAX) : -1;
	NTSTATUS status = STATUS_OBJECT_NAME_NOT_FOUND;
	long err = -ENOENT;

	if (n > 0 && (size_t)n + strlen(name) + 2 < OS_PATH_MAX) {
		fmt_snprintf(text + n, OS_PATH_MAX - (size_t)n, "/%s", name);
		err = path_walk(lx_current(), AT_FDCWD, text, WALK_FOLLOW, &p, NULL);
		if (err != 0)
			err = path_walk(lx_current(), AT_FDCWD, text, 0, &p, NULL);
	}
	if (err == 0) {
		op = (struct os_path){ p.mnt, p.dentry };
		status = os_path_attr(&op, a);
		path_put(&p);
	}
	os_text_free(text);
	return status;
}

NTSTATUS os_dir_attr(struct file *f, const char *name, struct os_attr *a)
{
	struct os_path p = { f->path.mnt, NULL };
	struct dentry *d;
	NTSTATUS status;
	long err;

	if (strcmp(name, ".") == 0)
		return os_file_attr(f, a);
	if (strcmp(name, "..") == 0) {
		d = dentry_parent(f->path.dentry);
	} else {
		err = walk_last(lx_current(), &f->path, name, &d);
		if (err < 0)
			return os_status(err);
	}
	if (d->inode == NULL || IS_LNK(d->inode) || d->mounted != 0) { /* these need a whole walk */
		bool there = d->inode != NULL;

		dentry_put(d);
		return there ? attr_by_walk(f, name, a) : STATUS_OBJECT_NAME_NOT_FOUND;
	}
	p.dentry = d;
	status = os_path_attr(&p, a);
	dentry_put(d);
	return status;
}

bool os_dir_is_root(const struct file *f)
{
	struct path root;
	bool is_root;
	char text[16];
	uint32_t skip;

	walk_root(lx_current(), &root);
	is_root = root.dentry->inode == f->inode;
	path_put(&root);
	return is_root || (os_file_text((struct file *)(uintptr_t)f, text, sizeof text) > 0 && os_drive_of(text, &skip) != 'Z' && text[skip] == '\0');
}
