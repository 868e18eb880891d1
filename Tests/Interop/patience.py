"""Running commands and waiting for what must come, or must not."""

from __future__ import annotations

import itertools
import os
import subprocess
import sys
import threading
import time
from typing import Any, Callable, TypeVar

Result = TypeVar("Result")
stopping = threading.Event()
serial = itertools.count(1)
findings: list[str] = []
# Where more than half of the time was needed that is allowed: the part that was, and the place.
narrow_waits: list[tuple[float, str]] = []
# Under an emulator of another processor the daemon and its client need several times as long to
# start and to answer. So everything that is awaited gets so many times as long, here and nowhere
# else. What must not happen is watched for as long as always, and what a test measures itself is
# not scaled: such tests do not run under an emulator (see `emulated` in Tests/run).
SLOWNESS = 4 if os.environ.get("SWABELD_EMULATED") == "1" else 1


def measured(text: str) -> None:
    """Keeps a figure for the end of the run, where all are printed."""
    findings.append(text)


def next_serial() -> int:
    """A number not given before in this run."""
    return next(serial)


class LabError(AssertionError):
    """A command failed, a process died, or something awaited did not come."""


def run(*words: str, stdin: str | None = None, check: bool = True) -> str:
    """Runs a command to its end and returns what it printed."""
    done = subprocess.run(
        words, input=stdin, capture_output=True, text=True, errors="replace", timeout=120,
        stdin=subprocess.DEVNULL if stdin is None else None)
    if check and done.returncode != 0:
        raise LabError(f"{' '.join(words)}: status {done.returncode}: {done.stderr.strip()}")
    return done.stdout


def wait_until(
    condition: Callable[[], Result], timeout: float, what: str | Callable[[], str] = "",
    every: float = 0.1
) -> Result:
    """Polls until `condition` is true, and returns its value; fails after `timeout` seconds, or
    longer under an emulator, and says `what` it waited for, found out then if that is a function.
    """
    timeout *= SLOWNESS
    begin = time.monotonic()
    deadline = begin + timeout
    while True:
        value = condition()
        if value:
            note_wait((time.monotonic() - begin) / max(timeout, 0.001))
            return value
        if stopping.is_set():
            raise LabError("the run is being stopped")
        if time.monotonic() > deadline:
            what = what() if callable(what) else what
            raise LabError(f"not within {timeout:g} s: {what or condition}")
        time.sleep(every)


def note_wait(part: float) -> None:
    """Keeps the place of a wait that took more than half of its time: there a slower machine, or
    a rarer course of events, would make a test fail."""
    if part <= 0.5:
        return
    places = []
    frame = sys._getframe(2)
    while frame is not None and len(places) < 3:
        name = os.path.basename(frame.f_code.co_filename)
        if name not in ("patience.py", "conftest.py", "thread.py"):
            places.append(f"{name}:{frame.f_lineno} {frame.f_code.co_name}")
        frame = frame.f_back
    narrow_waits.append((part, " < ".join(places)))


def never(condition: Callable[[], Any], seconds: float, what: str, every: float = 0.1) -> None:
    """Fails if `condition` becomes true within `seconds`."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if condition():
            raise LabError(f"must not happen: {what}")
        time.sleep(every)
