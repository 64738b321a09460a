/* SPDX-License-Identifier: MIT */
/* Virtual memory: reserve, commit, decommit, release, protection, guard pages, write watch, what a query says. */
/* wine: a second release says 87; Windows knows that nothing is allocated there and says 487.  Decommitted pages are one region; a bad
   address in another place's memory is a partial copy (299). */
#include "t.h"

static char *base;
static DWORD seen_code, seen_type;

static LONG WINAPI skips(EXCEPTION_POINTERS *p)
{
	seen_code = p->ExceptionRecord->ExceptionCode;
	seen_type = (DWORD)p->ExceptionRecord->ExceptionInformation[0];
	p->ContextRecord->Rip += 3;	/* the access below is three bytes long */
	return EXCEPTION_CONTINUE_EXECUTION;
}

/* What a touch of the address raises. */
static void touch(const char *what, void *address, int write)
{
	seen_code = 0;
	if (write)
		__asm__ volatile(".byte 0x40, 0x88, 0x01" ::"c"(address), "a"(0) : "memory");
	else
		__asm__ volatile(".byte 0x40, 0x8a, 0x01" ::"c"(address) : "rax", "memory");
	printf("%s %s: %#lx %lu\n", write ? "write" : "read", what, seen_code, seen_code == EXCEPTION_ACCESS_VIOLATION ? seen_type : 0);
}

static void query(const char *what, void *address)
{
	MEMORY_BASIC_INFORMATION m;

	if (VirtualQuery(address, &m, sizeof m) != sizeof m) {
		printf("%s: error %lu\n", what, GetLastError());
		return;
	}
	printf("%s: base %+lld, region %lld, allocated with %#lx, state %#lx, protect %#lx, type %#lx\n", what, (long long)((char *)m.BaseAddress - base),
	       m.State == MEM_FREE ? -1 : (long long)m.RegionSize, m.State == MEM_FREE ? 0 : m.AllocationProtect, m.State, m.Protect, m.Type);
}

static void states(void)
{
	DWORD old = 0;

	base = VirtualAlloc(0, 1 << 20, MEM_RESERVE, PAGE_READWRITE);
	OK(base != 0);
	NUM((uintptr_t)base % 65536);
	query("reserved", base + 5000);
	touch("reserved", base, 0);
	NUM((char *)VirtualAlloc(base + 8192 + 5, 4096, MEM_COMMIT, PAGE_READWRITE) - base);
	query("committed", base + 8192);
	query("before", base);
	query("after", base + 16384);
	touch("committed", base + 8192, 1);
	base[8192] = 7;
	OK(VirtualAlloc(base + 8192, 4096, MEM_COMMIT, PAGE_READONLY) != 0);
	NUM(base[8192]);
	query("committed again, read-only", base + 8192);
	touch("read-only", base + 8192, 1);
	OK(VirtualProtect(base + 8192, 8192, PAGE_EXECUTE_READWRITE, &old));
	HEX(old);
	query("changed", base + 12288);
	OK(VirtualProtect(base, 4096, PAGE_READWRITE, &old));
	OK(VirtualProtect(base + 8192, 4096, 0x777, &old));
	OK(VirtualProtect(base + 8192, 4096, PAGE_READWRITE, 0));
	OK(VirtualFree(base + 8192, 4096, MEM_DECOMMIT));
	query("decommitted", base + 8192);
	query("its neighbour", base + 12288);
	OK(VirtualAlloc(base + 8192, 4096, MEM_COMMIT, PAGE_READWRITE) != 0);
	NUM(base[8192]);
	OK(VirtualFree(base, 4096, MEM_RELEASE));
	OK(VirtualFree(base + 65536, 0, MEM_RELEASE));
	OK(VirtualFree(base, 0, MEM_DECOMMIT));
	query("all decommitted", base + 8192);
	OK(VirtualFree(base, 0, MEM_RELEASE));
	query("released", base);
	OK(VirtualFree(base, 0, MEM_RELEASE));
}

static void errors(void)
{
	OK(VirtualAlloc(0, 0, MEM_COMMIT, PAGE_READWRITE) != 0);
	OK(VirtualAlloc(0, 4096, MEM_COMMIT, 0) != 0);
	OK(VirtualAlloc(0, 4096, 0, PAGE_READWRITE) != 0);
	OK(VirtualAlloc((void *)0x7fffffff0000ull, 1 << 20, MEM_RESERVE, PAGE_READWRITE) != 0);
	OK(VirtualAlloc(0, (SIZE_T)1 << 60, MEM_RESERVE, PAGE_READWRITE) != 0);
	base = VirtualAlloc(0, 65536, MEM_RESERVE | MEM_COMMIT, PAGE_READWRITE);
	OK(VirtualAlloc(base, 4096, MEM_RESERVE, PAGE_READWRITE) != 0);
	OK(VirtualAlloc(base, 131072, MEM_COMMIT, PAGE_READWRITE) != 0);
	OK(VirtualFree(base, 0, MEM_RELEASE | MEM_DECOMMIT));
	OK(VirtualFree(base, 0, MEM_RELEASE));
	OK(VirtualAlloc(base, 4096, MEM_COMMIT, PAGE_READWRITE) != 0);
	NUM((char *)VirtualAlloc(base + 100, 5000, MEM_RESERVE | MEM_COMMIT, PAGE_READWRITE) - base);
	query("rounded", base);
	OK(VirtualFree(base, 0, MEM_RELEASE));
}

static void guards(void)
{
	DWORD old;

	base = VirtualAlloc(0, 65536, MEM_RESERVE | MEM_COMMIT, PAGE_READWRITE);
	OK(VirtualProtect(base + 4096, 4096, PAGE_READWRITE | PAGE_GUARD, &old));
	query("guarded", base + 4096);
	touch("guard", base + 4096, 0);
	touch("guard", base + 4096, 0);
	query("touched", base + 4096);
	OK(VirtualProtect(base + 4096, 4096, PAGE_READONLY | PAGE_GUARD, &old));
	touch("read-only guard", base + 4096, 1);
	touch("read-only guard", base + 4096, 1);
	OK(VirtualProtect(base + 8192, 4096, PAGE_NOACCESS, &old));
	touch("no access", base + 8192, 0);
	OK(VirtualFree(base, 0, MEM_RELEASE));
}

static void watch(void)
{
	void *pages[8];
	ULONG_PTR count = 8;
	ULONG size;

	base = VirtualAlloc(0, 65536, MEM_RESERVE | MEM_COMMIT | MEM_WRITE_WATCH, PAGE_READWRITE);
	OK(base != 0);
	NUM(GetWriteWatch(0, base, 65536, pages, &count, &size));
	NUM(count);
	base[4096] = 1;
	base[5 * 4096 + 17] = 1;
	touch("watched", base + 8192, 0);
	count = 8;
	NUM(GetWriteWatch(WRITE_WATCH_FLAG_RESET, base, 65536, pages, &count, &size));
	NUM(size);
	for (ULONG_PTR i = 0; i < count; i++)
		printf("written: %lld\n", (long long)((char *)pages[i] - base));
	count = 8;
	GetWriteWatch(0, base, 65536, pages, &count, &size);
	NUM(count);
	base[0] = 1;
	OK(ResetWriteWatch(base, 65536) == 0);
	count = 8;
	GetWriteWatch(0, base, 65536, pages, &count, &size);
	NUM(count);
	OK(VirtualFree(base, 0, MEM_RELEASE));
}

static void places(void)
{
	char *low = VirtualAlloc(0, 65536, MEM_RESERVE, PAGE_NOACCESS), *high = VirtualAlloc(0, 65536, MEM_RESERVE | MEM_TOP_DOWN, PAGE_NOACCESS);
	char *big = VirtualAlloc(0, (SIZE_T)64 << 30, MEM_RESERVE, PAGE_READWRITE), *fixed;

	NUM(high > low);
	OK(big != 0);
	fixed = big + ((SIZE_T)32 << 30);
	OK(VirtualAlloc(fixed, 4096, MEM_COMMIT, PAGE_READWRITE) == fixed);
	*fixed = 1;
	OK(VirtualFree(big, 0, MEM_RELEASE));
	OK(VirtualAlloc(fixed, 4096, MEM_COMMIT | MEM_RESERVE, PAGE_READWRITE) == fixed);
	NUM(*fixed);
	OK(VirtualAlloc(fixed, 4096, MEM_RESET, PAGE_READWRITE) == fixed);
	OK(VirtualLock(fixed, 4096));
	OK(VirtualUnlock(fixed, 4096));
	OK(FlushInstructionCache(GetCurrentProcess(), fixed, 4096));
}

static void code(void)
{
	static const unsigned char text[] = { 0x8d, 0x41, 0x05, 0xc3 };	/* lea 5(%rcx), %eax; ret */
	unsigned char *f = VirtualAlloc(0, 4096, MEM_RESERVE | MEM_COMMIT, PAGE_READWRITE);
	DWORD old;

	memcpy(f, text, sizeof text);
	OK(VirtualProtect(f, 4096, PAGE_EXECUTE_READ, &old));
	NUM(((int (*)(int))f)(37));
	base = (char *)f;
	touch("code", f, 1);
}

int main(void)
{
	SYSTEM_INFO si;
	char word[8] = "";
	SIZE_T n = 0;

	t_start();
	AddVectoredExceptionHandler(TRUE, skips);
	states();
	errors();
	guards();
	watch();
	places();
	code();
	GetSystemInfo(&si);
	NUM(si.dwPageSize);
	NUM(si.dwAllocationGranularity);
	HEX(si.lpMinimumApplicationAddress);
	HEX(si.lpMaximumApplicationAddress);
	OK(ReadProcessMemory(GetCurrentProcess(), "abcdefg", word, 8, &n));
	NUM(n);
	puts(word);
	OK(ReadProcessMemory(GetCurrentProcess(), (void *)0x10, word, 8, &n));
	OK(WriteProcessMemory(GetCurrentProcess(), word, "xyz", 4, &n));
	puts(word);
	return 0;
}
