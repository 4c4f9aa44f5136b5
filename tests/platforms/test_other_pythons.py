"""Which Pythons the case table is run on."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

from tests.platforms.other_pythons import SUPPORTED, found_here, main, version_of
from tests.support.variants import ROOT


def test_the_oldest_is_the_one_that_the_package_requires() -> None:
    requires = re.search(r'^requires-python = ">=(.+)"$', (ROOT / "pyproject.toml").read_text(), re.MULTILINE)
    assert requires
    assert SUPPORTED[0] == requires[1]


def test_those_that_are_here_are_found_once() -> None:
    found = dict(found_here())
    minors = [version.rpartition(".")[0] for version in found]
    assert minors == [version for version in SUPPORTED if version in minors]
    assert all(version_of(python) == version for version, python in found.items())


@pytest.mark.parametrize("python", ["/nowhere/python3", "/bin/false"])
def test_a_python_that_does_not_work_is_refused(python: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert version_of(Path(python)) is None
    assert main([sys.executable, python]) == 2  # before the table is run for the first
    assert "name one, as in make cases WITH=/path/to/python3.13" in capsys.readouterr().err
