"""Debian's kernels and programs for three processors, unpacked and never installed.

Everything lands in `.build-vm/packages/ARCHITECTURE`, once: about 60 MB of downloads each."""

from __future__ import annotations

import fcntl
import os
import pathlib
import shutil
import subprocess

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
STORE = REPOSITORY / ".build-vm"
# What makes the network in the guest, the peer to compare with, and the libraries that they need.
PROGRAMS = [
    "babeld", "busybox-static", "dash", "iproute2", "libb2-1", "libbpf1", "libbsd0", "libc6",
    "libcap2", "libdb5.3", "libelf1", "libgcc-s1", "libgomp1", "libmd0", "libmnl0",
    "libpcre2-8-0", "libselinux1", "libtirpc3", "libxtables12", "wireguard-tools", "zlib1g",
]
KERNELS = {"amd64": "cloud-amd64", "arm64": "arm64", "armhf": "armmp"}
# Of the kernel's modules only those that may be loaded: the others are 300 MB.
KEPT = {"arch", "crypto", "drivers", "drivers/net", "lib", "net"}


def apt_environment() -> dict[str, str]:
    """A state of its own: the machine's apt need not know foreign processors. The security suite is
    left out, since its index for them can lag behind its signature."""
    folder = STORE / "apt"
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
        'APT::Architectures { "amd64"; "arm64"; "armhf"; };\n')
    return {**os.environ, "APT_CONFIG": str(folder / "conf")}


def apt(*words: str, cwd: pathlib.Path = STORE) -> str:
    done = subprocess.run(
        words, cwd=cwd, env=apt_environment(), capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(words)}: {done.stderr.strip()[-500:]}")
    return done.stdout


def kernel_package(architecture: str) -> str:
    """The package that today's kernel of an architecture is in."""
    words = apt(
        "apt-cache", "depends", f"linux-image-{KERNELS[architecture]}:{architecture}").split()
    return next(word for word in words[1:] if word.startswith("linux-image-")).split(":")[0]


def unpacked(architecture: str) -> pathlib.Path:
    """The folder with everything for an architecture, fetched if need be."""
    folder = STORE / "packages" / architecture
    STORE.mkdir(exist_ok=True)
    with open(STORE / "lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "complete").exists():
            fetch(architecture, folder)
    return folder


def fetch(architecture: str, folder: pathlib.Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    downloads = STORE / "downloads" / architecture
    shutil.rmtree(downloads, ignore_errors=True)
    downloads.mkdir(parents=True)
    folder.mkdir(parents=True)
    apt("apt-get", "-qq", "update")
    names = [*PROGRAMS, kernel_package(architecture)]
    apt("apt-get", "-qq", "download", *(f"{n}:{architecture}" for n in names), cwd=downloads)
    for package in sorted(downloads.iterdir()):
        subprocess.run(["dpkg-deb", "-x", str(package), str(folder)], check=True)
    modules = next((folder / "lib/modules").iterdir())
    kernel = modules / "kernel"
    for part in [*kernel.iterdir(), *(kernel / "drivers").iterdir()]:
        if str(part.relative_to(kernel)) not in KEPT:
            shutil.rmtree(part)
    subprocess.run(["depmod", "-b", str(folder), modules.name], check=True)
    shutil.rmtree(downloads)
    (folder / "complete").touch()
