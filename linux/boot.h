/* SPDX-License-Identifier: MIT */
/*
 * linux/boot.h - what the first picoprocess does at start, and what each part of the
 * personality gives it.  Order: vfs_boot, timer_boot, futex_boot, ipc_boot, tty_boot, unix_boot,
 * sig_boot.  boot.c has weak empty ones: a part that needs nothing leaves its out.
 */
#ifndef LINUX_BOOT_H
#define LINUX_BOOT_H

#include "linux/linux.h"

/* fs/vfs.h has vfs_boot, misc/timer.h timer_boot. */
void ipc_boot(void);
void tty_boot(void);
void unix_boot(void);
void sig_boot(void);
void outside_boot(const struct dk_boot *boot); /* net/outside_conf.c; before vfs_boot */
const char *outside_resolv_conf(void); /* /etc/resolv.conf; NULL: the root's */

/* Settings (abi/monitor.h): the value of the i-th record "key=...", or NULL. */
const char *config_get(const struct dk_boot *boot, const char *key, unsigned i);
/* The next value of key behind the value `after`, NULL: the first; or NULL. */
const char *config_next(const struct dk_boot *boot, const char *key, const char *after);

/* The end of a process, called by its last thread, or by kproc for one that died at the host; no lock held.
   fs/tty.h has tty_session_end, misc/timer.h itimers_exit. */
void ipc_exit(struct lx_proc *p);   /* semaphore undo, message queue notices */

/* Says the numbers that --stats wants and ends this picoprocess, kproc or the first while it is
   alone, and the sandbox with it.  code: as wait4 gives it. */
void end_sandbox(uint32_t code) NORETURN;
/* kproc.c: kproc's work, run by its thread with no lock held. */
void kproc_reap_deaths(void);
/* kproc has waited long for l: panics if its holder is among the dead that nobody has buried yet. */
void kproc_lock_stalled(const struct lock *l);

#endif
