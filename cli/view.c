/* SPDX-License-Identifier: MIT */
/*
 * cli/view.c - what of the host a sandbox sees.
 *
 * By default the host's root, read-only, without what an untrusted program has no
 * business with; the working directory is shown even if it lies there.  The
 * library OS puts memory over it for what the program writes, and its own /proc,
 * /dev, /sys, /tmp and /run on top.
 */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/cli.h"

static const char *const hidden[] = { "/root", "/home", "/run", "/var/run", "/proc", "/sys", "/dev", "/tmp", "/var/tmp",
	"/etc/shadow*", "/etc/gshadow*", "/etc/sudoers", "/etc/sudoers.d", "/etc/ssl/private", "/etc/ssh/ssh_host_*",
	"/var/lib/docker", "/var/lib/containerd", "/var/lib/containers", "/var/spool/cron" };
/* What the library OS mounts over the root, in order. */
static const char *const covers[] = { "tmpfs:rw:/tmp", "tmpfs:rw:/var/tmp", "tmpfs:rw:/run", "sys:ro:/sys", "proc:rw:/proc",
	"dev:rw:/dev", "tmpfs:rw:/dev/shm" };

static bool below(const char *path, const char *dir)
{
	size_t len = strlen(dir);

	return !strncmp(path, dir, len) && (path[len] == 0 || path[len] == '/');
}

/* Folders that stay the library OS's own whatever the working directory is. */
static bool own_of_guest(const char *path)
{
	return below(path, "/proc") || below(path, "/sys") || below(path, "/dev") || !strcmp(path, "/tmp") || !strcmp(path, "/run") ||
	    !strcmp(path, "/var/tmp");
}

static void show_workdir(const char *cwd)
{
	if (own_of_guest(cwd))
		return;
	for (unsigned i = 0; i < sizeof hidden / sizeof hidden[0]; i++) {
		if (!below(cwd, hidden[i]))
			continue;
		spec_add("m.show", "%s", cwd);
		return;
	}
}

/* The working directory is the caller's to give, also what only root can read; system folders are not. */
static bool own_of_caller(const char *cwd)
{
	static const char *const system[] = { "/etc", "/usr", "/var", "/boot", "/bin", "/sbin", "/lib", "/lib64", "/lib32" };

	for (unsigned i = 0; i < sizeof system / sizeof system[0]; i++)
		if (below(cwd, system[i]))
			return false;
	return cwd[1] && !own_of_guest(cwd);
}

static void host_root(const char *cwd)
{
	const char *home = getenv("HOME");

	spec_add("m.mount", "ro,view:/");
	spec_add("m.host", "/");
	for (unsigned i = 0; i < sizeof hidden / sizeof hidden[0]; i++)
		spec_add("m.hide", "%s", hidden[i]);
	if (home && home[0] == '/' && home[1] && !below(home, "/home") && !below(home, "/root") && home[strlen(home) - 1] != '/' && !strstr(home, "/.") &&
	    !strstr(home, "//"))
		spec_add("m.hide", "%s", home);
	show_workdir(cwd);
	if (own_of_caller(cwd))
		spec_add("m.own", "%s", cwd);
}

static void other_root(const char *dir)
{
	char *real = realpath(dir, NULL);
	struct stat st;

	if (!real || stat(real, &st) < 0)
		fail("--rootfs %s cannot be used: %s", dir, strerror(errno));
	if (!S_ISDIR(st.st_mode))
		fail("--rootfs %s is no folder", dir);
	spec_add("m.mount", "ro:/");
	spec_add("m.host", "%s", real);
}

bool is_drive(const char *text)
{
	return ((text[0] >= 'a' && text[0] <= 'z') || (text[0] >= 'A' && text[0] <= 'Z')) && text[1] == ':';
}

char *drive_path(const char *text)
{
	char *out;
	size_t n;

	if (!is_drive(text) || (text[2] != '\\' && text[2] != '/' && text[2] != 0))
		return NULL;
	out = malloc(strlen(text) + sizeof "/mnt/c");
	if (!out)
		fail("no memory");
	n = (text[0] | 0x20) == 'z' ? 0 : (size_t)sprintf(out, "/mnt/%c", text[0] | 0x20);
	strcpy(out + n, text + 2);
	for (char *p = out + n; *p; p++)
		if (*p == '\\')
			*p = '/';
	if (!*out)
		strcpy(out, "/");
	return out;
}

/* Absolute and canonical, without asking the host: it is the guest's path. */
static char *guest_path(const char *given)
{
	char *drive = drive_path(given), *out = malloc(strlen(given) + sizeof "/mnt/c");
	const char *text = drive ? drive : given;
	size_t n = 0;

	if (!out)
		fail("no memory");
	if (text[0] != '/')
		fail("-v: %s must be an absolute path inside the sandbox, or one of a drive, like D:\\data", text);
	for (const char *p = text; *p;) {
		size_t len;

		while (*p == '/')
			p++;
		len = strcspn(p, "/");
		if (len == 0)
			break;
		if (len == 2 && !memcmp(p, "..", 2))
			fail("-v: %s must not have .. in it", text);
		if (!(len == 1 && *p == '.')) {
			out[n++] = '/';
			memcpy(out + n, p, len);
			n += len;
		}
		p += len;
	}
	if (n == 0)
		out[n++] = '/';
	out[n] = 0;
	free(drive);
	return out;
}

/* What is behind GUEST, which is cut there: ro or rw; NULL: nothing.  D:ro is drive D:, as D::ro is. */
static char *cut_mode(char *guest)
{
	bool drive = is_drive(guest);
	char *mode = strchr(guest + (drive ? 2 : 0), ':');

	if (drive && (!strcmp(guest + 2, "ro") || !strcmp(guest + 2, "rw"))) {
		mode = strdup(guest + 2);
		guest[2] = 0;
	} else if (mode) {
		*mode++ = 0;
	}
	return mode;
}

static void volume(const char *text)
{
	char *copy = strdup(text), *guest = copy ? strchr(copy, ':') : NULL, *mode, *host;
	bool ro = false;

	if (!copy || !guest)
		fail("-v %s: write it as HOST:GUEST or HOST:GUEST:ro", text);
	*guest++ = 0;
	mode = cut_mode(guest);
	if (mode) {
		ro = !strcmp(mode, "ro");
		if (!ro && strcmp(mode, "rw") != 0)
			fail("-v %s: behind the second colon goes ro or rw", text);
	}
	host = realpath(copy, NULL);
	if (!host)
		fail("-v %s: %s: %s", text, copy, errno == ENOENT ? "there is no such folder on this host: make it first" : strerror(errno));
	guest = guest_path(guest);
	spec_add("m.mount", "%s:%s", ro ? "ro" : "rw", guest);
	spec_add("m.host", "%s", host);
	spec_add("mount", "host:%s:%s", ro ? "ro" : "rw", guest);
}

void view_records(const struct options *o, const char *cwd)
{
	if (o->rootfs)
		other_root(o->rootfs);
	else
		host_root(cwd);
	spec_add("mount", "overlay:rw:/");
	hosts_record(o);
	for (unsigned i = 0; i < sizeof covers / sizeof covers[0]; i++)
		spec_add("mount", "%s", covers[i]);
	/* A working directory below one of the covered places is put on top again. */
	if (!o->rootfs && !own_of_guest(cwd) && (below(cwd, "/tmp") || below(cwd, "/var/tmp") || below(cwd, "/run")))
		spec_add("mount", "overlay:rw:%s", cwd);
	for (unsigned i = 0; i < o->volumes.count; i++)
		volume(o->volumes.at[i]);
}
