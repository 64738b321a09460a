# SPDX-License-Identifier: MIT
"""Changes of a -v folder while the host's disk makes some of them wait: each is made, and nobody waits for another's."""
import os, pathlib, shutil, subprocess, sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "lib"))
from sandbox import *

build, soak, patterns = setup()
bailey = bailey_of(build)
work = work_folder(build, "slowdisk")

# Removes, copies and renames in one process, removes in a second; a third asks for names that are not there all the while.
SCRIPT = r"""
rm -r a b & one=$!
(for i in 1 2 3 4; do cp -r c x$i && mv x$i y$i && ls y$i | wc -l && rm -r y$i || echo wrong; done) & two=$!
while kill -0 $one 2>/dev/null || kill -0 $two 2>/dev/null; do [ -e none$((n += 1)) ] && echo wrong; done
ls
"""


def tracer():
    """strace that makes every third removal on the host wait for 6 ms; or why there is none."""
    command = ["strace", "-f", "-qq", "-o", "/dev/null", "-e", "trace=unlinkat", "-e", "inject=unlinkat:delay_enter=6000:when=2+3"]
    if not shutil.which("strace"):
        return None, "strace is not installed"
    if subprocess.run(command + ["true"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode != 0:
        return None, "strace cannot delay calls here"
    return command, ""


def changes(tap):
    folder, name = work / "t", "changes while the disk makes some of them wait"
    command, why = tracer()
    if not command:
        return tap.skip(name, why)
    shutil.rmtree(folder, ignore_errors=True)
    for d in "abc":
        (folder / d).mkdir(parents=True)
        for i in range(40):
            (folder / d / f"f{i}").write_text(f"{d}{i}\n")
    run = [bailey, "run", "-v", f"{folder}:{folder}", "-w", str(folder), "--", "/bin/sh", "-c", SCRIPT]
    try:
        p = subprocess.run(command + run, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=120)
        out = p.stdout + p.stderr
    except subprocess.TimeoutExpired:
        out = "hangs"
    tap.ok(name, out == "40\n" * 4 + "c\n" and sorted(os.listdir(folder)) == ["c"] and len(os.listdir(folder / "c")) == 40, out)
    shutil.rmtree(folder, ignore_errors=True)
