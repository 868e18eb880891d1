"""Several peers on one WireGuard interface: routes, failover, allowed-ips in step, and nothing that
goes to a wrong peer while they change."""

import json
import signal
import time

from daemons import Babeld
from netns import measured, wait_until
from peer_mesh import PORT, QUICK, PeerMesh, Watch, derived, file_of
from test_schema import checker
from test_self_restart import restarted
from traffic import Stream

SHARED = ["10.99.0.1", "fd99::1"]
SHARED_PREFIXES = {"10.99.0.1/32", "fd99::1/128"}
# A thousand datagrams a second fill the queue of wireguard-go when the machine is busy.
RATE = 300
SHARING = ["10.99.0.0/16", "fd99::/32"]


def routed(mesh):
    """Whether each machine has routes to all others."""
    return all(
        other.prefixes() <= one.host.reaches()
        for one in mesh for other in mesh if one is not other)


def in_step(machine, mesh):
    """Whether each peer of a machine has the prefixes of the routes that lead to it, its own
    link-local address, and nothing else."""
    wanted = {other.key: {f"{other.address}/128"} for other in mesh
              if other.key in machine.allowed()}
    keys = {other.address: other.key for other in mesh}
    for prefix, gateway in machine.via().items():
        wanted[keys[gateway]].add(prefix)
    return machine.allowed() == wanted


def all_in_step(mesh):
    return all(in_step(machine, mesh) for machine in mesh)


def settled(mesh, seconds=40):
    wait_until(lambda: routed(mesh) and all_in_step(mesh), seconds, mesh.state)


def five(lab):
    mesh = PeerMesh(lab, "abcde")
    for machine in mesh:
        machine.begin()
    settled(mesh)
    return mesh


def reach(mesh):
    return all(one.host.ping(target, source) for one in mesh for other in mesh if one is not other
               for target, source in zip(other.inside, one.inside))


def test_five_peers(lab):
    """Routes between all, over one interface each; when two cannot reach one another any more, both
    take the same way round; allowed-ips are in step all the time that matters."""
    mesh = five(lab)
    assert reach(mesh), mesh.state()
    a, b = mesh["a"], mesh["b"]

    def told():
        return [json.loads(line) for line in a.node.ask("show wireguard --json")[:-1]]

    # wireguard-go is asked every five seconds.
    wait_until(lambda: all(row["received"] > 0 and row["sent"] > 0 for row in told()), 10, told)
    rows = told()
    for row in rows:
        checker("wireguard").validate(row)
        assert row["endpoint"].endswith(f":{PORT}")
    assert {row["address"] for row in rows} == {m.address for m in mesh if m is not a}
    assert sum(row["given"] for row in rows) == 4 * 3
    text = "\n".join(a.node.ask("metrics"))
    key = f'{{interface="{a.device}",public_key="{b.key}"}}'
    assert f"swabeld_wireguard_peer_allowed_ips{key} 3" in text, text
    assert f"swabeld_wireguard_peer_handshake_timestamp_seconds{key} 1" in text, text
    for _ in range(2):
        mesh.cut("a", "b")
        began = time.monotonic()
        target, source = b.inside[1], a.inside[1]
        wait_until(lambda: a.host.ping(target, source), 12, mesh.state, every=0)
        measured(f"wireguard-peers: the way round after {time.monotonic() - began:.1f} s")
        wait_until(lambda: all_in_step(mesh), 10, mesh.state)
        there, back = a.via()[f"{b.inside[1]}/128"], b.via()[f"{a.inside[1]}/128"]
        assert there == back, mesh.state()
        assert all(a.host.ping(x, y) for x, y in zip(b.inside, a.inside)), mesh.state()
        mesh.mend()
        wait_until(lambda: a.via()[f"{b.inside[1]}/128"] == b.address
                   and b.via()[f"{a.inside[1]}/128"] == a.address, 30, mesh.state)
    settled(mesh)
    for machine in mesh:
        machine.node.stop()
    for machine in mesh:
        assert not any(machine.allowed().values()), "what was given is taken back"
        addresses = machine.host.ip("-6", "addr", "show", "dev", machine.device)
        assert machine.address not in addresses


def test_no_leak(lab):
    """The routes of two addresses move between two peers, under a stream and with a default route
    to a third: each packet comes out at one of the two and at nobody else."""
    # Nobody but a has several ways, so nobody else is ever on the way to the addresses.
    mesh = PeerMesh(lab, "abcde", ["ab", "ac", "ad", "ae"])
    a, b, c, d, e = mesh
    for machine in (b, c):
        machine.host.own(*SHARED)
    for family in ("-4", "-6"):
        d.host.ip(family, "route", "add", "default", "dev", "lo", "proto", "static")
    everything = ["redistribute ip 0.0.0.0/0 eq 0 allow", "redistribute ip ::/0 eq 0 allow"]
    for machine in mesh:
        machine.begin("smoothing-half-life 0", *(everything if machine is d else []))
    wait_until(lambda: routed(mesh) and {"0.0.0.0/0", "::/0"} <= a.host.reaches(), 40, mesh.state)

    def leads_to(machine):
        return all(a.via().get(prefix) == machine.address for prefix in SHARED_PREFIXES)

    def prefer(wanted):
        """Lets b announce the addresses with another metric. The costs of links stay, or answers
        would take other ways, too."""
        metric = 1 if wanted is b else 400
        b.node.change(*(f"redistribute local ip {prefix} metric {metric}" for prefix in SHARING))
        wait_until(lambda: leads_to(wanted), 30, mesh.state)

    c.node.change(*(f"redistribute local ip {prefix} metric 200" for prefix in SHARING))
    prefer(b)
    watches = {machine.key: Watch(machine) for machine in (b, c, d, e)}
    stream = Stream(a.host, {"b": b.host, "c": c.host}, SHARED, rate=RATE)
    for turn in range(12):
        prefer(c if turn % 2 == 0 else b)
    wait_until(lambda: in_step(a, mesh), 10, mesh.state)
    outcome = stream.finish()
    # Both withdraw the addresses: there is another stream, which has only the default route left.
    stream = Stream(a.host, {"b": b.host}, SHARED, rate=500)
    seen = {key: dict(watch.seen) for key, watch in watches.items()}
    for machine in (d, e):
        assert not set(SHARED) & set(seen[machine.key]), (seen, mesh.state())
    for machine in (b, c):
        assert min(seen[machine.key].get(address, 0) for address in SHARED) > 20, seen
    twice = [where for where in outcome.arrivals.values() if len(where) > 1]
    assert not twice and not outcome.lost, (len(twice), len(outcome.lost), outcome.count)
    for machine in (b, c):
        for address in SHARED:
            length = 128 if ":" in address else 32
            machine.host.ip("addr", "del", f"{address}/{length}", "dev", "lo")
    wait_until(lambda: not SHARED_PREFIXES & a.host.reaches(), 20, mesh.state)
    wait_until(lambda: in_step(a, mesh), 20, mesh.state)
    stream.finish()
    seen = {key: watch.end() for key, watch in watches.items()}
    assert not set(SHARED) & set(seen[e.key]), seen


def test_restart_and_crash(lab):
    """A restart loses nothing, and a crash leaves nothing wrong; what an operator allowed to a peer
    is his before, during and after."""
    mesh = PeerMesh(lab, "abc", ["ab", "bc"])
    a, b, c = mesh
    b.peer(a, "allowed-ips", "10.50.0.0/16")
    for machine in mesh:
        machine.begin()

    def ours(entries):
        return {key: values - {"10.50.0.0/16"} for key, values in entries.items()}

    wait_until(lambda: routed(mesh), 40, mesh.state)
    wait_until(lambda: reach(mesh), 10, mesh.state)
    streams = [Stream(a.host, {"c": c.host}, c.inside, rate=RATE),
               Stream(c.host, {"a": a.host}, a.inside, rate=RATE)]
    for machine in (b, a, c):
        restarted(machine.node)
        wait_until(machine.node.neighbours, 10, "it has neighbours")
        time.sleep(1)
    for stream in streams:
        outcome = stream.finish()
        assert not outcome.lost, (outcome.lost[:3], len(outcome.lost), outcome.count)
    # A process that is killed leaves what it gave.
    before = b.allowed()
    b.node.kill()
    assert b.allowed() == before
    b.node.start()
    wait_until(lambda: len(b.node.neighbours()) == 2, 20, mesh.state)
    wait_until(lambda: reach(mesh) and b.allowed() == before, 20, mesh.state)
    b.node.kill()
    c.node.stop()
    b.node.start()
    wait_until(lambda: ours(b.allowed())[c.key] == {f"{c.address}/128"}, 60, mesh.state)
    assert "10.50.0.0/16" in b.allowed()[a.key]
    assert "10.50.0.0/16" in file_of(b).read_text()
    b.node.stop()
    assert b.allowed() == {a.key: {"10.50.0.0/16"}, c.key: set()}


def test_operators(lab):
    """Peers that come, go and change their key while the daemon runs; prefixes of the operator, and
    the statement switched off and on."""
    mesh = PeerMesh(lab, "abc", ["ab"])
    a, b, c = mesh
    for machine in mesh:
        machine.begin()
    wait_until(lambda: b.prefixes() <= a.host.reaches(), 30, mesh.state)
    mesh.join("a", "c")
    wait_until(lambda: routed(mesh) and reach(mesh), 40, mesh.state)
    # The operator gives the prefix of b's address to c: the route can not be there any more.
    taken = f"10.9{b.number}.0.1/32"
    a.peer(c, "allowed-ips", f"{taken},{','.join(sorted(a.allowed()[c.key]))}")
    wait_until(lambda: taken not in a.host.reaches(), 20, mesh.state)
    assert taken in a.allowed()[c.key] and f"fd9{b.number}::1/128" in a.host.reaches()
    a.peer(c, "allowed-ips", f"{c.address}/128")
    wait_until(lambda: routed(mesh) and all_in_step(mesh), 40, mesh.state)
    # A peer that is gone is no neighbour, and no route leads to it.
    a.host.execute("wg", "set", a.device, "peer", c.key, "remove")
    wait_until(lambda: not c.prefixes() & a.host.reaches(), 20, mesh.state)
    # With another key it is another peer.
    secret = lab.directory / "other.key"
    secret.write_text(a.host.execute("wg", "genkey"))
    c.host.execute("wg", "set", c.device, "private-key", str(secret))
    former, c.key = c.address, c.host.execute("wg", "show", c.device, "public-key").strip()
    c.address = derived(c.key)
    a.peer(c)
    wait_until(lambda: routed(mesh) and reach(mesh), 40, mesh.state)
    assert former not in c.host.ip("-6", "addr", "show", "dev", c.device)
    # Off: nothing of ours is left, and nobody is a neighbour. On again.
    a.node.write("")
    assert a.node.ask("reload")[-1] == "ok"
    assert not any(a.allowed().values()) and not a.host.reaches(), mesh.state()
    a.node.write("wireguard-peers true")
    assert a.node.ask("reload")[-1] == "ok"
    wait_until(lambda: routed(mesh) and reach(mesh), 40, mesh.state)


def test_two_interfaces(lab):
    """A machine with two such interfaces: a prefix is with a peer of the one that its route leads
    to, and with nobody on the other."""
    mesh = PeerMesh(lab, "abc")
    seconds = mesh.further("ab")
    statements = [[f"interface {machine.device} {QUICK} wireguard-peers true rxcost 30"]
                  for machine in seconds] + [[]]
    for machine, statement in zip(mesh, statements):
        machine.begin(*statement)
    (a, b, c), (a2, b2) = mesh, seconds

    def is_with(one, peer, other, absent):
        """Whether the prefixes of b are with a peer of one interface of a, and not on the other."""
        return (one.allowed()[peer.key] == {f"{peer.address}/128", *b.prefixes()}
                and other.allowed()[absent.key] == {f"{absent.address}/128"}
                and all(a.via().get(prefix) == peer.address for prefix in b.prefixes()))

    for _ in range(2):
        wait_until(lambda: is_with(a2, b2, a, b), 40, mesh.state)
        wait_until(lambda: c.prefixes() <= a.allowed()[c.key], 20, mesh.state)
        a.host.ip("link", "set", a2.device, "down")
        wait_until(lambda: is_with(a, b, a2, b2), 40, mesh.state)
        wait_until(lambda: all(a.host.ping(x, y) for x, y in zip(b.inside, a.inside)), 10,
                   mesh.state)
        a.host.ip("link", "set", a2.device, "up")


def test_hub(lab):
    """A hub with five spokes and a full mesh of three, of which one is the hub: each machine has
    one interface."""
    mesh = PeerMesh(lab, "habcdexy", ["ha", "hb", "hc", "hd", "he", "hx", "hy", "xy"])
    for machine in mesh:
        machine.begin()
    settled(mesh, 60)
    wait_until(lambda: reach(mesh), 10, mesh.state)


def test_babeld(lab):
    """babeld at the other end, on an interface with one peer, has the address that follows from its
    key, and takes part."""
    mesh = PeerMesh(lab, "abc", ["ab", "ac"])
    a, b, c = mesh
    b.peer(a, "allowed-ips", "::/0,0.0.0.0/0")
    b.host.ip("addr", "add", f"{b.address}/64", "dev", b.device, "nodad")
    a.begin()
    c.begin()
    Babeld(b.host, [b.device], own=["10.92.0.0/16", "fd92::/32"],
           parameters=f"type wired {QUICK}")
    # babeld has no IPv4 next hop there, and takes an IPv6 one where its kernel can.
    wait_until(lambda: {f"fd9{b.number}::1/128"} <= c.host.reaches()
               and {f"fd9{c.number}::1/128"} <= b.host.reaches(), 60, mesh.state)
    wait_until(lambda: c.host.ping(b.inside[1], c.inside[1]), 10, mesh.state)


def test_end_by_signal(lab):
    """SIGQUIT leaves everything for a next process."""
    mesh = PeerMesh(lab, "ab")
    a, b = mesh
    for machine in mesh:
        machine.begin()
    wait_until(lambda: routed(mesh), 30, mesh.state)
    before = a.allowed()
    a.node.stop(signal.SIGQUIT)
    assert a.allowed() == before
    a.node.start()
    wait_until(lambda: reach(mesh), 10, mesh.state)
    assert a.allowed() == before
