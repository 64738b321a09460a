/* SPDX-License-Identifier: MIT */
/*
 * tests/escape/nt_hostile.c - a Windows program that attacks; the sibling of hostile.c, attack.c and modes.c.
 *
 *	nt_hostile numbers HOW COUNT	numbers 0..COUNT-1 with several sets of arguments; HOW is syscall, jit, int80 or x32
 *	nt_hostile modes		system calls from compatibility mode, sysenter, vsyscall
 *	nt_hostile pal ADDR		lines "NR A0..A5 K|A" from standard input, as hostile.c has them
 *	nt_hostile replace ADDR		memory calls on pal, the images and what the sandbox shares: refused
 *	nt_hostile scribble ADDR WHERE	writes over a part of what is the library OS's, while others use it
 *	nt_hostile frames SEED COUNT	nt_frames.c
 *	nt_hostile folders MARKER DIR MS, names MARKER DIR TOP	nt_folders.c
 *	nt_hostile bomb KIND SECONDS	nt_bombs.c
 *	nt_hostile programs|libraries|hives SEED COUNT		nt_mutants.c
 *
 * The last line is "done" and what was counted; "BAD" begins each line about something that must not happen.
 */
#include "nt_hostile.h"

#include <stdarg.h>

#include "abi/layout.h"

struct shared_page *page;
host_fn *host_call;
uint64_t random_state;
static HANDLE section;

uint64_t rnd(void)
{
	random_state = random_state * 6364136223846793005ull + 1442695040888963407ull;
	return random_state >> 16;
}

void *nt(const char *name)
{
	return (void *)GetProcAddress(GetModuleHandleA("ntdll.dll"), name);
}

uint64_t place(void)
{
	static const uint64_t all[] = { 0, 1, 0x10000, 0x400000, 0x7ffe0000, 0x7ffe1000, PAL_BASE, PAL_BASE + 0x1000, PAL_BASE + 0x2000, VDSO_BASE, PALSHARED_BASE, LINUX_BASE, LINUX_BASE + 0x1000,
		NT_BASE, SLOTS_BASE, SLOTS_BASE + SLOT_KSTACK_TOP - 256, SLOTS_BASE + SLOT_ALTSTACK_TOP, SLOTS_BASE + SLOT_TB, HEAP_BASE, ARENA_BASE, DATA_BASE, BAILEY_HIGH,
		0x7ffffffff000, 0x800000000000, 0xffff800000000000, 0xffffffffff600000, ~0ull };

	return PICK(all) + (rnd() % 3 ? 0 : rnd() % 8192);
}

void unicode(UNICODE_STRING *s, const WCHAR *text)
{
	s->Buffer = (WCHAR *)text;
	s->Length = s->MaximumLength = (USHORT)(2 * wcslen(text));
}

/* ---- children ---- */

HANDLE start_program(const char *path, const char *line)
{
	STARTUPINFOA si = { .cb = sizeof si };
	PROCESS_INFORMATION pi = { 0 };
	char copy[2000];

	snprintf(copy, sizeof copy, "%s", line);
	if (!CreateProcessA(path, copy, NULL, NULL, TRUE, 0, NULL, NULL, &si, &pi))
		return NULL;
	CloseHandle(pi.hThread);
	return pi.hProcess;
}

static DWORD wait_for(HANDLE p, DWORD ms, int *stuck)
{
	DWORD code = 0xffffffff, since = GetTickCount(), last = page->progress;

	*stuck = 0;
	if (p == NULL)
		return 0xfffffffe;
	while (WaitForSingleObject(p, 20) == WAIT_TIMEOUT) {
		if (page->progress != last)
			last = page->progress, since = GetTickCount();
		if (GetTickCount() - since > ms) {
			*stuck = 1;
			TerminateProcess(p, 77);
			if (WaitForSingleObject(p, PATIENCE_MS) != WAIT_OBJECT_0)
				bad("a process cannot be ended");
			break;
		}
	}
	GetExitCodeProcess(p, &code);
	CloseHandle(p);
	return code;
}

DWORD run_program(const char *path, const char *line, DWORD ms, int *stuck)
{
	return wait_for(start_program(path, line), ms, stuck);
}

HANDLE start_child(const char *args)
{
	char self[MAX_PATH], line[1500];

	GetModuleFileNameA(NULL, self, sizeof self);
	snprintf(line, sizeof line, "\"%s\" child %llu %s", self, (unsigned long long)(uintptr_t)section, args);
	return start_program(self, line);
}

DWORD child(const char *args, DWORD ms, int *stuck)
{
	HANDLE p = start_child(args);

	if (p == NULL)
		bad("no child starts: %lu", GetLastError());
	return wait_for(p, ms, stuck);
}

/* ---- every number ---- */

typedef uint64_t number_fn(uint64_t nr, const uint64_t *a);

#define CALL(name, insn) \
	uint64_t name(uint64_t nr, const uint64_t *a); \
	__asm__(".globl " #name "\n" #name ":\n\tpush %rbx\n\tpush %rdi\n\tpush %rsi\n\tpush %rbp\n\tsub $0x80, %rsp\n\tmov %rcx, %rax\n\tmov %rdx, %rbx\n" \
		"\tmov (%rbx), %rdi\n\tmov 8(%rbx), %rsi\n\tmov 16(%rbx), %rdx\n\tmov 24(%rbx), %r10\n\tmov 32(%rbx), %r8\n\tmov 40(%rbx), %r9\n" insn \
		"\n\tadd $0x80, %rsp\n\tpop %rbp\n\tpop %rsi\n\tpop %rdi\n\tpop %rbx\n\tret\n")
CALL(by_syscall, "\tsyscall\n\ttest %rax, %rax");
CALL(by_x32, "\tbts $30, %rax\n\tsyscall");
CALL(by_int80, "\tmov %rdi, %rbx\n\tmov %rsi, %rcx\n\tmov %r10, %rsi\n\tmov %r8, %rdi\n\tint $0x80");

/* Code made at run time: mov rax,rcx; mov r11,rdx; the registers; syscall; ret */
static number_fn *make_jit(void)
{
	static const unsigned char code[] = { 0x57, 0x56, 0x48, 0x89, 0xc8, 0x49, 0x89, 0xd3, 0x49, 0x8b, 0x3b, 0x49, 0x8b, 0x73, 0x08, 0x49, 0x8b, 0x53, 0x10, 0x4d, 0x8b, 0x53, 0x18, 0x4d, 0x8b, 0x43, 0x20,
		0x4d, 0x8b, 0x4b, 0x28, 0x0f, 0x05, 0x5e, 0x5f, 0xc3 };
	void *p = VirtualAlloc(NULL, 4096, MEM_RESERVE | MEM_COMMIT, PAGE_EXECUTE_READWRITE);

	memcpy(p, code, sizeof code);
	return p;
}

static void fill_args(unsigned set, uint64_t *a)
{
	static char buffer[8192] __attribute__((aligned(4096)));

	for (unsigned i = 0; i < 6; i++) {
		switch (set) {
		case 0: a[i] = 0; break;
		case 1: a[i] = ~0ull; break;
		case 2: a[i] = (uint64_t)(uintptr_t)buffer; break;
		case 3: a[i] = 1; break;
		case 4: a[i] = i & 1 ? 4096 : ARENA_BASE; break;
		default: a[i] = i & 1 ? 1 << 20 : PAL_BASE; break;
		}
	}
}

/* An attempt that faults is over: what went wrong is its result.  All are two bytes long but those that jump away. */
static volatile int trying;

static LONG WINAPI skip(EXCEPTION_POINTERS *e)
{
	DWORD code = e->ExceptionRecord->ExceptionCode;

	if (!trying)
		TerminateProcess(GetCurrentProcess(), code);
	trying = 0;
	e->ContextRecord->Rax = 0xffffffff00000000 | code;
	e->ContextRecord->Rip += 2;
	return EXCEPTION_CONTINUE_EXECUTION;
}

static int numbers_child(const char *how, unsigned from, unsigned count)
{
	number_fn *call = !strcmp(how, "syscall") ? by_syscall : !strcmp(how, "x32") ? by_x32 : !strcmp(how, "int80") ? by_int80 : make_jit();

	AddVectoredExceptionHandler(1, skip);
	for (unsigned i = from; i < count * 6; i++) {
		uint64_t a[6], r;

		fill_args(i % 6, a);
		page->progress = i + 1;
		trying = 1;
		r = call(i / 6, a);
		trying = 0;
		page->returned++;
		/* getpid of each table: what the host would answer is the number of a process. */
		if ((!strcmp(how, "int80") && i / 6 == 20 && r - 1 < 1 << 22) || (!strcmp(how, "x32") && i / 6 == 39 && r - 1 < 1 << 22))
			page->wrong++;
	}
	return 0;
}

static int numbers(const char *how, unsigned count)
{
	unsigned died = 0, stopped = 0;
	char args[100];

	while (page->progress < count * 6) {
		unsigned before = page->progress;
		int stuck;

		snprintf(args, sizeof args, "numbers %s %u %u", how, before, count);
		died += child(args, 1000, &stuck) != 0 && !stuck;
		stopped += stuck;
		if (page->progress == before)
			page->progress++; /* it died before it could say so */
	}
	if (page->wrong)
		bad("%u calls by %s were served by the host", page->wrong, how);
	printf("done numbers %s: %u returned, %u ended their process, %u waited\n", how, page->returned, died, stopped);
	return 0;
}

/* ---- modes ---- */

static long by_32(const char *insn)
{
	unsigned char *low = VirtualAlloc((void *)0x20000000, 16384, MEM_RESERVE | MEM_COMMIT, PAGE_EXECUTE_READWRITE);

	return low != NULL ? call_32(low, insn) : -12;
}

static long vsyscall(uint64_t at)
{
	static uint64_t room[2];

	((void __attribute__((sysv_abi)) (*)(void *, void *))(uintptr_t)at)(room, NULL);
	return -1;
}

static int modes_child(unsigned which)
{
	page->entered = 1;
	switch (which) {
	case 0: page->result = (uint64_t)by_32("\xcd\x80"); break;
	case 1: page->result = (uint64_t)by_32("\x0f\x34"); break;
	case 2: page->result = (uint64_t)by_32("\x0f\x05"); break;
	case 3: page->result = (uint64_t)sysenter_64(); break;
	default: page->result = (uint64_t)vsyscall(0xffffffffff600000 + (which - 4) % 3 * 0x400 + (which - 4) / 3 * 7); break;
	}
	page->came_back = 1;
	return 0;
}

static int modes(void)
{
	unsigned died = 0;
	char args[100];

	for (unsigned i = 0; i < 8; i++) {
		int stuck;

		page->entered = page->came_back = 0;
		snprintf(args, sizeof args, "modes %u", i);
		died += child(args, 10000, &stuck) != 0;
		if (!page->entered)
			bad("way %u was not tried", i);
		else if (page->came_back && (int32_t)page->result >= 0)
			bad("way %u was served: %llx", i, (unsigned long long)page->result);
	}
	printf("done modes: 8 ways, %u ended the process\n", died);
	return 0;
}

/* ---- pal's instruction ---- */

static int pal_child(char **argv)
{
	uint64_t a[7];

	for (unsigned i = 0; i < 7; i++)
		a[i] = strtoull(argv[i], NULL, i ? 16 : 10);
	page->entered = 1;
	page->result = (uint64_t)host_call((long)a[0], a[1], a[2], a[3], a[4], a[5], a[6]);
	page->came_back = 1;
	return 0;
}

static int pal(const char *addr)
{
	char line[300], args[400];
	unsigned died = 0, came_back = 0;

	while (fgets(line, sizeof line, stdin)) {
		size_t n = strcspn(line, "\r\n");
		char expect = n ? line[n - 1] : 0;
		int stuck;

		if (expect != 'K' && expect != 'A')
			continue;
		line[n - 1] = 0;
		page->entered = page->came_back = 0;
		snprintf(args, sizeof args, "pal %s %s", addr, line);
		died += child(args, expect == 'K' ? PATIENCE_MS : 2000, &stuck) != 0;
		came_back += page->came_back;
		if (expect == 'K' && (page->came_back || stuck))
			bad("call %s came back: %llx", line, (unsigned long long)page->result);
	}
	printf("done pal: %u ended their process, %u came back\n", died, came_back);
	return 0;
}

/* ---- memory that is not the guest's ---- */

static const struct { const char *what; uint64_t at; } ours[] = { { "pal", PAL_BASE }, { "pal's middle", PAL_BASE + 0x2000 }, { "the vdso", VDSO_BASE }, { "pal's shared memory", PALSHARED_BASE }, { "the library OS", LINUX_BASE },
	{ "a slot", SLOTS_BASE }, { "the heap", HEAP_BASE }, { "the arena", ARENA_BASE }, { "windows", WINDOWS_BASE }, { "the data", DATA_BASE }, { "the end", BAILEY_HIGH - 65536 } };

static void replace_one(const char *what, uint64_t at, HANDLE map)
{
	static const ULONG types[] = { MEM_RESERVE, MEM_COMMIT, MEM_RESERVE | MEM_COMMIT };
	static const ULONG frees[] = { MEM_RELEASE, MEM_DECOMMIT };
	HANDLE me = GetCurrentProcess();
	static char buffer[64];
	uint64_t base, offset = 0;
	SIZE_T size;
	ULONG old;

#define MUST_NOT(call, name) if ((call) >= 0) bad("%s of %s", name, what)
	for (unsigned i = 0; i < 3; i++)
		base = at, size = 65536, ({ MUST_NOT(NT(NtAllocateVirtualMemory, me, &base, 0ull, &size, types[i], PAGE_EXECUTE_READWRITE), "allocation"); });
	for (unsigned i = 0; i < 2; i++)
		base = at, size = i ? 4096 : 0, ({ MUST_NOT(NT(NtFreeVirtualMemory, me, &base, &size, frees[i]), "freeing"); });
	base = at, size = 4096;
	MUST_NOT(NT(NtProtectVirtualMemory, me, &base, &size, PAGE_EXECUTE_READWRITE, &old), "protection");
	MUST_NOT(NT(NtUnmapViewOfSection, me, at), "unmapping");
	base = at, size = 65536;
	MUST_NOT(NT(NtMapViewOfSection, map, me, &base, 0ull, 0ull, &offset, &size, 2ull, 0ull, (uint64_t)PAGE_READWRITE), "mapping");
	MUST_NOT(NT(NtReadVirtualMemory, me, at, buffer, sizeof buffer, NULL), "reading");
	MUST_NOT(NT(NtWriteVirtualMemory, me, at, buffer, sizeof buffer, NULL), "writing");
	MUST_NOT(NT(NtQuerySystemInformation, 0ull, at, 64ull, NULL), "an answer into the middle");
	MUST_NOT(NT(NtQueryVirtualMemory, me, &old, 0ull, at, 48ull, NULL), "an answer");
	base = at, size = 4096;
	MUST_NOT(NT(NtLockVirtualMemory, me, &base, &size, 1ull), "locking");
#undef MUST_NOT
}

static int replace(void)
{
	HANDLE map = CreateFileMappingA(INVALID_HANDLE_VALUE, NULL, PAGE_READWRITE, 0, 65536, NULL);

	for (unsigned i = 0; i < sizeof ours / sizeof *ours; i++)
		replace_one(ours[i].what, ours[i].at, map);
	if (WaitForSingleObject(map, 0) == 12345)
		return 1;
	printf("done replace\n");
	return 0;
}

/* ---- scribbling ---- */

static void use_it(void)
{
	HANDLE r, w, e = CreateEventA(NULL, FALSE, FALSE, "Local\\hostile");
	DWORD n;
	char c;
	HKEY k;

	SetEvent(e);
	WaitForSingleObject(e, 0);
	CloseHandle(e);
	if (CreatePipe(&r, &w, NULL, 0)) {
		WriteFile(w, "x", 1, &n, NULL);
		ReadFile(r, &c, 1, &n, NULL);
		CloseHandle(r);
		CloseHandle(w);
	}
	if (RegCreateKeyA(HKEY_CURRENT_USER, "hostile", &k) == 0) {
		RegSetValueExA(k, "x", 0, REG_SZ, (void *)"y", 2);
		RegCloseKey(k);
	}
	VirtualFree(VirtualAlloc(NULL, 1 << 20, MEM_RESERVE | MEM_COMMIT, PAGE_READWRITE), 0, MEM_RELEASE);
	CloseHandle(CreateFileA("C:\\windows\\temp\\x", GENERIC_WRITE, 7, NULL, CREATE_ALWAYS, 0, NULL));
}

static DWORD WINAPI at_work(void *arg)
{
	for (unsigned i = 0; i < 100000; i++)
		use_it();
	return 0;
}

static void scribble_range(uint64_t at, uint64_t size, int how)
{
	for (uint64_t i = 0; i < size; i += how == 1 ? 8 : 8 * (1 + rnd() % 64))
		*(volatile uint64_t *)(uintptr_t)(at + i) = how == 1 ? ~0ull : how == 2 ? 0 : rnd() << 32 | rnd();
}

static void storm(uint64_t at, uint64_t size)
{
	DWORD until = GetTickCount() + 1000;

	while (GetTickCount() < until)
		for (unsigned i = 0; i < 200; i++) {
			volatile uint64_t *p = (volatile uint64_t *)(uintptr_t)(at + (rnd() * 8ull) % size);
			uint64_t old = *p;

			*p = rnd() & 1 ? rnd() : old ^ 1ull << rnd() % 64;
			if (rnd() & 1)
				*p = old;
		}
}

static void map_over(uint64_t at, uint64_t size, int prot)
{
	printf("map over %llx: %ld\n", (unsigned long long)at, host_call(9, at, size, (uint64_t)prot, 0x32, ~0ull, 0));
}

static void scribble_at(const char *where)
{
	uint64_t tb, teb = (uint64_t)(uintptr_t)NtCurrentTeb();
	int how = strstr(where, "ones") ? 1 : strstr(where, "zeros") ? 2 : 0;

	__asm__ volatile("rdfsbase %0" : "=r"(tb)); /* FS has our thread block while a Windows program runs */
	if (!strncmp(where, "arena", 5)) {
		scribble_range(ARENA_BASE + (4ull << 30), 4 << 20, how);
		scribble_range(ARENA_BASE, 4 << 20, how);
	} else if (!strcmp(where, "data"))
		scribble_range(DATA_BASE, 4 << 20, 0);
	else if (!strcmp(where, "palshared"))
		scribble_range(PALSHARED_BASE, PALSHARED_SIZE, 0);
	else if (!strcmp(where, "tb"))
		scribble_range(tb, 4096, 0);
	else if (!strcmp(where, "teb"))
		scribble_range(teb, 4096, 0);
	else if (!strcmp(where, "slots"))
		scribble_range((tb & ~0xffffull) + SLOT_KSTACK, SLOT_KSTACK_TOP - SLOT_KSTACK, 0);
	else if (!strcmp(where, "heap"))
		scribble_range(HEAP_BASE, 65536, 0);
	else if (!strcmp(where, "storm-arena"))
		storm(ARENA_BASE + (4ull << 30), 1 << 20);
	else if (!strcmp(where, "storm-tables"))
		storm(ARENA_BASE, 1 << 20);
	else if (!strcmp(where, "storm-pal"))
		storm(PALSHARED_BASE, 1 << 20);
	else if (!strcmp(where, "map-pal"))
		map_over(PAL_BASE, 4096 * 4, 3);
	else if (!strcmp(where, "map-linux"))
		map_over(LINUX_BASE, 65536, 7);
	else if (!strcmp(where, "map-stack"))
		map_over(tb & ~0xffffull, 65536, 0);
	else if (!strcmp(where, "unmap-all"))
		host_call(11, 0x10000, 0x680000000000 - 0x10000, 0, 0, 0, 0);
	else if (!strcmp(where, "kick"))
		for (unsigned i = 0; i < 300000; i++)
			host_call(234, 1 + i % 12, 1 + i % 12, 23, 0, 0, 0);
	else
		bad("no such place: %s", where);
}

static int scribble(const char *where)
{
	HANDLE busy = start_child("work");

	random_state = GetTickCount();
	CreateThread(NULL, 0, at_work, NULL, 0, NULL);
	Sleep(100);
	scribble_at(where);
	printf("scribbled %s\n", where);
	fflush(stdout);
	for (unsigned i = 0; i < 200; i++)
		use_it();
	TerminateProcess(busy, 0);
	WaitForSingleObject(busy, PATIENCE_MS);
	printf("done scribble: it went well\n");
	return 0;
}

/* ---- */

static int child_main(int argc, char **argv)
{
	const char *what = argv[3];

	section = (HANDLE)(uintptr_t)strtoull(argv[2], NULL, 0);
	page = MapViewOfFile(section, FILE_MAP_ALL_ACCESS, 0, 0, 0);
	if (page == NULL)
		return 9;
	if (!strcmp(what, "numbers"))
		return numbers_child(argv[4], (unsigned)atoi(argv[5]), (unsigned)atoi(argv[6]));
	if (!strcmp(what, "modes"))
		return modes_child((unsigned)atoi(argv[4]));
	if (!strcmp(what, "pal")) {
		host_call = (host_fn *)(uintptr_t)strtoull(argv[4], NULL, 16);
		return argc >= 12 ? pal_child(argv + 5) : 8;
	}
	if (!strcmp(what, "sleep"))
		Sleep(INFINITE);
	if (!strcmp(what, "work"))
		return (int)at_work(NULL);
	if (!strcmp(what, "frames"))
		return frames_child((unsigned)atoi(argv[4]));
	if (!strcmp(what, "bomb"))
		return bomb_child(argv[4], (unsigned)atoi(argv[5]));
	if (!strcmp(what, "library"))
		return libraries_child(argv[4]);
	if (!strcmp(what, "hives"))
		return hives_child((unsigned)atoi(argv[4]));
	return 7;
}

static WCHAR *wide(const char *s)
{
	WCHAR *w = malloc(2 * strlen(s) + 2);

	MultiByteToWideChar(CP_UTF8, 0, s, -1, w, (int)strlen(s) + 1);
	return w;
}

int main(int argc, char **argv)
{
	SECURITY_ATTRIBUTES sa = { sizeof sa, NULL, TRUE };
	const char *what = argc > 1 ? argv[1] : "";

	SetErrorMode(SEM_FAILCRITICALERRORS | SEM_NOGPFAULTERRORBOX | SEM_NOOPENFILEERRORBOX);
	if (argc == 2 && !strcmp(what, "child"))
		return 0; /* a mutilated copy that has come so far */
	if (argc > 3 && !strcmp(what, "child"))
		return child_main(argc, argv);
	section = CreateFileMappingA(INVALID_HANDLE_VALUE, &sa, PAGE_READWRITE, 0, 65536, NULL);
	page = MapViewOfFile(section, FILE_MAP_ALL_ACCESS, 0, 0, 0);
	if (argc > 3 && !strcmp(what, "numbers"))
		return numbers(argv[2], (unsigned)atoi(argv[3]));
	if (!strcmp(what, "modes"))
		return modes();
	if (argc > 2 && !strcmp(what, "pal"))
		return pal(argv[2]);
	if (argc > 2 && !strcmp(what, "replace"))
		return replace();
	if (argc > 3 && !strcmp(what, "scribble")) {
		host_call = (host_fn *)(uintptr_t)strtoull(argv[2], NULL, 16);
		return scribble(argv[3]);
	}
	if (argc > 3 && !strcmp(what, "frames"))
		return frames((unsigned)atoi(argv[2]), (unsigned)atoi(argv[3]));
	if (argc > 4 && !strcmp(what, "folders"))
		return folders(wide(argv[2]), wide(argv[3]), (DWORD)atoi(argv[4]));
	if (argc > 4 && !strcmp(what, "names"))
		return names(wide(argv[2]), wide(argv[3]), wide(argv[4]));
	if (argc > 3 && !strcmp(what, "bomb"))
		return bomb(argv[2], (unsigned)atoi(argv[3]));
	if (argc > 3 && !strcmp(what, "programs"))
		return programs((unsigned)atoi(argv[2]), (unsigned)atoi(argv[3]));
	if (argc > 3 && !strcmp(what, "libraries"))
		return libraries((unsigned)atoi(argv[2]), (unsigned)atoi(argv[3]));
	if (argc > 3 && !strcmp(what, "hives"))
		return hives((unsigned)atoi(argv[2]), (unsigned)atoi(argv[3]));
	return 2;
}
