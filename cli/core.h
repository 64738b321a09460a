/* SPDX-License-Identifier: MIT */
/* cli/core.h - between core.c, which writes the file, and core_threads.c, which stops and reads the process. */
#ifndef CLI_CORE_H
#define CLI_CORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/user.h>

#define CORE_XSAVE_MAX 16384

struct core_thread {
	pid_t tid;                 /* of the host */
	uint64_t object;           /* address of the library OS's thread object */
	struct user_regs_struct regs; /* the guest's */
	size_t fp_size, xsave_size;
	unsigned char fp[sizeof(struct user_fpregs_struct)], xsave[CORE_XSAVE_MAX];
};
struct core_target {
	pid_t pid;
	int mem;                   /* /proc/PID/mem */
	struct core_thread *threads;
	unsigned count;
};
/* Stops all threads of t->pid and reads their registers; fails with a sentence. */
void core_stop(struct core_target *t);
void core_go_on(struct core_target *t);
/* Up to size bytes of the stopped process at address; how many. */
size_t core_read(const struct core_target *t, uint64_t address, void *to, size_t size);

#endif
