"""The files of a release, by the names that the original program's releases gave them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from build import platform
from build.platform import LINUX_AMD64, MANUAL, PROGRAM, Platform
from release.checkout import ReleaseError

NAMING = ("README.md", "Dockerfile.example", "deploy/*")
"""The files that tell users which version to install."""


@dataclass(frozen=True)
class Assets:
    """The assets of a version in a folder, whether they exist or not."""

    folder: Path
    version: str
    platform: Platform = LINUX_AMD64

    @property
    def executable(self) -> Path:
        return self.folder / self.platform.executable(self.version)

    @property
    def zipapp(self) -> Path:
        return self.folder / platform.zipapp(self.version)

    @property
    def wheel(self) -> Path:
        return self.folder / f"{PROGRAM}-{self.version}-py3-none-any.whl"

    @property
    def sdist(self) -> Path:
        return self.folder / f"{PROGRAM}-{self.version}.tar.gz"

    @property
    def deb(self) -> Path:
        return self.folder / self.platform.deb_file(self.version)

    @property
    def rpm(self) -> Path:
        return self.folder / self.platform.rpm_file(self.version)

    @property
    def dockerfile(self) -> Path:
        return self.folder / "Dockerfile"

    @property
    def sbom(self) -> Path:
        return self.folder / f"{PROGRAM}_{self.version}.cdx.json"

    @property
    def buildinfo(self) -> Path:
        return self.folder / self.platform.buildinfo(self.version)

    @property
    def notice(self) -> Path:
        return self.folder / "NOTICE"

    @property
    def manual(self) -> list[Path]:
        """The man page, and the completions of bash, zsh and fish."""
        return [self.folder / name for name in MANUAL]

    @property
    def checksums(self) -> Path:
        return self.folder / "checksums.txt"

    @property
    def built(self) -> list[Path]:
        """What depends only on the commit and the packages of the distribution."""
        packages = [self.wheel, self.sdist, self.deb, self.rpm]
        return [self.executable, self.zipapp, *packages, *self.manual, self.sbom, self.buildinfo, self.notice]

    @property
    def all(self) -> list[Path]:
        """Everything that is published."""
        return [*self.built, self.dockerfile, self.checksums]


def assets_in(folder: Path) -> Assets:
    """Returns the assets in a folder, of the version in its executable's name. Raises ReleaseError."""
    if not folder.is_dir():
        raise ReleaseError(f"{folder} does not exist: name a folder with the files of a release")
    pattern = re.escape(LINUX_AMD64.executable("VERSION")).replace("VERSION", r"(\d+\.\d+\.\d+)")
    names = [re.fullmatch(pattern, file.name) for file in folder.iterdir()]
    versions = [name[1] for name in names if name]
    if len(versions) != 1:
        found = f"those of {', '.join(sorted(versions))}" if versions else "none"
        wanted = LINUX_AMD64.executable("X.Y.Z")
        raise ReleaseError(f"{folder} must contain one executable, {wanted}, and contains {found}")
    return Assets(folder, versions[0])
