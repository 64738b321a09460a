/* SPDX-License-Identifier: MIT */
/* monitor/run.h - what the command `bailey` needs of the monitor it becomes. */
#ifndef MONITOR_RUN_H
#define MONITOR_RUN_H

#include <stddef.h>

#define MONITOR_LOG_FD 3

/* A large static variable: those behind the small ones, so that a start touches few pages. */
#define BIG_BSS __attribute__((section(".bss.big")))

/*
 * The calling process becomes the monitor of one sandbox and ends with it.  records
 * (size bytes, written to and kept) is the spec, see monitor/spec.c.  Descriptors from 3 on are
 * closed, but for log_fd, which is MONITOR_LOG_FD, or -1 where standard error is the log.
 */
void monitor_run(char *records, size_t size, int log_fd) __attribute__((noreturn));

/* One sentence that names cause and cure, to standard error and the log; ends the command with 125. */
void fail(const char *format, ...) __attribute__((format(printf, 1, 2), noreturn));
#endif
