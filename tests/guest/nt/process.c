/* SPDX-License-Identifier: MIT */
/* Processes: start, exit codes, handles that are inherited or not, working folder, suspension, ends from outside, jobs. */
/* wine: what has ended can be terminated again; Windows says 5. */
#include "t.h"

static PROCESS_INFORMATION start(const char *args, BOOL inherit, DWORD flags, const char *folder, STARTUPINFOA *given)
{
	char self[MAX_PATH], line[1024];
	STARTUPINFOA si = { .cb = sizeof si };
	PROCESS_INFORMATION pi = { 0 };

	GetModuleFileNameA(0, self, sizeof self);
	snprintf(line, sizeof line, "\"%s\" %s", self, args);
	if (!CreateProcessA(0, line, 0, 0, inherit, flags, 0, folder, given ? given : &si, &pi))
		printf("CreateProcess: error %lu\n", GetLastError());
	return pi;
}

static int child(int argc, char **argv)
{
	const char *what = argv[1];

	if (!strcmp(what, "sleep")) {
		Sleep(60000);
	} else if (!strcmp(what, "set")) {
		return SetEvent((HANDLE)(ULONG_PTR)strtoull(argv[2], 0, 10)) ? 1 : GetLastError();
	} else if (!strcmp(what, "folder")) {
		char text[MAX_PATH];
		GetCurrentDirectoryA(sizeof text, text);
		printf("folder %s\n", strrchr(text, '\\'));
	} else if (!strcmp(what, "tree")) {
		PROCESS_INFORMATION p = start("sleep", TRUE, 0, 0, 0);
		printf("grandchild started\n");
		HANDLE e = OpenEventA(EVENT_MODIFY_STATE, FALSE, "bailey tree");
		DuplicateHandle(GetCurrentProcess(), p.hProcess, GetCurrentProcess(), &p.hProcess, 0, TRUE, DUPLICATE_SAME_ACCESS);
		SetEvent(e);
		Sleep(60000);
	} else if (!strcmp(what, "args")) {
		for (int i = 2; i < argc; i++)
			printf("arg <%s>\n", argv[i]);
	} else if (!strcmp(what, "parent")) {
		HANDLE p = (HANDLE)(ULONG_PTR)strtoull(argv[2], 0, 10);
		printf("parent's handle: %d\n", GetProcessId(p) != 0 && GetProcessId(p) != GetCurrentProcessId());
	} else if (!strcmp(what, "stdin")) {
		char text[64];
		DWORD n = 0;
		ReadFile(GetStdHandle(STD_INPUT_HANDLE), text, sizeof text, &n, 0);
		printf("stdin: %.*s\n", (int)n, text);
	} else {
		return atoi(what);
	}
	return 0;
}

static void codes(void)
{
	PROCESS_INFORMATION p = start("77", TRUE, 0, 0, 0);
	DWORD code;

	WAITS(WaitForSingleObject(p.hProcess, 60000));
	WAITS(WaitForSingleObject(p.hThread, 60000));
	GetExitCodeProcess(p.hProcess, &code);
	NUM(code);
	NUM(GetProcessId(p.hProcess) == p.dwProcessId);
	NUM(p.dwProcessId % 4);
	OK(OpenProcess(SYNCHRONIZE, FALSE, 0x7ffffff0) != 0);
	OK(TerminateProcess(p.hProcess, 1));
	CloseHandle(p.hProcess);
	CloseHandle(p.hThread);

	p = start("sleep", TRUE, 0, 0, 0);
	GetExitCodeProcess(p.hProcess, &code);
	NUM(code);
	WAITS(WaitForSingleObject(p.hProcess, 100));
	HANDLE weak = OpenProcess(SYNCHRONIZE | PROCESS_QUERY_LIMITED_INFORMATION, FALSE, p.dwProcessId);
	OK(TerminateProcess(weak, 5));
	OK(TerminateProcess(p.hProcess, 0xabcd));
	WAITS(WaitForSingleObject(weak, 60000));
	GetExitCodeProcess(weak, &code);
	HEX(code);

	p = start("3", TRUE, CREATE_SUSPENDED, 0, 0);
	WAITS(WaitForSingleObject(p.hProcess, 100));
	NUM(ResumeThread(p.hThread));
	NUM(t_reap(p.hProcess));
	STARTUPINFOA si = { .cb = sizeof si };
	OK(CreateProcessA(0, (char[]){"no such program.exe"}, 0, 0, FALSE, 0, 0, 0, &si, &p));
	OK(CreateProcessA("no such program.exe", 0, 0, 0, FALSE, 0, 0, 0, &si, &p));
	HANDLE f = CreateFileA("not.exe", GENERIC_WRITE, 0, 0, CREATE_ALWAYS, 0, 0);
	DWORD n;
	WriteFile(f, "not a program at all", 20, &n, 0);
	CloseHandle(f);
	OK(CreateProcessA(0, (char[]){"not.exe"}, 0, 0, FALSE, 0, 0, 0, &si, &p));
	OK(CreateProcessA(0, (char[]){"args"}, 0, 0, FALSE, 0, 0, "no such folder", &si, &p));
}

static void inheritance(void)
{
	SECURITY_ATTRIBUTES sa = { sizeof sa, 0, TRUE };
	HANDLE yes = CreateEventA(&sa, FALSE, FALSE, 0), no = CreateEventA(0, FALSE, FALSE, 0), me;
	char args[64];
	DWORD flags;

	sprintf(args, "set %llu", (unsigned long long)(ULONG_PTR)yes);
	NUM(t_reap(start(args, TRUE, 0, 0, 0).hProcess));
	WAITS(WaitForSingleObject(yes, 0));
	NUM(t_reap(start(args, FALSE, 0, 0, 0).hProcess) != 1);
	WAITS(WaitForSingleObject(yes, 0));
	sprintf(args, "set %llu", (unsigned long long)(ULONG_PTR)no);
	NUM(t_reap(start(args, TRUE, 0, 0, 0).hProcess) != 1);
	WAITS(WaitForSingleObject(no, 0));
	OK(SetHandleInformation(no, HANDLE_FLAG_INHERIT, HANDLE_FLAG_INHERIT));
	OK(GetHandleInformation(no, &flags));
	NUM(flags);
	NUM(t_reap(start(args, TRUE, 0, 0, 0).hProcess));
	WAITS(WaitForSingleObject(no, 0));
	DuplicateHandle(GetCurrentProcess(), GetCurrentProcess(), GetCurrentProcess(), &me, 0, TRUE, DUPLICATE_SAME_ACCESS);
	sprintf(args, "parent %llu", (unsigned long long)(ULONG_PTR)me);
	NUM(t_reap(start(args, TRUE, 0, 0, 0).hProcess));
	OK(CreateDirectoryA("below", 0));
	NUM(t_reap(start("folder", TRUE, 0, "below", 0).hProcess));
	NUM(t_reap(start("args \"a b\" c", TRUE, 0, 0, 0).hProcess));

	HANDLE f = CreateFileA("in", GENERIC_READ | GENERIC_WRITE, 7, &sa, CREATE_ALWAYS, 0, 0);
	WriteFile(f, "from a file", 11, &flags, 0);
	SetFilePointer(f, 5, 0, FILE_BEGIN);
	STARTUPINFOA si = { .cb = sizeof si, .dwFlags = STARTF_USESTDHANDLES, .hStdInput = f, .hStdOutput = GetStdHandle(STD_OUTPUT_HANDLE), .hStdError = GetStdHandle(STD_ERROR_HANDLE) };
	NUM(t_reap(start("stdin", TRUE, 0, 0, &si).hProcess));
	NUM(SetFilePointer(f, 0, 0, FILE_CURRENT));

	PROCESS_INFORMATION p = start("sleep", FALSE, 0, 0, 0);
	HANDLE there, back = 0;
	OK(DuplicateHandle(GetCurrentProcess(), yes, p.hProcess, &there, 0, FALSE, DUPLICATE_SAME_ACCESS));
	OK(DuplicateHandle(p.hProcess, there, GetCurrentProcess(), &back, 0, FALSE, DUPLICATE_SAME_ACCESS | DUPLICATE_CLOSE_SOURCE));
	SetEvent(back);
	WAITS(WaitForSingleObject(yes, 0));
	int word = 0;
	void *m = VirtualAllocEx(p.hProcess, 0, 4096, MEM_RESERVE | MEM_COMMIT, PAGE_READWRITE);
	OK(m != 0);
	OK(WriteProcessMemory(p.hProcess, m, "abc", 4, 0));
	OK(ReadProcessMemory(p.hProcess, m, &word, 4, 0));
	HEX(word);
	TerminateProcess(p.hProcess, 9);
	NUM(t_reap(p.hProcess));
}

static void jobs(void)
{
	HANDLE job = CreateJobObjectA(0, 0), port = CreateIoCompletionPort(INVALID_HANDLE_VALUE, 0, 0, 0), e = CreateEventA(0, FALSE, FALSE, "bailey tree");
	JOBOBJECT_EXTENDED_LIMIT_INFORMATION limits = { .BasicLimitInformation.LimitFlags = JOB_OBJECT_LIMIT_KILL_ON_JOB_CLOSE };
	JOBOBJECT_BASIC_ACCOUNTING_INFORMATION count;
	JOBOBJECT_ASSOCIATE_COMPLETION_PORT where = { (void *)5, port };
	PROCESS_INFORMATION p;
	BOOL in = 9;

	OK(job != 0);
	OK(SetInformationJobObject(job, JobObjectExtendedLimitInformation, &limits, sizeof limits));
	OK(SetInformationJobObject(job, JobObjectAssociateCompletionPortInformation, &where, sizeof where));
	p = start("tree", TRUE, CREATE_SUSPENDED, 0, 0);
	OK(AssignProcessToJobObject(job, p.hProcess));
	OK(IsProcessInJob(p.hProcess, job, &in));
	NUM(in);
	ResumeThread(p.hThread);
	WAITS(WaitForSingleObject(e, 60000));
	OK(QueryInformationJobObject(job, JobObjectBasicAccountingInformation, &count, sizeof count, 0));
	printf("active %lu, in all %lu\n", count.ActiveProcesses, count.TotalProcesses);
	CloseHandle(job);
	WAITS(WaitForSingleObject(p.hProcess, 60000));

	job = CreateJobObjectA(0, 0);
	p = start("sleep", TRUE, 0, 0, 0);
	OK(AssignProcessToJobObject(job, p.hProcess));
	OK(TerminateJobObject(job, 33));
	NUM(t_reap(p.hProcess));
	p = start("1", TRUE, 0, 0, 0);
	WaitForSingleObject(p.hProcess, 60000);
	OK(AssignProcessToJobObject(job, p.hProcess));
	OK(IsProcessInJob(GetCurrentProcess(), job, &in));
	NUM(in);
}

int main(int argc, char **argv)
{
	t_start();
	if (argc > 1)
		return child(argc, argv);
	codes();
	inheritance();
	jobs();
	return 0;
}
