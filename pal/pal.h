/* SPDX-License-Identifier: MIT */
/*
 * pal/pal.h - what pal's files share inside one picoprocess.
 *
 * pal always runs on the thread's library-OS stack, so the slot, and with it the
 * thread block, is found from rsp and never from FS or GS, which a guest may change.
 */
#ifndef PAL_PAL_H
#define PAL_PAL_H

#include "abi/dk_boot.h"
#include "abi/monitor.h"
#include "dk_pal.gen.h"
#include "pal/host_x86_64.h"
#include "pal/shared.h"

/* pal's words in struct dk_tb. */
enum { TBP_THREAD, TBP_PARAMETER, TBP_SLOT, TBP_EAGER, TBP_EAGER_END = TBP_EAGER + 3 /* struct eager */, TBP_ENDING /* in DkThreadExit, and may hold locks */,
	TBP_CPU_BASE /* CPU time that the host thread had used before, in ns */ };

static inline struct dk_tb *tb_of(uint64_t rsp)
{
	return (struct dk_tb *)((rsp & ~(uint64_t)(SLOT_SIZE - 1)) + SLOT_TB);
}

static inline struct dk_tb *pal_tb(void)
{
	uint64_t rsp;

	__asm__ volatile("movq %%rsp, %0" : "=r"(rsp));
	return tb_of(rsp);
}

static inline struct thread *pal_self(void)
{
	return (struct thread *)pal_tb()->pal[TBP_THREAD];
}

/* Private state that a clone must find at rest: process.c takes these locks around it. */
struct mutex {
	_Atomic uint32_t word; /* 0 free, 1 held, 2 held and somebody waits */
};
void mutex_take(struct mutex *m);
void mutex_drop(struct mutex *m);

/* ---- start.c ---- */
extern struct dk_boot pal_boot;
extern struct dk_image pal_image; /* the personality's header, copied */
extern uint32_t pal_process;      /* own index */
extern uint64_t pal_pico;
extern const struct dk_table pal_table;

#define PAL_RANGES (EXT_SLOTS + 2)
struct range { /* a loaded image; uaccess may be empty */
	uint64_t begin, end;
	uint64_t uaccess_begin, uaccess_end, uaccess_fixup;
};
extern struct range pal_ranges[PAL_RANGES];
extern uint32_t pal_range_count;

/* ---- load.c ---- */
void pal_switch_stack(uint64_t top, void (*fn)(void)) NORETURN; /* start_x86_64.S */
void load_image(int fd, uint64_t low, uint64_t high, struct dk_image *image);

/* ---- channel.c ---- */
extern int channel_fd;
extern struct mutex channel_lock;
struct rpc {
	struct mon_request req;
	const void *text, *text2; /* text2 follows text after a NUL, if not NULL */
	uint64_t text_len, text2_len;
	void *data;               /* room for the reply's data */
	uint64_t data_size;
	struct mon_reply reply;
	int fd;                   /* -1 = none came */
	int more[MON_FETCH_MORE]; /* FETCH, CLONE: those behind it */
	uint32_t more_count;
};
/* Sends r->req and waits for the reply; result is the reply's status.  DK_RANGE if data did not fit. */
enum dk_status rpc_call(struct rpc *r);
enum dk_status rpc_call_locked(struct rpc *r);
void rpc_send(struct rpc *r); /* for requests without reply */
void rpc_send_locked(struct rpc *r);
/* The channel of a copy to be, given in advance; fd -1 = none.  All under channel_lock. */
struct grant {
	uint64_t pico;
	int fd;
};
struct grant grant_take(void);        /* waits for it if the answer that may bring it is due */
void grant_keep(const struct rpc *r); /* what the answer to a CLONE brought for the next */
void grant_ask(struct rpc *r);        /* sends a CLONE that used one; the answer is taken when it comes by */
void grant_after_clone(void);         /* in the copy: ours are the parent's */
void process_not_gathered(void); /* the monitor has said so */
bool process_gathered(void); /* on one CPU with the monitor, as the first picoprocess starts */
void process_gather(void);
void process_spread(void);   /* before the first other thread */
struct process *process_new(void); /* an entry with two references: its creator's, and that of life */
void process_copy(int fd, uint64_t pico); /* start.c, before the start message */
long channel_receive(void *buf, uint64_t size, int *fds, uint32_t *nfds);

/* ---- trap.c ---- */
void trap_init(void);
void trap_thread_init(struct dk_tb *tb); /* alternate stack */
void signals_block(void);
void signals_unblock(void);

/* ---- spin.c ---- */
/* What a sleeper has learnt of looking a while before it sleeps; zeroes at first. */
struct spin {
	uint32_t budget; /* ns it looks; 0 = not at all */
	uint32_t failures; /* looks in vain, one after the other */
	uint32_t left; /* sleeps before it may look again */
	uint32_t rest; /* what left begins with the next time */
};
/* Looks for *word to be another than old, at most until deadline: true if it is. */
bool spin_look(struct spin *s, const _Atomic uint32_t *word, uint32_t old, uint64_t deadline);
bool spin_failed(struct spin *s); /* a look of another kind was in vain: true if it rests now */
/* Afterwards, when it has slept for so many ns; budget is what it would look for. */
void spin_learn(struct spin *s, uint64_t slept, uint32_t budget);

/* ---- eager.c ---- */
/* What a thread has learnt for its waits. */
struct eager {
	struct spin spin;
	uint32_t spins;   /* giving the CPU away was in vain */
	uint32_t crowded; /* sleeps that it rests for when others want the CPU */
	uint32_t linger;  /* what came of the last DkThreadLinger */
	uint32_t pad;
};
/* The calling thread is going to sleep until t's word, its own, is no longer `word`, or deadline: true if that needs no sleep. */
bool eager_wait(const struct thread *t, uint32_t word, uint64_t deadline);
uint64_t eager_sleeps(void);       /* it begins to sleep ... */
void eager_slept(uint64_t since);  /* ... and has slept since eager_sleeps said that */

/* ---- park.c ---- */
/* What a new thread begins with. */
struct birth {
	struct thread *thread;
	uint64_t parameter, tls_base;
};
struct park;
void parks_after_clone(void);
/* The calling thread, which has let go of its entry, may be used again from now on; NULL: there are enough. */
struct park *park_offer(uint32_t tid);
/* Waits for that: false if nobody wanted it, and it must end. */
bool park_wait(struct park *p, struct birth *birth);
/* Has a parked thread go on as birth says; false if there is none. */
bool park_take(const struct birth *birth);

/* ---- thread.c ---- */
int slot_take(void); /* -1 = none */
void slot_give(int slot);
_Atomic uint32_t *slot_busy(int slot);
void threads_settle(void); /* before the picoprocess ends */
void slots_after_clone(int own);
struct dk_tb *slot_tb(int slot);
void thread_setup(struct dk_tb *tb, struct thread *t);
void pal_thread_first(void);
void pal_thread_child(void) __attribute__((visibility("hidden"))); /* start_x86_64.S; no function of C */
/* Frees a thread entry whose thread is gone: marks it ended, drops the thread's own reference. */
void thread_ended(struct thread *t);
void thread_unmade(struct thread *t); /* one from thread_new that was never started */
struct thread *thread_new(uint32_t process);

/* ---- wait.c ---- */
/* A wait on a waitset: where its events go, and how many came; 0: the event was signalled. */
struct set_wait {
	int fd;
	uint32_t room, count;
	struct host_epoll_event *events;
};
enum dk_status pal_wait_set(dk_handle event, struct set_wait *set, uint64_t deadline, uint32_t flags);
enum dk_status pal_wait(uint32_t count, const dk_handle *objects, uint64_t deadline, uint32_t flags, uint32_t *index);
bool pal_marked(struct thread *t); /* moves the mark; true if tb->work is set */
bool pal_aborted(void);
void waits_drop(struct thread *t); /* of a dead thread */

/* ---- process.c ---- */
void process_died(const struct mon_death *d, struct dk_death *out);
/* DkVirtualMemoryQuery's USAGE and TOTAL; room: how many out takes. */
enum dk_status process_usage(dk_handle process, bool total, struct dk_memory_usage *out, uint64_t room, uint64_t *done);

/* ---- stream.c ---- */
enum dk_status stream_fd(dk_handle h, int *fd, uint32_t *flags);
enum dk_status stream_event_fd(dk_handle h, int *fd, int16_t *events);
void stream_cache_set(const struct stream *s, int fd); /* s->number is set */
void stream_closed(struct stream *s);
extern struct mutex cache_lock;
extern struct mutex net_lock; /* net.c; taken before channel_lock */
void stream_after_clone(void);

/* ---- time.c ---- */
void time_init(uint64_t vdso);
uint64_t thread_cpu_ns(void); /* CPU time of the host thread */
uint64_t pal_now(void); /* monotonic, ns */

/* ---- misc.c ---- */
enum dk_status status_of(long host_result); /* of a negative result */
void pal_panic(const char *format, ...) PRINTF(1, 2) NORETURN;
#endif
