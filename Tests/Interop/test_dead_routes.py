"""The kernel ceases to use routes of others, and begins again, without a message about them: what
is announced follows within a second."""

import time

from daemons import Swabeld
from netns import Lab, wait_until
from speaker import Speaker

BOTH = {"10.91.1.0/24", "fd91:0:1::/64"}


class Watch:
    """A node that redistributes what others have in the kernel, and a listener."""

    def __init__(self, lab: Lab):
        self.n, self.b = lab.namespace("n"), lab.namespace("b")
        lab.veth(self.n, self.b)
        lab.veth(self.n, self.b, ("m1", "m1"))  # 10.77.2.0/24
        lab.veth(self.n, self.b, ("m2", "m2"))  # 10.77.3.0/24
        self.node = Swabeld(self.n, ["l0"], own=["10.91.0.0/16", "fd91::/32"],
                            parameters="type wired hello-interval 1 update-interval 60")
        self.speaker = Speaker(self.b, "l0")
        self.speaker.adjacent(self.node)

    def routes(self, *ways):
        self.n.batch([f"route add {prefix} proto static {way}" for prefix, way in zip(
            sorted(BOTH), ways)])
        self.told(BOTH, "they are there")

    def told(self, prefixes, what):
        began = time.monotonic()
        wait_until(lambda: set(self.speaker.routes()) == set(prefixes), 1, lambda: (
            f"{what}: announced are {sorted(self.speaker.routes())}"), every=0.01)
        print(f"{what}: {time.monotonic() - began:.2f} s")

    def stays(self, prefixes, what):
        time.sleep(0.6)
        assert set(self.speaker.routes()) == set(prefixes), what

    def cable(self, state, device="m1"):
        """Plugs the cable in or out, and waits until the kernel takes note: it looks at carriers
        once a second."""
        self.b.ip("link", "set", device, state)
        wait_until(lambda: (" state UP " in self.n.ip("link", "show", "dev", device)) == (
            state == "up"), 3, "the carrier is noticed", every=0.005)

    def ignore(self, value, device="m1"):
        for family in ("ipv4", "ipv6"):
            self.n.sysctl(f"{family}/conf/{device}/ignore_routes_with_linkdown", value)




def test_no_carrier(lab):
    """A route whose link has no carrier is used, unless the machine is told to ignore such: then
    it is dead. The setting, the cable, and both."""
    watch = Watch(lab)
    watch.routes("via 10.77.2.2", "via fe80::2 dev m1")
    watch.cable("down")
    watch.stays(BOTH, "the kernel goes on using them")
    watch.ignore("1")
    watch.told([], "the setting counts at once")
    watch.ignore("0")
    watch.told(BOTH, "the setting is taken back")
    watch.ignore("1")
    watch.told([], "the setting again")
    watch.cable("up")
    watch.told(BOTH, "the cable is back")
    watch.cable("down")
    watch.told([], "the cable is out")
    watch.n.sysctl("ipv4/conf/m1/ignore_routes_with_linkdown", "0")
    watch.told(["10.91.1.0/24"], "each family has its own setting")


def test_dead_at_start(lab):
    """Dead routes that are found, and some that come, are not announced either."""
    watch = Watch(lab)
    watch.ignore("1")
    watch.cable("down")
    watch.n.batch(["route add 10.91.1.0/24 via 10.77.2.2 proto static",
                   "route add fd91:0:1::/64 via fe80::2 dev m1 proto static"])
    watch.stays([], "they are dead when they come")
    assert watch.node.stop() == 0
    watch.node.start()
    watch.speaker.adjacent(watch.node)
    watch.stays([], "they are dead when they are found")
    watch.cable("up")
    watch.told(BOTH, "the cable is there")


def test_legs(lab):
    """A route with several legs is dead when all of them are."""
    watch = Watch(lab)
    for device in ("m1", "m2"):
        watch.ignore("1", device)
    watch.routes("nexthop via 10.77.2.2 nexthop via 10.77.3.2",
                 "nexthop via fe80::2 dev m1 nexthop via fe80::2 dev m2")
    watch.cable("down")
    watch.stays(BOTH, "one leg is left")
    watch.cable("down", "m2")
    watch.told([], "none is left")
    watch.cable("up", "m2")
    watch.told(BOTH, "one leg is back")


def test_nexthop_objects(lab):
    """A next-hop object takes its routes along: when it is deleted, and when its link has no
    carrier and routes through such are to be ignored, for then the kernel deletes it."""
    watch = Watch(lab)
    n = watch.n
    n.sysctl("ipv4/nexthop_compat_mode", "0")
    objects = ["nexthop add id 4 via 10.77.2.2 dev m1", "nexthop add id 6 via fe80::2 dev m1"]
    n.batch(objects)
    watch.ignore("1")
    watch.routes("nhid 4", "nhid 6")
    watch.cable("down")
    watch.told([], "they lead to a dead link")
    watch.cable("up")
    n.batch(objects)
    watch.routes("nhid 4", "nhid 6")
    n.batch(["nexthop del id 4", "nexthop del id 6"])
    watch.told([], "they are gone")


def test_silent_losses(lab):
    """The kernel may be told not to tell of IPv6 routes that go with their link; those of IPv4
    always go in silence."""
    watch = Watch(lab)
    n = watch.n
    n.sysctl("ipv6/route/skip_notify_on_dev_down", "1")
    ways = ("via 10.77.2.2", "via fe80::2 dev m1")
    watch.routes(*ways)
    n.ip("link", "set", "m1", "down")
    watch.told([], "the link is down")
    n.ip("link", "set", "m1", "up")
    n.ip("addr", "replace", "fe80::1/64", "dev", "m1", "nodad")
    watch.routes(*ways)
    n.sysctl("ipv6/conf/m1/disable_ipv6", "1")
    watch.told(["10.91.1.0/24"], "IPv6 is disabled")
    n.sysctl("ipv6/conf/m1/disable_ipv6", "0")
    n.ip("addr", "replace", "fe80::1/64", "dev", "m1", "nodad")
    n.ip("route", "add", "fd91:0:1::/64", "via", "fe80::2", "dev", "m1", "proto", "static")
    watch.told(BOTH, "and enabled")
    n.ip("link", "set", "m1", "mtu", "1200")
    watch.told(["10.91.1.0/24"], "the MTU is too small for IPv6")
    n.ip("addr", "del", "10.77.2.1/24", "dev", "m1")
    watch.told([], "the last IPv4 address is gone")
    n.ip("addr", "add", "10.77.2.1/24", "dev", "m1")
    n.ip("route", "add", "10.91.1.0/24", "via", "10.77.2.2", "proto", "static")
    watch.told(["10.91.1.0/24"], "it is back")
    n.ip("link", "set", "m1", "netns", watch.b.name, "name", "moved")
    watch.told([], "the link moved to another network namespace")


def test_expiry(lab):
    """The time of a route from a router advertisement is over: the kernel does not use it any
    more, and deletes it up to half a minute later. One that is prolonged stays."""
    watch = Watch(lab)
    watch.n.batch([
        "route add fd91:0:1::/64 via fe80::2 dev m1 proto ra expires 2",
        "route add fd91:0:2::/64 via fe80::2 dev m1 proto ra expires 2"])
    began = time.monotonic()
    both = ["fd91:0:1::/64", "fd91:0:2::/64"]
    watch.told(both, "they are there")
    time.sleep(1)
    watch.n.ip("-6", "route", "replace", "fd91:0:2::/64", "via", "fe80::2", "dev", "m1", "proto",
               "ra", "expires", "600")
    time.sleep(max(0, began + 1.7 - time.monotonic()))
    assert set(watch.speaker.routes()) == set(both)
    time.sleep(max(0, began + 2 - time.monotonic()))
    watch.told(both[1:], "the time of one is over")


def test_lost_source_address(lab):
    """IPv4 routes go with the address that packets were to have as their source."""
    watch = Watch(lab)
    n = watch.n
    n.ip("addr", "add", "10.77.20.1/32", "dev", "lo")
    watch.routes("via 10.77.2.2 src 10.77.20.1", "via fe80::2 dev m1")
    n.ip("addr", "del", "10.77.20.1/32", "dev", "lo")
    watch.told(["fd91:0:1::/64"], "the source address is gone, and the route with it")
