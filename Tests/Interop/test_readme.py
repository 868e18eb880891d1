"""The README's WireGuard example, pasted as it stands."""

import os
import re
import subprocess

from daemons import binary_under_test
from netns import REPOSITORY, Process, wait_until

# What a host of its own has and two namespaces of one machine share; and the daemon installed.
OWN_FILES = "\n".join([
    *(f"mount -t tmpfs tmpfs {directory}" for directory in ("/run", "/etc", "/var/lib")),
    f"mkdir /run/bin; ln -s {os.path.abspath(binary_under_test())} /run/bin/swabeld",
    "PATH=/run/bin:$PATH"])


def test_readme_example(lab):
    blocks = re.findall(r"^```sh\n(.*?)^```", (REPOSITORY / "README.md").read_text(), re.M | re.S)
    keys, first, second, both = blocks
    hosts = [lab.namespace("first"), lab.namespace("second")]
    link = lab.veth(*hosts, link_local=False, ipv4=False)
    for number, (host, name) in enumerate(link.ends, start=1):
        host.ip("addr", "add", f"203.0.113.{number}/24", "dev", name)

    private, public = [], []
    for _ in hosts:
        private.append(subprocess.check_output(["wg", "genkey"], text=True).strip())
        public.append(subprocess.check_output(
            ["wg", "pubkey"], input=private[-1], text=True).strip())
    # The key block is run too, but the keys must be known to both sides before it ends.
    assert re.search(r"^wg pubkey", keys, re.M)
    for host, values, mine, theirs in zip(hosts, (first, second), private, reversed(public)):
        script = "\n".join([
            "set -e", OWN_FILES, keys, f"echo {mine} > /etc/wireguard/wg0.key",
            re.sub(r"PEER_KEY='.*'", f"PEER_KEY='{theirs}'", values), both])
        Process(host, "readme", ["unshare", "--mount", "bash", "-c", script])
    one, two = hosts
    wait_until(lambda: one.reaches() >= {"10.20.2.1/32", "fd20:0:0:2::1/128"}, 30, "first learns")
    wait_until(lambda: two.reaches() >= {"10.20.1.1/32", "fd20:0:0:1::1/128"}, 30, "second learns")
    assert one.reaches() == {"10.20.2.1/32", "fd20:0:0:2::1/128"}, "and nothing else"
    wait_until(lambda: one.ping("10.20.2.1"), 5, "ping 10.20.2.1 from the first")
    wait_until(lambda: two.ping("fd20:0:0:1::1"), 5, "ping fd20:0:0:1::1 from the second")
