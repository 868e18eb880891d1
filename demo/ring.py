#!/usr/bin/env python3
"""Four routers in a ring of WireGuard tunnels, on this one machine (make demo).

Each router is a network namespace with an IPv6 and an IPv4 network behind it. swabelmesh writes
from a list of the four what runs on them. The demo cuts the tunnel that traffic takes, once
silently and once with the device going down, and counts the pings that were lost meanwhile. Nothing
outside its own namespaces is touched, and nothing stays.
"""

from __future__ import annotations

import os
import pathlib
import re
import shutil
import signal
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "Tests" / "Interop"))
sys.dont_write_bytecode = True

if not os.environ.get("SWABELD_LAB"):
    if os.geteuid() != 0:
        sys.exit("make demo needs root: it makes network namespaces (none of them stays)")
    os.environ["SWABELD_LAB"] = str(os.getpid())
    os.execvp("unshare", [
        "unshare", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc",
        sys.executable, *sys.argv])

import netns  # noqa: E402
from daemons import Control, binary_under_test, fields  # noqa: E402
from host import Host  # noqa: E402
from mesh import program  # noqa: E402
from netns import Lab, Link, Process, run, wait_until  # noqa: E402

NAMES = ["north", "east", "south", "west"]
RECOVERS_WITHIN = 20
HEALS_WITHIN = 30
coloured = sys.stdout.isatty() and "NO_COLOR" not in os.environ
started = time.monotonic()


def paint(code: str, text: str) -> str:
    return f"\033[{code}m{text}\033[0m" if coloured else text


def step(title: str, explanation: str) -> None:
    clock = paint("2", f"[{time.monotonic() - started:5.1f} s]")
    print(f"\n{clock} {paint('1;36', title)}\n          {explanation}", flush=True)


def line(text: str = "") -> None:
    print(f"          {text}", flush=True)


class Router(Host):
    """One of the four: its namespace with files of its own, and the network behind it."""

    def __init__(self, lab: Lab, number: int) -> None:
        self.number = number
        self.name = NAMES[number]
        super().__init__(lab, self.name)
        self.namespace.forward()
        self.endpoint = f"203.0.113.{number + 1}"
        self.address4 = f"10.20.{number + 1}.1"
        self.address6 = f"fd20:0:0:{number + 1}::1"
        self.namespace.own(self.endpoint)
        self.namespace.batch([
            "link add lan type veth peer name lan-port", "link set lan addrgenmode none",
            "link set lan-port addrgenmode none", "link set lan up", "link set lan-port up",
            f"addr add {self.address4}/24 dev lan", f"addr add {self.address6}/64 dev lan nodad"])

    def statement(self) -> str:
        """The line of the list: how others reach it, and what is behind it."""
        number = self.number + 1
        return (f"node {self.name} endpoint {self.endpoint} prefix 10.20.{number}.0/24 "
                f"prefix fd20:0:0:{number}::/64")

    def up(self) -> None:
        """Makes the tunnels, or those of them that are not as they should be."""
        self.paste("/run/mesh/up.sh")

    def run(self, files: pathlib.Path) -> None:
        """Does what the files say."""
        shutil.copytree(files / self.name, self.root / "run/mesh")
        self.up()
        self.paste("install -m 600 /run/mesh/babeld.conf /etc/babeld.conf", "swabeld -D")

    def dump(self, kind: str) -> list[dict[str, str]]:
        """The rows of one kind, from the daemon."""
        with Control(str(self.root / "run/swabeld.sock")) as control:
            rows = [fields(line) for line in control.ask("dump")[:-1]]
        return [row for row in rows if row["kind"] == kind]

    def show(self) -> None:
        """The neighbour and route tables, from the local socket and from the kernel."""
        line(paint("1", f"{self.name}: neighbours") + paint("2", "  (local socket, dump)"))
        for row in self.dump("neighbour"):
            line(f"  {row['if']:<14} {row['address']}  cost {row['cost']:>5}  reach {row['reach']}")
        line(paint("1", f"{self.name}: routes") + paint("2", "  (local socket, dump)"))
        for row in self.dump("route"):
            mark = paint("32", "installed") if row["installed"] == "yes" else paint("2", "spare")
            line(f"  {row['prefix']:<20} via {row['if']:<14} metric {row['metric']:>5}  {mark}")
        line(paint("1", f"{self.name}: kernel") + paint("2", "  (ip route show proto babel)"))
        for family in ("-4", "-6"):
            for row in self.namespace.ip(family, "route", "show", "proto", "babel").splitlines():
                line(f"  {row.strip()}")

    def path_to(self, other: Router, routers: list[Router]) -> list[str]:
        """The routers a packet passes, asked from one kernel after the other."""
        names, here = [self.name], self
        while here is not other and len(names) <= len(NAMES):
            text = here.namespace.ip("route", "get", other.address6, check=False)
            found = re.search(r"dev wg-(\w+)", text)
            if not found:
                return names + ["?"]
            here = next(r for r in routers if r.name == found[1])
            names.append(here.name)
        return names


class Pings:
    """Pings of one family, twenty a second, until they are stopped."""

    def __init__(self, origin: Router, target: str, source: str) -> None:
        self.process = Process(origin.namespace, "ping", [
            "ping", "-n", "-D", "-i", "0.05", "-I", source, target])

    def stop(self) -> tuple[int, int, float]:
        """How many were sent, how many were lost, and the longest silence in seconds."""
        self.process.stop(signal.SIGINT)
        text = self.process.text()
        times = [float(t) for t in re.findall(r"^\[([0-9.]+)\] \d+ bytes from", text, re.M)]
        sent, received = map(int, re.search(
            r"(\d+) packets transmitted, (\d+) received", text).groups())
        # The last packet may still be on its way when ping is stopped.
        lost = max(0, sent - received - 1) if sent > received else 0
        gaps = [after - before for before, after in zip(times, times[1:])]
        return sent, lost, max(gaps, default=float("inf"))


def build_ring(lab: Lab) -> tuple[list[Router], dict[frozenset, Link]]:
    """The four, and a cable for each tunnel; over it they reach each other's endpoints."""
    routers = [Router(lab, number) for number in range(4)]
    tunnels = {}
    for one, two in zip(routers, routers[1:] + routers[:1]):
        cable = lab.veth(one.namespace, two.namespace, (f"to-{two.name}", f"to-{one.name}"),
                         link_local=False, ipv4=False)
        for near, far in ((one, two), (two, one)):
            near.namespace.ip("route", "add", far.endpoint, "dev", f"to-{far.name}",
                              "src", near.endpoint)
        link = Link([(one.namespace, f"wg-{two.name}"), (two.namespace, f"wg-{one.name}")])
        link.underlay = cable
        tunnels[frozenset((one.name, two.name))] = link
    return routers, tunnels


def write_files(lab: Lab, routers: list[Router]) -> pathlib.Path:
    """The list, from which swabelmesh writes the files of all."""
    lines = ["mesh demo", "topology ring", "format commands", "accept 10.20.0.0/16 fd20::/32",
             *(router.statement() for router in routers)]
    for text in lines:
        line(paint("2", text))
    (lab.directory / "mesh.conf").write_text("".join(f"{text}\n" for text in lines))
    told = run(program(), "-f", str(lab.directory / "mesh.conf"), "write")
    line(told.splitlines()[-1])
    return lab.directory / "mesh.out"


def everyone_knows_everyone(routers: list[Router]) -> bool:
    wanted = {f"10.20.{n}.0/24" for n in range(1, 5)} | {f"fd20:0:0:{n}::/64" for n in range(1, 5)}
    for router in routers:
        own = {f"10.20.{router.number + 1}.0/24", f"fd20:0:0:{router.number + 1}::/64"}
        if not router.namespace.reaches() >= wanted - own:
            return False
    return True


def cut_and_count(
    title: str, explanation: str, routers: list[Router], tunnels: dict[frozenset, Link],
    cut, heal
) -> bool:
    """Cuts the tunnel in use between north and south, and tells what that cost."""
    north, south = routers[0], routers[2]
    before = north.path_to(south, routers)
    step(title, explanation)
    line(f"before: {' → '.join(before)}")
    link = tunnels[frozenset(before[:2])]
    pings = [Pings(north, south.address6, north.address6),
             Pings(north, south.address4, north.address4)]
    time.sleep(1)
    line(paint("31", f"cut:    {before[0]} ╳ {before[1]}"))
    at = time.monotonic()
    cut(link)

    def recovered() -> bool:
        path = north.path_to(south, routers)
        return (path[-1] == south.name and path[1] != before[1]
                and north.namespace.ping(south.address6, north.address6)
                and north.namespace.ping(south.address4, north.address4))

    try:
        wait_until(recovered, RECOVERS_WITHIN, "traffic takes the other way round")
        good = True
    except netns.LabError:
        good = False
    time.sleep(1)
    took = time.monotonic() - at
    if good:
        line(paint("32", f"after:  {' → '.join(north.path_to(south, routers))}"))
    else:
        line(paint("31", f"after {took:.0f} s there is still no way"))
    for family, counted in zip(("IPv6", "IPv4"), (p.stop() for p in pings)):
        sent, lost, silence = counted
        line(f"{family}:   {lost} of {sent} pings lost, longest silence {silence:.2f} s")
    heal(link)
    return good


def silence(link: Link) -> None:
    """Drops everything on the cable under the tunnel; no device goes down."""
    (end, name) = link.underlay.ends[0]
    end.execute("nft", "-f", "-", stdin=(
        "table inet cut {\n"
        f" chain in {{ type filter hook input priority 0; iifname \"{name}\" drop; }}\n"
        f" chain out {{ type filter hook output priority 0; oifname \"{name}\" drop; }}\n}}\n"))


def end_silence(link: Link) -> None:
    link.underlay.ends[0][0].execute("nft", "delete", "table", "inet", "cut")


def take_down(link: Link) -> None:
    link.set("down")


def healed(routers: list[Router]) -> bool:
    step("The tunnel heals", "Direct routes come back over it.")

    def complete() -> bool:
        pairs = list(zip(routers, routers[1:] + routers[:1]))
        return everyone_knows_everyone(routers) and all(
            len(one.path_to(two, routers)) == len(two.path_to(one, routers)) == 2
            for one, two in pairs)

    try:
        wait_until(complete, HEALS_WITHIN, "every router reaches its neighbours directly")
    except netns.LabError as error:
        line(paint("31", str(error)))
        return False
    line(paint("32", "every router reaches both its neighbours directly"))
    return True


def demo(lab: Lab) -> bool:
    def bring_up(link: Link) -> None:
        # The kernel drops a link-local address with its device. The script brings it back.
        ends = [namespace for namespace, _ in link.ends]
        for router in routers:
            if router.namespace in ends:
                router.up()

    print(paint("1", "swabeld: four routers, four WireGuard tunnels, one ring"))
    print("""
              north
             /     \\
          west     east        each line is a tunnel; each router has a network
             \\     /           10.20.N.0/24 and fd20:0:0:N::/64 behind it
              south""")
    step("Building the ring", "Four network namespaces stand for four machines, with four cables.")
    routers, tunnels = build_ring(lab)
    step("Writing the files", "From this list swabelmesh writes the files of all four:")
    files = write_files(lab, routers)
    step("Starting the tunnels and the daemons", f"Each does what its files say: {binary_name()}.")
    for router in routers:
        router.run(files)
    wait_until(lambda: everyone_knows_everyone(routers), 60, "every router knows every network")
    line(paint("32", "every router has a route to every network"))

    step("What north knows", "Two neighbours; south can be reached either way round.")
    wait_until(lambda: len(routers[0].dump("neighbour")) == 2, 10, "both neighbours of north")
    routers[0].show()

    step("Corner to corner", "north pings the network behind south, over two tunnels.")
    north, south = routers[0], routers[2]
    for family, target, source in (("IPv6", south.address6, north.address6),
                                   ("IPv4", south.address4, north.address4)):
        wait_until(lambda: north.namespace.ping(target, source), 10, f"{family} ping")
        line(paint("32", f"{family}: {target} answers"))

    good = cut_and_count(
        "A silent cut", "A firewall swallows the tunnel's packets: only missing Hellos tell.",
        routers, tunnels, silence, end_silence)
    good = healed(routers) and good
    good = cut_and_count(
        "A cut with notice", "The tunnel's devices go down: the kernels tell the daemons at once.",
        routers, tunnels, take_down, bring_up) and good
    good = healed(routers) and good
    return good


def binary_name() -> str:
    path = pathlib.Path(binary_under_test())
    return str(path.relative_to(ROOT)) if path.is_relative_to(ROOT) else str(path)


def main() -> int:
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.default_int_handler)
    if not os.access(binary_under_test(), os.X_OK):
        print(f"no daemon at {binary_under_test()}: run make", file=sys.stderr)
        return 1
    netns.prepare()
    status = 1
    try:
        with Lab("demo") as lab:
            try:
                status = 0 if demo(lab) else 1
            finally:
                step("Cleaning up", "Daemons, tunnels and namespaces go.")
    except KeyboardInterrupt:
        line("interrupted")
        status = 130
    except netns.LabError as error:
        print(paint("31", str(error)), file=sys.stderr)
    for left in netns.leftovers():
        line(paint("31", f"left behind: {left}"))
        status = status or 1
    if status == 0:
        line(paint("1;32", f"done in {time.monotonic() - started:.0f} s: routing recovered twice"))
    return status


if __name__ == "__main__":
    sys.exit(main())
