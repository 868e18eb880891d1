"""`swabelctl trace` and `capture`: packets in words and as a file, and what they may cost."""

import ipaddress
import re
import struct
import subprocess
import threading
import time

import babel_packets as babel
from daemons import Swabeld
from mac import QUICK, SECRET, key
from netns import Process, wait_until
from speaker import Speaker
from test_client import ask, client

ROUTER = b"\2\0\0\0\0\0\0\x99"
HEAD = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z (recv|sent) (\S+) (\S+)(?: port \d+)? > "
                  r"(\S+) octets ")


def scene(lab, **more):
    """A daemon, and a scripted node that it hears."""
    n, m = lab.namespace("n"), lab.namespace("m")
    lab.veth(n, m)
    n.own("10.91.0.1")
    node = Swabeld(n, ["l0"], own=["10.91.0.0/16"], **more)
    speaker = Speaker(m, "l0")
    wait_until(lambda: speaker.heard and any(
        row["cost"] != "65535" for row in node.neighbours()), 10, "they hear each other")
    return n, m, node, speaker


class Watcher(Process):
    """A client that prints until it is ended."""

    def __init__(self, node, *words):
        super().__init__(node.namespace, words[0],
                         [*node_client(node), *words])
        time.sleep(0.3)  # until the daemon has the request

    def says(self, words, seconds=5.0):
        wait_until(lambda: words in self.text(), seconds, lambda: f"{words!r} in\n{self.text()}")


def node_client(node):
    return [node.binary(), "ctl", "-s", node.control_path]


def pad(count):
    return babel.tlv(1, bytes(count))


def test_words(lab):
    """Each TLV and sub-TLV has its name, prefixes are complete, and what is wrong is said."""
    n, m, node, speaker = scene(lab)
    trace = Watcher(node, "trace")
    stamped = babel.tlv(babel.HELLO, struct.pack("!HHH", 0x8000, 7, 0) + babel.tlv(
        3, struct.pack("!I", 4711)) + b"\0\0" + babel.tlv(77, b"\xAB\xCD"))
    ihu = babel.tlv(babel.IHU, struct.pack("!BBHH", 0, 0, 65535, 250) + babel.tlv(
        3, struct.pack("!II", 1, 2)))
    speaker.send(
        stamped, ihu, babel.ack_request(3, 50), babel.router_id(ROUTER),
        babel.next_hop4("10.9.0.1"),
        babel.update("10.92.1.0/24", metric=96, flags=0x80),
        babel.update("10.92.2.0/24", metric=96, omitted=2),
        babel.update("10.93.0.0/16", metric=7, encoding=4, interval=65535),
        babel.update("fd92::/48", metric=65535, source="fd93::/64"),
        babel.update("fd94::/48", omitted=3), babel.wildcard_request(), b"\0\0\0", pad(9),
        babel.tlv(99, b"\1\2"), to="fe80::1")
    for line in (
            "Hello unicast seqno 7 unscheduled; Timestamp 4711; Pad1 times 2; sub-TLV 77 abcd "
            "skipped", "IHU to whoever receives it rxcost infinite interval 2.50s; Timestamp "
            "origin 1 receive 2",
            "Acknowledgment Request opaque 3 interval 0.50s",
            "Router-Id 02:00:00:00:00:00:00:99", "Next Hop 10.9.0.1",
            "Update 10.92.1.0/24 metric 96 seqno 1 router-id 02:00:00:00:00:00:00:99 next-hop "
            "10.9.0.1 interval 4s AE 1 flags P",
            "Update 10.92.2.0/24 metric 96 seqno 1 router-id 02:00:00:00:00:00:00:99 next-hop "
            "10.9.0.1 interval 4s AE 1 omitted 2",
            "Update 10.93.0.0/16 metric 7 seqno 1 router-id 02:00:00:00:00:00:00:99 next-hop "
            "fe80::2 interval infinite AE 4",
            "Update fd92::/48 retraction seqno 1 interval 4s AE 2; Source Prefix fd93::/64",
            "Update ignored: omits octets without a default prefix; octets ",
            "Route Request for all prefixes", "Pad1 times 3", "PadN 9",
            "TLV 99 ignored: unknown TLV type; octets 0102", "Acknowledgment opaque 3"):
        trace.says(f"\n  {line}")
    speaker.send_from(babel.packet(babel.hello(1)), 5555)
    trace.says(" port 5555 > ff02::1:6 octets 12, dropped: source port is not the Babel port\n"
               "  Hello")
    speaker.send(raw=b"\x2b\2\0\0")
    trace.says(", dropped: magic is not 42\n  no Babel packet; octets 2b020000\n")
    heads = [HEAD.match(line) for line in trace.text().splitlines() if not line.startswith("  ")]
    assert all(heads), trace.text()
    assert {(head[1], head[2]) for head in heads} == {("recv", "l0"), ("sent", "l0")}
    trace.stop()


def test_choices(lab):
    """Only what is asked for is shown, as long and as much as is asked for."""
    n, m = lab.namespace("n"), lab.namespace("m")
    lab.veth(n, m)
    lab.veth(n, m, ("l1", "l1"))
    node = Swabeld(n, ["l0", "l1"], parameters=f"type wired {QUICK}")
    speakers = [Speaker(m, "l0"), Speaker(m, "l1")]
    wait_until(lambda: len(node.neighbours()) == 2, 10, "both are heard")
    status, text, complaint = ask(node, "trace", "interface", "l1", "for", "2")
    assert (status, complaint) == (0, "")
    *lines, end = text.splitlines()
    heads = [HEAD.match(line) for line in lines if not line.startswith("  ")]
    assert {head[2] for head in heads} == {"l1"} and {head[1] for head in heads} == {"recv", "sent"}
    assert end == f"end packets {len(heads)} left-out 0"
    address = speakers[0].address
    for more, links in (([], {"l0", "l1"}), (["interface", "l1"], {"l1"})):
        _, text, _ = ask(node, "trace", "neighbour", address, *more, "packets", "8")
        *lines, end = text.splitlines()
        heads = [HEAD.match(line) for line in lines if not line.startswith("  ")]
        assert len(heads) == 8 and {head[2] for head in heads} == links
        assert {head[3] for head in heads if head[1] == "recv"} == {address}
    assert ask(node, "trace", "neighbour", "fe80::77", "for", "2")[1] == (
        "end packets 0 left-out 0\n")
    for words in (["interface"], ["interface", "l0", "interface", "l1"], ["for", "0"],
                  ["for", "x"], ["everything"], ["packets", "-1"]):
        status, text, complaint = ask(node, "trace", *words)
        assert (status, text) == (2, "") and "This takes" in complaint, (words, complaint)
    with node.control() as control:
        for _ in range(2):  # once ended, it can begin again
            assert control.ask("trace") == ["ok"]
            control.socket.sendall(b"unmonitor\n")
            while control.line() != "ok":
                continue


def test_rights(lab):
    """A port shows no packets, and at most four clients look at the same time."""
    n, m, node, _ = scene(lab)
    others = [node.control() for _ in range(5)]
    answers = [other.ask("trace neighbour fe80::77") for other in others]
    assert answers[:4] == [["ok"]] * 4 and answers[4][0].startswith("no 4 clients"), answers
    others[0].close()
    wait_until(lambda: others[4].ask("trace neighbour fe80::77") == ["ok"], 5, "a place is free")
    for other in others:
        other.close()
    m = lab.namespace("m")
    port = Process(m, "swabeld", [node.binary(), "-I", "", "-S", "", "-G", "33123", "lo"])
    wait_until(lambda: client(m, "-s", "33123", "dump")[0] == 0, 5, port.text)
    for request in ("trace", "capture"):
        words = [request, "x.pcap"] if request == "capture" else [request]
        status, text, complaint = client(m, "-s", "33123", *words)
        assert (status, text) == (1, "") and "A port is open" in complaint, complaint


def test_keys(lab):
    """The verdict about a MAC is shown, and no secret and no MAC."""
    n, m = lab.namespace("n"), lab.namespace("m")
    lab.veth(n, m)
    with_key = [key("k", "hmac-sha256", SECRET), "default key k"]
    node = Swabeld(n, ["l0"], parameters=f"type wired {QUICK}", first=with_key)
    other = Swabeld(m, ["l0"], parameters=f"type wired {QUICK}", first=with_key)
    trace = Watcher(node, "trace")
    trace.says(", MAC valid\n")
    trace.says(", signed\n")
    trace.says("\n  MAC octets 32\n")
    assert re.search(r"\n  PC \d+ index [0-9a-f]+\n", trace.text())
    with other.control() as control:
        assert control.ask(key("k", "hmac-sha256", SECRET[::-1])) == ["ok"]
    trace.says(", dropped: signed with none of our keys, or not meant for us\n")
    text = trace.text()
    assert SECRET.hex() not in text and SECRET.decode() not in text
    assert not re.search(r"MAC octets \d+ ", text)


def decoded(*words, **more):
    return subprocess.run(["tcpdump", "-nn", "-vvv", "-r", *words], capture_output=True, text=True,
                          timeout=20, **more)


def test_capture(lab):
    """tcpdump reads the file, finds all checksums right, and names the TLVs."""
    n, m, node, speaker = scene(lab)
    file = lab.directory / "a file.pcap"
    capture = Process(n, "capture", [*node_client(node), "capture", str(file)])
    wait_until(file.exists, 5, "the file is made")
    speaker.send(babel.router_id(ROUTER), babel.update("fd92::/48", metric=96, source="fd93::/64"))
    wait_until(lambda: file.stat().st_size > 600, 10, "packets are written")
    before = time.time()
    assert capture.stop() == 0 and re.search(r"\d+ packets written", capture.text())
    text = decoded(str(file)).stdout
    for words in ("babel 2", "Hello", "IHU", "Router Id", "Update", "udp sum ok",
                  "fe80::1.6696 > ff02::1:6.6696", "fe80::2.6696 > ff02::1:6.6696"):
        assert words in text, (words, text)
    assert "bad" not in text and "invalid" not in text, text
    first = float(decoded(str(file), "-tt").stdout.split()[0])
    assert before - 60 < first <= before
    shown = text.count("babel 2")
    assert f"{shown} packets written" in capture.text(), (shown, capture.text())
    # A pipe, and an end.
    command = " ".join([*node_client(node), "capture", "-", "packets", "3"])
    done = subprocess.run(
        ["ip", "netns", "exec", n.name, "sh", "-c", f"{command} | tcpdump -nn -r - 2>/dev/null"],
        capture_output=True, text=True, timeout=30)
    assert len(done.stdout.splitlines()) == 3 and "3 packets written" in done.stderr, done
    # Whoever reads it may stop reading.
    began = time.monotonic()
    done = subprocess.run(
        ["ip", "netns", "exec", n.name, "sh", "-c",
         f"{' '.join(node_client(node))} capture - | tcpdump -c 2 -nn -r - >/dev/null 2>&1"],
        capture_output=True, text=True, timeout=30)
    assert time.monotonic() - began < 20
    status, _, complaint = ask(node, "capture")
    assert status == 2 and "name of a file" in complaint
    status, _, complaint = ask(node, "capture", "/nowhere/x", "packets", "1")
    assert status == 1 and "/nowhere/x" in complaint
    status, _, complaint = ask(node, "capture", "-", "everything")
    assert status == 2 and "This takes" in complaint


def test_capture_ipv4(lab):
    """Packets over IPv4 have the headers of IPv4."""
    n, m = lab.namespace("n"), lab.namespace("m")
    lab.veth(n, m)
    nodes = [Swabeld(place, ["l0"], parameters=f"type wired {QUICK} ipv4-control true")
             for place in (n, m)]
    wait_until(lambda: nodes[0].neighbours(), 10, "the neighbour is heard")
    file = lab.directory / "four.pcap"
    assert ask(nodes[0], "capture", str(file), "packets", "4")[0] == 0
    text = decoded(str(file)).stdout
    assert text.count("babel 2") == 4 and "10.77.1.2.6696 > 224.0.0.111.6696" in text, text
    assert text.count("udp sum ok") == 4 and "bad" not in text, text


def test_flood_and_slow_reader(lab):
    """Whoever does not read loses packets, which are counted; a flood makes a bounded number of
    lines; the daemon goes on meanwhile."""
    n, m, node, speaker = scene(lab)
    lazy = node.control()
    assert lazy.ask("trace") == ["ok"]
    busy = node.control()
    lines = []

    def read():
        while (line := busy.line()) is not None:
            lines.append(line)

    assert busy.ask("trace for 4") == ["ok"]
    reader = threading.Thread(target=read, daemon=True)
    reader.start()
    flood = babel.packet(*[babel.update(str(ipaddress.ip_network((0x0A000000 + i * 256, 24))))
                           for i in range(90)])
    deadline = time.monotonic() + 3
    sent = 0
    while time.monotonic() < deadline:
        for _ in range(20):
            speaker.send(raw=flood)
            sent += 1
        time.sleep(0.002)
    reader.join(10)
    assert not reader.is_alive(), "it ends in time"
    # A burst of two seconds' worth, then so much a second; a packet is 91 lines and begins or not.
    assert 4000 < len(lines) <= 2000 * 6 + 200, len(lines)
    end = lines[-1].split()
    assert end[0] == "end" and int(end[4]) > 100, end
    assert sum(int(line.split()[1]) for line in lines if line.startswith("left-out")) <= int(end[4])
    time.sleep(11)  # longer than others may leave their answers unread
    assert lazy.socket.send(b"unmonitor\n")
    last = None
    while (last := lazy.line()) != "ok":
        assert last is not None, "it was cut off"
    assert any(row["cost"] != "65535" for row in node.neighbours())
    lazy.close()
    busy.close()
