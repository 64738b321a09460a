/* SPDX-License-Identifier: MIT */
/*
 * A tracer and a tracee whose system calls have been made fast: the tracer reads the text as it is in the
 * file, is told addresses of the text only, steps through it instruction by instruction, stops it at calls and
 * goes on, and puts a breakpoint behind a call.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

extern const char begin[], end[], behind[];
__asm__(".pushsection .rodata\n.balign 4096\n"
	/* edi: number of the call, esi: rounds; rax: what the last call gave */
	"begin: 1: movl %edi, %eax; syscall; movq %rax, %r9; movl %edi, %eax; pushq %rdi; popq %rdi; syscall\n"
	"behind: testl %eax, %eax; js 2f; movl %edi, %eax; pushq %rdi; popq %rdi; syscall; jmp 3f\n"
	"2: hlt\n"
	"3: decl %esi; jnz 1b; movq %r9, %rax; ret\n"
	".balign 4096\nend:\n.popsection");

static char *text;
static size_t size;

static void child(void)
{
	long (*f)(int, int) = (long (*)(int, int))text;
	long me = getppid();

	f(SYS_getppid, 200);
	ptrace(PTRACE_TRACEME, 0, 0, 0);
	raise(SIGSTOP);
	_exit(f(SYS_getppid, 5) == me && f(SYS_getppid, 200) == me ? 7 : 8);
}

static pid_t start(void)
{
	pid_t p = fork();
	int status;

	if (p == 0)
		child();
	if (waitpid(p, &status, 0) != p || !WIFSTOPPED(status))
		exit(2);
	return p;
}

static unsigned long rip_of(pid_t p)
{
	struct user_regs_struct r;

	return ptrace(PTRACE_GETREGS, p, 0, &r) ? 0 : r.rip;
}

static int in_text(unsigned long rip)
{
	return rip >= (unsigned long)text && rip < (unsigned long)text + size;
}

static int same_text(pid_t p)
{
	for (size_t i = 0; i < (size_t)(behind - begin) + 40; i += sizeof(long)) {
		long word = ptrace(PTRACE_PEEKTEXT, p, text + i, 0);

		if (memcmp(&word, begin + i, sizeof word))
			return 0;
	}
	return 1;
}

/* Each step in the text is to an instruction of it that follows, or is jumped to from, the last. */
static void steps(void)
{
	pid_t p = start();
	int status, odd = 0, seen = 0, was_in = 0;
	unsigned long last = 0;

	printf("as in the file: %d\n", same_text(p));
	for (;;) {
		unsigned long rip;

		ptrace(PTRACE_SINGLESTEP, p, 0, 0);
		if (waitpid(p, &status, 0) != p || !WIFSTOPPED(status))
			break;
		rip = rip_of(p);
		if (was_in && in_text(rip) && (rip == last || rip > last + 7) && rip != (unsigned long)text && seen)
			odd += rip < last + 7 || rip > last + 20;
		seen += in_text(rip);
		was_in = in_text(rip);
		last = rip;
		if (seen > 300) {
			ptrace(PTRACE_CONT, p, 0, 0);
			waitpid(p, &status, 0);
			break;
		}
	}
	printf("steps: odd %d, end %d\n", odd, WIFEXITED(status) ? WEXITSTATUS(status) : -1);
}

static void calls(void)
{
	pid_t p = start();
	int status, outside = 0, in = 0;

	for (;;) {
		struct user_regs_struct r;

		ptrace(PTRACE_SYSCALL, p, 0, 0);
		if (waitpid(p, &status, 0) != p || !WIFSTOPPED(status))
			break;
		ptrace(PTRACE_GETREGS, p, 0, &r);
		if (r.orig_rax != SYS_getppid)
			continue;
		in += in_text(r.rip);
		outside += !in_text(r.rip) && in > 0;
		if (in_text(r.rip) && memcmp(begin + (r.rip - (unsigned long)text) - 2, "\x0f\x05", 2))
			outside++;
	}
	printf("calls: in the text %d, elsewhere %d, end %d\n", in, outside, WEXITSTATUS(status));
}

static void breakpoint(void)
{
	pid_t p = start();
	char *at = text + (behind - begin);
	long word = ptrace(PTRACE_PEEKTEXT, p, at, 0);
	struct user_regs_struct r;
	int status, hits = 0;

	ptrace(PTRACE_POKETEXT, p, at, (word & ~0xffl) | 0xcc);
	for (;;) {
		ptrace(PTRACE_CONT, p, 0, 0);
		if (waitpid(p, &status, 0) != p || !WIFSTOPPED(status) || hits == 20)
			break;
		ptrace(PTRACE_GETREGS, p, 0, &r);
		if (r.rip != (unsigned long)at + 1)
			break;
		hits++;
		r.rip--;
		ptrace(PTRACE_SETREGS, p, 0, &r);
		ptrace(PTRACE_POKETEXT, p, at, word);
		ptrace(PTRACE_SINGLESTEP, p, 0, 0);
		waitpid(p, &status, 0);
		if (hits < 20)
			ptrace(PTRACE_POKETEXT, p, at, (word & ~0xffl) | 0xcc);
	}
	printf("breakpoint: %d, end %d\n", hits, WIFEXITED(status) ? WEXITSTATUS(status) : -1);
}

int main(void)
{
	char name[] = "/tmp/sites.XXXXXX";
	int fd = mkstemp(name);

	size = (size_t)(end - begin);
	if (fd < 0 || write(fd, begin, size) != (ssize_t)size)
		return 2;
	unlink(name);
	text = mmap(NULL, size, PROT_READ | PROT_EXEC, MAP_PRIVATE, fd, 0);
	if (text == MAP_FAILED)
		return 2;
	setvbuf(stdout, NULL, _IONBF, 0);
	steps();
	calls();
	breakpoint();
	return 0;
}
