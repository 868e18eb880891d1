"""The completions for zsh, typed at a terminal."""

import os
import pty
import select
import subprocess
import time

from completion import swabelctl_of_two
from netns import REPOSITORY

COMPLETIONS = REPOSITORY / "packaging" / "completions"
MARK = "ready-for-keys"


class Shell:
    """An interactive zsh on a terminal of its own, with our completions loaded."""

    def __init__(self, directory):
        master, terminal = pty.openpty()
        self.terminal = master
        self.child = subprocess.Popen(
            ["zsh", "-f", "-i"], stdin=terminal, stdout=terminal, stderr=terminal, cwd=directory,
            env={"PATH": os.environ["PATH"], "TERM": "dumb", "COLUMNS": "200", "HOME": "/"},
            start_new_session=True)
        os.close(terminal)
        self.type(f"fpath=({COMPLETIONS} $fpath); autoload -U compinit; compinit -D -u; "
                  f"PS1='% '; print {MARK[:5]}''{MARK[5:]}\n")
        self.read(MARK, 20)

    def type(self, keys):
        os.write(self.terminal, keys.encode())

    def read(self, wanted, seconds):
        """What is on the terminal until some text is there, or until the time is over."""
        text, end = "", time.monotonic() + seconds
        while wanted not in text and time.monotonic() < end:
            if select.select([self.terminal], [], [], 0.1)[0]:
                text += os.read(self.terminal, 65536).decode(errors="replace")
        return text

    def close(self):
        self.child.kill()
        self.child.wait(5)
        os.close(self.terminal)


LINES = [
    ("swabelctl relo", "swabelctl reload"),
    ("swabelctl show sour", "swabelctl show sources"),
    ("swabelctl show events neigh", "swabelctl show events neighbour"),
    ("swabelctl flush inter", "swabelctl flush interface"),
    ("swabelctl flush interface l", "swabelctl flush interface lo"),
    ("swabelctl explain o", "swabelctl explain out"),
    ("swabelctl log-level rou", "swabelctl log-level routes"),
    ("swabeld ctl explain neigh", "swabeld ctl explain neighbour"),
    ("swabeld --che", "swabeld --check"),
]


def test_words_are_completed(lab):
    check(lab, LINES)


def test_neighbours_are_asked_for(lab):
    """The daemon that the line names says who its neighbours are."""
    line = swabelctl_of_two(lab)[0] + " "
    check(lab, [(line + part, line + part + "e80::2") for part in (
        "show routes --neighbour f", "explain neighbour f", "trace neighbour f",
        "neighbour-cost f", "show events neighbour f")])


def check(lab, lines):
    shell = Shell(lab.directory)
    try:
        for line, wanted in lines:
            shell.type("\x15" + line + "\t")  # control-U empties the line
            shown = shell.read(wanted, 5)
            assert wanted in shown, shown
            assert "_swabelctl:" not in shown and "not found" not in shown, shown
    finally:
        shell.close()
