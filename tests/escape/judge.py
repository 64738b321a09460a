# SPDX-License-Identifier: MIT
"""Runs one hostile guest and judges what got out, and what is different on the host afterwards (nothing)."""
import fcntl, os, pathlib, re, shutil, stat, subprocess, sys, tempfile, threading, time

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "lib"))
from sandbox import *

USER = 64999  # nobody's number
PATIENCE = 120
build, soak, patterns = setup()
one = "--one" in patterns or os.geteuid() != 0
patterns = [p for p in patterns if p != "--one"]
bailey = bailey_of(build)
work = work_folder(build, "escape")
MARKER = "OUTSIDE-" + "SECRET-4711"


def symbol(name):
    out = subprocess.run(["nm", build / "pal/pal.img"], capture_output=True, text=True).stdout
    m = re.search(rf"^([0-9a-f]+) \w {name}$", out, re.M)
    return m[1] if m else None


class Place:
    """outside/ must never be reached; vol/ is granted read-write, ro/ read-only."""

    def __init__(self):
        # A hidden place of the default view, so that nothing but a mistake shows it.
        self.top = pathlib.Path(tempfile.mkdtemp(prefix="bailey-escape-", dir="/var/tmp"))
        self.outside, self.vol, self.ro = self.top / "outside", self.top / "vol", self.top / "ro"
        for d in (self.outside / "deep", self.vol / "real", self.ro):
            d.mkdir(parents=True)
        for f in (self.outside / "secret", self.outside / "deep/secret", self.outside / "secret-name", self.top / "beside"):
            f.write_text(MARKER + "\n")
        (self.outside / "suid").write_text("x")
        (self.outside / "suid").chmod(0o4711)
        (self.ro / "file").write_text("readable\n")
        (self.ro / "evil").symlink_to(self.outside)
        (self.vol / "own").write_text("own\n")
        (self.vol / "real/secret").write_text("innocent\n")
        (self.vol / "evil").symlink_to(self.outside)
        (self.vol / "abs").symlink_to(self.outside / "secret")
        (self.vol / "up").symlink_to("..")
        (self.vol / "chain").symlink_to("evil")
        (self.vol / "host").mkdir()
        os.chmod(self.top, 0o755)

    def options(self):
        return ["-v", f"{self.vol}:/vol", "-v", f"{self.ro}:/ro:ro", "-v", f"{work}:/guest:ro", "-w", "/"]

    def hash(self):
        return "\n".join([tree_hash(self.outside), tree_hash(self.ro), self.top.joinpath("beside").read_text()] + sorted(os.listdir(self.top)))

    def dangerous(self):
        """Devices and set-ID files that a guest made where other host users meet them."""
        bad = []
        for base, dirs, files in os.walk(self.vol):
            for name in dirs + files:
                try:
                    s = os.lstat(os.path.join(base, name))
                except FileNotFoundError:
                    continue  # where the host itself renames and removes beside the guest
                if stat.S_ISCHR(s.st_mode) or stat.S_ISBLK(s.st_mode) or (stat.S_ISREG(s.st_mode) and s.st_mode & 0o6000):
                    bad.append(f"{name} {s.st_mode:o}")
        return bad

    def remove(self):
        shutil.rmtree(self.top, ignore_errors=True)


def bystander():
    """Another sandbox that must run on untouched."""
    s = Sandbox(bailey, ["-w", "/"], ["/bin/sh", "-c", "n=0; while read line; do n=$((n+1)); echo $line-$n; done; exit 7"], stdin=subprocess.PIPE)
    s.p.stdin.write(b"a\n")
    s.p.stdin.flush()
    return s if s.wait_line("a-1", PATIENCE) else None


def bystander_fine(s):
    s.p.stdin.write(b"b\n")
    s.p.stdin.flush()
    alive = s.wait_line("b-2", PATIENCE) is not None
    s.p.stdin.close()
    s.p.stdin = None
    return alive and s.end(PATIENCE).code == 7


class Watch:
    """Samples what the sandbox's processes hold while it runs."""

    def __init__(self, pid):
        self.pid, self.kinds, self.seen, self.strange, self.sizes, self.stop = pid, set(), {}, set(), {}, False
        self.thread = threading.Thread(target=self.loop, daemon=True)
        self.thread.start()

    def sample(self):
        now = tree(self.pid)
        self.seen.update((p, started_at(p)) for p in now)
        held = sockets(now)
        unknown = {inode for kind, inode in held if kind == "unknown"}
        # Closed between two looks, or of a family that nobody may have: then it is there a second time.
        self.kinds |= {k for k, _ in held if k != "unknown"} | ({"unknown"} if unknown & self.strange else set())
        self.strange = unknown
        for fd in os.listdir(f"/proc/{self.pid}/fd"):
            m = re.match(r"/memfd:bailey-(arena|data|pal)\b", os.readlink(f"/proc/{self.pid}/fd/{fd}"))
            if m:
                size = os.stat(f"/proc/{self.pid}/fd/{fd}").st_size
                if size: # 0: just made, not given its size yet
                    self.sizes.setdefault(m[1], set()).add(size)

    def loop(self):
        while not self.stop:
            try:
                self.sample()
            except OSError:
                pass
            time.sleep(0.15)

    def end(self):
        self.stop = True
        self.thread.join()


class Pipe:
    """A pipe that a sandbox inherits one end of: what is written there, and what its flags are."""

    def __init__(self, out):
        self.r, self.w = os.pipe()
        self.ours, self.theirs = (self.r, self.w) if out else (self.w, self.r)
        self.data, self.before = b"", self.look()
        self.thread = threading.Thread(target=self.loop, daemon=True) if out else None

    def look(self):
        st = os.fstat(self.theirs)
        return [fcntl.fcntl(self.theirs, c) for c in (fcntl.F_GETFL, fcntl.F_GETOWN, fcntl.F_GETSIG, 1032)] + [st.st_mode, st.st_uid, st.st_gid]

    def loop(self):
        while block := os.read(self.r, 65536):
            self.data = (self.data + block)[-1 << 20:]

    def end(self):
        """Closes the sandbox's end; what it looked like before and after."""
        after = self.look()
        os.close(self.theirs)
        if self.thread:
            self.thread.join(PATIENCE)
        return self.before, after


def attack(tap, name, args, timeout=PATIENCE, options=(), input=None, judge=None, want_done=True, guest="/guest/hostile", kinds=("unix",)):
    """One hostile guest, with everything compared before and after."""
    for tries in range(3):
        r, problems, elsewhere = attack_once(args, timeout, options, input, judge, want_done, guest, kinds)
        # Somebody else on the machine may mount or log in just now; a sandbox that did it does it again.
        if problems or not elsewhere:
            break
    problems += elsewhere
    done = re.findall(r"^done .*$", r.out, re.M)
    tap.ok(name, not problems, "\n".join(problems + [str(r)]))
    if done and not problems:
        tap.note(f"{done[-1]} ({r.took:.1f} s)")
    return r


def attack_once(args, timeout, options, input, judge, want_done, guest, kinds):
    place, other = Place(), bystander()
    if not other:
        place.remove()
        return Result(None, "", "", 0), ["a bystander does not start"], []
    before, host = place.hash(), host_state()
    pipes = {"standard input": Pipe(False), "standard output": Pipe(True), "standard error": Pipe(True)}
    i, o, e = pipes.values()
    start = time.time()
    s = Sandbox(bailey, place.options() + list(options), [guest] + [str(a) for a in (args(place) if callable(args) else args)], stdin=i.theirs, stdout=o.theirs, stderr=e.theirs)
    watch = Watch(s.pid)
    o.thread.start()
    e.thread.start()
    if input is not None:
        threading.Thread(target=lambda: feed(i.ours, input), daemon=True).start()
    else:
        os.close(i.ours)
    try:
        code = s.p.wait(timeout)
    except subprocess.TimeoutExpired:
        end_tree(s.pid)
        s.p.wait()
        code = None
    took = time.time() - start
    watch.end()
    problems = []
    ours = lambda: [p for p in set(children(os.getpid())) - set(tree(other.pid)) if is_ours(p)] + leftovers([p for p, t in watch.seen.items() if started_at(p) == t])
    if not wait_for(lambda: reap() or not ours(), PATIENCE / 4):
        problems.append(f"left running: {[(p, stat_of(p)) if isinstance(p, int) else p for p in ours()]}")
        for p in children(os.getpid()):
            if p not in tree(other.pid):
                end_tree(p)
    for what, p in pipes.items():
        was, now = p.end()
        if was != now:
            problems.append(f"flags, mode or owner of the inherited {what} were {was}, are {now}")
    os.close(o.r)
    os.close(e.r)
    r = Result(code, o.data.decode(errors="replace"), e.data.decode(errors="replace"), took)
    bads = [l for l in r.out.splitlines() if l.startswith("BAD")]
    if bads:
        problems += bads[:30] + ([f"... {len(bads)} in all"] if len(bads) > 30 else [])
    if place.hash() != before:
        problems.append("the host's files outside the grant changed")
    if place.dangerous():
        problems.append(f"dangerous files in the granted folder: {place.dangerous()[:5]}")
    elsewhere = ["the host changed: " + d] if (d := differences(host, host_state())) else []
    if watch.kinds - set(kinds):
        problems.append(f"sockets of kind {watch.kinds}")
    if any(len(sizes) > 1 for sizes in watch.sizes.values()):
        problems.append(f"the size of the shared memory changed: {watch.sizes}")
    if r.code is None:
        run([bailey, "run", "-w", "/", "--", "/bin/true"])  # sweeps up what the killed one left
    if cgroups_of(s.pid) or state_file(s.pid):
        problems.append("a cgroup or the state file is left")
    if not bystander_fine(other):
        problems.append("another sandbox did not run on")
    if judge:
        problems += judge(r) or []
    elif r.code != 0 or (want_done and "done" not in r.out):
        problems.append("the attacker's own sandbox ended early")
    place.remove()
    return r, problems, elsewhere


def feed(fd, text):
    try:
        with os.fdopen(fd, "w") as f:
            f.write(text)
    except OSError:
        pass


# Where a guest hurts its own sandbox's memory, that may hang; it is killed then, and must leave nothing.
SHORT = 10 if soak else 4


def may_die(hung):
    """The sandbox may die of it, with a message; a guest that only hurt itself is fine."""

    def judge(r):
        if r.code is None:
            hung.append(r)
            return []
        if r.code < 0:
            return [f"bailey itself ended by signal {-r.code}"]
        if r.code == 125 and not re.search(r"^bailey: .", r.err, re.M):
            return ["no message"]
        return []

    return judge


# ---- all of it, as root and as a user ----

def as_both(script):
    """Runs this script, whose tools are built, as root and as a user at the same time; ends with what both say."""
    prefix = ["setpriv", f"--reuid={USER}", f"--regid={USER}", "--clear-groups"]
    can = shutil.which("setpriv") and run(prefix + [sys.executable, "-c", f"import os; open({bailey!r}, 'rb'), os.listdir({str(work)!r}), open({script!r})"], cwd="/").code == 0
    command = [sys.executable, "-B", script, str(build), "--one"] + patterns + (["--soak"] if soak else [])
    env = {k: v for k, v in os.environ.items() if k != "XDG_RUNTIME_DIR"}
    passes = [("root", subprocess.Popen(command, stdout=subprocess.PIPE, text=True))]
    if can:
        passes.append(("user", subprocess.Popen(prefix + command, stdout=subprocess.PIPE, text=True, cwd="/", env=env)))
    tap, lock = Tap(), threading.Lock()

    def merge(who, p):
        lines = []
        for line in p.stdout:
            lines.append(line)
        with lock:
            for line in lines:
                m = re.match(r"(not ok|ok) \d+ - (.*)", line)
                if m:
                    tap.n += 1
                    tap.failed += m[1] == "not ok"
                    print(f"{m[1]} {tap.n} - {who}: {m[2]}")
                elif not line.startswith("1.."):
                    print(line, end="")
            sys.stdout.flush()
        p.wait()

    threads = [threading.Thread(target=merge, args=p) for p in passes]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    if any(p.returncode not in (0, 1) for _, p in passes):
        tap.ok("both passes end by themselves", False, str([(w, p.returncode) for w, p in passes]))
    if not can:
        tap.skip("the same as an ordinary user", "no setpriv, or the folders of the build or of python are closed to others")
    shutil.rmtree(f"/tmp/bailey-{USER}", ignore_errors=True)
    tap.end()


BOMB_LIMITS = ["-m", "192m", "--pids", "200"]


def bombs(tap, kinds, throw):
    """The sandbox may die, with a sentence; nothing outside it may, and other sandboxes go on (attack looks).
    throw(kind, judge) runs one."""
    died = []

    def judge(kind):
        def look(r):
            if r.code is None:
                return ["it does not end"]
            if "survived" not in r.out:
                died.append(f"{kind}: exit {r.code} {r.err.strip()[-100:]}")
            if r.code < 0:
                return [f"bailey itself ended by signal {-r.code}"]
            return [] if r.code in (0, 137) or re.search(r"^bailey: .", r.err, re.M) else ["no message"]
        return look

    for kind in kinds:
        throw(kind, judge(kind))
    tap.note(f"{len(kinds) - len(died)} of {len(kinds)} sandboxes outlived their bomb\n" + "\n".join(died))
