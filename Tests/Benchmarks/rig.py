"""What the benchmarks are made of: contestants, tools written in C, and a daemon between them.

The daemon has one processor of its own where there are two, the tools share the other. What holds
is read from the kernel's notifications and from the wire, what it costs from /proc."""

from __future__ import annotations

import os
import pathlib
import re
import shutil
import subprocess
import sys
import threading
from typing import Any

INTEROP = pathlib.Path(__file__).resolve().parents[1] / "Interop"
sys.path.insert(0, str(INTEROP))

from daemons import Babeld, Bird, Swabeld  # noqa: E402
import report  # noqa: E402
from netns import REPOSITORY, Lab, LabError, Namespace, run, wait_until  # noqa: E402
from punctual import LATEST, HelloWatch  # noqa: E402

BUILD = REPOSITORY / ".build-bench"
ONE = 1e9
RETRACTED = 65535
# The daemons' own defaults, which BIRD has to be told.
HELLO, UPDATE = 4, 16
PATIENCE = int(os.environ.get("PATIENCE", "75"))
Values = dict[str, float | None]
CPUS = sorted(os.sched_getaffinity(0))


def tool(name: str, source: pathlib.Path | None = None) -> str:
    """A program in C, compiled if it is new."""
    source = source or pathlib.Path(__file__).with_name(f"{name}.c")
    newest = max(file.stat().st_mtime for file in [source, *source.parent.glob("*.h")])
    program = BUILD / name
    if not program.exists() or program.stat().st_mtime < newest:
        BUILD.mkdir(exist_ok=True)
        run(shutil.which("cc") or "clang", "-O2", "-Wall", "-Wextra", "-o", str(program),
            str(source))
    return str(program)


def prefix(number: int, second: int = 0x99) -> str:
    """A numbered prefix, without its length."""
    return f"fd{second:x}:0:{number >> 16:x}:{number & 0xFFFF:x}::"


# Contestants --------------------------------------------------------------


class StaticSwabeld(Swabeld):
    """The file for boards."""

    def binary(self) -> str:
        return os.environ.get("STATIC") or str(
            REPOSITORY / ".build-embedded/x86_64-musl/swabeld")


class OtherSwabeld(Swabeld):
    """The daemon with the statements that OTHER has, each on a line of its own."""

    def __init__(self, *words: Any, first: list[str] = (), **how: Any) -> None:
        other = os.environ.get("OTHER", "").split("\n")
        super().__init__(*words, first=[*first, *filter(None, other)], **how)


class PeerBabeld(Babeld):
    """babeld of the system, or the one that BABELD names."""

    def binary(self) -> str:
        return os.environ.get("BABELD") or self.program


class PeerBird(Bird):
    """BIRD of the system, or the one that BIRD names (with birdc beside it)."""

    def binary(self) -> str:
        return os.environ.get("BIRD") or self.program


class LearningBird(PeerBird):
    """BIRD, told to announce routes of the kernel."""

    learns = True


PROGRAMS = {"ours": Swabeld, "static": StaticSwabeld, "babeld": PeerBabeld, "bird": PeerBird}
# Take part only if they are asked for.
FURTHER = {"other": OtherSwabeld}


def version(who: str) -> str:
    """What a contestant calls itself."""
    kind = {**PROGRAMS, **FURTHER}[who]
    program = kind.binary(kind)
    if not shutil.which(program):
        raise LabError(f"there is no {program}, which is to be {who}")
    words = [program, "--version"] if who == "bird" else [program, "-V"]
    text = subprocess.run(words, capture_output=True, text=True, timeout=20)
    found = re.search(r"\d+\.\d+[\w.]*", text.stdout + text.stderr)
    return found.group(0) if found else ""


def started(
    who: str, host: Namespace, interfaces: list[str], own: list[str] = (), learns: bool = False,
    keys: list[str] = (), options: str = "", hello: float = HELLO, update: float = UPDATE
) -> Any:
    """A contestant that runs on these interfaces and announces what is below `own`."""
    if who == "bird":
        program = LearningBird if learns else PeerBird
        intervals = f"hello interval {hello} s; update interval {update} s;"
        return program(host, interfaces, f"{intervals} {options}")
    return {**PROGRAMS, **FURTHER}[who](
        host, interfaces, own=own, first=list(keys),
        parameters=f"type wired hello-interval {hello} update-interval {update}")


def pin(pid: int, is_daemon: bool) -> None:
    """Gives the daemon the first processor, everything else the others."""
    if len(CPUS) > 1:
        os.sched_setaffinity(pid, CPUS[:1] if is_daemon else CPUS[1:])


class Meter:
    """What a process has cost since this was made."""

    def __init__(self, pid: int) -> None:
        self.folder = pathlib.Path(f"/proc/{pid}")
        self.reset()

    def reset(self) -> None:
        self.processor_then, self.memory_then = self.processor(), self.memory()
        self.switches_then = self.switches()

    def processor(self) -> float:
        """Seconds of processor time, to the microsecond."""
        return sum(int(file.read_text().split()[0])
                   for file in self.folder.glob("task/*/schedstat")) / ONE

    def status(self, word: str) -> int:
        return int(re.search(rf"^{word}:\s+(\d+)", (self.folder / "status").read_text(),
                             re.M).group(1))

    def memory(self) -> int:
        """Resident memory in octets."""
        return self.status("VmRSS") * 1024

    def switches(self) -> int:
        return self.status("voluntary_ctxt_switches")

    def spent(self) -> float:
        return self.processor() - self.processor_then

    def grown(self) -> int:
        return self.memory() - self.memory_then

    def woken(self) -> int:
        return self.switches() - self.switches_then


# Tools --------------------------------------------------------------------


class Tool:
    """A program that obeys commands, each answered by one line."""

    def __init__(self, host: Namespace, *words: str) -> None:
        self.child = subprocess.Popen(
            ["ip", "netns", "exec", host.name, *words], stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, text=True, bufsize=1)
        pin(self.child.pid, False)
        self.lock = threading.Lock()
        host.lab.on_close(self.close)

    def ask(self, *words: Any) -> list[Any]:
        """The words of the answer, numbers as numbers."""
        with self.lock:
            try:
                self.child.stdin.write(" ".join(map(str, words)) + "\n")
            except BrokenPipeError:
                raise LabError(f"the tool asked for {words} has ended") from None
            answer = self.child.stdout.readline().split()
        if not answer:
            raise LabError(f"the tool asked for {words} has ended")
        return [int(word) if word.lstrip("-").isdigit() else word for word in answer]

    def until(self, *words: Any, seconds: float = PATIENCE) -> tuple[float | None, int]:
        """Waits for a count; returns the moment it was reached, or None, and the count."""
        answer = self.ask("until", *words, int(seconds * 1000))
        return (answer[1] / ONE if answer[0] == "reached" else None), answer[2]

    def close(self) -> None:
        self.child.stdin.close()
        try:
            self.child.wait(5)
        except subprocess.TimeoutExpired:
            self.child.kill()
            self.child.wait()
        self.child.stdout.close()


class Neighbours(Tool):
    """Neighbours on one link: see neighbour.c."""

    def __init__(
        self, host: Namespace, interface: str = "l0", count: int = 1, hello: float = 1
    ) -> None:
        if count > 1:
            host.batch([f"addr add fe80::{2 + i:x}/64 dev {interface} nodad"
                        for i in range(1, count)])
        self.count = count
        super().__init__(
            host, tool("neighbour"), interface, "2", str(count), str(round(hello * 100)))

    def adjacent(self, seconds: float = 30) -> None:
        answer = self.ask("adjacent", self.count, int(seconds * 1000))
        if answer[0] != "reached":
            raise LabError(f"{answer[2]} of {self.count} neighbours are heard")

    def announce(
        self, count: int, metric: int = 0, first: int = 0, who: int = 0, shuffled: bool = False
    ) -> tuple[float, float]:
        """Begin and end of saying it."""
        answer = self.ask("announce", who, first, count, metric, int(shuffled))
        return answer[1] / ONE, answer[2] / ONE


class Watch(Tool):
    """Follows the kernel's routes of all contestants: see routes.c."""

    def __init__(self, host: Namespace, protocols: list[int] = (42, 12)) -> None:
        super().__init__(host, tool("routes"), "watch", *map(str, protocols))
        self.gaps()  # its answer says that it listens

    def gaps(self) -> tuple[float, int, int]:
        """Since the last call: the longest time without a route, prefixes without one now, and
        the fewest routes."""
        _, longest, missing, fewest = self.ask("gaps")
        return longest / ONE, missing, fewest


def write_routes(
    host: Namespace, count: int, form: str, gateway: str = "-", interface: str = "lo",
    protocol: int = 4, second: int = 0x91
) -> tuple[float, float, float]:
    """Adds or removes kernel routes at once; returns begin, end and seconds of the processor."""
    words = [tool("routes"), "write", str(protocol), f"{second:x}", "0", str(count), gateway,
             interface, form]
    if len(CPUS) > 1:
        words = ["taskset", "-c", str(CPUS[0]), *words]
    _, begin, end, spent = host.execute(*words).split()
    return int(begin) / ONE, int(end) / ONE, int(spent) / ONE


# Jitter lets a Hello be due so many intervals after the one before it.
DUE = {"ours": LATEST, "static": LATEST, "babeld": 1.25, "bird": 1.0}


def hello_watch(far: Namespace) -> HelloWatch:
    """Watches the daemon at the other end of a link, on a processor that is not the daemon's."""
    watch = HelloWatch(far, "l0")
    pin(watch.thread.native_id, False)
    return watch


def latest(watch: HelloWatch, who: str) -> Values:
    """By how much the latest Hello came after the moment at which it was due at most; None if
    fewer than two came."""
    late = watch.lateness(0, DUE.get(who, LATEST))
    return {report.LATE: 1000 * max(late) if late else None}


# The daemon in the middle --------------------------------------------------


class World:
    """A daemon with neighbours on one link or more, and what follows its routes."""

    def __init__(
        self, lab: Lab, who: str, links: int = 1, count: int = 1, hello: float = 1, **how: Any
    ) -> None:
        self.lab, self.who = lab, who
        self.host = lab.namespace("a")
        self.host.forward()
        self.fars = [lab.namespace("bcd"[number]) for number in range(links)]
        self.links = [lab.veth(self.host, far, (f"l{number}", "l0"))
                      for number, far in enumerate(self.fars)]
        self.watch = Watch(self.host)
        self.node = started(who, self.host, [f"l{number}" for number in range(links)], **how)
        pin(self.node.process.child.pid, True)
        self.neighbours = [Neighbours(far, count=count, hello=hello) for far in self.fars]
        for neighbours in self.neighbours:
            neighbours.adjacent()
        # A route is taken from a neighbour only when both sides have finite costs.
        wait_until(lambda: len(self.node.neighbours()) >= links * count, 30,
                   "the daemon hears all neighbours")
        self.meter = Meter(self.node.process.child.pid)
        # Of two links the first goes down in some rows.
        self.hellos = hello_watch(self.fars[-1])

    def late(self) -> Values:
        return latest(self.hellos, self.who)

    def pace(self) -> None:
        """From now on the neighbours wait while the daemon has much to read."""
        for neighbours in self.neighbours:
            neighbours.ask("pace", f"/proc/{self.node.process.child.pid}/net/udp6")

    def learn(self, count: int, which: int = 0, metric: int = 0, shuffled: bool = False) -> float:
        """Has the daemon learn so many prefixes; returns when the neighbour began. What was lost
        on the way is said again."""
        self.pace()
        begin, _ = self.neighbours[which].announce(count, metric, shuffled=shuffled)
        return begin

    def settle(self, count: int, interface: str = "-", which: int = 0, metric: int = 0) -> float:
        """Waits until so many prefixes lead to an interface, and returns when that was."""
        for _ in range(4):
            moment, found = self.watch.until(count, interface, seconds=PATIENCE / 4)
            if moment is not None:
                return moment
            self.neighbours[which].announce(count, metric)
        raise LabError(f"{found} of {count} routes are there")

    def sent(self, interface: str = "l0") -> int:
        """Octets that left by an interface of the daemon's machine."""
        path = f"/sys/class/net/{interface}/statistics/tx_bytes"
        return int(self.host.execute("cat", path))
