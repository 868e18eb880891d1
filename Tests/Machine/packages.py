"""Debian's kernels and programs for three processors, unpacked and never installed.

    python3 Tests/Machine/packages.py ARCHITECTURE...    without any it only asks the mirror

Everything lands in `.build-vm/packages/ARCHITECTURE`, once: about 60 MB of downloads each. The
status is 0 when all is there, 75 when the mirror cannot be reached, and 1 when it lacks
something."""

from __future__ import annotations

import fcntl
import os
import pathlib
import shutil
import subprocess
import sys

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
STORE = REPOSITORY / ".build-vm"
# What makes the network in the guest, the peer to compare with, and the libraries that they need.
PROGRAMS = [
    "babeld", "busybox-static", "dash", "iproute2", "libb2-1", "libbpf1", "libbsd0", "libc6",
    "libcap2", "libdb5.3", "libelf1", "libgcc-s1", "libgomp1", "libmd0", "libmnl0",
    "libpcre2-8-0", "libselinux1", "libtirpc3", "libxtables12", "wireguard-tools", "zlib1g",
]
# The service manager of the guest that starts the unit.
SYSTEMD = [
    "libacl1", "libapparmor1", "libaudit1", "libblkid1", "libcap-ng0", "libcrypt1", "libgcrypt20",
    "libgpg-error0", "libip4tc2", "libkmod2", "liblz4-1", "liblzma5", "libmount1", "libpam0g",
    "libseccomp2", "libssl3", "libsystemd-shared", "libsystemd0", "libzstd1", "systemd",
]
KERNELS = {"amd64": "cloud-amd64", "arm64": "arm64", "armhf": "armmp"}
# Of the kernel's modules only those that may be loaded: the others are 300 MB.
KEPT = {"arch", "crypto", "drivers", "drivers/net", "lib", "net"}
UNREACHABLE = 75  # EX_TEMPFAIL


class Missing(Exception):
    """The mirror answers, and does not have something that we want."""


class Unreachable(Exception):
    """The mirror does not answer."""


def wanted(architecture: str) -> list[str]:
    """The packages for an architecture, less its kernel."""
    return [*PROGRAMS, *(SYSTEMD if architecture == "amd64" else [])]


def apt_environment(architecture: str) -> dict[str, str]:
    """A state of its own: the machine's apt need not know foreign processors. The security suite is
    left out, since its index for them can lag behind its signature."""
    folder = STORE / "apt" / architecture
    for name in ("lists/partial", "cache/archives/partial", "parts"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    (folder / "status").touch()
    sources = pathlib.Path("/etc/apt/sources.list.d/debian.sources").read_text()
    kept = [part for part in sources.split("\n\n") if "-security" not in part]
    (folder / "parts/debian.sources").write_text("\n\n".join(kept))
    (folder / "conf").write_text(
        f'Dir::State "{folder}"; Dir::State::status "{folder}/status";\n'
        f'Dir::Cache "{folder}/cache"; Dir::Etc::sourcelist "/dev/null";\n'
        f'Dir::Etc::sourceparts "{folder}/parts"; APT::Sandbox::User "root";\n'
        f'APT::Architecture "{architecture}"; APT::Architectures {{ "{architecture}"; }};\n'
        'Acquire::Languages "none"; Acquire::Retries "1"; Acquire::http::Timeout "20";\n')
    return {**os.environ, "LC_ALL": "C", "APT_CONFIG": str(folder / "conf")}


def apt(architecture: str, *words: str, cwd: pathlib.Path = STORE) -> str:
    done = subprocess.run(words, cwd=cwd, env=apt_environment(architecture), capture_output=True,
                          text=True, check=False)
    if done.returncode == 0:
        return done.stdout
    said = f"{' '.join(words[:3])}: {done.stderr.strip()[-500:]}"
    if "Unable to locate package" in said or "no installation candidate" in said:
        raise Missing(said)
    raise Unreachable(said)


def index(architecture: str) -> None:
    """Fetches the mirror's list. One that could not be fetched is a mere warning otherwise."""
    apt(architecture, "apt-get", "-qq", "-o", "APT::Update::Error-Mode=any", "update")


def kernel_package(architecture: str) -> str:
    """The package that today's kernel of an architecture is in."""
    name = f"linux-image-{KERNELS[architecture]}"
    for word in apt(architecture, "apt-cache", "depends", name).split()[1:]:
        if word.startswith("linux-image-"):
            return word
    raise Missing(f"{name} names no kernel")


def unpacked(architecture: str) -> pathlib.Path:
    """The folder with everything for an architecture, fetched if need be."""
    folder = STORE / "packages" / architecture
    STORE.mkdir(exist_ok=True)
    with open(STORE / f"lock-{architecture}", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        complete = folder / "complete"
        if not complete.exists() or complete.read_text().split() != wanted(architecture):
            fetch(architecture, folder)
    return folder


def fetch(architecture: str, folder: pathlib.Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    downloads = STORE / "downloads" / architecture
    shutil.rmtree(downloads, ignore_errors=True)
    downloads.mkdir(parents=True)
    folder.mkdir(parents=True)
    index(architecture)
    names = [*wanted(architecture), kernel_package(architecture)]
    apt(architecture, "apt-get", "-qq", "download", *names, cwd=downloads)
    for package in sorted(downloads.iterdir()):
        subprocess.run(["dpkg-deb", "-x", str(package), str(folder)], check=True)
    modules = next((folder / "lib/modules").iterdir())
    kernel = modules / "kernel"
    for part in [*kernel.iterdir(), *(kernel / "drivers").iterdir()]:
        if str(part.relative_to(kernel)) not in KEPT:
            shutil.rmtree(part)
    subprocess.run(["depmod", "-b", str(folder), modules.name], check=True)
    shutil.rmtree(downloads)
    (folder / "complete").write_text("\n".join(wanted(architecture)))


def main(architectures: list[str]) -> int:
    try:
        if not architectures:
            index("amd64")
        for architecture in architectures:
            unpacked(architecture)
    except Missing as lack:
        print(f"the mirror lacks a package: {lack}")
        return 1
    except Unreachable as lack:
        print(f"the mirror cannot be reached: {lack}")
        return UNREACHABLE
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
