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
#include "rt/range.h"
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
	uint64_t synced;         /* VAD_RESERVED: section->commits when its pages were looked at last */
	uint64_t *dirty;         /* VAD_WATCH: a bit a page that was written; views: that became the process's own.  NULL: none yet */
};

#define MM_STOCK 6u /* the most runs one operation makes */

struct nt_mm {
	LOCK(NTVAD) lock;
	struct range_tree vads;  /* of struct nt_vad */
	struct nt_run *stock;    /* linked by r.left */
	uint32_t stocked, pad;
	uint64_t private_pages;  /* committed in MEM_PRIVATE */
	uint64_t watched;        /* allocations with VAD_WATCH */
	struct nt_process *process; /* [I] whose it is */
};

static inline uint64_t pages_of(uint64_t start, uint64_t end)
{
	return (end - start) >> PAGE_SHIFT;
}

/* vad.c */
struct nt_vad *nt_vad_find(struct nt_mm *mm, uint64_t addr);
/* Where something may lie that has no wish of its own; 0: no bound, 64 KB edges. */
struct nt_place {
	uint64_t low, high, align;
	bool down;
};
extern const struct nt_place nt_anywhere;
/* A range with nothing in it for a new allocation, which is made: *at 0: as where says. */
NTSTATUS nt_vad_new_locked(struct nt_mm *mm, uint64_t *at, uint64_t size, const struct nt_vad *what, const struct nt_place *where, struct nt_vad **out);
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

/* alloc.c: what nt_mm_alloc does, with all that NtAllocateVirtualMemoryEx can say. */
struct nt_alloc_wish {
	uint64_t address, size;
	uint32_t type, protect;
	struct nt_place where;
};
NTSTATUS nt_mm_alloc_wish(struct nt_mm *mm, struct nt_alloc_wish *a);
/* [start, end) of v becomes or is committed.  Undoes what it did if it fails. */
NTSTATUS nt_commit_locked(struct nt_mm *mm, struct nt_vad *v, uint64_t start, uint64_t end, uint32_t protect);
/* All of v is unmapped and v is gone; the view it had. */
struct nt_view *nt_vad_unmap_locked(struct nt_mm *mm, struct nt_vad *v);

/* view.c: pages of a view that are not committed yet (SEC_RESERVE) become so. */
NTSTATUS nt_view_commit_locked(struct nt_mm *mm, struct nt_vad *v, uint64_t start, uint64_t end, uint32_t protect);
/* Opens in v, which has VAD_RESERVED, what other views' owners have committed. */
void nt_view_sync_locked(struct nt_mm *mm, struct nt_vad *v);
/* The current process lets go of a section; no lock held.  NULL is fine. */
void nt_view_put(struct nt_view *view);
/* image.c: a view of an image. */
struct nt_view_wish;
NTSTATUS nt_mm_map_image(struct nt_mm *mm, struct nt_view_wish *w);

#define NT_COPIES(protect) (((protect) & (PAGE_WRITECOPY | PAGE_EXECUTE_WRITECOPY)) != 0)
/* copyview.c: the page at of a view, which copies, is written: it is the process's own now.  False: it cannot be. */
bool nt_copy_wrote_locked(struct nt_mm *mm, struct nt_vad *v, uint64_t at, uint32_t protect);
/* Protects pages of a view, with what is the process's own already as it then is. */
NTSTATUS nt_copy_protect_locked(struct nt_mm *mm, struct nt_vad *v, uint64_t start, uint64_t end, uint32_t protect);

/* pin.c: writes views back to their files; keeps committed pages in memory, or not any more.  Rounded ranges come back. */
NTSTATUS nt_mm_sync(struct nt_mm *mm, uint64_t *address, uint64_t *size);
NTSTATUS nt_mm_pin(struct nt_mm *mm, uint64_t *address, uint64_t *size, bool pin);

/* fault.c: the guest made guard pages of these: if they are in the current thread's stack, that ends above them. */
void nt_stack_guarded(uint64_t address, uint64_t size);
/* watch.c: the page at, watched and committed, is written.  False: that was known already. */
bool nt_watch_wrote_locked(struct nt_vad *v, uint64_t at, uint32_t protect);

/* placeholder.c: the placeholder [start, start + size) becomes what; a new one where nothing is; those of a range become one. */
NTSTATUS nt_placeholder_take_locked(struct nt_mm *mm, uint64_t start, uint64_t size, const struct nt_vad *what, struct nt_vad **out);
NTSTATUS nt_placeholder_put_locked(struct nt_mm *mm, uint64_t start, uint64_t size);
NTSTATUS nt_placeholder_join_locked(struct nt_mm *mm, uint64_t start, uint64_t end);

/* protect.c */
NTSTATUS nt_check_protect(uint32_t protect, bool copies);            /* copies: views may copy what is written */
uint32_t nt_vm_prot(uint32_t protect);                               /* VM_*; guards are closed */
bool nt_protect_within(uint32_t protect, uint32_t most);             /* a view of most may have it */
/* The host's protection of [start, end), which is committed, as the books will say. */
NTSTATUS nt_open_pages_locked(struct nt_vad *v, uint64_t start, uint64_t end, uint32_t protect);

/*
 * op.c: one operation on a process's memory, which a thread of that process must do: the caller, or if the handle is
 * another process's, one of that one's.
 */
enum mm_op_kind { MM_ALLOC, MM_FREE, MM_PROTECT, MM_BASIC, MM_REGION, MM_PAGE, MM_MAP, MM_UNMAP, MM_SECTION_AT, MM_IMAGE_AT, MM_SYNC, MM_LOCK,
	MM_UNLOCK };
struct mm_op {
	uint32_t kind, type, protect, old;
	uint64_t address, size, offset;
	struct nt_place where;
	struct nt_section *section; /* MM_MAP: the caller holds it; MM_SECTION_AT: the answer, a reference */
	uint64_t answer[6];         /* MM_BASIC, MM_REGION, MM_PAGE */
	NTSTATUS status;
};
/* By handle, which must have these rights (PROCESS_*). */
NTSTATUS mm_op(uint64_t process, uint32_t access, struct mm_op *op);
/* The process behind a handle, with a reference; NULL in *p: the current one. */
NTSTATUS mm_process(uint64_t handle, uint32_t access, struct nt_process **p);
#define PROCESS_VM_OPERATION      0x0008u
#define PROCESS_VM_READ           0x0010u
#define PROCESS_VM_WRITE          0x0020u
#define PROCESS_QUERY_INFORMATION 0x0400u
#define PROCESS_QUERY_LIMITED     0x1000u
#endif
