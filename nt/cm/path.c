/* SPDX-License-Identifier: MIT */
/*
 * nt/cm/path.c - names of keys.
 *
 * \Registry is an object of the name space; what is behind it is the registry's own.  Cases never matter, several
 * '\' are one, one at the end is none.  A key that is a symbolic link has a value SymbolicLinkValue with an
 * absolute name, which takes the place of what led to the link.
 */
#include "nt/cm/cm.h"
#include "nt/rtl/upcase.h"
#include "rt/mem.h"

#define LINKS_MAX 32u
#define BACKSLASH 0x5cu

uint32_t cm_path(const struct cm_key *k, WCHAR *to, uint32_t room)
{
	uint32_t size = 0, end;

	for (const struct cm_key *p = k; p != NULL; p = p->parent)
		size += p->name_size + (uint32_t)sizeof(WCHAR);
	end = size;
	for (const struct cm_key *p = k; p != NULL; p = p->parent) {
		end -= p->name_size;
		if (end < room)
			memcpy((char *)to + end, p->name, MIN(p->name_size, room - end));
		end -= (uint32_t)sizeof(WCHAR);
		if (end + sizeof(WCHAR) <= room)
			to[end / sizeof(WCHAR)] = BACKSLASH;
	}
	return size;
}

uint32_t cm_first(const WCHAR *name, uint32_t size)
{
	uint32_t i = 0;

	while (i < size / sizeof(WCHAR) && name[i] != BACKSLASH)
		i++;
	return i * (uint32_t)sizeof(WCHAR);
}

static void skip(struct cm_walk *w, uint32_t size)
{
	w->rest += size / sizeof(WCHAR);
	w->size -= size;
}

static void skip_slashes(struct cm_walk *w)
{
	while (w->size != 0 && w->rest[0] == BACKSLASH)
		skip(w, sizeof(WCHAR));
}

/* "\Registry" at the name's start: what is behind it. */
static bool skip_registry(struct cm_walk *w)
{
	uint32_t first;

	if (w->size == 0 || w->rest[0] != BACKSLASH)
		return false;
	first = cm_first(w->rest + 1, w->size - (uint32_t)sizeof(WCHAR));
	if (!rtl_equal_ascii(w->rest + 1, first, "REGISTRY"))
		return false;
	skip(w, first + (uint32_t)sizeof(WCHAR));
	return true;
}

/* k is a link: the walk goes on at the root, with its target's name before the rest. */
static NTSTATUS follow(struct cm_state *s, struct cm_key **k, struct cm_walk *w)
{
	static const WCHAR name[] = u"SymbolicLinkValue";
	const struct cm_value *v = cm_value_find(*k, name, sizeof name - sizeof(WCHAR));

	w->broken = true;
	if (v == NULL || v->type != REG_LINK)
		return STATUS_OBJECT_NAME_NOT_FOUND;
	if (++w->links > LINKS_MAX)
		return STATUS_NAME_TOO_LONG;
	uint32_t target = v->size & ~1u, size = target + (uint32_t)sizeof(WCHAR) + w->size;
	WCHAR *made = heap_alloc_dirty(size);
	if (made == NULL)
		return STATUS_NO_MEMORY;
	memcpy(made, cm_data(v), target);
	made[target / sizeof(WCHAR)] = BACKSLASH;
	memcpy(made + target / sizeof(WCHAR) + 1, w->rest, w->size);
	heap_free(w->made);
	w->made = made;
	w->rest = made;
	w->size = size;
	if (!skip_registry(w))
		return STATUS_OBJECT_NAME_NOT_FOUND;
	*k = s->root;
	w->broken = false;
	return STATUS_SUCCESS;
}

NTSTATUS cm_walk(struct cm_state *s, struct cm_key **k, struct cm_walk *w)
{
	for (;;) {
		skip_slashes(w);
		if (w->size == 0)
			return STATUS_SUCCESS;
		uint32_t first = cm_first(w->rest, w->size);
		if (first > CM_NAME_MAX)
			return STATUS_INVALID_PARAMETER;
		cm_settle_name(s, *k, w->rest, first);
		struct cm_key *child = cm_child(*k, w->rest, first);
		if (child == NULL)
			return STATUS_OBJECT_NAME_NOT_FOUND;
		*k = child;
		skip(w, first);
		skip_slashes(w);
		if ((child->flags & CM_LINK) == 0 || (w->open_link && w->size == 0))
			continue;
		NTSTATUS status = follow(s, k, w);
		if (status != STATUS_SUCCESS)
			return status;
	}
}

/* Files are no keys: their names are not looked up. */
static bool is_device(const struct ob_lookup *l)
{
	uint32_t first = cm_first(l->name + 1, l->size - (uint32_t)sizeof(WCHAR));

	return rtl_equal_ascii(l->name + 1, first, "Device") || rtl_equal_ascii(l->name + 1, first, "??");
}

/* A name that does not lead to the registry: what is wrong with it. */
static NTSTATUS elsewhere(const struct ob_lookup *l)
{
	struct ob_object *o;
	uint32_t chars = l->size / sizeof(WCHAR);

	if (chars > 1 && l->name[1] == BACKSLASH)
		return STATUS_OBJECT_NAME_INVALID;
	if (chars == 1 || is_device(l))
		return STATUS_OBJECT_TYPE_MISMATCH;
	NTSTATUS status = ob_open(l, OB_NONE, &o);
	if (status != STATUS_SUCCESS)
		return status;
	ob_put(o);
	return STATUS_OBJECT_TYPE_MISMATCH;
}

NTSTATUS cm_start(const struct ob_lookup *l, struct cm_key **k, struct cm_walk *w)
{
	struct cm_state *s = cm_state();
	struct cm_body *b;
	NTSTATUS status;

	if (s == NULL)
		return STATUS_NO_MEMORY;
	w->rest = l->name;
	w->size = l->size;
	if (l->root != 0) {
		status = cm_by_handle(l->root, 0, &b);
		if (status != STATUS_SUCCESS)
			return status;
		ref_get(&b->key->ref);
		*k = b->key;
		ob_put(&b->ob);
		if (l->size != 0 && l->name[0] == BACKSLASH) {
			cm_key_put(*k);
			return STATUS_OBJECT_PATH_INVALID;
		}
		return STATUS_SUCCESS;
	}
	if (l->size == 0 || l->name[0] != BACKSLASH)
		return STATUS_OBJECT_PATH_SYNTAX_BAD;
	if (!skip_registry(w))
		return elsewhere(l);
	ref_get(&s->root->ref);
	*k = s->root;
	return STATUS_SUCCESS;
}

NTSTATUS cm_read(const WCHAR *key, const WCHAR *name, uint32_t size, struct cm_value **v)
{
	struct cm_state *s = cm_state();
	struct cm_walk w = { .rest = key };
	struct cm_key *k = s != NULL ? s->root : NULL;
	NTSTATUS status;

	if (k == NULL)
		return STATUS_NO_MEMORY;
	while (key[w.size / sizeof(WCHAR)] != 0)
		w.size += (uint32_t)sizeof(WCHAR);
	cm_lock(s);
	status = cm_walk(s, &k, &w);
	*v = status == STATUS_SUCCESS ? cm_value_find(k, name, size) : NULL;
	if (*v != NULL)
		ref_get(&(*v)->ref);
	else
		status = STATUS_OBJECT_NAME_NOT_FOUND;
	cm_unlock(s);
	heap_free(w.made);
	return status;
}
