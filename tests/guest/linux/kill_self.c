/* SPDX-License-Identifier: MIT */
/*
 * A process with busy threads that kills itself, 400 times: kill() and raise() of a signal
 * that ends it never return, whichever thread takes the signal.
 */
/* timeout: 60 */
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

static void *looper(void *a)
{
	int p[2];

	(void)!pipe(p);
	for (;;) {
		char b[8], *q;

		(void)!write(p[1], "x", 1);
		(void)!read(p[0], b, sizeof b);
		q = mmap(0, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		*q = 1;
		munmap(q, 8192);
	}
	return a;
}

int main(void)
{
	static const int sigs[] = { SIGKILL, SIGTERM, SIGUSR1, SIGALRM };
	int counts[4] = { 0 }, other = 0;

	for (int r = 0; r < 400; r++) {
		pid_t pid = fork();
		int st;

		if (pid == 0) {
			pthread_t x;

			for (int i = 0; i < 6; i++)
				pthread_create(&x, NULL, looper, NULL);
			usleep(400 * (r % 8));
			if (r & 8)
				kill(getpid(), sigs[r % 4]);
			else
				raise(sigs[r % 4]);
			_exit(77);
		}
		waitpid(pid, &st, 0);
		if (WIFSIGNALED(st) && WTERMSIG(st) == sigs[r % 4])
			counts[r % 4]++;
		else
			other++;
	}
	printf("%d %d %d %d, otherwise %d\n", counts[0], counts[1], counts[2], counts[3], other);
	return 0;
}
