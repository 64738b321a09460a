#!/bin/sh
# needs: python3
# covers: /proc/PID/mem, maps, auxv, syscall and environ of other processes; text shown as the file has it
cat > t.py <<'END'
import os, subprocess
other = "import os, time\nfor i in range(50): os.stat('/'); os.getppid(); os.listdir('/')\nprint('x', flush=True)\ntime.sleep(60)"
p = subprocess.Popen(["/usr/bin/python3", "-c", other], stdout=subprocess.PIPE, env={"SECRET": "word"})
p.stdout.readline()
def read(pid, name):
    with open(f"/proc/{pid}/{name}", "rb", buffering=0) as f: return f.read()
def at(path, offset, size):
    fd = os.open(path, os.O_RDONLY)
    try: return os.pread(fd, size, offset)
    finally: os.close(fd)
for pid in (p.pid, os.getpid()):
    bad = n = 0
    for line in open(f"/proc/{pid}/maps"):
        f = line.split()
        if "x" in f[1] and len(f) > 5 and f[5].startswith("/"):
            a, b = (int(x, 16) for x in f[0].split("-"))
            mem, file = at(f"/proc/{pid}/mem", a, b - a), at(f[5], int(f[2], 16), b - a)
            m = min(len(mem), len(file)); n += m
            bad += mem[:m] != file[:m]
    print("text compared:", n > 1000000, "pieces that differ:", bad)
print(read(p.pid, "environ"))
aux = read(p.pid, "auxv")
print(len(aux) % 16, aux[-16:] == bytes(16), b"".join(aux[i:i + 8] for i in range(0, len(aux), 16)).count((6).to_bytes(8, "little")))
for i in range(20):
    call = read(p.pid, "syscall").split()
    if call[0] != b"running": break
print(call[0] in (b"230", b"35", b"270", b"23"), len(call))
print([l.split()[-1] for l in open(f"/proc/{p.pid}/maps") if l.endswith(("[heap]\n", "[stack]\n", "[vdso]\n"))])
stack = [l.split("-")[1].split()[0] for l in open(f"/proc/{p.pid}/maps") if l.endswith("[stack]\n")][0]
fd = os.open(f"/proc/{p.pid}/mem", os.O_RDWR)
place = int(stack, 16) - 64
os.pwrite(fd, b"hello", place); print(os.pread(fd, 5, place))
try: os.pread(fd, 5, 4096)
except OSError as e: print(e.strerror)
p.kill(); p.wait()
print(os.pread(fd, 5, place))
END
/usr/bin/python3 t.py
