"""What the log of a daemon says that was not asked for more."""

import re
import signal

from daemons import Swabeld
from netns import Process, wait_until

OWN = ["10.93.0.0/16", "fd93::/32"]
STAMP = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z "


class Triangle:
    """a, b and c are neighbours of each other; each has an address of its own."""

    def __init__(self, lab, **more) -> None:
        self.lab = lab
        self.spaces = [lab.namespace(name) for name in "abc"]
        a, b, c = self.spaces
        self.links = {"ab": lab.veth(a, b, ("b0", "a0")), "ac": lab.veth(a, c, ("c0", "a0")),
                      "bc": lab.veth(b, c, ("c0", "b0"))}
        for number, space in enumerate(self.spaces, 1):
            space.own(f"10.93.0.{number}", f"fd93::{number}")
        self.nodes = [
            Swabeld(space, [link.name(space) for link in self.links.values()
                            if space in [end for end, _ in link.ends]],
                    own=OWN, **(more if index == 0 else {}))
            for index, space in enumerate(self.spaces)]
        self.node = self.nodes[0]
        wait_until(lambda: len(a.reaches()) == 4, 15, self.text)

    def text(self) -> str:
        return self.node.process.text()

    def said(self, pattern: str, seconds: float = 10) -> str:
        def find():
            return re.search(f"{STAMP}{pattern}$", self.text(), re.MULTILINE)
        wait_until(find, seconds, lambda: f"{pattern} in:\n{self.text()}")
        return find()[0]


def test_a_day_of_a_node(lab):
    """Start, neighbours, a silent death, a link without carrier, and the end: a line for each."""
    world = Triangle(lab, first=["router-id 02:00:00:00:00:00:00:0a"])
    a, b, c = world.spaces
    ab, ac = world.links["ab"].name(a), world.links["ac"].name(a)
    world.said(rf"notice: swabeld-\S+ started, router-id \S+, configuration \S+, "
               rf"interfaces {ab} {ac}")
    world.said(rf"notice: Interface {ab} is up, from fe80::\S+")
    world.said(rf"notice: neighbour \S+ on {ab} found, cost \d+")
    world.said(rf"notice: neighbour \S+ on {ac} found, cost \d+")
    world.nodes[1].process.child.send_signal(signal.SIGSTOP)
    line = world.said(rf"notice: neighbour \S+ on {ab} lost: silent for \d+\.\d s; .*")
    assert "prefixes unreachable now: " in line or "routes moved elsewhere: " in line, line
    world.nodes[1].process.child.send_signal(signal.SIGCONT)
    world.said(rf"notice: neighbour \S+ on {ab} is usable again, cost \d+")
    wait_until(lambda: len(a.reaches()) == 4, 15, world.text)
    c.ip("link", "set", world.links["ac"].name(c), "down")
    world.said(rf"notice: Interface {ac} is not used: (no carrier|the link is down.*)")
    world.said(rf"notice: neighbour \S+ on {ac} lost: the interface went down; "
               r"(routes moved elsewhere|prefixes unreachable now): \d+.*")
    assert world.node.stop() == 0
    world.said(r"notice: Stopped \(SIGTERM\)\. Neighbours were told, our routes are gone\.")
    assert "info: " not in world.text() and "warning: " not in world.text(), world.text()


def test_neighbour_says_goodbye_and_prefixes_come_back(lab):
    """Prefixes that are lost and regained together take one line each time."""
    world = Triangle(lab)
    a, b, _ = world.spaces
    b.own(*[f"10.93.7.{number}" for number in range(20)])
    wait_until(lambda: len(a.reaches()) == 24, 10, world.text)
    assert world.nodes[1].stop() == 0
    world.said(r"notice: prefixes lost: 2\d \(retracted by the neighbour\).*; among them .*")
    world.said(r"notice: neighbour \S+ on \S+ lost: it said goodbye")
    world.nodes[1].start()
    world.said(r"notice: prefixes regained: 2\d.*", 15)
    lines = [line for line in world.text().splitlines() if "prefixes" in line]
    assert len(lines) <= 6, lines


def test_history(lab):
    """`show events` tells what happened, `events --follow` what happens; both name the cause."""
    world = Triangle(lab)
    a, b, _ = world.spaces
    ab = world.links["ab"].name(a)
    with world.node.control() as control, world.node.control() as follower:
        assert follower.ask("events --follow") == ["ok"]
        events = control.ask("show events")
        assert events[-1] == "ok"
        number = r"event \d+ \d{4}-\d\d-\d\dT\S+Z "
        assert any(re.fullmatch(number + f"interface {ab} was none now up", line)
                   for line in events), events
        assert any(re.fullmatch(
            number + rf"neighbour fe80::2 if {ab} was new now usable cost \d+ "
            "cause both hear each other", line) for line in events), events
        world.nodes[1].process.stop(signal.SIGKILL)

        def lost():
            return [line for line in control.ask(f"show events interface {ab}")
                    if "was usable now unheard" in line]
        wait_until(lost, 10, world.text)
        assert re.search(r" silence 2\.\d cause silent$", lost()[0]), lost()
        assert f"outages neighbour fe80::2 if {ab} count 1 seconds " in "\n".join(
            control.ask("show events neighbour fe80::2"))
        line = follower.line()
        while "now unheard" not in line:
            line = follower.line()
        assert line == lost()[0]
        assert control.ask("show events nobody")[-1] != "ok"
        found = control.ask("show events prefix 10.93.0.2/32")
        assert any(" change lost was fe80::2 if " in line for line in found), found


def test_many_routes_are_one_event(lab):
    """Routes in bulk are an event for each kind and cause, whatever their number."""
    world = Triangle(lab)
    a, b, _ = world.spaces
    b.own(*[f"10.93.8.{number}" for number in range(200)])
    wait_until(lambda: len(a.reaches()) == 204, 10, world.text)
    with world.node.control() as control:
        def found():
            events = control.ask("show events")
            return [line for line in events if re.search(r" prefixes \d+ change found$", line)]
        wait_until(found, 5, world.text)
        assert len(control.ask("show events")) < 25


def test_the_client_follows(lab):
    """`swabelctl events --follow` prints events until it ends; `log-level` counts at once."""
    world = Triangle(lab)
    a, _, _ = world.spaces
    ab = world.links["ab"].name(a)
    path = world.node.control_path
    binary = world.node.binary()
    follower = Process(a, "follower", [binary, "ctl", "-s", path, "events", "--follow"])

    def ask(*words):
        return a.execute(binary, "ctl", "-s", path, *words)
    # The follower's `ok` is not printed, so its first event tells that it is there.
    world.nodes[1].process.child.send_signal(signal.SIGSTOP)
    wait_until(lambda: f"if {ab} was usable now unheard" in follower.text(), 10, world.text)
    assert follower.text() in ask("show", "events")
    world.nodes[1].process.child.send_signal(signal.SIGCONT)
    wait_until(lambda: f"if {ab} was unheard now usable" in follower.text(), 10, world.text)
    assert "is usable again" in world.text()
    ask("log-level", "neighbours", "error")
    assert "log-level neighbours error" in ask("show", "config")
    ask("log-level", "routes", "debug")
    lines = world.text().count("lost: silent")
    world.nodes[1].process.child.send_signal(signal.SIGSTOP)
    wait_until(lambda: follower.text().count("was usable now unheard") == 2, 10, world.text)
    assert world.text().count("lost: silent") == lines
    wait_until(lambda: "debug: change route" in world.text(), 5, world.text)
    assert world.node.stop() == 0 and follower.child.wait(5) == 0
