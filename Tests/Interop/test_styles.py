"""The ways in which other systems start a Babel daemon work, and so does reading a file again."""

import dataclasses
import os
import signal

import pytest
from netns import wait_until
from styles import FIRST, OWN, SECOND, Life, Style, Watch, reaches

CONF = "/etc/babeld.conf"
SOCKET = "/run/babeld.sock"
BY_PATH = f"local-path-readwrite {SOCKET}\n"
QUICK = "default hello-interval 1 update-interval 4\n"
LATER = "+10.98.0.1/32 +fd98::1/128"
# What the module of NixOS lets the daemon do: it has no sockets of Unix kind.
NIXOS = """
CapabilityBoundingSet=CAP_NET_ADMIN
RestrictAddressFamilies=AF_NETLINK AF_INET AF_INET6
SystemCallFilter=@system-service
MemoryDenyWriteExecute=yes
ProtectSystem=strict
ProtectHome=yes
UMask=0177
RuntimeDirectory=babeld
StateDirectory=babeld
"""
NIXOS_FILE = (
    "skip-kernel-setup true\ndefault hello-interval 1 type tunnel update-interval 4\n"
    "interface eth0 \ninterface eth1 split-horizon auto type wired \n")
DEBIAN = {"command": "babeld -D -I /var/run/babeld.pid -S /var/lib/babeld/state eth0",
          "pid": "/var/run/babeld.pid", "state": "/var/lib/babeld/state",
          "log": "/var/log/babeld.log"}
NIX = {"command": f"babeld -c {CONF} -I /run/babeld/babeld.pid -S /var/lib/babeld/state",
       "pid": "/run/babeld/babeld.pid", "state": "/var/lib/babeld/state", "unit": NIXOS,
       "here": FIRST | SECOND, "there": OWN | SECOND}
OPENWRT = {"command": f"babeld -I '' -c {CONF} -c /var/etc/babeld.conf",
           "here": FIRST - {"10.93.0.1/32"},
           "there": OWN - {"10.91.0.1/32"} | {"10.97.0.0/16"}}
OPENWRT_FILE = (
    "interface eth0 type wired \ndefault hello-interval 1\ndefault update-interval 4\n"
    " redistribute  ip 10.97.0.0/16 metric 128\n"
    " redistribute local ip ::/0 le 128 ge 1 src-eq 0 metric 128\n redistribute local  deny\n"
    " in ip 10.93.0.0/16 le 32 neigh fe80::2 if eth0 deny\n")
DEBIAN_SOCKET = Style(
    files={CONF: QUICK + BY_PATH}, edit=(CONF, "", "in ip fd93::/16 deny\n"),
    reload="swabeld reload", changes="-fd93::1/128", socket=SOCKET, **DEBIAN)
OPENWRT_SOCKET = Style(
    files={CONF: "", "/var/etc/babeld.conf": BY_PATH + OPENWRT_FILE},
    edit=("/var/etc/babeld.conf", " in ip 10.93.0.0/16 le 32", " in ip fd93::/16"),
    reload="swabelctl -c /var/etc/babeld.conf reload", changes="+10.93.0.1/32 -fd93::1/128",
    socket=SOCKET, **OPENWRT)
READ_ONLY = Style(
    f"babeld -c {CONF}", {CONF: """skip-kernel-setup true
reload-on-sighup true
local-path /var/run/babeld/ro.sock
router-id ac:1f:6b:e5:fe:3a
interface wg0 type tunnel rtt-min 0.5 rtt-decay 32
redistribute ip fd91::/64 ge 64 le 128 local allow
redistribute local deny
"""}, (CONF, "", "interface wg1 type tunnel rtt-min 0.5 rtt-decay 32\n"), "HUP", LATER, LATER,
    there=OWN - {"10.91.0.1/32"}, links=("wg0", "wg1"), socket="/var/run/babeld/ro.sock")
RAIT = Style(
    "babeld -c /etc/rait/babeld.conf", {"/etc/rait/babeld.conf": """random-id true
local-path-readwrite /run/babeld.ctl
state-file ""
pid-file ""
interface placeholder
# Interfaces are added over the socket.
redistribute ip fd97::/16 ge 64 le 64 allow
redistribute local deny
"""}, ("/etc/rait/babeld.conf", "interface placeholder", "interface gravity* {}"),
    "swabelctl -s /run/babeld.ctl reload", LATER, LATER, there={"fd97::/64"},
    links=("gravity1", "gravity2"), socket="/run/babeld.ctl")

STYLES = {
    "Debian, signal": Style(
        files={CONF: f"# For the syntax see the manual.\n\n{QUICK}reload-on-sighup true\n"},
        edit=(CONF, "", "interface eth1\n"), reload="HUP", changes=LATER, announced=LATER,
        **DEBIAN),
    "NixOS, signal": Style(
        files={CONF: f"{NIXOS_FILE}reload-on-sighup true\ninclude /etc/babeld.d/*.conf\n",
               "/etc/babeld.d/old.conf": ""},
        edit=("/etc/babeld.d/new.conf", "", "in ip 10.93.0.0/16 deny\n"), reload="HUP",
        changes="-10.93.0.1/32", **NIX),
    "NixOS, port": Style(
        files={CONF: f"{NIXOS_FILE}local-port-readwrite 33123\ntrust-local-port true\n"},
        edit=(CONF, "", "redistribute ip 10.97.0.0/16 allow\n"), reload="swabelctl reload",
        announced="+10.97.0.0/16", socket="33123", **NIX),
    "OpenWrt, signal": Style(
        files={CONF: "# Written by hand.\nreload-on-sighup true\n",
               "/var/etc/babeld.conf": OPENWRT_FILE},
        edit=("/var/etc/babeld.conf", "default h", "interface eth1 type wired \ndefault h"),
        reload="HUP", changes=LATER, announced=LATER, **OPENWRT),
    "Gluon": Style(
        "babeld -D -I /var/run/mesh-babel.pid -G 33123 -c /etc/mesh/babel.conf",
        {"/etc/mesh/babel.conf": """ipv6-subtrees true
trust-local-port true
reflect-kernel-metric true
export-table 254
import-table 254
out ip fd91::1/128 deny
redistribute ip fd97::/16 eq 128  allow
redistribute local if lan0 deny
redistribute local ip 0.0.0.0/0 deny
install pref-src fd91::2
interface mesh-vpn
"""}, ("/etc/mesh/babel.conf", "pref-src fd91::2", "pref-src fd91::1"),
        "swabelctl -s 33123 reload", "~fd92::1/128 ~fd93::1/128 ~fd94::/64",
        there={"fd91::2/128"}, links=("mesh-vpn", "mesh1"), socket="33123",
        pid="/var/run/mesh-babel.pid", state="/var/lib/babel-state", log="/var/log/babeld.log"),
    "NixOS, tunnels with pref-src": Style(
        f"babeld -c {CONF} -I /run/babeld/babeld.pid -S /var/lib/babeld/state",
        {CONF: BY_PATH + """default type tunnel
default link-quality true
default split-horizon false
default rxcost 32
default hello-interval 5
default enable-timestamps true
default max-rtt-penalty 1000
default rtt-min 1
default rtt-max 1000
kernel-priority 10000
random-id true
smoothing-half-life 16
interface eth0
redistribute proto 12 deny
redistribute ip 10.97.0.0/16 allow
redistribute local ip 10.91.0.0/16 allow
redistribute local deny
install ip 10.0.0.0/8 pref-src 10.91.0.1
install ip fd92::/16 pref-src fd91::1
"""}, (CONF, "install ip fd92::/16", "install ip fd93::/16"), "swabelctl reload",
        "~fd92::1/128 ~fd93::1/128", there={"10.91.0.1/32", "10.97.0.0/16"}, socket=SOCKET),
    "other tables": Style(
        f"babeld -c {CONF}", {CONF: BY_PATH + """reflect-kernel-metric true
import-table 114
export-table 32766
redistribute proto 114 allow
interface eth0 type tunnel hello-interval 20 rxcost 32 rtt-max 1024
install pref-src 10.91.0.1
install pref-src fd91::1
"""}, (CONF, "install pref-src 10.91.0.1\n", ""), "swabelctl reload",
        "~10.92.0.1/32 ~10.93.0.1/32", there=OWN | {"10.96.0.0/16", "fd96::/64"},
        socket=SOCKET),
    "words that are deprecated": Style(
        f"babeld -c {CONF}", {CONF: """local-port 30003
reload-on-sighup true
interface wlan0-mesh_17
interface wlan0-mesh_17 wired false
redistribute ip 0::0/0 le 0  allow
redistribute local  deny
redistribute  deny
"""}, (CONF, "le 0  allow", "le 0 proto 3  allow"), "HUP", "", "+::/0", there=set(),
        links=("wlan0-mesh_17", "wlan1-mesh_17"), socket="30003"),
    "exit server": Style(
        f"babeld -c {CONF}", {CONF: BY_PATH + """interface wg0
redistribute local ip 0.0.0.0/0 proto 3 metric 128 allow
in local deny
in deny
"""}, (CONF, "in local deny", "in ip 10.92.0.0/15 allow"), "swabelctl reload",
        "+10.92.0.1/32 +10.93.0.1/32", here=set(), there=OWN | {"0.0.0.0/0"},
        links=("wg0", "wg1"), socket=SOCKET),
    "overlay of networks": Style(
        f"babeld -c {CONF}", {CONF: BY_PATH + """default hello-interval 4
default update-interval 16
link-detect true
interface eth0
in ip fd92::/48 deny
in ip fd00::/8 le 64 ge 44 allow
in deny
install pref-src fd91::1
"""}, (CONF, "fd92::/48 deny", "fd94::/48 deny"), "swabelctl reload", "-fd94::/64",
        here={"fd94::/64"}, socket=SOCKET),
    "home network": Style(
        f"babeld -c {CONF} -c /run/babeld.d/home.conf",
        {CONF: BY_PATH, "/run/babeld.d/home.conf": """ipv6-subtrees yes
interface eth0
redistribute
redistribute local deny
"""}, ("/run/babeld.d/home.conf", "interface eth0\n", "interface eth0\ninterface eth1\n"),
        "swabelctl reload", LATER, LATER,
        there=OWN - {"10.91.0.1/32"} | {"10.97.0.0/16", "fd97::/64"}, socket=SOCKET),
    "no file, concentrator": Style(
        "babeld -I '' -C 'default enable-timestamps true' -C 'default max-rtt-penalty 96' "
        "-C 'default rtt-min 25' -C 'local-port-readwrite 33123' -C 'trust-local-port true' "
        "-C 'out ip fd91::2/128 deny' "
        "-C 'redistribute src-ip fd91::/32 ip fd97::/16 allow' -C 'redistribute local deny' eth0",
        {}, (CONF, "", "redistribute ip fd97::/64 allow\n"), "swabelctl reload",
        "", "+fd97::/64", there=set(), socket="33123"),
    "default routes": Style(
        f"babeld -c {CONF}", {CONF: BY_PATH + """interface wlan0
redistribute ip ::/0 le 0  proto 3
redistribute ip 0.0.0.0/0 le 0 proto 3
redistribute local deny
redistribute deny
"""}, (CONF, "redistribute ip 0.0.0.0/0 le 0 proto 3\n", ""), "swabelctl reload",
        "", "-0.0.0.0/0", there={"0.0.0.0/0", "::/0"}, links=("wlan0", "wlan1"), socket=SOCKET),
    "overlay of tunnels": Style(
        "babeld -h 1 -H 1 -L /var/log/overlay.log -S /var/lib/babeld/state -I /run/overlay.pid "
        "-s -C 'redistribute ip fd97::/64 eq 64' -C 'redistribute local deny' "
        "-C 'in ip fd90::/12' -C 'in deny' -d 1 -w eth0",
        {CONF: "reload-on-sighup true\n"}, (CONF, "", "interface eth1\n"), "HUP",
        "+fd98::1/128", "+fd98::1/128", here={x for x in FIRST if x.startswith("fd")},
        there={"fd97::/64"}, log="/var/log/overlay.log", pid="/run/overlay.pid",
        state="/var/lib/babeld/state"),
    "no file, demonstration": Style(
        "babeld -M 0 -d 1 -h 1 -G 8080 -w wlan0 -C 'in if wg0 deny' -C 'in neigh fe80::9 deny' "
        "-C 'redistribute local if wlan0' -C 'redistribute local deny' "
        "-C 'trust-local-port true'",
        {}, (CONF, "", "in ip 10.93.0.0/16 deny\n"), "swabelctl -s 8080 reload",
        "-10.93.0.1/32", there=set(), links=("wlan0", "wlan1"), socket="8080"),
    "statements as words": Style(
        "babeld -C 'redistribute if lan0 metric 128' "
        "-C 'redistribute ip 0.0.0.0/0 le 28 metric 128' eth0",
        {CONF: BY_PATH}, (CONF, "", "out ip 10.97.0.0/16 deny\n"), "swabeld reload", "",
        "-10.97.0.0/16", there=OWN | {"10.97.0.0/16", "fd97::/64"}, socket=SOCKET),
}


@pytest.mark.parametrize("title", STYLES)
def test_style(lab, title):
    """It starts, changes only what was edited, and leaves nothing behind."""
    life = Life(lab, STYLES[title])
    life.start()
    life.reload()
    life.stop()


def test_debian_rotates_the_log(lab):
    """After logrotate and USR2 the daemon writes to the new file, also what a reload says."""
    life = Life(lab, DEBIAN_SOCKET)
    life.start()
    log = life.file(life.style.log)
    old = log.rename(f"{log}.1")
    before = old.read_text()
    os.kill(life.pid, signal.SIGUSR2)
    wait_until(log.exists, 5, "the new log is there")
    life.reload()
    assert "The configuration was reloaded" in log.read_text() and old.read_text() == before
    life.stop()


def test_nixos_without_a_way_to_reload(lab):
    """A socket of Unix kind is forbidden there. Without a port and reload-on-sighup nobody can
    tell the daemon to reload, and SIGHUP ends it, as it ends babeld."""
    life = Life(lab, Style(files={CONF: f"{NIXOS_FILE}local-path-readwrite /run/babeld/sock\n"},
                           edit=(CONF, "", ""), reload="", **NIX))
    life.launch()
    assert life.foreground.child.wait(10) == 1
    assert "add AF_UNIX to RestrictAddressFamilies" in life.text(), life.text()
    assert not life.file(life.style.pid).exists()
    life.write(CONF, NIXOS_FILE)
    life.start()
    assert "no daemon serves" in life.refused("swabelctl reload", 3)
    assert "names no socket" in life.refused(f"swabelctl -c {CONF} reload", 3)
    assert life.file(life.style.pid).stat().st_mode & 0o777 == 0o600
    life.stop(signal.SIGHUP)


def test_openwrt_generates_a_mistake(lab):
    """A mistake in the second file, or its absence while it is written anew, changes nothing."""
    life = Life(lab, OPENWRT_SOCKET)
    life.start()
    watch, (name, _, _) = Watch(life.n), life.style.edit
    good = life.file(name).read_text()
    life.write(name, f"{good}interface eth1 typ wired\n")
    # Only statements that name a socket are needed to find the daemon.
    assert f"{name}:9:16: " in life.refused(life.style.reload, 1)
    life.file(name).unlink()
    assert "No such file" in life.refused(f"swabelctl -s {SOCKET} reload", 1)
    assert watch.changed("") and not watch.touched()
    life.write(name, good)
    life.reload()
    life.stop()


def test_reload_over_a_read_only_socket(lab):
    """It is refused there, and the signal that the configuration allows does it."""
    life = Life(lab, READ_ONLY)
    life.start()
    watch = Watch(life.n)
    life.write(CONF, life.style.files[CONF] + "in deny\n")
    for command in ("swabelctl reload", "swabeld reload", "swabelctl reload --dry-run"):
        assert "the socket is read-only: for this the configuration has to name it by " \
            "local-path-readwrite" in life.refused(command, 2)
    assert watch.changed("") and not watch.touched()
    life.write(CONF, life.style.files[CONF])
    life.reload()
    life.stop()


def test_interfaces_that_were_added_over_the_socket(lab):
    """A reload forgets them, and says so before and after; whoever manages them adds them again.
    A pattern in the file keeps them."""
    life = Life(lab, RAIT)
    parameters = "type tunnel hello-interval 1 update-interval 4"
    add = f"swabelctl -s /run/babeld.ctl interface gravity1 {parameters}"
    life.launch()
    wait_until(life.file("/run/babeld.ctl").exists, 10, "the socket is there")
    life.host.paste(add)
    life.await_routes(FIRST, RAIT.there)
    for option in ("--dry-run", ""):
        answer = life.host.paste(f"{RAIT.reload} {option}")
        assert f"change - interface gravity1 {parameters}\n" in answer, answer
        assert "5 routes lost" in answer and "1 neighbours lost" in answer, answer
    wait_until(lambda: not reaches(life.n) and not reaches(life.a), 5, "the interface is left")
    life.host.paste(add)
    life.await_routes(FIRST, RAIT.there)
    name, old, new = RAIT.edit
    life.style = dataclasses.replace(RAIT, edit=(name, old, new.format(parameters)))
    life.reload()
    life.style = dataclasses.replace(RAIT, edit=(name, "", "in ip fd93::/16 deny\n"),
                                     changes="-fd93::1/128", announced="")
    life.reload()
    assert "Without a state file" in life.refused("swabelctl -s /run/babeld.ctl restart", 1)
    life.stop()
