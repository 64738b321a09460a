/* SPDX-License-Identifier: MIT */
/* nt/ob/directory.c - directories and symbolic links of the name space. */
#include "nt/ke/user.h"
#include "nt/nt.h"
#include "nt/ob/ob.h"
#include "nt/ob/ob_int.h"
#include "ntcalls.gen.h"
#include "rt/mem.h"

#define DIRECTORY_QUERY    1u
#define DIRECTORY_TRAVERSE 2u
#define DIRECTORY_CREATE   0xcu
#define SYMLINK_QUERY      1u

const struct ob_type ob_type_type = { .name = "Type", .read = READ_CONTROL, .write = READ_CONTROL, .execute = READ_CONTROL, .all = STANDARD_RIGHTS_REQUIRED | 1 };
const struct ob_type ob_type_directory = { .name = "Directory", .read = READ_CONTROL | DIRECTORY_QUERY | DIRECTORY_TRAVERSE,
	.write = READ_CONTROL | DIRECTORY_CREATE, .execute = READ_CONTROL | DIRECTORY_QUERY | DIRECTORY_TRAVERSE,
	.all = STANDARD_RIGHTS_REQUIRED | DIRECTORY_QUERY | DIRECTORY_TRAVERSE | DIRECTORY_CREATE };
const struct ob_type ob_type_symlink = { .name = "SymbolicLink", .read = READ_CONTROL | SYMLINK_QUERY, .write = READ_CONTROL, .execute = READ_CONTROL | SYMLINK_QUERY,
	.all = STANDARD_RIGHTS_REQUIRED | SYMLINK_QUERY };

NTSTATUS ob_directory_new(struct ob_directory **d)
{
	*d = ob_alloc(OB_DIRECTORY, sizeof **d);
	if (*d == NULL)
		return STATUS_INSUFFICIENT_RESOURCES;
	list_init(&(*d)->names);
	return STATUS_SUCCESS;
}

NTSTATUS ob_symlink_new(const WCHAR *target, uint32_t size, struct ob_symlink **s)
{
	*s = ob_alloc(OB_SYMLINK, sizeof **s + size);
	if (*s == NULL)
		return STATUS_INSUFFICIENT_RESOURCES;
	(*s)->size = size;
	memcpy((*s)->target, target, size);
	return STATUS_SUCCESS;
}

NTSTATUS NtCreateDirectoryObject(struct nt_thread *t, uint64_t handle, uint32_t access, uint64_t attributes)
{
	struct ob_directory *d;
	NTSTATUS status = ob_directory_new(&d);

	return status == STATUS_SUCCESS ? ob_create_handle(attributes, access, &d->ob, handle) : status;
}

NTSTATUS NtOpenDirectoryObject(struct nt_thread *t, uint64_t handle, uint32_t access, uint64_t attributes)
{
	return ob_open_handle(attributes, access, OB_DIRECTORY, handle);
}

NTSTATUS NtCreateSymbolicLinkObject(struct nt_thread *t, uint64_t handle, uint32_t access, uint64_t attributes, uint64_t target)
{
	struct UNICODE_STRING u;
	struct ob_symlink *s;
	uint32_t size;
	WCHAR *text;
	NTSTATUS status = user_read(&u, target, sizeof u);

	if (status != STATUS_SUCCESS || attributes == 0 || ob_handle_clear(handle) != STATUS_SUCCESS)
		return STATUS_ACCESS_VIOLATION;
	if (u.MaximumLength == 0)
		return STATUS_INVALID_PARAMETER;
	status = user_string(target, &text, &size);
	if (status == STATUS_SUCCESS && size == 0)
		status = STATUS_INVALID_PARAMETER;
	if (status == STATUS_SUCCESS)
		status = ob_symlink_new(text, size, &s);
	heap_free(text);
	return status == STATUS_SUCCESS ? ob_create_handle(attributes, access, &s->ob, handle) : status;
}

NTSTATUS NtOpenSymbolicLinkObject(struct nt_thread *t, uint64_t handle, uint32_t access, uint64_t attributes)
{
	return ob_open_handle(attributes, access, OB_SYMLINK, handle);
}

WCHAR *ob_link_target(const WCHAR *folder, uint32_t folder_size, const WCHAR *name, uint32_t name_size, uint32_t more, uint32_t *size)
{
	struct ob_lookup l = { .size = folder_size + name_size, .attributes = OBJ_CASE_INSENSITIVE | OBJ_OPENLINK };
	struct ob_object *o;
	WCHAR *target = NULL;

	l.name = heap_alloc(l.size + 2);
	if (l.name == NULL)
		return NULL;
	memcpy(l.name, folder, folder_size);
	memcpy((char *)l.name + folder_size, name, name_size);
	if (ob_open(&l, OB_SYMLINK, &o) == STATUS_SUCCESS) {
		const struct ob_symlink *s = (const struct ob_symlink *)o;

		*size = s->size;
		target = heap_alloc(s->size + more + 2);
		if (target != NULL)
			memcpy(target, s->target, s->size);
		ob_put(o);
	}
	heap_free(l.name);
	return target;
}

/* The target with a 0 behind it, if there is room for that. */
static NTSTATUS link_out(const struct ob_symlink *s, uint64_t target, uint64_t returned)
{
	struct UNICODE_STRING u;
	WCHAR nul = 0;
	NTSTATUS status = user_read(&u, target, sizeof u);

	if (status == STATUS_SUCCESS)
		status = user_put32(returned, s->size + sizeof nul);
	if (status != STATUS_SUCCESS)
		return status;
	if (u.MaximumLength < s->size + (returned != 0 ? sizeof nul : 0))
		return STATUS_BUFFER_TOO_SMALL;
	status = user_write(u.Buffer, s->target, s->size);
	if (status == STATUS_SUCCESS && u.MaximumLength >= s->size + sizeof nul)
		status = user_write(u.Buffer + s->size, &nul, sizeof nul);
	u.Length = (uint16_t)s->size;
	return status == STATUS_SUCCESS ? user_write(target, &u.Length, sizeof u.Length) : status;
}

NTSTATUS NtQuerySymbolicLinkObject(struct nt_thread *t, uint64_t handle, uint64_t target, uint64_t returned)
{
	struct ob_object *o;
	NTSTATUS status = ob_by_handle(handle, OB_SYMLINK, SYMLINK_QUERY, &o);

	if (status != STATUS_SUCCESS)
		return status;
	status = link_out((struct ob_symlink *)o, target, returned);
	ob_put(o);
	return status;
}

/* ---- Listing ---- */

struct directory_entry {
	struct UNICODE_STRING name, type;
};

/* A listing is put together here, with addresses as the guest will see it: entries, an empty one, then texts. */
struct listing {
	uint64_t va;
	uint32_t room, count, first; /* entries that have room; the first's index */
	uint32_t text_size;
	char *buffer;                /* NULL: only count */
	uint32_t at_entry, at_text;
	bool more, single;
};

static uint32_t entry_texts(const struct ob_name *n)
{
	return n->size + 2 + ((uint32_t)strlen(ob_type_of(n->object)->name) + 1) * 2;
}

static bool has_room(struct listing *l, const struct ob_name *n)
{
	uint32_t texts = l->text_size + entry_texts(n);

	if ((l->count + 2) * sizeof(struct directory_entry) + texts > l->room)
		return false;
	l->text_size = texts;
	l->count++;
	return true;
}

static void put_string(struct listing *l, struct UNICODE_STRING *u, uint32_t size)
{
	*u = (struct UNICODE_STRING){ (uint16_t)size, (uint16_t)(size + 2), 0, l->va + l->at_text };
	l->at_text += size + 2;
}

static void put_entry(struct listing *l, const struct ob_name *n)
{
	const char *type = ob_type_of(n->object)->name;
	struct directory_entry e;
	char *text = l->buffer + l->at_text;

	memcpy(text, n->text, n->size);
	put_string(l, &e.name, n->size);
	for (uint32_t i = 0; type[i] != 0; i++)
		l->buffer[l->at_text + i * 2] = type[i];
	put_string(l, &e.type, (uint32_t)strlen(type) * 2);
	memcpy(l->buffer + l->at_entry, &e, sizeof e);
	l->at_entry += sizeof e;
}

/* Counts what has room from l->first on, or fills it in. */
static void list_locked(struct ob_directory *d, struct listing *l, bool fill)
{
	uint32_t index = 0, filled = 0;

	LIST_FOR(n, &d->names, struct ob_name, sibling) {
		if (index++ < l->first)
			continue;
		if (fill ? filled++ == l->count : (l->single && l->count == 1) || !has_room(l, n)) {
			l->more = true;
			return;
		}
		if (fill)
			put_entry(l, n);
	}
}

static NTSTATUS list_directory(struct ob_directory *d, struct listing *l)
{
	struct ob_names *names = nt_state()->ob;

	l->buffer = heap_alloc(l->room + sizeof(struct directory_entry));
	if (l->buffer == NULL)
		return STATUS_NO_MEMORY;
	lock_take(&names->lock);
	list_locked(d, l, false);
	l->at_text = (uint32_t)((l->count + 1) * sizeof(struct directory_entry));
	list_locked(d, l, true);
	lock_drop(&names->lock);
	return STATUS_SUCCESS;
}

/* What one more entry would need. */
static uint32_t need_of_next(struct ob_directory *d, uint32_t first)
{
	struct ob_names *names = nt_state()->ob;
	uint32_t index = 0, need = 0;

	lock_take(&names->lock);
	LIST_FOR(n, &d->names, struct ob_name, sibling)
		if (index++ == first)
			need = (uint32_t)(2 * sizeof(struct directory_entry)) + entry_texts(n);
	lock_drop(&names->lock);
	return need;
}

static NTSTATUS nothing_out(struct ob_directory *d, const struct listing *l, uint64_t context_va, uint64_t returned)
{
	struct directory_entry none = { .name = { 0 } };
	NTSTATUS status = user_put32(returned, l->more && l->single ? need_of_next(d, l->first) : (uint32_t)sizeof none);

	if (status == STATUS_SUCCESS && l->more && l->single)
		return STATUS_BUFFER_TOO_SMALL;
	if (status == STATUS_SUCCESS && l->room >= sizeof none)
		status = user_write(l->va, &none, sizeof none);
	if (status == STATUS_SUCCESS && l->more)
		status = user_put32(context_va, l->first);
	if (status != STATUS_SUCCESS)
		return status;
	return l->more ? STATUS_MORE_ENTRIES : STATUS_NO_MORE_ENTRIES;
}

static NTSTATUS listing_out(struct ob_directory *d, const struct listing *l, uint64_t context_va, uint64_t returned)
{
	NTSTATUS status;

	if (l->count == 0)
		return nothing_out(d, l, context_va, returned);
	status = user_put32(returned, l->at_text);
	if (status == STATUS_SUCCESS)
		status = user_write(l->va, l->buffer, l->at_text);
	if (status == STATUS_SUCCESS)
		status = user_put32(context_va, l->first + l->count);
	return status == STATUS_SUCCESS && l->more && !l->single ? (NTSTATUS)STATUS_MORE_ENTRIES : status;
}

NTSTATUS NtQueryDirectoryObject(struct nt_thread *t, uint64_t handle, uint64_t buffer, uint32_t size, uint8_t single, uint8_t restart, uint64_t context, uint64_t returned)
{
	struct listing l = { .va = buffer, .room = MIN(size, 1u << 20), .single = single };
	struct ob_object *o;
	NTSTATUS status = ob_by_handle(handle, OB_DIRECTORY, DIRECTORY_QUERY, &o);

	if (status != STATUS_SUCCESS)
		return status;
	status = user_read(&l.first, context, sizeof l.first);
	if (restart)
		l.first = 0;
	if (status == STATUS_SUCCESS)
		status = list_directory((struct ob_directory *)o, &l);
	if (status == STATUS_SUCCESS)
		status = listing_out((struct ob_directory *)o, &l, context, returned);
	heap_free(l.buffer);
	ob_put(o);
	return status;
}
