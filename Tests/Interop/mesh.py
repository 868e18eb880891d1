"""A mesh that swabelmesh describes: machines on one network, some of them behind a NAT, which do
what the files say."""

from __future__ import annotations

import os
import pathlib
import re
import shutil
import signal

from host import CLOSED, Host
from netns import REPOSITORY, LabError, Process, run, wait_until

MESHES_WITHIN = 60


def program() -> str:
    """The program named by SWABELMESH, else the product of the release build."""
    path = os.environ.get("SWABELMESH") or str(REPOSITORY / ".build/release/swabelmesh")
    if not os.access(path, os.X_OK):
        raise LabError(f"no swabelmesh at {path}: run make mesh")
    return os.path.abspath(path)


class Pings:
    """Pings from one machine to an address, twenty a second, until they are stopped."""

    def __init__(self, origin: Node, target: Node) -> None:
        self.title = f"{origin.name} to {target.name}"
        self.process = Process(origin.namespace, "ping", [
            "ping", "-n", "-D", "-i", "0.05", "-I", origin.address, target.address])

    def stop(self) -> tuple[int, float]:
        """How many were lost, and the longest time between two answers in seconds."""
        self.process.stop(signal.SIGINT)
        text = self.process.text()
        times = [float(t) for t in re.findall(r"^\[([0-9.]+)\] \d+ bytes from", text, re.M)]
        answered = {int(number) for number in re.findall(r"icmp_seq=(\d+) ttl", text)}
        # Those after the last answer may still be on their way when ping is stopped.
        lost = max(answered, default=1) - len(answered)
        return lost, max((b - a for a, b in zip(times, times[1:])), default=float("inf"))


class Node(Host):
    """One machine of the mesh; `number` makes its addresses."""

    def __init__(self, mesh: Mesh, name: str, number: int, form: str, hidden: bool) -> None:
        super().__init__(mesh.lab, name.replace("-", ""), program())
        self.mesh, self.name, self.form, self.hidden = mesh, name, form, hidden
        self.address = f"10.20.{number}.1"
        self.paste("mkdir -p /etc/systemd/network /etc/wireguard",
                   "echo systemd-network:x:998: > /etc/group")
        self.outside = f"203.0.113.{number}"
        if hidden:
            self.behind_nat(number)
        else:
            mesh.lab.veth(mesh.switch, self.namespace, (f"p{number}", "eth0"), ipv4=False)
            mesh.switch.ip("link", "set", f"p{number}", "master", "bridge")
            self.namespace.ip("addr", "add", f"{self.outside}/24", "dev", "eth0")
        self.paste("nft -f -", stdin=CLOSED)

    def behind_nat(self, number: int) -> None:
        """A router that masquerades stands between this machine and the others."""
        lab, router = self.mesh.lab, self.mesh.lab.namespace("router")
        lab.veth(self.mesh.switch, router, (f"p{number}", "outside"), ipv4=False)
        self.mesh.switch.ip("link", "set", f"p{number}", "master", "bridge")
        lab.veth(router, self.namespace, ("inside", "eth0"), ipv4=False)
        router.batch([f"addr add {self.outside}/24 dev outside",
                      "addr add 192.168.7.1/24 dev inside"])
        self.namespace.batch(["addr add 192.168.7.2/24 dev eth0",
                              "route add default via 192.168.7.1"])
        router.forward()
        router.execute("nft", "-f", "-", stdin=(
            "table ip nat {\n chain post {\n  type nat hook postrouting priority 100\n"
            "  oifname \"outside\" masquerade\n }\n}\n"
            "table ip filter {\n chain forward {\n"
            "  type filter hook forward priority 0; policy drop\n"
            "  iifname \"inside\" accept\n  ct state established,related accept\n }\n}\n"))

    def statement(self) -> str:
        """Its line in the list."""
        reached = "nat" if self.hidden else f"endpoint {self.outside}"
        return f"node {self.name} {reached} format {self.form} address {self.address}\n"

    def bring(self) -> None:
        """Brings its files to it."""
        place = self.root / "run/mesh" / self.name
        shutil.rmtree(place, ignore_errors=True)
        shutil.copytree(self.mesh.output / self.name, place)

    def install(self) -> None:
        """Does what its INSTALL says, the first time."""
        self.bring()
        text = (self.mesh.output / self.name / "INSTALL").read_text()
        steps = [line.strip() for line in text.splitlines() if line.startswith("    ")]
        assert steps
        self.paste(f"cd /run/mesh/{self.name}", *steps)

    def swabelmesh(self, *words: str) -> str:
        return self.paste(f"cd /run/mesh && swabelmesh {' '.join(words)}")

    def refuses(self, *words: str) -> str:
        """What it says when it does not do that."""
        return self.paste(f"mkdir -p /run/mesh; cd /run/mesh; ! swabelmesh {' '.join(words)} 2>&1")

    def apply(self, *words: str) -> str:
        """Brings its files to it, and applies them."""
        self.bring()
        return self.swabelmesh("apply", self.name, *words)

    def is_as_written(self) -> bool:
        return self.swabelmesh("diff", self.name, "|| :") == "nothing is different\n"

    def tunnels(self) -> set[str]:
        """The interfaces of WireGuard."""
        return set(self.paste("wg show interfaces").split())


class Mesh:
    """The list, and the machines in it."""

    def __init__(self, lab, head: str = "") -> None:
        self.lab = lab
        self.head = f"mesh lab\naccept 10.20.0.0/16 fd20::/32\n{head}"
        self.list = lab.directory / "mesh.conf"
        self.output: pathlib.Path = lab.directory / "mesh.out"
        self.state: pathlib.Path = lab.directory / "mesh.state"
        self.nodes: dict[str, Node] = {}
        self.listed: list[str] = []
        self.count = 0
        self.switch = lab.namespace("switch")
        self.switch.batch(["link add bridge type bridge", "link set bridge up"])

    def add(self, name: str, form: str = "wg-quick", hidden: bool = False) -> Node:
        """A new machine, which the list has from now on."""
        self.count += 1
        node = Node(self, name, self.count, form, hidden)
        self.nodes[name] = node
        self.listed.append(name)
        return node

    def swabelmesh(self, *words: str, stdin: str | None = None) -> str:
        """Where the list is."""
        lines = [self.nodes[name].statement() for name in self.listed]
        self.list.write_text(self.head + "".join(lines))
        return run(program(), "-f", str(self.list), *words, stdin=stdin)

    def refuses(self, *words: str) -> str:
        """What it says when it does not do that."""
        try:
            self.swabelmesh(*words)
        except LabError as error:
            return str(error)
        raise LabError(f"it does {words}")

    def files(self) -> dict[str, str]:
        return {str(path.relative_to(self.output)): path.read_text()
                for path in self.output.rglob("*") if path.is_file()}

    def misses(self) -> str:
        """The first pair of machines of which one does not reach the other; empty if none."""
        members = [self.nodes[name] for name in self.listed]
        routes = {node.name: node.namespace.reaches() for node in members}
        for node in members:
            for other in members:
                if node is not other and f"{other.address}/32" not in routes[node.name]:
                    return f"{node.name} has no route to {other.name}"
        for node in members:
            for other in members:
                if node is not other and not node.namespace.ping(other.address, node.address):
                    return f"{node.name} has no answer of {other.name}"
        return ""

    def until_whole(self) -> None:
        wait_until(lambda: not self.misses(), MESHES_WITHIN, self.misses)

    def ping_among(self, names: list[str]) -> list[Pings]:
        """Pings from each of these to the next one."""
        return [Pings(self.nodes[one], self.nodes[other])
                for one, other in zip(names, names[1:] + names[:1])]
