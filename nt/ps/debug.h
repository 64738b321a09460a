/* SPDX-License-Identifier: MIT */
/*
 * nt/ps/debug.h - debugging of Windows programs by Windows programs: what happens to a process, told to a debug object.
 *
 * The calls on a thread's own behalf come back once the debugger has continued it, with its registers as he left them in *c.
 * They are cheap where nobody debugs; those of the ends may be called with NTPROC held.
 */
#ifndef NT_PS_DEBUG_H
#define NT_PS_DEBUG_H

#include "nt/ps/ps.h"

struct nt_section;
struct ps_debug;

#define DBG_EXCEPTION_HANDLED     0x00010001u
#define DBG_CONTINUE              0x00010002u
#define DBG_REPLY_LATER           0x40010001u
#define DBG_TERMINATE_THREAD      0x40010003u
#define DBG_TERMINATE_PROCESS     0x40010004u
#define DBG_EXCEPTION_NOT_HANDLED 0x80010001u

#define DEBUG_READ_EVENT      1u
#define DEBUG_PROCESS_ASSIGN  2u
#define DEBUG_SET_INFORMATION 4u
#define DEBUG_ALL_ACCESS      (STANDARD_RIGHTS_ALL | 0xfu)
#define DEBUG_KILL_ON_CLOSE   1u

/* DBG_STATE, as the debugger sees them. */
enum debug_kind { DEBUG_THREAD = 2, DEBUG_PROCESS, DEBUG_THREAD_EXIT, DEBUG_PROCESS_EXIT, DEBUG_EXCEPTION, DEBUG_BREAKPOINT, DEBUG_STEP,
	DEBUG_LOAD, DEBUG_UNLOAD };
enum debug_state { DEBUG_QUEUED, DEBUG_GIVEN /* to the debugger, who has not continued yet */, DEBUG_LATER /* DBG_REPLY_LATER, and its thread is suspended */ };

struct debug_event {
	struct list link;            /* [NTOBJ] of its object */
	struct nt_process *process;  /* [I] references */
	struct nt_thread *thread;
	struct nt_section *section;  /* [I] DEBUG_LOAD: of the image, a reference; NULL: ntdll */
	uint32_t kind, state;        /* [I]; [NTOBJ] */
	uint32_t waits, first_chance;/* [I] its thread waits to be continued */
	uint64_t base;               /* [I] of an image */
	uint32_t exit_status, pad;
	struct EXCEPTION_RECORD record;
};

struct ps_debug {
	struct ob_object ob;         /* first; OB_DEBUG.  Signalled while an event is there that can be given */
	struct list events;          /* [NTOBJ] oldest first */
	uint32_t flags;              /* [NTOBJ] DEBUG_KILL_ON_CLOSE */
	uint32_t closed;             /* [NTOBJ] its last handle is gone */
};

static inline bool ps_is_debugged(const struct nt_process *p)
{
	return UNLIKELY(__atomic_load_n(&ps_of_process(p)->debug, __ATOMIC_RELAXED) != NULL);
}

/* ---- What happens, told by the thread that it happens to (ps/debug_tell.c) ---- */

/* Its first way out. */
void ps_debug_start(struct nt_thread *t, struct dk_context *c);
/* True: the debugger has dealt with it, and c goes on. */
bool ps_debug_exception(struct nt_thread *t, struct dk_context *c, const struct EXCEPTION_RECORD *r, bool first_chance);
void ps_debug_load(struct nt_thread *t, uint64_t base, struct nt_section *section);
void ps_debug_unload(struct nt_thread *t, uint64_t base);
/* Its way out: the PEB does not say yet what is so. */
void ps_debug_peb(struct nt_thread *t);
/* It is about to end itself, or its process. */
void ps_debug_exit(struct nt_thread *t, NTSTATUS status, bool process);
/* It has ended, in whatever way; NTPROC held, and it is off p->threads. */
void ps_debug_ended(struct nt_thread *t);
/* t is not suspended any more; NTPROC held. */
void ps_debug_resumed(struct nt_thread *t);

/* ---- Who debugs whom (ps/debug.c) ---- */

/* A process that is being made, by the handle of a debug object, or 0: as its maker is debugged. */
NTSTATUS ps_debug_born(struct nt_process *maker, struct nt_process *p, uint64_t handle, bool inherit);
/* A reference to what debugs p, or NULL. */
struct ob_object *ps_debug_of(struct nt_process *p);
/* p has ended. */
void ps_debug_process_ended(struct nt_process *p);

/* ---- Between the two ---- */

struct debug_event *debug_event_new(struct nt_thread *t, enum debug_kind kind); /* NULL: no memory */
void debug_event_free(struct debug_event *e);
/* Queues e, and stops the threads of its process; NTPROC of it held. */
void debug_post_locked(struct ps_debug *d, struct debug_event *e);
/* One event less stops p's threads; NTPROC held. */
void debug_thaw_locked(struct nt_process *p, uint32_t n);
void debug_signal_locked(struct ps_debug *d) REQUIRES(NTOBJ);
/* All that has happened to p by now, as if it were now; NTPROC held. */
bool debug_tell_past_locked(struct ps_debug *d, struct nt_process *p);
#endif
