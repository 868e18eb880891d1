"""`swabelctl path` and `swabelctl ping`: which way packets take, asked from node to node."""

from __future__ import annotations

import json
import signal
import subprocess
import time

from daemons import Babeld, Bird, Swabeld, binary_under_test, settle
from netns import never, wait_until
from test_client import client
from test_schema import checker

KEY = ["key id k type hmac-sha256 value " + "07" * 32, "default key k"]
TARGET = "10.90.4.1"


def row(lab, kinds=(Swabeld,) * 4, first=(KEY,) * 4, names="abcd"):
    """Hosts in a row, each joined to the next one, the last of which has TARGET."""
    hosts = [lab.namespace(name) for name in names]
    for a, b in zip(hosts, hosts[1:]):
        lab.veth(a, b, ("right", "left"))
    hosts[-1].own(TARGET, "fd90:4::1")
    nodes = []
    for number, (host, kind, lines) in enumerate(zip(hosts, kinds, first)):
        host.forward()
        host.own(f"10.91.{number}.1")
        ends = ["left"] * (number > 0) + ["right"] * (number < len(hosts) - 1)
        own = ["10.90.0.0/16", "10.91.0.0/16", "fd90::/16"]
        nodes.append(kind(host, ends, own=own, first=list(lines)) if kind is not Bird
                     else kind(host, ends))
        if kind is Bird:
            nodes[-1].announce(f"{TARGET}/32")
    wait_until(lambda: f"{TARGET}/32" in hosts[0].reaches() and hosts[0].ping(
        TARGET, "10.91.0.1"), 30,
               "the row is whole")
    return hosts, nodes


def router_id(node):
    with node.control() as control:
        return next(line.split()[1] for line in control.banner if line.startswith("my-id"))


def path(node, *words, status=0):
    code, text, complaint = client(node.namespace, "-s", node.control_path, "path", *words)
    assert code == status, (text, complaint)
    return text if status == 0 else complaint


def objects(node, target=TARGET):
    rows = [json.loads(line) for line in path(node, target, "--json").splitlines()]
    for row in rows:
        checker("path_end" if "end" in row else "path").validate(row)
    return rows


def test_four_in_a_row(lab):
    """Every hop with its node, next hop, cost and metric; the end in words; from each end."""
    hosts, nodes = row(lab)
    for target in (TARGET, "fd90:4::1"):
        began = time.monotonic()
        *hops, end = objects(nodes[0], target)
        assert time.monotonic() - began < 0.5, "answers come at once"
        assert [hop["router_id"] for hop in hops] == [router_id(node) for node in nodes]
        assert [hop["hop"] for hop in hops] == [0, 1, 2, 3]
        assert [hop["next_hop"] for hop in hops] == ["fe80::2"] * 3 + [None]
        assert [hop["cost"] for hop in hops] == [96, 96, 96, None]
        assert [hop["metric"] for hop in hops] == [288, 192, 96, 0]
        assert [hop["loss_percent"] for hop in hops] == [0, 0, 0, None]
        assert [hop["interface"] for hop in hops] == ["right", None, None, None]
        assert (end["end"], end["hop"]) == ("own-address", 3)
    lines = path(nodes[0], TARGET).splitlines()
    assert lines[0] == f"To {TARGET}, by the route to {TARGET}/32, out of right:"
    assert lines[1].split() == ["HOP", "ROUTER-ID", "NEXT", "HOP", "COST", "METRIC", "RTT", "LOSS"]
    assert lines[-1] == f"{TARGET} is an address of the node at hop 3."
    assert len(lines) == 7 and max(map(len, lines)) <= 80
    assert "PREFIX" in path(nodes[0], TARGET, "-w")
    back = path(nodes[3], "10.91.0.1").splitlines()
    assert back[-1] == "10.91.0.1 is an address of the node at hop 3." and "on" not in back[3]
    # No route, here and further on; words that are wrong.
    assert "no Babel route to 10.200.0.1" in path(nodes[0], "10.200.0.1")
    assert "an address of this node" in path(nodes[3], TARGET)
    for words, reason in [(["ff02::1"], "no route leads to"), ([], "takes an address"),
                          ([TARGET, TARGET], "takes an address"), (["x"], "is no address"),
                          ([TARGET, "from", "fd90::1"], "same family")]:
        assert reason in path(nodes[0], *words, status=2)


def test_announced_prefixes(lab):
    """Where packets leave the Babel network, and what is held after a loss."""
    hosts, nodes = row(lab, names="abc", kinds=(Swabeld,) * 3, first=(KEY,) * 3)
    nodes[2].announce("10.90.77.0/24")
    wait_until(lambda: "10.90.77.0/24" in hosts[0].reaches(), 20, "it is announced")
    *hops, end = objects(nodes[0], "10.90.77.5")
    assert (len(hops), end["end"], end["hop"]) == (3, "originated", 2)
    assert [hop["prefix"] for hop in hops] == ["10.90.77.0/24"] * 3
    assert "there packets leave" in end["text"]
    nodes[2].process.stop(signal.SIGKILL)
    ends = wait_until(
        lambda: [x for x in [objects(nodes[1], "10.90.77.5")[-1]] if x["end"] == "unreachable"],
        30, "it is held as unreachable")
    assert "holds it as unreachable" in ends[0]["text"]


def test_who_is_not_asked(lab):
    """Without keys nobody is asked or answers, unless the operators say so at both ends."""
    hosts, nodes = row(lab, first=(KEY, KEY, [*KEY, "interface right key none"], []))
    *hops, end = objects(nodes[0])
    assert (len(hops), end["end"], end["hop"]) == (3, "not-asked", 2)
    assert hops[2]["next_hop"] == "fe80::2" and hops[2]["metric"] == 96
    assert "their link has no keys" in end["text"] and "answer-path" in end["text"]
    with nodes[2].control() as control:
        assert control.ask("interface right answer-path true") == ["ok"]
    began = time.monotonic()
    *hops, end = objects(nodes[0])
    assert (len(hops), end["end"], end["hop"]) == (3, "silence", 2)
    assert 1.5 < time.monotonic() - began < 4
    assert "Nobody answers at hop 3 (fe80::2)" in end["text"]
    with nodes[3].control() as control:
        assert control.ask("interface left answer-path true") == ["ok"]
    assert objects(nodes[0])[-1]["end"] == "own-address"
    with nodes[0].control() as control:
        assert control.ask("interface right answer-path false") == ["ok"]
    *hops, end = objects(nodes[0])
    assert (len(hops), end["end"]) == (1, "not-asked") and "fe80::2 on right" in end["text"]


def test_babeld_and_bird(lab):
    """Others pass over the questions: the way ends in front of them, and nobody is lost."""
    for number, other in enumerate((Babeld, Bird)):
        names = [f"{letter}{number}" for letter in "abc"]
        hosts, nodes = row(
            lab, kinds=(Swabeld, Swabeld, other), names=names,
            first=(KEY, [*KEY, "interface right key none", "interface right answer-path true"], []))
        friend = nodes[1]
        before = {x["address"]: x["key"] for x in friend.neighbours()}
        *hops, end = objects(nodes[0])
        assert (len(hops), end["end"], end["hop"]) == (2, "silence", 1), end
        assert "babeld, BIRD" in end["text"]
        for _ in range(5):
            path(friend, TARGET)
        never(lambda: {x["address"]: x["key"] for x in friend.neighbours()} != before, 4,
              "a neighbour is lost")
        assert hosts[0].ping(TARGET, "10.91.0.1")
        for node in nodes:
            node.stop()


def test_clients(lab):
    """A read-only socket, too many at a time, clients that leave or close their side early."""
    hosts, nodes = row(lab, names="ab", kinds=(Swabeld, Babeld),
                       first=(["default answer-path true"], []))
    node = nodes[0]
    controls = [node.control() for _ in range(5)]
    for control in controls[:4]:
        control.socket.sendall(f"path {TARGET}\n".encode())
    time.sleep(0.2)
    assert controls[4].ask(f"path {TARGET}")[-1].startswith("no other ways are being asked for")
    for control in controls[:4]:
        control.close()
    time.sleep(0.2)
    ticks = cpu(node)
    with node.control() as control:
        control.socket.sendall(f"path {TARGET}\ndump\n".encode())
        time.sleep(1)
        assert cpu(node) - ticks < 20, "waiting costs nothing"
        reply = control.reply()
        assert reply[-1] == "ok" and "Nobody answers at hop 1" in "".join(reply[-3:])
        assert any("add route" in line for line in control.reply())
    text = node.namespace.execute(
        "sh", "-c", f"echo path {TARGET} | socat -t 5 - UNIX:{node.control_path}")
    assert text.endswith("\nok\n") and "Nobody answers" in text
    node.stop()
    reader = Swabeld(hosts[0], ["right"], local="-g")
    with reader.control() as control:
        assert control.ask(f"path {TARGET}")[-1].startswith("no path lets other nodes")


def cpu(node):
    with open(f"/proc/{node.process.child.pid}/stat") as file:
        words = file.read().rsplit(")", 1)[1].split()
    return int(words[11]) + int(words[12])


def test_ping_names_the_way(lab):
    """The way first, then answers, the way again when it is another one, and a summary."""
    a, b, c, d = (lab.namespace(name) for name in "abcd")
    lab.veth(a, b, ("east", "l0"))
    lab.veth(a, c, ("west", "l0"))
    lab.veth(b, d, ("l1", "east"))
    lab.veth(c, d, ("l1", "west"))
    d.own(TARGET)
    a.own("10.91.0.1")
    for host in (a, b, c, d):
        host.forward()
    own = ["10.90.0.0/16", "10.91.0.0/16", "10.77.0.0/16"]
    nodes = {host.name: Swabeld(host, ends, own=own, first=KEY) for host, ends in (
        (a, ["east", "west"]), (b, ["l0", "l1"]), (c, ["l0", "l1"]), (d, ["east", "west"]))}
    wait_until(lambda: a.ping(TARGET, "10.91.0.1"), 30, "the ring is whole")
    node = nodes[a.name]
    settle(node)
    status, text, complaint = client(a, "-s", node.control_path, "ping", TARGET, "count", "3")
    assert (status, complaint) == (0, ""), text
    lines = text.splitlines()
    assert lines[0].startswith(f"To {TARGET}, by the route") and "is an address of" in lines[5]
    assert [line.split()[:2] for line in lines[6:9]] == [["seq", str(n)] for n in (1, 2, 3)]
    assert lines[9] == f"--- {TARGET}: 3 sent, 3 answered, 0% lost"
    assert lines[10].startswith("round trip min/avg/max") and len(lines) == 11
    for words in (["ping"], ["ping", "x"], ["ping", TARGET, "count", "0"], ["ping", "ff02::1"]):
        assert client(a, "-s", node.control_path, *words)[0] == 2
    file = lab.directory / "ping"
    with file.open("wb") as output:
        child = subprocess.Popen(
            ["ip", "netns", "exec", a.name, binary_under_test(), "ctl", "-s", node.control_path,
             "ping", TARGET], stdout=output, stderr=output, stdin=subprocess.DEVNULL)
    lab.on_close(child.kill)
    wait_until(lambda: "seq 2 from" in file.read_text(), 10, "answers")
    first = "east" if "out of east:" in file.read_text() else "west"
    second = {"east": "west", "west": "east"}[first]
    assert "another one" not in file.read_text()
    a.ip("link", "set", first, "down")
    wait_until(lambda: f"out of {second}:" in file.read_text(), 10, "the way is another one")
    assert "The way is another one:" in file.read_text()
    end = len(file.read_text())
    wait_until(lambda: "from" in file.read_text()[end:], 10, "answers on the other way")
    child.send_signal(signal.SIGINT)
    assert child.wait(5) == 0
    assert "% lost" in file.read_text().splitlines()[-2]
    # Nobody there: the status says so.
    status, text, _ = client(a, "-s", node.control_path, "ping", "10.90.200.1", "count", "1")
    assert status == 1 and "1 sent, 0 answered, 100% lost" in text and "no Babel route" in text
