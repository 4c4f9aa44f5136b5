"""A whole release: what is in it, by other tools than those that made it."""

from __future__ import annotations

import gzip
import hashlib
import os
import re
import shutil
import subprocess
import sys
import venv
from pathlib import Path

import pytest

from build import platform
from build.platform import LINUX_AMD64, LINUX_ARM64, MANUAL, PLATFORMS, Platform
from release.contents import emulator
from tests.release.clones import git
from tests.release.conftest import REPOSITORY, Release
from tests.support.variants import VERSION

EXECUTABLES = {row: row.executable(VERSION) for row in PLATFORMS}
DEBS = {row: row.deb_file(VERSION) for row in PLATFORMS}
RPMS = {row: row.rpm_file(VERSION) for row in PLATFORMS}
BUILDINFOS = {row: row.buildinfo(VERSION) for row in PLATFORMS}
SBOMS = {row: f"{name}.cdx.json" for row, name in EXECUTABLES.items()}
WHEEL = f"tfs_model_status_probe-{VERSION}-py3-none-any.whl"
SDIST = f"tfs_model_status_probe-{VERSION}.tar.gz"
ASSETS = {
    *(name for names in (EXECUTABLES, DEBS, RPMS, BUILDINFOS, SBOMS) for name in names.values()),
    *(platform.zipapp(VERSION), WHEEL, SDIST, *MANUAL, "Dockerfile", "NOTICE", "checksums.txt"),
}
EVERY_PLATFORM = pytest.mark.parametrize("row", PLATFORMS, ids=[row.name for row in PLATFORMS])
INSTALLED = {
    "/usr/share/doc/tfs-model-status-probe/NOTICE": "NOTICE",
    "/usr/share/doc/tfs-model-status-probe/copyright": "../../LICENSE",
    "/usr/share/doc/tfs-model-status-probe/CHANGELOG.md": "../../CHANGELOG.md",
    "/usr/share/bash-completion/completions/tfs_model_status_probe": MANUAL.bash,
    "/usr/share/fish/vendor_completions.d/tfs_model_status_probe.fish": MANUAL.fish,
}
MACHINES = {"EM_X86_64": "Advanced Micro Devices X86-64", "EM_AARCH64": "AArch64"}
"""As readelf names them."""
PROBE = "/usr/bin/tfs_model_status_probe"
PAGE = "/usr/share/man/man1/tfs_model_status_probe.1.gz"
ZSH = {"deb": "/usr/share/zsh/vendor-completions/", "rpm": "/usr/share/zsh/site-functions/"}


def run(*command: str | Path, cwd: Path | None = None, env: dict[str, str] | None = None) -> str:
    done = subprocess.run(list(map(str, command)), cwd=cwd, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def sha256(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


def version(release: Release) -> str:
    """How every form of the program begins its answer to -version."""
    commit = git(release.checkout, "rev-parse", "--short=12", "HEAD")
    return f"tfs_model_status_probe {VERSION} (commit {commit}, CPython "


def check_installed(root: Path, release: Release, packager: str, row: Platform) -> None:
    """The files of a package, and nothing else, as they are among the assets."""
    found = {f"/{file.relative_to(root)}" for file in root.rglob("*") if file.is_file()}
    own = {PROBE: EXECUTABLES[row], PAGE: MANUAL.page, ZSH[packager] + MANUAL.zsh: MANUAL.zsh}
    installed = INSTALLED | own
    assert {file for file in found if not file.startswith("/var/lib/")} == set(installed)
    for path, original in installed.items():
        file = root / path[1:]
        content = gzip.decompress(file.read_bytes()) if path == PAGE else file.read_bytes()
        assert content == (release.assets / original).read_bytes(), path
        assert file.stat().st_mode & 0o7777 == (0o755 if "/bin/" in path else 0o644), path
        assert file.stat().st_mtime == int(git(release.checkout, "log", "-1", "--format=%ct"))
    assert run(*emulator(row), root / PROBE[1:], "-version").startswith(version(release))


def test_all_assets_and_nothing_else(release: Release) -> None:
    assert {file.name for file in release.assets.iterdir()} == ASSETS
    assert {file.name for file in release.assets.parent.iterdir()} == {"release", "release-notes.md"}
    assert all(os.access(release.assets / name, os.X_OK) for name in EXECUTABLES.values())
    # The size and the name of each are the last that one sees.
    listed = re.findall(r"^ *(\d+)  dist/release/(\S+)$", release.said, re.MULTILINE)
    assert {(int(size), name) for size, name in listed} == {
        (file.stat().st_size, file.name) for file in release.assets.iterdir()
    }


def test_nothing_is_left_in_the_checkout(release: Release) -> None:
    assert git(release.checkout, "status", "--porcelain") == ""
    assert not list((release.checkout / ".cache").glob("release-*"))


def test_checksums(release: Release) -> None:
    said = run("sha256sum", "--check", "--strict", "checksums.txt", cwd=release.assets)
    assert {line.removesuffix(": OK") for line in said.splitlines()} == ASSETS - {"checksums.txt"}


def test_every_form_says_its_version_and_commit(release: Release) -> None:
    for row, name in EXECUTABLES.items():
        assert run(*emulator(row), release.assets / name, "-version").startswith(version(release))
    zipapp = release.assets / platform.zipapp(VERSION)
    assert run(sys.executable, zipapp, "-version").startswith(version(release))


@EVERY_PLATFORM
def test_the_executable_is_for_its_platform(release: Release, row: Platform) -> None:
    """By binutils, which did not make it for every platform."""
    said = run("readelf", "--file-header", "--wide", release.assets / EXECUTABLES[row])
    assert re.findall(r"^ +Machine: +(.*)$", said, re.MULTILINE) == [MACHINES[row.elf_machine]]


def test_the_wheel_installs_without_a_network(release: Release, tmp_path: Path) -> None:
    venv.create(tmp_path / "venv", with_pip=True)
    run(tmp_path / "venv/bin/pip", "install", "--no-index", release.assets / WHEEL, env={"PATH": os.environ["PATH"]})
    assert run(tmp_path / "venv/bin/tfs_model_status_probe", "-version").startswith(version(release))
    names = run(sys.executable, "-m", "zipfile", "--list", release.assets / WHEEL)
    assert "tfs_model_status_probe/_commit.py" in names
    assert not re.search(r"^(build|tests|release|probe)/", names, re.MULTILINE)


def test_the_source_distribution_has_what_the_repository_has(release: Release, tmp_path: Path) -> None:
    """All but what is for git alone, and with the commit; its own Makefile finds everything that it names."""
    listed = set(run("tar", "--list", "--file", release.assets / SDIST).split())
    here = {file for file in git(release.checkout, "ls-files").split("\n") if file != ".gitignore"}
    folder = f"tfs_model_status_probe-{VERSION}"
    there = {name.removeprefix(f"{folder}/") for name in listed}
    assert there - here == {".gitignore", "PKG-INFO", "probe/_commit.py"}
    assert here - there == set()


@EVERY_PLATFORM
def test_the_deb_installs(release: Release, tmp_path: Path, row: Platform) -> None:
    database = tmp_path / "root" / "var" / "lib" / "dpkg"
    (database / "info").mkdir(parents=True)
    (database / "updates").mkdir()
    (database / "status").touch()
    dpkg = ("dpkg", f"--root={tmp_path / 'root'}", "--force-not-root", f"--log={tmp_path / 'log'}")
    run(*dpkg, "--add-architecture", row.deb)
    run(*dpkg, "--install", release.assets / DEBS[row])
    check_installed(tmp_path / "root", release, "deb", row)
    assert run(*dpkg, "--audit") == ""
    shown = run("dpkg-query", f"--admindir={database}", "--show", "--showformat=${Package} ${Version} ${Architecture}")
    assert shown == f"tfs-model-status-probe {VERSION} {row.deb}"
    run(*dpkg, "--purge", f"tfs-model-status-probe:{row.deb}")
    assert not (tmp_path / "root" / "usr").exists()


@EVERY_PLATFORM
def test_the_rpm_installs(release: Release, tmp_path: Path, row: Platform) -> None:
    rpm = ("rpm", "--root", tmp_path / "root", "--dbpath", "/var/lib/rpm")
    (tmp_path / "root").mkdir()
    file = release.assets / RPMS[row]
    assert "digests OK" in run(*rpm, "--checksig", file)
    shown = run(*rpm, "--query", "--queryformat", "%{NAME} %{VERSION}-%{RELEASE} %{ARCH}", "-p", file)
    assert shown == f"tfs-model-status-probe {VERSION}-1 {row.rpm}"
    # What every rpm needs of rpm itself is in no database here.
    run(*rpm, "--install", "--nodeps", "--ignorearch", file)
    check_installed(tmp_path / "root", release, "rpm", row)
    assert run(*rpm, "--verify", "--nodeps", "tfs-model-status-probe") == ""
    requires = run(*rpm, "--query", "--requires", "tfs-model-status-probe").split("\n")
    assert all(line.startswith("rpmlib(") for line in requires if line)


def test_the_dockerfile_is_the_releases(release: Release) -> None:
    text = (release.assets / "Dockerfile").read_text()
    assert f"ARG TFS_PROBE_VERSION={VERSION}\n" in text
    for argument, row in (("AMD64", LINUX_AMD64), ("ARM64", LINUX_ARM64)):
        assert f"ARG TFS_PROBE_SHA256_{argument}={sha256(release.assets / EXECUTABLES[row])}\n" in text
    assert text.count(f"https://github.com/{REPOSITORY}/releases/download/") == len(PLATFORMS)
    assert "OWNER" not in text


def test_the_notes(release: Release) -> None:
    """What changed comes first; then the linked packages, and commands of which the first can be run here."""
    changelog = (release.checkout / "CHANGELOG.md").read_text()
    section = changelog.split(f"## [{VERSION}]", 1)[1].split("\n", 1)[1].split("\n## [", 1)[0].strip()
    assert release.notes.startswith(f"{section}\n\n## What is linked into the executables\n")
    openssl = run("dpkg-query", "--show", "--showformat=${source:Version}", "libssl-dev")
    assert f"| OpenSSL | `openssl` | {openssl} | Apache-2.0 |\n" in release.notes
    commands = release.notes.split("```")[1].strip().splitlines()
    assert commands[0] == "sha256sum --check --ignore-missing checksums.txt"
    assert run(*commands[0].split(), cwd=release.assets)
    for name in EXECUTABLES.values():
        assert f"gh attestation verify {name} --repo {REPOSITORY}" in commands
    assert f"github.com/{REPOSITORY}/.github/workflows/release.yml@refs/tags/v{VERSION}" in release.notes
    assert f"`ghcr.io/{REPOSITORY}:{VERSION}`" in release.notes
    assert "OWNER" not in release.notes


def test_a_download_is_verified(release: Release, tmp_path: Path) -> None:
    """Files that were fetched have lost their permissions; signatures have come along."""
    for file in release.assets.iterdir():
        shutil.copyfile(file, tmp_path / file.name)
    (tmp_path / "checksums.txt.sigstore.json").write_text("{}")
    command = ("make", "--old-file=.venv/ready", "verify-release", f"ASSETS={tmp_path}", f"REPOSITORY={REPOSITORY}")
    env = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
    said = run(*command, cwd=release.checkout, env=env)
    assert said.endswith(f"\n{len(ASSETS)} files of release {VERSION} are valid\n")
