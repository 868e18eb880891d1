"""Running commands and waiting for what must come, or must not."""

from __future__ import annotations

import itertools
import os
import subprocess
import threading
import time
from typing import Any, Callable, TypeVar

Result = TypeVar("Result")
stopping = threading.Event()
serial = itertools.count(1)
findings: list[str] = []
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
    deadline = time.monotonic() + timeout
    while True:
        value = condition()
        if value:
            return value
        if stopping.is_set():
            raise LabError("the run is being stopped")
        if time.monotonic() > deadline:
            what = what() if callable(what) else what
            raise LabError(f"not within {timeout:g} s: {what or condition}")
        time.sleep(every)


def never(condition: Callable[[], Any], seconds: float, what: str, every: float = 0.1) -> None:
    """Fails if `condition` becomes true within `seconds`."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if condition():
            raise LabError(f"must not happen: {what}")
        time.sleep(every)
