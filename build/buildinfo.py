"""What the executable is made of, for people, for scanners and for the next build: a JSON file beside it.

The linker's map says what is in it: an archive is listed if the linker kept something of it, with the number of members
that it took something from. The package manager says which package the archive belongs to. The same commit and packages
give the same bytes: everything is sorted, and neither the time nor a folder of the machine appears.

    name, version, commit   of the program, as `-version` prints them
    date                    of the commit, in UTC
    executable              its name, sha256 and size in bytes
    distribution            id, version and codename of what it was built on; the architecture is its packages'
    linked                  by source package: name, source, version (the distribution's), upstream (its own),
                            licence (SPDX), packages (of the archives; none for CPython, which is compiled from its
                            source), archives with members taken. An archive without a package has its SHA-256 as
                            version.
    built_with              what else the bytes depend on: deb and pypi packages with versions, files of no package, and
                            what CPython's configure found on the machine, as the SHA-256 of its pyconfig.h
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import os
import platform
import re
import shutil
import sys
from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from build.command import BuildError, run
from build.platform import PROGRAM
from build.python_object import Python
from build.python_source import PYTHON
from build.shared.checkout import VERSION, commit, epoch
from build.toolchain import Toolchain

# Source packages that may be linked in: their common names, and the licence of what is taken from them. Before adding
# another, read what its licence asks for, and write that into NOTICE.
KNOWN = {
    r"python3\.\d+": ("CPython", "PSF-2.0"),
    r"gcc-\d+": ("GCC runtime library", "GPL-3.0-or-later WITH GCC-exception-3.1"),
    r"glibc": ("glibc", "LGPL-2.1-or-later"),
    r"libzstd": ("Zstandard", "BSD-3-Clause OR GPL-2.0-only"),
    r"openssl": ("OpenSSL", "Apache-2.0"),
    r"zlib": ("zlib", "Zlib"),
}
# A line of the map: address, size and origin of a part of a section.
PART = re.compile(r"0x([0-9a-f]+) +0x([0-9a-f]+) (/.+?)(?:\(([^()/]+)\))?$", re.MULTILINE)
# Programs that produce bytes, and headers that CPython is compiled with: the versions of their packages are recorded.
PROGRAMS = ("cc1", "lto1", "as", "ld", "objcopy", "strip")
HEADERS = Path("usr", "include", "linux", "version.h")
PYPI = ("pyinstaller",)


def write(
    to: Path, executable: Path, name: str, link_map: Path, python: Python, tools: Toolchain
) -> list[dict[str, Any]]:
    """Writes the file, and returns its list of what is linked in. `name` is the executable's when it is in its place;
    `link_map` what the linker wrote, in the folder of the program's own objects. Raises BuildError."""
    content = executable.read_bytes()
    parts = linked(taken(link_map.read_text()), link_map.parent, python, tools)
    found = {
        "name": PROGRAM,
        "version": VERSION,
        "commit": commit(),
        "date": datetime.fromtimestamp(epoch(), timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "executable": {"name": name, "sha256": hashlib.sha256(content).hexdigest(), "size": len(content)},
        "distribution": _distribution(tools),
        "linked": parts,
        "built_with": _built_with(python, tools),
    }
    to.write_text(json.dumps(found, indent=2) + "\n")
    return parts


def taken(link_map: str) -> dict[Path, int]:
    """Returns the files of which the linker kept something, by its map, and of how many members; 1 for an object."""
    _, heading, placed = link_map.partition("\nLinker script and memory map\n")
    if not heading:
        raise BuildError("the linker's map has no memory map; the build understands only that of GNU ld")
    members: defaultdict[Path, set[str]] = defaultdict(set)
    for address, size, file, member in PART.findall(placed):
        # Parts that are not loaded, such as comments, have no address.
        if int(address, 16) and int(size, 16):
            members[Path(file).resolve()].add(member)
    return {file: len(names) for file, names in members.items()}


def linked(files: Mapping[Path, int], own: Path, python: Python, tools: Toolchain) -> list[dict[str, Any]]:
    """Returns the files by source package, without the program's own."""
    entries: dict[str, dict[str, Any]] = {}
    for file, members in sorted(files.items()):
        is_python = file.name == python.object.name  # in a copy that has its functions in another order
        if file.is_relative_to(own.resolve()) and not is_python:
            continue
        package = None if is_python else tools.owner(file)
        if is_python:
            key, entry = PYTHON, _entry(PYTHON, python.version)
        elif package:
            key, entry = package.source, _entry(package.source, package.source_version)
        else:
            key, entry = file.name, _unpackaged(file)
        entry = entries.setdefault(key, entry)
        entry["archives"][file.name] = members
        if package and package.name not in entry["packages"]:
            entry["packages"] = sorted([*entry["packages"], package.name])
    return sorted(entries.values(), key=lambda entry: str(entry["name"]).lower())


def _entry(source: str, version: str) -> dict[str, Any]:
    """Returns the entry of a source package. Raises BuildError for an unknown one."""
    for pattern, (name, licence) in KNOWN.items():
        if re.fullmatch(pattern, source):
            return _fields(name, source, version, upstream(version), licence)
    raise BuildError(
        f"the linker took something from {source}, which is not expected: read what its licence asks for, "
        "write that into NOTICE, and add the package to build/buildinfo.py"
    )


def _unpackaged(file: Path) -> dict[str, Any]:
    """Returns the entry of a library that was built by hand, as in NOTICE's recipe for a changed C library."""
    return _fields(file.name, None, f"sha256:{hashlib.sha256(file.read_bytes()).hexdigest()}", None, None)


def _fields(name: str, source: str | None, version: str, upstream: str | None, licence: str | None) -> dict[str, Any]:
    return {
        "name": name,
        "source": source,
        "version": version,
        "upstream": upstream,
        "licence": licence,
        "packages": [],
        "archives": {},
    }


def upstream(version: str) -> str:
    """Returns the upstream version in one of Debian's, whose grammar is in deb-version(7): without the epoch, the
    revision, and marks for removed files. `1:1.3.dfsg+really1.3.1-1` is 1.3.1."""
    without = re.sub(r"^\d+:", "", version).rpartition("-")[0] or re.sub(r"^\d+:", "", version)
    return re.split(r"[.+~](?:dfsg|ds)", without.rpartition("+really")[2])[0]


def _built_with(python: Python, tools: Toolchain) -> dict[str, Any]:
    """Returns everything that the bytes depend on, beside what is linked in."""
    gcc = tools.program("gcc")
    programs = [run(gcc, f"-print-prog-name={name}").strip() for name in PROGRAMS]
    found = (shutil.which(name) or name for name in (gcc, *programs, *tools.platform.emulator[:1]))
    packages, files = _packages([*found, str(tools.root / HEADERS), sys.executable], tools)
    return {
        "deb": packages,
        "pypi": {name: importlib.metadata.version(name) for name in PYPI},
        "files": files,
        "pyconfig.h": f"sha256:{hashlib.sha256((python.include / 'pyconfig.h').read_bytes()).hexdigest()}",
    }


def _packages(files: Iterable[str], tools: Toolchain) -> tuple[dict[str, str], dict[str, str]]:
    """Returns the versions of the packages that files belong to, and the sums of files that belong to none."""
    packages, others = {}, {}
    for file in map(Path, map(os.path.realpath, files)):
        package = tools.owner(file)
        if package:
            packages[package.name] = package.version
        else:
            others[file.name] = f"sha256:{hashlib.sha256(file.read_bytes()).hexdigest()}"
    return dict(sorted(packages.items())), dict(sorted(others.items()))


def _distribution(tools: Toolchain) -> dict[str, str]:
    """Returns fields of os-release(5), without the point release, because packages have versions of their own."""
    release = platform.freedesktop_os_release()
    return {
        "id": release["ID"],
        "version": release.get("VERSION_ID", ""),
        "codename": release.get("VERSION_CODENAME", ""),
        "architecture": tools.platform.deb,
    }
