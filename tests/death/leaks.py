# SPDX-License-Identifier: MIT
"""Many sandboxes, started and killed at random moments: afterwards nothing of them is left anywhere."""
import os, pathlib, random, re, signal, subprocess, sys, time

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "lib"))
from sandbox import *

build, soak, patterns = setup()
bailey = bailey_of(build)
COUNT = int(os.environ.get("COUNT", 2000 if soak else 120))
AT_ONCE = 4
random.seed(os.environ.get("SEED", "1"))
MARK = f"bailey-leaks-{os.getpid()}"
STATE = pathlib.Path("/run/bailey" if os.geteuid() == 0 else os.environ["XDG_RUNTIME_DIR"] + "/bailey" if os.environ.get("XDG_RUNTIME_DIR") else f"/tmp/bailey-{os.geteuid()}")
GUESTS = [["/bin/true"], ["/bin/sh", "-c", "sleep 5 & sleep 5"], ["/bin/sh", "-c", "for i in 1 2 3 4 5 6 7 8 9; do (ls / | cat) >/dev/null; done; sleep 3"],
          ["/bin/sh", "-c", "head -c 3000000 /dev/zero >/tmp/f; mkfifo /tmp/p; cat /tmp/p"], ["/bin/sh", "-c", "while :; do :; done"]]


def mounts():
    return sorted(read("/proc/self/mounts").splitlines())


def temporary():
    """What is ours in the places for temporary files."""
    found = set()
    for folder in ("/tmp", "/var/tmp", "/dev/shm", "/run"):
        found |= {f"{folder}/{n}" for n in os.listdir(folder) if re.match(r"bailey|pal|\.bailey", n)}
    return found


def state_names(pids_):
    names = os.listdir(STATE) if STATE.is_dir() else []
    return [n for n in names if re.sub(r"^(ctl|report)\.", "", n) in pids_ and not n.startswith("report.")]


def shared_memory():
    m = re.search(r"^Shmem:\s+(\d+)", read("/proc/meminfo"), re.M)
    return int(m[1]) if m else 0


def victim(p):
    """Mostly the monitor; else the launcher, init, kproc, a picoprocess."""
    if random.random() < 0.5:
        return p.pid
    others = children(p.pid)
    return random.choice(others) if others else p.pid


def strike(p):
    try:
        os.kill(victim(p), signal.SIGKILL if random.random() < 0.8 else random.choice([signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT]))
        if random.random() < 0.3:
            os.kill(p.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass


def one():
    options = ["-w", "/", "--name", MARK]
    if random.random() < 0.3:
        options += ["-m", "64m"]
    if random.random() < 0.3:
        options += ["--cpus", "1"]
    p = subprocess.Popen([bailey, "run"] + options + ["--"] + random.choice(GUESTS), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    # Mostly while it starts, where each step may be the last.
    p.until = time.time() + random.choice([random.random() * 0.01, random.random() * 0.05, random.random() * 0.5])
    return p


def finish(p):
    strike(p)
    try:
        p.wait(0.3)
    except subprocess.TimeoutExpired:
        p.kill()
        p.wait()


def thousands_leave_nothing(tap):
    before = mounts(), temporary(), shared_memory()
    seen, running = set(), []
    for i in range(COUNT):
        running.append(one())
        seen.add(str(running[-1].pid))
        while running and (len(running) == AT_ONCE or random.random() < 0.3):
            p = min(running, key=lambda p: p.until)
            time.sleep(max(0, p.until - time.time()))
            finish(p)
            running.remove(p)
            reap()
    for p in running:
        finish(p)
    problems = []
    # Pid 1 of a dead monitor's namespace ends by itself; all orphans come to us.
    if not wait_for(lambda: reap() or not [p for p in children(os.getpid()) if stat_of(p)], 30):
        problems.append(f"processes are left: {[(p, stat_of(p)) for p in children(os.getpid())][:10]}")
    r = run([bailey, "run", "-w", "/", "--", "/bin/true"])
    if r.code or r.err:
        problems.append(f"the next command: {r}")
    if state_names(seen):
        problems.append(f"files or sockets in {STATE}: {state_names(seen)[:10]}")
    groups = [os.path.join(b, d) for b, dirs, _ in os.walk("/sys/fs/cgroup") for d in dirs if d.startswith("bailey-") and d[7:] in seen]
    if groups:
        problems.append(f"cgroups: {groups[:10]}")
    if mounts() != before[0]:
        problems.append(f"mounts: {set(mounts()) ^ set(before[0])}")
    new = {t for t in temporary() - before[1] if not re.search(r"bailey-(escape|cli|outside|full|test|install|hidden|panic|\d+$)", t)}
    if new:
        problems.append(f"temporary files: {sorted(new)[:10]}")
    tap.ok(f"{COUNT} sandboxes killed at random moments leave no process, mount, cgroup, temporary file or socket", not problems, "\n".join(problems))
    tap.note(f"shared memory of the machine {before[2]} KB before, {shared_memory()} KB after (others use it too)")


run_tests(Tap(patterns), [thousands_leave_nothing])
