/* SPDX-License-Identifier: MIT */
/*
 * nt/io/fileid.c - FILE_OPEN_BY_FILE_ID: the name of a file of which the number is known.
 *
 * No file system here finds a file by its number, so its name is looked for: in the folder that the call is relative to and those
 * above it, where it mostly is, then in all folders of the volume that lie on the same file system.
 */
#include "nt/io/name.h"
#include "nt/os/file.h"
#include "rt/mem.h"

#define TEXTS_MAX (64u << 20) /* bytes of names that are still to be looked at */

struct texts { /* each with its 0 */
	char *text;
	uint32_t used, room;
};

static bool add(struct texts *t, const char *a, uint32_t na, const char *b, uint32_t nb)
{
	uint32_t need = t->used + na + nb + 2;

	if (need > t->room) {
		uint32_t room = MAX(need, t->room * 2);
		char *new = room <= TEXTS_MAX ? heap_realloc(t->text, room) : NULL;

		if (new == NULL)
			return false;
		t->text = new;
		t->room = room;
	}
	memcpy(t->text + t->used, a, na);
	t->used += na;
	if (na != 0)
		t->text[t->used++] = '/';
	memcpy(t->text + t->used, b, nb);
	t->used += nb;
	t->text[t->used++] = '\0';
	return true;
}

struct search {
	uint64_t ino, dev;
	struct texts *deeper; /* folders that were met; NULL: nobody wants to know */
	struct texts names;
	bool same;            /* the folder seen last is on this file system */
};

static bool take(void *arg, const char *name, uint32_t len)
{
	struct search *s = arg;

	return add(&s->names, NULL, 0, name, len);
}

/* text's folder, open as f: itself, then what is in it.  True: text is what was looked for. */
static bool in_folder(struct search *s, struct file *f, char *text)
{
	uint32_t length = (uint32_t)strlen(text);
	struct os_attr a;

	if (os_file_attr(f, &a) != STATUS_SUCCESS)
		return false;
	s->same = a.dev == s->dev;
	if (!s->same || a.ino == s->ino)
		return s->same;
	s->names.used = 0;
	(void)os_dir_list(f, take, s);
	for (uint32_t at = 0, n; at < s->names.used; at += n + 1) {
		const char *name = s->names.text + at;

		n = (uint32_t)strlen(name);
		if (length + n + 2 > OS_PATH_MAX || os_dir_attr(f, name, &a) != STATUS_SUCCESS || a.dev != s->dev)
			continue;
		if (a.ino == s->ino) {
			if (length == 0 || text[length - 1] != '/')
				text[length++] = '/';
			memcpy(text + length, name, n + 1);
			return true;
		}
		if (s->deeper != NULL && a.type == OS_DIRECTORY)
			(void)add(s->deeper, text, length == 1 ? 0 : length, name, n);
	}
	return false;
}

static bool in_text(struct search *s, char *text)
{
	struct os_path p;
	struct file *f;
	bool found = false;

	s->same = false;
	if (os_path_find(text, OS_FIND_NOFOLLOW | OS_FIND_CASE, &p) != STATUS_SUCCESS)
		return false;
	if (!os_path_is_link(&p) && os_file_open(&p, OS_READ, &f) == STATUS_SUCCESS) {
		found = os_file_type(f) == OS_DIRECTORY && in_folder(s, f, text);
		os_file_put(f);
	}
	os_path_put(&p);
	return found;
}

/* text, a folder's, becomes that of the one above. */
static bool up(char *text)
{
	char *end = text + strlen(text);

	while (end > text && end[-1] != '/')
		end--;
	if (end == text || text[1] == '\0')
		return false;
	end[end - text > 1 ? -1 : 0] = '\0';
	return true;
}

static bool everywhere(struct search *s, char *text)
{
	struct texts todo = { NULL, 0, 0 };
	bool found;

	s->deeper = &todo;
	found = in_text(s, text);
	while (!found && todo.used != 0) {
		uint32_t at = todo.used - 1;

		while (at > 0 && todo.text[at - 1] != '\0')
			at--;
		memcpy(text, todo.text + at, todo.used - at);
		todo.used = at;
		found = in_text(s, text);
	}
	heap_free(todo.text);
	return found;
}

NTSTATUS io_name_of_id(struct io_file *hint, uint64_t id, char *text)
{
	struct search s = { .ino = id };
	char *top = os_text();
	struct os_attr a;
	bool found = false;
	NTSTATUS status = top == NULL ? STATUS_NO_MEMORY : hint->f != NULL ? os_file_attr(hint->f, &a) : STATUS_INVALID_PARAMETER;

	if (status == STATUS_SUCCESS && os_file_text(hint->f, text, OS_PATH_MAX) < 0)
		status = STATUS_OBJECT_PATH_NOT_FOUND;
	if (status != STATUS_SUCCESS) {
		os_text_free(top);
		return status;
	}
	s.dev = a.dev;
	if (hint->kind != IO_DIRECTORY)
		(void)up(text);
	memcpy(top, text, strlen(text) + 1);
	while (!(found = in_text(&s, text)) && s.same) { /* as far up as its file system goes */
		memcpy(top, text, strlen(text) + 1);
		if (!up(text))
			break;
	}
	if (!found) {
		memcpy(text, top, strlen(top) + 1);
		found = everywhere(&s, text);
	}
	heap_free(s.names.text);
	os_text_free(top);
	return found ? STATUS_SUCCESS : STATUS_INVALID_PARAMETER;
}
