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
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <poll.h>
#include <unistd.h>

#include "monitor/confine.h"
#include "monitor/monitor.h"

#ifndef CLOSE_RANGE_CLOEXEC
#define CLOSE_RANGE_CLOEXEC 4
#endif

static int control_fd, pal_fd, start_cpu = -1;

void launcher_say(uint64_t pico, int pid, int err, const char *format, ...)
{
	struct launch_answer a = { .pico = pico, .pid = pid, .err = err, .init = init_pid, .cpu = start_cpu };
	va_list ap;

	if (format) {
		va_start(ap, format);
		vsnprintf(a.text, sizeof a.text, format, ap);
		va_end(ap);
	}
	while (send(control_fd, &a, sizeof a, MSG_NOSIGNAL) < 0 && errno == EINTR)
		;
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
 * it reads nothing.  It takes the old root off, which happens at once, and then waits for an RCU
 * grace period; the launcher makes the first picoprocess meanwhile.
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
	if (control_fd > 0)
		syscall(SYS_close_range, 0, control_fd - 1, 0);
	syscall(SYS_close_range, control_fd + 1, ~0u, 0);
	confine_old_root();
	if (syscall(SYS_capset, &header, none) < 0)
		GIVE_UP("cannot drop capabilities: %s", strerror(errno));
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
		launcher_say(pico, 0, errno, "cannot make a process (%s): the limit of processes (ulimit -u) may be too low", strerror(errno));
	else if (b.err == EACCES)
		launcher_say(pico, pid, b.err, "pal.img may not be executed: it must be readable and executable by everybody and not lie on a noexec mount");
	else if (b.err)
		launcher_say(pico, pid, b.err, "cannot start pal.img: %s", strerror(b.err));
	else
		launcher_say(pico, pid, 0, NULL);
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
	start_cpu = -1;
	affinity_give_back(0); /* not before: a sandbox of one process ends on the CPU where it began */
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

	start_cpu = affinity_stay();
	keep_descriptors(&a);
	if (start_cpu >= 0 && start_cpu != a.cpu)
		launcher_say(0, 0, 0, NULL); /* while the monitor has work to do there, so that it need not be woken */
	setsid(); /* for all of the sandbox: the terminal's signals are for the monitor */
	unblock_signals();
	for (unsigned i = 0; i < ARRAY_LEN(a.cgroups) && a.cgroups[i]; i++)
		confine_write(a.cgroups[i], "0");
	confine_limits();
	confine_user(a.parent);
	confine_namespaces();
	confine_root();
	confine_limit(RLIMIT_NPROC, a.pids + 64, a.pids + 64); /* counted in this user namespace alone */
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		GIVE_UP("cannot set no_new_privs: %s", strerror(errno));
	prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
	if (getppid() != a.parent)
		_exit(1);
	init_pid = make_init(); /* this process's copy: launcher_say tells it */
	confine_capabilities();
	confine_paths(pal_fd);
	confine_await_root();
	make(a.number, a.channel);
	while (take_order())
		;
	_exit(0);
}
