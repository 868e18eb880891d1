"""Daemons for three processors: x86-64, and ARM of 32 and of 64 bits under emulation.

SWABELD_PROCESSORS names their files, or programs that start them, with blanks between them."""

import json
import os
import re
import signal
import time

import pytest
from daemons import Swabeld
from netns import LabError, Process, never, wait_until

FILES = os.environ.get("SWABELD_PROCESSORS", "").split()
NAMES = ["x86_64", "armv7", "arm64"]
needs_files = pytest.mark.skipif(
    not FILES, reason="SWABELD_PROCESSORS names no daemons for other processors")
KEY = "key id shared type hmac-sha256 value " + "5a" * 32
# The limits of 31 and of 32 bits.
LIMITS = [
    2**31 - 1, 2**31, 2**32 - 1, 2**32, 2**32 + 1, 2**63 - 1, 2**63, 2**64, -(2**31), -(2**63)]


class OnProcessor(Swabeld):
    """The daemon of a file."""

    def __init__(self, file, *arguments, **options):
        self.file = file
        super().__init__(*arguments, **options)

    def binary(self):
        return self.file


class Triangle:
    """Three hosts with a cable between each two of them."""

    def __init__(self, lab):
        self.hosts = [lab.namespace(name) for name in "abc"]
        self.cables = [
            lab.veth(self.hosts[one], self.hosts[two], (f"to{two}", f"to{one}"))
            for one, two in ((0, 1), (1, 2), (0, 2))]
        self.nodes = []
        for number, (file, host) in enumerate(zip(FILES, self.hosts)):
            host.own(*self.addresses(number))
            self.nodes.append(OnProcessor(
                file, host, [f"to{other}" for other in range(3) if other != number],
                own=[f"10.9{number}.0.0/16", f"fd9{number}::/32"],
                parameters="type wired hello-interval 1 update-interval 4",
                first=[KEY, "default enable-timestamps true key shared"],
                statements=[
                    f"router-id 02:00:00:00:00:00:00:0{number + 1}",
                    f"state-file {lab.directory / f'state{number}'}"]))

    @staticmethod
    def addresses(number):
        return f"10.9{number}.0.1", f"fd9{number}::1"

    def prefixes(self, number):
        """What a host announces."""
        return {f"{address}/{128 if ':' in address else 32}" for address in self.addresses(number)}

    def others(self, number):
        """What a host should reach."""
        return set().union(*(self.prefixes(other) for other in range(3) if other != number))

    def everywhere(self):
        return all(
            host.reaches() >= self.others(number) for number, host in enumerate(self.hosts))

    def missing(self):
        """What is awaited of the three hosts."""
        return "routes everywhere; missing: " + str(
            [sorted(self.others(number) - host.reaches())
             for number, host in enumerate(self.hosts)])

    def ways(self, number, other):
        """The interfaces by which a host reaches another one."""
        return {
            route.get("dev") for route in self.hosts[number].routes()
            if route["dst"] in self.prefixes(other)}

    def talk(self, number, other):
        for own, target in zip(self.addresses(number), self.addresses(other)):
            wait_until(
                lambda: self.hosts[number].ping(target, own), 5,  # noqa: B023: called at once
                f"{NAMES[number]} reaches {NAMES[other]} at {target}")

    def all_talk(self):
        for number, other in ((0, 1), (1, 2), (2, 0)):
            self.talk(number, other)


# Seconds at which a clock that began at 0 has counted so many microseconds, in which stamps on the
# wire are, or hundredths of seconds, in which deadlines are kept.
CLOCKS = {"2^31 us": 2**31 / 1e6, "2^32 us": 2**32 / 1e6, "2^32 cs": 2**32 / 100}


def measured_times(node):
    """The round-trip times to a node's neighbours, in milliseconds."""
    return [float(row["rtt"]) for row in node.neighbours() if "rtt" in row]


@needs_files
def test_three_processors(lab):
    """They exchange signed routes, measure each other, find the way around a broken cable, are
    started anew with their routes in place, and end in an orderly way."""
    world = Triangle(lab)
    wait_until(world.everywhere, 20, world.missing)
    world.all_talk()
    for node in world.nodes:
        wait_until(lambda: len(measured_times(node)) == 2, 10, "two round-trip times")
        assert all(time < 1000 for time in measured_times(node)), node.neighbours()

    # The cable between the first and the last breaks.
    world.hosts[2].ip("link", "set", "to0", "down")
    wait_until(lambda: world.ways(0, 2) == {"to1"} and world.ways(2, 0) == {"to1"}, 10,
               "the way around")
    world.talk(0, 2)
    world.hosts[2].batch(["link set to0 up", "addr add fe80::2/64 dev to0 nodad"])
    wait_until(lambda: world.ways(0, 2) == {"to2"} and world.ways(2, 0) == {"to0"}, 20,
               "the direct way")

    # Each is started anew while the others watch.
    watchers = [Process(host, f"monitor-{host.label}", ["ip", "monitor", "route"])
                for host in world.hosts]

    def lost():
        return [
            found.group() for watcher in watchers
            if (found := re.search(r"Deleted .*(10\.9|fd9)\d.*", watcher.text()))]

    for number, node in enumerate(world.nodes):
        assert node.stop(signal.SIGQUIT) == 0
        assert world.hosts[number].reaches() >= world.others(number), "routes are kept"
        node.start()
        wait_until(lambda: len(node.neighbours()) == 2, 10, "both neighbours")
    never(lost, 6, "a route is lost by a planned restart")
    assert world.everywhere(), world.missing()
    world.all_talk()

    # Each ends, and the rest forget it soon.
    for number, node in enumerate(world.nodes):
        assert node.stop() == 0, node.process.text()
        assert not world.hosts[number].routes(), "a kernel is clean after a stop"
        for other in range(number + 1, 3):
            wait_until(lambda: not world.hosts[other].reaches() & world.prefixes(number), 5,
                       "what stopped is forgotten")


@needs_files
@pytest.mark.parametrize("number", range(3), ids=NAMES)
def test_clocks(lab, number):
    """The clocks of three daemons pass the limits of 32 bits while they have a neighbour and
    routes: nothing is lost then, round-trip times are measured, and timers go on."""
    hub = lab.namespace("hub")
    parameters = "type wired hello-interval 1 update-interval 4 enable-timestamps true"
    spokes, names, ahead = [], [], 15
    for index, seconds in enumerate(CLOCKS.values()):
        host = lab.namespace(f"s{index}")
        cable = lab.veth(hub, host, (f"l{index}", "l0"))
        names.append(cable.name(hub))
        host.own(f"10.9{index}.0.1")
        # The kernel shows the daemon another time since the start of the machine.
        shift = int(seconds) - ahead - int(time.clock_gettime(time.CLOCK_MONOTONIC))
        spokes.append(OnProcessor(
            FILES[number], host, ["l0"], own=[f"10.9{index}.0.0/16"], parameters=parameters,
            wrapper=["unshare", "--time", "--monotonic", str(shift)]))
        shown = os.readlink(f"/proc/{spokes[-1].process.child.pid}/ns/time")
        assert shown != os.readlink("/proc/self/ns/time"), "the kernel shows it the usual time"
    passed = time.monotonic() + ahead
    middle = OnProcessor(FILES[0], hub, names, parameters=parameters)
    own = [f"10.9{index}.0.1/32" for index in range(3)]

    def exchanged(but=()):
        return hub.reaches() == set(own) - set(but) and all(
            spoke.namespace.reaches() == set(own) - {own[index]} - set(but)
            for index, spoke in enumerate(spokes))

    def lost():
        return [line for node in (*spokes, middle) for line in node.process.text().splitlines()
                if " lost" in line]

    wait_until(exchanged, 20, lambda: f"routes everywhere, not only {hub.reaches()}")
    never(lost, max(passed + 5 - time.monotonic(), 5), "a loss when a clock passes a limit")
    assert exchanged()
    for spoke in spokes:
        wait_until(lambda: len(measured_times(spoke)) == 1, 10, "a round-trip time")
        assert measured_times(spoke)[0] < 1000, spoke.neighbours()
    for index, spoke in enumerate(spokes):
        spoke.namespace.ip("addr", "del", f"10.9{index}.0.1/32", "dev", "lo")
        wait_until(lambda: exchanged([own[index]]), 5, "what is withdrawn goes")
        spoke.namespace.own(f"10.9{index}.0.1")
        wait_until(exchanged, 10, "it comes back")
    middle.kill()
    for spoke in spokes:
        wait_until(lambda: not spoke.namespace.reaches(), 20, "the routes of a dead neighbour go")
        assert spoke.stop() == 0, spoke.process.text()


def numbers_at_their_limits():
    """Statements with the greatest numbers that are taken."""
    return [
        "kernel-priority 65535", "reflect-kernel-metric true", "allow-duplicates 65535",
        "import-table 254", "import-table 4294967295",
        "kernel-check-interval 65534", "smoothing-half-life 2147483647",
        "switch-margin 65534", "max-update-retry 2147483647", "fee 4294967295",
        "limit routes 10000000", "limit requests 10000000",
        "source-tables 4294967280 4294967290", "source-rule-priority 32000",
        "install ip 198.51.100.0/24 kernel-metric 4294967294 table 4294967294",
        "default rtt-min 2147483.646 rtt-max 2147483.647 max-rtt-penalty 65535"
        " jitter-min 2147483.646 jitter-max 2147483.647 rtt-decay 256 loss-window 3600",
    ]


def requests_with(number):
    """Requests that have a number somewhere."""
    return [
        f"interface big rxcost {number}", f"interface big hello-interval {number}",
        f"interface big rtt-max {number}", f"default update-interval {number}",
        f"trace for {number}", f"trace packets {number}", f"capture packets {number}",
        f"rule remove in {number}", f"rule add in at {number} ip 203.0.113.0/24 deny",
        f"rule add install ip 203.0.113.0/24 table {number}",
        f"rule add in ip 203.0.113.0/24 ge {number} deny",
        f"reload --confirm {number}", f"drain big for {number}",
        f"neighbour-cost fe80::77 {number}", f"neighbour-cost fe80::77 5 for {number}",
        f"export-table {number}", f"kernel-priority {number}", f"limit routes {number}",
        f"smoothing-half-life {number}", f"fee {number}", f"monitor {number}",
    ]


@needs_files
@pytest.mark.parametrize("number", range(3), ids=NAMES)
def test_limits_of_numbers(lab, number):
    """Numbers of an interface, of kernel routes, of the configuration and of requests are at the
    limits of 32 bits and beyond. The daemon answers each request and goes on."""
    a, b = lab.namespace("a"), lab.namespace("b")
    # The greatest index and the greatest MTU that the kernel takes for such a link.
    a.ip("link", "add", "big", "index", "2147483647", "mtu", "65535", "type", "veth",
         "peer", "name", "small", "mtu", "65535", "netns", b.name)
    for host, name, last in ((a, "big", 1), (b, "small", 2)):
        host.batch([
            f"link set {name} addrgenmode none", f"link set {name} up",
            f"addr add fe80::{last}/64 dev {name} nodad"])
    parameters = "type wired hello-interval 1 update-interval 4"
    node = OnProcessor(
        FILES[number], a, ["big"], own=["10.99.0.0/16"], parameters=parameters,
        first=numbers_at_their_limits())
    other = OnProcessor(
        FILES[0], b, ["small"], own=["10.92.0.0/16", "198.51.100.0/24"], parameters=parameters)
    for prefix in ("10.92.1.0/24", "198.51.100.0/24"):
        other.announce(prefix)
    for prefix, words in (("10.99.1.0/24", "metric 4294967295"),
                          ("10.99.2.0/24", "table 4294967295 metric 2147483648")):
        a.ip("route", "add", prefix, "dev", "lo", "proto", "static", *words.split())
    wait_until(lambda: b.reaches() >= {"10.99.1.0/24", "10.99.2.0/24"}, 20,
               "routes with great metrics and tables are announced")
    wait_until(lambda: a.reaches() >= {"10.92.1.0/24", "198.51.100.0/24"}, 20, "the other's routes")
    far = [route for route in a.routes() if route["dst"] == "198.51.100.0/24"]
    assert (far[0]["table"], far[0]["metric"]) == ("4294967294", 4294967294), far
    with node.control() as control:
        for limit in LIMITS:
            for request in requests_with(limit):
                answer = control.ask(request)[-1]
                if request.startswith(("trace", "capture")) and answer == "ok":
                    raise LabError(f"{request} is taken: {answer}")
                assert re.fullmatch(r"ok|bad|no .*", answer), (request, answer)
        row = json.loads(control.ask("show interfaces --json")[0])
        assert row["mtu"] == 65535, row
    assert node.process.alive and node.stop() == 0, node.process.text()
