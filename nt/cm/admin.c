/* SPDX-License-Identifier: MIT */
/*
 * nt/cm/admin.c - the registry's state, and calls that change a key itself: delete, rename, flags, flush.
 *
 * The tree is made by whoever asks for it first, privately, and then put in nt_state()->cm; who comes second at the same
 * moment throws its own away.
 */
#include "nt/cm/persist.h"
#include "nt/ke/user.h"
#include "nt/rtl/upcase.h"
#include "ntcalls.gen.h"
#include "nt/ex/wait.h"
#include "rt/mem.h"

static struct cm_state *state_make(void)
{
	struct cm_state *s = arena_alloc(sizeof *s);

	if (s == NULL)
		return NULL;
	lock_init(&s->lock, LOCK_NTKEYS);
	list_init(&s->told);
	s->root = cm_key_new(u"REGISTRY", 16);
	if (s->root != NULL) {
		cm_seed(s->root);
		if (cm_persist_load(s))
			return s;
	}
	cm_key_put(s->root);
	arena_free(s);
	return NULL;
}

struct cm_state *cm_state(void)
{
	_Atomic(void *) *place = (_Atomic(void *) *)&nt_state()->cm;
	struct cm_state *s = atomic_load_explicit(place, memory_order_acquire);
	void *there = NULL;

	if (LIKELY(s != NULL))
		return s;
	s = state_make();
	if (s == NULL || atomic_compare_exchange_strong(place, &there, s))
		return s;
	cm_key_put(s->root);
	arena_free(s);
	return there;
}

NTSTATUS NtDeleteKey(struct nt_thread *t, uint64_t key)
{
	struct cm_state *s = cm_state();
	struct cm_body *b;
	struct cm_key *k, *gone = NULL;
	NTSTATUS status = cm_by_handle(key, DELETE, &b);

	(void)t;
	if (status != STATUS_SUCCESS)
		return status;
	k = b->key;
	cm_lock(s);
	cm_settle(s, k);
	if (k->parent != NULL)
		cm_settle(s, k->parent); /* or it would be made again with the others */
	if ((k->flags & CM_DELETED) != 0) {
		status = STATUS_SUCCESS;
	} else if (k->nkeys != 0 || (k->flags & CM_FIXED) != 0) {
		status = STATUS_CANNOT_DELETE;
	} else {
		cm_changed(s, k->parent, REG_NOTIFY_CHANGE_NAME);
		k->parent->modified = ex_system_time();
		cm_child_remove(k);
		k->flags |= CM_DELETED;
		cm_key_gone(s, k);
		gone = k;
	}
	cm_unlock(s);
	cm_key_put(gone);
	ob_put(&b->ob);
	return status;
}

static NTSTATUS rename_key(struct cm_state *s, struct cm_key *k, struct cm_key *fresh)
{
	struct cm_key *parent = k->parent, *there;
	WCHAR *name = k->name;
	uint32_t size = k->name_size;

	if ((k->flags & CM_DELETED) != 0)
		return STATUS_KEY_DELETED;
	if (parent == NULL || (k->flags & CM_FIXED) != 0)
		return STATUS_ACCESS_DENIED;
	there = cm_child(parent, fresh->name, fresh->name_size);
	if (there != NULL)
		return STATUS_CANNOT_DELETE;
	cm_child_remove(k);
	k->name = fresh->name;
	k->name_size = fresh->name_size;
	fresh->name = name;
	fresh->name_size = size;
	ASSERT(cm_child_add(parent, k)); /* into the room that it left */
	parent->modified = ex_system_time();
	cm_changed(s, parent, REG_NOTIFY_CHANGE_NAME);
	return STATUS_SUCCESS;
}

NTSTATUS NtRenameKey(struct nt_thread *t, uint64_t key, uint64_t name)
{
	struct cm_state *s = cm_state();
	struct cm_body *b;
	WCHAR *text;
	uint32_t size;
	struct cm_key *fresh = NULL;
	NTSTATUS status = user_string(name, &text, &size);

	(void)t;
	if (status != STATUS_SUCCESS)
		return status;
	if (name == 0)
		return STATUS_ACCESS_VIOLATION;
	if (size == 0 || size > CM_NAME_MAX || cm_first(text, size) != size)
		status = STATUS_INVALID_PARAMETER;
	if (status == STATUS_SUCCESS)
		status = cm_by_handle(key, KEY_WRITE, &b);
	if (status == STATUS_SUCCESS) {
		fresh = cm_key_new(text, size);
		cm_lock(s);
		if (b->key->parent != NULL)
			cm_settle(s, b->key->parent);
		cm_expand_below(s, b->key); /* what is made later is known by its path */
		status = fresh == NULL ? (NTSTATUS)STATUS_NO_MEMORY : rename_key(s, b->key, fresh);
		cm_unlock(s);
		cm_key_put(fresh);
		ob_put(&b->ob);
	}
	heap_free(text);
	return status;
}

/* The tree is in memory, and in a file if there is one that keeps it. */
NTSTATUS NtFlushKey(struct nt_thread *t, uint64_t key)
{
	struct cm_body *b;
	NTSTATUS status = cm_by_handle(key, 0, &b);

	(void)t;
	if (status != STATUS_SUCCESS)
		return status;
	if ((b->key->flags & CM_DELETED) != 0)
		status = STATUS_KEY_DELETED;
	ob_put(&b->ob);
	return status == STATUS_SUCCESS ? cm_persist_save() : status;
}

enum set_class { SET_WRITE_TIME, SET_WOW64_FLAGS, SET_CONTROL_FLAGS, SET_VIRTUALIZATION, SET_DEBUG, SET_HANDLE_TAGS };

NTSTATUS NtSetInformationKey(struct nt_thread *t, uint64_t key, uint32_t class, uint64_t info, uint32_t length)
{
	struct cm_state *s = cm_state();
	struct cm_body *b;
	uint64_t value = 0;
	uint32_t size = class == SET_WRITE_TIME ? 8 : 4;
	NTSTATUS status;

	(void)t;
	if (class > SET_HANDLE_TAGS)
		return STATUS_INVALID_INFO_CLASS;
	if (length != size)
		return STATUS_INFO_LENGTH_MISMATCH;
	status = user_read(&value, info, size);
	if (status == STATUS_SUCCESS)
		status = cm_by_handle(key, class == SET_HANDLE_TAGS ? 0 : KEY_SET_VALUE, &b);
	if (status != STATUS_SUCCESS)
		return status;
	cm_lock(s);
	if (class == SET_WRITE_TIME)
		b->key->modified = (int64_t)value;
	else if (class == SET_WOW64_FLAGS)
		b->key->user_flags = (uint32_t)value;
	cm_unlock(s);
	ob_put(&b->ob);
	return STATUS_SUCCESS;
}

uint32_t cm_security(struct ob_object *o, void *to)
{
	struct cm_state *s = cm_state();
	const struct cm_key *k = CONTAINER_OF(o, struct cm_body, ob)->key;
	uint32_t size;

	cm_lock(s);
	size = k->security_size;
	if (size != 0)
		memcpy(to, k->security, size);
	cm_unlock(s);
	return size;
}

void cm_set_security(struct ob_object *o, void *descriptor, uint32_t size)
{
	struct cm_state *s = cm_state();
	struct cm_key *k = CONTAINER_OF(o, struct cm_body, ob)->key;
	void *old;

	cm_lock(s);
	old = k->security;
	k->security = descriptor;
	k->security_size = size;
	cm_changed(s, k, REG_NOTIFY_CHANGE_SECURITY);
	cm_unlock(s);
	arena_free(old);
}
