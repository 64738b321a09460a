/* SPDX-License-Identifier: MIT */
/* monitor/tree.h - between tree.c (walks) and names.c (a folder's names, sorted). */
#ifndef MONITOR_TREE_H
#define MONITOR_TREE_H

#include <dirent.h>

#include "abi/tree.h"
#include "monitor/monitor.h"

struct name {
	uint64_t hash, inode;
	uint32_t len;
	uint8_t type; /* DT_* */
	char text[];
};
struct names {
	struct name **sorted; /* by hash */
	uint32_t count, sorted_room;
	bool large;           /* there are more than are worth it: none is here */
	size_t name_bytes, dirent_bytes; /* of an answer with all of them */
	char *text;
	size_t room; /* bytes at text */
};
/* Names of the open folder, which the guest calls path, without what is hidden, in place of what n has; false: they cannot be read. */
bool names_read(struct names *n, int fd, const char *path);
void names_clear(struct names *n); /* no name is there; the memory stays for the next folder, if it is not much */
void names_free(struct names *n);
const struct name *names_find(const struct names *n, const char *name); /* or NULL */
int names_compare(const struct name *a, const struct name *b, char order); /* 'h', 'n', 'i' */
void names_sort(struct name **list, uint32_t count, char order);

static inline size_t name_size(size_t len)
{
	return (offsetof(struct dk_tree_name, name) + len + 1 + 7) & ~(size_t)7;
}
static inline size_t dirent_size(size_t len)
{
	return (sizeof(struct dk_dirent) + len + 7) & ~(size_t)7;
}
uint32_t dk_type_of(uint8_t type); /* enum dk_file_type of DT_* */
#endif
