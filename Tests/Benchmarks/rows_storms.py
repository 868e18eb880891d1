"""Rows about many neighbours, and about storms with an honest neighbour beside."""

from __future__ import annotations

import os
import random
import re
import struct
import subprocess
import time
from typing import Any, Callable

import babel_packets as babel
from netns import Lab, wait_until
from rig import CPUS, INTEROP, UPDATE, Meter, Watch, World, hello_watch, latest, pin, started, tool
from rows_routes import HOLD, Values
from mac import passwords
from test_floods import frame
from test_storms import address, malformed

NEIGHBOURS = int(os.environ.get("NEIGHBOURS", "500"))
OWN = 10
STORM = float(os.environ.get("STORM", "10"))
RATE = int(os.environ.get("STORM_RATE", "300000"))
ROUTES = 1000
SECRET = b"a key that only two of them have"
KEYS = [f"key id k type hmac-sha256 value {SECRET.hex()}", "default key k"]


def many(lab: Lab, who: str, _: int) -> Values:
    """Many neighbours on one link with ten prefixes each."""
    world = World(lab, who, count=NEIGHBOURS, hello=4)
    speakers = world.neighbours[0]
    idle = Meter(world.node.process.child.pid).memory()
    world.pace()
    for who_speaks in range(NEIGHBOURS):
        speakers.announce(OWN, first=who_speaks * OWN, who=who_speaks)
    _, found = world.watch.until(NEIGHBOURS * OWN, "-", seconds=20)
    time.sleep(UPDATE)
    world.meter.reset()
    begin = time.monotonic()
    time.sleep(HOLD)
    passed = time.monotonic() - begin
    heard = len(world.node.neighbours())
    title = f"{NEIGHBOURS} neighbours"
    return {f"{title}: CPU, %": 100 * world.meter.spent() / passed,
            f"{title}: resident, kB": idle / 1024, f"{title}: lost": NEIGHBOURS - heard,
            f"{title}: routes missing": NEIGHBOURS * OWN - found, **world.late()}


class Stormy:
    """A contestant with an honest neighbour of many routes, and a sender of frames on its link."""

    def __init__(self, lab: Lab, who: str, is_signed: bool) -> None:
        self.host, self.far = lab.namespace("a"), lab.namespace("b")
        lab.veth(self.host, self.far)
        self.watch = Watch(self.host)
        self.far.own(*(f"fd91:0:0:{number:x}::1" for number in range(ROUTES)))
        options = passwords(("hmac-sha256", SECRET, "")) if is_signed and who == "bird" else ""
        keys = KEYS if is_signed else []
        self.node = started(who, self.host, ["l0"], keys=keys, options=options, hello=1, update=60)
        self.honest = started(
            "ours", self.far, ["l0"], own=["fd91::/16"], keys=keys, hello=1, update=60)
        for daemon in (self.node, self.honest):
            pin(daemon.process.child.pid, True)
        wait_until(lambda: self.count() >= ROUTES, 40, "the honest routes")
        time.sleep(5)  # so long a neighbour is trusted
        self.mac = bytes.fromhex(
            self.host.execute("cat", "/sys/class/net/l0/address").strip().replace(":", ""))

    def count(self) -> int:
        return self.host.count(6, self.node.proto)

    def unread(self) -> int:
        """Packets that found no room in the daemon's socket."""
        text = self.host.execute("cat", "/proc/net/snmp6")
        return int(re.search(r"Udp6RcvbufErrors\s+(\d+)", text).group(1))

    def unleash(self, packets: list[tuple[str, bytes]]) -> list[int]:
        """Sends them over and over; returns how many, and in how many microseconds."""
        frames = [frame(source, "fe80::1", packet, self.mac) for source, packet in packets]
        words = ["ip", "netns", "exec", self.far.name, tool("storm", INTEROP / "storm.c"), "l0",
                 str(RATE), str(STORM)]
        if len(CPUS) > 1:
            words = ["taskset", "-c", str(CPUS[-1]), *words]
        data = b"".join(struct.pack("=H", len(one)) + one for one in frames)
        done = subprocess.run(words, input=data, capture_output=True, timeout=STORM + 60)
        return [int(word) for word in done.stdout.split()]


def storm(lab: Lab, who: str, title: str, packets: list[tuple[str, bytes]],
          is_signed: bool = False) -> Values:
    """What a storm costs, and what became of the honest neighbour's routes."""
    world = Stormy(lab, who, is_signed)
    meter = Meter(world.node.process.child.pid)
    written = world.node.process.log.stat().st_size
    hellos, lives = hello_watch(world.far), [ROUTES]
    begin, unread = time.monotonic(), world.unread()
    sent, _ = world.unleash(packets)
    spent, taken = meter.spent(), max(1, sent - world.unread() + unread)
    while time.monotonic() - begin < STORM + 3:  # what was lost shows within three Hellos
        lives.append(world.count())
        time.sleep(0.2)
    return {f"{title}: CPU of a packet read, µs": spent / taken * 1e6,
            f"{title}: packets not read, %": 100 * (sent - taken) / sent,
            f"{title}: honest routes lost": ROUTES - min(lives),
            f"{title}: log, kB": (world.node.process.log.stat().st_size - written) / 1000,
            **latest(hellos, who)}


def malformed_storm(lab: Lab, who: str, _: int) -> Values:
    dice = random.Random(1)
    return storm(lab, who, "malformed", [("fe80::3", malformed(dice)) for _ in range(2000)])


def forged_storm(lab: Lab, who: str, _: int) -> Values:
    """Well-formed Updates of five thousand senders that nobody knows."""
    packets = []
    for number in range(5000):
        identifier = struct.pack("!Q", 0x66 << 32 | number)
        packets.append((address(number), babel.packet(
            babel.hello(1, 400), babel.ihu("fe80::1"), babel.router_id(identifier),
            babel.update(f"fd66:0:{number:x}::/48", interval=6000))))
    return storm(lab, who, "forged", packets)


def unsigned_storm(lab: Lab, who: str, _: int) -> Values:
    """Signed with a key that nobody has, in the name of the honest neighbour."""
    dice = random.Random(2)
    packets = []
    for number in range(5000):
        counter = babel.tlv(17, struct.pack("!I", number) + b"attacker")
        packets.append(("fe80::2", babel.packet(
            babel.hello(number, 100), counter, trailer=babel.tlv(16, dice.randbytes(32)))))
    return storm(lab, who, "wrongly signed", packets, is_signed=True)


ROWS: dict[str, Callable[..., Any]] = {
    "neighbours": many, "malformed": malformed_storm, "forged": forged_storm,
    "wrongly-signed": unsigned_storm}
