"""The static file on kernels of Debian's, with their own WireGuard, under emulation.

`make vm-test` runs this for x86-64, and with SWABELD_LONG=1 for ARM64 and ARMv7 too. What takes how
long and how much memory is printed. The guest's clock is slower than a real one, so the bounds of
the scenes are wide."""

from __future__ import annotations

import os
import pathlib

import guest
import pytest

HERE = pathlib.Path(__file__).parent
ARCHITECTURES = ["amd64", *(["arm64", "armhf"] if os.environ.get("SWABELD_LONG") == "1" else [])]


@pytest.mark.parametrize("scene", ["tunnels", "peers"])
@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_triangle(architecture: str, scene: str) -> None:
    """Three routers converge, fail over, restart and stop: with a WireGuard interface for each
    tunnel, and with one that has two peers."""
    assert guest.available(architecture), "no emulator: make deps"
    file = guest.daemon(architecture)
    assert file.exists(), f"{file} is missing: make static"
    script = (HERE / "triangle.sh").read_text().replace(
        "@SCENE@", (HERE / f"{scene}.sh").read_text())
    run = guest.boot(architecture, script, 400)
    print(f"\n{architecture}, {scene}: the kernel was up after {run.uptime} s of its clock, the "
          f"whole took {run.seconds:.0f} s\n{run.text}")
    assert "FAILED" not in run.text and run.status == 0
    assert run.text.count("TIME ") >= 9, "the scene did not come to its end"
