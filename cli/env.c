/* SPDX-License-Identifier: MIT */
/*
 * cli/env.c - the program's environment.
 *
 * Little of the caller's gets through: variables carry tokens and sockets that a
 * sandboxed program has no business with.  -e and --env-file add; the last wins.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"

extern char **environ;

static struct list_of vars;

static void put(const char *text)
{
	size_t len = strcspn(text, "=") + 1;

	for (unsigned i = 0; i < vars.count; i++)
		if (!strncmp(vars.at[i], text, len)) {
			vars.at[i] = text;
			return;
		}
	list_add(&vars, text);
}

static void put_value(const char *name, const char *value)
{
	char *text = malloc(strlen(name) + strlen(value) + 2);

	if (!text)
		fail("no memory");
	sprintf(text, "%s=%s", name, value);
	put(text);
}

static void inherit(const char *name)
{
	const char *value = getenv(name);

	if (value)
		put_value(name, value);
}

/* NAME=VALUE, or NAME alone: the caller's, if there is one. */
static void from_option(const char *text)
{
	if (strchr(text, '='))
		put(text);
	else
		inherit(text);
}

static void from_file(const char *path)
{
	char *line = NULL;
	size_t room = 0;
	FILE *f = fopen(path, "re");

	if (!f)
		fail("--env-file %s: %s", path, strerror(errno));
	while (getline(&line, &room, f) > 0) {
		line[strcspn(line, "\r\n")] = 0;
		if (line[0] && line[0] != '#')
			from_option(strdup(line));
	}
	free(line);
	fclose(f);
}

void env_records(const struct options *o, const char *home)
{
	static const char *const kept[] = { "PATH", "USER", "LOGNAME", "SHELL", "TERM", "LANG", "TZ" };

	for (unsigned i = 0; i < sizeof kept / sizeof kept[0]; i++)
		inherit(kept[i]);
	for (char **e = environ; *e; e++)
		if (!strncmp(*e, "LC_", 3))
			put(*e);
	if (!getenv("PATH") || o->rootfs)
		put("PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
	if (home)
		put_value("HOME", home);
	for (unsigned i = 0; i < o->env_files.count; i++)
		from_file(o->env_files.at[i]);
	for (unsigned i = 0; i < o->env.count; i++)
		from_option(o->env.at[i]);
	for (unsigned i = 0; i < vars.count; i++)
		spec_add("env", "%s", vars.at[i]);
}
