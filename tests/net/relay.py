#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""--pcap: streams that are relayed, and the capture that is made of them.

  relay.py BUILD [NAME...]

In a network name space of its own, as net.py, whose surroundings these are; that all of net.py's and linux.py's
tests hold when relayed is seen by running them with NET_TEST_PCAP=1.  Prints TAP.
"""
import inspect, os, pathlib, shutil, signal, socket, stat, struct, subprocess, sys, tempfile, textwrap, threading, time

import net, pcap
from linux import PYTHON, inside
from net import BAILEY, V4, V6, Peer, alive, echo, ok, udp_echo

DIR = tempfile.mkdtemp()
ENOSPC_TEXT = "No space left on device"


def captured(name, options, program, *args):
    """Output, exit code, packets and connections; None and why where the capture is no good."""
    path = f"{DIR}/{name}.pcap"
    out = inside(["--pcap", path, "--log", f"{path}.log", *options], program, *args)
    try:
        return *out, *pcap.read(path)
    except (pcap.Bad, OSError) as e:
        return *out, None, e


def children(pid, name):
    found = []
    for p in pathlib.Path("/proc").glob("[0-9]*/stat"):
        try:
            text = p.read_text()
        except OSError:
            continue
        if f"({name})" in text and int(text.rsplit(")", 1)[1].split()[1]) == pid:
            found.append(int(p.parent.name))
    return found


def files():
    def refused(name, path, why):
        p = subprocess.run([BAILEY, "run", "--pcap", path, "/bin/true"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        ok(f"{name} is no capture file", p.returncode == 125 and why in p.stdout, p.stdout)
    os.mkfifo(f"{DIR}/fifo")
    os.symlink("/dev/null", f"{DIR}/link")
    refused("a pipe", f"{DIR}/fifo", "--pcap")
    refused("a device", f"{DIR}/link", "it is no file")
    refused("a folder", DIR, "--pcap")
    refused("one in no folder", f"{DIR}/none/x", "No such file")
    path = f"{DIR}/none.pcap"
    pathlib.Path(path).write_bytes(b"x" * 1000)
    p = subprocess.run([BAILEY, "run", "--pcap", path, "--net", "none", "/bin/true"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    ok("without a network it is empty, which is said", p.returncode == 0 and "stays empty" in p.stdout and pcap.read(path) == ([], []), p.stdout)
    path = f"{DIR}/new.pcap"
    first = subprocess.Popen([BAILEY, "run", "--net", "host", "--pcap", path, "/bin/sh", "-c", "echo there; read x"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                             stderr=subprocess.STDOUT, text=True)
    said = first.stdout.readline() + first.stdout.readline()
    ok("that all is relayed is said", "relayed" in said and "there" in said, said)
    ok("nobody else may read it", stat.S_IMODE(os.stat(path).st_mode) == 0o600)
    refused("another's", path, "another sandbox")
    first.communicate("\n")
    ok("no relay is left", alive("bailey-relay") == 0)


def in_urgent():
    import select, socket, sys, time
    s = socket.create_connection((sys.argv[2], int(sys.argv[1])))
    s.sendall(b"abc")
    s.send(b"!", socket.MSG_OOB)
    s.sendall(b"def")
    p = select.poll()
    p.register(s, select.POLLPRI)
    assert p.poll(10000) == [(s.fileno(), select.POLLPRI)], "no urgent data"
    got = s.recv(100)
    assert got == b"xyz", got
    assert s.recv(1, socket.MSG_OOB) == b"?"
    assert s.recv(100) == b"end"
    print("fine")


def urgent():
    def talk(peer, s):
        c, _ = s.accept()
        with c:
            got = b""
            while len(got) < 3:
                got += c.recv(3 - len(got))
            for _ in range(100):
                try:
                    peer.seen.append((got, c.recv(1, socket.MSG_OOB)))
                    break
                except OSError: # it has not come yet
                    time.sleep(0.02)
            got = b""
            while len(got) < 3:
                got += c.recv(3 - len(got))
            peer.seen.append(got)
            c.sendall(b"xyz")
            c.send(b"?", socket.MSG_OOB)
            time.sleep(0.2)
            c.sendall(b"end")
    p = Peer(socket.SOCK_STREAM, (V4, 0), talk)
    out = captured("urgent", ["--net", "host"], in_urgent, p.port, V4)
    ok("urgent data comes in", out[:2] == ("fine\n", 0) and out[2], out)
    ok("and goes out", p.seen == [(b"abc", b"!"), b"def"], p.seen)
    ok("and is told as such", out[2] and [(q.dport == p.port, q.data) for q in out[2] if q.flags & pcap.URG] == [(True, b"!"), (False, b"?")], out)


def in_half():
    import errno, socket, sys
    s = socket.create_connection((sys.argv[2], int(sys.argv[1])))
    s.sendall(b"question")
    s.shutdown(socket.SHUT_WR)
    got = b""
    try:
        while True:
            d = s.recv(100)
            if not d:
                print("an end")
                break
            got += d
    except OSError as e:
        print(got, errno.errorcode[e.errno])


def ends():
    def breaks(peer, s):
        c, _ = s.accept()
        while d := c.recv(100):
            peer.seen.append(d)
        c.sendall(b"half")
        time.sleep(0.1)
        c.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        c.close()
    p = Peer(socket.SOCK_STREAM, (V4, 0), breaks)
    out = captured("half", ["--net", "host"], in_half, p.port, V4)
    ok("a RST is none of the peer's FIN, though our side has ended", out[:2] == ("b'half' ECONNRESET\n", 0) and p.seen == [b"question"], (out, p.seen))
    ok("and is told", out[2] and [(c.sides[0].fin, c.sides[1].fin, c.reset) for c in out[3]] == [(True, False, 1)], out)

    def slow(peer, s):
        s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        c, _ = s.accept()
        with c:
            time.sleep(0.5)
            total = 0
            while d := c.recv(1 << 20):
                total += len(d)
                time.sleep(0.001)
            peer.seen.append(total)
    p = Peer(socket.SOCK_STREAM, (V4, 0), slow)
    out = captured("last", ["--net", "host"], "import socket,sys,os\ns=socket.create_connection((sys.argv[2],int(sys.argv[1])))\ns.setblocking(False)\nn=0\n"
                   "try:\n while True: n+=s.send(b'x'*65536)\nexcept BlockingIOError: pass\nprint(n, flush=True)\nos._exit(0)", p.port, V4)
    for _ in range(100):
        if not p.seen:
            time.sleep(0.1)
    ok("what was written before the end arrives", out[1] == 0 and p.seen == [int(out[0])] and int(out[0]) > 100000, (out[:2], p.seen))
    ok("and is told", out[2] and len(out[3][0].sides[0].data) == int(out[0]) and out[3][0].sides[0].fin, out[0])


def in_slow():
    import socket, sys, time
    s = socket.create_connection((sys.argv[2], int(sys.argv[1])))
    time.sleep(1)
    print("now", flush=True)
    time.sleep(0.2)
    total = 0
    while d := s.recv(1 << 20):
        total += len(d)
    print(total)


def pressure():
    def gush(peer, s):
        c, _ = s.accept()
        with c:
            c.settimeout(0.4)
            sent = 0
            try:
                while True:
                    sent += c.send(bytes(1 << 16))
            except TimeoutError:
                peer.seen.append(sent)
            c.settimeout(10)
            while sent < 30 << 20:
                sent += c.send(bytes(1 << 16))
            peer.seen.append(sent)
    p = Peer(socket.SOCK_STREAM, (V4, 0), gush)
    out = captured("slow", ["--net", "host"], in_slow, p.port, V4)
    ok("who does not read slows the peer down", out[1] == 0 and len(p.seen) == 2 and p.seen[0] < 24 << 20 and out[0] == f"now\n{p.seen[1]}\n", (out[:2], p.seen))


def deaths():
    e = Peer(socket.SOCK_STREAM, (V4, 0), echo)
    code = ("import socket,sys,time\ns=socket.create_connection((sys.argv[2],int(sys.argv[1])))\ns.sendall(b'x')\ns.recv(1)\nprint('there',flush=True)\n"
            "try:\n while True:\n  s.sendall(bytes(65536))\n  if not s.recv(65536, socket.MSG_WAITALL): raise OSError('an end')\nexcept OSError as e: print(e.errno or e, flush=True)\n"
            "try: socket.create_connection((sys.argv[2],int(sys.argv[1])))\nexcept OSError as e: print('no more')\n")
    for whose in ("monitor", "relay"):
        path = f"{DIR}/{whose}.pcap"
        p = subprocess.Popen([BAILEY, "run", "--net", "host", "--pcap", path, "--log", path + ".log", "--", PYTHON, "-c", code, str(e.port), V4], stdout=subprocess.PIPE, text=True)
        p.stdout.readline()
        time.sleep(0.1)
        os.kill(p.pid if whose == "monitor" else children(p.pid, "bailey-relay")[0], signal.SIGKILL)
        out = p.communicate(timeout=20)[0]
        time.sleep(0.1)
        try:
            told = pcap.read(path)[1]
        except pcap.Bad as why:
            told = str(why)
        if isinstance(told, str): # what was being written
            good = told in ("half a record", "a record's header")
        else:
            good = len(told) == 1 and told[0].established
        ok(f"the {whose} is killed: the capture is good", good, told)
        ok("and nobody is left", alive("bailey-relay") == alive("bailey-net") == 0)
        if whose == "relay":
            said = pathlib.Path(path + ".log").read_text()
            ok("the connection has ended, there are no new ones, and the log says so", out.split("\n")[0] in ("104", "32", "an end") and "no more" in out and "the relay for the network ended" in said, out + said)


def full():
    os.mkdir(f"{DIR}/small")
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=256k", "none", f"{DIR}/small"]).returncode != 0:
        return
    path = f"{DIR}/small/x.pcap"
    w = Peer(socket.SOCK_STREAM, (V4, 0), net.swallow)
    p = subprocess.run([BAILEY, "run", "--net", "host", "--pcap", path, "--", PYTHON, "-c", "import socket,sys\ns=socket.create_connection((sys.argv[2],int(sys.argv[1])))\n"
                        "s.sendall(bytes(1000000))\ns.shutdown(1)\ns.recv(1)\nprint('fine')", str(w.port), V4], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    ok("a disk that is full ends the capture, not the sandbox", p.returncode == 0 and "fine\n" in p.stdout and w.seen == [(1000000, 0)], (p.stdout, w.seen))
    ok("it is said once", p.stdout.count(ENOSPC_TEXT) == 1, p.stdout)
    told = pcap.read(path)[1]
    ok("the file has whole packets", len(told) == 1 and 100000 < len(told[0].sides[0].data) < 256000, told)
    subprocess.run(["umount", f"{DIR}/small"])


def in_many():
    import selectors, socket, sys
    n = int(sys.argv[3])
    sel, all_of_them, done = selectors.DefaultSelector(), [], 0
    for i in range(n):
        s = socket.create_connection((sys.argv[2], int(sys.argv[1])))
        s.setblocking(False)
        s.send(b"%d" % i)
        sel.register(s, selectors.EVENT_READ, i)
        all_of_them.append(s)
    while done < n:
        for key, _ in sel.select(10) or sys.exit("nothing more comes"):
            assert key.fileobj.recv(100) == b"%d" % key.data
            sel.unregister(key.fileobj)
            done += 1
    print("fine")


def many():
    e = Peer(socket.SOCK_STREAM, (V4, 0), echo)
    out = captured("many", ["--net", "host"], in_many, e.port, V4, 300)
    ok("300 connections at a time", out[:2] == ("fine\n", 0) and out[2] and len(out[3]) == 300 and all(c.sides[0].data == c.sides[1].data == b"%d" % i for i, c in enumerate(out[3])), out[:2])


def programs():
    def web(peer, s):
        c, _ = s.accept()
        with c:
            c.recv(10000)
            c.sendall(b"HTTP/1.0 200 OK\r\n\r\n" + bytes(range(256)) * 1000)
    p = Peer(socket.SOCK_STREAM, (V4, 0), web)
    path = f"{DIR}/curl.pcap"
    if shutil.which("curl"):
        out = subprocess.run([BAILEY, "run", "--net", f"allow:{V4}", "--pcap", path, "--log", path + ".log", "curl", "-sS", f"http://{V4}:{p.port}/x"], stdout=subprocess.PIPE)
        told = pcap.read(path)[1]
        ok("curl", out.returncode == 0 and out.stdout == bytes(range(256)) * 1000 and len(told) == 1 and told[0].sides[1].data.endswith(out.stdout), (out, told))
        ok("whose capture begins and ends as it should", told[0].established and all(s.fin for s in told[0].sides) and told[0].peer == (V4, p.port), told)
    if shutil.which("tcpdump") and os.path.exists(path):
        out = subprocess.run(["tcpdump", "-nvvr", path], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        ok("tcpdump reads it", out.returncode == 0 and "seq 0, ack 1" in out.stdout and "incorrect" not in out.stdout and "bad" not in out.stdout, out.stdout)


def in_counts():
    import errno, socket, sys
    port, dead, v4 = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
    open_one = socket.create_connection((v4, port))
    for s in (open_one, socket.create_connection((v4, port))):
        s.sendall(bytes(50000))
        got = 0
        while got < 50000:
            got += len(s.recv(50000))
    s.close()
    try:
        socket.create_connection((v4, dead))
        print("not refused")
    except OSError as e:
        print(errno.errorcode[e.errno])
    u = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    u.sendto(b"12345", (v4, port))
    assert u.recv(100) == b"re:12345"
    print(*[line.split()[1:11:8] for line in open("/proc/net/dev") if "eth0" in line], flush=True)
    sys.stdin.readline()


def counts():
    e = Peer(socket.SOCK_STREAM, (V4, 0), echo)
    Peer(socket.SOCK_DGRAM, (V4, e.port), udp_echo)
    for more in ([], ["--pcap", f"{DIR}/counts.pcap"]):
        name = f"counts{os.getpid()}"
        code = textwrap.dedent(inspect.getsource(in_counts).split("\n", 1)[1])
        p = subprocess.Popen([BAILEY, "run", "--name", name, *more, "--log", "/dev/null", "--net", f"allow:{V4}:{e.port}", "--", PYTHON, "-c", code, str(e.port), str(e.port + 1), V4],
                             stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        said = p.stdout.readline(), p.stdout.readline()
        listed = ""
        for _ in range(20):
            r = subprocess.run([BAILEY, "stats", name], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
            listed = r.stdout.split("\n")[1].split() if r.returncode == 0 else r.stdout
            if r.returncode == 0:
                break
            time.sleep(0.1)
        p.communicate("\n")
        total = (100000, 100000) if not more else (100008, 100005) # datagrams to a fixed peer only where all is brokered
        inside_in, inside_out = map(int, eval(said[1])) if said[1].startswith("[") else (0, 0)
        how = "brokered" if more else "direct"
        # the peer's FIN counts as one
        ok(f"{how}: /proc/net/dev has what went over eth0", said[0] == "EACCES\n" and 0 <= inside_in - total[0] <= 1 and inside_out == total[1], said)
        if os.access("/run", os.W_OK):
            ok(f"{how}: bailey stats says the same", listed[1:4] == [name, "100kB", "100kB"] and listed[6:9] == ["3", "0", "1"], listed)


def main():
    net.enter()
    net.surroundings()
    wanted = sys.argv[2:]
    for f in (files, programs, urgent, ends, pressure, many, counts, deaths, full):
        if not wanted or f.__name__ in wanted:
            f()
    shutil.rmtree(DIR)
    print(f"1..{net.count}")
    sys.exit(net.failed != 0)


if __name__ == "__main__":
    main()
