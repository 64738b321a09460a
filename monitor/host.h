/* SPDX-License-Identifier: MIT */
/*
 * monitor/host.h - host calls that a small libc may lack.
 *
 * The monitor is linked with musl where there is one: glibc's start costs 180 us
 * more (it asks the CPU a hundred questions, which a virtual machine traps), and
 * its pages more memory a sandbox.
 */
#ifndef MONITOR_HOST_H
#define MONITOR_HOST_H

#include <stdint.h>
#include <sys/stat.h>
#include <linux/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

/* What getdents64 writes. */
struct linux_dirent64 {
	uint64_t d_ino;
	int64_t d_off;
	unsigned short d_reclen;
	unsigned char d_type;
	char d_name[];
};

#define STATX_WANTED (STATX_BASIC_STATS | STATX_BTIME)

static inline int host_statx(int dirfd, const char *path, int flags, struct statx *out)
{
	return (int)syscall(SYS_statx, dirfd, path, flags, STATX_WANTED, out);
}

static inline ssize_t host_preadv2(int fd, const struct iovec *v, int count, long offset, int flags)
{
	return syscall(SYS_preadv2, fd, v, count, offset, 0, flags);
}
#endif
