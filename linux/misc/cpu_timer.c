/* SPDX-License-Identifier: MIT */
/*
 * linux/misc/cpu_timer.c - what happens at a CPU time: ITIMER_VIRTUAL and PROF, POSIX
 * timers on CPU clocks, RLIMIT_CPU.
 *
 * A timer of kproc's queue stands in for all of a process's: it fires at the earliest time
 * the CPU time can be used up, marks p->cpu_check, and a thread of the process looks at the
 * clocks on its way out to the guest (cpu_timers_check), does what is due and arms again.  A
 * process that sleeps is looked at ever more rarely.
 */
#include "linux/misc/cputime.h"
#include "linux/misc/timer.h"
#include "linux/proc/proc.h"
#include "linux/sig/internal.h"

#define CHECK_MIN_NS 1000000u
#define PAUSE_MAX_NS 1000000000u
#define SECOND       1000000000ull

struct cpu_timers {
	struct lx_timer tm;       /* first */
	uint64_t last_cpu, pause; /* of the last look */
};

uint64_t cpu_timer_now(struct lx_thread *t, bool user)
{
	struct cpu_times now;

	proc_cpu_times(t, t->proc, &now);
	return user ? now.user : now.user + now.system;
}

static struct cpu_timers *timers_of(struct lx_proc *p)
{
	struct cpu_timers *c = p->cpu_timers, *new;

	if (c)
		return c;
	new = arena_alloc(sizeof *new);
	if (!new)
		return NULL;
	timer_init(&new->tm, TIMER_CPU, p);
	lock_take(&p->lock);
	c = p->cpu_timers;
	if (!c) {
		p->cpu_timers = c = new;
		new = NULL;
	}
	lock_drop(&p->lock);
	arena_free(new);
	return c;
}

void cpu_timers_ask(struct lx_proc *p)
{
	atomic_store(&p->cpu_check, 1);
	if (p->leader && p->state == PROC_LIVE)
		signal_interrupt(p->nthreads == 1 || list_empty(&p->threads) ? p->leader :
			LIST_FIRST(&p->threads, struct lx_thread, sibling));
}

void cpu_timer_fired(struct lx_timer *tm)
{
	struct lx_proc *p = tm->owner;

	lock_take(&p->lock);
	cpu_timers_ask(p);
	lock_drop(&p->lock);
}

void cpu_timers_exit(struct lx_proc *p)
{
	struct cpu_timers *c = p->cpu_timers;

	if (!c)
		return;
	timer_disarm(&c->tm);
	p->cpu_timers = NULL;
	arena_free(c);
}

/* True if it expired; then it is armed again by its interval. */
static bool expired(uint64_t timer[2], uint64_t used)
{
	if (!timer[0] || used < timer[0])
		return false;
	timer[0] = timer[1] ? used + timer[1] : 0;
	return true;
}

/* Seconds of a limit, in ns; UINT64_MAX: none. */
static uint64_t limit_ns(uint64_t seconds)
{
	return seconds > UINT64_MAX / SECOND - 1 ? UINT64_MAX : seconds * SECOND;
}

static uint64_t left_of(uint64_t expires, uint64_t used)
{
	return expires > used ? expires - used : 0;
}

/* CPU time until something is due. */
static uint64_t left(struct lx_thread *t, const struct cpu_times *now)
{
	const struct lx_proc *p = t->proc;
	const struct rlimit64 *r = &p->rlim[RLIMIT_CPU];
	uint64_t used = now->user + now->system, least = posix_cpu_left(t);
	uint64_t limit = MIN(limit_ns(r->rlim_cur), limit_ns(r->rlim_max));

	if (p->itimer_virtual[0])
		least = MIN(least, left_of(p->itimer_virtual[0], now->user));
	if (p->itimer_prof[0])
		least = MIN(least, left_of(p->itimer_prof[0], used));
	return limit == UINT64_MAX ? least : MIN(least, left_of(limit, used));
}

/* A process that used nothing since the last look is left alone twice as long. */
static void arm(struct lx_thread *t, const struct cpu_times *now, bool looked)
{
	uint64_t used = now->user + now->system, wait = left(t, now);
	uint32_t running = MIN(t->proc->nthreads, lx_state()->ncpus);
	struct cpu_timers *c = wait == UINT64_MAX ? NULL : timers_of(t->proc);

	if (!c)
		return;
	wait = MAX(wait / MAX(1u, running), CHECK_MIN_NS);
	c->pause = looked && used - c->last_cpu < CHECK_MIN_NS ? MIN(c->pause * 2 + CHECK_MIN_NS, PAUSE_MAX_NS) : 0;
	c->last_cpu = used;
	timer_arm(&c->tm, pico_now() + MAX(wait, c->pause), 0);
}

void cpu_timers_arm(struct lx_thread *t)
{
	struct cpu_times now;

	proc_cpu_times(t, t->proc, &now);
	arm(t, &now, false);
}

/* SIGXCPU each second from the soft limit on, SIGKILL at the hard one (setrlimit(2)). */
static void check_limit(struct lx_proc *p, uint64_t used)
{
	struct rlimit64 *r = &p->rlim[RLIMIT_CPU];
	int sig = 0;

	lock_take(&p->lock);
	if (used >= limit_ns(r->rlim_max)) {
		sig = SIGKILL;
	} else if (used >= limit_ns(r->rlim_cur)) {
		r->rlim_cur++;
		sig = SIGXCPU;
	}
	lock_drop(&p->lock);
	if (sig)
		(void)signal_proc(p, sig, NULL);
}

void cpu_timers_check(struct lx_thread *t)
{
	struct lx_proc *p = t->proc;
	struct cpu_times now;

	proc_cpu_times(t, p, &now);
	if (expired(p->itimer_virtual, now.user))
		(void)signal_proc(p, SIGVTALRM, NULL);
	if (expired(p->itimer_prof, now.user + now.system))
		(void)signal_proc(p, SIGPROF, NULL);
	check_limit(p, now.user + now.system);
	posix_cpu_expire(t);
	arm(t, &now, true);
}
