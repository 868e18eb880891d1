"""What real clients of babeld's socket do with its lines, written anew: each class takes the
lines of a session and fails where the real client would give up."""

from __future__ import annotations

import ipaddress
import re

U16 = range(0, 65536)


class Refused(AssertionError):
    """The client would drop the connection."""


class Table:
    """babelweb2: tables by kind and id, with a type for each field; `add` of a known id, `change`
    and `flush` of an unknown one, or a bad value end the connection."""

    NUMBERS = {"rxcost", "txcost", "cost", "rttcost", "metric", "refmetric"}
    KINDS = {
        "interface": {"up", "ipv4", "ipv6"},
        "neighbour": {"address", "if", "reach", "rxcost", "txcost", "cost", "rtt", "rttcost"},
        "route": {"prefix", "from", "installed", "id", "metric", "refmetric", "via", "if"},
        "xroute": {"prefix", "from", "metric"},
    }

    def __init__(self) -> None:
        self.rows: dict[tuple[str, str], dict[str, str]] = {}
        self.updates = 0

    def take(self, line: str) -> None:
        words = line.split()
        if not words or words[0] not in ("add", "change", "flush"):
            return
        if len(words) < 3 or words[1] not in self.KINDS:
            raise Refused(f"unknown table: {line}")
        key = (words[1], words[2])
        if (words[0] == "add") == (key in self.rows):
            raise Refused(f"{'known' if words[0] == 'add' else 'unknown'} id: {line}")
        if len(words) % 2 != 1:
            raise Refused(f"a field without value: {line}")
        values = {}
        for name, value in zip(words[3::2], words[4::2]):
            if name in self.KINDS[words[1]]:
                values[name] = self.value(name, value, line)
        self.updates += 1
        if words[0] == "change" and values == self.rows[key] and words[1] != "neighbour":
            raise Refused(f"nothing changed: {line}")
        if words[0] == "flush":
            del self.rows[key]
        else:
            self.rows[key] = values

    def value(self, name: str, value: str, line: str) -> str:
        try:
            if name in self.NUMBERS:
                if int(value) not in U16:
                    raise ValueError
            elif name == "reach":
                if len(value) != 4 or int(value, 16) not in U16:
                    raise ValueError
            elif name in ("address", "via", "ipv4", "ipv6"):
                ipaddress.ip_address(value)
            elif name in ("prefix", "from"):
                ipaddress.ip_network(value)
            elif name == "up" and value not in ("true", "false"):
                raise ValueError
            elif name == "installed" and value not in ("yes", "no"):
                raise ValueError
            elif name == "id" and not re.fullmatch(r"([0-9a-f]{2}:){7}[0-9a-f]{2}", value):
                raise ValueError
        except ValueError:
            raise Refused(f"bad {name}: {line}") from None
        return value


def babelhelper(line: str) -> dict[str, str]:
    """libbabelhelper: known keywords and their values, an unknown word is skipped with its own."""
    known = "address cost from id if installed ipv4 ipv6 metric prefix reach refmetric rxcost " \
        "txcost up ureach via".split()
    words = line.split()
    return {name: value for name, value in zip(words[3::2], words[4::2]) if name in known}


AREDN_INTERFACE = re.compile(r"interface ([^ ]+) .+ ipv6 ([^ ]+) ipv4 ([^ ]+)")
AREDN_NEIGHBOUR = re.compile(
    r"address ([^ ]+) if ([^ ]+) reach ([^ ]+) .+ rxcost ([^ ]+) txcost ([^ ]+).* cost (.+)")
AREDN_ROUTE = re.compile(
    r"^add route .+ prefix ([^ /]+).+installed yes.+ metric ([^ ]+).+nexthop ([^ ]+) "
    r"table ([0-9]+).+if (.+)$")
MESH_MANAGER_ROUTE = re.compile(
    r"^add route .+ prefix ([^ /]+)/([0-9]+) .* installed yes .* metric ([0-9]+)")
MESH_MANAGER_NEIGHBOUR = re.compile(
    r"^add.*address ([^ \t]+) if ([^ \t]+) reach ([^ \t]+) .* rxcost ([^ \t]+) txcost ([^ \t]+)")


def after(line: str, word: str) -> str:
    """Rita: the word after a word."""
    words = line.split(" ")
    if word not in words:
        raise Refused(f"no {word}: {line}")
    return words[words.index(word) + 1]


def rita(dump: list[str]) -> tuple[int, list[dict[str, str]], list[dict[str, str]]]:
    """Rita: fee, neighbours and routes of a dump; every field it requires must be there."""
    fee = int(after(dump[0], "fee"))
    if not dump[0].startswith("local fee "):
        raise Refused(dump[0])
    neighbours, routes = [], []
    for line in dump:
        if line.startswith("add neighbour"):
            names = "neighbour address if reach txcost rxcost cost"
            row = {n: after(line, n) for n in names.split()}
            assert all(int(row[n]) in U16 for n in ("txcost", "rxcost", "cost"))
            neighbours.append(row)
        elif line.startswith("add route"):
            row = {n: after(line, n) for n in (
                "route", "if", "installed", "via", "prefix", "metric", "refmetric",
                "full-path-rtt", "price", "fee")}
            float(row["full-path-rtt"])
            assert all(int(row[n]) in U16 for n in ("metric", "refmetric"))
            assert int(row["price"]) < 1 << 32 and int(row["fee"]) == fee
            routes.append(row)
    return fee, neighbours, routes


def cut(line: str, *fields: int) -> list[str]:
    """`cut -d " " -f …`, which counts from 1."""
    words = line.split(" ")
    return [words[field - 1] for field in fields]
