"""Releases that are not as they should be, each for one reason, and what is said of them."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import zipfile
from pathlib import Path

import pytest

from build import platform
from build.platform import LINUX_AMD64, LINUX_ARM64, MANUAL, PLATFORMS
from release import contents
from release.checkout import ReleaseError
from tests.release.clones import Done, git, run
from tests.release.conftest import REPOSITORY, Release
from tests.release.test_release import ASSETS, BUILDINFOS, DEBS, EXECUTABLES, RPMS, SBOMS, SDIST, WHEEL
from tests.support.variants import VERSION

ZIPAPP = platform.zipapp(VERSION)
EXECUTABLE, DEB, RPM = EXECUTABLES[LINUX_AMD64], DEBS[LINUX_AMD64], RPMS[LINUX_AMD64]
SBOM, BUILDINFO = SBOMS[LINUX_AMD64], BUILDINFOS[LINUX_AMD64]
OF_ARM64 = sorted(names[LINUX_ARM64] for names in (EXECUTABLES, DEBS, RPMS, SBOMS, BUILDINFOS))


@pytest.fixture
def assets(release: Release, tmp_path: Path) -> Path:
    """A copy that a test may tamper with."""
    return Path(shutil.copytree(release.assets, tmp_path / "assets"))


def verify(release: Release, assets: Path, *arguments: str) -> Done:
    return run(release.checkout, "verify", assets, *arguments)


def list_again(assets: Path) -> None:
    """Sums that agree with what is there."""
    names = sorted(file.name for file in assets.iterdir() if file.name != "checksums.txt")
    said = subprocess.run(["sha256sum", *names], cwd=assets, check=True, capture_output=True).stdout
    (assets / "checksums.txt").write_bytes(said)


def replace(file: Path, old: bytes, new: bytes) -> None:
    content = file.read_bytes()
    assert old in content
    file.write_bytes(content.replace(old, new))


def other_commit(file: Path, module: str) -> None:
    """Another module `_commit` in a zip."""
    with zipfile.ZipFile(file) as archive:
        content = {name: archive.read(name) for name in archive.namelist()}
    assert module in content
    content[module] = b'COMMIT = "0123456789ab"\n'
    with zipfile.ZipFile(file, "w") as archive:
        for name, data in content.items():
            archive.writestr(name, data)


def flip(file: Path, at: int) -> None:
    content = bytearray(file.read_bytes())
    content[at] ^= 0x20
    file.write_bytes(content)


@pytest.mark.parametrize("name", sorted(ASSETS - {"checksums.txt"}))
def test_one_bit(release: Release, assets: Path, name: str) -> None:
    flip(assets / name, (assets / name).stat().st_size // 2)
    sentence = f"{name} is not the file that checksums.txt lists: it is damaged or was replaced\n"
    assert verify(release, assets) == (1, "", sentence)


def test_the_list_and_the_folder_differ(release: Release, assets: Path) -> None:
    """All that is wrong is said at once."""
    (assets / "NOTICE").unlink()
    (assets / "notes.txt").write_text("what is this?")
    lines = (assets / "checksums.txt").read_text().splitlines(keepends=True)
    kept = [line for line in lines if not line.endswith(f"{RPM}\n")]
    (assets / "checksums.txt").write_text("".join([*kept, "nonsense\n"]))
    faults = [
        "checksums.txt has a line that is not a sum and a name: nonsense",
        "NOTICE is missing",
        "notes.txt does not belong to a release",
        f"checksums.txt lacks {RPM}",
    ]
    assert verify(release, assets) == (1, "", "\n".join([*faults, ""]))


def test_no_release(release: Release, assets: Path, tmp_path: Path) -> None:
    (assets / "checksums.txt").unlink()
    assert verify(release, assets) == (1, "", "checksums.txt is missing\n")
    empty = tmp_path / "empty"
    empty.mkdir()
    names = "tfs_model_status_probe_X.Y.Z_linux_amd64 and tfs_model_status_probe_X.Y.Z_linux_arm64"
    wanted = f"must contain the executables of one version, {names}"
    assert verify(release, empty) == (1, "", f"{empty} {wanted}: it has none\n")
    (assets / LINUX_ARM64.executable("1.2.3")).write_text("of an older release")
    two = " and ".join(sorted({"1.2.3", VERSION}))
    assert verify(release, assets) == (1, "", f"{assets} {wanted}: it has those of {two}\n")
    sentence = f"{empty / 'none'} does not exist: name a folder with the files of a release\n"
    assert verify(release, empty / "none") == (1, "", sentence)


def test_another_repository(release: Release, assets: Path) -> None:
    assert verify(release, assets, "--repository", REPOSITORY).exit_code == 0
    done = verify(release, assets, "--repository", "other/tfs-model-status-probe")
    lines = done.stderr.splitlines()
    assert (done.exit_code, len(lines)) == (1, 2 * len(PLATFORMS))
    there = [("lacks", "other/tfs-model-status-probe")] * len(PLATFORMS)
    there += [("has the unexpected line", REPOSITORY)] * len(PLATFORMS)
    for line, (what, repository) in zip(lines, there, strict=True):
        assert line.startswith(f"Dockerfile: it {what} `https://github.com/{repository}/releases/download/")


@pytest.mark.parametrize("name", OF_ARM64)
def test_one_platforms_file_is_missing(release: Release, assets: Path, name: str) -> None:
    """Whether the list knows it or not."""
    (assets / name).unlink()
    assert verify(release, assets) == (1, "", f"{name} is missing\n")
    list_again(assets)
    assert verify(release, assets) == (1, "", f"{name} is missing\n")


def test_no_emulator(monkeypatch: pytest.MonkeyPatch) -> None:
    """What cannot be run here is not skipped."""
    assert contents.emulator(LINUX_AMD64) == ()
    assert contents.emulator(LINUX_ARM64) == LINUX_ARM64.emulator
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(ReleaseError, match=r"^qemu-aarch64-static is missing: apt-get install qemu-user-static$"):
        contents.emulator(LINUX_ARM64)


def test_files_of_two_platforms_that_were_mixed_up(release: Release, assets: Path) -> None:
    """Each file is whole, and stands under the other one's name."""
    for names in (EXECUTABLES, DEBS, RPMS, SBOMS, BUILDINFOS):
        one, another = (assets / names[row] for row in (LINUX_AMD64, LINUX_ARM64))
        one.rename(assets / "moved")
        another.rename(one)
        (assets / "moved").rename(another)
    list_again(assets)
    done = verify(release, assets)
    assert done.exit_code == 1
    for row, other in ((LINUX_AMD64, LINUX_ARM64), (LINUX_ARM64, LINUX_AMD64)):
        name = EXECUTABLES[row]
        assert f"{BUILDINFOS[row]}: it is of another executable than {name}\n" in done.stderr
        assert f"{name}: it is not an executable for {row.name}\n" in done.stderr
        assert f"{DEBS[row]}: its metadata is tfs-model-status-probe {VERSION} {other.deb}\n" in done.stderr
        assert f"{RPMS[row]}: its metadata is tfs-model-status-probe {VERSION} {other.rpm}\n" in done.stderr


def test_the_other_platforms_executable_in_a_deb(release: Release, assets: Path, tmp_path: Path) -> None:
    subprocess.run(["dpkg-deb", "--raw-extract", assets / DEB, tmp_path / "deb"], check=True)
    shutil.copy(assets / EXECUTABLES[LINUX_ARM64], tmp_path / "deb/usr/bin/tfs_model_status_probe")
    subprocess.run(["dpkg-deb", "--build", tmp_path / "deb", assets / DEB], check=True, capture_output=True)
    list_again(assets)
    which = f"{EXECUTABLES[LINUX_ARM64]}, and not {EXECUTABLES[LINUX_AMD64]}"
    sentence = f"{DEB}: its /usr/bin/tfs_model_status_probe is {which}\n"
    assert verify(release, assets) == (1, "", sentence)


def test_files_that_the_list_vouches_for(release: Release, assets: Path, tmp_path: Path) -> None:
    """Somebody changed most of the files, and their sums with them. Every fault is told."""
    other_commit(assets / ZIPAPP, "site-packages/tfs_model_status_probe/_commit.py")
    other_commit(assets / WHEEL, "tfs_model_status_probe/_commit.py")
    subprocess.run(["dpkg-deb", "--raw-extract", assets / DEB, tmp_path / "deb"], check=True)
    replace(tmp_path / "deb/usr/bin/tfs_model_status_probe", b"Servable state is", b"Servable state was")
    subprocess.run(["dpkg-deb", "--build", tmp_path / "deb", assets / DEB], check=True, capture_output=True)
    os.truncate(assets / RPM, (assets / RPM).stat().st_size // 2)
    sbom = json.loads((assets / SBOM).read_text())
    left_out = sbom["components"].pop()
    (assets / SBOM).write_text(json.dumps(sbom))
    openssl = next(part for part in sbom["components"] if part["name"] == "openssl")["version"]
    replace(assets / MANUAL.page, b"AVAILABLE", b"available")
    replace(assets / "NOTICE", f"openssl {openssl}".encode(), b"openssl 1.1.1")
    replace(assets / "Dockerfile", b"ARG TFS_PROBE_SHA256_ARM64=", b"ARG TFS_PROBE_SHA256_ARM64=0")
    list_again(assets)

    done = verify(release, assets)
    version = f"tfs_model_status_probe {VERSION} (commit {git(release.checkout, 'rev-parse', '--short=12', 'HEAD')},"
    other = f"-version does not begin with `{version}`, but is: tfs_model_status_probe {VERSION} (commit 0123456789ab, "
    digest = re.search("SHA256_ARM64=0(.*)", (assets / "Dockerfile").read_text())
    assert digest
    in_packages = [
        f"{name}: {fault}"
        for name in (DEBS[LINUX_ARM64], RPMS[LINUX_ARM64])
        for fault in (
            "its /usr/share/doc/tfs-model-status-probe/NOTICE is not NOTICE",
            f"its man page is not {MANUAL.page}",
        )
    ]
    expected = (
        f"{DEB}: its /usr/bin/tfs_model_status_probe is not {EXECUTABLE}",
        f"{DEB}: its /usr/share/doc/tfs-model-status-probe/NOTICE is not NOTICE",
        f"{DEB}: its man page is not {MANUAL.page}",
        f"{RPM} cannot be read or run: ",
        f"{SBOM}: it lacks {left_out['name']} {left_out['version']}, which is linked in",
        *in_packages,
        f"{ZIPAPP}: {other}",
        f"{WHEEL}: {other}",
        f"{SDIST}: what it builds is not {WHEEL}",
        f"{MANUAL.page}: it is not what this checkout makes",
        f"NOTICE: it lacks openssl {openssl}, which is linked in",
        f"Dockerfile: it lacks `ARG TFS_PROBE_SHA256_ARM64={digest[1]}`",
        f"Dockerfile: it has the unexpected line `ARG TFS_PROBE_SHA256_ARM64=0{digest[1]}`",
    )
    told = done.stderr.splitlines()
    assert (done.exit_code, len(told)) == (1, len(expected)), done.stderr
    for line, sentence in zip(told, expected, strict=True):
        assert line.startswith(sentence)


def test_another_executable(release: Release, assets: Path) -> None:
    """Its own checksums tell that it was changed; what speaks of it speaks of another one."""
    replace(assets / EXECUTABLE, b"Servable state is", b"Servable state iz")
    list_again(assets)
    done = verify(release, assets)
    assert done.exit_code == 1
    assert f"{BUILDINFO}: it is of another executable than {EXECUTABLE}\n" in done.stderr
    assert f"{EXECUTABLE}: its checksums are not those of its content\n" in done.stderr
    assert f"{RPM}: its /usr/bin/tfs_model_status_probe is not {EXECUTABLE}\n" in done.stderr
    assert "Dockerfile: it lacks `ARG TFS_PROBE_SHA256_AMD64=" in done.stderr


def test_an_executable_that_is_none(release: Release, assets: Path) -> None:
    (assets / EXECUTABLE).write_text("#!/bin/sh\n")
    list_again(assets)
    done = verify(release, assets)
    assert done.exit_code == 1
    assert f"\n{EXECUTABLE}: " in done.stderr


def test_another_buildinfo(release: Release, assets: Path) -> None:
    """Of other packages, and of a commit that is not the checkout's."""
    found = json.loads((assets / BUILDINFO).read_text())
    zlib = next(part for part in found["linked"] if part["source"] == "zlib")
    was, zlib["version"] = zlib["version"], "1:9.9-1"
    found["commit"] = "0123456789ab"
    (assets / BUILDINFO).write_text(json.dumps(found))
    list_again(assets)
    done = verify(release, assets)
    assert done.exit_code == 1
    assert f"{BUILDINFO}: it is of commit 0123456789ab, and this checkout is " in done.stderr
    assert f"{SBOM}: it lacks zlib 1:9.9-1, which is linked in\n" in done.stderr
    assert f"{SBOM}: it has zlib {was}, which is not linked in\n" in done.stderr
    assert "NOTICE: it lacks zlib 1:9.9-1, which is linked in\n" in done.stderr
    assert f"{EXECUTABLE}: -version does not begin with `tfs_model_status_probe {VERSION} (commit 0123456789ab,`" in (
        done.stderr
    )
    (assets / BUILDINFO).write_text("{}")
    list_again(assets)
    assert verify(release, assets) == (1, "", f"{BUILDINFO} is not a buildinfo of this program: 'executable'\n")
