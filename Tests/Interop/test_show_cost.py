"""What it costs the daemon to show many routes, beside what a dump costs babeld, and that nobody
waits meanwhile. SWABELD_LONG=1 takes 100,000 routes."""

from __future__ import annotations

import os
import pathlib
import socket
import time

import babel_packets as babel
import pytest
from daemons import Babeld, Swabeld
from netns import measured, wait_until
from punctual import PARAMETERS, HelloWatch, Punctuality, Twin
from speaker import Speaker
from test_client import client
from test_floods import TICKS

COUNT = 100_000 if os.environ.get("SWABELD_LONG") == "1" else 10_000
# Many enough that hundredths of a second measure their sum.
TIMES = 500_000 // COUNT
# In the daemon's time, as a part of what a dump costs babeld: for a table of its size, and for the
# forms that say two and three times as much of each route.
MOST = 1.3
MOST_OF_WIDE = 3.5


def packets(identifier):
    """Packets of about sixty Updates each, all prefixes in order."""
    found = []
    for start in range(0, COUNT, 60):
        tlvs = [babel.router_id(identifier)]
        for number in range(start, min(start + 60, COUNT)):
            whole = number == start
            tlvs.append(babel.update(
                f"fd99:0:{number >> 16:x}:{number & 0xFFFF:x}::/64", 0, 1, interval=6000,
                omitted=0 if whole else 4, flags=0x80 if whole else 0))
        found.append(babel.packet(*tlvs))
    assert max(map(len, found)) <= 1452
    return found


def taught(lab, name, program):
    """A daemon that has learned all routes from a script, which greets it only once a minute: it
    cannot be lost meanwhile. Returns the daemon and the script's namespace."""
    one, other = lab.namespace(name), lab.namespace(f"{name}-far")
    lab.veth(one, other)
    node = program(one, ["l0"], parameters=PARAMETERS)
    speaker = Speaker(other, "l0", hello=1)
    speaker.adjacent(node)
    speaker.hello = 60
    speaker.greet()
    for _ in range(5):
        for data in packets(speaker.identifier):
            speaker.send(raw=data)
            time.sleep(0.004)
        # babeld may lose some of them.
        if one.count(6) >= COUNT:
            break
    assert one.count(6) >= COUNT, f"{program.program} has learned all routes"
    return node, other


def spent(node):
    """Seconds of processor time of a daemon so far."""
    words = pathlib.Path(f"/proc/{node.process.child.pid}/stat").read_text().split()
    return (int(words[13]) + int(words[14])) / TICKS


def cost(node, ask):
    """Seconds of the daemon's time for one answer."""
    begin = spent(node)
    for _ in range(TIMES):
        ask()
    return (spent(node) - begin) / TIMES


def dump(node):
    """Reads a whole dump, as fast as it comes."""
    assert node.tables().count(b"\nadd route ") >= COUNT


def show(node, *words):
    status, text, complaint = client(node.namespace, "-s", node.control_path, *words)
    assert status == 0, complaint
    assert text.count("fd99:") >= COUNT


@pytest.mark.alone
def test_many_routes_are_shown(lab):
    """The daemon spends at most 1.3 times what babeld spends on its dump for a dump or a table; its
    Hellos leave in time, and a client that does not read holds up nobody."""
    theirs, _ = taught(lab, "theirs", Babeld)
    reference = cost(theirs, lambda: dump(theirs))
    theirs.stop()
    twin = Twin(lab)
    node, far = taught(lab, "ours", Swabeld)
    watch = HelloWatch(far, "l0")
    idle = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    idle.connect(node.control_path)
    idle.sendall(b"dump\n" * 20)
    wait_until(lambda: len(watch.hellos) > 2, 5, "Hellos")
    punctuality = Punctuality(watch, twin)
    found = {"dump": cost(node, lambda: dump(node))}
    for words in (["show", "routes"], ["show", "routes", "-w"], ["show", "routes", "--json"]):
        found[" ".join(words)] = cost(node, lambda: show(node, *words))
    punctuality.check(f"showing {COUNT} routes", 3)
    idle.close()
    measured(f"{COUNT} routes: a dump of babeld {reference * 1000:.0f} ms; ours " + ", ".join(
        f"{words} {seconds * 1000:.0f} ms ({seconds / reference:.2f})"
        for words, seconds in found.items()))
    for words, seconds in found.items():
        most = MOST_OF_WIDE if "-w" in words or "json" in words else MOST
        assert seconds <= most * reference, (words, seconds, reference)
