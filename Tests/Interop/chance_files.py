"""Whole configuration files made by chance, of statements that a running daemon can take over."""

from __future__ import annotations

import random

PREFIXES = {
    4: ["10.1.0.0/16", "10.1.2.0/24", "10.2.0.0/15", "10.3.1.0/24", "10.9.0.0/16", "10.91.0.0/16",
        "0.0.0.0/0", "10.8.0.0/22"],
    6: ["fd01::/32", "fd01:0:0:2::/64", "fd02::/31", "fd03:0:0:1::/64", "fd09::/32", "fd91::/32",
        "::/0", "fd08::/46"]}
NAMES = ["l0", "l1", "d0", "l*", "d*", "x9"]


class ChanceFile:
    """The statements of one file. The same seed gives the same file."""

    def __init__(self, seed: str, tables: bool = False) -> None:
        self.dice = random.Random(seed)
        self.tables = tables
        self.keys: list[str] = []
        self.sets: list[tuple[str, int]] = []
        self.lines: list[str] = []
        self.build()

    def one_in(self, count: int) -> bool:
        return self.dice.randrange(count) == 0

    def pick(self, *values):
        return self.dice.choice(values)

    def boolean(self) -> str:
        return self.pick("true", "false", "auto")

    def build(self) -> None:
        self.lines = ["router-id 02:00:00:00:00:00:00:5a", "skip-kernel-setup false"]
        if self.tables:
            self.lines.append("source-tables 1000 1009")
        for word in self.dice.sample(sorted(self.options()), self.dice.randrange(7)):
            self.lines.append(f"{word} {self.options()[word]}")
        if self.one_in(3):
            for number in range(1 + self.dice.randrange(3)):
                self.add_key(f"k{number}")
        if self.one_in(3):
            self.add_sets()
        self.add_interfaces()
        for _ in range(self.dice.randrange(10)):
            self.lines.append(self.rule())

    def options(self) -> dict[str, str]:
        """A value for each option that may change while the daemon runs."""
        found = {
            "smoothing-half-life": self.pick("0", "1"),
            "switch-margin": self.pick("auto", "0", "1", "12", "19"),
            "switch-dwell": self.pick("auto", "0", "0.3", "1"),
            "neighbour-loss": self.pick("unreachable", "keep 1", "keep 10", "covering"),
            "link-detect": self.boolean(),
            "fee": self.pick("0", "7", "1000"),
            "metric-factor": self.pick("500", "1900", "3000"),
            "max-update-retry": self.pick("0", "1", "4"),
            "protocol-buffer-size": self.pick("0", "65535"),
            "kernel-priority": self.pick("0", "100", "1000"),
            "reflect-kernel-metric": self.boolean(),
            "allow-duplicates": self.pick("1", "128", "65535"),
            "import-table": self.pick("254", "100"),
            "kernel-check-interval": self.pick("0", "1", "300"),
            "kernel-nexthops": self.pick("auto", "true", "false"),
            "reload-on-sighup": self.boolean(),
            "socket-dialect": self.pick("babel", "swabeld", "aredn"),
            "shutdown-delay-ms": self.pick("0", "20"),
            "debug": self.pick("0", "1", "2"),
            "log-level": self.pick("routes debug", "all warning", "neighbours auto"),
            "limit routes": self.pick("100", "5000"),
            "limit neighbours": self.pick("10", "64"),
            "limit neighbour-routes": self.pick("100", "7000"),
            "limit denied-routes": self.pick("1", "3", "500"),
            "limit sources": self.pick("200", "9000"),
            "limit requests": self.pick("50", "9000")}
        if not self.tables:
            found["export-table"] = self.pick("254", "60")
        return found

    def add_key(self, name: str) -> None:
        kind, length = self.pick(("blake2s128", 16), ("hmac-sha256", 32))
        value = self.dice.randbytes(length).hex()
        self.lines.append(f"key id {name} type {kind} value {value}")
        self.keys.append(name)

    def add_sets(self) -> None:
        for family in (4, 6):
            name = f"of{family}"
            entries = self.dice.sample(PREFIXES[family], 3)
            self.lines.append(f"set {name} {{ " + ", ".join(
                entry + self.pick("", f" ge {24 if family == 4 else 64}") for entry in entries)
                + " }")
            self.sets.append((name, family))

    def add_interfaces(self) -> None:
        # Quick, so that whatever takes a few Hellos does not take long.
        self.lines.append(
            f"default type {self.pick('wired', 'wired', 'wireless', 'tunnel')} hello-interval "
            f"{self.pick('0.1', '0.15', '0.2')} update-interval {self.pick('0.3', '0.4', '0.5')}")
        for name in ("l0", "l1"):
            if not self.one_in(7):
                self.lines.append(f"interface {name}" + self.parameters(self.dice.randrange(3)))
        for _ in range(self.dice.randrange(4)):
            name = self.pick(*NAMES)
            self.lines.append(f"interface {name}" + self.parameters(self.dice.randrange(5)))
        if self.one_in(4):
            self.lines.append("interface { l0, d0 }" + self.parameters(2))
        if len(self.lines) % 5 == 0:
            self.lines.append("default" + self.parameters(2))
        self.lines.append("interface x9")

    def parameters(self, count: int) -> str:
        choices = [self.parameter() for _ in range(count)]
        return "".join(f" {text}" for text in choices)

    def parameter(self) -> str:
        word = self.pick(
            "type", "rxcost", "hello-interval", "update-interval", "link-quality",
            "split-horizon", "unicast", "enable-timestamps", "rtt-decay", "rtt-min", "rtt-max",
            "max-rtt-penalty", "jitter-min", "jitter-max", "max-jitter-penalty", "loss-window",
            "max-loss-penalty", "probe-interval",
            "rfc6126-compatible", "v4-via-v6", "probe-mtu", "link-local", "neighbour", "key",
            "key", "ipv4-control", "path-attributes")
        value = {
            "type": self.pick("wired", "wireless", "tunnel", "auto"),
            "rxcost": self.pick("50", "100", "700", "4000"),
            "hello-interval": self.pick("0.1", "0.12", "0.2"),
            "update-interval": self.pick("0.3", "0.4", "0.5"),
            "rtt-decay": self.pick("1", "42", "256"),
            "rtt-min": self.pick("0.5", "10"), "rtt-max": self.pick("100", "500"),
            "max-rtt-penalty": self.pick("1", "96", "1000"),
            "jitter-min": self.pick("1", "5"), "jitter-max": self.pick("30", "50"),
            "max-jitter-penalty": self.pick("1", "200"),
            "loss-window": self.pick("10", "300"), "max-loss-penalty": self.pick("1", "200"),
            "probe-interval": self.pick("0", "20", "50"),
            "link-quality": self.pick("true", "false", "tunnel"),
            "link-local": self.pick("auto", "manual"),
            "neighbour": self.pick("fe80::2", "fe80::7 neighbour fe80::2"),
            "ipv4-control": "true" if self.one_in(3) else "false",
        }.get(word)
        if word == "key":
            return self.key_words()
        return f"{word} {value or self.boolean()}"

    def key_words(self) -> str:
        """Keys, mostly such that who does not sign is still heard."""
        if not self.keys:
            return "key none"
        text = f"key {self.pick(*self.keys)}"
        if self.one_in(2):
            text += f" {self.pick('also-key', 'sign-key', 'verify-key')} {self.pick(*self.keys)}"
        return text + ("" if self.one_in(8) else " accept-bad-signatures true")

    def rule(self) -> str:
        chain = self.pick("in", "in", "out", "redistribute", "install")
        family = self.pick(4, 6)
        words = [self.selector(chain, family) for _ in range(self.dice.randrange(3))]
        words.append(f"ip {self.pick(*PREFIXES[family])}")
        if self.sets and self.one_in(4):
            name = next(name for name, version in self.sets if version == family)
            words[-1] = f"ip @{name}"
        if self.one_in(3):
            words.append(self.action(chain, family))
        words.append(self.pick("allow", "allow", "deny", f"metric {50 * self.pick(1, 3, 10, 40)}"))
        return " ".join([chain, *(word for word in words if word)])

    def selector(self, chain: str, family: int) -> str:
        length = self.pick(16, 24, 32) if family == 4 else self.pick(32, 64, 128)
        choices = [f"{self.pick('eq', 'le', 'ge')} {length}",
                   f"if {self.pick('l0', 'l1', 'l*', 'd0', 'lo')}"]
        if chain == "in":
            choices += [f"neigh {self.pick('fe80::2', 'fe80::3')}"]
        if chain != "redistribute":
            choices += [f"id 02:00:00:00:00:00:00:{self.pick('a0', 'a1')}"]
        else:
            choices += [f"proto {self.pick(3, 4, 99)}", "local", "anyproto"]
        if family == 6 and self.one_in(4):
            choices.append(self.pick("src-ip fd0a::/48", "src-eq 0", "src-ge 1"))
        return self.dice.choice(choices)

    def action(self, chain: str, family: int) -> str:
        if chain != "install":
            return ""
        return self.pick(
            f"table {self.pick(50, 61)}", f"kernel-metric {self.pick(0, 77, 4000)}",
            f"pref-src {'10.91.0.1' if family == 4 else 'fd91::1'}")

    @property
    def text(self) -> str:
        return "\n".join(self.lines) + "\n"
