/* SPDX-License-Identifier: MIT */
/* nt/ob/query.c - what can be asked of any handle, closing, duplicating. */
#include "nt/ke/user.h"
#include "nt/nt.h"
#include "nt/ob/ob.h"
#include "nt/ob/ob_int.h"
#include "nt/se/se.h"
#include "ntcalls.gen.h"
#include "rt/mem.h"

#define DUPLICATE_CLOSE_SOURCE     1u
#define DUPLICATE_SAME_ACCESS      2u
#define DUPLICATE_SAME_ATTRIBUTES  4u

enum { ObjectBasicInformation, ObjectNameInformation, ObjectTypeInformation, ObjectTypesInformation, ObjectHandleFlagInformation };

struct OBJECT_BASIC_INFORMATION {
	uint32_t Attributes, GrantedAccess, HandleCount, PointerCount, PagedPoolUsage, NonPagedPoolUsage, Reserved[3];
	uint32_t NameInformationLength, TypeInformationLength, SecurityDescriptorLength;
	int64_t CreateTime;
};
_Static_assert(sizeof(struct OBJECT_BASIC_INFORMATION) == 56, "OBJECT_BASIC_INFORMATION");

struct OBJECT_TYPE_INFORMATION {
	struct UNICODE_STRING TypeName;
	uint32_t TotalNumberOfObjects, TotalNumberOfHandles, usage[10];
	uint32_t InvalidAttributes, GenericRead, GenericWrite, GenericExecute, GenericAll, ValidAccessMask;
	uint8_t SecurityRequired, MaintainHandleCount, TypeIndex, ReservedByte;
	uint32_t PoolType, DefaultPagedPoolCharge, DefaultNonPagedPoolCharge;
};
_Static_assert(sizeof(struct OBJECT_TYPE_INFORMATION) == 104, "OBJECT_TYPE_INFORMATION");

struct OBJECT_HANDLE_FLAG_INFORMATION {
	uint8_t Inherit, ProtectFromClose;
};

NTSTATUS NtClose(struct nt_thread *t, uint64_t handle)
{
	if (UNLIKELY(handle >= UINT64_MAX - 5))
		return STATUS_SUCCESS; /* pseudo handles */
	return ob_handle_close(t->process, handle);
}

static NTSTATUS basic(const struct ob_grant *g, uint64_t va, uint32_t room, uint64_t returned)
{
	struct OBJECT_BASIC_INFORMATION b = { .Attributes = g->attributes | (g->object->flags & OB_PERMANENT ? OBJ_PERMANENT : 0), .GrantedAccess = g->access,
		.HandleCount = atomic_load(&g->object->handles), .PointerCount = atomic_load(&g->object->ref.count) };

	b.PointerCount--; /* ours */
	return user_answer(va, room, &b, sizeof b, returned);
}

static NTSTATUS name_out(struct ob_grant *g, uint64_t va, uint32_t room, uint64_t returned)
{
	struct UNICODE_STRING u = { 0 };
	uint32_t size, whole;
	WCHAR *text, nul = 0;
	NTSTATUS status = ob_name_of(g->object, &text, &size);

	if (status != STATUS_SUCCESS)
		return status;
	whole = (uint32_t)sizeof u + (size != 0 ? size + 2 : 0);
	if (size != 0)
		u = (struct UNICODE_STRING){ (uint16_t)size, (uint16_t)(size + 2), 0, va + sizeof u };
	status = user_put32(returned, whole);
	if (status == STATUS_SUCCESS && room < whole)
		status = ob_type_of(g->object)->query_name != NULL && room >= sizeof u ? STATUS_BUFFER_OVERFLOW : STATUS_INFO_LENGTH_MISMATCH;
	if (status == STATUS_SUCCESS)
		status = user_write(va, &u, sizeof u);
	if (status == STATUS_SUCCESS && size != 0)
		status = user_write(va + sizeof u, text, size);
	if (status == STATUS_SUCCESS && size != 0)
		status = user_write(va + sizeof u + size, &nul, sizeof nul);
	heap_free(text);
	return status;
}

/* Rights that may be asked for, beyond those of GENERIC_ALL. */
static uint32_t extra_access(enum ob_type_id type)
{
	return type == OB_KEY || type == OB_KEYED_EVENT || type == OB_SECTION || type == OB_TOKEN || type == OB_TYPE ? SYNCHRONIZE : 0;
}

/* A type's description with its name behind it, at `at` in buffer and, for the guest, va; returns the bytes it takes. */
static uint32_t type_put(enum ob_type_id type, char *at, uint64_t va)
{
	const struct ob_type *t = ob_types[type];
	uint32_t length = (uint32_t)strlen(t->name) * 2;
	struct OBJECT_TYPE_INFORMATION i = { .TypeName = { (uint16_t)length, (uint16_t)(length + 2), 0, va + sizeof i }, .GenericRead = t->read,
		.GenericWrite = t->write, .GenericExecute = t->execute, .GenericAll = t->all, .ValidAccessMask = t->all | extra_access(type), .TypeIndex = (uint8_t)(type + 1) };

	if (at != NULL) {
		memcpy(at, &i, sizeof i);
		for (uint32_t c = 0; t->name[c] != 0; c++)
			at[sizeof i + c * 2] = t->name[c];
	}
	return (uint32_t)sizeof i + length + 2;
}

static NTSTATUS buffer_out(char *buffer, uint64_t va, uint32_t room, uint32_t size, uint64_t returned)
{
	NTSTATUS status = user_answer(va, room, buffer, size, returned);

	heap_free(buffer);
	return status;
}

static NTSTATUS type_out(const struct ob_grant *g, uint64_t va, uint32_t room, uint64_t returned)
{
	char *buffer = heap_alloc(512);

	if (buffer == NULL)
		return STATUS_NO_MEMORY;
	return buffer_out(buffer, va, room, type_put(g->object->type, buffer, va), returned);
}

static NTSTATUS types_out(uint64_t va, uint32_t room, uint64_t returned)
{
	uint32_t size = 8, count = 0;
	char *buffer = heap_alloc(OB_TYPES * 256);

	if (buffer == NULL)
		return STATUS_NO_MEMORY;
	for (unsigned i = OB_TYPE; i < OB_TYPES; i++) {
		if (ob_types[i] == NULL)
			continue;
		size = (uint32_t)ALIGN_UP(size + type_put(i, buffer + size, va + size), 8);
		count++;
	}
	memcpy(buffer, &count, sizeof count);
	return buffer_out(buffer, va, room, size, returned);
}

NTSTATUS NtQueryObject(struct nt_thread *t, uint64_t handle, uint32_t class, uint64_t buffer, uint32_t size, uint64_t returned)
{
	struct OBJECT_HANDLE_FLAG_INFORMATION f;
	struct ob_grant g;
	NTSTATUS status;

	if (class == ObjectTypesInformation)
		return types_out(buffer, size, returned);
	if (class > ObjectHandleFlagInformation)
		return STATUS_INVALID_INFO_CLASS;
	status = ob_grant_of(t->process, handle, &g);
	if (status != STATUS_SUCCESS)
		return status;
	if (class == ObjectBasicInformation) {
		status = basic(&g, buffer, size, returned);
	} else if (class == ObjectNameInformation) {
		status = name_out(&g, buffer, size, returned);
	} else if (class == ObjectTypeInformation) {
		status = type_out(&g, buffer, size, returned);
	} else {
		f = (struct OBJECT_HANDLE_FLAG_INFORMATION){ (g.attributes & OBJ_INHERIT) != 0, g.attributes & OBJ_PROTECT_CLOSE };
		status = user_answer(buffer, size, &f, sizeof f, returned);
	}
	ob_put(g.object);
	return status;
}

NTSTATUS NtSetInformationObject(struct nt_thread *t, uint64_t handle, uint32_t class, uint64_t buffer, uint32_t size)
{
	struct OBJECT_HANDLE_FLAG_INFORMATION f;

	if (class != ObjectHandleFlagInformation)
		return STATUS_INVALID_INFO_CLASS;
	if (size < sizeof f)
		return STATUS_INVALID_BUFFER_SIZE;
	if (user_read(&f, buffer, sizeof f) != STATUS_SUCCESS)
		return STATUS_ACCESS_VIOLATION;
	return ob_handle_set_attributes(t->process, handle, (f.Inherit ? OBJ_INHERIT : 0) | (f.ProtectFromClose ? OBJ_PROTECT_CLOSE : 0));
}

NTSTATUS NtMakeTemporaryObject(struct nt_thread *t, uint64_t handle)
{
	struct ob_object *o;
	NTSTATUS status = ob_by_handle(handle, OB_NONE, 0, &o); /* Wine's kernelbase asks for no right to remove a drive's link */
	struct ob_names *names = nt_state()->ob;

	if (status != STATUS_SUCCESS)
		return status;
	lock_take(&names->lock);
	o->flags &= (uint16_t)~OB_PERMANENT;
	lock_drop(&names->lock);
	ob_put(o);
	return STATUS_SUCCESS;
}

NTSTATUS NtCompareObjects(struct nt_thread *t, uint64_t first, uint64_t second)
{
	struct ob_object *a, *b;
	NTSTATUS status = ob_by_handle(first, OB_NONE, 0, &a);

	if (status != STATUS_SUCCESS)
		return status;
	status = ob_by_handle(second, OB_NONE, 0, &b);
	if (status == STATUS_SUCCESS) {
		status = a == b ? STATUS_SUCCESS : STATUS_NOT_SAME_OBJECT;
		ob_put(b);
	}
	ob_put(a);
	return status;
}

/* ---- NtDuplicateObject ---- */

struct duplicate {
	struct nt_process *from, *to; /* to NULL: only close */
	uint64_t source, handle_va;
	uint32_t access, attributes, options;
};

static bool closes_source(const struct duplicate *d)
{
	return (d->options & DUPLICATE_CLOSE_SOURCE) && d->source < UINT64_MAX - 5;
}

static NTSTATUS duplicate_to(const struct duplicate *d, const struct ob_grant *g)
{
	uint32_t access = d->options & DUPLICATE_SAME_ACCESS ? g->access : ob_map_access(g->object->type, d->access);
	uint32_t attributes = d->options & DUPLICATE_SAME_ATTRIBUTES ? g->attributes : d->attributes;
	uint64_t handle;
	NTSTATUS status = (access & ~g->access) != 0 ? se_check_duplicate(g->object, d->to, &access) : STATUS_SUCCESS; /* more than the source may */

	if (status != STATUS_SUCCESS)
		return status;
	/* In the same table the source goes first, so the copy gets its value; it counts already, so that it is not the last one. */
	ob_get(g->object);
	ob_count(g->object);
	if (d->to == d->from && closes_source(d))
		(void)ob_handle_close(d->from, d->source);
	status = ob_handle_give(d->to, g->object, access, attributes, &handle);
	if (status != STATUS_SUCCESS || d->handle_va == 0)
		return status;
	status = user_write(d->handle_va, &handle, sizeof handle);
	if (status != STATUS_SUCCESS)
		(void)ob_handle_close(d->to, handle);
	return status;
}

static NTSTATUS duplicate(const struct duplicate *d)
{
	NTSTATUS status = STATUS_SUCCESS;
	struct ob_grant g;

	if (d->to != NULL) {
		status = ob_grant_of(d->from, d->source, &g);
		if (status == STATUS_SUCCESS) {
			status = duplicate_to(d, &g);
			ob_put(g.object);
		}
	}
	/* The source goes even if there is no room for the copy. */
	if (closes_source(d) && d->to != d->from) {
		NTSTATUS closed = ob_handle_close(d->from, d->source);

		if (d->to == NULL)
			status = closed;
	}
	return status;
}

NTSTATUS NtDuplicateObject(struct nt_thread *t, uint64_t source_process, uint64_t source, uint64_t target_process, uint64_t target, uint32_t access, uint32_t attributes, uint32_t options)
{
	struct duplicate d = { .source = source, .handle_va = target, .access = access, .attributes = attributes, .options = options };
	struct ob_object *from, *to = NULL;
	NTSTATUS status = ob_by_handle(source_process, OB_PROCESS, PROCESS_DUP_HANDLE, &from);

	if (status != STATUS_SUCCESS)
		return status;
	if (target != 0 && user_put64(target, 0) != STATUS_SUCCESS)
		status = STATUS_ACCESS_VIOLATION;
	else if (target_process != 0)
		status = ob_by_handle(target_process, OB_PROCESS, PROCESS_DUP_HANDLE, &to);
	else if (!(options & DUPLICATE_CLOSE_SOURCE))
		status = STATUS_INVALID_HANDLE;
	if (status == STATUS_SUCCESS) {
		d.from = (struct nt_process *)from;
		d.to = (struct nt_process *)to;
		status = duplicate(&d);
	}
	ob_put(to);
	ob_put(from);
	return status;
}
