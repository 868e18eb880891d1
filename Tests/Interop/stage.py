"""Where faults are made: machines, cables, the program that is watched, and its peers."""

from __future__ import annotations

import pathlib
import re
import subprocess
from typing import Callable, Iterable

from daemons import Babeld, Bird, Swabeld, binary_under_test
from mac import passwords
from netns import Lab, LabError, Link, Namespace, Process, next_serial, run, wait_until

# What the peer of the watched daemon has behind it.
HOST, HOST6 = "10.92.0.1/32", "fd92::1/128"
THEIRS = ["10.92.0.0/16", "fd92::/32"]
CABLE = "mesh0"
# Where a daemon finds its file; as long as /etc, which is shown.
PLACE = "/mnt"
# How soon a route must come, or come back; babeld may take most of this.
ROUTED_WITHIN = 40
# The intervals of the tests, and those that daemons have of themselves.
QUICK = "hello-interval 1 update-interval 4"


class Key:
    """A key of RFC 8967, in both notations."""

    def __init__(self, secret: str) -> None:
        self.secret = secret

    def statement(self) -> str:
        return f"key id k1 type blake2s128 value {self.secret.encode().hex()}"

    def options(self) -> str:
        return passwords(("blake2s128", self.secret.encode(), ""))


class Watched:
    """A program that is watched, whichever it is."""

    def log(self) -> list[str]:
        """The lines of its log, at the level that it has of itself, without their times."""
        raise NotImplementedError

    def ask(self, command: str) -> str:
        """What it answers when an operator asks."""
        raise NotImplementedError


class Router(Babeld, Watched):
    """swabeld or babeld with a configuration file."""

    def __init__(
        self, namespace: Namespace, interfaces: list[str], statements: Iterable[str] = (),
        program: str = "swabeld"
    ) -> None:
        self.namespace = namespace
        self.program = program
        self.interfaces = interfaces
        serial = next_serial()
        directory = namespace.lab.directory / f"etc-{serial}"
        directory.mkdir()
        self.file = directory / "babeld.conf"
        self.control_path = str(directory / "socket")
        self.statements = list(statements)
        self.write()
        # The program sees its file at a place with a short name, so that its lines break as they do
        # for everybody.
        self.words = ["sh", "-c", f'mount --bind {directory} {PLACE} && exec "$@"', "sh",
                      self.binary(), "-I", "", "-S", "", "-G", self.control_path,
                      "-c", f"{PLACE}/babeld.conf"]
        self.process: Process | None = None
        self.start()

    def binary(self) -> str:
        return binary_under_test() if self.program == "swabeld" else self.program

    def write(self) -> None:
        names = [f"interface {name}" for name in self.interfaces]
        self.file.write_text("\n".join([*self.statements, *names]) + "\n")

    def reload(self, *without: str, interfaces: list[str] | None = None) -> None:
        """Takes statements out of the file, or puts other interfaces in; then it counts."""
        self.statements = [row for row in self.statements if row not in without]
        self.interfaces = interfaces or self.interfaces
        self.write()
        self.ask("reload")

    def lines(self) -> list[str]:
        """The lines of a dump."""
        with self.control() as control:
            return control.ask("dump")

    def tell(self, request: str) -> None:
        with self.control() as control:
            answer = control.ask(request)
        if answer != ["ok"]:
            raise LabError(f"{request}: {answer}")

    def ask(self, command: str) -> str:
        if self.program == "babeld":
            with self.control() as control:
                return "\n".join(control.ask(command)[:-1])
        done = subprocess.run(
            ["ip", "netns", "exec", self.namespace.name, self.binary(), "ctl", "-s",
             self.control_path, *command.split()], capture_output=True, text=True, timeout=20)
        if done.returncode != 0:
            raise LabError(f"swabelctl {command}: {done.stderr.strip()}")
        return self.tidy(done.stdout)

    def tidy(self, text: str) -> str:
        """With the place that a file has on a machine, not in the laboratory."""
        return text.replace(f"{PLACE}/", "/etc/")

    def log(self) -> list[str]:
        lines = self.tidy(self.process.text()).splitlines()
        return [re.sub(r"^\d{4}-\d\d-\d\dT\S+Z ", "", line) for line in lines]

    def problems(self) -> set[str]:
        """The kinds of problems that it knows of now."""
        return set(re.findall(r'"problem": ?"([^"]+)"', self.ask("status --json")))


class BirdRouter(Bird, Watched):
    """BIRD, with its filters as they are given."""

    def __init__(
        self, namespace: Namespace, interfaces: list[str], own: Iterable[str], options: str,
        inward: str, outward: str, kernel: str, quick: bool
    ) -> None:
        self.intervals = "hello interval 1 s; update interval 4 s;" if quick else ""
        self.inward, self.outward, self.kernel = inward, outward, kernel
        self.own = list(own)
        super().__init__(namespace, interfaces, options)

    def write(self) -> None:
        parts = ["log stderr all;", "router id 10.0.0.99;", "protocol device { scan time 1; }"]
        for family in (4, 6):
            parts.append(
                f"protocol kernel kernel{family} {{ ipv{family} {{ import none; export filter "
                f"{{ if source != RTS_BABEL then reject; {self.kernel} accept; }}; }}; }}")
        for index, prefix in enumerate(self.own):
            parts.append(f"protocol static own{index} {{ ipv{6 if ':' in prefix else 4}; "
                         f"route {prefix} unreachable; }}")
        channel = (f"import filter {{ {self.inward} accept; }}; export filter {{ {self.outward} "
                   "if source ~ [RTS_STATIC, RTS_BABEL] then accept; reject; };")
        names = ", ".join(f'"{name}"' for name in self.interfaces)
        parts.append(
            f"protocol babel {{ ipv4 {{ {channel} }}; ipv6 {{ {channel} }}; interface {names} "
            f"{{ type wired; {self.intervals} {self.options} }}; }}")
        self.file.write_text("\n".join(parts) + "\n")

    def ask(self, command: str) -> str:
        text = self.birdc(*command.split(), check=False)
        return "\n".join(text.splitlines()[1:])

    def log(self) -> list[str]:
        return [re.sub(r"^(bird: |\d{4}-\d\d-\d\d [0-9:.]+ )", "", line)
                for line in self.process.text().splitlines()]


class Stage:
    """One fault's machines. `program` is the one that is watched; its peers are always ours."""

    def __init__(self, lab: Lab, program: str = "swabeld", quick: bool = True) -> None:
        self.lab = lab
        self.program = program
        self.quick = quick
        # The daemon that is asked, and one that somebody asks before that.
        self.node: Router | BirdRouter | None = None
        self.other: Router | None = None

    # Machines and cables ----------------------------------------------------

    def machines(self, names: str) -> list[Namespace]:
        return [self.lab.namespace(name) for name in names]

    def pair(self, **how) -> tuple[Namespace, Namespace]:
        """`a`, which is watched, and `b`, which has something behind it, on one cable."""
        a, b = self.machines("ab")
        self.cable(a, b, **how)
        b.own(*(prefix.partition("/")[0] for prefix in (HOST, HOST6)))
        return a, b

    def cable(self, a: Namespace, b: Namespace, names=(CABLE, CABLE), **how) -> Link:
        return self.lab.veth(a, b, names, **how)

    def triangle(self) -> list[Namespace]:
        """`a`, which is watched, with `b` on one cable and `c`, which is fe80::3, on another."""
        a, b, c = self.machines("abc")
        self.cable(a, b)
        self.cable(a, c, ("mesh1", CABLE), link_local=False)
        a.ip("addr", "add", "fe80::1/64", "dev", "mesh1", "nodad")
        c.ip("addr", "add", "fe80::3/64", "dev", CABLE, "nodad")
        return [a, b, c]

    # Daemons ----------------------------------------------------------------

    def statements(
        self, namespace: Namespace, own: Iterable[str], key: Key | None, more: Iterable[str]
    ) -> list[str]:
        number = 10 + "abc".index(namespace.label)
        lines = [f"default type wired {QUICK}" if self.quick else "default type wired",
                 f"router-id 02:00:00:00:00:00:00:{number:02x}"]
        if key:
            lines += [key.statement(), "default key k1"]
        for prefix in own:
            lines += [f"redistribute local ip {prefix}", f"redistribute ip {prefix}"]
        return [*lines, "redistribute local deny", "redistribute deny", *more]

    def watch(
        self, namespace: Namespace, interfaces: Iterable[str] = (CABLE,),
        own: Iterable[str] = (), key: Key | None = None, statements: Iterable[str] = (),
        newer: Iterable[str] = (), inward: str = "", outward: str = "", kernel: str = "",
        announced: Iterable[str] = ()
    ) -> Router | BirdRouter:
        """Starts what is watched. `newer` statements are for swabeld only; for BIRD `inward`,
        `outward` and `kernel` go into its filters, and it announces `announced`."""
        if self.program == "bird":
            self.node = BirdRouter(
                namespace, list(interfaces), announced, key.options() if key else "", inward,
                outward, kernel, self.quick)
        else:
            more = [*statements, *(newer if self.program == "swabeld" else ())]
            self.node = Router(
                namespace, list(interfaces), self.statements(namespace, own, key, more),
                self.program)
        return self.node

    def peer(
        self, namespace: Namespace, interfaces: Iterable[str] = (CABLE,),
        own: Iterable[str] = tuple(THEIRS), key: Key | None = None, statements: Iterable[str] = ()
    ) -> Router:
        return Router(
            namespace, list(interfaces), self.statements(namespace, own, key, statements))

    # What holds -------------------------------------------------------------

    def routed(self, namespace: Namespace, prefix: str = HOST) -> Callable[[], bool]:
        """Whether a kernel has got the route from the daemon that is watched."""
        return lambda: prefix in namespace.reaches(self.node.proto)

    def until_routed(self, namespace: Namespace, prefix: str = HOST) -> None:
        wait_until(self.routed(namespace, prefix), ROUTED_WITHIN, f"a route to {prefix}")

    def until_shown(self, question: str, pattern: str) -> None:
        """Waits until BIRD says it when it is asked, or the others in their dump."""
        def shown() -> bool:
            text = (self.node.ask(question) if self.program == "bird" else
                    "\n".join(self.node.lines()))
            return bool(re.search(pattern, text))
        wait_until(shown, ROUTED_WITHIN, pattern)


def drop(namespace: Namespace, *rules: str) -> None:
    """A firewall on this machine; a rule begins with `input` or `output`."""
    chains = [f"add chain inet fault {hook} {{ type filter hook {hook} priority 0; }}"
              for hook in ("input", "output")]
    lines = ["add table inet fault", *chains,
             *(f"add rule inet fault {rule} drop" for rule in rules)]
    namespace.execute("nft", "-f", "-", stdin="\n".join(lines) + "\n")


def end_drop(namespace: Namespace) -> None:
    namespace.execute("nft", "delete", "table", "inet", "fault")


def allowed(namespace: Namespace, interface: str, *ranges: str) -> None:
    """Sets the allowed-ips of a tunnel's only peer."""
    peer = namespace.execute("wg", "show", interface, "peers").strip()
    namespace.execute("wg", "set", interface, "peer", peer, "allowed-ips", ",".join(ranges))
