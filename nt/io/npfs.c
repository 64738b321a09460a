/* SPDX-License-Identifier: MIT */
/* nt/io/npfs.c - named pipes: making, finding and closing them. */
#include "nt/io/name.h"
#include "nt/io/npfs.h"
#include "nt/os/wait.h"
#include "nt/rtl/upcase.h"
#include "rt/mem.h"

#define BUCKETS   64u
#define MANAGER      "svcctl"
#define MANAGER_WIDE u"svcctl"
#define MANAGER_NS   10000000000u
#define LOOK_NS      20000000u /* the manager may end before it listens */

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

struct waitq *npfs_listeners(void)
{
	return &npfs()->listening;
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

struct npfs_pipe *npfs_find(const WCHAR *name, uint32_t size)
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

void npfs_put(struct npfs_pipe *p)
{
	struct npfs *fs = npfs();

	if (!ref_put(&p->ref))
		return;
	lock_take(&fs->lock);
	list_remove(&p->hash);
	lock_drop(&fs->lock);
	arena_free(p->secured.security);
	arena_free(p);
}

static struct npfs_pipe *pipe_new(const WCHAR *name, uint32_t size)
{
	struct npfs_pipe *p = arena_alloc(sizeof *p + size);

	if (p == NULL)
		return NULL;
	ref_init(&p->ref);
	lock_init(&p->lock, LOCK_NTPIPE);
	lock_init(&p->secured.lock, LOCK_NTOBJ);
	p->secured.type = OB_FILE;
	list_init(&p->hash);
	list_init(&p->instances);
	memcpy(p->name, name, size);
	p->size = size;
	return p;
}

NTSTATUS npfs_pipe_for(const struct npfs_wish *w, struct io_open *o, struct npfs_pipe **out)
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
	p = w->size != 0 ? find_locked(fs, w->name, w->size) : NULL;
	o->information = p != NULL ? FILE_OPENED : FILE_CREATED;
	if (p == NULL && o->disposition != FILE_OPEN && o->disposition != FILE_OVERWRITE) {
		if (w->size != 0)
			list_insert(&fs->bucket[rtl_hash(w->name, w->size) % BUCKETS], &new->hash);
		p = new;
		new = NULL;
	}
	lock_drop(&fs->lock);
	arena_free(new);
	*out = p;
	return p != NULL ? STATUS_SUCCESS : STATUS_OBJECT_NAME_NOT_FOUND;
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
	waitq_init(&e->linux_wait);
	list_init(&e->link);
	list_init(&e->messages);
	list_init(&e->readers);
	list_init(&e->flushers);
	list_init(&e->listeners);
	return e;
}

struct io_file *npfs_end_file(struct npfs_pipe *p, enum npfs_side side, const struct io_open *o)
{
	struct npfs_end *e = end_new(p, side);
	struct io_file *f = e != NULL ? io_file_new(IO_PIPE, o->access, o->share, o->options) : NULL;

	if (f != NULL) {
		f->object = e;
	} else if (e != NULL) {
		arena_free(e);
		npfs_put(p);
	}
	return f;
}

void npfs_end_all(struct list *irps, NTSTATUS status, struct list *done)
{
	while (!list_empty(irps))
		io_irp_take(LIST_FIRST(irps, struct io_irp, link), status, 0, done);
}

/* Its name is free for another one. */
static void forget(struct npfs_pipe *p) REQUIRES(NTPIPE)
{
	struct npfs *fs = npfs();

	p->gone = 1;
	lock_take(&fs->lock);
	list_remove(&p->hash);
	lock_drop(&fs->lock);
}

/* Who has written what is queued at e goes: its bytes stay, its writes are done. */
static void let_writers_go(struct npfs_end *e, struct list *done) REQUIRES(NTPIPE)
{
	LIST_FOR (m, &e->messages, struct npfs_message, link) {
		if (m->writer != NULL)
			io_irp_take(m->writer, STATUS_SUCCESS, m->size, done);
		m->writer = NULL;
	}
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
		npfs_stir(peer);
		npfs_end_all(&peer->readers, STATUS_PIPE_BROKEN, &done); /* they have found nothing */
		let_writers_go(peer, &done);
	}
	e->peer = NULL;
	e->state = NPFS_CLOSING;
	if (!list_empty(&e->link)) {
		list_remove(&e->link);
		if (--p->ninstances == 0)
			forget(p);
	}
	lock_drop(&p->lock);
	io_irps_finish(&done);
	if (e->side == NPFS_SERVER) /* there may be room for another instance now, or no pipe at all */
		npfs_listening();
}

static void end_destroy(struct io_file *f)
{
	struct npfs_pipe *p = npfs_end_of(f)->pipe;

	se_client_put(&npfs_end_of(f)->who);
	arena_free(f->object);
	npfs_put(p);
}

NTSTATUS npfs_secured(struct io_file *f, struct ob_object **out)
{
	struct npfs_end *e = npfs_end_of(f);

	*out = &e->pipe->secured;
	return npfs_is_cut_off(e) ? STATUS_PIPE_DISCONNECTED : STATUS_SUCCESS;
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

struct npfs_end *npfs_next_listener(struct npfs_pipe *p) REQUIRES(NTPIPE)
{
	LIST_FOR (e, &p->instances, struct npfs_end, link)
		if (e->state == NPFS_LISTENING)
			return e;
	return NULL;
}

static NTSTATUS connect(struct npfs_pipe *p, struct npfs_end *client, struct list *done) REQUIRES(NTPIPE)
{
	struct npfs_end *server = npfs_next_listener(p);

	if (server == NULL)
		return p->ninstances == 0 ? STATUS_OBJECT_NAME_NOT_FOUND : STATUS_PIPE_NOT_AVAILABLE;
	client->peer = server;
	server->peer = client;
	client->state = server->state = NPFS_CONNECTED;
	client->peer_pid = server->pid;
	server->peer_pid = client->pid;
	npfs_stir(server);
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

#define IS_FOLDER priv[0] /* of the device's file object */

static NTSTATUS device_open(bool folder, struct io_open *o, struct io_file **out)
{
	*out = io_file_new(IO_NPFS, o->access, o->share, o->options);
	o->information = FILE_OPENED;
	if (*out != NULL)
		(*out)->IS_FOLDER = folder;
	return *out != NULL ? STATUS_SUCCESS : STATUS_NO_MEMORY;
}

bool npfs_is_folder(const struct io_file *device)
{
	return device->IS_FOLDER != 0;
}

/* The pipe of that name, or the one that the name is relative to; a reference. */
static struct npfs_pipe *named(const struct io_name *n)
{
	struct npfs_pipe *p;

	if (n->root == NULL || n->root->kind != IO_PIPE)
		return npfs_find(n->rest, n->rest_size);
	p = npfs_end_of(n->root)->pipe;
	ref_get(&p->ref);
	return p;
}

/* The service control manager's, which listens there once somebody has started it. */
static bool is_manager(const struct io_name *n)
{
	return (n->root == NULL || n->root->kind != IO_PIPE) && rtl_equal_ascii(n->rest, n->rest_size, MANAGER) && nt_current() != NULL && nt_current()->process->system == 0;
}

static struct npfs_pipe *manager(void)
{
	struct waiter *w = waiter_self(0);
	uint64_t until = pico_now() + MANAGER_NS;
	struct npfs_pipe *p = NULL;

	if (!ps_need_services(nt_current()))
		return NULL;
	waitq_add(npfs_listeners(), w);
	while ((p = npfs_find(MANAGER_WIDE, sizeof MANAGER_WIDE - sizeof(WCHAR))) == NULL && pico_now() < until && atomic_load(&nt_state()->services) != 0)
		if (pico_wait(pico_now() + LOOK_NS, 0) == DK_INTERRUPTED && !os_interrupted())
			break;
	waitq_remove(npfs_listeners(), w);
	return p;
}

NTSTATUS npfs_open(const struct io_name *n, struct io_open *o, struct io_file **out)
{
	struct se_client who = { NULL, 0, 0 };
	struct npfs_pipe *p;
	struct list done;
	NTSTATUS status;

	if (n->rest_size == 0 && (n->root == NULL || n->root->kind != IO_PIPE))
		return npfs() != NULL ? device_open(n->slash, o, out) : STATUS_NO_MEMORY;
	p = named(n);
	if (p == NULL && is_manager(n))
		p = manager();
	if (p == NULL)
		return STATUS_OBJECT_NAME_NOT_FOUND;
	status = may_connect(p, o);
	if (status == STATUS_SUCCESS)
		status = se_check_open(&p->secured, &o->access);
	if (status == STATUS_SUCCESS)
		status = se_client_begin(&who, o->qos);
	*out = status == STATUS_SUCCESS ? npfs_end_file(p, NPFS_CLIENT, o) : NULL;
	if (*out != NULL) {
		npfs_end_of(*out)->who = who;
		list_init(&done);
		lock_take(&p->lock);
		status = connect(p, npfs_end_of(*out), &done);
		lock_drop(&p->lock);
		io_irps_finish(&done);
		if (status != STATUS_SUCCESS)
			ob_put(&(*out)->ob);
	} else if (status == STATUS_SUCCESS) {
		se_client_put(&who);
		status = STATUS_NO_MEMORY;
	}
	o->information = FILE_OPENED;
	npfs_put(p);
	return status;
}
