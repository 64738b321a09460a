/* SPDX-License-Identifier: MIT */
/*
 * linux/fs/procfs_fd.c - a process's descriptors, places and namespaces.  The links
 * among them jump to the object itself, whatever its text says.
 */
#include "linux/fs/procfs.h"

#include "linux/ns/ns.h"
#include "linux/proc/proc.h"

struct fdtable *proc_fdtable(struct lx_proc *p)
{
	struct fdtable *fdt;

	if (!p)
		return NULL;
	lock_take(&p->lock);
	fdt = p->fdt;
	if (fdt)
		fdt_get_table(fdt);
	lock_drop(&p->lock);
	return fdt;
}

struct file *proc_file(struct lx_proc *p, uint64_t fd)
{
	struct fdtable *fdt = proc_fdtable(p);
	struct file *f = NULL;

	if (!fdt)
		return NULL;
	lock_take(&fdt->lock);
	if (fd < fdt->size && (f = fdt->slot[fd]) != NULL)
		file_get(f);
	lock_drop(&fdt->lock);
	fdt_put_table(fdt);
	return f;
}

enum place { PLACE_EXE, PLACE_CWD, PLACE_ROOT };

static long get_place(struct node_ctx *c, enum place which, struct path *out)
{
	struct lx_proc *p = c->proc;
	struct fs_context *fs;
	bool there = false;

	if (which == PLACE_CWD)
		FS_SETTLE(lx_current()); /* while it is put off there is no other process */
	lock_take(&p->lock);
	fs = p->fs;
	if (which == PLACE_EXE) {
		there = p->exe != NULL;
		if (there)
			path_get(p->exe), *out = *p->exe;
	} else if (fs) {
		fs_get(fs);
	}
	lock_drop(&p->lock);
	if (which == PLACE_EXE || !fs)
		return there ? 0 : -ENOENT;
	lock_take(&fs->lock);
	*out = which == PLACE_CWD ? fs->cwd : fs->root;
	path_get(out);
	lock_drop(&fs->lock);
	fs_put(fs);
	return 0;
}

/* Text of a path, cut to what the reader has room for. */
static long path_link(struct lx_thread *t, const struct path *p, char *buf, size_t size)
{
	char *text = path_buf();
	long n;

	if (!text)
		return -ENOMEM;
	n = path_text(t, p, text, PATH_MAX);
	if (n > 0) {
		n = MIN(n, (long)size);
		memcpy(buf, text, (size_t)n);
	}
	path_buf_free(text);
	return n;
}

static long place_link(struct node_ctx *c, enum place which, char *buf, size_t size)
{
	struct path p;
	long n = get_place(c, which, &p);

	if (n)
		return n;
	n = path_link(c->t, &p, buf, size);
	path_put(&p);
	return n;
}

long link_exe(struct node_ctx *c, char *buf, size_t size)
{
	return place_link(c, PLACE_EXE, buf, size);
}

long link_cwd(struct node_ctx *c, char *buf, size_t size)
{
	return place_link(c, PLACE_CWD, buf, size);
}

long link_root(struct node_ctx *c, char *buf, size_t size)
{
	return place_link(c, PLACE_ROOT, buf, size);
}

long jump_exe(struct node_ctx *c, struct path *out, struct file **file)
{
	return get_place(c, PLACE_EXE, out);
}

long jump_cwd(struct node_ctx *c, struct path *out, struct file **file)
{
	return get_place(c, PLACE_CWD, out);
}

long jump_root(struct node_ctx *c, struct path *out, struct file **file)
{
	return get_place(c, PLACE_ROOT, out);
}

/* ---- fd ---- */

static int nameless(const struct file *f, char *buf, size_t size)
{
	uint32_t type = f->inode ? f->inode->mode & S_IFMT : 0;
	unsigned long ino = f->inode ? f->inode->ino : 0;

	if (f->kind == FILE_PIPE || f->kind == FILE_NTPIPE || (f->kind == FILE_STD && type == S_IFIFO))
		return fmt_snprintf(buf, size, "pipe:[%lu]", ino);
	if (f->kind == FILE_SOCKET || type == S_IFSOCK)
		return fmt_snprintf(buf, size, "socket:[%lu]", ino);
	if (f->kind == FILE_STD)
		return fmt_snprintf(buf, size, "/dev/%s", f->priv[0] == 0 ? "stdin" : f->priv[0] == 1 ? "stdout" : "stderr");
	if (f->kind == FILE_INOTIFY)
		return fmt_snprintf(buf, size, "anon_inode:inotify");
	if (f->kind == FILE_PTY)
		return fmt_snprintf(buf, size, "/dev/ptmx");
	return fmt_snprintf(buf, size, "anon_inode:[%s]", f->kind == FILE_EPOLL ? "eventpoll" : lx_file_ops[f->kind]->name);
}

long link_fd(struct node_ctx *c, char *buf, size_t size)
{
	struct file *f = proc_file(c->proc, c->key.num);
	char text[64];
	long n;

	if (!f)
		return -ENOENT;
	if (f->path.dentry && f->path.mnt) {
		n = path_link(c->t, &f->path, buf, size);
	} else {
		n = MIN(nameless(f, text, sizeof text), (long)size);
		memcpy(buf, text, (size_t)n);
	}
	file_put(f);
	return n;
}

long jump_fd(struct node_ctx *c, struct path *out, struct file **file)
{
	struct file *f = proc_file(c->proc, c->key.num);

	if (!f)
		return -ENOENT;
	if (f->path.dentry && f->path.mnt) {
		*out = f->path;
		path_get(out);
		file_put(f);
	} else {
		*file = f;
	}
	return 0;
}

uint32_t mode_of_fd(struct node_ctx *c)
{
	struct file *f = proc_file(c->proc, c->key.num);
	uint32_t mode = 0100, how;

	if (!f)
		return 0700;
	how = f->flags & O_ACCMODE;
	if (f->flags & O_PATH)
		how = 3;
	if (how == O_RDONLY || how == O_RDWR)
		mode |= 0400;
	if (how == O_WRONLY || how == O_RDWR)
		mode |= 0200;
	file_put(f);
	return mode;
}

SHOW(fdinfo)
{
	struct file *f = proc_file(c->proc, c->key.num);
	struct fdtable *fdt = proc_fdtable(c->proc);
	uint32_t flags;

	if (f && fdt) {
		flags = f->flags;
		lock_take(&fdt->lock);
		if (c->key.num < fdt->size && fdt->cloexec[c->key.num])
			flags |= O_CLOEXEC;
		lock_drop(&fdt->lock);
		text_add(x, "pos:\t%lu\nflags:\t0%o\nmnt_id:\t%u\nino:\t%lu\n", (unsigned long)f->pos, flags,
			f->path.mnt ? f->path.mnt->id : 15, f->inode ? (unsigned long)f->inode->ino : 0ul);
		if (f->kind == FILE_INOTIFY)
			inotify_fdinfo(x, f);
		if (pidfd_proc(f))
			text_add(x, "Pid:\t%d\nNSpid:\t%d\n", pidfd_proc(f)->pid, pidfd_proc(f)->pid);
	}
	if (fdt)
		fdt_put_table(fdt);
	if (f)
		file_put(f);
}

/* ---- Namespaces ---- */

static const struct ns_link {
	const char *name;
	enum ns_kind kind;
	bool for_children;
} ns_links[] = {
	{ "cgroup", NS_CGROUP, false }, { "ipc", NS_IPC, false }, { "mnt", NS_MNT, false }, { "net", NS_NET, false },
	{ "pid", NS_PID, false }, { "pid_for_children", NS_PID, true }, { "time", NS_TIME, false },
	{ "time_for_children", NS_TIME, true }, { "user", NS_USER, false }, { "uts", NS_UTS, false },
};

/* With a reference; NULL: its process has ended. */
static struct ns *ns_of_link(struct node_ctx *c)
{
	const char *name = procfs.node[c->key.node].name;
	struct lx_thread *t;
	struct ns *ns = NULL;

	for (unsigned i = 0; i < ARRAY_LEN(ns_links); i++)
		if (strcmp(ns_links[i].name, name) == 0) {
			t = c->key.tid && c->proc == c->t->proc && c->key.tid == c->t->tid ? c->t : c->proc->leader;
			ns = t ? ns_of_thread(t, ns_links[i].kind, ns_links[i].for_children) : NULL;
		}
	/* Children are in a namespace only when it has a process 1. */
	if (ns && ns->kind == NS_PID && ns->level && !ns->pid.init && !ns->pid.dead) {
		ns_put(ns);
		ns = NULL;
	}
	return ns;
}

long link_ns(struct node_ctx *c, char *buf, size_t size)
{
	struct ns *ns = ns_of_link(c);
	long n;

	if (!ns)
		return -ENOENT;
	n = MIN((long)size, fmt_snprintf(buf, size, "%s:[%u]", ns_name(ns->kind), ns->ino));
	ns_put(ns);
	return n;
}

long jump_ns(struct node_ctx *c, struct path *out, struct file **file)
{
	struct ns *ns = ns_of_link(c);
	long err;

	if (!ns)
		return -ENOENT;
	err = nsfs_path(ns, out);
	ns_put(ns);
	return err;
}
