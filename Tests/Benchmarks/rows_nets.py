"""Rows about whole networks of one contestant: a mesh, rings, a grid."""

from __future__ import annotations

import itertools
import time
from typing import Any, Callable

from netns import Lab, LabError
from rig import started
from rows_routes import Values
from test_rings import Net, grid, own, ring

SHAPES = {
    "mesh-10": (10, list(itertools.combinations(range(10), 2))), "ring-10": (10, ring(10)),
    "ring-20": (20, ring(20)), "grid-4x4": (16, grid(4, 4))}
LIMIT = 60


class Uniform(Net):
    """A network whose daemons are all of one contestant."""

    def __init__(self, lab: Lab, who: str, count: int, pairs: list[tuple[int, int]]) -> None:
        self.who = who
        super().__init__(lab, count, pairs)

    def run(self, number: int) -> Any:
        daemon = started(self.who, self.hosts[number], list(self.peers[number]), own=["fd97::/16"])
        if self.who == "bird":
            daemon.announce(own(number) + "/128")
        return daemon

    def took(self, since: float, shortest: bool = False) -> float | None:
        """Seconds until every host reached every other; None if they do not."""
        try:
            return self.settled(since, LIMIT - 20, shortest)
        except LabError:
            return None


def network(lab: Lab, who: str, shape: str) -> Values:
    """Cold start, then a link whose both ends are told, then one that drops all packets."""
    net = Uniform(lab, who, *SHAPES[shape])
    try:
        values = {f"{shape}: cold start, s": net.took(net.start(), shortest=True)}
        for name, pair, lose in (
                ("carrier loss", net.pairs[0], lambda pair: net.lose(pair, 2)),
                ("silent loss", net.pairs[len(net.pairs) // 2], net.silence)):
            time.sleep(2)
            values[f"{shape}: {name}, s"] = net.took(lose(pair))
            net.restore(pair)
            if net.took(time.monotonic()) is None:
                break
        return values
    finally:
        net.watcher.stop()


def of(shape: str) -> Callable[..., Values]:
    return lambda lab, who, _: network(lab, who, shape)


ROWS: dict[str, Callable[..., Any]] = {shape: of(shape) for shape in SHAPES}
