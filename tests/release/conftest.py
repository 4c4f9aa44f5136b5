"""Fixtures for the tests of a release."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.flavours import FROZEN, VERSION, built

BUILDINFO = FROZEN.with_name(f"tfs_model_status_probe_{VERSION}.buildinfo")


@pytest.fixture
def buildinfo() -> Path:
    """The executable's own."""
    built("frozen")
    return BUILDINFO


@pytest.fixture
def changed(buildinfo: Path, tmp_path: Path) -> Callable[..., Path]:
    """Makes a buildinfo that differs from the executable's: fields, and entries beside those of `linked`."""

    def change(*entries: dict[str, Any], **fields: object) -> Path:
        found = json.loads(buildinfo.read_text()) | fields
        found["linked"] += entries
        file = tmp_path / "changed.buildinfo"
        file.write_text(json.dumps(found))
        return file

    return change
