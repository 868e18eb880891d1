"""The local socket changes by a reload: where it is, who may use it. And what a port may be asked,
which every user of the machine can reach."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import stat
import subprocess

from daemons import Swabeld, next_serial
from netns import wait_until
from test_client import ask

REFUSAL = "no A port is open to every local user: this needs a Unix socket, or trust-local-port"
# What decides about the whole daemon; harmless where it is allowed.
GRAVE = ["reload --dry-run", "reload", "rule add in ip 10.5.0.0/16 deny", "rule remove in 1",
         "in ip 10.6.0.0/16 deny", "limit routes 5000", "show config --secrets",
         "show config --diff", "log-level all notice", "key id k type blake2s128 value 00ff",
         "interface l0 key none", "default accept-bad-signatures false"]
# What known clients of babeld need, and what only shows something.
FREE = ["interface l0 rxcost 100", "flush interface x9", "dump", "show rules", "show config",
        "drain l0 for 1", "undrain l0"]


class Filed(Swabeld):
    """A daemon whose local socket is said in its file alone."""

    def __init__(self, namespace, place, lines=()):
        self.namespace = namespace
        self.file = namespace.lab.directory / f"{next_serial()}.conf"
        self.words = [self.binary(), "-I", "", "-S", "", "-c", str(self.file)]
        self.process = None
        self.control_path = str(place)
        self.write(f"local-path-readwrite {place}", *lines)
        self.start()

    def write(self, *lines):
        self.file.write_text("\n".join(["interface l0", *lines]) + "\n")

    def ask(self, *requests):
        """The last lines of the answers."""
        with self.control() as control:
            return [control.ask(request)[-1] for request in requests]


def one(lab, *lines):
    n = lab.namespace("n")
    n.batch(["link add l0 type veth peer name p0", "link set l0 up"])
    place = lab.directory / "first"
    return n, place, Filed(n, place, lines)


def by_port(namespace, port, *requests):
    """The last lines of what a port answers; None if nobody listens."""
    script = ("import socket,sys\ns = socket.create_connection(('::1', int(sys.argv[1])), 5)\n"
              "f = s.makefile('rw')\n"
              "def status():\n"
              "    while True:\n"
              "        line = f.readline().strip()\n"
              "        if line in ('ok', 'bad') or line.startswith('no '): return line\n"
              "status()\n"
              "for request in sys.argv[2:]:\n"
              "    print(request, file=f, flush=True)\n    print(status())\n")
    done = subprocess.run(
        ["ip", "netns", "exec", namespace.name, "python3", "-c", script, str(port), *requests],
        capture_output=True, text=True, timeout=20, check=False)
    return done.stdout.splitlines() if done.returncode == 0 else None


def test_another_path(lab):
    """The new socket is there and the former one gone; who is connected stays."""
    _, place, node = one(lab)
    other = lab.directory / "second"
    with node.control() as former:
        node.write(f"local-path-readwrite {other}", "socket-mode 0640")
        answer = former.ask("reload")
        assert answer[-1] == "ok", answer
        assert f'change + local-path-readwrite "{other}"' in answer
        assert not place.exists()
        assert stat.S_IMODE(other.stat().st_mode) == 0o640
        node.control_path = str(other)
        assert former.ask("interface l0 rxcost 99")[-1] == "ok"
        assert node.ask("dump") == ["ok"]
        # The same path with other rights: nobody notices but those who come then.
        node.write(f"local-path {other}", "socket-mode 0604")
        assert former.ask("reload")[-1] == "ok"
        assert stat.S_IMODE(other.stat().st_mode) == 0o604
        assert node.ask("dump", "interface l0 rxcost 98") == ["ok", "bad"]
        assert former.ask("interface l0 rxcost 98")[-1] == "ok"
    assert node.stop() == 0 and not other.exists()


def test_a_place_that_is_taken(lab):
    """Nothing is changed if the new socket cannot be opened, not even what else is different."""
    n, _, node = one(lab)
    taken = lab.directory / "taken"
    n.batch(["link add l1 type veth peer name p1", "link set l1 up"])
    taken.write_text("a file of somebody else")
    for path, reason in ((taken, "in use"), (lab.directory / "none" / "x", "No such file")):
        node.write(f"local-path-readwrite {path}", "interface l1")
        (answer,) = node.ask("reload")
        assert answer.startswith("no local_server_socket") and reason in answer, answer
        assert not any(row["key"] == "l1" for row in node.dump("interface"))
    assert taken.read_text() == "a file of somebody else"
    # A client must not say where the socket is.
    (answer,) = node.ask(f"local-path {lab.directory}/third")
    assert answer.startswith("no only the files"), answer
    assert node.stop() == 0


def test_nobody_confirms(lab):
    """Whoever moves the socket where he cannot reach it gets it back."""
    _, place, node = one(lab)
    other = lab.directory / "second"
    node.write(f"local-path-readwrite {other}")
    assert node.ask("reload --confirm 1") == ["ok"]
    assert not place.exists() and other.exists()
    wait_until(place.exists, 5, "the former socket is back")
    assert node.ask("dump") == ["ok"] and not other.exists()
    assert node.stop() == 0


def test_no_socket(lab):
    """A daemon can lose its socket, and is given one again by a signal."""
    _, place, node = one(lab, "reload-on-sighup true")
    with node.control() as former:
        node.write("reload-on-sighup true")
        assert former.ask("reload")[-1] == "ok"
        assert not place.exists()
        assert former.ask("dump")[-1] == "ok"
    node.write(f"local-path-readwrite {place}", "reload-on-sighup true")
    os.kill(node.process.child.pid, signal.SIGHUP)
    wait_until(place.exists, 5, "a socket again")
    with node.control() as control:
        assert control.banner[0] == "BABEL 1.0" and len(control.banner) == 5
        assert control.ask("dump")[-1] == "ok"
    assert node.stop() == 0


def test_a_port(lab):
    """Every local user can use a port, so it takes what babeld's takes, and the rest only where
    the file says so."""
    n, place, node = one(lab)
    with node.control() as former:
        node.write("local-port-readwrite 33123")
        assert former.ask("reload")[-1] == "ok"
        assert not place.exists()
        assert by_port(n, 33123, *FREE) == ["ok", "no No such interface"] + ["ok"] * 5
        others = ["restart", "stop", "trace", "hook started /bin/true", "user nobody", "include /x"]
        assert by_port(n, 33123, *GRAVE, *others) == [REFUSAL] * (len(GRAVE) + len(others))
        # Nobody makes root write a file of his choice.
        evil = lab.directory / "evil"
        for word in ("log-file", "state-file", "pid-file", "metrics-path", "local-path-readwrite"):
            assert by_port(n, 33123, f"{word} {evil}") == [REFUSAL]
        assert by_port(n, 33123, "nonsense", "reopen-logfile") == ["bad", "ok"]
        assert not evil.exists()
        node.write("local-port-readwrite 33124", "trust-local-port true")
        assert former.ask("reload")[-1] == "ok"
        assert by_port(n, 33123, "dump") is None
        assert by_port(n, 33124, *GRAVE) == ["ok"] * len(GRAVE)
        node.write("local-port 33124", "trust-local-port true")
        assert former.ask("reload")[-1] == "ok"
        assert by_port(n, 33124, "dump", *GRAVE) == ["ok"] + ["bad"] * len(GRAVE)
    assert node.stop() == 0


def test_clients_that_are_too_many(lab):
    """Who is turned away is told why, before the connection ends."""
    _, _, node = one(lab)
    with contextlib.ExitStack() as stack:
        controls = [stack.enter_context(node.control()) for _ in range(128)]
        assert controls[-1].ask("dump")[-1] == "ok"
        with socket.socket(socket.AF_UNIX) as late:
            late.settimeout(5)
            late.connect(node.control_path)
            text = b""
            while octets := late.recv(4096):
                text += octets
            assert text.startswith(b"no 128 clients are connected") and text.count(b"\n") == 1
        status, out, complaint = ask(node, "dump")
        assert (status, out) == (3, "") and "128 clients are connected" in complaint
    wait_until(lambda: ask(node, "dump")[0] == 0, 5, "there is room again")
    assert node.stop() == 0
