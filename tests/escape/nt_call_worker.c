/* SPDX-License-Identifier: MIT */
/* tests/escape/nt_call_worker.c - a worker of nt_calls.c: threads that make calls, a process to be done anything to. */
#include "nt_calls.h"

static struct thread threads[THREADS];

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
		unsigned i = rnd(t) % call_count;

		if (t->calls % 16 == 0)
			make_objects(t);
		if (is_call(i) && wanted(i) && !left_out(&calls[i], t))
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

int worker(unsigned seed, HANDLE section, unsigned calls_each, char **names, int name_count)
{
	HANDLE all[THREADS];
	u64 last[THREADS] = { 0 };
	unsigned still = 0;
	DWORD ids[2] = { 0 };
	char args[64];

	if (calls_each)
		how_many = calls_each;
	only = names, nonly = name_count;
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

int victim_main(unsigned parent)
{
	HANDLE p = OpenProcess(SYNCHRONIZE, FALSE, parent);

	CreateThread(NULL, 0, (LPTHREAD_START_ROUTINE)sleeper, NULL, 0, NULL);
	while (p && WaitForSingleObjectEx(p, 60000, TRUE) == WAIT_IO_COMPLETION)
		;
	return 0;
}
