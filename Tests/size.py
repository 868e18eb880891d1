#!/usr/bin/env python3
"""What the static file of the daemon consists of: octets for each folder of the sources and for
what else is in it. Every octet of the file is in one row, and no row exceeds its ceiling.

    Tests/size.py [FILE]     default: .build-embedded/x86_64-musl/swabeld
    Tests/size.py --set      sets the ceilings, 5 % above what the file has now

It reads the linker's map beside the file. A function is in the folder that declares it, with all
that the compiler inlined into it. Generic code of Swift's library is compiled once for each type
that it is used with; these copies are one row, since functions of several folders share them.
"""

from __future__ import annotations

import collections
import hashlib
import pathlib
import re
import subprocess
import sys

REPOSITORY = pathlib.Path(__file__).resolve().parent.parent
CEILINGS = REPOSITORY / "Tests/size-ceilings.txt"
MODULES = ["BabelWire", "BabelCore", "BabelKernel", "swabeld"]
TYPE = re.compile(r"\s*(?:[\w()@]+ )*(struct|enum|class|extension|protocol) ([\w.]+)")
MEMBER = re.compile(r"\s*(?:[\w()@]+ )*(?:(?:func|var|let|case) ([^\s(:<=,]+)|(init|subscript)\b)")
# What a name in words begins with before what was declared.
PREFIXES = re.compile(
    r"^(?:(?:specialized|merged|static|(?:implicit )?closure #\d+ in|\w+ #\d+ in|"
    r"default argument \d+ of|one-time initialization function for|"
    r"variable initialization expression of) )+")

# What the linker says of a section: its address twice, size, alignment; then, indented, its name.
LINE = re.compile(r"\s*[0-9a-f]+\s+[0-9a-f]+\s+([0-9a-f]+)\s+\d+ ( *)(.*)$")
LIBRARY = "Swift's library, with its copies for our types"
UNICODE = "Swift's tables of Unicode"
SHARED = "sequences taken out of several functions"
TEXTS = "texts"
CONSTANTS = "constants without a name"
RELOCATIONS = "relocations"
C_LIBRARY = "the C library"
FRAME = "headers, tables of sections, room between sections"


class Sources:
    """Where things are declared."""

    def __init__(self) -> None:
        self.secrets: dict[str, str] = {}
        self.types: dict[tuple[str, str], str] = {}
        # For each module, type and name: folders, with what is between the parentheses.
        self.members: dict[tuple[str, str, str], list[tuple[str, str]]] = (
            collections.defaultdict(list))
        for module in MODULES:
            for file in sorted((REPOSITORY / "Sources" / module).rglob("*.swift")):
                self.read(file, module)

    def read(self, file: pathlib.Path, module: str) -> None:
        folder = str(file.parent.relative_to(REPOSITORY / "Sources"))
        # A private name carries that of its file.
        secret = hashlib.md5(f"{module}{file.name}".encode()).hexdigest().upper()
        self.secrets[secret] = folder
        text, outer = file.read_text(), ""
        for line in re.finditer(r"^.*$", text, re.MULTILINE):
            declared, member = TYPE.match(line[0]), MEMBER.match(line[0])
            if declared:
                names = declared[2].split(".")
                outer = outer if line[0].startswith(" ") else names[0]
                if declared[1] != "extension":
                    self.types[module, names[-1]] = folder
            elif member:
                owner = outer if line[0].startswith(" ") else ""
                parameters = text[line.start() + member.end():].partition(")")[0]
                self.members[module, owner, member[1] or member[2]].append((folder, parameters))

    def folder(self, symbol: str, words: str) -> str | None:
        """The folder of a symbol, by its name in words; nothing if it is not ours."""
        for secret in re.findall(r"[0-9A-F]{32}", symbol):
            if secret in self.secrets:
                return self.secrets[secret]
        if words.startswith(("outlined ", "type metadata", "metaclass", "full type")):
            return self.folder_of_type(re.split(r" (?:of|for) ", words)[-1])
        name = re.match(r"(?:([\w]+)[\w.<>]*\.)?([^\s.(<]+)(.*)", PREFIXES.sub("", words))
        owner, member, labels = (name[1] or "", name[2], name[3]) if name else ("", words, "")
        for module in sorted(MODULES, key=lambda m: symbol.find(f"{len(m)}{m}") % len(symbol)):
            places = self.members[module, owner, member]
            if places:
                return max(places, key=lambda place: likeness(place[1], labels, symbol))[0]
            if (module, owner) in self.types:
                return self.types[module, owner]
        return None

    def folder_of_type(self, words: str) -> str | None:
        for name in re.findall(r"\w+", words):
            for module in MODULES:
                if (module, name) in self.types:
                    return self.types[module, name]
        return None


def likeness(parameters: str, labels: str, symbol: str) -> int:
    """How much the parameters of a declaration are those of a symbol: the same labels, then types
    whose names end as words in it do (the compiler abbreviates words that it has had before)."""
    found = re.findall(r"(\w+)(?: \w+)?: ", parameters)
    has_labels = labels.startswith("(" + "".join(f"{label}:" for label in found) + ")")
    types = re.findall(r"\b[A-Z]\w+", parameters)
    return 100 * has_labels + sum(re.findall("[A-Z][a-z]+|$", t)[0] in symbol for t in types)


def demangled(symbols: list[str]) -> list[str]:
    """Names in words, as Swift writes them."""
    plain = [re.sub(r"(?:\.\d+)+$", "", s) for s in symbols]
    done = subprocess.run(
        ["swift", "demangle", "--simplified"], input="\n".join(plain) + "\n", text=True,
        capture_output=True, check=True)
    return done.stdout.splitlines()


def sections(file: pathlib.Path) -> list[tuple[str, str, int]]:
    """The pieces that the linker put into the file: their section there, their name, octets."""
    pieces, output = [], ""
    for line in file.read_text().splitlines():
        entry = LINE.match(line)
        if not entry:
            continue
        size, indent, name = int(entry[1], 16), len(entry[2]), entry[3]
        if indent == 0:
            output = name
        elif indent == 8 and output not in (".bss", ".relro_padding"):
            pieces.append((output, name, size))
    return pieces


def rows(program: pathlib.Path) -> dict[str, collections.Counter[str]]:
    """For each row, octets of instructions ("code") and of everything else ("data")."""
    pieces = sections(program.with_name("swabeld.map"))
    symbols = []
    for _, name, _ in pieces:
        inner = re.search(r"\blto\.o:\(\.(?:text|rodata|data\.rel\.ro|data)\.(.*)\)$", name)
        symbols.append(re.sub(r"^(?:cst|str)\d.*|^switch\.table\.", "", inner[1]) if inner else "")
    sources, table = Sources(), collections.defaultdict(collections.Counter)
    for (output, name, size), symbol, words in zip(pieces, symbols, demangled(symbols)):
        kind = "code" if output in (".text", ".init", ".fini") else "data"
        table[row(sources, output, name, symbol, words)][kind] += size
    rest = program.stat().st_size - sum(sum(row.values()) for row in table.values())
    table[FRAME]["data"] += rest
    return table


def row(sources: Sources, output: str, name: str, symbol: str, words: str) -> str:
    """The row that a piece of the file belongs to."""
    if output in (".rela.dyn", ".rel.dyn", ".relr.dyn"):
        return RELOCATIONS
    if "libswiftUnicodeDataTables" in name:
        return UNICODE
    if "lto.o:" not in name:
        if ".rodata.str" in name:
            return TEXTS
        if ".rodata.cst" in name:
            return CONSTANTS
        return FRAME if name.startswith("<internal>") else C_LIBRARY
    if "OUTLINED_FUNCTION" in symbol:
        return SHARED
    if not symbol or symbol.startswith("."):
        return CONSTANTS
    is_ours = re.match(r"\$e[sS]?\w{0,3}(?:9Babel|11Babel|7swab)", symbol)
    if not is_ours and re.match(r"\$e[sS]", symbol) and not words.startswith("outlined"):
        return LIBRARY
    return sources.folder(symbol, words) or LIBRARY


def ceilings() -> dict[str, int]:
    lines = [line for line in CEILINGS.read_text().splitlines() if line and line[0] != "#"]
    return {name.strip(): int(octets) for octets, name in (line.split(None, 1) for line in lines)}


def set_ceilings(totals: dict[str, int]) -> None:
    """Writes the ceilings: 5 % above what there is, or 1,000 octets for small parts."""
    head = [line for line in CEILINGS.read_text().splitlines() if line.startswith("#")]
    limits = [(-(-(total + max(total * 5 // 100, 1000)) // 100) * 100, name)
              for name, total in totals.items()]
    CEILINGS.write_text("\n".join(head + [f"{limit:7} {name}" for limit, name in limits]) + "\n")


def main() -> int:
    names = [word for word in sys.argv[1:] if word != "--set"]
    default = REPOSITORY / ".build-embedded/x86_64-musl/swabeld"
    table = rows(pathlib.Path(names[0]) if names else default)
    order = sorted(table, key=lambda name: (not name.startswith(tuple(MODULES)), name))
    totals = {name: sum(table[name].values()) for name in order}
    if "--set" in sys.argv:
        set_ceilings(totals)
    limits, faults = ceilings(), []
    print(f"{'octets':>9} {'code':>9} {'data':>7} {'ceiling':>9}")
    for name, total in totals.items():
        limit, part = limits.get(name), table[name]
        print(f"{total:9} {part['code']:9} {part['data']:7} {limit or '-':>9}  {name}")
        if limit is None:
            faults.append(f"'{name}' has no ceiling in {CEILINGS.name}")
        elif total > limit:
            faults.append(f"'{name}' has {total} octets, over its ceiling of {limit}")
    gone = [name for name in limits if name not in table]
    faults += [f"'{name}' has a ceiling, and nothing is left of it" for name in gone]
    print(f"{sum(totals.values()):9}  the file")
    for fault in faults:
        print(f"Tests/size.py: {fault}", file=sys.stderr)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
