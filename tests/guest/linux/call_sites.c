/* SPDX-License-Identifier: MIT */
/*
 * System calls with all kinds of instructions behind them, in text that is mapped from a file, new each
 * round and at the same place: threads run through them from the first call on, jump to what follows a
 * call, and to the call itself from elsewhere, while others send signals.  Whatever is done to make
 * such calls fast, all answers are right, and a handler sees only addresses of the text.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

#define ROUNDS  40
#define THREADS 3
#define LOOPS   300

/*
 * All take a number in edi and give what the call gave in rax; with esi not 0 they go around the call, to what
 * is behind it, with edi for the call's result.  The number comes by a register, so it does not help.
 */
extern const char sites_begin[], sites_end[], site_mov[], site_test_short[], site_test_long[], site_loop[], site_tail[], site_rip[], site_zero[],
	site_stack[], site_store[], site_inner[], site_twice[], spin[];
__asm__(".pushsection .rodata\n.balign 4096\n"
	"sites_begin:\n"
	".balign 16\nsite_mov: movl %edi, %eax; testl %esi, %esi; jnz 1f; syscall\n"
	"1: movq %rax, %rdi; movq %rdi, %rax; ret\n"
	".balign 16\nsite_test_short: movl %edi, %eax; testl %esi, %esi; jnz 1f; syscall\n"
	"1: testl %eax, %eax; js 2f; ret; 2: negl %eax; ret\n"
	".balign 16\nsite_test_long: movl %edi, %eax; testl %esi, %esi; jnz 1f; syscall\n"
	"1: testl %eax, %eax; js far; ret\n"
	".balign 16\nsite_loop: movl %edi, %eax; testl %esi, %esi; jnz 2f; jmp 3f\n"
	"1: ret\n"
	"3: syscall; jmp 1b\n"
	"2: movq %rax, %rdi; movq %rdi, %rax; ret\n"
	".balign 16\nsite_tail: movl %edi, %eax; testl %esi, %esi; jnz 2f; syscall; ret\n"
	"2: .byte 0xe9; .long 3f - . - 4\n"
	".skip 300, 0x90\n3: ret\n"
	".balign 16\nsite_rip: movl %edi, %eax; testl %esi, %esi; jnz 1f; syscall\n"
	"1: movl number(%rip), %edx; leal -77(%rax,%rdx), %eax; ret\n"
	".balign 16\nsite_zero: movl %edi, %eax; testl %esi, %esi; jnz 1f; syscall; jmp 2f\n"
	"1: addl $0, %eax; ret\n"
	"2: ret\n"
	".balign 16\nsite_stack: pushq %rbx; movl %edi, %eax; testl %esi, %esi; jnz 1f; syscall\n"
	"1: popq %rbx; movl %eax, %eax; ret\n"
	".balign 16\nsite_store: subq $24, %rsp; movl %edi, %eax; testl %esi, %esi; jnz 1f; syscall\n"
	"1: movl %eax, 8(%rsp); movl 8(%rsp), %eax; addq $24, %rsp; ret\n"
	/* To the call itself from elsewhere: around its mov. */
	".balign 16\nsite_inner: jmp 1f; .skip 20, 0x90\n"
	"2: movl $12345, %eax; 3: testl %esi, %esi; jnz 4f; syscall; 4: movq %rax, %rdx; movq %rdx, %rax; ret\n"
	"1: movl %edi, %eax; jmp 3b\n"
	".balign 16\nsite_twice: movl %edi, %eax; testl %esi, %esi; jnz 1f; syscall; movl %edi, %eax; syscall\n"
	"1: movslq %eax, %rax; ret\n"
	".balign 16\nspin: movl %esi, %r8d; 1: movl %edi, %eax; syscall; movq %rax, %r9; decl %r8d; jnz 1b; movq %r9, %rax; ret\n"
	"far: negl %eax; ret\n"
	"number: .long 77\n"
	".balign 4096\nsites_end:\n.popsection");

static const struct { const char *name, *code; } kinds[] = {
	{ "mov", site_mov }, { "test, short jump", site_test_short }, { "test, long jump", site_test_long }, { "jump back", site_loop },
	{ "ret, jump", site_tail }, { "rip", site_rip }, { "jump on", site_zero }, { "pop", site_stack },
	{ "store", site_store }, { "from elsewhere", site_inner }, { "twice", site_twice },
};
#define KINDS (sizeof kinds / sizeof kinds[0])

extern char __executable_start[], etext[];
static char *text, *place;
static size_t size;
static atomic_int wrong, outside, seen, stop, inside_now;
static long ppid;

static long call(const char *code, int nr, int around)
{
	long (*f)(int, int) = (long (*)(int, int))(text + (code - sites_begin));

	return f(nr, around);
}

static void on_signal(int sig, siginfo_t *info, void *context)
{
	char *rip = (char *)((ucontext_t *)context)->uc_mcontext.gregs[REG_RIP];

	(void)sig;
	/* On its way into the text and back it is in the program's own. */
	if (info->si_value.sival_int == 1 && inside_now && !(rip >= text && rip < text + size) && !(rip >= __executable_start && rip < etext))
		outside++;
	seen++;
}

static void *caller(void *arg)
{
	for (int i = 0; i < LOOPS; i++)
		for (size_t k = 0; k < KINDS; k++) {
			if (call(kinds[k].code, SYS_getppid, 0) != ppid)
				wrong++;
			if (i % 100 == 99 && call(kinds[k].code, 4711, 1) != 4711)
				wrong++;
		}
	return arg;
}

/* Only ever in the text, while others send it signals. */
static void *spinner(void *arg)
{
	long r;

	for (time_t end = time(NULL) + 20; time(NULL) < end && seen < 100;) {
		inside_now = 1;
		r = ((long (*)(int, int))(text + (spin - sites_begin)))(SYS_getppid, 20000);
		inside_now = 0;
		if (r != ppid)
			wrong++;
	}
	stop = 1;
	return arg;
}

static void map_new(int round)
{
	char name[] = "/tmp/sites.XXXXXX";
	int fd = mkstemp(name);
	void *at;

	if (fd < 0 || write(fd, sites_begin, size) != (ssize_t)size)
		abort();
	unlink(name);
	at = mmap(place, size, PROT_READ | PROT_EXEC, MAP_PRIVATE | (text ? MAP_FIXED : 0), fd, 0);
	if (at == MAP_FAILED)
		abort();
	close(fd);
	place = text = at;
	(void)round;
}

static void rounds(void)
{
	for (int r = 0; r < ROUNDS; r++) {
		pthread_t t[THREADS];

		map_new(r);
		for (int i = 0; i < THREADS; i++)
			pthread_create(&t[i], NULL, caller, NULL);
		for (int i = 0; i < THREADS; i++)
			pthread_join(t[i], NULL);
		if (r % 2)
			munmap(text, size), text = NULL;
	}
	printf("rounds: %d wrong\n", wrong);
}

static void signals(void)
{
	union sigval v = { .sival_int = 1 };
	pthread_t t;

	map_new(0);
	stop = 0;
	pthread_create(&t, NULL, spinner, NULL);
	while (!inside_now && !stop)
		;
	while (!stop) {
		pthread_sigqueue(t, SIGUSR1, v);
		for (int i = 0; i < 2000; i++)
			__asm__ volatile("pause");
	}
	pthread_join(t, NULL);
	printf("signals: enough %d, outside %d, wrong %d\n", seen >= 100, outside, wrong);
}

/* JIT-made: anonymous memory, written, made executable, and made anew at the same place. */
static void anonymous(void)
{
	for (int r = 0; r < 20; r++) {
		text = mmap(place, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
		memcpy(text, sites_begin, size);
		mprotect(text, size, PROT_READ | PROT_EXEC);
		for (int i = 0; i < 12; i++)
			for (size_t k = 0; k < KINDS; k++)
				if (call(kinds[k].code, SYS_getppid, 0) != ppid || call(kinds[k].code, 4711, 1) != 4711)
					wrong++;
	}
	printf("anonymous: %d wrong\n", wrong);
}

/* A text page that its program changes after calls of it were made fast. */
static void rewritten(void)
{
	map_new(0);
	for (int i = 0; i < 50; i++)
		for (size_t k = 0; k < KINDS; k++)
			(void)call(kinds[k].code, SYS_getppid, 0);
	if (mprotect(text, size, PROT_READ | PROT_WRITE | PROT_EXEC))
		abort();
	memcpy(text, sites_begin, size);
	for (int i = 0; i < 50; i++)
		for (size_t k = 0; k < KINDS; k++)
			if (call(kinds[k].code, SYS_getppid, 0) != ppid || call(kinds[k].code, 4711, 1) != 4711)
				wrong++;
	printf("rewritten: %d wrong\n", wrong);
}

static void children(void)
{
	int bad = 0, status;

	map_new(0);
	for (int i = 0; i < 20; i++) {
		pid_t p = i % 2 ? vfork() : fork();

		if (p == 0) {
			long me = call(site_mov, SYS_getppid, 0) != getpid();

			_exit(me && call(site_loop, SYS_getppid, 0) > 0 && call(site_rip, SYS_getpid, 0) == getpid() ? 0 : 1);
		}
		bad += waitpid(p, &status, 0) != p || status != 0;
	}
	printf("children: %d wrong\n", bad);
}

int main(void)
{
	struct sigaction sa = { .sa_sigaction = on_signal, .sa_flags = SA_SIGINFO | SA_ONSTACK };
	stack_t ss = { .ss_sp = malloc(65536), .ss_size = 65536 };

	sigaltstack(&ss, NULL);
	sigaction(SIGUSR1, &sa, NULL);
	size = (size_t)(sites_end - sites_begin);
	ppid = getppid();
	rounds();
	signals();
	anonymous();
	rewritten();
	children();
	return wrong != 0;
}
