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
 *	0f 05 48 3d 0x f0 ff ff	syscall; cmp $-4095,%rax (libc's syscall() and read(), Go): both
 *				are covered by the jmp, and the stub does the cmp.  Not where
 *				a jump of the page may lead to the cmp.  Who trapped here
 *				before the change returns into the middle of the jmp:
 *				patch_return sends it to the stub's cmp.
 */

#include "abi/dk_boot.h"
#include "pico/patch_cpuid.h"
#include "pico/patch_int.h"
#include "pico/uaccess.h"
#include "pico/unwind.h"
#include "rt/mem.h"

struct patched_text text;

static struct text_table *table(void)
{
	return (struct text_table *)(void *)arena_root()->text;
}

void patch_boot(bool kproc)
{
	lock_init(&text.lock, LOCK_PATCH);
	if (kproc) {
		lock_init(&table()->lock, LOCK_TEXT);
		list_init(&table()->files);
	}
}

/* ---- Files ---- */

static struct text_file *file_new_text(const struct text_id *id)
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

static void file_put_text(struct text_file *f)
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
static struct text_file *file_of(const struct text_id *id)
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
	fresh = file_new_text(id);
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

/* ---- Mapping changed pages ---- */

static bool map_data(uint64_t address, uint64_t data, uint64_t size)
{
	return DkStreamMap(pico_boot_block->arena_data, &address, data_offset(data), size, DK_PROT_R | DK_PROT_X,
		   DK_MAP_PRIVATE | DK_MAP_FIXED) == DK_OK;
}

static bool map_stubs(struct range *r)
{
	if (!r->stubs_mapped)
		r->stubs_mapped = map_data(r->room, r->file->stubs, PICO_STUB_ROOM);
	return r->stubs_mapped;
}

static void apply_page(struct range *r, const struct text_page *p)
{
	uint64_t address = r->room + p->delta;

	if (address < r->start || address + PAGE_SIZE > r->end || p->offset != r->offset + (address - r->start))
		return;
	if (map_stubs(r))
		(void)map_data(address, p->data, PAGE_SIZE);
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
	r.file = file_of(id);
	if (r.file == NULL)
		return;
	lock_take(&text.lock);
	/* Pages that others changed come in at their first trap here: a mapping costs more than that. */
	added = range_add(&r);
	lock_drop(&text.lock);
	if (added == NULL)
		file_put_text(r.file);
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
			file_put_text(tail.file);
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
		file_put_text(gone);
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
		file_put_text(text.range[i].file); /* never the last: ours is left */
	lock_drop(&text.lock);
}

/* ---- Patching ---- */

/* Puts a jump at bytes[i] to the stub that was just written, and counts it. */
static void put_jump(struct range *r, uint64_t address, uint8_t *bytes, uint32_t i)
{
	uint64_t stub = r->room + r->file->nstubs * STUB_SIZE;

	bytes[i] = 0xe9;
	put32(bytes + i + 1, (int64_t)stub - (int64_t)(address + i + JMP_SIZE));
	r->file->nstubs++;
}

/* The size of the site of the first kind at p, of which left bytes are in the page; the syscall may lie behind them. */
static uint32_t mov_site(const uint8_t *p, uint32_t left)
{
	if (p[0] == 0xb8 && left >= JMP_SIZE && is_site(p))
		return SITE_SIZE;
	return p[0] == 0x48 && left >= RAX_SIZE - 2 && is_rax_site(p) ? RAX_SIZE : 0;
}

static bool may_change(const struct range *r, uint64_t site, const uint8_t *mov)
{
	return !is_sigreturn(mov) || (site >= r->offset && unwind_covers(r->start - r->offset, site));
}

/* Changes the CPUIDs of the page at address that are in the plan. */
static uint32_t patch_cpuids(struct range *r, uint64_t address, uint8_t *bytes, const struct cpuid_plan *plan)
{
	struct text_file *f = r->file;
	uint64_t from = r->offset + (address - r->start);
	uint32_t done = 0;

	for (uint32_t i = 0; plan != NULL && i < plan->count && f->nstubs < STUBS_MAX; i++) {
		const struct cpuid_site *s = &plan->site[i];
		uint32_t at = (uint32_t)(s->offset - from);

		if (s->offset < from || s->offset - from + s->size > PAGE_SIZE || !is_cpuid_site(s, bytes + at))
			continue;
		write_cpuid_stub((uint8_t *)data_ptr(f->stubs) + f->nstubs * STUB_SIZE, r->room + f->nstubs * STUB_SIZE, s, bytes + at, address + at);
		put_jump(r, address, bytes, at);
		done++;
	}
	return done;
}

/* Changes all system calls in a copy of the page at address; bytes holds the page and two bytes more. */
static uint32_t patch_copy(struct range *r, uint64_t address, uint8_t *bytes)
{
	struct text_file *f = r->file;
	uint32_t before = f->nstubs;
	struct targets targets;

	targets.known = false;
	for (uint32_t i = 0; i + JMP_SIZE <= PAGE_SIZE && f->nstubs < STUBS_MAX; i++) {
		uint8_t *place = (uint8_t *)data_ptr(f->stubs) + f->nstubs * STUB_SIZE;
		uint64_t stub = r->room + f->nstubs * STUB_SIZE;

		uint32_t size = mov_site(bytes + i, PAGE_SIZE - i);

		if (size != 0 && may_change(r, address + i, bytes + i)) {
			write_stub(place, stub, bytes + i, address + i);
			put_jump(r, address, bytes, i);
			i += size - 1;
		} else if (bytes[i] == 0x0f && i + CMP_SIZE <= PAGE_SIZE && is_cmp_site(bytes + i)) {
			if (!targets.known)
				find_targets(&targets, bytes);
			if (may_jump_to(&targets, i + 2))
				continue;
			write_cmp_stub(place, stub, bytes + i, address + i);
			put_jump(r, address, bytes, i);
			i += CMP_SIZE - 1;
		}
	}
	return f->nstubs - before;
}

/* Makes the changed copy of the page and publishes it; file's lock held.  plan may be NULL. */
static struct text_page *make_page(struct range *r, uint64_t address, const struct cpuid_plan *plan)
{
	struct text_file *f = r->file;
	struct text_page *p = &f->page[f->npages];
	uint32_t cpuids, calls;
	uint64_t data;
	uint8_t *bytes;
	size_t left;

	if (f->npages == PAGES_MAX)
		return NULL;
	bytes = heap_alloc(PAGE_SIZE + RAX_SIZE);
	if (bytes == NULL)
		return NULL;
	left = uaccess_read(bytes, address, PAGE_SIZE + 2);
	calls = left > 2 ? 0 : patch_copy(r, address, bytes);
	cpuids = left > 2 ? 0 : patch_cpuids(r, address, bytes, plan);
	if (calls + cpuids == 0 || !data_alloc(1, &data)) {
		heap_free(bytes);
		return NULL;
	}
	p->data = data;
	p->prepared = cpuids != 0;
	memcpy(data_ptr(p->data), bytes, PAGE_SIZE);
	heap_free(bytes);
	p->delta = address - r->room;
	p->offset = r->offset + (address - r->start);
	__atomic_store_n(&f->npages, f->npages + 1, __ATOMIC_RELEASE);
	atomic_fetch_add_explicit(&arena_root()->text_pages, 1, memory_order_relaxed);
	return p;
}

static struct text_page *find_page(struct range *r, uint64_t address)
{
	for (uint32_t i = 0; i < r->file->npages; i++)
		if (r->file->page[i].delta == address - r->room)
			return &r->file->page[i];
	return NULL;
}

/* The pages of the plan's sites, for the first time in the sandbox; file's lock held. */
static NOINLINE void make_cpuid_pages(struct range *r, const struct cpuid_plan *plan)
{
	uint64_t last = 0;

	r->file->looked = true;
	for (uint32_t i = 0; i < plan->count; i++) {
		uint64_t offset = plan->site[i].offset, page = r->start + PAGE_DOWN(offset - r->offset);

		if (offset < r->offset || page >= r->end || page == last)
			continue;
		if (find_page(r, page) == NULL)
			(void)make_page(r, page, plan);
		last = page;
	}
}

void pico_text_prepare(uint64_t start, uint64_t end, const struct cpuid_plan *plan)
{
	struct range *r;

	lock_take(&text.lock);
	r = range_of(start);
	if (r != NULL && r->start == start && r->end == end) {
		lock_take(&r->file->lock);
		if (!r->file->looked)
			make_cpuid_pages(r, plan);
		lock_drop(&r->file->lock);
		for (uint32_t i = 0; i < __atomic_load_n(&r->file->npages, __ATOMIC_ACQUIRE); i++)
			if (r->file->page[i].prepared)
				apply_page(r, &r->file->page[i]);
	}
	lock_drop(&text.lock);
}

/* Where the jump for a trapped `syscall` at site would go, 0 if it is of neither kind. */
static uint64_t jump_place(uint64_t site)
{
	uint8_t bytes[RAX_SIZE], cmp[CMP_SIZE];

	if (uaccess_read(bytes + 2, site - 5, SITE_SIZE) == 0 && is_site(bytes + 2) && PAGE_DOWN(site - 5) == PAGE_DOWN(site - 1))
		return site - 5;
	if (uaccess_read(bytes, site - 7, RAX_SIZE) == 0 && is_rax_site(bytes) && PAGE_DOWN(site - 7) == PAGE_DOWN(site - 1))
		return site - 7;
	if (uaccess_read(cmp, site, sizeof cmp) == 0 && is_cmp_site(cmp) && PAGE_DOWN(site) == PAGE_DOWN(site + CMP_SIZE - 1))
		return site;
	return 0;
}

void patch_trap(uint64_t site)
{
	/* A look at the bytes first: most sites that keep trapping end here. */
	uint64_t place = jump_place(site);
	uint64_t page = PAGE_DOWN(place);
	struct text_page *p;
	struct range *r;

	if (place == 0)
		return;
	lock_take(&text.lock);
	r = range_of(place);
	if (r != NULL && page >= r->start && page + PAGE_SIZE <= r->end && !patch_kept(page)) {
		lock_take(&r->file->lock);
		p = find_page(r, page);
		if (p == NULL && ++r->traps[(page >> PAGE_SHIFT) % TRAP_SLOTS] >= WORTH_IT)
			p = make_page(r, page, NULL);
		lock_drop(&r->file->lock);
		/* A site that was left alone in the copy keeps trapping: nothing to map. */
		if (p != NULL && ((const uint8_t *)data_ptr(p->data))[place - page] == 0xe9)
			apply_page(r, p);
	}
	lock_drop(&text.lock);
}

/* The stub a jmp at `at` leads to, if it is one of the second kind. */
static uint64_t cmp_stub_of(uint64_t at)
{
	uint8_t jmp[JMP_SIZE], stub[4];
	uint64_t target;
	int32_t rel;

	if (uaccess_read(jmp, at, sizeof jmp) != 0 || jmp[0] != 0xe9)
		return 0;
	memcpy(&rel, jmp + 1, sizeof rel);
	target = at + JMP_SIZE + (uint64_t)(int64_t)rel;
	if (uaccess_read(stub, target, sizeof stub) != 0 || stub[0] != 0x48 || stub[1] != 0x8d || stub[2] != 0x0d || stub[3] != 10)
		return 0;
	return target;
}

uint64_t patch_return(uint64_t rip)
{
	uint64_t target = cmp_stub_of(rip - 2), to = 0;

	if (LIKELY(target == 0))
		return rip;
	lock_take(&text.lock);
	for (uint32_t i = 0; i < text.count && to == 0; i++)
		if (text.range[i].stubs_mapped && target >= text.range[i].room && target < text.range[i].room + PICO_STUB_ROOM)
			to = target + STUB_CMP;
	lock_drop(&text.lock);
	return to != 0 ? to : rip;
}

uint64_t pico_guest_rip(uint64_t rip)
{
	uint64_t guest = rip;

	lock_take(&text.lock);
	for (uint32_t i = 0; i < text.count; i++) {
		struct range *r = &text.range[i];
		const uint8_t *stub;
		uint64_t n;
		int32_t back;

		if (rip < r->room || rip >= r->room + PICO_STUB_ROOM || !r->stubs_mapped)
			continue;
		n = (rip - r->room) / STUB_SIZE;
		if (n >= r->file->nstubs)
			continue;
		/* Nothing in a stub cannot be done twice: back to the mov. */
		stub = (const uint8_t *)data_ptr(r->file->stubs) + n * STUB_SIZE;
		guest = site_of_stub(stub, r->room + n * STUB_SIZE);
		if (is_cpuid_stub(stub)) {
			guest = (rip - r->room) % STUB_SIZE < CPUID_STUB_BODY ? site_of_cpuid_stub(stub, r->room + n * STUB_SIZE) : rip;
		} else if (guest == 0) {
			/* Behind the call it may stay: the stub is the guest's to run. */
			guest = rip;
			memcpy(&back, stub + 24, sizeof back);
			if ((rip - r->room) % STUB_SIZE < STUB_CMP - 2)
				guest = r->room + n * STUB_SIZE + STUB_BACK + (uint64_t)(int64_t)back - CMP_SIZE;
		}
		break;
	}
	lock_drop(&text.lock);
	return guest;
}
