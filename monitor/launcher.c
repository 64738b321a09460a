/* SPDX-License-Identifier: MIT */
/*
 * monitor/launcher.c - the helper that makes picoprocesses.
 *
 * It is forked from the monitor before the monitor drops what it does not need,
 * enters the sandbox's namespaces once, empties its root, gives up every
 * capability, sets limits, NO_NEW_PRIVS and Landlock, and then makes
 * picoprocesses with one clone and one exec: what the sandbox's processes must not
 * have is gone before any of them exists.  CLONE_PARENT makes the monitor their
 * parent, which alone reaps them.
 *
 * Before them it makes init, pid 1 of the pid namespace: a few lines that wait for
 * the monitor's death and die with it, and everything in the namespace with them.
 * No picoprocess can be that, since what pid 1 clones cannot be the monitor's child.
 *
 * The launcher itself is not in the pid namespace, so that nothing in the sandbox
 * can name it.  It reads orders from the monitor only.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/landlock.h>
#include <linux/securebits.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <grp.h>
#include <poll.h>
#include <unistd.h>

#include "monitor/monitor.h"

#ifndef SECBIT_NO_CAP_AMBIENT_RAISE
#error "the kernel headers are too old: linux/securebits.h"
#endif
#ifndef CLOSE_RANGE_CLOEXEC
#define CLOSE_RANGE_CLOEXEC 4
#endif

static int control_fd, pal_fd;
static bool old_root; /* pivot_root left it above the new one */

static void say(uint64_t pico, int pid, int err, const char *format, ...)
{
	struct launch_answer a = { .pico = pico, .pid = pid, .err = err, .init = init_pid };
	va_list ap;

	if (format) {
		va_start(ap, format);
		vsnprintf(a.text, sizeof a.text, format, ap);
		va_end(ap);
	}
	while (send(control_fd, &a, sizeof a, MSG_NOSIGNAL) < 0 && errno == EINTR)
		;
}

#define GIVE_UP(...)                                                                                 \
	do {                                                                                          \
		say(0, 0, errno ? errno : EINVAL, __VA_ARGS__);                                       \
		_exit(1);                                                                             \
	} while (0)

static void write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd < 0 || write(fd, text, strlen(text)) < 0)
		GIVE_UP("cannot write %s: %s", path, strerror(errno));
	close(fd);
}

/* ---- limits ---- */

static void limit(int which, uint64_t soft, uint64_t hard)
{
	struct rlimit r, new = { soft, hard };

	if (setrlimit(which, &new) == 0 || getrlimit(which, &r) < 0)
		return;
	/* The caller's hard limit is lower: as far as it allows. */
	new.rlim_max = r.rlim_max < hard ? r.rlim_max : hard;
	new.rlim_cur = soft < new.rlim_max ? soft : new.rlim_max;
	setrlimit(which, &new);
}

static void set_limits(void)
{
	static const int unlimited[] = { RLIMIT_FSIZE, RLIMIT_AS, RLIMIT_DATA, RLIMIT_CPU, RLIMIT_RSS };
	struct rlimit files;

	for (unsigned i = 0; i < ARRAY_LEN(unlimited); i++)
		limit(unlimited[i], RLIM_INFINITY, RLIM_INFINITY);
	if (getrlimit(RLIMIT_NOFILE, &files) == 0)
		limit(RLIMIT_NOFILE, files.rlim_max, files.rlim_max);
	limit(RLIMIT_CORE, 0, 0);
	limit(RLIMIT_STACK, 256 * 1024, 256 * 1024);
	limit(RLIMIT_MEMLOCK, 0, 0);
	limit(RLIMIT_MSGQUEUE, 0, 0);
	limit(RLIMIT_RTPRIO, 0, 0);
	limit(RLIMIT_NICE, 0, 0);
}

/* ---- namespaces ---- */

/*
 * As root the sandbox gets a user number that nobody else has, so that its
 * processes own nothing on the host.  Where such numbers are not mapped (we are
 * in a container), the one of nobody; where that fails too, it stays as it is and
 * the user namespace and missing capabilities must do.
 */
static void leave_root(pid_t parent)
{
	unsigned id = 0x7ba10000u + ((unsigned)parent & 0xffff);

	/* The kernel's calls: the C library's wrappers stop threads that are not there. */
	if (geteuid() != 0)
		return;
	if (syscall(SYS_setgroups, 0, NULL) < 0)
		return;
	if (syscall(SYS_setresgid, id, id, id) < 0) {
		id = 65534;
		if (syscall(SYS_setresgid, id, id, id) < 0)
			return;
	}
	if (syscall(SYS_setresuid, id, id, id) < 0)
		return;
	prctl(PR_SET_DUMPABLE, 1, 0, 0, 0); /* else /proc/self is not ours */
}

static void map_ids(unsigned uid, unsigned gid)
{
	char text[64];

	write_file("/proc/self/setgroups", "deny");
	snprintf(text, sizeof text, "%u %u 1\n", uid, uid);
	write_file("/proc/self/uid_map", text);
	snprintf(text, sizeof text, "%u %u 1\n", gid, gid);
	write_file("/proc/self/gid_map", text);
}

static void enter_namespaces(void)
{
	unsigned uid = geteuid(), gid = getegid();

	if (unshare(CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNS | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWCGROUP) < 0) {
		if (errno == ENOSPC || errno == EUSERS)
			GIVE_UP("this host allows no more user namespaces: raise sysctl user.max_user_namespaces");
		GIVE_UP("this host does not let you make user namespaces (%s): `bailey doctor` says how to allow it", strerror(errno));
	}
	map_ids(uid, gid);
}

/* An empty, read-only root: no path leads anywhere. */
static void empty_root(void)
{
	if (mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		GIVE_UP("cannot make the mounts private: %s", strerror(errno));
	if (mount("bailey", "/proc", "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, "size=0,nr_inodes=2,mode=0555") < 0)
		GIVE_UP("cannot make an empty root: %s", strerror(errno));
	if (chdir("/proc") < 0)
		GIVE_UP("cannot enter the empty root: %s", strerror(errno));
	old_root = syscall(SYS_pivot_root, ".", ".") == 0;
	if (!old_root && (mount(".", "/", NULL, MS_MOVE, NULL) < 0 || chroot(".") < 0)) /* the root is a ramfs */
		GIVE_UP("cannot enter the empty root: %s", strerror(errno));
	if (mount(NULL, "/", NULL, MS_REMOUNT | MS_BIND | MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL) < 0)
		GIVE_UP("cannot make the empty root read-only: %s", strerror(errno));
}

/* What is above the new root now, out of its processes' sight, and goes altogether. */
static void leave_old_root(void)
{
	if (old_root && umount2(".", MNT_DETACH) < 0)
		GIVE_UP("cannot leave the old root: %s", strerror(errno));
}

/* ---- privileges ---- */

static void drop_capabilities(void)
{
	struct __user_cap_header_struct h = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct none[2] = { 0 };

	int cap = 0;

	while (prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) == 0)
		cap++;
	if (errno != EINVAL || cap == 0) /* the first number that is no capability */
		GIVE_UP("cannot drop capability %d: %s", cap, strerror(errno));
	prctl(PR_SET_SECUREBITS, SECBIT_NOROOT | SECBIT_NOROOT_LOCKED | SECBIT_NO_SETUID_FIXUP | SECBIT_NO_SETUID_FIXUP_LOCKED |
	    SECBIT_KEEP_CAPS_LOCKED | SECBIT_NO_CAP_AMBIENT_RAISE | SECBIT_NO_CAP_AMBIENT_RAISE_LOCKED, 0, 0, 0);
	prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
	if (syscall(SYS_capset, &h, none) < 0)
		GIVE_UP("cannot drop capabilities: %s", strerror(errno));
}

/* The newest layout we know; older kernels are told the length they know. */
struct ruleset {
	uint64_t fs, net, scoped;
};

/*
 * A second lock beside the filter and the empty root: of all files only pal may be
 * executed and read, no TCP at all.  Signals stay: the kick crosses picoprocesses.
 */
static void lock_paths(void)
{
	static const uint64_t fs_rights[] = { 0, 0x1fff, 0x3fff, 0x7fff, 0x7fff, 0xffff };
	struct landlock_path_beneath_attr beneath = { .allowed_access = 1 | 4 /* EXECUTE, READ_FILE */ };
	struct ruleset r = { 0 };
	long abi = syscall(SYS_landlock_create_ruleset, NULL, 0, 1 /* VERSION */);
	size_t size = abi >= 6 ? 24 : abi >= 4 ? 16 : 8;
	int fd;

	if (abi <= 0)
		return; /* bailey doctor says what is missing */
	r.fs = fs_rights[abi < 5 ? abi : 5];
	r.net = abi >= 4 ? 3 : 0;
	r.scoped = abi >= 6 ? 1 /* abstract unix sockets */ : 0;
	fd = (int)syscall(SYS_landlock_create_ruleset, &r, size, 0);
	beneath.parent_fd = pal_fd;
	if (fd < 0 || syscall(SYS_landlock_add_rule, fd, 1 /* PATH_BENEATH */, &beneath, 0) < 0 ||
	    syscall(SYS_landlock_restrict_self, fd, 0) < 0)
		GIVE_UP("cannot set the Landlock rules: %s", strerror(errno));
	close(fd);
}

/* ---- making picoprocesses ---- */

struct birth {
	int channel;
	volatile int err;
};

/* The new process, in the launcher's memory until the exec: plain calls only. */
static int child_main(void *arg)
{
	static char *const argv[] = { (char *)"pal", NULL }, *const envp[] = { NULL };
	struct birth *b = arg;

	if (b->channel != MON_CHANNEL_FD && dup2(b->channel, MON_CHANNEL_FD) < 0)
		goto bad;
	if (fcntl(MON_CHANNEL_FD, F_SETFD, 0) < 0)
		goto bad;
	if (syscall(SYS_close_range, MON_CHANNEL_FD + 1, ~0u, CLOSE_RANGE_CLOEXEC) < 0)
		goto bad;
	syscall(SYS_execveat, pal_fd, "", argv, envp, AT_EMPTY_PATH);
bad:
	b->err = errno ? errno : EINVAL;
	_exit(127);
}

/*
 * Pid 1, in the launcher's memory for good: no signal of the sandbox's reaches it, and
 * it reads nothing.  While the first picoprocess is being made, it takes the old root off,
 * which waits for an RCU grace period, and then tells the monitor that guest code may run.
 * The monitor's end of the control socket closes when the monitor
 * is gone, by whatever way, even before PDEATHSIG was set.
 */
static int init_main(void *arg)
{
	struct pollfd gone = { .fd = control_fd };
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct none[2] = { 0 };

	(void)arg;
	prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
	leave_old_root();
	if (control_fd > 0)
		syscall(SYS_close_range, 0, control_fd - 1, 0);
	syscall(SYS_close_range, control_fd + 1, ~0u, 0);
	if (syscall(SYS_capset, &header, none) < 0)
		GIVE_UP("cannot drop capabilities: %s", strerror(errno));
	say(READY_NUMBER, 0, 0, NULL);
	affinity_give_back(0);
	while (syscall(SYS_poll, &gone, 1, -1) <= 0)
		;
	syscall(SYS_exit_group, 0);
	return 0;
}

static int make_init(void)
{
	static char stack[8192] __attribute__((aligned(16))) BIG_BSS;
	int pid = clone(init_main, stack + sizeof stack, CLONE_VM | CLONE_PARENT | SIGCHLD, NULL);

	if (pid < 0)
		GIVE_UP("cannot make a process (%s): the limit of processes (ulimit -u) may be too low", strerror(errno));
	return pid;
}

static void make(uint64_t pico, int channel)
{
	static char stack[16384] __attribute__((aligned(16))) BIG_BSS;
	struct birth b = { .channel = channel };
	int pid = clone(child_main, stack + sizeof stack, CLONE_VM | CLONE_VFORK | CLONE_PARENT | SIGCHLD, &b);

	close(channel);
	if (pid < 0)
		say(pico, 0, errno, "cannot make a process (%s): the limit of processes (ulimit -u) may be too low", strerror(errno));
	else if (b.err == EACCES)
		say(pico, pid, b.err, "pal.img may not be executed: it must be readable and executable by everybody and not lie on a noexec mount");
	else if (b.err)
		say(pico, pid, b.err, "cannot start pal.img: %s", strerror(b.err));
	else
		say(pico, pid, 0, NULL);
}

/* Moves fd to exactly the number to. */
static int place(int fd, int to)
{
	if (fd < 0)
		return -1;
	if (fd != to && dup3(fd, to, O_CLOEXEC) < 0)
		GIVE_UP("cannot place a descriptor: %s", strerror(errno));
	return to;
}

/* Keeps what is needed at known numbers, from 10 on, and closes the rest. */
static void keep_descriptors(struct launch_args *a)
{
	int *keep[] = { &a->control, &a->pal, &a->channel };

	/* Out of the way first, so that no two overwrite each other. */
	for (unsigned i = 0; i < ARRAY_LEN(keep); i++)
		if (*keep[i] >= 0)
			*keep[i] = fcntl(*keep[i], F_DUPFD_CLOEXEC, 40);
	for (unsigned i = 0; i < ARRAY_LEN(keep); i++)
		*keep[i] = place(*keep[i], 10 + (int)i);
	control_fd = a->control;
	pal_fd = a->pal;
	syscall(SYS_close_range, 0, 9, 0);
	syscall(SYS_close_range, 13, ~0u, 0);
}

static bool take_order(void)
{
	union {
		struct cmsghdr h;
		char room[CMSG_SPACE(sizeof(int))];
	} c;
	struct launch_order o;
	struct iovec v = { &o, sizeof o };
	struct msghdr m = { .msg_iov = &v, .msg_iovlen = 1, .msg_control = &c, .msg_controllen = sizeof c };
	ssize_t n = recvmsg(control_fd, &m, MSG_CMSG_CLOEXEC);
	struct cmsghdr *h = CMSG_FIRSTHDR(&m);
	int channel;

	if (n < 0 && errno == EINTR)
		return true;
	if (n != (ssize_t)sizeof o || !h || h->cmsg_type != SCM_RIGHTS)
		return false;
	memcpy(&channel, CMSG_DATA(h), sizeof channel);
	make(o.pico, channel);
	return true;
}

static void unblock_signals(void)
{
	sigset_t none;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

#ifndef CLONE_CLEAR_SIGHAND
#define CLONE_CLEAR_SIGHAND 0x100000000ull
#endif

/* fork() with every signal's action set to the default. */
pid_t launcher_fork(void)
{
	struct {
		uint64_t flags, pidfd, child_tid, parent_tid, exit_signal, stack, stack_size, tls;
	} args = { .flags = CLONE_CLEAR_SIGHAND, .exit_signal = SIGCHLD };
	pid_t pid = (pid_t)syscall(SYS_clone3, &args, sizeof args);

	if (pid >= 0 || (errno != ENOSYS && errno != EINVAL))
		return pid;
	pid = fork();
	for (int s = 1; pid == 0 && s < NSIG; s++)
		signal(s, SIG_DFL);
	return pid;
}

void launcher_main(const struct launch_args *args)
{
	struct launch_args a = *args;

	keep_descriptors(&a);
	setsid(); /* for all of the sandbox: the terminal's signals are for the monitor */
	unblock_signals();
	for (unsigned i = 0; i < ARRAY_LEN(a.cgroups) && a.cgroups[i]; i++)
		write_file(a.cgroups[i], "0");
	set_limits();
	leave_root(a.parent);
	enter_namespaces();
	empty_root();
	limit(RLIMIT_NPROC, a.pids + 64, a.pids + 64); /* counted in this user namespace alone */
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		GIVE_UP("cannot set no_new_privs: %s", strerror(errno));
	prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
	if (getppid() != a.parent)
		_exit(1);
	init_pid = make_init(); /* this process's copy: say() tells it */
	drop_capabilities();
	lock_paths();
	make(a.number, a.channel);
	affinity_give_back(0);
	while (take_order())
		;
	_exit(0);
}
