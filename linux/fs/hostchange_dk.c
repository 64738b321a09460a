/* SPDX-License-Identifier: MIT */
/* linux/fs/hostchange_dk.c - folders of the host given with -v: names made, moved and removed.  See hostfs_dk.c. */
#include "linux/fs/hostfs.h"

static void dir_changed(struct inode *dir)
{
	atomic_fetch_add(&vfs()->host_names, 1);
	atomic_fetch_add(&dir->dirgen, 1); /* a listing that is being read is not believed */
	host_written(dir);                 /* nor one that came ahead */
	lock_take(&dir->lock);
	host(dir)->until = 0;
	if (host(dir)->listing != NULL)
		host(dir)->listing->until = 0;
	lock_drop(&dir->lock);
}

/* One name came or went, and nothing else that the folder's listing tells: it stays believed but for that name. */
static void name_changed(struct inode *dir, const char *name, uint32_t len)
{
	host_written(dir);
	lock_take(&dir->lock);
	host(dir)->until = 0;
	if (host(dir)->listing != NULL)
		listing_touch(host(dir)->listing, name, len);
	lock_drop(&dir->lock);
	atomic_fetch_add(&vfs()->host_names, 1);
	atomic_fetch_add(&dir->dirgen, 1);
}

/* A folder that was just made is empty: its names need not be asked for, for as long as a listing is believed. */
static void listing_empty(struct inode *dir, uint64_t when)
{
	char *text;
	struct listing *l = listing_new(0, 0, when, &text);

	if (l == NULL)
		return;
	l->changed = true;
	host(dir)->listing = l;
	listing_remember(dir);
}

/* The host knows better than we: another process is just changing names here, and has not said so yet. */
static long refused(struct inode *dir, long err)
{
	if (err == -EEXIST || err == -ENOENT)
		dir_changed(dir);
	return err;
}

/* What root of the sandbox makes for others is root's on the host too, unless it is given away. */
static void give_owner(struct lx_thread *t, struct inode *dir, const char *uri, struct dk_attributes *a)
{
	uint32_t gid = dir->mode & LX_S_ISGID ? dir->gid : t->cred.fsgid, owner[2] = { t->cred.fsuid, gid };

	if (a->uid == owner[0] && a->gid == owner[1])
		return;
	if (lx_err(DkStreamAttributesSet(DK_NO_HANDLE, uri, DK_ATTR_OWNER, owner, sizeof owner)) != 0)
		return; /* an ordinary user's sandbox: it stays the user's */
	a->uid = owner[0];
	a->gid = owner[1];
}

/* Attributes of what was just made. */
static long made(struct lx_thread *t, struct dentry *dir, const char *name, uint32_t len, const char *uri, const struct dk_attributes *known,
	struct inode **out)
{
	struct dk_attributes a;
	uint64_t done;
	long err = 0;

	name_changed(dir->inode, name, len);
	if (known != NULL && known->inode != 0)
		a = *known;
	else
		err = lx_err(DkStreamAttributesQuery(uri, DK_ATTR_BASIC, &a, sizeof a, &done));
	if (err < 0)
		return err;
	give_owner(t, dir->inode, uri, &a);
	*out = host_inode(dir->inode->fs, uri, &a);
	return *out == NULL ? -ENOMEM : 0;
}

static long make(struct dentry *dir, const char *name, uint32_t len, enum dk_file_type type, uint32_t mode, const char *text,
	struct inode **out, dk_handle *stream)
{
	struct dk_open o = { .access = type == DK_TYPE_FILE ? DK_READ | DK_WRITE : DK_READ, .share = 7,
		.disposition = DK_CREATE_NEW, .options = DK_OPTION_TYPE(type), .mode = mode & 07777 };
	char *uri = host_uri(dir, name, len), *with_text = uri != NULL && text != NULL ? uri_with_query(uri, text) : NULL;
	dk_handle s = DK_NO_HANDLE;
	long err;

	if (uri == NULL || (text != NULL && with_text == NULL)) {
		heap_free(uri);
		return -ENOMEM;
	}
	err = lx_err(DkStreamOpen(with_text != NULL ? with_text : uri, &o, &s));
	err = err == 0 ? made(lx_current(), dir, name, len, uri, &o.attr, out) : refused(dir->inode, err);
	heap_free(with_text);
	heap_free(uri);
	if (err == 0 && stream != NULL)
		*stream = s;
	else if (s != DK_NO_HANDLE)
		(void)DkObjectClose(s);
	return err;
}

long host_create(struct lx_thread *t, struct dentry *dir, const char *name, uint32_t len, uint32_t mode, struct inode **out)
{
	dk_handle stream = DK_NO_HANDLE;
	long err = make(dir, name, len, DK_TYPE_FILE, mode, NULL, out, &stream);

	if (err != 0)
		return err;
	host(*out)->fresh = stream;
	if (UNLIKELY(mode & (LX_S_ISUID | LX_S_ISGID)) && shade_set_bits(*out, mode & (LX_S_ISUID | LX_S_ISGID)) == 0)
		(*out)->mode |= mode & (LX_S_ISUID | LX_S_ISGID);
	return 0;
}

long host_mkdir(struct lx_thread *t, struct dentry *dir, const char *name, uint32_t len, uint32_t mode, struct inode **out)
{
	uint64_t when = pico_now_coarse();
	long err = make(dir, name, len, DK_TYPE_DIR, mode, NULL, out, NULL);

	if (err == 0)
		listing_empty(*out, when);
	return err;
}

long host_mknod(struct lx_thread *t, struct dentry *dir, const char *name, uint32_t len, uint32_t mode, uint64_t rdev, struct inode **out)
{
	long err;

	if (S_IFMT_(mode) == S_IFREG)
		return host_create(t, dir, name, len, mode, out);
	/* The host has a file in place of devices and sockets. */
	err = make(dir, name, len, S_IFMT_(mode) == S_IFIFO ? DK_TYPE_FIFO : DK_TYPE_FILE, mode, NULL, out, NULL);
	if (err == 0 && S_IFMT_(mode) != S_IFIFO)
		err = shade_set_node(*out, S_IFMT_(mode), rdev);
	if (err == 0)
		err = shade_set_bits(*out, mode & (LX_S_ISUID | LX_S_ISGID));
	if (err == 0)
		shade_apply(*out);
	return err;
}

long host_symlink(struct lx_thread *t, struct dentry *dir, const char *name, uint32_t len, const char *target, struct inode **out)
{
	return make(dir, name, len, DK_TYPE_SYMLINK, 0777, target, out, NULL);
}

static long move(struct dentry *from, struct dentry *to_dir, const char *name, uint32_t len, enum dk_rename_mode mode)
{
	char *a = host_uri(from, NULL, 0), *b = host_uri(to_dir, name, len);
	long err = a == NULL || b == NULL ? -ENOMEM : lx_err(DkStreamRename(a, b, mode));

	if (err == 0 && mode != DK_RENAME_LINK) {
		char *uri = arena_alloc(strlen(b) + 1);

		if (uri != NULL) {
			memcpy(uri, b, strlen(b) + 1);
			lock_take(&from->inode->lock);
			arena_free(host(from->inode)->uri);
			host(from->inode)->uri = uri;
			lock_drop(&from->inode->lock);
		}
	}
	heap_free(a);
	heap_free(b);
	if (err == 0) {
		dir_changed(to_dir->inode);
		host(from->inode)->until = 0;
	}
	return refused(to_dir->inode, err);
}

long host_link(struct lx_thread *t, struct dentry *from, struct dentry *dir, const char *name, uint32_t len)
{
	return move(from, dir, name, len, DK_RENAME_LINK);
}

static long remove_one(struct dentry *dir, struct dentry *victim, enum dk_delete_mode mode)
{
	char *uri = host_uri(victim, NULL, 0);
	long err;

	host_keep(victim);
	again_drop(victim->inode);
	err = uri == NULL ? -ENOMEM : lx_err(DkStreamDelete(DK_NO_HANDLE, uri, mode));
	heap_free(uri);
	if (err == 0) {
		if (mode == DK_DELETE_DIR || victim->inode->nlink <= 1)
			name_changed(dir->inode, victim->name, victim->name_len);
		else
			dir_changed(dir->inode); /* other names of it tell how many there are */
		host_written(victim->inode); /* another may get its number: contents that came ahead are not that one's */
		lock_take(&victim->inode->lock);
		if (mode == DK_DELETE_DIR || victim->inode->nlink <= 1)
			victim->inode->nlink = 0;
		else
			victim->inode->nlink--;
		lock_drop(&victim->inode->lock);
		if (victim->inode->nlink == 0)
			shade_forget(victim->inode);
	}
	return refused(dir->inode, err);
}

long host_unlink(struct lx_thread *t, struct dentry *dir, struct dentry *victim)
{
	return remove_one(dir, victim, DK_DELETE_FILE);
}

long host_rmdir(struct lx_thread *t, struct dentry *dir, struct dentry *victim)
{
	return remove_one(dir, victim, DK_DELETE_DIR);
}

long host_rename(struct lx_thread *t, struct dentry *from_dir, struct dentry *from, struct dentry *to_dir, const char *name,
	uint32_t len, struct dentry *over, uint32_t flags)
{
	enum dk_rename_mode mode = flags & RENAME_EXCHANGE ? DK_RENAME_EXCHANGE : flags & RENAME_NOREPLACE ? DK_RENAME_NOREPLACE
	                                                                                                   : DK_RENAME_REPLACE;
	long err;

	if (flags & RENAME_WHITEOUT)
		return -EINVAL;
	if (over != NULL) {
		host_keep(over);
		again_drop(over->inode);
	}
	err = move(from, to_dir, name, len, mode);
	if (err < 0)
		return err;
	dir_changed(from_dir->inode);
	if (over != NULL && !(flags & RENAME_EXCHANGE) && over->inode->nlink > 0 && --over->inode->nlink == 0)
		shade_forget(over->inode);
	return 0;
}
