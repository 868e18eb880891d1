"""What the tests of the completions for bash and zsh share."""

from daemons import Swabeld, binary_under_test
from mac import QUICK
from netns import wait_until
from speaker import Speaker


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
