#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Sockets of Linux programs that reach beyond the sandbox; servers and clients of ours on the host.

  linux.py BUILD [NAME...]

In a network name space of its own, as net.py, whose surroundings these are.  Prints TAP.
"""
import difflib, inspect, os, pathlib, signal, socket, subprocess, sys, textwrap, threading, time

import net
from net import BAILEY, V4, V6, Peer, echo, ok, udp_echo

PYTHON = "/usr/bin/python3"


def inside(options, program, *args, timeout=60):
    """A function's body as a program within: its output and exit code."""
    code = program if isinstance(program, str) else textwrap.dedent(inspect.getsource(program).split("\n", 1)[1])
    capture = net.Capture(options, True)
    p = subprocess.run([BAILEY, "run", *capture.options, "--", PYTHON, "-c", code, *map(str, args)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=timeout)
    capture.check()
    return p.stdout.decode(errors="replace"), p.returncode


class Server:
    """A program within that serves; ready once it has said so."""

    def __init__(self, options, program, *args):
        code = textwrap.dedent(inspect.getsource(program).split("\n", 1)[1])
        self.capture = net.Capture(options, True)
        self.p = subprocess.Popen([BAILEY, "run", *self.capture.options, "--", PYTHON, "-uc", code, *map(str, args)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        self.first = self.p.stdout.readline().decode()

    def end(self):
        self.p.stdin.close()
        try:
            self.p.wait(20)
        except subprocess.TimeoutExpired:
            self.p.kill()
            return self.first + "does not end"
        self.capture.check()
        return self.first + self.p.stdout.read().decode(errors="replace")


# ---- within: TCP clients ----

def in_client():
    import errno, os, select, socket, struct, sys, threading, time
    port, dead, v4 = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
    s = socket.create_connection((v4, port))
    assert s.getpeername() == (v4, port) and s.getsockname()[1] != 0, (s.getpeername(), s.getsockname())
    s.sendall(b"x" * 300000 + b"end")
    got = b""
    while not got.endswith(b"end"):
        got += s.recv(65536)
    assert len(got) == 300003
    s.sendall(b"peek")
    assert s.recv(10, socket.MSG_PEEK | socket.MSG_WAITALL) == b"peek"[:10] and s.recv(2) == b"pe" and s.recv(10) == b"ek"
    s.settimeout(0.2)
    t = time.time()
    try:
        s.recv(1)
        assert 0
    except TimeoutError:
        assert 0.15 < time.time() - t < 3
    s.settimeout(None)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, struct.pack("ll", 0, 200000))
    try:
        s.recv(1)
        assert 0
    except BlockingIOError:
        pass
    s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, struct.pack("ll", 0, 0))
    s.sendmsg([b"a" * 10, b"b" * 20, b"c"])
    b1, b2 = bytearray(5), bytearray(26)
    assert s.recvmsg_into([b1, b2], 0, socket.MSG_WAITALL)[0] == 31 and b1 + b2 == b"a" * 10 + b"b" * 20 + b"c"
    assert s.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) == 0
    s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    assert s.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) == 1
    assert len(s.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 256)) > 100
    threading.Timer(0.2, s.shutdown, [socket.SHUT_WR]).start()
    assert s.recv(1) == b"" # the peer's end follows ours
    try:
        s.send(b"x")
        assert 0
    except BrokenPipeError:
        pass
    s.close()
    for nonblock in (False, True):
        s = socket.socket()
        s.setblocking(not nonblock)
        e = s.connect_ex((v4, dead))
        if nonblock:
            assert e == errno.EINPROGRESS, e
            assert select.select([], [s], [], 5)[1] == [s]
            e = s.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        assert e == errno.ECONNREFUSED, e
        s.setblocking(False)
        e = s.connect_ex((v4, port))
        assert e == errno.EINPROGRESS, e
        p = select.poll()
        p.register(s, select.POLLOUT)
        assert p.poll(5000) == [(s.fileno(), select.POLLOUT)]
        assert s.connect_ex((v4, port)) in (0, errno.EISCONN) and s.connect_ex((v4, port)) == errno.EISCONN
        s.close()
    print("fine")


def in_epoll():
    import os, select, socket, sys
    port, v4 = int(sys.argv[1]), sys.argv[2]
    n = int(sys.argv[3])
    e = select.epoll()
    socks = {}
    for i in range(n):
        s = socket.socket()
        s.setblocking(False)
        if i % 2:
            e.register(s, select.EPOLLIN | select.EPOLLOUT | select.EPOLLET)
        s.connect_ex((v4, port))
        if i % 2 == 0:
            e.register(s, select.EPOLLOUT)
        socks[s.fileno()] = [s, b"", 0]
    r, w = os.pipe()
    e.register(r, select.EPOLLIN)
    os.write(w, b"x")
    piped = done = 0
    while done < n:
        events = e.poll(10)
        assert events, (done, n)
        assert len(set(fd for fd, _ in events)) == len(events)
        for fd, mask in events:
            if fd == r:
                piped += len(os.read(r, 10))
                continue
            c = socks[fd]
            if mask & select.EPOLLOUT and not c[2]:
                c[0].send(b"%06d" % fd)
                c[2] = 1
                if list(socks).index(fd) % 2 == 0:
                    e.modify(fd, select.EPOLLIN)
            if mask & select.EPOLLIN:
                try:
                    c[1] += c[0].recv(100)
                except BlockingIOError:
                    pass
                if len(c[1]) == 6 and c[2] == 1:
                    assert c[1] == b"%06d" % fd
                    c[2] = 2
                    done += 1
    assert piped == 1
    print("fine")


def in_watch():
    import os, select, socket, sys, time
    port, v4 = int(sys.argv[1]), sys.argv[2]
    def conn():
        return socket.create_connection((v4, port))
    s, e = conn(), select.epoll()
    e.register(s, select.EPOLLIN)
    pid = os.fork()
    if pid == 0: # an epoll that two processes have
        assert e.poll(5) == [(s.fileno(), select.EPOLLIN)] and s.recv(3) == b"one"
        t = conn()
        e.register(t, select.EPOLLIN | select.EPOLLONESHOT)
        t.send(b"two")
        assert e.poll(5) == [(t.fileno(), select.EPOLLIN)] and e.poll(0.1) == []
        e.modify(t, select.EPOLLIN | select.EPOLLONESHOT)
        assert e.poll(5) == [(t.fileno(), select.EPOLLIN)]
        os._exit(0)
    time.sleep(0.2)
    s.send(b"one")
    assert os.waitpid(pid, 0)[1] == 0
    outer = select.epoll()
    outer.register(e.fileno(), select.EPOLLIN)
    assert outer.poll(0.05) == []
    s.send(b"x")
    assert outer.poll(5) == [(e.fileno(), select.EPOLLIN)] and select.select([e.fileno()], [], [], 5)[0] == [e.fileno()]
    assert e.poll(1) == [(s.fileno(), select.EPOLLIN)] and s.recv(1) == b"x" and e.poll(0.05) == [] and outer.poll(0.05) == []
    inner, outer, u = select.epoll(), select.epoll(), conn()
    outer.register(inner.fileno(), select.EPOLLIN)
    inner.register(u, select.EPOLLIN)
    u.send(b"z")
    assert outer.poll(5) == [(inner.fileno(), select.EPOLLIN)]
    os.set_inheritable(inner.fileno(), True)
    os.set_inheritable(u.fileno(), True)
    pid = os.fork()
    if pid == 0: # another program with it
        code = "import select,os\nassert select.epoll.fromfd(%d).poll(5)==[(%d,1)] and os.read(%d,1)==b'z'"
        os.execv(sys.executable, [sys.executable, "-c", code % (inner.fileno(), u.fileno(), u.fileno())])
    assert os.waitpid(pid, 0)[1] == 0
    v, edge = conn(), select.epoll()
    edge.register(v, select.EPOLLIN | select.EPOLLET)
    for data in (b"abc", b"d"):
        v.send(data)
        assert edge.poll(5) == [(v.fileno(), select.EPOLLIN)] and edge.poll(0.1) == []
    v.shutdown(socket.SHUT_WR)
    time.sleep(0.3)
    assert edge.poll(5) == [(v.fileno(), select.EPOLLIN | select.EPOLLHUP)]
    many, p = [conn() for _ in range(80)], select.poll()
    for m in many:
        p.register(m, select.POLLIN)
    many[70].send(b"q")
    assert p.poll(5000) == [(many[70].fileno(), select.POLLIN)]
    print("fine")


def in_shared():
    import array, os, socket, sys, threading
    port, v4 = int(sys.argv[1]), sys.argv[2]
    s = socket.create_connection((v4, port))
    if os.fork() == 0: # a child goes on with it
        s.sendall(b"child")
        os._exit(0)
    os.wait()
    assert s.recv(5, socket.MSG_WAITALL) == b"child"
    os.set_inheritable(s.fileno(), True)
    if os.fork() == 0: # another program
        os.execv("/bin/sh", ["sh", "-c", "printf exec >&%d" % s.fileno()])
    os.wait()
    assert s.recv(4, socket.MSG_WAITALL) == b"exec"
    a, b = socket.socketpair()
    pid = os.fork()
    if pid == 0: # another process gets a new one by a message
        a.close()
        fd = array.array("i", b.recvmsg(1, socket.CMSG_SPACE(4))[1][0][2])[0]
        c = socket.socket(fileno=fd)
        c.sendall(b"message")
        os._exit(0 if c.recv(7, socket.MSG_WAITALL) == b"message" else 1)
    t = socket.create_connection((v4, port))
    a.sendmsg([b"x"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [t.fileno()]))])
    t.close()
    assert os.waitpid(pid, 0)[1] == 0
    f = open("/tmp/f", "wb+")
    f.write(b"0123456789" * 20000)
    f.flush()
    got = 0
    sent = os.sendfile(s.fileno(), f.fileno(), 0, 200000)
    while got < sent:
        got += len(s.recv(100000))
    big = open(sys.executable, "rb") # a file of the host's: sent without a copy
    whole = big.read()
    got = []
    reader = threading.Thread(target=lambda: got.append(s.recv(len(whole), socket.MSG_WAITALL)))
    reader.start()
    done = 0
    big.seek(0)
    while done < len(whole):
        done += os.sendfile(s.fileno(), big.fileno(), None, len(whole) + 5)
        assert os.lseek(big.fileno(), 0, os.SEEK_CUR) == done
    reader.join()
    assert got == [whole] and os.sendfile(s.fileno(), big.fileno(), None, 100000) == 0
    r, w = os.pipe()
    os.write(w, b"spliced")
    assert os.splice(r, s.fileno(), 7) == 7 and s.recv(7, socket.MSG_WAITALL) == b"spliced"
    s.send(b"back")
    assert os.splice(s.fileno(), w, 4) == 4 and os.read(r, 4) == b"back"
    print("fine")


def clients():
    peer = Peer(socket.SOCK_STREAM, (V4, 0), echo_many)
    with socket.socket() as s:
        s.bind((V4, 0))
        dead = s.getsockname()[1]
    for options in (["--net", "host"], ["--net", f"allow:{V4}"]):
        out = inside(options, in_client, peer.port, dead, V4)
        ok(f"a TCP client, {options[1]}", out == ("fine\n", 0), out)
    out = inside(["--net", "host"], in_epoll, peer.port, V4, 40)
    ok("forty connections in one epoll", out == ("fine\n", 0), out)
    out = inside(["--net", "host"], in_watch, peer.port, V4)
    ok("epolls that are shared, nested, edge-triggered; poll of many", out == ("fine\n", 0), out)
    exe, where = str(net.BUILD / "tests/net/epolls"), [V4, str(peer.port)]
    native, here = (subprocess.run([*c, exe, *where], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=60).stdout.decode() for c in
                    ([], [BAILEY, "run", "--net", "host", "-v", f"{net.BUILD}:{net.BUILD}", "--"]))
    ok("epolls tell what they tell natively", native == here and native.endswith("there again: 1 [3 1]\n"), "\n".join(difflib.unified_diff(native.split("\n"), here.split("\n"))))
    out = inside(["--net", "host"], in_shared, peer.port, V4)
    ok("sockets shared by fork, exec and messages; sendfile and splice", out == ("fine\n", 0), out)
    lo = Peer(socket.SOCK_STREAM, ("127.0.0.1", 0), echo_many)
    out = inside(["--net", "host"], in_epoll, lo.port, "127.0.0.1", 4)
    ok("--net host: the host's loopback where nobody within listens", out == ("fine\n", 0), out)
    out = inside(["--net", "allow:localhost"], in_epoll, lo.port, "127.0.0.1", 2)
    ok("the same by a rule", out == ("fine\n", 0), out)
    out = inside([], "import socket, sys\ntry:\n  socket.create_connection((sys.argv[1], 80))\nexcept OSError as e: print(e.errno)", V4)
    ok("no network: ENETUNREACH", out == ("101\n", 0), out)
    out = inside(["--net", "allow:10.9.9.10"], "import socket, sys\ntry:\n  socket.create_connection((sys.argv[1], 80))\nexcept OSError as e: print(e.errno)", V4)
    ok("refused by rules: EACCES", out[0].endswith("13\n"), out)


def echo_many(peer, s):
    c, who = s.accept()
    peer.seen.append(who)

    def talk():
        with c:
            try:
                while data := c.recv(65536):
                    c.sendall(data)
            except OSError:
                pass
    threading.Thread(target=talk, daemon=True).start()


# ---- within: servers ----

def in_server():
    import os, select, socket, sys, threading
    port, count = int(sys.argv[1]), int(sys.argv[2])
    l = socket.create_server(("0.0.0.0", port), backlog=100)
    print("ready", flush=True)
    threading.Thread(target=lambda: (sys.stdin.read(), os._exit(0)), daemon=True).start()
    inner = socket.create_connection(("127.0.0.1", port)) # somebody within, too
    inner.sendall(b"from within")
    for i in range(count):
        c, who = l.accept()
        data = c.recv(100)
        c.sendall(repr((who[0], c.getsockname(), c.getpeername()[0], data)).encode())
        c.close()
    assert b"from within" in inner.recv(200)
    print("fine", flush=True)


def in_asyncio():
    import asyncio, os, sys

    async def serve(r, w):
        while data := await r.read(1000):
            w.write(data.upper())
            await w.drain()
        w.close()

    async def main():
        s = await asyncio.start_server(serve, None, int(sys.argv[1])) # 0.0.0.0 and ::
        print("ready", flush=True)
        loop = asyncio.get_running_loop()
        await loop.run_in_executor(None, sys.stdin.read)
        print("fine", flush=True)
        os._exit(0)
    asyncio.run(main())


def in_prefork():
    import os, socket, sys
    l = socket.create_server(("", int(sys.argv[1])))
    l.setblocking(False)
    import select
    pids = []
    for i in range(3):
        pid = os.fork()
        if pid == 0:
            e = select.epoll()
            e.register(l, select.EPOLLIN | select.EPOLLEXCLUSIVE)
            while True:
                e.poll()
                try:
                    c, _ = l.accept()
                except BlockingIOError:
                    continue
                c.setblocking(True)
                c.recv(100)
                c.sendall(b"%d" % i)
                c.close()
        pids.append(pid)
    print("ready", flush=True)
    sys.stdin.read()
    for p in pids:
        os.kill(p, 9)
    print("fine", flush=True)


def call(port, data=b"hello", host="127.0.0.1"):
    with socket.create_connection((host, port), 10) as s:
        s.sendall(data)
        s.shutdown(socket.SHUT_WR)
        got = b""
        while part := s.recv(1000):
            got += part
        return got.decode()


def servers():
    server = Server(["-p", "18001:8001"], in_server, 8001, 3)
    seen = [call(18001), call(18001, host=V4)]
    server.first += server.p.stdout.readline().decode() # its third client is served when it is
    out = server.end()
    ok("a published port: what it sees of whom", out == "ready\nfine\n" and seen[0] == repr(("10.0.2.1", ("10.0.2.15", 8001), "10.0.2.1", b"hello")) and
       seen[1].startswith(f"('{V4}', ('10.0.2.15', 8001)"), (out, seen))
    server = Server(["-p", "18002:8002", "-p", "[::1]:18003:8002"], in_asyncio, 8002)
    seen = [call(18002), call(18003, host="::1")]
    ok("asyncio, two publications of one port", server.end() == "ready\nfine\n" and seen == ["HELLO", "HELLO"], (server.first, seen))
    server = Server(["-p", "18004:8004"], in_prefork, 8004)
    seen = [call(18004) for _ in range(60)]
    out = server.end()
    ok("processes that share a listener", out == "ready\nfine\n" and set(seen) <= {"0", "1", "2"}, (out, seen))
    server = Server(["--net", "host"], in_asyncio, 18005)
    seen = [call(18005), call(18005, host=V4)]
    ok("--net host: a listener is the host's", server.end() == "ready\nfine\n" and seen == ["HELLO", "HELLO"], (server.first, seen))


# ---- within: datagrams and names ----

def in_udp():
    import errno, select, socket, sys
    port, dead, v4 = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.connect((v4, port))
    assert s.getpeername() == (v4, port)
    for data in (b"one", b"", b"z" * 9000):
        s.send(data)
        assert s.recv(20000) == b"re:" + data
    s.send(b"0123456789")
    assert s.recv(5, socket.MSG_PEEK) == b"re:01" and s.recvmsg(4)[0::2] == (b"re:0", socket.MSG_TRUNC)
    u = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    u.sendto(b"un", (v4, port))
    p = select.poll()
    p.register(u, select.POLLIN)
    assert p.poll(5000) == [(u.fileno(), select.POLLIN)]
    assert u.recvfrom(100) == (b"re:un", (v4, port))
    u.sendto(b"self", ("127.0.0.1", u.getsockname()[1])) # within, with the same socket
    assert u.recvfrom(100)[0] == b"self"
    e = select.epoll()
    e.register(u, select.EPOLLIN)
    u.sendto(b"again", (v4, port))
    assert e.poll(5) == [(u.fileno(), select.EPOLLIN)] and u.recv(100) == b"re:again"
    u.setblocking(False)
    try:
        u.recv(1)
        assert 0
    except BlockingIOError:
        pass
    d = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    d.connect((v4, dead))
    d.send(b"x")
    d.settimeout(5)
    try:
        d.recv(1)
        assert 0
    except ConnectionRefusedError:
        pass
    print("fine")


def in_udp_server():
    import socket, sys
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.bind(("", int(sys.argv[1])))
    print("ready", flush=True)
    for i in range(2):
        data, who = s.recvfrom(100)
        s.sendto(repr((data, who[0])).encode(), who)
    print("fine", flush=True)


def in_names():
    import socket, sys
    def ask(*a, **k):
        try:
            return sorted(set(x[4][0] for x in socket.getaddrinfo(*a, **k)))
        except socket.gaierror as e:
            return e.errno
    print(len(ask("long.test", 80, family=socket.AF_INET)), ask("good.test", 80), ask("nothing.test", 80), ask("localhost", 80, family=socket.AF_INET), ask("good.test", 80, family=socket.AF_INET))


def datagrams():
    peer = Peer(socket.SOCK_DGRAM, (V4, 0), udp_echo)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.bind((V4, 0))
        dead = s.getsockname()[1]
    for options in (["--net", "host"], ["--net", f"allow:{V4}"]):
        out = inside(options, in_udp, peer.port, dead, V4)
        ok(f"UDP, {options[1]}", out == ("fine\n", 0), out)
    server = Server(["-p", "18006:8006/udp"], in_udp_server, 8006)
    seen = []
    for _ in range(2):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
            s.settimeout(10)
            s.connect(("127.0.0.1", 18006))
            s.send(b"hi")
            seen.append(s.recv(100).decode())
    ok("a published UDP port", server.end() == "ready\nfine\n" and seen == [repr((b"hi", "10.0.2.1"))] * 2, (server.first, seen))


def names():
    net.Peer(socket.SOCK_DGRAM, ("127.0.0.1", 53), net.name_server)
    net.Peer(socket.SOCK_STREAM, ("127.0.0.1", 53), net.name_server_tcp)
    out = inside(["--net", "host"], in_names)
    ok("names by the C library", out[0].rstrip() == "200 ['10.9.9.10', '10.9.9.9', 'fd09::9'] -2 ['127.0.0.1'] ['10.9.9.10', '10.9.9.9']", out)


def main():
    net.enter()
    net.surroundings()
    wanted = sys.argv[2:]
    for f in (clients, servers, datagrams, names):
        if not wanted or f.__name__ in wanted:
            f()
    print(f"1..{net.count}")
    sys.exit(net.failed != 0)


if __name__ == "__main__":
    main()
