#!/bin/sh
# needs: gcc
# timeout: 180
# covers: -fsanitize=thread and =address with fork, threads and signals
cat > t.c <<'END'
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>
static pthread_mutex_t m = PTHREAD_MUTEX_INITIALIZER;
static long n; static volatile sig_atomic_t got;
static void h(int s) { got++; }
static void *w(void *a) { for (int i = 0; i < 2000; i++) { pthread_mutex_lock(&m); n++; pthread_mutex_unlock(&m); free(malloc(i)); } return a; }
int main(void) {
	signal(SIGUSR1, h);
	for (int r = 0; r < 4; r++) {
		pid_t p[3];
		fflush(stdout);
		for (int i = 0; i < 3; i++) if ((p[i] = fork()) == 0) {
			pthread_t t[4];
			for (int k = 0; k < 4; k++) pthread_create(&t[k], 0, w, 0);
			for (int k = 0; k < 4; k++) pthread_join(t[k], 0);
			kill(getppid(), SIGUSR1);
			_exit(n == 8000 ? i : 99);
		}
		for (int i = 0; i < 3; i++) { int st; while (waitpid(p[i], &st, 0) < 0); printf("%x\n", st); }
	}
	printf("%d\n", got > 0);
	return 0;
}
END
for s in thread address undefined; do
	gcc -O1 -g -pthread -fsanitize=$s -o t-$s t.c || exit 1
	for i in 1 2; do ./t-$s; echo "$s $?"; done
done
cat > bad.c <<'END'
#include <stdlib.h>
int main(int c, char **v) { char *p = malloc(4); free(p); return p[c]; }
END
gcc -g -fsanitize=address -o bad bad.c && ./bad 2>&1 | grep -c "heap-use-after-free"
