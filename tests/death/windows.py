# SPDX-License-Identifier: MIT
"""windows.py BUILD_DIR [--soak] [PATTERN...]: sudden deaths of Windows processes that share objects; prints TAP."""
import os, pathlib, random, re, shutil, signal, subprocess, sys, time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from victims import *

CC = "x86_64-w64-mingw32-gcc"
DLLS = pathlib.Path("/usr/lib/x86_64-linux-gnu/wine/x86_64-windows")
PATIENCE = 120


def build_tools():
    source, out = HERE / "nt_busy.c", work / "nt_busy.exe"
    if not out.exists() or out.stat().st_mtime < source.stat().st_mtime:
        subprocess.run([CC, "-O1", "-g", "-w", "-static", "-o", out, source], check=True)


def lines_until(s, pattern):
    """Reads what the first program says; the line that matches, and what is wrong by then."""
    end = time.time() + PATIENCE
    while time.time() < end:
        line = s.p.stdout.readline().decode(errors="replace").strip()
        if line.startswith("BAD") or line == "":
            return None, line or "it says nothing any more"
        if re.match(pattern, line):
            return line, ""
    return None, "it takes too long"


def killed_windows_processes(tap):
    """A victim in guest code does not end the sandbox; after any death that it outlives, all others get on with what they share."""
    problems, counts = [], dict(guest=0, library=0, ended=0)
    s, n, seen, last = None, 0, 0, ""
    while n < ROUNDS and not problems:
        if not s:
            s, seen = start("/guest/nt_busy.exe", "6", "600"), 0
            if not lines_until(s, "up")[0]:
                problems.append(f"round {n}: did not start: {s.end(1)}")
                break
        time.sleep(random.random() * 0.15)
        victims = s.picoprocesses()[2:]  # not kproc, not the first program
        if not victims:
            continue
        victim = random.choice(victims)
        n += 1
        where = strike(victim, counts, problems, 5)
        if not where:
            continue
        # Two ticks that were not written before the death: all mutants could be taken.
        for _ in range(2 + s.p.stdout.peek().count(b"\n") if s.p.poll() is None else 0):
            last, wrong = lines_until(s, "tick")
            if wrong and s.p.poll() is None and not wait_for(lambda: s.p.poll() is not None, 5):
                problems.append(f"round {n}: {wrong}")
            if wrong:
                if wrong.startswith("BAD"):
                    problems.append(wrong)
                break
        if s.p.poll() is None:
            continue
        r, s = s.end(), None
        counts["ended"] += 1
        if where == "guest":
            problems.append(f"a victim in guest code ended the sandbox: {r}")
        elif r.code != 125 or not re.search(r"bailey: .*(lock|panic)", r.err):
            problems.append(f"wanted 125 and a reason: {r}")
    if s and s.p.poll() is None:
        seen = tree(s.pid)
        s.p.kill()
        s.p.wait()
        gone(seen, problems)
    tap.ok(f"SIGKILL of random Windows processes ({ROUNDS} rounds)", not problems, "\n".join(problems))
    tap.note(f"{counts['guest']} in guest code, {counts['library']} in the library OS, of which {counts['ended']} ended the sandbox; last: {last}")


if not shutil.which(CC) or not (DLLS / "ntdll.dll").exists():
    tap = Tap()
    tap.skip("deaths of Windows programs", f"needs {CC} and Wine's DLLs")
    tap.end()
build_tools()
run_tests(Tap(patterns), [killed_windows_processes])
