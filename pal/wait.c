/* SPDX-License-Identifier: MIT */
/*
 * pal/wait.c - waiting: the heart of pal.
 *
 * Every thread has one wait word.  A waker changes the object, takes a waiter off its
 * list, adds 1 to that thread's word, takes its sleep state (exchange with 0), and by
 * that state wakes the futex on the word, or kicks with SIGURG, or does nothing.  A
 * waiter reads its word, links a node into each object, looks at each object, says how
 * it is going to sleep, and sleeps only if the word is still the same: in the kernel's
 * own check for a futex, in host_wait's instruction range for a poll.  Both sides write
 * before they read, so at least one sees the other.
 *
 * Setting an event wakes a waiter but hands it nothing: who looks first takes it.  A
 * waiter that was told and goes away without taking passes the word on, so no
 * signalled object is left with sleepers.
 *
 * Waits on descriptors (stream events) go through ppoll, those on a waitset through its epoll, all others through the futex.
 */
#include "pal/pal.h"

/* One wait in progress. */
struct wait {
	struct thread *t;
	uint32_t count;
	const dk_handle *objects;
	uint32_t nodes;     /* armed, the abort event last */
	uint32_t polls;
	struct set_wait *set; /* NULL: none */
	bool abort;         /* the abort event has node number count */
	struct node *node;
	struct host_pollfd fds[DK_WAIT_MAX];
	uint8_t poll_index[DK_WAIT_MAX];
};

static _Atomic uint32_t abort_event;

static bool is_stream_event(dk_handle h)
{
	return DK_HANDLE_KIND(h) == DK_KIND_STREAM_EVENT;
}

bool pal_marked(struct thread *t)
{
	struct dk_tb *tb = pal_tb();

	if (atomic_load(&t->intr) && atomic_exchange(&t->intr, 0))
		tb->work = 1;
	return tb->work != 0;
}

bool pal_aborted(void)
{
	dk_handle h = atomic_load(&abort_event);
	struct object *o = h ? object_find(h) : NULL;

	return o && atomic_load(&o->state) != 0;
}

enum look { LOOK_NO, LOOK_TAKEN, LOOK_GONE };

/* Takes o if it is signalled; it is locked. */
static bool take_locked(struct object *o)
{
	if (atomic_load(&o->state) == 0)
		return false;
	if (o->flags & OBJ_AUTO)
		atomic_fetch_sub(&o->state, 1);
	return true;
}

static enum look try_take(dk_handle h)
{
	struct object *o = object_find(h);
	enum look look = LOOK_NO;

	if (!o)
		return LOOK_GONE;
	if (atomic_load(&o->state) == 0)
		return LOOK_NO;
	o = object_lock(h);
	if (!o)
		return LOOK_GONE;
	if (take_locked(o))
		look = LOOK_TAKEN;
	object_unlock(o);
	return look;
}

/* Takes the object, or leaves node linked in it. */
static enum look take_or_link(dk_handle h, struct node *node, bool take)
{
	struct object *o = object_lock(h);
	enum look look = LOOK_NO;

	if (!o)
		return LOOK_GONE;
	if (take ? take_locked(o) : atomic_load(&o->state) != 0) {
		look = LOOK_TAKEN;
	} else if (atomic_load(&node->state) != NODE_LINKED) {
		node->object = o;
		node->next = NULL;
		node->prev = o->last;
		if (o->last)
			o->last->next = node;
		else
			o->first = node;
		o->last = node;
		atomic_store(&node->state, NODE_LINKED);
	}
	object_unlock(o);
	return look;
}

/* Takes node off its object.  If it was told of something it did not take, the next waiter is. */
static void unlink_node(struct node *node, bool took)
{
	struct object *o = node->object;
	struct node *next = NULL;
	uint32_t thread = 0;

	if (atomic_load(&node->state) == NODE_IDLE)
		return;
	spin_take(&o->lock);
	if (atomic_load(&node->state) == NODE_LINKED) {
		*(node->prev ? &node->prev->next : &o->first) = node->next;
		*(node->next ? &node->next->prev : &o->last) = node->prev;
	} else if (!took && (o->flags & OBJ_AUTO) && atomic_load(&o->state) != 0 && o->first) {
		next = o->first;
		thread = next->thread;
		o->first = next->next;
		*(next->next ? &next->next->prev : &o->last) = NULL;
		atomic_store(&next->state, NODE_TOLD);
	}
	atomic_store(&node->state, NODE_IDLE);
	spin_drop(&o->lock);
	if (next)
		thread_wake(thread);
}

static void unlink_all(struct wait *w, uint32_t took)
{
	for (uint32_t i = 0; i < w->nodes; i++)
		unlink_node(&w->node[i], i == took);
	w->t->nodes_used = 0;
	if (w->t->block) {
		block_give(w->t->block);
		w->t->block = 0;
	}
}

/* For kproc: t's picoprocess is dead, nobody of it runs. */
void waits_drop(struct thread *t)
{
	struct node *node = t->block ? shared()->blocks[t->block - 1].nodes : t->nodes;

	for (uint32_t i = 0; i < t->nodes_used; i++)
		unlink_node(&node[i], false);
	t->nodes_used = 0;
	if (t->block)
		block_give(t->block);
	t->block = 0;
}

static enum dk_status wait_prepare(struct wait *w)
{
	uint32_t me = object_index(&w->t->object);

	w->abort = atomic_load(&abort_event) != 0;
	w->nodes = w->count + (w->abort ? 1 : 0);
	w->node = w->t->nodes;
	if (w->nodes > INLINE_NODES) {
		w->t->block = block_take();
		if (!w->t->block)
			return DK_NO_MEMORY;
		w->node = shared()->blocks[w->t->block - 1].nodes;
	}
	for (uint32_t i = 0; i < w->nodes; i++) {
		w->node[i].thread = me;
		atomic_store(&w->node[i].state, NODE_IDLE);
	}
	w->t->nodes_used = w->nodes;
	w->polls = 0;
	for (uint32_t i = 0; i < w->count; i++) {
		struct host_pollfd *p = &w->fds[w->polls];
		enum dk_status status;

		if (!is_stream_event(w->objects[i]))
			continue;
		status = stream_event_fd(w->objects[i], &p->fd, &p->events);
		if (status != DK_OK)
			return status;
		w->poll_index[w->polls++] = (uint8_t)i;
	}
	return DK_OK;
}

/* Links all nodes and looks at all objects.  AGAIN: nothing yet. */
static enum dk_status wait_look(struct wait *w, uint32_t *index)
{
	for (uint32_t i = 0; i < w->count; i++) {
		enum look look;

		if (is_stream_event(w->objects[i]))
			continue;
		look = take_or_link(w->objects[i], &w->node[i], true);
		if (look == LOOK_GONE)
			return DK_INVALID_HANDLE;
		if (look == LOOK_TAKEN) {
			*index = i;
			return DK_OK;
		}
	}
	return DK_AGAIN;
}

static enum dk_status poll_result(struct wait *w, long n, uint32_t *index)
{
	for (uint32_t i = 0; n > 0 && i < w->polls; i++) {
		if (w->fds[i].revents & POLLNVAL)
			return DK_INVALID_HANDLE;
		if (w->fds[i].revents) {
			*index = w->poll_index[i];
			return DK_OK;
		}
	}
	return n < 0 && n != -HOST_EINTR ? status_of(n) : DK_AGAIN;
}

static enum dk_status set_result(struct wait *w, long n, uint32_t *index)
{
	*index = w->count; /* none of the objects */
	w->set->count = n > 0 ? (uint32_t)n : 0;
	return n > 0 ? DK_OK : n < 0 && n != -HOST_EINTR ? status_of(n) : DK_AGAIN;
}

static enum dk_status poll_now(struct wait *w, uint32_t *index)
{
	struct host_timespec none = { 0, 0 };

	if (w->set)
		return set_result(w, HOST6(epoll_pwait2, w->set->fd, w->set->events, w->set->room, &none, 0, 8), index);
	return poll_result(w, HOST6(ppoll, w->fds, w->polls, &none, NULL, 8, 0), index);
}

/* Sleeps until the word is no longer `word`, a descriptor is ready, or `left` ns are over. */
static enum dk_status wait_poll(struct wait *w, uint32_t word, uint64_t left, uint32_t *index)
{
	struct host_timespec ts = { (int64_t)(left / 1000000000), (int64_t)(left % 1000000000) };
	uint64_t until = left == DK_FOREVER ? 0 : (uint64_t)&ts;
	const volatile uint32_t *place = (const volatile uint32_t *)&w->t->word;
	long n;

	atomic_store(&w->t->sleep, SLEEP_POLL);
	if (w->set)
		n = host_wait(place, word, __NR_epoll_pwait2, (uint64_t)w->set->fd, (uint64_t)w->set->events, w->set->room, until, 0, 8);
	else
		n = host_wait(place, word, __NR_ppoll, (uint64_t)w->fds, w->polls, until, 0, 8, 0);
	atomic_exchange(&w->t->sleep, SLEEP_NO);
	return w->set ? set_result(w, n, index) : poll_result(w, n, index);
}

static void wait_futex(struct wait *w, uint32_t word, uint64_t deadline)
{
	uint64_t since;
	struct host_timespec ts = { (int64_t)(deadline / 1000000000), (int64_t)(deadline % 1000000000) };

	if (eager_wait(w->t, word, deadline))
		return;
	since = eager_sleeps();
	atomic_store(&w->t->sleep, SLEEP_FUTEX);
	(void)HOST6(futex, &w->t->word, FUTEX_WAIT_BITSET, word, deadline == DK_FOREVER ? NULL : &ts, 0, UINT32_MAX);
	atomic_exchange(&w->t->sleep, SLEEP_NO);
	eager_slept(since);
}

static enum dk_status wait_loop(struct wait *w, uint64_t deadline, uint32_t flags, uint32_t *index)
{
	struct thread *t = w->t;

	for (;;) {
		uint32_t word = atomic_load(&t->word);
		enum dk_status status = wait_look(w, index), stop = DK_OK;
		uint64_t now = 0;

		if (status != DK_AGAIN)
			return status;
		if (w->abort && take_or_link(atomic_load(&abort_event), &w->node[w->count], false) == LOOK_TAKEN)
			stop = DK_ABORTED;
		else if (pal_marked(t) && !(flags & DK_WAIT_UNINTERRUPTIBLE))
			stop = DK_INTERRUPTED;
		else if (deadline != DK_FOREVER && (deadline == 0 || (now = pal_now()) >= deadline))
			stop = DK_TIMEOUT;
		if (w->polls || w->set) {
			/* When we stop anyway, look at the descriptors once. */
			status = stop ? poll_now(w, index)
				      : wait_poll(w, word, deadline == DK_FOREVER ? DK_FOREVER : deadline - now, index);
			if (status != DK_AGAIN)
				return status;
		} else if (!stop) {
			wait_futex(w, word, deadline);
		}
		if (stop)
			return stop;
	}
}

static enum dk_status wait_for(uint32_t count, const dk_handle *objects, struct set_wait *set, uint64_t deadline, uint32_t flags, uint32_t *index)
{
	struct wait w;
	uint32_t found = UINT32_MAX;
	enum dk_status status;

	w.t = pal_self();
	w.count = count;
	w.objects = objects;
	w.set = set;
	status = wait_prepare(&w);
	if (status == DK_OK)
		status = wait_loop(&w, deadline, flags, &found);
	else
		w.nodes = 0;
	unlink_all(&w, status == DK_OK ? found : UINT32_MAX);
	/* Whoever marked us while we seemed asleep sent no kick. */
	(void)pal_marked(w.t);
	if (status == DK_OK && index)
		*index = found;
	return status;
}

enum dk_status pal_wait(uint32_t count, const dk_handle *objects, uint64_t deadline, uint32_t flags, uint32_t *index)
{
	return wait_for(count, objects, NULL, deadline, flags, index);
}

enum dk_status pal_wait_set(dk_handle event, struct set_wait *set, uint64_t deadline, uint32_t flags)
{
	set->count = 0;
	return wait_for(event != DK_NO_HANDLE, &event, set, deadline, flags, NULL);
}

enum dk_status DkObjectsWaitAny(uint32_t count, const dk_handle *objects, uint64_t deadline, uint32_t flags, uint32_t *index)
{
	if (count > DK_WAIT_MAX || (flags & ~DK_WAIT_UNINTERRUPTIBLE) || (count && !objects))
		return DK_INVALID_ARG;
	for (uint32_t i = 0; i < count; i++) {
		if (is_stream_event(objects[i]))
			continue;
		if (DK_HANDLE_KIND(objects[i]) == DK_KIND_STREAM)
			return DK_INVALID_HANDLE;
		switch (try_take(objects[i])) {
		case LOOK_TAKEN:
			*index = i;
			return DK_OK;
		case LOOK_GONE:
			return DK_INVALID_HANDLE;
		case LOOK_NO:
			break;
		}
	}
	return pal_wait(count, objects, deadline, flags, index);
}

enum dk_status DkThreadDelayExecution(uint64_t duration)
{
	uint64_t now = pal_now(), deadline;
	enum dk_status status;

	if (ADD_OVERFLOW(now, duration, &deadline))
		deadline = DK_FOREVER;
	status = pal_wait(0, NULL, deadline, 0, NULL);
	return status == DK_TIMEOUT ? DK_OK : status;
}

enum dk_status DkAbortEventRegister(dk_handle event)
{
	if (event && (DK_HANDLE_KIND(event) != DK_KIND_EVENT || !object_find(event)))
		return DK_INVALID_HANDLE;
	atomic_store(&abort_event, event);
	return DK_OK;
}
