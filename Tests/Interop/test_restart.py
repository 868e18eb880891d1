"""A daemon is started anew on purpose: nothing that passes through it is lost, and neighbours do
not notice."""

import os
import re
import signal
import time

import pytest
from daemons import Swabeld
from netns import Process, wait_until
from passage import OURS, SOURCE, await_passage, passage
from test_crash import FAR, OWN, hosts, neighbour_with_far_hosts
from traffic import Stream, nothing_lost

LONG = os.environ.get("SWABELD_LONG") == "1"
RESTARTS = 20 if LONG else 5
KEY = "key id shared type hmac-sha256 value " + "5a" * 32


def scene(lab, program, first=(), crowd=0):
    """The passage with a daemon that can be started anew."""
    s, n, a, neighbour = passage(lab, program, first, crowd)
    node = Swabeld(
        n, ["l0", *(["l2"] if crowd else [])], own=OURS, first=list(first),
        statements=[
            "router-id 02:00:00:00:00:00:00:5a", f"state-file {lab.directory / 'state'}"])
    await_passage(n, a, neighbour, crowd)
    return s, n, a, neighbour, node


def restart(node, pause=0.0):
    assert node.stop(signal.SIGQUIT) == 0
    assert "The routes stay in the kernel" in node.process.text()
    time.sleep(pause)
    node.start()


@pytest.mark.parametrize(
    "program, first, crowd",
    [("swabeld", [], 0), ("swabeld", [KEY, "default key shared"], 0), ("babeld", [], 0),
     ("bird", [], 0), ("swabeld", [], 10_000),
     *([("babeld", [], 10_000), ("bird", [], 10_000)] if LONG else [])],
    ids=["swabeld", "keys", "babeld", "bird", "crowd",
         *(["babeld-crowd", "bird-crowd"] if LONG else [])])
def test_nothing_is_lost(lab, program, first, crowd):
    """Restarts under a stream of 1,000 datagrams a second, family and direction: none is lost, and
    the kernels of both sides change no route."""
    s, n, a, neighbour, node = scene(lab, program, first, crowd)
    streams = [Stream(s, {"a": a}, FAR, 1000), Stream(a, {"s": s}, SOURCE, 1000)]
    watchers = [Process(host, f"monitor-{host.label}", ["ip", "monitor", "route"])
                for host in (n, a)]
    time.sleep(1)
    for turn in range(RESTARTS):
        restart(node, pause=0.3 * (turn % 3))
        time.sleep(0.7)
        with node.control() as control:
            assert control.ask("dump")[-1] == "ok"
    # What the node did not hear of again would be taken back now.
    time.sleep(8)
    nothing_lost(streams)
    for watcher in watchers:
        # BIRD writes a route again whose seqno is another.
        sign = "Deleted .*" if program == "bird" else ""
        found = re.search(sign + r"(10\.9[128]\.|fd9[128]::)", watcher.text())
        assert not found, watcher.text()
    if first:
        # With the counters known, nobody is asked to prove anything.
        assert "challenge" not in node.process.text()
    assert node.stop() == 0
    wait_until(lambda: not hosts(OWN) & a.reaches(neighbour.proto), 20, "an orderly stop is told")


def test_what_was_lost_meanwhile_is_retracted(lab):
    """A link goes down while no daemon runs, and the kernel drops the routes through it. Neighbours
    are told soon after the start, not only when their routes expire (after 14 s)."""
    n, a, b = (lab.namespace(name) for name in "nab")
    lab.veth(n, a, ("l0", "l0"))
    lab.veth(n, b, ("l1", "l0"))
    a.own(*FAR)
    b.own(*SOURCE)
    Swabeld(a, ["l0"], own=["10.92.0.0/16", "fd92::/32"])
    Swabeld(b, ["l0"], own=["10.98.0.0/16", "fd98::/32"])
    node = Swabeld(n, ["l0", "l1"], statements=[f"state-file {lab.directory / 'state'}"])
    wait_until(lambda: hosts(FAR) <= b.reaches() and hosts(SOURCE) <= n.reaches(), 20,
               "routes are passed on")
    assert node.stop(signal.SIGQUIT) == 0
    n.ip("link", "set", "l0", "down")
    assert n.reaches() == hosts(SOURCE)
    node.start()
    wait_until(lambda: not b.reaches(), 3, "what was lost is retracted")


@pytest.mark.parametrize("end", [signal.SIGQUIT, signal.SIGKILL], ids=["restart", "crash"])
def test_an_interface_that_the_next_life_does_not_have(lab, end):
    """The next life runs on one of two interfaces. Routes through the other one go at once, since
    nobody keeps them right any more; so do neighbours' routes through us. Those that somebody else
    made, where we never ran, stay."""
    n, a, b = (lab.namespace(name) for name in "nab")
    lab.veth(n, a, ("l0", "l0"))
    lab.veth(n, b, ("l1", "l0"))
    n.batch(["link add d0 type veth peer name p0", "link set d0 up", "link set p0 up",
             "route add 10.70.0.0/16 dev d0 proto babel",
             "route add fd70::/32 dev d0 proto babel"])
    a.own(*FAR)
    b.own(*SOURCE)
    Swabeld(a, ["l0"], own=["10.92.0.0/16", "fd92::/32"])
    Swabeld(b, ["l0"], own=["10.98.0.0/16", "fd98::/32"])
    node = Swabeld(n, ["l0"], statements=[f"state-file {lab.directory / 'state'}"])
    with node.control() as control:
        assert control.ask("interface l1")[-1] == "ok"
    foreign = {"10.70.0.0/16", "fd70::/32"}
    wait_until(lambda: hosts(FAR) <= b.reaches() and hosts(SOURCE) <= n.reaches(), 20,
               "routes are passed on")
    if end == signal.SIGKILL:
        # The file lies on flash memory: it is written a while after the interface came.
        wait_until(lambda: "l1" in (lab.directory / "state.swabeld").read_text(), 5, "l1 is noted")
    node.process.stop(end)
    node.start()
    wait_until(lambda: n.reaches() - foreign == hosts(FAR), 2, "the routes through l1 are gone")
    assert foreign <= n.reaches()
    wait_until(lambda: not hosts(SOURCE) & a.reaches(), 5, "they are retracted")
    assert hosts(FAR) <= n.reaches() and node.stop() == 0
    assert n.reaches() == foreign


@pytest.mark.parametrize("end", [signal.SIGQUIT, signal.SIGKILL], ids=["restart", "crash"])
def test_a_table_that_the_next_life_does_not_use(lab, end):
    """The next life puts its routes into another table: none is left in the former one."""
    n, a = lab.namespace("n"), lab.namespace("a")
    lab.veth(n, a)
    a.own(*FAR)
    Swabeld(a, ["l0"], own=["10.92.0.0/16", "fd92::/32"])
    node = Swabeld(n, ["l0"], statements=[f"state-file {lab.directory / 'state'}"])
    with node.control() as control:
        assert control.ask("export-table 77")[-1] == "ok"

    def there(table):
        return "".join(n.ip(family, "route", "show", "table", table, "proto", "babel", check=False)
                       for family in ("-4", "-6"))

    wait_until(lambda: there("77").count("via") == 2, 20, "routes are learned")
    if end == signal.SIGKILL:
        wait_until(lambda: "table 77" in (lab.directory / "state.swabeld").read_text(), 5,
                   "the table is noted")
    node.process.stop(end)
    assert there("77").count("via") == 2
    node.start()
    wait_until(lambda: not there("77"), 2, "nothing is left in the table")
    wait_until(lambda: there("main").count("via") == 2, 20, "they are in the other one")
    assert node.stop() == 0


def test_settings_are_given_back_by_the_last(lab):
    """What the first process changed in the kernel is given back by the one that stops at last."""
    names = ["ipv6/conf/all/forwarding", "ipv4/conf/all/forwarding", "ipv4/conf/l0/rp_filter"]
    n, a = lab.namespace("n"), lab.namespace("a")
    lab.veth(n, a)
    n.sysctl("ipv4/conf/l0/rp_filter", "2")

    def values():
        return [n.sysctl(name).strip() for name in names]

    before = values()
    assert before == ["0", "0", "2"]
    node = Swabeld(n, ["l0"], statements=[f"state-file {lab.directory / 'state'}"])
    wait_until(lambda: values() == ["1", "1", "0"], 5, "settings are changed")
    restart(node)
    restart(node)
    assert values() == ["1", "1", "0"]
    assert node.stop() == 0
    assert values() == before


def test_without_a_file_routes_are_taken_back(lab):
    """A process that cannot leave notes for the next one stops as always, and says why."""
    n, a = lab.namespace("n"), lab.namespace("a")
    lab.veth(n, a)
    a.own(*FAR)
    Swabeld(a, ["l0"], own=["10.92.0.0/16", "fd92::/32"])
    node = Swabeld(n, ["l0"])
    wait_until(lambda: hosts(FAR) <= n.reaches(), 20, "routes are learned")
    assert node.stop(signal.SIGQUIT) == 0
    assert "routes are taken back" in node.process.text()
    assert not n.reaches()


@pytest.mark.parametrize("program", ["swabeld", "babeld"])
def test_under_another_address(lab, program):
    """The next life sends from another of the link's addresses, and the neighbour still tells the
    former one that it hears nothing from there. That changes no route."""
    n, a = (lab.namespace(name) for name in "na")
    lab.veth(n, a, ("l0", "l0"))
    a.own(*FAR)
    neighbour = neighbour_with_far_hosts(program, a)
    node = Swabeld(n, ["l0"])
    wait_until(lambda: hosts(FAR) <= n.reaches(), 20, "routes are learned")
    node.process.stop(signal.SIGKILL)  # without a goodbye, so that the neighbour looks for it
    n.ip("address", "add", "fe80::77/64", "dev", "l0", "nodad")
    node.start()

    def known():
        return {row["address"]: int(row["cost"]) for row in neighbour.dump("neighbour")}

    wait_until(lambda: known().get("fe80::77") == 96, 20, "it knows the other address")
    wait_until(lambda: hosts(FAR) <= n.reaches(), 20, "routes are learned again")
    watcher, said = Process(n, "monitor", ["ip", "monitor", "route"]), len(node.process.text())
    wait_until(lambda: known()["fe80::1"] == 65535, 10, "it notices the silence")
    time.sleep(5)
    assert not re.search(r"10\.92\.|fd92::", watcher.text()), watcher.text()
    assert "one-way" not in node.process.text()[said:]
