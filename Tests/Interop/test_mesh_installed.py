"""What `make install-mesh` installs: the program, its manual, and completions for bash and zsh."""

from __future__ import annotations

import pytest

from completion import complete
from mesh import program
from netns import REPOSITORY, run
from test_zsh import Shell

LIST = """mesh m
node berlin endpoint 203.0.113.1
node boat nat
  node brest nat
# node bonn nat
"""


def folder(lab):
    """A directory with a list, and with the files of two nodes."""
    (lab.directory / "mesh.conf").write_text(LIST)
    for name in ("mesh.out/oslo", "paris", "other/rome"):
        (lab.directory / name).mkdir(parents=True)
        (lab.directory / name / "plan").write_text("")
    (lab.directory / "empty").mkdir()
    return lab.directory


@pytest.mark.parametrize("line,words", [
    ("swabelmesh re", ["rekey", "remove"]),
    ("swabelmesh rekey b", ["berlin", "boat", "brest"]),
    ("swabelmesh -f mesh.conf invite bo", ["boat"]),
    ("swabelmesh -f nothing invite ''", []),
    ("swabelmesh apply ''", ["oslo", "paris"]),
    ("swabelmesh -o other diff ''", ["rome"]),
    ("swabelmesh apply paris ''", []),
    ("swabelmesh apply --", ["--list", "--state", "--output", "--help", "--version", "--dry-run",
                             "--wait"]),
    ("swabelmesh invite boat --exp", ["--expires"]),
    ("swabelmesh invite boat --expires 1", ["10m", "1h", "1d"]),
    ("swabelmesh -f mesh.c", ["mesh.conf"]),
    ("swabelmesh graph mesh.c", ["mesh.conf"]),
    ("swabelmesh page --se", ["--serve"]),
    ("swabelmesh -o oth", ["other"]),
])
def test_bash_completes(lab, line, words):
    assert complete(line, "swabelmesh", folder(lab)) == words


def test_zsh_completes(lab):
    shell = Shell(folder(lab))
    try:
        for line, wanted in [
                ("swabelmesh acce", "swabelmesh accept"), ("swabelmesh rekey be", "rekey berlin"),
                ("swabelmesh apply pa", "apply paris"),
                ("swabelmesh -o other diff ro", "diff rome"),
                ("swabelmesh invite boat --exp", "ires "),
                ("swabelmesh graph --netj", "son ")]:
            shell.type("\x15" + line + "\t")  # control-U empties the line
            shown = shell.read(wanted, 5)
            assert wanted in shown and "not found" not in shown, shown
    finally:
        shell.close()


def test_all_commands_are_completed(lab):
    """Each command that the program knows is in both files."""
    commands = [line.split()[0] for line in run(program(), "--help").splitlines()
                if line.startswith("  ") and line[2].isalpha()]
    assert {"init", "apply", "accept"} <= set(commands)
    assert set(commands) <= set(complete("swabelmesh ''", "swabelmesh"))
    for_zsh = (REPOSITORY / "packaging/completions/_swabelmesh").read_text()
    assert not [command for command in commands if f"'{command}:" not in for_zsh]


def test_install(lab):
    image = lab.directory / "image"
    words = ["make", "-s", "-C", str(REPOSITORY), f"DESTDIR={image}", "PREFIX=/usr",
             f"MESH_BINARY={program()}"]
    run(*words, "install-mesh")
    files = {str(path.relative_to(image)) for path in image.rglob("*") if path.is_file()}
    assert files == {
        "usr/bin/swabelmesh", "usr/share/man/man8/swabelmesh.8",
        "usr/share/bash-completion/completions/swabelmesh",
        "usr/share/zsh/site-functions/_swabelmesh"}
    assert "swabelmesh-" in run(str(image / "usr/bin/swabelmesh"), "--version")
    run(*words, "uninstall")
    assert not [path for path in image.rglob("*") if path.is_file()]
