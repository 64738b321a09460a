/* SPDX-License-Identifier: MIT */
/*
 * nt/cm/tree.c - keys and values as a data structure.
 *
 * A key's name is kept a second time in upper case, right behind the first: subkeys are sorted by it, and a lookup
 * turns the name that is looked for into upper case once.  Values are few in most keys: their hashes are compared one by
 * one; from CM_INDEX_FROM on there is an index, made anew when a value goes.  Nothing here locks.
 */
#include "nt/cm/cm.h"
#include "nt/rtl/upcase.h"
#include "rt/mem.h"

#define CM_INDEX_FROM 16u

static const WCHAR *upper(const struct cm_key *k)
{
	return k->name + k->name_size / sizeof(WCHAR);
}

struct cm_key *cm_key_new(const WCHAR *name, uint32_t size)
{
	struct cm_key *k = arena_alloc(sizeof *k);

	if (k == NULL)
		return NULL;
	k->name = arena_alloc(MAX(2 * size, 2u));
	if (k->name == NULL) {
		arena_free(k);
		return NULL;
	}
	memcpy(k->name, name, size);
	k->name_size = size;
	for (uint32_t i = 0, n = size / sizeof(WCHAR); i < n; i++)
		k->name[n + i] = rtl_upcase(name[i]);
	ref_init(&k->ref);
	list_init(&k->notices);
	return k;
}

static void key_free(struct cm_key *k)
{
	for (uint32_t i = 0; i < k->nvalues; i++)
		cm_value_put(k->values[i]);
	arena_free(k->values);
	arena_free(k->index);
	arena_free(k->keys);
	arena_free(k->name);
	arena_free(k->class);
	arena_free(k->security);
	arena_free(k);
}

/* Not by recursion: the deepest key of a tree that goes is looked for again and again. */
void cm_key_put(struct cm_key *k)
{
	if (k == NULL || !ref_put(&k->ref))
		return;
	struct cm_key *top = k, *up = NULL;
	while (k != NULL) {
		if (k->nkeys != 0) {
			struct cm_key *child = k->keys[--k->nkeys];

			child->parent = NULL;
			if (!ref_put(&child->ref))
				continue; /* a handle has it still */
			child->parent = k;
			k = child;
			continue;
		}
		up = k == top ? NULL : k->parent;
		key_free(k);
		k = up;
	}
}

/* Where name is, or would have to be. */
static uint32_t place(const struct cm_key *k, const WCHAR *name, uint32_t size, bool *there)
{
	uint32_t low = 0, high = k->nkeys;

	*there = false;
	while (low < high) {
		uint32_t mid = (low + high) / 2;
		int order = rtl_compare(name, size, upper(k->keys[mid]), k->keys[mid]->name_size, false);

		if (order == 0) {
			*there = true;
			return mid;
		}
		if (order < 0)
			high = mid;
		else
			low = mid + 1;
	}
	return low;
}

struct cm_key *cm_child(const struct cm_key *k, const WCHAR *name, uint32_t size)
{
	WCHAR up[CM_NAME_MAX / sizeof(WCHAR)] UNINIT;
	bool there;

	if (size > sizeof up)
		return NULL;
	for (uint32_t i = 0; i < size / sizeof(WCHAR); i++)
		up[i] = rtl_upcase(name[i]);
	uint32_t at = place(k, up, size, &there);
	return there ? k->keys[at] : NULL;
}

uint32_t cm_child_number(const struct cm_key *child)
{
	bool there;

	return place(child->parent, upper(child), child->name_size, &there);
}

struct cm_key *cm_next(struct cm_key *k, const struct cm_key *top)
{
	if (k->nkeys != 0)
		return k->keys[0];
	for (; k != top && k->parent != NULL; k = k->parent) {
		uint32_t next = cm_child_number(k) + 1;

		if (next < k->parent->nkeys)
			return k->parent->keys[next];
	}
	return NULL;
}

/* Room for one more in an array of pointers. */
static bool grow(void ***array, uint32_t count, uint32_t *room)
{
	if (count < *room)
		return true;
	uint32_t more = *room == 0 ? 4 : *room * 2;
	void **bigger = arena_alloc(more * sizeof *bigger);
	if (bigger == NULL)
		return false;
	if (count != 0)
		memcpy(bigger, *array, count * sizeof *bigger);
	arena_free(*array);
	*array = bigger;
	*room = more;
	return true;
}

bool cm_child_add(struct cm_key *parent, struct cm_key *child)
{
	bool there;

	if (!grow((void ***)&parent->keys, parent->nkeys, &parent->keys_room))
		return false;
	uint32_t at = place(parent, upper(child), child->name_size, &there);
	memmove(&parent->keys[at + 1], &parent->keys[at], (parent->nkeys - at) * sizeof *parent->keys);
	parent->keys[at] = child;
	parent->nkeys++;
	child->parent = parent;
	return true;
}

void cm_child_remove(struct cm_key *child)
{
	struct cm_key *parent = child->parent;
	uint32_t at = cm_child_number(child);

	ASSERT(at < parent->nkeys && parent->keys[at] == child);
	parent->nkeys--;
	memmove(&parent->keys[at], &parent->keys[at + 1], (parent->nkeys - at) * sizeof *parent->keys);
	child->parent = NULL;
}

void cm_swap_contents(struct cm_key *k, struct cm_key *fresh)
{
	struct cm_key old = *k;

	k->keys = fresh->keys;
	k->nkeys = fresh->nkeys;
	k->keys_room = fresh->keys_room;
	k->values = fresh->values;
	k->nvalues = fresh->nvalues;
	k->values_room = fresh->values_room;
	k->index = fresh->index;
	k->nindex = fresh->nindex;
	k->class = fresh->class;
	k->class_size = fresh->class_size;
	fresh->keys = old.keys;
	fresh->nkeys = old.nkeys;
	fresh->keys_room = old.keys_room;
	fresh->values = old.values;
	fresh->nvalues = old.nvalues;
	fresh->values_room = old.values_room;
	fresh->index = old.index;
	fresh->nindex = old.nindex;
	fresh->class = old.class;
	fresh->class_size = old.class_size;
	for (uint32_t i = 0; i < k->nkeys; i++)
		k->keys[i]->parent = k;
	for (uint32_t i = 0; i < fresh->nkeys; i++)
		fresh->keys[i]->parent = fresh;
}

struct cm_value *cm_value_new(const WCHAR *name, uint32_t name_size, uint32_t type, const void *data, uint32_t size)
{
	uint32_t at = (uint32_t)ALIGN_UP(offsetof(struct cm_value, name) + name_size, 8);
	struct cm_value *v = arena_alloc(at + size);

	if (v == NULL)
		return NULL;
	ref_init(&v->ref);
	v->type = type;
	v->size = size;
	v->data_at = at;
	v->name_size = (uint16_t)name_size;
	if (name_size != 0)
		memcpy(v->name, name, name_size);
	v->hash = rtl_hash(name, name_size);
	if (data != NULL && size != 0)
		memcpy(cm_data(v), data, size);
	return v;
}

void cm_value_put(struct cm_value *v)
{
	if (v != NULL && ref_put(&v->ref))
		arena_free(v);
}

static bool is(const struct cm_value *v, uint32_t hash, const WCHAR *name, uint32_t size)
{
	return v->hash == hash && rtl_equal(v->name, v->name_size, name, size, true);
}

static bool find(const struct cm_key *k, const WCHAR *name, uint32_t size, uint32_t *number)
{
	uint32_t hash = rtl_hash(name, size);

	if (k->index == NULL) {
		for (uint32_t i = 0; i < k->nvalues; i++) {
			if (is(k->values[i], hash, name, size)) {
				*number = i;
				return true;
			}
		}
		return false;
	}
	for (uint32_t at = hash & (k->nindex - 1); k->index[at] != 0; at = (at + 1) & (k->nindex - 1)) {
		*number = k->index[at] - 1;
		if (is(k->values[*number], hash, name, size))
			return true;
	}
	return false;
}

struct cm_value *cm_value_find(const struct cm_key *k, const WCHAR *name, uint32_t size)
{
	uint32_t at;

	return find(k, name, size, &at) ? k->values[at] : NULL;
}

static void index_add(struct cm_key *k, uint32_t number)
{
	uint32_t at = k->values[number]->hash & (k->nindex - 1);

	while (k->index[at] != 0)
		at = (at + 1) & (k->nindex - 1);
	k->index[at] = number + 1;
}

/* Without memory for an index it goes on without one. */
static void index_make(struct cm_key *k, uint32_t slots)
{
	if (slots != k->nindex || k->index == NULL) {
		arena_free(k->index);
		k->index = arena_alloc(slots * sizeof *k->index);
		k->nindex = slots;
	} else {
		memset(k->index, 0, slots * sizeof *k->index);
	}
	for (uint32_t i = 0; k->index != NULL && i < k->nvalues; i++)
		index_add(k, i);
}

bool cm_value_set(struct cm_key *k, struct cm_value *v, struct cm_value **old)
{
	uint32_t at;

	*old = NULL;
	if (find(k, v->name, v->name_size, &at)) {
		*old = k->values[at];
		k->values[at] = v;
		return true;
	}
	if (!grow((void ***)&k->values, k->nvalues, &k->values_room))
		return false;
	k->values[k->nvalues++] = v;
	if (k->index != NULL && k->nvalues <= k->nindex / 2)
		index_add(k, k->nvalues - 1);
	else if (k->nvalues >= CM_INDEX_FROM)
		index_make(k, k->nindex == 0 ? 4 * CM_INDEX_FROM : 2 * k->nindex);
	return true;
}

struct cm_value *cm_value_remove(struct cm_key *k, const WCHAR *name, uint32_t size)
{
	uint32_t at;

	if (!find(k, name, size, &at))
		return NULL;
	struct cm_value *v = k->values[at];
	k->nvalues--;
	memmove(&k->values[at], &k->values[at + 1], (k->nvalues - at) * sizeof *k->values);
	if (k->index != NULL)
		index_make(k, k->nindex);
	return v;
}
