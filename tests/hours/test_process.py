"""10,000 calls in one process: memory, descriptors and threads stay flat."""

from __future__ import annotations

import sys
from pathlib import Path

from tests.hours import loop
from tests.hours.figures import assert_flat
from tests.support.runner import clean_environment
from tests.support.variants import ROOT


def test_an_ordinary_python() -> None:
    assert_flat([sys.executable, str(Path(loop.__file__))], clean_environment({"PYTHONPATH": str(ROOT)}))
