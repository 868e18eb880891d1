"""The tarball on a system without systemd, by the commands of the README."""

import packed
import system
from daemons import Swabeld
from netns import wait_until
from test_debian import CONFIGURATION, commands

README = (packed.REPOSITORY / "README.md").read_text()


def test_install_on_a_board(lab, dist):
    """Unpacked, it starts, finds a neighbour, restarts as the same process, and is removed."""
    install_on_a_board(lab, dist, "x86_64")


def install_on_a_board(lab, dist, cpu: str) -> None:
    peer = lab.namespace("d")
    machine = system.System(lab, "r", dist, packed.PROCESSORS[cpu][0])

    def by_readme(machine: system.System, first: str) -> str:
        """Runs a block of the README with this version in the place of its own."""
        block = commands(README, first)
        return machine.sh("cd /mnt && " + block.replace(
            "VERSION", packed.VERSION).replace("ARCH", cpu))

    lab.veth(machine.namespace, peer, ("l1", "l1"))
    peer.own("10.92.0.1")
    Swabeld(peer, ["l1"], own=["10.92.0.1/32"])
    by_readme(machine, "sha256sum --check")
    by_readme(machine, "tar -xzf swabeld-VERSION-ARCH.tar.gz")
    machine.write("/etc/babeld.conf", CONFIGURATION)
    by_readme(machine, "cp /usr/local/share/swabeld/swabeld.init")
    machine.learns("10.92.0.1/32")
    before = machine.daemon()
    machine.sh("/etc/init.d/swabeld restart")
    assert machine.daemon() == before
    assert "10.92.0.1/32" in machine.namespace.reaches()
    wait_until(lambda: "10.92.0.1/32" in machine.sh("swabelctl show routes"), 20, "it is shown")
    by_readme(machine, "/etc/init.d/swabeld stop")
    wait_until(lambda: not machine.daemon(), 10, "the daemon ends")
    left = machine.files() - machine.fresh
    assert {name for name in left if not name.startswith("var/lib/swabeld/")} == {
        "etc/babeld.conf", "var/log/swabeld.log"}
