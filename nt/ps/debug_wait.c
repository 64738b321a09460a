/* SPDX-License-Identifier: MIT */
/* nt/ps/debug_wait.c - the debugger's side: an event is waited for, given, and continued. */
#include "nt/ex/wait.h"
#include "nt/io/io.h"
#include "nt/ke/user.h"
#include "nt/mm/section.h"
#include "nt/os/file.h"
#include "nt/os/thread.h"
#include "nt/ps/debug.h"
#include "nt/ps/teb.h"
#include "ntcalls.gen.h"
#include "rt/mem.h"

/* DBGUI_WAIT_STATE_CHANGE. */
struct state_change {
	uint32_t state, pad;
	struct CLIENT_ID id;
	union {
		struct { struct EXCEPTION_RECORD record; uint32_t first_chance; } exception;
		struct { uint64_t thread; uint32_t key, pad; uint64_t start; } thread;
		struct { uint64_t process, thread; uint32_t key, pad; uint64_t file, base; uint32_t debug_offset, debug_size, thread_key, pad2; uint64_t start; } process;
		struct { uint32_t status; } exit;
		struct { uint64_t file, base; uint32_t debug_offset, debug_size; uint64_t name; } load;
		struct { uint64_t base; } unload;
	};
};
_Static_assert(sizeof(struct state_change) == 0xb8 && offsetof(struct state_change, exception) == 0x18, "DBGUI_WAIT_STATE_CHANGE");
_Static_assert(offsetof(struct state_change, process.start) == 0x18 + 0x38, "DBGUI_CREATE_PROCESS");

/* ---- Which event is next ---- */

static bool is_given_one(const struct ps_debug *d, const struct nt_process *p)
{
	LIST_FOR (e, &d->events, struct debug_event, link)
		if (e->process == p && e->state == DEBUG_GIVEN)
			return true;
	return false;
}

static struct debug_event *next_event(const struct ps_debug *d)
{
	LIST_FOR (e, &d->events, struct debug_event, link)
		if (e->state == DEBUG_QUEUED && !is_given_one(d, e->process))
			return e;
	return NULL;
}

void debug_signal_locked(struct ps_debug *d)
{
	d->ob.signal = d->closed || next_event(d) != NULL;
	if (d->ob.signal && !list_empty(&d->ob.waiters))
		ex_satisfy(&d->ob);
}

/* A copy of what comes next, with references of its own.  False: nothing. */
static bool give(struct ps_debug *d, struct debug_event *copy)
{
	struct debug_event *e;

	lock_take(&d->ob.lock);
	e = next_event(d);
	if (e != NULL) {
		e->state = DEBUG_GIVEN;
		*copy = *e;
		ob_get(&e->process->ob);
		ob_get(&e->thread->ob);
		if (e->section != NULL)
			ob_get(nt_section_object(e->section));
	}
	debug_signal_locked(d);
	lock_drop(&d->ob.lock);
	return e != NULL;
}

/* ---- What the debugger is told ---- */

#define FILE_READING (FILE_READ_DATA | FILE_READ_ATTRIBUTES | FILE_EXECUTE | READ_CONTROL | SYNCHRONIZE)

static const WCHAR ntdll_name[] = u"\\??\\C:\\windows\\system32\\ntdll.dll";

/* A handle on the image's file; 0: it cannot be had. */
static uint64_t file_handle(const struct debug_event *e)
{
	struct io_file *f = NULL;
	uint64_t handle = 0;
	NTSTATUS status;

	if (e->kind == DEBUG_PROCESS) {
		status = io_open_name(e->process->image_name, e->process->image_name_size, FILE_READING, &f);
	} else if (e->section == NULL) {
		status = io_open_name(ntdll_name, sizeof ntdll_name - sizeof(WCHAR), FILE_READING, &f);
	} else {
		os_file_get(e->section->file);
		status = io_file_wrap(e->section->file, FILE_READING, FILE_SYNCHRONOUS_IO_NONALERT | FILE_NON_DIRECTORY_FILE, &f);
	}
	if (status != STATUS_SUCCESS)
		return 0;
	(void)ob_handle_add(nt_current_process(), &f->ob, FILE_READING, 0, &handle);
	ob_put(&f->ob);
	return handle;
}

static uint64_t object_handle(struct ob_object *o, uint32_t access)
{
	uint64_t handle = 0;

	return ob_handle_add(nt_current_process(), o, access, 0, &handle) == STATUS_SUCCESS ? handle : 0;
}

static void describe(const struct debug_event *e, struct state_change *s)
{
	memset(s, 0, sizeof *s);
	s->state = e->kind;
	s->id = (struct CLIENT_ID){ e->process->pid, e->thread->tid };
	switch (e->kind) {
	case DEBUG_PROCESS:
		s->process.process = object_handle(&e->process->ob, PROCESS_ALL_ACCESS);
		s->process.thread = object_handle(&e->thread->ob, THREAD_ALL_ACCESS);
		s->process.file = file_handle(e);
		s->process.base = e->process->image_base;
		s->process.start = e->thread->start_address;
		break;
	case DEBUG_THREAD:
		s->thread.thread = object_handle(&e->thread->ob, THREAD_ALL_ACCESS);
		s->thread.start = e->thread->start_address;
		break;
	case DEBUG_THREAD_EXIT:
	case DEBUG_PROCESS_EXIT:
		s->exit.status = e->exit_status;
		break;
	case DEBUG_LOAD:
		s->load.file = file_handle(e);
		s->load.base = e->base;
		s->load.name = e->thread->teb + TEB_ARBITRARY;
		break;
	case DEBUG_UNLOAD:
		s->unload.base = e->base;
		break;
	default:
		s->exception.record = e->record;
		s->exception.first_chance = e->first_chance;
		break;
	}
}

/* ---- The calls ---- */

static NTSTATUS wait_event(struct nt_thread *t, struct ps_debug *d, bool alertable, uint64_t deadline, struct debug_event *e)
{
	struct ob_object *o = &d->ob;

	for (;;) {
		NTSTATUS status;

		if (give(d, e))
			return STATUS_SUCCESS;
		if (d->closed)
			return STATUS_DEBUGGER_INACTIVE;
		status = ex_wait(t, &o, 1, false, alertable, deadline);
		if (status != STATUS_WAIT_0)
			return status;
	}
}

NTSTATUS NtWaitForDebugEvent(struct nt_thread *t, uint64_t debug, uint8_t alertable, uint64_t timeout, uint64_t state)
{
	struct debug_event e;
	struct state_change s;
	struct ob_object *o;
	uint64_t deadline;
	NTSTATUS status = ex_deadline_in(timeout, &deadline);

	if (status == STATUS_SUCCESS)
		status = user_probe_write(state, sizeof s);
	if (status == STATUS_SUCCESS)
		status = ob_by_handle(debug, OB_DEBUG, DEBUG_READ_EVENT, &o);
	if (status != STATUS_SUCCESS)
		return status;
	status = wait_event(t, (struct ps_debug *)o, alertable, deadline, &e);
	ob_put(o);
	if (status != STATUS_SUCCESS)
		return status;
	describe(&e, &s);
	ob_put(&e.process->ob);
	ob_put(&e.thread->ob);
	if (e.section != NULL)
		ob_put(nt_section_object(e.section));
	return user_write(state, &s, sizeof s);
}

static bool is_answer(uint32_t status)
{
	return status == DBG_CONTINUE || status == DBG_EXCEPTION_HANDLED || status == DBG_EXCEPTION_NOT_HANDLED || status == DBG_REPLY_LATER ||
		status == DBG_TERMINATE_THREAD || status == DBG_TERMINATE_PROCESS;
}

/* The event that was given for that thread, taken out of the list. */
static struct debug_event *take_given(struct ps_debug *d, const struct CLIENT_ID *id)
{
	struct debug_event *found = NULL;

	lock_take(&d->ob.lock);
	LIST_FOR (e, &d->events, struct debug_event, link)
		if (e->state == DEBUG_GIVEN && e->process->pid == id->UniqueProcess && e->thread->tid == id->UniqueThread) {
			found = e;
			list_remove(&e->link);
			break;
		}
	lock_drop(&d->ob.lock);
	return found;
}

/* It is to come again.  False: nobody debugs the process any more. */
static bool again_locked(struct ps_debug *d, struct debug_event *e)
{
	bool later = e->thread->suspend_count != 0;

	if (ps_of_process(e->process)->debug != d)
		return false;
	lock_take(&d->ob.lock);
	e->state = later ? DEBUG_LATER : DEBUG_QUEUED;
	list_append(&d->events, &e->link);
	debug_signal_locked(d);
	lock_drop(&d->ob.lock);
	if (later) {
		ps_of(e->thread)->debug_later = 1;
		debug_thaw_locked(e->process, 1);
	}
	return true;
}

static void go_on_locked(struct ps_debug *d, const struct debug_event *e, uint32_t said)
{
	struct ps_thread *ps = ps_of(e->thread);

	if (e->waits) {
		ps->debug_status = said;
		ps->debug_waits = 0;
	}
	lock_take(&d->ob.lock);
	debug_signal_locked(d);
	lock_drop(&d->ob.lock);
	debug_thaw_locked(e->process, 1);
}

static void go_on(struct ps_debug *d, struct debug_event *e, uint32_t said)
{
	struct nt_process *p = e->process;
	bool kept;

	if (said == DBG_TERMINATE_PROCESS)
		(void)ps_process_kill(p, DBG_TERMINATE_PROCESS);
	else if (said == DBG_TERMINATE_THREAD)
		ps_thread_kill(e->thread, DBG_TERMINATE_THREAD);
	lock_take(&p->lock);
	kept = said == DBG_REPLY_LATER && again_locked(d, e);
	if (!kept)
		go_on_locked(d, e, said);
	lock_drop(&p->lock);
	if (!kept)
		debug_event_free(e);
}

NTSTATUS NtDebugContinue(struct nt_thread *t, uint64_t debug, uint64_t client_id, uint32_t said)
{
	struct CLIENT_ID id;
	struct debug_event *e;
	struct ob_object *o;
	NTSTATUS status = user_read(&id, client_id, sizeof id);

	(void)t;
	if (status == STATUS_SUCCESS && !is_answer(said))
		status = STATUS_INVALID_PARAMETER;
	if (status == STATUS_SUCCESS)
		status = ob_by_handle(debug, OB_DEBUG, DEBUG_READ_EVENT, &o);
	if (status != STATUS_SUCCESS)
		return status;
	e = take_given((struct ps_debug *)o, &id);
	if (e != NULL)
		go_on((struct ps_debug *)o, e, said);
	ob_put(o);
	return e != NULL ? STATUS_SUCCESS : (NTSTATUS)STATUS_INVALID_PARAMETER;
}
