# SPDX-License-Identifier: MIT
"""A small interpreter and path explorer for the kind of BPF that seccomp filters are.

evaluate() runs a program on one system call.  paths() walks every way through it (there
are no loops) and yields what each demands of the call: a proof, where trying numbers is not.
"""
import struct

LD, JEQ, JGE, JGT, JSET, JA, RET, AND = 0x20, 0x15, 0x35, 0x25, 0x45, 0x05, 0x06, 0x54
ALLOW, TRAP, KILL_PROCESS = 0x7FFF0000, 0x00030000, 0x80000000
ARCH_X86_64 = 0xC000003E


def parse_header(text):
    """(program, macros) of the generated header."""
    import re
    rows = re.findall(r"\{\s*(0x[0-9a-f]+),\s*(\d+),\s*(\d+),\s*(0x[0-9a-f]+)\s*\}", text)
    macros = {m[0]: int(m[1], 0) for m in re.findall(r"#define (\w+) (\w+)", text)}
    return [(int(c, 0), int(t), int(f), int(k, 0)) for c, t, f, k in rows], macros


def evaluate(program, nr, ip, args=(), arch=ARCH_X86_64):
    data = struct.pack("<IIQ6Q", nr & 0xFFFFFFFF, arch, ip & (2**64 - 1), *[a & (2**64 - 1) for a in list(args) + [0] * (6 - len(args))])
    acc = at = 0
    while True:
        code, jt, jf, k = program[at]
        at += 1
        if code == LD:
            acc = struct.unpack_from("<I", data, k)[0]
        elif code == RET:
            return k
        elif code == JA:
            at += k
        elif code == AND:
            acc &= k
        else:
            hit = {JEQ: acc == k, JGE: acc >= k, JGT: acc > k, JSET: bool(acc & k)}[code]
            at += jt if hit else jf


class Word:
    """What a path knows of one 32-bit word of the call."""

    def __init__(self):
        self.low, self.high, self.clear, self.set_any, self.never = 0, 2**32 - 1, 0, [], set()

    def copy(self):
        w = Word()
        w.low, w.high, w.clear, w.set_any, w.never = self.low, self.high, self.clear, list(self.set_any), set(self.never)
        return w

    def possible(self):
        if self.low > self.high or (self.low == self.high and (self.low in self.never or self.low & self.clear)):
            return False
        if self.low == self.high and any(not self.low & m for m in self.set_any):
            return False
        return not any(m & ~self.clear == 0 for m in self.set_any)


def paths(program):
    """Yields (verdict, {offset: Word}) of each path that some call can take."""
    todo = [(0, None, {})]
    while todo:
        at, word, known = todo.pop()
        code, jt, jf, k = program[at]
        if code == LD:
            todo.append((at + 1, k, known))
        elif code == RET:
            yield k, known
        elif code == JA:
            todo.append((at + 1 + k, word, known))
        else:
            for hit in (True, False):
                w = known.get(word, Word()).copy()
                if code == JEQ:
                    if hit:
                        w.low, w.high = max(w.low, k), min(w.high, k)
                    else:
                        w.never.add(k)
                elif code in (JGE, JGT):
                    edge = k + (code == JGT)
                    if hit:
                        w.low = max(w.low, edge)
                    else:
                        w.high = min(w.high, edge - 1)
                elif code == JSET:
                    if hit:
                        w.set_any.append(k)
                    else:
                        w.clear |= k
                else:
                    raise ValueError(f"instruction {code:#x} at {at}")
                if w.possible():
                    todo.append((at + 1 + (jt if hit else jf), word, {**known, word: w}))
