/* SPDX-License-Identifier: MIT */
/* linux/net/msg.c - sendto, sendmsg, sendmmsg and their receiving counterparts. */

#include "linux/net/sock.h"
#include "linux/sig/sig.h"

#define FAST_IOV 8u
#define MMSG_SIZE 64u /* struct mmsghdr: a msghdr, a u32 length, padding */
#define MMSG_MAX  1024u

static void broken_pipe(struct lx_thread *t, const struct sock *s, uint32_t flags)
{
	siginfo_t info;

	if (!is_stream(s) || (flags & MSG_NOSIGNAL))
		return;
	siginfo_user(t, &info, SIGPIPE, SI_USER);
	(void)signal_thread(t, SIGPIPE, &info);
}

static long send_xfer(struct lx_thread *t, struct file *f, struct xfer *x)
{
	long n;

	x->nonblock = file_nonblock(t, f) || (x->flags & MSG_DONTWAIT);
	n = ops_of(f->object)->send(t, f->object, x);
	if (n == -EPIPE)
		broken_pipe(t, f->object, x->flags);
	return n;
}

static long address_in(const struct sock *s, struct xfer *x, struct gva addr, int len)
{
	x->has_addr = addr.va != 0 && len != 0 && s->kind != SK_TCP; /* which sends to its peer, whatever is said */
	return x->has_addr ? ops_of(s)->name_in(s, &x->addr, addr, len) : 0;
}

long sock_send(struct lx_thread *t, struct file *f, struct gva buf, uint64_t len, uint32_t flags, struct gva addr, int addrlen)
{
	struct dk_segment seg = { (void *)buf.va, MIN(len, RW_LIMIT) };
	struct iov v = { &seg, 1, false, seg.size };
	struct xfer x = { .v = &v, .flags = flags };
	long err;

	if (len != 0 && !guest_range_ok(buf.va, seg.size))
		return -EFAULT;
	err = address_in(f->object, &x, addr, addrlen);
	return err != 0 ? err : send_xfer(t, f, &x);
}

long lx_sys_sendto(struct lx_thread *t, int fd, struct gva buf, uint64_t len, uint32_t flags, struct gva addr, int addrlen)
{
	struct file *f;
	long result;

	f = fd_get_kind(t, fd, FILE_SOCKET, -ENOTSOCK, &result);
	if (f == NULL)
		return result;
	result = sock_send(t, f, buf, len, flags, addr, addrlen);
	file_put(f);
	return result;
}

static long vector_in(const struct lx_msghdr *h, struct dk_segment *fast, struct iov *v)
{
	return h->iovlen > UIO_MAXIOV ? -EMSGSIZE : iov_in(h->iov, h->iovlen, fast, FAST_IOV, v);
}

static long send_header(struct lx_thread *t, struct file *f, const struct lx_msghdr *h, uint32_t flags)
{
	struct dk_segment fast[FAST_IOV];
	struct iov v;
	struct xfer x = { .v = &v, .flags = flags };
	long result;

	result = address_in(f->object, &x, h->name, h->namelen);
	if (result == 0)
		result = vector_in(h, fast, &v);
	if (result != 0)
		return result;
	if (h->control.va != 0 && h->controllen != 0)
		result = scm_in(t, f->object, h->control, h->controllen, &x);
	if (result == 0)
		result = send_xfer(t, f, &x);
	fdset_put(x.scm.fds);
	iov_done(&v, fast);
	return result;
}

long sock_sendmsg(struct lx_thread *t, struct file *f, struct gva msg, uint32_t flags)
{
	struct lx_msghdr h;

	if (copy_in(&h, msg, sizeof h) != 0)
		return -EFAULT;
	return send_header(t, f, &h, flags);
}

long lx_sys_sendmsg(struct lx_thread *t, int fd, struct gva msg, uint32_t flags)
{
	struct file *f;
	long result;

	f = fd_get_kind(t, fd, FILE_SOCKET, -ENOTSOCK, &result);
	if (f == NULL)
		return result;
	result = sock_sendmsg(t, f, msg, flags);
	file_put(f);
	return result;
}

long lx_sys_sendmmsg(struct lx_thread *t, int fd, struct gva msgs, uint32_t count, uint32_t flags)
{
	uint32_t done = 0;
	struct file *f;
	long n;

	f = fd_get_kind(t, fd, FILE_SOCKET, -ENOTSOCK, &n);
	if (f == NULL)
		return n;
	for (n = 0; done < MIN(count, MMSG_MAX); done++) {
		struct gva at = gva_add(msgs, (uint64_t)done * MMSG_SIZE);

		n = sock_sendmsg(t, f, at, flags);
		if (n < 0)
			break;
		n = PUT_USER(gva_add(at, sizeof(struct lx_msghdr)), (uint32_t)n);
		if (n < 0)
			break;
	}
	file_put(f);
	return done > 0 ? (long)done : n;
}

/* ---- Receiving ---- */

/* Whose name a receive reports: the packet's sender, or the unix stream's peer if it has one; TCP reports none.  The length
   field says 0 for one without a name, as Linux does here. */
static long sender_out(struct sock *s, struct xfer *x, struct gva addr, struct gva len)
{
	int room;

	if (s->kind == SK_UNIX && is_stream(s))
		ops_of(s)->peer_name(s, &x->addr);
	if (x->addr.len != 0)
		return ops_of(s)->name_out(s, &x->addr, addr, len);
	if (copy_in(&room, len, sizeof room) != 0)
		return -EFAULT;
	return room < 0 ? -EINVAL : PUT_USER(len, (int)0);
}

static long recv_xfer(struct lx_thread *t, struct file *f, struct xfer *x)
{
	x->nonblock = file_nonblock(t, f) || (x->flags & MSG_DONTWAIT);
	return ops_of(f->object)->recv(t, f->object, x);
}

long sock_recv(struct lx_thread *t, struct file *f, struct gva buf, uint64_t len, uint32_t flags, struct gva addr,
	struct gva addrlen)
{
	struct dk_segment seg = { (void *)buf.va, MIN(len, RW_LIMIT) };
	struct iov v = { &seg, 1, false, seg.size };
	struct xfer x = { .v = &v, .flags = flags };
	long n, err;

	if (len != 0 && !guest_range_ok(buf.va, seg.size))
		return -EFAULT;
	n = recv_xfer(t, f, &x);
	fdset_put(x.scm.fds);
	if (n < 0 || addr.va == 0)
		return n;
	err = sender_out(f->object, &x, addr, addrlen);
	return err != 0 ? err : n;
}

long lx_sys_recvfrom(struct lx_thread *t, int fd, struct gva buf, uint64_t len, uint32_t flags, struct gva addr, struct gva addrlen)
{
	struct file *f;
	long result;

	f = fd_get_kind(t, fd, FILE_SOCKET, -ENOTSOCK, &result);
	if (f == NULL)
		return result;
	result = sock_recv(t, f, buf, len, flags, addr, addrlen);
	file_put(f);
	return result;
}

/* Header fields that recvmsg changes: namelen, controllen, flags. */
static long header_back(struct lx_thread *t, struct file *f, struct gva msg, struct lx_msghdr *h, struct xfer *x)
{
	struct sock *s = f->object;
	long err = 0;

	h->flags = x->out_flags | (x->flags & MSG_CMSG_CLOEXEC);
	scm_out(t, h, x, s);
	if (h->name.va != 0)
		err = sender_out(s, x, h->name, gva_add(msg, offsetof(struct lx_msghdr, namelen)));
	if (err == 0)
		err = PUT_USER(gva_add(msg, offsetof(struct lx_msghdr, controllen)), h->controllen);
	if (err == 0)
		err = PUT_USER(gva_add(msg, offsetof(struct lx_msghdr, flags)), h->flags);
	return err;
}

/* h was read from msg. */
static long recv_into(struct lx_thread *t, struct file *f, struct gva msg, struct lx_msghdr *h, const struct iov *v, uint32_t flags)
{
	struct xfer x = { .v = v, .flags = flags };
	long err, n = recv_xfer(t, f, &x);

	if (n < 0) {
		fdset_put(x.scm.fds);
		return n;
	}
	err = header_back(t, f, msg, h, &x);
	return err != 0 ? err : n;
}

long sock_recvmsg(struct lx_thread *t, struct file *f, struct gva msg, uint32_t flags)
{
	struct dk_segment fast[FAST_IOV];
	struct lx_msghdr h;
	struct iov v;
	long n;

	if (copy_in(&h, msg, sizeof h) != 0)
		return -EFAULT;
	if (h.name.va != 0 && h.namelen < 0)
		return -EINVAL;
	n = vector_in(&h, fast, &v);
	if (n != 0)
		return n;
	n = recv_into(t, f, msg, &h, &v, flags);
	iov_done(&v, fast);
	return n;
}

long sock_recvmsg_at(struct lx_thread *t, struct file *f, struct gva msg, uint32_t flags, uint64_t addr, uint64_t len)
{
	struct dk_segment seg = { (void *)addr, len };
	const struct iov v = { &seg, 1, false, len };
	struct lx_msghdr h;

	if (copy_in(&h, msg, sizeof h) != 0 || !guest_range_ok(addr, len))
		return -EFAULT;
	return recv_into(t, f, msg, &h, &v, flags);
}

long lx_sys_recvmsg(struct lx_thread *t, int fd, struct gva msg, uint32_t flags)
{
	struct file *f;
	long result;

	f = fd_get_kind(t, fd, FILE_SOCKET, -ENOTSOCK, &result);
	if (f == NULL)
		return result;
	result = sock_recvmsg(t, f, msg, flags);
	file_put(f);
	return result;
}

static long recv_many(struct lx_thread *t, struct file *f, struct gva msgs, uint32_t count, uint32_t flags, uint64_t deadline)
{
	uint32_t done = 0;
	long n = 0;

	while (done < MIN(count, MMSG_MAX)) {
		struct gva at = gva_add(msgs, (uint64_t)done * MMSG_SIZE);

		n = sock_recvmsg(t, f, at, flags & ~MSG_WAITFORONE);
		if (n < 0)
			break;
		n = PUT_USER(gva_add(at, sizeof(struct lx_msghdr)), (uint32_t)n);
		if (n < 0)
			break;
		done++;
		if (flags & MSG_WAITFORONE)
			flags |= MSG_DONTWAIT;
		if (deadline != DK_FOREVER && pico_now() >= deadline)
			break;
	}
	return done > 0 ? (long)done : n;
}

long lx_sys_recvmmsg(struct lx_thread *t, int fd, struct gva msgs, uint32_t count, uint32_t flags, struct gva timeout)
{
	uint64_t deadline;
	struct file *f;
	long result = deadline_in(timeout, &deadline);

	if (result != 0)
		return result;
	f = fd_get_kind(t, fd, FILE_SOCKET, -ENOTSOCK, &result);
	if (f == NULL)
		return result;
	result = recv_many(t, f, msgs, count, flags, deadline);
	file_put(f);
	deadline_out(timeout, deadline);
	return result;
}
