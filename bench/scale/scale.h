/* SPDX-License-Identifier: MIT */
/*
 * bench/scale/scale.h - what the files of the scale bench share.
 *
 * A group makes N of something and then times operations on one of them, or, for what is
 * done to all N, the time for each.  Each group runs in a process of its own, so it need
 * not clean up.  A group that cannot have N says so by skip().
 */
#ifndef BENCH_SCALE_H
#define BENCH_SCALE_H

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define SAMPLES 41
#define BUDGET_NS 150e6 /* of one operation's samples; at least three are taken */

struct folders {
	const char *memory, *root, *shared, *given; /* tmpfs, overlay's upper side, -v, -v's look-alike that root has already */
};
extern struct folders at;

double now(void);
/* One result: ns an operation.  The group's name goes before. */
void row(const char *name, double ns);
/* Says why the group stops here, and stops. */
void skip(const char *why) __attribute__((noreturn));
void must(int ok, const char *what);
/* Samples of one operation; the lower quartile is the result. */
void samples_begin(void);
int samples_more(void); /* false: enough */
void sample(double ns);
void samples_row(const char *name);
/* As many different numbers below n, in no order. */
int any_of(int n);

/* Times `batch` times the statements, again and again. */
#define TIME(name, batch, ...) TIME_OF(name, batch, 1, __VA_ARGS__)
/* The same of statements that do something to `count`. */
#define TIME_EACH(name, count, ...) TIME_OF(name, 1, count, __VA_ARGS__)
#define TIME_OF(name, batch, count, ...)                           \
	do {                                                       \
		samples_begin();                                   \
		while (samples_more()) {                           \
			double t0_ = now();                        \
			for (int b_ = 0; b_ < (batch); b_++) {     \
				__VA_ARGS__;                       \
			}                                          \
			sample((now() - t0_) / (batch) / (count)); \
		}                                                  \
		samples_row(name);                                 \
	} while (0)
/* Times statements that do something `count` times. */
#define EACH(name, count, ...)                                     \
	do {                                                       \
		double t0_ = now();                                \
		__VA_ARGS__;                                       \
		row(name, (now() - t0_) / (double)(count));        \
	} while (0)

void processes(int n);
void zombies(int n);
void threads(int n);
void waiters(int n);
void exit_threads(int n);
void storm(int n);
void descriptors(int n);
void epolls(int n);
void pipes(int n);
void sockets(int n);
void mappings(int n);
void shared_mappings(int n);
void entries_tmpfs(int n);
void entries_upper(int n);
void entries_shared(int n);
void entries_lower(int n);
void nested(int n);
void watches(int n);
void mounts(int n);
void locks(int n);
void timers(int n);
void signals(int n);
void sysv(int n);
void queues(int n);
void keys(int n);
void requests(int n);
void parallel(const char *name, int workers, double seconds);
void parallel_names(void);
#endif
