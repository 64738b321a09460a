/* SPDX-License-Identifier: MIT */
/*
 * pico/patch.c - trapped system calls become jumps.
 *
 * Two records.  Private, a list of the executable file mappings of this address
 * space (lock PATCH).  In the arena, a struct text_file for each file any process
 * of the sandbox has mapped so (lock TEXT): its stubs, in PICO_STUB_ROOM bytes of
 * arena-data, and the changed copies of its pages, also in arena-data.
 *
 * Both are position-independent because each process maps the stub block at the
 * same distance below the file: `room` comes from the personality.  A page is
 * named by that distance (delta).  Stubs are only ever added, pages are immutable
 * once published, and both are mapped PRIVATE: a guest's write to its text makes
 * a copy of its own.
 *
 * Two kinds of site are changed, each wholly inside one page:
 *
 *	b8 imm32 0f 05		mov $nr,%eax; syscall, nr < 512: the mov becomes `jmp stub`.
 *	48 c7 c0 imm32 0f 05	the same with %rax.
 *				`0f 05` stays, so a jump to it, or a thread between the
 *				two, still traps and is served right.  rt_sigreturn only where
 *				unwinders have data and need not know it by its bytes.
 *	0f 05 XX ...		the syscall and what follows (patch_forward.h).  Who trapped there
 *				before the change returns into the middle of the jmp:
 *				patch_return sends it to the stub.
 *
 * Those of the first kind, and of the second where XX is `cmp $-4095,%rax` (libc's syscall() and
 * read(), Go), are known by their bytes: a page's first change has them all.  Elsewhere `0f 05` may be
 * anything, so what trapped is remembered (struct text_seen) and is in the page's next change.
 */

#include "abi/dk_boot.h"
#include "pico/patch_int.h"
#include "pico/uaccess.h"
#include "rt/mem.h"

struct patched_text text FIRST_BSS;

void patch_boot(bool kproc)
{
	lock_init(&text.lock, LOCK_PATCH);
	if (kproc)
		text_table_boot();
}

/* ---- Mapping changed pages ---- */

static bool map_data(uint64_t address, uint64_t data, uint64_t size)
{
	return DkStreamMap(pico_boot_block->arena_data, &address, data_offset(data), size, DK_PROT_R | DK_PROT_X,
		   DK_MAP_PRIVATE | DK_MAP_FIXED) == DK_OK;
}

static bool map_stubs(struct range *r)
{
	__atomic_or_fetch(&text.rooms, room_bit(r->room) | room_bit(r->room + PICO_STUB_ROOM - 1), __ATOMIC_RELAXED);
	if (!r->stubs_mapped)
		r->stubs_mapped = map_data(r->room, r->file->stubs, PICO_STUB_ROOM);
	return r->stubs_mapped;
}

static bool is_in(const struct range *r, const struct text_page *p)
{
	uint64_t address = r->room + p->delta;

	return address >= r->start && address + PAGE_SIZE <= r->end && p->offset == r->offset + (address - r->start);
}

/* n changed pages side by side, here and in the arena. */
static void apply_pages(struct range *r, const struct text_page *p, uint64_t n)
{
	if (is_in(r, p) && map_stubs(r))
		(void)map_data(r->room + p->delta, p->data, n * PAGE_SIZE);
}

/* How many of the file's pages from the i-th on are mapped with the text and lie side by side: a mapping each costs more. */
static uint32_t prepared_run(const struct range *r, uint32_t i, uint32_t npages)
{
	const struct text_page *p = &r->file->page[i];
	uint32_t n = 0;

	while (i + n < npages && p[n].prepared && is_in(r, &p[n]) && p[n].delta == p->delta + n * PAGE_SIZE &&
	       data_offset(p[n].data) == data_offset(p->data) + n * PAGE_SIZE)
		n++;
	return n;
}

/* ---- The list of ranges ---- */

static struct range *range_of(uint64_t address)
{
	for (uint32_t i = 0; i < text.count; i++)
		if (address >= text.range[i].start && address < text.range[i].end)
			return &text.range[i];
	return NULL;
}

static struct range *range_add(const struct range *r)
{
	if (text.count == text.room) {
		uint32_t room = text.room ? text.room * 2 : 16;
		struct range *more = heap_realloc(text.range, room * sizeof *more);

		if (more == NULL)
			return NULL;
		text.range = more;
		text.room = room;
	}
	text.range[text.count] = *r;
	return &text.range[text.count++];
}

void pico_text_mapped(uint64_t start, uint64_t end, const struct text_id *id, uint64_t offset, uint64_t room)
{
	struct range r = { .start = start, .end = end, .offset = offset, .room = room };
	struct range *added;

	/* Without a stub block within reach, or below the text, sites keep trapping. */
	if (room == 0 || room >= start || end - room > (1ull << 31))
		return;
	pico_text_unmapped(start, end);
	r.file = text_file_of(id);
	if (r.file == NULL)
		return;
	lock_take(&text.lock);
	/* Pages that others changed come in at their first trap here: a mapping costs more than that. */
	added = range_add(&r);
	lock_drop(&text.lock);
	if (added == NULL)
		text_file_put(r.file);
}

/* Takes [start,end) out of the i-th range; true if nothing is left of it. */
static bool range_cut(uint32_t i, uint64_t start, uint64_t end)
{
	struct range *r = &text.range[i];
	struct range tail = *r;

	if (start <= r->start && end >= r->end)
		return true;
	if (start <= r->start) {
		r->offset += end - r->start;
		r->start = end;
	} else if (end >= r->end) {
		r->end = start;
	} else {
		r->end = start;
		tail.offset += end - tail.start;
		tail.start = end;
		ref_get(&tail.file->ref);
		if (range_add(&tail) == NULL)
			text_file_put(tail.file);
	}
	return false;
}

void pico_text_unmapped(uint64_t start, uint64_t end)
{
	for (;;) {
		struct text_file *gone = NULL;

		lock_take(&text.lock);
		patch_forget_kept(start, end);
		for (uint32_t i = 0; i < text.count && gone == NULL; i++) {
			if (end <= text.range[i].start || start >= text.range[i].end)
				continue;
			if (range_cut(i, start, end)) {
				gone = text.range[i].file;
				text.range[i] = text.range[--text.count];
			}
		}
		lock_drop(&text.lock);
		if (gone == NULL)
			return;
		text_file_put(gone);
	}
}

void pico_text_reset(void)
{
	pico_text_unmapped(0, UINT64_MAX);
}

void patch_fork_begin(void) LOCK_PRIMITIVE
{
	lock_take(&text.lock);
	for (uint32_t i = 0; i < text.count; i++)
		ref_get(&text.range[i].file->ref);
}

void patch_fork_end(bool child, bool failed) LOCK_PRIMITIVE
{
	if (child) {
		lock_init(&text.lock, LOCK_PATCH);
		return;
	}
	for (uint32_t i = 0; failed && i < text.count; i++)
		text_file_put(text.range[i].file); /* never the last: ours is left */
	lock_drop(&text.lock);
}

/* ---- Patching ---- */

/* The pages of the plan's sites, for the first time in the sandbox; file's lock held. */
static NOINLINE void make_cpuid_pages(struct range *r, const struct cpuid_plan *plan) REQUIRES(TEXT)
{
	uint64_t last = 0;

	r->file->looked = true;
	for (uint32_t i = 0; i < plan->count; i++) {
		uint64_t offset = plan->site[i].offset, page = r->start + PAGE_DOWN(offset - r->offset);

		if (offset < r->offset || page >= r->end || page == last)
			continue;
		if (text_page_find(r, page) == NULL)
			(void)text_page_make(r, page, plan);
		last = page;
	}
}

void pico_text_prepare(uint64_t start, uint64_t end, const struct cpuid_plan *plan)
{
	struct range *r;
	uint32_t npages;

	lock_take(&text.lock);
	r = range_of(start);
	if (r != NULL && r->start == start && r->end == end) {
		lock_take(&r->file->lock);
		if (!r->file->looked)
			make_cpuid_pages(r, plan);
		lock_drop(&r->file->lock);
		npages = __atomic_load_n(&r->file->npages, __ATOMIC_ACQUIRE);
		for (uint32_t i = 0, n; i < npages; i += MAX(n, 1u))
			if ((n = prepared_run(r, i, npages)) != 0)
				apply_pages(r, &r->file->page[i], n);
	}
	lock_drop(&text.lock);
}

/* A `syscall` that trapped: where its jump would go. */
struct place {
	uint64_t at; /* 0: it is of no kind that can be changed */
	bool by_bytes; /* the page's first change has it */
};

static struct place place_of(uint64_t site)
{
	uint8_t bytes[RAX_SIZE], behind[FORWARD_MAX + 16];
	size_t left;
	struct cover c;

	if (uaccess_read(bytes + 2, site - 5, SITE_SIZE) == 0 && is_site(bytes + 2) && PAGE_DOWN(site - 5) == PAGE_DOWN(site - 1))
		return (struct place){ site - 5, true };
	if (uaccess_read(bytes, site - 7, RAX_SIZE) == 0 && is_rax_site(bytes) && PAGE_DOWN(site - 7) == PAGE_DOWN(site - 1))
		return (struct place){ site - 7, true };
	left = MIN(sizeof behind, PAGE_SIZE - (site & ~PAGE_MASK));
	left -= uaccess_read(behind, site, left);
	if (!forward_cover(behind, (uint32_t)left, &c))
		return (struct place){ 0, false };
	return (struct place){ site, left >= CMP_SIZE && is_cmp_site(behind) };
}

/* Is there a jump at the place in the page's changed copy? */
static bool has_jump(const struct text_page *p, uint64_t at)
{
	return p != NULL && ((const uint8_t *)data_ptr(p->data))[at & ~PAGE_MASK] == 0xe9;
}

/* Counts the trap; the page's newest copy, perhaps made now. */
static struct text_page *count_trap(struct range *r, const struct place *place) REQUIRES(TEXT)
{
	uint64_t page = PAGE_DOWN(place->at);
	struct text_page *p = text_page_find(r, page), *more;
	struct text_seen *seen;

	if (has_jump(p, place->at))
		return p;
	seen = place->by_bytes ? NULL : text_seen(r->file, (uint32_t)(place->at - r->room));
	if (seen != NULL && seen->traps < UINT16_MAX)
		seen->traps++;
	if (p == NULL)
		return ++r->traps[(page >> PAGE_SHIFT) % TRAP_SLOTS] >= WORTH_IT ? text_page_make(r, page, NULL) : NULL;
	if (seen == NULL || seen->left || seen->traps < WORTH_IT)
		return p;
	more = text_page_make(r, page, NULL);
	return more != NULL ? more : p;
}

void patch_trap(uint64_t site)
{
	/* A look at the bytes first: most sites that keep trapping end here. */
	struct place place = place_of(site);
	uint64_t page = PAGE_DOWN(place.at);
	struct text_page *p;
	struct range *r;

	if (place.at == 0)
		return;
	lock_take(&text.lock);
	r = range_of(place.at);
	if (r != NULL && page >= r->start && page + PAGE_SIZE <= r->end && !patch_kept(page)) {
		lock_take(&r->file->lock);
		p = count_trap(r, &place);
		lock_drop(&r->file->lock);
		/* A site that was left alone in the copy keeps trapping: nothing to map. */
		if (has_jump(p, place.at))
			apply_pages(r, p, 1);
	}
	lock_drop(&text.lock);
}

/* A thread came to a site's covered instruction and not by its jump: a site where that goes on is changed back. */
static void count_fault(struct range *r, uint64_t site) REQUIRES(PATCH)
{
	uint64_t page = PAGE_DOWN(site);
	struct text_page *p = NULL;
	struct text_seen *seen;

	lock_take(&r->file->lock);
	seen = text_seen(r->file, (uint32_t)(site - r->room));
	if (seen != NULL && ++seen->faults >= FAULTS_MAX && !seen->left) {
		seen->left = 1;
		p = text_page_make(r, page, NULL);
	} else if (seen != NULL && seen->left) {
		seen->faults = 0;
		p = text_page_find(r, page);
	}
	lock_drop(&r->file->lock);
	if (p != NULL && !patch_kept(page))
		apply_pages(r, p, 1);
}

/* A call is made here: the callee is to see where it is from. */
static bool make_call(struct dk_context *c, uint64_t at, const uint8_t *call)
{
	uint64_t behind = at + JMP_SIZE;
	int32_t rel;

	memcpy(&rel, call + 1, sizeof rel);
	if (uaccess_write(c->rsp - sizeof behind, &behind, sizeof behind) != 0)
		return false;
	c->rsp -= sizeof behind;
	c->rip = behind + (uint64_t)(int64_t)rel;
	return true;
}

/* Is it the site `in` bytes before the fault?  Sends the thread on. */
static bool fault_at(struct dk_context *c, uint64_t in) REQUIRES(PATCH)
{
	uint64_t site = c->rip - in, stub = patch_forward_stub(site);
	struct range *r = stub != 0 ? range_of(site) : NULL;
	const uint8_t *bytes;
	uint32_t at;

	if (r == NULL || stub < r->room || stub >= r->room + PICO_STUB_ROOM)
		return false;
	bytes = stub_bytes(r->file, (uint32_t)((stub - r->room) / STUB_SIZE));
	at = forward_refused(bytes, (uint32_t)in);
	if (at == 0)
		return false;
	count_fault(r, site);
	if (forward_bytes(bytes)[at] == 0xe8)
		return make_call(c, site + at, forward_bytes(bytes) + at);
	c->rip = stub + forward_stub_offset(bytes, at);
	return true;
}

/* Was there a site around rip, changed back since the CPU refused? */
static bool was_changed(uint64_t rip) REQUIRES(PATCH)
{
	const struct range *r = range_of(rip);

	for (uint32_t n = 0; r != NULL && n < STUBS_MAX; n += 2) {
		const uint8_t *stub = stub_bytes(r->file, n);
		uint64_t site;

		if (!stub_used(r->file, n) || !is_forward_stub(stub))
			continue;
		site = forward_site(stub, r->room + n * STUB_SIZE);
		if (rip > site && rip - site < FORWARD_MAX && forward_refused(stub, (uint32_t)(rip - site)) != 0)
			return true;
	}
	return false;
}

bool patch_fault(struct dk_context *c)
{
	bool found = false;

	lock_take(&text.lock);
	for (uint64_t in = 2; in < FORWARD_MAX && !found; in++)
		found = fault_at(c, in);
	if (!found) /* then the instruction is there again */
		found = was_changed(c->rip);
	lock_drop(&text.lock);
	return found;
}
