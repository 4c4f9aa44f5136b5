"""The source of CPython, as the distribution packages it: fetched once, unpacked, and never changed.

It is kept in .cache/python/. The version is that of the interpreter that runs the build, because its bytecode has to be
that of the CPython that is linked in.
"""

from __future__ import annotations

import re
import shutil
import sys
from pathlib import Path
from typing import NamedTuple

from build import apt
from build.command import BuildError, run
from build.shared.checkout import unpacked_source
from build.shared.debian import is_older, newest_first

PYTHON = f"python{sys.version_info.major}.{sys.version_info.minor}"
CACHE = unpacked_source(PYTHON, "VERSION").parent


class Source(NamedTuple):
    """An unpacked source package."""

    version: str
    """The distribution's."""
    folder: Path


def source() -> Source:
    """Returns the newest source that is unpacked here, or else the newest that the distribution's mirror holds. Raises
    BuildError."""
    prefix, suffix = unpacked_source(PYTHON, "VERSION").name.split("VERSION")
    known = [file.name.removeprefix(prefix).removesuffix(suffix) for file in CACHE.glob(f"{prefix}*{suffix}")]
    for version in newest_first(known):
        return Source(version, unpacked_source(PYTHON, version))
    CACHE.mkdir(parents=True, exist_ok=True)
    options = apt.updated(CACHE / "apt", "deb-src")
    refused = []
    for version in _versions(options):
        download = CACHE / "download"
        try:
            description = _fetch(version, options, download)
        except BuildError as error:
            # A mirror may list a security update that it does not hold any more, or not yet.
            refused.append(str(error))
            continue
        unpacked = unpacked_source(PYTHON, version)
        run("dpkg-source", "--no-check", "-x", description, download / "unpacked")
        (download / "unpacked").rename(unpacked)
        shutil.rmtree(download)
        return Source(version, unpacked)
    raise BuildError(f"the distribution's mirror holds no source of {PYTHON}:\n" + "\n".join(refused))


def update(version: str, apt_options: tuple[str, ...]) -> str | None:
    """Returns the newest version of the source that the mirror holds, if that is newer than this one. Raises
    BuildError."""
    for candidate in _versions(apt_options):
        if not is_older(version, candidate):
            break
        try:
            _fetch(candidate, apt_options, CACHE / "download", "--dsc-only")
        except BuildError:
            continue
        finally:
            shutil.rmtree(CACHE / "download", ignore_errors=True)
        return candidate
    return None


def _fetch(version: str, apt_options: tuple[str, ...], download: Path, *how: str) -> Path:
    """Downloads a source package into a new folder and returns its description, the .dsc. Raises BuildError."""
    shutil.rmtree(download, ignore_errors=True)
    download.mkdir(parents=True)
    wanted = f"{PYTHON}={version}"
    run("apt-get", *apt_options, "source", "--download-only", *how, "-qq", "--only-source", wanted, cwd=download)
    (description,) = download.glob("*.dsc")
    return description


def _versions(apt_options: tuple[str, ...]) -> list[str]:
    """Returns the versions of the source package that the mirror lists, the newest first."""
    listed = run("apt-cache", *apt_options, "showsrc", "--only-source", PYTHON)
    return newest_first(re.findall(r"^Version: (\S+)", listed, re.MULTILINE))
