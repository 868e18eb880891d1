"""Runs a program as a service manager's sandbox would: sandbox.py OPTION... -- PROGRAM...

    --families 16,2,10      only sockets of these families can be made (EAFNOSUPPORT)
    --system-service        only system calls of systemd's group of that name (else SIGSYS)
    --no-new-executable     no memory that is written can be executed (MemoryDenyWriteExecute)
    --bounding NAME,...     capability bounding set, without cap_
    --umask 0177            mask of new files
    --read-only             all file systems but /run, /tmp and /proc are read-only
    --unit FILE             as this unit of systemd says; its directories are made in /run and
                            /var/lib of the mount namespace this is started in. Left out are what
                            needs a device policy, a clock or a host name.

Python's standard library only, and the numbers of the C library's headers.
"""

from __future__ import annotations

import ctypes
import os
import re
import shutil
import struct
import subprocess
import sys

libc = ctypes.CDLL(None, use_errno=True)
PR_SET_SECCOMP, PR_CAPBSET_DROP, PR_SET_NO_NEW_PRIVS, PR_SET_MDWE = 22, 24, 38, 65
ERRNO, KILL, ALLOW = 0x00050000, 0x80000000, 0x7FFF0000
EAFNOSUPPORT = 97
FAMILIES = {"AF_UNIX": 1, "AF_INET": 2, "AF_INET6": 10, "AF_NETLINK": 16}
CAPABILITIES = {"chown": 0, "dac_override": 1, "fowner": 3, "setgid": 6, "setuid": 7,
                "setpcap": 8, "net_admin": 12, "net_raw": 13}


def prctl(*words: int) -> None:
    if libc.prctl(*[ctypes.c_ulong(word) for word in words], *[0] * (5 - len(words))) != 0:
        raise OSError(ctypes.get_errno(), f"prctl{words}")


def numbers() -> dict[str, int]:
    """System calls by name."""
    text = subprocess.run(
        [shutil.which("cc") or "clang", "-E", "-dM", "-"],
        input="#include <sys/syscall.h>\n", text=True,
                          capture_output=True, check=True).stdout
    return {name: int(value) for name, value in
            re.findall(r"#define __NR_(\w+) (\d+)\b", text)}


def group(name: str) -> set[str]:
    """The calls of one of systemd's groups."""
    text = subprocess.run(["systemd-analyze", "syscall-filter", "--no-pager", name], text=True,
                          capture_output=True, check=True).stdout
    found: set[str] = set()
    for line in text.splitlines():
        word = line.strip()
        if line.startswith("    ") and word.startswith("@"):
            found |= group(word)
        elif line.startswith("    ") and word and not word.startswith("#"):
            found.add(word)
    return found


def jump(code: int, value: int, yes: int, no: int) -> bytes:
    return struct.pack("=HBBI", code, yes, no, value)


def install(program: list[bytes]) -> None:
    """Attaches a filter of system calls."""
    code = b"".join(program)
    buffer = ctypes.create_string_buffer(code)
    head = ctypes.create_string_buffer(
        struct.pack("=HxxxxxxQ", len(program), ctypes.addressof(buffer)))
    prctl(PR_SET_SECCOMP, 2, ctypes.addressof(head))


LOAD, EQUAL, RETURN = 0x20, 0x15, 0x06


def only_families(families: list[int], socket_call: int) -> None:
    program = [jump(LOAD, 0, 0, 0), jump(EQUAL, socket_call, 1, 0), jump(RETURN, ALLOW, 0, 0),
               jump(LOAD, 16, 0, 0)]
    for family in families:
        program += [jump(EQUAL, family, 0, 1), jump(RETURN, ALLOW, 0, 0)]
    install(program + [jump(RETURN, ERRNO | EAFNOSUPPORT, 0, 0)])


def only_calls(calls: list[int]) -> None:
    program = [jump(LOAD, 0, 0, 0)]
    for call in calls:
        program += [jump(EQUAL, call, 0, 1), jump(RETURN, ALLOW, 0, 0)]
    install(program + [jump(RETURN, KILL, 0, 0)])


MS_RDONLY, MS_REMOUNT, MS_BIND, MS_RECURSIVE, MS_PRIVATE = 1, 32, 4096, 16384, 1 << 18


def mount(source: str | None, place: str, kind: str | None, flags: int, data: str = "") -> bool:
    words = [word.encode() if word else None for word in (source, place, kind)]
    return libc.mount(*words, ctypes.c_ulong(flags), data.encode()) == 0


def own_mounts() -> None:
    """A mount namespace of our own; what is mounted there is not seen outside."""
    if libc.unshare(0x20000) != 0:
        raise OSError(ctypes.get_errno(), "unshare")
    mount(None, "/", None, MS_RECURSIVE | MS_PRIVATE)


def only_writable(writable: dict[str, bool]) -> None:
    """Makes everything read-only but what is named, and the file systems of the kernel. Of two
    names that fit, the longer one counts."""
    for path in sorted(writable):
        mount(path, path, None, MS_BIND | MS_RECURSIVE)
    for place in [line.split()[1] for line in open("/proc/mounts")]:
        names = [name for name in writable if f"{place}/".startswith(f"{name.rstrip('/')}/")]
        if place.split("/")[1] in ("proc", "sys", "dev") or names and writable[max(names, key=len)]:
            continue
        # What cannot be mounted again is no disk.
        mount(None, place, None, MS_REMOUNT | MS_BIND | MS_RDONLY)


class Unit:
    """The settings of a unit."""

    def __init__(self, file: str) -> None:
        self.settings: dict[str, list[str]] = {}
        with open(file) as lines:
            for key, value in re.findall(r"(?m)^(\w+)=(.*)$", lines.read()):
                # A list that begins with ~ names the calls that are not allowed.
                key = f"~{key}" if value.startswith("~") else key
                self.settings.setdefault(key, []).extend(value.removeprefix("~").split())

    def words(self, key: str) -> list[str]:
        return self.settings.get(key, [])

    def paths(self, key: str) -> list[str]:
        """Those that are there; a missing one must be marked as one that may be missing."""
        found = [word.removeprefix("-") for word in self.words(key)]
        for word in self.words(key):
            if not word.startswith("-") and not os.path.exists(word):
                sys.exit(f"{key}: there is no {word}")
        return [os.path.realpath(path) for path in found if os.path.exists(path)]

    def directories(self) -> list[str]:
        """Makes those that systemd makes, and tells the service."""
        made = []
        for key, parent in (("StateDirectory", "/var/lib"), ("RuntimeDirectory", "/run"),
                            ("LogsDirectory", "/var/log")):
            mine = [f"{parent}/{name}" for name in self.words(key)]
            for path in mine:
                os.makedirs(path, exist_ok=True)
            if mine:
                os.environ[re.sub("(?<=[a-z])D", "_D", key).upper()] = ":".join(mine)
            made += mine
        return made

    def enter(self) -> None:
        """Sees the file systems as the service does."""
        own_mounts()
        writable = dict.fromkeys(self.directories(), True)
        writable.update(dict.fromkeys(self.paths("ReadWritePaths"), True))
        writable.update(dict.fromkeys(self.paths("ReadOnlyPaths"), False))
        if self.words("ProtectSystem") != ["strict"]:
            sys.exit("sandbox.py: only ProtectSystem=strict is imitated")
        only_writable(writable)
        hidden = self.paths("InaccessiblePaths")
        if self.words("ProtectHome") == ["yes"]:
            hidden += [path for path in ("/home", "/root", "/run/user") if os.path.isdir(path)]
        for path in hidden:
            if os.path.isdir(path):
                mount("tmpfs", path, "tmpfs", MS_RDONLY, "mode=000")
            else:
                mount("/dev/null", path, None, MS_BIND)
        if self.words("PrivateTmp") == ["yes"]:
            for path in ("/tmp", "/var/tmp"):
                mount("tmpfs", path, "tmpfs", 0, "mode=1777")


def main(words: list[str]) -> None:
    names, families, calls, mdwe, bounding = {}, None, None, False, None
    unit = None
    while words[0] != "--":
        option = words.pop(0)
        if option == "--families":
            families = [int(word) for word in words.pop(0).split(",")]
        elif option == "--system-service":
            calls = group("@system-service")
        elif option == "--no-new-executable":
            mdwe = True
        elif option == "--bounding":
            bounding = {CAPABILITIES[word] for word in words.pop(0).split(",")}
        elif option == "--umask":
            os.umask(int(words.pop(0), 8))
        elif option == "--read-only":
            own_mounts()
            only_writable(dict.fromkeys(("/run", "/tmp"), True))
        elif option == "--unit":
            unit = Unit(words.pop(0))
            families = [FAMILIES[word] for word in unit.words("RestrictAddressFamilies")]
            calls = set().union(*[group(word) for word in unit.words("SystemCallFilter")])
            calls -= set(unit.words("~SystemCallFilter"))
            mdwe = unit.words("MemoryDenyWriteExecute") == ["yes"]
            bounding = {CAPABILITIES[word.removeprefix("CAP_").lower()]
                        for word in unit.words("CapabilityBoundingSet")}
            os.umask(int(unit.words("UMask")[0], 8))
    names = numbers() if families or calls else {}
    if unit:
        unit.enter()
    for number in range(41 if bounding is not None else 0):
        if number not in bounding:
            prctl(PR_CAPBSET_DROP, number)
    prctl(PR_SET_NO_NEW_PRIVS, 1)
    if mdwe:
        prctl(PR_SET_MDWE, 1)
    if calls:
        only_calls(sorted(names[name] for name in calls if name in names))
    if families:
        only_families(families, names["socket"])
    os.execvp(words[1], words[1:])


main(sys.argv[1:])
