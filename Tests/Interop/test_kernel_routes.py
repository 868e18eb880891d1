"""The kernel routes themselves: as babeld's, in every table, beside those of others."""

import json
import time

import babel_packets as babel
import pytest
from crossroads import Gateway, asleep, network
from daemons import Babeld, Swabeld
from netns import wait_until

# What is announced: encoding, prefix, source prefix, metric.
ANNOUNCED = [
    (1, "10.99.0.0/24", None, 10), (1, "10.99.1.1/32", None, 20), (1, "0.0.0.0/0", None, 30),
    (2, "fd99::/64", None, 10), (2, "fd99::1/128", None, 20), (2, "::/0", None, 30),
    (4, "10.99.4.0/24", None, 40),  # IPv4 by an IPv6 next hop
    (2, "fd99:5::/64", "fd98::/32", 50), (2, "::/0", "fd98:1::/32", 60),
    (1, "10.99.6.0/24", None, 70), (2, "fd99:6::/64", None, 70),  # retracted later
    (1, "10.98.0.0/24", None, 80), (2, "fd98:8::/64", None, 80),  # for another table
]
RETRACTED = ("10.99.6.0/24", "fd99:6::/64")


def fields(route):
    """One entry of `ip -d -j route`, flags in order."""
    return {**route, "flags": sorted(route.get("flags", []))}


CASES = {
    "plain": [],
    "reflect": ["reflect-kernel-metric true", "kernel-priority 1000"],
    "priority": ["kernel-priority 77"],
    "filters": [
        "install ip 10.98.0.0/16 table 100 pref-src 10.77.1.1",
        "install ip fd98::/16 table 100 pref-src fd97::1", "install ip 10.99.1.0/24 deny",
        "export-table 250"],
    "tables": ["export-table 1000", "install ip 10.98.0.0/16 table 2000"],
}
# Ours and babeld's, where they differ on purpose. babeld puts table numbers into 8 bits, so that
# 1000 becomes 232 and 2000 becomes 208; ours are those asked for.
TABLES = {"1000": "232", "2000": "208"}
# The highest number that a table can have: more than a number of 31 bits.
HIGHEST = "4294967295"


@pytest.mark.parametrize("case", list(CASES))
def test_like_babeld(lab, case):
    """Beside babeld in the same network: `ip -d -j route` field by field."""
    found = {}
    nodes = {}
    for program, maker in (("ours", Swabeld), ("babeld", Babeld)):
        n, b = lab.namespace("n"), lab.namespace("b")
        lab.networks = iter((1, 2))
        lab.veth(n, b)
        # Another link to announce to: what was never announced is not held when it is lost.
        lab.veth(n, b, ("l1", "l1"))
        n.ip("addr", "add", "fd97::1/128", "dev", "lo", "nodad")
        way = Gateway(b, "l0", "fe80::2", "10.77.1.2", "l0")
        nodes[program] = maker(n, ["l0", "l1"], statements=CASES[case]), n, way

    def announce(speaker, entries, seqno=1):
        speaker.send(babel.router_id(speaker.identifier), babel.next_hop4("10.77.1.2"),
                     *[
                             babel.update(prefix, metric, seqno, 6000, 0, 0, encoding, source)
                             for encoding, prefix, source, metric in entries])

    for program, (node, n, way) in nodes.items():
        way.speaker.adjacent(node, 30)
        announce(way.speaker, ANNOUNCED)
        wait_until(lambda: len(node.dump("route")) == len(ANNOUNCED), 5, f"{program} has all")
        wait_until(lambda: len(n.routes()) >= len(ANNOUNCED) - (case == "filters"), 5,
                   f"{program} tells the kernel all")
        time.sleep(2)
        announce(way.speaker, [(e, p, s, babel.INFINITY) for e, p, s, _ in ANNOUNCED
                               if p in RETRACTED])
        wait_until(lambda: {r["dst"] for r in n.routes() if r["type"] == "unreachable"}
                   >= set(RETRACTED), 5, f"{program} holds what was retracted")
        found[program] = sorted(
            (fields(route) for route in n.routes()),
            key=lambda r: (r["dst"], r.get("from", ""), r["type"]))
    for route in found["ours"]:
        if route.get("table") in TABLES:
            route["table"] = TABLES[route["table"]]
    assert found["ours"] == found["babeld"]


def test_many_tables(lab):
    """Tables above 255 for import, export and install, which `show` tells; a preferred source
    that comes, goes and comes back; restart and stop leave none of ours anywhere."""
    n, b = lab.namespace("n"), lab.namespace("b")
    lab.veth(n, b)
    statements = [
        "export-table 1000", "import-table 2000", "import-table 254",
        f"install ip 10.99.1.0/24 table {HIGHEST}", f"install ip fd99:0:0:1::/64 table {HIGHEST}",
        "install ip 10.99.2.0/24 table 254 pref-src 10.97.0.1",
        "install ip fd99:0:0:2::/64 pref-src fd97::1"]
    n.batch(["route add 10.91.1.0/24 dev lo table 2000 proto static",
             "route add fd91:0:0:1::/64 dev lo table 2000 proto static",
             "route add 10.91.2.0/24 dev lo table 3000 proto static"])
    node = Swabeld(n, ["l0"], own=["10.91.0.0/16", "fd91::/32"], statements=statements)
    way = Gateway(b, "l0", "fe80::2", "10.77.1.2", "l0")
    way.speaker.adjacent(node)
    prefixes = [f"10.99.{i}.0/24" for i in range(3)] + [
        network(f"fd99:0:0:{i}::/64") for i in range(3)]
    tables = dict.fromkeys(prefixes, "1000") | {
        prefixes[1]: HIGHEST, prefixes[4]: HIGHEST, prefixes[2]: "main"}

    def shown():
        return {r["dst"]: r["table"] for r in n.routes() if r["type"] == "unicast"}

    preferred = (prefixes[2], prefixes[5])
    without = {k: v for k, v in tables.items() if k not in preferred}
    way.announce(0, prefixes)
    wait_until(lambda: shown() == without, 3, "all but those whose source is not there yet")
    with node.control() as control:
        routes = [json.loads(line) for line in control.ask("show routes --json")[:-1]]
    assert {str(route["table"]) for route in routes} == {"1000", "254", HIGHEST}
    wait_until(lambda: set(way.speaker.routes()) == {"10.91.1.0/24", "fd91:0:0:1::/64"}, 2,
               "only the imported table is announced")
    for _ in range(2):
        n.batch(["addr add 10.97.0.1/32 dev lo", "addr add fd97::1/128 dev lo nodad"])
        wait_until(lambda: shown() == tables, 2, lambda: f"with their source: {shown()}")
        sources = {r["dst"]: r.get("prefsrc") for r in n.routes()}
        assert [sources[prefix] for prefix in preferred] == ["10.97.0.1", "fd97::1"]
        n.batch(["addr del 10.97.0.1/32 dev lo", "addr del fd97::1/128 dev lo"])
        # IPv4 routes of the main table go with their source, without a word; IPv6 routes lose
        # only the preference.
        wait_until(lambda: prefixes[2] not in shown(), 2, "gone with the source")
        time.sleep(0.5)
        assert {k: v for k, v in shown().items() if k not in preferred} == without
    n.ip("route", "add", "10.91.3.0/24", "dev", "lo", "table", "2000", "proto", "static")
    n.ip("route", "del", "10.91.1.0/24", "table", "2000")
    wait_until(lambda: set(way.speaker.routes()) == {"10.91.3.0/24", "fd91:0:0:1::/64"}, 2,
               "changes in a high table are announced")
    n.batch(["addr add 10.97.0.1/32 dev lo", "addr add fd97::1/128 dev lo nodad"])
    wait_until(lambda: shown() == tables, 2, "all are back")
    node.kill()
    assert shown() == tables, "a crash leaves all"
    node.start()
    way.speaker.adjacent(node, 30)
    way.announce(0, prefixes)
    wait_until(lambda: shown() == tables, 5, "all are confirmed")
    assert node.stop() == 0
    assert not n.routes(), "a stop leaves none, in no table"


@pytest.mark.parametrize("proto", ["dhcp", "ra", "static", "bird"])
def test_beside_others(lab, proto):
    """A default route and a prefix that somebody else has, too: with a better metric, a worse
    one, and the very same one; theirs comes and goes, ours is back at once."""
    n, b, w = lab.namespace("n"), lab.namespace("b"), lab.namespace("w")
    lab.veth(n, b)
    lab.veth(n, w, ("l1", "l0"))
    node = Swabeld(n, ["l0"], statements=["kernel-priority 500"],
                   parameters="type wired hello-interval 1 update-interval 60")
    way = Gateway(b, "l0", "fe80::2", "10.77.1.2", "l0")
    way.speaker.adjacent(node)
    prefixes = ["0.0.0.0/0", "10.99.0.0/24", "::/0", "fd99::/64"]

    def theirs(what, metric):
        n.batch([f"route {what} {prefix} via {'fe80::2' if ':' in prefix else '10.77.2.2'} "
                 f"dev l1 proto {proto} metric {metric}" for prefix in prefixes])

    def both(metric=None):
        shown = {r["dst"] for r in n.routes(proto) if r.get("metric") == metric}
        return (metric is None or shown == set(prefixes)) and n.reaches() == set(prefixes)

    for metric in (100, 900):
        theirs("add", metric)
        way.announce(0, prefixes)
        wait_until(lambda: both(metric), 2, f"ours stands beside {metric}")
        theirs("del", metric)
        time.sleep(0.2)
        assert n.reaches() == set(prefixes)
    way.announce(babel.INFINITY, prefixes)
    wait_until(lambda: not n.reaches(), 2, "ours goes")
    for _ in range(2):
        theirs("add", 500)
        way.announce(0, prefixes)
        time.sleep(0.5)
        assert not n.reaches(), "theirs was there first"
        theirs("del", 500)
        wait_until(both, 2, lambda: f"the place is free again: {n.reaches()}")
        way.announce(babel.INFINITY, prefixes)
        wait_until(lambda: not n.reaches(), 2, "ours goes")
    assert node.stop() == 0 and not n.routes()


def test_put_back(lab):
    """What somebody removes of ours is put back, entries held as unreachable included, told by
    the kernel or found by a comparison after lost notifications."""
    n, b = lab.namespace("n"), lab.namespace("b")
    lab.veth(n, b)
    lab.veth(n, b, ("l1", "l1"))
    node = Swabeld(n, ["l0", "l1"], parameters="type wired hello-interval 1 update-interval 60")
    way = Gateway(b, "l0", "fe80::2", "10.77.1.2", "l0")
    way.speaker.adjacent(node)
    kept = ["10.99.1.0/24", "fd99:0:0:1::/64"]
    held = ["10.99.2.0/24", "fd99:0:0:2::/64"]
    way.announce(0, kept + held)
    wait_until(lambda: n.reaches() == {*kept, *held}, 5, "routes are learned")
    time.sleep(1)  # they are announced on the other link
    way.announce(babel.INFINITY, held)

    def shown():
        return {(route["dst"], route["type"]) for route in n.routes()}

    def complete():
        return shown() == {(p, "unicast") for p in kept} | {(p, "unreachable") for p in held}

    def remove():
        n.batch([f"route del {prefix} proto 42" for prefix in kept]
                + [f"route del unreachable {prefix} proto 42" for prefix in held])

    wait_until(complete, 2, lambda: f"two are held: {shown()}")
    remove()
    wait_until(complete, 2, lambda: f"all are back: {shown()}")

    def unheard():
        remove()
        for i in range(0, 12000, 1000):
            n.batch([f"route {what} 10.90.{j >> 8}.{j & 255}/32 dev lo proto static"
                     for j in range(500) for what in ("add", "del")])

    asleep(node, unheard)
    wait_until(complete, 2, lambda: f"all are back, unheard: {shown()}")
