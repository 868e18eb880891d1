"""Runs a command where the files of other processors can be executed, and nothing else changes.

    python3 Tests/Packages/foreign.py COMMAND...

The kernel keeps the list of interpreters for such files for each user namespace, so the command
runs in one of its own, in which every user is who he is outside, with its own processes and mounts.
The machine's own list is never touched. Kernels before 6.7 have one list only: there the
machine's own has to name them, as Debian's qemu-user-static has systemd do."""

from __future__ import annotations

import ctypes
import os
import pathlib
import sys

CLONE_NEWNS, CLONE_NEWUSER, CLONE_NEWPID = 0x20000, 0x10000000, 0x20000000
MS_PRIVATE_RECURSIVE = (1 << 18) | 16384
PR_SET_PDEATHSIG, SIGKILL = 1, 9
EVERYBODY = "0 0 4294967295"
LIST = pathlib.Path("/proc/sys/fs/binfmt_misc")
libc = ctypes.CDLL(None, use_errno=True)


def checked(result: int, what: str) -> None:
    if result != 0:
        raise OSError(ctypes.get_errno(), f"{what}: {os.strerror(ctypes.get_errno())}")


def enter() -> None:
    """Moves this process into new namespaces; its children are the first to live there."""
    parent = os.getpid()
    ready, told = os.pipe()
    # Only a process outside may say that everybody is who he is.
    helper = os.fork()
    if helper == 0:
        os.close(told)
        os.read(ready, 1)
        for name in ("uid_map", "gid_map"):
            pathlib.Path(f"/proc/{parent}/{name}").write_text(EVERYBODY)
        os._exit(0)
    os.close(ready)
    checked(libc.unshare(CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID), "unshare")
    os.close(told)
    if os.waitpid(helper, 0)[1] != 0:
        raise OSError("the users could not be mapped")


def register() -> None:
    """Names the emulators of 64-bit and 32-bit ARM, unless the list has them already."""
    if libc.mount(b"binfmt_misc", str(LIST).encode(), b"binfmt_misc", 0, None) != 0:
        return
    for name in ("qemu-aarch64", "qemu-arm"):
        if not (LIST / name).exists():
            line = pathlib.Path(f"/usr/lib/binfmt.d/{name}.conf").read_text().strip()
            (LIST / "register").write_text(line)


def main(words: list[str]) -> int:
    enter()
    child = os.fork()
    if child == 0:
        libc.prctl(PR_SET_PDEATHSIG, SIGKILL)
        checked(libc.mount(b"none", b"/", None, MS_PRIVATE_RECURSIVE, None), "private mounts")
        checked(libc.mount(b"proc", b"/proc", b"proc", 0, None), "mount /proc")
        register()
        os.execvp(words[0], words)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
