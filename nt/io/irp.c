/* SPDX-License-Identifier: MIT */
/*
 * nt/io/irp.c - requests that wait.
 *
 * Whoever ends a request may be in another process, or kproc: the guest's memory that the answer goes to is the asker's.
 * A synchronous one is finished by its own thread, which sleeps for it. Of the others those of another process are put on
 * that process's list, and some thread of it writes their answers, on its way to the guest or from inside a wait
 * (nt/os/remote.h); what is on the list of a process that has ended goes with it.
 *
 * The lists of files, threads and processes are under one lock of NTIO: only requests that have to wait come here.
 * irp->state is under the lock of the kind's queue; who takes an irp out ends it.
 */
#include "nt/ex/ex.h"
#include "nt/ex/wait.h"
#include "nt/io/irp.h"
#include "nt/ke/user.h"
#include "nt/os/remote.h"
#include "nt/os/wait.h"
#include "ntcalls.gen.h"
#include "pico/wait.h"

struct io_process { /* nt_process->io */
	struct list finished; /* [NTIO: irps lock] by link: answers to be written */
	bool ended;           /* [NTIO: irps lock] nobody will write any more */
};
struct io_thread { /* nt_thread->io */
	struct list irps;     /* [NTIO: irps lock] by on_thread */
};

void io_irp_put(struct io_irp *irp)
{
	if (!ref_put(&irp->ref))
		return;
	if (irp->own != NULL)
		io_ops(irp->r.file)->irp_gone(irp);
	if (irp->r.event != NULL)
		ob_put(irp->r.event);
	ob_put(&irp->r.file->ob);
	ob_put(&irp->r.thread->ob);
	ob_put(&irp->process->ob);
	ob_put(irp->alert);
	arena_free(irp->data);
	arena_free(irp);
}

static struct io_thread *thread_of(struct nt_thread *t)
{
	struct io_thread *it = t->io;

	if (it == NULL && (it = arena_alloc(sizeof *it)) != NULL) {
		list_init(&it->irps);
		__atomic_store_n(&t->io, it, __ATOMIC_RELEASE);
	}
	return it;
}

static struct io_process *process_of(struct nt_process *p)
{
	struct io_process *ip = __atomic_load_n((struct io_process **)&p->io, __ATOMIC_ACQUIRE), *none = NULL;

	if (ip != NULL)
		return ip;
	ip = arena_alloc(sizeof *ip);
	if (ip == NULL)
		return NULL;
	list_init(&ip->finished);
	if (__atomic_compare_exchange_n((struct io_process **)&p->io, &none, ip, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))
		return ip;
	arena_free(ip);
	return none;
}

struct io_irp *io_irp_new(struct io_request *r)
{
	struct io_irp *irp = arena_alloc(sizeof *irp);
	struct io_thread *it = thread_of(r->thread);

	if (irp == NULL || it == NULL || process_of(r->thread->process) == NULL) {
		arena_free(irp);
		return NULL;
	}
	ref_init(&irp->ref);
	ref_get(&irp->ref); /* the caller's, for io_irp_wait */
	list_init(&irp->link);
	list_init(&irp->on_file);
	list_init(&irp->on_thread);
	irp->r = *r;
	irp->process = r->thread->process;
	irp->sync = r->more == IO_PENDS ? 0 : io_is_sync(r->file) || r->more == IO_BLOCKS;
	if (irp->sync && (r->file->options & FILE_SYNCHRONOUS_IO_ALERT))
		irp->alert = ex_event_new(false);
	ob_get(&r->thread->ob);
	ob_get(&irp->process->ob);
	ob_get(&r->file->ob);
	if (r->event != NULL)
		ob_get(r->event);
	if (irp->sync)
		irp->waiter = pico_current();
	(void)ex_clear(&r->file->ob);
	lock_take(io_irps_lock());
	list_append(&r->file->irps, &irp->on_file);
	list_append(&it->irps, &irp->on_thread);
	lock_drop(io_irps_lock());
	return irp;
}

static void forget(struct io_irp *irp)
{
	lock_take(io_irps_lock());
	list_remove(&irp->on_file);
	list_remove(&irp->on_thread);
	lock_drop(io_irps_lock());
}

/* The answer's bytes, by a thread of the asker's. */
static void deliver_data(struct io_irp *irp)
{
	if (irp->data_size != 0 && user_write(irp->r.buffer, (const char *)irp->data + irp->data_at, irp->data_size) != STATUS_SUCCESS) {
		irp->status = STATUS_ACCESS_VIOLATION;
		irp->r.done = 0;
	}
}

/* Asynchronous: tells as the caller wanted to be told.  Takes over a reference. */
static void deliver(struct io_irp *irp)
{
	deliver_data(irp);
	(void)user_io_status(irp->r.iosb, irp->status, irp->r.done);
	io_answer(&irp->r, irp->status, true);
	io_irp_put(irp);
}

void io_irp_take(struct io_irp *irp, NTSTATUS status, uint64_t information, struct list *done)
{
	irp->state = IO_IRP_TAKEN;
	irp->status = status;
	irp->r.done = information;
	list_remove(&irp->link);
	list_append(done, &irp->link);
}

static void post(struct io_irp *irp)
{
	struct io_process *ip = irp->process->io;
	struct lx_proc *lx = irp->process->lx;
	bool ended;

	lock_take(io_irps_lock());
	ended = ip->ended;
	if (!ended)
		list_append(&ip->finished, &irp->link);
	lock_drop(io_irps_lock());
	if (ended)
		io_irp_put(irp);
	else if (lx != NULL)
		(void)os_remote_post(lx); /* if nobody is there, io_process_ended takes it */
}

void io_irps_finish(struct list *done)
{
	struct nt_process *me = nt_current_process();

	while (!list_empty(done)) {
		struct io_irp *irp = LIST_FIRST(done, struct io_irp, link);

		list_remove(&irp->link);
		forget(irp);
		if (irp->sync) {
			struct pico_thread *waiter = irp->waiter;

			__atomic_store_n(&irp->state, IO_IRP_DONE, __ATOMIC_RELEASE);
			if (irp->alert != NULL)
				(void)ex_signal(irp->alert, 1);
			(void)ex_signal(&irp->r.file->ob, 1);
			pico_wake(waiter); /* it holds a reference of its own, and lives: io_thread_ended waits for no one, but frees nothing */
			io_irp_put(irp);
		} else {
			irp->state = IO_IRP_DONE;
			if (me == irp->process)
				deliver(irp);
			else
				post(irp);
		}
	}
}

/* The next answer to be written; ends: none is taken any more. */
static struct io_irp *next_finished(struct io_process *ip, bool ends)
{
	struct io_irp *irp = NULL;

	lock_take(io_irps_lock());
	ip->ended = ip->ended || ends;
	if (!list_empty(&ip->finished)) {
		irp = LIST_FIRST(&ip->finished, struct io_irp, link);
		list_remove(&irp->link);
	}
	lock_drop(io_irps_lock());
	return irp;
}

void nt_io_serve(void)
{
	struct io_process *ip = nt_current_process()->io;
	struct io_irp *irp;

	while (ip != NULL && (irp = next_finished(ip, false)) != NULL)
		deliver(irp);
}

void io_process_ended(struct nt_process *p)
{
	struct io_process *ip = p->io;
	struct io_irp *irp;

	while (ip != NULL && (irp = next_finished(ip, true)) != NULL)
		io_irp_put(irp);
}

/* ---- Waiting ---- */

static void cancel_one(struct io_irp *irp)
{
	struct list done;

	list_init(&done);
	if (io_ops(irp->r.file)->cancel != NULL)
		io_ops(irp->r.file)->cancel(irp, &done);
	io_irps_finish(&done);
}

NTSTATUS io_irp_wait(struct io_request *r, struct io_irp *irp)
{
	NTSTATUS status;

	if (!irp->sync) {
		io_irp_put(irp); /* the caller's; the queue's goes on */
		if (r->event != NULL)
			ob_put(r->event);
		ob_put(&r->file->ob);
		return STATUS_PENDING;
	}
	if (irp->alert != NULL && ex_wait(r->thread, &irp->alert, 1, false, true, EX_DEADLINE_NEVER) != STATUS_SUCCESS)
		cancel_one(irp); /* an APC, or an alert: it runs on the way out */
	while (__atomic_load_n(&irp->state, __ATOMIC_ACQUIRE) != IO_IRP_DONE) {
		enum dk_status s = os_sleep(DK_FOREVER);

		if (s == DK_INTERRUPTED && !os_interrupted()) {
			cancel_one(irp);
			while (__atomic_load_n(&irp->state, __ATOMIC_ACQUIRE) != IO_IRP_DONE)
				(void)pico_wait(DK_FOREVER, DK_WAIT_UNINTERRUPTIBLE);
		}
	}
	deliver_data(irp);
	r->done = irp->r.done;
	status = irp->status;
	io_irp_put(irp);
	return status;
}

/* ---- Cancelling ---- */

/* Which requests: 0, NULL: any. */
struct wanted {
	const struct nt_thread *thread;
	const struct nt_process *process;
	uint64_t iosb;
	bool sync; /* those alone that their threads wait for */
	bool ends; /* thread ends: what is to be told to a completion port, and to nobody else, goes on */
};

static bool is_wanted(const struct io_irp *irp, const struct wanted *w)
{
	return (w->thread == NULL || irp->r.thread == w->thread) && (w->process == NULL || irp->process == w->process) &&
	       (w->iosb == 0 || irp->r.iosb == w->iosb) && (!w->sync || irp->sync) &&
	       (!w->ends || irp->r.apc != 0 || irp->r.apc_context == 0 || irp->r.event != NULL || irp->r.file->port == NULL);
}

static struct io_irp *next_of(struct list *head, bool on_file, const struct wanted *w, struct io_irp **seen, uint32_t nseen) REQUIRES(NTIO)
{
	for (struct list *l = head->next; l != head; l = l->next) {
		struct io_irp *irp = on_file ? LIST_ENTRY(l, struct io_irp, on_file) : LIST_ENTRY(l, struct io_irp, on_thread);
		bool was = false;

		for (uint32_t i = 0; i < nseen; i++)
			was = was || seen[i] == irp;
		if (!was && is_wanted(irp, w) && ref_get_live(&irp->ref))
			return irp;
	}
	return NULL;
}

#define AT_ONCE 32u

/* Those on head or, where that is NULL, those that owner waits for: its list goes when it ends. */
static uint32_t cancel_list(struct list *head, const struct nt_thread *owner, const struct wanted *w)
{
	struct io_irp *seen[AT_ONCE];
	uint32_t total = 0, n;

	do { /* each round ends those it saw, so they are off the list in the next */
		n = 0;
		lock_take(io_irps_lock());
		if (owner != NULL)
			head = owner->io != NULL ? &((struct io_thread *)owner->io)->irps : NULL;
		while (n < AT_ONCE && head != NULL && (seen[n] = next_of(head, owner == NULL, w, seen, n)) != NULL)
			n++;
		lock_drop(io_irps_lock());
		for (uint32_t i = 0; i < n; i++) {
			cancel_one(seen[i]);
			io_irp_put(seen[i]);
		}
		total += n;
	} while (n == AT_ONCE);
	return total;
}

uint32_t io_cancel(struct io_file *f, const struct nt_thread *t, const struct nt_process *p, uint64_t iosb)
{
	const struct wanted w = { t, p, iosb, false };

	return cancel_list(&f->irps, NULL, &w);
}

void io_thread_ended(struct nt_thread *t)
{
	static const struct wanted ends = { .ends = true };
	struct io_thread *it = t->io;

	if (it == NULL)
		return;
	(void)cancel_list(NULL, t, &ends);
	lock_take(io_irps_lock());
	while (!list_empty(&it->irps)) /* what somebody else is just ending */
		list_remove(it->irps.next);
	t->io = NULL;
	lock_drop(io_irps_lock());
	arena_free(it);
}

static NTSTATUS cancel_call(uint64_t handle, uint64_t iosb, const struct nt_thread *t, const struct nt_process *p, uint64_t which)
{
	struct io_file *f;
	NTSTATUS status = io_by_handle(handle, 0, &f);
	uint32_t n;

	if (status != STATUS_SUCCESS)
		return status;
	n = io_cancel(f, t, p, which);
	status = n != 0 || which == 0 ? STATUS_SUCCESS : STATUS_NOT_FOUND;
	if (n == 0 && t == NULL)
		status = STATUS_NOT_FOUND;
	ob_put(&f->ob);
	if (!NT_ERROR(status))
		return user_io_status(iosb, status, 0);
	(void)user_io_status(iosb, status, 0);
	return status;
}

NTSTATUS NtCancelIoFile(struct nt_thread *t, uint64_t handle, uint64_t iosb)
{
	return cancel_call(handle, iosb, t, NULL, 0);
}

NTSTATUS NtCancelIoFileEx(struct nt_thread *t, uint64_t handle, uint64_t which, uint64_t iosb)
{
	return cancel_call(handle, iosb, NULL, t->process, which);
}

NTSTATUS NtCancelSynchronousIoFile(struct nt_thread *t, uint64_t thread, uint64_t which, uint64_t iosb)
{
	const struct wanted w = { NULL, NULL, which, true };
	struct ob_object *o;
	NTSTATUS status = ob_by_handle(thread, OB_THREAD, 1 /* THREAD_TERMINATE */, &o);
	uint32_t n;

	if (status == STATUS_SUCCESS && user_probe_write(iosb, sizeof(struct IO_STATUS_BLOCK)) != STATUS_SUCCESS) {
		ob_put(o);
		return STATUS_ACCESS_VIOLATION;
	}

	if (status != STATUS_SUCCESS)
		return status;
	n = cancel_list(NULL, (struct nt_thread *)o, &w);
	ob_put(o);
	status = n != 0 ? STATUS_SUCCESS : STATUS_NOT_FOUND;
	(void)user_io_status(iosb, status, 0);
	return status;
}
