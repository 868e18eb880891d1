"""A neighbour that does not hear what goes to the group heals by itself."""

import time

import pytest

from daemons import Babeld, Swabeld
from netns import never, wait_until
from test_client import client
from test_transport import OURS, OWN_A, OWN_B, QUICK, THEIRS, ends, no_multicast

def answer(node, *words):
    status, text, complaint = client(node.namespace, "-s", node.control_path, *words)
    assert status == 0, (words, text, complaint)
    return text


@pytest.mark.parametrize("link", ["veth", "wireguard"])
def test_group_in_one_direction_only(lab, link):
    """What we send to the group is lost. The neighbour is asked by unicast and gets unicast Hellos:
    within half a minute routes go both ways, and events say what was done."""
    a, b, cable = ends(lab, link)
    no_multicast(a)
    begin = time.monotonic()
    node = Swabeld(a, [cable.name(a)], OWN_A, f"type tunnel {QUICK}")
    Swabeld(b, [cable.name(b)], OWN_B, f"type tunnel {QUICK}")
    wait_until(lambda: THEIRS <= a.reaches() and OURS <= b.reaches(), 30, "it heals")
    assert time.monotonic() - begin > 8, "it was not to be healed, so nothing was shown"
    events = answer(node, "show", "events")
    assert "healing asked" in events and "healing unicast-hellos" in events, events
    assert "is sent unicast Hellos from now on" in node.process.text()
    never(lambda: not THEIRS <= a.reaches() or not OURS <= b.reaches(), 8, "it breaks again")


def test_who_forgets_unicast_hellos_is_left_in_peace(lab):
    """babeld removes a neighbour that it does not hear by multicast, every few seconds. After two
    relapses it gets no unicast Hellos any more, and no route comes and goes."""
    a, b, cable = ends(lab)
    no_multicast(a)
    node = Swabeld(a, [cable.name(a)], OWN_A, f"type tunnel {QUICK}")
    Babeld(b, [cable.name(b)], OWN_B, f"type tunnel {QUICK}")
    wait_until(lambda: "healing relapsed" in answer(node, "show", "events"), 45, "it relapses")
    time.sleep(6)  # babeld keeps routes for so long
    never(lambda: THEIRS & a.reaches(), 8, "a route comes back")


def test_nothing_passes_in_one_direction(lab):
    """Nothing at all reaches the neighbour: it is asked in vain, and `explain` says so."""
    a, b, cable = ends(lab)
    b.execute("nft", "add", "table", "inet", "lab")
    b.execute("nft", "add", "chain", "inet", "lab", "in", "{ type filter hook input priority 0; }")
    b.execute("nft", "add", "rule", "inet", "lab", "in", "udp", "dport", "6696", "drop")
    node = Swabeld(a, [cable.name(a)], OWN_A, f"type tunnel {QUICK}")
    Swabeld(b, [cable.name(b)], OWN_B, f"type tunnel {QUICK}")
    wait_until(lambda: "healing asked" in answer(node, "show", "events"), 30, "it is asked")
    text = " ".join(answer(node, "explain", "neighbour", "fe80::2").split())
    assert "It was asked by unicast, too (step 1), and does not answer." in text, text
