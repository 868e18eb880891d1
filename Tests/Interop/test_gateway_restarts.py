"""What is known of gateways stays over a restart, and the way out stays in the kernel."""

from __future__ import annotations

import re
import threading

from netns import never, wait_until
from test_gateways import MOVED, NOTICED
from test_self_restart import restarted
from test_show import ask
from uplinks import DEFAULT6, UPLINK_METRIC, Scene


def test_restart(lab):
    """A restart that keeps the routes keeps the verdicts, also that an uplink is dead: the routes
    of a client do not change at all."""
    scene = Scene(lab, gateways=lambda gate: [
        f"state-file {lab.directory}/state-{gate.number}", gate.gateway(), gate.gateway6()])
    gate, other = scene.gates
    scene.until_by("m0", 30)
    other.die(6)
    other.until("down", NOTICED, "up6")
    wait_until(lambda: scene.way(DEFAULT6) == "m0", 20, "IPv6")
    ways, done = set(), threading.Event()

    def watch() -> None:
        while not done.is_set():
            ways.update({scene.way(), scene.way(DEFAULT6)})

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    for one in scene.gates:
        restarted(one.daemon)
    assert gate.state() in ("up", "failing") and gate.state("up6") in ("up", "failing")
    assert other.state() in ("up", "failing")
    assert other.state("up6") in ("down", "recovering") and other.rows()["up6"]["flaps"] == 1
    never(lambda: ways != {"m0"}, 5, "a default route changes")
    done.set()
    watcher.join()


def test_restart_with_a_new_gateway(lab):
    """A gateway that is new in the file leaves what is announced, also over a restart; only if its
    uplink turns out to be dead the route is taken back. Then a restart still knows why."""
    scene = Scene(lab, gateways=lambda gate: [f"state-file {lab.directory}/state-{gate.number}"])
    gate, _ = scene.gates
    file = lab.directory / "more.conf"
    file.write_text("")
    gate.daemon.stop()
    gate.daemon.words[1:1] = ["-c", str(file)]
    gate.daemon.start()
    scene.until_by("m0", 30)
    file.write_text(gate.gateway() + "\n")
    ways, done = set(), threading.Event()

    def watch() -> None:
        while not done.is_set():
            ways.add(scene.way())

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    restarted(gate.daemon)
    gate.until("up", 5)
    never(lambda: ways != {"m0"}, 3, "a default route changes")
    done.set()
    watcher.join()
    gate.die()
    gate.until("down", NOTICED)
    scene.until_by("m1", MOVED)
    restarted(gate.daemon)
    status = " ".join(ask(gate.daemon, "status").split())
    assert re.search(r"is withdrawn: (no answer before|icmp)", status), status
    assert "was dead before the restart" in gate.daemon.process.text()
    never(lambda: scene.way() != "m1", 2, "the dead uplink is announced")


def test_way_out_in_our_place(lab):
    """Where the uplink's own route stands in the place of the route to another gateway, the remedy
    is not to remove it: probes need it."""
    scene = Scene(lab)
    gate, _ = scene.gates
    scene.until_by("m0", 30)
    # In this order, because without an uplink's route one to the other gateway would be put there.
    gate.machine.ip("route", "add", "default", "via", gate.far, "proto", "dhcp")
    gate.machine.ip("route", "del", "default", "dev", gate.interface, "metric", UPLINK_METRIC)
    scene.until_by("m0", 30)
    gate.die(4)
    gate.until("down", NOTICED)
    wait_until(
        lambda: "give it a metric above 0" in " ".join(ask(gate.daemon, "status").split()), 10,
        lambda: ask(gate.daemon, "status"), every=0.2)
    assert "ip route del" not in ask(gate.daemon, "status")
