# SPDX-License-Identifier: MIT
"""Host calls that hostile programs try: listed ones with good and bad arguments, and all others."""
import sys

from judge import *

sys.path.insert(0, str(ROOT / "tools"))
import mkfilter

DEF = ROOT / "monitor/host_syscalls.def"


def good_and_bad(terms):
    """Arguments a row lets through, and a list of ones that break exactly one term."""
    good, bad = [0] * 6, []
    for arg, kind, values in terms:
        good[arg] = values[0] if kind == "in" else 0
    for arg, kind, values in terms:
        wrong = []
        if kind == "in":
            wrong = [v for v in list(range(0, 70)) + [1 << b for b in range(64)] + [values[0] | 1 << b for b in range(64)] + [2**64 - 1] if v not in values]
        else:
            union = 0
            for v in values:
                union |= v
            wrong = [1 << b for b in range(64) if not union >> b & 1] + [2**64 - 1, union | 1 << 63]
        bad += [good[:arg] + [w] + good[arg + 1:] for w in wrong]
    return good, bad


# uretprobe and uprobe: since Linux 6.14 the kernel lets them pass every filter.  They act only on
# probes that root has set; without one they are SIGILL and ENXIO.
PASSED_BY_KERNEL = (335, 336)


def attempts(net=False):
    """Lines for `hostile pal`, and those of listed calls that may well hurt the sandbox itself."""
    rows = mkfilter.load(str(DEF), net)
    listed = {nr: terms for nr, _, terms in rows}
    arena = [0x684000000000] * 6
    sets = [[0] * 6, [2**64 - 1] * 6, [1] * 6, arena]
    lines, harsh = [], []
    every = range(1024) if soak else [n for n in range(1024) if n < 470 or n % 37 == 0]
    for nr in every:
        if nr in listed:
            continue
        if nr in PASSED_BY_KERNEL:
            lines.append((nr, [0] * 6, "A"))
            continue
        for args in sets if soak else sets[(nr % 4):(nr % 4) + 1]:
            lines.append((nr, args, "K"))
    lines += [(n | 0x40000000, [0] * 6, "K") for n in (range(0, 548) if soak else range(0, 548, 13))]
    lines += [(n, [0] * 6, "K") for n in (2**31 - 1, 2**31, 2**32 - 1)]
    for nr, terms in listed.items():
        good, bad = good_and_bad(terms)
        lines += [(nr, a, "K") for a in (bad if soak else bad[::5])]
        lines += [(nr, a, "A") for a in [good] + sets[:3]]
        harsh += [(nr, a, "A") for a in [arena, arena[:1] + [1 << 36] + good[2:], [g or arena[0] for g in good]]]
    text = lambda l: "".join("%d %s %s\n" % (nr, " ".join("%x" % (v & (2**64 - 1)) for v in a), e) for nr, a, e in l)
    return text(lines), text(harsh)
