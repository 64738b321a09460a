/* SPDX-License-Identifier: MIT */
/* linux/fs/memxattr.c - extended attributes of inodes in memory, over the host's. */
#include "linux/fs/mem.h"

static struct mem_xattr *find(struct mem_xattr *x, const char *name)
{
	for (; x != NULL; x = x->next)
		if (strcmp(x->data, name) == 0)
			return x;
	return NULL;
}

/* size UINT32_MAX marks one that was removed and hides the host's. */
#define REMOVED UINT32_MAX

static long host_xattr(struct inode *i, const char *name, void *buf, size_t size)
{
	char *uri = uri_with_query(mem(i)->lower, name), *value = heap_alloc(65536);
	uint64_t done = 0;
	long err = -ENOMEM;

	if (uri != NULL && value != NULL) {
		err = lx_err(DkStreamAttributesQuery(uri, DK_ATTR_XATTR, value, 65536, &done));
		if (err == -ENOSYS)
			err = -EOPNOTSUPP;
		if (err == 0)
			err = size == 0 ? (long)done : done > size ? -ERANGE : (long)done;
		if (err > 0 && size != 0)
			memcpy(buf, value, done);
	}
	heap_free(uri);
	heap_free(value);
	return err;
}

long mem_xattrs_get(struct mem_xattr *list, const char *name, void *buf, size_t size)
{
	struct mem_xattr *x = find(list, name);

	if (x == NULL || x->size == REMOVED)
		return -ENODATA;
	if (size != 0 && x->size > size)
		return -ERANGE;
	if (size != 0)
		memcpy(buf, x->data + x->name_len + 1, x->size);
	return (long)x->size;
}

const void *mem_xattr_value(struct inode *i, const char *name, size_t *size)
{
	struct mem_xattr *x = find(mem(i)->xattrs, name);

	if (x == NULL || x->size == REMOVED)
		return NULL;
	*size = x->size;
	return x->data + x->name_len + 1;
}

long mem_getxattr(struct lx_thread *t, struct inode *i, const char *name, void *buf, size_t size)
{
	bool known;
	long n;

	lock_take(&i->lock);
	known = find(mem(i)->xattrs, name) != NULL;
	n = mem_xattrs_get(mem(i)->xattrs, name, buf, size);
	lock_drop(&i->lock);
	/* The monitor tells of no others: who lists folders asks for security.selinux of every file. */
	if (!known && (mem(i)->flags & MEM_LOWER) && mem(i)->lower != NULL && str_starts(name, "user."))
		return host_xattr(i, name, buf, size);
	return n;
}

struct mem_xattr *mem_xattr_new(const char *name, const void *value, size_t size)
{
	size_t len = strlen(name);
	struct mem_xattr *x = arena_alloc(sizeof *x + len + 1 + (value != NULL ? size : 0));

	if (x == NULL)
		return NULL;
	x->name_len = (uint32_t)len;
	x->size = value != NULL ? (uint32_t)size : REMOVED;
	memcpy(x->data, name, len + 1);
	if (value != NULL)
		memcpy(x->data + len + 1, value, size);
	return x;
}

/* Exchanges the old one, if any, for x (NULL: none); the old one is the caller's. */
struct mem_xattr *mem_xattrs_exchange(struct mem_xattr **list, const char *name, struct mem_xattr *x)
{
	struct mem_xattr **p = list, *old = NULL;

	while (*p != NULL && strcmp((*p)->data, name) != 0)
		p = &(*p)->next;
	if (*p != NULL) {
		old = *p;
		*p = old->next;
	}
	if (x != NULL) {
		x->next = *list;
		*list = x;
	}
	return old;
}

long mem_setxattr(struct lx_thread *t, struct dentry *d, const char *name, const void *value, size_t size, int flags)
{
	struct inode *i = d->inode;
	bool there = mem_getxattr(t, i, name, NULL, 0) >= 0;
	struct mem_xattr *x, *old;
	long err;

	if (there && (flags & 1)) /* XATTR_CREATE */
		return -EEXIST;
	if (!there && ((flags & 2) || value == NULL)) /* XATTR_REPLACE */
		return -ENODATA;
	err = mem_take_attr(d);
	if (err < 0)
		return err;
	x = mem_xattr_new(name, value, size);
	if (x == NULL)
		return -ENOSPC;
	lock_take(&i->lock);
	old = mem_xattrs_exchange(&mem(i)->xattrs, name, x);
	i->ctime_ns = vfs_now();
	lock_drop(&i->lock);
	arena_free(old);
	return 0;
}

static long host_list(struct inode *i, char **text)
{
	uint64_t done = 0;
	long err;

	*text = heap_alloc(65536);
	if (*text == NULL)
		return -ENOMEM;
	err = lx_err(DkStreamAttributesQuery(mem(i)->lower, DK_ATTR_XATTR_LIST, *text, 65535, &done));
	return err < 0 ? 0 : (long)done;
}

static long put_name(char *buf, size_t size, long at, const char *name, size_t len)
{
	if (size != 0 && (size_t)at + len > size)
		return -ERANGE;
	if (size != 0)
		memcpy(buf + at, name, len);
	return at + (long)len;
}

long mem_xattrs_list(const struct mem_xattr *x, char *buf, size_t size, long at)
{
	for (; x != NULL && at >= 0; x = x->next)
		if (x->size != REMOVED)
			at = put_name(buf, size, at, x->data, x->name_len + 1);
	return at;
}

long mem_listxattr(struct lx_thread *t, struct inode *i, char *buf, size_t size)
{
	bool lower = (mem(i)->flags & MEM_LOWER) && mem(i)->lower != NULL;
	char *text = NULL;
	long at = 0, n = lower ? host_list(i, &text) : 0;

	lock_take(&i->lock);
	at = mem_xattrs_list(mem(i)->xattrs, buf, size, at);
	for (long k = 0; k < n && at >= 0;) {
		size_t len = strnlen(text + k, (size_t)(n - k)) + 1;

		if (find(mem(i)->xattrs, text + k) == NULL)
			at = put_name(buf, size, at, text + k, len);
		k += (long)len;
	}
	lock_drop(&i->lock);
	heap_free(text);
	return at;
}

void mem_xattrs_free(struct mem_xattr *x)
{
	for (struct mem_xattr *next; x != NULL; x = next) {
		next = x->next;
		arena_free(x);
	}
}

void mem_xattr_free(struct inode *i)
{
	mem_xattrs_free(mem(i)->xattrs);
}
