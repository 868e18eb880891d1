"""The faults of the tour: one command and the log of an ordinary daemon name each of them within
30 seconds, and the cure helps. The pages about faults know all of them."""

import os
import re

import pytest

import comparison
import link_faults  # noqa: F401: they enter their faults
import route_faults  # noqa: F401
from fault import FAULTS, flat, visit
from netns import REPOSITORY, measured
from stage import Stage

LONG = os.environ.get("SWABELD_LONG") == "1"
PACES = ["quick", "as-configured"] if LONG else ["quick"]
COMPARISON = (REPOSITORY / "docs/comparison.md").read_text()
TROUBLESHOOTING = (REPOSITORY / "docs/troubleshooting.md").read_text()


@pytest.mark.parametrize("pace", PACES)
@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_tour(lab, fault, pace):
    """`quick`: a Hello each second. In the long form also with the intervals that daemons have of
    themselves."""
    seen = visit(fault, Stage(lab, quick=pace == "quick"))
    assert not seen.misses(), "\n".join([fault.title, *seen.misses()])
    assert all(len(line) <= 80 for line in seen.answer.splitlines()), seen.answer
    measured(f"tour, {pace}: {fault.title}: command {seen.answered:.1f} s, log "
             f"{seen.logged:.1f} s, cured after {seen.cured:.1f} s")


def test_every_fault_is_compared(lab):
    """The page has a section for each fault, which shows what the tour demands."""
    sections = dict(re.findall(r"(?ms)^## (.*?)\n(.*?)(?=^## |\Z)", COMPARISON))
    assert list(sections) == [fault.title for fault in FAULTS], "run make comparison"
    for fault in FAULTS:
        mine, *others = re.findall(r"(?ms)^### (.*?)(?=^### |\Z)", sections[fault.title])
        assert f"`swabelctl {fault.ask}`" in mine
        for phrase in (*fault.says, *fault.logs, *fault.first_says):
            assert phrase in flat(mine), (fault.title, phrase)
        assert [re.match(r"\w+", text)[0] for text in others] == ["babeld", "BIRD"]
        for verdict, text in zip(comparison.VERDICTS[fault.name], others):
            assert verdict[1] in text, (fault.title, verdict)


def test_every_fault_is_in_the_troubleshooting_page(lab):
    """With what is seen, the command, words of its answer, and the cure. Its first two tables have
    nothing else."""
    page = TROUBLESHOOTING.partition("## Other questions")[0]
    rows = [[cell.strip() for cell in row.split("|")[1:-1]]
            for row in page.splitlines() if re.match(r"\| [^|]+\. \|", row)]
    assert len(rows) == len(FAULTS)
    for fault in FAULTS:
        row = next((row for row in rows if row[0] == fault.symptom), None)
        assert row, (fault.title, fault.symptom)
        for command in filter(None, (fault.first, fault.ask)):
            assert f"`swabelctl {command}`" in row[1], (fault.title, row[1])
        for phrase in (*fault.says, *fault.first_says):
            assert f"`{phrase}`" in row[2], (fault.title, phrase)
