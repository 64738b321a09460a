/* SPDX-License-Identifier: MIT */
/*
 * linux/misc/cputime.c - CPU time, by user and system.
 *
 * The sum is the host's: clocks of threads and picoprocesses (DkObjectTimeQuery).  To a host
 * thread or picoprocess belongs a base, for the time that others used it before (vfork,
 * a spare): time = host's clock - base.
 *
 * System time is what the library OS uses, which the host counts as the program's, and what
 * the host's kernel uses.  The first is sampled: each thread times a call in about every
 * 64th, later 8192nd, by its CPU clock and counts it for all of them, so the way of
 * a call costs one decrement.  The second the host counts itself, by its ticks.  Calls that
 * go to the host are in both, so the larger one is taken; the rest is user time.
 *
 * t->sys_sampled, p->sys_ended (of ended threads) and p->user_ended (their whole time, of
 * processes that share a picoprocess) are sums in the arena, so everybody can read them.
 * What was shown once is kept (p->shown), so that neither part goes back, as in Linux.
 * So a program that asks all the time would see every bit as user time before a sample
 * can say otherwise; calls that ask therefore time themselves.
 */
#include "linux/misc/cputime.h"
#include "linux/proc/proc.h"

/* Calls from one sample to the next: ever more, so that a short program is seen and a long one not held up. */
#define SPANS    3u
#define SPAN_RUN 64u /* samples until the next span */
static const uint32_t spans[SPANS] = { 64, 512, 8192 };

static uint64_t own_clock(enum dk_clock clock)
{
	uint64_t ns = 0;

	(void)DkSystemTimeQuery(clock, &ns);
	return ns;
}

/* base may be below 0: time from before this clock began. */
static uint64_t since(uint64_t clock, int64_t base)
{
	return (int64_t)clock > base ? (uint64_t)((int64_t)clock - base) : 0;
}

uint64_t lx_cpu_time_ns(struct lx_thread *t)
{
	return since(own_clock(DK_CLOCK_THREAD_CPU), t->cpu_base);
}

static uint64_t query(dk_handle object, enum dk_object_time what)
{
	uint64_t ns = 0;

	if (object == DK_NO_HANDLE || object == HOST_GONE || DkObjectTimeQuery(object, what, &ns) != DK_OK)
		return 0;
	return ns;
}

/* ---- Samples ---- */

/* The next one after about span calls, but not every span-th: programs have rhythms of their own. */
static void sample_next(struct lx_thread *t)
{
	uint32_t span = spans[MIN(t->samples / SPAN_RUN, SPANS - 1)];

	t->sample_span = span / 2 + (uint32_t)(__builtin_ia32_rdtsc() >> 4) % span;
	t->sample_in = t->sample_span;
}

void cputime_init(struct lx_thread *t)
{
	sample_next(t);
}

uint64_t cputime_begin(struct lx_thread *t)
{
	return lx_cpu_time_ns(t);
}

void cputime_end(struct lx_thread *t, uint64_t began)
{
	uint64_t now = lx_cpu_time_ns(t);

	if (now > began) {
		/* No more than there was since the last one: a rare long call is not what the others were. */
		t->sys_sampled += MIN((now - began) * t->sample_span, now - t->sampled_at);
		t->cpu_seen = t->sampled_at = now;
	}
	t->samples++;
	sample_next(t);
}

void cputime_asked(struct lx_thread *t, uint64_t began)
{
	uint64_t now = lx_cpu_time_ns(t);

	if (t->sample_in != 0 && now > began)
		t->sys_sampled += now - began;
}

/* ---- Reading ---- */

uint64_t thread_cpu_ns(struct lx_thread *t, struct lx_thread *o)
{
	uint64_t ns = 0;

	if (o == t)
		return lx_cpu_time_ns(t);
	if (o->exiting < 2 && o->pico.thread)
		ns = query(o->pico.thread, DK_TIME_CPU);
	if (ns)
		o->cpu_seen = MAX(o->cpu_seen, since(ns, o->cpu_base));
	return o->cpu_seen;
}

/* A process that shares a picoprocess: its threads, one by one. */
static uint64_t sum_threads(struct lx_thread *t, struct lx_proc *p) REQUIRES(PROC)
{
	uint64_t ns = p->user_ended;

	LIST_FOR(o, &p->threads, struct lx_thread, sibling)
		if (o->exiting < 2)
			ns += thread_cpu_ns(t, o);
	return ns;
}

uint64_t proc_cpu_ns_locked(struct lx_thread *t, struct lx_proc *p)
{
	uint64_t ns;

	if (p->state != PROC_LIVE)
		return p->utime_ns + p->stime_ns;
	if (p->mm_borrowed)
		return MAX(sum_threads(t, p), p->shown.user + p->shown.system);
	ns = query(p->host, DK_TIME_CPU);
	if (ns)
		ns = since(ns, p->cpu_base);
	return MAX(ns, p->shown.user + p->shown.system);
}

static uint64_t system_of(struct lx_proc *p) REQUIRES(PROC)
{
	uint64_t sampled = p->sys_ended, kernel = 0;

	LIST_FOR(o, &p->threads, struct lx_thread, sibling)
		if (o->exiting < 2)
			sampled += o->sys_sampled;
	if (!p->mm_borrowed)
		kernel = query(p->host, DK_TIME_KERNEL);
	return MAX(sampled, kernel);
}

/* Splits sum; what was shown before is the least. */
static void split(uint64_t sum, uint64_t system, struct cpu_times *shown, struct cpu_times *out)
{
	system = MAX(MIN(system, sum), shown->system);
	if (sum < shown->user + system)
		system = sum > shown->user ? MAX(sum - shown->user, shown->system) : shown->system;
	shown->system = system;
	shown->user = MAX(shown->user, sum > system ? sum - system : 0);
	*out = *shown;
}

void proc_cpu_times(struct lx_thread *t, struct lx_proc *p, struct cpu_times *out)
{
	lock_take(&p->lock);
	if (p->state != PROC_LIVE)
		*out = (struct cpu_times){ p->utime_ns, p->stime_ns };
	else
		split(proc_cpu_ns_locked(t, p), system_of(p), &p->shown, out);
	lock_drop(&p->lock);
}

uint64_t proc_cpu_ns(struct lx_thread *t, struct lx_proc *p)
{
	uint64_t ns;

	lock_take(&p->lock);
	ns = proc_cpu_ns_locked(t, p);
	lock_drop(&p->lock);
	return ns;
}

void thread_cpu_times(struct lx_thread *t, struct lx_thread *o, struct cpu_times *out)
{
	uint64_t sum, kernel = 0;

	if (o->proc->nthreads == 1 && o->proc != t->proc) { /* the process's clock is to be had, the thread's not */
		proc_cpu_times(t, o->proc, out);
		return;
	}
	sum = thread_cpu_ns(t, o);
	if (o->exiting < 2 && o->proc == t->proc && !o->vfork_parent)
		kernel = query(o->pico.thread, DK_TIME_KERNEL);
	lock_take(&o->proc->lock);
	split(sum, MAX(o->sys_sampled, kernel), &o->shown, out);
	lock_drop(&o->proc->lock);
}

/* ---- Beginnings and ends ---- */

void cputime_thread_ends(struct lx_thread *t)
{
	t->cpu_seen = lx_cpu_time_ns(t);
}

void cputime_thread_exit(struct lx_thread *t)
{
	struct lx_proc *p = t->proc;

	p->sys_ended += t->sys_sampled;
	p->user_ended += t->cpu_seen;
	p->nvcsw += t->pico.waits;
	for (unsigned i = 0; i < ARRAY_LEN(t->io); i++)
		p->io_ended[i] += t->io[i];
}

void cputime_proc_exit(struct lx_thread *t, struct lx_proc *p)
{
	struct cpu_times times;

	proc_cpu_times(t, p, &times);
	p->utime_ns = times.user;
	p->stime_ns = times.system;
}

void cputime_lent(struct lx_thread *child)
{
	child->cpu_base = (int64_t)own_clock(DK_CLOCK_THREAD_CPU);
}

void cputime_returned(struct lx_thread *child, struct lx_thread *parent)
{
	uint64_t used = lx_cpu_time_ns(child);

	child->cpu_seen = child->sampled_at = used;
	child->cpu_base = 0;
	parent->cpu_base += (int64_t)used;
	parent->proc->cpu_base += (int64_t)used;
	child->proc->user_ended = used; /* before the program it becomes, if it does */
}

/* What the process used as a vfork child counts on; what the spare used before does not. */
void cputime_fresh(struct lx_proc *p)
{
	int64_t before = (int64_t)p->user_ended;

	p->user_ended = 0;
	p->cpu_base = (int64_t)own_clock(DK_CLOCK_PROCESS_CPU) - before;
	p->leader->cpu_base = (int64_t)own_clock(DK_CLOCK_THREAD_CPU) - before;
}
