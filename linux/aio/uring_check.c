/* SPDX-License-Identifier: MIT */
/* linux/aio/uring_check.c - is an SQE right?  Looked at when it is submitted, before anything of its chain runs. */
#include "linux/aio/uring.h"
#include "linux/net/net.h"

#define SQE_FLAGS                                                                                    \
	(IOSQE_FIXED_FILE | IOSQE_IO_DRAIN | IOSQE_IO_LINK | IOSQE_IO_HARDLINK | IOSQE_ASYNC | IOSQE_BUFFER_SELECT | IOSQE_CQE_SKIP_SUCCESS)

static uint32_t set_fields(const struct io_uring_sqe *sqe)
{
	return (sqe->off != 0 ? Z_OFF : 0) | (sqe->addr != 0 ? Z_ADDR : 0) | (sqe->len != 0 ? Z_LEN : 0) |
		(sqe->rw_flags != 0 ? Z_FLAGS : 0) | (sqe->buf_index != 0 ? Z_BUF : 0) | (sqe->file_index != 0 ? Z_INDEX : 0);
}

long uring_check(const struct uring *ring, const struct io_uring_sqe *sqe)
{
	const struct uring_op *op;

	if (sqe->opcode >= IORING_OP_LAST || uring_ops[sqe->opcode].run == NULL || (sqe->flags & ~SQE_FLAGS))
		return -EINVAL;
	op = &uring_ops[sqe->opcode];
	if ((sqe->flags & IOSQE_BUFFER_SELECT) && !(op->flags & OP_BUFSEL))
		return -EOPNOTSUPP;
	if ((sqe->flags & IOSQE_CQE_SKIP_SUCCESS) && (sqe->flags & IOSQE_IO_DRAIN))
		return -EOPNOTSUPP;
	if (sqe->ioprio != 0 && !(op->flags & OP_IOPRIO))
		return -EINVAL;
	if ((ring->flags & IORING_SETUP_IOPOLL) && !(op->flags & OP_IOPOLL))
		return -EINVAL;
	if ((op->flags & OP_RW) && sqe->ioprio >> 13 > 3)
		return -EINVAL;
	if ((set_fields(sqe) & op->zero & ~((sqe->flags & IOSQE_BUFFER_SELECT) ? Z_BUF : 0)) || (op->right != NULL && !op->right(sqe)))
		return -EINVAL;
	return uring_restricted(ring, sqe);
}

bool uring_check_no_fixed(const struct io_uring_sqe *sqe)
{
	return !(sqe->flags & (IOSQE_FIXED_FILE | IOSQE_BUFFER_SELECT));
}

bool uring_check_fsync(const struct io_uring_sqe *sqe)
{
	return !(sqe->fsync_flags & ~IORING_FSYNC_DATASYNC);
}

bool uring_check_unlink(const struct io_uring_sqe *sqe)
{
	return !(sqe->unlink_flags & ~AT_REMOVEDIR);
}

bool uring_check_splice(const struct io_uring_sqe *sqe)
{
	return !(sqe->splice_flags & ~(SPLICE_F_FD_IN_FIXED | 15u));
}

bool uring_check_poll_add(const struct io_uring_sqe *sqe)
{
	if (sqe->len & ~(IORING_POLL_ADD_MULTI | IORING_POLL_ADD_LEVEL))
		return false;
	return !((sqe->len & IORING_POLL_ADD_MULTI) && (sqe->flags & IOSQE_CQE_SKIP_SUCCESS));
}

bool uring_check_poll_remove(const struct io_uring_sqe *sqe)
{
	if (sqe->len & ~(IORING_POLL_UPDATE_EVENTS | IORING_POLL_UPDATE_USER_DATA | IORING_POLL_ADD_MULTI))
		return false;
	if ((sqe->len & IORING_POLL_ADD_MULTI) && !(sqe->len & IORING_POLL_UPDATE_EVENTS))
		return false;
	if (!(sqe->len & IORING_POLL_UPDATE_USER_DATA) && sqe->off != 0)
		return false;
	return (sqe->len & IORING_POLL_UPDATE_EVENTS) || sqe->poll32_events == 0;
}

bool uring_check_timeout(const struct io_uring_sqe *sqe)
{
	const uint32_t known = IORING_TIMEOUT_ABS | IORING_TIMEOUT_CLOCK_MASK | IORING_TIMEOUT_ETIME_SUCCESS;

	return sqe->len == 1 && !(sqe->timeout_flags & ~known) &&
		(sqe->timeout_flags & IORING_TIMEOUT_CLOCK_MASK) != IORING_TIMEOUT_CLOCK_MASK;
}

bool uring_check_timeout_remove(const struct io_uring_sqe *sqe)
{
	const uint32_t known = IORING_TIMEOUT_UPDATE_MASK | IORING_TIMEOUT_ABS | IORING_TIMEOUT_CLOCK_MASK;

	if (!uring_check_no_fixed(sqe))
		return false;
	return sqe->timeout_flags & IORING_TIMEOUT_UPDATE_MASK ? !(sqe->timeout_flags & ~known) : sqe->timeout_flags == 0;
}

bool uring_check_cancel(const struct io_uring_sqe *sqe)
{
	const uint32_t known = IORING_ASYNC_CANCEL_ALL | IORING_ASYNC_CANCEL_FD | IORING_ASYNC_CANCEL_ANY | IORING_ASYNC_CANCEL_FD_FIXED;
	const uint32_t both = IORING_ASYNC_CANCEL_FD | IORING_ASYNC_CANCEL_ANY;

	if ((sqe->flags & IOSQE_BUFFER_SELECT) || (sqe->cancel_flags & ~known))
		return false;
	return (sqe->cancel_flags & both) != both;
}

bool uring_check_accept(const struct io_uring_sqe *sqe)
{
	bool many = sqe->ioprio & IORING_ACCEPT_MULTISHOT;

	if ((sqe->ioprio & ~IORING_ACCEPT_MULTISHOT) || (sqe->accept_flags & ~(uint32_t)(LX_SOCK_NONBLOCK | LX_SOCK_CLOEXEC)))
		return false;
	if (sqe->file_index == 0)
		return true;
	return !(sqe->accept_flags & LX_SOCK_CLOEXEC) && (!many || sqe->file_index == IORING_FILE_INDEX_ALLOC);
}

bool uring_check_send(const struct io_uring_sqe *sqe)
{
	return !(sqe->ioprio & ~IORING_RECVSEND_POLL_FIRST) && (sqe->opcode != IORING_OP_SEND || sqe->__pad3[0] == 0);
}

bool uring_check_recv(const struct io_uring_sqe *sqe)
{
	if (sqe->ioprio & ~(IORING_RECVSEND_POLL_FIRST | IORING_RECV_MULTISHOT))
		return false;
	if (!(sqe->ioprio & IORING_RECV_MULTISHOT))
		return true;
	if (sqe->opcode == IORING_OP_RECVMSG)
		return false; /* not offered: recv is */
	return (sqe->flags & IOSQE_BUFFER_SELECT) && !(sqe->msg_flags & MSG_WAITALL) && sqe->len == 0;
}
