/* SPDX-License-Identifier: MIT */
/*
 * cli/sandboxes.h - running sandboxes as the commands ps, top, lsof, core and strace see them.
 *
 * What a monitor says of itself and of host processes is believed; what comes from inside is
 * hostile: it is parsed with bounds and printed by put_safe alone.
 */
#ifndef CLI_SANDBOXES_H
#define CLI_SANDBOXES_H

#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/types.h>
#include <time.h>

#include "monitor/control.h"

struct sandbox {
	pid_t pid;       /* of its monitor: how it is named */
	uid_t uid;
	time_t started;
	char name[128], program[256];
	char folder[300];
};
/* All that run and are the caller's, as root everybody's; to be freed. */
struct sandbox *sandboxes_find(unsigned *count);
/* The one that a user means, by pid or name; fails with a sentence.  Never freed. */
const struct sandbox *sandbox_named(const char *text);
/* Sends a question: the connection, or -1 and errno. */
int sandbox_ask(const struct sandbox *s, enum control_op op, uint32_t pid);
/* The next answer but END; text (CONTROL_TEXT_MAX + 1 bytes) gets a NUL.  False: that was all, or fails
   with the sandbox's sentence; if quiet it does not fail. */
bool sandbox_answer(int fd, struct control_answer *a, char *text, bool quiet);

/* A guest process. */
struct guest {
	int pid, ppid;
	unsigned uid, threads;
	char state;
	pid_t host;                /* the host process it lives in, 0 = not known */
	unsigned long long rss_kb, stack_start;
	unsigned long long cpu_ms; /* of the host process */
	char comm[20], command[200];
};
/* All of a sandbox (or only pid), to be freed; NULL with count 0 and errno if it does not answer. */
struct guest *guests_of(const struct sandbox *s, uint32_t pid, unsigned *count, bool quiet);

/* The threads of one; to be freed. */
struct guest_thread {
	int tid;
	unsigned long long object; /* address of the library OS's object of it */
};
struct guest_thread *threads_of(const struct sandbox *s, uint32_t pid, unsigned *count);

/* Field nr of the host's /proc/PID/stat behind the name, counted from 0 = state; 0 if the process is gone. */
unsigned long long host_stat(pid_t pid, unsigned nr);

/* Prints text to a terminal: anything but printable ASCII as \ooo. */
void put_safe(FILE *out, const char *text, size_t len);
/* A decimal number in [1, max]; fails with a sentence that names what. */
unsigned long number_of(const char *what, const char *text, unsigned long max);

#endif
