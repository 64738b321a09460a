/* SPDX-License-Identifier: MIT */
/* tests/mon/ahead.c - contents that are to be asked for next (DK_ATTR_CONTENTS), from ops.c's kproc: what is read ahead is answered, and nothing else is. */
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "tests/mon/fakepal.h"

static unsigned failures;

#define CHECK(cond)                                                                                  \
	do {                                                                                          \
		if (!(cond)) {                                                                        \
			failures++;                                                                   \
			say("ahead.c line %d: %s (status %u)", __LINE__, #cond, reply.status);        \
		}                                                                                     \
	} while (0)

static enum dk_status contents(const char *uri)
{
	return call(MON_QUERY, 0, (uint64_t[5]){ DK_ATTR_CONTENTS }, uri, NULL, 0);
}

/* The answer is of that many files, whose contents are these characters; '-' for one that is not there. */
static bool says(const char *text)
{
	const char *at = reply_data, *end = reply_data + reply.data_len;

	for (; *text && at < end; text++) {
		const struct dk_contents *c = (const void *)at;

		if (*text == '-' ? c->status != DK_NOT_FOUND : c->status != DK_OK || c->data_len != 1 || *(const char *)(c + 1) != *text || c->when_ns == 0)
			return false;
		at += c->size;
	}
	return !*text && at == end;
}

/* What can be had without waiting is told, and a rename or a mount anywhere on the host makes the kernel wait: ask again, then. */
static bool soon(const char *uri, const char *text)
{
	for (unsigned i = 0; i < 50; i++) {
		if (contents(uri) == DK_OK && says(text))
			return true;
		usleep(1000);
	}
	return false;
}

static void write_file(const char *uri, char text)
{
	struct mon_request close_it = { .op = MON_CLOSE };

	CHECK(call(MON_OPEN, 0, (uint64_t[5]){ DK_READ | DK_WRITE, DK_OPEN_OR_CREATE, 0, 0644, 7 }, uri, NULL, 0) == DK_OK);
	close_it.stream = reply.value[0];
	CHECK(pwrite(reply_fd, &text, 1, 0) == 1 && close(reply_fd) == 0);
	send_raw(&close_it, sizeof close_it);
}

static void make(void)
{
	CHECK(call(MON_OPEN, 0, (uint64_t[5]){ 0, DK_CREATE_NEW, DK_OPTION_TYPE(DK_TYPE_DIR), 0755, 7 }, "file:/v/ahead", NULL, 0) == DK_OK);
	write_file("file:/v/ahead/a", 'a');
	write_file("file:/v/ahead/b", 'b');
	write_file("file:/v/ahead/c", 'c');
	CHECK(contents("file:/v/ahead?a") == DK_OK && contents("file:/v/ahead?b") == DK_OK && contents("file:/v/ahead?c") == DK_OK);
}

static void test_refused(void)
{
	static const char *const bad[] = { "file:/v/ahead?//a", "file:/v/ahead?a//", "file:/v/ahead?a///b", "file:/v/ahead?a//b//c", "file:/v/ahead?a//..", "file:/v/ahead?a//b/" };
	char many[600] = "file:/v/ahead?a//b";

	for (unsigned i = 0; i < sizeof bad / sizeof bad[0]; i++)
		CHECK(contents(bad[i]) == DK_INVALID_ARG);
	for (unsigned i = 1; i < DK_CONTENTS_NAMES; i++)
		strcat(many, "/b");
	CHECK(contents(many) == DK_OK && says("a"));
	strcat(many, "/b");
	CHECK(contents(many) == DK_INVALID_ARG);
}

unsigned test_ahead(void)
{
	make();
	test_refused();
	/* As it was when it was read, if that is over; anew if it was not asked for just so, and the second time. */
	for (unsigned i = 0; i < 20; i++) { /* not while what was told before is read still */
		write_file("file:/v/ahead/b", 'b');
		usleep(20000);
		CHECK(contents("file:/v/ahead?a//b/c/nothing") == DK_OK && says("a"));
		usleep(100000);
		write_file("file:/v/ahead/b", 'B');
		if (contents("file:/v/ahead?b/c/nothing") == DK_OK && says("bc-"))
			break;
		CHECK(reply.status == DK_OK && says("Bc-") && i < 19);
	}
	CHECK(soon("file:/v/ahead?b/c/nothing", "Bc-"));
	CHECK(soon("file:/v/ahead?a//b/c", "a"));
	CHECK(soon("file:/v/ahead?c", "c"));
	/* On and on, and without a pause: who is early waits. */
	for (unsigned i = 0; i < 50; i++) {
		CHECK(soon("file:/v/ahead?a//c/a", "a"));
		CHECK(soon("file:/v/ahead?c/a//b", "ca"));
		CHECK(soon("file:/v/ahead?b", "B"));
	}
	/* What is hidden stays so. */
	CHECK(contents("file:/etc?hostname//shadow") == DK_OK && contents("file:/etc?shadow") == DK_OK && says("-"));
	/* Left behind when this one ends. */
	CHECK(soon("file:/v/ahead?a//b", "a"));
	return failures;
}
