/* SPDX-License-Identifier: MIT */
/* nt/net/afd_wait.c - requests that wait: their beginning, their end, and their time. */
#include "nt/net/afd.h"
#include "nt/os/file.h"

struct afd_op *afd_pend(struct io_request *r, enum afd_kind kind, size_t extra)
{
	size_t head = kind == AFD_OP_POLL ? sizeof(struct afd_poll) : sizeof(struct afd_op);
	struct afd_op *op = arena_alloc(head + extra);
	struct io_irp *irp = op != NULL ? io_irp_new(r) : NULL;

	if (irp == NULL) {
		arena_free(op);
		return NULL;
	}
	op->kind = kind;
	op->irp = irp;
	list_init(&op->timed);
	irp->own = op;
	return op;
}

void afd_time(struct afd_op *op, uint64_t deadline)
{
	struct nt_process *p = op->irp->process;
	bool sooner;

	if (deadline == 0 || deadline == DK_FOREVER)
		return;
	lock_take(&afd_root()->lock);
	op->deadline = deadline;
	list_append(&afd_root()->timed, &op->timed);
	sooner = deadline < p->net_due;
	if (sooner)
		p->net_due = deadline;
	lock_drop(&afd_root()->lock);
	if (sooner)
		os_sockwatch_timed();
}

void afd_done(struct afd_op *op, NTSTATUS status, struct list *done)
{
	struct afd *a = afd_of(op->irp->r.file);

	if (a != NULL && a->connect == op->irp)
		a->connect = NULL;
	if (op->kind == AFD_OP_INTO)
		afd_into_done(op);
	io_irp_take(op->irp, status, op->moved, done);
}

void afd_irp_gone(struct io_irp *irp)
{
	struct afd_op *op = afd_op_of(irp);

	if (op->deadline != 0) {
		lock_take(&afd_root()->lock);
		list_remove(&op->timed);
		lock_drop(&afd_root()->lock);
	}
	if (op->kind == AFD_OP_POLL)
		afd_poll_ends(op);
	else if (op->kind == AFD_OP_INTO)
		afd_into_ends(op);
	else if (op->kind == AFD_OP_ACCEPT && op->accept.made != NULL)
		ob_put(&op->accept.made->ob);
	else if (op->kind == AFD_OP_TRANSMIT && op->transmit.source != NULL)
		ob_put(&op->transmit.source->ob);
	arena_free(op);
}

/* It ends with status, if it has not ended. */
static void end_with(struct io_irp *irp, NTSTATUS status, struct list *done)
{
	struct io_file *f = irp->r.file;
	struct afd_op *op = afd_op_of(irp);

	if (op->kind == AFD_OP_POLL) {
		lock_take(&afd_root()->lock);
		if (irp->state == IO_IRP_QUEUED)
			afd_poll_done((struct afd_poll *)op, status, done);
		lock_drop(&afd_root()->lock);
		return;
	}
	lock_take(&f->lock);
	if (irp->state == IO_IRP_QUEUED)
		afd_done(op, status, done);
	lock_drop(&f->lock);
}

void afd_cancel(struct io_irp *irp, struct list *done)
{
	end_with(irp, STATUS_CANCELLED, done);
}

/* The first of p's requests whose time is over, with a reference; else when that is. */
static struct io_irp *next_due(struct nt_process *p, uint64_t now, uint64_t *next)
{
	struct io_irp *found = NULL;

	*next = DK_FOREVER;
	lock_take(&afd_root()->lock);
	LIST_FOR (op, &afd_root()->timed, struct afd_op, timed) {
		if (op->irp->process != p)
			continue;
		if (op->deadline > now) {
			*next = MIN(*next, op->deadline);
		} else if (ref_get_live(&op->irp->ref)) {
			found = op->irp;
			list_remove(&op->timed);
			break;
		}
	}
	p->net_due = *next;
	lock_drop(&afd_root()->lock);
	return found;
}

uint64_t net_due(struct nt_process *p)
{
	uint64_t next = DK_FOREVER;
	struct io_irp *irp;

	if (nt_state()->net == NULL)
		return DK_FOREVER;
	while ((irp = next_due(p, pico_now(), &next)) != NULL) {
		struct list done;

		list_init(&done);
		end_with(irp, afd_op_of(irp)->kind == AFD_OP_POLL ? STATUS_TIMEOUT : STATUS_IO_TIMEOUT, &done);
		io_irps_finish(&done);
		io_irp_put(irp);
	}
	return next;
}
