#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Measures Windows operations in a sandbox beside Debian's Wine in the same run.

  nt.py --bailey PATH [--wine PATH] [--rounds N] [--only NAME,...] [--part micro,start,memory,programs] [--programs DIR]

Both take turns, so that other load falls on both alike; each figure is the least over the rounds, ratios are of those.  WINEPREFIX
names the prefix; its server is kept running, which flatters Wine.  --programs names the folder of tests/conform/npm-nt.py.
"""
import argparse, os, pathlib, shutil, statistics, subprocess, sys, tempfile, time

from procs import pss, tree

HERE = pathlib.Path(__file__).resolve().parent
# inside / Wine, at most
GOALS = {"set_event_wait": 1 / 50, "mutex": 1 / 50, "semaphore": 1 / 50, "create_event_close": 1 / 50, "reg_query": 1 / 30, "open_close": 1 / 4, "read_4k": 1 / 10,
         "thread_create_join": 1 / 5, "ping_pong": 1 / 3, "create_process": 1 / 8, "hello": 1 / 6}
QUIET = dict(stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def wine_env():
    return {**os.environ, "WINEDEBUG": "-all", "WINEDLLOVERRIDES": "winedbg.exe=d"}


def micro(command, env, cwd):
    out = subprocess.run(command, env=env, cwd=cwd, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=300)
    if out.returncode:
        print(f"# {' '.join(command[:3])}...: exit {out.returncode} {out.stderr.strip()[-200:]}", file=sys.stderr)
    return {l.split()[0]: float(l.split()[1]) for l in out.stdout.splitlines() if len(l.split()) == 2}


def row(name, wine, inside, unit, goal):
    ratio = inside / wine
    verdict = "" if not goal else f"1/{1 / goal:.0f}" + ("" if ratio <= goal else "  missed")
    print(f"{name:28}{wine / unit:12.3f}{inside / unit:12.3f}{'1/%.1f' % (wine / inside) if ratio <= 1 else '%.2f' % ratio:>10}  {verdict}")


def operations(args, exe, work):
    least = {}
    for _ in range(args.rounds):
        for who, command, env in (("wine", [args.wine, exe], wine_env()), ("bailey", [args.bailey, "run", "-v", f"{work}:{work}", "-w", work, "--", exe], None)):
            for name, ns in micro(command + args.names, env, work).items():
                least[name, who] = min(ns, least.get((name, who), 1e18))
    print(f"{'operation, us':28}{'Wine':>12}{'inside':>12}{'ratio':>10}  goal")
    for name in dict.fromkeys(n for n, _ in least):
        if (name, "wine") in least and (name, "bailey") in least:
            row(name, least[name, "wine"], least[name, "bailey"], 1e3, GOALS.get(name))
        else:
            print(f"{name:28} only {'Wine' if (name, 'wine') in least else 'bailey'} says: {least.get((name, 'wine'), least.get((name, 'bailey'))) / 1e3:.3f}")


def wall(command, env, cwd):
    start = time.perf_counter()
    code = subprocess.run(command, env=env, cwd=cwd, **QUIET).returncode
    return (time.perf_counter() - start) * 1e3 if code == 0 else None


def in_turn(name, wine, bailey, work, rounds, goal):
    times = {"wine": [], "bailey": []}
    for _ in range(rounds):
        times["wine"].append(wall(wine, wine_env(), work))
        times["bailey"].append(wall(bailey, None, work))
    if None in times["bailey"] or None in times["wine"]:
        print(f"{name:28} fails {'inside' if None in times['bailey'] else 'under Wine'}")
        return
    row(name, min(times["wine"]), min(times["bailey"]), 1, goal)
    print(f"{'  medians':28}{statistics.median(times['wine']):12.1f}{statistics.median(times['bailey']):12.1f}")


def start(args, exe, work):
    print(f"\n{'program, ms':28}{'Wine':>12}{'inside':>12}{'ratio':>10}  goal")
    in_turn("hello", [args.wine, exe, "exit"], [args.bailey, "run", "-w", "/", "--", exe, "exit"], work, 20, GOALS["hello"])


def programs(args, work):
    d = pathlib.Path(args.programs).resolve()
    pathlib.Path(work, "a.js").write_text("import { b } from './b.js';\nconsole.log(b(20));\n")
    pathlib.Path(work, "b.js").write_text("".join(f"export function f{i}(x) {{ return x + {i}; }}\n" for i in range(2000)) + "export function b(x) { return f7(x) }\n")
    pathlib.Path(work, "in.ts").write_text("".join(f"export interface I{i} {{ a: number; b?: I{max(i - 1, 0)} }}\nexport function f{i}(x: I{i}): number {{ return x.a + (x.b ? x.b.a : 0); }}\n" for i in range(500)))
    for name, exe, words in (("esbuild bundle + minify", "esbuild/esbuild.exe", ["a.js", "--bundle", "--minify", "--outfile=o.js"]), ("tsgo --noEmit", "tsgo/lib/tsgo.exe", ["--noEmit", "in.ts"]),
                             ("7za b 1", "7zip/win/x64/7za.exe", ["b", "1", "-md16", "-mmt2"]), ("7za a", "7zip/win/x64/7za.exe", ["a", "-y", "o.7z", "b.js", "in.ts"]),
                             ("ffmpeg -version", "ffmpeg/ffmpeg.exe", ["-version"])):
        program = str(d / exe)
        if os.path.exists(program):
            in_turn(name, [args.wine, program] + words, [args.bailey, "run", "-v", f"{d}:{d}:ro", "-v", f"{work}:{work}", "-w", work, "--", program] + words, work, 5, 1)


def of_prefix():
    """All processes of the prefix: the program, the server and the services."""
    want, found = ("WINEPREFIX=" + os.environ.get("WINEPREFIX", "")).encode(), []
    for p in filter(str.isdigit, os.listdir("/proc")):
        try:
            if want in open(f"/proc/{p}/environ", "rb").read().split(b"\0") and b"wine" in os.readlink(f"/proc/{p}/exe").encode():
                found.append(int(p))
        except OSError:
            pass
    return found


def memory(args, exe, work):
    print(f"\n{'a sleeping program':28}{'PSS, kB':>12}{'processes':>12}")
    for who, command, env in (("Wine", [args.wine, exe, "sleep"], wine_env()), ("bailey", [args.bailey, "run", "-w", "/", "--", exe, "sleep"], None)):
        p = subprocess.Popen(command, env=env, cwd=work, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        p.stdout.readline()
        time.sleep(1)
        pids = tree(p.pid) if env is None else of_prefix()
        total = sum(map(pss, pids))
        print(f"{who:28}{total:12}{len(pids):12}" + ("  (goal 4096)" + ("" if total <= 4096 else "  missed") if env is None else ""))
        p.kill()
        p.wait()


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("--bailey", required=True)
    ap.add_argument("--wine", default=shutil.which("wine64") or "/usr/lib/wine/wine64")
    ap.add_argument("--rounds", type=int, default=3)
    ap.add_argument("--only", default="")
    ap.add_argument("--part", default="micro,start,memory")
    ap.add_argument("--programs", default="")
    args = ap.parse_args()
    for what, there in (("mingw (gcc-mingw-w64-x86-64)", shutil.which("x86_64-w64-mingw32-gcc")), ("Wine (wine64)", os.path.exists(args.wine))):
        if not there:
            print(f"nt: {what} is not installed")
            return 0
    args.bailey, args.names = os.path.abspath(args.bailey), args.only.split(",") if args.only else []
    work = tempfile.mkdtemp(dir=os.path.dirname(args.bailey))
    os.chmod(work, 0o755)  # seen by the sandbox too, without -v
    try:
        exe = os.path.join(work, "nt.exe")
        subprocess.run(["x86_64-w64-mingw32-gcc", "-O2", "-w", "-o", exe, str(HERE / "nt.c")], check=True)
        wall([args.wine, exe, "exit"], wine_env(), work)
        if "micro" in args.part:
            operations(args, exe, work)
        if "start" in args.part:
            start(args, exe, work)
        if "memory" in args.part:
            memory(args, exe, work)
        if "programs" in args.part and args.programs:
            programs(args, work)
    finally:
        shutil.rmtree(work, ignore_errors=True)
    return 0


sys.exit(main())
