/* SPDX-License-Identifier: MIT */
/*
 * cli/user.c - who the program believes to be: -u, or the caller.
 *
 * Names are looked up in the passwd file the program will see, read as a plain
 * file: no name service is asked.
 */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"

/* Field nr (0 = name) of a line of passwd or group; cuts the line. */
static char *field(char *line, unsigned nr)
{
	while (line && nr-- > 0) {
		line = strchr(line, ':');
		if (line)
			line++;
	}
	if (line)
		line[strcspn(line, ":\n")] = 0;
	return line;
}

/* The line of FILE whose field nr is key, or NULL. */
static char *find_line(const struct options *o, const char *file, unsigned nr, const char *key)
{
	char path[PATH_MAX], line[4096];
	FILE *f;
	char *found = NULL;

	snprintf(path, sizeof path, "%s/etc/%s", o->rootfs ? o->rootfs : "", file);
	f = fopen(path, "re");
	while (f && !found && fgets(line, sizeof line, f)) {
		char *copy = strdup(line), *value = field(copy, nr);

		if (value && !strcmp(value, key))
			found = strdup(line);
		free(copy);
	}
	if (f)
		fclose(f);
	return found;
}

static bool is_number(const char *text)
{
	return *text && strspn(text, "0123456789") == strlen(text) && strlen(text) < 10;
}

/* A number, or a name's number from FILE. */
static unsigned long id_of(const struct options *o, const char *file, const char *text)
{
	char *line, *id;

	if (is_number(text))
		return strtoul(text, NULL, 10);
	line = find_line(o, file, 0, text);
	id = field(line, 2);
	if (!id || !is_number(id))
		fail("-u: there is no %s in /etc/%s of the sandbox: give a number", text, file);
	return strtoul(id, NULL, 10);
}

static void caller_groups(void)
{
	gid_t groups[64];
	int n = getgroups(64, groups);
	char text[64 * 12] = "";
	size_t at = 0;

	for (int i = 0; i < n && i < 32; i++)
		at += (size_t)snprintf(text + at, sizeof text - at, "%s%u", i ? "," : "", groups[i]);
	if (n > 0)
		spec_add("groups", "%s", text);
}

const char *user_records(const struct options *o)
{
	unsigned long uid = geteuid(), gid = getegid();
	char *copy, *group, *line, number[24];

	if (!o->user) {
		spec_add("uid", "%lu", uid);
		spec_add("gid", "%lu", gid);
		caller_groups();
		return getenv("HOME");
	}
	copy = strdup(o->user);
	if (!copy)
		fail("no memory");
	group = strchr(copy, ':');
	if (group)
		*group++ = 0;
	uid = id_of(o, "passwd", copy);
	snprintf(number, sizeof number, "%lu", uid);
	line = find_line(o, "passwd", 2, number);
	if (group) {
		gid = id_of(o, "group", group);
	} else if (line) {
		char *c = strdup(line), *g = field(c, 3);

		gid = g && is_number(g) ? strtoul(g, NULL, 10) : 0;
		free(c);
	} else {
		gid = uid;
	}
	spec_add("uid", "%lu", uid);
	spec_add("gid", "%lu", gid);
	return line ? field(line, 5) : "/";
}
