/* SPDX-License-Identifier: MIT */
/* tests/abi/memory.c - DkVirtualMemoryAlloc, Free, Protect; DkStreamMap, Unmap; DkVirtualMemoryQuery. */
#include "tests/abi/bare.h"

static uint64_t place(uint64_t wish, uint64_t size, uint32_t type, uint32_t prot, enum dk_status want)
{
	uint64_t at = wish;

	CHECK_STATUS(DkVirtualMemoryAlloc(&at, size, type, prot), want);
	return at;
}

static void refusals(void)
{
	const uint32_t fixed = DK_MEM_COMMIT | DK_MEM_FIXED;
	uint64_t done, at = 0x30000000;
	uint8_t buf[64];

	(void)place(0, 0, DK_MEM_COMMIT, DK_PROT_R, DK_INVALID_ARG);
	(void)place(0, 100, DK_MEM_COMMIT, DK_PROT_R, DK_INVALID_ARG);
	(void)place(0, 4096, 0, DK_PROT_R, DK_INVALID_ARG);
	(void)place(0x1001, 4096, fixed, DK_PROT_R, DK_INVALID_ARG);
	(void)place(PAL_BASE, 4096, fixed, DK_PROT_R, DK_INVALID_ARG);
	(void)place(PAL_BASE - 4096, 8192, fixed, DK_PROT_R, DK_INVALID_ARG);
	(void)place(ARENA_BASE, 4096, fixed, DK_PROT_R, DK_INVALID_ARG);
	(void)place(SLOTS_BASE, 4096, fixed, DK_PROT_R, DK_INVALID_ARG);
	(void)place(0x7ffffffff000, 4096, fixed, DK_PROT_R, DK_INVALID_ARG);
	(void)place(UINT64_MAX - 4095, 8192, fixed, DK_PROT_R, DK_INVALID_ARG);
	CHECK_STATUS(DkVirtualMemoryFree(PAL_BASE, 4096, DK_MEM_RELEASE), DK_INVALID_ARG);
	CHECK_STATUS(DkVirtualMemoryProtect(LINUX_BASE, 4096, 7), DK_INVALID_ARG);
	CHECK_STATUS(DkVirtualMemoryProtect(0x30000000, 4096, DK_PROT_R), DK_NO_MEMORY);
	CHECK_STATUS(DkVirtualMemoryFree(0x30000000, 4096, 99), DK_INVALID_ARG);
	CHECK_STATUS(DkStreamUnmap(PALSHARED_BASE, 4096), DK_INVALID_ARG);
	CHECK_STATUS(DkVirtualMemoryQuery(DK_NO_HANDLE, 0x30000000, 4096, 99, NULL, 0, &done), DK_NOT_SUPPORTED);
	CHECK_STATUS(DkVirtualMemoryQuery(DK_NO_HANDLE, 0x30000000, 4096, DK_QUERY_RESIDENT, buf, 0, &done), DK_INVALID_ARG);
	CHECK_STATUS(DkVirtualMemoryQuery(DK_NO_HANDLE, 0x30000000, 4096, DK_QUERY_RESIDENT, buf, 1, &done), DK_NO_MEMORY);
	CHECK_STATUS(DkVirtualMemoryQuery(DK_NO_HANDLE, PAL_BASE, 4096, DK_QUERY_RESIDENT, buf, 1, &done), DK_INVALID_ARG);
	CHECK_STATUS(DkVirtualMemoryQuery(12345, 0, 0, DK_QUERY_USAGE, buf, sizeof buf, &done), DK_INVALID_HANDLE);
	CHECK_STATUS(DkStreamMap(DK_NO_HANDLE, &at, PAL_BASE, 4096, 1, DK_MAP_MOVE), DK_INVALID_ARG);
	CHECK_STATUS(DkStreamMap(DK_NO_HANDLE, &at, 0x30000000, 4096, 0, DK_MAP_MOVE), DK_INVALID_ARG);
}

/* What is resident, advice, and moving pages. */
static void pages(void)
{
	uint64_t a = place(0x31000000, 8 * 4096, DK_MEM_COMMIT | DK_MEM_FIXED, DK_PROT_R | DK_PROT_W, DK_OK), to = 0x32000000, done = 0;
	struct dk_memory_usage use;
	uint8_t there[8];

	*(volatile uint32_t *)(a + 4096) = 7;
	OK(DkVirtualMemoryQuery(DK_NO_HANDLE, a, 8 * 4096, DK_QUERY_RESIDENT, there, sizeof there, &done));
	CHECK(done == 8 && !(there[0] & 1) && (there[1] & 1) && !(there[2] & 1));
	(void)place(a + 8192, 4096, DK_MEM_POPULATE, DK_PROT_W, DK_OK);
	OK(DkVirtualMemoryQuery(DK_NO_HANDLE, a + 8192, 4096, DK_QUERY_RESIDENT, there, sizeof there, &done));
	CHECK(done == 1 && (there[0] & 1));
	(void)place(a, 8 * 4096, DK_MEM_NOHUGE, 0, DK_OK);
	(void)place(a, 4096, DK_MEM_COLD | DK_MEM_POPULATE, 0, DK_INVALID_ARG);
	OK(DkStreamMap(DK_NO_HANDLE, &to, a, 16 * 4096, 8, DK_MAP_MOVE));
	CHECK(to == 0x32000000 && *(volatile uint32_t *)(to + 4096) == 7 && *(volatile uint32_t *)(to + 15 * 4096) == 0);
	CHECK_STATUS(DkVirtualMemoryProtect(a, 4096, DK_PROT_R), DK_NO_MEMORY);
	OK(DkVirtualMemoryFree(to, 4 * 4096, DK_MEM_DECOMMIT | DK_MEM_LAZY));
	OK(DkVirtualMemoryQuery(bare_boot->process, 0, 0, DK_QUERY_USAGE, &use, sizeof use, &done));
	CHECK(done == sizeof use && use.process == bare_boot->process && use.anon > 0 && use.file > 0);
	OK(DkVirtualMemoryQuery(DK_NO_HANDLE, 0, 0, DK_QUERY_USAGE, &use, sizeof use, &done));
	CHECK(done == sizeof use && use.process == bare_boot->process);
	OK(DkVirtualMemoryFree(to, 16 * 4096, DK_MEM_RELEASE));
}

static void private_memory(void)
{
	uint64_t a = place(0x30000000, 65536, DK_MEM_COMMIT | DK_MEM_FIXED, DK_PROT_R | DK_PROT_W, DK_OK), b;
	volatile uint32_t *p = (volatile uint32_t *)a;

	CHECK(a == 0x30000000 && p[0] == 0);
	p[0] = 5;
	(void)place(0x30000000, 4096, DK_MEM_COMMIT | DK_MEM_FIXED | DK_MEM_NOREPLACE, DK_PROT_R, DK_EXISTS);
	CHECK(p[0] == 5);
	OK(DkVirtualMemoryProtect(a, 4096, DK_PROT_R));
	CHECK(p[0] == 5);
	OK(DkVirtualMemoryProtect(a, 4096, DK_PROT_R | DK_PROT_W | DK_PROT_X));
	OK(DkVirtualMemoryFree(a, 4096, DK_MEM_DECOMMIT));
	CHECK(p[0] == 0);
	OK(DkVirtualMemoryFree(a, 65536, DK_MEM_RELEASE));
	/* A wish inside the window is no wish. */
	b = place(ARENA_BASE + ARENA_SIZE - 65536, 4096, DK_MEM_COMMIT, DK_PROT_R, DK_OK);
	CHECK(b < BAILEY_LOW || b >= BAILEY_HIGH);
	b = place(HEAP_BASE, 1ull << 32, DK_MEM_RESERVE | DK_MEM_FIXED, 0, DK_OK);
	b = place(HEAP_BASE + 65536, 65536, DK_MEM_COMMIT | DK_MEM_FIXED | DK_MEM_POPULATE, DK_PROT_R | DK_PROT_W, DK_OK);
	*(volatile uint32_t *)b = 1;
}

static void maps(void)
{
	struct dk_open open = { .access = DK_READ };
	dk_handle f;
	uint64_t at = 0, back = 0, data;

	OK(DkStreamOpen("file:/proc/self/exe", &open, &f));
	OK(DkStreamMap(f, &at, 0, 4096, DK_PROT_R, DK_MAP_PRIVATE));
	CHECK(memcmp((void *)at, "\177ELF", 4) == 0);
	CHECK_STATUS(DkStreamMap(f, &back, 0, 4096, DK_PROT_R, 0), DK_INVALID_ARG);
	CHECK_STATUS(DkStreamMap(f, &back, 100, 4096, DK_PROT_R, DK_MAP_PRIVATE), DK_INVALID_ARG);
	CHECK_STATUS(DkStreamMap(f, &back, 0, 4096, DK_PROT_R | DK_PROT_W, DK_MAP_SHARED), DK_DENIED);
	back = PAL_BASE;
	CHECK_STATUS(DkStreamMap(f, &back, 0, 4096, DK_PROT_R, DK_MAP_PRIVATE | DK_MAP_FIXED), DK_INVALID_ARG);
	OK(DkStreamUnmap(at, 4096));
	OK(DkObjectClose(f));
	at = 0;
	OK(DkStreamMap(bare_boot->arena_data, &at, 65536, 4096, DK_PROT_R | DK_PROT_W, DK_MAP_SHARED));
	data = DATA_BASE + 65536;
	*(volatile uint64_t *)at = 77;
	CHECK(*(volatile uint64_t *)data == 77);
	OK(DkVirtualMemoryFree(data, 4096, DK_MEM_DECOMMIT));
	CHECK(*(volatile uint64_t *)at == 0);
	OK(DkStreamUnmap(at, 4096));
}

int bare_main(void)
{
	refusals();
	pages();
	private_memory();
	maps();
	return 0;
}
