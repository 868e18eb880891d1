"""Runs one start with babeld and with swabeld, and says whether they agree.

What may differ stands in a table of docs/differences.md; each row has a number here and a rule
that says which cases it explains.
"""

from __future__ import annotations

import dataclasses
import os
import pathlib
import re
import subprocess

import dropin_cases
from dropin_cases import Case

BABELD = os.environ.get("BABELD", "babeld")


@dataclasses.dataclass(frozen=True)
class Outcome:
    """How a start ended."""

    status: int
    lines: tuple[str, ...]

    @property
    def accepted(self) -> bool:
        """Everything was understood; the pid file could not be made, as arranged."""
        return any(line.startswith("creat(/nonexistent/dropin/pid") for line in self.lines)

    @property
    def first(self) -> str:
        """The first line that is no warning, without the program's own name."""
        for line in self.lines:
            if "arning: " not in line:
                return normal(line)
        return ""

    def __str__(self) -> str:
        return f"status {self.status}: " + " | ".join(self.lines[:3])


def normal(line: str) -> str:
    """What both programs write alike."""
    line = re.sub(r"^(\S*/)?(swabeld|babeld)(-1.14)?(:| )", r"PROGRAM\4", line)
    return re.sub(r"^(swabeld|babeld)-[0-9].*", "VERSION", line)


# Row D17 of docs/differences.md: lines of our log begin with time and level. The word "warning"
# stays, so that a warning is still known as one.
STAMP = re.compile(r"^\d{4}-\d\d-\d\dT[0-9:.]*Z (?:error: |info: |debug: )?")


def start(program: str, case: Case, directory: pathlib.Path) -> Outcome:
    """One start; the files are in the directory already."""
    end = ("-c", dropin_cases.END)  # last of all files, but no argument of an option without one
    words = [program, *case.words, *end] if case.files else [program, *end, *case.words]
    done = subprocess.run(
        words, cwd=directory, stdin=subprocess.DEVNULL, capture_output=True, timeout=20)
    text = (done.stderr + done.stdout).decode(errors="replace")
    return Outcome(done.returncode, tuple(STAMP.sub("", line) for line in text.splitlines()))


def write(case: Case, directory: pathlib.Path) -> None:
    """Writes what a case names."""
    (directory / dropin_cases.END).write_text(dropin_cases.END_TEXT)
    for name, octets in case.files:
        (directory / name).write_bytes(octets)


LINE = re.compile(r"^(Couldn't parse configuration from file .* \(error at line )(\d+)\)\.$")
PLACE = re.compile(r"^(.*?):(\d+):(\d+): (.*)$")


def same(theirs: Outcome, ours: Outcome, case: Case) -> str | None:
    """None if both did the same; "line" if only babeld's line number is off by its look-ahead;
    else what differs."""
    if theirs.status != ours.status:
        return f"status {theirs.status} became {ours.status}"
    if theirs.accepted != ours.accepted:
        return "accepted by one alone"
    if theirs.first == ours.first:
        return None
    their_line, our_line = LINE.match(theirs.first), LINE.match(ours.first)
    if not their_line or not our_line or their_line[1] != our_line[1]:
        return f"{theirs.first!r} became {ours.first!r}"
    if ends_line(ours, case) and int(their_line[2]) - int(our_line[2]) == 1:
        return "line"
    return f"line {their_line[2]} became {our_line[2]}"


def ends_line(ours: Outcome, case: Case) -> bool:
    """Whether the fault we report is the last thing on its line."""
    for line in ours.lines:
        place = PLACE.match(line)
        if not place:
            continue
        if place[4].startswith("the line ends here") or "(the string began" in place[4]:
            return True
        for name, octets in case.files:
            if name == place[1]:
                rest = octets.split(b"\n")[int(place[2]) - 1][int(place[3]) - 1:]
                return not re.search(rb'[ \t\r#]', rest) or rest.startswith(b'"')
    return False


# Number of a row of docs/differences.md -> what the text of a case must hold if the row explains
# its difference.
KNOWN = {
    "D2": rb"(?m)^protocol-group ",
    "D3": rb"(kernel-priority|kernel-check-interval|shutdown-delay-ms)[ \t]+0+\b",
    "D4": rb"(table)[ \t]+(6553[5-9]|655[4-9]\d|65[6-9]\d\d|6[6-9]\d{3}|\d{6,})",
    "D25": rb"(protocol-port|kernel-priority|local-port(-readwrite)?|allow-duplicates) +65535\b",
    "D5": rb"/[ \t\r\n#]",
    "D16": rb'interface "|(?m:^interface$)',
    "D6": rb"\A\Z|(?m:^[ \t]*interface[ \t])",
    "D7": rb"\\\n",
    "D8": rb"key id \S+ type hmac-sha256[ \t]*$",
    "D9": rb"(?m)^key ",
    "D10": rb"\A-\w\n?\Z",
    "D11": rb"\A-c\n\.\Z",
    "D12": rb"(?m)^--(check|explain|help|version|nothing)",
    "D13": rb"allow-duplicates",
    "D20": rb"\bkey[ \t]+none\b",
    "D21": rb"(?m)^(fee|metric-factor)[ \t]",
    "D23": rb"\banyproto\b|(?m:^(max-update-retry|protocol-buffer-size)[ \t])",
    "D52": rb"(?m)^(set|include)[ \t]|^interface[ \t]*\{|\bid[ \t]+\d+(\.\d+){3}",
    "D24": rb"(?mi)^router-id[ \t]+((ff[:-]){7}ff|(0+[:-]){7}0)",
    "D14": rb"kernel-check-interval|shutdown-delay-ms|probe-mtu",
    "D15": rb"diversity|channel|-\w*z",
}
ONLY_OLD = {"D13", "D14", "D15", "D16"}


def explained(why: str, theirs: Outcome, ours: Outcome, case: Case, version: str) -> str | None:
    """The number of the row that explains a difference."""
    if why == "line":
        return "D1"
    for number, pattern in KNOWN.items():
        if number in ONLY_OLD and not version.startswith("babeld-1.12"):
            continue
        if not re.search(pattern, case.text):
            continue
        if explains(number, theirs, ours):
            return number
    return None


def explains(number: str, theirs: Outcome, ours: Outcome) -> bool:
    """Whether the outcomes are as the row says."""
    hidden = "'...'" in ours.first
    if number == "D9":
        return hidden and not theirs.accepted and not ours.accepted
    if number in ("D13", "D16"):
        return theirs.status == -6
    if number == "D12":
        return theirs.status == 1 and not theirs.accepted
    if number in ("D3", "D4", "D20", "D21", "D23", "D25", "D52"):
        return ours.accepted and not theirs.accepted
    if number == "D14":
        return not theirs.accepted
    if number == "D15":
        # If babeld 1.12 finds a fault, it does so later.
        return not ours.accepted
    if number in ("D5", "D6"):
        return not ours.accepted
    return theirs.accepted and not ours.accepted and theirs.status == 1
