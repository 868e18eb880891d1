"""Writes docs/comparison.md: what swabeld, babeld and BIRD show of the faults of the tour."""

from __future__ import annotations

import concurrent.futures
import re
import time

from fault import FAULTS, NAMED_WITHIN, Fault, Visit, visit
from netns import REPOSITORY, Lab, run
from stage import Stage

PAGE = REPOSITORY / "docs/comparison.md"
AT_ONCE = 10
LOG_LINES = 3

NAMES, SUSPECTS, HINTS, SILENT = "names it", "suspects it", "hints", "nothing"
# For each fault what babeld and BIRD are worth, and why, in a sentence.
VERDICTS: dict[str, tuple[tuple[str, str], tuple[str, str]]] = {
    "one-way-link": (
        (HINTS, "All Hellos come (`reach ffff`), and a `txcost` of 65535 means that the neighbour "
         "does not say that it hears us. The log says nothing."),
        (HINTS, "Sixteen Hellos and a metric of 65535 together mean the same. The log says "
         "nothing.")),
    "wrong-key": (
        (SILENT, "The neighbour is missing. Nothing says that its packets come and are refused."),
        (NAMES, "The log names it, with every packet or two of them; the table only lacks the "
         "neighbour.")),
    "key-here-only": (
        (SILENT, "The neighbour is missing. Nothing says that its packets come and are refused."),
        (NAMES, "The log names it, with every packet or two of them; the table only lacks the "
         "neighbour.")),
    "key-there-only": (
        (HINTS, "It looks as a one-way link does."),
        (HINTS, "It looks as a one-way link does; that `Auth` is `No` is true of our side.")),
    "mtu-hole": (
        (HINTS, "Version 1.12 does not probe the MTU. As its neighbour does so, none of its Hellos "
         "come any more: the neighbour looks dead."),
        (SILENT, "BIRD does not probe the MTU. Its neighbour does, so it looks dead, and is soon "
         "forgotten.")),
    "multicast-filtered": (
        (SILENT, "There is an interface, and no neighbour."),
        (SILENT, "There is an interface without neighbours.")),
    "no-link-local": (
        (NAMES, "The log names it. The dump says only that the interface is not up."),
        (SILENT, "The interface is missing from the table, as if it had not been configured.")),
    "flapping-neighbour": (
        (HINTS, "`reach` shows holes in the last sixteen Hellos; how often the neighbour was lost "
         "is not shown. The log says nothing."),
        (HINTS, "The number of Hellos is less than 16; how often the neighbour was lost is not "
         "shown.")),
    "narrow-allowed-ips": (
        (HINTS, "It looks as a one-way link does."), (HINTS, "It looks as a one-way link does.")),
    "typo": (
        (HINTS, "The interface is not up. That there is none of that name is not said."),
        (SILENT, "The table is empty.")),
    "filtered-in": (
        (SILENT, "There is no route, as if the neighbour did not announce it."),
        (HINTS, "Babel's own table has the route, and the routing table does not: an import filter "
         "must be between them. Which rule it was is not said.")),
    "filtered-out": (
        (SILENT, "The prefix is among those that are announced; that a rule keeps it back is not "
         "shown."),
        (NAMES, "`show route noexport` lists what the protocol does not get; not by which rule.")),
    "better-unfeasible": (
        (HINTS, "The better route is there and not installed. Why not is not said."),
        (HINTS, "A route that is not selected and has no `+` is not feasible, for those who know "
         "this sign; against which distance is not shown.")),
    "kernel-refuses": (
        (HINTS, "The log has the kernel's error, without the prefix. The dump calls the route "
         "installed, and gives it an infinite metric."),
        (NAMES, "`!` marks a route that the kernel did not take, for those who know this sign. The "
         "log has the error, without the prefix and without the kernel's words.")),
    "foreign-route": (
        (SILENT, "The route is called installed."), (SILENT, "The route is the best one.")),
    "two-originators": (
        (HINTS, "The two routes have different router-ids (`id`); that this is a fault is for the "
         "reader to see."),
        (SILENT, "There are two routes; whose they are is shown of the selected one only.")),
    "own-address": (
        (SILENT, "The route is called installed; that the address is one of this machine is not "
         "said."),
        (SILENT, "The route is like any other.")),
    "router-id-twice": (
        (SILENT, "The neighbour is there, and there is no route, as if it announced none."),
        (SILENT, "The neighbour is there, and there is no route, as if it announced none.")),
}


class Seen:
    """What a program showed: pairs of a question and its answer, and lines of the log."""

    def __init__(self, answers: list[tuple[str, str]], log: list[str]) -> None:
        self.answers = answers
        self.log = log


def watched(fault: Fault, program: str) -> Seen | Visit:
    with Lab(fault.name) as lab:
        stage = Stage(lab, program)
        if program == "swabeld":
            return visit(fault, stage)
        act = fault.make(stage)
        next(act)
        time.sleep(NAMED_WITHIN)
        if program == "bird":
            answers = [(f"birdc {words}", stage.node.ask(words)) for words in fault.bird]
            return Seen(answers, [row for row in stage.node.log() if row != "<INFO> Started"])
        rows = [row for row in stage.node.ask("dump").splitlines() if re.search(fault.babeld, row)]
        return Seen([("dump", "\n".join(rows))], stage.node.log())


def block(text: str) -> list[str]:
    return ["", "```", *(line.rstrip() for line in text.strip("\n").splitlines()), "```", ""]


def log_block(lines: list[str]) -> list[str]:
    """The first few lines; that there are more is said."""
    if not lines:
        return ["The log says nothing.", ""]
    more = len(lines) - LOG_LINES
    rest = [f"... and {more} more lines"] if more > 0 else []
    return ["The log:", *block("\n".join(lines[:LOG_LINES] + rest))]


def ours(fault: Fault, seen: Visit) -> list[str]:
    lines = ["### swabeld", ""] + ([fault.remark, ""] if fault.remark else [])
    # Of the status only the problems matter.
    answer = seen.answer.rpartition("\n\n")[2] if fault.ask == "status" else seen.answer
    if fault.first:
        lines += [f"Asked at the router that misses it, `swabelctl {fault.first}`:",
                  *block(seen.first), "Asked at its neighbour:", ""]
    return [*lines, f"`swabelctl {fault.ask}`, named after {seen.answered or 0:.0f} s:",
            *block(answer), f"The log, after {seen.logged or 0:.0f} s:", *block(seen.line)]


def theirs(title: str, seen: Seen, verdict: tuple[str, str]) -> list[str]:
    lines = [f"### {title}", "", verdict[1], ""]
    for question, answer in seen.answers:
        lines += [f"`{question}`:", *block(answer or "(nothing)")]
    return lines + log_block(seen.log)


def versions() -> tuple[str, str]:
    babeld = run("sh", "-c", "babeld -V 2>&1", check=False).strip().removeprefix("babeld-")
    bird = run("sh", "-c", "bird --version 2>&1", check=False).split()[-1]
    return babeld, bird


def table(results: dict[tuple[str, str], Seen | Visit]) -> list[str]:
    lines = ["| Fault | swabeld: command | swabeld: log | babeld | BIRD |",
             "|---|---|---|---|---|"]
    for fault in FAULTS:
        seen = results[fault.name, "swabeld"]
        named = SUSPECTS if fault.is_guess else NAMES
        ours = [SILENT if seconds is None else named for seconds in (seen.answered, seen.logged)]
        theirs = [verdict[0] for verdict in VERDICTS[fault.name]]
        lines.append(f"| [{fault.title}](#{anchor(fault.title)}) | {' | '.join(ours + theirs)} |")
    return lines


def anchor(title: str) -> str:
    return re.sub(r"[^a-z0-9 -]", "", title.lower()).replace(" ", "-")


def page(results: dict[tuple[str, str], Seen | Visit]) -> str:
    babeld, bird = versions()
    lines = [
        "# What swabeld, babeld and BIRD show of the same faults", "",
        "Each fault of `make tour` is made in network namespaces, and there one router is asked "
        "what is wrong.", f"That router is swabeld, then babeld {babeld}, then BIRD {bird} (both "
        "as Debian has them); its neighbours",
        "stay the same. Hellos are sent every second. Asked is the command that suits best, babeld "
        "and BIRD", f"after {NAMED_WITHIN} s, and the log is read at the level that a program has "
        "of itself. What is shown here was printed",
        "by the programs; lines about other things are left out, and of logs only the first few "
        "lines are shown.", "`make comparison` writes this page.", "",
        f"*{NAMES}*: whoever reads it knows the cause. *{SUSPECTS}*: it is among the causes that "
        "are named, with a way", f"to tell them apart. *{HINTS}*: something that is shown differs "
        "from what it should be, for those who know", f"what to look for. *{SILENT}*: it looks as "
        "if the other router were not there, or as if all were well.", "",
        *table(results), ""]
    for fault in FAULTS:
        lines += [f"## {fault.title}", "", f"{fault.symptom} The cure: {cure(fault)}", ""]
        lines += ours(fault, results[fault.name, "swabeld"])
        for program, title, verdict in zip(
                ("babeld", "bird"), (f"babeld {babeld}", f"BIRD {bird}"), VERDICTS[fault.name]):
            lines += theirs(title, results[fault.name, program], verdict)
    return "\n".join(lines).rstrip() + "\n"


def cure(fault: Fault) -> str:
    is_command = fault.cure.split()[0] in ("ip", "wg")
    return f"`{fault.cure}`." if is_command else fault.cure[0].lower() + fault.cure[1:]


def write(faults: list[Fault]) -> None:
    """Makes all faults with each program, and writes the page."""
    results = {}
    with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
        jobs = {(fault.name, program): pool.submit(watched, fault, program)
                for fault in faults for program in ("swabeld", "babeld", "bird")}
        for key, job in jobs.items():
            results[key] = job.result()
            print(*key, flush=True)
            for miss in results[key].misses() if isinstance(results[key], Visit) else []:
                print(f"  {miss}")
    text = page(results)
    PAGE.write_text(text)
    print(f"{PAGE} is written")
