"""RFC 9079: routes for packets from one prefix only."""

import pytest
from daemons import Babeld, Bird, Swabeld, settle
from netns import wait_until

QUICK = "hello-interval 1 update-interval 4"
SUBTREES = ["ipv6-subtrees true"]
KINDS = {"veth": "type wired", "wireguard": "type tunnel"}


def pairs(host, proto):
    """(destination, source) of every source-specific route that forwards."""
    return {(r["dst"], r["from"]) for r in host.routes(proto, 6)
            if r.get("from") and r.get("type", "unicast") == "unicast"}


class SpecificBird(Bird):
    """BIRD with an `ipv6 sadr` channel."""

    def write(self) -> None:
        names = ", ".join(f'"{name}"' for name in self.interfaces)
        parts = [
            "log stderr all;", "router id 10.0.0.99;", "ipv6 sadr table sadr6;",
            "protocol device { scan time 1; }",
            "protocol kernel { ipv6 sadr { table sadr6; import none;"
            " export where source = RTS_BABEL; }; }"]
        for index, pair in enumerate(self.prefixes):
            parts.append(
                f"protocol static own{index} {{ ipv6 sadr {{ table sadr6; }};"
                f" route {pair} unreachable; }}")
        parts.append(
            "protocol babel { ipv6 sadr { table sadr6; import all;"
            " export where source ~ [RTS_STATIC, RTS_BABEL]; };"
            f" interface {names} {{ type wired; hello interval 1 s; update interval 4 s; }}; }}")
        self.file.write_text("\n".join(parts) + "\n")


@pytest.mark.parametrize("link", list(KINDS))
@pytest.mark.parametrize("peer", ["babeld", "bird", "swabeld"])
def test_source_specific_exchange(lab, peer, link):
    """Pairs go both ways into both kernels, packets follow them, and they go away again."""
    a, b = lab.namespace("a"), lab.namespace("b")
    cable = getattr(lab, link)(a, b)
    for host, digit in ((a, 1), (b, 2)):
        host.own(f"fd9{digit}::1", f"fd9{digit}::2")
        host.forward()
    parameters = f"{KINDS[link]} {QUICK}"
    # ::/0 from our prefix is the usual case of a multihomed network.
    node = Swabeld(
        a, [cable.name(a)], own=["fd91::/32"], parameters=parameters,
        statements=SUBTREES, first=["redistribute ip ::/0 eq 0 src-prefix fd92::/32"])
    a.ip("route", "add", "fd91:0:0:5::/64", "from", "fd92::1", "dev", "lo", "proto", "static")
    a.ip("-6", "route", "add", "default", "dev", "lo", "proto", "static", "metric", "5000")
    if peer == "bird":
        other = SpecificBird(b, [cable.name(b)])
        for pair in ("fd92:0:0:5::/64 from fd91::1/128", "fd92::/32 from ::/0"):
            other.announce(pair)
    else:
        other = {"babeld": Babeld, "swabeld": Swabeld}[peer](
            b, [cable.name(b)], own=["fd92::/32"], parameters=parameters, statements=SUBTREES)
        b.ip("route", "add", "fd92:0:0:5::/64", "from", "fd91::1", "dev", "lo",
             "proto", "static")
    settle(node, other)
    ours = {("::/0", "fd92::/32"), ("fd91:0:0:5::/64", "fd92::1")}
    theirs = {("fd92:0:0:5::/64", "fd91::1")}
    wait_until(lambda: theirs == pairs(a, node.proto), 15, lambda: f"{pairs(a, node.proto)}")
    wait_until(lambda: ours == pairs(b, other.proto), 15, lambda: f"{pairs(b, other.proto)}")
    # Packets from another source do not take these routes.
    assert f"dev {cable.name(a)}" in a.ip("route", "get", "fd92:0:0:5::1", "from", "fd91::1")
    elsewhere = cable.name(a) if peer == "bird" else "lo"
    assert f"dev {elsewhere}" in a.ip("route", "get", "fd92:0:0:5::1", "from", "fd91::2")
    assert f"dev {cable.name(b)}" in b.ip("route", "get", "2001:db8::1", "from", "fd92::2")
    wait_until(lambda: b.ping("fd91::1", "fd92::1"), 5, "the ordinary routes work beside them")
    # Each side withdraws one pair. That one goes, the rest stays.
    a.ip("route", "del", "fd91:0:0:5::/64", "from", "fd92::1", "dev", "lo", "proto", "static")
    wait_until(lambda: pairs(b, other.proto) == {("::/0", "fd92::/32")}, node.withdraws_within,
               "our withdrawn pair leaves the peer's kernel")
    if peer == "bird":
        other.withdraw("fd92:0:0:5::/64 from fd91::1/128")
    else:
        b.ip("route", "del", "fd92:0:0:5::/64", "from", "fd91::1", "dev", "lo",
             "proto", "static")
    wait_until(lambda: not pairs(a, node.proto), other.withdraws_within,
               "the peer's withdrawn pair leaves our kernel")
    assert node.stop() == 0
    assert not a.routes(node.proto)
    wait_until(lambda: not pairs(b, other.proto), 10, "the peer drops our pairs")
