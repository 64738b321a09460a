#!/bin/sh
# SPDX-License-Identifier: MIT
# tools/lint.sh BUILD: layers, symbols, clang's lock checker, cppcheck.  What CI gates on is in make check.
set -u
b=$1
rc=0
tools/layers.py || rc=1
tools/undef.py $b/pal/pal.img $b/linux/linux.img || rc=1
tools/syscalls.py $b/pal/pal.img $b/linux/linux.img || rc=1
for f in $(git ls-files 'pico/*.c' 'linux/*.c' 'pal/*.c' 'rt/*.c'); do
	clang -fsyntax-only -std=c11 -ffreestanding -mgeneral-regs-only -Wall -Wextra -Wno-unused-parameter \
		-Wthread-safety -Wthread-safety-beta -Wno-sign-compare -iquote . -iquote $b/gen "$f" || rc=1
done
cppcheck --quiet --enable=warning,portability --inline-suppr --suppress=missingIncludeSystem -I. -I$b/gen monitor cli || rc=1
exit $rc
