# SPDX-License-Identifier: MIT
"""What the death tests of Linux and of Windows programs share."""
import os, pathlib, random, re, signal, sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "lib"))
from sandbox import *

build, soak, patterns = setup()
bailey = bailey_of(build)
work = work_folder(build, "death")
ROUNDS = int(os.environ.get("ROUNDS", 500 if soak else 30))
WINDOW = (0x680000000000, 0x6A0000000000)
random.seed(os.environ.get("SEED", "1"))


def start(*guest, options=(), **kw):
    return Sandbox(bailey, ["-v", f"{work}:/guest:ro", "-w", "/"] + list(options), guest, **kw)


def gone(pid_list, problems, within=1.0):
    """Within a second nothing of these runs, and nothing holds their memory."""
    def memory():
        return bailey_memory_of([p for p in pid_list if stat_of(p)])

    def nothing():
        reap()  # a dying pid 1 waits until its namespace's dead, which come to us, are taken off
        return not leftovers(pid_list) and not [p for p in children(os.getpid()) if is_ours(p) and p not in started] and not memory()

    # A second on a machine of our own; where others keep the processors busy, as much more.
    within *= min(5, max(1, os.getloadavg()[0] / os.cpu_count()))
    if not wait_for(nothing, within):
        problems.append(f"still there after {within:.1f} s: {leftovers(pid_list + children(os.getpid()))}")
    reap()
    if memory():
        problems.append(f"shared memory is still held: {[(p, stat_of(p)) for p in memory()]}")


def swept(pid, problems):
    """After the next command nothing of a killed monitor is left."""
    r = run([bailey, "run", "-w", "/", "--", "/bin/true"])
    if r.code != 0:
        problems.append(f"the next command fails: {r}")
    if cgroups_of(pid):
        problems.append(f"cgroups left: {cgroups_of(pid)}")
    if state_file(pid):
        problems.append(f"state file left: {state_file(pid)}")


def in_guest_code(pid):
    """Of a stopped process: are all its threads in guest code?  None: cannot be told."""
    try:
        for tid in os.listdir(f"/proc/{pid}/task"):
            words = open(f"/proc/{pid}/task/{tid}/syscall").read().split()
            if words[0] == "running":
                return None
            pc = int(words[-1], 16)
            if words[0] != "-1" or WINDOW[0] <= pc < WINDOW[1]:
                return False
        return True
    except (OSError, ValueError, IndexError):
        return None


def stopped(pid):
    try:
        return all(re.search(r"^State:\s+T", open(f"/proc/{pid}/task/{t}/status").read(), re.M) for t in os.listdir(f"/proc/{pid}/task"))
    except OSError:
        return True


def strike(victim, counts, problems, within):
    """SIGKILLs it, and counts where it was: "guest" code or the "library" OS, which is returned.  None: it was gone already."""
    try:
        os.kill(victim, signal.SIGSTOP)
        wait_for(lambda: stopped(victim), 0.5, 0.001)
        guest = in_guest_code(victim)
        os.kill(victim, signal.SIGKILL)
    except ProcessLookupError:
        return None
    where = "guest" if guest else "library"
    counts[where] += 1
    if not wait_for(lambda: not leftovers([victim]), within):
        problems.append(f"the victim {victim} is still there")
    return where
