/* SPDX-License-Identifier: MIT */
/*
 * linux/net/unix_name.c - names of unix sockets: paths, abstract names, autobind.
 *
 * A path's socket is found by the device and inode number of its node, so it does
 * not matter which object the file system shows for it; a bound socket keeps its
 * inode, so the number is not given to another.
 */

#include "linux/net/sock.h"
#include "linux/ns/ns.h"
#include "linux/sec/landlock.h"
#include "rt/fmt.h"
#include "rt/mem.h"

#define PATH_OFFSET ((uint32_t)offsetof(struct sockaddr_un, sun_path))

long unix_name_in(const struct sock *s, struct sock_name *a, struct gva from, int len)
{
	struct sockaddr_un sun;

	*a = (struct sock_name){ 0 };
	if (len < 0 || (size_t)len > sizeof sun)
		return -EINVAL;
	if (copy_in(&sun, from, (uint64_t)len) != 0)
		return -EFAULT;
	if ((uint32_t)len < PATH_OFFSET || sun.sun_family != AF_UNIX)
		return -EINVAL;
	a->len = (uint32_t)len - PATH_OFFSET;
	memcpy(a->path, sun.sun_path, a->len);
	if (a->len > 0 && a->path[0] != '\0') {
		uint32_t n = (uint32_t)strnlen(a->path, a->len);

		memset(a->path + n, 0, sizeof a->path - n);
		a->len = n + 1; /* may be one more than sun_path holds, as in Linux */
	}
	return 0;
}

long unix_name_out(const struct sock *s, const struct sock_name *a, struct gva to, struct gva len)
{
	struct { uint16_t family; char path[UNIX_PATH_MAX + 1]; } sun = { .family = AF_UNIX };
	uint32_t full = PATH_OFFSET + a->len;
	int room;

	if (copy_in(&room, len, sizeof room) != 0)
		return -EFAULT;
	if (room < 0)
		return -EINVAL;
	memcpy(sun.path, a->path, MIN(a->len, UNIX_PATH_MAX));
	if (copy_out(to, &sun, MIN(full, (uint32_t)room)) != 0)
		return -EFAULT;
	return PUT_USER(len, (int)full);
}

static uint32_t hash_bytes(const char *p, uint32_t n)
{
	uint32_t h = 2166136261u;

	for (uint32_t i = 0; i < n; i++)
		h = (h ^ (uint8_t)p[i]) * 16777619u;
	return h;
}

static struct list *abstract_bucket(struct unix_state *u, const struct sock_name *a)
{
	return &u->abstract[hash_bytes(a->path, a->len) % NAME_BUCKETS];
}

static struct list *bound_bucket(struct unix_state *u, const struct inode *i)
{
	return &u->bound[(i->ino ^ i->dev) % NAME_BUCKETS];
}

static struct sock *find_abstract(struct unix_state *u, const struct sock_name *a, uint32_t net)
{
	LIST_FOR(s, abstract_bucket(u, a), struct sock, name_link)
		if (s->net == net && s->addr.len == a->len && memcmp(s->addr.path, a->path, a->len) == 0)
			return s;
	return NULL;
}

static struct sock *find_bound(struct unix_state *u, const struct inode *i)
{
	LIST_FOR(s, bound_bucket(u, i), struct sock, name_link)
		if (s->inode->ino == i->ino && s->inode->dev == i->dev)
			return s;
	return NULL;
}

static void set_name(struct sock *s, const struct sock_name *a)
{
	lock_take(&s->lock);
	s->addr = *a;
	lock_drop(&s->lock);
}

/* An abstract name is taken if it is free. */
static long bind_abstract(struct sock *s, const struct sock_name *a)
{
	struct unix_state *u = unix_state();
	bool taken;

	set_name(s, a);
	lock_take(&u->lock);
	taken = find_abstract(u, a, s->net) != NULL;
	if (!taken)
		list_append(abstract_bucket(u, a), &s->name_link);
	lock_drop(&u->lock);
	if (!taken)
		return 0;
	set_name(s, &(struct sock_name){ 0 });
	return -EADDRINUSE;
}

long unix_autobind(struct sock *s)
{
	struct unix_state *u = unix_state();
	struct sock_name a = { .len = 6 };
	long err = -EADDRINUSE;

	if (s->addr.len != 0)
		return 0;
	while (err == -EADDRINUSE) {
		uint32_t n = __atomic_add_fetch(&u->autobind, 1, __ATOMIC_RELAXED);

		(void)fmt_snprintf(a.path + 1, sizeof a.path - 1, "%05x", n & 0xfffff);
		err = bind_abstract(s, &a);
	}
	return err;
}

static long bind_path(struct lx_thread *t, struct sock *s, const struct sock_name *a)
{
	struct unix_state *u = unix_state();
	char name[UNIX_PATH_MAX + 1];
	struct path p;
	long err;

	memcpy(name, a->path, UNIX_PATH_MAX);
	name[UNIX_PATH_MAX] = '\0';
	err = vfs_mknod(t, AT_FDCWD, name, S_IFSOCK | 0777, 0);
	if (err == -EEXIST)
		return -EADDRINUSE;
	if (err == 0)
		err = path_walk(t, AT_FDCWD, name, 0, &p, NULL);
	if (err != 0)
		return err;
	inode_get(p.dentry->inode);
	set_name(s, a);
	lock_take(&u->lock);
	s->inode = p.dentry->inode;
	list_append(bound_bucket(u, s->inode), &s->name_link);
	lock_drop(&u->lock);
	path_put(&p);
	return 0;
}

/* Bound already: an error, and Linux looks at the path first. */
static long bind_twice(struct lx_thread *t, const struct sock_name *a)
{
	char name[UNIX_PATH_MAX + 1];
	struct path p;

	if (a->len == 0)
		return 0;
	memcpy(name, a->path, UNIX_PATH_MAX);
	name[UNIX_PATH_MAX] = '\0';
	if (a->path[0] == '\0' || path_walk(t, AT_FDCWD, name, 0, &p, NULL) != 0)
		return -EINVAL;
	path_put(&p);
	return -EADDRINUSE;
}

long unix_bind(struct lx_thread *t, struct sock *s, const struct sock_name *a)
{
	if (s->addr.len != 0)
		return bind_twice(t, a);
	if (a->len == 0)
		return unix_autobind(s);
	return a->path[0] == '\0' ? bind_abstract(s, a) : bind_path(t, s, a);
}

void unix_unname(struct sock *s)
{
	struct unix_state *u = unix_state();
	struct inode *i;

	lock_take(&u->lock);
	list_remove(&s->name_link);
	i = s->inode;
	s->inode = NULL;
	lock_drop(&u->lock);
	if (i != NULL)
		inode_put(i);
}

static long find_path(struct lx_thread *t, const struct sock_name *a, struct sock **out)
{
	struct unix_state *u = unix_state();
	char name[UNIX_PATH_MAX + 1];
	struct path p;
	long err;

	memcpy(name, a->path, UNIX_PATH_MAX);
	name[UNIX_PATH_MAX] = '\0';
	err = path_walk(t, AT_FDCWD, name, WALK_FOLLOW, &p, NULL);
	if (err != 0)
		return err;
	err = inode_permission(t, p.dentry->inode, 2);
	if (err == 0) {
		err = -ECONNREFUSED;
		lock_take(&u->lock);
		*out = find_bound(u, p.dentry->inode);
		if (*out != NULL && ref_get_live(&(*out)->ref))
			err = 0;
		lock_drop(&u->lock);
	}
	path_put(&p);
	return err;
}

long unix_find(struct lx_thread *t, const struct sock_name *a, uint32_t type, struct sock **out)
{
	struct unix_state *u = unix_state();
	long err = -ECONNREFUSED;

	if (a->len == 0)
		return -EINVAL;
	if (a->path[0] != '\0') {
		err = find_path(t, a, out);
	} else {
		lock_take(&u->lock);
		*out = find_abstract(u, a, ns_of(t, NS_NET)->ino);
		if (*out != NULL && ref_get_live(&(*out)->ref))
			err = 0;
		lock_drop(&u->lock);
	}
	if (err != 0)
		return err;
	if ((*out)->type != type)
		err = -EPROTOTYPE;
	else if (a->path[0] == '\0' && landlocked(t) && landlock_scoped(t, (*out)->landlock, LL_SCOPE_ABSTRACT))
		err = -EPERM;
	if (err != 0)
		sock_put(*out);
	return err;
}
