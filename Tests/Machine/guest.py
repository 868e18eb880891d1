"""A machine under emulation, with a kernel of Debian's and an image of ours."""

from __future__ import annotations

import dataclasses
import os
import pathlib
import re
import subprocess
import tempfile
import time

import initramfs
import packages

MODULES = ["veth", "dummy", "sch_netem", "wireguard"]
# By Debian's names of processors: ours, QEMU's program, and the machine that it imitates.
PROCESSORS = {
    "amd64": ("x86_64", ["qemu-system-x86_64", "-M", "q35", "-cpu", "max", "-accel", "tcg"]),
    "arm64": ("aarch64", ["qemu-system-aarch64", "-M", "virt", "-cpu", "cortex-a53"]),
    "armhf": ("armv7", ["qemu-system-arm", "-M", "virt", "-cpu", "cortex-a15"]),
}
MEMORY = 128  # MB, as the boards have that this is made for


@dataclasses.dataclass
class Run:
    """What a guest said, and how long it took."""

    status: int
    text: str
    uptime: float  # seconds from the kernel's start to that of the script
    seconds: float  # of this machine, from the start to the end


def daemon(architecture: str) -> pathlib.Path:
    """The static file for a processor."""
    ours = PROCESSORS[architecture][0]
    return packages.REPOSITORY / f".build-embedded/{ours}-musl/swabeld"


def boot(architecture: str, script: str, seconds: float) -> Run:
    """Runs a script in a guest whose programs are ours, busybox, a shell, Debian's tools that make
    networks, and babeld to compare with. Fails if the guest has not ended after so many seconds."""
    unpacked = packages.unpacked(architecture)
    image = initramfs.Image(unpacked)
    for path in ("/bin/dash", "/bin/ip", "/sbin/tc", "/usr/bin/wg", "/usr/sbin/babeld"):
        image.program(path)
    image.file(daemon(architecture), "/usr/sbin/swabeld")
    image.file(daemon(architecture), "/usr/sbin/swabelctl")
    image.modules(MODULES)
    kernel = next((unpacked / "boot").glob("vmlinuz-*"))
    console = "ttyS0" if architecture == "amd64" else "ttyAMA0"
    with tempfile.NamedTemporaryFile() as file:
        file.write(image.bytes(script))
        file.flush()
        words = [
            *PROCESSORS[architecture][1], "-m", str(MEMORY), "-nodefaults", "-no-reboot",
            "-display", "none", "-serial", "stdio", "-kernel", str(kernel), "-initrd", file.name,
            "-append", f"console={console} quiet loglevel=3 panic=-1 rdinit=/init tsc=reliable"]
        start = time.monotonic()
        try:
            done = subprocess.run(
                words, stdin=subprocess.DEVNULL, capture_output=True, timeout=seconds, check=False)
            output, errors = done.stdout, done.stderr.decode(errors="replace")
        except subprocess.TimeoutExpired as expired:
            output, errors = expired.stdout or b"", f"not ended after {seconds} s"
        took = time.monotonic() - start
    text = output.decode(errors="replace").replace("\r", "")
    found = re.search(r"@@BEGIN (\S+)\n(.*)@@END (\d+)", text, re.S)
    if not found:
        raise AssertionError(f"the guest did not come to an end: {errors}\n{text[-4000:]}")
    return Run(int(found[3]), found[2], float(found[1]), took)


def available(architecture: str) -> bool:
    """Whether the emulator is installed."""
    program = PROCESSORS[architecture][1][0]
    return any(os.access(os.path.join(folder, program), os.X_OK)
               for folder in os.environ["PATH"].split(":"))
