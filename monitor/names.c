/* SPDX-License-Identifier: MIT */
/*
 * monitor/names.c - the names of a folder, in memory and sorted, for walks.
 *
 * Names come as the host lists them, into one block of text that grows; entries
 * are pointers into it.  A folder with more than LARGE bytes of them is left to
 * ENUM, which reads it piece by piece.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "monitor/host.h"
#include "monitor/tree.h"

#define CHUNK 16384u
#define LARGE (16u << 20) /* of names, before they are sorted */
#define KEPT  (256u << 10)

uint32_t dk_type_of(uint8_t type)
{
	switch (type) {
	case DT_REG: return DK_TYPE_FILE;
	case DT_DIR: return DK_TYPE_DIR;
	case DT_LNK: return DK_TYPE_SYMLINK;
	case DT_FIFO: return DK_TYPE_FIFO;
	case DT_SOCK: return DK_TYPE_SOCKET;
	case DT_CHR: return DK_TYPE_CHAR;
	case DT_BLK: return DK_TYPE_BLOCK;
	default: return DK_TYPE_NONE;
	}
}

void names_clear(struct names *n)
{
	struct names kept = { .sorted = n->sorted, .sorted_room = n->sorted_room, .text = n->text, .room = n->room };

	if (n->room + n->sorted_room * sizeof *n->sorted > KEPT)
		names_free(n);
	else
		*n = kept;
}

void names_free(struct names *n)
{
	free(n->sorted);
	free(n->text);
	*n = (struct names){ 0 };
}

int names_compare(const struct name *a, const struct name *b, char order)
{
	if (order == 'n')
		return strcmp(a->text, b->text);
	if (order == 'i' && a->inode != b->inode)
		return a->inode < b->inode ? -1 : 1;
	return a->hash < b->hash ? -1 : a->hash > b->hash;
}

static void sift(struct name **a, uint32_t start, uint32_t end, char order)
{
	for (uint32_t child; (child = 2 * start + 1) < end; start = child) {
		struct name *swap;

		if (child + 1 < end && names_compare(a[child], a[child + 1], order) < 0)
			child++;
		if (names_compare(a[start], a[child], order) >= 0)
			return;
		swap = a[start];
		a[start] = a[child];
		a[child] = swap;
	}
}

/* Hashes are spread evenly, unless somebody chose the names: by their first bits, then each lot by itself. */
static bool spread(struct name **a, uint32_t n)
{
	unsigned bits = 32 - (unsigned)__builtin_clz(n), shift = 61 - bits;
	uint32_t *end = calloc((1u << bits) + 1u, sizeof *end);
	struct name **from = malloc(n * sizeof *from);

	if (end && from) {
		memcpy(from, a, n * sizeof *from);
		for (uint32_t i = 0; i < n; i++)
			end[(a[i]->hash >> shift) + 1]++;
		for (uint32_t i = 1; i <= 1u << bits; i++)
			end[i] += end[i - 1];
		for (uint32_t i = 0; i < n; i++)
			a[end[from[i]->hash >> shift]++] = from[i];
		for (uint32_t i = 0, start = 0; i < 1u << bits; start = end[i++])
			if (end[i] - start > 1)
				names_sort(a + start, end[i] - start, 'H');
	}
	free(from);
	free(end);
	return end && from;
}

/* Most folders are short; for long ones sorts whose worst case is no weapon. */
void names_sort(struct name **a, uint32_t n, char order)
{
	if (n <= 16) {
		for (uint32_t i = 1; i < n; i++) {
			struct name *x = a[i];
			uint32_t k = i;

			for (; k > 0 && names_compare(a[k - 1], x, order) > 0; k--)
				a[k] = a[k - 1];
			a[k] = x;
		}
		return;
	}
	if (order == 'h' && spread(a, n))
		return;
	for (uint32_t i = n / 2; i-- > 0;)
		sift(a, i, n, order);
	for (uint32_t end = n; end > 1; end--) {
		struct name *swap = a[0];

		a[0] = a[end - 1];
		a[end - 1] = swap;
		sift(a, 0, end - 1, order);
	}
}

const struct name *names_find(const struct names *n, const char *name)
{
	for (uint32_t i = 0; i < n->count; i++)
		if (strcmp(n->sorted[i]->text, name) == 0)
			return n->sorted[i];
	return NULL;
}

/* File systems that do not say what an entry is are asked for each. */
static uint8_t type_of(int fd, const struct linux_dirent64 *d)
{
	struct statx sx;

	if (d->d_type != DT_UNKNOWN || host_statx(fd, d->d_name, AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT, &sx) < 0)
		return d->d_type;
	return (uint8_t)((sx.stx_mode & S_IFMT) >> 12);
}

/* Room for the entries of size bytes of the host's, whose head is shorter than ours by no more than a name's padding. */
static bool grow(struct names *n, size_t used, size_t size)
{
	char *text;

	if (used + 2 * size <= n->room)
		return true;
	size = used + 4 * size > 65536 ? used + 4 * size : 65536;
	text = realloc(n->text, size);
	if (!text)
		return false;
	n->text = text;
	n->room = size;
	return true;
}

/* Turns what the host wrote into entries.  False: there are too many. */
static bool take(struct names *n, int fd, const char *path, bool rules, const char *buf, long size, size_t *used)
{
	for (const char *at = buf; at < buf + size; at += ((const struct linux_dirent64 *)(const void *)at)->d_reclen) {
		const struct linux_dirent64 *d = (const void *)at;
		size_t len = strlen(d->d_name), need = (sizeof(struct name) + len + 1 + 7) & ~(size_t)7;
		struct name *out = (void *)(n->text + *used);

		if (!strcmp(d->d_name, ".") || !strcmp(d->d_name, "..") || (rules && policy_child_hidden(path, d->d_name)))
			continue;
		if (*used + need > LARGE || len > 255)
			return false;
		out->hash = dk_name_hash(d->d_name, (uint32_t)len);
		out->inode = d->d_ino;
		out->len = (uint32_t)len;
		out->type = type_of(fd, d);
		memcpy(out->text, d->d_name, len + 1);
		*used += need;
		n->count++;
		n->name_bytes += name_size(len);
		n->dirent_bytes += dirent_size(len);
	}
	return true;
}

static bool sort_all(struct names *n, size_t used)
{
	uint32_t i = 0;

	if (n->count > n->sorted_room) {
		free(n->sorted);
		n->sorted_room = n->count < 512 ? 1024 : 2 * n->count;
		n->sorted = malloc(n->sorted_room * sizeof *n->sorted);
		if (!n->sorted)
			return false;
	}
	for (size_t at = 0; at < used; i++) {
		struct name *e = (void *)(n->text + at);

		n->sorted[i] = e;
		at += (sizeof *e + e->len + 1 + 7) & ~(size_t)7;
	}
	names_sort(n->sorted, n->count, 'h');
	return true;
}

bool names_read(struct names *n, int fd, const char *path)
{
	char buf[CHUNK] __attribute__((aligned(8)));
	bool rules = policy_has_rules(path), all = true;
	size_t used = 0;
	long got = 0;

	names_clear(n);
	while (all && (got = syscall(SYS_getdents64, fd, buf, CHUNK)) > 0)
		all = grow(n, used, (size_t)got) && take(n, fd, path, rules, buf, got, &used);
	if (got < 0 || (all && !sort_all(n, used))) {
		names_free(n);
		return false;
	}
	if (!all) {
		names_free(n);
		n->large = true;
	}
	return true;
}
