"""A router that traffic passes through, with a source on one side and a neighbour on the other."""

from daemons import Swabeld
from netns import wait_until
from test_crash import FAR, OWN, hosts, neighbour_with_far_hosts

SOURCE = ["10.98.0.1", "fd98::1"]
# What the router redistributes.
OURS = ["10.91.0.0/16", "fd91::/32", "10.98.0.0/16", "fd98::/32"]


def passage(lab, program, first=(), crowd=0):
    """A source `s` that is routed statically, a router `n` without a daemon, and a neighbour `a`
    that runs one. With a crowd there is another neighbour on the router's link l2, which has so
    many routes."""
    s, n, a = (lab.namespace(name) for name in "sna")
    lab.veth(n, a, ("l0", "l0"))  # 10.77.1.0/24
    lab.veth(n, s, ("l3", "l0"))  # 10.77.2.0/24
    for host in (n, a):
        host.forward()
    s.batch(["route add 0.0.0.0/0 via 10.77.2.1", "route add ::/0 via fe80::1 dev l0"])
    s.own(*SOURCE)
    n.batch(["route add 10.98.0.0/16 via 10.77.2.2 proto static",
             "route add fd98::/32 via fe80::2 dev l3 proto static"])
    n.own(*OWN)
    a.own(*FAR)
    neighbour = neighbour_with_far_hosts(program, a, first)
    if crowd:
        b = lab.namespace("b")
        lab.veth(n, b, ("l2", "l0"))
        b.batch([f"route add fd99:0:0:{i:x}::/64 dev lo proto static" for i in range(crowd)])
        Swabeld(b, ["l0"], own=["fd99::/32"],
                parameters="type wired hello-interval 1 update-interval 20")
    return s, n, a, neighbour


def await_passage(n, a, neighbour, crowd=0):
    """Waits until both sides know the ways, and the kernels their neighbours' link addresses."""
    wait_until(lambda: hosts(FAR) <= n.reaches() and n.count(6) >= crowd, 30,
               "routes are learned", every=0.5)
    wait_until(lambda: hosts(OWN) | {"10.98.0.0/16", "fd98::/32"} <= a.reaches(neighbour.proto),
               20, "ours are learned", every=0.5)
    for place, address in ((n, "10.77.1.2"), (n, "fe80::2%l0"), (n, "fe80::2%l3"),
                           (n, "10.77.2.2")):
        assert place.ping(address)
