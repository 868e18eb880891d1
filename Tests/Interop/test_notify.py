"""swabeld-notify: hooks that tell people, by way of servers that stand for gotify and the like."""

from __future__ import annotations

import http.server
import json
import os
import pathlib
import re
import signal
import socket
import subprocess
import threading
import time

import pytest

from daemons import Swabeld
from host import Host
from netns import REPOSITORY, run, wait_until
from test_hooks import QUICK
from test_local_socket import Filed

PROGRAM = REPOSITORY / "packaging/hooks/swabeld-notify"
EXAMPLE = REPOSITORY / "packaging/hooks/notify.conf.example"
TOOLS = "cat date mkdir mv rm sed sleep sort tr uname grep".split()
TIME = r"\d\d:\d\d:\d\d"


class Server:
    """Keeps what is posted to it, at [::1]:PORT of a namespace."""

    def __init__(self, lab, namespace, port: int = 8080, answers: bool = True) -> None:
        self.posts: list[tuple[str, dict[str, str], str]] = []
        self.times: list[float] = []
        self.status = 200
        self.released = threading.Event()
        if answers:
            self.released.set()
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
                headers = {key.lower(): value for key, value in self.headers.items()}
                outer.times.append(time.monotonic())
                outer.posts.append((self.path, headers, body))
                outer.released.wait()
                self.send_response(outer.status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *words: object) -> None:
                pass

        def bound() -> socket.socket:
            listener = socket.socket(socket.AF_INET6)
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind(("::1", port))
            listener.listen(20)
            return listener

        listener = namespace.enter(bound)
        self.server = http.server.ThreadingHTTPServer(
            ("::1", port), Handler, bind_and_activate=False)
        self.server.daemon_threads = True
        self.server.socket.close()
        self.server.socket = listener
        threading.Thread(target=self.server.serve_forever, args=(0.05,)).start()
        lab.on_close(self.stop)

    def stop(self) -> None:
        self.released.set()
        self.server.shutdown()
        self.server.server_close()


class Notifier:
    """The program with a configuration and the tools that a machine has."""

    def __init__(self, lab, namespace, kind: str, client: str = "curl", **values: str) -> None:
        self.namespace = namespace
        self.folder = lab.directory / f"notify-{len(list(lab.directory.iterdir()))}"
        tools, self.state = self.folder / "bin", self.folder / "state"
        tools.mkdir(parents=True)
        text = PROGRAM.read_text()
        if client == "busybox":
            text = text.replace("#!/bin/sh", f"#!{which('busybox')} sh")
        for tool in [*TOOLS, "wget"] if client == "busybox" else [*TOOLS, client]:
            (tools / tool).symlink_to(which("busybox" if client == "busybox" else tool))
        inner = self.folder / "swabeld-notify"
        inner.write_text(text)
        self.conf = self.folder / "notify.conf"
        values = {"kind": kind, "url": "http://[::1]:8080/p4th", "node": "alpha", "gather": "1",
                  "quiet": "1", "timeout": "2", "state": str(self.state), **values}
        self.conf.write_text("".join(f"{key}='{value}'\n" for key, value in values.items()))
        self.path = self.folder / "hook"
        self.path.write_text(f"#!/bin/sh\nexport PATH={tools} SWABELD_NOTIFY_CONF={self.conf}\n"
                             f"exec {inner} \"$@\"\n")
        for file in (inner, self.path):
            file.chmod(0o755)

    def run(self, *words: str, **facts: str) -> subprocess.CompletedProcess[str]:
        """Runs it as the daemon does, and returns when it has ended."""
        environment = {"PATH": "/usr/bin:/bin", **{f"SWABELD_{k}": v for k, v in facts.items()}}
        with (self.folder / "said").open("a") as said:
            return subprocess.run(
                ["ip", "netns", "exec", self.namespace.name, str(self.path), *words],
                env=environment, stdin=subprocess.DEVNULL, stdout=said, stderr=said, timeout=20,
                check=False)

    def hold(self) -> None:
        """Nothing is sent until ``release``: somebody else says that he does it."""
        self.state.mkdir(exist_ok=True)
        (self.state / "notify-lock").write_text(f"{os.getpid()} {int(time.time())}\n")

    def release(self) -> None:
        """The next event begins to send."""
        (self.state / "notify-lock").unlink()

    def errors(self) -> str:
        return (self.folder / "said").read_text()

    def processes(self) -> list[str]:
        """The command lines of all that runs of it."""
        found = []
        for word in run("ip", "netns", "pids", self.namespace.name).split():
            try:
                line = pathlib.Path(f"/proc/{word}/cmdline").read_bytes().replace(b"\0", b" ")
                environ = pathlib.Path(f"/proc/{word}/environ").read_bytes()
            except OSError:
                continue
            if str(self.conf).encode() in environ:
                found.append(line.decode(errors="replace"))
        return found


def which(tool: str) -> str:
    for folder in ("/usr/bin", "/bin", "/usr/sbin", "/sbin"):
        if os.path.exists(f"{folder}/{tool}"):
            return f"{folder}/{tool}"
    raise AssertionError(f"no {tool} here (make deps)")


def told(kind: str, post: tuple[str, dict[str, str], str]) -> tuple[str, str]:
    """Title and message of what was posted; all else of it is as the server wants it."""
    path, headers, body = post
    if kind == "ntfy":
        assert path == "/p4th" and headers["authorization"] == "Bearer s3cret", post
        assert headers["priority"] == ("high" if "lost" in headers["title"] else "default"), post
        return headers["title"], body
    data = json.loads(body)
    assert headers["content-type"] == "application/json", post
    if kind == "gotify":
        assert path == "/p4th/message" and headers["x-gotify-key"] == "s3cret", post
        assert data["priority"] == (7 if "lost" in data["title"] else 4), post
    else:
        assert path == "/p4th" and headers["authorization"] == "Bearer s3cret", post
        assert data["node"] == "alpha", post
    return data["title"], data["message"]


@pytest.mark.parametrize("kind,client", [
    ("gotify", "curl"), ("ntfy", "wget"), ("webhook", "busybox"), ("ntfy", "curl"),
    ("gotify", "busybox")])
def test_neighbour_lost_and_back(lab, kind, client):
    """What a person reads when a neighbour is here, is lost, and is back."""
    n, m = lab.namespace("n"), lab.namespace("m")
    lab.veth(n, m)
    server = Server(lab, n)
    hook = Notifier(lab, n, kind, client, token="s3cret", expose="yes")
    Filed(n, lab.directory / "control",
          [QUICK, *(f"hook neighbour-{state} {hook.path}" for state in ("up", "down"))])
    other = Swabeld(m, ["l0"], parameters=QUICK.removeprefix("default "))
    name = "neighbour fe80::2 on l0 is"

    def message(number: int) -> tuple[str, str]:
        wait_until(lambda: len(server.posts) >= number, 20, lambda: f"{server.posts}")
        assert len(server.posts) == number, server.posts
        return told(kind, server.posts[-1])

    title, text = message(1)
    assert title == f"alpha: {name} here"
    assert re.fullmatch(rf"{TIME} {name} here \(cost 96\)", text), text
    other.process.stop(signal.SIGKILL)
    title, text = message(2)
    assert title == f"alpha: {name} lost"
    assert re.fullmatch(rf"{TIME} {name} lost \(was there for \d+ s\)", text), text
    other.start()
    title, text = message(3)
    assert title == f"alpha: {name} back"
    assert re.fullmatch(rf"{TIME} {name} back \(was away for \d+ s, cost 96\)", text), text
    other.process.stop(signal.SIGKILL)
    title, text = message(4)
    assert text.endswith(", lost 2 times within an hour)"), text
    wait_until(lambda: not hook.processes(), 5, "it has ended")
    left = {path.name for path in hook.state.iterdir()}
    assert left == {"notify-last"}, "nothing is left but when it was"


def test_a_burst_is_one_message(lab):
    """Thirty neighbours in a moment; of each the last state, and not all of them line by line."""
    n = lab.namespace("n")
    server = Server(lab, n)
    hook = Notifier(lab, n, "webhook", gather="0", quiet="4")
    hook.hold()
    for number in range(30):
        hook.run("neighbour-down", ADDRESS=f"fe80::{number}", INTERFACE="wg0", LOSSES="1")
    hook.release()
    assert hook.run("neighbour-up", ADDRESS="fe80::7", INTERFACE="wg0", LOSSES="1", LASTED="3",
                    COST="96").returncode == 0
    wait_until(lambda: server.posts, 10, hook.errors)
    data = json.loads(server.posts[0][2])
    assert data["title"] == "alpha: 30 changes, losses among them: 29"
    lines = data["message"].splitlines()
    assert len(lines) == 21 and lines[-1] == "and 10 more", lines
    seventh = [row for row in data["changes"] if "fe80::7 " in row["text"]]
    assert [(row["event"], row["lasted"]) for row in seventh] == [("neighbour-up", 3)]
    # What comes right after a message waits, and is one message again.
    wait_until(lambda: (hook.state / "notify-last").exists(), 10, hook.errors)
    for number in range(3):
        hook.run("neighbour-up", ADDRESS=f"fe80::{number}", INTERFACE="wg0", LASTED="90061")
    wait_until(lambda: len(server.posts) > 1, 20, hook.errors)
    assert server.times[1] - server.times[0] > 2, "the shell counts whole seconds"
    assert "is back (was away for 1 d 1 h" in json.loads(server.posts[1][2])["message"]
    wait_until(lambda: not hook.processes(), 20, "it has ended")
    rows = [row for post in server.posts[1:] for row in json.loads(post[2])["changes"]]
    assert len(rows) == 3 and len(server.posts) <= 3, server.posts


def test_too_much_is_counted(lab):
    """Of more than a hundred things only that there is more; files do not pile up."""
    n = lab.namespace("n")
    hook = Notifier(lab, n, "webhook")
    hook.hold()
    for number in range(99):
        (hook.state / f"notify-new-{number}").touch()
    for number in range(4):
        hook.run("interface-down", INTERFACE=f"wg{number}")
    files = [path for path in hook.state.iterdir() if path.name.startswith("notify-new-")]
    assert len(files) == 101
    assert "more has changed" in (hook.state / "notify-new-~").read_text()


def test_server_is_away(lab):
    """No server, then one that answers with an error, then one that works: hooks end at once all
    the time, one process waits, and what happened is told in the end."""
    n = lab.namespace("n")
    hook = Notifier(lab, n, "gotify", token="s3cret")

    def change(event: str, **facts: str) -> None:
        begin = time.monotonic()
        assert hook.run(event, ADDRESS="fe80::2", INTERFACE="wg0", **facts).returncode == 0
        assert time.monotonic() - begin < 2, "a hook does not wait"

    change("neighbour-down", LASTED="7300")
    wait_until(lambda: "curl" in hook.errors(), 10, hook.errors)
    for _ in range(5):
        change("interface-down")
    wait_until(lambda: len([w for w in hook.processes() if "--send" in w]) == 1, 5,
               lambda: f"{hook.processes()}")
    server = Server(lab, n)
    server.status = 500
    wait_until(lambda: server.posts, 10, hook.errors)
    server.status = 200
    change("neighbour-up", LASTED="20", COST="96", LOSSES="1")
    wait_until(lambda: len(server.posts) == 2, 20, hook.errors)
    data = json.loads(server.posts[1][2])
    assert data["title"] == "alpha: 2 changes, losses among them: 1", data
    assert "fe80::2 on wg0 is back (was away for 20 s, cost 96)" in data["message"]
    assert "interface wg0 cannot be used any more" in data["message"]
    wait_until(lambda: not hook.processes(), 5, "it has ended")


@pytest.mark.parametrize("client", ["curl", "wget", "busybox"])
def test_silent_server_and_secrets(lab, client):
    """A server that accepts and never answers holds nothing up, and no command line has the token
    meanwhile. BusyBox's wget could not keep it, so it gets none."""
    n = lab.namespace("n")
    server = Server(lab, n, answers=False)
    hook = Notifier(lab, n, "gotify", client, token="s3cret")
    if client == "busybox":
        assert hook.run("--test").returncode == 2
        assert "would show the token" in hook.errors() and not server.posts
        return
    seen: list[str] = []
    begin = time.monotonic()
    worker = threading.Thread(target=lambda: seen.append(str(hook.run("--test").returncode)))
    worker.start()
    wait_until(lambda: server.posts, 10, hook.errors)
    lines = hook.processes()
    assert any(client in line for line in lines), lines
    assert not any("s3cret" in line or "p4th" in line for line in lines), lines
    worker.join()
    assert seen != ["0"] and time.monotonic() - begin < 12, seen
    assert not hook.processes() and not list(hook.state.glob("notify-re*"))
    server.released.set()
    assert hook.run("--test").returncode == 0 and "sent to gotify\n" in hook.errors()
    assert json.loads(server.posts[-1][2])["title"] == "alpha: this is a test"


@pytest.mark.parametrize("kind", ["webhook", "gotify", "ntfy"])
@pytest.mark.parametrize("client", ["curl", "wget", "busybox"])
def test_hostile_names(lab, kind, client):
    """Whatever an interface is called, the message is right and nothing is executed."""
    n = lab.namespace("n")
    server = Server(lab, n)
    hook = Notifier(lab, n, kind, client, gather="0", quiet="0")
    names = {'a"b\\': 'a"b\\', "$(touch${IFS}x)": "$(touch${IFS}x)", "`id`;|&": "`id`;|&",
             "\x01\x7fé": "????", "*": "*", "%s%n": "%s%n", "\\n\\u0000": "\\n\\u0000", "-e": "-e"}
    for number, (name, shown) in enumerate(names.items(), start=1):
        hook.run("interface-down", INTERFACE=name)
        wait_until(lambda: len(server.posts) == number, 10, hook.errors)
        headers, body = server.posts[-1][1:]
        text = body if kind == "ntfy" else json.loads(body)["message"]
        title = headers["title"] if kind == "ntfy" else json.loads(body)["title"]
        assert title == f"alpha: interface {shown} cannot be used any more"
        assert re.sub(TIME, "", text) == f" interface {shown} cannot be used any more"
    hook.run("problem-found", TEXT='say "no"\\', REMEDY="a\nb", SUBJECT="10.0.0.0/8", PROBLEM="x")
    wait_until(lambda: len(server.posts) == len(names) + 1, 10, hook.errors)
    body = server.posts[-1][2]
    text = body if kind == "ntfy" else json.loads(body)["message"]
    assert re.sub(TIME, "", text) == ' problem: say "no"\\ (a?b)'


def test_unlisted_events_and_mistakes(lab):
    """Only what is listed is told; a mistake in the file is said, and the status is not 0."""
    n = lab.namespace("n")
    server = Server(lab, n)
    hook = Notifier(lab, n, "webhook", events="gateway-lost problem-over", gather="0")
    assert hook.run("interface-down", INTERFACE="wg0").returncode == 0
    assert not hook.state.exists() or not list(hook.state.glob("notify-new*"))
    hook.run("problem-over", TEXT="deaf", LASTED="61", PROBLEM="x", SUBJECT="y")
    wait_until(lambda: server.posts, 10, hook.errors)
    assert json.loads(server.posts[0][2])["message"].endswith("over: deaf (it lasted 1 min 1 s)")
    wait_until(lambda: not hook.processes(), 5, "it has ended")
    hook.conf.write_text(hook.conf.read_text() + "events=all quiet=0\n")
    for event, cause, text in [
            ("gateway-down", "no answer", "is dead (no answer, worked for 1 h 0 min)"),
            ("gateway-up", "", "works again (was dead for 1 h 0 min)"),
            ("invented-lost", "", None)]:
        hook.run(event, GATEWAY="dsl", INTERFACE="ppp0", CAUSE=cause, LASTED="3600")
        wait_until(lambda: server.posts[-1][2].count(event), 10, hook.errors)
        message = json.loads(server.posts[-1][2])["message"]
        shown = f"the uplink of gateway dsl (ppp0) {text}" if text else "invented-lost ppp0"
        assert message.endswith(shown), message
    text = hook.conf.read_text()
    for wrong, hint in [("kind=smoke", "kind=smoke"), ("url=ftp://x", "url must"),
                        ("quiet=1s", "quiet is not a number")]:
        hook.conf.write_text(f"{text}{wrong}\n")
        assert hook.run("problem-over").returncode != 0 and hint in hook.errors()
    assert hook.run().returncode == 2


def test_a_sender_that_was_killed(lab):
    """Its lock holds nobody up."""
    n = lab.namespace("n")
    server = Server(lab, n)
    hook = Notifier(lab, n, "webhook", gather="0")
    hook.state.mkdir()
    (hook.state / "notify-lock").write_text(f"{2 ** 22 + 1} {int(time.time())}\n")
    hook.run("interface-down", INTERFACE="wg0")
    wait_until(lambda: server.posts, 10, hook.errors)
    # An id that lives, of a process that has not said for long that it is the sender.
    wait_until(lambda: not hook.processes(), 5, "it has ended")
    (hook.state / "notify-lock").write_text(f"{os.getpid()} {int(time.time()) - 1000}\n")
    hook.run("interface-up", INTERFACE="wg0")
    wait_until(lambda: len(server.posts) == 2, 10, hook.errors)


def test_in_the_unit(lab):
    """The shipped unit's sandbox lets it work, with the example of its file."""
    host = Host(lab, "alpha")
    server = Server(lab, host.namespace)
    (host.root / "etc/swabeld").mkdir()
    text = re.sub("(?m)^url=.*", "url=http://[::1]:8080/topic", EXAMPLE.read_text())
    (host.root / "etc/swabeld/notify.conf").write_text(text.replace("#gather=5", "gather=0"))
    program = host.root / "run/bin/swabeld-notify"
    program.write_text(PROGRAM.read_text())
    program.chmod(0o755)
    (host.root / "etc/babeld.conf").write_text(
        "interface l0\nhook interface-up /run/bin/swabeld-notify\n")
    host.namespace.batch(["link add l0 type veth peer name p0", "link set l0 up",
                          "link set p0 up"])
    host.paste("systemctl start swabeld")
    wait_until(lambda: server.posts, 15, host.state)
    path, headers, body = server.posts[0]
    assert path == "/topic" and headers["priority"] == "default"
    assert re.fullmatch(rf"{TIME} interface l0 can be used", body), body


def test_it_is_clean(lab):
    """Nothing that shells differ in."""
    done = subprocess.run(["shellcheck", str(PROGRAM)], capture_output=True, text=True, timeout=60,
                          check=False)
    assert done.returncode == 0, done.stdout
