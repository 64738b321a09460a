# SPDX-License-Identifier: MIT
"""Exits under load, memory after many makes and drops, an idle sandbox's wake-ups."""
import os, pathlib, re, subprocess, sys, time

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "lib"))
from sandbox import *

build, soak, patterns = setup()
bailey = bailey_of(build)
work = work_folder(build, "torture")
exits_c = compile_guest(HERE / "exits.c", work / "exits")
churn_c = compile_guest(HERE / "churn.c", work / "churn")
churn_dynamic = compile_guest(HERE / "churn.c", work / "churn-dynamic", static=False)
SHOW = ["-v", f"{work}:/guest:ro", "-w", "/"]


def exits(tap):
    for way, n in (("exit", 300), ("kill", 100), ("signal", 100), ("exec", 100), ("mixed", 100)):
        n = 10000 if soak else n
        r = run([bailey, "run"] + SHOW + ["--", "/guest/exits", n, 8, way], timeout=1200 if soak else 60)
        if tap.ok(f"{n} processes with 8 threads in system calls end by {way}", r.code == 0 and "done" in r.out, str(r)):
            tap.note(r.out.strip())


def exits_side_by_side(tap):
    """Several families at once, so that exits meet exits."""
    n = 2000 if soak else 40
    script = " & ".join([f"/guest/exits {n} 8 mixed >/tmp/o{i} || touch /tmp/failed" for i in range(4)]) + " & wait; cat /tmp/o*; ls /tmp/failed 2>/dev/null && exit 1; exit 0"
    r = run([bailey, "run"] + SHOW + ["--", "/bin/sh", "-c", script], timeout=1200 if soak else 90)
    tap.ok(f"4 families of {n} such exits side by side", r.code == 0 and r.out.count("done") == 4, str(r))


def go_on(s):
    s.p.stdin.write(b"\n")
    s.p.stdin.flush()


def settle(s):
    """The arena's size when it no longer changes: deaths are handled a little later."""
    last, same = None, 0
    for _ in range(200):
        now = s.memory()
        same = same + 1 if now == last else 0
        if same >= 5:
            break
        last = now
        time.sleep(0.05)
    return last, s.memory("bailey-data")


def churn(tap):
    """Pages of kernel objects before and after: the shared memory itself also shows the largest crowd there ever was."""
    counts = dict(fork=1000, vfork=1000, exec=500, spawn=500, threads=1000, pipes=3000, files=3000, sockets=3000, maps=3000, shm=1000, signals=3000, epoll=3000)
    if soak:
        counts = {k: v * 300 for k, v in counts.items()}
        counts["fork"] = counts["exec"] = 1000000
    for kind, n in counts.items():
        for program in ("churn", "churn-dynamic") if kind == "spawn" or (kind == "exec" and not soak) else ("churn",):
            name = f"{n} rounds of {kind}{' (dynamic)' if program != 'churn' else ''} leave the arena as it was"
            s = Sandbox(bailey, SHOW, [f"/guest/{program}", kind, str(n)], stdin=subprocess.PIPE)
            if not s.wait_line("warm", 60):
                tap.ok(name, False, f"did not get warm: {s.end(1)}")
                continue
            before, data_before = settle(s)
            start = time.time()
            go_on(s)
            if not s.wait_line("spent", 36000 if soak else 60):
                tap.ok(name, False, f"did not come to its end: {s.end(1)}")
                continue
            took = time.time() - start
            after, data_after = settle(s)
            go_on(s)
            r = s.end()
            m = re.search(r"kernel objects (\d+) -> (\d+) KB", r.out)
            # One run of pages of each size is kept for the next object of that size.
            good = r.code == 0 and m and int(m[2]) - int(m[1]) <= 128 and data_after - data_before <= 256 * 1024
            tap.ok(name, good, str(r))
            tap.note(f"{took / n * 1e6:.0f} us each; {m and m[0]}; shared memory {before // 1024} -> {after // 1024} KB, data {data_before // 1024} -> {data_after // 1024} KB")


def switches(pid_list):
    total = {}
    for pid in pid_list:
        try:
            for tid in os.listdir(f"/proc/{pid}/task"):
                text = open(f"/proc/{pid}/task/{tid}/status").read()
                total[f"{stat_of(pid)[0]} {pid}/{tid}"] = sum(int(n) for n in re.findall(r"ctxt_switches:\s*(\d+)", text))
        except OSError:
            pass
    return total


def idle(tap):
    guests = [("a shell that reads", ["/bin/sh", "-c", "echo up; read x; exit 0"]),
              ("processes in many waits", ["/bin/sh", "-c", "(exec sleep 1000) & (exec cat /dev/zero | sleep 1000) & mkfifo /tmp/f; (cat /tmp/f) & sleep 0.3; echo up; read x; kill %1 %2 %3; exit 0"])]
    for name, guest in guests:
        s = Sandbox(bailey, ["-w", "/"], guest, stdin=subprocess.PIPE)
        if not s.wait_line("up"):
            tap.ok(f"idle: {name}", False, str(s.end(1)))
            continue
        time.sleep(2.5)  # a warm spare is dropped after a second
        before = switches(tree(s.pid))
        time.sleep(30 if soak else 5)
        after = switches(tree(s.pid))
        changed = [f"{k}: {after[k] - before.get(k, 0)}" for k in after if after[k] != before.get(k)]
        go_on(s)
        r = s.end()
        tap.ok(f"an idle sandbox makes no wake-up: {name}", not changed and len(before) >= 3, f"{changed} of {len(before)} threads\n{r}")
        tap.note(f"{len(before)} threads watched")


def many_sandboxes(tap):
    n = 200 if soak else 20
    procs = [subprocess.Popen([bailey, "run", "-w", "/", "--", "/bin/sh", "-c", f"echo {i}; exit {i % 100}"], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE) for i in range(n)]
    bad = []
    for i, p in enumerate(procs):
        out, err = p.communicate(timeout=120)
        if p.returncode != i % 100 or out.decode() != f"{i}\n":
            bad.append(f"{i}: exit {p.returncode}, {out!r} {err[-200:]!r}")
    tap.ok(f"{n} sandboxes at once", not bad, "\n".join(bad[:5]))


run_tests(Tap(patterns), [exits, exits_side_by_side, churn, idle, many_sandboxes])
