/* SPDX-License-Identifier: MIT */
/*
 * cli/doctor.c - `bailey doctor`: what this host offers, what is missing and how
 * to get it.  Each check tries the thing itself, in a child where it would change
 * the process, rather than guess from a version number.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#include "abi/layout.h"
#include "cli/cli.h"
#include "monitor/control.h"

static unsigned missing, weaker;

static void good(const char *what, const char *detail)
{
	printf("  ok       %-28s %s\n", what, detail);
}

static void lack(const char *what, const char *cure)
{
	printf("  MISSING  %-28s %s\n", what, cure);
	missing++;
}

static void less(const char *what, const char *cure)
{
	printf("  weaker   %-28s %s\n", what, cure);
	weaker++;
}

static bool read_line(const char *path, char *out, size_t size)
{
	FILE *f = fopen(path, "re");
	bool ok = f && fgets(out, (int)size, f);

	if (f)
		fclose(f);
	if (ok)
		out[strcspn(out, "\n")] = 0;
	return ok;
}

/* Runs fn in a child: 0 = it worked, else its errno, or 1000 + signal. */
static int in_child(int (*fn)(void))
{
	int status;
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (pid == 0)
		_exit(fn() & 0xff);
	if (pid < 0 || waitpid(pid, &status, 0) < 0)
		return errno;
	return WIFSIGNALED(status) ? 1000 + WTERMSIG(status) : WEXITSTATUS(status);
}

static int try_namespaces(void)
{
	return unshare(CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNS | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWCGROUP) < 0 ? errno : 0;
}

/* A process whose root is not its mount namespace's may make no user namespace. */
static bool in_chroot(void)
{
	char line[PATH_MAX], point[PATH_MAX];
	struct stat own, first;
	bool found = false;
	FILE *f;

	if (stat("/", &own) == 0 && stat("/proc/1/root/", &first) == 0)
		return own.st_dev != first.st_dev || own.st_ino != first.st_ino;
	f = fopen("/proc/self/mountinfo", "re");
	if (!f)
		return false;
	while (!found && fgets(line, sizeof line, f))
		found = sscanf(line, "%*s %*s %*s %*s %4095s", point) == 1 && !strcmp(point, "/");
	fclose(f);
	return !found;
}

static void check_namespaces(void)
{
	int err = in_child(try_namespaces);
	char line[32];

	if (err == 0) {
		good("namespaces", "user, pid, mount, ipc, uts and cgroup");
		return;
	}
	if (read_line("/proc/sys/kernel/unprivileged_userns_clone", line, sizeof line) && line[0] == '0')
		lack("namespaces", "sysctl -w kernel.unprivileged_userns_clone=1");
	else if (read_line("/proc/sys/user/max_user_namespaces", line, sizeof line) && line[0] == '0')
		lack("namespaces", "sysctl -w user.max_user_namespaces=10000");
	else if (read_line("/proc/sys/kernel/apparmor_restrict_unprivileged_userns", line, sizeof line) && line[0] == '1')
		lack("namespaces", "sysctl -w kernel.apparmor_restrict_unprivileged_userns=0, or an AppArmor profile for bailey");
	else if (err == EPERM && in_chroot())
		lack("namespaces", "a chroot may not make user namespaces: enter the folder with systemd-nspawn -D instead");
	else
		lack("namespaces", err == EPERM ? "something forbids user namespaces: a container needs --privileged or a wider seccomp profile" : strerror(err));
}

static void on_sigsys(int sig)
{
	_exit(sig == SIGSYS ? 0 : 1);
}

static int try_seccomp(void)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_getppid, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_TRAP),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog prog = { .len = sizeof code / sizeof code[0], .filter = code };

	signal(SIGSYS, on_sigsys);
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &prog) < 0)
		return errno;
	syscall(SYS_getppid);
	return 1;
}

static void check_seccomp(void)
{
	if (in_child(try_seccomp) == 0)
		good("seccomp", "filters with trap");
	else
		lack("seccomp", "the kernel needs CONFIG_SECCOMP_FILTER");
}

static void check_landlock(void)
{
	long abi = syscall(SYS_landlock_create_ruleset, NULL, 0, 1);
	char text[64];

	if (abi > 0) {
		snprintf(text, sizeof text, "ABI %ld", abi);
		good("Landlock", text);
	} else if (errno == EOPNOTSUPP) {
		less("Landlock", "not switched on: add landlock to the lsm= boot option; the other locks stay");
	} else {
		less("Landlock", "the kernel has none (5.13 and newer do); the other locks stay");
	}
}

static void check_kernel(void)
{
	struct utsname u;
	int major = 0, minor = 0;

	uname(&u);
	sscanf(u.release, "%d.%d", &major, &minor);
	if (major * 1000 + minor >= 5019)
		good("kernel", u.release);
	else
		lack("kernel", "5.19 or newer is needed");
}

static void check_memfd(void)
{
	int fd = memfd_create("bailey-doctor", MFD_CLOEXEC | MFD_ALLOW_SEALING | 8u /* NOEXEC_SEAL */);

	if (fd >= 0) {
		good("memfd", "with noexec seal");
	} else {
		fd = memfd_create("bailey-doctor", MFD_CLOEXEC | MFD_ALLOW_SEALING);
		if (fd >= 0)
			less("memfd", "without noexec seal (6.3 and newer have it)");
		else
			lack("memfd", strerror(errno));
	}
	if (fd >= 0)
		close(fd);
}

static int try_execfd(void)
{
	int fd = open("/proc/self/exe", O_PATH | O_CLOEXEC);

	return fd < 0 || fcntl(fd, F_GETFD) < 0 ? errno : 0;
}

static void check_limit(int which, uint64_t need, const char *what, const char *flag)
{
	struct rlimit r;
	char text[96];

	getrlimit(which, &r);
	if (r.rlim_max >= need || geteuid() == 0) {
		good(what, "high enough");
		return;
	}
	snprintf(text, sizeof text, "the hard limit is too low: ulimit -H%s unlimited as root, or in limits.conf", flag);
	lack(what, text);
}

static void check_overcommit(void)
{
	char line[32];

	if (!read_line("/proc/sys/vm/overcommit_memory", line, sizeof line))
		return;
	if (line[0] == '2')
		less("vm.overcommit_memory", "2: large reservations of guests may fail; 0 or 1 is better");
	else
		good("vm.overcommit_memory", line);
}

static bool can_make_below(const char *dir)
{
	char path[PATH_MAX + 32];
	bool ok;

	snprintf(path, sizeof path, "%s/bailey-doctor-%d", dir, getpid());
	ok = mkdir(path, 0755) == 0;
	if (ok)
		rmdir(path);
	return ok;
}

/* Our cgroup of controller name ("" = the unified tree); false if there is none. */
static bool own_cgroup(const char *name, char *out, size_t size)
{
	char line[PATH_MAX];
	FILE *f = fopen("/proc/self/cgroup", "re");
	bool found = false;

	while (f && !found && fgets(line, sizeof line, f)) {
		char *names = strchr(line, ':'), *path = names ? strchr(names + 1, ':') : NULL;

		if (!path)
			continue;
		*path++ = 0;
		path[strcspn(path, "\n")] = 0;
		if (strcmp(names + 1, name) != 0)
			continue;
		snprintf(out, size, "/sys/fs/cgroup%s%s%s", *name ? "/" : "", name, path[1] ? path : "");
		found = true;
	}
	if (f)
		fclose(f);
	return found;
}

static void check_cgroups(void)
{
	char dir[PATH_MAX];
	bool v2 = access("/sys/fs/cgroup/cgroup.controllers", F_OK) == 0;

	if (own_cgroup(v2 ? "" : "memory", dir, sizeof dir) && can_make_below(dir))
		good("cgroups", v2 ? "version 2, ours to use" : "version 1, ours to use");
	else
		less("cgroups", "not delegated: -m and --cpus are held by the sandbox alone; systemd-run --user --scope -p Delegate=yes helps");
}

/* Files of dead monitors, as monitor/state.c writes them. */
static void check_windows(void)
{
	if (access("/usr/lib/x86_64-linux-gnu/wine/x86_64-windows/ntdll.dll", R_OK) == 0)
		good("Windows programs", "Wine's DLLs are there");
	else
		printf("  without  %-28s %s\n", "Windows programs", "they need Wine's DLLs: install libwine");
}

/* For --net and -p; without them a sandbox needs none of it. */
static void check_network(void)
{
	int v4 = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), v6 = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	char line[64] = "1024", text[100];
	int low;

	if (v4 >= 0)
		close(v4);
	if (v6 >= 0)
		close(v6);
	if (v4 < 0 && v6 < 0) {
		less("network", "this host has none: --net and -p cannot work");
		return;
	}
	(void)read_line("/proc/sys/net/ipv4/ip_unprivileged_port_start", line, sizeof line);
	low = atoi(line);
	snprintf(text, sizeof text, "%s", v4 < 0 ? "IPv6 only" : v6 < 0 ? "IPv4 only" : "IPv4 and IPv6");
	if (geteuid() != 0 && low > 1)
		snprintf(text + strlen(text), sizeof text - strlen(text), "; -p of host ports below %d takes root", low);
	good("network", text);
}

static unsigned sweep(bool clean)
{
	char path[PATH_MAX], text[4096], *save;
	struct dirent *e;
	unsigned n = 0;
	DIR *d;

	state_folder(path, sizeof path);
	d = opendir(path);
	while (d && (e = readdir(d)) != NULL) {
		int fd;
		ssize_t len;

		if (e->d_name[0] < '0' || e->d_name[0] > '9')
			continue;
		fd = openat(dirfd(d), e->d_name, O_RDWR | O_NOFOLLOW | O_CLOEXEC);
		if (fd < 0 || flock(fd, LOCK_EX | LOCK_NB) < 0) {
			if (fd >= 0)
				close(fd);
			continue;
		}
		n++;
		len = clean ? read(fd, text, sizeof text - 1) : 0;
		text[len < 0 ? 0 : len] = 0;
		save = NULL;
		for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
			const char *last = strrchr(line, '/');

			if (!strncmp(line, "cgroup=/sys/fs/cgroup/", 22) && !strstr(line, "/../") && last && !strncmp(last, "/bailey-", 8))
				rmdir(line + 7);
		}
		if (clean) {
			snprintf(text, sizeof text, CONTROL_PREFIX "%s", e->d_name);
			unlinkat(dirfd(d), text, 0);
			unlinkat(dirfd(d), e->d_name, 0);
		}
		close(fd);
	}
	if (d)
		closedir(d);
	return n;
}

int command_doctor(int argc, char **argv)
{
	bool clean = argc > 1 && !strcmp(argv[1], "--clean");
	unsigned left;

	if (argc > 1 && !clean)
		fail("bailey doctor takes --clean only, not %s", argv[1]);
	puts("What a sandbox needs of this host:");
	check_kernel();
	check_namespaces();
	check_seccomp();
	check_memfd();
	if (in_child(try_execfd) != 0)
		lack("/proc", "must be mounted");
	check_limit(RLIMIT_AS, 4ull * DATA_SIZE, "address space (ulimit -v)", "v");
	check_limit(RLIMIT_FSIZE, DATA_SIZE, "file size (ulimit -f)", "f");
	check_limit(RLIMIT_NOFILE, 64, "open files (ulimit -n)", "n");
	puts("What makes it better:");
	check_landlock();
	check_cgroups();
	check_overcommit();
	check_network();
	check_windows();
	left = sweep(clean);
	if (left)
		printf(clean ? "Removed what %u dead sandboxes left.\n" : "%u dead sandboxes left something: bailey doctor --clean removes it.\n", left);
	printf("%s\n", missing ? "Sandboxes cannot run here yet." : weaker ? "Sandboxes run here; some limits are weaker." : "All is well.");
	return missing ? 1 : 0;
}
