"""The network as one node knows it, as NetJSON and as DOT."""

from __future__ import annotations

import json
import re
import subprocess
import time

from daemons import Swabeld, settle
from netns import measured, wait_until

QUICK = "type tunnel hello-interval 0.3 update-interval 1"


def drawn(daemon, form):
    with daemon.control() as control:
        lines = control.ask(f"show graph --{form}")
    assert lines[-1] == "ok", lines[-3:]
    return "\n".join(lines[:-1]) + "\n"


def netjson(daemon):
    """A NetworkGraph with everything that its definition wants."""
    graph = json.loads(drawn(daemon, "netjson"))
    assert graph["type"] == "NetworkGraph" and graph["protocol"] == "babel"
    assert graph["version"] and graph["metric"] == "cost"
    names = [node["id"] for node in graph["nodes"]]
    assert len(set(names)) == len(names) and graph["router_id"] in names
    for link in graph["links"]:
        assert link["source"] in names and link["target"] in names, link
        assert 0 <= link["cost"] <= 65535
    return graph


def plain(daemon):
    """Nodes and edges as Graphviz understands them."""
    done = subprocess.run(["dot", "-Tplain"], input=drawn(daemon, "dot"), capture_output=True,
                          text=True, timeout=60, check=False)
    assert done.returncode == 0 and not done.stderr, done.stderr
    lines = done.stdout.replace("\\\n", "").splitlines()
    return ([line for line in lines if line.startswith("node ")],
            [line for line in lines if line.startswith("edge ")])


def kinds(graph):
    return {node["id"]: node["properties"]["kind"] for node in graph["nodes"]}


def prefixes(graph, name):
    return next(set(n["properties"]["prefixes"]) for n in graph["nodes"] if n["id"] == name)


def router_id(daemon):
    with daemon.control() as control:
        return control.banner[3].split()[1]


def test_a_small_network(lab):
    """A row of four, and a neighbour that announces nothing: who is where, for what cost."""
    hosts = [lab.namespace(name) for name in "abcd"]
    mute = lab.namespace("m")
    for left, right in zip(hosts, hosts[1:]):
        lab.veth(left, right, ("r0", "l0"))
    lab.veth(hosts[0], mute, ('m"0', "l0"))
    for number, host in enumerate(hosts, start=1):
        host.own(f"10.92.0.{number}", f"fd92::{number}")
        host.forward()
    own = ["10.92.0.0/16", "fd92::/32"]
    ends = [['r0', 'm"0'], ["l0", "r0"], ["l0", "r0"], ["l0"]]
    nodes = [Swabeld(host, names, own=own, parameters=QUICK)
             for host, names in zip(hosts, ends)]
    Swabeld(mute, ["l0"], parameters=QUICK)
    settle(*nodes)
    wait_until(lambda: len(hosts[0].reaches()) >= 6, 20, "a learns all")
    ids = [router_id(node) for node in nodes]
    graph = netjson(nodes[0])
    stranger = next(node["id"] for node in graph["nodes"] if node["id"].startswith("fe80"))
    assert stranger == 'fe80::2%m"0'
    assert kinds(graph) == {ids[0]: "self", ids[1]: "neighbour", ids[2]: "router",
                            ids[3]: "router", stranger: "neighbour"}
    for number, name in enumerate(ids, start=1):
        assert prefixes(graph, name) == {f"10.92.0.{number}/32", f"fd92::{number}/128"}
    found = {(link["source"], link["target"]): link for link in graph["links"]}
    assert set(found) == {(ids[0], ids[1]), (ids[0], stranger), (ids[1], ids[2]),
                          (ids[1], ids[3])}
    link = found[(ids[0], ids[1])]
    row = next(r for r in nodes[0].dump("neighbour") if r["if"] == "r0")
    assert link["properties"]["address"] == row["address"]
    assert link["properties"]["kind"] == "link" and 0 < link["cost"] < 65535
    assert found[(ids[1], ids[3])]["properties"] == {"kind": "path"}
    assert found[(ids[1], ids[3])]["cost"] > found[(ids[1], ids[2])]["cost"] > 0
    boxes, edges = plain(nodes[0])
    assert len(boxes) == 5 and len(edges) == 4, (boxes, edges)
    assert any("10.92.0.3/32" in line for line in boxes)
    with nodes[0].control() as control:
        assert control.ask("show graph")[:-1] == drawn(nodes[0], "netjson").splitlines()
        assert control.ask("show graph --svg") == ["bad"]


def test_what_is_alone(lab):
    """Without neighbours there is one node and no link; the drawing is whole all the same."""
    n = lab.namespace("n")
    n.batch(["link add l0 type veth peer name p0", "link set l0 up"])
    node = Swabeld(n, ["l0"])
    graph = netjson(node)
    assert kinds(graph) == {graph["router_id"]: "self"} and graph["links"] == []
    boxes, edges = plain(node)
    assert len(boxes) == 1 and not edges


def test_many_prefixes_that_change(lab):
    """Drawings of ten thousand prefixes that come and go are whole, and nobody has to wait."""
    a, b = lab.namespace("a"), lab.namespace("b")
    lab.veth(a, b)
    parameters = "type wired hello-interval 0.5 update-interval 4"
    node = Swabeld(a, ["l0"], parameters=parameters)
    other = Swabeld(b, ["l0"], own=["10.0.0.0/8"], parameters=parameters,
                    statements=["redistribute proto 4 allow"])
    settle(node, other)
    b.batch([f"route add 10.{n >> 8}.{n & 255}.0/24 dev lo proto static"
             for n in range(10_000)])
    name = router_id(other)
    wait_until(lambda: a.count(4) >= 10_000, 60, "a learns all")
    assert len(prefixes(netjson(node), name)) >= 10_000
    text = drawn(node, "dot")
    assert re.search(r"and 99\d\d more", text) and len(text) < 2000
    plain(node)
    times = []
    for turn in range(10):
        verb = "del" if turn % 2 == 0 else "add"
        b.batch([f"route {verb} 10.{n >> 8}.{n & 255}.0/24 dev lo proto static"
                 for n in range(5_000)])
        start = time.monotonic()
        graph = netjson(node)
        times.append(time.monotonic() - start)
        assert len(prefixes(graph, name)) >= 4_000
        plain(node)
    measured(f"show graph of 10,000 prefixes: {min(times) * 1000:.0f} ms")
    assert all(int(row["reach"], 16) >= 0xE000 for row in node.dump("neighbour"))
