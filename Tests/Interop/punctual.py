"""How punctual Hellos are, measured on the wire with the kernel's time stamps.

The next Hello is due at most 97 hundredths of the announced interval after the one before it; what
it comes later than that, it is late. With short intervals little lateness can hide in the jitter:
85 to 97 hundredths of 0.2 s are a window of 24 ms.
"""

from __future__ import annotations

import socket
import struct

import babel_packets as babel
from daemons import Swabeld
from netns import Lab, Namespace, measured
from speaker import SO_RCVBUFFORCE, Background

SO_TIMESTAMPNS = 35
ETH_P_IPV6 = 0x86DD
INTERVAL = 0.2
PARAMETERS = f"type wired hello-interval {INTERVAL} update-interval 60"
# No Hello may leave later than this after its due time.
PROMISE = 0.05
LATEST = 0.97


class HelloWatch(Background):
    """Notes when multicast Hellos of one node come in."""

    def __init__(self, namespace: Namespace, interface: str, source: str = "fe80::1") -> None:
        def open_socket() -> socket.socket:
            # The socket is for one protocol. One for all would also get the packets that leave
            # here.
            raw = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(ETH_P_IPV6))
            raw.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 64 << 20)
            raw.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
            raw.bind((interface, ETH_P_IPV6))
            raw.settimeout(0.2)
            return raw

        self.source = socket.inet_pton(socket.AF_INET6, source)
        self.socket = namespace.enter(open_socket)
        self.hellos: list[tuple[float, float]] = []
        super().__init__(namespace)

    def step(self) -> None:
        try:
            data, extra, _, address = self.socket.recvmsg(65535, 256)
        except TimeoutError:
            return
        if len(data) < 48 or data[6] != socket.IPPROTO_UDP or data[8:24] != self.source:
            return
        if babel.PORT != struct.unpack_from("!H", data, 42)[0]:
            return
        (stamp,) = [value for _, kind, value in extra if kind == SO_TIMESTAMPNS]
        seconds, nanoseconds = struct.unpack("=qq", stamp[:16])
        for kind, body in babel.split(data[48:]):
            if kind == babel.HELLO and not body[0] & 0x80:
                interval = struct.unpack_from("!H", body, 4)[0] / 100
                self.hellos.append((seconds + nanoseconds / 1e9, interval))

    def close(self) -> None:
        super().close()
        self.socket.close()

    def lateness(self, first: int, due: float = LATEST) -> list[float]:
        """Seconds by which each Hello was late, from the one with this number on; 0 if in time.
        It is due so many intervals after the one before it."""
        rows = list(self.hellos)[first:]
        return [max(0.0, after - before - due * interval)
                for (before, interval), (after, _) in zip(rows, rows[1:])]


class Twin:
    """A second daemon that nobody troubles: its lateness is the machine's."""

    def __init__(self, lab: Lab) -> None:
        a, b = lab.namespace("quiet"), lab.namespace("listener")
        lab.veth(a, b)
        self.node = Swabeld(a, ["l0"], parameters=PARAMETERS)
        self.watch = HelloWatch(b, "l0")


class Punctuality:
    """Watches a daemon and its twin, from the moment this is made."""

    def __init__(self, watch: HelloWatch, twin: Twin) -> None:
        self.watch, self.twin = watch, twin
        self.first = max(0, len(watch.hellos) - 1)
        self.twins_first = max(0, len(twin.watch.hellos) - 1)

    def check(self, title: str, least: int) -> None:
        """At least so many Hellos came, none of them late beyond what the machine causes."""
        ours = self.watch.lateness(self.first)
        theirs = self.twin.watch.lateness(self.twins_first)
        worst, noise = max(ours, default=0), max(theirs, default=0)
        measured(f"{title}: {len(ours)} Hellos, the latest {worst * 1000:.1f} ms after it was due; "
                 f"of an undisturbed daemon {noise * 1000:.1f} ms")
        assert len(ours) >= least, (len(ours), least)
        assert worst <= PROMISE + noise, (sorted(ours)[-5:], sorted(theirs)[-5:])
