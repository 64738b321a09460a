/* SPDX-License-Identifier: MIT */
/*
 * abi/tree.h - DK_ATTR_TREE: the folders below a folder, in the order in which a walk
 * reads them, as many as there is room for; the rest is asked for again.
 *
 * The query behind '?' in the URI of the walk's root is three letters and a path:
 *   what      'n' names and types, 'a' attributes too, 'c' contents of small files too
 *   order     of subfolders: 'h' dk_name_hash, 'n' bytes of the names, 'i' inode numbers
 *   '/'       a new walk; the path is that of its first folder, from the root (not the root
 *             itself).  It goes on with what is behind that folder in the order.
 *   '+'       the walk goes on; in place of a path its token, 16 hexadecimal digits
 * A picoprocess has one walk at most; a token that is not that walk's is NOT_FOUND, too many walks are
 * BUSY.  What cannot be listed without asking other file systems is left out.
 *
 * The answer is struct dk_tree and records.  A folder's record is followed, with 'c', by those of
 * its files.  The monitor reads the next answer ahead, so each says when it was read.
 */
#ifndef ABI_TREE_H
#define ABI_TREE_H

#include "abi/dk_types.h"

#define DK_TREE_ROOM 98304u /* bytes of the buffer */

struct dk_tree {
	uint64_t token;
	uint64_t when_ns;  /* DK_CLOCK_MONOTONIC_COARSE, before the first record was read */
	uint32_t records;
	uint32_t over;     /* 1: that was all of the walk */
};

enum dk_tree_kind {
	DK_TREE_NAMES = 1, /* count struct dk_tree_name behind the text, sorted by hash */
	DK_TREE_DIRENTS,   /* struct dk_dirent, in the same order */
	DK_TREE_LARGE,     /* the folder is to be listed by itself */
	DK_TREE_STAT,      /* attributes of a file of the folder before */
	DK_TREE_FILE       /* and count bytes behind the text, which are all it holds */
};
#define DK_TREE_MORE 0x100u /* in kind, of NAMES and DIRENTS: the next folder's record has more of this folder */

struct dk_tree_record {
	uint32_t size;     /* of the record, a multiple of 8 */
	uint32_t kind;     /* enum dk_tree_kind */
	uint32_t count, text_len;
	struct dk_attributes attr;
	char text[];       /* a folder's path from the walk's root, a file's name; zeros up to a multiple of 8 */
};

struct dk_tree_name {
	uint64_t hash, inode;
	uint16_t size;     /* of this entry, a multiple of 8 */
	uint8_t type, name_len;
	char name[];
};

/* 61 bits; the order of names in listings. */
static inline uint64_t dk_name_hash(const char *name, uint32_t len)
{
	uint64_t h = 0xcbf29ce484222325ull ^ len;

	for (uint32_t i = 0; i < len; i++)
		h = (h ^ (uint8_t)name[i]) * 0x100000001b3ull;
	h ^= h >> 32;
	h *= 0x9e3779b97f4a7c15ull;
	return h >> 3;
}
#endif
