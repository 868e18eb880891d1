"""OpenWrt's script: what it makes of /etc/config/babeld, and what it does with the daemon. OpenWrt
itself is not here; a few functions stand for it (rc.common)."""

import re

import packed
import pytest
import system
from daemons import Swabeld
from netns import never, run, wait_until

NETWORK = 'network_get_device() { [ "$2" = lan ] && eval "$1=l1"; }\n'
# Options as people have them for the package babeld, in every kind of section.
UCI = """package babeld
config general
\toption 'random_id' 'true'
\toption 'ubus_bindings' 'true'
\tlist 'import_table' '42'
\tlist 'import_table' '100'
\toption 'conf_dir' '/tmp/more.d'
config interface
\toption 'hello_interval' '1'
\toption 'update_interval' '4'
config interface
\toption 'ifname' 'lan'
\toption 'type' 'wired'
config interface
\toption 'ifname' 'tun9'
\toption 'ignore' '1'
config interface 'tunnel'
\toption 'type' 'tunnel'
\toption 'max_rtt_penalty' '96'
\toption 'ifname' 'tun-example'
config filter
\toption 'type' 'redistribute'
\toption 'ip' '198.51.100.0/24'
\toption 'action' 'deny'
\toption 'local' 'true'
config filter
\toption 'type' 'redistribute'
\toption 'ip' '0.0.0.0/0'
\toption 'eq' '0'
\toption 'proto' '3'
\toption 'if' 'lan'
\toption 'action' 'metric 128'
config filter
\toption 'ignore' 'true'
\toption 'type' 'in'
\toption 'ip' '::/0'
config filter
\toption 'type' 'install'
\toption 'src_ip' '2001:db8::/48'
\toption 'action' 'table 200  pref-src 2001:db8::1'
config filter
\toption 'type' 'redistribute'
\toption 'local' '1'
\toption 'action' 'deny'
"""
GENERATED = """random-id true
import-table 42
import-table 100
default hello-interval 1 update-interval 4
redistribute ip 198.51.100.0/24 local deny
redistribute ip 0.0.0.0/0 eq 0 proto 3 if l1 metric 128
install src-ip 2001:db8::/48 table 200  pref-src 2001:db8::1
redistribute local deny
in ip 10.66.0.0/16 deny
interface l1 type wired
interface tun-example type tunnel max-rtt-penalty 96
local-path-readwrite /var/run/swabeld.sock
"""


@pytest.fixture
def router(lab, dist):
    """A system with the program and the script in their places, and a neighbour."""
    peer = lab.namespace("d")
    machine = system.System(lab, "r", dist)
    lab.veth(machine.namespace, peer, ("l1", "l1"))
    for address in ("10.92.0.1", "10.66.0.1"):
        peer.own(address)
    Swabeld(peer, ["l1"], own=["10.92.0.1/32", "10.66.0.1/32"])
    script = packed.REPOSITORY / "packaging/openwrt/swabeld.init"
    for name, target in ((packed.built("x86_64"), "usr/sbin/swabeld"),
                         (script, "etc/init.d/swabeld"),
                         (packed.HERE / "rc.common", "etc/rc.common")):
        run("install", "-m", "755", str(name), str(machine.root / target))
    machine.write("/lib/functions/network.sh", NETWORK)
    machine.write("/etc/config/babeld", UCI)
    machine.write("/tmp/more.d/site.conf", "in ip 10.66.0.0/16 deny\n")
    return machine


def test_translation(router):
    """Every option comes out under its name; sections that are ignored do not."""
    triggers = router.sh("/etc/init.d/swabeld service_triggers")
    assert triggers.split("\n")[:3] == [
        "trigger babeld", "interface trigger lan", "interface trigger tun-example"]
    router.sh("/etc/init.d/swabeld start")
    assert router.read("/var/etc/swabeld.conf") == GENERATED
    router.learns("10.92.0.1/32")
    assert "10.66.0.1/32" not in router.namespace.reaches()


def test_busybox(router):
    """The shell of OpenWrt is busybox's."""
    text = router.sh("busybox ash /etc/rc.common /etc/init.d/swabeld start")
    assert text == "" and router.read("/var/etc/swabeld.conf") == GENERATED


def test_the_sample(router):
    """Without its marks, the sample is right."""
    sample = (packed.REPOSITORY / "packaging/openwrt/babeld.config").read_text()
    router.write("/etc/config/babeld", re.sub(r".*'ignore'.*\n", "", sample))
    router.sh("/etc/init.d/swabeld start")
    assert "interface wg* type tunnel link-local auto\n" in router.read("/var/etc/swabeld.conf")
    router.learns("10.92.0.1/32")


def test_reload_and_restart(router):
    """Neither ends the process or takes a route out; a mistake changes nothing."""
    router.sh("/etc/init.d/swabeld start")
    router.learns("10.92.0.1/32")
    before = router.daemon()
    router.write("/tmp/more.d/site.conf", "")
    router.sh("/etc/init.d/swabeld reload")
    router.learns("10.66.0.1/32")
    router.sh("/etc/init.d/swabeld restart")
    never(lambda: len(router.namespace.reaches()) < 2, 2, "a route went")
    right = router.read("/var/etc/swabeld.conf")
    router.write("/tmp/more.d/site.conf", "interface l2 rxcots 96\n")
    for action in ("reload", "restart"):
        status, text = router.do(f"/etc/init.d/swabeld {action}")
        assert status != 0 and 'found "rxcots"' in text
    assert router.daemon() == before and router.read("/var/etc/swabeld.conf") == right
    router.sh("/etc/init.d/swabeld stop")
    wait_until(lambda: not router.daemon(), 10, "it ends")
    assert not router.namespace.reaches()


def test_a_file_of_its_own(router):
    """/etc/babeld.conf is read as well, and its socket is taken."""
    router.write("/etc/config/babeld", "")
    router.write("/etc/babeld.conf", "local-path-readwrite /run/own.sock\ninterface l1\n")
    router.sh("/etc/init.d/swabeld start")
    router.learns("10.92.0.1/32")
    before = router.daemon()
    router.sh("/etc/init.d/swabeld restart")
    assert router.daemon() == before and router.read("/var/etc/swabeld.conf") == ""
