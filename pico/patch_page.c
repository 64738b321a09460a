/* SPDX-License-Identifier: MIT */
/* pico/patch_page.c - a page's changed copy: which sites in it become jumps.  The file's lock is held. */
#include "pico/patch_cpuid.h"
#include "pico/patch_int.h"
#include "pico/uaccess.h"
#include "pico/unwind.h"
#include "rt/mem.h"

/* Puts a jump at bytes[i] to the n-th stub. */
static void put_jump(const struct range *r, uint64_t address, uint8_t *bytes, uint32_t i, uint32_t n)
{
	bytes[i] = 0xe9;
	put32(bytes + i + 1, (int64_t)(r->room + n * STUB_SIZE) - (int64_t)(address + i + JMP_SIZE));
}

static bool may_change(const struct range *r, uint64_t site, const uint8_t *mov)
{
	return !is_sigreturn(mov) || (site >= r->offset && unwind_covers(r->start - r->offset, site));
}

/* Changes the CPUIDs of the page at address that are in the plan. */
static uint32_t patch_cpuids(struct range *r, uint64_t address, uint8_t *bytes, const struct cpuid_plan *plan) REQUIRES(TEXT)
{
	struct text_file *f = r->file;
	uint64_t from = r->offset + (address - r->start);
	uint32_t done = 0;

	for (uint32_t i = 0; plan != NULL && i < plan->count; i++) {
		const struct cpuid_site *s = &plan->site[i];
		uint32_t at = (uint32_t)(s->offset - from), n;

		if (s->offset < from || s->offset - from + s->size > PAGE_SIZE || !is_cpuid_site(s, bytes + at))
			continue;
		n = stub_take(f);
		if (n == STUBS_MAX)
			break;
		write_cpuid_stub(stub_bytes(f, n), r->room + n * STUB_SIZE, s, bytes + at, address + at);
		put_jump(r, address, bytes, at, n);
		done++;
	}
	return done;
}

/* Changes the mov at bytes[i]; its size with that of the syscall, 0 = it is left. */
static uint32_t change_mov(struct range *r, uint64_t address, uint8_t *bytes, uint32_t i, uint32_t size) REQUIRES(TEXT)
{
	uint32_t n;

	if (!may_change(r, address + i, bytes + i) || (n = stub_take(r->file)) == STUBS_MAX)
		return 0;
	write_stub(stub_bytes(r->file, n), r->room + n * STUB_SIZE, bytes + i, address + i);
	put_jump(r, address, bytes, i, n);
	return size;
}

/* The stub a jump at bytes[i] of the page leads to, NULL if it is not one of r. */
static const uint8_t *stub_of_jump(const struct range *r, uint64_t address, const uint8_t *bytes, uint32_t i)
{
	uint64_t to;
	int32_t rel;

	memcpy(&rel, bytes + i + 1, sizeof rel);
	to = address + i + JMP_SIZE + (uint64_t)(int64_t)rel - r->room;
	return bytes[i] == 0xe9 && to < PICO_STUB_ROOM && to % STUB_SIZE == 0 ? stub_bytes(r->file, (uint32_t)to / STUB_SIZE) : NULL;
}

/* Would the site's jump cover one that is there? */
static bool covers_jump(const struct range *r, uint64_t address, const uint8_t *bytes, uint32_t i, uint32_t size)
{
	for (uint32_t n = 2; n < size && i + n + JMP_SIZE <= PAGE_SIZE; n++)
		if (stub_of_jump(r, address, bytes, i + n) != NULL)
			return true;
	return false;
}

/* The same for the syscall at bytes[i], known to be one, and what follows it. */
static uint32_t change_forward(struct range *r, uint64_t address, uint8_t *bytes, uint32_t i) REQUIRES(TEXT)
{
	struct cover c;
	uint32_t n;

	if (!forward_cover(bytes + i, PAGE_SIZE - i, &c) || covers_jump(r, address, bytes, i, c.size))
		return 0;
	n = stub_take_forward(r->file, &c, r->room, address + i);
	if (n == STUBS_MAX)
		return 0;
	write_forward_stub(stub_bytes(r->file, n), r->room + n * STUB_SIZE, bytes + i, address + i, &c);
	put_jump(r, address, bytes, i, n);
	forward_fill(bytes + i, &c);
	return c.size;
}

/*
 * The next `0f 05` from i on of which a byte at least is in the page, PAGE_SIZE + 1 if there is none: eight bytes at a
 * time, since a byte takes a nanosecond and a start changes five pages.
 */
static uint32_t next_syscall(const uint8_t *bytes, uint32_t i)
{
	const uint64_t ones = 0x0101010101010101, highs = 0x8080808080808080;

	while (i <= PAGE_SIZE) {
		uint64_t word, found;

		memcpy(&word, bytes + i, sizeof word);
		word ^= ones * 0x0f;
		found = (word - ones) & ~word & highs; /* the lowest bit set is that of the first 0f */
		if (found == 0) {
			i += sizeof word;
			continue;
		}
		i += (uint32_t)__builtin_ctzll(found) / 8;
		if (i <= PAGE_SIZE && bytes[i + 1] == 0x05)
			return i;
		i++;
	}
	return PAGE_SIZE + 1;
}

/* Changes the site whose syscall is at bytes[at], if it begins at or behind from; where it ends, 0 = it is left. */
static uint32_t change_at(struct range *r, uint64_t address, uint8_t *bytes, uint32_t from, uint32_t at) REQUIRES(TEXT)
{
	uint32_t rax = at - (RAX_SIZE - 2), mov = at - (SITE_SIZE - 2), size = 0;

	if (at >= from + RAX_SIZE - 2 && is_rax_site(bytes + rax))
		size = change_mov(r, address, bytes, rax, RAX_SIZE);
	else if (at >= from + SITE_SIZE - 2 && is_site(bytes + mov))
		size = change_mov(r, address, bytes, mov, SITE_SIZE);
	if (size != 0)
		return at + 2;
	if (at + CMP_SIZE <= PAGE_SIZE && is_cmp_site(bytes + at))
		size = change_forward(r, address, bytes, at);
	return size != 0 ? at + size : 0;
}

/* Changes all sites that their bytes alone show, in a copy of the page at address; bytes holds the page and two bytes more. */
static uint32_t change_found(struct range *r, uint64_t address, uint8_t *bytes) REQUIRES(TEXT)
{
	uint32_t done = 0, from = 0, next = 0;

	for (uint32_t at; (at = next_syscall(bytes, next)) <= PAGE_SIZE;) {
		uint32_t end = change_at(r, address, bytes, from, at);

		next = end != 0 ? end : at + 1;
		if (end != 0) {
			from = end;
			done++;
		}
	}
	return done;
}

/* Changes those that trapped, and changes back those that are better left. */
static uint32_t change_seen(struct range *r, uint64_t address, uint8_t *bytes) REQUIRES(TEXT)
{
	uint32_t done = 0;

	for (uint32_t i = 0; i < SEEN_MAX; i++) {
		struct text_seen *s = &r->file->seen[i];
		uint32_t at = (uint32_t)(s->delta - (address - r->room));
		const uint8_t *stub;

		if (s->delta == 0 || at >= PAGE_SIZE - JMP_SIZE)
			continue;
		stub = stub_of_jump(r, address, bytes, at);
		if (s->left && stub != NULL && is_forward_stub(stub)) {
			memcpy(bytes + at, forward_bytes(stub), forward_size(stub));
			done++;
		} else if (!s->left && stub == NULL) {
			s->left = change_forward(r, address, bytes, at) == 0;
			done += !s->left;
		}
	}
	return done;
}

/* Makes the changed copy of the page and publishes it; file's lock held.  plan may be NULL. */

/* The page as it is, or as the last change left it, and two bytes more; false if it cannot be read. */
static bool read_page(const struct text_page *last, uint64_t address, uint8_t *bytes)
{
	if (uaccess_read(bytes, address, PAGE_SIZE + 2) > 2)
		return false;
	if (last != NULL)
		memcpy(bytes, data_ptr(last->data), PAGE_SIZE);
	return true;
}

static struct text_page *publish(struct range *r, uint64_t address, const uint8_t *bytes, bool prepared)
{
	struct text_file *f = r->file;
	struct text_page *p = &f->page[f->npages];
	uint64_t data;

	if (!data_alloc(1, &data))
		return NULL;
	memcpy(data_ptr(data), bytes, PAGE_SIZE);
	*p = (struct text_page){ .data = data, .prepared = prepared, .delta = address - r->room, .offset = r->offset + (address - r->start) };
	__atomic_store_n(&f->npages, f->npages + 1, __ATOMIC_RELEASE);
	atomic_fetch_add_explicit(&arena_root()->text_pages, 1, memory_order_relaxed);
	return p;
}

struct text_page *text_page_make(struct range *r, uint64_t address, const struct cpuid_plan *plan)
{
	struct text_page *last = text_page_find(r, address), *p = NULL;
	uint32_t calls = 0, cpuids = 0;
	uint8_t *bytes;

	if (r->file->npages == PAGES_MAX)
		return NULL;
	bytes = heap_alloc(PAGE_SIZE + RAX_SIZE);
	if (bytes == NULL)
		return NULL;
	if (read_page(last, address, bytes)) {
		calls = last == NULL ? change_found(r, address, bytes) : 0;
		cpuids = patch_cpuids(r, address, bytes, plan);
		calls += change_seen(r, address, bytes);
	}
	if (calls + cpuids != 0)
		p = publish(r, address, bytes, cpuids != 0 || (last != NULL && last->prepared));
	heap_free(bytes);
	if (p != NULL && last != NULL)
		last->prepared = 0;
	return p;
}

struct text_page *text_page_find(struct range *r, uint64_t address)
{
	for (uint32_t i = r->file->npages; i-- > 0;)
		if (r->file->page[i].delta == address - r->room)
			return &r->file->page[i];
	return NULL;
}
