#!/usr/bin/env python3
"""Writes packaging/idle-functions: the functions that a daemon enters that has started and idles,
first with nobody else on its link, then with a neighbour. Those that it enters again and again
come first, and then those of the start. packaging/build-embedded puts each of both side by side.

    Tests/idle-functions.py     as root; reads .build-embedded/x86_64-musl, takes four minutes

The list need not be right: a function that is not in it, or a name that is none any more, only
costs memory. Make a new one if Tests/embedded finds that the idle daemon has become larger.
"""

from __future__ import annotations

import bisect
import collections
import concurrent.futures
import pathlib
import re
import subprocess
import sys
import tempfile

REPOSITORY = pathlib.Path(__file__).resolve().parent.parent
PROGRAM = REPOSITORY / ".build-embedded/x86_64-musl/swabeld"
LIST = REPOSITORY / "packaging/idle-functions"
HEAD = """\
# The functions that an idle daemon enters, by their names in the linker's map.
# Written by Tests/idle-functions.py. Those that it enters again and again, the most frequent
# first; behind those of a daemon alone those that only one with a neighbour enters:
"""
START_HEAD = "# Those of the start:\n"
# Under Valgrind everything takes thirty times as long: the seconds of a start, and those in which
# what comes again has come again, such as Updates and readings of the kernel's tables.
START, REST = 40, 170
PEER = "with-a-neighbour"
DAEMON = ["-I", "", "-S", "", "-L", "/dev/null", "-C", "default type wired hello-interval 4"]


def counts(folder: pathlib.Path) -> tuple[str, str]:
    """What Callgrind counted after the start, and in the start. The link comes up while the daemon
    runs, so that there are events. What the end needs is in a third file, which is not read."""
    folder.mkdir(exist_ok=True)
    file = folder / "counts"
    peer = f"ip netns exec peer {PROGRAM} {' '.join(map(quoted, DAEMON))} v1 &"
    script = f"""
        mount -t tmpfs none /run && mkdir /run/netns && ip netns add peer
        export TMPDIR={folder}  # Valgrind's files for its commands have names by process numbers
        ip link set lo up && ip link add v0 type veth peer name v1 netns peer
        (sleep 10; ip link set v0 up; ip -n peer link set v1 up) &
        {peer if folder.name == PEER else ""}
        (for seconds in {START} {REST}; do
           sleep $seconds
           callgrind_control --dump >> {folder}/dump
         done) &
        timeout {START + REST + 10} valgrind -q --tool=callgrind --dump-instr=yes \\
          --callgrind-out-file={file} {PROGRAM} {' '.join(map(quoted, DAEMON))} v0
        [ -s {file}.1 ] && [ -s {file}.2 ]"""
    subprocess.run(
        ["unshare", "--mount", "--net", "--pid", "--fork", "--kill-child", "--mount-proc",
         "sh", "-c", script], check=True)
    return file.with_name("counts.2").read_text(), file.with_name("counts.1").read_text()


def quoted(word: str) -> str:
    return f"'{word}'"


def addresses(text: str) -> collections.Counter[int]:
    """How often our instructions were executed, by their addresses; a line may say how far it is
    from the one before."""
    objects: dict[str, str] = {}
    found: collections.Counter[int] = collections.Counter()
    now, is_ours, is_call = 0, False, False
    for line in text.splitlines():
        if named := re.match(r"ob=(\(\d+\))(?: (.*))?", line):
            objects.setdefault(named[1], named[2] or "")
            is_ours = objects[named[1]] == str(PROGRAM)
        elif line.startswith("calls="):
            is_call = True
        elif place := re.match(r"(0x[0-9a-f]+|[+-]\d+|\*) ", line):
            word = place[1]
            now = int(word, 16) if word[0] == "0" else now + (0 if word == "*" else int(word))
            if is_ours:
                # The count of a call is that of what it calls.
                found[now] += 1 if is_call else int(line.split()[-1])
            is_call = False
    return found


def functions() -> list[tuple[int, int, str]]:
    """Start, size and name of our functions, and of the C library's, in their order in the file."""
    number = "([0-9a-f]+)"
    section = re.compile(rf"\s*{number}\s+\w+\s+{number}\s+\d+ {{9}}.*:\(\.text(?:\.(.*))?\)$")
    rows = PROGRAM.with_name("swabeld.map").read_text().splitlines()
    found = []
    for row, below in zip(rows, rows[1:]):
        if entry := section.match(row):
            # What was written in the processor's language is found by its symbol.
            name = entry[3] or below.split()[-1]
            found.append((int(entry[1], 16), int(entry[2], 16), name))
    return sorted(found)


def main() -> int:
    known = functions()
    starts = [start for start, _, _ in known]
    names: dict[str, None] = {}
    parts, octets = [0], [0]
    with tempfile.TemporaryDirectory() as folder:
        with concurrent.futures.ThreadPoolExecutor() as pool:
            found = list(pool.map(lambda name: counts(pathlib.Path(folder, name)), ("", PEER)))
    sizes = {name: size for _, size, name in known}
    for texts in zip(*found):
        for text in texts:
            entered: collections.Counter[str] = collections.Counter()
            for address, count in addresses(text).items():
                start, size, name = known[max(bisect.bisect(starts, address) - 1, 0)]
                # What functions share has another name in each build, and its own place anyway.
                if start <= address < start + size and not name.startswith(("OUTLINED", ".", "/")):
                    entered[name] = max(entered[name], count)
            for name, _ in entered.most_common():
                names.setdefault(name)
        parts.append(len(names))
        octets.append(sum(sizes[name] for name in names))
    lines = [name + "\n" for name in names]
    LIST.write_text(HEAD + "".join(lines[:parts[1]]) + START_HEAD + "".join(lines[parts[1]:]))
    print(f"{parts[2]} functions of {octets[2]} octets, {octets[1]} of them again and again")
    return 0


if __name__ == "__main__":
    sys.exit(main())
