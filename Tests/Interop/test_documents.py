"""The examples of the manual page and of the other documents, taken from their own text."""

import re
from pathlib import Path

from netns import REPOSITORY, wait_until
from test_readme import Host

MANUAL = (REPOSITORY / "docs/swabeld.8").read_text()
EXAMPLES = re.findall(r"^\.Bd -literal.*\n((?:.*\n)*?)^\.Ed", MANUAL, re.M)
COMMANDS = re.compile(r"^(?:\(umask|mkdir|swabeld|swabelctl|echo|mv|kill|nft|systemctl)\b", re.M)


def manual(*words: str) -> str:
    """The only example of the manual in which all these words stand."""
    found = [text for text in EXAMPLES if all(word in text for word in words)]
    assert len(found) == 1, (words, found)
    return found[0]


def blocks(name: str) -> list[str]:
    """What stands between fences, or is set in by four blanks, in one of the documents."""
    text = (REPOSITORY / "docs" / name).read_text()
    fenced = re.findall(r"^```\n(.*?)^```", text, re.M | re.S)
    indented = re.findall(r"(?:^    .+\n)+", re.sub(r"(?ms)^```.*?^```", "", text), re.M)
    return fenced + [re.sub(r"(?m)^    ", "", block) for block in indented]


def two(lab, name: str) -> tuple[Host, Host]:
    """Two hosts that a link joins, with an address each."""
    hosts = Host(lab, "a"), Host(lab, "b")
    lab.veth(hosts[0].namespace, hosts[1].namespace, (name, name), ipv4=False)
    for number, host in enumerate(hosts, start=1):
        host.namespace.own(f"10.91.0.{number}")
    return hosts


def test_every_example_of_the_manual_is_run_here(lab):
    """Whoever adds one finds this list: running it, checking it, the key, and the rest by hand."""
    assert len(EXAMPLES) == 6, EXAMPLES
    assert sum(bool(COMMANDS.match(text)) for text in EXAMPLES) == 5


def test_manual_by_hand(lab):
    """Start, ask, add an interface, rotate the log, stop."""
    a, b = two(lab, "wg0")
    lab.veth(a.namespace, b.namespace, ("wg1", "wg1"), ipv4=False)
    start, stop = manual("swabeld -D").splitlines()
    ask, add = manual("swabelctl dump").splitlines()
    for host in (a, b):
        host.paste(start)
    a.learns("10.91.0.2/32")
    assert "prefix 10.91.0.2/32" in a.paste(ask)
    assert a.paste(add) == "" and "interface wg1 up true" in a.paste(ask)
    a.paste(manual("-USR2"))
    logs = a.root / "var/log"
    wait_until((logs / "babeld.log").exists, 5, "the new log")
    assert (logs / "babeld.log.1").exists()
    a.paste(stop)
    wait_until(lambda: not a.daemon(), 5, "it ends")
    assert not a.namespace.reaches()


def test_manual_key(lab):
    """Both sides have the key that one has made; whoever has none is not heard."""
    a, b = two(lab, "wg0")
    *prepare, run = manual("keygen").splitlines()
    a.paste(*prepare)
    refused = a.paste("swabeld --check -c /etc/swabeld/key.conf -C 'default key k1' 2>&1 || true")
    assert "-C is applied before any file" in refused, "why it is not done so"
    key = (a.root / "etc/swabeld/key.conf").read_text()
    assert (a.root / "etc/swabeld/key.conf").stat().st_mode & 0o777 == 0o600
    (b.root / "etc/swabeld").mkdir()
    (b.root / "etc/swabeld/key.conf").write_text(key)
    for host in (a, b):
        host.paste(f"{run} -D -H 1")
    a.learns("10.91.0.2/32")
    b.learns("10.91.0.1/32")
    b.paste("kill $(cat /run/babeld.pid)")
    wait_until(lambda: not b.daemon(), 5, "it ends")
    a.learns()
    b.paste("swabeld -D -H 1 wg0")
    wait_until(lambda: "not signed" in (a.root / "var/log/babeld.log").read_text(), 10, a.state)
    assert not a.namespace.reaches()


def test_manual_check(lab):
    """The example of a configuration passes the examples of a check."""
    host = Host(lab, "a")
    (host.root / "etc/babeld.conf").write_text(manual("interface wg-*"))
    check, explain = manual("--check").splitlines()
    assert "configuration is valid" in host.paste(check)
    assert "interface wg-* type tunnel" in host.paste(explain) or (
        "hello-interval 2" in host.paste(explain))


def test_statements_of_the_documents(lab):
    """Each block of statements is a valid configuration."""
    host = Host(lab, "a")
    (host.root / "etc/swabeld").mkdir()
    host.paste("umask 077; echo 00112233445566778899aabbccddeeff > /etc/swabeld/k2.key")
    for name in ("passwd", "group"):  # a check looks the names up that a statement gives
        more = "babelweb:x:4242:\n" if name == "group" else ""
        (host.root / "etc" / name).write_text(Path("/etc", name).read_text() + more)
    first = re.compile(
        r"(default|interface|key|redistribute|socket-mode|in|local-path\S*) [^A-Z]+$")
    found = [block for name in ("configuration.md", "control-socket.md") for block in blocks(name)
             if first.match(block.splitlines()[0].split("#")[0].strip())]
    assert len(found) == 5, found
    for block in found:
        if not re.search(r"(?m)^interface ", block):
            block += "\ninterface l0\n"  # a daemon without an interface does not start
        (host.root / "etc/babeld.conf").write_text(block)
        assert "configuration is valid" in host.paste("swabeld --check /etc/babeld.conf"), block


def test_messages_of_the_documents(lab):
    """What docs/configuration.md shows of a check is what a check says."""
    host = two(lab, "l0")[0]
    error, remarks = (next(block for block in blocks("configuration.md") if words in block)
                      for words in ("Couldn't parse", "$ swabeld --check"))
    file = host.root / "etc/babeld.conf"
    file.write_text("# Two letters.\n\ninterface l0 rxcots 5\n")
    assert host.paste("swabeld --check /etc/babeld.conf 2>&1 || true") == error
    file.write_text("interface l0\n\nredistribute ip 10.0.0.0/8\n"
                    "redistribute ip 10.1.0.0/16 deny\n\n"
                    "redistribute deny\n")
    command, _, expected = remarks.removeprefix("$ ").partition("\n")
    assert host.paste(f"{command} 2>&1") == expected


def test_commands_of_the_fuzz_page(lab):
    """What it says of another processor is what `make test` does."""
    page = (REPOSITORY / "Fuzz/README.md").read_text()
    command = re.search(r"(?m)^Fuzz/replay (\S+) (\S+)$", page)
    script = (REPOSITORY / "Tests/run").read_text()
    assert command and f"checked_on armv7 {command[1]}\n" in script
    program = re.search(r'program="(\S+)"', script)
    assert program and program[1].replace("$1", "armv7") == command[2]
    assert 'Fuzz/replay "$2" "$program"' in script


def test_commands_of_the_simulation_page(lab):
    """Its filters find tests, and what it plants is planted in a line that is there."""
    page = (REPOSITORY / "docs/simulation.md").read_text()
    planted = re.findall(r"sed -i 's/(.*?)/.*?/' \\\n\s+(\S+)", page)
    filters = re.findall(r"swift test [^`\n]*--filter ('[^']+'|\S+)", page)
    assert planted and len(filters) >= 3
    for line, file in planted:
        assert line in (REPOSITORY / file).read_text(), file
    names = []
    for path in (REPOSITORY / "Tests/SimulationTests").glob("*.swift"):
        text = path.read_text()
        suite = re.search(r"@Suite\S* struct `(.*?)`", text)
        title = suite[1] if suite else ""
        names += [f"{title}/{name}" for name in re.findall(r"func `(.*?)`", text)]
    for words in filters:
        pattern = words.strip("'")
        assert any(re.search(pattern, name) for name in names), pattern
