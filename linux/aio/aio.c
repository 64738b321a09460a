/* SPDX-License-Identifier: MIT */
/*
 * linux/aio/aio.c - contexts of Linux's native aio and their events: io_setup, io_destroy,
 * io_getevents, io_pgetevents.
 *
 * A context is a ring of events in pages that the guest has mapped too; its name is their
 * address.  libaio takes events from the ring without a call, so head is the guest's and is
 * believed for nothing but which places are free: it is read once, and cut to the ring.  A
 * place is kept for each request from submission on (under_way), so an event always fits.
 *
 * A context is the process's: it goes with it, with execve, and is not the child's after fork.
 */
#include "linux/aio/aio.h"
#include "linux/misc/timer.h"
#include "linux/mm/mm_int.h"
#include "linux/fs/procfs.h"
#include "linux/sig/sig.h"
#include "rt/mem.h"
#include "syscalls.gen.h"

#define MAGIC 0xa10a10a1u
#define NR_MAX (0x10000000u / (uint32_t)sizeof(struct io_event))

/* ---- Contexts ---- */

struct aio_ctx *aio_find(struct lx_thread *t, uint64_t id)
{
	struct io_engine *eng = t->proc->io;
	struct aio_ctx *found = NULL;

	if (eng == NULL)
		return NULL;
	lock_take(&eng->lock);
	LIST_FOR(ctx, &eng->aio, struct aio_ctx, link)
		if (ctx->id == id) {
			ref_get(&ctx->ref);
			found = ctx;
			break;
		}
	lock_drop(&eng->lock);
	return found;
}

void aio_put(struct aio_ctx *ctx)
{
	if (!ref_put(&ctx->ref))
		return;
	shared_mem_put(ctx->mem);
	atomic_fetch_sub(&lx_state()->aio_nr, ctx->max);
	arena_free(ctx);
}

/* Counts max against aio-max-nr. */
static bool count_in(uint32_t max)
{
	_Atomic uint64_t *nr = &lx_state()->aio_nr;
	uint64_t now = atomic_load(nr);

	do {
		if (now + max > sysctl_value(CTL_AIO_MAX))
			return false;
	} while (!atomic_compare_exchange_weak(nr, &now, now + max));
	return true;
}

/* The ring holds twice what was asked for and at least four events a CPU, and fills its pages, as Linux's. */
static bool ring_new(struct aio_ctx *ctx)
{
	uint32_t nr = MAX(ctx->max, lx_state()->ncpus * 4) * 2 + 2;
	uint64_t bytes = PAGE_UP(sizeof(struct aio_ring) + nr * sizeof(struct io_event));

	ctx->mem = shared_mem_new(bytes >> PAGE_SHIFT);
	if (ctx->mem == NULL)
		return false;
	ctx->nr = (uint32_t)((bytes - sizeof(struct aio_ring)) / sizeof(struct io_event));
	ctx->ring = data_ptr(ctx->mem->page);
	ctx->ring->nr = ctx->nr;
	ctx->ring->magic = MAGIC;
	ctx->ring->compat = 1;
	ctx->ring->header_length = sizeof(struct aio_ring);
	return true;
}

static struct aio_ctx *ctx_new(uint32_t max)
{
	struct aio_ctx *ctx = arena_alloc(sizeof *ctx);

	if (ctx == NULL)
		return NULL;
	ref_init(&ctx->ref);
	lock_init(&ctx->lock, LOCK_IOCTX);
	list_init(&ctx->link);
	list_init(&ctx->pending);
	waitq_init(&ctx->wq);
	ctx->max = max;
	if (ring_new(ctx))
		return ctx;
	arena_free(ctx);
	return NULL;
}

static long ring_map(struct lx_thread *t, struct aio_ctx *ctx)
{
	return mm_map_shared(t->proc->mm, ctx->mem, 0, ctx->mem->count << PAGE_SHIFT, PROT_READ | PROT_WRITE, MAP_SHARED);
}

static void ring_unmap(struct lx_thread *t, const struct aio_ctx *ctx)
{
	(void)mm_unmap(t->proc->mm, ctx->id, ctx->mem->count << PAGE_SHIFT);
}

static long setup(struct lx_thread *t, uint32_t max, uint64_t *id)
{
	struct io_engine *eng = io_engine_get(t);
	struct aio_ctx *ctx;
	long addr;

	if (eng == NULL)
		return -ENOMEM;
	if (!count_in(max))
		return -EAGAIN;
	ctx = ctx_new(max);
	if (ctx == NULL) {
		atomic_fetch_sub(&lx_state()->aio_nr, max);
		return -ENOMEM;
	}
	addr = ring_map(t, ctx);
	if (addr < 0) {
		aio_put(ctx);
		return addr;
	}
	*id = ctx->id = (uint64_t)addr;
	lock_take(&eng->lock);
	list_append(&eng->aio, &ctx->link);
	lock_drop(&eng->lock);
	return 0;
}

static long destroy(struct lx_thread *t, uint64_t id);

long lx_sys_io_setup(struct lx_thread *t, uint32_t count, struct gva out)
{
	uint64_t id;
	long err;

	if (copy_in(&id, out, sizeof id) != 0)
		return -EFAULT;
	if (id != 0 || count == 0 || count > NR_MAX)
		return -EINVAL;
	err = setup(t, count, &id);
	if (err == 0 && PUT_USER(out, id) != 0) {
		(void)destroy(t, id);
		return -EFAULT;
	}
	return err;
}

/* What is under way and can be cancelled is; its events are nobody's any more. */
static void cancel_all(struct lx_thread *t, struct aio_ctx *ctx)
{
	for (;;) {
		struct io_req *mine = NULL;

		lock_take(&ctx->lock);
		LIST_FOR(r, &ctx->pending, struct io_req, pending)
			if (io_claim(r)) {
				list_remove(&r->pending);
				mine = r;
				break;
			}
		lock_drop(&ctx->lock);
		if (mine == NULL)
			return;
		aio_cancelled(t, mine);
	}
}

/* Takes ctx out of the process; false: somebody else did. */
static bool unlink_ctx(struct io_engine *eng, struct aio_ctx *ctx)
{
	bool first;

	lock_take(&eng->lock);
	first = !list_empty(&ctx->link);
	list_remove(&ctx->link);
	lock_drop(&eng->lock);
	return first;
}

static void kill_ctx(struct lx_thread *t, struct aio_ctx *ctx)
{
	lock_take(&ctx->lock);
	ctx->dead = true;
	lock_drop(&ctx->lock);
	cancel_all(t, ctx);
	waitq_wake_all(&ctx->wq);
}

static long destroy(struct lx_thread *t, uint64_t id)
{
	struct aio_ctx *ctx = aio_find(t, id);
	bool first;

	if (ctx == NULL)
		return -EINVAL;
	first = unlink_ctx(t->proc->io, ctx);
	if (first) {
		kill_ctx(t, ctx);
		ring_unmap(t, ctx);
		aio_put(ctx);
	}
	aio_put(ctx);
	return first ? 0 : -EINVAL;
}

long lx_sys_io_destroy(struct lx_thread *t, uint64_t id)
{
	return destroy(t, id);
}

/* The process's end, or execve: the address space goes by itself. */
void aio_exit(struct io_engine *eng)
{
	while (!list_empty(&eng->aio)) {
		struct aio_ctx *ctx = LIST_FIRST(&eng->aio, struct aio_ctx, link);

		list_remove(&ctx->link);
		kill_ctx(lx_current(), ctx);
		aio_put(ctx);
	}
}

/* ---- Events ---- */

/* C: events in the ring. */
static uint32_t count_events(const struct aio_ctx *ctx)
{
	uint32_t head = atomic_load(&ctx->ring->head) % ctx->nr;

	return ctx->tail >= head ? ctx->tail - head : ctx->nr - head + ctx->tail;
}

bool aio_reserve(struct aio_ctx *ctx)
{
	bool room;

	lock_take(&ctx->lock);
	room = !ctx->dead && ctx->under_way + count_events(ctx) < ctx->nr - 1;
	if (room)
		ctx->under_way++;
	lock_drop(&ctx->lock);
	return room;
}

void aio_unreserve(struct aio_ctx *ctx)
{
	lock_take(&ctx->lock);
	ctx->under_way--;
	lock_drop(&ctx->lock);
}

void aio_complete(struct aio_req *r, long result)
{
	struct aio_ctx *ctx = r->ctx;

	if (result <= -ERESTARTSYS && result >= -ERESTART_RESTARTBLOCK)
		result = -EINTR; /* a call cannot be made again */
	lock_take(&ctx->lock);
	list_remove(&r->io.pending);
	ctx->ring->event[ctx->tail] = (struct io_event){ r->data, r->iocb, result, 0 };
	ctx->tail = (ctx->tail + 1) % ctx->nr;
	ctx->under_way--;
	atomic_store(&ctx->ring->tail, ctx->tail);
	lock_drop(&ctx->lock);
	(void)waitq_wake(&ctx->wq, UINT32_MAX, EPOLLIN);
	if (r->eventfd != NULL) {
		eventfd_signal(r->eventfd);
		file_put(r->eventfd);
	}
	io_req_done(&r->io);
	aio_put(ctx);
	arena_free(r);
}

/* Moves up to max events to the guest: how many, or -EFAULT. */
static long take_events(struct aio_ctx *ctx, struct gva to, uint64_t max)
{
	uint64_t done = 0;

	while (done < max) {
		uint32_t head;
		struct io_event e;

		lock_take(&ctx->lock);
		if (count_events(ctx) == 0) {
			lock_drop(&ctx->lock);
			break;
		}
		head = atomic_load(&ctx->ring->head) % ctx->nr;
		e = ctx->ring->event[head];
		atomic_store(&ctx->ring->head, (head + 1) % ctx->nr);
		lock_drop(&ctx->lock);
		if (copy_out(gva_add(to, done * sizeof e), &e, sizeof e) != 0)
			return done > 0 ? (long)done : -EFAULT;
		done++;
	}
	return (long)done;
}

static bool some_event(void *data)
{
	struct aio_ctx *ctx = data;
	bool some;

	lock_take(&ctx->lock);
	some = count_events(ctx) != 0 || ctx->dead;
	lock_drop(&ctx->lock);
	return some;
}

static long wait_events(struct lx_thread *t, struct aio_ctx *ctx, uint64_t min, uint64_t max, struct gva to, uint64_t deadline)
{
	uint64_t done = 0;
	long n;

	for (;;) {
		n = take_events(ctx, gva_add(to, done * sizeof(struct io_event)), max - done);
		if (n < 0)
			break;
		done += (uint64_t)n;
		if (done >= min || deadline == 0 || ctx->dead)
			break;
		n = io_sleep(t, t->proc->io, &ctx->wq, some_event, ctx, deadline);
		if (n != 0)
			break;
	}
	if (done > 0)
		return (long)done;
	if (n == -ETIMEDOUT)
		return 0;
	return ctx->dead && n >= 0 ? -EINVAL : n;
}

static long getevents(struct lx_thread *t, uint64_t id, int64_t min, int64_t max, struct gva to, uint64_t deadline)
{
	struct aio_ctx *ctx = aio_find(t, id);
	long n;

	if (ctx == NULL)
		return -EINVAL;
	if (min < 0 || max < 0 || min > max)
		n = -EINVAL;
	else
		n = wait_events(t, ctx, (uint64_t)min, (uint64_t)max, to, deadline);
	aio_put(ctx);
	return n == -ERESTARTSYS ? -EINTR : n;
}

long lx_sys_io_getevents(struct lx_thread *t, uint64_t id, int64_t min, int64_t count, struct gva events, struct gva timeout)
{
	uint64_t deadline;
	long err = deadline_in(timeout, &deadline);

	return err != 0 ? err : getevents(t, id, min, count, events, deadline);
}

long lx_sys_io_pgetevents(struct lx_thread *t, uint64_t id, int64_t min, int64_t count, struct gva events, struct gva timeout,
	struct gva sig)
{
	struct {
		struct gva set;
		uint64_t size;
	} mask = { GVA_NULL, 0 };
	uint64_t deadline;
	long err = deadline_in(timeout, &deadline);

	if (err == 0 && sig.va != 0 && copy_in(&mask, sig, sizeof mask) != 0)
		err = -EFAULT;
	if (err == 0)
		err = sig_use_mask(t, mask.set, mask.size);
	return err != 0 ? err : getevents(t, id, min, count, events, deadline);
}
