/* SPDX-License-Identifier: MIT */
/*
 * nt/cm/open.c - NtOpenKey, NtCreateKey, and what handles of keys refer to.
 *
 * Access is what was asked for: the sandbox has one user, and the descriptors of keys are kept for who asks for them.
 * A key is made in its parent only; names of several new ones are refused, and advapi32 makes them one by one.
 */
#include "nt/cm/cm.h"
#include "nt/ke/user.h"
#include "ntcalls.gen.h"
#include "nt/ex/wait.h"
#include "nt/se/se.h"
#include "rt/mem.h"

static void body_destroy(struct ob_object *o)
{
	struct cm_body *b = CONTAINER_OF(o, struct cm_body, ob);

	cm_key_put(b->key);
	arena_free(b);
}

static void body_close(struct ob_object *o, struct nt_process *p, bool last)
{
	struct cm_body *b = CONTAINER_OF(o, struct cm_body, ob);

	(void)p;
	if (last && !list_empty(&b->notices))
		cm_body_closed(b);
}

static NTSTATUS body_name(struct ob_object *o, WCHAR **text, uint32_t *size)
{
	struct cm_state *s = cm_state();
	const struct cm_key *k = CONTAINER_OF(o, struct cm_body, ob)->key;
	NTSTATUS status = STATUS_SUCCESS;

	*text = NULL;
	cm_lock(s);
	if ((k->flags & CM_DELETED) != 0) {
		status = STATUS_KEY_DELETED;
	} else {
		*size = cm_path(k, NULL, 0);
		*text = heap_alloc(*size + sizeof(WCHAR));
		if (*text != NULL)
			(void)cm_path(k, *text, *size);
		else
			status = STATUS_NO_MEMORY;
	}
	cm_unlock(s);
	return status;
}

const struct ob_type ob_type_key = {
	.name = "Key",
	.read = KEY_READ,
	.write = KEY_WRITE,
	.execute = KEY_READ | 0x20u /* KEY_CREATE_LINK */,
	.all = KEY_ALL_ACCESS,
	.destroy = body_destroy,
	.close = body_close,
	.query_name = body_name,
};

NTSTATUS cm_by_handle(uint64_t handle, uint32_t access, struct cm_body **b)
{
	struct ob_object *o;
	NTSTATUS status = ob_by_handle(handle, OB_KEY, access, &o);

	if (status == STATUS_SUCCESS)
		*b = CONTAINER_OF(o, struct cm_body, ob);
	return status;
}

NTSTATUS cm_open_body(struct cm_key *k, uint32_t access, uint32_t attributes, uint64_t handle_va)
{
	struct cm_body *b = ob_alloc(OB_KEY, sizeof *b);
	NTSTATUS status;

	if (b == NULL)
		return STATUS_NO_MEMORY;
	list_init(&b->notices);
	ref_get(&k->ref);
	b->key = k;
	if ((access & ACCESS_SYSTEM_SECURITY) != 0 && !se_may_audit()) {
		ob_put(&b->ob);
		return STATUS_PRIVILEGE_NOT_HELD;
	}
	access = ob_map_access(OB_KEY, access & ~(KEY_WOW64_32KEY | KEY_WOW64_64KEY));
	status = ob_handle_out(&b->ob, access, attributes, handle_va);
	ob_put(&b->ob);
	return status;
}

/* A new key for what the walk did not find, in k.  NTKEYS held; the caller has a reference to k. */
static NTSTATUS make(struct cm_state *s, struct cm_key *k, const struct cm_walk *w, uint32_t options, struct cm_key **out)
{
	uint32_t first = cm_first(w->rest, w->size);

	for (uint32_t i = first / sizeof(WCHAR); i < w->size / sizeof(WCHAR); i++)
		if (w->rest[i] != '\\')
			return STATUS_OBJECT_NAME_NOT_FOUND;
	if ((k->flags & CM_VOLATILE) != 0 && (options & REG_OPTION_VOLATILE) == 0)
		return STATUS_CHILD_MUST_BE_VOLATILE;
	struct cm_key *child = cm_key_new(w->rest, first);
	if (child == NULL)
		return STATUS_NO_MEMORY;
	child->flags = ((options & REG_OPTION_VOLATILE) != 0 ? CM_VOLATILE : 0) | ((options & REG_OPTION_CREATE_LINK) != 0 ? CM_LINK : 0);
	child->modified = ex_system_time();
	if (!cm_child_add(k, child)) {
		cm_key_put(child);
		return STATUS_NO_MEMORY;
	}
	k->modified = child->modified;
	cm_changed(s, k, REG_NOTIFY_CHANGE_NAME);
	*out = child;
	return STATUS_SUCCESS;
}

/* The key that a lookup means, with a reference; it is made if create is set. */
static NTSTATUS find(const struct ob_lookup *l, struct cm_walk *w, bool create, uint32_t options, struct cm_key **out, uint32_t *made)
{
	struct cm_state *s = cm_state();
	struct cm_key *start, *k;
	NTSTATUS status = cm_start(l, &start, w);

	if (status != STATUS_SUCCESS)
		return status;
	k = start;
	cm_lock(s);
	if ((start->flags & CM_DELETED) != 0)
		status = STATUS_KEY_DELETED;
	else
		status = cm_walk(s, &k, w);
	*made = REG_OPENED_EXISTING_KEY;
	if (status == STATUS_OBJECT_NAME_NOT_FOUND && create && !w->broken) {
		status = make(s, k, w, options, &k);
		*made = REG_CREATED_NEW_KEY;
	} else if (status == STATUS_SUCCESS && create && (options & REG_OPTION_CREATE_LINK) != 0) {
		status = STATUS_OBJECT_NAME_COLLISION;
	}
	if (status == STATUS_SUCCESS) {
		ref_get(&k->ref);
		*out = k;
	}
	cm_unlock(s);
	heap_free(w->made);
	w->made = NULL;
	cm_key_put(start);
	return status;
}

static NTSTATUS set_class(struct cm_key *k, uint64_t class)
{
	struct cm_state *s = cm_state();
	WCHAR *text, *copy = NULL, *old;
	uint32_t size;
	NTSTATUS status = user_string(class, &text, &size);

	if (status != STATUS_SUCCESS || size == 0)
		return status;
	copy = arena_alloc(size);
	if (copy != NULL)
		memcpy(copy, text, size);
	heap_free(text);
	if (copy == NULL)
		return STATUS_NO_MEMORY;
	cm_lock(s);
	old = k->class;
	k->class = copy;
	k->class_size = size;
	cm_unlock(s);
	arena_free(old);
	return STATUS_SUCCESS;
}

static NTSTATUS set_security(struct cm_key *k, uint64_t security)
{
	struct cm_state *s = cm_state();
	struct se_descriptor *d;
	uint32_t size;
	NTSTATUS status = security == 0 ? STATUS_SUCCESS : se_descriptor_in(security, &d, &size);

	if (status != STATUS_SUCCESS || security == 0)
		return status;
	cm_lock(s);
	arena_free(k->security);
	k->security = d;
	k->security_size = size;
	cm_unlock(s);
	return STATUS_SUCCESS;
}

/* One of no characters is a name. */
static bool has_name(uint64_t oa)
{
	uint64_t name;

	return user_read(&name, oa + offsetof(struct OBJECT_ATTRIBUTES, ObjectName), sizeof name) == STATUS_SUCCESS && name != 0;
}

/* All of the calls: class and disposition are addresses, 0 for those that only open. */
static NTSTATUS open_or_create(uint64_t handle_va, uint32_t access, uint64_t oa, bool create, uint32_t options, uint64_t class, uint64_t disposition)
{
	struct ob_lookup l;
	struct cm_walk w = { 0 };
	struct cm_key *k;
	uint32_t made;
	NTSTATUS status;

	if (oa == 0 || handle_va == 0)
		return STATUS_ACCESS_VIOLATION;
	status = user_put64(handle_va, 0);
	if (status != STATUS_SUCCESS)
		return status;
	status = has_name(oa) ? oa_in(&l, oa) : (NTSTATUS)STATUS_ACCESS_VIOLATION;
	if (status != STATUS_SUCCESS)
		return status;
	/* REG_OPTION_OPEN_LINK is advapi32's alone, which makes OBJ_OPENLINK of it. */
	w.open_link = (l.attributes & OBJ_OPENLINK) != 0 || (options & REG_OPTION_CREATE_LINK) != 0;
	status = find(&l, &w, create, options, &k, &made);
	oa_free(&l);
	if (status != STATUS_SUCCESS)
		return status;
	if (made == REG_CREATED_NEW_KEY)
		status = set_class(k, class);
	if (status == STATUS_SUCCESS && made == REG_CREATED_NEW_KEY)
		status = set_security(k, l.security);
	if (status == STATUS_SUCCESS)
		status = cm_open_body(k, access, l.attributes, handle_va);
	cm_key_put(k);
	if (status == STATUS_SUCCESS)
		status = user_put32(disposition, made);
	return status;
}

NTSTATUS NtOpenKey(struct nt_thread *t, uint64_t handle, uint32_t access, uint64_t oa)
{
	(void)t;
	return open_or_create(handle, access, oa, false, 0, 0, 0);
}

NTSTATUS NtOpenKeyEx(struct nt_thread *t, uint64_t handle, uint32_t access, uint64_t oa, uint32_t options)
{
	(void)t;
	if ((options & ~(REG_OPTION_OPEN_LINK | REG_OPTION_BACKUP_RESTORE)) != 0)
		return STATUS_INVALID_PARAMETER;
	return open_or_create(handle, access, oa, false, options, 0, 0);
}

NTSTATUS NtCreateKey(struct nt_thread *t, uint64_t handle, uint32_t access, uint64_t oa, uint32_t title, uint64_t class, uint32_t options,
	uint64_t disposition)
{
	(void)t;
	(void)title;
	return open_or_create(handle, access, oa, true, options, class, disposition);
}

/* Transactions are not made here, as in Wine; without one the call is the plain one. */
NTSTATUS NtOpenKeyTransacted(struct nt_thread *t, uint64_t handle, uint32_t access, uint64_t oa, uint64_t transaction)
{
	return transaction != 0 ? (NTSTATUS)STATUS_NOT_SUPPORTED : NtOpenKey(t, handle, access, oa);
}

NTSTATUS NtOpenKeyTransactedEx(struct nt_thread *t, uint64_t handle, uint32_t access, uint64_t oa, uint32_t options, uint64_t transaction)
{
	return transaction != 0 ? (NTSTATUS)STATUS_NOT_SUPPORTED : NtOpenKeyEx(t, handle, access, oa, options);
}

NTSTATUS NtCreateKeyTransacted(struct nt_thread *t, uint64_t handle, uint32_t access, uint64_t oa, uint32_t title, uint64_t class,
	uint32_t options, uint64_t transaction, uint64_t disposition)
{
	return transaction != 0 ? (NTSTATUS)STATUS_NOT_SUPPORTED : NtCreateKey(t, handle, access, oa, title, class, options, disposition);
}
