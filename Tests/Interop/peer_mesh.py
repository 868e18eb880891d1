"""Machines whose WireGuard interfaces have several peers each."""

from __future__ import annotations

import base64
import hashlib
import ipaddress
import pathlib
import socket
import threading
import time

from daemons import Swabeld
from netns import Lab, LabError, Namespace, next_serial, run

PORT = 51820
QUICK = "hello-interval 1 update-interval 4"
PACKET_OUTGOING = 4


def derived(key: str) -> str:
    """The link-local address that follows from a public key."""
    digest = hashlib.sha256(b"swabeld link-local" + base64.b64decode(key)).digest()
    return str(ipaddress.IPv6Address(b"\xfe\x80" + bytes(6) + digest[:8]))


class Keeper(Swabeld):
    """A daemon with a state file and a configuration that can be changed."""

    def __init__(self, host: Namespace, device: str, statements: list[str],
                 words: str = "wireguard-peers true") -> None:
        self.namespace = host
        self.device = device
        number = next_serial()
        self.directory = host.lab.directory / f"keeper{number}"
        self.directory.mkdir()
        self.control_path = str(self.directory / "socket")
        self.file = self.directory / "babeld.conf"
        self.statements = statements
        self.changed = 0
        self.write(words)
        self.words = [self.binary(), "-I", "", "-S", str(self.directory / "state"), "-G",
                      self.control_path, "-c", str(self.file)]
        self.process = None
        self.start()

    def write(self, words: str) -> None:
        self.parameters = words
        lines = [f"interface {self.device} {QUICK} {words}", *self.statements,
                 "redistribute local deny"]
        self.file.write_text("\n".join(lines) + "\n")

    def change(self, *first: str) -> None:
        """Puts statements in front of the others, in place of those that were put there last."""
        self.statements = [*first, *self.statements[self.changed:]]
        self.changed = len(first)
        self.write(self.parameters)
        answer = self.ask("reload")
        if answer[-1] != "ok":
            raise LabError(f"reload: {answer}")

    def ask(self, request: str) -> list[str]:
        with self.control() as control:
            return control.ask(request)


class Machine:
    """A host with a WireGuard interface."""

    def __init__(self, host: Namespace, number: int, device: str, port: int = PORT) -> None:
        self.host = host
        self.number = number
        self.device = device
        self.port = port
        self.private = run("wg", "genkey").strip()
        self.key = run("wg", "pubkey", stdin=self.private).strip()
        self.address = derived(self.key)
        self.outside = f"10.70.0.{number}"
        self.inside = [f"10.9{number}.0.1", f"fd9{number}::1"]
        self.node: Keeper | None = None
        host.lab.wireguard_device(host, device)
        secret = host.lab.directory / f"{device}.key"
        secret.write_text(self.private)
        host.execute("wg", "set", device, "private-key", str(secret), "listen-port", str(port))
        host.batch([f"link set {device} mtu 1420", f"link set {device} addrgenmode none",
                    f"link set {device} up"])

    def allowed(self) -> dict[str, set[str]]:
        """The allowed-ips of each peer, by its key."""
        found: dict[str, set[str]] = {}
        for line in self.host.execute("wg", "show", self.device, "allowed-ips").splitlines():
            key, _, rest = line.partition("\t")
            found[key] = set(rest.split()) - {"(none)"}
        return found

    def prefixes(self) -> set[str]:
        return {f"10.9{self.number}.0.1/32", f"fd9{self.number}::1/128"}

    def begin(self, *statements: str, words: str = "wireguard-peers true") -> Keeper:
        own = [f"redistribute local ip 10.9{self.number}.0.0/16 allow",
               f"redistribute local ip fd9{self.number}::/32 allow"]
        self.node = Keeper(self.host, self.device, [*own, *statements], words)
        return self.node

    def peer(self, other: Machine, *words: str) -> None:
        """Makes another machine a peer of this one, or changes it."""
        self.host.execute("wg", "set", self.device, "peer", other.key, "endpoint",
                          f"{other.outside}:{other.port}", *words)

    def via(self) -> dict[str, str]:
        """The gateway of each route."""
        return {r["dst"]: r.get("gateway") or r.get("via", {}).get("host", "")
                for r in self.host.routes() if r.get("type", "unicast") == "unicast"}


class PeerMesh:
    """Machines on one network outside, and tunnels between some of them."""

    def __init__(self, lab: Lab, names: str, pairs: list[str] | None = None) -> None:
        switch = lab.namespace("switch")
        switch.ip("link", "add", "br0", "type", "bridge")
        switch.ip("link", "set", "br0", "up")
        serial = next_serial()
        self.machines: dict[str, Machine] = {}
        for number, name in enumerate(names, start=1):
            host = lab.namespace(name)
            host.ip("link", "add", "u0", "type", "veth", "peer", "name", f"p{number}",
                    "netns", switch.name)
            host.batch(["link set u0 up", f"addr add 10.70.0.{number}/24 dev u0"])
            switch.batch([f"link set p{number} master br0", f"link set p{number} up"])
            machine = Machine(host, number, f"wg{serial}{name}")
            host.own(*machine.inside)
            host.forward()
            self.machines[name] = machine
        for pair in pairs or [a + b for a in names for b in names if a < b]:
            self.join(*pair)

    def __getitem__(self, name: str) -> Machine:
        return self.machines[name]

    def __iter__(self):
        return iter(self.machines.values())

    def join(self, a: str, b: str) -> None:
        self[a].peer(self[b])
        self[b].peer(self[a])

    def further(self, names: str) -> list[Machine]:
        """Second interfaces of some machines, whose peers are one another."""
        machines = [Machine(self[name].host, self[name].number, f"{self[name].device}2", PORT + 1)
                    for name in names]
        for one in machines:
            for other in machines:
                if one is not other:
                    one.peer(other)
        return machines

    def cut(self, a: str, b: str) -> None:
        """Nothing passes between two machines outside any more."""
        for one, other in ((a, b), (b, a)):
            self[one].host.execute(
                "nft", "-f", "-",
                stdin="table inet cut { chain c { type filter hook input priority 0; "
                f"ip saddr {self[other].outside} drop\n}}\n}}\n")

    def mend(self) -> None:
        for machine in self:
            machine.host.execute("nft", "delete", "table", "inet", "cut", check=False)

    def state(self) -> str:
        text = ""
        for name, machine in self.machines.items():
            text += f"\n{name} {machine.address} {machine.key}\n"
            text += machine.host.execute("wg", "show", machine.device)
            text += machine.host.ip("-6", "route") + machine.host.ip("route")
            if machine.node:
                text += "\n".join(machine.node.ask("show neighbours")
                                  + machine.node.ask("show routes"))
        return text


class Watch:
    """Notes the destinations of what comes out of a tunnel."""

    def __init__(self, machine: Machine) -> None:
        self.seen: dict[str, int] = {}
        self.ended = threading.Event()

        def opened() -> socket.socket:
            raw = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(3))
            raw.bind((machine.device, 3))
            raw.setsockopt(socket.SOL_SOCKET, 33, 32 << 20)  # SO_RCVBUFFORCE
            raw.settimeout(0.1)
            return raw

        self.socket = machine.host.enter(opened)
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self) -> None:
        while not self.ended.is_set():
            try:
                data, source = self.socket.recvfrom(64)
            except TimeoutError:
                continue
            except OSError:  # the tunnel is gone
                return
            if source[2] == PACKET_OUTGOING or len(data) < 40 - 20:
                continue
            if data[0] >> 4 == 4:
                target = str(ipaddress.IPv4Address(data[16:20]))
            else:
                target = str(ipaddress.IPv6Address(data[24:40]))
            self.seen[target] = self.seen.get(target, 0) + 1

    def end(self) -> dict[str, int]:
        time.sleep(0.3)  # what is on its way is to be seen
        self.ended.set()
        self.thread.join()
        self.socket.close()
        return self.seen


def file_of(machine: Machine) -> pathlib.Path:
    """What a daemon writes down for the next one."""
    return machine.node.directory / "state.swabeld"
