#!/bin/sh
# needs: clang
# timeout: 120
echo 'int main(int c, char **v) { int x = c; return x == 1 ? 0 : 1; }' > t.c
clang -g -fsanitize=memory t.c -o msan 2>/dev/null && ./msan; echo "msan $?"
