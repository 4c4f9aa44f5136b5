"""The case table on an executable that was not built here."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.platforms.released import main


@pytest.mark.parametrize("arguments", [[], [""], ["/nowhere/executable"], ["/tmp"]])
def test_an_executable_that_is_not_there_is_refused(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(arguments) == 2
    place = Path(arguments[0]) if arguments else Path()
    said = f"There is no executable at {place}: name one, as in make cases FILE=dist/…\n"
    assert capsys.readouterr().err == said
