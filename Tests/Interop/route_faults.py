"""Faults of routes: filters, distances, the kernel, and who has which address."""

from __future__ import annotations

import time

from babel_node import Pretender
from daemons import settle
from fault import Act, fault
from netns import wait_until
from stage import CABLE, HOST, HOST6, ROUTED_WITHIN, THEIRS, Stage

DENY = "in ip 10.0.0.0/8 deny"
KEEP = "out ip 10.92.0.0/16 deny"
ENTRIES, ROUTES = "show babel entries", "show babel routes"


@fault(
    "Route filtered in",
    symptom="The neighbour is usable, but a route of it is not there.",
    ask="explain 10.92.0.1/32",
    says=("denied by an in filter", DENY, "must not deny it"),
    logs=("prefix 10.92.0.1/32 of fe80::2 on mesh0 is denied by", DENY),
    problem="routes-refused",
    cure="Take the rule out of the file, and swabelctl reload.",
    babeld="^add (neighbour|route)",
    bird=("show route 10.92.0.1/32 all", ROUTES))
def filtered_in(stage: Stage) -> Act:
    a, b = stage.pair()
    node = stage.watch(a, statements=[DENY], inward="if net ~ [10.0.0.0/8+] then reject;")
    stage.peer(b, own=THEIRS[:1])
    settle(node)
    yield stage.routed(a)
    node.reload(DENY)


@fault(
    "Route filtered out by the peer",
    symptom="One prefix of a neighbour is missing, others are there.",
    first="explain 10.92.0.1/32",
    first_says=("Nobody announces 10.92.0.1/32 to us",),
    ask="explain out 10.92.0.1/32",
    says=("mesh0: not announced, because of", KEEP),
    logs=("prefix 10.92.0.1/32 is kept from mesh0 by", KEEP),
    problem=None,
    cure="Take the rule out of the peer's file, and swabelctl reload there.",
    babeld="^add (neighbour|xroute)",
    bird=("show route noexport babel1", ENTRIES))
def filtered_out(stage: Stage) -> Act:
    a, b = stage.pair()
    node = stage.watch(b, own=THEIRS, statements=[KEEP], announced=[HOST, HOST6],
                       outward="if net ~ [10.92.0.0/16+] then reject;")
    stage.other = stage.peer(a, own=[])
    wait_until(lambda: HOST6 in a.reaches(), ROUTED_WITHIN, f"a route to {HOST6}")
    yield lambda: HOST in a.reaches()
    node.reload(KEEP)


@fault(
    "Better route not feasible",
    symptom="Traffic takes an expensive way although a cheap one is known.",
    ask="explain fd92::1/128",
    says=("not feasible", "is not better than what we announced", "newer seqno"),
    logs=("fd92::1/128", "whose better route is not feasible"),
    problem="unfeasible",
    cure="The router that originates it announces a newer seqno.",
    babeld="^add route", bird=(ROUTES, ENTRIES))
def better_unfeasible(stage: Stage) -> Act:
    a, b, c = stage.triangle()
    stage.watch(a, [CABLE, "mesh1"])
    direct = Pretender(b, CABLE)
    direct.announces(HOST6, 0, 7)
    stage.until_routed(a, HOST6)
    direct.rxcost = 900
    other = Pretender(c, CABLE, address="fe80::3")
    other.announces(HOST6, 100, 7)
    stage.until_shown("show babel neighbors", r"txcost 900|fe80::2 +mesh0 +900")
    yield lambda: any(row["via"] == "fe80::3" and row["installed"] == "yes"
                      for row in stage.node.dump("route"))
    direct.announces(HOST6, 0, 8)
    other.announces(HOST6, 100, 8)


@fault(
    "Kernel refuses a route",
    symptom="The route is known, but packets do not take it.",
    ask="explain 10.92.0.1/32",
    says=("cannot be installed", "Invalid argument (Invalid prefsrc address)"),
    logs=("10.92.0.1/32", "Invalid prefsrc address"),
    problem="not-installed",
    cure="Give the machine the address that pref-src names.",
    babeld="^add route.* prefix 10.92", bird=("show route 10.92.0.1/32 all", ROUTES))
def kernel_refuses(stage: Stage) -> Act:
    a, b = stage.pair()
    stage.watch(a, statements=["install ip 10.92.0.0/16 pref-src 10.91.0.7"],
                kernel="if net ~ [10.92.0.0/16+] then krt_prefsrc = 10.91.0.7;")
    stage.peer(b)
    stage.until_routed(a, HOST6)
    yield stage.routed(a)
    a.own("10.91.0.7")


@fault(
    "Foreign route shadows ours",
    symptom="The route is in use, and packets go elsewhere.",
    ask="explain fd92::1/128",
    says=("somebody else's route, and the kernel prefers it to ours", "dev old0"),
    logs=("fd92::1/128", "prefers a route of somebody else"),
    problem="shadowed",
    cure="ip -6 route del fd92::1/128 dev old0",
    babeld="^add route.* prefix fd92", bird=("show route fd92::1/128 all", ROUTES))
def foreign_route(stage: Stage) -> Act:
    a, b = stage.pair()
    stage.watch(a)
    stage.peer(b)
    stage.until_routed(a, HOST6)
    a.batch(["link add old0 type veth peer name old1", "link set old0 up", "link set old1 up"])
    a.ip("-6", "route", "add", HOST6, "dev", "old0", "metric", "5", "proto", "static")
    yield lambda: CABLE in a.ip("-6", "route", "get", "fd92::1")
    a.ip("-6", "route", "del", HOST6, "dev", "old0", "metric", "5")


@fault(
    "Prefix announced by two routers",
    symptom="Connections to one host end up at another.",
    ask="explain 10.92.0.1/32",
    says=("Several routers announce it as their own",),
    logs=("10.92.0.1/32 is announced by two routers", "02:00:00:00:00:00:00:0b",
          "02:00:00:00:00:00:00:0c"),
    problem="two-originators",
    cure="Take the address from one of the two, unless both are meant to have it.",
    babeld="^add route", bird=(ENTRIES, ROUTES))
def two_originators(stage: Stage) -> Act:
    a, b, c = stage.triangle()
    stage.watch(a, [CABLE, "mesh1"])
    for end in (b, c):
        end.own("10.92.0.1")
        stage.peer(end)
    stage.until_routed(a)
    yield lambda: "Several" not in stage.node.ask("explain 10.92.0.1/32")
    c.ip("addr", "del", "10.92.0.1/32", "dev", "lo")


@fault(
    "Our own address announced elsewhere",
    symptom="This machine is reached from some places, and not from others.",
    ask="explain 10.91.0.5/32",
    says=("It is an address of this machine", "02:00:00:00:00:00:00:0b", "fe80::2"),
    logs=("our own address 10.91.0.5/32 is announced by another router",),
    problem="own-address",
    cure="Take the address from the other router.",
    babeld="^add (xroute|route).* prefix 10.91", bird=(ENTRIES, ROUTES))
def own_address(stage: Stage) -> Act:
    a, b = stage.pair()
    a.own("10.91.0.5")
    stage.watch(a)
    stage.peer(b, own=[*THEIRS, "10.91.0.0/16"])
    stage.until_routed(a)
    b.own("10.91.0.5")
    yield lambda: "Nobody announces" in stage.node.ask("explain 10.91.0.5/32")
    b.ip("addr", "del", "10.91.0.5/32", "dev", "lo")


# The router-ids of the one that is watched; BIRD makes its own of the one it has for all protocols.
WATCHED_ID = {"bird": "00:00:00:00:0a:00:00:63"}


@fault(
    "Router-id of another machine",
    symptom="Two routers hear each other, and neither has a route to the other.",
    ask="explain 10.92.0.1/32",
    says=("announces it with our own router-id", "another machine has the same router-id"),
    logs=("another machine has our router-id", "fe80::2 on mesh0", "10.92.0.1/32"),
    problem="router-id-twice",
    cure="Give the other router a router-id of its own, and restart it.",
    babeld="^add (neighbour|route)", bird=("show babel neighbors", ENTRIES))
def router_id_twice(stage: Stage) -> Act:
    a, b = stage.pair()
    begun = time.monotonic()
    stage.watch(a)
    # For as long as a route lasts, what comes back may be what an earlier life announced.
    lifetime = 14 if stage.quick else 56
    wait_until(lambda: time.monotonic() > begun + lifetime + 1, lifetime + 5, "it has run so long")
    taken = WATCHED_ID.get(stage.program, "02:00:00:00:00:00:00:0a")
    clone = stage.peer(b, own=THEIRS[:1], statements=[f"router-id {taken}"])
    yield stage.routed(a)
    clone.stop()
    clone.statements.remove(f"router-id {taken}")
    clone.write()
    clone.start()
