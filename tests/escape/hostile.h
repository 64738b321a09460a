/* SPDX-License-Identifier: MIT */
/* tests/escape/hostile.h - what the files of the Linux attacker share. */
#ifndef HOSTILE_H
#define HOSTILE_H
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "raw.h"

/* Shared by parent and children: what a dead child had reached. */
struct shared_page {
	volatile int progress, returned, wrong, entered, came_back, found, outlived;
	volatile long result;
	volatile uint64_t number;
};
extern struct shared_page *page;

typedef long host_fn(long nr, uint64_t, uint64_t, uint64_t, uint64_t, uint64_t, uint64_t);
extern host_fn *host_call; /* pal's own, found by its symbol */

/*
 * How long to wait for what must happen: long, since a machine under load runs a process
 * seldom; only a bug makes a test wait for its end.
 */
#define PATIENCE_MS 60000

int wait_child(pid_t pid, long ms);
long now_ms(void);
int attack_main(int argc, char **argv); /* attack.c */
int modes(void);                        /* modes.c */
#endif
