"""Linked packages for which the distribution offers a newer version: `python -m build.outdated BUILDINFO`.

A static executable keeps what it was linked with. So `make freeze` names packages that are outdated by the lists that
apt has on this machine, and a release refuses them, by lists that are fetched for that.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from build import apt
from build.command import BuildError
from build.platform import PLATFORMS, Platform
from build.python_source import CACHE, PYTHON, update
from build.shared.debian import is_older


class Outdated(NamedTuple):
    """A linked package, with the version that is linked in and the one that the distribution offers."""

    name: str
    linked: str
    offered: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.name} {self.linked} is linked in; the distribution offers {self.offered}: {self.remedy}"


def outdated(linked: Iterable[Mapping[str, Any]], platform: Platform) -> list[Outdated]:
    """Returns what is outdated in a buildinfo's list of what is linked in, by the lists that apt has here: they are of
    this machine's packages, whose sources are also those of other platforms' packages."""
    return _packages(linked, platform, ()) + _python(linked, _candidate(PYTHON, ()))


def outdated_by_the_mirror(linked: Iterable[Mapping[str, Any]], platform: Platform) -> list[Outdated]:
    """Returns the same by freshly fetched lists of the platform's packages. Of CPython a version counts if the mirror
    holds its source. Raises BuildError."""
    options = apt.updated(CACHE / "apt", "deb", "deb-src", options=apt.architecture(platform.deb))
    sources = [part["version"] for part in linked if part["source"] == PYTHON]
    return _packages(linked, platform, options) + _python(linked, update(sources[0], options) if sources else None)


def _packages(linked: Iterable[Mapping[str, Any]], platform: Platform, options: Sequence[str]) -> list[Outdated]:
    found = []
    for part in linked:
        for package in part["packages"]:
            offered = _candidate(package, options)
            if offered and is_older(part["version"], offered):
                newer = f"remove .cache/sysroot/{platform.name}" if platform.emulator else f"apt-get install {package}"
                remedy = f"{newer}, and build again"
                found.append(Outdated(package, part["version"], offered, remedy))
    return found


def _python(linked: Iterable[Mapping[str, Any]], offered: str | None) -> list[Outdated]:
    return [
        Outdated(PYTHON, part["version"], offered, "remove .cache/python, and build again")
        for part in linked
        if part["source"] == PYTHON and offered and is_older(part["version"], offered)
    ]


def _candidate(package: str, options: Sequence[str]) -> str | None:
    """Returns the source version of the package that apt would install, or None where apt knows of none."""
    command = ["apt-cache", *options, "--no-all-versions", "show", package]
    shown = subprocess.run(command, capture_output=True, text=True, check=False).stdout
    version = re.search(r"^Source: \S+ \((\S+)\)$", shown, re.MULTILINE) or re.search(
        r"^Version: (\S+)$", shown, re.MULTILINE
    )
    return version[1] if version else None


def main(argv: Sequence[str] | None = None) -> int:
    """Prints what is outdated, one package a line. The exit code is 1 if there is any."""
    arguments = sys.argv[1:] if argv is None else argv
    if len(arguments) != 1:
        print("usage: python -m build.outdated BUILDINFO", file=sys.stderr)
        return 2
    try:
        made = json.loads(Path(arguments[0]).read_text())
        platform = next(row for row in PLATFORMS if row.deb == made["distribution"]["architecture"])
        found = outdated_by_the_mirror(made["linked"], platform)
    except BuildError as error:
        print(error, file=sys.stderr)
        return 2
    print("\n".join(map(str, found)), end="\n" if found else "")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
