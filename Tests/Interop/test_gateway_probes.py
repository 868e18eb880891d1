"""What probes of gateways ask, and what a check says of gateways."""

from __future__ import annotations

import pathlib

import pytest
from netns import Process, wait_until
from punctual import PARAMETERS, HelloWatch, Punctuality, Twin
from uplinks import DEFAULT, PROBED, PROBED6, QUICK, Exit, internet

SERVERS = """
import http.server, socket, threading
class Page(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response({"/good": 204, "/login": 302}.get(self.path, 500))
        self.end_headers()
    def log_message(self, *_):
        pass
threading.Thread(target=http.server.HTTPServer(("192.0.2.1", 80), Page).serve_forever).start()
class Page6(http.server.HTTPServer):
    address_family = socket.AF_INET6
threading.Thread(target=Page6(("2001:db8:1::1", 8080), Page).serve_forever).start()
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(("192.0.2.1", 53))
print("ready", flush=True)
while True:
    q, peer = s.recvfrom(4096)
    name = q[12:-4]
    code = 0 if b"\\x04good" in name else 3 if b"\\x07nowhere" in name else 2
    if b"\\x05alien" in name:
        s.sendto(bytes([q[0] ^ 1]) + q[1:2] + b"\\x81\\x80" + q[4:], peer)  # another id
        s.sendto(b"\\x00" * 3, peer)
        continue
    s.sendto(q[:2] + bytes([0x81, 0x80 | code]) + q[4:], peer)
"""


def test_kinds_of_probes(lab):
    """Each kind tells good from bad: TCP, HTTP with its status, DNS with its code and id."""
    gate = Exit(lab, "g", internet(lab), 1)
    server = Process(gate.internet, "servers", ["/usr/bin/python3", "-c", SERVERS])
    wait_until(lambda: "ready" in server.text(), 10, "servers", every=0.05)
    good = {
        "tcp": f"tcp {PROBED}:80", "http": f"http http://{PROBED}/good",
        "dns": f"dns {PROBED} good.example", "nx": f"dns {PROBED} nowhere.example",
        "two": f"icmp {PROBED} probe icmp 192.0.2.99 need 1"}
    bad = {
        "refused": (f"tcp {PROBED}:81", "refused"),
        "login": (f"http {PROBED}/login", "HTTP status 302"),
        "fails": (f"dns {PROBED} other.example", "SERVFAIL"),
        "alien": (f"dns {PROBED} alien.example", "no answer"),
        "silent": ("icmp 192.0.2.99", "icmp 192.0.2.99: "),
        "both": (f"icmp {PROBED} probe icmp 192.0.2.99 need 2", "icmp 192.0.2.99: ")}
    lines = [gate.gateway("interval 0.5", probe, name) for name, probe in good.items()]
    lines += [gate.gateway("interval 0.5 fail 2", probe, name) for name, (probe, _) in bad.items()]
    lines += [f"gateway web6 interface up1 prefix ::/0 probe http http://[{PROBED6}]:8080/good"]
    gate.start(["lo9"], lines)
    for name in [*good, "web6"]:
        gate.until("up", 10, name)
    for name, (_, words) in bad.items():
        gate.until("down", 10, name)
        assert words in gate.rows()[name]["last_fault"], gate.rows()[name]


# Answers echo requests after a tenth of a second, and tells the gateway 60 times a second that its
# request was refused, as somebody would who knows neither identifier nor number nor content.
FORGER = """
import socket, struct, sys, threading, time
near, far, probed = sys.argv[1:]
def checksum(b):
    total = sum(struct.unpack("!%dH" % (len(b) // 2), b))
    total = (total >> 16) + (total & 0xffff)
    return ~(total + (total >> 16)) & 0xffff
def sealed(b):
    return b[:2] + struct.pack("!H", checksum(b)) + b[4:]
quoted = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 84, 1, 0, 60, 1, 0, socket.inet_aton(near),
                     socket.inet_aton(probed)) + struct.pack("!BBHHH", 8, 0, 0, 0, 0)
ears = socket.socket(socket.AF_INET, socket.SOCK_RAW, 1)
voice = socket.socket(socket.AF_INET, socket.SOCK_RAW, 1)
voice.bind((probed, 0))
liar = socket.socket(socket.AF_INET, socket.SOCK_RAW, 1)
liar.bind((far, 0))
def lie():
    while True:
        for code in (2, 3):
            liar.sendto(sealed(struct.pack("!BBHI", 3, code, 0, 0) + quoted), (near, 0))
        time.sleep(1 / 30)
threading.Thread(target=lie, daemon=True).start()
print("ready", flush=True)
def answer(packet, peer):
    voice.sendto(sealed(b"\\0\\0\\0\\0" + packet[4:]), peer)
while True:
    packet, peer = ears.recvfrom(2048)
    if packet[20] == 8:
        threading.Timer(0.1, answer, (packet[20:], peer)).start()
"""


@pytest.mark.parametrize("groups", ["1 0", "0 2147483647"], ids=["raw", "plain"])
def test_forged_errors(lab, groups):
    """ICMP errors of somebody who only knows the addresses count for nothing beside answers."""
    gate = Exit(lab, "g", internet(lab), 1)
    gate.machine.execute("sysctl", "-qw", f"net.ipv4.ping_group_range={groups}")
    gate.internet.execute("sysctl", "-qw", "net.ipv4.icmp_echo_ignore_all=1")
    forger = Process(gate.internet, "forger", [
        "/usr/bin/python3", "-c", FORGER, gate.near, gate.far, PROBED])
    wait_until(lambda: "ready" in forger.text(), 10, "the forger", every=0.05)
    gate.start(["lo9"], [gate.gateway("interval 0.5 fail 2")])
    gate.until("up", 10)
    rounds = gate.rows()["up4"]["good_rounds"]
    wait_until(lambda: gate.rows()["up4"]["good_rounds"] >= rounds + 12, 20, "answers", every=0.2)
    assert gate.rows()["up4"]["bad_rounds"] == 0 and gate.rows()["up4"]["changes"] == 1


@pytest.mark.parametrize("rule,more", [
    (["oif", "up1"], ""), (["fwmark", "7"], "mark 7")])
def test_table_of_its_own(lab, rule, more):
    """The uplink's route is in a table of its own: probes find it by a rule for their interface or
    their mark."""
    gate = Exit(lab, "g", internet(lab), 1)
    gate.machine.ip("route", "del", "default")
    gate.machine.ip("route", "add", "default", "via", gate.far, "proto", "dhcp", "table", "100")
    gate.machine.ip("rule", "add", *rule, "lookup", "100", "priority", "900")
    gate.start(["lo9"], ["import-table 100", gate.gateway(f"table 100 {QUICK} {more}")])
    gate.until("up", 10)
    assert gate.rows()["up4"]["routes"] == 1
    assert DEFAULT in {row["prefix"] for row in gate.daemon.dump("xroute")}


@pytest.mark.alone
def test_hellos_are_punctual(lab):
    """Sixteen gateways whose probes nobody answers, ten rounds a second each, delay no Hello."""
    gate = Exit(lab, "g", internet(lab), 1)
    peer = lab.namespace("p")
    lab.veth(gate.machine, peer, ("mesh", "l0"))
    watch, twin = HelloWatch(peer, "l0"), Twin(lab)
    gate.start(["mesh"], [
        gate.gateway("interval 0.1", " probe ".join(
            [f"icmp 192.0.2.{100 + number}", f"tcp 192.0.2.{100 + number}:80",
             f"dns 192.0.2.{100 + number} a.b", f"http http://192.0.2.{100 + number}/"]),
            f"g{number}") for number in range(16)], parameters=PARAMETERS)
    wait_until(lambda: len(watch.hellos) > 5 and len(twin.watch.hellos) > 5, 20, "Hellos")
    punctuality = Punctuality(watch, twin)
    wait_until(lambda: len(watch.hellos) > 60, 60, "Hellos")
    punctuality.check("beside 16 dead gateways", 50)
    assert all(row["state"] == "down" for row in gate.rows().values())
    open_files = list(pathlib.Path(f"/proc/{gate.daemon.process.child.pid}/fd").iterdir())
    assert len(open_files) < 16 * 4 + 30, open_files


def test_check(lab):
    """The check names the protocol of a default route that no rule matches, and gateways that do
    nothing."""
    gate = Exit(lab, "g", internet(lab), 1)
    program = gate.start(["lo9"], [gate.gateway()]).binary()

    def check(*statements):
        words = [word for line in statements for word in ("-C", line)]
        return gate.machine.execute(
            "sh", "-c", '"$@" 2>&1; true', "sh", program, "--check", "-c", "/dev/null", *words,
            "up1")

    text = check("redistribute ip 0.0.0.0/0 eq 0 proto 4 allow")
    assert "default route 0.0.0.0/0 through up1 is not announced: it is of protocol 16" in text
    assert 'add a rule with "proto 16"' in text
    gate.machine.ip("route", "replace", "default", "via", gate.far, "metric", "100")
    gate.machine.ip("route", "del", "default", "proto", "dhcp", check=False)
    text = check("redistribute ip 0.0.0.0/0 eq 0 allow")
    assert 'add a rule with "proto 3"' in text, text
    text = check(gate.gateway())
    assert "no rule announces 0.0.0.0/0 through up1" in text, text
    assert "Babel runs on up1, too" in text, text
