"""The release's NOTICE has what the licences of static linking ask for."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from build.platform import LINUX_ARM64
from release import notice
from release.buildinfo import read
from tests.support.variants import ROOT

# Words out of each licence's text.
TEXTS = {
    "Apache-2.0": "Apache License Version 2.0, January 2004",
    "GCC-exception-3.1": "GCC RUNTIME LIBRARY EXCEPTION Version 3.1, 31 March 2009",
    "GPL-3.0-or-later": "GNU GENERAL PUBLIC LICENSE Version 3, 29 June 2007",
    "LGPL-2.1-or-later": "GNU LESSER GENERAL PUBLIC LICENSE Version 2.1, February 1999",
    "PSF-2.0": "PYTHON SOFTWARE FOUNDATION LICENSE VERSION 2",
    "Zlib": "Altered source versions must be plainly marked as such",
    "BSD-3-Clause": "Neither the name of",
    "GPL-2.0-only": "GNU GENERAL PUBLIC LICENSE Version 2, June 1991",
}


@pytest.fixture
def text(buildinfos: list[Path], tmp_path: Path) -> str:
    """The NOTICE of the executables."""
    notice.write(buildinfos, tmp_path / "NOTICE")
    assert [file.name for file in tmp_path.iterdir()] == ["NOTICE"]
    return (tmp_path / "NOTICE").read_text()


def test_it_begins_with_the_repositorys(text: str) -> None:
    assert text.startswith((ROOT / "NOTICE").read_text())


def test_each_executable_is_named_with_its_sum(text: str, buildinfos: list[Path]) -> None:
    for made in map(read, buildinfos):
        heading = f"{'=' * 100}\nWhat is linked into {made.executable}\n{'=' * 100}\n"
        assert text.count(f"{heading}SHA-256 {made.sha256}, commit {made.commit}\n") == 1


def test_each_text_is_there_once(text: str, buildinfos: list[Path]) -> None:
    parts = {(part.name, part.source, part.version) for made in map(read, buildinfos) for part in made.linked}
    assert len(parts) >= 5
    for name, source, version in parts:
        assert text.count(f"{name}: the copyright file of {source} {version}\n") == 1


def test_each_part_is_named_with_its_version_and_its_licence(text: str, buildinfos: list[Path]) -> None:
    words = " ".join(text.split())
    for part in (part for made in map(read, buildinfos) for part in made.linked):
        assert f"\n{part.name} {part.upstream}\n    source   {part.source} {part.version}\n" in text
        assert f"https://snapshot.debian.org/package/{part.source}/{part.version}/\n" in text
        assert f"{part.name}: the copyright file of {part.source} {part.version}\n" in text
        for licence in re.findall(r"[\w.-]+", re.sub(r"\b(AND|OR|WITH)\b", "", part.licence)):
            assert TEXTS[licence] in words, licence


def test_the_repositorys_names_all_that_may_be_in() -> None:
    known = (ROOT / "build" / "buildinfo.py").read_text()
    names = re.findall(r'^    r".+": \("(.+?)", ', known, re.MULTILINE)
    assert len(names) >= 6
    for name in names:
        assert re.search(rf"^- .*{re.escape(name)}\b", (ROOT / "NOTICE").read_text(), re.MULTILINE), name


def test_shivs_licence_is_there(text: str) -> None:
    assert "BSD 2-CLAUSE LICENSE\n\nCopyright 2017 LinkedIn Corporation." in text


def test_another_version_than_the_installed_one_is_refused(
    buildinfo: Path, changed: Callable[..., Path], tmp_path: Path
) -> None:
    entries = json.loads(buildinfo.read_text())["linked"]
    for entry in entries:
        if entry["name"] == "zlib":
            entry["version"] = "1:1.2.11.dfsg-1"
    with pytest.raises(ValueError, match=r"^zlib 1:1\.2\.11\.dfsg-1 was linked in, but another version "):
        notice.write([buildinfo, changed(linked=entries)], tmp_path / "NOTICE")
    assert not (tmp_path / "NOTICE").exists()


def test_a_text_of_a_package_that_is_only_in_the_sysroot(
    buildinfos: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As where the machine has another version installed than the platform's packages have."""
    monkeypatch.setattr(notice, "installed", lambda name: None)
    (arm64,) = (file for file in buildinfos if read(file).platform == LINUX_ARM64.name)
    notice.write([arm64], tmp_path / "NOTICE")
    assert "OpenSSL: the copyright file of openssl " in (tmp_path / "NOTICE").read_text()


def test_a_source_that_is_not_here_is_refused(buildinfo: Path, changed: Callable[..., Path], tmp_path: Path) -> None:
    entries = json.loads(buildinfo.read_text())["linked"]
    for entry in entries:
        if entry["name"] == "CPython":
            entry["version"] = "3.1-1"
    with pytest.raises(ValueError, match=r"^the copyright file of python3\.\d+ 3\.1-1 is not on this machine$"):
        notice.write([changed(linked=entries)], tmp_path / "NOTICE")
