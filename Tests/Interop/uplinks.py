"""Gateways with uplinks to an Internet of one machine, and a client behind them."""

from __future__ import annotations

import json

from daemons import Babeld, Bird, Swabeld
from netns import Lab, Link, Namespace, Process, wait_until

# Where uplinks are probed, and what is beyond them.
PROBED, PROBED6 = "192.0.2.1", "2001:db8:1::1"
# Each second a round; 20 s of quiet would be long for a test.
QUICK = "interval 1 recover 4"
# A gateway's route to the Internet; better routes of Babel have metric 0.
UPLINK_METRIC = "100"
DEFAULT, DEFAULT6 = "0.0.0.0/0", "::/0"

# Answers each line with the same line; each connection has a thread.
ECHO = """
import socket, threading
s = socket.create_server(("192.0.2.1", 7777))
def serve(c):
    while data := c.recv(4096):
        c.sendall(data)
print("ready", flush=True)
while True:
    threading.Thread(target=serve, args=(s.accept()[0],), daemon=True).start()
"""


class Exit:
    """A machine with an uplink, and the daemon on it."""

    def __init__(
        self, lab: Lab, name: str, internet: Namespace, number: int, kind: str = "veth"
    ) -> None:
        self.lab = lab
        self.machine = lab.namespace(name)
        self.machine.forward()
        self.internet = internet
        self.number = number
        self.near, self.far = f"172.31.{number}.2", f"172.31.{number}.1"
        self.near6, self.far6 = f"fd31:{number}::2", f"fd31:{number}::1"
        self.interface = f"up{number}"
        self.port = f"isp{number}"
        link = self.cable(kind)
        self.link = link
        self.machine.batch([
            f"addr add {self.near}/30 dev {self.interface}",
            f"addr add {self.near6}/64 dev {self.interface} nodad",
            f"route add default via {self.far} dev {self.interface} proto dhcp "
            f"metric {UPLINK_METRIC}",
            f"route add default via {self.far6} dev {self.interface} proto ra metric 2048"])
        internet.batch([
            f"addr add {self.far}/30 dev {self.port}",
            f"addr add {self.far6}/64 dev {self.port} nodad"])
        self.daemon: Swabeld | None = None

    def cable(self, kind: str) -> Link:
        names = (self.interface, self.port)
        if kind == "wireguard":
            return self.lab.wireguard(self.machine, self.internet, names)
        if kind == "veth":
            return self.lab.veth(self.machine, self.internet, names, ipv4=False)
        under = (f"un{self.number}", f"un{self.number}")
        underlay = self.lab.veth(self.machine, self.internet, under, link_local=False)
        ends = self.lab.addresses_of(underlay)
        for index, (end, name) in enumerate(zip((self.machine, self.internet), names)):
            end.batch([
                f"link add {name} type vxlan id {self.number} dstport 4789 "
                f"local {ends[index]} remote {ends[1 - index]} dev {under[index]}",
                f"link set {name} up"])
        return Link([(self.machine, names[0]), (self.internet, names[1])])

    def gateway(self, more: str = QUICK, probe: str = f"icmp {PROBED}", name: str = "up4") -> str:
        return (f"gateway {name} interface {self.interface} prefix {DEFAULT} "
                f"probe {probe} {more}")

    def gateway6(self, more: str = QUICK, probe: str = f"icmp {PROBED6}") -> str:
        return (f"gateway up6 interface {self.interface} prefix {DEFAULT6} "
                f"probe {probe} {more}")

    def start(
        self, interfaces: list[str], gateways: list[str], first: list[str] = (),
        statements: list[str] = (), parameters: str = "type wired hello-interval 1 "
        "update-interval 4"
    ) -> Swabeld:
        self.daemon = Swabeld(
            self.machine, interfaces, parameters=parameters, first=[
                *first, *gateways,
                f"redistribute ip {DEFAULT} eq 0 proto 16 metric 128",
                f"redistribute ip {DEFAULT6} eq 0 proto 9 metric 128"], statements=statements)
        return self.daemon

    # The far side ------------------------------------------------------------

    def die(self, family: int | None = None) -> None:
        """Whatever comes from the uplink is dropped in the Internet; the carrier stays."""
        match = {4: "meta nfproto ipv4 ", 6: "meta nfproto ipv6 icmpv6 type echo-request "}
        rule = match.get(family, "")
        self.internet.execute("nft", "-f", "-", stdin=(
            f"add table inet dead{self.number}\n"
            f"add chain inet dead{self.number} c {{ type filter hook prerouting priority -300; }}\n"
            f"add rule inet dead{self.number} c iifname {self.port} {rule}counter drop\n"))

    def revive(self) -> None:
        self.internet.execute("nft", "delete", "table", "inet", f"dead{self.number}")

    # What it says ------------------------------------------------------------

    def rows(self) -> dict[str, dict]:
        """The gateways by their names."""
        words = [self.daemon.binary(), "ctl", "-s", self.daemon.control_path, "show", "gateways",
                 "--json"]
        text = self.machine.execute(*words)
        return {row["name"]: row for row in map(json.loads, text.splitlines())}

    def state(self, name: str = "up4") -> str:
        return self.rows()[name]["state"]

    def until(self, state: str, seconds: float, name: str = "up4") -> None:
        wait_until(lambda: self.state(name) == state, seconds,
                   lambda: f"{name} is {state}: {self.rows()}", every=0.05)


def internet(lab: Lab) -> Namespace:
    """The machine that everybody wants to reach."""
    machine = lab.namespace("i")
    machine.own(PROBED, PROBED6)
    machine.forward()
    return machine


def way(machine: Namespace, prefix: str = DEFAULT, proto: int = 42) -> str | None:
    """By which interface Babel's route leads away from a machine."""
    for route in machine.routes(proto):
        if route["dst"] == prefix and route.get("type", "unicast") == "unicast":
            return route["dev"]
    return None


class Scene:
    """Two exits and a client, which is on a cable with each of them."""

    def __init__(
        self, lab: Lab, kinds: tuple[str, str] = ("veth", "veth"), program: str = "swabeld",
        gateways=lambda gate: [gate.gateway(), gate.gateway6()], **how
    ) -> None:
        self.internet = internet(lab)
        self.client = lab.namespace("c")
        self.client.forward()
        self.gates = [Exit(lab, "gh"[index], self.internet, index + 1, kind)
                      for index, kind in enumerate(kinds)]
        for index, gate in enumerate(self.gates):
            lab.veth(self.client, gate.machine, (f"m{index}", "mesh"))
        # One address of the client, so that flows survive when their way is another one.
        self.client.own("10.99.0.1", "fd99::1")
        for index, gate in enumerate(self.gates):
            # Packets to the client come back by whichever gateway is alive.
            self.internet.batch([
                f"route add 10.99.0.1/32 via {gate.near} dev {gate.port} metric {100 + index}",
                f"route add fd99::1/128 via {gate.near6} dev {gate.port} metric {100 + index}"])
            # The first gateway is the nearer one.
            gate.start(["mesh"], gateways(gate),
                       statements=[f"interface mesh rxcost {96 + 104 * index}"], **how)
        own = ["10.99.0.1/32", "fd99::1/128"]
        if program == "bird":
            self.node = Bird(self.client, ["m0", "m1"])
        else:
            self.node = (Swabeld if program == "swabeld" else Babeld)(
                self.client, ["m0", "m1"], own=own)

    def way(self, prefix: str = DEFAULT) -> str | None:
        return way(self.client, prefix, self.node.proto)

    def until_by(self, interface: str | None, seconds: float, prefix: str = DEFAULT) -> None:
        wait_until(lambda: self.way(prefix) == interface, seconds,
                   lambda: f"{prefix} by {interface}: {self.way(prefix)}", every=0.02)


def echo(machine: Namespace) -> Process:
    """A server on the Internet that answers with what it gets."""
    process = Process(machine, "echo", ["/usr/bin/python3", "-c", ECHO])
    wait_until(lambda: "ready" in process.text(), 10, "the server listens", every=0.02)
    return process
