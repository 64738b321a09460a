/* SPDX-License-Identifier: MIT */
/*
 * linux/fs/pts.c - /dev/pts: ptmx and one name a terminal that is open, 0 being
 * the host's if there is one.  Mode and owner are the terminal's; names are not
 * remembered, as they come and go with ptys.
 */
#include "linux/fs/fs.h"
#include "linux/fs/special.h"
#include "linux/fs/tty.h"

enum pts_priv { PTS_TTY /* struct tty *, a reference; 0 = root or ptmx */ };

#define PTMX_INO 2u
#define PTS_INO  3u /* of index 0 */

static struct inode *pts_root(struct mount_fs *fs, const char *data)
{
	return special_inode(fs, S_IFDIR | 0755, 1);
}

static bool is_there(const struct tty *tty)
{
	return tty->master != 0;
}

static void take_attr(struct inode *i, const struct tty *tty)
{
	i->mode = tty->mode;
	i->uid = tty->uid;
	i->gid = tty->gid;
}

static struct inode *make_pts(struct mount_fs *fs, struct tty *tty)
{
	struct inode *i = special_inode(fs, tty->mode, PTS_INO + tty->index);

	if (!i) {
		tty_put(tty);
		return NULL;
	}
	i->priv[PTS_TTY] = (uint64_t)tty;
	i->rdev = LX_DEV(PTS_MAJOR, tty->index);
	i->btime_ns = i->ctime_ns = tty->made_ns;
	take_attr(i, tty);
	return i;
}

static struct tty *find_by_name(const char *name, uint32_t len)
{
	char text[8];
	uint64_t index;
	struct tty *tty;

	if (len >= sizeof text || (len > 1 && name[0] == '0'))
		return NULL;
	memcpy(text, name, len);
	text[len] = '\0';
	if (!str_u64(text, 10, &index) || index >= TTY_MAX)
		return NULL;
	tty = tty_find((uint32_t)index);
	if (tty && !is_there(tty)) {
		tty_put(tty);
		return NULL;
	}
	return tty;
}

static long pts_lookup(struct lx_thread *t, struct dentry *dir, const char *name, uint32_t len, struct lookup *hint,
	struct inode **out, uint64_t *valid_until)
{
	struct mount_fs *fs = dir->inode->fs;
	struct tty *tty;

	*out = NULL;
	*valid_until = 0;
	if (len == 4 && !memcmp(name, "ptmx", 4)) {
		*out = special_inode(fs, S_IFCHR | 0666, PTMX_INO);
		if (*out)
			(*out)->rdev = LX_DEV(5, 2);
		return *out ? 0 : -ENOMEM;
	}
	tty = find_by_name(name, len);
	if (!tty)
		return 0;
	*out = make_pts(fs, tty);
	return *out ? 0 : -ENOMEM;
}

static long pts_readdir(struct lx_thread *t, struct dentry *dir, uint64_t *pos, struct dir_emit *d)
{
	struct tty_state *s = tty_state();
	char name[16];

	if (*pos == 2) {
		if (!d->emit(d, "ptmx", 4, PTMX_INO, S_IFCHR >> 12, 3))
			return 0;
		*pos = 3;
	}
	for (; s && *pos - 3 < TTY_MAX; ++*pos) {
		uint32_t index = (uint32_t)*pos - 3;
		struct tty *tty = s->used[index / 64] >> index % 64 & 1 ? tty_find(index) : NULL;
		bool there = tty && is_there(tty);

		tty_put(tty);
		if (!there)
			continue;
		if (!d->emit(d, name, (uint32_t)fmt_snprintf(name, sizeof name, "%u", index), PTS_INO + index, S_IFCHR >> 12, *pos + 1))
			break;
	}
	return 0;
}

static struct tty *tty_of(const struct inode *i)
{
	return (struct tty *)i->priv[PTS_TTY];
}

static long pts_getattr(struct lx_thread *t, struct inode *i)
{
	if (tty_of(i))
		take_attr(i, tty_of(i));
	return 0;
}

static long pts_setattr(struct lx_thread *t, struct dentry *d, const struct inode_attr *a)
{
	struct tty *tty = tty_of(d->inode);

	if (tty) {
		lock_take(&tty->lock);
		if (a->valid & IATTR_MODE)
			tty->mode = S_IFCHR | (a->mode & 07777);
		if (a->valid & IATTR_UID)
			tty->uid = a->uid;
		if (a->valid & IATTR_GID)
			tty->gid = a->gid;
		lock_drop(&tty->lock);
	}
	return special_setattr(t, d, a);
}

static long pts_open(struct lx_thread *t, struct dentry *d, struct file *f)
{
	if (IS_DIR(f->inode)) {
		f->kind = FILE_DIR;
		return 0;
	}
	if (!tty_of(f->inode))
		return pty_open_master(t, f);
	return is_there(tty_of(f->inode)) ? tty_open(t, tty_of(f->inode), f) : -EIO;
}

static void pts_free(struct inode *i)
{
	tty_put(tty_of(i));
}

const struct inode_ops inode_pts_ops = {
	.name = "devpts",
	.root = pts_root,
	.lookup = pts_lookup,
	.readdir = pts_readdir,
	.getattr = pts_getattr,
	.setattr = pts_setattr,
	.open = pts_open,
	.free = pts_free,
};
