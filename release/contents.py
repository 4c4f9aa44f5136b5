"""What is in the files of a release, as far as it is needed to verify them: read by other tools than wrote them."""

from __future__ import annotations

import io
import os
import subprocess
import sys
import tarfile
import venv
import zipfile
from pathlib import Path
from typing import NamedTuple

import rpmfile

from release.assets import Assets
from release.checkout import run


class Package(NamedTuple):
    """What a package says about itself, and its files by their paths, which begin with a slash."""

    name: str
    version: str
    architecture: str
    files: dict[str, bytes]


def deb(file: Path) -> Package:
    """A Debian package, by Debian's own tool. Raises ReleaseError, and OSError or TarError for one that is damaged."""
    name, version, architecture = (
        run("dpkg-deb", "--field", file, field).strip() for field in ("Package", "Version", "Architecture")
    )
    done = subprocess.run(["dpkg-deb", "--fsys-tarfile", str(file)], capture_output=True, check=True)
    with tarfile.open(fileobj=io.BytesIO(done.stdout)) as archive:
        opened = {member.name: archive.extractfile(member) for member in archive if member.isfile()}
        files = {f"/{path.removeprefix('./')}": it.read() for path, it in opened.items() if it}
    return Package(name, version, architecture, files)


def rpm(file: Path) -> Package:
    """An RPM package. Raises rpmfile's and the standard library's errors for one that is damaged."""
    with rpmfile.open(file) as archive:
        name, version, architecture = (archive.headers[field].decode() for field in ("name", "version", "arch"))
        members = [member.name for member in archive.getmembers() if not member.isdir]
        files = {f"/{path.removeprefix('./')}": archive.extractfile(path).read() for path in members}
    return Package(name, version, architecture, files)


def version_of(*command: str | Path) -> str:
    """What a form of the program says with -version. Raises ReleaseError."""
    return run(*command, "-version").strip()


def install(file: Path, scratch: Path) -> Path:
    """The program's command, installed from its wheel, with nothing from a network. Raises ReleaseError."""
    venv.create(scratch, with_pip=False)
    pip = (sys.executable, "-m", "pip", "--disable-pip-version-check", "--python", scratch / "bin" / "python")
    run(*pip, "install", "--quiet", "--no-index", "--no-deps", file)
    return scratch / "bin" / "tfs_model_status_probe"


def wheel(file: Path) -> dict[str, bytes]:
    """A wheel's files. Raises BadZipFile. The order of its list of files means nothing."""
    with zipfile.ZipFile(file) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    return {
        name: b"".join(sorted(content.splitlines(keepends=True))) if name.endswith("/RECORD") else content
        for name, content in files.items()
    }


def wheel_from_sdist(assets: Assets, scratch: Path) -> Path:
    """The wheel that the source distribution gives. Raises ReleaseError."""
    options = ("--quiet", "--no-index", "--no-deps", "--no-build-isolation", "--wheel-dir", scratch)
    pip = (sys.executable, "-m", "pip", "--disable-pip-version-check", "wheel")
    run(*pip, *options, assets.sdist)
    return scratch / assets.wheel.name


def runnable(file: Path, scratch: Path) -> Path:
    """A copy that may be executed: what is downloaded may not."""
    copy = scratch / file.name
    copy.write_bytes(file.read_bytes())
    os.chmod(copy, 0o755)
    return copy
