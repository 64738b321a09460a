/* SPDX-License-Identifier: MIT */
/*
 * nt/io/range.c - NtLockFile and NtUnlockFile: byte ranges that others may not read or write.
 *
 * A range belongs to a file object and a key.  Nobody may write a shared one, and others neither read nor write an exclusive one; reads and
 * writes look at them (io_range_denies) only while the file has any.  Who waits for one asks again whenever a range
 * of the file goes.
 */
#include "nt/io/range.h"
#include "nt/ke/user.h"
#include "nt/os/wait.h"
#include "ntcalls.gen.h"
#include "pico/wait.h"

struct range {
	struct list link;        /* [NTIO] in node->ranges */
	struct io_file *file;    /* compare only */
	uint64_t from, count;
	uint32_t key, exclusive;
};

typedef unsigned __int128 end_type; /* a range may go to 2^64 */
static end_type end_of(uint64_t from, uint64_t count)
{
	return (end_type)from + count;
}

/* A range of no bytes is a place between two: it is in the way of what has bytes on both sides. */
static bool overlap(const struct range *k, uint64_t from, uint64_t count)
{
	return from < end_of(k->from, k->count) && k->from < end_of(from, count);
}

bool io_range_denies(const struct io_request *r, uint64_t offset)
{
	LOCK(NTIO) *l = io_node_lock(r->file->node);
	bool denied = false;

	if (r->size == 0)
		return false;
	lock_take(l);
	LIST_FOR (k, &r->file->node->ranges, struct range, link)
		if (overlap(k, offset, r->size) && (k->exclusive ? k->file != r->file || k->key != r->key : r->write))
			denied = true;
	lock_drop(l);
	return denied;
}

/* Who has a range for himself may have it shared besides. */
static bool conflicts(const struct io_node *n, const struct range *want) REQUIRES(NTIO)
{
	LIST_FOR (k, &n->ranges, struct range, link)
		if (overlap(k, want->from, want->count) && (want->exclusive || (k->exclusive && (k->file != want->file || k->key != want->key))))
			return true;
	return false;
}

/* Enters new if nobody is in its way. */
static bool try_lock(struct io_node *n, struct range *new)
{
	LOCK(NTIO) *l = io_node_lock(n);
	bool done;

	lock_take(l);
	done = !conflicts(n, new);
	if (done) {
		list_append(&n->ranges, &new->link);
		atomic_fetch_add(&n->nranges, 1);
	}
	lock_drop(l);
	return done;
}

static NTSTATUS wait_for(struct io_node *n, struct range *new)
{
	struct waiter *w = waiter_self(0);
	NTSTATUS status = STATUS_SUCCESS;

	waitq_add(&n->range_wait, w);
	while (!try_lock(n, new)) {
		enum dk_status s = pico_wait(DK_FOREVER, 0);

		if (s == DK_INTERRUPTED && !os_interrupted()) {
			status = STATUS_CANCELLED;
			break;
		}
	}
	waitq_remove(&n->range_wait, w);
	return status;
}

static NTSTATUS read_range(uint64_t offset_va, uint64_t count_va, uint64_t *from, uint64_t *count)
{
	NTSTATUS status = user_read(from, offset_va, sizeof *from);

	if (status == STATUS_SUCCESS)
		status = user_read(count, count_va, sizeof *count);
	return status;
}

NTSTATUS NtLockFile(struct nt_thread *t, uint64_t handle, uint64_t event, uint64_t apc, uint64_t context, uint64_t iosb, uint64_t offset_va,
	uint64_t count_va, uint32_t key, uint8_t at_once, uint8_t exclusive)
{
	struct io_request r;
	struct range *new;
	uint64_t from, count;
	NTSTATUS status = io_begin(t, &r, handle, FILE_READ_DATA | FILE_WRITE_DATA, event, apc, context, iosb);

	if (status != STATUS_SUCCESS)
		return status;
	status = read_range(offset_va, count_va, &from, &count);
	if (status == STATUS_SUCCESS && (r.file->node == NULL || r.file->kind != IO_DISK))
		status = STATUS_INVALID_DEVICE_REQUEST;
	if (status == STATUS_SUCCESS && count != 0 && from + count - 1 < from)
		status = STATUS_INVALID_LOCK_RANGE;
	new = status == STATUS_SUCCESS ? arena_alloc(sizeof *new) : NULL;
	if (status == STATUS_SUCCESS && new == NULL)
		status = STATUS_NO_MEMORY;
	if (status == STATUS_SUCCESS) {
		*new = (struct range){ .file = r.file, .from = from, .count = count, .key = key, .exclusive = exclusive };
		list_init(&new->link);
		if (!try_lock(r.file->node, new))
			status = at_once ? (NTSTATUS)STATUS_LOCK_NOT_GRANTED : wait_for(r.file->node, new);
		if (status != STATUS_SUCCESS)
			arena_free(new);
	}
	return io_end(&r, status);
}

/* Takes ranges of f out; the exact one, or, with all set, any. */
static uint32_t take_out(struct io_file *f, uint64_t from, uint64_t count, uint32_t key, bool all)
{
	LOCK(NTIO) *l = io_node_lock(f->node);
	uint32_t n = 0;

	lock_take(l);
	LIST_FOR_SAFE (k, next, &f->node->ranges, struct range, link) {
		if (k->file != f || (!all && (k->from != from || k->count != count || k->key != key)))
			continue;
		list_remove(&k->link);
		arena_free(k);
		n++;
		if (!all)
			break;
	}
	atomic_fetch_sub(&f->node->nranges, n);
	lock_drop(l);
	if (n != 0)
		waitq_wake_all(&f->node->range_wait);
	return n;
}

void io_ranges_drop(struct io_file *f)
{
	if (f->node != NULL && io_ranges_there(f->node))
		(void)take_out(f, 0, 0, 0, true);
}

NTSTATUS NtUnlockFile(struct nt_thread *t, uint64_t handle, uint64_t iosb, uint64_t offset_va, uint64_t count_va, uint32_t key)
{
	struct io_file *f;
	uint64_t from, count;
	NTSTATUS status = io_by_handle(handle, FILE_READ_DATA | FILE_WRITE_DATA, &f);

	if (status != STATUS_SUCCESS)
		return status;
	status = read_range(offset_va, count_va, &from, &count);
	if (status == STATUS_SUCCESS && f->node == NULL)
		status = STATUS_INVALID_DEVICE_REQUEST;
	if (status == STATUS_SUCCESS && take_out(f, from, count, key, false) == 0)
		status = STATUS_RANGE_NOT_LOCKED;
	if (status == STATUS_SUCCESS)
		status = iosb != 0 ? user_io_status(iosb, STATUS_SUCCESS, 0) : STATUS_SUCCESS;
	ob_put(&f->ob);
	return status;
}
