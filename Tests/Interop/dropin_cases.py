"""Configurations and command lines on which babeld and swabeld must agree.

Each case is a list of options and the files they name. `files` that a case brings are written to
the directory both programs run in; `END` is appended, so that a program which accepts everything
stops before it touches anything.
"""

from __future__ import annotations

import dataclasses
import random

# The pid file is the first thing a program makes once it has understood everything. Files
# override options, so this holds whatever a case says.
END = "end.conf"
END_TEXT = "daemonise false\npid-file /nonexistent/dropin/pid\nlog-file /dev/stderr\n"


@dataclasses.dataclass(frozen=True)
class Case:
    """One start: words of the command line, and the content of the files they name."""

    title: str
    words: tuple[str, ...]
    files: tuple[tuple[str, bytes], ...] = ()

    @property
    def text(self) -> bytes:
        """What is configured, for rules that look at it."""
        return b"\n".join([word.encode() for word in self.words] + [t for _, t in self.files])


def file(text: str | bytes, title: str | None = None) -> Case:
    """One configuration file."""
    octets = text.encode() if isinstance(text, str) else text
    return Case(title or repr(text)[:100], ("-c", "t.conf"), (("t.conf", octets),))


def statement(text: str) -> Case:
    """One -C statement."""
    return Case(f"-C {text!r}", ("-C", text))


def options(*words: str) -> Case:
    """A command line."""
    return Case(" ".join(repr(word) for word in words), words)


# Values of the global statements: those that both take, then those that both refuse.
NUMBERS = ["1", "0x10", "010", "+5", "65534", "65535", "65536", "-1", "0", "00", "0x", "1x", "x",
           "08", "1.0", "--1", "+", '"1"', "1,2", "0X1f", "0b1", "1e3", "1_000"]
BOOLEANS = ["true", "false", "yes", "no", "auto", "default", "1", "0", "on", "off", "True",
            "YES", '"true"', "tru", "none"]
THOUSANDS = ["4", "0.5", ".5", "4.", "4.25", "0.001", "0.0009", "655.35", "655.351", "655.36",
             "0", ".", "1e1", "+1", "-1", "4s", "0x4", "4,5", "4.5.5", '"4"', "00004", "655350"]
ADDRESSES = ["ff02::1:6", "::1", "1.2.3.4", "01.2.3.4", "1.2.3", "1.2.3.256", "::ffff:1.2.3.4",
             "fe80::1%lo", "ff02::g", "ff02:::6", "1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7:8:9", ":",
             "::", "FE80::A", "default", "1.2.3.4/32", '"::1"', "0x7f.1"]
PREFIXES = ["default", "0.0.0.0/0", "::/0", "10.0.0.0/8", "10.1.2.3/8", "10.0.0.0/33",
            "10.0.0.0/-1", "10.0.0.0/0x8", "10.0.0.0/010", "10.0.0.0/8x", "2001:db8::/32",
            "2001:db8::/129", "2001:db8::1", "10.0.0.1", "10.0.0/8", "/8", "::ffff:10.0.0.0/104",
            "2001:db8::/+32", "10.0.0.0/ 8", "any", "0::0/0", "10.0.0.0/8/8", '"::/0"']
IDS = ["02:00:00:00:00:00:00:01", "2:0:0:0:0:0:0:1", "02-00-00-00-00-00-00-01",
       "ac:1f:6b:e5:fe:3a", "ac-1f-6b-e5-fe-3a", "1.2.3.4", "02:00:00:00:00:00:00",
       "02:00:00:00:00:00:00:01:02", "02:00:00:00:00:00:00:01x", "g2:00:00:00:00:00:00:01",
       "020000000000001", "::1", "auto", "1", '"ac:1f:6b:e5:fe:3a"', "02:00:00:00:00:00:00:0",
       "AC:1F:6B:E5:FE:3A", "02 00", "fe80::1", "02:00:00:00:00:00-00:01",
       "ff:ff:ff:ff:ff:ff:ff:ff", "00:00:00:00:00:00:00:00", "0-0-0-0-0-0-0-0",
       "FF-FF-FF-FF-FF-FF-FF-FF"]
STRINGS = ["/run/x", '""', '"/run/x"', '"a b"', '"a\\"b"', '"a', 'a"b', '"a"b', "x", "a\\ b",
           '"a\\', '"a\tb"', '"#"', "a#b"]

GLOBAL = {
    "protocol-group": ADDRESSES, "protocol-port": NUMBERS, "kernel-priority": NUMBERS,
    "local-port": NUMBERS, "local-port-readwrite": NUMBERS, "export-table": NUMBERS,
    "import-table": NUMBERS, "allow-duplicates": NUMBERS, "kernel-check-interval": NUMBERS,
    "shutdown-delay-ms": NUMBERS, "debug": NUMBERS, "smoothing-half-life": NUMBERS,
    "reflect-kernel-metric": BOOLEANS, "random-id": BOOLEANS, "ipv6-subtrees": BOOLEANS,
    "link-detect": BOOLEANS, "daemonise": BOOLEANS, "skip-kernel-setup": BOOLEANS,
    "router-id": IDS, "state-file": STRINGS, "pid-file": STRINGS, "log-file": ["/dev/stderr"],
    "local-path": STRINGS, "local-path-readwrite": STRINGS,
}
PARAMETERS = {
    "type": ["wired", "wireless", "tunnel", "auto", "default", "Wired", "ethernet", '"wired"'],
    "rxcost": NUMBERS, "hello-interval": THOUSANDS, "update-interval": THOUSANDS,
    "link-quality": BOOLEANS, "split-horizon": BOOLEANS, "unicast": BOOLEANS,
    "enable-timestamps": BOOLEANS, "rfc6126-compatible": BOOLEANS, "probe-mtu": BOOLEANS,
    "v4-via-v6": BOOLEANS, "accept-bad-signatures": BOOLEANS, "faraway": BOOLEANS,
    "wired": BOOLEANS, "max-rtt-penalty": NUMBERS, "rtt-decay": NUMBERS + ["256", "257"],
    "rtt-min": THOUSANDS, "rtt-max": THOUSANDS, "key": ["nokey", '"k"'],
}
SELECTORS = {
    "ip": PREFIXES, "src-ip": PREFIXES, "eq": NUMBERS, "le": NUMBERS, "ge": NUMBERS,
    "src-eq": NUMBERS, "src-le": NUMBERS, "src-ge": NUMBERS, "neigh": ADDRESSES, "id": IDS,
    "proto": NUMBERS, "if": STRINGS, "metric": NUMBERS, "src-prefix": PREFIXES,
    "table": NUMBERS, "pref-src": ADDRESSES,
}
BARE = ["local", "allow", "deny"]
CHAINS = ["in", "out", "redistribute", "install"]

# Words that babeld 1.14 knows elsewhere, or that only older versions or forks know.
FOREIGN = [
    "diversity 3", "diversity true", "diversity-factor 128", "keep-unfeasible true",
    "first-table-number 7", "first-rule-priority 100", "kernel-install false", "fee 3",
    "max-update-retry 0", "protocol-buffer-size 65535", "redistribute anyproto deny",
    "in anyproto neigh fe80::1 deny", "metric-factor 256", "v4-over-v6 true",
    "parasitic true", "wireless true", "hello-interval 4",
    "rxcost 96", "type wired", "ip ::/0 deny", "allow", "deny", "include x.conf", "quit", "dump",
    "monitor", "unmonitor", "reopen-logfile", "flush interface v0", "flush", "flush v0",
    "flush interface", "flush interface v0 x", 'flush interface "v0"', "interface", "default",
    "key", "in", "out", "redistribute", "install", "interface v0 channel 3",
    "interface v0 channel interfering", "interface v0 v4viav6 true", "interface v0 interfering 1",
    "default channel 255", "default hmac k", "default faraway", "Interface v0", "INTERFACE v0",
    "interface=v0", "interface v0 type=wired", "interface v0,v1", "interface v0 v1",
    "interface v0 rxcost", "interface v0 96", "interfaces v0", "redistribute all",
    "redistribute local local", "in out", "local-port", "state-file", "import-table 254 255",
    "debug 1 2", "random-id", "random-id true true", "router-id", "allow_duplicates 5",
]
KEYS = [
    "interface v0 key none",
    "key id k type hmac-sha256 value 00ff", "key value 00ff type hmac-sha256 id k",
    "key id k type blake2s128 value 00ff", "key id k type none value 00", "key id k type none",
    "key id k type blake2s value 00", "key id k type md5 value 00", "key k hmac-sha256 00",
    "key id k", "key id", "key type hmac-sha256 value 00", "key id k value 00",
    "key id k type hmac-sha256", "key id k type blake2s128", "key id k type hmac-sha256 value 0",
    "key id k type hmac-sha256 value 0g", 'key id k type hmac-sha256 value "00"',
    'key id "k" type hmac-sha256 value 00', "key id k type hmac-sha256 value 00 00",
    "key id k type hmac-sha256 value " + "ab" * 64, "key id k type hmac-sha256 value " + "ab" * 65,
    "key id k type blake2s128 value " + "ab" * 32, "key id k type blake2s128 value " + "ab" * 33,
    "key id k type blake2s128 value AbCd", "key id k id l type hmac-sha256 value 00",
    "key id k type hmac-sha256 value 00\ninterface v0 key k",
    "interface v0 key k\nkey id k type hmac-sha256 value 00",
    "key id k type hmac-sha256 value 00\nkey id k type blake2s128 value 0011\ndefault key k",
    "key id k type hmac-sha256 value 00\ninterface v0 key l",
    "key id #k type hmac-sha256 value 00",
]
LEXICAL: list[str | bytes] = [
    "", "\n", "\n\n\n", "#", "# x", "#\n", "   \n\t\n", "interface v0", "interface v0\n",
    "interface v0\r\n", "interface v0\r\n\r\ninterface v1\r\n", "  interface v0  \n",
    "\tinterface\tv0\t\n", "interface v0#x\n", "interface v0 # x\n", "interface #v0\n",
    "interface v0# x\nfoo\n", "interface v0 rxcost 9#6\n", "interface v0 rxcost 96#\n",
    'interface "v0"\n', 'interface "v0"rxcost 96\n', 'interface "v0" rxcost 96\n',
    '"interface" v0\n', 'interface v"0\n', 'interface "v0\n', 'interface "v0', 'interface "\n',
    'interface "a b"\n', 'interface ""\n', "interface averyveryverylongname\n",
    "interface v0 \\\nrxcost 96\n", "interface v0; interface v1\n", "interface v0\0\n",
    "foo\n", "foo", "foo bar\n", "foo\nbar\n", "\n\nfoo\n", "foo#\n", "foo #\n", "foo \n",
    "interface v0\nfoo bar\ninterface v1\n", "interface v0 foo\n", "interface v0 foo",
    "interface v0 rxcost\n\n\n", "interface v0 rxcost", "interface v0 rxcost #\n", "\\\n",
    b"\xef\xbb\xbfinterface v0\n", b"interface \xff\xfe\n", b"\xff\xfe\n", "interface v\u00e9\n",
    "interface v0 rxcost 96 rxcost 97\n", "interface v0\fv1\n", "interface v0\vrxcost 96\n",
    "default\n", "default \n", "default rxcost 96\ndefault rxcost auto\n", "x" * 255 + "\n",
    "x" * 256 + "\n", "interface v0 " + "x" * 300 + "\n", "state-file " + "x" * 255 + "\n",
    "state-file " + "x" * 256 + "\n", 'state-file "' + "x" * 254 + '"\n',
    'state-file "' + "x" * 255 + '"\n', 'state-file "' + "x" * 256 + '"\n',
    'state-file "a\\\nb"\n', "# " + "x" * 5000 + "\ninterface v0\n", "interface v0\n" * 500,
    "state-file\n", 'state-file "a" "b"\n', 'state-file "a"b\n', 'state-file "a"#b\n',
    "debug 1 # one\n", "debug 1 two\n", "debug 1#\n", "debug\n", "debug #1\n", "debug 1\nfoo\n",
    "-V\n", "V\n", "interface\n", "interface \n", "interface # v0\n", "in deny\n\nin allow\nx\n",
]
FILTERS = [
    "in ip 10.0.0.0/8 ip ::/0", "in ip 10.0.0.0/8 src-ip ::/0", "in src-ip ::/0 ip 10.0.0.0/8",
    "redistribute ip 10.0.0.0/8 src-prefix ::/0", "redistribute src-prefix ::/0 ip 10.0.0.0/8",
    "install ip ::/0 pref-src 10.0.0.1", "install pref-src 10.0.0.1 ip ::/0",
    "install ip 10.0.0.0/8 pref-src 10.0.0.1", "install pref-src 10.0.0.1 pref-src ::1",
    "in ip default ip 10.0.0.0/8", "in ip default deny", "in ip ::ffff:1.2.3.4/128 ip 1.2.3.4",
    "in neigh 1.2.3.4 ip ::/0", "in eq 24 ip 10.0.0.0/8", "in le 1 ge 5", "in eq 5 eq 6",
    "redistribute local proto 3 deny", "redistribute proto 3 local deny",
    "redistribute metric 128 allow", "redistribute allow metric 128", "redistribute deny allow",
    "redistribute local ip 0.0.0.0/0 proto 3 metric 128 allow", "in local deny", "in proto 3 deny",
    "out neigh fe80::1 deny", "install neigh fe80::1 deny", "install local", "in table 5",
    "in pref-src ::1", "in src-prefix ::/0", "redistribute table 5", "redistribute pref-src ::1",
    "install src-prefix ::/0", "install table 0", "install table 65535", "install table 65536",
    "in ip", "in ip ::/0 ip", "in metric", "in metric 0", "in metric 65535", "in metric 65536",
    "in metric -1", "in if", 'in if ""', 'in if "a b"', 'in "if" v0', "in kernel-metric 5",
    "in ip 10.0.0.0/8 # comment", "in ip 10.0.0.0/8#comment", "in ip 10.0.0.0/8,11.0.0.0/8",
    "in eq 129", "in eq 300", "in eq -1", "in ip 10.0.0.0/8 eq 40", "redistribute proto 256",
    "redistribute proto -1", "redistribute proto static", "redistribute proto 0x2a",
    "redistribute if lo if eth0", "in id 02:00:00:00:00:00:00:01 id 02:00:00:00:00:00:00:02",
    "redistribute eq 24 ip 10.0.0.0/8 if eth0 src-eq 0 local metric 5 deny allow",
]

COMMAND_LINES = [
    ("-p", "6697"), ("-p", "0"), ("-p", "65535"), ("-p", "65536"), ("-p", "x"), ("-p", "-1"),
    ("-p", " 6"), ("-p", "6 "), ("-p", "6\n"), ("-p", ""), ("-p0x10",), ("-p", "010"), ("-p",),
    ("-p", "+7"), ("-p", "99999999999999999999"), ("-p", "6.5"),
    ("-m", "ff02::99"), ("-m", "ff05::99"), ("-m", "fe80::1"), ("-m", "224.0.0.1"), ("-m", "x"),
    ("-m", ""), ("-m",),
    ("-h", "4"), ("-h", ".5"), ("-h", "4."), ("-h", "4.2519"), ("-h", "0"), ("-h", "655.35"),
    ("-h", "655.351"), ("-h", "0x4"), ("-h", "4s"), ("-h", "-4"), ("-h", ""), ("-h", "."),
    ("-h", " 4 "), ("-h", "4\n"), ("-H", "1"), ("-H", "656"), ("-H", "+1"), ("-H", "0.0009"),
    ("-k", "0"), ("-k", "65535"), ("-k", "65536"), ("-k", "-1"), ("-k", "ten"), ("-k", ""),
    ("-A", "0"), ("-A", "65535"), ("-A", "65536"), ("-A", "x"), ("-s",), ("-r",), ("-l",),
    ("-w",), ("-S", "/run/x"), ("-S", ""), ("-S",), ("-d", "0"), ("-d", "3"), ("-d", "99"),
    ("-d", "-1"), ("-d", "x"), ("-d", "2147483647"), ("-d", "2147483648"), ("-d",),
    ("-g", "33123"), ("-g", "0"), ("-g", "/run/x.sock"), ("-g", "x"), ("-g", "./x"),
    ("-g", "65536"), ("-G", "33123"), ("-G", "/run/x.sock"), ("-G", ""), ("-G",),
    ("-M", "0"), ("-M", "3600"), ("-M", "3601"), ("-M", "-1"), ("-M", "x"),
    ("-t", "0"), ("-t", "254"), ("-t", "65535"), ("-t", "65536"), ("-t", "main"),
    ("-T", "254"), ("-T", "65536"), ("-T", "-1"), ("-T", "x"),
    tuple(w for n in range(10) for w in ("-T", str(n + 1))),
    tuple(w for n in range(11) for w in ("-T", str(n + 1))),
    ("-c",), ("-c", "missing.conf"), ("-c", ""), ("-c", "."), ("-C",), ("-C", ""), ("-C", "foo"),
    ("-D",), ("-L", "/dev/stderr"), ("-L",), ("-I", "/run/x"), ("-I", ""), ("-I",), ("-V",),
    ("-V", "-p", "x"), ("-p", "x", "-V"), ("-C", "foo", "-V"), ("-V", "-C", "foo"), ("-lV",),
    ("-VC", "foo"), ("-lwrsD",), ("-lwz",), ("-lwp", "6697"), ("-lwp6697",), ("-x",), ("-Z",),
    ("-i",), ("-i", "4"), ("-u",), ("-P",), ("-P", "100"), ("-R", "100"), ("-F", "1"),
    ("-q", "1"), ("-z", "3"), ("-z", "3,128"), ("-e",), ("--", "-x"), ("--",), ("-",), ("v0",),
    ("v0", "v1"), ("v0", "-p", "x"), ("v0", "-p", "6697", "v1"), ("--", "v0", "-p", "x"),
    ("v0", "--", "-p", "x"), ("-C", "interface v0", "v0"), ("v0", "v0"), ("lo",), ("",),
    ("-C", "interface v0", "-C", "foo", "-p", "x"), ("-p", "x", "-C", "foo"),
    ("-C", "dump"), ("-C", "quit"), ("-C", "monitor"), ("-C", "reopen-logfile"),
    ("-C", "flush interface v0"), ("-C", "interface v0\n"), ("-C", "interface v0\ninterface v1"),
    ("-C", "interface v0\n\n"), ("-C", "\n"), ("-C", " "), ("-C", "#"), ("-C", "# x\nfoo"),
    ("-C", "interface v0 # x"), ("-C", "random-id true", "-r", "-C", "random-id false"),
    ("-p", "1", "-C", "protocol-port 2", "v0"), ("--help", "-p", "x"), ("--version",),
    ("--nothing",),
]

# Options of the table of contents, in the order of evaluation.
ORDERS = [
    Case("two files", ("-c", "a.conf", "-c", "b.conf"),
         (("a.conf", b"interface v0\n"), ("b.conf", b"interface v1\n"))),
    Case("first of two files is wrong", ("-c", "a.conf", "-c", "b.conf"),
         (("a.conf", b"foo bar\n"), ("b.conf", b"bar foo\n"))),
    Case("second of two files is wrong", ("-c", "a.conf", "-c", "b.conf"),
         (("a.conf", b"interface v0\n"), ("b.conf", b"\nbar foo\n"))),
    Case("a bad option beats a bad file", ("-c", "a.conf", "-p", "x"), (("a.conf", b"foo\n"),)),
    Case("a bad statement beats a bad file", ("-c", "a.conf", "-C", "x"), (("a.conf", b"foo\n"),)),
    Case("a file beats -C", ("-C", "protocol-port 6697", "-c", "a.conf"),
         (("a.conf", b"protocol-port 6698\n"),)),
    Case("a key of -C serves in a file", (
        "-C", "key id k type hmac-sha256 value 00", "-c", "a.conf"),
        (("a.conf", b"interface v0 key k\n"),)),
    Case("a key of a file does not serve in -C", (
        "-c", "a.conf", "-C", "interface v0 key k"),
        (("a.conf", b"key id k type hmac-sha256 value 00\n"),)),
    Case("missing file before a wrong one", ("-c", "no.conf", "-c", "a.conf"),
         (("a.conf", b"foo\n"),)),
    Case("long file name", ("-c", "d/" + "n" * 200), ()),
]


def tabled() -> list[Case]:
    """Every statement with every value of its table."""
    cases = []
    for word, values in GLOBAL.items():
        cases += [file(f"{word} {value}\n") for value in values]
        cases += [file(f"{word}\n"), file(f"{word}"), file(f"{word} {values[0]} extra\n"),
                  file(f"{word} {values[0]}#\n"), statement(f"{word} {values[0]}")]
    for index, (word, values) in enumerate(PARAMETERS.items()):
        cases += [file(f"interface v0 {word} {value}\n") for value in values]
        cases += [file(f"default {word} {values[index % len(values)]}\n"),
                  file(f"interface v0 {word}\n"), statement(f"default {word} {values[0]}"),
                  file(f"interface v0 {word} {values[0]} extra\n")]
    for index, (word, values) in enumerate(SELECTORS.items()):
        for place, value in enumerate(values):
            cases.append(file(f"{CHAINS[(index + place) % 4]} {word} {value}\n"))
        cases += [file(f"{chain} {word} {values[0]} deny\n") for chain in CHAINS]
        cases += [file(f"in {word}\n"), file(f"in {word} #\n")]
    cases += [file(f"{chain} {word}\n") for chain in CHAINS for word in BARE]
    return cases


def listed() -> list[Case]:
    """The odd ones."""
    cases = [file(text) for text in LEXICAL]
    for text in FOREIGN + KEYS + FILTERS:
        cases.append(file(text + "\n"))
        if "\n" not in text:
            cases.append(statement(text))
    return cases + ORDERS + [options(*words) for words in COMMAND_LINES]


def mutated(seed: int, count: int, texts: list[str]) -> list[Case]:
    """Real configurations with one to three slips of the finger."""
    chance = random.Random(seed)
    words = sorted({word for text in texts for word in text.split()})
    cases = []
    for number in range(count):
        lines = chance.choice(texts).split("\n")
        for _ in range(chance.randint(1, 3)):
            lines = slip(chance, lines, words)
        cases.append(file("\n".join(lines), f"slip {seed}/{number}"))
    return cases


def slip(chance: random.Random, lines: list[str], words: list[str]) -> list[str]:
    """One slip of the finger."""
    lines = list(lines)
    place = chance.randrange(len(lines))
    line = lines[place]
    kind = chance.randrange(8)
    parts = line.split(" ")
    spot = chance.randrange(len(parts))
    letter = chance.randrange(len(line) + 1)
    if kind == 0:
        lines[place] = line[:letter] + line[letter + 1:]
    elif kind == 1:
        lines[place] = line[:letter] + chance.choice("x0 #\"-/:.\t") + line[letter:]
    elif kind == 2:
        parts[spot] = chance.choice(words)
        lines[place] = " ".join(parts)
    elif kind == 3:
        parts.insert(spot, chance.choice(words))
        lines[place] = " ".join(parts)
    elif kind == 4:
        del parts[spot]
        lines[place] = " ".join(parts)
    elif kind == 5:
        lines[place] = line[:letter]
    elif kind == 6:
        lines[place] = line + line
    else:
        lines.insert(chance.randrange(len(lines)), line)
    return lines
