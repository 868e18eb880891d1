"""`source-tables`: source-specific IPv4 routes, by rules and tables."""

import json

import pytest
from daemons import Babeld, Swabeld, settle
from netns import Process, wait_until

QUICK = "hello-interval 1 update-interval 4"
TABLES = ["source-tables 1000 1009"]
# babeld announces source-specific IPv4 routes, too, but cannot hold any.
EXITS = {"babeld": Babeld, "swabeld": Swabeld}


def rules(host, family="-4"):
    """(source, priority, protocol) of every rule that looks up one of the tables."""
    found = set()
    for rule in json.loads(host.ip(family, "-j", "-d", "rule", "show")):
        if rule.get("table", "").isdigit() and 1000 <= int(rule["table"]) <= 1009:
            length = rule.get("srclen", 32 if family == "-4" else 128)
            found.add((f"{rule['src']}/{length}", rule["priority"], rule.get("protocol")))
    return found


def way(host, target, source):
    """The interface a forwarded packet leaves by."""
    words = host.ip(
        "route", "get", target, "from", source, "iif", "lan", check=False).split()
    return words[words.index("dev") + 1] if "dev" in words else None


def receives(host, action):
    """How many ICMP echo requests a host gets while `action` runs."""
    def count():
        lines = host.execute("cat", "/proc/net/snmp").splitlines()
        names, values = [line.split() for line in lines if line.startswith("Icmp:")]
        return int(values[names.index("InEchos")])

    before = count()
    action()
    return count() - before


@pytest.mark.parametrize("peer", list(EXITS))
def test_two_uplinks(lab, peer):
    """Two exits announce a default route, each for its own prefix: packets from two sources take
    two ways, longer destinations come first all the same, and nothing is left behind."""
    r, a, b = lab.namespace("r"), lab.namespace("a"), lab.namespace("b")
    c = lab.namespace("c")
    lab.veth(r, a, ("ra", "l0"), ipv4=False)
    lab.veth(r, b, ("rb", "l0"), ipv4=False)
    lab.veth(r, c, ("lan", "l0"), ipv4=False)
    for host in (r, a, b):
        host.forward()
    # Both exits have the target; whoever gets the packet tells where it went.
    a.own("10.91.0.1", "192.0.2.1")
    b.own("10.92.0.1", "192.0.2.1", "10.93.0.1")
    r.own("10.90.0.1")
    r.ip("addr", "add", "10.1.0.254/16", "dev", "lan")
    r.ip("addr", "add", "10.2.0.254/16", "dev", "lan")
    c.ip("addr", "add", "10.1.0.1/16", "dev", "l0")
    c.ip("addr", "add", "10.2.0.1/16", "dev", "l0")
    c.ip("route", "add", "default", "via", "10.1.0.254")
    for exit_ in (a, b):
        exit_.ip("route", "add", "default", "dev", "lo", "metric", "9999", "proto", "static")
    node = Swabeld(r, ["ra", "rb"], own=["10.90.0.0/16", "10.1.0.0/16", "10.2.0.0/16"],
                   parameters=QUICK, statements=TABLES)
    first = Swabeld(a, ["l0"], own=["10.91.0.0/16"], parameters=QUICK, statements=TABLES,
                    first=["redistribute ip 0.0.0.0/0 eq 0 src-prefix 10.1.0.0/16"])
    second = EXITS[peer](
        b, ["l0"], own=["10.92.0.0/16", "10.93.0.0/16"], parameters=QUICK,
        first=["redistribute ip 0.0.0.0/0 eq 0 src-prefix 10.2.0.0/16"])
    settle(node, first, second)
    wanted = {("10.1.0.0/16", 1016, "babel"), ("10.2.0.0/16", 1016, "babel")}
    wait_until(lambda: rules(r) == wanted, 15, lambda: f"two rules: {rules(r)}")
    wait_until(lambda: {"10.91.0.1/32", "10.93.0.1/32"} <= r.reaches(), 15, "ordinary routes")
    wait_until(lambda: way(r, "192.0.2.1", "10.1.0.1") == "ra", 5,
               lambda: "the first source: " + r.ip("route", "show", "table", "all"))
    assert way(r, "192.0.2.1", "10.2.0.1") == "rb", "the second source"
    # The destination decides before the source: routes longer than the default are not hidden,
    # those of Babel no more than those of the kernel itself.
    assert way(r, "10.93.0.1", "10.1.0.1") == "rb"
    assert way(r, "10.91.0.1", "10.2.0.1") == "ra"
    assert way(r, "10.2.0.1", "10.1.0.1") == "lan"
    # Traffic goes the same way.
    assert receives(a, lambda: c.ping("192.0.2.1", "10.1.0.1")) == 1
    assert receives(b, lambda: c.ping("192.0.2.1", "10.2.0.1")) == 1
    assert c.ping("10.93.0.1", "10.1.0.1") and c.ping("10.91.0.1", "10.2.0.1")

    # A longer destination comes later, and goes again.
    r.ip("route", "add", "192.0.2.0/24", "dev", "lan", "proto", "static")
    wait_until(lambda: way(r, "192.0.2.1", "10.1.0.1") == "lan", 3, "a static route is longer")
    r.ip("route", "del", "192.0.2.0/24", "dev", "lan", "proto", "static")
    wait_until(lambda: way(r, "192.0.2.1", "10.1.0.1") == "ra", 3, "and gone")

    # Somebody removes a rule. The next comparison puts it back.
    r.ip("rule", "del", "from", "10.1.0.0/16", "table", r_table(r, "10.1.0.0"))
    node.process.child.send_signal(12)  # SIGUSR2: compare
    wait_until(lambda: rules(r) == wanted, 5, "the rule is put back")

    # The daemon is killed. Everything stays in use, and the next start takes it over.
    node.process.stop(9)
    assert rules(r) == wanted and way(r, "192.0.2.1", "10.1.0.1") == "ra"
    r.ip("rule", "add", "from", "10.7.0.0/16", "table", "1007", "priority", "1016",
         "protocol", "babel")
    node.start()
    assert way(r, "192.0.2.1", "10.1.0.1") == "ra", "taken over"
    wait_until(lambda: rules(r) == wanted, 5, "a stale rule is removed")
    settle(node)
    wait_until(lambda: way(r, "192.0.2.1", "10.2.0.1") == "rb", 10, "still there")

    # When an exit goes away, its rule goes too; the other one stays.
    assert second.stop() == 0
    wait_until(lambda: rules(r) == {("10.1.0.0/16", 1016, "babel")}, 60, lambda: f"{rules(r)}")
    assert way(r, "192.0.2.1", "10.1.0.1") == "ra"
    assert node.stop() == 0
    assert not rules(r), "no rule is left"
    assert not r.routes(), "no route is left, in whichever table"


def r_table(host, source):
    """The table of the rule for a source."""
    return next(rule["table"] for rule in json.loads(host.ip("-4", "-j", "rule", "show"))
                if rule["src"] == source)


def test_tables_used_otherwise(lab):
    """Tables for sources must be nobody else's."""
    host = lab.namespace("host")
    process = Process(host, "swabeld", [
        Swabeld.binary(None), "-I", "", "-S", "", "-C", "export-table 1005", "-C", TABLES[0], "l0"])
    assert process.child.wait(5) == 1 and "table 1005" in process.text()


def test_ipv6_without_subtrees(lab):
    """Where IPv6 has no subtrees (or shall not use them) tables serve as well."""
    a, b = lab.namespace("a"), lab.namespace("b")
    lab.veth(a, b)
    a.own("fd91::1")
    b.own("fd92::1")
    b.ip("route", "add", "fd92:0:0:5::/64", "from", "fd91::/32", "dev", "lo", "proto", "static")
    node = Swabeld(a, ["l0"], own=["fd91::/32"], parameters=QUICK,
                   statements=["ipv6-subtrees false", *TABLES])
    other = Swabeld(b, ["l0"], own=["fd92::/32"], parameters=QUICK)
    settle(node, other)
    wait_until(lambda: rules(a, "-6") == {("fd91::/32", 1096, "babel")}, 15,
               lambda: f"{rules(a, '-6')}")
    wait_until(lambda: "via fe80::2" in a.ip("route", "get", "fd92:0:0:5::1", "from", "fd91::1"),
               10, "the table is used")
    assert not any(route.get("from") for route in a.routes(42, 6))
    assert node.stop() == 0
    assert not rules(a, "-6") and not a.routes()
