# SPDX-License-Identifier: MIT
"""Reads a capture and checks what can be checked of it: headers, checksums, and that each connection is one."""
import collections, ipaddress, struct


class Bad(Exception):
    pass


Packet = collections.namedtuple("Packet", "at src dst proto sport dport flags seq ack data")
FIN, SYN, RST, PSH, ACK, URG = 1, 2, 4, 8, 16, 32


def total(data):
    if len(data) % 2:
        data += b"\0"
    n = sum(struct.unpack(f">{len(data) // 2}H", data))
    while n >> 16:
        n = (n & 0xffff) + (n >> 16)
    return n


def need(good, what):
    if not good:
        raise Bad(what)


def packet(at, raw):
    if raw[0] >> 4 == 4:
        need(raw[0] == 0x45 and struct.unpack(">H", raw[2:4])[0] == len(raw), "the IPv4 header's lengths")
        need(total(raw[:20]) == 0xffff, "the IPv4 header's checksum")
        proto, src, dst, rest = raw[9], raw[12:16], raw[16:20], raw[20:]
    else:
        need(raw[0] == 0x60 and struct.unpack(">H", raw[4:6])[0] == len(raw) - 40, "the IPv6 header's length")
        proto, src, dst, rest = raw[6], raw[8:24], raw[24:40], raw[40:]
    need(proto in (6, 17), f"protocol {proto}")
    need(total(src + dst + struct.pack(">IxxxB", len(rest), proto) + rest) == 0xffff, "a checksum")
    names = str(ipaddress.ip_address(src)), str(ipaddress.ip_address(dst)), proto, *struct.unpack(">HH", rest[:4])
    if proto == 17:
        need(struct.unpack(">H", rest[4:6])[0] == len(rest), "a datagram's length")
        return Packet(at, *names, 0, 0, 0, rest[8:])
    seq, ack, offset, flags = struct.unpack(">IIBB", rest[4:14])
    return Packet(at, *names, flags, seq, ack, rest[(offset >> 4) * 4:])


def packets(path):
    data = open(path, "rb").read()
    need(len(data) >= 24, "there is no header")
    magic, major, minor, _, _, snap, link = struct.unpack("<IHHIIII", data[:24])
    need((magic, major, minor, link) == (0xa1b2c3d4, 2, 4, 101), "the header")
    out, at = [], 24
    while at < len(data):
        need(len(data) - at >= 16, "half a record")
        s, us, have, size = struct.unpack("<IIII", data[at:at + 16])
        need(have == size <= snap and us < 1000000 and at + 16 + have <= len(data), "a record's header")
        out.append(packet(s + us / 1e6, data[at + 16:at + 16 + have]))
        at += 16 + have
    return out


class Side:
    def __init__(self):
        self.next, self.acked, self.data, self.fin = None, 0, bytearray(), False


class Connection:
    """sides[0] asked for it."""
    def __init__(self, syn):
        self.asked, self.sides, self.reset = (syn.src, syn.sport), (Side(), Side()), None
        self.peer = (syn.dst, syn.dport)
        self.established = False

    def take(self, p):
        us = self.sides[(p.src, p.sport) != self.asked]
        them = self.sides[us is self.sides[0]]
        need(self.reset is None, "something behind a RST")
        if p.flags & SYN:
            need(us.next is None and not p.data, "a second SYN")
            us.next = p.seq
        elif us.next is None:
            need(p.flags & RST, "something before the SYN")
            us.next = p.seq
        need(p.seq == us.next, f"the sequence number {p.seq}, not {us.next}")
        need(not (us.fin and (p.data or p.flags & FIN)), "something behind a FIN")
        if p.flags & ACK:
            need(them.next is not None and p.ack == them.next, f"an acknowledgement of {p.ack}, not {them.next}")
            them.acked = p.ack
        self.established |= p.flags & (SYN | ACK) == ACK and not p.flags & RST
        us.data += p.data
        us.next = (us.next + len(p.data) + bool(p.flags & (SYN | FIN))) & 0xffffffff
        need((us.next - us.acked) & 0xffffffff < 1 << 22, "more on the way than the window has room for")
        us.fin |= bool(p.flags & FIN)
        if p.flags & RST:
            self.reset = 0 if us is self.sides[0] else 1


def connections(all_packets):
    """In the order of their SYNs."""
    live, out = {}, []
    for p in all_packets:
        if p.proto != 6:
            continue
        key = frozenset([(p.src, p.sport), (p.dst, p.dport)])
        if p.flags & (SYN | ACK) == SYN:
            old = live.get(key)
            need(old is None or old.reset is not None or any(s.fin for s in old.sides), "a second SYN")
            live[key] = Connection(p)
            out.append(live[key])
        need(key in live, "a segment of no connection")
        live[key].take(p)
    return out


def read(path):
    """All packets, and the connections among them."""
    p = packets(path)
    return p, connections(p)
