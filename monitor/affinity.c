/* SPDX-License-Identifier: MIT */
/*
 * monitor/affinity.c - a start on one CPU.
 *
 * A start is a chain of short hand-overs between the monitor and the
 * first picoprocess, with hardly two of them ready at once.  A scheduler that gives
 * each an idle CPU of its own makes every hand-over wake a sleeping CPU: 0.7 ms of
 * 3.2 on a virtual machine with two.  So both stay on one CPU.
 *
 * Before there is a first picoprocess the launcher and the monitor have work of their own, 0.2 ms
 * each, which go side by side if a CPU is idle.  The launcher stays where it begins, what it makes
 * inherits that, and the monitor comes there when it is told, which is mostly before it sleeps.
 *
 * The end of it comes before the first picoprocess has a second thread (it asks, MON_SPREAD)
 * or makes another one, before the monitor makes a thread, or after a while: then all get
 * the caller's CPUs back.
 *
 * As root the first has another user's number, so that giving its CPUs back takes
 * CAP_SYS_NICE, which the monitor keeps until then.  Without it nothing is gathered.
 */
#include <errno.h>
#include <sched.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include "monitor/monitor.h"

static cpu_set_t callers;
static uint32_t ncpus;
static uint64_t until_ns; /* 0 = not gathered */

uint32_t host_ncpus(void)
{
	if (ncpus == 0)
		ncpus = sched_getaffinity(0, sizeof callers, &callers) < 0 || CPU_COUNT(&callers) < 1 ? 1 : (uint32_t)CPU_COUNT(&callers);
	return ncpus;
}

void affinity_prepare(void)
{
	if (host_ncpus() >= 2 && (!as_root || filter_has_nice()))
		until_ns = now_ns() + MON_GATHER_NS;
}

/* A CPU that is not the caller's to use is left alone: the mask may have been changed meanwhile. */
static bool stay_on(int cpu)
{
	cpu_set_t one;

	if (!until_ns || cpu < 0 || cpu >= CPU_SETSIZE || !CPU_ISSET(cpu, &callers))
		return false;
	CPU_ZERO(&one);
	CPU_SET(cpu, &one);
	return sched_setaffinity(0, sizeof one, &one) == 0;
}

int affinity_stay(void)
{
	int cpu = sched_getcpu();

	return stay_on(cpu) ? cpu : -1;
}

void affinity_follow(int cpu)
{
	(void)stay_on(cpu);
}

bool affinity_gathered(void)
{
	return until_ns != 0;
}

void affinity_give_back(pid_t pid)
{
	if (until_ns && sched_setaffinity(pid, sizeof callers, &callers) < 0 && errno != ESRCH)
		log_line(DK_LOG_WARNING, "the program's process cannot be given its CPUs back: %s", strerror(errno));
}

void affinity_spread(void)
{
	pid_t pid;

	if (!until_ns)
		return;
	pid = sandbox_first_pid();
	if (pid > 0)
		affinity_give_back(pid);
	if (init_pid > 0)
		affinity_give_back(init_pid);
	if (launcher_pid > 0)
		affinity_give_back(launcher_pid);
	affinity_give_back(0);
	until_ns = 0;
	filter_drop_nice();
}

int affinity_timeout_ms(void)
{
	uint64_t now = until_ns ? now_ns() : 0;

	if (!until_ns)
		return -1;
	return now >= until_ns ? 0 : (int)((until_ns - now) / 1000000) + 1;
}

void affinity_tick(void)
{
	if (until_ns && now_ns() >= until_ns)
		affinity_spread();
}
