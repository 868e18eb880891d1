"""What the benchmarks found: a table, JSON, and curves in docs/performance.md."""

from __future__ import annotations

import os
import platform
import statistics
import subprocess
from typing import Any

from netns import REPOSITORY, LabError

PAGE = REPOSITORY / "docs/performance.md"
BEGIN, END = "<!-- Written by make bench. -->", "<!-- End of what make bench writes. -->"
REFERENCES = ["babeld", "bird", "writer"]
NEVER = "never"
# Every row with neighbours has this value, too; only the worst of all rows is told.
LATE = "Hello late, ms"
# What is drawn over the number of routes: file, what is measured, title.
CURVES = [
    ("install", "installed, s", "All routes installed, in order (s)"),
    ("memory", "memory of a route, B", "Memory of a route (B)"),
    ("retraction", "first way retracted: all moved, s",
     "All routes moved after the last retraction (s)"),
    ("announcement", "kernel routes announced, s", "Kernel routes announced (s)")]


def number(value: float | None) -> str:
    """A figure with three digits that count."""
    if value is None:
        return NEVER
    size = abs(value)
    if size >= 100:
        return f"{value:,.0f}"
    digits = next(digits for digits, least in enumerate((10, 1, 0.1, 0.01, 0), start=1)
                  if size >= least)
    return f"{value:.{digits}f}" if value else "0"


def middle(values: list[float | None]) -> float | None:
    """The median; what never came about is longer than everything."""
    ranked = sorted(values, key=lambda value: float("inf") if value is None else value)
    low, high = ranked[(len(ranked) - 1) // 2], ranked[len(ranked) // 2]
    return None if high is None else statistics.mean([low, high])


class Results:
    """All that was measured."""

    def __init__(self, counts: list[int], versions: dict[str, str]) -> None:
        self.counts, self.versions = counts, versions
        # (number of routes, row, what, contestant) -> a value of each run
        self.values: dict[tuple[int, str, str, str], list[float | None]] = {}
        self.late: dict[str, float] = {}  # contestant -> the worst of all its Hellos

    def add(self, row: str, who: str, count: int, values: dict[str, float | None]) -> None:
        for name, value in values.items():
            if name != LATE:
                self.values.setdefault((count, row, name, who), []).append(value)
            elif value is not None:
                self.late[who] = max(value, self.late.get(who, 0))

    def add_earlier(self, data: dict[str, Any]) -> None:
        """Puts what was measured earlier, in the form of as_json, before all else. Of a row that
        was measured anew only the new values count."""
        new = {(count, row) for count, row, _, _ in self.values}
        earlier = {(one["routes"], one["row"], one["measured"], one["contestant"]): one["values"]
                   for one in data["values"] if (one["routes"], one["row"]) not in new}
        self.values = earlier | self.values
        self.counts = sorted({*self.counts, *(count for count, _, _, _ in earlier)})
        self.versions = data["versions"] | self.versions
        self.late = {who: max(table.get(who, 0) for table in (self.late, data["late"]))
                     for who in self.late | data["late"]}

    def contestants(self) -> list[str]:
        """In the order in which they were first measured."""
        return list(dict.fromkeys(who for _, _, _, who in self.values))

    def lines(self, count: int) -> list[tuple[str, str]]:
        return list(dict.fromkeys((row, name) for n, row, name, _ in self.values if n == count))

    def cell(self, count: int, row: str, name: str, who: str) -> str:
        values = self.values.get((count, row, name, who))
        return number(middle(values)) if values else ""

    def ratio(self, count: int, row: str, name: str, who: str) -> str:
        mine, theirs = (self.values.get((count, row, name, one)) for one in ("ours", who))
        if not mine or not theirs:
            return ""
        above, below = middle(mine), middle(theirs)
        return number(above / below) if above is not None and below else ""

    def table(self) -> str:
        """One table for each number of routes, in Markdown."""
        who = self.contestants()
        references = [name for name in REFERENCES if name in who]
        titles = [f"{name} {self.versions.get(name, '')}".strip() if name != "ours" else name
                  for name in who]
        parts = []
        for count in self.counts:
            lines = self.lines(count)
            if not lines:
                continue
            head = [f"{count:,} routes", *titles, *(f"ours / {name}" for name in references)]
            parts += [f"| {' | '.join(head)} |", f"|---|{'---:|' * (len(head) - 1)}"]
            for row, name in lines:
                label = f"{name} (random order)" if row == "install-shuffled" else name
                cells = [label, *(self.cell(count, row, name, one) for one in who),
                         *(self.ratio(count, row, name, one) for one in references)]
                parts.append(f"| {' | '.join(cells)} |")
            parts.append("")
        if self.late:
            told = ", ".join(f"{name} {number(self.late[name])}" for name in who
                             if name in self.late)
            parts += [f"The latest Hello of all rows, in ms after it was due: {told}.", ""]
        return "\n".join(parts)

    def as_json(self) -> dict[str, Any]:
        rows = [{"routes": count, "row": row, "measured": name, "contestant": who,
                 "median": middle(values), "values": values}
                for (count, row, name, who), values in self.values.items()]
        return {"versions": self.versions, "kernel": platform.release(),
                "processors": os.cpu_count(), "late": self.late, "values": rows}

    def curve(self, name: str) -> dict[str, list[tuple[int, float]]]:
        """For each contestant the points of one curve, as they are in the first row that has it."""
        found: dict[str, list[tuple[int, float]]] = {}
        rows = [row for _, row, one, _ in self.values if one == name][:1]
        for count in sorted(self.counts):
            for who in self.contestants():
                values = self.values.get((count, rows[0], name, who)) if rows else None
                value = middle(values) if values else None
                if value is not None and value > 0:
                    found.setdefault(who, []).append((count, value))
        return found


def draw(results: Results, file: str, name: str, title: str) -> str | None:
    """Draws one curve; returns the name of its file, or None if there is nothing to draw."""
    points = results.curve(name)
    if not any(len(line) > 1 for line in points.values()):
        return None
    path = PAGE.with_name(f"performance-{file}.svg")
    blocks = "".join(
        f"$data{index} << EOD\n" + "".join(f"{x} {y:.6g}\n" for x, y in line) + "EOD\n"
        for index, line in enumerate(points.values()))
    plots = ", ".join(f'$data{index} with linespoints title "{who}"'
                      for index, who in enumerate(points))
    script = (f'{blocks}set terminal svg size 640,400 background "white" font "sans-serif,12"\n'
              f'set output "{path}"\nset logscale xy\nset key top left\nset grid\n'
              f'set title "{title}"\nset xlabel "routes"\nplot {plots}\n')
    done = subprocess.run(["gnuplot"], input=script, capture_output=True, text=True, timeout=60)
    if done.returncode:
        raise LabError(f"gnuplot: {done.stderr.strip()}")
    return path.name


def write(results: Results) -> None:
    """Puts table and curves between the markers of docs/performance.md."""
    text = PAGE.read_text()
    before, begun, rest = text.partition(BEGIN)
    _, ended, after = rest.partition(END)
    if not begun or not ended:
        raise LabError(f"{PAGE} has not the two lines between which the table goes")
    times = sorted({len(values) for values in results.values.values()})
    runs = f"{times[0]} to {times[-1]} runs" if len(times) > 1 else f"{times[0]} runs"
    facts = f"Linux {platform.release()}, {os.cpu_count()} processors, medians of {runs}."
    pictures = [(draw(results, *curve), curve[2]) for curve in CURVES]
    shown = "".join(f"\n![{title}]({file})\n" for file, title in pictures if file)
    PAGE.write_text(f"{before}{BEGIN}\n\n{facts}\n\n{results.table()}{shown}\n{END}{after}")
    print(f"{PAGE} is written")
