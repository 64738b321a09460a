#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""undef IMAGE...: each freestanding image must be complete: no undefined symbol, no
dynamic section, and none of the objects may need a libc function that rt does not have."""
import subprocess, sys

bad = 0
for image in sys.argv[1:]:
    out = subprocess.run(["nm", "-u", image], capture_output=True, text=True).stdout.split()
    names = [w for w in out if w not in ("U", "w", "v")]
    if names:
        print(f"{image}: undefined: {' '.join(names)}")
        bad = 1
    dyn = subprocess.run(["readelf", "-dr", image], capture_output=True, text=True).stdout
    if "Relocation section" in dyn or "NEEDED" in dyn:
        print(f"{image}: has relocations or needs libraries")
        bad = 1
sys.exit(bad)
