"""Programs that are run on events: what they are told, and what they cannot do to the daemon."""

from __future__ import annotations

import os
import pathlib
import signal
import subprocess
import time

from daemons import Swabeld, settle
from netns import never, wait_until
from test_local_socket import Filed

QUICK = "default type wired hello-interval 0.2 update-interval 1"


def program(lab, name, *lines):
    """A shell script that is a hook."""
    file = lab.directory / name
    file.write_text("#!/bin/sh\n" + "\n".join(lines) + "\n")
    file.chmod(0o755)
    return file


def teller(lab, name="tell"):
    """A hook that writes its environment, and where it writes to: a line for each event. Hooks run
    beside each other, so each line is written at once."""
    told = lab.directory / f"{name}.told"
    told.touch()
    return program(lab, name, 'facts=$(env | sort | grep SWABELD_ | tr "\\n" ";")',
                   f'printf "%s\\n" "$1;$facts" >> {told}'), told


def events(told):
    """Each event with what was told of it."""
    found = []
    for line in told.read_text().splitlines():
        word, *facts = line.rstrip(";").split(";")
        found.append((word, dict(fact.split("=", 1) for fact in facts)))
    return found


def words(told):
    return [word for word, _ in events(told)]


def pair(lab, *lines):
    """A daemon with a file, and its neighbour, which announces default routes."""
    n, m = lab.namespace("n"), lab.namespace("m")
    cable = lab.veth(n, m)
    m.ip("route", "add", "default", "via", "10.77.1.1", "proto", "static")
    node = Filed(n, lab.directory / "control", [QUICK, *lines])
    other = Swabeld(m, ["l0"], parameters=QUICK.removeprefix("default "),
                    first=["redistribute ip 0.0.0.0/0 eq 0 allow"])
    settle(other)
    return n, m, cable, node, other


def test_every_event(lab):
    """Links and neighbours that come and go, default routes that are learned and lost: each is
    told once, with its facts and nothing of our own environment."""
    tell, told = teller(lab)
    kinds = ["neighbour-up", "neighbour-down", "interface-up", "interface-down",
             "default-route-gained", "default-route-lost"]
    n, m, cable, node, other = pair(lab, *[f"hook {kind} {tell}" for kind in kinds])
    expected = ["default-route-gained", "interface-up", "neighbour-up"]
    wait_until(lambda: sorted(words(told)) == expected, 15, lambda: told.read_text())
    facts = dict(events(told))
    up = facts["neighbour-up"]
    assert up["SWABELD_EVENT"] == "neighbour-up" and up["SWABELD_INTERFACE"] == "l0"
    assert up["SWABELD_ADDRESS"] == "fe80::2" and int(up["SWABELD_COST"]) == 96
    with node.control() as control:
        assert up["SWABELD_MY_ID"] == control.banner[3].split()[1]
    assert facts["interface-up"]["SWABELD_ADDRESS"] == "fe80::1"
    gained = facts["default-route-gained"]
    assert gained["SWABELD_PREFIX"] == "0.0.0.0/0" and gained["SWABELD_FAMILY"] == "ipv4"
    assert gained["SWABELD_NEIGHBOUR"] == "fe80::2" and gained["SWABELD_METRIC"] == "96"
    with other.control() as control:
        assert gained["SWABELD_ROUTER_ID"] == control.banner[3].split()[1]
    m.ip("route", "del", "default")
    wait_until(lambda: words(told)[-1] == "default-route-lost", 10, lambda: told.read_text())
    assert events(told)[-1][1]["SWABELD_FAMILY"] == "ipv4"
    other.process.stop(signal.SIGKILL)
    wait_until(lambda: words(told)[-1] == "neighbour-down", 10, lambda: told.read_text())
    cable.set("down")
    wait_until(lambda: words(told)[-1] == "interface-down", 10, lambda: told.read_text())
    assert len(words(told)) == 6, words(told)
    for word, facts in events(told):
        is_first = word in ("neighbour-up", "interface-up", "default-route-gained")
        assert facts["SWABELD_LOSSES"] == ("0" if is_first else "1"), facts
        assert ("SWABELD_LASTED" in facts) is not is_first, facts
    assert 0 <= int(events(told)[-1][1]["SWABELD_LASTED"]) < 60, told.read_text()
    children = children_of(node)
    assert not children, f"all are buried: {children}"


def children_of(node):
    pid = node.process.child.pid
    path = pathlib.Path(f"/proc/{pid}/task/{pid}/children")
    return path.read_text().split()


def test_what_a_program_gets(lab):
    """Its own session, no descriptors of ours, signals as usual, and a plain environment."""
    seen = lab.directory / "seen"
    look = program(
        lab, "look", f"(env | cut -d= -f1 | sort | tr '\\n' ' '; echo; ls /proc/$$/fd | wc -l;"
        f" ls -l /proc/$$/fd | grep -c socket; grep -E 'SigBlk|SigIgn' /proc/$$/status;"
        f" ps -o sid= -p $$; echo $$) > {seen}.new; mv {seen}.new {seen}")
    n = lab.namespace("n")
    n.batch(["link add l0 type veth peer name p0", "link set l0 up", "link set p0 up"])
    os.environ["SWABELD_SECRET"] = "x"
    node = Filed(n, lab.directory / "control", ["metrics-port 9101", f"hook interface-up {look}"])
    wait_until(seen.exists, 10, "the hook has run")
    lines = [line.strip() for line in seen.read_text().splitlines()]
    names = set(lines[0].split()) - {"PWD", "SHLVL", "_", "OLDPWD"}
    assert names == {"PATH", "SWABELD_EVENT", "SWABELD_INTERFACE", "SWABELD_ADDRESS",
                     "SWABELD_MY_ID", "SWABELD_LOSSES"}, names
    # Input, output, errors, the script, and what the shell itself has open for a moment.
    assert int(lines[1]) <= 6 and lines[2] == "0", lines
    masks = dict(line.split(":") for line in lines[3:5])
    # Signal 32 is the C library's own and cannot be set; whoever runs the test may ignore it.
    assert {int(mask, 16) & ~(1 << 31) for mask in masks.values()} == {0}, masks
    assert lines[5] == lines[6], "a session of its own"
    assert node.process.alive


def test_slow_programs_do_not_hold_up_anything(lab):
    """Programs that never end: four at a time, and Hellos leave in time. Of a link that flaps the
    last state is told."""
    mark = lab.directory / "running"
    stuck = program(lab, "stuck", f"echo $$ >> {mark}", "exec sleep 100")
    n, m, cable, node, other = pair(lab, *[f"hook neighbour-up {stuck}{i}" for i in range(8)])
    for index in range(8):
        os.link(stuck, f"{stuck}{index}")
    # They were not there when the neighbour came: that is told, and nothing else happens.
    assert wait_until(lambda: "cannot be executed" in node.process.text(), 10)
    other.stop()
    wait_until(lambda: not node.neighbours(), 10)
    other.start()
    wait_until(lambda: mark.exists() and len(mark.read_text().split()) == 4, 15)
    never(lambda: len(mark.read_text().split()) > 4, 2, "more than four run")
    row = node.dump("neighbour")[0]
    assert int(row["reach"], 16) >= 0xFE00, row
    assert all(int(r["reach"], 16) >= 0xFE00 for r in other.dump("neighbour"))
    for pid in mark.read_text().split():
        os.kill(int(pid), signal.SIGTERM)
    wait_until(lambda: len(mark.read_text().split()) == 8, 10, "the others have their turn")
    first = time.monotonic()
    node.stop()
    assert time.monotonic() - first < 3, "the end does not wait for them"
    for pid in mark.read_text().split()[4:]:
        os.kill(int(pid), signal.SIGKILL)


def test_a_flood_of_events(lab):
    """A link that flaps all the time starts few programs, never two about one thing at once, and
    the last state is the last that is told."""
    tell, told = teller(lab)
    slow = program(lab, "slow", f"exec {tell} $1")
    n = lab.namespace("n")
    n.batch(["link add l0 type veth peer name p0", "link set p0 up"])
    node = Filed(n, lab.directory / "control",
                 [f"hook interface-up {slow}", f"hook interface-down {slow}", "link-detect true"])
    for _ in range(40):
        n.ip("link", "set", "p0", "down")
        n.ip("link", "set", "l0", "up")
        n.ip("link", "set", "p0", "up")
        time.sleep(0.05)
    wait_until(lambda: words(told)[-1:] == ["interface-up"], 10, lambda: told.read_text())
    never(lambda: words(told)[-1] != "interface-up", 2, "an older state is told later")
    assert 3 <= len(words(told)) <= 25, words(told)
    assert node.process.alive


def test_what_the_log_says(lab):
    """How a program ended, if that was not well; what it writes goes where the log goes."""
    bad = program(lab, "bad", "echo out; echo err >&2; exit 3")
    killed = program(lab, "killed", "kill -15 $$")
    n = lab.namespace("n")
    n.batch(["link add l0 type veth peer name p0", "link set l0 up", "link set p0 up"])
    node = Filed(n, lab.directory / "control",
                 [f"hook interface-up {bad}", f"hook interface-up {killed}"])
    wait_until(lambda: f"hook {bad} ended with status 3" in node.process.text(), 10)
    wait_until(lambda: f"hook {killed} was ended by signal 15" in node.process.text(), 10)
    lines = node.process.text().splitlines()
    assert "out" in lines and "err" in lines


def test_only_the_files_name_programs(lab):
    """A socket cannot; a reload can. What is wrong with a statement is said."""
    tell, told = teller(lab)
    n, m, cable, node, other = pair(lab)
    with node.control() as control:
        assert control.ask(f"hook neighbour-down {tell}") == ["bad"]
        assert control.ask("show config --diff") == ["ok"]
        node.write(f"local-path-readwrite {node.control_path}", QUICK,
                   f"hook neighbour-down {tell}")
        answer = control.ask("reload")
        assert answer[-1] == "ok" and f'change + hook neighbour-down "{tell}"' in answer, answer
        other.process.stop(signal.SIGKILL)
        wait_until(lambda: words(told) == ["neighbour-down"], 10, lambda: told.read_text())
        for wrong, hint in [("hook neighbor-up /x", "neighbour-up"), ("hook", "neighbour-up"),
                            ("hook neighbour-up x/y", "from / on"),
                            ("hook neighbour-up", "file")]:
            node.write(f"local-path-readwrite {node.control_path}", wrong)
            answer = control.ask("reload")
            assert answer[-1].startswith("no ") and hint in answer[-1], answer
    done = subprocess.run([node.binary(), "--check", "-C", "hook neighbour-up /not/there", "l0"],
                          capture_output=True, text=True, timeout=20, check=True)
    assert "warning: hook neighbour-up: /not/there cannot be executed" in done.stderr
