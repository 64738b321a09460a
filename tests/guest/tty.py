#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Interactive programs on a terminal, natively and under `bailey run -it`: the screens must agree.

  tty.py --bailey PATH [--times N] [--only PATTERN]

Each case starts a program on a new pseudo-terminal, types keys, each after the screen has
come to rest or shows an awaited text, and keeps what the screen shows at the end (a small
model of a terminal: text, cursor movement, erasing) and the exit code.  The terminal's
modes must be as before once bailey is done, whatever the program left.  Prints TAP.
"""
import sys

sys.path.pop(0)  # our name is that of a module which pty wants
import argparse, fcntl, fnmatch, os, pathlib, pty, re, select, shutil, signal, struct, tempfile, termios, time

ROWS, COLS = 24, 80


class Screen:
    """As much of a VT100 as vim, less and bash use with TERM=vt100."""
    TOKEN = re.compile(rb"\x1b\[([0-9;?>]*)([@-~])|\x1b[()][A-Z0-9]|\x1b([78DMEHc=>])|([\x00-\x1f\x7f])|([^\x00-\x1f\x7f\x1b]+)")

    def __init__(self):
        self.cells = [[" "] * COLS for _ in range(ROWS)]
        self.r = self.c = 0
        self.top, self.bottom, self.saved, self.rest = 0, ROWS - 1, (0, 0), b""

    def feed(self, data):
        data, pos = self.rest + data, 0
        while pos < len(data):
            m = self.TOKEN.match(data, pos)
            if not m:
                if data[pos] == 0x1b and len(data) - pos < 16:
                    break
                pos += 1
                continue
            pos = m.end()
            if m[2]:
                self.csi(m[1].decode(), m[2].decode())
            elif m[3]:
                self.esc(m[3].decode())
            elif m[4]:
                self.control(m[4][0])
            elif m[5]:
                for ch in m[5].decode("utf-8", "replace"):
                    self.put(ch)
        self.rest = data[pos:]

    def put(self, ch):
        if self.c >= COLS:
            self.c = 0
            self.down()
        self.cells[self.r][self.c] = ch
        self.c += 1

    def down(self):
        if self.r == self.bottom:
            del self.cells[self.top]
            self.cells.insert(self.bottom, [" "] * COLS)
        elif self.r < ROWS - 1:
            self.r += 1

    def up(self):
        if self.r == self.top:
            del self.cells[self.bottom]
            self.cells.insert(self.top, [" "] * COLS)
        elif self.r > 0:
            self.r -= 1

    def control(self, b):
        if b == 13:
            self.c = 0
        elif b == 10:
            self.down()
        elif b == 8:
            self.c = max(0, min(self.c, COLS - 1) - 1)
        elif b == 9:
            self.c = min(COLS - 1, (self.c // 8 + 1) * 8)

    def esc(self, ch):
        if ch == "M":
            self.up()
        elif ch in "DE":
            self.down()
        elif ch == "7":
            self.saved = (self.r, self.c)
        elif ch == "8":
            self.r, self.c = self.saved

    def csi(self, args, ch):
        if args[:1] in ("?", ">"):
            return
        n = [int(a or 0) for a in args.split(";")]
        k = max(1, n[0])
        if ch in "Hf":
            self.r, self.c = min(ROWS, k) - 1, min(COLS, max(1, n[1] if len(n) > 1 else 1)) - 1
        elif ch == "A":
            self.r = max(0, self.r - k)
        elif ch == "B":
            self.r = min(ROWS - 1, self.r + k)
        elif ch == "C":
            self.c = min(COLS - 1, self.c + k)
        elif ch == "D":
            self.c = max(0, self.c - k)
        elif ch == "G":
            self.c = min(COLS, k) - 1
        elif ch == "K":
            a, b = {0: (self.c, COLS), 1: (0, self.c + 1), 2: (0, COLS)}[n[0]]
            self.cells[self.r][a:b] = [" "] * (min(b, COLS) - min(a, COLS))
        elif ch == "J":
            lines = {0: range(self.r + 1, ROWS), 1: range(0, self.r), 2: range(0, ROWS)}[n[0]]
            for i in lines:
                self.cells[i] = [" "] * COLS
            if n[0] == 0:
                self.csi("0", "K")
        elif ch == "r":
            self.top, self.bottom = k - 1, (n[1] if len(n) > 1 and n[1] else ROWS) - 1
            self.r = self.c = 0
        elif ch in "LM":
            for _ in range(k):
                a, b = (self.bottom, self.r) if ch == "L" else (self.r, self.bottom)
                del self.cells[a]
                self.cells.insert(b, [" "] * COLS)
        elif ch == "P":
            row = self.cells[self.r]
            row[:] = (row[:self.c] + row[self.c + k:] + [" "] * COLS)[:COLS]
        elif ch == "@":
            row = self.cells[self.r]
            row[:] = (row[:self.c] + [" "] * k + row[self.c:])[:COLS]

    def text(self):
        return "\n".join("".join(r).rstrip() for r in self.cells).rstrip()


# name, programs it needs, command, steps.  A step is (keys, text to wait for or None).
CASES = [
    ("vim-edit", ["vim"], ["vim", "-u", "NONE", "-i", "NONE", "-n", "--noplugin", "text"],
     [(b"", "line 10"), (b"Gonew last line\x1b", "new last line"), (b":%s/line/LINE/\r", "LINE 30"), (b":2d\r", None), (b"gg", "LINE 1"), (b":wq\r", None)]),
    ("vim-shell", ["vim"], ["vim", "-u", "NONE", "-i", "NONE", "-n", "--noplugin", "text"],
     [(b"", "line 10"), (b":!echo in the shell\r", "in the shell"), (b"\r", "line 10"), (b":r !seq 3\r", None), (b":q!\r", None)]),
    ("less", ["less"], ["less", "text"],
     [(b"", "line 20"), (b" ", "line 30"), (b"g", "line 1"), (b"/line 17\r", "line 17"), (b"-N\r", None), (b"q", None)]),
    ("bash-jobs", ["bash"], ["bash", "--norc", "--noprofile", "-i"],
     [(b"", "bash-"), (b"PS1='> '\r", "\n>"), (b"sleep 100\r", None), (b"\x1a", "Stopped"), (b"jobs\r", None), (b"fg\r", "sleep 100\n"), (b"\x03", None), (b"echo rc $?\r", "rc 130"),
      (b"cat\r", None), (b"typed\r", "typed\ntyped"), (b"\x04", None), (b"sleep 50 | cat &\r", "[1]"), (b"kill %1; wait %1; echo rc $?\r", "rc 143"), (b"\r\r", None), (b"clear\r", None), (b"stty size; tty > /dev/null && echo is tty\r", "\nis tty"), (b"exit 7\r", None)]),
    ("bash-edit", ["bash"], ["bash", "--norc", "--noprofile", "-i"],
     [(b"", "bash-"), (b"PS1='> '\r", "\n>"), (b"echo abc\x02\x02\x02X\x01\x0b", None), (b"echo one two\x17three\r", "one three"), (b"\x1b[A\x7f\x7f\x7f\x7f\x7ffour\r", "one four"), (b"if true; then\recho yes\rfi\r", "yes"), (b"\x04", None)]),
    ("python-repl", ["python3"], ["/usr/bin/python3", "-q", "-E"],
     [(b"", ">>>"), (b"6 * 7\r", "42"), (b"import os; os.isatty(0), os.get_terminal_size()\r", "lines=24"), (b"while True: pass\r\r", None), (b"\x03", "KeyboardInterrupt"), (b"exit(3)\r", None)]),
    ("stty", ["stty"], ["sh", "-c", "stty -a | head -1; stty raw -echo; stty -a | grep -c -- -echo; stty sane; stty size; read x; echo got $x"],
     [(b"", "24 80"), (b"word\r", "got word")]),
]


def drive(command, steps, cwd, env, limit=40):
    """Screen text, exit code, whether the modes came back, and what went wrong."""
    pid, fd = pty.fork()
    if pid == 0:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        os.chdir(cwd)
        # The parent sets the size first.
        os.read(0, 1)
        os.execvpe(command[0], command, env)
    fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLS, 0, 0))
    before = termios.tcgetattr(fd)
    os.write(fd, b"\n")
    screen, end, ended, trouble = Screen(), time.time() + limit, False, ""

    def pump(quiet, text):
        nonlocal ended
        last = time.time()
        while time.time() < end:
            if text is not None and text in screen.text() + "\n":
                text, last = None, time.time()
            if text is None and time.time() - last > quiet:
                return True
            if select.select([fd], [], [], 0.02)[0]:
                try:
                    data = os.read(fd, 65536)
                except OSError:
                    data = b""
                if not data:
                    ended = True
                    return text is None
                screen.feed(data)
                last = time.time()
        return False

    for i, (keys, text) in enumerate(steps):
        if ended:
            trouble = f"it ended before step {i}"
            break
        if keys:
            os.write(fd, keys)
        if i == len(steps) - 1:
            break
        if not pump(0.25, text):
            trouble = f"step {i} did not show {text!r}"
            break
    while not trouble and not ended and time.time() < end:
        pump(0.1, None)
        if os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT):
            pump(0.1, None)
            break
    if time.time() >= end or trouble:
        trouble = trouble or "it did not end"
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
    _, status = os.waitpid(pid, 0)
    try:
        same = termios.tcgetattr(fd) == before
    except termios.error:
        same = True
    os.close(fd)
    return screen.text(), os.waitstatus_to_exitcode(status), same, trouble


def folder(work):
    d = tempfile.mkdtemp(dir=work)
    os.chmod(d, 0o755)
    pathlib.Path(d, "text").write_text("".join(f"line {i}\n" for i in range(1, 31)))
    return d


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("--bailey", required=True)
    ap.add_argument("--times", type=int, default=1)
    ap.add_argument("--only", default="*")
    args = ap.parse_args()
    bailey = os.path.abspath(args.bailey)
    work = pathlib.Path(bailey).parent / "tty-tests"
    work.mkdir(parents=True, exist_ok=True)
    env = {"PATH": os.environ["PATH"], "TERM": "vt100", "LANG": "C.UTF-8", "HOME": "/nonexistent", "INPUTRC": "/dev/null", "LESSHISTFILE": "-"}
    cases = [c for c in CASES if fnmatch.fnmatch(c[0], args.only)]
    failed = 0
    print(f"1..{len(cases)}")
    for n, (name, needs, command, steps) in enumerate(cases, 1):
        missing = [p for p in needs if shutil.which(p) is None]
        if missing:
            print(f"ok {n} - tty {name} # SKIP needs {' '.join(missing)}")
            continue
        problem = ""
        for k in range(args.times):
            dirs = folder(work), folder(work)
            native = drive(command, steps, dirs[0], env)
            options = [o for key in env for o in ("-e", f"{key}={env[key]}")]
            inside = drive([bailey, "run", "-it"] + options + ["-v", f"{dirs[1]}:{dirs[1]}", "-w", dirs[1], "--"] + command, steps, dirs[1], env)
            texts = [pathlib.Path(d, "text").read_text() for d in dirs]
            clean = [re.sub(r"^(\[\d+\]) \d+$", r"\1 PID", t[0].replace(d, "DIR"), flags=re.M) for t, d in zip((native, inside), dirs)]
            for d in dirs:
                shutil.rmtree(d)
            if native[3]:
                print(f"# {name} natively: {native[3]}")
            if clean[0] != clean[1] or native[1] != inside[1] or native[3] != inside[3] or not inside[2] or texts[0] != texts[1]:
                problem = f"round {k + 1}: exit {inside[1]} native {native[1]}, modes as before: {inside[2]}, {inside[3]}\n--- native\n{clean[0]}\n--- inside\n{clean[1]}"
                if texts[0] != texts[1]:
                    problem += "\n--- the file differs"
                break
        print(f"{'not ok' if problem else 'ok'} {n} - tty {name}")
        if problem:
            failed += 1
            print("\n".join("# " + l for l in problem.splitlines()))
        sys.stdout.flush()
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
