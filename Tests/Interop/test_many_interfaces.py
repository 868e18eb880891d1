"""More interfaces than one socket may have groups on: 20 over IPv4, over IPv6 as many as fit into
net.core.optmem_max."""

import pytest
from daemons import Swabeld
from netns import wait_until


def cables(lab, count, ipv4):
    """Two machines with many cables, w0 and so on at both ends; those over IPv4 have no IPv6."""
    a, b = lab.namespace("a"), lab.namespace("b")
    a.own("10.91.0.1", "fd91::1")
    b.own("10.92.0.1", "fd92::1")
    a.batch([f"link add w{i} type veth peer name w{i} netns {b.name}" for i in range(count)])
    for host, end in ((1, a), (2, b)):
        connect(end, range(count), host, ipv4)
    return a, b


def connect(end, numbers, host, ipv4):
    address = "10.77.{0}.{1}/24" if ipv4 else "fe80::{1}/64"
    nodad = "" if ipv4 else " nodad"
    end.batch([line for i in numbers for line in (
        f"link set w{i} addrgenmode none", f"link set w{i} up",
        f"addr add {address.format(i, host)} dev w{i}{nodad}")])


def usable(node):
    return len({row["if"] for row in node.neighbours()})


def test_thirty_over_ipv4(lab):
    """Thirty interfaces with `ipv4-control` all come up, also after some were made anew."""
    count = 30
    a, b = cables(lab, count, ipv4=True)
    assert int(a.sysctl("ipv4/igmp_max_memberships")) < count
    own = ["10.91.0.0/16", "10.92.0.0/16"]
    parameters = "type wired ipv4-control true hello-interval 1 update-interval 8"
    nodes = [Swabeld(end, ["w*"], own=own, parameters=parameters) for end in (a, b)]
    for node in nodes:
        wait_until(lambda: usable(node) == count, 8,
                   lambda: f"{usable(node)} of {count} interfaces have a neighbour")
    wait_until(lambda: "10.92.0.1/32" in a.reaches() and "10.91.0.1/32" in b.reaches(), 5, "known")
    # What is given up makes room for what comes, in whichever socket it is.
    for _ in range(3):
        some = range(5, 28)
        for i in some:
            a.ip("link", "del", f"w{i}")
        a.batch([f"link add w{i} type veth peer name w{i} netns {b.name}" for i in some])
        connect(a, some, 1, True)
        connect(b, some, 2, True)
    for node in nodes:
        wait_until(lambda: usable(node) == count, 10,
                   lambda: f"{usable(node)} of {count} interfaces have a neighbour")
        assert "join" not in node.process.text()
    assert all(node.stop() == 0 for node in nodes)
    assert not a.routes() and not b.routes()


@pytest.mark.alone
def test_three_hundred(lab):
    """Three hundred interfaces over IPv6, where one socket has room for less than a hundred."""
    count = 300
    a, b = cables(lab, count, ipv4=False)
    a.sysctl("core/optmem_max", "4096")
    parameters = "type wired hello-interval 4 update-interval 60"
    nodes = [Swabeld(end, ["w*"], own=["fd91::/32", "fd92::/32"], parameters=parameters)
             for end in (a, b)]
    for node in nodes:
        wait_until(lambda: usable(node) == count, 20,
                   lambda: f"{usable(node)} of {count} interfaces have a neighbour", every=0.3)
        assert "join" not in node.process.text()
    assert "fd92::1/128" in a.reaches()
    assert all(node.stop() == 0 for node in nodes)
