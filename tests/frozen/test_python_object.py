"""CPython's source is patched in a copy, and the object is made again whenever something that it depends on changes."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from build import python_object, python_patches
from build.command import BuildError
from build.platform import LINUX_AMD64
from build.python_source import source
from build.shared.debian import newest_first
from build.toolchain import toolchain
from tests.support.variants import Variant

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


def source_with(folder: Path, file: str, text: str) -> Path:
    """Makes a source tree with one file."""
    (folder / file).parent.mkdir(parents=True)
    (folder / file).write_text(text)
    return folder


def test_only_the_errors_of_a_connection_keep_their_names(tmp_path: Path) -> None:
    python_patches.shorten_error_names(source_with(tmp_path, "Modules/_ssl_data_300.h", TABLE))
    patched = (tmp_path / "Modules" / "_ssl_data_300.h").read_text()
    assert re.findall(r"#ifdef (\w+)", patched) == ["SSL_R_BAD_LENGTH"]
    assert TABLE.startswith(patched.partition("  #ifdef")[0])


@pytest.mark.parametrize("file", ["Objects/obmalloc.c", "Include/internal/pycore_obmalloc.h"])
def test_arenas_are_smaller(tmp_path: Path, file: str) -> None:
    python_patches.shrink_arenas(source_with(tmp_path, file, "#define ARENA_BITS              20 /* 1 MiB */\n"))
    assert (tmp_path / file).read_text() == "#define ARENA_BITS              18 /* 256 KiB */\n"


@pytest.mark.parametrize(
    ("patch", "file"),
    [
        (python_patches.shorten_error_names, "Modules/_ssl_data.h"),
        (python_patches.shrink_arenas, "Objects/obmalloc.c"),
    ],
)
def test_a_patch_that_finds_nothing_stops_the_build(tmp_path: Path, patch: Callable[[Path], None], file: str) -> None:
    with pytest.raises(BuildError, match=r"^CPython's source has no \S+, which build\.python_patches changes$"):
        patch(tmp_path)
    source_with(tmp_path, file, "/* CPython has changed */\n")
    with pytest.raises(BuildError, match=rf"^{file} of CPython's source has nothing that matches "):
        patch(tmp_path)


def test_the_patches_fit_the_source_and_leave_it_as_it_is(frozen: Variant, tmp_path: Path) -> None:
    """The unpacked source is still the distribution's after the object was made from it."""
    original = source().folder
    copies = {folder: tmp_path / folder for folder in ("Include", "Modules", "Objects", "Python")}
    for folder, copy in copies.items():
        shutil.copytree(original / folder, copy)
    python_patches.apply(tmp_path)
    files = [file.relative_to(tmp_path) for copy in copies.values() for file in copy.rglob("*.[ch]")]
    changed = [file for file in files if (tmp_path / file).read_bytes() != (original / file).read_bytes()]
    assert sum(file.name.startswith("_ssl_data") for file in changed) >= 2
    assert sum("obmalloc" in file.name for file in changed) == 1
    assert Path("Python/import.c") in changed


@pytest.mark.parametrize("file", python_object.RECIPE, ids=lambda file: file.name)
def test_a_changed_recipe_is_another_object(file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tools = toolchain(LINUX_AMD64)
    before = python_object.recipe_hash("3.11.2-6", tools)
    assert python_object.recipe_hash("3.11.2-6", tools) == before
    assert python_object.recipe_hash("3.11.2-7", tools) != before
    other = tools._replace(platform=LINUX_AMD64._replace(name="linux_other"))
    assert python_object.recipe_hash("3.11.2-6", other) != before
    changed = tmp_path / file.name
    changed.write_text(file.read_text() + "\n")
    recipe = tuple(changed if other == file else other for other in python_object.RECIPE)
    monkeypatch.setattr(python_object, "RECIPE", recipe)
    assert python_object.recipe_hash("3.11.2-6", tools) != before


def test_the_recipe_is_everything_that_makes_the_object() -> None:
    assert {file.name for file in python_object.RECIPE} == {
        "python_object.py",
        "python_patches.py",
        "modules.c",
        "close_arenas.c",
    }


def test_versions_are_sorted_as_dpkg_does() -> None:
    versions = ["3.11.2-6+deb12u9", "3.11.2-6", "3.11.2-6+deb12u10", "3.11.2-6~rc1", "1:3.9-1", "3.11.2-6"]
    expected = ["1:3.9-1", "3.11.2-6+deb12u10", "3.11.2-6+deb12u9", "3.11.2-6", "3.11.2-6~rc1"]
    assert newest_first(versions) == expected
