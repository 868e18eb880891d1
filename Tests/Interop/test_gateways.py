"""Gateways: routes through an uplink are announced while it answers probes, and not when it is
dead."""

from __future__ import annotations

import re
import socket
import threading
import time

import pytest
from daemons import settle
from netns import never, wait_until
from test_show import ask, rows
from uplinks import (
    DEFAULT, DEFAULT6, PROBED, QUICK, Scene, echo, way)

# A round each second; an uplink is dead within so many intervals, and traffic moves within so long.
INTERVAL = 1
NOTICED = 3 * INTERVAL
MOVED = 2


class Stream:
    """A TCP connection from the client that is used all the time."""

    def __init__(self, scene: Scene) -> None:
        self.count, self.error, self.longest = 0, None, 0.0
        self.done = threading.Event()

        def connect() -> socket.socket:
            return socket.create_connection(
                (PROBED, 7777), timeout=15, source_address=("10.99.0.1", 0))

        self.socket = scene.client.enter(connect)
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self) -> None:
        last = time.monotonic()
        try:
            while not self.done.is_set():
                text = b"%08d" % self.count
                self.socket.sendall(text)
                answer = b""
                while len(answer) < len(text):
                    piece = self.socket.recv(100)
                    assert piece, "the connection was closed"
                    answer += piece
                assert answer == text
                self.count += 1
                self.longest = max(self.longest, time.monotonic() - last)
                last = time.monotonic()
                self.done.wait(0.02)
        except Exception as error:  # told by the test
            self.error = error

    def end(self) -> None:
        self.done.set()
        self.thread.join(20)
        self.socket.close()
        assert self.error is None, self.error


@pytest.mark.alone
@pytest.mark.parametrize("program", ["swabeld", "babeld"])
def test_dead_uplink(lab, program):
    """A dead uplink is noticed within three intervals, the traffic of a client moves within two
    seconds more, and its TCP connection goes on; so does one through the other gateway."""
    scene = Scene(lab, program=program)
    gate, other = scene.gates
    scene.until_by("m0", 30)
    wait_until(lambda: scene.way(DEFAULT6) == "m0", 30, "IPv6")
    wait_until(lambda: way(other.machine, DEFAULT) is None and other.state() == "up", 10, "both up")
    echo(scene.internet)
    stream = Stream(scene)
    wait_until(lambda: stream.count > 20, 10, "the stream flows")
    gate.die()
    begin = time.monotonic()
    gate.until("down", NOTICED)
    noticed = time.monotonic() - begin
    scene.until_by("m1", MOVED)
    moved = time.monotonic() - begin
    before = stream.count
    wait_until(lambda: stream.count > before + 20, 10, "the stream goes on by the other gateway")
    print(f"{program}: noticed after {noticed:.2f} s, moved after {moved:.2f} s, longest pause of "
          f"the stream {stream.longest:.2f} s")
    assert moved <= NOTICED + MOVED
    # A stream that goes through the living gateway does not notice that the other one comes back.
    longest = stream.longest
    stream.longest = 0
    gate.revive()
    gate.until("up", 15)
    # babeld stays with what it has for long.
    if program == "swabeld":
        scene.until_by("m0", 30)
    never(lambda: stream.error, 2, "the stream ends")
    stream.end()
    print(f"longest pause when the uplink came back {stream.longest:.2f} s, before {longest:.2f} s")
    assert stream.longest < 1.5


def test_behind_bird(lab):
    """BIRD behind two gateways follows as well."""
    scene = Scene(lab, program="bird")
    gate, other = scene.gates
    wait_until(lambda: scene.way() in ("m0", "m1"), 40, "a default route")
    first = scene.way()
    dead = scene.gates[int(first[1])]
    dead.die()
    dead.until("down", NOTICED)
    scene.until_by("m1" if first == "m0" else "m0", MOVED)


def test_flapping(lab):
    """An uplink that works for five seconds and is dead for five is announced for a part of the
    first times only, and then not at all until it has been good for long."""
    scene = Scene(lab, gateways=lambda gate: [
        gate.gateway("interval 0.5 fail 2 recover 2 max-recover 30")])
    gate = scene.gates[0]
    scene.until_by("m0", 30)
    done, told = threading.Event(), []

    def flap() -> None:
        for _ in range(5):
            gate.die()
            done.wait(5)
            gate.revive()
            done.wait(5)

    thread = threading.Thread(target=flap, daemon=True)
    thread.start()
    while thread.is_alive():
        told.append(gate.rows()["up4"])
        thread.join(0.2)
    changes = told[-1]["changes"]
    # The first success, five failures at most, and less than one return each.
    assert changes <= 6, changes
    assert told[-1]["flaps"] >= 2
    late = [row["state"] for row in told[-40:]]
    assert "up" not in late, late
    assert scene.way() == "m1"
    assert " gateway up4 if up1 was up now down cause " in ask(gate.daemon, "show", "events")
    # The longest wait is a limit.
    gate.until("up", 32)


def test_families(lab):
    """Broken IPv6 beside working IPv4 moves only IPv6, at both ends of the uplink."""
    scene = Scene(lab)
    gate, _ = scene.gates
    scene.until_by("m0", 30)
    scene.until_by("m0", 30, DEFAULT6)
    gate.die(6)
    gate.until("down", NOTICED, "up6")
    scene.until_by("m1", MOVED, DEFAULT6)
    never(lambda: scene.way() != "m0" or gate.state() != "up", 3, "IPv4 moves, too")
    gate.revive()
    gate.until("up", 15, "up6")
    scene.until_by("m0", 30, DEFAULT6)


@pytest.mark.parametrize("kind", ["vxlan", "wireguard"])
def test_tunnels(lab, kind):
    """Uplinks that are tunnels."""
    scene = Scene(lab, kinds=(kind, "veth"))
    gate, _ = scene.gates
    scene.until_by("m0", 30)
    gate.die()
    gate.until("down", NOTICED)
    scene.until_by("m1", MOVED)
    gate.revive()
    gate.until("up", 15)
    scene.until_by("m0", 30)


def test_probes_stay_off_the_mesh(lab):
    """While the uplink is dead the machine itself reaches the probed address by the mesh; no probe
    does."""
    scene = Scene(lab)
    gate, _ = scene.gates
    scene.until_by("m0", 30)
    gate.die()
    gate.until("down", NOTICED)
    wait_until(lambda: way(gate.machine) == "mesh", 10, "the gateway uses the other one")
    gate.machine.execute("nft", "-f", "-", stdin=(
        "add table inet t\nadd chain inet t c { type filter hook output priority 0; }\n"
        f"add rule inet t c oifname mesh ip daddr {PROBED} counter\n"
        f"add rule inet t c oifname {gate.interface} ip daddr {PROBED} counter\n"))
    never(lambda: gate.state() != "down", 5, "the uplink counts")

    def counts() -> list[int]:
        text = gate.machine.execute("nft", "list", "table", "inet", "t")
        return [int(number) for number in re.findall(r"counter packets (\d+)", text)]

    assert counts()[0] == 0 and counts()[1] >= 3, counts()
    assert "dev mesh" in gate.machine.ip("route", "get", PROBED)
    # A socket that is not bound goes by the mesh, so the rule would have seen a probe there.
    gate.machine.ping(PROBED)
    assert counts()[0] > 0


def test_before_the_first_verdict(lab):
    """Nothing is announced before the first answer, and at once after it."""
    scene = Scene(lab, gateways=lambda gate: [gate.gateway(probe=f"tcp {PROBED}:7777 fail 100")])
    gate, _ = scene.gates
    settle(scene.node)
    never(lambda: scene.way() or gate.rows()["up4"]["state"] not in ("pending", "down"), 4,
          "something is announced")
    assert re.search("first probes are not answered yet", ask(gate.daemon, "explain", DEFAULT))
    echo(scene.internet)
    gate.until("up", 3)
    scene.until_by("m0", 20)


def test_penalty(lab):
    """With a penalty the routes stay and are the last resort."""
    scene = Scene(lab, gateways=lambda gate: [gate.gateway(QUICK + " penalty 5000")])
    gate, other = scene.gates
    scene.until_by("m0", 30)
    gate.die()
    gate.until("down", NOTICED)
    scene.until_by("m1", MOVED)
    assert gate.rows()["up4"]["effect"] == "penalty 5000"
    assert any(row["prefix"] == DEFAULT and row["metric"] == "5128"
               for row in gate.daemon.dump("xroute")), gate.daemon.dump("xroute")
    other.die()
    other.until("down", NOTICED)
    # Both are dear now: the former order counts, as soon as the averages of the metrics, which rise
    # with a half-life of 4 s, are in it again.
    scene.until_by("m0", 45)


def test_reload(lab):
    """A gateway that comes while the daemon runs leaves what is announced, and a change of its
    parameters leaves the verdict as it is."""
    scene = Scene(lab, gateways=lambda gate: [])
    gate, _ = scene.gates
    scene.until_by("m0", 30)
    with gate.daemon.control() as control:
        assert control.ask(gate.gateway()) == ["ok"]
        assert any(line.startswith("gateway up4 interface up1 prefix 0.0.0.0/0")
                   for line in control.ask("show config"))
    assert scene.way() == "m0"
    gate.until("up", 5)
    with gate.daemon.control() as control:
        assert control.ask(gate.gateway(QUICK + " penalty 77")) == ["ok"]
        assert gate.state() in ("up", "failing") and scene.way() == "m0"
        assert control.ask(gate.gateway()) == ["ok"]
        gate.die()
        gate.until("down", NOTICED)
        scene.until_by("m1", MOVED)
        # The files have no gateway: without it the route is announced again.
        for request in ("reload --dry-run", "reload"):
            answer = control.ask(request)
            assert any(line.startswith("change - gateway up4 ") for line in answer), answer
            assert "effect announced 0.0.0.0/0 metric 128" in answer, answer
    assert gate.rows() == {}
    scene.until_by("m0", 30)


def test_told(lab):
    """A dead uplink is a problem with a remedy, an event, a metric, a hook, and the reason why a
    prefix is not announced."""
    script, told = lab.directory / "hook", lab.directory / "told"
    script.write_text(f"#!/bin/sh\necho $1 $SWABELD_GATEWAY $SWABELD_CAUSE >> {told}\n")
    script.chmod(0o755)
    scene = Scene(lab, gateways=lambda gate: [
        gate.gateway(), gate.gateway6(), f"hook gateway-up {script}",
        f"hook gateway-down {script}"][:4 if gate.number == 1 else 2])
    gate, _ = scene.gates
    scene.until_by("m0", 30)
    gate.until("up", 10)
    wait_until(lambda: told.exists() and "gateway-up up4" in told.read_text(), 10, "hook")
    gate.die()
    gate.until("down", NOTICED)

    def found():
        return [row for row in rows(gate.daemon, "status") if row.get("problem") == "gateway-down"]
    wait_until(found, 10, "the problem")
    assert found()[0]["subject"] in ("up4", "up6")
    assert "ping -I up1" in found()[0]["remedy"]
    text = re.sub(r"\s+", " ", ask(gate.daemon, "explain", DEFAULT))
    assert "Gateway up4: the uplink through up1 is dead, so its routes are not announced" in text
    metrics = ask(gate.daemon, "metrics")
    assert 'swabeld_gateway_up{gateway="up4",interface="up1"} 0' in metrics
    assert 'swabeld_gateway_rounds_total{gateway="up4",outcome="bad"}' in metrics
    wait_until(lambda: "gateway up4: the uplink through up1 is dead" in gate.daemon.process.text(),
               5, "log")
    wait_until(lambda: f"gateway-down up4 icmp {PROBED}: no answer" in told.read_text(), 10, "hook")
    table = ask(gate.daemon, "show", "gateways")
    assert all(len(line) <= 80 for line in table.splitlines()), table
    assert re.search(r"^up4 +down ", table, re.M), table


def test_sticky(lab):
    """Of two gateways alike the one that is used stays, while the other one is a little better:
    `switch-margin` and `switch-dwell`."""
    scene = Scene(lab)
    scene.until_by("m0", 30)
    node, (gate, _) = scene.node, scene.gates
    with node.control() as control:
        assert control.ask("switch-margin 64") == ["ok"]
        assert control.ask("switch-dwell 3") == ["ok"]
    # The way of the first is dearer now by 46, which is less than the margin.
    with gate.daemon.control() as control:
        assert control.ask("interface mesh rxcost 246") == ["ok"]
    never(lambda: scene.way() != "m0", 8, "a switch for less than the margin")
    begin = time.monotonic()
    with gate.daemon.control() as control:
        assert control.ask("interface mesh rxcost 400") == ["ok"]
    scene.until_by("m1", 40)
    assert time.monotonic() - begin >= 2.5
    gate.until("up", 1)


def test_preference(lab):
    """A client prefers one gateway by a rule for its router-id."""
    scene = Scene(lab)
    scene.until_by("m0", 30)
    ids = [re.search(r"my-id (\S+)", "\n".join(gate.daemon.control().banner)).group(1)
           for gate in scene.gates]
    with scene.node.control() as control:
        assert control.ask(f"rule add in at 1 id {ids[0]} ip 0.0.0.0/0 le 0 metric 1000") == ["ok"]
    scene.until_by("m1", 30)
    scene.until_by("m0", 5, DEFAULT6)
    scene.gates[1].die()
    scene.gates[1].until("down", NOTICED)
    scene.until_by("m0", MOVED)
