/* SPDX-License-Identifier: MIT */
/* linux/proc/wait.h - what wait.c and ptrace_wait.c share. */
#ifndef LINUX_PROC_WAIT_H
#define LINUX_PROC_WAIT_H

#include "linux/linux.h"

struct wait_spec {
	enum { WAIT_ALL, WAIT_PID, WAIT_GROUP } which;
	int id;
	uint32_t options; /* WEXITED, WSTOPPED, WCONTINUED, WNOWAIT, WNOHANG, __W* */
};
struct wait_result {
	int pid;
	uint32_t uid;
	uint32_t status; /* as wait4's */
	int why, detail; /* si_code and si_status */
	struct rusage usage;
	struct lx_proc *reaped; /* a reference is the caller's to put */
};

/* Fills r with what wait4 (status) and waitid (why, detail) say of a thread of p, or of p (tid 0). */
void wait_fill(struct lx_proc *p, int tid, struct wait_result *r, uint32_t status, int why, int detail) REQUIRES(TASKLIST);
void wait_fill_end(struct lx_proc *p, int tid, struct wait_result *r, uint32_t code) REQUIRES(TASKLIST);
/* The tracees of t, or of all threads of its process.  1: found, 0: none is ready, -ECHILD: none is meant. */
int ptrace_wait_look(struct lx_thread *t, const struct wait_spec *w, struct wait_result *r) REQUIRES(TASKLIST);
#endif
