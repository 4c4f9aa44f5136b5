"""The release's NOTICE has what the licences of static linking ask for."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest

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
def text(buildinfo: Path, tmp_path: Path) -> str:
    """The NOTICE of the executable."""
    notice.write(buildinfo, tmp_path / "NOTICE")
    assert [file.name for file in tmp_path.iterdir()] == ["NOTICE"]
    return (tmp_path / "NOTICE").read_text()


def test_it_begins_with_the_repositorys(text: str) -> None:
    assert text.startswith((ROOT / "NOTICE").read_text())


def test_each_part_is_named_with_its_version_and_its_licence(text: str, buildinfo: Path) -> None:
    words = " ".join(text.split())
    for part in read(buildinfo).linked:
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
        notice.write(changed(linked=entries), tmp_path / "NOTICE")
    assert not (tmp_path / "NOTICE").exists()


def test_a_source_that_is_not_here_is_refused(buildinfo: Path, changed: Callable[..., Path], tmp_path: Path) -> None:
    entries = json.loads(buildinfo.read_text())["linked"]
    for entry in entries:
        if entry["name"] == "CPython":
            entry["version"] = "3.1-1"
    with pytest.raises(ValueError, match=r"^the copyright file of python3\.\d+ 3\.1-1 is not on this machine$"):
        notice.write(changed(linked=entries), tmp_path / "NOTICE")
