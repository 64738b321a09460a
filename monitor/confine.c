/* SPDX-License-Identifier: MIT */
/*
 * monitor/confine.c - what the launcher takes from itself, and so from all it makes:
 * the namespaces and the empty root, limits, the user number, capabilities, paths.
 * Each step ends the launcher, and with it the sandbox, if the host refuses it.
 */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <linux/landlock.h>
#include <linux/securebits.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "monitor/confine.h"
#include "monitor/monitor.h"

#ifndef SECBIT_NO_CAP_AMBIENT_RAISE
#error "the kernel headers are too old: linux/securebits.h"
#endif

static bool old_root; /* pivot_root left it above the new one */

void confine_write(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd < 0 || write(fd, text, strlen(text)) < 0)
		GIVE_UP("cannot write %s: %s", path, strerror(errno));
	close(fd);
}

/* ---- limits ---- */

void confine_limit(int which, uint64_t soft, uint64_t hard)
{
	struct rlimit r, new = { soft, hard };

	if (setrlimit(which, &new) == 0 || getrlimit(which, &r) < 0)
		return;
	/* The caller's hard limit is lower: as far as it allows. */
	new.rlim_max = r.rlim_max < hard ? r.rlim_max : hard;
	new.rlim_cur = soft < new.rlim_max ? soft : new.rlim_max;
	setrlimit(which, &new);
}

void confine_limits(void)
{
	static const int unlimited[] = { RLIMIT_FSIZE, RLIMIT_AS, RLIMIT_DATA, RLIMIT_CPU, RLIMIT_RSS };
	struct rlimit files;

	for (unsigned i = 0; i < ARRAY_LEN(unlimited); i++)
		confine_limit(unlimited[i], RLIM_INFINITY, RLIM_INFINITY);
	if (getrlimit(RLIMIT_NOFILE, &files) == 0)
		confine_limit(RLIMIT_NOFILE, files.rlim_max, files.rlim_max);
	confine_limit(RLIMIT_CORE, 0, 0);
	confine_limit(RLIMIT_STACK, 256 * 1024, 256 * 1024);
	confine_limit(RLIMIT_MEMLOCK, 0, 0);
	confine_limit(RLIMIT_MSGQUEUE, 0, 0);
	confine_limit(RLIMIT_RTPRIO, 0, 0);
	confine_limit(RLIMIT_NICE, 0, 0);
}

/* ---- namespaces ---- */

/*
 * As root the sandbox gets a user number that nobody else has, so that its
 * processes own nothing on the host.  Where such numbers are not mapped (we are
 * in a container), the one of nobody; where that fails too, it stays as it is and
 * the user namespace and missing capabilities must do.
 */
void confine_user(pid_t parent)
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

	confine_write("/proc/self/setgroups", "deny");
	snprintf(text, sizeof text, "%u %u 1\n", uid, uid);
	confine_write("/proc/self/uid_map", text);
	snprintf(text, sizeof text, "%u %u 1\n", gid, gid);
	confine_write("/proc/self/gid_map", text);
}

void confine_namespaces(void)
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
void confine_root(void)
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
void confine_old_root(void)
{
	if (old_root && umount2(".", MNT_DETACH) < 0)
		GIVE_UP("cannot leave the old root: %s", strerror(errno));
}

/* What is mounted above the root is where ".." of it leads. */
static bool root_is_bare(void)
{
	struct stat above, root;

	return stat("/..", &above) == 0 && stat("/", &root) == 0 && above.st_dev == root.st_dev;
}

/* If it cannot be taken off, init says so and the monitor ends us. */
void confine_await_root(void)
{
	struct timespec later = { .tv_nsec = 100000 };

	for (unsigned tries = 0; !root_is_bare(); tries++)
		if (tries < 100)
			sched_yield();
		else
			nanosleep(&later, NULL);
}

/* ---- privileges ---- */

void confine_capabilities(void)
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
void confine_paths(int pal)
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
	beneath.parent_fd = pal;
	if (fd < 0 || syscall(SYS_landlock_add_rule, fd, 1 /* PATH_BENEATH */, &beneath, 0) < 0 ||
	    syscall(SYS_landlock_restrict_self, fd, 0) < 0)
		GIVE_UP("cannot set the Landlock rules: %s", strerror(errno));
	close(fd);
}
