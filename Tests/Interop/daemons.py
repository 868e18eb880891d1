"""The daemons that take part: swabeld, babeld and BIRD."""

from __future__ import annotations

import os
import pathlib
import re
import signal
import socket
import time
from typing import Any

from netns import REPOSITORY, LabError, Namespace, Process, next_serial, wait_until


def binary_under_test() -> str:
    """The program named by SWABELD, else the product of the release build."""
    return os.environ.get("SWABELD") or str(REPOSITORY / ".build/release/swabeld")


class Control:
    """A connection to the local socket."""

    def __init__(self, path: str, timeout: float = 10) -> None:
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.socket.settimeout(timeout)
        self.socket.connect(path)
        self.pending = b""
        self.banner = self.reply()

    def line(self) -> str | None:
        """The next line, or None at the end of the connection."""
        while b"\n" not in self.pending:
            data = self.socket.recv(65536)
            if not data:
                return None
            self.pending += data
        line, _, self.pending = self.pending.partition(b"\n")
        return line.decode()

    def reply(self) -> list[str]:
        """Lines up to and with the status line (ok, bad, no …)."""
        lines = []
        while True:
            line = self.line()
            if line is None:
                raise LabError(f"the local socket was closed after {lines[-3:]}")
            lines.append(line)
            if line in ("ok", "bad") or line.startswith("no "):
                return lines

    def ask(self, request: str) -> list[str]:
        self.socket.sendall(request.encode() + b"\n")
        return self.reply()

    def close(self) -> None:
        self.socket.close()

    def __enter__(self) -> Control:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def fields(line: str) -> dict[str, str]:
    """`add neighbour 1f address fe80::1 if l0 …` as a dictionary."""
    words = line.split()
    start = {"interface": 3, "neighbour": 3, "xroute": 3, "route": 3}.get(words[1], 2)
    found = {"event": words[0], "kind": words[1], "key": words[2]}
    found.update(zip(words[start::2], words[start + 1::2]))
    return found


class Babeld:
    """babeld, or a program that is to be its equal."""

    proto = 42
    program = "babeld"
    # babeld 1.12 retracts another prefix than the one withdrawn. So its neighbours have to wait
    # until the route expires (3.5 update intervals).
    withdraws_within = 35

    def __init__(
        self, namespace: Namespace, interfaces: list[str], own: list[str] = (),
        parameters: str = "type wired hello-interval 1 update-interval 4",
        statements: list[str] = (), first: list[str] = (), local: str = "-G",
        wrapper: list[str] = ()
    ) -> None:
        self.namespace = namespace
        self.interfaces = interfaces
        self.control_path = str(namespace.lab.directory / f"{next_serial()}.sock")
        lines = [f"default {parameters}", *first] if parameters else list(first)
        for prefix in own:
            lines += [f"redistribute local ip {prefix} allow", f"redistribute ip {prefix} allow"]
        lines += ["redistribute local deny", "redistribute deny", *statements]
        self.words = [*wrapper, self.binary(), "-I", "", "-S", "", local, self.control_path]
        for line in lines:
            self.words += ["-C", line]
        self.words += interfaces
        self.process: Process | None = None
        self.start()

    def binary(self) -> str:
        return self.program

    def start(self, wait: bool = True) -> None:
        pathlib.Path(self.control_path).unlink(missing_ok=True)
        self.process = Process(self.namespace, self.program, self.words)
        if wait:
            wait_until(self.ready, 10, f"{self.program} opens its local socket", every=0.02)

    def ready(self) -> bool:
        if not self.process.alive:
            raise LabError(f"{self.program} ended at once: {self.process.text()[-2000:]}")
        try:  # the name is there a moment before anybody listens
            with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as trial:
                trial.connect(self.control_path)
            return True
        except OSError:
            return False

    def stop(self, number: int = signal.SIGTERM) -> int:
        return self.process.stop(number)

    def kill(self) -> None:
        """SIGKILL. What babeld leaves in the kernel confuses the next babeld: it is removed."""
        self.process.stop(signal.SIGKILL)
        if os.path.basename(self.binary()) == "babeld":
            for family in ("-4", "-6"):
                self.namespace.ip(family, "route", "flush", "proto", "42", check=False)

    def control(self) -> Control:
        return Control(self.control_path)

    def tables(self, request: str = "dump") -> bytes:
        """All that `dump` or `monitor` says at first, as fast as it comes."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as link:
            link.connect(self.control_path)
            link.sendall(request.encode() + b"\n")
            # The greeting and the answer each end so.
            text = bytearray()
            while not text.endswith(b"\nok\n") or text.count(b"\nok\n") < 2:
                data = link.recv(1 << 20)
                if not data:
                    raise LabError("the daemon closed the connection")
                text += data
        return bytes(text)

    def dump(self, kind: str | None = None) -> list[dict[str, str]]:
        """The objects of a `dump`, all or those of one kind."""
        with self.control() as control:
            rows = [fields(line) for line in control.ask("dump")[:-1]]
        return [row for row in rows if kind in (None, row["kind"])]

    def neighbours(self) -> list[dict[str, str]]:
        """The neighbours with a finite cost."""
        return [row for row in self.dump("neighbour") if int(row["cost"]) < 65535]

    def announce(self, prefix: str) -> None:
        self.namespace.ip("route", "add", prefix, "dev", "lo", "proto", "static")

    def withdraw(self, prefix: str) -> None:
        self.namespace.ip("route", "del", prefix, "dev", "lo", "proto", "static")

    def memory(self) -> int:
        """Resident memory in kilobytes."""
        status = pathlib.Path(f"/proc/{self.process.child.pid}/status").read_text()
        return int(re.search(r"VmRSS:\s+(\d+)", status).group(1))


class Swabeld(Babeld):
    """The daemon under test."""

    program = "swabeld"
    withdraws_within = 35 if os.path.basename(binary_under_test()) == "babeld" else 5

    def binary(self) -> str:
        return binary_under_test()


class Bird:
    """BIRD 2 with a babel protocol."""

    proto = 12
    program = "bird"
    withdraws_within = 10
    # Whether it announces also what others put into the kernel's tables.
    learns = False

    def __init__(self, namespace: Namespace, interfaces: list[str], options: str = "") -> None:
        self.namespace = namespace
        self.options = options
        self.prefixes: list[str] = []
        directory = namespace.lab.directory
        number = next_serial()
        self.file = directory / f"bird{number}.conf"
        self.control_path = str(directory / f"bird{number}.ctl")
        self.interfaces = interfaces
        self.process: Process | None = None
        self.write()
        self.start()

    def binary(self) -> str:
        return self.program

    def write(self) -> None:
        parts = [
            "log stderr all;", "router id 10.0.0.99;", "protocol device { scan time 1; }"]
        learn, kernel = ("learn; ", "all") if self.learns else ("", "none")
        for family in (4, 6):
            parts.append(
                f"protocol kernel kernel{family} {{ {learn}ipv{family} {{ import {kernel}; "
                "export where source = RTS_BABEL; }; }")
        for index, prefix in enumerate(self.prefixes):
            family = 6 if ":" in prefix else 4
            parts.append(
                f"protocol static own{index} {{ ipv{family}; route {prefix} unreachable; }}")
        names = ", ".join(f'"{name}"' for name in self.interfaces)
        sources = ["RTS_STATIC", "RTS_BABEL", *(["RTS_INHERIT"] if self.learns else [])]
        channel = f"{{ import all; export where source ~ [{', '.join(sources)}]; }};"
        parts.append(
            f"protocol babel {{ ipv4 {channel} ipv6 {channel}"
            f" interface {names} {{ type wired; hello interval 1 s; update interval 4 s;"
            f" {self.options} }}; }}")
        self.file.write_text("\n".join(parts) + "\n")

    def start(self, wait: bool = True) -> None:
        self.process = Process(
            self.namespace, "bird",
            [self.binary(), "-f", "-c", str(self.file), "-s", self.control_path,
             "-P", f"{self.control_path}.pid"])
        if wait:
            wait_until(self.ready, 10, "bird answers", every=0.1)

    def ready(self) -> bool:
        if not self.process.alive:
            raise LabError(f"bird ended at once: {self.process.text()}")
        return "Daemon is up" in self.birdc("show", "status", check=False)

    def birdc(self, *words: str, check: bool = True) -> str:
        client = self.binary().removesuffix("bird") + "birdc"
        return self.namespace.execute(client, "-s", self.control_path, *words, check=check)

    def stop(self, number: int = signal.SIGTERM) -> int:
        return self.process.stop(number)

    def kill(self) -> None:
        self.process.stop(signal.SIGKILL)

    def neighbours(self) -> list[str]:
        """Addresses of the neighbours BIRD counts as usable."""
        rows = [line.split() for line in self.birdc("show", "babel", "neighbors").splitlines()]
        return [
            row[0] for row in rows if len(row) > 3 and row[0].startswith("fe80")
            and row[2].isdigit() and int(row[2]) < 65535]

    def announce(self, prefix: str) -> None:
        if prefix not in self.prefixes:
            self.prefixes.append(prefix)
            self.write()
            self.birdc("configure")
        else:
            self.birdc("enable", f"own{self.prefixes.index(prefix)}")

    def withdraw(self, prefix: str) -> None:
        self.birdc("disable", f"own{self.prefixes.index(prefix)}")


def settle(*daemons: Any) -> float:
    """Waits until every daemon has a usable neighbour; returns the seconds that took."""
    start = time.monotonic()
    for daemon in daemons:
        wait_until(daemon.neighbours, 20, f"{daemon.program} has a usable neighbour")
    return time.monotonic() - start
