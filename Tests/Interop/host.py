"""Machines with files of their own, on which commands are pasted as a reader of the documents would
paste them."""

from __future__ import annotations

import os
import pathlib
import re
import sys

from daemons import binary_under_test
from netns import REPOSITORY, LabError, Process, run, wait_until

UNIT = REPOSITORY / "packaging/swabeld.service"

# What a machine of its own has and namespaces of one machine share; and the daemon installed.
OWN_FILES = """
for d in /run /etc /var/lib /var/log; do mount -t tmpfs -o mode=755 tmpfs $d; done
mkdir -p /run/bin /run/enabled /run/active /run/systemd/system
cp "$1" /run/bin/swabeld
ln -s swabeld /run/bin/swabelctl
[ -z "$2" ] || cp "$2" /run/bin/swabelmesh
"""

# What `systemctl` does here: it starts the services that the README enables, ours in the sandbox of
# the shipped unit, and knows them again after a reboot. One that runs is ended before a restart.
SYSTEMCTL = r"""#!/bin/sh -e
case "$*" in
  "enable "*) : > "/run/enabled/$2"; exit ;;
  "disable "*) rm -f "/run/enabled/$2"; exit ;;
  "is-enabled "*)
    if [ -e "/run/enabled/$2" ]; then echo enabled; exit; fi
    echo disabled
    exit 1 ;;
  "stop wg-quick@"*)
    [ -e "/run/active/$2" ] || exit 0
    rm "/run/active/$2"
    exec wg-quick down "${2#*@}" ;;
  "restart wg-quick@"*)
    ! ip link show "${2#*@}" > /run/link 2>&1 || wg-quick down "${2#*@}"
    rm -f "/run/active/$2"
    set -- start "$2" ;;
  "restart swabeld")
    if read -r pid < /run/babeld.pid || [ "$pid" ]; then
      kill "$pid"
      while [ -e /run/babeld.pid ]; do sleep 0.05; done
    fi 2> /run/no-pid
    set -- start "$2" ;;
esac
case "$*" in
  "start wg-quick@"*)
    # Type=oneshot with RemainAfterExit=yes: systemd does not look for the interface again.
    [ -e "/run/active/$2" ] || { wg-quick up "${2#*@}" && : > "/run/active/$2"; } ;;
  "start swabeld") exec setsid PYTHON SANDBOX --unit UNIT -- \
    $(sed -n 's|^ExecStart=@SBIN@|/run/bin|p' UNIT) > /run/swabeld.log 2>&1 & ;;
  reboot)
    rm -f /run/active/*
    for service in /run/enabled/*; do "$0" start "${service##*/}"; done ;;
  *) echo "systemctl: cannot '$*'" >&2; exit 1 ;;
esac
"""

# A careful machine begins so: only answers come in, and nothing is forwarded.
CLOSED = """
table inet filter {
  chain input {
    type filter hook input priority 0; policy drop;
    iif lo accept
    ct state established,related accept
  }
  chain forward { type filter hook forward priority 0; policy drop; }
}
"""


class Host:
    """A machine with files of its own, on which commands are pasted into one shell."""

    def __init__(self, lab, name: str, mesh_program: str = "") -> None:
        self.namespace = lab.namespace(name)
        self.holder = Process(self.namespace, "host", [
            "unshare", "--mount", "bash", "-ec", f"{OWN_FILES}\necho ready; exec sleep infinity",
            "bash", os.path.abspath(binary_under_test()), mesh_program])
        wait_until(lambda: "ready" in self.holder.text(), 10, self.holder.text)
        self.root = pathlib.Path(f"/proc/{self.holder.child.pid}/root")
        stub = self.root / "run/bin/systemctl"
        stub.write_text(SYSTEMCTL.replace("PYTHON", sys.executable).replace("UNIT", str(UNIT))
                        .replace("SANDBOX", str(REPOSITORY / "Tests/Interop/sandbox.py")))
        stub.chmod(0o755)
        self.values = ""

    def paste(self, *blocks: str, stdin: str | None = None) -> str:
        """Runs commands as root's shell would, and stops at the first that fails."""
        target = f"--target={self.holder.child.pid}"
        return run("nsenter", target, "--mount", "--net", "bash", "-ec",
                   "\n".join(["PATH=/run/bin:$PATH", self.values, *blocks]), stdin=stdin)

    def begin(self, command: str) -> Process:
        """Starts commands as root's shell would."""
        target = f"--target={self.holder.child.pid}"
        return Process(self.namespace, "shell", [
            "nsenter", target, "--mount", "--net", "bash", "-ec",
            f"PATH=/run/bin:$PATH\n{command}"])

    def knows(self, values: str, key: str) -> None:
        """Sets the variables of a block, with a key in the place that is left for it."""
        self.values, count = re.subn(r"PEER_KEY='.*'", f"PEER_KEY='{key}'", values)
        assert count == 1

    def daemon(self) -> int | None:
        """The process id of the daemon; nil if it does not run."""
        for word in run("ip", "netns", "pids", self.namespace.name).split():
            try:
                if pathlib.Path(f"/proc/{word}/comm").read_text() == "swabeld\n":
                    return int(word)
            except OSError:
                pass
        return None

    def learns(self, *prefixes: str) -> None:
        """Exactly these are in the kernel."""
        try:
            wait_until(lambda: self.namespace.reaches() == set(prefixes), 30, self.state)
        except LabError as error:
            raise LabError(f"{self.namespace.label}: {error}") from None

    def state(self) -> str:
        log = [path.read_text() for path in (
            self.root / "run/swabeld.log", self.root / "var/log/babeld.log") if path.exists()]
        return f"routes {self.namespace.reaches()}, log {log}"

    def reboots(self) -> None:
        """Nothing is left but files; then the enabled services start."""
        for word in run("ip", "netns", "pids", self.namespace.name).split():
            if int(word) != self.holder.child.pid:
                os.kill(int(word), 9)
        for link in self.namespace.ip("-br", "link").splitlines():
            if link.startswith("wg"):
                self.namespace.ip("link", "del", link.split()[0], check=False)
        self.namespace.batch(["addr flush dev lo", "addr add 127.0.0.1/8 dev lo",
                              "addr add ::1/128 dev lo nodad"])
        self.paste("rm -f /run/*.sock /run/*.pid /run/wireguard/*; systemctl reboot")
