/* SPDX-License-Identifier: MIT */
/*
 * nt/cm/notify.c - NtNotifyChangeKey: an event is set when something of a key, or of what is below it, changes.
 *
 * What a handle's notices are about is what the first call said; further calls give more events for it.
 * A notice hangs off its key and off the handle's object: it is told once, by a change that it asked for, by the key's end
 * or by the end of the handle.  Its event is signalled under NTKEYS; references can only be given back without
 * locks, so what was told waits in cm_state.told for cm_unlock.
 */
#include "nt/cm/cm.h"
#include "nt/ke/user.h"
#include "ntcalls.gen.h"
#include "nt/ex/wait.h"

struct cm_notice {
	struct list link, of_body; /* [k] in key->notices or state->told; in body->notices */
	struct ob_object *event;   /* [I] a reference */
	struct cm_body *body;      /* [I] who asked; it is closed after its notices */
};

void cm_lock(struct cm_state *s)
{
	lock_take(&s->lock);
}

void cm_unlock(struct cm_state *s)
{
	struct list told;

	if (LIKELY(list_empty(&s->told))) {
		lock_drop(&s->lock);
		return;
	}
	list_init(&told);
	list_insert(&s->told, &told); /* told becomes the head of all that was there */
	list_remove(&s->told);
	lock_drop(&s->lock);
	LIST_FOR_SAFE (n, next, &told, struct cm_notice, link) {
		ob_put(n->event);
		arena_free(n);
	}
}

static void tell(struct cm_state *s, struct cm_notice *n)
{
	list_remove(&n->link);
	list_remove(&n->of_body);
	list_append(&s->told, &n->link);
	(void)ex_signal(n->event, 1);
}

void cm_changed(struct cm_state *s, struct cm_key *k, uint32_t what)
{
	for (struct cm_key *p = (k->flags & CM_DELETED) != 0 ? NULL : k; p != NULL; p = p->parent) { /* a deleted key's parent may be gone */
		s->unsaved |= p == s->kept[0] || p == s->kept[1];
		LIST_FOR_SAFE (n, next, &p->notices, struct cm_notice, link)
			if ((n->body->filter & what) != 0 && (p == k || n->body->subtree))
				tell(s, n);
	}
}

void cm_key_gone(struct cm_state *s, struct cm_key *k)
{
	LIST_FOR_SAFE (n, next, &k->notices, struct cm_notice, link)
		tell(s, n);
}

void cm_body_closed(struct cm_body *b)
{
	struct cm_state *s = cm_state();

	cm_lock(s);
	LIST_FOR_SAFE (n, next, &b->notices, struct cm_notice, of_body)
		tell(s, n);
	cm_unlock(s);
}

/* Takes the reference to event over. */
static NTSTATUS ask(struct cm_body *b, struct ob_object *event, uint32_t filter, bool subtree)
{
	struct cm_state *s = cm_state();
	struct cm_notice *n = arena_alloc(sizeof *n);
	NTSTATUS status = STATUS_PENDING;

	if (n == NULL) {
		ob_put(event);
		return STATUS_NO_MEMORY;
	}
	n->event = event;
	n->body = b;
	list_init(&n->link);
	list_init(&n->of_body);
	(void)ex_clear(event);
	cm_lock(s);
	if ((b->key->flags & CM_DELETED) != 0) {
		status = STATUS_KEY_DELETED;
	} else {
		if (!b->asked) {
			b->asked = true;
			b->filter = filter;
			b->subtree = subtree;
		}
		list_append(&b->key->notices, &n->link);
		list_append(&b->notices, &n->of_body);
	}
	cm_unlock(s);
	if (status == STATUS_KEY_DELETED) {
		ob_put(event);
		arena_free(n);
	}
	return status;
}

/* For who waits in the call: an event of its own. */
static NTSTATUS ask_and_wait(struct nt_thread *t, struct cm_body *b, uint64_t io, uint32_t filter, bool subtree)
{
	struct ob_object *event = ob_alloc(OB_EVENT, sizeof *event);
	NTSTATUS status;

	if (event == NULL)
		return STATUS_NO_MEMORY;
	event->flags |= OB_WAITABLE;
	ob_get(event);
	status = ask(b, event, filter, subtree);
	if (status == STATUS_PENDING)
		status = ex_wait(t, &event, 1, false, false, EX_DEADLINE_NEVER);
	ob_put(event);
	if (status == STATUS_WAIT_0)
		status = user_io_status(io, STATUS_NOTIFY_ENUM_DIR, 0);
	return status == STATUS_SUCCESS ? (NTSTATUS)STATUS_NOTIFY_ENUM_DIR : status;
}

NTSTATUS NtNotifyChangeKey(struct nt_thread *t, uint64_t key, uint64_t event, uint64_t apc, uint64_t apc_context, uint64_t io, uint32_t filter,
	uint8_t subtree, uint64_t buffer, uint32_t length, uint8_t asynchronous)
{
	struct cm_body *b;
	struct ob_object *o;
	NTSTATUS status = cm_by_handle(key, KEY_NOTIFY, &b);

	(void)apc_context;
	(void)buffer;
	(void)length;
	if (status != STATUS_SUCCESS)
		return status;
	if (apc != 0) {
		status = STATUS_NOT_SUPPORTED;
	} else if (asynchronous == 0) {
		status = ask_and_wait(t, b, io, filter, subtree != 0);
	} else {
		status = ob_by_handle(event, OB_EVENT, 2 /* EVENT_MODIFY_STATE */, &o);
		if (status == STATUS_SUCCESS)
			status = ask(b, o, filter, subtree != 0);
	}
	ob_put(&b->ob);
	return status;
}

NTSTATUS NtNotifyChangeMultipleKeys(struct nt_thread *t, uint64_t key, uint32_t count, uint64_t others, uint64_t event, uint64_t apc,
	uint64_t apc_context, uint64_t io, uint32_t filter, uint8_t subtree, uint64_t buffer, uint32_t length, uint8_t asynchronous)
{
	(void)others;
	if (count != 0)
		return STATUS_NOT_SUPPORTED;
	return NtNotifyChangeKey(t, key, event, apc, apc_context, io, filter, subtree, buffer, length, asynchronous);
}
