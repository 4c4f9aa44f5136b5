"""A release runs the build's commands. It imports nothing of build/ but what both share, and neither imports tests.
The manual is made from the program's tables; nothing else reads the program."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from tests.support.variants import ROOT

SHARED = ("build.platform", "build.shared")
ALLOWED = {"release": ("release", *SHARED), "build": ("build",)}
TABLES = ("probe.__version__", "probe.cli.flag_table", "probe.cli.options", "probe.cli.usage", "probe.tfs.exit_codes")
OURS = ("build", "probe", "release", "tests")
MODULES = sorted([*(ROOT / "release").rglob("*.py"), *(ROOT / "build").rglob("*.py")])


def imported(file: Path) -> set[str]:
    """Returns the modules of this repository that a file imports, as far as the file tells modules from names."""
    found = set()
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.ImportFrom):
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
        elif isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
    return {name for name in found if name.partition(".")[0] in OURS}


@pytest.mark.parametrize("file", MODULES, ids=lambda file: str(file.relative_to(ROOT)))
def test_imports(file: Path) -> None:
    folder = file.relative_to(ROOT).parts[0]
    if file.is_relative_to(ROOT / "build" / "launcher") or file.name == "checkout.py":
        return  # the program's entry, and the place that reads the version
    tables = TABLES if file.is_relative_to(ROOT / "build" / "manual") else ()
    allowed = tuple(f"{name}." for name in (*ALLOWED[folder], *tables))
    assert {name for name in imported(file) if not f"{name}.".startswith(allowed)} == set()
