/* SPDX-License-Identifier: MIT */
/*
 * pico/patch_file.c - what is remembered in the arena of a file's text: its stubs and its
 * changed pages, struct text_file, for each process that maps it (patch.c).  Lock TEXT.
 */
#include "pico/patch_int.h"
#include "rt/mem.h"

static struct text_table *table(void)
{
	return (struct text_table *)(void *)arena_root()->text;
}

void text_table_boot(void)
{
	lock_init(&table()->lock, LOCK_TEXT);
	list_init(&table()->files);
}

static struct text_file *text_file_new(const struct text_id *id)
{
	struct text_file *f = arena_alloc(sizeof *f);

	if (f == NULL)
		return NULL;
	if (!data_alloc(STUB_PAGES, &f->stubs)) {
		arena_free(f);
		return NULL;
	}
	ref_init(&f->ref);
	lock_init(&f->lock, LOCK_TEXT);
	list_init(&f->link);
	f->id = *id;
	return f;
}

void text_file_put(struct text_file *f)
{
	if (!ref_put(&f->ref))
		return;
	for (uint32_t i = 0; i < f->npages; i++)
		data_free(f->page[i].data, 1);
	data_free(f->stubs, STUB_PAGES);
	arena_free(f);
}

static bool same_id(const struct text_id *a, const struct text_id *b)
{
	return a->device == b->device && a->inode == b->inode && a->generation == b->generation;
}

/* The file with this id, made if it is new; with a reference for the caller's range. */
struct text_file *text_file_of(const struct text_id *id)
{
	struct text_table *tab = table();
	struct text_file *fresh;
	bool known = id->inode != 0;

	if (known) {
		lock_take(&tab->lock);
		LIST_FOR(f, &tab->files, struct text_file, link) {
			if (same_id(&f->id, id)) {
				ref_get(&f->ref);
				lock_drop(&tab->lock);
				return f;
			}
		}
		lock_drop(&tab->lock);
	}
	fresh = text_file_new(id);
	if (fresh == NULL || !known)
		return fresh;
	/* Two processes may both have come here; the table then holds two, which costs memory only. */
	lock_take(&tab->lock);
	if (tab->count < FILES_MAX) {
		tab->count++;
		ref_get(&fresh->ref);
		list_insert(&tab->files, &fresh->link);
	}
	lock_drop(&tab->lock);
	return fresh;
}
