"""The checkout that is built: its version, its commit, and the time of that commit."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from probe import __version__

ROOT = Path(__file__).resolve().parent.parent.parent
VERSION = __version__
"""The program's version. `probe/__init__.py` is the only place that states it."""
SYSROOTS = ROOT / ".cache" / "sysroot"
"""Where the build keeps the libraries of other platforms than this machine's, in folders named after these."""


def unpacked_source(package: str, version: str) -> Path:
    """Returns where the build keeps a source package of the distribution."""
    return ROOT / ".cache" / "python" / f"{package}_{version}.unpacked"


def commit(root: Path = ROOT) -> str:
    """Returns the commit, marked as dirty where the tree differs from it. Raises CalledProcessError outside of a
    checkout."""
    command = ["git", "-C", str(root), "describe", "--always", "--dirty", "--exclude=*", "--abbrev=12"]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def epoch() -> int:
    """Returns the timestamp of everything that is built, in seconds since 1970: SOURCE_DATE_EPOCH, by default the
    commit's. Raises CalledProcessError outside of a checkout."""
    given = os.environ.get("SOURCE_DATE_EPOCH")
    if given:
        return int(given)
    command = ["git", "-C", str(ROOT), "log", "-1", "--format=%ct"]
    return int(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
