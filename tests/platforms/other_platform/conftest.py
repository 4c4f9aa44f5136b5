"""Fixtures for the tests of an executable for another platform."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from build.platform import PLATFORMS, Platform, find
from build.shared.checkout import ROOT, VERSION
from build.toolchain import Toolchain, toolchain
from tests.platforms.other_platforms import PAGE_SIZES
from tests.support.variants import Variant


@pytest.fixture(scope="session")
def platform() -> Platform:
    """The platform that is tested."""
    emulated = next(row.name for row in PLATFORMS if row.emulator)
    return find(os.environ.get("TEST_PLATFORM", emulated))


@pytest.fixture(scope="session")
def executable(platform: Platform) -> Path:
    """Its executable."""
    file = ROOT / "dist" / platform.executable(VERSION)
    if not file.exists():
        missing = f"{file.relative_to(ROOT)} was not built: run `make platform PLATFORM={platform.name}`"
        if os.environ.get("CI"):
            pytest.fail(missing)
        pytest.skip(missing)
    return file


@pytest.fixture(scope="session")
def emulator(platform: Platform) -> tuple[str, ...]:
    """The command that runs executables of the platform; the program's path is absolute."""
    program, *options = platform.emulator
    return (str(shutil.which(program)), *options)


@pytest.fixture(scope="session")
def tools(platform: Platform, executable: Path) -> Toolchain:
    """What made it."""
    return toolchain(platform)


@pytest.fixture(params=PAGE_SIZES)
def page_size(request: pytest.FixtureRequest) -> int:
    """Each size of pages in turn, in bytes."""
    return int(request.param)


@pytest.fixture
def program(executable: Path, emulator: tuple[str, ...], page_size: int) -> Variant:
    """The executable, on pages of each size."""
    return Variant("frozen", (*emulator, "-p", str(page_size), str(executable)))
