/* SPDX-License-Identifier: MIT */
/*
 * nt/ldr/kuser.c - KUSER_SHARED_DATA at 0x7ffe0000, and the dispatcher's page behind it.
 *
 * Two pages of arena-data for the sandbox, which guests can only read.  Kproc writes the times into the first while
 * there are NT processes; the second has the address that calls go through.  The layout of the first
 * is public (ntddk.h).
 */
#include "abi/dk_boot.h"
#include "nt/ex/wait.h"
#include "nt/ke/user.h"
#include "nt/ldr/ldr.h"
#include "nt/mm/mm.h"
#include "nt/os/map.h"
#include "nt/os/sysinfo.h"
#include "rt/mem.h"

#define KUSER            0x7ffe0000u
#define DISPATCHER       0x7ffe1000u
#define TICK_COUNT_MULT  0x004
#define INTERRUPT_TIME   0x008
#define SYSTEM_TIME      0x014
#define TIME_ZONE_BIAS   0x020
#define IMAGE_LOW        0x02c
#define NT_SYSTEM_ROOT   0x030
#define NT_BUILD_NUMBER  0x260
#define NT_PRODUCT_TYPE  0x264
#define PRODUCT_VALID    0x268
#define NATIVE_PROCESSOR 0x26a
#define NT_MAJOR         0x26c
#define NT_MINOR         0x270
#define FEATURES         0x274
#define SUITE_MASK       0x2d0
#define NX_POLICY        0x2d5
#define ACTIVE_CONSOLE   0x2d8
#define PHYSICAL_PAGES   0x2e8
#define QPC_FREQUENCY    0x300
#define SYSTEM_CALL      0x308
#define TICK_COUNT       0x320
#define COOKIE           0x330
#define ACTIVE_CPUS      0x3c0
#define ACTIVE_GROUPS    0x3c4

static void put16(uint8_t *page, uint32_t at, uint16_t v)
{
	memcpy(page + at, &v, sizeof v);
}

static void put32(uint8_t *page, uint32_t at, uint32_t v)
{
	memcpy(page + at, &v, sizeof v);
}

/* KSYSTEM_TIME: readers take High1Time, LowPart, High2Time until the two agree. */
static void put_time(uint8_t *page, uint32_t at, uint64_t v)
{
	__atomic_store_n((uint32_t *)(page + at + 8), (uint32_t)(v >> 32), __ATOMIC_RELEASE);
	__atomic_store_n((uint32_t *)(page + at), (uint32_t)v, __ATOMIC_RELEASE);
	__atomic_store_n((uint32_t *)(page + at + 4), (uint32_t)(v >> 32), __ATOMIC_RELEASE);
}

static void put_features(uint8_t *page)
{
	/* compare-exchange double, MMX, SSE, RDTSC, PAE, SSE2, XSAVE-free; compare128, NX, SSE3: what x86-64 has, as PF_*. */
	static const uint8_t always[] = { 2, 3, 6, 8, 9, 10, 12, 13, 14, 23 };

	for (uint32_t i = 0; i < ARRAY_LEN(always); i++)
		page[FEATURES + always[i]] = 1;
}

void kuser_tick(struct nt_state *nt)
{
	uint8_t *page = data_ptr(nt->kuser_page);
	uint64_t interrupt;

	if (!lock_try(&nt->tick_lock))
		return; /* somebody is at it, and time must not go back */
	interrupt = (uint64_t)ex_interrupt_time();
	put_time(page, INTERRUPT_TIME, interrupt);
	put_time(page, SYSTEM_TIME, (uint64_t)ex_system_time());
	put_time(page, TICK_COUNT, interrupt / 10000);
	lock_drop(&nt->tick_lock);
}

bool kuser_boot(struct nt_state *nt)
{
	static const char root[] = "C:\\windows";
	uint64_t frequency = 10000000, entry = (uint64_t)pico_gs_entry;
	struct os_machine m;
	uint8_t *page;

	if (!data_alloc(2, &nt->kuser_page))
		return false;
	page = data_ptr(nt->kuser_page);
	put32(page, TICK_COUNT_MULT, 1u << 24);
	put16(page, IMAGE_LOW, 0x8664);
	put16(page, IMAGE_LOW + 2, 0x8664);
	for (uint32_t i = 0; i < sizeof root; i++)
		put16(page, NT_SYSTEM_ROOT + i * 2, (uint16_t)root[i]);
	put32(page, NT_BUILD_NUMBER, 19045);
	put32(page, NT_PRODUCT_TYPE, 1);
	page[PRODUCT_VALID] = 1;
	put16(page, NATIVE_PROCESSOR, 9);
	put32(page, NT_MAJOR, 10);
	put32(page, NT_MINOR, 0);
	put_features(page);
	put32(page, SUITE_MASK, 0x100);
	page[NX_POLICY] = 0x0a;
	put32(page, ACTIVE_CONSOLE, 1);
	memcpy(page + QPC_FREQUENCY, &frequency, sizeof frequency);
	put32(page, SYSTEM_CALL, 1);
	(void)DkRandomBitsRead(page + COOKIE, 4);
	os_machine(&m);
	put32(page, PHYSICAL_PAGES, (uint32_t)MIN(m.total_pages, UINT32_MAX));
	page[ACTIVE_GROUPS] = 1;
	put32(page, ACTIVE_CPUS, pico_boot_block->ncpus != 0 ? pico_boot_block->ncpus : 1);
	memcpy(page + (DISPATCHER - KUSER), &entry, sizeof entry); /* the same in all: images have a fixed place */
	kuser_tick(nt);
	return true;
}

NTSTATUS kuser_map(struct nt_mm *mm, struct nt_state *nt)
{
	uint64_t at = KUSER;
	NTSTATUS status = nt_mm_reserve(mm, &at, 2 * PAGE_SIZE, MEM_PRIVATE, PAGE_READONLY, 0, 0);

	if (status == STATUS_SUCCESS)
		status = nt_mm_mapped(mm, KUSER, PAGE_SIZE, PAGE_READONLY);
	if (status == STATUS_SUCCESS)
		status = nt_mm_mapped(mm, DISPATCHER, PAGE_SIZE, PAGE_READONLY | PAGE_NOCACHE); /* a region of its own */
	return status == STATUS_SUCCESS ? os_map_shared_pages(KUSER, nt->kuser_page, 2) : status;
}
