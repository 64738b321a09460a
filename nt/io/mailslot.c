/* SPDX-License-Identifier: MIT */
/*
 * nt/io/mailslot.c - mailslots: a queue of messages with a name, which one reads and many write.
 *
 * The reader's file object makes the slot and takes its name away again; writers keep the queue alive, but nobody reads it then.
 * A read waits on the caller's thread as long as the slot's time-out says, whatever the file object's options.
 */
#include "nt/io/info.h"
#include "nt/io/irp.h"
#include "nt/io/name.h"
#include "nt/ke/user.h"
#include "nt/os/wait.h"
#include "nt/rtl/upcase.h"
#include "ntcalls.gen.h"
#include "pico/wait.h"
#include "rt/mem.h"

struct mail {
	struct list link;
	uint32_t size;
	uint8_t data[];
};

struct slot {
	struct ref ref;           /* one a file object, and look-ups */
	struct list link;         /* [NTPIPE: the list's lock] in io_mailslots(); empty: the reader is gone */
	LOCK(NTIO) lock;
	struct list mails;        /* [NTIO] oldest first */
	uint32_t count, maximum;  /* maximum [I]: of one message's size; 0 = any */
	int64_t timeout;          /* [NTIO] INT64_MIN, INT64_MAX: for ever; else 100 ns, negative or 0 */
	struct waitq wait;        /* readers */
	uint32_t quota, size;
	WCHAR name[];             /* [I] of size bytes */
};

static void slot_put(struct slot *s)
{
	if (!ref_put(&s->ref))
		return;
	LIST_FOR_SAFE (m, next, &s->mails, struct mail, link)
		arena_free(m);
	arena_free(s);
}

static struct slot *find(const WCHAR *name, uint32_t size) REQUIRES(NTPIPE)
{
	LIST_FOR (s, &io_mailslots()->all, struct slot, link)
		if (rtl_equal(s->name, s->size, name, size, true))
			return s;
	return NULL;
}

#define IS_READER priv[0] /* of struct io_file: it is the slot's own */

static struct slot *slot_of(const struct io_file *f)
{
	return f->object;
}

/* ---- Reading and writing ---- */

/* The oldest message goes to the guest.  STATUS_PENDING: there is none. */
static NTSTATUS take(struct slot *s, struct io_request *r)
{
	struct mail *m = NULL;
	NTSTATUS status = STATUS_PENDING;

	lock_take(&s->lock);
	if (!list_empty(&s->mails)) {
		m = LIST_FIRST(&s->mails, struct mail, link);
		status = m->size > r->size ? STATUS_BUFFER_TOO_SMALL : m->size != 0 ? user_write(r->buffer, m->data, m->size) : STATUS_SUCCESS;
		if (status == STATUS_SUCCESS) {
			r->done = m->size;
			list_remove(&m->link);
			s->count--;
		}
	}
	lock_drop(&s->lock);
	if (status == STATUS_SUCCESS)
		arena_free(m);
	return status;
}

static NTSTATUS mailslot_read(struct io_request *r)
{
	struct slot *s = slot_of(r->file);
	struct waiter *w = waiter_self(0);
	/* Wine's kernelbase says INT64_MAX for ever. */
	uint64_t deadline = s->timeout == INT64_MIN || s->timeout == INT64_MAX ? DK_FOREVER : pico_now() + (uint64_t)(s->timeout < 0 ? -s->timeout : 0) * 100;
	NTSTATUS status;

	if (!r->file->IS_READER)
		return STATUS_INVALID_PARAMETER;
	waitq_add(&s->wait, w);
	while ((status = take(s, r)) == STATUS_PENDING) {
		enum dk_status d = pico_wait(deadline, 0);

		if (d == DK_TIMEOUT)
			status = STATUS_IO_TIMEOUT;
		else if (d == DK_INTERRUPTED && !os_interrupted())
			status = STATUS_CANCELLED;
		if (status != STATUS_PENDING)
			break;
	}
	waitq_remove(&s->wait, w);
	return status;
}

static NTSTATUS mailslot_write(struct io_request *r)
{
	struct slot *s = slot_of(r->file);
	struct mail *m;
	NTSTATUS status;

	if (r->file->IS_READER)
		return STATUS_ACCESS_DENIED;
	if (s->maximum != 0 && r->size > s->maximum)
		return STATUS_INVALID_PARAMETER;
	m = arena_alloc(sizeof *m + r->size);
	if (m == NULL)
		return STATUS_INSUFFICIENT_RESOURCES;
	list_init(&m->link);
	m->size = r->size;
	status = r->size != 0 ? user_read(m->data, r->buffer, r->size) : STATUS_SUCCESS;
	if (status != STATUS_SUCCESS) {
		arena_free(m);
		return status;
	}
	lock_take(&s->lock);
	list_append(&s->mails, &m->link);
	s->count++;
	lock_drop(&s->lock);
	(void)waitq_wake(&s->wait, UINT32_MAX, UINT32_MAX);
	r->done = r->size;
	return STATUS_SUCCESS;
}

/* ---- Information ---- */

struct mailslot_info { /* FILE_MAILSLOT_QUERY_INFORMATION */
	uint32_t maximum, quota, next, count;
	int64_t timeout;
};

static NTSTATUS mailslot_query(struct io_file *f, uint32_t class, uint64_t buf, uint32_t size, uint64_t *done)
{
	struct slot *s = slot_of(f);
	struct mailslot_info i = { 0 };

	if (class != FileMailslotQueryInformation)
		return STATUS_INVALID_INFO_CLASS;
	lock_take(&s->lock);
	i = (struct mailslot_info){ s->maximum, s->quota, UINT32_MAX /* MAILSLOT_NO_MESSAGE */, s->count, s->timeout };
	if (!list_empty(&s->mails))
		i.next = LIST_FIRST(&s->mails, struct mail, link)->size;
	lock_drop(&s->lock);
	*done = sizeof i;
	return user_write(buf, &i, sizeof i);
}

static NTSTATUS mailslot_set(struct io_file *f, uint32_t class, uint64_t buf, uint32_t size)
{
	struct slot *s = slot_of(f);
	int64_t timeout;
	NTSTATUS status;

	if (class != FileMailslotSetInformation)
		return STATUS_INVALID_INFO_CLASS;
	status = user_read(&timeout, buf, sizeof timeout);
	if (status == STATUS_SUCCESS) {
		lock_take(&s->lock);
		s->timeout = timeout;
		lock_drop(&s->lock);
	}
	return status;
}

static void mailslot_cleanup(struct io_file *f)
{
	struct slot *s = slot_of(f);

	if (!f->IS_READER)
		return;
	lock_take(&io_mailslots()->lock);
	list_remove(&s->link);
	lock_drop(&io_mailslots()->lock);
}

static void mailslot_destroy(struct io_file *f)
{
	slot_put(slot_of(f));
}

static WCHAR *slot_name(struct io_file *f, uint32_t *size)
{
	const struct slot *s = slot_of(f);
	WCHAR *name = heap_alloc(s->size + 4);

	if (name == NULL)
		return NULL;
	name[0] = '\\';
	memcpy(name + 1, s->name, s->size);
	*size = s->size + 2;
	return name;
}

extern const struct io_ops io_mailslot_ops;
const struct io_ops io_mailslot_ops = {
	.name = "mailslot",
	.device = FILE_DEVICE_MAILSLOT,
	.read = mailslot_read,
	.write = mailslot_write,
	.query = mailslot_query,
	.set = mailslot_set,
	.name_of = slot_name,
	.cleanup = mailslot_cleanup,
	.destroy = mailslot_destroy,
};

extern const struct io_ops io_msfs_ops;
const struct io_ops io_msfs_ops = {
	.name = "msfs",
	.device = FILE_DEVICE_MAILSLOT,
};

/* ---- Opening ---- */

static NTSTATUS device_open(struct io_open *o, struct io_file **out)
{
	*out = io_file_new(IO_MSFS, o->access, o->share, o->options);
	o->information = FILE_OPENED;
	return *out != NULL ? STATUS_SUCCESS : STATUS_NO_MEMORY;
}

NTSTATUS mailslot_open(const struct io_name *n, struct io_open *o, struct io_file **out)
{
	struct slot *s;

	if (n->rest_size == 0)
		return device_open(o, out);
	lock_take(&io_mailslots()->lock);
	s = find(n->rest, n->rest_size);
	if (s != NULL)
		ref_get(&s->ref);
	lock_drop(&io_mailslots()->lock);
	if (s == NULL)
		return STATUS_OBJECT_NAME_NOT_FOUND;
	*out = io_file_new(IO_MAILSLOT, o->access, o->share, o->options);
	if (*out == NULL) {
		slot_put(s);
		return STATUS_NO_MEMORY;
	}
	(*out)->object = s;
	o->information = FILE_OPENED;
	return STATUS_SUCCESS;
}

/* A new slot of that name and its reader's file object. */
static NTSTATUS make(const struct io_name *n, struct io_file *f, uint32_t quota, uint32_t maximum, int64_t timeout)
{
	struct slot *s = arena_alloc(sizeof *s + n->rest_size);
	bool taken;

	if (s == NULL)
		return STATUS_NO_MEMORY;
	ref_init(&s->ref);
	list_init(&s->link);
	list_init(&s->mails);
	lock_init(&s->lock, LOCK_NTIO);
	waitq_init(&s->wait);
	s->maximum = maximum;
	s->quota = quota;
	s->timeout = timeout;
	s->size = n->rest_size;
	memcpy(s->name, n->rest, n->rest_size);
	f->object = s;
	f->IS_READER = 1;
	lock_take(&io_mailslots()->lock);
	taken = find(n->rest, n->rest_size) != NULL;
	if (!taken)
		list_append(&io_mailslots()->all, &s->link);
	lock_drop(&io_mailslots()->lock);
	return taken ? STATUS_OBJECT_NAME_COLLISION : STATUS_SUCCESS;
}

NTSTATUS NtCreateMailslotFile(struct nt_thread *t, uint64_t handle, uint32_t access, uint64_t oa, uint64_t iosb, uint32_t options, uint32_t quota,
	uint32_t maximum, uint64_t timeout_va)
{
	struct ob_lookup l;
	struct io_name n;
	struct io_file *f;
	int64_t timeout = INT64_MIN;
	NTSTATUS status = ob_handle_clear(handle) != STATUS_SUCCESS ? STATUS_ACCESS_VIOLATION : oa == 0 ? STATUS_INVALID_PARAMETER : timeout_va != 0 ? user_read(&timeout, timeout_va, sizeof timeout) : STATUS_SUCCESS;

	if (status == STATUS_SUCCESS)
		status = oa_in(&l, oa);
	if (status != STATUS_SUCCESS)
		return status;
	status = io_name_parse(&l, &n);
	if (status != STATUS_SUCCESS) {
		oa_free(&l);
		return status;
	}
	f = n.where == IO_AT_MAILSLOT && n.rest_size != 0 ? io_file_new(IO_MAILSLOT, ob_map_access(OB_FILE, access), 0, options | FILE_SYNCHRONOUS_IO_NONALERT)
	                                                   : NULL;
	if (f == NULL) {
		status = n.where == IO_AT_MAILSLOT && n.rest_size != 0 ? STATUS_NO_MEMORY : STATUS_OBJECT_NAME_INVALID;
	} else {
		status = make(&n, f, quota, maximum, timeout);
		if (status == STATUS_SUCCESS)
			status = user_io_status(iosb, STATUS_SUCCESS, FILE_CREATED);
		if (status == STATUS_SUCCESS)
			status = ob_handle_out(&f->ob, f->access, l.attributes, handle);
		if (f->object == NULL)
			f->kind = IO_NULL;
		ob_put(&f->ob);
	}
	io_name_done(&n);
	oa_free(&l);
	return status;
}
