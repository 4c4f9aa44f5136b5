"""README's tables of flags and exit codes, compared row by row with the program's."""

from __future__ import annotations

import re

import pytest

from probe.cli.flag_table import FLAGS, Flag
from probe.cli.usage import render_value
from probe.tfs.exit_codes import TABLE
from tests.documents.reading import DOCUMENTS, read
from tests.support.variants import ROOT, VERSION

README = (ROOT / "README.md").read_text()
WIDTH = 120
WIDE = ("release/README.md",)  # tables for maintainers


def table(head: str) -> list[str]:
    """The rows of the table that begins with this line."""
    return README.split(head + "\n", 1)[1].split("\n\n", 1)[0].splitlines()[1:]


def row(*cells: str) -> str:
    return "|" + "".join(f" {cell} |" if cell else " |" for cell in cells)


def flag_row(flag: Flag) -> str:
    default = f"`{render_value(flag, flag.default).strip(chr(34))}`" if flag.default else ""
    return row(f"`-{flag.name} {flag.metavar}".rstrip() + "`", default, flag.help)


def test_flags() -> None:
    assert table("| flag | default | meaning |") == [flag_row(flag) for flag in FLAGS.values()]


def test_exit_codes() -> None:
    assert table("| code | meaning | what to check |") == [row(str(code), *texts) for code, _, *texts in TABLE]


def test_flags_that_no_variable_sets_are_named() -> None:
    names = " and ".join(f"`-{flag.name}`" for flag in FLAGS.values() if not flag.from_environment)
    assert f"every flag except {names} can be set" in README


def test_the_version_is_the_programs() -> None:
    assert set(re.findall(r"tfs_model_status_probe_(\d+\.\d+\.\d+)", README)) == {VERSION}


@pytest.mark.parametrize("document", [document for document in DOCUMENTS if document not in WIDE])
def test_no_line_is_too_long(document: str) -> None:
    """Links cannot be broken."""
    assert [line for line in read(document).splitlines() if len(line) > WIDTH and "://" not in line] == []
