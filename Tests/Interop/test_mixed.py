"""Networks of swabeld, babeld and BIRD: chains, and diamonds that lose a node."""

import time

import pytest
from daemons import Babeld, Bird, Swabeld
from netns import wait_until

HOP = 96  # the cost of a cable
QUICK = "hello-interval 1 update-interval 4"
PROGRAMS = {"babeld": Babeld, "bird": Bird, "swabeld": Swabeld}
# What an end of a network has of its own: an address of each family, and prefixes that come and
# go.
EDGES = {
    "a": (["10.91.0.1/32", "fd91::1/128"], ["10.91.1.0/24", "fd91:0:0:1::/64"]),
    "d": (["10.92.0.1/32", "fd92::1/128"], ["10.92.1.0/24", "fd92:0:0:1::/64"]),
}


def daemon(program, namespace, interfaces, number, kind="type wired"):
    """A daemon that redistributes what is its own: everything in 10.NUMBER/16, fdNUMBER::/32."""
    if program == "bird":
        return Bird(namespace, interfaces)
    statements = ["link-detect true"]
    if program == "babeld":
        # Otherwise a babeld that starts keeps to the first way it hears of, however bad, for up
        # to 30 s ("ageing in"), and is no alternative for its neighbours meanwhile.
        statements.append("smoothing-half-life 0")
    return PROGRAMS[program](
        namespace, interfaces, own=[f"10.{number}.0.0/16", f"fd{number}::/32"],
        parameters=f"{kind} {QUICK}", statements=statements)


def addresses(edge):
    return [prefix.partition("/")[0] for prefix in EDGES[edge][0]]


def both_ways(a, d):
    """Whether every address of one end answers the other, in both families."""
    return all(
        a.ping(there, here) and d.ping(here, there)
        for here, there in zip(addresses("a"), addresses("d")))


@pytest.mark.parametrize("link", ["veth", "wireguard"])
@pytest.mark.parametrize("middle", ["babeld", "bird"])
def test_chain(lab, middle, link):
    """swabeld – another – swabeld: traffic from end to end, and a prefix that comes or goes at
    one end does so at the other within 2 s."""
    a, m, d = (lab.namespace(name) for name in "amd")
    if link == "veth":
        left, right = lab.veth(a, m, ("l0", "l0")), lab.veth(m, d, ("l1", "l0"))
        kind = "type wired"
    else:  # BIRD 2.0 wants IPv4 addresses for IPv4 routes
        left, right = (lab.wireguard(*pair, ipv4=middle == "bird") for pair in ((a, m), (m, d)))
        kind = "type tunnel"
    for host in (a, m, d):
        host.forward()
    a.own(*addresses("a"))
    d.own(*addresses("d"))
    ends = {
        "a": daemon("swabeld", a, [left.name(a)], 91, kind),
        "d": daemon("swabeld", d, [right.name(d)], 92, kind)}
    daemon(middle, m, [left.name(m), right.name(m)], 93, kind)
    spaces = {"a": a, "d": d}
    for here, there in ("ad", "da"):
        wait_until(lambda: set(EDGES[there][0]) <= spaces[here].reaches(), 30,
                   f"{here} knows the addresses of {there}")
    wait_until(lambda: both_ways(a, d), 5, "traffic passes from end to end")
    worst = 0.0
    for here, there in ("ad", "da"):
        prefixes = EDGES[there][1]
        for _ in range(3):
            for act, condition, what in (
                    (ends[there].announce, lambda: set(prefixes) <= spaces[here].reaches(),
                     "appear"),
                    (ends[there].withdraw, lambda: not set(prefixes) & spaces[here].reaches(),
                     "disappear")):
                for prefix in prefixes:
                    act(prefix)
                start = time.monotonic()
                wait_until(condition, 2, f"prefixes of {there} {what} at {here}", every=0.05)
                worst = max(worst, time.monotonic() - start)
        assert set(EDGES[there][0]) <= spaces[here].reaches(), "the others stay"
    print(f"swabeld – {middle} – swabeld over {link}: at most {worst:.2f} s")
    assert both_ways(a, d)


class Diamond:
    """Two ends, two nodes between them: a – m, n – d."""

    def __init__(self, lab, ends, middles):
        self.a, self.d, self.m, self.n = (lab.namespace(name) for name in "admn")
        self.links = {
            "m": [lab.veth(self.a, self.m, ("lm", "l0")), lab.veth(self.m, self.d, ("l1", "lm"))],
            "n": [lab.veth(self.a, self.n, ("ln", "l0")), lab.veth(self.n, self.d, ("l1", "ln"))],
        }
        for host in (self.a, self.d, self.m, self.n):
            host.forward()
        self.a.own(*addresses("a"))
        self.d.own(*addresses("d"))
        self.spaces = {"m": self.m, "n": self.n}
        self.ends = [daemon(ends[0], self.a, ["lm", "ln"], 91),
                     daemon(ends[1], self.d, ["lm", "ln"], 92)]
        self.middles = {
            name: daemon(program, self.spaces[name], ["l0", "l1"], 90 + number)
            for number, (name, program) in enumerate(zip("mn", middles), start=5)}

    def ready(self):
        """Everybody has both neighbours, the ends know both ways, and traffic passes."""
        for node in (*self.ends, *self.middles.values()):
            if len(node.neighbours()) != 2:
                return False
        for node, there in zip(self.ends, "da"):
            # Each path has two hops. One that leads back through this end does not count.
            ways = [row["prefix"] for row in node.dump("route")
                    if int(row["metric"]) == 2 * HOP]
            if any(ways.count(prefix) != 2 for prefix in EDGES[there][0]):
                return False
        return both_ways(self.a, self.d)

    def tables(self):
        """The routes that every node knows of, for the reader of a failure."""
        found = []
        for node in (*self.ends, *self.middles.values()):
            if node.program == "bird":
                lines = [line for what in ("entries", "routes")
                         for line in node.birdc("show", "babel", what).splitlines()]
            else:
                with node.control() as control:
                    lines = control.ask("dump")
            found.append(f"  {node.namespace.label} {node.program}")
            found += [f"    {line}" for line in lines if line.startswith(("add", "10.", "fd"))]
        return "\n".join(found)

    def uses(self, name):
        """Whether either end sends by way of a middle node."""
        return any(row.get("dev") == f"l{name}" for space, node in (
            (self.a, self.ends[0]), (self.d, self.ends[1])) for row in space.routes(node.proto))

    def lose(self, name, how):
        space = self.spaces[name]
        if how == "cut":
            for link in self.links[name]:
                for end, device in link.ends:
                    if end is space:
                        end.ip("link", "set", device, "down")
        elif how == "silence":
            space.execute("nft", "-f", "-", stdin=(
                "table inet silence { chain in { type filter hook prerouting priority -300; "
                "iif != lo drop; }; chain out { type filter hook output priority -300; "
                "oif != lo drop; }; }"))
        else:
            self.middles[name].kill()

    def heal(self, name, how):
        space = self.spaces[name]
        if how == "cut":
            for link in self.links[name]:
                for host, (end, device) in enumerate(link.ends, start=1):
                    if end is space:
                        end.ip("link", "set", device, "up")
                        end.ip("addr", "replace", f"fe80::{host}/64", "dev", device, "nodad")
        elif how == "silence":
            space.execute("nft", "delete", "table", "inet", "silence")
        else:
            self.middles[name].start()


# Seconds until traffic passes again, with Hellos every second. A cut is told by the kernel at
# once or up to a second later (it tells lost carriers once a second); then babeld and BIRD may
# have to pass on a request for a newer seqno, and BIRD answers once a second. Silence takes two
# or three missed Hellos to be believed. How long a node takes to be complete again is not ours
# alone: BIRD believes in a neighbour 12 s after a silence, and babeld tells a new neighbour its
# routes with the next periodic update.
PATIENCE = {"cut": 4, "silence": 7, "kill": 7}
MIXES = {
    "ours-outside": (("swabeld", "swabeld"), ("babeld", "bird")),
    "ours-inside": (("swabeld", "babeld"), ("swabeld", "bird")),
}


@pytest.mark.parametrize("how", list(PATIENCE))
@pytest.mark.parametrize("mix", list(MIXES))
def test_diamond(lab, mix, how):
    """Either node between the ends may vanish, and comes back."""
    ends, middles = MIXES[mix]
    net = Diamond(lab, ends, middles)
    wait_until(net.ready, 40, "the diamond is complete")
    for name, program in zip("mn", middles):
        # The link in use shall be lost, at least in one direction, so make the other one worse.
        other = "n" if name == "m" else "m"
        if not net.uses(name):
            net.lose(other, "cut")
            wait_until(lambda: net.uses(name) and both_ways(net.a, net.d), 10, f"{name} is used")
            net.heal(other, "cut")
            wait_until(net.ready, 40, "both are there")
        used = net.uses(name)
        start = time.monotonic()
        net.lose(name, how)
        wait_until(lambda: both_ways(net.a, net.d) and not net.uses(name), PATIENCE[how],
                   lambda: f"traffic without {program}\n{net.tables()}", every=0.02)
        took = time.monotonic() - start
        net.heal(name, how)
        wait_until(net.ready, 40, f"{program} is back")
        print(f"{mix}, {how} of {program} ({'used' if used else 'unused'}): {took:.1f} s; "
              f"complete again {time.monotonic() - start - took:.1f} s later")
