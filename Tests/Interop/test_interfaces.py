"""The life of an interface: it comes, goes, changes its name, number, size and addresses."""

import json
import pathlib
import time

import babel_packets as babel
import pytest
from daemons import Swabeld
from netns import LabError, Link, never, wait_until
from speaker import Sniffer, Speaker

PREFIXES = {"10.99.0.0/24", "fd99::/64"}


class Bench:
    """A daemon on `device` and `l1` of `n`, a scripted neighbour at the other end, `far`."""

    def __init__(self, lab, device="l0", far="l0"):
        self.lab = lab
        self.device, self.far = device, far
        self.n, self.b = lab.namespace("n"), lab.namespace("b")
        self.n.own("10.91.0.1", "fd91::1")
        self.make()
        self.node = Swabeld(self.n, [device, "l1"], own=["10.91.0.0/16", "fd91::/32"])

    def make(self):
        """The cable, which is named l0 at both ends."""
        self.lab.networks = iter((1,))
        self.lab.veth(self.n, self.b)

    def learn(self, timeout=10):
        """Says hello and announces, until the kernel has the routes."""
        self.speaker = Speaker(self.b, self.far)
        self.speaker.adjacent(self.node, timeout)
        self.speaker.send(
            babel.router_id(self.speaker.identifier), babel.next_hop4("10.77.1.2"),
            *[babel.update(prefix, interval=6000) for prefix in sorted(PREFIXES)])
        wait_until(lambda: self.n.reaches() == PREFIXES, 2, "routes are learned", every=0.02)

    def forget(self, timeout=1):
        """The routes go, and the interface counts as down."""
        wait_until(lambda: not self.n.reaches(), timeout, "no route is left", every=0.02)
        self.speaker.close()
        wait_until(lambda: not self.up(), 1, "the interface is down", every=0.02)

    def up(self):
        rows = {row["key"]: row for row in self.node.dump("interface")}
        return rows[self.device]["up"] == "true"

    def close(self):
        """An orderly end, with nothing left."""
        assert self.node.process.alive
        assert self.node.stop() == 0
        assert not self.n.routes()


def test_renamed(lab):
    """The name counts: a link that gets another one is not ours, one that gets ours is."""
    bench = Bench(lab)
    n = bench.n
    bench.learn()
    for _ in range(2):
        n.batch(["link set l0 down", "link set l0 name other"])
        bench.forget()
        n.batch(["link set other name l0", "link set l0 up",
                 "addr replace fe80::1/64 dev l0 nodad"])
        bench.learn()
    # The link is renamed while it is up, which newer kernels allow. Its routes stay in the kernel,
    # and we must remove them.
    n.ip("link", "set", "l0", "name", "other", check=False)
    if "other" in n.ip("link", "show"):
        bench.forget()
        # Another link gets the name at once.
        n.batch(["link add l0 type bridge", "link set l0 up"])
        never(lambda: n.reaches(), 0.5, "a route by another link of this name")
        n.batch(["link del l0", "link set other name l0"])
        bench.learn()
    bench.close()


def test_created_anew(lab):
    """Another link under the same name, so fast that both are told together."""
    bench = Bench(lab)
    bench.learn()
    for _ in range(3):
        before = bench.n.ip("-j", "link", "show", "l0")
        bench.n.ip("link", "del", "l0")
        bench.make()
        assert (json.loads(bench.n.ip("-j", "link", "show", "l0"))[0]["ifindex"]
                != json.loads(before)[0]["ifindex"])
        bench.speaker.close()
        bench.learn()
        # The interface is up, and we have joined the group with the right index.
        assert "ff02::1:6" in bench.n.ip("-6", "maddr", "show", "dev", "l0")
    bench.close()


def test_moved_away(lab):
    """Moved to another namespace and back: down, then up again."""
    bench = Bench(lab)
    elsewhere = lab.namespace("elsewhere")
    bench.learn()
    for _ in range(2):
        bench.n.ip("link", "set", "l0", "netns", elsewhere.name)
        bench.forget()
        elsewhere.ip("link", "set", "l0", "netns", bench.n.name)
        bench.n.batch(["link set l0 addrgenmode none", "link set l0 up",
                       "addr replace fe80::1/64 dev l0 nodad",
                       "addr replace 10.77.1.1/24 dev l0"])
        bench.learn()
    bench.close()


def test_size(lab):
    """Packets follow the MTU; below 1280 IPv6 is off, and back with the size."""
    bench = Bench(lab)
    n, b = bench.n, bench.b
    bench.learn()
    n.batch([f"route add fd91:0:0:{i:x}::/64 dev lo proto static" for i in range(1, 400)])
    sniffer = Sniffer(b, "l0")

    def largest(mtu):
        for end in (n, b):
            end.ip("link", "set", "l0", "mtu", str(mtu))
        time.sleep(0.3)
        sniffer.packets.clear()
        bench.speaker.send(babel.wildcard_request())
        wait_until(lambda: sum(len(babel.updates(p.payload)) for p in sniffer.of("fe80::1"))
                   >= 400, 10, "a full dump")
        return max(len(p.payload) for p in sniffer.of("fe80::1")) + 48

    sizes = {mtu: largest(mtu) for mtu in (1500, 1300, 4000, 1280, 1500)}
    assert all(mtu - 100 <= size <= mtu for mtu, size in sizes.items()), sizes
    n.ip("link", "set", "l0", "mtu", "1200")
    wait_until(lambda: not bench.up() or not n.reaches(), 2, "without IPv6 no Babel")
    bench.speaker.close()
    n.ip("link", "set", "l0", "mtu", "1500")
    n.ip("addr", "replace", "fe80::1/64", "dev", "l0", "nodad")
    bench.learn()
    bench.close()


def test_link_local_late(lab):
    """A link-local address that comes late, is another one, or goes."""
    bench = Bench(lab)
    n = bench.n
    n.ip("-6", "addr", "flush", "dev", "l0")
    time.sleep(0.5)
    n.ip("addr", "add", "fe80::1/64", "dev", "l0", "nodad")
    bench.learn()
    n.ip("addr", "del", "fe80::1/64", "dev", "l0")
    wait_until(lambda: not n.reaches(), 2, "without an address no Babel")
    bench.speaker.close()
    n.ip("addr", "add", "fe80::11/64", "dev", "l0", "nodad")
    bench.learn()
    assert set(bench.speaker.heard) == {"fe80::11"}
    # A second address beside it changes nothing; losing the first moves to the second.
    n.ip("addr", "add", "fe80::12/64", "dev", "l0", "nodad")
    time.sleep(2)
    assert n.reaches() == PREFIXES
    n.ip("addr", "del", "fe80::11/64", "dev", "l0")
    wait_until(lambda: "fe80::12" in bench.speaker.heard, 5, "the other address speaks")
    bench.close()


def test_ipv4_address(lab):
    """The IPv4 address of a link changes, goes and comes: routes follow within 2 s."""
    bench = Bench(lab)
    n = bench.n
    bench.learn()
    speaker = bench.speaker

    def hop(address):
        return speaker.routes().get("10.91.0.1/32") and (
            speaker.routes()["10.91.0.1/32"].next_hop == address)

    wait_until(lambda: hop("10.77.1.1"), 2, "announced with our address")
    for address in ("10.77.1.77", "10.77.1.1"):
        old = "10.77.1.1" if address != "10.77.1.1" else "10.77.1.77"
        n.batch([f"addr del {old}/24 dev l0", f"addr add {address}/24 dev l0"])
        wait_until(lambda: hop(address), 2, f"announced with {address}", every=0.02)
        wait_until(lambda: n.reaches() == PREFIXES, 2, "what the kernel dropped is back")
    n.ip("addr", "del", "10.77.1.1/24", "dev", "l0")
    wait_until(lambda: n.reaches() == PREFIXES, 2, "IPv4 routes need no IPv4 address")
    n.ip("addr", "add", "10.77.1.1/24", "dev", "l0")
    wait_until(lambda: hop("10.77.1.1"), 2, "announced with our address again")
    bench.close()


def test_down_and_up(lab):
    """Down and up in one breath: the kernel has dropped the routes, they are put back."""
    bench = Bench(lab)
    bench.learn()
    for _ in range(3):
        bench.n.batch(["link set l0 down", "link set l0 up",
                       "addr replace fe80::1/64 dev l0 nodad"])
        bench.speaker.close()
        bench.learn()
    bench.close()


def processor_time(process):
    """Seconds of processor time a process took so far."""
    # utime and stime are the 14th and 15th word; `ip netns exec` has become the daemon.
    words = pathlib.Path(f"/proc/{process.child.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(words[11]) + int(words[12])) / 100


# Kind of a link: what its ends are made of, over a cable named l0 at both; None is the cable.
KINDS = {
    "bridge": ("link add x0 type bridge mcast_snooping 0", None),
    "macvlan": ("link add x0 link l0 type macvlan mode bridge", None),
    "vlan": ("link add x0 link l0 type vlan id 5", "link add x0 link l0 type vlan id 5"),
    "vxlan": ("link add x0 type vxlan id 7 dev l0 remote 10.77.1.2 dstport 4789",
              "link add x0 type vxlan id 7 dev l0 remote 10.77.1.1 dstport 4789"),
    "wireguard": (None, "x1"),
}


@pytest.mark.parametrize("kind", list(KINDS))
def test_kind(lab, kind):
    """Devices of other kinds, made after the daemon started, removed and made again."""
    here, there = KINDS[kind]
    bench = Bench(lab, "x0", "x1" if kind == "wireguard" else "x0" if there else "l0")
    n, b = bench.n, bench.b
    underlay = Link([(n, "l0"), (b, "l0")])
    n.batch(["addr del fe80::1/64 dev l0", "addr del 10.77.1.1/24 dev l0",
             "addr add 10.77.1.1/32 peer 10.77.1.2 dev l0"])

    def make():
        if kind == "wireguard":
            lab.wireguard(n, b, ("x0", "x1"), underlay=underlay)
        else:
            n.ip(*here.split())
            if there:
                b.ip(*there.split())
                b.batch(["link set x0 addrgenmode none", "link set x0 up",
                         "addr add fe80::2/64 dev x0 nodad"])
            n.batch(["link set x0 addrgenmode none", "link set x0 up",
                     "addr add fe80::1/64 dev x0 nodad"])
        if kind == "bridge":
            n.ip("link", "set", "l0", "master", "x0")

    if kind == "vlan" and not has(n, here):
        print("this kernel has no VLAN devices: tried with macvlan")
        here, there, bench.far = *KINDS["macvlan"], "l0"
    for _ in range(2):
        make()
        bench.learn()
        n.ip("link", "del", "x0")
        bench.forget()
        if there:
            b.ip("link", "del", bench.far)
    bench.close()


def has(namespace, line):
    """Whether the kernel can make such a device, named x0."""
    try:
        namespace.ip(*line.split())
    except LabError:
        return False
    namespace.ip("link", "del", "x0")
    return True


@pytest.mark.alone
def test_thousand_links(lab):
    """A thousand unrelated links come and go: next to no work, and Hellos on time."""
    bench = Bench(lab)
    n = bench.n
    bench.learn()
    speaker = bench.speaker
    time.sleep(1)
    start = time.monotonic()
    before = processor_time(bench.node.process)
    n.batch([f"link add v{i}a group 77 type veth peer name v{i}b" for i in range(250)]
            + [f"link add b{i} group 77 type bridge" for i in range(500)])
    n.batch([f"link set b{i} up" for i in range(500)]
            + [f"addr add 10.80.{i >> 8}.{i & 255}/32 dev b{i}" for i in range(500)])
    made = time.monotonic()
    n.ip("link", "del", "group", "77")
    time.sleep(1)
    took = processor_time(bench.node.process) - before
    times = [when for when, _, _ in speaker.tlvs(babel.HELLO, since=start)]
    longest = max(after - before for before, after in zip(times, times[1:]))
    print(f"made in {made - start:.1f} s, gone after {time.monotonic() - start:.1f} s; "
          f"{took:.2f} s of processor time, {len(times)} Hellos, at most {longest:.2f} s apart")
    assert took < 1
    assert longest < 1.3
    assert n.reaches() == PREFIXES
    bench.close()
