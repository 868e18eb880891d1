"""The short form of the benchmarks. No time is limited, because other machines are slower; what is
limited are instructions, which Valgrind counts the same everywhere, ratios to a program that only
writes routes, octets, and what an honest neighbour loses."""

import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time

os.environ.update(STORM="2", STORM_RATE="50000", NEIGHBOURS="100", HOLD="3")

import pytest  # noqa: E402
import rig  # noqa: E402
from netns import measured  # noqa: E402
from rig import RETRACTED, Swabeld, World  # noqa: E402
from rows_routes import install  # noqa: E402
from rows_storms import forged_storm, malformed_storm, many, unsigned_storm  # noqa: E402

ROUTES = 500
# Four times as many routes take four times as many instructions, and a little for what is rarer.
MOST_OF_FOUR = 5
# The daemon's time for a route, in that of a program which only writes it; it is about 2.
MOST_OF_WRITER = 6
# Octets for each route beyond the first 5,000, all of one neighbour; see docs/performance.md.
MOST_OCTETS = 130


class CountedSwabeld(Swabeld):
    """The daemon under Valgrind, which counts its instructions."""

    def __init__(self, *words, **how):
        super().__init__(*words, **how, wrapper=[
            "valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null"])

    def binary(self):
        # Valgrind gives up on the debug information of a newer compiler.
        rig.BUILD.mkdir(exist_ok=True)
        copy = str(rig.BUILD / "counted")
        subprocess.run([shutil.which("strip") or "llvm-strip", "-g", "-o", copy,
                        super().binary()], check=True, timeout=60)
        return copy


rig.PROGRAMS["counted"] = CountedSwabeld


def instructions(lab, count):
    """Of a whole life in which so many routes come and go."""
    world = World(lab, "counted")
    if count:
        world.learn(count)
        world.settle(count)
        world.neighbours[0].announce(count, RETRACTED)
        gone, left = world.watch.until(0, "-")
        assert gone, f"{left} routes are left"
    assert world.node.stop() == 0
    return int(re.search(r"Collected : (\d+)", world.node.process.text()).group(1))


@pytest.mark.alone
def test_instructions_grow_as_routes_do(lab):
    none, some, more = (instructions(lab, count) for count in (0, ROUTES, 4 * ROUTES))
    ratio = (more - none) / (some - none)
    measured(f"{(some - none) / ROUTES:,.0f} instructions for a route that comes and goes, of "
             f"{ROUTES}; {(more - none) / 4 / ROUTES:,.0f} of {4 * ROUTES}: {ratio:.2f} times")
    assert 3 < ratio < MOST_OF_FOUR


@pytest.mark.alone
def test_a_route_costs_a_few_times_its_writing(lab):
    """The least of three trials counts: what else the machine does makes both dearer."""
    name = "CPU of a route, µs"
    ours, writer = (
        min(install(lab, who, 5000)[name] for _ in range(3)) for who in ("ours", "writer"))
    measured(f"a route costs {ours:.1f} µs; to write it takes {writer:.1f} µs: "
             f"{ours / writer:.1f} times")
    assert ours < MOST_OF_WRITER * writer


@pytest.mark.alone
def test_a_route_takes_few_octets(lab):
    """What the process has grown by; what it grows by only once is left out."""
    some, more = (
        install(lab, "ours", count)["memory of a route, B"] * count for count in (5000, 45_000))
    octets = (more - some) / 40_000
    measured(f"a route takes {octets:.0f} octets")
    assert 40 < octets < MOST_OCTETS


@pytest.mark.alone
@pytest.mark.parametrize("storm", [malformed_storm, forged_storm, unsigned_storm])
def test_the_honest_neighbour_stays(lab, storm):
    values = storm(lab, "ours", 0)
    measured(", ".join(f"{name} {value:.1f}" for name, value in values.items()))
    lost = [value for name, value in values.items() if "routes lost" in name]
    assert lost == [0], values


@pytest.mark.alone
def test_hellos_of_many_neighbours_are_read_together(lab):
    """Each of them is sent by itself. Waking for each would cost more than the Hellos do."""
    count, seconds = 300, 5
    world = World(lab, "ours", count=count, hello=1)
    time.sleep(2)
    world.meter.reset()
    time.sleep(seconds)
    wakes = world.meter.woken() / seconds
    measured(f"{count} Hellos a second wake the daemon {wakes:.0f} times a second")
    assert wakes < count / 3
    assert len(world.node.neighbours()) == count


@pytest.mark.alone
def test_no_neighbour_of_many_is_lost(lab):
    values = many(lab, "ours", 0)
    measured(", ".join(f"{name} {value:.2f}" for name, value in values.items()))
    wrong = [value for name, value in values.items() if "lost" in name or "missing" in name]
    assert wrong == [0, 0], values


@pytest.mark.alone
def test_an_interruption_keeps_what_was_measured(lab):
    with tempfile.NamedTemporaryFile() as file:
        environment = {**os.environ, "JSON": file.name, "ROWS": "burst", "N": "100",
                       "DAEMONS": "ours", "RUNS": "1000"}
        del environment["SWABELD_LAB"]
        program = pathlib.Path(__file__).with_name("bench.py")
        bench = subprocess.Popen(
            [sys.executable, program], env=environment, stdout=subprocess.PIPE, text=True,
            start_new_session=True)
        for line in bench.stdout:
            if line.startswith("run 3"):
                os.killpg(bench.pid, signal.SIGINT)
                break
        rest = bench.communicate(timeout=30)[0]
        assert bench.returncode == 130 and "interrupted" in rest, rest
        found = json.loads(pathlib.Path(file.name).read_text())["values"]
        assert [len(one["values"]) for one in found if "missing" in one["measured"]] == [2], found
