/* SPDX-License-Identifier: MIT */
/*
 * pico/pico.h - the provider interface: what a personality gives (PsRegisterPicoProvider's
 * provider routines) and what it gets (its pico routines), and the objects both
 * personalities stand on.
 *
 * All picoprocesses of a sandbox share the arena, mapped at one address: kernel
 * objects are plain structs there, reached by plain pointers.  Never in the arena:
 * pointers out of it (into private heap, stacks, images), function pointers,
 * descriptors, host ids.  A thread of any picoprocess works on them under locks
 * from pico/lock.h and sleeps with pico_wait, so a personality is written like
 * an SMP kernel that happens to have one address space a process.
 *
 * Library-OS stacks are PRIVATE memory (36 KB, frames under 2 KB): nothing that
 * another picoprocess follows may lie on them.  Waiters are in the thread object.
 */
#ifndef PICO_PICO_H
#define PICO_PICO_H

#include "abi/dk_boot.h"
#include "dk_client.gen.h"
#include "pico/lock.h"
#include "rt/base.h"
#include "rt/list.h"

struct pico_process;
struct waitq;

/*
 * Something that waits on a queue (pico/wait.h).  kind says who is to be told:
 * PICO_WAITER_THREAD wakes thread; other kinds are the provider's (epoll items).
 */
struct waiter {
	struct list link;           /* [q] queue's lock; empty when not queued */
	uint32_t kind, flags;       /* flags: WAITER_EXCLUSIVE, and the provider's */
	struct pico_thread *thread; /* kind THREAD */
	void *data;                 /* other kinds; an arena address */
	uint32_t fired, key;        /* fired: 1 once woken; key: event mask or futex bits */
	struct waitq *queue;        /* [q] where it is queued, or NULL: for kproc, when its thread died */
};
#define PICO_THREAD_WAITERS 4
#define PICO_LATER          28u

/*
 * A thread as both personalities know it; first member of theirs; in the arena.
 *	I immutable after creation, o its own thread only, a atomic
 */
/*
 * System calls whose answer is 32 bits of the thread's or the process's object: answered by the entry
 * code, in half the time.  By number; 0 = not of that kind.  Private to each picoprocess, copied by
 * fork; the provider fills it, and clears it when calls are to be watched.  While
 * arena_root()->tracing is not 0 it is not looked at.
 */
#define PICO_LEAFS 192u
extern uint32_t pico_leaf[PICO_LEAFS];
#define PICO_LEAF_THREAD(type, member)  ((uint32_t)offsetof(type, member) | 2u)
#define PICO_LEAF_PROCESS(type, member) ((uint32_t)offsetof(type, member) | 3u)

struct pico_thread {
	struct pico_process *process; /* [I] */
	dk_handle thread;             /* the host thread that runs it: for pico_interrupt; 0 = none yet */
	dk_handle event;              /* [I] auto reset: what pico_wait waits on */
	dk_handle lock_event;         /* [I] the same for contended locks */
	_Atomic uint32_t held;        /* [a] locks held; kproc reads it after a death: 0 = no harm done */
	uint32_t later_count;         /* [o] who is to be told once no lock is held any more */
	struct lock *waiting_lock;    /* [o] lock in whose queue it is, for lock.c and panic */
	struct list lock_link;        /* in that queue */
	uint32_t lock_granted;
	uint32_t sleeping;            /* [o] 1 while it waits, perhaps still spinning */
	struct dk_context *frame;     /* [o] the guest's registers while in the library OS (private memory) */
	struct waiter waiters[PICO_THREAD_WAITERS]; /* [o] for one- and few-object waits */
	uint32_t waiters_lent;        /* [o] 1: the provider keeps something of its own in waiters */
	uint32_t woken;               /* 1 once somebody has woken it from that wait, though it has yet to run: it counts as running */
	uint32_t waits;               /* [o] times it slept: voluntary context switches */
	bool keeps_wake;              /* [o] pico_keep_wake */
	dk_handle kept_wake;          /* [o] the event that it kept for its end */
	uint64_t lock_classes;        /* [o] debug: bit per class held */
	dk_handle later[PICO_LATER];  /* [o] events to set, threads to interrupt */
};

/* A picoprocess as both personalities know it; first member of theirs; in the arena. */
struct pico_process {
	dk_handle process; /* Dk's handle; 0 while it borrows its parent's (vfork) */
	uint32_t provider; /* enum pico_provider_id */
};

enum pico_provider_id { PICO_PROVIDER_NONE, PICO_PROVIDER_LINUX, PICO_PROVIDER_NT, PICO_PROVIDER_TOY, PICO_PROVIDERS };

/* ---- What a provider gives.  One static table an image. ---- */
struct pico_provider {
	uint64_t size; /* of this struct, as PsRegisterPicoProvider's */
	enum pico_provider_id id;
	const char *name;

	/* The first picoprocess, in a new arena: make the global state and the first program's
	   thread, become that and go on as process_start does.  Never returns. */
	void (*first_main)(const struct dk_boot *boot);
	/* kproc, once pico_start_kproc or the monitor has asked for it; first_main may still be
	   at work.  Stays as the kernel thread.  Never returns. */
	void (*kproc_main)(const struct dk_boot *boot);
	/* A fresh picoprocess: parameter is the arena address of the pico_thread to become.  Sets
	   up its private state, loads the program, ends in pico_enter_user.  Never returns. */
	void (*process_start)(struct pico_thread *t);
	/* DispatchSystemCall: a guest's system call, registers in c; result goes to c->rax. */
	void (*dispatch_syscall)(struct pico_thread *t, struct dk_context *c);
	/* DispatchException: a fault of guest code.  Must arrange c for what comes next. */
	void (*dispatch_exception)(struct pico_thread *t, const struct dk_exception *e, struct dk_context *c);
	/* Called on the way to the guest whenever tb->work is set, already cleared: deliver signals
	   or APCs, stop, exit.  Called again until it leaves tb->work 0. */
	void (*return_to_user)(struct pico_thread *t, struct dk_context *c);
	/* First code of a thread made by pico_create_thread, on its own library-OS stack; returns
	   to have c entered. */
	void (*thread_start)(struct pico_thread *t, struct dk_context *c);
	/* kproc, before anything else looks: the picoprocess behind process died at the host. */
	void (*process_died)(dk_handle process, uint32_t wait_status);
	/* Wakes waiters of the provider's own kinds (index kind - PICO_WAITER_PROVIDER).  False: nobody
	   was there, so that an exclusive wake goes on to the next waiter. */
	bool (*wake)(struct waiter *w, uint32_t key);
	/* kproc has waited long for l: is its holder dead, and kproc, who would hear of it, here?
	   Panics then.  Called with any locks held; may be NULL. */
	void (*lock_stalled)(const struct lock *l);
	/* A wait of t was interrupted, tb->work is set.  True: that was settled here (and work is
	   clear, unless something new came), the wait goes on.  May be NULL. */
	bool (*interrupted)(struct pico_thread *t);
};

/*
 * Registers the image's provider, once.  The personality's struct dk_image names its own
 * function as initialize, which registers and then goes on to pico_initialize_entry
 * (assembly: starts again below the frame's place) -> pico_initialize -> pico_boot.
 */
void pico_register(const struct pico_provider *provider);
/* LibOsInitialize's work: maps in the arena (makes it in kproc), then calls the provider. */
void pico_boot(const struct dk_boot *boot) NORETURN;
void pico_initialize_entry(const struct dk_boot *boot) NORETURN;
void pico_thread_entry(uint64_t parameter) NORETURN;
void pico_exception(const struct dk_exception *e, struct dk_context *c) NORETURN;
extern const struct dk_boot *pico_boot_block; /* of this picoprocess */

/* ---- What a provider gets ---- */

static inline struct dk_tb *pico_tb(void)
{
	struct dk_tb *tb;

	__asm__("movq %%gs:0, %0" : "=r"(tb));
	return tb;
}

/* The calling thread. */
static inline struct pico_thread *pico_current(void)
{
	struct pico_thread *t;

	__asm__ volatile("movq %%gs:%c1, %0" : "=r"(t) : "i"(TB_LIBOS));
	return t;
}

/* Changes who the calling host thread is: vfork's borrowing.  Sets t->thread. */
void pico_become(struct pico_thread *t);

/* Initialises the pico part of a zeroed object: events.  DK_TOO_MANY if there are none. */
enum dk_status pico_thread_init(struct pico_thread *t, struct pico_process *p);
void pico_thread_fini(struct pico_thread *t);

/* CreateThread: a host thread in the calling picoprocess that becomes t and calls thread_start
   with the registers *c (copied to the new library-OS stack). */
enum dk_status pico_create_thread(struct pico_thread *t, const struct dk_context *c, uint64_t fs_base);
/* Starts kproc if that has not been done, and gives p its handle.  Any number of times, from any
   thread; what needs no kproc works without until it is there.  Errors as DkProcessCreate. */
enum dk_status pico_start_kproc(struct pico_process *p);
/* It will be started so many milliseconds from now, unless that is done before. */
void pico_start_kproc_soon(uint32_t ms);
/* CreateProcess, fresh picoprocess: runs process_start(t) there. */
enum dk_status pico_create_process(struct pico_process *p, struct pico_thread *t);
/* CreateProcess with PS_PICO_CREATE_PROCESS_CLONE_PARENT: copies the calling address space.
   Returns DK_OK twice: *in_child tells.  In the child the caller has become t. */
enum dk_status pico_clone_process(struct pico_process *p, struct pico_thread *t, bool *in_child);
/* TerminateThread for the caller itself: ends the host thread, and then sets event, if it is one.  See DkThreadExit. */
void pico_exit_thread(dk_handle event) NORETURN;
/*
 * Between the two the caller's first pico_wake of a thread of its process is not made; kept_wake gives the event
 * to be set, or none, for pico_exit_thread: who is woken by a thread's end, and makes the next, then finds
 * the host thread at leisure.
 */
void pico_keep_wake(void);
dk_handle pico_kept_wake(void);
/* Ends the picoprocess; the caller is its only thread left, or all others are parked. */
void pico_exit_process(uint32_t code) NORETURN;

/* SuspendThread/ResumeThread/TerminateThread of another are built by a provider on this: t, in
   whatever picoprocess, comes to return_to_user soon. */
void pico_interrupt(struct pico_thread *t);

/* SetThreadDescriptorBase: the calling guest's FS base (GS under NT). */
void pico_set_fs_base(uint64_t base);
uint64_t pico_get_fs_base(void);
/* From the next way out on the calling thread's guest owns GS, which is base, and FS is ours; it enters by pico_gs_entry. */
void pico_set_guest_gs(uint64_t base);
extern char pico_gs_entry[];

/* Goes to the guest with these registers, which must be the thread's frame on its own
   library-OS stack or are copied there.  Runs return_to_user first if tb->work is set. */
void pico_enter_user(const struct dk_context *c) NORETURN;
/* Vector and x87 registers as at a program's start: for execve in place. */
void pico_fpu_reset(void);
/* Calls fn on an empty library-OS stack (below the frame); fn must not return. */
void pico_run_on_fresh_stack(void (*fn)(void *), void *arg) NORETURN;

/* Where a thread's frame is when it is in the library OS: top of its stack. */
struct dk_context *pico_frame(void);

/* ---- Waiting (pico/wait.h has queues) ---- */

/*
 * Waits for pico_wake(current), for any of count more handles, or for the deadline
 * (absolute, monotonic ns).  DK_OK: woken, *index = 0 for the own event, 1.. for
 * handles[i-1].  May wake without reason: check your condition and wait again.
 * DK_INTERRUPTED as DkObjectsWaitAny.  No lock may be held.
 */
enum dk_status pico_wait_handles(const dk_handle *handles, uint32_t count, uint64_t deadline, uint32_t flags, uint32_t *index);
enum dk_status pico_wait(uint64_t deadline, uint32_t flags);
/* The same for a waitset (abi/net.h): DK_OK with *done bytes of what its members told, 0 if it was woken. */
enum dk_status pico_wait_ready(dk_handle set, void *ready, uint64_t size, uint64_t *done, uint64_t deadline);
/* For who is about to queue for something and wait: true, a moment has passed, look again; false, queue and wait.
   *since is 0 at first.  No lock may be held.  DkThreadLinger. */
bool pico_linger(uint64_t *since, uint64_t deadline);
/* With locks held it takes effect when the last is dropped, or the caller sleeps: so does pico_interrupt, so do wait queues. */
void pico_wake(struct pico_thread *t);

uint64_t pico_now(void);          /* monotonic, ns */
uint64_t pico_now_coarse(void);   /* the same, some ms late, and a quarter of the cost */
uint64_t pico_now_realtime(void); /* since 1970, ns */

/* ---- Ends the sandbox: our bug, or an arena that cannot be trusted any more. ---- */
void panic(const char *format, ...) PRINTF(1, 2) NORETURN;
#define ASSERT(x) ((x) ? (void)0 : panic("%s:%d: assertion failed: %s", __FILE__, __LINE__, #x))

/* One line to the sandbox's log. */
void log_line(enum dk_log_level level, const char *format, ...) PRINTF(2, 3);
#endif
