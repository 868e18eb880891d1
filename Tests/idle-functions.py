#!/usr/bin/env python3
"""Writes packaging/idle-functions: the functions that a daemon enters that has started and idles,
first with nobody else on its link, then with a neighbour. packaging/build-embedded puts them side
by side.

    Tests/idle-functions.py     as root; reads .build-embedded/x86_64-musl, takes two minutes

The list need not be right: a function that is not in it, or a name that is none any more, only
costs memory. Make a new one if Tests/embedded finds that the idle daemon has become larger.
"""

from __future__ import annotations

import bisect
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
# Written by Tests/idle-functions.py.
"""
# Under Valgrind everything takes thirty times as long.
SECONDS = 50
DAEMON = ["-I", "", "-S", "", "-L", "/dev/null", "-C", "default type wired hello-interval 4"]


def counts(folder: pathlib.Path, has_neighbour: bool) -> str:
    """What Callgrind counted. The link comes up while the daemon runs, so that there are events."""
    file = folder / "counts"
    peer = f"ip netns exec peer {PROGRAM} {' '.join(map(quoted, DAEMON))} v1 &" * has_neighbour
    script = f"""
        mount -t tmpfs none /run && mkdir /run/netns && ip netns add peer
        ip link set lo up && ip link add v0 type veth peer name v1 netns peer
        (sleep 10; ip link set v0 up; ip -n peer link set v1 up) &
        {peer}
        timeout {SECONDS} valgrind -q --tool=callgrind --dump-instr=yes \\
          --callgrind-out-file={file} {PROGRAM} {' '.join(map(quoted, DAEMON))} v0
        [ -s {file} ]"""
    subprocess.run(
        ["unshare", "--mount", "--net", "--pid", "--fork", "--kill-child", "--mount-proc",
         "sh", "-c", script], check=True)
    return file.read_text()


def quoted(word: str) -> str:
    return f"'{word}'"


def addresses(text: str) -> set[int]:
    """Addresses of our instructions; a line may say how far it is from the one before."""
    objects: dict[str, str] = {}
    found, now, is_ours = set(), 0, False
    for line in text.splitlines():
        if named := re.match(r"ob=(\(\d+\))(?: (.*))?", line):
            objects.setdefault(named[1], named[2] or "")
            is_ours = objects[named[1]] == str(PROGRAM)
        elif place := re.match(r"(0x[0-9a-f]+|[+-]\d+|\*) ", line):
            word = place[1]
            now = int(word, 16) if word[0] == "0" else now + (0 if word == "*" else int(word))
            if is_ours:
                found.add(now)
    return found


def functions() -> list[tuple[int, int, str]]:
    """Start, size and name of our functions, in their order in the file."""
    number = "([0-9a-f]+)"
    line = re.compile(rf"\s*{number}\s+\w+\s+{number}\s+\d+ {{9}}.*lto\.o:\(\.text\.(.*)\)$")
    text = PROGRAM.with_name("swabeld.map").read_text()
    entries = (line.match(row) for row in text.splitlines())
    return sorted((int(e[1], 16), int(e[2], 16), e[3]) for e in entries if e)


def main() -> int:
    known = functions()
    starts = [start for start, _, _ in known]
    names: dict[str, None] = {}
    with tempfile.TemporaryDirectory() as folder:
        for has_neighbour in (False, True):
            for address in sorted(addresses(counts(pathlib.Path(folder), has_neighbour))):
                start, size, name = known[max(bisect.bisect(starts, address) - 1, 0)]
                # What functions share has another name in each build, and is put first anyway.
                if start <= address < start + size and not name.startswith(("OUTLINED", ".")):
                    names[name] = None
    LIST.write_text(HEAD + "\n".join(names) + "\n")
    print(f"{len(names)} functions")
    return 0


if __name__ == "__main__":
    sys.exit(main())
