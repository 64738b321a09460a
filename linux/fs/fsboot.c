/* SPDX-License-Identifier: MIT */
/*
 * linux/fs/fsboot.c - the name space at start, as the settings say.
 *
 * Nothing is asked of the host: the root's inode is made up, mount points are
 * entries in memory, and what they hide or lead through is looked up when a
 * program does.  Only a -v folder costs a trip, to know whether it is a file.
 */
#include "linux/boot.h"
#include "linux/fs/mem.h"
#include "linux/fs/hostfs.h"
#include "linux/fs/mount.h"
#include "linux/sig/sig.h"

#define PLACE_ROOM 256u /* of a mount's place in the root; longer ones are looked at by nobody */

static const char *next_record(const char *p)
{
	return p + strlen(p) + 1;
}

/* The dentry of one component below d, made if the directory is in memory. */
static struct dentry *boot_child(struct dentry *d, const char *name, uint32_t len, bool last)
{
	struct dentry *child = dentry_find(d, name, len);
	struct inode *i = NULL;
	uint64_t until;

	if (child != NULL && child->inode != NULL)
		return child;
	if (child != NULL) { /* somebody looked for it before it was mounted */
		dentry_drop(child);
		dentry_put(child);
	}
	if (d->inode->kind == INODE_MEM) {
		struct mem_dir *md = mem_dir(d->inode);
		struct mem_name *n = NULL;

		if (md != NULL) {
			lock_take(&md->lock);
			n = mem_find(md, name, len);
			lock_drop(&md->lock);
		}
		if (n != NULL && n->inode != NULL) {
			i = n->inode;
			inode_get(i);
		} else
			i = mem_boot_dir(d, name, len, !last);
	} else if (inode_ops(d->inode)->lookup == NULL ||
	           inode_ops(d->inode)->lookup(lx_current(), d, name, len, NULL, &i, &until) != 0)
		return NULL;
	return i != NULL ? dentry_made(d, name, len, i) : NULL;
}

static bool boot_point(const char *where, struct path *out)
{
	struct path p;

	fs_root_path(&p);
	while (*where != '\0') {
		struct dentry *d;
		struct mount *m;
		uint32_t len;

		while (*where == '/')
			where++;
		len = last_len(where);
		if (len == 0)
			break;
		d = boot_child(p.dentry, where, len, where[len] == '\0');
		if (d == NULL) {
			path_put(&p);
			return false;
		}
		dentry_put(p.dentry);
		p.dentry = d;
		where += len;
		m = *where != '\0' && d->mounted != 0 ? mount_at(p.mnt, d) : NULL;
		if (m != NULL) {
			path_put(&p);
			p = (struct path){ m, m->root };
			dentry_get(m->root);
		}
	}
	*out = p;
	return true;
}

static struct mount *root(void)
{
	return ns_initial(NS_MNT)->mnt.root;
}

static void boot_root(struct mount *m)
{
	struct ns *ns = ns_initial(NS_MNT);

	mounts_lock();
	ns->mnt.root = m;
	mount_set_ns(m, ns);
	mounts_unlock();
}

static long attach_fs(struct mount_fs *fs, const struct path *at, uint32_t flags, const char *source)
{
	struct dentry *root;
	struct mount *m = NULL;
	long err;

	if (fs == NULL || fs->root == NULL)
		return -ENOMEM;
	inode_get(fs->root);
	root = dentry_new(NULL, "", 0, fs->root);
	if (root == NULL)
		return -ENOMEM;
	err = mount_attach(NULL, fs, root, at, flags, source, &m);
	dentry_put(root);
	if (err == 0 && at == NULL)
		boot_root(m);
	mount_fs_put(fs);
	return err;
}

static long boot_tmpfs_root(void)
{
	struct mount_fs *fs = mount_fs_new(INODE_MEM, "tmpfs", 0x01021994);

	if (fs == NULL)
		return -ENOMEM;
	fs->root = inode_mem_ops.root(fs, "mode=755");
	return attach_fs(fs, NULL, MS_RELATIME, "tmpfs");
}

/* The host's folder of that name below, memory above.  at NULL: it is the root.  same: an inode that shows it, or NULL. */
static long boot_overlay(const char *where, const struct path *at, uint32_t flags, struct inode *same)
{
	struct mount_fs *fs = mount_fs_new(INODE_MEM, "overlay", 0x794c7630);

	if (fs == NULL)
		return -ENOMEM;
	fs->root = mem_root_overlay(fs, where);
	if (fs->root != NULL && same != NULL)
		mem_root_known(fs->root, same);
	return attach_fs(fs, at, flags, "overlay");
}

static long boot_host(const char *where, const struct path *at, uint32_t flags)
{
	struct mount_fs *fs = mount_fs_new(INODE_HOST, "hostfs", 0);
	struct dk_attributes a;
	uint64_t done;

	if (fs == NULL)
		return -ENOMEM;
	fs->root = host_root(fs, where);
	if (fs->root == NULL)
		return -ENOMEM;
	if (DkStreamAttributesQuery(fs->priv[0], DK_ATTR_BASIC, &a, sizeof a, &done) == DK_OK)
		host_take_attr(fs->root, &a);
	return attach_fs(fs, at, flags, where);
}

static void boot_dev(const struct path *at, uint32_t flags)
{
	struct path p;

	(void)mount_new(NULL, "devtmpfs", NULL, at, flags | MS_NOSUID, "devtmpfs");
	if (boot_point("/dev/pts", &p)) {
		(void)mount_new(NULL, "devpts", NULL, &p, MS_NOSUID | MS_NOEXEC | MS_RELATIME, "devpts");
		path_put(&p);
	}
	if (boot_point("/dev/shm", &p)) {
		(void)mount_new(NULL, "tmpfs", "mode=1777", &p, MS_NOSUID | MS_NODEV | MS_RELATIME, "tmpfs");
		path_put(&p);
	}
}

/* One record's value, "KIND:FLAGS:GUEST-PATH". */
static long boot_mount(const char *spec)
{
	const char *flags_at = strchr(spec, ':'), *where = flags_at != NULL ? strchr(flags_at + 1, ':') : NULL;
	uint32_t flags = MS_RELATIME | (where != NULL && str_starts(flags_at + 1, "ro") ? MS_RDONLY : 0);
	struct path at;
	long err = 0;

	if (where == NULL)
		return -EINVAL;
	where++;
	if (strcmp(where, "/") == 0 && root() == NULL) {
		if (str_starts(spec, "host:")) /* the host's root itself, read and written in place */
			return boot_host(where, NULL, flags);
		return str_starts(spec, "overlay:") ? boot_overlay(where, NULL, flags, NULL) : boot_tmpfs_root();
	}
	if (root() == NULL)
		err = boot_tmpfs_root();
	if (err != 0 || !boot_point(where, &at))
		return err != 0 ? err : -ENOENT;
	if (str_starts(spec, "tmpfs:") && at.dentry->mounted != 0) { /* /dev/shm came with /dev */
		path_put(&at);
		return 0;
	}
	path_to_top(&at); /* -v /tmp:/tmp goes over the sandbox's own */
	if (str_starts(spec, "tmpfs:"))
		err = mount_new(NULL, "tmpfs", strcmp(where, "/run") == 0 ? "mode=755" : NULL, &at, flags | MS_NOSUID | MS_NODEV, "tmpfs");
	else if (str_starts(spec, "proc:"))
		err = mount_new(NULL, "proc", NULL, &at, flags | MS_NOSUID | MS_NODEV | MS_NOEXEC, "proc");
	else if (str_starts(spec, "sys:"))
		err = mount_new(NULL, "sysfs", NULL, &at, flags | MS_NOSUID | MS_NODEV | MS_NOEXEC, "sysfs");
	else if (str_starts(spec, "dev:"))
		boot_dev(&at, flags);
	else if (str_starts(spec, "overlay:"))
		err = boot_overlay(where, &at, flags, NULL);
	else if (str_starts(spec, "host:"))
		err = boot_host(where, &at, flags);
	else
		err = -EINVAL;
	path_put(&at);
	return err;
}

/* The folder is looked up: who shows it again has mostly just used it. */
static long overlay_late(const char *where, const struct path *at)
{
	struct path p;
	long err = path_walk(lx_current(), AT_FDCWD, where, WALK_FOLLOW | WALK_DIRECTORY, &p, NULL);

	if (err != 0)
		return err;
	err = boot_overlay(where, at, MS_RELATIME, p.dentry->inode);
	path_put(&p);
	return err;
}

void fs_mounted_places(bool (*fn)(void *arg, struct mount *m, const char *where), void *arg)
{
	char where[PLACE_ROOM];

	mounts_lock();
	LIST_FOR (m, &root()->children, struct mount, child)
		if (S_ISDIR(m->root->inode->mode) && dentry_text(m->point, where, sizeof where) > 0 && !fn(arg, m, where))
			break;
	mounts_unlock();
}

struct hidden { /* a mount that another one has come over */
	const char *by;
	struct mount *m;
	char where[PLACE_ROOM];
};

static bool is_hidden(void *arg, struct mount *m, const char *where)
{
	struct hidden *h = arg;
	size_t len = strlen(h->by);

	if (strncmp(where, h->by, len) != 0 || where[len] != '/')
		return true;
	h->m = m;
	(void)str_copy(h->where, where, sizeof h->where);
	return false;
}

/* What was mounted below `where` before something was mounted there is to be seen at the same place again (-v HOST:/mnt/c/data). */
static void lift_mounts(const char *where)
{
	struct hidden h = { .by = where };
	struct path at, was;

	for (;;) {
		h.m = NULL;
		fs_mounted_places(is_hidden, &h);
		if (h.m == NULL || !boot_point(h.where, &at))
			return;
		mounts_lock();
		was = mount_unlink(h.m);
		mount_link(h.m, at.mnt, at.dentry);
		mounts_unlock();
		path_put(&was);
		path_put(&at);
	}
}

long fs_boot_late(const char *kind, const char *where, const char *options)
{
	struct path at;
	long err;

	if (!boot_point(where, &at))
		return -ENOENT;
	if (at.dentry->mounted != 0)
		err = -EBUSY;
	else
		err = strcmp(kind, "overlay") == 0 ? overlay_late(options, &at) : mount_new(NULL, kind, options, &at, MS_RELATIME, kind);
	path_put(&at);
	if (err == 0)
		lift_mounts(where);
	vfs_tree_changed();
	return err;
}

/* A file of the root's /etc that is not the root's own: hosts, as the settings say, which knows the sandbox's name; resolv.conf. */
static void boot_etc(const char *name, const char *text)
{
	struct path p;
	struct dentry *etc;

	if (root() == NULL)
		return;
	fs_root_path(&p);
	etc = p.dentry->inode->kind == INODE_MEM ? boot_child(p.dentry, "etc", 3, false) : NULL;
	if (etc != NULL) {
		(void)mem_boot_file(etc, name, (uint32_t)strlen(name), text);
		dentry_put(etc);
	}
	path_put(&p);
}

static long boot_nameless(void)
{
	struct vfs *v = vfs();
	struct mount_fs *anon = mount_fs_new(INODE_ANON, "anon_inodefs", 0x09041934);
	struct inode *i = inode_new(INODE_ANON, S_IFDIR | 0700);
	struct dentry *d = i != NULL ? dentry_new(NULL, "", 0, i) : NULL;
	long err;

	v->memfd_fs = mount_fs_new(INODE_MEM, "tmpfs", 0x01021994);
	if (anon == NULL || d == NULL || v->memfd_fs == NULL)
		return -ENOMEM;
	anon->root = i;
	inode_get(i);
	err = mount_attach(NULL, anon, d, NULL, 0, "none", &v->anon_mount);
	dentry_put(d);
	return err;
}

static uint32_t octal(const char *s)
{
	uint32_t n = 0;

	while (*s >= '0' && *s <= '7')
		n = n * 8 + (uint32_t)(*s++ - '0');
	return n;
}

static void boot_locks(struct vfs *v)
{
	lock_init(&v->mount_lock, LOCK_MOUNT);
	lock_init(&v->rename_lock, LOCK_RENAME);
	for (unsigned i = 0; i < NAMES_LOCKS; i++)
		lock_init(&v->names_lock[i], LOCK_NAMES);
	lock_init(&v->idle_lock, LOCK_INODE);
	waitq_init(&v->mounts_changed);
	lock_init(&v->tree.lock, LOCK_INODE);
	lock_init(&v->locks_lock, LOCK_INODE);
	waitq_init(&v->locks_wait);
	list_init(&v->lock_waits);
	lock_init(&v->fasync_lock, LOCK_IPC);
	list_init(&v->fasyncs);
	list_init(&v->dnotifies);
	list_init(&v->mounts);
}

long vfs_boot(const struct dk_boot *boot)
{
	struct vfs *v = arena_alloc(sizeof *v);
	long err;

	if (v == NULL)
		return -ENOMEM;
	lx_state()->vfs = v;
	boot_locks(v);
	atomic_store(&v->next_mount_id, 20);
	atomic_store(&v->next_minor, 21);
	atomic_store(&v->next_anon_ino, 1);
	v->umask = 022;
	dcache_boot();
	err = boot_nameless();
	for (const char *p = boot->config; err == 0 && p != NULL && *p != '\0'; p = next_record(p)) {
		if (str_starts(p, "umask="))
			v->umask = octal(p + 6) & 0777;
		else if (str_starts(p, "hosts="))
			boot_etc("hosts", p + 6);
		else if (str_starts(p, "mount=") && boot_mount(p + 6) != 0)
			log_line(DK_LOG_WARNING, "cannot mount %s", p + 6);
	}
	if (err == 0 && root() == NULL)
		err = boot_tmpfs_root();
	if (err == 0 && outside_resolv_conf() != NULL)
		boot_etc("resolv.conf", outside_resolv_conf());
	return err;
}

long vfs_std_files(struct lx_proc *p, const struct dk_boot *boot)
{
	for (int fd = 0; fd < 3; fd++) {
		static const char *const keys[3] = { "stdin_attr", "stdout_attr", "stderr_attr" };
		struct file *f = std_file_open(fd, config_get(boot, keys[fd], 0));

		if (f == NULL)
			return -ENOMEM;
		lock_take(&p->fdt->lock);
		fdt_put_slot(p->fdt, (uint32_t)fd, f, false);
		lock_drop(&p->fdt->lock);
		p->fdt->next = (uint32_t)fd + 1;
	}
	return 0;
}
