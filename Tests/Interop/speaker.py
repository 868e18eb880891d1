"""A scripted Babel node that says what a test tells it to, and a sniffer."""

from __future__ import annotations

import dataclasses
import ipaddress
import select
import socket
import struct
import threading
import time
from typing import Callable

import babel_packets as babel
from netns import LabError, Namespace, wait_until

SO_RCVBUFFORCE = 33
ETH_P_ALL = 3
PACKET_OUTGOING = 4


@dataclasses.dataclass
class Captured:
    """One UDP datagram as it went over the link."""

    time: float
    source: str
    destination: str
    hop_limit: int
    traffic_class: int
    source_port: int
    destination_port: int
    payload: bytes
    outgoing: bool


class Background:
    """A thread that runs `step` until it is closed."""

    def __init__(self, namespace: Namespace) -> None:
        self.closed = False
        self.failure: BaseException | None = None
        self.thread = threading.Thread(target=self.loop, daemon=True)
        namespace.lab.on_close(self.close)
        self.thread.start()

    def loop(self) -> None:
        try:
            while not self.closed:
                self.step()
        except BaseException as error:
            if not self.closed:
                self.failure = error

    def step(self) -> None:
        raise NotImplementedError

    def close(self) -> None:
        self.closed = True
        self.thread.join(5)


class Sniffer(Background):
    """Collects the Babel datagrams seen on an interface, from the network header upwards."""

    def __init__(self, namespace: Namespace, interface: str) -> None:
        def open_socket() -> socket.socket:
            raw = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(ETH_P_ALL))
            raw.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 64 << 20)
            raw.bind((interface, ETH_P_ALL))
            raw.settimeout(0.2)
            return raw

        self.socket = namespace.enter(open_socket)
        self.packets: list[Captured] = []
        super().__init__(namespace)

    def step(self) -> None:
        try:
            data, address = self.socket.recvfrom(65535)
        except TimeoutError:
            return
        except OSError:  # the interface went down; it may come back
            time.sleep(0.05)
            return
        now = time.monotonic()
        outgoing = address[2] == PACKET_OUTGOING
        if len(data) >= 28 and data[0] == 0x45 and data[9] == socket.IPPROTO_UDP:
            self.note_ipv4(now, data, outgoing)
        if len(data) < 48 or data[0] >> 4 != 6 or data[6] != socket.IPPROTO_UDP:
            return
        ports = struct.unpack_from("!HH", data, 40)
        if babel.PORT not in ports:
            return
        length = struct.unpack_from("!H", data, 44)[0]
        self.packets.append(Captured(
            now, str(ipaddress.IPv6Address(data[8:24])),
            str(ipaddress.IPv6Address(data[24:40])), data[7],
            (data[0] & 15) << 4 | data[1] >> 4, *ports, data[48:40 + length], outgoing))

    def note_ipv4(self, now: float, data: bytes, outgoing: bool) -> None:
        ports = struct.unpack_from("!HH", data, 20)
        if babel.PORT not in ports:
            return
        length = struct.unpack_from("!H", data, 24)[0]
        self.packets.append(Captured(
            now, str(ipaddress.IPv4Address(data[12:16])), str(ipaddress.IPv4Address(data[16:20])),
            data[8], data[1], *ports, data[28:20 + length], outgoing))

    def close(self) -> None:
        super().close()
        self.socket.close()

    def of(self, source: str) -> list[Captured]:
        """What one node sent."""
        return [p for p in list(self.packets) if p.source == source]


class Speaker(Background):
    """A Babel node made of a script: says Hello and IHU, remembers what it hears.

    `address` is the link-local address it speaks from; `rxcost` what it tells others."""

    def __init__(
        self, namespace: Namespace, interface: str, address: str = "fe80::2",
        identifier: bytes = b"\2\0\0\0\0\0\0\x99", hello: float = 1.0, rxcost: int = 96,
        speaks: bool = True
    ) -> None:
        self.interface = interface
        self.identifier = identifier
        self.hello = hello
        self.rxcost = rxcost
        self.speaks = speaks
        self.seqno = 1000
        self.heard: dict[str, int] = {}
        self.received: list[tuple[float, str, bytes]] = []
        self.known: dict[str, babel.Update] = {}
        self.costs: dict[str, int] = {}
        self.decoded = 0
        self.due = time.monotonic()
        self.address = address
        self.socket = namespace.enter(lambda: self.open(address, babel.PORT))
        self.index = namespace.enter(lambda: socket.if_nametoindex(interface))
        self.extra: list[Callable[[], bytes]] = []
        self.namespace = namespace
        super().__init__(namespace)

    def open(self, address: str, port: int) -> socket.socket:
        """A socket as a Babel node has it."""
        index = socket.if_nametoindex(self.interface)
        link = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
        link.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        link.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 64 << 20)
        link.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4 << 20)
        link.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_LOOP, 0)
        link.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_UNICAST_HOPS, 1)
        link.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_HOPS, 1)
        link.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_IF, index)
        link.setsockopt(
            socket.IPPROTO_IPV6, socket.IPV6_JOIN_GROUP,
            socket.inet_pton(socket.AF_INET6, babel.GROUP) + struct.pack("=I", index))
        link.bind(("::", port))
        return link

    def send(self, *tlvs: bytes, to: str | None = None, raw: bytes | None = None) -> None:
        """Sends one packet, to the group or to one neighbour."""
        data = babel.packet(*tlvs) if raw is None else raw
        self.socket.sendto(data, (to or babel.GROUP, babel.PORT, 0, self.index))

    def send_from(self, data: bytes, port: int, to: str | None = None) -> None:
        """Sends one packet from another port."""
        link = self.namespace.enter(lambda: self.open(self.address, port))
        link.sendto(data, (to or babel.GROUP, babel.PORT, 0, self.index))
        link.close()

    def greet(self) -> None:
        """Hello, and an IHU for everyone heard so far."""
        self.seqno = (self.seqno + 1) & 0xFFFF
        interval = max(1, round(self.hello * 100))
        tlvs = [babel.hello(self.seqno, interval)]
        tlvs += [babel.ihu(address, self.rxcost, 3 * interval) for address in list(self.heard)]
        self.send(*tlvs)

    def step(self) -> None:
        now = time.monotonic()
        if self.speaks and now >= self.due:
            self.due = now + self.hello
            try:
                self.greet()
            except OSError:
                pass  # the link is down for the moment
        wait = min(0.2, max(0.0, self.due - now)) if self.speaks else 0.2
        if not select.select([self.socket], [], [], wait)[0]:
            return
        data, peer = self.socket.recvfrom(65535)
        source = peer[0].partition("%")[0]
        self.received.append((time.monotonic(), source, data))
        if source not in self.heard:
            self.heard[source] = peer[1]
            self.due = time.monotonic() if self.speaks else self.due

    def close(self) -> None:
        super().close()
        self.socket.close()

    # What it learned --------------------------------------------------------

    def learn(self) -> dict[str, babel.Update]:
        """The latest Update per prefix, retractions included."""
        while self.decoded < len(self.received):
            _, source, data = self.received[self.decoded]
            self.decoded += 1
            for kind, body in babel.split(data):
                if kind == babel.IHU:
                    target = babel.parse_address(body[0], body[6:])
                    if target in (None, self.address):
                        self.costs[source] = struct.unpack_from("!H", body, 2)[0]
            for entry in babel.updates(data, source):
                if entry.prefix is None:
                    self.known.clear()
                else:
                    self.known[entry.prefix] = entry
        return self.known

    def routes(self) -> dict[str, babel.Update]:
        """The prefixes announced to it with a finite metric."""
        return {p: u for p, u in self.learn().items() if u.metric < babel.INFINITY}

    def hears(self, source: str) -> int:
        """The rxcost a neighbour last told us."""
        self.learn()
        return self.costs.get(source, babel.INFINITY)

    def tlvs(self, kind: int, since: float = 0) -> list[tuple[float, str, bytes]]:
        """Every TLV of one type received so far: time, source, body."""
        return [
            (when, source, body) for when, source, data in list(self.received) if when >= since
            for found, body in babel.split(data) if found == kind]

    def adjacent(self, daemon, timeout: float = 25) -> None:
        """Waits until both sides have finite costs."""
        def ready() -> bool:
            if self.failure:
                raise LabError(f"the speaker failed: {self.failure!r}")
            rows = [row for row in daemon.neighbours() if row["address"] == self.address]
            return bool(rows) and any(cost < babel.INFINITY for cost in
                                      [self.hears(source) for source in list(self.heard)])

        wait_until(ready, timeout, "both sides of the adjacency have finite costs", every=0.05)
