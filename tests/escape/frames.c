/* SPDX-License-Identifier: MIT */
/*
 * tests/escape/frames.c - frames SEED COUNT: signal frames that a guest has forged, and stacks that are not its
 * own.  Each is tried in a process of its own, which may end of it; the others and this one go on,
 * and no call that the forged context leads to may be served by the host.
 */
#include "hostile.h"

#include <sys/ucontext.h>

struct shared_page *page;
static uint64_t random_state;

static uint64_t rnd(void)
{
	random_state = random_state * 6364136223846793005ull + 1442695040888963407ull;
	return random_state >> 16;
}

/* Places that a forged register might name: pal, images, slots, arena, vdso, the edges of what is canonical. */
static uint64_t place(void)
{
	static const uint64_t all[] = { 0, 1, 0x10000, 0x400000, 0x680000000000, 0x680000001000, 0x680000002000, 0x680020000000, 0x680020001000, 0x680040000000,
		0x680100000000, 0x680100009f00, 0x68010000f000, 0x680200000000, 0x681000000000, 0x684000000000, 0x690000000000, 0x6a0000000000,
		0x7ffffffff000, 0x800000000000, 0xffff800000000000, 0xffffffffff600000, ~0ull };

	return all[rnd() % (sizeof all / sizeof all[0])] + (rnd() % 3 ? 0 : rnd() % 8192);
}

static void forge_registers(greg_t *g)
{
	static const int which[] = { REG_RIP, REG_RSP, REG_RBP, REG_RAX, REG_RCX, REG_RDI, REG_RSI, REG_RDX, REG_R10, REG_R11 };

	for (unsigned i = 0; i < 1 + rnd() % 4; i++)
		g[which[rnd() % (sizeof which / sizeof which[0])]] = (greg_t)place();
	switch (rnd() % 6) {
	case 0: g[REG_EFL] = (greg_t)rnd(); break;
	case 1: g[REG_EFL] |= 0x44500; break; /* AC NT TF DF */
	case 2: g[REG_CSGSFS] = (greg_t)rnd(); break;
	case 3: g[REG_CSGSFS] = 0x23; break; /* 32-bit code */
	}
}

static void forge_vectors(ucontext_t *u)
{
	unsigned char *fp = (unsigned char *)u->uc_mcontext.fpregs;

	switch (rnd() % 5) {
	case 0: u->uc_mcontext.fpregs = (void *)place(); break;
	case 1: u->uc_mcontext.fpregs = (void *)((uint64_t)fp + 8); break;
	case 2: /* sizes and features that the frame says of itself */
		for (unsigned i = 0; fp && i < 48; i++)
			fp[464 + i] = (unsigned char)rnd();
		break;
	case 3: /* the header of what the CPU restores */
		for (unsigned i = 0; fp && i < 64; i++)
			fp[512 + i] = (unsigned char)rnd();
		break;
	case 4: /* MXCSR */
		if (fp)
			memset(fp + 24, 0xff, 4);
		break;
	}
}

static void handler(int sig, siginfo_t *info, void *context)
{
	ucontext_t *u = context;

	if (rnd() % 3)
		forge_registers(u->uc_mcontext.gregs);
	else
		forge_vectors(u);
	if (rnd() % 4 == 0) {
		u->uc_stack.ss_sp = (void *)place();
		u->uc_stack.ss_size = rnd() % 3 ? 65536 : rnd();
		u->uc_stack.ss_flags = (int)(rnd() % 5);
	}
	page->entered = 1;
	(void)sig;
	(void)info;
}

static void by_handler(void)
{
	struct sigaction a = { .sa_sigaction = handler, .sa_flags = SA_SIGINFO };

	for (int s = SIGILL; s <= SIGSEGV; s++)
		if (s != SIGKILL && rnd() % 2)
			sigaction(s, &a, NULL);
	sigaction(SIGUSR1, &a, NULL);
	raise(SIGUSR1);
	raise(SIGUSR1);
}

/* rt_sigreturn without a frame, from a stack that is none. */
static void without_frame(void)
{
	__asm__ volatile("mov %0, %%rsp\n\tmov $15, %%eax\n\tsyscall\n\tmov $39, %%eax\n\tsyscall\n\thlt" : : "r"(place() & ~7ull) : "memory");
}

/* A frame of random bytes. */
static void random_frame(void)
{
	static uint64_t words[1024] __attribute__((aligned(64)));

	for (unsigned i = 0; i < 1024; i++)
		words[i] = rnd() % 3 ? place() : rnd();
	__asm__ volatile("mov %0, %%rsp\n\tmov $15, %%eax\n\tsyscall\n\thlt" : : "r"(words + 128) : "memory");
}

/* A signal that is to be delivered on library-OS memory. */
static void foreign_altstack(void)
{
	stack_t s = { .ss_sp = (void *)place(), .ss_size = 65536 };
	struct sigaction a = { .sa_sigaction = handler, .sa_flags = SA_SIGINFO | SA_ONSTACK };

	if (sigaltstack(&s, NULL) < 0)
		return;
	sigaction(SIGUSR1, &a, NULL);
	raise(SIGUSR1);
}

/* Calls and faults with a stack pointer of others. */
static void pivot(void)
{
	uint64_t sp = place() & ~15ull;

	if (rnd() % 2)
		__asm__ volatile("mov %0, %%rsp\n\tmov $39, %%eax\n\tsyscall\n\tpush %%rax\n\tcall 1f\n1:\tpop %%rax\n\thlt" : : "r"(sp) : "memory", "rax", "rcx", "r11");
	else
		__asm__ volatile("mov %0, %%rsp\n\tmov %1, %%rax\n\tjmp *%%rax" : : "r"(sp), "r"(place()) : "memory", "rax");
}

/* Where the sandbox has its own entry, mapped over by the guest's code. */
static void own_code(void)
{
	void *at = (void *)(place() & ~4095ull);
	unsigned char *p = mmap(at, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);

	if (p != MAP_FAILED && (uint64_t)p >= 0x680000000000 && (uint64_t)p < 0x6a0000000000)
		page->wrong++;
}

int main(int argc, char **argv)
{
	static void (*const ways[])(void) = { by_handler, by_handler, without_frame, random_frame, foreign_altstack, pivot, own_code };
	unsigned count = argc > 2 ? (unsigned)atoi(argv[2]) : 100, died = 0, stuck = 0, lived = 0;

	page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	for (unsigned i = 0; i < count; i++) {
		pid_t pid;
		long since = now_ms();
		int status = 0, got;

		random_state = (uint64_t)atoi(argv[1]) * 100000 + i + 1;
		rnd();
		pid = fork();
		if (pid < 0) {
			bad("fork %u: %s", i, strerror(errno));
			return 1;
		}
		if (pid == 0) {
			ways[rnd() % (sizeof ways / sizeof ways[0])]();
			_exit(0);
		}
		while ((got = waitpid(pid, &status, WNOHANG)) == 0 && now_ms() - since < 3000)
			usleep(500);
		if (got == 0) {
			kill(pid, SIGKILL); /* a context that computes for ever is no harm; one that cannot be killed is */
			since = now_ms();
			while ((got = waitpid(pid, &status, WNOHANG)) == 0 && now_ms() - since < PATIENCE_MS)
				usleep(1000);
			if (got == 0)
				bad("number %u cannot be killed", i);
			stuck++;
		}
		died += WIFSIGNALED(status);
		lived += WIFEXITED(status);
	}
	if (page->wrong)
		bad("%d mappings over the library OS", page->wrong);
	printf("done frames: %u ended by a signal, %u lived, %u computed on\n", died, lived, stuck);
	return 0;
}

long now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}
