#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""nt_calls.py OUT: what nt_calls.c knows of the NT system calls, from nt/syscalls.abi: names, groups, argument types and names."""
import pathlib, re, sys

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent


def rows():
    for line in (ROOT / "nt/syscalls.abi").read_text().splitlines():
        m = re.match(r"(\w+)\((.*?)\)\s+(\w+)\s+(\w+)", line)
        if m:
            yield m[1], m[3], m[4] in ("full", "partial"), [a.split() for a in m[2].split(", ") if a]


def header():
    lines = ["/* Made by tests/escape/nt_calls.py. */"]
    for name, group, there, args in rows():
        lines.append(f'{{ "{name}", "{group}", {int(there)}, {len(args)}, {{ ' + ", ".join(f'{{ T_{t.upper()}, "{n}" }}' for t, n in args) + " } },")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    pathlib.Path(sys.argv[1]).write_text(header())
