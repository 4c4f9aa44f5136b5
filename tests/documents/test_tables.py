"""README's tables are the program's, and lines are short."""

from __future__ import annotations

import re

import pytest

from probe.cli.flag_table import FLAGS
from tests.documents.reading import DOCUMENTS, read
from tests.documents.tables import README, with_tables
from tests.support.variants import VERSION

WIDTH = 120
WIDE = ("release/README.md",)  # tables for maintainers


def test_tables() -> None:
    assert README.read_text() == with_tables(README.read_text()), "run: python -m tests.documents.tables"


def test_flags_that_no_variable_sets_are_named() -> None:
    """In any order."""
    (sentence,) = re.findall(r"every flag except (.+?) can be set", " ".join(README.read_text().split()))
    named = set(re.findall(r"`-([\w-]+)`", sentence))
    assert named == {flag.name for flag in FLAGS.values() if not flag.from_environment}


def test_the_version_is_the_programs() -> None:
    assert set(re.findall(r"tfs_model_status_probe_(\d+\.\d+\.\d+)", README.read_text())) == {VERSION}


@pytest.mark.parametrize("document", [document for document in DOCUMENTS if document not in WIDE])
def test_no_line_is_too_long(document: str) -> None:
    """Links cannot be broken."""
    assert [line for line in read(document).splitlines() if len(line) > WIDTH and "://" not in line] == []
