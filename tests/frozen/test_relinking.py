"""NOTICE's recipe: linking the executable with a changed C library, as glibc's licence requires."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from build.platform import PLATFORMS, Platform
from build.shared.checkout import SYSROOTS
from release import notice, sbom
from tests.support.variants import ROOT, VERSION, Variant, built_for

CHANGED = 'const char *gai_strerror(int code) { return "This is another C library"; }\n'


@pytest.fixture(scope="module", params=PLATFORMS, ids=[row.name for row in PLATFORMS])
def platform(request: pytest.FixtureRequest) -> Platform:
    row: Platform = request.param
    return row


@pytest.fixture(scope="module")
def relinked(platform: Platform, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with an executable that is linked with a changed libc.a, and its buildinfo."""
    built_for(platform)  # and so are its CPython and its libraries
    library, out = tmp_path_factory.mktemp("library"), tmp_path_factory.mktemp("relinked")
    root = SYSROOTS / platform.name if platform.emulator else Path("/")
    shutil.copy(root / "usr" / "lib" / platform.triple / "libc.a", library)
    (library / "gai_strerror.c").write_text(CHANGED)
    compile_it = [f"{platform.tools}gcc", "-O2", "-fno-pie", "-c", "gai_strerror.c"]
    subprocess.run(compile_it, cwd=library, check=True)
    subprocess.run([f"{platform.tools}ar", "r", "libc.a", "gai_strerror.o"], cwd=library, check=True)
    freeze = [sys.executable, "-m", "build.freeze", str(out), platform.name]
    done = subprocess.run(
        freeze, cwd=ROOT, env=os.environ | {"RELINK_WITH": str(library)}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return out


def test_the_notice_has_the_recipe(platform: Platform) -> None:
    assert f"\n       make freeze PLATFORM={platform.name} RELINK_WITH=FOLDER\n" in (ROOT / "NOTICE").read_text()


def test_the_changed_library_is_linked(frozen: Variant, platform: Platform, relinked: Path) -> None:
    """The resolver's error depends on the machine; the changed library has only one."""
    question = ("-addr", "name.invalid:1", "-connect-timeout", "2s")
    words = "lookup name.invalid: this is another C library"
    assert words not in frozen.run(*question).verdict
    program = Variant("relinked", (*platform.emulator, str(relinked / platform.executable(VERSION))))
    assert words in program.run(*question).verdict


def test_it_cannot_be_released(platform: Platform, relinked: Path, tmp_path: Path) -> None:
    """The contents of a library without a package are unknown."""
    buildinfo = relinked / platform.buildinfo(VERSION)
    (entry,) = (entry for entry in json.loads(buildinfo.read_text())["linked"] if entry["name"] == "libc.a")
    assert entry["source"] is None and entry["version"].startswith("sha256:")
    refused = pytest.raises(ValueError, match=r"^libc\.a did not come from a package .*: it cannot be released$")
    with refused:
        sbom.write(buildinfo, tmp_path / "made")
    with refused:
        notice.write([buildinfo], tmp_path / "made")
    assert not list(tmp_path.iterdir())
