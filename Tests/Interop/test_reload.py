"""The configuration changes while the daemon runs: nothing is lost, and nothing else is touched."""

import os
import re
import signal
import time

import pytest
from daemons import Swabeld, next_serial
from netns import Process, wait_until
from passage import OURS, SOURCE, await_passage, passage
from test_crash import FAR, hosts, neighbour_with_far_hosts
from traffic import Stream

LONG = os.environ.get("SWABELD_LONG") == "1"
RELOADS = 50 if LONG else 10
ROTATIONS = 20 if LONG else 4

BASE = ["default type wired hello-interval 1 update-interval 4"] + [
    f"redistribute {kind}ip {prefix} allow" for prefix in OURS for kind in ("", "local ")
] + ["redistribute local deny"]


class Configured(Swabeld):
    """A daemon that reads a file, which can be written anew."""

    def __init__(self, namespace, lines):
        self.namespace = namespace
        self.control_path = str(namespace.lab.directory / f"{next_serial()}.sock")
        self.file = namespace.lab.directory / f"{next_serial()}.conf"
        self.write(lines)
        self.words = [self.binary(), "-I", "", "-S", "", "-G", self.control_path,
                      "-c", str(self.file)]
        self.process = None
        self.start()

    def write(self, lines):
        self.file.write_text("\n".join([*lines, *BASE]) + "\n")

    def ask(self, request):
        with self.control() as control:
            return control.ask(request)

    def reload(self, lines, request="reload"):
        """Writes the file anew and has it read; returns the lines before `ok`."""
        self.write(lines)
        answer = self.ask(request)
        assert answer[-1] == "ok", answer
        return answer[:-1]


def scene(lab, program, lines, first=(), crowd=0):
    """The passage with a daemon that reads a file."""
    s, n, a, neighbour = passage(lab, program, first, crowd)
    node = Configured(n, lines)
    await_passage(n, a, neighbour, crowd)
    return s, n, a, neighbour, node


def beside_a_neighbour(lab, lines):
    """A daemon that reads a file, and has a neighbour with far hosts."""
    n, a = lab.namespace("n"), lab.namespace("a")
    lab.veth(n, a, ("l0", "l0"))
    a.own(*FAR)
    neighbour_with_far_hosts("swabeld", a)
    node = Configured(n, lines)
    wait_until(lambda: hosts(FAR) <= n.reaches(), 20, "routes are learned")
    return n, node


def effects(answer, kind):
    return {line.split()[2] for line in answer if line.startswith(f"effect {kind} ")}


@pytest.mark.parametrize(
    "program, crowd",
    [("swabeld", 0), ("babeld", 0), ("bird", 0), ("swabeld", 10_000),
     *([("babeld", 10_000), ("bird", 10_000)] if LONG else [])])
def test_nothing_is_lost(lab, program, crowd):
    """Reloads of all kinds under a stream of 1,000 datagrams a second, family and direction."""
    variants = [
        ["interface l0"],
        ["interface l0 rxcost 200 update-interval 8"],
        ["interface l0 hello-interval 0.7", "in ip 10.5.0.0/16 deny"],
        ["interface l0", "interface l9 rxcost 7", "out ip 10.6.0.0/16 deny"],
        ["interface l0 enable-timestamps true max-rtt-penalty 96", "smoothing-half-life 0"],
        ["interface l0 link-quality true", "in ip 10.92.0.0/16 metric 10"],
        ["interface l0", "redistribute ip 10.200.0.0/16 allow", "reflect-kernel-metric false"],
    ]
    if crowd:
        variants = [[*lines, "interface l2"] for lines in variants]
    s, n, a, _, node = scene(lab, program, variants[0], crowd=crowd)
    streams = [Stream(s, {"a": a}, FAR, 1000), Stream(a, {"s": s}, SOURCE, 1000)]
    watchers = [Process(host, f"monitor-{host.label}", ["ip", "monitor", "route"])
                for host in (n, a)]
    time.sleep(1)
    for turn in range(1, RELOADS + 1):
        answer = node.reload(variants[turn % len(variants)])
        assert f"generation {turn + 1}" in answer
        assert "0 neighbours lost" in answer[-1]
        assert not effects(answer, "lost") and not effects(answer, "changed")
        time.sleep(0.3)
    time.sleep(2)
    for stream in streams:
        outcome = stream.finish()
        assert outcome.rate > 800, f"{outcome.rate} datagrams a second"
        assert not outcome.lost, f"{len(outcome.lost)} of {outcome.count} lost"
    found = re.search(r"(10\.9[128]\.|fd9[128]::)", watchers[0].text())
    assert not found, watchers[0].text()


def test_keys_are_rotated(lab):
    """Both ends get a new key beside the old one, then sign with it, then forget the old one."""
    def key(number):
        return f"key id k{number} type hmac-sha256 value " + f"{number:02x}" * 32

    s, n, a = (lab.namespace(name) for name in "sna")
    lab.veth(n, a, ("l0", "l0"))
    lab.veth(n, s, ("l3", "l0"))
    n.forward()
    s.batch(["route add 0.0.0.0/0 via 10.77.2.1", "route add ::/0 via fe80::1 dev l0"])
    s.own(*SOURCE)
    a.own(*FAR)
    n.batch(["route add 10.98.0.0/16 via 10.77.2.2 proto static",
             "route add fd98::/32 via fe80::2 dev l3 proto static"])
    start = [key(0), "interface l0 key k0"]
    far = ["redistribute local ip 10.92.0.0/16 allow", "redistribute local ip fd92::/32 allow"]
    node = Configured(n, start)
    other = Configured(a, far + start)
    wait_until(lambda: hosts(FAR) <= n.reaches(), 20, "routes are learned")
    wait_until(lambda: {"10.98.0.0/16", "fd98::/32"} <= a.reaches(), 20, "ours are learned")
    for address in ("10.77.1.2", "fe80::2%l0", "fe80::2%l3", "10.77.2.2"):
        assert n.ping(address)
    streams = [Stream(s, {"a": a}, FAR, 1000), Stream(a, {"s": s}, SOURCE, 1000)]
    time.sleep(1)
    for turn in range(ROTATIONS):
        old, new = turn % 50, (turn + 1) % 50
        steps = [
            [key(old), key(new), f"interface l0 key k{old} verify-key k{new}"],
            [key(old), key(new), f"interface l0 key k{new} verify-key k{old}"],
            [key(new), f"interface l0 key k{new}"]]
        for step in steps:
            for daemon, more in ((node, []), (other, far)):
                answer = daemon.reload(more + step)
                assert "0 neighbours lost" in answer[-1]
                assert not any(f"{old:02x}" * 4 in line for line in answer), "a key is shown"
            time.sleep(0.2)
    time.sleep(4)
    for stream in streams:
        outcome = stream.finish()
        assert outcome.rate > 800, f"{outcome.rate} datagrams a second"
        assert not outcome.lost, f"{len(outcome.lost)} of {outcome.count} lost"


def test_a_filter_counts_at_once(lab):
    """What is denied goes, what is allowed comes back, on both sides, within a second; the forecast
    says the same as what happens."""
    s, n, a, _, node = scene(lab, "babeld", ["interface l0"])
    strict = ["interface l0", "in ip 10.92.0.0/16 deny", "out ip fd91::/32 deny"]
    one = {"10.92.0.1/32"}
    for lines, lost, gained, theirs in (
            (strict, one, set(), False), (["interface l0"], set(), one, True)):
        before = n.reaches()
        forecast = node.reload(lines, "reload --dry-run")
        assert n.reaches() == before, "a forecast changes nothing"
        answer = node.reload(lines)
        assert effects(answer, "lost") == lost and effects(answer, "gained") == gained
        assert [line for line in forecast if line.startswith("effect")] == \
            [line for line in answer if line.startswith("effect")]
        wait_until(lambda: n.reaches() == (before - lost) | gained, 1, "the kernel follows")
        wait_until(lambda: ("fd91::1/128" in a.reaches()) == theirs, 2, "the neighbour is told")
    assert any(line == "change - in ip 10.92.0.0/16 deny" for line in answer), answer


def test_a_mistake_changes_nothing(lab):
    n, node = beside_a_neighbour(lab, ["interface l0"])
    for lines, reason in (
            (["interface l0", "in ip 10.0.0.0/33 deny"], rf"{node.file}:\d+"),
            (["interface l0", "protocol-port 6697"], "protocol-port"),
            (["interface l0", "router-id 02:00:00:00:00:00:00:77"], "router-id")):
        node.write(lines)
        for request in ("reload", "reload --dry-run"):
            answer = node.ask(request)
            assert answer[-1].startswith("no ") and re.search(reason, answer[-1]), answer
    assert hosts(FAR) <= n.reaches()
    assert "generation 1" in node.reload(["interface l0"], "reload --dry-run")


def test_sighup_reloads_if_told_to(lab):
    n, node = beside_a_neighbour(lab, ["interface l0", "reload-on-sighup true"])
    node.write(["interface l0", "reload-on-sighup true", "in ip 10.92.0.0/16 deny"])
    node.process.child.send_signal(signal.SIGHUP)
    wait_until(lambda: n.reaches() == {"fd92::1/128"}, 2, "the filter counts")
    node.reload(["interface l0"])
    assert node.stop(signal.SIGHUP) == 0
    assert not n.reaches()
    assert "SIGHUP ends the daemon" in node.process.text()


def test_an_unconfirmed_change_goes_back(lab):
    n, node = beside_a_neighbour(lab, ["interface l0"])
    node.reload(["interface l7"], "reload --confirm 2")
    wait_until(lambda: not n.reaches(), 1, "the interface is left")
    wait_until(lambda: hosts(FAR) <= n.reaches(), 12, "the former configuration is back")
    strict = ["interface l0", "in ip 10.92.0.0/16 deny"]
    node.reload(strict, "reload --confirm 2")
    assert node.ask("confirm") == ["ok"]
    time.sleep(3)
    assert n.reaches() == {"fd92::1/128"}
    assert node.ask("confirm")[-1].startswith("no ")


def test_another_table_without_a_gap(lab):
    """Routes move to another table while packets follow them: both tables are looked up."""
    s, n, a, _, node = scene(lab, "swabeld", ["interface l0"])
    n.batch(["rule add lookup 77 priority 100"])
    n.ip("-6", "rule", "add", "lookup", "77", "priority", "100")
    stream = Stream(s, {"a": a}, FAR, 1000)
    time.sleep(0.5)
    for turn in range(6):
        moved = ["install ip 10.92.0.0/16 table 77", "install ip fd92::/32 table 77"]
        answer = node.reload(["interface l0", *(moved if turn % 2 == 0 else [])])
        assert effects(answer, "changed") == hosts(FAR), answer
        time.sleep(0.3)
    outcome = stream.finish()
    assert outcome.rate > 800
    assert not outcome.lost, f"{len(outcome.lost)} of {outcome.count} lost"


def test_interfaces_come_and_go(lab):
    """A new interface is run on, one that is not named any more is left; the others stay."""
    n, a, b = (lab.namespace(name) for name in "nab")
    lab.veth(n, a, ("l0", "l0"))
    lab.veth(n, b, ("l1", "l0"))
    a.own(*FAR)
    b.own(*SOURCE)
    neighbour_with_far_hosts("swabeld", a)
    Swabeld(b, ["l0"], own=["10.98.0.0/16", "fd98::/32"])
    node = Configured(n, ["interface l0"])
    wait_until(lambda: n.reaches() == hosts(FAR), 20, "routes are learned")
    watcher = Process(n, "monitor", ["ip", "monitor", "route"])
    node.reload(["interface l*"])
    wait_until(lambda: n.reaches() == hosts(FAR) | hosts(SOURCE), 12, "a second interface")
    answer = node.reload(["interface l0"])
    assert "1 neighbours lost" in answer[-1]
    wait_until(lambda: n.reaches() == hosts(FAR), 2, "it is left")
    wait_until(lambda: not b.reaches(), 2, "its neighbour is told")
    assert not re.search(r"10\.92\.|fd92::", watcher.text()), watcher.text()


def test_rules_come_and_go(lab):
    """Rules are added at a place, counted, listed and removed while the daemon runs."""
    s, n, a, _, node = scene(lab, "swabeld", ["interface l0", "in ip 10.1.0.0/16 deny"])
    assert node.ask("rule add in at 1 ip 10.92.0.0/16 deny") == ["ok"]
    wait_until(lambda: n.reaches() == {"fd92::1/128"}, 1, "the rule counts at once")
    assert node.ask("in ip fd92::/32 metric 7") == ["ok"]
    rules = [line for line in node.ask("show rules") if line.startswith("rule in ")]
    assert [line.split()[2] for line in rules] == ["1", "2", "3"]
    assert "10.92.0.0/16 deny" in rules[0] and "local socket" in rules[0]
    assert "10.1.0.0/16 deny" in rules[1] and str(node.file) in rules[1]
    wait_until(lambda: any(int(line.split()[4]) > 0 for line in node.ask("show rules")
                           if line.startswith("rule in 1 ")), 10, "the rule counts Updates")
    difference = node.ask("show config --diff")
    assert "+ in ip 10.92.0.0/16 deny" in difference and difference[-1] == "ok", difference
    assert "in ip fd92::/32 metric 7" in node.ask("show config")
    assert node.ask("rule remove in 1") == ["ok"]
    wait_until(lambda: n.reaches() == hosts(FAR), 1, "it is back")
    for wrong in ("rule remove in 9", "rule add in at 9 ip 10.0.0.0/8 deny",
                  "rule add in ip nonsense deny"):
        assert node.ask(wrong)[-1].startswith("no "), wrong
    assert node.ask("protocol-port 7")[-1].startswith("no cannot change while running")
    node.reload(["interface l0"])
    assert node.ask("show config --diff") == ["ok"]


def test_a_link_is_drained(lab):
    """Traffic leaves a drained link in both directions without a loss, and comes back."""
    s, n, m, a = (lab.namespace(name) for name in "snma")
    lab.veth(n, a, ("l0", "l0"))
    lab.veth(n, m, ("l1", "l0"))
    lab.veth(m, a, ("l1", "l1"))
    lab.veth(n, s, ("l3", "l0"))
    for host in (n, m, a):
        host.forward()
    s.batch(["route add 0.0.0.0/0 via 10.77.4.1", "route add ::/0 via fe80::1 dev l0"])
    s.own(*SOURCE)
    n.batch(["route add 10.98.0.0/16 via 10.77.4.2 proto static",
             "route add fd98::/32 via fe80::2 dev l3 proto static"])
    a.own(*FAR)
    node = Configured(n, ["interface l0", "interface l1"])
    Swabeld(m, ["l0", "l1"])
    Swabeld(a, ["l0", "l1"], own=["10.92.0.0/16", "fd92::/32"])

    def ways():
        there = n.ip("-6", "route", "show", "fd92::1")
        back = a.ip("-6", "route", "show", "fd98::/32")
        return ("dev l0" in there, "dev l0" in back)

    wait_until(lambda: ways() == (True, True), 20, "the direct link is used")
    wait_until(lambda: "10.92.0.1" in n.ip("route") and "10.98.0.0/16" in a.ip("route"), 20,
               "both families")
    time.sleep(3)
    for place, address in ((n, "fe80::2%l0"), (n, "fe80::2%l3"), (n, "fe80::2%l1")):
        assert place.ping(address)
    streams = [Stream(s, {"a": a}, FAR, 1000), Stream(a, {"s": s}, SOURCE, 1000)]
    time.sleep(0.5)
    assert node.ask("drain l0") == ["ok"]
    wait_until(lambda: ways() == (False, False), 5, "traffic leaves")
    assert "# drain l0" in node.ask("show config")
    time.sleep(0.5)
    n.ip("link", "set", "l0", "down")
    time.sleep(1)
    n.ip("link", "set", "l0", "up")
    n.ip("addr", "add", "fe80::1/64", "dev", "l0", "nodad")
    time.sleep(2)
    assert ways() == (False, False)
    assert node.ask("undrain l0") == ["ok"]
    wait_until(lambda: ways() == (True, True), 5, "traffic comes back")
    assert node.ask("neighbour-cost fe80::2 5000 for 2") == ["ok"]
    for stream in streams:
        outcome = stream.finish()
        assert outcome.rate > 800, f"{outcome.rate} datagrams a second"
        assert not outcome.lost, f"{len(outcome.lost)} of {outcome.count} lost"
