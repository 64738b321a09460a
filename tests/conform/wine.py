#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Runs Wine's own conformance tests under Wine's loader and in a sandbox, and prints a table, one line a test file.

  wine.py DIR [--bailey PATH] [--wine PATH] [--dlls ntdll,kernel32,...] [--only DLL:FILE,...] [--seconds N] [--jobs N] [--keep FOLDER]

DIR holds the test programs, bin/DLL_test.exe, built with mingw outside this repository.  What Wine says is kept in DIR/wine.json
(--wine runs it again), and what the sandbox says is compared with it: a file is as good if as many checks pass in it and no more
fail.  A check that succeeds although it stands as todo (for Wine) has passed, whatever the test's own sum says.

Files that are known to be worse stand in wine-known.txt beside this script, one a line: DLL:FILE and the reason, which is printed;
"(varies)" in front of it: how many checks there are changes from run to run.
The exit code is 1 if another file is worse, or one of those is as good.  --keep FOLDER keeps each file's output inside.
"""
import argparse, concurrent.futures, fnmatch, json, os, pathlib, re, shutil, subprocess, sys, tempfile, time

ALL = "ntdll,kernel32,kernelbase,ucrtbase,msvcrt,advapi32"
SUMMARY = re.compile(rb"(\w+): (\d+) tests executed \((\d+) marked as todo, (?:\d+ as flaky, )?(\d+) failures?\), (\d+) skipped")
FIXED = re.compile(rb": Test succeeded inside todo block: ") # counted among the failures by the test itself
KNOWN = pathlib.Path(__file__).with_name("wine-known.txt")


def names(args, program):
    """The test files in a program: it lists them when it is run without one."""
    env = {**os.environ, "WINEDEBUG": "-all"}
    out = subprocess.run([args.wine or "wine64", str(program)], env=env, stdin=subprocess.DEVNULL, capture_output=True, timeout=120).stdout.decode(errors="replace")
    return re.findall(r"^\s+(\w+)\s*$", out.split("Valid test names:")[-1], re.M)


def run(command, unit, seconds, env, keep, program=None):
    """program is copied to a folder below the working directory, since tests write beside it."""
    with tempfile.TemporaryDirectory(dir=os.environ.get("TMPDIR")) as cwd:
        if program:
            os.mkdir(os.path.join(cwd, "bin"))
            shutil.copy(program, os.path.join(cwd, "bin"))
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
    row = dict(code=code, seconds=round(time.time() - start, 1), ran=0, todo=0, failed=0, fixed=0, skipped=0)
    if done:
        fixed = min(len(FIXED.findall(out)), int(done[-1][4]))
        row.update(ran=int(done[-1][2]), todo=int(done[-1][3]), failed=int(done[-1][4]) - fixed, fixed=fixed, skipped=int(done[-1][5]))
    else:
        ended = "does not end" if code == 124 else "dies"
        lines = [l for l in out.decode(errors="replace").strip().splitlines() if l.strip()]
        row.update(ended=ended, last=lines[-1][:120] if lines else "", failed=len(re.findall(rb"Test failed", out)))
    return row


def text(r):
    return f"{r['ran']:7} {r['failed']:5} {r['todo']:5} {r['seconds']:6}" if "ended" not in r else f"{r['ended']:>12} {r['failed']:5} {r['seconds']:6}"


def passed(r):
    """Checks that were executed and neither failed nor stand, rightly, as todo."""
    return r["ran"] - r["failed"] - r["todo"]


def good(inside, wine):
    """As many checks pass, and no more fail."""
    if "ended" in wine:
        return "ended" not in inside or inside["failed"] <= wine["failed"]
    return "ended" not in inside and passed(inside) >= passed(wine) and inside["failed"] <= wine["failed"]


def known():
    lines = [l.split(None, 1) for l in KNOWN.read_text().splitlines() if l.strip() and not l.startswith("#")] if KNOWN.exists() else []
    return {l[0]: l[1] if len(l) > 1 else "" for l in lines}


def remark(unit, ok, reason, last):
    """What is printed behind a line, and whether it is as expected."""
    if reason is not None and reason.startswith("(varies)"):
        return (("as good now: " if ok else "worse now: ") + reason, True)
    if ok:
        return ("AS GOOD: its line in wine-known.txt is to go", False) if reason is not None else ("", True)
    return (f"worse: {reason}", True) if reason is not None else (f"WORSE {last}", False)


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
        command = [bailey, "run", "-v", "@CWD@:@CWD@", "-w", "@CWD@", "--", f"@CWD@/bin/{dll}_test.exe", name]
        return unit, run(command, unit, args.seconds, dict(os.environ), keep, base / "bin" / f"{dll}_test.exe")

    print(f"{'test file':28} {'in bailey':>7} {'fail':>5} {'todo':>5} {'s':>6}   | {'wine64':>7} {'fail':>5} {'todo':>5} {'s':>6}")
    as_good, surprises, reasons = 0, 0, known()
    with concurrent.futures.ThreadPoolExecutor(args.jobs) as pool:
        for unit, r in pool.map(job, units):
            ok = good(r, wine[unit])
            note, expected = remark(unit, ok, reasons.get(unit), r.get("last", ""))
            as_good += ok
            surprises += not expected
            print(f"{unit:28} {text(r)}   | {text(wine[unit])}  {note}", flush=True)
    print(f"{as_good} of {len(units)} files as good as under Wine, {surprises} not as wine-known.txt says")
    return 1 if surprises else 0


sys.exit(main())
