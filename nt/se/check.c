/* SPDX-License-Identifier: MIT */
/*
 * nt/se/check.c - NtAccessCheck: what a token may do by a descriptor.
 *
 * The rule is public ("How AccessCheck works"): the entries in their order; an entry of refusal counts for what was not
 * granted before, one of permission for what was not refused before; the owner may read and change the list.
 */
#include "nt/ke/user.h"
#include "nt/se/descriptor.h"
#include "ntcalls.gen.h"
#include "rt/mem.h"

enum ace_type { ACE_ALLOW, ACE_DENY };
#define ACE_INHERIT_ONLY 8u

/* Is it the token's, to be granted (or refused) something? */
static bool token_has(const struct se_token *k, const struct se_sid *s, bool deny)
{
	if (sid_equal(s, &se_user))
		return true;
	for (uint32_t i = 0; i < k->ngroups; i++) {
		uint32_t on = SE_GROUP_ENABLED | (deny ? SE_GROUP_DENY_ONLY : 0);

		if (sid_equal(s, &k->groups[i].sid))
			return (k->groups[i].attributes & on) != 0 && (deny || (k->groups[i].attributes & SE_GROUP_DENY_ONLY) == 0);
	}
	return false;
}

bool se_token_has(const struct se_token *k, const struct se_sid *s)
{
	return token_has(k, s, false);
}

static bool restricting_has(const struct se_token *k, const struct se_sid *s)
{
	for (uint32_t i = 0; i < k->nrestricted; i++)
		if (sid_equal(s, &k->restricting[i].sid))
			return true;
	return false;
}

/* What the list grants, of all that it could. */
static uint32_t granted_by(const uint8_t *acl, const struct se_token *k, bool restricting)
{
	struct se_acl head;
	struct se_ace ace;
	struct se_sid sid;
	uint32_t at = sizeof head, granted = 0, refused = 0;

	memcpy(&head, acl, sizeof head);
	for (uint32_t i = 0; i < head.count; i++, at += ace.size) {
		memcpy(&ace, acl + at, sizeof ace);
		if (ace.type > ACE_DENY || (ace.flags & ACE_INHERIT_ONLY) != 0 || !sid_parse(&sid, acl + at + sizeof ace, ace.size - (uint32_t)sizeof ace))
			continue;
		if (restricting ? !restricting_has(k, &sid) : !token_has(k, &sid, ace.type == ACE_DENY))
			continue;
		if (ace.type == ACE_ALLOW)
			granted |= ace.mask & ~refused;
		else
			refused |= ace.mask & ~granted;
	}
	return granted;
}

NTSTATUS se_access_check(const struct se_descriptor *d, struct se_token *k, uint32_t wanted, uint32_t all, uint32_t *granted)
{
	struct sd_parts p;
	struct se_sid owner;
	uint32_t may = 0;

	sd_parts(d, &p);
	*granted = 0;
	if ((wanted & ACCESS_SYSTEM_SECURITY) != 0) {
		if (!se_has_privilege(k, 8))
			return STATUS_PRIVILEGE_NOT_HELD;
		may |= ACCESS_SYSTEM_SECURITY;
	}
	lock_take(&k->ob.lock);
	if (p.dacl == NULL)
		may |= (wanted & MAXIMUM_ALLOWED) != 0 ? all : wanted;
	else
		may |= granted_by(p.dacl, k, false);
	if (p.dacl != NULL && k->restricted)
		may &= granted_by(p.dacl, k, true) | ACCESS_SYSTEM_SECURITY;
	if (p.owner != NULL && sid_parse(&owner, p.owner, sizeof owner) && token_has(k, &owner, false))
		may |= READ_CONTROL | WRITE_DAC;
	lock_drop(&k->ob.lock);
	if ((wanted & MAXIMUM_ALLOWED) != 0) {
		wanted &= ~MAXIMUM_ALLOWED;
		*granted = may & (all | DELETE | READ_CONTROL | WRITE_DAC | WRITE_OWNER | SYNCHRONIZE | ACCESS_SYSTEM_SECURITY);
		return (wanted & ~may) != 0 || *granted == 0 ? (NTSTATUS)STATUS_ACCESS_DENIED : STATUS_SUCCESS;
	}
	if ((wanted & ~may) != 0)
		return STATUS_ACCESS_DENIED;
	*granted = wanted;
	return STATUS_SUCCESS;
}

/* What PRIVILEGE_SET says: that of ACCESS_SYSTEM_SECURITY was needed, or none. */
static NTSTATUS put_privileges(uint64_t set, uint64_t length, bool security)
{
	uint32_t size, used[5] = { security, 0, 8, 0, 0x80000000u };
	NTSTATUS status = user_read(&size, length, sizeof size);

	if (status != STATUS_SUCCESS)
		return status;
	if (size < sizeof used) {
		status = user_put32(length, sizeof used);
		return status != STATUS_SUCCESS ? status : (NTSTATUS)STATUS_BUFFER_TOO_SMALL;
	}
	return user_write(set, used, sizeof used);
}

static NTSTATUS check(struct se_descriptor *d, struct se_token *k, uint32_t wanted, const struct se_mapping *m, uint64_t granted_va, uint64_t status_va)
{
	uint32_t granted;
	NTSTATUS result, status;

	if (k->type != 2)
		return STATUS_NO_IMPERSONATION_TOKEN;
	if (k->level < 1)
		return STATUS_BAD_IMPERSONATION_LEVEL;
	if (d->owner == 0 || d->group == 0)
		return STATUS_INVALID_SECURITY_DESCR;
	se_map_lists(d, m);
	result = se_access_check(d, k, wanted, se_map_mask(m, m->all), &granted);
	status = user_write(granted_va, &granted, sizeof granted);
	return status != STATUS_SUCCESS ? status : user_write(status_va, &result, sizeof result);
}

NTSTATUS NtAccessCheck(struct nt_thread *t, uint64_t descriptor, uint64_t token, uint32_t wanted, uint64_t mapping, uint64_t privileges,
	uint64_t privileges_length, uint64_t granted, uint64_t access_status)
{
	struct se_mapping m;
	struct se_descriptor *d = NULL;
	struct se_token *k;
	uint32_t size;
	NTSTATUS status;

	(void)t;
	if (privileges == 0 || privileges_length == 0)
		return STATUS_ACCESS_VIOLATION;
	status = user_read(&m, mapping, sizeof m);
	if (status == STATUS_SUCCESS && (wanted & 0xf0000000u) != 0)
		status = STATUS_GENERIC_NOT_MAPPED;
	if (status == STATUS_SUCCESS)
		status = put_privileges(privileges, privileges_length, (wanted & ACCESS_SYSTEM_SECURITY) != 0);
	if (status == STATUS_SUCCESS)
		status = se_token_by_handle(token, TOKEN_QUERY, &k);
	if (status != STATUS_SUCCESS)
		return status;
	status = se_descriptor_in(descriptor, &d, &size);
	if (status == STATUS_SUCCESS)
		status = check(d, k, wanted, &m, granted, access_status);
	arena_free(d);
	ob_put(&k->ob);
	return status;
}

/* The same by who calls; nobody keeps an audit log. */
NTSTATUS NtAccessCheckAndAuditAlarm(struct nt_thread *t, uint64_t subsystem, uint64_t handle_id, uint64_t type, uint64_t name, uint64_t descriptor,
	uint32_t wanted, uint64_t mapping, uint8_t creation, uint64_t granted, uint64_t access_status, uint64_t generate)
{
	struct se_mapping m;
	struct se_descriptor *d = NULL;
	struct se_token *k = se_effective_token(t), *as;
	uint32_t size;
	uint8_t no = 0;
	NTSTATUS status = user_read(&m, mapping, sizeof m);

	(void)subsystem;
	(void)handle_id;
	(void)type;
	(void)name;
	(void)creation;
	as = k == NULL ? NULL : se_token_copy(k, 2, 2);
	if (status == STATUS_SUCCESS && as == NULL)
		status = STATUS_NO_MEMORY;
	if (status == STATUS_SUCCESS)
		status = se_descriptor_in(descriptor, &d, &size);
	if (status == STATUS_SUCCESS)
		status = check(d, as, wanted, &m, granted, access_status);
	if (status == STATUS_SUCCESS)
		status = user_write(generate, &no, sizeof no);
	arena_free(d);
	if (as != NULL)
		ob_put(&as->ob);
	if (k != NULL)
		ob_put(&k->ob);
	return status;
}
