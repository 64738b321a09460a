#!/bin/sh
# needs: gcc make
# timeout: 180
for i in 1 2 3 4 5 6; do echo "int f$i(int x) { return x * $i; }" > f$i.c; done
cat > main.c <<'EOF'
#include <stdio.h>
int f1(int), f2(int), f3(int), f4(int), f5(int), f6(int);
int main(void) { printf("%d\n", f1(1) + f2(2) + f3(3) + f4(4) + f5(5) + f6(6)); return 3; }
EOF
cat > Makefile <<'EOF'
OBJ = main.o f1.o f2.o f3.o f4.o f5.o f6.o
prog: $(OBJ)
	gcc -o $@ $(OBJ)
%.o: %.c
	gcc -O2 -c $< -o $@
EOF
make -s -j4 prog; ./prog; echo "rc $?"; make -s prog && echo uptodate
gcc -static -o st main.c f?.c && ./st; echo "static rc $?"
touch f3.c; make prog | sort
