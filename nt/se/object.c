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

/* A token's usual descriptor says its integrity, too. */
static struct se_descriptor *token_usual(const struct se_token *k, const struct se_descriptor *usual, uint32_t *size)
{
	static const struct se_sid label = { 1, 1, { 0, 0, 0, 0, 0, 16 }, { 0 } };
	struct {
		struct se_acl head;
		struct se_ace ace;
		uint8_t sid[12];
	} acl = { { 2, 0, sizeof acl, 1, 0 }, { ACE_LABEL, 0, sizeof acl.ace + sizeof acl.sid, 1 /* nobody below writes */ }, { 0 } };
	struct se_descriptor *d;
	struct sd_parts p;

	memcpy(acl.sid, &label, sizeof acl.sid);
	memcpy(acl.sid + 8, &k->integrity, sizeof k->integrity);
	sd_parts(usual, &p);
	p.sacl = (const uint8_t *)&acl;
	p.control |= SE_SACL_PRESENT | SE_SACL_AUTO_INHERITED;
	*size = sd_size(&p);
	d = heap_alloc(*size);
	if (d != NULL)
		sd_build(&p, d);
	return d;
}

/* What an object has that was given none, heap memory. */
static struct se_descriptor *usual_of(struct ob_object *o, uint32_t *size)
{
	uint32_t kind = o->type == OB_FILE ? ((const struct io_file *)o)->kind : IO_NONE;
	struct se_descriptor *d, *more;

	if (kind == IO_DISK || kind == IO_DIRECTORY)
		return se_descriptor_file(kind == IO_DIRECTORY, size);
	d = se_descriptor_usual(ob_type_of(o)->all, o->type == OB_KEY ? KEY_READ : 0, size);
	if (d == NULL || o->type != OB_TOKEN)
		return d;
	more = token_usual((const struct se_token *)o, d, size);
	heap_free(d);
	return more;
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

/* *access becomes what o's descriptor gives k of it.  k NULL: no memory for it. */
static NTSTATUS check_by(struct ob_object *o, struct se_token *k, uint32_t *access)
{
	const struct ob_type *type = ob_type_of(o);
	const struct se_mapping m = { type->read, type->write, type->execute, type->all };
	struct se_descriptor *d;
	uint32_t granted;
	NTSTATUS status;

	if (k == NULL)
		return STATUS_NO_MEMORY;
	if (o->security == NULL && !k->restricted && se_token_has(k, &se_admins))
		return STATUS_SUCCESS; /* the usual one gives him all */
	status = current(o, &d);
	if (status != STATUS_SUCCESS)
		return status;
	status = se_access_check(d, k, se_map_mask(&m, *access), type->all, &granted);
	if (status == STATUS_SUCCESS)
		*access = granted;
	heap_free(d);
	return status;
}

NTSTATUS se_check_open(struct ob_object *o, uint32_t *access)
{
	struct nt_thread *t = nt_current();
	struct se_token *k;
	NTSTATUS status;

	if (LIKELY(o->security == NULL && t->token == NULL && t->process->token == NULL))
		return STATUS_SUCCESS;
	k = se_effective_token(t);
	status = check_by(o, k, access);
	if (k != NULL)
		ob_put(&k->ob);
	return status;
}

NTSTATUS se_check_duplicate(struct ob_object *o, struct nt_process *to, uint32_t *access)
{
	struct se_token *k = se_thread_token(nt_current());
	NTSTATUS status = k != NULL ? check_by(o, k, access) : STATUS_SUCCESS;

	if (k != NULL)
		ob_put(&k->ob);
	if (status != STATUS_SUCCESS || (o->security == NULL && to->token == NULL))
		return status;
	k = se_process_token(to);
	status = check_by(o, k, access);
	if (k != NULL)
		ob_put(&k->ob);
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

#define SACL_LABEL (SACL_SECURITY_INFORMATION | LABEL_SECURITY_INFORMATION)

/* The list of labels is a part of the SACL, and is looked at and changed apart from the rest.  *made: heap memory that p's SACL is now. */
static NTSTATUS choose_labels(struct sd_parts *p, uint32_t what, const struct sd_parts *old, uint8_t **made)
{
	const uint8_t *rest = old == NULL ? NULL : old->sacl;

	*made = NULL;
	if ((what & SACL_LABEL) == 0 || (what & SACL_LABEL) == SACL_LABEL || (old == NULL && p->sacl == NULL))
		return STATUS_SUCCESS;
	*made = (what & LABEL_SECURITY_INFORMATION) != 0 ? acl_choose(rest, p->sacl) : acl_choose(p->sacl, rest);
	if (*made == NULL)
		return STATUS_NO_MEMORY;
	p->sacl = *made;
	p->control |= SE_SACL_PRESENT;
	return STATUS_SUCCESS;
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
	if ((what & SACL_LABEL) == 0) {
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
	uint8_t *labels = NULL;
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
		status = choose_labels(&p, what, NULL, &labels);
	}
	if (status == STATUS_SUCCESS) {
		size = sd_size(&p);
		shown = heap_alloc(size);
		if (shown == NULL)
			status = STATUS_NO_MEMORY;
		else
			sd_build(&p, shown);
	}
	if (status == STATUS_SUCCESS)
		status = needed == 0 ? (NTSTATUS)STATUS_ACCESS_VIOLATION : user_put32(needed, size);
	if (status == STATUS_SUCCESS)
		status = length < size ? (NTSTATUS)STATUS_BUFFER_TOO_SMALL : user_write(descriptor, shown, size);
	heap_free(labels);
	heap_free(shown);
	heap_free(d);
	ob_put(o);
	return status;
}

static NTSTATUS set(struct ob_object *o, uint32_t what, const struct se_descriptor *given)
{
	struct se_descriptor *d, *fresh;
	struct sd_parts p, old;
	uint8_t *labels = NULL;
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
	if (status == STATUS_SUCCESS)
		status = choose_labels(&p, what, &old, &labels);
	fresh = status == STATUS_SUCCESS && sd_size(&p) <= SE_DESCRIPTOR_MAX ? arena_alloc(sd_size(&p)) : NULL;
	if (fresh != NULL) {
		sd_build(&p, fresh);
		replace(o, fresh, sd_size(&p));
	} else if (status == STATUS_SUCCESS) {
		status = STATUS_NO_MEMORY;
	}
	heap_free(labels);
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
