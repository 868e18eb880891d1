"""A route of somebody else stands where ours would be: ours counts as installed, and is announced,
if that one leads where ours would lead, and only then."""

import signal
import time

import pytest
from daemons import Swabeld, settle
from netns import wait_until


def chain(lab, *lines):
    """c - a - b, the link between a and b numbered by hand, and others' routes of `a`."""
    c, a, b = lab.namespace("c"), lab.namespace("a"), lab.namespace("b")
    lab.veth(c, a, ("l0", "lc"))
    lab.veth(a, b, ("lb", "l0"), ipv4=False)
    for end in (c, a, b):
        end.forward()
    a.ip("addr", "add", "172.20.0.1/32", "dev", "lo")
    b.ip("addr", "add", "172.20.0.2/32", "dev", "lo")
    b.ip("addr", "add", "fd20::2/128", "dev", "lo", "nodad")
    a.batch(list(lines))
    return c, a, b


# Addresses are announced, routes of others are not.
ADDRESSES = [f"redistribute local ip {prefix} allow" for prefix in (
    "172.20.0.0/16", "10.77.1.0/24", "fd20::/16")]


def daemons(*ends):
    nodes = [Swabeld(end, interfaces, first=ADDRESSES) for end, interfaces in ends]
    settle(*nodes)
    wait_until(lambda: len(nodes[1].neighbours()) == 2, 10, "two neighbours")
    return nodes


def knows(end, prefix):
    return prefix in end.reaches()


def test_numbered_tunnel(lab):
    """Both ends of a tunnel have addresses of one host and name the other as peer. The kernel's
    own route to the peer is equal to ours. The peer is announced; it stays so, and is reached
    without a gap, when the kernel's route goes; and the tunnel's address is given back."""
    c, a, b = (lab.namespace(name) for name in "cab")
    lab.veth(c, a, ("l0", "lc"))
    tunnel = lab.wireguard(a, b)
    for end in (c, a, b):
        end.forward()
    device = tunnel.name(a)
    a.ip("addr", "add", "172.20.0.1/32", "peer", "172.20.0.2/32", "dev", device)
    b.ip("addr", "add", "172.20.0.2/32", "peer", "172.20.0.1/32", "dev", tunnel.name(b))
    a.ip("addr", "add", "fd20::1/128", "peer", "fd20::2/128", "dev", device, "nodad")
    b.ip("addr", "add", "fd20::2/128", "peer", "fd20::1/128", "dev", tunnel.name(b), "nodad")
    nodes = daemons((c, ["l0"]), (a, ["lc", device]), (b, [tunnel.name(b)]))
    wait_until(lambda: c.reaches() >= {
        "172.20.0.1/32", "172.20.0.2/32", "fd20::1/128", "fd20::2/128"}, 5,
        lambda: f"one hop behind all is known: {c.reaches()}")
    assert c.ping("172.20.0.2", "10.77.1.1")
    rows = {row["prefix"]: row["installed"] for row in nodes[1].dump("route")}
    assert rows["172.20.0.2/32"] == "yes", rows
    # The address goes, and the kernel's route with it, so ours takes over. (Another address keeps
    # IPv4 on the device.)
    a.ip("addr", "add", "172.20.9.9/32", "dev", device)
    a.ip("addr", "del", "172.20.0.1/32", "peer", "172.20.0.2/32", "dev", device)
    wait_until(lambda: "172.20.0.2/32" in a.reaches(), 1, "ours is there", every=0.01)
    assert c.ping("172.20.0.2", "10.77.1.1")
    a.ip("addr", "add", "172.20.0.1/32", "peer", "172.20.0.2/32", "dev", device)
    time.sleep(0.5)
    assert knows(c, "172.20.0.2/32") and c.ping("172.20.0.2", "10.77.1.1")
    assert nodes[1].stop() == 0
    assert not a.routes()
    assert "172.20.0.2 dev" in a.ip("-4", "route", "show", "proto", "kernel")


@pytest.mark.parametrize("owner", ["kernel", "dhcp", "static", "bird", "187"])
def test_equal(lab, owner):
    """Whoever owns it: a route by the same interface, directly or by our gateway, serves; when it
    goes ours is there at once, when it leads elsewhere the prefix is retracted, and when that one
    goes ours comes back."""
    way4 = "dev lb" if owner in ("kernel", "static") else "via inet6 fe80::2 dev lb"
    c, a, b = chain(lab, f"route add 172.20.0.2/32 {way4} proto {owner}",
                    f"route add fd20::2/128 via fe80::2 dev lb proto {owner}",
                    "link add x0 type veth peer name x1", "link set x1 up", "link set x0 up")
    nodes = daemons((c, ["l0"]), (a, ["lc", "lb"]), (b, ["l0"]))
    both = {"172.20.0.2/32", "fd20::2/128"}

    def told():
        return c.reaches() & both

    def installed():
        return {row["prefix"] for row in nodes[1].dump("route") if row["installed"] == "yes"} & both

    wait_until(lambda: told() == both, 3, lambda: f"announced: {told()}")
    assert installed() == both
    a.batch([f"route del {prefix} proto {owner}" for prefix in sorted(both)])
    wait_until(lambda: a.reaches() >= both, 1, "ours take over", every=0.01)
    elsewhere = [f"route replace 172.20.0.2/32 dev x0 proto {owner}",
                 f"route replace fd20::2/128 dev x0 metric 1024 proto {owner}"]
    a.batch(elsewhere)
    wait_until(lambda: not told() and not installed(), 1.5, lambda: (
        f"retracted because they lead elsewhere: {told()} {installed()}"), every=0.02)
    assert "there is unicast 172.20.0.2/32 oif" in nodes[1].process.text()
    nodes[1].process.child.send_signal(signal.SIGUSR1)
    wait_until(lambda: nodes[1].process.text().count(" (cannot be installed)\n") >= 2, 2,
               "the table dump names both")
    time.sleep(0.3)
    a.batch([f"route replace 172.20.0.2/32 {way4} proto {owner}",
             f"route replace fd20::2/128 via fe80::2 dev lb metric 1024 proto {owner}"])
    wait_until(
        lambda: told() == both, 1.5, lambda: f"they lead our way again: {told()}", every=0.02)
    a.batch(elsewhere)
    wait_until(lambda: not told(), 1.5, lambda: f"and elsewhere again: {told()}", every=0.02)
    a.batch([f"route del {prefix} proto {owner}" for prefix in sorted(both)])
    wait_until(
        lambda: told() == both and a.reaches() >= both, 1.5, "the places are free", every=0.02)
    others = [line for family in ("-4", "-6") for line in a.ip(family, "route").splitlines()
              if "x0" in line and "fe80" not in line]
    assert not others, others


def test_router_advertisement(lab):
    """The default route of a router advertisement leads to our neighbour, as ours would: it is
    announced. One that leads to another router is not, and so is not ours."""
    c, a, b = chain(lab, "route add ::/0 via fe80::2 dev lb proto ra metric 1024 expires 600")
    b.ip("route", "add", "::/0", "dev", "lo", "proto", "static")
    settle(Swabeld(c, ["l0"]), Swabeld(a, ["lc", "lb"]),
           Swabeld(b, ["l0"], first=["redistribute ip ::/0 le 0 allow"]))
    wait_until(lambda: knows(c, "::/0"), 3, lambda: f"announced: {c.reaches()}")
    a.ip("-6", "route", "replace", "::/0", "via", "fe80::9", "dev", "lc", "proto", "ra",
         "metric", "1024", "expires", "600")
    wait_until(lambda: not knows(c, "::/0"), 1.5, "retracted", every=0.02)


def test_in_front_and_behind(lab):
    """Somebody puts a route that leads elsewhere in front of ours, where the kernel prefers it:
    ours is not in use any more, and is retracted. Behind ours it changes nothing."""
    c, a, b = chain(lab, "link add x0 type veth peer name x1", "link set x1 up", "link set x0 up")
    daemons((c, ["l0"]), (a, ["lc", "lb"]), (b, ["l0"]))
    prefix = "172.20.0.2/32"
    wait_until(lambda: knows(c, prefix), 3, "announced")
    a.ip("route", "append", prefix, "dev", "x0", "proto", "static")
    time.sleep(0.5)
    assert knows(c, prefix)
    a.ip("route", "del", prefix, "dev", "x0")
    a.ip("route", "prepend", prefix, "dev", "x0", "proto", "static")
    wait_until(lambda: not knows(c, prefix), 1.5, "retracted", every=0.02)
    assert prefix not in a.reaches()
    a.ip("route", "del", prefix, "dev", "x0")
    wait_until(lambda: knows(c, prefix) and prefix in a.reaches(), 1.5, "back", every=0.02)
