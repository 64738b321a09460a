/* SPDX-License-Identifier: MIT */
/*
 * linux/fs/fscontext.c - fsopen, fspick, fsconfig, fsmount: a file system described step by
 * step.  The description is an open file; its object is a struct fscontext, guarded by the
 * file's lock.  Messages that Linux would leave to be read there are not written: a read
 * says that there are none.
 */
#include "linux/fs/mount.h"
#include "linux/fs/io.h"
#include "linux/sec/landlock.h"

enum phase { PHASE_PARAMS, PHASE_MADE, PHASE_RECONFIGURE, PHASE_FAILED };

struct fscontext {
	enum phase phase;
	char type[16], source[64];
	struct mount_fs *fs;     /* a reference; what was made, or is to be changed */
	uint32_t flags;          /* MS_RDONLY ... */
	uint32_t len;
	char options[PATH_MAX];  /* with commas */
};

static long context_read(struct lx_thread *t, struct file *f, const struct iov *v, uint64_t *pos)
{
	return -ENODATA;
}

static void context_release(struct file *f)
{
	struct fscontext *c = f->object;

	if (c->fs != NULL)
		mount_fs_put(c->fs);
	arena_free(c);
}

extern const struct file_ops file_fscontext_ops;
const struct file_ops file_fscontext_ops = {
	.name = "fscontext",
	.read = context_read,
	.release = context_release,
};

static long context_fd(struct lx_thread *t, struct fscontext *c, bool cloexec)
{
	struct file *f = anon_file(FILE_FSCONTEXT, O_RDWR, 0600, c);

	if (f == NULL) {
		if (c->fs != NULL)
			mount_fs_put(c->fs);
		arena_free(c);
		return -ENOMEM;
	}
	return anon_fd(t, f, cloexec);
}

long lx_sys_fsopen(struct lx_thread *t, struct gva type, uint32_t flags)
{
	const struct fs_type *ft;
	struct fscontext *c;
	char name[32];
	long n;

	if (!may_mount(t))
		return -EPERM;
	if (flags & ~FSOPEN_CLOEXEC)
		return -EINVAL;
	n = string_in(name, type, sizeof name);
	if (n == -EFAULT)
		return n;
	ft = n >= 0 ? fs_type_find(name) : NULL;
	if (ft == NULL)
		return -ENODEV;
	c = arena_alloc(sizeof *c);
	if (c == NULL)
		return -ENOMEM;
	str_copy(c->type, ft->name, sizeof c->type);
	return context_fd(t, c, flags & FSOPEN_CLOEXEC);
}

long lx_sys_fspick(struct lx_thread *t, int dirfd, struct gva name, uint32_t flags)
{
	uint32_t walk = (flags & FSPICK_SYMLINK_NOFOLLOW ? 0 : WALK_FOLLOW) | (flags & FSPICK_EMPTY_PATH ? WALK_EMPTY : 0);
	struct fscontext *c;
	struct path p;
	long err;

	if (!may_mount(t))
		return -EPERM;
	if (flags & ~(FSPICK_CLOEXEC | FSPICK_SYMLINK_NOFOLLOW | FSPICK_NO_AUTOMOUNT | FSPICK_EMPTY_PATH))
		return -EINVAL;
	err = user_walk(t, dirfd, name, walk, &p);
	if (err != 0)
		return err;
	c = p.dentry == p.mnt->root ? arena_alloc(sizeof *c) : NULL;
	if (c == NULL) {
		err = p.dentry == p.mnt->root ? -ENOMEM : -EINVAL;
		path_put(&p);
		return err;
	}
	c->phase = PHASE_RECONFIGURE;
	str_copy(c->type, p.mnt->fs->type, sizeof c->type);
	c->fs = p.mnt->fs;
	ref_get(&c->fs->ref);
	c->flags = c->fs->flags;
	path_put(&p);
	return context_fd(t, c, flags & FSPICK_CLOEXEC);
}

/* ---- fsconfig ---- */

static long check_args(uint32_t cmd, bool key, bool value, int aux)
{
	switch (cmd) {
	case FSCONFIG_SET_FLAG:
		return key && !value && aux == 0 ? 0 : -EINVAL;
	case FSCONFIG_SET_STRING:
		return key && value && aux == 0 ? 0 : -EINVAL;
	case FSCONFIG_SET_BINARY:
		return key && value && aux > 0 && aux <= 1024 * 1024 ? 0 : -EINVAL;
	case FSCONFIG_SET_PATH:
	case FSCONFIG_SET_PATH_EMPTY:
		return key && value && (aux >= 0 || aux == AT_FDCWD) ? 0 : -EINVAL;
	case FSCONFIG_SET_FD:
		return key && !value && aux >= 0 ? 0 : -EINVAL;
	case FSCONFIG_CMD_CREATE:
	case FSCONFIG_CMD_RECONFIGURE:
		return !key && !value && aux == 0 ? 0 : -EINVAL;
	default:
		return -EOPNOTSUPP;
	}
}

/* Options that are flags of every file system; false: it is none. */
static bool common_flag(struct fscontext *c, const char *key)
{
	static const struct { const char *name; uint32_t set, clear; } flags[] = {
		{ "ro", MS_RDONLY, 0 }, { "rw", 0, MS_RDONLY }, { "sync", MS_SYNCHRONOUS, 0 }, { "async", 0, MS_SYNCHRONOUS },
		{ "dirsync", MS_DIRSYNC, 0 }, { "lazytime", MS_LAZYTIME, 0 }, { "nolazytime", 0, MS_LAZYTIME }, { "mand", 0, 0 },
		{ "nomand", 0, 0 },
	};

	for (unsigned i = 0; i < ARRAY_LEN(flags); i++)
		if (strcmp(flags[i].name, key) == 0) {
			c->flags = (c->flags & ~flags[i].clear) | flags[i].set;
			return true;
		}
	return false;
}

static long add_option(struct fscontext *c, const char *key, const char *value)
{
	size_t room = sizeof c->options - c->len;
	char *at = c->options + c->len;
	const struct fs_type *ft = fs_type_find(c->type);
	int n;

	if (strchr(key, ',') != NULL || (value != NULL && strchr(value, ',') != NULL))
		return -EINVAL;
	n = fmt_snprintf(at, room, "%s%s%s%s", c->len != 0 ? "," : "", key, value != NULL ? "=" : "", value != NULL ? value : "");
	if (n < 0 || (size_t)n >= room || (ft != NULL && fs_options_check(ft, at) != 0)) {
		*at = '\0';
		return -EINVAL;
	}
	c->len += (uint32_t)n;
	return 0;
}

static long set_string(struct fscontext *c, const char *key, const char *value)
{
	if (strcmp(key, "source") != 0)
		return add_option(c, key, value);
	if (c->source[0] != '\0')
		return -EINVAL;
	str_copy(c->source, value, sizeof c->source);
	return 0;
}

static long set_param(struct fscontext *c, uint32_t cmd, const char *key, const char *value)
{
	if (c->phase != PHASE_PARAMS && c->phase != PHASE_RECONFIGURE)
		return -EBUSY;
	if (cmd != FSCONFIG_SET_FLAG && cmd != FSCONFIG_SET_STRING)
		return -EINVAL; /* no type here has such an option */
	if (common_flag(c, key)) /* whatever its value, as in Linux */
		return 0;
	return cmd == FSCONFIG_SET_STRING ? set_string(c, key, value) : add_option(c, key, NULL);
}

static long create(struct lx_thread *t, struct file *f, struct fscontext *c)
{
	const struct fs_type *ft = fs_type_find(c->type);
	struct mount_fs *fs;
	long err;

	if (ft == NULL || !may_mount(t) || (!ft->userns && !lx_capable(t, CAP_SYS_ADMIN)))
		return -EPERM;
	lock_take(&f->lock);
	err = c->phase == PHASE_PARAMS ? 0 : -EBUSY;
	if (err == 0)
		c->phase = PHASE_FAILED; /* ours: nobody adds options meanwhile */
	lock_drop(&f->lock);
	if (err != 0)
		return err;
	fs = fs_new(t, ft, c->options, &err);
	if (fs == NULL)
		return err;
	fs->flags |= c->flags & MS_RDONLY;
	lock_take(&f->lock);
	c->fs = fs;
	c->phase = PHASE_MADE;
	lock_drop(&f->lock);
	return 0;
}

static long reconfigure(struct lx_thread *t, struct fscontext *c)
{
	long err;

	if (c->phase != PHASE_RECONFIGURE)
		return -EBUSY;
	if (!ns_capable(t, c->fs->user != NULL ? c->fs->user : ns_initial(NS_USER), CAP_SYS_ADMIN) || landlock_mount(t) != 0)
		return -EPERM;
	err = fs_reconfigure(t, c->fs, c->options);
	if (err == 0)
		err = fs_set_readonly(c->fs, c->flags & MS_RDONLY);
	c->len = 0;
	c->options[0] = '\0';
	return err;
}

static long config_with(struct lx_thread *t, struct file *f, uint32_t cmd, const char *key, const char *value)
{
	struct fscontext *c = f->object;
	long err;

	if (cmd == FSCONFIG_CMD_CREATE)
		return create(t, f, c);
	lock_take(&f->lock);
	err = cmd == FSCONFIG_CMD_RECONFIGURE ? reconfigure(t, c) : set_param(c, cmd, key, value);
	lock_drop(&f->lock);
	return err;
}

long lx_sys_fsconfig(struct lx_thread *t, int fd, uint32_t cmd, struct gva key_at, struct gva value_at, int aux)
{
	char key[256] = "", *value = NULL;
	struct file *f;
	long err, n = 0;

	if (fd < 0)
		return -EINVAL;
	err = check_args(cmd, key_at.va != 0, value_at.va != 0, aux);
	if (err != 0)
		return err;
	f = fd_get_kind(t, fd, FILE_FSCONTEXT, -EINVAL, &err);
	if (f == NULL)
		return err;
	if (key_at.va != 0)
		n = string_in(key, key_at, sizeof key);
	if (n >= 0 && cmd == FSCONFIG_SET_STRING) {
		value = path_buf();
		n = value == NULL ? -ENOMEM : string_in(value, value_at, 256);
	}
	if (n >= 0)
		n = config_with(t, f, cmd, key, value);
	path_buf_free(value);
	file_put(f);
	return n == -ENAMETOOLONG ? -EINVAL : n;
}

/* ---- fsmount ---- */

/* The one mount of it that is made by descriptor; the description may change what was made from then on. */
static long take_made(struct file *f, struct mount_fs **fs, char *source, size_t size)
{
	struct fscontext *c = f->object;
	long err = 0;

	lock_take(&f->lock);
	if (c->phase != PHASE_MADE)
		err = c->fs == NULL ? -EINVAL : -EBUSY;
	else {
		*fs = c->fs;
		ref_get(&c->fs->ref);
		str_copy(source, c->source[0] != '\0' ? c->source : "none", size);
		c->phase = PHASE_RECONFIGURE;
	}
	lock_drop(&f->lock);
	return err;
}

static long mount_made(struct file *f, uint64_t attr, struct mount **out)
{
	struct mount_fs *fs;
	struct dentry *root;
	char source[64];
	long err = take_made(f, &fs, source, sizeof source);

	if (err != 0)
		return err;
	inode_get(fs->root);
	root = dentry_new(NULL, "", 0, fs->root);
	if (root == NULL)
		inode_put(fs->root);
	else {
		mounts_lock();
		*out = mount_make(fs, root, attr_to_flags(attr), source);
		mounts_unlock();
		dentry_put(root);
	}
	mount_fs_put(fs);
	return *out != NULL ? 0 : -ENOMEM;
}

long lx_sys_fsmount(struct lx_thread *t, int fd, uint32_t flags, uint32_t attr)
{
	struct mount *m = NULL;
	struct file *f;
	long err = 0;

	if (!may_mount(t))
		return -EPERM;
	if ((flags & ~FSMOUNT_CLOEXEC) || (attr & ~(uint32_t)ATTR_KNOWN) || (attr & MOUNT_ATTR__ATIME) > MOUNT_ATTR_STRICTATIME ||
	    (attr & MOUNT_ATTR__ATIME) == (MOUNT_ATTR_NOATIME | MOUNT_ATTR_STRICTATIME))
		return -EINVAL;
	f = fd_get_kind(t, fd, FILE_FSCONTEXT, -EINVAL, &err);
	if (f == NULL)
		return err;
	err = mount_made(f, attr, &m);
	file_put(f);
	return err != 0 ? err : mount_to_fd(t, m, flags & FSMOUNT_CLOEXEC);
}
