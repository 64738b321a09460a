/* SPDX-License-Identifier: MIT */
/*
 * nt/se/object.c - descriptors of objects.
 *
 * An object has none of its own until one is given to it: the usual one is shown instead.  Those of keys are the key's, not the
 * handle's object's (nt/cm).  Who opens a named object, a process or a thread that has one of its own is held to it;
 * those of keys and files are only kept and shown.
 */
#include "nt/cm/cm.h"
#include "nt/io/io.h"
#include "nt/ke/user.h"
#include "nt/se/descriptor.h"
#include "ntcalls.gen.h"
#include "rt/mem.h"

/* What an object has that was given none, heap memory. */
static struct se_descriptor *usual_of(struct ob_object *o, uint32_t *size)
{
	uint32_t kind = o->type == OB_FILE ? ((const struct io_file *)o)->kind : IO_NONE;

	return kind == IO_DISK || kind == IO_DIRECTORY ? se_descriptor_file(kind == IO_DIRECTORY, size) : se_descriptor_usual(ob_type_of(o)->all, size);
}

/* A copy in heap memory of what the object has. */
static NTSTATUS current(struct ob_object *o, struct se_descriptor **out)
{
	struct se_descriptor *d = heap_alloc(SE_DESCRIPTOR_MAX);
	uint32_t size = 0;

	*out = NULL;
	if (d == NULL)
		return STATUS_NO_MEMORY;
	if (o->type == OB_KEY) {
		size = cm_security(o, d);
	} else {
		lock_take(&o->lock);
		if (o->security != NULL) {
			size = se_descriptor_size(o->security);
			memcpy(d, o->security, size);
		}
		lock_drop(&o->lock);
	}
	if (size == 0) {
		heap_free(d);
		d = usual_of(o, &size);
	}
	*out = d;
	return d == NULL ? (NTSTATUS)STATUS_NO_MEMORY : STATUS_SUCCESS;
}

/* d, of arena_alloc, is the object's from now on. */
static void replace(struct ob_object *o, struct se_descriptor *d, uint32_t size)
{
	const struct ob_type *type = ob_type_of(o);
	const struct se_mapping m = { type->read, type->write, type->execute, type->all };
	void *old;

	se_map_lists(d, &m);
	if (o->type == OB_KEY) {
		cm_set_security(o, d, size);
		return;
	}
	lock_take(&o->lock);
	old = o->security;
	o->security = d;
	lock_drop(&o->lock);
	arena_free(old);
}

/* What the maker of an object left out is the usual. */
static NTSTATUS complete(struct ob_object *o, struct se_descriptor **d, uint32_t *size)
{
	struct se_descriptor *usual = usual_of(o, size), *whole;
	struct sd_parts p, u;

	if (usual == NULL) {
		arena_free(*d);
		return STATUS_NO_MEMORY;
	}
	sd_parts(*d, &p);
	sd_parts(usual, &u);
	p.owner = p.owner != NULL ? p.owner : u.owner;
	p.group = p.group != NULL ? p.group : u.group;
	if ((p.control & SE_DACL_PRESENT) == 0) {
		p.dacl = u.dacl;
		p.control |= SE_DACL_PRESENT;
	}
	*size = sd_size(&p);
	whole = arena_alloc(*size);
	if (whole != NULL)
		sd_build(&p, whole);
	heap_free(usual);
	arena_free(*d);
	*d = whole;
	return whole == NULL ? (NTSTATUS)STATUS_NO_MEMORY : STATUS_SUCCESS;
}

NTSTATUS se_assign(struct ob_object *o, uint64_t security)
{
	struct se_descriptor *d;
	uint32_t size;
	NTSTATUS status;

	if (security == 0)
		return STATUS_SUCCESS;
	status = se_descriptor_in(security, &d, &size);
	if (status == STATUS_SUCCESS)
		status = complete(o, &d, &size);
	if (status == STATUS_SUCCESS)
		replace(o, d, size);
	return status;
}

NTSTATUS se_check_open(struct ob_object *o, uint32_t *access)
{
	const struct ob_type *type = ob_type_of(o);
	const struct se_mapping m = { type->read, type->write, type->execute, type->all };
	struct se_descriptor *d;
	struct se_token *k;
	uint32_t granted, wanted = se_map_mask(&m, *access);
	NTSTATUS status;

	if (o->security == NULL)
		return STATUS_SUCCESS;
	status = current(o, &d);
	if (status != STATUS_SUCCESS)
		return status;
	k = se_effective_token(nt_current());
	status = k == NULL ? (NTSTATUS)STATUS_NO_MEMORY : se_access_check(d, k, wanted, type->all, &granted);
	if (status == STATUS_SUCCESS)
		*access = granted;
	if (k != NULL)
		ob_put(&k->ob);
	heap_free(d);
	return status;
}

static uint32_t access_to_read(uint32_t what)
{
	return ((what & (OWNER_SECURITY_INFORMATION | GROUP_SECURITY_INFORMATION | DACL_SECURITY_INFORMATION)) != 0 ? READ_CONTROL : 0) |
		((what & SACL_SECURITY_INFORMATION) != 0 ? ACCESS_SYSTEM_SECURITY : 0);
}

static uint32_t access_to_write(uint32_t what)
{
	return ((what & (OWNER_SECURITY_INFORMATION | GROUP_SECURITY_INFORMATION)) != 0 ? WRITE_OWNER : 0) |
		((what & DACL_SECURITY_INFORMATION) != 0 ? WRITE_DAC : 0) | ((what & SACL_SECURITY_INFORMATION) != 0 ? ACCESS_SYSTEM_SECURITY : 0);
}

/* Of what there is, only that: the rest is left out, or taken from `instead`. */
static void choose(struct sd_parts *p, uint32_t what, const struct sd_parts *instead)
{
	static const struct sd_parts none;
	const struct sd_parts *other = instead != NULL ? instead : &none;

	if ((what & OWNER_SECURITY_INFORMATION) == 0)
		p->owner = other->owner;
	if ((what & GROUP_SECURITY_INFORMATION) == 0)
		p->group = other->group;
	if ((what & DACL_SECURITY_INFORMATION) == 0) {
		p->dacl = other->dacl;
		p->control = (uint16_t)((p->control & ~SE_DACL_BITS) | (other->control & SE_DACL_BITS));
	}
	if ((what & (SACL_SECURITY_INFORMATION | LABEL_SECURITY_INFORMATION)) == 0) {
		p->sacl = other->sacl;
		p->control = (uint16_t)((p->control & ~SE_SACL_BITS) | (other->control & SE_SACL_BITS));
	}
}

/* The object of that handle, with a reference, and whose descriptor is its. */
static NTSTATUS secured(uint64_t handle, uint32_t access, struct ob_object **o, struct ob_object **of)
{
	NTSTATUS status = ob_by_handle(handle, OB_NONE, access, o);

	if (status != STATUS_SUCCESS)
		return status;
	*of = *o;
	if (ob_type_of(*o)->secured != NULL)
		status = ob_type_of(*o)->secured(*o, of);
	if (status != STATUS_SUCCESS)
		ob_put(*o);
	return status;
}

NTSTATUS NtQuerySecurityObject(struct nt_thread *t, uint64_t handle, uint32_t what, uint64_t descriptor, uint32_t length, uint64_t needed)
{
	struct ob_object *o, *of;
	struct se_descriptor *d = NULL, *shown = NULL;
	struct sd_parts p;
	uint32_t size = 0;
	NTSTATUS status = secured(handle, access_to_read(what), &o, &of);

	(void)t;
	if (status != STATUS_SUCCESS)
		return status;
	status = current(of, &d);
	if (status == STATUS_SUCCESS) {
		sd_parts(d, &p);
		choose(&p, what, NULL);
		size = sd_size(&p);
		shown = heap_alloc(size);
		if (shown == NULL)
			status = STATUS_NO_MEMORY;
		else
			sd_build(&p, shown);
	}
	if (status == STATUS_SUCCESS)
		status = user_put32(needed, size);
	if (status == STATUS_SUCCESS)
		status = length < size ? (NTSTATUS)STATUS_BUFFER_TOO_SMALL : user_write(descriptor, shown, size);
	heap_free(shown);
	heap_free(d);
	ob_put(o);
	return status;
}

static NTSTATUS set(struct ob_object *o, uint32_t what, const struct se_descriptor *given)
{
	struct se_descriptor *d, *fresh;
	struct sd_parts p, old;
	NTSTATUS status = current(o, &d);

	if (status != STATUS_SUCCESS)
		return status;
	sd_parts(given, &p);
	sd_parts(d, &old);
	if ((what & OWNER_SECURITY_INFORMATION) != 0 && p.owner == NULL)
		status = STATUS_INVALID_SECURITY_DESCR;
	else if ((what & GROUP_SECURITY_INFORMATION) != 0 && p.group == NULL)
		status = STATUS_INVALID_SECURITY_DESCR;
	choose(&p, what, &old);
	fresh = status == STATUS_SUCCESS && sd_size(&p) <= SE_DESCRIPTOR_MAX ? arena_alloc(sd_size(&p)) : NULL;
	if (fresh != NULL) {
		sd_build(&p, fresh);
		replace(o, fresh, sd_size(&p));
	} else if (status == STATUS_SUCCESS) {
		status = STATUS_NO_MEMORY;
	}
	heap_free(d);
	return status;
}

NTSTATUS NtSetSecurityObject(struct nt_thread *t, uint64_t handle, uint32_t what, uint64_t descriptor)
{
	struct ob_object *o, *of;
	struct se_descriptor *d;
	uint32_t size;
	NTSTATUS status;

	(void)t;
	if (descriptor == 0)
		return STATUS_ACCESS_VIOLATION;
	status = secured(handle, access_to_write(what), &o, &of);
	if (status != STATUS_SUCCESS)
		return status;
	status = se_descriptor_in(descriptor, &d, &size);
	if (status == STATUS_SUCCESS) {
		status = set(of, what, d);
		arena_free(d);
	}
	ob_put(o);
	return status;
}
