/* SPDX-License-Identifier: MIT */
/*
 * nt/ob/lookup.c - following a path through the name space (names.c), and what the calls that create and open objects do.
 *
 * A path is followed from \ or a root handle: through directories; at a symbolic link it starts again with the link's
 * target and what was left; an object whose type has a parse routine (devices, files, keys) gets all that is left.
 */
#include "nt/ke/user.h"
#include "nt/nt.h"
#include "nt/ob/ob.h"
#include "nt/ob/ob_int.h"
#include "nt/rtl/upcase.h"
#include "nt/se/se.h"
#include "rt/mem.h"

#define LINKS_MAX 32u
#define PATH_MAX_BYTES 0xfffeu

/* ---- Following a path ---- */

struct walk {
	const struct ob_lookup *l;
	struct ob_object *at;     /* a reference; counted as a handle if `counted` */
	const WCHAR *rest;
	uint32_t size;            /* bytes of rest */
	WCHAR *buffer;            /* heap: what rest is in, behind a link */
	struct ob_object *insert; /* to be put where nothing is yet */
	bool counted, inserted;
	uint32_t links;
};

static void walk_leave(struct walk *w)
{
	if (w->at == NULL)
		return;
	if (w->counted)
		ob_uncount(w->at, NULL);
	ob_put(w->at);
	w->at = NULL;
	w->counted = false;
}

static void skip(struct walk *w, uint32_t bytes)
{
	w->rest += bytes / 2;
	w->size -= bytes;
}

static bool at_backslash(const struct walk *w)
{
	return w->size != 0 && w->rest[0] == '\\';
}

static uint32_t component_size(const struct walk *w)
{
	uint32_t n = 0;

	while (n < w->size && w->rest[n / 2] != '\\')
		n += 2;
	return n;
}

/* The object of that name in w->at, a directory, or, at the path's end, the one to be put there. */
static NTSTATUS find_or_insert(struct walk *w, uint32_t size, struct ob_object **found)
{
	struct ob_directory *d = (struct ob_directory *)w->at;
	bool last = size == w->size;
	NTSTATUS status = STATUS_SUCCESS;
	struct ob_name *n;

	lock_take(&ob_names()->lock);
	n = ob_name_find(d, w->rest, size, w->l->attributes & OBJ_CASE_INSENSITIVE);
	if (n != NULL) {
		*found = n->object;
	} else if (!last) {
		status = STATUS_OBJECT_PATH_NOT_FOUND;
	} else if (w->insert == NULL) {
		status = STATUS_OBJECT_NAME_NOT_FOUND;
	} else {
		*found = w->insert;
		w->inserted = true;
		status = ob_name_add(d, w->rest, size, w->insert);
	}
	if (status == STATUS_SUCCESS) {
		ob_get(*found);
		atomic_fetch_add_explicit(&(*found)->handles, 1, memory_order_relaxed);
	}
	lock_drop(&ob_names()->lock);
	return status;
}

/* One component down from a directory. */
static NTSTATUS step(struct walk *w)
{
	struct ob_object *found;
	NTSTATUS status;
	uint32_t size;

	if (at_backslash(w))
		skip(w, 2);
	size = component_size(w);
	if (size == 0)
		return STATUS_OBJECT_NAME_INVALID;
	status = find_or_insert(w, size, &found);
	if (status != STATUS_SUCCESS)
		return status;
	walk_leave(w);
	w->at = found;
	w->counted = true;
	skip(w, size);
	return STATUS_SUCCESS;
}

static void at_root(struct walk *w)
{
	walk_leave(w);
	w->at = &nt_state()->root->ob;
	ob_get(w->at);
	if (w->size == 2)
		skip(w, 2); /* \ itself */
}

/* w->at is a link: on with its target, and what was left. */
static NTSTATUS follow(struct walk *w)
{
	const struct ob_symlink *s = (struct ob_symlink *)w->at;
	uint32_t size = s->size;
	WCHAR *text;

	if (++w->links > LINKS_MAX)
		return STATUS_NAME_TOO_LONG;
	if (size != 0 && s->target[0] != '\\')
		return STATUS_OBJECT_NAME_INVALID;
	if (size != 0 && at_backslash(w) && s->target[size / 2 - 1] == '\\')
		size -= 2;
	if (size + w->size > PATH_MAX_BYTES)
		return STATUS_OBJECT_NAME_INVALID;
	text = heap_alloc(size + w->size + 2);
	if (text == NULL)
		return STATUS_NO_MEMORY;
	memcpy(text, s->target, size);
	memcpy(text + size / 2, w->rest, w->size);
	heap_free(w->buffer);
	w->buffer = text;
	w->rest = text;
	w->size += size;
	at_root(w);
	return STATUS_SUCCESS;
}

/* Whether the link at the path's end itself is meant. */
static bool is_wanted(const struct walk *w, enum ob_type_id type)
{
	return w->size == 0 && (type == OB_SYMLINK || (w->l->attributes & OBJ_OPENLINK) || w->at == w->insert);
}

static NTSTATUS walk_parse(struct walk *w)
{
	struct ob_object *found = NULL;
	NTSTATUS status;

	status = ob_type_of(w->at)->parse(w->at, w->rest, w->size, w->l, &found);
	if (!NT_SUCCESS(status))
		return status;
	walk_leave(w);
	w->at = found;
	w->counted = false;
	return status;
}

static NTSTATUS walk_on(struct walk *w, enum ob_type_id type)
{
	for (;;) {
		NTSTATUS status = STATUS_SUCCESS;

		if (ob_type_of(w->at)->parse != NULL)
			return w->at == w->insert ? (NTSTATUS)STATUS_SUCCESS : walk_parse(w);
		if (w->at->type == OB_SYMLINK) {
			if (is_wanted(w, type))
				return STATUS_SUCCESS;
			status = follow(w);
		} else if (w->size == 0) {
			return STATUS_SUCCESS;
		} else if (w->at->type == OB_DIRECTORY) {
			status = step(w);
		} else {
			return STATUS_OBJECT_TYPE_MISMATCH;
		}
		if (status != STATUS_SUCCESS)
			return status;
	}
}

/* On success w->at is what the path means, with a reference and perhaps counted. */
static NTSTATUS walk_path(struct walk *w, enum ob_type_id type)
{
	NTSTATUS status = STATUS_SUCCESS;

	w->rest = w->l->name;
	w->size = w->l->size;
	if (w->l->root != 0) {
		if (w->size != 0 && w->rest[0] == '\\')
			return STATUS_OBJECT_PATH_SYNTAX_BAD;
		status = ob_by_handle(w->l->root, OB_NONE, 0, &w->at);
		if (status == STATUS_SUCCESS && ob_type_of(w->at)->parse == NULL && w->at->type != OB_DIRECTORY &&
			(w->at->type != OB_SYMLINK || w->size != 0))
			status = STATUS_OBJECT_TYPE_MISMATCH;
	} else if (w->size == 0 || w->rest[0] != '\\') {
		return STATUS_OBJECT_PATH_SYNTAX_BAD;
	} else {
		at_root(w);
	}
	if (status == STATUS_SUCCESS)
		status = walk_on(w, type);
	heap_free(w->buffer);
	if (!NT_SUCCESS(status))
		walk_leave(w);
	return status;
}

/* ---- What others call ---- */

/* *counted: *out counts as having a handle. */
static NTSTATUS open_counted(const struct ob_lookup *l, enum ob_type_id type, struct ob_object **out, bool *counted)
{
	struct walk w = { .l = l };
	NTSTATUS status = walk_path(&w, type);

	*out = NULL;
	if (!NT_SUCCESS(status))
		return status;
	if (type != OB_NONE && w.at->type != type) {
		walk_leave(&w);
		return STATUS_OBJECT_TYPE_MISMATCH;
	}
	*out = w.at;
	*counted = w.counted;
	return status;
}

NTSTATUS ob_open(const struct ob_lookup *l, enum ob_type_id type, struct ob_object **out)
{
	bool counted;
	NTSTATUS status = open_counted(l, type, out, &counted);

	if (NT_SUCCESS(status) && counted)
		ob_uncount(*out, NULL);
	return status;
}

/* o's reference is taken over in any case. */
static NTSTATUS insert_counted(const struct ob_lookup *l, struct ob_object *o, struct ob_object **out, bool *counted)
{
	struct walk w = { .l = l, .insert = o };
	NTSTATUS status;

	*out = o;
	*counted = false;
	if (l->size == 0)
		return STATUS_SUCCESS;
	*out = NULL;
	if (l->attributes & OBJ_PERMANENT)
		o->flags |= OB_PERMANENT;
	status = walk_path(&w, o->type == OB_SYMLINK ? OB_SYMLINK : OB_NONE);
	if (NT_SUCCESS(status)) {
		if (w.inserted)
			status = STATUS_SUCCESS;
		else if (!(l->attributes & OBJ_OPENIF))
			status = STATUS_OBJECT_NAME_COLLISION;
		else
			status = w.at->type != o->type ? STATUS_OBJECT_TYPE_MISMATCH : STATUS_OBJECT_NAME_EXISTS;
	}
	ob_put(o);
	if (NT_SUCCESS(status)) {
		*out = w.at;
		*counted = w.counted;
	} else {
		walk_leave(&w);
	}
	return status;
}

NTSTATUS ob_insert(const struct ob_lookup *l, struct ob_object *o, struct ob_object **out)
{
	bool counted;
	NTSTATUS status = insert_counted(l, o, out, &counted);

	/* A new object has no handle yet and keeps its name all the same: the caller makes one. */
	if (NT_SUCCESS(status) && counted && *out != o)
		ob_uncount(*out, NULL);
	else if (NT_SUCCESS(status) && counted)
		atomic_fetch_sub_explicit(&o->handles, 1, memory_order_relaxed);
	return status;
}

/* A handle for o, and its number for the guest; takes over the reference, and the count if there is one. */
static NTSTATUS handle_out_counted(struct ob_object *o, bool counted, bool check, uint32_t access, uint32_t attributes, uint64_t handle_va)
{
	struct nt_process *p = nt_current_process();
	uint64_t handle;
	NTSTATUS status, allowed;

	allowed = check ? se_check_open(o, &access) : STATUS_SUCCESS;
	access = ob_map_access(o->type, access);
	if (!counted)
		ob_count(o);
	status = ob_handle_give(p, o, access, attributes, &handle);
	if (status != STATUS_SUCCESS)
		return status;
	status = allowed == STATUS_SUCCESS ? user_write(handle_va, &handle, sizeof handle) : allowed;
	if (status != STATUS_SUCCESS)
		(void)ob_handle_close(p, handle);
	return status;
}

NTSTATUS ob_handle_clear(uint64_t handle_va)
{
	uint64_t none = 0;

	return user_write(handle_va, &none, sizeof none);
}

NTSTATUS ob_create_handle(uint64_t oa, uint32_t access, struct ob_object *o, uint64_t handle_va)
{
	struct ob_lookup l = { .name = NULL };
	struct ob_object *out = NULL;
	bool counted = false;
	NTSTATUS status = ob_handle_clear(handle_va), handle_status;

	if (status == STATUS_SUCCESS)
		status = oa_in(&l, oa);
	if (status == STATUS_SUCCESS && l.security != 0)
		status = se_assign(o, l.security);
	if (status == STATUS_SUCCESS)
		status = insert_counted(&l, o, &out, &counted);
	else
		ob_put(o);
	oa_free(&l);
	if (!NT_SUCCESS(status))
		return status;
	handle_status = handle_out_counted(out, counted, status == STATUS_OBJECT_NAME_EXISTS, access, l.attributes, handle_va);
	return handle_status == STATUS_SUCCESS ? status : handle_status;
}

NTSTATUS ob_open_handle(uint64_t oa, uint32_t access, enum ob_type_id type, uint64_t handle_va)
{
	struct ob_lookup l = { .name = NULL };
	struct ob_object *out = NULL;
	bool counted = false;
	NTSTATUS status = ob_handle_clear(handle_va), handle_status;

	if (status == STATUS_SUCCESS)
		status = oa == 0 ? (NTSTATUS)STATUS_INVALID_PARAMETER : oa_in(&l, oa);
	l.access = access;
	if (status == STATUS_SUCCESS)
		status = open_counted(&l, type, &out, &counted);
	oa_free(&l);
	if (!NT_SUCCESS(status))
		return status;
	handle_status = handle_out_counted(out, counted, true, access, l.attributes, handle_va);
	return handle_status == STATUS_SUCCESS ? status : handle_status;
}

static NTSTATUS name_in(struct ob_lookup *l, uint64_t name_va)
{
	struct UNICODE_STRING s;

	if (name_va == 0)
		return l->root != 0 ? (NTSTATUS)STATUS_OBJECT_NAME_INVALID : STATUS_SUCCESS;
	if (user_read(&s, name_va, sizeof s) != STATUS_SUCCESS)
		return STATUS_ACCESS_VIOLATION;
	if (s.Length == 0)
		return STATUS_SUCCESS;
	if (s.Buffer % 2 != 0)
		return STATUS_DATATYPE_MISALIGNMENT;
	if (s.Length % 2 != 0 || s.Length == 0xfffe)
		return STATUS_OBJECT_NAME_INVALID;
	return s.Buffer != 0 ? user_string(name_va, &l->name, &l->size) : (NTSTATUS)STATUS_ACCESS_VIOLATION;
}

NTSTATUS oa_in(struct ob_lookup *l, uint64_t oa)
{
	struct OBJECT_ATTRIBUTES a;

	*l = (struct ob_lookup){ .name = NULL };
	if (oa == 0)
		return STATUS_SUCCESS;
	if (user_read(&a, oa, sizeof a) != STATUS_SUCCESS)
		return STATUS_ACCESS_VIOLATION;
	if (a.Length != sizeof a)
		return STATUS_INVALID_PARAMETER;
	l->root = a.RootDirectory;
	l->attributes = a.Attributes;
	l->security = a.SecurityDescriptor;
	l->qos = a.SecurityQualityOfService;
	return name_in(l, a.ObjectName);
}

void oa_free(struct ob_lookup *l)
{
	heap_free(l->name);
	l->name = NULL;
}
