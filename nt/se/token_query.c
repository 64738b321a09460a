/* SPDX-License-Identifier: MIT */
/*
 * nt/se/token_query.c - NtQueryInformationToken.
 *
 * An answer is built in a heap buffer; pointers in it are the guest's addresses, as the guest's buffer is known.
 * A buffer too small gives STATUS_BUFFER_TOO_SMALL and the size for everything of variable size.
 */
#include "nt/ke/user.h"
#include "ntcalls.gen.h"
#include "nt/se/se.h"
#include "rt/mem.h"

enum token_class { TOKEN_USER = 1, TOKEN_GROUPS, TOKEN_PRIVILEGES, TOKEN_OWNER, TOKEN_PRIMARY_GROUP, TOKEN_DEFAULT_DACL, TOKEN_SOURCE, TOKEN_TYPE,
	TOKEN_LEVEL, TOKEN_STATISTICS, TOKEN_RESTRICTED_SIDS, TOKEN_SESSION_ID, TOKEN_GROUPS_AND_PRIVILEGES, TOKEN_SESSION_REFERENCE,
	TOKEN_SANDBOX_INERT, TOKEN_AUDIT_POLICY, TOKEN_ORIGIN, TOKEN_ELEVATION_TYPE, TOKEN_LINKED, TOKEN_ELEVATION, TOKEN_HAS_RESTRICTIONS,
	TOKEN_ACCESS_INFORMATION, TOKEN_VIRTUALIZATION_ALLOWED, TOKEN_VIRTUALIZATION_ENABLED, TOKEN_INTEGRITY, TOKEN_UI_ACCESS,
	TOKEN_MANDATORY_POLICY, TOKEN_LOGON_SID, TOKEN_IS_APP_CONTAINER, TOKEN_CAPABILITIES, TOKEN_APP_CONTAINER_SID,
	TOKEN_APP_CONTAINER_NUMBER };

#define ANSWER_MAX 2048u
struct answer {
	uint64_t va;     /* where it will be */
	uint32_t size;
	uint8_t bytes[ANSWER_MAX];
};

static void put(struct answer *a, const void *from, uint32_t size)
{
	ASSERT(a->size + size <= ANSWER_MAX);
	if (from != NULL)
		memcpy(a->bytes + a->size, from, size);
	a->size += size;
}

static void put32(struct answer *a, uint32_t value)
{
	put(a, &value, sizeof value);
}

static void put64(struct answer *a, uint64_t value)
{
	put(a, &value, sizeof value);
}

/* SID_AND_ATTRIBUTES, whose SID goes to where *sids is. */
static void put_sid_at(struct answer *a, const struct se_sid *s, uint32_t attributes, uint32_t *sids)
{
	put64(a, a->va + *sids);
	put64(a, attributes);
	ASSERT(*sids + sid_size(s) <= ANSWER_MAX);
	memcpy(a->bytes + *sids, s, sid_size(s));
	*sids += sid_size(s);
}

static void put_one_sid(struct answer *a, const struct se_sid *s, bool attributes, uint32_t value)
{
	put64(a, a->va + (attributes ? 16 : 8));
	if (attributes)
		put64(a, value);
	put(a, s, sid_size(s));
}

static void put_groups(struct answer *a, const struct se_group *g, uint32_t count)
{
	uint32_t sids = 8 + count * 16;

	put64(a, count);
	for (uint32_t i = 0; i < count; i++)
		put_sid_at(a, &g[i].sid, g[i].attributes, &sids);
	a->size = sids;
}

static void put_privileges(struct answer *a, const struct se_token *k)
{
	for (uint32_t i = 0; i < k->nprivileges; i++) {
		put64(a, k->privileges[i].luid);
		put32(a, k->privileges[i].attributes);
	}
}

static void put_statistics(struct answer *a, const struct se_token *k)
{
	put64(a, k->id);
	put64(a, k->auth_id);
	put64(a, INT64_MAX); /* never ends */
	put32(a, k->type);
	put32(a, k->level);
	put32(a, k->dacl_size);
	put32(a, 0);
	put32(a, k->ngroups);
	put32(a, k->nprivileges);
	put64(a, k->modified_id);
}

static void put_groups_and_privileges(struct answer *a, const struct se_token *k)
{
	uint32_t fixed = 64, sids, count = k->ngroups;
	uint32_t sid_bytes = 0, privileges_at;

	for (uint32_t i = 0; i < count; i++)
		sid_bytes += 16 + sid_size(&k->groups[i].sid);
	privileges_at = (uint32_t)ALIGN_UP(fixed + sid_bytes, 4);
	put32(a, count);
	put32(a, sid_bytes);
	put64(a, a->va + fixed);
	put64(a, 0); /* restricted SIDs: none shown */
	put64(a, 0);
	put32(a, k->nprivileges);
	put32(a, k->nprivileges * 12);
	put64(a, a->va + privileges_at);
	put64(a, k->auth_id);
	a->size = fixed;
	sids = fixed + 16 * count;
	for (uint32_t i = 0; i < count; i++)
		put_sid_at(a, &k->groups[i].sid, k->groups[i].attributes, &sids);
	a->size = privileges_at;
	put_privileges(a, k);
}

static void put_integrity(struct answer *a, const struct se_token *k)
{
	struct se_sid label = { 1, 1, { 0, 0, 0, 0, 0, 16 }, { k->integrity } };

	put_one_sid(a, &label, true, SE_GROUP_INTEGRITY | SE_GROUP_INTEGRITY_ON);
}

static void put_logon_sid(struct answer *a, const struct se_token *k)
{
	for (uint32_t i = 0; i < k->ngroups; i++) {
		if ((k->groups[i].attributes & SE_GROUP_LOGON_ID) != SE_GROUP_LOGON_ID)
			continue;
		put64(a, 1);
		put64(a, a->va + 24);
		put64(a, k->groups[i].attributes);
		put(a, &k->groups[i].sid, sid_size(&k->groups[i].sid));
		return;
	}
	put64(a, 0);
}

static const struct se_sid *owner_sid(const struct se_token *k)
{
	return k->owner < k->ngroups ? &k->groups[k->owner].sid : &se_user;
}

static NTSTATUS variable(const struct se_token *k, uint32_t class, struct answer *a)
{
	switch (class) {
	case TOKEN_USER: put_one_sid(a, &se_user, true, 0); break;
	case TOKEN_GROUPS: put_groups(a, k->groups, k->ngroups); break;
	case TOKEN_RESTRICTED_SIDS: put_groups(a, k->restricting, k->nrestricted); break;
	case TOKEN_PRIVILEGES:
		put32(a, k->nprivileges);
		put_privileges(a, k);
		break;
	case TOKEN_OWNER: put_one_sid(a, owner_sid(k), false, 0); break;
	case TOKEN_PRIMARY_GROUP: put_one_sid(a, &k->groups[k->primary].sid, false, 0); break;
	case TOKEN_DEFAULT_DACL:
		put64(a, k->dacl_size != 0 ? a->va + 8 : 0);
		if (k->dacl_size > ANSWER_MAX - 8)
			return STATUS_NO_MEMORY;
		put(a, k->dacl, k->dacl_size);
		break;
	case TOKEN_GROUPS_AND_PRIVILEGES: put_groups_and_privileges(a, k); break;
	case TOKEN_INTEGRITY: put_integrity(a, k); break;
	case TOKEN_LOGON_SID: put_logon_sid(a, k); break;
	case TOKEN_CAPABILITIES: put64(a, 0); break;
	case TOKEN_APP_CONTAINER_SID: put64(a, 0); break;
	default: return STATUS_INVALID_INFO_CLASS;
	}
	return STATUS_SUCCESS;
}

/* Those of one size: STATUS_INVALID_INFO_CLASS if it is none of them. */
static NTSTATUS fixed(const struct se_token *k, uint32_t class, struct answer *a)
{
	switch (class) {
	case TOKEN_SOURCE:
		put(a, "User32 ", 8);
		put64(a, 999);
		break;
	case TOKEN_TYPE: put32(a, k->type); break;
	case TOKEN_LEVEL:
		if (k->type != 2)
			return STATUS_INVALID_PARAMETER;
		put32(a, k->level);
		break;
	case TOKEN_STATISTICS: put_statistics(a, k); break;
	case TOKEN_SESSION_ID: put32(a, k->session); break;
	case TOKEN_ORIGIN: put64(a, 999); break;
	case TOKEN_ELEVATION_TYPE: put32(a, k->elevation); break;
	case TOKEN_ELEVATION: put32(a, k->elevation == ELEVATION_FULL); break;
	case TOKEN_HAS_RESTRICTIONS: put32(a, k->restricted); break;
	case TOKEN_MANDATORY_POLICY: put32(a, 3); break;
	case TOKEN_SANDBOX_INERT:
	case TOKEN_VIRTUALIZATION_ALLOWED:
	case TOKEN_VIRTUALIZATION_ENABLED:
	case TOKEN_UI_ACCESS:
	case TOKEN_IS_APP_CONTAINER:
	case TOKEN_APP_CONTAINER_NUMBER: put32(a, 0); break;
	default: return STATUS_INVALID_INFO_CLASS;
	}
	return STATUS_SUCCESS;
}

static NTSTATUS linked(struct se_token *k, uint64_t info, uint32_t length, uint64_t returned)
{
	struct se_token *other;
	NTSTATUS status = user_put32(returned, 8);

	if (status == STATUS_SUCCESS && length < 8)
		status = STATUS_BUFFER_TOO_SMALL;
	if (status != STATUS_SUCCESS)
		return status;
	other = se_token_linked(k);
	if (other == NULL)
		return STATUS_NO_MEMORY;
	status = ob_handle_out(&other->ob, TOKEN_ALL_ACCESS, 0, info);
	ob_put(&other->ob);
	return status;
}

NTSTATUS NtQueryInformationToken(struct nt_thread *t, uint64_t token, uint32_t class, uint64_t info, uint32_t length, uint64_t returned)
{
	struct se_token *k;
	struct answer *a;
	NTSTATUS status = se_token_by_handle(token, class == TOKEN_SOURCE ? TOKEN_QUERY_SOURCE : TOKEN_QUERY, &k);

	(void)t;
	if (status != STATUS_SUCCESS)
		return status;
	a = heap_alloc(sizeof *a);
	if (a == NULL) {
		status = STATUS_NO_MEMORY;
	} else if (class == TOKEN_LINKED) {
		status = linked(k, info, length, returned);
	} else {
		a->va = info;
		lock_take(&k->ob.lock);
		status = fixed(k, class, a);
		if (status == STATUS_INVALID_INFO_CLASS)
			status = variable(k, class, a);
		lock_drop(&k->ob.lock);
		if (status == STATUS_SUCCESS)
			status = user_put32(returned, a->size);
		if (status == STATUS_SUCCESS)
			status = length < a->size ? (NTSTATUS)STATUS_BUFFER_TOO_SMALL : user_write(info, a->bytes, a->size);
	}
	heap_free(a);
	ob_put(&k->ob);
	return status;
}
