/* SPDX-License-Identifier: MIT */
/*
 * nt/se/token.c - tokens: the sandbox's one, copies of it, and whose they are.
 *
 * What can change in a token is guarded by its object's lock (NTOBJ).  A process's token is set before it has threads; a
 * thread's impersonation token is looked at by the thread itself and by who asks for it, under NTPROC.
 */
#include "nt/ke/user.h"
#include "ntcalls.gen.h"
#include "nt/se/se.h"
#include "rt/mem.h"

static void token_destroy(struct ob_object *o)
{
	struct se_token *k = CONTAINER_OF(o, struct se_token, ob);

	arena_free(k->dacl);
	arena_free(k);
}

const struct ob_type ob_type_token = {
	.name = "Token",
	.read = 0x2001a,
	.write = 0x201e0,
	.execute = 0x20005,
	.all = TOKEN_ALL_ACCESS,
	.destroy = token_destroy,
};

/* LUIDs below 1000 are well known. */
uint64_t se_new_luid(void)
{
	return 1000 + atomic_fetch_add_explicit(&nt_state()->luids, 1, memory_order_relaxed);
}

#define USUAL (SE_GROUP_MANDATORY | SE_GROUP_DEFAULT | SE_GROUP_ENABLED)
static const struct se_group usual_groups[] = {
	{ { 1, 5, { 0, 0, 0, 0, 0, 5 }, { 21, 0, 0, 0, 513 } }, USUAL },
	{ { 1, 1, { 0, 0, 0, 0, 0, 1 }, { 0 } }, USUAL },
	{ { 1, 2, { 0, 0, 0, 0, 0, 5 }, { 32, 544 } }, USUAL | SE_GROUP_OWNER },
	{ { 1, 2, { 0, 0, 0, 0, 0, 5 }, { 32, 545 } }, USUAL },
	{ { 1, 1, { 0, 0, 0, 0, 0, 5 }, { 4 } }, USUAL },  /* Interactive */
	{ { 1, 1, { 0, 0, 0, 0, 0, 2 }, { 1 } }, USUAL },  /* Console logon */
	{ { 1, 1, { 0, 0, 0, 0, 0, 5 }, { 11 } }, USUAL }, /* Authenticated users */
	{ { 1, 1, { 0, 0, 0, 0, 0, 2 }, { 0 } }, USUAL },  /* Local */
	{ { 1, 3, { 0, 0, 0, 0, 0, 5 }, { 5, 0, 0 } }, USUAL | SE_GROUP_LOGON_ID },
};

/* By SE_*_PRIVILEGE; those with a mark are on. */
#define ON 0x100u
static const uint16_t usual_privileges[] = { 5, 8, 9, 10, 11, 12, 13, 14, 15, 17, 18, 19, 20, 22, 23 | ON, 24, 25, 28, 29 | ON, 30 | ON,
	33, 34, 35 };

static void *usual_dacl(uint32_t *size)
{
	static const struct se_sid *const sids[] = { &se_admins, &se_system };
	struct se_acl head = { .revision = 2, .size = sizeof head, .count = ARRAY_LEN(sids) };
	uint8_t *acl, *at;

	for (unsigned i = 0; i < ARRAY_LEN(sids); i++)
		head.size = (uint16_t)(head.size + sizeof(struct se_ace) + sid_size(sids[i]));
	acl = arena_alloc(head.size);
	if (acl == NULL)
		return NULL;
	memcpy(acl, &head, sizeof head);
	at = acl + sizeof head;
	for (unsigned i = 0; i < ARRAY_LEN(sids); i++) {
		struct se_ace ace = { .size = (uint16_t)(sizeof ace + sid_size(sids[i])), .mask = GENERIC_ALL };

		memcpy(at, &ace, sizeof ace);
		memcpy(at + sizeof ace, sids[i], sid_size(sids[i]));
		at += ace.size;
	}
	*size = head.size;
	return acl;
}

static struct se_token *usual_token(void)
{
	struct se_token *k = ob_alloc(OB_TOKEN, sizeof *k);

	if (k == NULL)
		return NULL;
	k->dacl = usual_dacl(&k->dacl_size);
	if (k->dacl == NULL) {
		ob_put(&k->ob);
		return NULL;
	}
	k->id = se_new_luid();
	k->modified_id = se_new_luid();
	k->auth_id = 999;
	k->type = 1;
	k->session = 1;
	k->integrity = 0x3000;
	k->elevation = ELEVATION_FULL;
	k->owner = 2; /* Administrators */
	k->ngroups = ARRAY_LEN(usual_groups);
	memcpy(k->groups, usual_groups, sizeof usual_groups);
	k->nprivileges = ARRAY_LEN(usual_privileges);
	for (unsigned i = 0; i < ARRAY_LEN(usual_privileges); i++) {
		k->privileges[i].luid = usual_privileges[i] & 0xff;
		k->privileges[i].attributes = (usual_privileges[i] & ON) != 0 ? SE_PRIVILEGE_DEFAULT | SE_PRIVILEGE_ENABLED : 0;
	}
	return k;
}

struct se_token *se_default(void)
{
	_Atomic(void *) *place = (_Atomic(void *) *)&nt_state()->se;
	struct se_token *k = atomic_load_explicit(place, memory_order_acquire);
	void *there = NULL;

	if (k != NULL)
		return k;
	k = usual_token();
	if (k == NULL || atomic_compare_exchange_strong(place, &there, k))
		return k;
	ob_put(&k->ob);
	return there;
}

struct se_token *se_process_token(struct nt_process *p)
{
	struct se_token *k = p->token != NULL ? p->token : se_default();

	if (k != NULL)
		ob_get(&k->ob);
	return k;
}

struct se_token *se_thread_token(struct nt_thread *t)
{
	struct se_token *k;

	if (t->token == NULL)
		return NULL;
	lock_take(&t->process->lock);
	k = t->token;
	if (k != NULL)
		ob_get(&k->ob);
	lock_drop(&t->process->lock);
	return k;
}

struct se_token *se_effective_token(struct nt_thread *t)
{
	struct se_token *k = se_thread_token(t);

	return k != NULL ? k : se_process_token(t->process);
}

bool se_may_audit(void)
{
	struct se_token *k = se_effective_token(nt_current());
	bool may = k != NULL && se_has_privilege(k, 8);

	ob_put(k != NULL ? &k->ob : NULL);
	return may;
}

NTSTATUS se_pseudo_token(uint64_t handle, struct ob_object **o)
{
	struct nt_thread *t = nt_current();
	struct se_token *k;

	switch ((int64_t)handle) {
	case -4: k = se_process_token(t->process); break;
	case -5:
		k = se_thread_token(t);
		if (k == NULL)
			return STATUS_NO_TOKEN;
		break;
	case -6: k = se_effective_token(t); break;
	default: return STATUS_INVALID_HANDLE;
	}
	if (k == NULL)
		return STATUS_NO_MEMORY;
	*o = &k->ob;
	return STATUS_SUCCESS;
}

NTSTATUS se_token_by_handle(uint64_t handle, uint32_t access, struct se_token **token)
{
	struct ob_object *o;
	NTSTATUS status = ob_by_handle(handle, OB_TOKEN, access, &o);

	if (status == STATUS_SUCCESS)
		*token = CONTAINER_OF(o, struct se_token, ob);
	return status;
}

struct se_token *se_token_copy(struct se_token *from, uint32_t type, uint32_t level)
{
	struct se_token *k = ob_alloc(OB_TOKEN, sizeof *k);
	void *dacl = NULL;

	if (k == NULL)
		return NULL;
	if (from->dacl_size != 0)
		dacl = arena_alloc(SE_DESCRIPTOR_MAX); /* it may change until the lock is taken */
	lock_take(&from->ob.lock);
	memcpy((char *)k + sizeof k->ob, (char *)from + sizeof k->ob, sizeof *k - sizeof k->ob);
	k->dacl = NULL;
	k->dacl_size = 0;
	if (dacl != NULL) {
		memcpy(dacl, from->dacl, from->dacl_size);
		k->dacl_size = from->dacl_size;
	}
	lock_drop(&from->ob.lock);
	if (k->dacl_size != 0)
		k->dacl = arena_alloc(k->dacl_size);
	if (k->dacl != NULL)
		memcpy(k->dacl, dacl, k->dacl_size);
	else
		k->dacl_size = 0;
	arena_free(dacl);
	k->type = type;
	k->level = level;
	k->id = se_new_luid();
	return k;
}

void se_set_thread_token(struct nt_thread *t, struct se_token *k)
{
	struct se_token *old;

	lock_take(&t->process->lock);
	old = t->token;
	t->token = k;
	lock_drop(&t->process->lock);
	if (old != NULL)
		ob_put(&old->ob);
}

NTSTATUS se_impersonate(struct nt_thread *t, uint64_t handle)
{
	struct se_token *k = NULL;
	NTSTATUS status = handle != 0 ? se_token_by_handle(handle, TOKEN_IMPERSONATE, &k) : STATUS_SUCCESS;

	if (status != STATUS_SUCCESS)
		return status;
	if (k != NULL && k->type != 2) {
		ob_put(&k->ob);
		return STATUS_BAD_TOKEN_TYPE;
	}
	se_set_thread_token(t, k);
	return STATUS_SUCCESS;
}

NTSTATUS se_token_for_child(struct nt_process *parent, uint64_t handle, struct se_token **token)
{
	struct se_token *k;
	NTSTATUS status;

	*token = NULL;
	if (handle == 0 && parent->token == NULL)
		return STATUS_SUCCESS;
	if (handle != 0) {
		status = se_token_by_handle(handle, TOKEN_ASSIGN_PRIMARY | TOKEN_QUERY, &k);
		if (status != STATUS_SUCCESS)
			return status;
	} else {
		k = se_process_token(parent);
	}
	*token = se_token_copy(k, 1, 0);
	ob_put(&k->ob);
	return *token == NULL ? (NTSTATUS)STATUS_NO_MEMORY : STATUS_SUCCESS;
}

void se_thread_ended(struct nt_thread *t)
{
	if (t->token != NULL)
		se_set_thread_token(t, NULL);
}

void se_process_ended(struct nt_process *p)
{
	struct se_token *k = p->token;

	p->token = NULL;
	if (k != NULL)
		ob_put(&k->ob);
}

bool se_has_privilege(struct se_token *k, uint32_t luid)
{
	for (uint32_t i = 0; i < k->nprivileges; i++)
		if (k->privileges[i].luid == luid)
			return (k->privileges[i].attributes & SE_PRIVILEGE_ENABLED) != 0;
	return false;
}

NTSTATUS se_need_privilege(struct nt_thread *t, uint32_t luid)
{
	struct se_token *k = se_effective_token(t);
	bool has = k != NULL && se_has_privilege(k, luid);

	if (k != NULL)
		ob_put(&k->ob);
	return has ? STATUS_SUCCESS : STATUS_PRIVILEGE_NOT_HELD;
}
