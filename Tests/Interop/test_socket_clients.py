"""Real clients' parsers accept what the socket says through a node's life."""

import socket
import time

import babel_packets as babel
import pytest
from daemons import Swabeld
from netns import measured, wait_until
from socket_clients import (
    AREDN_INTERFACE, AREDN_NEIGHBOUR, AREDN_ROUTE, MESH_MANAGER_NEIGHBOUR, MESH_MANAGER_ROUTE,
    Table, babelhelper, cut, rita)
from speaker import Speaker

OWN = ["10.91.0.0/16", "fd91::/32"]


def start(lab, *statements, **more):
    a, b = lab.namespace("a"), lab.namespace("b")
    lab.veth(a, b)
    a.own("10.91.0.1", "fd91::1")
    node = Swabeld(a, ["l0"], own=OWN, statements=list(statements), **more)
    speaker = Speaker(b, "l0")
    speaker.adjacent(node)
    return a, b, node, speaker


def learn(a, speaker, count=5):
    prefixes = [f"fd99:{i:x}::/64" for i in range(1, count + 1)]
    speaker.send(babel.router_id(speaker.identifier), *map(babel.update, prefixes))
    wait_until(lambda: a.reaches() >= set(prefixes), 10, "routes are learned")
    return prefixes


def drain(control, table, seconds):
    """Reads events for some time; false at the end of the connection."""
    deadline = time.monotonic() + seconds
    while (left := deadline - time.monotonic()) > 0:
        control.socket.settimeout(left)
        try:
            line = control.line()
        except TimeoutError:
            return True
        if line is None:
            return False
        table.take(line)
    return True


def test_monitor_through_a_life(lab):
    """babelweb2's rules from start to stop: converge, flap, flush interface, stop."""
    a, b, node, speaker = start(lab)
    table = Table()
    control = node.control()
    for line in control.ask("monitor"):
        table.take(line)
    learn(a, speaker)
    drain(control, table, 0.5)
    assert sum(kind == "route" for kind, _ in table.rows) == 5
    for metric in (50, 60, babel.INFINITY, 50):
        speaker.send(
            babel.router_id(speaker.identifier), babel.update("fd99:1::/64", metric=metric))
        drain(control, table, 0.3)
    before = table.updates
    for _ in range(3):
        speaker.send(babel.router_id(speaker.identifier), babel.update("fd99:1::/64", metric=50))
    drain(control, table, 0.3)
    assert table.updates - before <= 2, "a repetition is no change of a route"
    node.announce("fd91:0:0:5::/64")
    node.withdraw("fd91:0:0:5::/64")
    a.ip("link", "set", "l0", "down")
    drain(control, table, 1)
    assert {kind for kind, _ in table.rows} == {"interface", "xroute"}, table.rows
    a.ip("link", "set", "l0", "up")
    a.ip("addr", "replace", "fe80::1/64", "dev", "l0", "nodad")
    drain(control, table, 2.5)  # a new neighbour, heard anew
    wait_until(lambda: node.neighbours(), 40, "the neighbour is back")
    learn(a, speaker)
    drain(control, table, 0.5)
    control.socket.sendall(b"flush interface l0\n")
    drain(control, table, 1)
    assert {kind for kind, _ in table.rows} == {"xroute"}, table.rows
    control.socket.sendall(b"interface l0 type wired hello-interval 1\n")
    drain(control, table, 0.2)
    speaker.adjacent(node, 40)
    learn(a, speaker)
    drain(control, table, 0.5)
    assert any(kind == "route" for kind, _ in table.rows)
    with node.control() as fresh:
        seen = Table()
        for line in fresh.ask("dump"):
            seen.take(line)
    assert {k: v for k, v in seen.rows.items() if k[0] != "neighbour"} == {
        k: v for k, v in table.rows.items() if k[0] != "neighbour"}, "events add up to the dump"
    assert node.stop() == 0
    assert not drain(control, table, 3), "the connection ends"
    assert not any(kind in ("route", "neighbour") for kind, _ in table.rows)
    assert table.rows[("interface", "l0")]["up"] == "false"
    control.close()


def test_one_shot_clients(lab):
    """libbabelhelper, mesh-manager, scripts that cut by position, and a half-closed connection."""
    a, _, node, speaker = start(lab)
    learn(a, speaker)
    lines = node.control().ask("dump")
    neighbour = next(line for line in lines if line.startswith("add neighbour"))
    route = next(line for line in lines if line.startswith("add route"))
    found = babelhelper(neighbour)
    assert found["address"] == "fe80::2" and found["cost"] == "96" and found["if"] == "l0"
    assert babelhelper(route).keys() >= {"prefix", "from", "installed", "id", "metric", "via", "if"}
    assert MESH_MANAGER_NEIGHBOUR.search(neighbour).group(2) == "l0"
    assert MESH_MANAGER_ROUTE.search(route).group(3) == "96"
    assert cut(neighbour, 4, 5, 6, 7) == ["address", "fe80::2", "if", "l0"]
    assert cut(route, 4, 6, 8, 10, 12, 14, 16, 18) == [
        "prefix", "from", "installed", "id", "metric", "refmetric", "via", "if"]
    for request in (b"dump\n", b"dump\nquit\n", b"dump\nquit\ndump\n"):
        with node.control() as control:
            control.socket.sendall(request)
            control.socket.shutdown(socket.SHUT_WR)
            text = b""
            while data := control.socket.recv(65536):
                text += data
        assert text.decode().count("add interface") == 1 and text.endswith(b"ok\n")


def test_aredn(lab):
    """AREDN's requests and expressions, if asked for; else they are unknown."""
    a, _, node, speaker = start(lab, "socket-dialect aredn", "install ip fd99:2::/64 table 21")
    learn(a, speaker, 1)
    speaker.send(babel.router_id(speaker.identifier), babel.update("fd99:2::/64"),
                 babel.next_hop4("10.77.1.2"), babel.update("10.99.0.0/24"))
    wait_until(lambda: len(node.dump("route")) == 3, 5, "three routes")
    answers = {}
    for request in ("interfaces", "neighbors", "routable-neighbors", "installed-routes", "xroutes"):
        with node.control() as control:
            control.socket.sendall(f"dump-{request}\nquit\n".encode())
            lines = []
            while (line := control.line()) is not None:
                lines.append(line)
        assert lines[-1] == "ok"
        answers[request] = lines[:-1]
    assert AREDN_INTERFACE.search(answers["interfaces"][0]).groups() == (
        "l0", "fe80::1", "10.77.1.1")
    assert AREDN_NEIGHBOUR.search(answers["neighbors"][0]).group(6) == "96"
    assert answers["routable-neighbors"] and len(answers["xroutes"]) == 2
    routes = {m.group(1): m.group(2, 3, 4, 5) for m in map(
        AREDN_ROUTE.match, answers["installed-routes"])}
    assert routes == {
        "fd99:1::": ("96", "fe80::2", "254", "l0"), "fd99:2::": ("96", "fe80::2", "21", "l0"),
        "10.99.0.0": ("96", "10.77.1.2", "254", "l0")}
    words = [line.split()[5::2] for line in answers["installed-routes"]]
    assert words == 3 * [["from", "installed", "id", "metric", "refmetric", "via", "nexthop",
                          "table", "if"]], "the order of the fork's lines"


def test_aredn_rules_while_running(lab):
    """AREDN's scripts send `redistribute` rules when a link comes up; they hold at once."""
    a, _, node, _ = start(lab, "socket-dialect aredn")
    a.ip("route", "add", "fd95::/64", "dev", "lo")  # of protocol boot
    assert not any(row["prefix"] == "fd95::/64" for row in node.dump("xroute"))
    with node.control() as control:
        for line in ("redistribute anyproto if wg1 deny", "redistribute anyproto if wg1 deny",
                     "redistribute anyproto ip fd95::/32 metric 7"):
            assert control.ask(line) == ["ok"]
        assert control.ask("redistribute nonsense") == ["bad"]
    wait_until(lambda: any(row["prefix"] == "fd95::/64" and row["metric"] == "7"
                           for row in node.dump("xroute")), 2, "the rule holds for what was there")
    a.ip("route", "add", "fd95:0:0:1::/64", "dev", "lo")
    wait_until(lambda: any(row["prefix"] == "fd95:0:0:1::/64" for row in node.dump("xroute")), 2,
               "and for what comes")


def test_althea(lab):
    """Rita's rules, if Althea's dialect is asked for."""
    a, _, node, speaker = start(lab, "socket-dialect althea")
    learn(a, speaker)
    with node.control() as control:
        assert "ALTHEA 0.1" in control.banner
        assert rita(control.ask("dump"))[0] == 0
        assert control.ask("fee 17") == ["ok"]
        assert control.ask("metric-factor 1500") == ["ok"]
        assert control.ask("kernel-check-interval 30") == ["ok"]
        assert control.ask(
            "default link-quality yes split-horizon no max-rtt-penalty 100 rtt-min 10 rtt-max 100 "
            "hello-interval 1 update-interval 4 ") == ["ok"]
        fee, neighbours, routes = rita(control.ask("dump"))
        assert fee == 17 and len(neighbours) == 1 and len(routes) == 5
        assert "metric factor 1500" in control.ask("dump")


@pytest.mark.parametrize("prefix", ["fd91:0:0:7::/64", "10.91.7.0/24"], ids=["IPv6", "IPv4"])
def test_losing_one_of_two_kernel_routes(lab, prefix):
    """Two kernel routes for one prefix: announced until both are gone, and then that prefix alone
    is retracted, within a second, while others of the same and of another length stay."""
    a, _, node, speaker = start(lab)
    route = ["dev", "lo", "proto", "static", "metric"]
    others = {"fd91:0:0:8::/64", "fd91:0:1::/48", "10.91.8.0/24", "10.91.0.0/20"}
    for metric in ("100", "200"):
        a.ip("route", "add", prefix, *route, metric)
    for other in others:
        node.announce(other)
    wait_until(lambda: {prefix, *others} <= set(speaker.routes()), 5, "all announced")
    a.ip("route", "del", prefix, *route, "100")
    time.sleep(1.5)
    assert prefix in speaker.routes(), "still announced"
    assert prefix in {row["prefix"] for row in node.dump("xroute")}
    begin = time.monotonic()
    a.ip("route", "del", prefix, *route, "200")
    wait_until(lambda: prefix not in speaker.routes(), 1, "retracted within a second", every=0.02)
    measured(f"a withdrawn prefix ({prefix}) was retracted after "
             f"{(time.monotonic() - begin) * 1000:.0f} ms")
    time.sleep(0.5)
    retracted = {p for p, u in speaker.learn().items() if u.metric >= babel.INFINITY}
    assert retracted == {prefix}, "exactly that one"
    assert others <= set(speaker.routes())
