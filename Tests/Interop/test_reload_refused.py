"""Routes that the kernel refuses: a forecast says so beforehand, and a reload that takes the reason
away brings them back at once."""

import pytest
from netns import wait_until
from test_crash import FAR, hosts
from test_reload import beside_a_neighbour, effects

ONE = "10.92.0.1/32"
STRANGE = "install ip 10.92.0.0/16 pref-src 10.44.0.1"


def both(node, lines):
    """The effects that a forecast names, and that the reload then names: they are the same."""
    answers = [[line for line in node.reload(lines, request) if line.startswith("effect")]
               for request in ("reload --dry-run", "reload")]
    assert answers[0] == answers[1]
    return answers[1]


def test_a_refusal_is_foreseen(lab):
    """The address is not ours, so the kernel refuses the route, which is lost."""
    n, node = beside_a_neighbour(lab, ["interface l0"])
    answer = both(node, ["interface l0", STRANGE])
    assert effects(answer, "lost") == {ONE} and effects(answer, "refused") == {ONE}, answer
    assert not effects(answer, "gained") and not effects(answer, "changed")
    assert answer[-1].endswith(", 1 refused by the kernel"), answer
    assert n.reaches() == hosts(FAR) - {ONE}
    # It stays refused, which is no effect of a change that is about something else.
    answer = both(node, ["interface l0", STRANGE, "smoothing-half-life 7"])
    assert answer[-1].startswith("effects: 0 routes lost, 0 gained, 0 changed, 0 announced"), answer
    assert answer[-1].endswith(", 0 refused by the kernel"), answer
    # The address is ours now, and another rule wants it.
    n.ip("addr", "add", "10.44.0.1/32", "dev", "lo")
    wait_until(lambda: n.reaches() == hosts(FAR), 10, "it is tried again")
    answer = both(node, ["interface l0", STRANGE + " kernel-metric 5"])
    assert effects(answer, "changed") == {ONE} and not effects(answer, "refused"), answer


@pytest.mark.parametrize("removal", ["reload", "rule remove", "other"])
def test_the_reason_goes(lab, removal):
    """A rule goes, or says something else: the kernel is asked at once, however long the next trial
    would have been away."""
    n, node = beside_a_neighbour(lab, ["interface l0", "log-level routes debug"])
    node.reload(["interface l0", STRANGE])
    assert n.reaches() == hosts(FAR) - {ONE}
    # After each trial the next one is twice as far away: now it is four seconds.
    wait_until(lambda: node.process.text().count("kernel_route(add)") >= 4, 10, "trials")
    if removal == "rule remove":
        assert node.ask("rule remove install 1") == ["ok"]
    else:
        lines = [] if removal == "reload" else ["install ip 10.92.0.0/16 pref-src 127.0.0.1"]
        answer = both(node, ["interface l0", *lines])
        assert effects(answer, "gained") == {ONE}, answer
        assert effects(answer, "announced") == set(), answer
    assert n.reaches() == hosts(FAR)


def test_a_place_that_is_taken(lab):
    """Somebody else's route is at the place that a new metric would give ours."""
    n, node = beside_a_neighbour(lab, ["interface l0"])
    n.ip("route", "add", ONE, "dev", "lo", "metric", "77", "proto", "static")
    node.reload(["interface l0", "install ip 10.92.0.0/16 kernel-metric 77"])
    assert ONE not in n.ip("route", "show", "proto", "42")


def test_a_taken_place_is_foreseen(lab):
    """While somebody has the place of our route it is refused; another metric brings it back, and
    one that is taken, too, is known to be."""
    n, node = beside_a_neighbour(lab, ["interface l0", "install ip 10.92.0.0/16 kernel-metric 5"])
    n.ip("route", "add", ONE, "dev", "lo", "metric", "77", "proto", "static")
    answer = both(node, ["interface l0", "install ip 10.92.0.0/16 kernel-metric 77"])
    assert effects(answer, "refused") == {ONE} and effects(answer, "lost") == {ONE}, answer
    answer = both(node, ["interface l0", "install ip 10.92.0.0/16 kernel-metric 6"])
    assert effects(answer, "gained") == {ONE}, answer
