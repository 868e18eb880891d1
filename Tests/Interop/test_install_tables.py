"""One rule puts a route into several tables of the kernel, where different packets look for it."""

import signal
import time

from netns import wait_until
from passage import await_passage, passage
from test_crash import FAR, hosts
from test_reload import Configured, effects
from traffic import Stream, nothing_lost

# Packets of the router itself look into one table, those from the source into another.
LOOKUPS = [f"-{family} rule add pref {100 + table} iif {link} lookup {table}"
           for family in (4, 6) for link, table in (("lo", 10), ("l3", 20))]


def rules(*tables):
    """A configuration that puts the far hosts into these tables."""
    return [f"install ip {prefix} " + " ".join(f"table {table}" for table in tables)
            for prefix in ("10.92.0.0/16", "fd92::/32")]


def scene(lab, tables):
    s, n, a, neighbour = passage(lab, "swabeld")
    for line in LOOKUPS:
        n.ip(*line.split())
    base = ["interface l0", "router-id 02:00:00:00:00:00:00:5a",
            f"state-file {lab.directory / 'state'}"]
    node = Configured(n, base + rules(*tables))
    await_passage(n, a, neighbour)
    return s, n, a, node, base


def held(n):
    """The tables that have routes of ours, each with their destinations."""
    found = {}
    for table in (10, 20, 30, 254):
        for family in (4, 6):
            text = n.ip(f"-{family}", "route", "show", "table", str(table), "proto", "42",
                        check=False)
            for line in text.splitlines():
                found.setdefault(table, set()).add(line.split()[0])
    return found


def everywhere(*tables):
    return {table: {address for address in FAR} for table in tables}


def test_reloads_and_restarts(lab):
    """Tables are added and removed by reloads, and the daemon is killed and restarted, under
    streams that look into different tables: nothing is lost, and each table has what it should."""
    s, n, a, node, base = scene(lab, [10, 20])
    assert held(n) == everywhere(10, 20)
    streams = [Stream(s, {"a": a}, FAR, 1000), Stream(n, {"a": a}, FAR, 1000, port=9001)]
    time.sleep(1)

    answer = node.reload(base + rules(10, 20, 30))
    assert held(n) == everywhere(10, 20, 30)
    assert effects(answer, "changed") == hosts(FAR), answer
    answer = node.reload(base + rules(20, 10), "reload --dry-run")
    assert effects(answer, "changed") == hosts(FAR) and not effects(answer, "lost"), answer
    answer = node.reload(base + rules(20, 10))
    assert held(n) == everywhere(10, 20)
    assert effects(answer, "changed") == hosts(FAR), answer
    assert not effects(answer, "lost") and not effects(answer, "gained"), answer

    node.kill()
    time.sleep(0.5)
    assert held(n) == everywhere(10, 20)
    node.start()
    wait_until(lambda: "An earlier process left 4 routes in the kernel: 4 stay in use"
               in node.process.text(), 10, lambda: node.process.text())
    time.sleep(12)  # what is not confirmed would be taken back now
    assert held(n) == everywhere(10, 20)

    assert node.stop(signal.SIGQUIT) == 0
    assert "The routes stay in the kernel" in node.process.text()
    assert held(n) == everywhere(10, 20)
    node.start()
    time.sleep(12)
    assert held(n) == everywhere(10, 20)

    node.reload(base)
    assert held(n) == everywhere(254)
    node.reload(base + rules(254, 20))
    assert held(n) == everywhere(20, 254)
    nothing_lost(streams)
    assert node.stop() == 0
    assert held(n) == {}


def test_a_table_where_somebody_else_is(lab):
    """A route that cannot be in one of its tables is in none, and comes back to all."""
    s, n, a, node, _ = scene(lab, [10, 20])
    n.ip("route", "replace", "10.92.0.1/32", "via", "10.77.2.2", "table", "20", "proto", "static")
    wait_until(lambda: held(n) == {10: {FAR[1]}, 20: {FAR[1]}}, 10, lambda: held(n))
    wait_until(lambda: "10.92.0.1/32" not in installed(node), 10, "it is not in use")
    n.ip("route", "del", "10.92.0.1/32", "table", "20", "proto", "static")
    wait_until(lambda: held(n) == everywhere(10, 20), 10, lambda: held(n))


def installed(node):
    """The prefixes of installed routes."""
    with node.control() as control:
        lines = control.ask("dump")
    return {line.split()[line.split().index("prefix") + 1] for line in lines
            if line.startswith("add route ") and " installed yes" in line}
