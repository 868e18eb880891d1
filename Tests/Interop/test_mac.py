"""MAC authentication (RFC 8967) with babeld and BIRD, and against attackers on the link."""

import hashlib
import hmac
import ipaddress
import os
import pathlib
import re
import signal
import socket
import struct
import subprocess
import time

import babel_packets as babel
import pytest
from daemons import Babeld, Bird, Swabeld, settle
from netns import never, wait_until
from speaker import Sniffer

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


@pytest.mark.parametrize("algorithm", ALGORITHMS)
@pytest.mark.parametrize("peer,link", [
    ("babeld", "veth"), ("babeld", "wireguard"), ("bird", "veth"), ("bird", "wireguard"),
    ("swabeld", "wireguard")])
def test_algorithms(lab, peer, link, algorithm):
    """Routes both ways with the same key; nothing at all without a key or with another one."""
    a, b, cable = ends(lab, link, ipv4=peer == "bird")
    kind = "wired" if link == "veth" else "tunnel"
    node = ours(a, cable.name(a), [key("k", algorithm, SECRET), "default key k"], kind)
    for secret in (None, OTHER) if link == "veth" else (OTHER,):
        stranger = Peer(peer, b, cable.name(b), secret and algorithm, secret, kind)
        never(lambda: node.dump("neighbour") or a.reaches(), 2.5, "a neighbour without our key")
        stranger.daemon.stop()
    friend = Peer(peer, b, cable.name(b), algorithm, SECRET, kind).daemon
    settle(node, friend)
    wait_until(lambda: THEIRS <= a.reaches(), 15, "routes from the peer")
    wait_until(lambda: OURS <= b.reaches(friend.proto), 15, "routes to the peer")
    found = counters(node)
    assert found["accepted"] > 3 and found["wrong-mac"] > 0 and found["replayed"] == 0, found
    assert "signed with none of our keys" in node.process.text()
    assert (link != "veth") or "not signed" in node.process.text()
    assert SECRET.hex() not in node.process.text()


@pytest.mark.parametrize("how", ["ipv4-control true", "neighbour"])
def test_other_ways(lab, how):
    """Over IPv4, and where multicast does not pass: packets are signed for the addresses they have."""
    a, b, _ = ends(lab)
    keys = [key("k", "blake2s128", SECRET), "default key k"]
    nodes = []
    for space, other, own in (a, "fe80::2", "91"), (b, "fe80::1", "92"):
        extra = f"interface l0 {how}" + (f" {other}" if how == "neighbour" else "")
        if how == "neighbour":
            space.execute("nft", "-f", "-", stdin=(
                "table inet silence { chain in { type filter hook input priority 0; "
                "ip6 daddr ff02::1:6 drop; }; }"))
        nodes.append(Swabeld(
            space, ["l0"], own=[f"10.{own}.0.0/16", f"fd{own}::/32"],
            parameters=f"type wired {QUICK}", first=[*keys, extra]))
    settle(*nodes)
    wait_until(lambda: THEIRS <= a.reaches() and OURS <= b.reaches(), 15, "routes both ways")
    found = counters(nodes[0])
    assert found["wrong-mac"] == found["unsigned"] == 0 < found["accepted"], found


def test_times(lab):
    """A key changes by itself at a given second; nobody is lost."""
    a, b, _ = ends(lab)
    moment = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 12))
    statements = [
        f"{key('old', 'hmac-sha256', SECRET)} sign-until {moment} verify-until 2999-12-31",
        f"{key('new', 'blake2s128', OTHER)} sign-from {moment}", "default key old also-key new"]
    node = ours(a, "l0", statements)
    watch = Watch(a, b, node, Swabeld(
        b, ["l0"], own=["10.92.0.0/16", "fd92::/32"], parameters=f"type wired {QUICK}",
        first=statements))
    sniffer = Sniffer(a, "l0")
    watch.hold(14)
    # A MAC TLV of HMAC-SHA256 is the last thing in a packet, one of BLAKE2s later.
    kinds = ["".join(
        letter for letter, length in (("o", 32), ("n", 16))
        if p.payload[-length - 2:-length] == bytes((16, length))) for p in sniffer.of(B)]
    assert re.fullmatch("o+n+", "".join(kinds)), kinds
    found = counters(node)
    assert found["signing-keys"] == 1 and found["verifying-keys"] == 2, found
    assert found["wrong-mac"] == found["unsigned"] == 0 == found["challenges"] - 1, found


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


@pytest.mark.parametrize("peer,link", [
    ("babeld", "veth"), ("bird", "wireguard"), ("swabeld", "veth")])
def test_rotation(lab, peer, link):
    """The key of a running link changes, to another algorithm at that; nobody is lost."""
    a, b, cable = ends(lab, link, ipv4=peer == "bird")
    name = cable.name(a)
    kind = "wired" if link == "veth" else "tunnel"
    old, new = key("old", "hmac-sha256", SECRET), key("new", "blake2s128", OTHER)
    node = ours(a, name, [old, "default key old"], kind)
    friend = Peer(peer, b, cable.name(b), "hmac-sha256", SECRET, kind)
    watch = Watch(a, b, node, friend.daemon)
    tell(node, new, f"interface {name} also-key new")
    watch.hold(2)
    friend.rekey("blake2s128", OTHER)
    watch.hold()
    tell(node, f"interface {name} key new also-key none")
    watch.hold()
    found = counters(node)
    assert found["signing-keys"] == found["verifying-keys"] == 1, found
    assert found["wrong-mac"] == found["unsigned"] == found["challenges"] - 1 == 0, found


@pytest.mark.parametrize("peer", ["bird", "swabeld"])
def test_migration(lab, peer):
    """A running link without keys gets one: first everything is signed and anything accepted,
    then only what is signed. Nobody is lost."""
    a, b, cable = ends(lab)
    node = ours(a, "l0", [])
    friend = Peer(peer, b, "l0")
    watch = Watch(a, b, node, friend.daemon)
    k = key("k", "hmac-sha256", SECRET)
    tell(node, k, "interface l0 key k accept-bad-signatures true")
    watch.hold(2.5)
    assert "accepted unverified: not signed" in node.process.text()
    if peer == "bird":
        friend.rekey("hmac-sha256", SECRET)
    else:
        tell(friend.daemon, k, "interface l0 key k accept-bad-signatures true")
    # Until the exchange of challenges is over.
    wait_until(lambda: counters(node)["accepted"] > 2, 5, "the peer signs")
    watch.hold(1)
    if peer == "swabeld":
        tell(friend.daemon, "interface l0 accept-bad-signatures false")
    tell(node, "interface l0 accept-bad-signatures false")
    before = counters(node)
    watch.hold()
    after = counters(node)
    assert after["accepted"] > before["accepted"] + 3 and after["unsigned"] == before["unsigned"]


# Attackers ------------------------------------------------------------------------------------


class Attacker:
    """Sends frames of its own making on a link: an IPv6 packet from whomever, and Babel in it."""

    def __init__(self, namespace, interface, target, target_interface):
        def open_socket():
            raw = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
            raw.bind((interface, 0x86DD))
            return raw

        self.socket = namespace.enter(open_socket)
        namespace.lab.on_close(self.socket.close)
        text = target.ip("-j", "link", "show", "dev", target_interface)
        self.mac = bytes.fromhex(re.search(r'"address":"([0-9a-f:]+)"', text)[1].replace(":", ""))

    def frame(self, source, destination, payload):
        packed = [ipaddress.IPv6Address(x).packed for x in (source, destination)]
        length = struct.pack("!I", 8 + len(payload))
        udp = struct.pack("!HHHH", babel.PORT, babel.PORT, 8 + len(payload), 0) + payload
        whole = b"".join(packed) + length + struct.pack("!I", 17) + udp
        whole += b"\0" * (len(whole) % 2)
        total = sum(struct.unpack(f"!{len(whole) // 2}H", whole))
        while total >> 16:
            total = (total & 0xFFFF) + (total >> 16)
        udp = udp[:6] + struct.pack("!H", ~total & 0xFFFF or 0xFFFF) + udp[8:]
        ip = struct.pack("!IHBB", 0x6C000000, len(udp), 17, 1) + b"".join(packed)
        # To the receiver's own Ethernet address also for the group: veth asks nobody.
        return self.mac + b"\2\0\0\0\0\x66" + b"\x86\xdd" + ip + udp

    def send(self, source, destination, payload):
        self.socket.send(self.frame(source, destination, payload))


def sign(secret, source, destination, packet):
    """HMAC-SHA256 as in RFC 8967, in a few lines of somebody else's code."""
    port = struct.pack("!H", babel.PORT)
    head = b"".join(ipaddress.IPv6Address(x).packed + port for x in (source, destination))
    return packet + babel.tlv(16, hmac.new(secret, head + packet, hashlib.sha256).digest())


def signed(secret, source, destination, counter, *tlvs, index=b"attacker"):
    return sign(secret, source, destination, babel.packet(
        *tlvs, babel.tlv(17, struct.pack("!I", counter) + index)))


A, B, GROUP = "fe80::1", "fe80::2", "ff02::1:6"


def attacked(lab):
    a, b, _ = ends(lab)
    keys = [key("k", "hmac-sha256", SECRET), "default key k"]
    node = ours(a, "l0", keys)
    sniffer = Sniffer(b, "l0")
    friend = Swabeld(
        b, ["l0"], own=["10.92.0.0/16", "fd92::/32"], parameters=f"type wired {QUICK}",
        first=keys)
    watch = Watch(a, b, node, friend)
    return a, b, node, friend, watch, sniffer, Attacker(b, "l0", a, "l0")


def test_attacks(lab):
    """Replayed, reflected, misdirected and forged packets, and those of an earlier life of their
    sender, are dropped, counted and explained; the neighbour stays."""
    a, b, node, friend, watch, sniffer, attacker = attacked(lab)

    def expect(counter, least, explanation, send):
        before = counters(node)
        send()
        wait_until(lambda: counters(node)[counter] >= before[counter] + least, 3,
                   lambda: f"{counter}: {before} {counters(node)}")
        assert explanation in node.process.text()
        watch.hold(1)

    def captured(source):
        return [p for p in sniffer.of(source) if p.payload[:1] == b"*"]

    old = captured(B)
    assert {p.destination for p in old} == {GROUP, A}

    def replay():
        for p in old:
            attacker.send(p.source, p.destination, p.payload)

    expect("replayed", len(old), "a replay: signed, but received before", replay)

    def reflect():
        for p in captured(A):
            attacker.send(B, p.destination if p.destination == GROUP else A, p.payload)

    expect("wrong-mac", 5, "signed with none of our keys, or not meant for us", reflect)
    # From our own address, to the group: not even looked at.
    attacker.send(A, GROUP, captured(A)[0].payload)

    def misdirect():
        for p in old:
            attacker.send(B, A if p.destination == GROUP else GROUP, p.payload)
            attacker.send("fe80::3", p.destination, p.payload)

    expect("wrong-mac", 2 * len(old), "signed with none of our keys", misdirect)
    hello = babel.hello(1)
    expect("wrong-mac", 1, "signed with none of our keys",
           lambda: attacker.send(B, GROUP, signed(OTHER, B, GROUP, 1 << 31, hello)))
    expect("no-counter", 1, "signed, but without a packet counter",
           lambda: attacker.send(B, GROUP, sign(SECRET, B, GROUP, babel.packet(hello))))
    expect("unsigned", 1, "not signed",
           lambda: attacker.send(B, GROUP, babel.packet(babel.hello(1))))
    # A new life of the neighbour: what the old one sent does not count any more.
    friend.stop()
    wait_until(lambda: not node.neighbours(), 10, "the neighbour is gone")
    before = counters(node)
    replay()
    wait_until(lambda: counters(node)["replayed"] == before["replayed"] + len(old), 3,
               "what was seen stays known")
    friend.start()
    watch = Watch(a, b, node, friend)
    expect("other-index", len(old), "of another life of its sender", replay)
    assert counters(node)["senders"] == 1, "nobody else is known"
    # A life we have never seen, from another place: asked for, remembered by few.
    attacker.send("fe80::3", GROUP, signed(SECRET, "fe80::3", GROUP, 1, babel.hello(1)))
    wait_until(lambda: counters(node)["unknown-index"] > before["unknown-index"], 3, "asked")
    assert [row["address"] for row in node.dump("neighbour")] == [B]
    assert SECRET.hex() not in node.process.text()


@pytest.mark.alone
def test_flood(lab):
    """10 s of packets that look right but have wrong MACs, as fast as a script can send them."""
    a, b, node, friend, watch, _, attacker = attacked(lab)
    updates = [babel.router_id(b"\2\0\0\0\0\0\0\x77"),
               *(babel.update(f"2001:db8:{i:x}::/48") for i in range(40))]
    frames = [
        attacker.frame(f"fe80::{source:x}", GROUP, signed(
            OTHER, f"fe80::{source:x}", GROUP, number, babel.hello(number), *updates))
        for number, source in enumerate([2] * 50 + list(range(0x1000, 0x1200)))]

    def cpu():
        words = pathlib.Path(f"/proc/{node.process.child.pid}/stat").read_text().split()
        return (int(words[13]) + int(words[14])) / os.sysconf("SC_CLK_TCK")

    memory, used, before = node.memory(), cpu(), counters(node)
    log = len(node.process.text())
    sent, start = 0, time.monotonic()
    while time.monotonic() - start < 10:
        for frame in frames:
            try:
                attacker.socket.send(frame)
                sent += 1
            except OSError:  # no room
                pass
        assert watch.complete(), "routes stay"
    seconds = time.monotonic() - start
    used = cpu() - used
    found = counters(node)
    refused = found["wrong-mac"] - before["wrong-mac"]
    grown = node.memory() - memory
    print(f"flood: {sent / seconds:.0f} packets/s of {len(frames[0])} octets, {refused} refused; "
          f"{100 * used / seconds:.0f} % CPU, {1e6 * used / max(refused, 1):.1f} us each; "
          f"{memory} kB, {grown:+} kB")
    assert refused > 1000 and found["senders"] == 1
    watch.hold(2)
    assert grown < 1024 and len(node.process.text()) - log < 20_000
    wait_until(lambda: counters(node)["accepted"] > found["accepted"], 5, "the neighbour is heard")


def test_keys_in_files(lab):
    """`keygen` makes statements; a key in a file is read if nobody else may, and never shown."""
    program = Swabeld.binary(None)

    def swabeld(*words, check=True):
        done = subprocess.run([program, *words], capture_output=True, text=True, timeout=10)
        assert not check or done.returncode == 0, done.stderr
        return done

    seen = set()
    for words, algorithm in ((), "hmac-sha256"), (("hmac-sha256",), "hmac-sha256"), (
            ("blake2s128",), "blake2s128"):
        line = swabeld("keygen", *words).stdout
        assert re.fullmatch(f"key id k1 type {algorithm} value [0-9a-f]{{64}}\n", line)
        seen.add(line)
        assert "valid" in swabeld("--check", "-C", line, "-C", "interface l0 key k1").stdout
    assert len(seen) == 3
    assert swabeld("keygen", "sha1", check=False).returncode == 1
    file = lab.directory / "secret"
    secret = line.split()[-1]
    configuration = lab.directory / "swabeld.conf"
    configuration.write_text(
        f"key id k1 type blake2s128 file {file}\ninterface l0 key k1\n")

    def explain():
        return swabeld("--explain", "-c", str(configuration), check=False)

    assert "cannot be read" in explain().stderr
    file.write_text(secret + "\n")
    for mode, fault in ((0o644, "must not be accessible to others"), (0o640, "chmod 600")):
        file.chmod(mode)
        done = explain()
        assert done.returncode == 1 and fault in done.stderr and str(file) in done.stderr
    file.chmod(0o600)
    done = explain()
    assert done.returncode == 0, done.stderr
    assert "signed and verified with key k1 blake2s128" in done.stdout
    file.write_text(secret + "x\n")
    broken = explain()
    assert broken.returncode == 1 and "in hexadecimal" in broken.stderr
    for text in (done.stdout, done.stderr, broken.stderr):
        assert secret not in text and secret[:16] not in text
