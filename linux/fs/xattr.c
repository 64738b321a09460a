/* SPDX-License-Identifier: MIT */
/* linux/fs/xattr.c - extended attributes: names, rights and buffers; the values are the kinds'. */
#include "linux/fs/acl.h"
#include "linux/fs/filecaps.h"
#include "linux/ns/ns.h"

#define VALUE_MAX 65536u
#define LIST_MAX  65536u

struct call {
	struct gva name, value;
	uint64_t size;
	int flags;
	char attr[NAME_LIMIT + 1];
	long (*fn)(struct lx_thread *t, const struct path *p, struct call *c);
};

static long name_in(struct call *c)
{
	long n = string_in(c->attr, c->name, sizeof c->attr);

	if (n == -ENAMETOOLONG || n == 0)
		return -ERANGE;
	return n < 0 ? n : 0;
}

/* user.* is for files and directories and by permission; trusted.* for root; security.* is readable. */
static long may_use(struct lx_thread *t, struct inode *i, const char *name, bool write)
{
	if (write && IS_FIXED(i))
		return -EPERM;
	if (str_starts(name, "user.")) {
		if (!IS_REG(i) && !IS_DIR(i))
			return write ? -EPERM : -ENODATA;
		if (IS_DIR(i) && (i->mode & LX_S_ISVTX) && write && !inode_owner_or_capable(t, i))
			return -EPERM;
		return inode_permission(t, i, write ? 2 : 4);
	}
	if (str_starts(name, "trusted."))
		return lx_capable(t, CAP_SYS_ADMIN) ? 0 : write ? -EPERM : -ENODATA;
	if (strcmp(name, FILE_CAPS_NAME) == 0)
		return !write || inode_capable(t, i, CAP_SETFCAP) ? 0 : -EPERM;
	if (str_starts(name, "security."))
		return !write || lx_capable(t, CAP_SYS_ADMIN) ? 0 : -EPERM;
	return -EOPNOTSUPP;
}

static bool is_caps(const struct call *c)
{
	return strcmp(c->attr, FILE_CAPS_NAME) == 0;
}

/* security.capability: as t may see it, which may be shorter than it is. */
static long get_caps(struct lx_thread *t, struct inode *i, void *buf, size_t size)
{
	char value[FILE_CAPS_SIZE];
	long n = inode_ops(i)->getxattr(t, i, FILE_CAPS_NAME, value, sizeof value);

	n = file_caps_out(t, value, n);
	if (n > 0 && size != 0 && size < (size_t)n)
		return -ERANGE;
	if (n > 0 && size != 0)
		memcpy(buf, value, (size_t)n);
	return n;
}

static long set_caps(struct lx_thread *t, struct dentry *d, const char *name, const void *value, size_t size, int flags)
{
	char kept[FILE_CAPS_SIZE];
	struct inode *i = d->inode;
	long n = file_caps_in(t, i, value, size, kept);

	if (n > 0)
		n = inode_ops(i)->setxattr(t, d, name, kept, (size_t)n, flags);
	if (n != 0)
		return n;
	lock_take(&i->lock);
	i->special |= FILE_CAPS;
	lock_drop(&i->lock);
	return 0;
}

static long get(struct lx_thread *t, const struct path *p, struct call *c)
{
	struct inode *i = p->dentry->inode;
	const struct inode_ops *ops = inode_ops(i);
	size_t room = MIN(c->size, VALUE_MAX);
	char *buf;
	uint32_t acl = acl_of_name(c->attr);
	long n = acl != 0 ? 0 : may_use(t, i, c->attr, false);

	if (n != 0)
		return n;
	if (ops->getxattr == NULL)
		return -EOPNOTSUPP;
	buf = room != 0 ? heap_alloc(room) : NULL;
	if (buf == NULL && room != 0)
		return -ENOMEM;
	if (acl != 0)
		n = acl_get(t, i, acl, buf, room);
	else
		n = is_caps(c) ? get_caps(t, i, buf, room) : ops->getxattr(t, i, c->attr, buf, room);
	if (room == 0)
		return n;
	if (n > 0 && copy_out(c->value, buf, (uint64_t)n) != 0)
		n = -EFAULT;
	heap_free(buf);
	return n;
}

static long set(struct lx_thread *t, const struct path *p, struct call *c)
{
	const struct inode_ops *ops = inode_ops(p->dentry->inode);
	uint32_t acl = acl_of_name(c->attr);
	char *buf;
	long err = acl != 0 ? 0 : may_use(t, p->dentry->inode, c->attr, true);

	if (err == 0)
		err = may_write(t, p);
	if (err != 0)
		return err;
	if (ops->setxattr == NULL)
		return -EOPNOTSUPP;
	buf = heap_alloc(MAX(c->size, 1ul));
	if (buf == NULL)
		return -ENOMEM;
	err = copy_in(buf, c->value, c->size);
	if (err == 0 && acl != 0)
		err = acl_set(t, p, acl, buf, c->size);
	else if (err == 0)
		err = (is_caps(c) ? set_caps : ops->setxattr)(t, p->dentry, c->attr, buf, c->size, c->flags);
	heap_free(buf);
	return err;
}

static long remove_attr(struct lx_thread *t, const struct path *p, struct call *c)
{
	const struct inode_ops *ops = inode_ops(p->dentry->inode);
	uint32_t acl = acl_of_name(c->attr);
	long err = acl != 0 ? 0 : may_use(t, p->dentry->inode, c->attr, true);

	if (err == 0)
		err = may_write(t, p);
	if (err != 0)
		return err;
	if (acl != 0)
		return acl_set(t, p, acl, NULL, 0);
	if (ops->setxattr == NULL)
		return -EOPNOTSUPP;
	err = ops->setxattr(t, p->dentry, c->attr, NULL, 0, 0);
	if (err == 0 && UNLIKELY(p->dentry->inode->special & FILE_CAPS) && is_caps(c))
		__atomic_fetch_and(&p->dentry->inode->special, ~FILE_CAPS, __ATOMIC_RELAXED);
	return err;
}

static long list(struct lx_thread *t, const struct path *p, struct call *c)
{
	struct inode *i = p->dentry->inode;
	const struct inode_ops *ops = inode_ops(i);
	size_t room = MIN(c->size, LIST_MAX);
	char *buf;
	long n;

	if (ops->listxattr == NULL)
		return 0;
	if (room == 0)
		return ops->listxattr(t, i, NULL, 0);
	buf = heap_alloc(room);
	if (buf == NULL)
		return -ENOMEM;
	n = ops->listxattr(t, i, buf, room);
	if (n > 0 && copy_out(c->value, buf, (uint64_t)n) != 0)
		n = -EFAULT;
	heap_free(buf);
	return n;
}

static long on_path(struct lx_thread *t, struct gva name, uint32_t walk, struct call *c)
{
	struct path p;
	long err = user_walk(t, AT_FDCWD, name, walk, &p);

	if (err != 0)
		return err;
	err = c->fn(t, &p, c);
	path_put(&p);
	return err;
}

/* Pipes and sockets have none, and may not have user's. */
static long no_name(const struct call *c)
{
	if (c->fn == list)
		return 0;
	if (!str_starts(c->attr, "user."))
		return -EOPNOTSUPP;
	return c->fn == get ? -ENODATA : -EPERM;
}

static long on_file(struct lx_thread *t, struct file *f, struct call *c)
{
	if (f->kind == FILE_PATH)
		return -EBADF;
	return f->path.dentry == NULL ? no_name(c) : c->fn(t, &f->path, c);
}

static long on_fd(struct lx_thread *t, int fd, struct call *c)
{
	struct file *f = fd_get(t, fd);
	long err;

	if (f == NULL)
		return -EBADF;
	err = on_file(t, f, c);
	file_put(f);
	return err;
}

static long set_call(struct call *c)
{
	if (c->flags & ~3)
		return -EINVAL;
	if (c->size > VALUE_MAX)
		return -E2BIG;
	return name_in(c);
}

long lx_sys_setxattr(struct lx_thread *t, struct gva name, struct gva attr, struct gva value, uint64_t size, int flags)
{
	struct call c = { .name = attr, .value = value, .size = size, .flags = flags, .fn = set };
	long err = set_call(&c);

	return err != 0 ? err : on_path(t, name, WALK_FOLLOW, &c);
}

long lx_sys_lsetxattr(struct lx_thread *t, struct gva name, struct gva attr, struct gva value, uint64_t size, int flags)
{
	struct call c = { .name = attr, .value = value, .size = size, .flags = flags, .fn = set };
	long err = set_call(&c);

	return err != 0 ? err : on_path(t, name, 0, &c);
}

long file_setxattr(struct lx_thread *t, struct file *f, struct gva attr, struct gva value, uint64_t size, int flags)
{
	struct call c = { .name = attr, .value = value, .size = size, .flags = flags, .fn = set };
	long err = set_call(&c);

	return err != 0 ? err : on_file(t, f, &c);
}

long file_getxattr(struct lx_thread *t, struct file *f, struct gva attr, struct gva value, uint64_t size)
{
	struct call c = { .name = attr, .value = value, .size = size, .fn = get };
	long err = name_in(&c);

	return err != 0 ? err : on_file(t, f, &c);
}

long lx_sys_fsetxattr(struct lx_thread *t, int fd, struct gva attr, struct gva value, uint64_t size, int flags)
{
	struct call c = { .name = attr, .value = value, .size = size, .flags = flags, .fn = set };
	long err = set_call(&c);

	return err != 0 ? err : on_fd(t, fd, &c);
}

long lx_sys_getxattr(struct lx_thread *t, struct gva name, struct gva attr, struct gva value, uint64_t size)
{
	struct call c = { .name = attr, .value = value, .size = size, .fn = get };
	long err = name_in(&c);

	return err != 0 ? err : on_path(t, name, WALK_FOLLOW, &c);
}

long lx_sys_lgetxattr(struct lx_thread *t, struct gva name, struct gva attr, struct gva value, uint64_t size)
{
	struct call c = { .name = attr, .value = value, .size = size, .fn = get };
	long err = name_in(&c);

	return err != 0 ? err : on_path(t, name, 0, &c);
}

long lx_sys_fgetxattr(struct lx_thread *t, int fd, struct gva attr, struct gva value, uint64_t size)
{
	struct call c = { .name = attr, .value = value, .size = size, .fn = get };
	long err = name_in(&c);

	return err != 0 ? err : on_fd(t, fd, &c);
}

long lx_sys_listxattr(struct lx_thread *t, struct gva name, struct gva buf, uint64_t size)
{
	struct call c = { .value = buf, .size = size, .fn = list };

	return on_path(t, name, WALK_FOLLOW, &c);
}

long lx_sys_llistxattr(struct lx_thread *t, struct gva name, struct gva buf, uint64_t size)
{
	struct call c = { .value = buf, .size = size, .fn = list };

	return on_path(t, name, 0, &c);
}

long lx_sys_flistxattr(struct lx_thread *t, int fd, struct gva buf, uint64_t size)
{
	struct call c = { .value = buf, .size = size, .fn = list };

	return on_fd(t, fd, &c);
}

long lx_sys_removexattr(struct lx_thread *t, struct gva name, struct gva attr)
{
	struct call c = { .name = attr, .fn = remove_attr };
	long err = name_in(&c);

	return err != 0 ? err : on_path(t, name, WALK_FOLLOW, &c);
}

long lx_sys_lremovexattr(struct lx_thread *t, struct gva name, struct gva attr)
{
	struct call c = { .name = attr, .fn = remove_attr };
	long err = name_in(&c);

	return err != 0 ? err : on_path(t, name, 0, &c);
}

long lx_sys_fremovexattr(struct lx_thread *t, int fd, struct gva attr)
{
	struct call c = { .name = attr, .fn = remove_attr };
	long err = name_in(&c);

	return err != 0 ? err : on_fd(t, fd, &c);
}

/* ---- The same by directory and name ---- */

struct lx_xattr_args { /* the kernel's struct xattr_args */
	uint64_t value;
	uint32_t size, flags;
};

static long on_at(struct lx_thread *t, int dirfd, struct gva name, int flags, struct call *c)
{
	struct path p;
	long err;

	if (flags & ~(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH))
		return -EINVAL;
	err = user_walk(t, dirfd, name, (flags & AT_SYMLINK_NOFOLLOW ? 0 : WALK_FOLLOW) | (flags & AT_EMPTY_PATH ? WALK_EMPTY : 0), &p);
	if (err != 0)
		return err;
	err = c->fn(t, &p, c);
	path_put(&p);
	return err;
}

static long args_in(struct gva ptr, uint64_t size, struct call *c)
{
	struct lx_xattr_args a;

	if (size < sizeof a)
		return -EINVAL;
	if (size > PAGE_SIZE)
		return -E2BIG;
	if (copy_in(&a, ptr, sizeof a) != 0)
		return -EFAULT;
	for (uint64_t at = sizeof a; at < size; at++) {
		uint8_t byte;

		if (copy_in(&byte, gva_add(ptr, at), 1) != 0)
			return -EFAULT;
		if (byte != 0)
			return -E2BIG;
	}
	c->value = (struct gva){ a.value };
	c->size = a.size;
	c->flags = (int)a.flags;
	return 0;
}

long lx_sys_setxattrat(struct lx_thread *t, int dirfd, struct gva name, int flags, struct gva attr, struct gva args, uint64_t size)
{
	struct call c = { .name = attr, .fn = set };
	long err = args_in(args, size, &c);

	if (err == 0)
		err = set_call(&c);
	return err != 0 ? err : on_at(t, dirfd, name, flags, &c);
}

long lx_sys_getxattrat(struct lx_thread *t, int dirfd, struct gva name, int flags, struct gva attr, struct gva args, uint64_t size)
{
	struct call c = { .name = attr, .fn = get };
	long err = args_in(args, size, &c);

	if (err == 0)
		err = c.flags != 0 ? -EINVAL : name_in(&c);
	return err != 0 ? err : on_at(t, dirfd, name, flags, &c);
}

long lx_sys_listxattrat(struct lx_thread *t, int dirfd, struct gva name, int flags, struct gva buf, uint64_t size)
{
	struct call c = { .value = buf, .size = size, .fn = list };

	return on_at(t, dirfd, name, flags, &c);
}

long lx_sys_removexattrat(struct lx_thread *t, int dirfd, struct gva name, int flags, struct gva attr)
{
	struct call c = { .name = attr, .fn = remove_attr };
	long err = name_in(&c);

	return err != 0 ? err : on_at(t, dirfd, name, flags, &c);
}
