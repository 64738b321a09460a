/* SPDX-License-Identifier: MIT */
/* covers: pipe, pipe2, O_DIRECT, O_NONBLOCK, PIPE_BUF atomicity, SIGPIPE, FIONREAD, F_SETPIPE_SZ, ping-pong */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

static void res(const char *what, long r)
{
	printf("%s: %ld %s\n", what, r, r < 0 ? strerror(errno) : "ok");
}

static volatile int got_sigpipe;
static void on_pipe(int sig) { got_sigpipe++; }

static void errors(void)
{
	int p[2], n;
	char b[16];

	res("pipe2 bad flags", pipe2(p, 0x4));
	res("pipe bad pointer", pipe((int *)8));
	pipe2(p, O_NONBLOCK | O_CLOEXEC);
	printf("cloexec %d nonblock %d\n", fcntl(p[0], F_GETFD) & FD_CLOEXEC, !!(fcntl(p[1], F_GETFL) & O_NONBLOCK));
	res("empty", read(p[0], b, sizeof b));
	res("write to reader", write(p[0], b, 1));
	res("read from writer", read(p[1], b, 1));
	res("bad buffer", write(p[1], (void *)8, 4));
	printf("zero bytes: %zd\n", write(p[1], b, 0));
	write(p[1], "hello", 5);
	ioctl(p[0], FIONREAD, &n);
	printf("FIONREAD %d\n", n);
	res("seek", lseek(p[0], 0, SEEK_SET));
	res("pread", pread(p[0], b, 1, 0));
	n = read(p[0], b, 3);
	printf("part: %d %.3s\n", n, b);
	n = read(p[0], b, 16);
	printf("rest: %d %.2s\n", n, b);
	close(p[1]);
	printf("eof: %zd\n", read(p[0], b, 1));
	close(p[0]);
}

static void sigpipe(void)
{
	int p[2];
	ssize_t n;

	signal(SIGPIPE, on_pipe);
	pipe(p);
	close(p[0]);
	n = write(p[1], "x", 1);
	printf("broken: %zd %s, signals %d\n", n, strerror(errno), got_sigpipe);
	close(p[1]);
	if (fork() == 0) {
		signal(SIGPIPE, SIG_DFL);
		pipe(p);
		close(p[0]);
		write(p[1], "x", 1);
		_exit(0);
	}
	int st;
	wait(&st);
	printf("child killed by %d\n", WIFSIGNALED(st) ? WTERMSIG(st) : 0);
}

static void sizes(void)
{
	static char big[1 << 20];
	int p[2];
	long total = 0;
	ssize_t n;

	pipe2(p, O_NONBLOCK);
	printf("default size %d\n", fcntl(p[0], F_GETPIPE_SZ));
	while ((n = write(p[1], big, 4096)) > 0)
		total += n;
	printf("fits %ld, then %s\n", total, strerror(errno));
	struct pollfd pf = { p[1], POLLOUT };
	printf("writable when full: %d\n", poll(&pf, 1, 0));
	n = read(p[0], big, 4095);
	printf("writable after 4095: %d", poll(&pf, 1, 0));
	n = read(p[0], big, 1);
	printf(", after 4096: %d\n", poll(&pf, 1, 0));
	res("shrink below contents", fcntl(p[0], F_SETPIPE_SZ, 4096));
	while (read(p[0], big, sizeof big) > 0)
		;
	printf("set size %d\n", fcntl(p[0], F_SETPIPE_SZ, 100000));
	n = write(p[1], big, sizeof big);
	printf("one write takes %zd\n", n);
	close(p[0]);
	close(p[1]);
}

static void packets(void)
{
	char b[8192];
	int p[2];

	pipe2(p, O_DIRECT | O_NONBLOCK);
	write(p[1], "first", 5);
	write(p[1], "second", 6);
	ssize_t n = read(p[0], b, sizeof b);
	printf("packet %zd %.5s\n", n, b);
	n = read(p[0], b, 3);
	printf("packet cut %zd %.3s\n", n, b);
	n = read(p[0], b, 3);
	res("no more", n);
	close(p[0]);
	close(p[1]);
}

static void bulk(void)
{
	static unsigned char buf[70001];
	unsigned long sum = 0, count = 0, want = 0;
	int p[2];
	ssize_t n;

	pipe(p);
	if (fork() == 0) {
		close(p[0]);
		for (int i = 0; i < 40; i++) {
			for (size_t k = 0; k < sizeof buf; k++)
				buf[k] = (unsigned char)(i * 7 + k * 13);
			if (write(p[1], buf, sizeof buf) != sizeof buf)
				_exit(1);
		}
		_exit(0);
	}
	close(p[1]);
	while ((n = read(p[0], buf, 12345)) > 0) {
		for (ssize_t k = 0; k < n; k++)
			sum += buf[k] * ((count + k) % 97 + 1);
		count += n;
	}
	for (int i = 0, c = 0; i < 40; i++)
		for (size_t k = 0; k < sizeof buf; k++, c++)
			want += (unsigned char)(i * 7 + k * 13) * (c % 97 + 1);
	int st;
	wait(&st);
	printf("bulk %lu bytes, %s, child %d\n", count, sum == want ? "right" : "WRONG", st);
	close(p[0]);
}

static void atomic_writers(void)
{
	int p[2], bad = 0, count = 0;
	char b[512];

	pipe(p);
	for (int w = 0; w < 4; w++) {
		if (fork() == 0) {
			char line[512];
			memset(line, 'a' + w, sizeof line);
			for (int i = 0; i < 500; i++)
				write(p[1], line, sizeof line);
			_exit(0);
		}
	}
	close(p[1]);
	FILE *f = fdopen(p[0], "r");
	while (fread(b, 1, sizeof b, f) == sizeof b) {
		count++;
		for (size_t i = 1; i < sizeof b; i++)
			if (b[i] != b[0]) {
				bad++;
				break;
			}
	}
	fclose(f);
	while (wait(NULL) > 0)
		;
	printf("writers: %d records, %d torn\n", count, bad);
}

static void ping_pong(void)
{
	int a[2], b[2], n = 0;
	char m[64];

	pipe(a);
	pipe(b);
	if (fork() == 0) {
		close(a[1]);
		while (read(a[0], m, 64) == 64)
			write(b[1], m, 64);
		_exit(0);
	}
	close(a[0]);
	memset(m, 'x', 64);
	for (int i = 0; i < 5000; i++) {
		write(a[1], m, 64);
		n += read(b[0], m, 64) == 64;
	}
	close(a[1]);
	wait(NULL);
	printf("ping-pong %d\n", n);
}

static void vectors(void)
{
	char x[4] = "", y[8] = "";
	int p[2];

	pipe(p);
	struct iovec w[] = { { "ab", 2 }, { "", 0 }, { "cdefg", 5 } };
	ssize_t n = writev(p[1], w, 3);
	struct iovec r[] = { { x, 3 }, { y, 7 } };
	printf("writev %zd", n);
	n = readv(p[0], r, 2);
	printf(" readv %zd %s %s\n", n, x, y);
}

int main(void)
{
	setvbuf(stdout, NULL, _IONBF, 0);
	errors();
	sigpipe();
	sizes();
	packets();
	bulk();
	atomic_writers();
	ping_pong();
	vectors();
	return 0;
}
