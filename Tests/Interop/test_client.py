"""`swabelctl`: how it finds the daemon, what it prints, how it ends, and how it ends the daemon."""

import os
import pathlib
import re
import signal
import subprocess
import time

import pytest
from completion import complete, swabelctl_of_two
from daemons import Babeld, Swabeld, binary_under_test
from netns import REPOSITORY, Process, wait_until
from test_crash import FAR, hosts
from test_readme import Host

NOBODY = ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups", "--inh-caps=-all",
          "--bounding-set=-all", "--"]


def client(host, *words, before=(), program=None, **environment):
    """Runs a client in a namespace; returns its status, its output and its complaints."""
    program = program or [binary_under_test(), "ctl"]
    done = subprocess.run(
        ["ip", "netns", "exec", host.name, *before, *program, *words], capture_output=True,
        text=True, timeout=90, stdin=subprocess.DEVNULL,
        env={**os.environ, **environment})
    return done.returncode, done.stdout, done.stderr


def ask(node, *words, **more):
    """The same with the socket of a daemon."""
    return client(node.namespace, "-s", node.control_path, *words, **more)


def two(lab, statements=(), kind=Swabeld, words=(), **more):
    """A node that has learned routes from a neighbour."""
    n, a = lab.namespace("n"), lab.namespace("a")
    lab.veth(n, a)
    a.own(*FAR)
    n.own("10.91.0.1")
    Swabeld(a, ["l0"], own=["10.92.0.0/16", "fd92::/32"])
    node = kind(n, ["l0", *words], own=["10.91.0.0/16"], statements=list(statements), **more)
    wait_until(lambda: hosts(FAR) <= n.reaches() and a.reaches(), 20, "routes are learned")
    return n, a, node


def state(lab):
    return f"state-file {lab.directory / 'state'}"


def test_answers(lab):
    """What comes before the status line is printed; the status line is the exit status."""
    n, _, node = two(lab)
    with node.control() as control:
        dump = control.ask("dump")[:-1]
    status, text, complaint = ask(node, "dump")
    assert (status, complaint) == (0, "") and len(text.splitlines()) == len(dump) > 4
    assert [line.split()[:3] for line in text.splitlines()] == [x.split()[:3] for x in dump]
    assert ask(node, "show", "counters")[1].startswith("counter ")
    assert ask(node, "interface l1 type tunnel") == (0, "", "")
    assert "add interface l1 up false" in ask(node, "dump")[1]
    assert ask(node, "flush", "interface", "l1") == (0, "", "")
    assert ask(node, "flush", "interface", "l1") == (1, "", "swabelctl: No such interface\n")
    assert ask(node, "quit") == (0, "", "")
    for words in (["nonsense"], ["stop", "it"], ["router-id", "02::1"]):
        status, text, complaint = ask(node, *words)
        assert (status, text) == (2, "") and "does not take this" in complaint, (words, complaint)
    for words in ([], ["--nonsense"], ["-s"], ["--timeout", "0", "dump"], ["dump\nstop"]):
        status, text, complaint = client(n, *words)
        assert (status, text) == (2, "") and "Syntax: swabelctl" in complaint, (words, complaint)
    status, text, complaint = client(n, "-h")
    assert (status, complaint) == (0, "") and "--keep-routes" in text
    assert node.stop() == 0


def test_output_that_takes_nothing(lab):
    """What cannot be written is a failure, unless the reader has seen enough."""
    _, _, node = two(lab)
    for request in ("dump", "status", "show routes", "watch --once", "--help", "-V",
                    "ping 10.92.0.9 count 1"):
        program = ["sh", "-c", f"exec {binary_under_test()} ctl \"$@\" >/dev/full", "sh"]
        status, _, complaint = ask(node, *request.split(), program=program)
        assert status == 1 and "No space left" in complaint, (request, complaint)
        program[2] = f"{binary_under_test()} ctl \"$@\" | true"
        assert ask(node, *request.split(), program=program)[2] == "", request
    assert node.stop() == 0


def test_wrong_requests(lab):
    """A request that is wrong whatever the daemon's state ends with 2, one that is refused with 1;
    both say what is taken."""
    n = lab.namespace("n")
    node = Swabeld(n, ["lo"])
    for words, reason in (
            ("explain 300.1.1.1", "no prefix"), ("show routes --bogus", "no option"),
            ("path foo", "no address"), ("trace for 0", "for SECONDS"),
            ("capture - for 0", "for SECONDS"), ("neighbour-cost fe80::1 70000", "0 to 65534"),
            ("drain", "an interface or all"), ("show graph --bogus", "--dot"),
            ("show nonsense", "neighbours, routes"), ("reload --confirm 0", "up to 86400")):
        status, text, complaint = ask(node, *words.split())
        assert (status, text) == (2, "") and reason in complaint, (words, status, complaint)
    log = node.process.text()
    assert "neighbour-cost takes ADDRESS and a cost from 0 to 65534" in log
    assert "show takes interfaces" in log and "did you mean" not in log
    for words, reason in (("drain nowhere", "No such interface"),
                          ("trace interface nowhere", "no interface nowhere")):
        status, text, complaint = ask(node, *words.split())
        assert (status, text) == (1, "") and reason in complaint, (words, status, complaint)
    assert node.stop() == 0


def test_client_of_babeld(lab):
    """What babeld does not know is told so, and a screen that would stay empty is a failure."""
    n = lab.namespace("n")
    node = Babeld(n, ["lo"])
    assert ask(node, "dump")[0] == 0
    for words in (["status"], ["show", "routes"], ["watch", "--once"], ["top", "--once"]):
        status, text, complaint = ask(node, *words)
        assert (status, text) == (2, ""), (words, complaint)
        assert complaint.startswith("swabelctl: this is babeld 1.") and "dump" in complaint
    node.stop()


def test_events(lab):
    """`monitor` goes on until the daemon ends."""
    n, a, node = two(lab)
    output = lab.directory / "events"
    with output.open("wb") as file:
        child = subprocess.Popen(
            ["ip", "netns", "exec", n.name, binary_under_test(), "ctl", "-s", node.control_path,
             "monitor"], stdout=file, stdin=subprocess.DEVNULL)
    lab.on_close(child.kill)
    wait_until(lambda: "add route" in output.read_text(), 5, "the tables")
    a.own("10.92.0.9")
    wait_until(lambda: "10.92.0.9/32" in output.read_text(), 10, "an event")
    assert node.stop() == 0
    assert child.wait(5) == 0 and "flush route" in output.read_text()


def test_where_the_daemon_is(lab):
    """An option, a variable, a configuration; by three names of the program; a Unix socket and a
    port."""
    n = lab.namespace("n")
    node = Swabeld(n, ["lo"])
    link = lab.directory / "swabelctl"
    link.symlink_to(binary_under_test())
    file = lab.directory / "conf"
    file.write_text(f"nonsense here\nlocal-path-readwrite {node.control_path}\n")
    assert client(n, "dump", SWABELD_SOCKET=node.control_path)[0] == 0
    assert client(n, "-c", str(file), "dump", SWABELD_SOCKET="/nonexistent")[0] == 0
    assert client(n, "-s", node.control_path, "dump", program=[str(link)])[0] == 0
    bare = {"program": [binary_under_test()], "SWABELD_SOCKET": node.control_path}
    status, text, _ = client(n, "dump", **bare)
    assert status == 0 and text.startswith("add interface lo")
    assert client(n, "show", "counters", **bare)[0] == 0
    assert client(n, "status", **bare)[0] == 0
    status, _, complaint = client(n, "routes", **bare)
    assert status == 1 and "swabelctl show" in complaint
    assert node.stop() == 0
    status, text, complaint = client(n, "dump", **bare)
    assert (status, text) == (3, "") and f"no socket {node.control_path}" in complaint
    process = Process(n, "swabeld", [
        binary_under_test(), "-I", "", "-S", str(lab.directory / "state"), "-c", "/dev/null", "-G",
        "33123", "-C", "trust-local-port true", "lo"])
    wait_until(lambda: client(n, "-s", "33123", "dump")[0] == 0, 5, "it runs")
    assert "milliseconds" in client(n, "-s", "33123", "restart")[1] and process.alive
    assert client(n, "-s", "33123", "stop")[0] == 0
    assert process.child.wait(5) == 0
    status, _, complaint = client(n, "-s", "33123", "dump")
    assert status == 3 and complaint == "swabelctl: [::1]:33123: nobody listens there\n"
    assert client(n, "-c", "/dev/null", "dump")[0] == 3
    status, _, complaint = client(n, "-c", "/nonexistent/conf", "dump")
    assert status == 3 and "No such file" in complaint


def test_nobody_answers(lab):
    """A socket that was left behind, one of somebody who is silent, one that others may not use:
    each has words of its own."""
    n = lab.namespace("n")
    lab.directory.chmod(0o755)
    node = Swabeld(n, ["lo"])
    status, text, complaint = ask(node, "dump", before=NOBODY)
    assert (status, text) == (3, "")
    assert "this user may not use it" in complaint and "socket-group" in complaint
    node.process.stop(signal.SIGKILL)
    status, _, complaint = ask(node, "dump")
    assert status == 3 and "nobody listens" in complaint
    words = ["socat", f"UNIX-LISTEN:{lab.directory}/silent", "EXEC:sleep 20"]
    silent = subprocess.Popen(words, stdin=subprocess.DEVNULL)
    lab.on_close(silent.kill)
    wait_until((lab.directory / "silent").exists, 5, "a silent socket")
    begin = time.monotonic()
    status, _, complaint = client(
        n, "-s", f"{lab.directory}/silent", "--timeout", "1", "dump")
    assert status == 3 and "within 1 seconds" in complaint
    assert 0.9 < time.monotonic() - begin < 3
    words = ["socat", f"UNIX-LISTEN:{lab.directory}/other,fork", "SYSTEM:yes hello | head -999"]
    other = subprocess.Popen(words, stdin=subprocess.DEVNULL)
    lab.on_close(other.kill)
    wait_until((lab.directory / "other").exists, 5, "another program")
    status, _, complaint = client(n, "-s", f"{lab.directory}/other", "dump")
    assert status == 3 and "not a Babel daemon" in complaint


def test_read_only_socket(lab):
    """Who may only read cannot end the daemon."""
    n = lab.namespace("n")
    node = Swabeld(n, ["lo"], statements=[state(lab)], local="-g")
    for words in (["stop"], ["stop", "--keep-routes"], ["restart"], ["flush", "interface", "lo"]):
        status, _, complaint = ask(node, *words)
        assert status == 2 and "read-only" in complaint
    assert ask(node, "dump")[0] == 0
    assert node.stop() == 0


def test_stop(lab):
    """The neighbour is told, routes and settings are gone, and the process too, when it says so."""
    n, a, node = two(lab, [state(lab)])
    assert ask(node, "stop") == (0, "", "")
    assert node.process.child.wait(1) == 0
    assert not n.routes() and n.sysctl("ipv4/conf/all/forwarding") == "0"
    wait_until(lambda: not a.reaches(), 3, "the neighbour was told")
    assert (lab.directory / "state.swabeld").read_text().split("\n")[1] == "stopped"


def test_stop_and_keep_routes(lab):
    """The next process goes on where this one ended, and the neighbour notices nothing."""
    n, a, node = two(lab, [state(lab)])
    before = n.reaches()
    assert ask(node, "stop", "--keep-routes") == (0, "", "")
    assert node.process.child.wait(1) == 0
    assert n.reaches() == before
    for family, address in (("-4", FAR[0]), ("-6", FAR[1])):
        assert "proto babel" in n.ip(family, "route", "show", address)
    assert n.sysctl("ipv4/conf/all/forwarding") == "1" and a.reaches() == {"10.91.0.1/32"}
    assert (lab.directory / "state.swabeld").read_text().split("\n")[1] == "kept"
    node.start()
    assert n.reaches() == before
    assert node.stop() == 0 and not n.routes()


def test_nothing_to_keep_routes_with(lab):
    """Without notes for the next process both are refused, and nothing happens."""
    n, a, node = two(lab)
    for words in (["stop", "--keep-routes"], ["restart"]):
        status, text, complaint = ask(node, *words)
        assert (status, text) == (1, "") and "state file" in complaint, complaint
    assert hosts(FAR) <= n.reaches() and node.neighbours() and a.reaches()
    assert node.stop() == 0


@pytest.mark.parametrize("title", ["swabeld-state 2", "babel-state 1", "swabeld-state 1"])
def test_notes_of_another_version(lab, title):
    """A process that finds notes it does not understand, from a later version or another program,
    or cut off, says so and starts without them."""
    n, a, node = two(lab, [state(lab)])
    assert ask(node, "stop", "--keep-routes")[0] == 0
    notes = lab.directory / "state.swabeld"
    lines = notes.read_text().splitlines()
    lines[0] = title
    if title == "swabeld-state 1":
        del lines[-1]
    notes.write_text("\n".join(lines) + "\n")
    node.start()
    reason = {"swabeld-state 2": "its version is not known", "babel-state 1":
              "it was not written by swabeld", "swabeld-state 1": "its end is missing"}[title]
    assert f"{notes} is ignored: {reason}." in node.process.text()
    wait_until(lambda: "An earlier process left" in node.process.text(), 5, "routes are found")
    wait_until(lambda: node.neighbours() and hosts(FAR) <= n.reaches(), 20, "routes are confirmed")
    time.sleep(0.5)
    assert hosts(FAR) <= n.reaches()
    assert notes.read_text().startswith("swabeld-state 1\nrunning\n")
    assert node.stop() == 0 and not n.routes()


def test_later_words_in_the_notes(lab):
    """Lines that a later version adds are passed over: after a downgrade routes stay, too."""
    n, _, node = two(lab, [state(lab)])
    before = n.reaches()
    assert ask(node, "stop", "--keep-routes")[0] == 0
    notes = lab.directory / "state.swabeld"
    notes.write_text(notes.read_text().replace("\nend\n", "\nweather sunny\nend\n"))
    node.start()
    assert "is ignored" not in node.process.text() and n.reaches() == before
    assert node.stop() == 0


def test_client_that_cannot_see_the_daemon(lab):
    """In another process namespace the client knows no process id, and still knows when the daemon
    has ended."""
    n, _, node = two(lab, [state(lab)])
    status, text, complaint = ask(
        node, "stop", before=["unshare", "--pid", "--fork", "--mount-proc", "--"])
    assert (status, text, complaint) == (0, "", "")
    wait_until(lambda: not node.process.alive, 2, "the daemon ends")
    assert not pathlib.Path(node.control_path).exists()


def test_init_script(lab):
    """Where there is no systemd: start, status, restart, stop; also twice, and with a mistake."""
    host = Host(lab, "n")
    script = f"sh {REPOSITORY}/packaging/swabeld.init"
    file = host.root / "etc/babeld.conf"
    for name in ("passwd", "group"):
        (host.root / "etc" / name).write_text(pathlib.Path("/etc", name).read_text())

    def run(*words):
        return host.paste(*[f"{script} {word} 2>&1 && echo =0 || echo =$?" for word in words])

    file.write_text("interface lo\nlocal-path-readwrite /run/swabeld.sock\n")
    assert run("status") == "swabeld does not run\n=3\n"
    assert run("start", "start", "status") == "=0\n=0\nswabeld runs\n=0\n"
    number = host.daemon()
    assert "milliseconds\n=0\n" in run("restart") and host.daemon() == number
    file.write_text(file.read_text() + "nonsense\n")
    assert "nonsense" in run("restart") and host.daemon() == number
    file.write_text(file.read_text().replace("nonsense", "user nobody"))
    assert run("restart").endswith("milliseconds\n=0\n") and host.daemon() == number
    assert run("restart").endswith("=0\n") and host.daemon() not in (None, number)
    assert run("stop", "status", "restart", "stop") == (
        "=0\nswabeld does not run\n=3\n=0\n=0\n")
    assert run("dance").startswith("Usage: ")


@pytest.mark.parametrize("line,words", [
    ("swabelctl re", ["reopen-logfile", "reload", "restart"]),
    ("swabelctl -s /run/x stop ''", ["--keep-routes"]),
    ("swabelctl --timeout 3 flush ''", ["interface"]),
    ("swabelctl flush interface l", ["lo"]),
    ("swabelctl interface lo ty", ["type"]),
    ("swabelctl -", ["-s", "-c", "--timeout", "-h", "-V"]),
    ("swabelctl --timeout ''", []),
    ("swabeld ctl show ro", ["routes", "route"]),
    ("swabeld ctl show ev", ["events"]),
    ("swabelctl show events ''", ["neighbour", "interface", "prefix"]),
    ("swabelctl log-level routes no", ["notice"]),
    ("swabelctl trace interface l", ["lo"]),
    ("swabelctl capture /x neighbour fe80::1 ''", ["interface", "neighbour", "for", "packets"]),
    ("swabelctl watch ''", ["--once", "--interval"]),
    ("swabeld st", ["status", "stop"]),
    ("swabeld --ch", ["--check"]),
    ("swabeld -D l", ["lo"]),
])
def test_completion(lab, line, words):
    """For bash; interfaces are those of the machine."""
    found = complete(line)
    assert [word for word in found if word in words] == words
    assert "lo" in words or found == words, found


TYPED = [
    ("show routes --neighbour ", ["fe80::2"]), ("show neighbours --neighbour fe80::", ["2"]),
    ("explain neighbour f", ["fe80::2"]), ("trace neighbour ", ["fe80::2"]),
    ("neighbour-cost ", ["fe80::2"]), ("show events neighbour ", ["fe80::2"]),
    ("explain neighbour x", []), ("show routes --interface l", ["lo"]),
    ("explain interface l", ["lo"]), ("trace neighbour fe80::2 inter", ["interface"]),
    ("show routes --prefix ", []),
]


def test_completion_of_neighbours(lab):
    """bash asks the daemon that the line names for its neighbours, and breaks words at colons."""
    command, node = swabelctl_of_two(lab)
    for line, words in TYPED:
        found = typed(f"{command} {line}")
        assert [word for word in found if word in words] == words, (line, found)
        assert "lo" in words or found == words, (line, found)
    assert node.stop() == 0
    assert not typed(f"{command} show routes --neighbour ")


def typed(line):
    """What bash proposes for a line that is typed: it cuts it at blanks and at colons."""
    script = (f". {REPOSITORY}/packaging/completions/swabelctl.bash; COMP_LINE=$1; "
              'COMP_POINT=${#1}; mapfile -t COMP_WORDS; COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); '
              '_swabelctl; printf "%s\\n" "${COMPREPLY[@]}"')
    words = [word for word in re.split(r" +|(:+)", line) if word]
    words += [""] if line.endswith(" ") else []
    return subprocess.run(
        ["bash", "-uc", script, "bash", line], capture_output=True, text=True, check=True,
        input="".join(f"{word}\n" for word in words)).stdout.split()
