/* SPDX-License-Identifier: MIT */
/*
 * monitor/filter.c - what the monitor gives up before the first guest instruction.
 *
 * Whoever took the monitor over by a forged request should not own the user's
 * account with it.  Three locks, from the outside in: as root, all capabilities but
 * those for files and for ending its own children (and CAP_SYS_NICE for the first 20 ms, affinity.c); Landlock, so that no path
 * outside the writable mounts can be changed, whatever call is used; a filter with
 * the calls the loop and the workers make, which starts no program, makes no
 * socket but a pair, traces nobody, and maps nothing executable.
 *
 * The filter finds a number's bit in words of 32, and tests the few calls whose arguments
 * matter before that: a third of the instructions of a tree, each of which the kernel
 * compiles when the filter is loaded.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/landlock.h>
#include <linux/seccomp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "monitor/monitor.h"
#include "monitor/net_relay.h"

/* ---- capabilities ---- */

bool filter_has_nice(void)
{
	struct __user_cap_header_struct h = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct d[2];

	return syscall(SYS_capget, &h, d) == 0 && (d[CAP_SYS_NICE / 32].effective & 1u << CAP_SYS_NICE % 32);
}

static void drop_capabilities(bool nice)
{
	static const uint8_t kept[] = { CAP_CHOWN, CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH, CAP_FOWNER, CAP_FSETID, CAP_KILL, CAP_SETUID,
		CAP_SETGID, CAP_SYS_NICE };
	struct __user_cap_header_struct h = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct d[2];

	if (syscall(SYS_capget, &h, d) < 0)
		fail("cannot read the capabilities: %s", strerror(errno));
	for (unsigned i = 0; i < 2; i++) {
		uint32_t mask = 0;

		for (unsigned k = 0; k < ARRAY_LEN(kept) - !nice; k++)
			if (kept[k] / 32 == i)
				mask |= 1u << kept[k] % 32;
		d[i].permitted &= mask;
		d[i].effective = d[i].permitted;
		d[i].inheritable = 0;
	}
	if (syscall(SYS_capset, &h, d) < 0)
		fail("cannot drop capabilities: %s", strerror(errno));
}

void filter_drop_nice(void)
{
	if (as_root)
		drop_capabilities(false);
}

/* ---- paths ---- */

#define FS_READ   (1u | 4u | 8u)     /* EXECUTE, READ_FILE, READ_DIR */
#define FS_REMOVE (16u | 32u)        /* REMOVE_DIR, REMOVE_FILE */
#define FS_WRITE  (2u | FS_REMOVE | 128u | 256u | 512u | 1024u | 4096u) /* folders, files, sockets, pipes, links; no devices */
#define FS_REFER    8192u
#define FS_TRUNCATE 16384u

static int ruleset = -1;
static uint64_t handled;

void filter_allow_path(int fd, bool write)
{
	struct landlock_path_beneath_attr a = { .parent_fd = fd };
	struct stat st;

	if (ruleset < 0)
		return;
	a.allowed_access = (FS_READ | (write ? FS_WRITE | FS_REFER | FS_TRUNCATE : 0)) & handled;
	if (fstat(fd, &st) == 0 && !S_ISDIR(st.st_mode))
		a.allowed_access &= 1u | 2u | 4u | FS_TRUNCATE;
	if (syscall(SYS_landlock_add_rule, ruleset, 1 /* PATH_BENEATH */, &a, 0) < 0)
		fail("cannot set the monitor's Landlock rules: %s", strerror(errno));
}

static void allow_named(const char *path, uint64_t rights)
{
	struct landlock_path_beneath_attr a = { .parent_fd = open(path, O_PATH | O_CLOEXEC), .allowed_access = rights & handled };

	if (a.parent_fd < 0)
		return;
	syscall(SYS_landlock_add_rule, ruleset, 1, &a, 0);
	close(a.parent_fd);
}

static void lock_paths(void)
{
	long abi = syscall(SYS_landlock_create_ruleset, NULL, 0, 1 /* VERSION */);
	char parent[PATH_MAX];

	if (abi <= 0)
		return;
	handled = abi >= 3 ? 0x7fff : abi == 2 ? 0x3fff : 0x1fff;
	ruleset = (int)syscall(SYS_landlock_create_ruleset, &handled, sizeof handled, 0);
	if (ruleset < 0)
		fail("cannot make the monitor's Landlock rules: %s", strerror(errno));
	policy_each_mount(filter_allow_path);
	allow_named("/proc", FS_READ);
	allow_named("/dev/null", 2 | 4);
	state_allow(filter_allow_path);
	for (unsigned i = 0; cgroup_path(i); i++) {
		strcpy(parent, cgroup_path(i));
		*strrchr(parent, '/') = 0;
		allow_named(parent, FS_REMOVE);
	}
	if (syscall(SYS_landlock_restrict_self, ruleset, 0) < 0)
		fail("cannot set the monitor's Landlock rules: %s", strerror(errno));
	close(ruleset);
	ruleset = -1;
}

/* ---- calls ---- */

/* Low 32 bits of an argument, masked, must be one of the values. */
static struct check {
	short nr;
	uint8_t arg, count;
	uint32_t mask;
	uint32_t values[10];
} checks[] = {
	/* the socket of control.c: a number that filter_install puts in; where there is a network, without the first two */
	{ SYS_accept4, 0, 1, ~0u, { ~0u } },
	{ SYS_getsockopt, 2, 1, ~0u, { SO_PEERCRED } },
	{ SYS_bind, 0, 1, ~0u, { ~0u } },
	{ SYS_listen, 0, 1, ~0u, { ~0u } },
	{ SYS_mmap, 2, 1, 4 /* PROT_EXEC */, { 0 } },
	{ SYS_mprotect, 2, 1, 4, { 0 } },
	{ SYS_clone, 0, 1, 0x10000 /* CLONE_THREAD */, { 0x10000 } },
	{ SYS_socketpair, 0, 1, ~0u, { AF_UNIX } },
	{ SYS_mknodat, 2, 1, S_IFMT, { S_IFIFO } },
	{ SYS_ioctl, 1, 10, ~0u, { 0x5401 /* TCGETS */, 0x802c542a /* TCGETS2 */, 0x402c542b, 0x402c542c, 0x402c542d /* TCSETS*2 */,
		0x540b /* TCFLSH */, 0x5413 /* TIOCGWINSZ */, 0x5414 /* TIOCSWINSZ */, 0x541b /* FIONREAD */, 0x5411 /* SIOCOUTQ */ } },
};

static const short allowed[] = {
	/* the loop */
	SYS_epoll_wait, SYS_epoll_pwait, SYS_epoll_ctl, SYS_epoll_create1, SYS_recvmsg, SYS_sendmsg, SYS_recvfrom, SYS_sendto,
	SYS_write, SYS_writev, SYS_poll, SYS_ppoll, SYS_wait4, SYS_waitid, SYS_kill, SYS_setsockopt, SYS_shutdown, SYS_clock_gettime, SYS_getpid,
	SYS_nanosleep, SYS_clock_nanosleep, SYS_exit_group, SYS_restart_syscall, SYS_rt_sigreturn, SYS_rt_sigprocmask,
	/* memory and threads */
	SYS_brk, SYS_munmap, SYS_mremap, SYS_madvise, SYS_futex, SYS_set_robust_list, SYS_rseq, SYS_exit, SYS_gettid, SYS_sched_yield,
	SYS_getrandom, SYS_sched_getaffinity,
	/* descriptors */
	SYS_close, SYS_fcntl, SYS_fstat, SYS_newfstatat, SYS_lseek, SYS_eventfd2, SYS_pread64, SYS_preadv2, SYS_ftruncate, SYS_fallocate, SYS_fsync,
	SYS_fdatasync, SYS_syncfs, SYS_fstatfs, SYS_getdents64, SYS_memfd_create, SYS_flock,
	/* names, below the mounts' descriptors */
	SYS_openat2, SYS_openat, SYS_open, SYS_statx, SYS_faccessat, SYS_faccessat2, SYS_readlinkat, SYS_readlink, SYS_mkdirat, SYS_symlinkat, SYS_linkat,
	SYS_unlinkat, SYS_renameat2, SYS_utimensat, SYS_fchownat, SYS_chmod, SYS_fchmodat, SYS_getxattr, SYS_setxattr, SYS_listxattr, SYS_removexattr,
	SYS_rmdir, SYS_setfsuid, SYS_setfsgid,
	/* keep.c; a watch needs the right to read, and tells of names at most */
	SYS_inotify_init1, SYS_inotify_add_watch, SYS_inotify_rm_watch,
	/* the end of the start on one CPU; capabilities can only be dropped */
	SYS_sched_setaffinity, SYS_capget, SYS_capset,
	SYS_read, /* 0, the last of each list */
};

/* Where there is a network. */
#define NET_CHECKS 2u /* are left out then */
static const short allowed_net[] = { SYS_accept4, SYS_getsockopt, SYS_getsockname, SYS_getpeername, SYS_read };

/* The helper that makes sockets (net_helper.c): sockets of IP, streams and datagrams, and no files. */
static const struct check helper_checks[] = {
	{ SYS_socket, 0, 2, ~0u, { AF_INET, AF_INET6 } },
	{ SYS_mmap, 2, 1, 4 /* PROT_EXEC */, { 0 } },
	{ SYS_mprotect, 2, 1, 4, { 0 } },
};
static const short helper_allowed[] = {
	SYS_bind, SYS_connect, SYS_listen, SYS_getsockname, SYS_setsockopt, SYS_sendmsg, SYS_recvmsg, SYS_sendto, SYS_recvfrom, SYS_poll, SYS_ppoll,
	SYS_close, SYS_clock_gettime, SYS_getrandom, SYS_exit_group, SYS_exit, SYS_brk, SYS_munmap, SYS_mremap, SYS_madvise, SYS_restart_syscall,
	SYS_rt_sigreturn, SYS_rt_sigprocmask, SYS_futex, SYS_read,
};

/* The relay (net_relay.c): sockets that it is given, and one file. */
static const struct check relay_checks[] = {
	{ SYS_writev, 0, 1, ~0u, { RELAY_FILE_FD } },
	{ SYS_ftruncate, 0, 1, ~0u, { RELAY_FILE_FD } },
	{ SYS_setsockopt, 2, 1, ~0u, { SO_LINGER } },
	{ SYS_getsockopt, 2, 1, ~0u, { SO_ERROR } },
	{ SYS_ioctl, 1, 2, ~0u, { 0x541b /* FIONREAD */, 0x8905 /* SIOCATMARK */ } },
	{ SYS_mmap, 2, 1, 4 /* PROT_EXEC */, { 0 } },
	{ SYS_mprotect, 2, 1, 4, { 0 } },
};
static const short relay_allowed[] = {
	SYS_recvmsg, SYS_recvfrom, SYS_sendto, SYS_shutdown, SYS_getpeername, SYS_epoll_wait, SYS_epoll_pwait, SYS_epoll_ctl, SYS_close, SYS_clock_gettime,
	SYS_exit_group, SYS_exit, SYS_brk, SYS_munmap, SYS_mremap, SYS_madvise, SYS_restart_syscall, SYS_rt_sigreturn, SYS_rt_sigprocmask, SYS_futex,
	SYS_read,
};

static struct sock_filter code[192] BIG_BSS;
static unsigned length;

static void emit(struct sock_filter f)
{
	if (length < ARRAY_LEN(code))
		code[length] = f;
	length++;
}

#define STMT(c, k)          emit((struct sock_filter)BPF_STMT(c, k))
#define JUMP(c, k, yes, no) emit((struct sock_filter)BPF_JUMP(c, k, yes, no))

#define ERRNO(e) STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (e))

/* The number in the accumulator: if it is this one, its argument decides, else it is there again. */
static void emit_check(const struct check *c)
{
	unsigned skip = c->count + 3 + (c->mask != ~0u);

	JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)c->nr, 0, (uint8_t)skip);
	STMT(BPF_LD | BPF_W | BPF_ABS, (uint32_t)offsetof(struct seccomp_data, args[c->arg]));
	if (c->mask != ~0u)
		STMT(BPF_ALU | BPF_AND | BPF_K, c->mask);
	for (unsigned i = 0; i < c->count; i++)
		JUMP(BPF_JMP | BPF_JEQ | BPF_K, c->values[i], (uint8_t)(c->count - i), 0);
	ERRNO(EPERM);
	STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
}

#define WORDS 16

/* Allowed if its bit is set: X has the bit's number, the accumulator the word's. */
static void emit_bits(const uint32_t word[WORDS])
{
	unsigned left = 0;

	for (unsigned i = 0; i < WORDS; i++)
		left += word[i] != 0;
	for (unsigned i = 0; i < WORDS; i++) {
		if (!word[i])
			continue;
		left--;
		JUMP(BPF_JMP | BPF_JEQ | BPF_K, i, 0, 2);
		STMT(BPF_LD | BPF_IMM, word[i]);
		STMT(BPF_JMP | BPF_JA, left * 3 + 1);
	}
	ERRNO(EPERM);
	STMT(BPF_ALU | BPF_RSH | BPF_X, 0);
	JUMP(BPF_JMP | BPF_JSET | BPF_K, 1, 1, 0);
	ERRNO(EPERM);
	STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
}

static void add_bits(uint32_t word[WORDS], const short *calls)
{
	do
		word[*calls / 32] |= 1u << *calls % 32;
	while (*calls++ != SYS_read);
}

/* The calls whose bits are set, and those that pass their checks. */
static void lock_calls(const struct check *check, unsigned count, const uint32_t word[WORDS])
{
	struct sock_fprog program;

	length = 0;
	/* A filter that looks at what a call has beside its number is not run for each number when it
	   is loaded (to find those that it always allows), which took 30 us; so look at something. */
	STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, instruction_pointer));
	STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch));
	JUMP(BPF_JMP | BPF_JEQ | BPF_K, AUDIT_ARCH_X86_64, 1, 0);
	STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS);
	STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr));
	for (unsigned i = 0; i < count; i++)
		emit_check(&check[i]);
	/* clone3's flags cannot be seen; the C library falls back to clone. */
	JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_clone3, 0, 1);
	ERRNO(ENOSYS);
	STMT(BPF_ALU | BPF_AND | BPF_K, 31);
	STMT(BPF_MISC | BPF_TAX, 0);
	STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr));
	STMT(BPF_ALU | BPF_RSH | BPF_K, 5);
	emit_bits(word);
	if (length > ARRAY_LEN(code))
		fail("the monitor's filter is too long");
	program = (struct sock_fprog){ .len = (unsigned short)length, .filter = code };
	if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program) < 0)
		fail("cannot install the monitor's filter: %s", strerror(errno));
}

void filter_install(void)
{
	uint32_t word[WORDS] = { 0 };
	unsigned skip = net_granted() ? NET_CHECKS : 0;

	if (as_root)
		drop_capabilities(affinity_gathered());
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		fail("cannot set no_new_privs: %s", strerror(errno));
	lock_paths();
	for (unsigned i = 0; i < 4; i++)
		if (checks[i].nr != SYS_getsockopt)
			checks[i].values[0] = (uint32_t)control_socket();
	add_bits(word, allowed);
	if (skip)
		add_bits(word, allowed_net);
	lock_calls(checks + skip, ARRAY_LEN(checks) - skip, word);
}

void filter_net_relay(void)
{
	uint32_t word[WORDS] = { 0 };

	add_bits(word, relay_allowed);
	lock_calls(relay_checks, ARRAY_LEN(relay_checks), word);
}

void filter_net_helper(void)
{
	uint32_t word[WORDS] = { 0 };

	add_bits(word, helper_allowed);
	lock_calls(helper_checks, ARRAY_LEN(helper_checks), word);
}
