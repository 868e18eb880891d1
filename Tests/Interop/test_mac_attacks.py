"""MAC authentication (RFC 8967) against attackers on the link."""

import hashlib
import hmac
import ipaddress
import os
import pathlib
import re
import socket
import struct
import time

import babel_packets as babel
import pytest
from daemons import Swabeld
from mac import OTHER, QUICK, SECRET, Watch, counters, ends, key, ours
from netns import wait_until
from speaker import Sniffer


class Attacker:
    """Sends frames of its own making on a link: an IPv6 packet from whomever, and Babel in it."""

    def __init__(self, namespace, interface, target, target_interface):
        def open_socket():
            raw = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
            raw.bind((interface, 0x86DD))
            return raw

        self.socket = namespace.enter(open_socket)
        namespace.lab.on_close(self.socket.close)
        text = target.ip("-j", "link", "show", "dev", target_interface)
        self.mac = bytes.fromhex(re.search(r'"address":"([0-9a-f:]+)"', text)[1].replace(":", ""))

    def frame(self, source, destination, payload):
        packed = [ipaddress.IPv6Address(x).packed for x in (source, destination)]
        length = struct.pack("!I", 8 + len(payload))
        udp = struct.pack("!HHHH", babel.PORT, babel.PORT, 8 + len(payload), 0) + payload
        whole = b"".join(packed) + length + struct.pack("!I", 17) + udp
        whole += b"\0" * (len(whole) % 2)
        total = sum(struct.unpack(f"!{len(whole) // 2}H", whole))
        while total >> 16:
            total = (total & 0xFFFF) + (total >> 16)
        udp = udp[:6] + struct.pack("!H", ~total & 0xFFFF or 0xFFFF) + udp[8:]
        ip = struct.pack("!IHBB", 0x6C000000, len(udp), 17, 1) + b"".join(packed)
        # To the receiver's own Ethernet address also for the group: veth asks nobody.
        return self.mac + b"\2\0\0\0\0\x66" + b"\x86\xdd" + ip + udp

    def send(self, source, destination, payload):
        self.socket.send(self.frame(source, destination, payload))


def sign(secret, source, destination, packet):
    """HMAC-SHA256 as in RFC 8967, in a few lines of somebody else's code."""
    port = struct.pack("!H", babel.PORT)
    head = b"".join(ipaddress.IPv6Address(x).packed + port for x in (source, destination))
    return packet + babel.tlv(16, hmac.new(secret, head + packet, hashlib.sha256).digest())


def signed(secret, source, destination, counter, *tlvs, index=b"attacker"):
    return sign(secret, source, destination, babel.packet(
        *tlvs, babel.tlv(17, struct.pack("!I", counter) + index)))


A, B, GROUP = "fe80::1", "fe80::2", "ff02::1:6"


def attacked(lab):
    a, b, _ = ends(lab)
    keys = [key("k", "hmac-sha256", SECRET), "default key k"]
    node = ours(a, "l0", keys)
    sniffer = Sniffer(b, "l0")
    friend = Swabeld(
        b, ["l0"], own=["10.92.0.0/16", "fd92::/32"], parameters=f"type wired {QUICK}",
        first=keys)
    watch = Watch(a, b, node, friend)
    return a, b, node, friend, watch, sniffer, Attacker(b, "l0", a, "l0")


def test_attacks(lab):
    """Replayed, reflected, misdirected and forged packets, and those of an earlier life of their
    sender, are dropped, counted and explained; the neighbour stays."""
    a, b, node, friend, watch, sniffer, attacker = attacked(lab)

    def expect(counter, least, explanation, send):
        before = counters(node)
        send()
        wait_until(lambda: counters(node)[counter] >= before[counter] + least, 3,
                   lambda: f"{counter}: {before} {counters(node)}")
        assert explanation in node.process.text()
        watch.hold(1)

    def captured(source):
        return [p for p in sniffer.of(source) if p.payload[:1] == b"*"]

    old = captured(B)
    assert {p.destination for p in old} == {GROUP, A}

    def replay():
        for p in old:
            attacker.send(p.source, p.destination, p.payload)

    expect("replayed", len(old), "a replay: signed, but received before", replay)

    def reflect():
        for p in captured(A):
            attacker.send(B, p.destination if p.destination == GROUP else A, p.payload)

    expect("wrong-mac", 5, "signed with none of our keys, or not meant for us", reflect)
    # Packets from our own address to the group are not even looked at.
    attacker.send(A, GROUP, captured(A)[0].payload)

    def misdirect():
        for p in old:
            attacker.send(B, A if p.destination == GROUP else GROUP, p.payload)
            attacker.send("fe80::3", p.destination, p.payload)

    expect("wrong-mac", 2 * len(old), "signed with none of our keys", misdirect)
    hello = babel.hello(1)
    expect("wrong-mac", 1, "signed with none of our keys",
           lambda: attacker.send(B, GROUP, signed(OTHER, B, GROUP, 1 << 31, hello)))
    expect("no-counter", 1, "signed, but without a packet counter",
           lambda: attacker.send(B, GROUP, sign(SECRET, B, GROUP, babel.packet(hello))))
    expect("unsigned", 1, "not signed",
           lambda: attacker.send(B, GROUP, babel.packet(babel.hello(1))))
    # The neighbour has restarted with another index. Packets of before do not count any more.
    friend.stop()
    wait_until(lambda: not node.neighbours(), 10, "the neighbour is gone")
    before = counters(node)
    replay()
    wait_until(lambda: counters(node)["replayed"] == before["replayed"] + len(old), 3,
               "what was seen stays known")
    friend.start()
    watch = Watch(a, b, node, friend)
    expect("other-index", len(old), "of another life of its sender", replay)
    assert counters(node)["senders"] == 1, "nobody else is known"
    # Packets with an index we have never seen, from other addresses. They are answered with
    # challenges, and only a few senders are remembered.
    attacker.send("fe80::3", GROUP, signed(SECRET, "fe80::3", GROUP, 1, babel.hello(1)))
    wait_until(lambda: counters(node)["unknown-index"] > before["unknown-index"], 3, "asked")
    assert [row["address"] for row in node.dump("neighbour")] == [B]
    assert SECRET.hex() not in node.process.text()


@pytest.mark.alone
def test_flood(lab):
    """10 s of packets that look right but have wrong MACs, as fast as a script can send them."""
    a, b, node, friend, watch, _, attacker = attacked(lab)
    updates = [babel.router_id(b"\2\0\0\0\0\0\0\x77"),
               *(babel.update(f"2001:db8:{i:x}::/48") for i in range(40))]
    frames = [
        attacker.frame(f"fe80::{source:x}", GROUP, signed(
            OTHER, f"fe80::{source:x}", GROUP, number, babel.hello(number), *updates))
        for number, source in enumerate([2] * 50 + list(range(0x1000, 0x1200)))]

    def cpu():
        words = pathlib.Path(f"/proc/{node.process.child.pid}/stat").read_text().split()
        return (int(words[13]) + int(words[14])) / os.sysconf("SC_CLK_TCK")

    memory, used, before = node.memory(), cpu(), counters(node)
    log = len(node.process.text())
    sent, start = 0, time.monotonic()
    while time.monotonic() - start < 10:
        for frame in frames:
            try:
                attacker.socket.send(frame)
                sent += 1
            except OSError:  # no room
                pass
        assert watch.complete(), "routes stay"
    seconds = time.monotonic() - start
    used = cpu() - used
    found = counters(node)
    refused = found["wrong-mac"] - before["wrong-mac"]
    grown = node.memory() - memory
    print(f"flood: {sent / seconds:.0f} packets/s of {len(frames[0])} octets, {refused} refused; "
          f"{100 * used / seconds:.0f} % CPU, {1e6 * used / max(refused, 1):.1f} us each; "
          f"{memory} kB, {grown:+} kB")
    assert refused > 1000 and found["senders"] == 1
    watch.hold(2)
    assert grown < 1024 and len(node.process.text()) - log < 20_000
    wait_until(lambda: counters(node)["accepted"] > found["accepted"], 5, "the neighbour is heard")
