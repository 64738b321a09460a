/* SPDX-License-Identifier: MIT */
/* linux/fs/mountinfo.c - /proc/PID/mounts, mountinfo, mountstats: the mounts that a process can reach. */
#include "linux/fs/mount.h"
#include "linux/fs/procfs.h"
#include "linux/proc/proc.h"

struct seen { /* copied under the lock */
	struct mount *m; /* a reference */
	uint32_t parent, flags, group, master, unbindable;
};

static struct seen *collect(const struct ns *ns, unsigned *count)
{
	struct seen *all = NULL;
	unsigned n = 0, room;

	mounts_lock();
	room = ns->mnt.mounts;
	if (room != 0)
		all = heap_alloc(room * sizeof *all);
	if (all != NULL)
		LIST_FOR(m, &vfs()->mounts, struct mount, link)
			if (m->ns == ns && n < room) {
				ref_get(&m->ref);
				all[n++] = (struct seen){ m, m->parent->id, m->flags, m->group, m->master != NULL ? m->master->group : 0,
					m->unbindable };
			}
	mounts_unlock();
	*count = n;
	return all;
}

/* Blanks and what else would end a field are written in octal. */
static void put_field(struct text *x, const char *s)
{
	for (; *s != '\0'; s++) {
		if (*s == ' ' || *s == '\t' || *s == '\n' || *s == '\\' || *s == '#')
			text_add(x, "\\%03o", (unsigned)(uint8_t)*s);
		else
			text_put(x, s, 1);
	}
}

static void put_flags(struct text *x, uint32_t flags)
{
	text_add(x, "%s%s%s%s", flags & MS_RDONLY ? "ro" : "rw", flags & MS_NOSUID ? ",nosuid" : "", flags & MS_NODEV ? ",nodev" : "",
		flags & MS_NOEXEC ? ",noexec" : "");
	text_add(x, "%s%s%s%s", flags & MS_NOATIME ? ",noatime" : "", flags & MS_NODIRATIME ? ",nodiratime" : "",
		flags & MS_RELATIME ? ",relatime" : "", flags & MS_NOSYMFOLLOW ? ",nosymfollow" : "");
}

static const char *source_of(const struct mount *m)
{
	return m->source[0] != '\0' ? m->source : m->fs->type;
}

/* The folder of the file system that m shows. */
static void put_root(struct text *x, struct mount *m)
{
	char *buf = path_buf();

	if (buf != NULL && dentry_text(m->root, buf, PATH_MAX) > 0)
		put_field(x, buf);
	else
		text_add(x, "/");
	path_buf_free(buf);
}

static void put_mountinfo(struct text *x, const struct seen *s, const char *where)
{
	struct mount *m = s->m;

	text_add(x, "%u %u 0:%u ", m->id, s->parent, (unsigned)m->fs->dev);
	put_root(x, m);
	text_add(x, " ");
	put_field(x, where);
	text_add(x, " ");
	put_flags(x, s->flags);
	if (s->group != 0)
		text_add(x, " shared:%u", s->group);
	if (s->master != 0)
		text_add(x, " master:%u", s->master);
	if (s->unbindable)
		text_add(x, " unbindable");
	text_add(x, " - %s ", m->fs->type);
	put_field(x, source_of(m));
	text_add(x, " %s", m->fs->flags & MS_RDONLY ? "ro" : "rw");
	fs_options_text(m->fs, x);
	text_add(x, "\n");
}

static void put_mounts(struct text *x, const struct seen *s, const char *where)
{
	put_field(x, source_of(s->m));
	text_add(x, " ");
	put_field(x, where);
	text_add(x, " %s ", s->m->fs->type);
	put_flags(x, s->flags | (s->m->fs->flags & MS_RDONLY));
	fs_options_text(s->m->fs, x);
	text_add(x, " 0 0\n");
}

static void put_mountstats(struct text *x, const struct seen *s, const char *where)
{
	text_add(x, "device ");
	put_field(x, source_of(s->m));
	text_add(x, " mounted on ");
	put_field(x, where);
	text_add(x, " with fstype %s\n", s->m->fs->type);
}

/* The namespace and root of the process that the text is about. */
static bool whose(struct node_ctx *c, struct ns **ns, struct path *root)
{
	struct lx_proc *p = c->proc;
	struct fs_context *fs;

	if (p->leader == NULL || (*ns = ns_of_thread(p->leader, NS_MNT, false)) == NULL)
		return false;
	lock_take(&p->lock);
	fs = p->fs;
	if (fs != NULL)
		fs_get(fs);
	lock_drop(&p->lock);
	if (fs == NULL) {
		ns_put(*ns);
		return false;
	}
	lock_take(&fs->lock);
	*root = fs->root;
	path_get(root);
	lock_drop(&fs->lock);
	fs_put(fs);
	return true;
}

static void put_all(struct text *x, struct node_ctx *c, void (*put)(struct text *, const struct seen *, const char *))
{
	char *where = path_buf();
	struct path root;
	unsigned n = 0;
	struct seen *all;
	struct ns *ns;

	if (where == NULL || !whose(c, &ns, &root)) {
		path_buf_free(where);
		return;
	}
	all = collect(ns, &n);
	for (unsigned i = 0; i < n; i++) {
		struct path p = { all[i].m, all[i].m->root };

		if (path_text_below(&root, &p, where, PATH_MAX) > 0)
			put(x, &all[i], where);
	}
	for (unsigned i = 0; i < n; i++)
		mount_put(all[i].m);
	heap_free(all);
	path_put(&root);
	ns_put(ns);
	path_buf_free(where);
}

/* An error condition once after each change of the tree (proc_pid_mounts(5)). */
uint32_t poll_mounts(struct node_ctx *c, struct poll_table *p)
{
	struct lx_proc *proc = c->proc;
	struct ns *ns = proc->leader != NULL ? ns_of_thread(proc->leader, NS_MNT, false) : NULL;
	uint64_t now;
	bool changed;

	if (ns == NULL)
		return 0;
	if (p != NULL)
		poll_wait(p, &vfs()->mounts_changed);
	now = atomic_load(&ns->mnt.changes);
	changed = __atomic_exchange_n(&c->file->priv[TEXT_POLLED], now, __ATOMIC_RELAXED) != now;
	ns_put(ns);
	return changed ? EPOLLERR | EPOLLPRI : 0;
}

SHOW(mounts)
{
	put_all(x, c, put_mounts);
}

SHOW(mountinfo)
{
	put_all(x, c, put_mountinfo);
}

SHOW(mountstats)
{
	put_all(x, c, put_mountstats);
}
