"""Other ways over the link than multicast IPv6: unicast, filled packets, IPv4, old peers."""

import itertools
import socket
import struct
import time

import babel_packets as babel
import pytest
from daemons import Babeld, Bird, Swabeld, settle
from netns import never, wait_until
from speaker import Sniffer, Speaker

QUICK = "hello-interval 1 update-interval 4"
OURS, THEIRS = {"10.91.0.1/32", "fd91::1/128"}, {"10.92.0.1/32", "fd92::1/128"}
OWN_A, OWN_B = ["10.91.0.0/16", "fd91::/32"], ["10.92.0.0/16", "fd92::/32"]
HELLO_UNICAST = 0x80


def ends(lab, link="veth", **options):
    a, b = lab.namespace("a"), lab.namespace("b")
    cable = getattr(lab, link)(a, b, **options)
    a.own("10.91.0.1", "fd91::1")
    b.own("10.92.0.1", "fd92::1")
    return a, b, cable


def no_multicast(*hosts):
    """Babel's groups are dropped on the way out."""
    for host in hosts:
        host.execute("nft", "add", "table", "inet", "lab")
        host.execute("nft", "add", "chain", "inet", "lab", "out",
                     "{ type filter hook output priority 0; }")
        for rule in ("ip6 daddr ff02::1:6", "ip daddr 224.0.0.111"):
            host.execute("nft", "add", "rule", "inet", "lab", "out", *rule.split(), "drop")


def knows(a, b):
    wait_until(lambda: THEIRS <= a.reaches(), 20, "a learns the prefixes of b")
    wait_until(lambda: OURS <= b.reaches(), 20, "b learns the prefixes of a")


@pytest.mark.parametrize("link", ["veth", "wireguard"])
@pytest.mark.parametrize("both", [True, False])
def test_static_neighbour(lab, link, both):
    """Multicast does not pass, either way: a listed neighbour becomes a full one, if only one
    side lists the other."""
    a, b, cable = ends(lab, link)
    no_multicast(a, b)
    x, y = cable.name(a), cable.name(b)
    first = Swabeld(a, [x], OWN_A, f"type tunnel {QUICK}", [f"interface {x} neighbour fe80::2"])
    listing = [f"interface {y} neighbour fe80::1"] if both else []
    second = Swabeld(b, [y], OWN_B, f"type tunnel {QUICK}", listing)
    knows(a, b)
    for node in (first, second):
        row = node.neighbours()[0]
        assert row["reach"] == "0000" and int(row["ureach"], 16) & 0x8000, row
        assert float(row["rtt"]) > 0, "stamps travel with unicast Hellos"
    a.ip("route", "add", "fd91:0:5::/48", "dev", "lo", "proto", "static")
    wait_until(lambda: "fd91:0:5::/48" in b.reaches(), 5, "a change is told at once")
    assert second.stop() == 0
    wait_until(lambda: not THEIRS & a.reaches(), 5, "the end is told by unicast")


def test_static_neighbour_while_running(lab):
    """The `interface` request lists a neighbour, and a later one does so no more."""
    a, b, _ = ends(lab)
    no_multicast(a, b)
    first = Swabeld(a, ["l0"], OWN_A, f"type wired {QUICK}")
    Swabeld(b, ["l0"], OWN_B, f"type wired {QUICK}")
    never(lambda: THEIRS & a.reaches(), 2, "a route although nothing passes")
    with first.control() as control:
        assert control.ask("interface l0 neighbour fe80::2")[-1] == "ok"
        wait_until(lambda: THEIRS <= a.reaches(), 5, "listed")
        assert control.ask("interface l0 neighbour fe80::3")[-1] == "ok"
    wait_until(lambda: not THEIRS & a.reaches(), 5, "listed no more")
    wait_until(lambda: not OURS & b.reaches(), 5, "nor heard by the other side")


@pytest.mark.parametrize("peer", ["babeld", "bird"])
def test_static_neighbour_beside_multicast(lab, peer):
    """A peer that is listed although multicast passes: it copes with unicast Hellos."""
    a, b, _ = ends(lab)
    node = Swabeld(a, ["l0"], OWN_A, f"type wired {QUICK}", ["interface l0 neighbour fe80::2"])
    if peer == "bird":
        other = Bird(b, ["l0"])
        for prefix in sorted(THEIRS):
            other.announce(prefix)
    else:
        other = Babeld(b, ["l0"], OWN_B)
    settle(node, other)
    wait_until(lambda: THEIRS <= a.reaches(), 20, "learned by us")
    wait_until(lambda: OURS <= b.reaches(other.proto), 20, "learned by the peer")
    if peer == "babeld":
        row = other.neighbours()[0]
        assert int(row["ureach"], 16) & 0x8000, "babeld counts them by themselves"
    never(lambda: not THEIRS <= a.reaches() or not OURS <= b.reaches(other.proto), 4,
          "a route lost")


@pytest.mark.parametrize("peer, link", [
    ("babeld", "veth"), ("swabeld", "veth"), ("bird", "veth"), ("babeld", "wireguard"),
    ("bird", "wireguard")])
def test_unicast_on_the_wire(lab, peer, link):
    """`unicast true`: only Hellos go to the group, the rest to each neighbour by itself."""
    a, b, cable = ends(lab, link, **({"ipv4": True} if link == "wireguard" else {}))
    x, y = cable.name(a), cable.name(b)
    parameters = f"type wired unicast true {QUICK}"
    sniffer = Sniffer(b, y)
    node = Swabeld(a, [x], OWN_A, parameters)
    if peer == "bird":
        other = Bird(b, [y])
        for prefix in sorted(THEIRS):
            other.announce(prefix)
    else:
        other = {"babeld": Babeld, "swabeld": Swabeld}[peer](b, [y], OWN_B, parameters)
    wait_until(lambda: THEIRS <= a.reaches(), 20, "learned by us")
    wait_until(lambda: OURS <= b.reaches(other.proto), 20, "learned by the peer")
    a.ip("route", "add", "fd91:0:5::/48", "dev", "lo", "proto", "static")
    wait_until(lambda: "fd91:0:5::/48" in b.reaches(other.proto), 10, "so is a change")
    assert node.stop() == 0
    wait_until(lambda: not b.reaches(other.proto), 5, f"{other.program} hears that we stop")
    sent = sniffer.of("fe80::1")
    group = [kind for p in sent if p.destination == babel.GROUP
             for kind, _ in babel.split(p.payload)]
    assert group and set(group) == {babel.HELLO}
    alone = {kind for p in sent if p.destination == "fe80::2"
             for kind, _ in babel.split(p.payload)}
    assert {babel.IHU, babel.UPDATE, babel.ROUTE_REQUEST} <= alone


# Filled packets ---------------------------------------------------------------------------


def bottleneck(lab, mtu):
    """Two machines, and a bridge between them with a smaller MTU than theirs."""
    a, b, middle = lab.namespace("a"), lab.namespace("b"), lab.namespace("middle")
    lab.veth(a, middle, ("l0", "p0"), link_local=False, ipv4=False)
    lab.veth(b, middle, ("l0", "p1"), link_local=False, ipv4=False)
    middle.batch(["link add br0 type bridge mcast_snooping 0", "link set br0 up"])
    for port in ("p0", "p1"):
        middle.batch([f"link set {port} mtu {mtu}", f"link set {port} master br0"])
    for number, host in enumerate((a, b), start=1):
        host.batch([f"addr add fe80::{number}/64 dev l0 nodad",
                    f"addr add 10.77.250.{number}/24 dev l0"])
    a.own("10.91.0.1", "fd91::1")
    b.own("10.92.0.1", "fd92::1")
    return a, b, middle


@pytest.mark.parametrize("peer", ["babeld", "swabeld"])
def test_mtu_probe_on_a_good_link(lab, peer):
    """`probe-mtu`: Hellos fill the MTU, and follow it; the adjacency comes up."""
    a, b, cable = ends(lab)
    sniffer = Sniffer(b, "l0")
    # babeld learned to probe in 1.13.
    ours = f"type wired probe-mtu true {QUICK}"
    node = Swabeld(a, ["l0"], OWN_A, ours)
    other = Swabeld(b, ["l0"], OWN_B, ours) if peer == "swabeld" else Babeld(b, ["l0"], OWN_B)
    settle(node, other)
    knows(a, b)

    def sizes(since):
        return {len(p.payload) for p in sniffer.of("fe80::1") if p.time >= since
                and any(kind == babel.HELLO for kind, _ in babel.split(p.payload))}

    assert sizes(0) == {1500 - 48}, "filled"
    cable.set("mtu", "1400")
    time.sleep(0.3)
    mark = time.monotonic()
    wait_until(lambda: sizes(mark), 5, "a Hello after the change")
    assert sizes(mark) == {1400 - 48}, "the new MTU counts"
    assert node.neighbours() and other.neighbours(), "no neighbour was lost"


@pytest.mark.parametrize("peer", ["babeld", "swabeld", "ipv4"])
@pytest.mark.parametrize("probe", [True, False])
def test_mtu_probe_through_a_bottleneck(lab, peer, probe):
    """A bridge in the middle passes less than both ends believe: with `probe-mtu` there is no
    adjacency, without there is one."""
    a, b, _ = bottleneck(lab, 1400)
    ours = f"type wired probe-mtu {str(probe).lower()} {QUICK}"
    ours += " ipv4-control true" if peer == "ipv4" else ""
    node = Swabeld(a, ["l0"], OWN_A, ours)
    other = Babeld(b, ["l0"], OWN_B) if peer == "babeld" else Swabeld(b, ["l0"], OWN_B, ours)
    if not probe:
        settle(node, other)
        return
    never(lambda: other.neighbours() or node.neighbours(), 5, "an adjacency that cannot carry")
    for host in (a, b):
        host.ip("link", "set", "l0", "mtu", "1400")
    settle(node, other)


def test_mtu_probe_through_a_tunnel(lab):
    """The same for a tunnel that loses large packets."""
    a, b, cable = ends(lab, "wireguard")
    x, y = cable.name(a), cable.name(b)
    for host, name in ((a, x), (b, y)):
        host.execute("nft", "add", "table", "netdev", "lab")
        host.execute("nft", "add", "chain", "netdev", "lab", "in",
                     f"{{ type filter hook ingress device {name} priority 0; }}")
        host.execute("nft", "add", "rule", "netdev", "lab", "in", "meta", "length", ">", "1300",
                     "drop")
    ours = f"type tunnel probe-mtu true {QUICK}"
    first, second = Swabeld(a, [x], OWN_A, ours), Swabeld(b, [y], OWN_B, ours)
    never(lambda: first.neighbours() or second.neighbours(), 4, "an adjacency that cannot carry")
    cable.set("mtu", "1300")
    settle(first, second)


# Old peers --------------------------------------------------------------------------------


@pytest.mark.parametrize("peer, link", [
    ("babeld", "veth"), ("babeld", "wireguard"), ("speaker", "veth")])
def test_old_peers(lab, peer, link):
    """`rfc6126-compatible`: nothing mandatory, no unicast or unscheduled Hello, nothing
    source-specific, whatever else is switched on."""
    a, b, cable = ends(lab, link)
    x, y = cable.name(a), cable.name(b)
    sniffer = Sniffer(b, y)
    node = Swabeld(
        a, [x], OWN_A, f"type tunnel unicast true rfc6126-compatible true {QUICK}",
        ["ipv6-subtrees true", f"interface {x} neighbour fe80::2"])
    for command in ("route add fd91:0:5::/48 from fd92::/32 dev lo proto static",
                    "route add fd91:0:6::/48 dev lo proto static"):
        a.ip(*command.split())
    if peer == "babeld":
        other = Babeld(b, [y], OWN_B, f"type tunnel rfc6126-compatible true {QUICK}")
        settle(node, other)
        knows(a, b)
        wait_until(lambda: "fd91:0:6::/48" in b.reaches(), 10, "an ordinary route")
    else:
        speaker = Speaker(b, y)
        speaker.adjacent(node)
        speaker.send(
            babel.router_id(speaker.identifier),
            babel.update("fd99:1::/64", source="fd91::/32"), babel.update("fd99:2::/64"))
        wait_until(lambda: "fd99:2::/64" in a.reaches(), 5, "ours to use")
        speaker.send(
            babel.router_id(speaker.identifier),
            babel.update("fd99:1::/64", babel.INFINITY, source="fd91::/32"),
            babel.update("fd99:2::/64", babel.INFINITY))
        time.sleep(3)
    a.ip("route", "del", "fd91:0:5::/48", "from", "fd92::/32")
    time.sleep(1)
    assert node.stop() == 0
    for packet in sniffer.of("fe80::1"):
        for kind, body in babel.split(packet.payload):
            if kind == babel.HELLO:
                assert not body[0] & HELLO_UNICAST and body[4:6] != b"\0\0"
            assert kind <= babel.SEQNO_REQUEST, f"TLV {kind} is newer than RFC 6126"
            fixed = {babel.UPDATE: 10, babel.ROUTE_REQUEST: 2, babel.SEQNO_REQUEST: 14}.get(kind)
            if fixed is not None and body[0] in (1, 2):
                length = body[2] if kind == babel.UPDATE else body[1]
                omitted = body[3] if kind == babel.UPDATE else 0
                octets = (length + 7) // 8 - omitted
                assert len(body) == fixed + octets, f"TLV {kind} has sub-TLVs"


# IPv4 -------------------------------------------------------------------------------------


def without_ipv6(host, name):
    host.execute("sh", "-c", f"echo 1 > /proc/sys/net/ipv6/conf/{name}/disable_ipv6")


@pytest.mark.parametrize("link", ["veth", "wireguard"])
def test_ipv4_only(lab, link):
    """No IPv6 on the link at all: IPv4 routes are exchanged over IPv4, IPv6 routes are not."""
    a, b, cable = ends(lab, link, **({"ipv4": True}))
    x, y = cable.name(a), cable.name(b)
    without_ipv6(a, x)
    without_ipv6(b, y)
    sniffer = Sniffer(b, y)
    parameters = f"type wired ipv4-control true {QUICK}"
    first, second = Swabeld(a, [x], OWN_A, parameters), Swabeld(b, [y], OWN_B, parameters)
    settle(first, second)
    wait_until(lambda: "10.92.0.1/32" in a.reaches(), 10, "a learns by IPv4")
    wait_until(lambda: "10.91.0.1/32" in b.reaches(), 10, "b learns by IPv4")
    wait_until(lambda: a.ping("10.92.0.1", "10.91.0.1"), 5, "packets pass")
    assert not {"fd92::1/128"} & a.reaches() and not {"fd91::1/128"} & b.reaches()
    sent = [p for p in sniffer.packets if ":" not in p.source]
    assert sent and not [p for p in sniffer.packets if ":" in p.source]
    for packet in sent:
        assert packet.hop_limit == 1, "§4"
        assert (packet.source_port, packet.destination_port) == (6696, 6696), "§4"
        assert packet.traffic_class == 0xC0
        assert packet.destination == "224.0.0.111" or packet.destination.startswith("10.7")
    assert second.stop() == 0
    wait_until(lambda: not a.reaches(), 5, "the end is heard")


def test_ipv4_beside_ipv6(lab):
    """Over IPv4 on a link that has both, IPv6 routes name their next hop."""
    a, b, _ = ends(lab)
    parameters = f"type wired ipv4-control true {QUICK}"
    first, second = Swabeld(a, ["l0"], OWN_A, parameters), Swabeld(b, ["l0"], OWN_B, parameters)
    settle(first, second)
    knows(a, b)
    assert a.ping("fd92::1", "fd91::1")
    assert "via fe80::2" in a.ip("route", "get", "fd92::1")
    # The address goes and comes back, and the neighbour with it.
    b.ip("addr", "flush", "dev", "l0", "scope", "global")
    wait_until(lambda: not second.neighbours(), 5, "no address, no neighbour")
    b.ip("addr", "add", "10.77.1.2/24", "dev", "l0")
    knows(a, b)
    # Back to IPv6 while running.
    for node in (first, second):
        with node.control() as control:
            assert control.ask("interface l0 ipv4-control false")[-1] == "ok"
    wait_until(lambda: [r["address"] for r in first.neighbours()] == ["fe80::2"], 10, "by IPv6")
    knows(a, b)


def test_ipv4_unknown_next_hop(lab):
    """An IPv6 route without a next hop, or a packet from elsewhere, does nothing (§4)."""
    a, b, _ = ends(lab)
    node = Swabeld(a, ["l0"], OWN_A, f"type wired ipv4-control true {QUICK}")
    speaker = b.enter(lambda: open_ipv4("10.77.1.2"))
    stranger = b.enter(lambda: open_ipv4("10.92.0.1"))

    def say(link, *tlvs):
        link.sendto(babel.packet(*tlvs), ("224.0.0.111", 6696))

    ihu = babel.tlv(babel.IHU, struct.pack("!BBHH", 1, 0, 96, 3000) + bytes((10, 77, 1, 1)))
    seqnos = itertools.count()

    def greeted():
        seqno = next(seqnos)
        say(stranger, babel.hello(seqno, 1000))
        say(speaker, babel.hello(seqno, 1000), ihu)
        return node.neighbours()

    wait_until(greeted, 5, "a neighbour by IPv4")
    assert [row["address"] for row in node.dump("neighbour")] == ["10.77.1.2"]
    say(speaker, babel.router_id(b"\2\0\0\0\0\0\0\x99"), babel.update("10.99.0.0/16"),
        babel.update("fd99:1::/64"), babel.tlv(babel.NEXT_HOP, b"\3\0" + bytes(7) + b"\2"),
        babel.update("fd99:2::/64"))
    wait_until(lambda: {"10.99.0.0/16", "fd99:2::/64"} <= a.reaches(), 5, "with a next hop")
    assert "fd99:1::/64" not in {row["prefix"] for row in node.dump("route")}
    speaker.close()
    stranger.close()


def open_ipv4(address):
    """A socket that speaks Babel from an IPv4 address of l0's machine."""
    link = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    link.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    link.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_TTL, 1)
    index = socket.if_nametoindex("l0")
    link.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF,
                    struct.pack("=4s4si", bytes(4), bytes(4), index))
    link.bind((address, 6696))
    return link


# With keys --------------------------------------------------------------------------------


@pytest.mark.parametrize("way", ["unicast true", "neighbour", "ipv4-control true"])
def test_signed(lab, way):
    """Each copy of a packet is signed for where it goes, over IPv4 as well."""
    a, b, _ = ends(lab)
    parameters = f"type wired {QUICK}"
    key = ["key id k type hmac-sha256 value " + "5a" * 32, "default key k"]
    if way != "neighbour":
        parameters += f" {way}"
    else:
        no_multicast(a, b)
    nodes = [
        Swabeld(host, ["l0"], own, parameters,
                [f"interface l0 neighbour {other}"] if way == "neighbour" else [], first=key)
        for host, own, other in ((a, OWN_A, "fe80::2"), (b, OWN_B, "fe80::1"))]
    settle(*nodes)
    knows(a, b)
    a.ip("route", "add", "fd91:0:5::/48", "dev", "lo", "proto", "static")
    wait_until(lambda: "fd91:0:5::/48" in b.reaches(), 5, "a change is told")
