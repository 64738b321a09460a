/* SPDX-License-Identifier: MIT */
/*
 * linux/uapi.h - Linux's numbers and structs, from the kernel's own user headers
 * (Debian's linux-libc-dev), which need no libc.  Our folder and theirs are both
 * called linux/: ours is found by "quotes" (-iquote), theirs by <brackets>.
 *
 * Kernel headers leave out a few things that libc defines; those are at the end.
 */
#ifndef LINUX_UAPI_H
#define LINUX_UAPI_H

#include <asm/unistd.h>
#include <asm/errno.h>
#include <asm/fcntl.h>
#include <asm/ioctls.h>
#include <asm/mman.h>
#include <asm/poll.h>
#include <asm/posix_types.h>
#include <asm/prctl.h>
#include <asm/resource.h>
#include <asm/sigcontext.h>
#include <asm/siginfo.h>
#include <asm/signal.h>
#include <asm/stat.h>
#include <asm/statfs.h>
#include <asm/termbits.h>
#include <asm/termios.h>
#include <asm/ucontext.h>
#include <linux/auxvec.h>
#include <linux/elf.h>
#include <linux/elf-em.h>
#include <linux/eventpoll.h>
#include <linux/falloc.h>
#include <linux/fs.h>
#include <linux/futex.h>
#include <linux/limits.h>
#include <linux/memfd.h>
#include <linux/mman.h>
#include <linux/openat2.h>
#include <linux/personality.h>
#include <linux/prctl.h>
#include <linux/resource.h>
#include <linux/sched.h>
#include <linux/stat.h>
#include <linux/time.h>
#include <linux/times.h>
#include <linux/types.h>
#include <linux/uio.h>
#include <linux/utsname.h>
#include <linux/wait.h>

/* Internal results that never reach a guest: what the way out does about a signal. */
#define ERESTARTSYS           512 /* restart if SA_RESTART, else EINTR */
#define ERESTARTNOINTR        513 /* always restart */
#define ERESTARTNOHAND        514 /* restart if no handler ran, else EINTR */
#define ERESTART_RESTARTBLOCK 516 /* restart by restart_syscall with t->restart */

#define LX_NSIG 64

struct lx_dirent64 {
	uint64_t d_ino;
	int64_t d_off;
	uint16_t d_reclen;
	uint8_t d_type;
	char d_name[];
} __attribute__((packed));

#endif
