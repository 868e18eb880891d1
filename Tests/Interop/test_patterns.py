"""`interface wg-*` and `link-local auto`: interfaces that nobody names or prepares."""

import json
import signal
import time

import babel_packets as babel
from daemons import Swabeld
from netns import never, wait_until
from speaker import Speaker

OWN = ["10.91.0.0/16", "fd91::/32"]


def rows(node):
    """Interfaces by name."""
    return {row["key"]: row for row in node.dump("interface")}


def link_locals(namespace, device):
    """The link-local addresses of a device."""
    found = json.loads(namespace.ip("-6", "-j", "addr", "show", "dev", device))
    return [entry["local"] for row in found for entry in row["addr_info"]
            if entry.get("local", "").startswith("fe80:")]


def costs(node, name):
    """What neighbours cost on an interface."""
    return {row["rxcost"] for row in node.dump("neighbour") if row["if"] == name}


def test_pattern(lab):
    """Started with nothing there; links that match come, go, change their names."""
    a, b = lab.namespace("a"), lab.namespace("b")
    a.own("10.91.0.1", "fd91::1")
    node = Swabeld(a, ["*-late"], own=OWN, statements=[
        "interface wg-* rxcost 200", "interface wg-b rxcost 300", "interface wg-*a rxcost 210"])
    assert list(rows(node)) == ["wg-b"], "what is named is there at once, lo never"
    with node.control() as control:
        events = control.ask("monitor")
        lab.veth(a, b, ("wg-a", "l0"))
        lab.veth(a, b, ("other", "l1"))
        wait_until(lambda: rows(node).get("wg-a", {}).get("up") == "true", 3, "it is found")
        assert "other" not in rows(node)
        speaker = Speaker(b, "l0")
        speaker.adjacent(node)
        assert costs(node, "wg-a") == {"210"}, "the later pattern counts"
        lab.veth(a, b, ("wg-b", "l2"))
        wait_until(lambda: rows(node)["wg-b"]["up"] == "true", 3, "the named one comes up")
        Speaker(b, "l2", identifier=b"\2\0\0\0\0\0\0\x98")
        wait_until(lambda: costs(node, "wg-b") == {"300"}, 5, "its own statement counts")
        a.batch(["link set wg-a down", "link set wg-a name x-late", "link set x-late up",
                 "link set other name wg-c"])
        wait_until(lambda: set(rows(node)) == {"wg-b", "wg-c", "x-late"}, 3, "names are followed")
        a.ip("link", "del", "wg-c")
        a.ip("link", "del", "wg-b")
        wait_until(lambda: set(rows(node)) == {"wg-b", "x-late"}, 3, "one is gone, one is named")
        assert rows(node)["wg-b"]["up"] == "false"
        while "flush interface wg-c" not in " ".join(events):
            events.append(control.line())
        text = "\n".join(events)
        assert text.index("add interface wg-a up") < text.index("flush interface wg-a")
        assert "add interface other" not in text
    assert node.stop() == 0 and not a.routes()


def test_pattern_at_run_time(lab):
    """Patterns come and go over the control socket; what was flushed stays away until its link
    is another one."""
    a, b = lab.namespace("a"), lab.namespace("b")
    node = Swabeld(a, ["wg-*"], own=OWN)
    for name in ("wg-a", "wg-b", "tun-a"):
        lab.veth(a, b, (name, name))
    wait_until(lambda: set(rows(node)) == {"wg-a", "wg-b"}, 3, "both are found")
    with node.control() as control:
        assert control.ask("interface tun-* type tunnel rxcost 77") == ["ok"]
        assert set(rows(node)) == {"wg-a", "wg-b", "tun-a"}
        assert control.ask("flush interface wg-a") == ["ok"]
        assert control.ask("flush interface wg-a") == ["no No such interface"]
        a.ip("link", "set", "wg-a", "mtu", "1400")
        never(lambda: "wg-a" in rows(node), 0.5, "it comes back by itself")
        assert control.ask("interface wg-a") == ["ok"] and "wg-a" in rows(node)
        assert control.ask("flush interface wg-a") == ["ok"]
        a.ip("link", "del", "wg-a")
        lab.veth(a, b, ("wg-a", "wg-a"))
        wait_until(lambda: "wg-a" in rows(node), 3, "a new link of that name is found")
        assert control.ask("flush interface wg-*") == ["ok"]
        assert list(rows(node)) == ["tun-a"]
        assert control.ask("flush interface wg-*") == ["no No such interface"]
        assert control.ask("interface tun-* rxcost 78") == ["ok"]
        Speaker(b, "tun-a").adjacent(node)
        assert costs(node, "tun-a") == {"78"}
        assert control.ask('interface "tun-*"') == ["ok"], "in quotation marks a name"
        assert rows(node)["tun-*"]["up"] == "false"
    assert node.stop() == 0


def test_earlier_life(lab):
    """Interfaces of a pattern go on as named ones do: after a kill -9 the routes through them stay
    in use, after a stop their Hellos go on counting."""
    a, b = lab.namespace("a"), lab.namespace("b")
    lab.veth(a, b, ("wg-a", "l0"))
    node = Swabeld(a, ["wg-*"], statements=[f"state-file {lab.directory}/state"])
    speaker = Speaker(b, "l0")
    speaker.adjacent(node)
    speaker.send(babel.router_id(speaker.identifier), babel.update("fd99:1::/64"))
    wait_until(lambda: "fd99:1::/64" in a.reaches(), 5, "a route is learned")
    node.kill()
    node.start()
    never(lambda: "fd99:1::/64" not in a.reaches(), 1, "the route is taken away")
    assert "1 routes in the kernel: 1 stay in use" in node.process.text()
    assert node.stop() == 0

    def seqnos():
        return [int.from_bytes(body[2:4]) for _, _, body in speaker.tlvs(babel.HELLO)]

    time.sleep(0.2)
    before = seqnos()
    node.start()
    wait_until(lambda: len(seqnos()) > len(before), 8, "more Hellos")
    assert 0 < (seqnos()[len(before)] - before[-1]) & 0xFFFF <= 4
    assert node.stop() == 0


def test_link_local(lab):
    """A tunnel without link-local address gets one if that is asked for, the same each time; it
    is taken back at the end, and given up where somebody else has it."""
    a, b = lab.namespace("a"), lab.namespace("b")
    lab.veth(a, b, link_local=False)
    lab.veth(a, b, ("l1", "l1"))
    a.own("fd91::1")
    b.own("fd92::1")
    own = ["fd91::/32", "fd92::/32"]
    first = ["router-id 02:00:00:00:00:00:00:0a", f"state-file {lab.directory / 'state'}"]
    statements = ["default link-local auto", "interface l1 link-local manual"]
    node = Swabeld(a, ["l0", "l1"], own=own, first=first, statements=statements)
    other = Swabeld(b, ["l0"], own=own, statements=statements)
    wait_until(lambda: {"l0", "l1"} <= {row["if"] for row in node.neighbours()}, 15,
               "they find each other on both links")
    assert "fd92::1/128" in a.reaches() and "fd91::1/128" in b.reaches()
    (mine,) = link_locals(a, "l0")
    assert link_locals(a, "l1") == ["fe80::1"]
    a.batch(["link set l0 down", "link set l0 up"])
    wait_until(lambda: link_locals(a, "l0") == [mine], 5, "the same after down and up")
    for number in (signal.SIGQUIT, signal.SIGKILL):
        node.stop(number)
        assert link_locals(a, "l0") == [mine], "the address stays for the next process"
        node.start()
        assert link_locals(a, "l0") == [mine]
    for number in (signal.SIGQUIT, signal.SIGKILL):
        wait_until(lambda: "made l0 " in (lab.directory / "state.swabeld").read_text(), 5,
                   "the next process is told of the address")
        node.stop(number)
        words = node.words
        node.words = [word.replace("auto", "manual") for word in words]
        node.start()
        assert link_locals(a, "l0") == [], "nobody wants it any more"
        node.stop()
        node.words = words
        node.start()
        wait_until(lambda: link_locals(a, "l0") == [mine], 5, "the address is made again")
    assert node.stop() == 0 and other.stop() == 0
    assert link_locals(a, "l0") == link_locals(b, "l0") == []
    assert link_locals(a, "l1") == ["fe80::1"]
    b.ip("addr", "add", f"{mine}/64", "dev", "l0", "nodad")
    node.start()
    wait_until(lambda: any(address != mine for address in link_locals(a, "l0")), 10,
               "another address is tried")
    wait_until(lambda: rows(node)["l0"].get("ipv6") not in (None, mine), 5, "and is used")
    assert "somebody else has" in node.process.text()
    with node.control() as control:
        assert control.ask("flush interface l0") == ["ok"]
    assert link_locals(a, "l0") == []
    assert node.stop() == 0


def test_each_made_address_is_noted(lab):
    """Also that of a link which comes soon after another one: a crash may follow."""
    a, b = lab.namespace("a"), lab.namespace("b")
    lab.veth(a, b, link_local=False)
    Swabeld(a, ["l0", "l1"], statements=["default link-local auto"], first=[
        "router-id 02:00:00:00:00:00:00:0a", f"state-file {lab.directory / 'state'}"])
    notes = lab.directory / "state.swabeld"
    wait_until(lambda: "made l0 " in notes.read_text(), 10, "the first address is noted")
    lab.veth(a, b, ("l1", "l1"), link_local=False)
    wait_until(lambda: "made l1 " in notes.read_text(), 10, "the second one, too")
