/* SPDX-License-Identifier: MIT */
/* tests/guest/linux/affinity.c - a thread that is kept to one CPU runs on that one, as far as anybody can tell. */
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static void pin(int cpu)
{
	cpu_set_t s;

	CPU_ZERO(&s);
	CPU_SET(cpu, &s);
	sched_setaffinity(0, sizeof s, &s);
}

/* By the vDSO and by the call. */
static int wrong(int cpu)
{
	unsigned by_call = ~0u, node = ~0u;
	int bad = 0;

	for (int i = 0; i < 1000; i++) {
		bad += sched_getcpu() != cpu;
		syscall(SYS_getcpu, &by_call, &node, NULL);
		bad += by_call != (unsigned)cpu;
	}
	return bad;
}

static void *other(void *last)
{
	pin((int)(long)last);
	printf("a thread: %d wrong\n", wrong((int)(long)last));
	return NULL;
}

int main(int argc, char **argv)
{
	cpu_set_t all;
	int first = -1, last = 0, status;
	pthread_t th;
	char name[20];

	if (argc > 1) {
		printf("executed: %d wrong\n", wrong(atoi(argv[1])));
		return 0;
	}
	sched_getaffinity(0, sizeof all, &all);
	for (int i = 0; i < CPU_SETSIZE; i++) {
		if (!CPU_ISSET(i, &all))
			continue;
		if (first < 0)
			first = i;
		last = i;
	}
	printf("among them: %d\n", CPU_ISSET(sched_getcpu(), &all) != 0);
	for (int i = 0; i < 20; i++) {
		pin(i % 2 ? first : last);
		if (wrong(i % 2 ? first : last))
			printf("pinned: wrong\n");
	}
	pin(first);
	pthread_create(&th, NULL, other, (void *)(long)last);
	pthread_join(th, NULL);
	printf("this one: %d wrong\n", wrong(first));
	fflush(stdout);
	if (fork() == 0) {
		printf("a child: %d wrong\n", wrong(first));
		pin(last);
		fflush(stdout);
		snprintf(name, sizeof name, "%d", last);
		execl("/proc/self/exe", "affinity", name, NULL);
		_exit(1);
	}
	wait(&status);
	sched_setaffinity(0, sizeof all, &all);
	printf("child %d, all again: %d\n", status, CPU_ISSET(sched_getcpu(), &all) != 0);
	return 0;
}
