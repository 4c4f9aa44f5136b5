"""What the distribution's package manager knows of files and versions."""

from __future__ import annotations

import functools
import json
import subprocess
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

SYSROOT_INDEX = "packages.json"
"""In a sysroot: the fields of its packages, and what belongs to them."""


class Package(NamedTuple):
    """An installed package."""

    name: str
    version: str
    source: str
    source_version: str


def installed(name: str) -> Package | None:
    """Returns an installed package, or None."""
    form = "--showformat=${Package}\t${Version}\t${source:Package}\t${source:Version}"
    done = subprocess.run(["dpkg-query", "--show", form, name], capture_output=True, text=True, check=False)
    return Package(*done.stdout.split("\t")) if done.returncode == 0 else None


def unpacked(sysroot: Path, name: str) -> Package | None:
    """Returns a package that the build unpacked into a sysroot, or None."""
    index = sysroot / SYSROOT_INDEX
    found = json.loads(index.read_text())["packages"].get(name) if index.exists() else None
    return Package(**found) if found else None


def owner(file: Path) -> Package | None:
    """Returns the installed package that a file belongs to, or None."""
    # Where /lib is a link to /usr/lib, the package may still list the file under its old name.
    for name in (str(file), str(file).removeprefix("/usr")):
        done = subprocess.run(["dpkg-query", "--search", name], capture_output=True, text=True, check=False)
        for line in done.stdout.splitlines():
            if not line.startswith("diversion by "):
                return installed(line.rpartition(": ")[0].split(", ")[0])
    return None


def is_older(one: str, other: str) -> bool:
    """Returns whether one version of a package comes before another."""
    return subprocess.run(["dpkg", "--compare-versions", one, "lt", other], check=False).returncode == 0


def newest_first(versions: Iterable[str]) -> list[str]:
    """Returns the versions without duplicates, the newest first."""
    return sorted(dict.fromkeys(versions), key=functools.cmp_to_key(_compare), reverse=True)


def _compare(one: str, other: str) -> int:
    return is_older(other, one) - is_older(one, other)
