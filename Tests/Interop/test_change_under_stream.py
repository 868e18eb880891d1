"""Whatever an operator or the network changes, a stream through the node loses nothing: babeld leads
to the far side on one link, BIRD on another one, and ten thousand routes are in the tables."""

import os
import re
import time

from daemons import Babeld, Bird, Swabeld, next_serial
from netns import Process, measured, wait_until
from passage import SOURCE
from test_crash import FAR, hosts
from test_reload import Configured
from test_self_restart import Installed, restarted, running
from traffic import Stream, nothing_lost

LONG = os.environ.get("SWABELD_LONG") == "1"
CROWD = 10_000
SWITCHES = 200 if LONG else 20
RELOADS = 50 if LONG else 4
ROTATIONS = 20 if LONG else 2
RESTARTS = 20 if LONG else 2
UPGRADES = 5 if LONG else 1

FAR_PREFIXES = sorted(hosts(FAR))
SOURCE_PREFIXES = ["10.98.0.0/16", "fd98::/32"]
HEAD = ["smoothing-half-life 0", "interface l0", "interface l1 rxcost 120", "interface l2"]


class Installation(Configured):
    """A daemon that reads a file, can be restarted, and whose program can be replaced."""

    def __init__(self, namespace, lines, installed):
        self.namespace = namespace
        self.binary = lambda: str(installed.file)
        self.control_path = str(namespace.lab.directory / f"{next_serial()}.sock")
        self.file = namespace.lab.directory / f"{next_serial()}.conf"
        self.write(lines)
        self.words = [
            self.binary(), "-I", "", "-S", str(namespace.lab.directory / "state"), "-G",
            self.control_path, "-c", str(self.file)]
        self.process = None
        self.start()


class LeadingBird(Bird):
    """BIRD, which can cease to announce the far side, although it still leads there."""

    is_silent = False

    def write(self):
        super().write()
        if self.is_silent:
            text = self.file.read_text()
            for family, prefix in (("4", "10.92.0.0/16+"), ("6", "fd92::/32+")):
                everything = f"ipv{family} {{ import all; export where "
                text = text.replace(everything, f"{everything}!(net ~ [{prefix}]) && ")
            self.file.write_text(text)

    def lead(self, does_announce):
        self.is_silent = not does_announce
        self.write()
        assert "Reconfigur" in self.birdc("configure")


def key(number):
    return f"key id k{number} type hmac-sha256 value " + f"{number:02x}" * 32


class Ground:
    """A source `s`, the node `n`, babeld on `a`, BIRD on `b`, the far side `d` behind both, and `c`
    with its crowd. Through babeld it is a little nearer, in both directions."""

    def __init__(self, lab):
        self.lab = lab
        self.s, self.n, self.a, self.b, self.c, self.d = (
            lab.namespace(name) for name in "snabcd")
        n, a, b, d = self.n, self.a, self.b, self.d
        lab.veth(n, a, ("l0", "l0"))
        lab.veth(n, b, ("l1", "l0"))
        lab.veth(n, self.s, ("l3", "l0"))
        lab.veth(n, self.c, ("l2", "l0"))
        lab.veth(a, d, ("l1", "l0"))
        lab.veth(b, d, ("l1", "l1"))
        for host in (n, a, b, d):
            host.forward()
        self.s.batch(["route add 0.0.0.0/0 via 10.77.3.1", "route add ::/0 via fe80::1 dev l0"])
        self.s.own(*SOURCE)
        d.own(*FAR)
        n.batch(["route add 10.98.0.0/16 via 10.77.3.2 proto static",
                 "route add fd98::/32 via fe80::2 dev l3 proto static"])
        self.c.batch([f"route add fd99:0:0:{i:x}::/64 dev lo proto static" for i in range(CROWD)])
        self.installed = Installed(lab)
        self.node = Installation(n, [key(0), *HEAD, "interface l2 key k0"], self.installed)
        self.crowd = Configured(self.c, self.of_crowd([key(0), "interface l0 key k0"]))
        quiet = "type wired hello-interval 1 update-interval 20"
        Babeld(a, ["l0", "l1"], parameters=quiet)
        self.bird = LeadingBird(b, ["l0", "l1"])
        self.far = Swabeld(
            d, ["l0", "l1"], own=["10.92.0.0/16", "fd92::/32"], parameters=quiet,
            first=["smoothing-half-life 0", "in ip fd99::/32 deny", "interface l1 rxcost 120"])
        self.await_ways()

    def of_crowd(self, lines):
        return ["redistribute ip fd99::/32 allow", "default update-interval 20", *lines]

    def await_ways(self):
        """Waits until all is learned, and the kernels know their neighbours' link addresses."""
        wait_until(lambda: self.n.count(6) >= CROWD and self.crowded(self.b, 12) and
                   self.crowded(self.a, 42), 90, "ten thousand routes", every=1)
        self.used("l0", "l0", 30)
        for place, *addresses in (
                (self.n, "10.77.1.2", "fe80::2%l0", "10.77.2.2", "fe80::2%l1", "10.77.3.2",
                 "fe80::2%l3"),
                (self.a, "10.77.5.2", "fe80::2%l1"), (self.b, "10.77.6.2", "fe80::2%l1"),
                (self.d, "10.77.5.1", "fe80::1%l0", "10.77.6.1", "fe80::1%l1")):
            for address in addresses:
                assert place.ping(address), address

    def crowded(self, place, proto):
        return place.count(6, proto) >= CROWD

    def ways(self):
        """The links by which the node and the far side send, for both families."""
        found = []
        for place, prefixes in ((self.n, FAR_PREFIXES), (self.d, SOURCE_PREFIXES)):
            for prefix in prefixes:
                family = "-6" if ":" in prefix else "-4"
                text = place.ip(family, "route", "show", prefix.removesuffix("/32")
                                if family == "-4" and prefix.endswith("/32") else prefix)
                found.append((re.findall(r"dev (\S+) proto babel", text) or [""])[0])
        return found

    def used(self, there, back, seconds=5):
        """Waits until these links are used, and only they."""
        wait_until(lambda: self.ways() == [there, there, back, back], seconds,
                   lambda: f"ways {there}, {back}, not {self.ways()}", every=0.1)

    def streams(self):
        return [Stream(self.s, {"d": self.d}, FAR, 1000), Stream(self.d, {"s": self.s}, SOURCE,
                                                                  1000)]

    def phase(self, name, count, action, is_quiet=True):
        """Does something so often under streams: nothing is lost, and no route of theirs is
        touched, unless it is to move."""
        streams = self.streams()
        watchers = [Process(host, f"monitor-{host.label}", ["ip", "monitor", "route"])
                    for host in (self.n, self.d)]
        time.sleep(1)
        begin = time.monotonic()
        for turn in range(count):
            action(turn)
        seconds = time.monotonic() - begin
        time.sleep(2)
        try:
            counts = nothing_lost(streams)
        except AssertionError as error:
            raise AssertionError(f"{count} {name}: {error}") from None
        for watcher in watchers:
            watcher.stop()
            if is_quiet:
                assert not re.search(r"(10\.9[28]\.|fd9[28]::)", watcher.text()), name
        measured(f"{count} {name} in {seconds:.0f} s: 0 lost of {counts} datagrams of each family "
                 "there and back")


def switches(ground):
    """The moves by which routes change between the two neighbours: what is done, and the links
    that are used then, there and back."""
    node, far = ground.node, ground.far

    def asks(daemon, request):
        def action():
            with daemon.control() as control:
                answer = control.ask(request)
            assert answer[-1] == "ok", (request, answer)
        return action

    def reloads(*lines):
        base = [key(0), *HEAD, "interface l2 key k0"]
        return lambda: node.reload([*base, *lines])

    return [
        (asks(node, "rule add in at 1 if l0 metric 100"), "l1", "l0"),
        (asks(node, "rule remove in 1"), "l0", "l0"),
        # The far side makes one way longer. babeld says so with its next Update.
        (asks(far, "interface l0 rxcost 250"), "l1", "l0"),
        (asks(far, "interface l0 rxcost 96"), "l0", "l0"),
        # The node makes the way back longer, so the far side changes.
        (asks(node, "interface l0 rxcost 250"), "l0", "l1"),
        (asks(node, "interface l0 rxcost 96"), "l0", "l0"),
        (reloads("in if l0 metric 100"), "l1", "l0"),
        # The better way disappears, though its link does not, and appears again.
        (lambda: ground.bird.lead(False), "l0", "l0"),
        (lambda: ground.bird.lead(True), "l1", "l0"),
        (reloads(), "l0", "l0")]


def test_nothing_is_lost(lab):
    ground = Ground(lab)
    node, crowd = ground.node, ground.crowd
    moves = switches(ground)

    def switch(turn):
        action, there, back = moves[turn % len(moves)]
        action()
        begin = time.monotonic()
        ground.used(there, back, 30)
        print(f"move {turn}: {time.monotonic() - begin:.1f} s")
        time.sleep(0.2)

    def reload(turn):
        variants = [[], ["interface l0 update-interval 8"], ["in ip 10.5.0.0/16 deny"],
                    ["interface l9 rxcost 7", "out ip 10.6.0.0/16 deny"],
                    ["interface l1 enable-timestamps true max-rtt-penalty 96"]]
        answer = node.reload([key(0), *HEAD, "interface l2 key k0", *variants[(turn + 1) % 5]])
        assert "0 neighbours lost" in answer[-1]
        time.sleep(0.3)

    def rotate(turn):
        old, new = turn % 50, (turn + 1) % 50
        steps = [[key(old), key(new), f"key k{old} verify-key k{new}"],
                 [key(old), key(new), f"key k{new} verify-key k{old}"],
                 [key(new), f"key k{new}"]]
        for *keys, words in steps:
            for daemon, lines in ((node, [*keys, *HEAD, f"interface l2 {words}"]),
                                  (crowd, ground.of_crowd([*keys, f"interface l0 {words}"]))):
                assert "0 neighbours lost" in daemon.reload(lines)[-1]
            time.sleep(0.2)

    def restart(_):
        restarted(node)
        wait_until(lambda: len(node.neighbours()) == 3, 10, "the neighbours are heard")

    def upgrade(turn):
        mark = f"new{turn:03}"
        ground.installed.install(mark)
        restart(turn)
        assert running(node) == mark.encode()

    ground.phase("route switches", SWITCHES, switch, is_quiet=False)
    ground.phase("reloads", RELOADS, reload)
    ground.phase("key rotations", ROTATIONS, rotate)
    # Whose neighbours are heard one after another may take the other way for a moment.
    ground.phase("restarts", RESTARTS, restart, is_quiet=False)
    ground.phase("upgrades", UPGRADES, upgrade, is_quiet=False)
    assert ground.n.count(6) >= CROWD
    assert node.stop() == 0
