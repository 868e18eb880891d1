"""The daemon is killed and comes back: what its kernel and its neighbours make of it."""

import re
import time

import babel_packets as babel
import pytest
from daemons import Babeld, Bird, Swabeld, settle
from netns import Process, wait_until
from speaker import Speaker
from test_scale import burst
from traffic import Stream

OWN = ["10.91.0.1", "fd91::1"]
FAR = ["10.92.0.1", "fd92::1"]  # at the neighbour that lives on
LOST = {"10.93.0.1/32", "fd93::1/128"}  # at the neighbour that dies meanwhile
# Routes that are not ours: one by an interface we do not run on, one in a table that is not ours.
OTHERS = [
    "route add 10.94.0.0/16 via 10.77.3.2 dev l2 proto 42",
    "route add fd94::/32 via fe80::2 dev l2 proto 42",
    "route add unreachable 10.95.0.0/16 table 99 proto 42",
    "route add fd95::/32 via fe80::2 dev l0 table 99 proto 42"]
# Routes that look like ours, though no neighbour announces them.
STALE = [
    "route add unreachable 10.96.0.0/16 proto 42 metric 4294967295",
    "route add unreachable fd96::/32 proto 42 metric 4294967295",
    "route add fd97::/32 via fe80::77 dev l0 proto 42",
    "route add 10.97.0.0/16 via 10.77.1.77 dev l0 onlink proto 42"]
STALE_PREFIXES = {"10.96.0.0/16", "fd96::/32", "fd97::/32", "10.97.0.0/16"}


def hosts(addresses):
    return {f"{a}/{128 if ':' in a else 32}" for a in addresses}


def neighbour_with_far_hosts(program, namespace, first=()):
    """A daemon of one kind that announces the addresses of FAR."""
    if program == "bird":
        bird = Bird(namespace, ["l0"])
        for prefix in hosts(FAR):
            bird.announce(prefix)
        return bird
    return {"babeld": Babeld, "swabeld": Swabeld}[program](
        namespace, ["l0"], own=["10.92.0.0/16", "fd92::/32"], first=list(first))


def scene(lab, program):
    """A node with a source `s` that is routed statically, a neighbour `a` that lives on, one `b`
    that will not, and a machine `x` on a link that Babel does not run on."""
    s, n, a, b, x = (lab.namespace(name) for name in "snabx")
    lab.veth(n, a, ("l0", "l0"))  # 10.77.1.0/24
    lab.veth(n, b, ("l1", "l0"))
    lab.veth(n, x, ("l2", "l0"))
    lab.veth(n, s, ("l3", "l0"))  # 10.77.4.0/24
    for host in (n, a, b):
        host.forward()
    s.batch(["route add 0.0.0.0/0 via 10.77.4.1", "route add ::/0 via fe80::1 dev l0"])
    s.ip("-6", "addr", "add", "fd98::1/128", "dev", "lo", "nodad")
    n.own(*OWN)
    a.own(*FAR)
    b.own(*(prefix.partition("/")[0] for prefix in LOST))
    n.batch(OTHERS)
    neighbour = neighbour_with_far_hosts(program, a)
    other = Swabeld(b, ["l0"], own=["10.93.0.0/16", "fd93::/32"])
    return s, n, a, neighbour, other


def others(n):
    """What the node's kernel has that is none of ours."""
    table = n.ip("route", "show", "table", "99") + n.ip("-6", "route", "show", "table", "99")
    return sorted(r["dst"] for r in n.routes() if r.get("dev") == "l2") + table.splitlines()


@pytest.mark.parametrize("memory", ["kept", "deleted", "corrupt", "none"])
@pytest.mark.parametrize("program", ["swabeld", "babeld", "bird"])
def test_killed(lab, program, memory):
    """SIGKILL, some seconds without a daemon, a new one with the same router-id: what passes
    through is not disturbed; neighbours take our routes within five seconds, whatever became of
    our file; what is stale goes within a minute, what is of others stays."""
    s, n, a, neighbour, other = scene(lab, program)
    state = lab.directory / "state"
    own_state = lab.directory / "state.swabeld"
    statements = ["router-id 02:00:00:00:00:00:00:5a"]
    if memory != "none":
        statements.append(f"state-file {state}")
        state.write_text("30000\n")
    node = Swabeld(
        n, ["l0", "l1"], own=["10.91.0.0/16", "fd91::/32"], statements=statements)
    proto = neighbour.proto
    wait_until(lambda: hosts(FAR) | LOST <= n.reaches(), 20, "routes are learned")
    wait_until(lambda: hosts(OWN) <= a.reaches(proto), 20, "ours are learned")
    before = others(n)
    assert len(before) == 4, before
    if memory != "none":
        assert re.fullmatch(
            r"swabeld-state 1\nrunning\nrouter-id 02:00:00:00:00:00:00:5a\nseqno 300\d\d\n"
            r"boot [-0-9a-f]{36} \d+\ntable 254\nhello l0 0\nhello l1 0\nend\n",
            own_state.read_text())
        assert not state.exists(), "consumed by the start"
    for place, address in ((a, "10.77.1.2"), (a, "fe80::2%l0")):
        assert n.ping(address)
    through = Stream(s, {"a": a}, FAR, 200)
    towards = Stream(a, {"n": n}, OWN, 200)
    time.sleep(1)
    node.kill()
    other.kill()
    n.batch(STALE)
    if memory == "deleted":
        own_state.unlink()
    elif memory == "corrupt":
        own_state.write_text("swabeld-state 1\nrunning\nseqno 1e9\nend\n")
    time.sleep(0.5)  # not so long that a neighbour misses two Hellos
    start = time.monotonic_ns()
    node.start()
    wait_until(lambda: not (LOST | STALE_PREFIXES) & {r["dst"] for r in n.routes()}, 60,
               lambda: f"what is stale goes: {n.routes()}")
    swept = (time.monotonic_ns() - start) / 1e9
    time.sleep(max(0.0, 12 - swept))
    assert hosts(FAR) <= n.reaches() and hosts(OWN) <= a.reaches(proto)
    assert others(n) == before, "what is of others stays"
    text = node.process.text()
    assert "An earlier process left 8 routes in the kernel: 8 stay in use" in text
    assert ("state.swabeld is ignored: line 3 is malformed." in text) == (memory == "corrupt")
    outcome = through.finish()
    assert not outcome.lost, f"{len(outcome.lost)} of {outcome.count} lost"
    outcome = towards.finish()
    gap = [(sent - start) / 1e9 for _, _, sent in outcome.lost]
    print(f"swept after {swept:.1f} s, "
          f"{len(gap)} lost {min(gap, default=0):.2f} to {max(gap, default=0):.2f} s")
    assert all(-0.1 < at < 5 for at in gap), f"lost {min(gap):.2f} to {max(gap):.2f} s after"
    if memory not in ("none",):
        assert own_state.read_text().split("\n")[1] == "running"
        if memory == "kept":
            seqno = int(re.search(r"^seqno (\d+)$", own_state.read_text(), re.M).group(1))
            assert 30064 < seqno < 30300
    assert node.stop() == 0
    assert others(n) == before


def test_orderly_stop_is_no_crash(lab):
    """What is saved at an orderly stop is taken up by the next start, which waits for nobody; a
    start that fails leaves it alone."""
    n, a = lab.namespace("n"), lab.namespace("a")
    lab.veth(n, a)
    n.own(*OWN)
    state, own_state = lab.directory / "state", lab.directory / "state.swabeld"
    node = Swabeld(
        n, ["l0"], own=["10.91.0.0/16", "fd91::/32"],
        parameters="type wired split-horizon false hello-interval 1 update-interval 4",
        statements=["router-id 02:00:00:00:00:00:00:5a", f"state-file {state}"])
    speaker = Speaker(a, "l0")
    speaker.adjacent(node)

    def announce(seqno):
        speaker.send(babel.router_id(speaker.identifier), babel.update("fd99:1::/64", 10, seqno))

    announce(7)
    wait_until(lambda: "fd99:1::/64" in n.reaches(), 5, "a route is learned")
    time.sleep(1)  # and announced
    assert node.stop() == 0
    saved = own_state.read_text()
    seqno = int(state.read_text())
    hello = max(int.from_bytes(body[2:4]) for _, _, body in speaker.tlvs(babel.HELLO))
    assert re.fullmatch(
        rf"swabeld-state 1\nstopped\nrouter-id 02:00:00:00:00:00:00:5a\nseqno {seqno}\n"
        rf"boot \S+ \d+\nhello l0 {hello + 1}\n"
        r"(source (10\.91|fd91)\S+ \S+ 02:00:00:00:00:00:00:5a \d+ 0 \d+\n)+"
        r"source fd99:1::/64 ::/0 02:00:00:00:00:00:00:99 7 106 \d+\nend\n", saved), saved
    # Another daemon has the port.
    blocker = Speaker(n, "l0", "fe80::1", speaks=False)
    process = Process(n, "swabeld", node.words)
    assert process.child.wait(5) == 1 and "is in use" in process.text()
    assert own_state.read_text() == saved and int(state.read_text()) == seqno
    blocker.close()
    began = time.monotonic()
    node.start()
    speaker.adjacent(node)
    # The saved source table counts: an older seqno than the one we announced is not feasible.
    announce(6)
    time.sleep(0.5)
    assert "fd99:1::/64" not in n.reaches()
    announce(7)
    wait_until(lambda: "fd99:1::/64" in n.reaches(), 0.5, "what is feasible is", every=0.02)
    print(f"learned {time.monotonic() - began:.2f} s after the start")
    wait_until(lambda: "fd91::1/128" in speaker.routes(), 3, "announced at once")
    assert not speaker.tlvs(babel.ACK_REQUEST), "nobody is asked to acknowledge anything"
    assert speaker.tlvs(babel.HELLO, since=began)[0][2][2:4] == (hello + 1).to_bytes(2)
    assert "earlier process" not in node.process.text()
    assert node.stop() == 0


def test_beside_another_daemon(lab):
    """babeld runs on another interface and port of the same machine: a crash and a start of ours
    touch none of its routes, nor unreachable ones, which do not tell whose they are."""
    n, a, x = lab.namespace("n"), lab.namespace("a"), lab.namespace("x")
    lab.veth(n, a, ("l0", "l0"))
    lab.veth(n, x, ("l2", "l0"))
    a.own(*FAR)
    x.own(*(prefix.partition("/")[0] for prefix in LOST))
    port = ["protocol-port 6697"]
    theirs = [Babeld(n, ["l2"], statements=port),
              Babeld(x, ["l0"], own=["10.93.0.0/16", "fd93::/32"], statements=port)]
    neighbour = Swabeld(a, ["l0"], own=["10.92.0.0/16", "fd92::/32"])
    node = Swabeld(n, ["l0"])
    settle(*theirs)
    n.batch(STALE)
    wait_until(lambda: hosts(FAR) | LOST <= n.reaches(), 20, "both have learned")
    for _ in range(2):
        node.kill()
        node.start()
        wait_until(lambda: not {"fd97::/32", "10.97.0.0/16"} & n.reaches(), 30, "ours are swept")
        time.sleep(1)
        left = {r["dst"] for r in n.routes()}
        assert left >= hosts(FAR) | LOST | {"10.96.0.0/16", "fd96::/32"}, left
    neighbour.stop()
    assert node.stop() == 0
    assert {r["dst"] for r in n.routes()} >= LOST | {"10.96.0.0/16", "fd96::/32"}


def test_interface_added_after_a_crash(lab):
    """Routes through an interface that the new daemon is told of later are left alone until
    then, and then taken over like all others."""
    s, n, a = (lab.namespace(name) for name in "sna")
    lab.veth(n, a, ("l0", "l0"))
    lab.veth(n, a, ("l1", "l1"))
    lab.veth(n, s, ("l3", "l0"))
    for host in (n, a):
        host.forward()
    s.batch(["route add 0.0.0.0/0 via 10.77.3.1", "route add ::/0 via fe80::1 dev l0"])
    s.ip("-6", "addr", "add", "fd98::1/128", "dev", "lo", "nodad")
    a.own(*FAR)
    neighbour = Swabeld(a, ["l0", "l1"], own=["10.92.0.0/16", "fd92::/32"])
    node = Swabeld(n, ["l1"])
    settle(node)
    wait_until(lambda: hosts(FAR) <= n.reaches(), 10, "routes are learned")
    for place in ("10.77.2.2", "fe80::2%l1"):
        assert n.ping(place)
    stream = Stream(s, {"a": a}, FAR, 200)
    stale = "fd97::/32 via fe80::77 dev l1 proto 42"
    node.kill()
    n.batch([f"route add {stale}"])
    node.words[-1] = "placeholder"
    node.start()
    time.sleep(2)
    assert n.reaches() == hosts(FAR) | {"fd97::/32"}
    with node.control() as control:
        assert control.ask("interface l1 type wired hello-interval 1")[-1] == "ok"
    wait_until(lambda: n.reaches() == hosts(FAR), 30, "what is stale is swept, and nothing else")
    time.sleep(3)
    assert n.reaches() == hosts(FAR)
    outcome = stream.finish()
    assert not outcome.lost, f"{len(outcome.lost)} of {outcome.count} lost"
    # From here on it is an ordinary interface.
    neighbour.stop()
    wait_until(lambda: not n.reaches(), 10, "routes go with their neighbour")


@pytest.mark.alone
def test_many_routes_left(lab):
    """20,000 routes are taken over before the first Hello, which is hardly later for it; each
    stays as it is until the neighbour tells it again, and after."""
    n, a = lab.namespace("n"), lab.namespace("a")
    lab.veth(n, a)
    count = 20_000
    node = Swabeld(n, ["l0"], parameters="type wired hello-interval 4 update-interval 60")
    speaker = Speaker(a, "l0")
    speaker.adjacent(node)
    for data in burst(speaker, count):
        speaker.send(raw=data)
        time.sleep(0.001)
    wait_until(lambda: n.count(6) == count, 20, "all are learned")
    node.kill()
    changes = Process(n, "monitor", ["ip", "-6", "monitor", "route"])
    time.sleep(0.5)
    began = time.monotonic()
    node.start()
    speaker.adjacent(node)
    first = speaker.tlvs(babel.HELLO, since=began)[0][0] - began
    for data in burst(speaker, count):
        speaker.send(raw=data)
        time.sleep(0.001)
    # This takes four Hello intervals, and the time that neighbours may need to answer.
    time.sleep(18 - (time.monotonic() - began))
    print(f"the first Hello {first:.2f} s after the start")
    assert first < 2
    assert n.count(6) == count
    assert "fd99" not in changes.text(), changes.text()[:500]
    assert node.stop() == 0
    assert n.count(6) == 0
