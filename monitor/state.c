/* SPDX-License-Identifier: MIT */
/*
 * monitor/state.c - what is known of running sandboxes, and sweeping up after dead
 * monitors.
 *
 * Each monitor keeps one locked file, FOLDER/PID, with its sandbox's name and its
 * cgroups.  A file whose lock can be taken belongs to a monitor that was killed:
 * its processes are gone already (the namespace died), its cgroups are removed
 * here, then the file.  A sandbox without cgroups leaves nothing, so its file is
 * made only when it has run for a while: a short program does not pay for it
 * (0.15 ms).  FOLDER is /run/bailey as root, else $XDG_RUNTIME_DIR/bailey
 * or /tmp/bailey-UID, and must be the user's own and closed to others.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "monitor/control.h"
#include "monitor/monitor.h"

#define LATER_NS 50000000u

static int folder_fd = -1, own_fd = -1;
static char own_name[32];
static uint64_t due_ns; /* when the file, or its socket, is to be made; 0 = it is, or never will be */
static bool early;      /* the file came before there was a loop; the socket is due */

void state_folder(char *path, size_t size)
{
	const char *run = getenv("XDG_RUNTIME_DIR");

	if (geteuid() == 0)
		snprintf(path, size, "/run/bailey");
	else if (run && run[0] == '/' && access(run, W_OK) == 0)
		snprintf(path, size, "%s/bailey", run);
	else
		snprintf(path, size, "/tmp/bailey-%u", geteuid());
}

int state_folder_fd(void)
{
	return folder_fd;
}

static int open_folder(void)
{
	char path[PATH_MAX];
	struct stat st;
	int fd;

	state_folder(path, sizeof path);
	fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 && errno == ENOENT && mkdir(path, 0700) == 0)
		fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return -1;
	if (fstat(fd, &st) < 0 || st.st_uid != geteuid() || (st.st_mode & 077)) {
		log_line(DK_LOG_WARNING, "%s is not this user's own closed folder: the sandbox is not listed", path);
		close(fd);
		return -1;
	}
	return fd;
}

/* Removes a cgroup that a dead monitor left: only names of the form we make.  False: its processes are still dying. */
static bool sweep_cgroup(const char *path)
{
	const char *last = strrchr(path, '/');

	if (strncmp(path, "/sys/fs/cgroup/", 15) != 0 || strstr(path, "/../") || !last || strncmp(last, "/bailey-", 8) != 0)
		return true;
	for (unsigned tries = 0; rmdir(path) < 0 && errno == EBUSY; tries++) {
		if (tries == 50)
			return false;
		usleep(2000);
	}
	return true;
}

static void unlink_socket(const char *name)
{
	char path[sizeof own_name + sizeof CONTROL_PREFIX];

	snprintf(path, sizeof path, CONTROL_PREFIX "%s", name);
	unlinkat(folder_fd, path, 0);
}

static void sweep_one(const char *name)
{
	char text[4 * PATH_MAX], *save = NULL;
	int fd = openat(folder_fd, name, O_RDWR | O_NOFOLLOW | O_CLOEXEC);
	bool clean = true;
	ssize_t n;

	if (fd < 0)
		return;
	if (flock(fd, LOCK_EX | LOCK_NB) == 0) {
		n = read(fd, text, sizeof text - 1);
		text[n < 0 ? 0 : n] = 0;
		for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save))
			if (!strncmp(line, "cgroup=", 7))
				clean = sweep_cgroup(line + 7) && clean;
		if (clean) { /* else the next command finds it again */
			unlink_socket(name);
			unlinkat(folder_fd, name, 0);
		}
	}
	close(fd);
}

/* One that is in use has its file beside it, which is there first and goes last. */
static void sweep_socket(const char *name)
{
	if (faccessat(folder_fd, name + strlen(CONTROL_PREFIX), F_OK, 0) < 0 && errno == ENOENT)
		unlinkat(folder_fd, name, 0);
}

/* The kernel's own call: opendir asks for a buffer, which costs three times as much as the look. */
static void sweep(void)
{
	struct {
		uint64_t ino, off;
		unsigned short len;
		unsigned char type;
		char name[];
	} *e;
	char room[4096] __attribute__((aligned(8)));
	long n;

	while ((n = syscall(SYS_getdents64, folder_fd, room, sizeof room)) > 0)
		for (long at = 0; at < n; at += e->len) {
			e = (void *)(room + at);
			if (e->name[0] >= '0' && e->name[0] <= '9')
				sweep_one(e->name); /* our own number, too: whoever had it is dead */
			else if (!strncmp(e->name, CONTROL_PREFIX, strlen(CONTROL_PREFIX)))
				sweep_socket(e->name);
			else if (!strncmp(e->name, "cpuid-", 6) && kill((pid_t)strtol(e->name + 6, NULL, 10), 0) < 0 && errno == ESRCH)
				unlinkat(folder_fd, e->name, 0); /* half-written: cpuid.c */
		}
}

/* One line, whatever the name has in it. */
static void write_program(const char *record, void *arg)
{
	char line[256];

	if (strncmp(record, "exe=", 4) != 0)
		return;
	snprintf(line, sizeof line, "program=%s", record + 4);
	for (char *c = line; *c; c++)
		if (*c == '\n')
			*c = '?';
	dprintf(*(int *)arg, "%s\n", line);
}

/* Somebody who sweeps may meet the file before it is locked, and take it for a dead one's: then another. */
static int locked_file(void)
{
	struct stat st;

	for (unsigned tries = 0; tries < 20; tries++) {
		int fd = openat(folder_fd, own_name, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);

		if (fd < 0)
			return -1;
		if (flock(fd, LOCK_EX | LOCK_NB) == 0 && fstat(fd, &st) == 0 && st.st_nlink > 0 && ftruncate(fd, 0) == 0)
			return fd;
		close(fd);
		usleep(500);
	}
	return -1;
}

static void make_file(void)
{
	due_ns = 0;
	own_fd = locked_file();
	if (own_fd < 0)
		return;
	dprintf(own_fd, "pid=%d\nname=%s\n", getpid(), spec.name ? spec.name : "");
	spec_each_config(write_program, &own_fd);
	if (!early)
		control_name(folder_fd, own_name);
}

/* Its cgroups are written down before they are made, when there is no loop yet. */
static void name_later(void)
{
	early = false;
	due_ns = 0;
	control_name(folder_fd, own_name);
}

void state_cgroup(const char *path)
{
	if (folder_fd >= 0 && own_fd < 0) {
		early = true;
		make_file();
		due_ns = now_ns() + LATER_NS;
	}
	if (own_fd >= 0)
		dprintf(own_fd, "cgroup=%s\n", path);
}

void state_make(void)
{
	folder_fd = open_folder();
	if (folder_fd < 0)
		return;
	snprintf(own_name, sizeof own_name, "%d", getpid());
	sweep();
	control_make();
	due_ns = now_ns() + LATER_NS;
}

int state_timeout_ms(void)
{
	uint64_t now = due_ns ? now_ns() : 0;

	if (due_ns == 0)
		return -1;
	return now >= due_ns ? 0 : (int)((due_ns - now) / 1000000) + 1;
}

void state_tick(void)
{
	if (due_ns != 0 && now_ns() >= due_ns)
		early ? name_later() : make_file();
}

void state_allow(void (*fn)(int fd, bool write))
{
	if (folder_fd >= 0)
		fn(folder_fd, true);
}

void state_remove(void)
{
	if (own_fd >= 0) {
		unlink_socket(own_name);
		unlinkat(folder_fd, own_name, 0);
	}
	own_fd = -1;
}

size_t state_panic(const char *text, size_t len)
{
	return folder_fd >= 0 ? report_panic(folder_fd, own_name, text, len) : len;
}
