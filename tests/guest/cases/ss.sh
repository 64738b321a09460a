#!/bin/sh
# covers: sock_diag: ss lists TCP, UDP and unix sockets, with filters and their processes
# needs: ss python3
python3 - <<'P'
import socket, subprocess, re
l = socket.socket(); l.bind(("127.0.0.1", 0)); l.listen(7); p = l.getsockname()[1]
c = socket.create_connection(("127.0.0.1", p)); a, _ = l.accept(); c.send(b"abc")
l6 = socket.socket(socket.AF_INET6); l6.bind(("::1", 0)); l6.listen(5); p6 = l6.getsockname()[1]
u = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); u.bind(("127.0.0.1", 0)); pu = u.getsockname()[1]
x = socket.socket(socket.AF_UNIX); x.bind("\0bailey-ss-%d" % p); x.listen(3)
y = socket.socket(socket.AF_UNIX); y.connect("\0bailey-ss-%d" % p)
names = {str(p): "P", str(p6): "P6", str(pu): "PU", str(c.getsockname()[1]): "C"}
def ss(*args):
    out = subprocess.run(("ss", "-H") + args, capture_output=True, text=True).stdout
    out = re.sub(r"\d{4,5}", lambda m: names.get(m[0], m[0]), re.sub(r"pid=\d+", "pid", out))
    for line in sorted(out.splitlines()): print(*line.split())
ss("-tan", "sport = :%d" % p)
ss("-tln", "sport >= :%d and sport <= :%d" % (p6, p6))
ss("-tn", "dst 127.0.0.1:%d" % p)
ss("-tn", "src 127.0.0.0/8 and dport = :%d" % p)
ss("-tn", "src 10.0.0.0/8 and dport = :%d" % p)
ss("-tan", "( sport = :%d or sport = :%d )" % (p, p6))
ss("-tn", "sport != :%d and dport = :%d" % (p, p))
ss("-uan", "sport = :%d" % pu)
ss("-tlnp", "sport = :%d" % p6)
print(sum("bailey-ss-%d" % p in l for l in subprocess.run(["ss", "-Hxl"], capture_output=True, text=True).stdout.splitlines()))
print(any("@bailey-ss-%d" % p in l for l in open("/proc/net/unix")))
P
