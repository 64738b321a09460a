/* SPDX-License-Identifier: MIT */
/* nt/se/sid.c - security identifiers. */
#include "nt/ke/user.h"
#include "nt/se/se.h"
#include "rt/mem.h"

#define AUTHORITY_WORLD { 0, 0, 0, 0, 0, 1 }
#define AUTHORITY_NT    { 0, 0, 0, 0, 0, 5 }

const struct se_sid se_everyone = { 1, 1, AUTHORITY_WORLD, { 0 } };
const struct se_sid se_system = { 1, 1, AUTHORITY_NT, { 18 } };
const struct se_sid se_admins = { 1, 2, AUTHORITY_NT, { 32, 544 } };
const struct se_sid se_users = { 1, 2, AUTHORITY_NT, { 32, 545 } };
const struct se_sid se_user = { 1, 5, AUTHORITY_NT, { 21, 0, 0, 0, 1000 } };
const struct se_sid se_group = { 1, 5, AUTHORITY_NT, { 21, 0, 0, 0, 513 } };

bool sid_equal(const struct se_sid *a, const struct se_sid *b)
{
	return a->count == b->count && memcmp(a, b, sid_size(a)) == 0;
}

bool sid_parse(struct se_sid *s, const void *from, uint32_t room)
{
	if (room < 8)
		return false;
	memcpy(s, from, 8);
	if (s->revision != 1 || s->count > SID_SUBS || room < sid_size(s))
		return false;
	memcpy(s, from, sid_size(s));
	return true;
}

NTSTATUS sid_in(struct se_sid *s, uint64_t va)
{
	NTSTATUS status = user_read(s, va, 8);

	if (status != STATUS_SUCCESS)
		return status;
	if (s->revision != 1 || s->count > SID_SUBS)
		return STATUS_INVALID_SID;
	return user_read(s->sub, va + 8, 4u * s->count);
}
