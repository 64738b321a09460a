/* SPDX-License-Identifier: MIT */
/* nt/io/file.c - life of file objects, their names, and those that stand for descriptors. */
#include "nt/con/con.h"
#include "nt/io/range.h"
#include "nt/io/name.h"
#include "nt/io/npfs.h"
#include "nt/os/file.h"
#include "rt/mem.h"

struct io_file *io_file_new(enum io_kind kind, uint32_t access, uint32_t share, uint32_t options)
{
	struct io_file *f = ob_alloc(OB_FILE, sizeof *f);

	if (f == NULL)
		return NULL;
	f->kind = kind;
	f->access = access;
	f->share = share;
	f->options = options;
	f->ob.signal = 1;
	lock_init(&f->lock, LOCK_NTFILE);
	list_init(&f->irps);
	return f;
}

/* The name of a file that is to be deleted goes with the last handle. */
static void remove_name(struct io_file *f)
{
	char *text = os_text();

	if (text == NULL)
		return;
	if ((f->link != NULL ? os_path_text(f->link, text, OS_PATH_MAX) : os_file_text(f->f, text, OS_PATH_MAX)) > 0)
		(void)os_remove(text, f->kind == IO_DIRECTORY && f->link == NULL);
	os_text_free(text);
}

static void cleanup(struct io_file *f)
{
	if (__atomic_exchange_n(&f->closed, 1, __ATOMIC_ACQ_REL) != 0)
		return;
	if (io_ops(f)->cleanup != NULL)
		io_ops(f)->cleanup(f);
	if (f->node == NULL)
		return;
	io_ranges_drop(f);
	if (f->options & FILE_DELETE_ON_CLOSE)
		io_node_set_delete(f->node, true);
	if (io_node_handle_gone(f->node, f->access, f->share) || f->posix_delete)
		remove_name(f);
}

static void file_close(struct ob_object *o, struct nt_process *p, bool last)
{
	if (last)
		cleanup((struct io_file *)o);
}

static void file_destroy(struct ob_object *o)
{
	struct io_file *f = (struct io_file *)o;

	cleanup(f); /* one that never had a handle */
	if (io_ops(f)->destroy != NULL)
		io_ops(f)->destroy(f);
	if (f->node != NULL)
		io_node_close(f->node);
	if (f->link != NULL)
		os_path_put(f->link);
	arena_free(f->link);
	os_file_put(f->f);
	ob_put(f->port);
	arena_free(f);
}

WCHAR *io_file_name(struct io_file *f, uint32_t *size)
{
	char *text = os_text();
	WCHAR *name = NULL;

	if (text != NULL && (f->kind == IO_DISK || f->kind == IO_DIRECTORY) && os_file_text(f->f, text, OS_PATH_MAX) > 0)
		name = io_nt_name(text, size);
	os_text_free(text);
	return name;
}

/* The device, and the name below it, if it has one. */
static WCHAR *device_name(struct io_file *f, const WCHAR *device, uint32_t *size)
{
	uint32_t head = 0, n = 0;
	WCHAR *below = io_ops(f)->name_of != NULL ? io_ops(f)->name_of(f, &n) : NULL, *name;

	while (device[head / 2] != 0)
		head += sizeof(WCHAR);
	name = heap_alloc(head + n + 2);
	if (name != NULL) {
		memcpy(name, device, head);
		if (below != NULL)
			memcpy((char *)name + head, below, n);
		*size = head + n;
	}
	heap_free(below);
	return name;
}

static NTSTATUS query_name(struct ob_object *o, WCHAR **text, uint32_t *size)
{
	struct io_file *f = (struct io_file *)o;

	*size = 0;
	*text = NULL;
	if (f->kind == IO_PIPE && npfs_end_of(f)->pipe->size == 0)
		return STATUS_OBJECT_PATH_INVALID;
	*text = f->kind == IO_PIPE || f->kind == IO_NPFS ? device_name(f, u"\\Device\\NamedPipe", size) :
		f->kind == IO_MAILSLOT || f->kind == IO_MSFS ? device_name(f, u"\\Device\\Mailslot", size) : io_file_name(f, size);
	return STATUS_SUCCESS;
}

static NTSTATUS secured(struct ob_object *o, struct ob_object **out)
{
	struct io_file *f = (struct io_file *)o;

	*out = o;
	return f->kind == IO_PIPE ? npfs_secured(f, out) : STATUS_SUCCESS;
}

const struct ob_type ob_type_file = {
	.name = "File",
	.read = 0x120089,
	.write = 0x120116,
	.execute = 0x1200a0,
	.all = FILE_ALL_ACCESS,
	.waitable = true,
	.destroy = file_destroy,
	.close = file_close,
	.query_name = query_name,
	.secured = secured,
};

/* ---- Descriptors ---- */

NTSTATUS io_file_wrap(struct file *f, uint32_t access, uint32_t options, struct io_file **out)
{
	enum os_file_type type = os_file_type(f);
	bool disk = type == OS_FILE && os_file_seekable(f);
	struct io_file *file = io_file_new(type == OS_DIRECTORY ? IO_DIRECTORY : disk ? IO_DISK : IO_STREAM, access,
		FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE, options);
	NTSTATUS status;

	if (file == NULL) {
		os_file_put(f);
		return STATUS_NO_MEMORY;
	}
	file->f = f;
	if (disk) {
		file->shared_position = 1;
		status = io_node_open(os_file_inode(f), access, file->share, &file->node);
		if (status != STATUS_SUCCESS) { /* somebody shares it with nobody: but we have it */
			file->kind = IO_STREAM;
			file->node = NULL;
		}
	}
	*out = file;
	return STATUS_SUCCESS;
}

static NTSTATUS std_handle(struct nt_process *p, int fd, uint64_t *handle)
{
	struct file *f = os_descriptor(fd);
	struct io_file *file;
	NTSTATUS status;

	*handle = 0;
	if (f == NULL)
		return STATUS_SUCCESS;
	if (con_is_terminal(f)) {
		status = con_std_file(p, f, fd != 0, &file);
		os_file_put(f);
	} else {
		status = io_file_wrap(f, os_file_access(f) | SYNCHRONIZE | FILE_READ_ATTRIBUTES, FILE_SYNCHRONOUS_IO_NONALERT, &file);
	}
	if (status != STATUS_SUCCESS)
		return status;
	status = ob_handle_add(p, &file->ob, file->access, OBJ_INHERIT, handle);
	ob_put(&file->ob);
	return status;
}

NTSTATUS io_std_handles(struct nt_process *p, uint64_t handle[3])
{
	NTSTATUS status = STATUS_SUCCESS;

	for (int fd = 0; fd < 3 && status == STATUS_SUCCESS; fd++)
		status = std_handle(p, fd, &handle[fd]);
	return status;
}

/* ---- For sections ---- */

NTSTATUS io_file_of(struct ob_object *o, struct file **out)
{
	struct io_file *f = (struct io_file *)o;

	if (f->kind != IO_DISK && !(f->kind == IO_STREAM && os_file_type(f->f) == OS_FILE))
		return STATUS_INVALID_FILE_FOR_SECTION;
	os_file_get(f->f);
	*out = f->f;
	return STATUS_SUCCESS;
}

NTSTATUS io_name_of(struct ob_object *o, WCHAR **name, uint32_t *size)
{
	*name = io_file_name((struct io_file *)o, size);
	return *name != NULL ? STATUS_SUCCESS : STATUS_OBJECT_NAME_NOT_FOUND;
}
