#!/bin/sh
# needs: gcc make
# timeout: 120
# covers: make -j4 over many small files, recursive make, archives, rebuild of one file
i=0
while [ $i -lt 16 ]; do
	echo "int f$i(int x) { return x + $i; }" > f$i.c
	echo "int f$i(int);" >> all.h
	i=$((i + 1))
done
cat > main.c <<'END'
#include <stdio.h>
#include "all.h"
int main(void) { printf("%d\n", f0(1) + f7(1) + f15(1)); return 3; }
END
cat > Makefile <<'END'
OBJS := $(patsubst %.c,%.o,$(wildcard f*.c))
prog: main.o lib.a
	@$(CC) -o $@ $^
lib.a: $(OBJS)
	@rm -f $@; ar rc $@ $(sort $(OBJS))
%.o: %.c
	@$(CC) -O1 -c -o $@ $<
sub: prog
	@$(MAKE) --no-print-directory -f Makefile leaf1 leaf2 leaf3 leaf4
leaf%:
	@sleep 0.0$(*F); echo done > $@
END
make -s -j4 prog && ./prog; echo "$?"
make -s -j4 sub && cat leaf1 leaf2 leaf3 leaf4
touch f3.c; make -s -j4 prog; ar t lib.a | wc -l; ./prog; echo "$?"
make -s -j4 -q prog; echo "up to date $?"
