/* SPDX-License-Identifier: MIT */
/*
 * nt/cm/value.c - reading and writing values.
 *
 * Reading: the value is found under the lock, and copied if it is short; of a long one a reference is taken, and head, name and data
 * go to the guest straight from where they lie.  Writing: a whole new value is made first, and put in the old one's place under the lock.
 */
#include "nt/cm/cm.h"
#include "nt/ke/user.h"
#include "ntcalls.gen.h"
#include "nt/ex/system.h"
#include "nt/ex/wait.h"
#include "nt/rtl/upcase.h"
#include "rt/mem.h"

enum value_class { VALUE_BASIC, VALUE_FULL, VALUE_PARTIAL, VALUE_FULL_ALIGN64, VALUE_PARTIAL_ALIGN64, VALUE_LAYER };

/* A value's name: most are short and stay on the stack. */
struct value_name {
	WCHAR *text; /* heap, or small */
	uint32_t size;
	WCHAR small[64];
};

static NTSTATUS name_in(struct value_name *n, uint64_t va)
{
	struct UNICODE_STRING s;
	NTSTATUS status = user_read(&s, va, sizeof s);

	if (status != STATUS_SUCCESS)
		return status;
	n->size = s.Buffer == 0 ? 0 : s.Length & ~1u;
	n->text = n->small;
	if (n->size > CM_VALUE_NAME_MAX)
		return STATUS_INVALID_PARAMETER;
	if (n->size > sizeof n->small) {
		n->text = heap_alloc_dirty(n->size);
		if (n->text == NULL)
			return STATUS_NO_MEMORY;
	}
	status = user_read(n->text, s.Buffer, n->size);
	if (status != STATUS_SUCCESS && n->text != n->small)
		heap_free(n->text);
	return status;
}

static void name_free(struct value_name *n)
{
	if (n->text != n->small)
		heap_free(n->text);
}

/* Parts of an answer one behind the other, cut to what there is room for. */
struct out {
	uint64_t va;
	uint32_t room, at;
	NTSTATUS status;
};

static void out(struct out *o, uint32_t at, const void *from, uint32_t size)
{
	if (o->status != STATUS_SUCCESS || at >= o->room || size == 0)
		return;
	o->status = user_write(o->va + at, from, MIN(size, o->room - at));
}

/* How the answer of a class is laid out: where name and data begin. */
struct layout {
	uint32_t fixed, name_at, data_at, size;
	uint32_t head[5];
};
#define NOWHERE UINT32_MAX

static bool lay_out(const struct cm_value *v, uint32_t class, struct layout *l)
{
	switch (class) {
	case VALUE_BASIC:
		*l = (struct layout){ 12, 12, NOWHERE, 12u + v->name_size, { 0, v->type, v->name_size } };
		return true;
	case VALUE_FULL:
	case VALUE_FULL_ALIGN64: {
		uint32_t data_at = (uint32_t)ALIGN_UP(20u + v->name_size, class == VALUE_FULL ? 4 : 8);

		*l = (struct layout){ 20, 20, data_at, data_at + v->size, { 0, v->type, data_at, v->size, v->name_size } };
		return true;
	}
	case VALUE_PARTIAL:
		*l = (struct layout){ 12, NOWHERE, 12, 12 + v->size, { 0, v->type, v->size } };
		return true;
	case VALUE_PARTIAL_ALIGN64:
		*l = (struct layout){ 8, NOWHERE, 8, 8 + v->size, { v->type, v->size } };
		return true;
	default:
		return false;
	}
}

static NTSTATUS value_out(const struct cm_value *v, uint32_t class, uint64_t va, uint32_t room, uint64_t returned)
{
	struct layout l;
	struct out o = { .va = va, .room = room, .status = STATUS_SUCCESS };
	NTSTATUS status;

	if (!lay_out(v, class, &l))
		return STATUS_INVALID_PARAMETER;
	status = user_put32(returned, l.size);
	if (status != STATUS_SUCCESS)
		return status;
	if (room < l.fixed)
		return STATUS_BUFFER_TOO_SMALL;
	out(&o, 0, l.head, l.fixed);
	if (l.name_at != NOWHERE)
		out(&o, l.name_at, v->name, v->name_size);
	if (l.data_at != NOWHERE)
		out(&o, l.data_at, cm_data(v), v->size);
	if (o.status != STATUS_SUCCESS)
		return o.status;
	return room < l.size ? (NTSTATUS)STATUS_BUFFER_OVERFLOW : STATUS_SUCCESS;
}

/* A value as it was found. */
struct value_found {
	struct cm_value *v; /* a reference, or small */
	uint64_t small[32];
};

static void value_keep(struct value_found *f, struct cm_value *v)
{
	f->v = v;
	if (v->data_at + (uint64_t)v->size <= sizeof f->small)
		f->v = memcpy(f->small, v, v->data_at + v->size);
	else
		ref_get(&v->ref);
}

static void value_done(struct value_found *f)
{
	if ((void *)f->v != f->small)
		cm_value_put(f->v);
}

/* The time zone's names from kernelbase.dll's start, which has them by NtQuerySystemInformation then. */
static bool zone_hides(const struct cm_key *k, const struct value_name *n)
{
	return UNLIKELY((k->flags & CM_ZONE) != 0) && sys_zone_is_named() &&
		(rtl_equal_ascii(n->text, n->size, "MUI_Std") || rtl_equal_ascii(n->text, n->size, "MUI_Dlt"));
}

static NTSTATUS value_get(struct cm_body *b, const struct value_name *n, uint32_t index, struct value_found *f)
{
	struct cm_state *s = cm_state();
	const struct cm_key *k = b->key;
	struct cm_value *v = NULL;
	NTSTATUS status = STATUS_SUCCESS;

	cm_lock(s);
	if ((k->flags & CM_DELETED) != 0)
		status = STATUS_KEY_DELETED;
	else if (n != NULL)
		v = zone_hides(k, n) ? NULL : cm_value_find(k, n->text, n->size);
	else if (index < k->nvalues)
		v = k->values[index];
	if (v != NULL)
		value_keep(f, v);
	else if (status == STATUS_SUCCESS)
		status = n != NULL ? STATUS_OBJECT_NAME_NOT_FOUND : STATUS_NO_MORE_ENTRIES;
	cm_unlock(s);
	return status;
}

NTSTATUS NtQueryValueKey(struct nt_thread *t, uint64_t key, uint64_t name, uint32_t class, uint64_t info, uint32_t length, uint64_t returned)
{
	struct value_name n UNINIT;
	struct cm_body *b;
	struct value_found f UNINIT;
	NTSTATUS status;

	(void)t;
	if (class > VALUE_PARTIAL_ALIGN64)
		return STATUS_INVALID_PARAMETER;
	status = name_in(&n, name);
	if (status != STATUS_SUCCESS)
		return status == STATUS_INVALID_PARAMETER ? (NTSTATUS)STATUS_OBJECT_NAME_NOT_FOUND : status;
	status = cm_by_handle(key, KEY_QUERY_VALUE, &b);
	if (status == STATUS_SUCCESS) {
		status = value_get(b, &n, 0, &f);
		ob_put(&b->ob);
	}
	name_free(&n);
	if (status != STATUS_SUCCESS)
		return status;
	status = value_out(f.v, class, info, length, returned);
	value_done(&f);
	return status;
}

NTSTATUS NtEnumerateValueKey(struct nt_thread *t, uint64_t key, uint32_t index, uint32_t class, uint64_t info, uint32_t length, uint64_t returned)
{
	struct cm_body *b;
	struct value_found f UNINIT;
	NTSTATUS status;

	(void)t;
	if (class > VALUE_PARTIAL_ALIGN64)
		return STATUS_INVALID_PARAMETER;
	status = cm_by_handle(key, KEY_QUERY_VALUE, &b);
	if (status != STATUS_SUCCESS)
		return status;
	status = value_get(b, NULL, index, &f);
	ob_put(&b->ob);
	if (status != STATUS_SUCCESS)
		return status;
	status = value_out(f.v, class, info, length, returned);
	value_done(&f);
	return status;
}

static bool link_name(const struct value_name *n)
{
	static const WCHAR name[] = u"SymbolicLinkValue";

	return n->size == sizeof name - sizeof(WCHAR) && memcmp(n->text, name, n->size) == 0;
}

/* v is the key's from now on, or nobody's. */
static NTSTATUS value_put_in(struct cm_body *b, struct cm_value *v, bool link)
{
	struct cm_state *s = cm_state();
	struct cm_key *k = b->key;
	struct cm_value *old = v;
	NTSTATUS status = STATUS_SUCCESS;

	cm_lock(s);
	if ((k->flags & CM_DELETED) != 0) {
		status = STATUS_KEY_DELETED;
	} else if ((k->flags & CM_LINK) != 0 && (!link || v->type != REG_LINK)) {
		status = STATUS_ACCESS_DENIED;
	} else if (!cm_value_set(k, v, &old)) {
		old = v;
		status = STATUS_INSUFFICIENT_RESOURCES;
	} else {
		k->modified = ex_system_time();
		cm_changed(s, k, REG_NOTIFY_CHANGE_LAST_SET);
	}
	cm_unlock(s);
	cm_value_put(old);
	return status;
}

NTSTATUS NtSetValueKey(struct nt_thread *t, uint64_t key, uint64_t name, uint32_t title, uint32_t type, uint64_t data, uint32_t size)
{
	struct value_name n UNINIT;
	struct cm_body *b;
	struct cm_value *v;
	NTSTATUS status;

	(void)t;
	(void)title;
	status = name_in(&n, name);
	if (status != STATUS_SUCCESS)
		return status;
	status = cm_by_handle(key, KEY_SET_VALUE, &b);
	if (status != STATUS_SUCCESS) {
		name_free(&n);
		return status;
	}
	v = size > CM_DATA_MAX ? NULL : cm_value_new(n.text, n.size, type, NULL, size);
	if (v == NULL)
		status = STATUS_INSUFFICIENT_RESOURCES;
	else if (size != 0)
		status = user_read(cm_data(v), data, size);
	if (status == STATUS_SUCCESS)
		status = value_put_in(b, v, link_name(&n));
	else
		cm_value_put(v);
	name_free(&n);
	ob_put(&b->ob);
	return status;
}

NTSTATUS NtDeleteValueKey(struct nt_thread *t, uint64_t key, uint64_t name)
{
	struct cm_state *s = cm_state();
	struct value_name n UNINIT;
	struct cm_body *b;
	struct cm_value *v = NULL;
	NTSTATUS status;

	(void)t;
	status = name_in(&n, name);
	if (status != STATUS_SUCCESS)
		return status == STATUS_INVALID_PARAMETER ? (NTSTATUS)STATUS_OBJECT_NAME_NOT_FOUND : status;
	status = cm_by_handle(key, KEY_SET_VALUE, &b);
	if (status != STATUS_SUCCESS) {
		name_free(&n);
		return status;
	}
	cm_lock(s);
	if ((b->key->flags & CM_DELETED) != 0)
		status = STATUS_KEY_DELETED;
	else if ((v = cm_value_remove(b->key, n.text, n.size)) == NULL)
		status = STATUS_OBJECT_NAME_NOT_FOUND;
	if (v != NULL) {
		b->key->modified = ex_system_time();
		cm_changed(s, b->key, REG_NOTIFY_CHANGE_LAST_SET);
	}
	cm_unlock(s);
	cm_value_put(v);
	name_free(&n);
	ob_put(&b->ob);
	return status;
}

/* KEY_VALUE_ENTRY, of NtQueryMultipleValueKey. */
struct value_entry {
	uint64_t name; /* va of a UNICODE_STRING */
	uint32_t size, at, type, pad;
};

/* One of several: its data go behind those before, if there is room. */
static NTSTATUS entry_out(struct cm_body *b, uint64_t entry_va, struct out *o)
{
	struct value_name n UNINIT;
	struct value_entry e;
	struct value_found f UNINIT;
	NTSTATUS status = user_read(&e, entry_va, sizeof e);

	if (status == STATUS_SUCCESS)
		status = name_in(&n, e.name);
	if (status != STATUS_SUCCESS)
		return status;
	status = value_get(b, &n, 0, &f);
	name_free(&n);
	if (status != STATUS_SUCCESS)
		return status;
	o->at = (uint32_t)ALIGN_UP(o->at, 4);
	e.size = f.v->size;
	e.type = f.v->type;
	e.at = o->at;
	if (o->at + f.v->size <= o->room) {
		out(o, o->at, cm_data(f.v), f.v->size);
		status = o->status;
		if (status == STATUS_SUCCESS)
			status = user_write(entry_va, &e, sizeof e);
	}
	o->at += f.v->size;
	value_done(&f);
	return status;
}

NTSTATUS NtQueryMultipleValueKey(struct nt_thread *t, uint64_t key, uint64_t entries, uint32_t count, uint64_t buffer, uint64_t length,
	uint64_t required)
{
	struct out o = { .va = buffer, .status = STATUS_SUCCESS };
	struct cm_body *b;
	NTSTATUS status = user_read(&o.room, length, sizeof o.room);

	(void)t;
	if (status == STATUS_SUCCESS && count > 0x10000)
		status = STATUS_INSUFFICIENT_RESOURCES;
	if (status == STATUS_SUCCESS)
		status = cm_by_handle(key, KEY_QUERY_VALUE, &b);
	if (status != STATUS_SUCCESS)
		return status;
	for (uint32_t i = 0; i < count && status == STATUS_SUCCESS; i++)
		status = entry_out(b, entries + i * sizeof(struct value_entry), &o);
	ob_put(&b->ob);
	if (status != STATUS_SUCCESS)
		return status;
	status = user_put32(required, o.at);
	if (status == STATUS_SUCCESS)
		status = user_put32(length, MIN(o.at, o.room));
	if (status == STATUS_SUCCESS && o.at > o.room)
		status = STATUS_BUFFER_OVERFLOW;
	return status;
}
