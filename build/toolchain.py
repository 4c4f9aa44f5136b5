"""The programs and libraries that make an executable for a platform: this machine's own, or a cross compiler with a
sysroot, and an emulator that runs what they made."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from build import sysroot
from build.command import BuildError, run
from build.platform import Platform
from build.shared import debian
from build.shared.debian import Package
from build.sysroot import Sysroot

HEADERS = ("libc6-dev", "libssl-dev", "linux-libc-dev", "zlib1g-dev")
"""Packages with the libraries' headers, with which CPython is compiled."""
EMULATOR_PACKAGE = "qemu-user-static"


class Toolchain(NamedTuple):
    """What makes an executable for a platform."""

    platform: Platform
    sysroot: Sysroot | None
    """None: the libraries are this machine's own."""

    def program(self, name: str) -> str:
        """Returns the name of a program of the compiler's or of binutils, such as `strip`."""
        return f"{self.platform.tools}{name}"

    @property
    def gcc(self) -> tuple[str, ...]:
        """The compiler's command, with options that keep it to the sysroot: its own search would come to the
        distribution's cross packages first, where those are installed."""
        command = (self.program("gcc"),)
        if self.sysroot is None:
            return command
        root, triple = self.sysroot.folder, self.platform.triple
        library = f"usr/lib/gcc/{triple}/{run(*command, '-dumpversion').strip()}"
        headers = (f"usr/include/{triple}", "usr/include")
        return (
            *command,
            f"--sysroot={root}",
            *(f"-B{root / folder}/" for folder in (library, f"usr/lib/{triple}")),
            *(f"-isystem{root / folder}" for folder in headers),
        )

    @property
    def root(self) -> Path:
        """Where the libraries are installed."""
        return Path("/") if self.sysroot is None else self.sysroot.folder

    def run_made(self, program: Path, *arguments: str | Path, cwd: Path, env: Mapping[str, str]) -> str:
        """Runs what was made for the platform, and returns its output. Raises BuildError."""
        return run(*self.platform.emulator, program, *arguments, cwd=cwd, env=env)

    def installed(self, name: str) -> Package | None:
        """Returns a package of the libraries' or of the compiler's, or None."""
        return (self.sysroot and self.sysroot.packages.get(name)) or debian.installed(name)

    def owner(self, file: Path) -> Package | None:
        """Returns the package that a file belongs to, or None."""
        if self.sysroot is not None and file.is_relative_to(self.sysroot.folder):
            return self.sysroot.owner(file)
        return debian.owner(file)

    def versions(self) -> list[str]:
        """Returns the versions of what CPython is compiled with and against, a line for each."""
        packages = {name: self.installed(name) for name in (*self.platform.packages, *HEADERS)}
        versions = (f"{name} {package.version if package else 'none'}" for name, package in packages.items())
        return [run(self.program("gcc"), "--version"), *versions]


def toolchain(platform: Platform) -> Toolchain:
    """Returns what makes an executable for this platform, after unpacking its sysroot. Raises BuildError where
    something is missing, with the package that has it."""
    compiler, binutils = platform.packages
    _require(f"{platform.tools}gcc", compiler)
    _require(f"{platform.tools}strip", binutils)
    if not platform.emulator:
        return Toolchain(platform, None)
    _require(platform.emulator[0], EMULATOR_PACKAGE)
    version = run(f"{platform.tools}gcc", "-dumpversion").strip()
    return Toolchain(platform, sysroot.sysroot(platform, f"libgcc-{version}-dev"))


def _require(program: str, package: str) -> None:
    if not shutil.which(program):
        raise BuildError(f"{program} is missing: apt-get install {package}")
