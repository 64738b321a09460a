# SPDX-License-Identifier: MIT
"""Servers inside, behind -p, and clients on the host: net.py's part `outside`.

Each server runs in a session of its own, as one inside does: the host's scheduler gives a session its share of a busy machine.
"""
import os, pathlib, re, shutil, statistics, subprocess, time, urllib.request

from procs import tree

NATIVE, INSIDE = 7391, 7392
CONF = """worker_processes 1; daemon off; pid {temp}/pid; error_log /dev/null;
events {{ worker_connections 512; }}
http {{ access_log off; sendfile on; client_body_temp_path {temp}/b; proxy_temp_path {temp}/p; fastcgi_temp_path {temp}/f;
uwsgi_temp_path {temp}/u; scgi_temp_path {temp}/s; server {{ listen 0.0.0.0:{port}; root {work}/html; }} }}"""


def output(command):
    return subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, timeout=120).stdout


def ticks(pid):
    total = 0
    for p in tree(pid):
        try:
            fields = open(f"/proc/{p}/stat").read().rsplit(")", 1)[1].split()
            total += int(fields[11]) + int(fields[12])
        except OSError:
            pass
    return total


def compare(servers, ready, loads, rounds):
    """servers: port to command; loads: name to a function of the port that gives requests a second, and how many there were."""
    running = {port: subprocess.Popen(c, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True) for port, c in servers.items()}
    rows = {}
    try:
        for port in running:
            end = time.monotonic() + 20
            while not ready(port) and time.monotonic() < end:
                time.sleep(0.1)
        for _ in range(rounds):
            for name, load in loads.items():
                pair = []
                for port, p in running.items():
                    before = ticks(p.pid)
                    rate, count = load(port)
                    pair.append((rate, (ticks(p.pid) - before) * 1e6 / os.sysconf("SC_CLK_TCK") / max(count, 1)))
                rows.setdefault(name, []).append(pair)
    finally:
        for p in running.values():
            p.terminate()
        for p in running.values():
            p.wait()
    print(f"{'from outside, requests/s':28}{'native':>12}{'inside':>12}{'ratio':>8}{'CPU us':>10}{'inside':>10}")
    for name, pairs in rows.items():
        rate = [statistics.median(p[i][0] for p in pairs) for i in (0, 1)]
        cpu = [statistics.median(p[i][1] for p in pairs) for i in (0, 1)]
        ratio = statistics.median(p[1][0] / p[0][0] for p in pairs)
        print(f"{name:28}{rate[0]:12.0f}{rate[1]:12.0f}{ratio:8.2f}{cpu[0]:10.2f}{cpu[1]:10.2f}")
    print("# ratio of inside to native: more is better; CPU time of the server, and of all of the sandbox's processes, for a request\n")


def redis(b, rounds):
    def run(test, n, *more):
        def load(port):
            out = output(["redis-benchmark", "-p", str(port), "-t", test, "-n", str(n), "-c", "50", "--csv", *more])
            return float(re.findall(r'"([0-9.]+)"', out.splitlines()[-1])[0]), n
        return load
    serve = lambda port: ["redis-server", "--port", str(port), "--bind", "0.0.0.0", "--protected-mode", "no", "--save", ""]
    compare({NATIVE: serve(NATIVE), INSIDE: [b, "run", "-p", f"{INSIDE}:{INSIDE}", "--", *serve(INSIDE)]},
            lambda port: "PONG" in output(["redis-cli", "-p", str(port), "ping"]),
            {"redis SET": run("set", 50000), "redis GET": run("get", 50000), "redis SET -P 16": run("set", 200000, "-P", "16"), "redis GET -P 16": run("get", 200000, "-P", "16")}, rounds)


def nginx(b, work, rounds):
    html = pathlib.Path(work, "html")
    html.mkdir(exist_ok=True)
    (html / "index.html").write_text("hello\n")
    (html / "big").write_bytes(b"x" * (1 << 20))
    os.chmod(work, 0o755)
    for port in (NATIVE, INSIDE):
        temp = pathlib.Path(work, str(port))
        temp.mkdir()
        temp.chmod(0o777)
        pathlib.Path(work, f"{port}.conf").write_text(CONF.format(temp=temp, work=work, port=port))

    def wrk(connections, path, *more):
        def load(port):
            out = output(["wrk", "-t1", f"-c{connections}", "-d1", *more, f"http://127.0.0.1:{port}/{path}"])
            return float(re.search(r"Requests/sec: *([0-9.]+)", out)[1]), int(re.search(r"(\d+) requests in", out)[1])
        return load

    def ready(port):
        try:
            return urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=2).status == 200
        except OSError:
            return False
    serve = lambda port: ["nginx", "-p", work, "-c", f"{work}/{port}.conf"]
    compare({NATIVE: serve(NATIVE), INSIDE: [b, "run", "-v", f"{work}:{work}", "-p", f"{INSIDE}:{INSIDE}", "--", *serve(INSIDE)]}, ready,
            {"nginx small": wrk(32, ""), "nginx small, closing": wrk(32, "", "-H", "Connection: close"), "nginx 1M": wrk(8, "big")}, rounds)


def postgres(b, work, rounds):
    bins = sorted(pathlib.Path("/usr/lib/postgresql").glob("*/bin"))
    if not bins or shutil.which("pgbench") is None:
        print("# postgres: not installed")
        return
    # It does not run as root.
    user = ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups"] if os.geteuid() == 0 else []
    os.chmod(work, 0o777)
    for port in (NATIVE, INSIDE):
        subprocess.run([*user, str(bins[-1] / "initdb"), "-D", f"{work}/pg{port}", "-A", "trust", "-U", "postgres", "--locale", "C"], stdout=subprocess.DEVNULL, cwd=work, check=True)
        with open(f"{work}/pg{port}/postgresql.conf", "a") as f:
            f.write(f"listen_addresses = '0.0.0.0'\nport = {port}\nunix_socket_directories = '{work}'\nfsync = off\n")
        with open(f"{work}/pg{port}/pg_hba.conf", "a") as f:
            f.write("host all all 0.0.0.0/0 trust\n")
    where = lambda port: ["-h", "127.0.0.1", "-p", str(port), "-U", "postgres", "postgres"]
    filled = set()

    def ready(port):
        if subprocess.run(["pgbench", "-q", "-i", "-s", "5", *where(port)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode == 0:
            filled.add(port)
        return port in filled

    def bench(*more):
        def load(port):
            out = output(["pgbench", "-n", "-c", "4", "-T", "2", *more, *where(port)])
            return float(re.search(r"tps = ([0-9.]+)", out)[1]), int(re.search(r"processed: (\d+)", out)[1])
        return load
    serve = lambda port: [str(bins[-1] / "postgres"), "-D", f"{work}/pg{port}"]
    compare({NATIVE: [*user, *serve(NATIVE)], INSIDE: [*user, b, "run", "-v", f"{work}:{work}", "-p", f"{INSIDE}:{INSIDE}", "--", *serve(INSIDE)]}, ready,
            {"pgbench -S": bench("-S"), "pgbench": bench(), "pgbench -S -C": bench("-S", "-C")}, rounds)


def outside(b, work, rounds):
    if all(shutil.which(p) for p in ("redis-server", "redis-benchmark", "redis-cli")):
        redis(b, rounds)
    if all(shutil.which(p) for p in ("nginx", "wrk")):
        nginx(b, work, rounds)
    postgres(b, work, rounds)
