"""What a service manager, an operator and another user see of the process."""

import os
import pathlib
import re
import signal
import socket
import time

import pytest

import babel_packets as babel
from daemons import Swabeld
from netns import Process, wait_until
from speaker import Speaker

OWN = ["10.91.0.0/16", "fd91::/32"]
STAMP = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z "


def pair(lab):
    a, b = lab.namespace("a"), lab.namespace("b")
    lab.veth(a, b)
    a.own("10.91.0.1", "fd91::1")
    return a, b


class NotifySocket:
    """Stands for systemd."""

    def __init__(self, lab, namespace=None) -> None:
        def make() -> socket.socket:
            return socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)

        # Names without a file belong to a network namespace.
        abstract = namespace is not None
        self.socket = namespace.enter(make) if abstract else make()
        self.name = f"@swabeld-test-{os.getpid()}-{id(self)}" if abstract else str(
            lab.directory / "notify")
        self.socket.bind(self.name.replace("@", "\0"))
        lab.on_close(self.socket.close)
        self.lines: list[str] = []

    def wait(self, line: str, seconds: float = 8) -> None:
        deadline = time.monotonic() + seconds
        while line not in self.lines:
            self.socket.settimeout(max(0.01, deadline - time.monotonic()))
            try:
                self.lines += self.socket.recv(4096).decode().splitlines()
            except TimeoutError:
                raise AssertionError(f"no {line}, only {self.lines}") from None


@pytest.mark.parametrize("abstract", [False, True])
def test_service_manager(lab, abstract):
    """READY when serving, WATCHDOG while running, STOPPING at the end."""
    a, _ = pair(lab)
    manager = NotifySocket(lab, a if abstract else None)
    words = ["env", f"NOTIFY_SOCKET={manager.name}", "WATCHDOG_USEC=1000000"]
    node = Swabeld(a, ["l0"], own=OWN, wrapper=words)
    manager.wait("READY=1")
    assert any(line.startswith("STATUS=1 of 1 interfaces up") for line in manager.lines)
    assert "MAINPID=" + str(node.process.child.pid) in manager.lines
    start = time.monotonic()
    for _ in range(3):
        manager.wait("WATCHDOG=1")
        manager.lines.clear()
    assert 0.8 < time.monotonic() - start < 2.5, "every half second"
    assert node.stop() == 0
    manager.wait("STOPPING=1")


def test_manager_hears_nothing_of_a_bad_start(lab):
    """An invalid configuration: exit status 1 and no READY, so that systemd's start fails."""
    a, _ = pair(lab)
    manager = NotifySocket(lab)
    file = lab.directory / "bad.conf"
    file.write_text("interface l0 rxcost many\n")
    process = Process(a, "swabeld", [
        "env", f"NOTIFY_SOCKET={manager.name}", Swabeld.binary(None), "-I", "", "-S", "",
        "-c", str(file)])
    assert process.child.wait(5) == 1
    manager.socket.settimeout(0.2)
    with pytest.raises(TimeoutError):
        manager.socket.recv(4096)


@pytest.mark.parametrize("is_meant", [False, True])
def test_background_with_a_notify_socket(lab, is_meant):
    """-D goes into the background though the shell has inherited the socket of another service,
    and says nothing there. Who was started by the manager itself stays, and says why."""
    a, _ = pair(lab)
    manager = NotifySocket(lab)
    pid, log = lab.directory / "pid", lab.directory / "log"
    number = "$$" if is_meant else "1"
    line = f'SYSTEMD_EXEC_PID={number} exec "$@"'
    process = Process(a, "swabeld", [
        "env", f"NOTIFY_SOCKET={manager.name}", "sh", "-c", line, "sh", Swabeld.binary(None), "-D",
        "-c", "/dev/null", "-I", str(pid), "-S", "", "-L", str(log), "l0"])
    if is_meant:
        manager.wait("READY=1")
        assert process.child.poll() is None and int(pid.read_text()) == process.child.pid
        assert "Staying in the foreground" in log.read_text()
        assert process.stop() == 0
        return
    assert process.child.wait(10) == 0, process.text()
    assert int(pid.read_text()) != process.child.pid
    os.kill(int(pid.read_text()), signal.SIGTERM)
    wait_until(lambda: not pid.exists(), 5, "it stops")
    assert "foreground" not in log.read_text()
    manager.socket.settimeout(0.2)
    with pytest.raises(TimeoutError):
        manager.socket.recv(4096)


def test_nobody_listens_on_the_notify_socket(lab):
    """A manager that is gone is no reason to complain."""
    a, _ = pair(lab)
    node = Swabeld(a, ["l0"], own=OWN, wrapper=["env", "NOTIFY_SOCKET=/nonexistent/notify"])
    assert node.dump("interface") and node.stop() == 0
    assert "notify" not in node.process.text()


def test_log_lines(lab):
    """Time and level on a file, which can be moved away and opened again."""
    a, _ = pair(lab)
    log = lab.directory / "log"
    node = Swabeld(a, ["l0"], own=OWN, statements=[f"log-file {log}", "random-id false"])
    with node.control() as control:
        control.ask("nonsense")
    wait_until(lambda: "nonsense" in log.read_text(), 3, "the mistake is logged")
    for line in log.read_text().splitlines():
        assert re.match(STAMP + "(error: |warning: |notice: |info: |Warning: )", line), line
    log.rename(f"{log}.1")
    node.process.child.send_signal(signal.SIGUSR2)
    wait_until(log.exists, 3, "a new log file")
    with node.control() as control:
        control.ask("rubbish")
    wait_until(lambda: "rubbish" in log.read_text(), 3, "the new file is used")
    assert "rubbish" not in pathlib.Path(f"{log}.1").read_text()


def test_journal(lab):
    """Under systemd a line begins with its priority."""
    a, _ = pair(lab)
    script = ('export JOURNAL_STREAM=$(stat -L -c %d:%i /proc/self/fd/2); exec "$@"')
    node = Swabeld(a, ["l0"], own=OWN, wrapper=["sh", "-c", script, "sh"])
    with node.control() as control:
        control.ask("nonsense")
    wait_until(lambda: "nonsense" in node.process.text(), 3, "the mistake is logged")
    for line in node.process.text().splitlines():
        assert re.match(r"<[34567]>\S", line), line


def test_drops_root(lab):
    """`user`: another user, two capabilities, and everything still works until the end."""
    a, b = pair(lab)
    lab.directory.chmod(0o755)
    log = lab.directory / "log"
    a.sysctl("ipv4/conf/l0/rp_filter", "1")
    a.sysctl("ipv6/conf/all/forwarding", "0")
    node = Swabeld(a, ["l0"], own=OWN, statements=[
        "user nobody", f"log-file {log}", f"state-file {lab.directory}/state"])
    status = pathlib.Path(f"/proc/{node.process.child.pid}/status")
    wait_until(lambda: "Uid:\t65534\t65534\t65534\t65534" in status.read_text(), 5, "root is gone")
    text = status.read_text()
    assert "Gid:\t65534\t65534\t65534\t65534" in text and "Groups:\t65534" in text
    both = f"{1 << 12 | 1 << 13:016x}"
    assert f"CapEff:\t{both}" in text and f"CapPrm:\t{both}" in text and f"CapBnd:\t{both}" in text
    assert "CapInh:\t0000000000000000" in text and "NoNewPrivs:\t1" in text
    speaker = Speaker(b, "l0")
    speaker.adjacent(node)
    speaker.send(babel.router_id(speaker.identifier), babel.update("fd99:1::/64"))
    wait_until(lambda: "fd99:1::/64" in a.reaches(), 5, "routes can be installed")
    node.process.child.send_signal(signal.SIGUSR2)
    with node.control() as control:
        assert control.ask("interface l1") == ["ok"]
        assert control.ask("reopen-logfile") == ["ok"]
    own_state = lab.directory / "state.swabeld"
    assert own_state.stat().st_uid == 65534 and "running\n" in own_state.read_text()
    assert node.stop() == 0
    assert a.routes() == []
    # In a directory of root's it can only be written over.
    assert own_state.read_text().split("\n")[1] == "stopped"
    assert a.sysctl("ipv4/conf/l0/rp_filter") == "1", "what was changed is restored"
    assert a.sysctl("ipv6/conf/all/forwarding") == "0"


def test_names_nobody_has(lab):
    """A user or group that does not exist is told before anything is touched."""
    a, _ = pair(lab)
    for statement in ("user nosuchuser", "socket-owner nosuchuser", "socket-group nosuchgroup"):
        process = Process(a, "swabeld", [
            Swabeld.binary(None), "-I", "", "-S", "", "-C", statement, "l0"])
        assert process.child.wait(5) == 1
        assert "there is no such" in process.text(), process.text()


def test_socket_rights(lab):
    """Mode, owner and group of the Unix socket; by the mask of the process if not given."""
    a, _ = pair(lab)
    node = Swabeld(a, ["l0"], own=OWN, statements=[
        "socket-mode 0660", "socket-owner nobody", "socket-group 4321"])
    status = os.stat(node.control_path)
    assert (status.st_mode & 0o777, status.st_uid, status.st_gid) == (0o660, 65534, 4321)
    assert node.stop() == 0
    node = Swabeld(a, ["l0"], own=OWN, wrapper=["sh", "-c", 'umask 022; exec "$@"', "sh"])
    assert os.stat(node.control_path).st_mode & 0o777 == 0o755


def test_second_instance_and_stale_files(lab):
    """One daemon for a port; what a crash left behind does not prevent a start."""
    a, _ = pair(lab)
    pid_file = lab.directory / "pid"
    node = Swabeld(a, ["l0"], own=OWN, statements=[f"pid-file {pid_file}"])
    for words, message in (
        (["-I", ""], "UDP port 6696 is in use"),
        (["-I", str(pid_file)], f"creat({pid_file}): File exists"),
        (["-I", "", "-p", "6697", "-G", node.control_path], "local_server_socket: Address"),
    ):
        process = Process(a, "swabeld", [Swabeld.binary(None), "-S", "", *words, "l0"])
        assert process.child.wait(5) == 1
        assert message in process.text(), process.text()
    assert pid_file.read_text() == str(node.process.child.pid), "the file is left alone"
    assert node.dump("interface"), "the first goes on"
    node.kill()
    assert pid_file.exists() and os.path.exists(node.control_path)
    again = Process(a, "swabeld", node.words)
    wait_until(lambda: pid_file.read_text() == str(again.child.pid), 5, "it starts again")
    node.process = again
    wait_until(node.ready, 5, "its socket is there")
    assert node.dump("interface") and node.stop() == 0
