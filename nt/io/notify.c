/* SPDX-License-Identifier: MIT */
/*
 * nt/io/notify.c - NtNotifyChangeDirectoryFile.
 *
 * The first call on a file object makes it a watch: a filter, whether the tree below counts, and a queue of what has happened since;
 * it stays one until its last handle is closed.  Each call takes what there is, or waits.  What does not fit is lost,
 * and said so (STATUS_NOTIFY_ENUM_DIR).  All watches of the sandbox are in one list, which every change walks while there are any.
 */
#include "nt/io/irp.h"
#include "nt/ke/user.h"
#include "nt/os/file.h"
#include "nt/os/watch.h"
#include "nt/rtl/unicode.h"
#include "ntcalls.gen.h"
#include "rt/mem.h"

#define QUEUE_MAX 65536u /* bytes of changes that wait to be read */

struct io_watch { /* file->object of an IO_DIRECTORY */
	struct list link;       /* [NTPIPE: the watches' lock] in io_watches() */
	void *inode;            /* [I] of its folder; compare only */
	uint32_t filter, tree, room; /* room: the buffer of its first call */
	uint32_t used, overflow;
	struct list irps;       /* waiting, by link */
	uint8_t *queue;         /* arena, room bytes: FILE_NOTIFY_INFORMATIONs as the guest gets them */
	uint32_t last;          /* where the last one begins */
	uint32_t gone;          /* the folder itself was deleted */
};

struct record { /* FILE_NOTIFY_INFORMATION; the name is behind it */
	uint32_t next, action, length;
};

/* ---- Changes ---- */

static void put_record(struct io_watch *w, uint32_t action, const WCHAR *name, uint32_t size)
{
	uint32_t at = w->used == 0 ? 0 : ALIGN_UP(w->used, 4u);
	struct record r = { 0, action, size };

	if (w->overflow)
		return;
	if (at + sizeof r + size > w->room) {
		w->overflow = 1;
		w->used = 0;
		return;
	}
	if (w->used != 0) {
		uint32_t next = at - w->last;

		memcpy(w->queue + w->last, &next, sizeof next);
	}
	memcpy(w->queue + at, &r, sizeof r);
	memcpy(w->queue + at + sizeof r, name, size);
	w->last = at;
	w->used = at + (uint32_t)sizeof r + size;
}

/* The queue's contents for a call with this much room: NULL, 0: they do not fit, or were lost. */
static NTSTATUS take(struct io_watch *w, uint32_t room, void **data, uint32_t *size)
{
	*data = NULL;
	*size = 0;
	if (!w->overflow && w->used <= room && w->used != 0) {
		*data = arena_alloc(w->used);
		if (*data != NULL) {
			memcpy(*data, w->queue, w->used);
			*size = w->used;
		}
	}
	w->used = w->overflow = 0;
	return *data != NULL ? (NTSTATUS)STATUS_SUCCESS : (NTSTATUS)STATUS_NOTIFY_ENUM_DIR;
}

static void feed(struct io_watch *w, struct list *done) REQUIRES(NTPIPE)
{
	struct io_irp *irp;
	NTSTATUS status;

	if (list_empty(&w->irps) || (w->used == 0 && !w->overflow))
		return;
	irp = LIST_FIRST(&w->irps, struct io_irp, link);
	status = take(w, irp->r.size, &irp->data, &irp->data_size);
	io_irp_take(irp, status, irp->data_size, done);
}

/* What w is told of a change: path is from its folder on. */
static void tell(struct io_watch *w, uint32_t action, const char *path, uint32_t len, WCHAR *wide, struct list *done) REQUIRES(NTPIPE)
{
	uint32_t size = rtl_utf8_to_utf16(wide, OS_PATH_MAX * 2, path, len);

	for (uint32_t i = 0; i < size / 2; i++)
		if (wide[i] == '/')
			wide[i] = '\\';
	put_record(w, action, wide, size);
	if (action != 4) /* the new name comes with it */
		feed(w, done);
}

void os_changed(struct dentry *dir, uint32_t action, uint32_t what, const char *name)
{
	struct io_list *ws = io_watches();
	struct os_ancestors *up = heap_alloc(sizeof *up);
	WCHAR *wide = heap_alloc(OS_PATH_MAX * 2);
	uint32_t len = (uint32_t)strlen(name);
	struct list done;

	list_init(&done);
	if (up != NULL && wide != NULL && os_ancestors(dir, name, len, up)) {
		lock_take(&ws->lock);
		LIST_FOR (w, &ws->all, struct io_watch, link)
			for (uint32_t k = 0; (w->filter & what) && k < (w->tree ? up->count : 1); k++)
				if (up->inode[k] == w->inode)
					tell(w, action, up->text + up->at[k], up->size - up->at[k], wide, &done);
		lock_drop(&ws->lock);
	}
	heap_free(wide);
	heap_free(up);
	io_irps_finish(&done);
}

/* ---- The call ---- */

/* Its last handle is gone: nobody would take a watch away any more. */
static bool is_closed(struct io_file *f) REQUIRES(NTPIPE)
{
	return __atomic_load_n(&f->closed, __ATOMIC_ACQUIRE) != 0;
}

static NTSTATUS make_watch(struct io_file *f, uint32_t filter, bool tree, uint32_t size)
{
	struct io_list *ws = io_watches();
	struct io_watch *w = arena_alloc(sizeof *w);

	if (ws == NULL || w == NULL)
		return STATUS_INSUFFICIENT_RESOURCES;
	w->inode = os_file_inode(f->f);
	w->filter = filter;
	w->tree = tree;
	w->room = size != 0 ? MIN(MAX(size, 1024u), QUEUE_MAX) : 0; /* who asks for no names first is never told them */
	w->queue = arena_alloc(MAX(w->room, 1u));
	list_init(&w->irps);
	if (w->queue == NULL) {
		arena_free(w);
		return STATUS_INSUFFICIENT_RESOURCES;
	}
	lock_take(&ws->lock);
	if (f->object == NULL && !is_closed(f)) {
		f->object = w;
		list_append(&ws->all, &w->link);
		w = NULL;
	}
	lock_drop(&ws->lock);
	if (w != NULL) {
		arena_free(w->queue);
		arena_free(w);
	} else
		os_watch_count(1);
	return STATUS_SUCCESS;
}

static NTSTATUS notify(struct io_request *r, uint32_t filter, bool tree)
{
	struct io_file *f = r->file;
	struct io_irp *irp = NULL;
	struct io_watch *w;
	struct list done;
	void *data = NULL;
	uint32_t size = 0;
	NTSTATUS status = f->kind != IO_DIRECTORY ? STATUS_INVALID_PARAMETER : f->object == NULL ? make_watch(f, filter, tree, r->size) : STATUS_SUCCESS;

	if (status != STATUS_SUCCESS)
		return status;
	list_init(&done);
	w = f->object; /* or none: it is closed */
	lock_take(&io_watches()->lock);
	if (is_closed(f)) {
		status = STATUS_NOTIFY_CLEANUP;
	} else if ((w->used != 0 || w->overflow) && list_empty(&w->irps)) {
		status = take(w, r->size, &data, &size);
	} else {
		irp = io_irp_new(r);
		status = irp != NULL ? STATUS_PENDING : STATUS_INSUFFICIENT_RESOURCES;
		if (irp != NULL)
			list_append(&w->irps, &irp->link);
	}
	lock_drop(&io_watches()->lock);
	if (irp != NULL)
		return io_irp_wait(r, irp);
	if (size != 0 && user_write(r->buffer, data, size) != STATUS_SUCCESS)
		status = STATUS_ACCESS_VIOLATION;
	arena_free(data);
	r->done = size;
	return status;
}

#define FILTERS 0xfffu

NTSTATUS NtNotifyChangeDirectoryFile(struct nt_thread *t, uint64_t handle, uint64_t event, uint64_t apc, uint64_t context, uint64_t iosb, uint64_t buffer,
	uint32_t size, uint32_t filter, uint8_t tree)
{
	struct io_request r;
	NTSTATUS status = iosb == 0 ? STATUS_ACCESS_VIOLATION : STATUS_SUCCESS;

	if (status == STATUS_SUCCESS && (filter == 0 || (filter & ~FILTERS) != 0))
		status = STATUS_INVALID_PARAMETER;
	if (status == STATUS_SUCCESS)
		status = io_begin(t, &r, handle, FILE_READ_DATA, event, apc, context, iosb);
	if (status != STATUS_SUCCESS)
		return status;
	r.buffer = buffer;
	r.size = size;
	r.more = IO_PENDS; /* kernelbase's change notifications use a synchronous handle, and wait for it themselves */
	status = notify(&r, filter, tree);
	return io_end(&r, status);
}

void io_directory_cancel(struct io_irp *irp, struct list *done)
{
	lock_take(&io_watches()->lock);
	if (irp->state == IO_IRP_QUEUED)
		io_irp_take(irp, STATUS_CANCELLED, 0, done);
	lock_drop(&io_watches()->lock);
}

void io_directory_cleanup(struct io_file *f)
{
	struct io_watch *w;
	struct list done;

	list_init(&done);
	lock_take(&io_watches()->lock);
	w = f->object;
	if (w != NULL)
		list_remove(&w->link);
	while (w != NULL && !list_empty(&w->irps))
		io_irp_take(LIST_FIRST(&w->irps, struct io_irp, link), STATUS_NOTIFY_CLEANUP, 0, &done);
	lock_drop(&io_watches()->lock);
	if (w != NULL)
		os_watch_count(-1);
	io_irps_finish(&done);
}

void io_watch_free(struct io_file *f)
{
	struct io_watch *w = f->object;

	if (w == NULL)
		return;
	arena_free(w->queue);
	arena_free(w);
}
