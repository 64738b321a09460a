# SPDX-License-Identifier: MIT
"""-v folders used by programs of the host and of a sandbox at once: file locks, one sqlite database, a full disk."""
import fcntl, os, pathlib, shutil, signal, sqlite3, struct, subprocess, sys, time

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "lib"))
from sandbox import *

build, soak, patterns = setup()
bailey = bailey_of(build)
work = work_folder(build, "share")
PYTHON = "/usr/bin/python3"

# A program that obeys: reads lines `NAME ARGS`, answers ok or the error's name.  Runs inside, and outside too.
OBEY = r"""
import errno, fcntl, os, struct, sys, time
files = {}
def lock(fd, cmd, kind, start, length):
    fcntl.fcntl(fd, cmd, struct.pack('hhqqi4x', kind, 0, start, length, 0))
kinds = {'r': fcntl.F_RDLCK, 'w': fcntl.F_WRLCK, 'u': fcntl.F_UNLCK}
flocks = {'r': fcntl.LOCK_SH, 'w': fcntl.LOCK_EX, 'u': fcntl.LOCK_UN}
for line in sys.stdin:
    a = line.split()
    try:
        if a[0] == 'open':
            files[a[1]] = os.open(a[2], int(a[3]) if len(a) > 3 else os.O_RDWR)
        elif a[0] == 'close':
            os.close(files.pop(a[1]))
        elif a[0] in ('posix', 'posixw', 'ofd', 'ofdw'):
            cmd = {'posix': fcntl.F_SETLK, 'posixw': fcntl.F_SETLKW, 'ofd': 37, 'ofdw': 38}[a[0]]
            lock(files[a[1]], cmd, kinds[a[2]], int(a[3]), int(a[4]))
        elif a[0] == 'get':
            r = fcntl.fcntl(files[a[1]], fcntl.F_GETLK, struct.pack('hhqqi4x', kinds[a[2]], 0, int(a[3]), int(a[4]), 0))
            print({fcntl.F_RDLCK: 'r', fcntl.F_WRLCK: 'w', fcntl.F_UNLCK: 'u'}[struct.unpack('hhqqi4x', r)[0]], flush=True)
            continue
        elif a[0] == 'flock':
            fcntl.flock(files[a[1]], flocks[a[2]] | fcntl.LOCK_NB)
        elif a[0] == 'flockw':
            fcntl.flock(files[a[1]], flocks[a[2]])
        elif a[0] == 'fork':
            pid = os.fork()
            if pid == 0:
                time.sleep(1000)
            files['child'] = pid
        print('ok', flush=True)
    except OSError as e:
        print(errno.errorcode[e.errno], flush=True)
"""


class Obeys:
    def __init__(self, inside, folder):
        (folder / "obey.py").write_text(OBEY)
        cmd = [PYTHON, str(folder / "obey.py")]
        if inside:
            cmd = [bailey, "run", "-v", f"{folder}:{folder}", "--"] + cmd
        self.p = subprocess.Popen(cmd, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def tell(self, *words):
        self.p.stdin.write(" ".join(str(w) for w in words) + "\n")
        self.p.stdin.flush()

    def answer(self, limit=20):
        ready, _, _ = select.select([self.p.stdout], [], [], limit)
        return self.p.stdout.readline().strip() if ready else "nothing"

    def do(self, *words):
        self.tell(*words)
        return self.answer()

    def end(self):
        self.p.stdin.close()
        try:
            self.p.wait(10)
        except subprocess.TimeoutExpired:
            end_tree(self.p.pid)


def pair(name):
    folder = work / name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    (folder / "f").write_bytes(bytes(4096))
    guest, host = Obeys(True, folder), Obeys(False, folder)
    for o in (guest, host):
        assert o.do("open", "a", folder / "f") == "ok"
    return folder, guest, host


BUSY = ("EAGAIN", "EACCES")


def exclude(tap, kind):
    folder, guest, host = pair(kind)
    for first, second, who in ((guest, host, "inside"), (host, guest, "outside")):
        tap.ok(f"{kind}: a lock taken {who} is in the other's way", first.do(kind, "a", "w", 10, 10) == "ok" and second.do(kind, "a", "w", 15, 1) in BUSY)
        tap.ok(f"{kind}: beside it there is room", second.do(kind, "a", "w", 20, 5) == "ok" and first.do(kind, "a", "w", 0, 30) in BUSY)
        tap.ok(f"{kind}: unlocking part of it gives that part", first.do(kind, "a", "u", 10, 5) == "ok" and second.do(kind, "a", "w", 10, 5) == "ok" and
               second.do(kind, "a", "r", 15, 1) in BUSY)
        first.do(kind, "a", "u", 0, 0), second.do(kind, "a", "u", 0, 0)
        tap.ok(f"{kind}: both may read", first.do(kind, "a", "r", 0, 0) == "ok" and second.do(kind, "a", "r", 0, 0) == "ok" and first.do(kind, "a", "w", 0, 1) in BUSY and
               second.do(kind, "a", "w", 0, 1) in BUSY)
        tap.ok(f"{kind}: a refused upgrade keeps what there was", second.do(kind, "a", "u", 0, 0) == "ok" and second.do(kind, "a", "w", 0, 1) in BUSY)
        first.do(kind, "a", "u", 0, 0)
    guest.do(kind, "a", "w", 5, 5)
    tap.ok(f"{kind}: F_GETLK sees the sandbox's lock", host.do("get", "a", "r", 0, 0) == "w")
    guest.do(kind, "a", "u", 0, 0)
    host.do(kind, "a", "r", 5, 5)
    tap.ok(f"{kind}: F_GETLK inside sees the host's", guest.do("get", "a", "w", 0, 0) == "r" and guest.do("get", "a", "r", 0, 0) == "u")
    guest.end(), host.end()


def posix_locks(tap):
    exclude(tap, "posix")


def ofd_locks(tap):
    exclude(tap, "ofd")


def whole_files(tap):
    folder, guest, host = pair("flock")
    for first, second, who in ((guest, host, "inside"), (host, guest, "outside")):
        tap.ok(f"flock: taken {who}", first.do("flock", "a", "w") == "ok" and second.do("flock", "a", "r") in BUSY)
        tap.ok(f"flock: made shared {who}", first.do("flock", "a", "r") == "ok" and second.do("flock", "a", "r") == "ok")
        tap.ok(f"flock: released {who}", first.do("flock", "a", "u") == "ok" and second.do("flock", "a", "w") == "ok")
        second.do("flock", "a", "u")
    guest.end(), host.end()


def one_owner_inside(tap):
    """Two descriptors of one process do not exclude each other, though the host has one lock."""
    folder, guest, host = pair("owner")
    tap.ok("a second descriptor inside", guest.do("open", "b", folder / "f") == "ok" and guest.do("posix", "a", "w", 0, 10) == "ok" and
           guest.do("posix", "b", "w", 5, 10) == "ok" and host.do("posix", "a", "w", 14, 1) in BUSY)
    tap.ok("closing either gives all of a process's locks up, outside too", guest.do("close", "b") == "ok" and host.do("posix", "a", "w", 0, 0) == "ok")
    guest.end(), host.end()


def waiting(tap):
    for kind in ("posix", "ofd", "flock"):
        folder, guest, host = pair("wait-" + kind)
        where = [] if kind == "flock" else [0, 0]
        for first, second, who in ((host, guest, "inside"), (guest, host, "outside")):
            first.do(kind, "a", "w", *where)
            second.tell(kind + "w", "a", "w", *where)
            early = second.answer(0.5)
            first.do(kind, "a", "u", *where)
            tap.ok(f"{kind}: waiting {who} ends with the lock", early == "nothing" and second.answer(5) == "ok", early)
            second.do(kind, "a", "u", *where)
        guest.end(), host.end()


def sudden_death(tap):
    folder, guest, host = pair("death")
    guest.do("posix", "a", "w", 0, 10), guest.do("ofd", "a", "w", 20, 10), guest.do("flock", "a", "w")
    held = host.do("posix", "a", "w", 0, 1) in BUSY and host.do("flock", "a", "w") in BUSY
    end_tree(guest.p.pid)
    guest.p.wait()
    free = wait_for(lambda: host.do("posix", "a", "w", 0, 0) == "ok" and host.do("flock", "a", "w") == "ok", 5)
    tap.ok("a killed sandbox leaves no lock", held and free)
    host.end()


def killed_picoprocess(tap):
    """The holder alone is killed at the host; the sandbox lives on."""
    folder, guest, host = pair("kill")
    (folder / "hold.py").write_text("import fcntl, os, time\nf = os.open('f', os.O_RDWR)\nfcntl.lockf(f, fcntl.LOCK_EX)\nfcntl.flock(f, fcntl.LOCK_EX)\n"
                                    "open('held', 'w').close()\ntime.sleep(100)\n")
    guest.end()
    p = subprocess.Popen([bailey, "run", "-v", f"{folder}:{folder}", "-w", str(folder), "--", "/bin/sh", "-c", f"{PYTHON} hold.py; echo ended; sleep 100"], stdout=subprocess.PIPE, text=True)
    held = wait_for(lambda: (folder / "held").exists(), 20) and host.do("posix", "a", "w", 0, 1) in BUSY
    # All picoprocesses carry the monitor's name; the holder is the youngest.
    victim = max(q for q in children(p.pid) if not is_kproc(q))
    os.kill(victim, signal.SIGKILL)
    free = wait_for(lambda: host.do("posix", "a", "w", 0, 0) == "ok" and host.do("flock", "a", "w") == "ok", 5)
    said = p.stdout.readline() if select.select([p.stdout], [], [], 5)[0] else ""
    tap.ok("a killed holder leaves no lock, and the sandbox goes on", held and free and said == "ended\n", f"{held} {free} {said!r}")
    end_tree(p.pid)
    host.end()


COUNT = r"""
import sqlite3, sys
name, times = sys.argv[1], int(sys.argv[2])
db = sqlite3.connect(name, timeout=60, isolation_level=None)
for k in range(times):
    db.execute('begin immediate')
    n, = db.execute('select n from counter').fetchone()
    db.execute('insert into log(who, n) values (?, ?)', (sys.argv[3], n + 1))
    db.execute('update counter set n = ?', (n + 1,))
    db.execute('commit')
db.close()
print('done')
"""


def sqlite_both(tap, mode):
    folder = work / f"sqlite-{mode}"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    (folder / "count.py").write_text(COUNT)
    name = folder / "x.db"
    db = sqlite3.connect(name)
    got = db.execute(f"pragma journal_mode={mode}").fetchone()[0]
    db.executescript("create table counter(n); insert into counter values (0); create table log(who, n)")
    db.close()
    times = 1000 if soak else 150
    host = [PYTHON, str(folder / "count.py"), str(name), str(times)]
    inside = [bailey, "run", "-v", f"{folder}:{folder}", "--"]
    ps = [subprocess.Popen(c, stdout=subprocess.PIPE, text=True, stderr=subprocess.STDOUT)
          for c in (host + ["host1"], inside + host + ["guest1"], host + ["host2"], inside + host + ["guest2"])]
    said = []
    for p in ps:
        try:
            said.append(p.communicate(timeout=200)[0])
        except subprocess.TimeoutExpired:
            end_tree(p.pid)
            said.append("hangs")
    db = sqlite3.connect(name)
    n, = db.execute("select n from counter").fetchone()
    rows, different = db.execute("select count(*), count(distinct n) from log").fetchone()
    whole = db.execute("pragma integrity_check").fetchone()[0]
    want = times * len(ps)
    tap.ok(f"sqlite, {mode}: two programs outside and two sandboxes count together",
           got == mode and said == ["done\n"] * len(ps) and n == rows == different == want and whole == "ok", f"{got} {said} {n} {rows} {different} {want} {whole}")


def sqlite_rollback_journal(tap):
    sqlite_both(tap, "delete")


def sqlite_write_ahead_log(tap):
    sqlite_both(tap, "wal")


FILL = r"""
import os, sys
f = os.open('kept', os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
os.write(f, b'k' * 100000)
os.fsync(f)
g = os.open('fill', os.O_WRONLY | os.O_CREAT)
n = 0
try:
    while n < 1 << 28:
        n += os.write(g, b'x' * 65536)
except OSError as e:
    print(e.errno, end=' ')
try:
    os.mkdir('d'); os.write(os.open('d/more', os.O_WRONLY | os.O_CREAT), b'y' * 65536)
except OSError as e:
    print(e.errno, end=' ')
print(os.stat('kept').st_size, end=' ')
os.close(g); os.unlink('fill')
h = os.open('again', os.O_WRONLY | os.O_CREAT); os.write(h, b'z' * 65536); os.fsync(h)
print('room')
"""


def full_folder(tap):
    folder = work / "small"
    folder.mkdir(exist_ok=True)
    if os.geteuid() != 0 or subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", str(folder)], stderr=subprocess.DEVNULL).returncode:
        return tap.skip("a full -v folder", "a small file system needs root")
    try:
        r = run([bailey, "run", "-v", f"{folder}:{folder}", "-w", folder, "--", PYTHON, "-c", FILL])
        kept = (folder / "kept").read_bytes() == b"k" * 100000
        tap.ok("a full -v folder is ENOSPC, keeps what was synced, and goes on with room", r.out == "28 28 100000 room\n" and kept, r)
    finally:
        subprocess.run(["umount", "-l", str(folder)])


def full_overlay(tap):
    r = run([bailey, "run", "-m", "96M", "-w", "/srv", "--", PYTHON, "-c", FILL])
    tap.ok("the sandbox's own files full is ENOSPC, and goes on with room", r.out == "28 28 100000 room\n", r)


run_tests(Tap(patterns), [posix_locks, ofd_locks, whole_files, one_owner_inside, waiting, sudden_death, killed_picoprocess, sqlite_rollback_journal, sqlite_write_ahead_log,
                          full_folder, full_overlay])
