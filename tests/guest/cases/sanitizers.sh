#!/bin/sh
# needs: gcc
# timeout: 120
cat > t.c <<'EOF'
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
static int n; static pthread_mutex_t m = PTHREAD_MUTEX_INITIALIZER;
static void *f(void *a) { for (int i = 0; i < 1000; i++) { pthread_mutex_lock(&m); n++; pthread_mutex_unlock(&m); } return 0; }
int main(void) { pthread_t t[4]; for (int i = 0; i < 4; i++) pthread_create(&t[i], 0, f, 0); for (int i = 0; i < 4; i++) pthread_join(t[i], 0); char *p = malloc(100); p[50] = 1; free(p); printf("%d\n", n); return 0; }
EOF
gcc -g -fsanitize=address t.c -o asan -pthread && ./asan; echo "asan $?"
gcc -g -fsanitize=thread t.c -o tsan -pthread && ./tsan; echo "tsan $?"
gcc -g -fsanitize=undefined t.c -o ubsan -pthread && ./ubsan; echo "ubsan $?"
# The thread runs, and nothing on the stack or in a register points to the block by chance, when the leaks are looked for.
cat > leak.c <<'EOF'
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
static int up[2];
static void *f(void *a) { write(up[1], "u", 1); pause(); return a; }
__attribute__((noinline)) static void leak(int keep) { char *p = malloc(100); p[0] = 1; __asm__ volatile("" : : "r"(p)); if (!keep) free(p); }
__attribute__((noinline)) static void scrub(void) { char a[4096]; memset(a, 0, sizeof(a)); __asm__ volatile("" : : "r"(a) : "memory"); }
int main(int argc, char **argv) { pthread_t t; char c; leak(argc <= 2); scrub(); pipe(up); if (argc > 1) { pthread_create(&t, 0, f, 0); read(up[0], &c, 1); } return 0; }
EOF
for s in address leak; do
	gcc -g -fsanitize=$s leak.c -o leaky -pthread
	for args in "" "x" "x y"; do ./leaky $args 2>&1 | grep -E 'Direct|SUMMARY'; done
done
