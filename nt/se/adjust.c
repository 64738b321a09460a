/* SPDX-License-Identifier: MIT */
/* nt/se/adjust.c - what can be changed in a token: privileges, groups, defaults; and tokens with less in them. */
#include "nt/ke/user.h"
#include "nt/se/descriptor.h"
#include "ntcalls.gen.h"
#include "rt/mem.h"

struct luid_and_attributes { /* 12 bytes, as the guest has them */
	uint32_t low, high, attributes;
};

/* The privileges of a TOKEN_PRIVILEGES; heap memory. */
static NTSTATUS privileges_in(uint64_t va, struct luid_and_attributes **list, uint32_t *count)
{
	NTSTATUS status = user_read(count, va, sizeof *count);

	*list = NULL;
	if (status != STATUS_SUCCESS)
		return status;
	if (*count > 1024)
		return STATUS_INVALID_PARAMETER;
	*list = heap_alloc((*count + 1) * sizeof **list);
	if (*list == NULL)
		return STATUS_NO_MEMORY;
	status = user_read(*list, va + 4, *count * sizeof **list);
	if (status != STATUS_SUCCESS)
		heap_free(*list);
	return status;
}

static int find_privilege(const struct se_token *k, const struct luid_and_attributes *p)
{
	for (uint32_t i = 0; i < k->nprivileges; i++)
		if (p->high == 0 && k->privileges[i].luid == p->low)
			return (int)i;
	return -1;
}

static void remove_privilege(struct se_token *k, int at)
{
	k->nprivileges--;
	memmove(&k->privileges[at], &k->privileges[at + 1], (k->nprivileges - (uint32_t)at) * sizeof k->privileges[0]);
}

/* Sets one; old gets what it was, if it changes.  NTOBJ of the token held. */
static bool adjust_one(struct se_token *k, int at, uint32_t attributes, struct luid_and_attributes *old)
{
	uint32_t now = k->privileges[at].attributes, on = attributes & SE_PRIVILEGE_ENABLED;

	*old = (struct luid_and_attributes){ k->privileges[at].luid, 0, now };
	if ((attributes & SE_PRIVILEGE_REMOVED) != 0) {
		remove_privilege(k, at);
		return false;
	}
	k->privileges[at].attributes = (now & ~SE_PRIVILEGE_ENABLED) | on;
	return (now & SE_PRIVILEGE_ENABLED) != on;
}

NTSTATUS NtAdjustPrivilegesToken(struct nt_thread *t, uint64_t token, uint8_t disable_all, uint64_t new_state, uint32_t length, uint64_t previous,
	uint64_t returned)
{
	struct luid_and_attributes *list = NULL, old[SE_PRIVILEGES];
	struct se_token *k;
	uint32_t count = 0, changed = 0, found = 0, size;
	NTSTATUS status = disable_all ? STATUS_SUCCESS : privileges_in(new_state, &list, &count);

	(void)t;
	if (status != STATUS_SUCCESS)
		return status;
	status = se_token_by_handle(token, TOKEN_ADJUST_PRIVILEGES | (previous != 0 ? TOKEN_QUERY : 0), &k);
	if (status != STATUS_SUCCESS) {
		heap_free(list);
		return status;
	}
	lock_take(&k->ob.lock);
	for (uint32_t i = 0; disable_all && i < k->nprivileges; i++)
		changed += adjust_one(k, (int)i, 0, &old[changed]);
	for (uint32_t i = 0; i < count && changed < SE_PRIVILEGES; i++) {
		int at = find_privilege(k, &list[i]);

		found += at >= 0;
		if (at >= 0)
			changed += adjust_one(k, at, list[i].attributes, &old[changed]);
	}
	k->modified_id++;
	lock_drop(&k->ob.lock);
	size = 4 + changed * (uint32_t)sizeof old[0];
	if (previous != 0) {
		status = user_put32(returned, size);
		if (status == STATUS_SUCCESS && length < size)
			status = STATUS_BUFFER_TOO_SMALL;
		if (status == STATUS_SUCCESS)
			status = user_write(previous, &changed, 4);
		if (status == STATUS_SUCCESS)
			status = user_write(previous + 4, old, changed * sizeof old[0]);
	}
	heap_free(list);
	ob_put(&k->ob);
	return status == STATUS_SUCCESS && found < count ? (NTSTATUS)STATUS_NOT_ALL_ASSIGNED : status;
}

/* PRIVILEGE_SET: count, control (1: all are needed), privileges, whose used bit is set. */
NTSTATUS NtPrivilegeCheck(struct nt_thread *t, uint64_t token, uint64_t set, uint64_t result)
{
	struct {
		uint32_t count, control;
	} head;
	struct luid_and_attributes one;
	struct se_token *k;
	uint32_t held = 0;
	uint8_t yes;
	NTSTATUS status = user_read(&head, set, sizeof head);

	(void)t;
	if (status == STATUS_SUCCESS && head.count > 1024)
		status = STATUS_INVALID_PARAMETER;
	if (status == STATUS_SUCCESS)
		status = se_token_by_handle(token, TOKEN_QUERY, &k);
	if (status != STATUS_SUCCESS)
		return status;
	if (k->type == 2 && k->level == 0)
		status = STATUS_BAD_IMPERSONATION_LEVEL;
	for (uint32_t i = 0; i < head.count && status == STATUS_SUCCESS; i++) {
		uint64_t va = set + sizeof head + i * sizeof one;

		status = user_read(&one, va, sizeof one);
		if (status != STATUS_SUCCESS || one.high != 0 || !se_has_privilege(k, one.low))
			continue;
		held++;
		one.attributes |= 0x80000000u; /* SE_PRIVILEGE_USED_FOR_ACCESS */
		status = user_write(va, &one, sizeof one);
	}
	yes = (head.control & 1) != 0 ? held == head.count : held != 0;
	ob_put(&k->ob);
	return status == STATUS_SUCCESS ? user_write(result, &yes, sizeof yes) : status;
}

/* The groups of a TOKEN_GROUPS one by one: SID_AND_ATTRIBUTES of 16 bytes behind a count. */
static NTSTATUS group_at(uint64_t groups, uint32_t i, struct se_group *g)
{
	struct {
		uint64_t sid;
		uint32_t attributes, pad;
	} entry;
	NTSTATUS status = user_read(&entry, groups + 8 + i * sizeof entry, sizeof entry);

	g->attributes = entry.attributes;
	return status != STATUS_SUCCESS ? status : sid_in(&g->sid, entry.sid);
}

static struct se_group *find_group(struct se_token *k, const struct se_sid *sid)
{
	for (uint32_t i = 0; i < k->ngroups; i++)
		if (sid_equal(&k->groups[i].sid, sid))
			return &k->groups[i];
	return NULL;
}

NTSTATUS NtAdjustGroupsToken(struct nt_thread *t, uint64_t token, uint8_t reset, uint64_t groups, uint32_t length, uint64_t previous, uint64_t returned)
{
	struct se_token *k;
	struct se_group g, *its;
	uint32_t count = 0;
	NTSTATUS status = reset ? STATUS_SUCCESS : user_read(&count, groups, sizeof count);

	(void)t;
	(void)length;
	if (previous != 0 || returned != 0)
		return STATUS_NOT_SUPPORTED;
	if (status == STATUS_SUCCESS)
		status = se_token_by_handle(token, TOKEN_ADJUST_GROUPS, &k);
	if (status != STATUS_SUCCESS)
		return status;
	for (uint32_t i = 0; i < count && i < 1024 && status == STATUS_SUCCESS; i++) {
		status = group_at(groups, i, &g);
		if (status != STATUS_SUCCESS)
			break;
		lock_take(&k->ob.lock);
		its = find_group(k, &g.sid);
		if (its == NULL)
			status = STATUS_NOT_ALL_ASSIGNED;
		else if ((its->attributes & SE_GROUP_MANDATORY) != 0 && (g.attributes & SE_GROUP_ENABLED) == 0)
			status = STATUS_CANT_DISABLE_MANDATORY;
		else
			its->attributes = (its->attributes & ~SE_GROUP_ENABLED) | (g.attributes & SE_GROUP_ENABLED);
		lock_drop(&k->ob.lock);
	}
	ob_put(&k->ob);
	return status;
}

#define FILTER_ALL_PRIVILEGES 1u /* DISABLE_MAX_PRIVILEGE */

static NTSTATUS filter_groups(struct se_token *k, uint64_t disable)
{
	uint32_t count = 0;
	struct se_group g, *its;
	NTSTATUS status = disable == 0 ? STATUS_SUCCESS : user_read(&count, disable, sizeof count);

	for (uint32_t i = 0; i < count && i < 1024 && status == STATUS_SUCCESS; i++) {
		status = group_at(disable, i, &g);
		its = status == STATUS_SUCCESS ? find_group(k, &g.sid) : NULL;
		if (its != NULL)
			its->attributes = SE_GROUP_DENY_ONLY;
	}
	return status;
}

static NTSTATUS filter_privileges(struct se_token *k, uint32_t flags, uint64_t remove)
{
	struct luid_and_attributes *list = NULL;
	uint32_t count = 0;
	NTSTATUS status = remove == 0 ? STATUS_SUCCESS : privileges_in(remove, &list, &count);

	for (uint32_t i = 0; status == STATUS_SUCCESS && i < count; i++) {
		int at = find_privilege(k, &list[i]);

		if (at >= 0)
			remove_privilege(k, at);
	}
	for (uint32_t i = k->nprivileges; (flags & FILTER_ALL_PRIVILEGES) != 0 && i > 0; i--)
		if (k->privileges[i - 1].luid != 23) /* SeChangeNotifyPrivilege stays */
			remove_privilege(k, (int)i - 1);
	if (remove != 0 && status == STATUS_SUCCESS)
		heap_free(list);
	return status;
}

static NTSTATUS restrict_to(struct se_token *k, uint64_t restricting)
{
	uint32_t count = 0;
	NTSTATUS status = restricting == 0 ? STATUS_SUCCESS : user_read(&count, restricting, sizeof count);

	if (count > SE_GROUPS)
		return STATUS_INSUFFICIENT_RESOURCES;
	for (uint32_t i = 0; i < count && status == STATUS_SUCCESS; i++) {
		status = group_at(restricting, i, &k->restricting[i]);
		k->restricting[i].attributes = SE_GROUP_MANDATORY | SE_GROUP_DEFAULT | SE_GROUP_ENABLED;
	}
	if (status == STATUS_SUCCESS && count != 0) {
		k->nrestricted = count;
		k->restricted = 1;
	}
	return status;
}

NTSTATUS NtFilterToken(struct nt_thread *t, uint64_t token, uint32_t flags, uint64_t disable, uint64_t remove, uint64_t restricting, uint64_t handle)
{
	struct se_token *from, *k;
	NTSTATUS status = se_token_by_handle(token, TOKEN_DUPLICATE, &from);

	if (status != STATUS_SUCCESS)
		return status;
	k = se_token_copy(from, from->type, from->level);
	status = k == NULL ? (NTSTATUS)STATUS_NO_MEMORY : filter_groups(k, disable);
	if (status == STATUS_SUCCESS)
		status = filter_privileges(k, flags, remove);
	if (status == STATUS_SUCCESS)
		status = restrict_to(k, restricting);
	if (status == STATUS_SUCCESS)
		status = ob_handle_out(&k->ob, ob_handle_access(t->process, token), 0, handle);
	if (k != NULL)
		ob_put(&k->ob);
	ob_put(&from->ob);
	return status;
}

static NTSTATUS set_dacl(struct se_token *k, uint64_t info)
{
	uint64_t va;
	struct se_acl head;
	void *acl = NULL, *old;
	NTSTATUS status = user_read(&va, info, sizeof va);

	if (status == STATUS_SUCCESS && va != 0)
		status = user_read(&head, va, sizeof head);
	if (status == STATUS_SUCCESS && va != 0) {
		acl = head.size < sizeof head ? NULL : arena_alloc(head.size);
		if (acl == NULL)
			return head.size < sizeof head ? STATUS_INVALID_ACL : STATUS_NO_MEMORY;
		status = user_read(acl, va, head.size);
		memcpy(acl, &head, sizeof head);
		if (status == STATUS_SUCCESS && !acl_valid(acl, head.size))
			status = STATUS_INVALID_ACL;
	}
	if (status != STATUS_SUCCESS) {
		arena_free(acl);
		return status;
	}
	lock_take(&k->ob.lock);
	old = k->dacl;
	k->dacl = acl;
	k->dacl_size = acl != NULL ? head.size : 0;
	lock_drop(&k->ob.lock);
	arena_free(old);
	return STATUS_SUCCESS;
}

/* Owner or primary group: the SID behind a pointer, which must be one of the token's. */
static NTSTATUS set_sid(struct se_token *k, uint64_t info, bool owner)
{
	uint64_t va;
	struct se_sid sid;
	struct se_group *its;
	NTSTATUS status = user_read(&va, info, sizeof va);

	if (status == STATUS_SUCCESS)
		status = sid_in(&sid, va);
	if (status != STATUS_SUCCESS)
		return status;
	lock_take(&k->ob.lock);
	its = find_group(k, &sid);
	if (owner && sid_equal(&sid, &se_user))
		k->owner = UINT32_MAX;
	else if (owner && its != NULL && (its->attributes & SE_GROUP_OWNER) != 0)
		k->owner = (uint32_t)(its - k->groups);
	else if (!owner && its != NULL)
		k->primary = (uint32_t)(its - k->groups);
	else
		status = owner ? STATUS_INVALID_OWNER : STATUS_INVALID_PRIMARY_GROUP;
	lock_drop(&k->ob.lock);
	return status;
}

static NTSTATUS set_integrity(struct se_token *k, uint64_t info)
{
	uint64_t va;
	struct se_sid sid;
	NTSTATUS status = user_read(&va, info, sizeof va);

	if (status == STATUS_SUCCESS)
		status = sid_in(&sid, va);
	if (status != STATUS_SUCCESS)
		return status;
	if (sid.count != 1 || sid.authority[5] != 16)
		return STATUS_INVALID_SID;
	lock_take(&k->ob.lock);
	if (sid.sub[0] > k->integrity)
		status = STATUS_PRIVILEGE_NOT_HELD;
	else
		k->integrity = sid.sub[0];
	lock_drop(&k->ob.lock);
	return status;
}

enum set_token_class { SET_OWNER = 4, SET_PRIMARY_GROUP = 5, SET_DACL = 6, SET_SESSION = 12, SET_INTEGRITY = 25 };

NTSTATUS NtSetInformationToken(struct nt_thread *t, uint64_t token, uint32_t class, uint64_t info, uint32_t length)
{
	struct se_token *k;
	uint32_t access = class == SET_SESSION ? TOKEN_ADJUST_SESSIONID : TOKEN_ADJUST_DEFAULT, least = class == SET_SESSION ? 4 : 8, session;
	NTSTATUS status;

	(void)t;
	if (length < least)
		return STATUS_INFO_LENGTH_MISMATCH;
	if (info == 0)
		return STATUS_ACCESS_VIOLATION;
	status = se_token_by_handle(token, access, &k);
	if (status != STATUS_SUCCESS)
		return status;
	switch (class) {
	case SET_OWNER: status = set_sid(k, info, true); break;
	case SET_PRIMARY_GROUP: status = set_sid(k, info, false); break;
	case SET_DACL: status = set_dacl(k, info); break;
	case SET_INTEGRITY: status = set_integrity(k, info); break;
	case SET_SESSION:
		status = user_read(&session, info, sizeof session);
		if (status == STATUS_SUCCESS)
			k->session = session;
		break;
	default: status = STATUS_INVALID_INFO_CLASS; break;
	}
	ob_put(&k->ob);
	return status;
}
