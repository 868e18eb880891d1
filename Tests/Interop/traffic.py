"""A stream of numbered datagrams through a network, and what became of each.

As a program: `traffic.py send FILE RATE PORT ADDRESS…` or `traffic.py sink FILE PORT`. Sender and
sinks are processes of their own, so that the pace does not depend on the tests."""

from __future__ import annotations

import array
import contextlib
import dataclasses
import pathlib
import select
import signal
import socket
import struct
import sys
import time

SO_RCVBUFFORCE = 33
PORT = 7000
# Family, number, monotonic nanoseconds when sent. One clock: all namespaces share the kernel's.
RECORD = struct.Struct("!IIQ")


ended = False


def note_end(*_: object) -> None:
    """SIGTERM came."""
    global ended
    ended = True


def send(file: str, rate: float, port: int, addresses: list[str]) -> None:
    """Sends `rate` datagrams a second to each address until told to stop; catches up when the
    machine let it wait. Prints how many it sent and the longest pause, and writes to `file` when
    each was sent."""
    times = array.array("Q")
    outlets = []
    for address in addresses:
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        outlet = socket.socket(family, socket.SOCK_DGRAM)
        outlet.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4 << 20)
        outlets.append((outlet, 6 if family == socket.AF_INET6 else 4, (address, port)))
    number, longest, refused = 0, 0, 0
    print("ready", flush=True)
    begin = last = time.monotonic_ns()
    while not ended:
        now = time.monotonic_ns()
        due = int((now - begin) * rate / 1e9)
        if due > number:
            longest, last = max(longest, now - last), now
        while number < due:
            number += 1
            times.append(time.monotonic_ns())
            for outlet, family, target in outlets:
                try:
                    outlet.sendto(RECORD.pack(family, number, times[-1]), target)
                except OSError:  # an answer of the network: counted as lost by the sinks
                    refused += 1
        time.sleep(0.5 / rate)
    pathlib.Path(file).write_bytes(times)
    seconds = (time.monotonic_ns() - begin) / 1e9
    print(number, f"{number / seconds:.0f}", longest, refused, flush=True)


def sink(file: str, port: int) -> None:
    """Collects what arrives until told to stop, then writes it to `file`."""
    inlets = []
    for family, anywhere in ((socket.AF_INET, "0.0.0.0"), (socket.AF_INET6, "::")):
        inlet = socket.socket(family, socket.SOCK_DGRAM)
        if family == socket.AF_INET6:
            inlet.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        with contextlib.suppress(PermissionError):  # in a user namespace the usual must do
            inlet.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 64 << 20)
        inlet.bind((anywhere, port))
        inlet.setblocking(False)
        inlets.append(inlet)
    seen = bytearray()
    print("ready", flush=True)
    while not ended:
        select.select(inlets, [], [], 0.05)
        time.sleep(0.005)  # what comes meanwhile waits in the socket
        for inlet in inlets:
            try:
                while True:
                    seen += inlet.recv(64)
            except BlockingIOError:
                pass
    pathlib.Path(file).write_bytes(seen)


@dataclasses.dataclass
class Outcome:
    """The fate of a stream."""

    count: int
    rate: float
    longest_pause: float
    # (family, number) -> (place, nanoseconds when sent); more places if it arrived twice.
    arrivals: dict[tuple[int, int], list[tuple[str, int]]]
    # Family, number, nanoseconds when sent, for those that never arrived.
    lost: list[tuple[int, int, int]]


class Stream:
    """Datagrams from one namespace to addresses that several places claim to have."""

    def __init__(self, source, places: dict, addresses: list[str], rate: int = 1200,
                 port: int = PORT) -> None:
        from netns import Process, wait_until

        self.files = {}
        self.sinks = {}
        program = [sys.executable, str(pathlib.Path(__file__).resolve())]
        for name, namespace in places.items():
            self.files[name] = namespace.lab.directory / f"{source.label}-sink-{name}"
            self.sinks[name] = Process(
                namespace, f"sink-{name}", [*program, "sink", str(self.files[name]), str(port)])
        for process in self.sinks.values():
            wait_until(lambda: "ready" in process.text(), 10, "a sink listens", every=0.02)
        self.times = source.lab.directory / f"{source.label}-sent-{port}"
        self.sender = Process(
            source, "sender", [*program, "send", str(self.times), str(rate), str(port), *addresses])
        # Before that it would not know what to do when it is stopped.
        wait_until(lambda: "ready" in self.sender.text(), 10, "datagrams leave", every=0.02)
        self.families = [6 if ":" in address else 4 for address in addresses]

    def finish(self) -> Outcome:
        """Stops the stream and tells what became of it."""
        self.sender.stop()
        time.sleep(0.3)  # the last are on their way
        count, rate, longest, _ = map(float, self.sender.text().split()[1:])
        arrivals: dict[tuple[int, int], list[tuple[str, int]]] = {}
        for name, process in self.sinks.items():
            process.stop()
            for family, number, sent in RECORD.iter_unpack(self.files[name].read_bytes()):
                arrivals.setdefault((family, number), []).append((name, sent))
        times = array.array("Q", self.times.read_bytes())
        lost = [(family, number, sent) for family in self.families
                for number, sent in enumerate(times, start=1)
                if (family, number) not in arrivals]
        return Outcome(int(count), rate, longest / 1e9, arrivals, lost)


def nothing_lost(streams: list[Stream]) -> list[int]:
    """Stops streams, and fails if one lost anything or was slow; returns how much each sent."""
    outcomes = [stream.finish() for stream in streams]
    for outcome in outcomes:
        assert outcome.rate > 800, f"{outcome.rate} datagrams a second"
        assert not outcome.lost, f"{len(outcome.lost)} of {outcome.count} lost"
    return [outcome.count for outcome in outcomes]


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, note_end)
    if sys.argv[1] == "send":
        send(sys.argv[2], float(sys.argv[3]), int(sys.argv[4]), sys.argv[5:])
    else:
        sink(sys.argv[2], int(sys.argv[3]))
