"""-serve beside a server whose name gets another address: a network of its own, in which `renamed.py` plays it."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.program.renamed import NAME, NETWORK, WAYS
from tests.support.nameserver import run_in_network
from tests.support.variants import Variant, on_each_interpreter


@pytest.mark.parametrize("way", WAYS)
@on_each_interpreter
def test_the_name_is_asked_again(variant: Variant, tmp_path: Path, way: str) -> None:
    played = (sys.executable, "-m", "tests.program.renamed", str(tmp_path), way)
    asked = run_in_network(NETWORK, variant, tmp_path, wrapper=played)
    assert asked.outcome.exit_code == 0, asked.outcome.stderr
    assert (NAME, "A") in asked.questions
