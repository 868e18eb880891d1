"""A guest whose first process is Debian's systemd, with what `make install` installs."""

from __future__ import annotations

import pathlib
import re
import subprocess
import tempfile

import guest
import initramfs
import packages

ARCHITECTURE = "amd64"
MEMORY = 384  # MB: the whole system is in memory, twice while it starts
PROGRAMS = [
    "/lib/systemd/systemd", "/lib/systemd/systemd-journald", "/bin/systemctl", "/bin/journalctl",
    "/usr/bin/systemd-analyze",
]
# Of Debian's units those of programs that are there.
SERVICES = {f"systemd-journald{end}" for end in (".service", ".socket", "-dev-log.socket")}
KINDS = {".target", ".slice"}
# systemd wants to be on a file system that can be left, which the first one cannot.
SWITCH = """mkdir /new
mount -t tmpfs -o size=90%,mode=755 root /new
for folder in /*; do
  case $folder in /new | /proc | /sys | /dev) ;; *) cp -a $folder /new ;; esac
done
mkdir /new/proc /new/sys /new/dev
umount /dev /sys /proc
exec switch_root /new /lib/systemd/systemd
"""
SCENE = f"""#!/bin/dash
{initramfs.RUN}"""
FILES = {
    "/etc/passwd": "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534::/:/bin/false\n",
    "/etc/group": "root:x:0:\nsystemd-journal:x:999:\nnogroup:x:65534:\n",
    "/etc/machine-id": "0123456789abcdef0123456789abcdef\n",
    "/etc/os-release": "ID=guest\nPRETTY_NAME=guest\n",
    "/etc/systemd/system/scene.service": """[Service]
Type=oneshot
Environment=PATH=/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root
StandardOutput=file:/dev/console
StandardError=inherit
ExecStart=/bin/dash /scene
""",
    # Debian's package of babeld has a script for System V init only.
    "/etc/systemd/system/babeld.service": """[Service]
ExecStart=/usr/sbin/babeld -c /etc/babeld.conf
[Install]
WantedBy=multi-user.target
""",
}


def readme_block() -> str:
    """What the README has people paste for the daemon."""
    text = (packages.REPOSITORY / "README.md").read_text()
    found = re.findall(r"^```sh\n(file=/etc/babeld\.conf\n.*?)^```", text, re.M | re.S)
    assert len(found) == 1, "the README has another block for the daemon"
    return found[0]


def readme_migration() -> str:
    """What the README has people say to change from babeld."""
    text = (packages.REPOSITORY / "README.md").read_text()
    found = re.search(r"^    sudo (systemctl disable babeld)\n    sudo (.*)\n    (journalctl .*)\n",
                      text, re.M)
    assert found, "the README describes another change from babeld"
    return "\n".join([found[1], found[2], f"{found[3]} --no-pager"])


def installed(image: initramfs.Image) -> None:
    """What `make install` puts into an image."""
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(
            ["make", "-s", "-C", str(packages.REPOSITORY), "install", f"DESTDIR={folder}",
             "PREFIX=/usr/local", f"BINARY={guest.daemon(ARCHITECTURE)}"], check=True)
        image.archive.tree(pathlib.Path(folder))


def content(script: str) -> bytes:
    """The image with a script that systemd starts as a service, after which it is switched off."""
    image = guest.image(ARCHITECTURE)
    for path in PROGRAMS:
        image.program(path)
    units = packages.unpacked(ARCHITECTURE) / "lib/systemd/system"
    for path in sorted(units.rglob("*")):
        if path.name in SERVICES or path.suffix in KINDS and not path.name.startswith("system-"):
            place = f"/lib/systemd/system/{path.relative_to(units)}"
            if path.is_symlink():
                image.archive.link(place, str(path.readlink()))
            else:
                image.archive.file(place, path.read_bytes(), 0o644)
    installed(image)
    for path, text in FILES.items():
        image.archive.file(path, text.encode(), 0o644)
    image.archive.file("/scene", SCENE.encode())
    for name in ("home", "srv", "var/log", "var/tmp", "lib64"):
        image.archive.folder(name)
    system = "/etc/systemd/system"
    image.archive.link(f"{system}/multi-user.target.wants/scene.service", "../scene.service")
    image.archive.link(f"{system}/default.target", "/lib/systemd/system/multi-user.target")
    return image.bytes(script, SWITCH)


def run(script: str, seconds: float) -> guest.Run:
    return guest.boot(ARCHITECTURE, content(script), seconds, guest.CLOCK, MEMORY)
