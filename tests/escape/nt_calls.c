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
#include "nt_calls.h"

const struct call calls[] = {
#include "nt_calls.gen.h"
};
#define CALLS (sizeof calls / sizeof *calls)
const unsigned call_count = CALLS;
_Static_assert(CALLS <= MOST_CALLS, "more calls than a page has room for");
struct page *page;

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

u64 invoke(unsigned i, const u64 *a, int raw)
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

u64 nt(const char *name, ...)
{
	u64 a[ARGS_MAX];
	va_list ap;

	va_start(ap, name);
	for (unsigned i = 0; i < ARGS_MAX; i++)
		a[i] = va_arg(ap, u64); /* more than there are: whatever lies there */
	va_end(ap);
	return invoke(find_call(name), a, 0);
}

int is_call(unsigned i) { return stubs[i] != NULL; }
u64 stub_of(const char *name) { return (u64)stubs[find_call(name)]; }

HANDLE start(const char *args, int silent, HANDLE job, DWORD *ids)
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

static BOOL WINAPI ignore_event(DWORD event)
{
	(void)event;
	return TRUE;
}

/* A worker may guess the ids of who watches, or send all of its console an event: neither ends him. */
static int be_left_alone(void)
{
	SECURITY_DESCRIPTOR sd;
	ACL nobody;

	setvbuf(stdout, NULL, _IONBF, 0); /* whatever ends it, nothing that it said is lost */
	SetConsoleCtrlHandler(ignore_event, TRUE);
	InitializeAcl(&nobody, sizeof nobody, ACL_REVISION);
	InitializeSecurityDescriptor(&sd, SECURITY_DESCRIPTOR_REVISION);
	SetSecurityDescriptorDacl(&sd, TRUE, &nobody, FALSE);
	return SetKernelObjectSecurity(GetCurrentThread(), DACL_SECURITY_INFORMATION, &sd) && SetKernelObjectSecurity(GetCurrentProcess(), DACL_SECURITY_INFORMATION, &sd) &&
	       !OpenProcess(PROCESS_TERMINATE, FALSE, GetCurrentProcessId()) && !OpenThread(THREAD_TERMINATE, FALSE, GetCurrentThreadId());
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
		return worker((unsigned)atoi(argv[2]), (HANDLE)strtoull(argv[3], NULL, 0), argc > 4 ? (unsigned)atoi(argv[4]) : 0, argv + 5, argc > 5 ? argc - 5 : 0);
	}
	if (argc < 3)
		return 2;
	if (!be_left_alone()) {
		printf("BAD others may end who watches\n");
		return 1;
	}
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
