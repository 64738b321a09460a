#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Streams of the network: a bare program (steps.c) inside, sockets of ours on the host.

  net.py BUILD

With NET_TEST_PCAP=1 every sandbox is brokered, and its capture is checked.  All of it happens in a network name space of its own, with addresses that nobody else has (10.9.9.9 and
fd09::9 beside loopback) and a name server of ours, so nothing is sent anywhere.  Prints TAP.
"""
import ctypes, fcntl, os, pathlib, re, signal, socket, struct, subprocess, sys, tempfile, threading, time

import pcap

BUILD = pathlib.Path(sys.argv[1]).resolve()
BAILEY, STEPS = str(BUILD / "cli/bailey"), str(BUILD / "tests/net/steps.img")
V4, V6 = "10.9.9.9", "fd09::9"
count = failed = 0


def ok(name, good, why=""):
    global count, failed
    count += 1
    failed += not good
    print(f"{'ok' if good else 'not ok'} {count} - network: {name}", flush=True)
    if not good:
        for line in str(why).splitlines()[-20:]:
            print(f"# {line}", flush=True)


# ---- the surroundings ----

def enter():
    """Into name spaces of our own, once."""
    if os.environ.get("NET_TEST_INSIDE"):
        return
    os.environ["NET_TEST_INSIDE"] = "1"
    flags = ["-mn"] if os.geteuid() == 0 else ["-Urmn"]
    if subprocess.run(["unshare", *flags, "true"], stderr=subprocess.DEVNULL).returncode != 0:
        print("1..0 # SKIP no name spaces")
        sys.exit(0)
    os.execvp("unshare", ["unshare", *flags, sys.executable, *sys.argv])


def surroundings():
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    name = b"lo".ljust(16, b"\0")
    alias = b"lo:1".ljust(16, b"\0")

    def v4(a):
        return struct.pack("HH4s8x", socket.AF_INET, 0, socket.inet_aton(a))
    fcntl.ioctl(s, 0x8914, name + struct.pack("H22x", 0x49))  # UP
    fcntl.ioctl(s, 0x8916, alias + v4(V4) + b"\0" * 8)
    try:
        s6 = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
        fcntl.ioctl(s6, 0x8916, socket.inet_pton(socket.AF_INET6, V6) + struct.pack("II", 128, 1))
        v6 = True
    except OSError:
        v6 = False
    d = tempfile.mkdtemp()
    for path, text in (("resolv.conf", "# a comment\nnameserver 127.0.0.1\n"), ("hosts", f"127.0.0.1 localhost\n{V4} fromhosts Alias # last\n")):
        pathlib.Path(d, path).write_text(text)
        subprocess.run(["mount", "--bind", f"{d}/{path}", f"/etc/{path}"], check=True)
    return v6


# ---- the host's side ----

class Peer(threading.Thread):
    def __init__(self, kind, where, talk, family=socket.AF_INET):
        super().__init__(daemon=True)
        self.s = socket.socket(family, kind)
        self.s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.s.bind(where)
        if kind == socket.SOCK_STREAM:
            self.s.listen(16)
        self.talk, self.port, self.seen = talk, self.s.getsockname()[1], []
        self.start()

    def run(self):
        while True:
            try:
                self.talk(self, self.s)
            except OSError as e:
                if self.s.fileno() < 0:
                    return
                self.seen.append(e)


def echo(peer, s):
    def serve(c):
        try:
            with c:
                while data := c.recv(65536):
                    c.sendall(data)
        except OSError:
            pass
    c, who = s.accept()
    peer.seen.append(who)
    threading.Thread(target=serve, args=[c], daemon=True).start()


def swallow(peer, s):
    c, who = s.accept()
    with c:
        total = check = 0
        while data := c.recv(1 << 20):
            total += len(data)
            check += sum(data)
        peer.seen.append((total, check))


def gush(peer, s):
    c, _ = s.accept()
    with c:
        c.sendall(bytes(i * 7 & 255 for i in range(256)) * 20000)


def breaks(peer, s):
    c, _ = s.accept()
    c.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    time.sleep(0.1)
    c.close()


def udp_echo(peer, s):
    data, who = s.recvfrom(70000)
    peer.seen.append((data, who))
    s.sendto(b"re:" + data, who)


def name_of(q):
    at, labels = 12, []
    while q[at]:
        labels.append(q[at + 1:at + 1 + q[at]].decode())
        at += 1 + q[at]
    return ".".join(labels).lower(), struct.unpack(">H", q[at + 1:at + 3])[0], at + 5


def record(kind, ttl, data):
    return b"\xc0\x0c" + struct.pack(">HHIH", kind, 1, ttl, len(data)) + data


def answer_of(q, tcp):
    name, kind, end = name_of(q)
    answers, rcode, flags, authority = [], 0, 0x8180, b""
    if name == "good.test" and kind == 1:
        answers = [record(1, 300, socket.inet_aton(V4)), record(1, 300, socket.inet_aton("10.9.9.10"))]
    elif name == "good.test" and kind == 28:
        answers = [record(28, 60, socket.inet_pton(socket.AF_INET6, V6))]
    elif name == "alias.test" and kind == 1:
        answers = [record(5, 30, b"\x04good\xc0\x12"), record(1, 300, socket.inet_aton(V4))]
    elif name == "rebind.test" and kind == 1:
        answers = [record(1, 1, socket.inet_aton("127.0.0.1"))]
    elif name == "long.test" and kind == 1:
        if not tcp:
            return q[:2] + struct.pack(">HHHHH", 0x8380, 1, 0, 0, 0) + q[12:end]
        answers = [record(1, 5, bytes([10, 1, i // 250, i % 250])) for i in range(200)]
    elif name == "mail.test" and kind == 15:
        answers = [record(15, 9, struct.pack(">H", 10) + b"\x02mx\xc0\x0c")]
    elif name == "9.9.9.10.in-addr.arpa" and kind == 12:
        answers = [record(12, 7, b"\x04good\x04test\x00")]
    elif name == "silent.test":
        return None
    elif name == "loop.test":
        return q[:2] + struct.pack(">HHHHH", 0x8180, 1, 1, 0, 0) + q[12:end] + b"\xc0" + bytes([end]) + struct.pack(">HHIH", 1, 1, 1, 4) + b"abcd"
    else:
        rcode = 3
        authority = b"\x04test\0" + struct.pack(">HHIH", 6, 1, 900, 22) + b"\0\0" + struct.pack(">IIIII", 1, 2, 3, 4, 77)
    return q[:2] + struct.pack(">HHHHH", flags | rcode, 1, len(answers), 1 if authority else 0, 0) + q[12:end] + b"".join(answers) + authority


def name_server(peer, s):
    q, who = s.recvfrom(4096)
    peer.seen.append(name_of(q)[:2])
    a = answer_of(q, False)
    if a:
        s.sendto(b"xx" + a[2:], who)  # not the one that was asked for
        s.sendto(a, who)


def name_server_tcp(peer, s):
    c, _ = s.accept()
    with c:
        n = struct.unpack(">H", c.recv(2))[0]
        a = answer_of(c.recv(n), True)
        a = struct.pack(">H", len(a)) + a
        c.sendall(a[:700])
        time.sleep(0.05)
        c.sendall(a[700:])


# ---- the sandbox's side ----

class Capture:
    """Where it is wished, options that make one, and a look at it when the sandbox has ended."""
    def __init__(self, options, log=False):
        self.path = tempfile.mktemp(dir=CAPTURES.name) if CAPTURES and "--pcap" not in options else None
        more = ["--pcap", self.path, *(["--log", self.path + ".log"] if log else [])] if self.path else []
        self.options = [*more, *options]

    def check(self):
        if not self.path or not os.path.exists(self.path):
            return
        try:
            pcap.read(self.path)
        except pcap.Bad as e:
            ok(f"the capture {self.path}", False, f"{e} {self.options}")


CAPTURES = tempfile.TemporaryDirectory() if os.environ.get("NET_TEST_PCAP") else None


def run(options, steps, meanwhile=None, timeout=40):
    """The lines that the steps told, as a dictionary, and all that was said."""
    capture = Capture(options)
    p = subprocess.Popen([BAILEY, "run", "--verbose", *capture.options, "--bare", STEPS, "--", *steps], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                         stderr=subprocess.STDOUT, text=True, errors="replace")
    if meanwhile:
        threading.Thread(target=meanwhile, daemon=True).start()
    try:
        out, _ = p.communicate(timeout=timeout)
    except subprocess.TimeoutExpired:
        p.kill()
        out = p.communicate()[0] + "\ntimeout"
    capture.check()
    out = re.sub(r"bailey: view: .*\n", "", out)
    told = {}
    for line in out.splitlines():
        m = re.match(r"bailey: (\d?\S*?): ([A-Z_]+) ?(.*)$", line)
        if m and "=" in m[1]:
            told.setdefault(m[1], m[2] + (" " + m[3] if m[3] else ""))
    return told, out


def expect(name, options, steps, want, also=None, **kw):
    """steps: what is done; want: for some of them, what must be told (a pattern)."""
    told, out = run(options, steps, **kw)
    bad = [f"{s}: {told.get(s)} is not {w}" for s, w in want.items() if not re.fullmatch(w, told.get(s, ""))]
    if also and not re.search(also, out):
        bad.append(f"nothing said {also}")
    ok(name, not bad, "\n".join(bad) + "\n" + out)
    return out


def keep_trying(family, where, say, kind=socket.SOCK_STREAM):
    """A client of what is published: it may come before the program listens."""
    result = []

    def go():
        for _ in range(100):
            s = socket.socket(family, kind)
            s.settimeout(5)
            try:
                s.connect(where)
                s.sendall(say)
                result.append(s.recv(100))
                s.close()
                if result[-1]:
                    return
            except OSError as e:
                result.append(e)
            time.sleep(0.1)
    return go, result


def clients(v6):
    e = Peer(socket.SOCK_STREAM, (V4, 0), echo)
    talk = ["0.wait=write", "0.error=", "0.peer=", "0.write=ping", "0.read=100", "0.shut=WRITE", "0.read=10"]
    good = {"0.error=": "OK OK", "0.read=100": r"OK \[ping\]", "0.read=10": r"OK \[\]", "0.peer=": f"OK {V4}:{e.port}/4"}
    for net in ("host", "allow:*", f"allow:{V4}", "allow:10.9.0.0/16", f"allow:1.2.3.4,{V4}:{e.port}/tcp", f"allow:{V4}:1-65535", "allow:0.0.0.0/0"):
        expect(f"a connection, --net {net.replace(str(e.port), 'PORT')}", ["--net", net], [f"0=tcp.client:{V4}:{e.port}", *talk], good)
    expect("an IPv4 address in IPv6", ["--net", f"allow:{V4}"], [f"0=tcp.client:[::ffff:{V4}]:{e.port}", *talk], good)
    expect("an option and a local address", ["--net", "host"], [f"0=tcp.client:{V4}:{e.port}?bind={V4}:0&nodelay=1", "0.name=", "0.option=12", "0.option=24", "0.set=11:2000",
           "0.option=11"], {"0.name=": f"OK {V4}:.*", "0.option=12": r"OK 1 \(4\)", "0.option=24": "OK [a-z].*"})
    if v6:
        e6 = Peer(socket.SOCK_STREAM, (V6, 0), echo, socket.AF_INET6)
        expect("IPv6", ["--net", f"allow:[{V6}]:{e6.port}"], [f"0=tcp.client:[{V6}]:{e6.port}", "0.write=six", "0.read=10"], {"0.read=10": r"OK \[six\]"})
        expect("IPv6 by prefix", ["--net", "allow:[fd09::/16]"], [f"0=tcp.client:[{V6}]:{e6.port}", "0.write=six", "0.read=10"], {"0.read=10": r"OK \[six\]"})
    w = Peer(socket.SOCK_STREAM, (V4, 0), swallow)
    out = expect("5 MB out", ["--net", "host"], [f"0=tcp.client:{V4}:{w.port}", "0.fill=5000000", "0.shut=WRITE", "0.read=1"], {"0.fill=5000000": r"OK 5000000 \d+"})
    sent = re.search(r"0.fill=5000000: OK (\d+) (\d+)", out)
    ok("all of it came", sent and (int(sent[1]), int(sent[2])) in w.seen, w.seen)
    g = Peer(socket.SOCK_STREAM, (V4, 0), gush)
    expect("5 MB in", ["--net", "host"], [f"0=tcp.client:{V4}:{g.port}", "0.drain=9000000"], {"0.drain=9000000": f"OK 5120000 {sum(i * 7 & 255 for i in range(256)) * 20000}"})
    b = Peer(socket.SOCK_STREAM, (V4, 0), breaks)
    expect("a connection that the peer breaks off", ["--net", "host"], [f"0=tcp.client:{V4}:{b.port}", "0.read=10", "0.write=x"], {"0.read=10": "RESET", "0.write=x": "BROKEN_PIPE"})
    seen = []

    def listens(peer, s):
        c, _ = s.accept()
        c.settimeout(10)
        try:
            c.sendall(b"unread")
            time.sleep(0.3)
            seen.append(c.recv(10))
        except OSError as e:
            seen.append(e.errno)
        c.close()
    r = Peer(socket.SOCK_STREAM, (V4, 0), listens)
    expect("closed with something unread", ["--net", "host"], [f"0=tcp.client:{V4}:{r.port}", "0.wait=read", "0.close=", "sleep=200"], {"0.close=": "OK"})
    expect("closed with nothing unread", ["--net", "host"], [f"0=tcp.client:{V4}:{r.port}", "0.wait=read", "0.read=10", "0.close=", "sleep=200"], {"0.close=": "OK"})
    time.sleep(0.4)
    ok("the first was broken off, the second ended", seen == [104, b""], seen)
    expect("nobody listens", ["--net", "host"], [f"0=tcp.client:{V4}:9", "0.wait=write", "0.error=", "0.error="], {f"0=tcp.client:{V4}:9": "OK", "0.error=": "OK REFUSED"})
    expect("no way there", ["--net", "host"], ["0=tcp.client:11.1.1.1:9"], {"0=tcp.client:11.1.1.1:9": "NET_UNREACHABLE"})


def waitsets():
    e = Peer(socket.SOCK_STREAM, (V4, 0), echo)
    c = f"=tcp.client:{V4}:{e.port}"
    expect("many streams in a waitset", ["--net", "host"], ["9=waitset:", "0" + c, "1" + c, "2" + c, "9.member=0", "9.member=1", "9.member=2", "9.ready=0", "1.write=x", "9.wait=read",
           "9.ready=1", "9.ready=2", "1.read=9", "9.ready=3", "2.write=y", "9.wait=read", "9.ready=4", "9.read=9"],
           {"9.ready=0": "AGAIN", "9.wait=read": "OK", "9.ready=1": "OK 1:9 ?", "9.ready=2": "OK 1:9 ?", "9.ready=3": "AGAIN", "9.ready=4": "OK 2:9 ?", "9.read=9": "INVALID_ARG"})
    expect("none without a network", [], ["9=waitset:"], {"9=waitset:": "NOT_SUPPORTED"})


def refused():
    e = Peer(socket.SOCK_STREAM, ("127.0.0.1", 0), echo)
    far = Peer(socket.SOCK_STREAM, (V4, 0), echo)
    p = e.port

    def no(name, net, uris, want="DENIED"):
        opts = [o for n in net for o in ("--net", n)] if net else []
        steps = [f"{i}={u}" for i, u in enumerate(uris)]
        expect(name, opts, steps, {s: want for s in steps}, also="is refused" if want == "DENIED" else None)
    no("no network: nothing", [], [f"tcp.client:{V4}:{far.port}", f"tcp.server:0.0.0.0:{p}", "udp:0.0.0.0:0", "dns:a.test?type=a"], "NET_UNREACHABLE")
    no("loopback is not in *", ["allow:*"], [f"tcp.client:127.0.0.1:{p}", f"tcp.client:127.1.2.3:{p}", f"tcp.client:0.0.0.0:{p}", f"tcp.client:[::1]:{p}", f"tcp.client:[::]:{p}",
       f"tcp.client:[::ffff:127.0.0.1]:{p}", f"tcp.client:[::ffff:0.0.0.0]:{p}", f"tcp.client:[::127.0.0.1]:{p}"])
    no("nor in 0.0.0.0/0 and ::/0", ["allow:0.0.0.0/0,[::]/0"], [f"tcp.client:127.0.0.1:{p}", f"tcp.client:[::1]:{p}", "tcp.client:169.254.169.254:80", "tcp.client:[fe80::1%1]:80",
       "udp.client:224.0.0.1:99", "udp.client:255.255.255.255:99", "tcp.client:[fd00:ec2::254]:80"])
    no("::/0 is not IPv4", ["allow:[::]/0"], [f"tcp.client:{V4}:{far.port}", f"tcp.client:[::ffff:{V4}]:{far.port}"])
    no("another port, another protocol, another address", [f"allow:{V4}:{far.port + 1},{V4}:{far.port}/udp,10.9.9.8/31"], [f"tcp.client:10.9.9.10:{far.port}", f"udp.client:{V4}:{far.port + 2}0"[:24]
       if False else f"tcp.client:10.9.9.7:{far.port}"])
    no("ports of the host", ["allow:*"], [f"tcp.server:0.0.0.0:{p}", "tcp.server:127.0.0.1:0", "udp:0.0.0.0:53", "tcp.server:0.0.0.0:80?publish=0"])
    no("what is no URI", ["host"], ["tcp.client:localhost:80", "tcp.client:1.2.3:80", "tcp.client:1.2.3.4", "tcp.client:1.2.3.4:65536", "tcp.client:1.2.3.4:80?", "tcp.client:1.2.3.4:80?x=1",
       "tcp.client:[::1:80", "tcp.client:1.2.3.4:80&nodelay=1", "tcp.client:1.2.3.4:80?nodelay=x", "dns:a/b?type=a"], "INVALID_URI")
    ok("nobody came", not e.seen and not far.seen, (e.seen, far.seen))
    expect("localhost is loopback", ["--net", "allow:localhost"], [f"0=tcp.client:127.0.0.1:{p}", "0.write=hi", "0.read=9", f"1=tcp.client:{V4}:{far.port}"],
           {"0.read=9": r"OK \[hi\]", f"1=tcp.client:{V4}:{far.port}": "DENIED"})
    expect("so is 127.0.0.1, if it says so", ["--net", f"allow:127.0.0.1:{p}"], [f"0=tcp.client:0.0.0.0:{p}", "0.write=hi", "0.read=9"], {"0.read=9": r"OK \[hi\]"})


def servers(v6):
    serve = ["0.wait=read", "0.accept=1", "1.read=100", "1.write=served", "1.close=", "0.close="]
    go, got = keep_trying(socket.AF_INET, (V4, 18080), b"hello")
    expect("a published port", ["-p", "18080:80"], ["config=net", "0=tcp.server:0.0.0.0:80?publish=0&backlog=5", *serve], {"1.read=100": r"OK \[hello\]",
           "0.accept=1": rf"OK {V4}:\d+/6 {V4}:18080/6", "config=net": "OK net=none"}, also=r"net_publish=0:tcp:80::18080", meanwhile=go)
    ok("its client was served", b"served" in got, got)
    go, got = keep_trying(socket.AF_INET, ("127.0.0.1", 18081), b"hello")
    expect("published at one address", ["-p", "127.0.0.1:18081:80/tcp", "-p", "127.0.0.1:18082:81"], ["0=tcp.server:0.0.0.0:80?publish=0&backlog=5", *serve,
           "2=tcp.server:0.0.0.0:80?publish=1&backlog=5", "3=tcp.server:0.0.0.0:80?publish=2&backlog=5", "4=udp:0.0.0.0:80?publish=0"],
           {"1.read=100": r"OK \[hello\]", "2=tcp.server:0.0.0.0:80?publish=1&backlog=5": "DENIED", "3=tcp.server:0.0.0.0:80?publish=2&backlog=5": "DENIED",
            "4=udp:0.0.0.0:80?publish=0": "DENIED"}, meanwhile=go)
    ok("its client was served", b"served" in got, got)
    if v6:
        go, got = keep_trying(socket.AF_INET6, (V6, 18083), b"hello")
        expect("a client with IPv6", ["-p", "18083:80"], ["0=tcp.server:0.0.0.0:80?publish=0", "0.listen=5", *serve], {"1.read=100": r"OK \[hello\]", "0.listen=5": "OK"}, meanwhile=go)
    refusals = []

    def early():
        time.sleep(0.4)
        for _ in range(3):
            try:
                socket.create_connection((V4, 18084), 2).close()
                refusals.append("connected")
            except OSError as e:
                refusals.append(e.errno)
    expect("nobody listens behind it", ["-p", "18084:80"], ["0=tcp.server:0.0.0.0:80?publish=0&backlog=5", "0.close=", "sleep=1500"], {"0.close=": "OK"}, meanwhile=early)
    ok("so it is refused", refusals == [111] * 3, refusals)
    taken = socket.socket()
    taken.bind((V4, 18085))
    taken.listen(1)
    told, out = run(["-p", f"{V4}:18085:80"], ["config=net"])
    ok("a port that is taken", "cannot publish port 18085 (-p): Address" in out, out)
    go, got = keep_trying(socket.AF_INET, (V4, 18086), b"hello")
    expect("--net host binds", ["--net", "host"], ["0=tcp.server:0.0.0.0:18086?backlog=5", "0.name=", *serve, "2=tcp.server:0.0.0.0:0", "2.name=", "3=tcp.server:1.2.3.4:80",
           f"4=tcp.server:{V4}:18085?backlog=1"], {"1.read=100": r"OK \[hello\]", "2.name=": r"OK 0.0.0.0:\d\d+/4", "3=tcp.server:1.2.3.4:80": "ADDRESS_NOT_THERE",
           f"4=tcp.server:{V4}:18085?backlog=1": "ADDRESS_IN_USE"}, meanwhile=go)
    ok("its client was served", b"served" in got, got)


def datagrams():
    e = Peer(socket.SOCK_DGRAM, (V4, 0), udp_echo)
    other = Peer(socket.SOCK_DGRAM, (V4, 0), udp_echo)
    p, q = e.port, other.port
    expect("datagrams to a peer", ["--net", f"allow:{V4}:{p}/udp"], [f"0=udp.client:{V4}:{p}", "0.write=one", "0.from=100", "0.write=two", "0.from=4", f"1=udp.client:{V4}:{q}"],
           {"0.from=100": rf"OK {V4}:{p}/4 6 \[re:one\]", "0.from=4": rf"OK {V4}:{p}/4 6 \[re:t\]", f"1=udp.client:{V4}:{q}": "DENIED"})
    for net in ("host", f"allow:{V4}:{p}"):
        expect(f"datagrams to anybody, --net {net.replace(str(p), 'PORT')}", ["--net", net], ["0=udp:0.0.0.0:0", f"0.to={V4}:{p}/three", "0.wait=read", "0.from=100", f"0.to={V4}:{q}/no",
               "0.name="], {"0.from=100": rf"OK {V4}:{p}/4 8 \[re:three\]", f"0.to={V4}:{q}/no": "OK" if net == "host" else "DENIED"})
    ok("who is not allowed heard nothing", [d for d, _ in other.seen] == [b"no"], other.seen)
    expect("loopback's are refused", ["--net", "allow:*"], ["0=udp:0.0.0.0:0", "0.to=127.0.0.1:53/x", "0.to=0.0.0.0:53/x", "0.to=169.254.169.254:53/x"],
           {"0.to=127.0.0.1:53/x": "DENIED", "0.to=0.0.0.0:53/x": "DENIED", "0.to=169.254.169.254:53/x": "DENIED"})
    big = "x" * 3000
    expect("a long one", ["--net", "host"], ["0=udp:0.0.0.0:0", f"0.to={V4}:{p}/{big}", "0.from=10"], {"0.from=10": rf"OK {V4}:{p}/4 3003 \[re:xxxxxxx\]"})
    go, got = keep_trying(socket.AF_INET, (V4, 18090), b"hello", socket.SOCK_DGRAM)
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.bind((V4, 18091))
    s.settimeout(0.2)
    heard = []

    def client():
        time.sleep(0.3)
        for _ in range(50):
            s.sendto(b"hello", (V4, 18090))
            try:
                heard.append(s.recvfrom(100))
                return
            except OSError:
                pass
    expect("a published one answers who asked", ["-p", "18090:53/udp"], ["0=udp:0.0.0.0:53?publish=0", f"0.to={V4}:18091/early", "0.wait=read", "0.from=100", f"0.to={V4}:18091/reply",
           f"0.to={V4}:{p}/no", "sleep=200"], {f"0.to={V4}:18091/early": "DENIED", "0.from=100": rf"OK {V4}:18091/6 5 \[hello\]", f"0.to={V4}:18091/reply": "OK",
           f"0.to={V4}:{p}/no": "DENIED"}, meanwhile=client)
    ok("it was heard", heard and heard[0] == (b"reply", (V4, 18090)), heard)


def names():
    dns, tcp = Peer(socket.SOCK_DGRAM, ("127.0.0.1", 53), name_server), Peer(socket.SOCK_STREAM, ("127.0.0.1", 53), name_server_tcp)
    e = Peer(socket.SOCK_STREAM, (V4, 0), echo)
    local = Peer(socket.SOCK_STREAM, ("127.0.0.1", e.port), echo)

    def ask(uri, want, net="host", **kw):
        expect(f"{uri}, --net {net}", ["--net", net], [f"0={uri}", "0.wait=read", "0.read=9000", "0.read=10"], {"0.read=9000": want, "0.read=10": r"OK \[\]"}, **kw)
    # the log shows a line's end as a space
    ask("dns:good.test?type=a", rf"OK \[rcode 300 0 a 300 {V4} a 300 10.9.9.10 \]")
    ask("dns:GOOD.test.?type=aaaa", rf"OK \[rcode 60 0 aaaa 60 {V6} \]")
    ask("dns:alias.test?type=a", rf"OK \[rcode 300 0 cname 30 good.test a 300 {V4} \]")
    ask("dns:mail.test?type=mx", r"OK \[rcode 9 0 15 9 000a026d78046d61696c047465737400 \]")
    ask("dns:none.test?type=a", r"OK \[rcode 77 3 \]")
    ask(f"dns:{V4}?type=ptr", r"OK \[rcode 60 0 ptr 60 fromhosts \]")
    ask("dns:fromhosts?type=a", rf"OK \[rcode 60 0 a 60 {V4} \]")
    ask("dns:ALIAS?type=aaaa", r"OK \[rcode 60 0 \]")
    ask("dns:loop.test?type=a", r"OK \[rcode 0 2 \]")
    expect("an answer of 200 addresses, by TCP", ["--net", "host"], ["0=dns:long.test?type=a", "0.drain=100000"], {"0.drain=100000": r"OK 2\d\d\d \d+"})
    ask("dns:good.test?type=a", rf"OK \[rcode 300 0 .*\]", net="allow:good.test")
    ask("dns:other.test?type=a", r"OK \[rcode 0 5 \]", net="allow:good.test", also="the name other.test is not looked up")
    ask("dns:a.good.test?type=a", r"OK \[rcode 77 3 \]", net="allow:*.good.test")
    ask("dns:good.test?type=a", r"OK \[rcode 0 5 \]", net="allow:*.good.test")
    ask("dns:xgood.test?type=a", r"OK \[rcode 0 5 \]", net="allow:*.good.test")
    ask("dns:other.test?type=a", r"OK \[rcode 77 3 \]", net="allow:dns")
    asked = len(dns.seen)
    ask("dns:secret.test?type=a", r"OK \[rcode 0 5 \]", net="allow:10.0.0.0/8")
    ok("a name that is not allowed is not asked for", len(dns.seen) == asked, dns.seen[asked:])
    look, talk = ["1=dns:good.test?type=a", "1.wait=read"], [f"0=tcp.client:{V4}:{e.port}", "0.write=named", "0.read=9"]
    expect("a name's rule before it was looked up", ["--net", "allow:good.test"], talk[:1], {talk[0]: "DENIED"})
    expect("and after", ["--net", f"allow:good.test:{e.port}"], [*look, *talk, f"2=tcp.client:{V4}:{e.port + 1}"], {"0.read=9": r"OK \[named\]", f"2=tcp.client:{V4}:{e.port + 1}": "DENIED"})
    expect("a name that leads to loopback", ["--net", "allow:rebind.test"], ["1=dns:rebind.test?type=a", "1.wait=read", f"0=tcp.client:127.0.0.1:{e.port}"],
           {f"0=tcp.client:127.0.0.1:{e.port}": "DENIED"})
    ok("it did not", not local.seen, local.seen)


def rules():
    for rule in ("", "1.2.3.4/33", "1.2.3/24", "[::1", "[::1]/129", "a..b", "-", "a b", "x:0", "x:5-4", "x:1-70000", "x/sctp", "x:80/tcp/udp", "*x", "[::ffff:1.2.3.4/100]"):
        told, out = run(["--net", f"allow:{rule}"], ["config=net"]) if rule not in ("-",) else ({}, "bailey: --net ")
        ok(f"no rule: '{rule}'", "bailey: --net" in out and not told, out)
    for text in ("", "80", "x:80", "1:2:3", "80:0", "80:80/sctp", "1.2.3.4:80", "[::1:80:80", "80:65536"):
        told, out = run(["-p", text], ["config=net"])
        ok(f"nothing to publish: '{text}'", "bailey: -p" in out and not told, out)


def alive(name):
    n = 0
    for p in pathlib.Path("/proc").glob("[0-9]*/comm"):
        try:
            n += p.read_text().strip() == name and os.stat(p).st_uid == os.geteuid() and os.readlink(p.parent / "ns/net") == os.readlink("/proc/self/ns/net")
        except OSError:
            pass
    return n


def deaths():
    for how in ("monitor", "helper"):
        p = subprocess.Popen([BAILEY, "run", "--verbose", "--net", "host", "--bare", STEPS, "--", "sleep=1500", "0=tcp.server:0.0.0.0:0", "1=dns:a.test?type=a", "1.read=9"],
                             stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        for _ in range(100):
            if alive("bailey-net"):
                break
            time.sleep(0.05)
        there = alive("bailey-net")
        if how == "monitor":
            p.kill()
        else:
            for c in pathlib.Path("/proc").glob("[0-9]*/stat"):
                try:
                    f = c.read_text()
                except OSError:
                    continue
                if "(bailey-net)" in f and int(f.rsplit(")", 1)[1].split()[1]) == p.pid:
                    os.kill(int(c.parent.name), signal.SIGKILL)
        out = p.communicate(timeout=30)[0]
        time.sleep(0.1)
        ok(f"the {how} is killed", there == 1 and alive("bailey-net") == 0, f"{there} {alive('bailey-net')} {out}")
        if how == "helper":
            ok("which is said, and nothing can be reached", "the helper for the network ended" in out and "0=tcp.server:0.0.0.0:0: IO" in out, out)


def main():
    enter()
    v6 = surroundings()
    wanted = sys.argv[2:]
    for f in (rules, lambda: clients(v6), waitsets, refused, lambda: servers(v6), datagrams, names, deaths):
        name = f.__name__ if f.__name__ != "<lambda>" else f.__code__.co_names[0]
        if not wanted or name in wanted:
            f()
    ok("no helper is left", alive("bailey-net") == 0)
    print(f"1..{count}")
    sys.exit(failed != 0)


if __name__ == "__main__":
    main()
