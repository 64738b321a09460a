/* SPDX-License-Identifier: MIT */
/*
 * monitor/policy.c - the one place that says yes to a path.
 *
 * A guest path belongs to the mount with the longest prefix; what is below it is
 * reached only relative to that mount's descriptor, with openat2 refusing ".." and
 * every link, so that a yes here cannot be led astray by what a guest renames.
 * A mount with MOUNT_VIEW is a view of the host's root: hide rules hold there,
 * and what a show rule names is visible in spite of them.  A hidden folder itself
 * remains as an empty one (mount points and home directories need to exist), as do
 * folders on the way to something shown; what is below is not there at all.
 * No mount, no file: deny is what happens when nothing says yes.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "monitor/monitor.h"

struct mount {
	const char *guest, *host, *name; /* name: a single file below fd */
	size_t len;                      /* of guest; 0 for "/" */
	int fd;
	uint32_t flags;
};
static struct mount mounts[128] BIG_BSS;
static unsigned mount_count;
static const char *hides[128], *shows[64], *owns[16];
static unsigned hide_count, show_count, own_count;

/* Absolute, no empty part, no "." and no "..", no slash at the end. */
bool path_canonical(const char *path, size_t len)
{
	size_t start = 1;

	if (len == 0 || len >= PATH_MAX || path[0] != '/' || memchr(path, 0, len))
		return false;
	for (size_t i = 1; len > 1 && i <= len; i++) {
		size_t part = i - start;

		if (i < len && path[i] != '/')
			continue;
		if (part == 0 || (part == 1 && path[start] == '.') || (part == 2 && !memcmp(path + start, "..", 2)))
			return false;
		start = i + 1;
	}
	return true;
}

/* path is dir or lies below it. */
static bool is_below(const char *path, const char *dir, size_t len)
{
	if (len == 1 && dir[0] == '/')
		return true;
	return !strncmp(path, dir, len) && (path[len] == 0 || path[len] == '/');
}

static int open_mount(const char *host, const char **name)
{
	struct stat st;
	int fd;

	*name = NULL;
	fd = open(host, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (fd >= 0 || errno != ENOTDIR || stat(host, &st) < 0)
		return fd;
	/* A single file: hold its folder and its name. */
	char *dir = strdup(host), *slash = dir ? strrchr(dir, '/') : NULL;

	if (!slash) {
		free(dir);
		return -1;
	}
	*name = strdup(slash + 1);
	*(slash == dir ? slash + 1 : slash) = 0;
	fd = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	free(dir);
	return fd;
}

void policy_mount(const char *flags, const char *guest, const char *host)
{
	struct mount *m = &mounts[mount_count];

	if (mount_count == ARRAY_LEN(mounts))
		fail("there is room for %zu folders only", ARRAY_LEN(mounts));
	if (!path_canonical(guest, strlen(guest)))
		fail("%s is no absolute path without . and ..", guest);
	m->guest = guest;
	m->host = host;
	m->len = guest[1] ? strlen(guest) : 0;
	m->flags = (strncmp(flags, "rw", 2) == 0 ? MOUNT_RW : 0) | (strstr(flags, ",view") ? MOUNT_VIEW : 0);
	m->fd = open_mount(host, &m->name);
	if (m->fd < 0)
		fail("cannot open %s: %s", host, strerror(errno));
	if (fs_is_local(m->fd))
		m->flags |= MOUNT_LOCAL;
	mount_count++;
}

static void add_rule(const char **rules, unsigned *count, size_t max, const char *path)
{
	if (!path_canonical(path, strlen(path)))
		fail("the rule %s is no absolute path without . and ..", path);
	if (*count == max)
		fail("there are more than %zu rules for what is shown", max);
	rules[(*count)++] = path;
}

void policy_hide(const char *path)
{
	add_rule(hides, &hide_count, ARRAY_LEN(hides), path);
}

void policy_show(const char *path)
{
	add_rule(shows, &show_count, ARRAY_LEN(shows), path);
}

void policy_own(const char *path)
{
	add_rule(owns, &own_count, ARRAY_LEN(owns), path);
}

void policy_each_mount(void (*fn)(int fd, bool write))
{
	for (unsigned i = 0; i < mount_count; i++)
		fn(mounts[i].fd, mounts[i].flags & MOUNT_RW);
}

void policy_log(void)
{
	for (unsigned i = 0; i < mount_count; i++)
		log_line(DK_LOG_INFO, "view: %s is %s of the host, %s", mounts[i].guest, mounts[i].host,
		    mounts[i].flags & MOUNT_RW ? "read-write" : "read-only");
	for (unsigned i = 0; i < hide_count; i++)
		log_line(DK_LOG_INFO, "view: %s is hidden", hides[i]);
	for (unsigned i = 0; i < show_count; i++)
		log_line(DK_LOG_INFO, "view: %s is shown", shows[i]);
}

#define NOBODY 65534u

unsigned own_gid; /* known before the filter, which has no getegid */

void as_nobody(const struct where *w)
{
	if (!(w->flags & MOUNT_NOBODY))
		return;
	syscall(SYS_setfsgid, NOBODY);
	syscall(SYS_setfsuid, NOBODY);
}

void as_self(const struct where *w)
{
	int err = errno;

	if (!(w->flags & MOUNT_NOBODY))
		return;
	syscall(SYS_setfsuid, 0);
	syscall(SYS_setfsgid, own_gid);
	errno = err;
}

enum verdict { SHOWN, BARE, HIDDEN };

static enum verdict judge(const char *path)
{
	size_t len = strlen(path);

	for (unsigned i = 0; i < show_count; i++)
		if (is_below(path, shows[i], strlen(shows[i])))
			return SHOWN;
	for (unsigned i = 0; i < hide_count; i++) {
		size_t n = strlen(hides[i]);

		if (hides[i][n - 1] == '*') {
			if (!strncmp(path, hides[i], n - 1))
				return HIDDEN;
			continue;
		}
		if (!is_below(path, hides[i], n))
			continue;
		if (path[n] == 0)
			return BARE;
		for (unsigned k = 0; k < show_count; k++)
			if (is_below(shows[k], path, len))
				return BARE;
		return HIDDEN;
	}
	return SHOWN;
}

/* Below a place that the caller means to give: his own rights hold there. */
static bool is_own(const char *path)
{
	for (unsigned i = 0; i < own_count; i++)
		if (is_below(path, owns[i], strlen(owns[i])))
			return true;
	for (unsigned i = 0; i < show_count; i++)
		if (is_below(path, shows[i], strlen(shows[i])))
			return true;
	return false;
}

static const struct mount *mount_of(const char *path)
{
	const struct mount *best = NULL;

	for (unsigned i = 0; i < mount_count; i++) {
		const struct mount *m = &mounts[i];

		/* Of two on one place the later wins. */
		if ((m->len == 0 || is_below(path, m->guest, m->len)) && (!best || m->len >= best->len))
			best = m;
	}
	return best;
}

/* Does some mount lie strictly below path? */
bool policy_leads_to_mount(const char *path)
{
	size_t len = strlen(path);

	for (unsigned i = 0; i < mount_count; i++)
		if (mounts[i].len > len && is_below(mounts[i].guest, path, len))
			return true;
	return false;
}

enum dk_status policy_find(const char *path, struct where *out)
{
	const struct mount *m = mount_of(path);
	const char *rest;

	if (!m)
		return DK_NOT_FOUND;
	*out = (struct where){ .dirfd = m->fd, .flags = m->flags };
	if (m->flags & MOUNT_VIEW) {
		enum verdict v = judge(path);

		if (v == HIDDEN)
			return DK_NOT_FOUND;
		out->bare = v == BARE;
		if (as_root && !is_own(path))
			out->flags |= MOUNT_NOBODY;
	}
	rest = path + m->len;
	while (*rest == '/')
		rest++;
	out->is_root = *rest == 0;
	if (m->name) {
		if (*rest)
			return DK_NOT_DIRECTORY;
		out->fixed = m->name;
	} else if (!*rest) {
		out->fixed = ".";
	} else {
		out->offset = (uint32_t)(rest - path); /* the caller adds where path lies */
	}
	return DK_OK;
}

/* Can some child of dir be hidden?  Spares judging each entry of most folders. */
bool policy_has_rules(const char *dir)
{
	size_t len = strlen(dir);
	const struct mount *m = mount_of(dir);

	if (!m || !(m->flags & MOUNT_VIEW))
		return false;
	if (judge(dir) == BARE)
		return true;
	for (unsigned i = 0; i < hide_count; i++)
		if (len == 1 ? strchr(hides[i] + 1, '/') == NULL :
			       !strncmp(hides[i], dir, len) && hides[i][len] == '/' && !strchr(hides[i] + len + 1, '/'))
			return true;
	return false;
}

bool policy_child_hidden(const char *dir, const char *name)
{
	char path[PATH_MAX + 300];

	snprintf(path, sizeof path, "%s/%s", dir[1] ? dir : "", name);
	return judge(path) == HIDDEN;
}
