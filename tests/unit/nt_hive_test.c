/* SPDX-License-Identifier: MIT */
/* tests/unit/nt_hive_test.c - the registry's tree, and hive files written and read again, also with every kind of damage. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "nt/cm/hive.h"
#include "nt/se/se.h"
#include "tests/unit/hive_stubs.h"
#include "tests/unit/t.h"

static struct cm_key *key(struct cm_key *parent, const char *text)
{
	WCHAR name[64];
	uint32_t n = 0;

	for (; text[n] != '\0'; n++)
		name[n] = (unsigned char)text[n];
	struct cm_key *k = cm_key_new(name, n * 2);
	if (parent != NULL)
		T_OK(cm_child_add(parent, k));
	return k;
}

static void value(struct cm_key *k, const char *text, uint32_t type, const void *data, uint32_t size)
{
	WCHAR name[64];
	uint32_t n = 0;
	struct cm_value *old;

	for (; text[n] != '\0'; n++)
		name[n] = (unsigned char)text[n];
	T_OK(cm_value_set(k, cm_value_new(name, n * 2, type, data, size), &old));
	cm_value_put(old);
}

static const struct cm_value *get(const struct cm_key *k, const char *text)
{
	WCHAR name[64];
	uint32_t n = 0;

	for (; text[n] != '\0'; n++)
		name[n] = (unsigned char)text[n];
	return cm_value_find(k, name, n * 2);
}

static void tree(void)
{
	struct cm_key *root = key(NULL, ""), *k;
	char name[16];

	T_CASE("keys in order, without regard to case");
	key(root, "b");
	key(root, "C");
	key(root, "a");
	T_OK(root->keys[0]->name[0] == 'a' && root->keys[1]->name[0] == 'b' && root->keys[2]->name[0] == 'C');
	T_OK(cm_child(root, u"B", 2) == root->keys[1] && cm_child(root, u"d", 2) == NULL);
	k = root->keys[1];
	cm_child_remove(k);
	cm_key_put(k);
	T_EQ(root->nkeys, 2);

	T_CASE("many values: found, replaced, removed, in their order");
	for (int i = 0; i < 1000; i++) {
		snprintf(name, sizeof name, "v%d", i);
		value(root, name, REG_DWORD, &i, sizeof i);
	}
	for (int i = 0; i < 1000; i++) {
		snprintf(name, sizeof name, "V%d", i);
		const struct cm_value *v = get(root, name);
		if (v == NULL || *(int *)cm_data(v) != i)
			T_EQ(i, -1);
	}
	value(root, "V7", REG_SZ, "x", 2);
	T_EQ(root->nvalues, 1000);
	cm_value_put(cm_value_remove(root, u"v8", 4));
	T_OK(get(root, "v8") == NULL && get(root, "v9") == root->values[8] && root->nvalues == 999);
	cm_key_put(root);
	T_EQ(blocks, 0);
}

/* A tree with something of everything. */
static struct cm_key *sample(int wide)
{
	struct cm_key *root = key(NULL, "Root"), *k;
	static char big[100000];
	char name[16];

	for (size_t i = 0; i < sizeof big; i++)
		big[i] = (char)(i * 7);
	value(root, "", REG_SZ, u"default", 16);
	value(root, "dword", REG_DWORD, "\1\2\3\4", 4);
	value(root, "empty", REG_BINARY, NULL, 0);
	value(root, "big", REG_BINARY, big, sizeof big);
	value(root, "edge", REG_BINARY, big, 16344);
	for (int i = 0; i < wide; i++) {
		snprintf(name, sizeof name, "k%d", i);
		k = key(root, name);
		k->modified = 1000 + i;
		value(k, "n", REG_DWORD, &i, sizeof i);
	}
	k = cm_key_new(u"\x4e2d\xd83d\xde00", 6);
	T_OK(cm_child_add(root, k));
	for (int i = 0; i < 300; i++)
		k = key(k, "deep");
	k->class = arena_alloc(6);
	memcpy(k->class, u"cls", 6);
	k->class_size = 6;
	k = key(root, "volatile");
	k->flags |= CM_VOLATILE;
	return root;
}

static bool same(const struct cm_key *a, const struct cm_key *b, bool top)
{
	uint32_t n = 0;

	if (a->nvalues != b->nvalues || (!top && (a->name_size != b->name_size || memcmp(a->name, b->name, a->name_size) != 0)) ||
		a->class_size != b->class_size || a->modified != b->modified)
		return false;
	for (uint32_t i = 0; i < a->nvalues; i++) {
		const struct cm_value *v = a->values[i], *w = b->values[i];

		if (v->type != w->type || v->size != w->size || memcmp(cm_data(v), cm_data(w), v->size) != 0 || v->hash != w->hash)
			return false;
	}
	for (uint32_t i = 0; i < a->nkeys; i++)
		if ((a->keys[i]->flags & CM_VOLATILE) == 0 && (n >= b->nkeys || !same(a->keys[i], b->keys[n++], false)))
			return false;
	return n == b->nkeys;
}

static void there_and_back(void)
{
	static const int wide[] = { 0, 3, 2500 };

	T_CASE("a hive file has what the tree has");
	for (unsigned i = 0; i < 3; i++) {
		struct cm_key *k = sample(wide[i]), *back = NULL;
		uint8_t *image;
		uint32_t size;

		T_EQ(hive_write(k, 4711, &image, &size), 0);
		T_EQ(size % 4096, 0);
		T_EQ(hive_read(image, size, &back), 0);
		T_OK(back != NULL && same(k, back, true));
		cm_key_put(k);
		cm_key_put(back);
		free(image);
		T_EQ(blocks, 0);
	}
}

static void checksum(uint8_t *image)
{
	uint32_t sum = 0, word;

	for (int i = 0; i < 127; i++) {
		memcpy(&word, image + 4 * i, 4);
		sum ^= word;
	}
	memcpy(image + 508, &sum, 4);
}

static void damage(void)
{
	struct cm_key *k = sample(20), *back;
	uint8_t *image, *copy;
	uint32_t size, good = 0, bad = 0;

	T_CASE("a damaged file is refused or gives some tree, and nothing is lost");
	T_EQ(hive_write(k, 4711, &image, &size), 0);
	cm_key_put(k);
	T_EQ(hive_read(image, 4095, &back), STATUS_NOT_REGISTRY_FILE);
	T_EQ(hive_read(image, size - 4096, &back), STATUS_REGISTRY_CORRUPT);
	copy = malloc(size);
	for (uint32_t i = 0; i < 40000; i++) {
		memcpy(copy, image, size);
		for (int n = rand() % 4; n >= 0; n--)
			copy[(uint32_t)rand() % (rand() % 2 ? 12288 : size)] = (uint8_t)(rand() % 3 ? rand() : 0xff);
		checksum(copy);
		if (hive_read(copy, size, &back) == STATUS_SUCCESS)
			good++;
		else
			bad++;
		cm_key_put(back);
	}
	T_OK(good > 100 && bad > 100);
	T_EQ(blocks, 0);
	free(copy);
	free(image);
}

int main(void)
{
	tree();
	there_and_back();
	damage();
	return T_DONE();
}
