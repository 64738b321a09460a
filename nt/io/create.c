/* SPDX-License-Identifier: MIT */
/* nt/io/create.c - NtCreateFile and NtOpenFile. */
#include "nt/io/irp.h"
#include "nt/io/name.h"
#include "nt/ke/user.h"
#include "nt/os/file.h"
#include "ntcalls.gen.h"

static NTSTATUS check(struct io_open *o)
{
	if (o->disposition > FILE_OVERWRITE_IF || (o->options & ~FILE_OPTIONS_VALID) != 0)
		return STATUS_INVALID_PARAMETER;
	if ((o->options & FILE_DIRECTORY_FILE) && (o->options & FILE_NON_DIRECTORY_FILE))
		return STATUS_INVALID_PARAMETER;
	if ((o->options & FILE_DIRECTORY_FILE) && o->disposition != FILE_OPEN && o->disposition != FILE_CREATE && o->disposition != FILE_OPEN_IF)
		return STATUS_INVALID_PARAMETER;
	if ((o->options & FILE_SYNCHRONOUS) == FILE_SYNCHRONOUS)
		return STATUS_INVALID_PARAMETER;
	if ((o->options & FILE_SYNCHRONOUS) && !(o->access & (SYNCHRONIZE | MAXIMUM_ALLOWED | GENERIC_ALL | GENERIC_READ | GENERIC_WRITE | GENERIC_EXECUTE)))
		return STATUS_INVALID_PARAMETER;
	if ((o->options & FILE_DELETE_ON_CLOSE) && !(o->access & (DELETE | MAXIMUM_ALLOWED | GENERIC_ALL)))
		return STATUS_INVALID_PARAMETER;
	return STATUS_SUCCESS;
}

static bool makes(uint32_t disposition)
{
	return disposition != FILE_OPEN && disposition != FILE_OVERWRITE;
}

static bool overwrites(uint32_t disposition)
{
	return disposition == FILE_SUPERSEDE || disposition >= FILE_OVERWRITE;
}

static uint32_t os_how(const struct io_open *o)
{
	uint32_t how = o->access & (FILE_READ_DATA | FILE_EXECUTE) ? OS_READ : 0;

	if (o->access & FILE_WRITE_DATA)
		how |= OS_WRITE;
	if (o->access & FILE_APPEND_DATA)
		how |= OS_APPEND;
	return how | (o->options & FILE_WRITE_THROUGH ? OS_SYNC : 0);
}

/* ---- Disk files ---- */

/* A file object for f, whose reference is taken over, or node. */
static NTSTATUS disk_object(struct file *f, struct io_node *node, const struct io_open *o, bool directory, struct io_file **out)
{
	struct io_file *file = io_file_new(directory ? IO_DIRECTORY : IO_DISK, o->access, o->share, o->options);

	if (file == NULL) {
		os_file_put(f);
		if (node != NULL) {
			(void)io_node_handle_gone(node, o->access, o->share);
			io_node_close(node);
		}
		return STATUS_NO_MEMORY;
	}
	file->f = f;
	file->node = node;
	*out = file;
	return STATUS_SUCCESS;
}

static NTSTATUS made_object(struct file *f, const struct io_open *o, bool directory, struct io_file **out)
{
	struct io_node *node;
	NTSTATUS status = io_node_open(os_file_inode(f), o->access, o->share, &node);

	if (status == STATUS_SUCCESS)
		return disk_object(f, node, o, directory, out);
	os_file_put(f);
	return status;
}

static NTSTATUS make_directory(const struct io_name *n, struct io_open *o, struct io_file **out)
{
	struct os_path p;
	struct file *f;
	NTSTATUS status = os_mkdir(n->text);

	if (status == STATUS_SUCCESS)
		status = os_path_find(n->text, OS_FIND_CASE, &p);
	if (status != STATUS_SUCCESS)
		return status;
	status = os_file_open(&p, OS_READ, &f);
	os_path_put(&p);
	return status == STATUS_SUCCESS ? made_object(f, o, true, out) : status;
}

static NTSTATUS make_new(const struct io_name *n, struct io_open *o, struct io_file **out)
{
	struct file *f;
	NTSTATUS status;

	o->information = FILE_CREATED;
	if (o->options & FILE_DIRECTORY_FILE)
		return make_directory(n, o, out);
	if (n->slash)
		return STATUS_OBJECT_NAME_INVALID;
	if ((o->options & FILE_DELETE_ON_CLOSE) && (o->attributes & FILE_ATTRIBUTE_READONLY))
		return STATUS_CANNOT_DELETE;
	status = os_file_create(n->text, os_how(o), o->attributes & FILE_ATTRIBUTE_READONLY, &f);
	if (status != STATUS_SUCCESS)
		return status;
	os_file_set_dos(f, o->attributes | FILE_ATTRIBUTE_ARCHIVE);
	return made_object(f, o, false, out);
}

static NTSTATUS check_existing(const struct io_name *n, const struct io_open *o, const struct os_attr *a)
{
	bool directory = a->type == OS_DIRECTORY;

	if (o->disposition == FILE_CREATE)
		return STATUS_OBJECT_NAME_COLLISION;
	if (directory && (o->options & FILE_NON_DIRECTORY_FILE))
		return STATUS_FILE_IS_A_DIRECTORY;
	if (!directory && ((o->options & FILE_DIRECTORY_FILE) || n->slash))
		return o->options & FILE_DIRECTORY_FILE ? STATUS_NOT_A_DIRECTORY : STATUS_OBJECT_NAME_INVALID;
	if (directory && overwrites(o->disposition))
		return STATUS_OBJECT_NAME_COLLISION;
	if (!directory && a->readonly && o->disposition != FILE_SUPERSEDE) {
		if ((o->access & (FILE_WRITE_DATA | FILE_APPEND_DATA)) || overwrites(o->disposition))
			return STATUS_ACCESS_DENIED;
		if (o->options & FILE_DELETE_ON_CLOSE)
			return STATUS_CANNOT_DELETE;
	}
	if (overwrites(o->disposition) && (a->dos & ~o->attributes & (FILE_ATTRIBUTE_HIDDEN | FILE_ATTRIBUTE_SYSTEM)))
		return STATUS_ACCESS_DENIED;
	return STATUS_SUCCESS;
}

/* p is there; its node is joined first, so that who may not have it does not open or empty it. */
static NTSTATUS open_there(const struct io_name *n, struct io_open *o, const struct os_path *p, struct io_file **out)
{
	bool over = overwrites(o->disposition);
	struct io_node *node;
	struct os_attr a;
	struct file *f;
	uint32_t how;
	NTSTATUS status = os_path_attr(p, &a);

	if (UNLIKELY(n->volume) && (o->options & FILE_NON_DIRECTORY_FILE) && status == STATUS_SUCCESS) {
		status = os_file_open(p, OS_READ, &f);
		return status == STATUS_SUCCESS ? rawdisk_open(f, o, out) : status;
	}
	if (status == STATUS_SUCCESS)
		status = check_existing(n, o, &a);
	if (status != STATUS_SUCCESS)
		return status;
	if (over || (o->access & (FILE_WRITE_DATA | FILE_APPEND_DATA | DELETE)))
		io_node_know_dlls();
	status = io_node_open(os_path_inode(p), o->access | (over ? FILE_WRITE_DATA : 0), o->share, &node);
	if (status != STATUS_SUCCESS)
		return status;
	if (over && atomic_load(&node->sections) != 0)
		status = STATUS_USER_MAPPED_FILE;
	else if ((o->options & FILE_DELETE_ON_CLOSE) && atomic_load(&node->images) != 0)
		status = STATUS_CANNOT_DELETE;
	how = os_how(o) | (over ? OS_TRUNCATE : 0);
	if (a.type == OS_DIRECTORY || (how & ~OS_SYNC) == OS_TRUNCATE)
		how |= OS_READ;
	if (status == STATUS_SUCCESS && a.readonly && o->disposition == FILE_SUPERSEDE)
		status = os_path_set_readonly(p, false);
	if (status == STATUS_SUCCESS)
		status = os_file_open(p, how, &f);
	io_node_leave(node, o->access | (over ? FILE_WRITE_DATA : 0), o->share, status == STATUS_SUCCESS ? o->access : UINT32_MAX);
	if (status != STATUS_SUCCESS)
		return status;
	o->information = !over ? FILE_OPENED : o->disposition == FILE_SUPERSEDE ? FILE_SUPERSEDED : FILE_OVERWRITTEN;
	if (over)
		os_file_set_dos(f, o->attributes | FILE_ATTRIBUTE_ARCHIVE);
	return disk_object(f, node, o, a.type == OS_DIRECTORY, out);
}

/* The place of n.  *link: the symbolic link that stands there, if who opens it may delete it; else empty. */
static NTSTATUS find(const struct io_name *n, const struct io_open *o, struct os_path *p, struct os_path *link)
{
	uint32_t how = o->access & FILE_READ_DATA && !(o->access & FILE_WRITE_DATA) ? OS_FIND_READ : 0;
	NTSTATUS status;

	*link = (struct os_path){ NULL, NULL };
	if (o->options & FILE_OPEN_REPARSE_POINT)
		return os_path_find(n->text, OS_FIND_NOFOLLOW, p);
	if (LIKELY(!(o->access & DELETE)))
		return os_path_find(n->text, how, p);
	status = os_path_find(n->text, OS_FIND_NOFOLLOW, p);
	if (status != STATUS_SUCCESS || !os_path_is_link(p))
		return status;
	*link = *p;
	status = os_path_find(n->text, OS_FIND_CASE, p);
	if (status == STATUS_SUCCESS)
		return status;
	*p = *link; /* it leads nowhere: it is meant itself */
	*link = (struct os_path){ NULL, NULL };
	return STATUS_SUCCESS;
}

static NTSTATUS keep_link(struct io_file *f, struct os_path *link)
{
	f->link = arena_alloc(sizeof *f->link);
	if (f->link == NULL) {
		ob_put(&f->ob);
		return STATUS_NO_MEMORY;
	}
	*f->link = *link;
	*link = (struct os_path){ NULL, NULL };
	return STATUS_SUCCESS;
}

static NTSTATUS disk_open(const struct io_name *n, struct io_open *o, struct io_file **out)
{
	struct os_path p, link;
	NTSTATUS status = find(n, o, &p, &link);

	if (status == STATUS_OBJECT_NAME_NOT_FOUND && makes(o->disposition)) {
		status = make_new(n, o, out);
		if (status != STATUS_OBJECT_NAME_COLLISION || o->disposition == FILE_CREATE)
			return status;
		status = find(n, o, &p, &link); /* somebody else was faster */
	}
	if (status != STATUS_SUCCESS)
		return status;
	status = open_there(n, o, &p, out);
	if (status == STATUS_SUCCESS && link.dentry != NULL)
		status = keep_link(*out, &link);
	os_path_put(&link);
	os_path_put(&p);
	return status;
}

/* MAXIMUM_ALLOWED: all, or what is left of it where a file may not be written. */
static NTSTATUS disk_open_maximum(const struct io_name *n, struct io_open *o, struct io_file **out)
{
	uint32_t all = o->access;
	NTSTATUS status = disk_open(n, o, out);

	if (status != STATUS_ACCESS_DENIED && status != STATUS_MEDIA_WRITE_PROTECTED)
		return status;
	o->access = all & ~(FILE_WRITE_DATA | FILE_APPEND_DATA | FILE_WRITE_EA | DELETE);
	return disk_open(n, o, out);
}

/* ---- All of them ---- */

static NTSTATUS null_open(const struct io_name *n, struct io_open *o, struct io_file **out)
{
	if (o->options & FILE_DELETE_ON_CLOSE)
		return STATUS_INVALID_DEVICE_REQUEST;
	*out = io_file_new(IO_NULL, o->access, o->share, o->options);
	o->information = FILE_OPENED;
	return *out != NULL ? STATUS_SUCCESS : STATUS_NO_MEMORY;
}

NTSTATUS io_open_at(const struct io_name *n, struct io_open *o, struct io_file **out)
{
	bool maximum = o->access & MAXIMUM_ALLOWED;

	o->access = ob_map_access(OB_FILE, o->access);
	switch (n->where) {
	case IO_AT_DISK:
		return maximum ? disk_open_maximum(n, o, out) : disk_open(n, o, out);
	case IO_AT_NULL:
		return null_open(n, o, out);
	default:
		return io_open_device(n, o, out);
	}
}

static NTSTATUS create(uint64_t handle, uint64_t oa, uint64_t iosb, struct io_open *o)
{
	struct io_file *file;
	struct ob_lookup l;
	struct io_name n;
	NTSTATUS status = ob_handle_clear(handle);

	if (status == STATUS_SUCCESS)
		status = check(o);
	if (status == STATUS_SUCCESS)
		status = oa_in(&l, oa);
	if (status != STATUS_SUCCESS)
		return status;
	o->qos = l.qos;
	status = o->options & FILE_OPEN_BY_FILE_ID ? io_name_parse_id(&l, &n) : io_name_parse(&l, &n);
	if (status == STATUS_SUCCESS) {
		status = io_open_at(&n, o, &file);
		io_name_done(&n);
	}
	if (status == STATUS_SUCCESS) {
		status = user_io_status(iosb, STATUS_SUCCESS, o->information);
		if (status == STATUS_SUCCESS)
			status = ob_handle_out(&file->ob, file->access, l.attributes, handle);
		ob_put(&file->ob);
	}
	oa_free(&l);
	return status;
}

NTSTATUS NtCreateFile(struct nt_thread *t, uint64_t handle, uint32_t access, uint64_t oa, uint64_t iosb, uint64_t allocation, uint32_t attributes,
	uint32_t share, uint32_t disposition, uint32_t options, uint64_t ea, uint32_t ea_size)
{
	struct io_open o = { access, attributes, share, disposition, options, 0, 0 };

	return create(handle, oa, iosb, &o);
}

NTSTATUS NtOpenFile(struct nt_thread *t, uint64_t handle, uint32_t access, uint64_t oa, uint64_t iosb, uint32_t share, uint32_t options)
{
	struct io_open o = { access, 0, share, FILE_OPEN, options, 0, 0 };

	return create(handle, oa, iosb, &o);
}

NTSTATUS io_open_name(const WCHAR *name, uint32_t size, uint32_t access, struct io_file **out)
{
	struct io_open o = { access, 0, FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE, FILE_OPEN, FILE_SYNCHRONOUS_IO_NONALERT, 0, 0 };
	struct io_name n;
	NTSTATUS status = io_name_absolute(name, size, &n);

	if (status != STATUS_SUCCESS)
		return status;
	status = io_open_at(&n, &o, out);
	io_name_done(&n);
	return status;
}
