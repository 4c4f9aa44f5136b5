"""The man page and the completions, made as a release makes them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.variants import ROOT


@pytest.fixture(scope="session")
def manual(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder with all four files."""
    folder = tmp_path_factory.mktemp("manual")
    subprocess.run([sys.executable, "-m", "build.manual", str(folder)], cwd=ROOT, check=True)
    return folder
