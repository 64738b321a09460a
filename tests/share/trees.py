# SPDX-License-Identifier: MIT
"""Trees of the host that are walked, whose folders come ahead, while they change inside and outside."""
import os, pathlib, select, shutil, subprocess, sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "lib"))
from sandbox import *

build, soak, patterns = setup()
bailey = bailey_of(build)
work = work_folder(build, "trees")
PYTHON = "/usr/bin/python3"

# Walks a while, so that folders come ahead, changes some of those that were not looked at yet, and looks.
WALK = r"""
import fcntl, os, stat, sys, time
wait, mode, writes = float(sys.argv[1]), sys.argv[2], sys.argv[3] == 'rw'
wrong = []
def check(what, got, want):
    if got != want:
        wrong.append(f'{what}: {got!r}, not {want!r}')
def look(d):
    with os.scandir(d) as it:
        names = [(e.name, e.is_dir(follow_symlinks=False)) for e in it]
    for n, folder in names:
        p = d + '/' + n
        if mode != 'names' and not folder:
            os.lstat(p)
        if mode == 'contents' and not folder and os.path.isfile(p):
            with open(p) as f:
                f.read()
    return names
def start(top, how):
    # The first few subfolders in the order of the listing, or of the alphabet, depth first.
    dirs = [n for n, folder in look(top) if folder]
    if how == 'names':
        dirs.sort()
    for d in dirs[:4]:
        for n, folder in look(f'{top}/{d}'):
            if folder:
                look(f'{top}/{d}/{n}')
    return [f'{top}/{d}' for d in dirs[4:]]
def names(d):
    return sorted(os.listdir(d))
files = ['f0', 'f1', 'f2', 'sub']
for how in ('listed', 'names'):
    rest = start('t', how)
    if writes:
        open(rest[0] + '/new', 'w').close()
        check('made', names(rest[0]), files[:3] + ['new', 'sub'])
        os.unlink(rest[0] + '/new')
        check('unmade', names(rest[0]), files)
        os.rename(rest[1] + '/f1', rest[1] + '/moved')
        check('renamed', names(rest[1]), ['f0', 'f2', 'moved', 'sub'])
        os.rename(rest[1] + '/moved', rest[1] + '/f1')
        os.rename(rest[2], 't/elsewhere')
        check('in a renamed folder', (names('t/elsewhere'), names('t/elsewhere/sub'), os.path.exists(rest[2])), (files, ['deep'], False))
        os.rename('t/elsewhere', rest[2])
        check('renamed back', names(rest[2] + '/sub'), ['deep'])
        with open(rest[3] + '/f0', 'a') as f:
            f.write('longer')
        check('written', (os.stat(rest[3] + '/f0').st_size, open(rest[3] + '/f0').read()), (len(rest[3] + '\n') + 6, rest[3] + '\nlonger'))
        os.truncate(rest[3] + '/f0', len(rest[3]) + 1)
        os.chmod(rest[4] + '/f0', 0o600)
        check('chmod', stat.S_IMODE(os.stat(rest[4] + '/f0').st_mode), 0o600)
        os.chmod(rest[4], 0o700)
        check('chmod of the folder', stat.S_IMODE(os.stat(rest[4]).st_mode), 0o700)
        os.rename(rest[5] + '/sub', rest[5] + '/sub.old')
        os.mkdir(rest[5] + '/sub')
        check('another folder of that name', (names(rest[5] + '/sub'), names(rest[5] + '/sub.old')), ([], ['deep']))
        os.rmdir(rest[5] + '/sub')
        os.rename(rest[5] + '/sub.old', rest[5] + '/sub')
        if os.fork() == 0:
            open(rest[6] + '/child', 'w').close()
            os._exit(0)
        os.wait()
        check('made by a child', names(rest[6]), ['child'] + files)
        os.unlink(rest[6] + '/child')
found = {d: (sorted(dirs), sorted(names)) for d, dirs, names in os.walk('t')}
check('all of it', len(found), 2 * 60 + 1)
for d in found:
    if d.count('/') == 1:
        check(d, found[d], (['sub'], files[:3]))
    elif d.count('/') == 2:
        check(d, found[d], ([], ['deep']))
check('many', names('many/d1'), sorted(f'name-{i}' for i in range(6000)))
start('t', 'listed')
print('changed?', flush=True)
sys.stdin.readline()
if wait == 0: # with a lock, at once
    with open('lock') as f:
        fcntl.flock(f, fcntl.LOCK_SH)
else:
    time.sleep(wait)
check('changed outside', [(names(f't/d{i}'), names(f't/d{i}/sub') if i % 2 else None) for i in range(60)],
    [(['f0', 'f1', 'outside', 'sub'] if i % 2 else files[:3], ['deep'] if i % 2 else None) for i in range(60)])
check('contents outside', [open(f't/d{i}/f0').read() for i in range(60)], ['replaced' if i % 2 else f't/d{i}\n' for i in range(60)])
print(wrong or 'right', flush=True)
"""


def make(folder):
    shutil.rmtree(folder, ignore_errors=True)
    for i in range(60):
        d = folder / f"t/d{i}"
        (d / "sub").mkdir(parents=True)
        (d / "sub/deep").write_text("deep\n")
        for k in range(3):
            (d / f"f{k}").write_text(f"t/d{i}\n")
    for i in range(3):
        (folder / f"many/d{i}").mkdir(parents=True)
    for i in range(6000):
        (folder / f"many/d1/name-{i}").touch()
    (folder / "lock").touch()
    (folder / "walk.py").write_text(WALK)


def change(folder):
    for i in range(60):
        d = folder / f"t/d{i}"
        if i % 2:
            (d / "f2").unlink()
            (d / "outside").touch()
            (d / "new").write_text("replaced")
            (d / "new").rename(d / "f0")
        else:
            shutil.rmtree(d / "sub")


def walk(tap, what, mode, options, wait, writes):
    folder = work / f"{what}-{mode}".replace(" ", "-").replace("'", "")
    make(folder)
    command = [bailey, "run"] + [o.format(folder) for o in options] + ["-w", str(folder), "--", PYTHON, "walk.py", str(wait), mode, writes]
    p = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    asked = p.stdout.readline() if select.select([p.stdout], [], [], 60)[0] else ""
    change(folder)
    try:
        out, err = p.communicate("yes\n", timeout=60)
    except subprocess.TimeoutExpired:
        end_tree(p.pid)
        out, err = "hangs", ""
    tap.ok(f"trees of {what}, {mode}: changes inside are seen at once, those outside soon", asked == "changed?\n" and out == "right\n", out + err)
    shutil.rmtree(folder, ignore_errors=True)


def volumes(tap):
    for mode in ("names", "attributes", "contents"):
        walk(tap, "a -v folder", mode, ["-v", "{0}:{0}"], 1.2, "rw")
    walk(tap, "a -v folder with a lock", "contents", ["-v", "{0}:{0}"], 0, "rw")


def root(tap):
    for mode in ("names", "contents"):
        walk(tap, "the host's root", mode, [], 1.2, "ro")


# Folders come and go while they are walked: no walk fails, and each sees what stays.
STORM = r"""
import os, sys, time
end = time.time() + float(sys.argv[1])
rounds, errors = 0, []
while time.time() < end or rounds < 2:
    seen = set()
    for d, dirs, files in os.walk('t', onerror=lambda e: None):
        seen.add(d)
        for f in files:
            if f == 'new':
                continue
            try:
                with open(d + '/' + f) as g:
                    text = g.read()
                if not text.startswith('t/') and text != 'deep\n':
                    errors.append((d, f, text))
            except FileNotFoundError:
                pass
    missing = [i for i in range(30) if f't/d{i}' not in seen or f't/d{i}/sub' not in seen]
    if missing:
        errors.append(missing)
    rounds += 1
print(errors[:3] or 'right')
"""


def storm(tap):
    folder = work / "storm"
    make(folder)
    (folder / "storm.py").write_text(STORM)
    p = subprocess.Popen([bailey, "run", "-v", f"{folder}:{folder}", "-w", str(folder), "--", PYTHON, "storm.py", "2"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    while p.poll() is None:
        for i in range(30, 60):
            shutil.rmtree(folder / f"t/d{i}")
            d = folder / f"t/d{i}"
            (d / "sub").mkdir(parents=True)
            (d / "sub/new").write_text("deep\n")  # empty for a moment, which a reader may see
            (d / "sub/new").rename(d / "sub/deep")
    out, err = p.communicate()
    tap.ok("folders that come and go outside while they are walked", out == "right\n", out + err)
    shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    run_tests(Tap(patterns), [volumes, root, storm])
