"""The files that swabelmesh writes for systemd-networkd, NixOS and OpenWrt, read by the programs
that they are for. There is no uci for Debian, so what `uci batch` reads is checked against its
grammar."""

from __future__ import annotations

import re

import pytest

from mesh import program
from netns import LabError, run

LIST = """mesh formats
format {form}
accept 10.20.0.0/16 fd20::/32
node berlin endpoint 203.0.113.1 address 10.20.1.1 address fd20:0:0:1::1 prefix 10.20.11.0/24
node paris endpoint paris.example.net address 10.20.2.1
node oslo endpoint 2001:db8::7 address 10.20.3.1
node boat nat address 10.20.4.1 public-key TgfcimBqMX27syss2Uzm89sozDgC6Cff1HCoSHDH4yw=
"""


def written(lab, form: str) -> dict[str, str]:
    """The files of all nodes in one format."""
    file = lab.directory / "mesh.conf"
    file.write_text(LIST.format(form=form))
    run(program(), "-f", str(file), "write")
    output = lab.directory / "mesh.out"
    return {str(path.relative_to(output)): path.read_text()
            for path in output.rglob("*") if path.is_file()}


# systemd-networkd, as the user that it runs as. Its own directories are made for it, and what it
# says of each file goes to the log.
NETWORKD = """set -e
mount --bind "$1" /mnt
for d in /run /etc/systemd /var/lib; do mount -t tmpfs -o mode=755 tmpfs $d; done
for d in links leases lldp; do mkdir -p /run/systemd/netif/$d; done
chown -R systemd-network: /run/systemd/netif
mkdir /etc/systemd/network /etc/systemd/networkd.conf.d
cp /mnt/network/* /etc/systemd/network/
cp /mnt/networkd.conf.d/* /etc/systemd/networkd.conf.d/
(umask 077 && wg genkey > /etc/systemd/network/mesh.key)
chgrp systemd-network /etc/systemd/network/*
chmod 640 /etc/systemd/network/*
SYSTEMD_LOG_LEVEL=debug SYSTEMD_LOG_TARGET=console exec /lib/systemd/systemd-networkd
"""


def told_by_networkd(lab, folder) -> list[str]:
    """What systemd-networkd says of files, until it has made or failed to make what they name."""
    machine = lab.namespace("machine")
    log = lab.directory / f"{machine.name}.log"
    # The directory of the log is hidden by the new /run, except to who is in it.
    command = (f"cd {lab.directory}\n({NETWORKD}) > {log.name} 2>&1 & pid=$!; "
               "for i in $(seq 100); do sleep 0.1; "
               f"grep -q 'Enumeration completed' {log.name} && break; done; kill -9 $pid; wait")
    machine.execute("unshare", "--mount", "bash", "-c", command, "bash", str(folder))
    lines = log.read_text().splitlines()
    assert any("Enumeration completed" in line for line in lines), lines[-5:]
    return lines


def complaints(lines: list[str]) -> list[str]:
    """What it says is wrong with a file: `PATH:LINE: …`, or a device that is ignored."""
    return [line for line in lines if re.search(
        r"/etc/systemd/network\S*:\d+: |Ignoring|ignoring assignment|Failed to (parse|decode|open "
        r"configuration file '/etc/systemd/network)", line) and "networkd.conf'" not in line]


@pytest.mark.parametrize("node", ["berlin", "boat"])
def test_networkd_takes_its_files(lab, node):
    """Also those of a node that keeps its private key to itself."""
    written(lab, "networkd")
    lines = told_by_networkd(lab, lab.directory / "mesh.out" / node)
    assert not complaints(lines)
    names = {path.name[3:-7] for path in (
        lab.directory / "mesh.out" / node / "network").glob("*.netdev")}
    assert len(names) == 3
    for name in names:
        assert f'{name}: loaded "wireguard"' in lines


@pytest.mark.parametrize("right,wrong", [
    ("ListenPort=", "ListenPrt="), ("RouteTable=off", "RouteTable=offf"),
    ("PublicKey=", "PublicKey=x"), ("AllowedIPs=0.0.0.0", "AllowedIPs=0.0.0.300"),
    ("Address=fe80", "Address=xe80"), ("ManageForeignRoutes=no", "ManageForeignRoutes=perhaps")])
def test_networkd_would_complain(lab, right, wrong):
    """About each of these mistakes, so that the test before can fail."""
    written(lab, "networkd")
    folder = lab.directory / "mesh.out" / "berlin"
    changed = 0
    for path in folder.rglob("50-*"):
        text = path.read_text()
        changed += right in text
        path.write_text(text.replace(right, wrong))
    assert changed and complaints(told_by_networkd(lab, folder))


def test_nix_parses_its_modules(lab):
    """And would not parse them with a mistake."""
    files = written(lab, "nixos")
    environment = ("env", f"HOME={lab.directory}", f"NIX_STATE_DIR={lab.directory}/state",
                   f"NIX_STORE_DIR={lab.directory}/store", "nix-instantiate", "--parse", "-")
    for node in ("berlin", "boat"):
        text = files[f"{node}/mesh.nix"]
        parsed = run(*environment, stdin=text)
        assert parsed.count("privateKeyFile = ") == 3
        with pytest.raises(LabError):
            run(*environment, stdin=text.replace("listenPort = ", "listenPort ", 1))


# A line of `uci batch`: a command, and what it is about. A value is in single quotes, with none in
# it.
NAME = r"[A-Za-z0-9_]+"
UCI = [
    rf"set {NAME}\.{NAME}={NAME}",
    rf"set {NAME}\.{NAME}\.{NAME}='[^']*'",
    rf"add_list {NAME}\.{NAME}\.{NAME}='[^']*'",
]


class Uci:
    """The shell's `uci` in a script of ours: it takes what the grammar has, and keeps it."""

    def __init__(self) -> None:
        self.sections: dict[str, str] = {}
        self.options: dict[str, list[str]] = {}

    def take(self, line: str) -> None:
        """A line of a batch."""
        assert any(re.fullmatch(form, line) for form in UCI), f"not uci's: {line}"
        command, rest = line.split(" ", 1)
        key, value = rest.split("=", 1)
        if key.count(".") == 1:
            assert command == "set" and key not in self.sections, f"twice: {key}"
            self.sections[key] = value
            return
        assert key.rsplit(".", 1)[0] in self.sections, f"no section yet: {line}"
        assert command == "add_list" or key not in self.options, f"twice: {key}"
        self.options.setdefault(key, []).append(value.strip("'"))

    def run(self, script: str) -> None:
        """The batches of a script, and its other uses of uci."""
        batch = False
        for line in script.splitlines():
            if batch:
                batch = line != "END"
                if batch:
                    self.take(line)
            elif line == "uci -q batch <<'END'":
                batch = True
            elif line.startswith("uci"):
                assert re.fullmatch(
                    rf"uci -q delete {NAME}\.{NAME} \|\| true|uci commit {NAME}"
                    rf"|uci set {NAME}\.{NAME}\.{NAME}=\"\$\(cat /[a-z/.]+\)\"", line), line
        assert not batch


def test_uci_takes_its_batches(lab):
    """Every line is one that uci knows, in a section that is there; and the peer of each interface
    has what netifd's script for WireGuard wants."""
    files = written(lab, "openwrt")
    for node in ("berlin", "boat"):
        network, firewall = Uci(), Uci()
        network.run(files[f"{node}/network.sh"])
        firewall.run(files[f"{node}/firewall.sh"])
        tunnels = [key for key in network.sections if key.startswith("network.wg_")
                   and network.sections[key] == "interface"]
        assert len(tunnels) == 3
        for tunnel in tunnels:
            name = tunnel.partition(".")[2]
            assert network.sections[f"{tunnel}_peer"] == f"wireguard_{name}"
            assert network.options[f"{tunnel}.proto"] == ["wireguard"]
            assert network.options[f"{tunnel}_peer.allowed_ips"] == ["0.0.0.0/0", "::/0"]
            assert network.options[f"{tunnel}_peer.route_allowed_ips"] == ["0"]
        assert firewall.sections["firewall.mesh"] == "zone"
        assert len(firewall.options["firewall.mesh.network"]) == 3


@pytest.mark.parametrize("line", [
    "set network.wg-a=interface", "set network.wg_a.mtu=1420", "set network.wg_a.x='it's'",
    "add network.wg_a='x'"])
def test_uci_would_not_take(lab, line):
    """What the shell or uci would read otherwise."""
    uci = Uci()
    uci.take("set network.wg_a=interface")
    with pytest.raises(AssertionError):
        uci.take(line)
