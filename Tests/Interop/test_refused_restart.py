"""What a restart would lose or break is found out while the old process still has everything: it
says what is wrong and what to do, and goes on."""

import re
import shutil
import signal
import socket
import time

import pytest
from daemons import binary_under_test
from netns import Process, wait_until
from test_client import ask, state, two
from test_self_restart import Installed, descriptors, field, restarted, running

V6 = socket.AF_INET6


def refused(node, *reasons, request=("restart",)):
    """Asks for a restart that is refused in one line; returns it."""
    number = field(node, "Pid")
    status, output, complaint = ask(node, *request)
    assert (status, output) == (1, ""), (output, complaint, node.process.text()[-2000:])
    assert complaint.startswith("swabelctl: ") and complaint.count("\n") == 1, complaint
    for reason in reasons:
        assert reason in complaint, complaint
    assert node.process.alive and node.neighbours() and field(node, "Pid") == number
    return complaint


def holder(namespace, port, shares=False):
    """A socket of another process that has a port."""
    def opened():
        taken = socket.socket(V6, socket.SOCK_DGRAM)
        taken.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, int(shares))
        taken.bind(("::", port))
        return taken
    return namespace.enter(opened)


def test_a_port_that_is_taken(lab):
    """The port of the next configuration belongs to somebody else, or somebody shares the present
    one, which no start puts up with."""
    file = lab.directory / "conf"
    file.write_text("interface l0\n")
    n, _, node = two(lab, [state(lab)], words=["-c", str(file)])
    open_before = descriptors(node)
    for shares in (False, True):
        with holder(n, 6697, shares):
            file.write_text("interface l0\nprotocol-port 6697\n")
            refused(node, "UDP port 6697 is in use", "protocol-port")
    file.write_text("interface l0\n")
    with holder(n, 6696, shares=True):
        refused(node, "UDP port 6696 is in use by another process, too")
    wait_until(lambda: descriptors(node) == open_before, 3, "nothing stays open")
    file.write_text("interface l0\nprotocol-port 6697\n")
    restarted(node)
    assert ":1A29 " in n.execute("cat", "/proc/net/udp6") and node.stop() == 0


def test_notes_that_cannot_be_written(lab):
    """The directory of the state file is gone, read-only, or full: what the next life needs could
    not be left. The same counts for an end that keeps the routes."""
    place = lab.directory / "notes"
    place.mkdir()
    mount = f"mount -t tmpfs -o size=64k none {place} && exec \"$@\""
    n, a, node = two(lab, [f"state-file {place}/state"],
                     wrapper=["unshare", "-m", "sh", "-c", mount, "--"])
    inside = ["nsenter", f"--mount=/proc/{node.process.child.pid}/ns/mnt"]
    watcher = Process(n, "monitor", ["ip", "monitor", "route"])

    def both_refused(*reasons):
        refused(node, f"{place}/state.swabeld", "state-file", *reasons)
        refused(node, *reasons, request=("stop", "--keep-routes"))

    n.execute(*inside, "mount", "-o", "remount,ro", str(place))
    both_refused("Read-only file system")
    n.execute(*inside, "mount", "-o", "remount,rw", str(place))
    n.execute(*inside, "dd", "if=/dev/zero", f"of={place}/much", "bs=4k", check=False)
    both_refused("No space left on device")
    n.execute(*inside, "rm", f"{place}/much")
    assert n.execute(*inside, "ls", str(place)) == "state.swabeld\n"
    restarted(node)
    n.execute(*inside, "umount", str(place))
    place.rmdir()
    both_refused("No such file or directory")
    place.mkdir()
    restarted(node)
    assert "proto" not in watcher.text()
    assert node.stop() == 0


def test_a_state_file_that_moves(lab):
    """The next configuration has another state file: the notes are left there, nothing is lost, and
    none stay at the old place. Where none can be left, it is said by name."""
    file = lab.directory / "conf"

    def configure(path):
        file.write_text(f"interface l0\nrandom-id true\nstate-file {path}\n")

    configure(lab.directory / "one")
    n, _, node = two(lab, words=["-S", str(lab.directory / "zero"), "-c", str(file)])
    watcher = Process(n, "monitor", ["ip", "monitor", "route"])

    def identity():
        with node.control() as control:
            return next(line for line in control.banner if line.startswith("my-id"))

    before = identity()
    (lab.directory / "folder").mkdir()
    (lab.directory / "other.swabeld").mkdir()
    for path, reason in ((lab.directory / "folder", "folder is a directory"),
                         (lab.directory / "other", "other.swabeld is a directory"),
                         (lab.directory / "none/two", "none/two.swabeld.new: No such file"),
                         ('""', "Without a state file")):
        configure(path)
        refused(node, reason)
    assert (lab.directory / "one.swabeld").exists()
    configure(lab.directory / "two")
    restarted(node)
    # Only a life that goes on where the former one ended has its router-id.
    assert identity() == before
    assert not (lab.directory / "one.swabeld").exists()
    assert (lab.directory / "two.swabeld").read_text().splitlines()[1] == "running"
    wait_until(node.neighbours, 5, "the neighbour is heard")
    assert "proto" not in watcher.text() and node.stop() == 0
    assert (lab.directory / "two").exists() and not (lab.directory / "one").exists()


def script(text):
    return lambda file: file.write_text(f"#!/bin/sh\n{text}\n")


def truncated(octets):
    def write(file):
        shutil.copyfile(binary_under_test(), file)
        with file.open("r+b") as opened:
            opened.truncate(octets)
    return write


@pytest.mark.parametrize("draft, reason", [
    (lambda file: file.write_text("this is no program\n"), "cannot be executed as a program"),
    (truncated(1000), "install the program again"),
    (truncated(300_000), "install the program again"),
    (script("exit 3"), "ends with status 3"), (script("kill -9 $$"), "ended by signal 9"),
    (script("echo babeld-1.13"), "does not answer as swabeld does"),
    (script("sleep 77 & sleep 77"), "does not answer within 2 seconds"),
    (script("head -c 300000 /dev/zero; sleep 79"), "does not answer within 2 seconds"),
], ids=["text", "begin", "half", "status", "signal", "other", "silent", "endless"])
def test_a_program_that_does_not_work(lab, draft, reason):
    """The new program's file is asked for its version before anything is given up."""
    installed = Installed(lab)
    n, a, node = two(lab, [state(lab)], kind=installed.node)
    before = n.reaches()
    broken = installed.file.with_name("swabeld.new")
    draft(broken)
    broken.chmod(0o755)
    broken.rename(installed.file)
    began = time.monotonic()
    refused(node, f"{installed.file} -V ", reason)
    assert time.monotonic() - began < 5
    assert n.reaches() == before and a.reaches()
    # Nothing that it started is left.
    children = f"/proc/{node.process.child.pid}/task/{node.process.child.pid}/children"
    wait_until(lambda: not n.execute("cat", children).strip(), 3, "the program is gone")
    wait_until(lambda: "sleep 77" not in n.execute("ps", "-eo", "args"), 3, "so is its child")
    installed.install("second")
    restarted(node)
    assert running(node) == b"second" and n.reaches() == before
    assert node.stop(signal.SIGTERM) == 0 and not re.search("Fatal", node.process.text())
