"""Whatever an operator or the network changes, a stream through the node loses nothing: babeld
leads to the far side on one link, BIRD on another, and ten thousand routes are in the tables."""

import bisect
import itertools
import os
import re
import time

from daemons import Babeld, Bird, Control, Swabeld, fields, next_serial
from machine import Machine
from netns import Process, measured, run, wait_until
from passage import SOURCE
from test_crash import FAR, hosts
from test_reload import Configured
from test_self_restart import Installed, restarted, running
from traffic import PORT, Stream

LONG = os.environ.get("SWABELD_LONG") == "1"
CROWD = 10_000
SWITCHES = 200 if LONG else 10
RELOADS = 50 if LONG else 4
ROTATIONS = 20 if LONG else 2
RESTARTS = 20 if LONG else 2
UPGRADES = 5 if LONG else 1

KEYED = ["10.93.0.1", "fd93::1"]  # behind the link with keys
FAR_PREFIXES = hosts(FAR)
SOURCE_PREFIXES = {"10.98.0.0/16", "fd98::/32"}
HEAD = ["smoothing-half-life 0", "interface l0", "interface l1 rxcost 120", "interface l2"]
# A test beside this one may hold the kernel's lock for links and routes for ten seconds. Who waits
# for it sends no Hellos, and must not be taken for dead.
CALM = "hello-interval 4 update-interval 20"
CALM_HEAD = [*HEAD, *(f"interface {link} {CALM}" for link in ("l0", "l1", "l2"))]


class Patient:
    """A daemon whose clients have patience with it when it has to wait for the kernel's lock."""

    def control(self):
        return Control(self.control_path, timeout=60)


class Crowd(Patient, Configured):
    """A daemon that reads a file."""


class FarSide(Patient, Swabeld):
    """A daemon that takes its configuration from the command line."""


class Installation(Patient, Configured):
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

    def neighbours(self):
        """The neighbours with a finite cost. A dump begins with them, and what follows is long."""
        with self.control() as control:
            control.socket.sendall(b"dump\n")
            lines = itertools.takewhile(lambda line: not line.startswith("add route "),
                                        iter(control.line, "ok"))
            rows = [fields(line) for line in lines if line.startswith("add neighbour ")]
        return [row for row in rows if int(row["cost"]) < 65535]


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


def answer_of(daemon, request):
    """Makes a request, which must succeed."""
    with daemon.control() as control:
        answer = control.ask(request)
    assert answer[-1] == "ok", (request, answer)


def used_links(place, addresses):
    """The links by which a machine sends to these, according to what it has learned."""
    text = run("ip", "-n", place.name, "-force", "-batch", "-", check=False, stdin="".join(
        f"route get fibmatch {address}\n" for address in addresses))
    found = re.findall(r"dev (\S+) proto (?:babel|bird)", text)
    return set(found) if len(found) == len(addresses) else {*found, "none"}


def links_told(daemon, prefixes):
    """The links on which a daemon has been told of all of these."""
    told = {}
    for row in daemon.dump("route"):
        if int(row["refmetric"]) < 65535:
            told.setdefault(row["if"], set()).add(row["prefix"])
    return {link for link, found in told.items() if prefixes <= found}


def losses(way, outcome, begins):
    """How many datagrams were lost on this way in which turn, and when, for each family."""
    lost = {}
    for family, _, sent in outcome.lost:
        lost.setdefault((bisect.bisect(begins, sent), family), []).append(sent)
    epoch = time.time() - time.monotonic()
    found = []
    for (turn, family), times in sorted(lost.items()):
        since = begins[max(turn - 1, 0)]
        first, last = ((sent - since) / 1e9 for sent in (min(times), max(times)))
        clock = time.strftime("%H:%M:%S", time.localtime(epoch + min(times) / 1e9))
        found.append(
            f"turn {turn or 'before the first'}: {len(times)} of IPv{family} lost {way}, sent "
            f"{first:.3f} to {last:.3f} s after its begin, from {clock} on")
    return found


def key(number):
    return f"key id k{number} type hmac-sha256 value " + f"{number:02x}" * 32


class Ground:
    """A source `s`, the node `n`, babeld on `a`, BIRD on `b`, the far side `d` behind both, and `c`
    with its crowd and hosts of its own behind a link with keys. Through babeld it is a little
    nearer to the far side, in both directions."""

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
        self.c.own(*KEYED)
        n.batch(["route add 10.98.0.0/16 via 10.77.3.2 proto static",
                 "route add fd98::/32 via fe80::2 dev l3 proto static"])
        self.c.batch([f"route add fd99:0:0:{i:x}::/64 dev lo proto static" for i in range(CROWD)])
        self.installed = Installed(lab)
        self.node = Installation(n, [key(0), *HEAD, "interface l2 key k0"], self.installed)
        self.crowd = Crowd(self.c, self.of_crowd([key(0), "interface l0 key k0"]))
        # babeld prefers a route that it knows for longer, even to one that is much better, and
        # says nothing of an improvement before its next full Update. Together this takes up to a
        # minute, unless it compares metrics as they are and says often what it knows.
        Babeld(a, ["l0", "l1"], parameters="type wired hello-interval 2 update-interval 1",
               first=["smoothing-half-life 0", "out if l1 ip fd99::/32 deny"])
        self.bird = LeadingBird(b, ["l0", "l1"])
        self.far = FarSide(
            d, ["l0", "l1"], own=["10.92.0.0/16", "fd92::/32"],
            parameters="type wired hello-interval 1 update-interval 20",
            first=["smoothing-half-life 0", "in ip fd99::/32 deny", "interface l1 rxcost 120"])
        self.await_ways()

    def of_crowd(self, lines):
        return ["redistribute ip fd99::/32 allow", "redistribute local ip 10.93.0.0/16 allow",
                "redistribute local ip fd93::/32 allow",
                "interface l0 hello-interval 2 update-interval 20", *lines]

    def await_ways(self):
        """Waits until all is learned, and the kernels know their neighbours' link addresses."""
        self.await_crowd()
        self.used("l0", "l0", 60)
        # Each neighbour is on its own way, and has told it: else there is nothing to switch to.
        wait_until(lambda: all(
            used_links(host, FAR) == {"l1"} and used_links(host, SOURCE) == {"l0"}
            for host in (self.a, self.b)), 60, "babeld and BIRD use the links that they shall")
        wait_until(lambda: links_told(self.node, FAR_PREFIXES) == {"l0", "l1"} == links_told(
            self.far, SOURCE_PREFIXES), 60, "babeld and BIRD announce what they use", every=1)
        wait_until(lambda: used_links(self.n, KEYED) == {"l2"} and
                   used_links(self.c, SOURCE) == {"l0"}, 30, "the way to the crowd")
        for place, *addresses in (
                (self.n, "10.77.1.2", "fe80::2%l0", "10.77.2.2", "fe80::2%l1", "10.77.3.2",
                 "fe80::2%l3", "10.77.4.2", "fe80::2%l2"),
                (self.a, "10.77.5.2", "fe80::2%l1"), (self.b, "10.77.6.2", "fe80::2%l1"),
                (self.d, "10.77.5.1", "fe80::1%l0", "10.77.6.1", "fe80::1%l1")):
            for address in addresses:
                assert place.ping(address), address
        # What begins fast goes on calmly.
        self.node.reload([key(0), *CALM_HEAD, "interface l2 key k0"])
        for link in ("l0", "l1"):
            answer_of(self.far, f"interface {link} {CALM}")

    def await_crowd(self):
        """Waits until the node, babeld and BIRD have the ten thousand routes in their kernels."""
        for place, proto in ((self.n, 42), (self.a, 42), (self.b, 12)):
            wait_until(lambda: place.count(6, proto) >= CROWD, 90, lambda:
                       f"{place.count(6, proto)} of {CROWD} routes on {place.label}", every=0.5)

    def ways(self):
        """The links by which the node and the far side send."""
        return used_links(self.n, FAR), used_links(self.d, SOURCE)

    def used(self, there, back, seconds):
        """Waits until these links are used, and only they."""
        wait_until(lambda: self.ways() == ({there}, {back}), seconds,
                   lambda: f"ways {there}, {back}, not {self.ways()}", every=0.1)

    def streams(self, is_keyed):
        """Streams between the source and the far side, or the crowd's hosts too, by their name."""
        found = {"to the far side": Stream(self.s, {"d": self.d}, FAR, 1000),
                 "from the far side": Stream(self.d, {"s": self.s}, SOURCE, 1000)}
        if is_keyed:
            found["to the link with keys"] = Stream(
                self.s, {"c": self.c}, KEYED, 1000, PORT + 1)
            found["from the link with keys"] = Stream(
                self.c, {"s": self.s}, SOURCE, 1000, PORT + 1)
        return found

    def phase(self, name, count, action, is_quiet=True, is_keyed=False):
        """Does something so often under streams: nothing is lost, and no route of theirs is
        touched, unless it is to move."""
        streams = self.streams(is_keyed)
        watchers = {host: Process(host, f"monitor-{name}", ["ip", "-ts", "monitor", "route"])
                    for host in (self.n, self.d, self.c, self.a, self.b)}
        time.sleep(0.5)
        machine = Machine(self.s)
        begins, failures, cause = [], [], None
        for turn in range(count):
            begins.append(time.monotonic_ns())
            try:
                action(turn)
            except Exception as error:
                failures.append(f"turn {turn + 1}: {error}")
                cause = error
                break
        seconds = (time.monotonic_ns() - begins[0]) / 1e9
        time.sleep(2)
        seen = machine.finish()
        for stream in streams.values():
            stream.sender.stop()
        outcomes = {way: stream.finish() for way, stream in streams.items()}
        for way, outcome in outcomes.items():
            failures += losses(way, outcome, begins)
            if outcome.rate < 900:
                failures.append(f"only {outcome.rate:.0f} datagrams a second {way}")
        for host, watcher in watchers.items():
            watcher.stop()
            found = re.search(r"(10\.9[238]\.|fd9[238]::).*", watcher.text())
            # What the neighbours do among themselves is theirs.
            if is_quiet and found and host not in (self.a, self.b):
                failures.append(f"a route is touched on {host.label}: {found[0]}")
        if failures:
            raise AssertionError("\n".join([f"{count} {name}, {seen}:", *failures])) from cause
        assert self.n.count(6) >= CROWD, f"after {count} {name} routes are missing"
        self.await_crowd()
        pause = max(outcome.longest_pause for outcome in outcomes.values())
        measured(f"{count} {name} in {seconds:.0f} s: 0 lost of "
                 f"{[outcome.count for outcome in outcomes.values()]} datagrams of each family, "
                 f"sent without a pause of more than {pause * 1000:.0f} ms; {seen}")


def switches(ground):
    """The moves by which routes change between the two neighbours: what is done, and the links
    that are used then, there and back."""
    node, far = ground.node, ground.far

    def asks(daemon, request):
        return lambda: answer_of(daemon, request)

    def reloads(*lines):
        base = [key(0), *CALM_HEAD, "interface l2 key k0"]
        return lambda: node.reload([*base, *lines])

    # The far side, or the node itself, makes one way longer. What that means for the other end
    # babeld says with its next full Update, which takes up to a second.
    slow = [
        (asks(far, "interface l0 rxcost 250"), "l1", "l0"),
        (asks(far, "interface l0 rxcost 96"), "l0", "l0"),
        (asks(node, "interface l0 rxcost 250"), "l0", "l1"),
        (asks(node, "interface l0 rxcost 96"), "l0", "l0")]
    quick = [
        (asks(node, "rule add in at 1 if l0 metric 100"), "l1", "l0"),
        (asks(node, "rule remove in 1"), "l0", "l0"),
        (reloads("in if l0 metric 100"), "l1", "l0"),
        # The better way disappears, though its link does not, and appears again.
        (lambda: ground.bird.lead(False), "l0", "l0"),
        (lambda: ground.bird.lead(True), "l1", "l0"),
        (reloads(), "l0", "l0")]
    return [*slow, *6 * quick]


def test_changes_under_a_stream(lab):
    """Routes switch, the daemon reloads, rotates keys, restarts and is upgraded, each many times:
    of 1,000 datagrams a second, family and direction none is lost."""
    begin = time.monotonic()
    ground = Ground(lab)
    measured(f"{CROWD} routes and two ways are learned {time.monotonic() - begin:.0f} s after the "
             "first namespace is made")
    node, crowd = ground.node, ground.crowd
    moves = switches(ground)

    def switch(turn):
        action, there, back = moves[turn % len(moves)]
        action()
        ground.used(there, back, 40)
        time.sleep(0.2)

    def reload(turn):
        variants = [[], ["interface l0 update-interval 8"], ["in ip 10.5.0.0/16 deny"],
                    ["interface l9 rxcost 7", "out ip 10.6.0.0/16 deny"],
                    ["interface l1 enable-timestamps true max-rtt-penalty 96"]]
        answer = node.reload([key(0), *CALM_HEAD, "interface l2 key k0", *variants[(turn + 1) % 5]])
        assert "0 neighbours lost" in answer[-1]
        time.sleep(0.3)

    def rotate(turn):
        old, new = turn % 50, (turn + 1) % 50
        steps = [[key(old), key(new), f"key k{old} verify-key k{new}"],
                 [key(old), key(new), f"key k{new} verify-key k{old}"],
                 [key(new), f"key k{new}"]]
        for *keys, words in steps:
            for daemon, lines in ((node, [*keys, *CALM_HEAD, f"interface l2 {words}"]),
                                  (crowd, ground.of_crowd([*keys, f"interface l0 {words}"]))):
                assert "0 neighbours lost" in daemon.reload(lines)[-1]
            time.sleep(0.2)

    def restart(_):
        restarted(node)
        wait_until(lambda: len(node.neighbours()) == 3, 30, "the neighbours are heard")
        ground.used("l0", "l0", 30)

    def upgrade(turn):
        mark = f"new{turn:03}"
        ground.installed.install(mark)
        restart(turn)
        assert running(node) == mark.encode()

    ground.phase("route switches", SWITCHES, switch, is_quiet=False)
    ground.phase("reloads", RELOADS, reload)
    ground.phase("key rotations", ROTATIONS, rotate, is_keyed=True)
    # Whose neighbours are heard one after another may take the other way for a moment.
    ground.phase("restarts", RESTARTS, restart, is_quiet=False)
    ground.phase("upgrades", UPGRADES, upgrade, is_quiet=False)
    assert node.stop() == 0
