# SPDX-License-Identifier: MIT
"""Files of -v folders that are opened again and again while the host changes them: each open finds what is there."""
import mmap, os, pathlib, random, select, shutil, struct, subprocess, sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "lib"))
from sandbox import *

build, soak, patterns = setup()
bailey = bailey_of(build)
work = work_folder(build, "again")
ROUNDS = 4000 if soak else 240


def program():
    return compile_guest(HERE / "again.c", work / "again")


def replace(path, text):
    new = path.with_suffix(".new")
    new.write_text(text)
    new.rename(path)


def folder_instead(d, text):
    other = d.with_name(d.name + ".new")
    shutil.copytree(d, other)
    for f in other.rglob("f"):
        f.write_text(text)
    d.rename(d.with_name(d.name + ".old"))
    other.rename(d)


def linked(f, then):
    other = f.parent.parent.parent / "link"
    os.link(f, other)
    then(other)


# What the host does to d/a/b/f; each is told apart by contents, mode, length, links or times.
CHANGES = {
    "write": lambda d, f: f.write_text("written"),
    "append": lambda d, f: os.write(os.open(f, os.O_WRONLY | os.O_APPEND), b"more"),
    "truncate": lambda d, f: os.truncate(f, 2),
    "replace": lambda d, f: replace(f, "another"),
    "remove": lambda d, f: f.unlink(),
    "move": lambda d, f: f.rename(d / "moved"),
    "move its folder": lambda d, f: (d / "a/b").rename(d / "a/c"),
    "move the folder above": lambda d, f: (d / "a").rename(d / "c"),
    "another folder": lambda d, f: folder_instead(d / "a/b", "of another"),
    "another folder above": lambda d, f: folder_instead(d / "a", "of another"),
    "mode": lambda d, f: f.chmod(0o604),
    "times": lambda d, f: os.utime(f, ns=(5, 7)),
    "link": lambda d, f: os.link(f, d / "link"),
    "mode by another name": lambda d, f: linked(f, lambda l: l.chmod(0o640)),
    "write by another name": lambda d, f: linked(f, lambda l: l.write_text("by the other")),
    "a link to another": lambda d, f: ((d / "other").write_text("other"), f.unlink(), f.symlink_to("../../other")),
    "a folder": lambda d, f: (f.unlink(), f.mkdir()),
    "mode of the folder": lambda d, f: (d / "a/b").chmod(0),
    "mode of the folder above": lambda d, f: (d / "a").chmod(0),
    "nothing": lambda d, f: None,
}


def expected(f):
    try:
        st = os.stat(f)
        if os.path.isdir(f):
            return None
        return f"{f.read_text()} {st.st_mode:o} {st.st_size} {st.st_nlink} {st.st_mtime_ns // 10**9}.{st.st_mtime_ns % 10**9:09}"
    except OSError as e:
        return f"errno {e.errno}"


class Teller:
    def __init__(self, folder):
        self.p = subprocess.Popen([bailey, "run", "-v", f"{folder}:{folder}", "-v", f"{program()}:/again:ro", "-w", str(folder), "--", "/again", "tell"],
                                  stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def ask(self, path):
        self.p.stdin.write(f"{path}\n")
        self.p.stdin.flush()

    def answers(self):
        return [self.p.stdout.readline().rstrip("\n") if i or select.select([self.p.stdout], [], [], 20)[0] else "silent" for i in range(3)]

    def look(self, path):
        self.ask(path)
        return self.answers()

    def end(self):
        self.p.stdin.close()
        return self.p.wait(60)


def changes_are_seen(tap):
    folder = work / "seen"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    tellers = [Teller(folder), Teller(folder)]
    wrong = []
    for n in range(ROUNDS):
        name = list(CHANGES)[n % len(CHANGES)]
        d = folder / f"r{n}"
        f = d / "a/b/f"
        f.parent.mkdir(parents=True)
        f.write_text(f"first {n}")
        before = expected(f)
        for t in tellers:
            for _ in range(random.randrange(1, 3)):
                got = t.look(f)
                if got != [before] * 3:
                    wrong.append(("before", n, got, before))
        CHANGES[name](d, f)
        after = expected(f)
        for t in tellers:  # at once
            t.ask(f)
        for t in tellers:
            got = t.answers()
            if after is not None and got != [after] * 3:
                wrong.append((name, n, got, after))
        for p in d.rglob("*"):
            p.is_dir() and not p.is_symlink() and p.chmod(0o755)
        shutil.rmtree(d) if n % 2 else None
    codes = [t.end() for t in tellers]
    tap.ok(f"files opened again: {ROUNDS} changes outside are seen by the next open of each process of two sandboxes", not wrong and codes == [0, 0],
           f"{len(wrong)} wrong, {codes}: {wrong[:6]}")
    for p in folder.rglob("*"):
        p.is_dir() and not p.is_symlink() and p.chmod(0o755)
    shutil.rmtree(folder, ignore_errors=True)


def racing(tap, what, change, gaps):
    folder = work / "race"
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "a/b").mkdir(parents=True)
    f = folder / "a/b/f"
    f.write_text("0")
    (folder / "counter").write_bytes(bytes(4096))
    count = mmap.mmap(os.open(folder / "counter", os.O_RDWR), 4096)
    racers = [subprocess.Popen([bailey, "run", "-v", f"{folder}:{folder}", "--", str(program()), "race", str(f), str(folder / "counter")],
                               stdout=subprocess.PIPE, text=True) for _ in range(2)]
    ready = [r.stdout.readline() if select.select([r.stdout], [], [], 60)[0] else "" for r in racers]
    end, v = time.time() + (60 if soak else 1.5), 0
    while time.time() < end:
        v += 1
        change(folder, f, str(v))
        count[:8] = struct.pack("Q", v)
        time.sleep(random.choice((0, 0, 0.0001, 0.001, 0.01)))
    count[:8] = b"\xff" * 8
    results = []
    for r in racers:
        try:
            results.append([int(x) for x in r.communicate(timeout=60)[0].split()])
        except subprocess.TimeoutExpired:
            end_tree(r.pid)
            results.append("hangs")
    good = ready == ["ready\n"] * 2 and all(len(r) == 3 and r[0] > 50 and r[1] == 0 and (gaps or r[2] == 0) for r in results)
    tap.ok(f"files opened again while {what}: nothing old is found", good, f"{ready} after {v} changes: opens, old ones, none: {results}")
    shutil.rmtree(folder, ignore_errors=True)


def swap(folder, f, text):
    new, old = folder / "a/new", folder / "a/old"
    shutil.rmtree(old, ignore_errors=True)
    new.mkdir()
    (new / "f").write_text(text)
    (folder / "a/b").rename(old)
    new.rename(folder / "a/b")


def races(tap):
    racing(tap, "they are replaced", lambda folder, f, text: replace(f, text), False)
    racing(tap, "their folder is replaced", swap, True)


# Makes, removes, renames and lists at random, and holds what is found against what was done.
MODEL = r"""
import os, random, stat, sys
random.seed(int(sys.argv[1]))
root = 'top' + sys.argv[1]
os.mkdir(root)
there, wrong = {root: None}, []  # contents by path; None: a folder
def names(d):
    return sorted(p[len(d) + 1:] for p in there if p.startswith(d + '/') and '/' not in p[len(d) + 1:])
def look(p):
    try:
        got = (None if stat.S_ISDIR(os.lstat(p).st_mode) else open(p).read(),)
    except FileNotFoundError:
        got = ()
    if got != ((there[p],) if p in there else ()):
        wrong.append((p, got, there.get(p, 'nothing')))
for n in range(int(sys.argv[2])):
    folders = [p for p in there if there[p] is None]
    d, what = random.choice(folders), random.randrange(9)
    p, q = (f'{x}/{random.choice("abcdefghij")}{random.randrange(6)}' for x in (d, random.choice(folders)))
    if what < 3 and there.get(p, '') is not None:
        there[p] = f'{n} ' * random.randrange(1, 200)
        with open(p, 'w') as f:
            f.write(there[p])
    elif what == 3 and there.get(p) is not None:
        os.unlink(p)
        del there[p]
    elif what == 4 and p not in there and p.count('/') < 4:
        os.mkdir(p)
        there[p] = None
    elif what == 5 and p in there and there[p] is None and not names(p):
        os.rmdir(p)
        del there[p]
    elif what == 6 and there.get(p) is not None and there.get(q, '') is not None:
        os.rename(p, q)
        there[q] = there.pop(p)
    elif what == 7 and sorted(os.listdir(d)) != names(d):
        wrong.append((d, os.listdir(d), names(d)))
    elif what == 8:
        for name in names(d):
            look(f'{d}/{name}')
    look(p)
    look(q)
print(wrong[:3] or 'right')
"""


def names_from_inside(tap):
    folder = work / "model"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    (folder / "model.py").write_text(MODEL)
    command = "; ".join([f"/usr/bin/python3 model.py {random.randrange(10**6)} {20000 if soak else 1500} &" for _ in range(2)]).replace("&;", "&") + " wait"
    r = run([bailey, "run", "-v", f"{folder}:{folder}", "-w", str(folder), "--", "/bin/sh", "-c", command], timeout=300)
    tap.ok("names of a folder that are made and removed inside: looking and listing find them", r.out == "right\nright\n", f"{command}\n{r}")
    shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    run_tests(Tap(patterns), [changes_are_seen, races, names_from_inside])
