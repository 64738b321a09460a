/* SPDX-License-Identifier: MIT */
/*
 * linux/net/socket.c - the socket calls except those that move data.
 *
 * Families: AF_UNIX, AF_INET and AF_INET6 within the sandbox, AF_NETLINK to read what its one network interface is.  The others
 * answer EAFNOSUPPORT, as a kernel without them does, and the log says so once.
 */

#include <linux/netlink.h>

#include "linux/net/outside.h"
#include "linux/net/sock.h"

/* One log line a family. */
static void log_no_family(int family)
{
	struct unix_state *u = unix_state();
	uint64_t bit = 1ull << (family & 63);

	if (u != NULL && !(atomic_fetch_or(&u->told_families, bit) & bit))
		log_line(DK_LOG_INFO, "socket: address family %d is not there", family);
}

static long unix_kind(int *type, int protocol)
{
	if (protocol != 0 && protocol != AF_UNIX)
		return -EPROTONOSUPPORT;
	if (*type == LX_SOCK_RAW)
		*type = LX_SOCK_DGRAM;
	return *type == LX_SOCK_STREAM || *type == LX_SOCK_DGRAM || *type == LX_SOCK_SEQPACKET ? SK_UNIX : -ESOCKTNOSUPPORT;
}

/* The kind of a new socket, or -errno. */
static long kind_of(struct lx_thread *t, int family, int *type, int protocol)
{
	if (*type & ~(LX_SOCK_TYPE_MASK | LX_SOCK_NONBLOCK | LX_SOCK_CLOEXEC))
		return -EINVAL;
	*type &= LX_SOCK_TYPE_MASK;
	if (family < 0 || family >= AF_MAX)
		return -EAFNOSUPPORT;
	if (*type >= LX_SOCK_TYPE_MAX)
		return -EINVAL;
	switch (family) {
	case AF_UNIX:
		return unix_kind(type, protocol);
	case AF_INET:
	case AF_INET6:
		return inet_kind(t, family, *type, protocol);
	case AF_NETLINK:
		if (*type != LX_SOCK_RAW && *type != LX_SOCK_DGRAM)
			return -ESOCKTNOSUPPORT;
		return protocol == NETLINK_ROUTE || protocol == NETLINK_SOCK_DIAG ? SK_NETLINK : -EPROTONOSUPPORT;
	default:
		log_no_family(family);
		return -EAFNOSUPPORT;
	}
}

static struct sock *make(int family, long kind, int type, int protocol)
{
	struct sock *s;

	if (family == AF_INET || family == AF_INET6)
		return inet_new(family, (enum sock_kind)kind, (uint32_t)type, protocol);
	s = sock_new(family, (enum sock_kind)kind, (uint32_t)type);
	if (s != NULL && family == AF_NETLINK)
		s->protocol = (uint32_t)protocol;
	return s;
}

/* A descriptor for s; takes over the reference. */
static long sock_open(struct sock *s, int flags, struct file **out)
{
	*out = sock_file(s, (uint32_t)flags & O_NONBLOCK);
	if (*out != NULL)
		return 0;
	sock_close(s);
	return -ENOMEM;
}

static long sock_fd(struct lx_thread *t, struct sock *s, int flags)
{
	struct file *f;
	long err = sock_open(s, flags, &f);

	return err != 0 ? err : anon_fd(t, f, flags & O_CLOEXEC);
}

long sock_make(struct lx_thread *t, int family, int type, int protocol, struct file **out)
{
	int flags = type;
	long kind = kind_of(t, family, &type, protocol);
	struct sock *s = kind >= 0 ? make(family, kind, type, protocol) : NULL;

	if (kind < 0)
		return kind;
	return s != NULL ? sock_open(s, flags, out) : -ENOMEM;
}

long lx_sys_socket(struct lx_thread *t, int family, int type, int protocol)
{
	struct file *f;
	long err = sock_make(t, family, type, protocol, &f);

	return err != 0 ? err : anon_fd(t, f, type & LX_SOCK_CLOEXEC);
}

long lx_sys_socketpair(struct lx_thread *t, int family, int type, int protocol, struct gva fds)
{
	struct sock *a, *b;
	int flags = type, fd[2];
	long err;

	err = kind_of(t, family, &type, protocol);
	if (err >= 0 && family != AF_UNIX)
		err = -EOPNOTSUPP;
	if (err < 0)
		return err;
	a = sock_new(AF_UNIX, SK_UNIX, (uint32_t)type);
	b = a != NULL ? sock_new(AF_UNIX, SK_UNIX, (uint32_t)type) : NULL;
	if (b == NULL) {
		if (a != NULL)
			sock_put(a);
		return -ENOMEM;
	}
	sock_own_cred(a, t);
	sock_own_cred(b, t);
	sock_peer_cred(a, b);
	sock_peer_cred(b, a);
	sock_pair(a, b);
	fd[0] = (int)sock_fd(t, a, flags);
	if (fd[0] < 0) {
		sock_close(b);
		return fd[0];
	}
	fd[1] = (int)sock_fd(t, b, flags);
	if (fd[1] < 0) {
		(void)fd_close(t, fd[0]);
		return fd[1];
	}
	if (copy_out(fds, fd, sizeof fd) == 0)
		return 0;
	(void)fd_close(t, fd[0]);
	(void)fd_close(t, fd[1]);
	return -EFAULT;
}

long lx_sys_bind(struct lx_thread *t, int fd, struct gva addr, int len)
{
	struct sock_name a;
	struct sock *s;
	struct file *f;
	long err;

	f = fd_get_kind(t, fd, FILE_SOCKET, -ENOTSOCK, &err);
	if (f == NULL)
		return err;
	s = f->object;
	err = ops_of(s)->name_in(s, &a, addr, len);
	if (err == 0)
		err = ops_of(s)->bind(t, s, &a);
	file_put(f);
	return err;
}

long lx_sys_listen(struct lx_thread *t, int fd, int backlog)
{
	struct file *f;
	long err;

	f = fd_get_kind(t, fd, FILE_SOCKET, -ENOTSOCK, &err);
	if (f == NULL)
		return err;
	err = ops_of(f->object)->listen(t, f->object, backlog);
	file_put(f);
	return err;
}

long sock_connect(struct lx_thread *t, struct file *f, struct gva addr, int len)
{
	struct sock *s = f->object;
	uint16_t family = 0;
	struct sock_name a;
	long err;

	if (len >= (int)sizeof family && copy_in(&family, addr, sizeof family) != 0)
		return -EFAULT;
	if (len >= (int)sizeof family && family == AF_UNSPEC && (s->type == LX_SOCK_DGRAM || s->kind == SK_TCP))
		return ops_of(s)->connect(t, s, NULL, false);
	err = ops_of(s)->name_in(s, &a, addr, len);
	return err != 0 ? err : ops_of(s)->connect(t, s, &a, file_nonblock(t, f));
}

long lx_sys_connect(struct lx_thread *t, int fd, struct gva addr, int len)
{
	struct file *f;
	long err;

	f = fd_get_kind(t, fd, FILE_SOCKET, -ENOTSOCK, &err);
	if (f == NULL)
		return err;
	err = sock_connect(t, f, addr, len);
	file_put(f);
	return err;
}

/* The peer's name to the guest. */
static long peer_name_out(struct sock *s, struct gva addr, struct gva len)
{
	struct sock_name a;

	ops_of(s)->peer_name(s, &a);
	return ops_of(s)->name_out(s, &a, addr, len);
}

long sock_accept(struct lx_thread *t, struct file *f, struct gva addr, struct gva len, int flags, struct file **out)
{
	struct sock *child;
	long err;

	if (flags & ~(LX_SOCK_NONBLOCK | LX_SOCK_CLOEXEC))
		return -EINVAL;
	err = is_connection(f->object) ? accept_child(f->object, file_nonblock(t, f), &child) : -EOPNOTSUPP;
	if (err != 0)
		return err;
	if (addr.va != 0) {
		err = peer_name_out(child, addr, len);
		if (err != 0) {
			sock_close(child);
			return err;
		}
	}
	return sock_open(child, flags, out);
}

long lx_sys_accept4(struct lx_thread *t, int fd, struct gva addr, struct gva len, int flags)
{
	struct file *f, *child;
	long err;

	if (flags & ~(LX_SOCK_NONBLOCK | LX_SOCK_CLOEXEC))
		return -EINVAL;
	f = fd_get_kind(t, fd, FILE_SOCKET, -ENOTSOCK, &err);
	if (f == NULL)
		return err;
	err = sock_accept(t, f, addr, len, flags, &child);
	file_put(f);
	return err != 0 ? err : anon_fd(t, child, flags & LX_SOCK_CLOEXEC);
}

long lx_sys_accept(struct lx_thread *t, int fd, struct gva addr, struct gva len)
{
	return lx_sys_accept4(t, fd, addr, len, 0);
}

long sock_shutdown(struct file *f, int how)
{
	if (how < SHUT_RD || how > SHUT_RDWR)
		return -EINVAL;
	return ops_of(f->object)->shutdown(f->object, (uint32_t)how + 1); /* RD, WR, RDWR are bits 1, 2, 3 */
}

long lx_sys_shutdown(struct lx_thread *t, int fd, int how)
{
	struct file *f;
	long err;

	f = fd_get_kind(t, fd, FILE_SOCKET, -ENOTSOCK, &err);
	if (f == NULL)
		return err;
	err = sock_shutdown(f, how);
	file_put(f);
	return err;
}

long lx_sys_getsockname(struct lx_thread *t, int fd, struct gva addr, struct gva len)
{
	struct sock_name a;
	struct sock *s;
	struct file *f;
	long err;

	f = fd_get_kind(t, fd, FILE_SOCKET, -ENOTSOCK, &err);
	if (f == NULL)
		return err;
	s = f->object;
	lock_take(&s->lock);
	a = s->addr;
	lock_drop(&s->lock);
	err = ops_of(s)->name_out(s, &a, addr, len);
	file_put(f);
	return err;
}

long lx_sys_getpeername(struct lx_thread *t, int fd, struct gva addr, struct gva len)
{
	struct sock *s;
	struct file *f;
	long err;

	f = fd_get_kind(t, fd, FILE_SOCKET, -ENOTSOCK, &err);
	if (f == NULL)
		return err;
	s = f->object;
	if (s->host != DK_NO_HANDLE)
		(void)outside_settle(s);
	err = s->state == SOCK_CONNECTED && !(s->kind == SK_TCP && tcp_is_over(s)) ? peer_name_out(s, addr, len) : -ENOTCONN;
	file_put(f);
	return err;
}

static long setopt(struct lx_thread *t, struct sock *s, int level, int name, struct gva value, int len)
{
	long err = level == SOL_SOCKET ? sock_setopt(t, s, name, value, len) : ops_of(s)->setopt(t, s, level, name, value, len);

	if (err == 0 && s->inet != NULL && outside_conf(s->net) != NULL)
		outside_set_option(s, level, name, value, len);
	return err;
}

long lx_sys_setsockopt(struct lx_thread *t, int fd, int level, int name, struct gva value, int len)
{
	struct file *f;
	long err;

	f = fd_get_kind(t, fd, FILE_SOCKET, -ENOTSOCK, &err);
	if (f == NULL)
		return err;
	if (len < 0)
		err = -EINVAL;
	else
		err = setopt(t, f->object, level, name, value, len);
	file_put(f);
	return err;
}

long lx_sys_getsockopt(struct lx_thread *t, int fd, int level, int name, struct gva value, struct gva len)
{
	struct sock *s;
	struct file *f;
	long err;

	f = fd_get_kind(t, fd, FILE_SOCKET, -ENOTSOCK, &err);
	if (f == NULL)
		return err;
	s = f->object;
	if (UNLIKELY(s->host != DK_NO_HANDLE))
		(void)outside_settle(s);
	if (UNLIKELY(s->host != DK_NO_HANDLE) && outside_getopt(s, level, name, value, len, &err))
		;
	else
		err = level == SOL_SOCKET ? sock_getopt(t, s, name, value, len) : ops_of(s)->getopt(t, s, level, name, value, len);
	file_put(f);
	return err;
}
