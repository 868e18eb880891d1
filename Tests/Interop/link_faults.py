"""Faults of links, neighbours and interfaces."""

from __future__ import annotations

import threading

from babel_node import Pretender
from fault import Act, fault
from stage import CABLE, HOST6, Key, Stage, allowed, drop, end_drop

NEIGHBOURS = "show babel neighbors"
BOTH = "^add (interface|neighbour)"


@fault(
    "One-way link",
    symptom="The neighbour is on the list, yet its routes are gone.",
    ask="explain neighbour fe80::2",
    says=("one-way", "it says that it does not hear us"),
    logs=("neighbour fe80::2 on mesh0", "does not hear us"),
    problem="one-way",
    cure="Take away the other end's firewall rule against UDP port 6696.",
    babeld="^add neighbour", bird=(NEIGHBOURS,))
def one_way_link(stage: Stage) -> Act:
    a, b = stage.pair()
    stage.watch(a)
    stage.peer(b)
    stage.until_routed(a)
    drop(b, "input udp dport 6696")
    yield stage.routed(a)
    end_drop(b)


@fault(
    "Wrong key",
    symptom="The two routers do not see each other since they have keys.",
    ask="explain interface mesh0",
    says=("signed with none of our keys", "the keys differ"),
    logs=("fe80::2", "signed with none of our keys"),
    problem="wrong-key",
    cure="Give both ends the same key.",
    babeld=BOTH, bird=(NEIGHBOURS,))
def wrong_key(stage: Stage) -> Act:
    a, b = stage.pair()
    mine = Key("the key of this end")
    stage.watch(a, key=mine)
    other = stage.peer(b, key=Key("the key of that end"))
    yield stage.routed(a)
    other.tell(mine.statement())


@fault(
    "Key on our side only",
    symptom="The two routers do not see each other since this one has a key.",
    ask="explain interface mesh0",
    says=("are not signed", "a key is missing there"),
    logs=("fe80::2", "not signed"),
    problem="unsigned",
    cure="Give the other end the key.",
    babeld=BOTH, bird=(NEIGHBOURS,))
def key_here_only(stage: Stage) -> Act:
    a, b = stage.pair()
    mine = Key("the key of this end")
    stage.watch(a, key=mine)
    other = stage.peer(b)
    yield stage.routed(a)
    other.tell(mine.statement())
    other.tell(f"interface {CABLE} key k1")


@fault(
    "Key on the other side only",
    symptom="The neighbour is on the list, but no route is, since it has a key.",
    ask="explain neighbour fe80::2",
    says=("It signs its packets, and there is no key on mesh0",),
    logs=("fe80::2 on mesh0 signs its packets", "there is no key on mesh0"),
    problem="unsigned",
    cure="Give this end the key.",
    babeld=BOTH, bird=(NEIGHBOURS,))
def key_there_only(stage: Stage) -> Act:
    a, b = stage.pair()
    theirs = Key("the key of that end")
    node = stage.watch(a)
    stage.peer(b, key=theirs)
    yield stage.routed(a)
    node.tell(theirs.statement())
    node.tell(f"interface {CABLE} key k1")


@fault(
    "MTU hole",
    symptom="Small packets pass and large ones never arrive.",
    ask="explain neighbour fe80::2",
    says=("the way is narrower than the MTU",),
    logs=("neighbour fe80::2 on mesh0", "which fill the MTU"),
    problem="mtu-hole",
    remark="`probe-mtu true` is set at both ends: Hellos are as long as the MTU.",
    cure="Set the MTU of the link, at both ends, to what its way really carries.",
    babeld="^add neighbour", bird=(NEIGHBOURS, "show babel routes"))
def mtu_hole(stage: Stage) -> Act:
    a, b = stage.pair()
    stage.watch(a, newer=["default probe-mtu true"])
    stage.peer(b, statements=["default probe-mtu true"])
    stage.until_routed(a)
    drop(b, "input meta length > 1400", "output meta length > 1400")
    yield stage.routed(a)
    for end in (a, b):
        end.ip("link", "set", CABLE, "mtu", "1380")


@fault(
    "Multicast filtered",
    symptom="There is no neighbour, though ping works over the link.",
    ask="explain interface mesh0",
    says=("Nobody is heard", "Hellos are multicast", "ping ff02::1%mesh0"),
    logs=("interface mesh0", "nobody is heard", "ff02::1:6"),
    problem="nobody-heard", is_guess=True,
    remark="Nothing arrives, so it cannot know whether anybody is there. It says what to try.",
    cure="Let ff02::1:6 pass (firewall, MLD snooping), or name the neighbour.",
    babeld=BOTH, bird=(NEIGHBOURS, "show babel interfaces"))
def multicast_filtered(stage: Stage) -> Act:
    a, b = stage.pair()
    drop(b, "input ip6 daddr ff02::1:6", "output ip6 daddr ff02::1:6")
    stage.watch(a)
    stage.peer(b)
    yield stage.routed(a)
    end_drop(b)


@fault(
    "No link-local address",
    symptom="There is no neighbour on an interface that is up.",
    ask="explain interface mesh0",
    says=("down, no link-local address", "ip addr add fe80::N/64 dev mesh0"),
    logs=("Interface mesh0 is not used", "no link-local address"),
    problem="interface-down",
    cure="ip addr add fe80::1/64 dev mesh0",
    babeld=BOTH, bird=("show babel interfaces",))
def no_link_local(stage: Stage) -> Act:
    a, b = stage.pair(link_local=False)
    b.ip("addr", "add", "fe80::2/64", "dev", CABLE, "nodad")
    stage.watch(a)
    stage.peer(b)
    yield stage.routed(a)
    a.ip("addr", "add", "fe80::1/64", "dev", CABLE, "nodad")


@fault(
    "Flapping neighbour",
    symptom="Connections stall again and again.",
    ask="status",
    says=("neighbour fe80::2 on mesh0 flaps", "it was lost"),
    logs=("neighbour fe80::2 on mesh0 flaps", "it was lost"),
    problem="flapping", lingers=True,
    cure="Repair the link that is named, or leave the interface out.",
    babeld="^add (neighbour|route)", bird=(NEIGHBOURS,))
def flapping_neighbour(stage: Stage) -> Act:
    a, b = stage.pair()
    stage.watch(a)
    peer = Pretender(b, CABLE, hello=0.5)
    peer.announces(HOST6, 0, 7)
    stage.until_routed(a, HOST6)
    ended = threading.Event()
    stage.lab.on_close(ended.set)

    def flap() -> None:
        while not ended.wait(2.5):
            # The Hellos that were not heard are missing.
            peer.seqno += 0 if peer.speaks else 5
            peer.speaks = not peer.speaks
        peer.speaks = True
    threading.Thread(target=flap, daemon=True).start()
    # Eight Hellos, one after another.
    yield lambda: any(row["reach"][:2] == "ff" for row in stage.node.dump("neighbour"))
    ended.set()


# The control socket of wireguard-go has the name of its device, whatever namespace that is in.
tunnels = threading.Lock()


@fault(
    "WireGuard's allowed-ips too narrow",
    symptom="The tunnel is up and pings pass it, but there is no route.",
    ask="explain interface wg0",
    says=("allowed-ips", "ff02::/16"),
    logs=("interface wg0: allowed-ips of no WireGuard peer hold ff02::/16",),
    problem="wireguard-allowed-ips",
    cure="wg set wg0 peer ... allowed-ips 0.0.0.0/0,::/0",
    babeld=BOTH, bird=(NEIGHBOURS, "show babel interfaces"))
def narrow_allowed_ips(stage: Stage) -> Act:
    tunnels.acquire()
    stage.lab.on_close(tunnels.release)
    a, b = stage.machines("ab")
    stage.lab.wireguard(a, b, ("wg0", "wg1"), ipv4=True)
    b.own("10.92.0.1", "fd92::1")
    allowed(a, "wg0", "10.78.0.0/16", "10.92.0.0/16", "fe80::2/128")
    stage.watch(a, ["wg0"])
    stage.peer(b, ["wg1"])
    yield stage.routed(a)
    allowed(a, "wg0", "0.0.0.0/0", "::/0")


@fault(
    "Typo in the name of an interface",
    symptom="The daemon runs and does nothing.",
    ask="explain interface mehs0",
    says=("mehs0: down, no such link", "Is mesh0 meant?"),
    logs=("Interface mehs0 is not used", "is mesh0 meant?"),
    problem="no-such-interface",
    cure="Mend the name in the file, and swabelctl reload.",
    babeld=BOTH, bird=("show babel interfaces",))
def typo(stage: Stage) -> Act:
    a, b = stage.pair()
    node = stage.watch(a, ["mehs0"])
    stage.peer(b)
    yield stage.routed(a)
    node.reload(interfaces=[CABLE])
