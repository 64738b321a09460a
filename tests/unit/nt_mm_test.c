/* SPDX-License-Identifier: MIT */
/*
 * tests/unit/nt_mm_test.c - NT address spaces against a plain array of pages: random reservations, commits, protections and
 * releases, and after each the same answers from both, and the same pages at a host that is made of an array too.
 * Hosted; run with the address and undefined-behaviour sanitizers.
 */
#include <stdarg.h>
#include <stdlib.h>

#include "nt/mm/mm_int.h"
#include "nt/mm/query.h"
#include "nt/mm/section.h"
#include "nt/mm/watch.h"
#include "pico/uaccess.h"
#include "tests/unit/t.h"

/* ---- A host made of an array ---- */

#define PAGES 2048u
#define BASE  NT_USER_LOW
#define STEPS 40000u

struct host_page {
	bool mapped;
	uint32_t prot;
};
static struct host_page host[PAGES];
static unsigned fail_in; /* the map calls from now on until one fails; 0: none does */
static struct nt_process process;
static struct nt_thread thread = { .process = &process };

static struct host_page *host_at(uint64_t addr)
{
	return addr >= BASE && addr < BASE + PAGES * PAGE_SIZE ? &host[(addr - BASE) / PAGE_SIZE] : NULL;
}

NTSTATUS os_vm_map(uint64_t addr, uint64_t size, uint32_t prot)
{
	if (fail_in != 0 && --fail_in == 0)
		return STATUS_COMMITMENT_LIMIT;
	for (uint64_t at = addr; at < addr + size; at += PAGE_SIZE) {
		struct host_page *p = host_at(at);

		if (p == NULL)
			continue;
		T_OK(!p->mapped);
		*p = (struct host_page){ true, prot };
	}
	return STATUS_SUCCESS;
}

NTSTATUS os_vm_unmap(uint64_t addr, uint64_t size)
{
	for (uint64_t at = addr; at < addr + size; at += PAGE_SIZE)
		if (host_at(at) != NULL)
			*host_at(at) = (struct host_page){ 0 };
	return STATUS_SUCCESS;
}

NTSTATUS os_vm_protect(uint64_t addr, uint64_t size, uint32_t prot)
{
	for (uint64_t at = addr; at < addr + size; at += PAGE_SIZE) {
		struct host_page *p = host_at(at);

		if (p == NULL)
			continue;
		T_OK(p->mapped);
		p->prot = prot;
	}
	return STATUS_SUCCESS;
}

NTSTATUS os_vm_close(uint64_t addr, uint64_t size, uint32_t prot)
{
	return os_vm_protect(addr, size, prot);
}

/* What these tests do not come to. */
bool os_vm_fault(uint64_t addr, uint32_t prot, bool bus) { (void)addr, (void)prot, (void)bus; return false; }
uint64_t os_vm_random(void) { return 42; }
bool nt_view_is_file(const struct nt_view *v) { (void)v; return false; }
void nt_view_put(struct nt_view *v) { (void)v; }
void nt_view_sync_locked(struct nt_mm *mm, struct nt_vad *v) { (void)mm, (void)v; }
NTSTATUS nt_view_commit_locked(struct nt_mm *mm, struct nt_vad *v, uint64_t start, uint64_t end, uint32_t protect)
{
	(void)mm, (void)v, (void)start, (void)end, (void)protect;
	return STATUS_ALREADY_COMMITTED;
}
bool nt_copy_wrote_locked(struct nt_mm *m, struct nt_vad *v, uint64_t at, uint32_t protect)
{
	(void)m, (void)v, (void)at, (void)protect;
	return false;
}
NTSTATUS nt_copy_protect_locked(struct nt_mm *m, struct nt_vad *v, uint64_t start, uint64_t end, uint32_t protect)
{
	(void)m, (void)v, (void)start, (void)end, (void)protect;
	return STATUS_NOT_SUPPORTED;
}
NTSTATUS os_vm_map_file(uint64_t addr, uint64_t size, uint32_t prot, struct file *f, uint64_t offset, bool shared, bool replace)
{
	(void)addr, (void)size, (void)prot, (void)f, (void)offset, (void)shared, (void)replace;
	return STATUS_NOT_SUPPORTED;
}
void ob_get(struct ob_object *o) { (void)o; }
struct nt_thread *nt_current(void) { return &thread; }
struct nt_process *nt_worker_process(void) { return NULL; }
bool ps_job_may_commit(struct nt_process *p, uint64_t bytes) { return true; }
void *heap_alloc(size_t size) { return calloc(1, size); }
void heap_free(void *p) { free(p); }
void lock_init(struct lock *l, enum lock_class_id class) { l->class = class; }
void lock_take(struct lock *l) { l->word++; }
void lock_drop(struct lock *l) { l->word--; }
void panic(const char *fmt, ...) { printf("# panic: %s\n", fmt); abort(); }

/* The thread's TEB is a table here. */
static uint64_t teb[0x300];
static uint64_t *teb_word(uint64_t addr) { return &teb[(addr - thread.teb) / 8 % 0x300]; }
bool uaccess_load64(uint64_t addr, uint64_t *value) { *value = *teb_word(addr); return true; }
bool uaccess_load32(uint64_t addr, uint32_t *value) { *value = (uint32_t)*teb_word(addr); return true; }
bool uaccess_cmpxchg32(uint64_t addr, uint32_t *expected, uint32_t desired) { (void)addr, (void)expected, (void)desired; return true; }
size_t uaccess_read(void *dst, uint64_t src, size_t size) { (void)dst, (void)src; return size; }
size_t uaccess_write(uint64_t dst, const void *src, size_t size) { memcpy(teb_word(dst), src, size); return 0; }
bool guest_range_ok(uint64_t addr, uint64_t size) { return addr + size > addr; }

/* ---- The tree ---- */

static void test_tree(void)
{
	static struct range node[600];
	struct range_tree t = { .seed = 7 };
	bool in[600] = { 0 };
	bool ok = true;

	T_CASE("ranges: inserts, removals, holes");
	for (unsigned step = 0; step < 20000; step++) {
		unsigned i = (unsigned)rand() % 600, len = 1 + (unsigned)rand() % 40, align = 1u << (rand() % 5);
		uint64_t up, down, first = 0, last = 0, run = 0;

		if (in[i]) {
			range_remove(&t, &node[i]);
		} else {
			node[i].start = 1000 + i * 10ull + (unsigned)rand() % 3;
			node[i].end = node[i].start + 1 + (unsigned)rand() % 7;
			range_insert(&t, &node[i]);
		}
		in[i] = !in[i];
		if (step % 16 != 0)
			continue;
		ok = ok && range_tree_check(&t);
		up = range_hole_up(&t, 1000, 7000, len, align);
		down = range_hole_down(&t, 1000, 7000, len, align);
		for (uint64_t at = 7000 - 1; at >= 1000; at--) { /* run: free numbers from at on */
			run = range_find(&t, at) == NULL ? run + 1 : 0;
			if (run >= len && at % align == 0) {
				first = at;
				if (last == 0)
					last = at;
			}
		}
		ok = ok && up == first && down == last;
	}
	T_OK(ok);
}

/* ---- The address space ---- */

struct page {
	uint64_t allocation; /* 0: free */
	uint32_t protect, allocation_protect; /* protect 0: reserved */
};
static struct page model[PAGES];
static struct nt_mm *mm;

static unsigned pick(unsigned n)
{
	return (unsigned)rand() % n;
}

static uint32_t any_protect(void)
{
	static const uint32_t all[] = { PAGE_NOACCESS, PAGE_READONLY, PAGE_READWRITE, PAGE_EXECUTE_READ, PAGE_EXECUTE_READWRITE, PAGE_READWRITE | PAGE_GUARD };

	return all[pick(ARRAY_LEN(all))];
}

static bool one_allocation(unsigned from, unsigned to)
{
	for (unsigned p = from; p < to; p++)
		if (model[p].allocation == 0 || model[p].allocation != model[from].allocation)
			return false;
	return from < to && to <= PAGES;
}

static void try_alloc(void)
{
	bool reserve = pick(3) == 0, commit = !reserve || pick(2);
	uint32_t protect = any_protect();
	unsigned from = pick(PAGES - 64), n = 1 + pick(48);
	uint64_t at = BASE + from * PAGE_SIZE + pick(100), size = n * PAGE_SIZE - pick(100) - 100, want_at, want_end;
	bool ok = true;
	NTSTATUS status;

	want_at = ALIGN_DOWN(at, reserve ? NT_GRANULE : PAGE_SIZE);
	want_end = PAGE_UP(at + size);
	from = (unsigned)((want_at - BASE) / PAGE_SIZE);
	n = (unsigned)((want_end - want_at) / PAGE_SIZE);
	if (from + n > PAGES)
		return;
	if (reserve)
		for (unsigned p = from; p < from + n; p++)
			ok = ok && model[p].allocation == 0;
	else
		ok = one_allocation(from, from + n);
	fail_in = pick(20) == 0 ? 1 + pick(3) : 0;
	status = nt_mm_alloc(mm, &at, &size, (reserve ? MEM_RESERVE : 0) | (commit ? MEM_COMMIT : 0), protect, 0, 0);
	if (status == STATUS_COMMITMENT_LIMIT && fail_in == 0)
		return; /* and nothing has changed */
	fail_in = 0;
	T_EQ(status, ok ? STATUS_SUCCESS : STATUS_CONFLICTING_ADDRESSES);
	if (status != STATUS_SUCCESS)
		return;
	T_OK(at == want_at && at + size == want_end);
	for (unsigned p = from; p < from + n; p++) {
		if (reserve)
			model[p] = (struct page){ .allocation = want_at, .allocation_protect = protect };
		if (commit)
			model[p].protect = protect;
	}
}

static void try_free(void)
{
	unsigned from = pick(PAGES - 64), n = 1 + pick(40);
	bool release = pick(3) == 0;
	uint64_t at, size;
	NTSTATUS status;
	bool ok;

	if (release && model[from].allocation != 0 && pick(2)) /* the whole, often enough */
		from = (unsigned)((model[from].allocation - BASE) / PAGE_SIZE);
	while (release && from + n < PAGES && model[from + n].allocation == model[from].allocation && model[from].allocation != 0)
		n++;
	while (release && n > 1 && model[from + n - 1].allocation != model[from].allocation)
		n--;
	at = BASE + from * PAGE_SIZE;
	size = n * PAGE_SIZE;
	ok = one_allocation(from, from + n);
	if (release)
		ok = ok && model[from].allocation == at && (from + n == PAGES || model[from + n].allocation != at);
	status = nt_mm_free_range(mm, &at, &size, release ? MEM_RELEASE : MEM_DECOMMIT);
	T_OK((status == STATUS_SUCCESS) == ok);
	for (unsigned p = from; ok && p < from + n; p++) {
		model[p].protect = 0;
		if (release)
			model[p] = (struct page){ 0 };
	}
}

static void try_protect(void)
{
	unsigned from = pick(PAGES - 64), n = 1 + pick(30);
	uint64_t at = BASE + from * PAGE_SIZE, size = n * PAGE_SIZE;
	uint32_t protect = any_protect(), old = 0;
	bool ok = one_allocation(from, from + n);
	NTSTATUS status;

	for (unsigned p = from; p < from + n; p++)
		ok = ok && model[p].protect != 0;
	status = nt_mm_protect(mm, &at, &size, protect, &old);
	T_OK((status == STATUS_SUCCESS) == ok);
	if (!ok)
		return;
	T_EQ(old, model[from].protect);
	for (unsigned p = from; p < from + n; p++)
		model[p].protect = protect;
}

static bool alike(const struct page *a, const struct page *b)
{
	return a->allocation == b->allocation && a->protect == b->protect;
}

static void check_query(unsigned p)
{
	struct MEMORY_BASIC_INFORMATION b;
	unsigned end = p;

	while (end < PAGES && alike(&model[p], &model[end]))
		end++;
	T_EQ(nt_mm_basic(mm, BASE + p * PAGE_SIZE + 17, &b), STATUS_SUCCESS);
	T_EQ(b.BaseAddress, BASE + p * PAGE_SIZE);
	T_EQ(b.AllocationBase, model[p].allocation);
	T_EQ(b.AllocationProtect, model[p].allocation_protect);
	T_EQ(b.State, model[p].allocation == 0 ? MEM_FREE : model[p].protect == 0 ? MEM_RESERVE : MEM_COMMIT);
	T_EQ(b.Protect, model[p].allocation == 0 ? PAGE_NOACCESS : model[p].protect);
	if (end < PAGES)
		T_EQ(b.RegionSize, (end - p) * PAGE_SIZE);
}

static void check_host(void)
{
	uint64_t committed = 0;

	for (unsigned p = 0; p < PAGES; p++) {
		T_EQ(host[p].mapped, model[p].protect != 0);
		if (host[p].mapped)
			T_EQ(host[p].prot, nt_vm_prot(model[p].protect));
		committed += model[p].protect != 0;
	}
	T_EQ(nt_mm_private_pages(mm), committed);
}

static void test_pages(void)
{
	T_CASE("pages: what is said, what the host has, and a plain array agree");
	for (unsigned step = 0; step < STEPS; step++) {
		switch (pick(4)) {
		case 0:
		case 1:
			try_alloc();
			break;
		case 2:
			try_free();
			break;
		default:
			try_protect();
		}
		check_query(pick(PAGES));
		if (step % 64 == 0) {
			check_host();
			T_OK(range_tree_check(&mm->vads));
		}
		if (t_bad > 20)
			return;
	}
}

static void test_large(void)
{
	uint64_t at[1000], size;

	T_CASE("terabytes are reserved at once, without touching what is low");
	for (unsigned i = 0; i < ARRAY_LEN(at); i++) {
		at[i] = 0;
		size = 64ull << 30;
		T_EQ(nt_mm_alloc(mm, &at[i], &size, MEM_RESERVE, PAGE_NOACCESS, 0, 0), STATUS_SUCCESS);
		T_OK(at[i] >= 1ull << 32);
		T_OK(at[i] + size <= BAILEY_LOW || at[i] >= BAILEY_HIGH);
	}
	for (unsigned i = 0; i < ARRAY_LEN(at); i++) {
		size = 0;
		T_EQ(nt_mm_free_range(mm, &at[i], &size, MEM_RELEASE), STATUS_SUCCESS);
		T_EQ(size, 64ull << 30);
	}
}

static void test_places(void)
{
	struct nt_alloc_wish a = { .size = 0x30000, .type = MEM_RESERVE, .protect = PAGE_READWRITE,
		.where = { .low = 0x400000000, .high = 0x500000000, .align = 0x40000000 } };
	uint64_t at = 0, size = 0x1000;

	T_CASE("wishes for a place");
	T_EQ(nt_mm_alloc_wish(mm, &a), STATUS_SUCCESS);
	T_EQ(a.address, 0x400000000);
	a.address = 0;
	T_EQ(nt_mm_alloc_wish(mm, &a), STATUS_SUCCESS);
	T_EQ(a.address, 0x440000000);
	T_EQ(nt_mm_alloc(mm, &at, &size, MEM_RESERVE | MEM_TOP_DOWN, PAGE_READWRITE, 0, 0), STATUS_SUCCESS);
	T_EQ(at, NT_USER_TOP - NT_GRANULE);
	at = BAILEY_LOW + 0x10000;
	T_EQ(nt_mm_alloc(mm, &at, &size, MEM_RESERVE, PAGE_READWRITE, 0, 0), STATUS_CONFLICTING_ADDRESSES);
	T_EQ(nt_mm_alloc(mm, &at, &size, MEM_RESERVE, PAGE_WRITECOPY, 0, 0), STATUS_INVALID_PAGE_PROTECTION);
	T_EQ(nt_mm_alloc(mm, &at, &size, 0, PAGE_READWRITE, 0, 0), STATUS_INVALID_PARAMETER_5);
}

static void test_placeholders(void)
{
	struct nt_alloc_wish a = { .size = 0x40000, .type = MEM_RESERVE | MEM_RESERVE_PLACEHOLDER, .protect = PAGE_NOACCESS };
	uint64_t base, at, size;

	T_CASE("placeholders: split, replace, preserve, join");
	T_EQ(nt_mm_alloc_wish(mm, &a), STATUS_SUCCESS);
	base = at = a.address;
	size = 0x1000;
	T_EQ(nt_mm_alloc(mm, &at, &size, MEM_COMMIT, PAGE_READWRITE, 0, 0), STATUS_CONFLICTING_ADDRESSES);
	at = base + 0x11000;
	size = 0x2000;
	T_EQ(nt_mm_free_range(mm, &at, &size, MEM_RELEASE | MEM_PRESERVE_PLACEHOLDER), STATUS_SUCCESS);
	a = (struct nt_alloc_wish){ .address = base + 0x11000, .size = 0x2000, .type = MEM_RESERVE | MEM_COMMIT | MEM_REPLACE_PLACEHOLDER, .protect = PAGE_READWRITE };
	T_EQ(nt_mm_alloc_wish(mm, &a), STATUS_SUCCESS);
	T_EQ(nt_mm_free_range(mm, &at, &size, MEM_RELEASE | MEM_PRESERVE_PLACEHOLDER), STATUS_SUCCESS);
	at = base;
	size = 0x40000;
	T_EQ(nt_mm_free_range(mm, &at, &size, MEM_RELEASE | MEM_COALESCE_PLACEHOLDERS), STATUS_SUCCESS);
	size = 0;
	T_EQ(nt_mm_free_range(mm, &at, &size, MEM_RELEASE), STATUS_SUCCESS);
	T_EQ(size, 0x40000);
}

static void test_watch(void)
{
	uint64_t at = 0, size = 0x10000, from, list[16], n;
	NTSTATUS status;

	T_CASE("write watch");
	T_EQ(nt_mm_alloc(mm, &at, &size, MEM_RESERVE | MEM_COMMIT | MEM_WRITE_WATCH, PAGE_READWRITE, 0, 0), STATUS_SUCCESS);
	T_EQ(host_at(at)->prot, VM_READ);
	T_OK(nt_mm_fault(mm, at + 0x3008, NT_FAULT_WRITE, &status));
	T_OK(nt_mm_fault(mm, at + 0x5008, NT_FAULT_WRITE, &status));
	T_EQ(host_at(at + 0x3000)->prot, VM_READ | VM_WRITE);
	from = at;
	T_EQ(nt_mm_written(mm, &from, at + size, true, list, 1, &n), STATUS_SUCCESS);
	T_OK(n == 1 && list[0] == at + 0x3000);
	T_EQ(host_at(at + 0x3000)->prot, VM_READ);
	T_EQ(host_at(at + 0x5000)->prot, VM_READ | VM_WRITE);
	from = at;
	T_EQ(nt_mm_written(mm, &from, at + size, false, list, 16, &n), STATUS_SUCCESS);
	T_OK(n == 1 && list[0] == at + 0x5000);
	T_EQ(nt_mm_reset_watch(mm, at, size), STATUS_SUCCESS);
	T_EQ(host_at(at + 0x5000)->prot, VM_READ);
	T_EQ(nt_mm_release(mm, at), STATUS_SUCCESS);
}

static void test_stack(void)
{
	struct nt_stack s;
	NTSTATUS status;
	unsigned grown = 0;

	T_CASE("a guard page, and a stack that grows to its end");
	T_EQ(nt_mm_stack(mm, 0x40000, 0x2000, 0, &s), STATUS_SUCCESS);
	thread.teb = 0x1000;
	*teb_word(thread.teb + 8) = s.base;
	*teb_word(thread.teb + 0x10) = s.limit;
	*teb_word(thread.teb + 0x1478) = s.allocation;
	while (nt_mm_fault(mm, *teb_word(thread.teb + 0x10) - 8, NT_FAULT_WRITE, &status))
		grown++;
	T_EQ(status, STATUS_STACK_OVERFLOW);
	T_EQ(*teb_word(thread.teb + 0x10), s.allocation + PAGE_SIZE);
	T_EQ(grown, 0x40 - 2 - 1 - 2 - 1);
	T_OK(!nt_mm_fault(mm, s.allocation + 8, NT_FAULT_WRITE, &status));
	T_EQ(status, STATUS_ACCESS_VIOLATION);
	*teb_word(thread.teb + 8) = 0;
	T_EQ(nt_mm_release(mm, s.allocation), STATUS_SUCCESS);
}

int main(void)
{
	srand(11);
	test_tree();
	mm = nt_mm_new(&process);
	test_large();
	test_placeholders();
	test_watch();
	test_stack();
	test_pages();
	test_places();
	return T_DONE();
}
