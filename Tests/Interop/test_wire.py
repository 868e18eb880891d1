"""What goes over the wire, seen by a sniffer and by a scripted neighbour. Sections are those of
RFC 8966."""

import ipaddress
import signal
import time

import babel_packets as babel
import pytest
from daemons import Swabeld
from netns import never, wait_until
from speaker import Sniffer, Speaker

OWN = ["10.91.0.0/16", "fd91::/32"]
ANNOUNCED = {"10.91.0.1/32", "fd91::1/128"}


def pair(lab, mtu=1500, **options):
    """A machine with the daemon and one for the script, joined by a cable."""
    a, b = lab.namespace("a"), lab.namespace("b")
    link = lab.veth(a, b, mtu=mtu, **options)
    a.own("10.91.0.1", "fd91::1")
    return a, b, link


def test_transport(lab):
    """§4 hop limit and ports, §3.1 addresses, §4.6 reserved bits, §3.4.1 §4.6.5 Hellos."""
    a, b, _ = pair(lab)
    sniffer = Sniffer(b, "l0")
    node = Swabeld(a, ["l0"], own=OWN)
    speaker = Speaker(b, "l0")
    speaker.adjacent(node)
    speaker.send(babel.wildcard_request(), to="fe80::1")
    speaker.send(babel.ack_request(7, 100), to="fe80::1")
    wait_until(lambda: ANNOUNCED <= set(speaker.routes()), 5, "the node announces its prefixes")
    time.sleep(4)
    sent = sniffer.of("fe80::1")
    assert len(sent) > 4
    assert any(p.destination == "fe80::2" for p in sent), "something was sent to us alone"
    for p in sent:
        assert p.hop_limit == 1, "§4"
        assert (p.source_port, p.destination_port) == (6696, 6696), "§4"
        assert p.destination in (babel.GROUP, "fe80::2"), "§3.1"
        assert p.traffic_class == 0xC0, "routing packets are marked CS6"
        for kind, body in babel.split(p.payload):
            if kind == babel.HELLO:
                assert body[0] & 0x7F == 0 and body[1] == 0, "§4.6"
            if kind == babel.UPDATE:
                assert body[1] & 0x3F == 0, "§4.6"
            if kind in (babel.ROUTER_ID, babel.ACK_REQUEST):
                assert body[:2] == b"\0\0", "§4.6"
            if kind in (babel.IHU, babel.NEXT_HOP):
                assert body[1] == 0, "§4.6"
    hellos = [
        (p.time, int.from_bytes(body[2:4], "big"), int.from_bytes(body[4:6], "big"))
        for p in sent if p.destination == babel.GROUP
        for kind, body in babel.split(p.payload) if kind == babel.HELLO and not body[0] & 0x80]
    for (before, first, interval), (after, second, _) in zip(hellos, hellos[1:]):
        assert second == (first + 1) & 0xFFFF, "§4.6.5: no gap in the Hello seqnos"
        assert after - before < interval / 100 + 0.25, "§3.4.1: the promise is kept"
    router_ids = {u.router_id for p in sent for u in babel.updates(p.payload)
                  if u.metric < babel.INFINITY}
    assert len(router_ids) == 1 and router_ids.isdisjoint({bytes(8), b"\xff" * 8}), "§4.1.3"


@pytest.mark.parametrize("mtu", [1280, 1500, 9000])
def test_packet_size(lab, mtu):
    """§4: packets are never longer than the MTU allows, and well filled."""
    a, b, _ = pair(lab, mtu)
    prefixes = [f"fd91:0:{i >> 8:x}:{i & 255:x}00::/56" for i in range(500)]
    a.batch([f"route add {prefix} dev lo proto static" for prefix in prefixes])
    sniffer = Sniffer(b, "l0")
    node = Swabeld(a, ["l0"], own=OWN)
    speaker = Speaker(b, "l0")
    speaker.adjacent(node)
    speaker.send(babel.wildcard_request(), to="fe80::1")
    wanted = {str(ipaddress.ip_network(p)) for p in prefixes}
    wait_until(lambda: wanted <= set(speaker.routes()), 10, "500 routes announced")
    sizes = [len(p.payload) for p in sniffer.of("fe80::1")]
    assert max(sizes) <= mtu - 48, "§4"
    assert max(sizes) > 0.9 * min(mtu - 48, 500 * 12), "§4: packets are filled"


def test_mtu_changes(lab):
    """An MTU that shrinks below what IPv6 can use, and comes back smaller than it was."""
    a, b, link = pair(lab)
    a.batch([f"route add fd91:0:1:{i:x}::/64 dev lo proto static" for i in range(500)])
    node = Swabeld(a, ["l0"], own=OWN)
    speaker = Speaker(b, "l0")
    speaker.adjacent(node)
    speaker.send(babel.router_id(speaker.identifier), babel.update("fd99:1::/64"))
    wait_until(lambda: "fd99:1::/64" in a.reaches(), 5, "a route is learned")
    a.ip("link", "set", "l0", "mtu", "600")
    wait_until(lambda: "fd99:1::/64" not in a.reaches(), 5, "without IPv6 there is no route")
    time.sleep(1)
    assert node.process.alive, "600 octets do not kill the daemon"
    sniffer = Sniffer(b, "l0")
    a.ip("link", "set", "l0", "mtu", "1280")
    a.ip("addr", "replace", "fe80::1/64", "dev", "l0", "nodad")
    mark = time.monotonic()
    wait_until(lambda: any(when > mark for when, _, _ in speaker.tlvs(babel.HELLO)), 35,
               "Hellos again")
    speaker.known.clear()
    speaker.adjacent(node, 35)
    speaker.send(babel.wildcard_request(), to="fe80::1")
    wait_until(lambda: len(speaker.routes()) > 500, 10, "all prefixes again")
    assert max(len(p.payload) for p in sniffer.of("fe80::1")) <= 1232, "§4: the new MTU counts"


@pytest.mark.parametrize("mtu", [1500, 9000])
def test_large_packets_are_received(lab, mtu):
    """§4: a packet as large as the link allows is received."""
    a, b, _ = pair(lab, mtu)
    node = Swabeld(a, ["l0"], own=OWN)
    speaker = Speaker(b, "l0")
    speaker.adjacent(node)
    tlvs = [babel.router_id(speaker.identifier)]
    prefixes = []
    while sum(map(len, tlvs)) + 4 + 20 <= mtu - 48:
        prefixes.append(f"fd99:0:0:{len(prefixes) + 1:x}::/64")
        tlvs.append(babel.update(prefixes[-1], 0))
    room = mtu - 48 - 4 - sum(map(len, tlvs))
    tlvs.insert(0, babel.tlv(1, bytes(room - 2)) if room >= 2 else bytes(room))
    assert len(babel.packet(*tlvs)) == mtu - 48
    speaker.send(*tlvs)
    wait_until(lambda: set(prefixes) <= a.reaches(), 5, "the last Update of the packet counts")


@pytest.mark.parametrize("to", ["fe80::1", None])
def test_acknowledgments(lab, to):
    """§3.3: the answer comes in time, by unicast, with the same opaque value."""
    a, b, _ = pair(lab)
    node = Swabeld(a, ["l0"], own=OWN)
    sniffer = Sniffer(b, "l0")
    speaker = Speaker(b, "l0")
    speaker.adjacent(node)
    for opaque, interval in ((0x1234, 50), (0xFFFF, 5), (0, 5)):
        asked = time.monotonic()
        speaker.send(babel.ack_request(opaque, interval), to=to)

        def answer():
            return [p for p in sniffer.of("fe80::1") if p.time >= asked
                    and (babel.ACK, opaque.to_bytes(2, "big"))
                    in [(k, body[:2]) for k, body in babel.split(p.payload)]]

        found = wait_until(answer, 1, f"acknowledgment {opaque:x}", every=0.005)[0]
        assert found.destination == "fe80::2", "§3.3"
        assert found.time - asked < interval / 100, "§3.3"


def test_start_and_stop(lab):
    """Start-up: Hello, wildcard request, wildcard retraction, own prefixes. Stop: wildcard
    retraction and a Hello with interval 10."""
    a, b, _ = pair(lab)
    sniffer = Sniffer(b, "l0")
    node = Swabeld(a, ["l0"], own=OWN)
    wait_until(lambda: sniffer.of("fe80::1"), 5, "first packet", every=0.02)
    time.sleep(0.5)
    first = sniffer.of("fe80::1")
    begin = first[0].time
    early = [tlv for p in first if p.time < begin + 0.5 for tlv in babel.split(p.payload)]
    assert early[0][0] == babel.HELLO, "a Hello comes first"
    assert (babel.ROUTE_REQUEST, b"\0\0") in early, "wildcard request"
    said = [u for p in first for u in babel.updates(p.payload)]
    assert any(u.prefix is None and u.metric == babel.INFINITY for u in said), "retraction"
    assert ANNOUNCED <= {u.prefix for u in said if u.metric < babel.INFINITY}, "own prefixes"

    speaker = Speaker(b, "l0")
    speaker.adjacent(node)
    mark = time.monotonic()
    assert node.stop(signal.SIGTERM) == 0
    assert time.monotonic() - mark < 1, "a stop is quick"
    time.sleep(0.2)
    last = [p for p in sniffer.of("fe80::1") if p.time > mark]
    tlvs = [tlv for p in last for tlv in babel.split(p.payload)]
    assert any(u.prefix is None and u.metric == babel.INFINITY
               for p in last for u in babel.updates(p.payload)), "wildcard retraction"
    hellos = [body for kind, body in tlvs if kind == babel.HELLO]
    assert hellos and hellos[-1][4:6] == b"\0\x0a", "a last Hello with interval 10"


def test_what_must_be_ignored(lab):
    """§4, §4.2, §4.3: nothing of this makes a neighbour or disturbs the one that is there."""
    a, b, _ = pair(lab)
    b.ip("addr", "add", "fd77::2/64", "dev", "l0", "nodad")
    a.ip("addr", "add", "fd77::1/64", "dev", "l0", "nodad")
    node = Swabeld(a, ["l0"], own=OWN)
    script = Speaker(b, "l0", speaks=False)

    def said(seqno):
        return babel.hello(seqno, 100)

    def strangers():
        return node.dump("neighbour")

    for seqno in range(4):
        script.send_from(babel.packet(said(seqno)), port=6697)
        script.send(raw=babel.packet(said(seqno), magic=43))
        script.send(raw=babel.packet(said(seqno), version=3))
        script.send(raw=babel.packet(trailer=said(seqno)))
        script.send(raw=b"*")
        script.send(raw=b"")
        b.enter(lambda: send_global(babel.packet(said(seqno))))
    rows = [row for row in strangers() if row["reach"] != "0000"]
    assert not rows, "no Hello of these counts"
    script.send(babel.tlv(200, b"unknown"), said(10))
    script.send(babel.tlv(201, b""), said(11))
    wait_until(lambda: [r for r in strangers() if r["reach"] != "0000"], 3,
               "§4.3: the Hello after an unknown TLV counts")


def send_global(data):
    """§4: packets from a global source address are ignored."""
    import socket
    link = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
    link.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    link.bind(("fd77::2", 6696))
    link.sendto(data, ("fd77::1", 6696))
    link.close()


def test_garbage_costs_nothing(lab):
    """A storm of malformed packets: routes stay, Hellos stay on time, the log stays small."""
    a, b, _ = pair(lab)
    node = Swabeld(a, ["l0"], own=OWN)
    speaker = Speaker(b, "l0", hello=0.5)
    speaker.adjacent(node)
    speaker.send(babel.router_id(speaker.identifier), babel.update("fd99:1::/64", interval=6000))
    wait_until(lambda: "fd99:1::/64" in a.reaches(), 5, "a route is learned")
    start = time.monotonic()
    bad = [
        babel.packet(babel.tlv(babel.UPDATE, b"\2\xc0\xff\0" + bytes(6))),
        babel.packet(babel.tlv(babel.HELLO, b"\0\0")),
        babel.packet()[:3], b"*\2\xff\xff\4\6", babel.packet(b"\x08\xff\0\0"),
        babel.packet(babel.tlv(babel.UPDATE, b"\2\0\x80\x10" + bytes(6))),
    ]
    while time.monotonic() < start + 4:
        for data in bad:
            speaker.send(raw=data)
        time.sleep(0.001)
    assert "fd99:1::/64" in a.reaches(), "the route survives"
    gaps = [when for when, _, _ in speaker.tlvs(babel.HELLO, since=start)]
    assert all(after - before < 1.25 for before, after in zip(gaps, gaps[1:])), "Hellos on time"
    assert node.process.alive
    size = node.process.log.stat().st_size
    assert size < 10_000, f"{size} bytes of log"


def test_costs_and_unreachable(lab):
    """A neighbour that does not hear us gives no route."""
    a, b, _ = pair(lab)
    node = Swabeld(a, ["l0"], own=OWN)
    speaker = Speaker(b, "l0", rxcost=babel.INFINITY)
    wait_until(lambda: node.dump("neighbour"), 5, "the node sees us")
    for _ in range(3):
        speaker.send(babel.router_id(speaker.identifier), babel.update("fd99:1::/64"))
    never(lambda: "fd99:1::/64" in a.reaches(), 2, "a route through a deaf neighbour")
    speaker.rxcost = 96
    speaker.adjacent(node)
    speaker.send(babel.router_id(speaker.identifier), babel.update("fd99:1::/64"))
    wait_until(lambda: "fd99:1::/64" in a.reaches(), 5, "now it hears us")
