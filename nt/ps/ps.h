/* SPDX-License-Identifier: MIT */
/*
 * nt/ps/ps.h - processes and threads: making, ending, stopping them; contexts, exceptions, APCs.
 *
 * A thread that is to stop (NtSuspendThread, or somebody wants a look at its registers) parks: on its way to the guest, or
 * inside a wait, which then goes on.  While it is parked its whole registers lie in the arena (ps/suspend.c).
 */
#ifndef NT_PS_PS_H
#define NT_PS_PS_H

#include "nt/nt.h"

struct dk_context;
struct dk_exception;
struct pico_thread;

/* What only ps/ looks at; nt_thread->ps, in the same block. */
struct ps_thread {
	struct CONTEXT context;      /* [p] while it is parked; first: FXSAVE wants 16 bytes' alignment */
	struct list by_id;           /* [p] in the process's by_id, as long as the object is there */
	struct waitq parked_wait;    /* who waits for it to park, or to end */
	uint32_t parked;             /* [p] context is its registers */
	uint32_t holds;              /* [p] those who look at its registers now: it stays parked */
	uint32_t context_set;        /* [p] FLAGS of context that it is to take over when it goes on */
	uint32_t parking;            /* [o] it is in park(): a wait inside that does not park again */
	uint32_t deliver;            /* [o] user APCs are to run on the way out */
	_Atomic uint32_t look;       /* [a] the way out is to be the long one: ps_return_to_user */
	uint32_t special_apcs;       /* [NTAPC] of those that are queued */
	uint64_t stack;              /* of this thread: DeallocationStack, freed when it ends itself; 0: not ours */
	uint32_t ideal_processor, io_priority, page_priority, boost_off;
	uint64_t win32_start;        /* ThreadQuerySetWin32StartAddress */
	uint64_t debug[6];           /* Dr0-3, Dr6, Dr7 as they were set: [p] while it is parked, else [o] */
	uint64_t watched[4];         /* [o] what was where breakpoints on data are: step.c */
	uint32_t step_armed, step_over; /* [o] the trap flag is step.c's; what the instruction does with it */
	struct nt_thread *thread;    /* [I] whose it is */
	uint32_t exit_said;          /* [p] exit_status is its end */
	uint32_t waits_by_id;        /* [o] NtWaitForAlertByThreadId */
	/* debug_tell.c */
	uint32_t debug_start;        /* [p] a debugger is to be told that it is there */
	uint32_t debug_waits;        /* [p] for the debugger to continue it */
	uint32_t debug_status;       /* [p] what he said */
	uint32_t debug_later;        /* [p] its event comes again when it is resumed */
	uint32_t debug_exit_told;    /* [p] */
};
static inline struct ps_thread *ps_of(const struct nt_thread *t)
{
	return t->ps;
}

/* SECTION_IMAGE_INFORMATION, of the main program. */
struct ps_image {
	uint64_t TransferAddress;
	uint32_t ZeroBits, pad;
	uint64_t MaximumStackSize, CommittedStackSize;
	uint32_t SubSystemType;
	uint16_t SubSystemMinorVersion, SubSystemMajorVersion, MajorOperatingSystemVersion, MinorOperatingSystemVersion;
	uint16_t ImageCharacteristics, DllCharacteristics, Machine;
	uint8_t ImageContainsCode, ImageFlags;
	uint32_t LoaderFlags, ImageFileSize, CheckSum;
};
_Static_assert(sizeof(struct ps_image) == 0x40, "SECTION_IMAGE_INFORMATION");

#define PS_ID_BUCKETS 64u
struct ps_debug;
struct ps_process {
	struct list by_id[PS_ID_BUCKETS]; /* [p] ps_thread by tid; all zero: never used */
	struct waitq thread_gone;    /* who waits for other threads to end */
	struct list ops;             /* [p] what others ask of this process: ps/remote.c */
	_Atomic uint32_t nops;
	uint32_t exit_said;          /* [p] exit_status is its end */
	uint32_t break_on_exit, boost_off, execution_state;
	uint64_t affinity;
	uint32_t io_priority, page_priority, dep_flags, exec_flags;
	uint32_t console_group, job_killed;
	uint64_t cookie;
	uint64_t times[2];           /* user, kernel: 100 ns, once it has ended */
	struct ps_image image;       /* [I] */
	WCHAR *command_line;         /* [I] arena */
	uint32_t command_line_size;
	/* debug.c */
	uint32_t frozen;             /* [p] events that stop its threads */
	struct ps_debug *debug;      /* [p] a reference; NULL: nobody debugs it */
	uint32_t debug_not_inherited;/* [p] by its children */
	uint32_t debug_told;         /* [p] the debugger knows that it is there */
	uint32_t debug_exit_told;    /* [p] */
	uint32_t peb_stale;          /* [p] its PEB does not say yet whether it is debugged */
	uint64_t ntdll_base;         /* [I] */
	uint32_t loaded, pad2;       /* [p] PEB, TEB and images are there */
};
static inline struct ps_process *ps_of_process(const struct nt_process *p)
{
	return p->ps;
}

/* ---- The provider's (nt/os/provider.c) ---- */

/* A fault of guest code: c becomes KiUserExceptionDispatcher's start, or is made again. */
void ps_exception(struct nt_thread *t, const struct dk_exception *e, struct dk_context *c);
/* The long way out: ends, parks, delivers APCs. */
void ps_return_to_user(struct nt_thread *t, struct dk_context *c);
/* First code of a thread, on its own stack. */
void ps_thread_started(struct nt_thread *t, struct dk_context *c);
/* pico_provider.interrupted: true: settled, the wait goes on.  Also for whoever's blocking Dk call came back
   DK_INTERRUPTED: true: make it again; false: the thread ends, give up. */
bool ps_wait_interrupted(struct nt_thread *t);
/* After a call: is the way out to be the long one?  (The context was set, or a stop came while it could not be made.) */
static inline bool ps_look(const struct nt_thread *t)
{
	return UNLIKELY(atomic_load_explicit(&ps_of(t)->look, memory_order_relaxed) != 0);
}

/*
 * The hooks of ending: by the dying thread itself, its process, or kproc when the host ended the picoprocess.  They signal the
 * objects, abandon mutants, empty the handle table and leave the job.  ps_thread_ended drops lx_thread.nt's reference.
 * wait_status, as Linux has it, is only looked at if nobody has said an exit status.
 */
void ps_thread_ended(struct nt_thread *t);
void ps_process_ended(struct nt_process *p, uint32_t wait_status);

/* ---- ps/service.c ---- */
/* The service control manager is there or about to be; false: it cannot be started.  It opens the pipe svcctl. */
bool ps_need_services(struct nt_thread *t);
/* ProcessWineMakeProcessSystem: the process ends with the last one that is not so; at va comes a handle of the event that says when. */
NTSTATUS ps_make_system(uint64_t process, uint64_t va);
void ps_system_left(struct nt_process *p); /* p is not counted any more */

/* ---- Making ---- */

/* What ps/ has of a new process object; false: no memory. */
bool ps_process_init(struct nt_process *p);
/* p's address space is there, for who asks from outside: a fresh process makes it itself.  Comes back too if p ends, or is a Linux program. */
void ps_wait_loaded(struct nt_process *p);
/* The same, said by its first thread. */
void ps_loaded(struct nt_process *p);
/* The main program is known; also for who asks from outside. */
struct ldr_image;
struct nt_start;
void ps_set_image(struct nt_process *p, const struct ldr_image *img, const struct nt_start *start);
/*
 * A thread of the calling process: the object, TEB and stack, linked to p.  lx: the thread that it is (then lx's own), or NULL: none
 * yet.  *out has one reference, lx's.  stack_reserve, stack_commit 0: the image's.
 */
NTSTATUS ps_thread_create(struct nt_process *p, struct lx_thread *lx, uint64_t start, uint64_t arg, uint64_t stack_reserve,
	uint64_t stack_commit, uint64_t zero_bits, struct nt_thread **out);
/* The first thread of a process that another one makes, which has neither TEB nor stack yet (the new process makes them); *out has
   a reference more. */
NTSTATUS ps_first_thread(struct nt_process *p, struct lx_thread *lx, bool suspended, struct nt_thread **out);
/* Writes the start CONTEXT on t's stack; *c: LdrInitializeThunk's registers. */
void ps_start_context(struct nt_thread *t, uint64_t entry, uint64_t arg, struct dk_context *c);

/* The calling process ends with this exit status: NtTerminateProcess(NtCurrentProcess()), second chances. */
void ps_process_exit(struct nt_thread *t, NTSTATUS status) NORETURN;
/* Any process but the caller's. */
NTSTATUS ps_process_kill(struct nt_process *p, NTSTATUS status);
/* The calling process is to end, when its threads come out of the kernel. */
void ps_process_mark(struct nt_process *p, NTSTATUS status);
/* All threads of the calling process but t end with code, and are waited for. */
NTSTATUS ps_end_others(struct nt_thread *t, NTSTATUS code);
/* Any thread is to end. */
void ps_thread_kill(struct nt_thread *t, NTSTATUS status);
/* A thread of p, which may have ended (lx is NULL), and be without references; NTPROC held. */
struct nt_thread *ps_find_thread(struct nt_process *p, uint32_t tid);

/* ---- Stopping (ps/suspend.c) ---- */

NTSTATUS ps_suspend(struct nt_thread *t, uint32_t *before);
NTSTATUS ps_resume(struct nt_thread *t, uint32_t *before);
/* Waits until t is parked and keeps it there; t is not the caller.  STATUS_UNSUCCESSFUL: it has ended. */
NTSTATUS ps_hold(struct nt_thread *t);
void ps_unhold(struct nt_thread *t);
/* t is to come to ps_return_to_user. */
void ps_poke(struct nt_thread *t);
/* Is it to park?  NTPROC held, or a hint. */
static inline bool ps_must_park(const struct nt_thread *t)
{
	return t->suspend_count != 0 || ps_of(t)->holds != 0 || ps_of_process(t->process)->frozen != 0 || ps_of(t)->debug_waits != 0;
}
/* Parks while it must; c is the guest's registers.  One that has not begun shows the context it will begin with. */
void ps_park(struct nt_thread *t, struct dk_context *c);

/* ---- Contexts (ps/context.c) ---- */

/* The calling thread begins: its data segments are as Windows has them. */
void ps_segments(void);
/* All of the calling thread's registers, c being the integer ones. */
void ps_context_get(const struct nt_thread *t, const struct dk_context *c, struct CONTEXT *to);
/* The parts that flags names become the calling thread's. */
void ps_context_set(struct nt_thread *t, struct dk_context *c, struct CONTEXT *from, uint32_t flags); /* makes from's vector state fit to load */
/* The guest's CONTEXT at va becomes the calling thread's registers, in c and in the CPU; the way out is to be the full one. */
NTSTATUS ps_context_in(struct nt_thread *t, uint64_t va, struct dk_context *c);
/* The parts that to->ContextFlags names. */
void ps_context_copy(struct CONTEXT *to, const struct CONTEXT *from, uint32_t flags);
/* The whole context goes to the guest's memory at va: integer registers, and vector registers straight from the CPU. */
NTSTATUS ps_context_out(const struct nt_thread *t, uint64_t va, const struct dk_context *c);

/* ---- Exceptions (ps/exception.c) ---- */

/* The guest is to go on in KiUserExceptionDispatcher with this record, c being where it happened.  Ends the process if there
   is no stack for it. */
void ps_raise(struct nt_thread *t, struct dk_context *c, const struct EXCEPTION_RECORD *r);

/* ---- Debug registers (ps/step.c) ---- */

#define DR6_STEP 0x4000u
static inline bool ps_has_breakpoints(const struct nt_thread *t)
{
	return UNLIKELY(ps_of(t)->debug[5] & 0xff);
}
/* The last on the way out of a thread that has breakpoints. */
void ps_step_out(struct nt_thread *t, struct dk_context *c);
/* The trap flag has trapped.  True: that is an exception, which Dr6 tells the reason of. */
bool ps_step_done(struct nt_thread *t, struct dk_context *c);

/* At c a division failed: by zero, or was the quotient too large?  (ps/divide.c) */
bool ps_divided_by_zero(const struct nt_thread *t, const struct dk_context *c);

/* ---- APCs (ps/apc.c) ---- */

/* NTPROC not held.  STATUS_UNSUCCESSFUL: t has ended. */
NTSTATUS ps_queue_apc(struct nt_thread *t, uint64_t routine, uint64_t a1, uint64_t a2, uint64_t a3, bool special);
/* The same for a timer, which never has more than one queued. */
NTSTATUS ps_queue_apc_of(struct nt_thread *t, const void *of, uint64_t routine, uint64_t a1, uint64_t a2, uint64_t a3);
/* That one, if it has not run yet, does not come. */
void ps_apc_remove(struct nt_thread *t, const void *of);
bool ps_apcs_pending(const struct nt_thread *t);
void ps_user_apcs(struct nt_thread *t); /* t, the caller, delivers on its way out */
void ps_apcs_drop(struct nt_thread *t);
/* The next queued APC runs in the guest first: c becomes KiUserApcDispatcher's start.  False: none. */
bool ps_deliver_apc(struct nt_thread *t, struct dk_context *c, bool special_only);

NTSTATUS ps_set_thread_token(struct nt_thread *t, uint64_t thread, uint64_t buffer, uint32_t size);

/* A thread in another process (STATUS_PROCESS_IS_TERMINATING), from what os_remote_run brings there. */
#define PS_REMOTE 0x10000u
void ps_remote_run(void *data, uint64_t size);
/* A console control event for p: a thread that calls its handlers. */
NTSTATUS ps_ctrl_event(struct nt_process *p, uint32_t event);

/* ---- Look-up: with a reference, or NULL ---- */
struct nt_process *ps_process_by_pid(uint32_t pid);
struct nt_thread *ps_thread_by_tid(uint32_t tid);

/* Jobs (ps/job.c) */
void ps_jobs_tick(uint64_t now); /* kproc's; ns */
/* p, which is in a job, commits that much private memory: does it fit its job's limits? */
bool ps_job_may_commit(struct nt_process *p, uint64_t bytes);
void ps_job_process_ended(struct nt_process *p);
void ps_job_forget(struct nt_process *p); /* the last reference on it goes */
NTSTATUS ps_job_assign_handle(uint64_t job, struct nt_process *p);
NTSTATUS ps_job_inherit(struct nt_process *parent, struct nt_process *child, bool breakaway);
#endif
