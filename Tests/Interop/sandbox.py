"""Runs a program as a service manager's sandbox would: sandbox.py OPTION... -- PROGRAM...

    --families 16,2,10      only sockets of these families can be made (EAFNOSUPPORT)
    --system-service        only system calls of systemd's group of that name (else SIGSYS)
    --no-new-executable     no memory that is written can be executed (MemoryDenyWriteExecute)
    --bounding NAME,...     capability bounding set, without cap_
    --umask 0177            mask of new files
    --read-only             all file systems but /run, /tmp and /proc are read-only

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
CAPABILITIES = {"chown": 0, "dac_override": 1, "fowner": 3, "setgid": 6, "setuid": 7,
                "setpcap": 8, "net_admin": 12, "net_raw": 13}


def prctl(*words: int) -> None:
    if libc.prctl(*[ctypes.c_ulong(word) for word in words], *[0] * (5 - len(words))) != 0:
        raise OSError(ctypes.get_errno(), f"prctl{words}")


def numbers() -> dict[str, int]:
    """System calls by name."""
    text = subprocess.run([shutil.which("cc") or "clang", "-E", "-dM", "-"], input="#include <sys/syscall.h>\n", text=True,
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


def read_only() -> None:
    """A mount namespace of our own, in which most can only be read."""
    if libc.unshare(0x20000) != 0:
        raise OSError(ctypes.get_errno(), "unshare")
    places = [line.split()[1] for line in open("/proc/mounts")]
    for place in places:
        if place.split("/")[1] not in ("run", "tmp", "proc"):
            # MS_REMOUNT | MS_BIND | MS_RDONLY; what cannot be mounted anew is no disk.
            libc.mount(None, place.encode(), None, 4096 | 32 | 1, None)


def main(words: list[str]) -> None:
    names, families, calls, mdwe, bounding = {}, None, None, False, None
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
            read_only()
    names = numbers() if families or calls else {}
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
