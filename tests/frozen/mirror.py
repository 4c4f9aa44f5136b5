"""A mirror of Debian packages on this machine, which may offer any versions: the real apt reads it."""

from __future__ import annotations

import platform
import subprocess
from collections.abc import Mapping
from pathlib import Path

PACKAGE = """\
Package: {name}
Architecture: {architecture}
Version: {version}
Maintainer: nobody
Filename: pool/{name}.deb
Size: 1
SHA256: 0000000000000000000000000000000000000000000000000000000000000000
Description: a package
"""


def make_mirror(folder: Path, versions: Mapping[str, str], architecture: str = "", trusted: bool = True) -> Path:
    """Makes a mirror with these versions of packages, underscores for hyphens, for this machine's architecture if none
    is given. It has no signature, and is used only if it is `trusted`. Returns a configuration for the variable
    APT_CONFIG that makes it the only one."""
    codename = platform.freedesktop_os_release()["VERSION_CODENAME"]
    asked = subprocess.run(["dpkg", "--print-architecture"], capture_output=True, text=True, check=True)
    architecture = architecture or asked.stdout.strip()
    main = folder / "mirror" / "dists" / codename / "main"
    lists = {
        f"binary-{architecture}/Packages": "\n".join(
            PACKAGE.format(name=name.replace("_", "-"), architecture=architecture, version=version)
            for name, version in versions.items()
        ),
        "source/Sources": "",
    }
    for name, content in lists.items():
        (main / name).parent.mkdir(parents=True)
        (main / name).write_text(content)
    (main.parent / "Release").write_text(f"Codename: {codename}\nSuite: {codename}\nComponents: main\n")

    apt = folder / "apt"
    for name in ("lists/partial", "cache/archives/partial", "parts"):
        (apt / name).mkdir(parents=True)
    mark = "[trusted=yes] " if trusted else ""
    (apt / "sources.list").write_text(f"deb {mark}file:{folder / 'mirror'} {codename} main\n")
    (apt / "status").write_text("")
    configuration = {
        "Dir::Etc::SourceList": apt / "sources.list",
        "Dir::Etc::SourceParts": apt / "parts",
        "Dir::State::Lists": apt / "lists",
        "Dir::State::Status": apt / "status",
        "Dir::Cache": apt / "cache",
        "APT::Sandbox::User": "root",
    }
    file = apt / "apt.conf"
    file.write_text("".join(f'{name} "{value}";\n' for name, value in configuration.items()))
    return file
