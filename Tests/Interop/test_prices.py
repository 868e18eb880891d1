"""Prices and round-trip times of paths, in our format and in Althea's."""

import os

import pytest
from daemons import Babeld, Bird, Swabeld, settle
from netns import wait_until
from socket_clients import rita

QUICK = "hello-interval 1 update-interval 4"
PREFIX = "fd92::1/128"


def route(daemon, prefix=PREFIX):
    """What Rita would know of the installed route to a prefix."""
    with daemon.control() as control:
        _, _, routes = rita(control.ask("dump"))
    return next((r for r in routes if r["prefix"] == prefix and r["installed"] == "yes"), None)


@pytest.mark.parametrize("form", ["path-attributes", "althea-wire"])
def test_prices(lab, form):
    """Three routers in a row: the price of the one in the middle, and the round-trip time of
    both links, are known at the ends; a new fee is known at once."""
    a, s, b = lab.namespace("a"), lab.namespace("s"), lab.namespace("b")
    lab.veth(a, s, ("l0", "l0"))
    lab.veth(s, b, ("l1", "l1"))
    b.own("fd92::1", "10.92.0.1")
    for host in (a, s, b):
        host.forward()
    parameters = f"type tunnel {form} true {QUICK}"
    dialect = ["socket-dialect althea"]
    ends = [Swabeld(host, [link], own=["fd92::/32", "10.92.0.0/16"], parameters=parameters,
                    statements=[*dialect, "fee 7"])
            for host, link in ((a, "l0"), (b, "l1"))]
    middle = Swabeld(s, ["l0", "l1"], parameters=parameters,
                     statements=[*dialect, "fee 100", "metric-factor 1500"])
    settle(*ends, middle)
    for prefix in (PREFIX, "10.92.0.1/32"):
        found = wait_until(lambda: route(ends[0], prefix), 15, f"a learns {prefix}")
        wait_until(lambda: route(ends[0], prefix)["price"] == "100", 10, lambda: f"{found}")
    wait_until(lambda: float(route(ends[0])["full-path-rtt"]) > 0, 10, "the path is measured")
    row = route(ends[0])
    near = float(next(r["rtt"] for r in ends[0].dump("neighbour")))
    assert float(row["full-path-rtt"]) > near / 2 and row["fee"] == "7"
    assert route(middle)["price"] == "0", "an origin asks nothing"
    with middle.control() as control:
        assert control.ask("dump")[:2] == ["local fee 100", "metric factor 1500"]
        assert control.ask("fee 250") == ["ok"]
    wait_until(lambda: route(ends[0])["price"] == "250", 2, "the new fee is announced")


@pytest.mark.parametrize("peer", ["babeld", "bird"])
def test_path_attributes_are_passed_over(lab, peer):
    """Those who do not know path attributes exchange routes all the same."""
    a, b = lab.namespace("a"), lab.namespace("b")
    lab.veth(a, b)
    a.own("10.91.0.1", "fd91::1")
    b.own("10.92.0.1", "fd92::1")
    node = Swabeld(a, ["l0"], own=["10.91.0.0/16", "fd91::/32"],
                   parameters=f"type wired path-attributes true {QUICK}",
                   statements=["fee 5", "socket-dialect althea"])
    if peer == "bird":
        other = Bird(b, ["l0"])
        other.announce("10.92.0.1/32")
        other.announce(PREFIX)
    else:
        other = Babeld(b, ["l0"], own=["10.92.0.0/16", "fd92::/32"])
    settle(node, other)
    wait_until(lambda: {"10.91.0.1/32", "fd91::1/128"} <= b.reaches(other.proto), 15, "they learn")
    wait_until(lambda: {"10.92.0.1/32", PREFIX} <= a.reaches(), 15, "we learn")
    assert route(node)["price"] == "0"


if os.environ.get("ALTHEA_BABELD"):  # the program of Althea's fork; no distribution has it

    class AltheaBabeld(Babeld):
        """Althea's fork of babeld 1.8."""

        program = "althea"

        def binary(self) -> str:
            return os.environ["ALTHEA_BABELD"]

        def start(self, wait: bool = True) -> None:
            if "-G" in self.words:
                place = self.words.index("-G")
                self.words[place:place + 2] = [
                    "-C", f"local-path-readwrite {self.control_path}"]
            super().start(wait)

    @pytest.mark.parametrize("middle", ["althea", "swabeld"])
    def test_althea_itself(lab, middle):
        """Althea's fork between two of ours, and one of ours between two of the fork's."""
        a, s, b = lab.namespace("a"), lab.namespace("s"), lab.namespace("b")
        lab.veth(a, s, ("l0", "l0"))
        lab.veth(s, b, ("l1", "l1"))
        a.own("fd91::1", "10.91.0.1")
        b.own("fd92::1", "10.92.0.1")
        for host in (a, s, b):
            host.forward()
        own = ["fd91::/32", "fd92::/32", "10.91.0.0/16", "10.92.0.0/16"]

        def daemon(kind, host, interfaces, fee):
            if kind == "althea":
                return AltheaBabeld(host, interfaces, own=own, parameters=f"type tunnel {QUICK}",
                                    statements=[f"fee {fee}", "metric-factor 1900"])
            return Swabeld(host, interfaces, own=own,
                           parameters=f"type tunnel althea-wire true {QUICK}",
                           statements=["socket-dialect althea", f"fee {fee}"])

        end = "swabeld" if middle == "althea" else "althea"
        first, last = daemon(end, a, ["l0"], 7), daemon(end, b, ["l1"], 7)
        center = daemon(middle, s, ["l0", "l1"], 100)
        settle(first, last, center)
        for node, prefixes in ((first, ("fd92::1/128", "10.92.0.1/32")),
                               (last, ("fd91::1/128", "10.91.0.1/32"))):
            for prefix in prefixes:
                wait_until(lambda: (route(node, prefix) or {}).get("price") == "100", 20,
                           lambda: f"{prefix}: {route(node, prefix)}")
                wait_until(lambda: float(route(node, prefix)["full-path-rtt"]) > 0, 20,
                           lambda: f"{prefix}: {route(node, prefix)}")
        assert route(center)["price"] == "0"
        assert {"fd92::1/128", "10.92.0.1/32"} <= a.reaches()
        assert {"fd91::1/128", "10.91.0.1/32"} <= b.reaches()
        wait_until(lambda: a.ping("fd92::1", "fd91::1"), 5, "packets pass")
        wait_until(lambda: a.ping("10.92.0.1", "10.91.0.1"), 5, "IPv4, too")
