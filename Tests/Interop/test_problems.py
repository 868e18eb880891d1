"""Problems are noticed without asking: one that lasts is in the status, in the log with a remedy,
an event and a metric, and is taken back when it is over."""

from __future__ import annotations

import re

import pytest
from daemons import Swabeld
from netns import wait_until
from test_show import ask, rows

QUICK = "type wired hello-interval 1 update-interval 4"
KEY = ["key id k type hmac-sha256 value " + "17" * 32, "default key k"]
OTHER_KEY = ["key id k type hmac-sha256 value " + "18" * 32, "default key k"]


def pair(lab, first=(), second=(), mine=(), theirs=(), parameters=QUICK):
    """Two nodes on a cable: `first` and `second` stand in front of the statements of each, `mine`
    and `theirs` behind them."""
    a, b = lab.namespace("a"), lab.namespace("b")
    lab.veth(a, b)
    a.own("10.91.0.1", "fd91::1")
    b.own("10.92.0.1", "fd92::1")
    return a, b, *(
        Swabeld(space, ["l0"], own=[f"10.{own}.0.0/16", f"fd{own}::/32"], parameters=parameters,
                first=list(front), statements=list(behind))
        for space, own, front, behind in ((a, 91, first, mine), (b, 92, second, theirs)))


def noticed(node, kind, subject, sentence, level="warning", seconds=30):
    """A problem is in the status, and within a while in the log, among events and metrics."""
    def found():
        return [row for row in rows(node, "status")
                if row.get("problem") == kind and re.fullmatch(subject, row["subject"])]
    wait_until(found, seconds, lambda: f"{kind} in {rows(node, 'status')}")

    def logged():
        return re.search(f"{level}: .*{sentence}", node.process.text())
    if level:
        wait_until(logged, seconds, lambda: f"{sentence} in {node.process.text()}")
    text = re.sub(r"\s+", " ", ask(node, "status"))
    assert re.search(sentence, text), (sentence, text)
    wait_until(lambda: f'swabeld_problems{{kind="{kind}"}} 0' not in ask(node, "metrics")
               and f'swabeld_problems{{kind="{kind}"}} ' in ask(node, "metrics"), seconds, "metric")
    assert re.search(rf" problem {kind} .* was none now \w+ cause ", ask(node, "show", "events"))


def over(node, kind, seconds=40):
    """It is told that a problem is over."""
    wait_until(lambda: f'swabeld_problems{{kind="{kind}"}} 0' in ask(node, "metrics"), seconds,
               lambda: f"{kind} is over: {rows(node, 'status')}")
    assert re.search(rf" problem {kind} .* was \w+ now none seconds ", ask(node, "show", "events"))


def drop(space, rule):
    space.execute("nft", "-f", "-", stdin=(
        "add table inet t; add chain inet t c { type filter hook input priority 0; }\n"
        f"add rule inet t c {rule} drop\n"))


def test_one_way(lab):
    """A link that carries packets in one direction, seen from both ends; and its end."""
    _, b, one, other = pair(lab)
    wait_until(one.neighbours, 10, "neighbours")
    drop(b, "udp dport 6696")
    noticed(one, "one-way", r"fe80::2 on l0", "neighbour fe80::2 on l0 is one-way: it is heard, but"
            ".*look at its firewall")
    noticed(other, "not-heard", r"fe80::1 on l0", "not heard")
    b.execute("nft", "delete", "table", "inet", "t")
    over(one, "one-way")
    assert re.search(r"notice: over after \d+s: neighbour fe80::2 on l0", one.process.text())


def test_multicast_is_filtered(lab):
    """Only multicast is dropped: other packets arrive, and that is said."""
    _, b, one, other = pair(lab, parameters=QUICK + " unicast true")
    wait_until(one.neighbours, 10, "neighbours")
    drop(b, "ip6 daddr ff02::1:6")
    noticed(other, "misses-group", r"fe80::1 on l0",
            "what it sends to the group ff02::1:6 is missed here, only unicast comes")
    noticed(one, "misses-group", r"fe80::2 on l0",
            "neighbour fe80::2 on l0 misses what is sent to the group ff02::1:6")


def test_nobody(lab):
    """Nobody at all for half a minute."""
    a, b = lab.namespace("a"), lab.namespace("b")
    lab.veth(a, b)
    node = Swabeld(a, ["l0"])
    noticed(node, "nobody-heard", "l0", "interface l0: nobody is heard.*UDP port 6696",
            "notice", 40)


@pytest.mark.parametrize("case", ["wrong", "here", "there"])
def test_keys(lab, case):
    """Another key, and a key on one side only, seen from both sides; senders are named."""
    first = [] if case == "there" else KEY
    second = {"wrong": OTHER_KEY, "here": [], "there": KEY}[case]
    _, _, one, _ = pair(lab, first, second)
    if case == "wrong":
        noticed(one, "wrong-key", "l0",
                "interface l0: packets of fe80::2 are signed with none of our keys")
    elif case == "here":
        noticed(one, "unsigned", "l0", "packets of fe80::2 are not signed, though a "
                "key is demanded")
    else:
        noticed(one, "unsigned", "fe80::2 on l0", "fe80::2 on l0 signs its packets, and there is "
                "no key on l0 here")
    assert "nobody-heard" not in {row.get("problem") for row in rows(one, "status")}


def test_routes_refused(lab):
    """All routes of a neighbour are filtered; a rule that can never match is named, too."""
    _, _, one, _ = pair(lab, mine=["in if l0 deny", "in if l0 ip 10.0.0.0/8 metric 5"])
    noticed(one, "routes-refused", "fe80::2 on l0", r"announces 2 routes, and none of them may be "
            "used: the in filter denies them")
    noticed(one, "dead-rule", "command line:.*", "can never match", None)


def test_kernel_refuses(lab):
    """A place that somebody else has taken, a better metric, and a gateway that the kernel does not
    want."""
    a, b, one, _ = pair(lab, mine=["install ip 10.92.7.0/24 pref-src 192.0.2.99"],
                        theirs=[])
    wait_until(lambda: "10.92.0.1/32" in a.reaches(), 10, "routes")
    a.ip("route", "add", "fd92::1", "dev", "lo", "metric", "5", "proto", "static")
    noticed(one, "shadowed", "fd92::1/128", "prefix fd92::1/128: the kernel prefers a route of "
            "somebody else to ours: dev lo .* metric 5 protocol 4")
    a.ip("route", "del", "fd92::1", "dev", "lo", "metric", "5", "proto", "static")
    over(one, "shadowed")
    a.ip("route", "add", "blackhole", "10.92.8.1", "proto", "static")
    b.own("10.92.8.1", "10.92.7.1")
    noticed(one, "shadowed", "10.92.8.1/32", "prefix 10.92.8.1/32: the kernel has a route of "
            "somebody else where ours would be: blackhole")
    noticed(one, "not-installed", "kernel", r"routes cannot be installed, the kernel refuses them, "
            r"for example 10.92.7.1/32: Invalid argument")
    text = re.sub(r"\s+", " ", ask(one, "explain", "10.92.7.1"))
    assert "The kernel refused it: Invalid argument" in text, text


def test_originators(lab):
    """Our own address is announced by somebody else, and a prefix by two routers."""
    _, b, one, _ = pair(lab, second=["redistribute local ip 10.91.0.0/16 allow",
                                     "redistribute ip fd91:0:5::/48 allow"])
    wait_until(one.neighbours, 10, "neighbours")
    b.own("10.91.0.1")
    for node in b, one.namespace:
        node.ip("route", "add", "fd91:0:5::/48", "dev", "lo", "metric", "9", "proto", "static")
    noticed(one, "own-address", "10.91.0.1/32", "our own address 10.91.0.1/32 is announced by "
            "another router, .* through fe80::2 on l0")
    noticed(one, "two-originators", "fd91:0:5::/48", "prefix fd91:0:5::/48 is announced by two "
            r"routers: \S+ \(this router\) and \S+, the latter through fe80::2", "notice")
    b.ip("addr", "del", "10.91.0.1/32", "dev", "lo")
    over(one, "own-address")


def test_mtu_hole(lab):
    """Hellos that fill the MTU do not pass, and short packets do."""
    from test_transport import bottleneck
    a, b, _ = bottleneck(lab, 1400)
    nodes = [Swabeld(space, ["l0"], parameters=f"{QUICK} probe-mtu true") for space in (a, b)]
    noticed(nodes[0], "mtu-hole", "fe80::2 on l0", "its short packets arrive, its Hellos, which "
            "fill the MTU, do not.*narrower than the MTU of 1500")


def test_flapping(lab):
    """A neighbour that is lost three times within ten minutes."""
    a, b, one, _ = pair(lab)
    for _ in range(3):
        wait_until(one.neighbours, 15, "a neighbour")
        drop(a, "udp dport 6696")
        wait_until(lambda: not one.neighbours(), 15, "none")
        a.execute("nft", "delete", "table", "inet", "t")
    noticed(one, "flapping", "fe80::2 on l0", "neighbour fe80::2 on l0 flaps: it was lost 3 times "
            "within 10 minutes")


def test_interfaces(lab):
    """A name with a slip of the pen, and a tunnel without an address: each is in the log at once,
    with what to do."""
    a = lab.namespace("a")
    a.ip("link", "add", "eth0", "type", "veth", "peer", "name", "peer0")
    a.ip("link", "add", "bare0", "type", "veth", "peer", "name", "peer1")
    for name in ("bare0", "peer1"):
        a.ip("link", "set", name, "addrgenmode", "none")
        a.ip("link", "set", name, "up")
    node = Swabeld(a, ["eht0", "bare0"])
    noticed(node, "no-such-interface", "eht0", "eht0: no such link. Is eth0 meant?", None)
    noticed(node, "interface-down", "bare0", "bare0: no link-local address. Add one: ip addr", None)
    text = node.process.text()
    assert "Interface eht0 is not used: there is no such link (is eth0 meant?); waiting" in text
    assert re.search("Interface bare0 is not used: it has no link-local address. Add one: ip addr "
                     "add fe80::N/64 dev bare0", text), text


def test_wireguard(lab):
    """WireGuard tells of its peers: allowed-ips that are too narrow, and no handshake."""
    a, b = lab.namespace("a"), lab.namespace("b")
    link = lab.wireguard(a, b)
    x, y = link.name(a), link.name(b)
    one = Swabeld(a, [x], parameters="type tunnel hello-interval 1 update-interval 4")
    other = Swabeld(b, [y], parameters="type tunnel hello-interval 1 update-interval 4")
    wait_until(one.neighbours, 15, "neighbours")
    key = a.execute("wg", "show", x, "peers").strip()

    def explained():
        text = re.sub(r"\s+", " ", ask(one, "explain", "neighbour", "fe80::2"))
        return (f"WireGuard peer {key}: last handshake" in text
                and "its allowed-ips hold ff02::/16 and fe80::/10" in text)
    wait_until(explained, 40, lambda: ask(one, "explain", "neighbour", "fe80::2"))
    a.execute("wg", "set", x, "peer", key, "allowed-ips", "10.0.0.0/8")
    noticed(one, "wireguard-allowed-ips", x, f"interface {x}: allowed-ips of no WireGuard peer "
            "hold ff02::/16 and fe80::/10, so Hellos to the group do not pass",
            seconds=60)
    text = re.sub(r"\s+", " ", ask(one, "explain", "interface", x))
    assert "its allowed-ips lack ff02::/16 and fe80::/10" in text, text
    a.execute("wg", "set", x, "peer", key, "allowed-ips", "::/0")
    over(one, "wireguard-allowed-ips", 60)
    other.stop()
    b.ip("link", "del", y, check=False)
    a.execute("wg", "set", x, "peer", key, "remove")
    a.execute("wg", "set", x, "peer", key, "allowed-ips", "::/0", "endpoint", "192.0.2.1:1000")
    noticed(one, "wireguard-no-handshake", x, "WireGuard has had no handshake with any peer",
            seconds=90)


def test_hooks(lab):
    """A program is told of a problem that lasts, and of its end."""
    a = lab.namespace("a")
    told = lab.directory / "told"
    program = lab.directory / "tell"
    program.write_text("#!/bin/sh\necho \"$1 $SWABELD_PROBLEM $SWABELD_SUBJECT: $SWABELD_TEXT\""
                       f" >> {told}\n")
    program.chmod(0o755)
    node = Swabeld(a, ["l0"], first=[f"hook {event} {program}"
                                     for event in ("problem-found", "problem-over")])
    found = "problem-found no-such-interface l0: interface l0: no such link\n"
    wait_until(lambda: told.exists() and told.read_text() == found, 30,
               lambda: told.exists() and told.read_text() + node.process.text())
    b = lab.namespace("b")
    lab.veth(a, b)
    Swabeld(b, ["l0"])
    wait_until(lambda: told.read_text() == found + found.replace("found", "over", 1), 40,
               lambda: told.read_text() + node.process.text())
