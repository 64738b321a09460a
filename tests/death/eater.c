/* SPDX-License-Identifier: MIT */
/* eater MEGABYTES [CHILDREN]: takes private memory, a megabyte a millisecond; with children each takes that much, and
   the parent prints how each ended. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static void eat(int mb)
{
	for (int i = 0; i < mb; i++) {
		char *p = malloc(1 << 20);

		if (p == NULL)
			_exit(3);
		memset(p, i + 1, 1 << 20);
		usleep(1000);
	}
}

int main(int argc, char **argv)
{
	int mb = atoi(argv[1]), n = argc > 2 ? atoi(argv[2]) : 0, status, killed = 0, fine = 0, refused = 0;

	if (n == 0) {
		eat(mb);
		return 0;
	}
	for (int i = 0; i < n; i++)
		if (fork() == 0) {
			eat(mb);
			usleep(300000);
			_exit(0);
		}
	while (wait(&status) > 0) {
		killed += WIFSIGNALED(status) && WTERMSIG(status) == 9;
		fine += WIFEXITED(status) && WEXITSTATUS(status) == 0;
		refused += WIFEXITED(status) && WEXITSTATUS(status) == 3;
	}
	printf("killed %d fine %d refused %d\n", killed, fine, refused);
	return 0;
}
