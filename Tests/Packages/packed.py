"""The files that are handed out, as packaging/pack makes them."""

from __future__ import annotations

import os
import pathlib
import re
import subprocess

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
HERE = pathlib.Path(__file__).resolve().parent
STORE = REPOSITORY / ".build-packages"
LONG = os.environ.get("SWABELD_LONG") == "1"
# Debian's name of a processor, and what readelf says of a file for it.
PROCESSORS = {
    "x86_64": ("amd64", "Advanced Micro Devices X86-64"),
    "aarch64": ("arm64", "AArch64"),
    "armv7": ("armhf", "ARM"),
}
VERSION = re.search(
    r'static let version = "swabeld-(.*)"',
    (REPOSITORY / "Sources/swabeld/Process/Usage.swift").read_text())[1]


def built(cpu: str) -> pathlib.Path:
    """The static file for a processor; that for x86-64 has to be there."""
    file = REPOSITORY / f".build-embedded/{cpu}-musl/swabeld"
    assert file.exists() or cpu != "x86_64", f"{file} is missing: make static"
    return file


def processors() -> list[str]:
    """Those that a file was built for; in the long form all of them have to be."""
    return [cpu for cpu in PROCESSORS if LONG or built(cpu).exists()]


def pack(
    target: pathlib.Path, cpus: list[str] | None = None, what=("tarballs", "packages"),
    debian_version: str = "", **environment: str
) -> pathlib.Path:
    """Runs packaging/pack, with its results in `target`."""
    for word in what:
        done = subprocess.run(
            [REPOSITORY / "packaging/pack", word, *(cpus or processors())],
            env={**os.environ, "DIST": str(target), "DEBIAN_VERSION": debian_version,
                 **environment},
            capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
    return target


def deb(folder: pathlib.Path, name: str = "swabeld", architecture: str = "amd64") -> str:
    """The name of a package's file."""
    found = [file.name for file in folder.glob(f"{name}_*_{architecture}.deb")]
    assert len(found) == 1, found
    return found[0]
