"""A slow wire for the ends of tunnels: UDP datagrams come in at one address and leave at another
after a delay. The kernel of the laboratory cannot delay packets (no netem).

As a program: `relay.py FILE`. FILE is read again whenever it is replaced: a JSON list of wires,
each {"ends": [[local, remote, port], [local, remote, port]], "delay": ms, "percent": n}. What
comes from the remote address of one end goes on to that of the other `delay` milliseconds later,
n percent more or less, in order."""

from __future__ import annotations

import heapq
import itertools
import json
import pathlib
import random
import select
import socket
import sys
import time


class Wires:
    """All wires of one file."""

    def __init__(self, file: str) -> None:
        self.file = pathlib.Path(file)
        self.stamp = None
        self.wires: list[dict] = []
        self.sockets: dict[int, tuple[int, int, socket.socket]] = {}
        self.poll = select.poll()
        self.waiting: list[tuple[float, int, socket.socket, bytes, tuple[str, int]]] = []
        self.number = itertools.count()
        self.last: dict[tuple[int, int], float] = {}
        self.random = random.Random(1)

    def reread(self) -> None:
        stamp = self.file.stat().st_mtime_ns
        if stamp == self.stamp:
            return
        self.stamp = stamp
        self.wires = json.loads(self.file.read_text())
        if not self.sockets:
            for index, wire in enumerate(self.wires):
                for side, (local, _, port) in enumerate(wire["ends"]):
                    end = socket.socket(socket.AF_INET, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
                    end.bind((local, port))
                    self.sockets[end.fileno()] = (index, side, end)
                    self.poll.register(end, select.POLLIN)

    def receive(self, handle: int) -> None:
        index, side, end = self.sockets[handle]
        wire = self.wires[index]
        _, remote, port = wire["ends"][1 - side]
        outlet = next(s for i, other, s in self.sockets.values() if (i, other) == (index, 1 - side))
        for _ in range(64):
            try:
                data = end.recv(65536)
            except OSError:  # nothing more, or the remote end was not there
                return
            vary = wire.get("percent", 0) / 100
            delay = wire["delay"] / 1000 * self.random.uniform(1 - vary, 1 + vary)
            due = max(time.monotonic() + delay, self.last.get((index, side), 0.0))
            self.last[index, side] = due
            heapq.heappush(self.waiting, (due, next(self.number), outlet, data, (remote, port)))

    def run(self) -> None:
        while True:
            self.reread()
            wait = 50.0
            if self.waiting:
                wait = min(wait, max(0.0, (self.waiting[0][0] - time.monotonic()) * 1000))
            # The poll rounds down to milliseconds; the rest is slept off.
            for handle, _ in self.poll.poll(int(wait)):
                self.receive(handle)
            while self.waiting and self.waiting[0][0] <= time.monotonic() + 0.001:
                due, _, outlet, data, target = heapq.heappop(self.waiting)
                time.sleep(max(0.0, due - time.monotonic()))
                try:
                    outlet.sendto(data, target)
                except OSError:  # as a wire loses packets
                    pass


if __name__ == "__main__":
    Wires(sys.argv[1]).run()
