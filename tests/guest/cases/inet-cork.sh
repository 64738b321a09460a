#!/bin/sh
# covers: TCP: bytes that wait for more (MSG_MORE, TCP_CORK), and what shows them
# needs: python3
python3 - <<'P'
import socket, time, select
l = socket.socket(); l.bind(("127.0.0.1", 0)); l.listen(1)
c = socket.create_connection(l.getsockname()); a, _ = l.accept()
def there(t): return bool(select.select([a], [], [], t)[0])
c.send(b"abc", socket.MSG_MORE); print("more", there(0.02))
t = time.time(); print("after a while", there(5), time.time() - t > 0.05, a.recv(10))
c.setsockopt(6, 3, 1); c.send(b"x"); print("cork", there(0.02)); c.setsockopt(6, 3, 0); print("drawn", there(1), a.recv(9))
c.setsockopt(6, 3, 1); c.send(b"y"); print("cork", there(0.02)); c.setsockopt(6, 1, 1); print("nodelay", there(1), a.recv(9))
c.send(b"z" * 100000); n = 0
while there(0.02): n += len(a.recv(1000000))
print("full segments go", n >= 65483)
c.setsockopt(6, 3, 0)
while n < 100000: n += len(a.recv(1000000))
print(n)
c.setsockopt(6, 3, 1); c.send(b"bye"); c.close(); print(a.recv(9), a.recv(9))
P
