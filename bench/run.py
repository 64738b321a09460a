#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Measures beside native, and beside the peers installed, in the same run.

  run.py --bailey PATH [--rounds N] [--only NAME,...]

Each figure is the median over the rounds of ratios inside/native taken in the same round;
p99 beside it.  Runs are interleaved, so that other load falls on all alike.
"""
import argparse, json, os, pathlib, shutil, statistics, subprocess, sys, tempfile, time

HERE = pathlib.Path(__file__).resolve().parent
GOALS = {"getppid": 0.1, "clock_gettime": 1.2, "read_4k": 1.0, "stat_hit": 0.7, "open_enoent": 0.7, "pipe_pingpong": 1.2,
         "pipe_pingpong (1 cpu)": 1.2, "fork_wait": 2.0}


def micro(command):
    out = subprocess.run(command, capture_output=True, text=True, timeout=300)
    rows = {}
    for line in out.stdout.splitlines():
        name, med, p99 = line.split()
        rows[name] = (float(med), float(p99))
    if out.returncode != 0:
        print(f"# {' '.join(command[:4])}...: exit {out.returncode} {out.stderr.strip()[-200:]}", file=sys.stderr)
    return rows


def wall(command, n=15):
    times = []
    for _ in range(n):
        t = time.perf_counter()
        if subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode != 0:
            return None
        times.append((time.perf_counter() - t) * 1e3)
    return sorted(times)


def runc_bundle(work):
    b = pathlib.Path(work) / "bundle"
    b.mkdir()
    spec = {"ociVersion": "1.0.2", "root": {"path": "/", "readonly": True},
            "process": {"terminal": False, "user": {"uid": 0, "gid": 0}, "args": ["/bin/true"], "env": ["PATH=/usr/bin:/bin"], "cwd": "/"},
            "mounts": [{"destination": "/proc", "type": "proc", "source": "proc"}],
            "linux": {"namespaces": [{"type": t} for t in ("pid", "ipc", "uts", "mount", "network")]}}
    (b / "config.json").write_text(json.dumps(spec))
    return str(b)


def pss_of_tree(pid):
    todo, total, count = [pid], 0, 0
    while todo:
        p = todo.pop()
        try:
            total += int(next(l for l in open(f"/proc/{p}/smaps_rollup") if l.startswith("Pss:")).split()[1])
            count += 1
            for t in os.listdir(f"/proc/{p}/task"):
                todo += [int(c) for c in open(f"/proc/{p}/task/{t}/children").read().split()]
        except (OSError, StopIteration):
            pass
    return total, count


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("--bailey", required=True)
    ap.add_argument("--rounds", type=int, default=5)
    ap.add_argument("--only", default="")
    args = ap.parse_args()
    b = os.path.abspath(args.bailey)
    work = tempfile.mkdtemp(dir=os.path.dirname(b))
    exe = os.path.join(work, "micro")
    subprocess.run(["cc", "-O2", "-w", "-D_GNU_SOURCE", "-pthread", "-o", exe, str(HERE / "micro.c")], check=True)
    only = args.only.split(",") if args.only else []
    ratios, p99, absolute = {}, {}, {}
    for r in range(args.rounds):
        for pin in ([], ["taskset", "-c", "0"]):
            names = only or ([] if not pin else ["pipe_pingpong", "unix_pingpong"])
            native = micro(pin + [exe, work] + names)
            inside = micro(pin + [b, "run", "-w", work, "--", exe, "/tmp"] + names)
            for n in native:
                key = n + (" (1 cpu)" if pin else "")
                if n in inside and not (pin and not n.endswith("pingpong")):
                    ratios.setdefault(key, []).append(inside[n][0] / native[n][0])
                    p99.setdefault(key, []).append(inside[n][1] / native[n][1])
                    absolute.setdefault(key, []).append((native[n][0], inside[n][0]))
    print(f"{'operation':28}{'native ns':>12}{'inside ns':>12}{'ratio':>8}{'p99 ratio':>11}{'goal':>7}")
    for n in ratios:
        g = GOALS.get(n)
        m = statistics.median(ratios[n])
        print(f"{n:28}{statistics.median(a for a, _ in absolute[n]):12.0f}{statistics.median(i for _, i in absolute[n]):12.0f}{m:8.2f}"
              f"{statistics.median(p99[n]):11.2f}{g if g else '':>7}{'' if g is None or m <= g else '  missed'}")
    if not only:
        programs(b, work)
    shutil.rmtree(work, ignore_errors=True)


def programs(b, work):
    rows = [("true", ["/bin/true"], 3.0), ("python3 -c pass", ["/usr/bin/python3", "-c", "pass"], None), ("sh: 200 x true", ["/bin/sh", "-c", "i=0; while [ $i -lt 200 ]; do /bin/true; i=$((i+1)); done"], None)]
    peers = {}
    if shutil.which("runc") and os.geteuid() == 0:
        bundle = runc_bundle(work)
        peers["runc"] = lambda cmd, n=[0]: ["runc", "run", "--bundle", bundle, f"bench-{os.getpid()}"] if cmd == ["/bin/true"] else None
    print(f"\n{'program, ms (median, p99)':28}{'native':>16}{'inside':>18}{'ratio':>8}{'goal':>7}")
    for name, cmd, goal in rows:
        nat, ins = wall(cmd), wall([b, "run", "--"] + cmd)
        if not nat or not ins:
            print(f"{name:28} failed")
            continue
        mid = lambda v: v[len(v) // 2]
        ratio = mid(ins) / mid(nat)
        print(f"{name:28}{mid(nat):8.2f} {nat[-1]:7.2f}{mid(ins):10.2f} {ins[-1]:7.2f}{ratio:8.2f}{goal or '':>7}")
        for peer, make in peers.items():
            c = make(cmd)
            t = wall(c) if c else None
            if t:
                print(f"  {peer:26}{'':16}{mid(t):10.2f} {t[-1]:7.2f}{mid(t) / mid(nat):8.2f}   bailey/{peer} {mid(ins) / mid(t):.2f}")
    p = subprocess.Popen([b, "run", "--", "/bin/sleep", "30"])
    time.sleep(2)
    total, count = pss_of_tree(p.pid)
    print(f"\nidle sandbox (sleep): {total} kB PSS in {count} processes (goal 4096)")
    p.terminate()
    p.wait()


main()
