"""Storms of 300,000 datagrams a second, and slow ones that we look at in full: the honest neighbour
and its routes stay, Hellos leave in time, the control socket answers, the log stays small.
SWABELD_LONG=1 lets each last ten seconds."""

import ipaddress
import os
import pathlib
import random
import shutil
import signal
import struct
import subprocess
import time

import babel_packets as babel
import pytest
from daemons import Swabeld
from netns import measured, wait_until
from punctual import INTERVAL, PROMISE, HelloWatch
from test_floods import TICKS, frame

RATE = int(os.environ.get("SWABELD_STORM_RATE", "300000"))
SECONDS = 10 if os.environ.get("SWABELD_LONG") else 4
PARAMETERS = f"type wired hello-interval {INTERVAL} update-interval 60"
# So few that nothing is dropped unread.
SLOW = 1500
ROUTES = 1000
HONEST = "fe80::2"
KEYS = ["key id k type hmac-sha256 value " + "17" * 32, "default key k"]
# The storm has this processor for itself, so that our daemon's time is only for what reaches it.
LAST = max(os.sched_getaffinity(0))


def sender(lab):
    """Compiles the program that sends."""
    program = str(lab.directory / "storm")
    subprocess.run(
        [shutil.which("cc") or "clang", "-O2", "-o", program,
         str(pathlib.Path(__file__).with_name("storm.c"))], check=True, timeout=60)
    return program


class Storm:
    """A daemon with an honest neighbour of many routes, and somebody else's program on the
    neighbour's link who can send from any address."""

    def __init__(self, lab, keys=(), parameters=PARAMETERS, statements=()):
        self.sender = sender(lab)
        self.a, self.b = lab.namespace("a"), lab.namespace("b")
        lab.veth(self.a, self.b)
        self.b.own(*(f"fd91:0:1::{i:x}" for i in range(ROUTES)))
        self.node = Swabeld(
            self.a, ["l0"], ["fd92::/32"], parameters, statements=list(statements),
            first=list(keys))
        self.honest = Swabeld(self.b, ["l0"], ["fd91::/16"], PARAMETERS, first=list(keys))
        wait_until(lambda: self.a.count(6) >= ROUTES, 15, "the honest routes")
        # Long enough to be known for good.
        time.sleep(3)
        self.mac = bytes.fromhex(
            self.a.execute("cat", "/sys/class/net/l0/address").strip().replace(":", ""))
        self.watch = HelloWatch(self.b, "l0")
        self.pin(self.node)
        self.pin(self.honest)

    @staticmethod
    def pin(daemon):
        """Keeps a daemon off the processor of the storm."""
        if LAST > 0:
            os.sched_setaffinity(daemon.process.child.pid, os.sched_getaffinity(0) - {LAST})

    def crash(self):
        """Kills our daemon. The next one finds its state file and asks for acknowledgments."""
        self.node.kill()
        self.node.start()
        self.pin(self.node)
        wait_until(self.key_of_the_honest, 5, "the honest neighbour after the crash")
        # So long that the neighbour is trusted also in a flood.
        time.sleep(1)

    def frames(self, packets):
        """Frames from pairs of source and packet."""
        return [frame(source, "fe80::1", packet, self.mac) for source, packet in packets]

    def ticks(self):
        words = pathlib.Path(f"/proc/{self.node.process.child.pid}/stat").read_text().split()
        return int(words[13]) + int(words[14])

    def waited(self):
        """Seconds that our daemon was ready to run while others had its processor."""
        file = pathlib.Path(f"/proc/{self.node.process.child.pid}/schedstat")
        return int(file.read_text().split()[1]) / 1e9

    def key_of_the_honest(self):
        """Its name in the table: a neighbour that was lost and came back has another."""
        return [row["key"] for row in self.node.neighbours() if row["address"] == HONEST]

    def unleash(self, packets, rate=RATE, seconds=SECONDS):
        """Begins a storm; returns the process that makes it."""
        words = ["ip", "netns", "exec", self.b.name, self.sender, "l0", str(rate), str(seconds)]
        if LAST > 0:
            words = ["nice", "-n", "-19", "taskset", "-c", str(LAST), *words]
        child = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        data = b"".join(struct.pack("=H", len(one)) + one for one in self.frames(packets))
        child.stdin.write(data)
        child.stdin.close()
        return child

    def endure(self, title, packets, rate=RATE):
        """Lets the storm rage; says what it cost, and checks what must hold."""
        known = self.key_of_the_honest()
        log, memory = self.node.process.log.stat().st_size, self.node.memory()
        first, ticks = max(0, len(self.watch.hellos) - 1), self.ticks()
        waited = self.waited()
        child = self.unleash(packets, rate)
        fewest, lost, slowest = ROUTES, 0, 0
        while child.poll() is None:
            time.sleep(0.25)
            fewest = min(fewest, self.a.count(6))
            asked = time.monotonic()
            lost += self.key_of_the_honest() != known
            slowest = max(slowest, time.monotonic() - asked)
        sent, microseconds = (int(word) for word in child.stdout.read().split())
        cpu = (self.ticks() - ticks) / TICKS
        time.sleep(2 * INTERVAL)
        fewest = min(fewest, self.a.count(6))
        lost += self.key_of_the_honest() != known
        lateness, waited = self.watch.lateness(first), self.waited() - waited
        written = self.node.process.log.stat().st_size - log
        measured(
            f"{title}: {sent * 1e6 / microseconds:,.0f} a second, CPU {cpu / SECONDS:.0%}, "
            f"{cpu / sent * 1e6:.2f} us each, fewest routes {fewest}, Hello at most "
            f"{max(lateness) * 1000:.0f} ms late, {waited * 1000:.0f} ms of waiting for the "
            f"processor, dump {slowest * 1000:.0f} ms, log {written} B, "
            f"memory +{self.node.memory() - memory} kB")
        assert sent > rate * SECONDS / 4, f"only {sent} were sent"
        assert self.node.process.alive
        assert not lost, "the honest neighbour stays"
        assert fewest >= ROUTES, "its routes stay"
        assert slowest <= 2 + waited, "the control socket answers"
        assert len(lateness) >= SECONDS / INTERVAL - 2
        assert max(lateness) <= PROMISE + waited, f"Hellos in time: {sorted(lateness)[-5:]}"
        assert written < 10_000, f"{written} bytes of log"


def address(number):
    return str(ipaddress.IPv6Address(0xFE80 << 112 | 0x66 << 32 | number))


def malformed(dice):
    """A packet that is none, in one of many ways."""
    hello = babel.hello(dice.randrange(65536), 100)
    noise = b"".join(
        babel.tlv(dice.randrange(11, 256), dice.randbytes(dice.randrange(40))) for _ in range(20))
    return dice.choice([
        babel.packet(hello, magic=41), babel.packet(hello, version=1),
        babel.packet(hello)[:3], babel.packet(hello)[:-2], b"", dice.randbytes(60),
        babel.packet(hello, b"\x08\xff"), babel.packet(noise), babel.packet(dice.randbytes(400)),
        babel.packet(babel.tlv(babel.UPDATE, dice.randbytes(9)), noise)])


@pytest.mark.alone
def test_storm_of_malformed_datagrams(lab):
    """All from one other address of the link."""
    dice = random.Random(1)
    Storm(lab).endure("malformed", [("fe80::3", malformed(dice)) for _ in range(2000)])


@pytest.mark.alone
@pytest.mark.parametrize("kind", ["hello", "full"])
def test_storm_of_strangers(lab, kind):
    """Well-formed packets of 5,000 senders that nobody knew before."""
    storm = Storm(lab)
    packets = []
    for i in range(5000):
        tlvs = [babel.hello(1, 400)]
        if kind == "full":
            tlvs += [babel.ihu("fe80::1"), babel.router_id(struct.pack("!Q", 0x66 << 32 | i)),
                     babel.update(f"fd66:0:{i:x}::/48", interval=6000)]
        packets.append((address(i), babel.packet(*tlvs)))
    storm.endure(f"strangers, {kind}", packets)


@pytest.mark.alone
def test_restart_in_a_storm(lab):
    """The next life knows from the state file whose packets must pass, though it begins in a storm
    of strangers: the honest neighbour is heard at once, and no route of it goes."""
    storm = Storm(lab, statements=[f"state-file {lab.directory / 'state'}"])
    child = storm.unleash(
        [(address(i), babel.packet(babel.hello(1, 400))) for i in range(5000)], seconds=9)
    time.sleep(1)
    assert storm.node.stop(signal.SIGQUIT) == 0
    storm.node.start()
    storm.pin(storm.node)
    began = time.monotonic()
    wait_until(storm.key_of_the_honest, 3, "the honest neighbour in the storm")
    heard, fewest = time.monotonic() - began, ROUTES
    while child.poll() is None:
        time.sleep(0.25)
        fewest = min(fewest, storm.a.count(6))
    measured(f"restart in a storm: heard again after {heard:.1f} s, fewest routes {fewest}")
    assert time.monotonic() - began > 6, "the storm lasted"
    assert storm.key_of_the_honest() and fewest >= ROUTES


@pytest.mark.alone
@pytest.mark.parametrize("source", ["strangers", "honest"])
def test_storm_of_wrong_signatures(lab, source):
    """Packets with a MAC that none of our keys made, also in the name of the honest neighbour."""
    storm = Storm(lab, KEYS)
    dice = random.Random(2)
    packets = []
    for i in range(5000):
        counter = babel.tlv(17, struct.pack("!I", i) + b"attacker")
        packets.append((
            HONEST if source == "honest" else address(i),
            babel.packet(babel.hello(i, 100), counter, trailer=babel.tlv(16, dice.randbytes(32)))))
    storm.endure(f"wrong signatures, {source}", packets)


@pytest.mark.alone
@pytest.mark.parametrize("kind", ["hello", "usable", "unicast"])
def test_slow_storm_of_strangers_after_a_crash(lab, kind):
    """What we send to addresses that nobody has waits in the kernel for three seconds. It must not
    take the room of our Hellos, nor may we wait for room."""
    parameters = PARAMETERS + (" unicast true" if kind == "unicast" else "")
    storm = Storm(
        lab, parameters=parameters, statements=[f"state-file {lab.directory / 'state'}"])
    storm.crash()
    # What the new life has to wait for is not ours to judge here.
    wait_until(lambda: storm.a.count(6) >= ROUTES, 5, "the honest routes after the crash")
    packets = []
    for i in range(SLOW * SECONDS):
        # Two Hellos make us greet, an IHU makes us believe that the stranger hears us.
        tlvs = [babel.hello(1, 65535), babel.hello(2, 65535)]
        if kind != "hello":
            tlvs.append(babel.ihu("fe80::1"))
        packets.append((address(i), babel.packet(*tlvs)))
    storm.endure(f"slow strangers after a crash, {kind}", packets, rate=SLOW)
