/* SPDX-License-Identifier: MIT */
/*
 * linux/mm/place.c - where a mapping goes.
 *
 * Without MAP_FIXED: at the hint if it is free, else the highest hole below mm->top
 * and above Bailey's window, else the highest one below the window.
 *
 * Stub rooms.  pico turns trapped calls of a file's text into jumps to stubs, which
 * must lie at a fixed distance from the text: PICO_STUB_ROOM bytes directly below
 * the file's first mapping.  ld.so maps a whole library with PROT_READ first and its
 * text over that, so every private, unwritable file mapping gets a room, as a region
 * of kind ROOM that each region of the file names in ->room; with the last of those
 * it goes.  A guest does not know of rooms: they are holes to it, and if it maps
 * something fixed onto one, the room is evicted: the file's text is mapped afresh
 * (its calls trap again, which is slow and correct).
 */
#include "linux/mm/mm_int.h"
#include "pico/patch.h"

#define HUGE_PAGE 0x200000ull

struct inode *region_inode(const struct region *r)
{
	return r->kind == REGION_FILE ? ((struct file *)r->object)->inode : NULL;
}

struct region *mm_room_region(struct mm *mm, uint64_t room)
{
	struct region *r = region_find(&mm->tree, room);

	return r != NULL && r->kind == REGION_ROOM && r->start == room ? r : NULL;
}

static void room_free(struct mm *mm, struct region *room)
{
	pico_text_unmapped(room->start, room->end);
	mm_host_unmap(room->start, room->end, REGION_ROOM);
	region_remove(&mm->tree, room);
	mm->rooms--;
	heap_free(room);
}

void mm_room_use(struct mm *mm, uint64_t room, int delta)
{
	struct region *r = mm_room_region(mm, room);

	if (r == NULL)
		return;
	r->users += delta;
	if (r->users == 0)
		room_free(mm, r);
}

/* The file's unpatched text again. */
static void map_afresh(struct region *r)
{
	struct map_wish w = { .addr = r->start, .len = r->end - r->start, .offset = r->offset, .prot = r->prot,
		.flags = MAP_PRIVATE | MAP_FIXED, .kind = r->kind, .object = r->object };

	pico_text_unmapped(r->start, r->end);
	r->flags &= ~RF_TEXT;
	(void)mm_host_map(&w);
}

static void room_evict(struct mm *mm, struct region *room)
{
	uint64_t at = room->start;

	LIST_REGIONS(r, mm) {
		if (r->room != at)
			continue;
		if (r->flags & RF_TEXT)
			map_afresh(r);
		r->room = 0;
	}
	room_free(mm, room);
	LIST_REGIONS(r, mm)
		mm_tell_text(r);
}

/* [start,end) is about to be mapped at the guest's own wish: rooms in it go. */
void mm_room_evict_locked(struct mm *mm, uint64_t start, uint64_t end)
{
	uint64_t at = start;
	struct region *r;

	while ((r = region_next(&mm->tree, at)) != NULL && r->start < end) {
		at = r->end;
		if (r->kind == REGION_ROOM)
			room_evict(mm, r);
	}
}

/* True if the mapping may become part of an executable image. */
static bool wants_room(const struct mm *mm, const struct map_wish *w)
{
	return !mm->no_rooms && w->kind == REGION_FILE && !(w->rflags & RF_SHARED) && !(w->prot & PROT_WRITE);
}

/* The range can be had: guest's, and free but for rooms if those may be evicted. */
static bool range_usable(uint64_t start, uint64_t len)
{
	return start >= GUEST_LOW && len <= GUEST_HIGH && start <= GUEST_HIGH - len && !mm_window_overlap(start, len);
}

static bool range_free(struct mm *mm, uint64_t start, uint64_t len)
{
	const struct region *r;

	if (!range_usable(start, len) || !range_is_free(&mm->tree, start, start + len))
		return false;
	r = region_next(&mm->tree, start + len);
	return r == NULL || !(r->flags & RF_GROWSDOWN) || r->start - (start + len) >= REGION_GUARD_GAP;
}

static bool try_hint(struct mm *mm, struct map_wish *w)
{
	uint64_t hint = MAX(PAGE_DOWN(w->addr), GUEST_LOW);

	if (w->addr == 0)
		return false;
	if (wants_room(mm, w) && hint >= GUEST_LOW + PICO_STUB_ROOM && range_free(mm, hint - PICO_STUB_ROOM, w->len + PICO_STUB_ROOM)) {
		w->addr = hint;
		w->room = hint - PICO_STUB_ROOM;
		w->new_room = true;
		return true;
	}
	if (!range_free(mm, hint, w->len))
		return false;
	w->addr = hint;
	return true;
}

/* Large anonymous memory begins at a huge page's edge, as Linux places it. */
static uint64_t alignment(const struct map_wish *w)
{
	bool huge = w->kind == REGION_ANON && w->len >= HUGE_PAGE && w->len % HUGE_PAGE == 0;

	return huge && !(w->flags & (MAP_32BIT | MAP_STACK)) ? HUGE_PAGE : PAGE_SIZE;
}

static uint64_t search(struct mm *mm, const struct map_wish *w, uint64_t len, uint64_t align)
{
	uint64_t a;

	if (w->flags & MAP_32BIT)
		return range_hole_up(&mm->tree, 0x40000000, 0x80000000, len, PAGE_SIZE);
	a = range_hole_down(&mm->tree, BAILEY_HIGH, mm->top, len, align);
	if (a == 0)
		a = range_hole_down(&mm->tree, GUEST_LOW, BAILEY_LOW, len, align);
	if (a == 0)
		a = range_hole_down(&mm->tree, mm->top, GUEST_HIGH, len, align);
	return a;
}

static long place_anywhere(struct mm *mm, struct map_wish *w)
{
	uint64_t room = wants_room(mm, w) ? PICO_STUB_ROOM : 0;
	uint64_t a = 0, align = alignment(w);

	if (try_hint(mm, w))
		return 0;
	if (align != PAGE_SIZE)
		a = search(mm, w, w->len, align);
	if (a == 0)
		a = search(mm, w, w->len + room, PAGE_SIZE);
	if (a == 0)
		return -ENOMEM;
	w->addr = a + room;
	w->room = room != 0 ? a : 0;
	w->new_room = room != 0;
	return 0;
}

#define ROOM_REACH 0x40000000ull /* jumps reach 2 GB; text further away than this goes without */

/* Part of a file that is mapped already: the room is that of the first mapping. */
static uint64_t inherited_room(struct mm *mm, const struct map_wish *w)
{
	const struct file *f = w->object;
	const struct region *r = region_find(&mm->tree, w->addr);

	if (r == NULL || region_inode(r) != f->inode)
		r = region_prev(&mm->tree, w->addr);
	if (r == NULL || region_inode(r) != f->inode || r->room == 0 || w->addr + w->len - r->room > ROOM_REACH)
		return 0;
	return r->room;
}

static long place_fixed(struct mm *mm, struct map_wish *w)
{
	uint64_t below = w->addr - PICO_STUB_ROOM;

	if (w->addr & ~PAGE_MASK)
		return -EINVAL;
	if (w->addr < GUEST_LOW)
		return -EPERM;
	if (!range_usable(w->addr, w->len))
		return -ENOMEM;
	if (w->flags & MAP_FIXED_NOREPLACE) {
		struct region *r;

		for (uint64_t at = w->addr; (r = region_next(&mm->tree, at)) != NULL && r->start < w->addr + w->len; at = r->end)
			if (r->kind != REGION_ROOM)
				return -EEXIST;
	}
	if (w->kind != REGION_FILE || (w->rflags & RF_SHARED) || ((struct file *)w->object)->inode == NULL)
		return 0;
	w->room = inherited_room(mm, w);
	if (w->room == 0 && wants_room(mm, w) && below < w->addr && range_free(mm, below, PICO_STUB_ROOM) && range_usable(below, PICO_STUB_ROOM)) {
		w->room = below;
		w->new_room = true;
	}
	return 0;
}

long mm_place_locked(struct mm *mm, struct map_wish *w)
{
	if (w->flags & (MAP_FIXED | MAP_FIXED_NOREPLACE))
		return place_fixed(mm, w);
	return place_anywhere(mm, w);
}

long mm_place_file(struct mm *mm, uint64_t hint, uint64_t len)
{
	struct map_wish w = { .addr = hint, .len = PAGE_UP(len), .kind = REGION_FILE, .prot = PROT_READ };
	long err;

	mm_lock(mm);
	err = place_anywhere(mm, &w);
	mm_unlock(mm);
	return err != 0 ? err : (long)w.addr;
}
