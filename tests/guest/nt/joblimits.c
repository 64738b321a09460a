/* SPDX-License-Identifier: MIT */
/* Limits of job objects: time of a process and of a job, memory, how many; and the messages about them. */
/* wine: keeps none of these limits. */
#include "t.h"

static HANDLE port;

static int child(const char *what)
{
	if (!strcmp(what, "spin"))
		for (volatile unsigned n = 0;; n++)
			;
	if (!strcmp(what, "memory")) {
		char *p = VirtualAlloc(0, 64 << 20, MEM_RESERVE, PAGE_READWRITE);
		int n = 0;

		while (n < 64 && VirtualAlloc(p + ((SIZE_T)n << 20), 1 << 20, MEM_COMMIT, PAGE_READWRITE))
			n++;
		printf("some %d, not all %d, error %lu\n", n > 4, n < 64, GetLastError());
	}
	return 5;
}

static PROCESS_INFORMATION start(const char *args)
{
	char self[MAX_PATH], line[1024];
	STARTUPINFOA si = { .cb = sizeof si };
	PROCESS_INFORMATION pi = { 0 };

	GetModuleFileNameA(0, self, sizeof self);
	snprintf(line, sizeof line, "\"%s\" %s", self, args);
	if (!CreateProcessA(0, line, 0, 0, TRUE, CREATE_SUSPENDED, 0, 0, &si, &pi))
		printf("CreateProcess: error %lu\n", GetLastError());
	return pi;
}

static HANDLE job(JOBOBJECT_EXTENDED_LIMIT_INFORMATION *l)
{
	HANDLE j = CreateJobObjectA(0, 0);
	JOBOBJECT_ASSOCIATE_COMPLETION_PORT to = { j };

	port = to.CompletionPort = CreateIoCompletionPort(INVALID_HANDLE_VALUE, 0, 0, 0);
	OK(SetInformationJobObject(j, JobObjectAssociateCompletionPortInformation, &to, sizeof to));
	OK(SetInformationJobObject(j, JobObjectExtendedLimitInformation, l, sizeof *l));
	return j;
}

/* The job's messages up to this one, which takes as long as it takes on a busy machine. */
static void messages_until(DWORD last)
{
	DWORD n = 0;
	ULONG_PTR key;
	OVERLAPPED *o;

	printf("messages:");
	while (n != last && GetQueuedCompletionStatus(port, &n, &key, &o, 60000))
		printf(" %lu", n);
	printf("\n");
}

static void messages(void)
{
	DWORD n;
	ULONG_PTR key;
	OVERLAPPED *o;

	printf("messages:");
	while (GetQueuedCompletionStatus(port, &n, &key, &o, 1000)) /* the last of them may come after the process is known to have ended */
		printf(" %lu", n);
	printf("\n");
	CloseHandle(port);
}

static void run(HANDLE j, const char *what)
{
	PROCESS_INFORMATION p = start(what);
	DWORD code;

	OK(AssignProcessToJobObject(j, p.hProcess));
	ResumeThread(p.hThread);
	WAITS(WaitForSingleObject(p.hProcess, 60000));
	GetExitCodeProcess(p.hProcess, &code);
	printf("%s: code %lu\n", what, code);
	messages();
}

int main(int argc, char **argv)
{
	JOBOBJECT_EXTENDED_LIMIT_INFORMATION l = { 0 };
	JOBOBJECT_BASIC_ACCOUNTING_INFORMATION a;
	JOBOBJECT_END_OF_JOB_TIME_INFORMATION end = { JOB_OBJECT_POST_AT_END_OF_JOB };
	PROCESS_INFORMATION p, q;
	HANDLE j;

	t_start();
	if (argc > 1)
		return child(argv[1]);
	l.BasicLimitInformation.LimitFlags = JOB_OBJECT_LIMIT_PROCESS_TIME;
	l.BasicLimitInformation.PerProcessUserTimeLimit.QuadPart = 2000000;
	run(j = job(&l), "spin");
	QueryInformationJobObject(j, JobObjectBasicAccountingInformation, &a, sizeof a, 0);
	NUM(a.TotalUserTime.QuadPart >= 2000000);

	l.BasicLimitInformation.LimitFlags = JOB_OBJECT_LIMIT_JOB_TIME;
	l.BasicLimitInformation.PerJobUserTimeLimit.QuadPart = 2000000;
	run(job(&l), "spin");

	j = job(&l);
	OK(SetInformationJobObject(j, JobObjectEndOfJobTimeInformation, &end, sizeof end));
	p = start("spin");
	AssignProcessToJobObject(j, p.hProcess);
	ResumeThread(p.hThread);
	messages_until(JOB_OBJECT_MSG_END_OF_JOB_TIME);
	WAITS(WaitForSingleObject(p.hProcess, 300));
	TerminateJobObject(j, 3);
	WAITS(WaitForSingleObject(p.hProcess, 60000));
	messages();

	l.BasicLimitInformation.LimitFlags = JOB_OBJECT_LIMIT_PROCESS_MEMORY;
	l.ProcessMemoryLimit = 32 << 20;
	run(job(&l), "memory");
	l.BasicLimitInformation.LimitFlags = JOB_OBJECT_LIMIT_JOB_MEMORY;
	l.JobMemoryLimit = 32 << 20;
	run(job(&l), "memory");

	l.BasicLimitInformation.LimitFlags = JOB_OBJECT_LIMIT_ACTIVE_PROCESS;
	l.BasicLimitInformation.ActiveProcessLimit = 1;
	j = job(&l);
	p = start("5");
	q = start("5");
	OK(AssignProcessToJobObject(j, p.hProcess));
	OK(AssignProcessToJobObject(j, q.hProcess));
	WAITS(WaitForSingleObject(q.hProcess, 60000));
	TerminateProcess(p.hProcess, 1);
	WAITS(WaitForSingleObject(p.hProcess, 60000));
	messages();
	return 0;
}
