/* SPDX-License-Identifier: MIT */
/* tests/mon/tree.c - walks, from ops.c's kproc: what is refused, what comes and in which order, and that one goes on only by its token. */
#include <stdio.h>
#include <string.h>

#include "abi/tree.h"
#include "tests/mon/fakepal.h"

static unsigned failures;

#define CHECK(cond)                                                                                  \
	do {                                                                                          \
		if (!(cond)) {                                                                        \
			failures++;                                                                   \
			say("tree.c line %d: %s (status %u)", __LINE__, #cond, reply.status);         \
		}                                                                                     \
	} while (0)

static enum dk_status tree(const char *uri)
{
	return call(MON_QUERY, 0, (uint64_t[5]){ DK_ATTR_TREE }, uri, NULL, 0);
}

static const struct dk_tree *answer(void)
{
	return (const void *)reply_data;
}

static const struct dk_tree_record *record(unsigned n)
{
	const char *at = reply_data + sizeof(struct dk_tree);

	while (n-- > 0)
		at += ((const struct dk_tree_record *)(const void *)at)->size;
	return (const void *)at;
}

/* The rest of a walk: how many folders, none of which may be one that is hidden. */
static unsigned all(const char *root, char what, unsigned *names, unsigned *files)
{
	unsigned folders = 0, answers = 0;
	char uri[100];

	for (;; answers++) {
		CHECK(reply.data_len <= DK_TREE_ROOM && answers < 200);
		for (unsigned i = 0; i < answer()->records; i++) {
			const struct dk_tree_record *r = record(i);
			uint32_t kind = r->kind & ~DK_TREE_MORE;

			CHECK(r->size % 8 == 0 && (const char *)r + r->size <= reply_data + reply.data_len && r->text_len > 0);
			folders += (kind == DK_TREE_NAMES || kind == DK_TREE_DIRENTS) && !(r->kind & DK_TREE_MORE);
			*files += kind == DK_TREE_FILE;
			*names += kind <= DK_TREE_DIRENTS ? r->count : 0;
			CHECK(kind != DK_TREE_NAMES || r->attr.type == DK_TYPE_DIR);
			CHECK(strcmp(r->text, "shadow") != 0);
		}
		if (answer()->over)
			return folders;
		snprintf(uri, sizeof uri, "%s?%ch+%016llx", root, what, (unsigned long long)answer()->token);
		if (answers < 200)
			CHECK(tree(uri) == DK_OK);
		if (reply.status != DK_OK || answers >= 200)
			return folders;
	}
}

unsigned test_tree(void)
{
	static const char *const bad[] = { "file:/etc?nh", "file:/etc?nh/", "file:/etc?xh/alternatives", "file:/etc?nx/alternatives",
		"file:/etc?nh/..", "file:/etc?nh/a/../b", "file:/etc?nh/a//b", "file:/etc?nhalternatives", "file:/etc?nh/a/" };
	unsigned names = 0, files = 0, with = 0, folders;
	uint64_t token;
	char uri[100];

	for (unsigned i = 0; i < sizeof bad / sizeof bad[0]; i++)
		CHECK(tree(bad[i]) == DK_INVALID_ARG);
	CHECK(tree("file:/etc/../etc?nh/alternatives") == DK_INVALID_URI);
	CHECK(tree("file:/etc?nh+0000000000000000") == DK_NOT_FOUND && tree("file:/etc?nh+zz") == DK_NOT_FOUND);
	/* nothing there, hidden, no folder: a walk without an answer to it */
	CHECK(tree("file:/etc?nh/nothing-here") == DK_OK && answer()->records == 0 && answer()->over == 1);
	CHECK(tree("file:/etc?nh/passwd") == DK_OK && (answer()->records == 0 || strcmp(record(0)->text, "passwd") != 0)); /* what is behind it */
	CHECK(tree("file:/?nh/root/x") == DK_OK && (answer()->records == 0 || strncmp(record(0)->text, "root", 4) != 0));
	token = answer()->token;
	CHECK(tree("file:/usr?nh/share/doc") == DK_OK && answer()->records > 0 && !strcmp(record(0)->text, "share/doc"));
	CHECK(record(0)->kind != DK_TREE_LARGE && record(0)->attr.type == DK_TYPE_DIR && answer()->when_ns != 0);
	snprintf(uri, sizeof uri, "file:/usr?nh+%016llx", (unsigned long long)token);
	CHECK(tree(uri) == DK_NOT_FOUND); /* another walk began */
	/* the same folders by names, attributes and contents */
	CHECK(tree("file:/usr/include/linux?nn/android") == DK_OK);
	folders = all("file:/usr/include/linux", 'n', &names, &files);
	CHECK(folders > 5 && names > 100 && files == 0);
	CHECK(tree("file:/usr/include/linux?an/android") == DK_OK && record(0)->kind == DK_TREE_DIRENTS);
	CHECK(all("file:/usr/include/linux", 'a', &with, &files) == folders && with == names && files == 0);
	CHECK(tree("file:/usr/include/linux?cn/android") == DK_OK);
	with = 0;
	CHECK(all("file:/usr/include/linux", 'c', &with, &files) == folders && with == names && files > 100 && files < names);
	return failures;
}
