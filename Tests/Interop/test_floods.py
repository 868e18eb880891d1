"""Floods on a real link: whatever arrives, the honest neighbour stays, memory stays bounded and
the log small. Each prints the CPU time it cost; SWABELD_LONG=1 makes them last longer."""

import ctypes
import ipaddress
import os
import pathlib
import random
import socket
import struct
import time

import babel_packets as babel
import pytest
from daemons import Swabeld
from netns import wait_until
from speaker import Speaker

SECONDS = 30 if os.environ.get("SWABELD_LONG") else 10
HELLO = "type wired hello-interval 1 update-interval 4"
HONEST, FLOOD = "fd91:0:1::/64", "fe80::3"
TICKS = os.sysconf("SC_CLK_TCK")
libc = ctypes.CDLL(None, use_errno=True)


class Vector(ctypes.Structure):
    _fields_ = [("base", ctypes.c_void_p), ("length", ctypes.c_size_t)]


class Message(ctypes.Structure):
    """struct mmsghdr."""

    _fields_ = [
        ("name", ctypes.c_void_p), ("name_length", ctypes.c_uint32),
        ("vectors", ctypes.POINTER(Vector)), ("vector_count", ctypes.c_size_t),
        ("control", ctypes.c_void_p), ("control_length", ctypes.c_size_t),
        ("flags", ctypes.c_int), ("gap", ctypes.c_int), ("sent", ctypes.c_uint)]


class Cannon:
    """Sends prepared datagrams or frames many at a time (sendmmsg)."""

    def __init__(self, link, packets):
        self.link = link
        self.kept = [ctypes.create_string_buffer(data, len(data)) for data in packets]
        vectors = [Vector(ctypes.addressof(b), len(b)) for b in self.kept]
        self.vectors = (Vector * len(vectors))(*vectors)
        self.messages = (Message * len(vectors))()
        for message, vector in zip(self.messages, self.vectors):
            message.vectors = ctypes.pointer(vector)
            message.vector_count = 1

    def fire(self, rate, seconds=None, rounds=None):
        """Sends all packets over and over, about `rate` a second. Returns how many."""
        start, sent, position = time.monotonic(), 0, 0
        count = len(self.kept)
        size = ctypes.sizeof(Message)
        while rounds is None or sent < rounds * count:
            now = time.monotonic() - start
            if seconds is not None and now >= seconds:
                break
            due = int(now * rate) - sent
            if due <= 0:
                time.sleep(0.002)
                continue
            batch = min(due, 64, count - position)
            done = libc.sendmmsg(
                self.link.fileno(), ctypes.byref(self.messages, position * size), batch, 0)
            if done <= 0:
                time.sleep(0.002)
                continue
            sent += done
            position = (position + done) % count
        return sent


class Victim:
    """The daemon under a flood, with an honest neighbour beside the attacker's machine."""

    def __init__(self, lab, statements=()):
        self.a, self.b = lab.namespace("a"), lab.namespace("b")
        lab.veth(self.a, self.b)
        self.a.own("fd92::1")
        self.b.batch([f"addr add {FLOOD}/64 dev l0 nodad preferred_lft 0"])
        self.node = Swabeld(self.a, ["l0"], ["fd92::/32"], HELLO, list(statements))
        self.honest = Speaker(self.b, "l0", hello=0.5)
        self.honest.adjacent(self.node)
        self.announce()
        wait_until(lambda: HONEST in self.a.reaches(), 5, "the honest route")
        self.memory = self.node.memory()
        self.log = self.size()

    def announce(self):
        self.honest.send(
            babel.router_id(self.honest.identifier), babel.update(HONEST, interval=6000))

    def size(self):
        return self.node.process.log.stat().st_size

    def ticks(self):
        words = pathlib.Path(f"/proc/{self.node.process.child.pid}/stat").read_text().split()
        return int(words[13]) + int(words[14])

    def endure(self, title, attack):
        """Runs the attack; then says what it cost, and checks what must hold at any time."""
        begun, ticks = time.monotonic(), self.ticks()
        sent = attack()
        took = time.monotonic() - begun
        cpu = (self.ticks() - ticks) / TICKS
        grown = self.node.memory() - self.memory
        written = self.size() - self.log
        print(f"{title}: {sent} packets in {took:.1f} s, CPU {cpu / took:.0%}, "
              f"{cpu / sent * 1e6:.1f} us a packet, memory +{grown} kB, log {written} B")
        assert self.node.process.alive
        assert HONEST in self.a.reaches(), "the honest route stays"
        rows = self.node.neighbours()
        assert "fe80::2" in [row["address"] for row in rows], "the honest neighbour stays"
        assert self.honest.hears("fe80::1") < babel.INFINITY
        hellos = [when for when, _, _ in self.honest.tlvs(babel.HELLO, since=begun)]
        gaps = [after - before for before, after in zip(hellos, hellos[1:])]
        assert max(gaps) < 2, f"Hellos on time: {max(gaps):.1f} s"
        assert written < 10_000, f"{written} bytes of log in {took:.0f} s"
        return grown

    def counters(self):
        with self.node.control() as control:
            lines = control.ask("show counters")[:-1]
        return {tuple(line.split()[1:3]): int(line.split()[3]) for line in lines}

    def socket(self):
        """The attacker's socket, a second address of the honest machine's link."""
        def make():
            link = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
            link.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            index = socket.if_nametoindex("l0")
            link.bind((FLOOD, babel.PORT, 0, index))
            link.connect(("fe80::1", babel.PORT, 0, index))
            return link
        return self.b.enter(make)


def frame(source, target, payload, mac):
    """An Ethernet frame from an address that need not exist."""
    udp = struct.pack("!HHHH", babel.PORT, babel.PORT, 8 + len(payload), 0) + payload
    source, target = (ipaddress.IPv6Address(a).packed for a in (source, target))
    total = sum(struct.unpack("!16H", source + target)) + len(udp) + socket.IPPROTO_UDP
    padded = udp + bytes(len(udp) & 1)
    total += sum(struct.unpack(f"!{len(padded) // 2}H", padded))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    udp = udp[:6] + struct.pack("!H", (total ^ 0xFFFF) or 0xFFFF) + udp[8:]
    header = struct.pack("!IHBB", 0x60000000, len(udp), socket.IPPROTO_UDP, 1) + source + target
    return mac + b"\2\0\0\0\0\x66" + struct.pack("!H", 0x86DD) + header + udp


def test_flood_of_random_packets(lab):
    """Noise of any length, with and without a good header, and TLVs with random contents."""
    victim = Victim(lab)
    dice = random.Random(1)
    packets = []
    for i in range(2000):
        noise = dice.randbytes(dice.randrange(0, 600))
        if i % 3 == 1:
            noise = babel.packet(noise)
        elif i % 3 == 2:
            noise = babel.packet(*(
                babel.tlv(dice.randrange(0, 24), dice.randbytes(dice.randrange(0, 40)))
                for _ in range(20)))
        packets.append(noise)
    cannon = Cannon(victim.socket(), packets)
    grown = victim.endure("random packets", lambda: cannon.fire(5000, SECONDS))
    counters = victim.counters()
    assert counters["packets-dropped", "magic-is-not-42"] > 1000
    assert sum(n for (group, _), n in counters.items() if group == "tlvs-ignored") > 1000
    assert grown < 8000, f"{grown} kB"


@pytest.mark.parametrize("limit", [None, 64])
def test_flood_of_neighbours(lab, limit):
    """Hellos from 5,000 addresses that do not exist: the table fills to its limit and empties."""
    victim = Victim(lab, [f"limit neighbours {limit}"] if limit else [])
    mac = bytes.fromhex(
        victim.a.execute("cat", "/sys/class/net/l0/address").strip().replace(":", ""))
    hello = babel.packet(babel.hello(1, 50))
    packets = [frame(f"fe80::66:{i:x}", "fe80::1", hello, mac) for i in range(5000)]

    def make():
        raw = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
        raw.bind(("l0", 0))
        return raw

    cannon = Cannon(victim.b.enter(make), packets)
    grown = victim.endure(
        f"5,000 neighbours, limit {limit}", lambda: cannon.fire(2000, SECONDS))
    counters = victim.counters()
    assert counters["limit-reached", "neighbours"] > 100
    known = len(victim.node.dump("neighbour"))
    assert known <= (limit or 4096)
    assert grown < 12_000, f"{grown} kB"
    if limit:
        # Half a second, and sixteen of them: the strangers are forgotten, and there is room.
        wait_until(lambda: len(victim.node.dump("neighbour")) == 1, 15, "forged ones go")


def test_flood_of_routes(lab):
    """500,000 prefixes from a neighbour, where 20,000 routes are the limit."""
    limit = 20_000
    victim = Victim(lab, [f"limit routes {limit}"])
    link = victim.socket()
    for seqno in range(3):
        link.send(babel.packet(babel.hello(seqno, 3000), babel.ihu("fe80::1", 96, 9000)))
    wait_until(lambda: FLOOD in [row["address"] for row in victim.node.neighbours()], 5,
               "the attacker is a neighbour")
    packets = []
    head = babel.router_id(b"\2\0\0\0\0\0\0\x66")
    for start in range(0, 500_000, 98):
        body = [head]
        for number in range(start, start + 98):
            first = number == start
            octets = struct.pack("!IHBB", 0xFD990000, number >> 16, number >> 8 & 255, number & 255)
            body.append(babel.tlv(babel.UPDATE, struct.pack(
                "!BBBBHHH", 2, 0x80 if first else 0, 64, 0 if first else 5, 6000, 1, 10)
                + octets[0 if first else 5:]))
        packets.append(babel.packet(*body))
    cannon = Cannon(link, packets)
    grown = victim.endure(
        "500,000 prefixes", lambda: cannon.fire(len(packets) / (SECONDS - 1), rounds=1))
    counters = victim.counters()
    assert counters["limit-reached", "routes"] > 300_000
    assert victim.a.count(6) <= limit
    assert grown < 16_000, f"{grown} kB"
