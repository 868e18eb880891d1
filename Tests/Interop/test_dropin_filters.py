"""The same filters under babeld and under swabeld: what is accepted, installed and announced.

Two chains source – router – observer, alike but for the router in the middle. A set-up is given
to both routers; then their kernel tables, their own view and that of the observers must agree.
"""

import os
import time

import pytest
from daemons import Babeld, Swabeld
from netns import LabError, wait_until

LONG = os.environ.get("SWABELD_LONG") == "1"
GROUPS = 8
QUICK = ["-h", "0.5", "-H", "0.5"]
# This prefix passes every set of filters, so that the test can wait for it.
MARKER = "fdff::/64"
FOREIGN = ["10.1.0.0/16", "10.1.2.0/24", "10.2.0.0/16", "192.168.5.0/24", "fd01::/32",
           "fd01:0:1::/48", "fd01:0:1:2::/64", "fd02::/48", MARKER]
OWN = ["10.4.0.0/16 dev l1 proto static", "10.4.1.0/24 dev l1 proto boot",
       "10.5.0.0/16 dev l1 proto 50", "blackhole 10.6.0.0/16 proto static",
       "fd04::/48 dev l1 proto static", "fd04:0:1::/64 dev l1 proto boot",
       "fd05::/48 dev l1 proto 50", "unreachable fd06::/48 proto static"]

SETUPS = [text.split("; ") if text else [] for text in [
    "", "in deny", "in ip 10.0.0.0/8 deny", "in ip 10.1.0.0/16 deny",
    "in ip 10.1.0.0/16 le 16 deny", "in ip 10.1.0.0/16 ge 17 deny", "in ip 0.0.0.0/0 eq 24 deny",
    "in eq 24 deny", "in eq 48 deny", "in le 48 deny", "in ge 64 deny", "in ge 49 le 64 deny",
    "in ip ::/0 deny", "in ip default deny", "in ip 0.0.0.0/0 deny", "in metric 100",
    "in ip 10.0.0.0/8 metric 100", "in metric 65535", "in metric 50 allow", "in allow metric 50",
    "in if l0 deny", "in if l1 deny", "in if nosuch deny", "in neigh fe80::1 deny",
    "in neigh fe80::9 deny", "in id 02:00:00:00:00:00:00:0a deny",
    "in id 02:00:00:00:00:00:00:0b deny", "in proto 4 deny", "in local deny", "in proto 0 deny",
    "in src-ge 1 deny", "in src-eq 0 metric 30", "in ip fd01::/32; in ip ::/0 deny",
    "in ip fd01::/32 deny; in ip fd01:0:1::/48 allow", "in ip fd01:0:1::/48; in ip fd01::/32 deny",
    "out deny", "out ip 10.0.0.0/8 deny", "out if l1 deny", "out if l0 deny", "out metric 77",
    "out ip fd01::/32 metric 300", "out eq 64 deny", "out neigh fe80::2 deny",
    "out id 02:00:00:00:00:00:00:0a deny", "out id 02:00:00:00:00:00:00:0c deny",
    "out ip 10.1.2.0/24; out ip 0.0.0.0/0 deny",
    "redistribute", "redistribute deny", "redistribute local deny",
    "redistribute local deny; redistribute", "redistribute proto 3",
    "redistribute proto 3 local deny", "redistribute local proto 3 metric 128 allow",
    "redistribute proto 50 metric 200", "redistribute ip 10.0.0.0/8",
    "redistribute ip 10.0.0.0/8 le 16", "redistribute ip ::/0 metric 12",
    "redistribute if l1 metric 9", "redistribute if lo", "redistribute eq 48",
    "redistribute local if lo deny", "redistribute local ip 10.0.0.0/8 deny",
    "redistribute local ip ::/0 metric 256; redistribute ip fd04::/48 deny; redistribute",
    "redistribute neigh fe80::1", "redistribute id 02:00:00:00:00:00:00:0a",
    "redistribute ip fd00::/8 ge 64 le 128 local allow", "redistribute metric 65535",
    "install deny", "install ip 10.0.0.0/8 deny", "install ip fd01::/32 deny",
    "install if l0 deny", "install if l1 deny", "install pref-src 10.3.0.1",
    "install pref-src fd03::1", "install ip 10.1.0.0/16 pref-src 10.3.0.1", "install table 77",
    "install ip 10.0.0.0/8 table 88", "install metric 500", "install eq 48 deny",
    "kernel-priority 500", "kernel-priority 500; reflect-kernel-metric true",
    "export-table 99", "import-table 55", "export-table 99; install ip ::/0 table 98",
]]


# D18 of docs/differences.md: an address and the kernel's own route to it, with two metrics.
SMALLEST = {("fd03::1/128", "redistribute local ip ::/0 metric 256")}


class Chain:
    """Source, router and observer."""

    def __init__(self, lab, program: type[Babeld]) -> None:
        self.program = program
        self.source = lab.namespace("source")
        self.router = lab.namespace(program.program)
        self.observer = lab.namespace("observer")
        lab.veth(self.source, self.router, ("l0", "l0"), ipv4=False)
        lab.veth(self.router, self.observer, ("l1", "l0"), ipv4=False)
        self.source.ip("addr", "add", "10.77.1.1/24", "dev", "l0")
        self.router.batch(["addr add 10.77.1.2/24 dev l0", "addr add 10.77.2.1/24 dev l1"])
        self.observer.ip("addr", "add", "10.77.2.2/24", "dev", "l0")
        self.source.batch([f"route add {prefix} dev lo proto static" for prefix in FOREIGN])
        self.router.own("10.3.0.1", "fd03::1")
        self.router.batch([f"route add {route}" for route in OWN])
        self.router.ip("route", "add", "10.8.0.0/16", "dev", "l1", "proto", "static", "table", "55")
        for host in (self.source, self.router, self.observer):
            host.forward()
        self.start(self.source, Babeld, "0a", ["redistribute proto 4", "redistribute local deny"])

    def start(self, host, program, number, statements):
        names = ["l0", "l1"] if host is self.router else ["l0"]
        first = [f"router-id 02:00:00:00:00:00:00:{number}",
                 "default type wired update-interval 2"]
        chains = ["in", "out"]
        if any(text.startswith("install") and "deny" in text for text in statements):
            chains.append("install")
        lines = first + [f"{chain} ip {MARKER}" for chain in chains] + statements
        daemon = program.__new__(program)
        daemon.namespace, daemon.interfaces = host, names
        daemon.control_path = str(host.lab.directory / f"{host.name}.sock")
        daemon.words = [daemon.binary(), "-I", "", "-S", "", "-G", daemon.control_path, *QUICK]
        for line in lines:
            daemon.words += ["-C", line]
        daemon.words += names
        daemon.start()
        return daemon

    def apply(self, statements) -> None:
        self.middle = self.start(self.router, self.program, "0b", statements)
        self.end = self.start(self.observer, Babeld, "0c", ["redistribute local deny"])

    def stop(self) -> None:
        self.middle.stop()
        self.end.stop()

    def has_marker(self) -> bool:
        return any(row["prefix"] == MARKER for row in self.end.dump("route"))

    def view(self) -> dict[str, list]:
        """What can be seen of the router, in a form that can be compared."""
        kernel = []
        for route in self.router.routes():
            # A route that is unreachable for a moment does not depend on filters.
            if route.get("type", "unicast") == "unicast":
                kernel.append((route["dst"], route.get("dev"), route.get("gateway"),
                               route.get("metric"), route.get("table"), route.get("prefsrc")))
        heard = [(row["prefix"], row["from"], row["id"], row["refmetric"])
                 for row in self.end.dump("route") if int(row["refmetric"]) < 65535]
        known = [(row["prefix"], row["from"], row["id"], row["metric"], row["installed"])
                 for row in self.middle.dump("route") if row["id"].endswith("0a")]
        own = [(row["prefix"], row["from"], row["metric"]) for row in self.middle.dump("xroute")]
        return {"kernel": sorted(kernel, key=str), "heard": sorted(heard),
                "known": sorted(known), "own": sorted(own)}


def compare(old: Chain, new: Chain, statements: list[str]) -> str | None:
    """What is different under one set-up; None if nothing is."""
    old.apply(statements)
    new.apply(statements)
    try:
        wait_until(lambda: old.has_marker() and new.has_marker(), 30, "the marker arrives")
        time.sleep(2)
        deadline = time.monotonic() + 20
        while True:
            theirs, ours = old.view(), new.view()
            if theirs == ours:
                return None
            if time.monotonic() > deadline:
                break
            time.sleep(0.3)
    except LabError as error:
        return f"{statements}: {error}"
    finally:
        old.stop()
        new.stop()
    parts = [f"{statements}:"]
    for name in theirs:
        for row in sorted(set(theirs[name]) ^ set(ours[name]), key=str):
            if (row[0], statements[0]) in SMALLEST:
                continue
            parts.append(f"  {name} {'babeld ' if row in theirs[name] else 'swabeld'} {row}")
    return "\n".join(parts) if len(parts) > 1 else None


@pytest.mark.parametrize("group", range(GROUPS))
def test_same_filters(lab, group):
    """Both accept, install and announce the same."""
    assert len(SETUPS) >= 80
    mine = SETUPS[group::GROUPS]
    old, new = Chain(lab, Babeld), Chain(lab, Swabeld)
    found = [compare(old, new, setup) for setup in (mine if LONG else mine[group % 3::3])]
    wrong = [text for text in found if text]
    assert not wrong, f"{len(wrong)} of {len(found)} differ\n" + "\n".join(wrong)[:6000]
