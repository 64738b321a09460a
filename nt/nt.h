/* SPDX-License-Identifier: MIT */
/*
 * nt/nt.h - processes and threads of the NT personality, and its one global state.  All in the arena.
 *
 * The NT kernel stands on the kernel that the Linux personality is (docs/design/15-nt.md): each NT process is
 * a struct lx_proc too and each NT thread a struct lx_thread, so that both kinds of program share files, pipes,
 * terminals, process ids, exit, limits, memory accounting and everything that looks at a sandbox from outside.
 * Only nt/os/ knows that: it alone includes linux/ headers; the rest of nt/ sees nt/os/os.h.
 *
 * Legend: I immutable after creation, a atomic, o only the thread itself, p NTPROC (process->lock).
 */
#ifndef NT_NT_H
#define NT_NT_H

#include "nt/ob/ob.h"
#include "nt/types.h"
#include "pico/arena.h"
#include "pico/pico.h"
#include "pico/wait.h"

struct lx_proc;
struct lx_thread;
struct nt_job;
struct se_token;

#define NT_WAIT_MAX 64u /* MAXIMUM_WAIT_OBJECTS */

/* An APC that waits for its thread; from arena_alloc.  ps/apc.c */
struct nt_apc {
	struct list link;
	uint64_t routine, arg[3]; /* of the guest */
	uint32_t special, pad;
	const void *of;           /* whose it is, a timer's: there is one of it at a time; NULL: nobody's.  Not followed */
};

enum nt_wait_state { NT_WAIT_NONE, NT_WAIT_WAITING, NT_WAIT_ALERTABLE, NT_WAIT_DONE, NT_WAIT_INTERRUPTED };

struct nt_thread {
	struct ob_object ob;      /* first; type OB_THREAD.  Signalled when it has ended */
	struct nt_process *process; /* [I] */
	struct lx_thread *lx;     /* [I] NULL once it has ended */
	uint32_t tid;             /* [I] the client id's; a multiple of 4: os_tid_to_nt */
	uint32_t exit_status;     /* [p] STATUS_PENDING while it lives */
	uint64_t teb;             /* [I] */
	struct list sibling;      /* [p] in process->threads */
	/* ps/ */
	uint32_t suspend_count;   /* [p] */
	uint32_t alerted;         /* [a] NtAlertThread */
	uint32_t alert_by_id;     /* [a] NtAlertThreadByThreadId came */
	uint32_t terminate;       /* [a] 1: exit_code is to be its end */
	uint32_t exit_code;
	LOCK(NTAPC) apc_lock;
	struct list apcs;         /* [NTAPC] struct nt_apc, user mode */
	int64_t create_time, exit_time; /* NT time */
	int32_t base_priority;
	uint32_t hide_from_debugger;
	uint64_t affinity;
	uint64_t start_address;
	WCHAR *description;       /* [p] arena, with its length */
	uint32_t description_size;
	uint32_t in_kernel;       /* [o] its registers are in lx->pico.frame */
	struct CONTEXT *suspended; /* [p] its whole registers while it is parked; ps/suspend.c */
	/* ex/wait.c */
	_Atomic uint32_t wait_state; /* enum nt_wait_state: who ends a wait changes it from WAITING or ALERTABLE */
	NTSTATUS wait_status;     /* by who ended it */
	struct nt_wait_block *wait_blocks; /* [o] made with the thread's first long wait */
	uint32_t wait_room, wait_count; /* [o] of wait_blocks; how many are in use */
	uint32_t wait_owned;      /* [o] their objects' references are the wait's own: kproc drops them if it dies */
	struct list mutants;      /* [o] that it owns; ex/mutant.c */
	struct se_token *token;   /* [p] that it impersonates, a reference; NULL: none.  se/token.c */
	void *ex, *io, *ps, *priv; /* those components' own */
};

struct nt_process {
	struct ob_object ob;      /* first; type OB_PROCESS.  Signalled when it has ended */
	struct lx_proc *lx;       /* [I] a reference */
	uint32_t pid;             /* [I] the client id's */
	uint32_t parent_pid;
	LOCK(NTPROC) lock;
	struct list threads;      /* [p] */
	struct list all;          /* in nt->processes, NTPROCS */
	struct ob_handle_table *handles; /* [I] emptied when the process ends */
	uint32_t exit_status;     /* STATUS_PENDING while it lives */
	uint32_t nthreads;        /* [p] live ones */
	uint64_t peb;             /* [I] */
	uint64_t image_base;      /* [I] of the main program */
	struct nt_mm *mm;         /* PRIVATE memory, only this process follows it: mm/vad.c */
	struct list views;        /* [p] struct nt_view, sections that it shows; zeroed: none yet.  mm/view.c */
	struct se_token *token;   /* a reference; NULL: the sandbox's one user */
	struct nt_job *job;       /* [p] */
	struct list job_link;
	WCHAR *image_name;        /* [I] arena: \??\C:\... of the main program */
	uint32_t image_name_size; /* bytes */
	uint32_t subsystem;       /* IMAGE_SUBSYSTEM_* */
	uint64_t stack_reserve, stack_commit; /* [I] of threads that do not say: the main program's */
	int64_t create_time, exit_time;
	uint32_t error_mode, priority_class;
	uint32_t dying;           /* NtTerminateProcess(0) came */
	uint32_t system;          /* [NTPROCS] it ends with the last process that is not so: ps/service.c */
	uint32_t begun;           /* ntdll.dll has initialized itself and the program's DLLs */
	uint64_t committed_pages; /* private ones: mm/vad.c */
	uint64_t virtual_size, peak_virtual_size; /* bytes, reserved ones too: mm/vad.c */
	void *cm, *io, *ps, *con; /* those components' own */
	uint64_t net_due;         /* [net/afd.h: N] when its poller looks at its sockets' times next */
};

struct nt_state {
	LOCK(NTPROCS) procs_lock;
	struct list processes;    /* [NTPROCS] */
	struct list ended;        /* [NTPROCS] those that have ended and that somebody has a reference on */
	_Atomic uint32_t nprocesses;
	uint32_t nsystem;         /* [NTPROCS] how many of them are `system` */
	struct ob_object *system_event; /* [NTPROCS] a reference: what those wait for; NULL: none was made, or it was signalled */
	_Atomic uint32_t services; /* services.exe's pid: ps/service.c */
	uint64_t kuser_page;      /* of arena-data: KUSER_SHARED_DATA, and the dispatcher behind it; kproc ticks while nprocesses is not 0 */
	struct ob_directory *root;/* \ */
	uint16_t call_by_id[2][512]; /* enum nt_call_nr + 1 by system call id; [1]: win32u's, from 0x1000 on */
	uint8_t args_by_id[512];  /* bytes of arguments, as ntdll.dll says */
	uint32_t ntdll_rva[16];   /* ldr/ntdll.c: entry points */
	_Atomic uint32_t ncalls;  /* ids known; 0 = ntdll.dll was not looked at yet */
	_Atomic uint64_t unimplemented[4]; /* calls that were asked for and are not there, as bits */
	int64_t boot_time;        /* NT time */
	LOCK(NTEX) tick_lock;     /* who writes the times of kuser_page */
	_Atomic uint64_t locales; /* the user's in the low half, the system's: ex/nls.c */
	_Atomic uint64_t luids;   /* how many were made: se/token.c */
	_Atomic uint32_t timed_jobs; /* some job has, or had, a limit of time */
	uint64_t jobs_due;        /* [kproc] when they are looked at next */
	LOCK(NTEX) images_lock;
	struct list images;       /* headers that are kept: ldr/share.c */
	uint32_t nimages;
	uint64_t images_laid;     /* bytes of those that are laid out */
	_Atomic uint32_t drive;   /* where drive C: is: os/drive.c; 0: it is not made yet */
	_Atomic uint32_t drives;  /* letters: os_drives */
	uint32_t ready;           /* [a] all of this is there */
	_Atomic uint32_t dlls_known; /* io/node.c */
	void *ob, *ex, *ps, *io, *net, *cm, *se, *nls, *con;
};

static inline struct nt_state *nt_state(void)
{
	return arena_root()->provider_root[PICO_PROVIDER_NT];
}
struct nt_thread *nt_current(void); /* NULL: the thread is no guest's: kproc, who completes requests */
struct nt_process *nt_worker_process(void); /* of a thread that is no guest's; NULL: of no NT process.  nt/os/provider.c */
static inline struct nt_process *nt_current_process(void)
{
	struct nt_thread *t = nt_current();

	return LIKELY(t != NULL) ? t->process : nt_worker_process();
}
#endif
