"""Rows about the routes of one daemon: learned, lost, moved, announced, held and shown.

A row is a function of a lab, a contestant and a number of routes, which returns what it measured by
name; None is what did not come about. Less is better everywhere."""

from __future__ import annotations

import os
import time
from typing import Any, Callable

from netns import Lab, run
from rig import (
    HELLO, ONE, PATIENCE, RETRACTED, UPDATE, Values, Watch, World, prefix, write_routes)
from test_rings import Net
from traffic import Stream

HOLD = float(os.environ.get("HOLD", "60"))
FLAP = float(os.environ.get("FLAP", "10"))
# After 40 s our daemon gives back what only its start needed.
IDLE = float(os.environ.get("IDLE", "60"))
RATE = 1000
# Metric of the second of two ways: worse than the first, and feasible beside it.
SECOND = 50
WRITERS = {"writer": "errors", "writer, acks": "acks", "writer, object": "object"}


def after(begin: float, end: float | None) -> float | None:
    return None if end is None else max(0.0, end - begin)


def bare(lab: Lab, who: str, count: int) -> Values:
    """The same routes, written by a program that does nothing else, while somebody listens."""
    host, far = lab.namespace("a"), lab.namespace("b")
    lab.veth(host, far)
    watch = Watch(host, [42])
    begin, end, spent = write_routes(host, count, WRITERS[who], "fe80::2", "l0", 42, 0x99)
    installed, _ = watch.until(count, "-")
    removed, last, _ = write_routes(host, count, "del", "fe80::2", "l0", 42, 0x99)
    return {"installed, s": after(begin, installed), "CPU of a route, µs": spent / count * 1e6,
            "written, s": end - begin, "retracted, s": last - removed}


def install(lab: Lab, who: str, count: int, shuffled: bool = False) -> Values:
    """From the first Update sent until the last route is there; as fast as the daemon listens."""
    if who in WRITERS:
        return bare(lab, who, count)
    world = World(lab, who)
    begin = world.learn(count, shuffled=shuffled)
    installed = world.settle(count)
    values = {"installed, s": after(begin, installed),
              "CPU of a route, µs": world.meter.spent() / count * 1e6,
              "memory of a route, B": world.meter.grown() / count}
    world.meter.reset()
    begin, _ = world.neighbours[0].announce(count, RETRACTED, shuffled=shuffled)
    gone, _ = world.watch.until(0, "-")
    return {**values, "retracted, s": after(begin, gone),
            "CPU of a retraction, µs": world.meter.spent() / count * 1e6, **world.late()}


def install_shuffled(lab: Lab, who: str, count: int) -> Values:
    return install(lab, who, count, shuffled=True)


def burst(lab: Lab, who: str, count: int) -> Values:
    """Said once, as fast as the link takes it: what has got lost two seconds later."""
    world = World(lab, who)
    world.neighbours[0].announce(count)
    _, found = world.watch.until(count, "-", seconds=2)
    return {"missing of a burst, %": 100 * (count - found) / count, **world.late()}


class Failover(World):
    """Two neighbours lead to the same prefixes, the first of them better; a stream to the last
    prefix passes through the daemon's machine."""

    def __init__(self, lab: Lab, who: str, count: int, hello: float = 1) -> None:
        super().__init__(lab, who, links=2, hello=hello)
        self.count = count
        self.learn(count)
        self.settle(count, "l0")
        self.learn(count, which=1, metric=SECOND)
        source = lab.namespace("s")
        lab.veth(self.host, source, ("l2", "l0"))
        source.ip("-6", "route", "add", "default", "via", "fe80::1", "dev", "l0")
        source.ip("addr", "add", "fd98::2/64", "dev", "l0", "nodad")
        self.target = prefix(count - 1) + "1"
        for far in self.fars:
            far.own(self.target)
        for name in ("l0", "l1"):
            self.host.ping(f"fe80::2%{name}")
        self.stream = Stream(
            source, {far.label: far for far in self.fars}, [self.target], rate=RATE)
        time.sleep(1.5)  # what the second neighbour said is taken in
        self.watch.gaps()

    def values(self, begin: float, name: str) -> Values:
        """What became of it, from the moment at which it began."""
        moved, _ = self.watch.until(self.count, "l1")
        longest, missing, _ = self.watch.gaps()
        time.sleep(0.2)
        outcome = self.stream.finish()
        return {f"{name}: all moved, s": after(begin, moved),
                f"{name}: longest without a route, ms": None if missing else longest * 1000,
                f"{name}: lost at {RATE} a second": len(outcome.lost), **self.late()}


def retraction(lab: Lab, who: str, count: int) -> Values:
    world = Failover(lab, who, count)
    _, end = world.neighbours[0].announce(count, RETRACTED)
    return world.values(end, "first way retracted")


def silence(lab: Lab, who: str, count: int) -> Values:
    """From the last Hello of the neighbour that dies; its machine forwards nothing any more."""
    world = Failover(lab, who, count, hello=HELLO)
    time.sleep(3 * HELLO)  # so long a neighbour is trusted
    last = world.neighbours[0].ask("silence", 1)[1] / ONE
    world.fars[0].ip("addr", "del", f"{world.target}/128", "dev", "lo")
    return world.values(last, "first neighbour silent")


def link_down(lab: Lab, who: str, count: int) -> Values:
    world = Failover(lab, who, count)
    begin = time.monotonic()
    Net.set_down(world.host, "l0")
    return world.values(begin, "link down")


def onward(lab: Lab, who: str, count: int) -> Values:
    """Learned on one link, announced on another: from the first Update to the last."""
    world = World(lab, who, links=2)
    begin = world.learn(count)
    heard, _ = world.neighbours[1].until(count)
    return {"announced onward, s": after(begin, heard), **world.late()}


def redistribute(lab: Lab, who: str, count: int) -> Values:
    """Routes that somebody else puts into the kernel, and takes away again."""
    world = World(lab, who, own=["fd91::/16"], learns=True)
    listener = world.neighbours[0]
    begin, _, _ = write_routes(world.host, count, "errors")
    announced, _ = listener.until(count)
    values = {"kernel routes announced, s": after(begin, announced),
              "CPU of a kernel route, µs": world.meter.spent() / count * 1e6}
    begin, _, _ = write_routes(world.host, count, "del")
    gone, left = listener.until(0)
    return {**values, "kernel routes retracted, s": after(begin, gone),
            f"not retracted after {PATIENCE} s, %": 100 * left / count, **world.late()}


def shown(world: World, count: int) -> dict[str, Callable[[], bool]]:
    """How a contestant is asked for all routes; each tells whether they came."""
    if world.who == "bird":
        words = [world.node.binary().removesuffix("bird") + "birdc", "-s",
                 world.node.control_path, "show", "route"]
        return {"dump": lambda: run(*words).count("fd99:") >= count}
    return {word: lambda word=word: world.node.tables(word).count(b"\nadd route ") >= count
            for word in ("dump", "monitor")}


def dump(lab: Lab, who: str, count: int) -> Values:
    """What it takes to show all routes, and to begin to follow them."""
    world = World(lab, who)
    world.learn(count)
    world.settle(count)
    values: Values = {}
    for word, ask in shown(world, count).items():
        world.meter.reset()
        begin = time.monotonic()
        is_whole = ask()
        values[f"{word}, s"] = time.monotonic() - begin if is_whole else None
        values[f"CPU of a {word}, ms"] = world.meter.spent() * 1000
    return {**values, **world.late()}


def hold(lab: Lab, who: str, count: int) -> Values:
    """Routes that are said again every update interval, and told to a second neighbour."""
    world = World(lab, who, links=2, hello=HELLO)
    world.learn(count)
    world.settle(count)
    world.neighbours[0].ask("refresh", 0, 0, count, 0, UPDATE * 1000)
    time.sleep(UPDATE)  # what follows the beginning has passed
    world.meter.reset()
    world.watch.gaps()
    octets, begin = world.sent("l1"), time.monotonic()
    time.sleep(HOLD)
    passed = time.monotonic() - begin
    _, missing, fewest = world.watch.gaps()
    return {"holding: CPU, %": 100 * world.meter.spent() / passed,
            "holding: wake-ups a second": world.meter.woken() / passed,
            "holding: sent, B/s": (world.sent("l1") - octets) / passed,
            "holding: routes lost": count - fewest + missing, **world.late()}


def flap(lab: Lab, who: str, count: int) -> Values:
    """A neighbour that retracts and announces in turn, as fast as it is heard."""
    world = World(lab, who)
    world.learn(count)
    world.settle(count)
    world.meter.reset()
    _, rounds = world.neighbours[0].ask("flap", 0, 0, count, int(FLAP * 1000))
    begin, spent = time.monotonic(), world.meter.spent()
    again, found = world.watch.until(count, "-")
    return {"flapping: CPU of a change, µs": spent / max(1, rounds) / count * 1e6,
            "flapping: all there after the end, s": after(begin, again),
            "flapping: routes missing": count - found, **world.late()}


def idle(lab: Lab, who: str, _: int) -> Values:
    """One neighbour without routes."""
    world = World(lab, who, hello=HELLO)
    time.sleep(UPDATE)
    world.meter.reset()
    time.sleep(IDLE)
    return {"idle: resident, kB": world.meter.memory() / 1024,
            "idle: wake-ups a second": world.meter.woken() / IDLE,
            "idle: CPU, %": 100 * world.meter.spent() / IDLE, **world.late()}


ROWS: dict[str, Callable[..., Any]] = {
    "install": install, "install-shuffled": install_shuffled, "burst": burst,
    "retraction": retraction, "silence": silence, "link-down": link_down, "onward": onward,
    "redistribute": redistribute, "dump": dump, "hold": hold, "flap": flap,
    "idle": idle}
