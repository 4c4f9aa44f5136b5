"""What a build for another platform needs, and what is said where it is missing."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

import pytest

from build import sysroot
from build.command import BuildError
from build.platform import LINUX_ARM64, PLATFORMS
from build.shared.debian import SYSROOT_INDEX
from tests.frozen.mirror import make_mirror
from tests.support.variants import ROOT

COMPILER, STRIP, EMULATOR = "aarch64-linux-gnu-gcc", "aarch64-linux-gnu-strip", "qemu-aarch64-static"


def freeze(platform: str, folder: Path, programs: Iterable[str]) -> subprocess.CompletedProcess[str]:
    """Builds where these are the only programs; each is this machine's compiler, which has a version at least."""
    (folder / "bin").mkdir()
    (folder / "bin" / "ldd").symlink_to(str(shutil.which("ldd")))  # PyInstaller wants it
    for name in programs:
        (folder / "bin" / name).symlink_to(str(shutil.which("gcc")))
    return subprocess.run(
        [sys.executable, "-m", "build.freeze", str(folder / "out"), platform],
        cwd=ROOT,
        env=os.environ | {"PATH": str(folder / "bin")},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize(
    ("platform", "programs", "sentence"),
    [
        ("linux_arm", (), "there is no executable for 'linux_arm': the platform must be linux_amd64 or linux_arm64"),
        ("linux_amd64", (), "gcc is missing: apt-get install gcc"),
        ("linux_arm64", ("gcc",), f"{COMPILER} is missing: apt-get install gcc-aarch64-linux-gnu"),
        ("linux_arm64", (COMPILER,), f"{STRIP} is missing: apt-get install binutils-aarch64-linux-gnu"),
        ("linux_arm64", (COMPILER, STRIP), f"{EMULATOR} is missing: apt-get install qemu-user-static"),
    ],
)
def test_what_is_missing_is_named(platform: str, programs: tuple[str, ...], sentence: str, tmp_path: Path) -> None:
    done = freeze(platform, tmp_path, programs)
    assert (done.returncode, done.stdout, done.stderr) == (1, "", f"{sentence}\n")
    assert not (tmp_path / "out").exists()


@pytest.fixture
def unpacked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A sysroot in which all static libraries are, as empty files of two packages."""
    monkeypatch.setattr(sysroot, "SYSROOTS", tmp_path / "sysroot")
    root = tmp_path / "sysroot" / LINUX_ARM64.name
    libraries = root / "usr" / "lib" / LINUX_ARM64.triple
    libraries.mkdir(parents=True)
    owners = {}
    for name, package in sysroot.STATIC.items():
        (libraries / name).touch()
        owners[f"usr/lib/{LINUX_ARM64.triple}/{name}"] = package
    packages = {
        name: {"name": name, "version": "1:2-3", "source": f"{name}-source", "source_version": "2-3"}
        for name in set(sysroot.STATIC.values())
    }
    (root / SYSROOT_INDEX).write_text(json.dumps({"packages": packages, "owners": owners}))
    return libraries


@pytest.mark.parametrize(("library", "package"), sysroot.STATIC.items())
def test_a_static_library_that_is_not_in_the_sysroot(unpacked: Path, library: str, package: str) -> None:
    (unpacked / library).unlink()
    place = unpacked.parent.parent.parent
    with pytest.raises(BuildError) as raised:
        sysroot.sysroot(LINUX_ARM64, "libgcc-12-dev")
    assert str(raised.value) == (
        f"{place} has no {library}, which is in {package}:arm64: remove that folder, and build again"
    )


def test_the_package_of_a_file_in_the_sysroot(unpacked: Path) -> None:
    found = sysroot.sysroot(LINUX_ARM64, "libgcc-12-dev")
    package = found.owner(unpacked / "libssl.a")
    assert package and (package.name, package.source_version) == ("libssl-dev", "2-3")
    assert found.owner(unpacked / "libother.a") is None


@pytest.mark.parametrize(
    ("trusted", "complaint"), [(True, "Unable to locate package libgcc-12-dev"), (False, "is not signed")]
)
def test_a_mirror_that_cannot_be_used(
    trusted: bool, complaint: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It lacks a package, or a signature: apt says so, and nothing is left that the next build would take for a
    sysroot."""
    monkeypatch.setattr(sysroot, "SYSROOTS", tmp_path / "sysroot")
    mirror = make_mirror(tmp_path, {"libssl_dev": "3.0-1"}, LINUX_ARM64.deb, trusted)
    monkeypatch.setenv("APT_CONFIG", str(mirror))
    with pytest.raises(BuildError, match=complaint):
        sysroot.sysroot(LINUX_ARM64, "libgcc-12-dev")
    assert not (tmp_path / "sysroot" / LINUX_ARM64.name).exists()


def test_system_packages_knows_each_platform() -> None:
    """The group is named after the platform, and has the programs that the build asks for."""
    script = (ROOT / "build" / "system_packages.sh").read_text()
    for row in PLATFORMS:
        if row.emulator:
            assert f"*' {row.name} '*)" in script
            assert f"need_command {row.tools}gcc {row.packages[0]}\n" in script
            assert f"need_command {row.emulator[0]} " in script
