"""MAC authentication (RFC 8967) with babeld and BIRD."""

import re
import subprocess
import time

import pytest
from daemons import Swabeld, settle
from mac import (
    ALGORITHMS, OTHER, OURS, QUICK, SECRET, THEIRS, Peer, Watch, counters, ends, key, ours,
    tell)
from netns import never, wait_until
from speaker import Sniffer


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
    """Over IPv4, and where multicast does not pass, packets are signed for their addresses."""
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
        if p.payload[-length - 2:-length] == bytes((16, length))) for p in sniffer.of("fe80::2")]
    assert re.fullmatch("o+n+", "".join(kinds)), kinds
    found = counters(node)
    assert found["signing-keys"] == 1 and found["verifying-keys"] == 2, found
    assert found["wrong-mac"] == found["unsigned"] == 0 == found["challenges"] - 1, found


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
