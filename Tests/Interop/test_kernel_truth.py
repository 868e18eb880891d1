"""What the kernel is told: no instant without a route, and no route of somebody else touched."""

import ipaddress
import json
import signal
import time
from random import Random

import babel_packets as babel
import pytest
from daemons import Swabeld
from netns import LabError, wait_until
from speaker import Speaker
from traffic import Stream

PREFIXES = ("10.99.0.0/24", "fd99::/64")
TARGETS = ("10.99.0.1", "fd99::1")


class Gateway:
    """A scripted node that leads to the prefixes, with the gateways the kernel must show."""

    def __init__(self, namespace, interface, address, address4, device):
        self.label = namespace.label
        self.gateways = {4: address4, 6: address}
        self.device = device
        self.seqno = 0
        identifier = b"\2\0\0\0\0\0\0" + bytes([ord(namespace.label[0])])
        self.speaker = Speaker(namespace, interface, address, identifier)

    def announce(self, metric=0, prefixes=PREFIXES):
        """A newer seqno each time: always feasible."""
        if metric < babel.INFINITY:
            self.seqno += 1
        self.speaker.send(
            babel.router_id(self.speaker.identifier), babel.next_hop4(self.gateways[4]),
            *[babel.update(prefix, metric, self.seqno, interval=6000) for prefix in prefixes])

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
        # Neighbour entries are there before, so that nothing waits for them.
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

    def check(self):
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

        def allowed(sent):
            low, high = 0, len(spans) - 1
            while low + 1 < high:
                middle = (low + high) // 2
                low, high = (middle, high) if spans[middle][0] <= sent else (low, middle)
            return spans[low][1]

        for (family, number), places in outcome.arrivals.items():
            right = allowed(places[0][1])
            if len(places) > 1 or places[0][0] not in right:
                misrouted.append((family, number, places, right))
        lost = []
        for family, number, about in outcome.lost:
            if None in allowed(about) or None in allowed(about + 2_000_000):
                expected_losses += 1
            else:
                lost.append((family, number, about))
        print(f"{len(self.changes) - 1} changes, {outcome.count} datagrams a family, "
              f"{outcome.rate:.0f}/s, longest pause {outcome.longest_pause * 1000:.0f} ms, "
              f"{len(lost)} lost, {len(misrouted)} misrouted, "
              f"{expected_losses} refused while unreachable")
        assert not lost, f"{len(lost)} lost: {lost[:5]}"
        assert not misrouted, f"{len(misrouted)} misrouted: {misrouted[:5]}"
        return expected_losses


@pytest.mark.parametrize("reflect", [False, True], ids=["replace", "reflect"])
def test_no_gap(lab, reflect):
    """200 changes of gateway, interface, metric, and to unreachable and back, under a stream:
    nothing is lost, nothing goes the wrong way."""
    s, n, a, b, c, w = crossroads(lab)
    node = Swabeld(n, ["l0", "l1"], statements=[
        f"reflect-kernel-metric {'true' if reflect else 'false'}"] + (
        ["kernel-priority 1000"] if reflect else []))
    ways = [Gateway(a, "l0", "fe80::2", "10.77.100.2", "l0"),
            Gateway(b, "l0", "fe80::3", "10.77.100.3", "l0"),
            Gateway(c, "l0", "fe80::2", "10.77.1.2", "l1")]
    wait_until(lambda: len(node.neighbours()) == 3, 15, "three neighbours")
    for way in ways:
        way.speaker.adjacent(node)
    ways[0].announce()
    ways[1].announce()
    road = Road(n, None)
    wait_until(lambda: road.shows(ways[0]), 5, "the first way")
    road.stream = Stream(s, {"a": a, "b": b, "c": c, "w": w}, TARGETS)
    time.sleep(0.3)
    road.changes.append((0, 0, "a"))
    at = 0
    for step in range(200):
        kind = step % 5
        if kind < 3:  # the way in use is retracted, the next one takes over
            current, at = ways[at], (at + 1) % 3
            road.change(current.retract, ways[at])
            ways[(at + 1) % 3].announce()
        elif kind == 3:  # another metric of the same way
            metric = 10 + step
            road.change(lambda: ways[at].announce(metric), ways[at],
                        1000 + 96 + metric if reflect else None)
            # Back, that it does not get worse than the others.
            road.change(ways[at].announce, ways[at], 1096 if reflect else None)
        elif step % 10 == 4:  # gateway and metric at once
            following = ways[(at + 1) % 3]
            following.announce(step)
            current, at = ways[at], (at + 1) % 3
            road.change(current.retract, following, 1096 + step if reflect else None)
            road.change(following.announce, following, 1096 if reflect else None)
            ways[(at + 1) % 3].announce()
        else:  # unreachable and back
            ways[(at + 1) % 3].retract()
            road.change(ways[at].retract, None)
            road.change(ways[at].announce, ways[at], 1096 if reflect else None)
            ways[(at + 1) % 3].announce()
    assert len(road.changes) > 200
    assert road.check() > 0, "unreachable means that nothing passes"


def network(prefix):
    """A prefix as `ip` prints it."""
    return str(ipaddress.ip_network(prefix))


def foreign_routes(n):
    """What others have in the kernel, as `ip` prints it, in a fixed order."""
    lines = []
    for family in ("-4", "-6"):
        text = n.ip(family, "-d", "route", "show", "table", "all")
        text = text.replace("\n\tnexthop", " nexthop")
        # Not ours, and not what changes by itself (link states, the kernel's own addresses).
        lines += sorted(
            family + " " + line for line in text.splitlines()
            if " proto babel " not in line and " proto kernel " not in line)
    return lines


def others_routes(family, metrics):
    """Routes of several protocols for prefixes that Babel has, too: with each metric one, some
    with several legs, some of another type."""
    prefix = "10.99.{}.0/24" if family == 4 else "fd99:0:0:{}::/64"
    ways = ("via 10.77.2.2 dev l2", "via 10.77.1.2 dev l1") if family == 4 else (
        "via fe80::2 dev l2", "via fe80::2 dev l1")
    lines = []
    for index, metric in enumerate(metrics):
        number = f"metric {metric}" if metric is not None else ""
        for offset, what in enumerate((
                f"{ways[0]} proto static", f"{ways[1]} proto 187",
                f"proto bird nexthop {ways[0]} weight 2 nexthop {ways[1]}",
                "dev l2 proto static", f"{ways[0]} proto static src "
                + ("10.77.2.1" if family == 4 else "fd97::1"), "blackhole")):
            target = prefix.format(index * 10 + offset)
            if what == "blackhole":
                lines.append(f"route add blackhole {target} proto static {number}")
            else:
                nexthops = what.partition(" nexthop ")
                lines.append(f"route add {target} {nexthops[0]} {number}"
                             f"{nexthops[1]}{nexthops[2]}")
    return lines


@pytest.mark.parametrize("reflect", [False, True], ids=["plain", "reflect"])
def test_foreign_routes(lab, reflect):
    """Routes of others for our prefixes are byte for byte the same after each thing that we do
    with ours: install, replace, other metric, unreachable, withdraw, start, stop."""
    s, n, a, b, c, w = crossroads(lab)
    n.ip("addr", "add", "fd97::1/128", "dev", "lo", "nodad")
    statements = ["reflect-kernel-metric true", "kernel-priority 1000"] if reflect else []
    # Metrics of ours: 0 (1024 for IPv6), with reflection 1096 and up; 4294967295 unreachable.
    metrics = {4: [None, 1, 1096, 1106, 4294967295], 6: [None, 1, 1096, 1106, 4294967295]}
    count = len(metrics[4]) * 10
    prefixes = [f"10.99.{i}.0/24" for i in range(count)] + [
        network(f"fd99:0:0:{i}::/64") for i in range(count)]
    theirs = [line for family in (4, 6) for line in others_routes(family, metrics[family])]
    n.batch(theirs)
    before = foreign_routes(n)
    assert len(before) >= len(theirs)

    def unchanged(after):
        now = foreign_routes(n)
        gone, new = [x for x in before if x not in now], [x for x in now if x not in before]
        assert now == before, f"{after}: gone {gone[:5]}, new {new[:5]}"

    def start():
        return Swabeld(n, ["l0", "l1"], statements=statements)

    node = start()
    first = Gateway(a, "l0", "fe80::2", "10.77.100.2", "l0")
    second = Gateway(c, "l0", "fe80::2", "10.77.1.2", "l1")
    for way in (first, second):
        way.speaker.adjacent(node)

    def announce(way, metric=0):
        way.announce(metric, prefixes[:count])
        way.announce(metric, prefixes[count:])

    def ours(gateway):
        """Prefixes that our kernel routes lead to by a gateway."""
        return {route["dst"] for route in n.routes() if (
            route.get("type") == "unreachable" if gateway is None else
            route.get("gateway") in gateway.gateways.values() and route["dev"] == gateway.device)}

    # Where nobody has anything in our place, ours must be there in the end.
    def free(unreachable=False):
        words = ["metric 1096"] if reflect else [" "]
        words += ["metric 4294967295"] if unreachable else []
        taken = {network(line.split()[3 if "blackhole" in line else 2]) for line in theirs
                 if any(word in line if word != " " else "metric" not in line for word in words)}
        return set(prefixes) - taken

    wait_until(lambda: len(node.neighbours()) == 2, 10, "two neighbours")
    for round in range(2):
        announce(first)
        wait_until(lambda: ours(first) >= free(), 5, "installed")
        unchanged("install")
        announce(second)
        announce(first, babel.INFINITY)
        wait_until(lambda: ours(second) >= free(), 5, "replaced")
        unchanged("replace")
        announce(second, 10)
        time.sleep(0.5)
        unchanged("another metric")
        announce(second)
        time.sleep(0.5)
        unchanged("another metric, back")
        announce(second, babel.INFINITY)
        wait_until(lambda: ours(None) >= free(unreachable=True), 5, "unreachable")
        unchanged("unreachable")
        announce(first)
        wait_until(lambda: ours(first) >= free() and not ours(None) & free(), 5,
                   lambda: f"reachable again, but for {free() - ours(first)}")
        unchanged("reachable again")
        if round == 0:
            assert node.stop() == 0
            assert not n.routes()
            unchanged("stop")
            node.start()
            first.speaker.adjacent(node)
            second.speaker.adjacent(node)
            first.retract()
    node.kill()
    unchanged("kill")
    node.start()  # what it finds is adopted, or in its way: nothing of others is
    first.speaker.adjacent(node)
    unchanged("start after kill")
    announce(first)
    time.sleep(1)
    unchanged("confirmed")
    assert ours(first) >= free()
    # Others change theirs beside ours, behind our back: appended, in front, replaced.
    n.batch([f"route append {prefix} via {'10.77.2.2' if '.' in prefix else 'fe80::2'} dev l2 "
             "proto 250" for prefix in (prefixes[8], prefixes[count + 8])]
            + [f"route prepend {prefixes[9]} via 10.77.2.2 dev l2 proto 250",
               f"route replace {prefixes[19]} via 10.77.2.2 dev l2 proto 250",
               f"route replace {prefixes[count + 19]} via fe80::2 dev l2 proto 250"])
    announce(first, babel.INFINITY)
    announce(second)
    time.sleep(0.5)
    announce(second, 20)
    time.sleep(0.5)
    assert node.stop() == 0
    assert not n.routes()
    after = foreign_routes(n)
    assert [line for line in after if "proto 250 " not in line] == before
    added = [line for line in after if "proto 250 " in line]
    assert len(added) == 5, added


def asleep(node, action):
    """Does something while the daemon is stopped; returns when it was let go on."""
    node.process.child.send_signal(signal.SIGSTOP)
    try:
        action()
    finally:
        node.process.child.send_signal(signal.SIGCONT)
    return time.monotonic()


@pytest.mark.alone
@pytest.mark.parametrize("stopped", [True, False], ids=["stopped", "running"])
def test_overflow(lab, stopped):
    """20,000 changes of kernel routes in one burst, while the daemon sleeps (its socket
    overflows) or not: two seconds later everything is announced or retracted, and what was done
    to our routes is repaired."""
    n, b = lab.namespace("n"), lab.namespace("b")
    lab.veth(n, b)
    half = 5000

    def routes(start):
        return [f"10.91.{i >> 8}.{i & 255}/32" for i in range(start, start + half)] + [
            network(f"fd91:0:0:{i:x}::/64") for i in range(start, start + half)]

    old, new = routes(1), routes(1 + half)
    n.batch([f"route add {prefix} dev lo proto static" for prefix in old])
    node = Swabeld(n, ["l0"], own=["10.91.0.0/16", "fd91::/32"],
                   parameters="type wired hello-interval 1 update-interval 60")
    speaker = Speaker(b, "l0")
    speaker.adjacent(node)
    way = Gateway.__new__(Gateway)
    way.speaker, way.gateways, way.seqno = speaker, {4: "10.77.1.2", 6: "fe80::2"}, 0
    learned = [f"10.99.{i}.0/24" for i in range(30)] + [
        network(f"fd99:0:0:{i:x}::/64") for i in range(30)]
    way.announce(0, learned)
    wait_until(lambda: n.reaches() == set(learned), 5, "routes are learned")
    wait_until(lambda: set(old) <= set(speaker.routes()), 10, "all announced")
    wait_until(lambda: node.dump("xroute"), 5, "calm")

    def burst():
        begin = time.monotonic()
        n.batch([f"route del {prefix} dev lo proto static" for prefix in old]
                + [f"route add {prefix} dev lo proto static" for prefix in new]
                + [f"route del {prefix} proto 42" for prefix in learned[:5] + learned[30:35]])
        print(f"burst of {time.monotonic() - begin:.2f} s")

    if stopped:
        end = asleep(node, burst)
    else:
        burst()
        end = time.monotonic()

    def told():
        known = speaker.routes()
        return set(known) >= set(new) and not set(known) & set(old)

    wait_until(told, 2, lambda: (
        f"{len(set(speaker.routes()) & set(new))} of {len(new)} announced, "
        f"{len(set(speaker.routes()) & set(old))} of {len(old)} not retracted"), every=0.02)
    took = time.monotonic() - end
    wait_until(lambda: n.reaches() == set(learned), 2, "our routes are back")
    print(f"all told {took:.2f} s after the burst, all repaired {time.monotonic() - end:.2f} s")
    assert len(node.dump("xroute")) >= len(new)
    overflowed = "notifications were lost" in node.process.text()
    assert overflowed == stopped, node.process.text()[-500:]


@pytest.mark.parametrize("noise", [0, 3000, 12000], ids=["calm", "busy", "overflow"])
def test_late_news(lab, noise):
    """Others put routes beside ours while the daemon sleeps; when it wakes, changes of ours are
    waiting as well. It hears of theirs first, however much else there is to hear."""
    s, n, a, b, c, w = crossroads(lab)
    node = Swabeld(n, ["l0", "l1"])
    first = Gateway(a, "l0", "fe80::2", "10.77.100.2", "l0")
    second = Gateway(c, "l0", "fe80::2", "10.77.1.2", "l1")
    for way in (first, second):
        way.speaker.adjacent(node)
    count = 40
    prefixes = [f"10.99.{i}.0/24" for i in range(count)] + [
        network(f"fd99:0:0:{i:x}::/64") for i in range(count)]
    for way in (first, second):
        way.announce(0, prefixes)
    wait_until(lambda: n.reaches() == set(prefixes), 5, "routes are learned")
    theirs = [prefix for i, prefix in enumerate(prefixes) if i % 2]

    def meanwhile():
        first.announce(babel.INFINITY, prefixes)  # so all are replaced
        for i in range(0, noise, 1000):
            n.batch([f"route {what} 10.90.{j >> 8}.{j & 255}/32 dev lo proto static"
                     for j in range(500) for what in ("add", "del")])
        n.batch([f"route {'append' if i % 4 else 'replace'} {prefix} via "
                 f"{'fe80::2' if ':' in prefix else '10.77.2.2'} dev l2 proto 250"
                 for i, prefix in enumerate(theirs)])

    asleep(node, meanwhile)

    def ours():
        return {route["dst"] for route in n.routes() if route.get("dev") == "l1"}

    wait_until(lambda: ours() >= set(prefixes) - set(theirs), 3,
               lambda: f"others' places are left alone, ours changed: {len(ours())}")
    time.sleep(1)
    first.announce(0, prefixes)
    second.announce(babel.INFINITY, prefixes)
    time.sleep(1)
    overflowed = "notifications were lost" in node.process.text()
    assert overflowed == (noise > 10000)
    assert node.stop() == 0
    left = {route["dst"] for route in n.routes(250)}
    assert left == set(theirs), f"{len(set(theirs) - left)} of others' routes are gone"


def offered(n, tables=("main",)):
    """The prefixes of others in the kernel's tables, as they are to be announced."""
    found = set()
    for family in ("-4", "-6"):
        for table in tables:
            # No table, no routes: then this is a failure.
            text = n.ip(family, "-j", "route", "show", "table", table, check=False)
            for row in json.loads(text) if text.rstrip().endswith("]") else []:
                if row.get("protocol") not in ("babel", "kernel"):
                    found.add(network(row["dst"]))
    return found


def test_redistribution(lab):
    """Whatever happens to the kernel's routes, told or untold, what is announced follows."""
    n, b = lab.namespace("n"), lab.namespace("b")
    lab.veth(n, b)
    for number in (1, 2):
        lab.veth(n, b, (f"m{number}", f"m{number}"))  # 10.77.2.0/24, 10.77.3.0/24
    node = Swabeld(n, ["l0"], own=["10.91.0.0/16", "fd91::/32"], statements=[
        "import-table 254", "import-table 1000"])
    speaker = Speaker(b, "l0")
    speaker.adjacent(node)
    six, four = "fd91:0:1::/64", "10.91.1.0/24"
    hops = {"4a": "via 10.77.2.2 dev m1", "4b": "via 10.77.3.2 dev m2",
            "6a": "via fe80::2 dev m1", "6b": "via fe80::2 dev m2"}

    def ask(line):
        for key, hop in hops.items():
            line = line.replace(f"<{key}>", hop)
        words = line.format(six=six, four=four).split()
        if words[0] == "route" and words[1] not in ("del", "flush") and "proto" not in words:
            at = 3 if words[2] in ("blackhole", "unreachable", "prohibit") else 2
            words[at + 1:at + 1] = ["proto", "static"]
        n.ip(*words)
        told(line)

    def told(what):
        def same():
            xroutes = {row["prefix"] for row in node.dump("xroute")}
            return xroutes == offered(n, ("main", "1000")) == set(speaker.routes())

        wait_until(same, 2, lambda: (
            f"after `{what}`: kernel {sorted(offered(n, ('main', '1000')))}, ours "
            f"{sorted(row['prefix'] for row in node.dump('xroute'))}, told "
            f"{sorted(speaker.routes())}"), every=0.05)
        time.sleep(0.15)
        assert same(), what

    for family, prefix in (("4", "{four}"), ("6", "{six}")):
        one, two = f"<{family}a>", f"<{family}b>"
        for line in (
                # Two routes for one prefix, either of which goes first.
                f"route add {prefix} {one} metric 10", f"route add {prefix} {two} metric 20",
                f"route del {prefix} metric 10", f"route add {prefix} {one} metric 10",
                f"route del {prefix} metric 20", f"route del {prefix} metric 10",
                # Replaced and changed in place.
                f"route add {prefix} {one}", f"route replace {prefix} {two}",
                f"route change {prefix} {one}", f"route replace blackhole {prefix}",
                f"route replace {prefix} {two}", f"route del {prefix}",
                # Several legs, which go one by one.
                f"route add {prefix} nexthop {one} nexthop {two}", f"route del {prefix}",
                f"route add {prefix} {one}", f"route append {prefix} {two}",
                f"route del {prefix} {one}", f"route del {prefix} {two}",
                f"route add {prefix} {one}", f"route append {prefix} {two}",
                f"route del {prefix} {two}", f"route del {prefix}",
                f"route add {prefix} nexthop {one} nexthop {two}",
                f"route replace {prefix} {one}", f"route del {prefix}",
                # Other types and other tables.
                f"route add unreachable {prefix}", f"route del unreachable {prefix}",
                f"route add prohibit {prefix} table 1000", f"route add {prefix} {one}",
                f"route del prohibit {prefix} table 1000", f"route del {prefix}",
                f"route add {prefix} {one} table 1000", f"route add {prefix} {one} table 999",
                f"route del {prefix} table 1000", f"route flush table 999",
        ):
            ask(line if family == "4" or "flush" not in line else "-6 " + line)
    ask("route add {four} <4a> tos 0x10")
    ask("route add {four} <4a>")
    ask("route del {four} tos 0")
    ask("route del {four} tos 0x10")
    # The kernel removes these without a word.
    ask("route add {four} <4a>")
    ask("route add {six} <6a>")
    ask("link set m1 down")
    ask("link set m1 up")
    ask("route add {four} <4a>")
    ask("route add 10.91.2.0/24 <4b>")
    ask("route add 10.91.3.0/24 nexthop <4a> nexthop <4b>")
    ask("addr del 10.77.2.1/24 dev m1")
    ask("addr add 10.77.2.1/24 dev m1")
    ask("route add {four} <4a> src 10.77.3.1")
    ask("addr add 10.77.30.1/24 dev m2")
    ask("addr del 10.77.3.1/24 dev m2")
    ask("addr add 10.91.9.9/32 dev lo")
    n.ip("addr", "del", "10.91.9.9/32", "dev", "lo")
    told("an address less")
    ask("link del m2")
    ask("link set m1 name m9")
    ask("route flush table main proto static")


def test_flapping(lab):
    """Routes come and go while the tables are being read, again and again: in the end what is
    announced is what is there."""
    n, b = lab.namespace("n"), lab.namespace("b")
    lab.veth(n, b)
    n.batch([f"route add {10}.90.{i >> 8}.{i & 255}/32 dev lo proto static" for i in range(4000)])
    n.batch([f"route add fd90:0:0:{i:x}::/64 dev lo proto static" for i in range(4000)])
    node = Swabeld(n, ["l0"], own=["10.91.0.0/16", "fd91::/32"], parameters=(
        "type wired hello-interval 1 update-interval 60"))
    speaker = Speaker(b, "l0")
    speaker.adjacent(node)
    flapping = [f"10.91.0.{i}/32" for i in range(200)] + [
        network(f"fd91:0:0:{i:x}::/64") for i in range(200)]
    random = Random(lab.title)
    present: set[str] = set()
    for _ in range(25):
        lines = []
        for prefix in random.choices(flapping, k=600):
            lines.append(f"route {'del' if prefix in present else 'add'} {prefix} dev lo "
                         "proto static")
            present ^= {prefix}
        node.process.child.send_signal(signal.SIGUSR2)
        n.batch(lines)
        time.sleep(0.1)  # no second reading comes to correct the first

        def wrong():
            return {row["prefix"] for row in node.dump("xroute")} ^ present

        wait_until(lambda: not wrong(), 2, lambda: f"announced and not there, or not: {wrong()}")
    wait_until(lambda: set(speaker.routes()) == present, 2, "and is known elsewhere")
