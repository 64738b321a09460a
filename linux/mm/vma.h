/* SPDX-License-Identifier: MIT */
/*
 * linux/mm/vma.h - regions of an address space: what an rt/range.h tree of them holds, and what is done to
 * one of them.  Holes, and the tree's own business, are rt/range.h's.
 */
#ifndef LINUX_MM_VMA_H
#define LINUX_MM_VMA_H

#include "rt/range.h"

enum region_kind {
	REGION_ANON,   /* private zero pages */
	REGION_FILE,   /* object: struct file */
	REGION_SHARED, /* object: struct shared_mem, pages of arena-data; without RF_SHARED: private ones of it, which nobody writes any more */
	REGION_ROOM    /* kept free for pico's stubs; the guest must not see it */
};

/* Flags. */
#define RF_SHARED     0x1u
#define RF_NOWRITE    0x2u    /* may never become writable: shared, file opened for reading */
#define RF_NOEXEC     0x4u
#define RF_GROWSDOWN  0x8u
#define RF_STACK      0x10u   /* the main stack */
#define RF_LOCKED     0x20u
#define RF_CHARGED    0x40u   /* counts against the sandbox's memory limit */
#define RF_NORESERVE  0x80u
#define RF_DONTFORK   0x100u
#define RF_WIPEONFORK 0x200u
#define RF_TEXT       0x400u  /* pico_text_mapped was told */
#define RF_WROTE      0x800u  /* private file region that was writable once: pages may differ */
#define RF_VDSO       0x1000u
#define RF_HUGE       0x2000u /* only shown: MADV_HUGEPAGE */
#define RF_NOHUGE     0x4000u
#define RF_DONTDUMP   0x8000u
#define RF_SEALED     0x10000u /* mseal: its range, protection and contents stay */
#define RF_ONFAULT    0x20000u /* with RF_LOCKED: locked as it is touched; only shown */
#define RF_GUARD      0x40000u /* MADV_GUARD_INSTALL: no access, whatever prot says */
#define RF_SEQUENTIAL 0x80000u /* only shown: MADV_SEQUENTIAL, MADV_RANDOM */
#define RF_RANDOM     0x100000u
#define RF_UFFD_MISSING 0x200000u /* registered with a userfaultfd: pages that are missing; written ones that it protects */
#define RF_UFFD_WP    0x400000u
#define RF_POISON     0x800000u /* with RF_GUARD: UFFDIO_POISON, touching it is SIGBUS */

#define REGION_GUARD_GAP 0x100000ull /* kept free below what grows down, as Linux does */

struct region {
	union {
		struct range range;
		struct {
			uint64_t start, end; /* range's */
		};
	};
	uint32_t prot, flags, kind;
	void *object;
	uint64_t offset;    /* of start in object, in bytes */
	uint64_t room;      /* where the stub room of its file is, 0 = none */
	uint64_t users;     /* ROOM: regions that name it; else 0 */
	const char *name;   /* PR_SET_VMA: one of mm->names, or NULL */
	struct uffd *uffd;  /* a userfaultfd, or NULL */
	uint32_t policy;    /* mbind: mode, flags and nodes as numa.c packs them, 0 = none */
};
_Static_assert(offsetof(struct region, start) == offsetof(struct range, start) && offsetof(struct region, end) == offsetof(struct range, end), "one pair of edges");

static inline struct region *region_of(struct range *n)
{
	return (struct region *)n; /* its first member; NULL stays NULL */
}

/* The one that has addr. */
static inline struct region *region_find(const struct range_tree *t, uint64_t addr)
{
	return region_of(range_find(t, addr));
}

/* First region that ends above addr; last one that begins below addr. */
static inline struct region *region_next(const struct range_tree *t, uint64_t addr)
{
	return region_of(range_next(t, addr));
}

static inline struct region *region_prev(const struct range_tree *t, uint64_t addr)
{
	return region_of(range_prev(t, addr));
}

void region_insert(struct range_tree *t, struct region *r); /* overlaps nothing */
void region_remove(struct range_tree *t, struct region *r);
/* Changes r's edges, not its place in the order; the offset follows. */
void region_resize(struct range_tree *t, struct region *r, uint64_t start, uint64_t end);
/* Cuts r at addr; fresh becomes the upper part. */
void region_split(struct range_tree *t, struct region *r, uint64_t at, struct region *fresh);
/* True if b may be joined to a, which ends where b begins. */
bool region_mergeable(const struct region *a, const struct region *b);
#endif
