/* SPDX-License-Identifier: MIT */
/* nt/os/spawn.h - a further process, in a picoprocess of its own: what NtCreateUserProcess needs of linux/. */
#ifndef NT_OS_SPAWN_H
#define NT_OS_SPAWN_H

#include "nt/nt.h"

struct file;
struct nt_start;

/* A program and how it is to begin. */
struct os_spawn {
	const char *path;       /* of the sandbox */
	const char *strings;    /* argc, then envc strings, each with its 0 */
	uint32_t argc, envc;
	const char *cwd;        /* NULL: the caller's */
	struct file *std[3];    /* descriptors 0, 1, 2 of a Linux program; NULL: closed; references are taken of them */
	struct nt_start *start; /* a Windows program's beginning, taken over on success; NULL: a Linux program */
};

/*
 * Makes the process, which does not run yet: *out has one reference more than it has of itself.  STATUS_NO_MEMORY, ...: nothing is left,
 * and start is still the caller's.
 */
NTSTATUS os_spawn_make(struct os_spawn *s, struct nt_process **out) MUST_CHECK;
/* It begins to run: as a thread that is suspended, maybe.  On failure the process has ended. */
NTSTATUS os_spawn_run(struct nt_process *p) MUST_CHECK;
struct lx_thread *os_spawn_leader(struct nt_process *p);
/* The console's signals do not reach p's group any more (CREATE_NEW_PROCESS_GROUP). */
#endif
