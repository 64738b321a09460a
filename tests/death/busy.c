/* SPDX-License-Identifier: MIT */
/*
 * tests/death/busy.c - a guest with much to do, some of whose processes will be killed
 * from outside: forks, threads, pipes, files, signals.
 *
 *	busy WORKERS SECONDS	prints "up"; keeps WORKERS busy processes alive, starting a new
 *				one for each that dies; after SECONDS prints "done" with counts
 *	busy spin N		prints "up"; N children that only compute; reports each death
 *				and ends with 0 when all are gone or a line is read
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void *thread(void *arg)
{
	char buf[4096];
	unsigned n = (unsigned)(size_t)arg;

	for (unsigned i = 0;; i++) {
		int fd = open("/etc/passwd", O_RDONLY);

		if (fd >= 0) {
			(void)!read(fd, buf, sizeof buf);
			close(fd);
		}
		getppid();
		snprintf(buf, 64, "/tmp/busy-%d-%u", getpid(), n);
		fd = open(buf, O_CREAT | O_RDWR | O_TRUNC, 0600);
		if (fd >= 0) {
			(void)!write(fd, buf, sizeof buf);
			close(fd);
			unlink(buf);
		}
		if (i % 64 == 0)
			free(malloc(1 << 20));
	}
	return NULL;
}

static void worker(unsigned kind)
{
	pthread_t t;
	int p[2], q[2];
	char c = 'x';

	if (kind % 3 == 0) {
		for (size_t i = 0; i < 3; i++)
			pthread_create(&t, NULL, thread, (void *)i);
		thread((void *)9);
	}
	if (kind % 3 == 1) {
		if (pipe(p) < 0 || pipe(q) < 0)
			_exit(1);
		pid_t peer = fork();

		if (peer == 0) {
			close(p[1]), close(q[0]);
			while (read(p[0], &c, 1) == 1 && write(q[1], &c, 1) == 1)
				;
			_exit(0);
		}
		close(p[0]), close(q[1]);
		while (write(p[1], &c, 1) == 1 && read(q[0], &c, 1) == 1)
			;
		waitpid(peer, NULL, 0);
		_exit(0);
	}
	for (;;) {
		pid_t pid = fork();

		if (pid == 0) {
			volatile char *m = mmap(NULL, 1 << 16, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

			if (m != MAP_FAILED)
				m[5] = 1;
			_exit(3);
		}
		if (pid < 0)
			usleep(1000);
		else
			waitpid(pid, NULL, 0);
	}
}

static int spin(unsigned n)
{
	unsigned left = n, killed = 0;

	for (unsigned i = 0; i < n; i++) {
		pid_t pid = fork();

		if (pid == 0)
			for (volatile unsigned long k = 0;; k++)
				;
	}
	printf("up\n");
	fflush(stdout);
	while (left > 0) {
		int status;

		if (waitpid(-1, &status, 0) < 0)
			break;
		left--;
		killed += WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
		printf("gone %u killed %u\n", n - left, killed);
		fflush(stdout);
	}
	return killed == n ? 0 : 1;
}

int main(int argc, char **argv)
{
	unsigned workers = argc > 1 ? (unsigned)atoi(argv[1]) : 6, alive = 0, started = 0, deaths = 0, told = 0;
	double until = now() + (argc > 2 ? atof(argv[2]) : 5);

	signal(SIGPIPE, SIG_IGN);
	if (argc > 2 && !strcmp(argv[1], "spin"))
		return spin((unsigned)atoi(argv[2]));
	while (now() < until) {
		int status;

		while (alive < workers) {
			pid_t pid = fork();

			if (pid == 0)
				worker(started);
			if (pid < 0)
				break;
			started++;
			alive++;
		}
		if (!told) {
			printf("up\n");
			fflush(stdout);
			told = 1;
		}
		while (waitpid(-1, &status, WNOHANG) > 0) {
			alive--;
			deaths++;
		}
		usleep(20000);
	}
	printf("done: %u started, %u died\n", started, deaths);
	fflush(stdout);
	return 0;
}
