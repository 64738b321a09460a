# SPDX-License-Identifier: MIT
"""What can be asked of running sandboxes from outside: ps, top, lsof, core, strace, report; as root and as nobody."""
import os, pathlib, re, shutil, signal, socket, stat, struct, subprocess, sys, tempfile, time

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "lib"))
from sandbox import *

build, soak, patterns = setup()
work = work_folder(build, "cli")
inside = compile_guest(HERE / "inside.c", work / "inside", static=False, extra=["-O0"])
NOBODY = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
CLEAN = re.compile(r"[ -~\n]*")


class As:
    def __init__(self, name, prefix, uid):
        self.name, self.prefix, self.uid, self.bailey = name, prefix, uid, bailey_for(build, prefix)
        self.env = {**os.environ, "XDG_RUNTIME_DIR": "", "HOME": "/"}
        self.state = pathlib.Path("/run/bailey" if uid == 0 else f"/tmp/bailey-{uid}")
        self.place = tempfile.mkdtemp(prefix="bailey-outside-", dir="/var/tmp")
        shutil.copy(inside, self.place)
        os.chmod(self.place, 0o777)

    def run(self, *args, **kw):
        return run(self.prefix + [self.bailey] + [str(a) for a in args], env=self.env, cwd="/", timeout=60, **kw)

    def listens(self, name):
        """Its socket has a name, and a moment later somebody who listens."""
        s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        try:
            s.connect(str(self.state / name))
            return True
        except OSError:
            return False
        finally:
            s.close()

    def start(self, *args, name=None, options=()):
        cmd = self.prefix + [self.bailey, "run"] + (["--name", name] if name else []) + list(options) + ["-v", f"{self.place}:/p", "-w", "/", "--"]
        p = subprocess.Popen(cmd + list(args), env=self.env, cwd="/", stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        p.name = f"ctl.{p.pid}"
        if not wait_for(lambda: self.listens(p.name), 30):
            raise Exception(f"no socket of the sandbox appears in {self.state}: {p.poll()}")
        return p


USERS = [As("root" if os.geteuid() == 0 else "user", [], os.geteuid())]
if os.geteuid() == 0 and shutil.which("setpriv"):
    USERS.append(As("nobody", NOBODY, 65534))


def finish(p):
    p.stdin.close()
    p.stdin = None
    out, err = p.communicate(timeout=60)
    return p.returncode, err.decode(errors="replace")


def each_user(fn):
    def test(tap):
        for u in USERS:
            problems = [str(p) for p in fn(u) if p]
            tap.ok(f"{fn.__name__.replace('_', ' ')} ({u.name})", not problems, "\n".join(problems))
    test.__name__ = fn.__name__
    return test


def sentence(r, word):
    lines = r.err.strip().splitlines()
    return r.code == 125 and len(lines) == 1 and lines[0].startswith("bailey: ") and word in r.err


@each_user
def ps_lists_sandboxes_and_processes(u):
    name = f"box-{os.getpid()}-{u.uid}"
    p = u.start("/p/inside", name=name)
    p.stdout.readline()
    r = u.run("ps")
    if not re.search(rf"^{p.pid} +{name} +{u.uid} .* /p/inside$", r.out, re.M) or r.code or r.err:
        yield f"it is not listed: {r}"
    for who in (str(p.pid), name):
        r = u.run("ps", who)
        if not re.search(r"^ +1 +0 .*\[bailey-init\]$", r.out, re.M) or not re.search(rf"^ +2 +1 +{u.uid} S +2 +\d+ .* /p/inside$", r.out, re.M) or r.code:
            yield f"ps {who}: {r}"
    r = u.run("top", "-n", "2", "-d", "1", name)
    if r.code or len(re.findall("/p/inside", r.out)) != 2:
        yield f"top: {r}"
    r = u.run("stats", name)
    if r.code or not re.search(rf"^{p.pid} +{name}( +0B){{2}}( +0){{6}}$", r.out, re.M):
        yield f"stats: {r}"
    r = u.run("lsof", name, "2")
    for want in (r"^ +2 exe +/p/inside$", r"^ +2 cwd +/$", r"^ +2 3 +r +/etc/passwd$"):
        if not re.search(want, r.out, re.M):
            yield f"lsof lacks {want}: {r}"
    if finish(p) != (0, ""):
        yield "the sandbox did not end as it should"
    if (u.state / p.name).exists() or name in u.run("ps").out:
        yield "it is still listed, or its socket still there"
    if not sentence(u.run("ps", name), name):
        yield "ps of one that has ended: wanted one sentence"


@each_user
def wrong_words_give_one_sentence(u):
    p = u.start("/p/inside")
    for args, word in ((["ps", "no-such"], "no-such"), (["ps", "1", "2"], "2"), (["ps", "-x"], "-x"), (["lsof"], "ps"), (["lsof", p.pid, "x"], "x"), (["lsof", p.pid, "0"], "0"),
                       (["core", p.pid], "core"), (["core", p.pid, "77"], "77"), (["core", p.pid, "2", "-o", "/no/where/x"], "/no/where/x"), (["core", p.pid, "2", "-x"], "-x"), (["strace", p.pid], "--attach"),
                       (["strace", "--attach", "nope"], "nope"), (["report", "--nope"], "--nope"), (["report", "none"], "none"), (["top", "-n", "0"], "-n"), (["stats", "-x"], "-x"), (["stats", "no-such"], "no-such"), (["stats", "1", "2"], "2")):
        r = u.run(*args)
        if not sentence(r, word):
            yield f"{args}: wanted 125 and one sentence with {word!r}; {r}"
    for command in ("ps", "top", "stats", "lsof", "core", "strace", "report"):
        r = u.run(command, "--help")
        if r.code or f"bailey {command}" not in r.out or r.err:
            yield f"{command} --help: {r}"
    if finish(p)[0] != 0:
        yield "the sandbox did not go on"


@each_user
def names_from_inside_are_made_harmless(u):
    p = u.start("/p/inside", "teeth", "\x1b[31mred\n\x07")
    p.stdout.readline()
    for args in (["ps"], ["ps", p.pid], ["stats"], ["lsof", p.pid], ["top", "-n", "1", p.pid]):
        r = u.run(*args)
        if r.code or not CLEAN.fullmatch(r.out):
            yield f"{args}: {r.out!r}"
    r = u.run("lsof", p.pid)
    if r"/tmp/\033]0;evil\007\012\302\233name" not in r.out:
        yield f"lsof: {r}"
    if r"\033[31mred" not in u.run("ps", p.pid).out:
        yield "ps does not show the argument"
    finish(p)


@each_user
def strace_comes_and_goes(u):
    p = u.start("/p/inside", "busy")
    time.sleep(0.3)
    s = subprocess.Popen(u.prefix + [u.bailey, "strace", "--attach", str(p.pid)], env=u.env, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    lines = [s.stdout.readline().decode() for _ in range(2000)]
    if not any(re.fullmatch(r'\[\d+\] access\("/etc/passwd", 4\) = 0\n', l) for l in lines):
        yield f"no such line: {lines[:5]}"
    if not all(re.fullmatch(r"(\[\d+\] .*|\.\.\. \d+ lines were lost.*)\n", l) for l in lines):
        yield f"odd lines: {[l for l in lines if l[0] not in '[.'][:5]}"
    r = u.run("strace", "--attach", p.pid)
    if not sentence(r, "already"):
        yield f"a second one: {r}"
    if "/p/inside busy" not in u.run("ps", p.pid).out:
        yield "ps does not work meanwhile"
    s.terminate()
    s.wait(20)
    time.sleep(0.5)  # lines on their way then would go to the next one
    s = subprocess.Popen(u.prefix + [u.bailey, "strace", "--attach", str(p.pid), "77"], env=u.env, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    time.sleep(0.5)
    if s.poll() is not None:
        yield f"a process that is not there: {s.stderr.read()}"
    s.terminate()
    if s.communicate(timeout=20)[0]:
        yield "lines of a process that is not there"
    if p.poll() is not None:
        yield "the sandbox ended"
    p.kill()
    _, err = p.communicate(timeout=30)
    if err:
        yield f"the sandbox's own log has something: {err[-300:]}"


@each_user
def core_is_read_by_gdb(u):
    if not shutil.which("gdb"):
        return
    p = u.start("/p/inside")
    p.stdout.readline()
    r = u.run("core", p.pid, "2", "-o", f"{u.place}/core")
    if r.code or r.err or r.out:
        yield f"core: {r}"
        return
    r = u.run("core", p.pid, "2", "-o", "/dev/full")
    if not sentence(r, "space"):
        yield f"a core onto a full disk: {r}"
    mode = stat.S_IMODE(os.stat(f"{u.place}/core").st_mode)
    if mode != 0o600:
        yield f"mode {mode:o}"
    g = run(["gdb", "-q", "-nx", "-batch", "-ex", "print marker", "-ex", "thread apply all bt", f"{u.place}/inside", f"{u.place}/core"], timeout=120)
    for want in (r"\$1 = 4711", r"deep \(n=0\)", r"deep \(n=5\)", r"main \(argc=1", r"waiter_thread", r"LWP 2\)"):
        if not re.search(want, g.out):
            yield f"gdb does not show {want}"
    if "warning: Unexpected" in g.err or "no registers" in g.err:
        yield f"gdb warns: {g.err[-500:]}"
    if finish(p) != (0, ""):
        yield "the process did not go on"


@each_user
def the_socket_is_its_users_own(u):
    p = u.start("/p/inside")
    st = os.stat(u.state / p.name)
    if stat.S_IMODE(st.st_mode) != 0o600 or st.st_uid != u.uid or stat.S_IMODE(os.stat(u.state).st_mode) != 0o700:
        yield f"mode {st.st_mode:o}, owner {st.st_uid}"
    if u.uid == 0 and len(USERS) > 1:
        r = USERS[1].run("ps", p.pid)
        if not sentence(r, str(p.pid)) or str(p.pid) in USERS[1].run("ps").out:
            yield f"another user sees it: {r}"
    elif len(USERS) > 1:
        if not re.search(rf"^{p.pid} ", USERS[0].run("ps").out, re.M) or "/p/inside" not in USERS[0].run("ps", p.pid).out:
            yield "root does not see it"
    finish(p)


def somebody_elses_monitor_is_not_believed(tap):
    """A user who stands in for a monitor and tells root of a process that is not his."""
    if len(USERS) < 2:
        return tap.skip("somebody else's monitor is not believed", "needs root and setpriv")
    victim = subprocess.Popen(["sleep", "100"])
    script = f"""
import os, socket, struct, sys
d = "/tmp/bailey-65534"
os.makedirs(d, 0o700, exist_ok=True)
name = d + "/ctl." + str(os.getpid())
l = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
l.bind(name)
l.listen(8)
open(d + "/" + str(os.getpid()), "w").write("name=evil\\x1b[m\\nprogram=x\\n")
print(os.getpid(), flush=True)
stat = "p 0 2 2 (x) S 1 2 2 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 1 1 1 " + "0 " * 30
while True:
    c, _ = l.accept()
    if not c.recv(100): continue
    send = lambda kind, index, pid, text: c.send(struct.pack("=IIIi", kind, len(text), index, pid) + text)
    send(0, 2, {victim.pid}, b"guest")
    send(1, 0, 0, stat.encode() + b"\\0x")
    send(4, 0, 0, b"")
    c.close()
"""
    p = subprocess.Popen(NOBODY + [sys.executable, "-c", script], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    pid = int(p.stdout.readline())
    root = USERS[0]
    r = root.run("core", pid, "2", "-o", f"{root.place}/evil")
    tap.ok("somebody else's monitor is not believed", sentence(r, "no process of this sandbox") and not os.path.exists(f"{root.place}/evil"), r)
    r = root.run("ps")
    tap.ok("nor its texts", CLEAN.fullmatch(r.out) and r.code == 0, r)
    p.kill()
    p.wait()
    victim.kill()
    victim.wait()
    for name in (str(pid), f"ctl.{pid}"):
        os.unlink(f"/tmp/bailey-65534/{name}")


@each_user
def garbage_and_silence_on_the_socket_harm_nobody(u):
    if os.geteuid() != 0 and u.uid != os.geteuid():
        return
    p = u.start("/p/inside")
    path = str(u.state / p.name)
    good = struct.pack("=IIII", 0x796C62, 0, 0, 0)
    for msg in (b"", b"x", b"\xff" * 5000, good[:-1], good + b"x", struct.pack("=IIII", 0x796C62, 99, 0, 0), struct.pack("=IIII", 1, 0, 0, 0)):
        s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        s.settimeout(10)
        s.connect(path)
        try:
            s.send(msg)
            if s.recv(9000):
                yield f"an answer to {msg[:20]!r}"
        except OSError as e:
            if isinstance(e, TimeoutError):
                yield f"{msg[:20]!r} is neither answered nor dropped"
        s.close()
    silent = [socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) for _ in range(4)]
    for s in silent:
        s.connect(path)
    deaf = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    deaf.connect(path)
    deaf.send(good)
    start = time.time()
    r = u.run("ps", p.pid)
    if "/p/inside" not in r.out:
        yield f"after {time.time() - start:.1f} s behind silent clients: {r}"
    for s in silent + [deaf]:
        s.close()
    # Hundreds that come and go at once.
    for i in range(300):
        s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        s.setblocking(False)
        try:
            s.connect(path)
            s.send(good[:i % 17])
        except OSError:
            pass
        s.close()
    if "/p/inside" not in u.run("ps", p.pid).out:
        yield "no answer after many that came and went"
    if finish(p) != (0, ""):
        yield "the sandbox did not go on"


@each_user
def a_kproc_that_is_stopped_is_said_so(u):
    p = u.start("/p/inside")
    p.stdout.readline()
    u.run("ps", p.pid)
    kprocs = [k for k in tree(p.pid) if is_kproc(k)]
    if not kprocs:
        yield "no kproc"
        return
    os.kill(kprocs[0], signal.SIGSTOP)
    r = u.run("ps", p.pid)
    os.kill(kprocs[0], signal.SIGCONT)
    if not sentence(r, "kernel process"):
        yield r
    if "/p/inside" not in u.run("ps", p.pid).out:
        yield "no answer when it goes on"
    finish(p)


@each_user
def a_killed_monitor_leaves_nothing_for_long(u):
    p = u.start("/p/inside")
    p.kill()
    p.wait()
    if str(p.pid) in u.run("ps").out:
        yield "a dead one is listed"
    u.run("run", "-w", "/", "--", "/bin/true")
    if (u.state / p.name).exists() or (u.state / str(p.pid)).exists():
        yield "file or socket is still there after the next start"


@each_user
def a_panic_leaves_a_report(u):
    """With a program in pal's place that sends one, as tests/mon does."""
    top = pathlib.Path(tempfile.mkdtemp(prefix="bailey-panic-", dir="/var/tmp"))
    for d in ("cli", "pal", "linux"):
        (top / d).mkdir()
    shutil.copy(build / "cli/bailey", top / "cli/bailey")
    shutil.copy(build / "tests/mon/fakepal", top / "pal/pal.img")
    shutil.copy(build / "linux/linux.img", top / "linux/linux.img")
    run(["chmod", "-R", "a+rX", top])
    r = run(u.prefix + [top / "cli/bailey", "run", "-w", "/", "--", "panic"], env=u.env, timeout=30)
    if r.code != 125 or not r.err.startswith("bailey: panic: "):
        yield f"no panic: {r}"
    r = u.run("report")
    if r.code or "panic:" not in r.out or "bailey 0." not in r.out or "host: Linux" not in r.out or not CLEAN.fullmatch(r.out):
        yield r
    listed = u.run("report", "--list").out.split()
    if not listed or u.run("report", listed[-1]).code:
        yield f"--list: {listed}"
    u.run("report", "--remove")
    if u.run("report", "--list").out or not sentence(u.run("report"), "report"):
        yield "--remove leaves some"
    shutil.rmtree(top)


try:
    run_tests(Tap(patterns), [ps_lists_sandboxes_and_processes, wrong_words_give_one_sentence, names_from_inside_are_made_harmless, strace_comes_and_goes, core_is_read_by_gdb,
                              the_socket_is_its_users_own, somebody_elses_monitor_is_not_believed, garbage_and_silence_on_the_socket_harm_nobody, a_kproc_that_is_stopped_is_said_so,
                              a_killed_monitor_leaves_nothing_for_long, a_panic_leaves_a_report])
finally:
    for u in USERS:
        shutil.rmtree(u.place, ignore_errors=True)
