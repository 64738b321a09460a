/* SPDX-License-Identifier: MIT */
/*
 * pal/host_x86_64.h - host calls and the host's constants and structs, as far as we use
 * them.  After the filter is in, only what monitor/host_syscalls.def lists works.
 */
#ifndef PAL_HOST_X86_64_H
#define PAL_HOST_X86_64_H

#include <asm/unistd_64.h>

#include "rt/base.h"

/* Result: as the kernel's, -errno for errors. */
long host_call(long nr, uint64_t a0, uint64_t a1, uint64_t a2, uint64_t a3, uint64_t a4, uint64_t a5);
long host_wait(const volatile uint32_t *word, uint32_t expected, long nr, uint64_t a0, uint64_t a1, uint64_t a2, uint64_t a3,
	uint64_t a4, uint64_t a5);
void host_restorer(void);
extern const char host_wait_begin[], host_wait_end[], host_wait_eintr[];
extern const char pal_uaccess_begin[], pal_uaccess_end[], pal_uaccess_fixup[];
bool pal_copy32(uint64_t addr, uint32_t value);
bool pal_copy(void *to, const void *from, uint64_t size); /* false: one of them cannot be accessed */

#define HOST6(nr, a, b, c, d, e, f) \
	host_call(__NR_##nr, (uint64_t)(a), (uint64_t)(b), (uint64_t)(c), (uint64_t)(d), (uint64_t)(e), (uint64_t)(f))
#define HOST4(nr, a, b, c, d) HOST6(nr, a, b, c, d, 0, 0)
#define HOST3(nr, a, b, c)    HOST6(nr, a, b, c, 0, 0, 0)
#define HOST2(nr, a, b)       HOST6(nr, a, b, 0, 0, 0, 0)
#define HOST1(nr, a)          HOST6(nr, a, 0, 0, 0, 0, 0)
#define HOST0(nr)             HOST6(nr, 0, 0, 0, 0, 0, 0)

#define FUTEX_WAIT          0
#define FUTEX_WAKE          1
#define FUTEX_WAIT_BITSET   9
#define FUTEX_PRIVATE       128
#define CLONE_THREAD_FLAGS  0x3d0f00u  /* VM FS FILES SIGHAND THREAD SYSVSEM SETTLS PARENT_SETTID CHILD_CLEARTID */
#define CLONE_PROCESS_FLAGS 0x1208011u /* PARENT CHILD_SETTID CHILD_CLEARTID | SIGCHLD */

#define HOST_PROT_NONE  0
#define HOST_PROT_READ  1
#define HOST_PROT_WRITE 2
#define HOST_PROT_EXEC  4
#define MAP_SHARED      1
#define MAP_PRIVATE     2
#define MAP_FIXED       0x10
#define MAP_ANONYMOUS   0x20
#define MAP_NORESERVE   0x4000
#define MAP_POPULATE    0x8000
#define MAP_FIXED_NOREPLACE 0x100000
#define MREMAP_MAYMOVE  1
#define MREMAP_FIXED    2
#define MADV_DONTNEED   4
#define MADV_FREE       8
#define MADV_REMOVE     9
#define MADV_HUGEPAGE   14
#define MADV_NOHUGEPAGE 15
#define MADV_COLD       20
#define MADV_POPULATE_READ 22
#define MADV_POPULATE_WRITE 23

#define RWF_DSYNC  2
#define RWF_NOWAIT 8
#define RWF_APPEND 16

#define MSG_OOB      1
#define MSG_PEEK     2
#define MSG_CTRUNC   8
#define MSG_TRUNC    0x20
#define MSG_DONTWAIT 0x40
#define MSG_WAITALL  0x100
#define MSG_NOSIGNAL 0x4000
#define MSG_MORE     0x8000
#define SOL_SOCKET   1
#define SCM_RIGHTS   1

#define POLLIN    1
#define POLLPRI   2
#define POLLOUT   4
#define POLLERR   8
#define POLLHUP   16
#define POLLNVAL  32
#define POLLRDHUP 0x2000

enum { HOST_EPERM = 1, HOST_ENOENT = 2, HOST_ESRCH = 3, HOST_EINTR = 4, HOST_EAGAIN = 11, HOST_ENOMEM = 12, HOST_EFAULT = 14, HOST_EEXIST = 17, HOST_EINVAL = 22, HOST_ENOBUFS = 105,
	HOST_ENOSYS = 38, HOST_ETIMEDOUT = 110, HOST_EOPNOTSUPP = 95 };

struct host_timespec {
	int64_t sec, nsec;
};
struct host_iovec {
	void *base;
	uint64_t len;
};
struct host_msghdr {
	void *name;
	uint32_t namelen, pad0;
	struct host_iovec *iov;
	uint64_t iovlen;
	void *control;
	uint64_t controllen;
	uint32_t flags, pad1;
};
struct host_cmsghdr {
	uint64_t len;
	int32_t level, type;
};
struct host_stat {
	uint64_t dev, ino, nlink;
	uint32_t mode, uid, gid, pad;
	uint64_t rdev;
	int64_t size, blksize, blocks;
	struct host_timespec atime, mtime, ctime;
	int64_t unused[3];
};
struct host_pollfd {
	int32_t fd;
	int16_t events, revents;
};

struct host_epoll_event {
	uint32_t events;
	uint64_t data;
} __attribute__((packed));
enum { EPOLL_CTL_ADD = 1, EPOLL_CTL_DEL, EPOLL_CTL_MOD };
#define EPOLLEXCLUSIVE (1u << 28)
#define EPOLLONESHOT   (1u << 30)
#define EPOLLET        (1u << 31)

#define HOST_SIGILL  4
#define HOST_SIGTRAP 5
#define HOST_SIGBUS  7
#define HOST_SIGFPE  8
#define HOST_SIGSEGV 11
#define HOST_SIGPIPE 13
#define HOST_SIGURG  23
#define HOST_SIGSYS  31
#define SIGBIT(s)    (1ull << ((s)-1))
/* Faults and traps of the running instruction: never blocked, the kernel would kill. */
#define SYNC_SIGNALS \
	(SIGBIT(HOST_SIGILL) | SIGBIT(HOST_SIGTRAP) | SIGBIT(HOST_SIGBUS) | SIGBIT(HOST_SIGFPE) | SIGBIT(HOST_SIGSEGV) | SIGBIT(HOST_SIGSYS))
#define SIG_SETMASK  2

static inline void write_fs_base(uint64_t base)
{
	__asm__ volatile("wrfsbase %0" ::"r"(base) : "memory");
}
static inline void clear_alignment_check(void)
{
	__asm__ volatile("pushfq\n\tandl $~0x40000, (%%rsp)\n\tpopfq" : : : "memory", "cc");
}
static inline void write_gs_base(uint64_t base)
{
	__asm__ volatile("wrgsbase %0" ::"r"(base) : "memory");
}
static inline uint64_t read_gs_base(void)
{
	uint64_t base;

	__asm__ volatile("rdgsbase %0" : "=r"(base));
	return base;
}
#endif
