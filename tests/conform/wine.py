#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Runs Wine's own conformance tests under Wine's loader and in a sandbox, and prints a table, one line a test file.

  wine.py DIR [--bailey PATH] [--wine PATH] [--dlls ntdll,kernel32,...] [--only DLL:FILE,...] [--seconds N] [--jobs N] [--keep FOLDER]

DIR holds the test programs, bin/DLL_test.exe, built with mingw outside this repository.  What Wine says is kept in DIR/wine.json
(--wine runs it again), and what the sandbox says is compared with it: a file is as good if it executes as many tests and no more
of them fail.  --keep FOLDER keeps each file's output inside.
"""
import argparse, concurrent.futures, fnmatch, json, os, pathlib, re, subprocess, sys, tempfile, time

ALL = "ntdll,kernel32,kernelbase,ucrtbase,msvcrt,advapi32"
SUMMARY = re.compile(rb"(\w+): (\d+) tests executed \((\d+) marked as todo, (?:\d+ as flaky, )?(\d+) failures?\), (\d+) skipped")


def names(args, program):
    """The test files in a program: it lists them when it is run without one."""
    env = {**os.environ, "WINEDEBUG": "-all"}
    out = subprocess.run([args.wine or "wine64", str(program)], env=env, stdin=subprocess.DEVNULL, capture_output=True, timeout=120).stdout.decode(errors="replace")
    return re.findall(r"^\s+(\w+)\s*$", out.split("Valid test names:")[-1], re.M)


def run(command, unit, seconds, env, keep):
    with tempfile.TemporaryDirectory(dir=os.environ.get("TMPDIR")) as cwd:
        start, ended = time.time(), ""
        command = [c.replace("@CWD@", cwd) for c in command]
        try:
            p = subprocess.run(["timeout", "-k", "3", str(seconds)] + command, cwd=cwd, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=seconds + 30)
            out, code = p.stdout, p.returncode
        except subprocess.TimeoutExpired as e:
            out, code = e.stdout or b"", 124
    if keep:
        keep.mkdir(parents=True, exist_ok=True)
        (keep / (unit.replace(":", ".") + ".txt")).write_bytes(out)
    done = [m for m in SUMMARY.finditer(out) if m[1].decode() == unit.split(":")[1]]
    row = dict(code=code, seconds=round(time.time() - start, 1), ran=0, todo=0, failed=0, skipped=0)
    if done:
        row.update(ran=int(done[-1][2]), todo=int(done[-1][3]), failed=int(done[-1][4]), skipped=int(done[-1][5]))
    else:
        ended = "does not end" if code == 124 else "dies"
        lines = [l for l in out.decode(errors="replace").strip().splitlines() if l.strip()]
        row.update(ended=ended, last=lines[-1][:120] if lines else "", failed=len(re.findall(rb"Test failed", out)))
    return row


def text(r):
    return f"{r['ran']:7} {r['failed']:5} {r['todo']:5} {r['seconds']:6}" if "ended" not in r else f"{r['ended']:>12} {r['failed']:5} {r['seconds']:6}"


def good(inside, wine):
    """As many checks pass: those that were executed and neither failed nor stand as todo."""
    if "ended" in wine:
        return "ended" not in inside or inside["failed"] <= wine["failed"]
    return "ended" not in inside and (inside["ran"] - inside["failed"] >= wine["ran"] - wine["failed"] and inside["failed"] <= wine["failed"])


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("dir")
    ap.add_argument("--bailey", default="")
    ap.add_argument("--wine", default="")
    ap.add_argument("--dlls", default=ALL)
    ap.add_argument("--only", default="*")
    ap.add_argument("--seconds", type=int, default=60)
    ap.add_argument("--jobs", type=int, default=1)
    ap.add_argument("--keep", default="")
    args = ap.parse_args()
    base = pathlib.Path(args.dir).resolve()
    file = base / "wine.json"
    wine = json.loads(file.read_text()) if file.exists() else {}
    chosen = lambda u: any(fnmatch.fnmatch(u, x) for x in args.only.split(","))
    if args.wine:
        env = {**os.environ, "WINEDEBUG": "-all", "WINEDLLOVERRIDES": "winedbg.exe=d"}
        for dll in args.dlls.split(","):
            program = base / "bin" / f"{dll}_test.exe"
            for name in names(args, program) if program.exists() else []:
                unit = f"{dll}:{name}"
                if chosen(unit):
                    wine[unit] = run([args.wine, str(program), name], unit, args.seconds, env, None)
                    print(f"{unit:28} {text(wine[unit])}", flush=True)
                    file.write_text(json.dumps(wine, indent=0, sort_keys=True))
    if not args.bailey:
        return 0
    bailey = os.path.abspath(args.bailey)
    units = [u for u in wine if u.split(":")[0] in args.dlls.split(",") and chosen(u)]
    keep = pathlib.Path(args.keep).resolve() if args.keep else None

    def job(unit):
        dll, name = unit.split(":")
        command = [bailey, "run", "-v", f"{base}:{base}:ro", "-v", "@CWD@:@CWD@", "-w", "@CWD@", "--", str(base / "bin" / f"{dll}_test.exe"), name]
        return unit, run(command, unit, args.seconds, dict(os.environ), keep)

    print(f"{'test file':28} {'in bailey':>7} {'fail':>5} {'todo':>5} {'s':>6}   | {'wine64':>7} {'fail':>5} {'todo':>5} {'s':>6}")
    as_good = 0
    with concurrent.futures.ThreadPoolExecutor(args.jobs) as pool:
        for unit, r in pool.map(job, units):
            ok = good(r, wine[unit])
            as_good += ok
            print(f"{unit:28} {text(r)}   | {text(wine[unit])}  {'' if ok else 'WORSE ' + r.get('last', '')}", flush=True)
    print(f"{as_good} of {len(units)} files as good as under Wine")
    return 0


sys.exit(main())
