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
gcc -g -fsanitize=address t.c -o asan -pthread && ASAN_OPTIONS=detect_leaks=0 ./asan; echo "asan $?"
gcc -g -fsanitize=thread t.c -o tsan -pthread && ./tsan; echo "tsan $?"
gcc -g -fsanitize=undefined t.c -o ubsan -pthread && ./ubsan; echo "ubsan $?"
