"""The files of a release, by the names that the original program's releases gave them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from build import platform
from build.platform import MANUAL, PLATFORMS, PROGRAM, Platform
from release.checkout import ReleaseError

NAMING = ("README.md", "Dockerfile.example", "deploy/*")
"""The files that tell users which version to install."""


@dataclass(frozen=True)
class PlatformAssets:
    """The assets of a version for one platform, whether they exist or not."""

    folder: Path
    version: str
    platform: Platform

    @property
    def executable(self) -> Path:
        return self.folder / self.platform.executable(self.version)

    @property
    def deb(self) -> Path:
        return self.folder / self.platform.deb_file(self.version)

    @property
    def rpm(self) -> Path:
        return self.folder / self.platform.rpm_file(self.version)

    @property
    def sbom(self) -> Path:
        return self.folder / f"{self.executable.name}.cdx.json"

    @property
    def buildinfo(self) -> Path:
        return self.folder / self.platform.buildinfo(self.version)

    @property
    def all(self) -> list[Path]:
        return [self.executable, self.deb, self.rpm, self.sbom, self.buildinfo]


@dataclass(frozen=True)
class Assets:
    """The assets of a version in a folder, whether they exist or not."""

    folder: Path
    version: str

    @property
    def platforms(self) -> list[PlatformAssets]:
        """What there is for each platform."""
        return [PlatformAssets(self.folder, self.version, row) for row in PLATFORMS]

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
    def dockerfile(self) -> Path:
        return self.folder / "Dockerfile"

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
        of_platforms = [file for one in self.platforms for file in one.all]
        return [*of_platforms, self.zipapp, self.wheel, self.sdist, *self.manual, self.notice]

    @property
    def all(self) -> list[Path]:
        """Everything that is published."""
        return [*self.built, self.dockerfile, self.checksums]


def assets_in(folder: Path) -> Assets:
    """Returns the assets in a folder, of the version in the names of its executables. Raises ReleaseError."""
    if not folder.is_dir():
        raise ReleaseError(f"{folder} does not exist: name a folder with the files of a release")
    wanted = [row.executable("X.Y.Z") for row in PLATFORMS]
    patterns = [re.escape(name).replace(re.escape("X.Y.Z"), r"(\d+\.\d+\.\d+)") for name in wanted]
    found = [re.fullmatch(pattern, file.name) for pattern in patterns for file in folder.iterdir()]
    versions = sorted({name[1] for name in found if name})
    if len(versions) != 1:
        have = f"those of {' and '.join(versions)}" if versions else "none"
        raise ReleaseError(
            f"{folder} must contain the executables of one version, {' and '.join(wanted)}: it has {have}"
        )
    return Assets(folder, versions[0])
