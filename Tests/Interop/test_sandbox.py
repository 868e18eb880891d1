"""Where the daemon has to live: in sandboxes of service managers, and with few capabilities."""

import os
import pathlib
import re
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import time

import pytest

import babel_packets as babel
from daemons import Control, Swabeld
from netns import REPOSITORY, Process, run, wait_until
from speaker import Speaker
from test_supervision import NotifySocket

SANDBOX = [sys.executable, str(REPOSITORY / "Tests/Interop/sandbox.py")]
UNIT = REPOSITORY / "packaging/swabeld.service"
OWN = ["10.91.0.0/16", "fd91::/32"]
UNIX, INET, INET6, NETLINK = 1, 2, 10, 16


def pair(lab):
    a, b = lab.namespace("a"), lab.namespace("b")
    lab.veth(a, b)
    a.own("10.91.0.1", "fd91::1")
    return a, b


def capabilities(process, kind):
    """A set of capabilities of a process, as a number."""
    text = pathlib.Path(f"/proc/{process.child.pid}/status").read_text()
    return int(re.search(rf"{kind}:\t(\w+)", text).group(1), 16)


def learns(a, b):
    """Routes are learned and installed; returns the neighbour."""
    speaker = Speaker(b, "l0")
    wait_until(lambda: any(cost < babel.INFINITY for cost in
                           [speaker.hears(source) for source in list(speaker.heard)]), 10,
               "the daemon hears the neighbour", every=0.05)

    def installed():
        speaker.send(babel.router_id(speaker.identifier), babel.update("fd99:1::/64"))
        return "fd99:1::/64" in a.reaches()

    wait_until(installed, 8, "a route is installed", every=0.3)
    return speaker


def test_nixos(lab):
    """The module of NixOS: CAP_NET_ADMIN alone, no Unix sockets, a list of system calls, no new
    executable memory, umask 0177, a read-only system; and nobody to be notified."""
    a, b = pair(lab)
    a.sysctl("ipv4/conf/l0/rp_filter", "1")
    pid, state, file = (lab.directory / name for name in ("pid", "state", "babeld.conf"))
    state.write_text("1234\n")
    file.write_text(
        "local-port-readwrite 33123\nskip-kernel-setup false\n"
        "default hello-interval 1 type wired update-interval 4 \n"
        "interface l0 \nredistribute local deny\n")
    process = Process(a, "swabeld", [
        "env", "NOTIFY_SOCKET=/run/nobody", *SANDBOX, "--families", f"{NETLINK},{INET},{INET6}",
        "--system-service", "--no-new-executable", "--bounding", "net_admin", "--umask", "0177",
        "--read-only", "--", Swabeld.binary(None), "-c", str(file), "-I", str(pid), "-S",
        str(state)])
    wait_until(pid.exists, 10, "it starts")
    learns(a, b)
    assert a.sysctl("ipv4/conf/l0/rp_filter") == "0"
    assert capabilities(process, "CapEff") == 1 << 12
    assert not state.exists(), "taken at the start"

    def ask():
        with socket.create_connection(("::1", 33123), 5) as client:
            client.sendall(b"dump\nquit\n")
            return b"".join(iter(lambda: client.recv(65536), b"")).decode()

    assert "prefix fd99:1::/64" in a.enter(ask)
    process.child.send_signal(signal.SIGUSR1)
    assert process.stop() == 0
    assert not a.routes() and not pid.exists()
    assert re.fullmatch(r"\d+\n", state.read_text())
    assert state.stat().st_mode & 0o777 == 0o600
    assert a.sysctl("ipv4/conf/l0/rp_filter") == "1"
    assert "notify" not in process.text() and "rror" not in process.text(), process.text()


def test_debian(lab):
    """The init script of Debian: in the background, a pid file within 5 s, USR2 after a rotation
    of the log, TERM; no configuration but the interfaces."""
    a, b = pair(lab)
    pid, state, log = (lab.directory / name for name in ("pid", "state", "log"))
    words = ["-D", "-I", str(pid), "-S", str(state), "-L", str(log), "-H", "1", "-d", "1", "l0"]
    process = Process(a, "swabeld", [Swabeld.binary(None), *words])
    assert process.child.wait(5) == 0, process.text()
    wait_until(lambda: pid.exists() and pid.read_text(), 5, "the pid file")
    number = int(pid.read_text())
    assert os.path.samefile(f"/proc/{number}/fd/1", log)
    learns(a, b)
    log.rename(f"{log}.1")
    os.kill(number, signal.SIGUSR2)
    wait_until(lambda: log.exists() and "My id" in log.read_text(), 5, "the new log is written")
    again = Process(a, "swabeld", [Swabeld.binary(None), *words])
    assert again.child.wait(5) == 1 and "creat(" in again.text()
    assert "creat(" in log.read_text(), "a second one says so in the log, too"
    os.kill(number, signal.SIGTERM)
    wait_until(lambda: not pid.exists(), 5, "it stops")
    command = pathlib.Path(f"/proc/{number}/cmdline")  # nobody waits for an orphan here
    wait_until(lambda: not command.exists() or not command.read_bytes(), 5, "it is gone")
    assert not a.routes() and re.fullmatch(r"\d+\n", state.read_text())


def unit(key):
    """The words of a setting of the shipped unit."""
    return re.search(rf"(?m)^{key}=(.*)$", UNIT.read_text()).group(1).split()


# What must not be the machine's own while the unit is imitated, as the sandbox makes directories
# there.
FRESH = ["unshare", "--mount", "sh", "-ec", "\n".join([
    *(f"mount -t tmpfs -o mode=755 tmpfs {directory}" for directory in ("/var/lib", "/var/log")),
    'exec "$@"']), "sh"]


class Installed(Swabeld):
    """The daemon where the sandbox lets it be seen; the repository may be in somebody's home."""

    def binary(self) -> str:
        return shutil.copy(super().binary(), self.namespace.lab.directory / "swabeld")


def shipped():
    """The sandbox of the shipped unit."""
    return [*FRESH, *SANDBOX, "--unit", str(UNIT), "--"]


def test_shipped_unit(lab):
    """In the sandbox of our own unit everything works, and what only the start needs is given
    up."""
    a, b = pair(lab)
    node = Installed(a, ["l0"], own=OWN, wrapper=shipped())
    wait_until(lambda: capabilities(node.process, "CapEff") == 1 << 12 | 1 << 13, 5,
               "what is not needed is given up")
    learns(a, b)
    assert node.stop() == 0 and not a.routes()


def test_user_in_the_shipped_unit(lab):
    """`user` and `socket-group` work there, too."""
    a, b = pair(lab)
    lab.directory.chmod(0o755)
    node = Installed(a, ["l0"], own=OWN, wrapper=shipped(), statements=[
        "user nobody", "socket-owner 4320", "socket-group 4321", "socket-mode 0660"])
    status = pathlib.Path(f"/proc/{node.process.child.pid}/status")
    wait_until(lambda: "Uid:\t65534\t65534\t65534\t65534" in status.read_text(), 5, "root is gone")
    assert capabilities(node.process, "CapBnd") == 1 << 12 | 1 << 13
    made = os.stat(node.control_path)
    assert (made.st_uid, made.st_gid, made.st_mode & 0o777) == (4320, 4321, 0o660)
    learns(a, b)
    assert node.stop() == 0 and not a.routes()


# What systemd does, with all rights, before it starts the daemon in its sandbox.
PREPARED = " ".join(unit("ExecStartPre")).removeprefix("-+")
# From here the system takes settings that can make it run programs.
SETTINGS = PREPARED.removeprefix("/bin/mkdir -p ").split()


def unit_starts(lab, namespace, configuration, settings=UNIT.read_text()):
    """Runs the command of the shipped unit in its sandbox, on a machine with this /etc/babeld.conf;
    returns the process and who stands for systemd. Its files are seen through /proc."""
    manager = NotifySocket(lab, namespace)
    program = lab.directory / "bin" / "swabeld"
    program.parent.mkdir(exist_ok=True)
    shutil.copy(Swabeld.binary(None), program)
    program.with_name("swabeld.service").write_text(settings)
    words = [word.replace("@SBIN@", "/mnt") for word in shlex.split(
        re.search(r"(?m)^ExecStart=(.*)$", UNIT.read_text()).group(1))]
    script = "\n".join([
        "mount -t tmpfs tmpfs /etc", "mount -t tmpfs tmpfs /mnt", 'cp "$1"/* /mnt; shift',
        "mount -t tmpfs -o mode=755 tmpfs /run", "mkdir /run/systemd /run/udev",
        PREPARED,
        'printf %s "$1" > /etc/babeld.conf; shift', "export SYSTEMD_EXEC_PID=$$",
        'exec "$@"'])
    process = Process(namespace, "swabeld", [
        "env", f"NOTIFY_SOCKET={manager.name}", *FRESH, "sh", "-ec", script, "sh",
        str(program.parent), configuration, *SANDBOX, "--unit", "/mnt/swabeld.service",
        "--", *words])
    return process, manager


def writable(process, path):
    """Whether root can make a file there, in the mount namespace of a process."""
    mounts = f"--mount=/proc/{process.child.pid}/ns/mnt"
    return run("sh", "-c", 'nsenter "$1" touch "$2" && echo yes', "sh", mounts, f"/{path}",
               check=False) == "yes\n"


MIGRATED = """
local-path-readwrite /run/babeld.sock
log-file /var/log/babeld.log
state-file /var/lib/babel-state
pid-file /var/run/babeld.pid
daemonise true
interface l0 type wired hello-interval 1 update-interval 4
redistribute local ip 10.91.0.0/16 allow
redistribute local deny
"""


def test_migrated_configuration_in_the_shipped_unit(lab):
    """What a configuration written for babeld names is where it says, in the sandbox, too. Only the
    state file is kept elsewhere, and the log says where."""
    a, b = pair(lab)
    process, manager = unit_starts(lab, a, MIGRATED)
    manager.wait("READY=1")
    root = pathlib.Path(f"/proc/{process.child.pid}/root")
    assert f"MAINPID={process.child.pid}" in manager.lines, "it stays in the foreground"
    assert (root / "run/babeld.pid").read_text() == str(process.child.pid)
    learns(a, b)
    assert (root / "run/babeld.sock").stat().st_mode & 0o077 == 0, "for root, as the manual says"
    with Control(str(root / "run/babeld.sock")) as control:
        assert "10.91.0.1/32" in "".join(control.ask("dump"))
    log = (root / "var/log/babeld.log").read_text()
    assert process.text() == "", "after the start all is in the log file"
    assert "/var/lib/swabeld/babel-state is used instead of /var/lib/babel-state" in log, log
    closed = [f"{name[1:]}/x" for name in SETTINGS]
    assert "run/tmpfiles.d/x" in closed
    for path in ("etc/passwd", "var/lib/x", "run/systemd/x", "usr/x", "tmp/x", *closed):
        assert not writable(process, path), path
    for path in ("run/x", "var/log/x", "var/lib/swabeld/x"):
        assert writable(process, path), path
    directory = os.open(root / "var/lib/swabeld", os.O_RDONLY)
    assert process.stop() == 0 and not a.routes()
    assert "babel-state" in os.listdir(directory)
    os.close(directory)


@pytest.mark.parametrize("words", [
    ["mkdir", "/run/x"], ["ln", "-s", "/", "/run/x"], ["mknod", "/run/x", "p"]])
def test_the_shipped_unit_makes_nothing_but_files(lab, words):
    """No directories, links and devices: the process is ended."""
    a = lab.namespace("a")
    own_run = ["unshare", "--mount", "sh", "-ec", 'mount -t tmpfs tmpfs /run; exec "$@"', "sh"]
    done = subprocess.run(["ip", "netns", "exec", a.name, *own_run, *shipped(), *words],
                          capture_output=True, timeout=20)
    assert done.returncode in (-signal.SIGSYS, 128 + signal.SIGSYS), done


CLOSED = """
local-path-readwrite /run/swabeld/babeld.sock
log-file /run/swabeld/babeld.log
pid-file /run/swabeld/babeld.pid
interface l0 type wired hello-interval 1 update-interval 4
redistribute local deny
"""


def test_the_shipped_unit_can_be_closed(lab):
    """With the drop-in that the unit names, /run/swabeld is enough for a daemon whose files are
    there, and nothing else in /run and /var/log can be written."""
    a, b = pair(lab)
    settings = re.sub(r"(?m)^ReadWritePaths=.*$", "ReadWritePaths=", UNIT.read_text())
    process, manager = unit_starts(lab, a, CLOSED, settings)
    manager.wait("READY=1")
    learns(a, b)
    for path in ("run/x", "run/tmpfiles.d/x", "var/log/x"):
        assert not writable(process, path), path
    assert writable(process, "run/swabeld/x")
    root = pathlib.Path(f"/proc/{process.child.pid}/root")
    with Control(str(root / "run/swabeld/babeld.sock")) as control:
        assert "fd99:1::/64" in "".join(control.ask("dump"))
    assert process.stop() == 0 and not a.routes()


@pytest.mark.parametrize("statement,cure", [
    ("local-path /srv/babel.sock", "/run/swabeld/babel.sock"),
    # What the journal shows is standard error, even if there is a log file.
    ("log-file /var/log/babel.log\nlocal-path /srv/babel.sock", "/run/swabeld/babel.sock"),
    ("local-path /tmp/babel.sock", "/run/swabeld/babel.sock"),
    ("pid-file /srv/babel.pid", "/run/swabeld/babel.pid"),
    ("log-file /srv/babel.log", "/srv/babel.log: add its directory"),
])
def test_what_the_shipped_unit_forbids_is_told_with_a_cure(lab, statement, cure):
    """A file outside the sandbox: the start fails and says where the file may be."""
    a, _ = pair(lab)
    process, _ = unit_starts(lab, a, f"{statement}\ninterface l0\n")
    assert process.child.wait(15) == 1
    assert "Read-only file system" in process.text(), process.text()
    assert cure in process.text() and "ReadWritePaths" in process.text(), process.text()


def test_ports_of_root(lab):
    """A port below 1024 is refused in the unit, and taken by root elsewhere, also for the IPv4
    socket that is opened only when an interface asks for it."""
    a, _ = pair(lab)
    process, _ = unit_starts(lab, a, "protocol-port 600\ninterface l0\n")
    assert process.child.wait(15) == 1 and "Permission denied" in process.text(), process.text()
    node = Swabeld(a, ["l0"], own=OWN, statements=["protocol-port 600"])
    wait_until(lambda: capabilities(node.process, "CapEff") & 1 << 10, 5, "it is kept for that")
    wait_until(lambda: not capabilities(node.process, "CapEff") & 1 << 7, 5, "and that given up")
    with node.control() as control:
        assert control.ask("interface l0 ipv4-control true") == ["ok"]
    wait_until(lambda: "0.0.0.0]:600 " in a.execute("ss", "-uln"), 5, "the IPv4 socket is open")
    assert node.stop() == 0


def test_user_without_the_right(lab):
    """Who may only administer the network cannot become another user: told, and not run as root
    instead. Who is that user already has nothing to do."""
    a, b = pair(lab)
    words = [*SANDBOX, "--bounding", "net_admin", "--"]
    lines = [Swabeld.binary(None), "-I", "", "-S", "", "-C", "user nobody", "l0"]
    process = Process(a, "swabeld", [*words, *lines])
    assert process.child.wait(10) == 1
    assert "CAP_SETUID" in process.text(), process.text()
    assert not a.routes()
    lab.directory.chmod(0o777)
    node = Swabeld(a, ["l0"], own=OWN, statements=["user nobody"], wrapper=[
        "setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups", "--inh-caps",
        "+net_admin", "--ambient-caps", "+net_admin", "--"])
    learns(a, b)
    assert capabilities(node.process, "CapEff") == 1 << 12
    assert node.stop() == 0 and not a.routes()


def test_without_any_power(lab):
    """An ordinary user in a container whose settings are right: runs, and says what the kernel
    refuses, once and not with every Update."""
    a, b = pair(lab)
    a.forward()
    a.sysctl("ipv6/conf/all/accept_redirects", "0")
    a.sysctl("ipv4/conf/l0/rp_filter", "0")
    lab.directory.chmod(0o777)
    node = Swabeld(a, ["l0"], own=OWN, wrapper=[
        "setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups", "--bounding-set",
        "-all", "--"])
    speaker = Speaker(b, "l0")
    speaker.adjacent(node)
    for _ in range(20):
        speaker.send(babel.router_id(speaker.identifier), babel.update("fd99:1::/64"))
        time.sleep(0.05)
    wait_until(lambda: "kernel_route" in node.process.text(), 5, "the refusal is logged")
    assert node.process.text().count("kernel_route") <= 6, node.process.text()
    assert [row["installed"] for row in node.dump("route")] == ["no"]
    assert node.stop() == 0


def test_check_without_netlink(lab):
    """A check needs no power, and no netlink either: then it says what it could not look at."""
    a, _ = pair(lab)
    file = lab.directory / "t.conf"
    file.write_text("interface l0\ninterface wg-*\n")
    lab.directory.chmod(0o755)
    binary = lab.directory / "swabeld"  # where everybody can reach it
    shutil.copy(Swabeld.binary(None), binary)
    drop = ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups", "--bounding-set",
            "-all", "--"]
    text = a.execute("sh", "-c", '"$@" 2>&1', "sh", *drop, str(binary), "--check", str(file))
    assert "no interface matches wg-*" in text and "looked at" not in text
    families = [*SANDBOX, "--families", f"{INET},{INET6},{UNIX}", "--"]
    text = a.execute("sh", "-c", '"$@" 2>&1', "sh", *families, *drop, str(binary), "--check",
                     str(file))
    assert "note: this machine's interfaces could not be looked at" in text
    assert "valid, warnings: 1" in text, text
    process = Process(a, "swabeld", [*families, str(binary), "-I", "", "-S", "", "l0"])
    assert process.child.wait(5) == 1
    assert "netlink" in process.text(), process.text()


def test_unit_is_valid(lab):
    """The unit as it is installed passes systemd's own check, which starts nothing."""
    binary = lab.directory / "swabeld"
    shutil.copy(Swabeld.binary(None), binary)
    binary.with_name("swabelctl").symlink_to(binary)
    file = lab.directory / "swabeld.service"
    file.write_text(UNIT.read_text().replace("@SBIN@", str(lab.directory)))
    assert "@" not in file.read_text().replace("@system-service", "")
    text = run("sh", "-c", 'systemd-analyze verify --man=no "$1" 2>&1', "sh", str(file))
    mine = [line for line in text.splitlines() if "swabeld" in line]
    assert mine == [], text
    broken = lab.directory / "broken.service"
    broken.write_text(file.read_text().replace("Type=notify", "Type=notifying"))
    text = run("sh", "-c", 'systemd-analyze verify --man=no "$1" 2>&1', "sh", str(broken),
               check=False)
    assert "notifying" in text, "the check would see a mistake"
    words = re.search(r"(?m)^ExecStart=\S+ (.*)$", file.read_text()).group(1)
    assert unit("Type") == ["notify"] and "-D" not in words.split()
    # Without an order systemd starts us while babeld still has the port; and a router must not wait
    # for a network that may be complete only through it.
    after = re.findall(r"(?m)^After=(.*)$", UNIT.read_text())
    assert unit("Conflicts") == ["babeld.service"] and "babeld.service" in after
    assert "network-online" not in UNIT.read_text()
