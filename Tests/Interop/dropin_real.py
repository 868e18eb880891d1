"""Command lines and files found in the wild, shortened; names and addresses are replaced.

They stand in Tests/Configurations/real.json, which the unit tests read, too: a file is a list of
lines, `refused` holds a part of our message where babeld 1.14 refuses and we do, too, `fork` names
whose file it is where only we take it, and `warned` are parts of what `--check` must remark. All
remarks stand in Tests/Configurations/remarks.json.
"""

from __future__ import annotations

import dataclasses
import json

from netns import REPOSITORY


@dataclasses.dataclass(frozen=True)
class Real:
    """One setup as somebody runs it."""

    title: str
    file: str = ""
    words: tuple[str, ...] = ()
    refused: str | None = None
    fork: str | None = None
    warned: tuple[str, ...] = ()


def read(row: dict) -> Real:
    """One entry of the file."""
    return Real(
        row["title"], "".join(line + "\n" for line in row.get("file", ())),
        tuple(row.get("words", ())), row.get("refused"), row.get("fork"),
        tuple(row.get("warned", ())))


REAL = [read(row) for row in
        json.loads((REPOSITORY / "Tests/Configurations/real.json").read_text())]
