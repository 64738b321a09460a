#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Builds the Windows test programs of this folder with mingw and runs them in a sandbox; output and exit code must be the recorded ones.

  run.py --bailey PATH [--times N] [--jobs N] [--only PATTERN] [--build DIR]
  run.py --wine PATH [--record] ...       the same under Wine's loader (WINEPREFIX set to a prefix of Windows 10's version)

A case is NAME.c, NAME.cpp or NAME.cmd with its output in NAME.out.  The output is what Windows prints by its public documentation:
recorded under Wine (--record), then corrected by hand where Wine is known to be wrong, and a `wine:` line in the case's head says
where.  Such a case is not judged under Wine.  Comment lines in a case's head: `exit: CODE`, `args: ARGUMENTS`, `libs: -lX`,
`timeout: SECONDS`, `needs: PATH` (of this
folder's root; skipped without), `flags: BAILEY OPTIONS`, `terminal: KEYS|KEYS...`: it runs on a terminal of 80x24, and each of these is typed (as a
Python string; =WxH changes the size instead) when it has written a prompt, "> ".  Such a case is not judged under Wine either.  The file `todo` names the cases known to fail, each with a reason: passing by surprise
is a failure.
"""
import argparse, concurrent.futures, difflib, fcntl, fnmatch, os, pathlib, pty, re, select, shutil, struct, subprocess, sys, tempfile, termios, time

HERE = pathlib.Path(__file__).resolve().parent
DLLS = pathlib.Path("/usr/lib/x86_64-linux-gnu/wine/x86_64-windows")
CC = {".c": "x86_64-w64-mingw32-gcc", ".cpp": "x86_64-w64-mingw32-g++"}
CLEAN = {k: v for k, v in os.environ.items() if k in ("PATH", "HOME", "USER", "LOGNAME", "LANG", "TZ", "WINEPREFIX")}


class Case:
    def __init__(self, path, todo):
        self.path, self.name = path, path.stem
        text = path.read_text()
        get = lambda key: (re.search(rf"^\W*(?:rem )?{key}: *(.*?)(?: \*/)?$", text, re.M) or [None, ""])[1]
        self.args = [a or b for a, b in re.findall(r'"([^"]*)"|(\S+)', get("args"))]
        self.exit, self.timeout = int(get("exit") or 0), int(get("timeout") or 60)
        self.flags, self.libs, self.wine = get("flags").split(), get("libs").split(), get("wine")
        self.terminal = [k.encode().decode("unicode_escape").encode("latin-1") for k in get("terminal").split("|")] if get("terminal") else []
        self.wine = self.wine or ("has no such terminal" if self.terminal else "")
        self.todo = todo.get(self.name, "")
        self.out = path.with_suffix(".out")
        self.needs = get("needs")

    def build(self, folder):
        """The program: the compiler's, kept until a source is newer; cmd.exe for a script."""
        if self.path.suffix == ".cmd":
            self.program, self.args = DLLS / "cmd.exe", ["/c", self.path.name]
            return
        self.program = folder / (self.name + ".exe")
        newest = max(p.stat().st_mtime for p in (self.path, HERE / "t.h"))
        if not self.program.exists() or self.program.stat().st_mtime < newest:
            new = self.program.with_suffix(f".{os.getpid()}")
            subprocess.run([CC[self.path.suffix], "-O1", "-g", "-w", "-static", "-o", str(new), str(self.path)] + self.libs, check=True)
            new.rename(self.program)


def missing():
    for tool, package in ((CC[".c"], "gcc-mingw-w64-x86-64"), (CC[".cpp"], "g++-mingw-w64-x86-64")):
        if not shutil.which(tool):
            return f"needs {tool} (Debian's {package})"
    if not (DLLS / "ntdll.dll").exists():
        return "needs Wine's DLLs (Debian's libwine)"
    return ""


def run(command, cwd, timeout, env):
    try:
        p = subprocess.run(command, cwd=cwd, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=timeout)
        return p.returncode, p.stdout, p.stderr
    except subprocess.TimeoutExpired as e:
        return "timeout", e.stdout or b"", e.stderr or b""


def on_terminal(command, cwd, timeout, env, keys):
    def size(fd, w, h):
        fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack("HHHH", h, w, 0, 0))

    master, slave = pty.openpty()
    size(slave, 80, 24)
    p = subprocess.Popen(command, cwd=cwd, env=env, stdin=slave, stdout=slave, stderr=slave, start_new_session=True,
                         preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0))
    os.close(slave)
    out, keys, end, seen = b"", list(keys), time.time() + timeout, 0
    while time.time() < end:
        if select.select([master], [], [], 0.1)[0]:
            try:
                out += os.read(master, 4096)
            except OSError:  # its last user is gone
                break
        if keys and out.endswith(b"> ") and len(out) > seen:
            seen, k = len(out), keys.pop(0)
            if k.startswith(b"="):
                size(master, *map(int, k[1:].split(b"x")))
            else:
                os.write(master, k)
    else:
        p.kill()
    os.close(master)
    code = p.wait()
    return ("timeout" if time.time() >= end else code), out, b""


def once(case, args, work):
    with tempfile.TemporaryDirectory(dir=work) as cwd:
        if case.path.suffix == ".cmd":
            (pathlib.Path(cwd) / case.path.name).write_bytes(case.path.read_bytes().replace(b"\n", b"\r\n"))
        program = [str(case.program)] + case.args
        if args.wine:
            env = {**CLEAN, "WINEDEBUG": "-all", "WINEDLLOVERRIDES": "winedbg.exe=d"}
            return run([args.wine] + program, cwd, case.timeout * 2, env)
        command = [args.bailey, "run"] + args.view + case.flags + ["-w", cwd, "--"] + program
        return on_terminal(command, cwd, case.timeout, CLEAN, case.terminal) if case.terminal else run(command, cwd, case.timeout, CLEAN)


def differences(case, code, out, err):
    text = "" if code == case.exit & 0xff else f"exit {code}, expected {case.exit & 0xff}\n"
    want = case.out.read_bytes() if case.out.exists() else b""
    if out != want:
        lines = [b.decode(errors="replace").splitlines() for b in (want, out)]
        diff = list(difflib.unified_diff(*lines, "expected", "got", lineterm="", n=1))
        text += "\n".join(diff[:40]) + ("\n..." if len(diff) > 40 else "") + "\n"
    if text and err:
        text += "--- stderr\n" + err.decode(errors="replace")[-1000:]
    return text


def one(case, args, work):
    start = time.time()
    for n in range(args.times):
        code, out, err = once(case, args, work)
        out = out.replace(b"\r\n", b"\n")
        if args.record and not case.out.exists():
            case.out.write_bytes(out)
        text = differences(case, code, out, err)
        if text:
            return "fail", f"run {n + 1}: {text}", time.time() - start
    return "pass", "", time.time() - start


def cases(pattern):
    todo = dict(l.split(None, 1) for l in (HERE / "todo").read_text().splitlines() if l.strip() and not l.startswith("#")) if (HERE / "todo").exists() else {}
    found = sorted(p for p in HERE.iterdir() if p.suffix in (".c", ".cpp", ".cmd"))
    return [Case(p, todo) for p in found if any(fnmatch.fnmatch(p.stem, x) for x in pattern.split(","))]


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("--bailey", default="")
    ap.add_argument("--wine", default="")
    ap.add_argument("--record", action="store_true")
    ap.add_argument("--times", type=int, default=1)
    ap.add_argument("--jobs", type=int, default=2)
    ap.add_argument("--only", default="*")
    ap.add_argument("--build", default=None)
    args = ap.parse_args()
    if not args.bailey and not args.wine:
        ap.error("--bailey or --wine")
    reason = missing()
    if reason:
        print(f"1..1\nok 1 - nt # SKIP {reason}\nnt: 0 passed, 0 failed, 1 skipped")
        return 0
    args.bailey = os.path.abspath(args.bailey) if args.bailey else ""
    # Below the build folder, not in /tmp: a sandbox has a /tmp of its own.
    work = pathlib.Path(args.build or (pathlib.Path(args.bailey).parent / "guest-tests" if args.bailey else tempfile.gettempdir() + "/bailey-nt")).resolve()
    programs = work / "nt"
    programs.mkdir(parents=True, exist_ok=True)
    hidden = any(str(work).startswith(p) for p in ("/tmp/", "/var/tmp/", "/run/", "/root/", "/home/"))
    args.view = ["-v", f"{programs}:{programs}:ro"] if hidden else []
    chosen = cases(args.only)
    counts = dict(passed=0, failed=0, skipped=0)

    def job(c):
        if args.wine and c.wine and not args.record:
            return c, "skip", "Wine differs: " + c.wine, 0
        if c.needs and not (HERE.parent.parent.parent / c.needs).exists():
            return c, "skip", f"built without {c.needs}", 0
        c.build(programs)
        return (c,) + one(c, args, work)

    print(f"1..{len(chosen)}")
    with concurrent.futures.ThreadPoolExecutor(args.jobs) as pool:
        for n, (c, result, text, took) in enumerate(pool.map(job, chosen), 1):
            todo = c.todo if args.bailey else ""
            if result == "skip" or (todo and result == "fail"):
                print(f"ok {n} - nt {c.name} # SKIP {text if result == 'skip' else 'todo: ' + todo}")
                counts["skipped"] += 1
            elif todo or result == "fail":
                print(f"not ok {n} - nt {c.name}" + (" passes by surprise: take it out of todo" if todo else "\n" + "\n".join("# " + l for l in text.splitlines())))
                counts["failed"] += 1
            else:
                print(f"ok {n} - nt {c.name} # {took:.1f}s")
                counts["passed"] += 1
            sys.stdout.flush()
    print(f"nt: {counts['passed']} passed, {counts['failed']} failed, {counts['skipped']} skipped")
    return 1 if counts["failed"] else 0


sys.exit(main())
