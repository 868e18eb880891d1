"""The control socket against Debian's babeld: the same scripts, answers compared.

Ids, numbers that depend on time, and addresses of the machine are masked. Known differences are
listed in DIFFERENCES with their reasons, and in docs/compatibility.md.
"""

import re
import time

from daemons import Babeld, Control, Swabeld, settle
from netns import wait_until

OWN = ["10.91.0.0/16", "fd91::/32"]

# Each script is what one client writes, line by line, each line after the answer to the one before.
SCRIPTS = [
    ["dump"], ["dump "], [" dump"], ["\tdump"], ["dump\r"], ["dump # now"], ["dump#now"],
    ["dump now"], ["Dump"], ["DUMP"], ["dum"], ["dumpx"], ['"dump"'], [""], [" "], ["\t"], ["\r"],
    ["#"], ["# dump"], ["   # dump"], ["nonsense"], ["nonsense with words"], ["unmonitor"],
    ["unmonitor x"], ["monitor x"], ["unmonitor", "unmonitor"], ["monitor", "unmonitor"],
    ["monitor", "unmonitor", "monitor", "unmonitor"], ["flush"], ["flush interface"],
    ["flush interface nosuch"], ["flush interface nosuch x"], ["flush nosuch"],
    ["flush neighbour fe80::1"], ["flush route"], ["interface"], ["interface l0"],
    ["interface l0 rxcost 96"], ["interface l0 rxcost"], ["interface l0 rxcost x"],
    ["interface l0 rxcost -1"], ["interface l0 rxcost 65536"], ["interface l0 nonsense 3"],
    ["interface l0 type wired"], ["interface l0 type nonsense"], ["interface l0 hello-interval 1"],
    ["interface l0 hello-interval x"], ["interface l0 split-horizon maybe"],
    ["interface zz9", "flush interface zz9"], ["interface zz9 ", "flush interface zz9 "],
    ["interface zz9 type tunnel rxcost 0x60", "flush interface zz9"],
    ["interface zz9", "interface zz9", "flush interface zz9", "flush interface zz9"],
    ["default"], ["default rxcost 96"], ["default rxcost"], ["default nonsense"],
    ["default type wired hello-interval 1 update-interval 4"],
    ["check-xroutes"], ["dump-neighbors"], ["dump-interfaces"],
    ["reopen-logfile"], ["reopen-logfile x"], ["smoothing-half-life 4"],
    ["smoothing-half-life x"], ["smoothing-half-life"], ["link-detect false"],
    ["link-detect perhaps"], ["key type sha256 value"], ["key id"], ["log-file"], ["shutdown"],
    ["help"], ["quit"], ["dump", "dump", "quit"],
]

# Scripts that swabeld answers in another way, and why.
DIFFERENCES = {
    # The length of a key is checked; babeld fills up with zeros or takes what is there.
}

READ_ONLY = [
    ["dump"], [""], ["nonsense"], ["monitor", "unmonitor"], ["interface l0"], ["default rxcost 96"],
    ["flush interface l0"], ["reopen-logfile"], ["smoothing-half-life 4"], ["quit"],
]


def masked(line: str | None) -> str:
    """A line without what may differ between two runs."""
    if line is None:
        return "(closed)"
    line = re.sub(r"^version .*", "version V", line)
    line = re.sub(r"^(host|my-id) .*", r"\1 X", line)
    line = re.sub(r"^(\w+ (?:neighbour|route)) [0-9a-f]+ ", r"\1 ID ", line)
    line = re.sub(r"10\.77\.\d+\.", "10.77.N.", line)
    line = re.sub(r" id [0-9a-f:]{23} ", " id ROUTER ", line)
    line = re.sub(r"\b(reach|ureach|rxcost|txcost|cost|metric|refmetric) [0-9a-f]+", r"\1 N", line)
    line = re.sub(r" rtt \S+ rttcost \d+", "", line)
    return line


def play(path: str, script: list[str]) -> list[str]:
    """Plays a script on a connection of its own."""
    seen = []
    with Control(path, timeout=3) as control:
        for request in script:
            seen.append(f"> {request!r}")
            control.socket.sendall(request.encode() + b"\n")
            if request == "quit":
                seen.append(masked(control.line()))
                break
            while True:
                line = control.line()
                # Events of other clients' doing, and babeld's repetitions, are not the answer.
                if line is not None and line.startswith("change "):
                    continue
                seen.append(masked(line))
                if line is None or line in ("ok", "bad") or line.startswith("no"):
                    break
    return seen


def network(lab, kind, local="-G"):
    a, b = lab.namespace("a"), lab.namespace("b")
    lab.veth(a, b)
    a.own("10.91.0.1", "fd91::1")
    b.own("10.92.0.1", "fd92::1")
    node = kind(a, ["l0"], own=OWN, local=local)
    other = Babeld(b, ["l0"], own=["10.92.0.0/16", "fd92::/32"])
    settle(node, other)
    wait_until(lambda: len(node.dump("route")) == 2, 30, "both routes are there")
    return node


def compare(lab, scripts, local="-G"):
    """Plays all scripts on both daemons and returns those with different answers."""
    babeld, swabeld = network(lab, Babeld, local), network(lab, Swabeld, local)
    different = {}
    for script in scripts:
        answers = [play(node.control_path, script) for node in (babeld, swabeld)]
        if answers[0] != answers[1]:
            different["\n".join(script)] = answers
    assert babeld.stop() == 0 and swabeld.stop() == 0
    return different


def test_scripts(lab):
    """Every script has the same answers, but for the known differences."""
    different = compare(lab, SCRIPTS)
    for script, why in DIFFERENCES.items():
        assert script in different, f"no longer different: {script!r} ({why})"
    unknown = {key: value for key, value in different.items() if key not in DIFFERENCES}
    assert not unknown, "\n".join(
        f"{key!r}\n  babeld  {old}\n  swabeld {new}" for key, (old, new) in unknown.items())


def test_scripts_read_only(lab):
    assert not compare(lab, READ_ONLY, "-g")


def test_banner(lab):
    """Byte for byte, but for version, host and id."""
    babeld, swabeld = network(lab, Babeld), network(lab, Swabeld)
    banners = []
    for node in (babeld, swabeld):
        with node.control() as control:
            banners.append([masked(line) for line in control.banner])
    assert banners[0] == banners[1]


def test_every_line_has_its_own_answer(lab):
    """Several lines in one write: babeld repeats the first bad answer, we do not."""
    node = network(lab, Swabeld)
    with node.control() as control:
        control.socket.sendall(b"nonsense\n\nflush interface zz\nreopen-logfile\ndump\nquit\nx\n")
        lines = []
        while (line := control.line()) is not None:
            lines.append(line)
    assert lines[:4] == ["bad", "ok", "no No such interface", "ok"]
    assert lines[-1] == "ok" and lines[4].startswith("add interface l0")


def test_live_parameters(lab):
    """`interface` and `default` take effect at once on an interface that is there."""
    node = network(lab, Swabeld)
    with node.control() as control:
        assert control.ask("interface l0 rxcost 200") == ["ok"]
    wait_until(lambda: [r["rxcost"] for r in node.dump("neighbour")] == ["200"], 1, "new rxcost")
    with node.control() as control:
        assert control.ask("interface l0 hello-interval 0.2") == ["ok"]
        assert control.ask("default rxcost 300") == ["ok"]
    time.sleep(0.3)
    assert [r["rxcost"] for r in node.dump("neighbour")] == ["200"], "the interface's own counts"
    with node.control() as control:
        assert control.ask("flush interface l0") == ["ok"]
        assert control.ask("dump")[0].startswith("add xroute"), "interface, neighbour, route gone"
        assert control.ask("interface l0 type wired hello-interval 1") == ["ok"]
    wait_until(lambda: [r["rxcost"] for r in node.dump("neighbour")] == ["300"], 10, "default")
