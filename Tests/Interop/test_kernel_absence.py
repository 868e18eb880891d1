"""What was not read from the kernel need not be gone, nor what it refused."""

import threading
import time

import pytest
from crossroads import Gateway, network
from daemons import Swabeld
from netns import Process, wait_until
from speaker import Speaker


class Witness(threading.Thread):
    """Notes what a node's monitors are told."""

    def __init__(self, node):
        super().__init__(daemon=True)
        self.control = node.control()
        self.control.socket.settimeout(None)
        self.control.ask("monitor")
        self.lines = []
        self.start()

    def run(self):
        while (line := self.control.line()) is not None:
            self.lines.append((time.monotonic(), line))

    def withdrawn(self):
        """Prefixes that were redistributed and are not any more."""
        return [line.split()[line.split().index("prefix") + 1] for _, line in list(self.lines)
                if line.startswith("flush xroute")]

    def uninstalled(self):
        """Prefixes whose route was deselected."""
        return [line.split()[line.split().index("prefix") + 1] for _, line in list(self.lines)
                if line.startswith("change route") and "installed no" in line]


def removals(n, stop):
    """IPv6 routes of somebody else come and go, and one is replaced now and then, which does not
    tell what was there before: a reason to read the tables."""
    round = 0
    while time.monotonic() < stop:
        round += 1
        lines = [f"route add 2001:1:{j:x}::/64 via fe80::2 dev m1 proto 99" for j in range(1, 40)]
        if round % 8 == 0:
            lines.append(f"route replace 2001:2::/64 via fe80::{round % 9 + 2:x} dev m1 proto 99")
        n.batch(lines)
        n.batch([f"route del 2001:1:{j:x}::/64 dev m1 proto 99" for j in range(1, 40)])
    return round


def overflows(n, stop):
    """More changes than the daemon has room to hear of, in a table that is no business of ours,
    again and again while it reads."""
    round = 0
    while time.monotonic() < stop:
        round += 1
        n.batch([f"route {what} 172.16.{j >> 8}.{j & 255}/32 dev m1 table 77"
                 for what in ("add", "del") for j in range(400)])
    return round


@pytest.mark.parametrize("disturb", [removals, overflows])
def test_untouched(lab, disturb):
    """While others change other routes without a pause and the tables are read again and again,
    nothing that nobody touched is withdrawn, and no route that is installed is given up."""
    n, b = lab.namespace("n"), lab.namespace("b")
    lab.veth(n, b)
    lab.veth(n, b, ("m1", "m1"))
    count = 3000
    n.batch([f"route add 10.91.{i >> 8}.{i & 255}/32 via 10.77.2.2 proto static"
             for i in range(count)]
            + [f"route add fd91:0:0:{i:x}::/64 via fe80::2 dev m1 proto static"
               for i in range(count)])
    node = Swabeld(n, ["l0"], own=["10.91.0.0/16", "fd91::/32"],
                   parameters="type wired hello-interval 1 update-interval 60",
                   statements=["limit kernel-buffer 4096"] if disturb is overflows else [])
    way = Gateway(b, "l0", "fe80::2", "10.77.1.2", "l0")
    way.speaker.adjacent(node)
    learned = [f"10.99.{i >> 8}.{i & 255}/32" for i in range(1000)] + [
        network(f"fd99:0:0:{i:x}::/64") for i in range(1000)]
    for at in range(0, len(learned), 100):
        way.announce(0, learned[at:at + 100])
        time.sleep(0.01)
    wait_until(lambda: n.reaches() == set(learned), 10, "routes are learned")
    wait_until(lambda: len(node.dump("xroute")) == 2 * count, 10, "all are announced")
    time.sleep(1)
    witness = Witness(node)
    rounds = disturb(n, time.monotonic() + 3)
    time.sleep(1.5)
    print(f"{rounds} rounds")
    if disturb is overflows:
        assert "notifications were lost" in node.process.text()
    withdrawn, uninstalled = witness.withdrawn(), witness.uninstalled()
    assert not withdrawn, f"{len(withdrawn)} withdrawn that are there: {withdrawn[:3]}"
    assert not uninstalled, f"{len(uninstalled)} given up that are installed: {uninstalled[:3]}"
    assert len(node.dump("xroute")) == 2 * count
    assert n.reaches() == set(learned)


def test_unheard_removals(lab):
    """What is really gone, and was not heard of, is withdrawn in the end although others remove
    routes during each reading, which then proves nothing by itself."""
    n, b = lab.namespace("n"), lab.namespace("b")
    lab.veth(n, b)
    lab.veth(n, b, ("m1", "m1"))
    kept = {network(f"fd91:0:0:{i:x}::/64") for i in range(0, 2000, 2)}
    gone = {network(f"fd91:0:0:{i:x}::/64") for i in range(1, 2000, 2)}
    n.batch([f"route add {prefix} via fe80::2 dev m1 proto static" for prefix in kept | gone])
    node = Swabeld(n, ["l0"], own=["fd91::/32"], statements=["limit kernel-buffer 4096"])
    speaker = Speaker(b, "l0")
    speaker.adjacent(node)
    wait_until(lambda: set(speaker.routes()) == kept | gone, 5, "all are announced")
    n.batch([f"route del {prefix} dev m1" for prefix in gone])
    ended = time.monotonic()
    removals(n, ended + 1)
    wait_until(lambda: set(speaker.routes()) == kept, 3, lambda: (
        f"{len(kept - set(speaker.routes()))} missing, "
        f"{len(set(speaker.routes()) - kept)} too many"), every=0.05)
    print(f"right {time.monotonic() - ended:.2f} s after the removals")
    assert "notifications were lost" in node.process.text()


def test_passing_refusal(lab):
    """The kernel refuses a gateway that it takes for a broadcast address. When it is not one any
    more, nobody tells; the route is tried again, long before the neighbour's next Update. Until
    then nothing is given up that works: the other neighbour's way stays in place all the time."""
    n, b, c = lab.namespace("n"), lab.namespace("b"), lab.namespace("c")
    lab.veth(n, b)
    lab.veth(n, c, ("l1", "l0"))
    broadcast = ["broadcast", "10.77.1.9", "dev", "l0", "table", "local"]
    n.ip("route", "add", *broadcast)
    node = Swabeld(n, ["l0", "l1"], statements=["redistribute local deny"])
    refused = Gateway(b, "l0", "fe80::2", "10.77.1.9", "l0")
    other = Gateway(c, "l0", "fe80::2", "10.77.2.2", "l1")
    refused.speaker.adjacent(node)
    other.speaker.adjacent(node)
    other.announce(500, ["10.99.1.0/24"])
    wait_until(lambda: n.reaches() == {"10.99.1.0/24"}, 3, "the first way is installed")
    account = Process(n, "ip-monitor", ["ip", "monitor", "route"])  # the kernel's own
    time.sleep(0.3)
    refused.announce(0, ["10.99.1.0/24", "10.99.2.0/24"])
    wait_until(lambda: "Nexthop has invalid gateway" in node.process.text(), 3, "it is refused")
    time.sleep(1.2)  # and again
    gaps = [line for line in account.text().splitlines()
            if line.startswith("Deleted 10.99.1.0/24")]
    assert not gaps, gaps
    assert n.reaches() == {"10.99.1.0/24"}
    n.ip("route", "del", *broadcast)
    freed = time.monotonic()
    wait_until(lambda: {(r["dst"], r["dev"]) for r in n.routes()} == {
        ("10.99.1.0/24", "l0"), ("10.99.2.0/24", "l0")}, 5, "tried again", every=0.02)
    print(f"installed {time.monotonic() - freed:.2f} s after it became possible")
    tries = node.process.text().count("Nexthop has invalid gateway")
    assert tries <= 12, f"{tries} refusals in about three seconds"
