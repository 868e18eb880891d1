"""A daemon that is told to restart executes its program's file again: nothing that passes through
it is lost, and a file that was replaced meanwhile is the new one."""

import contextlib
import os
import pathlib
import re
import shutil
import subprocess
import time

import pytest
from daemons import Control, Swabeld, binary_under_test
from netns import Process, measured, wait_until
from test_client import ask, client, state, two
from test_crash import FAR, hosts
from test_restart import RESTARTS, SOURCE, scene
from test_sandbox import MIGRATED, learns, pair, unit_starts
from test_supervision import NotifySocket
from traffic import Stream, nothing_lost


def proc(node, name):
    return pathlib.Path(f"/proc/{node.process.child.pid}/{name}")


def field(node, name):
    """A line of /proc/PID/status."""
    return re.search(rf"^{name}:\s+(\S+)", proc(node, "status").read_text(), re.M)[1]


def descriptors(node):
    """What is open, by kind."""
    kinds = []
    for file in proc(node, "fd").iterdir():
        with contextlib.suppress(FileNotFoundError):  # one that was open for a moment
            kinds.append(re.sub(r"\d+", "N", os.readlink(file)))
    return sorted(kinds)


def restarted(node, *words, **more):
    """Restarts a daemon; returns the milliseconds until it answered."""
    status, text, complaint = ask(node, "restart", *words, **more)
    assert (status, complaint) == (0, ""), complaint + node.process.text()[-2000:]
    found = re.fullmatch(r"swabeld-\S+ runs, after (\d+) milliseconds\n", text)
    assert found and node.process.alive, text
    return int(found[1])


def test_nothing_is_lost(lab):
    """Restarts under a stream of 1,000 datagrams a second, family and direction: none is lost, the
    process stays the same and grows in nothing."""
    s, n, a, _, node = scene(lab, "swabeld")
    streams = [Stream(s, {"a": a}, FAR, 1000), Stream(a, {"s": s}, SOURCE, 1000)]
    watchers = [Process(host, f"monitor-{host.label}", ["ip", "monitor", "route"])
                for host in (n, a)]
    time.sleep(1)
    before = descriptors(node), field(node, "SigBlk"), field(node, "SigIgn"), field(node, "CapEff")
    began = proc(node, "stat").read_text().split(")")[1].split()[19]
    times = []
    for _ in range(RESTARTS):
        times.append(restarted(node))
        assert hosts(FAR) <= n.reaches()
        wait_until(node.neighbours, 5, "the neighbour is heard")
    wait_until(lambda: (descriptors(node), field(node, "SigBlk"), field(node, "SigIgn"),
                        field(node, "CapEff")) == before, 3, "the process is as it was")
    assert proc(node, "stat").read_text().split(")")[1].split()[19] == began
    # What the node did not hear of again would be taken back now.
    time.sleep(8)
    counts = nothing_lost(streams)
    for watcher in watchers:
        assert not re.search(r"(10\.9[128]\.|fd9[128]::)", watcher.text()), watcher.text()
    measured(f"restart by swabelctl: {times} ms until the socket answers; {counts} datagrams of "
             "each family in each direction, none lost")
    assert node.stop() == 0


class Installed:
    """A copy of the program that can be replaced, and a daemon that runs it."""

    def __init__(self, lab):
        self.file = lab.directory / "swabeld"
        self.install("first")

    def node(self, *words, **more):
        """A daemon that runs the copy."""
        node = Swabeld.__new__(Swabeld)
        node.binary = lambda: str(self.file)
        node.__init__(*words, **more)
        return node

    def install(self, mark):
        """Replaces the file, as a package manager does. The mark stands behind its end."""
        draft = self.file.with_name("swabeld.dpkg-new")
        shutil.copyfile(binary_under_test(), draft)
        with draft.open("ab") as file:
            file.write(mark.encode())
        draft.chmod(0o755)
        draft.rename(self.file)


def running(node):
    """The end of the file that a process executes."""
    with proc(node, "exe").open("rb") as file:
        file.seek(-6, os.SEEK_END)
        return file.read()


def test_upgrade(lab):
    """The file is replaced and the daemon restarted: the same process executes the new file, routes
    stay. A file that cannot be executed is refused."""
    installed = Installed(lab)
    n, a, node = two(lab, [state(lab)], kind=installed.node)
    before = n.reaches()
    assert running(node).endswith(b"first")
    installed.install("second")
    assert running(node).endswith(b"first")
    restarted(node)
    assert running(node) == b"second" and os.readlink(proc(node, "exe")) == str(installed.file)
    assert n.reaches() == before and a.reaches()
    installed.file.chmod(0o644)
    status, _, complaint = ask(node, "restart")
    assert status == 1 and f"{installed.file} cannot be executed" in complaint
    installed.file.chmod(0o755)
    installed.file.unlink()
    status, _, complaint = ask(node, "restart")
    assert status == 1 and f"{installed.file} cannot be executed" in complaint
    assert node.process.alive
    installed.install("fourth")
    restarted(node)
    assert running(node) == b"fourth"
    assert n.reaches() == before and a.reaches()
    assert node.stop() == 0 and not n.routes()


def test_refused(lab):
    """A mistake in the configuration: the reason is told in one line, and the old process goes on
    undisturbed. Once it is mended the new configuration counts."""
    file = lab.directory / "conf"
    good = "interface l0\n"
    file.write_text(good)
    n, a, node = two(lab, [state(lab)], words=["-c", str(file)])
    watcher = Process(n, "monitor", ["ip", "monitor", "route"])
    number = field(node, "Pid")
    for text, reason in (
            ("interface l0 rxcost many\n", "expected a number"), ("nonsense\n", "nonsense"),
            ("socket-group nobody-of-that-name\n", "there is no such group"),
            ("export-table 999\nsource-tables 900 1100\n", "table 999 is used otherwise")):
        file.write_text(good + text)
        status, output, complaint = ask(node, "restart")
        assert (status, output) == (1, "") and reason in complaint, (text, complaint)
        assert complaint.count("\n") == 1 and complaint.startswith("swabelctl: ")
    file.unlink()
    status, output, complaint = ask(node, "restart")
    assert status == 1 and str(file) in complaint, complaint
    assert node.neighbours() and field(node, "Pid") == number and "proto" not in watcher.text()
    file.write_text(f"{good}interface l7\nlocal-path-readwrite {lab.directory}/other\n")
    status, output, complaint = ask(node, "--timeout", "2", "restart")
    assert status == 1 and "not come back within 2 seconds" in complaint
    node.control_path = f"{lab.directory}/other"
    assert any(row["key"] == "l7" for row in node.dump("interface"))
    assert field(node, "Pid") == number and node.stop() == 0


def test_what_cannot_be_opened(lab):
    """A file or socket of the next configuration that cannot be opened: the old process goes on, as
    if nobody had asked; so does a reload. What can be opened is used from then on."""
    file = lab.directory / "conf"
    good = f"interface l0\npid-file {lab.directory}/pid\n"
    file.write_text(good)
    n, a, node = two(lab, [state(lab), f"pid-file {lab.directory}/pid"], words=["-c", str(file)])
    (lab.directory / "plain").write_text("text\n")
    number = field(node, "Pid")
    log = f"log-file {lab.directory}/none/log\n"
    for text in (log, f"log-file {lab.directory}\n",
                 f"local-path-readwrite {lab.directory}/none/socket\n",
                 f"local-path-readwrite {lab.directory}/plain\n",
                 f"metrics-path {lab.directory}/none/metrics\n",
                 f"pid-file {lab.directory}/none/pid\n", f"pid-file {lab.directory}/plain\n"):
        file.write_text(good + text)
        status, output, complaint = ask(node, "restart")
        assert (status, output) == (1, ""), (text, output, complaint)
        assert complaint.startswith("swabelctl: ") and complaint.count("\n") == 1, complaint
        assert node.neighbours() and field(node, "Pid") == number, text
    file.write_text(good + log)
    status, output, complaint = ask(node, "reload")
    assert status == 1 and "none/log" in complaint, (output, complaint)
    file.write_text(f"{good}log-file {lab.directory}/log\npid-file {lab.directory}/other\n")
    status, output, complaint = ask(node, "restart")
    assert status == 0, complaint
    assert (lab.directory / "other").read_text() == str(number)
    assert not (lab.directory / "pid").exists()
    assert "started" in (lab.directory / "log").read_text()
    assert node.stop() == 0


def test_in_the_background(lab):
    """With -D: the same process, still in the background, with its pid file."""
    n, a = lab.namespace("n"), lab.namespace("a")
    lab.veth(n, a)
    a.own(*FAR)
    Swabeld(a, ["l0"], own=["10.92.0.0/16", "fd92::/32"])
    files = {name: lab.directory / name for name in ("pid", "log", "state", "sock")}
    words = [binary_under_test(), "-D", "-c", "/dev/null", "-S", str(files["state"]), "-I",
             str(files["pid"]), "-L", str(files["log"]), "-G", str(files["sock"]), "l0"]
    # A service manager of somebody else, and nobody's note about a restart.
    manager = NotifySocket(lab)
    done = subprocess.run(
        ["ip", "netns", "exec", n.name, *words], timeout=20, stdin=subprocess.DEVNULL,
        env={**os.environ, "NOTIFY_SOCKET": manager.name, "SYSTEMD_EXEC_PID": "1",
             "SWABELD_RESTART": "1 foreground"})
    assert done.returncode == 0
    number = files["pid"].read_text()
    inode = files["pid"].stat().st_ino
    wait_until(lambda: hosts(FAR) <= n.reaches(), 20, "routes are learned")
    before = n.reaches()
    for _ in range(3):
        status, text, complaint = client(n, "-s", str(files["sock"]), "restart")
        assert (status, complaint) == (0, "") and text.startswith("swabeld-")
        assert files["pid"].read_text() == number and files["pid"].stat().st_ino == inode
        assert n.reaches() == before
    assert b"-D" in pathlib.Path("/proc", number, "cmdline").read_bytes().split(b"\0")
    assert "foreground" not in files["log"].read_text()
    manager.socket.setblocking(False)
    try:
        assert not manager.socket.recv(4096)
    except BlockingIOError:
        pass
    with Control(str(files["sock"])) as control:
        wait_until(lambda: "fd92" in "".join(control.ask("dump")), 10, "routes are known")
    assert client(n, "-s", str(files["sock"]), "stop")[0] == 0
    assert not files["pid"].exists() and not n.routes()


def test_service_manager(lab):
    """RELOADING with the time, then READY of the same process; STOPPING only at the end."""
    manager = NotifySocket(lab)
    words = ["env", f"NOTIFY_SOCKET={manager.name}", "WATCHDOG_USEC=1000000"]
    _, _, node = two(lab, [state(lab)], wrapper=words)
    manager.wait("READY=1")
    manager.lines.clear()
    begin = time.monotonic_ns() // 1000
    restarted(node)
    manager.wait("READY=1")
    assert "STOPPING=1" not in manager.lines and "RELOADING=1" in manager.lines
    stamps = [int(line[15:]) for line in manager.lines if line.startswith("MONOTONIC_USEC=")]
    assert len(stamps) == 1 and begin < stamps[0] < time.monotonic_ns() // 1000
    assert manager.lines.index("RELOADING=1") < manager.lines.index("READY=1")
    assert f"MAINPID={node.process.child.pid}" in manager.lines
    manager.lines.clear()
    manager.wait("WATCHDOG=1")
    assert node.stop() == 0
    manager.wait("STOPPING=1")


def test_rights_that_were_given_up(lab):
    """With `user` a restart has to come from outside. Who never was root keeps what he has."""
    lab.directory.chmod(0o777)
    _, _, node = two(lab, [state(lab), "user nobody"])
    status, _, complaint = ask(node, "restart")
    assert status == 1 and "systemctl restart swabeld" in complaint
    assert node.neighbours() and node.stop() == 0
    (lab.directory / "state.swabeld").unlink()
    _, _, node = two(lab, [state(lab)], wrapper=[
        "setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups", "--inh-caps",
        "+net_admin", "--ambient-caps", "+net_admin", "--"])
    for _ in range(2):
        assert int(field(node, "CapEff"), 16) == 1 << 12 and field(node, "Uid") == "65534"
        restarted(node)
    wait_until(node.neighbours, 5, "the neighbour is heard")
    assert node.stop() == 0


def test_root_without_privileges(lab):
    """Where root is nobody special, a process keeps what it has, and refuses what needs more."""
    _, _, node = two(lab, [state(lab)], wrapper=[
        "setpriv", "--securebits", "+noroot", "--inh-caps", "+net_admin,+dac_override",
        "--ambient-caps", "+net_admin,+dac_override", "--"])
    before = field(node, "CapEff")
    restarted(node)
    wait_until(lambda: field(node, "CapEff") == before, 3, "capabilities are kept")
    wait_until(node.neighbours, 5, "the neighbour is heard")
    assert node.stop() == 0


def test_a_signal_meanwhile(lab):
    """A SIGTERM that comes while the process restarts is not lost: it ends the new life, and the
    routes are gone."""
    n, _, node = two(lab, [state(lab), "debug 0"])
    with node.control() as control:
        control.socket.sendall(b"restart\n")
        assert control.reply() == ["ok"]
        node.process.child.terminate()
    assert node.process.child.wait(10) == 0
    assert not n.routes()


@pytest.mark.parametrize("statement", ["", "socket-group 4321\n"])
def test_in_the_shipped_unit(lab, statement):
    """The sandbox of the shipped unit lets a process restart itself. It does not give rights back,
    so with a statement that needs them the process refuses."""
    a, b = pair(lab)
    process, manager = unit_starts(lab, a, MIGRATED + statement)
    manager.wait("READY=1")
    learns(a, b)
    manager.lines.clear()
    words = ["nsenter", f"--mount=/proc/{process.child.pid}/ns/mnt", "/mnt/swabeld", "restart"]
    done = subprocess.run(["ip", "netns", "exec", a.name, *words], capture_output=True, text=True,
                          timeout=70, stdin=subprocess.DEVNULL)
    if statement:
        assert done.returncode == 1 and "systemctl restart swabeld" in done.stderr, done.stderr
    else:
        assert done.returncode == 0 and done.stdout.startswith("swabeld-"), done.stderr
        manager.wait("READY=1")
        assert manager.lines[0] == "RELOADING=1" and "STOPPING=1" not in manager.lines
    assert process.alive and "fd99:1::/64" in a.reaches()
    assert process.stop() == 0 and not a.routes()
