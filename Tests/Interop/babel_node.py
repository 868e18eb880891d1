"""A scripted Babel node that announces a prefix with every Hello."""

from __future__ import annotations

import babel_packets as babel
from netns import Namespace
from speaker import Speaker

ORIGIN = b"\2\0\0\0\0\0\0\x77"


class Pretender(Speaker):
    """A speaker that repeats an announcement, of itself or of somebody behind it."""

    def __init__(self, namespace: Namespace, interface: str, **how) -> None:
        self.announcement: list[bytes] = []
        super().__init__(namespace, interface, **how)

    def announces(self, prefix: str, metric: int, seqno: int, origin: bytes = ORIGIN) -> None:
        """What it says from now on."""
        self.announcement = [babel.router_id(origin), babel.update(prefix, metric, seqno)]

    def greet(self) -> None:
        super().greet()
        if self.announcement:
            self.send(*self.announcement)
