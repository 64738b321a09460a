/* SPDX-License-Identifier: MIT */
/* covers: membarrier for all threads, asked for by many threads and processes at once */
#include <linux/membarrier.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define THREADS 4
#define ROUNDS  500

static void *ask(void *arg)
{
	for (int n = 0; n < ROUNDS; n++)
		if (syscall(SYS_membarrier, MEMBARRIER_CMD_GLOBAL_EXPEDITED, 0, 0) != 0)
			perror("membarrier");
	return arg;
}

int main(void)
{
	pthread_t thread[THREADS];
	int other, status;

	syscall(SYS_membarrier, MEMBARRIER_CMD_REGISTER_GLOBAL_EXPEDITED, 0, 0);
	other = fork() == 0;
	for (int n = 0; n < THREADS; n++)
		pthread_create(&thread[n], NULL, ask, NULL);
	for (int n = 0; n < THREADS; n++)
		pthread_join(thread[n], NULL);
	if (other)
		_exit(0);
	printf("%d\n", wait(&status) > 0 && status == 0);
	return 0;
}
