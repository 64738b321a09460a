#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# How the time of an operation grows with the number of processes, descriptors, mappings, names ... there are,
# and how much more is done when several processes do it at once, natively and inside.
"""Time of an operation with 10, 100, 1,000 and 10,000 of something, and its throughput with 1, 2 and 4 processes.

  scale.py --bailey PATH [--only GROUP,...] [--most N] [--rounds N] [--part grow,par] [--seconds S]

Each figure is the best of the rounds.  Growth is that from 100 to the most; `grows` marks more than 3 where native
does not (or half as much again where it does) and where the time is more than native's, too.
"""
import argparse, os, pathlib, subprocess, sys, tempfile

HERE = pathlib.Path(__file__).resolve().parent
SIZES = (10, 100, 1000, 10000)
REPEAT = {10: 5, 100: 3, 1000: 2, 10000: 1}
MAY_GROW = 3.0


def remove(path):
    """Folders in folders, as deep as they come: Python's own gives up at a thousand."""
    subprocess.run(["rm", "-rf", path], check=True)


class Places:
    """The same folders outside and inside; list-N of the given one is made anew for each run that changes it."""

    def __init__(self, b, work):
        self.b, self.work, self.exe = b, work, os.path.join(work, "scale")
        self.shared, self.given = os.path.join(work, "shared"), os.path.join(work, "given")
        self.root, self.memory = os.path.join(work, "root"), tempfile.mkdtemp(dir="/dev/shm")
        for folder in (self.shared, self.given, self.root):
            os.mkdir(folder)

    def give(self, n):
        folder = os.path.join(self.given, f"list-{n}")
        remove(folder)
        os.mkdir(folder)
        for i in range(n):
            pathlib.Path(folder, f"entry-{i}").write_text(str(i))

    def command(self, inside, words):
        if not inside:
            return [self.exe, words[0], self.memory, self.root, self.shared, self.given] + words[1:]
        return [self.b, "run", "-v", f"{self.shared}:{self.shared}", "-w", self.work, "--", self.exe, words[0], "/dev/shm", "/opt",
                self.shared, self.given] + words[1:]

    def clean(self):
        for folder in (self.memory, self.shared, self.root):
            for name in os.listdir(folder):
                path = os.path.join(folder, name)
                remove(path)


def lines_of(command, limit):
    try:
        out = subprocess.run(command, capture_output=True, text=True, timeout=limit)
    except subprocess.TimeoutExpired:
        return [f"# {command[-1]}: took more than {limit} s"]
    said = out.stdout.splitlines()
    if out.returncode != 0:
        said.append(f"# {command[-1]}: exit {out.returncode} {out.stderr.strip()[-200:]}")
    return said


def names(p):
    said = subprocess.run([p.exe, "list"], capture_output=True, text=True).stdout.splitlines()
    return [n for n in said if not n.startswith("par.")], [n for n in said if n.startswith("par.")]


# ---- Growth ----

def grow_once(p, inside, group, n, seen, remarks):
    if group == "lower":
        p.give(n)
    for line in lines_of(p.command(inside, ["grow", str(n), group]), 300):
        if line.startswith("#"):
            remark = f"{'inside' if inside else 'native'}, {n}: {line[2:]}"
            if remark not in remarks:
                remarks.append(remark)
            continue
        name, ns = line.rsplit(" ", 1)
        key = (name, inside, n)
        seen[key] = min(seen.get(key, float(ns)), float(ns))
    p.clean()


def short(ns):
    if ns is None:
        return "-"
    return f"{ns:.0f}ns" if ns < 1e3 else f"{ns / 1e3:.1f}us" if ns < 1e6 else f"{ns / 1e6:.1f}ms"


def growth(values, sizes):
    base, last = values.get(100), values.get(sizes[-1])
    return last / max(base, 20.0) if base is not None and last is not None and sizes[-1] > 100 else None


def verdict(native, inside, last):
    """last: time with the most, native and inside."""
    if inside is None or inside <= MAY_GROW:
        return ""
    if native is not None and native > MAY_GROW and inside <= 1.5 * native:
        return "  as native"
    return "  less than native" if None not in last and last[1] <= last[0] else "  grows"


def print_group(group, seen, sizes):
    rows = list(dict.fromkeys(name for name, _, _ in seen if name.startswith(group + ".")))
    marked = 0
    for name in rows:
        by = {inside: {n: seen[(name, inside, n)] for n in sizes if (name, inside, n) in seen} for inside in (False, True)}
        g = {inside: growth(by[inside], sizes) for inside in by}
        said = verdict(g[False], g[True], [by[inside].get(sizes[-1]) for inside in (False, True)])
        marked += said == "  grows"
        for inside in (False, True):
            figures = "".join(f"{short(by[inside].get(n)):>9}" for n in sizes)
            grown = f"{g[inside]:8.2f}" if g[inside] is not None else f"{'-':>8}"
            print(f"{name if not inside else '':44}{'inside' if inside else 'native':8}{figures}{grown}{said if inside else ''}")
    sys.stdout.flush()
    return marked


def grow(p, groups, sizes, rounds):
    remarks, marked = [], 0
    print(f"{'time of an operation':52}" + "".join(f"{n:>9}" for n in sizes) + f"{'growth':>8}")
    for group in groups:
        seen = {}
        for n in sizes:
            for _ in range(rounds * REPEAT[n]):
                for inside in (False, True):
                    grow_once(p, inside, group, n, seen, remarks)
        marked += print_group(group, seen, sizes)
    for r in remarks:
        print(f"  ({r})")
    print(f"{marked} operations grow more than {MAY_GROW:.0f} times from 100 to {sizes[-1]}, where native does not")


# ---- Throughput ----

def parallel(p, wanted, rounds, seconds):
    print(f"\n{'operations a second, by processes at once':44}{'':8}{1:>10}{2:>10}{4:>10}{'2:1':>8}{'4:1':>8}")
    for name in wanted:
        best = {}
        for _ in range(rounds * 3):
            for inside in (False, True):
                for line in lines_of(p.command(inside, ["par", str(seconds), name]), 300):
                    if line.startswith("#"):
                        print(line)
                        continue
                    _, workers, done = line.split("\t")
                    key = (inside, int(workers))
                    best[key] = max(best.get(key, 0.0), float(done))
                p.clean()
        ratio = {}
        for inside in (False, True):
            v = [best.get((inside, k), 0.0) for k in (1, 2, 4)]
            ratio[inside] = v[1] / max(v[0], 1)
            said = "  scales less" if inside and ratio[True] < 0.75 * min(ratio[False], 2) else ""
            print(f"{name[4:] if not inside else '':44}{'inside' if inside else 'native':8}" + "".join(f"{x:10.0f}" for x in v) +
                  f"{ratio[inside]:8.2f}{v[2] / max(v[0], 1):8.2f}{said}")
        sys.stdout.flush()


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("--bailey", required=True)
    ap.add_argument("--only", default="")
    ap.add_argument("--most", type=int, default=SIZES[-1])
    ap.add_argument("--rounds", type=int, default=1)
    ap.add_argument("--part", default="grow,par")
    ap.add_argument("--seconds", type=float, default=0.3)
    args = ap.parse_args()
    b = os.path.abspath(args.bailey)
    work = tempfile.mkdtemp(dir=os.path.dirname(b))
    p = Places(b, work)
    try:
        subprocess.run(["cc", "-O2", "-w", "-D_GNU_SOURCE", "-pthread", "-o", p.exe] + sorted(map(str, (HERE / "scale").glob("*.c"))) + ["-lrt"], check=True)
        groups, ops = names(p)
        only = args.only.split(",") if args.only else []
        if "grow" in args.part.split(","):
            grow(p, [g for g in groups if not only or g in only], [n for n in SIZES if n <= args.most], args.rounds)
        if "par" in args.part.split(","):
            parallel(p, [o for o in ops if not only or any(w in o for w in only)], args.rounds, args.seconds)
    finally:
        remove(work)
        remove(p.memory)


main()
