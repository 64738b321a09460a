/* SPDX-License-Identifier: MIT */
/* nt/net/afd.c - the device: file objects, what waits, who runs it; nt/net/afd.h has the idea. */
#include "nt/io/name.h"
#include "nt/net/afd.h"
#include "nt/os/file.h"
#include "nt/ex/wait.h"

/* nt_state()->net */
struct afd_root *afd_root(void)
{
	struct afd_root **at = (struct afd_root **)&nt_state()->net, *root = __atomic_load_n(at, __ATOMIC_ACQUIRE), *none = NULL;

	if (LIKELY(root != NULL))
		return root;
	root = arena_alloc(sizeof *root);
	if (root == NULL)
		return NULL;
	lock_init(&root->lock, LOCK_NTPIPE);
	list_init(&root->timed);
	if (__atomic_compare_exchange_n(at, &none, root, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))
		return root;
	arena_free(root);
	return none;
}

/* ---- File objects ---- */

bool afd_make(struct io_file *f, struct file *file)
{
	struct afd *a = f->object;

	if (a == NULL) {
		a = arena_alloc(sizeof *a);
		if (a == NULL) {
			os_file_put(file);
			return false;
		}
		list_init(&a->reads);
		list_init(&a->writes);
		list_init(&a->accepts);
		list_init(&a->idle);
		list_init(&a->watches);
		list_init(&a->polls);
		f->object = a;
	}
	a->file = file;
	return true;
}

struct io_file *afd_file_new(struct file *file, uint32_t access, uint32_t options)
{
	struct io_file *f = io_file_new(IO_AFD, access, FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE, options);

	if (f == NULL) {
		os_file_put(file);
		return NULL;
	}
	if (afd_make(f, file))
		return f;
	ob_put(&f->ob);
	return NULL;
}

NTSTATUS net_open(const struct io_name *n, struct io_open *o, struct io_file **out)
{
	if (n->where == IO_AT_AFD && afd_root() == NULL)
		return STATUS_NO_MEMORY;
	*out = io_file_new(n->where == IO_AT_NSI ? IO_NSI : IO_AFD, o->access, o->share, o->options);
	o->information = FILE_OPENED;
	return *out != NULL ? STATUS_SUCCESS : STATUS_NO_MEMORY;
}

static void end_all(struct list *queue, struct list *done)
{
	while (!list_empty(queue))
		afd_done(afd_op_of(LIST_FIRST(queue, struct io_irp, link)), STATUS_CANCELLED, done);
}

/* An accept that it was for has it no more. */
static void forget(struct os_sockwatch *w)
{
	if (w->extra != NULL)
		((struct afd_op *)w->extra)->into.watch = NULL;
}

/* The watches go: those that the caller is to free are moved to mine. */
static void end_watches(struct afd *a, struct list *mine)
{
	while (!list_empty(&a->watches)) {
		struct os_sockwatch *w = LIST_FIRST(&a->watches, struct os_sockwatch, link);

		list_remove(&w->link);
		forget(w);
		if (os_sockwatch_claim(w))
			list_append(mine, &w->link);
	}
}

static void free_watches(struct list *mine)
{
	while (!list_empty(mine)) {
		struct os_sockwatch *w = LIST_FIRST(mine, struct os_sockwatch, link);

		list_remove(&w->link);
		os_sockwatch_free(w);
	}
}

/* An accept into it that is under way ends. */
static void end_into(struct afd *a)
{
	struct io_irp *irp;
	struct list done;

	lock_take(&afd_root()->lock);
	irp = a->into;
	if (irp != NULL && !ref_get_live(&irp->ref))
		irp = NULL;
	lock_drop(&afd_root()->lock);
	if (irp == NULL)
		return;
	list_init(&done);
	io_ops(irp->r.file)->cancel(irp, &done);
	io_irps_finish(&done);
	io_irp_put(irp);
}

/* The last handle is gone. */
static void afd_cleanup(struct io_file *f)
{
	struct afd *a = afd_of(f);
	struct list done, watches;
	struct ob_object *event;

	if (a == NULL)
		return;
	list_init(&done);
	list_init(&watches);
	end_into(a);
	lock_take(&f->lock);
	a->closed = 1;
	end_all(&a->reads, &done);
	end_all(&a->writes, &done);
	end_all(&a->accepts, &done);
	end_all(&a->idle, &done);
	if (a->connect != NULL)
		afd_done(afd_op_of(a->connect), STATUS_CANCELLED, &done);
	end_watches(a, &watches);
	event = a->event;
	a->event = NULL;
	lock_drop(&f->lock);
	afd_poll_told(f, AFD_POLL_CLOSE, 0, &done);
	io_irps_finish(&done);
	free_watches(&watches);
	ob_put(event);
	os_file_put(a->deferred);
	a->deferred = NULL;
	os_file_put(a->file); /* the peer hears of it now, though somebody may poll it still */
	a->file = NULL;
}

static void afd_destroy(struct io_file *f)
{
	struct afd *a = afd_of(f);

	if (a == NULL)
		return;
	os_file_put(a->file);
	os_file_put(a->spare);
	arena_free(a);
}

/* ---- Who runs it ---- */

static bool any_of(const struct list *queue, const struct nt_process *p)
{
	LIST_FOR (irp, queue, struct io_irp, link)
		if (irp->process == p)
			return true;
	return false;
}

static uint32_t for_events(uint32_t flags)
{
	return (flags & (AFD_POLL_READ | AFD_POLL_ACCEPT | AFD_POLL_HUP | AFD_POLL_RESET) ? OS_SOCK_IN | OS_SOCK_RDHUP : 0) |
	       (flags & (AFD_POLL_OOB | AFD_POLL_READ) ? OS_SOCK_PRI : 0) | (flags & AFD_POLL_WRITE ? OS_SOCK_OUT : 0);
}

/* What the calling process waits for. */
static uint32_t wanted(struct afd *a)
{
	struct nt_process *me = nt_current_process();
	uint32_t events = 0, flags = afd_poll_wanted(a, me);

	if (a->state == AFD_UNCONNECTED || a->state == AFD_ACCEPTING || a->closed)
		return 0;
	if (a->selector == me && a->event != NULL)
		flags |= a->mask & ~a->reported;
	if (a->state == AFD_CONNECTING)
		return flags != 0 || (a->connect != NULL && a->connect->process == me) ? OS_SOCK_OUT : 0;
	if (a->reset || a->aborted)
		return 0;
	events = for_events(a->hangup ? flags & ~(AFD_POLL_HUP | AFD_POLL_READ) : flags);
	if (any_of(&a->reads, me) || afd_accepts_wait(a, me))
		events |= OS_SOCK_IN | OS_SOCK_PRI;
	if (any_of(&a->writes, me) || (a->connect != NULL && a->connect->process == me))
		events |= OS_SOCK_OUT;
	return events;
}

static struct os_sockwatch *my_watch(struct io_file *f, bool make)
{
	struct afd *a = afd_of(f);
	struct os_sockwatch *w;

	LIST_FOR (w2, &a->watches, struct os_sockwatch, link)
		if (w2->process == nt_current_process() && w2->extra == NULL)
			return w2;
	w = make ? os_sockwatch_new(a->file, f) : NULL;
	if (w != NULL) {
		ob_get(&f->ob);
		list_append(&a->watches, &w->link);
	}
	return w;
}

/* Others whose requests are next. */
static void kick(struct afd *a, const struct list *queue)
{
	const struct io_irp *irp;

	if (list_empty(queue))
		return;
	irp = LIST_FIRST(queue, struct io_irp, link);
	if (afd_mine(irp))
		return;
	LIST_FOR (w, &a->watches, struct os_sockwatch, link)
		if (w->process == irp->process)
			os_sockwatch_kick(w);
}

static void go_on(struct io_file *f, struct afd_news *n)
{
	struct afd *a = afd_of(f);
	uint32_t flags = afd_look(a);

	if (a->state == AFD_LISTENING)
		afd_accepts_go_on(f, &n->done);
	if (a->connect != NULL && a->state != AFD_CONNECTING)
		afd_connect_go_on(a, &n->done);
	if (!list_empty(&a->reads) && (flags & (AFD_POLL_READ | AFD_POLL_OOB | AFD_POLL_HUP | AFD_POLL_RESET | AFD_POLL_CONNECT_ERR)))
		afd_reads_go_on(a, &n->done);
	if (!list_empty(&a->writes) && (flags & (AFD_POLL_WRITE | AFD_POLL_RESET | AFD_POLL_CONNECT_ERR)))
		afd_writes_go_on(a, &n->done);
}

void afd_run_locked(struct io_file *f, struct afd_news *n)
{
	struct afd *a = afd_of(f);
	struct os_sockwatch *w;
	uint32_t events;

	list_init(&n->done);
	n->flags = 0;
	n->error = 0;
	if (a != NULL && a->closed)
		n->flags = AFD_POLL_CLOSE; /* for polls that came to it while it was closed */
	if (a == NULL || a->file == NULL || a->closed || a->state == AFD_ACCEPTING)
		return;
	go_on(f, n);
	events = wanted(a);
	w = my_watch(f, events != 0);
	if (w != NULL && w->events != events) {
		(void)os_sockwatch_arm(w, a->file, events);
		if (events != 0) /* what came before that told nobody */
			go_on(f, n);
	}
	kick(a, &a->reads);
	kick(a, &a->writes);
	kick(a, &a->accepts);
	n->flags = afd_look(a);
	n->error = a->errors[a->state == AFD_CONNECTED ? AFD_BIT_HUP : AFD_BIT_CONNECT_ERR];
	if (!list_empty(&a->reads)) /* they will have it */
		n->flags &= ~(AFD_POLL_READ | AFD_POLL_OOB);
	afd_post(a, n->flags & ~(AFD_POLL_CONNECT | AFD_POLL_CONNECT_ERR)); /* which have been, when they happened */
}

void afd_ran(struct io_file *f, struct afd_news *n)
{
	if (afd_of(f) != NULL && n->flags != 0)
		afd_poll_told(f, n->flags, n->error, &n->done);
	io_irps_finish(&n->done);
}

void afd_run_drop(struct io_file *f)
{
	struct afd_news n;

	afd_run_locked(f, &n);
	lock_drop(&f->lock);
	afd_ran(f, &n);
}

void afd_run(struct io_file *f)
{
	lock_take(&f->lock);
	afd_run_drop(f);
}

void net_ready(struct os_sockwatch *w)
{
	afd_run(w->owner);
}

void net_watch_lost(struct os_sockwatch *w)
{
	struct io_file *f = w->owner;

	lock_take(&f->lock);
	list_remove(&w->link);
	forget(w);
	lock_drop(&f->lock);
}

void net_watch_gone(void *owner)
{
	ob_put(&((struct io_file *)owner)->ob);
}

/* ---- The calls ---- */

static NTSTATUS ioctl(struct io_request *r)
{
	switch (r->code) {
	case AFD_WINE_CREATE: return afd_create(r);
	case IOCTL_AFD_BIND: return afd_bind(r);
	case IOCTL_AFD_LISTEN: return afd_listen(r);
	case AFD_WINE_CONNECT: return afd_connect(r);
	case AFD_WINE_ACCEPT: return afd_accept(r);
	case AFD_WINE_ACCEPT_INTO: return afd_accept_into(r);
	case AFD_WINE_DEFER: return afd_defer(r);
	case AFD_WINE_SHUTDOWN: return afd_shutdown(r);
	case IOCTL_AFD_GETSOCKNAME: return afd_name(r, false);
	case AFD_WINE_GETPEERNAME: return afd_name(r, true);
	case AFD_WINE_RECVMSG: return afd_recvmsg(r);
	case IOCTL_AFD_RECV: return afd_recv(r);
	case AFD_WINE_SENDMSG: return afd_sendmsg(r);
	case AFD_WINE_TRANSMIT: return afd_transmit(r);
	case IOCTL_AFD_POLL: return afd_poll(r);
	case IOCTL_AFD_EVENT_SELECT: return afd_event_select(r);
	case IOCTL_AFD_GET_EVENTS: return afd_get_events(r);
	default: return r->code >= AFD_WINE_OPTIONS ? afd_option(r) : afd_misc(r);
	}
}

/* What a call makes ready is run at its end, if it is not one that may wait: the program finds it there when it looks next. */
static NTSTATUS run_behind(struct io_request *r, NTSTATUS (*call)(struct io_request *r))
{
	bool waits = io_is_sync(r->file); /* before the call: r may be the irp's behind it */
	struct io_engine *held;
	NTSTATUS status;

	if (waits)
		return call(r);
	held = os_sockwatch_hold();
	status = call(r);
	os_sockwatch_release(held);
	return status;
}

static NTSTATUS afd_ioctl(struct io_request *r)
{
	return run_behind(r, ioctl);
}

static NTSTATUS read_call(struct io_request *r)
{
	return run_behind(r, afd_read);
}

static NTSTATUS write_call(struct io_request *r)
{
	return run_behind(r, afd_write);
}

extern const struct io_ops io_afd_ops;
const struct io_ops io_afd_ops = { .name = "afd", .device = FILE_DEVICE_NAMED_PIPE /* GetFileType says so */, .read = read_call, .write = write_call, .ioctl = afd_ioctl,
	.cancel = afd_cancel, .irp_gone = afd_irp_gone, .cleanup = afd_cleanup, .destroy = afd_destroy };
