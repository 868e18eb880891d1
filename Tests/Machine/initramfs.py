"""The file system that a guest starts with, written without root and without other tools."""

from __future__ import annotations

import io
import lzma
import pathlib
import re
import stat
import subprocess


class Archive:
    """A cpio archive in the form that Linux unpacks ("newc")."""

    def __init__(self) -> None:
        self.output = io.BytesIO()
        self.names: set[str] = set()

    def entry(self, name: str, mode: int, content: bytes = b"", device=(0, 0)) -> None:
        octets = name.encode() + b"\0"
        fields = (
            len(self.names) + 1, mode, 0, 0, 1, 0, len(content), 0, 0, *device, len(octets), 0)
        self.output.write(b"070701" + b"".join(b"%08X" % field for field in fields) + octets)
        self.output.write(b"\0" * (-self.output.tell() % 4))
        self.output.write(content)
        self.output.write(b"\0" * (-self.output.tell() % 4))
        self.names.add(name)

    def folder(self, path: str) -> None:
        parts = path.strip("/").split("/")
        for count in range(1, len(parts) + 1):
            name = "/".join(parts[:count])
            if name and name not in self.names:
                self.entry(name, stat.S_IFDIR | 0o755)

    def file(self, path: str, content: bytes, mode: int = 0o755) -> None:
        name = path.lstrip("/")
        if name not in self.names:
            self.folder(str(pathlib.PurePosixPath(name).parent))
            self.entry(name, stat.S_IFREG | mode, content)

    def link(self, path: str, target: str) -> None:
        name = path.lstrip("/")
        if name not in self.names:
            self.folder(str(pathlib.PurePosixPath(name).parent))
            self.entry(name, stat.S_IFLNK | 0o777, target.encode())

    def tree(self, top: pathlib.Path, place: str = "") -> None:
        """Everything below a folder, at a place of the guest."""
        for path in sorted(top.rglob("*")):
            name = f"{place}/{path.relative_to(top)}"
            if path.is_symlink():
                self.link(name, str(path.readlink()))
            elif path.is_file():
                self.file(name, path.read_bytes(), path.stat().st_mode & 0o777)

    def bytes(self) -> bytes:
        self.entry("TRAILER!!!", 0)
        return self.output.getvalue()


class Image:
    """The archive of a guest whose programs come from unpacked packages."""

    def __init__(self, packages: pathlib.Path) -> None:
        self.packages = packages
        self.archive = Archive()
        self.loading: list[str] = []
        for name in ("bin", "dev", "etc", "proc", "root", "run", "sys", "tmp", "var/lib"):
            self.archive.folder(name)
        self.archive.link("/var/run", "/run")
        self.archive.entry("dev/console", stat.S_IFCHR | 0o600, device=(5, 1))
        self.archive.entry("dev/null", stat.S_IFCHR | 0o666, device=(1, 3))
        self.file(packages / "bin/busybox", "/bin/busybox")

    def file(self, source: pathlib.Path, path: str) -> None:
        self.archive.file(path, source.read_bytes())

    def program(self, path: str) -> None:
        """A program of a package, with the libraries that it needs."""
        source = self.inside(path)
        self.file(source, path)
        description = subprocess.run(
            ["readelf", "-ld", str(source)], capture_output=True, text=True, check=True).stdout
        interpreter = re.search(r"interpreter: (\S+)\]", description)
        if interpreter and interpreter[1].lstrip("/") not in self.archive.names:
            self.file(self.inside(interpreter[1]), interpreter[1])
        for name in re.findall(r"\(NEEDED\).*\[(.+)\]", description):
            if f"lib/{name}" not in self.archive.names:
                self.program_library(name)

    def program_library(self, name: str) -> None:
        found = [path for top in ("lib", "usr/lib") for path in (self.packages / top).rglob(name)
                 if "modules" not in path.parts]
        if not found:
            raise RuntimeError(f"{name} is in none of the packages")
        content = found[0].resolve().read_bytes()
        self.archive.file(f"/lib/{name}", content)
        description = subprocess.run(
            ["readelf", "-d", str(found[0])], capture_output=True, text=True, check=True).stdout
        for other in re.findall(r"\(NEEDED\).*\[(.+)\]", description):
            if f"lib/{other}" not in self.archive.names:
                self.program_library(other)

    def inside(self, path: str) -> pathlib.Path:
        """A file of the packages. Links in them may lead to where it would be installed."""
        place = self.packages / path.lstrip("/")
        for _ in range(8):
            if not place.is_symlink():
                return place
            target = place.readlink()
            place = self.packages / str(target).lstrip("/") if target.is_absolute() \
                else place.parent / target
        raise RuntimeError(f"{path}: too many links")

    def modules(self, names: list[str]) -> None:
        """Kernel modules with those that they need, in the order in which they are loaded."""
        folder = next((self.packages / "lib/modules").iterdir())
        needs: dict[str, tuple[str, list[str]]] = {}
        for line in (folder / "modules.dep").read_text().splitlines():
            path, _, others = line.partition(":")
            needs[self.module_name(path)] = (path, others.split())
        builtin = {self.module_name(line)
                   for line in (folder / "modules.builtin").read_text().splitlines()}
        order: list[str] = []

        def need(path: str) -> None:
            for other in reversed(needs[self.module_name(path)][1]):
                need(other)
            if path not in order:
                order.append(path)

        for name in names:
            plain = name.replace("-", "_")
            if plain in needs:
                need(needs[plain][0])
            elif plain not in builtin:
                raise RuntimeError(f"the kernel has no module {name}")
        for path in order:
            content = (folder / path).read_bytes()
            if path.endswith(".xz"):
                content = lzma.decompress(content)
            place = f"/lib/modules/{self.module_name(path)}.ko"
            self.archive.file(place, content)
            self.loading.append(place)

    @staticmethod
    def module_name(path: str) -> str:
        return path.split("/")[-1].split(".ko")[0].replace("-", "_")

    def bytes(self, script: str, end: str = "") -> bytes:
        """The archive with a script that the guest runs, after which it is switched off; or with
        another end of what it starts with."""
        load = "\n".join(f"insmod {path} || echo 'FAILED insmod {path}'" for path in self.loading)
        begin = BEGIN.replace("@LOAD@", load)
        self.archive.file("/init", f"{begin}{end or END}".encode())
        self.archive.file("/script", script.encode())
        return self.archive.bytes()


# The shell is Debian's: busybox's would run its own `ip`.
BEGIN = """#!/bin/busybox sh
/bin/busybox --install -s /bin
export PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs dev /dev 2> /dev/null
@LOAD@
ip link set lo up
"""
RUN = """echo "@@BEGIN $(cut -d' ' -f1 /proc/uptime)"
dash /script 2>&1
echo "@@END $?"
poweroff -f
"""
END = f"""mount -t tmpfs run /run
mount -t tmpfs tmp /tmp
{RUN}"""
