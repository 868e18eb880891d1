"""What the tests of the completions for bash and zsh share."""

import subprocess

from daemons import Swabeld, binary_under_test
from mac import QUICK
from netns import REPOSITORY, wait_until
from speaker import Speaker


def complete(line, file="swabelctl", directory=None):
    """What bash proposes for the last word of a line."""
    script = (f". {REPOSITORY}/packaging/completions/{file}.bash; COMP_WORDS=({line}); "
              'COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); "_${COMP_WORDS[0]}"; '
              'printf "%s\\n" "${COMPREPLY[@]}"')
    return subprocess.run(["bash", "-uc", script], capture_output=True, text=True, cwd=directory,
                          check=True).stdout.split()


def swabelctl_of_two(lab):
    """How swabelctl is called for a node whose only neighbour is fe80::2, and the node."""
    n, m = lab.namespace("n"), lab.namespace("m")
    lab.veth(n, m)
    node = Swabeld(n, ["l0"], parameters=f"type wired {QUICK}")
    Speaker(m, "l0")
    wait_until(node.neighbours, 10, "it is heard")
    link = lab.directory / "swabelctl"
    link.symlink_to(binary_under_test())
    return f"{link} -s {node.control_path}", node
