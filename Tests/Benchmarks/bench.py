#!/usr/bin/env python3
"""Measures swabeld beside babeld and BIRD (make bench):

    N="100 1000"       numbers of routes (default 10000); up to 1000000
    RUNS=5             how often everything is measured (default 3); the median is told
    DAEMONS="ours bird"   contestants (default: ours static babeld bird)
    OTHER="statement"  what `other` among DAEMONS has in its configuration, beside what ours has
    ROWS="install hold"   what is measured (default: all); `ROWS=list` prints the names
    NEIGHBOURS=500     how many neighbours many are (default 500)
    HOLD=60 IDLE=60 FLAP=10 STORM=10 PATIENCE=75   seconds to hold, to idle, to flap, of a storm,
                       and to wait for what may not come
    BABELD=FILE BIRD=FILE STATIC=FILE SWABELD=FILE   programs; birdc lies beside BIRD
    ADD=1              keeps what .build-bench/results.json has of other rows and numbers of routes
    WRITE=1            writes the table into docs/performance.md, and the curves beside it

Contestants take turns, and so do rows. What was measured before an interruption is kept. Everything
happens in network namespaces; nothing stays."""

from __future__ import annotations

import json
import os
import pathlib
import signal
import sys
import time

if __name__ == "__main__" and not os.environ.get("SWABELD_LAB"):
    if os.geteuid() != 0:
        sys.exit("make bench needs root: it makes network namespaces (none of them stays)")
    os.environ["SWABELD_LAB"] = str(os.getpid())
    sys.dont_write_bytecode = True
    os.execvp("unshare", [
        "unshare", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc",
        sys.executable, "-B", *sys.argv])

import rig  # noqa: E402,F401: it makes the laboratory's modules known
import netns  # noqa: E402
import report  # noqa: E402
import rows_nets  # noqa: E402
import rows_routes  # noqa: E402
import rows_storms  # noqa: E402

ROWS = {**rows_routes.ROWS, **rows_storms.ROWS, **rows_nets.ROWS}
# These do not depend on the number of routes.
ONCE = {"idle", *rows_storms.ROWS, *rows_nets.ROWS}
WRITERS = {"install": list(rows_routes.WRITERS)}


def words_of(name: str, otherwise: list[str]) -> list[str]:
    return os.environ.get(name, "").split() or otherwise


def once(row: str, who: str, count: int) -> dict[str, float | None]:
    """One measurement; a contestant that fails at it has no values."""
    begin = time.monotonic()
    try:
        with netns.Lab(f"bench-{row}") as lab:
            values = ROWS[row](lab, who, count)
    except (netns.LabError, OSError) as error:
        print(f"  {row} {who}: {str(error).splitlines()[0]}", flush=True)
        if os.environ.get("VERBOSE"):
            print(error, flush=True)
        return {}
    told = ", ".join(f"{name} {report.number(value)}" for name, value in values.items())
    print(f"  {row} {who} ({time.monotonic() - begin:.0f} s): {told}", flush=True)
    return values


def prepared() -> tuple[report.Results, list[tuple[int, int, str]]]:
    """A place for results, and what is measured in which order: run, number of routes, row."""
    counts = [int(word) for word in words_of("N", ["10000"])]
    runs = int(os.environ.get("RUNS", "3"))
    daemons = words_of("DAEMONS", list(rig.PROGRAMS))
    rows = words_of("ROWS", list(ROWS))
    unknown = [name for name in rows if name not in ROWS] + [
        name for name in daemons if name not in {**rig.PROGRAMS, **rig.FURTHER}]
    if unknown or any(not 1 <= count <= 1_000_000 for count in counts):
        sys.exit(f"make bench: {' '.join(unknown) or 'N'} is not known\n\n{__doc__}")
    results = report.Results(counts, {who: rig.version(who) for who in daemons})
    turns = [(turn, count, row) for turn in range(runs) for count in counts for row in rows
             if row not in ONCE or count == counts[0]]
    return results, turns


def measure(results: report.Results, turns: list[tuple[int, int, str]]) -> None:
    """All rows, in turns."""
    for turn, count, row in turns:
        print(f"run {turn + 1}, {count} routes, {row}", flush=True)
        for who in [*results.versions, *WRITERS.get(row, [])]:
            results.add(row, who, count, once(row, who, count))


def keep(results: report.Results) -> None:
    """Writes what was measured."""
    file = pathlib.Path(os.environ.get("JSON") or rig.BUILD / "results.json")
    if os.environ.get("ADD") == "1" and file.exists():
        results.add_earlier(json.loads(file.read_text()))
    file.write_text(json.dumps(results.as_json(), indent=1) + "\n")
    print("\n" + results.table() + f"\n{file} has all values")
    if os.environ.get("WRITE") == "1":
        report.write(results)


def main() -> int:
    if os.environ.get("ROWS") in ("help", "list"):
        print(__doc__ if os.environ["ROWS"] == "help" else "\n".join(ROWS))
        return 0
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.default_int_handler)
    netns.prepare()
    status = 0
    try:
        results, turns = prepared()
        try:
            measure(results, turns)
        except KeyboardInterrupt:
            print("interrupted")
            status = 130
        if results.values:
            keep(results)
    except netns.LabError as error:
        print(f"make bench: {error}")
        status = 1
    except KeyboardInterrupt:
        status = 130
    for left in netns.leftovers():
        print(f"left behind: {left}")
        status = status or 1
    return status


if __name__ == "__main__":
    sys.exit(main())
