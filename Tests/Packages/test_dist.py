"""The files that are handed out: what is in them, and that they come out the same each time."""

from __future__ import annotations

import hashlib
import pathlib
import re
import subprocess
import tarfile

import packed
import pytest
from netns import run

CPUS = packed.processors()


def read(file: pathlib.Path, option: str) -> str:
    return run("readelf", option, "--wide", str(file))


@pytest.mark.parametrize("cpu", CPUS)
def test_static_file(dist, cpu):
    """Static, at an address of the kernel's choice, without symbols, for the right processor."""
    file = dist / f"swabeld-{packed.VERSION}-{cpu}"
    assert file.read_bytes() == packed.built(cpu).read_bytes() and file.stat().st_mode & 0o111
    assert read(file, "--program-headers").count("INTERP") == 0
    dynamic = read(file, "--dynamic")
    assert "NEEDED" not in dynamic and re.search(r"FLAGS_1.*PIE", dynamic)
    header = read(file, "--file-header")
    assert "DYN" in header and packed.PROCESSORS[cpu][1] in header
    assert "Symbol table '.symtab'" not in read(file, "--symbols")
    assert ".debug" not in read(file, "--section-headers")
    if cpu == "armv7":
        assert "hard-float" in header or "Tag_ABI_VFP_args" in read(file, "--arch-specific")
    text = run("file", str(file))
    assert "static-pie linked" in text and ", stripped" in text
    if cpu == "x86_64":
        assert "statically linked" in run("ldd", str(file))


def test_same_input_same_octets(dist, tmp_path):
    """A second time, in another folder, in another zone and with another mask of rights."""
    run("sh", "-c", f"umask 077; TZ=Asia/Tokyo DIST={tmp_path} && export TZ DIST && "
        f"cd {packed.REPOSITORY} && packaging/pack tarballs {' '.join(CPUS)} && "
        f"packaging/pack packages {' '.join(CPUS)}")
    names = sorted(file.name for file in dist.iterdir())
    assert names == sorted(file.name for file in tmp_path.iterdir())
    different = [n for n in names if (dist / n).read_bytes() != (tmp_path / n).read_bytes()]
    assert not different


@pytest.mark.skipif(not packed.LONG, reason="builds once more: SWABELD_LONG=1")
def test_same_sources_same_file(tmp_path):
    """The compiler makes the same file of the same sources in another folder."""
    copy = tmp_path / "elsewhere"
    copy.mkdir()
    for name in ("Sources", "packaging", "Package.swift"):
        run("cp", "-r", str(packed.REPOSITORY / name), str(copy))
    done = subprocess.run(
        [copy / "packaging/build-embedded", "x86_64-musl"], capture_output=True, text=True,
        check=False)
    assert done.returncode == 0, done.stderr
    again = copy / ".build-embedded/x86_64-musl/swabeld"
    assert again.read_bytes() == packed.built("x86_64").read_bytes()


def test_sums(dist):
    """Every file has its sum."""
    run("sh", "-c", f"cd {dist} && sha256sum --check --strict SHA256SUMS")
    listed = {line.split()[1] for line in (dist / "SHA256SUMS").read_text().splitlines()}
    assert listed | {"SHA256SUMS"} == {file.name for file in dist.iterdir()}


def test_signature(tmp_path, monkeypatch):
    """With a key the sums are signed."""
    home = tmp_path / "gpg"
    home.mkdir(mode=0o700)
    monkeypatch.setenv("GNUPGHOME", str(home))
    run("gpg", "--batch", "--passphrase", "", "--quick-generate-key", "maker@example.org")
    folder = packed.pack(
        tmp_path / "signed", ["x86_64"], what=["tarballs"], KEY="maker@example.org")
    run("gpg", "--verify", str(folder / "SHA256SUMS.asc"), str(folder / "SHA256SUMS"))
    run("gpgconf", "--kill", "all")


@pytest.mark.parametrize("cpu", CPUS)
def test_tarball(dist, cpu):
    """What a board needs is in it, it belongs to root, and nothing else is touched."""
    name = f"swabeld-{packed.VERSION}-{cpu}"
    with tarfile.open(dist / f"{name}.tar.gz") as tar:
        members = {member.name.removeprefix(f"{name}/usr/local/"): member for member in tar}
        program = tar.extractfile(f"{name}/usr/local/sbin/swabeld").read()
    assert hashlib.sha256(program).digest() == hashlib.sha256(
        packed.built(cpu).read_bytes()).digest()
    for path in (
            "sbin/swabelctl", "lib/systemd/system/swabeld.service", "share/man/man8/swabeld.8",
            "share/swabeld/swabeld.init", "share/swabeld/openwrt/swabeld.init",
            "share/doc/swabeld/examples/wireguard.conf", "share/doc/swabeld/configuration.md",
            "share/doc/swabeld/LICENSE", "share/bash-completion/completions/swabelctl",
            "share/zsh/site-functions/_swabelctl", "libexec/swabeld-notify"):
        assert path in members, path
    for member in members.values():
        assert (member.uid, member.gid) == (0, 0) and not member.isdir(), member.name
        assert member.issym() or member.mode in (0o644, 0o755), member.name


@pytest.mark.parametrize(
    "example", sorted((packed.REPOSITORY / "packaging/examples").glob("*.conf")),
    ids=lambda file: file.stem)
def test_examples(example):
    """Each is right as it stands, or has only comments: then it is right without the marks."""
    lines = example.read_text().splitlines()
    if not any(line and not line.startswith("#") for line in lines):
        lines = [line.removeprefix("#") for line in lines if re.match(r"#\w", line)]
        assert lines
    done = subprocess.run(
        [packed.built("x86_64"), "--check", "-c", "/dev/stdin"], input="\n".join(lines) + "\n",
        capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_arch_linux(dist, tmp_path):
    """The PKGBUILD has the sums of the tarballs, and its files are where Arch has them."""
    script = dist / "PKGBUILD"
    for cpu in CPUS:
        tarball = dist / f"swabeld-{packed.VERSION}-{cpu}.tar.gz"
        assert hashlib.sha256(tarball.read_bytes()).hexdigest() in script.read_text()
    run("bash", "-euc", """
        . "$1"; srcdir=$2/src pkgdir=$2/pkg CARCH=x86_64
        mkdir "$srcdir" "$pkgdir"
        tar -xzf "$3/$source_x86_64" -C "$srcdir"
        package""", "-", str(script), str(tmp_path), str(dist))
    unit = (tmp_path / "pkg/usr/lib/systemd/system/swabeld.service").read_text()
    programs = set(re.findall(r"^Exec\w+=[-+]*(/usr\S+)", unit, re.M))
    assert programs == {"/usr/bin/swabeld", "/usr/bin/swabelctl"}
    for program in programs:
        assert (tmp_path / "pkg" / program.lstrip("/")).exists()
    assert (tmp_path / "pkg/usr/share/licenses/swabeld/LICENSE").exists()


def test_nixos(dist, tmp_path):
    """The expression is one, and the shell of its phase makes what services.babeld starts."""
    file = dist / "swabeld.nix"
    run("nix-instantiate", "--parse", str(file))
    phase = re.search(r"installPhase = ''\n(.*?)''", file.read_text(), re.S)[1]
    run("bash", "-euc", """
        tar -xzf "$1" -C "$2" --strip-components=1; cd "$2"; out=$2/out
        substituteInPlace() { sed -i "s|$3|$4|" "$1"; }
        eval "$3" """, "-", str(dist / f"swabeld-{packed.VERSION}-x86_64.tar.gz"), str(tmp_path),
        phase)
    done = subprocess.run(
        [tmp_path / "out/bin/babeld", "-V"], capture_output=True, text=True, check=True)
    assert packed.VERSION in done.stdout + done.stderr
    unit = (tmp_path / "out/lib/systemd/system/swabeld.service").read_text()
    assert f"ExecStart={tmp_path}/out/bin/swabeld " in unit and "/usr/local" not in unit
