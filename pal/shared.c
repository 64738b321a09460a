/* SPDX-License-Identifier: MIT */
/*
 * pal/shared.c - objects and handles in pal's shared area.
 *
 * Spin locks are held for a few instructions and never across a host call that
 * waits, so a contended one spins a little and then yields.  The kick handler takes
 * none, so a kick in the middle is harmless; a stopped holder only delays.
 */
#include "pal/pal.h"
#include "rt/mem.h"

/* What a lock's word says of its holder: only the death of its whole picoprocess can make it stay locked. */
static uint32_t own_mark(void)
{
	dk_handle h = atomic_load(&shared()->processes[pal_process].object.handle);

	return h ? h : UINT32_MAX;
}

/* Asked of the host: kproc, which would hear of the death, may be the one that spins. */
static bool holder_is_gone(uint32_t mark)
{
	struct process *p;
	uint32_t tgid;

	if (mark == 0 || DK_HANDLE_KIND(mark) != DK_KIND_PROCESS)
		return false;
	p = (struct process *)object_find(mark);
	if (!p || atomic_load(&p->object.state))
		return true;
	tgid = atomic_load(&p->tgid);
	return tgid != 0 && HOST3(tgkill, tgid, tgid, HOST_SIGURG) == -HOST_ESRCH;
}

void spin_take(_Atomic uint32_t *lock)
{
	uint32_t free = 0, me = own_mark();
	unsigned tries = 0;

	while (!atomic_compare_exchange_weak_explicit(lock, &free, me, memory_order_acquire, memory_order_relaxed)) {
		free = 0;
		if (++tries < 200)
			cpu_relax();
		else
			(void)HOST0(sched_yield);
		if (tries % 65536 == 65535) {
			uint32_t holder = atomic_load(lock);

			if (holder_is_gone(holder) && atomic_load(lock) == holder)
				pal_panic("pal: a process died holding a lock of the shared area");
		}
	}
}

void spin_drop(_Atomic uint32_t *lock)
{
	atomic_store_explicit(lock, 0, memory_order_release);
}

struct kind_info {
	struct table *table;
	char *base;
	uint32_t size, count;
};

static struct kind_info kind_info(enum dk_kind kind)
{
	struct shared *s = shared();

	switch (kind) {
	case DK_KIND_EVENT:
	case DK_KIND_SEMAPHORE:
		return (struct kind_info){ &s->events_table, (char *)s->events, sizeof(struct object), PS_EVENTS };
	case DK_KIND_THREAD:
		return (struct kind_info){ &s->threads_table, (char *)s->threads, sizeof(struct thread), PS_THREADS };
	case DK_KIND_PROCESS:
		return (struct kind_info){ &s->processes_table, (char *)s->processes, sizeof(struct process), PS_PROCESSES };
	case DK_KIND_STREAM:
		return (struct kind_info){ &s->streams_table, (char *)s->streams, sizeof(struct stream), PS_STREAMS };
	case DK_KIND_STREAM_EVENT:
		break;
	}
	return (struct kind_info){ 0 };
}

uint32_t object_index(const struct object *o)
{
	const char *p = (const char *)o;
	struct shared *s = shared();

	if (p >= (char *)s->events && p < (char *)(s->events + PS_EVENTS))
		return (uint32_t)(o - s->events);
	if (p >= (char *)s->streams && p < (char *)(s->streams + PS_STREAMS))
		return (uint32_t)((const struct stream *)o - s->streams);
	if (p >= (char *)s->processes && p < (char *)(s->processes + PS_PROCESSES))
		return (uint32_t)((const struct process *)o - s->processes);
	return (uint32_t)((const struct thread *)o - s->threads);
}

struct object *object_find(dk_handle h)
{
	struct kind_info k = kind_info((enum dk_kind)DK_HANDLE_KIND(h));
	struct object *o;

	if (!k.table || DK_HANDLE_INDEX(h) >= k.count)
		return NULL;
	o = (struct object *)(k.base + (uint64_t)DK_HANDLE_INDEX(h) * k.size);
	return atomic_load(&o->handle) == h ? o : NULL;
}

struct object *object_lock(dk_handle h)
{
	struct object *o = object_find(h);

	if (!o)
		return NULL;
	spin_take(&o->lock);
	if (atomic_load(&o->handle) == h)
		return o;
	spin_drop(&o->lock);
	return NULL;
}

void object_unlock(struct object *o)
{
	spin_drop(&o->lock);
}

/* Index + 1 of a free entry, 0 = none. */
static uint32_t table_take(struct kind_info *k)
{
	uint32_t index;

	spin_take(&k->table->lock);
	index = k->table->free;
	if (index) {
		struct object *o = (struct object *)(k->base + (uint64_t)(index - 1) * k->size);

		k->table->free = o->next_free;
	} else if (atomic_load(&k->table->high) < k->count) {
		index = atomic_fetch_add(&k->table->high, 1) + 1;
	}
	if (index)
		k->table->live++;
	spin_drop(&k->table->lock);
	return index;
}

static void table_give(struct object *o, enum dk_kind kind)
{
	struct kind_info k = kind_info(kind);
	uint32_t index = object_index(o);

	spin_take(&k.table->lock);
	o->next_free = k.table->free;
	k.table->free = index + 1;
	k.table->live--;
	spin_drop(&k.table->lock);
}

struct object *object_new(enum dk_kind kind, uint32_t state, uint32_t max, uint32_t flags)
{
	struct kind_info k = kind_info(kind);
	uint32_t index = table_take(&k);
	struct object *o;

	if (!index)
		return NULL;
	o = (struct object *)(k.base + (uint64_t)(index - 1) * k.size);
	o->max = max;
	o->flags = flags;
	o->first = o->last = NULL;
	atomic_store(&o->state, state);
	atomic_store(&o->refs, 1);
	atomic_store(&o->handle, DK_HANDLE(kind, o->gen, index - 1));
	return o;
}

enum dk_status object_ref(dk_handle h)
{
	struct object *o = object_lock(h);

	if (!o)
		return DK_INVALID_HANDLE;
	atomic_fetch_add(&o->refs, 1);
	object_unlock(o);
	return DK_OK;
}

/* Takes up to max nodes off o's list; their threads are to be woken after the unlock. */
static uint32_t pop_waiters(struct object *o, uint32_t *threads, uint32_t max)
{
	uint32_t n = 0;

	while (o->first && n < max) {
		struct node *node = o->first;

		o->first = node->next;
		if (o->first)
			o->first->prev = NULL;
		else
			o->last = NULL;
		threads[n++] = node->thread;
		atomic_store(&node->state, NODE_TOLD);
	}
	return n;
}

/* Tells every waiter.  o is locked on entry and not on return. */
static void wake_all(struct object *o)
{
	uint32_t threads[32], n;

	for (;;) {
		n = pop_waiters(o, threads, ARRAY_LEN(threads));
		object_unlock(o);
		for (uint32_t i = 0; i < n; i++)
			thread_wake(threads[i]);
		if (n < ARRAY_LEN(threads))
			return;
		spin_take(&o->lock);
	}
}

void object_signal(struct object *o)
{
	spin_take(&o->lock);
	atomic_store(&o->state, 1);
	wake_all(o);
}

enum dk_status object_put(dk_handle h)
{
	struct object *o = object_lock(h);
	enum dk_kind kind = (enum dk_kind)DK_HANDLE_KIND(h);

	if (!o)
		return DK_INVALID_HANDLE;
	if (atomic_fetch_sub(&o->refs, 1) > 1) {
		object_unlock(o);
		return DK_OK;
	}
	atomic_store(&o->handle, 0);
	o->gen = (o->gen + 1) & 0xff;
	/* Waiters, whose mistake it is, find the handle gone. */
	wake_all(o);
	if (kind == DK_KIND_STREAM)
		stream_closed((struct stream *)o);
	table_give(o, kind);
	return DK_OK;
}

void thread_wake(uint32_t index)
{
	struct thread *t = &shared()->threads[index];
	uint32_t sleep;

	atomic_fetch_add(&t->word, 1);
	sleep = atomic_exchange(&t->sleep, SLEEP_NO);
	if (sleep == SLEEP_FUTEX)
		(void)HOST3(futex, &t->word, FUTEX_WAKE, 1);
	else if (sleep == SLEEP_POLL)
		(void)HOST3(tgkill, atomic_load(&t->tgid), atomic_load(&t->tid), HOST_SIGURG);
}

uint32_t block_take(void)
{
	struct table *b = &shared()->blocks_table;
	uint32_t index;

	spin_take(&b->lock);
	index = b->free;
	if (index)
		b->free = shared()->blocks[index - 1].next_free;
	else if (atomic_load(&b->high) < PS_BLOCKS)
		index = atomic_fetch_add(&b->high, 1) + 1;
	spin_drop(&b->lock);
	return index;
}

void block_give(uint32_t block)
{
	struct table *b = &shared()->blocks_table;

	spin_take(&b->lock);
	shared()->blocks[block - 1].next_free = b->free;
	b->free = block;
	spin_drop(&b->lock);
}

/* The sandbox's first picoprocess finds the area zeroed and makes what has a fixed place. */
void shared_init(void)
{
	struct shared *s = shared();
	struct stream *st;

	if (atomic_load(&s->magic) == PS_MAGIC)
		return;
	for (uint32_t i = 0; i < 2; i++) {
		st = (struct stream *)object_new(DK_KIND_STREAM, 0, 0, 0);
		st->special = i == STREAM_INDEX_DATA ? STREAM_DATA : STREAM_DEATHS;
		st->fd_flags = i == STREAM_INDEX_DATA ? MON_FD_SEEK | MON_FD_READ | MON_FD_WRITE : MON_FD_READ | MON_FD_NOWAIT;
	}
	atomic_store(&s->magic, PS_MAGIC);
}
