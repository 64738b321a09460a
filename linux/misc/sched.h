/* SPDX-License-Identifier: MIT */
/* linux/misc/sched.h - what is kept of a thread's scheduling, between sched.c, nice.c and sched_attr.c. */
#ifndef LINUX_MISC_SCHED_H
#define LINUX_MISC_SCHED_H

#include "linux/linux.h"

#define NICE_MIN (-20)
#define NICE_MAX 19

/* The thread a pid argument means (0 = the caller); NULL: none. */
struct lx_thread *sched_target(struct lx_thread *t, int pid) REQUIRES(TASKLIST);
bool sched_may_change(struct lx_thread *t, const struct lx_thread *o);
/* A thread's policy; policy < 0 keeps it.  0, -EINVAL, -ESRCH, -EPERM. */
long sched_set_policy(struct lx_thread *t, int pid, int policy, int priority, bool reset);

struct sched_state {
	int policy, priority, nice, reset;
	uint64_t dl[3];
};
long sched_get_policy(struct lx_thread *t, int pid, struct sched_state *out);

/* getpriority and setpriority: which and who as there; best is the answer, err 0 or -errno. */
struct nice_scan {
	int which, who, best, value;
	bool set;
	long err;
};
void nice_scan(struct lx_thread *t, struct nice_scan *s);
/* The number of the CPU that the caller runs on. */
uint32_t cpu_here(void);
bool cpus_few(const struct lx_thread *t); /* it may not use all there are */
#endif
