# SPDX-License-Identifier: MIT
"""Sudden deaths at random moments, low limits of the caller, full disks, stops and freezes."""
import os, pathlib, random, re, shutil, signal, subprocess, sys, tempfile, time

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))
from victims import *

busy = compile_guest(HERE / "busy.c", work / "busy")
blocked = compile_guest(HERE / "blocked.c", work / "blocked")


# ---- SIGKILL at random moments ----

def killed_monitor(tap):
    problems = []
    mounts = read("/proc/self/mounts")
    last = None
    for n in range(ROUNDS // 3):
        s = start("/guest/busy", "6", "60", options=["-m", "512m"] if n % 3 == 0 else [])
        if not s.wait_line("up"):
            problems.append(f"round {n}: did not start: {s.end(1)}")
            break
        time.sleep(random.random() * 0.3)
        seen = tree(s.pid)
        s.p.kill()
        s.p.wait()
        gone(seen, problems)
        s.p.stdout.close(), s.p.stderr.close()
        last = s.pid
        if problems:
            problems.append(f"in round {n}")
            break
    if last:
        swept(last, problems)
    if read("/proc/self/mounts") != mounts:
        problems.append("mounts changed")
    tap.ok(f"SIGKILL of the monitor: nothing is left within a second ({ROUNDS // 3} rounds)", not problems, "\n".join(problems))


def killed_monitor_early(tap):
    """Not only when all runs: at any moment of the start."""
    problems = []
    for n in range(ROUNDS // 3):
        s = start("/guest/busy", "3", "60", options=["-m", "256m"] if n % 2 else [])
        time.sleep(random.random() * 0.02)
        seen = tree(s.pid)
        s.p.kill()
        s.p.wait()
        gone(seen, problems)
        s.p.stdout.close(), s.p.stderr.close()
        swept(s.pid, problems)
        if problems:
            problems.append(f"in round {n}")
            break
    tap.ok(f"SIGKILL of the monitor while it starts ({ROUNDS // 3} rounds)", not problems, "\n".join(problems))


def killed_support(tap):
    """kproc, the namespace's init, and the launcher, which is no member of it."""
    for name, find in [("kproc", lambda s: s.kproc()), ("init", lambda s: s.init()), ("the launcher", lambda s: s.launcher())]:
        killed_one_of_ours(tap, name, find)


def killed_one_of_ours(tap, name, find):
    problems = []
    for n in range(ROUNDS // 3):
        s = start("/guest/busy", "6", "60")
        if not s.wait_line("up"):
            problems.append(f"round {n}: did not start: {s.end(1)}")
            break
        wait_for(lambda: find(s), 5)
        time.sleep(random.random() * 0.3)
        seen = tree(s.pid)
        os.kill(find(s) or s.pid, signal.SIGKILL)
        gone(seen, problems)
        r = s.end(5)
        if r.code != 125 or len(re.findall(r"^bailey: ", r.err, re.M)) != 1:
            problems.append(f"wanted 125 and one sentence: {r}")
        if cgroups_of(s.pid) or state_file(s.pid):
            problems.append("a cgroup or the state file is left")
        if problems:
            problems.append(f"in round {n}")
            break
    tap.ok(f"SIGKILL of {name}: 125, one sentence, nothing left ({ROUNDS // 3} rounds)", not problems, "\n".join(problems))


def killed_picoprocess(tap):
    """Random victims: one in guest code must not end the sandbox; another may, with its reason."""
    problems, counts = [], dict(guest=0, library=0, panics=0)
    rounds = ROUNDS
    s, n, idle, reasons = None, 0, 0, {}
    while n < rounds and not problems:
        if idle > 200:
            problems.append(f"no process to kill is left in round {n}")
            break
        if not s or s.p.poll() is not None:
            s = start("/guest/busy", "6", "600")
            if not s.wait_line("up"):
                problems.append(f"round {n}: did not start: {s.end(1)}")
                break
        time.sleep(random.random() * 0.15)
        victims = s.picoprocesses()[2:]  # not kproc, not the first program
        if not victims:
            time.sleep(0.01)
            idle += 1
            continue
        idle = 0
        victim = random.choice(victims)
        n += 1
        where = strike(victim, counts, problems, 1)
        if not where:
            continue
        time.sleep(0.1)
        if s.p.poll() is None:
            continue
        r = s.end()
        counts["panics"] += 1
        why = re.sub(r"[0-9a-f]{4,}|\d+|\(\S+\)", "_", r.err.strip())[:100]
        reasons[why] = reasons.get(why, 0) + 1
        if where == "guest":
            problems.append(f"a victim in guest code ended the sandbox: {r}")
        elif r.code != 125 or not re.search(r"bailey: .*(lock|panic)", r.err):
            problems.append(f"wanted 125 and a reason: {r}")
    if s and s.p.poll() is None:
        seen = tree(s.pid)
        s.p.kill()
        s.p.wait()
        gone(seen, problems)
    tap.ok(f"SIGKILL of random picoprocesses ({rounds} rounds)", not problems, "\n".join(problems))
    tap.note(f"{counts['guest']} in guest code, {counts['library']} in the library OS, of which {counts['panics']} ended the sandbox\n" +
             "\n".join(f"{n} x {why}" for why, n in reasons.items()))


def killed_in_guest_code(tap):
    problems, guest = [], 0
    for n in range(ROUNDS // 6 or 1):
        s = start("/guest/busy", "spin", "6")
        if not s.wait_line("up"):
            problems.append(f"did not start: {s.end(1)}")
            break
        victims = s.picoprocesses()[2:]
        random.shuffle(victims)
        for v in victims:
            time.sleep(random.random() * 0.02)
            os.kill(v, signal.SIGSTOP)
            wait_for(lambda: stopped(v), 0.5, 0.001)
            guest += in_guest_code(v) is True
            os.kill(v, signal.SIGKILL)
        r = s.end(10)
        if r.code != 0 or "gone 6 killed 6" not in r.out:
            problems.append(f"round {n}, {len(victims)} victims: {r}")
            break
    tap.ok("victims that compute: their parent sees six SIGKILLs and runs on", not problems, "\n".join(problems))
    tap.note(f"{guest} of {6 * (n + 1)} were in guest code when they were stopped")


def killed_first_program(tap):
    s = start("/guest/busy", "3", "60")
    s.wait_line("up")
    seen = tree(s.pid)
    problems, picos = [], s.picoprocesses()
    if len(picos) < 2:
        return tap.ok("SIGKILL of the program itself: 137", False, s.end(1))
    os.kill(picos[1], signal.SIGKILL)
    gone(seen, problems)
    r = s.end(5)
    good = r.code == 137 or (r.code == 125 and "bailey: " in r.err)
    tap.ok("SIGKILL of the program itself: 137", good and not problems, f"{problems} {r}")


def killed_alone(tap):
    """A program without a second process has no kproc to report its end."""
    problems = []
    for n in range(ROUNDS // 6 or 1):
        s = start("/bin/sh", "-c", "echo up; while :; do :; done")
        s.wait_line("up")
        time.sleep(random.random() * 0.05)
        seen = tree(s.pid)
        os.kill(s.picoprocesses()[0], signal.SIGKILL)
        gone(seen, problems)
        r = s.end(5)
        if r.code != 137 or r.err:
            problems.append(f"round {n}: {r}")
    tap.ok("SIGKILL of a program that is alone: 137", not problems, "\n".join(problems))


# ---- limits of the caller ----

LIMITS = ["-f 0", "-f 1000", "-v 100000", "-v 2000000", "-n 4", "-n 8", "-n 16", "-n 64", "-u 1", "-u 64", "-s 64", "-d 1000", "-l 0", "-t 1", "-c unlimited",
          "-m 1000", "-i 0", "-q 0", "-x 0", "-Hn 16", "-Hf 10", "-Hv 100000", "-Hs 64", "-Hd 1000"]


def judge_limited(r):
    if r.code == 0 and r.out == "hi\n":
        return True
    lines = [l for l in r.err.splitlines() if l.strip()]
    return r.code == 125 and len(lines) == 1 and lines[0].startswith("bailey: ") and "(ulimit " in lines[0]


def low_limits(tap):
    who = [("caller", [])]
    if os.geteuid() == 0 and shutil.which("setpriv"):
        who.append(("nobody", ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]))
    for name, prefix in who:
        bailey = bailey_for(build, prefix)
        bad, fine = [], []
        for limit in LIMITS:
            script = f"ulimit {limit} 2>/dev/null || exit 99; exec {bailey} run -w / -- /bin/sh -c 'echo hi; (exit 0) | cat; exit 0'"
            r = run(prefix + ["bash", "-c", script], timeout=15, env={**os.environ, "XDG_RUNTIME_DIR": ""})
            if r.code == 99:
                continue
            (fine if judge_limited(r) else bad).append((limit, r))
        tap.ok(f"low limits give a sandbox or one sentence ({name})", not bad, "\n".join(f"ulimit {l}: {r}" for l, r in bad))
        said = [f"{l}: {r.err.strip()}" for l, r in fine if r.code]
        tap.note(f"{len(fine)} limits, {len(said)} said no:\n" + "\n".join(said))


def memory_used_up(tap):
    """At the limit of -m a guest is killed, or told that there is no memory; the sandbox goes on."""
    eater = compile_guest(HERE / "eater.c", work / "eater")

    def ask(script, limit="64m"):
        return run([bailey, "run", "-m", limit, "-v", f"{work}:/guest:ro", "-w", "/", "--", "/bin/sh", "-c", script], timeout=60)

    watched = "is held by the sandbox itself only" not in ask("true").err

    def check(name, good, r):
        tap.ok(f"memory used up: {name}", good, str(r))

    r = ask("/guest/eater 200; echo rc $?; /guest/eater 20; echo rc $?; cat /sys/fs/cgroup/memory.events; dmesg || :")
    lines = r.out.splitlines()
    if watched:
        check("the eater is killed, the next one that fits is not", r.code == 0 and lines[:2] == ["rc 137", "rc 0"] and "oom_kill 1" in lines, r)
        check("the kernel log says so", os.geteuid() != 0 or re.search(r"Memory cgroup out of memory: Killed process \d+ \(eater\) total-vm:", r.out), r)
    else:
        check("the eater is told", r.code == 0 and lines[:2] == ["rc 3", "rc 0"], r)
    r = ask("/guest/eater 15 8; echo rc $?")
    m = re.search(r"killed (\d+) fine (\d+) refused (\d+)\nrc 0\n", r.out)
    check("of eight children some end well", m and int(m[2]) >= 2 and int(m[1]) + int(m[3]) >= 1, r)
    if watched:
        r = ask("echo -1000 > /proc/self/oom_score_adj; /guest/eater 40 & (echo 500 > /proc/self/oom_score_adj; exec /guest/eater 100); "
                "echo rc $?; wait $! && echo fine")
        check("oom_score_adj decides", r.out == "rc 137\nfine\n", r)
        r = run([bailey, "run", "-m", "64m", "-v", f"{work}:/guest:ro", "-w", "/", "--", "/guest/eater", "200"], timeout=60)
        check("the only process is killed", r.code == 137, r)
    r = ask("dd if=/dev/zero of=/dev/shm/x bs=1M count=200 2>&1 | grep -c 'No space'; rm /dev/shm/x; head -c 200m /dev/zero > /var/tmp/big; rm -f /var/tmp/big; echo alive; "
            "cat /sys/fs/cgroup/memory.events | grep oom_kill; /bin/true && echo fine")
    check("files in memory get ENOSPC and nobody is killed", r.code == 0 and r.out == "1\nalive\noom_kill 0\nfine\n", r)


def full_disk(tap):
    bad = []

    def check(name, r, code=0, out=None):
        if r.code != code or (out is not None and r.out != out):
            bad.append(f"{name}: {r}")

    noisy = ["/bin/sh", "-c", "for i in 1 2 3 4 5 6 7 8; do (exit 0); done; echo hi"]
    if os.path.exists("/dev/full"):
        check("--log /dev/full", run([bailey, "run", "-w", "/", "--trace", "lx,mon", "--log", "/dev/full", "--"] + noisy), out="hi\n")
        with open("/dev/full", "w") as full:
            p = subprocess.run([bailey, "run", "-w", "/", "--", "/bin/sh", "-c", "echo hi || exit 5; exit 6"], stdout=full, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL)
            if p.returncode != 5:
                bad.append(f"output to a full disk: {p.returncode}, the program should see ENOSPC; {p.stderr[-200:]}")
            p = subprocess.run([bailey, "run", "-w", "/", "--trace", "lx,mon", "--"] + noisy, stderr=full, stdout=subprocess.PIPE, stdin=subprocess.DEVNULL)
            if p.returncode != 0 or p.stdout != b"hi\n":
                bad.append(f"log to a full disk on standard error: {p.returncode} {p.stdout}")
    mounted = None
    if os.geteuid() == 0:
        d = tempfile.mkdtemp(prefix="bailey-full-")
        if run(["mount", "-t", "tmpfs", "-o", "size=64k", "none", d]).code == 0:
            mounted = d
            check("--log on a small disk that fills", run([bailey, "run", "-w", "/", "--trace", "lx,mon", "--log", f"{d}/log", "--"] + noisy), out="hi\n")
            check("files on a full disk", run([bailey, "run", "-v", f"{d}:/full", "-w", "/", "--", "/bin/sh", "-c", "head -c 200000 /dev/zero >/full/x 2>/dev/null && exit 1; exit 4"]), code=4)
            run(["umount", d])
        os.rmdir(d)
    # A log nobody reads: the sandbox must not wait for it.
    r, w = os.pipe()
    p = subprocess.Popen([bailey, "run", "-w", "/", "--trace", "lx,mon", "--", "/bin/sh", "-c", "for i in 1 2 3 4 5 6 7 8 9; do ls /usr/lib >/dev/null; done; exit 3"],
                         stderr=w, stdout=subprocess.DEVNULL, stdin=subprocess.DEVNULL)
    try:
        if p.wait(30) != 3:
            bad.append(f"a log that nobody reads: exit {p.returncode}")
    except subprocess.TimeoutExpired:
        end_tree(p.pid)
        bad.append("a log that nobody reads stops the sandbox")
        p.wait()
    os.close(r), os.close(w)
    tap.ok("full disks and a log that nobody reads" + ("" if mounted else " (without a small disk of our own)"), not bad, "\n".join(bad))


# ---- stop, freeze, attach ----

def blocked_test(tap, name, disturb, budget=3):
    s = start("/guest/blocked", str(budget), stdin=subprocess.PIPE)
    out = s.wait_line("blocked")
    if not out:
        return tap.ok(name, False, f"did not start: {s.end(1)}")
    said = disturb(s)
    s.p.stdin.write(b"go\n")
    s.p.stdin.close()
    s.p.stdin = None
    r = s.end(60)
    tap.ok(name, r.code == 0 and "BAD" not in r.out and not said, f"{said or ''}\n{r}")


def signal_all(s, sig, order=None):
    for p in order or s.picoprocesses():
        try:
            os.kill(p, sig)
        except ProcessLookupError:
            pass


def stop_and_continue(tap):
    def each(s):
        for _ in range(8 if soak else 2):
            for p in s.picoprocesses():
                signal_all(s, signal.SIGSTOP, [p])
                time.sleep(0.001)
                signal_all(s, signal.SIGCONT, [p])

    def whole(s):
        for i in range(10 if soak else 3):
            all_of_it = s.picoprocesses()
            if i % 2:
                all_of_it = [s.pid] + all_of_it
            random.shuffle(all_of_it)
            signal_all(s, signal.SIGSTOP, all_of_it)
            time.sleep(0.2)
            random.shuffle(all_of_it)
            signal_all(s, signal.SIGCONT, all_of_it)
            time.sleep(0.05)

    blocked_test(tap, "SIGSTOP and SIGCONT of each picoprocess in every blocking call", each)
    blocked_test(tap, "SIGSTOP and SIGCONT of the whole sandbox, monitor too", whole)


def storm(tap):
    """Processes are stopped and go on all the time while a busy guest works."""
    s = start("/guest/busy", "6", "20" if soak else "5")
    s.wait_line("up")
    end = time.time() + (18 if soak else 4)
    n = 0
    while time.time() < end and s.p.poll() is None:
        for p in s.picoprocesses():
            signal_all(s, signal.SIGSTOP, [p])
            n += 1
            time.sleep(random.random() * 0.003)
            signal_all(s, signal.SIGCONT, [p])
    r = s.end(60)
    tap.ok("a storm of SIGSTOP and SIGCONT on a busy sandbox", r.code == 0 and "done" in r.out, f"{n} stops; {r}")


def debugger(tap):
    if not shutil.which("gdb"):
        return tap.skip("gdb attaches and detaches in every blocking call", "there is no gdb")

    def attach(s):
        failed = []
        picos = s.picoprocesses()
        for p in picos if soak else picos[:3] + random.sample(picos[3:], min(9, len(picos) - 3)):
            r = subprocess.run(["gdb", "-q", "-nx", "-batch", "-p", str(p), "-ex", "info registers rip", "-ex", "detach"], capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=60)
            if "rip" not in r.stdout and stat_of(p):
                failed.append(f"gdb on {p}: {r.stderr[-200:]}")
        return "\n".join(failed)

    blocked_test(tap, "gdb attaches and detaches in every blocking call", attach, budget=6)


def straced(tap):
    if not shutil.which("strace"):
        return tap.skip("strace comes and goes in every blocking call", "there is no strace")

    def attach(s):
        for _ in range(3):
            args = sum((["-p", str(p)] for p in s.picoprocesses()), [])
            p = subprocess.Popen(["strace", "-f", "-o", "/dev/null"] + args, stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            time.sleep(0.3)
            p.send_signal(signal.SIGINT)
            p.wait(20)

    blocked_test(tap, "strace comes and goes in every blocking call", attach, budget=6)


def freezer(tap):
    name = "a cgroup freeze in every blocking call"
    v1, v2 = pathlib.Path("/sys/fs/cgroup/freezer"), None
    for top in (pathlib.Path("/sys/fs/cgroup"), pathlib.Path("/sys/fs/cgroup/unified")):
        if (top / "cgroup.procs").exists() and (top / "cgroup.controllers").exists():
            v2 = top
    if os.geteuid() != 0 or not (v1.exists() or v2):
        return tap.skip(name, "needs root and a cgroup tree")
    for kind, top in (("v1", v1 if v1.exists() else None), ("v2", v2)):
        if not top:
            continue
        folder = top / f"bailey-test-{os.getpid()}"
        try:
            folder.mkdir()
        except OSError as e:
            tap.skip(f"{name} ({kind})", str(e))
            continue

        def freeze(s):
            old = None
            try:
                for p in [s.pid] + s.picoprocesses():
                    (folder / "cgroup.procs").write_text(str(p))
            except OSError as e:
                return f"cannot move processes: {e}"
            for _ in range(5 if soak else 2):
                if kind == "v1":
                    (folder / "freezer.state").write_text("FROZEN")
                    wait_for(lambda: "FROZEN" in (folder / "freezer.state").read_text(), 5)
                    time.sleep(0.2)
                    (folder / "freezer.state").write_text("THAWED")
                else:
                    (folder / "cgroup.freeze").write_text("1")
                    wait_for(lambda: "frozen 1" in (folder / "cgroup.events").read_text(), 5)
                    time.sleep(0.2)
                    (folder / "cgroup.freeze").write_text("0")
                time.sleep(0.1)

        blocked_test(tap, f"{name} ({kind})", freeze)
        wait_for(lambda: not (folder / "cgroup.procs").read_text(), 5)
        try:
            folder.rmdir()
        except OSError:
            pass


run_tests(Tap(patterns), [killed_monitor, killed_monitor_early, killed_support, killed_picoprocess, killed_in_guest_code, killed_first_program, killed_alone, low_limits, memory_used_up, full_disk,
                          stop_and_continue, storm, debugger, straced, freezer])
