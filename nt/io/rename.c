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

/* p has the name that the file is to get.  *same: it is the file itself, spelled otherwise. */
static NTSTATUS may_replace(struct io_file *f, const struct os_path *p, uint32_t flags, bool *same)
{
	struct os_attr a;
	struct io_node *node;
	NTSTATUS status = os_path_attr(p, &a);

	*same = os_path_inode(p) == os_file_inode(f->f);
	if (status != STATUS_SUCCESS || *same)
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
	(void)io_node_leave(node, DELETE, 0, UINT32_MAX);
	return STATUS_SUCCESS;
}

/* text, the place asked for, is brought to what the folders say; a name of the file's own in another spelling stays as asked. */
static NTSTATUS settle(struct io_file *f, char *text, uint32_t flags, bool *there)
{
	uint32_t at = (uint32_t)(last_name(text) - text), length = (uint32_t)strlen(text) - at;
	char *asked = heap_alloc(length + 1);
	struct os_path p;
	bool same = false;
	NTSTATUS status;

	if (asked == NULL)
		return STATUS_NO_MEMORY;
	memcpy(asked, text + at, length + 1);
	status = os_path_find(text, OS_FIND_NOFOLLOW, &p);
	*there = status == STATUS_SUCCESS;
	if (*there) {
		status = may_replace(f, &p, flags, &same);
		os_path_put(&p);
	} else if (status == STATUS_OBJECT_NAME_NOT_FOUND)
		status = STATUS_SUCCESS;
	if (status == STATUS_SUCCESS && same) {
		at = (uint32_t)(last_name(text) - text);
		if (at + length < OS_PATH_MAX)
			memcpy(text + at, asked, length + 1);
	}
	heap_free(asked);
	return status;
}

NTSTATUS io_set_rename(struct io_file *f, uint64_t buf, uint32_t size, bool ex)
{
	struct FILE_RENAME_INFORMATION i;
	struct io_name n;
	char *from;
	uint32_t flags;
	bool there;
	NTSTATUS status;

	if (f->kind != IO_DISK && f->kind != IO_DIRECTORY)
		return STATUS_INVALID_DEVICE_REQUEST;
	if (!(f->access & DELETE))
		return STATUS_ACCESS_DENIED;
	status = target_in(f, buf, size, &i, &n);
	if (status != STATUS_SUCCESS)
		return status;
	flags = ex ? i.Flags : (i.Flags & 0xff) != 0;
	from = os_text();
	if (from == NULL)
		status = STATUS_NO_MEMORY;
	else if ((f->link != NULL ? os_path_text(f->link, from, OS_PATH_MAX) : os_file_text(f->f, from, OS_PATH_MAX)) < 0)
		status = STATUS_OBJECT_NAME_NOT_FOUND;
	if (status == STATUS_SUCCESS)
		status = settle(f, n.text, flags, &there);
	if (status == STATUS_SUCCESS)
		status = os_rename(from, n.text);
	os_text_free(from);
	io_name_done(&n);
	return status;
}

NTSTATUS io_set_link(struct io_file *f, uint64_t buf, uint32_t size, bool ex)
{
	struct FILE_RENAME_INFORMATION i;
	struct io_name n;
	bool there = false;
	NTSTATUS status;

	if (f->kind != IO_DISK)
		return f->kind == IO_DIRECTORY ? STATUS_FILE_IS_A_DIRECTORY : STATUS_INVALID_DEVICE_REQUEST;
	status = target_in(f, buf, size, &i, &n);
	if (status != STATUS_SUCCESS)
		return status;
	status = settle(f, n.text, ex ? i.Flags : (i.Flags & 0xff) != 0, &there);
	if (status == STATUS_SUCCESS && there)
		status = i.Flags & 1 ? os_remove(n.text, false) : STATUS_OBJECT_NAME_COLLISION;
	if (status == STATUS_SUCCESS)
		status = os_link(f->f, n.text);
	io_name_done(&n);
	return status;
}
