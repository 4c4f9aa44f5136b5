"""Fixtures for the tests of the static executable."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fake_tfs import FakeServing
from tests.support.variants import Variant, built


@pytest.fixture(scope="session")
def frozen() -> Variant:
    """The static executable."""
    return built("frozen")


@pytest.fixture
def executable(frozen: Variant, tmp_path: Path) -> Path:
    """A copy that a test may damage."""
    return Path(shutil.copy(frozen.command[0], tmp_path / "probe"))


@pytest.fixture(scope="package")
def server() -> Iterator[FakeServing]:
    """`default` has version 1, AVAILABLE; `slow` has version 7, LOADING."""
    with FakeServing({"default": {1: "AVAILABLE"}, "slow": {7: "LOADING"}}, rest=False) as running:
        yield running


@pytest.fixture
def empty(tmp_path: Path) -> Path:
    """An empty folder for the program to run in."""
    folder = tmp_path / "empty"
    folder.mkdir()
    os.chmod(folder, 0o777)
    return folder
