/* SPDX-License-Identifier: MIT */
/* tests/mon/opened.c - files opened many at a time (DK_ATTR_OPENED), from ops.c's kproc: what is refused, what comes open and what does not. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "tests/mon/fakepal.h"

static unsigned failures;

#define CHECK(cond)                                                                                  \
	do {                                                                                          \
		if (!(cond)) {                                                                        \
			failures++;                                                                   \
			say("opened.c line %d: %s (status %u)", __LINE__, #cond, reply.status);       \
		}                                                                                     \
	} while (0)

static enum dk_status opened(const char *uri)
{
	return call(MON_QUERY, 0, (uint64_t[5]){ DK_ATTR_OPENED }, uri, NULL, 0);
}

static const struct dk_opened *record(unsigned n)
{
	return (const struct dk_opened *)(const void *)reply_data + n;
}

static unsigned records(void)
{
	return reply.data_len / (unsigned)sizeof(struct dk_opened);
}

static void test_refused(void)
{
	static const char *const bad[] = { "file:/etc?", "file:/etc?..", "file:/etc?.", "file:/etc?passwd/..", "file:/etc?/passwd", "file:/etc?passwd/" };
	char many[200] = "file:/etc?x";

	for (unsigned i = 0; i < sizeof bad / sizeof bad[0]; i++)
		CHECK(opened(bad[i]) == DK_INVALID_ARG && reply.fds == 0);
	for (unsigned i = 1; i < DK_OPENED_NAMES; i++)
		strcat(many, "/x");
	CHECK(opened(many) == DK_OK && records() == DK_OPENED_NAMES && reply.fds == 0);
	strcat(many, "/x");
	CHECK(opened(many) == DK_INVALID_ARG);
	CHECK(opened("file:/etc") == DK_INVALID_URI && opened("file:/etc/../etc?passwd") == DK_INVALID_URI);
	CHECK(opened("file:/etc/passwd?x") != DK_OK && opened("file:/bin?sh") != DK_OK && opened("file:/proc/self?mem") != DK_OK && reply.fds == 0);
}

/* What is hidden, no file, or a link does not come; what is there was just looked at, so that nothing has to be waited for. */
unsigned test_opened(void)
{
	uint64_t args[5] = { DK_READ }, first, second;
	char c;

	test_refused();
	CHECK(call(MON_OPEN, 0, args, "file:/etc/passwd", NULL, 0) == DK_OK && close(reply_fd) == 0);
	CHECK(call(MON_OPEN, 0, args, "file:/etc/hostname", NULL, 0) == DK_OK && close(reply_fd) == 0);
	/* A rename or a mount anywhere on the host makes the kernel wait for a look-up. */
	for (unsigned i = 0; i < 50 && (opened("file:/etc?shadow/passwd/alternatives/nothing-here/hostname") != DK_OK || reply.fds != 2); i++)
		usleep(1000);
	CHECK(reply.status == DK_OK && records() == 5 && reply.fds == 2);
	CHECK(record(0)->status != DK_OK && record(0)->stream == 0 && record(0)->attr.inode == 0);
	CHECK(record(2)->stream == 0 && record(3)->status == DK_NOT_FOUND && record(3)->stream == 0);
	first = record(1)->stream;
	second = record(4)->stream;
	CHECK(record(1)->status == DK_OK && record(4)->status == DK_OK && first != 0 && second != 0 && first != second && record(1)->attr.type == DK_TYPE_FILE);
	CHECK(reply_fd >= 0 && pread(reply_fd, &c, 1, 0) == 1 && c == 'r' && write(reply_fd, "x", 1) < 0);
	CHECK(call(MON_FETCH, second, NULL, NULL, NULL, 0) == DK_OK && reply.fds == 1);
	CHECK(opened("file:/?bin/etc") == DK_OK && records() == 2 && reply.fds == 0 && record(1)->stream == 0);
	return failures;
}
