"""What swabelctl shows and explains of a running daemon: tables for people and for programs, the
screen of its state, and the reasons for what it does."""

from __future__ import annotations

import json
import re

from daemons import Swabeld
from netns import wait_until
from test_client import client
from test_crash import FAR, hosts

KEYS = {
    "interfaces": {"name", "up", "neighbours", "hello_interval_ms", "rxcost", "address", "obstacle",
                   "update_interval_ms", "ipv4", "type", "mtu", "split_horizon", "keys",
                   "drained"},
    "neighbours": {"address", "interface", "state", "cost", "rxcost", "txcost", "reach", "rtt_us",
                   "routes", "selected", "jitter_us", "loss_permille",
                   "loss_grade", "loss_cost", "known",
                   "last_hello", "ihu_left"},
    "routes": {"selected", "prefix", "metric", "interface", "next_hop", "age", "reason",
               "refmetric", "smoothed", "seqno", "router_id", "expires", "feasible",
               "neighbour", "table",
               "source"},
    "exported": {"prefix", "metric", "router_id", "origin", "told", "interfaces", "source"},
    "sources": {"prefix", "router_id", "seqno", "metric", "expires", "source"},
    "requests": {"prefix", "router_id", "seqno", "for", "age", "repeats_left", "source"},
    "limits": {"limit", "most", "used", "refused"}}


def ask(node, *words):
    """What swabelctl prints; it must have been answered."""
    status, text, complaint = client(node.namespace, "-s", node.control_path, *words)
    assert status == 0, (words, text, complaint)
    return text


def rows(node, *words):
    return [json.loads(line) for line in ask(node, *words, "--json").splitlines()]


def scene(lab, *statements):
    """`n` between `a` and `b`, which both lead to the same far hosts, through `b` at a higher
    cost."""
    n, a, b = (lab.namespace(name) for name in "nab")
    lab.veth(n, a, ("l0", "l0"))
    lab.veth(n, b, ("l1", "l0"))
    for place in (a, b):
        place.own(*FAR)
    far = ["10.92.0.0/16", "fd92::/32"]
    one = Swabeld(a, ["l0"], own=far)
    other = Swabeld(b, ["l0"], own=far, statements=["interface l0 rxcost 200"])
    node = Swabeld(n, ["l0", "l1", "wlan7"], statements=list(statements))
    wait_until(lambda: hosts(FAR) <= n.reaches() and len(rows(node, "show", "routes")) ==
               2 * len(hosts(FAR)), 20, "routes are learned")
    return n, a, b, one, other, node


def test_tables(lab):
    """Every table has its columns in JSON, is aligned within 80 columns otherwise, and shows only
    what was asked for."""
    n, _, _, _, _, node = scene(lab)
    for table, keys in KEYS.items():
        found = rows(node, "show", table)
        assert all(set(row) == keys for row in found), (table, found)
        assert found or table == "requests", table
        text = ask(node, "show", table)
        assert all(len(line) <= 80 for line in text.splitlines()), text
        assert len(text.splitlines()) == len(found) + 1
        wide = ask(node, "show", table, "-w")
        assert len(wide.splitlines()) == len(found) + 1
    prefix = sorted(hosts(FAR))[0]
    routes = rows(node, "show", "route", prefix)
    assert [(row["interface"], row["selected"], row["reason"]) for row in routes] == [
        ("l0", True, ""), ("l1", False, "worse")]
    assert routes[0]["metric"] == 96 and routes[1]["metric"] == 200 and routes[1]["expires"] > 5
    assert {row["interface"] for row in rows(node, "show", "routes", "--interface", "l1")} == {"l1"}
    address = rows(node, "show", "neighbours", "--interface", "l1")[0]["address"]
    chosen = rows(node, "show", "neighbours", "--neighbour", address)
    assert {row["interface"] for row in chosen} == {"l0", "l1"}
    assert {row["prefix"] for row in rows(node, "show", "routes", "10.92.0.0/16", "--longer")} == {
        host for host in hosts(FAR) if host.startswith("10.92.")}
    assert not rows(node, "show", "routes", "10.92.0.0/16")
    assert len(rows(node, "show", "routes", prefix, "--shorter")) == 2
    for words in (["show", "routes", "--nonsense"], ["show", "routes", "10.0.0.0/99"],
                  ["show", "limits", "10.0.0.0/8"], ["show", "routes", "--longer"],
                  ["explain"], ["explain", "nonsense"], ["explain", "out"]):
        status, _, complaint = client(n, "-s", node.control_path, *words)
        assert status == 2 and complaint.count("\n") == 1, (words, complaint)


def test_status(lab):
    """The screen names what is wrong, the worst first, with what to do; programs get the same."""
    n, a, _, _, _, node = scene(lab)
    text = ask(node, "status")
    assert all(len(line) <= 80 for line in text.splitlines()), text
    assert re.search(r"interfaces +2 of 3 up\nneighbours +2 of 2 usable\n", text), text
    assert "problems, the worst first:" in text and "interface wlan7: no such link" in text
    head, *problems = rows(node, "status")
    assert (head["interfaces_up"], head["neighbours_usable"]) == (2, 2)
    assert head["problems"] == len(problems)
    # `a` and `b` have the same hosts.
    assert [(one["severity"], one["problem"]) for one in problems] == [
        ("partial", "no-such-interface"), *[("doubtful", "two-originators")] * 2]
    # From now on nothing of ours arrives at `a`.
    a.execute("nft", "-f", "-", stdin=(
        "add table inet t; add chain inet t c { type filter hook input priority 0; }\n"
        "add rule inet t c udp dport 6696 drop\n"))
    wait_until(lambda: any(row.get("problem") == "one-way" for row in rows(node, "status")), 30,
               "the one-way link is named")
    text = ask(node, "status")
    assert text.index("[serious]") < text.index("[partial]")
    explained = ask(node, "explain", "neighbour", "fe80::2")
    assert "one-way" in explained and "does not hear us" in explained, explained


def test_explanations(lab):
    """Each route is explained by its sum, its feasibility and by what would have to happen."""
    n, _, _, _, _, node = scene(
        lab, "in ip fd92::/16 if l1 deny", "out if l1 ip fd92::/16 deny",
        "in ip 10.92.0.0/16 if l1 metric 7")
    prefix = next(host for host in sorted(hosts(FAR)) if host.startswith("10.92."))
    text = ask(node, "explain", prefix)
    assert re.search(r"\* via \S+ on l0, announced by fe80::2: selected\n +metric 96 = 0 announced "
                     r"\+ 96 link\n", text), text
    assert "metric 207 = 0 announced + 200 link + 7 by" in text and "in ip 10.92.0.0/16 if l1" in \
        re.sub(r"\s+", " ", text), text
    assert "To be used: its metric has to be less than 96" in text
    assert f"Packets of this machine take: {prefix}" in text and "protocol 42" in text
    prefix = next(host for host in sorted(hosts(FAR)) if host.startswith("fd92:"))
    text = re.sub(r"\s+", " ", ask(node, "explain", prefix))
    assert "on l1: denied by an in filter" in text and "must not deny it" in text, text
    text = ask(node, "explain", "out", prefix)
    assert "l0: not announced, because the selected route leads through it" in text, text
    assert "l1: not announced, because of" in text and "out ip fd92::/16 if l1" in \
        re.sub(r"\s+", " ", text), text
    text = ask(node, "explain", "out", next(host for host in hosts(FAR) if host[:2] == "10"))
    assert "l1: announced with metric 96" in text
    text = ask(node, "explain", "interface", "wlan7")
    assert "no such link" in text
    assert "nobody" not in ask(node, "explain", "interface", "l0").lower()
    assert "Nothing was heard" in ask(node, "explain", "neighbour", "fe80::77")
    assert "Nobody announces" in ask(node, "explain", "203.0.113.9")
    # A better route of somebody else.
    n.ip("route", "add", prefix, "dev", "l1", "metric", "5", "proto", "static")
    wait_until(lambda: "somebody else's route" in re.sub(
        r"\s+", " ", ask(node, "explain", prefix)), 5, "the foreign route is named")
