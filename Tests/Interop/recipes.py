"""Machines that do what a recipe of docs/cookbook.md says, from the document's own text.

A fenced block whose first line is `# NODE, NODE: /etc/FILE` is a file, one that begins with
`# NODE, NODE: as root` is commands, and in one marked `console` the lines after a prompt are what
the command prints, where times, made-up addresses and identifiers may differ, and `…` stands for
any lines."""

from __future__ import annotations

import re
import shutil
import socket
import threading
import time

from host import Host
from netns import REPOSITORY, LabError, Link, Namespace, wait_until

PAGE = (REPOSITORY / "docs/cookbook.md").read_text()
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.M | re.S)
HEAD = re.compile(r"# ([a-z0-9, -]+): (/\S+|as root)$")
PROMPT = re.compile(r"([a-z][a-z0-9-]*)# (.+)$")
VARYING = [
    (r"\b([0-9a-f]{2}:){7}[0-9a-f]{2}\b", "ID"),
    (r"\b\d+/16\b", "N/16"), (r"\bseqno \d+", "SEQNO"), (r"\d\d:\d\d:\d\d\S*", "TIME"),
    (r"(?<![\d.])\d+\.\d+(?![\d.])", "DECIMAL"), (r"fe80::[0-9a-f:]+", "LOCAL"),
    (r"\b\d+ ?(ms|s|m|min|h)\b", "TIME"), (r"DECIMAL ?(ms|s)\b", "TIME")]
NEIGHBOUR = re.compile(r" (usable|one-way|unheard) .* N/16 |^ *\d+ ID ")
NUMBER = re.compile(r"\d+%?|-|DECIMAL")
# How soon a command prints what the document shows.
WITHIN = 20

# systemctl, as far as the page uses it.
SYSTEMCTL = """#!/bin/sh -e
case "$*" in
  "enable "*) ;;
  "restart wg-quick@"*)
    ! ip link show "${2#*@}" > /run/link 2>&1 || wg-quick down "${2#*@}"
    wg-quick up "${2#*@}" ;;
  "stop wg-quick@"*) wg-quick down "${2#*@}" ;;
  "restart swabeld")
    if [ -e /run/babeld.pid ]; then
      kill "$(cat /run/babeld.pid)"
      while [ -e /run/babeld.pid ]; do sleep 0.05; done
    fi
    swabeld -D ;;
  "stop swabeld") swabelctl stop ;;
  "restart nftables") nft -f /etc/nftables.conf ;;
  *) echo "systemctl: cannot '$*'" >&2; exit 1 ;;
esac
"""


def sections(text: str, mark: str) -> dict[str, str]:
    """What stands below each heading of one depth."""
    found = re.split(rf"(?m)^{mark} (.*)$", text)
    return dict(zip(found[1::2], found[2::2]))


RECIPES = sections(PAGE, "##")


def plain(text: str) -> list[str]:
    """The lines without what differs from one run to the next."""
    for pattern, word in VARYING:
        text = re.sub(pattern, word, text)
    lines, neighbours = [], []
    for line in [*text.splitlines(), ""]:
        words = line.split()
        if NEIGHBOUR.search(line):
            # Costs and round-trip times are measured, and nothing sorts the rows.
            neighbours.append(" ".join("N" if NUMBER.fullmatch(word) else word for word in words))
            continue
        lines += [*sorted(neighbours), " ".join(words)]
        neighbours = []
    return [line for line in lines if line]


def fits(printed: str, shown: str) -> bool:
    """Whether a command printed what the document shows. Lines may break elsewhere, as addresses
    are of different lengths."""
    words = " ".join(plain(shown)).split()
    pattern = r"\s*".join(".*" if word == "…" else re.escape(word) for word in words)
    return re.fullmatch(pattern, " ".join(plain(printed))) is not None


class Machine(Host):
    """A machine with files and services of its own."""

    def __init__(self, lab, name: str) -> None:
        super().__init__(lab, name)
        (self.root / "run/bin/systemctl").write_text(SYSTEMCTL)
        shutil.copy("/etc/protocols", self.root / "etc/protocols")
        (self.root / "etc/wireguard").mkdir(0o700)
        self.paste("mkdir /run/srv; mount --bind /run/srv /srv")

    def key(self) -> str:
        return self.paste("wg pubkey < /etc/wireguard/private.key").strip()

    def prints(self, command: str) -> str:
        """What a command says, whether or not it succeeds."""
        return self.paste(f"({command}) 2>&1 || true")


class Recipe:
    """One recipe, and the machines that it speaks of."""

    def __init__(self, lab, title: str, machines: str) -> None:
        self.lab = lab
        self.parts = sections(RECIPES[title], "###")
        self.played: set[str] = set()
        self.machines = {name: Machine(lab, name) for name in machines.split()}

    def __getitem__(self, name: str) -> Machine:
        return self.machines[name]

    # What the reader has already ---------------------------------------------

    def cable(self, a: str, b: str, names: str = "eth0 eth0") -> Link:
        """A cable without any addresses of ours; the kernel makes link-local ones."""
        first, second = names.split()
        return cable(self[a].namespace, first, self[b].namespace, second)

    def switch(self, *ends: str) -> Namespace:
        """A switch, and a cable to each `NODE:INTERFACE`."""
        box = self.lab.namespace("switch")
        box.batch(["link add br0 type bridge mcast_snooping 0", "link set br0 up"])
        for number, end in enumerate(ends):
            name, interface = end.split(":")
            cable(box, f"p{number}", self[name].namespace, interface)
            box.ip("link", "set", f"p{number}", "master", "br0")
        return box

    def internet(self, **hosts: int) -> Namespace:
        """Joins machines at 203.0.113.N (eth0) with one another and with 198.51.100.1."""
        box = self.switch(*(f"{name}:eth0" for name in hosts))
        box.batch(["addr add 203.0.113.254/24 dev br0", "addr add 198.51.100.1/32 dev lo"])
        box.forward()
        for name, number in hosts.items():
            self[name].namespace.batch([
                f"addr add 203.0.113.{number}/24 dev eth0",
                "route add default via 203.0.113.254 proto static metric 100"])
        return box

    def lan(self, router: str, interface: str, network: str) -> Namespace:
        """A host in a network behind a router: .1 is the router, .2 the host."""
        host = self.lab.namespace(f"{router}-host")
        cable(self[router].namespace, interface, host, "eth0")
        sixth = ":" in network
        self[router].namespace.ip(
            "addr", "add", f"{network}1/{64 if sixth else 24}", "dev", interface)
        host.batch([f"addr add {network}2/{64 if sixth else 24} dev eth0",
                    f"route add default via {network}1"])
        return host

    # The document ------------------------------------------------------------

    def play(self, part: str, within: float = WITHIN) -> None:
        """Does what a part of the recipe says, in its order."""
        self.played.add(part)
        for kind, text in BLOCK.findall(self.parts[part]):
            if kind == "text":
                continue
            if kind == "console":
                self.talk(text, within)
                continue
            head = HEAD.match(text.splitlines()[0])
            assert head, f"not for anybody: {text}"
            for name in head[1].split(", "):
                text = re.sub(r"\b([A-Z]+)-PUBLIC-KEY\b", lambda m: self[m[1].lower()].key(), text)
                if head[2] == "as root":
                    self[name].paste(text)
                else:
                    file = self[name].root / head[2][1:]
                    file.parent.mkdir(parents=True, exist_ok=True)
                    file.write_text(text)

    def end(self) -> None:
        """Nothing that the recipe says to do was left out."""
        for part, text in self.parts.items():
            assert part in self.played or not BLOCK.search(text), f"not played: {part}"

    def talk(self, text: str, within: float) -> None:
        """Commands, and what they print sooner or later; one that prints nothing runs once."""
        name, command, shown = "", "", ""
        for line in [*text.splitlines(), "end# end"]:
            prompt = PROMPT.match(line)
            if not prompt:
                shown += f"{line}\n"
                continue
            if command and shown:
                machine, said, wanted = self[name], command, shown
                wait_until(lambda: fits(machine.prints(said), wanted), within, lambda: (
                    f"{machine.namespace.label}# {said}\n{machine.prints(said)}\nshown:\n{wanted}"
                    f"\n{machine.state()}"), every=0.3)
            elif command:
                self[name].paste(command)
            name, command, shown = prompt[1], prompt[2], ""


def cable(a: Namespace, first: str, b: Namespace, second: str) -> Link:
    a.ip("link", "add", first, "netns", a.name, "type", "veth", "peer", "name", second,
         "netns", b.name)
    for end, name in ((a, first), (b, second)):
        end.sysctl(f"ipv6/conf/{name}/accept_dad", "0")
        end.batch([f"link set {name} up"])
    return Link([(a, first), (b, second)])


class Visitors:
    """A server in the Internet, which sees from where it is visited."""

    def __init__(self, lab, far: Namespace) -> None:
        self.listener = far.enter(lambda: socket.socket(socket.AF_INET))
        self.listener.bind(("198.51.100.1", 80))
        self.listener.listen(20)
        self.listener.settimeout(5)
        lab.on_close(self.listener.close)

    def __call__(self, host: Namespace) -> str:
        """The address that a new connection of this host comes from; empty if none comes."""
        with host.enter(lambda: socket.socket(socket.AF_INET)) as client:
            client.settimeout(3)
            try:
                client.connect(("198.51.100.1", 80))
            except OSError:
                return ""
            with self.listener.accept()[0] as end:
                return end.getpeername()[0]


class Stream:
    """A TCP connection that says something twenty times a second, and hears it back."""

    def __init__(self, lab, client: Namespace, server: Namespace, address: str) -> None:
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        self.ended = threading.Event()
        self.fault = ""
        self.last = time.monotonic()
        self.longest = 0.0
        listener = server.enter(lambda: socket.socket(family))
        listener.bind((address, 7007))
        listener.listen(1)
        self.client = client.enter(lambda: socket.socket(family))
        self.client.settimeout(10)
        self.client.connect((address, 7007))
        self.server = listener.accept()[0]
        listener.close()
        for body in (self.echo, self.send, self.hear):
            threading.Thread(target=self.guarded, args=(body,)).start()
        lab.on_close(self.close)

    def guarded(self, body) -> None:
        try:
            body()
        except OSError as error:
            if not self.ended.is_set():
                self.fault = f"{body.__name__}: {error}"

    def echo(self) -> None:
        self.server.settimeout(60)
        while data := self.server.recv(4096):
            self.server.sendall(data)

    def send(self) -> None:
        while not self.ended.wait(0.05):
            self.client.sendall(b"x")

    def hear(self) -> None:
        self.client.settimeout(60)
        while self.client.recv(4096):
            now = time.monotonic()
            self.longest = max(self.longest, now - self.last)
            self.last = now

    def survives(self, within: float) -> float:
        """Waits until it flows again, and returns the longest time without an answer."""
        begin = time.monotonic()
        wait_until(lambda: self.fault or self.last > begin + 0.2, within, "the connection goes on")
        if self.fault:
            raise LabError(f"the connection broke: {self.fault}")
        longest, self.longest = self.longest, 0.0
        assert longest < within, f"{longest:.1f} s without an answer"
        return longest

    def close(self) -> None:
        self.ended.set()
        for end in (self.client, self.server):
            end.close()
