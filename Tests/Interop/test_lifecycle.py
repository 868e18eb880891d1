"""Start and stop seen from the machine: sysctls, sockets, files, kernel routes."""

import os
import re
import signal
import time

import babel_packets as babel
from daemons import Control, Swabeld, settle
from netns import Process, wait_until
from speaker import Speaker

OWN = ["10.91.0.0/16", "fd91::/32"]
WANTED = {
    "ipv6/conf/all/forwarding": "1", "ipv4/conf/all/forwarding": "1",
    "ipv6/conf/all/accept_redirects": "0", "ipv4/conf/all/rp_filter": "0",
    "ipv4/conf/l0/rp_filter": "0",
}
BEFORE = {
    "ipv6/conf/all/forwarding": "0", "ipv4/conf/all/forwarding": "0",
    "ipv6/conf/all/accept_redirects": "1", "ipv4/conf/all/rp_filter": "1",
    "ipv4/conf/l0/rp_filter": "1",
}


def pair(lab):
    a, b = lab.namespace("a"), lab.namespace("b")
    lab.veth(a, b)
    a.own("10.91.0.1", "fd91::1")
    return a, b


def test_clean_shutdown(lab):
    """Everything the daemon made or changed is as it was."""
    a, b = pair(lab)
    for path, value in BEFORE.items():
        a.sysctl(path, value)
    pid_file = lab.directory / "pid"
    state_file = lab.directory / "state"
    node = Swabeld(a, ["l0"], own=OWN, statements=[
        f"pid-file {pid_file}", f"state-file {state_file}"])
    speaker = Speaker(b, "l0")
    speaker.adjacent(node)
    wait_until(lambda: {p: a.sysctl(p) for p in WANTED} == WANTED, 3, "sysctls are set")
    assert pid_file.read_text() == str(node.process.child.pid)
    prefixes = [f"fd99:0:0:{i:x}::/64" for i in range(1, 41)]
    speaker.send(babel.router_id(speaker.identifier), *map(babel.update, prefixes))
    speaker.send(babel.router_id(speaker.identifier), babel.next_hop4("10.77.1.2"),
                 babel.update("10.99.0.0/24"))
    wait_until(lambda: a.reaches() >= {*prefixes, "10.99.0.0/24"}, 5, "routes are learned")
    assert node.stop(signal.SIGTERM) == 0
    assert a.routes() == [], "no route of ours stays"
    assert {p: a.sysctl(p) for p in BEFORE} == BEFORE, "sysctls are restored"
    assert not pid_file.exists() and not os.path.exists(node.control_path)
    assert re.fullmatch(r"\d+\n", state_file.read_text()), "the seqno is kept"
    assert a.ip("-6", "maddr", "show", "dev", "l0").count("ff02::1:6") == 0


def test_each_signal_that_stops(lab):
    """SIGINT and SIGHUP stop as SIGTERM does."""
    a, _ = pair(lab)
    node = Swabeld(a, ["l0"], own=OWN)
    for number in (signal.SIGINT, signal.SIGHUP, signal.SIGTERM):
        if not node.process.alive:
            node.start()
        wait_until(lambda: node.dump("interface"), 5, "the daemon serves", every=0.02)
        assert node.stop(number) == 0, signal.Signals(number).name


def test_table_dump_on_signal(lab):
    """SIGUSR1 prints the tables and changes nothing."""
    a, b = pair(lab)
    node = Swabeld(a, ["l0"], own=OWN)
    speaker = Speaker(b, "l0")
    speaker.adjacent(node)
    speaker.send(babel.router_id(speaker.identifier), babel.update("fd99:1::/64"))
    wait_until(lambda: "fd99:1::/64" in a.reaches(), 5, "a route is learned")
    node.process.child.send_signal(signal.SIGUSR1)
    wait_until(lambda: "My id " in node.process.text(), 3, "the dump is printed")
    text = node.process.text()
    assert re.search(r"^Neighbour fe80::2 dev l0 reach [0-9a-f]{4} ureach [0-9a-f]{4} rxcost 96 "
                     r"txcost 96 rtt 0\.000 rttcost 0\.$", text, re.M)
    assert re.search(r"^fd91::1/128 from ::/0 metric 0 \(exported\)$", text, re.M)
    assert re.search(r"^fd99:1::/64 from ::/0 metric 96 \(\d+\) refmetric 0 id "
                     r"02:00:00:00:00:00:00:99 seqno 1 age \d+ via l0 neigh fe80::2 "
                     r"\(installed\)$", text, re.M)
    assert node.process.alive and "fd99:1::/64" in a.reaches()


def test_refuses_bad_configuration(lab):
    """Exit status 1, before anything is touched."""
    a, _ = pair(lab)
    a.sysctl("ipv6/conf/all/forwarding", "0")
    file = lab.directory / "bad.conf"
    file.write_text("interface l0\nredistribute nonsense\n")
    words = [Swabeld.binary(None), "-I", "", "-S", "", "-c", str(file), "l0"]
    process = Process(a, "swabeld", words)
    assert process.child.wait(5) == 1
    assert str(file) in process.text(), "the file is named"
    assert a.sysctl("ipv6/conf/all/forwarding") == "0"


def test_interface_comes_and_goes(lab):
    """A daemon started before its interface exists finds it, loses it and finds it again."""
    a, b = lab.namespace("a"), lab.namespace("b")
    a.own("10.91.0.1", "fd91::1")
    node = Swabeld(a, ["l0"], own=OWN)
    for _ in range(2):
        lab.networks = iter((1, 2, 3))
        lab.veth(a, b)
        speaker = Speaker(b, "l0")
        speaker.adjacent(node, 40)
        speaker.send(babel.router_id(speaker.identifier), babel.update("fd99:1::/64"))
        wait_until(lambda: "fd99:1::/64" in a.reaches(), 5, "a route is learned")
        speaker.close()
        a.ip("link", "del", "l0")
        wait_until(lambda: "fd99:1::/64" not in a.reaches(), 5, "the route goes with the link")
        wait_until(lambda: [r["up"] for r in node.dump("interface")] == ["false"], 5,
                   "the interface is down")


def test_carrier_and_address_loss(lab):
    """Down and up again; losing the IPv4 address; losing the link-local address."""
    a, b = pair(lab)
    b.own("10.92.0.1", "fd92::1")
    node = Swabeld(a, ["l0"], own=OWN)
    other = Swabeld(b, ["l0"], own=["10.92.0.0/16", "fd92::/32"])
    settle(node, other)
    wanted = {"10.92.0.1/32", "fd92::1/128"}
    wait_until(lambda: wanted <= a.reaches(), 10, "routes are learned")
    a.ip("link", "set", "l0", "down")
    wait_until(lambda: not wanted & a.reaches(), 3, "no route over a link that is down")
    a.ip("link", "set", "l0", "up")
    a.ip("addr", "replace", "fe80::1/64", "dev", "l0", "nodad")
    wait_until(lambda: wanted <= a.reaches(), 45, "routes are back")
    b.ip("addr", "flush", "dev", "l0", "scope", "global")
    b.ip("-4", "addr", "flush", "dev", "l0")
    wait_until(lambda: wanted <= a.reaches(), 20, "IPv4 goes on, with an IPv6 next hop")
    start = time.monotonic()
    wait_until(lambda: a.ping("10.92.0.1", "10.91.0.1"), 20, "IPv4 over IPv6 next hops")
    assert time.monotonic() - start < 20


def test_second_client_and_unknown_words(lab):
    """The local socket: banner, dump, monitor, refusals, several clients."""
    a, b = pair(lab)
    node = Swabeld(a, ["l0"], own=OWN)
    speaker = Speaker(b, "l0")
    speaker.adjacent(node)
    speaker.send(babel.router_id(speaker.identifier), babel.update("fd99:1::/64"))
    wait_until(lambda: "fd99:1::/64" in a.reaches(), 5, "a route is learned")
    with node.control() as one, node.control() as two:
        assert one.banner[0] == "BABEL 1.0" and one.banner[-1] == "ok"
        assert [line.split()[0] for line in one.banner[1:4]] == ["version", "host", "my-id"]
        assert re.fullmatch(r"my-id ([0-9a-f]{2}:){7}[0-9a-f]{2}", one.banner[3])
        assert two.banner == one.banner
        dump = one.ask("dump")
        shapes = {
            "interface": r"add interface l0 up true ipv6 fe80::1 ipv4 10\.77\.1\.1",
            "neighbour": r"add neighbour [0-9a-f]+ address fe80::2 if l0 reach [0-9a-f]{4} ureach "
                         r"[0-9a-f]{4} rxcost 96 txcost 96( rtt \d+\.\d{3} rttcost \d+)? cost 96",
            "xroute": r"add xroute (\S+)-(\S+) prefix \1 from \2 metric 0",
            "route": r"add route [0-9a-f]+ prefix fd99:1::/64 from ::/0 installed yes id "
                     r"02:00:00:00:00:00:00:99 metric 96 refmetric 0 via fe80::2 if l0",
        }
        assert dump[-1] == "ok"
        for line in dump[:-1]:
            assert re.fullmatch(shapes[line.split()[1]], line), line
        assert [line.split()[1] for line in dump[:-1]] == [
            "interface", "neighbour", "xroute", "xroute", "route"]
        assert one.ask("monitor")[-1] == "ok"
        assert two.ask("nonsense") == ["bad"]
        assert two.ask("") == ["ok"]
        assert two.ask("flush interface nosuch") == ["no No such interface"]
        node.announce("fd91:0:0:5::/64")
        expect(one, r"add xroute fd91:0:0:5::/64-::/0 prefix fd91:0:0:5::/64 from ::/0 metric 0")
        node.withdraw("fd91:0:0:5::/64")
        expect(one, r"flush xroute fd91:0:0:5::/64-::/0 .*")
        speaker.send(babel.router_id(speaker.identifier), babel.update("fd99:2::/64"))
        expect(one, r"(add|change) route [0-9a-f]+ prefix fd99:2::/64 from ::/0 installed yes .*")
        speaker.send(babel.update("fd99:2::/64", metric=babel.INFINITY))
        expect(one, r"change route [0-9a-f]+ prefix fd99:2::/64 .* metric 65535 .*")
        two.socket.sendall(b"quit\n")
        assert two.line() is None, "quit closes"


def expect(control: Control, pattern: str, seconds: float = 10) -> str:
    """Reads events until one matches."""
    deadline = time.monotonic() + seconds
    seen = []
    while time.monotonic() < deadline:
        control.socket.settimeout(max(0.1, deadline - time.monotonic()))
        try:
            line = control.line()
        except TimeoutError:
            break
        seen.append(line)
        if line is None:
            break
        if re.fullmatch(pattern, line):
            control.socket.settimeout(10)
            return line
    raise AssertionError(f"no event {pattern}; the last were {seen[-5:]}")


def test_read_only_socket(lab):
    """With -g nothing can be changed."""
    a, _ = pair(lab)
    node = Swabeld(a, ["l0"], own=OWN, local="-g")
    with node.control() as control:
        assert control.ask("flush interface l0") == ["bad"]
        assert control.ask("interface l1") == ["bad"]
        assert control.ask("dump")[-1] == "ok"


def test_stalled_reader(lab):
    """A client that asks and never reads does not hold up the daemon."""
    a, b = pair(lab)
    node = Swabeld(a, ["l0"], own=OWN)
    speaker = Speaker(b, "l0")
    speaker.adjacent(node)
    stalled = node.control()
    stalled.ask("monitor")
    stalled.socket.setblocking(False)
    for _ in range(2000):
        try:
            stalled.socket.send(b"dump\n" * 20)
        except (BlockingIOError, BrokenPipeError, ConnectionResetError):
            break
    start = time.monotonic()
    time.sleep(4)
    times = [when for when, _, _ in speaker.tlvs(babel.HELLO, since=start)]
    assert len(times) >= 3, "Hellos go on"
    assert all(after - before < 1.3 for before, after in zip(times, times[1:])), times
    assert node.dump("interface"), "other clients are served"
    stalled.close()
    assert node.stop() == 0
