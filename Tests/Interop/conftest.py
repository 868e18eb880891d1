"""Runs the tests in parallel where they only wait, and checks that nothing is left behind.

Every test takes `lab`. A test marked `alone` runs by itself, after all others; the others run
in threads, each with a lab of its own, from the moment collection is done. Those marked `early`
begin first: they wait for minutes, and nothing is to wait for them in the end.
"""

from __future__ import annotations

import concurrent.futures
import os
import pathlib
import signal
import sys
import time

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).parent))

import daemons  # noqa: E402
import netns  # noqa: E402

WORKERS = int(os.environ.get("SWABELD_INTEROP_WORKERS", "8"))
durations: dict[str, float] = {}
pool: concurrent.futures.ThreadPoolExecutor | None = None


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "alone: needs the machine for itself")
    config.addinivalue_line("markers", "early: waits for minutes, and begins before others")
    # As the first process of its namespace this one would not notice these otherwise.
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.default_int_handler)


def timed(name: str, function, lab, parameters: dict) -> None:
    start = time.monotonic()
    try:
        with lab:
            function(lab=lab, **parameters)
    finally:
        durations[name] = time.monotonic() - start


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: item.get_closest_marker("alone") is not None)


def pytest_collection_finish(session: pytest.Session) -> None:
    global pool
    if not session.items or session.config.option.collectonly:
        return
    netns.prepare()
    if not os.access(daemons.binary_under_test(), os.X_OK):
        pytest.exit(f"no daemon at {daemons.binary_under_test()}: run make", returncode=1)
    pool = concurrent.futures.ThreadPoolExecutor(WORKERS)
    for item in sorted(session.items, key=lambda item: item.get_closest_marker("early") is None):
        # pytest passes over these, and so does the pool.
        if any(mark.args and mark.args[0] for mark in item.iter_markers("skipif")):
            continue
        parameters = dict(item.callspec.params) if hasattr(item, "callspec") else {}
        if item.get_closest_marker("alone"):
            item.obj = later(item.name, item.function, parameters)
        else:
            future = pool.submit(start, item.name, item.function, parameters)
            item.obj = result_of(future)


def start(name: str, function, parameters: dict) -> None:
    if netns.stopping.is_set():
        raise netns.LabError("the run is being stopped")
    timed(name, function, netns.Lab(name.partition("[")[0].removeprefix("test_")), parameters)


def later(name: str, function, parameters: dict):
    return lambda **_: start(name, function, parameters)


def result_of(future: concurrent.futures.Future):
    return lambda **_: future.result()


@pytest.fixture
def lab() -> None:
    """Stands for the lab that `start` makes in the thread of the test."""


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    if pool is None:
        return
    netns.stopping.set()
    pool.shutdown(wait=True, cancel_futures=True)
    deadline = time.monotonic() + 2
    while netns.leftovers() and time.monotonic() < deadline:
        time.sleep(0.05)
    left = netns.leftovers()
    if left:
        print("\nleft behind:\n  " + "\n  ".join(left))
        session.exitstatus = 1


def pytest_terminal_summary(terminalreporter) -> None:
    if netns.findings:
        terminalreporter.section("measured")
        for text in netns.findings:
            terminalreporter.write_line(text)
    if netns.narrow_waits:
        terminalreporter.section("waits that took more than half of their time")
        for part, place in sorted(netns.narrow_waits, reverse=True):
            terminalreporter.write_line(f"{part:7.0%}  {place}")
    if durations:
        terminalreporter.section("seconds per test")
        for name, seconds in sorted(durations.items(), key=lambda entry: -entry[1]):
            terminalreporter.write_line(f"{seconds:7.1f}  {name}")
