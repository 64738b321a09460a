/* SPDX-License-Identifier: MIT */
/*
 * linux/mm/mm_int.h - struct mm and what mm/'s files share.
 *
 * A function named ..._locked needs lock MM.  What a removed region refers to is
 * put only after the lock is dropped: removed regions queue on mm->dead, and
 * mm_unlock works that off.  Regions are made before anything is changed (mm_stock),
 * so that a split never fails half way.
 */
#ifndef LINUX_MM_MM_INT_H
#define LINUX_MM_MM_INT_H

#include <linux/capability.h>

#include "linux/fs/vfs.h"
#include "linux/mm/mm.h"
#include "linux/mm/vma.h"

/* Pages of arena-data that mappings and SysV segments share; in the arena. */
struct shared_mem {
	struct ref ref;
	uint32_t key;        /* SysV key, for /proc/PID/maps */
	uint64_t page, count;
	uint64_t id;         /* SysV id or mapping number: the "inode" in maps */
	void *segment;       /* SysV segment that wants to know about attaches, or NULL */
};
struct shared_mem *shared_mem_new(uint64_t pages);
void shared_mem_get(struct shared_mem *m);
void shared_mem_put(struct shared_mem *m);
/* ipc/sysv_shm.c: a region of m came or went.  gone may free the segment. */
void sysv_shm_attached(struct shared_mem *m);
void sysv_shm_detached(struct shared_mem *m);

struct mm {
	LOCK(MM) lock;
	struct range_tree tree;
	struct range *stock;        /* made in advance, linked by left */
	uint32_t stocked;
	uint32_t rooms;             /* regions that are stub rooms */
	bool sealed;                /* there are regions with RF_SEALED */
	bool no_rooms;              /* of a Windows program: its code makes no system calls but through ntdll, and what does goes on trapping */
	struct range *dead;         /* removed, objects still to put, linked by left */
	uint64_t id;                /* identity in futex keys: sandbox-wide, never used again */
	uint64_t top;               /* mmap places below this */
	uint64_t vm_pages, data_pages, stack_pages, locked_pages, charged_pages;
	uint64_t brk_start, brk;
	uint64_t stack_low;         /* the main stack is shown and counted from here on: stack.c */
	uint64_t vdso;              /* where execve put it; 0: nowhere */
	uint64_t new_flags;         /* RF_LOCKED (and RF_ONFAULT) after mlockall(MCL_FUTURE) */
	uint64_t text_pages;        /* executable file mappings, for /proc */
	struct vma_name *names;     /* PR_SET_VMA: each name once */
	uint64_t fault_addr, fault_rip; /* last fault that looked resolved, and how often */
	uint32_t fault_count;
};

#define MM_STOCK 8u           /* the most regions one operation makes */
#define MM_REGIONS_MAX 65000u /* the host gives a process 65,530 mappings, of which the library OS needs some */

/* What a mapping is to be. */
struct map_wish {
	uint64_t addr, len, offset;
	uint32_t prot, flags;  /* Linux's */
	uint32_t kind, rflags; /* enum region_kind, RF_* */
	void *object;          /* file or shared_mem; the caller holds a reference */
	uint64_t room;         /* place.c's result */
	bool new_room;         /* room is to be made */
};

static inline bool region_is_private_write(const struct region *r)
{
	return r->kind != REGION_ROOM && !(r->flags & RF_SHARED) && (r->prot & PROT_WRITE);
}
static inline uint64_t region_pages(const struct region *r)
{
	return (r->end - r->start) >> PAGE_SHIFT;
}

/* All regions in order; the body changes nothing in the tree. */
#define LIST_REGIONS(r, mm)                                                                          \
	for (struct region *r = region_next(&(mm)->tree, 0); r != NULL; r = region_next(&(mm)->tree, r->end))

/* trim.c: takes clean pages of files out of the page tables, of the process (hold no lock) and of the library OS's text. */
void mm_trim(struct mm *mm);
void mm_trim_image(void);

/* mm.c */
bool mm_stock_locked(struct mm *mm);
/* vm.max_map_count lets the guest have n mappings more. */
bool mm_may_add(const struct mm *mm, uint32_t n);
/* mm_cut_locked(start, end) is within vm.max_map_count; unmap: the part between goes away. */
bool mm_may_cut(const struct mm *mm, uint64_t start, uint64_t end, bool unmap);
struct region *mm_take_stock(struct mm *mm);
void mm_bury(struct mm *mm, struct region *r);       /* queue on dead */
void mm_count(struct mm *mm, const struct region *r, int sign);
bool mm_charge(struct mm *mm, uint64_t pages);
void mm_uncharge(struct mm *mm, uint64_t pages);
uint64_t mm_rlimit(int which);
void region_object_get(const struct region *r);      /* and put: for each region that refers to it */
void region_object_put(const struct region *r);
bool mm_window_overlap(uint64_t addr, uint64_t len);
uint64_t mm_random(void);

/* place.c */
long mm_place_locked(struct mm *mm, struct map_wish *w); /* sets w->addr, w->room, w->new_room */
struct region *mm_room_region(struct mm *mm, uint64_t room);
void mm_room_use(struct mm *mm, uint64_t room, int delta);
void mm_room_evict_locked(struct mm *mm, uint64_t start, uint64_t end);

/* limits.c */
bool mm_wish_is_data(const struct map_wish *w); /* counts against RLIMIT_DATA */
long mm_check_limits(struct mm *mm, const struct map_wish *w); /* 0, -ENOMEM or -EAGAIN; the lock is held */
bool mm_wish_absurd(const struct map_wish *w);

/* map.c */
long mm_map_locked(struct mm *mm, struct map_wish *w);
long mm_unmap_locked(struct mm *mm, uint64_t start, uint64_t end, bool at_host);
long mm_host_map(const struct map_wish *w);
void mm_host_unmap(uint64_t start, uint64_t end, uint32_t kind);
struct region *mm_merge_locked(struct mm *mm, struct region *r);
void mm_tell_text(struct region *r);                  /* tells pico what r is now */
struct inode *region_inode(const struct region *r);
/* Cuts at [start,end)'s edges what spans them.  Takes up to two regions of the stock. */
void mm_cut_locked(struct mm *mm, uint64_t start, uint64_t end);
/* shmat: maps m at addr (0 = anywhere). */
long mm_map_shared(struct mm *mm, struct shared_mem *m, uint64_t addr, uint64_t len, uint32_t prot, uint32_t flags);

/* advise.c: brings pages of r in.  0, -EFAULT (no such access), -ENOMEM. */
long mm_populate_locked(struct mm *mm, const struct region *r, uint64_t start, uint64_t end, bool write);

/* mincore.c: a byte a page of this process, bit 0: in memory.  False: something there is not mapped. */
bool mm_resident(uint64_t start, uint64_t end, uint8_t *out);
/* How many are; buf: size bytes of work room. */
uint64_t mm_count_resident(uint64_t start, uint64_t end, uint8_t *buf, uint64_t size);

/* fault.c: where in r, a shared mapping of a file in memory, the pages behind the file's end begin; r->end: there are none. */
uint64_t mm_behind_end(const struct region *r);
/* Opens what the file has grown over, from addr on; false: addr is behind its end. */
bool mm_open_grown(const struct region *r, uint64_t addr);

/* numa.c: a region's policy, as numa_maps shows it. */
const char *mm_policy_name(uint32_t policy);

/* stack.c: where r begins for /proc and the counters. */
uint64_t mm_shown_start(const struct mm *mm, const struct region *r);

/* name.c: all of mm's names go; no region may have one. */
void mm_forget_names(struct mm *mm);

/* seal.c: something in [start, end) was sealed. */
bool mm_sealed(struct mm *mm, uint64_t start, uint64_t end);

/* protect.c */
long mm_protect_locked(struct mm *mm, uint64_t start, uint64_t end, uint32_t prot);

/* Checks that [addr, addr+len) is page aligned and guest's; rounds len up.  0, -EINVAL, -ENOMEM. */
long mm_range(uint64_t addr, uint64_t *len);

#endif
