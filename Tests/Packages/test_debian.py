"""Debian's package on a fresh system without systemd: installing, starting, upgrading, removing."""

from __future__ import annotations

import pathlib
import subprocess

import packed
import pytest
import system
from daemons import Swabeld
from netns import never, run, wait_until
from traffic import Stream, nothing_lost

BEHIND = "10.92.0.1"
CONFIGURATION = """local-path-readwrite /run/swabeld.sock
interface l1 type wired hello-interval 1 update-interval 4
redistribute local deny
"""
WRONG = CONFIGURATION + "interface l2 rxcots 96\n"
COMMENTS = "# Nothing yet.\n"


class Path:
    """A source, the system under test, which forwards, and a neighbour with something behind it."""

    def __init__(self, lab, dist: pathlib.Path, architecture: str = "amd64") -> None:
        self.source, self.peer = lab.namespace("s"), lab.namespace("d")
        self.system = system.System(lab, "r", dist, architecture)
        first = lab.veth(self.source, self.system.namespace, ("l0", "l0"))
        lab.veth(self.system.namespace, self.peer, ("l1", "l1"))
        for end in (self.source, self.peer, self.system.namespace):
            end.forward()
        self.peer.own(BEHIND)
        Swabeld(self.peer, ["l1"], own=[f"{BEHIND}/32"])
        self.source.ip("route", "add", "default", "via", lab.addresses_of(first)[1])

    def gone(self) -> None:
        """Waits until the route has left the kernel, and the process too."""
        wait_until(lambda: not self.system.namespace.reaches(), 10, "the routes go")
        wait_until(lambda: not self.system.daemon(), 10, "the daemon ends")


def installed(lab, dist: pathlib.Path, configuration: str | None = CONFIGURATION) -> Path:
    path = Path(lab, dist)
    if configuration is not None:
        path.system.write("/etc/babeld.conf", configuration)
    path.text = path.system.sh(f"dpkg -i /mnt/{packed.deb(dist)}")
    return path


def test_install_and_remove(lab, dist):
    """It starts at once with a configuration that is there, and stops when it is removed. That
    configuration stays, and nothing else."""
    path = installed(lab, dist)
    machine = path.system
    machine.learns(f"{BEHIND}/32")
    assert packed.VERSION in machine.sh("swabeld -V 2>&1")
    assert "swabeld runs" in machine.sh("service swabeld status")
    assert machine.read("/etc/babeld.conf") == CONFIGURATION
    assert machine.exists("/etc/systemd/system/multi-user.target.wants/swabeld.service")
    machine.sh("service swabeld stop")
    path.gone()
    machine.sh("service swabeld start")
    machine.learns(f"{BEHIND}/32")
    machine.sh("dpkg --remove swabeld")
    path.gone()
    machine.sh("dpkg --purge swabeld")
    assert machine.files() - machine.fresh == {"etc/babeld.conf"}
    assert machine.read("/etc/babeld.conf") == CONFIGURATION


def test_a_configuration_from_the_package(lab, dist):
    """Where there is none a sample comes, with which nothing runs; purging removes it."""
    path = installed(lab, dist, None)
    machine = path.system
    assert "no interface is named" in path.text and machine.daemon() is None
    assert "nothing is configured" in machine.sh("service swabeld start")
    machine.write("/etc/babeld.conf", machine.read("/etc/babeld.conf") + CONFIGURATION)
    machine.sh("service swabeld start")
    machine.learns(f"{BEHIND}/32")
    machine.sh("dpkg --purge swabeld")
    path.gone()
    assert machine.files() == machine.fresh


def test_a_wrong_configuration(lab, dist, next_dist):
    """It does not start, and says where the mistake is; an upgrade leaves a daemon that runs as it
    is, with its routes."""
    path = installed(lab, dist, WRONG)
    machine = path.system
    assert "/etc/babeld.conf:4:14: found \"rxcots\"" in path.text and machine.daemon() is None
    status, text = machine.do("service swabeld start")
    assert status != 0 and "/etc/babeld.conf:4:14" in text and machine.daemon() is None
    machine.write("/etc/babeld.conf", CONFIGURATION)
    machine.sh("service swabeld start")
    machine.learns(f"{BEHIND}/32")
    before = machine.daemon()
    machine.write("/etc/babeld.conf", WRONG)
    machine.show(next_dist)
    assert "/etc/babeld.conf:4:14" in machine.sh(f"dpkg -i /mnt/{packed.deb(next_dist)}")
    assert machine.do("service swabeld restart")[0] != 0
    never(lambda: machine.daemon() != before, 1, "the daemon ended")
    assert f"{BEHIND}/32" in machine.namespace.reaches()


def upgraded(lab, dist, next_dist, configuration: str) -> tuple[system.System, int]:
    """Upgrades under a stream of packets; returns the process that ran before, too."""
    path = installed(lab, dist, configuration)
    machine = path.system
    machine.learns(f"{BEHIND}/32")
    before = machine.daemon()
    machine.show(next_dist)
    stream = Stream(path.source, {"d": path.peer}, [BEHIND], rate=1000)
    machine.sh(f"dpkg -i /mnt/{packed.deb(next_dist)}")
    assert "9.0-1" in machine.sh("dpkg-query -W swabeld")
    wait_until(lambda: machine.executes("/usr/sbin/swabeld"), 10, "the new file runs")
    # Longer than a neighbour would take to notice.
    never(lambda: f"{BEHIND}/32" not in machine.namespace.reaches(), 5, "the route went")
    assert nothing_lost([stream])[0] > 4000
    return machine, before


def test_upgrade_without_loss(lab, dist, next_dist):
    """The new file runs as the same process, and no packet of a thousand a second is lost."""
    machine, before = upgraded(lab, dist, next_dist, CONFIGURATION)
    assert machine.daemon() == before


def test_upgrade_without_loss_by_signals(lab, dist, next_dist):
    """The same where the configuration names no socket."""
    configuration = CONFIGURATION.partition("\n")[2]
    machine, before = upgraded(lab, dist, next_dist, configuration)
    assert machine.daemon() != before
    machine.sh("dpkg --remove swabeld")
    wait_until(lambda: not machine.namespace.reaches(), 10, "the routes go")


def test_upgrade_of_a_stopped_daemon(lab, dist, next_dist):
    """Whoever stopped it finds it stopped."""
    path = installed(lab, dist)
    path.system.sh("service swabeld stop")
    path.system.show(next_dist)
    path.system.sh(f"dpkg -i /mnt/{packed.deb(next_dist)}")
    never(path.system.daemon, 1, "it was started")


def test_beside_babeld(lab, dist):
    """babeld goes on until somebody lets swabeld take over, by the commands of the document."""
    path = Path(lab, dist)
    machine = path.system
    own = CONFIGURATION.replace("swabeld.sock", "babeld.sock")
    machine.write("/etc/babeld.conf", own)
    machine.write("/var/cache/babeld.deb", "")
    (machine.root / "var/cache/babeld.deb").write_bytes(system.babeld().read_bytes())
    machine.sh("dpkg -i --force-confold /var/cache/babeld.deb")
    machine.learns(f"{BEHIND}/32")
    text = machine.sh(f"dpkg -i /mnt/{packed.deb(dist)}")
    assert "babeld is installed" in text
    assert machine.daemon("babeld") and not machine.daemon()
    assert not machine.exists("/etc/systemd/system/multi-user.target.wants/swabeld.service")
    # Both would be started at boot, did not one of them wait.
    assert starts(machine) == {"babeld"}
    assert machine.do("service swabeld start")[0] != 0 and machine.daemon("babeld")
    document = (packed.REPOSITORY / "docs/packages.md").read_text()
    machine.sh(commands(document, "service babeld stop"))
    machine.learns(f"{BEHIND}/32")
    assert machine.daemon() and not machine.daemon("babeld") and starts(machine) == {"swabeld"}
    machine.sh(commands(document, "service swabeld stop"))
    machine.learns(f"{BEHIND}/32")
    assert machine.daemon("babeld") and not machine.daemon() and starts(machine) == {"babeld"}
    machine.sh("dpkg --purge swabeld")
    assert machine.daemon("babeld") and machine.read("/etc/babeld.conf") == own


def starts(machine: system.System) -> set[str]:
    """Which of the two are started at boot."""
    return {file.name[3:] for file in (machine.root / "etc/rc2.d").glob("S??*abeld")}


def commands(document: str, first: str) -> str:
    """The block of commands of a document that begins so."""
    lines = document[document.index(f"    {first}"):].splitlines()
    block = lines[:next((i for i, line in enumerate(lines) if not line.startswith("    ")),
                        len(lines))]
    return " && ".join(line.strip().partition("  #")[0].removeprefix("sudo ") for line in block)


def test_under_the_name_of_babeld(lab, dist):
    """The other package is babeld for those who want that, and not beside it."""
    path = installed(lab, dist)
    machine = path.system
    (machine.root / "var/cache/babeld.deb").write_bytes(system.babeld().read_bytes())
    alias = packed.deb(dist, "swabeld-babeld", "all")
    machine.sh(f"dpkg -i /mnt/{alias}")
    assert "swabeld" in machine.sh("babeld -V 2>&1")
    status, text = machine.do("dpkg -i --force-confold /var/cache/babeld.deb")
    assert status != 0 and "conflicting packages" in text
    machine.sh("dpkg --purge swabeld-babeld swabeld")
    assert machine.files() - machine.fresh == {"etc/babeld.conf"}


@pytest.mark.parametrize("cpu", ["aarch64", "armv7"])
def test_package_for_another_processor(tmp_path, cpu):
    """It is packed without that processor's tools. What is packed here is the file for x86-64 under
    another name: in the long form the real ones are packed, too."""
    folder = tmp_path / f"built/{cpu}-musl"
    folder.mkdir(parents=True)
    (folder / "swabeld").symlink_to(packed.built("x86_64"))
    architecture = packed.PROCESSORS[cpu][0]
    dist = packed.pack(
        tmp_path / "dist", [cpu], what=["packages"], BUILT=str(tmp_path / "built"))
    file = dist / packed.deb(dist, architecture=architecture)
    assert run("dpkg-deb", "-f", str(file), "Architecture").strip() == architecture
    run("dpkg-deb", "-x", str(file), str(tmp_path / "files"))
    program = tmp_path / "files/usr/sbin/swabeld"
    assert program.read_bytes() == packed.built("x86_64").read_bytes()


def test_maintainer(dist, tmp_path):
    """Whoever packs it is named, as for Debian's own tools; else the authors are."""
    assert maintainer(dist) == "The swabeld authors <maintainers@swabeld.invalid>"
    packed.pack(tmp_path, ["x86_64"], what=["packages"], DEBFULLNAME="Somebody &Else",
                DEBEMAIL="packages@example.org")
    assert maintainer(tmp_path) == "Somebody Else <packages@example.org>"


def maintainer(folder: pathlib.Path) -> str:
    return run("dpkg-deb", "-f", str(folder / packed.deb(folder)), "Maintainer").strip()


def test_lintian(dist):
    """No error of Debian's checker, and no warning."""
    done = subprocess.run(
        ["lintian", "--allow-root", "--fail-on", "error,warning",
         *map(str, sorted(dist.glob("*.deb")))], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
