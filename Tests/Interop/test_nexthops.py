"""`kernel-nexthops true`: routes share objects of the kernel, and lose nothing by it."""

import re
import signal
import time

import pytest
from daemons import Swabeld
from netns import wait_until
from test_crash import FAR, hosts
from test_reload import Configured
from traffic import Stream

BEGIN, END = 42_000_000, 42_065_535
OWN = ["10.91.0.1", "fd91::1"]
HEAD = [
    "smoothing-half-life 0", "switch-dwell 0", "router-id 02:00:00:00:00:00:00:5a", "interface l0",
    "interface l1"]
ON, OFF = "kernel-nexthops true", "kernel-nexthops false"


def objects(place, protocol="babel", by=""):
    """The objects that Babel made, by number; of one interface only, if it is given."""
    found = re.findall(
        rf"^id (\d+) via (\S+) dev ({by or '[^ ]+'}) .*proto {protocol}", place.ip("nexthop"), re.M)
    return {int(number): (gateway, link) for number, gateway, link in found}


def numbers(place, prefixes):
    """The numbers of objects by which these prefixes are routed; 0 for plain routes."""
    return {r["dst"]: r.get("nhid", 0) for r in place.routes() if r["dst"] in prefixes}


def links(place, prefixes):
    """The interfaces by which these prefixes are routed."""
    return {r["dst"]: r.get("dev") for r in place.routes() if r["dst"] in prefixes}


class Remembering(Configured):
    """A daemon that reads a file, and has notes of its earlier life."""

    def start(self, wait=True):
        self.words[self.words.index("-S") + 1] = str(self.namespace.lab.directory / "state")
        super().start(wait)


class Scene:
    """A source `s` behind the node `n`, which has two neighbours that lead to the same hosts."""

    prefixes = hosts(FAR)

    def __init__(self, lab, *statements):
        self.lab = lab
        self.s, self.n, self.a, self.b = (lab.namespace(name) for name in "snab")
        lab.veth(self.n, self.a, ("l0", "l0"))
        lab.veth(self.n, self.b, ("l1", "l0"))
        lab.veth(self.n, self.s, ("l2", "l0"))  # 10.77.3.0/24
        for host in (self.n, self.a, self.b):
            host.forward()
        self.s.batch(["route add 0.0.0.0/0 via 10.77.3.1", "route add ::/0 via fe80::1 dev l0"])
        self.s.ip("-6", "addr", "add", "fd98::1/128", "dev", "lo", "nodad")
        self.far = {}
        for place, cost in ((self.a, 96), (self.b, 200)):
            place.own(*FAR)
            self.far[place] = Swabeld(
                place, ["l0"], own=["10.92.0.0/16", "fd92::/32"],
                parameters=f"type wired hello-interval 1 update-interval 4 rxcost {cost}")
        self.node = Remembering(self.n, [*HEAD, *statements])
        self.leads_by("l0")

    def leads_by(self, link, seconds=20):
        wait_until(lambda: set(links(self.n, self.prefixes).values()) == {link}
                   and len(links(self.n, self.prefixes)) == 2, seconds,
                   lambda: f"routes lead by {link}: {self.n.routes()}")

    def has_objects(self, seconds=10):
        """Both routes have objects of ours."""
        wait_until(lambda: self.shares(), seconds, lambda: (
            f"routes have objects: {self.n.ip('nexthop')} {self.n.routes()}"))

    def shares(self):
        found = numbers(self.n, self.prefixes)
        ours = objects(self.n)
        return len(found) == 2 and all(number in ours for number in found.values())

    def has_plain(self, seconds=10):
        """All routes are plain, and no object is left."""
        wait_until(lambda: set(numbers(self.n, self.prefixes).values()) == {0}
                   and not objects(self.n), seconds,
                   lambda: f"routes are plain: {self.n.ip('nexthop')} {self.n.routes()}")

    def stream(self):
        for link, place in (("l0", self.a), ("l1", self.b)):
            assert self.n.ping(f"fe80::2%{link}")
        assert self.n.ping("10.77.1.2") and self.n.ping("10.77.2.2")
        return Stream(self.s, {"a": self.a, "b": self.b}, FAR, 1000)

    def reload(self, *statements):
        return self.node.reload([*HEAD, *statements])


def nothing_lost(stream):
    outcome = stream.finish()
    assert outcome.count > 500
    assert not outcome.lost, f"{len(outcome.lost)} of {2 * outcome.count} lost"


def test_install_switch_withdraw(lab):
    """Objects come with the first route, go within half a minute after the last one left, and at
    the end."""
    scene = Scene(lab, ON)
    assert scene.shares()
    ours = objects(scene.n, by="l0")
    assert all(BEGIN <= number <= END for number in ours)
    assert set(ours.values()) == {("10.77.1.2", "l0"), ("fe80::2", "l0")}
    for line in scene.n.ip("nexthop").splitlines():
        assert "onlink" in line, line
    stream = scene.stream()
    time.sleep(0.5)
    scene.far[scene.a].stop()
    scene.leads_by("l1")
    scene.a.ip("route", "add", "10.77.3.0/24", "via", "10.77.1.1", check=False)
    time.sleep(0.5)
    nothing_lost(stream)
    assert scene.shares()
    wait_until(lambda: not objects(scene.n, by="l0"), 30, "idle objects go")
    scene.far[scene.b].stop()
    wait_until(lambda: not numbers(scene.n, scene.prefixes), 20, "routes are gone")
    wait_until(lambda: not objects(scene.n), 30, "the last objects go")
    scene.far[scene.b].start()
    scene.leads_by("l1")
    assert scene.shares()
    scene.node.stop()
    assert not objects(scene.n) and not numbers(scene.n, scene.prefixes)


@pytest.mark.parametrize("after", [ON, OFF])
def test_killed(lab, after):
    """kill -9: the next process takes the objects over, or moves the routes off and removes them;
    no packet is lost."""
    scene = Scene(lab, ON)
    before = objects(scene.n, by="l0")
    assert len(before) == 2
    # What looks like a left-over object that no route has.
    scene.n.ip("nexthop", "add", "id", str(BEGIN + 77), "via", "fe80::77", "dev", "l0", "onlink",
               "proto", "babel")
    stream = scene.stream()
    time.sleep(0.5)
    scene.node.kill()
    scene.node.write([*HEAD, after])
    scene.node.start()
    wait_until(lambda: BEGIN + 77 not in objects(scene.n), 30, "what is left over goes")
    if after == ON:
        assert objects(scene.n, by="l0") == before
        assert scene.shares()
    else:
        scene.has_plain()
    time.sleep(0.5)
    nothing_lost(stream)


def test_planned_restart(lab):
    """A restart leaves routes and objects to the next process."""
    scene = Scene(lab, ON)
    before = objects(scene.n, by="l0")
    stream = scene.stream()
    time.sleep(0.5)
    assert scene.node.stop(signal.SIGQUIT) == 0
    assert objects(scene.n, by="l0") == before
    scene.node.start()
    time.sleep(3)
    assert objects(scene.n, by="l0") == before and scene.shares()
    nothing_lost(stream)


def test_reload_there_and_back(lab):
    """The option may change while packets pass."""
    scene = Scene(lab, OFF)
    assert not objects(scene.n)
    stream = scene.stream()
    for _ in range(3):
        scene.reload(ON)
        scene.has_objects()
        scene.reload(OFF)
        scene.has_plain()
    nothing_lost(stream)


def test_another_table(lab):
    """Routes move to another table and back: their objects stay, and no packet is lost."""
    scene = Scene(lab, ON)
    before = objects(scene.n, by="l0")
    assert len(before) == 2
    scene.n.batch(["rule add lookup 77 priority 100"])
    scene.n.ip("-6", "rule", "add", "lookup", "77", "priority", "100")
    stream = scene.stream()
    for turn in range(4):
        moved = [f"install ip {prefix} table 77" for prefix in ("10.92.0.0/16", "fd92::/32")]
        scene.reload(ON, *(moved if turn % 2 == 0 else []))
        time.sleep(1.5)
        assert objects(scene.n, by="l0") == before
    nothing_lost(stream)


def test_foreign_objects_stay(lab):
    """Somebody else has numbers of our range: his objects stay as they are, and ours are others."""
    scene = Scene(lab, OFF)
    mine = [BEGIN, BEGIN + 1, BEGIN + 3]
    for number in mine:
        scene.n.ip("nexthop", "add", "id", str(number), "via", "fe80::99", "dev", "l2", "onlink",
                   "proto", "static")
    scene.n.ip("-6", "route", "add", "fd97::/64", "nhid", str(BEGIN), "proto", "static")
    scene.reload(ON)
    scene.has_objects()
    assert not set(mine) & set(numbers(scene.n, scene.prefixes).values())
    scene.reload(OFF)
    scene.has_plain()
    scene.node.stop()
    assert set(mine) == set(objects(scene.n, "static"))
    assert "fd97::/64" in scene.n.ip("-6", "route")


@pytest.mark.parametrize("how", ["deleted", "replaced"])
def test_object_of_ours_is_changed(lab, how):
    """Somebody deletes an object of ours, and all routes with it, or makes it lead elsewhere:
    within two seconds all is as it was."""
    scene = Scene(lab, ON)
    for number, (gateway, _) in objects(scene.n, by="l0").items():
        other = "10.77.3.2" if "." in gateway else "fe80::2"
        words = ["del", "id", str(number)] if how == "deleted" else [
            "replace", "id", str(number), "via", other, "dev", "l2", "onlink"]
        scene.n.ip("nexthop", *words)
        scene.leads_by("l0", 2)
        assert scene.shares()


@pytest.mark.parametrize("detect", ["auto", "false"])
def test_carrier_and_link(lab, detect):
    """The kernel removes objects and routes with the carrier, and with the link; they come back."""
    scene = Scene(lab, ON, f"link-detect {detect}")
    for place, address in ((scene.a, "fe80::2/64"), (scene.n, "fe80::1/64")):
        place.ip("link", "set", "l0", "down")
        wait_until(lambda: not objects(scene.n, by="l0"), 5, "the kernel removes objects")
        if detect == "auto" or place is scene.n:
            scene.leads_by("l1", 5)
            assert scene.shares()
        time.sleep(1)
        place.ip("link", "set", "l0", "up")
        place.ip("addr", "add", address, "dev", "l0", "nodad", check=False)
        scene.leads_by("l0", 30)
        scene.has_objects()


def test_source_specific(lab):
    """A route with a source prefix is a plain one beside those that have objects."""
    scene = Scene(lab, OFF)
    far = scene.far[scene.a]
    far.stop()
    scene.a.ip("-6", "route", "add", "fd96::/64", "from", "fd98::/64", "via", "fe80::9", "dev",
               "l0", "proto", "static")
    source = Swabeld(scene.a, ["l0"], own=["10.92.0.0/16", "fd92::/32", "fd96::/16"])
    scene.reload(ON)
    wait_until(lambda: "fd96::/64 from fd98::/64" in scene.n.ip("-6", "route"), 20,
               lambda: f"the route is there: {scene.n.ip('-6', 'route')}")
    scene.leads_by("l0")
    scene.has_objects()
    row = re.search(r"fd96::/64 from fd98::/64.*", scene.n.ip("-6", "route")).group(0)
    assert "nhid" not in row and "via fe80::2 dev l0" in row
    source.stop()
    wait_until(lambda: "fd96::/64" not in scene.n.ip("-6", "route"), 20, "it goes")


def test_kernel_that_does_not_tell_gateways(lab):
    """With net.ipv4.nexthop_compat_mode=0 the kernel names nothing but the object of a route."""
    scene = Scene(lab, ON)
    scene.n.execute("sysctl", "-qw", "net.ipv4.nexthop_compat_mode=0")
    before = objects(scene.n, by="l0")
    scene.node.kill()
    scene.node.start()
    time.sleep(4)
    assert objects(scene.n, by="l0") == before
    scene.n.execute("sysctl", "-qw", "net.ipv4.nexthop_compat_mode=1")
    assert scene.shares()
    assert "spurious" not in scene.node.process.text()


@pytest.mark.parametrize("before,after", [(ON, OFF), (OFF, ON)])
@pytest.mark.parametrize("pause", [0, 0.05, 0.3])
def test_stop_after_a_change(lab, before, after, pause):
    """Whoever stops while routes get their other form takes them back all the same."""
    scene = Scene(lab, before)
    far = [f"fd92::1:{number:x}" for number in range(200)]
    scene.a.own(*far)
    wait_until(lambda: scene.n.count(6) > len(far), 20, "many routes")
    scene.reload(after)
    time.sleep(pause)
    assert scene.node.stop() == 0
    assert scene.n.count(6) == scene.n.count(4) == 0, scene.n.routes()
    assert not objects(scene.n)
