#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""syscalls PAL OTHER...: disassembles each image and counts `syscall`, `sysenter` and `int`
instructions: pal may have them, all in the functions of pal/host_x86_64.S; the others none.
An instruction that only data or the middle of another instruction contains does not count
here: a guest can jump anywhere, and outside pal's range the filter traps it."""
import re, subprocess, sys

ALLOWED = re.compile(r"^(host_|pal_host_)")


def sites(image):
    out = subprocess.run(["objdump", "-d", "--no-show-raw-insn", image], capture_output=True, text=True).stdout
    where = "?"
    for line in out.splitlines():
        m = re.match(r"[0-9a-f]+ <(.+)>:", line)
        if m:
            where = m[1]
        if re.search(r"\t(syscall|sysenter|int +\$0x80)\b", line):
            yield where


bad = 0
for i, image in enumerate(sys.argv[1:]):
    found = list(sites(image))
    print(f"{image}: {len(found)} system call instructions{': ' + ' '.join(sorted(set(found))) if found else ''}")
    if i == 0:
        wrong = [f for f in found if not ALLOWED.match(f)]
        if wrong or not found:
            print(f"{image}: outside pal/host_x86_64.S: {' '.join(wrong)}")
            bad = 1
    elif found:
        bad = 1
sys.exit(bad)
