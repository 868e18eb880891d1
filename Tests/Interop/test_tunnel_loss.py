"""Losses that count, on WireGuard tunnels: what docs/loss.md promises, on real ones."""

import json
import os
import time

import pytest
from daemons import Babeld, Bird, Swabeld
from netns import wait_until
from test_client import ask
from test_self_restart import restarted
from test_tunnel_metrics import carries, lose, rows, two_tunnels

LONG = os.environ.get("SWABELD_LONG") == "1"
HELLO = 4
# After how many Hellos traffic has left a tunnel that loses so many packets of a hundred each way.
PROMISED = {5: 30, 10: 20, 20: 10, 40: 5}
RATES = sorted(PROMISED) if LONG else [20, 40]
PEERS = {"swabeld": Swabeld, "babeld": Babeld, "bird": Bird}
TARGETS = ("fd92::1/128", "fd91::1/128")


def start(host, number, links, words, kind=Swabeld, more=()):
    """A daemon on tunnels that are given with their costs, and with more statements. Other programs
    say Hello once a second; BIRD is always told to."""
    if kind is Bird:
        daemon = Bird(host, [link.name(host) for link, _ in links])
        daemon.announce(f"fd9{number}::1/128")
        return daemon
    words = words if kind is Swabeld else "hello-interval 1 update-interval 4"
    return kind(
        host, [] if kind is Swabeld else [link.name(host) for link, _ in links],
        own=[f"fd9{number}::/32"], parameters="",
        first=[*more, *(f"interface {link.name(host)} {words} rxcost {cost}"
                        for link, cost in links)])


def both(lab, words):
    """Two of ours, with a tunnel that has the traffic, and one of twice the cost."""
    a, b, better, other = two_tunnels(lab)
    links = [(better, 96), (other, 192)]
    nodes = [
        start(host, number, links, words, more=[f"state-file {lab.directory / host.label}.state"])
        for number, host in enumerate((a, b), start=1)]
    wait_until(lambda: carries(better, a, b), 60, lambda: rows(nodes))
    # Round-trip times are measured, and so are a few Hellos.
    time.sleep(2 * HELLO)
    assert carries(better, a, b), rows(nodes)
    return a, b, better, other, nodes


class Ways:
    """Which tunnel each end uses, and how often that changed."""

    def __init__(self, a, b):
        self.ends = ((a, TARGETS[0]), (b, TARGETS[1]))
        self.last = [self.way(*end) for end in self.ends]
        self.changes = [0, 0]

    @staticmethod
    def way(host, target):
        return [r["dev"] for r in host.routes(family=6) if r["dst"] == target]

    def watch(self, seconds, until=lambda: False):
        """Looks for so long, or until something is true; returns for how long."""
        begun = time.monotonic()
        while time.monotonic() < begun + seconds and not until():
            for index, end in enumerate(self.ends):
                way = self.way(*end)
                self.changes[index] += way != self.last[index]
                self.last[index] = way
            time.sleep(0.25)
        return time.monotonic() - begun


@pytest.mark.parametrize("percent", RATES)
def test_leaves_once_and_comes_back(lab, percent):
    """Traffic leaves a tunnel with losses each way in time; in the long form also only once in ten
    minutes, and it comes back when the tunnel has been clean for a while."""
    words = f"type tunnel hello-interval {HELLO} link-quality tunnel probe-interval 200"
    a, b, better, other, nodes = both(lab, words)
    ways = Ways(a, b)
    lose(better, percent)
    left = ways.watch(PROMISED[percent] * HELLO, lambda: carries(other, a, b))
    assert carries(other, a, b), f"{left} s\n{rows(nodes)}"
    print(f"{percent} %: left after {left:.1f} s")
    assert a.ping("fd92::1", "fd91::1")
    if not LONG:
        return
    ways.watch(600 - left)
    assert carries(other, a, b) and max(ways.changes) <= 1, f"{ways.changes}\n{rows(nodes)}"
    lose(better, 0)
    ways.watch(60)
    assert carries(other, a, b), "what is clean for a minute is not trusted"
    back = 60 + ways.watch(540, lambda: carries(better, a, b))
    assert carries(better, a, b) and max(ways.changes) <= 2, f"{ways.changes}\n{rows(nodes)}"
    print(f"{percent} %: back after {back:.0f} s, changes {ways.changes}")


@pytest.mark.skipif(not LONG, reason="it takes ten minutes")
def test_one_of_a_hundred_moves_nothing(lab):
    words = f"type tunnel hello-interval {HELLO} link-quality tunnel probe-interval 200"
    a, b, better, _, nodes = both(lab, words)
    ways = Ways(a, b)
    lose(better, 1)
    ways.watch(600)
    assert ways.changes == [0, 0] and carries(better, a, b), f"{ways.changes}\n{rows(nodes)}"


def test_default(lab):
    """Two of ours agree to measure, without a word in the configuration. A restart changes no
    cost, for what was measured and the numbers of quick Hellos are kept."""
    a, b, better, other, nodes = both(lab, f"type tunnel hello-interval {HELLO}")
    lose(better, 40)
    begun = time.monotonic()
    # There are half as many quick Hellos: 19 s were the longest of ten simulated cases.
    wait_until(lambda: carries(other, a, b), 1.5 * PROMISED[40] * HELLO, lambda: rows(nodes))
    print(f"40 %: left after {time.monotonic() - begun:.1f} s, by default")
    # Both ways have been told, and nothing more is to come.
    wait_until(lambda: loss_costs(nodes, better) == [384, 384], 30, lambda: rows(nodes))
    begun = time.monotonic()
    restarted(nodes[0])
    wait_until(lambda: received(nodes[0], better) is not None, 10, lambda: rows(nodes))
    while time.monotonic() < begun + 3 * HELLO:
        # So much is lost that a window without enough Hellos is no wonder: that is no new cost.
        costs = [received(node, better) for node in nodes]
        assert set(costs) <= {96 + 384, 65535}, (costs, rows(nodes))
        assert loss_costs(nodes, better) == [384, 384], rows(nodes)
        assert carries(other, a, b), rows(nodes)
        time.sleep(0.2)
    wait_until(lambda: [received(node, better) for node in nodes] == [96 + 384] * 2, 10,
               lambda: rows(nodes))


def shown(node):
    """The neighbours as `show` tells of them."""
    status, text, complaint = ask(node, "show", "neighbours", "--json")
    assert status == 0, complaint
    return [json.loads(line) for line in text.splitlines()]


def well_heard(node, count):
    """Whether so many neighbours are heard, and at most two of their last 16 Hellos are missing."""
    found = [int(row["reach"], 16).bit_count() for row in node.neighbours()]
    return len(found) == count and min(found) >= 14


def received(node, link):
    """What a node says that receiving by a tunnel costs; None if it knows nobody there."""
    return next((row["rxcost"] for row in shown(node)
                 if row["interface"] == link.name(node.namespace)), None)


def loss_costs(nodes, link):
    return [next((row["loss_cost"] for row in shown(node)
                  if row["interface"] == link.name(node.namespace)), None) for node in nodes]


@pytest.mark.parametrize("peer", ["babeld", "bird"])
def test_default_beside_others(lab, peer):
    """Others pass over what our Hellos say, get no quick ones, and are not measured. What is
    announced crosses the tunnel both ways."""
    a, b, better, _ = two_tunnels(lab)
    quick = "type tunnel hello-interval 1 update-interval 4"
    node = start(a, 1, [(better, 96)], quick)
    other = start(b, 2, [(better, 96)], "", PEERS[peer])
    proto = other.proto

    def state():
        return str(node.dump())

    def routed():
        return all(
            target in {r["dst"] for r in host.routes(number, family=6)}
            for host, target, number in ((a, TARGETS[0], 42), (b, TARGETS[1], proto)))

    wait_until(routed, 60, state)
    wait_until(lambda: well_heard(node, 1), 60, state)
    if peer == "babeld":
        row = other.neighbours()[0]
        assert row["ureach"] == "0000", row
    lose(better, 20)
    time.sleep(10)
    assert shown(node) and all(row["loss_permille"] is None for row in shown(node)), shown(node)
    assert received(node, better) in (96, 65535), state()


@pytest.mark.early
@pytest.mark.parametrize("peer", ["babeld", "bird"])
def test_measured_beside_others(lab, peer):
    """Where the other end is another program its Hellos are measured, and it learns by our IHUs
    that the tunnel is worse: both ends leave it. Only our end stays in place for certain."""
    a, b, better, dear = two_tunnels(lab)
    links = [(better, 96), (dear, 192)]
    words = "type tunnel hello-interval 1 update-interval 4 link-quality tunnel"
    # BIRD receives both at the same cost.
    more = [f"in if {dear.name(a)} metric 96"] if peer == "bird" else []
    node = start(a, 1, links, words, more=more)
    other = start(b, 2, links, "", PEERS[peer])

    def way():
        return Ways.way(a, TARGETS[0])

    def state():
        return f"{node.dump()}\n{other.process.text()[-2000:]}"

    wait_until(lambda: way() == [better.name(a)], 60, state)
    wait_until(lambda: well_heard(node, 2), 60, state)
    lose(better, 20)
    begun = time.monotonic()
    # One Hello a second: 44 in the median, 90 in 99 of 100 cases. babeld's route has to be usable.
    wait_until(lambda: way() == [dear.name(a)], 180, state)
    print(f"{peer}: 20 %, left after {time.monotonic() - begun:.1f} s by one Hello a second")
    assert other.process.alive
