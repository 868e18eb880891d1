"""A Debian system in a folder, as debootstrap makes it, that is a machine of the laboratory."""

from __future__ import annotations

import fcntl
import os
import pathlib
import shutil
import struct
import subprocess
import sys

import packed
from netns import Lab, LabError, run, wait_until

SUITE = "bookworm"
# An init whose scripts can run without it, and what the package babeld depends on.
INCLUDED = ["sysvinit-core", "sysv-rc", "lsb-base", "libb2-1", "libgomp1", "busybox"]
# No devices can be made in a user namespace, so the machine's are lent while the system is set up.
MAKING = """set -e
export container=lxc
debootstrap --arch="$1" --foreign --variant=minbase --include="$2" "$3" "$4"
mount -t proc proc "$4/proc"
mount -t tmpfs dev "$4/dev"
for device in null zero full random urandom tty console ptmx; do
  touch "$4/dev/$device"
  mount --bind "/dev/$device" "$4/dev/$device"
done
chroot "$4" /debootstrap/debootstrap --second-stage
"""
# What comes and goes with any package, or is no file of a system.
PASSING = ("dev", "proc", "sys", "run", "tmp", "mnt", "var/lib/dpkg", "var/cache",
           "var/log/dpkg.log", "var/log/alternatives.log")
# What init leaves for those who ask for the runlevel: it was N, and is 2. The rest of the record is
# longer where it has a processor's own long numbers.
RUNLEVEL = struct.pack("<hxxi32s4s32s", 1, ord("N") * 256 + ord("2"), b"~", b"~~", b"runlevel")
RECORD = {"amd64": 384, "arm64": 400, "armhf": 384}


def base(architecture: str) -> pathlib.Path:
    """A fresh system, made once with the mirror of this machine. What a foreign one is set up by
    runs under emulation; see foreign.py."""
    folder = packed.STORE / f"root-{architecture}"
    packed.STORE.mkdir(exist_ok=True)
    with open(packed.STORE / f"lock-{architecture}", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.exists():
            unfinished = folder.with_suffix(".new")
            shutil.rmtree(unfinished, ignore_errors=True)
            done = subprocess.run(
                ["unshare", "--mount", "sh", "-c", MAKING, "sh", architecture,
                 ",".join(INCLUDED if architecture == "amd64" else INCLUDED[:3]), SUITE,
                 str(unfinished)],
                capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)
            assert done.returncode == 0, done.stdout[-2000:] + done.stderr
            unfinished.rename(folder)
    return folder


def babeld() -> pathlib.Path:
    """Debian's package of babeld, fetched once."""
    if not list(packed.STORE.glob("babeld_*.deb")):
        run("sh", "-c", f"cd {packed.STORE} && apt-get -qq -o APT::Sandbox::User=root "
            "download babeld")
    return next(packed.STORE.glob("babeld_*.deb"))


class System:
    """One machine: its files are a layer over those of the fresh system."""

    def __init__(
        self, lab: Lab, name: str, dist: pathlib.Path, architecture: str = "amd64"
    ) -> None:
        self.namespace = lab.namespace(name)
        layers = lab.directory / name
        self.root = layers / "root"
        for part in ("root", "upper", "work"):
            (layers / part).mkdir(parents=True)
        options = f"lowerdir={base(architecture)},upperdir={layers}/upper,workdir={layers}/work"
        if architecture != packed.PROCESSORS["x86_64"][0]:
            options += ",userxattr"  # in a user namespace the layer has no other attributes
        self.mount(lab, "-t", "overlay", "-o", options, "overlay", place="")
        self.mount(lab, "-t", "proc", "proc", place="proc")
        self.mount(lab, "-t", "tmpfs", "tmpfs", place="run")
        (self.root / "run/utmp").write_bytes(RUNLEVEL.ljust(RECORD[architecture], b"\0"))
        self.mount(lab, "--rbind", "/dev", place="dev")
        self.mount(lab, "--bind", str(dist), place="mnt")
        self.fresh = self.files()

    def mount(self, lab: Lab, *words: str, place: str) -> None:
        target = str(self.root / place)
        run("mount", *words, target)
        lab.on_close(lambda: run("umount", "-l", target, check=False))

    def show(self, dist: pathlib.Path) -> None:
        """Another folder of packages at /mnt."""
        self.mount(self.namespace.lab, "--bind", str(dist), place="mnt")

    def do(self, script: str) -> tuple[int, str]:
        """Status and output of a shell's commands in this system."""
        done = subprocess.run(
            ["ip", "netns", "exec", self.namespace.name, "chroot", str(self.root), "/bin/sh", "-c",
             script], capture_output=True, text=True, timeout=240, stdin=subprocess.DEVNULL,
            env={"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
                 "DEBIAN_FRONTEND": "noninteractive", "LC_ALL": "C"})
        return done.returncode, done.stdout + done.stderr

    def sh(self, script: str) -> str:
        """The same for commands that must succeed."""
        status, text = self.do(script)
        if status != 0:
            raise LabError(f"{script}: status {status}: {text}")
        return text

    def write(self, path: str, text: str) -> None:
        file = self.root / path.lstrip("/")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)

    def read(self, path: str) -> str:
        return (self.root / path.lstrip("/")).read_text()

    def exists(self, path: str) -> bool:
        return os.path.lexists(self.root / path.lstrip("/"))

    def files(self) -> set[str]:
        """All files of the system but those that come and go."""
        found = set()
        for place, folders, names in os.walk(self.root):
            relative = os.path.relpath(place, self.root)
            folders[:] = [f for f in folders if not self.passes(f"{relative}/{f}")]
            found |= {f"{relative}/{n}"[2:] if relative == "." else f"{relative}/{n}"
                      for n in names if not self.passes(f"{relative}/{n}")}
        return found

    def passes(self, path: str) -> bool:
        return path.removeprefix("./").startswith(PASSING)

    def daemon(self, name: str = "swabeld") -> int | None:
        """The process id of the daemon that runs here."""
        for word in run("ip", "netns", "pids", self.namespace.name).split():
            try:
                state = pathlib.Path("/proc", word, "stat").read_text()
            except OSError:
                continue
            if f"({name}) " in state and f"({name}) Z" not in state:
                return int(word)
        return None

    def executes(self, path: str) -> bool:
        """Whether the daemon runs the file that is there now. An emulator maps it as the kernel
        does, and is itself what the kernel executes."""
        text = pathlib.Path("/proc", str(self.daemon()), "maps").read_text()
        return f"{self.root}{path}\n" in text

    def learns(self, prefix: str) -> None:
        wait_until(lambda: prefix in self.namespace.reaches(), 20, f"a route to {prefix}")


if __name__ == "__main__":
    for word in sys.argv[1:]:
        base(word)
