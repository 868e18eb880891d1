"""Babel packets (RFC 8966 section 4) as bytes and back, independent of the code under test."""

from __future__ import annotations

import dataclasses
import ipaddress
import struct

PORT = 6696
GROUP = "ff02::1:6"
INFINITY = 65535

ACK_REQUEST, ACK, HELLO, IHU, ROUTER_ID, NEXT_HOP, UPDATE = 2, 3, 4, 5, 6, 7, 8
ROUTE_REQUEST, SEQNO_REQUEST = 9, 10


def tlv(kind: int, body: bytes) -> bytes:
    return bytes((kind, len(body))) + body


def packet(*tlvs: bytes, magic: int = 42, version: int = 2, trailer: bytes = b"") -> bytes:
    body = b"".join(tlvs)
    return struct.pack("!BBH", magic, version, len(body)) + body + trailer


def hello(seqno: int, interval: int = 100, flags: int = 0) -> bytes:
    return tlv(HELLO, struct.pack("!HHH", flags, seqno & 0xFFFF, interval))


def ihu(address: str, rxcost: int = 96, interval: int = 300) -> bytes:
    """To one neighbour, by its link-local address (AE 3)."""
    return tlv(IHU, struct.pack("!BBHH", 3, 0, rxcost, interval)
               + ipaddress.IPv6Address(address).packed[8:])


def ack_request(opaque: int, interval: int) -> bytes:
    return tlv(ACK_REQUEST, struct.pack("!HHH", 0, opaque, interval))


def acknowledgment(opaque: int) -> bytes:
    return tlv(ACK, struct.pack("!H", opaque))


def router_id(identifier: bytes) -> bytes:
    return tlv(ROUTER_ID, b"\0\0" + identifier)


def next_hop4(address: str) -> bytes:
    return tlv(NEXT_HOP, b"\1\0" + ipaddress.IPv4Address(address).packed)


def update(
    prefix: str, metric: int = 0, seqno: int = 1, interval: int = 400, omitted: int = 0,
    flags: int = 0, encoding: int | None = None, source: str | None = None
) -> bytes:
    """`encoding` 4 means IPv4 through the sender's IPv6 address (RFC 9229); `source` is a source
    prefix (RFC 9079)."""
    network = ipaddress.ip_network(prefix)
    if encoding is None:
        encoding = 1 if network.version == 4 else 2
    body = struct.pack(
        "!BBBBHHH", encoding, flags, network.prefixlen, omitted, interval, seqno, metric)
    body += prefix_octets(network)[omitted:]
    if source is not None:
        origin = ipaddress.ip_network(source)
        body += tlv(128, bytes([origin.prefixlen]) + prefix_octets(origin))
    return tlv(UPDATE, body)


def prefix_octets(network: ipaddress.IPv4Network | ipaddress.IPv6Network) -> bytes:
    return network.network_address.packed[:(network.prefixlen + 7) // 8]


def wildcard_retraction() -> bytes:
    return tlv(UPDATE, struct.pack("!BBBBHHH", 0, 0, 0, 0, 65535, 0, INFINITY))


def wildcard_request() -> bytes:
    return tlv(ROUTE_REQUEST, b"\0\0")


@dataclasses.dataclass
class Update:
    """One Update as meant, compression undone; `prefix` is None for the wildcard."""

    prefix: str | None
    metric: int
    seqno: int
    interval: int
    router_id: bytes | None
    next_hop: str | None


def parse_address(encoding: int, octets: bytes) -> str | None:
    if encoding == 1:
        return str(ipaddress.IPv4Address(octets[:4]))
    if encoding == 2:
        return str(ipaddress.IPv6Address(octets[:16]))
    if encoding == 3:
        return str(ipaddress.IPv6Address(b"\xfe\x80" + bytes(6) + octets[:8]))
    return None


def split(data: bytes) -> list[tuple[int, bytes]]:
    """The TLVs of a packet's body; raises ValueError if the packet is malformed."""
    if len(data) < 4 or data[0] != 42 or data[1] != 2:
        raise ValueError("not a Babel packet")
    end = 4 + struct.unpack_from("!H", data, 2)[0]
    if end > len(data):
        raise ValueError("the body is longer than the packet")
    found, at = [], 4
    while at < end:
        if data[at] == 0:
            at += 1
            continue
        if at + 2 > end or at + 2 + data[at + 1] > end:
            raise ValueError("a TLV is longer than the body")
        found.append((data[at], data[at + 2:at + 2 + data[at + 1]]))
        at += 2 + data[at + 1]
    return found


def updates(data: bytes, source: str | None = None) -> list[Update]:
    """The Updates of a packet with prefixes, router-ids and next hops filled in."""
    found: list[Update] = []
    identifier: bytes | None = None
    hops: dict[int, str | None] = {1: None, 2: source}
    defaults: dict[int, bytes] = {}
    for kind, body in split(data):
        if kind == ROUTER_ID:
            identifier = body[2:10]
        elif kind == NEXT_HOP:
            hops[1 if body[0] == 1 else 2] = parse_address(body[0], body[2:])
        elif kind == UPDATE:
            encoding, flags, length, omitted, interval, seqno, metric = struct.unpack_from(
                "!BBBBHHH", body)
            if encoding == 0:
                found.append(Update(None, metric, seqno, interval, None, None))
                continue
            size = 4 if encoding in (1, 4) else 16
            carried = (length + 7) // 8 - omitted
            octets = (defaults.get(encoding, b"")[:omitted] + body[10:10 + carried]).ljust(
                size, b"\0")
            if flags & 0x80:
                defaults[encoding] = octets
            if flags & 0x40:
                identifier = octets[-8:].rjust(8, b"\0")
            family = 1 if encoding == 1 else 2
            found.append(Update(
                str(ipaddress.ip_network((octets, length), strict=False)), metric, seqno,
                interval, identifier, hops[family]))
    return found
