#!/bin/sh
# needs: python3
# timeout: 180
# covers: multiprocessing by fork, spawn and forkserver, shared memory, asyncio subprocess storms, threads with fork, several processes writing one SQLite WAL
cat > t.py <<'END'
import asyncio, concurrent.futures, multiprocessing as mp, os, signal, sqlite3, subprocess, sys, threading, time
from multiprocessing import shared_memory
def sq(x): return x * x
def add(v, n):
    for _ in range(n):
        with v.get_lock(): v.value += 1
def echo(c):
    while True:
        m = c.recv()
        if m is None: break
        c.send(m * 2)
def shm(name): s = shared_memory.SharedMemory(name=name); s.buf[1] = s.buf[0] + 1; s.close()
def writer(k):
    d = sqlite3.connect("w.db", timeout=60); d.execute("pragma synchronous=off")
    for i in range(40):
        with d: d.execute("insert into t values(?,?)", (k, i))
    d.close()
async def storm():
    async def one(i):
        p = await asyncio.create_subprocess_exec("/bin/sh", "-c", f"cat; exit {i % 7}", stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        out, _ = await p.communicate(b"%d" % i); return int(out), p.returncode
    r = await asyncio.gather(*[one(i) for i in range(24)]); return sum(a for a, _ in r), sum(b for _, b in r)
if __name__ == "__main__":
    for method in ("fork", "spawn", "forkserver"):
        c = mp.get_context(method)
        with c.Pool(3) as p: print(method, sum(p.map(sq, range(50))))
        v = c.Value("i", 0); ps = [c.Process(target=add, args=(v, 200)) for _ in range(4)]
        [p.start() for p in ps]; [p.join() for p in ps]; print(v.value, [p.exitcode for p in ps])
        a, b = c.Pipe(); p = c.Process(target=echo, args=(b,)); p.start()
        for i in range(50): a.send(i); assert a.recv() == 2 * i
        a.send(None); p.join(); print(p.exitcode)
        p = c.Process(target=time.sleep, args=(60,)); p.start(); p.terminate(); p.join(); print(p.exitcode)
    s = shared_memory.SharedMemory(create=True, size=100); s.buf[0] = 7
    p = mp.Process(target=shm, args=(s.name,)); p.start(); p.join(); print(s.buf[1]); s.close(); s.unlink()
    for _ in range(2): print(asyncio.run(storm()))
    d = sqlite3.connect("w.db"); print(d.execute("pragma journal_mode=wal").fetchone()); d.execute("create table t(k,i)"); d.commit()
    ps = [mp.Process(target=writer, args=(k,)) for k in range(4)]; [p.start() for p in ps]; [p.join() for p in ps]
    print([p.exitcode for p in ps], d.execute("select count(*), sum(i) from t").fetchall(), d.execute("pragma integrity_check").fetchall()); d.close()
    with concurrent.futures.ThreadPoolExecutor(6) as e: print(sum(e.map(lambda i: subprocess.run(["/bin/sh", "-c", f"exit {i % 5}"]).returncode, range(40))))
    got = []; signal.signal(signal.SIGUSR1, lambda *a: got.append(1))
    t = threading.Thread(target=lambda: [os.kill(os.getpid(), signal.SIGUSR1) or time.sleep(0.001) for _ in range(50)]); t.start()
    for i in range(10): subprocess.run(["true"], check=True)
    t.join(); print(len(got) > 0)
END
python3 t.py
