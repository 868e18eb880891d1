"""RFC 9229: IPv4 routes through IPv6 next hops."""

import pytest
from daemons import Babeld, Bird, Swabeld, settle
from netns import wait_until

QUICK = "hello-interval 1 update-interval 4"
KINDS = {"veth": "type wired", "wireguard": "type tunnel"}


def gateway(host, proto, prefix="10.92.0.1/32"):
    """Where the kernel sends packets for a prefix: ("inet6", "fe80::1"), ("inet", …), None."""
    for route in host.routes(proto, 4):
        if route["dst"] == prefix and route.get("type", "unicast") == "unicast":
            if "via" in route:
                return route["via"]["family"], route["via"]["host"]
            return "inet", route.get("gateway")
    return None


def exceeded(host, target, source):
    """Who says that the time to live of a packet was exceeded at the first hop."""
    text = host.execute(
        "ping", "-n", "-c", "1", "-W", "2", "-t", "1", "-I", source, target, check=False)
    return [line.split()[1] for line in text.splitlines() if "Time to live" in line]


@pytest.mark.parametrize("link", list(KINDS))
@pytest.mark.parametrize("peer", ["babeld", "swabeld"])
def test_v4_via_v6(lab, peer, link):
    """No link has an IPv4 address, yet IPv4 passes; and one that comes and goes is followed."""
    a, s, b = lab.namespace("a"), lab.namespace("s"), lab.namespace("b")
    first = lab.veth(a, s, ("l0", "l0"), ipv4=False)
    if link == "veth":
        cable = lab.veth(s, b, ("l1", "l1"), ipv4=False)
    else:
        cable = lab.wireguard(s, b)
    a.own("10.91.0.1")
    s.own("10.93.0.1")
    b.own("10.92.0.1")
    for host in (a, s, b):
        host.forward()
    node = Swabeld(a, [first.name(a)], own=["10.91.0.0/16"], parameters=QUICK)
    middle = Swabeld(
        s, [first.name(s), cable.name(s)], own=["10.93.0.0/16"],
        parameters=f"{KINDS[link]} {QUICK}")
    other = {"babeld": Babeld, "swabeld": Swabeld}[peer](
        b, [cable.name(b)], own=["10.92.0.0/16"], parameters=f"{KINDS[link]} {QUICK}")
    settle(node, middle, other)
    wait_until(lambda: gateway(a, 42) == ("inet6", "fe80::2"), 15, "a sends through s")
    wait_until(lambda: gateway(s, 42) == ("inet6", "fe80::2"), 15, "s sends through b")
    ours = "10.91.0.1/32"
    wait_until(lambda: gateway(b, 42, ours) == ("inet6", "fe80::1"), 15, "b sends through s")
    wait_until(lambda: a.ping("10.92.0.1", "10.91.0.1"), 5, "packets pass both ways")

    # The router in the middle can send ICMP errors, from an address of its loopback.
    assert exceeded(a, "10.92.0.1", "10.91.0.1") == ["10.93.0.1"]

    # An IPv4 address of the interface is preferred as soon as it is there (babeld takes IPv4 next
    # hops only if it has an IPv4 address of its own there, and never changes the next hop of a
    # route that it has, so it gets its address last) …
    def middle_has(address):
        link = cable.name(s)
        wait_until(
            lambda: [row.get("ipv4") for row in middle.dump("interface") if row["key"] == link]
            == [address], 5, lambda: middle.dump("interface"))

    s.ip("addr", "add", "10.99.0.1/24", "dev", cable.name(s))
    middle_has("10.99.0.1")
    if peer == "babeld":
        b.ip("addr", "add", "10.99.0.9/15", "dev", cable.name(b))
    wait_until(lambda: gateway(b, 42, ours) == ("inet", "10.99.0.1"), 6,
               lambda: f"an address came: {gateway(b, 42, ours)}")
    wait_until(lambda: a.ping("10.92.0.1", "10.91.0.1"), 5, "packets pass")
    # … followed when it changes (babeld never changes the next hop of a route that it has, but
    # learns all routes anew when its own address changes) …
    def learn_anew():
        if peer == "babeld":
            b.ip("addr", "del", "10.99.0.9/15", "dev", cable.name(b))
            b.ip("addr", "add", "10.99.0.9/15", "dev", cable.name(b))

    s.ip("addr", "add", "10.98.0.1/24", "dev", cable.name(s))
    s.ip("addr", "del", "10.99.0.1/24", "dev", cable.name(s))
    middle_has("10.98.0.1")
    learn_anew()
    wait_until(lambda: gateway(b, 42, ours) == ("inet", "10.98.0.1"), 6,
               lambda: f"another address: {gateway(b, 42, ours)}")
    # … and left when it goes.
    s.ip("addr", "del", "10.98.0.1/24", "dev", cable.name(s))
    middle_has(None)
    learn_anew()
    wait_until(lambda: gateway(b, 42, ours) == ("inet6", "fe80::1"), 6,
               lambda: f"the address went: {gateway(b, 42, ours)}")
    wait_until(lambda: a.ping("10.92.0.1", "10.91.0.1"), 5, "packets pass")
    # Without any IPv4 address of the machine the kernel still answers.
    s.ip("addr", "del", "10.93.0.1/32", "dev", "lo")
    answer = wait_until(lambda: exceeded(a, "10.92.0.1", "10.91.0.1"), 5, "an ICMP error comes")
    assert answer != ["10.93.0.1"]


def speaks_extended(lab) -> bool:
    """Whether BIRD knows `extended next hop` for Babel (2.13 and later)."""
    file = lab.directory / "extended.conf"
    file.write_text(
        "router id 10.0.0.1; protocol device {}\nprotocol babel { ipv4 { import all; };"
        ' interface "l0" { extended next hop on; }; }\n')
    host = lab.namespace("probe")
    return "syntax error" not in host.execute(
        "sh", "-c", f"bird -p -c {file} 2>&1", check=False)


@pytest.mark.parametrize("link", list(KINDS))
def test_v4_via_v6_with_bird(lab, link):
    """With a BIRD that knows it, IPv4 goes both ways without IPv4 addresses; one that does not
    know it passes over our announcements, and speaks IPv4 as soon as there are addresses."""
    a, b = lab.namespace("a"), lab.namespace("b")
    extended = speaks_extended(lab)
    cable = lab.veth(a, b, ipv4=False) if link == "veth" else lab.wireguard(a, b)
    a.own("10.91.0.1", "fd91::1")
    b.own("10.92.0.1", "fd92::1")
    node = Swabeld(
        a, [cable.name(a)], own=["10.91.0.0/16", "fd91::/32"],
        parameters=f"{KINDS[link]} {QUICK}")
    other = Bird(b, [cable.name(b)], "extended next hop on;" if extended else "")
    other.announce("10.92.0.1/32")
    other.announce("fd92::1/128")
    settle(node, other)
    wait_until(lambda: "fd91::1/128" in b.reaches(other.proto), 15, "IPv6 passes")
    wait_until(lambda: "fd92::1/128" in a.reaches(), 15, "IPv6 passes back")
    if extended:
        wait_until(lambda: gateway(b, other.proto, "10.91.0.1/32") == ("inet6", "fe80::1"), 15,
                   "BIRD sends through our IPv6 address")
        wait_until(lambda: gateway(a, 42) == ("inet6", "fe80::2"), 15, "and we through its own")
    else:
        assert gateway(b, other.proto, "10.91.0.1/32") is None
    for host, (end, name) in enumerate(cable.ends, start=1):
        end.ip("addr", "add", f"10.99.0.{host}/24", "dev", name)
    wait_until(lambda: gateway(b, other.proto, "10.91.0.1/32") == ("inet", "10.99.0.1"), 15,
               "BIRD follows our new IPv4 address")
    wait_until(lambda: gateway(a, 42) in (("inet", "10.99.0.2"), ("inet6", "fe80::2")), 15,
               "we learn from BIRD")
    wait_until(lambda: a.ping("10.92.0.1", "10.91.0.1"), 5, "IPv4 passes")
