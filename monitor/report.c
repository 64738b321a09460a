/* SPDX-License-Identifier: MIT */
/*
 * monitor/report.c - what a panic leaves for `bailey report`: the library OS's words, registers and
 * addresses, which build it was, and the last lines of the trace if there was one.
 *
 * One file a sandbox in the state folder, closed to others.  It holds what the library OS said, unread: the
 * command that shows it makes control characters harmless, and leaves out texts of the guest unless
 * asked for them.
 */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "monitor/control.h"
#include "monitor/monitor.h"

#define LINES 24
#define REPORTS_MAX 32
#define LINE  200

static char lines[LINES][LINE] BIG_BSS;
static unsigned next_line;

void report_trace(const char *text, size_t len)
{
	char *line = lines[next_line++ % LINES];

	if (len >= LINE)
		len = LINE - 1;
	memcpy(line, text, len);
	line[len] = 0;
	for (size_t i = 0; i < len; i++)
		if (line[i] == '\n' || line[i] == 0)
			line[i] = ' ';
}

static void tell_image(int out, const char *name)
{
	struct stat st;
	int fd = sandbox_image(name);

	if (fd >= 0 && fstat(fd, &st) == 0)
		dprintf(out, "image=%s %llu %lld\n", name, (unsigned long long)st.st_size, (long long)st.st_mtime);
}

/* The library OS's own panics are a sentence, and on a second line who called: that is in the report. */
static size_t sentence(const char *text, size_t len)
{
	const char *end = memchr(text, '\n', len);

	return end && (size_t)(text + len - end) > 12 && !memcmp(end, "\ncalled from", 12) ? (size_t)(end - text) : len;
}

/* As many reports as there may be: who never looks at them shall not fill a disk. */
static bool too_many(int folder)
{
	char room[4096] __attribute__((aligned(8)));
	unsigned count = 0;
	long n;

	lseek(folder, 0, SEEK_SET);
	while ((n = syscall(SYS_getdents64, folder, room, sizeof room)) > 0)
		for (long at = 0; at < n; at += *(unsigned short *)(room + at + 16))
			count += !strncmp(room + at + 19, REPORT_PREFIX, strlen(REPORT_PREFIX));
	return count >= REPORTS_MAX;
}

size_t report_panic(int folder, const char *name, const char *text, size_t len)
{
	char path[48];
	int fd;

	if (too_many(folder))
		return len;

	snprintf(path, sizeof path, REPORT_PREFIX "%s", name);
	unlinkat(folder, path, 0);
	fd = openat(folder, path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		return len;
	dprintf(fd, "version=" BAILEY_VERSION "\ntime=%lld\ntrace=%s\n", (long long)time(NULL), spec.trace);
	if (!spec.bare)
		tell_image(fd, spec.image);
	for (unsigned i = 0; i < spec.ext_count; i++)
		dprintf(fd, "ext=%s\n", spec.ext[i].name);
	dprintf(fd, "panic=");
	for (size_t i = 0; i < len; i++)
		dprintf(fd, "%c", text[i] == '\n' || !text[i] ? '\t' : text[i]);
	dprintf(fd, "\n");
	for (unsigned i = next_line < LINES ? 0 : next_line - LINES; i < next_line; i++)
		dprintf(fd, "line=%s\n", lines[i % LINES]);
	close(fd);
	return sentence(text, len);
}
