/* SPDX-License-Identifier: MIT */
/* monitor/tree.h - between tree.c and tree_read.c (walks) and names.c (a folder's names, sorted). */
#ifndef MONITOR_TREE_H
#define MONITOR_TREE_H

#include <dirent.h>
#include <stdatomic.h>

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
/* A walk; who may touch it: tree.c. */
#define TREE_ANSWERS 4u /* one that is being sent, and others */
struct tree {
	/* Shared. */
	atomic_bool reading, wanted, dropped, over; /* a worker reads; tell the loop thread; nobody's any more; the last answer is made */
	atomic_uint ready, most;                    /* answers, the lent one among them; as many are made ahead */
	_Atomic char want_what, want_order;         /* from the next answer on */
	/* The loop thread's. */
	uint64_t pico, token, used_ns;
	uint32_t taken, lent; /* answers; 1: the last of them may be on its way still */
	struct job *waiting;  /* the asker's, until the answer is there */
	struct job *reader;
	struct tree_answer {
		unsigned char *data; /* DK_TREE_ROOM */
		uint32_t len;
	} answer[TREE_ANSWERS];
	/* The worker's. */
	uint32_t made;
	unsigned char *data;  /* of the answer that is made, len bytes of it */
	uint32_t len, room;
	char what, order;
	char root[PATH_MAX]; /* "" for / */
	char start[PATH_MAX]; /* not read yet: the stack is to be made */
	/* Folders to read, by their paths from the root: text, NUL, and the length of both. */
	char *stack;
	size_t stack_len, stack_room;
	/* The folder read last. */
	struct names names;
	uint32_t next_name, next_file; /* in names: the first that is to come, its contents the same; count = none */
	uint32_t file_bytes;
	struct dk_attributes attr;
	char rel[PATH_MAX], path[PATH_MAX]; /* from the root; as policy knows it */
	bool unnamed;        /* not all of its names are told */
	bool nobody;         /* the worker looks with nobody's eyes at present */
};
/* tree_read.c */
void tree_read(struct tree *t); /* a worker's: the next answer */
bool tree_has_rest(const struct tree *t); /* of the folder read last */

uint32_t dk_type_of(uint8_t type); /* enum dk_file_type of DT_* */
#endif
