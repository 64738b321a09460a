# SPDX-License-Identifier: MIT
"""What the tests of escape/, death/, torture/ and cli/ share: TAP lines, starting sandboxes,
finding their processes, and snapshots of the host to compare before and after.

The test process makes itself a subreaper, so that whatever a killed monitor leaves behind
becomes its child and is found, whoever else runs sandboxes on the same machine.
"""
import atexit, ctypes, hashlib, os, pathlib, re, select, shutil, signal, stat, subprocess, sys, tempfile, time

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
PR_SET_CHILD_SUBREAPER = 36
IMAGES = ("pal.img", "bailey")


def setup():
    """Arguments of every run.sh: BUILD_DIR [--soak] [PATTERN...].  Returns (build, soak, patterns)."""
    args = [a for a in sys.argv[1:] if a != "--soak"]
    if not args:
        sys.exit(f"usage: {sys.argv[0]} BUILD_DIR [--soak] [PATTERN...]")
    build = pathlib.Path(args[0]).resolve()
    if not (build / "cli/bailey").exists() and not (build / "bailey").exists():
        print(f"not ok 1 - there is no bailey in {build}: build first")
        sys.exit(1)
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    signal.signal(signal.SIGTERM, lambda *a: sys.exit(1))
    return build, "--soak" in sys.argv, args[1:]


def bailey_of(build):
    path = build / "bailey"
    return str(path if path.exists() else build / "cli/bailey")


def install(build, destdir):
    """Installs build below destdir as /usr/local; the path of the installed bailey."""
    subprocess.run(["make", "-s", "-C", str(ROOT), "install", f"B={build}", f"DESTDIR={destdir}", "PREFIX=/usr/local"], check=True,
                   stdin=subprocess.DEVNULL, capture_output=True)
    return f"{destdir}/usr/local/bin/bailey"


def bailey_for(build, prefix):
    """The bailey that `prefix` (a setpriv command) can start: the build's, or, where the build lies in
    somebody's home, an installed copy."""
    path = bailey_of(build)
    if run(prefix + ["/bin/sh", "-c", f"exec {path} --version"]).code == 0:
        return path
    copy = tempfile.mkdtemp(prefix="bailey-installed-", dir="/var/tmp")
    atexit.register(shutil.rmtree, copy, ignore_errors=True)
    os.chmod(copy, 0o755)
    return install(build, copy)


class Tap:
    def __init__(self, patterns=()):
        self.n = self.failed = 0
        self.patterns, self.start = patterns, time.time()

    def wanted(self, name):
        return not self.patterns or any(p.replace("_", " ") in name for p in self.patterns)

    def ok(self, name, good, detail=""):
        self.n += 1
        self.failed += not good
        print(f"{'ok' if good else 'not ok'} {self.n} - {name}", flush=True)
        if not good and detail:
            self.note(detail)
        return good

    def skip(self, name, reason):
        self.n += 1
        print(f"ok {self.n} - {name} # SKIP {reason}", flush=True)

    def note(self, text):
        for line in str(text)[-3000:].splitlines():
            print(f"# {line}", flush=True)

    def end(self):
        print(f"1..{self.n}")
        print(f"# {self.n - self.failed} of {self.n} in {time.time() - self.start:.0f} s")
        sys.exit(1 if self.failed else 0)


def run_tests(tap, tests):
    """Each test is a function of tap; a crash of one is its failure and does not end the others."""
    for t in tests:
        name = t.__name__.replace("_", " ")
        if not tap.wanted(name):
            continue
        try:
            t(tap)
        except subprocess.TimeoutExpired as e:
            tap.ok(f"{name}: ends in time", False, f"{e.cmd}\n{(e.stdout or b'')[-800:]!r}\n{(e.stderr or b'')[-800:]!r}")
        except Exception as e:
            import traceback
            tap.ok(f"{name}: runs", False, traceback.format_exc())
        finally:
            for pid in children(os.getpid()):
                end_tree(pid)
            reap()
    tap.end()


# ---- programs ----

def compile_guest(source, out, static=True, extra=()):
    out = pathlib.Path(out)
    if out.exists() and out.stat().st_mtime > source.stat().st_mtime:
        return out
    out.parent.mkdir(parents=True, exist_ok=True)
    cmd = ["cc", "-O1", "-g", "-w", "-D_GNU_SOURCE", "-pthread", "-o", str(out), str(source)] + (["-static"] if static else []) + list(extra)
    subprocess.run(cmd, check=True)
    return out


def work_folder(build, name):
    """Below the build folder: a sandbox has a /tmp of its own."""
    path = build / "test-work" / name
    path.mkdir(parents=True, exist_ok=True)
    return path


class Result:
    def __init__(self, code, out, err, took):
        self.code, self.out, self.err, self.took = code, out, err, took

    def __str__(self):
        return f"exit {self.code} after {self.took:.1f} s\n--- out\n{self.out[-1200:]}\n--- err\n{self.err[-1200:]}"


def run(command, timeout=60, stdin=subprocess.DEVNULL, input=None, **kw):
    """Runs to the end; a signal N is code -N, a hang is code None (the tree is killed)."""
    start = time.time()
    if input is not None:
        stdin = subprocess.PIPE
    p = subprocess.Popen([str(c) for c in command], stdin=stdin, stdout=subprocess.PIPE, stderr=subprocess.PIPE, **kw)
    try:
        out, err = p.communicate(input.encode() if isinstance(input, str) else input, timeout)
        code = p.returncode
    except subprocess.TimeoutExpired:
        end_tree(p.pid)
        try:
            out, err = p.communicate(timeout=5)
        except subprocess.TimeoutExpired:
            out = err = b""
        code = None
    return Result(code, out.decode(errors="replace"), err.decode(errors="replace"), time.time() - start)


# ---- processes ----

def stat_of(pid):
    """(name, state, parent) or None."""
    try:
        text = open(f"/proc/{pid}/stat", errors="replace").read()
    except OSError:
        return None
    name = text[text.index("(") + 1:text.rindex(")")]
    rest = text[text.rindex(")") + 2:].split()
    return name, rest[0], int(rest[1])


def started_at(pid):
    """When it was begun, or None: numbers are used again."""
    try:
        text = open(f"/proc/{pid}/stat", errors="replace").read()
    except OSError:
        return None
    return text[text.rindex(")") + 2:].split()[19]


def pids():
    return [int(p) for p in os.listdir("/proc") if p.isdigit()]


def tree(root):
    """root and all that descends from it."""
    parents = {}
    for pid in pids():
        s = stat_of(pid)
        if s:
            parents.setdefault(s[2], []).append(pid)
    found, todo = [], [root]
    while todo:
        pid = todo.pop()
        found.append(pid)
        todo += parents.get(pid, [])
    return found


def children(pid):
    return [p for p in tree(pid) if p != pid]


def end_tree(pid):
    for p in reversed(tree(pid)):
        try:
            os.kill(p, signal.SIGKILL)
        except OSError:
            pass


def is_kproc(pid):
    try:
        return open(f"/proc/{pid}/comm").read() == "bailey-kproc\n"
    except OSError:
        return False


class Started:
    """Sandboxes whose exit code somebody wants: by number and start time, since numbers are used again."""

    def __init__(self):
        self.known = set()

    @staticmethod
    def key(pid):
        try:
            return pid, open(f"/proc/{pid}/stat").read().rsplit(")", 1)[1].split()[19]
        except OSError:
            return None

    def add(self, pid):
        self.known.add(self.key(pid))

    def __contains__(self, pid):
        return self.key(pid) in self.known


started = Started()


def reap():
    """Takes dead orphans that came to us off, but not what a test started itself."""
    for pid in children(os.getpid()):
        s = stat_of(pid)
        if s and s[1] == "Z" and s[2] == os.getpid() and pid not in started:
            try:
                os.waitpid(pid, os.WNOHANG)
            except ChildProcessError:
                pass


def pid_in_namespace(pid):
    try:
        m = re.search(r"^NSpid:\s*(.*)$", open(f"/proc/{pid}/status").read(), re.M)
    except OSError:
        return None
    return int(m[1].split()[-1]) if m else None


class Sandbox:
    """A running `bailey run`, which is the monitor."""

    def __init__(self, bailey, options, guest, **kw):
        kw.setdefault("stdin", subprocess.DEVNULL)
        kw.setdefault("stdout", subprocess.PIPE)
        kw.setdefault("stderr", subprocess.PIPE)
        self.p = subprocess.Popen([str(c) for c in [bailey, "run"] + list(options) + ["--"] + list(guest)], **kw)
        self.pid = self.p.pid
        started.add(self.pid)

    def picoprocesses(self):
        """Host pids of all that run pal: kproc if it is there, then the first, then the others."""
        all_of_it = [pid for ns, pid in self._in_namespace() if ns != 1]
        return sorted(all_of_it, key=lambda pid: not is_kproc(pid))

    def _in_namespace(self):
        found = []
        for pid in children(self.pid):
            s = stat_of(pid)
            ns = pid_in_namespace(pid)
            if s and s[1] not in "ZX" and ns is not None and ns != pid:
                found.append((ns, pid))
        return sorted(found)

    def init(self):
        """Host pid of the namespace's pid 1, which is no picoprocess."""
        return next((pid for ns, pid in self._in_namespace() if ns == 1), None)

    def launcher(self):
        return next((pid for pid in children(self.pid) if pid_in_namespace(pid) == pid), None)

    def kproc(self):
        return next((pid for ns, pid in self._in_namespace() if is_kproc(pid)), None)

    def wait_line(self, what, timeout=20):
        """Reads standard output until a line has what; None = it ended or took too long."""
        return read_until(self.p.stdout, what, timeout)

    def end(self, timeout=10):
        try:
            out, err = self.p.communicate(timeout=timeout)
        except subprocess.TimeoutExpired:
            end_tree(self.pid)
            out, err = self.p.communicate()
            return Result(None, out.decode(errors="replace"), err.decode(errors="replace"), timeout)
        return Result(self.p.returncode, out.decode(errors="replace"), err.decode(errors="replace"), 0)

    def memory(self, name="bailey-arena"):
        """Bytes of one of the sandbox's memfds, seen from the monitor's descriptors."""
        for fd in os.listdir(f"/proc/{self.pid}/fd"):
            path = f"/proc/{self.pid}/fd/{fd}"
            try:
                if f"memfd:{name}" in os.readlink(path):
                    return os.stat(path).st_blocks * 512
            except OSError:
                pass
        return None


def read_until(stream, what, timeout):
    end, buf = time.time() + timeout, b""
    fd = stream.fileno()
    while time.time() < end:
        if not select.select([fd], [], [], max(0, end - time.time()))[0]:
            break
        data = os.read(fd, 4096)
        if not data:
            break
        buf += data
        if what.encode() in buf:
            return buf.decode(errors="replace")
    return None


def wait_for(condition, timeout, step=0.02):
    """False: the condition did not hold when it was looked at after the time.  A look may itself take
    seconds on a busy machine (/proc of a dying process), and what it saw at its beginning proves nothing."""
    end = time.time() + timeout
    while True:
        last = time.time() > end
        if condition():
            return True
        if last:
            return False
        time.sleep(step)


# ---- what the host looks like ----

def tree_hash(top):
    """Names, kinds, modes, owners, link texts, contents and change times of a file tree."""
    lines = []
    for base, dirs, files in os.walk(top):
        dirs.sort()
        for name in sorted(dirs + files) + ["."]:
            path = os.path.join(base, name)
            s = os.lstat(path)
            what = f"{os.path.relpath(path, top)} {s.st_mode:o} {s.st_uid} {s.st_gid} {s.st_nlink}"
            if stat.S_ISLNK(s.st_mode):
                what += " -> " + os.readlink(path)
            elif stat.S_ISREG(s.st_mode):
                what += f" {s.st_size} {s.st_mtime_ns} " + hashlib.sha256(open(path, "rb").read()).hexdigest()
            try:
                what += " " + ",".join(f"{n}={os.getxattr(path, n, follow_symlinks=False)!r}" for n in sorted(os.listxattr(path, follow_symlinks=False)))
            except OSError:
                pass
            lines.append(what)
    return "\n".join(sorted(set(lines)))


def read(path):
    try:
        return open(path, errors="replace").read()
    except OSError:
        return ""


def sockets(pid_list):
    """Sockets the processes hold, as (kind, inode): kind is the /proc/net table they stand in."""
    held = set()
    for pid in pid_list:
        try:
            for fd in os.listdir(f"/proc/{pid}/fd"):
                m = re.match(r"socket:\[(\d+)\]", os.readlink(f"/proc/{pid}/fd/{fd}"))
                if m:
                    held.add(m[1])
        except OSError:
            pass
    found = set()
    for kind, column in (("tcp", 9), ("tcp6", 9), ("udp", 9), ("udp6", 9), ("raw", 9), ("raw6", 9), ("icmp", 9), ("unix", 6), ("packet", 8), ("netlink", 9)):
        for line in read(f"/proc/net/{kind}").splitlines()[1:]:
            words = line.split()
            if len(words) > column and words[column] in held:
                found.add((kind, words[column]))
                held.discard(words[column])
    return found | {("unknown", i) for i in held}


def bailey_memory_of(pid_list):
    """Processes that still hold or map one of our memfds."""
    found = []
    for pid in pid_list:
        try:
            links = [os.readlink(f"/proc/{pid}/fd/{fd}") for fd in os.listdir(f"/proc/{pid}/fd")]
        except OSError:
            links = []
        if "memfd:bailey-" in read(f"/proc/{pid}/maps") or any("memfd:bailey-" in l for l in links):
            found.append(pid)
    return found


def host_state():
    """What must be the same before and after, whatever a guest did."""
    s = {name: read(path) for name, path in dict(mounts="/proc/self/mounts", hostname="/proc/sys/kernel/hostname",
         domain="/proc/sys/kernel/domainname", modules="/proc/modules", swaps="/proc/swaps", boot="/proc/sys/kernel/random/boot_id").items()}
    s["modules"] = "\n".join(sorted(l.split()[0] for l in s["modules"].splitlines()))
    for kind in ("shm", "msg", "sem"):
        s[kind] = str([l.split()[:2] for l in read(f"/proc/sysvipc/{kind}").splitlines()[1:]])
    # Python's own semaphores come and go with other tests on the machine.
    s["devshm"] = str(sorted(n for n in os.listdir("/dev/shm") if not n.startswith("sem.mp-"))) if os.path.isdir("/dev/shm") else ""
    s["passwd"] = str([(p, hashlib.sha256(open(p, "rb").read()).hexdigest(), os.stat(p).st_mode) for p in ("/etc/passwd", "/etc/group", "/etc/hosts") if os.access(p, os.R_OK)])
    return s


def differences(a, b):
    return "\n".join(f"{k}: before {a[k][-300:]!r} after {b[k][-300:]!r}" for k in a if a[k] != b[k])


def cgroups_of(pid):
    """Folders named for a monitor's pid anywhere in the cgroup trees."""
    found = []
    for base, dirs, _ in os.walk("/sys/fs/cgroup"):
        found += [os.path.join(base, d) for d in dirs if d == f"bailey-{pid}"]
        if base.count("/") > 7:
            dirs.clear()
    return found


def state_file(pid):
    run = os.environ.get("XDG_RUNTIME_DIR")
    for folder in ["/run/bailey"] if os.geteuid() == 0 else [f"{run}/bailey", f"/tmp/bailey-{os.geteuid()}"]:
        for name in (str(pid), f"ctl.{pid}"):
            if os.path.exists(f"{folder}/{name}"):
                return f"{folder}/{name}"
    return None


def is_ours(pid):
    """Alive, and of a sandbox: by its image, or because it has a pid namespace of its own."""
    s = stat_of(pid)
    if not s or s[1] in "ZX":
        return False
    try:
        if os.path.basename(os.readlink(f"/proc/{pid}/exe").removesuffix(" (deleted)")) in IMAGES:
            return True
    except OSError:
        pass
    return pid_in_namespace(pid) not in (pid, None)


def leftovers(pid_list):
    return [f"{pid} {stat_of(pid)}" for pid in pid_list if is_ours(pid)]
