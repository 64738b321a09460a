/* SPDX-License-Identifier: MIT */
/*
 * cli/hosts.c - /etc/hosts as the sandbox sees it.
 *
 * A host's own name is in its /etc/hosts; the sandbox has another name, so the file inside
 * gets a line with that one behind what the root's has.  It is read here, before
 * the sandbox is made, since a file of one's own root costs no trip then.
 */
#include <fcntl.h>
#include <linux/openat2.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "cli/cli.h"

#define HOSTS_MAX 4096 /* longer ones (block lists) are shown as they are */

/* Reads the root's file: its size, or -1 = none that can be used.  No link leads out of dir. */
static ssize_t read_hosts(const char *dir, char *text)
{
	struct open_how how = { .flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, .resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS };
	int root = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	int fd = root < 0 ? -1 : (int)syscall(SYS_openat2, root, "etc/hosts", &how, sizeof how);
	ssize_t n = fd < 0 ? -1 : read(fd, text, HOSTS_MAX);

	if (fd >= 0)
		close(fd);
	if (root >= 0)
		close(root);
	return n >= HOSTS_MAX || (n > 0 && memchr(text, 0, (size_t)n)) ? -1 : n;
}

/* Is name one of the names that text knows? */
static bool has_name(const char *text, const char *name)
{
	size_t len = strlen(name);

	while (*text) {
		const char *end = text + strcspn(text, "\n");

		for (const char *at = text; at < end && *at != '#';) {
			size_t word = strcspn(at, " \t\r\n#");

			if (at != text && word == len && !memcmp(at, name, len))
				return true;
			at += word;
			at += strspn(at, " \t\r");
		}
		text = end + (*end != 0);
	}
	return false;
}

void hosts_record(const struct options *o)
{
	char text[HOSTS_MAX + 1];
	ssize_t n = read_hosts(o->rootfs ? o->rootfs : "/", text);

	if (n < 0)
		return;
	text[n] = 0;
	if (has_name(text, host_name(o)))
		return;
	spec_add("hosts", "%s%s127.0.1.1\t%s\n", text, n == 0 || text[n - 1] == '\n' ? "" : "\n", host_name(o));
}
