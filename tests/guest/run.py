#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Runs guest cases natively first and then in a sandbox; output and exit code must match.

  run.py --bailey PATH [--times N] [--jobs N] [--only PATTERN] [--build DIR]

A case is tests/guest/cases/NAME.sh (run by the shell its first line names, in an empty
directory), or a C program tests/guest/linux/NAME.c (built here, run in both).  Comment lines
in a case's head: `# needs: PROGRAM...` (skipped, and says so, where one is missing),
`# timeout: SECONDS`, `# todo: REASON` (known to fail: passing by surprise is a failure),
`# flags: BAILEY OPTIONS`, `# covers: WORDS`.
"""
import argparse, concurrent.futures, fnmatch, os, pathlib, re, shutil, signal, subprocess, sys, tempfile, time

HERE = pathlib.Path(__file__).resolve().parent
CLEAN = {k: v for k, v in os.environ.items() if k in ("PATH", "HOME", "USER", "LOGNAME", "SHELL", "TERM", "LANG", "TZ") or k.startswith("LC_")}


class Case:
    def __init__(self, path):
        self.path, self.name = path, path.stem
        head = path.read_text(errors="replace")[:2000]
        get = lambda key: (re.search(rf"^\W*{key}: *(.*?)(?: \*/)?$", head, re.M) or [None, ""])[1]
        self.needs, self.todo = get("needs").split(), get("todo")
        self.timeout, self.flags = int(get("timeout") or 60), get("flags").split()
        m = re.match(r"#!\s*(\S+)", head)
        self.command = [m[1] if m else "/bin/sh", str(path)]

    def missing(self):
        return [n for n in self.needs if shutil.which(n) is None]


def run(command, cwd, timeout):
    try:
        p = subprocess.run(command, cwd=cwd, env=CLEAN, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                           stderr=subprocess.PIPE, timeout=timeout)
        return p.returncode, p.stdout, p.stderr
    except subprocess.TimeoutExpired as e:
        return "timeout", e.stdout or b"", e.stderr or b""


def compile_c(path, folder):
    exe = folder / path.stem
    libs = re.search(r"libs: *(.*?)(?: \*/)?$", path.read_text()[:2000], re.M)
    cmd = ["cc", "-O1", "-g", "-w", "-D_GNU_SOURCE", "-o", str(exe), str(path), "-pthread"] + (libs[1].split() if libs else [])
    if not exe.exists() or exe.stat().st_mtime < path.stat().st_mtime:
        subprocess.run(cmd, check=True)
    return exe


def one(case, args, work):
    start = time.time()
    with tempfile.TemporaryDirectory(dir=work) as cwd:
        native = run(case.command, cwd, case.timeout)
    if native[0] == "timeout":
        return "skip", "the native run does not end", time.time() - start
    for n in range(args.times):
        with tempfile.TemporaryDirectory(dir=work) as cwd:
            inside = run([args.bailey, "run"] + args.view + case.flags + ["-w", cwd, "--"] + case.command, cwd, case.timeout * 3)
        if inside[:2] != native[:2]:
            text = f"run {n + 1}: exit {inside[0]}, native {native[0]}\n"
            if inside[1] != native[1]:
                text += "--- native\n" + native[1].decode(errors="replace")[-1500:] + "\n--- inside\n" + inside[1].decode(errors="replace")[-1500:]
            return "fail", text + "\n--- stderr inside\n" + inside[2].decode(errors="replace")[-1500:], time.time() - start
    return "pass", "", time.time() - start


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("--bailey", required=True)
    ap.add_argument("--times", type=int, default=1)
    ap.add_argument("--jobs", type=int, default=2)
    ap.add_argument("--only", default="*")
    ap.add_argument("--build", default=None)
    args = ap.parse_args()
    # A shell that starts us in the background has these ignored, which native programs inherit and a sandbox does not.
    for s in (signal.SIGINT, signal.SIGQUIT, signal.SIGHUP, signal.SIGTERM):
        signal.signal(s, lambda *_: sys.exit(1))
    args.bailey = os.path.abspath(args.bailey)
    # Below the working directory's file system, not in /tmp: a sandbox has a /tmp of its own.
    work = pathlib.Path(args.build or (pathlib.Path(args.bailey).parent / "guest-tests")).resolve()
    work.mkdir(parents=True, exist_ok=True)
    programs = work / "programs"
    programs.mkdir(exist_ok=True)
    # A sandbox's own /tmp, and what its view leaves out, hide a checkout that lies there.  The working
    # directory is seen all the same, with its changes in memory.
    hidden = any(str(work).startswith(p) for p in ("/tmp/", "/var/tmp/", "/run/", "/root/", "/home/"))
    args.view = ["-v", f"{programs}:{programs}:ro", "-v", f"{HERE}:{HERE}:ro"] if hidden else []
    cases = [Case(p) for p in sorted((HERE / "cases").glob("*.sh")) if fnmatch.fnmatch(p.stem, args.only)]
    for p in sorted((HERE / "linux").glob("*.c")):
        if fnmatch.fnmatch(p.stem, args.only):
            c = Case(p)
            c.command = [str(compile_c(p, programs))]
            cases.append(c)
    counts = dict(passed=0, failed=0, skipped=0)

    def job(c):
        if c.missing():
            return c, "skip", "needs " + " ".join(c.missing()), 0
        return (c,) + one(c, args, work)

    print(f"1..{len(cases)}")
    with concurrent.futures.ThreadPoolExecutor(args.jobs) as pool:
        for n, (c, result, text, took) in enumerate(pool.map(job, cases), 1):
            if c.todo and result == "fail":
                print(f"ok {n} - {c.name} # SKIP todo: {c.todo}")
                counts["skipped"] += 1
            elif c.todo and result == "pass":
                print(f"not ok {n} - {c.name} passes by surprise: take its todo out")
                counts["failed"] += 1
            elif result == "skip":
                print(f"ok {n} - {c.name} # SKIP {text}")
                counts["skipped"] += 1
            elif result == "pass":
                print(f"ok {n} - {c.name} # {took:.1f}s")
                counts["passed"] += 1
            else:
                print(f"not ok {n} - {c.name}\n" + "\n".join("# " + l for l in text.splitlines()))
                counts["failed"] += 1
            sys.stdout.flush()
    print(f"guest: {counts['passed']} passed, {counts['failed']} failed, {counts['skipped']} skipped")
    sys.exit(1 if counts["failed"] else 0)


main()
