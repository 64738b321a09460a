/* SPDX-License-Identifier: MIT */
/*
 * tests/death/blocked.c - processes that sit in every kind of blocking call, each to be
 * ended by the right event and by nothing else.
 *
 * Prints "blocked N" when all wait.  A line on standard input then lets each of them go on;
 * each must return what it should, not earlier than asked and not interrupted.  The last line
 * is "released N of N".  What stops, freezes or is traced meanwhile must not show.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/inotify.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/msg.h>
#include <sys/select.h>
#include <sys/sem.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

struct page {
	volatile int go, waiting;
	volatile uint32_t word;
	pthread_mutex_t mutex;
	pthread_cond_t cond;
	sem_t sem;
	volatile long started_ms;
};
static struct page *page;
static int pipes[64][2];
static int sock[8][2];
static int evfd, msgq, semid, listener, flock_fd, ofd_fd, tfd_go;
static double budget;

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static int want(long got, long expected)
{
	if (got == expected)
		return 0;
	printf("  got %ld (%s), expected %ld\n", got, strerror(errno), expected);
	fflush(stdout);
	return 1;
}

static char c;

/* Each waits and returns 0 when all was right.  The index is also that of its pipe. */
static int b_read(int i) { return want(read(pipes[i][0], &c, 1), 1); }
static int b_poll(int i) { struct pollfd p = { pipes[i][0], POLLIN, 0 }; return want(poll(&p, 1, -1), 1); }
static int b_poll_timeout(int i) { struct pollfd p = { pipes[i][0], POLLIN, 0 }; return want(poll(&p, 1, 600000), 1); }
static int b_ppoll(int i)
{
	struct pollfd p = { pipes[i][0], POLLIN, 0 };
	struct timespec t = { 600, 0 };
	sigset_t s;

	sigemptyset(&s);
	return want(ppoll(&p, 1, &t, &s), 1);
}
static int b_select(int i)
{
	fd_set s;

	FD_ZERO(&s);
	FD_SET(pipes[i][0], &s);
	return want(select(pipes[i][0] + 1, &s, NULL, NULL, NULL), 1);
}
static int b_pselect(int i)
{
	fd_set s;
	struct timespec t = { 600, 0 };

	FD_ZERO(&s);
	FD_SET(pipes[i][0], &s);
	return want(pselect(pipes[i][0] + 1, &s, NULL, NULL, &t, NULL), 1);
}
static int b_epoll(int i)
{
	struct epoll_event e = { .events = EPOLLIN };
	int fd = epoll_create1(0);

	epoll_ctl(fd, EPOLL_CTL_ADD, pipes[i][0], &e);
	return want(epoll_wait(fd, &e, 1, -1), 1);
}
static int b_full_pipe(int i)
{
	static char big[1 << 20];

	/* More than fits: the writer waits until all is read. */
	return want(write(pipes[i][1], big, sizeof big), sizeof big);
}
static int b_futex(int i)
{
	(void)i;
	while (page->word == 0)
		if (syscall(SYS_futex, &page->word, FUTEX_WAIT, 0, NULL, NULL, 0) < 0 && errno != EAGAIN)
			return want(-1, 0);
	return 0;
}
static int b_futex_timeout(int i)
{
	struct timespec t = { 600, 0 };

	(void)i;
	while (page->word == 0)
		if (syscall(SYS_futex, &page->word, FUTEX_WAIT, 0, &t, NULL, 0) < 0 && errno != EAGAIN)
			return want(-1, 0);
	return 0;
}
static int b_mutex(int i)
{
	(void)i;
	return want(pthread_mutex_lock(&page->mutex), 0) || want(pthread_mutex_unlock(&page->mutex), 0);
}
static int b_sem(int i) { (void)i; return want(sem_wait(&page->sem), 0); }
static int b_nanosleep(int i)
{
	struct timespec t = { (time_t)budget, 0 };
	double start = now();

	(void)i;
	if (want(nanosleep(&t, NULL), 0))
		return 1;
	return want(now() - start >= budget - 0.01, 1);
}
static int b_clock_nanosleep(int i)
{
	struct timespec t;

	(void)i;
	clock_gettime(CLOCK_MONOTONIC, &t);
	t.tv_sec += (time_t)budget;
	return want(clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL), 0);
}
static int b_poll_sleep(int i)
{
	double start = now();

	(void)i;
	if (want(poll(NULL, 0, (int)(budget * 1000)), 0))
		return 1;
	return want(now() - start >= budget - 0.01, 1);
}
static int b_epoll_timeout(int i)
{
	struct epoll_event e;
	double start = now();

	(void)i;
	if (want(epoll_wait(epoll_create1(0), &e, 1, (int)(budget * 1000)), 0))
		return 1;
	return want(now() - start >= budget - 0.01, 1);
}
static int b_wait(int i)
{
	pid_t pid = fork();
	int status;

	if (pid == 0)
		_exit(b_read(i) ? 1 : 42);
	return want(waitpid(pid, &status, 0), pid) || want(WEXITSTATUS(status), 42);
}
static int b_waitid(int i)
{
	pid_t pid = fork();
	siginfo_t si;

	if (pid == 0)
		_exit(b_read(i) ? 1 : 42);
	return want(waitid(P_PID, (id_t)pid, &si, WEXITED), 0) || want(si.si_status, 42);
}
static int b_vfork(int i)
{
	pid_t pid = vfork();
	int status;

	if (pid == 0) {
		(void)!read(pipes[i][0], &c, 1);
		_exit(43);
	}
	return want(waitpid(pid, &status, 0), pid) || want(WEXITSTATUS(status), 43);
}
static int b_join(int i);
static void *join_thread(void *arg) { return (void *)(long)b_read((int)(long)arg); }
static int b_join(int i)
{
	pthread_t t;
	void *r;

	return want(pthread_create(&t, NULL, join_thread, (void *)(long)i), 0) || want(pthread_join(t, &r), 0) || want((long)r, 0);
}
static void on_signal(int s) { (void)s; }
static int b_sigsuspend(int i)
{
	sigset_t s;

	(void)i;
	signal(SIGUSR1, on_signal);
	sigfillset(&s);
	sigdelset(&s, SIGUSR1);
	return want(sigsuspend(&s), -1) || want(errno, EINTR);
}
static int b_pause(int i) { (void)i; signal(SIGUSR1, on_signal); return want(pause(), -1) || want(errno, EINTR); }
static int b_sigwait(int i)
{
	sigset_t s;
	siginfo_t si;
	struct timespec t = { 600, 0 };

	(void)i;
	sigemptyset(&s);
	sigaddset(&s, SIGUSR1);
	sigprocmask(SIG_BLOCK, &s, NULL);
	return want(sigtimedwait(&s, &si, &t), SIGUSR1);
}
static int b_signalfd(int i)
{
	struct signalfd_siginfo si;
	sigset_t s;

	(void)i;
	sigemptyset(&s);
	sigaddset(&s, SIGUSR1);
	sigprocmask(SIG_BLOCK, &s, NULL);
	return want(read(signalfd(-1, &s, 0), &si, sizeof si), sizeof si) || want(si.ssi_signo, SIGUSR1);
}
static int b_eventfd(int i) { uint64_t v; (void)i; return want(read(evfd, &v, 8), 8); }
static int b_timerfd(int i)
{
	struct itimerspec t = { { 0, 0 }, { (time_t)budget, 0 } };
	int fd = timerfd_create(CLOCK_MONOTONIC, 0);
	uint64_t v;

	(void)i;
	timerfd_settime(fd, 0, &t, NULL);
	return want(read(fd, &v, 8), 8) || want((long)v, 1);
}
static int b_alarm(int i)
{
	double start = now();

	(void)i;
	signal(SIGALRM, on_signal);
	alarm((unsigned)budget);
	if (want(pause(), -1))
		return 1;
	return want(now() - start >= budget - 0.01, 1);
}
static int b_recv(int i) { return want(recv(sock[i % 8][0], &c, 1, 0), 1); }
static int b_recvmsg(int i)
{
	struct iovec v = { &c, 1 };
	struct msghdr m = { .msg_iov = &v, .msg_iovlen = 1 };

	return want(recvmsg(sock[i % 8][0], &m, 0), 1);
}
static int b_accept(int i) { (void)i; return want(accept(listener, NULL, NULL) >= 0, 1); }
static int b_msgrcv(int i)
{
	struct { long type; char text[8]; } m;

	(void)i;
	return want(msgrcv(msgq, &m, 8, 7, 0), 1);
}
static int b_semop(int i)
{
	struct sembuf op = { 0, -1, 0 };

	(void)i;
	return want(semop(semid, &op, 1), 0);
}
static int b_flock(int i)
{
	(void)i;
	return want(flock(open("/tmp/blocked-flock", O_RDWR), LOCK_EX), 0);
}
static int b_setlkw(int i)
{
	struct flock f = { .l_type = F_WRLCK, .l_whence = SEEK_SET };

	(void)i;
	return want(fcntl(open("/tmp/blocked-posix", O_RDWR), F_SETLKW, &f), 0);
}
static int b_fifo(int i) { (void)i; return want(open("/tmp/blocked-fifo", O_RDONLY) >= 0, 1); }
static int b_inotify(int i)
{
	char buf[512];
	int fd = inotify_init1(0);

	(void)i;
	if (want(inotify_add_watch(fd, "/tmp/blocked-dir", IN_CREATE) >= 0, 1))
		return 1;
	return want(read(fd, buf, sizeof buf) > 0, 1);
}
static int b_pty(int i)
{
	int m = posix_openpt(O_RDWR | O_NOCTTY), s;
	char line[16];

	if (m < 0 || grantpt(m) || unlockpt(m))
		return want(-1, 0);
	s = open(ptsname(m), O_RDWR | O_NOCTTY);
	if (fork() == 0) {
		b_read(i);
		(void)!write(m, "hi\n", 3);
		_exit(0);
	}
	return want(read(s, line, sizeof line), 3);
}
static int b_compute(int i)
{
	(void)i;
	while (!page->go)
		;
	return 0;
}
static int b_yield(int i)
{
	(void)i;
	while (!page->go)
		getppid();
	return 0;
}

enum { BY_PIPE, BY_SIGNAL, BY_OTHER };
static const struct kind {
	const char *name;
	int (*fn)(int);
	int by;
} kinds[] = {
	{ "read", b_read, BY_PIPE }, { "poll", b_poll, BY_PIPE }, { "poll with timeout", b_poll_timeout, BY_PIPE }, { "ppoll", b_ppoll, BY_PIPE }, { "select", b_select, BY_PIPE },
	{ "pselect", b_pselect, BY_PIPE }, { "epoll_wait", b_epoll, BY_PIPE }, { "write to a full pipe", b_full_pipe, BY_OTHER }, { "futex", b_futex, BY_OTHER },
	{ "futex with timeout", b_futex_timeout, BY_OTHER }, { "mutex", b_mutex, BY_OTHER }, { "sem_wait", b_sem, BY_OTHER }, { "nanosleep", b_nanosleep, BY_OTHER },
	{ "clock_nanosleep", b_clock_nanosleep, BY_OTHER }, { "poll as sleep", b_poll_sleep, BY_OTHER }, { "epoll_wait as sleep", b_epoll_timeout, BY_OTHER },
	{ "waitpid", b_wait, BY_PIPE }, { "waitid", b_waitid, BY_PIPE }, { "vfork", b_vfork, BY_PIPE }, { "pthread_join", b_join, BY_PIPE }, { "sigsuspend", b_sigsuspend, BY_SIGNAL },
	{ "pause", b_pause, BY_SIGNAL }, { "sigtimedwait", b_sigwait, BY_SIGNAL }, { "signalfd", b_signalfd, BY_SIGNAL }, { "eventfd", b_eventfd, BY_OTHER },
	{ "timerfd", b_timerfd, BY_OTHER }, { "alarm", b_alarm, BY_OTHER }, { "recv", b_recv, BY_OTHER }, { "recvmsg", b_recvmsg, BY_OTHER }, { "accept", b_accept, BY_OTHER },
	{ "msgrcv", b_msgrcv, BY_OTHER }, { "semop", b_semop, BY_OTHER }, { "flock", b_flock, BY_OTHER }, { "F_SETLKW", b_setlkw, BY_OTHER }, { "open of a fifo", b_fifo, BY_OTHER },
	{ "inotify", b_inotify, BY_OTHER }, { "a terminal's line", b_pty, BY_PIPE }, { "computing", b_compute, BY_OTHER }, { "system calls", b_yield, BY_OTHER },
};
#define KINDS ((int)(sizeof kinds / sizeof kinds[0]))
static pid_t who[64];
static int skip[64];

static void prepare(void)
{
	struct flock f = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
	struct sockaddr_un a = { AF_UNIX, "/tmp/blocked-socket" };
	pthread_mutexattr_t ma;

	page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	pthread_mutexattr_init(&ma);
	pthread_mutexattr_setpshared(&ma, PTHREAD_PROCESS_SHARED);
	pthread_mutex_init(&page->mutex, &ma);
	pthread_mutex_lock(&page->mutex);
	sem_init(&page->sem, 1, 0);
	for (int i = 0; i < KINDS; i++)
		if (pipe(pipes[i]) < 0)
			exit(90);
	for (int i = 0; i < 8; i++)
		if (socketpair(AF_UNIX, SOCK_STREAM, 0, sock[i]) < 0)
			exit(91);
	evfd = eventfd(0, 0);
	msgq = msgget(IPC_PRIVATE, 0600);
	semid = semget(IPC_PRIVATE, 1, 0600);
	unlink(a.sun_path);
	listener = socket(AF_UNIX, SOCK_STREAM, 0);
	bind(listener, (struct sockaddr *)&a, sizeof a);
	listen(listener, 5);
	flock_fd = open("/tmp/blocked-flock", O_RDWR | O_CREAT, 0600);
	flock(flock_fd, LOCK_EX);
	ofd_fd = open("/tmp/blocked-posix", O_RDWR | O_CREAT, 0600);
	fcntl(ofd_fd, F_SETLK, &f);
	unlink("/tmp/blocked-fifo");
	mkfifo("/tmp/blocked-fifo", 0600);
	mkdir("/tmp/blocked-dir", 0700);
	unlink("/tmp/blocked-dir/x");
}

static void release(void)
{
	struct { long type; char text[8]; } m = { 7, "x" };
	struct sockaddr_un a = { AF_UNIX, "/tmp/blocked-socket" };
	struct sembuf op = { 0, 1, 0 };
	struct flock f = { .l_type = F_UNLCK, .l_whence = SEEK_SET };
	uint64_t one = 1;

	page->go = 1;
	page->word = 1;
	syscall(SYS_futex, &page->word, FUTEX_WAKE, 1000, NULL, NULL, 0);
	pthread_mutex_unlock(&page->mutex);
	sem_post(&page->sem);
	for (int i = 0; i < KINDS; i++) {
		if (kinds[i].by == BY_PIPE)
			(void)!write(pipes[i][1], "x", 1);
		if (kinds[i].by == BY_SIGNAL)
			kill(who[i], SIGUSR1);
	}
	for (int i = 0; i < 8; i++)
		(void)!write(sock[i][1], "x", 1);
	(void)!write(evfd, &one, 8);
	msgsnd(msgq, &m, 1, 0);
	semop(semid, &op, 1);
	connect(socket(AF_UNIX, SOCK_STREAM, 0), (struct sockaddr *)&a, sizeof a);
	flock(flock_fd, LOCK_UN);
	fcntl(ofd_fd, F_SETLK, &f);
	open("/tmp/blocked-fifo", O_WRONLY | O_NONBLOCK);
	creat("/tmp/blocked-dir/x", 0600);
	for (int i = 0; i < KINDS; i++)
		if (kinds[i].fn == b_full_pipe) {
			static char big[1 << 16];

			for (long left = 1 << 20; left > 0;) {
				ssize_t n = read(pipes[i][0], big, sizeof big);

				if (n <= 0)
					break;
				left -= n;
			}
		}
}

int main(int argc, char **argv)
{
	int good = 0, all = 0;

	budget = argc > 1 ? atof(argv[1]) : 4;
	setvbuf(stdout, NULL, _IOLBF, 0);
	prepare();
	for (int i = 0; i < KINDS; i++) {
		if (argc > 2 && !strstr(kinds[i].name, argv[2])) {
			skip[i] = 1;
			continue;
		}
		all++;
		who[i] = fork();
		if (who[i] == 0) {
			__atomic_add_fetch(&page->waiting, 1, __ATOMIC_SEQ_CST);
			exit(kinds[i].fn(i));
		}
	}
	while (page->waiting < all)
		usleep(2000);
	usleep(150000);
	printf("blocked %d\n", all);
	(void)!getchar();
	for (int i = 0; i < KINDS; i++)
		if (who[i] && waitpid(who[i], NULL, WNOHANG) == who[i] && kinds[i].by != BY_OTHER)
			printf("BAD %s ended before it was let go\n", kinds[i].name), skip[i] = 1;
	release();
	for (int i = 0; i < KINDS; i++) {
		int status = -1;
		pid_t got = 0;

		if (skip[i] || !who[i])
			continue;
		for (double until = now() + budget + 5; now() < until; usleep(5000)) {
			got = waitpid(who[i], &status, WNOHANG);
			if (got != 0)
				break;
		}
		if (got < 0) {
			good++; /* taken off above: a sleeper whose time was over */
		} else if (got == 0) {
			printf("BAD %s: was not let go\n", kinds[i].name);
			kill(who[i], SIGKILL);
		} else if (status != 0) {
			printf("BAD %s: status %x\n", kinds[i].name, status);
		} else {
			good++;
		}
	}
	printf("released %d of %d\n", good, all);
	return good == all ? 0 : 1;
}
