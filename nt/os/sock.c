/* SPDX-License-Identifier: MIT */
/*
 * nt/os/sock.c - sockets by linux/net: Windows' addresses, numbers and errors.
 *
 * The operations are called as the system calls of Linux programs call them, with nonblock set, but by kernel values where
 * those have the guest's memory: addresses are translated here.
 */
#include "linux/fs/fs.h"
#include "linux/net/inet.h"
#include "nt/os/sock.h"
#include "nt/os/wait.h"
#include "rt/mem.h"

_Static_assert(OS_SOCK_IN == EPOLLIN && OS_SOCK_PRI == EPOLLPRI && OS_SOCK_OUT == EPOLLOUT && OS_SOCK_ERR == EPOLLERR && OS_SOCK_HUP == EPOLLHUP && OS_SOCK_RDHUP == EPOLLRDHUP, "poll");

static struct sock *sock_of(const struct file *f)
{
	return f->object;
}

/* ---- Errors ---- */

NTSTATUS os_sock_status(long err)
{
	static const struct {
		int err;
		NTSTATUS status;
	} table[] = {
		{ EAGAIN, STATUS_DEVICE_NOT_READY }, { EINPROGRESS, STATUS_PENDING }, { EACCES, STATUS_ACCESS_DENIED }, { EPERM, STATUS_ACCESS_DENIED },
		{ EFAULT, STATUS_ACCESS_VIOLATION }, { EINVAL, STATUS_INVALID_PARAMETER }, { ENOMEM, STATUS_NO_MEMORY }, { ENOBUFS, STATUS_INSUFFICIENT_RESOURCES },
		{ EMFILE, STATUS_INSUFFICIENT_RESOURCES }, { EALREADY, STATUS_NETWORK_BUSY }, { EDESTADDRREQ, STATUS_INVALID_CONNECTION },
		{ EMSGSIZE, STATUS_BUFFER_OVERFLOW }, { EPROTONOSUPPORT, STATUS_NOT_SUPPORTED }, { ESOCKTNOSUPPORT, STATUS_NOT_SUPPORTED },
		{ EPFNOSUPPORT, STATUS_NOT_SUPPORTED }, { EAFNOSUPPORT, STATUS_NOT_SUPPORTED }, { EPROTOTYPE, STATUS_NOT_SUPPORTED },
		{ ENOPROTOOPT, STATUS_INVALID_PARAMETER }, { EOPNOTSUPP, STATUS_NOT_SUPPORTED }, { EADDRINUSE, STATUS_SHARING_VIOLATION },
		{ ENODEV, STATUS_INVALID_ADDRESS_COMPONENT }, { EADDRNOTAVAIL, STATUS_INVALID_ADDRESS_COMPONENT }, { ECONNREFUSED, STATUS_CONNECTION_REFUSED },
		{ ESHUTDOWN, STATUS_PIPE_DISCONNECTED }, { ENOTCONN, STATUS_INVALID_CONNECTION }, { ETIMEDOUT, STATUS_IO_TIMEOUT },
		{ ENETUNREACH, STATUS_NETWORK_UNREACHABLE }, { EHOSTUNREACH, STATUS_HOST_UNREACHABLE }, { ENETDOWN, STATUS_NETWORK_BUSY },
		{ EPIPE, STATUS_CONNECTION_RESET }, { ECONNRESET, STATUS_CONNECTION_RESET }, { ECONNABORTED, STATUS_CONNECTION_ABORTED },
		{ EISCONN, STATUS_CONNECTION_ACTIVE }, { EINTR, STATUS_CANCELLED }, { ERESTARTSYS, STATUS_DEVICE_NOT_READY },
	};

	for (uint32_t i = 0; i < ARRAY_LEN(table); i++)
		if (table[i].err == -err)
			return table[i].status;
	return err >= 0 ? STATUS_SUCCESS : STATUS_UNSUCCESSFUL;
}

uint32_t os_sock_wsa(int err)
{
	static const struct {
		int err;
		uint32_t wsa;
	} table[] = {
		{ 0, 0 }, { EINTR, 10004 }, { EACCES, 10013 }, { EPERM, 10013 }, { EFAULT, 10014 }, { EINVAL, 10022 }, { EMFILE, 10024 }, { EAGAIN, 10035 },
		{ EINPROGRESS, 10035 }, { EALREADY, 10037 }, { ENOTSOCK, 10038 }, { EDESTADDRREQ, 10039 }, { EMSGSIZE, 10040 }, { ENOPROTOOPT, 10042 },
		{ EOPNOTSUPP, 10045 }, { EAFNOSUPPORT, 10047 }, { EADDRINUSE, 10048 }, { EADDRNOTAVAIL, 10049 }, { ENETDOWN, 10050 }, { ENETUNREACH, 10051 },
		{ ECONNABORTED, 10053 }, { ECONNRESET, 10054 }, { EPIPE, 10054 }, { ENOBUFS, 10055 }, { EISCONN, 10056 }, { ENOTCONN, 10057 },
		{ ESHUTDOWN, 10058 }, { ETIMEDOUT, 10060 }, { ECONNREFUSED, 10061 }, { EHOSTUNREACH, 10065 },
	};

	for (uint32_t i = 0; i < ARRAY_LEN(table); i++)
		if (table[i].err == err)
			return table[i].wsa;
	return 10014;
}

/* ---- Addresses ---- */

static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };

static uint16_t swap16(uint16_t x)
{
	return (uint16_t)(x << 8 | x >> 8);
}

/* 127.12.34.56 and its like are not special here: all of 127.0.0.0/8 is the sandbox's. */
static NTSTATUS name_in(const struct sock *s, const struct os_sockaddr *a, uint32_t size, struct sock_name *out)
{
	struct inet_name n = { .port = swap16(a->port) };

	if (size >= OS_SOCKADDR4 && a->family == WS_AF_INET) {
		memcpy(n.addr.b, mapped, sizeof mapped);
		memcpy(n.addr.b + 12, a->v4.addr, 4);
		n.plain4 = s->family == AF_INET6;
		if (n.plain4 && s->kind != SK_UDP)
			return STATUS_NOT_SUPPORTED;
	} else if (size >= OS_SOCKADDR6 && a->family == WS_AF_INET6 && s->family == AF_INET6) {
		memcpy(n.addr.b, a->v6.addr, 16);
		n.scope = a->v6.scope;
	} else {
		return a->family == WS_AF_INET6 && s->family == AF_INET ? (NTSTATUS)STATUS_NOT_SUPPORTED : (NTSTATUS)STATUS_INVALID_ADDRESS;
	}
	*out = inet_sock_name(&n);
	return STATUS_SUCCESS;
}

static uint32_t name_out(const struct sock *s, const struct sock_name *from, struct os_sockaddr *a)
{
	struct inet_name n = from->len != 0 ? from->in : (struct inet_name){ 0 };

	*a = (struct os_sockaddr){ .family = s->family == AF_INET6 ? WS_AF_INET6 : WS_AF_INET, .port = swap16(n.port) };
	if (s->family != AF_INET6) {
		memcpy(a->v4.addr, n.addr.b + 12, 4);
		return OS_SOCKADDR4;
	}
	memcpy(a->v6.addr, n.addr.b, 16);
	a->v6.scope = n.scope;
	return OS_SOCKADDR6;
}

/* ---- Making and connecting ---- */

NTSTATUS os_sock_make(uint32_t family, uint32_t *type, uint32_t *protocol, struct file **out)
{
	int af = family == WS_AF_INET ? AF_INET : family == WS_AF_INET6 ? AF_INET6 : -1;
	long err;

	if (af < 0)
		return os_sock_status(-EAFNOSUPPORT);
	if (*type == 0)
		*type = *protocol == IPPROTO_TCP ? OS_SOCK_STREAM : *protocol == IPPROTO_UDP ? OS_SOCK_DGRAM : 0;
	err = sock_make(lx_current(), af, (int)*type, (int)*protocol, out);
	if (err != 0)
		return os_sock_status(err);
	if (*protocol == 0)
		*protocol = sock_of(*out)->inet->protocol;
	if (af == AF_INET6)
		__atomic_store_n(&sock_of(*out)->inet->opt[OPT_V6ONLY], 1, __ATOMIC_RELAXED); /* as Windows has it, if it is not asked for otherwise */
	return STATUS_SUCCESS;
}

NTSTATUS os_sock_bind(struct file *f, const struct os_sockaddr *a, uint32_t size)
{
	struct sock *s = sock_of(f);
	struct sock_name n;
	NTSTATUS status = name_in(s, a, size, &n);

	return status == STATUS_SUCCESS ? os_sock_status(ops_of(s)->bind(lx_current(), s, &n)) : status;
}

NTSTATUS os_sock_listen(struct file *f, int backlog)
{
	return os_sock_status(ops_of(sock_of(f))->listen(lx_current(), sock_of(f), backlog));
}

NTSTATUS os_sock_connect(struct file *f, const struct os_sockaddr *a, uint32_t size)
{
	struct sock *s = sock_of(f);
	struct sock_name n;
	NTSTATUS status;

	if (size == 0)
		return os_sock_status(ops_of(s)->connect(lx_current(), s, NULL, true));
	status = name_in(s, a, size, &n);
	return status == STATUS_SUCCESS ? os_sock_status(ops_of(s)->connect(lx_current(), s, &n, true)) : status;
}

NTSTATUS os_sock_accept(struct file *f, struct file **out)
{
	struct sock *child;
	long err = is_connection(sock_of(f)) ? accept_child(sock_of(f), true, &child) : -EOPNOTSUPP;

	if (err != 0)
		return os_sock_status(err);
	*out = sock_file(child, 0);
	if (*out != NULL)
		return STATUS_SUCCESS;
	sock_close(child);
	return STATUS_NO_MEMORY;
}

NTSTATUS os_sock_shutdown(struct file *f, uint32_t how)
{
	return os_sock_status(ops_of(sock_of(f))->shutdown(sock_of(f), how));
}

NTSTATUS os_sock_name(struct file *f, bool peer, struct os_sockaddr *a, uint32_t *size)
{
	struct sock *s = sock_of(f);
	struct sock_name n;

	if (peer && s->state != SOCK_CONNECTED)
		return STATUS_INVALID_CONNECTION;
	if (peer) {
		ops_of(s)->peer_name(s, &n);
	} else {
		lock_take(&s->lock);
		n = s->addr;
		lock_drop(&s->lock);
	}
	*size = name_out(s, &n, a);
	return STATUS_SUCCESS;
}

/* ---- Data ---- */

static struct iov iov_of(const struct os_sock_io *io)
{
	struct iov v = { .seg = io->seg, .count = io->count, .kernel = io->kernel };

	for (uint32_t i = 0; i < io->count; i++)
		v.size += io->seg[i].size;
	return v;
}

static bool ranges_ok(const struct os_sock_io *io)
{
	for (uint32_t i = 0; i < io->count && !io->kernel; i++)
		if (io->seg[i].size != 0 && !guest_range_ok((uint64_t)io->seg[i].base, io->seg[i].size))
			return false;
	return true;
}

static uint32_t flags_of(const struct os_sock_io *io)
{
	return (io->flags & OS_MSG_OOB ? MSG_OOB : 0) | (io->flags & OS_MSG_PEEK ? MSG_PEEK : 0) | (io->flags & OS_MSG_WAITALL ? MSG_WAITALL : 0) | MSG_NOSIGNAL | MSG_DONTWAIT;
}

NTSTATUS os_sock_send(struct file *f, struct os_sock_io *io, uint64_t *done)
{
	struct sock *s = sock_of(f);
	struct iov v = iov_of(io);
	struct xfer x = { .v = &v, .flags = flags_of(io), .nonblock = true };
	NTSTATUS status = STATUS_SUCCESS;
	long n;

	*done = 0;
	if (!ranges_ok(io))
		return STATUS_ACCESS_VIOLATION;
	if (io->addr_size != 0 && s->kind != SK_TCP) {
		status = name_in(s, &io->addr, io->addr_size, &x.addr);
		x.has_addr = true;
	}
	if (status != STATUS_SUCCESS)
		return status;
	n = ops_of(s)->send(lx_current(), s, &x);
	*done = n > 0 ? (uint64_t)n : 0;
	return n < 0 ? os_sock_status(n) : STATUS_SUCCESS;
}

NTSTATUS os_sock_recv(struct file *f, struct os_sock_io *io, uint64_t *done)
{
	struct sock *s = sock_of(f);
	struct iov v = iov_of(io);
	struct xfer x = { .v = &v, .flags = flags_of(io), .nonblock = true };
	long n;

	*done = 0;
	if (!ranges_ok(io))
		return STATUS_ACCESS_VIOLATION;
	n = ops_of(s)->recv(lx_current(), s, &x);
	fdset_put(x.scm.fds);
	if (n < 0)
		return os_sock_status(n);
	*done = (uint64_t)n;
	io->truncated = (x.out_flags & MSG_TRUNC) != 0;
	io->addr_size = x.addr.len != 0 ? name_out(s, &x.addr, &io->addr) : 0;
	io->has_to = s->kind == SK_UDP;
	if (s->family == AF_INET)
		memcpy(io->to, x.at.addr.b + 12, 4);
	else
		memcpy(io->to, x.at.addr.b, 16);
	io->ttl = (uint8_t)x.ttl;
	io->tos = (uint8_t)x.tos;
	return STATUS_SUCCESS;
}

uint32_t os_sock_available(struct file *f)
{
	long n = sock_available(sock_of(f));

	return n > 0 ? (uint32_t)n : 0;
}

bool os_sock_at_mark(struct file *f)
{
	struct sock *s = sock_of(f);
	bool at;

	lock_take(&s->lock);
	at = s->inet->urgent != URGENT_NONE && s->inet->urgent_at == s->rx_pos;
	lock_drop(&s->lock);
	return at;
}

uint32_t os_sock_poll(struct file *f)
{
	return file_poll(lx_current(), f, NULL);
}

int os_sock_error(struct file *f)
{
	return sock_take_error(sock_of(f));
}

NTSTATUS os_sock_wait(struct file *f, uint64_t deadline)
{
	long err;

	do {
		err = file_wait(lx_current(), f, EPOLLIN, deadline);
	} while (err == -ERESTARTSYS && os_interrupted());
	return err == 0 ? STATUS_SUCCESS : err == -ETIMEDOUT ? (NTSTATUS)STATUS_TIMEOUT : (NTSTATUS)STATUS_CANCELLED;
}

/* ---- Options ---- */

static const struct {
	int level, name;
} options[OS_SOCK_OPTIONS] = {
	[OS_SO_BROADCAST] = { SOL_SOCKET, SO_BROADCAST },
	[OS_SO_KEEPALIVE] = { SOL_SOCKET, SO_KEEPALIVE },
	[OS_SO_OOBINLINE] = { SOL_SOCKET, SO_OOBINLINE },
	[OS_SO_RCVBUF] = { SOL_SOCKET, SO_RCVBUF },
	[OS_SO_SNDBUF] = { SOL_SOCKET, SO_SNDBUF },
	[OS_SO_REUSEADDR] = { SOL_SOCKET, SO_REUSEADDR },
	[OS_SO_LINGER] = { SOL_SOCKET, SO_LINGER },
	[OS_TCP_NODELAY] = { IPPROTO_TCP, TCP_NODELAY },
	[OS_TCP_KEEPIDLE] = { IPPROTO_TCP, TCP_KEEPIDLE },
	[OS_TCP_KEEPINTVL] = { IPPROTO_TCP, TCP_KEEPINTVL },
	[OS_TCP_KEEPCNT] = { IPPROTO_TCP, TCP_KEEPCNT },
	[OS_IP_TTL] = { IPPROTO_IP, IP_TTL },
	[OS_IP_TOS] = { IPPROTO_IP, IP_TOS },
	[OS_IP_PKTINFO] = { IPPROTO_IP, IP_PKTINFO },
	[OS_IP_RECVTTL] = { IPPROTO_IP, IP_RECVTTL },
	[OS_IP_RECVTOS] = { IPPROTO_IP, IP_RECVTOS },
	[OS_IP_MTU_DISCOVER] = { IPPROTO_IP, IP_MTU_DISCOVER },
	[OS_IP_MULTICAST_IF] = { IPPROTO_IP, IP_MULTICAST_IF },
	[OS_IP_MULTICAST_LOOP] = { IPPROTO_IP, IP_MULTICAST_LOOP },
	[OS_IP_MULTICAST_TTL] = { IPPROTO_IP, IP_MULTICAST_TTL },
	[OS_IP_ADD_MEMBERSHIP] = { IPPROTO_IP, IP_ADD_MEMBERSHIP },
	[OS_IP_DROP_MEMBERSHIP] = { IPPROTO_IP, IP_DROP_MEMBERSHIP },
	[OS_V6_ONLY] = { IPPROTO_IPV6, IPV6_V6ONLY },
	[OS_V6_HOPS] = { IPPROTO_IPV6, IPV6_UNICAST_HOPS },
	[OS_V6_PKTINFO] = { IPPROTO_IPV6, IPV6_RECVPKTINFO },
	[OS_V6_RECVHOPS] = { IPPROTO_IPV6, IPV6_RECVHOPLIMIT },
	[OS_V6_RECVTCLASS] = { IPPROTO_IPV6, IPV6_RECVTCLASS },
	[OS_V6_DONTFRAG] = { IPPROTO_IPV6, IPV6_DONTFRAG },
	[OS_V6_MULTICAST_IF] = { IPPROTO_IPV6, IPV6_MULTICAST_IF },
	[OS_V6_MULTICAST_LOOP] = { IPPROTO_IPV6, IPV6_MULTICAST_LOOP },
	[OS_V6_MULTICAST_HOPS] = { IPPROTO_IPV6, IPV6_MULTICAST_HOPS },
	[OS_V6_ADD_MEMBERSHIP] = { IPPROTO_IPV6, IPV6_ADD_MEMBERSHIP },
	[OS_V6_DROP_MEMBERSHIP] = { IPPROTO_IPV6, IPV6_DROP_MEMBERSHIP },
};

NTSTATUS os_sock_set(struct file *f, enum os_sock_option o, uint64_t va, uint32_t size)
{
	struct sock *s = sock_of(f);
	struct gva value = { va };

	if (options[o].level == SOL_SOCKET)
		return os_sock_status(sock_setopt(lx_current(), s, options[o].name, value, (int)size));
	return os_sock_status(ops_of(s)->setopt(lx_current(), s, options[o].level, options[o].name, value, (int)size));
}

NTSTATUS os_sock_get(struct file *f, enum os_sock_option o, uint64_t va, uint64_t size_va)
{
	struct sock *s = sock_of(f);
	struct gva value = { va }, size = { size_va };

	if (options[o].level == SOL_SOCKET)
		return os_sock_status(sock_getopt(lx_current(), s, options[o].name, value, size));
	return os_sock_status(ops_of(s)->getopt(lx_current(), s, options[o].level, options[o].name, value, size));
}
