"""Tests of what people install: every test has a laboratory of namespaces for itself."""

from __future__ import annotations

import os
import pathlib
import signal
import sys

import pytest

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "Interop")]

import netns  # noqa: E402
import packed  # noqa: E402


def pytest_configure() -> None:
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.default_int_handler)
    netns.prepare()
    os.environ["SWABELD"] = str(packed.built("x86_64"))


@pytest.fixture
def lab(request: pytest.FixtureRequest):
    with netns.Lab(request.node.name.partition("[")[0].removeprefix("test_")) as opened:
        yield opened


@pytest.fixture(scope="session")
def dist(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    """Everything that is handed out, for the processors that were built."""
    return packed.pack(tmp_path_factory.mktemp("dist"))


@pytest.fixture(scope="session")
def next_dist(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    """Debian's packages of a later version."""
    return packed.pack(
        tmp_path_factory.mktemp("next"), what=["packages"], debian_version="9.0-1")
