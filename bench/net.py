#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Measures the network within a sandbox beside native loopback, in the same run.

  net.py --bailey PATH [--rounds N] [--part micro,redis,nginx,idle,outside]

Client and server both run inside, but for the part `outside` (net_outside.py).  Rounds take turns; each figure is the median over them.  Programs that are not installed are
left out.
"""
import argparse, os, pathlib, re, shutil, statistics, subprocess, tempfile, time

from net_outside import outside
from procs import pss, tree

HERE = pathlib.Path(__file__).resolve().parent
PORT = 7381
REDIS = """redis-server --port {port} --save '' >/dev/null &
until redis-cli -p {port} ping >/dev/null 2>&1; do sleep 0.05; done
redis-benchmark -p {port} -t set,get -n {n} -c 50 --csv
redis-benchmark -p {port} -t set,get -n {many} -c 50 -P 16 --csv | sed 's/^"\\([SG]ET\\)"/"\\1 -P 16"/'
redis-cli -p {port} shutdown nosave; wait"""
NGINX = """cd {work}; nginx -p {work}/ -c {work}/nginx.conf &
until curl -s -o /dev/null http://127.0.0.1:{port}/; do sleep 0.05; done
wrk -t1 -c32 -d{seconds} http://127.0.0.1:{port}/ | sed -n 's/^Requests.sec: */wrk small,/p'
wrk -t1 -c8 -d{seconds} http://127.0.0.1:{port}/big | sed -n 's/^Requests.sec: */wrk 1M,/p'
kill -QUIT $!; wait"""
CONF = """worker_processes 1; daemon off; pid {work}/pid; error_log /dev/null;
events {{ worker_connections 512; }}
http {{ access_log off; sendfile on; client_body_temp_path {work}/b; proxy_temp_path {work}/p; fastcgi_temp_path {work}/f;
uwsgi_temp_path {work}/u; scgi_temp_path {work}/s; server {{ listen 127.0.0.1:{port}; root {work}/html; }} }}"""


def run(command):
    return subprocess.run(command, capture_output=True, text=True, timeout=300).stdout


def table(title, rows, better):
    print(f"{title:28}{'native':>12}{'inside':>12}{'ratio':>8}")
    for name, pairs in rows.items():
        native, inside = (statistics.median(p[i] for p in pairs) for i in (0, 1))
        ratio = statistics.median(p[1] / p[0] for p in pairs)
        print(f"{name:28}{native:12.0f}{inside:12.0f}{ratio:8.2f}")
    print(f"# ratio of inside to native; {better}\n")


def micro(b, work, rounds):
    exe = os.path.join(work, "net")
    subprocess.run(["cc", "-O2", "-w", "-D_GNU_SOURCE", "-o", exe, str(HERE / "net.c")], check=True)
    rows = {}
    for _ in range(rounds):
        for pin, tag in (([], ""), (["taskset", "-c", "0"], " (1 cpu)")):
            got = [dict((l.split()[0], float(l.split()[1])) for l in run(c).splitlines()) for c in
                   (pin + [exe], pin + [b, "run", "-v", f"{work}:{work}", "--", exe])]
            for n in got[0]:
                if n in got[1]:
                    rows.setdefault(n + tag, []).append((got[0][n], got[1][n]))
    table("operation, ns", rows, "less is better")


def servers(b, work, rounds, script):
    rows = {}
    for _ in range(rounds):
        got = []
        for c in (["sh", "-c", script], [b, "run", "-v", f"{work}:{work}", "--", "sh", "-c", script]):
            found = re.findall(r'^"?([a-zA-Z0-9 -]+)"?,"?([0-9.]+)"?', run(c), re.M)
            got.append({n: float(v) for n, v in found})
        for n in got[0]:
            if n in got[1]:
                rows.setdefault(n, []).append((got[0][n], got[1][n]))
    table("requests a second", rows, "more is better")


def redis(b, work, rounds):
    servers(b, work, rounds, REDIS.format(port=PORT, n=40000, many=600000))


def nginx(b, work, rounds):
    html = pathlib.Path(work, "html")
    html.mkdir(exist_ok=True)
    (html / "index.html").write_text("hello\n")
    (html / "big").write_bytes(b"x" * (1 << 20))
    os.chmod(work, 0o755)
    pathlib.Path(work, "nginx.conf").write_text(CONF.format(work=work, port=PORT))
    servers(b, work, rounds, NGINX.format(work=work, port=PORT, seconds=1))


def weight(command):
    p = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    p.stdout.readline()
    time.sleep(1)
    kb = sum(pss(q) for q in tree(p.pid))
    p.stdin.close()
    p.wait()
    return kb


def idle(b, work, rounds):
    exe, n = os.path.join(work, "net"), 10000
    subprocess.run(["cc", "-O2", "-w", "-D_GNU_SOURCE", "-o", exe, str(HERE / "net.c")], check=True)
    inside = [b, "run", "-v", f"{work}:{work}", "--", exe, "idle"]
    few, many = weight(inside + ["10"]), weight(inside + [str(n)])
    print(f"an idle connection, both ends: {(many - few) / (n - 10):.1f} KB of the sandbox's processes' PSS ({n} of them)\n")


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("--bailey", required=True)
    ap.add_argument("--rounds", type=int, default=5)
    ap.add_argument("--part", default="micro,redis,nginx,idle,outside")
    a = ap.parse_args()
    needs = {"redis": ["redis-server", "redis-benchmark"], "nginx": ["nginx", "wrk", "curl"]}
    for part in a.part.split(","):
        if any(shutil.which(p) is None for p in needs.get(part, [])):
            print(f"# {part}: not installed")
            continue
        with tempfile.TemporaryDirectory(prefix="bailey-net") as work:
            globals()[part](os.path.abspath(a.bailey), work, a.rounds)


if __name__ == "__main__":
    main()
