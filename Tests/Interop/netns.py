"""A laboratory of network namespaces: links, tunnels, processes, kernel tables.

Everything made through a `Lab` is removed by it, in reverse order, whatever happens. The lab
lives in private mount and process namespaces (see `run`), so that a killed run leaves nothing
behind either. Python's standard library only.
"""

from __future__ import annotations

import ctypes
import itertools
import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
from typing import Any, Callable

from patience import (  # noqa: F401: tests take them from here
    LabError, Result, findings, measured, narrow_waits, never, next_serial, run, stopping,
    wait_until)

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]

FILES = "/run/swabeld-lab"
CLONE_NEWNET = 0x40000000
MS_PRIVATE_RECURSIVE = (1 << 18) | 16384

libc = ctypes.CDLL(None, use_errno=True)


def prepare() -> None:
    """Gives this process its own /run/netns, /run/wireguard and a place for files; needs the
    mount namespace that `run` made."""
    if not os.environ.get("SWABELD_LAB"):
        raise LabError("start the tests with Tests/Interop/run (or make interop)")
    for directory in ("/run/netns", "/run/wireguard", FILES):
        os.makedirs(directory, exist_ok=True)
        if libc.mount(b"tmpfs", directory.encode(), b"tmpfs", 0, b"mode=755") != 0:
            raise LabError(f"mount {directory}: {os.strerror(ctypes.get_errno())}")
        libc.mount(b"none", directory.encode(), None, MS_PRIVATE_RECURSIVE, None)


def leftovers() -> list[str]:
    """What is still there although every lab is closed: namespaces, files, processes."""
    found = [f"network namespace {name}" for name in sorted(os.listdir("/run/netns"))]
    found += [f"file {FILES}/{name}" for name in sorted(os.listdir(FILES))]
    mine = os.getpid()
    try:  # orphans are ours to bury: this process is the first of its namespace
        while os.waitpid(-1, os.WNOHANG) != (0, 0):
            pass
    except ChildProcessError:
        pass
    for entry in os.listdir("/proc"):
        if entry.isdigit() and int(entry) != mine:
            try:
                words = pathlib.Path("/proc", entry, "cmdline").read_bytes().split(b"\0")
            except OSError:
                continue
            if words != [b""]:
                found.append("process " + b" ".join(words).decode(errors="replace"))
    return found


class Namespace:
    """One network namespace, that is, one machine of the laboratory."""

    def __init__(self, lab: Lab, name: str) -> None:
        self.lab = lab
        self.label = name
        self.name = f"sw{os.environ.get('SWABELD_LAB', os.getpid())}-{next_serial()}-{name}"
        run("ip", "netns", "add", self.name)
        lab.on_close(self.remove)
        self.ip("link", "set", "lo", "up")

    def remove(self) -> None:
        """Ends whatever still runs here (a script may have left a daemon), then the rest."""
        for word in run("ip", "netns", "pids", self.name, check=False).split():
            try:
                os.kill(int(word), signal.SIGKILL)
            except ProcessLookupError:
                pass
        run("ip", "netns", "del", self.name, check=False)

    def ip(self, *words: str, check: bool = True) -> str:
        """`ip` inside this namespace."""
        return run("ip", "-n", self.name, *words, check=check)

    def batch(self, lines: list[str], force: bool = False) -> None:
        """Many `ip` commands in one process."""
        options = ["-force"] if force else []
        run("ip", "-n", self.name, *options, "-batch", "-", stdin="\n".join(lines) + "\n",
            check=not force)

    def execute(self, *words: str, stdin: str | None = None, check: bool = True) -> str:
        """Any command inside this namespace, run to its end."""
        return run("ip", "netns", "exec", self.name, *words, stdin=stdin, check=check)

    def enter(self, action: Callable[[], Result]) -> Result:
        """Runs `action` in a thread that has entered this namespace; sockets it makes stay
        here wherever they are used afterwards."""
        box: dict[str, Any] = {}

        def body() -> None:
            try:
                handle = os.open(f"/run/netns/{self.name}", os.O_RDONLY | os.O_CLOEXEC)
                try:
                    if libc.setns(handle, CLONE_NEWNET) != 0:
                        raise LabError(f"setns: {os.strerror(ctypes.get_errno())}")
                finally:
                    os.close(handle)
                box["value"] = action()
            except BaseException as error:  # handed to the caller below
                box["error"] = error

        thread = threading.Thread(target=body)
        thread.start()
        thread.join()
        if "error" in box:
            raise box["error"]
        return box["value"]

    def sysctl(self, path: str, value: str | None = None) -> str:
        """Reads or writes net.PATH (with slashes)."""

        def body() -> str:
            # /proc/sys/net answers for the namespace of the reading thread.
            file = pathlib.Path("/proc/sys/net", path)
            if value is not None:
                file.write_text(value)
            return file.read_text().strip()

        return self.enter(body)

    def forward(self) -> None:
        """Lets this machine forward packets, as a router does."""
        self.sysctl("ipv4/conf/all/forwarding", "1")
        self.sysctl("ipv6/conf/all/forwarding", "1")
        self.sysctl("ipv4/conf/all/rp_filter", "0")
        self.sysctl("ipv4/conf/default/rp_filter", "0")

    def own(self, *addresses: str) -> None:
        """Puts addresses on lo, as /32 or /128."""
        lines = []
        for address in addresses:
            length = 128 if ":" in address else 32
            nodad = " nodad" if ":" in address else ""
            lines.append(f"addr add {address}/{length} dev lo{nodad}")
        self.batch(lines)

    def routes(self, proto: int | str = 42, family: int | None = None) -> list[dict[str, Any]]:
        """The kernel's routes of one protocol number, all tables."""
        found: list[dict[str, Any]] = []
        for version in (4, 6) if family is None else (family,):
            text = self.ip(
                f"-{version}", "-j", "-d", "route", "show", "table", "all", "proto", str(proto))
            for route in json.loads(text or "[]"):
                if route["dst"] == "default":
                    route["dst"] = "0.0.0.0/0" if version == 4 else "::/0"
                elif "/" not in route["dst"]:
                    route["dst"] += "/128" if ":" in route["dst"] else "/32"
                found.append(route)
        return found

    def reaches(self, proto: int | str = 42) -> set[str]:
        """The prefixes to which the kernel forwards (unicast routes only)."""
        return {r["dst"] for r in self.routes(proto) if r.get("type", "unicast") == "unicast"}

    def count(self, family: int, proto: int | str = 42) -> int:
        """How many unicast routes of one protocol number the main table has; cheap."""
        text = self.ip(f"-{family}", "route", "show", "proto", str(proto))
        return sum(1 for line in text.splitlines() if line and not line.startswith("unreach"))

    def ping(self, target: str, source: str | None = None, count: int = 1) -> bool:
        """Whether `target` answers within one second."""
        words = ["ping", "-n", "-c", str(count), "-i", "0.2", "-W", "1"]
        words += ["-I", source] if source else []
        try:
            self.execute(*words, target)
            return True
        except LabError:
            return False


class Link:
    """Two ends of a veth pair or of a tunnel, each with one link-local address of our choice."""

    def __init__(self, ends: list[tuple[Namespace, str]]) -> None:
        self.ends = ends
        self.underlay: Link | None = None

    def name(self, namespace: Namespace) -> str:
        """What the interface is called at this end."""
        return next(name for end, name in self.ends if end is namespace)

    def set(self, *words: str) -> None:
        """`ip link set` at both ends."""
        for namespace, name in self.ends:
            namespace.ip("link", "set", name, *words)


class Process:
    """A program running in a namespace, its output in a file."""

    def __init__(
        self, namespace: Namespace, title: str, words: list[str],
        environment: dict[str, str] | None = None
    ) -> None:
        self.namespace = namespace
        self.title = title
        self.words = words
        self.log = namespace.lab.directory / f"{next_serial()}-{namespace.label}-{title}.log"
        with self.log.open("wb") as output:
            self.child = subprocess.Popen(
                ["ip", "netns", "exec", namespace.name, *words], stdin=subprocess.DEVNULL,
                stdout=output, stderr=output, env={**os.environ, **(environment or {})},
                start_new_session=True)
        namespace.lab.on_close(self.end)
        namespace.lab.logs.append(self)

    @property
    def alive(self) -> bool:
        return self.child.poll() is None

    def text(self) -> str:
        return self.log.read_text(errors="replace")

    def stop(self, number: int = signal.SIGTERM, timeout: float = 10) -> int:
        """Sends a signal and returns the exit status."""
        if self.alive:
            self.child.send_signal(number)
        try:
            return self.child.wait(timeout)
        except subprocess.TimeoutExpired:
            raise LabError(f"{self.title} does not end within {timeout:g} s") from None

    def end(self) -> None:
        """Ends the process, gently if it lets us."""
        if self.alive:
            self.child.terminate()
            try:
                self.child.wait(3)
            except subprocess.TimeoutExpired:
                self.child.kill()
                self.child.wait()


class Lab:
    """Owner of everything a test makes. Use as a context manager."""

    kernel_wireguard: bool | None = None

    def __init__(self, title: str = "lab") -> None:
        self.title = title
        self.undo: list[Callable[[], None]] = []
        self.logs: list[Process] = []
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix=f"{title[:20]}-", dir=FILES))
        self.on_close(lambda: shutil.rmtree(self.directory, ignore_errors=True))
        self.networks = itertools.count(1)

    def on_close(self, action: Callable[[], None]) -> None:
        self.undo.append(action)

    def close(self) -> None:
        while self.undo:
            action = self.undo.pop()
            try:
                action()
            except Exception as error:  # go on: the rest must be removed too
                print(f"{self.title}: while cleaning up: {error}")

    def __enter__(self) -> Lab:
        return self

    def __exit__(self, kind: Any, error: BaseException | None, trace: Any) -> None:
        if isinstance(error, AssertionError):
            error.args = (f"{error}{self.report()}",)
        self.close()

    def report(self) -> str:
        """The last lines of every log and the routes of every namespace."""
        parts = []
        for process in self.logs:
            if process.title == "wireguard-go" and process.alive:
                continue
            state = "running" if process.alive else f"ended with {process.child.returncode}"
            tail = "".join(f"    {line}\n" for line in process.text().splitlines()[-15:])
            parts.append(f"\n  {process.namespace.label} {process.title} ({state})\n{tail}")
        for namespace in {id(p.namespace): p.namespace for p in self.logs}.values():
            shown = "".join(
                f"    {line}\n" for family in ("-4", "-6") for line in
                namespace.ip(family, "route", check=False).splitlines()[:12])
            parts.append(f"\n  {namespace.label} routes\n{shown}")
        return "".join(parts)

    def namespace(self, name: str) -> Namespace:
        return Namespace(self, name)

    # Links ------------------------------------------------------------------

    def veth(
        self, a: Namespace, b: Namespace, names: tuple[str, str] = ("l0", "l0"),
        mtu: int = 1500, ipv4: bool = True, link_local: bool = True
    ) -> Link:
        """A cable between two machines: fe80::1 and fe80::2, and 10.77.N.1 and .2."""
        number = next(self.networks)
        a.ip("link", "add", names[0], "mtu", str(mtu), "netns", a.name, "type", "veth",
             "peer", "name", names[1], "mtu", str(mtu), "netns", b.name)
        link = Link([(a, names[0]), (b, names[1])])
        for host, (end, name) in enumerate(link.ends, start=1):
            lines = [f"link set {name} addrgenmode none", f"link set {name} up"]
            if link_local:
                lines.append(f"addr add fe80::{host}/64 dev {name} nodad")
            if ipv4:
                lines.append(f"addr add 10.77.{number}.{host}/24 dev {name}")
            end.batch(lines)
        return link

    def wireguard(
        self, a: Namespace, b: Namespace, names: tuple[str, str] | None = None,
        mtu: int = 1420, underlay: Link | None = None, ipv4: bool = False
    ) -> Link:
        """A WireGuard tunnel over a cable of its own (or a given underlay): the kernel's if
        there is one, else wireguard-go. Every address may pass; fe80::1 and fe80::2 by hand;
        with `ipv4` also 10.78.N.1 and .2, for daemons without IPv6 next hops."""
        number = next_serial()
        names = names or (f"wg{number}a", f"wg{number}b")
        if underlay is None:
            underlay = self.veth(a, b, (f"u{number}", f"u{number}"), link_local=False)
        hosts = self.addresses_of(underlay)
        private = [run("wg", "genkey").strip() for _ in names]
        public = [run("wg", "pubkey", stdin=key).strip() for key in private]
        for index, (end, name) in enumerate(((a, names[0]), (b, names[1]))):
            self.wireguard_device(end, name)
            configuration = (
                f"[Interface]\nPrivateKey = {private[index]}\nListenPort = {50000 + number}\n"
                f"[Peer]\nPublicKey = {public[1 - index]}\nAllowedIPs = 0.0.0.0/0, ::/0\n"
                f"Endpoint = {hosts[1 - index]}:{50000 + number}\n")
            file = self.directory / f"{name}-{number}-{index}.conf"
            file.write_text(configuration)
            end.execute("wg", "setconf", name, str(file))
            end.batch([
                f"link set {name} mtu {mtu}", f"link set {name} addrgenmode none",
                f"link set {name} up", f"addr add fe80::{index + 1}/64 dev {name} nodad"])
            if ipv4:
                end.ip("addr", "add", f"10.78.{number & 255}.{index + 1}/24", "dev", name)
        link = Link([(a, names[0]), (b, names[1])])
        link.underlay = underlay
        return link

    def addresses_of(self, link: Link) -> tuple[str, str]:
        """The first IPv4 address of each end."""
        found = []
        for end, name in link.ends:
            rows = json.loads(end.ip("-4", "-j", "addr", "show", "dev", name))
            found.append(rows[0]["addr_info"][0]["local"])
        return found[0], found[1]

    def wireguard_device(self, end: Namespace, name: str) -> None:
        """Creates the device, in the kernel if it can, else through wireguard-go."""
        if Lab.kernel_wireguard is not False:
            try:
                end.ip("link", "add", name, "type", "wireguard")
                Lab.kernel_wireguard = True
                return
            except LabError:
                if Lab.kernel_wireguard:
                    raise
                Lab.kernel_wireguard = False
        process = Process(end, "wireguard-go", ["wireguard-go", "-f", name])
        control = pathlib.Path("/run/wireguard", f"{name}.sock")

        def ready() -> bool:
            if not process.alive:
                raise LabError(f"wireguard-go ended: {process.text()}")
            # Between bind and listen it exists and refuses everybody, and wg would remove it then.
            with socket.socket(socket.AF_UNIX) as client:
                return client.connect_ex(str(control)) == 0

        wait_until(ready, 10, f"wireguard-go makes {name}", every=0.02)
