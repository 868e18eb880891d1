"""The recipes of docs/cookbook.md, from the document's own text, and how each fares when something
breaks."""

from __future__ import annotations

import re
import shutil
import socket

from mesh import program
from netns import never, wait_until
from recipes import PAGE, RECIPES, Recipe, Stream, Visitors, cable

TRIED = [
    "Full mesh over WireGuard", "Servers that move", "Gateways with failover",
    "Clients that carry nothing", "An island with IPv4 only", "VXLAN over the mesh",
    "Exit through a tunnel", "Firewall"]


def pings(recipe: Recipe, name: str, address: str) -> bool:
    return recipe[name].namespace.ping(address)


def test_each_recipe_is_tried(lab):
    """Whoever adds one finds this list; the table at the top names each."""
    assert list(RECIPES) == TRIED
    for title in TRIED:
        assert f"[{title}](#{title.lower().replace(' ', '-')})" in PAGE, title


def test_full_mesh(lab):
    """Written by swabelmesh; a tunnel that only loses packets is gone round."""
    recipe = Recipe(lab, TRIED[0], "laptop berlin paris oslo boat")
    box = recipe.internet(berlin=1, paris=2, oslo=3)
    harbour = lab.namespace("harbour")
    cable(box, "harbour", harbour, "out")
    cable(harbour, "in", recipe["boat"].namespace, "eth0")
    box.ip("link", "set", "harbour", "master", "br0")
    harbour.forward()
    harbour.batch(["addr add 203.0.113.9/24 dev out", "addr add 192.168.3.1/24 dev in"])
    recipe["boat"].namespace.batch(["addr add 192.168.3.2/24 dev eth0",
                                    "route add default via 192.168.3.1 proto static"])
    harbour.execute("nft", "-f", "-", stdin=(
        "table ip nat { chain post { type nat hook postrouting priority 100; "
        "oifname out masquerade; }; }"))
    laptop = recipe["laptop"].root
    shutil.copy(program(), laptop / "run/bin/swabelmesh")
    recipe.play("The list")
    for name in ("berlin", "paris", "oslo", "boat"):
        shutil.copytree(laptop / "srv/mesh/mesh.out" / name, recipe[name].root / "srv/mesh")
    recipe.play("On each machine")
    recipe.play("Does it work?")
    stream = Stream(lab, recipe["paris"].namespace, recipe["berlin"].namespace, "10.20.1.1")
    recipe.play("When a tunnel fails")
    stream.survives(15)
    recipe.end()


def test_servers_that_move(lab):
    """A connection lives through two moves, each found within seconds."""
    recipe = Recipe(lab, TRIED[1], "north south web")
    recipe.cable("north", "south")
    user = recipe.lan("north", "eth2", "10.42.1.")
    recipe.cable("north", "web", "eth1 eth0")
    recipe.play("The routers")
    recipe.play("The server")
    recipe.play("Does it work?")
    wait_until(lambda: user.ping("10.42.100.10"), 10, "the user reaches the server")
    stream = Stream(lab, user, recipe["web"].namespace, "10.42.100.10")
    for number, router in enumerate(("south", "north", "south")):
        recipe["web"].namespace.ip("link", "del", "eth0")
        recipe.cable(router, "web", "eth1 eth0")
        stream.survives(10)
        if number == 0:
            recipe.play("After the move")
    recipe.end()


DEAD = "table inet dead {{ {} }}".format("".join(
    f" chain {hook} {{ type filter hook {hook} priority -300; policy drop; }}; "
    for hook in ("input", "output", "forward")))


def test_gateways(lab):
    """The other gateway takes over when one dies, and when only its uplink does."""
    recipe = Recipe(lab, TRIED[2], "first spare hub")
    far = recipe.internet(first=21, spare=22)
    recipe.cable("hub", "first", "eth1 eth1")
    recipe.cable("hub", "spare", "eth2 eth1")
    host = recipe.lan("hub", "lan0", "192.168.7.")
    recipe.play("The gateways")
    recipe.play("Everybody else")
    recipe.play("Does it work?")
    leaves_by = Visitors(lab, far)
    assert leaves_by(host) == "203.0.113.21"
    recipe["first"].paste(f"nft '{DEAD}'")
    recipe.play("When a gateway dies", within=8)
    assert leaves_by(host) == "203.0.113.22"
    recipe["first"].paste("nft delete table inet dead")
    wait_until(lambda: leaves_by(host) == "203.0.113.21", 30, "the first one is back")
    far.execute("nft", "-f", "-", stdin=(
        "table ip cut { chain in { type filter hook prerouting priority -300; "
        "ip saddr 203.0.113.21 drop; }; }"))
    recipe.play("When only its uplink fails", within=10)
    assert leaves_by(host) == "203.0.113.22"
    recipe.end()


def test_clients_that_carry_nothing(lab):
    """Not even when a client is the only way that is left."""
    recipe = Recipe(lab, TRIED[3], "left right laptop")
    recipe.cable("left", "right", "eth1 eth1")
    recipe.cable("left", "laptop", "eth0 eth0")
    recipe.cable("right", "laptop", "eth0 eth1")
    recipe.play("The routers")
    recipe.play("The client")
    recipe.play("Does it work?")
    recipe.play("When the laptop is the only path")
    never(lambda: pings(recipe, "left", "10.20.2.1"), 3, "the laptop carries it")
    # The second line of defence: a route made by hand.
    recipe["right"].paste("nft 'table inet seen { chain in { type filter hook prerouting priority "
                          "-300; ip saddr 10.20.1.1 counter; }; }'")
    dump = recipe["left"].paste("swabelctl dump")
    by_laptop = re.search(r"add neighbour \S+ address (\S+) if eth0", dump)[1]
    recipe["left"].namespace.ip(
        "route", "replace", "10.20.2.1/32", "via", "inet6", by_laptop, "dev", "eth0")
    assert not pings(recipe, "left", "10.20.2.1")
    seen = recipe["right"].paste("nft list table inet seen")
    assert "counter packets 0 " in seen, seen
    recipe.end()


def test_island(lab):
    """IPv4 goes over tunnels without IPv4 addresses to links without IPv6; a box may die."""
    recipe = Recipe(lab, TRIED[4], "main pier shore inner")
    recipe.internet(main=1, pier=2, shore=3)
    recipe.switch("pier:eth1", "shore:eth1", "inner:eth0")
    for name, interface, number in (
            ("pier", "eth1", 1), ("shore", "eth1", 2), ("inner", "eth0", 3)):
        machine = recipe[name].namespace
        machine.sysctl(f"ipv6/conf/{interface}/disable_ipv6", "1")
        machine.ip("addr", "add", f"10.30.1.{number}/24", "dev", interface)
    host = recipe.lan("inner", "eth1", "10.30.2.")
    recipe.play("Tunnels")
    recipe.play("Babel")
    recipe.play("Does it work?")
    wait_until(lambda: pings(recipe, "main", "10.30.2.2"), 10, "the island's inside")
    stream = Stream(lab, recipe["main"].namespace, host, "10.30.2.2")
    recipe.play("When a box dies")
    stream.survives(10)
    recipe.end()


def test_vxlan(lab):
    """Hosts at both sites are on one Ethernet, and a connection between them lives through the loss
    of the line."""
    recipe = Recipe(lab, TRIED[5], "east west mid")
    recipe.cable("east", "west")
    recipe.cable("east", "mid", "eth2 eth0")
    recipe.cable("west", "mid", "eth2 eth1")
    hosts = []
    for number, site in enumerate(("east", "west"), start=1):
        host, machine = lab.namespace(f"{site}-host"), recipe[site].namespace
        machine.batch(["link add br0 type bridge", "link set br0 up"])
        cable(machine, "port0", host, "eth0")
        machine.ip("link", "set", "port0", "master", "br0")
        host.batch(["link set eth0 mtu 1430", f"addr add 10.60.0.{number}/24 dev eth0"])
        hosts.append(host)
    recipe.play("Babel")
    recipe.play("VXLAN")
    recipe.play("Does it work?")
    wait_until(lambda: hosts[0].ping("10.60.0.2"), 10, "one Ethernet")
    hosts[0].execute("ping", "-c", "1", "-W", "2", "-M", "do", "-s", "1402", "10.60.0.2")
    stream = Stream(lab, *hosts, "10.60.0.2")
    recipe.play("When the line between the sites fails")
    stream.survives(10)
    recipe.end()


def test_exit(lab):
    """Guests leave by the exit, or not at all; the family does not notice."""
    recipe = Recipe(lab, TRIED[6], "home exit")
    far = recipe.internet(home=70, exit=80)
    guest = recipe.lan("home", "guest0", "192.168.50.")
    family = recipe.lan("home", "lan0", "192.168.1.")
    for part in ("Tunnel", "Babel", "NAT", "Does it work?"):
        recipe.play(part)
    leaves_by = Visitors(lab, far)
    assert leaves_by(guest) == "203.0.113.80" and leaves_by(family) == "203.0.113.70"
    recipe.play("When the exit is gone")
    never(lambda: guest.ping("198.51.100.1"), 2, "guests leave by the line of the house")
    assert leaves_by(family) == "203.0.113.70"
    recipe.play("When it is back")
    assert leaves_by(guest) == "203.0.113.80"
    recipe.end()


def test_firewall(lab):
    """Babel's port is closed to the outside, and the mesh works; a forgotten rule is named."""
    recipe = Recipe(lab, TRIED[7], "alpha beta")
    outside = recipe.internet(alpha=11, beta=12)
    for part in ("The rules", "Tunnel and Babel", "Does it work?"):
        recipe.play(part)
    knock = outside.enter(lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
    with knock:
        for _ in range(3):
            knock.sendto(b"\x2a\x02\x00\x00", ("203.0.113.11", 6696))
    recipe.play("Who knocks")
    recipe.play("When the rule for the tunnels is missing", within=40)
    assert pings(recipe, "alpha", "10.20.2.1")
    recipe.end()
