/* SPDX-License-Identifier: MIT */
/* monitor/tree_read.c - walks: a worker makes the next answer.  See tree.c. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "monitor/host.h"
#include "monitor/monitor.h"
#include "monitor/tree.h"

#define STACK_MAX (1u << 20)
#define PIECE     32768u      /* bytes of names of a folder that are worth a record */
#define SLICE_NS  4000000ull  /* an answer that took longer goes out as it is */
#define FILES_MAX (1u << 20)  /* bytes of contents of one folder's files */

static bool stack_grow(struct tree *t, size_t more)
{
	size_t room = t->stack_room ? t->stack_room : 16384;
	char *mem;

	while (room < t->stack_len + more)
		room *= 2;
	if (room == t->stack_room)
		return true;
	mem = room <= STACK_MAX ? realloc(t->stack, room) : NULL;
	if (!mem)
		return false;
	t->stack = mem;
	t->stack_room = room;
	return true;
}

/* dir/name on top of the stack. */
static void push(struct tree *t, const char *dir, const char *name)
{
	size_t dir_len = strlen(dir), name_len = strlen(name), len = dir_len + (dir_len != 0) + name_len;
	uint32_t size = (uint32_t)len + 1;
	char *p;

	if (len + strlen(t->root) + 2 > PATH_MAX || !stack_grow(t, size + sizeof size))
		return;
	p = t->stack + t->stack_len;
	memcpy(p, dir, dir_len);
	if (dir_len)
		p[dir_len++] = '/';
	memcpy(p + dir_len, name, name_len + 1);
	memcpy(p + size, &size, sizeof size);
	t->stack_len += size + sizeof size;
}

/* The folder on top, into path (PATH_MAX). */
static void pop(struct tree *t, char *path)
{
	uint32_t size;

	memcpy(&size, t->stack + t->stack_len - sizeof size, sizeof size);
	t->stack_len -= size + sizeof size;
	memcpy(path, t->stack + t->stack_len, size);
}

static void join(char *out, const char *root, const char *path)
{
	size_t n = strlen(root);

	memcpy(out, root, n);
	out[n++] = '/';
	strcpy(out + n, path);
	if (!*path && n > 1)
		out[n - 1] = 0;
}

/* Changing one's eyes takes as long as opening a folder: they stay until others are needed, or the answer is made. */
static void look_as(struct tree *t, const struct where *w)
{
	static const struct where nobody = { .flags = MOUNT_NOBODY };
	bool wanted = w && w->flags & MOUNT_NOBODY;

	if (wanted && !t->nobody)
		as_nobody(&nobody);
	else if (!wanted && t->nobody)
		as_self(&nobody);
	t->nobody = wanted;
}

/* Opens a folder that nobody asked for; -1 = it is left out. */
static int open_folder(struct tree *t, const char *path, struct where *w)
{
	if (policy_find(path, w) != DK_OK || w->bare || !(w->flags & MOUNT_LOCAL))
		return -1;
	look_as(t, w);
	return open_inside(w, w->fixed ? w->fixed : path + w->offset, O_RDONLY | O_DIRECTORY);
}

/* The subfolders of n behind after (NULL: all of them) in the walk's order, the first on top. */
static void push_all(struct tree *t, const char *dir, const struct names *n, const char *after)
{
	const struct name *limit = after ? names_find(n, after) : NULL; /* gone meanwhile: nothing is known to be behind it */
	struct name *few[64], **dirs = n->count <= ARRAY_LEN(few) ? few : malloc(n->count * sizeof *dirs);
	uint32_t count = 0;

	for (uint32_t i = 0; dirs && i < n->count; i++)
		if (n->sorted[i]->type == DT_DIR && (limit ? names_compare(n->sorted[i], limit, t->order) > 0 : !after))
			dirs[count++] = n->sorted[i];
	if (count && t->order != 'h')
		names_sort(dirs, count, t->order);
	while (count-- > 0)
		push(t, dir, dirs[count]->text);
	if (dirs != few)
		free(dirs);
}

/* The walk begins: on each level down to start, what is behind it. */
static void begin(struct tree *t)
{
	char dir[PATH_MAX], path[2 * PATH_MAX], name[PATH_MAX];

	for (size_t at = 0, len; t->start[at ? at - 1 : 0]; at += len + 1) {
		struct names n = { 0 };
		struct where w;
		int fd;

		len = strcspn(t->start + at, "/");
		memcpy(dir, t->start, at);
		dir[at ? at - 1 : 0] = 0;
		memcpy(name, t->start + at, len);
		name[len] = 0;
		join(path, t->root, dir);
		fd = open_folder(t, path, &w);
		if (fd >= 0 && names_read(&n, fd, path))
			push_all(t, dir, &n, name);
		if (fd >= 0)
			close(fd);
		names_free(&n);
	}
	push(t, "", t->start);
	t->start[0] = 0;
}

/* The head of a record, with its text; NULL: no room for it and more bytes. */
static struct dk_tree_record *head(struct tree *t, enum dk_tree_kind kind, const char *text, size_t more)
{
	size_t len = strlen(text), size = sizeof(struct dk_tree_record) + ((len + 8) & ~(size_t)7);
	struct dk_tree_record *r = (void *)(t->data + t->len);

	if (t->len + size + more > t->room)
		return NULL;
	memset(r, 0, size);
	r->size = (uint32_t)size;
	r->kind = kind;
	r->text_len = (uint32_t)len;
	memcpy(r->text, text, len);
	return r;
}

static void taken(struct tree *t, const struct dk_tree_record *r)
{
	t->len += r->size;
	((struct dk_tree *)t->data)->records++;
}

static void put_name(struct dk_tree_record *r, const struct name *n)
{
	struct dk_tree_name *out = (void *)((char *)r + r->size);

	memset((char *)out + name_size(n->len) - 8, 0, 8);
	out->hash = n->hash;
	out->inode = n->inode;
	out->size = (uint16_t)name_size(n->len);
	out->type = (uint8_t)dk_type_of(n->type);
	out->name_len = (uint8_t)n->len;
	memcpy(out->name, n->text, n->len);
	r->size += out->size;
	r->count++;
}

/* False: it cannot be looked at. */
static bool put_dirent(const struct tree *t, struct dk_tree_record *r, const struct name *n, int fd, uint32_t rights)
{
	struct dk_dirent *out = (void *)((char *)r + r->size);
	char target[DK_DIRENT_TEXT + 1];
	struct statx sx;
	size_t text, size;

	if (!look_at_name(fd, n->text, n->type == DT_LNK, &sx, target, &text))
		return errno == ENOENT;
	if (t->len + r->size + dirent_size(n->len + text) > t->room)
		text = 0;
	size = dirent_size(n->len + text);
	memset((char *)out + size - 8, 0, 8);
	out->size = (uint32_t)size;
	out->name_len = (uint16_t)n->len;
	out->text_len = (uint16_t)text;
	attr_of_statx(&sx, rights, &out->attr);
	memcpy(out->name, n->text, n->len);
	memcpy(out->name + n->len, target, text);
	r->size += out->size;
	r->count++;
	return true;
}

/* Names that are left of the folder read last, as many as there is room for; false: not all. */
static bool put_names(struct tree *t, int fd, const struct where *w)
{
	bool attrs = t->what == 'a';
	size_t bytes = t->names.large ? 0 : attrs ? t->names.dirent_bytes : t->names.name_bytes;
	enum dk_tree_kind kind = t->names.large ? DK_TREE_LARGE : attrs ? DK_TREE_DIRENTS : DK_TREE_NAMES;
	/* What would fit into an answer of its own comes in one piece. */
	struct dk_tree_record *r = head(t, kind, t->rel, bytes < PIECE ? bytes : PIECE);
	size_t used;

	if (!r)
		return false;
	r->attr = t->attr;
	used = t->len + r->size;
	for (; t->next_name < t->names.count; t->next_name++) {
		const struct name *n = t->names.sorted[t->next_name];

		if (t->len + r->size + (attrs ? dirent_size(n->len) : name_size(n->len)) > t->room)
			break;
		if (!attrs) {
			put_name(r, n);
		} else if (!put_dirent(t, r, n, fd, where_rights(w))) {
			r->size = (uint32_t)(used - t->len);
			r->kind = DK_TREE_LARGE;
			r->count = 0;
			t->next_name = t->next_file = t->names.count;
			break;
		}
	}
	if (t->next_name < t->names.count)
		r->kind |= DK_TREE_MORE;
	taken(t, r);
	t->unnamed = t->next_name < t->names.count;
	return !t->unnamed;
}

/* ---- files ---- */

/* Its contents, if they are there and all of them fit into room bytes.  False: they would, but for the room. */
static bool read_file(struct tree *t, struct dk_tree_record *r, int file, size_t room)
{
	struct iovec v = { .iov_base = (char *)r + r->size, .iov_len = r->attr.size + 1 }; /* one more: it may have grown */
	ssize_t n;

	if (r->attr.type != DK_TYPE_FILE || r->attr.size > DK_CONTENTS_FILE || t->file_bytes >= FILES_MAX)
		return true;
	if (v.iov_len + 8 > room)
		return false;
	n = host_preadv2(file, &v, 1, 0, 0);
	if (n < 0 || (uint64_t)n != r->attr.size)
		return true;
	memset((char *)r + r->size + n, 0, (8 - (size_t)n % 8) % 8);
	r->kind = DK_TREE_FILE;
	r->count = (uint32_t)n;
	r->size += ((uint32_t)n + 7) & ~7u;
	t->file_bytes += r->count;
	return true;
}

/* One file's record, or none if it is of another mount.  False: no room. */
static bool put_file(struct tree *t, int fd, const struct where *dir, const struct name *name)
{
	struct dk_tree_record *r = head(t, DK_TREE_STAT, name->text, 0);
	char path[2 * PATH_MAX];
	struct statx sx;
	struct where w;
	bool room = true;
	int file = -1;

	if (!r)
		return false;
	join(path, t->path[1] ? t->path : "", name->text);
	if (policy_find(path, &w) != DK_OK || w.bare || w.fixed || w.dirfd != dir->dirfd)
		return true;
	w.dirfd = fd;
	look_as(t, &w);
	if (name->type == DT_REG)
		file = open_inside(&w, name->text, O_RDONLY | O_NOCTTY | O_NONBLOCK);
	if (file >= 0) {
		room = attr_of_fd(file, where_rights(&w), &r->attr) != DK_OK || read_file(t, r, file, t->room - t->len - r->size);
		close(file);
	} else if (host_statx(fd, name->text, AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT, &sx) == 0) {
		attr_of_statx(&sx, where_rights(&w), &r->attr);
	}
	if (room && r->attr.type != DK_TYPE_NONE)
		taken(t, r);
	return room;
}

/* Files of the folder read last; false = no room for all. */
static bool put_files(struct tree *t, int fd, const struct where *w)
{
	for (; t->next_file < t->names.count; t->next_file++) {
		const struct name *n = t->names.sorted[t->next_file];

		if (n->type != DT_DIR && !put_file(t, fd, w, n))
			return false;
	}
	return true;
}

/* What is left of the folder read last.  fd: it, open, or -1.  False: there is no room for all. */
static bool put_rest(struct tree *t, int fd, struct where *w)
{
	bool needs = (t->unnamed && t->what == 'a') || t->next_file < t->names.count;
	int own = fd < 0 && needs ? open_folder(t, t->path, w) : -1;
	bool all;

	if (own >= 0)
		fd = own;
	else if (fd < 0 && needs)
		t->next_file = t->names.count, t->unnamed = false; /* it is gone */
	all = !t->unnamed || put_names(t, fd, w);
	all = all && put_files(t, fd, w);
	if (own >= 0)
		close(own);
	if (all)
		names_clear(&t->names);
	return all;
}

/* Is there something left of it? */
bool tree_has_rest(const struct tree *t)
{
	return t->unnamed || t->next_file < t->names.count;
}

/* Reads the folder on top of the stack, whose subfolders take its place.  False: there is no room for all of it. */
static bool put_top(struct tree *t)
{
	struct where w;
	bool all = true;
	int fd;

	pop(t, t->rel);
	join(t->path, t->root, t->rel);
	fd = open_folder(t, t->path, &w);
	if (fd < 0)
		return true;
	names_clear(&t->names);
	t->next_name = t->next_file = t->file_bytes = 0;
	if (attr_of_fd(fd, where_rights(&w), &t->attr) == DK_OK && names_read(&t->names, fd, t->path)) {
		t->unnamed = true;
		push_all(t, t->rel, &t->names, NULL);
		if (t->what != 'c')
			t->next_file = t->names.count;
		all = put_rest(t, fd, &w);
	}
	close(fd);
	return all;
}

/* A worker's: makes the next answer. */
void tree_read(struct tree *t)
{
	struct dk_tree *d = (void *)t->data;
	uint64_t until = now_ns() + SLICE_NS;
	uint32_t wanted = t->room;

	*d = (struct dk_tree){ .token = t->token, .when_ns = coarse_ns() };
	t->len = sizeof *d;
	if (t->start[0])
		begin(t);
	while (tree_has_rest(t) || t->stack_len != 0) {
		struct where w;
		bool all = tree_has_rest(t) ? put_rest(t, -1, &w) : put_top(t);

		if (!all && d->records == 0 && t->room < DK_TREE_ROOM) {
			t->room = DK_TREE_ROOM; /* not even one: a folder that is rather large */
			continue;
		}
		if (!all || t->len >= wanted || (d->records != 0 && now_ns() > until))
			break;
	}
	t->room = wanted;
	look_as(t, NULL);
	d->over = t->stack_len == 0 && !tree_has_rest(t);
}
