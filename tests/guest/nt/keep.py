#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""bailey run --registry: what is kept, killed at any moment, damaged files, two sandboxes.  keep.py --bailey PATH [--kills N]"""
import argparse, os, pathlib, random, shutil, subprocess, sys, tempfile, time

HERE = pathlib.Path(__file__).resolve().parent
CC = "x86_64-w64-mingw32-gcc"


def below(pid):
    """A process and all that it has made."""
    found = [pid]
    try:
        for task in os.listdir(f"/proc/{pid}/task"):
            for child in open(f"/proc/{pid}/task/{task}/children").read().split():
                found += below(int(child))
    except OSError:
        pass
    return found


class Keep:
    def __init__(self, bailey, folder):
        self.bailey, self.folder, self.file = bailey, folder, folder / "kept.hiv"
        self.program = folder / "keep.exe"
        subprocess.run([CC, "-O1", "-static", "-o", str(self.program), str(HERE / "keep" / "keep.c")], check=True)

    def command(self, file, *args):
        return [self.bailey, "run", "--registry", str(file), "-v", f"{self.folder}:{self.folder}", "--", str(self.program), *args]

    def run(self, file=None):
        return subprocess.run(self.command(file or self.file), stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60)

    def counts(self):
        for n in range(1, 4):
            r = self.run()
            if r.returncode != 0 or r.stdout.strip() != f"{n} {n}":
                return f"run {n}: {r}"

    def killed(self, times):
        """Each time all processes at once; what was flushed before is there."""
        for i in range(times):
            p = subprocess.Popen(self.command(self.file, "on"), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
            said = [int(n) for n in p.stdout.readline().split()]
            time.sleep(random.uniform(0, 0.1))
            for pid in below(p.pid):
                try:
                    os.kill(pid, 9)
                except OSError:
                    pass
            p.wait()
            p.stdout.close()
            r = self.run()
            if r.returncode != 0 or [int(n) for n in r.stdout.split()] < said:
                return f"kill {i}: {said} had been flushed, {r}"

    def damaged(self):
        """In the head, and in what a key is made of: 125, one sentence, and the file is as it was."""
        whole = self.file.read_bytes()
        for at, size in ((100, 1), (4096 + 40, 160), (len(whole) - 4096, 0)):
            bad = self.folder / "bad.hiv"
            data = whole[:at] if size == 0 else whole[:at] + b"\xff" * size + whole[at + size:]
            bad.write_bytes(data)
            r = self.run(bad)
            if r.returncode != 125 or len(r.stderr.splitlines()) != 1 or r.stdout or bad.read_bytes() != data:
                return f"at {at}: {r}"

    def two(self):
        p = subprocess.Popen(self.command(self.file, "on"), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
        p.stdout.readline()
        r = self.run()
        p.terminate()
        p.stdout.close()
        p.wait()
        if r.returncode != 125 or "another sandbox" not in r.stderr:
            return f"{r}"


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("--bailey", required=True)
    ap.add_argument("--kills", type=int, default=5)
    args = ap.parse_args()
    if not shutil.which(CC) or not os.path.exists("/usr/lib/x86_64-linux-gnu/wine/x86_64-windows/ntdll.dll"):
        print("1..0 # SKIP needs mingw and libwine")
        return 0
    failed = 0
    with tempfile.TemporaryDirectory(prefix="bailey-keep-") as folder:
        k = Keep(os.path.abspath(args.bailey), pathlib.Path(folder))
        cases = [("what is written is there in the next run", k.counts), ("killed while it writes", lambda: k.killed(args.kills)),
                 ("damaged files are left as they are", k.damaged), ("one sandbox at a time", k.two)]
        print(f"1..{len(cases)}")
        for n, (name, fn) in enumerate(cases, 1):
            why = fn()
            failed += why is not None
            print(f"{'not ' if why else ''}ok {n} - nt registry: {name}" + (f"\n# {why}" if why else ""), flush=True)
    return failed != 0


sys.exit(main())
