#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""mkfilter: host_syscalls.def in, pal's seccomp filter out, as a C array.

  mkfilter.py monitor/host_syscalls.def [net]

A HOST_CALL_NET row counts only with `net`: the filter where there is a network outside.
The program tests the architecture first, then that the instruction pointer lies
in pal's constant range (if not: RET_TRAP, the library OS serves the call), then
finds the number in a binary tree (the kernel's cost follows the path length).  An
unlisted number or a refused argument inside pal ends the picoprocess.
"""
import re, sys

PAL_BASE, PAL_SIZE = 0x680000000000, 0x100000  # abi/layout.h; start.c asserts that they agree
ARCH = 0xC000003E
ALLOW, TRAP, KILL = 0x7FFF0000, 0x00030000, 0x80000000
LD, JEQ, JGE, JSET, RET = 0x20, 0x15, 0x35, 0x45, 0x06
NR, ARCH_OFF, IP = 0, 4, 8

PRIVATE = 128
VALUES = dict(
    RWF_NOWAIT=8, RWF_APPEND=16, RWF_DSYNC=2, MSG_OOB=1, MSG_DONTWAIT=0x40, MSG_EOR=0x80, MSG_MORE=0x8000,
    MSG_NOSIGNAL=0x4000, FUTEX_WAIT=0, FUTEX_WAKE=1, FUTEX_WAIT_BITSET=9, FUTEX_WAKE_BITSET=10, PRIVATE=PRIVATE,
    MAP_SHARED=1, MAP_PRIVATE=2, MAP_FIXED=0x10, MAP_ANONYMOUS=0x20, MAP_NORESERVE=0x4000, MAP_POPULATE=0x8000,
    MAP_FIXED_NOREPLACE=0x100000, PROT_READ=1, PROT_WRITE=2, PROT_EXEC=4, MREMAP_MAYMOVE=1, MREMAP_FIXED=2,
    MADV_DONTNEED=4, MADV_FREE=8, MADV_REMOVE=9, MADV_HUGEPAGE=14, MADV_NOHUGEPAGE=15, MADV_COLD=20,
    MADV_POPULATE_READ=22, MADV_POPULATE_WRITE=23, SIGURG=23,
    # VM FS FILES SIGHAND THREAD SYSVSEM SETTLS PARENT_SETTID CHILD_CLEARTID
    CLONE_THREAD_EXACT=0x3D0F00,
    # PARENT CHILD_SETTID CHILD_CLEARTID | SIGCHLD
    CLONE_PROCESS_EXACT=0x1208011)
ROW = re.compile(r'HOST_CALL(?:_NET)?\((\w+),\s*(\d+),\s*"([^"]*)",\s*"([^"]+)"\)$')


def value(word):
    v = 0
    for part in word.split("|"):
        v |= int(part, 0) if part[0].isdigit() else VALUES[part]
    return v


def load(path, net=False):
    rows = []
    for n, line in enumerate(open(path), 1):
        line = line.strip()
        if not line.startswith(("HOST_CALL(", "HOST_CALL_NET(") if net else "HOST_CALL("):
            continue
        m = ROW.match(line)
        if not m:
            sys.exit(f"{path}:{n}: cannot read this row")
        terms = []
        for term in filter(None, (t.strip() for t in m[3].split(","))):
            words = term.split()
            if len(words) < 3 or not re.match(r"a[0-5]$", words[0]) or words[1] not in ("in", "mask"):
                sys.exit(f"{path}:{n}: cannot read the term '{term}'")
            try:
                terms.append((int(words[0][1]), words[1], [value(w) for w in words[2:]]))
            except KeyError as e:
                sys.exit(f"{path}:{n}: unknown value {e}")
        rows.append((int(m[2]), m[1], terms))
    rows.sort()
    if len({r[0] for r in rows}) != len(rows):
        sys.exit(f"{path}: a number occurs twice")
    return rows


class Program:
    """Instructions with labels as jump targets; jumps go forward only."""

    def __init__(self):
        self.code, self.labels, self.next = [], {}, 0

    def label(self):
        self.next += 1
        return self.next

    def here(self, label):
        self.labels[label] = len(self.code)

    def emit(self, op, k, yes=None, no=None):
        self.code.append((op, k, yes, no))

    def assembled(self):
        for at, (op, k, yes, no) in enumerate(self.code):
            jt, jf = (0 if t is None else self.labels[t] - at - 1 for t in (yes, no))
            if not (0 <= jt < 256 and 0 <= jf < 256):
                sys.exit(f"jump too far at {at}: {jt} {jf}")
            yield op, jt, jf, k


def emit_ret(p, what):
    p.emit(RET, what)


def emit_args(p, terms):
    bad = p.label()
    for arg, kind, values in terms:
        ok, lo = p.label(), p.label()
        p.emit(LD, 16 + 8 * arg + 4)
        p.emit(JEQ, 0, lo, bad)
        p.here(lo)
        p.emit(LD, 16 + 8 * arg)
        if kind == "mask":
            union = 0
            for v in values:
                union |= v
            p.emit(JSET, ~union & 0xFFFFFFFF, bad, ok)
        else:
            for i, v in enumerate(values):
                nxt = bad if i == len(values) - 1 else p.label()
                p.emit(JEQ, v, ok, nxt)
                if nxt != bad:
                    p.here(nxt)
        p.here(ok)
    emit_ret(p, ALLOW)
    p.here(bad)
    emit_ret(p, KILL)


def emit_tree(p, rows):
    if len(rows) == 1:
        nr, _, terms = rows[0]
        hit, miss = p.label(), p.label()
        p.emit(JEQ, nr, hit, miss)
        p.here(miss)
        emit_ret(p, KILL)
        p.here(hit)
        emit_args(p, terms)
        return
    mid = len(rows) // 2
    high, low = p.label(), p.label()
    p.emit(JGE, rows[mid][0], high, low)
    p.here(low)
    emit_tree(p, rows[:mid])
    p.here(high)
    emit_tree(p, rows[mid:])


def build(rows):
    p = Program()
    steps = [p.label() for _ in range(3)]
    trap, inside = p.label(), p.label()
    p.emit(LD, ARCH_OFF)
    p.emit(JEQ, ARCH, steps[0], trap)
    p.here(steps[0])
    p.emit(LD, IP + 4)
    p.emit(JEQ, PAL_BASE >> 32, steps[1], trap)
    p.here(steps[1])
    p.emit(LD, IP)
    low = PAL_BASE & 0xFFFFFFFF
    if low:
        p.emit(JGE, low, steps[2], trap)
    p.here(steps[2])
    p.emit(JGE, low + PAL_SIZE, trap, inside)
    p.here(trap)
    emit_ret(p, TRAP)
    p.here(inside)
    p.emit(LD, NR)
    emit_tree(p, rows)
    return list(p.assembled())


def main():
    net = sys.argv[2:] == ["net"]
    if len(sys.argv) != 2 + net:
        sys.exit(__doc__)
    rows = load(sys.argv[1], net)
    code = build(rows)
    print("/* Generated by tools/mkfilter.py from monitor/host_syscalls.def. */")
    if not net:
        print(f"#define FILTER_PAL_BASE {PAL_BASE:#x}\n#define FILTER_PAL_SIZE {PAL_SIZE:#x}")
    print(f"#define FILTER_{'NET_' if net else ''}ROWS {len(rows)}")
    print(f"static const struct sock_filter pal_filter{'_net' if net else ''}[] = {{")
    for op, jt, jf, k in code:
        print(f"\t{{ {op:#04x}, {jt}, {jf}, {k:#x} }},")
    print("};")


if __name__ == "__main__":
    main()
