/* SPDX-License-Identifier: MIT */
/* nt/io/npfs.c - named pipes: making, finding and closing them. */
#include "nt/ex/wait.h"
#include "nt/io/name.h"
#include "nt/io/npfs.h"
#include "nt/ke/user.h"
#include "nt/os/wait.h"
#include "nt/rtl/upcase.h"
#include "ntcalls.gen.h"
#include "rt/mem.h"

#define BUCKETS   64u

struct npfs { /* io_npfs() */
	LOCK(NTIO) lock;
	struct list bucket[BUCKETS]; /* of struct npfs_pipe */
	struct waitq listening;      /* woken when an instance listens */
};

static struct npfs *npfs(void)
{
	struct npfs **at = (struct npfs **)io_npfs(), *n = __atomic_load_n(at, __ATOMIC_ACQUIRE), *none = NULL;

	if (LIKELY(n != NULL))
		return n;
	n = arena_alloc(sizeof *n);
	if (n == NULL)
		return NULL;
	lock_init(&n->lock, LOCK_NTIO);
	waitq_init(&n->listening);
	for (uint32_t i = 0; i < BUCKETS; i++)
		list_init(&n->bucket[i]);
	if (__atomic_compare_exchange_n(at, &none, n, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))
		return n;
	arena_free(n);
	return none;
}

void npfs_listening(void)
{
	waitq_wake_all(&npfs()->listening);
}

/* ---- Names ---- */

static struct npfs_pipe *find_locked(struct npfs *fs, const WCHAR *name, uint32_t size)
{
	LIST_FOR (p, &fs->bucket[rtl_hash(name, size) % BUCKETS], struct npfs_pipe, hash)
		if (rtl_equal(p->name, p->size, name, size, true) && ref_get_live(&p->ref))
			return p;
	return NULL;
}

static struct npfs_pipe *find(const WCHAR *name, uint32_t size)
{
	struct npfs *fs = npfs();
	struct npfs_pipe *p;

	if (fs == NULL)
		return NULL;
	lock_take(&fs->lock);
	p = find_locked(fs, name, size);
	lock_drop(&fs->lock);
	return p;
}

static void pipe_put(struct npfs_pipe *p)
{
	struct npfs *fs = npfs();

	if (!ref_put(&p->ref))
		return;
	lock_take(&fs->lock);
	list_remove(&p->hash);
	lock_drop(&fs->lock);
	arena_free(p);
}

static struct npfs_pipe *pipe_new(const WCHAR *name, uint32_t size)
{
	struct npfs_pipe *p = arena_alloc(sizeof *p + size);

	if (p == NULL)
		return NULL;
	ref_init(&p->ref);
	lock_init(&p->lock, LOCK_NTPIPE);
	list_init(&p->hash);
	list_init(&p->instances);
	memcpy(p->name, name, size);
	p->size = size;
	return p;
}

/* ---- Ends ---- */

static struct npfs_end *end_new(struct npfs_pipe *p, enum npfs_side side)
{
	struct npfs_end *e = arena_alloc(sizeof *e);

	if (e == NULL)
		return NULL;
	ref_get(&p->ref);
	e->pipe = p;
	e->side = side;
	e->state = NPFS_LISTENING;
	e->pid = nt_current_process()->pid;
	list_init(&e->link);
	list_init(&e->messages);
	list_init(&e->readers);
	list_init(&e->flushers);
	list_init(&e->listeners);
	return e;
}

/* An end and its file object; the caller queues it and so on. */
static struct io_file *end_file(struct npfs_pipe *p, enum npfs_side side, const struct io_open *o)
{
	struct npfs_end *e = end_new(p, side);
	struct io_file *f = e != NULL ? io_file_new(IO_PIPE, o->access, o->share, o->options) : NULL;

	if (f != NULL) {
		f->object = e;
	} else if (e != NULL) {
		arena_free(e);
		pipe_put(p);
	}
	return f;
}

void npfs_end_all(struct list *irps, NTSTATUS status, struct list *done)
{
	while (!list_empty(irps))
		io_irp_take(LIST_FIRST(irps, struct io_irp, link), status, 0, done);
}

static void end_cleanup(struct io_file *f)
{
	struct npfs_end *e = npfs_end_of(f), *peer;
	struct npfs_pipe *p = e->pipe;
	struct list done;

	list_init(&done);
	lock_take(&p->lock);
	npfs_purge(e, STATUS_PIPE_BROKEN, &done); /* nobody reads what is queued here */
	npfs_end_all(&e->listeners, STATUS_PIPE_BROKEN, &done);
	peer = e->peer;
	if (peer != NULL) {
		peer->peer = NULL;
		peer->state = NPFS_CLOSING;
		npfs_end_all(&peer->readers, STATUS_PIPE_BROKEN, &done); /* they have found nothing */
	}
	e->peer = NULL;
	e->state = NPFS_CLOSING;
	if (!list_empty(&e->link)) {
		list_remove(&e->link);
		p->ninstances--;
	}
	lock_drop(&p->lock);
	io_irps_finish(&done);
	if (e->side == NPFS_SERVER) /* there may be room for another instance now, or no pipe at all */
		npfs_listening();
}

static void end_destroy(struct io_file *f)
{
	struct npfs_pipe *p = npfs_end_of(f)->pipe;

	arena_free(f->object);
	pipe_put(p);
}

static WCHAR *end_name(struct io_file *f, uint32_t *size)
{
	const struct npfs_pipe *p = npfs_end_of(f)->pipe;
	WCHAR *name = heap_alloc(p->size + 4);

	if (name == NULL)
		return NULL;
	name[0] = '\\';
	memcpy(name + 1, p->name, p->size);
	*size = p->size + 2;
	return name;
}

extern const struct io_ops io_pipe_ops, io_npfs_ops;
const struct io_ops io_pipe_ops = {
	.name = "pipe",
	.device = FILE_DEVICE_NAMED_PIPE,
	.read = npfs_read,
	.write = npfs_write,
	.flush = npfs_flush,
	.fsctl = npfs_fsctl,
	.query = npfs_query,
	.set = npfs_set,
	.name_of = end_name,
	.cancel = npfs_cancel,
	.cleanup = end_cleanup,
	.destroy = end_destroy,
};

static NTSTATUS device_fsctl(struct io_request *r)
{
	return r->code == 0x110018u ? npfs_wait_for(r) : (NTSTATUS)STATUS_NOT_SUPPORTED;
}

const struct io_ops io_npfs_ops = {
	.name = "npfs",
	.device = FILE_DEVICE_NAMED_PIPE,
	.fsctl = device_fsctl,
};

/* ---- The client's end ---- */

/* The instance that the next client gets: one that waits for it rather than one that does not. */
static struct npfs_end *next_listener(struct npfs_pipe *p) REQUIRES(NTPIPE)
{
	struct npfs_end *best = NULL;

	LIST_FOR (e, &p->instances, struct npfs_end, link)
		if (e->state == NPFS_LISTENING && (best == NULL || (list_empty(&best->listeners) && !list_empty(&e->listeners))))
			best = e;
	return best;
}

static NTSTATUS connect(struct npfs_pipe *p, struct npfs_end *client, struct list *done) REQUIRES(NTPIPE)
{
	struct npfs_end *server = next_listener(p);

	if (server == NULL)
		return p->ninstances == 0 ? STATUS_OBJECT_NAME_NOT_FOUND : STATUS_PIPE_NOT_AVAILABLE;
	client->peer = server;
	server->peer = client;
	client->state = server->state = NPFS_CONNECTED;
	client->peer_pid = server->pid;
	server->peer_pid = client->pid;
	npfs_end_all(&server->listeners, STATUS_SUCCESS, done);
	return STATUS_SUCCESS;
}

static NTSTATUS may_connect(const struct npfs_pipe *p, const struct io_open *o)
{
	if (o->disposition == FILE_CREATE)
		return STATUS_ACCESS_DENIED;
	return ((o->access & FILE_READ_DATA) && p->configuration == NPFS_INBOUND) ||
	       ((o->access & FILE_WRITE_DATA) && p->configuration == NPFS_OUTBOUND) ? STATUS_ACCESS_DENIED : STATUS_SUCCESS;
}

static NTSTATUS device_open(struct io_open *o, struct io_file **out)
{
	*out = io_file_new(IO_NPFS, o->access, o->share, o->options);
	o->information = FILE_OPENED;
	return *out != NULL ? STATUS_SUCCESS : STATUS_NO_MEMORY;
}

NTSTATUS npfs_open(const struct io_name *n, struct io_open *o, struct io_file **out)
{
	struct npfs_pipe *p;
	struct list done;
	NTSTATUS status;

	if (n->rest_size == 0)
		return npfs() != NULL ? device_open(o, out) : STATUS_NO_MEMORY;
	p = find(n->rest, n->rest_size);
	if (p == NULL)
		return STATUS_OBJECT_NAME_NOT_FOUND;
	status = may_connect(p, o);
	*out = status == STATUS_SUCCESS ? end_file(p, NPFS_CLIENT, o) : NULL;
	if (*out != NULL) {
		list_init(&done);
		lock_take(&p->lock);
		status = connect(p, npfs_end_of(*out), &done);
		lock_drop(&p->lock);
		io_irps_finish(&done);
		if (status != STATUS_SUCCESS)
			ob_put(&(*out)->ob);
	} else if (status == STATUS_SUCCESS) {
		status = STATUS_NO_MEMORY;
	}
	o->information = FILE_OPENED;
	pipe_put(p);
	return status;
}

/* ---- The server's end: NtCreateNamedPipeFile ---- */

struct wish {
	const WCHAR *name;
	uint32_t size, message_type, message_mode, nowait, maximum, in_quota, out_quota, configuration;
	int64_t timeout;
};

/* The name's pipe with a reference, a new one if need be. */
static NTSTATUS pipe_for(const struct wish *w, struct io_open *o, struct npfs_pipe **out)
{
	struct npfs *fs = npfs();
	struct npfs_pipe *new = fs != NULL ? pipe_new(w->name, w->size) : NULL, *p;

	if (new == NULL)
		return STATUS_NO_MEMORY;
	new->message_type = w->message_type;
	new->configuration = w->configuration;
	new->maximum = w->maximum;
	new->in_quota = w->in_quota;
	new->out_quota = w->out_quota;
	new->timeout = w->timeout;
	lock_take(&fs->lock);
	p = find_locked(fs, w->name, w->size);
	o->information = p != NULL ? FILE_OPENED : FILE_CREATED;
	if (p == NULL && o->disposition != FILE_OPEN && o->disposition != FILE_OVERWRITE) {
		list_insert(&fs->bucket[rtl_hash(w->name, w->size) % BUCKETS], &new->hash);
		p = new;
		new = NULL;
	}
	lock_drop(&fs->lock);
	arena_free(new);
	*out = p;
	return p != NULL ? STATUS_SUCCESS : STATUS_OBJECT_NAME_NOT_FOUND;
}

static NTSTATUS may_join(const struct npfs_pipe *p, const struct wish *w, const struct io_open *o)
{
	if (p->ninstances == 0)
		return STATUS_SUCCESS;
	if (o->disposition == FILE_CREATE)
		return STATUS_ACCESS_DENIED;
	if (p->ninstances >= p->maximum)
		return STATUS_INSTANCE_NOT_AVAILABLE;
	return p->message_type != w->message_type || p->configuration != w->configuration ? STATUS_ACCESS_DENIED : STATUS_SUCCESS;
}

static NTSTATUS create_instance(const struct wish *w, struct io_open *o, struct io_file **out)
{
	struct npfs_pipe *p;
	struct npfs_end *e;
	NTSTATUS status = pipe_for(w, o, &p);

	if (status != STATUS_SUCCESS)
		return status;
	*out = end_file(p, NPFS_SERVER, o);
	if (*out == NULL) {
		pipe_put(p);
		return STATUS_NO_MEMORY;
	}
	e = npfs_end_of(*out);
	e->message_mode = w->message_mode;
	e->nowait = w->nowait;
	lock_take(&p->lock);
	status = may_join(p, w, o);
	if (status == STATUS_SUCCESS) {
		list_append(&p->instances, &e->link);
		p->ninstances++;
	}
	lock_drop(&p->lock);
	if (status != STATUS_SUCCESS)
		ob_put(&(*out)->ob);
	else
		npfs_listening();
	pipe_put(p);
	return status;
}

static NTSTATUS wish_name(uint64_t oa, struct ob_lookup *l, struct io_name *n, struct wish *w)
{
	NTSTATUS status = oa_in(l, oa);

	if (status != STATUS_SUCCESS)
		return status;
	status = io_name_parse(l, n);
	if (status != STATUS_SUCCESS) {
		oa_free(l);
		return status;
	}
	if (n->where == IO_AT_PIPE && n->rest_size != 0) {
		w->name = n->rest;
		w->size = n->rest_size;
		return STATUS_SUCCESS;
	}
	io_name_done(n);
	oa_free(l);
	return STATUS_OBJECT_NAME_INVALID;
}

static NTSTATUS check_wish(const struct wish *w, const struct io_open *o, uint32_t type, uint32_t read_mode)
{
	if (o->share == 0 || o->share > 3 || o->disposition > FILE_OVERWRITE_IF) /* Wine's kernelbase says FILE_OVERWRITE_IF */
		return STATUS_INVALID_PARAMETER;
	if ((type & ~3u) != 0 || read_mode > 1 || (read_mode == 1 && !(type & 1)) || w->maximum == 0)
		return STATUS_INVALID_PARAMETER;
	return w->timeout > 0 ? STATUS_INVALID_PARAMETER : STATUS_SUCCESS;
}

NTSTATUS NtCreateNamedPipeFile(struct nt_thread *t, uint64_t handle, uint32_t access, uint64_t oa, uint64_t iosb, uint32_t share, uint32_t disposition,
	uint32_t options, uint32_t type, uint32_t read_mode, uint32_t nowait, uint32_t maximum, uint32_t in_quota, uint32_t out_quota, uint64_t timeout)
{
	static const uint8_t configurations[4] = { 0, NPFS_OUTBOUND, NPFS_INBOUND, NPFS_DUPLEX };
	struct io_open o = { ob_map_access(OB_FILE, access), 0, share, disposition, options, 0 };
	struct wish w = { .message_type = type & 1, .message_mode = read_mode, .nowait = nowait, .maximum = maximum, .in_quota = in_quota,
		.out_quota = out_quota, .configuration = configurations[share & 3] };
	struct ob_lookup l;
	struct io_name n;
	struct io_file *f;
	NTSTATUS status = timeout != 0 ? user_read(&w.timeout, timeout, sizeof w.timeout) : STATUS_INVALID_PARAMETER;

	if (status == STATUS_SUCCESS)
		status = check_wish(&w, &o, type, read_mode);
	if (status == STATUS_SUCCESS)
		status = wish_name(oa, &l, &n, &w);
	if (status != STATUS_SUCCESS)
		return status;
	status = create_instance(&w, &o, &f);
	io_name_done(&n);
	if (status == STATUS_SUCCESS) {
		status = user_io_status(iosb, STATUS_SUCCESS, o.information);
		if (status == STATUS_SUCCESS)
			status = ob_handle_out(&f->ob, f->access, l.attributes, handle);
		ob_put(&f->ob);
	}
	oa_free(&l);
	return status;
}

/* ---- FSCTL_PIPE_WAIT ---- */

struct wait_header { /* FILE_PIPE_WAIT_FOR_BUFFER up to its name */
	int64_t timeout;
	uint32_t name_length;
	uint8_t timeout_given;
};

/* 0: it may be opened; STATUS_PENDING: not yet. */
static NTSTATUS available(const WCHAR *name, uint32_t size, int64_t *timeout)
{
	struct npfs_pipe *p = find(name, size);
	NTSTATUS status = STATUS_PENDING;

	if (p == NULL)
		return STATUS_OBJECT_NAME_NOT_FOUND;
	*timeout = p->timeout;
	lock_take(&p->lock);
	if (next_listener(p) != NULL)
		status = STATUS_SUCCESS;
	if (p->ninstances == 0)
		status = STATUS_OBJECT_NAME_NOT_FOUND;
	lock_drop(&p->lock);
	pipe_put(p);
	return status;
}

static uint64_t deadline_of(int64_t timeout)
{
	int64_t now = ex_system_time();

	if (timeout == INT64_MIN || timeout == 0)
		return DK_FOREVER;
	return pico_now() + (uint64_t)(timeout < 0 ? -timeout : MAX(timeout - now, 0)) * 100;
}

static NTSTATUS wait_loop(const WCHAR *name, uint32_t size, const struct wait_header *h)
{
	struct waiter *w = waiter_self(0);
	uint64_t deadline = 0;
	int64_t timeout;
	NTSTATUS status;

	waitq_add(&npfs()->listening, w);
	while ((status = available(name, size, &timeout)) == STATUS_PENDING) {
		enum dk_status s;

		if (deadline == 0)
			deadline = deadline_of(h->timeout_given ? h->timeout : timeout);
		s = pico_wait(deadline, 0);
		if (s == DK_TIMEOUT) {
			status = STATUS_IO_TIMEOUT;
			break;
		}
		if (s == DK_INTERRUPTED && !os_interrupted()) {
			status = STATUS_CANCELLED;
			break;
		}
	}
	waitq_remove(&npfs()->listening, w);
	return status;
}

NTSTATUS npfs_wait_for(struct io_request *r)
{
	struct wait_header h;
	WCHAR *name;
	NTSTATUS status = r->in_size < 14 ? STATUS_INVALID_PARAMETER : user_read(&h, r->in, 13);

	if (status != STATUS_SUCCESS)
		return status;
	if (h.name_length == 0 || h.name_length > r->in_size - 14 || h.name_length > UINT16_MAX)
		return STATUS_INVALID_PARAMETER;
	name = heap_alloc(h.name_length);
	if (name == NULL)
		return STATUS_NO_MEMORY;
	status = user_read(name, r->in + 14, h.name_length);
	if (status == STATUS_SUCCESS)
		status = wait_loop(name, h.name_length & ~1u, &h);
	heap_free(name);
	return status;
}
