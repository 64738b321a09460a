/* SPDX-License-Identifier: MIT */
/*
 * nt/cm/query.c - what keys tell of themselves: NtQueryKey and NtEnumerateKey.
 *
 * An answer is made whole in a buffer of the kernel's under the lock and copied out without it, as much as there is
 * room for: below the fixed part STATUS_BUFFER_TOO_SMALL, below the whole STATUS_BUFFER_OVERFLOW.
 */
#include "nt/cm/cm.h"
#include "nt/ke/user.h"
#include "ntcalls.gen.h"
#include "rt/mem.h"

enum key_class { KEY_BASIC, KEY_NODE, KEY_FULL, KEY_NAME, KEY_CACHED, KEY_FLAGS, KEY_VIRTUALIZATION, KEY_HANDLE_TAGS };

struct key_basic {
	int64_t modified;
	uint32_t title, name_size;
};
struct key_node {
	int64_t modified;
	uint32_t title, class_at, class_size, name_size;
};
struct key_full {
	int64_t modified;
	uint32_t title, class_at, class_size, keys, max_name, max_class, values, max_value_name, max_data;
};
struct key_cached {
	int64_t modified;
	uint32_t title, keys, max_name, values, max_value_name, max_data, name_size;
};

struct answer {
	uint32_t fixed, size;
	uint8_t *heap; /* NULL: in small */
	uint8_t small[CM_NAME_MAX + 128];
};

static uint8_t *answer_room(struct answer *a, uint32_t fixed, uint32_t size)
{
	a->fixed = fixed;
	a->size = size;
	a->heap = NULL;
	if (size <= sizeof a->small)
		return a->small;
	a->heap = heap_alloc_dirty(size);
	return a->heap;
}

static NTSTATUS answer_out(struct answer *a, uint64_t va, uint32_t room, uint64_t returned)
{
	NTSTATUS status = user_put32(returned, a->size);

	if (status == STATUS_SUCCESS && room < a->fixed)
		status = STATUS_BUFFER_TOO_SMALL;
	else if (status == STATUS_SUCCESS)
		status = user_write(va, a->heap != NULL ? a->heap : a->small, MIN(room, a->size));
	if (status == STATUS_SUCCESS && room < a->size)
		status = STATUS_BUFFER_OVERFLOW;
	heap_free(a->heap);
	return status;
}

struct maxima {
	uint32_t name, class, value_name, data;
};

static struct maxima maxima(const struct cm_key *k)
{
	struct maxima m = { 0 };

	for (uint32_t i = 0; i < k->nkeys; i++) {
		m.name = MAX(m.name, k->keys[i]->name_size);
		m.class = MAX(m.class, k->keys[i]->class_size);
	}
	for (uint32_t i = 0; i < k->nvalues; i++) {
		m.value_name = MAX(m.value_name, k->values[i]->name_size);
		m.data = MAX(m.data, k->values[i]->size);
	}
	return m;
}

static NTSTATUS basic(const struct cm_key *k, struct answer *a)
{
	struct key_basic b = { .modified = k->modified, .name_size = k->name_size };
	uint8_t *p = answer_room(a, sizeof b, (uint32_t)sizeof b + k->name_size);

	if (p == NULL)
		return STATUS_NO_MEMORY;
	memcpy(p, &b, sizeof b);
	memcpy(p + sizeof b, k->name, k->name_size);
	return STATUS_SUCCESS;
}

static NTSTATUS node(const struct cm_key *k, struct answer *a)
{
	uint32_t class_at = (uint32_t)ALIGN_UP(sizeof(struct key_node) + k->name_size, 4);
	struct key_node n = { .modified = k->modified, .class_at = k->class_size != 0 ? class_at : UINT32_MAX, .class_size = k->class_size,
		.name_size = k->name_size };
	uint8_t *p = answer_room(a, sizeof n, k->class_size != 0 ? class_at + k->class_size : (uint32_t)sizeof n + k->name_size);

	if (p == NULL)
		return STATUS_NO_MEMORY;
	memset(p, 0, a->size);
	memcpy(p, &n, sizeof n);
	memcpy(p + sizeof n, k->name, k->name_size);
	if (k->class_size != 0)
		memcpy(p + class_at, k->class, k->class_size);
	return STATUS_SUCCESS;
}

#define FULL_FIXED 44u /* without the padding that C gives it */
static NTSTATUS full(const struct cm_key *k, struct answer *a)
{
	struct maxima m = maxima(k);
	struct key_full f = { .modified = k->modified, .class_at = k->class_size != 0 ? FULL_FIXED : UINT32_MAX, .class_size = k->class_size,
		.keys = k->nkeys, .max_name = m.name, .max_class = m.class, .values = k->nvalues, .max_value_name = m.value_name,
		.max_data = m.data };
	uint8_t *p = answer_room(a, FULL_FIXED, FULL_FIXED + k->class_size);

	if (p == NULL)
		return STATUS_NO_MEMORY;
	memcpy(p, &f, FULL_FIXED);
	if (k->class_size != 0)
		memcpy(p + FULL_FIXED, k->class, k->class_size);
	return STATUS_SUCCESS;
}

#define CACHED_FIXED 40u /* with the name's place, which stays empty */
static NTSTATUS cached(const struct cm_key *k, struct answer *a)
{
	struct maxima m = maxima(k);
	struct key_cached c = { .modified = k->modified, .keys = k->nkeys, .max_name = m.name, .values = k->nvalues,
		.max_value_name = m.value_name, .max_data = m.data, .name_size = k->name_size };
	uint8_t *p = answer_room(a, CACHED_FIXED, CACHED_FIXED);

	memcpy(p, &c, CACHED_FIXED);
	return STATUS_SUCCESS;
}

static NTSTATUS whole_name(const struct cm_key *k, struct answer *a)
{
	uint32_t size = cm_path(k, NULL, 0);
	uint8_t *p = answer_room(a, sizeof(uint32_t), size + (uint32_t)sizeof(uint32_t));

	if (p == NULL)
		return STATUS_NO_MEMORY;
	memcpy(p, &size, sizeof size);
	(void)cm_path(k, (WCHAR *)(void *)(p + sizeof size), size);
	return STATUS_SUCCESS;
}

static NTSTATUS words(struct answer *a, uint32_t first, uint32_t second, uint32_t third, uint32_t size)
{
	uint32_t w[] = { first, second, third };

	memcpy(answer_room(a, size, size), w, size);
	return STATUS_SUCCESS;
}

static NTSTATUS describe(const struct cm_key *k, uint32_t class, struct answer *a)
{
	switch (class) {
	case KEY_BASIC: return basic(k, a);
	case KEY_NODE: return node(k, a);
	case KEY_FULL: return full(k, a);
	case KEY_NAME: return whole_name(k, a);
	case KEY_CACHED: return cached(k, a);
	case KEY_FLAGS: return words(a, 0, k->user_flags, (k->flags & CM_VOLATILE) != 0, 12);
	case KEY_VIRTUALIZATION:
	case KEY_HANDLE_TAGS: return words(a, 0, 0, 0, 4);
	default: return STATUS_INVALID_PARAMETER;
	}
}

/* The description of b's key, or of a subkey of it. */
static NTSTATUS query(struct cm_body *b, bool subkey, uint32_t index, uint32_t class, struct answer *a)
{
	struct cm_state *s = cm_state();
	struct cm_key *k = b->key;
	NTSTATUS status = STATUS_SUCCESS;

	a->heap = NULL;
	cm_lock(s);
	cm_settle(s, k);
	if ((k->flags & CM_DELETED) != 0)
		status = STATUS_KEY_DELETED;
	else if (subkey && index >= k->nkeys)
		status = STATUS_NO_MORE_ENTRIES;
	else if (subkey && (class == KEY_FULL || class == KEY_CACHED) && (k->keys[index]->flags & CM_LAZY_SEED) != 0)
		cm_seed_below(k->keys[index]);
	if (status == STATUS_SUCCESS)
		status = describe(subkey ? k->keys[index] : k, class, a);
	cm_unlock(s);
	return status;
}

static NTSTATUS query_call(uint64_t key, uint32_t access, bool subkey, uint32_t index, uint32_t class, uint64_t va, uint32_t room, uint64_t returned)
{
	struct answer a UNINIT;
	struct cm_body *b;
	NTSTATUS status = cm_by_handle(key, access, &b);

	if (status != STATUS_SUCCESS)
		return status;
	status = query(b, subkey, index, class, &a);
	ob_put(&b->ob);
	return status == STATUS_SUCCESS ? answer_out(&a, va, room, returned) : status;
}

NTSTATUS NtQueryKey(struct nt_thread *t, uint64_t key, uint32_t class, uint64_t info, uint32_t length, uint64_t returned)
{
	(void)t;
	return query_call(key, class == KEY_NAME || class == KEY_HANDLE_TAGS ? 0 : KEY_QUERY_VALUE, false, 0, class, info, length, returned);
}

NTSTATUS NtEnumerateKey(struct nt_thread *t, uint64_t key, uint32_t index, uint32_t class, uint64_t info, uint32_t length, uint64_t returned)
{
	(void)t;
	if (class == KEY_NAME || class > KEY_CACHED)
		return STATUS_INVALID_PARAMETER;
	return query_call(key, KEY_ENUMERATE_SUB_KEYS, true, index, class, info, length, returned);
}
