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
# A clock of the guest that counts instructions: each takes 2^2 ns, as on a board that executes 250
# million a second. It does not depend on how busy this machine is, nor on how the emulator
# translates. When the guest has nothing to do, its clock goes on to the next timer at once.
CLOCK = ["-icount", "shift=2,sleep=off"]


@dataclasses.dataclass
class Run:
    """What a guest said, and how long it took."""

    status: int
    text: str
    uptime: float  # seconds of its clock from the kernel's start to that of the script
    seconds: float  # of this machine, from the start to the end


def daemon(architecture: str) -> pathlib.Path:
    """The static file for a processor."""
    ours = PROCESSORS[architecture][0]
    return packages.REPOSITORY / f".build-embedded/{ours}-musl/swabeld"


def image(architecture: str) -> initramfs.Image:
    """An image whose programs are busybox, a shell, Debian's tools that make networks, and babeld
    to compare with."""
    made = initramfs.Image(packages.unpacked(architecture))
    for path in ("/bin/dash", "/bin/ip", "/sbin/tc", "/usr/bin/wg", "/usr/sbin/babeld"):
        made.program(path)
    made.modules(MODULES)
    return made


def run(architecture: str, script: str, seconds: float, clock: list[str]) -> Run:
    """Runs a script in a guest that has our file besides. Fails if the guest has not ended after so
    many seconds."""
    made = image(architecture)
    for name in ("swabeld", "swabelctl"):
        made.file(daemon(architecture), f"/usr/sbin/{name}")
    return boot(architecture, made.bytes(script), seconds, clock)


def boot(
    architecture: str, content: bytes, seconds: float, clock: list[str], memory: int = MEMORY
) -> Run:
    """Starts a guest with an image, and waits until it switches itself off."""
    kernel = next((packages.unpacked(architecture) / "boot").glob("vmlinuz-*"))
    console = "ttyS0" if architecture == "amd64" else "ttyAMA0"
    with tempfile.NamedTemporaryFile() as file:
        file.write(content)
        file.flush()
        words = [
            *PROCESSORS[architecture][1], *clock, "-m", str(memory), "-nodefaults", "-no-reboot",
            "-display", "none", "-serial", "stdio", "-kernel", str(kernel), "-initrd", file.name,
            "-append", f"console={console} quiet loglevel=3 panic=-1 rdinit=/init tsc=reliable "
            # An emulator that waits for a processor answers the kernel's checks too late.
            "no_timer_check systemd.show_status=no"]
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
