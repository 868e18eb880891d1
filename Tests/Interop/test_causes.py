"""Causes that are easily missed, or taken for others: status, log and explanations name them, and
what they advise helps."""

from __future__ import annotations

import re

from daemons import Swabeld
from netns import wait_until
from test_problems import KEY, QUICK, noticed, over, pair
from test_show import ask, rows

SAME = "router-id 02:00:00:00:00:00:00:2a"


def explained(node, *words):
    """An explanation in one line."""
    return re.sub(r"\s+", " ", ask(node, "explain", *words))


def until_explained(node, sentence, *words, seconds=30):
    wait_until(lambda: re.search(sentence, explained(node, *words)), seconds,
               lambda: f"{sentence} in {explained(node, *words)}")


def chain(lab, statements=()):
    """`n` between `a` and `b`, which have addresses of their own."""
    a, n, b = (lab.namespace(name) for name in "anb")
    lab.veth(n, a, ("l0", "l0"))
    lab.veth(n, b, ("l1", "l0"))
    a.own("10.91.0.1", "fd91::1")
    b.own("10.92.0.1", "fd92::1")
    leaf, _ = (Swabeld(space, ["l0"], own=[f"10.{own}.0.0/16", f"fd{own}::/32"],
                       parameters=QUICK) for space, own in ((a, 91), (b, 92)))
    node = Swabeld(n, ["l0", "l1"], parameters=QUICK, statements=list(statements))
    wait_until(lambda: "10.91.0.1/32" in b.reaches() and "10.92.0.1/32" in a.reaches(), 20,
               "routes")
    return a, n, b, node, leaf


def test_router_id_twice(lab):
    """Two machines have one router-id, as if one had been cloned: each names the other one and what
    it announces. It is over when one of them is gone."""
    _, _, one, other = pair(lab, first=[SAME], second=[SAME])
    for node, prefix in ((one, r"(10\.92\.0\.1/32|fd92::1/128)"),
                         (other, r"(10\.91\.0\.1/32|fd91::1/128)")):
        address = "fe80::2" if node is one else "fe80::1"
        noticed(node, "router-id-twice", f"{address} on l0", "another machine has our router-id "
                "02:00:00:00:00:00:00:2a, so each drops what the other one announces: neighbour "
                rf"{address} on l0 announces {prefix} and 1 more with it\. Give each machine a "
                "router-id of its own", seconds=45)
    text = explained(one, "fd92::1")
    assert "Neighbour fe80::2 on l0 announces it with our own router-id" in text, text
    assert "Nobody announces" not in text and "No neighbour announces it" not in text, text
    assert "It announces prefixes with our own router-id" in explained(one, "neighbour", "fe80::2")
    # A restart of one with the same router-id is no third machine, nor is an address that goes.
    one.namespace.ip("addr", "del", "fd91::1/128", "dev", "lo")
    other.stop()
    over(one, "router-id-twice")


def test_real_table(lab):
    """Routes in a table that a rule leads to: the table is named as it is, also in remedies."""
    _, n, _, node, _ = chain(lab, ["install ip 10.92.0.0/16 table 77",
                                "install ip fd92::/32 table 77"])
    for family in ("-4", "-6"):
        n.ip(family, "rule", "add", "lookup", "77", "priority", "50")
    for address in ("10.92.0.1", "fd92::1"):
        until_explained(node, rf"Packets of this machine take: {address}/\d+ via \S+ dev l1 table "
                        "77 ", address)
    n.ip("route", "add", "fd92::1", "dev", "lo", "metric", "5", "proto", "static", "table", "77")
    noticed(node, "shadowed", "fd92::1/128", r"Remove it \(ip route del fd92::1/128 table 77 "
            r"metric 5\)")
    n.ip("route", "del", "fd92::1/128", "table", "77", "metric", "5")
    over(node, "shadowed")


def test_sources_are_counted(lab):
    """The count of sources is the number of rows, and its limit keeps newcomers from being
    announced."""
    a, _, b, node, _ = chain(lab)

    def used():
        row = next(row for row in rows(node, "show", "limits") if row["limit"] == "sources")
        return row["used"]
    assert used() == len(rows(node, "show", "sources")) > 0
    assert f'swabeld_table_rows{{table="sources"}} {used()}\n' in ask(node, "metrics")
    with node.control() as control:
        assert control.ask(f"limit sources {used()}") == ["ok"]
    a.own("10.91.0.9")
    noticed(node, "limit", "sources", "limit of sources: .* newcomers were refused")
    assert "10.91.0.9/32" in node.namespace.reaches() and "10.91.0.9/32" not in b.reaches()


def test_ipv6_disabled(lab):
    """The kernel has no IPv6 on an interface: the setting is named, and to change it helps."""
    a, _, one, _ = pair(lab)
    a.ip("link", "set", "l0", "addrgenmode", "eui64")
    wait_until(one.neighbours, 10, "neighbours")
    a.execute("sysctl", "-w", "net/ipv6/conf/l0/disable_ipv6=1")
    noticed(one, "interface-down", "l0", r"l0: IPv6 is disabled. Let it speak IPv6: sysctl -w "
            "net/ipv6/conf/l0/disable_ipv6=0", None)
    wait_until(lambda: re.search(r"l0 is not used: it has no link-local address \(IPv6 is "
                                 r"disabled\)\. Let it speak IPv6", one.process.text()), 15,
               one.process.text)
    assert "down, IPv6 is disabled" in explained(one, "interface", "l0")
    a.execute("sysctl", "-w", "net/ipv6/conf/l0/disable_ipv6=0")
    wait_until(one.neighbours, 20, "neighbours")
    over(one, "interface-down")


def test_forwarding_is_off(lab):
    """A router whose kernel does not forward. A machine that announces only its own addresses
    need not."""
    a, n, _, node, leaf = chain(lab)
    for family, setting, name in (("IPv4", "ipv4/ip_forward", "net.ipv4.ip_forward"),
                                  ("IPv6", "ipv6/conf/all/forwarding",
                                   "net.ipv6.conf.all.forwarding")):
        a.sysctl(setting, "0")
        n.sysctl(setting, "0")
        noticed(node, "forwarding-off", re.escape(name), f"this machine does not forward {family}: "
                rf"{re.escape(name)} is 0, .* though neighbours are told of \S+\. Switch it on "
                rf".sysctl -w {re.escape(name)}=1")
        address = "10.92.0.1" if family == "IPv4" else "fd92::1"
        assert f"does not forward {family}" in explained(node, address)
        assert not {row.get("problem") for row in rows(leaf, "status")} - {None}
        n.execute("sysctl", "-w", f"{name}=1")
        over(node, "forwarding-off")
        assert f"does not forward {family}" not in explained(node, address)


def test_our_address_elsewhere(lab):
    """The other end of a cable has our link-local address."""
    _, b, one, _ = pair(lab)
    wait_until(one.neighbours, 10, "neighbours")
    b.ip("addr", "del", "fe80::2/64", "dev", "l0")
    b.ip("addr", "add", "fe80::1/64", "dev", "l0", "nodad")
    noticed(one, "address-twice", "l0", "interface l0: packets come from fe80::1, which is our own "
            "address there.*somebody else on this link uses it. Give one of the two another")
    assert "somebody else on this link uses it" in explained(one, "interface", "l0")
    b.ip("addr", "del", "fe80::1/64", "dev", "l0")
    b.ip("addr", "add", "fe80::3/64", "dev", "l0", "nodad")
    over(one, "address-twice")


def test_neighbour_without_its_key(lab):
    """A neighbour that signs no longer: its packets arrive, and that is said."""
    _, _, one, other = pair(lab, KEY, KEY)
    wait_until(one.neighbours, 10, "neighbours")
    other.stop(9)
    other.words = [word for word in other.words if word not in KEY]
    other.words = [word for index, word in enumerate(other.words)
                   if not (word == "-C" and other.words[index + 1] == "-C")]
    other.start()
    noticed(one, "not-heard", "fe80::2 on l0", "fe80::2 on l0 is not heard any more: its packets "
            "arrive, but they are not signed, though a key is demanded here. Give the sender the "
            "key")
    text = explained(one, "neighbour", "fe80::2")
    assert "Missing: a key. Its packets arrive, but they are not signed" in text, text
    assert "firewall" not in text, text


def test_neighbour_that_was_lost(lab):
    """Of a neighbour whose link went down it is said what happened, and when."""
    a, _, one, _ = pair(lab)
    wait_until(one.neighbours, 10, "neighbours")
    a.ip("link", "set", "l0", "down")
    until_explained(one, r"fe80::2 is no neighbour now. What happened to it last: \S+Z neighbour "
                    "fe80::2 if l0 was usable now gone .*cause the interface went down",
                    "neighbour", "fe80::2")


def test_dead_rule_of_a_client(lab):
    """A rule that a client adds and that can never match is in the log, by number and text."""
    node = Swabeld(lab.namespace("a"), ["l0"])
    with node.control() as control:
        for rule in ("in ip 10.0.0.0/8 deny", "in ip 10.1.0.0/16 allow"):
            assert control.ask(rule) == ["ok"]
    sentence = ('in rule 2, "in ip 10.1.0.0/16 allow", can never match: in rule 1, '
                '"in ip 10.0.0.0/8 deny", matches all')
    assert sentence in node.process.text(), node.process.text()
    noticed(node, "dead-rule", "in rule 2, .*", re.escape(sentence), None)


def test_odd_name(lab):
    """The name of an interface that a shell would take for something else."""
    a = lab.namespace("a")
    name = 'we"ird'
    a.ip("link", "add", name, "type", "veth", "peer", "name", "p0")
    node = Swabeld(a, [name])
    until_explained(node, re.escape(f"Set it up: ip link set '{name}' up"), "interface", name)
    assert f"(ip link set '{name}' up)" in node.process.text()
