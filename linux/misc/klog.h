/* SPDX-License-Identifier: MIT */
/*
 * linux/misc/klog.h - the sandbox's kernel log: what dmesg shows.
 *
 * A record is one line with a sequence number, a time (ns since the sandbox's start),
 * a level and a facility.  Whoever prints may hold any lock above KLOG; printing never
 * waits and never fails visibly (without memory the line is lost).
 */
#ifndef LINUX_MISC_KLOG_H
#define LINUX_MISC_KLOG_H

#include "linux/linux.h"

#define KLOG_LINE_MAX 976u /* bytes of text a record keeps */

enum klog_level { KLOG_EMERG, KLOG_ALERT, KLOG_CRIT, KLOG_ERR, KLOG_WARNING, KLOG_NOTICE, KLOG_INFO, KLOG_DEBUG };

struct klog_line {
	uint64_t seq, time_ns;
	uint32_t level, facility; /* facility: 0 = kernel, 1 = user ... */
	uint32_t len;
	char text[KLOG_LINE_MAX + 1];
};

void klog_print(enum klog_level level, const char *format, ...) PRINTF(2, 3);
/* From a guest: its own level and facility. */
void klog_write(uint32_t level, uint32_t facility, const char *text, size_t len);
/* Not more than 10 lines of this kind in 5 seconds: true, print it. */
bool klog_may_print(void);
/* The record seq, or the first later one that is still there; false: there is none yet. */
bool klog_read(uint64_t seq, struct klog_line *out);
/* Sequence numbers: of the oldest record, of the next one to come, of the first one since the log was cleared. */
uint64_t klog_first(void);
uint64_t klog_next(void);
uint64_t klog_cleared(void);
struct waitq *klog_waitq(void); /* woken by each record; NULL: no memory */
/* Whether t may read (all: the whole log, which dmesg_restrict is about; else what only CAP_SYSLOG may). */
bool klog_allowed(struct lx_thread *t, bool all);
/* syslog(2) READ and what /proc/kmsg gives: from where the last such read ended; waits unless nonblock. */
long klog_syslog_read(struct gva buf, size_t size, bool nonblock);
#endif
