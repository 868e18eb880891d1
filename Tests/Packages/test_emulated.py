"""Debian's packages and the tarballs for ARM on fresh systems whose every program is emulated."""

from __future__ import annotations

import time

import packed
import pytest
from netns import never, run, wait_until
from test_board import install_on_a_board
from test_debian import BEHIND, CONFIGURATION, WRONG, Path
from traffic import Stream, nothing_lost

# Seconds for all that dpkg and the daemon do under emulation, without making the system.
BOUND = 300
FOREIGN = [cpu for cpu in packed.PROCESSORS if cpu != "x86_64"]


@pytest.mark.parametrize("cpu", FOREIGN)
def test_package_under_emulation(lab, dist, next_dist, cpu):
    """It is installed, does not start with a mistake in the configuration and says where it is,
    starts without it, is upgraded without a lost packet, and leaves nothing when it is removed."""
    architecture = packed.PROCESSORS[cpu][0]
    path = Path(lab, dist, architecture)
    machine, begin = path.system, time.monotonic()
    assert machine.sh("dpkg --print-architecture").strip() == architecture
    machine.write("/etc/babeld.conf", WRONG)
    text = machine.sh(f"dpkg -i /mnt/{packed.deb(dist, architecture=architecture)}")
    assert "/etc/babeld.conf:4:14: found \"rxcots\"" in text and machine.daemon() is None
    status, text = machine.do("service swabeld start")
    assert status != 0 and "/etc/babeld.conf:4:14" in text and machine.daemon() is None

    machine.write("/etc/babeld.conf", CONFIGURATION)
    machine.sh("service swabeld start")
    machine.learns(f"{BEHIND}/32")
    assert packed.VERSION in machine.sh("swabeld -V 2>&1")
    assert "swabeld runs" in machine.sh("service swabeld status")
    assert f"{BEHIND}/32" in machine.sh("swabelctl show routes")

    before = machine.daemon()
    machine.show(next_dist)
    assert not machine.executes("/nothing") and machine.executes("/usr/sbin/swabeld")
    stream = Stream(path.source, {"d": path.peer}, [BEHIND], rate=1000)
    text = machine.sh(f"dpkg -i /mnt/{packed.deb(next_dist, architecture=architecture)}")
    assert "could not be restarted" not in text, text
    assert "9.0-1" in machine.sh("dpkg-query -W swabeld")
    wait_until(lambda: machine.executes("/usr/sbin/swabeld"), 20, "the new file runs")
    assert machine.daemon() == before
    never(lambda: f"{BEHIND}/32" not in machine.namespace.reaches(), 5, "the route went")
    nothing_lost([stream])

    machine.sh("dpkg --remove swabeld")
    path.gone()
    machine.sh("dpkg --purge swabeld")
    assert machine.files() - machine.fresh == {"etc/babeld.conf"}
    assert not run("ip", "-n", machine.namespace.name, "route", "show", "proto", "babel")
    assert time.monotonic() - begin < BOUND


@pytest.mark.parametrize("cpu", FOREIGN)
def test_board_under_emulation(lab, dist, cpu):
    """The commands of the README, word by word."""
    begin = time.monotonic()
    install_on_a_board(lab, dist, cpu)
    assert time.monotonic() - begin < BOUND
