/* SPDX-License-Identifier: MIT */
/* pal/sync.c - events and semaphores.  How waiting on them works is told in wait.c. */
#include "pal/pal.h"

static enum dk_status new_object(enum dk_kind kind, uint32_t state, uint32_t max, uint32_t flags, dk_handle *h)
{
	struct object *o = object_new(kind, state, max, flags);

	if (!o)
		return DK_TOO_MANY;
	*h = atomic_load(&o->handle);
	return DK_OK;
}

enum dk_status DkNotificationEventCreate(uint32_t state, dk_handle *event)
{
	return new_object(DK_KIND_EVENT, state != 0, 1, 0, event);
}

enum dk_status DkSynchronizationEventCreate(uint32_t state, dk_handle *event)
{
	return new_object(DK_KIND_EVENT, state != 0, 1, OBJ_AUTO, event);
}

enum dk_status DkSemaphoreCreate(uint32_t initial, uint32_t max, dk_handle *semaphore)
{
	if (max == 0 || initial > max)
		return DK_INVALID_ARG;
	return new_object(DK_KIND_SEMAPHORE, initial, max, OBJ_AUTO, semaphore);
}

/* Tells up to n waiters.  o is locked on entry and not on return. */
static void wake_some(struct object *o, uint32_t n)
{
	uint32_t threads[32];

	while (n > 0) {
		uint32_t got = 0;

		while (o->first && got < n && got < ARRAY_LEN(threads)) {
			struct node *node = o->first;

			o->first = node->next;
			*(node->next ? &node->next->prev : &o->last) = NULL;
			threads[got++] = node->thread;
			atomic_store(&node->state, NODE_TOLD);
		}
		object_unlock(o);
		for (uint32_t i = 0; i < got; i++)
			thread_wake(threads[i]);
		if (got < ARRAY_LEN(threads))
			return;
		n -= got;
		spin_take(&o->lock);
	}
	object_unlock(o);
}

enum dk_status DkSemaphoreRelease(dk_handle semaphore, uint32_t count, uint32_t *previous)
{
	struct object *o = DK_HANDLE_KIND(semaphore) == DK_KIND_SEMAPHORE ? object_lock(semaphore) : NULL;
	uint32_t before;

	if (!o)
		return DK_INVALID_HANDLE;
	before = atomic_load(&o->state);
	if (count == 0 || count > o->max - before) {
		object_unlock(o);
		return count == 0 ? DK_INVALID_ARG : DK_RANGE;
	}
	atomic_store(&o->state, before + count);
	wake_some(o, count);
	if (previous)
		*previous = before;
	return DK_OK;
}

static enum dk_status peek(dk_handle h, enum dk_kind kind, uint32_t *state)
{
	struct object *o = DK_HANDLE_KIND(h) == kind ? object_find(h) : NULL;

	if (!o)
		return DK_INVALID_HANDLE;
	*state = atomic_load(&o->state);
	return DK_OK;
}

enum dk_status DkSemaphorePeek(dk_handle semaphore, uint32_t *count)
{
	return peek(semaphore, DK_KIND_SEMAPHORE, count);
}

enum dk_status DkEventPeek(dk_handle event, uint32_t *state)
{
	return peek(event, DK_KIND_EVENT, state);
}

enum dk_status DkEventSet(dk_handle event)
{
	struct object *o = DK_HANDLE_KIND(event) == DK_KIND_EVENT ? object_lock(event) : NULL;

	if (!o)
		return DK_INVALID_HANDLE;
	atomic_store(&o->state, 1);
	wake_some(o, o->flags & OBJ_AUTO ? 1 : UINT32_MAX);
	return DK_OK;
}

enum dk_status DkEventClear(dk_handle event)
{
	struct object *o = DK_HANDLE_KIND(event) == DK_KIND_EVENT ? object_lock(event) : NULL;

	if (!o)
		return DK_INVALID_HANDLE;
	atomic_store(&o->state, 0);
	object_unlock(o);
	return DK_OK;
}
