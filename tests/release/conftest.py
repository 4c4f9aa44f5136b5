"""Fixtures for the tests of a release."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from build.platform import PLATFORMS
from tests.release import clones
from tests.support.variants import BUILDINFO, ROOT, VERSION, built, built_for

REPOSITORY = "somebody/tfs-model-status-probe"


@pytest.fixture
def buildinfo() -> Path:
    """The executable's own."""
    built("frozen")
    return BUILDINFO


@pytest.fixture
def buildinfos() -> list[Path]:
    """Those of the executables for all platforms."""
    return [built_for(row).with_name(row.buildinfo(VERSION)) for row in PLATFORMS]


@pytest.fixture
def changed(buildinfo: Path, tmp_path: Path) -> Callable[..., Path]:
    """Makes a buildinfo that differs from the executable's: fields, and entries beside those of `linked`."""

    def change(*entries: dict[str, Any], **fields: object) -> Path:
        found = json.loads(buildinfo.read_text()) | fields
        found["linked"] += entries
        file = tmp_path / "changed.buildinfo"
        file.write_text(json.dumps(found))
        return file

    return change


def refuse_outdated_packages() -> None:
    """Skips the test where this machine has packages of which no release may be made, unless this is CI: there it
    fails."""
    for row in PLATFORMS:
        made_of = built_for(row).with_name(row.buildinfo(VERSION))
        command = [sys.executable, "-m", "build.outdated", str(made_of)]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
        if done.returncode:
            reason = f"no release can be made here: {done.stdout}{done.stderr}Run build/system_packages.sh update"
            if os.environ.get("CI"):
                pytest.fail(reason)
            pytest.skip(reason)


class Release(NamedTuple):
    """A release that was made in a clone."""

    checkout: Path
    assets: Path
    notes: str
    said: str


@pytest.fixture(scope="session")
def release(tmp_path_factory: pytest.TempPathFactory) -> Release:
    """`make release` on a fresh clone. The first of its two builds uses what was compiled for this checkout of CPython,
    the second compiles its own for each platform, which takes minutes."""
    built("frozen")
    refuse_outdated_packages()
    checkout = clones.equipped(tmp_path_factory.mktemp("release") / "checkout")
    done = clones.make(checkout, "release", f"REPOSITORY={REPOSITORY}")
    assert done.exit_code == 0, done.stderr
    dist = checkout / "dist"
    return Release(checkout, dist / "release", (dist / "release-notes.md").read_text(), done.stdout)
