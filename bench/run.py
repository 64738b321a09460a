#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Measures beside native, and beside the peers installed, in the same run.

  run.py --bailey PATH [--rounds N] [--only NAME,...] [--part micro,programs,counts,idle]

Operations: each figure is the median over the rounds, p99 beside it; ratios are inside/native of the same
round.  Programs: native, inside and peers take turns, so that other load falls on all alike; their CPU time
says more than the clock on a busy machine.
"""
import argparse, json, math, os, pathlib, re, shutil, statistics, subprocess, sys, tempfile, time

from procs import pss, tree

HERE = pathlib.Path(__file__).resolve().parent
GOALS = {"getppid": 0.05, "clock_gettime": 1.2, "read_4k": 0.5, "pread_64k": 1.0, "write_4k_host": 1.1, "getdents_1000": 0.5, "first_open": 3.0,
         "stat_hit": 0.5, "open_enoent": 0.5, "open_close": 1.2, "create_unlink": 0.5, "signal_self": 0.2, "mmap_touch_64k": 1.1, "page_fault": 1.1,
         "epoll_wait_100": 0.5, "pipe_pingpong": 1.0, "unix_pingpong": 1.0, "futex_pingpong": 1.0, "thread_create_join": 1.3, "fork_wait": 1.5,
         "fork_exec_wait": 1.2, "posix_spawn_wait": 1.2}
SHELL_LOOP = "i=0; while [ $i -lt 200 ]; do /bin/true; i=$((i+1)); done"
PYTHON = "/usr/bin/python3"
CHANGED = f"/dev/shm/bailey-bench-{os.getpid()}"  # in memory: no disk is measured
QUIET = dict(stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def quantile(times, q):
    times = sorted(times)
    return times[min(len(times) - 1, math.ceil(q * len(times)) - 1)]


# ---- operations ----

def micro(command):
    out = subprocess.run(command, capture_output=True, text=True, timeout=300)
    rows = {}
    for line in out.stdout.splitlines():
        name, med, p99 = line.split()
        rows[name] = (float(med), float(p99))
    if out.returncode != 0:
        print(f"# {' '.join(command[:4])}...: exit {out.returncode} {out.stderr.strip()[-200:]}", file=sys.stderr)
    return rows


def operations(b, work, rounds, only):
    exe, host = os.path.join(work, "micro"), os.path.join(work, "host")
    subprocess.run(["cc", "-O2", "-w", "-D_GNU_SOURCE", "-pthread", "-o", exe, str(HERE / "micro.c")], check=True)
    for folder in ("many", "once"):
        os.makedirs(os.path.join(host, folder))
        for i in range(1000):
            pathlib.Path(host, folder, f"file-{i}").write_text(str(i))
    seen = {}
    for _ in range(rounds):
        for pin in ([], ["taskset", "-c", "0"]):
            names = only or ([] if not pin else ["pipe_pingpong", "unix_pingpong", "futex_pingpong"])
            native = micro(pin + [exe, work, host] + names)
            inside = micro(pin + [b, "run", "-v", f"{host}:{host}", "-w", work, "--", exe, "/tmp", host] + names)
            for n in native:
                if n in inside and not (pin and not n.endswith("pingpong")):
                    seen.setdefault(n + (" (1 cpu)" if pin else ""), []).append(native[n] + inside[n])
    print(f"{'operation, ns':28}{'native':>10}{'p99':>10}{'inside':>10}{'p99':>10}{'ratio':>8}{'of p99':>8}{'goal':>7}")
    for n, rows in seen.items():
        mid = [statistics.median(r[i] for r in rows) for i in range(4)]
        ratio, tail = (statistics.median(r[i + 2] / r[i] for r in rows) for i in (0, 1))
        g = GOALS.get(n)
        print(f"{n:28}{mid[0]:10.0f}{mid[1]:10.0f}{mid[2]:10.0f}{mid[3]:10.0f}{ratio:8.2f}{tail:8.2f}{g or '':>7}{'  missed' if g and ratio > g else ''}")


# ---- programs ----

def once(command):
    """(wall, CPU) in ms, with all children that were waited for; None if it failed."""
    t = time.perf_counter()
    p = subprocess.Popen(command, **QUIET)
    _, status, used = os.wait4(p.pid, 0)
    p.returncode = os.waitstatus_to_exitcode(status)
    return ((time.perf_counter() - t) * 1e3, (used.ru_utime + used.ru_stime) * 1e3) if p.returncode == 0 else None


def in_turn(commands, n):
    """{name: times} of each command that never failed."""
    times = {name: [] for name in commands}
    for _ in range(n):
        for name in list(times):
            t = once(commands[name])
            if t is None:
                del times[name]
            else:
                times[name].append(t)
    return times


def runc_command(work):
    """runc run of a folder with a static busybox, without pivot_root where the root is a ramfs; or why not."""
    if not shutil.which("runc"):
        return None, "runc is not installed"
    if os.geteuid() != 0:
        return None, "runc needs root here"
    busybox = shutil.which("busybox")
    if not busybox:
        return None, "runc needs a static busybox for its root folder"
    bundle = pathlib.Path(work) / "bundle"
    (bundle / "rootfs/bin").mkdir(parents=True)
    (bundle / "rootfs/proc").mkdir()
    shutil.copy(busybox, bundle / "rootfs/bin/true")
    spec = {"ociVersion": "1.0.2", "root": {"path": "rootfs", "readonly": True},
            "process": {"terminal": False, "user": {"uid": 0, "gid": 0}, "args": ["/bin/true"], "env": ["PATH=/usr/bin:/bin"], "cwd": "/",
                        "noNewPrivileges": True},
            "mounts": [{"destination": "/proc", "type": "proc", "source": "proc"}],
            "linux": {"namespaces": [{"type": t} for t in ("pid", "ipc", "uts", "mount", "network")]}}
    (bundle / "config.json").write_text(json.dumps(spec))
    for extra in ([], ["--no-pivot"]):
        command = ["runc", "run"] + extra + ["--bundle", str(bundle), f"bailey-bench-{os.getpid()}"]
        if once(command) is not None:
            return command, "" if not extra else "with --no-pivot: pivot_root does not work here"
    return None, "runc run fails here"


def peers_for(cmd, work):
    """{name: command} of the peers that can run cmd, and remarks on those that cannot."""
    found, remarks = {}, []
    if cmd == ["/bin/true"]:
        command, remark = runc_command(work)
        if command:
            found["runc"] = command
        if remark:
            remarks.append(remark)
    for name, command in (("runsc", ["runsc", "--network=none", "--ignore-cgroups", "do"]), ("proot", ["proot"]), ("gramine-direct", None),
                          ("bwrap", ["bwrap", "--ro-bind", "/", "/", "--proc", "/proc", "--dev", "/dev", "--tmpfs", "/tmp", "--unshare-all"])):
        if not shutil.which(name):
            remarks.append(f"{name} is not installed")
        elif command is None:
            remarks.append(f"{name} needs a manifest: not run")
        elif once(command + cmd) is None:
            remarks.append(f"{name} fails here")
        else:
            found[name] = command + cmd
    return found, remarks


def program_row(name, times, native, goal):
    wall = [w for w, _ in times]
    mid = statistics.median(wall)
    print(f"{name:28}{mid:10.2f}{quantile(wall, 0.99):10.2f}{statistics.median(c for _, c in times):10.2f}{mid / native:8.2f}  {goal}")


def make_tree(work):
    """4,000 small files in 40 folders, and a C file of 1,000 lines and more."""
    tree = pathlib.Path(work, "tree")
    for d in range(40):
        (tree / f"d{d}").mkdir(parents=True)
        for f in range(100):
            (tree / f"d{d}" / f"f{f}.c").write_text("int x(void) { return %d; }\n" % d * (1 + (d * 100 + f) * 7919 % 120))
    pathlib.Path(work, "lines.c").write_text("#include <stdio.h>\n#include <string.h>\n" + "".join(
        f"int f{i}(int a, char *s)\n{{\n\tchar b[64];\n\tfor (int i = 0; i < a; i++)\n\t\tif (s[i] == {i})\n"
        f"\t\t\ta += snprintf(b, sizeof b, \"%d\", i) + (int)strlen(b);\n\treturn a * {i};\n}}\n" for i in range(125)))


SQL = """create table t(a integer primary key, b text, c int); begin;
with recursive n(i) as (select 1 union all select i+1 from n where i < 40000) insert into t select i, 'text' || i * 7919 % 40009, i % 97 from n;
commit; create index tb on t(b); select count(*), sum(c) from t where b like 'text1%'; update t set c = c + 1 where a % 3 = 0;
delete from t where a % 5 = 0; select sum(length(b)) from t;"""


def workloads(work):
    """(name, command, rounds, the ratio that is the goal; 0 = none)"""
    return (("true", ["/bin/true"], 100, 2.5), ("python3 -c pass", [PYTHON, "-c", "pass"], 30, 0), ("sh: 200 x true", ["/bin/sh", "-c", SHELL_LOOP], 10, 1.3),
            ("gcc -O2, 1,000 lines", ["/usr/bin/gcc", "-O2", "-c", f"{work}/lines.c", "-o", "/tmp/lines.o"], 5, 1.1),
            ("tar c, 4,000 files", ["/bin/sh", "-c", f"tar cf - -C {work} tree | cat >/dev/null"], 7, 1.5),
            ("grep -r, 4,000 files", ["/bin/sh", "-c", f"! grep -r nothing-here {work}/tree"], 7, 1.5),
            ("find /usr/lib", ["/usr/bin/find", "/usr/lib", "-name", "nothing"], 5, 1.0),
            ("find, 4,000 files", ["/usr/bin/find", f"{work}/tree", "-name", "nothing"], 7, 1.5),
            ("ls -lR, 4,000 files", ["/bin/ls", "-lR", f"{work}/tree"], 7, 1.5), ("ls -l /usr/bin", ["/bin/ls", "-l", "/usr/bin"], 7, 1.5),
            ("du, 4,000 files", ["/usr/bin/du", "-s", f"{work}/tree"], 7, 1.5),
            ("cp -r and rm -r of 1,000", ["/bin/sh", "-c", f"mkdir {CHANGED}/t && cp -r {work}/tree/d? {CHANGED}/t && rm -r {CHANGED}/t"], 7, 1.5),
            ("sqlite3", ["/usr/bin/sqlite3", "/tmp/bench.db", SQL.replace("create table t(", "drop table if exists t; create table t(")], 7, 1.1),
            ("node -e", ["/usr/bin/node", "-e", "console.log([1, 2, 3].map(x => x * x).join())"], 7, 1.2))


def verdict(name, native, inside, start, ratio):
    if name.startswith("python3"):
        limit, text = 1.5 * native + start, f"1.5 x native + start = {1.5 * native + start:.2f}"
    else:
        limit, text = ratio * native, f"{ratio} x native = {ratio * native:.2f}"
    return text + ("" if inside <= limit else "  missed")


def programs(b, work, only):
    start = 0
    make_tree(work)
    os.makedirs(CHANGED, exist_ok=True)
    print(f"\n{'program, ms':28}{'median':>10}{'p99':>10}{'CPU':>10}{'ratio':>8}  goal")
    for name, cmd, n, ratio in workloads(work):
        if only not in name:
            continue
        if not os.path.exists(cmd[0]):
            print(f"{name:28} {cmd[0]} is not installed")
            continue
        peers, remarks = peers_for(cmd, work)
        times = in_turn({"native": cmd, "bailey": [b, "run"] + (["-v", f"{CHANGED}:{CHANGED}"] if CHANGED in cmd[-1] else []) + ["--"] + cmd, **peers}, n)
        if "native" not in times or "bailey" not in times:
            print(f"{name:28} failed")
            continue
        native, inside = (statistics.median(w for w, _ in times[k]) for k in ("native", "bailey"))
        start = start or inside
        program_row(name + ", native", times["native"], native, "")
        program_row("  in bailey", times["bailey"], native, verdict(name, native, inside, start, ratio))
        for peer in peers:
            if peer in times:
                mid = statistics.median(w for w, _ in times[peer])
                program_row(f"  in {peer}", times[peer], native, f"bailey / {peer} = {inside / mid:.2f}")
        if name == "true":
            for r in remarks:
                print(f"  ({r})")


# ---- counts ----

def counts_of(b, cmd):
    """(traps, requests, {kind: count}) that --stats says."""
    err = subprocess.run([b, "run", "--stats", "--"] + cmd, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True).stderr
    traps = re.search(r"(\d+) system calls trapped", err)
    requests = re.search(r"(\d+) requests to the monitor:(.*)", err)
    if not traps or not requests:
        return None
    return int(traps[1]), int(requests[1]), {k: int(v) for k, v in re.findall(r"([A-Z]+)=(\d+)", requests[2])}


def counts(b):
    print(f"\n{'start of a program':28}{'traps':>10}{'requests':>10}  of which")
    for name, cmd in (("true", ["/bin/true"]), ("python3 -c pass", [PYTHON, "-c", "pass"]), ("sh", ["/bin/sh", "-c", ":"])):
        c = counts_of(b, cmd) if os.path.exists(cmd[0]) else None
        if c:
            print(f"{name:28}{c[0]:10}{c[1]:10}  " + " ".join(f"{k} {v}" for k, v in c[2].items()))
    none, many = counts_of(b, ["/bin/sh", "-c", ":"]), counts_of(b, ["/bin/sh", "-c", SHELL_LOOP])
    if none and many:
        each = {k: (many[2].get(k, 0) - none[2].get(k, 0)) / 200 for k in many[2]}
        print(f"{'each further true of a sh':28}{(many[0] - none[0]) / 200:10.2f}{(many[1] - none[1]) / 200:10.2f}  " +
              " ".join(f"{k} {v:.2f}" for k, v in each.items() if abs(v) >= 0.005))


# ---- idle ----


def cgroup_memory(pids):
    """(bytes, file) of the memory cgroup the sandbox made for itself, or None."""
    for pid in pids:
        try:
            lines = open(f"/proc/{pid}/cgroup").read().splitlines()
        except OSError:
            continue
        for line in lines:
            _, names, path = line.split(":", 2)
            if "/bailey-" not in path:
                continue
            file = f"/sys/fs/cgroup/memory{path}/memory.usage_in_bytes" if names == "memory" else f"/sys/fs/cgroup{path}/memory.current"
            if (names == "memory" or not names) and os.path.exists(file):
                return int(open(file).read()), file
    return None


def idle_many(b, n=50):
    running = [subprocess.Popen([b, "run", "-w", "/", "--", "/bin/sleep", "60"], **QUIET) for _ in range(n)]
    time.sleep(4)
    pids = [pid for p in running for pid in tree(p.pid)]
    total = sum(map(pss, pids)) / 1024
    print(f"{n} idle sandboxes: {total:.1f} MB PSS in {len(pids)} processes (goal 75){'' if total <= 75 else '  missed'}")
    for p in running:
        p.terminate()
    for p in running:
        p.wait()


def idle(b):
    for options in ([], ["-m", "512m"]):
        p = subprocess.Popen([b, "run", "-w", "/"] + options + ["--", "/bin/sleep", "30"], **QUIET)
        time.sleep(2)
        pids = tree(p.pid)
        if not options:
            print(f"\nidle sandbox (sleep): {sum(map(pss, pids))} kB PSS in {len(pids)} processes (goal 4096)")
        else:
            found = cgroup_memory(pids)
            print(f"idle sandbox (sleep, -m 512m): {found[0] // 1024} kB in {os.path.basename(found[1])} of its control group" if found else
                  "idle sandbox: no memory control group is ours to make, so no memory.current")
        p.terminate()
        p.wait()
    idle_many(b)


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("--bailey", required=True)
    ap.add_argument("--rounds", type=int, default=5)
    ap.add_argument("--only", default="")
    ap.add_argument("--part", default="")
    ap.add_argument("--program", default="", help="of the programs, those whose name has this in it")
    args = ap.parse_args()
    b = os.path.abspath(args.bailey)
    parts = args.part.split(",") if args.part else ["micro"] if args.only else ["micro", "programs", "counts", "idle"]
    work = tempfile.mkdtemp(dir=os.path.dirname(b))
    try:
        if "micro" in parts:
            operations(b, work, args.rounds, args.only.split(",") if args.only else [])
        if "programs" in parts:
            programs(b, work, args.program)
        if "counts" in parts:
            counts(b)
        if "idle" in parts:
            idle(b)
    finally:
        shutil.rmtree(work, ignore_errors=True)
        shutil.rmtree(CHANGED, ignore_errors=True)


main()
