/* SPDX-License-Identifier: MIT */
/*
 * tests/escape/nt_frames.c - contexts that a Windows program has forged, and stacks and bases that are not its own.  Each is
 * tried in a process of its own, which may end of it; the others and this one go on, and no call that the forged
 * context leads to may be served by the host.
 */
#include "nt_hostile.h"

static void forge(CONTEXT *c)
{
	DWORD64 *r = &c->Rax;

	for (unsigned i = 0; i < 1 + rnd() % 4; i++)
		r[rnd() % 17] = place();
	switch (rnd() % 8) {
	case 0: c->EFlags = (DWORD)rnd(); break;
	case 1: c->EFlags |= 0x44500; break; /* AC NT TF DF */
	case 2: c->SegCs = (WORD)rnd(); c->SegSs = (WORD)rnd(); break;
	case 3: c->SegCs = 0x23; break; /* 32-bit code */
	case 4: c->MxCsr = c->FltSave.MxCsr = 0xffffffff; break;
	case 5:
		for (unsigned i = 0; i < sizeof c->FltSave; i++)
			((unsigned char *)&c->FltSave)[i] = (unsigned char)rnd();
		break;
	case 6: c->SegFs = c->SegGs = c->SegDs = c->SegEs = (WORD)rnd(); break;
	case 7: c->ContextFlags = (DWORD)rnd(); break;
	}
}

static void by_continue(void)
{
	CONTEXT c;

	RtlCaptureContext(&c);
	if (page->came_back++)
		return;
	forge(&c);
	NT(NtContinue, &c, rnd() % 2);
}

static DWORD WINAPI runs(void *arg)
{
	for (volatile unsigned i = 0;; i++)
		if (i % 1024 == 0 && arg)
			Sleep(1);
	return 0;
}

/* Of another thread, which computes or waits. */
static void by_set_context(void)
{
	HANDLE t = CreateThread(NULL, 0, runs, (void *)(rnd() % 2), 0, NULL);
	CONTEXT c = { .ContextFlags = CONTEXT_ALL };

	Sleep(2);
	for (unsigned i = 0; i < 5; i++) {
		GetThreadContext(t, &c);
		forge(&c);
		SetThreadContext(t, &c);
		Sleep(1);
	}
}

static LONG WINAPI handler(EXCEPTION_POINTERS *e)
{
	if (page->entered++ > 20)
		TerminateProcess(GetCurrentProcess(), 3);
	forge(e->ContextRecord);
	return rnd() % 4 ? EXCEPTION_CONTINUE_EXECUTION : EXCEPTION_CONTINUE_SEARCH;
}

static void by_handler(void)
{
	AddVectoredExceptionHandler(1, handler);
	if (rnd() % 2)
		__asm__ volatile("ud2");
	else
		*(volatile int *)(uintptr_t)place() = 1;
}

static void by_raise(void)
{
	EXCEPTION_RECORD r = { .ExceptionCode = (DWORD)rnd(), .NumberParameters = (DWORD)(rnd() % 3 ? rnd() % 16 : rnd()) };
	CONTEXT c;

	RtlCaptureContext(&c);
	if (page->came_back++)
		return;
	forge(&c);
	NT(NtRaiseException, &r, &c, rnd() % 2);
}

/* Exceptions and calls with a stack pointer of others. */
static void pivot(void)
{
	uint64_t sp = place() & ~(rnd() % 4 ? 15ull : 0);

	switch (rnd() % 4) {
	case 0: __asm__ volatile("mov %0, %%rsp\n\tud2" : : "r"(sp) : "memory"); break;
	case 1: __asm__ volatile("mov %0, %%rsp\n\tmov $12, %%eax\n\tsyscall\n\tint3" : : "r"(sp) : "memory", "rax", "rcx", "r11"); break;
	case 2: __asm__ volatile("mov %0, %%rsp\n\tmov $12, %%eax\n\tmov $0x7ffe1000, %%ecx\n\tcall *(%%rcx)\n\thlt" : : "r"(sp) : "memory", "rax", "rcx", "r11"); break;
	default: __asm__ volatile("mov %0, %%rsp\n\tmov %1, %%rax\n\tjmp *%%rax" : : "r"(sp), "r"(place()) : "memory", "rax"); break;
	}
}

/* GS is the program's to change, FS the library OS's. */
static void bases(void)
{
	uint64_t value = place();

	if (rnd() % 2)
		__asm__ volatile("wrgsbase %0" : : "r"(value));
	else
		__asm__ volatile("wrfsbase %0" : : "r"(value));
	switch (rnd() % 4) {
	case 0: __asm__ volatile("mov $12, %%eax\n\tsyscall" : : : "rax", "rcx", "r11", "memory"); break;
	case 1: __asm__ volatile("mov $12, %%eax\n\tmov $0x7ffe1000, %%ecx\n\tcall *(%%rcx)" : : : "rax", "rcx", "r11", "memory"); break;
	case 2: __asm__ volatile("ud2"); break;
	default:
		for (volatile unsigned i = 0; i < 100000000; i++) /* until somebody interrupts */
			;
	}
}

static void selectors(void)
{
	unsigned short s = (unsigned short)(rnd() % 2 ? rnd() : rnd() % 8);

	if (rnd() % 2)
		__asm__ volatile("mov %0, %%gs" : : "r"((unsigned)s));
	else
		__asm__ volatile("mov %0, %%fs" : : "r"((unsigned)s));
	Sleep(1);
	__asm__ volatile("ud2");
}

/* The blocks that the kernel and ntdll share. */
static void blocks(void)
{
	uint64_t teb = (uint64_t)(uintptr_t)NtCurrentTeb(), peb = *(uint64_t *)(uintptr_t)(teb + 0x60), at = rnd() % 2 ? teb : peb;
	DWORD old;

	for (unsigned i = 0; i < 1 + rnd() % 16; i++)
		*(uint64_t *)(uintptr_t)(at + rnd() % 512 * 8) = rnd() % 2 ? place() : rnd();
	if (rnd() % 4 == 0 && VirtualProtect((void *)0x7ffe0000, 8192, PAGE_READWRITE, &old))
		*(uint64_t *)0x7ffe1000 = place();
	CloseHandle(CreateThread(NULL, 0, runs, (void *)1, 0, NULL));
	CreateFileA("C:\\windows\\temp\\y", GENERIC_WRITE, 0, NULL, CREATE_ALWAYS, 0, NULL);
	__asm__ volatile("ud2");
}

static void apcs(void)
{
	HANDLE t = CreateThread(NULL, 0, runs, (void *)1, 0, NULL);

	NT(NtQueueApcThread, GetCurrentThread(), place(), place(), place(), place());
	NT(NtQueueApcThread, t, place(), place(), place(), place());
	SleepEx(1, TRUE);
}

/* Stacks that are somebody's else, by the limits that the TEB says. */
static void limits(void)
{
	uint64_t teb = (uint64_t)(uintptr_t)NtCurrentTeb();

	*(uint64_t *)(uintptr_t)(teb + 8) = place();
	*(uint64_t *)(uintptr_t)(teb + 16) = place();
	*(uint64_t *)(uintptr_t)(teb + 0x1478) = place(); /* DeallocationStack */
	if (rnd() % 2)
		ExitThread(0);
	__asm__ volatile("mov %%rsp, %%rax\n1:\tpush %%rax\n\tjmp 1b" : : : "rax", "memory");
}

int frames_child(unsigned seed)
{
	static void (*const ways[])(void) = { by_continue, by_set_context, by_handler, by_raise, pivot, bases, selectors, blocks, apcs, limits };

	random_state = seed;
	rnd();
	page->entered = page->came_back = 0;
	ways[rnd() % (sizeof ways / sizeof *ways)]();
	TerminateProcess(GetCurrentProcess(), 0);
	return 0;
}

int frames(unsigned seed, unsigned count)
{
	unsigned died = 0, lived = 0, stopped = 0;

	for (unsigned i = 0; i < count; i++) {
		char args[60];
		int stuck;
		DWORD code;

		snprintf(args, sizeof args, "frames %u", seed * 100000 + i + 1);
		code = child(args, 500, &stuck);
		stopped += stuck;
		died += !stuck && code != 0;
		lived += !stuck && code == 0;
	}
	printf("done frames: %u ended by an exception, %u lived, %u computed on\n", died, lived, stopped);
	return 0;
}
