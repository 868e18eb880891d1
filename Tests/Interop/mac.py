"""Daemons with keys (RFC 8967) at two ends of a link, and what they say of it."""

import re
import signal

from daemons import Babeld, Bird, Swabeld, settle
from netns import never, wait_until

QUICK = "hello-interval 1 update-interval 4"
SECRET = b"0123456789abcdefghijklmnopqrstuv"
OTHER = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ012345"
ALGORITHMS = ["hmac-sha256", "blake2s128"]
THEIRS = {"10.92.0.1/32", "fd92::1/128"}
OURS = {"10.91.0.1/32", "fd91::1/128"}


def ends(lab, link="veth", ipv4=False):
    a, b = lab.namespace("a"), lab.namespace("b")
    cable = lab.wireguard(a, b, ipv4=ipv4) if link == "wireguard" else lab.veth(a, b)
    a.own("10.91.0.1", "fd91::1")
    b.own("10.92.0.1", "fd92::1")
    return a, b, cable


def key(id, algorithm, secret):
    return f"key id {id} type {algorithm} value {secret.hex()}"


def ours(namespace, interface, statements, kind="wired"):
    return Swabeld(
        namespace, [interface], own=["10.91.0.0/16", "fd91::/32"],
        parameters=f"type {kind} {QUICK}", first=statements)


def passwords(*keys):
    """BIRD's notation of (algorithm, secret, options)."""
    words = {"hmac-sha256": "hmac sha256", "blake2s128": "blake2s128"}
    rows = "".join(
        f'password "{secret.decode()}" {{ algorithm {words[algorithm]}; {options} }}; '
        for algorithm, secret, options in keys)
    return f"authentication mac; {rows}"


class Peer:
    """babeld or BIRD with one key."""

    def __init__(self, program, namespace, interface, algorithm=None, secret=None, kind="wired",
                 more=()):
        self.program = program
        if program == "bird":
            keys = [(algorithm, secret, ""), *more] if algorithm else []
            self.daemon = Bird(namespace, [interface], options=passwords(*keys) if keys else "")
            for prefix in sorted(THEIRS):
                self.daemon.announce(prefix)
        else:
            first = [key("k", algorithm, secret), "default key k"] if algorithm else []
            self.daemon = {"babeld": Babeld, "swabeld": Swabeld}[program](
                namespace, [interface], own=["10.92.0.0/16", "fd92::/32"],
                parameters=f"type {kind} {QUICK}", first=first)

    def rekey(self, algorithm, secret):
        """Takes another key while running."""
        if self.program == "bird":
            self.daemon.options = passwords((algorithm, secret, ""))
            self.daemon.write()
            assert "Reconfigured" in self.daemon.birdc("configure")
        else:
            with self.daemon.control() as control:
                assert control.ask(key("k", algorithm, secret)) == ["ok"]


def tell(node, *requests):
    with node.control() as control:
        for request in requests:
            assert control.ask(request) == ["ok"], request


def counters(node):
    """What the dump on SIGUSR1 says about authentication."""
    before = len(re.findall("^Authentication", node.process.text(), re.M))
    node.process.child.send_signal(signal.SIGUSR1)

    def row():
        rows = re.findall("^Authentication on .*$", node.process.text(), re.M)
        return rows[-1] if len(rows) > before else None

    words = wait_until(row, 5, "the dump", every=0.02).rstrip(".").split()
    return dict(zip(words[4::2], map(int, words[5::2])))


class Watch:
    """Nobody may lose anybody, whatever is done meanwhile."""

    def __init__(self, a, b, node, friend):
        self.a, self.b, self.node, self.friend = a, b, node, friend
        settle(node, friend)
        wait_until(self.complete, 15, "routes both ways")
        self.keys = self.neighbour_keys()

    def complete(self):
        return THEIRS <= self.a.reaches() and OURS <= self.b.reaches(self.friend.proto)

    def neighbour_keys(self):
        """A neighbour that is lost and comes back has another key."""
        return [row["key"] for row in self.node.neighbours()]

    def hold(self, seconds=4.5):
        never(lambda: not self.complete(), seconds, "a route is lost", every=0.2)
        assert self.neighbour_keys() == self.keys, "the neighbour was made anew"
        assert self.friend.neighbours()
