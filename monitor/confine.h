/* SPDX-License-Identifier: MIT */
/*
 * monitor/confine.h - the launcher's steps into the sandbox (confine.c), and how it says that
 * one failed.  For the launcher and init only, before any picoprocess is made.
 */
#ifndef MONITOR_CONFINE_H
#define MONITOR_CONFINE_H

#include <errno.h>
#include <stdint.h>
#include <sys/types.h>
#include <unistd.h>

/* A struct launch_answer to the monitor; err with a text that says what failed. */
void launcher_say(uint64_t pico, int pid, int err, const char *format, ...);

#define GIVE_UP(...)                                                                                 \
	do {                                                                                          \
		launcher_say(0, 0, errno ? errno : EINVAL, __VA_ARGS__);                              \
		_exit(1);                                                                             \
	} while (0)

void confine_write(const char *path, const char *text);
/* setrlimit; where the hard limit is lower already, as far as that allows. */
void confine_limit(int which, uint64_t soft, uint64_t hard);
void confine_limits(void);
void confine_user(pid_t parent); /* as root: another user's number, made of the monitor's pid */
void confine_namespaces(void);   /* all but the pid one, which is for who is made next */
void confine_root(void);
void confine_old_root(void);   /* init: takes the old root off; comes back an RCU grace period later */
void confine_await_root(void); /* launcher: until that has happened, which no path then leads to any more */
void confine_capabilities(void);
void confine_paths(int pal); /* Landlock: pal's file may be read and executed, and nothing else */

#endif
