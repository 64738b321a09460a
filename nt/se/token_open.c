/* SPDX-License-Identifier: MIT */
/*
 * nt/se/token_open.c - handles of tokens: a process's, a thread's, copies, and the other one of the logon.
 *
 * All processes share the sandbox's token until somebody opens theirs: what is then changed in it, is theirs alone.
 */
#include "nt/ke/user.h"
#include "ntcalls.gen.h"
#include "nt/se/se.h"
#include "rt/mem.h"

struct se_token *se_token_linked(struct se_token *of)
{
	bool full = of->elevation == ELEVATION_FULL;
	struct se_token *from = se_default(), *k = from == NULL ? NULL : se_token_copy(from, 2, 1); /* nothing that `of` has changed is in it */

	if (k == NULL || !full)
		return k;
	k->elevation = ELEVATION_LIMITED;
	k->integrity = 0x2000;
	for (uint32_t i = 0; i < k->ngroups; i++)
		if (sid_equal(&k->groups[i].sid, &se_admins))
			k->groups[i].attributes = SE_GROUP_DENY_ONLY;
	if (k->owner < k->ngroups && sid_equal(&k->groups[k->owner].sid, &se_admins))
		k->owner = UINT32_MAX;
	for (uint32_t i = k->nprivileges; i > 0; i--) {
		uint32_t luid = k->privileges[i - 1].luid;

		if (luid != 19 && luid != 23 && luid != 25 && luid != 33 && luid != 34) {
			memmove(&k->privileges[i - 1], &k->privileges[i], (k->nprivileges - i) * sizeof k->privileges[0]);
			k->nprivileges--;
		}
	}
	return k;
}

/* A process whose token somebody opens, and may change, has one of its own from then on. */
static struct se_token *own_token(struct nt_process *p)
{
	struct se_token *k, *fresh = NULL;

	if (p->token == NULL) {
		k = se_default();
		fresh = k == NULL ? NULL : se_token_copy(k, 1, 0);
		if (fresh == NULL)
			return NULL;
	}
	lock_take(&p->lock);
	if (p->token == NULL) {
		p->token = fresh;
		fresh = NULL;
	}
	k = p->token;
	ob_get(&k->ob);
	lock_drop(&p->lock);
	if (fresh != NULL)
		ob_put(&fresh->ob);
	return k;
}

static NTSTATUS token_handle(struct se_token *k, uint32_t access, uint32_t attributes, uint64_t handle_va)
{
	NTSTATUS status = k == NULL ? (NTSTATUS)STATUS_NO_MEMORY : ob_handle_out(&k->ob, ob_map_access(OB_TOKEN, access), attributes, handle_va);

	if (k != NULL)
		ob_put(&k->ob);
	return status;
}

NTSTATUS NtOpenProcessTokenEx(struct nt_thread *t, uint64_t process, uint32_t access, uint32_t attributes, uint64_t handle)
{
	struct ob_object *o;
	NTSTATUS status = user_put64(handle, 0);

	(void)t;
	if (handle == 0)
		return STATUS_ACCESS_VIOLATION;
	if (status == STATUS_SUCCESS)
		status = ob_by_handle(process, OB_PROCESS, 0x400 /* PROCESS_QUERY_INFORMATION */, &o);
	if (status == STATUS_ACCESS_DENIED)
		status = ob_by_handle(process, OB_PROCESS, 0x1000 /* PROCESS_QUERY_LIMITED_INFORMATION */, &o);
	if (status != STATUS_SUCCESS)
		return status;
	status = token_handle(own_token(CONTAINER_OF(o, struct nt_process, ob)), access, attributes, handle);
	ob_put(o);
	return status;
}

NTSTATUS NtOpenProcessToken(struct nt_thread *t, uint64_t process, uint32_t access, uint64_t handle)
{
	return NtOpenProcessTokenEx(t, process, access, 0, handle);
}

NTSTATUS NtOpenThreadTokenEx(struct nt_thread *t, uint64_t thread, uint32_t access, uint8_t as_self, uint32_t attributes, uint64_t handle)
{
	struct ob_object *o;
	struct se_token *k;
	NTSTATUS status = user_put64(handle, 0);

	(void)t;
	(void)as_self;
	if (handle == 0)
		return STATUS_ACCESS_VIOLATION;
	if (status == STATUS_SUCCESS)
		status = ob_by_handle(thread, OB_THREAD, 0x40 /* THREAD_QUERY_INFORMATION */, &o);
	if (status != STATUS_SUCCESS)
		return status;
	k = se_thread_token(CONTAINER_OF(o, struct nt_thread, ob));
	if (k != NULL && k->level == 0) {
		ob_put(&k->ob);
		ob_put(o);
		return STATUS_CANT_OPEN_ANONYMOUS;
	}
	status = k == NULL ? (NTSTATUS)STATUS_NO_TOKEN : token_handle(k, access, attributes, handle);
	ob_put(o);
	return status;
}

NTSTATUS NtOpenThreadToken(struct nt_thread *t, uint64_t thread, uint32_t access, uint8_t as_self, uint64_t handle)
{
	return NtOpenThreadTokenEx(t, thread, access, as_self, 0, handle);
}

NTSTATUS NtDuplicateToken(struct nt_thread *t, uint64_t token, uint32_t access, uint64_t oa, uint32_t level, uint32_t type, uint64_t handle)
{
	struct OBJECT_ATTRIBUTES a = { 0 };
	struct { uint32_t length, level; } qos = { 0 };
	struct se_token *from, *k;
	NTSTATUS status = ob_handle_clear(handle);

	if (status != STATUS_SUCCESS)
		return status;
	if (type != 1 && type != 2)
		return STATUS_INVALID_PARAMETER;
	if (oa != 0)
		status = user_read(&a, oa, sizeof a);
	if (status == STATUS_SUCCESS && a.SecurityQualityOfService != 0)
		status = user_read(&qos, a.SecurityQualityOfService, sizeof qos);
	if (status == STATUS_SUCCESS)
		status = se_token_by_handle(token, TOKEN_DUPLICATE, &from);
	if (status != STATUS_SUCCESS)
		return status;
	if (a.SecurityQualityOfService == 0)
		qos.level = level; /* Wine's DLLs have it there; for Windows that is "effective only" */
	if (qos.level > 3 || (type == 2 && from->type == 2 && qos.level > from->level))
		status = STATUS_BAD_IMPERSONATION_LEVEL;
	k = status == STATUS_SUCCESS ? se_token_copy(from, type, type == 2 ? qos.level : 0) : NULL;
	if (k != NULL) {
		status = se_assign(&k->ob, a.SecurityDescriptor);
		if (status != STATUS_SUCCESS)
			ob_put(&k->ob);
	}
	if (status == STATUS_SUCCESS)
		status = token_handle(k, access != 0 ? access : ob_handle_access(t->process, token), a.Attributes, handle);
	ob_put(&from->ob);
	return status;
}

NTSTATUS NtAllocateLocallyUniqueId(struct nt_thread *t, uint64_t luid)
{
	uint64_t id = se_new_luid();

	(void)t;
	return user_write(luid, &id, sizeof id);
}
