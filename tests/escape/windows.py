# SPDX-License-Identifier: MIT
"""windows.py BUILD_DIR [--soak] [PATTERN...]: hostile Windows programs, judged as escape.py's Linux programs are; prints TAP."""
import pathlib, random, re, shutil, subprocess, sys, threading

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from judge import *
import nt_calls
from attempts import attempts

CC = "x86_64-w64-mingw32-gcc"
DLLS = pathlib.Path("/usr/lib/x86_64-linux-gnu/wine/x86_64-windows")


def build_program(name, sources, more=()):
    out, sources = work / f"{name}.exe", [HERE / s for s in sources]
    newest = max(p.stat().st_mtime for p in sources + [HERE / "nt_hostile.h", HERE / "nt_calls.h", HERE / "nt_calls.py", ROOT / "nt/syscalls.abi", ROOT / "abi/layout.h"])
    if not out.exists() or out.stat().st_mtime < newest:
        (work / "nt_calls.gen.h").write_text(nt_calls.header())
        subprocess.run([CC, "-O1", "-g", "-w", "-static", f"-I{work}", f"-iquote{ROOT}", "-o", out] + sources + ["-lntdll"] + list(more), check=True)


def build_tools():
    build_program("nt_calls", ["nt_calls.c", "nt_call_args.c", "nt_call_worker.c"])
    # Where 32-bit code can come back to it.
    build_program("nt_hostile", ["nt_hostile.c", "nt_frames.c", "nt_folders.c", "nt_bombs.c", "nt_mutants.c"], ["-Wl,--image-base,0x10000000,--disable-dynamicbase,--disable-high-entropy-va"])


def nt_attack(tap, name, args, **kw):
    return attack(tap, name, args, guest=kw.pop("guest", "/guest/nt_hostile.exe"), **kw)


def sound(r):
    """The library OS has not fallen, whatever became of the programs."""
    return (["the library OS panicked"] if "panic" in r.err else []) + ([] if r.code == 0 and "done" in r.out else [f"exit {r.code}"])


def system_calls(tap):
    for seed in range(1000, 1000 + (10 if soak else 1)):
        nt_attack(tap, f"random system calls of Windows programs, seed {seed}", [seed * 1000, 300 if soak else 5], guest="/guest/nt_calls.exe", judge=sound, timeout=3 * PATIENCE + 300)


def numbers(tap):
    for how in ("syscall", "jit", "int80", "x32"):
        nt_attack(tap, f"every number by {how} from a Windows program", ["numbers", how, 1024 if soak else 260], judge=sound, timeout=3 * PATIENCE)
    nt_attack(tap, "calls from 32-bit code, by sysenter and by the vsyscall page, from a Windows program", ["modes"], judge=sound)


def through_pals_instruction(tap):
    addr = symbol("host_call")
    if not addr:
        return tap.skip("calls through pal's instruction from a Windows program", "pal.img has no symbols")
    lines, _ = attempts()
    random.seed(4711)
    lines = [l for l in lines.splitlines(True) if soak or random.random() < 0.1]
    nt_attack(tap, "calls through pal's own instruction from a Windows program", ["pal", addr], input="".join(lines), timeout=1200 if soak else PATIENCE, judge=sound)
    nt_attack(tap, "Windows memory calls on the sandbox's own memory", ["replace", addr], judge=sound)


def scribbles(tap):
    addr, hung = symbol("host_call"), []
    if not addr:
        return tap.skip("scribbles of a Windows program", "pal.img has no symbols")
    for where in ("arena", "arena-ones", "arena-zeros", "data", "palshared", "tb", "slots", "heap", "teb", "map-pal", "map-linux", "map-stack", "unmap-all", "kick", "storm-arena", "storm-tables",
                  "storm-pal"):
        for _ in range(10 if soak else 1):
            nt_attack(tap, f"scribbling of a Windows program: {where}", ["scribble", addr, where], judge=may_die(hung), timeout=SHORT)
    tap.note(f"{len(hung)} sandboxes did not end by themselves")


def forged_contexts(tap):
    for seed in range(20 if soak else 1):
        nt_attack(tap, f"forged contexts, foreign stacks and bases of Windows programs, seed {seed}", ["frames", seed, 1500 if soak else 150], timeout=3 * PATIENCE, judge=may_die([]))


def folders(tap):
    nt_attack(tap, "names that lead out of a granted folder, by Windows calls", lambda p: ["names", MARKER, "/vol", str(p.top)], judge=sound)
    nt_attack(tap, "storms of renames and links in a granted folder, by Windows calls", ["folders", MARKER, "/vol/host", 60000 if soak else 3000], judge=sound)


def mutants(tap):
    for what in ("programs", "libraries", "hives"):
        for seed in range(10 if soak else 1):
            nt_attack(tap, f"mutilated {what} of Windows, seed {seed}", [what, seed + 1, 1500 if soak else 60], timeout=3 * PATIENCE, judge=sound)


BOMBS = "process thread handle memory reserve section view pipe timer key value atom file apc port".split()


def resource_bombs(tap):
    bombs(tap, BOMBS, lambda kind, judge: nt_attack(tap, f"a bomb of Windows kind {kind}", ["bomb", kind, 20 if soak else 1], options=BOMB_LIMITS, judge=judge))


if not shutil.which(CC) or not (DLLS / "ntdll.dll").exists():
    tap = Tap()
    tap.skip("hostile Windows programs", f"needs {CC} and Wine's DLLs")
    tap.end()
build_tools()
if not one:
    as_both(__file__)
run_tests(Tap(patterns), [system_calls, numbers, through_pals_instruction, scribbles, forged_contexts, folders, mutants, resource_bombs])
