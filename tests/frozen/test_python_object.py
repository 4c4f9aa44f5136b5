"""CPython's source is patched in a copy, and the object is made again whenever something that it depends on changes."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from build import python_object, python_patches
from build.command import BuildError
from build.python_source import source
from build.shared.debian import newest_first
from tests.flavours import Flavour

TABLE = """\
static struct py_ssl_error_code error_codes[] = {
  #ifdef ASN1_R_ADDING_OBJECT
    {"ADDING_OBJECT", ERR_LIB_ASN1, ASN1_R_ADDING_OBJECT},
  #else
    {"ADDING_OBJECT", 13, 171},
  #endif
  #ifdef SSL_R_BAD_LENGTH
    {"BAD_LENGTH", ERR_LIB_SSL, SSL_R_BAD_LENGTH},
  #else
    {"BAD_LENGTH", 20, 271},
  #endif
    { NULL }
};
"""


def test_only_the_errors_of_a_connection_keep_their_names(tmp_path: Path) -> None:
    (tmp_path / "Modules").mkdir()
    table = tmp_path / "Modules" / "_ssl_data_300.h"
    table.write_text(TABLE)
    python_patches.shorten_error_names(tmp_path)
    assert re.findall(r"#ifdef (\w+)", table.read_text()) == ["SSL_R_BAD_LENGTH"]
    assert TABLE.startswith(table.read_text().partition("  #ifdef")[0])


def test_a_patch_that_finds_nothing_stops_the_build(tmp_path: Path) -> None:
    with pytest.raises(BuildError, match=r"^CPython's source has no Modules/_ssl_data\*\.h, which "):
        python_patches.apply(tmp_path)
    (tmp_path / "Modules").mkdir()
    (tmp_path / "Modules" / "_ssl_data.h").write_text("/* CPython has changed */\n")
    with pytest.raises(BuildError, match=r"^Modules/_ssl_data\.h of CPython's source has nothing that matches "):
        python_patches.apply(tmp_path)


def test_the_patches_fit_the_source_and_leave_it_as_it_is(frozen: Flavour, tmp_path: Path) -> None:
    """The unpacked source is still the distribution's after the object was made from it."""
    found = source()
    tables = {file.name: file.read_text() for file in (found.folder / "Modules").glob("_ssl_data*.h")}
    assert tables
    assert all("#ifdef ASN1_R_" in text for text in tables.values())
    (tmp_path / "Modules").mkdir()
    for name, text in tables.items():
        (tmp_path / "Modules" / name).write_text(text)
    python_patches.shorten_error_names(tmp_path)
    for name, text in tables.items():
        patched = (tmp_path / "Modules" / name).read_text()
        assert 0 < len(patched) < len(text)
        assert "#ifdef ASN1_R_" not in patched


@pytest.mark.parametrize("file", python_object.RECIPE, ids=lambda file: file.name)
def test_a_changed_recipe_is_another_object(file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = python_object.recipe_hash("3.11.2-6")
    assert python_object.recipe_hash("3.11.2-6") == before
    assert python_object.recipe_hash("3.11.2-7") != before
    changed = tmp_path / file.name
    changed.write_text(file.read_text() + "\n")
    recipe = tuple(changed if other == file else other for other in python_object.RECIPE)
    monkeypatch.setattr(python_object, "RECIPE", recipe)
    assert python_object.recipe_hash("3.11.2-6") != before


def test_the_recipe_is_everything_that_makes_the_object() -> None:
    assert {file.name for file in python_object.RECIPE} == {
        "python_object.py",
        "python_patches.py",
        "close_arenas.c",
        "modules.c",
    }


def test_versions_are_sorted_as_dpkg_does() -> None:
    versions = ["3.11.2-6+deb12u9", "3.11.2-6", "3.11.2-6+deb12u10", "3.11.2-6~rc1", "1:3.9-1", "3.11.2-6"]
    expected = ["1:3.9-1", "3.11.2-6+deb12u10", "3.11.2-6+deb12u9", "3.11.2-6", "3.11.2-6~rc1"]
    assert newest_first(versions) == expected
