"""What a fault of the tour is: how it is made and cured, and what must be said about it."""

from __future__ import annotations

import dataclasses
import re
import textwrap
import time
from typing import Callable, Iterator

from netns import LabError, wait_until
from stage import ROUTED_WITHIN, Stage

# A fault is made by a generator. It builds its machines, makes the fault and yields a function that
# says whether all is well; then somebody asks. After that it applies the cure and ends.
Act = Iterator[Callable[[], bool]]
# How soon a fault must be named, and how soon it must not be a problem any more after the cure.
NAMED_WITHIN = 30
FORGOTTEN_WITHIN = 45


@dataclasses.dataclass
class Fault:
    """A fault with what must be said about it."""

    title: str
    make: Callable[[Stage], Act]
    # What somebody notices who knows nothing yet.
    symptom: str
    # The question, in words of swabelctl, and what stands in the answer.
    ask: str
    says: tuple[str, ...]
    # What stands in one line of the log.
    logs: tuple[str, ...]
    # What is done about it.
    cure: str
    # The kind of problem that `status` knows; it must be gone after the cure. None if it is no
    # problem in general.
    problem: str | None
    # The lines of babeld's dump that matter, and the questions for BIRD.
    babeld: str
    bird: tuple[str, ...]
    # Whether it may stay a problem for long, as one cannot know soon that it is over.
    lingers: bool = False
    # Whether the daemon cannot know this, and names it among others; and what else is to be said.
    is_guess: bool = False
    remark: str = ""
    # What is asked first, on another machine, and what stands in that answer.
    first: str = ""
    first_says: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """For command lines and tests: one word."""
        return self.make.__name__.replace("_", "-")


FAULTS: list[Fault] = []


def fault(title: str, **facts) -> Callable:
    """Enters a fault into the tour."""
    def note(make: Callable[[Stage], Act]) -> Callable[[Stage], Act]:
        FAULTS.append(Fault(title, make, **facts))
        return make
    return note


def flat(text: str) -> str:
    """In one line, as the breaks of lines mean nothing."""
    return re.sub(r"\s+", " ", text)


def holds(text: str, phrases: tuple[str, ...]) -> bool:
    return all(phrase in flat(text) for phrase in phrases)


@dataclasses.dataclass
class Visit:
    """What was seen of one fault: texts, and the seconds after which they were there."""

    fault: Fault
    # The machines that were asked.
    place_before: str = ""
    place: str = ""
    first: str = ""
    answer: str = ""
    line: str = ""
    log: list[str] = dataclasses.field(default_factory=list)
    answered: float | None = None
    logged: float | None = None
    listed: float | None = None
    is_felt: bool = False
    cured: float | None = None
    forgotten: float | None = None

    def look(self, stage: Stage, since: float) -> bool:
        """Asks and reads. Returns whether everything has been named."""
        fault, seconds = self.fault, time.monotonic() - since
        if self.answered is None:
            self.answer = stage.node.ask(fault.ask)
            self.first = stage.other.ask(fault.first) if fault.first else ""
            if holds(self.answer, fault.says) and holds(self.first, fault.first_says):
                self.answered = seconds
        if self.logged is None:
            self.log = stage.node.log()
            self.line = next((line for line in self.log if holds(line, fault.logs)), "")
            self.logged = seconds if self.line else None
        if self.listed is None and (not fault.problem or fault.problem in stage.node.problems()):
            self.listed = seconds
        return None not in (self.answered, self.logged, self.listed)

    def misses(self) -> list[str]:
        """What was not there in time, in sentences."""
        fault, found = self.fault, []
        if self.answered is None:
            found.append(f"swabelctl {fault.ask} does not say {fault.says}:\n{self.answer}")
            if fault.first:
                found[-1] += f"or {fault.first} does not say {fault.first_says}:\n{self.first}"
        if self.logged is None:
            found.append(f"the log does not say {fault.logs}:\n" + "\n".join(self.log))
        if self.listed is None:
            found.append(f"status does not know {fault.problem}")
        if not self.is_felt:
            found.append("all is well although the fault is there")
        if self.cured is None:
            found.append("the cure does not help")
        if self.forgotten is None:
            found.append(f"status still knows {fault.problem} after the cure")
        return found


def seconds_until(condition: Callable[[], bool], limit: float) -> float | None:
    """How long that took; None if it did not come."""
    start = time.monotonic()
    try:
        wait_until(condition, limit, every=0.25)
    except LabError:
        return None
    return time.monotonic() - start


def visit(fault: Fault, stage: Stage) -> Visit:
    """Makes a fault, asks about it until it is named, and cures it."""
    seen = Visit(fault)
    act = fault.make(stage)
    works = next(act)
    start = time.monotonic()
    seen.place = stage.node.namespace.label
    seen.place_before = stage.other.namespace.label if stage.other else ""
    seconds_until(lambda: seen.look(stage, start), NAMED_WITHIN)
    seen.is_felt = not works()
    next(act, None)
    seen.cured = seconds_until(works, ROUTED_WITHIN)
    seen.forgotten = 0 if fault.lingers else seconds_until(
        lambda: fault.problem not in stage.node.problems(), FORGOTTEN_WITHIN)
    return seen


def wrapped(text: str, indent: int = 0) -> str:
    """Within 80 columns."""
    return textwrap.fill(text, 80, initial_indent=" " * indent, subsequent_indent=" " * indent,
                         break_long_words=False, break_on_hyphens=False)
