/* SPDX-License-Identifier: MIT */
/* nt/io/rename.c - FileRenameInformation and FileLinkInformation: another name for an open file. */
#include "nt/io/info.h"
#include "nt/io/irp.h"
#include "nt/io/name.h"
#include "nt/ke/user.h"
#include "nt/os/file.h"
#include "rt/mem.h"

#define FILE_RENAME_REPLACE_IF_EXISTS    1u
#define FILE_RENAME_POSIX_SEMANTICS      2u
#define FILE_RENAME_IGNORE_READONLY      64u

/* A name alone: beside the file itself. */
static NTSTATUS beside(struct io_file *f, const WCHAR *name, uint32_t size, struct io_name *n)
{
	char *text = os_text();
	WCHAR *whole = NULL, *folder = NULL;
	uint32_t length = 0;
	NTSTATUS status = STATUS_NO_MEMORY;

	if (text != NULL && os_file_text(f->f, text, OS_PATH_MAX) < 0)
		status = STATUS_OBJECT_PATH_NOT_FOUND;
	else if (text != NULL) {
		char *end = text + strlen(text);

		while (end > text && end[-1] != '/')
			end--;
		*end = '\0';
		folder = io_nt_name(text, &length);
	}
	if (folder != NULL)
		whole = heap_alloc(length + size + 2);
	if (whole != NULL) {
		memcpy(whole, folder, length);
		if (whole[length / 2 - 1] != '\\') {
			whole[length / 2] = '\\';
			length += 2;
		}
		memcpy((char *)whole + length, name, size);
		status = io_name_absolute(whole, length + size, n);
	}
	heap_free(folder);
	heap_free(whole);
	os_text_free(text);
	return status;
}

static NTSTATUS target_in(struct io_file *f, uint64_t buf, uint32_t size, struct FILE_RENAME_INFORMATION *i, struct io_name *n)
{
	struct ob_lookup l = { 0 };
	WCHAR *name;
	NTSTATUS status = user_read(i, buf, 20);

	if (status != STATUS_SUCCESS)
		return status;
	if (i->FileNameLength == 0 || i->FileNameLength > size - 20 || (i->FileNameLength & 1))
		return STATUS_INVALID_PARAMETER;
	if (i->FileNameLength > UINT16_MAX) /* as a UNICODE_STRING holds: what is put before it must not make it wrap */
		return STATUS_OBJECT_NAME_INVALID;
	name = heap_alloc(i->FileNameLength + 2);
	if (name == NULL)
		return STATUS_NO_MEMORY;
	status = user_read(name, buf + 20, i->FileNameLength);
	l = (struct ob_lookup){ .root = i->RootDirectory, .name = name, .size = i->FileNameLength };
	if (status == STATUS_SUCCESS) {
		if (i->RootDirectory != 0)
			status = io_name_parse(&l, n);
		else
			status = name[0] == '\\' ? io_name_absolute(name, l.size, n) : beside(f, name, l.size, n);
	}
	heap_free(name);
	if (status == STATUS_SUCCESS && n->where != IO_AT_DISK) {
		io_name_done(n);
		status = STATUS_NOT_SAME_DEVICE;
	}
	return status;
}

static const char *last_name(const char *text)
{
	const char *last = text;

	for (; *text != '\0'; text++)
		if (*text == '/')
			last = text + 1;
	return last;
}

/* What stands where the file is to get its name. */
struct there {
	char *text;  /* as it is spelled: an os_text buffer; NULL: nothing is there */
	bool same;   /* the file itself, by this name or another */
};

/* p has the name that the file is to get. */
static NTSTATUS may_replace(struct io_file *f, const struct os_path *p, uint32_t flags)
{
	struct os_attr a;
	struct io_node *node;
	bool mapped;
	NTSTATUS status = os_path_attr(p, &a);

	if (status != STATUS_SUCCESS)
		return status;
	if (!(flags & FILE_RENAME_REPLACE_IF_EXISTS))
		return STATUS_OBJECT_NAME_COLLISION;
	if (a.type == OS_DIRECTORY || (a.readonly && !(flags & FILE_RENAME_IGNORE_READONLY)))
		return STATUS_ACCESS_DENIED;
	if (flags & FILE_RENAME_POSIX_SEMANTICS)
		return STATUS_SUCCESS;
	status = io_node_open(os_path_inode(p), DELETE, 0, &node); /* alone with it? */
	if (status != STATUS_SUCCESS)
		return STATUS_ACCESS_DENIED;
	mapped = io_node_is_mapped(node);
	(void)io_node_leave(node, DELETE, 0, UINT32_MAX);
	return mapped ? STATUS_ACCESS_DENIED : STATUS_SUCCESS;
}

/* text, the place asked for: its folders become what there is, its last name stays as asked.  What is there already goes to t. */
static NTSTATUS settle(struct io_file *f, char *text, uint32_t flags, struct there *t)
{
	uint32_t at = (uint32_t)(last_name(text) - text), length = (uint32_t)strlen(text) - at;
	char *asked = heap_alloc(length + 1);
	struct os_path p;
	NTSTATUS status;

	*t = (struct there){ NULL, false };
	if (asked == NULL)
		return STATUS_NO_MEMORY;
	memcpy(asked, text + at, length + 1);
	status = os_path_find(text, OS_FIND_NOFOLLOW, &p);
	if (status == STATUS_SUCCESS) {
		t->same = os_path_inode(&p) == os_file_inode(f->f);
		status = t->same ? STATUS_SUCCESS : may_replace(f, &p, flags);
		os_path_put(&p);
		t->text = os_text();
		if (t->text == NULL)
			status = STATUS_NO_MEMORY;
		else
			memcpy(t->text, text, strlen(text) + 1);
	} else if (status == STATUS_OBJECT_NAME_NOT_FOUND)
		status = STATUS_SUCCESS;
	at = (uint32_t)(last_name(text) - text);
	if (status == STATUS_SUCCESS && at + length < OS_PATH_MAX)
		memcpy(text + at, asked, length + 1);
	heap_free(asked);
	return status;
}

/* From one name to another, which is t's spelled as asked. */
static NTSTATUS move(struct io_file *f, const char *from, const char *to, const struct there *t)
{
	NTSTATUS status = STATUS_SUCCESS;

	if (t->text == NULL)
		return os_rename(from, to);
	if (t->same ? strcmp(from, t->text) != 0 : f->kind == IO_DIRECTORY && f->link == NULL)
		status = os_remove(t->text, false); /* another name of the file; a folder takes the place of a file */
	else if (!t->same) {
		status = os_rename(from, t->text);
		from = t->text;
	}
	return status == STATUS_SUCCESS && strcmp(from, to) != 0 ? os_rename(from, to) : status;
}

NTSTATUS io_set_rename(struct io_file *f, uint64_t buf, uint32_t size, bool ex)
{
	struct FILE_RENAME_INFORMATION i;
	struct there t = { NULL, false };
	struct io_name n;
	char *from;
	NTSTATUS status;

	if (f->kind != IO_DISK && f->kind != IO_DIRECTORY)
		return STATUS_INVALID_DEVICE_REQUEST;
	if (!(f->access & DELETE))
		return STATUS_ACCESS_DENIED;
	status = target_in(f, buf, size, &i, &n);
	if (status != STATUS_SUCCESS)
		return status;
	from = os_text();
	if (from == NULL)
		status = STATUS_NO_MEMORY;
	else if ((f->link != NULL ? os_path_text(f->link, from, OS_PATH_MAX) : os_file_text(f->f, from, OS_PATH_MAX)) < 0)
		status = STATUS_OBJECT_NAME_NOT_FOUND;
	if (status == STATUS_SUCCESS)
		status = settle(f, n.text, ex ? i.Flags : (i.Flags & 0xff) != 0, &t);
	if (status == STATUS_SUCCESS)
		status = move(f, from, n.text, &t);
	os_text_free(t.text);
	os_text_free(from);
	io_name_done(&n);
	return status;
}

/* The file's own name in another spelling, or another name of its, is a name already. */
static NTSTATUS link_to(struct io_file *f, const char *to, const struct there *t, bool replace)
{
	NTSTATUS status = STATUS_SUCCESS;

	if (t->same)
		return !replace ? STATUS_OBJECT_NAME_COLLISION : strcmp(t->text, to) != 0 ? os_rename(t->text, to) : STATUS_SUCCESS;
	if (t->text != NULL)
		status = os_remove(t->text, false);
	return status == STATUS_SUCCESS ? os_link(f->f, to) : status;
}

NTSTATUS io_set_link(struct io_file *f, uint64_t buf, uint32_t size, bool ex)
{
	struct FILE_RENAME_INFORMATION i;
	struct there t;
	struct io_name n;
	uint32_t flags;
	NTSTATUS status;

	if (f->kind != IO_DISK)
		return f->kind == IO_DIRECTORY ? STATUS_FILE_IS_A_DIRECTORY : STATUS_INVALID_DEVICE_REQUEST;
	status = target_in(f, buf, size, &i, &n);
	if (status != STATUS_SUCCESS)
		return status;
	flags = ex ? i.Flags : (i.Flags & 0xff) != 0;
	status = settle(f, n.text, flags, &t);
	if (status == STATUS_SUCCESS)
		status = link_to(f, n.text, &t, flags & FILE_RENAME_REPLACE_IF_EXISTS);
	os_text_free(t.text);
	io_name_done(&n);
	return status;
}
