"""The examples of docs/migrating.md, from the text of the page."""

import pathlib
import re
import subprocess

import pytest
from daemons import Bird, Swabeld, binary_under_test, next_serial
from netns import wait_until
from test_crash import FAR, OWN, hosts

PAGE = (pathlib.Path(__file__).parents[2] / "docs" / "migrating.md").read_text()
FENCE = re.compile(r"^```(bird|swabeld)( complete)?\n(.*?)^```$", re.S | re.M)
EXAMPLES = [(kind, bool(mark), text) for kind, mark, text in FENCE.findall(PAGE)]


def of(kind, complete=None):
    return [text for one, whole, text in EXAMPLES
            if one == kind and complete in (None, whole)]


def test_each_example_has_its_counterpart(lab):
    kinds = [kind for kind, _, _ in EXAMPLES]
    assert len(kinds) >= 14 and kinds == ["bird", "swabeld"] * (len(kinds) // 2)


def test_examples_of_swabeld_are_right(lab):
    for text in of("swabeld"):
        file = lab.directory / "swabeld.conf"
        file.write_text(text if "interface" in text else text + "interface lo0\n")
        found = subprocess.run([binary_under_test(), "--check", "-c", str(file)],
                               capture_output=True, text=True, timeout=20, check=False)
        assert found.returncode == 0, f"{text}\n{found.stdout}{found.stderr}"


def test_examples_of_bird_are_right(lab):
    for text in of("bird"):
        file = lab.directory / "bird.conf"
        whole = text if "router id" in text else "router id 10.0.0.1;\n" + text
        file.write_text(whole if "device" in text else "protocol device { }\n" + whole)
        found = subprocess.run(["bird", "-p", "-c", str(file)], capture_output=True, text=True,
                               timeout=20, check=False)
        assert found.returncode == 0, f"{text}\n{found.stdout}{found.stderr}"


class Written(Swabeld):
    """swabeld with a file of its own."""

    def __init__(self, namespace, text):
        self.namespace = namespace
        directory = namespace.lab.directory
        self.control_path = str(directory / f"{next_serial()}.sock")
        file = directory / f"{next_serial()}.conf"
        file.write_text(text)
        self.words = [self.binary(), "-I", "", "-S", "", "-G", self.control_path, "-c", str(file)]
        self.process = None
        self.start()


class WrittenBird(Bird):
    """BIRD with a file of its own."""

    def __init__(self, namespace, text):
        self.text = text
        super().__init__(namespace, ["l0"])

    def write(self):
        pathlib.Path(self.file).write_text(self.text)


@pytest.mark.parametrize("program", ["bird", "swabeld"])
def test_the_complete_example_does_the_same(lab, program):
    """Either side of the example, with the same neighbour: it learns and tells the same."""
    n, a = lab.namespace("n"), lab.namespace("a")
    lab.veth(n, a)
    n.own(*OWN, "10.90.0.1", "fd90::1")
    a.own(*FAR, "10.93.0.1", "fd93::1")
    [text] = of(program, complete=True)
    node = (WrittenBird if program == "bird" else Written)(n, text)
    other = Swabeld(a, ["l0"], own=["10.92.0.0/15", "fd92::/32", "fd93::/32"])
    wait_until(lambda: n.reaches(node.proto) == hosts(FAR), 30, "learned: what the filter lets in")
    wait_until(lambda: a.reaches() == hosts(OWN), 30, "told: what is redistributed")
    routes = [row for row in other.dump("route") if row["prefix"] in hosts(OWN)]
    assert {row["id"] for row in routes} == {"00:00:00:00:0a:00:00:01"}
