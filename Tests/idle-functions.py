#!/usr/bin/env python3
"""Writes packaging/idle-functions: the functions that a daemon enters that has started and idles,
first with nobody else on its link, then with a neighbour. Those that it enters again and again
come first, and then those of the start. packaging/build-embedded puts them side by side.

    Tests/idle-functions.py     as root; reads .build-embedded/x86_64-musl, takes four minutes

The list need not be right: a function that is not in it, or a name that is none any more, only
costs memory. Make a new one if Tests/embedded finds that the idle daemon has become larger.
"""

from __future__ import annotations

import bisect
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
# Written by Tests/idle-functions.py.
"""
# Under Valgrind everything takes thirty times as long: the seconds of a start, and those in which
# what comes again has come again, such as Updates and readings of the kernel's tables.
START, REST = 40, 170
PEER = "with-a-neighbour"
DAEMON = ["-I", "", "-S", "", "-L", "/dev/null", "-C", "default type wired hello-interval 4"]


def counts(folder: pathlib.Path) -> tuple[str, str]:
    """What Callgrind counted after the start, and in the start. The link comes up while the daemon
    runs, so that there are events."""
    folder.mkdir(exist_ok=True)
    file = folder / "counts"
    peer = f"ip netns exec peer {PROGRAM} {' '.join(map(quoted, DAEMON))} v1 &"
    script = f"""
        mount -t tmpfs none /run && mkdir /run/netns && ip netns add peer
        export TMPDIR={folder}  # Valgrind's files for its commands have names by process numbers
        ip link set lo up && ip link add v0 type veth peer name v1 netns peer
        (sleep 10; ip link set v0 up; ip -n peer link set v1 up) &
        {peer if folder.name == PEER else ""}
        (sleep {START}; callgrind_control --dump > {folder}/dump) &
        timeout {START + REST} valgrind -q --tool=callgrind --dump-instr=yes \\
          --callgrind-out-file={file} {PROGRAM} {' '.join(map(quoted, DAEMON))} v0
        [ -s {file} ] && [ -s {file}.1 ]"""
    subprocess.run(
        ["unshare", "--mount", "--net", "--pid", "--fork", "--kill-child", "--mount-proc",
         "sh", "-c", script], check=True)
    return file.read_text(), file.with_name("counts.1").read_text()


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
    octets = []
    with tempfile.TemporaryDirectory() as folder:
        with concurrent.futures.ThreadPoolExecutor() as pool:
            found = list(pool.map(lambda name: counts(pathlib.Path(folder, name)), ("", PEER)))
    for texts in zip(*found):
        for address in sorted(set().union(*map(addresses, texts))):
            start, size, name = known[max(bisect.bisect(starts, address) - 1, 0)]
            # What functions share has another name in each build, and is put first anyway.
            if start <= address < start + size and not name.startswith(("OUTLINED", ".")):
                names[name] = None
        ends = {name: size for _, size, name in known}
        octets.append(sum(ends[name] for name in names))
    LIST.write_text(HEAD + "\n".join(names) + "\n")
    print(f"{len(names)} functions of {octets[1]} octets, {octets[0]} of them again and again")
    return 0


if __name__ == "__main__":
    sys.exit(main())
