"""A daemon's life as babeld's users know it: state file, tables on request, options that act."""

import re
import signal
import socket
import time

import babel_packets as babel
from daemons import Babeld, Swabeld
from netns import Process, never, wait_until
from speaker import Sniffer, Speaker

OWN = ["10.91.0.0/16", "fd91::/32"]


def pair(lab, name="a"):
    a, b = lab.namespace(name), lab.namespace("b")
    lab.networks = iter((1,))
    lab.veth(a, b)
    a.own("10.91.0.1", "fd91::1")
    return a, b


def tables(node):
    """The tables as SIGUSR1 prints them, without what may differ between two daemons."""
    start = len(node.process.text())
    node.process.child.send_signal(signal.SIGUSR1)
    wait_until(lambda: "My id " in node.process.text()[start:], 3, "the tables are printed")
    time.sleep(0.1)
    text = node.process.text()[start:]
    for pattern, mask in ((r"seqno \d+$", "seqno N"), (r"reach [0-9a-f]{4} ", "reach R "),
                          (r"metric (\d+) \(\d+\)", r"metric \1 (M)"), (r"age \d+", "age A"),
                          (r"id 02:00:00:00:00:00:00:99 seqno \d+", "id 99"),
                          (r" chan -?\d+\.$", ".")):  # of 1.12 alone
        text = re.sub(pattern, mask, text, flags=re.M)
    return text.splitlines()


def test_tables_like_babeld(lab):
    """SIGUSR1 prints what babeld prints, line by line: neighbours, what is redistributed, routes
    installed, feasible, retracted, for packets from one prefix, with a next hop."""
    found = {}
    for program in (Babeld, Swabeld):
        a, b = pair(lab, program.program)
        node = program(a, ["l0"], own=OWN, first=["router-id 02:00:00:00:00:00:00:0a"])
        first = Speaker(b, "l0")
        first.adjacent(node)
        first.send(
            babel.router_id(first.identifier), babel.next_hop4("10.77.1.2"),
            babel.update("10.99.0.0/24", interval=6000),
            babel.update("fd99:1::/64", metric=10, interval=6000),
            babel.update("fd99:2::/64", interval=6000),
            babel.update("fd99:3::/64", source="fd98::/32", interval=6000))
        wait_until(lambda: {"10.99.0.0/24", "fd99:1::/64", "fd99:2::/64"} <= a.reaches(
            node.proto), 5, "routes are learned")
        time.sleep(1)
        found[program.program] = tables(node)
        node.stop()
    ours, theirs = found["swabeld"], found["babeld"]
    assert ours == theirs, "\n".join(["ours:", *ours, "theirs:", *theirs])


def test_state_file(lab):
    """One more than what was stored is the first sequence number. A start that fails leaves the
    file; one that cannot be read is told, and is no reason not to start."""
    a, _ = pair(lab)
    state = lab.directory / "state"
    state.write_text("1234\n")

    def fails(*words):
        process = Process(a, "swabeld", [
            Swabeld.binary(None), "-I", "", "-S", str(state), *words])
        assert process.child.wait(5) == 1, process.text()
        assert state.read_text() == "1234\n", words

    busy = a.enter(lambda: socket.create_server(("::1", 7777), family=socket.AF_INET6))
    fails("-g", "7777", "l0")
    busy.close()
    fails("-C", "user nosuchuser", "l0")
    fails("-G", "/nonexistent/socket", "l0")
    fails()
    other = Swabeld(a, ["l0"])
    fails("l0")
    other.stop()
    node = Swabeld(a, ["l0"], statements=[f"state-file {state}"])
    wait_until(lambda: not state.exists(), 3, "it is consumed")
    node.process.child.send_signal(signal.SIGUSR1)
    wait_until(lambda: re.search(r"My id \S+ seqno 1235\n", node.process.text()), 3, "one more")
    assert node.stop() == 0
    assert state.read_text() == "1235\n"
    state.write_text("nonsense\n")
    node.start()
    wait_until(lambda: "Couldn't parse babel-state." in node.process.text(), 3, "it is told")
    assert node.stop() == 0
    assert re.fullmatch(r"\d+\n", state.read_text())


def test_install_deny_is_quiet(lab):
    """A route that may not be installed is neither used nor announced; babeld logs each Update
    about it, we do not."""
    a, b = pair(lab)
    node = Swabeld(a, ["l0"], statements=["install ip fd99::/16 deny"])
    speaker = Speaker(b, "l0")
    speaker.adjacent(node)
    for metric in range(30):
        speaker.send(babel.router_id(speaker.identifier),
                     babel.update("fd99:1::/64", metric=metric), babel.update("fd98::/64"))
        time.sleep(0.02)
    wait_until(lambda: "fd98::/64" in a.reaches(), 5, "the other is installed")
    rows = {row["prefix"]: row["installed"] for row in node.dump("route")}
    assert rows == {"fd99:1::/64": "no", "fd98::/64": "yes"}
    assert len([line for line in node.process.text().splitlines() if "fd99:1::/64" in line]) <= 1
    assert node.stop() == 0


def test_allow_duplicates(lab):
    """A prefix that is redistributed: a Babel route may stand beside it only if the metric of the
    redistributed one is below the limit."""
    for limit, beside in ((None, False), (200, True), (50, False)):
        a, b = pair(lab)
        a.ip("route", "add", "fd97::/64", "dev", "lo", "proto", "static", "metric", "10")
        extra = [] if limit is None else [f"allow-duplicates {limit}"]
        node = Swabeld(a, ["l0"], first=["redistribute ip fd97::/64 metric 100"],
                       statements=["kernel-priority 500", *extra])
        speaker = Speaker(b, "l0")
        speaker.adjacent(node)
        speaker.send(babel.router_id(speaker.identifier), babel.update("fd97::/64"),
                     babel.update("fd98::/64"))
        wait_until(lambda: "fd98::/64" in a.reaches(), 5, "the other is installed")
        if beside:
            wait_until(lambda: "fd97::/64" in a.reaches(), 2, "it stands beside")
        else:
            never(lambda: "fd97::/64" in a.reaches(), 0.5, "it stands beside")
        wait_until(lambda: "fd97::/64" in speaker.routes(), 3, "it is announced")
        if not beside:
            a.ip("route", "del", "fd97::/64", "dev", "lo", "proto", "static")
            wait_until(lambda: "fd97::/64" in a.reaches(), 3, "the learned one takes over")
        assert node.stop() == 0


def test_skip_kernel_setup(lab):
    """No setting of the kernel is touched, and wrong ones are no reason not to start."""
    a, _ = pair(lab)
    names = {"ipv6/conf/all/forwarding": "0", "ipv4/conf/all/forwarding": "0",
             "ipv6/conf/all/accept_redirects": "1", "ipv4/conf/l0/rp_filter": "1"}
    for name, value in names.items():
        a.sysctl(name, value)
    node = Swabeld(a, ["l0"], statements=["skip-kernel-setup true"])
    wait_until(lambda: node.dump("interface")[0]["up"] == "true", 3, "the interface is up")
    assert {name: a.sysctl(name) for name in names} == names
    assert node.stop() == 0
    assert {name: a.sysctl(name) for name in names} == names


def test_shutdown_delay(lab):
    """The last packets go out first, then the pause, spread by a quarter, then the routes go."""
    a, b = pair(lab)
    node = Swabeld(a, ["l0"], own=OWN, statements=["shutdown-delay-ms 1000"])
    speaker = Speaker(b, "l0")
    speaker.adjacent(node)
    speaker.send(babel.router_id(speaker.identifier), babel.update("fd99:1::/64"))
    wait_until(lambda: "fd99:1::/64" in a.reaches(), 5, "a route is learned")
    sniffer = Sniffer(b, "l0")
    begin = time.monotonic()
    node.process.child.send_signal(signal.SIGTERM)
    time.sleep(0.5)
    assert "fd99:1::/64" in a.reaches(), "it still forwards"
    assert node.process.child.wait(5) == 0
    assert 0.7 < time.monotonic() - begin < 1.6
    assert not a.routes()
    last = sniffer.of("fe80::1")[-1]
    assert last.time - begin < 0.3
    kinds = [kind for kind, _ in babel.split(last.payload)]
    assert kinds[-2:] == [babel.UPDATE, babel.HELLO]
    (body,) = [body for kind, body in babel.split(last.payload) if kind == babel.HELLO]
    assert body[4:6] == b"\0\x0a", "the interval that makes neighbours give up soon"


def test_link_detect_at_once(lab):
    """`link-detect` acts on interfaces that are there; so do limits."""
    a, b = pair(lab)
    node = Swabeld(a, ["l0"], statements=["limit interfaces 2", "link-detect no"])
    with node.control() as control:
        def up():
            return [row["up"] for row in node.dump("interface") if row["key"] == "l0"][0]

        b.ip("link", "set", "l0", "down")
        wait_until(lambda: "NO-CARRIER" in a.ip("link", "show", "l0"), 3, "no carrier")
        time.sleep(0.3)
        assert up() == "true"
        assert control.ask("link-detect true") == ["ok"] and up() == "false"
        b.ip("link", "set", "l0", "up")
        wait_until(lambda: up() == "true", 3, "with the carrier it is up")
        b.ip("link", "set", "l0", "down")
        wait_until(lambda: up() == "false", 3, "and down")
        assert control.ask("link-detect false") == ["ok"] and up() == "true"
        assert control.ask("link-detect auto") == ["ok"] and up() == "false"
        assert control.ask("interface l7") == ["ok"]
        assert control.ask("interface l8") == ["no Too many interfaces"]
        assert control.ask("flush interface l7") == ["ok"]
        assert control.ask("interface l8") == ["ok"]
    assert node.stop() == 0
