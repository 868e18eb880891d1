"""A neighbour falls silent while its machine goes on forwarding: what becomes of the packets."""

import re
import signal
import time

import pytest
from daemons import Swabeld
from netns import wait_until
from passage import SOURCE
from test_crash import FAR, hosts
from traffic import Stream

KEPT = 5  # seconds


def scene(lab, statement):
    """A source, a node, a neighbour whose machine leads on to the far hosts, and a way out `w`,
    where the node's default routes lead to and the far hosts' addresses are, too."""
    s, n, a, w = (lab.namespace(name) for name in "snaw")
    lab.veth(n, a, ("l0", "l0"))  # 10.77.1.0/24
    lab.veth(n, s, ("l3", "l0"))  # 10.77.2.0/24
    lab.veth(n, w, ("l2", "l0"))  # 10.77.3.0/24
    n.forward()
    s.batch(["route add 0.0.0.0/0 via 10.77.2.1", "route add ::/0 via fe80::1 dev l0"])
    s.own(*SOURCE)
    a.own(*FAR)
    w.own(*FAR)
    n.batch(["route add 10.98.0.0/16 via 10.77.2.2 proto static",
             "route add fd98::/32 via fe80::2 dev l3 proto static",
             "route add default via 10.77.3.2 proto static",
             "route add ::/0 via fe80::2 dev l2 proto static"])
    quick = "type wired hello-interval 0.2 update-interval 20"
    neighbour = Swabeld(a, ["l0"], own=["10.92.0.0/16", "fd92::/32"], parameters=quick)
    # What nobody is told of is not held: so the neighbour hears of its own route.
    node = Swabeld(n, ["l0"], parameters=quick + " split-horizon false", first=[statement])
    wait_until(lambda: hosts(FAR) <= n.reaches(), 20, "routes are learned")
    for address in ("10.77.1.2", "fe80::2%l0", "10.77.3.2", "fe80::2%l2", "fe80::2%l3"):
        assert n.ping(address), address
    return s, n, a, w, neighbour, node


def leaves(n, kind):
    """Waits until no route of ours to the far hosts is a way any more, or is refused; returns the
    moment."""
    def done():
        rows = {row["dst"]: row.get("type", "unicast") for row in n.routes()}
        found = [rows.get(prefix) for prefix in hosts(FAR)]
        return found == [kind, kind]

    wait_until(done, 30, lambda: f"{kind}, not {n.routes()}", every=0.02)
    return time.monotonic_ns()


def places(outcome, begin, end):
    """Where the datagrams of an interval arrived, for each family; None is nowhere."""
    found = {4: set(), 6: set()}
    for (family, _), rows in outcome.arrivals.items():
        found[family] |= {place for place, sent in rows if begin < sent < end}
    for family, _, sent in outcome.lost:
        if begin < sent < end:
            found[family].add(None)
    return found


@pytest.mark.parametrize("mode", ["unreachable", f"keep {KEPT}", "covering"])
def test_the_neighbour_falls_silent(lab, mode):
    s, n, a, w, neighbour, node = scene(lab, f"neighbour-loss {mode}")
    stream = Stream(s, {"a": a, "w": w}, FAR, 1000)
    time.sleep(0.5)
    begin = time.monotonic_ns()
    neighbour.process.child.send_signal(signal.SIGSTOP)
    try:
        wait_until(lambda: not node.neighbours(), 20, "the neighbour is lost", every=0.02)
        lost = time.monotonic_ns()
        gone = leaves(n, None if mode == "covering" else "unreachable")
        time.sleep(1)
    finally:
        neighbour.process.child.send_signal(signal.SIGCONT)
    outcome = stream.finish()
    margin = 100_000_000  # nanoseconds: the tests look at the kernel only now and then
    assert outcome.rate > 800, f"{outcome.rate} datagrams a second"
    assert places(outcome, begin, lost - margin) == {4: {"a"}, 6: {"a"}}
    after = places(outcome, gone + margin, gone + 900_000_000)
    way = "w" if mode == "covering" else None
    assert after == {4: {way}, 6: {way}}, f"afterwards {after}"
    if mode.startswith("keep"):
        kept = (gone - lost) / 1e9
        assert KEPT - 0.6 < kept < KEPT + 1, f"kept for {kept:.1f} s"
        during = places(outcome, begin, lost + int((KEPT - 0.6) * 1e9))
        assert during == {4: {"a"}, 6: {"a"}}, f"meanwhile {during}"
    else:
        assert gone - lost < 1_000_000_000, f"{(gone - lost) / 1e9:.1f} s after the loss"
        assert places(outcome, gone - margin, gone + margin)[4] <= {"a", way}
    # It speaks again: its routes come back.
    wait_until(lambda: hosts(FAR) <= n.reaches(), 20, "the routes are back")
    assert not re.search(r"error", node.process.text())
