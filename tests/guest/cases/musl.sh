#!/bin/sh
# needs: musl-gcc
cat > t.c <<'EOF'
#include <stdio.h>
#include <unistd.h>
#include <sys/wait.h>
#include <pthread.h>
static void *f(void *a) { return a; }
int main(void) { pthread_t t; void *r; pthread_create(&t, 0, f, (void *)7); pthread_join(t, &r); int p = fork(); if (!p) _exit(4); int s; waitpid(p, &s, 0); printf("%ld %d\n", (long)r, WEXITSTATUS(s)); return 0; }
EOF
musl-gcc -o m t.c && ./m; musl-gcc -static -o ms t.c && ./ms
