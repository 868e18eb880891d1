"""A small world around one daemon that reads a file: two links with scripted neighbours, one
without, and routes of others. Two of them are equal, so that two daemons can be compared."""

from __future__ import annotations

import json
import re
import select
import struct
import time

import babel_packets as babel
from daemons import Control, Swabeld, fields, next_serial
from netns import LabError, Namespace, Process, wait_until
from speaker import Speaker

OF_OTHERS = [
    "route add 10.8.0.0/24 dev d0 proto static",
    "route add 10.8.1.0/24 dev d0 proto boot",
    "route add 10.8.2.0/24 dev d0 proto 99",
    "route add 10.1.2.0/24 dev d0 proto static metric 70000",
    "route add 10.8.3.0/24 dev d0 proto static table 100",
    "route add fd08::/64 dev d0 proto static",
    "route add fd08:0:0:1::/64 dev d0 proto boot",
    "route add fd08:0:0:2::/64 dev d0 proto 99",
    "route add fd01:0:0:2::/64 dev d0 proto static metric 70000",
    "route add fd08:0:0:3::/64 dev d0 proto static table 100"]
SYSCTLS = [f"{family}/conf/{name}" for family in ("ipv4", "ipv6") for name in (
    "all/forwarding", "l0/accept_redirects", "l1/accept_redirects")] + [
    f"ipv4/conf/{name}/rp_filter" for name in ("all", "l0", "l1", "d0")]


def announcements(link: int, seqno: int) -> list[bytes]:
    """What the neighbour of a link announces: some prefixes of its own, and some that the other
    one has, too. No two metrics of one prefix come near each other, because which of two equal
    routes is used depends on the past."""
    own = [f"10.{link + 1}.{n}.0/24" for n in range(5)]
    own += [f"fd0{link + 1}:0:0:{n}::/64" for n in range(5)]
    both = ["10.3.0.0/24", "10.3.1.0/24", "fd03::/64", "fd03:0:0:1::/64", "::/0", "0.0.0.0/0"]
    found = []
    for index, prefix in enumerate(own + both):
        metric = (100, 1020)[link] if index < 14 else (1020, 100)[link]
        encoding = 4 if link == 1 and "." in prefix else None
        found.append(babel.update(prefix, metric, seqno, interval=300, encoding=encoding))
    if link == 0:
        found.append(babel.update("fd04::/64", 100, seqno, interval=300, source="fd0a::/48"))
    return found


class Announcer(Speaker):
    """A neighbour that announces the same prefixes for ever, and keeps a table of what it is told,
    with the lifetime that each entry was given."""

    def __init__(self, namespace: Namespace, link: int) -> None:
        self.told: dict[tuple[str, str | None], tuple[float, babel.Update]] = {}
        self.asked: dict[str, int] = {}
        self.origin = 1  # the number of what it announces
        self.tell_at = 0.0
        self.link = link
        super().__init__(
            namespace, "l0", f"fe80::{2 + link}", bytes([2, 0, 0, 0, 0, 0, 0, 0xa0 + link]), 0.15)

    def greet(self) -> None:
        """A Hello that leaves room for a late one, and every 1.5 s all prefixes."""
        self.seqno = (self.seqno + 1) & 0xFFFF
        tlvs = [babel.hello(self.seqno, 30)]
        tlvs += [babel.ihu(address, 100, 300) for address in list(self.heard)]
        now = time.monotonic()
        if now >= self.tell_at:
            self.tell_at = now + 1.5
            tlvs.append(babel.router_id(self.identifier))
            if self.link == 0:
                tlvs.append(babel.next_hop4("10.77.1.2"))
            tlvs += announcements(self.link, self.origin)
        self.send(*tlvs)

    def step(self) -> None:
        now = time.monotonic()
        if now >= self.due:
            self.due = now + self.hello
            self.greet()
        if not select.select([self.socket], [], [], max(0.0, self.due - now))[0]:
            return
        data, peer = self.socket.recvfrom(65535)
        source = peer[0].partition("%")[0]
        if source not in self.heard:
            self.heard[source] = peer[1]
            self.due = 0.0
        for kind, body in babel.split(data):
            if kind == babel.ROUTE_REQUEST:
                self.tell_at = self.due = 0.0
            elif kind == babel.SEQNO_REQUEST and body[6:14] == self.identifier:
                asked = struct.unpack_from("!H", body, 2)[0]
                if 0 < (asked - self.origin) & 0xFFFF < 0x8000:
                    self.origin = asked
                self.tell_at = self.due = 0.0
            elif kind == babel.IHU and babel.parse_address(body[0], body[6:]) in (
                    None, self.address):
                self.asked[source] = struct.unpack_from("!H", body, 2)[0]
        for entry in babel.updates(data, source):
            if entry.prefix is None:
                self.told.clear()
            else:
                until = time.monotonic() + entry.interval * 0.035
                self.told[(entry.prefix, source)] = (until, entry)

    def forget(self) -> None:
        """Begins anew, with a daemon that has not been here before."""
        self.told, self.asked, self.heard = {}, {}, {}
        self.tell_at = 0.0

    def table(self) -> list[str]:
        """What holds now of what it was told, and what receiving from it costs."""
        now = time.monotonic()
        rows = [f"told {prefix} by {source} metric {entry.metric} via {entry.next_hop} id "
                f"{(entry.router_id or b'').hex()}"
                for (prefix, source), (until, entry) in list(self.told.items())
                if entry.metric < babel.INFINITY and until > now]
        return sorted(f"link {self.link} {row}" for row in rows)


class Daemon(Swabeld):
    """The daemon of a world: reads `file`, whose text may change."""

    def __init__(self, world: World, text: str) -> None:
        self.namespace = world.n
        self.control_path = str(world.directory / f"{next_serial()}.sock")
        world.file.write_text(text)
        self.words = [self.binary(), "-I", "", "-S", str(world.directory / "state"),
                      "-G", self.control_path, "-c", str(world.file)]
        self.process = None
        self.start()


class World:
    """A machine `n` with its surroundings, used for one daemon after another."""

    def __init__(self, lab, name: str) -> None:
        self.lab = lab
        self.directory = lab.directory / name
        self.directory.mkdir()
        self.file = self.directory / "conf"
        self.n, a, b = (lab.namespace(f"{name}{place}") for place in "nab")
        self.cable(a, "l0", 1)
        self.cable(b, "l1", 2)
        self.n.batch([
            f"link add d0 address 02:00:00:00:00:d0 type veth peer name d0 netns {b.name}",
            "link set d0 addrgenmode none", "link set d0 up",
            "addr add 10.91.0.1/32 dev lo", "addr add fd91::1/128 dev lo nodad", *OF_OTHERS])
        b.batch(["link set d0 addrgenmode none", "link set d0 up"])
        self.neighbours = [Announcer(a, 0), Announcer(b, 1)]
        self.watcher = Process(self.n, "monitor", ["ip", "monitor", "route"])
        self.settings = self.sysctls()
        self.daemon: Daemon | None = None
        self.events: Control | None = None

    def cable(self, other: Namespace, name: str, host: int) -> None:
        """A link whose first one has IPv4 addresses, the second has none."""
        self.n.ip("link", "add", name, "address", f"02:00:00:00:00:0{host}", "type", "veth",
                  "peer", "name", "l0", "netns", other.name)
        for end, device, address in ((self.n, name, f"fe80::{host + 0x10}"),
                                     (other, "l0", f"fe80::{host + 1}")):
            lines = [f"link set {device} addrgenmode none", f"link set {device} up",
                     f"addr add {address}/64 dev {device} nodad"]
            if host == 1:
                lines.append(f"addr add 10.77.1.{1 if end is self.n else 2}/24 dev {device}")
            end.batch(lines)

    def start(self, text: str) -> None:
        for neighbour in self.neighbours:
            if neighbour.failure:
                raise LabError(f"a neighbour failed: {neighbour.failure!r}")
            neighbour.forget()
        self.daemon = Daemon(self, text)
        self.events = self.daemon.control()
        assert self.events.ask("monitor")[-1] == "ok"

    def restart(self) -> None:
        """After a crash: the same file, the same neighbours, which have noticed nothing."""
        self.events.close()
        self.daemon.start()
        self.events = self.daemon.control()
        assert self.events.ask("monitor")[-1] == "ok"

    def ask(self, request: str) -> list[str]:
        with self.daemon.control() as control:
            return control.ask(request)

    def stop(self) -> None:
        """Ends the daemon; afterwards nothing of it is left."""
        self.events.close()
        assert self.daemon.stop() == 0, self.daemon.process.text()[-1000:]
        self.lab.undo.remove(self.daemon.process.end)
        self.lab.logs.remove(self.daemon.process)
        left = self.kernel()
        assert not left, f"left in the kernel: {left}"

    def clear(self) -> None:
        """After a failure: whatever is left is removed, so that the next trial begins anew."""
        if self.daemon and self.daemon.process.alive:
            self.daemon.kill()
        for family in ("-4", "-6"):
            self.n.ip(family, "route", "flush", "table", "all", "proto", "42", check=False)
        for line in self.rules():
            for family in ("-4", "-6"):
                priority = line.partition(":")[0]
                self.n.ip(family, "rule", "del", "priority", priority, check=False)
        (self.directory / "state").unlink(missing_ok=True)
        (self.directory / "state.swabeld").unlink(missing_ok=True)

    # What is to be compared ---------------------------------------------------

    def plain(self, text: str) -> str:
        """Without the names of files, which are different in each world."""
        return re.sub(rf"{re.escape(str(self.directory))}/(\d+\.)?", "", text)

    def state(self) -> list[str]:
        """What the daemon says of itself, and what its neighbours were told."""
        with self.daemon.control() as control:
            rows = [self.row(line) for line in control.ask("dump")[:-1]]
            rows += [self.plain(f"config {line}") for line in control.ask("show config")[:-1]]
            rows += [self.plain(re.sub(r" count \d+", "", line))
                     for line in control.ask("show rules")[:-1]]
        for neighbour in self.neighbours:
            rows += neighbour.table()
        return rows

    def row(self, line: str) -> str:
        """A line of a dump without what depends on the order of things."""
        found = fields(line)
        if found["kind"] in ("neighbour", "route"):
            found["key"] = ""
        for word in ("reach", "ureach", "rtt", "rttcost", "jitter", "jittercost"):
            found.pop(word, None)
        return " ".join(f"{word} {value}" for word, value in found.items())

    def kernel(self) -> list[str]:
        """The routes of ours, of all tables and both families, and our rules."""
        text = self.n.ip("-j", "-d", "route", "show", "table", "all", "proto", "42")
        routes = json.loads(text or "[]")
        for route in routes:
            # Which number a next-hop object has follows from what was there before it.
            if "nh_info" in route:
                route["nhid"] = route["nh_info"]["id"] = "of an object"
        found = sorted(json.dumps(route, sort_keys=True) for route in routes)
        return found + [f"rule {line}" for line in self.rules()]

    def rules(self) -> list[str]:
        """The routing rules of ours."""
        if "source-tables" not in self.file.read_text():
            return []
        lines = self.n.ip("rule").splitlines() + self.n.ip("-6", "rule").splitlines()
        return [line for line in lines if "lookup 10" in line]

    def sysctls(self) -> dict[str, str]:
        """The settings that a daemon changes."""
        def read() -> dict[str, str]:
            found = {}
            for name in SYSCTLS:
                with open(f"/proc/sys/net/{name}", encoding="ascii") as file:
                    found[name] = file.read().strip()
            return found

        return self.n.enter(read)

    def settle(self, longest: float) -> list[str]:
        """Waits until the state stays the same for a moment; returns it."""
        begin = time.monotonic()
        former, since = self.state(), begin
        while time.monotonic() < begin + longest:
            time.sleep(0.15)
            now = self.state()
            if now != former:
                former, since = now, time.monotonic()
            elif time.monotonic() - since > 0.35 and time.monotonic() - begin > 0.6:
                break
        return former

    def flushed(self) -> list[dict[str, str]]:
        """The neighbours that were lost since the last time."""
        found = []
        while b"\n" in self.events.pending or select.select([self.events.socket], [], [], 0)[0]:
            line = self.events.line()
            if line is None:
                break
            if line.startswith("flush neighbour"):
                found.append(fields(line))
        return found


def touched(line: str) -> tuple[str, str, str, str] | None:
    """The route that a line of `ip monitor route` is about: destination, source, table, metric."""
    words = line.split()
    if "proto" not in words or words[words.index("proto") + 1] not in ("babel", "42"):
        return None
    while words[0] in ("Deleted", "unicast", "unreachable", "throw"):
        words = words[1:]

    def value(word: str, otherwise: str) -> str:
        return words[words.index(word) + 1] if word in words else otherwise

    source = words[2] if words[1] == "from" else ""
    return words[0], source, value("table", "main"), value("metric", "0")


def identity(text: str) -> tuple[str, str, str, str]:
    """The same of a route as `kernel` shows it."""
    route = json.loads(text)
    return (route["dst"], route.get("src", route.get("from", "")),
            str(route.get("table", "main")), str(route.get("metric", 0)))
