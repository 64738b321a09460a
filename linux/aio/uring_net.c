/* SPDX-License-Identifier: MIT */
/* linux/aio/uring_net.c - sockets. */
#include "linux/aio/uring.h"
#include "linux/fs/fs.h"
#include "linux/net/net.h"

static long is_socket(const struct uring_req *r)
{
	return r->io.file->kind == FILE_SOCKET ? 0 : -ENOTSOCK;
}

/* POLL_FIRST: the first try is left out. */
static bool poll_first(struct uring_req *r)
{
	return (r->sqe.ioprio & IORING_RECVSEND_POLL_FIRST) && !r->io.armed;
}

static void more_there(struct lx_thread *t, struct uring_req *r)
{
	r->cflags &= ~IORING_CQE_F_SOCK_NONEMPTY;
	if (file_poll(t, r->io.file, NULL) & EPOLLIN)
		r->cflags |= IORING_CQE_F_SOCK_NONEMPTY;
}

/* ---- Sending ---- */

/* With MSG_WAITALL what does not fit now waits with the request. */
static long send_some(struct lx_thread *t, struct uring_req *r)
{
	const struct io_uring_sqe *sqe = &r->sqe;
	bool all = sqe->msg_flags & MSG_WAITALL;
	long n;

	do {
		n = sock_send(t, r->io.file, (struct gva){ sqe->addr + r->done }, sqe->len - r->done, sqe->msg_flags | MSG_NOSIGNAL,
			(struct gva){ sqe->addr2 }, sqe->addr_len);
		r->done += n > 0 ? (uint64_t)n : 0;
	} while (all && n > 0 && r->done < sqe->len);
	if (n < 0 && (r->done == 0 || n == -EAGAIN))
		return n;
	r->failed = all && r->done < sqe->len;
	return (long)r->done;
}

URING_OP(send)
{
	long err = is_socket(r);

	if (err != 0)
		return err;
	if (poll_first(r))
		return -EAGAIN;
	return send_some(t, r);
}

URING_OP(sendmsg)
{
	const struct io_uring_sqe *sqe = &r->sqe;
	long err = is_socket(r);

	if (err != 0)
		return err;
	if (poll_first(r))
		return -EAGAIN;
	return sock_sendmsg(t, r->io.file, (struct gva){ sqe->addr }, sqe->msg_flags | MSG_NOSIGNAL);
}

/* The second CQE of a zero-copy send: the buffer is free.  It always is, as all is copied. */
static long zero_copy(struct uring_req *r, long n)
{
	bool report = r->sqe.ioprio & IORING_SEND_ZC_REPORT_USAGE;

	if (n < 0)
		return n;
	uring_report(r, (int32_t)n, IORING_CQE_F_MORE);
	r->cflags = IORING_CQE_F_NOTIF;
	return report ? (long)(int32_t)IORING_NOTIF_USAGE_ZC_COPIED : 0;
}

static long check_zc(struct uring_req *r)
{
	const uint32_t known = IORING_RECVSEND_POLL_FIRST | IORING_RECVSEND_FIXED_BUF | IORING_SEND_ZC_REPORT_USAGE;

	if (r->sqe.flags & IOSQE_CQE_SKIP_SUCCESS)
		return -EINVAL;
	if (r->sqe.ioprio & ~known)
		return -EINVAL;
	if (r->sqe.ioprio & IORING_RECVSEND_FIXED_BUF)
		return uring_buffer_check(r->ring, r->sqe.buf_index, r->sqe.addr, r->sqe.len);
	return 0;
}

URING_OP(send_zc)
{
	uint16_t ioprio = r->sqe.ioprio;
	long n = check_zc(r);

	if (n != 0)
		return n;
	r->sqe.ioprio &= IORING_RECVSEND_POLL_FIRST;
	n = uring_op_send(t, r);
	r->sqe.ioprio = ioprio;
	return zero_copy(r, n);
}

URING_OP(sendmsg_zc)
{
	uint16_t ioprio = r->sqe.ioprio;
	long n = ioprio & IORING_RECVSEND_FIXED_BUF ? -EINVAL : check_zc(r);

	if (n != 0)
		return n;
	r->sqe.ioprio &= IORING_RECVSEND_POLL_FIRST;
	n = uring_op_sendmsg(t, r);
	r->sqe.ioprio = ioprio;
	return zero_copy(r, n);
}

/* ---- Receiving ---- */

static long recv_once(struct lx_thread *t, struct uring_req *r)
{
	uint64_t addr = r->sqe.addr + r->done, len = r->sqe.len - r->done;
	long n = 0;

	if (r->sqe.flags & IOSQE_BUFFER_SELECT) {
		len = r->sqe.len != 0 ? r->sqe.len : UINT32_MAX;
		n = uring_buf_select(r, &addr, &len);
	}
	if (n == 0)
		n = sock_recv(t, r->io.file, (struct gva){ addr }, len, r->sqe.msg_flags & ~(uint32_t)MSG_WAITALL, GVA_NULL, GVA_NULL);
	if (n < 0 && (r->sqe.flags & IOSQE_BUFFER_SELECT))
		uring_buf_back(r);
	return n;
}

static long recv_one(struct lx_thread *t, struct uring_req *r)
{
	bool all = (r->sqe.msg_flags & MSG_WAITALL) && !(r->sqe.flags & IOSQE_BUFFER_SELECT);
	long n;

	do {
		n = recv_once(t, r);
		r->done += n > 0 ? (uint64_t)n : 0;
	} while (all && n > 0 && r->done < r->sqe.len);
	if (n < 0 && (r->done == 0 || n == -EAGAIN))
		return n;
	r->failed = (r->sqe.msg_flags & MSG_WAITALL) && r->done < r->sqe.len;
	more_there(t, r);
	return (long)r->done;
}

/* One CQE for each receive until there is nothing, an end, an error or no buffer. */
static long recv_many(struct lx_thread *t, struct uring_req *r)
{
	for (;;) {
		long n = recv_one(t, r);

		if (n <= 0 || (r->sqe.msg_flags & MSG_PEEK) || !list_empty(&r->ring->overflow))
			return n;
		uring_report(r, (int32_t)n, r->cflags | uring_buf_used(r) | IORING_CQE_F_MORE);
		r->done = 0;
		r->cflags = 0;
	}
}

URING_OP(recv)
{
	bool many = r->sqe.ioprio & IORING_RECV_MULTISHOT;
	long err = is_socket(r);

	if (err != 0)
		return err;
	if (poll_first(r))
		return -EAGAIN;
	return many ? recv_many(t, r) : recv_one(t, r);
}

/* recvmsg into a provided buffer: the guest's header names one vector, whose length counts. */
static long recvmsg_selected(struct lx_thread *t, struct uring_req *r)
{
	struct lx_msghdr h;
	struct dk_segment seg;
	uint64_t addr, len;
	long n;

	if (copy_in(&h, (struct gva){ r->sqe.addr }, sizeof h) != 0)
		return -EFAULT;
	if (h.iovlen > 1)
		return -EINVAL;
	seg.size = UINT32_MAX;
	if (h.iovlen == 1 && copy_in(&seg, h.iov, sizeof seg) != 0)
		return -EFAULT;
	len = h.iovlen == 1 ? seg.size : UINT32_MAX;
	n = uring_buf_select(r, &addr, &len);
	if (n != 0)
		return n;
	n = sock_recvmsg_at(t, r->io.file, (struct gva){ r->sqe.addr }, r->sqe.msg_flags, addr, len);
	if (n < 0)
		uring_buf_back(r);
	return n;
}

URING_OP(recvmsg)
{
	long n = is_socket(r);

	if (n != 0)
		return n;
	if (poll_first(r))
		return -EAGAIN;
	if (r->sqe.flags & IOSQE_BUFFER_SELECT)
		n = recvmsg_selected(t, r);
	else
		n = sock_recvmsg(t, r->io.file, (struct gva){ r->sqe.addr }, r->sqe.msg_flags);
	if (n >= 0)
		more_there(t, r);
	return n;
}

/* ---- Connections ---- */

/* A new file to a descriptor, or to the fixed table. */
static long install(struct lx_thread *t, struct uring_req *r, struct file *f, bool cloexec)
{
	long n;

	if (r->sqe.file_index == 0)
		return anon_fd(t, f, cloexec);
	n = uring_fixed_install(r->ring, r->sqe.file_index, f);
	if (n < 0)
		file_put(f);
	return n;
}

static long accept_one(struct lx_thread *t, struct uring_req *r)
{
	struct file *f;
	long err = sock_accept(t, r->io.file, (struct gva){ r->sqe.addr }, (struct gva){ r->sqe.addr2 }, (int)r->sqe.accept_flags, &f);

	return err != 0 ? err : install(t, r, f, r->sqe.accept_flags & LX_SOCK_CLOEXEC);
}

URING_OP(accept)
{
	const struct io_uring_sqe *sqe = &r->sqe;
	bool many = sqe->ioprio & IORING_ACCEPT_MULTISHOT;
	long n = is_socket(r);

	if (n != 0)
		return n;
	for (;;) {
		n = accept_one(t, r);
		if (n < 0 || !many || !list_empty(&r->ring->overflow))
			return n;
		uring_report(r, (int32_t)n, IORING_CQE_F_MORE);
	}
}

URING_OP(connect)
{
	long err = is_socket(r);

	if (err != 0)
		return err;
	return sock_connect(t, r->io.file, (struct gva){ r->sqe.addr }, (int)r->sqe.addr2);
}

URING_OP(shutdown)
{
	long err = is_socket(r);

	return err != 0 ? err : sock_shutdown(r->io.file, (int)r->sqe.len);
}

URING_OP(socket)
{
	int type = (int)r->sqe.off;
	struct file *f;
	long err;

	if (r->sqe.file_index != 0 && (type & LX_SOCK_CLOEXEC))
		return -EINVAL;
	err = sock_make(t, r->sqe.fd, type, (int)r->sqe.len, &f);
	return err != 0 ? err : install(t, r, f, type & LX_SOCK_CLOEXEC);
}
