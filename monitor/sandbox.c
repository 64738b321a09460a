/* SPDX-License-Identifier: MIT */
/*
 * monitor/sandbox.c - a sandbox from start to end.
 *
 * Start: limits, the first picoprocess's channel, then the launcher is forked; while it
 * makes namespaces, init and that picoprocess, the monitor
 * makes the shared memory, reads its vdso's geometry and queues the boot messages.
 * Then it drops what it needs no more and loops.
 *
 * End: kproc's EXIT, a panic, a failure.  Killing pid 1 kills the namespace; all
 * are reaped before the command returns, the terminal's modes are put back, and
 * cgroups and the state file are removed.
 */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "monitor/monitor.h"

pid_t launcher_pid, init_pid;
bool as_root;
uint64_t file_limit = 1024;
int ext_fds[EXT_SLOTS];
static int launcher_fd = -1;
static char own_folder[PATH_MAX] BIG_BSS;

/* ---- images ---- */

/* Writes what the link in own_folder points to over it; false: it is none, or too long. */
static bool follow_link(void)
{
	char target[PATH_MAX], *name = strrchr(own_folder, '/') + 1;
	ssize_t n = readlink(own_folder, target, sizeof target);
	size_t keep = n > 0 && target[0] != '/' ? (size_t)(name - own_folder) : 0;

	if (n <= 0 || keep + (size_t)n >= sizeof own_folder)
		return false;
	memcpy(own_folder + keep, target, (size_t)n);
	own_folder[keep + (size_t)n] = 0;
	return strchr(own_folder, '/') != NULL;
}

/* By the path that was executed, without /proc: the first look at a new process's folder there is slow. */
static bool find_by_path(void)
{
	const char *executed = (const char *)getauxval(AT_EXECFN);

	if (!executed || !strchr(executed, '/') || strlen(executed) >= sizeof own_folder)
		return false;
	strcpy(own_folder, executed);
	for (unsigned links = 0; links < 8; links++)
		if (!follow_link())
			return errno == EINVAL; /* no link */
	return false;
}

static void find_own_folder(void)
{
	ssize_t n;

	if (!find_by_path()) {
		n = readlink("/proc/self/exe", own_folder, sizeof own_folder - 1);
		if (n <= 0)
			fail("cannot read /proc/self/exe: is /proc mounted?");
		own_folder[n] = 0;
	}
	*strrchr(own_folder, '/') = 0;
}

/* NAME.img in PREFIX/lib/bailey, we being in PREFIX/bin; or in the build folder FOLDER. */
static int open_image(const char *folder, const char *name)
{
	const char *const places[][2] = { { "lib/bailey", "" }, { "", folder } };
	char path[PATH_MAX + 200];
	int fd = -1;

	for (unsigned i = 0; i < ARRAY_LEN(places); i++) {
		snprintf(path, sizeof path, "%s/../%s%s/%s.img", own_folder, places[i][0], places[i][1], name);
		fd = open(path, O_RDONLY | O_CLOEXEC);
		if (fd >= 0 || errno != ENOENT)
			break;
	}
	return fd;
}

int sandbox_image(const char *name)
{
	static struct {
		const char *name;
		int fd;
	} known[8];

	if (spec.bare && !strcmp(name, "self"))
		name = spec.image;
	for (unsigned i = 0; i < ARRAY_LEN(known) && known[i].name; i++)
		if (!strcmp(known[i].name, name))
			return known[i].fd;
	/* Only what was opened at the start may run: later this answers nothing new. */
	if (boot_template.protocol)
		return -1;
	for (unsigned i = 0; i < ARRAY_LEN(known); i++) {
		if (known[i].name)
			continue;
		known[i].name = name;
		known[i].fd = spec.bare ? open(name, O_RDONLY | O_CLOEXEC) : open_image(name, name);
		return known[i].fd;
	}
	return -1;
}

static void open_images(void)
{
	if (sandbox_image(spec.image) < 0)
		fail("cannot open the image %s: %s", spec.image, strerror(errno));
	for (unsigned i = 0; i < spec.ext_count; i++) {
		ext_fds[i] = open_image("ext", spec.ext[i].name);
		if (ext_fds[i] < 0)
			fail("there is no extension %s: %s", spec.ext[i].name, strerror(errno));
	}
}

/* ---- limits ---- */

static void raise_limit(int which, uint64_t need, const char *what, const char *option)
{
	struct rlimit r, all = { RLIM_INFINITY, RLIM_INFINITY };

	if (which != RLIMIT_NOFILE && setrlimit(which, &all) == 0)
		return;
	if (getrlimit(which, &r) < 0)
		return;
	if (r.rlim_max < need)
		fail("the limit of %s (ulimit %s) is too low for a sandbox and may not be raised: start bailey without it", what, option);
	r.rlim_cur = r.rlim_max;
	setrlimit(which, &r);
	if (which == RLIMIT_NOFILE)
		file_limit = r.rlim_cur;
}

static void raise_limits(void)
{
	signal(SIGXFSZ, SIG_IGN);
	raise_limit(RLIMIT_FSIZE, DATA_SIZE, "file sizes", "-f");
	raise_limit(RLIMIT_AS, 4 * (uint64_t)DATA_SIZE, "address space", "-v");
	raise_limit(RLIMIT_DATA, ARENA_SIZE, "data", "-d");
	raise_limit(RLIMIT_NOFILE, 64, "open files", "-n");
}

/* ---- launcher ---- */

static bool wants_cgroup(void)
{
	return spec.memory != UINT64_MAX || spec.cpu_quota;
}

static void fork_launcher(int first_end)
{
	struct launch_args a = { .channel = first_end, .number = first->number, .pids = spec.pids, .parent = getpid(), .cpu = sched_getcpu() };
	int pair[2];

	a.pal = open_image("pal", "pal");
	if (a.pal < 0)
		fail("cannot open pal.img: %s", strerror(errno));
	if (wants_cgroup())
		cgroup_make(a.cgroups, ARRAY_LEN(a.cgroups));
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		fail("cannot make a socket pair: %s", strerror(errno));
	a.control = pair[1];
	launcher_fd = pair[0];
	launcher_pid = launcher_fork();
	if (launcher_pid < 0)
		fail("cannot make a process (%s): the limit of processes (ulimit -u) may be too low", strerror(errno));
	if (launcher_pid == 0)
		launcher_main(&a);
	close(pair[1]);
	close(a.pal);
	close(first_end);
	loop_add(launcher_fd, LOOP_LAUNCHER, 0);
}

bool sandbox_launcher_event(void)
{
	struct launch_answer a;
	ssize_t n;

	while ((n = recv(launcher_fd, &a, sizeof a, MSG_DONTWAIT)) == (ssize_t)sizeof a) {
		a.text[sizeof a.text - 1] = 0;
		if (init_pid == 0)
			init_pid = a.init;
		if (a.err && (a.pico == 0 || (first && a.pico == first->number) || (kproc && a.pico == kproc->number)))
			fail("%s", a.text);
		if (a.err)
			log_line(DK_LOG_ERROR, "%s", a.text);
		affinity_follow(a.cpu);
		pico_made(a.pico, a.pid, a.err != 0);
	}
	if (n == 0)
		loop_remove(launcher_fd); /* its SIGCHLD says the rest */
	return n != 0;
}

pid_t sandbox_first_pid(void)
{
	struct pollfd p = { .fd = launcher_fd, .events = POLLIN };

	while (first && first->pid == 0 && poll(&p, 1, -1) > 0)
		if (!sandbox_launcher_event())
			return 0;
	return first ? first->pid : 0;
}

void sandbox_spawn_order(struct pico *p, int child_end)
{
	struct launch_order o = { .pico = p->number };
	union {
		struct cmsghdr h;
		char room[CMSG_SPACE(sizeof(int))];
	} c = { .h = { .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS, .cmsg_len = CMSG_LEN(sizeof(int)) } };
	struct iovec v = { &o, sizeof o };
	struct msghdr m = { .msg_iov = &v, .msg_iovlen = 1, .msg_control = &c, .msg_controllen = sizeof c };

	memcpy(CMSG_DATA(&c.h), &child_end, sizeof child_end);
	if (sendmsg(launcher_fd, &m, MSG_NOSIGNAL) < 0)
		log_line(DK_LOG_ERROR, "cannot reach the launcher: %s", strerror(errno));
	close(child_end);
}

/* ---- start and end ---- */

static void block_signals(void)
{
	static const int set[] = { SIGCHLD, SIGINT, SIGQUIT, SIGTERM, SIGHUP, SIGTSTP, SIGCONT, SIGWINCH, SIGUSR1, SIGUSR2, SIGTTOU,
		SIGTTIN, SIGPIPE };
	sigset_t s;

	sigemptyset(&s);
	for (unsigned i = 0; i < ARRAY_LEN(set); i++)
		sigaddset(&s, set[i]);
	sigprocmask(SIG_BLOCK, &s, NULL);
}

void sandbox_run(void)
{
	int first_end;

	as_root = geteuid() == 0;
	own_gid = getegid();
	stats_init();
	affinity_prepare();
	find_own_folder();
	if (as_root)
		syscall(SYS_setgroups, 0, NULL); /* nobody, whose eyes we borrow, has none of root's groups */
	raise_limits();
	block_signals();
	umask(0);
	if (wants_cgroup())
		state_make(); /* which writes down what is made */
	loop_init();
	first = pico_new(PICO_RUNNING, spec.bare ? DK_ROLE_BARE : DK_ROLE_FIRST, &first_end);
	stats_birth(BORN_FRESH);
	if (!first)
		fail("cannot make channels: %s", strerror(errno));
	if (spec.bare)
		kproc = first;
	net_start();
	fork_launcher(first_end);
	if (!wants_cgroup())
		state_make(); /* while the launcher works, as all that follows */
	open_images();
	memory_init();
	if (spec.bare)
		deaths_init();
	special_init();
	net_ready();
	boot_fill();
	boot_settings();
	boot_template.protocol = MON_PROTOCOL;
	pico_boot(first, spec.image);
	pico_start(first, 0, spec.bare ? 0 : MON_FIRST_INDEX); /* the launcher makes it when the root is as it must be */
	if (spec.bare)
		close(deaths_child_fd);
	close(config_fd);
	policy_log();
	filter_install();
	loop_run();
	__builtin_unreachable();
}

/* Takes one of our children off, if one has ended; with flags 0 once one has.  False: there is none. */
static bool reap(int flags)
{
	pid_t pid = waitpid(-1, NULL, flags);

	if (pid <= 0)
		return pid < 0 && errno == EINTR;
	if (pid == init_pid)
		init_pid = -1;
	if (pid == launcher_pid)
		launcher_pid = 0;
	net_ended(pid);
	return true;
}

/*
 * The namespace dies with pid 1; we are the parent of all in it and must take them off.
 * The kernel keeps init until all others are gone.  Children that bailey had before it
 * was executed are not ours to wait for.
 */
static void reap_all(void)
{
	while (init_pid > 0 || launcher_pid > 0 || net_left())
		if (!reap(0))
			return;
}

/* Init and the launcher, if they wait for this CPU, get as far as the wait for the end of their mount namespace. */
static void let_end(void)
{
	for (unsigned i = 0; i < 2; i++) {
		while (reap(WNOHANG))
			;
		sched_yield();
	}
}

/* An end so early that the launcher has not yet said who init is. */
static void learn_init(void)
{
	struct launch_answer a;

	while (init_pid == 0 && launcher_pid > 0 && recv(launcher_fd, &a, sizeof a, 0) == (ssize_t)sizeof a) {
		if (a.init)
			init_pid = a.init;
		if (a.err)
			return;
	}
}

void sandbox_end(int code)
{
	static bool ending;

	if (ending)
		_exit(code);
	ending = true;
	learn_init();
	if (init_pid > 0)
		kill(init_pid, SIGKILL);
	if (launcher_pid > 0)
		kill(launcher_pid, SIGKILL);
	net_end();
	if (launcher_fd >= 0)
		close(launcher_fd);
	let_end();
	memory_drop(); /* while the kernel waits for the end of the mount namespace */
	reap_all();
	termios_restore();
	cgroup_remove();
	state_remove();
	stats_print();
	log_flush(true);
	_exit(code);
}
