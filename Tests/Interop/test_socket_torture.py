"""Clients that behave badly: the daemon's Hellos stay on time, measured on the wire, its memory
stays bounded, and other clients are served."""

import os
import socket
import time

import babel_packets as babel
from daemons import Control, Swabeld
from netns import Process, wait_until
from speaker import Speaker

OWN = ["10.91.0.0/16", "fd91::/32"]
LONG = os.environ.get("SWABELD_LONG") == "1"
ROUTES = 20_000 if LONG else 2_000
CLIENTS = 100


def start(lab, routes=0, **more):
    a, b = lab.namespace("a"), lab.namespace("b")
    lab.veth(a, b)
    a.own("10.91.0.1", "fd91::1")
    node = Swabeld(a, ["l0"], own=OWN, **more)
    speaker = Speaker(b, "l0")
    speaker.adjacent(node)
    prefixes = [f"fd99:{i >> 8:x}:{i & 255:x}::/64" for i in range(1, routes + 1)]
    for first in range(0, routes, 40):
        speaker.send(babel.router_id(speaker.identifier),
                     *map(babel.update, prefixes[first:first + 40]))
        if first % 2000 == 0:
            time.sleep(0.02)
    if routes:
        wait_until(lambda: a.count(6) >= routes, 60, "the routes are installed")
    return node, speaker


def raw(node) -> socket.socket:
    client = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    client.settimeout(10)
    client.connect(node.control_path)
    return client


def check(node, speaker, since, memory, kilobytes=20_000):
    """Hellos were regular (interval 1 s), somebody else is served, memory is bounded."""
    time.sleep(max(0, since + 4.2 - time.monotonic()))
    times = [when for when, _, _ in speaker.tlvs(babel.HELLO, since=since)]
    assert len(times) >= 3, times
    assert max(b - a for a, b in zip(times, times[1:])) < 1.3, times
    begin = time.monotonic()
    assert node.dump("interface")
    assert time.monotonic() - begin < 2
    assert node.memory() - memory < kilobytes, (memory, node.memory())


def test_hundred_clients(lab):
    """All dump and monitor at once, then leave without a word."""
    node, speaker = start(lab, ROUTES)
    memory = node.memory()
    since = time.monotonic()
    clients = [Control(node.control_path, 30) for _ in range(CLIENTS)]
    for client in clients:
        client.socket.sendall(b"monitor\n")
    # A Hello may come in between: babeld, too, tells of it before the end of the dump.
    lengths = {sum(line.startswith("add ") for line in client.reply()) for client in clients}
    assert len(lengths) == 1 and lengths.pop() > ROUTES
    check(node, speaker, since, memory, 60_000)
    for client in clients:
        client.close()
    wait_until(lambda: len(os.listdir(f"/proc/{node.process.child.pid}/fd")) < 30, 5,
               "the connections are closed")
    assert node.stop() == 0


def test_leaves_inside_a_dump(lab):
    """Clients that read a little of a long dump and go."""
    node, speaker = start(lab, ROUTES)
    memory = node.memory()
    since = time.monotonic()
    for number in range(50):
        client = raw(node)
        client.sendall(b"dump\n" if number % 2 else b"monitor\n")
        client.recv(1 + number * 50)
        client.close()
    check(node, speaker, since, memory)
    with node.control() as control:
        assert sum(line.startswith("add route") for line in control.ask("dump")) >= ROUTES
    assert node.stop() == 0


def test_never_reads(lab):
    """A thousand newlines, dumps and a monitor that nobody reads; they are cut off in the end."""
    node, speaker = start(lab, 200)
    memory = node.memory()
    since = time.monotonic()
    clients = []
    for request in (b"\n" * 1000, b"dump\n" * 1000, b"monitor\n", b"dump\n" * 100_000):
        client = raw(node)
        client.setblocking(False)
        try:
            client.send(request)
        except BlockingIOError:
            pass
        clients.append(client)
    check(node, speaker, since, memory)
    wait_until(lambda: "does not read, cut off" in node.process.text(), 15, "the stalled are cut")
    assert node.stop() == 0


def test_lines_that_are_too_long(lab):
    """1023 octets are a request; more end the connection, be it a megabyte."""
    node, speaker = start(lab)
    memory = node.memory()
    since = time.monotonic()
    with node.control() as control:
        assert control.ask("#" * 1022) == ["ok"]
        assert control.ask("x" * 1022) == ["bad"]
    for length in (1024, 5000, 1 << 20):
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
    check(node, speaker, since, memory, 4_000)
    assert node.stop() == 0


def test_split_at_every_octet(lab):
    """Each request in two pieces, cut everywhere; and one octet at a time."""
    node, _ = start(lab)
    requests = ["dump", "unmonitor", "flush interface nosuch", "interface l0 rxcost 96",
                "default rxcost 96", "reopen-logfile", "smoothing-half-life 4", "nonsense", ""]
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
