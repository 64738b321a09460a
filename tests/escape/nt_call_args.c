/* SPDX-License-Identifier: MIT */
/* tests/escape/nt_call_args.c - arguments of NT system calls, by chance, of what their types and names promise. */
#include "nt_calls.h"

/* ---- chance ---- */

u64 rnd(struct thread *t)
{
	t->random = t->random * 6364136223846793005ull + 1442695040888963407ull;
	return t->random >> 20;
}

/* ---- handles ---- */

volatile u64 pool[KINDS][EACH];
volatile u64 areas[16]; /* memory that calls have made */
u64 victim;	       /* a process that may be done anything to */
uint32_t victim_ids[2];

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

void keep_handle(struct thread *t, u64 h, enum kind k)
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
	case 0: return (u64)rnd & ~0xfffull;
	case 1: return stub_of("NtClose") & ~0xfffull;
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

u64 a_word(struct thread *t)
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
		c = &calls[rnd(t) % call_count];
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

void sleeper(void)
{
	LARGE_INTEGER for_ever = { .QuadPart = INT64_MIN };

	for (;;)
		NT("NtDelayExecution", 1ull, (u64)&for_ever);
}
DWORD WINAPI nothing(void *arg) { return (DWORD)(u64)arg; }

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

int is_one(const char *name, const char *list)
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

u64 an_argument(struct thread *t, const struct call *c, const struct arg *a)
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
