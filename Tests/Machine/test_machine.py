"""The static file on kernels of Debian's, with their own WireGuard, under emulation.

`make vm-test` runs this for x86-64, and with SWABELD_LONG=1 for ARM64 and ARMv7 too. What takes how
long and how much memory is printed. Where the guest's clock does not count instructions it is
slower than a real one, so the bounds of these scenes are wide. Two guests run at once."""

from __future__ import annotations

import concurrent.futures
import os
import pathlib

import guest
import managed
import pytest

HERE = pathlib.Path(__file__).parent
ARCHITECTURES = ["amd64", *(["arm64", "armhf"] if os.environ.get("SWABELD_LONG") == "1" else [])]
# What the systemd of Debian 12 computes for our unit. A lower figure is better.
EXPOSURE = "3.1"
# Scenes by name: their scripts, and the times that they say at least.
SCENES = {"tunnels": (["triangle.sh", "tunnels.sh"], 9), "peers": (["triangle.sh", "peers.sh"], 9),
          "start": (["start.sh"], 11), "unit": (["unit.sh"], 12)}
TRIED = [(architecture, scene) for architecture in ARCHITECTURES for scene in SCENES
         if scene != "unit" or architecture == managed.ARCHITECTURE]


def script(scene: str) -> str:
    texts = [(HERE / name).read_text() for name in SCENES[scene][0]]
    text = texts[0].replace("@SCENE@", "".join(texts[1:]))
    for word, value in (("README", managed.readme_block()), ("EXPOSURE", EXPOSURE),
                        ("MIGRATION", managed.readme_migration())):
        text = text.replace(f"@{word}@", value)
    return (HERE / "prelude.sh").read_text() + text


def run(architecture: str, scene: str) -> guest.Run:
    assert guest.available(architecture), "no emulator: make deps"
    file = guest.daemon(architecture)
    assert file.exists(), f"{file} is missing: make static"
    if scene == "unit":
        return managed.run(script(scene), 400)
    clock = guest.CLOCK if scene == "start" else []
    return guest.run(architecture, script(scene), 400, clock)


@pytest.fixture(scope="module")
def runs(request):
    """The guests of all tests that were selected, by processor and scene."""
    mine = [item for item in request.session.items if item.module is request.module]
    wanted = [(item.callspec.params["architecture"], item.callspec.params["scene"])
              for item in mine]
    with concurrent.futures.ThreadPoolExecutor(max_workers=2) as pool:
        yield {words: pool.submit(run, *words) for words in wanted}


@pytest.mark.parametrize("architecture,scene", TRIED)
def test_scene(runs, architecture: str, scene: str) -> None:
    """Three routers converge, fail over, restart and stop: with a WireGuard interface for each
    tunnel, and with one that has two peers. A start is quick. systemd runs the unit."""
    done = runs[architecture, scene].result()
    print(f"\n{architecture}, {scene}: the kernel was up after {done.uptime} s of its clock, the "
          f"whole took {done.seconds:.0f} s\n{done.text}")
    assert "FAILED" not in done.text and done.status == 0
    assert done.text.count("TIME ") >= SCENES[scene][1], "the scene did not come to its end"
