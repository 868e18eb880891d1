"""The same state of the kernel, reached while the daemon runs and found at its start, makes it
announce the same."""

import json
import random
import time

import pytest
from daemons import Swabeld
from netns import wait_until

FILTERS = ["redistribute if l1 metric 7", "redistribute if renamed metric 9",
           "redistribute local", "redistribute proto 4", "redistribute proto 3 metric 11"]


def announced(node):
    """What the dump calls xroutes, with metrics."""
    return sorted((row["prefix"], row["metric"]) for row in node.dump("xroute"))


def start(namespace):
    return Swabeld(namespace, ["babel0"], first=FILTERS, parameters="")


def test_refused_address(lab):
    """An address that duplicate address detection refuses is withdrawn at once, and announced when
    it is tried anew and nobody else has it."""
    n, b = lab.namespace("n"), lab.namespace("b")
    lab.veth(n, b)
    b.ip("addr", "add", "fd91::5/64", "dev", "l0", "nodad")
    node = start(n)

    def refused():
        rows = json.loads(n.ip("-6", "-j", "addr", "show", "dev", "l0"))
        return any(info.get("dadfailed") for row in rows for info in row["addr_info"])

    def has():
        return any(prefix == "fd91::5/128" for prefix, _ in announced(node))

    n.ip("addr", "add", "fd91::5/64", "dev", "l0")
    wait_until(has, 1, "it is announced while nobody objects", every=0.01)
    wait_until(refused, 5, "the address is refused", every=0.02)
    wait_until(lambda: not has(), 0.5, "it is not announced", every=0.02)
    n.ip("addr", "del", "fd91::5/64", "dev", "l0")
    b.ip("addr", "del", "fd91::5/64", "dev", "l0")
    n.ip("addr", "add", "fd91::5/64", "dev", "l0")
    wait_until(has, 3, "it is announced", every=0.02)
    time.sleep(2)
    assert has() and node.stop() == 0


@pytest.mark.parametrize("seed", range(1, 5))
def test_random_history(lab, seed):
    """Links, addresses, flags and routes change at random; now and then the daemon is replaced by
    one that finds everything as it is."""
    chance = random.Random(seed)
    n, b = lab.namespace("n"), lab.namespace("b")
    for name in ("l0", "l1"):
        lab.veth(n, b, (name, name))
    b.batch([f"addr add fd91::{i}/64 dev l0 nodad" for i in (1, 2)])
    node = start(n)
    lines = []
    total = 0
    for _ in range(3):
        for _ in range(12):
            part = [change(chance) for _ in range(chance.randrange(1, 6))]
            lines += part
            n.batch(part, force=True)
            time.sleep(chance.choice((0, 0.02, 0.1)))
        # Duplicate address detection, and readings of the tables, come to an end.
        time.sleep(2)
        live = announced(node)
        total += len(live)
        assert node.stop() == 0
        node = start(n)
        wait_until(lambda: node.dump("interface"), 2, "it is started")
        assert live == announced(node), f"seed {seed}: {lines}"
    assert total > 0 and node.stop() == 0


def change(chance):
    """One random line for `ip -batch`; not all are possible at any time."""
    link = chance.choice(("l0", "l1", "renamed"))
    address = chance.choice(("fd91::1", "fd91::2", "fd91::3", "10.91.0.1", "10.91.0.2"))
    length = chance.choice((24, 32)) if "." in address else chance.choice((64, 128))
    prefix = chance.choice(("10.95.0.0/16", "10.96.0.0/16", "fd95::/32", "fd96::/32"))
    metric = chance.choice(("", " metric 1", " metric 2"))
    return chance.choice((
        f"addr add {address}/{length} dev {link}", f"addr add {address}/{length} dev {link} nodad",
        f"addr del {address}/{length} dev {link}", f"addr flush dev {link} scope global",
        f"link set {link} down", f"link set {link} up", f"link set {link} up",
        "link set l1 name renamed", "link set renamed name l1", "link del dummy",
        "link add dummy type bridge", "addr add fd97::1/64 dev dummy nodad", "link set dummy up",
        f"route add {prefix} dev {link} proto static{metric}",
        f"route replace {prefix} dev {link} proto boot{metric}",
        f"route del {prefix}{metric}", f"route add unreachable {prefix} proto static{metric}"))
