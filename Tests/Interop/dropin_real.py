"""Command lines and files found in the wild, shortened; names and addresses are replaced.

`refused` holds a part of our message where babeld 1.14 refuses, and None where it accepts.
`warned` are parts of what `--check` must remark.
"""

from __future__ import annotations

import dataclasses


@dataclasses.dataclass(frozen=True)
class Real:
    """One setup as somebody runs it."""

    title: str
    file: str = ""
    words: tuple[str, ...] = ()
    refused: str | None = None
    warned: tuple[str, ...] = ()


def options(*statements: str) -> tuple[str, ...]:
    """-C before each statement."""
    return tuple(word for text in statements for word in ("-C", text))


REAL = [
    Real("01 Debian package, as shipped", """\
# For more information about this configuration file, refer to babeld(8)

# Only the first interface is used.
# interface eth0
""", warned=("no interface",)),
    Real("01 Debian init script", words=("-D", "-S", "/var/lib/babeld/state", "eth0", "wlan0")),
    Real("02 NixOS module", """\
skip-kernel-setup true
default enable-timestamps true hello-interval 5 link-quality true rxcost 32 type tunnel
interface enp0s2 hello-interval 5 split-horizon auto type wired\x20
interface tap0\x20
redistribute ip fd00::/8 allow
""", ("-S", "/var/lib/babeld/state")),
    Real("03 NixOS overlay with tunnels", """\
default type tunnel
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
interface wg-a
redistribute proto 12 deny
redistribute ip 172.20.0.0/14 allow
redistribute local ip 10.127.0.0/16 allow
redistribute local deny
install ip 172.20.0.0/14 pref-src 172.22.76.185
install ip fd00::/8 pref-src fdbc:f9dc:67ad:2547::1
"""),
    Real("03 the same with a word of a fork", "default v4-over-v6 true\ninterface wg-a\n",
         refused='write "v4-via-v6"'),
    Real("04 table beyond 255", """\
random-id true
export-table 32766
import-table 114
local-path /var/run/babeld.ctl
reflect-kernel-metric true
interface wg0 type tunnel hello-interval 20 rxcost 32 rtt-max 1024
redistribute proto 114 allow
redistribute local deny
install pref-src 172.22.167.98
install pref-src fd10:127:cc:1::1
"""),
    Real("05 short router-id, selectors after lengths", """\
skip-kernel-setup true
local-path /var/run/babeld/ro.sock
router-id ac:1f:6b:e5:fe:3a
interface wg0 type tunnel rtt-min 0.5 rtt-max 256 rtt-decay 32
interface wg1 type tunnel rtt-min 0.5 rtt-max 256 rtt-decay 32
redistribute ip fdcc::/64 ge 64 le 128 local allow
redistribute proto 42
redistribute local deny
""", warned=("protocol 42",)),
    Real("06 overlay that adds interfaces by socket", """\
random-id true
local-path-readwrite /run/babeld.ctl
state-file ""
pid-file ""
interface placeholder
# interfaces come by the socket
redistribute ip 2a0c:b641:69c:5220::/60 ge 64 le 64 allow
redistribute local deny
""", warned=("placeholder",)),
    Real("07 mesh gateway firmware", """\
ipv6-subtrees true
reflect-kernel-metric true
export-table 254
import-table 254
out ip fdca:ffee:8::1/128 deny
redistribute ip fdca:ffee:8::/64 eq 128  allow
redistribute local if br-wan deny
redistribute local ip 0.0.0.0/0 deny
install pref-src fdca:ffee:8::2
interface mesh-vpn
""", ("-D", "-G", "33123")),
    Real("08 router firmware, generated", """\
local-port 33123
interface eth1 type wired
default enable-timestamps true
 redistribute  ip 192.168.0.0/16
 redistribute local ip ::/0 eq 64 ge 1 le 128 src-ip ::/0 src-eq 0 src-le 64 id """
         """02:11:22:ff:fe:33:44:55 proto 3 if br-lan metric 128
 redistribute local  deny
 in neigh fe80::1 id 02:11:22:ff:fe:33:44:55 if eth1 deny
""", warned=('"id" never matches', "replaces")),
    Real("09 community firmware with deprecated words", """\
local-port 30003
interface wlan0-mesh_17
interface wlan0-mesh_17 wired false
redistribute ip 0.0.0.0/0 le 0 metric 128
redistribute ip 0::0/0 le 0  allow
redistribute local  deny
redistribute  deny
""", warned=('"wired" is deprecated',)),
    Real("10 exit server", """\
redistribute local ip 0.0.0.0/0 proto 3 metric 128 allow
redistribute if eth0 metric 128
redistribute local if wg0 deny
in local deny
in deny
interface wg0
""", warned=('"local" never matches', '"proto" replaces', '"allow" replaces')),
    Real("11 overlay documentation", """\
default hello-interval 4
default update-interval 16
link-detect true
in ip fd92:58b6:2b2::/48 deny
in ip fd00::/8 le 64 ge 44 allow
in deny
install pref-src fd92:58b6:2b2::1
interface eth0
"""),
    Real("12 home network script", """\
ipv6-subtrees yes
redistribute
redistribute local deny
interface eth0
interface eth1
"""),
    Real("13 concentrator, everything by -C", words=options(
        "default enable-timestamps true", "default max-rtt-penalty 96", "default rtt-min 25",
        "out ip 2001:db8:1::/64 deny", "redistribute src-ip 2001:db8::/48 ip 2000::/3 allow",
        "redistribute local deny") + ("mesh0", "mesh1")),
    Real("14 default routes of the gateway only", """\
redistribute ip ::/0 le 0  proto 3
redistribute ip 0.0.0.0/0 le 0 proto 3
redistribute local deny
redistribute deny
interface wlan0
"""),
    Real("15 overlay that starts the daemon itself", words=(
        "-h", "15", "-H", "15", "-L", "/dev/stderr", "-S", "/var/lib/x/babeld.state", "-I",
        "/var/run/x.pid", "-s", "-d", "0", "-w", *options(
            "redistribute ip 2001:db8:42::/48 eq 48", "redistribute local deny",
            "in ip 2001:db8::/32", "in deny"), "re6stnet1", "re6stnet2"),
         warned=("-s has no effect",)),
    Real("15 the same with keys of a fork", words=options(
        "key id sign type blake2s value 00ff", "default hmac sign"), refused="blake2s128"),
    Real("16 start script of a demonstration", words=(
        "-M", "0", "-d", "1", "-h", "1", "-G", "8080", "-w", "wlan0", *options(
            "in if wg0 deny", "in neigh fe80::1 deny", "redistribute local if wlan0",
            "redistribute local deny"))),
    Real("16 the same with an option of a fork", words=("-P", "100", "wlan0"),
         refused="-P: passive"),
    Real("17 README and wikis", words=options(
        "redistribute if eth0 metric 128", "redistribute ip 0.0.0.0/0 le 28 metric 128",
    ) + ("eth0",)),
    Real("18 old sample with diversity", "diversity 3\ninterface wlan0\n",
         refused="radio diversity"),
    Real("18 old sample with channels", "interface wlan0 channel 3\n", refused="radio diversity"),
    Real("19 kernel-install", words=options("kernel-install false"), refused='"install deny"'),
    Real("19 router-id as an IPv4 address", words=options("router-id 1.2.3.4"),
         refused="eight hexadecimal octets"),
]
