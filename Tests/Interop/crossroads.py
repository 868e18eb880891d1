"""A node where several ways lead to the same prefixes, and what a stream through it tells."""

import ipaddress
import signal
import time

import babel_packets as babel
from netns import wait_until
from speaker import Speaker

PREFIXES = ("10.99.0.0/24", "fd99::/64")
SOURCE = "fd98::/32"
SLACK = 20_000_000  # nanoseconds
TARGETS = ("10.99.0.1", "fd99::1")


class Gateway:
    """A scripted node that leads to the prefixes, with the gateways the kernel must show."""

    def __init__(self, namespace, interface, address, address4, device, special=False):
        self.label = namespace.label
        # The special node leads to IPv4 by IPv6 next hops, and to IPv6 for one source prefix only.
        self.special = special
        self.gateways = {4: f"inet6 {address}" if special else address4, 6: address}
        self.next_hop4 = address4
        self.device = device
        self.seqno = 0
        identifier = b"\2\0\0\0\0\0\0" + bytes([ord(namespace.label[0])])
        self.speaker = Speaker(namespace, interface, address, identifier)

    def announce(self, metric=0, prefixes=PREFIXES):
        """A newer seqno each time: always feasible."""
        if metric < babel.INFINITY:
            self.seqno += 1
        self.speaker.send(
            babel.router_id(self.speaker.identifier), babel.next_hop4(self.next_hop4),
            *[babel.update(
                prefix, metric, self.seqno, interval=6000,
                encoding=4 if self.special and ":" not in prefix else None,
                source=SOURCE if self.special and ":" in prefix else None)
              for prefix in prefixes])

    def retract(self):
        self.announce(babel.INFINITY)


def crossroads(lab):
    """A node with a source `s`, gateways `a` and `b` on one link, `c` on another, and a wrong
    way `w` which covering routes lead to: a packet that finds no route of ours goes there."""
    s, n, a, b, c, w = (lab.namespace(name) for name in "snabcw")
    switch = lab.namespace("switch")
    switch.ip("link", "add", "br0", "type", "bridge", "mcast_snooping", "0")
    switch.ip("link", "set", "br0", "up")
    for index, (end, name) in enumerate(((n, "l0"), (a, "l0"), (b, "l0")), start=1):
        end.ip("link", "add", name, "netns", end.name, "type", "veth",
               "peer", "name", f"p{index}", "netns", switch.name)
        switch.ip("link", "set", f"p{index}", "master", "br0", "up")
        end.batch([
            f"link set {name} addrgenmode none", f"link set {name} up",
            f"addr add fe80::{index}/64 dev {name} nodad",
            f"addr add 10.77.100.{index}/24 dev {name}"])
    lab.veth(n, c, ("l1", "l0"))  # 10.77.1.0/24
    lab.veth(n, w, ("l2", "l0"))  # 10.77.2.0/24
    lab.veth(n, s, ("l3", "l0"))  # 10.77.3.0/24
    n.forward()
    n.batch(["route add 10.96.0.0/12 via 10.77.2.2",
             "route add fd90::/12 via fe80::2 dev l2"])
    s.batch(["route add 0.0.0.0/0 via 10.77.3.1", "route add ::/0 via fe80::1 dev l0"])
    s.ip("-6", "addr", "add", "fd98::1/128", "dev", "lo", "nodad")
    for end in (a, b, c, w):
        end.own(*TARGETS)
        end.sysctl("ipv4/conf/all/rp_filter", "0")
        end.sysctl("ipv4/conf/l0/rp_filter", "0")
        end.batch(["route add 10.77.3.0/24 dev l0"])
    for place in ("10.77.100.2", "10.77.100.3", "10.77.1.2", "10.77.2.2",
                  "fe80::2%l0", "fe80::3%l0", "fe80::2%l1", "fe80::2%l2"):
        # Neighbour entries are made before, so that no packet waits for one.
        wait_until(lambda: n.ping(place), 10, f"{place} answers")
    return s, n, a, b, c, w


class Road:
    """The course of one stream: which gateway was right, and from when on for certain."""

    def __init__(self, n, stream):
        self.n = n
        self.stream = stream
        # (nanoseconds before the change was announced, after the kernel had it, place)
        self.changes = []

    def shows(self, gateway, metric=None):
        """Whether the kernel has exactly one route of ours a family, by this gateway."""
        for family, prefix in zip((4, 6), PREFIXES):
            text = self.n.ip(f"-{family}", "route", "show", "exact", prefix, "proto", "42")
            if gateway is None:
                good = text.startswith("unreachable")
            else:
                good = (f"via {gateway.gateways[family]} dev {gateway.device} " in text
                        and not text.startswith("unreachable"))
                if metric is not None:
                    good = good and f"metric {metric} " in text
            if not good or text.count("\n") != 1:
                return False
        return True

    def change(self, act, gateway, metric=None):
        before = time.monotonic_ns()
        act()
        label = gateway.label if gateway else None
        wait_until(lambda: self.shows(gateway, metric), 3, f"the kernel has the way by {label}",
                   every=0.002)
        self.changes.append((before, time.monotonic_ns(), label))
        time.sleep(0.03)

    def check(self, tolerance=0):
        """Every packet arrived once, and where it should have; `None` is nowhere."""
        outcome = self.stream.finish()
        assert outcome.rate >= 1000, f"{outcome.rate} datagrams a second"
        misrouted, expected_losses = [], 0
        spans = []
        for index, (before, after, place) in enumerate(self.changes):
            previous = self.changes[index - 1][2] if index else place
            spans.append((before, {previous, place}))
            spans.append((after, {place}))
        spans.append((2 ** 63, set()))

        def place_at(sent):
            low, high = 0, len(spans) - 1
            while low + 1 < high:
                middle = (low + high) // 2
                low, high = (middle, high) if spans[middle][0] <= sent else (low, middle)
            return spans[low][1]

        def allowed(sent):
            # A busy machine may route a packet a little later than it was sent.
            return place_at(sent) | place_at(sent + SLACK)

        for (family, number), places in outcome.arrivals.items():
            right = allowed(places[0][1])
            if len(places) > 1 or places[0][0] not in right:
                misrouted.append((family, number, places, right))
        lost = []
        for family, number, sent in outcome.lost:
            if None in allowed(sent):
                expected_losses += 1
            else:
                lost.append((family, number, sent))
        print(f"{len(self.changes) - 1} changes, {outcome.count} datagrams a family, "
              f"{outcome.rate:.0f}/s, longest pause {outcome.longest_pause * 1000:.0f} ms, "
              f"{len(lost)} lost, {len(misrouted)} misrouted, "
              f"{expected_losses} refused while unreachable")
        assert not lost, f"{len(lost)} lost: {lost[:5]}"
        assert len(misrouted) <= tolerance, f"{len(misrouted)} misrouted: {misrouted[:5]}"
        return expected_losses


def network(prefix):
    """A prefix as `ip` prints it."""
    return str(ipaddress.ip_network(prefix))


def asleep(node, action):
    """Does something while the daemon is stopped; returns when it was let go on."""
    node.process.child.send_signal(signal.SIGSTOP)
    try:
        action()
    finally:
        node.process.child.send_signal(signal.SIGCONT)
    return time.monotonic()
