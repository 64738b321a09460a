/* SPDX-License-Identifier: MIT */
/*
 * nt/ps/debug.c - debug objects, and who debugs whom.
 *
 * A debug object has a list of events, which threads of debugged processes put there (debug_tell.c).  As long as an event
 * is there, all threads of its process are stopped: they park, and so are within reach of NtGetContextThread and all else.  Of each process one
 * event at a time is given to the debugger; when he continues, the next one is.  DBG_REPLY_LATER lets the process go on, and the event
 * comes again: at once, or if its thread is suspended, when it is resumed.
 *
 * Locks: NTPROC guards who debugs a process and how many events stop it (ps_process.debug, .frozen); the object's NTOBJ, below it, the events.
 * References: a process has one on its object, an event one on its process and its thread.  When the object's last handle goes, its processes
 * are let go or killed, and all events go; so nothing is left of the circle.
 */
#include "nt/ex/ex.h"
#include "nt/ex/wait.h"
#include "nt/ke/user.h"
#include "nt/os/process.h"
#include "nt/os/thread.h"
#include "nt/ps/debug.h"
#include "nt/se/se.h"
#include "ntcalls.gen.h"

static void take_all(struct ps_debug *d, const struct nt_process *of, struct list *gone)
{
	lock_take(&d->ob.lock);
	LIST_FOR_SAFE (e, n, &d->events, struct debug_event, link)
		if (of == NULL || e->process == of) {
			list_remove(&e->link);
			list_append(gone, &e->link);
		}
	debug_signal_locked(d);
	lock_drop(&d->ob.lock);
}

static void free_all(struct list *gone)
{
	LIST_FOR_SAFE (e, n, gone, struct debug_event, link)
		debug_event_free(e);
}

/* p is d's no more: whoever waits goes on, as if it had no debugger. */
static NTSTATUS let_go(struct ps_debug *d, struct nt_process *p)
{
	struct ps_process *pp = ps_of_process(p);
	struct list gone;
	bool was;

	list_init(&gone);
	lock_take(&p->lock);
	was = pp->debug == d;
	if (was) {
		pp->debug = NULL;
		take_all(d, p, &gone);
		LIST_FOR (t, &p->threads, struct nt_thread, sibling) {
			ps_of(t)->debug_waits = ps_of(t)->debug_later = 0;
			ps_of(t)->debug_status = DBG_EXCEPTION_NOT_HANDLED;
			atomic_store(&ps_of(t)->look, 1);
		}
		pp->peb_stale = 1;
		debug_thaw_locked(p, pp->frozen);
	}
	lock_drop(&p->lock);
	free_all(&gone);
	if (was)
		ob_put(&d->ob);
	return was ? STATUS_SUCCESS : (NTSTATUS)STATUS_PORT_NOT_SET;
}

/* A process that d debugs, with a reference; NULL: none. */
static struct nt_process *one_of(const struct ps_debug *d)
{
	struct nt_state *nt = nt_state();
	struct nt_process *found = NULL;

	lock_take(&nt->procs_lock);
	LIST_FOR (p, &nt->processes, struct nt_process, all)
		if (__atomic_load_n(&ps_of_process(p)->debug, __ATOMIC_RELAXED) == d && ref_get_live(&p->ob.ref)) {
			found = p;
			break;
		}
	lock_drop(&nt->procs_lock);
	return found;
}

static void debug_close(struct ob_object *o, struct nt_process *by, bool last)
{
	struct ps_debug *d = (struct ps_debug *)o;
	struct nt_process *p;
	struct list gone;
	uint32_t flags;

	(void)by;
	if (!last)
		return;
	list_init(&gone);
	lock_take(&o->lock);
	d->closed = 1;
	flags = d->flags;
	lock_drop(&o->lock);
	while ((p = one_of(d)) != NULL) {
		if (flags & DEBUG_KILL_ON_CLOSE)
			ps_process_mark(p, STATUS_DEBUGGER_INACTIVE);
		(void)let_go(d, p);
		ob_put(&p->ob);
	}
	take_all(d, NULL, &gone);
	free_all(&gone);
}

const struct ob_type ob_type_debug = { .name = "DebugObject", .read = READ_CONTROL | DEBUG_READ_EVENT, .write = READ_CONTROL | DEBUG_PROCESS_ASSIGN,
	.execute = READ_CONTROL | SYNCHRONIZE, .all = DEBUG_ALL_ACCESS, .waitable = true, .close = debug_close };

/* ---- Who debugs whom ---- */

struct ob_object *ps_debug_of(struct nt_process *p)
{
	struct ps_debug *d;

	lock_take(&p->lock);
	d = ps_of_process(p)->debug;
	if (d != NULL)
		ob_get(&d->ob);
	lock_drop(&p->lock);
	return d != NULL ? &d->ob : NULL;
}

void ps_debug_process_ended(struct nt_process *p)
{
	struct ps_debug *d;

	lock_take(&p->lock);
	d = ps_of_process(p)->debug;
	ps_of_process(p)->debug = NULL;
	lock_drop(&p->lock);
	if (d != NULL)
		ob_put(&d->ob);
}

NTSTATUS ps_debug_born(struct nt_process *maker, struct nt_process *p, uint64_t handle, bool inherit)
{
	struct ob_object *o = NULL;
	NTSTATUS status;

	if (handle != 0) {
		status = ob_by_handle(handle, OB_DEBUG, DEBUG_PROCESS_ASSIGN, &o);
		if (status != STATUS_SUCCESS)
			return status;
	} else if (ps_is_debugged(maker) && !ps_of_process(maker)->debug_not_inherited) {
		o = ps_debug_of(maker);
	}
	ps_of_process(p)->debug_not_inherited = !inherit;
	ps_of_process(p)->debug = (struct ps_debug *)o; /* nobody else knows p yet */
	return STATUS_SUCCESS;
}

/* The object may have been closed while it got a process. */
static bool is_closed(struct ps_debug *d)
{
	bool closed;

	lock_take(&d->ob.lock);
	closed = d->closed;
	lock_drop(&d->ob.lock);
	return closed;
}

/* The process's threads stop, and what has happened to it is told as if it were now. */
static NTSTATUS attach(struct ps_debug *d, struct nt_process *p)
{
	struct ps_process *pp = ps_of_process(p);
	NTSTATUS status = STATUS_SUCCESS;

	lock_take(&p->lock);
	if (pp->exit_said || p->dying || list_empty(&p->threads))
		status = STATUS_PROCESS_IS_TERMINATING;
	else if (pp->debug != NULL)
		status = STATUS_PORT_ALREADY_SET;
	else if (pp->image.TransferAddress == 0)
		status = STATUS_NOT_SUPPORTED; /* a Linux program */
	if (status == STATUS_SUCCESS) {
		ob_get(&d->ob);
		pp->debug = d;
		pp->debug_not_inherited = 1;
		pp->peb_stale = 1;
		if (!debug_tell_past_locked(d, p))
			status = STATUS_NO_MEMORY;
	}
	lock_drop(&p->lock);
	if (status == STATUS_SUCCESS && is_closed(d))
		status = STATUS_DEBUGGER_INACTIVE;
	if (status == STATUS_NO_MEMORY || status == STATUS_DEBUGGER_INACTIVE)
		(void)let_go(d, p);
	return status;
}

/* ---- The calls ---- */

NTSTATUS NtCreateDebugObject(struct nt_thread *t, uint64_t handle, uint32_t access, uint64_t attributes, uint32_t flags)
{
	NTSTATUS status = ob_handle_clear(handle);
	struct ps_debug *d;

	if (status != STATUS_SUCCESS || (flags & ~DEBUG_KILL_ON_CLOSE))
		return status != STATUS_SUCCESS ? status : (NTSTATUS)STATUS_INVALID_PARAMETER;
	d = ob_alloc(OB_DEBUG, sizeof *d);
	if (d == NULL)
		return STATUS_INSUFFICIENT_RESOURCES;
	list_init(&d->events);
	d->flags = flags;
	return ob_create_handle(attributes, access, &d->ob, handle);
}

static NTSTATUS both_by_handle(uint64_t process, uint64_t debug, struct ob_object **p, struct ob_object **d)
{
	NTSTATUS status = ob_by_handle(process, OB_PROCESS, PROCESS_SUSPEND_RESUME, p);

	*d = NULL;
	if (status == STATUS_SUCCESS)
		status = ob_by_handle(debug, OB_DEBUG, DEBUG_PROCESS_ASSIGN, d);
	return status;
}

NTSTATUS NtDebugActiveProcess(struct nt_thread *t, uint64_t process, uint64_t debug)
{
	struct ob_object *p = NULL, *d;
	NTSTATUS status = both_by_handle(process, debug, &p, &d);

	if (status == STATUS_SUCCESS && p == &t->process->ob)
		status = STATUS_ACCESS_DENIED;
	if (status == STATUS_SUCCESS)
		status = attach((struct ps_debug *)d, (struct nt_process *)p);
	ob_put(d);
	ob_put(p);
	return status;
}

NTSTATUS NtRemoveProcessDebug(struct nt_thread *t, uint64_t process, uint64_t debug)
{
	struct ob_object *p = NULL, *d;
	NTSTATUS status = both_by_handle(process, debug, &p, &d);

	(void)t;
	if (status == STATUS_SUCCESS)
		status = let_go((struct ps_debug *)d, (struct nt_process *)p);
	ob_put(d);
	ob_put(p);
	return status;
}

#define DEBUG_OBJECT_FLAGS 1u /* DebugObjectKillProcessOnExitInformation */

NTSTATUS NtSetInformationDebugObject(struct nt_thread *t, uint64_t debug, uint32_t class, uint64_t buffer, uint32_t size, uint64_t returned)
{
	struct ob_object *o;
	uint32_t flags;
	NTSTATUS status;

	(void)t;
	if (class != DEBUG_OBJECT_FLAGS)
		return STATUS_INVALID_PARAMETER;
	status = user_put32(returned, size != sizeof flags ? sizeof flags : 0);
	if (status == STATUS_SUCCESS && size != sizeof flags)
		status = STATUS_INFO_LENGTH_MISMATCH;
	if (status == STATUS_SUCCESS)
		status = user_read(&flags, buffer, sizeof flags);
	if (status != STATUS_SUCCESS)
		return status;
	if (flags & ~DEBUG_KILL_ON_CLOSE)
		return STATUS_INVALID_PARAMETER;
	status = ob_by_handle(debug, OB_DEBUG, DEBUG_SET_INFORMATION, &o);
	if (status != STATUS_SUCCESS)
		return status;
	lock_take(&o->lock);
	((struct ps_debug *)o)->flags = flags;
	lock_drop(&o->lock);
	ob_put(o);
	return STATUS_SUCCESS;
}
