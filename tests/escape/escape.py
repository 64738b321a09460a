# SPDX-License-Identifier: MIT
"""Hostile guests: what gets out, and what is different on the host afterwards (nothing).

As root all cases run twice at the same time, as root and as a user who has nothing (--one: only
as who we are).  Timeouts are long, because a loaded machine is no failure; only a bug waits for them.
"""
import fcntl, os, pathlib, pty, re, select, shutil, signal, stat, subprocess, sys, tempfile, termios, threading, time

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "lib"))
sys.path.insert(0, str(HERE))
sys.path.insert(0, str(HERE.parent.parent / "tools"))
import bpf, mkfilter
from judge import *
from attempts import DEF, attempts, good_and_bad



def build_tools():
    global hostile, getfilter
    hostile, getfilter = work / "hostile", work / "getfilter"
    sources = [HERE / n for n in ("hostile.c", "attack.c", "talk.c", "forge.c", "fuzz.c", "paths.c", "scribble.c", "netops.c", "modes.c")]
    newest = max(p.stat().st_mtime for p in sources + [HERE / "hostile.h", HERE / "attack.h", ROOT / "abi/monitor.h", ROOT / "abi/dk_types.h", ROOT / "abi/net.h"])
    if not hostile.exists() or hostile.stat().st_mtime < newest:
        subprocess.run(["cc", "-O1", "-g", "-w", "-D_GNU_SOURCE", f"-iquote{ROOT}", "-static", "-no-pie", "-pthread", "-o", hostile] + sources, check=True)
    compile_guest(HERE / "getfilter.c", getfilter)
    for name in ("bombs", "frames", "folders", "elfs"):
        compile_guest(HERE / f"{name}.c", work / name)
    compile_guest(HERE / "entry.c", work / "entry", extra=["-nostdlib", "-no-pie", "-fno-stack-protector", "-fcf-protection=none"])


# ---- the filter ----

FORBIDDEN = """open openat openat2 creat stat lstat access faccessat faccessat2 execve execveat unlink unlinkat rename renameat renameat2
link linkat symlink symlinkat readlink readlinkat mkdir mkdirat rmdir mknod mknodat chmod fchmodat chown lchown fchownat truncate chdir
chroot mount umount2 pivot_root statfs statx newfstatat utimensat getxattr setxattr inotify_add_watch name_to_handle_at open_by_handle_at
socket socketpair connect bind listen accept accept4 sendmsg sendmmsg pipe pipe2 eventfd2 epoll_create1 timerfd_create signalfd4
memfd_create userfaultfd perf_event_open bpf io_uring_setup pidfd_open pidfd_getfd fanotify_init ptrace process_vm_readv process_vm_writev
kill tkill rt_sigqueueinfo prctl arch_prctl seccomp unshare setns ioctl fcntl dup dup2 dup3 clone3 ftruncate fallocate keyctl""".split()


def numbers_of():
    text = subprocess.run(["cc", "-E", "-dM", "-include", "asm/unistd_64.h", "-x", "c", "/dev/null"], capture_output=True, text=True).stdout
    return {m[1]: int(m[2]) for m in re.finditer(r"#define __NR_(\w+) (\d+)", text)}


def check_program(program, rows):
    problems = []
    base, size = mkfilter.PAL_BASE, mkfilter.PAL_SIZE
    listed = {nr: (name, terms) for nr, name, terms in rows}
    for ip in (0, 1, 0x400000, base - 1, base - 2**32, base + size, base + size + 2, base + 2**32, 0x7FFF00000000, 0x680020000000, 2**64 - 1, base & 0xFFFFFFFF):
        for nr in list(listed) + [0, 1, 59, 999, 2**32 - 1]:
            if bpf.evaluate(program, nr, ip) != bpf.TRAP:
                problems.append(f"call {nr} from {ip:#x} does not trap")
    inside = [base, base + 2, base + size // 2, base + size - 1]
    for nr in list(range(2048)) + [n | 0x40000000 for n in range(1024)] + [2**31, 2**32 - 1]:
        for ip in inside[:1] if nr not in listed else inside:
            for args in ([0] * 6, [2**64 - 1] * 6, [1] * 6, [0x684000000000] * 6):
                v = bpf.evaluate(program, nr, ip, args)
                if nr not in listed and v != bpf.KILL_PROCESS:
                    problems.append(f"call {nr} from pal: {v:#x}, not in the list")
    for nr, (name, terms) in listed.items():
        good, bad = good_and_bad(terms)
        for ip in inside:
            if bpf.evaluate(program, nr, ip, good) != bpf.ALLOW:
                problems.append(f"{name} is refused with {good}")
        problems += [f"{name} is allowed with {a}" for a in bad if bpf.evaluate(program, nr, inside[0], a) != bpf.KILL_PROCESS]
        if bpf.evaluate(program, nr, inside[0], good, arch=0x40000003) != bpf.TRAP:
            problems.append(f"{name} as int 0x80 does not trap")
    # And for all calls at once: each way to ALLOW demands the architecture, pal's range and one listed number.
    ways = 0
    for verdict, known in bpf.paths(program):
        if verdict != bpf.ALLOW:
            if verdict not in (bpf.TRAP, bpf.KILL_PROCESS):
                problems.append(f"a path ends in {verdict:#x}")
            continue
        ways += 1
        get = lambda o: known.get(o, bpf.Word())
        nr = get(0)
        if not (get(4).low == get(4).high == bpf.ARCH_X86_64):
            problems.append("a way to ALLOW does not look at the architecture")
        if not (get(12).low == get(12).high == base >> 32 and get(8).low >= (base & 0xFFFFFFFF) and get(8).high < (base & 0xFFFFFFFF) + size):
            problems.append("a way to ALLOW leaves pal's range")
        if nr.low != nr.high or nr.low not in listed:
            problems.append(f"a way to ALLOW for calls {nr.low}..{nr.high}")
    return problems, ways


def filter_as_generated(tap):
    rows = mkfilter.load(str(DEF))
    header = next((p for p in (build / "gen/pal_filter.gen.h", build / "pal/pal_filter.gen.h") if p.exists()), None)
    if not header:
        return tap.ok("the generated filter exists", False)
    program, macros = bpf.parse_header(header.read_text())
    tap.ok("the list has exactly 29 rows", len(rows) == 29 and macros.get("FILTER_ROWS") == 29, f"{len(rows)} rows")
    numbers = numbers_of()
    wrong = [f"{name} is {numbers.get(name)}, not {nr}" for nr, name, _ in rows if numbers.get(name) != nr]
    tap.ok("each row has the kernel's number for its name", not wrong, "\n".join(wrong))
    taken = [name for _, name, _ in rows if name in FORBIDDEN]
    tap.ok("no row takes a path, makes a socket or makes a descriptor", not taken, str(taken))
    problems, ways = check_program(program, rows)
    tap.ok("the generated filter allows the rows and their arguments only", not problems, "\n".join(problems[:20]))
    tap.note(f"{len(program)} instructions, {ways} ways to ALLOW")
    net_rows = mkfilter.load(str(DEF), net=True)
    net, macros = bpf.parse_header((build / "gen/pal_filter_net.gen.h").read_text())
    more = {name for _, name, _ in net_rows} - {name for _, name, _ in rows}
    tap.ok("with a network four rows more, which make and connect nothing", more == {"epoll_ctl", "epoll_pwait2", "recvfrom", "sendfile"} and macros.get("FILTER_NET_ROWS") == len(net_rows), str(more))
    problems, _ = check_program(net, net_rows)
    tap.ok("that filter allows its rows and their arguments only", not problems, "\n".join(problems[:20]))


def filter_as_loaded(tap):
    name = "the filter in a live picoprocess is the generated one, and the only one"
    if os.geteuid() != 0:
        return tap.skip(name, "needs root")
    s = Sandbox(bailey, ["-w", "/"], ["/bin/sh", "-c", "sleep 600 & echo up; read x; exit 0"], stdin=subprocess.PIPE)
    if not s.wait_line("up"):
        return tap.ok(name, False, str(s.end()))
    picos = s.picoprocesses()
    outs = [subprocess.run([getfilter, str(p)], capture_output=True, text=True) for p in picos]
    s.p.stdin.close()
    s.p.stdin = None
    r = s.end()
    if any(o.returncode == 3 for o in outs):
        return tap.skip(name, "this kernel does not show filters: " + outs[0].stderr.strip())
    header = (build / "gen/pal_filter.gen.h")
    program, _ = bpf.parse_header(header.read_text())
    problems = [] if len(picos) >= 3 else [f"{len(picos)} picoprocesses found"]
    for o in outs:
        lines = o.stdout.splitlines()
        words = [[int(w, 16) for w in l.split()] for l in lines]
        loaded = [[tuple(w[i:i + 4]) for i in range(0, len(w), 4)] for w in words]
        if o.returncode or loaded != [program]:
            problems.append(f"{len(loaded)} filters, equal: {[l == program for l in loaded]} {o.stderr}")
    tap.ok(name, not problems and r.code == 0, "\n".join(problems) + f"\n{r}")


def picoprocess_has_nothing_else(tap):
    """What the launcher must have taken away, seen from the host."""
    import socket
    listening = socket.socket()
    listening.bind(("127.0.0.1", 0))
    listening.listen()
    folder = os.open("/", os.O_RDONLY)
    secret = os.open(__file__, os.O_RDONLY)
    s = Sandbox(bailey, ["-w", "/"], ["/bin/sh", "-c", "sleep 600 & echo up; read x; exit 0"], stdin=subprocess.PIPE, pass_fds=[listening.fileno(), folder, secret])
    if not s.wait_line("up", PATIENCE):
        return tap.ok("a sandbox starts", False, str(s.end()))
    problems = []
    for p in s.picoprocesses():
        problems += [f"{p}: a {kind} socket" for kind, _ in sockets([p]) if kind != "unix"]
        problems += [f"{p}: holds the caller's file" for fd in os.listdir(f"/proc/{p}/fd") if os.readlink(f"/proc/{p}/fd/{fd}") == os.path.realpath(__file__)]
    for fd in (folder, secret):
        os.close(fd)
    listening.close()
    for p in s.picoprocesses():
        st = read(f"/proc/{p}/status")
        get = lambda k: (re.search(rf"^{k}:\s*(.*)$", st, re.M) or ["", ""])[1]
        for k in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"):
            if int(get(k) or "1", 16):
                problems.append(f"{p}: {k} is {get(k)}")
        if get("NoNewPrivs") != "1" or get("Seccomp") != "2":
            problems.append(f"{p}: NoNewPrivs {get('NoNewPrivs')}, Seccomp {get('Seccomp')}")
        if os.geteuid() == 0 and get("Uid").split()[0] == "0":
            problems.append(f"{p}: runs as root of the host")
        for ns in ("user", "pid", "mnt", "ipc", "uts", "cgroup"):
            if os.readlink(f"/proc/{p}/ns/{ns}") == os.readlink(f"/proc/self/ns/{ns}"):
                problems.append(f"{p}: shares the host's {ns} namespace")
        if len(s.picoprocesses()) < 3:
            problems.append("fewer processes than there are")
        mounts = read(f"/proc/{p}/mounts").splitlines()
        if len(mounts) != 1 or os.listdir(f"/proc/{p}/root"):
            problems.append(f"{p}: sees mounts {mounts[:3]} and files {os.listdir(f'/proc/{p}/root')[:5]}")
        for fd in os.listdir(f"/proc/{p}/fd"):
            link = os.readlink(f"/proc/{p}/fd/{fd}")
            if not re.match(r"socket:|pipe:|/memfd:bailey|anon_inode:\[eventpoll\]|/dev/(null|pts/)", link) and not link.endswith(".img") and os.path.isdir(f"/proc/{p}/fd/{fd}"):
                problems.append(f"{p}: holds the folder {link}")
        limits = read(f"/proc/{p}/limits")
        if not re.search(r"Max core file size\s+0\s+0", limits):
            problems.append(f"{p}: may write a core")
        for line in read(f"/proc/{p}/maps").splitlines():
            if " rwx" in line and "6800000" in line.split("-")[0]:
                problems.append(f"{p}: pal's text is writable: {line}")
    s.p.stdin.close()
    s.p.stdin = None
    r = s.end()
    tap.ok("a picoprocess has no capability, namespace, mount or folder of the host", not problems, "\n".join(problems) + f"\n{r}")


# ---- system calls ----

def numbers(tap):
    for how in ("syscall", "jit", "int80", "x32"):
        attack(tap, f"every number by {how}", ["numbers", how])


def through_pals_instruction(tap):
    addr = symbol("host_call")
    if not addr:
        return tap.skip("calls through pal's instruction", "pal.img has no symbols")
    lines, harsh = attempts()
    attack(tap, "calls through pal's own instruction", ["pal", addr], input=lines, timeout=1200 if soak else PATIENCE)
    attack(tap, "listed calls on the sandbox's own memory", ["pal", addr], input=harsh, timeout=SHORT, judge=may_die([]))
    attack(tap, "calls from code mapped over pal's range", ["replace", addr])
    attack(tap, "calls from 32-bit code, by sysenter and by the vsyscall page", ["modes"])


# Each way to a socket of the host's that no rule allows: an address, a mapped one, a datagram, FASTOPEN, unix names.
WAYS = """import socket, sys
port, udp, path, name = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3], sys.argv[4]
def way(what, f):
    try:
        print('BAD' if f() else 'done', what)
    except OSError as e:
        print('done', what, e.errno)
def stream(family, where):
    s = socket.socket(family, socket.SOCK_STREAM)
    s.settimeout(3)
    s.connect(where)
    s.sendall(b'in')
    return family == socket.AF_UNIX or where[0] not in ('127.0.0.1', '0.0.0.0', '::1', '::')
def fast(family, where):
    s = socket.socket(family, socket.SOCK_STREAM)
    s.settimeout(3)
    s.sendto(b'in', 0x20000000, where)
def datagram(family, where):
    socket.socket(family, socket.SOCK_DGRAM).sendto(b'in', where)
for a in ('127.0.0.1', '127.9.9.9', '0.0.0.0', sys.argv[5]):
    way(a, lambda: stream(socket.AF_INET, (a, port)))
    way('fast ' + a, lambda: fast(socket.AF_INET, (a, port)))
    way('udp ' + a, lambda: datagram(socket.AF_INET, (a, udp)))
for a in ('::1', '::', '::ffff:127.0.0.1', '::ffff:0.0.0.0', '::127.0.0.1'):
    way(a, lambda: stream(socket.AF_INET6, (a, port)))
    way('fast ' + a, lambda: fast(socket.AF_INET6, (a, port)))
    way('udp ' + a, lambda: datagram(socket.AF_INET6, (a, udp)))
for a in (path, '\\0' + name):
    way('unix ' + a[1:], lambda: stream(socket.AF_UNIX, a))
    way('unix datagram ' + a[1:], lambda: datagram(socket.AF_UNIX, a + '.d'))
print('done ways')
"""


def requests_of_the_network(tap, addr):
    """One port of each kind is granted; the monitor is asked for all else, by whoever speaks to it himself."""
    import socket

    def on_loopback(kind, port=0):
        s = socket.socket(socket.AF_INET6, kind)
        s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        s.bind(("::", port))
        s.setblocking(False)
        if kind == socket.SOCK_STREAM:
            s.listen(100)
        return s, s.getsockname()[1]
    (tcp, port), (udp, udp_port), (other, no) = on_loopback(socket.SOCK_STREAM), on_loopback(socket.SOCK_DGRAM), on_loopback(socket.SOCK_STREAM)
    other_udp, _ = on_loopback(socket.SOCK_DGRAM, no)

    def judge(r):
        problems = [] if r.code == 0 and "done net" in r.out else [f"exit {r.code}"]
        for s, look in ((other, lambda s: s.accept()), (other_udp, lambda s: s.recv(10))):
            try:
                look(s)
                problems.append(f"somebody reached {s}")
            except BlockingIOError:
                pass
        return problems
    folder = tempfile.mkdtemp()
    os.chmod(folder, 0o777)
    for more in ([], ["--pcap", f"{folder}/net.pcap"]):
        if addr:
            attack(tap, f"requests of the network that nothing allows{', all brokered' if more else ''}", ["net", addr, port, udp_port, no],
                   options=["--net", f"allow:127.0.0.1:{port}/tcp,127.0.0.1:{udp_port}/udp", *more], judge=judge, kinds=("unix", "tcp", "udp"))
    for s in (tcp, udp, other, other_udp):
        s.close()
    shutil.rmtree(folder)


def with_a_network(tap):
    """What is granted opens nothing else: calls through pal's instruction, and the host's sockets by every name they have."""
    import socket
    addr = symbol("host_call")
    if addr:
        attack(tap, "calls through pal's own instruction, with a network", ["pal", addr], options=["--net", "allow:localhost:9"], input=attempts(net=True)[0], timeout=1200 if soak else PATIENCE)
    requests_of_the_network(tap, addr)
    if not os.access("/usr/bin/python3", os.X_OK):
        return tap.skip("the host's sockets by every name they have", "needs /usr/bin/python3")
    folder = tempfile.mkdtemp()
    name = f"bailey-escape-{os.getpid()}"
    own = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    try:
        own.connect(("192.0.2.1", 9))
        address = own.getsockname()[0]
    except OSError:
        address = "127.0.0.2"
    tcp, udp = socket.socket(), socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
    tcp.bind(("0.0.0.0", 0))
    udp.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
    udp.bind(("::", 0))
    bound = [tcp, udp]
    for kind, end in ((socket.SOCK_STREAM, ""), (socket.SOCK_DGRAM, ".d")):
        for where in (f"{folder}/s{end}", f"\0{name}{end}"):
            s = socket.socket(socket.AF_UNIX, kind)
            s.bind(where)
            bound.append(s)
    os.chmod(folder, 0o777)
    for s in bound:
        s.setblocking(False)
        if s.type == socket.SOCK_STREAM:
            s.listen()

    def reached(r):
        problems = [] if r.code == 0 and "done ways" in r.out else [f"exit {r.code}"]
        for s in bound:
            try:
                s.accept() if s.type == socket.SOCK_STREAM else s.recv(10)
                problems.append(f"somebody reached {s}")
            except BlockingIOError:
                pass
        return problems
    args = ["-c", WAYS, tcp.getsockname()[1], udp.getsockname()[1], "/shared/s", name, address]
    for options in ([], ["--net", "allow:192.0.2.77:1,dns"]):
        attack(tap, f"the host's sockets by every name they have, {' '.join(options)}", args, guest="/usr/bin/python3", options=[*options, "-v", f"{folder}:/shared"], judge=reached)
    for s in bound:
        s.close()
    shutil.rmtree(folder)


STACKS = """0 1 8 fff 10000 400000 7fffffffffff 800000000000 ffff800000000000 ffffffffff600000 fffffffffffffff8 ffffffffffffffff
680000001000 680000000008 680020001000 680100000008 680100009000 680200000100 681000000100 684000000008 690000000000""".split()


def first_system_calls(tap):
    """With stack pointers that point nowhere, into the kernel, into pal, the library OS and its stacks."""
    script = "for v in %s; do for h in plain number flags fs gs fork thread exec trap signal; do \"$0\" $h $v 2>/dev/null; echo $h $v $?; done; done; echo done" % " ".join(STACKS)
    quiet = lambda: os.setpgid(0, 0)
    native = run(["sh", "-c", "ulimit -c 0; " + script, work / "entry"], timeout=PATIENCE, preexec_fn=quiet)

    def judge(r):
        problems = [] if r.code == 0 and "done" in r.out else [f"exit {r.code}"]
        for was, now in zip(native.out.splitlines(), r.out.splitlines()):
            # GS is the library OS's; a frame for a signal may find memory where natively is none.
            if was != now and not re.match("gs |signal ", now):
                problems.append(f"natively {was}, inside {now}")
        return problems

    attack(tap, "system calls with a zero or wild stack pointer end as they do natively", ["-c", script, "/guest/entry"], guest="/bin/sh", judge=judge)
    for value in STACKS if soak else STACKS[::5]:
        for how, want in (("plain", 7), ("thread", 7), ("trap", 133)):
            attack(tap, f"the first call of the first program with stack pointer {value}, {how}", [how, value], guest="/guest/entry",
                   judge=lambda r: [] if r.code == want else [f"exit {r.code}, not {want}"])


def inherited_terminal(tap):
    """Under a terminal, with a known file mode on the descriptors: nothing of it stays changed."""
    try:
        master, slave = pty.openpty()
    except OSError as e:
        return tap.skip("termios, flags, mode and owner of an inherited terminal stay", f"this user gets no terminal: {e}")
    attrs, flags = termios.tcgetattr(slave), fcntl.fcntl(slave, fcntl.F_GETFL)
    before = os.fstat(slave)
    p = subprocess.Popen([bailey, "run", "-t", "-v", f"{work}:/guest:ro", "-w", "/", "--", "/guest/hostile", "numbers", "jit"], stdin=slave, stdout=slave, stderr=slave, start_new_session=True)
    out, end = b"", time.time() + PATIENCE
    while time.time() < end:
        if select.select([master], [], [], 0.2)[0]:
            out += os.read(master, 65536)
        elif p.poll() is not None:
            break
    if p.poll() is None:
        end_tree(p.pid)
    code = p.wait()
    after = os.fstat(slave)
    tap.ok("termios, flags, mode and owner of an inherited terminal stay", code == 0 and termios.tcgetattr(slave) == attrs and fcntl.fcntl(slave, fcntl.F_GETFL) == flags
           and (before.st_mode, before.st_uid, before.st_gid) == (after.st_mode, after.st_uid, after.st_gid),
           f"exit {code}, flags {flags:o} {fcntl.fcntl(slave, fcntl.F_GETFL):o}, mode {before.st_mode:o} {after.st_mode:o}\n{out[-600:]!r}")
    addr = symbol("host_call")
    if addr:
        p = subprocess.Popen([bailey, "run", "-v", f"{work}:/guest:ro", "-w", "/", "--", "/guest/hostile", "forge", addr, "attributes"], stdin=slave, stdout=slave, stderr=slave, start_new_session=True)
        try:
            p.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            end_tree(p.pid)
            p.wait()
        after = os.fstat(slave)
        tap.ok("raw attribute requests on an inherited terminal leave nothing", termios.tcgetattr(slave) == attrs
               and (before.st_mode, before.st_uid, before.st_gid) == (after.st_mode, after.st_uid, after.st_gid), f"mode {before.st_mode:o} {after.st_mode:o}")
    os.close(master)
    os.close(slave)


# ---- the channel ----

def forged_requests(tap):
    addr = symbol("host_call")
    if not addr:
        return tap.skip("forged requests", "pal.img has no symbols")
    attack(tap, "forged, torn, oversize and lying requests", ["forge", addr], timeout=3 * PATIENCE)
    attack(tap, "processes with the numbers of others and a lying parameter", ["lie", addr], timeout=SHORT, judge=may_die([]))
    for seed in range(40 if soak else 2):
        attack(tap, f"random requests, seed {seed}", ["fuzz", addr, seed, 40000 if soak else 4000], timeout=3 * PATIENCE)


def path_tricks(tap):
    addr = symbol("host_call")
    if not addr:
        return tap.skip("path tricks", "pal.img has no symbols")
    names = lambda p: [str(p.outside / "secret"), str(p.top / "beside"), "/outside/secret", "/../outside/secret", str(p.top / "new")]
    # The guest cannot know the folder's name, but may guess it.
    attack(tap, "path tricks", lambda p: ["paths", addr, MARKER] + names(p) + ["/etc/shadow", "/root/.bashrc"])


def races(tap):
    addr = symbol("host_call")
    if not addr:
        return tap.skip("races", "pal.img has no symbols")
    attack(tap, "a folder that is a link by turns, swapped by the guest", ["race", addr, MARKER, "/vol", 20000 if soak else 1500], timeout=PATIENCE)
    # Swapped by somebody on the host, in a granted folder.
    place = Place()
    before = place.hash()
    real, evil, d = place.vol / "host/real", place.vol / "host/evil", place.vol / "host/d"
    real.mkdir()
    (real / "secret").write_text("innocent\n")
    evil.symlink_to(place.outside)
    stop = threading.Event()

    def swap():
        while not stop.is_set():
            for a in (real, evil):
                try:
                    os.rename(a, d)
                    os.rename(d, a)
                except OSError:
                    pass

    t = threading.Thread(target=swap, daemon=True)
    t.start()
    r = run([bailey, "run"] + place.options() + ["--", "/guest/hostile", "race", addr, MARKER, "/vol/host", 20000 if soak else 1500], timeout=PATIENCE)
    stop.set()
    t.join()
    tap.ok("a folder that is a link by turns, swapped on the host", r.code == 0 and "BAD" not in r.out and "done" in r.out and place.hash() == before, str(r))
    place.remove()


def swarms(tap):
    addr = symbol("host_call")
    if not addr:
        return tap.skip("swarms", "pal.img has no symbols")
    many = [40000 if soak else 3000]
    ended = lambda r: [] if r.code is not None else ["bailey does not end"]
    attack(tap, "streams and copies without end", ["swarm", addr] + many, judge=ended)
    attack(tap, "a swarm under --pids 64", ["swarm", addr] + many, options=["--pids", "64"], judge=ended)

    def panicked(r):
        return ([] if r.code == 125 else [f"exit {r.code}, not 125"]) + ([] if "panic" in r.err else ["no message"]) + (["control characters in the log"] if re.search("[\x00-\x08\x0b-\x1f\x7f]", r.err) else [])

    attack(tap, "a forged panic ends this sandbox alone, with a clean message", ["panic", addr], judge=panicked)


# ---- scribbling ----

def scribbles(tap):
    addr = symbol("host_call")
    if not addr:
        return tap.skip("scribbles", "pal.img has no symbols")
    hung, names = [], []
    for where in ("truncate", "arena", "arena-ones", "arena-zeros", "data", "palshared", "palshared-ones", "threads", "tb", "slots", "heap", "hole", "hole-pal",
                  "map-pal", "map-linux", "map-stack", "unmap-all", "kick", "wake", "storm-arena", "storm-tables", "storm-pal", "storm-streams"):
        before = len(hung)
        for _ in range(10 if soak else 1):
            attack(tap, f"scribbling: {where}", ["scribble", addr, where], judge=may_die(hung), timeout=SHORT)
        if len(hung) > before:
            names.append(where)
    if names:
        tap.note("these left a sandbox that did not end by itself (it was killed, and left nothing): " + " ".join(names))


# ---- contexts, folders, programs, bombs: by plain system calls ----

def forged_contexts(tap):
    for seed in range(20 if soak else 2):
        attack(tap, f"forged signal frames, foreign stacks, own code over the library OS, seed {seed}", [seed, 1500 if soak else 150], guest="/guest/frames", timeout=3 * PATIENCE,
               judge=may_die([])) # a stack in memory that the sandbox shares is as good as scribbling there


def storms_on_folders(tap):
    attack(tap, "storms of renames, links and swapped links in a granted folder", [MARKER, "/vol/host", 60000 if soak else 3000], guest="/guest/folders")
    # Somebody on the host swaps the same names meanwhile.
    stop = threading.Event()

    def swap(d):
        # A file of its own, by descriptor: what lies at a path in there the guest could have made a link of the file outside.
        own = os.open(d, os.O_TMPFILE | os.O_WRONLY)
        while not stop.is_set():
            for step in (lambda: os.symlink(d.parent.parent / "outside", d / "host-out"), lambda: os.rename(d / "host-out", d / "d"), lambda: os.unlink(d / "d"),
                         lambda: os.rename(d / "own", d / "d"), lambda: os.rename(d / "d", d / "own"), lambda: os.link(f"/proc/self/fd/{own}", d / "d", follow_symlinks=True)):
                try:
                    step()
                except OSError:
                    pass
        os.close(own)

    def args(place):
        threading.Thread(target=swap, args=[place.vol / "host"], daemon=True).start()
        return [MARKER, "/vol/host", 60000 if soak else 3000]

    attack(tap, "the same, while the host does it too", args, guest="/guest/folders")
    stop.set()


def mutilated_programs(tap):
    for name, program in (("static", "/guest/entry"), ("dynamic", "/bin/true")):
        for seed in range(10 if soak else 1):
            attack(tap, f"mutilated programs, {name}, seed {seed}", [program, seed + 1, 1500 if soak else 120], guest="/guest/elfs", timeout=3 * PATIENCE)


BOMBS = "fork thread vfork descriptor pipe socket flight listener memory shared mapping inotify epoll file depth full signal timer".split()


def resource_bombs(tap):
    bombs(tap, BOMBS, lambda kind, judge: attack(tap, f"a bomb of kind {kind}", [kind, 20 if soak else 1], guest="/guest/bombs", options=BOMB_LIMITS, judge=judge, timeout=PATIENCE))


# ---- what others wrote to break kernels ----

# trinity often ends while it prepares (its socket options point nowhere), so it is begun anew until the time is over.
TRINITY = """cd /tmp; end=$(( $(date +%%s) + %d ))
while [ $(date +%%s) -lt $end ]; do timeout -k 5 60 trinity -q -C 4 --dangerous -l off >/tmp/out 2>&1; n=$((n + 1)); done; echo done trinity: begun $n times"""
STRESS = "cd /tmp; stress-ng --class os --sequential 1 --timeout %d --temp-path /tmp 2>&1 | tail -3; echo done stress-ng"


def fuzzers_of_others(tap):
    """The sandbox may die; nothing outside it may."""
    if not soak:
        return
    for name, script, length in (("trinity", TRINITY % 600, 600), ("stress-ng", STRESS % 4, 1500)):
        if not shutil.which(name):
            tap.skip(f"{name} within", f"{name} is not installed")
            continue
        attack(tap, f"{name} within", ["-c", script], guest="/bin/sh", options=["-m", "1g", "--pids", "500"], judge=may_die([]), timeout=length + PATIENCE)


build_tools()
if not one:
    as_both(__file__)
run_tests(Tap(patterns), [filter_as_generated, filter_as_loaded, picoprocess_has_nothing_else, numbers, through_pals_instruction, with_a_network, first_system_calls,
                          inherited_terminal, forged_requests, path_tricks, races, swarms, scribbles, forged_contexts, storms_on_folders, mutilated_programs, resource_bombs, fuzzers_of_others])
