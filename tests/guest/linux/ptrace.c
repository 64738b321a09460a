/* SPDX-License-Identifier: MIT */
/* covers: ptrace's stops, events and requests; waiting for tracees; process_vm_readv; ends of tracers */
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/ptrace.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

/* As the kernel has it: what is peeked goes to *data. */
#define ptrace(r, p, a, d) syscall(SYS_ptrace, (long)(r), (long)(p), (long)(a), (long)(d))
#define CHECK(x) ((x) ? (void)0 : (printf("line %d: %s (errno %d)\n", __LINE__, #x, errno), (void)0))

static volatile long shared_word = 0x1122334455667788;

static int wait_for(int pid, int *st)
{
	int got;

	*st = 0;
	while ((got = waitpid(pid, st, __WALL)) < 0 && errno == EINTR)
		;
	return got;
}

static const char *say(int st)
{
	static char buf[64];

	if (WIFEXITED(st))
		snprintf(buf, sizeof buf, "exited %d", WEXITSTATUS(st));
	else if (WIFSIGNALED(st))
		snprintf(buf, sizeof buf, "killed %d", WTERMSIG(st));
	else if (WIFSTOPPED(st))
		snprintf(buf, sizeof buf, "stopped %d event %d", WSTOPSIG(st) & 0x7f, st >> 16);
	else
		snprintf(buf, sizeof buf, "0x%x", st);
	if (WIFSTOPPED(st) && WSTOPSIG(st) & 0x80)
		strcat(buf, " call");
	return buf;
}

/* A child that is traced and has stopped itself. */
static int traced(void (*fn)(void))
{
	int pid, st;

	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		CHECK(ptrace(PTRACE_TRACEME, 0, 0, 0) == 0);
		raise(SIGSTOP);
		fn();
		_exit(0);
	}
	CHECK(wait_for(pid, &st) == pid);
	CHECK(WIFSTOPPED(st) && WSTOPSIG(st) == SIGSTOP);
	return pid;
}

static void to_end(int pid, const char *what)
{
	int st;

	for (int i = 0; i < 200; i++) {
		CHECK(wait_for(pid, &st) == pid);
		printf("%s: %s\n", what, say(st));
		if (!WIFSTOPPED(st))
			return;
		ptrace(PTRACE_CONT, pid, 0, WSTOPSIG(st) == SIGTRAP ? 0 : WSTOPSIG(st));
	}
}

/* ---- Registers and memory ---- */

static void sleep_and_go(void)
{
	syscall(SYS_getppid);
	_exit(shared_word == 42 ? 7 : 8);
}

static void registers(void)
{
	int pid = traced(sleep_and_go), st;
	struct user_regs_struct r, r2;
	struct user_fpregs_struct f, f2;
	struct iovec iov = { &r2, sizeof r2 };
	unsigned char x[8192];
	long word;

	CHECK(ptrace(PTRACE_GETREGS, pid, 0, &r) == 0);
	CHECK(ptrace(PTRACE_GETREGSET, pid, NT_PRSTATUS, &iov) == 0 && iov.iov_len == sizeof r2);
	CHECK(!memcmp(&r, &r2, sizeof r));
	errno = 0;
	CHECK((unsigned long)ptrace(PTRACE_PEEKUSR, pid, offsetof(struct user_regs_struct, rsp), &word) == 0 && word == (long)r.rsp);
	CHECK(ptrace(PTRACE_PEEKUSR, pid, 3, &word) == -1 && errno == EIO);
	CHECK(r.cs == 0x33 && r.ss == 0x2b);
	CHECK(ptrace(PTRACE_GETFPREGS, pid, 0, &f) == 0 && f.cwd == 0x37f && f.mxcsr == 0x1f80);
	f.mxcsr = 0x1fa0;
	f.xmm_space[20] = 0x12345678;
	CHECK(ptrace(PTRACE_SETFPREGS, pid, 0, &f) == 0);
	CHECK(ptrace(PTRACE_GETFPREGS, pid, 0, &f2) == 0 && f2.mxcsr == 0x1fa0 && f2.xmm_space[20] == 0x12345678);
	iov = (struct iovec){ x, sizeof x };
	CHECK(ptrace(PTRACE_GETREGSET, pid, NT_X86_XSTATE, &iov) == 0 && iov.iov_len >= 576);
	CHECK(!memcmp(x, &f2, 160));
	iov = (struct iovec){ x, 16 };
	CHECK(ptrace(PTRACE_GETREGSET, pid, 0x1234, &iov) == -1 && errno == EINVAL);
	CHECK(ptrace(PTRACE_PEEKDATA, pid, &shared_word, &word) == 0 && word == 0x1122334455667788);
	CHECK(ptrace(PTRACE_PEEKDATA, pid, 16, &word) == -1 && errno == EIO);
	CHECK(ptrace(PTRACE_POKEDATA, pid, &shared_word, 42) == 0 && shared_word != 42);
	CHECK(ptrace(PTRACE_CONT, pid, 0, 99) == -1 && errno == EIO);
	CHECK(ptrace(PTRACE_CONT, pid, 0, 0) == 0);
	to_end(pid, "registers");
}

static void getppids(void)
{
	for (int i = 0; i < 20; i++)
		getppid();
	for (int i = 0; i < 3; i++)
		getppid();
	_exit(0);
}

/* Text of another process: what the sandbox made of it is not seen, and a breakpoint holds. */
static void breakpoints(void)
{
	int pid = traced(getppids), st, hits = 0;
	unsigned long at = (unsigned long)getppid, page = at & ~4095ul;
	unsigned char here[4096], there[4096];
	struct user_regs_struct r;
	struct iovec l = { there, 4096 }, o = { (void *)page, 4096 };
	long old;

	/* The file's own bytes, which both map. */
	int fd = open("/proc/self/mem", O_RDONLY);
	CHECK(pread(fd, here, 4096, page) == 4096);
	close(fd);
	ptrace(PTRACE_CONT, pid, 0, 0);
	wait_for(pid, &st);
	printf("breakpoints: %s\n", say(st));
	pid = traced(getppids);
	CHECK(process_vm_readv(pid, &l, 1, &o, 1, 0) == 4096 && !memcmp(here, there, 4096));
	CHECK(ptrace(PTRACE_PEEKTEXT, pid, at, &old) == 0);
	CHECK(ptrace(PTRACE_POKETEXT, pid, at, (old & ~0xfful) | 0xcc) == 0);
	for (;;) {
		siginfo_t si;

		ptrace(PTRACE_CONT, pid, 0, 0);
		wait_for(pid, &st);
		if (!WIFSTOPPED(st))
			break;
		CHECK(WSTOPSIG(st) == SIGTRAP);
		CHECK(ptrace(PTRACE_GETSIGINFO, pid, 0, &si) == 0 && si.si_code == SI_KERNEL);
		ptrace(PTRACE_GETREGS, pid, 0, &r);
		CHECK(r.rip == at + 1);
		hits++;
		r.rip = at;
		ptrace(PTRACE_SETREGS, pid, 0, &r);
		ptrace(PTRACE_POKETEXT, pid, at, old);
		ptrace(PTRACE_SINGLESTEP, pid, 0, 0);
		wait_for(pid, &st);
		CHECK(WIFSTOPPED(st) && WSTOPSIG(st) == SIGTRAP);
		ptrace(PTRACE_GETREGS, pid, 0, &r);
		CHECK(r.rip > at && r.rip < at + 16 && !(r.eflags & 0x100));
		ptrace(PTRACE_POKETEXT, pid, at, (old & ~0xfful) | 0xcc);
	}
	printf("breakpoints: %d hits, %s\n", hits, say(st));
	CHECK(ptrace(PTRACE_PEEKTEXT, getpid(), at, &old) == -1 && errno == ESRCH);
}

static void one_call(void)
{
	long a = 0;

	__asm__ volatile("nop; nop; mov $110, %%eax; syscall; nop; nop; mov %%rax, %0" : "=r"(a) : : "rax", "rcx", "r11", "memory");
	_exit(a == getppid() ? 3 : 4);
}

/* Every instruction up to the end, and over a system call: one stop each. */
static void steps(void)
{
	int pid = traced(one_call), st, calls = 0, nops = 0, n = 0;
	struct user_regs_struct r;
	long word, before = 0;

	for (; n < 5000; n++) {
		ptrace(PTRACE_SINGLESTEP, pid, 0, 0);
		wait_for(pid, &st);
		if (!WIFSTOPPED(st))
			break;
		CHECK(WSTOPSIG(st) == SIGTRAP);
		ptrace(PTRACE_GETREGS, pid, 0, &r);
		ptrace(PTRACE_PEEKTEXT, pid, r.rip, &word);
		if ((before & 0xffff) == 0x050f && (long)r.rax == getpid())
			calls++;
		before = word;
	}
	printf("steps: %s, %d calls that said our number\n", say(st), calls);
}

/* ---- System calls ---- */

static void four_calls(void)
{
	int ok = 0;

	ok |= syscall(SYS_getpgid, 0) == 4242;                /* result changed */
	ok |= (syscall(SYS_getsid, 12345) == getpid()) << 1;  /* made getpid */
	ok |= (syscall(SYS_getuid) == -1 && errno == ENOSYS) << 2; /* not made */
	ok |= (syscall(SYS_kill, getpid(), 0) == -1 && errno == EINVAL) << 3; /* argument changed */
	_exit(ok);
}

static void calls(void)
{
	int pid = traced(four_calls), st;
	struct ptrace_syscall_info i;
	struct user_regs_struct r;
	CHECK(ptrace(PTRACE_SETOPTIONS, pid, 0, PTRACE_O_TRACESYSGOOD) == 0);
	CHECK(ptrace(PTRACE_SETOPTIONS, pid, 0, 0x40000000) == -1 && errno == EINVAL);
	for (int n = 0; n < 40; n++) {
		ptrace(PTRACE_SYSCALL, pid, 0, 0);
		wait_for(pid, &st);
		if (!WIFSTOPPED(st))
			break;
		memset(&i, 0, sizeof i);
		CHECK(ptrace(PTRACE_GET_SYSCALL_INFO, pid, sizeof i, &i) > 0);
		ptrace(PTRACE_GETREGS, pid, 0, &r);
		if (i.op == PTRACE_SYSCALL_INFO_ENTRY) {
			CHECK((long)r.rax == -ENOSYS);
			printf("call %d\n", (int)i.entry.nr);
			if (i.entry.nr == SYS_getsid && i.entry.args[0] == 12345)
				r.orig_rax = SYS_getpid;
			else if (i.entry.nr == SYS_getuid)
				r.orig_rax = -1;
			else if (i.entry.nr == SYS_kill)
				r.rsi = 9999;
			ptrace(PTRACE_SETREGS, pid, 0, &r);
		} else if (i.op == PTRACE_SYSCALL_INFO_EXIT) {
			printf("  error %d\n", i.exit.is_error);
			if (r.orig_rax == SYS_getpgid) {
				r.rax = 4242;
				ptrace(PTRACE_SETREGS, pid, 0, &r);
			}
		}
	}
	printf("calls: %s\n", say(st));
}

/* ---- Events ---- */

static void *thread(void *a) { syscall(SYS_getppid); return a; }

static void family(void)
{
	pthread_t t;
	int st, pid = fork();

	if (pid == 0)
		_exit(1);
	waitpid(pid, &st, 0);
	pid = vfork();
	if (pid == 0)
		_exit(2);
	waitpid(pid, &st, 0);
	pthread_create(&t, 0, thread, 0);
	pthread_join(t, 0);
	pid = vfork();
	if (pid == 0) {
		execl("/bin/true", "true", NULL);
		_exit(9);
	}
	waitpid(pid, &st, 0);
	execl("/bin/sh", "sh", "-c", "exit 5", NULL);
}

struct task { int pid, first, ended; };

static void events(int seize)
{
	enum { ALL = PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK | PTRACE_O_TRACECLONE | PTRACE_O_TRACEEXEC | PTRACE_O_TRACEVFORKDONE | PTRACE_O_TRACEEXIT };
	int count[256] = { 0 }, pid, st, got, children = 0, ended = 0, initial = 0;
	unsigned long msg;

	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		if (!seize)
			ptrace(PTRACE_TRACEME, 0, 0, 0);
		raise(SIGSTOP);
		family();
	}
	waitpid(pid, &st, WUNTRACED);
	if (seize) {
		CHECK(ptrace(PTRACE_SEIZE, pid, 0, ALL) == 0);
		wait_for(pid, &st);
		printf("seized: %s\n", say(st));
		kill(pid, SIGCONT);
		ptrace(PTRACE_CONT, pid, 0, 0);
	} else {
		CHECK(ptrace(PTRACE_SETOPTIONS, pid, 0, ALL) == 0);
		ptrace(PTRACE_CONT, pid, 0, 0);
	}
	while ((got = waitpid(-1, &st, __WALL)) > 0) {
		int event = st >> 16, sig = WIFSTOPPED(st) ? WSTOPSIG(st) : 0;

		if (!WIFSTOPPED(st)) {
			ended++;
			if (got == pid)
				printf("events: the first %s\n", say(st));
			continue;
		}
		if (event) {
			count[event]++;
			CHECK(ptrace(PTRACE_GETEVENTMSG, got, 0, &msg) == 0);
			if (event == PTRACE_EVENT_FORK || event == PTRACE_EVENT_VFORK || event == PTRACE_EVENT_CLONE) {
				children++;
				CHECK(msg > (unsigned long)pid);
			}
			if (event == PTRACE_EVENT_EXEC)
				CHECK((int)msg == got);
			sig = 0;
		} else if (sig == SIGSTOP && got != pid) {
			initial++;
			sig = 0;
		} else if (sig == SIGTRAP) {
			count[0]++;
			sig = 0;
		}
		ptrace(PTRACE_CONT, got, 0, sig);
	}
	printf("events: fork %d vfork %d clone %d exec %d vfork-done %d exit %d other %d; %d children, %d initial stops, %d ended\n", count[1], count[2],
		count[3], count[4], count[5], count[6], count[0], children, initial + (seize ? count[128] > 3 ? 4 : count[128] : 0), ended);
}

/* ---- Seizing, interrupting, listening ---- */

static void seize(void)
{
	int st, pid;
	siginfo_t si;
	long word;

	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		for (;;)
			pause();
	}
	usleep(50000);
	CHECK(ptrace(PTRACE_SEIZE, pid, 0, 0) == 0);
	CHECK(ptrace(PTRACE_PEEKDATA, pid, &shared_word, &word) == -1 && errno == ESRCH);
	CHECK(ptrace(PTRACE_ATTACH, pid, 0, 0) == -1 && errno == EPERM);
	CHECK(waitpid(pid, &st, WNOHANG) == 0);
	CHECK(ptrace(PTRACE_INTERRUPT, pid, 0, 0) == 0);
	wait_for(pid, &st);
	printf("interrupt: %s\n", say(st));
	CHECK(ptrace(PTRACE_GETSIGINFO, pid, 0, &si) == 0 && si.si_code == (SIGTRAP | PTRACE_EVENT_STOP << 8));
	ptrace(PTRACE_CONT, pid, 0, 0);
	kill(pid, SIGSTOP);
	wait_for(pid, &st);
	printf("signal: %s\n", say(st));
	ptrace(PTRACE_CONT, pid, 0, SIGSTOP);
	wait_for(pid, &st);
	printf("group: %s\n", say(st));
	CHECK(ptrace(PTRACE_LISTEN, pid, 0, 0) == 0);
	CHECK(ptrace(PTRACE_PEEKDATA, pid, &shared_word, &word) == -1 && errno == ESRCH);
	kill(pid, SIGCONT);
	wait_for(pid, &st);
	printf("listen: %s\n", say(st));
	ptrace(PTRACE_CONT, pid, 0, 0);
	wait_for(pid, &st);
	printf("signal: %s\n", say(st));
	CHECK(ptrace(PTRACE_CONT, pid, 0, 0) == 0);
	kill(pid, SIGKILL);
	wait_for(pid, &st);
	printf("seize: %s\n", say(st));
}

/* ---- Signals ---- */

static volatile int got_value;
static void on_rt(int s, siginfo_t *si, void *c) { got_value = si->si_value.sival_int; }

static void wait_signal(void)
{
	struct sigaction sa = { .sa_sigaction = on_rt, .sa_flags = SA_SIGINFO };
	sigset_t set, old;

	sigaction(SIGUSR1, &sa, NULL);
	sigaction(SIGRTMIN, &sa, NULL);
	sigemptyset(&set);
	sigaddset(&set, SIGRTMIN);
	sigprocmask(SIG_BLOCK, &set, &old);
	sigqueue(getpid(), SIGRTMIN, (union sigval){ 11 });
	sigqueue(getpid(), SIGRTMIN, (union sigval){ 12 });
	raise(SIGUSR2);
	_exit(got_value);
}

static void signals(void)
{
	int pid = traced(wait_signal), st;
	struct ptrace_peeksiginfo_args a = { 0, 1, 8 };
	siginfo_t si[8], one;
	uint64_t mask;
	long n;

	ptrace(PTRACE_CONT, pid, 0, 0);
	wait_for(pid, &st);
	printf("signals: %s\n", say(st));
	n = ptrace(PTRACE_PEEKSIGINFO, pid, &a, si);
	printf("queued %ld: %d %d\n", n, si[0].si_value.sival_int, si[1].si_value.sival_int);
	CHECK(ptrace(PTRACE_GETSIGMASK, pid, 8, &mask) == 0 && mask == 1ull << (SIGRTMIN - 1));
	CHECK(ptrace(PTRACE_GETSIGINFO, pid, 0, &one) == 0 && one.si_signo == SIGUSR2 && one.si_pid == pid);
	one.si_signo = SIGUSR1;
	one.si_code = SI_QUEUE;
	one.si_value.sival_int = 77;
	CHECK(ptrace(PTRACE_SETSIGINFO, pid, 0, &one) == 0);
	ptrace(PTRACE_CONT, pid, 0, SIGUSR1); /* instead of SIGUSR2, which would kill it */
	to_end(pid, "signals");
}

/* ---- Threads ---- */

static void *spin(void *a)
{
	for (;;)
		syscall(SYS_getppid);
	return a;
}
static int let[2];
static void *leave(void *a) { char c; read(let[0], &c, 1); syscall(SYS_exit, 6); return a; }

static void threads(void)
{
	int pid, st, tids[3] = { 0 }, go[2], n = 0;
	char path[64], line[256];

	CHECK(pipe(go) == 0 && pipe(let) == 0);
	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		pthread_t t;
		int more[2];

		pthread_create(&t, 0, spin, 0);
		pthread_create(&t, 0, leave, 0);
		write(go[1], "x", 1);
		pause();
	}
	read(go[0], line, 1);
	CHECK(ptrace(PTRACE_SEIZE, pid, 0, 0) == 0);
	for (int tid = pid + 1; tid < pid + 50 && n < 2; tid++)
		if (syscall(SYS_tgkill, pid, tid, 0) == 0 && ptrace(PTRACE_SEIZE, tid, 0, 0) == 0)
			tids[n++] = tid;
	printf("threads: %d\n", n);
	CHECK(ptrace(PTRACE_INTERRUPT, tids[0], 0, 0) == 0);
	CHECK(wait_for(tids[0], &st) == tids[0]);
	printf("one: %s\n", say(st));
	write(let[1], "x", 1);
	CHECK(wait_for(tids[1], &st) == tids[1]);
	printf("another: %s\n", say(st));
	snprintf(path, sizeof path, "/proc/%d/task/%d/status", pid, tids[0]);
	FILE *f = fopen(path, "r");
	while (f && fgets(line, sizeof line, f))
		if (!strncmp(line, "State", 5) || (!strncmp(line, "TracerPid", 9) && printf("TracerPid is me: %d\n", atoi(line + 11) == getpid()) && 0))
			fputs(line, stdout);
	if (f)
		fclose(f);
	kill(pid, SIGKILL);
	CHECK(wait_for(tids[0], &st) == tids[0]);
	printf("one: %s\n", say(st));
	CHECK(wait_for(pid, &st) == pid);
	printf("leader: %s\n", say(st));
}

/* ---- Ends of tracers; a tracer that is not the parent ---- */

static void tracer_ends(int exitkill)
{
	int out[2], victim, tracer, st;
	char c = 0;

	CHECK(pipe(out) == 0);
	fflush(stdout);
	victim = fork();
	if (victim == 0) {
		for (;;)
			pause();
	}
	tracer = fork();
	if (tracer == 0) {
		ptrace(PTRACE_SEIZE, victim, 0, exitkill ? PTRACE_O_EXITKILL : 0);
		ptrace(PTRACE_INTERRUPT, victim, 0, 0);
		wait_for(victim, &st);
		write(out[1], "x", 1);
		_exit(0);
	}
	read(out[0], &c, 1);
	waitpid(tracer, &st, 0);
	if (!exitkill)
		kill(victim, SIGTERM);
	CHECK(waitpid(victim, &st, 0) == victim);
	printf("tracer ended: the victim was %s\n", say(st));
}

static void stranger(void)
{
	int in[2], out[2], victim, tracer, st;
	char c;

	CHECK(pipe(in) == 0 && pipe(out) == 0);
	fflush(stdout);
	victim = fork();
	if (victim == 0) {
		read(in[0], &c, 1);
		_exit(33);
	}
	tracer = fork();
	if (tracer == 0) {
		CHECK(ptrace(PTRACE_SEIZE, victim, 0, 0) == 0);
		write(out[1], "x", 1);
		usleep(100000);
		wait_for(victim, &st);
		_exit(WIFEXITED(st) ? WEXITSTATUS(st) : 99);
	}
	read(out[0], &c, 1);
	write(in[1], "x", 1);
	usleep(30000);
	printf("before the tracer: %d\n", waitpid(victim, &st, WNOHANG));
	fflush(stdout);
	CHECK(waitpid(victim, &st, 0) == victim);
	printf("the parent saw: %s\n", say(st));
	waitpid(tracer, &st, 0);
	printf("the tracer had seen: %s\n", say(st));
}

/* ---- Memory of processes that are busy, or wait ---- */

static volatile unsigned long counter;

static void vm(void)
{
	char secret[20000], copy[20000];
	int busy, idle, st;
	struct iovec l = { copy, sizeof copy }, o = { secret, sizeof secret };
	unsigned long a, b;
	struct iovec lc = { &a, 8 }, oc = { (void *)&counter, 8 };

	for (unsigned i = 0; i < sizeof secret; i++)
		secret[i] = (char)(i * 7);
	fflush(stdout);
	busy = fork();
	if (busy == 0) {
		memset(secret, 'b', sizeof secret);
		__asm__ volatile("" : : "r"(secret) : "memory");
		for (;;)
			counter++;
	}
	idle = fork();
	if (idle == 0) {
		sigset_t set;

		memset(secret, 'i', sizeof secret);
		sigemptyset(&set);
		counter = 5;
		/* Reading our memory must not end this call, which a signal would. */
		if (select(0, NULL, NULL, NULL, &(struct timeval){ 0, 700000 }) != 0)
			_exit(1);
		_exit(0);
	}
	usleep(100000);
	for (int i = 0; i < 20; i++) {
		memset(copy, 0, sizeof copy);
		CHECK(process_vm_readv(idle, &l, 1, &o, 1, 0) == sizeof copy && copy[0] == 'i' && copy[19999] == 'i');
		CHECK(process_vm_readv(busy, &l, 1, &o, 1, 0) == sizeof copy && copy[0] == 'b' && copy[19999] == 'b');
	}
	CHECK(process_vm_readv(busy, &lc, 1, &oc, 1, 0) == 8);
	lc.iov_base = &b;
	usleep(10000);
	CHECK(process_vm_readv(busy, &lc, 1, &oc, 1, 0) == 8 && b > a);
	a = 0;
	lc.iov_base = &a;
	CHECK(process_vm_writev(busy, &lc, 1, &oc, 1, 0) == 8);
	CHECK(process_vm_readv(busy, &lc, 1, &oc, 1, 0) == 8 && a < b + 1000000000ul);
	o.iov_base = (void *)16;
	CHECK(process_vm_readv(busy, &l, 1, &o, 1, 0) == -1 && errno == EFAULT);
	waitpid(idle, &st, 0);
	printf("vm: the idle one %s\n", say(st));
	CHECK(process_vm_readv(idle, &l, 1, &o, 1, 0) == -1 && errno == ESRCH);
	kill(busy, SIGKILL);
	waitpid(busy, &st, 0);
}

int main(void)
{
	setvbuf(stdout, NULL, _IOLBF, 65536);
	registers();
	breakpoints();
	steps();
	calls();
	events(0);
	events(1);
	seize();
	signals();
	threads();
	tracer_ends(0);
	tracer_ends(1);
	stranger();
	vm();
	return 0;
}
