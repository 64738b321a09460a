#!/bin/sh
# needs: python3
# timeout: 180
cat > t.py <<'EOF'
import multiprocessing as mp, asyncio, sqlite3, concurrent.futures, os, sys
def sq(x): return x * x
def put(q): q.put(os.getpid() != 0)
async def amain():
    async def w(i): await asyncio.sleep(0.01 * (5 - i)); return i
    print(await asyncio.gather(*[w(i) for i in range(5)]))
    p = await asyncio.create_subprocess_exec("echo", "sub", stdout=asyncio.subprocess.PIPE); print((await p.communicate())[0])
if __name__ == "__main__":
    with mp.Pool(3) as p: print(p.map(sq, range(10)))
    q = mp.Queue(); ps = [mp.Process(target=put, args=(q,)) for _ in range(3)]; [p.start() for p in ps]; print([q.get() for _ in ps]); [p.join() for p in ps]
    v = mp.Value("i", 0)
    print(mp.get_start_method())
    ctx = mp.get_context("spawn"); p = ctx.Process(target=sq, args=(2,)); p.start(); p.join(); print(p.exitcode)
    asyncio.run(amain())
    d = sqlite3.connect("x.db"); d.execute("pragma journal_mode=wal"); d.execute("create table t(a,b)"); d.executemany("insert into t values(?,?)", [(i, str(i)) for i in range(1000)]); d.commit()
    print(d.execute("select count(*), sum(a) from t").fetchall())
    with concurrent.futures.ThreadPoolExecutor(4) as e: print(list(e.map(sq, range(5))))
    with concurrent.futures.ProcessPoolExecutor(2) as e: print(list(e.map(sq, range(5))))
EOF
python3 t.py
