"""The static libraries and headers of a platform that is not this machine's: packages of the distribution for that
platform, unpacked into a folder of .cache/sysroot/.

They come from the mirrors of the machine, by a private state of apt: their signatures are checked, and the system's
dpkg knows nothing of another architecture. The distribution's own cross packages (`libc6-dev-arm64-cross`) would be
simpler, but get no security updates and contain no OpenSSL; a native build would link what is taken here.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import NamedTuple

from build import apt
from build.command import BuildError, run
from build.platform import Platform
from build.shared.checkout import SYSROOTS
from build.shared.debian import SYSROOT_INDEX, Package

PACKAGES = ("libc6-dev", "libssl-dev", "libzstd-dev", "zlib1g-dev")
"""What apt is asked for, with what these depend on, beside the compiler's own library. Debian 12's OpenSSL has no use
for zstd."""
STATIC = {"libc.a": "libc6-dev", "libssl.a": "libssl-dev", "libcrypto.a": "libssl-dev", "libz.a": "zlib1g-dev"}
"""Libraries without which nothing can be linked, and their packages."""
SHOWN = "--showformat=${Package}\\t${Version}\\t${source:Package}\\t${source:Version}"


class Sysroot(NamedTuple):
    """Unpacked packages."""

    folder: Path
    packages: dict[str, Package]
    """By name."""
    owners: dict[str, str]
    """The names of the packages by what they contain, without the folder."""

    def owner(self, file: Path) -> Package | None:
        """Returns the package that a file of the folder belongs to, or None."""
        name = self.owners.get(str(file.relative_to(self.folder)))
        return self.packages[name] if name else None


def sysroot(platform: Platform, compiler_library: str) -> Sysroot:
    """Returns a platform's sysroot, after making it if it is not there. Raises BuildError, also where a static library
    is missing. `compiler_library` is the package with that of the compiler's version."""
    folder = SYSROOTS / platform.name
    if not (folder / SYSROOT_INDEX).exists():
        _make(folder, platform, (compiler_library, *PACKAGES))
    index = json.loads((folder / SYSROOT_INDEX).read_text())
    packages = {name: Package(**fields) for name, fields in index["packages"].items()}
    for name, package in STATIC.items():
        if not (folder / "usr" / "lib" / platform.triple / name).exists():
            where = f"{package}:{platform.deb}"
            raise BuildError(f"{folder} has no {name}, which is in {where}: remove that folder, and build again")
    return Sysroot(folder.resolve(), packages, index["owners"])


def _make(folder: Path, platform: Platform, wanted: tuple[str, ...]) -> None:
    """Downloads and unpacks the packages into a new folder, which appears whole. Raises BuildError."""
    state, new = folder.with_name(f"{folder.name}.apt"), folder.with_name(f"{folder.name}.new")
    for left in (state, new, folder):
        shutil.rmtree(left, ignore_errors=True)
    (new / "usr" / "lib").mkdir(parents=True)
    (new / "lib").symlink_to("usr/lib")
    packages, owners = {}, {}
    for archive in _download(state, platform, wanted):
        package = Package(*run("dpkg-deb", "--show", SHOWN, archive).split("\t"))
        packages[package.name] = package._asdict()
        owners.update(dict.fromkeys(map(_merged, _unpack(archive, new)), package.name))
    (new / SYSROOT_INDEX).write_text(json.dumps({"packages": packages, "owners": owners}))
    shutil.rmtree(state)
    new.rename(folder)


def _download(state: Path, platform: Platform, wanted: tuple[str, ...]) -> list[Path]:
    """Returns the files of the packages and of all that they depend on. Raises BuildError."""
    state.mkdir(parents=True)
    installed = state / "status"
    installed.touch()
    given = (*apt.architecture(platform.deb), f"-oDir::State::Status={installed}", "-oAPT::Install-Recommends=false")
    options = apt.updated(state, "deb", options=given)
    run("apt-get", *options, "install", "--download-only", "--yes", "-qq", *wanted)
    return sorted((state / "archives").glob("*.deb"))


def _unpack(archive: Path, folder: Path) -> list[str]:
    """Unpacks a package, and returns the names of its files and folders."""
    # dpkg-deb alone would replace a link to a folder, such as /lib, by the folder.
    pipe = 'dpkg-deb --fsys-tarfile "$1" | tar --extract --verbose --keep-directory-symlink --directory "$2"'
    return run("sh", "-c", pipe, "sh", archive, folder).splitlines()


def _merged(name: str) -> str:
    """Returns the name of a file that a package lists, where /lib is a link to /usr/lib."""
    name = name.removeprefix("./")
    return f"usr/{name}" if name.startswith("lib/") else name
