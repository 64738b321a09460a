/* SPDX-License-Identifier: MIT */
/* Structured exceptions: vectored handlers, frame handlers, unwinding, what each fault says. */
#include "t.h"

typedef int body(void *arg);

/* Runs fn(arg); an exception ends it and its code is the result. */
int guarded(body *fn, void *arg);
DWORD caught_code, caught_params;
ULONG_PTR caught_info[2];
void guarded_out(void);

__asm__(".text\n.globl guarded\n.def guarded; .scl 2; .type 32; .endef\n.seh_proc guarded\nguarded:\n"
	"\tpush %rbp\n\t.seh_pushreg %rbp\n\tsub $32, %rsp\n\t.seh_stackalloc 32\n\t.seh_endprologue\n\t.seh_handler frame_handler, @except\n"
	"\tmov %rcx, %rax\n\tmov %rdx, %rcx\n\tcall *%rax\n\tnop\n"
	".globl guarded_out\nguarded_out:\n\tadd $32, %rsp\n\tpop %rbp\n\tret\n\t.seh_endproc\n");

EXCEPTION_DISPOSITION frame_handler(EXCEPTION_RECORD *rec, void *frame, CONTEXT *context, DISPATCHER_CONTEXT *disp)
{
	if (rec->ExceptionFlags & (EXCEPTION_UNWINDING | EXCEPTION_EXIT_UNWIND))
		return ExceptionContinueSearch;
	caught_code = rec->ExceptionCode;
	caught_params = rec->NumberParameters;
	caught_info[0] = rec->NumberParameters > 0 ? rec->ExceptionInformation[0] : 0;
	caught_info[1] = rec->NumberParameters > 1 ? rec->ExceptionInformation[1] : 0;
	RtlUnwindEx(frame, (void *)guarded_out, rec, (void *)(intptr_t)-1, context, disp->HistoryTable);
	return ExceptionContinueSearch;
}

static void run(const char *what, body *fn, void *arg)
{
	caught_code = 0;
	int got = guarded(fn, arg);

	if (caught_code)
		printf("%s: %#lx (%lu) %#llx %#llx, result %d\n", what, caught_code, caught_params, (unsigned long long)caught_info[0],
		       (unsigned long long)caught_info[1], got);
	else
		printf("%s: result %d\n", what, got);
}

static int nothing(void *arg) { return 3; }
static int reads(void *arg) { return *(volatile int *)arg; }
static int writes(void *arg) { return *(volatile int *)arg = 1; }
static int jumps(void *arg) { return ((int (*)(void))arg)(); }
static int divides(void *arg) { return 10 / *(volatile int *)arg; }
static int illegal(void *arg) { __asm__ volatile("ud2"); return 0; }
static int privileged(void *arg) { __asm__ volatile("hlt"); return 0; }
static int breaks(void *arg) { __asm__ volatile("int3"); return 4; }
static int noncanonical(void *arg) { return *(volatile int *)0x8000000000000000ull; }
static int raises(void *arg) { RaiseException(0xe0001234, 0, 2, (ULONG_PTR *)arg); return 5; }
static int final(void *arg) { RaiseException(0xe0005678, EXCEPTION_NONCONTINUABLE, 0, 0); return 6; }
static int steps(void *arg) { __asm__ volatile("pushfq\n orl $0x100, (%%rsp)\n popfq\n nop\n" ::: "memory", "cc"); return 7; }

static int nested(void *arg)
{
	run("inner", reads, arg);
	return writes(arg);
}

static char *page;
static LONG WINAPI mends(EXCEPTION_POINTERS *p)
{
	EXCEPTION_RECORD *r = p->ExceptionRecord;

	if (r->ExceptionCode == EXCEPTION_ACCESS_VIOLATION && (char *)r->ExceptionInformation[1] == page) {
		DWORD old;

		printf("mended a %s\n", r->ExceptionInformation[0] == 1 ? "write" : "read");
		VirtualProtect(page, 4096, PAGE_READWRITE, &old);
		return EXCEPTION_CONTINUE_EXECUTION;
	}
	if (r->ExceptionCode == EXCEPTION_ACCESS_VIOLATION && r->ExceptionInformation[0] == 1 && !r->ExceptionInformation[1] && p->ContextRecord->Rbx == 0x5151) {
		p->ContextRecord->Rip += 3;
		p->ContextRecord->Rcx = 0x600d;
		return EXCEPTION_CONTINUE_EXECUTION;
	}
	return EXCEPTION_CONTINUE_SEARCH;
}

static LONG WINAPI says_first(EXCEPTION_POINTERS *p) { printf("[first %#lx]\n", p->ExceptionRecord->ExceptionCode); return EXCEPTION_CONTINUE_SEARCH; }
static LONG WINAPI says_last(EXCEPTION_POINTERS *p) { printf("[last %#lx]\n", p->ExceptionRecord->ExceptionCode); return EXCEPTION_CONTINUE_SEARCH; }
static LONG WINAPI takes(EXCEPTION_POINTERS *p)
{
	return p->ExceptionRecord->ExceptionCode == 0xe0001234 ? EXCEPTION_CONTINUE_EXECUTION : EXCEPTION_CONTINUE_SEARCH;
}

static void vectored(void)
{
	ULONG_PTR words[2] = { 11, 22 }, out;
	void *mend = AddVectoredExceptionHandler(TRUE, mends), *first, *last, *take;
	DWORD old;

	page = VirtualAlloc(0, 4096, MEM_COMMIT | MEM_RESERVE, PAGE_NOACCESS);
	*(volatile char *)page = 'x';
	printf("page holds %c\n", *page);
	VirtualProtect(page, 4096, PAGE_NOACCESS, &old);
	printf("read %c\n", *(volatile char *)page);
	__asm__ volatile("mov $0x5151, %%rbx\n mov $7, %%ecx\n xor %%eax, %%eax\n .byte 0x48, 0x89, 0x08\n" : "=c"(out)::"rax", "rbx", "memory", "cc");
	HEX(out);
	last = AddVectoredExceptionHandler(FALSE, says_last);
	first = AddVectoredExceptionHandler(TRUE, says_first);
	run("raise", raises, words);
	take = AddVectoredExceptionHandler(TRUE, takes);
	run("raise, continued", raises, words);
	NUM(RemoveVectoredExceptionHandler(first) != 0);
	NUM(RemoveVectoredExceptionHandler(last) != 0);
	NUM(RemoveVectoredExceptionHandler(take) != 0);
	NUM(RemoveVectoredExceptionHandler(mend) != 0);
	NUM(RemoveVectoredExceptionHandler(mend) != 0);
}

static DWORD WINAPI other(void *arg)
{
	run("in a thread", writes, 0);
	return 9;
}

int main(void)
{
	ULONG_PTR words[2] = { 0x111, 0x222 };
	int zero = 0;
	HANDLE t;

	t_start();
	run("nothing", nothing, 0);
	run("read of null", reads, 0);
	run("write of null", writes, 0);
	run("read of 0x1234", reads, (void *)0x1234);
	run("jump to null", jumps, 0);
	run("division", divides, &zero);
	run("illegal", illegal, 0);
	run("privileged", privileged, 0);
	run("breakpoint", breaks, 0);
	run("single step", steps, 0);
	run("not canonical", noncanonical, 0);
	run("raised", raises, words);
	run("not continuable", final, 0);
	run("nested", nested, (void *)8);
	vectored();
	t = CreateThread(0, 0, other, 0, 0, 0);
	WAITS(WaitForSingleObject(t, 60000));
	for (int i = 0; i < 1000; i++)
		guarded(writes, 0);
	run("after a thousand", reads, 0);
	return 0;
}
