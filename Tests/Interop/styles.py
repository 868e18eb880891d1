"""How distributions, router firmware and scripts start a Babel daemon, on a machine with files of
its own between two real neighbours: it starts, reads an edited file again, and is stopped."""

from __future__ import annotations

import dataclasses
import json
import os
import pathlib
import re
import signal
import sys
from typing import Any

from daemons import Babeld, Swabeld
from netns import REPOSITORY, Lab, Namespace, Process, next_serial, wait_until
from test_readme import Host

SANDBOX = (f"{sys.executable} {REPOSITORY / 'Tests/Interop/sandbox.py'} "
           "--unit /etc/systemd/babeld.service --")
# What the neighbours announce; the second one is beyond an interface that is added later.
FIRST = {"10.92.0.1/32", "10.93.0.1/32", "fd92::1/128", "fd93::1/128", "fd94::/64"}
SECOND = {"10.98.0.1/32", "fd98::1/128"}
# The addresses of the machine, and routes that other programs put into its kernel.
OWN = {"10.91.0.1/32", "fd91::1/128", "fd91::2/128"}
OTHERS = ["link set lan0 addrgenmode none", "link set lan1 addrgenmode none",
          "link set lan0 up", "link set lan1 up", "route add default dev lan0",
          "route add ::/0 dev lan0 proto boot", "route add fd97::/64 dev lan0 proto static",
          "route add 10.97.0.0/16 dev lan0 proto static",
          "route add 10.96.0.0/16 dev lan0 table 114 proto 114",
          "route add fd96::/64 dev lan0 table 114 proto 114"]
SHOWN = "10.255.0.0/16"
SETTINGS = [f"{name}/forwarding" for name in ("ipv4/conf/all", "ipv6/conf/all")] + [
    "ipv4/conf/all/rp_filter", "ipv6/conf/all/accept_redirects"]


@dataclasses.dataclass(frozen=True)
class Style:
    """One way to start the daemon, an edit of one of its files, and what follows from that.

    `here` are the routes of the machine's kernel, `there` those of its first neighbour; of
    `changes`, a word `-P` is a prefix that goes, `+P` one that comes and `~P` one that only looks
    different afterwards."""

    command: str
    files: dict[str, str]
    edit: tuple[str, str, str]  # file, text that goes (none: at the end), text that comes
    reload: str  # a command, or HUP
    changes: str = ""  # here
    announced: str = ""  # there
    here: frozenset[str] | set[str] = frozenset(FIRST)
    there: frozenset[str] | set[str] = frozenset(OWN)
    links: tuple[str, str] = ("eth0", "eth1")
    socket: str = ""
    pid: str = ""
    state: str = ""
    log: str = ""
    unit: str = ""  # settings of systemd's unit, if a sandbox belongs to the style


def change(words: str, signs: str) -> set[str]:
    """The prefixes of some kinds of change."""
    return {word[1:] for word in words.split() if word[0] in signs}


def table(namespace: Namespace) -> dict[tuple[str, str, int], dict[str, Any]]:
    """The routes that Babel made there, whole."""
    text = namespace.ip("-j", "-d", "route", "show", "table", "all", "proto", "42")
    found = {}
    for row in json.loads(text or "[]"):
        row["dst"] = whole(row["dst"], "pref" in row)
        if row["type"] == "unicast":
            found[row["dst"], str(row.get("table")), row.get("metric")] = row
    return found


def reaches(namespace: Namespace) -> set[str]:
    """Where these routes lead."""
    return {key[0] for key in table(namespace)}


def whole(word: str, is_ipv6: bool) -> str:
    """A prefix with its length, which `ip` leaves out where it can."""
    if word == "default":
        return "::/0" if is_ipv6 else "0.0.0.0/0"
    return word if "/" in word else word + ("/128" if ":" in word else "/32")


class Watch:
    """What happens to the kernel's routes of one machine from now on."""

    def __init__(self, namespace: Namespace) -> None:
        self.namespace = namespace
        self.before = table(namespace)
        self.monitor = Process(namespace, "monitor", ["ip", "monitor", "route"])
        wait_until(self.sees, 5, "the monitor sees something")

    def sees(self) -> bool:
        """Whether the monitor is there already; it is shown a route that nobody looks at."""
        self.namespace.batch([f"route {word} {SHOWN} dev lo table 999" for word in ("add", "del")])
        return SHOWN in self.monitor.text()

    def changed(self, words: str) -> bool:
        """Whether the table has become what the words say, and is else the same to the letter."""
        after = table(self.namespace)
        gone, new = self.before.keys() - after.keys(), after.keys() - self.before.keys()
        other = {key for key in self.before.keys() & after.keys()
                 if self.before[key] != after[key]}
        found = [{key[0] for key in keys} for keys in (gone, new, other)]
        return found == [change(words, sign) for sign in "-+~"]

    def touched(self) -> set[str]:
        """The destinations of all routes that anybody changed meanwhile."""
        found = set()
        for line in self.monitor.text().splitlines():
            words = [word for word in line.split() if word not in (
                "Deleted", "unicast", "unreachable", "local", "throw")]
            if words and words[0] != "Error:":  # `ip` complains of namespaces that go meanwhile
                found.add(whole(words[0], "pref" in words))
        return found - {SHOWN}


class Life:
    """A machine on which the daemon is started in some style."""

    def __init__(self, lab: Lab, style: Style) -> None:
        self.lab, self.style = lab, style
        self.host = Host(lab, "n")
        self.n = self.host.namespace
        self.first = self.neighbour(0)
        self.a = self.first.namespace
        if SECOND & (style.here | change(style.changes, "+")):
            self.neighbour(1)
        self.n.batch(["link add lan0 type veth peer name lan1", *OTHERS])
        self.n.own(*(prefix.partition("/")[0] for prefix in OWN))
        self.host.paste("mount -t tmpfs -o mode=755 tmpfs /var; ln -s ../run /var/run",
                        "ln -s swabeld /run/bin/babeld")
        for directory in ("var/lib/babeld", "var/log", "var/etc", "run/babeld", "etc/store"):
            (self.host.root / directory).mkdir(parents=True)
        for name, text in style.files.items():
            self.write(name, text)
        self.settings = self.sysctls()
        self.foreground: Process | None = None

    def neighbour(self, index: int) -> Babeld:
        """Makes a link, and a daemon on its other end."""
        other = self.lab.namespace("ab"[index])
        self.lab.veth(self.n, other, (self.style.links[index], "l0"), ipv4=False)
        prefixes = (FIRST, SECOND)[index]
        other.batch([f"route add {prefix} dev lo proto static" for prefix in prefixes])
        return (Babeld, Swabeld)[index](other, ["l0"], own=sorted(prefixes))

    def file(self, name: str) -> pathlib.Path:
        """A file of the machine as it is seen from here."""
        return self.host.root / name.removeprefix("/")

    def write(self, name: str, text: str) -> None:
        """Writes a file, and its directory. On NixOS the content of a file never changes, but its
        name comes to lead to another file."""
        file = self.file(name)
        file.parent.mkdir(parents=True, exist_ok=True)
        if self.style.unit:
            stored = self.host.root / f"etc/store/{next_serial()}"
            stored.write_text(text)
            file.with_suffix(".new").symlink_to(os.path.relpath(stored, file.parent))
            file.with_suffix(".new").rename(file)
        else:
            file.write_text(text)

    def sysctls(self) -> list[str]:
        return [self.n.sysctl(name) for name in SETTINGS]

    @property
    def pid(self) -> int:
        """The process id of the daemon, from its pid file if nobody else knows it."""
        if self.foreground:
            return self.foreground.child.pid
        return int(self.file(self.style.pid).read_text())

    def text(self) -> str:
        """What the daemon has written."""
        log = self.style.log
        return self.file(log).read_text() if log else self.foreground.text()

    # The stages of a life ---------------------------------------------------

    def start(self) -> None:
        """Starts the daemon, and waits until routes are there on both sides."""
        self.launch()
        self.await_routes(self.style.here, self.style.there)
        wait_until(self.other_side, 10, "the neighbour hears us")

    def launch(self) -> None:
        """Starts the daemon as the system does; in the background it is ready then."""
        command = self.style.command
        if " -D " in command:
            self.host.paste(command)
            return
        if self.style.unit:
            self.write("/etc/systemd/babeld.service", self.style.unit)
            command = f"{SANDBOX} {command}"
        self.foreground = Process(self.n, "babeld", [
            "nsenter", f"--target={self.host.holder.child.pid}", "--mount", "bash", "-ec",
            f"PATH=/run/bin:$PATH; exec {command}"])

    def await_routes(self, here: set[str], there: set[str]) -> None:
        """Waits until the kernels have exactly these routes."""
        wait_until(
            lambda: reaches(self.n) == here and reaches(self.a) == there, 20,
            lambda: f"not {here} and {there}: {self.text()}", every=0.2)

    def edit(self) -> None:
        """Edits the file, or makes it."""
        name, old, new = self.style.edit
        file = self.file(name)
        former = file.read_text() if file.exists() else ""
        assert old in former
        text = former.replace(old, new) if old else former + new
        self.write(name, text)

    def reload(self) -> None:
        """Edits the file and reloads in the way of this style: what was edited is in force within
        seconds, no neighbour is lost, and no other route is touched."""
        style = self.style
        watches = [Watch(self.n), Watch(self.a)]
        before = self.ways(), self.other_side()
        self.edit()
        if style.reload == "HUP":
            os.kill(self.pid, signal.SIGHUP)
        else:
            answer = self.host.paste(style.reload)
            assert "0 neighbours lost" in answer, answer
        expected = style.changes, style.announced
        wait_until(lambda: all(watch.changed(words) for watch, words in zip(watches, expected)),
                   10, lambda: f"not {expected}: {self.text()}", every=0.2)
        routes, neighbours = self.ways()
        assert routes == reaches(self.n), "the daemon says what the kernel has"
        assert neighbours >= before[0][1] and self.other_side() == before[1], "none is lost"
        for watch, words in zip(watches, expected):
            wait_until(lambda: watch.touched() == change(words, "-+~"), 2, watch.monitor.text)

    def refused(self, command: str, status: int) -> str:
        """A command fails with a status; returns its complaint."""
        text = self.host.paste(f"{command} 2>&1 > /run/answer || echo status $?")
        assert text.endswith(f"status {status}\n"), text
        return text

    def ways(self) -> tuple[set[str], set[str]]:
        """The installed routes and the neighbours, as the daemon says, over its socket or in its
        log."""
        if self.style.socket:
            text = self.host.paste(f"swabelctl -s {self.style.socket} dump")
            routes = re.findall(r"(?m)^add route .* prefix (\S+) .*installed yes", text)
            return set(routes), set(re.findall(r"(?m)^add neighbour (\S+ \S+ \S+ if \S+)", text))
        mark = len(self.text())
        os.kill(self.pid, signal.SIGUSR1)
        wait_until(lambda: "My id" in self.text()[mark:], 3, "the tables are printed")
        text = self.text()[mark:]
        routes = re.findall(r"(?m)^(\S+) .*\(installed\)", text)
        return set(routes), set(re.findall(r"(?m)^Neighbour (\S+ dev \S+)", text))

    def other_side(self) -> list[tuple[str, str]]:
        """Who we are to the first neighbour: another entry would be another acquaintance."""
        return [(row["key"], row["address"]) for row in self.first.neighbours()]

    def stop(self, signal_number: int = signal.SIGTERM) -> None:
        """Stops the daemon; then all that it made is gone, but its state file."""
        number = self.pid
        os.kill(number, signal_number)
        if self.foreground:
            assert self.foreground.child.wait(5) == 0, self.text()
        command = pathlib.Path(f"/proc/{number}/cmdline")  # an orphan is waited for by nobody
        wait_until(lambda: not command.exists() or not command.read_bytes(), 5, "it is gone")
        assert not self.n.routes(), "routes are left"
        assert self.sysctls() == self.settings
        for name in (self.style.pid, self.style.socket if "/" in self.style.socket else ""):
            assert not name or not self.file(name).exists(), name
        if self.style.state:
            assert re.fullmatch(r"\d+\n", self.file(self.style.state).read_text())
        wait_until(lambda: not reaches(self.a), 5, "the neighbour takes our routes back")
