"""NOTICE's recipe: linking the executable with a changed C library, as glibc's licence requires."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from release import notice, sbom
from tests.support.variants import BUILDINFO, FROZEN, ROOT, Variant

CHANGED = 'const char *gai_strerror(int code) { return "This is another C library"; }\n'


@pytest.fixture(scope="module")
def relinked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with an executable that is linked with a changed libc.a, and its buildinfo."""
    library, out = tmp_path_factory.mktemp("library"), tmp_path_factory.mktemp("relinked")
    own = subprocess.run(["gcc", "-print-file-name=libc.a"], capture_output=True, text=True, check=True)
    shutil.copy(own.stdout.strip(), library)
    (library / "gai_strerror.c").write_text(CHANGED)
    subprocess.run(["gcc", "-O2", "-fno-pie", "-c", "gai_strerror.c"], cwd=library, check=True)
    subprocess.run(["ar", "r", "libc.a", "gai_strerror.o"], cwd=library, check=True)
    freeze = [sys.executable, "-m", "build.freeze", str(out)]
    done = subprocess.run(
        freeze, cwd=ROOT, env=os.environ | {"RELINK_WITH": str(library)}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return out


def test_the_notice_has_the_recipe() -> None:
    assert "\n       make freeze PLATFORM=linux_amd64 RELINK_WITH=FOLDER\n" in (ROOT / "NOTICE").read_text()


def test_the_changed_library_is_linked(frozen: Variant, relinked: Path) -> None:
    """The resolver's error depends on the machine; the changed library has only one."""
    question = ("-addr", "name.invalid:1", "-connect-timeout", "100ms")
    words = "lookup name.invalid: this is another C library"
    assert words not in frozen.run(*question).verdict
    assert words in Variant("relinked", (str(relinked / FROZEN.name),)).run(*question).verdict


def test_it_cannot_be_released(relinked: Path, tmp_path: Path) -> None:
    """The contents of a library without a package are unknown."""
    buildinfo = relinked / BUILDINFO.name
    (entry,) = (entry for entry in json.loads(buildinfo.read_text())["linked"] if entry["name"] == "libc.a")
    assert entry["source"] is None and entry["version"].startswith("sha256:")
    refused = pytest.raises(ValueError, match=r"^libc\.a did not come from a package .*: it cannot be released$")
    with refused:
        sbom.write(buildinfo, tmp_path / "made")
    with refused:
        notice.write([buildinfo], tmp_path / "made")
    assert not list(tmp_path.iterdir())
