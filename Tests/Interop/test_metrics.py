"""What the daemon counts, as Prometheus reads it: over the local socket and over HTTP."""

from __future__ import annotations

import pathlib
import socket
import stat
import subprocess
import time

from daemons import Swabeld, settle
from netns import measured, wait_until
from scrape import Page, check, get, metrics, parse, value
from test_local_socket import Filed

QUICK = "type tunnel hello-interval 0.3 update-interval 1"
KEY = f"key id k1 type blake2s128 value {'ab' * 32}"


def test_a_flapping_network(lab):
    """promtool finds nothing while neighbours and routes come and go; the figures are true."""
    a, b, c = lab.namespace("a"), lab.namespace("b"), lab.namespace("c")
    cable = lab.veth(a, b, ('l"0', "l0"))
    lab.veth(a, c, ("l1", "l0"))
    b.own("10.92.0.1", "fd92::1")
    c.own("10.92.0.1", "10.93.0.1")
    keys = [KEY, "interface l1 key k1"]
    node = Swabeld(a, ['l"0', "l1"], own=["10.91.0.0/16"], parameters=QUICK, first=keys,
                   statements=["in ip 10.99.0.0/16 deny"])
    others = [Swabeld(b, ["l0"], own=["10.92.0.0/16", "fd92::/32"], parameters=QUICK),
              Swabeld(c, ["l0"], own=["10.92.0.0/16", "10.93.0.0/16"], parameters=QUICK,
                      first=[KEY, "interface l0 key k1"])]
    settle(node, *others)
    wait_until(lambda: a.reaches() >= {"10.92.0.1/32", "10.93.0.1/32", "fd92::1/128"}, 15,
               "a learns all")
    b_is = {"interface": 'l"0', "address": "fe80::2"}
    wait_until(lambda: value(check(metrics(node)), "neighbour_jitter_seconds", **b_is), 15,
               "the round-trip time varies")
    found = check(metrics(node))
    with node.control() as control:
        assert value(check(metrics(node)), "socket_clients") == 2
        assert control.ask("show counters")[-1] == "ok"
    assert value(found, "build_info", version="0.1.0") == 1
    assert abs(value(found, "start_time_seconds") - time.time()) < 60
    assert value(found, "interface_up", interface='l"0') == 1
    assert 0 < value(found, "neighbour_reachability_ratio", **b_is) <= 1
    row = next(r for r in node.dump("neighbour") if r["if"] == 'l"0')
    assert value(found, "neighbour_txcost", **b_is) == float(row["txcost"])
    assert 0 < value(found, "neighbour_rtt_seconds", **b_is) < 1
    assert value(found, "neighbour_routes", **b_is) >= 2
    assert value(found, "routes_installed") == 3
    assert value(found, "routes", reason="selected") == 3
    assert value(found, "routes", reason="worse than the selected route") >= 1
    assert value(found, "kernel_destinations", state="forwarded") == 3
    assert value(found, "kernel_route_requests_total", operation="add") >= 3
    assert value(found, "table_rows", table="routes") >= 4
    assert value(found, "authentication_packets_total", interface="l1", verdict="accepted") > 3
    assert value(found, "authentication_keys", interface="l1", use="sign") == 1
    process = pathlib.Path(f"/proc/{node.process.child.pid}")
    pages = int((process / "statm").read_text().split()[1])
    assert abs(value(found, "resident_memory_bytes") / 4096 - pages) < 500
    assert 0 < value(found, "cpu_seconds_total") < 30
    flaps(a, b, node, cable)


def flaps(a, b, node, cable):
    """Cables that are pulled, prefixes that go and come: nothing ever looks wrong, and nothing
    that only grows shrinks."""
    last, states = {}, set()
    until = time.monotonic() + 6
    turn = 0
    while time.monotonic() < until:
        turn += 1
        if turn % 4 == 1:
            cable.set("down")
        else:
            cable.set("up")
            for host, (end, name) in enumerate(cable.ends, start=1):
                end.ip("addr", "add", f"fe80::{host}/64", "dev", name, "nodad", check=False)
        b.ip("addr", "add" if turn % 2 else "del", "10.92.0.9/32", "dev", "lo", check=False)
        for _ in range(5):
            found = check(metrics(node))
            for (name, labels), number in last.items():
                if name.endswith("_total"):
                    assert found[(name, labels)] >= number, name
            last = found
            states.add(value(found, "neighbour_cost", interface='l"0', address="fe80::2"))
            time.sleep(0.02)
    assert len(states) > 1 and states & {None, 65535.0}, states
    assert value(found, "configuration_generation") == 1


def test_what_they_cost(lab):
    """Metrics of ten thousand routes are told in no time, and hardly in more lines than of one."""
    a, b = lab.namespace("a"), lab.namespace("b")
    lab.veth(a, b)
    node = Swabeld(a, ["l0"])
    other = Swabeld(b, ["l0"], own=["10.0.0.0/8"], statements=["redistribute proto 4 allow"])
    settle(node, other)
    few = metrics(node).count("\n")
    b.batch([f"route add 10.{n >> 8}.{n & 255}.0/24 dev lo proto static"
             for n in range(10_000)])
    wait_until(lambda: value(parse(metrics(node)), "routes_installed") >= 10_000, 60,
               "a learns all")
    times = []
    with node.control() as control:
        for _ in range(20):
            start = time.monotonic()
            lines = control.ask("metrics")
            times.append(time.monotonic() - start)
    best = sorted(times)[len(times) // 2]
    measured(f"metrics of 10,000 routes: {best * 1000:.1f} ms, {len(lines)} lines")
    assert len(lines) <= few + 5
    assert best < 0.1


def one(lab, *lines):
    n = lab.namespace("n")
    n.batch(["link add l0 type veth peer name p0", "link set l0 up"])
    return n, Filed(n, lab.directory / "control", lines)


def test_over_http(lab):
    """The page is what the socket answers; nothing else is served."""
    n, node = one(lab, "metrics-port 9101")
    status, lines, body = get(n, 9101)
    assert status == "HTTP/1.0 200 OK"
    assert lines["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
    assert int(lines["Content-Length"]) == len(body)
    found = check(body.decode())
    assert {key for key in found} == {key for key in check(metrics(node))}
    status, lines, body = get(n, 9101, b"HEAD /metrics HTTP/1.0\r\n\r\n")
    assert status.split()[1] == "200" and not body and int(lines["Content-Length"]) > 1000
    assert get(n, 9101, b"GET /metrics?x=1 HTTP/1.1\n\n")[0].split()[1] == "200"
    for request, code in [
            (b"GET / HTTP/1.1\r\n\r\n", "404"), (b"GET /metrics/ HTTP/1.1\r\n\r\n", "404"),
            (b"GET /../etc/passwd HTTP/1.1\r\n\r\n", "404"),
            (b"POST /metrics HTTP/1.1\r\nContent-Length: 0\r\n\r\n", "405"),
            (b"dump\n\n", "400"), (b"\r\n\r\n", "400"), (b"GET  /metrics HTTP/1.1\r\n\r\n", "400"),
            (b"GET /metrics HTTP/1.1\r\nX: " + b"x" * 5000, "431")]:
        status, lines, body = get(n, 9101, request)
        assert status.split()[1] == code, (request[:40], status)
        assert int(lines["Content-Length"]) == len(body)


def listeners(namespace):
    return namespace.execute("ss", "-Htln").split()


def test_the_place_changes_by_a_reload(lab):
    """Another port, a Unix socket with its rights, nothing at all: a reload is enough. If the new
    place cannot be had everything stays."""
    n, node = one(lab)
    assert not listeners(n)
    node.write(f"local-path-readwrite {node.control_path}", "metrics-port 9101")
    with node.control() as control:
        answer = control.ask("reload")
        assert answer[-1] == "ok" and "change + metrics-port 9101" in answer, answer
        assert get(n, 9101)[0].split()[1] == "200"
        with node.control() as other:
            assert other.ask("metrics-port 9999") == ["bad"], "only the files decide"
        place = lab.directory / "metrics"
        node.write(f"local-path-readwrite {node.control_path}", f"metrics-path {place}",
                   "socket-mode 0660")
        assert control.ask("reload")[-1] == "ok"
        assert not listeners(n)
        assert get(n, place)[0].split()[1] == "200"
        assert stat.S_IMODE(place.stat().st_mode) == 0o660
        node.write(f"local-path-readwrite {node.control_path}", f"metrics-path {place}",
                   "socket-mode 0666")
        assert control.ask("reload")[-1] == "ok"
        assert stat.S_IMODE(place.stat().st_mode) == 0o666
        taken = n.enter(lambda: socket.create_server(("::1", 9102), family=socket.AF_INET6))
        node.write(f"local-path-readwrite {node.control_path}", "metrics-port 9102",
                   "interface l9")
        answer = control.ask("reload")
        assert answer[-1].startswith("no ") and "metrics" in answer[-1], answer
        assert get(n, place)[0].split()[1] == "200"
        assert not any("l9" in line for line in control.ask("dump"))
        taken.close()
        node.write(f"local-path-readwrite {node.control_path}")
        assert control.ask("reload")[-1] == "ok"
        assert not place.exists() and not listeners(n)


def test_attacks(lab):
    """Whoever is slow, talks without end or comes a hundred times at once is cut off; scrapers get
    their pages, and Hellos leave in time."""
    n, m = lab.namespace("n"), lab.namespace("m")
    lab.veth(n, m)
    node = Filed(n, lab.directory / "control",
                 ["metrics-port 9101", "default hello-interval 0.2"])
    other = Swabeld(m, ["l0"], parameters="type wired hello-interval 0.2")
    settle(other)
    mute = [Page(n, 9101) for _ in range(100)]
    slow = Page(n, 9101).send(b"GET /metr")
    start = time.monotonic()
    for _ in range(20):
        assert get(n, 9101)[0].split()[1] == "200"
    assert time.monotonic() - start < 2
    greedy = Page(n, 9101).send(b"GET /metrics HTTP/1.1\r\n\r\n")
    pushy = Page(n, 9101)
    try:
        for _ in range(2000):
            pushy.send(b"x" * 4096)
    except OSError:
        pass
    begun = time.monotonic()
    while time.monotonic() - begun < 7:
        slow_trickle(slow)
        assert get(n, 9101)[0].split()[1] == "200"
        time.sleep(0.1)
    assert greedy.answer()[0].split()[1] == "200"
    for page in mute:
        page.socket.settimeout(1)
        try:
            assert page.socket.recv(1) == b"", "nobody who says nothing is kept"
        except ConnectionResetError:
            pass
    rows = node.dump("neighbour")
    assert [row["reach"] for row in rows] == ["ffff"], rows
    assert [row["reach"] for row in other.dump("neighbour")] == ["ffff"]
    connected = n.execute("ss", "-Htn", "state", "established", "sport", "=", ":9101")
    assert len(connected.splitlines()) <= 2, connected


def slow_trickle(page):
    try:
        page.send(b"i")
    except OSError:
        pass


def test_many_scrapers_at_once(lab):
    """A crowd that asks in the same moment is answered, each with a whole page."""
    n, node = one(lab, "metrics-port 9101")
    pages = [Page(n, 9101).send(b"GET /metrics HTTP/1.0\r\n\r\n") for _ in range(60)]
    for page in pages:
        status, lines, body = page.answer()
        assert status.split()[1] == "200" and len(body) == int(lines["Content-Length"])
    assert node.process.alive


def test_the_client_prints_them(lab):
    """`swabelctl metrics` prints what Prometheus reads, and nothing else."""
    _, node = one(lab)
    done = subprocess.run(
        [node.binary(), "ctl", "-s", node.control_path, "metrics"], capture_output=True,
        text=True, timeout=20, check=True)
    check(done.stdout)
