"""What a dump says of a route in every state it can be in: babeld and swabeld side by side.

Both hear the same packets. Where swabeld says something else on purpose, a row of
docs/compatibility.md lists it.
"""

import time

import babel_packets as babel
from daemons import Babeld, Swabeld
from netns import REPOSITORY, wait_until
from speaker import Speaker

OWN = ["10.91.0.0/16", "fd91::/32"]
ADDRESSES = ["10.91.0.1/32", "fd91::1/128"]
STATEMENTS = [
    "in ip fd99:6::/48 deny", "in ip fd99:7::/48 metric 100", "install ip fd99:5::/48 deny"]
OURS = b"\2\0\0\0\0\0\0\x91"
UNREACHABLE = "a route whose metric is infinite"
OWN_ADDRESS = "routes of others to our own addresses"


def listed(prefix: str, theirs: tuple | None, ours: tuple | None) -> str | None:
    """The beginning of the row of docs/compatibility.md that explains a difference."""
    if prefix in ADDRESSES and ours is None and theirs is not None and theirs[0] == "no":
        return OWN_ADDRESS
    if theirs and ours and theirs[:2] == ("yes", "65535") and ours == ("no", *theirs[1:]):
        return UNREACHABLE
    return None


def tell(speaker: Speaker, *tlvs: bytes) -> None:
    speaker.send(babel.router_id(speaker.identifier), *tlvs)


def plain(prefix: str, metric: int = 50, seqno: int = 10, **more) -> bytes:
    return babel.update(prefix, metric=metric, seqno=seqno, **more)


def speak(speaker: Speaker) -> None:
    """From now on the speaker answers: it can be used."""
    speaker.seqno = 3
    speaker.speaks = True
    speaker.due = time.monotonic()


def states():
    """Name of each state, and what a speaker does to bring it about."""
    yield "before the neighbour can be used", lambda s: tell(
        s, *(babel.hello(seqno) for seqno in (1, 2, 3)), plain("fd99:1::/64"), plain("::/0"))
    yield "usable", speak
    yield "all kinds", lambda s: tell(
        s, plain("fd99:2::/64"), plain("fd99:5::/64"), plain("fd99:6::/64"), plain("fd99:7::/64"),
        plain("fd99:8::/64"), plain("fd91::1/128"), plain("fd99:9::/64", babel.INFINITY),
        plain("fd99:a::/64", 65500), plain("fd99:b::/64", 0),
        plain("fd99:c::/64", source="fd98::/48"), plain("fe80:1::/64"), plain("::1/128"),
        babel.next_hop4("10.77.1.2"), plain("10.99.0.0/24"), plain("10.91.0.1/32"),
        plain("0.0.0.0/0"))
    yield "our own router-id", lambda s: s.send(
        babel.router_id(OURS), plain("fd99:d::/64"))
    yield "retracted", lambda s: tell(s, plain("fd99:1::/64", babel.INFINITY))
    yield "back with the same seqno, worse", lambda s: tell(s, plain("fd99:1::/64", 900))
    yield "back with a newer seqno", lambda s: tell(s, plain("fd99:1::/64", 900, 11))
    yield "another router, unfeasible", lambda s: (
        s.send(babel.router_id(b"\2\0\0\0\0\0\0\x77"), plain("fd99:2::/64", 2000, 9)))
    yield "near infinity", lambda s: tell(s, plain("fd99:2::/64", 65534, 12))
    yield "filtered to infinity", lambda s: tell(s, plain("fd99:7::/64", 65450, 12))
    yield "cost at the limit", lambda s: tell(s, plain("fd99:e::/64", 65438, 12))


def rows(node) -> dict[str, tuple]:
    """The routes of a dump without their handles: installed, metric, refmetric, router."""
    found = {}
    for row in node.dump("route"):
        is_any = row["from"] in ("::/0", "0.0.0.0/0")
        name = row["prefix"] + ("" if is_any else " from " + row["from"])
        found[name] = (row["installed"], row["metric"], row["refmetric"], row["id"][-2:])
    return found


def play(lab, kind, names):
    a, b = (lab.namespace(name) for name in names)
    lab.veth(a, b)
    a.own("10.91.0.1", "fd91::1")
    node = kind(a, ["l0"], own=[*OWN, "fd99:8::/32"], statements=STATEMENTS,
                first=["router-id 02:00:00:00:00:00:00:91"])
    node.announce("fd99:8::/64")
    speaker = Speaker(b, "l0", speaks=False)
    return node, speaker


def test_states_of_routes(lab):
    """The same rows in every state, but for those that are listed; each listed one is met."""
    (babeld, first), (swabeld, second) = (
        play(lab, Babeld, ("a", "b")), play(lab, Swabeld, ("c", "d")))
    met = set()
    for name, make in states():
        make(first)
        make(second)

        def compared() -> tuple[dict, dict, dict]:
            theirs, ours = rows(babeld), rows(swabeld)
            different = {prefix: (theirs.get(prefix), ours.get(prefix))
                         for prefix in {*theirs, *ours} if theirs.get(prefix) != ours.get(prefix)}
            return theirs, ours, different

        def same() -> bool:
            theirs, _, different = compared()
            reached = name != "usable" or theirs.get("fd99:1::/64", ("",))[1] == "146"
            return reached and bool(theirs) and all(
                listed(prefix, *pair) for prefix, pair in different.items())

        # A packet takes some time on either side.
        time.sleep(0.3)
        try:
            wait_until(same, 10, f"{name}: the same rows", every=0.1)
        except Exception as error:
            raise AssertionError(f"{name}: babeld and swabeld: {compared()[2]}") from error
        met |= {listed(prefix, *pair) for prefix, pair in compared()[2].items()}
    assert met == {UNREACHABLE, OWN_ADDRESS}
    page = (REPOSITORY / "docs/compatibility.md").read_text()
    for row in met:
        assert f"| {row}" in page, f"{row}: not listed"
