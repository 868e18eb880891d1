"""Clients that behave badly: the daemon's Hellos stay on time, measured on the wire, its memory
stays bounded, and other clients are served."""

import os
import random
import selectors
import socket
import time

import babel_packets as babel
import pytest
from daemons import Swabeld
from netns import Process, measured, wait_until
from punctual import INTERVAL, PARAMETERS, HelloWatch, Punctuality, Twin
from speaker import Speaker

OWN = ["10.91.0.0/16", "fd91::/32"]
LONG = os.environ.get("SWABELD_LONG") == "1"
ROUTES = 20_000 if LONG else 2_000
CLIENTS = 100


def start(lab, routes=0, **more):
    a, b = lab.namespace("a"), lab.namespace("b")
    lab.veth(a, b)
    a.own("10.91.0.1", "fd91::1")
    node = Swabeld(a, ["l0"], own=OWN, parameters=PARAMETERS, **more)
    speaker = Speaker(b, "l0")
    speaker.adjacent(node)
    prefixes = [f"fd99:{i >> 8:x}:{i & 255:x}::/64" for i in range(1, routes + 1)]
    for first in range(0, routes, 40):
        speaker.send(babel.router_id(speaker.identifier),
                     *[babel.update(prefix, interval=60_000)
                       for prefix in prefixes[first:first + 40]])
        if first % 2000 == 0:
            time.sleep(0.02)
    if routes:
        wait_until(lambda: a.count(6) >= routes, 60, "the routes are installed")
    return node, speaker


class Torment:
    """What must hold while a daemon is tormented: Hellos on time, somebody else served at once,
    memory bounded."""

    def __init__(self, lab, title, routes=0):
        self.title = title
        self.node, self.speaker = start(lab, routes)
        self.watch = HelloWatch(self.speaker.namespace, "l0")
        twin = Twin(lab)
        wait_until(lambda: len(twin.watch.hellos) > 3 and len(self.watch.hellos) > 3, 5, "Hellos")
        self.memory = self.node.memory()
        self.begin = time.monotonic()
        self.punctuality = Punctuality(self.watch, twin)

    def check(self, kilobytes, seconds=4.0):
        """Goes on for some seconds in all, asking as another client would."""
        worst = 0.0
        while True:
            before = time.monotonic()
            assert self.node.dump("interface") if worst == 0 else self.node.control().banner
            worst = max(worst, time.monotonic() - before)
            if time.monotonic() - self.begin > seconds:
                break
            time.sleep(0.2)
        growth = self.node.memory() - self.memory
        measured(f"{self.title}: another client waited at most {worst * 1000:.0f} ms, "
                 f"memory grew by {growth} kB")
        self.punctuality.check(self.title, int(seconds / INTERVAL) - 2)
        assert worst < 2
        assert growth < kilobytes, growth


def raw(node) -> socket.socket:
    client = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    client.settimeout(10)
    client.connect(node.control_path)
    return client


def dumps(clients):
    """Reads all clients in turn, as their data comes, up to the ends of their dumps; returns how
    many rows each was told of."""
    counts = dict.fromkeys(clients, 0)
    tails = dict.fromkeys(clients, b"")
    with selectors.DefaultSelector() as selector:
        for client in clients:
            selector.register(client, selectors.EVENT_READ)
        while selector.get_map():
            ready = selector.select(30)
            assert ready, "the daemon is silent"
            for key, _ in ready:
                data = key.fileobj.recv(1 << 18)
                assert data, "the daemon has closed the connection"
                text = tails[key.fileobj] + data
                whole, _, tails[key.fileobj] = text.rpartition(b"\n")
                counts[key.fileobj] += whole.count(b"\nadd ") + whole.startswith(b"add ")
                # The banner has the first, the dump the second; changes may follow at once.
                if counts[key.fileobj] and b"\nok" in whole[-2000:]:
                    selector.unregister(key.fileobj)
    return [counts[client] for client in clients]


@pytest.mark.alone
def test_hundred_clients(lab):
    """All dump and monitor at once, then leave without a word."""
    torment = Torment(lab, "100 clients", ROUTES)
    node = torment.node
    clients = [raw(node) for _ in range(CLIENTS)]
    for client in clients:
        client.sendall(b"monitor\n")
    counts = dumps(clients)
    assert len(set(counts)) == 1 and counts[0] > ROUTES, set(counts)
    torment.check(60_000)
    for client in clients:
        client.close()
    wait_until(lambda: len(os.listdir(f"/proc/{node.process.child.pid}/fd")) < 30, 5,
               "the connections are closed")
    assert node.stop() == 0


@pytest.mark.alone
def test_leaves_inside_a_dump(lab):
    """Clients that read a little of a long dump and go."""
    torment = Torment(lab, "leaving inside a dump", ROUTES)
    node = torment.node
    for number in range(50):
        client = raw(node)
        client.sendall(b"dump\n" if number % 2 else b"monitor\n")
        client.recv(1 + number * 50)
        client.close()
    torment.check(20_000)
    with node.control() as control:
        assert sum(line.startswith("add route") for line in control.ask("dump")) >= ROUTES
    assert node.stop() == 0


@pytest.mark.alone
def test_never_reads(lab):
    """A thousand newlines, dumps and a monitor that nobody reads; they are cut off in the end."""
    torment = Torment(lab, "clients that never read", ROUTES)
    node = torment.node
    clients = []
    for request in (b"\n" * 1000, b"dump\n" * 1000, b"monitor\n", b"dump\n" * 100_000,
                    b"\n" * 100_000):
        client = raw(node)
        client.setblocking(False)
        try:
            client.send(request)
        except BlockingIOError:
            pass
        clients.append(client)
    torment.check(20_000, 6)
    wait_until(lambda: node.process.text().count("does not read, cut off") >= 3, 15,
               "the stalled are cut")
    assert node.stop() == 0


@pytest.mark.alone
def test_lines_that_are_too_long(lab):
    """1023 octets are a request; more end the connection, be it a megabyte."""
    torment = Torment(lab, "lines of a megabyte")
    node = torment.node
    with node.control() as control:
        assert control.ask("#" * 1022) == ["ok"]
        assert control.ask("x" * 1022) == ["bad"]
    for length in (1024, 5000, 1 << 20, 1 << 20):
        client = raw(node)
        try:
            client.sendall(b"x" * length + b"\n")
            text = b""
            while data := client.recv(65536):
                text += data
        except (BrokenPipeError, ConnectionResetError):
            text = b"BABEL"
        assert text.startswith(b"BABEL") and b"bad" not in text
        client.close()
    torment.check(4_000, 3)
    assert node.stop() == 0


@pytest.mark.alone
def test_everything_at_once(lab):
    """All of it together, while the table changes."""
    torment = Torment(lab, "everything at once", ROUTES)
    node, speaker = torment.node, torment.speaker
    chance = random.Random(7)
    kept, begin = [], time.monotonic()
    while time.monotonic() - begin < (12 if LONG else 4):
        client = raw(node)
        kind = chance.randrange(4)
        try:
            client.sendall(chance.choice([
                b"dump\n", b"monitor\n", b"\n" * 1000, b"x" * 5000, b"dump\ndu", b"dump\nquit\n",
                b"flush interface nosuch\n", b"interface l0 rxcost 96\n", b"nonsense\n" * 100]))
            if kind == 0:
                client.shutdown(socket.SHUT_WR)
            elif kind == 1:
                client.recv(chance.randrange(1, 20_000))
        except (BrokenPipeError, ConnectionResetError):
            pass  # its line was too long
        if kind < 3:
            kept.append(client)
        if len(kept) > CLIENTS:
            kept.pop(chance.randrange(len(kept))).close()
        speaker.send(babel.router_id(speaker.identifier), *[babel.update(
            f"fd99:{number >> 8:x}:{number & 255:x}::/64", metric=chance.randrange(1, 500),
            interval=60_000) for number in chance.sample(range(1, ROUTES), 30)])
        time.sleep(0.005)
    torment.check(80_000, 12 if LONG else 4)
    assert node.stop() == 0


def test_split_at_every_octet(lab):
    """Each request in two pieces, cut everywhere; and one octet at a time."""
    node, _ = start(lab)
    requests = ["dump", "unmonitor", "flush interface nosuch", "interface l0 rxcost 96",
                "default rxcost 96", "reopen-logfile", "smoothing-half-life 4", "nonsense", "",
                "link-detect no", "key id k type blake2s128 value 00ff", "# nothing", "flush x",
                "interface none-* rxcost 5", "flush interface no-*", "monitor", "unmonitor",
                f"log-file {lab.directory}/log"]
    with node.control() as control:
        for request in requests:
            data = request.encode() + b"\n"
            whole = control.ask(request)[-1]
            for cut in range(len(data) + 1):
                control.socket.sendall(data[:cut])
                if cut in (1, 3):
                    time.sleep(0.002)
                control.socket.sendall(data[cut:])
                assert control.reply()[-1] == whole, (request, cut)
        wait_until(lambda: (lab.directory / "log").exists(), 1, "the log was opened")
    for cut in range(6):
        with node.control() as control:
            control.socket.sendall(b"quit\n"[:cut])
            time.sleep(0.002)
            control.socket.sendall(b"quit\n"[cut:])
            assert control.line() is None, cut
    with node.control() as control:
        for octet in b"dump\n":
            control.socket.sendall(bytes([octet]))
            time.sleep(0.002)
        assert control.reply()[-1] == "ok"
    assert node.stop() == 0


def test_half_closed(lab):
    """A client that closes its side is sent everything it asked for; so over TCP."""
    node, _ = start(lab, 2000)
    client = raw(node)
    client.sendall(b"dump\n" * 3)
    client.shutdown(socket.SHUT_WR)
    text = b""
    while data := client.recv(65536):
        text += data
    assert text.count(b"\nok\n") == 4 and text.count(b"add route") == 6000
    assert node.stop() == 0


def test_tcp(lab):
    """The same socket as TCP on [::1]; data after quit does not cost the answer."""
    a, b = lab.namespace("a"), lab.namespace("b")
    lab.veth(a, b)
    words = [Swabeld.binary(None), "-I", "", "-S", "", "-G", "33123", "l0"]
    process = Process(a, "swabeld", words)

    def connect():
        client = socket.socket(socket.AF_INET6, socket.SOCK_STREAM)
        try:
            client.connect(("::1", 33123))
        except OSError:
            client.close()
            return None
        return client

    client = wait_until(lambda: a.enter(connect), 5, "the port is open")
    client.settimeout(5)
    client.sendall(b"dump\nquit\n" + b"x" * 100)
    text = b""
    while data := client.recv(65536):
        text += data
    assert text.startswith(b"BABEL 1.0\n") and text.endswith(b"ok\n") and b"add interface" in text
    client.close()
    assert process.stop() == 0
