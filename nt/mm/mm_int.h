/* SPDX-License-Identifier: MIT */
/*
 * nt/mm/mm_int.h - what the files of nt/mm share.
 *
 * An allocation (struct nt_vad) is a reserved range.  Its committed pages are runs of one protection each, in
 * a tree of its own; what has no run is reserved only.  Only runs are mapped at the host, except those of views, which are
 * mapped whole.  Functions ..._locked need NTVAD.  What may fail comes first; nodes are put in stock before that.
 */
#ifndef NT_MM_MM_INT_H
#define NT_MM_MM_INT_H

#include "nt/mm/mm.h"
#include "nt/mm/range.h"
#include "nt/os/vm.h"
#include "pico/lock.h"

struct nt_run {
	struct range r; /* first */
	uint32_t protect, pad;
};

#define VAD_PLACEHOLDER 1u  /* reserved by MEM_RESERVE_PLACEHOLDER and not replaced yet */
#define VAD_FIXED       2u  /* Bailey's own addresses */
#define VAD_WATCH       4u  /* MEM_WRITE_WATCH */
#define VAD_COPY        8u  /* a view whose written pages are the process's own */
#define VAD_RESERVED    16u /* a view of a section whose pages are committed one by one (SEC_RESERVE) */
#define VAD_NO_CHANGE   32u /* SEC_NO_CHANGE */

struct nt_vad {
	struct range r;          /* first */
	struct range_tree runs;  /* of struct nt_run */
	uint32_t type;           /* MEM_PRIVATE, MEM_MAPPED, MEM_IMAGE */
	uint32_t protect;        /* AllocationProtect */
	uint32_t flags, most;    /* most: a view's protection at mapping: none may have more */
	struct nt_view *view;    /* the section it shows; NULL: none */
	uint64_t offset;         /* of the view in it */
	uint64_t *dirty;         /* VAD_WATCH: a bit a page that was written */
};

#define MM_STOCK 6u /* the most runs one operation makes */

struct nt_mm {
	LOCK(NTVAD) lock;
	struct range_tree vads;  /* of struct nt_vad */
	struct nt_run *stock;    /* linked by r.left */
	uint32_t stocked, pad;
	uint64_t private_pages;  /* committed in MEM_PRIVATE */
	uint64_t watched;        /* allocations with VAD_WATCH */
};

static inline uint64_t pages_of(uint64_t start, uint64_t end)
{
	return (end - start) >> PAGE_SHIFT;
}

/* vad.c */
struct nt_vad *nt_vad_find(struct nt_mm *mm, uint64_t addr);
/* A range with nothing in it for a new allocation, which is made: *at 0: anywhere in [low, high). */
NTSTATUS nt_vad_new_locked(struct nt_mm *mm, uint64_t *at, uint64_t size, const struct nt_vad *what, uint64_t low, uint64_t high, bool down,
	struct nt_vad **out);
void nt_vad_remove_locked(struct nt_mm *mm, struct nt_vad *v); /* it is unmapped already; frees it, not its view */
/* v's part from at on becomes an allocation of its own; at is inside.  NULL: no memory. */
struct nt_vad *nt_vad_split_locked(struct nt_mm *mm, struct nt_vad *v, uint64_t at);
bool nt_stock_locked(struct nt_mm *mm);
/* [start, end) of v gets one run of protect; RUN_NOT_COMMITTED: none.  Takes up to 3 of the stock. */
void nt_run_set_locked(struct nt_mm *mm, struct nt_vad *v, uint64_t start, uint64_t end, uint32_t protect);
#define RUN_NOT_COMMITTED 0u
struct nt_run *nt_run_at(const struct nt_vad *v, uint64_t addr);
/* All pages of [start, end) are committed. */
bool nt_committed(const struct nt_vad *v, uint64_t start, uint64_t end);

/* alloc.c: [start, end) of v becomes or is committed.  Undoes what it did if it fails. */
NTSTATUS nt_commit_locked(struct nt_mm *mm, struct nt_vad *v, uint64_t start, uint64_t end, uint32_t protect);
/* All of v is unmapped and v is gone; the view it had. */
struct nt_view *nt_vad_unmap_locked(struct nt_mm *mm, struct nt_vad *v);

/* view.c: pages of a view that are not committed yet (SEC_RESERVE) become so. */
NTSTATUS nt_view_commit_locked(struct nt_mm *mm, struct nt_vad *v, uint64_t start, uint64_t end, uint32_t protect);
/* view.c: the current process's hold on a section; no lock held.  NULL is fine. */
void nt_view_put(struct nt_view *view);

/* protect.c */
NTSTATUS nt_check_protect(uint32_t protect, bool copies);            /* copies: views may copy what is written */
uint32_t nt_vm_prot(uint32_t protect);                               /* VM_*; guards are closed */
bool nt_protect_within(uint32_t protect, uint32_t most);             /* a view of most may have it */
/* The host's protection of [start, end), which is committed, as the books will say. */
NTSTATUS nt_open_pages_locked(struct nt_vad *v, uint64_t start, uint64_t end, uint32_t protect);

#endif
