# SPDX-License-Identifier: MIT
"""-v folders used by programs of the host and of a sandbox at once: file locks, one sqlite database, a full disk, small files that come ahead."""
import fcntl, os, pathlib, shutil, signal, sqlite3, struct, subprocess, sys, time

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "lib"))
from sandbox import *
import again, slowdisk, trees

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
    r = run([bailey, "run", "-m", "96M", "-w", "/var/tmp", "--", PYTHON, "-c", FILL])
    tap.ok("the sandbox's own files full is ENOSPC, and goes on with room", r.out == "28 28 100000 room\n", r)

# What an open file tells of itself, at once, after a write, and when what was known of it is too old; owners differ if they may.
OWNER = r"""
import os, sys, time
fd = os.open('owned', os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o640)
if os.geteuid() == 0:
    os.fchown(fd, 700, 701)
for step in (lambda: None, lambda: os.write(fd, b'x'), lambda: time.sleep(1.2), lambda: os.link('owned', 'second'), lambda: os.fchmod(fd, 0o600), lambda: time.sleep(1.2)):
    step()
    st = os.fstat(fd)
    print(st.st_uid, st.st_gid, oct(st.st_mode), st.st_size, st.st_nlink)
# Whose name is another file's by now, and whose name is gone.
with open('other', 'w') as f:
    f.write('other')
os.utime('other', (1, 2))
os.unlink('second')
for end in (lambda: os.rename('other', 'owned'), lambda: os.unlink('owned')):
    end()
    os.fchmod(fd, 0o666)
    os.utime(fd, (5, 6))
    st = os.fstat(fd)
    print(st.st_uid, oct(st.st_mode), st.st_mtime, st.st_nlink)
    print([(n, oct(os.stat(n).st_mode), os.stat(n).st_mtime) for n in sorted(os.listdir('.'))])
"""


def owner_of_open_file(tap):
    folder = work / "owner"
    folder.mkdir(exist_ok=True)
    native = run([PYTHON, "-c", OWNER], cwd=folder)
    r = run([bailey, "run", "-v", f"{folder}:{folder}", "-w", folder, "--", PYTHON, "-c", OWNER])
    tap.ok("an open file tells its owner, mode, size and links as on the host, and takes others, whatever became of its name", r.code == 0 and r.out == native.out, f"{native}\n{r}")


# Lists a folder, opens its files one after the other, which come many at a time, and does to them what may be done.
SMALL = r"""
import fcntl, mmap, os, socket, subprocess, sys, time
wait = float(sys.argv[1])
wrong = []
def check(what, got, want):
    if got != want:
        wrong.append(f'{what}: {got!r}, not {want!r}')
def whole(fd):
    return os.pread(fd, 100000, 0)
def old(name):
    return f'this is {name}\n'.encode() * 20
def open_all():
    time.sleep(0.02)
    return {e: os.open('d/' + e, os.O_RDONLY) for e in os.listdir('d') if e[0] == 'f'}
def write(name, data, flags=os.O_WRONLY | os.O_TRUNC):
    w = os.open('d/' + name, flags)
    os.write(w, data)
    os.close(w)

fd = open_all()
for name, f in fd.items():
    check('contents of ' + name, os.read(f, 100000), old(name))
    check('end of ' + name, os.read(f, 100), b'')
    check('size of ' + name, (os.fstat(f).st_size, os.lseek(f, 0, os.SEEK_END), os.lseek(f, 3, os.SEEK_SET)), (len(old(name)), len(old(name)), 3))
for f in fd.values():
    os.close(f)
fd = open_all()
write('f01', b'new')
check('written', whole(fd['f01']), b'new')
write('f02', b'more', os.O_WRONLY | os.O_APPEND)
check('appended to', whole(fd['f02']), old('f02') + b'more')
os.truncate('d/f03', 5)
check('cut', whole(fd['f03']), old('f03')[:5])
os.unlink('d/f04')
check('unlinked', whole(fd['f04']), old('f04'))
os.rename('d/f05', 'd/f06')
check('renamed', whole(fd['f05']), old('f05'))
check('renamed over', whole(fd['f06']), old('f06'))
check('the new f06', whole(os.open('d/f06', os.O_RDONLY)), old('f05'))
os.chmod('d/f07', 0)
check('chmod 0', whole(fd['f07']), old('f07'))
m = mmap.mmap(fd['f08'], 0, prot=mmap.PROT_READ)
check('mapped', m[:], old('f08'))
write('f08', b'X', os.O_WRONLY)
check('mapped, and then written', whole(fd['f08'])[:4], b'Xhis')
os.link('d/f09', 'd/other')
write('other', b'linked')
check('written by another name', whole(fd['f09']), b'linked')
if os.fork() == 0:
    write('f10', b'child')
    check('written by myself', whole(fd['f10']), b'child')
    os._exit(0)
os.wait()
check('written by a child', whole(fd['f10']), b'child')
w = os.open('d/f11', os.O_RDWR)
m = mmap.mmap(w, 0)
os.close(w)
m[0:3] = b'MAP'
check('written by a mapping', whole(fd['f11'])[:7], b'MAPs is')
a, b = socket.socketpair()
check('sendfile', os.sendfile(a.fileno(), fd['f12'], 0, 50) and b.recv(100), old('f12')[:50])
os.fsync(fd['f13'])
fcntl.flock(fd['f13'], fcntl.LOCK_EX | fcntl.LOCK_NB)
fcntl.lockf(fd['f13'], fcntl.LOCK_SH | fcntl.LOCK_NB)
second = os.open('d/f13', os.O_RDONLY)
try:
    fcntl.flock(second, fcntl.LOCK_SH | fcntl.LOCK_NB)
    wrong.append('flock twice')
except BlockingIOError:
    pass
os.unlink('d/f13')
check('locked and unlinked', (whole(fd['f13']), whole(second)), (old('f13'), old('f13')))
os.rename('d', 'e'); os.rename('e/f14', 'e/moved')
check('in a renamed folder', (whole(fd['f14']), whole(fd['f15'])), (old('f14'), old('f15')))
os.rename('e', 'd')
again = {e: os.open('d/' + e, os.O_RDONLY) for e in os.listdir('d') if e[0] == 'f' and e != 'f07'}
for name, want in dict(f01=b'new', f03=old('f03')[:5], f06=old('f05'), f09=b'linked', f10=b'child').items():
    check(name + ' again', whole(again[name]), want)
check('a script', subprocess.run(['d/s1'], stdout=subprocess.PIPE).stdout, b'script\n')
held = {n: os.open('d/' + n, os.O_RDONLY) for n in os.listdir('d') if n[0] == 'h'}
print('changed?', flush=True)
sys.stdin.readline()
time.sleep(wait)
check('changed outside, open', whole(held['h1']), b'outside')
check('replaced outside, open', whole(held['h2']), old('h2'))
check('changed outside', [whole(os.open('d/' + n, os.O_RDONLY)) for n in ('h1', 'h2', 'h3')], [b'outside', b'replaced', b'outside'])
print(wrong or 'right', flush=True)
"""


def small(tap, what, options, wait):
    folder = work / ("small-" + what)
    shutil.rmtree(folder, ignore_errors=True)
    d = folder / "d"
    d.mkdir(parents=True)
    for name in [f"f{k:02}" for k in range(40)] + ["h1", "h2", "h3"]:
        (d / name).write_text(f"this is {name}\n" * 20)
    (d / "s1").write_text("#!/bin/sh\necho script\n")
    (d / "s1").chmod(0o755)
    (folder / "small.py").write_text(SMALL)
    p = subprocess.Popen([bailey, "run", "--stats"] + [o.format(folder) for o in options] + ["-w", str(folder), "--", PYTHON, "small.py", str(wait)], stdin=subprocess.PIPE,
                         stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    asked = p.stdout.readline() if select.select([p.stdout], [], [], 40)[0] else ""
    (d / "h1").write_text("outside"), (d / "h3").write_text("outside"), (d / "new").write_text("replaced")
    (d / "new").rename(d / "h2")
    try:
        out, err = p.communicate("yes\n", timeout=40)
    except subprocess.TimeoutExpired:
        end_tree(p.pid)
        out, err = "hangs", ""
    tap.ok(f"small files of {what}: what is done to them is seen at once, what is done outside soon", asked == "changed?\n" and out == "right\n", out + err)


def small_files(tap):
    small(tap, "a -v folder", ["-v", "{0}:{0}"], 0.1)
    small(tap, "the host's root", [], 1.2)

# Processes write files in place and by renaming while others list, open and read: nobody reads less than was written before he opened.
STORM = r"""
import mmap, os, random, struct, time
N, end = 60, time.time() + 2
shm = mmap.mmap(-1, N * 8)
def get(i):
    return struct.unpack_from('<Q', shm, i * 8)[0]
def writer(who):
    while time.time() < end:
        i = random.randrange(who, N, 2)
        data = struct.pack('<Q', get(i) + 1) * 50
        name = f'd/f{i:02}'
        if random.random() < 0.3:
            f = os.open(f'd/t{who}', os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
            os.write(f, data)
            os.rename(f'd/t{who}', name)
        else:
            f = os.open(name, os.O_WRONLY)
            os.write(f, data)
        if random.random() < 0.5:
            os.close(f)
            f = -1
        shm[i * 8:i * 8 + 8] = data[:8]
        if f >= 0:
            os.close(f)
        time.sleep(random.random() / 300)
    return 0
def reader(shuffled):
    stale = 0
    while time.time() < end:
        order = sorted(os.listdir('d'))
        if shuffled:
            random.shuffle(order)
        for name in order:
            if name[0] != 'f':
                continue
            least = get(int(name[1:]))
            f = os.open('d/' + name, os.O_RDONLY)
            stale += struct.unpack('<Q', os.pread(f, 8, 0))[0] < least
            os.close(f)
    return stale
pids = []
for work, arg in ((writer, 0), (writer, 1), (reader, False), (reader, True)):
    pid = os.fork()
    if pid == 0:
        os._exit(min(work(arg), 100))
    pids.append(pid)
print([os.waitstatus_to_exitcode(os.waitpid(p, 0)[1]) for p in pids])
"""


def small_storm(tap):
    for what, options in (("a -v folder", True), ("the host's root", False)):
        folder = work / "small-storm"
        shutil.rmtree(folder, ignore_errors=True)
        (folder / "d").mkdir(parents=True)
        for k in range(60):
            (folder / f"d/f{k:02}").write_bytes(bytes(400))
        (folder / "storm.py").write_text(STORM)
        r = run([bailey, "run"] + (["-v", f"{folder}:{folder}"] if options else []) + ["-w", folder, "--", PYTHON, "storm.py"])
        tap.ok(f"small files of {what}, written and read by many: nothing old is read", r.out == "[0, 0, 0, 0]\n", r)


FLOOD = r"""
import os, resource, time
h = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
resource.setrlimit(resource.RLIMIT_NOFILE, (h, h))
n = 0
try:
    while n < 100000:
        os.open('f%d' % (n % 10), os.O_RDWR | os.O_CREAT)
        n += 1
except OSError as e:
    print('full' if n > 500 else n, e.errno, flush=True)
if os.fork() == 0:
    os._exit(0)
print('forks', os.wait()[1], flush=True)
time.sleep(3)
"""


def descriptor_flood(tap):
    """One process opens all it can; its neighbours open files and start programs all the same."""
    folder = work / "flood"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    (folder / "flood.py").write_text(FLOOD)
    script = f"{PYTHON} flood.py > said & {PYTHON} flood.py > said2 & while ! grep -q forks said || ! grep -q forks said2; do sleep 0.2; done; for i in 1 2 3 4 5; do cat f$i && echo x > g$i; done && ls g? | wc -l; wait; sort said said2 | uniq"
    r = run(["prlimit", "--nofile=2000:2000", bailey, "run", "-v", f"{folder}:{folder}", "-w", folder, "--", "/bin/sh", "-c", script])
    tap.ok("a flood of open files stops none but itself", r.out.startswith("5\n") and "forks 0\n" in r.out and "full 24\n" in r.out, r)


# Writes much and flushes it, FLUSHES times; says when each flush began and ended, by the clock all share.
FLUSHER = r"""
import os, sys, time
f = os.open('big', os.O_RDWR | os.O_CREAT, 0o600)
for i in range(int(sys.argv[1])):
    os.lseek(f, 0, 0)
    for k in range(120):
        os.write(f, os.urandom(4096) * 256)
    begun = time.monotonic()
    os.fsync(f)
    print(begun, time.monotonic(), flush=True)
open('flushed', 'w').close()
"""
# Requests of each kind until the other has flushed: when each was answered.
ASKER = r"""
import os, sys, time
n = 0
while not os.path.exists('flushed'):
    n += 1
    name = f'{sys.argv[1]}-{n}'
    os.mkdir(name)
    open(name + '/new', 'w').close()
    os.path.exists(f"/usr/share/none-{n}")
    os.unlink(name + '/new')
    os.rmdir(name)
    print(time.monotonic(), flush=True)
"""


def neighbours_flush(tap):
    """While one guest waits for its fsync, its neighbour's requests and another sandbox's are answered."""
    folder = work / "flush"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    (folder / "flusher.py").write_text(FLUSHER)
    (folder / "asker.py").write_text(ASKER)
    inside = [bailey, "run", "-v", f"{folder}:{folder}", "-w", folder, "--"]
    other = subprocess.Popen(inside + [PYTHON, "asker.py", "other"], stdout=subprocess.PIPE, text=True)
    r = run(inside + ["/bin/sh", "-c", f"{PYTHON} asker.py same > asked & {PYTHON} flusher.py 4; wait"])
    far = [float(t) for t in other.communicate(timeout=60)[0].split()]
    near = [float(t) for t in (folder / "asked").read_text().split()]
    flushes = [tuple(map(float, line.split())) for line in r.out.splitlines()]
    begun, ended = max(flushes, key=lambda f: f[1] - f[0])
    counts = [sum(begun < t < ended for t in times) for times in (near, far)]
    # A disk that is done at once leaves no time to ask.
    tap.ok("a guest's fsync delays nobody else", r.code == 0 and len(flushes) == 4 and (ended - begun < 0.2 or min(counts) >= 2),
           r if r.code else f"# a flush of {ended - begun:.3f} s; answered meanwhile: {counts}")
    shutil.rmtree(folder, ignore_errors=True)


run_tests(Tap(patterns), [neighbours_flush, descriptor_flood, posix_locks, ofd_locks, whole_files, one_owner_inside, waiting, sudden_death, killed_picoprocess, sqlite_rollback_journal, sqlite_write_ahead_log,
                          full_folder, full_overlay, owner_of_open_file, small_files, small_storm, trees.volumes, trees.root, trees.storm, slowdisk.changes, again.changes_are_seen, again.races, again.names_from_inside])
