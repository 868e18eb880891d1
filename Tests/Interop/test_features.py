"""Extensions spoken with the peers, and longer ways than one hop."""

import pytest
from daemons import Babeld, Bird, Swabeld, settle
from netns import Process, wait_until

QUICK = "hello-interval 1 update-interval 4"
PEERS = {"babeld": Babeld, "swabeld": Swabeld}


def ends(lab, link="veth"):
    a, b = lab.namespace("a"), lab.namespace("b")
    cable = getattr(lab, link)(a, b)
    a.own("10.91.0.1", "fd91::1")
    b.own("10.92.0.1", "fd92::1")
    return a, b, cable


def test_transit(lab):
    """babeld – swabeld – BIRD: routes pass through, and their loss does."""
    a, s, b = lab.namespace("babeld"), lab.namespace("swabeld"), lab.namespace("bird")
    lab.wireguard(a, s, ("wga", "wgs"))
    lab.veth(s, b, ("l1", "l0"))
    a.own("10.91.0.1", "fd91::1")
    s.own("10.93.0.1", "fd93::1")
    b.own("10.92.0.1", "fd92::1")
    for host in (a, s, b):
        host.forward()
    first = Babeld(a, ["wga"], own=["10.91.0.0/16", "fd91::/32"], parameters=f"type tunnel {QUICK}")
    Swabeld(s, ["wgs", "l1"], own=["10.93.0.0/16", "fd93::/32"], parameters=QUICK)
    last = Bird(b, ["l0"])
    for prefix in ("10.92.0.1/32", "fd92::1/128"):
        last.announce(prefix)
    theirs = {"10.92.0.1/32", "fd92::1/128", "10.93.0.1/32", "fd93::1/128"}
    ours = {"10.91.0.1/32", "fd91::1/128", "10.93.0.1/32", "fd93::1/128"}
    wait_until(lambda: theirs <= a.reaches(first.proto), 30, "babeld knows all")
    wait_until(lambda: ours <= b.reaches(last.proto), 30, "BIRD knows all")
    wait_until(lambda: a.ping("fd92::1", "fd91::1"), 5, "IPv6 from end to end")
    wait_until(lambda: a.ping("10.92.0.1", "10.91.0.1"), 5, "IPv4 from end to end")
    s.ip("link", "set", "l1", "down")
    wait_until(lambda: not {"10.92.0.1/32", "fd92::1/128"} & a.reaches(first.proto), 5,
               "the loss of the far link is passed on")
    assert {"10.93.0.1/32", "fd93::1/128"} <= a.reaches(first.proto), "the rest stays"


@pytest.mark.parametrize("peer", ["babeld", "swabeld"])
def test_round_trip_time(lab, peer):
    """RFC 9616: tunnels measure their delay."""
    a, b, cable = ends(lab, "wireguard")
    node = Swabeld(a, [cable.name(a)], parameters=f"type tunnel {QUICK}")
    other = PEERS[peer](b, [cable.name(b)], parameters=f"type tunnel {QUICK}")
    settle(node, other)
    for daemon in (node, other):
        row = wait_until(
            lambda: [r for r in daemon.neighbours() if float(r.get("rtt", 0)) > 0], 10,
            f"{daemon.program} measures")[0]
        assert 0 < float(row["rtt"]) < 100 and int(row["rttcost"]) < 96


@pytest.mark.parametrize("peer", ["babeld", "swabeld"])
def test_source_specific_routes(lab, peer):
    """RFC 9079: a route for packets from one prefix only, both ways."""
    a, b, _ = ends(lab)
    subtrees = ["ipv6-subtrees true"]
    node = Swabeld(a, ["l0"], own=["fd91::/32"], statements=subtrees)
    other = PEERS[peer](b, ["l0"], own=["fd92::/32"], statements=subtrees)
    settle(node, other)
    a.ip("route", "add", "fd91:0:0:5::/64", "from", "fd92::/32", "dev", "lo", "proto", "static")
    b.ip("route", "add", "fd92:0:0:5::/64", "from", "fd91::/32", "dev", "lo", "proto", "static")

    def sources(host, prefix):
        text = host.ip("-6", "route", "show", "proto", "babel")
        return [line.split()[2] for line in text.splitlines()
                if line.startswith(f"{prefix} from ")]

    wait_until(lambda: sources(a, "fd92:0:0:5::/64") == ["fd91::/32"], 10, "learned by us")
    wait_until(lambda: sources(b, "fd91:0:0:5::/64") == ["fd92::/32"], 10, "learned by the peer")
    assert "via fe80::2" in a.ip("route", "get", "fd92:0:0:5::1", "from", "fd91::1")


@pytest.mark.parametrize("peer", ["babeld", "swabeld"])
def test_unicast_interface(lab, peer):
    """`unicast true`: everything but Hellos is sent to each neighbour by itself."""
    a, b, _ = ends(lab)
    parameters = f"type wired unicast true {QUICK}"
    node = Swabeld(a, ["l0"], own=["10.91.0.0/16", "fd91::/32"], parameters=parameters)
    other = PEERS[peer](b, ["l0"], own=["10.92.0.0/16", "fd92::/32"], parameters=parameters)
    wait_until(lambda: {"10.92.0.1/32", "fd92::1/128"} <= a.reaches(), 20, "learned by us")
    wait_until(lambda: {"10.91.0.1/32", "fd91::1/128"} <= b.reaches(), 20, "learned by the peer")
    assert node.stop() == 0
    wait_until(lambda: not b.reaches(), 5, f"{other.program} hears that we stop")


def test_stale_routes_are_swept(lab):
    """What a killed daemon left and nobody announces any more does not stay."""
    a, b, _ = ends(lab)
    node = Swabeld(a, ["l0"])
    other = Swabeld(b, ["l0"], own=["10.92.0.0/16", "fd92::/32"])
    theirs = {"10.92.0.1/32", "fd92::1/128"}
    wait_until(lambda: theirs <= a.reaches(), 10, "routes are learned")
    node.process.stop(9)
    other.kill()
    b.ip("addr", "del", "fd92::1/128", "dev", "lo")
    other.start()
    node.start()
    assert theirs <= a.reaches(), "routes are taken over"
    wait_until(lambda: "fd92::1/128" not in a.reaches(), 90, "the stale one goes", every=1)
    assert "10.92.0.1/32" in a.reaches(), "the announced one stays"


def test_better_path_without_a_gap(lab):
    """Routes are replaced in place: a better way takes over, and not one packet is lost."""
    a, b, c = lab.namespace("a"), lab.namespace("b"), lab.namespace("c")
    lab.veth(a, b, ("ab", "ba"))
    lab.veth(b, c, ("bc", "cb"))
    a.own("fd91::1")
    c.own("fd92::1")
    for host in (a, b, c):
        host.forward()
    nodes = [
        Swabeld(host, interfaces, own=own, parameters=QUICK)
        for host, interfaces, own in (
            (a, ["ab", "ac"], ["fd91::/32"]), (b, ["ba", "bc"], []),
            (c, ["cb", "ca"], ["fd92::/32"]))]
    settle(*nodes)
    wait_until(lambda: a.ping("fd92::1", "fd91::1"), 15, "two hops")
    words = ["ping", "-n", "-q", "-i", "0.01", "-c", "600", "-I", "fd91::1", "fd92::1"]
    ping = Process(a, "ping", words)
    lab.veth(a, c, ("ac", "ca"))
    wait_until(lambda: "dev ac" in a.ip("route", "get", "fd92::1"), 30, "one hop is better")
    assert ping.child.wait(20) == 0
    assert " 0% packet loss" in ping.text(), ping.text()
