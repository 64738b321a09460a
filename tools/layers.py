#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""layers: fails if a folder includes a header that tools/layers.txt does not allow."""
import pathlib, re, sys

root = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else ".")
rows = [l.split() for l in open(root / "tools/layers.txt") if l.strip() and l[0] != "#"]
may = {r[0]: set(r[1:]) for r in rows}
bad = 0
for d in may:
    for f in sorted((root / d).rglob("*.[chS]")):
        if any(o != d and o.startswith(d + "/") and f.is_relative_to(root / o) for o in may):
            continue  # a folder within it has a row of its own
        for n, line in enumerate(f.read_text().splitlines(), 1):
            m = re.match(r'\s*#\s*include\s+"([^"/]+)/', line)
            if m and m[1] not in may[d]:
                print(f"{f.relative_to(root)}:{n}: {d} may not include {m[1]}")
                bad = 1
sys.exit(bad)
