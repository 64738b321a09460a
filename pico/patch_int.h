/* SPDX-License-Identifier: MIT */
/* pico/patch_int.h - the records of patch.c, which patch_trace.c reads too. */
#ifndef PICO_PATCH_INT_H
#define PICO_PATCH_INT_H

#include "pico/internal.h"
#include "pico/patch_site.h"

#define STUBS_MAX  (PICO_STUB_ROOM / STUB_SIZE)
#define STUB_PAGES (PICO_STUB_ROOM >> PAGE_SHIFT)
#define PAGES_MAX  330u
#define FILES_MAX  512u
#define TRAP_SLOTS 8u
#define WORTH_IT   4u /* traps (3 us) until a page's change (40-70 us, and pages of memory) is */

struct text_page {
	uint64_t delta; /* address of the page less room */
	uint64_t offset; /* of the page in the file */
	uint64_t data : 63;  /* page of arena-data with the changed copy */
	uint64_t prepared : 1; /* has changed CPUIDs: mapped with the text */
};
struct text_file {
	struct ref ref; /* one for each range of each process, one for the table */
	uint32_t nstubs, npages;
	bool looked; /* for CPUIDs */
	LOCK(TEXT) lock;
	struct list link; /* in the table; empty for files without an id */
	struct text_id id;
	uint64_t stubs;   /* first of STUB_PAGES pages of arena-data */
	struct text_page page[PAGES_MAX];
};
/* arena_root()->text */
struct text_table {
	LOCK(TEXT) lock; /* a file's lock is not taken under it */
	struct list files;
	uint32_t count;
};
_Static_assert(sizeof(struct text_table) <= sizeof(((struct arena_root *)0)->text), "arena_root.text is too small");

struct range {
	uint64_t start, end, offset, room;
	struct text_file *file;
	bool stubs_mapped;
	uint8_t traps[TRAP_SLOTS]; /* of pages not changed yet, by page number */
};
struct patched_text {
	LOCK(PATCH) lock;
	struct range *range;
	uint32_t count, room;
	uint64_t *kept; /* pages that are left as they are: patch_trace.c */
	uint32_t kept_count, kept_room;
};
extern struct patched_text text; /* of this picoprocess */

/* patch_file.c */
void text_table_boot(void);
/* The file with this id, made if it is new; with a reference for the caller's range. */
struct text_file *text_file_of(const struct text_id *id);
void text_file_put(struct text_file *f);

/* patch_page.c; the file's lock is held */
/* Makes the changed copy of the page and publishes it, NULL if nothing in it changes.  plan may be NULL. */
struct text_page *text_page_make(struct range *r, uint64_t address, const struct cpuid_plan *plan) REQUIRES(TEXT);
struct text_page *text_page_find(struct range *r, uint64_t address);

/* patch_trace.c */
bool patch_kept(uint64_t page) REQUIRES(PATCH);
void patch_forget_kept(uint64_t start, uint64_t end) REQUIRES(PATCH);
#endif
