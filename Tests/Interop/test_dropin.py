"""swabeld in the place of babeld: the same command lines and files, the same answers."""

import os
import re
import subprocess

import dropin
import dropin_cases
import dropin_real
import pytest
from daemons import binary_under_test
from dropin_cases import Case
from netns import REPOSITORY

LONG = os.environ.get("SWABELD_LONG") == "1"
SLICES = 8
TEXTS = [real.file for real in dropin_real.REAL if real.file and not real.fork]


def all_cases() -> list[Case]:
    cases = dropin_cases.tabled() + dropin_cases.listed()
    cases += dropin_cases.mutated(1, 3000 if LONG else 200, TEXTS)
    return cases + [real_case(real) for real in dropin_real.REAL]


def real_case(real: dropin_real.Real) -> Case:
    named = ("-c", "t.conf") if real.file else ()
    files = (("t.conf", real.file.encode()),) if real.file else ()
    return Case(real.title, named + real.words, files)


def peer_version() -> str:
    done = subprocess.run([dropin.BABELD, "-V"], capture_output=True, text=True, timeout=10)
    return done.stderr.strip()


def differences(cases: list[Case], directory) -> tuple[list[str], set[str]]:
    """What no row of the table explains, and the rows that explained something."""
    version = peer_version()
    unknown, used = [], set()
    for case in cases:
        dropin.write(case, directory)
        theirs = dropin.start(dropin.BABELD, case, directory)
        ours = dropin.start(binary_under_test(), case, directory)
        why = dropin.same(theirs, ours, case)
        if why is None:
            continue
        number = dropin.explained(why, theirs, ours, case, version)
        if number is None:
            unknown.append(f"{case.title}: {why}\n  babeld {theirs}\n  swabeld {ours}")
        else:
            used.add(number)
    return unknown, used


@pytest.mark.parametrize("part", range(SLICES))
def test_same_answers(lab, part):
    """Acceptance, exit status and first line are babeld's, but for the table's rows."""
    cases = all_cases()
    assert len(cases) >= 2000
    host = lab.namespace("host")
    unknown, _ = host.enter(lambda: differences(cases[part::SLICES], lab.directory))
    assert not unknown, f"{len(unknown)} differences\n" + "\n".join(unknown[:10])


def test_table_of_differences(lab):
    """The rows of the table are the known ones, and each explains something."""
    text = (REPOSITORY / "docs/differences.md").read_text()
    listed = re.findall(r"(?m)^\| (D\d+) \|", text)
    rows = set(listed)
    assert len(listed) == len(rows), "each number once"
    # These rows are about every line of the log, filters, requests while running, and the wire.
    rows -= {"D17", "D18", "D19", "D22"}
    # These are about words that start nothing, the start in the background, and interfaces that
    # leave; test_background.py and test_interface_ends.py try them.
    rows -= {"D31", "D32", "D33"}
    # These are about links and delays; test_dropin_life.py and test_rings.py try them.
    rows -= {"D50", "D51"}
    # This one is about losses; test_tunnel_loss.py tries it.
    rows -= {"D54"}
    # This one is about routes in several tables; test_install_tables.py tries them.
    rows -= {"D53"}
    # These are about what neighbours announce and are told; unit tests (News, Intervals) try them.
    rows -= {"D41", "D42", "D43", "D44", "D45"}
    assert rows == set(dropin.KNOWN) | {"D1"}
    host = lab.namespace("host")
    _, used = host.enter(lambda: differences(dropin_cases.tabled() + dropin_cases.listed(),
                                             lab.directory))
    old = peer_version().startswith("babeld-1.12")
    if old:
        used.add("D16")  # 1.12 frees what was never set: whether it aborts is chance
    assert used == (rows if old else rows - dropin.ONLY_OLD)


def run(lab, words: list[str]) -> subprocess.CompletedProcess:
    return subprocess.run([binary_under_test(), *words], cwd=lab.directory, capture_output=True,
                          text=True, timeout=20, stdin=subprocess.DEVNULL)


def test_real_configurations(lab):
    """Setups found in the wild are accepted or refused as 1.14 does, and checked as they should."""
    host = lab.namespace("host")

    def body():
        for real in dropin_real.REAL:
            case = real_case(real)
            dropin.write(case, lab.directory)
            done = run(lab, ["--check", "-c", dropin_cases.END, *case.words])
            outcome = dropin.start(binary_under_test(), case, lab.directory)
            text = done.stderr + done.stdout
            if real.refused is None:
                # A daemon without an interface does not start, and the check says so.
                fails = "no interface is named" in text
                assert done.returncode == int(fails), f"{real.title}: {text}"
                assert fails == ("no interface" in real.warned), f"{real.title}: {text}"
                assert outcome.accepted, f"{real.title}: {outcome}"
                for part in real.warned:
                    assert part in done.stderr, f"{real.title}: no {part!r} in {text}"
            else:
                assert done.returncode == 1, f"{real.title}: {text}"
                assert real.refused in text, f"{real.title}: {text}"
                assert not outcome.accepted

    host.enter(body)


LINTS = {
    "in ip 10.0.0.0/8\nin ip 10.1.0.0/16 deny": "t.conf:1 matches all",
    "in deny\nin ip ::/0 allow": "t.conf:1 matches all",
    "in ip 10.0.0.0/16 le 8": 'inside "ip" has such a length',
    "in le 1 ge 5": "can never match",
    "in proto 3 deny": '"proto" never matches',
    "out neigh fe80::1 deny": '"neigh" never matches',
    "redistribute eq 24": "IPv6-only",
    "redistribute local ip ::/0 eq 64 deny": "/32 and /128",
    "redistribute proto 42": "protocol 42",
    "in ip fe80::/10 deny": "never routed",
    "in ip 10.0.0.0/8 src-ge 1": "no source-specific IPv4",
    "redistribute deny": "add \"redistribute local deny\"",
    "interface nosuch": "interface nosuch does not exist",
    "interface down0": "interface down0 is down",
    "interface bare0 type tunnel": "no link-local address",
    "interface lo": "loopback",
    "skip-kernel-setup true": "sysctl -w net.ipv4.conf.all.forwarding=1",
    "in if nosuch deny": "nothing matches until it comes",
    "install pref-src 10.9.9.9": "no address of this machine",
    "limit routes 5": "babeld has no limits",
    "kernel-priority 0": "babeld refuses 0",
    "interface v0 wired true": "deprecated",
    "import-table 1\n" * 1 + "".join(f"import-table {n}\n" for n in range(2, 12)): "first 10",
    "interface v0 max-rtt-penalty 50": "no effect without enable-timestamps",
    "key id k type hmac-sha256 value 00": "not used by any interface",
}


def test_check_warns(lab):
    """What is legal but surely wrong is remarked, and the check still succeeds."""
    host = lab.namespace("host")
    host.batch(["link add down0 type veth peer name peer0", "link add bare0 type veth peer name b1",
                "link set bare0 addrgenmode none", "link set bare0 up", "link set b1 up"])
    host.sysctl("ipv4/conf/all/forwarding", "0")

    def body():
        for text, wanted in LINTS.items():
            (lab.directory / "t.conf").write_text(text + "\n")
            done = run(lab, ["--check", "t.conf", "any0"])
            assert done.returncode == 0, done.stderr
            assert wanted in done.stderr, f"{text!r}: no {wanted!r} in {done.stderr}"

    host.enter(body)


def test_answer_of_a_check(lab):
    """What a check says, its exit status and what the daemon does agree."""
    host = lab.namespace("host")
    texts = {
        "": "no interface is named", "# nothing\n": "no interface is named",
        "interface any0\nuser nosuch\n": "there is no such user",
        "interface any0\nsocket-owner nosuch\nlocal-path ./s\n": "there is no such user",
        "interface any0\nsocket-group nosuch\nlocal-path ./s\n": "there is no such group",
        "interface any0\nsource-tables 100 101\nexport-table 100\n": "is used otherwise",
        "interface any0\n": None, "interface any*\n": None,
    }

    def body():
        for text, obstacle in texts.items():
            name = "t.conf" if text else "/dev/null"
            if text:
                (lab.directory / "t.conf").write_text(text)
            for word in ("--check", "--explain"):
                done = run(lab, [word, "-c", name])
                assert done.returncode == (1 if obstacle else 0), f"{text}: {done}"
                assert not obstacle or "error: " in done.stderr and obstacle in done.stderr
                if word == "--check":
                    answer = "would not start, errors: 1" if obstacle else "is valid"
                    assert answer in done.stdout, done.stdout
            if obstacle:
                daemon = run(lab, ["-I", "", "-S", "", "-c", name])
                assert daemon.returncode == 1, daemon
        done = run(lab, ["--check", "-c", "/dev/null", "any0"])
        assert done.returncode == 0, "an interface on the command line will do"

    host.enter(body)


def test_check_sees_boot_routes(lab):
    """A default route made with `ip route add` that a rule only misses for its protocol."""
    host = lab.namespace("host")
    host.batch(["link add v0 type veth peer name p0", "link set v0 up", "link set p0 up",
                "addr add 10.55.0.1/24 dev v0", "route add default via 10.55.0.2",
                "route add 10.56.0.0/24 via 10.55.0.2 table 77"])
    texts = {
        "redistribute ip 0.0.0.0/0 eq 0 allow": True, "redistribute metric 128": True,
        "import-table 77\nredistribute ip 10.0.0.0/8": True,
        "redistribute ip 10.0.0.0/8": False,
        "redistribute ip 0.0.0.0/0 eq 0 proto 3 allow": False, "redistribute deny": False}

    def body():
        for text, told in texts.items():
            (lab.directory / "t.conf").write_text(text + "\ninterface v0\n")
            done = run(lab, ["--check", "t.conf"])
            assert ('is of protocol "boot"' in done.stderr) == told, f"{text}: {done.stderr}"
            assert done.returncode == 0

    host.enter(body)


def test_check_touches_nothing(lab):
    """No file, port or setting changes, whatever the configuration names."""
    host = lab.namespace("host")
    host.sysctl("ipv4/conf/all/forwarding", "0")
    (lab.directory / "state").write_text("123\n")
    (lab.directory / "t.conf").write_text(
        "interface lo\nlocal-path ./sock\npid-file ./pid\nstate-file ./state\n"
        "log-file ./log\ndaemonise true\n")
    before = sorted(os.listdir(lab.directory))
    for word in ("--check", "--explain"):
        done = host.enter(lambda word=word: run(lab, [word, "t.conf"]))
        assert done.returncode == 0, done.stderr
        assert sorted(os.listdir(lab.directory)) == before
    assert (lab.directory / "state").read_text() == "123\n"
    assert host.sysctl("ipv4/conf/all/forwarding") == "0"


def test_explanation_means_the_same(lab):
    """What --explain prints is a configuration that comes to the same."""
    host = lab.namespace("host")

    def body():
        for real in dropin_real.REAL:
            if real.refused is not None or not real.file:
                continue
            (lab.directory / "t.conf").write_text(real.file)
            first = run(lab, ["--explain", "t.conf"])
            (lab.directory / "t.conf").write_text(first.stdout)
            second = run(lab, ["--explain", "t.conf"])
            assert second.returncode == first.returncode, second.stderr
            assert plain(first.stdout) == plain(second.stdout)

    host.enter(body)


def plain(text: str) -> list[str]:
    """Statements without comments."""
    lines = [line.split("  #")[0] for line in text.splitlines()]
    return [line for line in lines if line and not line.startswith("#")]
