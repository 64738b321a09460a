#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Runs the test groups and ends with the line 'N passed, N failed, N skipped'.

  check.py --build DIR [--groups static,unit,...] [--soak]

A group is a list of commands.  A command that prints TAP lines (ok N - ..., not ok N - ...)
counts by them; any other counts as one test by its exit code.
"""
import argparse, os, pathlib, re, shutil, signal, subprocess, sys, threading

ROOT = pathlib.Path(__file__).resolve().parent.parent


def groups(build, soak):
    bailey = str(build / "bailey")
    pal, linux = str(build / "pal/pal.img"), str(build / "linux/linux.img")
    exts = sorted(str(p) for p in (build / "ext").glob("*.img")) if (build / "ext").exists() else []
    g = {
        "static": [["tools/layers.py"], ["tools/undef.py", pal, linux] + exts, ["tools/syscalls.py", pal, linux] + exts],
        "locks": [["tools/lint.sh", str(build), "locks"]] if shutil.which("clang") else [],
        "unit": [[str(p)] for p in sorted((build / "tests/unit").glob("*_test")) if os.access(p, os.X_OK)],
        "abi": [["tests/abi/run.sh", str(build)]] if (ROOT / "tests/abi/run.sh").exists() else [],
        "guest": [["tests/guest/run.py", "--bailey", bailey, "--times", "30" if soak else "1"],
            ["tests/guest/tty.py", "--bailey", bailey]],
        "nt": [["tests/guest/nt/run.py", "--bailey", bailey, "--times", "30" if soak else "1"], ["tests/guest/nt/keep.py", "--bailey", bailey, "--kills", "200" if soak else "5"]],
        "fuzz": [["tests/fuzz/run.sh", str(build), "600" if soak else "3"]] if shutil.which("clang") else [],
    }
    for name in ("mon", "net", "torture", "death", "cli", "share", "escape"):
        script = ROOT / "tests" / name / "run.sh"
        if script.exists():
            g[name] = [[str(script), str(build)] + (["--soak"] if soak else [])]
    for script in sorted(ROOT.glob("tests/*/windows.sh")):
        g[script.parent.name].append([str(script), str(build)] + (["--soak"] if soak else []))
    return g


def run(command, limit):
    print(f"# {' '.join(os.path.relpath(c, ROOT) if c.startswith('/') else c for c in command)}", flush=True)
    passed = failed = skipped = 0
    p = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace",
                         stdin=subprocess.DEVNULL, start_new_session=True)
    # Its whole process group goes: a child that hangs would hold the pipe open.
    timer = threading.Timer(limit, lambda: os.killpg(p.pid, signal.SIGKILL))
    timer.start()
    try:
        for line in p.stdout:
            if re.match(r"ok \d+", line):
                if "# SKIP" in line:
                    skipped += 1
                else:
                    passed += 1
            elif re.match(r"not ok \d+", line):
                failed += 1
            print("  " + line.rstrip(), flush=True)
        code = p.wait()
    finally:
        timer.cancel()
        p.poll() is None and p.kill()
    if passed + failed + skipped == 0:
        passed, failed = (1, 0) if code == 0 else (0, 1)
    elif code != 0 and failed == 0:
        failed += 1
        print(f"  # exit {code} though no test failed")
    return passed, failed, skipped


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("--build", default="build")
    ap.add_argument("--groups", default="")
    ap.add_argument("--soak", action="store_true")
    args = ap.parse_args()
    all_groups = groups(pathlib.Path(args.build).resolve(), args.soak)
    total = [0, 0, 0]
    for name in args.groups.split(",") if args.groups else all_groups:
        for command in all_groups.get(name, []):
            if not os.path.exists(ROOT / command[0]):
                continue
            for i, n in enumerate(run(command, 36000 if args.soak else 600)):
                total[i] += n
    print(f"{total[0]} passed, {total[1]} failed, {total[2]} skipped")
    sys.exit(1 if total[1] or total[0] == 0 else 0)


main()
