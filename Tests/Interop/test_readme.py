"""The README, followed to the letter: its commands are taken from its own text."""

import os
import re
import shutil

import pytest

from daemons import binary_under_test
from host import CLOSED, Host
from mesh import program
from netns import REPOSITORY, run, wait_until

README = (REPOSITORY / "README.md").read_text()
BLOCKS = re.findall(r"^```sh\n(.*?)^```", README, re.M | re.S)
LIST, BRING, ON_FIRST, ON_SECOND, LINE_OF_THIRD = BLOCKS[:5]
KEYS, FIRST, SECOND, TUNNEL, DAEMON, FIREWALL, TO_THIRD, THIRD = BLOCKS[5:]

# What `ssh` and `scp` do here: the process that holds the other machine stands for it.
SSH = """#!/bin/sh -e
pid=$(cat "/run/pids/${1#root@}")
shift
exec nsenter --target="$pid" --mount sh -c "$*"
"""
SCP = """#!/bin/sh -e
host=${3%%:*}
[ "$1" = -rp ]
tar -C "$(dirname "$2")" -c "$(basename "$2")" | ssh "$host" "tar -C '${3#*:}' -x"
"""


def addresses(number: int) -> tuple[str, str]:
    """What the README's host of this number owns."""
    return f"10.20.{number}.1/32", f"fd20:0:0:{number}::1/128"


def connect(lab, first: Host, other: Host, number: int) -> None:
    """A line between two hosts with the addresses that the README gives them."""
    link = lab.veth(first.namespace, other.namespace, (f"l{number}", "l0"), link_local=False,
                    ipv4=False)
    for host, mine, theirs in ((first, 1, number), (other, number, 1)):
        host.namespace.ip("addr", "add", f"203.0.113.{mine}", "peer", f"203.0.113.{theirs}", "dev",
                          link.name(host.namespace))


def test_quick_start(lab):
    """Two hosts, then a third, as swabelmesh sets them up; each behind a firewall."""
    first, second, third = (Host(lab, name, program()) for name in ("first", "second", "third"))
    connect(lab, first, second, 2)
    connect(lab, first, third, 3)
    (first.root / "run/pids").mkdir()
    for number, host in enumerate((first, second, third), start=1):
        host.paste("nft -f -", stdin=CLOSED)
        (first.root / f"run/pids/203.0.113.{number}").write_text(f"{host.holder.child.pid}\n")
    for name, text in (("ssh", SSH), ("scp", SCP)):
        (first.root / "run/bin" / name).write_text(text)
        (first.root / "run/bin" / name).chmod(0o755)
    (first.root / "etc/babeld.conf").write_text("interface eth0\n")
    first.paste(LIST)
    first.paste("cd /etc/swabelmesh", BRING)
    assert "/etc/babeld.conf is not of swabelmesh's making" in first.paste(
        "cd /etc/swabelmesh; ! swabelmesh apply first 2>&1")
    (first.root / "etc/babeld.conf").unlink()
    first.paste(ON_FIRST)
    second.paste(ON_SECOND)
    for script, host in (("mesh.out/first", first), ("second", second)):
        assert f"{script}/firewall.sh" in README
        for _ in range(2):
            host.paste(f"/etc/swabelmesh/{script}/firewall.sh")
    first.learns(*addresses(2))
    second.learns(*addresses(1))
    assert first.namespace.ping("10.20.2.1") and second.namespace.ping("fd20:0:0:1::1")
    rules = first.namespace.execute("nft", "list", "ruleset")
    first.paste("/etc/swabelmesh/mesh.out/first/firewall.sh")
    assert first.namespace.execute("nft", "list", "ruleset") == rules

    first.paste("cd /etc/swabelmesh", LINE_OF_THIRD, BRING, BRING.replace("second", "third")
                .replace("203.0.113.2", "203.0.113.3"))
    number = first.daemon()
    assert "missing: the tunnel to third" in first.paste(
        "cd /etc/swabelmesh; swabelmesh diff first || [ $? = 3 ]")
    for host in (first, second):
        host.paste(f"cd /etc/swabelmesh; swabelmesh apply {host.namespace.label}")
    third.paste(ON_SECOND.replace("second", "third"))
    first.paste("/etc/swabelmesh/mesh.out/first/firewall.sh")
    third.paste("/etc/swabelmesh/third/firewall.sh")
    third.learns(*addresses(1), *addresses(2))
    second.learns(*addresses(1), *addresses(3))
    wait_until(lambda: third.namespace.ping("10.20.2.1"), 5, "ping through the first")
    assert first.daemon() == number, "it was not restarted"
    first.reboots()
    first.learns(*addresses(2), *addresses(3))
    wait_until(lambda: first.namespace.ping("10.20.3.1"), 20, "the third host is back")


@pytest.mark.parametrize("service", [True, False], ids=["service", "by hand"])
def test_quick_start_by_hand(lab, service):
    """Two hosts, then a third, each behind a firewall; as services, they survive a reboot."""
    tunnel, daemon = TUNNEL, DAEMON
    if not service:
        for command in ("wg-quick up $DEVICE", "swabeld -D"):
            assert f"`{command}`" in README
        tunnel = re.sub("systemctl enable wg-quick.*", "wg-quick up $DEVICE", tunnel)
        daemon = re.sub("systemctl enable swabeld.*", "swabeld -D", daemon)
        assert "systemctl" not in tunnel + daemon
    first, second, third = (Host(lab, name) for name in ("first", "second", "third"))
    connect(lab, first, second, 2)
    connect(lab, first, third, 3)
    keys = []
    for host in (first, second, third):
        host.paste("nft -f -", stdin=CLOSED)
        keys.append(host.paste(KEYS).strip())
        assert host.paste(KEYS).strip() == keys[-1], "a key that is there is kept"
        host.paste(FIREWALL)
    first.knows(FIRST, keys[1])
    second.knows(SECOND, keys[0])
    former = "interface l2\n"
    if service:  # somebody has tried already, with another configuration
        for name in ("babeld.conf", "wireguard/wg0.conf"):
            (first.root / "etc" / name).write_text(former)
        first.paste("systemctl start swabeld")
        wait_until((first.root / "run/babeld.pid").exists, 10, first.state)
    for host in (first, second):
        host.paste(tunnel)
        host.paste(daemon)
    if service:
        for name in ("babeld.conf.old", "wireguard/wg0.conf.old"):
            assert (first.root / "etc" / name).read_text() == former, "it is kept"
    first.learns(*addresses(2))
    second.learns(*addresses(1))
    assert first.namespace.ping("10.20.2.1") and second.namespace.ping("fd20:0:0:1::1")

    first.knows(TO_THIRD, keys[2])
    third.knows(THIRD, keys[0])
    first.paste(tunnel)
    third.paste(tunnel)
    third.paste(daemon)
    third.learns(*addresses(1), *addresses(2))
    second.learns(*addresses(1), *addresses(3))
    wait_until(lambda: third.namespace.ping("10.20.2.1"), 5, "ping through the first")
    assert third.namespace.ping("fd20:0:0:2::1")
    for command in ("swabeld --check /etc/babeld.conf", "wg pubkey < /etc/wireguard/private.key"):
        assert command in README
    assert "configuration is valid" in first.paste("swabeld --check /etc/babeld.conf")
    assert first.paste("wg pubkey < /etc/wireguard/private.key").strip() == keys[0]
    for command in ("swabelctl dump", "ip route show proto babel"):
        assert f"`{command}`" in README and "10.20.3.1" in first.paste(command), command

    if service:
        first.reboots()
        first.learns(*addresses(2), *addresses(3))
        third.learns(*addresses(1), *addresses(2))
        assert third.namespace.ping("10.20.1.1"), "the firewall stays, as it stands in a file"
    else:
        assert "`kill $(cat /run/babeld.pid)`" in README and "`swabelctl stop`" in README
        assert re.fullmatch(
            r"swabeld-\S+ runs, after \d+ milliseconds\n", first.paste("swabelctl restart"))
        first.paste("swabelctl stop")
        assert not first.daemon()
        assert (first.root / "var/log/babeld.log").exists() and not first.namespace.reaches()


def test_table_off_is_needed(lab):
    """Without it wg-quick takes the default route, as the README says."""
    host = Host(lab, "first")
    key = host.paste(KEYS).strip()
    host.knows(FIRST, key)
    assert "Table = off\n" in TUNNEL
    rules = host.namespace.ip("rule")
    host.paste(TUNNEL)
    assert host.namespace.ip("rule") == rules and "default" not in host.namespace.ip(
        "route", "show", "table", "all")
    host.paste("wg-quick down wg0", TUNNEL.replace("Table = off\n", ""))
    assert host.namespace.ip("rule") != rules


def test_index_of_the_documents(lab):
    """Each of them is named, and what is named is there. A picture is shown in one of them."""
    linked = set(re.findall(r"\]\(([^)#:]+)\)", README))
    files = sorted((REPOSITORY / "docs").iterdir())
    documents = {f"docs/{path.name}" for path in files if path.suffix != ".svg"}
    assert documents | {"Fuzz/README.md", "CHANGES"} <= linked
    texts = [path.read_text() for path in files if path.suffix == ".md"]
    for picture in (path.name for path in files if path.suffix == ".svg"):
        assert any(f"]({picture})" in text for text in texts), picture
    assert all((REPOSITORY / path).exists() for path in linked)


@pytest.mark.parametrize("prefix,units", [
    ("/usr", "usr"), ("/usr/local/", "usr/local"), ("/opt/x", "usr/local")])
def test_install(lab, prefix, units):
    """What `make install` puts into an image: the program without its symbols, which starts; the
    manual; a unit that names the program, where systemd looks for units. A newer object of the
    name of the program, as a build leaves it, is not taken for its source."""
    image, built = lab.directory / "image", lab.directory / "swabeld"
    shutil.copy(binary_under_test(), built)
    os.utime(built, (1, 1))
    built.with_suffix(".o").write_text("no object")
    run("make", "-s", "-C", str(REPOSITORY), "install", f"DESTDIR={image}", f"PREFIX={prefix}",
        f"BINARY={built}")
    files = {str(path.relative_to(image)): path for path in image.rglob("*") if path.is_file()}
    place = prefix.strip("/")
    service = f"{units}/lib/systemd/system/swabeld.service"
    share = f"{place}/share"
    assert set(files) == {
        f"{place}/sbin/swabeld", f"{place}/sbin/swabelctl", service,
        f"{share}/man/man8/swabeld.8", f"{share}/man/man8/swabelctl.8",
        f"{share}/bash-completion/completions/swabelctl",
        f"{share}/bash-completion/completions/swabeld",
        f"{share}/zsh/site-functions/_swabelctl",
        f"{place}/libexec/swabeld-notify", f"{share}/doc/swabeld/notify.conf.example"}
    assert "Syntax: swabelctl" in run("sh", "-c", f"{files[f'{place}/sbin/swabelctl']} -h")
    program = files[f"{place}/sbin/swabeld"]
    assert program.stat().st_mode & 0o7777 == 0o755
    assert ".symtab" not in run("readelf", "-SW", str(program))
    assert program.stat().st_size < 11_000_000
    assert "swabeld" in run("sh", "-c", '"$1" --version 2>&1', "sh", str(program))
    unit = files[service].read_text()
    assert f"ExecStart=/{place}/sbin/swabeld -c" in unit and "@SBIN@" not in unit
    assert f"ExecReload=+/{place}/sbin/swabelctl -c" in unit
    run("make", "-s", "-C", str(REPOSITORY), "uninstall", f"DESTDIR={image}", f"PREFIX={prefix}")
    assert not [path for path in image.rglob("*") if path.is_file()]
