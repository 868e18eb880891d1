"""Reads the exposition format of Prometheus as strictly as Prometheus does."""

from __future__ import annotations

import re
import socket
import subprocess

SAMPLE = re.compile(
    r'(?P<name>[a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(?P<labels>.*)\})? (?P<value>[0-9.]+|[+-]Inf|NaN)')
LABEL = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\["\\n])*)"(?:,|$)')


def parse(text):
    """The value of each sample by its name and its labels; fails if the text breaks a rule."""
    assert text.endswith("\n"), "the last line must have an end"
    kinds, helps, found, order = {}, set(), {}, []
    for line in text[:-1].split("\n"):
        words = line.split(" ", 3)
        if line.startswith("# HELP "):
            assert words[2] not in helps, f"two meanings: {line}"
            helps.add(words[2])
            continue
        if line.startswith("# TYPE "):
            assert words[2] not in kinds and words[3] in ("gauge", "counter"), line
            kinds[words[2]] = words[3]
            continue
        match = SAMPLE.fullmatch(line)
        assert match, f"no sample: {line!r}"
        name, labels = match["name"], match["labels"] or ""
        assert name in kinds and name in helps, f"without type or meaning: {line}"
        assert "".join(m.group(0) for m in LABEL.finditer(labels)) == labels, labels
        if not order or order[-1] != name:
            assert name not in order, f"samples of {name} are not together"
            order.append(name)
        pairs = tuple(sorted((m.group(1), plain(m.group(2))) for m in LABEL.finditer(labels)))
        assert (name, pairs) not in found, f"twice: {line}"
        found[(name, pairs)] = float(match["value"])
    return found


def plain(value):
    """The value of a label without escapes."""
    return re.sub(r"\\(.)", lambda m: "\n" if m[1] == "n" else m[1], value)


def check(text):
    """Lets Prometheus' own tool look for mistakes and for what only looks bad."""
    done = subprocess.run(
        ["promtool", "check", "metrics"], input=text, capture_output=True, text=True, timeout=30,
        check=False)
    assert done.returncode == 0 and not done.stdout + done.stderr, done.stdout + done.stderr
    return parse(text)


def value(found, name, **labels):
    """One sample; None if there is none."""
    return found.get((f"swabeld_{name}", tuple(sorted(labels.items()))))


def metrics(daemon):
    """What the local socket answers to `metrics`."""
    with daemon.control() as control:
        lines = control.ask("metrics")
    assert lines[-1] == "ok"
    return "\n".join(lines[:-1]) + "\n"


class Page:
    """A client of the page of metrics, on a port of a namespace or on a Unix socket."""

    def __init__(self, namespace, place, timeout=10):
        def connect():
            if isinstance(place, int):
                made = socket.socket(socket.AF_INET6, socket.SOCK_STREAM)
                target = ("::1", place)
            else:
                made, target = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM), str(place)
            made.settimeout(timeout)
            made.connect(target)
            return made

        self.socket = namespace.enter(connect)

    def send(self, octets):
        self.socket.sendall(octets)
        return self

    def answer(self):
        """Everything up to the end of the connection: status line, header lines, body."""
        data = b""
        while piece := self.socket.recv(65536):
            data += piece
        self.socket.close()
        head, _, body = data.partition(b"\r\n\r\n")
        status, *lines = head.decode().split("\r\n")
        return status, dict(line.split(": ", 1) for line in lines), body


def get(namespace, place, request=b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n"):
    """One request and its answer."""
    return Page(namespace, place).send(request).answer()
