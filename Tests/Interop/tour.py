#!/usr/bin/env python3
"""A tour of faults (make tour): each is made on this one machine, named by one command and by the
log, and cured.

    tour.py [NAME...]               all faults, or some
    tour.py --as-configured ...     with the intervals that daemons have of themselves (slower)
    tour.py --list                  the names
    tour.py --write-comparison      writes docs/comparison.md, with babeld and BIRD beside ours

All faults are made at once, each in network namespaces of its own, and told one after another.
Nothing outside these namespaces is touched, and nothing stays."""

from __future__ import annotations

import concurrent.futures
import os
import pathlib
import signal
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).parent))
sys.dont_write_bytecode = True

if __name__ == "__main__" and not os.environ.get("SWABELD_LAB"):
    if os.geteuid() != 0:
        sys.exit("make tour needs root: it makes network namespaces (none of them stays)")
    os.environ["SWABELD_LAB"] = str(os.getpid())
    os.execvp("unshare", [
        "unshare", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc",
        sys.executable, *sys.argv])

import netns  # noqa: E402
from daemons import binary_under_test  # noqa: E402
from fault import FAULTS, NAMED_WITHIN, Fault, Visit, visit, wrapped  # noqa: E402
from netns import Lab  # noqa: E402
from stage import Stage  # noqa: E402
import link_faults  # noqa: E402,F401: they enter their faults
import route_faults  # noqa: E402,F401

AT_ONCE = 10
coloured = sys.stdout.isatty() and "NO_COLOR" not in os.environ


def paint(code: str, text: str) -> str:
    return f"\033[{code}m{text}\033[0m" if coloured else text


def chosen(names: list[str]) -> list[Fault]:
    """The faults of these names, in the order of the tour; all if there is no name."""
    unknown = set(names) - {fault.name for fault in FAULTS}
    if unknown:
        sys.exit(f"no such fault: {' '.join(sorted(unknown))}; tour.py --list names all")
    return [fault for fault in FAULTS if not names or fault.name in names]


def visited(fault: Fault, quick: bool) -> Visit | str:
    """A visit, or why there was none."""
    try:
        with Lab(fault.name) as lab:
            return visit(fault, Stage(lab, quick=quick))
    except (netns.LabError, OSError, subprocess.SubprocessError) as error:
        return str(error)


def tell(number: int, fault: Fault, seen: Visit | str) -> bool:
    """Tells of one fault. Returns whether all went well."""
    print(f"\n{paint('1;36', f'{number}. {fault.title}')}")
    print(wrapped(f"What you see: {fault.symptom}"))
    if isinstance(seen, str):
        print(paint("31", f"It could not be made: {seen}"))
        return False
    for place, command, answer in ((seen.place_before, fault.first, seen.first),
                                   (seen.place, fault.ask, seen.answer)):
        if command:
            print(f"\n{paint('1', f'{place}$ swabelctl {command}')}\n{paint('2', answer.strip())}")
    after = f", {seen.logged:.0f} s after it began" if seen.logged else ""
    print(f"\n{paint('1', f'The log{after}:')}\n{paint('2', wrapped(seen.line or 'nothing'))}")
    print(f"\n{paint('1', 'The cure:')} {wrapped(fault.cure, 10)[10:]}")
    if seen.cured is not None:
        print(paint("32", f"It works again after {seen.cured:.0f} s."))
    for miss in seen.misses():
        print(paint("31", miss))
    return not seen.misses()


def sum_up(faults: list[Fault], seen: list[Visit | str], good: int, seconds: float) -> None:
    times = [max(one.answered or 0, one.logged or 0) for one in seen if isinstance(one, Visit)]
    slowest = max(times, default=0)
    print(paint("1;32" if good == len(faults) else "1;31", wrapped(
        f"{len(faults)} fault{'s' if len(faults) > 1 else ''} made; {good} named by one command "
        f"and by the log within {NAMED_WITHIN} s (at the latest after {slowest:.0f} s), and cured; "
        f"{seconds:.0f} s in all.")))


def tour(faults: list[Fault], quick: bool) -> bool:
    start = time.monotonic()
    print(paint("1", "swabeld: what goes wrong in a network, and how it is found"))
    print(wrapped("Each of these faults is made in network namespaces. One command names it, and "
                  "so does the log of a daemon that was not asked for more than usual."))
    good, seen = 0, []
    with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
        visits = [pool.submit(visited, fault, quick) for fault in faults]
        try:
            for number, (fault, result) in enumerate(zip(faults, visits), start=1):
                seen.append(result.result())
                good += tell(number, fault, seen[-1])
        except KeyboardInterrupt:
            netns.stopping.set()
            pool.shutdown(cancel_futures=True)
            raise
    print()
    sum_up(faults, seen, good, time.monotonic() - start)
    return good == len(faults)


def main(words: list[str]) -> int:
    if "--list" in words:
        print("\n".join(f"{fault.name:<22} {fault.title}" for fault in FAULTS))
        return 0
    options = {word for word in words if word.startswith("--")}
    if unknown := options - {"--as-configured", "--write-comparison"}:
        sys.exit(f"unknown option {' '.join(sorted(unknown))}\n\n{__doc__}")
    faults = chosen([word for word in words if word not in options])
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.default_int_handler)
    if not os.access(binary_under_test(), os.X_OK):
        sys.exit(f"no daemon at {binary_under_test()}: run make")
    netns.prepare()
    status = 0
    try:
        if "--write-comparison" in options:
            import comparison
            comparison.write(faults)
        elif not tour(faults, quick="--as-configured" not in options):
            status = 1
    except KeyboardInterrupt:
        print("interrupted")
        status = 130
    for left in netns.leftovers():
        print(paint("31", f"left behind: {left}"))
        status = status or 1
    return status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
