/* SPDX-License-Identifier: MIT */
/* cli/run.c - `bailey run`: options to spec, then the process becomes the monitor. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/cli.h"

/* Room for most, so that it need not be asked for and moved. */
static char first_room[8192] BIG_BSS;
static char *spec = first_room;
static size_t spec_len, spec_room = sizeof first_room;

void spec_add(const char *key, const char *format, ...)
{
	size_t key_len = strlen(key), need = key_len + 256;
	va_list ap;
	int n;

	for (;;) {
		if (spec_len + need + 2 > spec_room) {
			char *more = malloc((spec_room + need) * 2);

			if (!more)
				fail("no memory for the settings");
			memcpy(more, spec, spec_len);
			if (spec != first_room)
				free(spec);
			spec = more;
			spec_room = (spec_room + need) * 2;
		}
		va_start(ap, format);
		n = vsnprintf(spec + spec_len + key_len + 1, need - key_len, format, ap);
		va_end(ap);
		if (n < 0)
			fail("the settings cannot be written down");
		if ((size_t)n < need - key_len)
			break;
		need = key_len + (size_t)n + 1;
	}
	memcpy(spec + spec_len, key, key_len);
	spec[spec_len + key_len] = '=';
	spec_len += key_len + (size_t)n + 2;
}

static void place_fd(int fd, int to)
{
	if (fd != to && (dup2(fd, to) < 0))
		fail("cannot place a descriptor: %s", strerror(errno));
	fcntl(to, F_SETFD, 0);
}

/* Closed standard streams become /dev/null, so that no other file takes their numbers. */
static void fill_std(void)
{
	for (int fd = 0; fd <= 2; fd++)
		if (fcntl(fd, F_GETFD) < 0)
			(void)!open("/dev/null", O_RDWR); /* takes the lowest number that is free */
}

static int high(int fd)
{
	int up = fd < 0 ? fd : fcntl(fd, F_DUPFD_CLOEXEC, 10);

	if (up < 0)
		fail("cannot make a descriptor (%s): the limit of open files (ulimit -n) may be too low", strerror(errno));
	close(fd);
	return up;
}

static void open_log(const char *path)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);

	if (fd < 0)
		fail("--log %s: %s", path, strerror(errno));
	place_fd(high(fd), MONITOR_LOG_FD);
}

static const char *working_directory(const struct options *o)
{
	char *cwd;

	if (o->workdir) {
		cwd = drive_path(o->workdir);
		if (!cwd && o->workdir[0] != '/')
			fail("-w %s must be an absolute path inside the sandbox", o->workdir);
		return cwd ? cwd : o->workdir;
	}
	if (o->rootfs)
		return "/";
	cwd = getcwd(NULL, 0);
	if (!cwd || cwd[0] != '/')
		fail("the working directory is gone: change to another or use -w");
	return cwd;
}

/* A program named by a path that the sandbox will not see: better said now. */
static void check_program(const struct options *o, const char *cwd)
{
	const char *p = o->args[0];

	if (o->rootfs || o->volumes.count || !p || strncmp(p, "/tmp/", 5) != 0 || access(p, F_OK) < 0)
		return;
	if (!strcmp(cwd, "/tmp") || strncmp(cwd, "/tmp/", 5) != 0 || strncmp(p, cwd, strlen(cwd)) != 0)
		warn("%s lies in /tmp, which is private to a sandbox: start it from its own folder, or show it with -v", p);
}

static void add_monitor_records(const struct options *o)
{
	bool have_trace = false;

	if (o->name)
		spec_add("m.name", "%s", o->name);
	if (o->bare) {
		spec_add("m.bare", "1");
		spec_add("m.image", "%s", o->bare);
	}
	if (o->memory)
		spec_add("m.memory", "%llu", (unsigned long long)o->memory);
	if (o->pids)
		spec_add("m.pids", "%llu", (unsigned long long)o->pids);
	if (o->cpus)
		spec_add("m.cpus", "%llu", (unsigned long long)o->cpus);
	for (unsigned i = 0; i < o->net.count; i++)
		spec_add("m.net", "%s", o->net.at[i]);
	for (unsigned i = 0; i < o->publish.count; i++)
		spec_add("m.publish", "%s", o->publish.at[i]);
	if (o->pcap)
		spec_add("m.pcap", "%s", o->pcap);
	for (unsigned i = 0; i < o->exts.count; i++) {
		spec_add("m.ext", "%s", o->exts.at[i]);
		have_trace = have_trace || !strncmp(o->exts.at[i], "trace", 5);
	}
	if (o->trace) {
		spec_add("m.trace", "%s", o->trace);
		if (strstr(o->trace, "dk") && !have_trace)
			spec_add("m.ext", "trace");
	}
	if (o->verbose)
		spec_add("m.verbose", "1");
	if (o->stats) {
		spec_add("m.stats", "1");
		spec_add("stats", "1");
	}
}

static void add_program(const struct options *o, const char *cwd)
{
	char *exe = o->args[0] ? drive_path(o->args[0]) : NULL;
	mode_t mask = umask(0);

	umask(mask);
	spec_add("umask", "0%03o", (unsigned)mask);
	spec_add("cwd", "%s", cwd);
	if (!o->workdir && !o->rootfs)
		spec_add("cwd_later", "1"); /* it is there: most programs never ask */
	spec_add("hostname", "%s", host_name(o));
	if (o->args[0])
		spec_add("exe", "%s", exe ? exe : o->args[0]);
	for (char **a = o->args; *a; a++)
		spec_add("arg", "%s", *a);
}

int command_run(int argc, char **argv)
{
	struct options o = { 0 };
	const char *cwd, *home;

	fill_std();
	options_parse(&o, argc, argv);
	if (o.tty && !isatty(0))
		fail("-t needs a terminal, and the input is none: leave -t out");
	cwd = working_directory(&o);
	add_monitor_records(&o);
	view_records(&o, cwd);
	registry_records(&o);
	home = user_records(&o);
	env_records(&o, home);
	spec_add("m.tty", "%d", isatty(0) ? 1 : 0);
	add_program(&o, cwd);
	if (o.log)
		open_log(o.log);
	check_program(&o, cwd);
	spec[spec_len++] = 0;
	monitor_run(spec, spec_len, o.log ? MONITOR_LOG_FD : -1);
}
