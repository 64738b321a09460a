/* SPDX-License-Identifier: MIT */
/*
 * nt/cm/hive_read.c - a hive file's contents made a tree.
 *
 * Nothing in the file is believed: each offset is looked up in the bins (cell), each count is held against its cell's size, and
 * keys, values and bytes of data are counted against what a file of that size can hold, which ends loops and
 * lists that name one thing again and again.  Keys that are still to be read wait in an array.
 */
#include "nt/cm/hive.h"
#include "nt/cm/hive_format.h"
#include "rt/mem.h"

struct todo {
	struct cm_key *key;
	uint32_t cell, depth;
};
struct reader {
	const uint8_t *bins;
	uint32_t size;
	uint32_t keys_left, values_left;
	uint64_t data_left;
	struct todo *todo;
	uint32_t ntodo, room;
	NTSTATUS status; /* the first thing that went wrong */
};

static bool fail(struct reader *r, NTSTATUS status)
{
	if (r->status == STATUS_SUCCESS)
		r->status = status;
	return false;
}

/* The contents of the cell at an offset and how long they are; NULL: there is no such cell, or it is shorter than least. */
static const uint8_t *cell(struct reader *r, uint32_t offset, uint32_t least, uint32_t *size)
{
	int32_t length;

	if (offset % 8 != 0 || offset >= r->size || r->size - offset < sizeof length) {
		(void)fail(r, STATUS_REGISTRY_CORRUPT);
		return NULL;
	}
	memcpy(&length, r->bins + offset, sizeof length);
	if (length >= 0 || length == INT32_MIN || (uint32_t)-length > r->size - offset || (uint32_t)-length < 4 + least) {
		(void)fail(r, STATUS_REGISTRY_CORRUPT);
		return NULL;
	}
	*size = (uint32_t)-length - 4;
	return r->bins + offset + 4;
}

/* The same for a record with a magic of two letters. */
static const uint8_t *record(struct reader *r, uint32_t offset, const char *magic, uint32_t least, uint32_t *size)
{
	const uint8_t *p = cell(r, offset, least, size);

	if (p != NULL && memcmp(p, magic, 2) != 0) {
		(void)fail(r, STATUS_REGISTRY_CORRUPT);
		return NULL;
	}
	return p;
}

/* A name, in one byte a character or two, into room for CM_VALUE_NAME_MAX bytes; its size. */
static uint32_t name_of(WCHAR *to, uint32_t room, const uint8_t *from, uint32_t size, bool latin1)
{
	if (!latin1) {
		size = MIN(size, room) & ~1u;
		memcpy(to, from, size);
		return size;
	}
	size = MIN(size, room / (uint32_t)sizeof(WCHAR));
	for (uint32_t i = 0; i < size; i++)
		to[i] = from[i];
	return size * (uint32_t)sizeof(WCHAR);
}

/* Data of several parts. */
static bool parts_in(struct reader *r, uint32_t offset, uint8_t *to, uint32_t size)
{
	struct hive_parts head;
	uint32_t bytes, part, have;
	const uint8_t *p = record(r, offset, "db", sizeof head, &bytes), *list, *data;

	if (p == NULL)
		return false;
	memcpy(&head, p, sizeof head);
	list = cell(r, head.list, head.count * 4u, &bytes);
	for (uint32_t i = 0; list != NULL && size != 0; i++) {
		if (i >= head.count)
			return fail(r, STATUS_REGISTRY_CORRUPT);
		memcpy(&part, list + 4 * i, sizeof part);
		have = MIN(size, HIVE_PART);
		data = cell(r, part, have, &bytes);
		if (data == NULL)
			return false;
		memcpy(to, data, have);
		to += have;
		size -= have;
	}
	return list != NULL;
}

static bool data_in(struct reader *r, const struct hive_value *v, uint8_t *to, uint32_t size)
{
	uint32_t bytes;
	const uint8_t *p;

	if ((v->size & HIVE_INLINE) != 0) {
		if (size > 4)
			return fail(r, STATUS_REGISTRY_CORRUPT);
		memcpy(to, &v->data_at, size);
		return true;
	}
	if (size > HIVE_PART) {
		p = cell(r, v->data_at, 2, &bytes);
		if (p == NULL)
			return false;
		if (bytes < size) /* else it is of a version that had no parts */
			return parts_in(r, v->data_at, to, size);
	}
	p = size == 0 ? to : cell(r, v->data_at, size, &bytes);
	if (p != NULL && size != 0)
		memcpy(to, p, size);
	return p != NULL;
}

static bool value_in(struct reader *r, struct cm_key *k, uint32_t offset, WCHAR *name)
{
	struct hive_value v;
	struct cm_value *value, *old;
	uint32_t bytes, size, name_size;
	const uint8_t *p = record(r, offset, "vk", sizeof v, &bytes);

	if (p == NULL)
		return false;
	memcpy(&v, p, sizeof v);
	size = v.size & ~HIVE_INLINE;
	if (v.name_size > bytes - sizeof v || size > r->data_left || r->values_left == 0)
		return fail(r, STATUS_REGISTRY_CORRUPT);
	r->values_left--;
	r->data_left -= size;
	name_size = name_of(name, CM_VALUE_NAME_MAX, p + sizeof v, v.name_size, (v.flags & HIVE_VALUE_LATIN1) != 0);
	value = cm_value_new(name, name_size, v.type, NULL, size);
	if (value == NULL)
		return fail(r, STATUS_NO_MEMORY);
	if (!data_in(r, &v, cm_data(value), size) || !cm_value_set(k, value, &old)) {
		cm_value_put(value);
		return fail(r, STATUS_NO_MEMORY);
	}
	cm_value_put(old);
	return true;
}

static bool values_in(struct reader *r, struct cm_key *k, const struct hive_key *h, WCHAR *name)
{
	uint32_t bytes, offset;
	const uint8_t *list;

	if (h->nvalues == 0)
		return true;
	list = cell(r, h->values, 0, &bytes);
	if (list == NULL || h->nvalues > bytes / 4)
		return fail(r, STATUS_REGISTRY_CORRUPT);
	for (uint32_t i = 0; i < h->nvalues; i++) {
		memcpy(&offset, list + 4 * i, sizeof offset);
		if (!value_in(r, k, offset, name))
			return false;
	}
	return true;
}

/* Remembers a key whose record is there, for later. */
static bool push(struct reader *r, struct cm_key *k, uint32_t offset, uint32_t depth)
{
	if (r->ntodo == r->room) {
		uint32_t room = r->room == 0 ? 64 : r->room * 2;
		struct todo *more = heap_realloc(r->todo, room * sizeof *more);

		if (more == NULL)
			return fail(r, STATUS_NO_MEMORY);
		r->todo = more;
		r->room = room;
	}
	r->todo[r->ntodo++] = (struct todo){ k, offset, depth };
	return true;
}

static bool subkey_in(struct reader *r, struct cm_key *parent, uint32_t offset, uint32_t depth)
{
	struct hive_key h;
	WCHAR name[CM_NAME_MAX / sizeof(WCHAR)];
	uint32_t bytes, size;
	const uint8_t *p = record(r, offset, "nk", sizeof h, &bytes);
	struct cm_key *k;

	if (p == NULL)
		return false;
	memcpy(&h, p, sizeof h);
	if (h.name_size > bytes - sizeof h || h.name_size == 0 || depth > CM_DEPTH_MAX || r->keys_left == 0)
		return fail(r, STATUS_REGISTRY_CORRUPT);
	r->keys_left--;
	size = name_of(name, sizeof name, p + sizeof h, h.name_size, (h.flags & HIVE_KEY_LATIN1) != 0);
	if (size == 0 || cm_first(name, size) != size || cm_child(parent, name, size) != NULL)
		return fail(r, STATUS_REGISTRY_CORRUPT);
	k = cm_key_new(name, size);
	if (k == NULL || !cm_child_add(parent, k)) {
		cm_key_put(k);
		return fail(r, STATUS_NO_MEMORY);
	}
	return push(r, k, offset, depth);
}

/* A list of subkeys; "ri" is a list of such lists, one level of them. */
static bool subkeys_in(struct reader *r, struct cm_key *k, uint32_t offset, uint32_t depth, bool of_lists)
{
	struct hive_list head;
	uint32_t bytes, step, each;
	const uint8_t *p = cell(r, offset, sizeof head, &bytes);

	if (p == NULL)
		return false;
	memcpy(&head, p, sizeof head);
	bool lists = memcmp(head.magic, "ri", 2) == 0;
	step = memcmp(head.magic, "lf", 2) == 0 || memcmp(head.magic, "lh", 2) == 0 ? 8 : 4;
	if ((step == 4 && !lists && memcmp(head.magic, "li", 2) != 0) || (lists && !of_lists) || head.count > (bytes - sizeof head) / step)
		return fail(r, STATUS_REGISTRY_CORRUPT);
	for (uint32_t i = 0; i < head.count; i++) {
		memcpy(&each, p + sizeof head + i * step, sizeof each);
		if (lists ? !subkeys_in(r, k, each, depth, false) : !subkey_in(r, k, each, depth))
			return false;
	}
	return true;
}

static bool class_in(struct reader *r, struct cm_key *k, const struct hive_key *h)
{
	uint32_t bytes, size = h->class_size & ~1u;
	const uint8_t *p;

	if (size == 0 || h->class == HIVE_NONE)
		return true;
	p = cell(r, h->class, size, &bytes);
	if (p == NULL)
		return false;
	k->class = arena_alloc(size);
	if (k->class == NULL)
		return fail(r, STATUS_NO_MEMORY);
	memcpy(k->class, p, size);
	k->class_size = size;
	return true;
}

static bool key_in(struct reader *r, const struct todo *at, WCHAR *name)
{
	struct hive_key h;
	uint32_t bytes;
	const uint8_t *p = record(r, at->cell, "nk", sizeof h, &bytes);

	if (p == NULL)
		return false;
	memcpy(&h, p, sizeof h);
	at->key->modified = h.modified;
	at->key->flags |= (h.flags & HIVE_KEY_LINK) != 0 ? CM_LINK : 0;
	if (!class_in(r, at->key, &h) || !values_in(r, at->key, &h, name))
		return false;
	return h.nkeys == 0 || subkeys_in(r, at->key, h.keys, at->depth + 1, true);
}

static NTSTATUS check_head(const uint8_t *image, uint32_t size, struct hive_head *h)
{
	uint32_t sum = 0, word;

	if (size < HIVE_HEAD)
		return STATUS_NOT_REGISTRY_FILE;
	memcpy(h, image, sizeof *h);
	if (memcmp(h->magic, "regf", 4) != 0)
		return STATUS_NOT_REGISTRY_FILE;
	for (uint32_t i = 0; i < 127; i++) {
		memcpy(&word, image + 4 * i, sizeof word);
		sum ^= word;
	}
	sum = sum == 0 ? 1 : sum == UINT32_MAX ? UINT32_MAX - 1 : sum;
	if (sum != h->checksum || h->first_sequence != h->second_sequence || h->major != 1 || h->bins_size > size - HIVE_HEAD)
		return STATUS_REGISTRY_CORRUPT;
	return STATUS_SUCCESS;
}

NTSTATUS hive_read(const uint8_t *image, uint32_t size, struct cm_key **root)
{
	struct hive_head h;
	struct reader r = { .bins = image + HIVE_HEAD };
	WCHAR *name;
	NTSTATUS status = check_head(image, size, &h);

	*root = NULL;
	if (status != STATUS_SUCCESS)
		return status;
	r.size = h.bins_size;
	r.keys_left = r.size / (uint32_t)sizeof(struct hive_key);
	r.values_left = r.size / (uint32_t)sizeof(struct hive_value);
	r.data_left = (uint64_t)r.size + 4ull * r.values_left;
	name = heap_alloc(CM_VALUE_NAME_MAX + 2);
	*root = cm_key_new(u"", 0);
	if (name == NULL || *root == NULL)
		(void)fail(&r, STATUS_NO_MEMORY);
	else if (push(&r, *root, h.root, 0))
		while (r.ntodo > 0 && r.status == STATUS_SUCCESS) {
			struct todo at = r.todo[--r.ntodo];

			(void)key_in(&r, &at, name);
		}
	heap_free(name);
	heap_free(r.todo);
	if (r.status != STATUS_SUCCESS) {
		cm_key_put(*root);
		*root = NULL;
	}
	return r.status;
}
