/* SPDX-License-Identifier: MIT */
/*
 * seccomp: strict mode, every action of a filter, programs that are refused, TSYNC,
 * inheritance over fork and exec, a supervisor that answers, and the
 * dispatch of system calls to the program itself.
 */
#define _GNU_SOURCE
#include <stdio.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <errno.h>
#include <signal.h>
#include <unistd.h>
#include <fcntl.h>
#include <pthread.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <sys/utsname.h>
#include <linux/seccomp.h>
#include <linux/filter.h>
#include <linux/audit.h>

static int seccomp(unsigned op, unsigned flags, void *args)
{
	return (int)syscall(SYS_seccomp, op, flags, args);
}

static struct sock_filter one[] = {
    BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0, 0, 1),
    BPF_STMT(BPF_RET | BPF_K, 0),
    BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
};
static int load(int nr, unsigned action, unsigned flags)
{
	struct sock_filter f[4];
	struct sock_fprog p = {4, f};

	memcpy(f, one, sizeof f);
	f[1].k = nr;
	f[2].k = action;
	return seccomp(SECCOMP_SET_MODE_FILTER, flags, &p);
}
static void status(const char *what)
{
	char line[256];
	FILE *f = fopen("/proc/self/status", "r");

	while (f && fgets(line, sizeof line, f))
		if (!strncmp(line, "Seccomp", 7))
			printf("%s %s", what, line);
	fclose(f);
	fflush(stdout);
}
static void ends(const char *what, void (*fn)(void))
{
	int st;
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (!pid) {
		prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
		fn();
		fflush(stdout);
		_exit(7);
	}
	waitpid(pid, &st, 0);
	if (WIFEXITED(st))
		printf("%s: exit %d\n", what, WEXITSTATUS(st));
	else
		printf("%s: signal %d\n", what, WTERMSIG(st));
}
static void k_process(void)
{
	load(SYS_getuid, SECCOMP_RET_KILL_PROCESS, 0);
	getuid();
}
static void k_thread(void)
{
	load(SYS_getuid, SECCOMP_RET_KILL_THREAD, 0);
	getuid();
}
static void *killed(void *x)
{
	syscall(SYS_getuid);
	return x;
}
static void k_thread2(void)
{
	pthread_t th;
	load(SYS_getuid, SECCOMP_RET_KILL_THREAD, 0);
	pthread_create(&th, NULL, killed, NULL);
	usleep(100000);
	printf("alive\n");
}
static void strict_w(void)
{
	prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT);
	write(1, "strict\n", 7);
	syscall(SYS_exit, 3);
}
static void strict_k(void)
{
	prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT);
	syscall(SYS_getpid);
}
static void err(void)
{
	load(SYS_getuid, SECCOMP_RET_ERRNO | 42, 0);
	printf("errno %ld %d\n", syscall(SYS_getuid), errno);
	load(SYS_getuid, SECCOMP_RET_ERRNO | 512, 0);
	printf("errno %ld %d\n", syscall(SYS_getuid), errno);
	load(SYS_getuid, SECCOMP_RET_TRACE | 5, 0);
	printf("newer less strict: %ld %d\n", syscall(SYS_getuid), errno);
	load(SYS_getgid, SECCOMP_RET_TRACE | 5, 0);
	printf("trace: %ld %d\n", syscall(SYS_getgid), errno);
	load(SYS_geteuid, SECCOMP_RET_LOG, 0);
	printf("log: %d\n", syscall(SYS_geteuid) == (long)geteuid());
	status("err");
	if (!fork()) {
		printf("child %ld %d mode %d\n", syscall(SYS_getuid), errno, prctl(PR_GET_SECCOMP));
		fflush(stdout);
		execl("/bin/sh", "sh", "-c", "grep Seccomp /proc/self/status; id -u; true", NULL);
	}
	wait(NULL);
}
static void on_sys(int sig, siginfo_t *i, void *x)
{
	printf("SIGSYS code %d errno %d nr %d arch %x\n", i->si_code, i->si_errno, i->si_syscall, i->si_arch);
	((ucontext_t *)x)->uc_mcontext.gregs[REG_RAX] = 1234;
}
static void trap(void)
{
	struct sigaction sa = {.sa_sigaction = on_sys, .sa_flags = SA_SIGINFO};
	sigaction(SIGSYS, &sa, NULL);
	load(SYS_getuid, SECCOMP_RET_TRAP | 99, 0);
	printf("trap %ld\n", syscall(SYS_getuid));
	printf("trap %d\n", (int)getuid());
}
static void trap_dfl(void)
{
	load(SYS_getuid, SECCOMP_RET_TRAP, 0);
	getuid();
}
static volatile int go;
static void *sync_thread(void *x)
{
	while (!go)
		usleep(1000);
	errno = 0;
	printf("thread %ld %d\n", syscall(SYS_getuid), errno);
	return x;
}
static void tsync(void)
{
	pthread_t th;
	pthread_create(&th, NULL, sync_thread, NULL);
	printf("tsync %d\n", load(SYS_getuid, SECCOMP_RET_ERRNO | 33, SECCOMP_FILTER_FLAG_TSYNC));
	go = 1;
	pthread_join(th, NULL);
}
static void *own_filter(void *x)
{
	load(SYS_getgid, SECCOMP_RET_ERRNO | 1, 0);
	go = 1;
	pause();
	return x;
}
static void tsync_fail(void)
{
	pthread_t th;
	pthread_create(&th, NULL, own_filter, NULL);
	while (!go)
		usleep(1000);
	printf("tsync fails %d\n", load(SYS_getuid, SECCOMP_RET_ERRNO | 33, SECCOMP_FILTER_FLAG_TSYNC) > 0);
	printf("esrch %d",
	    load(SYS_getuid, SECCOMP_RET_ERRNO | 33, SECCOMP_FILTER_FLAG_TSYNC | SECCOMP_FILTER_FLAG_TSYNC_ESRCH));
	printf(" %d\n", errno);
}
static void bad(void)
{
	struct sock_filter f[4];
	struct sock_fprog p = {4, f};
	unsigned a = SECCOMP_RET_TRAP, b = 0x12340000;
#define TRY(n) printf(#n " %d %d\n", seccomp(SECCOMP_SET_MODE_FILTER, 0, &p), errno)
	memcpy(f, one, sizeof f);
	f[0].k = 3;
	TRY(unaligned);
	memcpy(f, one, sizeof f);
	f[0].k = 64;
	TRY(beyond);
	memcpy(f, one, sizeof f);
	f[1].jt = 3;
	TRY(jump);
	memcpy(f, one, sizeof f);
	f[3].code = BPF_ALU | BPF_ADD | BPF_K;
	TRY(noret);
	memcpy(f, one, sizeof f);
	f[0].code = BPF_LD | BPF_MEM;
	f[0].k = 1;
	TRY(mem);
	memcpy(f, one, sizeof f);
	f[0].code = BPF_LD | BPF_B | BPF_ABS;
	f[0].k = 0;
	TRY(byte);
	p.len = 0;
	TRY(empty);
	p.filter = NULL;
	p.len = 1;
	TRY(fault);
	printf("avail %d %d\n", seccomp(SECCOMP_GET_ACTION_AVAIL, 0, &a), seccomp(SECCOMP_GET_ACTION_AVAIL, 0, &b));
	struct seccomp_notif_sizes s;
	seccomp(SECCOMP_GET_NOTIF_SIZES, 0, &s);
	printf("sizes %d %d %d\n", s.seccomp_notif, s.seccomp_notif_resp, s.seccomp_data);
	printf("op %d %d flags %d\n", seccomp(77, 0, 0), errno, seccomp(1, 0x8000, 0));
}
static void notif(void)
{
	int l, sent = 0;
	l = load(SYS_uname, SECCOMP_RET_USER_NOTIF, SECCOMP_FILTER_FLAG_NEW_LISTENER);
	printf(
	    "listener %d again %d", l > 0, load(SYS_uname, SECCOMP_RET_USER_NOTIF, SECCOMP_FILTER_FLAG_NEW_LISTENER));
	printf(" %d\n", errno);
	fflush(stdout);
	pid_t pid = fork();
	if (!pid) {
		struct utsname u;
		char b[8] = "";
		close(l);
		printf("val %ld\n", syscall(SYS_uname, &u));
		printf("err %ld %d\n", syscall(SYS_uname, &u), errno);
		printf("cont %ld %s\n", syscall(SYS_uname, &u), u.sysname);
		long fd = syscall(SYS_uname, 0);
		printf("addfd %d %d %s\n", fd == 50, (int)read(50, b, 5), b);
		fd = syscall(SYS_uname, 0);
		printf("addfd send %d\n", fcntl((int)fd, F_GETFD));
		fflush(stdout);
		_exit(0);
	}
	for (int i = 0; i < 5; i++) {
		struct seccomp_notif n = {0};
		struct seccomp_notif_resp r = {0};
		struct pollfd pf = {l, POLLIN | POLLOUT, 0};
		poll(&pf, 1, -1);
		int rc = ioctl(l, SECCOMP_IOCTL_NOTIF_RECV, &n);
		printf("recv %d pid %d nr %d poll %x valid %d\n", rc, n.pid == (unsigned)pid, n.data.nr, pf.revents,
		    ioctl(l, SECCOMP_IOCTL_NOTIF_ID_VALID, &n.id));
		fflush(stdout);
		r.id = n.id;
		if (i == 0)
			r.val = 77;
		if (i == 1)
			r.error = -EXDEV;
		if (i == 2)
			r.flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE;
		if (i >= 3) {
			int pp[2];
			pipe(pp);
			write(pp[1], "hello", 5);
			struct seccomp_notif_addfd a = {
			    .id = n.id, .srcfd = pp[0], .newfd = 50, .flags = SECCOMP_ADDFD_FLAG_SETFD};
			if (i == 4) {
				a.flags = SECCOMP_ADDFD_FLAG_SEND;
				a.newfd = 0;
				a.newfd_flags = O_CLOEXEC;
			}
			rc = ioctl(l, SECCOMP_IOCTL_NOTIF_ADDFD, &a);
			if (i == 3)
				printf("addfd -> %d\n", rc);
			else
				sent = rc;
			fflush(stdout);
			r.val = rc;
			if (i == 4)
				continue;
		}
		printf("send %d\n", ioctl(l, SECCOMP_IOCTL_NOTIF_SEND, &r));
		fflush(stdout);
	}
	waitpid(pid, NULL, 0);
	printf("send -> %d\n", sent > 0);
	struct seccomp_notif_resp r = {0};
	printf("late %d %d\n", ioctl(l, SECCOMP_IOCTL_NOTIF_SEND, &r), errno);
	close(l);
	struct utsname u;
	printf("closed %ld %d\n", syscall(SYS_uname, &u), errno);
}
static volatile char sel;
static void on_sud(int sig, siginfo_t *i, void *x)
{
	sel = 0;
	printf("dispatch code %d nr %d\n", i->si_code, i->si_syscall);
	((ucontext_t *)x)->uc_mcontext.gregs[REG_RAX] = 4321;
}
static void sud(void)
{
	struct sigaction sa = {.sa_sigaction = on_sud, .sa_flags = SA_SIGINFO};
	sigaction(SIGSYS, &sa, NULL);
	printf("sud %d\n", prctl(59, 1, 0, 0, &sel));
	sel = 1;
	long r = syscall(SYS_getuid);
	printf("sud %ld\n", r);
	printf("sud off %d\n", prctl(59, 0, 0, 0, 0));
}
int main(void)
{
	status("start");
	ends("kill process", k_process);
	ends("kill thread", k_thread);
	ends("kill one of two", k_thread2);
	ends("strict", strict_w);
	ends("strict kill", strict_k);
	ends("errno", err);
	ends("trap", trap);
	ends("trap default", trap_dfl);
	ends("tsync", tsync);
	ends("tsync_fail", tsync_fail);
	ends("bad", bad);
	ends("notif", notif);
	ends("dispatch", sud);
	return 0;
}
