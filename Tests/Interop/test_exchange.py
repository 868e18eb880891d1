"""Routes go both ways and go away again, over each kind of link with each kind of peer."""

import signal

import pytest
from daemons import Babeld, Bird, Swabeld, settle
from netns import wait_until

OWN = ["10.91.0.1/32", "fd91::1/128", "10.91.1.0/24", "fd91:0:0:1::/64"]
THEIRS = ["10.92.0.1/32", "fd92::1/128", "10.92.1.0/24", "fd92:0:0:1::/64"]
PEERS = {"babeld": Babeld, "bird": Bird, "swabeld": Swabeld}


@pytest.mark.parametrize("link", ["veth", "wireguard"])
@pytest.mark.parametrize("peer", list(PEERS))
def test_exchange(lab, link, peer):
    a, b = lab.namespace("a"), lab.namespace("b")
    if link == "veth":
        cable = lab.veth(a, b)
    else:  # without IPv4 addresses of its own, except for BIRD 2.0, which needs them
        cable = lab.wireguard(a, b, ipv4=peer == "bird")
    a.own("10.91.0.1", "fd91::1")
    b.own("10.92.0.1", "fd92::1")
    kind = "type tunnel" if link == "wireguard" else "type wired"
    parameters = f"{kind} hello-interval 1 update-interval 4"
    node = Swabeld(
        a, [cable.name(a)], own=["10.91.0.0/16", "fd91::/32"], parameters=parameters)
    if peer == "bird":
        other = Bird(b, [cable.name(b)])
        for prefix in THEIRS[:2]:
            other.announce(prefix)
    else:
        other = PEERS[peer](
            b, [cable.name(b)], own=["10.92.0.0/16", "fd92::/32"], parameters=parameters)
    for prefix in OWN[2:]:
        node.announce(prefix)
    for prefix in THEIRS[2:]:
        other.announce(prefix)

    def learned():
        # The route must be in our own tables, because an earlier daemon may have left it in the
        # kernel.
        return (
            {row["prefix"] for row in node.dump("route") if row["installed"] == "yes"}
            >= set(THEIRS) and a.reaches(node.proto) >= set(THEIRS)
            and b.reaches(other.proto) >= set(OWN))

    def exchanged(what, timeout=20):
        wait_until(learned, timeout, f"{what}: routes both ways")

    # There are neighbours and routes both ways, also in the kernels, and traffic follows them.
    settle(node, other)
    exchanged("start")
    wait_until(lambda: a.ping("fd92::1", "fd91::1"), 5, "IPv6 from a to b")
    wait_until(lambda: a.ping("10.92.0.1", "10.91.0.1"), 5, "IPv4 from a to b")
    wait_until(lambda: b.ping("fd91::1", "fd92::1"), 5, "IPv6 from b to a")

    # Each side withdraws one prefix of each family. Those go, the others stay.
    for prefix in OWN[2:]:
        node.withdraw(prefix)
    for prefix in THEIRS[2:]:
        other.withdraw(prefix)
    wait_until(lambda: a.reaches(node.proto) & set(THEIRS) == set(THEIRS[:2]),
               other.withdraws_within,
               "the peer's withdrawn prefixes leave our kernel, the others stay")
    wait_until(lambda: b.reaches(other.proto) & set(OWN) == set(OWN[:2]),
               node.withdraws_within,
               "our withdrawn prefixes leave the peer's kernel, the others stay")
    for prefix in OWN[2:]:
        node.announce(prefix)
    for prefix in THEIRS[2:]:
        other.announce(prefix)
    exchanged("announced again")

    # The peer is killed. We notice because its Hellos are missing.
    other.kill()
    wait_until(lambda: not a.reaches(node.proto) & set(THEIRS), 20, "a dead peer's routes go")
    other.start()
    exchanged("the peer is back", 30)

    # We are killed and come back. Routes that are left in our kernel do not prevent that.
    node.kill()
    wait_until(lambda: not b.reaches(other.proto) & set(OWN), 60, "the peer forgets us")
    node.start()
    exchanged("we are back", 30)

    # Both stop in an orderly way, the peer first.
    assert other.stop(signal.SIGTERM) == 0
    wait_until(lambda: not a.reaches(node.proto) & set(THEIRS), 10, "a stopped peer's routes go")
    other.start()
    exchanged("the peer is back again", 30)
    assert node.stop(signal.SIGTERM) == 0
    assert not a.routes(node.proto), "our kernel is clean after a stop"
    wait_until(lambda: not b.reaches(other.proto) & set(OWN), 10, "the peer drops our routes")
