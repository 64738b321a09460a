/* SPDX-License-Identifier: MIT */
/* nt/net/afd_transmit.c - TransmitFile: bytes before, a file, bytes behind; the file by blocks through the library OS's memory. */
#include "nt/ke/user.h"
#include "nt/net/afd.h"
#include "nt/os/file.h"

#define BLOCK 65536u
#define TF_DISCONNECT 1u

struct transmit_in { /* afd_transmit_params */
	int64_t offset;
	uint64_t head, tail;
	uint32_t head_size, tail_size, file, file_size, block, flags;
};

/* Bytes [*at, size) from base go as far as they do now. */
static NTSTATUS some(struct afd *a, struct afd_op *op, void *base, uint32_t size, uint32_t *at, bool kernel)
{
	while (*at < size) {
		struct dk_segment seg = { (char *)base + *at, size - *at };
		struct os_sock_io io = { .seg = &seg, .count = 1, .kernel = kernel };
		uint64_t n;
		NTSTATUS status = os_sock_send(a->file, &io, &n);

		if (status != STATUS_SUCCESS)
			return status;
		*at += (uint32_t)n;
		op->moved += n;
	}
	return STATUS_SUCCESS;
}

/* The next block of the file. */
static NTSTATUS fetch(struct afd_op *op)
{
	uint32_t want = op->transmit.size != 0 ? MIN(op->transmit.block, op->transmit.size - op->transmit.file_at) : op->transmit.block;
	uint64_t n = 0;
	NTSTATUS status = want != 0 ? os_file_read_mem(op->transmit.source->f, op->seg, want, op->transmit.offset, &n) : STATUS_SUCCESS;

	if (status != STATUS_SUCCESS)
		return status;
	op->transmit.at = 0;
	op->transmit.have = (uint32_t)n;
	op->transmit.offset += n;
	op->transmit.file_at += (uint32_t)n;
	op->transmit.ended = n == 0;
	return STATUS_SUCCESS;
}

NTSTATUS afd_transmit_some(struct afd *a, struct afd_op *op)
{
	NTSTATUS status = some(a, op, (void *)op->transmit.head, op->transmit.head_size, &op->transmit.head_at, false);

	while (status == STATUS_SUCCESS && op->transmit.source != NULL && !op->transmit.ended) {
		status = some(a, op, op->seg, op->transmit.have, &op->transmit.at, true);
		if (status == STATUS_SUCCESS)
			status = fetch(op);
	}
	if (status == STATUS_SUCCESS)
		status = some(a, op, (void *)op->transmit.tail, op->transmit.tail_size, &op->transmit.tail_at, false);
	if (status == STATUS_SUCCESS && (op->transmit.flags & TF_DISCONNECT)) {
		a->shut |= OS_SHUT_SEND;
		(void)os_sock_shutdown(a->file, OS_SHUT_SEND);
	}
	return status;
}

static NTSTATUS source_of(const struct transmit_in *in, struct io_file **out)
{
	NTSTATUS status = in->file != 0 ? io_by_handle(in->file, FILE_READ_DATA, out) : STATUS_SUCCESS;

	if (status != STATUS_SUCCESS || in->file == 0)
		return status;
	if ((*out)->kind == IO_DISK)
		return STATUS_SUCCESS;
	ob_put(&(*out)->ob);
	return STATUS_NOT_IMPLEMENTED;
}

static uint64_t start_of(struct io_file *f, int64_t offset)
{
	uint64_t position;

	if (offset != (int64_t)FILE_USE_FILE_POINTER_POSITION || f == NULL)
		return (uint64_t)offset;
	lock_take(&f->lock);
	position = f->position;
	lock_drop(&f->lock);
	return position;
}

NTSTATUS afd_transmit(struct io_request *r)
{
	struct io_file *source = NULL;
	struct transmit_in in;
	struct afd_op *op;
	struct afd *a;
	uint64_t start;
	uint32_t block;
	NTSTATUS status = afd_in(r, &in, sizeof in);

	if (status == STATUS_SUCCESS)
		status = source_of(&in, &source);
	if (status != STATUS_SUCCESS)
		return status;
	start = start_of(source, in.offset);
	block = in.block != 0 ? MIN(in.block, BLOCK) : BLOCK;
	status = afd_lock(r, &a);
	if (status == STATUS_SUCCESS) {
		status = a->state == AFD_CONNECTED ? afd_may_send(a) : (NTSTATUS)STATUS_INVALID_CONNECTION;
		op = status == STATUS_SUCCESS ? afd_pend(r, AFD_OP_TRANSMIT, source != NULL ? block : 0) : NULL;
		if (op == NULL)
			lock_drop(&r->file->lock);
	} else {
		op = NULL;
	}
	if (op == NULL) {
		if (source != NULL)
			ob_put(&source->ob);
		return status != STATUS_SUCCESS ? status : (NTSTATUS)STATUS_NO_MEMORY;
	}
	op->transmit.source = source;
	op->transmit.offset = start;
	op->transmit.head = in.head;
	op->transmit.tail = in.tail;
	op->transmit.head_size = in.head_size;
	op->transmit.tail_size = in.tail_size;
	op->transmit.size = in.file_size;
	op->transmit.block = block;
	op->transmit.flags = in.flags;
	op->irp->r.write = 1;
	list_append(&a->writes, &op->irp->link);
	afd_run_drop(r->file);
	return io_irp_wait(r, op->irp);
}
