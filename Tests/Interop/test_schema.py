"""What `--json` writes fits docs/show.schema.json at every moment of a network that flaps."""

import json
import threading
import time

import jsonschema

from netns import REPOSITORY
from test_show import ask, scene

SCHEMA = json.loads((REPOSITORY / "docs" / "show.schema.json").read_text())
TABLES = ["interfaces", "neighbours", "routes", "exported", "sources", "requests", "limits",
          "load", "gateways", "wireguard"]


def checker(kind):
    return jsonschema.Draft202012Validator({**SCHEMA, "$ref": f"#/$defs/{kind}"})


def test_while_the_network_flaps(lab):
    """A link goes down and up, routes come and go, a neighbour is silent; every line of every table
    and of the status is valid, and rows of each kind were seen."""
    n, a, b, _, _, node = scene(
        lab, "gateway up interface l0 prefix 0.0.0.0/0 probe icmp 10.77.1.2 interval 0.5")
    done = threading.Event()

    def flap():
        for turn in range(1000):
            if done.is_set():
                return
            a.ip("link", "set", "l0", "down" if turn % 2 == 0 else "up")
            b.own(f"fd92::5:{turn:x}")
            # Up for as long as the neighbour needs on a busy machine.
            done.wait(0.4 if turn % 2 == 0 else 1.6)

    thread = threading.Thread(target=flap)
    thread.start()
    seen = {}
    try:
        end = time.monotonic() + 10
        while time.monotonic() < end:
            for table in TABLES:
                for line in ask(node, "show", table, "--json").splitlines():
                    row = json.loads(line)
                    checker(table).validate(row)
                    seen.setdefault(table, []).append(row)
            first, *problems = ask(node, "status", "--json").splitlines()
            checker("status").validate(json.loads(first))
            assert len(problems) == json.loads(first)["problems"]
            for line in problems:
                checker("problem").validate(json.loads(line))
                seen.setdefault("problem", []).append(json.loads(line))
    finally:
        done.set()
        thread.join(5)
    missing = {*TABLES, "problem"} - {"requests", "wireguard"} - seen.keys()
    assert not missing, missing
    assert {row["selected"] for row in seen["routes"]} == {True, False}
    assert len({row["reason"] for row in seen["routes"]}) > 1


def test_the_schema_has_the_keys_that_the_page_lists(lab):
    """docs/control-socket.md names the keys of each table for people."""
    page = (REPOSITORY / "docs" / "control-socket.md").read_text()
    for table in TABLES:
        line = next(line for line in page.splitlines() if line.startswith(f"| `{table}` | `"))
        for key in SCHEMA["$defs"][table]["properties"]:
            assert f"`{key}`" in line, (table, key)
