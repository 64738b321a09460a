/* SPDX-License-Identifier: MIT */
/* linux/misc/release.h - what uname and /proc say of the kernel. */
#ifndef LINUX_MISC_RELEASE_H
#define LINUX_MISC_RELEASE_H

#define LX_RELEASE "6.12.0-bailey"
#define LX_VERSION "#1 SMP PREEMPT_DYNAMIC Bailey"

#endif
