/* SPDX-License-Identifier: MIT */
/*
 * tests/escape/nt_calls.c - random NT system calls with arguments of plausible types, from several threads.
 *
 *	nt_calls SEED SECONDS [CALLS [NAME...]]	for so long, workers one after another, CALLS calls of each thread of each
 *						(5000); NAMEs: only these calls
 *	nt_calls worker ...			what the first starts
 *
 * The first process only starts workers, in a job, and watches them by a page they share: a worker may end of whatever
 * its calls did to it.  It must be possible to end it, and a thread that has not come back of a call that waits for
 * nobody is a hang.  "BAD" begins each line about what must not happen; the last line is "done" and what was counted.
 *
 * A worker's arguments depend on its seed and on what its calls have returned: threads race for handles.
 */
#define _WIN32_WINNT 0x0a00
#include <windows.h>
#include <winternl.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define THREADS	 4
#define ARGS_MAX 14
#define AREA	 0x40000
#define CURRENT_PROCESS ((HANDLE)-1)

typedef uint64_t u64;
enum type { T_HANDLE, T_PTR, T_OA, T_USTR, T_CLASS, T_ACCESS, T_U8, T_U32, T_I32, T_U64 };
struct arg { enum type type; const char *name; };
static const struct call {
	const char *name, *group;
	int there, nargs; /* there: somebody has written it */
	struct arg args[ARGS_MAX];
} calls[] = {
#include "nt_calls.gen.h"
};
#define CALLS (sizeof calls / sizeof *calls)

/* What a worker shares with who watches it. */
struct slot {
	volatile uint32_t number, inside, tid, done;
	u64 args[ARGS_MAX];
	volatile u64 made;
};
static struct page {
	struct slot slot[THREADS];
	volatile u64 reached[CALLS], succeeded[CALLS];
	uint32_t watcher[2];	/* the ids of who watches: he is not fair game */
	volatile uint32_t wild; /* a thread's registers or code were changed: it may be anywhere */
} *page;

static struct thread {
	u64 random;
	unsigned number;
	unsigned char *scratch, *heap; /* AREA bytes, then a page that nobody may touch */
	unsigned used, calls, faults;
	u64 stack;
} threads[THREADS];

/* ---- calling ---- */

typedef u64 nt_fn(u64, u64, u64, u64, u64, u64, u64, u64, u64, u64, u64, u64, u64, u64);
static nt_fn *stubs[CALLS];
static uint32_t numbers[CALLS];

/* The instruction itself, with no stub: rcx = number, rdx = ARGS_MAX arguments. */
u64 raw_call(u64 number, const u64 *args);
__asm__(".globl raw_call\nraw_call:\n\tpush %rsi\n\tpush %rdi\n\tsub $0xb8, %rsp\n\tmov %rcx, %rax\n\tlea 0x20(%rdx), %rsi\n\tlea 0x28(%rsp), %rdi\n\tmov $10, %ecx\n\tcld\n\trep movsq\n"
	"\tmov (%rdx), %r10\n\tmov 16(%rdx), %r8\n\tmov 24(%rdx), %r9\n\tmov 8(%rdx), %rdx\n\tsyscall\n\tadd $0xb8, %rsp\n\tpop %rdi\n\tpop %rsi\n\tret\n");

static void find_stubs(void)
{
	HMODULE ntdll = GetModuleHandleA("ntdll.dll");

	for (unsigned i = 0; i < CALLS; i++) {
		unsigned char *p = (unsigned char *)GetProcAddress(ntdll, calls[i].name);

		if (p == NULL || memcmp(p, "\x4c\x8b\xd1\xb8", 4) != 0)
			continue; /* what is no call by number: none of ntdll's exports */
		stubs[i] = (nt_fn *)p;
		memcpy(&numbers[i], p + 4, 4);
	}
}

static u64 invoke(unsigned i, const u64 *a, int raw)
{
	if (raw)
		return raw_call(numbers[i], a);
	return stubs[i](a[0], a[1], a[2], a[3], a[4], a[5], a[6], a[7], a[8], a[9], a[10], a[11], a[12], a[13]);
}

static unsigned find_call(const char *name)
{
	for (unsigned i = 0; i < CALLS; i++)
		if (strcmp(calls[i].name, name) == 0 && stubs[i])
			return i;
	printf("BAD there is no call %s\n", name);
	exit(3);
}

static u64 nt(const char *name, ...)
{
	u64 a[ARGS_MAX];
	va_list ap;

	va_start(ap, name);
	for (unsigned i = 0; i < ARGS_MAX; i++)
		a[i] = va_arg(ap, u64); /* more than there are: whatever lies there */
	va_end(ap);
	return invoke(find_call(name), a, 0);
}
#define NT(name, ...) nt(name, ##__VA_ARGS__, 0ull, 0ull, 0ull, 0ull, 0ull, 0ull, 0ull, 0ull, 0ull, 0ull, 0ull, 0ull, 0ull, 0ull)

/* ---- chance ---- */

static u64 rnd(struct thread *t)
{
	t->random = t->random * 6364136223846793005ull + 1442695040888963407ull;
	return t->random >> 20;
}
#define ONE_IN(t, n)  (rnd(t) % (n) == 0)
#define PICK(t, list) ((list)[rnd(t) % (sizeof(list) / sizeof *(list))])

/* ---- handles ---- */

enum kind { K_EVENT, K_MUTANT, K_SEMAPHORE, K_TIMER, K_KEYED, K_PORT, K_FILE, K_FOLDER, K_PIPE, K_MAILSLOT, K_CONSOLE, K_KEY, K_SECTION, K_PROCESS, K_THREAD, K_TOKEN, K_JOB,
	K_DIRECTORY, K_LINK, K_DEBUG, K_OTHER, KINDS };
#define EACH 6
static volatile u64 pool[KINDS][EACH];
static volatile u64 areas[16]; /* memory that calls have made */
static u64 victim;	       /* a process that may be done anything to */
static uint32_t victim_ids[2];

static u64 handle_of(struct thread *t, enum kind k) { return pool[k][rnd(t) % EACH]; }

static enum kind kind_of(struct thread *t, const struct call *c, const char *name)
{
	static const struct { const char *name; enum kind k; } all[] = { { "event", K_EVENT }, { "key", K_KEY }, { "section", K_SECTION }, { "process", K_PROCESS }, { "source_process", K_PROCESS },
		{ "target_process", K_PROCESS }, { "thread", K_THREAD }, { "token", K_TOKEN }, { "trust", K_TOKEN }, { "job", K_JOB } };
	static const struct { const char *part; enum kind k; } by_call[] = { { "Event", K_EVENT }, { "Mutant", K_MUTANT }, { "Semaphore", K_SEMAPHORE }, { "Timer", K_TIMER }, { "KeyedEvent", K_KEYED },
		{ "IoCompletion", K_PORT }, { "DirectoryObject", K_DIRECTORY }, { "SymbolicLink", K_LINK } };

	for (unsigned i = 0; i < sizeof all / sizeof *all; i++)
		if (strcmp(name, all[i].name) == 0)
			return all[i].k;
	if (strcmp(c->name, "NtDeviceIoControlFile") == 0 && strcmp(name, "file") == 0 && ONE_IN(t, 2))
		return K_CONSOLE;
	if (strstr(c->name, "DirectoryFile"))
		return K_FOLDER;
	if (strcmp(name, "file") == 0)
		return K_FILE + rnd(t) % 5;
	for (unsigned i = 0; strcmp(name, "handle") == 0 && i < sizeof by_call / sizeof *by_call; i++)
		if (strstr(c->name, by_call[i].part))
			return by_call[i].k;
	return rnd(t) % KINDS;
}

/* Ends or stops who has it: rarely ourselves. */
static int dangerous(const struct call *c)
{
	static const char *const all[] = { "NtTerminateProcess", "NtTerminateThread", "NtSuspendThread", "NtSuspendProcess", "NtSetContextThread", "NtQueueApcThread", "NtSetInformationProcess",
		"NtAssignProcessToJobObject", "NtUnmapViewOfSection", "NtUnmapViewOfSectionEx", "NtFreeVirtualMemory", "NtProtectVirtualMemory", "NtWriteVirtualMemory" };

	for (unsigned i = 0; i < sizeof all / sizeof *all; i++)
		if (strcmp(c->name, all[i]) == 0)
			return 1;
	return 0;
}

static u64 a_handle(struct thread *t, const struct call *c, const char *name)
{
	static const u64 odd[] = { 0, 1, 2, 3, 4, 8, 0x7ffc, 0x10000, 0xfffffffc, 0x100000004, ~0ull - 3, ~0ull - 4, ~0ull - 5, ~0ull - 6, 1ull << 63, 0x680000000000 };
	unsigned how = rnd(t) % 100;
	enum kind k = kind_of(t, c, name);

	if (how < (strcmp(c->group, "mm") == 0 ? 60 : 12) && (k == K_PROCESS || k == K_THREAD))
		return dangerous(c) && !ONE_IN(t, 20) ? victim : k == K_PROCESS ? ~0ull : ~0ull - 1;
	if (how < 85)
		return handle_of(t, k);
	if (how < 92)
		return handle_of(t, rnd(t) % KINDS);
	if (how < 97)
		return rnd(t) % 400 * 4;
	if (how < 98 && !dangerous(c))
		return ~0ull - rnd(t) % 3;
	return PICK(t, odd) | (ONE_IN(t, 4) ? rnd(t) % 4 : 0);
}

static void keep_handle(struct thread *t, u64 h, enum kind k)
{
	u64 old;
	unsigned i = rnd(t) % EACH;

	if (h == 0)
		return;
	old = pool[k][i];
	pool[k][i] = h;
	if (old != 0 && !ONE_IN(t, 8))
		NT("NtClose", old);
}

/* ---- memory ---- */

static u64 take(struct thread *t, unsigned size)
{
	if (t->used + size + 16 > AREA)
		t->used = 0;
	t->used = (t->used + 15) & ~15u;
	t->used += size;
	return (u64)(t->scratch + t->used - size);
}

/* An address: of nothing, of others, of the sandbox's own. */
static u64 wild_address(struct thread *t)
{
	static const u64 all[] = { 0, 1, 8, 0x1000, 0xffff, 0x10000, 0x7ffe0000, 0x7ffe0308, 0x7ffe1000, 0x7fff0000, 0x140000000, 0x170000000, 0x680000000000, 0x680000001000, 0x680020001000, 0x680100009000,
		0x680200000000, 0x681000000000, 0x684000000000, 0x690000000000, 0x6a0000000000, 0x7ffffffe0000, 0x7fffffff0000, 0x7ffffffff000, 0x800000000000, 0xffff800000000000, 0xffffffffff600000, ~0ull, ~0ull - 7,
		1ull << 63 };

	switch (rnd(t) % 8) {
	case 0: return (u64)find_stubs & ~0xfffull;
	case 1: return (u64)stubs[find_call("NtClose")] & ~0xfffull;
	case 2: return (u64)t->heap + AREA + rnd(t) % 8192; /* nobody's */
	default: return PICK(t, all) + (ONE_IN(t, 3) ? rnd(t) % 8192 : 0);
	}
}

/* The same for what is run, or run on: not the library OS's own, which a program can reach, and then its sandbox may end of it. */
static u64 wild_code(struct thread *t)
{
	u64 at;

	do
		at = wild_address(t);
	while (at >= 0x680000000000 && at < 0x6a0000001000);
	return at;
}

/* Room of a size, which may end where memory does. */
static u64 room(struct thread *t, unsigned size)
{
	switch (rnd(t) % 250) {
	case 0: return 0;
	case 1: return wild_address(t);
	case 2: return (u64)t->heap + AREA - size;			     /* to the end */
	case 3: return (u64)t->heap + AREA - size / 2;			     /* over it */
	case 4: return (u64)t->heap + AREA + 4096 - size / 2;		     /* from nobody's to read-only */
	case 5: return (u64)t->heap + AREA + 4096;			     /* read-only */
	case 6: return (u64)t->heap + AREA + 8192;			     /* a guard page, as often as it is one */
	case 7: return (u64)t->heap + AREA + 12288 + rnd(t) % 0x10000;	     /* reserved */
	case 8: return areas[rnd(t) % 16] + rnd(t) % 4096;
	case 9: return take(t, size + 8) + 1 + rnd(t) % 7;
	default: return take(t, size);
	}
}

static u64 a_size(struct thread *t)
{
	static const u64 all[] = { 0, 1, 2, 4, 7, 8, 12, 15, 16, 20, 24, 32, 40, 48, 56, 64, 72, 80, 88, 96, 100, 104, 112, 128, 152, 200, 256, 260, 512, 520, 1024, 4095, 4096, 4097, 8192, 32768, 65534, 65535, 65536,
		0x7fffffff, 0x80000000, 0xfffffffe, 0xffffffff };

	return ONE_IN(t, 6) ? rnd(t) % 300 : PICK(t, all);
}

static u64 a_number(struct thread *t)
{
	switch (rnd(t) % 6) {
	case 0: return rnd(t) % 8;
	case 1: return 1ull << rnd(t) % 32;
	case 2: return a_size(t);
	case 3: return rnd(t) & 0xffffffff;
	case 4: return 1ull << rnd(t) % 32 | 1ull << rnd(t) % 32;
	default: return rnd(t) % 130;
	}
}

static u64 a_word(struct thread *t)
{
	switch (rnd(t) % 6) {
	case 0: return 0;
	case 1: return handle_of(t, rnd(t) % KINDS);
	case 2: return (u64)t->scratch + rnd(t) % AREA;
	case 3: return ONE_IN(t, 3) ? wild_address(t) : a_size(t);
	case 4: return rnd(t) << 32 | (rnd(t) & 0xffffffff);
	default: return a_number(t);
	}
}

static void fill(struct thread *t, u64 at, unsigned size)
{
	for (unsigned i = 0; i + 8 <= size; i += 8)
		*(u64 *)(at + i) = ONE_IN(t, 4) ? rnd(t) % 4 | rnd(t) % 4 << 32 : a_word(t);
}

/* ---- names ---- */

static const WCHAR *const objects[] = { L"\\BaseNamedObjects\\fz0", L"\\BaseNamedObjects\\fz1", L"\\BaseNamedObjects\\fz2", L"\\BaseNamedObjects\\Fz0", L"\\BaseNamedObjects",
	L"\\Sessions\\1\\BaseNamedObjects\\fz2", L"\\KernelObjects", L"\\KnownDlls\\ntdll.dll", L"\\ObjectTypes\\Event", L"\\Device", L"\\DosDevices", L"\\GLOBAL??", L"\\??", L"\\??\\C:",
	L"\\??\\fz", L"\\??\\fz\\windows", L"\\" };
static const WCHAR *const files[] = { L"\\??\\C:\\windows\\temp\\fz0", L"\\??\\C:\\windows\\temp\\fz1", L"\\??\\C:\\windows\\temp\\fz2", L"\\??\\C:\\windows\\temp",
	L"\\??\\C:\\windows\\temp\\folder", L"\\??\\C:\\windows\\temp\\folder\\fz3", L"\\??\\C:\\windows\\temp\\fz0:stream",
	L"\\??\\C:\\windows\\temp\\..\\..\\..\\..", L"\\??\\C:\\windows\\temp\\hive0", L"\\??\\Z:\\vol\\fz0", L"\\??\\Z:\\vol", L"\\??\\Z:\\vol\\evil\\secret", L"\\??\\Z:\\vol\\up",
	L"\\??\\Z:\\proc\\self\\fd", L"\\??\\Z:\\dev\\null", L"\\??\\unix\\tmp\\fz0", L"\\??\\unix\\vol\\fz1", L"\\??\\pipe\\fz0", L"\\??\\pipe\\fz1", L"\\Device\\NamedPipe\\fz0",
	L"\\Device\\NamedPipe\\", L"\\Device\\NamedPipe", L"\\??\\mailslot\\fz0", L"\\Device\\MailSlot", L"\\Device\\ConDrv", L"\\Device\\ConDrv\\Server", L"\\Device\\ConDrv\\Connect",
	L"\\Device\\ConDrv\\CurrentIn", L"\\Device\\ConDrv\\CurrentOut", L"\\Device\\ConDrv\\Input", L"\\Device\\ConDrv\\Output", L"\\Device\\ConDrv\\ScreenBuffer",
	L"\\Device\\ConDrv\\Reference", L"\\Device\\Null", L"\\??\\NUL", L"\\??\\CON", L"\\??\\CONIN$", L"\\??\\CONOUT$", L"\\??\\COM1", L"\\??\\PHYSICALDRIVE0", L"\\??\\UNC\\a\\b",
	L"\\??\\Z:\\vol\\fz0.", L"\\??\\Z:\\vol\\..\\..\\etc\\shadow", L"\\??\\MountPointManager" };
static const WCHAR *const keys[] = { L"\\Registry", L"\\Registry\\Machine", L"\\Registry\\Machine\\Software", L"\\Registry\\Machine\\Software\\fz0", L"\\Registry\\Machine\\Software\\fz1",
	L"\\Registry\\Machine\\Software\\fz0\\a\\b", L"\\Registry\\User", L"\\Registry\\User\\fz1", L"\\Registry\\Machine\\Hardware", L"\\Registry\\Machine\\System\\CurrentControlSet" };
static const WCHAR *const names[] = { L"", L"fz0", L"fz1", L"Fz0", L"fz0\\sub", L"a", L"b", L"value", L"*", L"f*", L"????", L"<.>", L".", L"..", L"\\\\", L"a\\", L"a\\\\b", L"\xd800", L"con", L"x:y:z" };

/* A name of what a call of this group may mean. */
static const WCHAR *a_name(struct thread *t, const struct call *c)
{
	if (ONE_IN(t, 8))
		c = &calls[rnd(t) % CALLS];
	if (ONE_IN(t, 4))
		return PICK(t, names);
	if (strcmp(c->group, "io") == 0 || strstr(c->name, "LoadKey"))
		return PICK(t, files);
	return strcmp(c->group, "cm") == 0 ? PICK(t, keys) : PICK(t, objects);
}

static u64 a_string(struct thread *t, const WCHAR *name)
{
	UNICODE_STRING *s;
	unsigned n = (unsigned)wcslen(name);
	u64 at;

	if (ONE_IN(t, 80))
		return ONE_IN(t, 2) ? 0 : wild_address(t);
	at = take(t, sizeof *s);
	s = (void *)at;
	s->Length = s->MaximumLength = (USHORT)(2 * n);
	s->Buffer = (void *)take(t, 2 * n + 64);
	memcpy(s->Buffer, name, 2 * n);
	switch (rnd(t) % 60) {
	case 0: s->Length = (USHORT)rnd(t); break;
	case 1: s->Buffer = (void *)wild_address(t); break;
	case 2: s->Length |= 1; break;
	case 3: s->Buffer = (void *)(t->heap + AREA - 4); break;
	case 4: s->Length = s->MaximumLength = 0xfffe; s->Buffer = (void *)t->heap; break;
	case 5:
		for (unsigned i = 0; i < n; i++)
			s->Buffer[i] = ONE_IN(t, 3) ? (WCHAR)rnd(t) : s->Buffer[i];
		break;
	}
	return at;
}

static u64 a_descriptor(struct thread *t)
{
	static const unsigned char plain[] = { 1, 0, 4, 0x80, 48, 0, 0, 0, 60, 0, 0, 0, 0, 0, 0, 0, 20, 0, 0, 0, 2, 0, 28, 0, 1, 0, 0, 0, 0, 0, 20, 0, 0xff, 0xff, 0x1f, 0, 1, 1, 0, 0, 0, 0, 0, 5, 18, 0, 0, 0,
		1, 1, 0, 0, 0, 0, 0, 5, 18, 0, 0, 0, 1, 1, 0, 0, 0, 0, 0, 5, 18, 0, 0, 0 };
	u64 at = take(t, 256);

	fill(t, at, 256);
	memcpy((void *)at, plain, sizeof plain);
	for (unsigned i = rnd(t) % 4; i > 0; i--)
		((unsigned char *)at)[rnd(t) % sizeof plain] = (unsigned char)rnd(t);
	return at;
}

static u64 an_oa(struct thread *t, const struct call *c)
{
	OBJECT_ATTRIBUTES *oa;
	u64 at;

	if (ONE_IN(t, 12))
		return ONE_IN(t, 8) ? wild_address(t) : 0;
	at = take(t, sizeof *oa);
	oa = (void *)at;
	memset(oa, 0, sizeof *oa);
	oa->Length = ONE_IN(t, 60) ? (ULONG)a_size(t) : sizeof *oa;
	oa->RootDirectory = (HANDLE)(ONE_IN(t, 6) ? handle_of(t, ONE_IN(t, 2) ? (ONE_IN(t, 2) ? K_FOLDER : K_KEY) : rnd(t) % KINDS) : 0);
	oa->ObjectName = ONE_IN(t, 5) ? NULL : (void *)a_string(t, a_name(t, c));
	oa->Attributes = !ONE_IN(t, 4) ? 0x40 : (ULONG)rnd(t) & (ONE_IN(t, 4) ? ~0u : 0x3f2);
	oa->SecurityDescriptor = ONE_IN(t, 6) ? (void *)a_descriptor(t) : NULL;
	oa->SecurityQualityOfService = ONE_IN(t, 10) ? (void *)room(t, 16) : NULL;
	return at;
}

/* ---- structures ---- */

static void sleeper(void)
{
	LARGE_INTEGER for_ever = { .QuadPart = INT64_MIN };

	for (;;)
		NT("NtDelayExecution", 1ull, (u64)&for_ever);
}
static DWORD WINAPI nothing(void *arg) { return (DWORD)(u64)arg; }

static u64 a_context(struct thread *t)
{
	CONTEXT *c = (void *)((take(t, sizeof *c + 64) + 63) & ~63ull);
	DWORD64 *r = &c->Rax;

	RtlCaptureContext(c);
	c->Rip = (u64)sleeper;
	c->Rsp = (u64)t->scratch + AREA / 2;
	c->ContextFlags = ONE_IN(t, 3) ? 0x100000 | (DWORD)(rnd(t) & 0x7f) : ONE_IN(t, 4) ? (DWORD)rnd(t) : 0x10000b;
	for (unsigned i = rnd(t) % 3; i > 0; i--)
		r[rnd(t) % 17] = wild_code(t);
	switch (rnd(t) % 8) {
	case 0: c->EFlags = (DWORD)rnd(t); break;
	case 1: c->EFlags |= 0x44500; break;
	case 2: c->SegCs = (WORD)rnd(t); c->SegSs = (WORD)rnd(t); break;
	case 3: c->SegCs = 0x23; break;
	case 4: c->MxCsr = c->FltSave.MxCsr = (DWORD)rnd(t); break;
	case 5: fill(t, (u64)&c->FltSave, sizeof c->FltSave); break;
	}
	page->wild = 1;
	return (u64)c;
}

static u64 a_record(struct thread *t)
{
	EXCEPTION_RECORD *r = (void *)take(t, sizeof *r);

	fill(t, (u64)r, sizeof *r);
	r->NumberParameters = (DWORD)(ONE_IN(t, 3) ? rnd(t) : rnd(t) % 16);
	return (u64)r;
}

static u64 a_time(struct thread *t)
{
	LARGE_INTEGER *p = (void *)room(t, 8);

	if ((u64)p - (u64)t->scratch < AREA)
		p->QuadPart = ONE_IN(t, 3) ? 0 : ONE_IN(t, 10) ? (LONGLONG)(rnd(t) << 40 | rnd(t)) : -(LONGLONG)(rnd(t) % 20000);
	return ONE_IN(t, 40) ? 0 : (u64)p;
}

static u64 process_params(struct thread *t)
{
	typedef LONG WINAPI create(void **, UNICODE_STRING *, void *, void *, UNICODE_STRING *, void *, void *, void *, void *, void *, ULONG);
	create *make = (create *)GetProcAddress(GetModuleHandleA("ntdll.dll"), "RtlCreateProcessParametersEx");
	WCHAR self[300], line[400];
	UNICODE_STRING image, command;
	void *params = NULL;

	wcscpy(self, L"\\??\\");
	GetModuleFileNameW(NULL, self + 4, 290);
	swprintf(line, 400, L"\"%ls\" victim %lu", self + 4, GetCurrentProcessId());
	RtlInitUnicodeString(&image, self);
	RtlInitUnicodeString(&command, line);
	if (make(&params, &image, NULL, NULL, &command, NULL, NULL, NULL, NULL, NULL, 1) != 0)
		return 0;
	return (u64)params; /* not freed: a worker does not live long */
}

/* PS_ATTRIBUTE_LIST: an image name, a parent, garbage. */
static u64 process_list(struct thread *t)
{
	u64 *l = (void *)take(t, 200);
	WCHAR *self = (void *)take(t, 600);
	unsigned n = 0;

	wcscpy(self, L"\\??\\");
	GetModuleFileNameW(NULL, self + 4, 290);
	memset(l, 0, 200);
	l[1 + 4 * n] = 0x20005, l[2 + 4 * n] = 2 * wcslen(self), l[3 + 4 * n++] = (u64)self;
	for (; n < 1 + rnd(t) % 4; n++) {
		static const u64 what[] = { 0x10003, 0x10004, 0x60000, 0x60001, 0x60002, 0x20009, 0x2000a, 0x2000b, 0x2000c, 0x2000f };

		l[1 + 4 * n] = ONE_IN(t, 4) ? a_word(t) : PICK(t, what), l[2 + 4 * n] = a_size(t), l[3 + 4 * n] = room(t, 64), l[4 + 4 * n] = ONE_IN(t, 3) ? room(t, 8) : 0;
	}
	l[0] = ONE_IN(t, 20) ? a_size(t) : 8 + 32 * n;
	return (u64)l;
}

/* ---- arguments by their names ---- */

static u64 base_address(struct thread *t)
{
	switch (rnd(t) % 8) {
	case 0: return 0;
	case 1: return ONE_IN(t, 6) ? wild_address(t) : 0x20000000 + (rnd(t) % 4096 << 16);
	case 2: return areas[rnd(t) % 16] + (rnd(t) % 32 << 12);
	case 3: return areas[rnd(t) % 16] + rnd(t) % 0x20000;
	default: return areas[rnd(t) % 16];
	}
}

static u64 in_out(struct thread *t, u64 value)
{
	u64 at = room(t, 8);

	if (at - (u64)t->scratch < AREA)
		memcpy((void *)at, &value, 8);
	return at;
}

static int is_one(const char *name, const char *list)
{
	const char *p = strstr(list, name);

	return p && p[-1] == ' ' && p[strlen(name)] == ' ';
}

static u64 a_pointer(struct thread *t, const struct call *c, const char *name)
{
	static const unsigned sizes[] = { 8, 8, 16, 64, 256, 1024, 4096, 0x4000 };
	unsigned size = PICK(t, sizes);
	u64 at;

	if (is_one(name, " timeout due "))
		return a_time(t);
	if (strcmp(c->group, "mm") == 0 && is_one(name, " address base address1 address2 ") && !strstr(c->name, "Query"))
		return is_one(name, " address1 address2 base ") || strstr(c->name, "Unmap") || strstr(c->name, "ReadV") || strstr(c->name, "WriteV") || strstr(c->name, "Instr") ? base_address(t) : in_out(t, base_address(t));
	if (strcmp(c->group, "mm") == 0 && is_one(name, " address "))
		return ONE_IN(t, 3) ? wild_address(t) : base_address(t);
	if (strcmp(c->group, "mm") == 0 && is_one(name, " size "))
		return in_out(t, ONE_IN(t, 20) ? a_word(t) : rnd(t) % 0x40000);
	if (is_one(name, " offset allocation count "))
		return ONE_IN(t, 4) ? 0 : in_out(t, ONE_IN(t, 10) ? a_word(t) : ONE_IN(t, 3) ? 0 : rnd(t) % 0x20000);
	if (is_one(name, " apc routine "))
		return ONE_IN(t, 60) ? (u64)nothing : 0;
	if (strcmp(c->group, "ps") == 0 && is_one(name, " context "))
		return ONE_IN(t, 20) ? wild_address(t) : a_context(t);
	if (is_one(name, " record "))
		return a_record(t);
	if (is_one(name, " descriptor new_state groups ") && ONE_IN(t, 2))
		return a_descriptor(t);
	if (is_one(name, " params "))
		return ONE_IN(t, 2) ? process_params(t) : room(t, 1024);
	if (is_one(name, " list ") && strcmp(c->group, "ps") == 0)
		return ONE_IN(t, 4) ? room(t, 64) : strstr(c->name, "Process") ? process_list(t) : 0;
	if (is_one(name, " client_id ")) {
		at = take(t, 16);
		((u64 *)at)[0] = ONE_IN(t, 3) ? rnd(t) % 2000 * 4 : ONE_IN(t, 2) ? victim_ids[0] : GetCurrentProcessId();
		((u64 *)at)[1] = ONE_IN(t, 3) ? 0 : ONE_IN(t, 2) ? victim_ids[1] : rnd(t) % 2000 * 4;
		for (unsigned i = 0; i < 2; i++)
			if (((u64 *)at)[i] == page->watcher[0] || ((u64 *)at)[i] == page->watcher[1])
				((u64 *)at)[i] = victim_ids[i];
		return at;
	}
	if (is_one(name, " name ") && ONE_IN(t, 2))
		return (u64)PICK(t, names);
	at = room(t, size);
	if (at - (u64)t->scratch < AREA - size)
		fill(t, at, size);
	return at;
}

static u64 a_code(struct thread *t, const struct call *c)
{
	static const u64 fs[] = { 0x110000, 0x110004, 0x110008, 0x11400c, 0x110010, 0x110014, 0x11c017, 0x110018, 0x11001c, 0x110024, 0x110030, 0xc4003, 0x90018, 0x9001c, 0x90020, 0x90028, 0x9003c, 0x9c040, 0x9009c,
		0x900c0, 0x900a4, 0x900a8, 0x900ac, 0x900c4, 0x980c8, 0x940cf, 0x900eb, 0x90064, 0x9000c, 0x90240, 0x98208 };
	static const u64 devices[] = { 0x500000, 0x500000, 0x500000, 0x2d0000, 0x70000, 0x4d0000, 0x1b0000, 0x120000 };

	if (!strstr(c->name, "Control"))
		return rnd(t) % 200;
	if (strstr(c->name, "Fs") && !ONE_IN(t, 10))
		return PICK(t, fs);
	return PICK(t, devices) | rnd(t) % 4 << 14 | rnd(t) % 60 << 2 | (ONE_IN(t, 10) ? rnd(t) % 4 : 0);
}

static u64 a_protection(struct thread *t)
{
	static const u64 all[] = { 1, 2, 4, 8, 0x10, 0x20, 0x40, 0x80, 0x104, 0x204, 0x404, 0x140, 0, 3 };

	return PICK(t, all);
}

static u64 an_argument(struct thread *t, const struct call *c, const struct arg *a)
{
	static const u64 access[] = { 0x1f0fff, 0x1fffff, 0x80000000, 0xc0000000, 0x10000000, 0x02000000, 0x1f0003, 0xf003f, 0x20019, 0x1f01ff, 0x1, 0x100001, 0 };
	static const u64 types[] = { 0x1000, 0x2000, 0x3000, 0x4000, 0x8000, 0x80000, 0x201000, 0x202000, 0x103000, 0x42000, 0x44000, 1, 2 };
	static const u64 sections[] = { 0x8000000, 0x4000000, 0x1000000, 0x10000000, 0x200000, 0x400000, 0x2000000 };

	switch (a->type) {
	case T_HANDLE: return a_handle(t, c, a->name);
	case T_PTR: return a_pointer(t, c, a->name);
	case T_OA: return an_oa(t, c);
	case T_USTR: return a_string(t, ONE_IN(t, 4) ? a_name(t, c) : PICK(t, names));
	case T_CLASS:
		if (strcmp(c->group, "ex") == 0 && !strstr(c->name, "System"))
			return ONE_IN(t, 10) ? rnd(t) % 8 : 0;
		if (strcmp(c->group, "cm") == 0 || strcmp(c->group, "ob") == 0)
			return rnd(t) % (ONE_IN(t, 4) ? 20 : 5);
		return ONE_IN(t, 30) ? a_number(t) : rnd(t) % (ONE_IN(t, 3) ? 150 : 60);
	case T_ACCESS: return ONE_IN(t, 6) ? rnd(t) & 0xffffffff : PICK(t, access);
	case T_U8: return ONE_IN(t, 20) ? rnd(t) & 0xff : rnd(t) % 2;
	case T_I32: return ONE_IN(t, 2) ? rnd(t) % 4 : a_number(t);
	case T_U32:
	case T_U64: break;
	}
	if (strstr(a->name, "size") || strstr(a->name, "length"))
		return a_size(t);
	if (is_one(a->name, " code "))
		return a_code(t, c);
	if (is_one(a->name, " protect "))
		return a_protection(t);
	if (is_one(a->name, " type ") && strcmp(c->group, "mm") == 0)
		return PICK(t, types);
	if (is_one(a->name, " attributes ") && strstr(c->name, "CreateSection"))
		return PICK(t, sections);
	if (is_one(a->name, " count "))
		return ONE_IN(t, 10) ? a_number(t) : rnd(t) % 6;
	if (is_one(a->name, " disposition share read_mode nowait how index "))
		return rnd(t) % 8;
	if (is_one(a->name, " options "))
		return ONE_IN(t, 3) ? 0 : ONE_IN(t, 2) ? 0x20 : rnd(t) & 0xffffff;
	if (is_one(a->name, " start routine "))
		return ONE_IN(t, 100) ? wild_code(t) : (u64)nothing;
	if (is_one(a->name, " inherit "))
		return ONE_IN(t, 20) ? rnd(t) % 4 : 1 + rnd(t) % 2;
	if (is_one(a->name, " zero_bits ") && !ONE_IN(t, 6))
		return 0;
	if (is_one(a->name, " reserve commit zero_bits "))
		return ONE_IN(t, 3) ? a_word(t) : ONE_IN(t, 2) ? 0 : rnd(t) % 0x40000;
	if (is_one(a->name, " flags thread_flags process_flags "))
		return ONE_IN(t, 2) ? 0 : a_number(t);
	if (is_one(a->name, " tid "))
		return ONE_IN(t, 2) ? page->slot[rnd(t) % THREADS].tid : rnd(t) % 4000;
	return a->type == T_U64 ? a_word(t) : a_number(t);
}

/* ---- a worker ---- */

static const struct { const char *part; enum kind k; } made_by[] = { { "KeyedEvent", K_KEYED }, { "Event", K_EVENT }, { "Mutant", K_MUTANT }, { "Semaphore", K_SEMAPHORE }, { "Timer", K_TIMER }, { "IoCompletion", K_PORT },
	{ "NamedPipe", K_PIPE }, { "Mailslot", K_MAILSLOT }, { "DirectoryObject", K_DIRECTORY }, { "SymbolicLink", K_LINK }, { "File", K_FILE }, { "Key", K_KEY }, { "Section", K_SECTION }, { "Token", K_TOKEN },
	{ "Process", K_PROCESS }, { "Thread", K_THREAD }, { "Job", K_JOB }, { "Debug", K_DEBUG } };

/* What a call that worked has made is used from now on. */
static void keep(struct thread *t, const struct call *c, const u64 *a)
{
	for (int i = 0; i < c->nargs; i++) {
		u64 at = a[i], value;
		const char *n = c->args[i].name;

		if (c->args[i].type != T_PTR || at - (u64)t->scratch >= AREA - 8)
			continue;
		memcpy(&value, (void *)at, 8);
		if (is_one(n, " handle handle_out section process thread next target ")) {
			enum kind k = K_OTHER;

			for (unsigned m = 0; m < sizeof made_by / sizeof *made_by && k == K_OTHER; m++)
				if (strstr(c->name, made_by[m].part))
					k = made_by[m].k;
			keep_handle(t, value, strcmp(n, "thread") == 0 ? K_THREAD : k);
		} else if (strcmp(c->group, "mm") == 0 && strcmp(n, "address") == 0 && (strstr(c->name, "Alloc") || strstr(c->name, "Map")))
			areas[rnd(t) % 16] = value;
	}
}

static int left_out(const struct call *c, struct thread *t)
{
	if (!c->there)
		return !ONE_IN(t, 50);
	if (strcmp(c->name, "NtTerminateProcess") == 0 || strcmp(c->name, "NtContinue") == 0 || strcmp(c->name, "NtRaiseException") == 0 || strcmp(c->name, "NtCallbackReturn") == 0)
		return !ONE_IN(t, 100);
	if (strcmp(c->name, "NtCreateUserProcess") == 0 || strcmp(c->name, "NtTerminateThread") == 0 || strcmp(c->name, "NtTerminateJobObject") == 0 || strcmp(c->name, "__wine_dbg_write") == 0 || strcmp(c->name, "NtDisplayString") == 0)
		return !ONE_IN(t, 40);
	return strcmp(c->name, "NtShutdownSystem") == 0 || strcmp(c->name, "NtInitiatePowerAction") == 0 || strcmp(c->name, "NtRaiseHardError") == 0 ? !ONE_IN(t, 20) : 0;
}

static char **only;
static int nonly;
static unsigned how_many = 5000;

static int wanted(unsigned i)
{
	for (int k = 0; k < nonly; k++)
		if (strstr(calls[i].name, only[k]))
			return 1;
	return nonly == 0;
}

static void one_call(struct thread *t, unsigned i)
{
	struct slot *s = &page->slot[t->number];
	u64 a[ARGS_MAX], status;

	for (unsigned k = 0; k < ARGS_MAX; k++)
		a[k] = k < (unsigned)calls[i].nargs ? an_argument(t, &calls[i], &calls[i].args[k]) : a_word(t);
	s->number = i;
	memcpy(s->args, a, sizeof a);
	s->made++;
	s->inside = 1;
	status = invoke(i, a, ONE_IN(t, 4));
	s->inside = 0;
	page->reached[i]++;
	if ((uint32_t)status < 0x80000000) {
		page->succeeded[i]++;
		keep(t, &calls[i], a);
	}
}

static void make_objects(struct thread *t)
{
	static const struct { const char *name; u64 access; u64 more[3]; enum kind k; } plain[] = { { "NtCreateEvent", 0x1f0003, { 0, 0, 0 }, K_EVENT }, { "NtCreateEvent", 0x1f0003, { 0, 1, 1 }, K_EVENT }, { "NtCreateMutant", 0x1f0001, { 0, 0, 0 }, K_MUTANT },
		{ "NtCreateMutant", 0x1f0001, { 0, 1, 0 }, K_MUTANT }, { "NtCreateSemaphore", 0x1f0003, { 0, 1, 5 }, K_SEMAPHORE }, { "NtCreateTimer", 0x1f0003, { 0, 0, 0 }, K_TIMER }, { "NtCreateKeyedEvent", 0x1f0003, { 0, 0, 0 }, K_KEYED },
		{ "NtCreateIoCompletion", 0x1f0003, { 0, 2, 0 }, K_PORT }, { "NtCreateJobObject", 0x1f001f, { 0, 0, 0 }, K_JOB }, { "NtCreateDirectoryObject", 0xf000f, { 0, 0, 0 }, K_DIRECTORY } };
	u64 h = 0;
	HANDLE r, w;
	char name[64];
	unsigned i = rnd(t) % (sizeof plain / sizeof *plain);

	NT(plain[i].name, (u64)&h, plain[i].access, plain[i].more[0], plain[i].more[1], plain[i].more[2]);
	keep_handle(t, h, plain[i].k);
	switch (rnd(t) % 12) {
	case 0:
		snprintf(name, sizeof name, "C:\\windows\\temp\\fz%u", (unsigned)rnd(t) % 4);
		keep_handle(t, (u64)CreateFileA(name, GENERIC_READ | GENERIC_WRITE | DELETE, 7, NULL, OPEN_ALWAYS, ONE_IN(t, 2) ? FILE_FLAG_OVERLAPPED : 0, NULL), K_FILE);
		break;
	case 1: keep_handle(t, (u64)CreateFileA("C:\\windows\\temp", GENERIC_READ, 7, NULL, OPEN_EXISTING, FILE_FLAG_BACKUP_SEMANTICS | FILE_FLAG_OVERLAPPED, NULL), K_FOLDER); break;
	case 2:
		if (CreatePipe(&r, &w, NULL, 4096))
			keep_handle(t, (u64)r, K_PIPE), keep_handle(t, (u64)w, K_PIPE);
		break;
	case 3:
		keep_handle(t, (u64)CreateNamedPipeA("\\\\.\\pipe\\fz0", PIPE_ACCESS_DUPLEX | FILE_FLAG_OVERLAPPED, (DWORD)rnd(t) % 8, 5, 100, 100, 10, NULL), K_PIPE);
		keep_handle(t, (u64)CreateFileA("\\\\.\\pipe\\fz0", GENERIC_READ | GENERIC_WRITE, 0, NULL, OPEN_EXISTING, ONE_IN(t, 2) ? FILE_FLAG_OVERLAPPED : 0, NULL), K_PIPE);
		break;
	case 4:
		keep_handle(t, (u64)CreateMailslotA("\\\\.\\mailslot\\fz0", 100, ONE_IN(t, 2) ? 0 : 10, NULL), K_MAILSLOT);
		keep_handle(t, (u64)CreateFileA("\\\\.\\mailslot\\fz0", GENERIC_WRITE, 3, NULL, OPEN_EXISTING, 0, NULL), K_MAILSLOT);
		break;
	case 5: keep_handle(t, (u64)CreateFileA(ONE_IN(t, 2) ? "CONIN$" : "CONOUT$", GENERIC_READ | GENERIC_WRITE, 3, NULL, OPEN_EXISTING, 0, NULL), K_CONSOLE); break;
	case 6:
		snprintf(name, sizeof name, "Software\\fz%u", (unsigned)rnd(t) % 4);
		if (RegCreateKeyA(HKEY_LOCAL_MACHINE, name, (HKEY *)&r) == 0)
			keep_handle(t, (u64)r, K_KEY);
		break;
	case 7: keep_handle(t, (u64)CreateFileMappingA(INVALID_HANDLE_VALUE, NULL, PAGE_READWRITE | (ONE_IN(t, 3) ? SEC_RESERVE : SEC_COMMIT), 0, 0x20000, NULL), K_SECTION); break;
	case 8: keep_handle(t, (u64)CreateThread(NULL, 0, nothing, NULL, ONE_IN(t, 2) ? CREATE_SUSPENDED : 0, NULL), K_THREAD); break;
	case 9:
		if (OpenProcessToken(GetCurrentProcess(), TOKEN_ALL_ACCESS, &r))
			keep_handle(t, (u64)r, K_TOKEN);
		break;
	case 10: keep_handle(t, (u64)OpenProcess(PROCESS_ALL_ACCESS, FALSE, victim_ids[0]), K_PROCESS); break;
	case 11: keep_handle(t, (u64)OpenThread(THREAD_ALL_ACCESS, FALSE, victim_ids[1]), K_THREAD); break;
	}
	if (ONE_IN(t, 3))
		areas[rnd(t) % 16] = (u64)VirtualAlloc(NULL, 0x20000, MEM_RESERVE | (ONE_IN(t, 2) ? MEM_COMMIT : 0), PAGE_READWRITE);
}

static void call_on(struct thread *t)
{
	while (t->calls++ < how_many) {
		unsigned i = rnd(t) % CALLS;

		if (t->calls % 16 == 0)
			make_objects(t);
		if (stubs[i] && wanted(i) && !left_out(&calls[i], t))
			one_call(t, i);
	}
	page->slot[t->number].done = 1;
	NT("NtTerminateThread", ~0ull - 1, 0ull);
}

static DWORD WINAPI fuzz(void *arg)
{
	struct thread *t = arg;

	t->stack = ((u64)__builtin_frame_address(0) - 256) & ~15ull;
	call_on(t);
	return 0;
}

/* Wakes who waits for what nobody does. */
static void shake(u64 *last, unsigned *still)
{
	for (unsigned i = 0; i < THREADS; i++) {
		HANDLE h = page->slot[i].made == last[i] && !page->slot[i].done ? OpenThread(THREAD_ALL_ACCESS, FALSE, page->slot[i].tid) : NULL;

		*still += h != NULL;
		last[i] = page->slot[i].made;
		if (h == NULL)
			continue;
		CancelSynchronousIo(h);
		ResumeThread(h);
		NT("NtAlertThread", (u64)h);
		NT("NtAlertThreadByThreadId", (u64)page->slot[i].tid);
		CloseHandle(h);
		for (unsigned k = 0; k < EACH; k++) {
			NT("NtSetEvent", pool[K_EVENT][k], 0ull);
			NT("NtReleaseSemaphore", pool[K_SEMAPHORE][k], 1ull, 0ull);
			NT("NtSetIoCompletion", pool[K_PORT][k], 0ull, 0ull, 0ull, 0ull);
		}
	}
}

/* A thread that has fallen over what its calls did goes on with the next; most are lost with the second hundred. */
static LONG WINAPI fault(EXCEPTION_POINTERS *e)
{
	for (unsigned i = 0; i < THREADS; i++) {
		struct thread *t = &threads[i];

		if (page->slot[i].tid != GetCurrentThreadId() || t->faults++ > 100)
			continue;
		e->ContextRecord->Rip = (u64)call_on;
		e->ContextRecord->Rcx = (u64)t;
		e->ContextRecord->Rsp = t->stack - 8;
		e->ContextRecord->EFlags = 0x202;
		e->ContextRecord->MxCsr = 0x1f80;
		return EXCEPTION_CONTINUE_EXECUTION;
	}
	NT("NtTerminateProcess", ~0ull, (u64)e->ExceptionRecord->ExceptionCode);
	return EXCEPTION_CONTINUE_SEARCH;
}

static HANDLE start(const char *args, int silent, HANDLE job, DWORD *ids)
{
	SECURITY_ATTRIBUTES sa = { sizeof sa, NULL, TRUE };
	STARTUPINFOA si = { .cb = sizeof si };
	PROCESS_INFORMATION pi = { 0 };
	char self[300], line[1000];

	if (silent) {
		si.dwFlags = STARTF_USESTDHANDLES;
		si.hStdInput = si.hStdOutput = si.hStdError = CreateFileA("NUL", GENERIC_READ | GENERIC_WRITE, 3, &sa, OPEN_EXISTING, 0, NULL);
	}
	GetModuleFileNameA(NULL, self, sizeof self);
	snprintf(line, sizeof line, "\"%s\" %s", self, args);
	if (CreateProcessA(self, line, NULL, NULL, TRUE, job ? CREATE_SUSPENDED : 0, NULL, NULL, &si, &pi)) {
		if (job) {
			AssignProcessToJobObject(job, pi.hProcess);
			ResumeThread(pi.hThread);
		}
		CloseHandle(pi.hThread);
		if (ids)
			ids[0] = pi.dwProcessId, ids[1] = pi.dwThreadId;
	}
	if (silent)
		CloseHandle(si.hStdInput);
	return pi.hProcess;
}

static int worker(unsigned seed, HANDLE section)
{
	HANDLE all[THREADS];
	u64 last[THREADS] = { 0 };
	unsigned still = 0;
	DWORD ids[2] = { 0 };
	char args[64];

	page = MapViewOfFile(section, FILE_MAP_ALL_ACCESS, 0, 0, 0);
	if (page == NULL)
		return 4;
	CloseHandle(section);
	AddVectoredExceptionHandler(1, fault);
	snprintf(args, sizeof args, "victim %lu", GetCurrentProcessId());
	victim = (u64)start(args, 1, NULL, ids);
	victim_ids[0] = ids[0], victim_ids[1] = ids[1];
	for (unsigned i = 0; i < THREADS; i++) {
		struct thread *t = &threads[i];
		DWORD old;

		t->random = seed * 1000003ull + i;
		t->number = i;
		t->scratch = VirtualAlloc(NULL, AREA, MEM_RESERVE | MEM_COMMIT, PAGE_READWRITE);
		t->heap = VirtualAlloc(NULL, AREA + 0x20000, MEM_RESERVE, PAGE_READWRITE);
		VirtualAlloc(t->heap, AREA + 12288, MEM_COMMIT, PAGE_READWRITE);
		VirtualProtect(t->heap + AREA, 4096, PAGE_NOACCESS, &old);
		VirtualProtect(t->heap + AREA + 4096, 4096, PAGE_READONLY, &old);
		VirtualProtect(t->heap + AREA + 8192, 4096, PAGE_READWRITE | PAGE_GUARD, &old);
		for (unsigned k = 0; k < 60; k++)
			make_objects(t);
	}
	for (unsigned i = 0; i < THREADS; i++) {
		DWORD tid;

		all[i] = CreateThread(NULL, 0, fuzz, &threads[i], CREATE_SUSPENDED, &tid);
		page->slot[i].tid = tid;
		ResumeThread(all[i]);
	}
	while (still < 1600 && WaitForMultipleObjects(THREADS, all, TRUE, 5) == WAIT_TIMEOUT)
		shake(last, &still);
	NT("NtTerminateProcess", ~0ull, 0ull);
	return 0;
}

static int victim_main(unsigned parent)
{
	HANDLE p = OpenProcess(SYNCHRONIZE, FALSE, parent);

	CreateThread(NULL, 0, (LPTHREAD_START_ROUTINE)sleeper, NULL, 0, NULL);
	while (p && WaitForSingleObjectEx(p, 60000, TRUE) == WAIT_IO_COMPLETION)
		;
	return 0;
}

/* ---- who watches ---- */

static int verbose;
static struct { unsigned workers, died, stopped; u64 made; } total;

static int may_wait(const struct call *c)
{
	static const char *const all[] = { "Wait", "Delay", "Suspend", "Alert", "RemoveIo", "KeyedEvent", "Continue", "Raise", "Terminate", "Flush", "LoadKey", "SaveKey", "RestoreKey", "Section" };

	if (strcmp(c->group, "io") == 0)
		return 1; /* files opened so are one call's at a time */
	for (unsigned i = 0; i < sizeof all / sizeof *all; i++)
		if (strstr(c->name, all[i]))
			return 1;
	return 0;
}

static void say(const char *what, const struct slot *s)
{
	printf("%s %s(", what, calls[s->number].name);
	for (int i = 0; i < calls[s->number].nargs; i++)
		printf("%s%llx", i ? ", " : "", (unsigned long long)s->args[i]);
	printf(")\n");
	fflush(stdout);
}

static HANDLE thread_of(const struct slot *s)
{
	return s->done ? NULL : OpenThread(THREAD_ALL_ACCESS, FALSE, s->tid);
}

/* Stands in a call that waits for nobody, and nobody has stopped or ended it. */
static int is_stuck(struct slot *s)
{
	HANDLE h = s->inside && !may_wait(&calls[s->number]) && !page->wild ? thread_of(s) : NULL;
	DWORD code;
	int stuck = h && GetExitCodeThread(h, &code) && code == STILL_ACTIVE && ResumeThread(h) == 0;

	if (h)
		CloseHandle(h);
	return stuck;
}

static u64 progress(void)
{
	u64 sum = 0;

	for (unsigned i = 0; i < THREADS; i++)
		sum += page->slot[i].made;
	return sum;
}

/* The worker makes no progress: is a thread of it stuck where it should not be?  It gets long, on a loaded machine. */
static void look_at_stuck(void)
{
	for (unsigned i = 0; i < THREADS; i++) {
		struct slot *s = &page->slot[i];
		u64 before = s->made;
		int stuck = is_stuck(s);

		for (unsigned k = 0; k < 300 && stuck; k++) {
			Sleep(100);
			stuck = is_stuck(s) && s->made == before;
		}
		if (stuck)
			say("BAD does not come back:", s);
	}
}

/* Threads of a worker that have stopped each other, or wait for nothing, go on. */
static void go_on(HANDLE process)
{
	for (unsigned i = 0; i < 3; i++)
		NT("NtResumeProcess", (u64)process);
	for (unsigned i = 0; i < THREADS; i++) {
		HANDLE h = thread_of(&page->slot[i]);

		if (h == NULL)
			continue;
		NT("NtAlertThread", (u64)h);
		CancelSynchronousIo(h);
		CloseHandle(h);
	}
}

/* Waits for a worker as long as it does something.  False: it does not any more. */
static int watch(HANDLE process)
{
	u64 now = 0, before;
	unsigned still = 0;

	while (WaitForSingleObject(process, 100) == WAIT_TIMEOUT) {
		before = now;
		now = progress();
		still = now == before ? still + 1 : 0;
		if (still >= 3)
			go_on(process);
		if (still > 40)
			return 0;
	}
	return 1;
}

/* One worker from its start to its end; false: nothing works any more. */
static int one_worker(unsigned seed, const char *more, HANDLE section)
{
	HANDLE p, job = CreateJobObjectA(NULL, NULL);
	char args[800];
	DWORD code = 0;
	int by_itself;

	memset(page->slot, 0, sizeof page->slot);
	page->wild = 0;
	snprintf(args, sizeof args, "worker %u %llu%s", seed, (u64)section, more);
	p = start(args, !verbose, job, NULL);
	if (p == NULL) {
		printf("BAD a worker does not start: %lu\n", GetLastError());
		return 0;
	}
	by_itself = watch(p);
	if (verbose)
		printf("seed %u: %llu calls%s\n", seed, progress(), by_itself ? "" : ", stopped");
	for (unsigned i = 0; i < THREADS && verbose && !by_itself; i++)
		say(page->slot[i].inside ? "  in" : "  after", &page->slot[i]);
	if (!by_itself)
		look_at_stuck();
	TerminateJobObject(job, 77);
	CloseHandle(job);
	if (WaitForSingleObject(p, 30000) != WAIT_OBJECT_0) {
		printf("BAD a worker cannot be ended, seed %u\n", seed);
		return 0;
	}
	GetExitCodeProcess(p, &code);
	CloseHandle(p);
	if (verbose)
		printf("exit %lx\n", code);
	total.died += by_itself && code != 0;
	total.stopped += !by_itself;
	total.workers++;
	total.made += progress();
	return 1;
}

int main(int argc, char **argv)
{
	SECURITY_ATTRIBUTES sa = { sizeof sa, NULL, TRUE };
	HANDLE section;
	unsigned seed;
	char more[700] = "";
	u64 good = 0;
	DWORD until;

	SetErrorMode(SEM_FAILCRITICALERRORS | SEM_NOGPFAULTERRORBOX);
	find_stubs();
	if (argc > 2 && strcmp(argv[1], "victim") == 0)
		return victim_main((unsigned)atoi(argv[2]));
	if (argc > 3 && strcmp(argv[1], "worker") == 0) {
		how_many = argc > 4 ? (unsigned)atoi(argv[4]) : how_many;
		only = argv + 5, nonly = argc > 5 ? argc - 5 : 0;
		return worker((unsigned)atoi(argv[2]), (HANDLE)strtoull(argv[3], NULL, 0));
	}
	if (argc < 3)
		return 2;
	verbose = getenv("FUZZ_VERBOSE") != NULL;
	for (int i = 3; i < argc; i++)
		snprintf(more + strlen(more), sizeof more - strlen(more), " %s", argv[i]);
	section = CreateFileMappingA(INVALID_HANDLE_VALUE, &sa, PAGE_READWRITE, 0, sizeof *page, NULL);
	page = MapViewOfFile(section, FILE_MAP_ALL_ACCESS, 0, 0, 0);
	page->watcher[0] = GetCurrentProcessId();
	page->watcher[1] = GetCurrentThreadId();
	seed = (unsigned)atoi(argv[1]);
	for (until = GetTickCount() + 1000 * (DWORD)atoi(argv[2]); GetTickCount() < until; seed++)
		if (!one_worker(seed, more, section))
			return 1;
	for (unsigned i = 0; i < CALLS; i++) {
		good += page->succeeded[i];
		if (verbose && stubs[i])
			printf("%s: %llu, %llu succeeded\n", calls[i].name, page->reached[i], page->succeeded[i]);
	}
	printf("done nt_calls: %u workers, %u died, %u were stopped, %llu calls, %llu succeeded, next seed %u\n", total.workers, total.died,
		total.stopped, total.made, good, seed);
	return 0;
}
