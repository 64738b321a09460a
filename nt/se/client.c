/* SPDX-License-Identifier: MIT */
/*
 * nt/se/client.c - whom a server speaks for: what a client lets it know of itself, and impersonating that.
 *
 * By SECURITY_QUALITY_OF_SERVICE's documentation: static is what the client was when it opened, dynamic what it is whenever it
 * sends something.  Who says nothing may be impersonated, dynamically, with what is enabled of his token.
 */
#include "nt/ke/user.h"
#include "nt/ps/ps.h"
#include "nt/se/se.h"

#define SECURITY_IMPERSONATION 2u

struct SECURITY_QUALITY_OF_SERVICE {
	uint32_t Length, ImpersonationLevel;
	uint8_t ContextTrackingMode, EffectiveOnly; /* dynamic: 1 */
};

NTSTATUS se_client_begin(struct se_client *c, uint64_t qos_va)
{
	struct SECURITY_QUALITY_OF_SERVICE q = { 0, SECURITY_IMPERSONATION, 1, 1 };
	NTSTATUS status = qos_va != 0 ? user_read(&q, qos_va, 10) : STATUS_SUCCESS;
	struct se_token *k;

	*c = (struct se_client){ .level = q.ImpersonationLevel, .effective = q.EffectiveOnly };
	if (status != STATUS_SUCCESS || q.ContextTrackingMode != 0)
		return status;
	if (q.ImpersonationLevel > 3)
		return STATUS_INVALID_PARAMETER;
	k = se_effective_token(nt_current());
	c->token = k != NULL ? se_token_copy(k, 2, c->level) : NULL;
	if (k != NULL)
		ob_put(&k->ob);
	return c->token != NULL ? STATUS_SUCCESS : STATUS_NO_MEMORY;
}

void se_client_now(const struct se_client *c, struct se_client *now)
{
	*now = *c;
	if (c->token != NULL)
		ob_get(&c->token->ob);
	else
		now->token = se_effective_token(nt_current());
}

void se_client_put(struct se_client *c)
{
	if (c->token != NULL)
		ob_put(&c->token->ob);
	c->token = NULL;
}

/* What is not enabled goes.  k is nobody else's yet. */
static void only_effective(struct se_token *k)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < k->nprivileges; i++)
		if (k->privileges[i].attributes & SE_PRIVILEGE_ENABLED)
			k->privileges[n++] = k->privileges[i];
	k->nprivileges = n;
}

NTSTATUS se_client_impersonate(struct nt_thread *t, const struct se_client *c)
{
	struct se_token *k;

	if (c->token == NULL)
		return STATUS_CANNOT_IMPERSONATE;
	k = se_token_copy(c->token, 2, c->token->type == 2 ? MIN(c->level, c->token->level) : c->level);
	if (k == NULL)
		return STATUS_NO_MEMORY;
	if (c->effective)
		only_effective(k);
	se_set_thread_token(t, k);
	return STATUS_SUCCESS;
}
