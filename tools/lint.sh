#!/bin/bash
# SPDX-License-Identifier: MIT
# tools/lint.sh BUILD [STEP...]: what compilers and checkers can find.  Exit code 0 means: nothing.
#   static    who includes whom, undefined symbols, syscall instructions (also in make check)
#   locks     clang's -Wthread-safety over all freestanding code: locks dropped on all ways out, REQUIRES, order of
#             classes (pico/lock.h); and that the checker finds the mistakes of tests/lint/locks.c
#   cppcheck  uninitialised variables, leaks, wrong sizes
#   tidy      clang-tidy: bugprone, clang's analyzer, long functions (.clang-tidy says what is left out)
# One place is excused by a comment with a reason: LOCK_UNCHECKED("..."), cppcheck-suppress, NOLINTNEXTLINE.
set -u
b=$1
shift
steps=${*:-static locks cppcheck tidy}
jobs=$(nproc)
rc=0
free_dirs='rt pal ext pico linux'
hosted_dirs='monitor cli'
free_flags="-std=c11 -ffreestanding -mgeneral-regs-only -iquote . -iquote $b/gen -iquote $b/linux/exec"
hosted_flags="-std=c11 -D_GNU_SOURCE -DBAILEY_VERSION='\"lint\"' -iquote . -iquote $b/gen"
warn_flags="-Wall -Wextra -Werror -Wno-unused-parameter -Wno-sign-compare -Wno-missing-field-initializers"
lock_flags="-fsyntax-only $free_flags $warn_flags -Wthread-safety -Wthread-safety-beta -DLOCK_CHECK"

sources() { for d in "$@"; do find "$d" -name '*.c'; done | sort; }

run_static() {
	tools/layers.py && tools/undef.py "$b"/pal/pal.img "$b"/linux/linux.img "$b"/ext/*.img &&
		tools/syscalls.py "$b"/pal/pal.img "$b"/linux/linux.img "$b"/ext/*.img
}

# Lines that the checker names against lines that are marked.
checker_works() {
	local found wanted
	found=$(clang $lock_flags -Wno-error tests/lint/locks.c 2>&1 | sed -n 's/^tests\/lint\/locks.c:\([0-9]*\):.*thread-safety.*/\1/p')
	wanted=$(grep -n '/\* WRONG' tests/lint/locks.c | cut -d: -f1)
	[ "$found" = "$wanted" ] && return 0
	echo "tests/lint/locks.c: wanted a warning at lines" $wanted "and got them at" $found
	return 1
}

run_locks() {
	checker_works && sources $free_dirs | xargs -P "$jobs" -n 8 clang $lock_flags
}

run_cppcheck() {
	local common="--quiet --enable=warning,portability --inline-suppr --suppress=missingIncludeSystem --error-exitcode=1 -j $jobs -I. -I$b/gen"
	cppcheck $common $hosted_dirs && cppcheck $common --std=c11 -I"$b"/linux/exec $free_dirs
}

# tidy FLAGS DIR...: says nothing but what it found.  One file a run: of several, clang-tidy 14 gives some another folder's checks.
tidy() {
	local flags=$1
	shift
	sources "$@" | xargs -P "$jobs" -n 1 sh -c 'clang-tidy --quiet "$@" -- '"$flags"' 2>&1 || exit 1' sh | grep -v 'warnings* generated\|^Suppressed\|^Use -'
	[ "${PIPESTATUS[1]}" = 0 ]
}

run_tidy() {
	tidy "$free_flags" $free_dirs && tidy "$hosted_flags" $hosted_dirs
}

for step in $steps; do
	if "run_$step"; then echo "lint: $step: ok"; else echo "lint: $step: FAILED"; rc=1; fi
done
exit $rc
