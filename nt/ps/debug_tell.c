/* SPDX-License-Identifier: MIT */
/*
 * nt/ps/debug_tell.c - what happens to a debugged process becomes events.
 *
 * A thread that something happens to queues the event, and parks until it is continued: so the debugger sees and sets its registers
 * as he does any stopped thread's.  Threads that were ended by others are told of by whoever takes them down, and nobody waits.  What happened before
 * the debugger came (attach) is told as events that nobody waits for either, but which stop the process as all do: its
 * first thread as the process, ntdll, the other threads, and the images in the order they were mapped in.
 */
#include "nt/ex/wait.h"
#include "nt/ke/user.h"
#include "nt/mm/section.h"
#include "nt/os/thread.h"
#include "nt/ps/debug.h"

#define PEB_BEING_DEBUGGED 2u

struct debug_event *debug_event_new(struct nt_thread *t, enum debug_kind kind)
{
	struct debug_event *e = arena_alloc(sizeof *e);

	if (e == NULL)
		return NULL;
	ob_get(&t->ob);
	ob_get(&t->process->ob);
	list_init(&e->link);
	e->thread = t;
	e->process = t->process;
	e->kind = kind;
	return e;
}

void debug_event_free(struct debug_event *e)
{
	if (e == NULL)
		return;
	ob_put(&e->thread->ob);
	ob_put(&e->process->ob);
	if (e->section != NULL)
		ob_put(nt_section_object(e->section));
	arena_free(e);
}

/* ---- Stopping ---- */

static void freeze_locked(struct nt_process *p)
{
	ps_of_process(p)->frozen++;
	LIST_FOR (t, &p->threads, struct nt_thread, sibling)
		if (!ps_of(t)->parked)
			ps_poke(t);
}

void debug_thaw_locked(struct nt_process *p, uint32_t n)
{
	struct ps_process *pp = ps_of_process(p);

	pp->frozen -= MIN(n, pp->frozen);
	LIST_FOR (t, &p->threads, struct nt_thread, sibling)
		if (!ps_must_park(t) && ps_of(t)->parked && t->lx != NULL)
			pico_wake(os_pico(t->lx));
}

void debug_post_locked(struct ps_debug *d, struct debug_event *e)
{
	lock_take(&d->ob.lock);
	e->state = DEBUG_QUEUED;
	list_append(&d->events, &e->link);
	debug_signal_locked(d);
	lock_drop(&d->ob.lock);
	freeze_locked(e->process);
}

/* ---- By the thread itself ---- */

/* Takes e over.  What the debugger said: DBG_*; if there is none, that it was not handled. */
static uint32_t tell(struct nt_thread *t, struct dk_context *c, struct debug_event *e)
{
	struct nt_process *p = t->process;
	struct ps_thread *ps = ps_of(t);
	struct ps_debug *d;
	bool posted;

	if (e == NULL)
		return DBG_EXCEPTION_NOT_HANDLED;
	e->waits = 1;
	lock_take(&p->lock);
	ps->debug_status = DBG_EXCEPTION_NOT_HANDLED;
	d = ps_of_process(p)->debug;
	posted = d != NULL && !t->hide_from_debugger;
	if (posted)
		debug_post_locked(d, e);
	ps->debug_waits = posted;
	lock_drop(&p->lock);
	if (!posted) {
		debug_event_free(e);
		return DBG_EXCEPTION_NOT_HANDLED;
	}
	ps_park(t, c);
	return ps->debug_status;
}

static enum debug_kind kind_of(const struct EXCEPTION_RECORD *r)
{
	return r->ExceptionCode == STATUS_BREAKPOINT ? DEBUG_BREAKPOINT : r->ExceptionCode == STATUS_SINGLE_STEP ? DEBUG_STEP : DEBUG_EXCEPTION;
}

bool ps_debug_exception(struct nt_thread *t, struct dk_context *c, const struct EXCEPTION_RECORD *r, bool first_chance)
{
	struct debug_event *e;
	uint32_t said;

	if (!ps_is_debugged(t->process))
		return false;
	e = debug_event_new(t, kind_of(r));
	if (e != NULL) {
		e->record = *r;
		e->first_chance = first_chance;
	}
	said = tell(t, c, e);
	return said == DBG_CONTINUE || said == DBG_EXCEPTION_HANDLED;
}

static void tell_image(struct nt_thread *t, struct dk_context *c, enum debug_kind kind, uint64_t base, struct nt_section *section)
{
	struct debug_event *e;

	if (!ps_is_debugged(t->process))
		return;
	e = debug_event_new(t, kind);
	if (e != NULL) {
		e->base = base;
		e->section = section;
		if (section != NULL)
			ob_get(nt_section_object(section));
	}
	(void)tell(t, c, e);
}

void ps_debug_load(struct nt_thread *t, uint64_t base, struct nt_section *section)
{
	tell_image(t, pico_frame(), DEBUG_LOAD, base, section);
}

void ps_debug_unload(struct nt_thread *t, uint64_t base)
{
	tell_image(t, pico_frame(), DEBUG_UNLOAD, base, NULL);
}

void ps_debug_exit(struct nt_thread *t, NTSTATUS status, bool process)
{
	struct ps_process *pp = ps_of_process(t->process);
	struct debug_event *e;

	if (!ps_is_debugged(t->process))
		return;
	e = debug_event_new(t, process ? DEBUG_PROCESS_EXIT : DEBUG_THREAD_EXIT);
	if (e != NULL)
		e->exit_status = status;
	lock_take(&t->process->lock);
	ps_of(t)->debug_exit_told = 1;
	if (process)
		pp->debug_exit_told = 1;
	lock_drop(&t->process->lock);
	(void)tell(t, pico_frame(), e);
}

void ps_debug_start(struct nt_thread *t, struct dk_context *c)
{
	struct ps_process *pp = ps_of_process(t->process);
	const uint8_t yes = 1;
	bool first;

	ps_of(t)->debug_start = 0;
	if (!ps_is_debugged(t->process))
		return;
	lock_take(&t->process->lock);
	first = !pp->debug_told;
	pp->debug_told = 1;
	lock_drop(&t->process->lock);
	if (!first) {
		(void)tell(t, c, debug_event_new(t, DEBUG_THREAD));
		return;
	}
	(void)user_write(t->process->peb + PEB_BEING_DEBUGGED, &yes, sizeof yes);
	(void)tell(t, c, debug_event_new(t, DEBUG_PROCESS));
	tell_image(t, c, DEBUG_LOAD, pp->ntdll_base, NULL);
}

void ps_debug_peb(struct nt_thread *t)
{
	const uint8_t debugged = ps_is_debugged(t->process);

	ps_of_process(t->process)->peb_stale = 0;
	(void)user_write(t->process->peb + PEB_BEING_DEBUGGED, &debugged, sizeof debugged);
}

/* ---- About others ---- */

static bool post_new(struct ps_debug *d, struct nt_thread *t, enum debug_kind kind, uint64_t base, struct nt_section *section)
{
	struct debug_event *e = debug_event_new(t, kind);

	if (e == NULL)
		return false;
	e->base = base;
	e->section = section;
	e->exit_status = kind == DEBUG_PROCESS_EXIT ? t->process->exit_status : t->exit_status;
	if (section != NULL)
		ob_get(nt_section_object(section));
	debug_post_locked(d, e);
	return true;
}

void ps_debug_ended(struct nt_thread *t)
{
	struct nt_process *p = t->process;
	struct ps_process *pp = ps_of_process(p);
	bool process = p->nthreads == 0;

	if (!ps_is_debugged(p) || t->hide_from_debugger || pp->debug_exit_told || (ps_of(t)->debug_exit_told && !process) || !pp->debug_told)
		return;
	if (process)
		pp->debug_exit_told = 1;
	if (process || !ps_of(t)->debug_start)
		(void)post_new(pp->debug, t, process ? DEBUG_PROCESS_EXIT : DEBUG_THREAD_EXIT, 0, NULL);
}

void ps_debug_resumed(struct nt_thread *t)
{
	struct ps_debug *d = ps_of_process(t->process)->debug;

	if (!ps_of(t)->debug_later || d == NULL)
		return;
	ps_of(t)->debug_later = 0;
	lock_take(&d->ob.lock);
	LIST_FOR_SAFE (e, n, &d->events, struct debug_event, link)
		if (e->thread == t && e->state == DEBUG_LATER) {
			list_remove(&e->link);
			e->state = DEBUG_QUEUED;
			list_append(&d->events, &e->link);
			break;
		}
	debug_signal_locked(d);
	lock_drop(&d->ob.lock);
	freeze_locked(t->process);
}

/* t, which is there already, is told as new, unless it has yet to begin and will say so itself. */
static bool tell_thread(struct ps_debug *d, struct nt_thread *t, enum debug_kind kind)
{
	ps_of(t)->debug_start = 0;
	ps_of(t)->debug_exit_told = 0;
	atomic_store(&ps_of(t)->look, 1);
	return t->hide_from_debugger || post_new(d, t, kind, 0, NULL);
}

bool debug_tell_past_locked(struct ps_debug *d, struct nt_process *p)
{
	struct ps_process *pp = ps_of_process(p);
	struct nt_thread *first = LIST_FIRST(&p->threads, struct nt_thread, sibling);
	bool ok;

	pp->debug_told = 1;
	if (p->peb == 0)
		return post_new(d, first, DEBUG_PROCESS, 0, NULL); /* it has not begun: the rest comes by itself */
	ok = tell_thread(d, first, DEBUG_PROCESS) && post_new(d, first, DEBUG_LOAD, pp->ntdll_base, NULL);
	LIST_FOR (t, &p->threads, struct nt_thread, sibling)
		ok = ok && (t == first || tell_thread(d, t, DEBUG_THREAD));
	if (p->views.next != NULL)
		LIST_FOR (v, &p->views, struct nt_view, link)
			if (ok && (v->section->attributes & SEC_IMAGE))
				ok = post_new(d, first, DEBUG_LOAD, v->base, v->section);
	return ok;
}
