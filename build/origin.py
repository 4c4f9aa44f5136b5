"""What is built: the version, from its one place, the commit, and its time."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def version() -> str:
    """The program's version. Raises ValueError where there is none."""
    found = re.search(r'^__version__ = "(.+)"', (ROOT / "probe" / "__init__.py").read_text(), re.MULTILINE)
    if not found:
        raise ValueError("probe/__init__.py has no __version__")
    return found[1]


def commit() -> str:
    """The commit, marked where the tree differs from it. Raises CalledProcessError outside of a checkout."""
    described = ["git", "-C", str(ROOT), "describe", "--always", "--dirty", "--exclude=*", "--abbrev=12"]
    return subprocess.run(described, capture_output=True, text=True, check=True).stdout.strip()


def epoch() -> int:
    """The time that what is built bears, in seconds since 1970: SOURCE_DATE_EPOCH, by default the commit's. Raises
    CalledProcessError outside of a checkout."""
    given = os.environ.get("SOURCE_DATE_EPOCH")
    if given:
        return int(given)
    command = ["git", "-C", str(ROOT), "log", "-1", "--format=%ct"]
    return int(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
