/* SPDX-License-Identifier: MIT */
/*
 * nt/io/rw.c - NtReadFile, NtWriteFile and their kin, and what they do to files.
 *
 * Bytes go straight between the guest's memory and the file.  What is on a disk is answered at once, also for
 * asynchronous file objects: those say STATUS_PENDING all the same, as Windows does when it had to read, so that programs
 * that wait for the event, the APC or the completion port find it there.
 */
#include "nt/ex/wait.h"
#include "nt/io/irp.h"
#include "nt/io/range.h"
#include "nt/ke/user.h"
#include "nt/mm/mm.h"
#include "nt/os/file.h"
#include "ntcalls.gen.h"

/* ---- Disk files ---- */

static NTSTATUS at_end(const struct io_request *r)
{
	return r->done == 0 && r->size != 0 && !r->write ? STATUS_END_OF_FILE : STATUS_SUCCESS;
}

/* Goes on behind the first r->done bytes. */
static NTSTATUS move(struct io_request *r, uint64_t offset)
{
	struct file *f = r->file->f;
	uint64_t va = r->buffer + r->done, n;
	uint32_t size = r->size - (uint32_t)r->done;
	NTSTATUS status = r->write ? os_file_write(f, va, size, offset + r->done, &n) : os_file_read(f, va, size, offset + r->done, &n);

	r->done += n;
	return status;
}

/* Not all was moved: the file ends, or the buffer is not all there: then the call fails, whatever was moved, unless the memory only
   had to be brought about. */
static NOINLINE NTSTATUS moved_less(struct io_request *r, uint64_t offset, NTSTATUS status)
{
	struct nt_mm *mm = r->thread->process->mm;
	uint64_t at = r->buffer + r->done, left = r->size - r->done;

	if (left == 0 || (status != STATUS_SUCCESS && status != STATUS_ACCESS_VIOLATION) || (status == STATUS_SUCCESS && nt_mm_allows(mm, at, left, !r->write)))
		return status;
	if (nt_mm_settle(at, left, !r->write))
		return move(r, offset);
	r->done = 0;
	return r->write ? STATUS_INVALID_USER_BUFFER : STATUS_ACCESS_VIOLATION;
}

static NTSTATUS transfer(struct io_request *r, uint64_t offset)
{
	struct io_file *f = r->file;
	NTSTATUS status;

	if (UNLIKELY((int64_t)offset < 0))
		return STATUS_INVALID_PARAMETER;
	if (UNLIKELY(f->node != NULL && io_ranges_there(f->node)) && io_range_denies(r, offset))
		return STATUS_FILE_LOCK_CONFLICT;
	status = move(r, offset);
	return LIKELY(r->done == r->size) ? status : moved_less(r, offset, status);
}

/* Where the description's position is also somebody else's. */
static NOINLINE NTSTATUS shared(struct io_request *r)
{
	struct io_file *f = r->file;
	NTSTATUS status;

	if (r->offset != FILE_USE_FILE_POINTER_POSITION && !(r->write && r->offset == FILE_WRITE_TO_END_OF_FILE))
		(void)os_file_seek(f->f, r->offset);
	status = r->write ? os_file_write_here(f->f, r->buffer, r->size, &r->done) : os_file_read_here(f->f, r->buffer, r->size, &r->done);
	return status == STATUS_SUCCESS ? at_end(r) : status;
}

static NTSTATUS at_position(struct io_request *r)
{
	struct io_file *f = r->file;
	uint64_t offset;
	NTSTATUS status;

	lock_take(&f->lock);
	if (r->write && r->offset == FILE_WRITE_TO_END_OF_FILE)
		offset = os_file_length(f->f);
	else
		offset = r->offset == FILE_USE_FILE_POINTER_POSITION ? f->position : r->offset;
	status = transfer(r, offset);
	if (status == STATUS_SUCCESS) {
		f->position = (f->access & (FILE_WRITE_DATA | FILE_APPEND_DATA)) == FILE_APPEND_DATA && r->write ? os_file_length(f->f)
		                                                                                                   : offset + r->done;
		status = at_end(r);
	}
	lock_drop(&f->lock);
	return status;
}

static NTSTATUS disk_rw(struct io_request *r)
{
	NTSTATUS status;

	if (UNLIKELY(r->file->shared_position))
		return shared(r);
	if (io_is_sync(r->file))
		return at_position(r);
	if (r->write && r->offset == FILE_WRITE_TO_END_OF_FILE)
		r->offset = os_file_length(r->file->f);
	status = transfer(r, r->offset);
	return status == STATUS_SUCCESS ? at_end(r) : status;
}

static NTSTATUS disk_flush(struct io_request *r)
{
	return os_file_flush(r->file->f);
}

extern const struct io_ops io_disk_ops;
const struct io_ops io_disk_ops = {
	.name = "disk",
	.device = FILE_DEVICE_DISK,
	.read = disk_rw,
	.write = disk_rw,
	.flush = disk_flush,
};

static NTSTATUS directory_rw(struct io_request *r)
{
	return STATUS_INVALID_DEVICE_REQUEST;
}

extern const struct io_ops io_directory_ops;
const struct io_ops io_directory_ops = {
	.name = "directory",
	.device = FILE_DEVICE_DISK,
	.read = directory_rw,
	.write = directory_rw,
	.flush = disk_flush,
	.cancel = io_directory_cancel,
	.cleanup = io_directory_cleanup,
	.destroy = io_directory_destroy,
};

/* ---- The calls ---- */

static NTSTATUS offset_in(struct io_request *r, uint64_t va)
{
	r->offset = FILE_USE_FILE_POINTER_POSITION;
	if (va != 0) {
		NTSTATUS status = user_read(&r->offset, va, sizeof r->offset);

		if (status != STATUS_SUCCESS)
			return status;
	}
	if (LIKELY((int64_t)r->offset >= 0) || (r->file->kind != IO_DISK && r->file->kind != IO_NULL))
		return STATUS_SUCCESS;
	if (r->offset == FILE_WRITE_TO_END_OF_FILE && r->write)
		return STATUS_SUCCESS;
	return r->offset == FILE_USE_FILE_POINTER_POSITION && io_is_sync(r->file) ? STATUS_SUCCESS : STATUS_INVALID_PARAMETER;
}

/* Bad buffers are found before anything else happens: one that begins nowhere, at least. */
static bool is_there(uint64_t va)
{
	uint32_t word;

	return uaccess_load32(ALIGN_DOWN(va, 4), &word);
}

/* The status block says it too; an asynchronous read hears of it there, and by its event, APC or port, alone. */
static NOINLINE NTSTATUS end_of_file(struct io_request *r)
{
	bool async = r->file->kind == IO_DISK && !io_is_sync(r->file);

	(void)user_io_status(r->iosb, STATUS_END_OF_FILE, 0);
	if (async)
		io_answer(r, STATUS_END_OF_FILE, true);
	else if (r->event != NULL)
		(void)ex_signal(r->event, 1);
	(void)io_end(r, STATUS_END_OF_FILE);
	return async ? STATUS_PENDING : STATUS_END_OF_FILE;
}

/* A disk file opened for asynchronous use says that the call is pending, and it is over when that is said.  What it reads through
   the cache is there at once for who wants to know that. */
static bool pends(const struct io_request *r)
{
	const struct io_file *f = r->file;

	return f->kind == IO_DISK && !io_is_sync(f) &&
	       (r->write || !(f->port_modes & FILE_SKIP_COMPLETION_PORT_ON_SUCCESS) || (f->options & FILE_NO_INTERMEDIATE_BUFFERING));
}

static NTSTATUS end_disk(struct io_request *r, NTSTATUS status)
{
	if (UNLIKELY(status == STATUS_END_OF_FILE))
		return end_of_file(r);
	return status == STATUS_SUCCESS && pends(r) ? io_end_pended(r) : io_end(r, status);
}

static NTSTATUS rw(struct nt_thread *t, struct io_request *r, uint64_t offset)
{
	const struct io_ops *ops = io_ops(r->file);
	NTSTATUS (*fn)(struct io_request *) = r->write ? ops->write : ops->read;
	NTSTATUS status = offset_in(r, offset);

	if (status == STATUS_SUCCESS)
		status = fn != NULL ? fn(r) : (NTSTATUS)STATUS_INVALID_DEVICE_REQUEST;
	return end_disk(r, status);
}

/* A read into nothing leaves the event as it was. */
static NOINLINE NTSTATUS no_buffer(uint64_t handle)
{
	struct io_file *f;
	NTSTATUS status = io_by_handle(handle, FILE_READ_DATA, &f);

	if (status != STATUS_SUCCESS)
		return status;
	ob_put(&f->ob);
	return STATUS_ACCESS_VIOLATION;
}

NTSTATUS NtReadFile(struct nt_thread *t, uint64_t handle, uint64_t event, uint64_t apc, uint64_t context, uint64_t iosb, uint64_t buffer, uint32_t size,
	uint64_t offset, uint64_t key)
{
	struct io_request r;
	NTSTATUS status;

	if (UNLIKELY(size != 0 && !is_there(buffer)))
		return no_buffer(handle);
	status = io_begin(t, &r, handle, FILE_READ_DATA, event, apc, context, iosb);
	if (UNLIKELY(status != STATUS_SUCCESS))
		return status;
	r.buffer = buffer;
	r.size = size;
	nt_mm_will_write(t->process->mm, buffer, size);
	if (UNLIKELY(key != 0))
		(void)user_read(&r.key, key, sizeof r.key);
	return rw(t, &r, offset);
}

NTSTATUS NtWriteFile(struct nt_thread *t, uint64_t handle, uint64_t event, uint64_t apc, uint64_t context, uint64_t iosb, uint64_t buffer, uint32_t size,
	uint64_t offset, uint64_t key)
{
	struct io_request r;
	NTSTATUS status;

	status = io_begin(t, &r, handle, FILE_WRITE_DATA | FILE_APPEND_DATA, event, apc, context, iosb);
	if (UNLIKELY(status != STATUS_SUCCESS))
		return status;
	if (UNLIKELY(size != 0 && !is_there(buffer)))
		return io_end(&r, STATUS_INVALID_USER_BUFFER);
	r.write = 1;
	r.buffer = buffer;
	r.size = size;
	if (UNLIKELY(key != 0))
		(void)user_read(&r.key, key, sizeof r.key);
	return rw(t, &r, offset);
}

/* Pages of one scatter or gather, one after the other. */
static NTSTATUS segments(struct io_request *r, uint64_t list, uint64_t offset)
{
	uint32_t total = r->size;
	uint64_t done = 0;
	NTSTATUS status = STATUS_SUCCESS;

	if (r->file->kind != IO_DISK || io_is_sync(r->file) || !(r->file->options & FILE_NO_INTERMEDIATE_BUFFERING))
		return STATUS_INVALID_PARAMETER;
	while (done < total && status == STATUS_SUCCESS) {
		status = user_read(&r->buffer, list + done / PAGE_SIZE * 8, sizeof r->buffer);
		r->size = (uint32_t)MIN(total - done, PAGE_SIZE);
		r->done = 0;
		if (status == STATUS_SUCCESS)
			status = transfer(r, offset + done);
		done += r->done;
		if (r->done < r->size)
			break;
	}
	r->done = done;
	r->size = total;
	return status == STATUS_SUCCESS ? at_end(r) : status;
}

static NTSTATUS scatter(struct io_request *r, uint64_t list, uint64_t offset_va)
{
	uint64_t offset = 0;
	NTSTATUS status = offset_va != 0 ? user_read(&offset, offset_va, sizeof offset) : STATUS_INVALID_PARAMETER;

	if (status == STATUS_SUCCESS)
		status = segments(r, list, offset);
	return end_disk(r, status);
}

NTSTATUS NtReadFileScatter(struct nt_thread *t, uint64_t handle, uint64_t event, uint64_t apc, uint64_t context, uint64_t iosb, uint64_t list,
	uint32_t size, uint64_t offset, uint64_t key)
{
	struct io_request r;
	NTSTATUS status = io_begin(t, &r, handle, FILE_READ_DATA, event, apc, context, iosb);

	if (status != STATUS_SUCCESS)
		return status;
	r.size = size;
	return scatter(&r, list, offset);
}

NTSTATUS NtWriteFileGather(struct nt_thread *t, uint64_t handle, uint64_t event, uint64_t apc, uint64_t context, uint64_t iosb, uint64_t list,
	uint32_t size, uint64_t offset, uint64_t key)
{
	struct io_request r;
	NTSTATUS status = io_begin(t, &r, handle, FILE_WRITE_DATA | FILE_APPEND_DATA, event, apc, context, iosb);

	if (status != STATUS_SUCCESS)
		return status;
	r.write = 1;
	r.size = size;
	return scatter(&r, list, offset);
}

NTSTATUS NtFlushBuffersFile(struct nt_thread *t, uint64_t handle, uint64_t iosb)
{
	struct io_request r;
	NTSTATUS status = user_probe_write(iosb, sizeof(struct IO_STATUS_BLOCK));

	if (status == STATUS_SUCCESS)
		status = io_begin(t, &r, handle, FILE_WRITE_DATA | FILE_APPEND_DATA, 0, 0, 0, iosb);
	if (status != STATUS_SUCCESS)
		return status;
	return io_end(&r, io_ops(r.file)->flush != NULL ? io_ops(r.file)->flush(&r) : STATUS_SUCCESS);
}
