"""Copies of the checkout, to build in other folders."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

from build.platform import LINUX_AMD64, Platform
from tests.support.variants import ROOT, VERSION


def copy_checkout(to: Path) -> Path:
    """Copies all files that git tracks or would add, as they are in the working tree, and the history."""
    listed = subprocess.run(
        ["git", "-C", ROOT, "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        check=True,
        capture_output=True,
    )
    shutil.copytree(ROOT / ".git", to / ".git", symlinks=True)
    for name in os.fsdecode(listed.stdout).split("\0"):
        if name and (ROOT / name).exists():  # one that was deleted is still listed
            (to / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, to / name, follow_symlinks=False)
    return to


def share_cache(checkout: Path) -> None:
    """Makes a copy use the CPython that was compiled for this checkout, and the sysroots."""
    (checkout / ".cache").mkdir()
    for name in ("python", "sysroot"):
        (ROOT / ".cache" / name).mkdir(exist_ok=True)
        (checkout / ".cache" / name).symlink_to(ROOT / ".cache" / name)


def freeze(checkout: Path, out: Path, env: dict[str, str] | None = None, platform: Platform = LINUX_AMD64) -> str:
    """Builds the executable there. Returns its SHA-256."""
    done = subprocess.run(
        [sys.executable, "-m", "build.freeze", out, platform.name],
        cwd=checkout,
        env=os.environ | (env or {}),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return hashlib.sha256((out / platform.executable(VERSION)).read_bytes()).hexdigest()
