"""The ways by which an interface leaves: afterwards the kernel has what the dump says and nothing
else, and where the link still works its neighbours were told."""

import time

import babel_packets as babel
import pytest
from daemons import Swabeld
from netns import LabError, wait_until
from speaker import Speaker
from test_scale import burst

# Through the neighbour on the link that leaves; addresses of its `lo` among them.
LEARNED = {"10.99.0.0/24", "10.99.1.1/32", "fd99::/64", "fd99:1::1/128"}
QUICK = "type wired hello-interval 1 update-interval 16"
COUNT = 10_000


class Bench:
    """A node with a neighbour on l0, whose routes it has, and one on l1 that hears them."""

    def __init__(self, lab, interfaces=("l0", "l1"), statements=()):
        self.lab = lab
        self.n, self.b, self.c = (lab.namespace(name) for name in "nbc")
        self.n.sysctl("ipv4/conf/default/rp_filter", "1")
        lab.veth(self.n, self.b)
        lab.veth(self.n, self.c, ("l1", "l0"))
        self.n.own("10.91.0.1", "fd91::1")
        self.node = Swabeld(
            self.n, list(interfaces), own=["10.91.0.0/16", "fd91::/32"], parameters=QUICK,
            statements=list(statements))
        self.other = Speaker(self.c, "l0", identifier=b"\2\0\0\0\0\0\0\x98")
        self.other.adjacent(self.node)
        self.speaker = None

    def learn(self, prefixes=LEARNED):
        """Routes from the neighbour on l0, told to the one on l1."""
        if self.speaker:
            self.speaker.close()
        self.speaker = Speaker(self.b, "l0")
        self.speaker.adjacent(self.node)
        self.speaker.send(
            babel.router_id(self.speaker.identifier), babel.next_hop4("10.77.1.2"),
            *[babel.update(prefix, interval=6000) for prefix in sorted(prefixes)])
        wait_until(lambda: prefixes <= self.n.reaches(), 2, "routes are learned", every=0.02)
        wait_until(lambda: prefixes <= set(self.other.routes()), 2, "and told", every=0.02)

    def ask(self, request):
        """A request on the local socket, which must be granted."""
        with self.node.control() as control:
            assert control.ask(request)[-1] == "ok", request

    def gone(self, began, is_told=True):
        """No route of the link is left; whoever used them knows."""
        wait_until(lambda: not self.n.reaches(), 1, self.shown, every=0.02)
        wait_until(lambda: not LEARNED & set(self.other.routes()), 2, "told on l1", every=0.02)
        self.settled()
        if "l0" not in {row["key"] for row in self.node.dump("interface")}:
            self.restored("l0")
        if is_told:
            wait_until(lambda: farewell(self.speaker, began), 1, "a farewell on l0", every=0.02)

    def leaves_twice(self, leave, come_back):
        """By one request l0 leaves, by another it comes back; then both once more, and the end."""
        for _ in range(2):
            self.learn()
            began = time.monotonic()
            self.ask(leave)
            self.gone(began)
            self.ask(come_back)
        self.close()

    def restored(self, name):
        """The reverse-path filter of a link that is still there is as we found it."""
        if f" {name}@" in self.n.ip("link", "show"):
            wait_until(lambda: self.n.sysctl(f"ipv4/conf/{name}/rp_filter") == "1", 2,
                       f"the reverse-path filter of {name}")

    def settled(self):
        """The kernel has what the dump calls installed, and stays so."""
        for _ in range(2):
            installed = {row["prefix"] for row in self.node.dump("route")
                         if row["installed"] == "yes"}
            assert self.n.reaches() == installed
            time.sleep(0.3)

    def shown(self):
        return "left in the kernel: " + ", ".join(sorted(self.n.reaches()))

    def close(self):
        """A clean end, with nothing left in the kernel."""
        assert self.node.process.alive and self.node.stop() == 0
        assert not self.n.routes(), self.shown()
        assert "earlier process" not in self.node.process.text()


def farewell(speaker, began):
    """Whether a node took back all it had announced, and said that it greets no more."""
    packets = [data for when, source, data in list(speaker.received)
               if when >= began and source == "fe80::1"]
    retracts = any(entry.prefix is None and entry.metric == babel.INFINITY
                   for data in packets for entry in babel.updates(data))
    hellos = [int.from_bytes(body[4:6]) for data in packets
              for kind, body in babel.split(data) if kind == babel.HELLO]
    return retracts and bool(hellos) and hellos[-1] == 10


@pytest.mark.parametrize("again", [False, True])
def test_flush(lab, again):
    """`flush interface l0`, alone and followed at once by `interface l0`."""
    bench = Bench(lab)
    for _ in range(2):
        bench.learn()
        began = time.monotonic()
        bench.ask("flush interface l0")
        if not again:
            bench.gone(began)
        bench.ask("interface l0")
    bench.learn()
    bench.settled()
    bench.close()


def test_flush_and_stop(lab):
    """The daemon ends right after the flush."""
    bench = Bench(lab)
    bench.learn()
    bench.ask("flush interface l0")
    bench.close()


def test_flush_pattern(lab):
    """The pattern goes that an interface was there for."""
    bench = Bench(lab, ["l0*", "l1"])
    bench.leaves_twice("flush interface l0*", "interface l0*")


def test_other_family(lab):
    """The packets of an interface go over IPv4 from now on, then over IPv6 again."""
    bench = Bench(lab)
    bench.leaves_twice("interface l0 ipv4-control true", "interface l0 ipv4-control false")


def test_signed(lab):
    """The farewell is signed where everything else is."""
    key = "key id k type hmac-sha256 value " + "5a" * 32
    n, b = lab.namespace("n"), lab.namespace("b")
    lab.veth(n, b)
    n.own("fd91::1")
    b.own("fd92::1")
    own = ["fd91::/32", "fd92::/32"]
    node = Swabeld(n, ["l0"], own=own, parameters=QUICK, first=[key, "default key k"])
    other = Swabeld(b, ["l0"], own=own, parameters=QUICK, first=[key, "default key k"])
    wait_until(lambda: "fd91::1/128" in b.reaches() and "fd92::1/128" in n.reaches(), 10, "known")
    with node.control() as control:
        assert control.ask("flush interface l0") == ["ok"]
    assert not n.reaches()
    wait_until(lambda: not b.reaches(), 0.5, "the neighbour believes the farewell", every=0.02)
    assert node.stop() == 0 and other.stop() == 0


def test_renamed(lab):
    """The link gets a name that nobody asked for, while it is up."""
    bench = Bench(lab)
    for _ in range(2):
        bench.learn()
        began = time.monotonic()
        try:
            bench.n.ip("link", "set", "l0", "name", "other")
        except LabError:
            print("this kernel renames only what is down")
            bench.n.batch(["link set l0 down", "link set l0 name other", "link set other up"])
            began = None
        bench.gone(began, is_told=began is not None)
        bench.restored("other")
        bench.n.ip("link", "set", "other", "name", "l0", check=False)
        bench.n.batch(["link set other down", "link set other name l0"], force=True)
        bench.n.batch(["link set l0 up", "addr replace fe80::1/64 dev l0 nodad"])
    bench.close()


def test_deleted(lab):
    """The link is gone, and with it the interface where a pattern asked for it."""
    bench = Bench(lab, ["l0*", "l1"])
    for _ in range(2):
        bench.learn()
        bench.n.ip("link", "del", "l0")
        bench.gone(0, is_told=False)
        bench.lab.networks = iter((1,))
        bench.lab.veth(bench.n, bench.b)
    bench.close()


@pytest.mark.parametrize("number", [None, 77])
def test_created_anew(lab, number):
    """Another link of that name at once, in one round even with the number of the old one."""
    bench = Bench(lab)
    for _ in range(3):
        bench.learn()
        bench.speaker.close()
        bench.speaker = None
        wanted = ["index", str(number)] if number else []
        bench.n.ip("link", "del", "l0")
        bench.n.ip("link", "add", "l0", *wanted, "netns", bench.n.name, "type", "veth",
                   "peer", "name", "l0", "netns", bench.b.name)
        for host, end in ((1, bench.n), (2, bench.b)):
            end.batch(["link set l0 addrgenmode none", "link set l0 up",
                       f"addr add fe80::{host}/64 dev l0 nodad",
                       f"addr add 10.77.1.{host}/24 dev l0"])
        wait_until(lambda: not bench.n.reaches(), 1, bench.shown, every=0.02)
        bench.settled()
    bench.learn()
    bench.settled()
    bench.close()


@pytest.mark.alone
def test_ten_thousand_routes(lab):
    """The same with many routes: none is left soon after, however the interface left, and
    none that was learned anew is lost with those of before."""
    bench = Bench(lab, ["l0*", "l1"])
    n = bench.n

    def learn():
        bench.learn()
        for data in burst(bench.speaker, COUNT):
            bench.speaker.send(raw=data)
        wait_until(lambda: n.count(6) >= COUNT, 4, "all routes are there", every=0.05)

    def empty(what):
        began = time.monotonic()
        wait_until(lambda: not n.count(6) and not n.count(4), 4, f"empty after {what}", every=0.1)
        print(f"{what}: {time.monotonic() - began:.2f} s")

    learn()
    bench.ask("flush interface l0")
    empty("flush")
    bench.ask("interface l0")
    learn()
    # Back at once, while the old routes are still being taken away.
    bench.ask("flush interface l0")
    bench.ask("interface l0")
    empty("flush and back")
    learn()
    bench.ask("interface l0 ipv4-control true")
    empty("the other family")
    bench.ask("interface l0 ipv4-control false")
    learn()
    n.ip("link", "set", "l0", "name", "other", check=False)
    n.batch(["link set l0 down", "link set l0 name other"], force=True)
    empty("another name")
    n.batch(["link set other down", "link set other name l0", "link set l0 up",
             "addr replace fe80::1/64 dev l0 nodad"])
    learn()
    bench.settled()
    bench.ask("flush interface l0*")
    bench.close()
