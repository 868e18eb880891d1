"""Twenty thousand routes: an unpaced burst, and a neighbour that comes late."""

import time

import babel_packets as babel
import pytest
from daemons import Swabeld
from netns import wait_until
from speaker import Speaker

COUNT = 20_000


def burst(speaker, count, metric=0, seqno=1):
    """Packets of about a hundred Updates each, ready to be sent."""
    packets = []
    for start in range(0, count, 98):
        tlvs = [babel.router_id(speaker.identifier)]
        for number in range(start, min(start + 98, count)):
            first = number == start
            tlvs.append(babel.update(
                f"fd99:0:0:{number:x}::/64", metric, seqno, interval=6000,
                omitted=0 if first else 6, flags=0x80 if first else 0))
        packets.append(babel.packet(*tlvs))
    assert max(map(len, packets)) <= 1452
    return packets


@pytest.mark.alone
def test_burst(lab):
    """All of an unpaced burst is in the kernel two seconds after the last datagram."""
    a, b = lab.namespace("a"), lab.namespace("b")
    lab.veth(a, b)
    node = Swabeld(a, ["l0"], parameters="type wired hello-interval 4 update-interval 60")
    speaker = Speaker(b, "l0")
    speaker.adjacent(node)
    packets = burst(speaker, COUNT)
    begin = time.monotonic()
    for data in packets:
        speaker.send(raw=data)
    sent = time.monotonic()
    reached = []

    def complete():
        reached.append(a.count(6))
        return reached[-1] >= COUNT

    try:
        wait_until(complete, 2, "", every=0.05)
    except AssertionError:
        raise AssertionError(
            f"{reached[-1]} of {COUNT} routes 2 s after the last datagram") from None
    took = time.monotonic() - sent
    print(f"burst of {sent - begin:.3f} s; complete {took:.2f} s later")
    # The routes go again as fast.
    for data in burst(speaker, COUNT, babel.INFINITY):
        speaker.send(raw=data)
    wait_until(lambda: a.count(6) == 0, 3, "all retracted")


@pytest.mark.alone
def test_late_neighbour(lab):
    """A neighbour that comes late has everything within two seconds of finite costs."""
    a, b, c = lab.namespace("a"), lab.namespace("b"), lab.namespace("c")
    lab.veth(a, b)
    lab.veth(a, c, ("l1", "l0"))
    a.batch([f"route add fd91:0:0:{i:x}::/64 dev lo proto static" for i in range(COUNT)])
    quiet = "type wired hello-interval 1 update-interval 60"
    node = Swabeld(a, ["l0", "l1"], own=["fd91::/32"], parameters=quiet)
    wait_until(lambda: len(node.dump("xroute")) >= COUNT, 10, "all redistributed", every=0.5)
    time.sleep(6)  # what follows a start has passed

    # First a script listens, so only the wire counts.
    speaker = Speaker(b, "l0")
    speaker.adjacent(node)
    ready = time.monotonic()
    wait_until(lambda: len(speaker.routes()) >= COUNT, 2,
               "the script has heard all routes", every=0.05)
    print(f"script: {time.monotonic() - ready:.2f} s")

    # Then a second daemon listens, and its kernel must have the routes.
    other = Swabeld(c, ["l0"], parameters=quiet)
    wait_until(lambda: other.neighbours() and node_hears(node), 15, "finite costs", every=0.05)
    ready = time.monotonic()
    wait_until(lambda: c.count(6) >= COUNT, 2, "the daemon has all routes", every=0.05)
    print(f"daemon: {time.monotonic() - ready:.2f} s")


def node_hears(node):
    return any(row["if"] == "l1" for row in node.neighbours())
