"""release/ and build/ do not know each other, nor the tests: a release runs the build's commands."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from tests.flavours import ROOT

BUILD = {file.stem for file in (ROOT / "build").glob("*.py")} | {"build"}
MODULES = sorted([*(ROOT / "release").rglob("*.py"), *(ROOT / "build").rglob("*.py")])


def imported(file: Path) -> set[str]:
    """The outermost names of the modules that a file imports."""
    found = set()
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.ImportFrom):
            found.add((node.module or "").partition(".")[0])
        elif isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
    return found


@pytest.mark.parametrize("file", MODULES, ids=lambda file: str(file.relative_to(ROOT)))
def test_imports(file: Path) -> None:
    room = file.relative_to(ROOT).parts[0]
    forbidden = {"release": {"tests", "probe"} | BUILD, "build": {"tests", "release"}}
    assert not imported(file) & forbidden[room]
