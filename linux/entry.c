/* SPDX-License-Identifier: MIT */
/*
 * linux/entry.c - from pico into the handlers and back.
 *
 * A system call is a look-up in the generated table and a call.  What its result
 * says about signals (an internal -ERESTART* code, a temporary signal mask) is
 * settled on the slow way out, which tb->work asks for; a call without such an
 * end takes the short way and never looks at signals.
 */
#include "linux/boot.h"
#include "linux/entry.h"
#include "linux/mm/mm.h"
#include "linux/fs/poll.h"
#include "linux/misc/cputime.h"
#include "linux/proc/proc.h"
#include "linux/proc/ptrace.h"
#include "linux/proc/remote.h"
#include "linux/sec/sec.h"
#include "linux/sig/sig.h"
#include "rt/mem.h"
#include "syscalls.gen.h"

/* Private to each picoprocess, inherited by fork: ENTRY_*; not 0: calls go the long way, as they do
   while arena_root()->tracing says that somebody traces: --trace lx, or `bailey strace` (ask.c). */
static uint32_t slow;

static inline uint32_t tracing(void)
{
	return __atomic_load_n(&arena_root()->tracing, __ATOMIC_RELAXED);
}

void entry_go_slow(uint32_t why)
{
	__atomic_or_fetch(&slow, why, __ATOMIC_RELAXED);
	memset(pico_leaf, 0, sizeof pico_leaf);
}


static void entry_trace_init(void)
{
	const char *s = pico_boot_block->trace;

	slow = 0;
	while (*s) {
		const char *end = strchr(s, ',');
		size_t len = end ? (size_t)(end - s) : strlen(s);

		if ((len == 2 && !memcmp(s, "lx", 2)) || (len == 3 && !memcmp(s, "all", 3)))
			__atomic_store_n(&arena_root()->tracing, UINT32_MAX, __ATOMIC_RELAXED);
		s += len;
		s += *s == ',';
	}
}

void entry_init(void)
{
	pico_leaf[LX_NR_getpid] = PICO_LEAF_PROCESS(struct lx_proc, vpid);
	pico_leaf[LX_NR_getppid] = PICO_LEAF_PROCESS(struct lx_proc, ppid);
	pico_leaf[LX_NR_gettid] = PICO_LEAF_THREAD(struct lx_thread, vtid);
	entry_trace_init();
}

/* A call we do not have: remembered, and said once a number when tracing is on. */
static NOINLINE long no_such_call(uint64_t nr)
{
	struct lx_state *lx = lx_state();
	uint64_t bit = 1ull << (nr % 64), old;

	if (nr / 64 >= ARRAY_LEN(lx->unimplemented))
		return -ENOSYS;
	old = atomic_fetch_or_explicit(&lx->unimplemented[nr / 64], bit, memory_order_relaxed);
	if (!(old & bit) && tracing())
		log_line(DK_LOG_INFO, "lx: system call %llu (%s) is not implemented", (unsigned long long)nr,
			nr < lx_ncalls && lx_calls[nr].name ? lx_calls[nr].name : "unknown");
	return -ENOSYS;
}

static long make_call(struct lx_thread *t, const struct dk_context *c)
{
	uint64_t nr = (uint32_t)c->orig_rax;

	return nr < lx_ncalls && lx_calls[nr].call ? lx_calls[nr].call(t, c) : no_such_call(nr);
}

static long call_watched(struct lx_thread *t, struct dk_context *c)
{
	const uint64_t args[6] = { c->rdi, c->rsi, c->rdx, c->r10, c->r8, c->r9 };
	uint64_t nr = (uint32_t)c->orig_rax;
	const struct lx_call *call = nr < lx_ncalls && lx_calls[nr].name ? &lx_calls[nr] : NULL;
	uint32_t who = tracing();
	bool trace = who == UINT32_MAX || (who && who == (uint32_t)t->proc->pid), sample = t->sample_in == 0;
	uint64_t began = sample ? cputime_begin(t) : 0;
	long result;

	if (trace)
		trace_enter(t, nr, call, args);
	if (!(slow & ENTRY_FILTER) || sec_enter(t, c, nr, args, &result))
		result = make_call(t, c); /* from the registers: a tracer may have changed them */
	while (UNLIKELY(result == -EFAULT) && (slow & ENTRY_FAULTS) && uffd_settle(t, args))
		result = make_call(t, c);
	if (trace)
		trace_leave(t, nr, call, args, result);
	if (sample && lx_current() == t) /* not a fork's child, or a borrowed thread */
		cputime_end(t, began);
	return result;
}

static NOINLINE long call_slow(struct lx_thread *t, struct dk_context *c)
{
	struct lx_thread *after;

	if (!t->tracer || ptrace_syscall_enter(t, c))
		c->rax = (uint64_t)call_watched(t, c);
	after = lx_current(); /* a child of fork */
	if (after->tracer)
		ptrace_syscall_exit(after, c);
	if (after->pt)
		pico_tb()->work = 1; /* registers may have changed: the full way out */
	return (long)c->rax;
}

void lx_dispatch_syscall(struct pico_thread *pt, struct dk_context *c)
{
	struct lx_thread *t = (struct lx_thread *)pt;
	uint64_t nr = (uint32_t)c->orig_rax;
	long result;

	if (UNLIKELY((--t->sample_in == 0) | slow | tracing()))
		result = call_slow(t, c);
	else if (LIKELY(nr < lx_ncalls && lx_calls[nr].call))
		result = lx_calls[nr].call(t, c);
	else
		result = no_such_call(nr);
	c->rax = (uint64_t)result;
	if (UNLIKELY((result <= -ERESTARTSYS && result >= -ERESTART_RESTARTBLOCK) ||
		     lx_current()->restore_sigmask))
		pico_tb()->work = 1;
}

void lx_return_to_user(struct pico_thread *pt, struct dk_context *c)
{
	struct lx_thread *t = (struct lx_thread *)pt;

	__atomic_store_n(&t->barrier_seen, atomic_load(&lx_state()->barriers), __ATOMIC_RELEASE);
	if (UNLIKELY(remote_asked(t->proc)) || UNLIKELY(t->vfork_parent != NULL))
		remote_serve(t);
	if (thread_should_exit(t))
		lx_thread_exit(t, thread_exit_code(t));
	sig_return_to_user(t, c);
}

void lx_process_start(struct pico_thread *pt)
{
	entry_init();
	sec_thread_here((struct lx_thread *)pt);
	exec_fresh((struct lx_thread *)pt);
}
