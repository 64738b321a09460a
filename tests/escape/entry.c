/* SPDX-License-Identifier: MIT */
/*
 * tests/escape/entry.c - entry HOW VALUE: a program without libc whose first system call
 * is made with a stack pointer, flags or bases that no entry code may trust.  The kernel
 * does not look at them, so a system call must work natively and inside; what differs is
 * the library OS's mistake.  Ends with code 7, or 8 if two answers of getpid differ.
 *
 *	plain  SP	getpid, again and again: trapped, then patched
 *	number SP	the same, with the number in a register, which cannot be patched
 *	flags  SP	with DF, AC and NT set
 *	fs     SP	with FS pointing to VALUE as well
 *	gs     SP	with GS pointing to VALUE as well
 *	fork   SP	fork and wait
 *	thread SP	a thread whose first stack pointer it is
 *	exec   SP	execve of itself
 *	trap   SP	single-stepping (SIGTRAP)
 *	signal SP	a signal with a handler, so the kernel must push a frame there
 */
typedef unsigned long u64;

#define EXIT(code) "mov $231, %%eax\n\tmov $" #code ", %%edi\n\tsyscall\n\thlt\n\t"
#define GETPIDS                                                                                      \
	"mov $39, %%eax\n\tsyscall\n\tmov %%rax, %%r12\n\tmov $5, %%r13d\n"                          \
	"1:\tmov $39, %%eax\n\tsyscall\n\tcmp %%rax, %%r12\n\tjne 2f\n\tdec %%r13d\n\tjnz 1b\n\t" EXIT(7) "2:\t" EXIT(8)
#define RUN(text) __asm__ volatile("mov %[sp], %%rsp\n\t" text : : [sp] "r"(sp), "S"(0), "d"(0) : "memory")

static void plain(u64 sp) { RUN(GETPIDS); }
static void number(u64 sp)
{
	RUN("mov $39, %%r14d\n\tmov %%r14, %%rax\n\tsyscall\n\tmov %%rax, %%r12\n\tmov $5, %%r13d\n"
	    "1:\tmov %%r14, %%rax\n\tsyscall\n\tcmp %%rax, %%r12\n\tjne 2f\n\tdec %%r13d\n\tjnz 1b\n\t" EXIT(7) "2:\t" EXIT(8));
}
static void flags(u64 sp)
{
	__asm__ volatile("push $0x44402\n\tpopfq" ::: "memory", "cc"); /* AC, NT, DF */
	RUN(GETPIDS);
}
/* A base must be canonical, or writing it faults; where the CPU or kernel lacks the instruction nobody can. */
static u64 base_of(u64 sp) { return (long)sp >> 47 == 0 || (long)sp >> 47 == -1 ? sp : 0; }
static void fs(u64 sp)
{
	__asm__ volatile("wrfsbase %0" : : "r"(base_of(sp)) : "memory");
	RUN(GETPIDS);
}
static void gs(u64 sp)
{
	__asm__ volatile("wrgsbase %0" : : "r"(base_of(sp)) : "memory");
	RUN(GETPIDS);
}
static void forks(u64 sp)
{
	RUN("mov $57, %%eax\n\tsyscall\n\ttest %%eax, %%eax\n\tjz 3f\n\tmov %%eax, %%edi\n\txor %%esi, %%esi\n\txor %%edx, %%edx\n\t"
	    "xor %%r10d, %%r10d\n\tmov $61, %%eax\n\tsyscall\n\ttest %%eax, %%eax\n\tjs 2f\n\t" EXIT(7) "3:\t" GETPIDS);
}
static unsigned thread_word = 1;
static void thread(u64 sp)
{
	/* VM|FS|FILES|SIGHAND|THREAD|SYSVSEM|CHILD_CLEARTID; then futex(WAIT) on the word. */
	__asm__ volatile("mov $56, %%eax\n\tmov $0x250f00, %%edi\n\tmov %[sp], %%rsi\n\txor %%edx, %%edx\n\tmov %[word], %%r10\n\txor %%r8d, %%r8d\n\tsyscall\n\t"
			 "test %%eax, %%eax\n\tjnz 1f\n\tmov $39, %%eax\n\tsyscall\n\tmov $60, %%eax\n\txor %%edi, %%edi\n\tsyscall\n"
			 "1:\tjs 3f\n2:\tmov (%[word]), %%edx\n\ttest %%edx, %%edx\n\tjz 4f\n\tmov %[word], %%rdi\n\txor %%esi, %%esi\n\txor %%r10d, %%r10d\n\t"
			 "mov $202, %%eax\n\tsyscall\n\tjmp 2b\n4:\t" EXIT(7) "3:\t" EXIT(8)
			 : : [sp] "r"(sp), [word] "b"(&thread_word) : "memory");
}
static const char *self;
static void execs(u64 sp)
{
	static const char how[] = "plain", value[] = "0";
	const char *const argv[] = { self, how, value, 0 }, *const envp[] = { 0 };

	__asm__ volatile("mov %[sp], %%rsp\n\tmov $59, %%eax\n\tsyscall\n\t" EXIT(8)
			 : : [sp] "r"(sp), "D"(self), "S"(argv), "d"(envp) : "memory");
}
static void traps(u64 sp)
{
	__asm__ volatile("push $0x302\n\tpopfq" ::: "memory", "cc");
	RUN(GETPIDS);
}
static void handler(int sig) { (void)sig; }
__asm__("restorer: mov $15, %eax\n\tsyscall");
extern char restorer[];
static void signals(u64 sp)
{
	static struct { void *fn; u64 flags; void *restorer; u64 mask; } act = { 0, 0x04000000, 0, 0 };

	act.fn = (void *)handler;
	act.restorer = restorer;
	__asm__ volatile("mov %[sp], %%rsp\n\tmov $13, %%eax\n\tmov $10, %%edi\n\txor %%edx, %%edx\n\tmov $8, %%r10d\n\tsyscall\n\t"
			 "mov $39, %%eax\n\tsyscall\n\tmov %%eax, %%edi\n\tmov $10, %%esi\n\tmov $62, %%eax\n\tsyscall\n\t" EXIT(7)
			 : : [sp] "r"(sp), "S"(&act) : "memory");
}

static int same(const char *a, const char *b)
{
	while (*a && *a == *b)
		a++, b++;
	return *a == *b;
}

static u64 hex(const char *s)
{
	u64 v = 0;

	for (; *s; s++)
		v = v << 4 | (u64)(*s <= '9' ? *s - '0' : *s - 'a' + 10);
	return v;
}

__attribute__((used)) void start(u64 *sp)
{
	static const struct { const char *name; void (*fn)(u64); } all[] = { { "plain", plain }, { "number", number }, { "flags", flags },
		{ "fs", fs }, { "gs", gs }, { "fork", forks }, { "thread", thread }, { "exec", execs }, { "trap", traps }, { "signal", signals } };
	const char **argv = (const char **)(sp + 1);

	self = argv[0];
	for (unsigned i = 0; sp[0] == 3 && i < sizeof all / sizeof all[0]; i++)
		if (same(argv[1], all[i].name))
			all[i].fn(hex(argv[2]));
	__asm__ volatile("mov $231, %eax\n\tmov $9, %edi\n\tsyscall");
}
__asm__(".globl _start\n_start:\tmov %rsp, %rdi\n\tand $-16, %rsp\n\tcall start");
