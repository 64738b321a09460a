/* SPDX-License-Identifier: MIT */
/*
 * nt/cm/hive_write.c - a tree made a hive file's contents.
 *
 * Cells are put one behind the other; one that does not fit the bin begins a new one, and what is left of the old is a free cell.
 * Keys are written level by level: a key's record is made with its parent's list and filled in when its turn comes.  All by offset,
 * since the image moves as it grows.
 */
#include "nt/cm/hive.h"
#include "nt/cm/hive_format.h"
#include "nt/rtl/upcase.h"
#include "nt/se/se.h"
#include "rt/mem.h"

#define LIST_MAX 500u /* subkeys in a list; more make a list of lists */

struct writer {
	uint8_t *at; /* head and bins */
	uint32_t size, room;
	uint32_t bin, bin_end, next; /* offsets of bins: the last one's start and end, its free rest */
	uint32_t security;
	struct turn {
		struct cm_key *key;
		uint32_t cell, parent;
	} *queue;
	uint32_t nqueue, queue_room;
	int64_t now;
	NTSTATUS status;
};

static bool fail(struct writer *w, NTSTATUS status)
{
	if (w->status == STATUS_SUCCESS)
		w->status = status;
	return false;
}

static void *bytes_at(struct writer *w, uint32_t offset)
{
	return w->at + HIVE_HEAD + offset;
}

static void put_cell_size(struct writer *w, uint32_t offset, int32_t size)
{
	memcpy(bytes_at(w, offset), &size, sizeof size);
}

static void close_bin(struct writer *w)
{
	if (w->next < w->bin_end)
		put_cell_size(w, w->next, (int32_t)(w->bin_end - w->next));
}

static bool open_bin(struct writer *w, uint32_t cell)
{
	uint32_t bytes = (uint32_t)PAGE_UP(sizeof(struct hive_bin) + cell), need = HIVE_HEAD + w->bin_end + bytes;
	struct hive_bin b = { .magic = "hbin", .offset = w->bin_end, .size = bytes, .written = w->now };

	close_bin(w);
	if (need > HIVE_MAX)
		return fail(w, STATUS_INSUFFICIENT_RESOURCES);
	if (need > w->room) {
		uint32_t room = MAX(need, MIN(2 * w->room, HIVE_MAX));
		uint8_t *more = heap_realloc(w->at, room);

		if (more == NULL)
			return fail(w, STATUS_NO_MEMORY);
		w->at = more;
		w->room = room;
	}
	w->bin = w->bin_end;
	w->bin_end += bytes;
	memset(bytes_at(w, w->bin), 0, bytes);
	memcpy(bytes_at(w, w->bin), &b, sizeof b);
	w->next = w->bin + (uint32_t)sizeof b;
	return true;
}

/* A cell for size bytes: its offset, HIVE_NONE after a failure. */
static uint32_t cell(struct writer *w, uint32_t size)
{
	uint32_t whole = (uint32_t)ALIGN_UP(size + 4, 8), offset;

	if (w->status != STATUS_SUCCESS || (whole > w->bin_end - w->next && !open_bin(w, whole)))
		return HIVE_NONE;
	offset = w->next;
	w->next += whole;
	put_cell_size(w, offset, -(int32_t)whole);
	return offset;
}

static uint32_t cell_with(struct writer *w, const void *from, uint32_t size)
{
	uint32_t offset = cell(w, size);

	if (offset != HIVE_NONE)
		memcpy((uint8_t *)bytes_at(w, offset) + 4, from, size);
	return offset;
}

static bool is_latin1(const WCHAR *name, uint32_t size)
{
	for (uint32_t i = 0; i < size / sizeof(WCHAR); i++)
		if (name[i] > 0xff)
			return false;
	return true;
}

/* A name as it is stored; its bytes there. */
static uint32_t put_name(uint8_t *to, const WCHAR *name, uint32_t size)
{
	if (!is_latin1(name, size)) {
		memcpy(to, name, size);
		return size;
	}
	for (uint32_t i = 0; i < size / sizeof(WCHAR); i++)
		to[i] = (uint8_t)name[i];
	return size / (uint32_t)sizeof(WCHAR);
}

static uint32_t put_data(struct writer *w, const uint8_t *data, uint32_t size)
{
	struct hive_parts head = { .magic = "db", .count = (uint16_t)((size + HIVE_PART - 1) / HIVE_PART) };
	uint32_t list, part;

	if (size <= HIVE_PART)
		return cell_with(w, data, size);
	list = cell(w, head.count * 4u);
	for (uint32_t i = 0; i < head.count; i++) {
		part = cell_with(w, data + (size_t)i * HIVE_PART, MIN(size - i * HIVE_PART, HIVE_PART));
		if (w->status != STATUS_SUCCESS)
			return HIVE_NONE;
		memcpy((uint8_t *)bytes_at(w, list) + 4 + 4 * i, &part, sizeof part);
	}
	head.list = list;
	return cell_with(w, &head, sizeof head);
}

static uint32_t put_value(struct writer *w, const struct cm_value *v)
{
	bool latin1 = is_latin1(v->name, v->name_size);
	struct hive_value h = { .magic = "vk", .size = v->size, .type = v->type, .flags = latin1 && v->name_size != 0 ? HIVE_VALUE_LATIN1 : 0,
		.name_size = (uint16_t)(latin1 ? v->name_size / sizeof(WCHAR) : v->name_size) };
	uint32_t offset;

	if (v->size <= 4) {
		h.size |= HIVE_INLINE;
		memcpy(&h.data_at, cm_data(v), v->size);
	} else {
		h.data_at = put_data(w, cm_data(v), v->size);
	}
	offset = cell(w, (uint32_t)sizeof h + h.name_size);
	if (offset == HIVE_NONE)
		return offset;
	memcpy((uint8_t *)bytes_at(w, offset) + 4, &h, sizeof h);
	(void)put_name((uint8_t *)bytes_at(w, offset) + 4 + sizeof h, v->name, v->name_size);
	return offset;
}

static uint32_t put_values(struct writer *w, const struct cm_key *k)
{
	uint32_t list = k->nvalues == 0 ? HIVE_NONE : cell(w, 4 * k->nvalues);

	for (uint32_t i = 0; i < k->nvalues && w->status == STATUS_SUCCESS; i++) {
		uint32_t v = put_value(w, k->values[i]);

		memcpy((uint8_t *)bytes_at(w, list) + 4 + 4 * i, &v, sizeof v);
	}
	return list;
}

/* Room for a key's record, which its turn fills. */
static uint32_t queue_key(struct writer *w, struct cm_key *k, uint32_t parent)
{
	uint32_t offset = cell(w, (uint32_t)sizeof(struct hive_key) + k->name_size);

	if (w->nqueue == w->queue_room && w->status == STATUS_SUCCESS) {
		uint32_t room = w->queue_room == 0 ? 64 : 2 * w->queue_room;
		struct turn *more = heap_realloc(w->queue, room * sizeof *more);

		if (more == NULL) {
			(void)fail(w, STATUS_NO_MEMORY);
		} else {
			w->queue = more;
			w->queue_room = room;
		}
	}
	if (w->status != STATUS_SUCCESS)
		return HIVE_NONE;
	w->queue[w->nqueue++] = (struct turn){ k, offset, parent };
	return offset;
}

static uint32_t name_hash(const struct cm_key *k)
{
	uint32_t h = 0;

	for (uint32_t i = 0; i < k->name_size / sizeof(WCHAR); i++)
		h = h * 37 + rtl_upcase(k->name[i]);
	return h;
}

/* A list of up to LIST_MAX subkeys from *from on, which moves behind them; volatile ones are left out. */
static uint32_t put_list(struct writer *w, const struct cm_key *k, uint32_t self, uint32_t *from)
{
	struct hive_list head = { .magic = "lh" };
	uint32_t end = *from, offset, n = 0;

	for (; end < k->nkeys && head.count < LIST_MAX; end++)
		head.count = (uint16_t)(head.count + ((k->keys[end]->flags & CM_VOLATILE) == 0));
	offset = cell(w, (uint32_t)sizeof head + 8u * head.count);
	if (offset == HIVE_NONE)
		return offset;
	memcpy((uint8_t *)bytes_at(w, offset) + 4, &head, sizeof head);
	for (; *from < end && w->status == STATUS_SUCCESS; (*from)++) {
		uint32_t pair[2] = { 0, name_hash(k->keys[*from]) };

		if ((k->keys[*from]->flags & CM_VOLATILE) != 0)
			continue;
		pair[0] = queue_key(w, k->keys[*from], self);
		memcpy((uint8_t *)bytes_at(w, offset) + 4 + sizeof head + 8 * n++, pair, sizeof pair);
	}
	return offset;
}

static uint32_t put_keys(struct writer *w, struct cm_key *k, uint32_t self, uint32_t count)
{
	struct hive_list head = { .magic = "ri", .count = (uint16_t)((count + LIST_MAX - 1) / LIST_MAX) };
	uint32_t from = 0, offset;

	if (count == 0)
		return HIVE_NONE;
	if (head.count == 1)
		return put_list(w, k, self, &from);
	offset = cell(w, (uint32_t)sizeof head + 4u * head.count);
	if (offset == HIVE_NONE)
		return offset;
	memcpy((uint8_t *)bytes_at(w, offset) + 4, &head, sizeof head);
	for (uint32_t i = 0; i < head.count && w->status == STATUS_SUCCESS; i++) {
		uint32_t list = put_list(w, k, self, &from);

		memcpy((uint8_t *)bytes_at(w, offset) + 4 + sizeof head + 4 * i, &list, sizeof list);
	}
	return offset;
}

/* The figures of a key's record that say how large its parts are at most. */
static void put_maxima(struct hive_key *h, const struct cm_key *k)
{
	for (uint32_t i = 0; i < k->nkeys; i++) {
		if ((k->keys[i]->flags & CM_VOLATILE) != 0)
			continue;
		h->nkeys++;
		h->max_name = MAX(h->max_name, k->keys[i]->name_size);
		h->max_class = MAX(h->max_class, k->keys[i]->class_size);
	}
	for (uint32_t i = 0; i < k->nvalues; i++) {
		h->max_value_name = MAX(h->max_value_name, k->values[i]->name_size);
		h->max_data = MAX(h->max_data, k->values[i]->size);
	}
}

static void put_key(struct writer *w, const struct turn *t, bool root)
{
	struct cm_key *k = t->key;
	bool latin1 = is_latin1(k->name, k->name_size);
	struct hive_key h = { .magic = "nk", .modified = k->modified, .parent = t->parent, .volatile_keys = HIVE_NONE, .class = HIVE_NONE,
		.security = w->security, .nvalues = k->nvalues, .class_size = (uint16_t)k->class_size };

	h.flags = (uint16_t)((root ? HIVE_KEY_ROOT | HIVE_KEY_FIXED : 0) | ((k->flags & CM_LINK) != 0 ? HIVE_KEY_LINK : 0) | (latin1 ? HIVE_KEY_LATIN1 : 0));
	put_maxima(&h, k);
	if (k->class_size != 0)
		h.class = cell_with(w, k->class, k->class_size);
	h.values = put_values(w, k);
	h.keys = put_keys(w, k, t->cell, h.nkeys);
	if (w->status != STATUS_SUCCESS)
		return;
	h.name_size = (uint16_t)put_name((uint8_t *)bytes_at(w, t->cell) + 4 + sizeof h, k->name, k->name_size);
	memcpy((uint8_t *)bytes_at(w, t->cell) + 4, &h, sizeof h);
}

/* One descriptor for all keys: the usual one. */
static void put_security(struct writer *w, uint32_t keys)
{
	uint32_t size;
	struct se_descriptor *d = se_descriptor_usual(KEY_ALL_ACCESS, KEY_READ, &size);
	struct hive_security s = { .magic = "sk", .references = keys, .size = size };

	if (d == NULL) {
		(void)fail(w, STATUS_NO_MEMORY);
		return;
	}
	s.next = s.previous = w->security;
	memcpy((uint8_t *)bytes_at(w, w->security) + 4, &s, sizeof s);
	memcpy((uint8_t *)bytes_at(w, w->security) + 4 + sizeof s, d, size);
	heap_free(d);
}

static void put_head(struct writer *w, uint32_t root)
{
	struct hive_head h = { .magic = "regf", .first_sequence = 1, .second_sequence = 1, .written = w->now, .major = 1, .minor = 5, .format = 1,
		.root = root, .bins_size = w->bin_end, .cluster = 1 };
	uint32_t sum = 0, word;

	for (uint32_t i = 0; i < 127; i++) {
		memcpy(&word, (const uint8_t *)&h + 4 * i, sizeof word);
		sum ^= word;
	}
	h.checksum = sum == 0 ? 1 : sum == UINT32_MAX ? UINT32_MAX - 1 : sum;
	memset(w->at, 0, HIVE_HEAD);
	memcpy(w->at, &h, sizeof h);
}

#define SECURITY_ROOM 256u

NTSTATUS hive_write(struct cm_key *k, int64_t now, uint8_t **image, uint32_t *size)
{
	struct writer w = { .now = now, .room = 64u << 10 };
	uint32_t root = HIVE_NONE;

	w.at = heap_alloc(w.room);
	if (w.at == NULL)
		return STATUS_NO_MEMORY;
	root = queue_key(&w, k, HIVE_NONE);
	w.security = cell(&w, SECURITY_ROOM);
	for (uint32_t i = 0; i < w.nqueue && w.status == STATUS_SUCCESS; i++) {
		struct turn t = w.queue[i];

		put_key(&w, &t, i == 0);
	}
	if (w.status == STATUS_SUCCESS)
		put_security(&w, w.nqueue);
	heap_free(w.queue);
	if (w.status != STATUS_SUCCESS) {
		heap_free(w.at);
		return w.status;
	}
	close_bin(&w);
	put_head(&w, root);
	*image = w.at;
	*size = HIVE_HEAD + w.bin_end;
	return STATUS_SUCCESS;
}
