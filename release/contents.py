"""The contents of a release's files, as far as verifying them needs: read by other tools than those that wrote them."""

from __future__ import annotations

import io
import os
import shutil
import subprocess
import sys
import tarfile
import venv
import zipfile
from pathlib import Path
from typing import NamedTuple

import rpmfile

from build.platform import Platform
from release.assets import Assets
from release.checkout import ReleaseError, run


class Package(NamedTuple):
    """A package's metadata, and its files by their paths, which begin with a slash."""

    name: str
    version: str
    architecture: str
    files: dict[str, bytes]


def deb(file: Path) -> Package:
    """Reads a Debian package with Debian's own tool. Raises ReleaseError, OSError or TarError for a damaged one."""
    name, version, architecture = (
        run("dpkg-deb", "--field", file, field).strip() for field in ("Package", "Version", "Architecture")
    )
    done = subprocess.run(["dpkg-deb", "--fsys-tarfile", str(file)], capture_output=True, check=True)
    with tarfile.open(fileobj=io.BytesIO(done.stdout)) as archive:
        opened = {member.name: archive.extractfile(member) for member in archive if member.isfile()}
        files = {f"/{path.removeprefix('./')}": it.read() for path, it in opened.items() if it}
    return Package(name, version, architecture, files)


def rpm(file: Path) -> Package:
    """Reads an RPM package. Raises rpmfile's and the standard library's errors for a damaged one."""
    with rpmfile.open(file) as archive:
        name, version, architecture = (archive.headers[field].decode() for field in ("name", "version", "arch"))
        members = [member.name for member in archive.getmembers() if not member.isdir]
        files = {f"/{path.removeprefix('./')}": archive.extractfile(path).read() for path in members}
    return Package(name, version, architecture, files)


def version_of(*command: str | Path) -> str:
    """Returns what a form of the program prints with -version. Raises ReleaseError."""
    return run(*command, "-version").strip()


def emulator(platform: Platform) -> tuple[str, ...]:
    """Returns the command that runs the platform's executables here; empty on the platform itself, which the kernel
    calls what rpm calls it. Raises ReleaseError where there is no such command."""
    if not platform.emulator or os.uname().machine == platform.rpm:
        return ()
    if not shutil.which(platform.emulator[0]):
        raise ReleaseError(f"{platform.emulator[0]} is missing: apt-get install qemu-user-static")
    return platform.emulator


def install(file: Path, scratch: Path) -> Path:
    """Installs the wheel without a network. Returns the program's command. Raises ReleaseError."""
    venv.create(scratch, with_pip=False)
    pip = (sys.executable, "-m", "pip", "--disable-pip-version-check", "--python", scratch / "bin" / "python")
    run(*pip, "install", "--quiet", "--no-index", "--no-deps", file)
    return scratch / "bin" / "tfs_model_status_probe"


def wheel(file: Path) -> dict[str, bytes]:
    """Returns a wheel's files, with its list of files sorted. Raises BadZipFile."""
    with zipfile.ZipFile(file) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    return {
        name: b"".join(sorted(content.splitlines(keepends=True))) if name.endswith("/RECORD") else content
        for name, content in files.items()
    }


def wheel_from_sdist(assets: Assets, scratch: Path) -> Path:
    """Builds a wheel from the source distribution. Raises ReleaseError."""
    options = ("--quiet", "--no-index", "--no-deps", "--no-build-isolation", "--wheel-dir", scratch)
    pip = (sys.executable, "-m", "pip", "--disable-pip-version-check", "wheel")
    run(*pip, *options, assets.sdist)
    return scratch / assets.wheel.name


def runnable(file: Path, scratch: Path) -> Path:
    """Returns a copy that may be executed; a downloaded file may not."""
    copy = scratch / file.name
    copy.write_bytes(file.read_bytes())
    os.chmod(copy, 0o755)
    return copy
