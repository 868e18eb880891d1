"""What a reload, its forecast and requests that change something answer: refusals that say what is
in the way, lists with an end, and what was understood."""

import contextlib
import pathlib
import signal
import socket

from daemons import binary_under_test
from netns import wait_until
from test_reload import Configured, beside_a_neighbour


def alone(lab, lines):
    """A daemon without neighbours that reads a file."""
    n, a = lab.namespace("n"), lab.namespace("a")
    lab.veth(n, a, ("l0", "l0"))
    return n, Configured(n, lines)


def listing(directory):
    """Names, kinds and identities of all that is below a directory, logs and state left out."""
    found = {}
    for path in sorted(pathlib.Path(directory).rglob("*")):
        if path.suffix not in (".log", ".conf"):
            status = path.lstat()
            found[str(path)] = (status.st_mode, status.st_ino)
    return found


@contextlib.contextmanager
def listening(namespace, port):
    """Somebody who listens on a TCP port of ::1."""
    def listen():
        server = socket.create_server(("::1", port), family=socket.AF_INET6)
        server.listen()
        return server

    with namespace.enter(listen) as server:
        yield server


def test_a_forecast_tries_sockets_and_files(lab):
    """What a reload would refuse because it cannot open it, the forecast refuses with the same
    words; nothing is left behind, and nothing of others is touched."""
    n, node = alone(lab, ["interface l0"])
    place = lab.directory / "places"
    place.mkdir()
    (place / "plain").write_text("text\n")
    (place / "folder").mkdir()
    (place / "link").symlink_to(place / "plain")
    others = socket.socket(socket.AF_UNIX)
    others.bind(str(place / "others"))
    others.listen()
    stale = socket.socket(socket.AF_UNIX)
    stale.bind(str(place / "stale"))
    stale.close()
    before = listing(place)
    with listening(n, 4711):
        for statement, words in (
                ("{} none/socket", "its directory is missing"),
                ("{} plain/socket", "plain/socket"),
                ("{} plain", "a file is there, which is no socket"),
                ("{} folder", "a directory is there, which is no socket"),
                ("{} link", "a link, pipe or device is there"),
                ("{} others", "another daemon listens there"),
                ("{} " + "x" * 110, "name too long"),
                ("local-port-readwrite 4711", "[::1]:4711: another daemon listens there"),
                ("metrics-port 4711", "[::1]:4711: another daemon listens there"),
                ("log-file {place}/none/log", "No such file or directory"),
                ("log-file {place}/folder", "s a directory")):
            kinds = ("local-path-readwrite", "metrics-path") if statement[:2] == "{}" else ("",)
            for kind in kinds:
                line = statement.replace("{place}", str(place))
                line = line.replace("{} ", f"{kind} {place}/")
                answers = []
                for request in ("reload --dry-run", "reload"):
                    node.write(["interface l0", line])
                    answers.append(node.ask(request))
                assert answers[0] == answers[1], line
                assert answers[0][-1].startswith("no "), answers
                assert words.lower() in answers[0][-1].lower(), answers
                assert listing(place) == before, line
    same = f"{place}/same"
    node.write(["interface l0", f"local-path-readwrite {same}", f"metrics-path {same}"])
    for request in ("reload --dry-run", "reload"):
        assert "cannot be at the same place" in node.ask(request)[-1]
    for line in (f"metrics-path {place}/stale", f"metrics-path {place}/new", "metrics-port 4711",
                 f"log-file {place}/log"):
        node.reload(["interface l0", line], "reload --dry-run")
        assert listing(place) == before, line
    node.reload(["interface l0", f"metrics-path {place}/stale", f"log-file {place}/log"])
    assert (place / "log").exists()
    with socket.socket(socket.AF_UNIX) as reader:
        reader.connect(str(place / "stale"))
    assert node.stop() == 0


def test_a_start_says_what_is_in_the_way(lab):
    """A plain file at the path of the local socket: it stays, and the message says what it is."""
    n = lab.namespace("n")
    file = lab.directory / "plain"
    file.write_text("text\n")
    text = n.execute("sh", "-c", f"{binary_under_test()} -G {file} -I '' -S '' lo 2>&1",
                     check=False)
    assert "a file is there, which is no socket" in text, text
    assert "another daemon" not in text
    assert file.read_text() == "text\n"


def test_a_signal_is_answered_once(lab):
    """The log has the result of a reload by SIGHUP once."""
    lines = ["interface l0", "reload-on-sighup true"]
    _, node = alone(lab, lines)
    node.write([*lines, "in ip 10.92.0.0/16 deny"])
    node.process.child.send_signal(signal.SIGHUP)
    wait_until(lambda: "SIGHUP" in node.process.text(), 5, "the signal is noticed")
    node.ask("status")
    text = node.process.text()
    assert text.count("reloaded") == 1 and text.count("SIGHUP") == 1, text
    assert "SIGHUP: the configuration was reloaded, changes: 1" in text
    node.write([*lines, "nonsense"])
    node.process.child.send_signal(signal.SIGHUP)
    wait_until(lambda: "not reloaded" in node.process.text(), 5, "the mistake is told")
    node.ask("status")
    assert node.process.text().count("nonsense") == 1, node.process.text()


def test_a_long_list_has_an_end(lab):
    """Of more than 1,000 changes of a kind the answer says how many more there are."""
    _, node = alone(lab, ["interface l0"])
    rules = [f"in ip 10.{n // 256}.{n % 256}.0/24 deny" for n in range(1200)]
    for request in ("reload --dry-run", "reload"):
        answer = node.reload(["interface l0", *rules, "smoothing-half-life 5"], request)
        changes = [line for line in answer if line.startswith("change ")]
        assert len(changes) == 1001 and changes[-1] == "change and 201 more", changes[-3:]
    assert len(node.ask("show config --diff")) == 1
    answer = node.reload(["interface l0", *[rule.replace("10.", "11.", 1) for rule in rules]])
    changes = [line for line in answer if line.startswith("change ")]
    assert sum(line.startswith("change + ") for line in changes) == 1000
    assert sum(line.startswith("change - ") for line in changes) == 1000


def test_a_rule_says_something(lab):
    """A rule of nothing is refused, wherever it is to stand; one for everything must be asked for.
    An implicit rule cannot be removed, and the answer says why and what to do."""
    _, node = alone(lab, ["interface l0"])
    for chain in ("in", "out", "redistribute", "install"):
        for request in (f"rule add {chain}", f"rule add {chain} at 1"):
            answer = node.ask(request)
            assert answer[-1].startswith("no ") and f"rule add {chain} allow" in answer[-1], answer
    assert node.ask("rule add in at 1 allow") == ["ok"]
    assert node.ask("rule add in at") == ["bad"] and node.ask("rule add") == ["bad"]
    rules = [line for line in node.ask("show rules") if "implicit" in line]
    assert len(rules) == 1, rules
    number = rules[0].split()[2]
    answer = node.ask(f"rule remove redistribute {number}")
    assert answer[-1].startswith(f"no Rule {number} is implicit"), answer
    assert "rule add redistribute local deny" in answer[-1]
    assert node.ask("rule remove redistribute 99") == ["no No such rule"]


def test_the_cost_of_a_stranger(lab):
    """A cost for an address that no neighbour has is kept, and the answer says so."""
    _, node = beside_a_neighbour(lab, ["interface l0"])
    answer = node.ask("neighbour-cost fe80::99 100")
    assert answer[-1] == "ok" and answer[0].startswith("note fe80::99 is no neighbour now"), answer
    assert "fe80::2 (l0)" in answer[0]
    assert "# neighbour-cost fe80::99 100" in node.ask("show config")
    assert node.ask("neighbour-cost fe80::2 100") == ["ok"]
    assert node.ask("neighbour-cost fe80::99 0") == ["ok"]
    assert not any("fe80::99" in line for line in node.ask("show config"))
