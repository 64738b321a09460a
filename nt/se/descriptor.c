/* SPDX-License-Identifier: MIT */
/*
 * nt/se/descriptor.c - security descriptors: copied in, checked, taken apart and put together.
 *
 * All that the kernel keeps are self-relative and checked: SIDs and lists lie inside, lists' entries lie inside them.
 */
#include "nt/io/io.h"
#include "nt/ke/user.h"
#include "nt/se/descriptor.h"
#include "rt/mem.h"

static uint32_t sid_bytes(const uint8_t *sid)
{
	return 8u + 4u * sid[1];
}

static uint32_t acl_bytes(const uint8_t *acl)
{
	struct se_acl head;

	memcpy(&head, acl, sizeof head);
	return head.size;
}

void sd_parts(const struct se_descriptor *d, struct sd_parts *p)
{
	const uint8_t *base = (const uint8_t *)d;

	*p = (struct sd_parts){ .control = d->control };
	p->owner = d->owner != 0 ? base + d->owner : NULL;
	p->group = d->group != 0 ? base + d->group : NULL;
	p->sacl = d->sacl != 0 && (d->control & SE_SACL_PRESENT) != 0 ? base + d->sacl : NULL;
	p->dacl = d->dacl != 0 && (d->control & SE_DACL_PRESENT) != 0 ? base + d->dacl : NULL;
}

static uint32_t part_bytes(const uint8_t *part, bool acl)
{
	return part == NULL ? 0 : (uint32_t)ALIGN_UP(acl ? acl_bytes(part) : sid_bytes(part), 4);
}

uint32_t sd_size(const struct sd_parts *p)
{
	return (uint32_t)sizeof(struct se_descriptor) + part_bytes(p->owner, false) + part_bytes(p->group, false) + part_bytes(p->sacl, true) +
		part_bytes(p->dacl, true);
}

static uint32_t put_part(uint8_t *base, uint32_t *at, const uint8_t *part, bool acl)
{
	uint32_t here = *at;

	if (part == NULL)
		return 0;
	memcpy(base + here, part, acl ? acl_bytes(part) : sid_bytes(part));
	*at += part_bytes(part, acl);
	return here;
}

void sd_build(const struct sd_parts *p, struct se_descriptor *d)
{
	uint8_t *base = (uint8_t *)d;
	uint32_t at = sizeof *d;

	memset(d, 0, sd_size(p));
	d->revision = 1;
	d->control = p->control | SE_SELF_RELATIVE;
	d->sacl = put_part(base, &at, p->sacl, true);
	d->dacl = put_part(base, &at, p->dacl, true);
	d->owner = put_part(base, &at, p->owner, false);
	d->group = put_part(base, &at, p->group, false);
}

uint32_t se_descriptor_size(const struct se_descriptor *d)
{
	struct sd_parts p;

	sd_parts(d, &p);
	return sd_size(&p);
}

/* A SID of the guest into heap memory. */
static NTSTATUS part_sid(uint64_t va, uint8_t **out)
{
	uint8_t head[8];
	NTSTATUS status = user_read(head, va, sizeof head);

	if (status != STATUS_SUCCESS)
		return status;
	if (head[0] != 1 || head[1] > 15)
		return STATUS_INVALID_SID;
	*out = heap_alloc(sid_bytes(head));
	if (*out == NULL)
		return STATUS_NO_MEMORY;
	status = user_read(*out, va, sid_bytes(head));
	memcpy(*out, head, sizeof head); /* what was checked */
	return status;
}

bool acl_valid(const uint8_t *acl, uint32_t room)
{
	struct se_acl head;
	struct se_ace ace;
	uint32_t at = sizeof head;

	if (room < sizeof head)
		return false;
	memcpy(&head, acl, sizeof head);
	if (head.size < sizeof head || head.size > room)
		return false;
	for (uint32_t i = 0; i < head.count; i++) {
		if (head.size - at < sizeof ace)
			return false;
		memcpy(&ace, acl + at, sizeof ace);
		if (ace.size < sizeof ace || ace.size > head.size - at)
			return false;
		at += ace.size;
	}
	return true;
}

static NTSTATUS part_acl(uint64_t va, uint8_t **out)
{
	struct se_acl head;
	NTSTATUS status = user_read(&head, va, sizeof head);

	if (status != STATUS_SUCCESS)
		return status;
	if (head.size < sizeof head)
		return STATUS_INVALID_ACL;
	*out = heap_alloc(head.size);
	if (*out == NULL)
		return STATUS_NO_MEMORY;
	status = user_read(*out, va, head.size);
	memcpy(*out, &head, sizeof head);
	return status != STATUS_SUCCESS || acl_valid(*out, head.size) ? status : (NTSTATUS)STATUS_INVALID_ACL;
}

uint8_t *acl_choose(const uint8_t *acl, const uint8_t *labels)
{
	const uint8_t *from[2] = { acl, labels };
	struct se_acl head, out = { .revision = 2, .size = sizeof out };
	uint8_t *made = heap_alloc_dirty((size_t)(acl == NULL ? 0 : acl_bytes(acl)) + (labels == NULL ? 0 : acl_bytes(labels)) + sizeof out);

	for (unsigned i = 0; made != NULL && i < ARRAY_LEN(from); i++) {
		struct se_ace ace;
		uint32_t at = sizeof head;

		if (from[i] == NULL)
			continue;
		memcpy(&head, from[i], sizeof head);
		out.revision = MAX(out.revision, head.revision);
		for (uint32_t k = 0; k < head.count; k++, at += ace.size) {
			memcpy(&ace, from[i] + at, sizeof ace);
			if ((ace.type == ACE_LABEL) != (i == 1))
				continue;
			memcpy(made + out.size, from[i] + at, ace.size);
			out.size = (uint16_t)(out.size + ace.size);
			out.count++;
		}
	}
	if (made != NULL)
		memcpy(made, &out, sizeof out);
	return made;
}

/* Where a descriptor of the guest has its parts. */
struct places {
	uint64_t owner, group, sacl, dacl;
	uint16_t control;
};

static NTSTATUS find_parts(uint64_t va, struct places *w)
{
	struct se_descriptor d;
	uint64_t absolute[4];
	NTSTATUS status = user_read(&d, va, sizeof d);

	if (status != STATUS_SUCCESS)
		return status;
	if (d.revision != 1)
		return STATUS_UNKNOWN_REVISION;
	if ((d.control & SE_SELF_RELATIVE) != 0) {
		*w = (struct places){ d.owner != 0 ? va + d.owner : 0, d.group != 0 ? va + d.group : 0, d.sacl != 0 ? va + d.sacl : 0,
			d.dacl != 0 ? va + d.dacl : 0, d.control };
	} else {
		status = user_read(absolute, va + 8, sizeof absolute);
		*w = (struct places){ absolute[0], absolute[1], absolute[2], absolute[3], d.control };
	}
	if ((w->control & SE_SACL_PRESENT) == 0)
		w->sacl = 0;
	if ((w->control & SE_DACL_PRESENT) == 0)
		w->dacl = 0;
	return status;
}

NTSTATUS se_descriptor_in(uint64_t va, struct se_descriptor **out, uint32_t *size)
{
	struct places w;
	uint8_t *part[4] = { NULL };
	struct sd_parts p;
	NTSTATUS status = find_parts(va, &w);

	*out = NULL;
	if (status == STATUS_SUCCESS && w.owner != 0)
		status = part_sid(w.owner, &part[0]);
	if (status == STATUS_SUCCESS && w.group != 0)
		status = part_sid(w.group, &part[1]);
	if (status == STATUS_SUCCESS && w.sacl != 0)
		status = part_acl(w.sacl, &part[2]);
	if (status == STATUS_SUCCESS && w.dacl != 0)
		status = part_acl(w.dacl, &part[3]);
	if (status == STATUS_SUCCESS) {
		p = (struct sd_parts){ part[0], part[1], part[2], part[3], w.control };
		*size = sd_size(&p);
		*out = *size > SE_DESCRIPTOR_MAX ? NULL : arena_alloc(*size);
		if (*out != NULL)
			sd_build(&p, *out);
		else
			status = STATUS_NO_MEMORY;
	}
	for (unsigned i = 0; i < ARRAY_LEN(part); i++)
		heap_free(part[i]);
	return status;
}

uint32_t se_map_mask(const struct se_mapping *m, uint32_t mask)
{
	uint32_t out = mask & 0x0fffffffu;

	if ((mask & GENERIC_READ) != 0)
		out |= m->read;
	if ((mask & GENERIC_WRITE) != 0)
		out |= m->write;
	if ((mask & GENERIC_EXECUTE) != 0)
		out |= m->execute;
	if ((mask & GENERIC_ALL) != 0)
		out |= m->all;
	return out;
}

static void map_list(uint8_t *acl, const struct se_mapping *m)
{
	struct se_acl head;
	struct se_ace ace;
	uint32_t at = sizeof head;

	memcpy(&head, acl, sizeof head);
	for (uint32_t i = 0; i < head.count; i++, at += ace.size) {
		memcpy(&ace, acl + at, sizeof ace);
		ace.mask = se_map_mask(m, ace.mask);
		memcpy(acl + at, &ace, sizeof ace);
	}
}

void se_map_lists(struct se_descriptor *d, const struct se_mapping *m)
{
	struct sd_parts p;

	sd_parts(d, &p);
	if (p.dacl != NULL)
		map_list((uint8_t *)d + d->dacl, m);
	if (p.sacl != NULL)
		map_list((uint8_t *)d + d->sacl, m);
}

#define OBJECT_INHERIT_ACE    1u
#define CONTAINER_INHERIT_ACE 2u
#define INHERIT_ONLY_ACE      8u
#define READ_AND_EXECUTE      0x1200a9u /* FILE_GENERIC_READ | FILE_GENERIC_EXECUTE */

/* Who may what, in the order of the list. */
struct grant {
	const struct se_sid *sid;
	uint32_t mask;
	uint8_t flags;
};

static struct se_descriptor *of_grants(const struct se_sid *owner, const struct se_sid *group, const struct grant *grants, uint32_t n, uint32_t *size)
{
	uint8_t acl[sizeof(struct se_acl) + 4 * (sizeof(struct se_ace) + sizeof(struct se_sid))];
	struct se_acl head = { .revision = 2, .size = sizeof head, .count = (uint16_t)n };
	struct sd_parts p = { (const uint8_t *)owner, (const uint8_t *)group, NULL, acl, SE_DACL_PRESENT };
	struct se_descriptor *d;

	for (uint32_t i = 0; i < n; i++) {
		struct se_ace ace = { .flags = grants[i].flags, .size = (uint16_t)(sizeof ace + sid_size(grants[i].sid)), .mask = grants[i].mask };

		memcpy(acl + head.size, &ace, sizeof ace);
		memcpy(acl + head.size + sizeof ace, grants[i].sid, sid_size(grants[i].sid));
		head.size = (uint16_t)(head.size + ace.size);
	}
	memcpy(acl, &head, sizeof head);
	*size = sd_size(&p);
	d = heap_alloc(*size);
	if (d != NULL)
		sd_build(&p, d);
	return d;
}

struct se_descriptor *se_descriptor_usual(uint32_t all, uint32_t read, uint32_t *size)
{
	const struct grant grants[] = { { &se_users, read, 0 }, { &se_admins, all, 0 }, { &se_system, all, 0 },
		{ &se_users, GENERIC_READ, CONTAINER_INHERIT_ACE | INHERIT_ONLY_ACE } };

	return read != 0 ? of_grants(&se_admins, &se_admins, grants, 4, size) : of_grants(&se_admins, &se_group, grants + 1, 2, size);
}

/* Files are the user's, and everybody may read them; what is made in a directory gets the same. */
struct se_descriptor *se_descriptor_file(bool directory, uint32_t *size)
{
	uint8_t flags = directory ? OBJECT_INHERIT_ACE | CONTAINER_INHERIT_ACE : 0;
	const struct grant grants[] = { { &se_system, FILE_ALL_ACCESS, flags }, { &se_admins, FILE_ALL_ACCESS, flags }, { &se_user, FILE_ALL_ACCESS, flags },
		{ &se_everyone, READ_AND_EXECUTE, flags } };

	return of_grants(&se_user, &se_group, grants, ARRAY_LEN(grants), size);
}
