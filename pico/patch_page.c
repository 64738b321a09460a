/* SPDX-License-Identifier: MIT */
/* pico/patch_page.c - a page's changed copy: which sites in it become jumps.  The file's lock is held. */
#include "pico/patch_cpuid.h"
#include "pico/patch_int.h"
#include "pico/uaccess.h"
#include "pico/unwind.h"
#include "rt/mem.h"

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
struct text_page *text_page_make(struct range *r, uint64_t address, const struct cpuid_plan *plan)
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

struct text_page *text_page_find(struct range *r, uint64_t address)
{
	for (uint32_t i = 0; i < r->file->npages; i++)
		if (r->file->page[i].delta == address - r->room)
			return &r->file->page[i];
	return NULL;
}

