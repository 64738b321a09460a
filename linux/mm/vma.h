/* SPDX-License-Identifier: MIT */
/*
 * linux/mm/vma.h - regions of an address space, and the tree that holds them.
 *
 * A treap keyed by address.  Each node also knows its subtree's lowest and highest
 * address and its largest hole, so that a place for a new region is found without
 * walking all of them.  The tree allocates nothing: nodes are the caller's.
 */
#ifndef LINUX_MM_VMA_H
#define LINUX_MM_VMA_H

#include "rt/base.h"

enum region_kind {
	REGION_ANON,   /* private zero pages */
	REGION_FILE,   /* object: struct file */
	REGION_SHARED, /* object: struct shared_mem, pages of arena-data */
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
	uint64_t start, end;
	uint32_t prot, flags, kind, priority;
	void *object;
	uint64_t offset;    /* of start in object, in bytes */
	uint64_t room;      /* where the stub room of its file is, 0 = none */
	uint64_t users;     /* ROOM: regions that name it; else 0 */
	const char *name;   /* PR_SET_VMA: one of mm->names, or NULL */
	struct uffd *uffd;  /* a userfaultfd, or NULL */
	uint32_t policy;    /* mbind: mode, flags and nodes as numa.c packs them, 0 = none */
	uint32_t pad;
	struct region *left, *right;
	uint64_t low, high, hole; /* of the subtree */
};

struct region_tree {
	struct region *root;
	uint32_t count;
	uint32_t seed; /* never 0 */
};

void region_tree_init(struct region_tree *t, uint32_t seed);
struct region *region_find(const struct region_tree *t, uint64_t addr);
/* First region that ends above addr; last one that begins below addr. */
struct region *region_next(const struct region_tree *t, uint64_t addr);
struct region *region_prev(const struct region_tree *t, uint64_t addr);
void region_insert(struct region_tree *t, struct region *r); /* overlaps nothing */
void region_remove(struct region_tree *t, struct region *r);
/* Changes r's edges, not its place in the order. */
void region_resize(struct region_tree *t, struct region *r, uint64_t start, uint64_t end);
/* Cuts r at addr; fresh becomes the upper part. */
void region_split(struct region_tree *t, struct region *r, uint64_t at, struct region *fresh);
/* True if [start,end) has no region. */
bool region_free_range(const struct region_tree *t, uint64_t start, uint64_t end);
/* Highest (lowest) multiple of align in [low, high - len] with len free bytes behind it; 0 = none. */
uint64_t region_hole_down(const struct region_tree *t, uint64_t low, uint64_t high, uint64_t len, uint64_t align);
uint64_t region_hole_up(const struct region_tree *t, uint64_t low, uint64_t high, uint64_t len, uint64_t align);
/* True if b may be joined to a, which ends where b begins. */
bool region_mergeable(const struct region *a, const struct region *b);
/* Order, heap and subtree values are right: for tests and debug builds. */
bool region_tree_check(const struct region_tree *t);
#endif
