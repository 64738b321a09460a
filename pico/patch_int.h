/* SPDX-License-Identifier: MIT */
/* pico/patch_int.h - the records of patch.c, which patch_trace.c reads too. */
#ifndef PICO_PATCH_INT_H
#define PICO_PATCH_INT_H

#include "pico/internal.h"
#include "pico/patch_forward.h"

#define STUBS_MAX  (PICO_STUB_ROOM / STUB_SIZE)
#define STUB_PAGES (PICO_STUB_ROOM >> PAGE_SHIFT)
#define PAGES_MAX  290u
#define SEEN_MAX   96u
#define FILES_MAX  512u
#define TRAP_SLOTS 8u
#define FAULTS_MAX 16u /* of a site, until it is changed back: each costs as much as a trap */
#define WORTH_IT   4u /* traps (3 us) until a page's change (40-70 us, and pages of memory) is */

struct text_page {
	uint64_t delta; /* address of the page less room */
	uint64_t offset; /* of the page in the file */
	uint64_t data : 63;  /* page of arena-data with the changed copy */
	uint64_t prepared : 1; /* has changed CPUIDs: mapped with the text */
};
/* A `syscall` that trapped and is of no kind that can be found by its bytes alone: an instruction, then. */
struct text_seen {
	uint32_t delta; /* of the site, as a page's; 0 = free */
	uint16_t traps;
	uint8_t faults; /* threads that came to what its jump covers, and not to the jump */
	uint8_t left;   /* left as it is: no place for its stub, or too many faults */
};
struct text_file {
	struct ref ref; /* one for each range of each process, one for the table */
	uint32_t npages;
	bool looked; /* for CPUIDs */
	LOCK(TEXT) lock;
	struct list link; /* in the table; empty for files without an id */
	struct text_id id;
	uint64_t stubs;   /* first of STUB_PAGES pages of arena-data */
	uint64_t used[STUBS_MAX / 64]; /* a bit a stub */
	struct text_seen seen[SEEN_MAX];
	struct text_page page[PAGES_MAX]; /* a page may be there several times: the last is the one to use */
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
	uint64_t rooms; /* [a] where stubs were ever mapped: room_bit of each room's ends */
};
extern struct patched_text text; /* of this picoprocess */

/* The bit of text.rooms for an address: rooms are as large as what shares one. */
static inline uint64_t room_bit(uint64_t address)
{
	return 1ull << address / PICO_STUB_ROOM % 64;
}
/* False if rip is surely in no stub: without a lock, for signals. */
static inline bool patch_maybe_stub(uint64_t rip)
{
	return (__atomic_load_n(&text.rooms, __ATOMIC_RELAXED) & room_bit(rip)) != 0;
}

/* patch_file.c */
void text_table_boot(void);
/* The file with this id, made if it is new; with a reference for the caller's range. */
struct text_file *text_file_of(const struct text_id *id);
void text_file_put(struct text_file *f);
static inline bool stub_used(const struct text_file *f, uint32_t n)
{
	return (f->used[n / 64] >> n % 64 & 1) != 0;
}
static inline uint8_t *stub_bytes(const struct text_file *f, uint32_t n)
{
	return (uint8_t *)data_ptr(f->stubs) + n * STUB_SIZE;
}
/* A free stub, taken; STUBS_MAX if there is none. */
uint32_t stub_take(struct text_file *f) REQUIRES(TEXT);
/* Two that follow each other, where a stub may serve the site (forward_fits). */
uint32_t stub_take_forward(struct text_file *f, const struct cover *c, uint64_t room, uint64_t site) REQUIRES(TEXT);
/* The entry of the site, made if it is not there; NULL if there is no room for it. */
struct text_seen *text_seen(struct text_file *f, uint32_t delta) REQUIRES(TEXT);

/* patch_page.c; the file's lock is held */
/*
 * Makes a changed copy of the page and publishes it, NULL if nothing in it changes: the first one, or one
 * in which sites seen since are changed, and those that shall be left are not.  plan may be NULL.
 */
struct text_page *text_page_make(struct range *r, uint64_t address, const struct cpuid_plan *plan) REQUIRES(TEXT);
struct text_page *text_page_find(struct range *r, uint64_t address);

/* patch_where.c: the forward stub that a jmp at `at` leads to, by its bytes; 0 if it is none. */
uint64_t patch_forward_stub(uint64_t at);
/* The stub at address of r's room, with its own address; NULL if none is there. */
const uint8_t *patch_stub_at(const struct range *r, uint64_t address, uint64_t *start) REQUIRES(PATCH);

/* patch_trace.c */
bool patch_kept(uint64_t page) REQUIRES(PATCH);
void patch_forget_kept(uint64_t start, uint64_t end) REQUIRES(PATCH);
#endif
