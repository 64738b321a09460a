/* SPDX-License-Identifier: MIT */
/*
 * linux/linux.h - processes and threads of the Linux personality, and the one
 * global state.  Everything here lies in the arena.
 *
 * Legend, used in all of linux/:  I immutable after creation, a atomic, o only the
 * thread itself, T TASKLIST (lx->tasklist), P PROC (proc->lock), S SIGHAND
 * (sighand->lock), x set and read only while the process has one thread.
 *
 * Who owns which part: proc/ the tree, fork, exec, exit, wait; sig/ actions and
 * pending signals; fs/ descriptors and paths; mm/ the address space, which is
 * private memory (found by proc->mm, valid only inside the process itself).
 */
#ifndef LINUX_LINUX_H
#define LINUX_LINUX_H

#include "linux/gva.h"
#include "linux/uapi.h"
#include "pico/arena.h"
#include "pico/pico.h"
#include "pico/wait.h"

struct fan_event;
struct fdtable;
struct file;
struct fs_context;
struct io_engine;
struct io_worker;
struct landlock_domain;
struct mm;
struct mount;
struct ns;
struct nsset;
struct nt_process;
struct nt_thread;
struct path;
struct ptrace;
struct sighand;
struct tty;

/* A queued signal; from arena_alloc. */
struct sigqueue {
	struct list link;
	siginfo_t info; /* as the guest will see it: 128 bytes */
	void *timer;    /* POSIX timer that owns it, or NULL */
};
struct sigpending {
	uint64_t set;      /* bit n-1 for signal n */
	struct list queue; /* of struct sigqueue */
};

struct lx_cred {
	uint32_t uid, euid, suid, fsuid, gid, egid, sgid, fsgid;
	uint32_t ngroups, groups[32]; /* sorted; more than that are in more */
	uint64_t cap_effective, cap_permitted, cap_inheritable, cap_bounding, cap_ambient;
	uint32_t securebits, no_new_privs;
	/* The thread's own copy holds references on these. */
	struct ns *user_ns; /* NULL: the initial one */
	struct landlock_domain *landlock; /* sec/landlock.h; NULL: none */
	struct group_list *more; /* misc/groups.c: all groups, if they are too many for groups[] */
};

struct cpu_times { /* ns */
	uint64_t user, system;
};

struct lx_thread {
	struct pico_thread pico; /* first */
	struct lx_proc *proc;    /* [I] */
	int tid;                 /* [I] the leader's is the pid; as the initial pid namespace counts, like all ids below */
	int vtid;                /* [I] as its own pid namespace counts */
	uint32_t ns_gone;        /* [T] it ended and has left its namespaces */
	struct nsset *nsset;     /* [o] its namespaces, ns/ns.h; NULL: the initial ones.  Others read it under TASKLIST */
	dk_handle host_thread;   /* our reference on a thread made by pico_create_thread */
	struct list sibling;     /* [P] in proc->threads */
	struct list hash;        /* [T] in lx->tid_hash */
	uint32_t exiting;        /* [a] it must go: exit_group, execve of another thread, fatal signal */
	uint32_t exit_code;      /* wait status form */
	char comm[16];
	struct gva clear_child_tid, set_child_tid;
	struct gva robust_list;
	uint64_t robust_len;
	uint64_t fs_base;
	struct lx_cred cred;     /* [o] changed by its thread; read by others under TASKLIST */
	uint64_t start_ns;       /* monotonic */
	/* misc/cputime.c: host clock when its time began; as last published; system time of sampled calls. */
	int64_t cpu_base;
	uint64_t cpu_seen, sys_sampled, sampled_at;
	uint32_t sample_in, sample_span, samples; /* [o] calls until the next sample; what it stands for; how many */
	struct cpu_times shown;  /* [P] */
	uint64_t min_flt, maj_flt, nivcsw;
	uint64_t io[4];          /* [o] bytes read, written; calls that did: /proc/PID/io */
	int nice, policy, rt_priority;
	uint64_t dl_runtime, dl_deadline, dl_period; /* SCHED_DEADLINE's, ns */
	uint64_t affinity[16];

	/* sig/ */
	uint64_t sigmask;        /* [o] written under SIGHAND */
	uint64_t saved_sigmask;  /* [o] to restore by sigsuspend, pselect, ... when restore_sigmask */
	uint32_t restore_sigmask;
	struct sigpending pending; /* [S] signals to this thread alone */
	siginfo_t straight;      /* [o] one that it has sent itself and takes at once; si_signo 0 = none */
	stack_t altstack;        /* [o] */
	uint64_t sigwait_set;    /* [S] sigtimedwait: signals it waits for */
	struct { uint32_t kind, clock; uint64_t deadline; struct gva ptr; uint64_t arg[3]; } restart; /* [o] */
	uint32_t jobctl_stopped; /* [S] */
	uint64_t trapno, trap_err, cr2; /* [o] of the last fault, shown in signal frames */
	uint64_t pdeath_signal, timer_slack, timer_slack_default; /* slack in ns */
	uint32_t barrier_seen, barrier_pad; /* [o] misc/barrier.c */
	uint32_t ioprio, sched_reset; /* 0 = by nice; SCHED_RESET_ON_FORK */
	uint32_t mempolicy, mempolicy_pad; /* [o] set_mempolicy's, as mm/numa.c packs it */

	/* sec/ */
	struct seccomp_filter *seccomp; /* [a] newest one, a reference; written under PROC */
	uint32_t seccomp_mode, seccomp_filters; /* SECCOMP_MODE_*; how many */
	struct notice *notice;   /* [o] its call that waits for a supervisor's answer */
	uint64_t dispatch_start, dispatch_len, dispatch_selector; /* [o] PR_SET_SYSCALL_USER_DISPATCH */
	uint32_t dispatch_on, reqkey_default; /* KEY_REQKEY_DEFL_* */
	struct key *thread_keyring, *session_keyring; /* references, or NULL; sec/keys.c */

	/* proc/ptrace.h */
	struct lx_thread *tracer; /* [T] who traces it, or NULL */
	struct list tracees;      /* [T] by pt->link */
	struct ptrace *pt;        /* made when it is first attached to */

	/* proc/: vfork.  A borrowing child runs on its parent's host thread. */
	struct lx_thread *vfork_parent; /* [I] thread whose host thread this one borrows, or NULL */
	struct lx_thread *lent_to;      /* [P] the child that borrows this one's */
	struct waitq vfork_done;        /* parents that wait by other means (CLONE_VFORK without VM) */

	/* For kproc, should the thread die at the host while it waits for more than its own waiters hold. */
	struct poll_chunk *poll_chunks; /* [o] fs/poll.c */
	struct fan_event *fan_asks;     /* [o] fs/fanotify.c: it waits for the answer */
	struct futex_q *waitv;          /* [o] mm/futex_sys.c */
	uint32_t waitv_count, waitv_pad;

	uint32_t nowait;          /* [o] what it calls is to answer -EAGAIN, not to wait, whatever the file's flags say */
	void *submitting;         /* [o] the io_uring it submits to just now */
	struct io_worker *worker; /* [I] it is no guest's thread: aio/worker.c */

	struct nt_thread *nt;     /* [I] an NT thread: nt/ */
	void *priv[4];
};

/* Groups and sessions a process is a member of: proc/family.c. */
enum proc_set { PROC_GROUP, PROC_SESSION, PROC_SETS };
struct proc_member {
	struct list ring; /* [T] the other members */
	struct list hash; /* [T] in lx->set_hash if it stands for the ring */
};

struct lx_proc {
	struct pico_process pico; /* first */
	struct ref ref;           /* the pid table, parent link and look-ups hold one each */
	int pid;                  /* [I] */
	int vpid;                 /* [I] as its own pid namespace counts */
	uint32_t pid_round;       /* [I] tid_round when it was made: another process with this number has another */
	struct ns *pid_ns;        /* [I] NULL: the initial one */
	LOCK(PROC) lock;
	struct list threads;      /* [P] */
	uint32_t nthreads;        /* [P] live ones */
	struct lx_thread *leader; /* [P] */

	/* The tree. */
	struct lx_proc *parent;   /* [T] */
	int forked_by;            /* [I] the thread that made it */
	int ptracer;              /* PR_SET_PTRACER: a process, -1 = anybody */
	int ppid;                 /* [T] its pid as our namespace counts: getppid reads this alone */
	uint32_t unkillable;      /* [S] process 1 of a pid namespace: what it has no handler for does not reach it */
	struct list child;        /* [T] in parent->children */
	struct list children;     /* [T] zombies too */
	struct list all;          /* [T] in lx->procs */
	int pgrp, session;        /* [T] changed by proc_set_change */
	struct proc_member member[PROC_SETS]; /* [T] */
	struct tty *tty;          /* [T] controlling terminal, a reference */
	uint32_t exit_signal;     /* [I] to the parent; SIGCHLD mostly */
	uint32_t did_exec, is_subreaper;
	struct waitq child_wait;  /* wait4 of this process waits here */
	struct waitq exit_wait;   /* pidfds: woken at exit */

	/* Ending. */
	enum { PROC_LIVE, PROC_ZOMBIE, PROC_DEAD } state; /* [T] */
	uint32_t exit_code;       /* [P] wait status form: code << 8, or signal | 0x80 core */
	uint32_t group_exit;      /* [P] exit_group or a fatal signal is under way */
	struct lx_thread *exec_thread; /* [P] the thread that execs; siblings go */
	uint32_t stopped;         /* [S] 0, or the signal that stopped it */
	uint32_t stop_reported, continued; /* [S] for wait4 */
	uint32_t stop_seq;        /* [S] counts stops */
	uint32_t cont_seq;        /* [S] counts SIGCONTs, so that a stop under way sees one come */
	uint32_t cont_notify;     /* [S] the parent is to hear CLD_CONTINUED from a thread of ours */
	_Atomic uint32_t nqueued; /* [a] struct sigqueue it holds, against RLIMIT_SIGPENDING */
	_Atomic uint32_t cpu_check; /* [a] kproc asks: look at the CPU timers on the way out */

	struct fdtable *fdt;      /* shared by CLONE_FILES */
	struct fs_context *fs;    /* cwd, root, umask; shared by CLONE_FS */
	struct walk_cache *walk_cache; /* [a] fs/walkcache.c */
	uint32_t walks;           /* about how many paths it walked before it had one */
	struct sighand *sighand;  /* shared by CLONE_SIGHAND */
	struct sigpending pending;/* [S] signals to the process */
	struct mm *mm;            /* PRIVATE memory; only this process follows it.  [x] */
	uint32_t mm_borrowed;     /* vfork child: mm is the parent's */
	dk_handle host;           /* [a] picoprocess it lives in, see proc/proc.h; changed under HOSTS */
	struct list by_host;      /* [HOSTS] in lx->host_hash */
	void *exec;               /* a struct exec_image for the fresh picoprocess; exec/ */
	struct rlimit64 rlim[RLIM_NLIMITS]; /* [P] */
	struct path *exe;         /* file that is executed */
	char exe_path[512];       /* its path at exec */
	char *cmdline;            /* arena copy for /proc/PID/cmdline, NULs inside */
	uint32_t cmdline_len;
	char *environ_copy;
	uint32_t environ_len, dumpable;
	uint64_t vm_pages, rss_pages, data_pages; /* kept by mm/ for /proc and limits */
	uint64_t stack_pages, locked_pages, text_pages, max_vm, peak_rss;
	uint64_t brk_start, brk, stack_start, arg_start, arg_end, env_start, env_end;
	uint64_t start_ns, utime_ns, stime_ns, cutime_ns, cstime_ns; /* [P] final ones; of waited children */
	int64_t cpu_base;         /* misc/cputime.c: host clock when its time began */
	uint64_t sys_ended, user_ended, nvcsw, io_ended[4]; /* [P] of ended threads */
	struct cpu_times shown;   /* [P] */
	uint64_t min_flt, maj_flt, cmin_flt, cmaj_flt, max_rss, cmax_rss;
	uint64_t personality;
	uint32_t mdwe, mdwe_pad;  /* PR_MDWE_* */
	uint32_t membarrier, thp_disable; /* membarrier: commands registered; execve clears it */
	int oom_score_adj;
	uint32_t coredump_filter, coredump_pad; /* /proc/PID/coredump_filter */

	/* proc/remote.c */
	struct list remote;       /* [P] what others ask of this address space */
	_Atomic uint32_t remote_count; /* [a] how many */
	struct io_engine *io;     /* [a] what it has under way without a thread that waits: aio/engine.h */

	/* misc/time */
	struct list timers;       /* [P] POSIX timers */
	struct timer_ids *timer_ids; /* [P] the same by number */
	struct lx_timer *itimer_real;
	uint64_t itimer_virtual[2], itimer_prof[2]; /* value, interval on CPU clocks */
	struct cpu_timers *cpu_timers; /* misc/cpu_timer.c */
	struct key *process_keyring; /* sec/keys.c */
	struct nt_process *nt;    /* [x] it runs a Windows program: nt/ */
	void *nt_start;           /* [x] how that is to begin, from who made the process: nt/ldr/start.h */
	void *priv[4];
};

#define LX_TID_BUCKETS 4096u
#define LX_SET_BUCKETS 1024u

/* Global state of the Linux personality in a sandbox: arena_root()->provider_root[PICO_PROVIDER_LINUX]. */
struct lx_state {
	LOCK(TASKLIST) tasklist;
	struct list procs;        /* [T] by number, those ended but not reaped too */
	struct lx_proc *linked_last; /* [T] where the next one probably belongs */
	_Atomic int next_tid;
	uint32_t tid_round;       /* [T] how often numbers have begun to be used again */
	uint32_t nthreads;        /* [T] */
	struct lx_proc *init;     /* [I] guest pid 1: kproc's own process, which adopts and reaps orphans */
	struct lx_proc *first;    /* [I] the program; its end ends the sandbox */
	struct lx_thread *kthread;/* [I] kproc's thread, also while there is no kproc yet */
	uint32_t booted;          /* [a] all of this is there */
	uint32_t kproc_started;   /* [a] 0: this is the only picoprocess, and its end the sandbox's */
	bool stats;               /* [I] say some numbers at the end */
	struct list graveyard;    /* [T] reaped processes whose picoprocess is not dead yet; by proc->all */
	struct list dead_threads; /* [T] ended threads' objects, by hash; proc/pid.c */
	char hostname[65], domainname[65], core_pattern[128];
	uint64_t boot_mono_ns, boot_real_ns; /* when the machine started; the first may be below 0 */
	uint64_t memtotal;
	uint32_t ncpus;
	char boot_id[37];
	uint32_t trace;           /* --trace lx */
	_Atomic uint64_t unimplemented[8]; /* calls answered ENOSYS, as bits */
	struct ns *ns_initial;    /* [I] an array by kind, ns/ns.h */
	struct mount *nsfs;       /* [I] where files that are namespaces lie; made when needed */
	_Atomic uint32_t next_ns; /* numbers of namespaces */
	uint64_t oom_kills;       /* [kproc] processes ended because the memory was used up */
	void *klog;               /* [a] misc/klog.c: made by the first record */
	void *keys, *vfs, *futex, *timer, *ipc, *tty, *unix_sockets, *inet_sockets, *outside, *misc[8]; /* roots of fs/, mm/futex.c, ... */
	uint64_t random_state[8];
	_Atomic uint32_t barriers; /* requests of membarrier, counted; misc/barrier.c */
	_Atomic uint64_t aio_nr;  /* requests all aio contexts may have at once */
	_Atomic uint32_t watches; /* inotify watches, fanotify marks ... there are; 0: events are not looked into */
	_Atomic uint32_t askers;  /* fanotify marks with permission events */
	_Atomic uint32_t nt_watches; /* of watches, those of NT programs: nt/os/watch.c */
	LOCK(HOSTS) hosts;
	/* Heads that are all zero were never used. */
	struct list tid_hash[LX_TID_BUCKETS]; /* [T] threads by tid */
	struct list set_hash[PROC_SETS][LX_SET_BUCKETS]; /* [T] groups and sessions */
	struct list host_hash[LX_SET_BUCKETS]; /* [HOSTS] processes by picoprocess */
};
static inline struct lx_state *lx_state(void)
{
	return arena_root()->provider_root[PICO_PROVIDER_LINUX];
}
static inline struct lx_thread *lx_current(void)
{
	return (struct lx_thread *)pico_current();
}

/* Results.  A status from a Dk call becomes -errno here and nowhere else. */
long lx_err(enum dk_status status);
/* For a wait that ended badly: INTERRUPTED -> -ERESTARTSYS, TIMEOUT -> -ETIMEDOUT, else lx_err. */
long lx_wait_err(enum dk_status status);

/* Guest memory: 0 or -EFAULT. */
int copy_in(void *dst, struct gva src, uint64_t size) MUST_CHECK;
int copy_out(struct gva dst, const void *src, uint64_t size) MUST_CHECK;
int clear_out(struct gva dst, uint64_t size) MUST_CHECK;
/* A path or string: its length; -EFAULT, -ENAMETOOLONG. */
long string_in(char *dst, struct gva src, uint64_t size) MUST_CHECK;
#define PUT_USER(gva, value)                                                                         \
	__extension__({                                                                               \
		__typeof__(value) put_user_value = (value);                                           \
		copy_out((gva), &put_user_value, sizeof put_user_value);                              \
	})

/* A kernel buffer of PATH_MAX from the heap for one path; free with path_buf_free. */
char *path_buf(void);
void path_buf_free(char *buf);
void path_buf_forget(void); /* the host thread ends: what it keeps for that goes */
/* The same, filled with the guest's path: an ERR in *err (negative) and NULL, else the buffer. */
char *path_in(struct gva path, long *err);

uint64_t lx_cpu_time_ns(struct lx_thread *t); /* of the calling host thread */
bool lx_capable(const struct lx_thread *t, int cap);
bool lx_in_group(const struct lx_thread *t, uint32_t gid);

/* Has kproc look at everything soon, if there is one. */
void kproc_kick(void);
/* Starts kproc if there is none yet: before a second process, and with the first timer. */
void kproc_need(void);

/* True: cond, which needs no lock and is looked at a few times, is true already or soon after; else it is time to sleep. */
#define WAIT_LINGER(deadline, cond)                                                                  \
	__extension__({                                                                               \
		uint64_t wl_since = 0;                                                                \
		bool wl_true;                                                                         \
		while (!(wl_true = (cond)) && pico_linger(&wl_since, (deadline)))                     \
			;                                                                             \
		wl_true;                                                                              \
	})
/* A first waiter's wait with a condition: sleeps on q until cond is true; err gets 0,
   -ERESTARTSYS or -ETIMEDOUT. */
#define WAIT_EVENT_AS(q, deadline, cond, err, waiter_flags, events)                                  \
	do {                                                                                          \
		struct waiter *we_w = waiter_self(0);                                                 \
		we_w->flags = (waiter_flags);                                                         \
		we_w->key = (events);                                                                 \
		waitq_add((q), we_w);                                                                 \
		(err) = 0;                                                                            \
		while (!(cond)) {                                                                     \
			enum dk_status we_s = pico_wait((deadline), 0);                               \
			if (we_s != DK_OK && !(cond)) {                                               \
				(err) = lx_wait_err(we_s);                                            \
				break;                                                                \
			}                                                                             \
		}                                                                                     \
		waitq_remove((q), we_w);                                                              \
	} while (0)
#define WAIT_EVENT(q, deadline, cond, err) WAIT_EVENT_AS(q, deadline, cond, err, 0u, UINT32_MAX)
/* The same, woken only for events: EPOLLIN ... of who wakes; of things for which one often waits not long. */
#define WAIT_EVENT_FOR(q, events, deadline, cond, err)                                               \
	do {                                                                                          \
		(err) = 0;                                                                            \
		if (!WAIT_LINGER(deadline, cond))                                                     \
			WAIT_EVENT_AS(q, deadline, cond, err, 0u, events);                            \
	} while (0)
/* The same for one of many of whom a wake-up is to reach one: who changes the object wakes 1, and
   so does who was woken and leaves something for the next.  One that goes away hands on. */
#define WAIT_EVENT_ONE(q, deadline, cond, err)                                                       \
	do {                                                                                          \
		(err) = 0;                                                                            \
		if (WAIT_LINGER(deadline, cond))                                                      \
			break;                                                                        \
		WAIT_EVENT_AS(q, deadline, cond, err, WAITER_EXCLUSIVE, UINT32_MAX);                  \
		if ((err) != 0)                                                                       \
			waitq_wake_next(q);                                                           \
	} while (0)
#endif
