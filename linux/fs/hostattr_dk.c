/* SPDX-License-Identifier: MIT */
/*
 * linux/fs/hostattr_dk.c - attributes of files of -v folders: lengths, modes, owners,
 * times, extended attributes, statfs.  They go to the host; what it does not hold is
 * kept here (hostshade.c).
 */
#include "linux/fs/hostfs.h"

static long set_size(const char *uri, uint64_t size)
{
	struct dk_open o = { .access = DK_WRITE, .share = 7, .disposition = DK_OPEN_EXISTING };
	dk_handle stream;
	long err = lx_err(DkStreamOpen(uri, &o, &stream));

	if (err < 0)
		return err;
	err = lx_err(DkStreamSetLength(stream, 0, size, DK_LENGTH_TRUNCATE));
	(void)DkObjectClose(stream);
	return err;
}

/* By its name, or of an open stream: one of them. */
static long set_one(dk_handle stream, const char *uri, enum dk_attr_class class, const void *data, size_t size)
{
	return lx_err(DkStreamAttributesSet(stream, uri, class, data, size));
}

/* The stream of an open file that is to be changed: its name may be gone, or another file's. */
static dk_handle stream_of(struct file *f)
{
	if (f == NULL || f->kind != FILE_HOST || (f->stream == DK_NO_HANDLE && host_stream(f) < 0))
		return DK_NO_HANDLE;
	return f->stream;
}

long host_setattr(struct lx_thread *t, struct dentry *d, const struct inode_attr *a)
{
	dk_handle stream = stream_of(a->file);
	char *uri = stream == DK_NO_HANDLE ? host_uri(d, NULL, 0) : NULL;
	long err = stream == DK_NO_HANDLE && uri == NULL ? -ENOMEM : 0;

	host_keep(d);
	if (err == 0 && (a->valid & IATTR_SIZE))
		err = set_size(uri, a->size);
	if (err == 0 && (a->valid & (IATTR_UID | IATTR_GID))) {
		uint32_t owner[2] = { a->valid & IATTR_UID ? a->uid : UINT32_MAX, a->valid & IATTR_GID ? a->gid : UINT32_MAX };

		err = set_one(stream, uri, DK_ATTR_OWNER, owner, sizeof owner);
	}
	if (err == 0 && (a->valid & IATTR_MODE)) {
		uint32_t bits = a->mode & (IS_DIR(d->inode) ? LX_S_ISUID : LX_S_ISUID | LX_S_ISGID), mode = a->mode & 07777 & ~bits;

		err = set_one(stream, uri, DK_ATTR_MODE, &mode, sizeof mode);
		if (err == 0)
			err = shade_set_bits(d->inode, bits);
	}
	if (err == 0 && (a->valid & (IATTR_ATIME | IATTR_MTIME))) {
		int64_t times[2] = { a->valid & IATTR_ATIME ? a->atime_ns : INT64_MIN, a->valid & IATTR_MTIME ? a->mtime_ns : INT64_MIN };

		err = set_one(stream, uri, DK_ATTR_TIMES, times, sizeof times);
	}
	heap_free(uri);
	host(d->inode)->until = 0;
	host_written(d->inode);
	if (err == 0) {
		/* Permission checks read these without asking the host again. */
		lock_take(&d->inode->lock);
		if (a->valid & IATTR_MODE)
			d->inode->mode = (d->inode->mode & S_IFMT) | (a->mode & 07777);
		if (a->valid & IATTR_UID)
			d->inode->uid = a->uid;
		if (a->valid & IATTR_GID)
			d->inode->gid = a->gid;
		lock_drop(&d->inode->lock);
	}
	return err;
}

/* ---- Extended attributes, statfs ---- */

static char *xattr_uri(struct inode *i, const char *name)
{
	return uri_with_query(host(i)->uri, name);
}

static long query_value(const char *uri, enum dk_attr_class class, void *buf, size_t size)
{
	char *value = heap_alloc(65536);
	uint64_t done = 0;
	long err;

	if (value == NULL || uri == NULL) {
		heap_free(value);
		return -ENOMEM;
	}
	err = lx_err(DkStreamAttributesQuery(uri, class, value, 65536, &done));
	if (err == 0 && size != 0 && done > size)
		err = -ERANGE;
	if (err == 0 && size != 0)
		memcpy(buf, value, done);
	heap_free(value);
	return err == -ENOSYS ? -EOPNOTSUPP : err < 0 ? err : (long)done;
}

static bool of_host(const char *name)
{
	return str_starts(name, "user.");
}

long host_getxattr(struct lx_thread *t, struct inode *i, const char *name, void *buf, size_t size)
{
	char *uri;
	long n;

	if (!of_host(name))
		return shade_getxattr(i, name, buf, size);
	uri = xattr_uri(i, name);
	n = query_value(uri, DK_ATTR_XATTR, buf, size);
	heap_free(uri);
	return n;
}

long host_listxattr(struct lx_thread *t, struct inode *i, char *buf, size_t size)
{
	long n = query_value(host(i)->uri, DK_ATTR_XATTR_LIST, buf, size);

	return n < 0 ? n : shade_listxattr(i, buf, size, n);
}

long host_setxattr(struct lx_thread *t, struct dentry *d, const char *name, const void *value, size_t size, int flags)
{
	long there = flags != 0 || value == NULL ? host_getxattr(t, d->inode, name, NULL, 0) : 0;
	char *uri;
	long err;

	if (there >= 0 && (flags & 1))
		return -EEXIST;
	if (there < 0 && ((flags & 2) || value == NULL))
		return -ENODATA;
	if (!of_host(name))
		return shade_setxattr(d->inode, name, value, size);
	uri = xattr_uri(d->inode, name);
	if (uri == NULL)
		return -ENOMEM;
	err = value == NULL ? set_one(DK_NO_HANDLE, uri, DK_ATTR_XATTR_REMOVE, "", 0) : set_one(DK_NO_HANDLE, uri, DK_ATTR_XATTR, value, size);
	heap_free(uri);
	return err;
}

long host_statfs(struct lx_thread *t, struct inode *i, struct statfs *out)
{
	struct dk_fs_info info;
	uint64_t done;
	long err = lx_err(DkStreamAttributesQuery(i->fs->priv[0], DK_ATTR_FS, &info, sizeof info, &done));

	if (err < 0)
		return err;
	out->f_type = (long)info.type;
	out->f_bsize = (long)info.block_size;
	out->f_frsize = (long)info.block_size;
	out->f_blocks = (long)info.blocks;
	out->f_bfree = (long)info.free;
	out->f_bavail = (long)info.available;
	out->f_files = (long)info.files;
	out->f_ffree = (long)info.files_free;
	out->f_namelen = (long)info.name_max;
	return 0;
}

long host_dir_flush(struct dentry *d, uint32_t mode)
{
	struct dk_open o = { .access = DK_READ, .share = 7, .disposition = DK_OPEN_EXISTING };
	char *uri = host_uri(d, NULL, 0);
	dk_handle stream;
	long err;

	if (uri == NULL)
		return -ENOMEM;
	err = lx_err(DkStreamOpen(uri, &o, &stream));
	heap_free(uri);
	if (err != 0)
		return err;
	err = lx_err(DkStreamFlush(stream, mode));
	(void)DkObjectClose(stream);
	return err;
}
