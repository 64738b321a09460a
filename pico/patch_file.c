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

/* ---- Files ---- */

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

/* ---- Stubs ---- */

static void stub_mark(struct text_file *f, uint32_t n)
{
	f->used[n / 64] |= 1ull << n % 64;
}

uint32_t stub_take(struct text_file *f)
{
	for (uint32_t i = 0; i < ARRAY_LEN(f->used); i++) {
		if (~f->used[i] == 0)
			continue;
		i = i * 64 + (uint32_t)__builtin_ctzll(~f->used[i]);
		stub_mark(f, i);
		return i;
	}
	return STUBS_MAX;
}

/* Is anything of the page of stub n in use? */
static bool page_in_use(const struct text_file *f, uint32_t n)
{
	uint32_t words = PAGE_SIZE / STUB_SIZE / 64, at = n / 64 / words * words;

	for (uint32_t i = 0; i < words; i++)
		if (f->used[at + i] != 0)
			return true;
	return false;
}

uint32_t stub_take_forward(struct text_file *f, const struct cover *c, uint64_t room, uint64_t site)
{
	uint32_t found = STUBS_MAX;

	for (uint32_t n = 0; n < STUBS_MAX; n += 2) {
		if (stub_used(f, n) || stub_used(f, n + 1) || !forward_fits(c, site, room + n * STUB_SIZE))
			continue;
		/* Each page of stubs costs each process: one that is there already is better. */
		if (found == STUBS_MAX || page_in_use(f, n))
			found = n;
		if (page_in_use(f, n))
			break;
	}
	if (found != STUBS_MAX) {
		stub_mark(f, found);
		stub_mark(f, found + 1);
	}
	return found;
}

/* ---- Sites seen ---- */

struct text_seen *text_seen(struct text_file *f, uint32_t delta)
{
	struct text_seen *least = NULL;

	for (uint32_t i = 0; i < SEEN_MAX; i++) {
		struct text_seen *s = &f->seen[i];

		if (s->delta == delta)
			return s;
		if (s->delta == 0) {
			s->delta = delta;
			return s;
		}
		if (!s->left && (least == NULL || s->traps < least->traps))
			least = s;
	}
	if (least == NULL || least->traps >= WORTH_IT)
		return NULL;
	*least = (struct text_seen){ .delta = delta };
	return least;
}
